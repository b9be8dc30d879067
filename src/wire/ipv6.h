/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. IPv6 (RFC 8200), extension headers, neighbour discovery (RFC 4861): layouts. Plain data. */
#ifndef WIRE_IPV6_H
#define WIRE_IPV6_H 1

#include "base/types.h"

struct ipv6_header {
    be32 ver_tc_flow; /* version 4 bits, traffic class 8, flow label 20 */
    be16 payload_len;
    uint8_t next;
    uint8_t hop_limit;
    struct ipv6_addr src;
    struct ipv6_addr dst;
} __attribute__((packed));
#define IPV6_HEADER_LEN 40
_Static_assert(sizeof(struct ipv6_header) == IPV6_HEADER_LEN, "wire layout");

#define IPV6_LABEL_MASK 0x000fffff
#define IPV6_TC_SHIFT   20

/* Common start of hop-by-hop, routing and destination options headers. */
struct ipv6_ext_header {
    uint8_t next;
    uint8_t len; /* in units of 8 bytes, less the first; of AH in units of 4 bytes, less 2 */
} __attribute__((packed));

struct ipv6_frag_header {
    uint8_t next;
    uint8_t reserved;
    be16 offlg; /* offset (13 bits, units of 8 bytes), 2 reserved bits, more-fragments */
    be32 id;
} __attribute__((packed));
#define IPV6_FRAG_HEADER_LEN 8
_Static_assert(sizeof(struct ipv6_frag_header) == IPV6_FRAG_HEADER_LEN, "wire layout");
#define IPV6_FRAG_OFF_MASK 0xfff8
#define IPV6_FRAG_MORE     0x0001

/* ICMPv6 types that speak of neighbours. */
#define ND_ROUTER_SOLICIT   133
#define ND_ROUTER_ADVERT    134
#define ND_NEIGHBOR_SOLICIT 135
#define ND_NEIGHBOR_ADVERT  136
#define ND_REDIRECT         137

/* Neighbour solicitation and advertisement, from the ICMPv6 header on; options follow. */
struct nd_header {
    uint8_t type;
    uint8_t code;
    be16 csum;
    be32 reserved; /* flags in an advertisement */
    struct ipv6_addr target;
} __attribute__((packed));
#define ND_HEADER_LEN 24
_Static_assert(sizeof(struct nd_header) == ND_HEADER_LEN, "wire layout");

struct nd_lla_option {
    uint8_t type;
    uint8_t len; /* in units of 8 bytes */
    struct eth_addr mac;
} __attribute__((packed));
#define ND_LLA_OPTION_LEN 8
_Static_assert(sizeof(struct nd_lla_option) == ND_LLA_OPTION_LEN, "wire layout");
#define ND_OPT_SOURCE_LLA 1
#define ND_OPT_TARGET_LLA 2

static inline bool ipv6_addr_is_zero(const struct ipv6_addr *a)
{
    return !(a->be32[0] | a->be32[1] | a->be32[2] | a->be32[3]);
}
static inline bool ipv6_addr_equal(const struct ipv6_addr *a, const struct ipv6_addr *b)
{
    return !__builtin_memcmp(a, b, sizeof *a);
}
static inline bool ipv6_addr_is_multicast(const struct ipv6_addr *a)
{
    return a->u8[0] == 0xff;
}
/* ::ffff:a.b.c.d */
static inline bool ipv6_addr_is_v4mapped(const struct ipv6_addr *a)
{
    return !a->be32[0] && !a->be32[1] && a->be32[2] == CONST_BE32(0xffff);
}

#endif
