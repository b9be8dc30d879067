/* SPDX-License-Identifier: Apache-2.0 */
/* clone, check_pkt_larger, multipath, bundle, fin_timeout. */
#include <string.h>

#include "base/hash.h"
#include "pipeline/xlate/ctx.h"

/* Does every action of the list leave the packet as it is, or change it so that a later commit can change it
 * back? */
static bool is_reversible(const struct ofpact *list, size_t len)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, list, len) {
        switch ((enum ofpact_type)a->type) {
        case OFPACT_BUNDLE:
        case OFPACT_CLEAR_ACTIONS:
        case OFPACT_CLONE:
        case OFPACT_CONJUNCTION:
        case OFPACT_CONTROLLER:
        case OFPACT_CT_CLEAR:
        case OFPACT_DEBUG_RECIRC:
        case OFPACT_DEBUG_SLOW:
        case OFPACT_DEC_MPLS_TTL:
        case OFPACT_DEC_TTL:
        case OFPACT_COPY_TTL_IN:
        case OFPACT_COPY_TTL_OUT:
        case OFPACT_ENQUEUE:
        case OFPACT_EXIT:
        case OFPACT_FIN_TIMEOUT:
        case OFPACT_GOTO_TABLE:
        case OFPACT_GROUP:
        case OFPACT_LEARN:
        case OFPACT_MULTIPATH:
        case OFPACT_NOTE:
        case OFPACT_OUTPUT:
        case OFPACT_OUTPUT_REG:
        case OFPACT_POP_MPLS:
        case OFPACT_POP_QUEUE:
        case OFPACT_PUSH_MPLS:
        case OFPACT_PUSH_VLAN:
        case OFPACT_MOVE:
        case OFPACT_RESUBMIT:
        case OFPACT_SAMPLE:
        case OFPACT_SET_ETH_DST:
        case OFPACT_SET_ETH_SRC:
        case OFPACT_SET_FIELD:
        case OFPACT_SET_IP_DSCP:
        case OFPACT_SET_IP_ECN:
        case OFPACT_SET_IP_TTL:
        case OFPACT_SET_IPV4_DST:
        case OFPACT_SET_IPV4_SRC:
        case OFPACT_SET_L4_DST_PORT:
        case OFPACT_SET_L4_SRC_PORT:
        case OFPACT_SET_MPLS_LABEL:
        case OFPACT_SET_MPLS_TC:
        case OFPACT_SET_MPLS_TTL:
        case OFPACT_SET_QUEUE:
        case OFPACT_SET_TUNNEL:
        case OFPACT_SET_VLAN_PCP:
        case OFPACT_SET_VLAN_VID:
        case OFPACT_STACK_POP:
        case OFPACT_STACK_PUSH:
        case OFPACT_STRIP_VLAN:
        case OFPACT_WRITE_ACTIONS:
        case OFPACT_WRITE_METADATA:
        case OFPACT_STAT_TRIGGER:
        case OFPACT_CHECK_PKT_LARGER:
        case OFPACT_DELETE_FIELD:
            break;
        default:
            return false;
        }
    }
    return true;
}

void xlate_clone(struct xlate_ctx *ctx, const struct ofpact *list, size_t len, bool is_last)
{
    struct bytebuf old_stack = ctx->stack, old_set = ctx->action_set;
    bytebuf_init(&ctx->stack);
    bytebuf_put(&ctx->stack, old_stack.data, old_stack.len);
    bytebuf_init(&ctx->action_set);
    bytebuf_put(&ctx->action_set, old_set.data, old_set.len);
    struct flow_key old_flow = *ctx->flow, old_base;
    bool old_conntracked = ctx->conntracked;

    bool nest = !is_last && !is_reversible(list, len);
    size_t mark = 0;
    if (nest) {
        /* The packet in the datapath is cloned, too, so what was changed goes in before. */
        xlate_commit(ctx);
        mark = dp_actions_begin_clone(ctx->actions);
    }
    old_base = ctx->base_flow;
    struct xlate_scope scope;
    xlate_scope_begin(ctx, &scope);
    size_t start = ctx->actions->len;
    xlate_actions(ctx, list, len, true);
    if (ctx->freezing) {
        xlate_finish_freezing(ctx); /* the rest of the clone alone comes back */
    }
    if (nest) {
        if (ctx->actions->len == start) {
            bytebuf_truncate(ctx->actions, mark); /* nothing in it */
        } else {
            dp_actions_end(ctx->actions, mark);
        }
        ctx->base_flow = old_base;
        ctx->altered = false;
    }
    xlate_scope_end(ctx, &scope, is_last);
    *ctx->flow = old_flow;
    ctx->conntracked = old_conntracked;
    bytebuf_fini(&ctx->stack);
    ctx->stack = old_stack;
    bytebuf_fini(&ctx->action_set);
    ctx->action_set = old_set;
}

/* One side of a decision that the datapath takes. */
static void branch(struct xlate_ctx *ctx, const struct ofpact_check_pkt_larger *a, bool larger,
                   const struct ofpact *rest, size_t rest_len)
{
    struct flow_key old_flow = *ctx->flow, old_base = ctx->base_flow;
    struct xlate_unparsed old_unparsed = ctx->unparsed;
    bool old_conntracked = ctx->conntracked, old_altered = ctx->altered;
    struct bytebuf old_stack = ctx->stack, old_set = ctx->action_set;
    bytebuf_init(&ctx->stack);
    bytebuf_put(&ctx->stack, old_stack.data, old_stack.len);
    bytebuf_init(&ctx->action_set);
    bytebuf_put(&ctx->action_set, old_set.data, old_set.len);

    subfield_write(ctx, &a->dst, larger);
    xlate_actions(ctx, rest, rest_len, true);
    if (!ctx->freezing) {
        xlate_action_set(ctx);
    }
    if (ctx->freezing) {
        xlate_finish_freezing(ctx);
    }
    bytebuf_fini(&ctx->stack);
    ctx->stack = old_stack;
    bytebuf_fini(&ctx->action_set);
    ctx->action_set = old_set;
    *ctx->flow = old_flow;
    ctx->base_flow = old_base;
    ctx->unparsed = old_unparsed;
    ctx->altered = old_altered;
    ctx->pending_encap = ctx->pending_decap = false; /* committed before both sides */
    ctx->conntracked = old_conntracked;
    ctx->exit = false;
}

void xlate_check_pkt_larger(struct xlate_ctx *ctx, const struct ofpact_check_pkt_larger *a,
                            const struct ofpact *rest, size_t rest_len)
{
    xlate_commit(ctx);
    size_t mark = dp_actions_begin_check_pkt_len(ctx->actions, a->pkt_len);
    branch(ctx, a, true, rest, rest_len);
    dp_actions_else(ctx->actions, mark);
    branch(ctx, a, false, rest, rest_len);
    dp_actions_end(ctx->actions, mark);
    /* Each side did its action set. What remains are actions of lists that this one was resubmitted from. */
    bytebuf_clear(&ctx->action_set);
}

static unsigned choose_link(const struct ofpact_multipath *a, uint32_t hash, unsigned n)
{
    switch ((enum multipath_algorithm)a->algorithm) {
    case MULTIPATH_MODULO_N:
        return hash % n;
    case MULTIPATH_HASH_THRESHOLD:
        return n == 1 ? 0 : hash / (UINT32_MAX / n + 1);
    case MULTIPATH_HRW: {
        unsigned best = 0;
        uint32_t best_hash = hash_u32(0, hash);
        for (unsigned i = 1; i < n; i++) {
            uint32_t h = hash_u32(i, hash);
            if (h > best_hash) {
                best = i;
                best_hash = h;
            }
        }
        return best;
    }
    case MULTIPATH_ITER_HASH: {
        /* Hashes below the next power of two until one is a link. */
        unsigned modulo = 1;
        while (modulo < n) {
            modulo *= 2;
        }
        uint32_t h = hash;
        for (unsigned i = 0; i < UINT8_MAX; i++) {
            unsigned link = h & (modulo - 1);
            if (link < n) {
                return link;
            }
            h = hash_u32(i, hash);
        }
        return hash % n;
    }
    }
    return 0;
}

void xlate_multipath(struct xlate_ctx *ctx, const struct ofpact_multipath *a)
{
    flow_look_at_hash_fields(ctx->flow, a->fields, &ctx->wc->bits);
    uint32_t hash = flow_hash_fields(ctx->flow, a->fields, a->basis);
    if (a->algorithm == MULTIPATH_ITER_HASH && a->arg) {
        hash = hash_u32(a->arg, hash);
    }
    subfield_look_at(ctx, &a->dst);
    subfield_write(ctx, &a->dst, choose_link(a, hash, a->max_link + 1u));
    xlate_report_subfield(ctx, &a->dst);
}

void xlate_bundle(struct xlate_ctx *ctx, const struct ofpact_bundle *a, bool is_last)
{
    uint32_t port = OFPP_NONE;
    if (a->algorithm == BUNDLE_ACTIVE_BACKUP) {
        for (uint32_t i = 0; i < a->n_members && port == OFPP_NONE; i++) {
            if (xlate_is_live(ctx, a->members[i])) {
                port = a->members[i];
            }
        }
    } else {
        uint32_t hash = flow_hash_fields(ctx->flow, a->fields, a->basis), best_hash = 0;
        for (uint32_t i = 0; i < a->n_members; i++) {
            uint32_t h = hash_u32(i, hash);
            if (xlate_is_live(ctx, a->members[i]) && (port == OFPP_NONE || h > best_hash)) {
                port = a->members[i];
                best_hash = h;
            }
        }
        if (port != OFPP_NONE && a->n_members > 1) {
            flow_look_at_hash_fields(ctx->flow, a->fields, &ctx->wc->bits);
        }
    }
    if (a->dst.field) {
        uint16_t port16 = (uint16_t)port;
        subfield_look_at(ctx, &a->dst);
        subfield_write(ctx, &a->dst, port16);
        xlate_report_subfield(ctx, &a->dst);
    } else {
        xlate_output(ctx, port, 0, false, is_last, false);
    }
}

void xlate_fin_timeout(struct xlate_ctx *ctx, const struct ofpact_fin_timeout *a)
{
    if (ctx->flow->nw_proto != 6 || !flow_key_is_ip(ctx->flow) || !ctx->rule) {
        return;
    }
    flow_wc_set(&ctx->wc->bits, nw_proto);
    if (ctx->xin->record && rule_try_ref(ctx->rule)) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_FIN_TIMEOUT);
        e->object = ctx->rule;
        e->idle = a->idle;
        e->hard = a->hard;
    }
}
