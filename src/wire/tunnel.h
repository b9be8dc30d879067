/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Tunnel headers: VXLAN (RFC 7348; GBP and GPE drafts), Geneve (8926), GRE (2784, 2890), ERSPAN,
 * GTP-U (3GPP TS 29.281), STT (draft-davie-stt-08). Plain data. */
#ifndef WIRE_TUNNEL_H
#define WIRE_TUNNEL_H 1

#include "base/types.h"

#define VXLAN_PORT  4789
#define GENEVE_PORT 6081
#define STT_PORT    7471
#define LISP_PORT   4341
#define GTPU_PORT   2152

struct vxlan_header {
    be32 flags; /* I bit; with GBP also flags and the group policy id; with GPE the next protocol */
    be32 vni;   /* 24 bits << 8 */
} __attribute__((packed));
#define VXLAN_HEADER_LEN 8
_Static_assert(sizeof(struct vxlan_header) == VXLAN_HEADER_LEN, "wire layout");
#define VXLAN_F_VNI            0x08000000
#define VXLAN_F_GBP            0x80000000
#define VXLAN_GBP_DONT_LEARN   0x00400000
#define VXLAN_GBP_APPLIED      0x00080000
#define VXLAN_GBP_ID_MASK      0x0000ffff
#define VXLAN_GPE_F_NEXT_PROTO 0x04000000
#define VXLAN_GPE_F_OAM        0x01000000
#define VXLAN_GPE_F_BUM        0x02000000
#define VXLAN_GPE_F_VER_MASK   0x30000000
#define VXLAN_GPE_NP_IPV4      1
#define VXLAN_GPE_NP_IPV6      2
#define VXLAN_GPE_NP_ETHERNET  3
#define VXLAN_GPE_NP_NSH       4

struct geneve_header {
    uint8_t ver_opt_len; /* version 2 bits, option length 6 (units of 4 bytes) */
    uint8_t flags;       /* OAM 0x80, critical 0x40 */
    be16 proto;
    be32 vni; /* 24 bits << 8 */
} __attribute__((packed));
#define GENEVE_HEADER_LEN 8
_Static_assert(sizeof(struct geneve_header) == GENEVE_HEADER_LEN, "wire layout");
#define GENEVE_F_OAM  0x80
#define GENEVE_F_CRIT 0x40
struct geneve_option {
    be16 class;
    uint8_t type; /* 0x80: critical */
    uint8_t len;  /* low 5 bits: data length in units of 4 bytes */
} __attribute__((packed));
#define GENEVE_OPTION_LEN      4
#define GENEVE_OPTION_LEN_MASK 0x1f
#define GENEVE_OPTION_CRIT     0x80
_Static_assert(sizeof(struct geneve_option) == GENEVE_OPTION_LEN, "wire layout");

struct gre_header {
    be16 flags;
    be16 proto;
} __attribute__((packed));
#define GRE_HEADER_LEN 4
#define GRE_F_CSUM     0x8000
#define GRE_F_ROUTING  0x4000
#define GRE_F_KEY      0x2000
#define GRE_F_SEQ      0x1000
#define GRE_VER_MASK   0x0007

/* ERSPAN, behind GRE with a sequence number: version 4 bits, VLAN 12; COS 3, encapsulation 2, T 1, session
 * 10; then, version 1 (type II): index 20 bits; version 2 (type III): time stamp 32, SGT 16, P 1, frame type
 * 5, hardware 6, direction 1, granularity 2, O 1. */
#define ERSPAN_V1_LEN       8
#define ERSPAN_V2_LEN       12
#define ERSPAN_VER_SHIFT    4 /* in the first byte */
#define ERSPAN_SESSION_MASK 0x3ff
#define ERSPAN_INDEX_MASK   0xfffff

/* LISP (RFC 6830, section 5.3): flags 8 bits, nonce or map version 24; instance 24, locator bits 8. */
#define LISP_HEADER_LEN 8
#define LISP_F_INSTANCE 0x08

struct gtpu_header {
    uint8_t flags;
    uint8_t msg_type;
    be16 len;
    be32 teid;
} __attribute__((packed));
#define GTPU_HEADER_LEN 8
_Static_assert(sizeof(struct gtpu_header) == GTPU_HEADER_LEN, "wire layout");
#define GTPU_MSG_GPDU    255
#define GTPU_FLAGS_PLAIN 0x30 /* version 1, GTP and not GTP' */
#define GTPU_F_EXT_MASK  0x07 /* E, S, PN: four bytes more follow */
#define GTPU_F_EXT       0x04
#define GTPU_VER_MASK    0xf0

/* Behind a TCP header without options, whose sequence number is the length of all that follows it in the
 * frame's segments << 16 | the place of this segment, and whose acknowledgement number is the frame's. */
struct stt_header {
    uint8_t version;
    uint8_t flags;
    uint8_t l4_offset; /* from the frame's first byte; with STT_F_CSUM_PARTIAL */
    uint8_t reserved;
    be16 mss;      /* of TCP inside; 0: it is no segment that has to be cut */
    be16 vlan_tci; /* STT_VLAN_PRESENT: the frame's outermost tag */
    be64 key;
    be16 pad;
} __attribute__((packed));
#define STT_HEADER_LEN 18
_Static_assert(sizeof(struct stt_header) == STT_HEADER_LEN, "wire layout");
#define STT_F_CSUM_VERIFIED 0x01
#define STT_F_CSUM_PARTIAL  0x02
#define STT_F_IPV4          0x04
#define STT_F_TCP           0x08
#define STT_VLAN_PRESENT    0x1000

#endif
