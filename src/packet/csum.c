/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/csum.h"

#include "base/crc32c.h"
#include "wire/eth.h"
#include "wire/l4.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#ifdef __x86_64__
/* Four sums of 32-bit words in 64-bit lanes; N is a multiple of 64. Over 1,600 bytes 15 a cycle, over 8,000
 * 22, where the plain loop does 3.5. */
__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *p, size_t n)
{
    const __m256i low_half = _mm256_set1_epi64x(UINT32_MAX);
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    uint64_t lanes[4];
    for (; n; n -= 64, p += 64) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i w = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
        a = _mm256_add_epi64(a, _mm256_and_si256(v, low_half));
        b = _mm256_add_epi64(b, _mm256_srli_epi64(v, 32));
        c = _mm256_add_epi64(c, _mm256_and_si256(w, low_half));
        d = _mm256_add_epi64(d, _mm256_srli_epi64(w, 32));
    }
    a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
    _mm256_storeu_si256((__m256i *)(void *)lanes, a);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}
#endif

/* Words of 32 bits in sums of 64: they cannot overflow below 2^32 words. */
uint32_t csum_bytes(uint32_t partial, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t sum = partial, other = 0;
#ifdef __x86_64__
    if (n >= 256 && __builtin_cpu_supports("avx2")) {
        size_t run = n & ~(size_t)63;
        sum += sum_avx2(p, run);
        p += run;
        n -= run;
    }
#endif
    for (; n >= 16; n -= 16, p += 16) {
        uint64_t v[2];
        __builtin_memcpy(v, p, sizeof v);
        sum += (v[0] & UINT32_MAX) + (v[0] >> 32);
        other += (v[1] & UINT32_MAX) + (v[1] >> 32);
    }
    return csum_continue(csum_fold32(sum + other), p, n);
}

#define SCTP_CSUM_OFFSET offsetof(struct sctp_header, csum)
#define UDP_CSUM_OFFSET  offsetof(struct udp_header, csum)

/* A host that leaves SCTP's checksum to the device says so with csum_offset alone: no other protocol has it
 * there. */
static enum drop_reason resolve_sctp(struct packet *p)
{
    uint8_t *sctp = p->data + p->csum_start;
    if ((uint32_t)p->csum_start + SCTP_HEADER_LEN > p->len) {
        return DROP_RX_ERROR;
    }
    put_be32(sctp + SCTP_CSUM_OFFSET, 0);
    uint32_t crc = crc32c(sctp, p->len - p->csum_start);
    __builtin_memcpy(sctp + SCTP_CSUM_OFFSET, &crc, sizeof crc);
    p->csum = PACKET_CSUM_GOOD;
    return DROP_NONE;
}

enum drop_reason packet_csum_resolve(struct packet *p)
{
    if (p->csum != PACKET_CSUM_PARTIAL) {
        return DROP_NONE;
    }
    if (p->csum_offset == SCTP_CSUM_OFFSET) {
        return resolve_sctp(p);
    }
    if ((uint32_t)p->csum_start + p->csum_offset + 2 > p->len) {
        return DROP_RX_ERROR;
    }
    uint8_t *start = p->data + p->csum_start;
    be16 csum = csum_finish(csum_bytes(0, start, p->len - p->csum_start));
    if (!csum && p->csum_offset == UDP_CSUM_OFFSET) {
        csum = UINT16_MAX; /* 0 says that there is none (RFC 768) */
    }
    put_be16(start + p->csum_offset, csum);
    p->csum = PACKET_CSUM_GOOD;
    return DROP_NONE;
}

bool packet_ipv4_csum_ok(const struct packet *p)
{
    uint32_t room = p->l3_ofs == PACKET_NO_OFFSET ? 0 : packet_room_from(p, p->l3_ofs);
    const struct ipv4_header *ip = (const struct ipv4_header *)(const void *)(p->data + p->l3_ofs);
    if (room < IPV4_HEADER_LEN || (uint32_t)IPV4_IHL_BYTES(ip) < IPV4_HEADER_LEN ||
        (uint32_t)IPV4_IHL_BYTES(ip) > room) {
        return false;
    }
    return !csum_of(ip, (size_t)IPV4_IHL_BYTES(ip));
}

/* Where the layer-4 protocol of an IPv6 packet begins is known; which it is, its extension headers say. None:
 * a fragment, or one whose checksum is over a destination that a routing header holds. */
static uint8_t ipv6_protocol(const struct packet *p)
{
    uint32_t ofs = (uint32_t)p->l3_ofs + IPV6_HEADER_LEN;
    uint8_t next = p->data[p->l3_ofs + offsetof(struct ipv6_header, next)];
    while (ofs + 8 <= p->l4_ofs) {
        const uint8_t *ext = p->data + ofs;
        if (next == IP_PROTO_FRAGMENT || (next == IP_PROTO_ROUTING && ext[3])) {
            return IP_PROTO_NONE;
        }
        ofs += next == IP_PROTO_AH ? (uint32_t)(ext[1] + 2) * 4 : (uint32_t)(ext[1] + 1) * 8;
        next = ext[0];
    }
    return next;
}

struct l4 {
    uint8_t proto;
    bool ipv6;
    uint32_t len;    /* bytes of layer 4 that the IP header speaks of */
    uint32_t pseudo; /* sum */
};

/* False: nothing to verify, or too short to. */
static bool find_l4(const struct packet *p, struct l4 *l4)
{
    if (p->l3_ofs == PACKET_NO_OFFSET || p->l4_ofs == PACKET_NO_OFFSET || p->l4_ofs <= p->l3_ofs ||
        p->l4_ofs > p->len || packet_room_from(p, p->l3_ofs) < IPV4_HEADER_LEN) {
        return false;
    }
    const uint8_t *l3 = p->data + p->l3_ofs;
    uint32_t header = p->l4_ofs - p->l3_ofs, total;
    l4->ipv6 = *l3 >> 4 == 6;
    if (l4->ipv6) {
        const struct ipv6_header *ip = (const struct ipv6_header *)(const void *)l3;
        if (header < IPV6_HEADER_LEN) {
            return false;
        }
        total = IPV6_HEADER_LEN + CONST_BE16(ip->payload_len);
        l4->proto = ipv6_protocol(p);
    } else {
        const struct ipv4_header *ip = (const struct ipv4_header *)(const void *)l3;
        if (ip->frag_off & CONST_BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFF_MASK)) {
            return false;
        }
        total = CONST_BE16(ip->total_len);
        l4->proto = ip->proto;
    }
    if (total < header || total > packet_room_from(p, p->l3_ofs)) {
        return false;
    }
    l4->len = total - header;
    if (l4->ipv6) {
        l4->pseudo = csum_pseudo_ipv6(l3 + offsetof(struct ipv6_header, src),
                                      l3 + offsetof(struct ipv6_header, dst), l4->proto, l4->len);
    } else {
        l4->pseudo = csum_pseudo_ipv4(get_be32(l3 + offsetof(struct ipv4_header, src)),
                                      get_be32(l3 + offsetof(struct ipv4_header, dst)), l4->proto, l4->len);
    }
    return true;
}

bool packet_csum_verify(struct packet *p)
{
    struct l4 l4;
    if (p->csum != PACKET_CSUM_UNKNOWN || !find_l4(p, &l4)) {
        return true;
    }
    const uint8_t *data = p->data + p->l4_ofs;
    bool ok = true;
    switch (l4.proto) {
    case IP_PROTO_UDP:
        ok = l4.len >= UDP_HEADER_LEN && ((!l4.ipv6 && !get_be16(data + UDP_CSUM_OFFSET)) ||
                                          !csum_finish(csum_bytes(l4.pseudo, data, l4.len)));
        break;
    case IP_PROTO_TCP:
        ok = l4.len >= TCP_HEADER_LEN && !csum_finish(csum_bytes(l4.pseudo, data, l4.len));
        break;
    case IP_PROTO_ICMPV6:
        ok = !csum_finish(csum_bytes(l4.pseudo, data, l4.len));
        break;
    case IP_PROTO_ICMP:
    case IP_PROTO_IGMP:
        ok = !csum_finish(csum_bytes(0, data, l4.len));
        break;
    case IP_PROTO_SCTP: {
        uint32_t stored, computed = UINT32_MAX;
        ok = l4.len >= SCTP_HEADER_LEN;
        if (ok) {
            __builtin_memcpy(&stored, data + SCTP_CSUM_OFFSET, sizeof stored);
            put_be32(p->data + p->l4_ofs + SCTP_CSUM_OFFSET, 0);
            computed = crc32c(data, l4.len);
            __builtin_memcpy(p->data + p->l4_ofs + SCTP_CSUM_OFFSET, &stored, sizeof stored);
            ok = stored == computed;
        }
        break;
    }
    default:
        return true;
    }
    if (ok) {
        p->csum = PACKET_CSUM_GOOD;
    }
    return ok;
}
