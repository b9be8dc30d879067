/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Hashes for tables, 32 bits. Not cryptographic. Where an attacker chooses the keys, start from
 * `hash_seed`, which is random in each process (0 where determinism is asked for). Header-only. Any thread.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H 1

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

/* Mixes 64 bits into HASH. The multiply-fold makes every input bit reach every output bit. */
static ALWAYS_INLINE uint64_t hash_mix64(uint64_t hash, uint64_t v)
{
    __uint128_t m = (__uint128_t)(hash ^ v) * 0x9e3779b97f4a7c15ull;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static ALWAYS_INLINE uint32_t hash_finish64(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return (uint32_t)(h ^ (h >> 32));
}

static inline uint32_t hash_u32(uint32_t v, uint32_t basis)
{
    return hash_finish64(hash_mix64(basis + 0x2545f4914f6cdd1dull, v));
}
static inline uint32_t hash_u64(uint64_t v, uint32_t basis)
{
    return hash_finish64(hash_mix64(basis + 0x2545f4914f6cdd1dull, v));
}
static inline uint32_t hash_2u32(uint32_t a, uint32_t b, uint32_t basis)
{
    return hash_u64(((uint64_t)a << 32) | b, basis);
}
static inline uint32_t hash_bytes(const void *data, size_t n, uint32_t basis)
{
    const uint8_t *p = (const uint8_t *)data;
    uint64_t h = (basis + 0x2545f4914f6cdd1dull) ^ n, v;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        h = hash_mix64(h, v);
    }
    if (n) {
        v = 0;
        memcpy(&v, p, n);
        h = hash_mix64(h, v);
    }
    return hash_finish64(h);
}
static inline uint32_t hash_string(const char *s, uint32_t basis)
{
    return hash_bytes(s, strlen(s), basis);
}
static inline uint32_t hash_pointer(const void *p, uint32_t basis)
{
    return hash_u64((uint64_t)(uintptr_t)p, basis);
}

#endif
