/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. IPv4 (RFC 791) and IP protocol numbers: layout and constants. Plain data. */
#ifndef WIRE_IPV4_H
#define WIRE_IPV4_H 1

#include "base/types.h"

struct ipv4_header {
    uint8_t ver_ihl;
    uint8_t tos;
    be16 total_len;
    be16 id;
    be16 frag_off;
    uint8_t ttl;
    uint8_t proto;
    be16 csum;
    be32 src;
    be32 dst;
} __attribute__((packed));
#define IPV4_HEADER_LEN 20
_Static_assert(sizeof(struct ipv4_header) == IPV4_HEADER_LEN, "wire layout");

#define IPV4_VERSION(H)    ((H)->ver_ihl >> 4)
#define IPV4_IHL_BYTES(H)  (((H)->ver_ihl & 0xf) * 4)
#define IPV4_VER_IHL_PLAIN 0x45 /* version 4, no options */

#define IPV4_DONT_FRAG     0x4000
#define IPV4_MORE_FRAGS    0x2000
#define IPV4_FRAG_OFF_MASK 0x1fff /* in units of 8 bytes */

#define IP_ECN_MASK  0x03
#define IP_ECN_CE    0x03
#define IP_DSCP_MASK 0xfc

#define IPV4_IS_MULTICAST(BE) (((BE)&CONST_BE32(0xf0000000)) == CONST_BE32(0xe0000000))

/* IP protocol numbers (IANA), for IPv4 and as IPv6's next header. */
#define IP_PROTO_HOPOPTS  0
#define IP_PROTO_ICMP     1
#define IP_PROTO_IGMP     2
#define IP_PROTO_IPIP     4
#define IP_PROTO_TCP      6
#define IP_PROTO_UDP      17
#define IP_PROTO_IPV6     41
#define IP_PROTO_ROUTING  43
#define IP_PROTO_FRAGMENT 44
#define IP_PROTO_GRE      47
#define IP_PROTO_ESP      50
#define IP_PROTO_AH       51
#define IP_PROTO_ICMPV6   58
#define IP_PROTO_NONE     59
#define IP_PROTO_DSTOPTS  60
#define IP_PROTO_SCTP     132
#define IP_PROTO_UDPLITE  136
#define IP_PROTO_MOBILITY 135
#define IP_PROTO_HIP      139
#define IP_PROTO_SHIM6    140

#endif
