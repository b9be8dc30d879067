/* SPDX-License-Identifier: Apache-2.0 */
#include "action/hash.h"

#include <string.h>

#include "action/rewrite_private.h"
#include "base/hash.h"
#include "wire/eth.h"
#include "wire/l4.h"

/* What is hashed. Addresses that a packet does not have are zero. */
struct tuple {
    struct eth_addr eth_src, eth_dst; /* symmetric hashes only */
    be16 dl_type;
    be16 vlan;
    struct ipv6_addr src, dst; /* IPv4 in be32[0] */
    be16 tp_src, tp_dst;
    uint8_t proto;
};

/* Both directions give the same: the two sides of each pair are added. */
static uint32_t hash_symmetric(const struct tuple *t, uint32_t basis)
{
    uint64_t src = 0, dst = 0, h;
    memcpy(&src, &t->eth_src, sizeof t->eth_src);
    memcpy(&dst, &t->eth_dst, sizeof t->eth_dst);
    h = hash_mix64(basis + 0x2545f4914f6cdd1dull, src ^ dst);
    h = hash_mix64(h, (uint64_t)t->dl_type << 32 | (uint64_t)t->vlan << 8 | t->proto);
    for (int i = 0; i < 4; i++) {
        h = hash_mix64(h, (uint64_t)t->src.be32[i] + t->dst.be32[i]);
    }
    return hash_finish64(hash_mix64(h, (uint64_t)t->tp_src + t->tp_dst));
}

static uint32_t hash_l4(const struct tuple *t, uint32_t basis)
{
    uint64_t w[4];
    memcpy(w, &t->src, sizeof t->src);
    memcpy(w + 2, &t->dst, sizeof t->dst);
    uint64_t h = basis + 0x2545f4914f6cdd1dull;
    for (int i = 0; i < 4; i++) {
        h = hash_mix64(h, w[i]);
    }
    return hash_finish64(hash_mix64(h, (uint64_t)t->tp_src << 32 | (uint64_t)t->tp_dst << 16 | t->proto));
}

static uint32_t hash_tuple(const struct tuple *t, uint32_t alg, uint32_t basis)
{
    uint32_t hash = alg == DP_HASH_SYM_L4 ? hash_symmetric(t, basis) : hash_l4(t, basis);
    return hash ? hash : 1; /* 0 is "not computed" */
}

static bool has_ports(uint8_t proto)
{
    return proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == IP_PROTO_SCTP;
}

/* Ethertype behind the VLAN tags of an Ethernet frame, and the outermost tag's VID. */
static void link_layer(const struct packet *p, struct tuple *t)
{
    if (p->packet_type != FLOW_PT_ETH) {
        t->dl_type = CONST_BE16(CONST_BE32(p->packet_type) & 0xffff);
        return;
    }
    if (p->len < ETH_HEADER_LEN) {
        return;
    }
    memcpy(&t->eth_dst, p->data, sizeof t->eth_dst);
    memcpy(&t->eth_src, p->data + ETH_ADDR_LEN, sizeof t->eth_src);
    uint32_t ofs = 2 * ETH_ADDR_LEN;
    t->dl_type = get_be16(p->data + ofs);
    for (int i = 0; i < FLOW_MAX_VLANS && eth_type_is_vlan(t->dl_type) && p->len >= ofs + 6; i++) {
        if (!i) {
            t->vlan = get_be16(p->data + ofs + 2) & CONST_BE16(VLAN_VID_MASK);
        }
        ofs += VLAN_HEADER_LEN;
        t->dl_type = get_be16(p->data + ofs);
    }
}

uint32_t dp_hash_packet(struct packet *p, uint32_t alg, uint32_t basis)
{
    struct tuple t;
    struct l4_info info;
    memset(&t, 0, sizeof t);
    link_layer(p, &t);
    bool ip = p->l2_5_ofs == PACKET_NO_OFFSET && rewrite_l4_info(p, &info);
    const struct ipv4_header *ip4 =
        t.dl_type == CONST_BE16(ETH_TYPE_IPV4) ? bytes_at(p, p->l3_ofs, IPV4_HEADER_LEN) : NULL;
    const struct ipv6_header *ip6 =
        t.dl_type == CONST_BE16(ETH_TYPE_IPV6) ? bytes_at(p, p->l3_ofs, IPV6_HEADER_LEN) : NULL;
    if (ip && ip4) {
        t.src.be32[0] = ip4->src;
        t.dst.be32[0] = ip4->dst;
        info.later_fragment |= (ip4->frag_off & CONST_BE16(IPV4_MORE_FRAGS)) != 0;
    } else if (ip && ip6) {
        memcpy(&t.src, &ip6->src, sizeof t.src);
        memcpy(&t.dst, &ip6->dst, sizeof t.dst);
        info.later_fragment |= ip6->next == IP_PROTO_FRAGMENT;
    } else {
        return hash_tuple(&t, alg, basis);
    }
    const uint8_t *ports = bytes_at(p, p->l4_ofs, 4);
    t.proto = info.proto;
    if (ports && !info.later_fragment && has_ports(t.proto)) {
        t.tp_src = get_be16(ports);
        t.tp_dst = get_be16(ports + 2);
    }
    return hash_tuple(&t, alg, basis);
}

uint32_t dp_hash_key(const struct flow_key *key, uint32_t alg, uint32_t basis)
{
    struct tuple t;
    memset(&t, 0, sizeof t);
    t.dl_type = key->dl_type;
    if (key->packet_type == FLOW_PT_ETH) {
        t.eth_src = key->dl_src;
        t.eth_dst = key->dl_dst;
        t.vlan = key->vlans[0].tci & CONST_BE16(VLAN_VID_MASK);
    }
    if (key->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        t.src.be32[0] = key->nw_src;
        t.dst.be32[0] = key->nw_dst;
    } else if (key->dl_type == CONST_BE16(ETH_TYPE_IPV6)) {
        t.src = key->ipv6_src;
        t.dst = key->ipv6_dst;
    } else {
        return hash_tuple(&t, alg, basis);
    }
    t.proto = key->nw_proto;
    if (!key->nw_frag && has_ports(t.proto)) {
        t.tp_src = key->tp_src;
        t.tp_dst = key->tp_dst;
    }
    return hash_tuple(&t, alg, basis);
}
