/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/request.h"

#include <string.h>

#include "wire/arp.h"
#include "wire/csum.h"
#include "wire/eth.h"

static size_t compose_arp(const struct ipv6_addr *address, const struct ipv6_addr *source,
                          struct eth_addr mac, uint8_t *frame)
{
    struct eth_header *eth = (struct eth_header *)(void *)frame;
    uint8_t *arp = frame + ETH_HEADER_LEN;
    memset(&eth->dst, 0xff, sizeof eth->dst);
    eth->src = mac;
    eth->type = CONST_BE16(ETH_TYPE_ARP);
    put_be16(arp, CONST_BE16(1));
    put_be16(arp + 2, CONST_BE16(ETH_TYPE_IPV4));
    arp[4] = ETH_ADDR_LEN;
    arp[5] = 4;
    put_be16(arp + 6, CONST_BE16(1));
    memcpy(arp + 8, &mac, ETH_ADDR_LEN);
    put_be32(arp + 14, tunnel_address_get_v4(source));
    put_be32(arp + 24, tunnel_address_get_v4(address));
    return ETH_HEADER_LEN + 28;
}

static size_t compose_solicitation(const struct ipv6_addr *address, const struct ipv6_addr *source,
                                   struct eth_addr mac, uint8_t *frame)
{
    const uint32_t len = ND_HEADER_LEN + ND_LLA_OPTION_LEN;
    struct eth_header *eth = (struct eth_header *)(void *)frame;
    struct ipv6_header *ip = (struct ipv6_header *)(void *)(frame + ETH_HEADER_LEN);
    struct nd_header *nd = (struct nd_header *)(void *)(ip + 1);
    struct nd_lla_option *option = (struct nd_lla_option *)(void *)(nd + 1);
    /* The solicited-node multicast group (RFC 4291, section 2.7.1), and its address (RFC 2464). */
    struct ipv6_addr group = {.u8 = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
    memcpy(group.u8 + 13, address->u8 + 13, 3);
    eth->dst = (struct eth_addr){{0x33, 0x33, group.u8[12], group.u8[13], group.u8[14], group.u8[15]}};
    eth->src = mac;
    eth->type = CONST_BE16(ETH_TYPE_IPV6);
    ip->ver_tc_flow = CONST_BE32(6u << 28);
    ip->payload_len = CONST_BE16(len);
    ip->next = IP_PROTO_ICMPV6;
    ip->hop_limit = 255;
    ip->src = *source;
    ip->dst = group;
    nd->type = ND_NEIGHBOR_SOLICIT;
    nd->target = *address;
    option->type = ND_OPT_SOURCE_LLA;
    option->len = 1;
    option->mac = mac;
    nd->csum =
        csum_finish(csum_continue(csum_pseudo_ipv6(&ip->src, &ip->dst, IP_PROTO_ICMPV6, len), nd, len));
    return ETH_HEADER_LEN + IPV6_HEADER_LEN + len;
}

size_t tunnel_request_compose(const struct ipv6_addr *address, const struct ipv6_addr *source,
                              struct eth_addr mac, uint8_t frame[TUNNEL_REQUEST_MAX])
{
    memset(frame, 0, TUNNEL_REQUEST_MAX);
    return ipv6_addr_is_v4mapped(address) ? compose_arp(address, source, mac, frame)
                                          : compose_solicitation(address, source, mac, frame);
}
