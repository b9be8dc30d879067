/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The table of megaflows: masked keys, found by tuple-space search, one subtable for each mask.
 *
 * Entries live in type-stable memory: chunks that are never given back while the table exists. An entry has
 * an index for life, and a generation that changes when it is freed, so that whoever remembers (index,
 * generation) can look whether it still means the same flow without any lock. A lookup costs as many
 * subtables as there are masks; keeping those few is the business of who inserts (match/widen.h).
 *
 * The user embeds `struct megaflow` as the first member of his entry; the table allocates entries of his
 * size.
 *
 * Thread-safety: lookups are lock-free for RCU readers (base/rcu.h); one writer at a time, serialised by the
 * caller. A removed entry is freed with megaflow_free() after a grace period. */
#ifndef MATCH_MEGAFLOW_H
#define MATCH_MEGAFLOW_H 1

#include "base/compiler.h"
#include "base/rcu.h"
#include "flow/key.h"

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

struct megaflow_table;
struct megaflow_subtable;

/* Two cache lines: what verifying a candidate touches, and what a hit needs next. */
struct megaflow {
    uint64_t hot[FLOW_BLOCK_WORDS]; /* r: block 0 of the key, masked */
    const struct flow_mask *mask;   /* r: the subtable's, shared */
    uint64_t *more;                 /* r: the key's further blocks that the mask uses, one after the other */
    struct megaflow_subtable *subtable; /* writer */
    uint32_t generation;                /* r: odd while in use */
    uint32_t index;                     /* immutable */
    uint32_t hash;                      /* immutable while in use: of the masked key */
    uint32_t next_free;                 /* writer */
    void *user[3];                      /* r: the user's, on the same line */
} CACHE_ALIGNED;
_Static_assert(sizeof(struct megaflow) == 128, "two cache lines");

/* ENTRY_SIZE: bytes of the user's entry, which begins with a struct megaflow. */
struct megaflow_table *megaflow_table_create(size_t entry_size);
void megaflow_table_destroy(struct megaflow_table *); /* no readers; entries are not called on */

uint32_t megaflow_table_n_masks(const struct megaflow_table *); /* any thread */

/* writer. An unused entry, zeroed but for what the table keeps. NULL: there are 2^24 already. */
struct megaflow *megaflow_alloc(struct megaflow_table *);
/* writer. Puts the entry in under KEY (complete up to FLOW_DP_BLOCKS; need not be masked) and MASK. */
void megaflow_insert(struct megaflow_table *, struct megaflow *, const struct flow_key *,
                     const struct flow_mask *);
/* writer. Takes it out: readers may hold it until a grace period is over; then megaflow_free(). */
void megaflow_remove(struct megaflow_table *, struct megaflow *);
void megaflow_free(struct megaflow_table *, struct megaflow *);
/* writer. The entry with exactly this key under exactly this mask; NULL: none. */
struct megaflow *megaflow_find(const struct megaflow_table *, const struct flow_key *,
                               const struct flow_mask *);
/* writer. The entry's whole key; zero outside of its mask. */
void megaflow_key(const struct megaflow *, struct flow_key *);
/* writer. Puts the subtables that were hit most since the last call first. */
void megaflow_rank(struct megaflow_table *);

/* The further blocks: MORE is a flow's, KEY a packet's, of which BLOCKS are written. */
bool megaflow_more_matches(const uint64_t *more, const struct flow_key *, const struct flow_mask *,
                           unsigned blocks);

/* The hot block: is KEY under MASK what HOT says? */
static ALWAYS_INLINE bool megaflow_hot_matches(const uint64_t *hot, const uint64_t *key, const uint64_t *mask)
{
#ifdef __SSE4_2__
    const __m128i *h = (const __m128i *)(const void *)hot, *k = (const __m128i *)(const void *)key,
                  *m = (const __m128i *)(const void *)mask;
    __m128i a = _mm_xor_si128(_mm_and_si128(k[0], m[0]), h[0]);
    __m128i b = _mm_xor_si128(_mm_and_si128(k[1], m[1]), h[1]);
    a = _mm_or_si128(a, _mm_xor_si128(_mm_and_si128(k[2], m[2]), h[2]));
    b = _mm_or_si128(b, _mm_xor_si128(_mm_and_si128(k[3], m[3]), h[3]));
    a = _mm_or_si128(a, b);
    return _mm_testz_si128(a, a);
#else
    uint64_t difference = 0;
    for (int i = 0; i < FLOW_BLOCK_WORDS; i++) {
        difference |= (key[i] & mask[i]) ^ hot[i];
    }
    return !difference;
#endif
}

/* RCU reader. Does the packet's key (of which BLOCKS are written) lie in the flow? */
static ALWAYS_INLINE bool megaflow_matches(const struct megaflow *m, const struct flow_key *key,
                                           unsigned blocks)
{
    const struct flow_mask *mask = m->mask;
    return megaflow_hot_matches(m->hot, flow_key_words_const(key), flow_key_words_const(&mask->bits)) &&
           (likely(!(mask->blocks & ~1u)) || megaflow_more_matches(m->more, key, mask, blocks));
}

/* RCU reader. Those of the first N <= 32 keys that lie in M: OUT[i] is M for them; returns their bitmap. */
static ALWAYS_INLINE uint32_t megaflow_match_batch(struct megaflow *m, const struct flow_key *keys,
                                                   const uint16_t *blocks, unsigned n, struct megaflow **out)
{
    const struct flow_mask *mask = m->mask;
    bool more = mask->blocks & ~1u;
    uint32_t found = 0;
    for (unsigned i = 0; i < n; i++) {
        bool in =
            megaflow_hot_matches(m->hot, flow_key_words_const(&keys[i]), flow_key_words_const(&mask->bits)) &&
            (likely(!more) || megaflow_more_matches(m->more, &keys[i], mask, blocks[i]));
        out[i] = m;
        found |= (uint32_t)in << i;
    }
    return found;
}

/* RCU reader. For each of the N <= 32 keys that OUT[i] is NULL for and LIVE has bit i set: the flow that it
 * lies in. BLOCKS[i] are the blocks of KEYS[i] that are written. Returns a bitmap of those found;
 * *MASKS_TRIED grows by the subtables looked at, packet by packet. */
uint32_t megaflow_lookup_batch(struct megaflow_table *, const struct flow_key *keys, const uint16_t *blocks,
                               uint32_t live, struct megaflow **out, uint64_t *masks_tried);
/* The same for one key; NULL: none. */
struct megaflow *megaflow_lookup(struct megaflow_table *, const struct flow_key *, uint16_t blocks,
                                 uint64_t *masks_tried);

#define MEGAFLOW_CHUNK_BITS 10

/* What finding an entry by its index needs; the table begins with it. */
struct megaflow_memory {
    size_t entry_size;
    char **chunks; /* r: each set once */
};

/* RCU reader. The entry with INDEX, which was handed out once; it may be out of use. */
static ALWAYS_INLINE struct megaflow *megaflow_by_index(const struct megaflow_table *t, uint32_t index)
{
    const struct megaflow_memory *memory = (const struct megaflow_memory *)(const void *)t;
    char *chunk = rcu_get(&memory->chunks[index >> MEGAFLOW_CHUNK_BITS]);
    return (struct megaflow *)(void *)(chunk +
                                       (index & ((1u << MEGAFLOW_CHUNK_BITS) - 1)) * memory->entry_size);
}

/* writer. Walks the entries in use, in order of index, from *CURSOR (begin with 0); NULL at the end. */
struct megaflow *megaflow_next(const struct megaflow_table *, uint32_t *cursor);

#endif
