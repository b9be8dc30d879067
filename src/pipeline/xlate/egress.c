/* SPDX-License-Identifier: Apache-2.0 */
/* Egress tables of OpenFlow 1.5: where the tables of a bridge are divided, each packet that is to leave by a
 * port goes through the second part of them first, with an action set that sends it by that port. What they
 * do to it is that copy's own.
 *
 * A packet may be sent by another port on its way: that port's egress processing runs within. A port whose
 * egress processing is under way is sent to at once, so that there are no loops. */
#include <string.h>

#include "openflow/text.h"
#include "pipeline/xlate/ctx.h"

bool xlate_is_egress_of(const struct xlate_ctx *ctx, uint32_t ofp_port)
{
    for (unsigned i = 0; i < ctx->n_egress; i++) {
        if (ctx->egress[i] == ofp_port) {
            return true;
        }
    }
    return false;
}

bool xlate_has_egress(const struct xlate_ctx *ctx, uint32_t ofp_port)
{
    return ofproto_first_egress(ctx->bridge->ofproto) && !ctx->in_mirror &&
           !xlate_is_egress_of(ctx, ofp_port);
}

bool xlate_may_enter_table(struct xlate_ctx *ctx, uint8_t table_id)
{
    unsigned first = ofproto_first_egress(ctx->bridge->ofproto);
    if (!first || (table_id >= first) == (ctx->n_egress > 0)) {
        return true;
    }
    xlate_report(ctx, REPORT_WARN,
                 ctx->n_egress ? "table %u is no egress table, not entered"
                               : "table %u is an egress table, not entered before output",
                 table_id);
    return false;
}

void xlate_egress_missed(struct xlate_ctx *ctx)
{
    if (ctx->n_egress) {
        xlate_report(ctx, REPORT_DETAIL, "what misses in an egress table is dropped");
        bytebuf_clear(&ctx->action_set);
        ctx->flow->actset_output = OFPP_UNSET;
    }
}

static void report_begin(struct xlate_ctx *ctx, uint32_t ofp_port)
{
    if (ctx->report) {
        struct strbuf s = STRBUF_INITIALIZER;
        ofp_port_format(ofp_port, xlate_names(ctx), &s);
        xlate_report(ctx, REPORT_DETAIL, "egress processing for port %s", strbuf_text(&s));
        strbuf_fini(&s);
    }
}

/* Nothing in them but output: there is no need for a copy. */
static bool only_output(const struct xlate_ctx *ctx, size_t start)
{
    const struct dp_action *a;
    DP_ACTION_FOR_EACH (a, ctx->actions->data + start, ctx->actions->len - start) {
        if (a->type != DP_ACTION_OUTPUT) {
            return false;
        }
    }
    return true;
}

/* The walk itself, with an action set that sends by OFP_PORT (MAX_LEN bytes, 0: all of it). */
static void walk(struct xlate_ctx *ctx, uint32_t ofp_port, uint16_t max_len)
{
    bool in_group = ctx->in_group, in_set = ctx->in_action_set, in_packet_out = ctx->in_packet_out;
    uint8_t table_id = ctx->table_id;
    ctx->in_group = ctx->in_action_set = ctx->in_packet_out = false;
    struct ofpact_output *output = OFPACT_PUT(OUTPUT, &ctx->action_set);
    output->port = ofp_port;
    output->max_len = max_len;
    ofpact_finish(&ctx->action_set, 0);
    ctx->flow->actset_output = ofp_port;
    xlate_table(ctx, ctx->flow->in_port, ofproto_first_egress(ctx->bridge->ofproto), true, false, false);
    if (!ctx->freezing) {
        xlate_action_set(ctx);
    }
    if (ctx->freezing) {
        xlate_finish_freezing(ctx);
    }
    ctx->in_group = in_group;
    ctx->in_action_set = in_set;
    ctx->in_packet_out = in_packet_out;
    ctx->table_id = table_id;
}

void xlate_egress(struct xlate_ctx *ctx, uint32_t ofp_port, uint16_t max_len, bool is_last)
{
    report_begin(ctx, ofp_port);
    if (ctx->n_egress >= FROZEN_MAX_EGRESS) {
        xlate_report(ctx, REPORT_WARN, "egress processing of over %d ports within each other, dropping",
                     FROZEN_MAX_EGRESS);
        return;
    }
    if (!xlate_may_resubmit(ctx)) {
        return;
    }
    struct list *outer_report = ctx->report;
    struct flow_key old_flow = *ctx->flow, old_base;
    bool old_conntracked = ctx->conntracked;
    struct bytebuf old_stack = ctx->stack, old_set = ctx->action_set;
    bytebuf_init(&ctx->stack);
    bytebuf_init(&ctx->action_set);
    ctx->egress[ctx->n_egress++] = ofp_port;

    size_t mark = 0;
    if (!is_last) {
        xlate_commit(ctx);
        mark = dp_actions_begin_clone(ctx->actions);
    }
    old_base = ctx->base_flow;
    struct xlate_scope scope;
    xlate_scope_begin(ctx, &scope);
    size_t start = ctx->actions->len;
    ctx->depth++;
    walk(ctx, ofp_port, max_len);
    ctx->depth--;
    if (!is_last) {
        if (only_output(ctx, start)) {
            struct bytebuf *b = ctx->actions;
            memmove(b->data + mark, b->data + start, b->len - start);
            bytebuf_truncate(b, b->len - (start - mark));
        } else {
            dp_actions_end(ctx->actions, mark);
        }
        ctx->base_flow = old_base;
        ctx->altered = false;
    }

    ctx->n_egress--;
    bytebuf_fini(&ctx->stack);
    bytebuf_fini(&ctx->action_set);
    ctx->stack = old_stack;
    ctx->action_set = old_set;
    *ctx->flow = old_flow;
    ctx->conntracked = old_conntracked;
    xlate_scope_end(ctx, &scope, is_last);
    ctx->exit = false;
    ctx->report = outer_report;
}
