/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Hash map with chaining, intrusive: the user embeds a `struct hmap_node`, computes the hash
 * (base/hash.h) and compares keys. Grows by itself, never shrinks by itself. A node moves never, so pointers
 * to members stay valid. Duplicates are the user's choice.
 * Thread-safety: none; the owner serialises. For lock-free readers see base/rcu.h and match/. */
#ifndef BASE_HMAP_H
#define BASE_HMAP_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct hmap_node {
    struct hmap_node *next; /* in the bucket */
    uint32_t hash;
};

struct hmap {
    struct hmap_node **buckets; /* `one` while the map has a single bucket */
    struct hmap_node *one;
    uint32_t mask; /* number of buckets, less 1 */
    size_t n;
};

void hmap_init(struct hmap *);
void hmap_fini(struct hmap *);  /* frees the buckets, not the nodes */
void hmap_clear(struct hmap *); /* forgets all nodes */
void hmap_reserve(struct hmap *, size_t n);
void hmap_grow(struct hmap *); /* internal */

static inline size_t hmap_count(const struct hmap *map)
{
    return map->n;
}
static inline bool hmap_is_empty(const struct hmap *map)
{
    return map->n == 0;
}

static inline void hmap_insert(struct hmap *map, struct hmap_node *node, uint32_t hash)
{
    if (unlikely(map->n > (size_t)map->mask * 2)) {
        hmap_grow(map);
    }
    struct hmap_node **bucket = &(map->buckets ? map->buckets : &map->one)[hash & map->mask];
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->n++;
}

void hmap_remove(struct hmap *, struct hmap_node *); /* NODE must be in the map */
void hmap_replace(struct hmap *, const struct hmap_node *old, struct hmap_node *new); /* same hash */

struct hmap_node *hmap_first(const struct hmap *);
struct hmap_node *hmap_next(const struct hmap *, const struct hmap_node *);

/* The first node of bucket I, 0 to `mask`; its `next` lead to the others. For walks in slices: what is not in
 * the map during the whole walk may be met or not, and when `mask` has changed the walk begins anew. */
static inline struct hmap_node *hmap_bucket(const struct hmap *map, size_t i)
{
    return map->buckets ? map->buckets[i] : map->one;
}

static inline struct hmap_node *hmap_first_with_hash(const struct hmap *map, uint32_t hash)
{
    struct hmap_node *node = map->buckets ? map->buckets[hash & map->mask] : map->one;
    while (node && node->hash != hash) {
        node = node->next;
    }
    return node;
}
static inline struct hmap_node *hmap_next_with_hash(const struct hmap_node *node)
{
    struct hmap_node *next = node->next;
    while (next && next->hash != node->hash) {
        next = next->next;
    }
    return next;
}

#define HMAP_OBJECT(NODE, OBJ, MEMBER) ((NODE) ? OBJECT_OF(NODE, OBJ, MEMBER) : NULL)

/* Loops may be nested: each has iteration variables of its own line. */
#define HMAP_PASTE__(A, B) A##B
#define HMAP_PASTE_(A, B)  HMAP_PASTE__(A, B)
#define HMAP_VAR(NAME)     HMAP_PASTE_(NAME, __LINE__)

/* The body may not insert; it may remove ITER only in the _SAFE form. In no particular order. */
#define HMAP_FOR_EACH(ITER, MEMBER, HMAP)                                                                    \
    for (struct hmap_node * HMAP_VAR(iter_) = hmap_first(HMAP);                                              \
         (ITER = HMAP_OBJECT(HMAP_VAR(iter_), ITER, MEMBER)) != NULL;                                        \
         HMAP_VAR(iter_) = hmap_next(HMAP, HMAP_VAR(iter_)))
#define HMAP_FOR_EACH_SAFE(ITER, MEMBER, HMAP)                                                               \
    for (struct hmap_node * HMAP_VAR(iter_) = hmap_first(HMAP), *HMAP_VAR(next_);                            \
         (ITER = HMAP_OBJECT(HMAP_VAR(iter_), ITER, MEMBER)) != NULL &&                                      \
         ((HMAP_VAR(next_) = hmap_next(HMAP, HMAP_VAR(iter_))), true);                                       \
         HMAP_VAR(iter_) = HMAP_VAR(next_))
#define HMAP_FOR_EACH_WITH_HASH(ITER, MEMBER, HASH, HMAP)                                                    \
    for (struct hmap_node * HMAP_VAR(iter_) = hmap_first_with_hash(HMAP, HASH);                              \
         (ITER = HMAP_OBJECT(HMAP_VAR(iter_), ITER, MEMBER)) != NULL;                                        \
         HMAP_VAR(iter_) = hmap_next_with_hash(HMAP_VAR(iter_)))

#endif
