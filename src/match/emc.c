/* SPDX-License-Identifier: Apache-2.0 */
#include "match/emc.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/random.h"

#define BUCKET 8

/* Bits of an entry: 24 of the hash, 16 of the generation, 24 of the index. 0 is no entry (a generation in use
 * is odd). */
#define ENTRY(HASH, GENERATION, INDEX)                                                                       \
    ((uint64_t)((HASH) >> 8) << 40 | (uint64_t)((GENERATION)&0xffff) << 24 | ((INDEX)&0xffffff))

struct bucket {
    uint64_t entries[BUCKET];
} CACHE_ALIGNED;

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

/* The low bits choose the bucket, the high 24 tell entries apart. */
static struct bucket *bucket_of(const struct emc *c, uint32_t hash)
{
    return &c->buckets[(hash ^ hash >> 16) & c->mask];
}

uint32_t emc_lookup_batch(struct emc *c, const struct megaflow_table *t, const struct flow_key *keys,
                          const uint16_t *blocks, const uint32_t *hashes, unsigned n, struct megaflow **out)
{
    uint64_t candidates[32];
    uint32_t found = 0;
    for (unsigned i = 0; i < n; i++) {
        __builtin_prefetch(bucket_of(c, hashes[i]));
    }
    /* One pass finds the candidates and asks for their flows; the next verifies. */
    for (unsigned i = 0; i < n; i++) {
        const struct bucket *b = bucket_of(c, hashes[i]);
        uint64_t tag = hashes[i] >> 8, hit = 0;
        for (int j = 0; j < BUCKET; j++) {
            hit = b->entries[j] >> 40 == tag ? b->entries[j] : hit;
        }
        candidates[i] = hit;
        if (hit) {
            const struct megaflow *m = megaflow_by_index(t, hit & 0xffffff);
            __builtin_prefetch(m);
            __builtin_prefetch((const char *)m + CACHE_LINE_SIZE);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        out[i] = NULL;
        if (candidates[i]) {
            struct megaflow *m = megaflow_by_index(t, candidates[i] & 0xffffff);
            uint32_t generation = __atomic_load_n(&m->generation, __ATOMIC_ACQUIRE);
            if (likely((generation & 1) && (generation & 0xffff) == (candidates[i] >> 24 & 0xffff) &&
                       megaflow_matches(m, &keys[i], blocks[i]))) {
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
    uint64_t entry = ENTRY(hash, __atomic_load_n(&m->generation, __ATOMIC_RELAXED), m->index);
    int place = -1;
    for (int j = 0; j < BUCKET; j++) {
        if (b->entries[j] >> 40 == entry >> 40) {
            place = j; /* one entry a tag */
            break;
        }
        if (!b->entries[j]) {
            place = j;
        }
    }
    b->entries[place >= 0 ? place : (int)(c->turn++ & (BUCKET - 1))] = entry;
}
