/* SPDX-License-Identifier: Apache-2.0 */
#include "base/smap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

void smap_init(struct smap *map)
{
    *map = (struct smap)SMAP_INITIALIZER;
}

void smap_clear(struct smap *map)
{
    for (size_t i = 0; i < map->n; i++) {
        free(map->entries[i].key);
        free(map->entries[i].value);
    }
    map->n = 0;
}

void smap_fini(struct smap *map)
{
    if (map) {
        smap_clear(map);
        free(map->entries);
        smap_init(map);
    }
}

void smap_clone(struct smap *dst, const struct smap *src)
{
    dst->n = dst->allocated = src->n;
    dst->entries = src->n ? xmalloc(src->n * sizeof *dst->entries) : NULL;
    for (size_t i = 0; i < src->n; i++) {
        dst->entries[i] = (struct smap_entry){xstrdup(src->entries[i].key), xstrdup(src->entries[i].value)};
    }
}

void smap_swap(struct smap *a, struct smap *b)
{
    struct smap t = *a;
    *a = *b;
    *b = t;
}

bool smap_equal(const struct smap *a, const struct smap *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->entries[i].key, b->entries[i].key) ||
            strcmp(a->entries[i].value, b->entries[i].value)) {
            return false;
        }
    }
    return true;
}

/* Where KEY is or belongs. */
static size_t position_of(const struct smap *map, const char *key, bool *found)
{
    size_t low = 0, high = map->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(map->entries[middle].key, key);
        if (!order) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found = false;
    return low;
}

static void set_value(struct smap *map, const char *key, char *value)
{
    bool found;
    size_t i = position_of(map, key, &found);
    if (found) {
        free(map->entries[i].value);
    } else {
        if (map->n == map->allocated) {
            map->entries = x2nrealloc(map->entries, &map->allocated, sizeof *map->entries);
        }
        memmove(&map->entries[i + 1], &map->entries[i], (map->n - i) * sizeof *map->entries);
        map->n++;
        map->entries[i].key = xstrdup(key);
    }
    map->entries[i].value = value;
}

void smap_set(struct smap *map, const char *key, const char *value)
{
    set_value(map, key, xstrdup(value));
}

void smap_set_format(struct smap *map, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_value(map, key, xvasprintf(format, args));
    va_end(args);
}

bool smap_remove(struct smap *map, const char *key)
{
    bool found;
    size_t i = position_of(map, key, &found);
    if (found) {
        free(map->entries[i].key);
        free(map->entries[i].value);
        map->n--;
        memmove(&map->entries[i], &map->entries[i + 1], (map->n - i) * sizeof *map->entries);
    }
    return found;
}

const char *smap_get(const struct smap *map, const char *key)
{
    bool found;
    size_t i = position_of(map, key, &found);
    return found ? map->entries[i].value : NULL;
}

const char *smap_get_default(const struct smap *map, const char *key, const char *fallback)
{
    const char *value = smap_get(map, key);
    return value ? value : fallback;
}

bool smap_get_bool(const struct smap *map, const char *key, bool fallback)
{
    const char *value = smap_get(map, key);
    if (!value) {
        return fallback;
    }
    return fallback ? strcasecmp(value, "false") != 0 : strcasecmp(value, "true") == 0;
}

int64_t smap_get_int(const struct smap *map, const char *key, int64_t fallback)
{
    const char *value = smap_get(map, key);
    if (!value) {
        return fallback;
    }
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 0);
    return errno || end == value || *end ? fallback : v;
}

uint64_t smap_get_uint(const struct smap *map, const char *key, uint64_t fallback)
{
    const char *value = smap_get(map, key);
    if (!value || strchr(value, '-')) {
        return fallback;
    }
    char *end;
    errno = 0;
    unsigned long long v = strtoull(value, &end, 0);
    return errno || end == value || *end ? fallback : v;
}

double smap_get_double(const struct smap *map, const char *key, double fallback)
{
    const char *value = smap_get(map, key);
    if (!value) {
        return fallback;
    }
    char *end;
    errno = 0;
    double v = strtod(value, &end);
    return errno || end == value || *end ? fallback : v;
}
