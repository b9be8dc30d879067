/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. The Internet checksum (RFC 1071, 1624): whole sums, updates and pseudo headers. Header-only.
 * A partial sum is a uint32_t in wire order that has not been folded to 16 bits. Any thread. */
#ifndef WIRE_CSUM_H
#define WIRE_CSUM_H 1

#include <stddef.h>

#include "base/types.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* Folds and complements: the value for a header's checksum field. */
static inline be16 csum_finish(uint64_t partial)
{
    partial = (partial & 0xffffffff) + (partial >> 32);
    partial = (partial & 0xffff) + (partial >> 16);
    partial = (partial & 0xffff) + (partial >> 16);
    partial = (partial & 0xffff) + (partial >> 16);
    return (be16)~partial;
}

static inline uint32_t csum_fold32(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    return (uint32_t)(sum + (sum >> 32));
}

/* PARTIAL and the sum over N bytes at DATA, which stands at an even offset of what is summed. */
static inline uint32_t csum_continue(uint32_t partial, const void *data, size_t n)
{
    const uint8_t *p = (const uint8_t *)data;
    uint64_t sum = partial;
    for (; n >= 4; n -= 4, p += 4) {
        sum += get_be32(p);
    }
    if (n >= 2) {
        sum += get_be16(p);
        p += 2;
        n -= 2;
    }
    if (n) {
        sum += *p; /* little-endian: the byte that comes first on the wire is the low one */
    }
    return csum_fold32(sum);
}
static inline uint32_t csum_add16(uint32_t partial, be16 v)
{
    return csum_fold32((uint64_t)partial + v);
}
static inline uint32_t csum_add32(uint32_t partial, be32 v)
{
    return csum_fold32((uint64_t)partial + v);
}
static inline be16 csum_of(const void *data, size_t n)
{
    return csum_finish(csum_continue(0, data, n));
}

/* Pseudo header of an IPv4 payload of LEN bytes (host order). */
static inline uint32_t csum_pseudo_ipv4(be32 src, be32 dst, uint8_t proto, uint32_t len)
{
    return csum_fold32((uint64_t)src + dst + CONST_BE16(proto) + CONST_BE32(len));
}
static inline uint32_t csum_pseudo_ipv6(const void *src, const void *dst, uint8_t proto, uint32_t len)
{
    uint32_t sum = csum_continue(0, src, 16);
    sum = csum_continue(sum, dst, 16);
    return csum_fold32((uint64_t)sum + CONST_BE32(proto) + CONST_BE32(len));
}

/* The checksum CSUM after a 16-bit (32-bit) word of what it covers went from OLD to NEW (RFC 1624, eqn. 3).
 */
static inline be16 csum_update16(be16 csum, be16 old_word, be16 new_word)
{
    return csum_finish((uint64_t)(be16)~csum + (be16)~old_word + new_word);
}
static inline be16 csum_update32(be16 csum, be32 old_word, be32 new_word)
{
    return csum_finish((uint64_t)(be16)~csum + (be32)~old_word + new_word);
}
static inline be16 csum_update128(be16 csum, const struct ipv6_addr *old_addr,
                                  const struct ipv6_addr *new_addr)
{
    uint64_t sum = (be16)~csum;
    for (int i = 0; i < 4; i++) {
        sum += (uint64_t)(be32)~old_addr->be32[i] + new_addr->be32[i];
    }
    return csum_finish(sum);
}

#endif
