/* SPDX-License-Identifier: Apache-2.0 */
/* A subtable's hash table is open-addressed, in buckets of one cache line: eight slots of a 32-bit signature
 * (the hash) and the entry's index. A lookup hashes the key under the subtable's mask, compares eight
 * signatures, and verifies the entry of the one that fits. The first bucket with a free slot ends a probe:
 * removal leaves a tombstone, and growing (at three quarters, tombstones counted) builds a new array that
 * readers see whole. */
#include "match/megaflow.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"

#define CHUNK_BITS  MEGAFLOW_CHUNK_BITS
#define CHUNK_SIZE  (1u << CHUNK_BITS)
#define MAX_CHUNKS  (1u << 14)
#define BLOCK       8 /* chunks in one allocation of huge pages */
#define BUCKET      8
#define EMPTY       0u /* in `index`: index + 1 is stored */
#define TOMBSTONE   UINT32_MAX
#define MIN_BUCKETS 2u

struct bucket {
    uint32_t signature[BUCKET];
    uint32_t index[BUCKET]; /* EMPTY, TOMBSTONE, or index + 1 */
} CACHE_ALIGNED;

struct slots {
    struct rcu_head rcu;
    uint32_t mask; /* number of buckets, less 1 */
    struct bucket *buckets;
};

struct megaflow_subtable {
    struct rcu_head rcu;
    struct flow_mask mask;
    struct slots *slots; /* r */
    uint32_t n, n_used;  /* writer: entries; slots that are not EMPTY */
    uint64_t hits;       /* any reader adds; only ranks */
};

struct subtables {
    struct rcu_head rcu;
    uint32_t n;
    struct megaflow_subtable *list[];
};

struct megaflow_table {
    struct megaflow_memory memory; /* first */
    char *chunks[MAX_CHUNKS];      /* r: set once */
    uint32_t n_chunks;             /* writer; readers hold indexes that were handed out */
    uint32_t free_head;            /* writer: index + 1, 0 none */
    struct subtables *subtables;   /* r */
};

#define entry_at megaflow_by_index

/* ---- keys ---- */

bool megaflow_more_matches(const uint64_t *more, const struct flow_key *packet_key,
                           const struct flow_mask *mask, unsigned blocks)
{
    const uint64_t *bits = flow_key_words_const(&mask->bits), *key = flow_key_words_const(packet_key);
    for (unsigned left = mask->blocks & ~1u; left; left &= left - 1) {
        unsigned first = (unsigned)__builtin_ctz(left) * FLOW_BLOCK_WORDS;
        bool written = blocks & (left & -left);
        for (unsigned i = 0; i < FLOW_BLOCK_WORDS; i++) {
            uint64_t value = written ? key[first + i] & bits[first + i] : 0;
            if (value != more[i]) {
                return false;
            }
        }
        more += FLOW_BLOCK_WORDS;
    }
    return true;
}

/* Hash of the key under the mask. Blocks that are not written count as zero, and zero words change nothing
 * that an attacker could use: the seed is random. */
static uint32_t hash_seed;
static ALWAYS_INLINE uint32_t hash_masked(const struct flow_key *key, const struct flow_mask *mask,
                                          unsigned blocks)
{
    const uint64_t *k = flow_key_words_const(key), *m = flow_key_words_const(&mask->bits);
    uint64_t h = hash_seed;
    /* Two lanes, so that the multiplications overlap. */
    uint64_t h2 = ~h;
    for (int i = 0; i < FLOW_BLOCK_WORDS; i += 2) {
        h = hash_mix64(h, k[i] & m[i]);
        h2 = hash_mix64(h2, k[i + 1] & m[i + 1]);
    }
    for (unsigned left = mask->blocks & blocks & ~1u; unlikely(left); left &= left - 1) {
        unsigned first = (unsigned)__builtin_ctz(left) * FLOW_BLOCK_WORDS;
        uint64_t any = 0;
        for (unsigned i = 0; i < FLOW_BLOCK_WORDS; i++) {
            any |= k[first + i] & m[first + i];
        }
        for (unsigned i = 0; any && i < FLOW_BLOCK_WORDS; i += 2) {
            h = hash_mix64(h, k[first + i] & m[first + i]);
            h2 = hash_mix64(h2, k[first + i + 1] & m[first + i + 1]);
        }
    }
    return hash_finish64(h ^ hash_mix64(h2, 0x9e3779b97f4a7c15ull));
}

/* ---- the table ---- */

static struct subtables *subtables_alloc(uint32_t n)
{
    struct subtables *s = xzalloc(sizeof *s + n * sizeof s->list[0]);
    s->n = n;
    return s;
}

struct megaflow_table *megaflow_table_create(size_t entry_size)
{
    struct megaflow_table *t = xzalloc(sizeof *t);
    t->memory.entry_size = ROUND_UP(entry_size, CACHE_LINE_SIZE);
    t->memory.chunks = t->chunks;
    t->subtables = subtables_alloc(0);
    if (!hash_seed) {
        hash_seed = random_u32() | 1;
    }
    return t;
}

static void free_slots(struct slots *s)
{
    free(s->buckets);
    free(s);
}

void megaflow_table_destroy(struct megaflow_table *t)
{
    if (!t) {
        return;
    }
    uint32_t cursor = 0;
    struct megaflow *m;
    while ((m = megaflow_next(t, &cursor)) != NULL) {
        free(m->more);
    }
    for (uint32_t i = 0; i < t->subtables->n; i++) {
        free_slots(t->subtables->list[i]->slots);
        free(t->subtables->list[i]);
    }
    for (uint32_t i = 0; i < t->n_chunks; i += i < BLOCK ? 1 : BLOCK) {
        free(t->chunks[i]);
    }
    free(t->subtables);
    free(t);
}

uint32_t megaflow_table_n_masks(const struct megaflow_table *t)
{
    return rcu_get(&t->subtables)->n;
}

/* The first chunks are memory as it comes, for a quiet switch; then each BLOCK of them is in huge pages. */
static void add_chunk(struct megaflow_table *t)
{
    uint32_t n = t->n_chunks, first = n << CHUNK_BITS;
    size_t size = CHUNK_SIZE * t->memory.entry_size;
    char *chunk;
    if (n < BLOCK) {
        chunk = xzalloc_cacheline(size);
    } else if (n % BLOCK == 0) {
        chunk = xzalloc_huge(BLOCK * size);
    } else {
        chunk = t->chunks[n - 1] + size;
    }
    rcu_set(&t->chunks[n], chunk);
    t->n_chunks++;
    for (uint32_t i = CHUNK_SIZE; i-- > 0;) {
        struct megaflow *m = entry_at(t, first + i);
        m->index = first + i;
        m->next_free = t->free_head;
        t->free_head = m->index + 1;
    }
}

struct megaflow *megaflow_alloc(struct megaflow_table *t)
{
    if (!t->free_head) {
        if (t->n_chunks == MAX_CHUNKS) {
            return NULL;
        }
        add_chunk(t);
    }
    struct megaflow *m = entry_at(t, t->free_head - 1);
    t->free_head = m->next_free;
    memset(m->user, 0, sizeof m->user);
    memset(m + 1, 0, t->memory.entry_size - sizeof *m);
    return m;
}

void megaflow_free(struct megaflow_table *t, struct megaflow *m)
{
    free(m->more);
    m->more = NULL;
    m->next_free = t->free_head;
    t->free_head = m->index + 1;
}

/* ---- subtables ---- */

static struct slots *slots_create(uint32_t n_buckets)
{
    struct slots *s = xzalloc(sizeof *s);
    s->mask = n_buckets - 1;
    s->buckets = xzalloc_cacheline(n_buckets * sizeof *s->buckets);
    return s;
}

static void free_slots_later(struct rcu_head *head)
{
    free_slots(CONTAINER_OF(head, struct slots, rcu));
}

static void free_subtable_later(struct rcu_head *head)
{
    struct megaflow_subtable *st = CONTAINER_OF(head, struct megaflow_subtable, rcu);
    free_slots(st->slots);
    free(st);
}

static void free_subtables_later(struct rcu_head *head)
{
    free(CONTAINER_OF(head, struct subtables, rcu));
}

/* The index before the signature: a reader that sees the signature finds the index there. */
static void slot_put(struct slots *s, uint32_t hash, uint32_t index)
{
    for (uint32_t b = hash & s->mask;; b = (b + 1) & s->mask) {
        struct bucket *bucket = &s->buckets[b];
        for (int i = 0; i < BUCKET; i++) {
            if (bucket->index[i] == EMPTY) {
                __atomic_store_n(&bucket->signature[i], hash, __ATOMIC_RELAXED);
                __atomic_store_n(&bucket->index[i], index + 1, __ATOMIC_RELEASE);
                return;
            }
        }
    }
}

static void subtable_grow(struct megaflow_subtable *st)
{
    struct slots *old = st->slots;
    uint32_t n_buckets = MIN_BUCKETS;
    while (n_buckets * BUCKET / 2 < st->n + 1) {
        n_buckets *= 2;
    }
    struct slots *new = slots_create(n_buckets);
    for (uint32_t b = 0; b <= old->mask; b++) {
        for (int i = 0; i < BUCKET; i++) {
            uint32_t index = old->buckets[b].index[i];
            if (index != EMPTY && index != TOMBSTONE) {
                slot_put(new, old->buckets[b].signature[i], index - 1);
            }
        }
    }
    st->n_used = st->n;
    rcu_set(&st->slots, new);
    rcu_postpone(&old->rcu, free_slots_later);
}

static struct megaflow_subtable *subtable_find(const struct megaflow_table *t, const struct flow_mask *mask)
{
    for (uint32_t i = 0; i < t->subtables->n; i++) {
        struct megaflow_subtable *st = t->subtables->list[i];
        if (st->mask.blocks == mask->blocks) {
            bool equal = true;
            for (unsigned left = mask->blocks; left && equal; left &= left - 1) {
                size_t ofs = (size_t)__builtin_ctz(left) * FLOW_BLOCK_SIZE;
                equal = !memcmp((const char *)&st->mask.bits + ofs, (const char *)&mask->bits + ofs,
                                FLOW_BLOCK_SIZE);
            }
            if (equal) {
                return st;
            }
        }
    }
    return NULL;
}

static void publish(struct megaflow_table *t, struct subtables *new)
{
    struct subtables *old = t->subtables;
    rcu_set(&t->subtables, new);
    rcu_postpone(&old->rcu, free_subtables_later);
}

static struct megaflow_subtable *subtable_create(struct megaflow_table *t, const struct flow_mask *mask)
{
    struct megaflow_subtable *st = xzalloc_cacheline(sizeof *st);
    for (unsigned left = mask->blocks; left; left &= left - 1) {
        size_t ofs = (size_t)__builtin_ctz(left) * FLOW_BLOCK_SIZE;
        memcpy((char *)&st->mask.bits + ofs, (const char *)&mask->bits + ofs, FLOW_BLOCK_SIZE);
    }
    st->mask.blocks = mask->blocks;
    st->slots = slots_create(MIN_BUCKETS);
    struct subtables *new = subtables_alloc(t->subtables->n + 1);
    memcpy(new->list, t->subtables->list, t->subtables->n * sizeof new->list[0]);
    new->list[new->n - 1] = st;
    publish(t, new);
    return st;
}

static void subtable_destroy(struct megaflow_table *t, struct megaflow_subtable *st)
{
    struct subtables *new = subtables_alloc(t->subtables->n - 1);
    for (uint32_t i = 0, j = 0; i < t->subtables->n; i++) {
        if (t->subtables->list[i] != st) {
            new->list[j++] = t->subtables->list[i];
        }
    }
    publish(t, new);
    rcu_postpone(&st->rcu, free_subtable_later);
}

/* ---- entries ---- */

static void store_key(struct megaflow *m, const struct flow_key *key, const struct flow_mask *mask)
{
    const uint64_t *k = flow_key_words_const(key), *bits = flow_key_words_const(&mask->bits);
    for (unsigned i = 0; i < FLOW_BLOCK_WORDS; i++) {
        m->hot[i] = k[i] & bits[i];
    }
    unsigned n_more = (unsigned)__builtin_popcount(mask->blocks & ~1u);
    free(m->more);
    m->more = n_more ? xmalloc(n_more * FLOW_BLOCK_SIZE) : NULL;
    uint64_t *to = m->more;
    for (unsigned left = mask->blocks & ~1u; left; left &= left - 1) {
        unsigned first = (unsigned)__builtin_ctz(left) * FLOW_BLOCK_WORDS;
        for (unsigned i = 0; i < FLOW_BLOCK_WORDS; i++) {
            *to++ = k[first + i] & bits[first + i];
        }
    }
}

#define ALL_BLOCKS ((1u << FLOW_DP_BLOCKS) - 1)

void megaflow_insert(struct megaflow_table *t, struct megaflow *m, const struct flow_key *key,
                     const struct flow_mask *mask)
{
    struct megaflow_subtable *st = subtable_find(t, mask);
    if (!st) {
        st = subtable_create(t, mask);
    }
    store_key(m, key, &st->mask);
    m->hash = hash_masked(key, &st->mask, ALL_BLOCKS);
    m->mask = &st->mask;
    m->subtable = st;
    __atomic_store_n(&m->generation, m->generation + 1, __ATOMIC_RELEASE); /* odd: in use */
    if ((st->n_used + 1) * 4 > (st->slots->mask + 1) * BUCKET * 3) {
        subtable_grow(st);
    }
    slot_put(st->slots, m->hash, m->index);
    st->n++;
    st->n_used++;
}

void megaflow_remove(struct megaflow_table *t, struct megaflow *m)
{
    struct megaflow_subtable *st = m->subtable;
    struct slots *s = st->slots;
    for (uint32_t b = m->hash & s->mask;; b = (b + 1) & s->mask) {
        for (int i = 0; i < BUCKET; i++) {
            if (s->buckets[b].index[i] == m->index + 1) {
                __atomic_store_n(&s->buckets[b].index[i], TOMBSTONE, __ATOMIC_RELEASE);
                __atomic_store_n(&m->generation, m->generation + 1, __ATOMIC_RELEASE);
                if (!--st->n) {
                    subtable_destroy(t, st);
                }
                return;
            }
        }
    }
}

static ALWAYS_INLINE struct megaflow *subtable_lookup(const struct megaflow_table *t,
                                                      const struct megaflow_subtable *st,
                                                      const struct flow_key *key, unsigned blocks,
                                                      uint32_t hash)
{
    const struct slots *s = rcu_get(&st->slots);
    for (uint32_t b = hash & s->mask, tried = 0; tried <= s->mask; b = (b + 1) & s->mask, tried++) {
        const struct bucket *bucket = &s->buckets[b];
        bool full = true;
        for (int i = 0; i < BUCKET; i++) {
            uint32_t index = __atomic_load_n(&bucket->index[i], __ATOMIC_ACQUIRE);
            if (index == EMPTY) {
                full = false;
                break;
            }
            if (__atomic_load_n(&bucket->signature[i], __ATOMIC_RELAXED) == hash && index != TOMBSTONE) {
                struct megaflow *m = entry_at(t, index - 1);
                if (likely(megaflow_matches(m, key, blocks))) {
                    return m;
                }
            }
        }
        if (!full) {
            return NULL;
        }
    }
    return NULL;
}

uint32_t megaflow_lookup_batch(struct megaflow_table *t, const struct flow_key *keys, const uint16_t *blocks,
                               uint32_t live, struct megaflow **out, uint64_t *masks_tried)
{
    const struct subtables *all = rcu_get(&t->subtables);
    uint32_t found = 0, hashes[32];
    for (uint32_t n = 0; n < all->n && live; n++) {
        struct megaflow_subtable *st = all->list[n];
        const struct slots *s = rcu_get(&st->slots);
        *masks_tried += (uint64_t)__builtin_popcount(live);
        for (uint32_t left = live; left; left &= left - 1) {
            int i = __builtin_ctz(left);
            hashes[i] = hash_masked(&keys[i], &st->mask, blocks[i]);
            __builtin_prefetch(&s->buckets[hashes[i] & s->mask]);
        }
        uint32_t hits = 0;
        for (uint32_t left = live; left; left &= left - 1) {
            int i = __builtin_ctz(left);
            out[i] = subtable_lookup(t, st, &keys[i], blocks[i], hashes[i]);
            hits |= out[i] ? 1u << i : 0;
        }
        if (hits) {
            found |= hits;
            live &= ~hits;
            __atomic_fetch_add(&st->hits, (uint64_t)__builtin_popcount(hits), __ATOMIC_RELAXED);
        }
    }
    return found;
}

struct megaflow *megaflow_lookup(struct megaflow_table *t, const struct flow_key *key, uint16_t blocks,
                                 uint64_t *masks_tried)
{
    struct megaflow *m = NULL;
    megaflow_lookup_batch(t, key, &blocks, 1, &m, masks_tried);
    return m;
}

struct megaflow *megaflow_find(const struct megaflow_table *t, const struct flow_key *key,
                               const struct flow_mask *mask)
{
    const struct megaflow_subtable *st = subtable_find(t, mask);
    return st ? subtable_lookup(t, st, key, ALL_BLOCKS, hash_masked(key, &st->mask, ALL_BLOCKS)) : NULL;
}

void megaflow_key(const struct megaflow *m, struct flow_key *key)
{
    memset(key, 0, sizeof *key);
    memcpy(key, m->hot, sizeof m->hot);
    const uint64_t *more = m->more;
    for (unsigned left = m->mask->blocks & ~1u; left; left &= left - 1) {
        memcpy((char *)key + (size_t)__builtin_ctz(left) * FLOW_BLOCK_SIZE, more, FLOW_BLOCK_SIZE);
        more += FLOW_BLOCK_WORDS;
    }
}

static int by_hits(const void *a_, const void *b_)
{
    const struct megaflow_subtable *a = *(struct megaflow_subtable *const *)a_;
    const struct megaflow_subtable *b = *(struct megaflow_subtable *const *)b_;
    return a->hits < b->hits ? 1 : a->hits > b->hits ? -1 : 0;
}

void megaflow_rank(struct megaflow_table *t)
{
    if (t->subtables->n < 2) {
        return;
    }
    struct subtables *new = subtables_alloc(t->subtables->n);
    memcpy(new->list, t->subtables->list, new->n * sizeof new->list[0]);
    qsort(new->list, new->n, sizeof new->list[0], by_hits);
    for (uint32_t i = 0; i < new->n; i++) {
        __atomic_store_n(&new->list[i]->hits, new->list[i]->hits / 2, __ATOMIC_RELAXED);
    }
    publish(t, new);
}

struct megaflow *megaflow_next(const struct megaflow_table *t, uint32_t *cursor)
{
    while (*cursor < t->n_chunks << CHUNK_BITS) {
        struct megaflow *m = entry_at(t, (*cursor)++);
        if (m->generation & 1) {
            return m;
        }
    }
    return NULL;
}
