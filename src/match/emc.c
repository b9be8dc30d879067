/* SPDX-License-Identifier: Apache-2.0 */
#include "match/emc.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/random.h"

#define BUCKET 8

/* Half of the line are tags (the hash), half are references: 24 bits of index, the low 8 of the generation,
 * which is odd while the flow is in use, so that no reference is 0. */
struct bucket {
    uint32_t tags[BUCKET];
    uint32_t refs[BUCKET];
} CACHE_ALIGNED;

#define REF(M)       ((M)->index | __atomic_load_n(&(M)->generation, __ATOMIC_RELAXED) << 24)
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
    size_t bytes;
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
    c->bytes = n * sizeof *c->buckets;
    c->buckets = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (c->buckets == MAP_FAILED) {
        out_of_memory();
    }
    madvise(c->buckets, c->bytes, MADV_HUGEPAGE); /* where there are any */
    return c;
}

void emc_destroy(struct emc *c)
{
    if (c) {
        munmap(c->buckets, c->bytes);
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

/* Three passes over the burst, each asking for the memory that the next one looks at: bucket, flow, verdict.
 */
uint32_t emc_lookup_batch(struct emc *c, const struct megaflow_table *t, const struct flow_key *keys,
                          const uint16_t *blocks, const uint32_t *hashes, unsigned n, struct megaflow **out)
{
    uint32_t refs[32], found = 0;
    for (unsigned i = 0; i < n; i++) {
        __builtin_prefetch(bucket_of(c, hashes[i]));
    }
    for (unsigned i = 0; i < n; i++) {
        const struct bucket *b = bucket_of(c, hashes[i]);
        unsigned hits = find_tag(b, hashes[i]);
        refs[i] = hits ? b->refs[__builtin_ctz(hits)] : 0;
        if (likely(refs[i])) {
            const struct megaflow *m = megaflow_by_index(t, REF_INDEX(refs[i]));
            __builtin_prefetch(m);
            __builtin_prefetch((const char *)m + CACHE_LINE_SIZE);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        out[i] = NULL;
        if (likely(refs[i])) {
            struct megaflow *m = megaflow_by_index(t, REF_INDEX(refs[i]));
            uint32_t generation = __atomic_load_n(&m->generation, __ATOMIC_ACQUIRE);
            if (likely((generation & 0xff) == refs[i] >> 24 && megaflow_matches(m, &keys[i], blocks[i]))) {
                out[i] = m;
                found |= 1u << i;
            }
        }
    }
    return found;
}

void emc_insert(struct emc *c, uint32_t hash, const struct megaflow *m)
{
    struct bucket *b = bucket_of(c, hash);
    unsigned same = find_tag(b, hash), place;
    if (same) {
        place = (unsigned)__builtin_ctz(same); /* one entry a tag */
    } else {
        unsigned empty = find_tag(b, 0); /* a hash is never 0 */
        place = empty ? (unsigned)__builtin_ctz(empty) : c->turn++ & (BUCKET - 1);
    }
    b->tags[place] = hash;
    b->refs[place] = REF(m);
}
