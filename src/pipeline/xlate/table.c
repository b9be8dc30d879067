/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: lookups, and the walk from one to another. */
#include "openflow/text.h"
#include "pipeline/xlate/ctx.h"

/* May another table be walked into? Says why not. */
bool xlate_may_resubmit(struct xlate_ctx *ctx)
{
    if (ctx->depth >= XLATE_MAX_DEPTH) {
        xlate_report_error(ctx, "over max translation depth %d", XLATE_MAX_DEPTH);
        ctx->error = XLATE_RECURSION_TOO_DEEP;
    } else if (ctx->resubmits >= XLATE_MAX_RESUBMITS) {
        xlate_report_error(ctx, "over %d resubmit actions", XLATE_MAX_RESUBMITS);
        ctx->error = XLATE_TOO_MANY_RESUBMITS;
    } else if (ctx->actions->len > XLATE_MAX_ACTIONS) {
        xlate_report_error(ctx, "resubmits yielded over 64 kB of actions");
        /* Not an error: the actions so far are discarded when the translation ends, as too many. */
        ctx->exit = true;
    } else if (ctx->stack.len >= XLATE_MAX_STACK) {
        xlate_report_error(ctx, "resubmits yielded over 64 kB of stack");
        ctx->error = XLATE_STACK_TOO_DEEP;
    } else {
        return true;
    }
    return false;
}

static void report_rule(struct xlate_ctx *ctx, const struct rule *rule, uint8_t table_id)
{
    if (!ctx->report) {
        return;
    }
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "%2u. ", table_id);
    const struct ofproto *ofproto = ctx->bridge->ofproto;
    if (!rule) {
        strbuf_puts(&s, "No match.");
    } else if (rule == ofproto->miss_rule) {
        strbuf_puts(&s, "No match, and a \"packet-in\" is called for.");
    } else if (rule == ofproto->no_packet_in_rule) {
        strbuf_puts(&s, "No match.");
    } else if (rule == ofproto->drop_frags_rule) {
        strbuf_puts(&s, "Packets are IP fragments and the fragment handling mode is \"drop\".");
    } else {
        struct match match;
        match_expand(&rule->cr.match, &ctx->bridge->tun_md.layout, &match);
        size_t start = s.len;
        match_format(&match, xlate_port_names(ctx), &s, MATCH_DEFAULT_PRIORITY);
        if (s.len > start) {
            strbuf_puts(&s, ", ");
        }
        strbuf_printf(&s, "priority %d", rule->cr.priority);
        if (rule->cookie) {
            strbuf_printf(&s, ", cookie 0x%" PRIx64, rule->cookie);
        }
    }
    ctx->report = report_add(ctx->report, REPORT_TABLE, strbuf_steal(&s));
}

void xlate_rule(struct xlate_ctx *ctx, struct rule *rule, bool deepens, bool is_last)
{
    struct rule *old_rule = ctx->rule;
    uint64_t old_cookie = ctx->rule_cookie;
    bool in_group = ctx->in_group; /* what a bucket leads to is no longer a bucket */
    ctx->resubmits++;
    ctx->depth += deepens;
    ctx->nesting++;
    ctx->rule = rule;
    ctx->rule_cookie = rule->cookie;
    ctx->in_group = false;
    xlate_actions(ctx, rule->actions, rule->actions_len, is_last);
    ctx->in_group = in_group;
    ctx->left_cookie = rule->cookie;
    ctx->rule_cookie = old_cookie;
    ctx->rule = old_rule;
    ctx->nesting--;
    ctx->depth -= deepens;
}

/* The original direction's addresses take the place of the packet's: resubmit(,T,ct). */
static void swap_ct_tuple(struct xlate_ctx *ctx)
{
    struct flow_key *keys[2] = {ctx->flow, &ctx->wc->bits};
    bool v6 = ctx->flow->dl_type == CONST_BE16(0x86dd);
#define SWAP(A, B)                                                                                           \
    do {                                                                                                     \
        __typeof__(A) tmp__ = (A);                                                                           \
        (A) = (B);                                                                                           \
        (B) = tmp__;                                                                                         \
    } while (0)
    for (int i = 0; i < 2; i++) {
        struct flow_key *k = keys[i];
        SWAP(k->nw_proto, k->ct_nw_proto);
        SWAP(k->tp_src, k->ct_tp_src);
        SWAP(k->tp_dst, k->ct_tp_dst);
        if (v6) {
            SWAP(k->ipv6_src, k->ct_ipv6_src);
            SWAP(k->ipv6_dst, k->ct_ipv6_dst);
        } else {
            SWAP(k->nw_src, k->ct_nw_src);
            SWAP(k->nw_dst, k->ct_nw_dst);
        }
    }
#undef SWAP
}

/* What the datapath knows of later changes to the packet it does not match on: bits of the flow that were
 * written by actions are certain, whatever the mask says. A record keeps the key with that in mind. */
static void record_lookup(struct xlate_ctx *ctx, uint8_t table_id, struct rule *rule)
{
    struct record_entry *e = record_add(ctx->xin->record, RECORD_TABLE);
    e->ofproto = ctx->bridge->ofproto;
    e->table_id = table_id;
    if (rule && rule_try_ref(rule)) {
        e->object = rule;
    }
    if (ctx->xin->record->keep_keys) {
        struct flow_mask certain = *ctx->wc;
        const uint64_t *now = flow_key_words_const(ctx->flow),
                       *in = flow_key_words_const(&ctx->xin->original);
        uint64_t *mask = flow_key_words(&certain.bits);
        for (unsigned i = 0; i < FLOW_WORDS; i++) {
            /* A byte that differs from the packet's was written. One that was written with the same value
             * looks like one that was not: its bits are in the mask then, or it counts as not certain, which
             * is safe. */
            uint64_t x = now[i] ^ in[i];
            if (likely(!x)) {
                continue;
            }
            for (int b = 0; b < 64; b += 8) {
                if ((x >> b) & 0xff) {
                    mask[i] |= UINT64_C(0xff) << b;
                }
            }
        }
        if (ctx->certain) {
            certain = *ctx->certain;
        }
        certain.blocks = (uint16_t)flow_mask_find_blocks(&certain);
        minimatch_init(&e->seen, ctx->flow, &certain);
    }
}

/* The rule for the packet, in the table that CTX is in, or (then that is where CTX is) in one that follows.
 */
static struct rule *lookup(struct xlate_ctx *ctx, bool may_packet_in)
{
    uint8_t table_id = ctx->table_id;
    struct flow_key *flow = ctx->flow;
    const struct ofproto *ofproto = ctx->bridge->ofproto;
    be16 tp_src = flow->tp_src, tp_dst = flow->tp_dst;
    bool fragment = flow->nw_frag & FLOW_NW_FRAG_ANY;
    enum ofproto_fragments mode = __atomic_load_n(&ofproto->fragments, __ATOMIC_RELAXED);
    if (fragment && mode == OFPROTO_FRAGMENTS_DROP) {
        if (ctx->xin->record && rule_try_ref(ofproto->drop_frags_rule)) {
            record_add(ctx->xin->record, RECORD_RULE)->object = ofproto->drop_frags_rule;
        }
        return ofproto->drop_frags_rule;
    }
    if (mode == OFPROTO_FRAGMENTS_NX_MATCH) {
        fragment = false; /* the first one has the ports that it has */
    }
    /* Fragments have no transport ports, the first one neither, so that all of a packet match alike. */
    if (fragment) {
        flow->tp_src = flow->tp_dst = 0;
    }
    struct rule *rule = ofproto_lookup(ofproto, ctx->version, table_id, flow, ctx->wc);
    if (rule) { /* one of many: what comes next is in no near cache */
        __builtin_prefetch(rule->actions);
        __builtin_prefetch(rule->counters, 1);
    }
    if (ctx->xin->record) {
        record_lookup(ctx, table_id, rule);
    }
    if (fragment) {
        flow->tp_src = tp_src;
        flow->tp_dst = tp_dst;
    }
    uint8_t miss = rule ? 0 : __atomic_load_n(&ofproto->tables[table_id].miss, __ATOMIC_RELAXED);
    int first_egress = ofproto_first_egress(ofproto);
    if (miss == TABLE_MISS_CONTINUE && table_id + 1 < OFPROTO_TABLE_INTERNAL &&
        (!first_egress || table_id + 1 != first_egress)) {
        ctx->table_id++;
        return lookup(ctx, may_packet_in);
    }
    if (!rule) {
        const struct xport *in_port = xlate_find_port(ctx, flow->in_port);
        bool quiet =
            !may_packet_in || miss == TABLE_MISS_DROP ||
            (miss != TABLE_MISS_CONTROLLER && !__atomic_load_n(&ofproto->miss_wanted, __ATOMIC_RELAXED)) ||
            (in_port && (in_port->config & OFPROTO_PC_NO_PACKET_IN));
        rule = quiet ? ofproto->no_packet_in_rule : ofproto->miss_rule;
        if (ctx->xin->record && rule_try_ref(rule)) {
            record_add(ctx->xin->record, RECORD_RULE)->object = rule;
        }
    }
    return rule;
}

void xlate_table(struct xlate_ctx *ctx, uint32_t in_port, uint8_t table_id, bool may_packet_in,
                 bool with_ct_orig, bool is_last)
{
    if (!xlate_may_enter_table(ctx, table_id) || !xlate_may_resubmit(ctx)) {
        return;
    }
    if (with_ct_orig) {
        /* Only a packet of a tracked connection has that tuple. */
        if (!ctx->flow->ct_nw_proto || !flow_key_is_ip(ctx->flow)) {
            xlate_report(ctx, REPORT_WARN, "resubmit(ct) with non-tracked or non-IP packet!");
            return;
        }
        swap_ct_tuple(ctx);
    }
    uint32_t old_in_port = ctx->flow->in_port;
    uint8_t old_table = ctx->table_id;
    struct list *outer_report = ctx->report;

    ctx->table_id = table_id;
    ctx->flow->in_port = in_port;
    struct rule *rule = lookup(ctx, may_packet_in);
    ctx->flow->in_port = old_in_port;
    if (with_ct_orig) {
        swap_ct_tuple(ctx);
    }
    report_rule(ctx, rule, ctx->table_id);
    if (may_packet_in && rule->table_id == OFPROTO_TABLE_INTERNAL) {
        xlate_egress_missed(ctx);
    }
    if (ctx->entering) {
        ctx->entering = false;
        if (ctx->idle || !xlate_enter(ctx)) {
            rule = NULL;
        }
    }
    if (rule) {
        xlate_rule(ctx, rule, ctx->nesting && table_id <= old_table, is_last);
    }
    ctx->report = outer_report;
    ctx->table_id = old_table;
}
