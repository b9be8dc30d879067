/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Small map from strings to strings, in order of its keys: `other_config`, `options`, `status` and
 * their like. A sorted array, so that two of them compare and print alike at once.
 * Thread-safety: none; the owner serialises. */
#ifndef BASE_SMAP_H
#define BASE_SMAP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct smap_entry {
    char *key, *value;
};

struct smap {
    struct smap_entry *entries; /* by key (strcmp), no two alike */
    size_t n, allocated;
};

#define SMAP_INITIALIZER                                                                                     \
    {                                                                                                        \
        NULL, 0, 0                                                                                           \
    }

void smap_init(struct smap *);
void smap_fini(struct smap *);
void smap_clear(struct smap *);
void smap_clone(struct smap *dst, const struct smap *src); /* DST is uninitialised */
void smap_swap(struct smap *, struct smap *);
bool smap_equal(const struct smap *, const struct smap *);

void smap_set(struct smap *, const char *key, const char *value); /* adds or replaces */
void smap_set_format(struct smap *, const char *key, const char *format, ...) PRINTF_FORMAT(3, 4);
bool smap_remove(struct smap *, const char *key); /* false: was not there */

const char *smap_get(const struct smap *, const char *key); /* NULL: not there */
const char *smap_get_default(const struct smap *, const char *key, const char *fallback);
/* "true" and "false", as the reference reads them: with fallback true, anything but "false" (in any case of
 * letters) is true; with fallback false, anything but "true" is false. */
bool smap_get_bool(const struct smap *, const char *key, bool fallback);
/* Decimal, 0x or 0 notation; the fallback where the value is not wholly a number that fits. */
int64_t smap_get_int(const struct smap *, const char *key, int64_t fallback);
uint64_t smap_get_uint(const struct smap *, const char *key, uint64_t fallback);
double smap_get_double(const struct smap *, const char *key, double fallback);

#define SMAP_FOR_EACH(ENTRY, SMAP)                                                                           \
    for (const struct smap_entry *ENTRY = (SMAP)->entries; ENTRY != (SMAP)->entries + (SMAP)->n; ENTRY++)

#endif
