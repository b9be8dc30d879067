/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The exact-match cache of one forwarding thread: from the hash of a packet's whole key to the
 * megaflow that such a packet was found in last.
 *
 * It stores no keys. An entry is 8 bytes: 24 bits of the hash, the flow's index, the low bits of its
 * generation; a bucket of eight is one cache line. What it answers is a guess, verified by comparing the
 * packet's key under the flow's mask: flows that overlap agree, so any flow that the packet lies in is right,
 * whatever packet the entry was made for. So 100,000 connections under one megaflow cost a cache line each,
 * and one flow that stays hot.
 *
 * Thread-safety: none; it belongs to its thread, which is an RCU reader of the megaflow table. */
#ifndef MATCH_EMC_H
#define MATCH_EMC_H 1

#include "base/hash.h"
#include "match/megaflow.h"

struct emc;

/* N_ENTRIES: rounded up to a power of 2. */
struct emc *emc_create(uint32_t n_entries);
void emc_destroy(struct emc *);

/* The hash of everything that tells microflows of ordinary traffic apart: block 0, and block 1 where it is
 * written. Never 0. */
static ALWAYS_INLINE uint32_t emc_hash(const struct flow_key *key, unsigned blocks, uint32_t seed)
{
    const uint64_t *k = flow_key_words_const(key);
#ifdef __SSE4_2__
    uint64_t a = _mm_crc32_u64(seed, k[0]), b = _mm_crc32_u64(~seed, k[1]), c = _mm_crc32_u64(seed, k[2]);
    a = _mm_crc32_u64(a, k[3]);
    b = _mm_crc32_u64(b, k[4]);
    c = _mm_crc32_u64(c, k[5]);
    a = _mm_crc32_u64(a, k[6]);
    b = _mm_crc32_u64(b, k[7]);
    if (unlikely(blocks & FLOW_BLOCK_BIT(FLOW_BLOCK_IPV6))) {
        for (int i = 0; i < FLOW_BLOCK_WORDS; i += 2) {
            a = _mm_crc32_u64(a, k[FLOW_BLOCK_WORDS + i]);
            b = _mm_crc32_u64(b, k[FLOW_BLOCK_WORDS + i + 1]);
        }
    }
    uint64_t h = hash_mix64(a << 32 | (uint32_t)b, c);
    return (uint32_t)h | 1;
#else
    return hash_bytes(k, blocks & FLOW_BLOCK_BIT(FLOW_BLOCK_IPV6) ? 2 * FLOW_BLOCK_SIZE : FLOW_BLOCK_SIZE,
                      seed) |
           1;
#endif
}
uint32_t emc_seed(const struct emc *);

/* For those of 32 keys that are in LIVE, with their HASHES: OUT[i] is the flow, untouched if there is none.
 * Returns a bitmap of those found. What it looks at first is best asked for early: emc_prefetch(). */
uint32_t emc_lookup_batch(struct emc *, const struct megaflow_table *, const struct flow_key *keys,
                          const uint16_t *blocks, const uint32_t *hashes, uint32_t live,
                          struct megaflow **out);
void emc_prefetch(const struct emc *, uint32_t hash);
/* Remembers that packets with this hash are in the flow. */
void emc_insert(struct emc *, uint32_t hash, const struct megaflow *);

#endif
