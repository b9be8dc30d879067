/* SPDX-License-Identifier: Apache-2.0 */
#include "match/ptrtable.h"

#include <assert.h>

#define MIN_WORDS 4

static struct word_array *make_array(uint32_t n_words)
{
    struct word_array *array = xzalloc(sizeof *array + n_words * sizeof array->words[0]);
    array->mask = n_words - 1;
    return array;
}

/* Words for N elements that may grow by half before the next copy: at most 5/8 are used. */
static uint32_t words_for(uint32_t n)
{
    uint32_t n_words = MIN_WORDS;
    while ((uint64_t)n_words * 5 / 8 < n + n / 8 + 1) {
        n_words *= 2;
    }
    return n_words;
}

static bool is_full(const struct word_array *array, uint32_t n_used)
{
    return !array || (uint64_t)n_used + 1 > ((uint64_t)array->mask + 1) * 3 / 4;
}

/* The place of WORD, or of the empty word after which it is not. */
static uint64_t *place_of(struct word_array *array, uint32_t hash, uint64_t word)
{
    uint32_t i = hash;
    while (array->words[i & array->mask] && array->words[i & array->mask] != word) {
        i++;
    }
    return &array->words[i & array->mask];
}

static uint64_t pointer_word(const void *p, uint32_t hash)
{
    uint64_t word = (uint64_t)(uintptr_t)p;
    assert(word > PTRTABLE_REMOVED && !(word >> PTRTABLE_BITS));
    return (uint64_t)(hash >> 16) << PTRTABLE_BITS | word;
}

void ptrtable_insert(struct ptrtable *table, struct reclaim *reclaim, void *p, uint32_t hash,
                     uint32_t (*hash_of)(const void *))
{
    struct word_array *array = table->array;
    if (is_full(array, table->n_used)) {
        struct word_array *copy = make_array(words_for(table->n + 1));
        for (uint32_t i = 0; array && i <= array->mask; i++) {
            uint64_t word = array->words[i];
            if (word && word != PTRTABLE_REMOVED) {
                const void *q = (const void *)(uintptr_t)(word & ((1ull << PTRTABLE_BITS) - 1));
                *place_of(copy, hash_of(q), 0) = word;
            }
        }
        rcu_set(&table->array, copy);
        reclaim_add(reclaim, array);
        array = copy;
        table->n_used = table->n;
    }
    __atomic_store_n(place_of(array, hash, 0), pointer_word(p, hash), __ATOMIC_RELEASE);
    table->n++;
    table->n_used++;
}

void ptrtable_replace(struct ptrtable *table, const void *old, void *new, uint32_t hash)
{
    uint64_t *place = place_of(table->array, hash, pointer_word(old, hash));
    assert(*place);
    __atomic_store_n(place, pointer_word(new, hash), __ATOMIC_RELEASE);
}

void ptrtable_remove(struct ptrtable *table, const void *p, uint32_t hash)
{
    uint64_t *place = place_of(table->array, hash, pointer_word(p, hash));
    assert(*place);
    __atomic_store_n(place, PTRTABLE_REMOVED, __ATOMIC_RELEASE);
    table->n--;
}

void ptrtable_fini(struct ptrtable *table, struct reclaim *reclaim)
{
    reclaim_add(reclaim, table->array);
    rcu_set(&table->array, NULL); /* readers find nothing more */
    table->n = table->n_used = 0;
}

static uint64_t bag_word(uint32_t hash)
{
    return (uint64_t)(hash | 1) << 32;
}

/* The place of HASH, or of the empty word after which it is not. */
static uint64_t *bag_place(struct word_array *array, uint32_t hash)
{
    uint32_t i = hash >> 1;
    while (array->words[i & array->mask] && (array->words[i & array->mask] ^ bag_word(hash)) >> 32) {
        i++;
    }
    return &array->words[i & array->mask];
}

bool bagtable_has(const struct bagtable *table, uint32_t hash)
{
    const struct word_array *array = rcu_get(&table->array);
    if (!array) {
        return false;
    }
    for (uint32_t i = hash >> 1;; i++) {
        uint64_t word = __atomic_load_n(&array->words[i & array->mask], __ATOMIC_RELAXED);
        if (!word || !((word ^ bag_word(hash)) >> 32)) {
            return (uint32_t)word != 0;
        }
    }
}

void bagtable_add(struct bagtable *table, struct reclaim *reclaim, uint32_t hash)
{
    struct word_array *array = table->array;
    if (is_full(array, table->n_used)) {
        struct word_array *copy = make_array(words_for(table->n + 1));
        for (uint32_t i = 0; array && i <= array->mask; i++) {
            if ((uint32_t)array->words[i]) {
                *bag_place(copy, (uint32_t)(array->words[i] >> 32)) = array->words[i];
            }
        }
        rcu_set(&table->array, copy);
        reclaim_add(reclaim, array);
        array = copy;
        table->n_used = table->n;
    }
    uint64_t *place = bag_place(array, hash);
    table->n_used += !*place;
    table->n += !(uint32_t)*place;
    __atomic_store_n(place, (*place ? *place : bag_word(hash)) + 1, __ATOMIC_RELEASE);
}

void bagtable_remove(struct bagtable *table, uint32_t hash)
{
    uint64_t *place = bag_place(table->array, hash);
    assert((uint32_t)*place);
    __atomic_store_n(place, *place - 1, __ATOMIC_RELEASE);
    table->n -= !(uint32_t)*place;
}

void bagtable_fini(struct bagtable *table, struct reclaim *reclaim)
{
    reclaim_add(reclaim, table->array);
    rcu_set(&table->array, NULL);
    table->n = table->n_used = 0;
}
