/* SPDX-License-Identifier: Apache-2.0 */
/* Output: to ports, across patch ports, to all of them, to controllers. */
#include <string.h>

#include "pipeline/meter.h"
#include "pipeline/netflow.h"
#include "pipeline/spanning.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

void xlate_clear_conntrack(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    ctx->conntracked = false;
    flow->ct_state = 0;
    flow->ct_zone = 0;
    flow->ct_mark = 0;
    memset(&flow->ct_label, 0, sizeof flow->ct_label);
    flow->ct_nw_proto = 0;
    flow->ct_tp_src = flow->ct_tp_dst = 0;
    flow->ct_nw_src = flow->ct_nw_dst = 0;
    memset(&flow->ct_ipv6_src, 0, sizeof flow->ct_ipv6_src);
    memset(&flow->ct_ipv6_dst, 0, sizeof flow->ct_ipv6_dst);
}

static void clear_tunnel(struct flow_key *flow)
{
    memset(&flow->tun_id, 0, FLOW_BLOCK_SIZE * 5);
    flow->erspan_idx = 0;
    flow->tun_md_present = 0;
    memset(flow->tun_md, 0, sizeof flow->tun_md);
}

/* Options that the mask has. Those of another bridge are not in it: there a packet has none that it brought
 * along. */
struct saved_options {
    uint64_t present;
    uint8_t bits[FLOW_TUN_MD_SIZE];
};

static void save_options(struct flow_key *mask, struct saved_options *saved)
{
    saved->present = mask->tun_md_present;
    memcpy(saved->bits, mask->tun_md, sizeof saved->bits);
    mask->tun_md_present = 0;
    memset(mask->tun_md, 0, sizeof mask->tun_md);
}

static void restore_options(struct flow_key *mask, const struct saved_options *saved)
{
    mask->tun_md_present = saved->present;
    memcpy(mask->tun_md, saved->bits, sizeof mask->tun_md);
}

/* What a packet brings along into another bridge: its headers and mark, nothing else. */
static void enter_bridge(struct xlate_ctx *ctx, const struct xport *peer)
{
    struct flow_key *flow = ctx->flow;
    ctx->bridge = peer->bridge;
    ctx->version = ofproto_rules_version(peer->bridge->ofproto);
    xlate_consult(ctx, PART_PORT, peer->ofp_port);
    flow->in_port = peer->ofp_port;
    flow->metadata = 0;
    memset(flow->regs, 0, sizeof flow->regs);
    flow->actset_output = OFPP_UNSET;
    flow->conj_id = 0;
    clear_tunnel(flow);
    xlate_clear_conntrack(ctx);
    ctx->mirrors = 0;
    ctx->n_egress = 0;
    ctx->exit = false;
}

static bool may_receive(struct xlate_ctx *ctx, const struct xport *xport)
{
    /* OFPPC_NO_RECV_STP is for BPDUs, OFPPC_NO_RECV for all others. */
    bool bpdu = !memcmp(&ctx->flow->dl_dst, &(struct eth_addr){{0x01, 0x80, 0xc2, 0, 0, 0}}, 6);
    if (xport->config & (bpdu ? OFPROTO_PC_NO_RECV_STP : OFPROTO_PC_NO_RECV)) {
        return false;
    }
    return true;
}

/* The bridge behind a patch port, as part of this translation. What it does to the packet is undone
 * afterwards as far as the flow goes; the datapath's packet is brought back by the next commit. */
static void output_patch(struct xlate_ctx *ctx, const struct xport *out, bool is_last)
{
    const struct xport *peer = out->peer;
    struct list *outer_report = ctx->report;
    ctx->report = report_add(ctx->report, REPORT_BRIDGE, ctx->report ? xstrdup(peer->bridge->name) : NULL);

    const struct xbridge *old_bridge = ctx->bridge;
    uint64_t old_version = ctx->version;
    struct flow_key old_flow = *ctx->flow, old_base = ctx->base_flow;
    bool old_conntracked = ctx->conntracked;
    struct xlate_scope scope;
    xlate_scope_begin(ctx, &scope);
    uint32_t old_mirrors = ctx->mirrors;
    uint8_t old_n_egress = ctx->n_egress;
    uint32_t old_egress[FROZEN_MAX_EGRESS];
    memcpy(old_egress, ctx->egress, sizeof old_egress);
    struct rule *old_rule = ctx->rule;
    uint64_t old_cookie = ctx->rule_cookie;
    bool old_in_group = ctx->in_group, old_in_action_set = ctx->in_action_set;
    uint8_t old_table = ctx->table_id;
    struct bytebuf old_stack = ctx->stack, old_set = ctx->action_set;
    bytebuf_init(&ctx->stack);
    bytebuf_init(&ctx->action_set);

    if (ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_PATCH);
        e->object = out->counters;
        e->object2 = peer->counters;
        __atomic_add_fetch(&out->counters->refs, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&peer->counters->refs, 1, __ATOMIC_RELAXED);
    }

    ctx->in_group = false;
    struct saved_options options;
    save_options(&ctx->wc->bits, &options);
    enter_bridge(ctx, peer);
    if (!xlate_special(ctx, peer) && may_receive(ctx, peer) && xport_learns(peer)) {
        size_t before = ctx->actions->len;
        ctx->entering = true;
        xlate_table(ctx, peer->ofp_port, 0, true, false, is_last);
        xlate_go_on_in_first_table(ctx);
        if (!ctx->freezing) {
            xlate_action_set(ctx);
        }
        if (ctx->freezing) {
            xlate_finish_freezing(ctx);
        }
        if (!xport_forwards(peer)) {
            ctx->actions->len = before; /* it was learned from */
            ctx->base_flow = old_base;
        }
    }

    bytebuf_fini(&ctx->stack);
    bytebuf_fini(&ctx->action_set);
    ctx->stack = old_stack;
    ctx->action_set = old_set;
    *ctx->flow = old_flow;
    restore_options(&ctx->wc->bits, &options);
    /* Tunnel metadata of the packet is not what the other bridge set. */
    memcpy(&ctx->base_flow.tun_id, &old_base.tun_id, FLOW_BLOCK_SIZE);
    ctx->bridge = old_bridge;
    ctx->version = old_version;
    ctx->conntracked = old_conntracked;
    xlate_scope_end(ctx, &scope, is_last);
    ctx->mirrors = old_mirrors;
    ctx->n_egress = old_n_egress;
    memcpy(ctx->egress, old_egress, sizeof old_egress);
    ctx->rule = old_rule;
    ctx->rule_cookie = old_cookie;
    ctx->in_group = old_in_group;
    ctx->in_action_set = old_in_action_set;
    ctx->table_id = old_table;
    /* That the other bridge failed or exited is no matter of this one, but for lack of resources. */
    ctx->exit = false;
    ctx->report = outer_report;
}

/* A queue may have a DSCP that its packets are marked with. */
static void mark_for_queue(struct xlate_ctx *ctx, const struct xport *out)
{
    for (size_t i = 0; i < out->n_marks; i++) {
        if (out->marks[i].priority == ctx->flow->skb_priority) {
            ctx->wc->bits.nw_tos |= IP_DSCP_MASK;
            flow_wc_set(&ctx->wc->bits, skb_priority);
            ctx->flow->nw_tos = (uint8_t)((ctx->flow->nw_tos & ~IP_DSCP_MASK) | out->marks[i].tos);
            return;
        }
    }
}

/* The port, if the packet may leave by it; NULL: says why not. */
static const struct xport *find_output(struct xlate_ctx *ctx, uint32_t ofp_port)
{
    const struct xport *xport = xlate_find_port(ctx, ofp_port);
    if (!xport) {
        xlate_report(ctx, REPORT_WARN, "Nonexistent output port");
        return NULL;
    }
    if (xport->config & OFPROTO_PC_NO_FWD) {
        xlate_report(ctx, REPORT_DETAIL, "OFPPC_NO_FWD set, skipping output");
        return NULL;
    }
    if (!xport_forwards(xport) && !ctx->all_trees && !xlate_is_bpdu(&ctx->base_flow) &&
        !(xport->oam && xlate_link_protocol(ctx, xport))) {
        xlate_report(ctx, REPORT_WARN, "%s not in forwarding state, skipping output",
                     ctx->bridge->spanning == SPANNING_STP ? "STP" : "RSTP");
        return NULL;
    }
    const struct xport *in_port = xlate_find_port(ctx, ctx->flow->in_port);
    if (in_port && in_port->bundle && in_port->bundle->protect && xport->bundle && xport->bundle->protect) {
        xlate_report(ctx, REPORT_WARN, "Flow is between protected ports, skipping output.");
        return NULL;
    }
    return xport;
}

static void mirror_output(struct xlate_ctx *ctx, const struct xport *xport)
{
    xlate_count_output(ctx, xport);
    ctx->netflow_out = xport->ofp_port;
    if (ctx->bridge->has_mirrors && xport->bundle) {
        xlate_mirror(ctx, xport->bundle, xport->bundle->dst_mirrors);
    }
}

void xlate_output_hashed(struct xlate_ctx *ctx, const struct xport *xport, uint32_t hash_basis,
                         uint32_t recirc_id)
{
    if (!find_output(ctx, xport->ofp_port) ||
        !recirc_ref(ctx->bridge->ofproto->pipeline->recirc, recirc_id)) {
        return;
    }
    struct flow_key saved_flow;
    memcpy(saved_flow.vlans, ctx->flow->vlans, sizeof saved_flow.vlans);
    xlate_hold_recirc_id(ctx, recirc_id);
    xlate_commit(ctx);
    if (ctx->mirror_snaplen) {
        dp_actions_put_trunc(ctx->actions, ctx->mirror_snaplen);
    }
    dp_actions_put_hash(ctx->actions, DP_HASH_L4, hash_basis);
    dp_actions_put_recirc(ctx->actions, recirc_id);
    mirror_output(ctx, xport);
    memcpy(ctx->flow->vlans, saved_flow.vlans, sizeof saved_flow.vlans);
}

void xlate_output_port(struct xlate_ctx *ctx, uint32_t ofp_port, bool is_last, bool truncate)
{
    const struct xport *xport = find_output(ctx, ofp_port);
    if (!xport) {
        return;
    }
    if (xlate_has_egress(ctx, ofp_port)) {
        xlate_egress(ctx, ofp_port, 0, is_last);
        return;
    }
    if (xport->is_patch) {
        if (!xport->peer) {
            xlate_report(ctx, REPORT_WARN, "Nonexistent patch port peer");
            return;
        }
        output_patch(ctx, xport, is_last);
        return;
    }
    if (!xport->tunnel && ctx->flow->packet_type != FLOW_PT_ETH) {
        xlate_report(ctx, REPORT_WARN,
                     "Trying to send non-Ethernet packet through legacy L2 port. Dropping packet.");
        return;
    }

    struct flow_key saved_flow;
    memcpy(saved_flow.vlans, ctx->flow->vlans, sizeof saved_flow.vlans);
    uint8_t saved_tos = ctx->flow->nw_tos;

    if (xport->tunnel) {
        if (ctx->mirror_snaplen) {
            dp_actions_put_trunc(ctx->actions, ctx->mirror_snaplen);
        }
        xlate_output_tunnel(ctx, xport, is_last, truncate || ctx->mirror_snaplen);
    } else if (!xlate_terminate_tunnel(ctx, xport)) {
        mark_for_queue(ctx, xport);
        xlate_commit(ctx);
        xlate_sample_output(ctx, xport);
        if (ctx->mirror_snaplen) {
            dp_actions_put_trunc(ctx->actions, ctx->mirror_snaplen);
        }
        dp_actions_put_output(ctx->actions, xport->dp_port);
    }
    mirror_output(ctx, xport);
    memcpy(ctx->flow->vlans, saved_flow.vlans, sizeof saved_flow.vlans);
    ctx->flow->nw_tos = saved_tos;
}

/* Every port but the one that the packet came in by; and, unless ALL, but those that want no flooding. */
static void output_all(struct xlate_ctx *ctx, bool all)
{
    xlate_consult(ctx, PART_ALL, 0);
    for (size_t i = 0; i < ctx->bridge->n_ports; i++) {
        const struct xport *xport = ctx->bridge->ports[i];
        if (xport->ofp_port != ctx->flow->in_port && (all || !(xport->config & OFPROTO_PC_NO_FLOOD))) {
            ctx->all_trees = all;
            xlate_output_port(ctx, xport->ofp_port, false, false);
            ctx->all_trees = false;
        }
    }
    ctx->netflow_out = NETFLOW_OUT_FLOOD;
}

/* It matches on nothing, but for that it be an Ethernet packet. */
static bool takes_every_packet(const struct minimatch *match)
{
    const unsigned word = FLOW_WORD_OF(packet_type);
    struct flow_key ethernet;
    if (flow_map_is_empty(&match->map)) {
        return true;
    }
    memset(&ethernet, 0, FLOW_BLOCK_SIZE);
    ethernet.packet_type = UINT32_MAX;
    return flow_map_count(&match->map) == 1 && !minimatch_key_word(match, word) &&
           minimatch_mask_word(match, word) == flow_key_words_const(&ethernet)[word];
}

void xlate_controller(struct xlate_ctx *ctx, uint16_t max_len, enum ofp_packet_in_reason reason,
                      uint16_t controller_id, uint32_t meter_id, const uint8_t *userdata, size_t userdata_len)
{
    /* The rule that takes what no other does: since OpenFlow 1.3 that is a miss. */
    if (reason == OFPR_ACTION && ctx->rule && !ctx->rule->cr.priority &&
        takes_every_packet(&ctx->rule->cr.match)) {
        reason = OFPR_EXPLICIT_MISS;
    }
    xlate_commit(ctx);
    struct frozen_state state = {
        .ofproto_id = ctx->bridge->ofproto->id,
        .table_id = ctx->table_id,
        .mirrors = ctx->mirrors,
        .conntracked = ctx->conntracked,
        .was_mpls = ctx->unparsed.l3,
        .rule_cookie = ctx->rule_cookie,
        .in_port = ctx->flow->in_port,
        .stack = ctx->stack.data,
        .stack_len = ctx->stack.len,
        .userdata = (uint8_t *)userdata,
        .userdata_len = userdata_len,
    };
    frozen_state_take_metadata(&state, ctx->flow);
    uint32_t recirc_id = recirc_alloc(ctx->bridge->ofproto->pipeline->recirc, &state);
    struct xlate_out *xout = ctx->xout;
    xout->recirc_ids = xrealloc(xout->recirc_ids, (xout->n_recirc_ids + 1) * sizeof *xout->recirc_ids);
    xout->recirc_ids[xout->n_recirc_ids++] = recirc_id;

    struct dp_cookie cookie;
    memset(&cookie, 0, sizeof cookie);
    cookie.type = DP_COOKIE_CONTROLLER;
    cookie.ofp_in_port = OFPP_NONE;
    cookie.ofproto[0] = ctx->bridge->ofproto->id;
    cookie.controller.dont_send = !ctx->xin->side_effects && !ctx->xin->record;
    cookie.controller.continuation = false;
    cookie.controller.reason = reason;
    cookie.controller.recirc_id = recirc_id;
    cookie.controller.rule_cookie = ctx->rule_cookie;
    cookie.controller.controller_id = controller_id;
    cookie.controller.max_len = max_len;
    cookie.controller.meter_id = UINT32_MAX;
    /* The action's own meter, or the one of all packets for controllers. */
    uint32_t meter =
        ofproto_meter_dp_id(ctx->bridge->ofproto, meter_id == OFPM_NONE ? OFPM_CONTROLLER : meter_id);
    if (meter != UINT32_MAX) {
        size_t mark = dp_actions_begin_sample(ctx->actions, UINT32_MAX);
        dp_actions_put_meter(ctx->actions, meter);
        dp_actions_put_cookie(ctx->actions, &cookie, UINT32_MAX, false);
        dp_actions_end(ctx->actions, mark);
    } else {
        dp_actions_put_cookie(ctx->actions, &cookie, UINT32_MAX, false);
    }
}

static enum ofp_packet_in_reason controller_reason(const struct xlate_ctx *ctx)
{
    return ctx->in_packet_out   ? OFPR_PACKET_OUT
           : ctx->in_group      ? OFPR_GROUP
           : ctx->in_action_set ? OFPR_ACTION_SET
                                : OFPR_ACTION;
}

/* Where packets go, with what the actions BEFORE said of it. */
static void sum_netflow_out(struct xlate_ctx *ctx, uint32_t before)
{
    if (before == NETFLOW_OUT_FLOOD || ctx->netflow_out == NETFLOW_OUT_NONE) {
        ctx->netflow_out = before;
    } else if (before != NETFLOW_OUT_NONE && ctx->netflow_out != NETFLOW_OUT_FLOOD) {
        ctx->netflow_out = NETFLOW_OUT_MULTI;
    }
}

static void output_to(struct xlate_ctx *ctx, uint32_t port, uint16_t controller_len, bool may_packet_in,
                      bool is_last, bool truncate)
{
    switch (port) {
    case OFPP_IN_PORT:
        xlate_output_port(ctx, ctx->flow->in_port, is_last, truncate);
        break;
    case OFPP_TABLE:
        xlate_table(ctx, ctx->flow->in_port, 0, may_packet_in, false, is_last);
        break;
    case OFPP_NORMAL:
        xlate_normal(ctx);
        break;
    case OFPP_FLOOD:
        output_all(ctx, false);
        break;
    case OFPP_ALL:
        output_all(ctx, true);
        break;
    case OFPP_CONTROLLER:
        xlate_controller(ctx, controller_len, controller_reason(ctx), 0, OFPM_NONE, NULL, 0);
        break;
    case OFPP_NONE:
    case OFPP_UNSET:
        break;
    case OFPP_LOCAL:
    default:
        if (ctx->in_action_set && xlate_is_egress_of(ctx, port)) {
            /* The output that egress processing began with: back where it came from, too; and truncated. */
            if (controller_len) {
                dp_actions_put_trunc(ctx->actions, controller_len);
            }
            xlate_output_port(ctx, port, is_last, truncate);
        } else if (port != ctx->flow->in_port) {
            xlate_output_port(ctx, port, is_last, truncate);
        } else {
            xlate_report(ctx, REPORT_WARN, "skipping output to input port");
        }
        break;
    }
}

void xlate_output(struct xlate_ctx *ctx, uint32_t port, uint16_t controller_len, bool may_packet_in,
                  bool is_last, bool truncate)
{
    uint32_t before = ctx->netflow_out;
    ctx->netflow_out = NETFLOW_OUT_NONE;
    output_to(ctx, port, controller_len, may_packet_in, is_last, truncate);
    sum_netflow_out(ctx, before);
}

void xlate_output_reg(struct xlate_ctx *ctx, const struct ofpact_output_reg *a, bool is_last)
{
    uint64_t port = subfield_read(ctx, &a->src);
    subfield_look_at(ctx, &a->src);
    if (port <= UINT16_MAX) {
        xlate_report(ctx, REPORT_DETAIL, "output port is %" PRIu64, port);
        xlate_output(ctx, (uint32_t)port, a->max_len, false, is_last, false);
    } else {
        xlate_report(ctx, REPORT_WARN, "output port %" PRIu64 " is out of range", port);
    }
}

void xlate_output_trunc(struct xlate_ctx *ctx, const struct ofpact_output_trunc *a, bool is_last)
{
    switch (a->port) {
    case OFPP_TABLE:
    case OFPP_NORMAL:
    case OFPP_FLOOD:
    case OFPP_ALL:
    case OFPP_CONTROLLER:
    case OFPP_NONE: {
        struct strbuf s = STRBUF_INITIALIZER;
        ofp_port_format(a->port, xlate_names(ctx), &s);
        xlate_report(ctx, REPORT_WARN, "output_trunc does not support port: %s", strbuf_text(&s));
        strbuf_fini(&s);
        break;
    }
    case OFPP_LOCAL:
    case OFPP_IN_PORT:
    default:
        if (a->port == ctx->flow->in_port) {
            xlate_report(ctx, REPORT_WARN, "skipping output to input port");
            break;
        }
        const struct xport *xport = xlate_find_port(ctx, a->port);
        if (!xport || xport->is_patch) {
            /* Also what is no port of this bridge by number, `in_port` among it. */
            struct strbuf s = STRBUF_INITIALIZER;
            ofp_port_format(a->port, xlate_names(ctx), &s);
            xlate_report_error(ctx, "output_trunc does not support patch port %s", strbuf_text(&s));
            strbuf_fini(&s);
            break;
        }
        if (xlate_has_egress(ctx, a->port)) {
            if (find_output(ctx, a->port)) {
                xlate_egress(ctx, a->port, (uint16_t)MIN(a->max_len, (uint32_t)UINT16_MAX), is_last);
            }
            break;
        }
        dp_actions_put_trunc(ctx->actions, a->max_len);
        xlate_output(ctx, a->port, 0, false, is_last, true);
        break;
    }
}

void xlate_set_queue(struct xlate_ctx *ctx, uint32_t queue)
{
    /* A queue that the datapath cannot have is none. */
    uint32_t priority;
    if (ofproto_queue_priority(ctx->bridge->ofproto, queue, &priority)) {
        ctx->flow->skb_priority = priority;
        flow_wc_set(&ctx->wc->bits, skb_priority);
    }
}

void xlate_enqueue(struct xlate_ctx *ctx, const struct ofpact_enqueue *a, bool is_last)
{
    uint32_t old = ctx->flow->skb_priority;
    uint32_t port = a->port == OFPP_IN_PORT ? ctx->flow->in_port : a->port;
    if (port == ctx->flow->in_port && a->port != OFPP_IN_PORT) {
        return;
    }
    xlate_set_queue(ctx, a->queue);
    uint32_t before = ctx->netflow_out;
    ctx->netflow_out = NETFLOW_OUT_NONE;
    xlate_output_port(ctx, port, is_last, false);
    sum_netflow_out(ctx, before);
    ctx->flow->skb_priority = old;
}
