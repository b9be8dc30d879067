/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/outer.h"

#include "packet/csum.h"
#include "wire/csum.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

const uint8_t *outer_take(struct outer *o, uint32_t n)
{
    if (o->ofs > o->end || n > o->end - o->ofs) {
        return NULL;
    }
    const uint8_t *p = o->packet->data + o->ofs;
    o->ofs += n;
    return p;
}

static enum drop_reason read_ipv4(struct outer *o, uint8_t *proto)
{
    struct packet *p = o->packet;
    const struct ipv4_header *ip = (const void *)outer_take(o, IPV4_HEADER_LEN);
    if (!ip || IPV4_VERSION(ip) != 4) {
        return DROP_TUNNEL_SHORT;
    }
    uint32_t ihl = (uint32_t)IPV4_IHL_BYTES(ip), total = CONST_BE16(ip->total_len);
    if (ihl < IPV4_HEADER_LEN || ihl > p->len - o->l3 ||
        (!p->gso_type && (total < ihl || total > p->len - o->l3))) {
        return DROP_TUNNEL_SHORT;
    }
    if (ip->frag_off & CONST_BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFF_MASK)) {
        return DROP_TUNNEL_FRAGMENT;
    }
    if (p->csum == PACKET_CSUM_UNKNOWN && csum_of(ip, ihl)) {
        return DROP_TUNNEL_CSUM;
    }
    o->end = p->gso_type ? p->len : o->l3 + total;
    o->ofs = o->l4 = o->l3 + ihl;
    o->key->tun_src = ip->src;
    o->key->tun_dst = ip->dst;
    o->key->tun_tos = ip->tos;
    o->key->tun_ttl = ip->ttl;
    *proto = ip->proto;
    return DROP_NONE;
}

static enum drop_reason read_ipv6(struct outer *o, uint8_t *proto)
{
    struct packet *p = o->packet;
    const struct ipv6_header *ip = (const void *)outer_take(o, IPV6_HEADER_LEN);
    if (!ip || CONST_BE32(ip->ver_tc_flow) >> 28 != 6) {
        return DROP_TUNNEL_SHORT;
    }
    uint32_t len = CONST_BE16(ip->payload_len);
    if (!p->gso_type && len > p->len - o->l3 - IPV6_HEADER_LEN) {
        return DROP_TUNNEL_SHORT;
    }
    o->end = p->gso_type ? p->len : o->l3 + IPV6_HEADER_LEN + len;
    o->l4 = o->ofs;
    o->key->tun_ipv6_src = ip->src;
    o->key->tun_ipv6_dst = ip->dst;
    o->key->tun_tos = (uint8_t)(CONST_BE32(ip->ver_tc_flow) >> IPV6_TC_SHIFT);
    o->key->tun_ttl = ip->hop_limit;
    *proto = ip->next;
    return DROP_NONE;
}

enum drop_reason outer_read(struct outer *o, uint8_t proto)
{
    uint8_t found;
    const uint8_t *eth = outer_take(o, ETH_HEADER_LEN);
    if (!eth) {
        return DROP_TUNNEL_SHORT;
    }
    be16 type = get_be16(eth + 12);
    while (eth_type_is_vlan(type)) {
        const uint8_t *tag = outer_take(o, VLAN_HEADER_LEN);
        if (!tag) {
            return DROP_TUNNEL_SHORT;
        }
        type = get_be16(tag + 2);
    }
    o->l3 = o->ofs;
    o->v4 = type == CONST_BE16(ETH_TYPE_IPV4);
    if (!o->v4 && type != CONST_BE16(ETH_TYPE_IPV6)) {
        return DROP_TUNNEL_POP;
    }
    enum drop_reason why = o->v4 ? read_ipv4(o, &found) : read_ipv6(o, &found);
    return why ? why : found == proto ? DROP_NONE : DROP_TUNNEL_POP;
}

bool outer_csum_is_right(const struct outer *o, uint32_t sum, uint32_t ofs)
{
    const struct packet *p = o->packet;
    return p->csum != PACKET_CSUM_UNKNOWN || p->gso_type ||
           !csum_finish(csum_bytes(sum, p->data + ofs, o->end - ofs));
}

uint32_t outer_pseudo(const struct outer *o, uint8_t proto)
{
    const uint8_t *ip = o->packet->data + o->l3;
    uint32_t len = o->end - o->l4;
    return o->v4 ? csum_pseudo_ipv4(get_be32(ip + 12), get_be32(ip + 16), proto, len)
                 : csum_pseudo_ipv6(ip + 8, ip + 24, proto, len);
}
