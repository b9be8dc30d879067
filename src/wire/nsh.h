/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Network service header (RFC 8300). Plain data. */
#ifndef WIRE_NSH_H
#define WIRE_NSH_H 1

#include "base/types.h"

struct nsh_header {
    be16 ver_flags_ttl_len; /* version 2 bits, O 1, unassigned 1, TTL 6, length 6 (units of 4 bytes) */
    uint8_t md_type;        /* 4 unassigned bits, type in the low 4 */
    uint8_t next_proto;
    be32 path_hdr;   /* SPI 24 bits, SI 8 */
    be32 context[4]; /* of MD type 1; variable for type 2 */
} __attribute__((packed));
#define NSH_BASE_LEN 8
#define NSH_M1_LEN   24
_Static_assert(sizeof(struct nsh_header) == NSH_M1_LEN, "wire layout");

#define NSH_VERSION(VFTL)         (CONST_BE16(VFTL) >> 14)
#define NSH_FLAGS(VFTL)           ((CONST_BE16(VFTL) & 0x3000) >> 12)
#define NSH_TTL(VFTL)             ((CONST_BE16(VFTL) & 0x0fc0) >> 6)
#define NSH_LENGTH(VFTL)          ((CONST_BE16(VFTL) & 0x003f) * 4)
#define NSH_VFTL(FLAGS, TTL, LEN) CONST_BE16(((FLAGS)&3) << 12 | ((TTL)&0x3f) << 6 | (((LEN) / 4) & 0x3f))

#define NSH_MD_TYPE_MASK 0x0f
#define NSH_MD1          1
#define NSH_MD2          2
#define NSH_NP_IPV4      1
#define NSH_NP_IPV6      2
#define NSH_NP_ETHERNET  3
#define NSH_NP_NSH       4
#define NSH_NP_MPLS      5
#define NSH_DEFAULT_TTL  63

#endif
