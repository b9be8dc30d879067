/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Ethernet, VLAN tags, 802.2 with SNAP (IEEE 802.3, 802.1Q): layouts and constants. Over
 * base/types.h alone, so that eBPF programs can share it. Thread-safety: plain data. */
#ifndef WIRE_ETH_H
#define WIRE_ETH_H 1

#include "base/types.h"

#define ETH_ADDR_LEN    6
#define ETH_HEADER_LEN  14
#define VLAN_HEADER_LEN 4     /* tag and Ethertype behind it */
#define ETH_MIN_FRAME   60    /* without the checksum */
#define ETH_TYPE_MIN    0x600 /* below, the field is the length of an 802.2 frame */

struct eth_header {
    struct eth_addr dst;
    struct eth_addr src;
    be16 type;
} __attribute__((packed));
_Static_assert(sizeof(struct eth_header) == ETH_HEADER_LEN, "wire layout");

struct vlan_header {
    be16 tci;
    be16 next_type;
} __attribute__((packed));
_Static_assert(sizeof(struct vlan_header) == VLAN_HEADER_LEN, "wire layout");

#define ETH_TYPE_IPV4       0x0800
#define ETH_TYPE_ARP        0x0806
#define ETH_TYPE_TEB        0x6558 /* transparent Ethernet bridging: in GRE, Geneve */
#define ETH_TYPE_RARP       0x8035
#define ETH_TYPE_VLAN       0x8100
#define ETH_TYPE_SLOW       0x8809 /* LACP */
#define ETH_TYPE_IPV6       0x86dd
#define ETH_TYPE_MPLS       0x8847
#define ETH_TYPE_MPLS_MCAST 0x8848
#define ETH_TYPE_QINQ       0x88a8
#define ETH_TYPE_LLDP       0x88cc
#define ETH_TYPE_ERSPAN1    0x88be
#define ETH_TYPE_ERSPAN2    0x22eb
#define ETH_TYPE_NSH        0x894f
#define ETH_TYPE_CFM        0x8902

#define VLAN_VID_MASK  0x0fff
#define VLAN_CFI       0x1000
#define VLAN_PCP_MASK  0xe000
#define VLAN_PCP_SHIFT 13

/* IEEE 802.2 LLC and SNAP header of a frame that carries an Ethertype behind an 802.3 length. */
struct llc_snap_header {
    uint8_t dsap;
    uint8_t ssap;
    uint8_t cntl;
    uint8_t oui[3];
    be16 type;
} __attribute__((packed));
#define LLC_SNAP_HEADER_LEN 8
_Static_assert(sizeof(struct llc_snap_header) == LLC_SNAP_HEADER_LEN, "wire layout");
#define LLC_DSAP_SNAP 0xaa
#define LLC_SSAP_SNAP 0xaa
#define LLC_CNTL_UI   0x03

/* An Ethertype, and not the length of an 802.2 frame. */
static inline bool be16_is_ethertype(be16 v)
{
    return CONST_BE16(v) >= ETH_TYPE_MIN;
}
static inline bool eth_type_is_vlan(be16 type)
{
    return type == CONST_BE16(ETH_TYPE_VLAN) || type == CONST_BE16(ETH_TYPE_QINQ);
}
static inline bool eth_type_is_mpls(be16 type)
{
    return type == CONST_BE16(ETH_TYPE_MPLS) || type == CONST_BE16(ETH_TYPE_MPLS_MCAST);
}
static inline bool eth_addr_is_multicast(const struct eth_addr *a)
{
    return a->ea[0] & 1;
}
static inline bool eth_addr_is_zero(const struct eth_addr *a)
{
    return !(a->ea[0] | a->ea[1] | a->ea[2] | a->ea[3] | a->ea[4] | a->ea[5]);
}
static inline bool eth_addr_is_broadcast(const struct eth_addr *a)
{
    return (a->ea[0] & a->ea[1] & a->ea[2] & a->ea[3] & a->ea[4] & a->ea[5]) == 0xff;
}
static inline bool eth_addr_equal(const struct eth_addr *a, const struct eth_addr *b)
{
    return !__builtin_memcmp(a, b, sizeof *a);
}
/* 01:80:c2:00:00:0X: link-local, not forwarded by a bridge. */
static inline bool eth_addr_is_reserved(const struct eth_addr *a)
{
    return a->ea[0] == 0x01 && a->ea[1] == 0x80 && a->ea[2] == 0xc2 && !a->ea[3] && !a->ea[4] &&
           !(a->ea[5] & 0xf0);
}

#endif
