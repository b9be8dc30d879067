/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. CRC-32C (Castagnoli; RFC 9260, appendix A), as SCTP has it. Header-only. Any thread. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H 1

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

/* Over N bytes at DATA. In memory, on a little-endian host, the result is as it goes on the wire. */
static inline uint32_t crc32c(const void *data, size_t n)
{
    const uint8_t *p = (const uint8_t *)data;
#ifdef __SSE4_2__
    uint64_t crc = UINT32_MAX, v;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        crc = _mm_crc32_u64(crc, v);
    }
    uint32_t crc32 = (uint32_t)crc;
    for (; n; n--) {
        crc32 = _mm_crc32_u8(crc32, *p++);
    }
#else
    uint32_t crc32 = UINT32_MAX;
    for (; n; n--) {
        crc32 ^= *p++;
        for (int bit = 0; bit < 8; bit++) {
            crc32 = (crc32 >> 1) ^ (crc32 & 1 ? 0x82f63b78u : 0);
        }
    }
#endif
    return ~crc32;
}

#endif
