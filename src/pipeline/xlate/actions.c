/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of OpenFlow, one after the other; and the action set at the end of the pipeline. */
#include "openflow/text.h"
#include "pipeline/meter.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

/* What an action needs. */
enum action_class {
    A_PLAIN, /* neither */
    A_L3,    /* the network header: behind pop_mpls only after a recirculation */
};

static const struct {
    uint8_t class;
    bool ends_list; /* cannot be followed */
} properties[N_OFPACTS] = {
    [OFPACT_SET_IPV4_SRC] = {A_L3},
    [OFPACT_SET_IPV4_DST] = {A_L3},
    [OFPACT_SET_IP_DSCP] = {A_L3},
    [OFPACT_SET_IP_ECN] = {A_L3},
    [OFPACT_SET_IP_TTL] = {A_L3},
    [OFPACT_SET_L4_SRC_PORT] = {A_L3},
    [OFPACT_SET_L4_DST_PORT] = {A_L3},
    [OFPACT_DEC_TTL] = {A_L3},
    [OFPACT_RESUBMIT] = {A_L3},
    [OFPACT_GOTO_TABLE] = {A_L3},
    [OFPACT_LEARN] = {A_L3},
    [OFPACT_EXIT] = {A_L3},
    [OFPACT_ENCAP] = {A_L3},
    [OFPACT_CHECK_PKT_LARGER] = {A_L3},
    [OFPACT_NOTE] = {A_L3},
    [OFPACT_CLONE] = {A_L3},
    [OFPACT_POP_QUEUE] = {A_L3},
    [OFPACT_SAMPLE] = {A_L3},
    [OFPACT_CT_CLEAR] = {A_L3},
    [OFPACT_PUSH_VLAN] = {A_L3},
    [OFPACT_MULTIPATH] = {A_L3},
    [OFPACT_BUNDLE] = {A_L3},
    [OFPACT_CT] = {A_L3},
};

static bool field_is_l3(const struct field *field)
{
    switch ((enum field_prereq)field->prereq) {
    case FIELD_PRE_IPV4:
    case FIELD_PRE_IPV6:
    case FIELD_PRE_IP:
    case FIELD_PRE_ARP:
    case FIELD_PRE_TCP:
    case FIELD_PRE_UDP:
    case FIELD_PRE_SCTP:
    case FIELD_PRE_ICMPV4:
    case FIELD_PRE_ICMPV6:
    case FIELD_PRE_ND:
    case FIELD_PRE_ND_SOLICIT:
    case FIELD_PRE_ND_ADVERT:
        return true;
    default:
        return false;
    }
}

/* pop_mpls laid bare a header that was not parsed: whoever looks at it must wait until the datapath has
 * parsed it. */
static bool needs_recirculation(const struct xlate_ctx *ctx, const struct ofpact *a)
{
    if (ctx->unparsed.ttl && xlate_needs_ttl(ctx, a)) {
        return true;
    }
    if (!ctx->unparsed.l3) {
        return false;
    }
    switch ((enum ofpact_type)a->type) {
    case OFPACT_SET_FIELD:
        return field_is_l3(OFPACT_CAST(SET_FIELD, a)->field);
    case OFPACT_MOVE:
        return true;
    case OFPACT_STACK_PUSH:
    case OFPACT_STACK_POP:
        return true;
    case OFPACT_CONTROLLER:
        return OFPACT_CAST(CONTROLLER, a)->pause;
    case OFPACT_SET_MPLS_LABEL:
    case OFPACT_SET_MPLS_TC:
    case OFPACT_SET_MPLS_TTL:
    case OFPACT_DEC_MPLS_TTL:
    case OFPACT_PUSH_MPLS:
    case OFPACT_POP_MPLS:
    case OFPACT_COPY_TTL_IN:
    case OFPACT_COPY_TTL_OUT:
        return !eth_type_is_mpls(ctx->flow->dl_type) || a->type == OFPACT_POP_MPLS;
    case OFPACT_OUTPUT: {
        uint32_t port = OFPACT_CAST(OUTPUT, a)->port;
        return port == OFPP_NORMAL || port == OFPP_TABLE;
    }
    default:
        return properties[a->type].class == A_L3;
    }
}

static void report_action(struct xlate_ctx *ctx, const struct ofpact *a)
{
    if (ctx->report) {
        struct strbuf s = STRBUF_INITIALIZER;
        ofpacts_format(a, ROUND_UP(a->len, OFPACT_ALIGN), xlate_names(ctx), &s);
        report_add(ctx->report, REPORT_ACTION, strbuf_steal(&s));
    }
}

static const struct ofpact *find_last(const struct bytebuf *set, enum ofpact_type type)
{
    const struct ofpact *a, *found = NULL;
    OFPACT_FOR_EACH (a, (const struct ofpact *)(const void *)set->data, set->len) {
        if (a->type == type) {
            found = a;
        }
    }
    return found;
}

/* write_actions, merged into the action set: one of each kind but set_field of different fields. */
static void write_actions(struct xlate_ctx *ctx, const struct ofpact_nest *a)
{
    const struct ofpact *w;
    OFPACT_FOR_EACH (w, a->actions, ofpact_nest_len(a)) {
        if (ctx->n_egress && (w->type == OFPACT_GROUP || w->type == OFPACT_OUTPUT)) {
            continue; /* the output that there is cannot be changed; learned rules were not checked for that
                       */
        }
        bytebuf_put(&ctx->action_set, w, ROUND_UP(w->len, OFPACT_ALIGN));
        /* What is matched as actset_output. */
        if (w->type == OFPACT_GROUP) {
            ctx->flow->actset_output = OFPP_UNSET;
        } else if (w->type == OFPACT_OUTPUT && !find_last(&ctx->action_set, OFPACT_GROUP)) {
            ctx->flow->actset_output = OFPACT_CAST(OUTPUT, w)->port;
        }
    }
    xlate_report_action_set(ctx, "is");
}

static void resubmit(struct xlate_ctx *ctx, const struct ofpact_resubmit *a, bool is_last)
{
    uint32_t in_port = a->in_port == OFPP_IN_PORT ? ctx->flow->in_port : a->in_port;
    uint8_t table_id = a->table_id == OFPTT_ALL ? ctx->table_id : a->table_id;
    if (table_id == OFPTT_ALL) {
        table_id = 0; /* from no table: a packet-out, an action set */
    }
    /* Into the same table by a rule of the switch itself is not a concern here: the internal table is never
     * entered. */
    if (table_id == OFPROTO_TABLE_INTERNAL) {
        xlate_report(ctx, REPORT_WARN, "resubmit to the internal table ignored");
        return;
    }
    xlate_table(ctx, in_port, table_id, false, a->with_ct_orig, is_last);
}

/* One action that neither ends the list nor nests a translation. */
static void simple_action(struct xlate_ctx *ctx, const struct ofpact *a)
{
    switch ((enum ofpact_type)a->type) {
    case OFPACT_SET_FIELD:
        xlate_set_field(ctx, OFPACT_CAST(SET_FIELD, a));
        break;
    case OFPACT_MOVE:
        xlate_move(ctx, OFPACT_CAST(MOVE, a));
        break;
    case OFPACT_STACK_PUSH:
        xlate_stack_push(ctx, OFPACT_CAST(STACK_PUSH, a));
        break;
    case OFPACT_STACK_POP:
        xlate_stack_pop(ctx, OFPACT_CAST(STACK_POP, a));
        break;
    case OFPACT_STRIP_VLAN:
        xlate_pop_vlan(ctx);
        break;
    case OFPACT_PUSH_VLAN:
        xlate_push_vlan(ctx, OFPACT_CAST(PUSH_VLAN, a)->ethertype);
        break;
    case OFPACT_PUSH_MPLS:
        xlate_push_mpls(ctx, OFPACT_CAST(PUSH_MPLS, a));
        break;
    case OFPACT_POP_MPLS:
        xlate_pop_mpls(ctx, OFPACT_CAST(POP_MPLS, a)->ethertype);
        break;
    case OFPACT_SET_MPLS_LABEL:
    case OFPACT_SET_MPLS_TC:
    case OFPACT_SET_MPLS_TTL:
        xlate_set_mpls(ctx, a);
        break;
    case OFPACT_SET_QUEUE:
        xlate_set_queue(ctx, OFPACT_CAST(SET_QUEUE, a)->value);
        break;
    case OFPACT_POP_QUEUE:
        flow_wc_set(&ctx->wc->bits, skb_priority);
        if (ctx->flow->skb_priority != ctx->orig_skb_priority) {
            ctx->flow->skb_priority = ctx->orig_skb_priority;
            xlate_report(ctx, REPORT_DETAIL, "queue = %#x", ctx->orig_skb_priority);
        }
        break;
    case OFPACT_SET_TUNNEL:
        ctx->flow->tun_id = htobe64(OFPACT_CAST(SET_TUNNEL, a)->tun_id);
        break;
    case OFPACT_FIN_TIMEOUT:
        xlate_fin_timeout(ctx, OFPACT_CAST(FIN_TIMEOUT, a));
        break;
    case OFPACT_MULTIPATH:
        xlate_multipath(ctx, OFPACT_CAST(MULTIPATH, a));
        break;
    case OFPACT_LEARN:
        xlate_learn(ctx, OFPACT_CAST(LEARN, a));
        break;
    case OFPACT_SAMPLE:
        xlate_sample(ctx, OFPACT_CAST(SAMPLE, a));
        break;
    case OFPACT_CT_CLEAR:
        if (ctx->conntracked) {
            dp_actions_put_plain(ctx->actions, DP_ACTION_CT_CLEAR);
            xlate_clear_conntrack(ctx);
        }
        break;
    case OFPACT_NAT:
        ctx->ct_nat = OFPACT_CAST(NAT, a);
        break;
    case OFPACT_METER: {
        uint32_t id = ofproto_meter_dp_id(ctx->bridge->ofproto, OFPACT_CAST(METER, a)->value);
        if (id != UINT32_MAX) {
            dp_actions_put_meter(ctx->actions, id);
        }
        break;
    }
    case OFPACT_CLEAR_ACTIONS:
        xlate_report_action_set(ctx, "was");
        bytebuf_clear(&ctx->action_set);
        ctx->flow->actset_output = OFPP_UNSET;
        break;
    case OFPACT_WRITE_ACTIONS:
        write_actions(ctx, OFPACT_CAST(WRITE_ACTIONS, a));
        break;
    case OFPACT_WRITE_METADATA: {
        const struct ofpact_metadata *m = OFPACT_CAST(WRITE_METADATA, a);
        ctx->flow->metadata &= ~htobe64(m->mask);
        ctx->flow->metadata |= htobe64(m->value & m->mask);
        break;
    }
    case OFPACT_DELETE_FIELD:
        xlate_delete_field(ctx, OFPACT_CAST(DELETE_FIELD, a)->field);
        break;
    case OFPACT_DEBUG_SLOW:
        ctx->xout->slow |= DP_SLOW_ACTION;
        break;
    case OFPACT_COPY_TTL_IN:
        xlate_copy_ttl_in(ctx);
        break;
    case OFPACT_COPY_TTL_OUT:
        xlate_copy_ttl_out(ctx);
        break;
    case OFPACT_NOTE:
    case OFPACT_STAT_TRIGGER: /* of the rule, not of packets */
    case OFPACT_CONJUNCTION:
        break;
    default:
        xlate_plain_field(ctx, a);
        break;
    }
}

void xlate_actions(struct xlate_ctx *ctx, const struct ofpact *list, size_t len, bool is_last)
{
    if (!len) {
        xlate_report(ctx, REPORT_ACTION, "drop");
        return;
    }
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, list, len) {
        size_t rest = (size_t)((const char *)list + len - (const char *)a);
        size_t size = ROUND_UP(a->len, OFPACT_ALIGN);
        bool last = is_last && rest <= size && !ctx->action_set.len;
        bool stop = false;

        if (ctx->error) {
            break;
        }
        if (needs_recirculation(ctx, a)) {
            xlate_recirculate(ctx);
        }
        if (ctx->exit) {
            /* Frozen: what is left goes on after the recirculation. */
            if (ctx->freezing) {
                xlate_freeze_rest(ctx, a, rest);
            }
            return;
        }
        report_action(ctx, a);

        switch ((enum ofpact_type)a->type) {
        case OFPACT_OUTPUT:
            xlate_output(ctx, OFPACT_CAST(OUTPUT, a)->port, OFPACT_CAST(OUTPUT, a)->max_len, true, last,
                         false);
            break;
        case OFPACT_OUTPUT_REG:
            xlate_output_reg(ctx, OFPACT_CAST(OUTPUT_REG, a), last);
            break;
        case OFPACT_OUTPUT_TRUNC:
            xlate_output_trunc(ctx, OFPACT_CAST(OUTPUT_TRUNC, a), last);
            break;
        case OFPACT_ENQUEUE:
            xlate_enqueue(ctx, OFPACT_CAST(ENQUEUE, a), last);
            break;
        case OFPACT_GROUP:
            xlate_group(ctx, OFPACT_CAST(GROUP, a)->group_id, last);
            break;
        case OFPACT_BUNDLE:
            xlate_bundle(ctx, OFPACT_CAST(BUNDLE, a), last);
            break;
        case OFPACT_CONTROLLER: {
            const struct ofpact_controller *c = OFPACT_CAST(CONTROLLER, a);
            if (c->pause) {
                ctx->pause_action = c;
                ctx->pause = true;
                ctx->freezing = true;
                ctx->exit = true;
            } else {
                xlate_controller(ctx, c->max_len, c->reason, c->controller_id, c->meter_id, c->userdata,
                                 c->userdata_len);
            }
            break;
        }
        case OFPACT_DEC_TTL:
            stop = xlate_dec_ttl(ctx, OFPACT_CAST(DEC_TTL, a));
            break;
        case OFPACT_DEC_MPLS_TTL:
            stop = xlate_dec_mpls_ttl(ctx);
            break;
        case OFPACT_DEC_NSH_TTL:
            stop = xlate_dec_nsh_ttl(ctx);
            break;
        case OFPACT_ENCAP:
            xlate_encap(ctx, OFPACT_CAST(ENCAP, a));
            break;
        case OFPACT_DECAP:
            if (xlate_decap(ctx, OFPACT_CAST(DECAP, a))) {
                xlate_recirculate(ctx);
            }
            break;
        case OFPACT_RESUBMIT:
            resubmit(ctx, OFPACT_CAST(RESUBMIT, a), last);
            break;
        case OFPACT_GOTO_TABLE:
            xlate_table(ctx, ctx->flow->in_port, OFPACT_CAST(GOTO_TABLE, a)->table_id, true, false, last);
            break;
        case OFPACT_CT:
            xlate_ct(ctx, OFPACT_CAST(CT, a), last);
            break;
        case OFPACT_CLONE: {
            const struct ofpact_nest *nest = OFPACT_CAST(CLONE, a);
            xlate_clone(ctx, nest->actions, ofpact_nest_len(nest), last);
            break;
        }
        case OFPACT_CHECK_PKT_LARGER:
            xlate_check_pkt_larger(ctx, OFPACT_CAST(CHECK_PKT_LARGER, a), ofpact_next(a), rest - size);
            return;
        case OFPACT_DEBUG_RECIRC:
            xlate_recirculate(ctx);
            break;
        case OFPACT_EXIT:
            ctx->exit = true;
            break;
        default:
            simple_action(ctx, a);
            break;
        }
        if (stop) {
            return;
        }
        /* A freeze in here freezes what follows, too. */
        if (ctx->freezing && ctx->exit && !ctx->error && rest > size) {
            xlate_freeze_rest(ctx, ofpact_next(a), rest - size);
            return;
        }
    }
}

/* ------------------------------------------------------------------ action set */

/* The order of ovs-actions(7), "Action Sets"; copy_ttl_* where OpenFlow has them. Of these the last written
 * of each kind counts; */
static const uint8_t set_order[] = {
    OFPACT_COPY_TTL_IN, OFPACT_STRIP_VLAN,   OFPACT_POP_MPLS,    OFPACT_DECAP,
    OFPACT_ENCAP,       OFPACT_PUSH_MPLS,    OFPACT_PUSH_VLAN,   OFPACT_COPY_TTL_OUT,
    OFPACT_DEC_TTL,     OFPACT_DEC_MPLS_TTL, OFPACT_DEC_NSH_TTL,
};
/* all of these, in the order in which they were written; */
static const bool is_set_kind[N_OFPACTS] = {
    [OFPACT_SET_FIELD] = true,       [OFPACT_MOVE] = true,
    [OFPACT_DELETE_FIELD] = true,    [OFPACT_SET_ETH_SRC] = true,
    [OFPACT_SET_ETH_DST] = true,     [OFPACT_SET_IPV4_SRC] = true,
    [OFPACT_SET_IPV4_DST] = true,    [OFPACT_SET_IP_DSCP] = true,
    [OFPACT_SET_IP_ECN] = true,      [OFPACT_SET_IP_TTL] = true,
    [OFPACT_SET_L4_SRC_PORT] = true, [OFPACT_SET_L4_DST_PORT] = true,
    [OFPACT_SET_MPLS_LABEL] = true,  [OFPACT_SET_MPLS_TC] = true,
    [OFPACT_SET_MPLS_TTL] = true,    [OFPACT_SET_VLAN_PCP] = true,
    [OFPACT_SET_VLAN_VID] = true,    [OFPACT_SET_TUNNEL] = true,
    [OFPACT_SET_QUEUE] = true,
};
/* and then the first of these that is there. */
static const uint8_t set_outputs[] = {OFPACT_GROUP, OFPACT_OUTPUT, OFPACT_RESUBMIT, OFPACT_CT_CLEAR,
                                      OFPACT_CT};

static bool copy_last(const struct bytebuf *set, enum ofpact_type type, struct bytebuf *out)
{
    const struct ofpact *a = find_last(set, type);
    if (a) {
        bytebuf_put(out, a, ROUND_UP(a->len, OFPACT_ALIGN));
    }
    return a != NULL;
}

/* SET, which has all that was written, as the list that is executed: without an output of some kind all of it
 * is in vain. */
void xlate_compose_action_set(const struct bytebuf *set, struct bytebuf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(set_order); i++) {
        copy_last(set, set_order[i], out);
    }
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, (const struct ofpact *)(const void *)set->data, set->len) {
        if (is_set_kind[a->type]) {
            bytebuf_put(out, a, ROUND_UP(a->len, OFPACT_ALIGN));
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(set_outputs); i++) {
        if (copy_last(set, set_outputs[i], out)) {
            return;
        }
    }
    bytebuf_clear(out);
}

void xlate_report_action_set(struct xlate_ctx *ctx, const char *verb)
{
    if (!ctx->report) {
        return;
    }
    struct bytebuf list = BYTEBUF_INITIALIZER;
    struct strbuf s = STRBUF_INITIALIZER;
    xlate_compose_action_set(&ctx->action_set, &list);
    if (list.len) {
        ofpacts_format((const struct ofpact *)(const void *)list.data, list.len, xlate_names(ctx), &s);
        xlate_report(ctx, REPORT_DETAIL, "action set %s: %s", verb, strbuf_text(&s));
    } else {
        xlate_report(ctx, REPORT_DETAIL, "action set %s empty", verb);
    }
    strbuf_fini(&s);
    bytebuf_fini(&list);
}

void xlate_action_set(struct xlate_ctx *ctx)
{
    if (!ctx->action_set.len || ctx->error) {
        return;
    }
    struct bytebuf list = BYTEBUF_INITIALIZER;
    xlate_compose_action_set(&ctx->action_set, &list);
    if (!list.len) {
        bytebuf_clear(&ctx->action_set);
        bytebuf_fini(&list);
        return;
    }
    struct list *outer = ctx->report;
    ctx->report =
        report_add(ctx->report, REPORT_TABLE, ctx->report ? xstrdup("--. Executing action set:") : NULL);
    ctx->in_action_set = true;
    ctx->table_id = OFPTT_ALL;
    bytebuf_clear(&ctx->action_set);
    xlate_actions(ctx, (const struct ofpact *)(const void *)list.data, list.len, true);
    ctx->in_action_set = false;
    ctx->report = outer;
    bytebuf_fini(&list);
}
