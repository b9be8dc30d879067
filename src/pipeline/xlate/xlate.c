/* SPDX-License-Identifier: Apache-2.0 */
/* A translation's begin and end. */
#include "pipeline/xlate/xlate.h"
#include "pipeline/netflow.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "flow/match.h"
#include "pipeline/meter.h"
#include "pipeline/xlate/ctx.h"
#include "tunnel/config.h"
#include "wire/eth.h"

LOG_MODULE(ofproto_dpif_xlate);

const char *xlate_error_text(enum xlate_error error)
{
    static const char *const texts[] = {
        [XLATE_OK] = "OK",
        [XLATE_BRIDGE_NOT_FOUND] = "Bridge not found",
        [XLATE_RECURSION_TOO_DEEP] = "Recursion too deep",
        [XLATE_TOO_MANY_RESUBMITS] = "Too many resubmits",
        [XLATE_STACK_TOO_DEEP] = "Stack too deep",
        [XLATE_NO_RECIRCULATION_CONTEXT] = "No recirculation context",
        [XLATE_RECIRCULATION_CONFLICT] = "Recirculation conflict",
        [XLATE_TOO_MANY_MPLS_LABELS] = "Too many MPLS labels",
        [XLATE_INVALID_TUNNEL_METADATA] = "Invalid tunnel metadata",
        [XLATE_UNSUPPORTED_PACKET_TYPE] = "Unsupported packet type",
        [XLATE_CONGESTION_DROP] = "ECN mismatch at tunnel decapsulation",
        [XLATE_FORWARDING_DISABLED] = "Forwarding is disabled",
    };
    return texts[error];
}

void xlate_report(struct xlate_ctx *ctx, enum report_type type, const char *format, ...)
{
    if (ctx->report) {
        va_list args;
        va_start(args, format);
        report_add(ctx->report, type, xvasprintf(format, args));
        va_end(args);
    }
}

void xlate_report_error(struct xlate_ctx *ctx, const char *format, ...)
{
    static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);
    va_list args;
    va_start(args, format);
    if (ctx->report) {
        report_add(ctx->report, REPORT_ERROR, xvasprintf(format, args));
    } else if (!log_should_drop(&log_this_module, LOG_LEVEL_WARN, &rl)) {
        char *text = xvasprintf(format, args);
        struct strbuf flow = STRBUF_INITIALIZER;
        match_format_key(&ctx->xin->original, &ctx->xin->bridge->tun_md.layout, NULL, &flow);
        LOG_WARN("%s on bridge %s while processing %s", text, ctx->bridge->name, strbuf_text(&flow));
        strbuf_fini(&flow);
        free(text);
    }
    va_end(args);
}

void xlate_in_init(struct xlate_in *xin, const struct snapshot *snapshot, const struct xbridge *bridge,
                   const struct flow_key *flow)
{
    memset(xin, 0, sizeof *xin);
    xin->snapshot = snapshot;
    xin->bridge = bridge;
    xin->flow = *flow;
    xin->flow.actset_output = OFPP_UNSET;
}

bool xbridge_name_options(const struct xbridge *bridge, struct flow_key *key)
{
    return tun_md_from_options(&bridge->tun_md, key->tun_opts, key->tun_opts_len, key);
}

int xlate_in_init_upcall(struct xlate_in *xin, const struct pipeline *p, const struct dp_backer *backer,
                         const struct flow_key *flow)
{
    const struct snapshot *snapshot = snapshot_get(p);
    const struct xport *port = snapshot_input(snapshot, backer, flow);
    if (!port && !flow->recirc_id) {
        return ENODEV;
    }
    xlate_in_init(xin, snapshot, port ? port->bridge : NULL, flow);
    xin->flow.in_port = port ? port->ofp_port : OFPP_NONE;
    if (!flow->recirc_id) {
        xin->options_wrong = !xbridge_name_options(port->bridge, &xin->flow);
    }
    if (flow->recirc_id) {
        xin->frozen = recirc_find(p->recirc, flow->recirc_id);
        if (!xin->frozen) {
            return ENOENT;
        }
        /* The packet may be in another bridge than the one that its port belongs to. */
        xin->bridge = NULL;
        for (size_t i = 0; i < snapshot->n_bridges; i++) {
            if (snapshot->bridges[i]->ofproto->id == xin->frozen->ofproto_id) {
                xin->bridge = snapshot->bridges[i];
            }
        }
        if (!xin->bridge) {
            return ENOENT;
        }
    }
    return 0;
}

void xlate_out_init(struct xlate_out *xout)
{
    memset(xout, 0, sizeof *xout);
    bytebuf_init(&xout->actions);
}

void xlate_out_fini(struct xlate_out *xout)
{
    bytebuf_fini(&xout->actions);
    free(xout->recirc_ids);
    xout->recirc_ids = NULL;
    xout->n_recirc_ids = 0;
}

/* What every translation looks at. */
static void init_mask(struct xlate_ctx *ctx)
{
    struct flow_key *wc = &ctx->wc->bits;
    memset(ctx->wc, 0, sizeof *ctx->wc);
    flow_wc_set(wc, in_port);
    flow_wc_set(wc, packet_type);
    flow_wc_set(wc, recirc_id);
    flow_wc_set(wc, dl_type);
    if (flow_key_is_ip(ctx->flow)) {
        wc->nw_frag = FLOW_NW_FRAG_ANY | FLOW_NW_FRAG_LATER;
    }
    if (flow_key_from_tunnel(ctx->flow)) {
        /* The tunnel is told apart by these. */
        if (ctx->flow->tun_dst) {
            flow_wc_set(wc, tun_dst);
            flow_wc_set(wc, tun_src);
        } else {
            flow_wc_set(wc, tun_ipv6_dst);
            flow_wc_set(wc, tun_ipv6_src);
        }
        flow_wc_set(wc, tun_id);
        wc->tun_flags = FLOW_TUN_DONT_FRAG | FLOW_TUN_CSUM | FLOW_TUN_KEY;
        flow_wc_set(wc, tun_tos);
    }
}

static bool came_by_geneve(const struct xlate_ctx *ctx)
{
    const struct xport *in = xlate_find_port(ctx, ctx->xin->original.in_port);
    return in && in->tunnel && in->tunnel->kind == TUNNEL_GENEVE;
}

/* Options are matched on by their place, not by their names. */
static void finish_options(struct xlate_ctx *ctx)
{
    struct flow_key *wc = &ctx->wc->bits;
    struct xlate_out *xout = ctx->xout;
    const struct flow_key *flow = &ctx->xin->original;
    xout->tun_md.present = wc->tun_md_present;
    memcpy(xout->tun_md.bits, wc->tun_md, sizeof xout->tun_md.bits);
    if (ctx->xin->frozen) {
        /* Names and values were kept aside. */
        memset(wc->tun_opts, 0, sizeof wc->tun_opts);
        wc->tun_opts_len = 0;
    } else if (flow->tun_opts_len || wc->tun_md_present || came_by_geneve(ctx)) {
        tun_md_mask_options(&ctx->bridge->tun_md, flow, wc);
    }
}

static bool has_type(const struct flow_key *flow)
{
    return flow_key_is_ip(flow) && (flow->nw_proto == 1 || flow->nw_proto == 58 || flow->nw_proto == 2);
}

/* Takes out of the mask what the datapath's key does not have, and makes it one that datapaths take. */
static void finish_mask(struct xlate_ctx *ctx)
{
    struct flow_key *wc = &ctx->wc->bits;
    const struct flow_key *flow = &ctx->xin->original;
    finish_options(ctx);
    memset((char *)wc + FLOW_BLOCK_REGS * FLOW_BLOCK_SIZE, 0,
           (size_t)(FLOW_N_BLOCKS - FLOW_BLOCK_REGS) * FLOW_BLOCK_SIZE);
    if (!flow_key_from_tunnel(flow)) {
        /* Actions wrote where nothing was. */
        memset(&wc->tun_id, 0, FLOW_BLOCK_SIZE * 5);
        wc->erspan_idx = 0;
    }
    if (flow->packet_type != FLOW_PT_ETH) {
        flow_wc_unset(wc, dl_src);
        flow_wc_unset(wc, dl_dst);
        memset(wc->vlans, 0, sizeof wc->vlans);
    }
    if (!eth_type_is_mpls(flow->dl_type)) {
        memset(wc->mpls_lse, 0, sizeof wc->mpls_lse);
    }
    /* Types and codes are one byte each, and are said to be where the packet ends as one with a type. */
    if (has_type(flow) && has_type(ctx->flow)) {
        wc->tp_src &= CONST_BE16(0xff);
        wc->tp_dst &= CONST_BE16(0xff);
    }
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        if (wc->vlans[i].tci) {
            wc->vlans[i].tci |= FLOW_VLAN_PRESENT;
        }
        /* The Ethertype of a tag is an Ethertype: always matched, as dl_type is. */
        if (flow->vlans[i].tpid && (i == 0 || wc->vlans[i].tci)) {
            flow_wc_set(wc, vlans[i].tpid);
        }
    }
    /* Later fragments have no ports to be matched. */
    if (flow->nw_frag & FLOW_NW_FRAG_LATER) {
        wc->tp_src = wc->tp_dst = wc->tcp_flags = 0;
    }
    ctx->wc->blocks = (uint16_t)flow_mask_find_blocks(ctx->wc);
}

void xlate_go_on_in_first_table(struct xlate_ctx *ctx)
{
    ctx->rule_cookie = ctx->left_cookie;
    if (ctx->report && !list_is_empty(ctx->report)) {
        ctx->report = &CONTAINER_OF(list_back(ctx->report), struct report, node)->children;
    }
}

static void start(struct xlate_ctx *ctx)
{
    struct xlate_in *xin = ctx->xin;
    if (xin->options_wrong) {
        xlate_report_error(ctx, "Invalid Geneve tunnel metadata");
        ctx->error = XLATE_INVALID_TUNNEL_METADATA;
        return;
    }
    if (xin->frozen) {
        xlate_thaw(ctx, xin->frozen);
        return;
    }
    const struct xport *in_port = xlate_find_port(ctx, ctx->flow->in_port);
    bool special = in_port && !xin->actions && xlate_special(ctx, in_port);
    ctx->idle = special || (in_port && !xport_learns(in_port));
    if (in_port && (in_port->config & OFPROTO_PC_NO_RECV) && !special) {
        return; /* what it may bring is for the protocols alone */
    }
    if (!xin->actions && !xlate_tunnel_enter(ctx)) {
        return;
    }
    if (xin->actions) {
        ctx->in_packet_out = xin->packet_out;
        if (!ctx->idle && xlate_enter(ctx)) {
            xlate_actions(ctx, xin->actions, xin->actions_len, true);
        }
    } else {
        ctx->entering = true;
        ctx->resubmits--; /* which the first table is not */
        xlate_table(ctx, ctx->flow->in_port, 0, true, false, true);
        xlate_go_on_in_first_table(ctx);
    }
    ctx->blocked = in_port && !special && !xport_forwards(in_port);
}

/* A clone keeps the packet for later actions: where there are none, it goes. */
static void unwrap_last_clone(struct xlate_ctx *ctx)
{
    const struct dp_action *a, *last = NULL;
    DP_ACTION_FOR_EACH (a, ctx->actions->data, ctx->actions->len) {
        last = a;
    }
    if (last && last->type == DP_ACTION_CLONE) {
        size_t len, at = (size_t)((const char *)last - (const char *)ctx->actions->data);
        const void *nested = dp_action_nested(last, &len);
        memmove((char *)ctx->actions->data + at, nested, len);
        bytebuf_truncate(ctx->actions, at + len);
    }
}

static const char *name_port(const struct port_names *names, uint32_t ofp_port)
{
    const struct xlate_ctx *ctx = names->aux;
    const struct xport *port = xlate_find_port(ctx, ofp_port);
    return port ? port->name : NULL;
}

/* Packets are told of once, as they came into the bridge. */
static void record_netflow(struct xlate_ctx *ctx)
{
    const struct xlate_in *xin = ctx->xin;
    struct netflow *netflow = xin->bridge->netflow;
    struct netflow_id *id =
        netflow && xin->record && !xin->frozen ? netflow_id_create(&xin->original, ctx->netflow_out) : NULL;
    if (id) {
        struct record_entry *e = record_add(xin->record, RECORD_NETFLOW);
        netflow_ref(netflow);
        e->object = netflow;
        e->object2 = id;
    }
}

enum xlate_error xlate(struct xlate_in *xin, struct xlate_out *xout)
{
    struct xlate_ctx ctx;
    memset(&ctx, 0, sizeof ctx);
    ctx.xin = xin;
    ctx.xout = xout;
    ctx.snapshot = xin->snapshot;
    ctx.bridge = xin->bridge;
    ctx.version = xin->version ? xin->version : ofproto_rules_version(xin->bridge->ofproto);
    ctx.flow = &xin->flow;
    xin->original = xin->flow;
    ctx.base_flow = xin->flow;
    ctx.wc = &xout->wc;
    ctx.actions = &xout->actions;
    ctx.report = xin->report;
    ctx.ports = (struct port_names){.name = name_port, .aux = &ctx};
    ctx.names.ports = &ctx.ports;
    ctx.rule_cookie = ctx.left_cookie = UINT64_MAX;
    ctx.table_id = OFPTT_ALL; /* nothing is a step back from here */
    ctx.depth = xin->depth;
    ctx.conntracked = (xin->flow.ct_state & FLOW_CS_TRK) != 0;
    ctx.resubmits = xin->resubmits;
    ctx.netflow_out = NETFLOW_OUT_NONE;
    ctx.orig_skb_priority = xin->flow.skb_priority;
    init_mask(&ctx);
    if (ctx.bridge->netflow) {
        netflow_mask(ctx.flow, ctx.wc);
    }

    if (!xin->frozen) {
        xlate_sample_input(&ctx);
    }
    ctx.report = report_add(ctx.report, REPORT_BRIDGE, ctx.report ? xstrdup(ctx.bridge->name) : NULL);
    start(&ctx);
    if (!ctx.freezing) {
        xlate_action_set(&ctx);
    }
    if (ctx.blocked) {
        /* Learning was all that was wanted of it. */
        bytebuf_clear(ctx.actions);
        ctx.freezing = false;
        ctx.drop_reason = DROP_SPANNING_TREE;
    }
    if (ctx.freezing && !ctx.error) {
        xlate_finish_freezing(&ctx);
    }
    unwrap_last_clone(&ctx);
    if (!ctx.actions->len && ctx.drop_reason) {
        dp_actions_put_u32(ctx.actions, DP_ACTION_DROP, ctx.drop_reason);
    }
    record_netflow(&ctx);
    xlate_finish_samples(&ctx);
    if (ctx.error) {
        bytebuf_clear(ctx.actions);
    } else if (ctx.actions->len > UINT16_MAX - 512) {
        /* No flow can hold so many; the slow path runs them for each packet. */
        xout->slow |= DP_SLOW_ACTION;
    }
    xout->slow_meter = ofproto_meter_dp_id(xin->bridge->ofproto, OFPM_SLOWPATH);
    finish_mask(&ctx);
    bytebuf_fini(&ctx.stack);
    bytebuf_fini(&ctx.action_set);
    bytebuf_fini(&ctx.frozen_actions);
    bytebuf_fini(&ctx.encap_data);
    return ctx.error;
}
