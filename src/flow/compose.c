/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/compose.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytebuf.h"
#include "flow/mask.h"
#include "wire/arp.h"
#include "wire/csum.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/mpls.h"

struct composer {
    struct bytebuf out;
    const struct flow_key *key;
    const uint8_t *l7;
    size_t l7_len;
    size_t total;     /* zeros are added up to here */
    uint32_t padding; /* that many */
    size_t l3, l4;
};

static void put_l7(struct composer *c)
{
    bytebuf_put(&c->out, c->l7, c->l7_len);
}

static void put_nd(struct composer *c)
{
    const struct flow_key *k = c->key;
    struct nd_lla_option opt = {.len = 1};

    bytebuf_put(&c->out, &k->igmp_group, 4);
    bytebuf_put(&c->out, &k->nd_target, sizeof k->nd_target);
    if (!eth_addr_is_zero(&k->arp_sha)) {
        opt.type = ND_OPT_SOURCE_LLA;
        opt.mac = k->arp_sha;
        bytebuf_put(&c->out, &opt, sizeof opt);
    }
    if (!eth_addr_is_zero(&k->arp_tha)) {
        opt.type = ND_OPT_TARGET_LLA;
        opt.mac = k->arp_tha;
        bytebuf_put(&c->out, &opt, sizeof opt);
    }
}

static void put_icmp(struct composer *c, bool is_echo, bool is_nd)
{
    const struct flow_key *k = c->key;
    struct icmp_header icmp = {
        .type = (uint8_t)CONST_BE16(k->tp_src),
        .code = (uint8_t)CONST_BE16(k->tp_dst),
    };
    bytebuf_put(&c->out, &icmp, is_nd ? 4 : sizeof icmp);
    if (is_nd) {
        put_nd(c);
    } else if (is_echo) {
        put_l7(c);
    }
}

static void put_l4(struct composer *c, bool is_ipv6)
{
    const struct flow_key *k = c->key;
    uint8_t type = (uint8_t)CONST_BE16(k->tp_src);

    c->l4 = c->out.len;
    if (k->nw_frag & FLOW_NW_FRAG_LATER) {
        return;
    }
    switch (k->nw_proto) {
    case IP_PROTO_TCP: {
        struct tcp_header tcp = {.src = k->tp_src, .dst = k->tp_dst};
        tcp.ctl = CONST_BE16(5 << 12) | TCP_FLAGS_BE(k->tcp_flags);
        bytebuf_put(&c->out, &tcp, sizeof tcp);
        if (!(CONST_BE16(k->tcp_flags) & (TCP_SYN | TCP_FIN | TCP_RST))) {
            put_l7(c);
        }
        break;
    }
    case IP_PROTO_UDP: {
        struct udp_header udp = {.src = k->tp_src, .dst = k->tp_dst};
        bytebuf_put(&c->out, &udp, sizeof udp);
        put_l7(c);
        break;
    }
    case IP_PROTO_SCTP: {
        struct sctp_header sctp = {.src = k->tp_src, .dst = k->tp_dst};
        bytebuf_put(&c->out, &sctp, sizeof sctp);
        break;
    }
    case IP_PROTO_ICMP:
        if (!is_ipv6) {
            put_icmp(c, !k->tp_dst && (type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY), false);
        }
        break;
    case IP_PROTO_IGMP: {
        struct igmp_header igmp = {
            .type = type, .code = (uint8_t)CONST_BE16(k->tp_dst), .group = k->igmp_group};
        bytebuf_put(&c->out, &igmp, sizeof igmp);
        break;
    }
    case IP_PROTO_ICMPV6:
        if (is_ipv6) {
            put_icmp(c, !k->tp_dst && (type == ICMPV6_ECHO_REQUEST || type == ICMPV6_ECHO_REPLY),
                     !k->tp_dst && (type == ND_NEIGHBOR_SOLICIT || type == ND_NEIGHBOR_ADVERT));
        }
        break;
    default:
        break;
    }
}

static void pad(struct composer *c)
{
    if (c->total > c->out.len) {
        c->padding = (uint32_t)(c->total - c->out.len);
        bytebuf_put_zeros(&c->out, c->padding);
    }
}

/* Lengths and checksums of layer 4, once the packet has its length. */
static void finish_l4(struct composer *c, bool is_ipv6)
{
    const struct flow_key *k = c->key;
    uint32_t len = (uint32_t)(c->out.len - c->l4), sum;
    uint8_t *l4 = c->out.data + c->l4;
    size_t field;

    if (k->nw_frag & FLOW_NW_FRAG_LATER) {
        return;
    }
    switch (k->nw_proto) {
    case IP_PROTO_TCP:
        field = offsetof(struct tcp_header, csum);
        break;
    case IP_PROTO_UDP:
        field = offsetof(struct udp_header, csum);
        /* The reference counts the padding twice; the bytes are to be the same. */
        put_be16(l4 + offsetof(struct udp_header, len), CONST_BE16(len + c->padding));
        break;
    case IP_PROTO_ICMP:
    case IP_PROTO_IGMP:
        field = 2;
        if (is_ipv6 && k->nw_proto == IP_PROTO_ICMP) {
            return;
        }
        put_be16(l4 + field, csum_of(l4, len));
        return;
    case IP_PROTO_ICMPV6:
        field = 2;
        if (!is_ipv6) {
            return;
        }
        break;
    default:
        return;
    }
    sum = is_ipv6 ? csum_pseudo_ipv6(&k->ipv6_src, &k->ipv6_dst, k->nw_proto, len)
                  : csum_pseudo_ipv4(k->nw_src, k->nw_dst, k->nw_proto, len);
    be16 csum = csum_finish(csum_continue(sum, l4, len));
    put_be16(l4 + field, csum ? csum : k->nw_proto == IP_PROTO_UDP ? UINT16_MAX : 0);
}

static void put_ipv4(struct composer *c)
{
    const struct flow_key *k = c->key;
    struct ipv4_header ip = {
        .ver_ihl = IPV4_VER_IHL_PLAIN,
        .tos = k->nw_tos,
        .ttl = k->nw_ttl,
        .proto = k->nw_proto,
        .src = k->nw_src,
        .dst = k->nw_dst,
    };
    if (k->nw_frag & FLOW_NW_FRAG_ANY) {
        ip.frag_off = CONST_BE16(IPV4_MORE_FRAGS | (k->nw_frag & FLOW_NW_FRAG_LATER ? 100 : 0));
    }
    c->l3 = c->out.len;
    bytebuf_put(&c->out, &ip, sizeof ip);
    put_l4(c, false);
    pad(c);
    struct ipv4_header *header = (void *)(c->out.data + c->l3);
    header->total_len = CONST_BE16(c->out.len - c->l3);
    header->csum = csum_of(header, sizeof *header);
    finish_l4(c, false);
}

static void put_ipv6(struct composer *c)
{
    const struct flow_key *k = c->key;
    struct ipv6_header ip = {
        .ver_tc_flow = CONST_BE32(6u << 28 | (uint32_t)k->nw_tos << IPV6_TC_SHIFT) | k->ipv6_label,
        .next = k->nw_proto,
        .hop_limit = k->nw_ttl,
        .src = k->ipv6_src,
        .dst = k->ipv6_dst,
    };
    c->l3 = c->out.len;
    bytebuf_put(&c->out, &ip, sizeof ip);
    put_l4(c, true);
    pad(c);
    struct ipv6_header *header = (void *)(c->out.data + c->l3);
    header->payload_len = CONST_BE16(c->out.len - c->l4);
    finish_l4(c, true);
}

static void put_arp(struct composer *c)
{
    const struct flow_key *k = c->key;
    struct arp_header arp = {
        .hrd = CONST_BE16(ARP_HRD_ETHERNET),
        .pro = CONST_BE16(ARP_PRO_IPV4),
        .hln = ETH_ADDR_LEN,
        .pln = 4,
        .op = CONST_BE16(k->nw_proto),
    };
    if (k->nw_proto == ARP_OP_REQUEST || k->nw_proto == ARP_OP_REPLY) {
        arp.sha = k->arp_sha;
        arp.spa = k->nw_src;
        arp.tha = k->arp_tha;
        arp.tpa = k->nw_dst;
    }
    bytebuf_put(&c->out, &arp, sizeof arp);
}

static void put_mpls(struct composer *c)
{
    for (int i = 0; i < FLOW_MAX_MPLS; i++) {
        bytebuf_put(&c->out, &c->key->mpls_lse[i], MPLS_LSE_LEN);
        if (c->key->mpls_lse[i] & CONST_BE32(MPLS_BOS_MASK)) {
            break;
        }
    }
}

static void put_frame(struct composer *c)
{
    const struct flow_key *k = c->key;
    be16 type = flow_key_dl_type(k);

    bytebuf_put(&c->out, &k->dl_dst, ETH_ADDR_LEN);
    bytebuf_put(&c->out, &k->dl_src, ETH_ADDR_LEN);
    for (int i = 0; i < FLOW_MAX_VLANS && (k->vlans[i].tci & FLOW_VLAN_PRESENT); i++) {
        be16 tpid = k->vlans[i].tpid ? k->vlans[i].tpid : CONST_BE16(ETH_TYPE_VLAN);
        bytebuf_put(&c->out, &tpid, 2);
        be16 tci = k->vlans[i].tci & ~FLOW_VLAN_PRESENT;
        bytebuf_put(&c->out, &tci, 2);
    }
    if (!be16_is_ethertype(type)) {
        /* An 802.2 frame: its length, tags not counted. */
        size_t tags = c->out.len - 2 * ETH_ADDR_LEN;
        size_t len = (c->total ? c->total : c->out.len + 2) - tags;
        type = CONST_BE16(len < ETH_TYPE_MIN ? len : 0);
        bytebuf_put(&c->out, &type, 2);
        return;
    }
    bytebuf_put(&c->out, &type, 2);
    switch (CONST_BE16(type)) {
    case ETH_TYPE_IPV4:
        put_ipv4(c);
        break;
    case ETH_TYPE_IPV6:
        put_ipv6(c);
        break;
    case ETH_TYPE_ARP:
    case ETH_TYPE_RARP:
        put_arp(c);
        break;
    case ETH_TYPE_MPLS:
    case ETH_TYPE_MPLS_MCAST:
        put_mpls(c);
        break;
    default:
        break;
    }
}

struct packet *flow_compose(struct packet_pool *pool, const struct flow_key *key, const void *l7,
                            size_t l7_len)
{
    uint8_t usual[FLOW_COMPOSE_PAYLOAD];
    struct composer c = {.out = BYTEBUF_INITIALIZER, .key = key, .l7 = l7, .l7_len = l7_len};
    if (!l7) {
        for (unsigned i = 0; i < sizeof usual; i++) {
            usual[i] = (uint8_t)i;
        }
        c.l7 = usual;
        c.l7_len = sizeof usual;
    }
    put_frame(&c);
    struct packet *p = packet_from_bytes(pool, c.out.data, (uint32_t)c.out.len);
    bytebuf_fini(&c.out);
    return p;
}

struct packet *flow_compose_sized(struct packet_pool *pool, const struct flow_key *key, size_t len,
                                  bool *too_small)
{
    struct composer c = {.out = BYTEBUF_INITIALIZER, .key = key, .l7 = (const uint8_t *)"", .total = len};
    put_frame(&c);
    *too_small = len < ETH_MIN_FRAME || c.out.len > len;
    pad(&c);
    struct packet *p = *too_small ? NULL : packet_from_bytes(pool, c.out.data, (uint32_t)c.out.len);
    bytebuf_fini(&c.out);
    return p;
}
