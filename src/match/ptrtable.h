/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Two open-addressed hash tables for lock-free readers and one writer, both one array of 64-bit
 * words:
 *
 *   ptrtable: pointers, found by hash and the user's comparison. 16 bits of the hash stand in the word with
 * the pointer (addresses have 48 bits), so a probe seldom touches what it does not want. bagtable: how many
 * times a 32-bit hash is there.
 *
 * A full array is replaced by a copy, the old one freed after a grace period. What is removed leaves a mark,
 * swept out by the next copy.
 *
 * Thread-safety: find by any number of RCU readers; the rest by one thread at a time. */
#ifndef MATCH_PTRTABLE_H
#define MATCH_PTRTABLE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "match/reclaim.h"

struct word_array {
    uint32_t mask; /* number of words, less 1 */
    uint64_t words[];
};

struct ptrtable {
    struct word_array *array; /* RCU; NULL while empty */
    uint32_t n, n_used;       /* pointers; words that are not empty */
};

#define PTRTABLE_REMOVED 1ull /* a word that had a pointer */
#define PTRTABLE_BITS    48

/* Pointers with HASH's tag: *STATE is 0 to begin with. NULL: no more. */
static inline void *ptrtable_find(const struct ptrtable *table, uint32_t hash, uint32_t *state)
{
    const struct word_array *array = rcu_get(&table->array);
    if (!array) {
        return NULL;
    }
    for (uint32_t i = hash + *state;; i++) {
        uint64_t word = __atomic_load_n(&array->words[i & array->mask], __ATOMIC_ACQUIRE);
        if (!word) {
            return NULL;
        }
        if (word >> PTRTABLE_BITS == hash >> 16 && word != PTRTABLE_REMOVED) {
            *state = i + 1 - hash;
            return (void *)(uintptr_t)(word & ((1ull << PTRTABLE_BITS) - 1));
        }
    }
}

/* HASH_OF gives the full hash of a pointer that is in the table. */
void ptrtable_insert(struct ptrtable *, struct reclaim *, void *, uint32_t hash,
                     uint32_t (*hash_of)(const void *));
void ptrtable_remove(struct ptrtable *, const void *, uint32_t hash);
void ptrtable_replace(struct ptrtable *, const void *old, void *new, uint32_t hash);
void ptrtable_fini(struct ptrtable *, struct reclaim *);

struct bagtable {
    struct word_array *array; /* RCU; hash | 1 << 32 | count: 0 is an empty word */
    uint32_t n_used;          /* words that are not empty */
    uint32_t n;               /* of these, with a count */
};

bool bagtable_has(const struct bagtable *, uint32_t hash);
void bagtable_add(struct bagtable *, struct reclaim *, uint32_t hash);
void bagtable_remove(struct bagtable *, uint32_t hash);
void bagtable_fini(struct bagtable *, struct reclaim *);

#endif
