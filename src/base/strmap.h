/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Map from strings to pointers. Keys are copied; values are the user's: never freed here.
 * Thread-safety: none; the owner serialises. */
#ifndef BASE_STRMAP_H
#define BASE_STRMAP_H 1

#include "base/hmap.h"

struct strmap_node {
    struct hmap_node node;
    void *value;
    char key[];
};

struct strmap {
    struct hmap map;
};

void strmap_init(struct strmap *);
void strmap_fini(struct strmap *); /* values are left alone */
void strmap_clear(struct strmap *);
static inline size_t strmap_count(const struct strmap *map)
{
    return map->map.n;
}
static inline bool strmap_is_empty(const struct strmap *map)
{
    return map->map.n == 0;
}

/* Sets KEY's value. Returns the value that it replaces, NULL if there was none. */
void *strmap_put(struct strmap *, const char *key, void *value);
void *strmap_get(const struct strmap *, const char *key); /* NULL: not there */
struct strmap_node *strmap_find(const struct strmap *, const char *key);
void *strmap_remove(struct strmap *, const char *key); /* the value; NULL: was not there */
void strmap_remove_node(struct strmap *, struct strmap_node *);

/* All nodes, in order of their keys (strcmp). An array of strmap_count() pointers, the caller's to free. */
struct strmap_node **strmap_sorted(const struct strmap *);

/* The body may remove NODE only in the _SAFE form; it may not insert. */
#define STRMAP_FOR_EACH(NODE, MAP)      HMAP_FOR_EACH (NODE, node, &(MAP)->map)
#define STRMAP_FOR_EACH_SAFE(NODE, MAP) HMAP_FOR_EACH_SAFE (NODE, node, &(MAP)->map)

#endif
