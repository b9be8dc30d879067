/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

void strmap_init(struct strmap *map)
{
    hmap_init(&map->map);
}

void strmap_clear(struct strmap *map)
{
    struct strmap_node *node;
    STRMAP_FOR_EACH_SAFE(node, map)
    {
        free(node);
    }
    hmap_clear(&map->map);
}

void strmap_fini(struct strmap *map)
{
    if (map) {
        strmap_clear(map);
        hmap_fini(&map->map);
    }
}

struct strmap_node *strmap_find(const struct strmap *map, const char *key)
{
    struct strmap_node *node;
    HMAP_FOR_EACH_WITH_HASH (node, node, hash_string(key, 0), &map->map) {
        if (!strcmp(node->key, key)) {
            return node;
        }
    }
    return NULL;
}

void *strmap_get(const struct strmap *map, const char *key)
{
    struct strmap_node *node = strmap_find(map, key);
    return node ? node->value : NULL;
}

void *strmap_put(struct strmap *map, const char *key, void *value)
{
    struct strmap_node *node = strmap_find(map, key);
    if (node) {
        void *old = node->value;
        node->value = value;
        return old;
    }
    size_t size = strlen(key) + 1;
    node = xmalloc(sizeof *node + size);
    memcpy(node->key, key, size);
    node->value = value;
    hmap_insert(&map->map, &node->node, hash_string(key, 0));
    return NULL;
}

void strmap_remove_node(struct strmap *map, struct strmap_node *node)
{
    hmap_remove(&map->map, &node->node);
    free(node);
}

void *strmap_remove(struct strmap *map, const char *key)
{
    struct strmap_node *node = strmap_find(map, key);
    void *value = NULL;
    if (node) {
        value = node->value;
        strmap_remove_node(map, node);
    }
    return value;
}

static int compare_keys(const void *a_, const void *b_)
{
    const struct strmap_node *const *a = a_, *const *b = b_;
    return strcmp((*a)->key, (*b)->key);
}

struct strmap_node **strmap_sorted(const struct strmap *map)
{
    struct strmap_node **nodes = xmalloc(strmap_count(map) * sizeof *nodes), *node;
    size_t n = 0;
    STRMAP_FOR_EACH (node, map) {
        nodes[n++] = node;
    }
    qsort(nodes, n, sizeof *nodes, compare_keys);
    return nodes;
}
