/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/header.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "wire/csum.h"
#include "wire/eth.h"
#include "wire/l4.h"
#include "wire/tunnel.h"

/* Headers as they are put one behind the other. */
struct builder {
    const struct tunnel_config *config;
    const struct flow_key *flow;
    struct tunnel_header *out;
};

static uint8_t *add(struct builder *b, uint32_t n)
{
    uint8_t *p = b->out->bytes + b->out->len;
    memset(p, 0, n);
    b->out->len += n;
    return p;
}

/* What is inside, as an Ethertype: "transparent Ethernet bridging" for a frame. */
static be16 inner_type(const struct flow_key *flow)
{
    return flow->packet_type == FLOW_PT_ETH ? CONST_BE16(ETH_TYPE_TEB)
                                            : CONST_BE16(CONST_BE32(flow->packet_type) & 0xffff);
}

static void add_outer(struct builder *b, const struct tunnel_path *path)
{
    const struct flow_key *flow = b->flow;
    bool v4 = ipv6_addr_is_v4mapped(&path->dst);
    uint8_t proto = tunnel_kinds[b->config->kind].proto;
    struct eth_header *eth = (struct eth_header *)(void *)add(b, ETH_HEADER_LEN);
    eth->dst = path->eth_dst;
    eth->src = path->eth_src;
    eth->type = v4 ? CONST_BE16(ETH_TYPE_IPV4) : CONST_BE16(ETH_TYPE_IPV6);
    if (v4) {
        struct ipv4_header *ip = (struct ipv4_header *)(void *)add(b, IPV4_HEADER_LEN);
        ip->ver_ihl = IPV4_VER_IHL_PLAIN;
        ip->tos = flow->tun_tos;
        ip->ttl = flow->tun_ttl;
        ip->frag_off = flow->tun_flags & FLOW_TUN_DONT_FRAG ? CONST_BE16(IPV4_DONT_FRAG) : 0;
        ip->proto = proto;
        ip->src = tunnel_address_get_v4(&path->src);
        ip->dst = tunnel_address_get_v4(&path->dst);
        ip->csum = csum_of(ip, IPV4_HEADER_LEN);
    } else {
        struct ipv6_header *ip = (struct ipv6_header *)(void *)add(b, IPV6_HEADER_LEN);
        ip->ver_tc_flow = CONST_BE32(6u << 28 | (uint32_t)flow->tun_tos << IPV6_TC_SHIFT);
        ip->next = proto;
        ip->hop_limit = flow->tun_ttl;
        ip->src = path->src;
        ip->dst = path->dst;
    }
}

/* A checksum that is not 0 says that each packet gets one; over IPv6 there must be one. */
static void add_udp(struct builder *b)
{
    bool v6 = get_be16(b->out->bytes + 12) == CONST_BE16(ETH_TYPE_IPV6);
    struct udp_header *udp = (struct udp_header *)(void *)add(b, UDP_HEADER_LEN);
    udp->dst = CONST_BE16(b->config->dst_port);
    udp->csum = v6 || b->flow->tun_flags & FLOW_TUN_CSUM ? UINT16_MAX : 0;
}

static uint32_t vni(const struct flow_key *flow)
{
    return (uint32_t)(CONST_BE64(flow->tun_id) & 0xffffff);
}

static int add_vxlan(struct builder *b)
{
    const struct flow_key *flow = b->flow;
    add_udp(b);
    struct vxlan_header *h = (struct vxlan_header *)(void *)add(b, VXLAN_HEADER_LEN);
    uint32_t flags = VXLAN_F_VNI;
    h->vni = CONST_BE32(vni(flow) << 8);
    if (b->config->gpe) {
        static const struct {
            be32 packet_type;
            uint8_t next;
        } inner[] = {
            {FLOW_PT_ETH, VXLAN_GPE_NP_ETHERNET},
            {FLOW_PT(1, ETH_TYPE_IPV4), VXLAN_GPE_NP_IPV4},
            {FLOW_PT(1, ETH_TYPE_IPV6), VXLAN_GPE_NP_IPV6},
            {FLOW_PT(1, ETH_TYPE_NSH), VXLAN_GPE_NP_NSH},
        };
        size_t i = 0;
        while (i < ARRAY_SIZE(inner) && inner[i].packet_type != flow->packet_type) {
            i++;
        }
        if (i == ARRAY_SIZE(inner)) {
            return EOPNOTSUPP;
        }
        flags |= VXLAN_GPE_F_NEXT_PROTO | inner[i].next;
    } else if (flow->packet_type != FLOW_PT_ETH) {
        return EOPNOTSUPP;
    } else if (b->config->gbp && flow->tun_gbp_id) {
        flags |= VXLAN_F_GBP | CONST_BE16(flow->tun_gbp_id) | (uint32_t)flow->tun_gbp_flags << 16;
    }
    h->flags = CONST_BE32(flags);
    return 0;
}

static bool has_critical_option(const uint8_t *opts, size_t len)
{
    while (len >= GENEVE_OPTION_LEN) {
        size_t n = GENEVE_OPTION_LEN + (opts[3] & GENEVE_OPTION_LEN_MASK) * 4u;
        if (opts[2] & GENEVE_OPTION_CRIT) {
            return true;
        }
        if (n > len) {
            break;
        }
        opts += n;
        len -= n;
    }
    return false;
}

static int add_geneve(struct builder *b)
{
    const struct flow_key *flow = b->flow;
    if (flow->packet_type != FLOW_PT_ETH) {
        return EOPNOTSUPP;
    }
    add_udp(b);
    struct geneve_header *h = (struct geneve_header *)(void *)add(b, GENEVE_HEADER_LEN);
    uint32_t len = MIN(flow->tun_opts_len, FLOW_TUN_OPTS_MAX) & ~3u;
    h->ver_opt_len = (uint8_t)(len / 4);
    h->flags = (uint8_t)((flow->tun_flags & FLOW_TUN_OAM ? GENEVE_F_OAM : 0) |
                         (has_critical_option(flow->tun_opts, len) ? GENEVE_F_CRIT : 0));
    h->proto = inner_type(flow);
    h->vni = CONST_BE32(vni(flow) << 8);
    memcpy(add(b, len), flow->tun_opts, len);
    return 0;
}

static int add_gre(struct builder *b)
{
    const struct flow_key *flow = b->flow;
    struct gre_header *h = (struct gre_header *)(void *)add(b, GRE_HEADER_LEN);
    uint16_t flags = 0;
    h->proto = inner_type(flow);
    if (flow->tun_flags & FLOW_TUN_CSUM) {
        flags |= GRE_F_CSUM;
        add(b, 4);
    }
    if (flow->tun_flags & FLOW_TUN_KEY) {
        flags |= GRE_F_KEY;
        put_be32(add(b, 4), CONST_BE32((uint32_t)CONST_BE64(flow->tun_id)));
    }
    if (b->config->seq) {
        flags |= GRE_F_SEQ;
        add(b, 4);
    }
    h->flags = CONST_BE16(flags);
    return 0;
}

/* GRE with a sequence number, then ERSPAN's own: version 1 (type II) with an index, version 2 (type III) with
 * a time stamp, direction and hardware. */
static int add_erspan(struct builder *b)
{
    const struct flow_key *flow = b->flow;
    uint8_t ver = flow->tun_erspan_ver;
    if (flow->packet_type != FLOW_PT_ETH || (ver != 1 && ver != 2)) {
        return EOPNOTSUPP;
    }
    struct gre_header *gre = (struct gre_header *)(void *)add(b, GRE_HEADER_LEN + 4);
    gre->flags = CONST_BE16(GRE_F_SEQ);
    gre->proto = ver == 1 ? CONST_BE16(ETH_TYPE_ERSPAN1) : CONST_BE16(ETH_TYPE_ERSPAN2);
    uint8_t *h = add(b, ver == 1 ? ERSPAN_V1_LEN : ERSPAN_V2_LEN);
    h[0] = (uint8_t)(ver << ERSPAN_VER_SHIFT);
    put_be16(h + 2, CONST_BE16(CONST_BE64(flow->tun_id) & ERSPAN_SESSION_MASK));
    if (ver == 1) {
        put_be32(h + 4, CONST_BE32(flow->erspan_idx));
    } else {
        put_be16(h + 10, CONST_BE16((flow->tun_erspan_hwid & 0x3fu) << 4 | (flow->tun_erspan_dir & 1u) << 3));
    }
    return 0;
}

static int add_gtpu(struct builder *b)
{
    const struct flow_key *flow = b->flow;
    bool ip =
        flow->packet_type == FLOW_PT(1, ETH_TYPE_IPV4) || flow->packet_type == FLOW_PT(1, ETH_TYPE_IPV6);
    if (!ip) {
        return EOPNOTSUPP;
    }
    add_udp(b);
    struct gtpu_header *h = (struct gtpu_header *)(void *)add(b, GTPU_HEADER_LEN);
    h->flags = GTPU_FLAGS_PLAIN;
    h->msg_type = GTPU_MSG_GPDU;
    h->teid = CONST_BE32((uint32_t)CONST_BE64(flow->tun_id));
    return 0;
}

static int add_lisp(struct builder *b)
{
    const struct flow_key *flow = b->flow;
    bool ip =
        flow->packet_type == FLOW_PT(1, ETH_TYPE_IPV4) || flow->packet_type == FLOW_PT(1, ETH_TYPE_IPV6);
    if (!ip) {
        return EOPNOTSUPP;
    }
    add_udp(b);
    uint8_t *h = add(b, LISP_HEADER_LEN);
    if (flow->tun_flags & FLOW_TUN_KEY) {
        h[0] = LISP_F_INSTANCE;
        put_be32(h + 4, CONST_BE32(vni(flow) << 8));
    }
    return 0;
}

static int add_bareudp(struct builder *b)
{
    be16 type = inner_type(b->flow), want = b->config->payload_ethertype;
    bool fits = type == want || (want == CONST_BE16(ETH_TYPE_IPV4) && type == CONST_BE16(ETH_TYPE_IPV6)) ||
                (want == CONST_BE16(ETH_TYPE_MPLS) && type == CONST_BE16(ETH_TYPE_MPLS_MCAST));
    if (!fits) {
        return EOPNOTSUPP;
    }
    add_udp(b);
    return 0;
}

/* The rest is each packet's own (stt.h). */
static int add_stt(struct builder *b)
{
    if (b->flow->packet_type != FLOW_PT_ETH) {
        return EOPNOTSUPP;
    }
    struct tcp_header *tcp = (struct tcp_header *)(void *)add(b, TCP_HEADER_LEN);
    tcp->dst = CONST_BE16(b->config->dst_port);
    tcp->ctl = TCP_CTL(TCP_ACK | TCP_PSH, TCP_HEADER_LEN / 4);
    tcp->window = UINT16_MAX;
    struct stt_header *h = (struct stt_header *)(void *)add(b, STT_HEADER_LEN);
    h->key = b->flow->tun_id;
    return 0;
}

int tunnel_header_build(const struct tunnel_config *config, const struct flow_key *flow,
                        const struct tunnel_path *path, struct tunnel_header *out)
{
    static int (*const builders[TUNNEL_N_KINDS])(struct builder *) = {
        [TUNNEL_GRE] = add_gre,          [TUNNEL_IP6GRE] = add_gre,  [TUNNEL_ERSPAN] = add_erspan,
        [TUNNEL_IP6ERSPAN] = add_erspan, [TUNNEL_VXLAN] = add_vxlan, [TUNNEL_GENEVE] = add_geneve,
        [TUNNEL_STT] = add_stt,          [TUNNEL_LISP] = add_lisp,   [TUNNEL_GTPU] = add_gtpu,
        [TUNNEL_BAREUDP] = add_bareudp,
    };
    struct builder b = {.config = config, .flow = flow, .out = out};
    out->len = 0;
    out->type = tunnel_kinds[config->kind].number;
    if (!builders[config->kind]) {
        return EOPNOTSUPP;
    }
    add_outer(&b, path);
    return builders[config->kind](&b);
}

void tunnel_header_key(const struct tunnel_header *h, struct flow_key *key)
{
    const uint8_t *l4;
    memset(key, 0, sizeof *key);
    memcpy(&key->dl_dst, h->bytes, sizeof key->dl_dst);
    memcpy(&key->dl_src, h->bytes + 6, sizeof key->dl_src);
    key->dl_type = get_be16(h->bytes + 12);
    if (key->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        struct ipv4_header ip;
        memcpy(&ip, h->bytes + ETH_HEADER_LEN, sizeof ip);
        key->nw_src = ip.src;
        key->nw_dst = ip.dst;
        key->nw_proto = ip.proto;
        key->nw_tos = ip.tos;
        key->nw_ttl = ip.ttl;
        l4 = h->bytes + ETH_HEADER_LEN + IPV4_HEADER_LEN;
    } else {
        struct ipv6_header ip;
        memcpy(&ip, h->bytes + ETH_HEADER_LEN, sizeof ip);
        key->ipv6_src = ip.src;
        key->ipv6_dst = ip.dst;
        key->nw_proto = ip.next;
        key->nw_tos = (uint8_t)(CONST_BE32(ip.ver_tc_flow) >> IPV6_TC_SHIFT);
        key->nw_ttl = ip.hop_limit;
        l4 = h->bytes + ETH_HEADER_LEN + IPV6_HEADER_LEN;
    }
    if (key->nw_proto == IP_PROTO_UDP || key->nw_proto == IP_PROTO_TCP) {
        key->tp_src = get_be16(l4);
        key->tp_dst = get_be16(l4 + 2);
    }
    if (key->nw_proto == IP_PROTO_TCP) {
        key->tcp_flags = TCP_FLAGS_BE(get_be16(l4 + offsetof(struct tcp_header, ctl)));
    }
}
