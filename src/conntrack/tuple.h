/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What connections are told apart by: addresses, protocol, ports or ICMP identifier, zone.
 * Thread-safety: plain data. */
#ifndef CONNTRACK_TUPLE_H
#define CONNTRACK_TUPLE_H 1

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/types.h"
#include "packet/packet.h"

/* Compared as bytes: every byte is defined. TCP, UDP, SCTP: ports. ICMP and ICMPv6: tp_src is the identifier,
 * tp_dst type and code (CT_ICMP), as the packet that goes this way has them. Others: 0. */
struct ct_tuple {
    struct ipv6_addr src, dst; /* IPv4 in be32[0] */
    be16 tp_src, tp_dst;
    uint16_t zone;
    uint8_t proto;
    uint8_t is_ipv6;
};
_Static_assert(sizeof(struct ct_tuple) == 40, "no padding");

#define CT_ICMP(TYPE, CODE)  CONST_BE16((uint16_t)((TYPE) << 8 | (CODE)))
#define CT_ICMP_TYPE(TP_DST) ((uint8_t)((TP_DST)&0xff)) /* the byte that comes first */
#define CT_ICMP_CODE(TP_DST) ((uint8_t)((TP_DST) >> 8))

static inline bool ct_tuple_equal(const struct ct_tuple *a, const struct ct_tuple *b)
{
    uint64_t x[5], y[5], d = 0;
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    for (int i = 0; i < 5; i++) {
        d |= x[i] ^ y[i];
    }
    return !d;
}

bool ct_tuple_is_icmp(const struct ct_tuple *);
/* Of an ICMP tuple: does it ask? */
bool ct_tuple_is_icmp_request(const struct ct_tuple *);
/* The tuple of the answers. */
void ct_tuple_reverse(const struct ct_tuple *, struct ct_tuple *reversed);

/* The same for both directions; SECRET is 16 random bytes of the table's. */
static inline uint64_t ct_mum(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)a * b;
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}
uint64_t ct_tuple_hash(const struct ct_tuple *, const uint64_t secret[4]);

/* What a packet is to connection tracking. */
enum ct_kind {
    CT_KIND_INVALID,  /* damaged, or of no protocol that makes connections */
    CT_KIND_FRAGMENT, /* of an IP packet: nothing but that is known */
    CT_KIND_PLAIN,
    CT_KIND_ERROR, /* an ICMP error: `tuple` is that of the packet which caused it, reversed: as if it went
                      our way */
};
struct ct_packet {
    struct ct_tuple tuple;
    uint8_t kind; /* enum ct_kind */
    /* Of the packet that counts for the state: not for CT_KIND_ERROR. */
    uint8_t *l4;     /* its header */
    uint32_t l4_len; /* bytes from there to the end of the IP packet */
    /* CT_KIND_ERROR: the packet inside of the ICMP message */
    uint8_t *inner_l3, *inner_l4;
    uint32_t inner_l4_len;
};

/* Fills in CT for a packet whose offsets are set; checks checksums that nobody vouches for. False:
 * invalid, or a fragment. */
bool ct_packet_parse(struct packet *, uint16_t zone, struct ct_packet *ct);

#endif
