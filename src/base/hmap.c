/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hmap.h"

#include <stdlib.h>

#include "base/alloc.h"

static struct hmap_node **buckets_of(const struct hmap *map)
{
    return map->buckets ? map->buckets : (struct hmap_node **)&map->one;
}

void hmap_init(struct hmap *map)
{
    *map = (struct hmap){.buckets = NULL};
}

void hmap_fini(struct hmap *map)
{
    if (map) {
        free(map->buckets);
        hmap_init(map);
    }
}

void hmap_clear(struct hmap *map)
{
    for (size_t i = 0; i <= map->mask; i++) {
        buckets_of(map)[i] = NULL;
    }
    map->n = 0;
}

static void resize(struct hmap *map, uint32_t mask)
{
    struct hmap_node **buckets = xcalloc((size_t)mask + 1, sizeof *buckets);
    for (size_t i = 0; i <= map->mask; i++) {
        struct hmap_node *next;
        for (struct hmap_node *node = buckets_of(map)[i]; node; node = next) {
            next = node->next;
            node->next = buckets[node->hash & mask];
            buckets[node->hash & mask] = node;
        }
    }
    free(map->buckets);
    map->buckets = buckets;
    map->one = NULL;
    map->mask = mask;
}

void hmap_reserve(struct hmap *map, size_t n)
{
    uint32_t mask = map->mask;
    while (mask < UINT32_MAX / 2 && (size_t)mask * 2 < n) {
        mask = mask * 2 + 1;
    }
    if (mask != map->mask) {
        resize(map, mask);
    }
}

void hmap_grow(struct hmap *map)
{
    hmap_reserve(map, map->n * 2 + 2);
}

void hmap_remove(struct hmap *map, struct hmap_node *node)
{
    struct hmap_node **p = &buckets_of(map)[node->hash & map->mask];
    while (*p != node) {
        p = &(*p)->next;
    }
    *p = node->next;
    map->n--;
}

void hmap_replace(struct hmap *map, const struct hmap_node *old, struct hmap_node *new)
{
    struct hmap_node **p = &buckets_of(map)[old->hash & map->mask];
    while (*p != old) {
        p = &(*p)->next;
    }
    *new = *old;
    *p = new;
}

static struct hmap_node *first_from(const struct hmap *map, size_t bucket)
{
    for (; bucket <= map->mask; bucket++) {
        if (buckets_of(map)[bucket]) {
            return buckets_of(map)[bucket];
        }
    }
    return NULL;
}

struct hmap_node *hmap_first(const struct hmap *map)
{
    return map->n ? first_from(map, 0) : NULL;
}

struct hmap_node *hmap_next(const struct hmap *map, const struct hmap_node *node)
{
    return node->next ? node->next : first_from(map, (size_t)(node->hash & map->mask) + 1);
}
