/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. ARP for Ethernet and IPv4 (RFC 826), RARP (RFC 903): layout and constants. Plain data. */
#ifndef WIRE_ARP_H
#define WIRE_ARP_H 1

#include "base/types.h"

struct arp_header {
    be16 hrd;
    be16 pro;
    uint8_t hln;
    uint8_t pln;
    be16 op;
    struct eth_addr sha;
    be32 spa;
    struct eth_addr tha;
    be32 tpa;
} __attribute__((packed));
#define ARP_HEADER_LEN 28
_Static_assert(sizeof(struct arp_header) == ARP_HEADER_LEN, "wire layout");

#define ARP_HRD_ETHERNET 1
#define ARP_PRO_IPV4     0x0800
#define ARP_OP_REQUEST   1
#define ARP_OP_REPLY     2
#define ARP_OP_RARP      3

#endif
