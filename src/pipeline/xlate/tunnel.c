/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels. Out: the flow's tunnel members say where to; a route and a neighbour are found, the headers are
 * put in front (tnl_push), and the outer packet goes through the bridge of the underlay, as part of this
 * translation. In: a packet for an address of ours and a tunnel's port is taken apart (tnl_pop), and comes in
 * anew. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "flow/match.h"
#include "pipeline/tunnel.h"
#include "pipeline/xlate/ctx.h"
#include "tunnel/config.h"
#include "tunnel/header.h"
#include "tunnel/net.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

LOG_MODULE(tunnel);

#define ETH_FORMAT  "%02x:%02x:%02x:%02x:%02x:%02x"
#define ETH_ARGS(A) (A).ea[0], (A).ea[1], (A).ea[2], (A).ea[3], (A).ea[4], (A).ea[5]

#define ECN_MASK 0x03
#define ECN_CE   0x03
#define ECN_ECT0 0x02

/* ------------------------------------------------------------------ in */

/* A packet came in by a tunnel: congestion that was met on the way is told to who is inside (RFC 6040).
 * False: it cannot be, and the packet goes no further. */
static bool take_over_congestion(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    if (!flow_key_is_ip(flow) || (flow->tun_tos & ECN_MASK) != ECN_CE) {
        return true;
    }
    ctx->wc->bits.nw_tos |= ECN_MASK;
    if (!(flow->nw_tos & ECN_MASK)) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);
        LOG_WARN_RL(&rl, "dropping tunnel packet marked ECN CE but is not ECN capable");
        return false;
    }
    flow->nw_tos |= ECN_CE;
    return true;
}

bool xlate_tunnel_enter(struct xlate_ctx *ctx)
{
    const struct xport *in = xlate_find_port(ctx, ctx->flow->in_port);
    if (!in || !in->tunnel) {
        return true;
    }
    if (ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_TUNNEL_RX);
        e->object = in->counters;
        __atomic_add_fetch(&in->counters->refs, 1, __ATOMIC_RELAXED);
    }
    if (in->tunnel->packets == TUNNEL_L3 && ctx->flow->packet_type != FLOW_PT_ETH) {
        /* OpenFlow sees it with an Ethernet header, of zeros. */
        ctx->flow->packet_type = FLOW_PT_ETH;
        memset(&ctx->flow->dl_src, 0, sizeof ctx->flow->dl_src);
        memset(&ctx->flow->dl_dst, 0, sizeof ctx->flow->dl_dst);
    }
    if (!take_over_congestion(ctx)) {
        ctx->error = XLATE_CONGESTION_DROP;
        return false;
    }
    return true;
}

/* Neighbours' replies to us are listened to as they cross the bridge. */
static void snoop(struct xlate_ctx *ctx, const struct xport *out)
{
    const struct flow_key *flow = ctx->flow;
    struct flow_key *wc = &ctx->wc->bits;
    struct tunnel_net *net = ctx->snapshot->net;
    struct ipv6_addr address;
    struct eth_addr mac;
    if (flow->dl_type == CONST_BE16(ETH_TYPE_ARP)) {
        flow_wc_set(wc, nw_src);
        flow_wc_set(wc, nw_dst);
        struct ipv6_addr target = tunnel_address_v4(flow->nw_dst);
        if (!tunnel_listeners_has_address(net->listeners, out->name, &target)) {
            return;
        }
        flow_wc_set(wc, nw_proto);
        if (flow->nw_proto != 2) {
            return;
        }
        flow_wc_set(wc, arp_sha);
        address = tunnel_address_v4(flow->nw_src);
        mac = flow->arp_sha;
    } else if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV6)) {
        flow_wc_set(wc, nw_proto);
        if (flow->nw_proto != IP_PROTO_ICMPV6) {
            return;
        }
        flow_wc_set(wc, ipv6_dst);
        flow_wc_set(wc, tp_src);
        flow_wc_set(wc, tp_dst);
        if (flow->tp_src != CONST_BE16(136) || flow->tp_dst) {
            return;
        }
        if (!tunnel_listeners_has_address(net->listeners, out->name, &flow->ipv6_dst)) {
            return;
        }
        flow_wc_set(wc, ipv6_src);
        flow_wc_set(wc, nd_target);
        flow_wc_set(wc, arp_tha);
        address = flow->nd_target;
        mac = flow->arp_tha;
    } else {
        return;
    }
    if (eth_addr_is_zero(&mac) || eth_addr_is_multicast(&mac)) {
        return;
    }
    if (ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_NEIGHBOUR);
        struct record_neighbour *n = xzalloc(sizeof *n);
        n->table = net->neighbours;
        snprintf(n->bridge, sizeof n->bridge, "%s", out->bridge->name);
        n->address = address;
        e->mac = mac;
        e->object = n;
    } else if (ctx->xin->side_effects) {
        tunnel_neigh_learn(net->neighbours, out->bridge->name, &address, mac);
    }
}

bool xlate_terminate_tunnel(struct xlate_ctx *ctx, const struct xport *out)
{
    struct tunnel_net *net = ctx->snapshot->net;
    if (!tunnel_listeners_any(net->listeners, ctx->bridge->backer) ||
        !tunnel_listeners_has_device(net->listeners, out->name)) {
        return false;
    }
    snoop(ctx, out);
    uint32_t dp_port = tunnel_listeners_find(net->listeners, ctx->bridge->backer, ctx->flow, &ctx->wc->bits);
    if (dp_port == UINT32_MAX) {
        return false;
    }
    xlate_commit(ctx);
    dp_actions_put_tnl_pop(ctx->actions, dp_port);
    return true;
}

/* ------------------------------------------------------------------ out */

void xlate_fill_tunnel(struct xlate_ctx *ctx, const struct tunnel_config *c)
{
    struct flow_key *flow = ctx->flow, *wc = &ctx->wc->bits;
    if (!c->src_flow) {
        flow->tun_src = tunnel_address_get_v4(&c->src);
        flow->tun_ipv6_src = flow->tun_src ? (struct ipv6_addr){.be32 = {0}} : c->src;
    }
    if (!c->dst_flow) {
        flow->tun_dst = tunnel_address_get_v4(&c->dst);
        flow->tun_ipv6_dst = flow->tun_dst ? (struct ipv6_addr){.be32 = {0}} : c->dst;
    }
    flow->tun_tp_dst = CONST_BE16(c->dst_port);
    if (c->set_egress_mark) {
        flow->pkt_mark = c->egress_mark;
        flow_wc_set(wc, pkt_mark);
    }
    if (!c->out_key_flow) {
        flow->tun_id = c->out_key;
    }
    bool ip = flow_key_is_ip(flow);
    flow->tun_ttl = c->ttl ? c->ttl : TUNNEL_DEFAULT_TTL;
    if (c->ttl_inherit && ip) {
        flow_wc_set(wc, nw_ttl);
        flow->tun_ttl = flow->nw_ttl;
    }
    flow->tun_tos = c->tos;
    if (c->tos_inherit && ip) {
        wc->nw_tos = 0xff;
        flow->tun_tos = flow->nw_tos & (uint8_t)~ECN_MASK;
    }
    if (ip) {
        wc->nw_tos |= ECN_MASK;
        uint8_t ecn = flow->nw_tos & ECN_MASK;
        flow->tun_tos |= ecn == ECN_CE ? ECN_ECT0 : ecn;
    }
    flow->tun_flags &= FLOW_TUN_OAM | FLOW_TUN_CRIT_OPT;
    flow->tun_flags |= (c->dont_fragment ? FLOW_TUN_DONT_FRAG : 0) | (c->csum ? FLOW_TUN_CSUM : 0) |
                       (c->out_key_present ? FLOW_TUN_KEY : 0);
    if (tunnel_kinds[c->kind].has_erspan_options) {
        flow->tun_erspan_ver = c->erspan_ver_flow ? flow->tun_erspan_ver : c->erspan_ver;
        flow->erspan_idx = c->erspan_idx_flow ? flow->erspan_idx : c->erspan_idx;
        flow->tun_erspan_dir = c->erspan_dir_flow ? flow->tun_erspan_dir : c->erspan_dir;
        flow->tun_erspan_hwid = c->erspan_hwid_flow ? flow->tun_erspan_hwid : c->erspan_hwid;
    }
}

/* Where the packet leaves this host: the device's port, and who it is addressed to. */
struct way {
    const struct xport *out;
    struct ipv6_addr next; /* gateway, or the tunnel's other end */
    struct tunnel_path path;
};

static bool find_way(struct xlate_ctx *ctx, struct way *way)
{
    const struct flow_key *flow = ctx->flow;
    struct tunnel_net *net = ctx->snapshot->net;
    struct tunnel_route route;
    struct ipv6_addr src = tunnel_address_of(flow->tun_src, &flow->tun_ipv6_src);
    way->path.dst = tunnel_address_of(flow->tun_dst, &flow->tun_ipv6_dst);
    if (flow->pkt_mark || tunnel_routes_have_marks(net->routes)) {
        flow_wc_set(&ctx->wc->bits, pkt_mark);
    }
    if (!tunnel_routes_lookup(net->routes, &way->path.dst, flow->pkt_mark, &route)) {
        return false;
    }
    way->out = xlate_find_device(ctx, route.device);
    if (!way->out || !tunnel_listeners_mac(net->listeners, route.device, &way->path.eth_src)) {
        return false;
    }
    way->next = ipv6_addr_is_zero(&route.gateway) ? way->path.dst : route.gateway;
    way->path.src = ipv6_addr_is_zero(&src) ? route.source : src;
    return true;
}

/* The outer packet, in the bridge of the device that it leaves by. What that looks at is of this header
 * alone, and no matter of the inner packet's mask. */
static void through_underlay(struct xlate_ctx *ctx, const struct way *way, const struct tunnel_header *header,
                             bool is_last)
{
    struct list *outer_report = ctx->report;
    ctx->report =
        report_add(ctx->report, REPORT_BRIDGE, ctx->report ? xstrdup(way->out->bridge->name) : NULL);
    struct flow_mask wc, certain, *old_wc = ctx->wc;
    const struct flow_mask *old_certain = ctx->certain;
    const struct xbridge *old_bridge = ctx->bridge;
    uint64_t old_version = ctx->version;
    struct flow_key old_flow = *ctx->flow, old_base = ctx->base_flow;
    bool old_conntracked = ctx->conntracked, old_altered = ctx->altered;
    struct xlate_unparsed old_unparsed = ctx->unparsed;
    uint32_t old_mirrors = ctx->mirrors;
    struct rule *old_rule = ctx->rule;
    uint8_t old_table = ctx->table_id;
    struct bytebuf old_stack = ctx->stack, old_set = ctx->action_set;
    uint16_t old_extra = 0;
    uint8_t old_n_egress = ctx->n_egress;
    uint32_t old_egress[FROZEN_MAX_EGRESS];
    memcpy(old_egress, ctx->egress, sizeof old_egress);
    ctx->n_egress = 0;
    bytebuf_init(&ctx->stack);
    bytebuf_init(&ctx->action_set);

    memset(&wc, 0, sizeof wc);
    memset(&certain, 0xff, sizeof certain);
    certain.bits.tp_src = 0; /* each packet has its own */
    ctx->wc = &wc;
    ctx->certain = &certain;
    ctx->bridge = way->out->bridge;
    ctx->version = ofproto_rules_version(ctx->bridge->ofproto);
    tunnel_header_key(header, ctx->flow);
    ctx->flow->pkt_mark = old_flow.pkt_mark;
    ctx->flow->skb_priority = old_flow.skb_priority;
    ctx->flow->in_port = way->out->ofp_port;
    ctx->flow->actset_output = OFPP_UNSET;
    ctx->base_flow = *ctx->flow;
    ctx->conntracked = false;
    ctx->unparsed = (struct xlate_unparsed){.l3 = false};
    ctx->mirrors = 0;
    if (ctx->xin->record) {
        old_extra = ctx->xin->record->extra;
        ctx->xin->record->extra = (uint16_t)(old_extra + header->len);
    }

    if (!(way->out->config & OFPROTO_PC_NO_RECV)) {
        ctx->entering = true;
        xlate_table(ctx, way->out->ofp_port, 0, true, false, is_last);
        if (!ctx->freezing) {
            xlate_action_set(ctx);
        }
        if (ctx->freezing) {
            xlate_finish_freezing(ctx);
        }
    }

    if (ctx->xin->record) {
        ctx->xin->record->extra = old_extra;
    }
    bytebuf_fini(&ctx->stack);
    bytebuf_fini(&ctx->action_set);
    ctx->stack = old_stack;
    ctx->action_set = old_set;
    *ctx->flow = old_flow;
    ctx->base_flow = old_base;
    ctx->wc = old_wc;
    ctx->certain = old_certain;
    ctx->bridge = old_bridge;
    ctx->version = old_version;
    ctx->conntracked = old_conntracked;
    ctx->unparsed = old_unparsed;
    ctx->altered = old_altered;
    ctx->mirrors = old_mirrors;
    ctx->rule = old_rule;
    ctx->table_id = old_table;
    ctx->n_egress = old_n_egress;
    memcpy(ctx->egress, old_egress, sizeof old_egress);
    ctx->exit = false;
    ctx->report = outer_report;
}

/* The address of who takes the packet next. False: not known; it is asked for. */
static bool find_neighbour(struct xlate_ctx *ctx, struct way *way)
{
    struct tunnel_net *net = ctx->snapshot->net;
    char next[TUNNEL_ADDRESS_SIZE];
    bool ask;
    tunnel_address_format(&way->next, next);
    xlate_report(ctx, REPORT_DETAIL, "tunneling to %s via %s", next, way->out->name);
    if (tunnel_neigh_lookup(net->neighbours, way->out->bridge->name, &way->next, &way->path.eth_dst, &ask)) {
        return true;
    }
    xlate_report(ctx, REPORT_DETAIL, "neighbor cache miss for %s on bridge %s, sending %s request", next,
                 way->out->bridge->name, ipv6_addr_is_v4mapped(&way->next) ? "ARP" : "ND");
    if ((ctx->xin->side_effects || ctx->xin->record) && ask) { /* not in a trace */
        tunnel_request_neighbour(ctx->bridge->ofproto->pipeline, way->out, &way->next, &way->path.src,
                                 way->path.eth_src);
    }
    return false;
}

static void push(struct xlate_ctx *ctx, const struct xport *xport, bool is_last, bool truncate)
{
    struct way way;
    struct tunnel_header header;
    char src[TUNNEL_ADDRESS_SIZE], dst[TUNNEL_ADDRESS_SIZE];
    if (!find_way(ctx, &way)) {
        xlate_report(ctx, REPORT_WARN, "native tunnel routing failed");
        ctx->drop_reason = DROP_TUNNEL_NO_ROUTE;
        return;
    }
    if (!find_neighbour(ctx, &way)) {
        ctx->drop_reason = DROP_TUNNEL_NO_ROUTE;
        return;
    }
    tunnel_address_format(&way.path.src, src);
    tunnel_address_format(&way.next, dst);
    xlate_report(ctx, REPORT_DETAIL, "tunneling from " ETH_FORMAT " %s to " ETH_FORMAT " %s",
                 ETH_ARGS(way.path.eth_src), src, ETH_ARGS(way.path.eth_dst), dst);
    struct flow_key outer = *ctx->flow;
    if ((xport->tunnel->kind == TUNNEL_GENEVE && !xlate_put_options(ctx, &outer)) ||
        tunnel_header_build(xport->tunnel, &outer, &way.path, &header)) {
        xlate_report(ctx, REPORT_WARN, "native tunnel header build failed");
        ctx->drop_reason = DROP_TUNNEL_PUSH;
        return;
    }
    if (ctx->depth >= XLATE_MAX_DEPTH) { /* as a table that is earlier */
        xlate_report_error(ctx, "over max translation depth %d", XLATE_MAX_DEPTH);
        ctx->error = XLATE_RECURSION_TOO_DEEP;
        return;
    }
    size_t mark = dp_actions_begin_clone(ctx->actions);
    dp_actions_put_tnl_push(ctx->actions, xport->dp_port, way.out->dp_port, header.type, header.bytes,
                            header.len);
    size_t start = ctx->actions->len;
    if (truncate) {
        dp_actions_put_recirc(ctx->actions, 0); /* only the datapath knows how long it is now */
    } else {
        through_underlay(ctx, &way, &header, is_last);
    }
    if (ctx->actions->len == start) {
        bytebuf_truncate(ctx->actions, mark); /* nothing became of it */
    } else {
        dp_actions_end(ctx->actions, mark);
    }
}

void xlate_output_tunnel(struct xlate_ctx *ctx, const struct xport *xport, bool is_last, bool truncate)
{
    struct flow_key *flow = ctx->flow;
    const struct flow_key *original = &ctx->xin->original;
    struct flow_key saved;
    memcpy(&saved.tun_id, &flow->tun_id, FLOW_BLOCK_SIZE);
    saved.erspan_idx = flow->erspan_idx;
    saved.pkt_mark = flow->pkt_mark;
    saved.packet_type = flow->packet_type;
    if (xport->tunnel->packets == TUNNEL_L2 && flow->packet_type != FLOW_PT_ETH) {
        xlate_report(ctx, REPORT_WARN,
                     "Trying to send non-Ethernet packet through legacy L2 port. Dropping packet.");
        return;
    }
    xlate_fill_tunnel(ctx, xport->tunnel);
    if (flow->tun_dst == original->tun_dst && ipv6_addr_equal(&flow->tun_ipv6_dst, &original->tun_ipv6_dst)) {
        xlate_report(ctx, REPORT_WARN, "Not tunneling to our own address");
        return; /* the reference leaves the flow so */
    }
    if (ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_TUNNEL_TX);
        e->object = xport->counters;
        __atomic_add_fetch(&xport->counters->refs, 1, __ATOMIC_RELAXED);
    }
    if (xport->tunnel->packets == TUNNEL_L3 && flow->packet_type == FLOW_PT_ETH) {
        flow->packet_type = CONST_BE32(0x10000u | CONST_BE16(flow->dl_type));
    }
    xlate_report(ctx, REPORT_DETAIL, "output to native tunnel");
    xlate_commit(ctx);
    push(ctx, xport, is_last, truncate);
    memcpy(&flow->tun_id, &saved.tun_id, FLOW_BLOCK_SIZE);
    flow->erspan_idx = saved.erspan_idx;
    flow->pkt_mark = saved.pkt_mark;
    flow->packet_type = saved.packet_type;
}
