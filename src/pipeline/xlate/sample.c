/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that are sampled for collectors: the `sample` action, and what bridges sample by themselves. */
#include <string.h>

#include "pipeline/ipfix.h"
#include "pipeline/sflow.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

static void begin_cookie(struct xlate_ctx *ctx, struct dp_cookie *cookie, enum dp_cookie_type type)
{
    memset(cookie, 0, sizeof *cookie);
    cookie->type = (uint16_t)type;
    cookie->ofp_in_port = ctx->flow->in_port;
    cookie->ofproto[0] = ctx->bridge->ofproto->id;
    ctx->sampled = true;
}

/* PROBABILITY of UINT32_MAX. */
static void put_sample(struct xlate_ctx *ctx, const struct dp_cookie *cookie, uint32_t probability,
                       uint32_t tunnel_port, bool actions)
{
    size_t mark = 0;
    if (probability != UINT32_MAX) {
        mark = dp_actions_begin_sample(ctx->actions, probability);
    }
    dp_actions_put_cookie(ctx->actions, cookie, tunnel_port, actions);
    if (probability != UINT32_MAX) {
        dp_actions_end(ctx->actions, mark);
    }
}

void xlate_sample(struct xlate_ctx *ctx, const struct ofpact_sample *a)
{
    uint32_t output_port = UINT32_MAX, tunnel_port = UINT32_MAX;
    if (!ctx->bridge->ipfix) {
        return;
    }
    if (a->sampling_port != OFPP_NONE && a->sampling_port != ctx->flow->in_port) {
        const struct xport *port = xlate_find_port(ctx, a->sampling_port);
        if (!port || port->is_patch) {
            xlate_report_error(ctx, "can't use unknown port %" PRIu32 " in flow sample action",
                               (uint32_t)a->sampling_port);
            return;
        }
        output_port = port->dp_port;
        if (port->tunnel && ipfix_set_has_tunnels(ctx->bridge->ipfix, a->collector_set_id)) {
            tunnel_port = port->dp_port;
            xlate_fill_tunnel(ctx, port->tunnel);
        }
    }
    xlate_commit(ctx);
    struct dp_cookie cookie;
    begin_cookie(ctx, &cookie, DP_COOKIE_FLOW_SAMPLE);
    cookie.flow_sample.probability = a->probability;
    cookie.flow_sample.collector_set_id = a->collector_set_id;
    cookie.flow_sample.obs_domain_id = a->obs_domain_id;
    cookie.flow_sample.obs_point_id = a->obs_point_id;
    cookie.flow_sample.output_port = output_port;
    cookie.flow_sample.direction = a->direction;
    cookie.flow_sample.ofp_output = (uint16_t)(output_port != UINT32_MAX ? a->sampling_port : OFPP_NONE);
    put_sample(ctx, &cookie, (uint32_t)a->probability << 16 | a->probability, tunnel_port, false);
}

void xlate_count_output(struct xlate_ctx *ctx, const struct xport *out)
{
    ctx->sflow_n_out++;
    ctx->sflow_out = out->ifindex;
}

void xlate_sample_input(struct xlate_ctx *ctx)
{
    const struct ipfix_sampling *s = &ctx->bridge->ipfix_sampling;
    if (ctx->bridge->sflow_probability) {
        struct dp_cookie cookie;
        begin_cookie(ctx, &cookie, DP_COOKIE_SFLOW);
        if (ctx->flow->vlans[0].tpid) {
            /* What it leaves with is in the cookie. */
            ctx->wc->bits.vlans[0].tci |= CONST_BE16(VLAN_VID_MASK | VLAN_CFI);
        }
        put_sample(ctx, &cookie, ctx->bridge->sflow_probability, UINT32_MAX, true);
    }
    if (s->probability && s->input) {
        struct dp_cookie cookie;
        begin_cookie(ctx, &cookie, DP_COOKIE_IPFIX);
        cookie.ipfix.output_port = UINT32_MAX;
        cookie.ipfix.ofp_output = (uint16_t)OFPP_NONE;
        put_sample(ctx, &cookie, s->probability, UINT32_MAX, false);
    }
}

void xlate_sample_output(struct xlate_ctx *ctx, const struct xport *out)
{
    const struct ipfix_sampling *s = &ctx->bridge->ipfix_sampling;
    if (s->probability && s->output) {
        struct dp_cookie cookie;
        begin_cookie(ctx, &cookie, DP_COOKIE_IPFIX);
        cookie.ipfix.output_port = out->dp_port;
        cookie.ipfix.ofp_output = (uint16_t)out->ofp_port;
        put_sample(ctx, &cookie, s->probability, UINT32_MAX, false);
    }
}

/* What samples are told of the packet's way. */
struct way {
    bool dropped;
    uint32_t sflow_output;
    be16 vlan_tci; /* that it leaves with */
};

static void tell(struct dp_action_userspace *u, const struct way *way)
{
    struct dp_cookie copy;
    if (!dp_cookie_from_userdata(u->userdata, u->userdata_len, &copy)) {
        return;
    }
    if (copy.type == DP_COOKIE_FLOW_SAMPLE) {
        copy.flow_sample.dropped = way->dropped;
    } else if (copy.type == DP_COOKIE_IPFIX) {
        copy.ipfix.dropped = way->dropped;
    } else if (copy.type == DP_COOKIE_SFLOW) {
        copy.sflow.output = way->sflow_output;
        copy.sflow.vlan_tci = way->vlan_tci;
    }
    memcpy(u->userdata, &copy, sizeof copy);
}

/* Does one of the actions send the packet on? Samples are told of WAY, unless it is NULL. */
static bool walk(struct dp_action *list, size_t len, const struct way *);

static bool walk_action(struct dp_action *a, const struct way *way)
{
    size_t len;
    bool goes_on = false;
    switch (a->type) {
    case DP_ACTION_OUTPUT:
    case DP_ACTION_RECIRC:
    case DP_ACTION_TNL_PUSH:
    case DP_ACTION_TNL_POP:
    case DP_ACTION_LB_OUTPUT:
        return true;
    case DP_ACTION_CHECK_PKT_LEN: {
        struct dp_action *list = (struct dp_action *)dp_action_if_less_equal(a, &len);
        goes_on = walk(list, len, way);
        list = (struct dp_action *)dp_action_if_greater(a, &len);
        return walk(list, len, way) || goes_on;
    }
    case DP_ACTION_SAMPLE:
    case DP_ACTION_CLONE:
    case DP_ACTION_DEC_TTL: {
        struct dp_action *list = (struct dp_action *)dp_action_nested(a, &len);
        return walk(list, len, way);
    }
    case DP_ACTION_USERSPACE:
        if (way) {
            tell((struct dp_action_userspace *)(void *)a, way);
        }
        return false;
    default:
        return false;
    }
}

static bool walk(struct dp_action *list, size_t len, const struct way *way)
{
    bool goes_on = false;
    const struct dp_action *a;
    DP_ACTION_FOR_EACH (a, list, len) {
        goes_on |= walk_action((struct dp_action *)a, way);
    }
    return goes_on;
}

void xlate_finish_samples(struct xlate_ctx *ctx)
{
    if (ctx->sampled) {
        struct dp_action *list = (struct dp_action *)(void *)ctx->actions->data;
        struct way way = {
            .dropped = !walk(list, ctx->actions->len, NULL),
            .sflow_output = !ctx->sflow_n_out                         ? SFLOW_OUT_DROPPED
                            : ctx->sflow_n_out == 1 && ctx->sflow_out ? ctx->sflow_out
                                                                      : SFLOW_OUT_MULTIPLE | ctx->sflow_n_out,
            .vlan_tci = ctx->base_flow.vlans[0].tci & CONST_BE16((uint16_t)~VLAN_CFI),
        };
        walk(list, ctx->actions->len, &way);
    }
}
