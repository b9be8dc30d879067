/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. TCP (RFC 9293), UDP (768), SCTP (9260), ICMP (792), ICMPv6 (4443), IGMP (2236): layouts. Plain
 * data. */
#ifndef WIRE_L4_H
#define WIRE_L4_H 1

#include "base/types.h"

struct tcp_header {
    be16 src;
    be16 dst;
    be32 seq;
    be32 ack;
    be16 ctl; /* data offset in 4 bits, flags in 12 */
    be16 window;
    be16 csum;
    be16 urgent;
} __attribute__((packed));
#define TCP_HEADER_LEN 20
_Static_assert(sizeof(struct tcp_header) == TCP_HEADER_LEN, "wire layout");
#define TCP_FLAGS_BE(CTL)     ((CTL)&CONST_BE16(0x0fff))
#define TCP_OFFSET_BYTES(CTL) ((uint32_t)CONST_BE16(CTL) >> 12 << 2)
#define TCP_CTL(FLAGS, WORDS) CONST_BE16((FLAGS) | ((WORDS) << 12))
#define TCP_FIN               0x001
#define TCP_SYN               0x002
#define TCP_RST               0x004
#define TCP_PSH               0x008
#define TCP_ACK               0x010
#define TCP_URG               0x020
#define TCP_ECE               0x040
#define TCP_CWR               0x080
#define TCP_NS                0x100

struct udp_header {
    be16 src;
    be16 dst;
    be16 len;
    be16 csum;
} __attribute__((packed));
#define UDP_HEADER_LEN 8
_Static_assert(sizeof(struct udp_header) == UDP_HEADER_LEN, "wire layout");

struct sctp_header {
    be16 src;
    be16 dst;
    be32 vtag;
    be32 csum; /* CRC32c, little-endian */
} __attribute__((packed));
#define SCTP_HEADER_LEN 12
_Static_assert(sizeof(struct sctp_header) == SCTP_HEADER_LEN, "wire layout");

/* ICMP and ICMPv6. */
struct icmp_header {
    uint8_t type;
    uint8_t code;
    be16 csum;
    be16 id; /* echo; unused or MTU in others */
    be16 seq;
} __attribute__((packed));
#define ICMP_HEADER_LEN   8
#define ICMPV6_HEADER_LEN 4 /* the least that makes one */
_Static_assert(sizeof(struct icmp_header) == ICMP_HEADER_LEN, "wire layout");
#define ICMP_ECHO_REPLY       0
#define ICMP_DST_UNREACH      3
#define ICMP_ECHO_REQUEST     8
#define ICMP_TIME_EXCEEDED    11
#define ICMP_PARAM_PROBLEM    12
#define ICMPV6_DST_UNREACH    1
#define ICMPV6_PACKET_TOO_BIG 2
#define ICMPV6_TIME_EXCEEDED  3
#define ICMPV6_PARAM_PROBLEM  4
#define ICMPV6_ECHO_REQUEST   128
#define ICMPV6_ECHO_REPLY     129
#define ICMPV6_MLD_QUERY      130
#define ICMPV6_MLD_REPORT     131
#define ICMPV6_MLD_DONE       132
#define ICMPV6_MLD2_REPORT    143

struct igmp_header {
    uint8_t type;
    uint8_t code;
    be16 csum;
    be32 group;
} __attribute__((packed));
#define IGMP_HEADER_LEN 8
_Static_assert(sizeof(struct igmp_header) == IGMP_HEADER_LEN, "wire layout");
#define IGMP_QUERY     0x11
#define IGMP_REPORT_V1 0x12
#define IGMP_REPORT_V2 0x16
#define IGMP_LEAVE     0x17
#define IGMP_REPORT_V3 0x22

#endif
