/* SPDX-License-Identifier: Apache-2.0 */
/* TTLs copied from one header to the next: between MPLS labels, a label and the IP header under it, an IP
 * header and the one that it carries. The key has no IP header but the outermost: there the datapath copies,
 * and what it writes into a TTL that is in the key is not known until the packet comes again. */
#include <string.h>

#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

#define LSE_BOS      CONST_BE32(0x100)
#define LSE_TTL_MASK CONST_BE32(0xff)

/* The datapath does it, to the packet as the actions so far leave it. */
static void in_datapath(struct xlate_ctx *ctx, enum dp_action_type type)
{
    xlate_commit(ctx);
    dp_actions_put_plain(ctx->actions, type);
    ctx->altered = true;
}

/* An IP header that carries another. */
static bool is_ip_in_ip(struct xlate_ctx *ctx)
{
    const struct flow_key *flow = ctx->flow;
    if (!flow_key_is_ip(flow)) {
        return false;
    }
    flow_wc_set(&ctx->wc->bits, nw_proto);
    flow_wc_set(&ctx->wc->bits, nw_frag);
    return (flow->nw_proto == IP_PROTO_IPIP || flow->nw_proto == IP_PROTO_IPV6) &&
           !(flow->nw_frag & FLOW_NW_FRAG_LATER);
}

/* Two labels, and both of them known. */
static bool has_next_label(const struct flow_key *flow, int n)
{
    return n > 1 && !(flow->mpls_lse[0] & LSE_BOS);
}

static be32 with_ttl(be32 lse, be32 ttl)
{
    return (lse & ~LSE_TTL_MASK) | (ttl & LSE_TTL_MASK);
}

void xlate_copy_ttl_in(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    int n = xlate_count_labels(flow, &ctx->wc->bits);
    if (has_next_label(flow, n)) {
        in_datapath(ctx, DP_ACTION_COPY_TTL_IN);
        ctx->wc->bits.mpls_lse[0] |= LSE_TTL_MASK;
        flow->mpls_lse[1] = ctx->base_flow.mpls_lse[1] = with_ttl(flow->mpls_lse[1], flow->mpls_lse[0]);
    } else if (n || is_ip_in_ip(ctx)) {
        in_datapath(ctx, DP_ACTION_COPY_TTL_IN);
        ctx->unparsed.inner = 0;
    }
}

void xlate_copy_ttl_out(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    int n = xlate_count_labels(flow, &ctx->wc->bits);
    if (has_next_label(flow, n)) {
        in_datapath(ctx, DP_ACTION_COPY_TTL_OUT);
        ctx->wc->bits.mpls_lse[1] |= LSE_TTL_MASK;
        flow->mpls_lse[0] = ctx->base_flow.mpls_lse[0] = with_ttl(flow->mpls_lse[0], flow->mpls_lse[1]);
    } else if (n && ctx->unparsed.inner) {
        flow->mpls_lse[0] = with_ttl(flow->mpls_lse[0], htobe32(ctx->unparsed.inner));
    } else if (n || is_ip_in_ip(ctx)) {
        in_datapath(ctx, DP_ACTION_COPY_TTL_OUT);
        ctx->unparsed.ttl = true;
    }
}

/* Out of the bridge at once: nobody reads the packet's headers on the way. */
static bool is_plain_port(const struct xlate_ctx *ctx, uint32_t ofp_port)
{
    if (ofp_port == OFPP_CONTROLLER) {
        return true;
    }
    if (ofp_port == OFPP_IN_PORT) {
        ofp_port = ctx->flow->in_port;
    }
    const struct xport *xport = xlate_find_port(ctx, ofp_port);
    return !xport || (!xport->is_patch && !xport->tunnel && !xlate_has_egress(ctx, ofp_port));
}

static bool is_ttl_field(const struct field *field)
{
    switch (field->id) {
    case FIELD_IP_TTL:
    case FIELD_MPLS_LABEL:
    case FIELD_MPLS_TC:
    case FIELD_MPLS_BOS:
    case FIELD_MPLS_TTL:
        return true; /* a label stack entry is set as a whole */
    default:
        return false;
    }
}

bool xlate_needs_ttl(const struct xlate_ctx *ctx, const struct ofpact *a)
{
    switch ((enum ofpact_type)a->type) {
    case OFPACT_OUTPUT:
        return !is_plain_port(ctx, OFPACT_CAST(OUTPUT, a)->port);
    case OFPACT_ENQUEUE:
        return !is_plain_port(ctx, OFPACT_CAST(ENQUEUE, a)->port);
    case OFPACT_SET_FIELD:
        return is_ttl_field(OFPACT_CAST(SET_FIELD, a)->field);
    case OFPACT_GROUP: /* their actions are asked one by one */
    case OFPACT_CLONE:
    case OFPACT_CONTROLLER:
    case OFPACT_EXIT:
    case OFPACT_METER:
    case OFPACT_NOTE:
    case OFPACT_POP_MPLS:
    case OFPACT_POP_QUEUE:
    case OFPACT_PUSH_VLAN:
    case OFPACT_SET_ETH_DST:
    case OFPACT_SET_ETH_SRC:
    case OFPACT_SET_QUEUE:
    case OFPACT_SET_TUNNEL:
    case OFPACT_SET_VLAN_PCP:
    case OFPACT_SET_VLAN_VID:
    case OFPACT_STRIP_VLAN:
    case OFPACT_CLEAR_ACTIONS:
    case OFPACT_WRITE_ACTIONS:
    case OFPACT_WRITE_METADATA:
    case OFPACT_STAT_TRIGGER:
        return false;
    default:
        return true;
    }
}

void xlate_scope_begin(struct xlate_ctx *ctx, struct xlate_scope *scope)
{
    scope->start = ctx->actions->len;
    scope->base_flow = ctx->base_flow;
    scope->unparsed = ctx->unparsed;
    scope->altered = ctx->altered;
    scope->pending_encap = ctx->pending_encap;
    scope->pending_decap = ctx->pending_decap;
    scope->headers = ctx->headers;
    bytebuf_init(&scope->encap_data);
    if (ctx->pending_encap && ctx->encap_data.len) {
        bytebuf_put(&scope->encap_data, ctx->encap_data.data, ctx->encap_data.len);
    }
    ctx->altered = false;
}

void xlate_scope_end(struct xlate_ctx *ctx, struct xlate_scope *scope, bool is_last)
{
    struct bytebuf *actions = ctx->actions;
    bool waits = ctx->headers == scope->headers; /* what was pending then is still so */
    if (ctx->altered && !is_last) {
        struct bytebuf inner = BYTEBUF_INITIALIZER;
        bytebuf_put(&inner, (const char *)actions->data + scope->start, actions->len - scope->start);
        bytebuf_truncate(actions, scope->start);
        size_t mark = dp_actions_begin_clone(actions);
        bytebuf_put(actions, inner.data, inner.len);
        dp_actions_end(actions, mark);
        bytebuf_fini(&inner);
        ctx->base_flow = scope->base_flow;
        ctx->altered = false;
        waits = true;
    }
    ctx->altered |= scope->altered;
    ctx->unparsed = scope->unparsed;
    /* A header that the inside would have put on or taken off with its next output is no matter of what
     * follows. */
    ctx->pending_encap = waits && scope->pending_encap;
    ctx->pending_decap = waits && scope->pending_decap;
    bytebuf_clear(&ctx->encap_data);
    if (ctx->pending_encap) {
        bytebuf_put(&ctx->encap_data, scope->encap_data.data, scope->encap_data.len);
    }
    bytebuf_fini(&scope->encap_data);
}
