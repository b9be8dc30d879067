/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: which of a group's buckets run, and running them. */
#include "pipeline/group.h"

#include <string.h>

#include "base/hash.h"
#include "openflow/action_text.h"
#include "pipeline/xlate/ctx.h"

static bool is_group_live(struct xlate_ctx *ctx, uint32_t group_id, int depth);

bool xlate_is_live(const struct xlate_ctx *ctx, uint32_t ofp_port)
{
    const struct xport *xport = xlate_find_port(ctx, ofp_port);
    return xport && !(xport->config & OFPROTO_PC_PORT_DOWN) && (xport->state & OFPROTO_PS_LIVE);
}

static bool watches(const struct group_bucket *b)
{
    return b->watch_port != OFPP_ANY || b->watch_group != OFPG_ANY;
}

static bool is_bucket_live(struct xlate_ctx *ctx, const struct group *g, const struct group_bucket *b,
                           int depth)
{
    if (g->s.type == GROUP_SELECT && !b->weight) {
        return false;
    }
    if (g->s.type != GROUP_FF && !watches(b)) {
        return true;
    }
    return (b->watch_port != OFPP_ANY && xlate_is_live(ctx, b->watch_port)) ||
           (b->watch_group != OFPG_ANY && is_group_live(ctx, b->watch_group, depth + 1));
}

/* The bucket is not chosen: says why. */
static void report_dead(struct xlate_ctx *ctx, const struct group_bucket *b)
{
    struct strbuf s = STRBUF_INITIALIZER;
    if (!ctx->report) {
        return;
    }
    if (b->watch_port != OFPP_ANY) {
        strbuf_puts(&s, "port ");
        ofp_port_format(b->watch_port, xlate_names(ctx), &s);
    }
    if (b->watch_group != OFPG_ANY) {
        /* The reference calls a group a port here. */
        strbuf_printf(&s, "%sport %" PRIu32, s.len ? " and " : "", b->watch_group);
    }
    xlate_report(ctx, REPORT_DETAIL, "bucket %" PRIu32 ": not live due to %s", b->bucket_id, strbuf_text(&s));
    strbuf_fini(&s);
}

static bool is_group_live(struct xlate_ctx *ctx, uint32_t group_id, int depth)
{
    const struct group *g = depth < 64 ? group_find(ctx->bridge->ofproto, ctx->version, group_id) : NULL;
    for (size_t i = 0; g && i < g->s.n_buckets; i++) {
        if (is_bucket_live(ctx, g, &g->s.buckets[i], depth)) {
            return true;
        }
    }
    return false;
}

#define THE_GROUP UINT32_MAX /* not one of its buckets */

/* The packet counts for the group, or for a bucket of it. */
static void record_packet(struct xlate_ctx *ctx, struct group *g, uint32_t index)
{
    if (ctx->xin->record && group_try_ref(g)) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_GROUP);
        e->object = g;
        e->port = index;
    }
}

static void run_bucket(struct xlate_ctx *ctx, struct group *g, size_t index, bool is_last)
{
    const struct group_bucket *b = &g->s.buckets[index];
    struct list *outer = ctx->report;
    ctx->report =
        report_add(ctx->report, REPORT_BUCKET, ctx->report ? xasprintf("bucket %u", b->bucket_id) : NULL);

    struct flow_key old_flow = *ctx->flow;
    bool old_conntracked = ctx->conntracked;
    struct xlate_scope scope;
    xlate_scope_begin(ctx, &scope);
    /* A bucket is an action set. What rules that it leads to write goes into the packet's own. */
    struct bytebuf list = BYTEBUF_INITIALIZER;
    xlate_compose_action_set(&b->ofpacts, &list);

    ctx->depth++;
    xlate_actions(ctx, (const struct ofpact *)(const void *)list.data, list.len, is_last);
    ctx->depth--;
    if (ctx->freezing) {
        /* The rest of the bucket goes on alone. */
        xlate_finish_freezing(ctx);
    }
    bytebuf_fini(&list);

    record_packet(ctx, g, (uint32_t)index);
    /* What a bucket does to the packet is its own. */
    *ctx->flow = old_flow;
    xlate_scope_end(ctx, &scope, is_last);
    ctx->conntracked = old_conntracked;
    ctx->exit = false;
    /* What a bucket cannot do to the packet ends the bucket alone. */
    if (ctx->error == XLATE_TOO_MANY_MPLS_LABELS || ctx->error == XLATE_UNSUPPORTED_PACKET_TYPE) {
        ctx->error = XLATE_OK;
    }
    ctx->report = outer;
}

/* The bucket that suits a hash best: each live one bids with a hash of its own, weighed. */
static size_t best_live_bucket(struct xlate_ctx *ctx, const struct group *g, uint32_t basis)
{
    size_t best = SIZE_MAX;
    uint64_t best_score = 0;
    for (size_t i = 0; i < g->s.n_buckets; i++) {
        if (is_bucket_live(ctx, g, &g->s.buckets[i], 0)) {
            uint64_t score =
                (uint64_t)(hash_u32(g->s.buckets[i].bucket_id, basis) & 0xffff) * g->s.buckets[i].weight;
            xlate_report(ctx, REPORT_DETAIL, "bucket %u: score %u", g->s.buckets[i].bucket_id,
                         (unsigned)score);
            if (score >= best_score) {
                best = i;
                best_score = score;
            }
        } else {
            report_dead(ctx, &g->s.buckets[i]);
        }
    }
    return best;
}

static size_t select_by_hash(struct xlate_ctx *ctx, const struct group *g)
{
    uint32_t basis = hash_u64(g->s.selection_param, 0);
    if (!g->n_hash_fields) {
        flow_look_at_hash_fields(ctx->flow, HASH_FIELDS_SYMMETRIC_L4, &ctx->wc->bits);
        basis = flow_hash_symmetric(ctx->flow, basis);
        return best_live_bucket(ctx, g, basis);
    }
    for (size_t i = 0; i < g->n_hash_fields; i++) {
        const struct field *field = g->hash_fields[i];
        field_wc_set_prereqs(field, ctx->flow, &ctx->wc->bits);
        if (field_prereqs_ok(field, ctx->flow)) {
            union field_value value;
            union field_value mask, value_mask;
            xlate_get_field(ctx, field, &value);
            /* The group's value for the field says which of its bits count. */
            field_match_get(field, g->s.fields, &mask, &value_mask);
            for (unsigned b = 0; b < field->n_bytes; b++) {
                value.b[b] &= mask.b[b];
            }
            xlate_look_at_field(ctx, field, &mask);
            basis = hash_bytes(value.b, field->n_bytes, hash_u32(field->id, basis));
        }
    }
    return best_live_bucket(ctx, g, basis);
}

/* By a hash that the datapath computes: the first time round there is none, so the packet goes and comes
 * back. */
static size_t select_by_dp_hash(struct xlate_ctx *ctx, const struct group *g)
{
    if (!ctx->flow->dp_hash && !ctx->hashed) {
        bool symmetric = g->selection == GROUP_SELECTION_DEFAULT || g->s.selection_param >> 32 & 1;
        ctx->dp_hash_alg = symmetric ? DP_HASH_SYM_L4 : DP_HASH_L4;
        ctx->dp_hash_basis = (uint32_t)g->s.selection_param;
        ctx->recirc_update_dp_hash = true;
        xlate_recirculate(ctx);
        return SIZE_MAX;
    }
    ctx->wc->bits.dp_hash |= g->hash_mask;
    /* The slots of a bucket that is down are its neighbours'. */
    for (uint32_t i = 0; i <= g->hash_mask; i++) {
        size_t pick = g->hash_map[(ctx->flow->dp_hash + i) & g->hash_mask];
        if (is_bucket_live(ctx, g, &g->s.buckets[pick], 0)) {
            return pick;
        }
    }
    return SIZE_MAX;
}

static void run_group(struct xlate_ctx *ctx, struct group *g, bool is_last)
{
    size_t pick = SIZE_MAX;
    switch (g->s.type) {
    case GROUP_ALL:
    case GROUP_INDIRECT:
        record_packet(ctx, g, THE_GROUP);
        for (size_t i = 0; i < g->s.n_buckets && !ctx->error; i++) {
            run_bucket(ctx, g, i, is_last && i + 1 == g->s.n_buckets);
        }
        return;
    case GROUP_SELECT:
        if (ctx->unparsed.l3) {
            xlate_recirculate(ctx);
            return;
        }
        /* Of buckets without weight the datapath's hash has none to choose. */
        pick = g->selection == GROUP_SELECTION_HASH || !g->hash_mask ? select_by_hash(ctx, g)
                                                                     : select_by_dp_hash(ctx, g);
        break;
    case GROUP_FF:
        for (size_t i = 0; i < g->s.n_buckets && pick == SIZE_MAX; i++) {
            if (is_bucket_live(ctx, g, &g->s.buckets[i], 0)) {
                pick = i;
            } else {
                report_dead(ctx, &g->s.buckets[i]);
            }
        }
        break;
    }
    if (pick == SIZE_MAX) { /* none is live; or the packet comes again with its hash, and counts then */
        xlate_report(ctx, REPORT_DETAIL, "no live bucket");
        return;
    }
    record_packet(ctx, g, THE_GROUP);
    xlate_report(ctx, REPORT_DETAIL, "using bucket %u", g->s.buckets[pick].bucket_id);
    run_bucket(ctx, g, pick, is_last);
}

void xlate_group(struct xlate_ctx *ctx, uint32_t group_id, bool is_last)
{
    if (!xlate_may_resubmit(ctx)) {
        return;
    }
    struct group *g = group_find(ctx->bridge->ofproto, ctx->version, group_id);
    if (!g) {
        xlate_report(ctx, REPORT_WARN, "output to nonexistent group %u", group_id);
        return;
    }
    bool was_in_group = ctx->in_group;
    ctx->in_group = true;
    run_group(ctx, g, is_last);
    ctx->in_group = was_in_group;
    if (ctx->freezing && ctx->recirc_update_dp_hash) {
        /* The group itself is to be run again when the packet is back. */
        struct ofpact_group again = {.ofpact = {.type = OFPACT_GROUP, .len = sizeof again},
                                     .group_id = group_id};
        bytebuf_put(&ctx->frozen_actions, &again, sizeof again);
        bytebuf_pad(&ctx->frozen_actions, OFPACT_ALIGN);
    }
}
