/* SPDX-License-Identifier: Apache-2.0 */
#include "match/emc.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/random.h"

#define BUCKET 8

/* Half of the line are tags (the hash), half are references: 24 bits of index, the low 8 of the generation,
 * which is odd while the flow is in use, so that no reference is 0. */
struct bucket {
    uint32_t tags[BUCKET];
    uint32_t refs[BUCKET];
} CACHE_ALIGNED;

#define REF_INDEX(R) ((R)&0xffffff)

/* Bitmap of the entries of B with TAG. */
static ALWAYS_INLINE unsigned find_tag(const struct bucket *b, uint32_t tag)
{
#ifdef __SSE4_2__
    const __m128i *tags = (const __m128i *)(const void *)b->tags;
    __m128i wanted = _mm_set1_epi32((int)tag);
    int low = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(tags[0], wanted)));
    int high = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(tags[1], wanted)));
    return (unsigned)(low | high << 4);
#else
    unsigned found = 0;
    for (int i = 0; i < BUCKET; i++) {
        found |= (unsigned)(b->tags[i] == tag) << i;
    }
    return found;
#endif
}

struct emc {
    struct bucket *buckets;
    uint32_t mask; /* number of buckets, less 1 */
    uint32_t seed;
    uint32_t turn; /* which entry of a full bucket goes next */
};

struct emc *emc_create(uint32_t n_entries)
{
    struct emc *c = xzalloc(sizeof *c);
    uint32_t n = 1;
    while (n * BUCKET < n_entries) {
        n *= 2;
    }
    c->mask = n - 1;
    c->seed = random_u32();
    size_t bytes = n * sizeof *c->buckets;
    c->buckets = bytes < HUGE_PAGE_SIZE ? xzalloc_cacheline(bytes) : xzalloc_huge(bytes);
    return c;
}

void emc_destroy(struct emc *c)
{
    if (c) {
        free(c->buckets);
        free(c);
    }
}

uint32_t emc_seed(const struct emc *c)
{
    return c->seed;
}

static ALWAYS_INLINE struct bucket *bucket_of(const struct emc *c, uint32_t hash)
{
    return &c->buckets[(hash ^ hash >> 16) & c->mask];
}

void emc_prefetch(const struct emc *c, uint32_t hash)
{
    __builtin_prefetch(bucket_of(c, hash));
}

/* Two passes over the burst, the first asking for the memory that the second looks at: bucket, flow and
 * verdict. */
uint32_t emc_lookup_batch(struct emc *c, const struct megaflow_table *t, const struct flow_key *keys,
                          const uint16_t *blocks, const uint32_t *hashes, uint32_t live,
                          struct megaflow **out)
{
    struct megaflow *candidates[32];
    uint8_t generations[32];
    uint32_t maybe = 0, found = 0;
    for (uint32_t l = live; l; l &= l - 1) {
        int i = __builtin_ctz(l);
        const struct bucket *b = bucket_of(c, hashes[i]);
        unsigned hits = find_tag(b, hashes[i]);
        if (likely(hits)) {
            uint32_t ref = b->refs[__builtin_ctz(hits)];
            candidates[i] = megaflow_by_index(t, REF_INDEX(ref));
            generations[i] = (uint8_t)(ref >> 24);
            __builtin_prefetch(candidates[i]);
            __builtin_prefetch((const char *)candidates[i] + CACHE_LINE_SIZE);
            maybe |= 1u << i;
        }
    }
    for (uint32_t l = maybe; l; l &= l - 1) {
        int i = __builtin_ctz(l);
        struct megaflow *m = candidates[i];
        uint32_t generation = __atomic_load_n(&m->generation, __ATOMIC_ACQUIRE);
        if (likely((generation & 0xff) == generations[i] && megaflow_matches(m, &keys[i], blocks[i]))) {
            out[i] = m;
            found |= 1u << i;
        }
    }
    return found;
}

void emc_insert(struct emc *c, uint32_t hash, const struct megaflow *m)
{
    struct bucket *b = bucket_of(c, hash);
    unsigned same = find_tag(b, hash), place;
    uint32_t generation = __atomic_load_n(&m->generation, __ATOMIC_ACQUIRE);
    if (!(generation & 1)) {
        return; /* removed since it was found: a reference made now would hold for the freed entry */
    }
    if (same) {
        place = (unsigned)__builtin_ctz(same); /* one entry a tag */
    } else {
        unsigned empty = find_tag(b, 0); /* a hash is never 0 */
        place = empty ? (unsigned)__builtin_ctz(empty) : c->turn++ & (BUCKET - 1);
    }
    b->tags[place] = hash;
    b->refs[place] = m->index | generation << 24;
}
