/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Set of strings, copied in. Thread-safety: none; the owner serialises. */
#ifndef BASE_STRSET_H
#define BASE_STRSET_H 1

#include "base/strmap.h"

struct strset {
    struct strmap map;
};

void strset_init(struct strset *);
void strset_fini(struct strset *);
void strset_clear(struct strset *);
void strset_clone(struct strset *dst, const struct strset *src); /* DST is uninitialised */
static inline size_t strset_count(const struct strset *set)
{
    return strmap_count(&set->map);
}
static inline bool strset_is_empty(const struct strset *set)
{
    return strmap_is_empty(&set->map);
}
bool strset_add(struct strset *, const char *);    /* false: was there */
bool strset_remove(struct strset *, const char *); /* false: was not there */
bool strset_contains(const struct strset *, const char *);
bool strset_equal(const struct strset *, const struct strset *);
/* Adds the parts of S between any of the characters of DELIMITERS; empty parts do not count. */
void strset_add_split(struct strset *, const char *s, const char *delimiters);
/* The strings, sorted (strcmp). An array of strset_count(), the caller's to free; the strings stay the set's.
 */
const char **strset_sorted(const struct strset *);
/* The sorted strings with DELIMITER between them, the caller's to free. */
char *strset_join(const struct strset *, const char *delimiter);

#define STRSET_FOR_EACH(NODE, SET)      STRMAP_FOR_EACH (NODE, &(SET)->map) /* NODE->key */
#define STRSET_FOR_EACH_SAFE(NODE, SET) STRMAP_FOR_EACH_SAFE(NODE, &(SET)->map)

#endif
