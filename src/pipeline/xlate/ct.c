/* SPDX-License-Identifier: Apache-2.0 */
/* Connection tracking as OpenFlow has it; and freezing: what cannot be translated before the datapath has
 * done its part waits in the state that a recirculation id names. */
#include <stdio.h>
#include <string.h>

#include "openflow/text.h"
#include "pipeline/ct_zones.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

/* ------------------------------------------------------------------ freezing */

void xlate_recirculate(struct xlate_ctx *ctx)
{
    ctx->freezing = true;
    ctx->exit = true;
}

/* Actions that depend on the rule they stand in, or the table, are made to say so, for the thaw knows
 * neither. */
void xlate_freeze_rest(struct xlate_ctx *ctx, const struct ofpact *rest, size_t len)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, rest, len) {
        if (a->type == OFPACT_RESUBMIT && OFPACT_CAST(RESUBMIT, a)->table_id == OFPTT_ALL) {
            struct ofpact_resubmit copy = *OFPACT_CAST(RESUBMIT, a);
            copy.table_id = ctx->table_id;
            bytebuf_put(&ctx->frozen_actions, &copy, sizeof copy);
            bytebuf_pad(&ctx->frozen_actions, OFPACT_ALIGN);
        } else {
            bytebuf_put(&ctx->frozen_actions, a, ROUND_UP(a->len, OFPACT_ALIGN));
        }
    }
}

void xlate_hold_recirc_id(struct xlate_ctx *ctx, uint32_t id)
{
    struct xlate_out *xout = ctx->xout;
    xout->recirc_ids = xrealloc(xout->recirc_ids, (xout->n_recirc_ids + 1) * sizeof *xout->recirc_ids);
    xout->recirc_ids[xout->n_recirc_ids++] = id;
}

static void fill_state(const struct xlate_ctx *ctx, struct frozen_state *s)
{
    const struct flow_key *flow = ctx->flow;
    memset(s, 0, sizeof *s);
    s->ofproto_id = ctx->bridge->ofproto->id;
    s->mirrors = ctx->mirrors;
    s->conntracked = ctx->conntracked;
    s->was_mpls = ctx->unparsed.l3;
    s->hashed = ctx->hashed || ctx->recirc_update_dp_hash;
    s->rule_cookie = ctx->rule_cookie;
    s->in_port = flow->in_port;
    frozen_state_take_metadata(s, flow);
    s->n_egress = ctx->n_egress;
    memcpy(s->egress, ctx->egress, ctx->n_egress * sizeof *s->egress);
    s->stack = ctx->stack.data;
    s->stack_len = ctx->stack.len;
    s->action_set = (struct ofpact *)(void *)ctx->action_set.data;
    s->action_set_len = ctx->action_set.len;
}

/* Freezes what is left, to go on in TABLE_ID (OFPTT_ALL: with the frozen actions), and gives the id. */
uint32_t xlate_freeze(struct xlate_ctx *ctx, uint8_t table_id)
{
    struct frozen_state s;
    fill_state(ctx, &s);
    s.table_id = table_id;
    s.resume_in_table = table_id != OFPTT_ALL;
    if (!s.resume_in_table) {
        s.table_id = ctx->table_id;
        s.actions = (struct ofpact *)(void *)ctx->frozen_actions.data;
        s.actions_len = ctx->frozen_actions.len;
    }
    uint32_t id = recirc_alloc(ctx->bridge->ofproto->pipeline->recirc, &s);
    xlate_hold_recirc_id(ctx, id);
    return id;
}

static void undo_freezing(struct xlate_ctx *ctx)
{
    bytebuf_clear(&ctx->frozen_actions);
    ctx->freezing = ctx->pause = false;
    ctx->recirc_update_dp_hash = false;
    ctx->exit = false;
}

void xlate_finish_freezing(struct xlate_ctx *ctx)
{
    if (ctx->pause && !ctx->xin->side_effects && !ctx->xin->record) {
        /* Nobody is to be told, so nothing will go on. */
        xlate_commit(ctx);
    } else if (ctx->pause) {
        const struct ofpact_controller *c = ctx->pause_action;
        xlate_commit(ctx);
        struct frozen_state s;
        fill_state(ctx, &s);
        s.table_id = ctx->table_id;
        s.actions = (struct ofpact *)(void *)ctx->frozen_actions.data;
        s.actions_len = ctx->frozen_actions.len;
        s.userdata = (uint8_t *)c->userdata;
        s.userdata_len = c->userdata_len;
        uint32_t id = recirc_alloc(ctx->bridge->ofproto->pipeline->recirc, &s);
        xlate_hold_recirc_id(ctx, id);
        struct dp_cookie cookie;
        memset(&cookie, 0, sizeof cookie);
        cookie.type = DP_COOKIE_CONTROLLER;
        cookie.ofp_in_port = OFPP_NONE;
        cookie.ofproto[0] = ctx->bridge->ofproto->id;
        cookie.controller.continuation = true;
        cookie.controller.dont_send = !ctx->xin->side_effects && !ctx->xin->record;
        cookie.controller.reason = c->reason;
        cookie.controller.recirc_id = id;
        cookie.controller.rule_cookie = ctx->rule_cookie;
        cookie.controller.controller_id = c->controller_id;
        cookie.controller.max_len = c->max_len;
        cookie.controller.meter_id = UINT32_MAX;
        dp_actions_put_cookie(ctx->actions, &cookie, UINT32_MAX, false);
    } else {
        xlate_commit(ctx);
        uint32_t id = xlate_freeze(ctx, OFPTT_ALL);
        if (ctx->recirc_update_dp_hash) {
            dp_actions_put_hash(ctx->actions, ctx->dp_hash_alg, ctx->dp_hash_basis);
        }
        dp_actions_put_recirc(ctx->actions, id);
    }
    undo_freezing(ctx);
}

void xlate_thaw(struct xlate_ctx *ctx, const struct frozen_state *s)
{
    struct flow_key *flow = ctx->flow;
    struct list *thaw = report_add(ctx->report, REPORT_THAW, ctx->report ? xstrdup("thaw") : NULL);

    flow->in_port = s->in_port;
    frozen_state_give_metadata(s, flow);
    bytebuf_put(&ctx->stack, s->stack, s->stack_len);
    bytebuf_put(&ctx->action_set, s->action_set, s->action_set_len);
    ctx->n_egress = s->n_egress;
    memcpy(ctx->egress, s->egress, sizeof ctx->egress);
    ctx->mirrors = s->mirrors;
    ctx->rule_cookie = s->rule_cookie;
    ctx->hashed = s->hashed;
    ctx->base_flow = *flow;
    ctx->xin->original = *flow;
    if (s->conntracked) {
        ctx->conntracked = true;
    } else {
        xlate_clear_conntrack(ctx);
    }
    if (s->stack_len) {
        report_add(thaw, REPORT_THAW, thaw ? xasprintf("Restored a stack of %zu bytes", s->stack_len) : NULL);
    }
    if (s->resume_in_table) {
        report_add(thaw, REPORT_THAW, thaw ? xasprintf("Resuming from table %u", s->table_id) : NULL);
        xlate_table(ctx, flow->in_port, s->table_id, true, false, true);
        ctx->resubmits--;
    } else {
        if (thaw) {
            struct strbuf text = STRBUF_INITIALIZER;
            strbuf_puts(&text, "Restoring actions: ");
            ofpacts_format(s->actions, s->actions_len, xlate_names(ctx), &text);
            report_add(thaw, REPORT_THAW, strbuf_steal(&text));
        }
        ctx->table_id = s->table_id;
        if (s->actions_len || !s->action_set_len) {
            xlate_actions(ctx, s->actions, s->actions_len, true);
        }
    }
}

/* ------------------------------------------------------------------ ct */

static void put_nat(struct dp_action_ct *ct, const struct ofpact_nat *nat)
{
    ct->flags |= DP_CT_NAT;
    if (!(nat->flags & (NAT_SRC | NAT_DST))) {
        return;
    }
    ct->flags |= nat->flags & NAT_SRC ? DP_CT_NAT_SRC : DP_CT_NAT_DST;
    if (nat->range_af == 4) {
        ct->flags |= DP_CT_NAT_V4;
        ct->nat_min.be32[0] = nat->addr.ipv4.min;
        ct->nat_max.be32[0] = nat->addr.ipv4.max == nat->addr.ipv4.min ? 0 : nat->addr.ipv4.max;
    } else if (nat->range_af == 6) {
        ct->flags |= DP_CT_NAT_V6;
        ct->nat_min = nat->addr.ipv6.min;
        if (memcmp(&nat->addr.ipv6.min, &nat->addr.ipv6.max, 16)) {
            ct->nat_max = nat->addr.ipv6.max;
        }
    }
    if (nat->range_af || nat->proto_min) {
        ct->nat_port_min = nat->proto_min;
        ct->nat_port_max = nat->proto_max;
    }
    if (nat->range_af) {
        ct->flags |= nat->flags & NAT_PERSISTENT ? DP_CT_PERSISTENT : 0;
        ct->flags |= nat->flags & NAT_PROTO_HASH     ? DP_CT_HASH
                     : nat->flags & NAT_PROTO_RANDOM ? DP_CT_RANDOM
                                                     : 0;
    }
}

void xlate_ct(struct xlate_ctx *ctx, const struct ofpact_ct *a, bool is_last)
{
    struct flow_key *flow = ctx->flow;
    uint32_t old_mark = ctx->base_flow.ct_mark, old_mark_mask = ctx->wc->bits.ct_mark;
    be128 old_label = ctx->base_flow.ct_label, old_label_mask = ctx->wc->bits.ct_label;
    struct dp_action_ct ct;
    memset(&ct, 0, sizeof ct);

    /* The packet as it is now is what the connection sees. */
    xlate_commit(ctx);

    /* ct_mark and ct_label are what the nested actions set; what they set and nothing else is committed. */
    memset(&ctx->wc->bits.ct_mark, 0, sizeof ctx->wc->bits.ct_mark);
    memset(&ctx->wc->bits.ct_label, 0, sizeof ctx->wc->bits.ct_label);
    ctx->ct_nat = NULL;
    xlate_actions(ctx, a->actions, ofpact_ct_len(a), false);

    ct.zone = a->zone_imm;
    if (a->zone_src.field) {
        ct.zone = (uint16_t)subfield_read(ctx, &a->zone_src);
        subfield_look_at(ctx, &a->zone_src);
    }
    if (a->flags & CT_COMMIT) {
        ct.flags |= DP_CT_COMMIT | (a->flags & CT_FORCE ? DP_CT_FORCE : 0);
        if (ctx->wc->bits.ct_mark) {
            ct.flags |= DP_CT_MARK;
            ct.mark = flow->ct_mark & ctx->wc->bits.ct_mark;
            ct.mark_mask = ctx->wc->bits.ct_mark;
        }
        be128 zero = {{{0}}};
        if (memcmp(&ctx->wc->bits.ct_label, &zero, sizeof zero)) {
            ct.flags |= DP_CT_LABEL;
            ct.label_mask = ctx->wc->bits.ct_label;
            for (int i = 0; i < 4; i++) {
                ct.label.be32[i] = flow->ct_label.be32[i] & ct.label_mask.be32[i];
            }
        }
    }
    uint16_t policy = a->flags & CT_COMMIT ? ct_zone_policy(ctx->bridge->backer, ct.zone) : 0;
    if (policy) {
        snprintf(ct.timeout, sizeof ct.timeout, "%u", policy);
    }
    if (a->alg == 21) {
        strcpy(ct.helper, "ftp");
    } else if (a->alg == 69) {
        strcpy(ct.helper, "tftp");
    }
    if (ctx->ct_nat) {
        put_nat(&ct, ctx->ct_nat);
    }
    dp_actions_put_ct(ctx->actions, &ct);
    const struct ofpact_nat *nat = ctx->ct_nat;
    struct flow_key tracked = *flow;
    ctx->ct_nat = NULL;

    /* Outside of ct() these are the packet's own, as they were. */
    flow->ct_mark = ctx->base_flow.ct_mark = old_mark;
    ctx->wc->bits.ct_mark = old_mark_mask;
    flow->ct_label = ctx->base_flow.ct_label = old_label;
    ctx->wc->bits.ct_label = old_label_mask;

    if (a->recirc_table == CT_RECIRC_NONE) {
        /* NAT changes the packet unseen: translation must not rely on addresses afterwards. */
        xlate_report(ctx, REPORT_DETAIL,
                     "Sets the packet to an untracked state, and clears all the conntrack fields.");
    } else {
        ctx->conntracked = true;
        uint32_t id = xlate_freeze(ctx, a->recirc_table);
        if (ctx->xin->recircs) {
            struct xlate_recirc *r = xmalloc(sizeof *r);
            r->recirc_id = id;
            r->zone = ct.zone;
            r->nat = nat != NULL;
            if (nat) {
                r->nat_to = *nat;
            }
            r->flow = tracked;
            r->bridge = ctx->bridge;
            list_push_back(ctx->xin->recircs, &r->node);
        }
        dp_actions_put_recirc(ctx->actions, id);
        xlate_report(ctx, REPORT_DETAIL,
                     "A clone of the packet is forked to recirculate. The forked pipeline will be resumed at "
                     "table %u.",
                     a->recirc_table);
        xlate_report(ctx, REPORT_DETAIL,
                     "Sets the packet to an untracked state, and clears all the conntrack fields.");
    }
    xlate_clear_conntrack(ctx);
    (void)is_last;
}
