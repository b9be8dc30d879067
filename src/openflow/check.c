/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/check.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/log.h"
#include "flow/field.h"
#include "flow/mask.h"
#include "openflow/subfield.h"

LOG_MODULE(ofp_actions);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 5);

#define ETH_IPV4 CONST_BE16(0x0800)
#define ETH_IPV6 CONST_BE16(0x86dd)
#define ETH_NSH  CONST_BE16(0x894f)

/* What is known of a packet when the next action sees it. */
struct state {
    struct flow_key flow;
    const struct match *match;
    struct ofpacts_check *check;
    bool in_ct; /* within ct(...) */
};

static enum ofperr check_list(struct ofpact *, size_t, struct state *);

static bool is_ip(const struct flow_key *f)
{
    return f->dl_type == ETH_IPV4 || f->dl_type == ETH_IPV6;
}

static bool is_mpls(be16 dl_type)
{
    return dl_type == CONST_BE16(0x8847) || dl_type == CONST_BE16(0x8848);
}

static bool has_vlan(const struct flow_key *f)
{
    return f->vlans[0].tci & FLOW_VLAN_PRESENT;
}

/* Not an error for OpenFlow 1.0. */
static void inconsistent(struct state *s)
{
    s->check->usable &= OFPROTO_10_NXM_ANY;
}

static void need(struct state *s, bool ok)
{
    if (!ok) {
        inconsistent(s);
    }
}

enum ofperr ofpact_check_output_port(uint32_t port, uint32_t max_ports)
{
    switch (port) {
    case OFPP_IN_PORT:
    case OFPP_TABLE:
    case OFPP_NORMAL:
    case OFPP_FLOOD:
    case OFPP_ALL:
    case OFPP_CONTROLLER:
    case OFPP_LOCAL:
        return OFPERR_NONE;
    case OFPP_NONE:
        return OFPERR_OFPBAC_BAD_OUT_PORT;
    default:
        return port < max_ports ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
    }
}

static enum ofperr check_set_field(struct ofpact *a, struct state *s)
{
    struct ofpact_set_field *set = (struct ofpact_set_field *)a;
    const struct field *field = set->field;
    if (!field_prereqs_ok(field, &s->flow) || (field->id == FIELD_VLAN_VID && !has_vlan(&s->flow))) {
        LOG_WARN_RL(&rl, "set_field %s lacks correct prerequisites", field->name);
        return OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    set->flow_has_vlan = has_vlan(&s->flow);
    if (field->id == FIELD_VLAN_TCI) {
        /* The tag may be taken away, or put on, by its CFI bit. */
        bool present = ofpact_set_field_value(set)[0] & 0x10;
        s->flow.vlans[0].tci = present ? FLOW_VLAN_PRESENT : 0;
    }
    return OFPERR_NONE;
}

static void check_set_vlan(bool *flow_has_vlan, bool push_if_needed, struct state *s)
{
    *flow_has_vlan = has_vlan(&s->flow);
    need(s, *flow_has_vlan || push_if_needed);
    s->flow.vlans[0].tci |= FLOW_VLAN_PRESENT;
}

static enum ofperr check_push_vlan(const struct ofpact_push_vlan *a, struct state *s)
{
    if (s->flow.vlans[FLOW_MAX_VLANS - 1].tci & FLOW_VLAN_PRESENT) {
        return OFPERR_OFPBAC_BAD_TAG;
    }
    memmove(&s->flow.vlans[1], &s->flow.vlans[0], sizeof s->flow.vlans[0] * (FLOW_MAX_VLANS - 1));
    s->flow.vlans[0] = (struct flow_vlan){.tpid = a->ethertype, .tci = FLOW_VLAN_PRESENT};
    return OFPERR_NONE;
}

static void check_strip_vlan(struct state *s)
{
    need(s, has_vlan(&s->flow));
    memmove(&s->flow.vlans[0], &s->flow.vlans[1], sizeof s->flow.vlans[0] * (FLOW_MAX_VLANS - 1));
    memset(&s->flow.vlans[FLOW_MAX_VLANS - 1], 0, sizeof s->flow.vlans[0]);
}

static void check_l4_port(struct ofpact *a, struct state *s)
{
    struct ofpact_l4_port *port = (struct ofpact_l4_port *)a;
    const struct flow_key *f = &s->flow;
    need(s, is_ip(f) && !(f->nw_frag & FLOW_NW_FRAG_LATER) &&
                (f->nw_proto == 6 || f->nw_proto == 17 || f->nw_proto == 132));
    port->flow_ip_proto = f->nw_proto;
}

static enum ofperr check_encap(const struct ofpact_encap *a, struct state *s)
{
    struct flow_key *f = &s->flow;
    switch (ntohl(a->new_pkt_type)) {
    case 0: /* Ethernet */
        if (f->packet_type != FLOW_PT_ETH) {
            f->dl_type = htons(ntohl(f->packet_type) & 0xffff);
        }
        f->packet_type = FLOW_PT_ETH;
        return OFPERR_NONE;
    case 0x1894f:
        f->packet_type = a->new_pkt_type;
        f->dl_type = ETH_NSH;
        return OFPERR_NONE;
    case 0x18847:
    case 0x18848:
        f->packet_type = a->new_pkt_type;
        f->dl_type = htons(ntohl(a->new_pkt_type) & 0xffff);
        return OFPERR_NONE;
    default:
        return OFPERR_NXBAC_BAD_HEADER_TYPE;
    }
}

static void check_decap(const struct ofpact_decap *a, struct state *s)
{
    struct flow_key *f = &s->flow;
    if (f->packet_type == FLOW_PT_ETH) {
        f->packet_type = htonl(0x10000 | ntohs(f->dl_type)); /* 0: not known, but not Ethernet */
    } else {
        f->packet_type = a->new_pkt_type == OFP_PT_USE_NEXT_PROTO ? FLOW_PT_ETH : a->new_pkt_type;
        f->dl_type = 0;
    }
}

static bool is_ct_valid(const struct match *m)
{
    uint16_t mask = m->wc.bits.ct_state, state = m->flow.ct_state & mask;
    return state & ~(uint16_t)(FLOW_CS_TRK | FLOW_CS_INV) ||
           (state & FLOW_CS_TRK && mask & FLOW_CS_INV && !(state & FLOW_CS_INV));
}

static enum ofperr check_learn(const struct ofpact_learn *a, const struct flow_key *flow)
{
    /* The match that is learned, as far as it is known: for the prerequisites of its own fields. */
    struct flow_key learned;
    memset(&learned, 0, sizeof learned);
    const struct learn_spec *spec;
    LEARN_SPEC_FOR_EACH(spec, a)
    {
        enum ofperr error = OFPERR_NONE;
        if (spec->src_type == LEARN_SRC_FIELD) {
            error = subfield_check_src(&spec->src, flow);
        }
        if (!error && spec->dst_type == LEARN_DST_MATCH) {
            error = subfield_check_src(&spec->dst, &learned);
            if (!error && spec->src_type == LEARN_SRC_IMMEDIATE) {
                const struct field *f = spec->dst.field;
                union field_value v = {0}, m = {0};
                unsigned pad = spec->imm_bytes <= f->n_bytes ? f->n_bytes - spec->imm_bytes : 0;
                if (!spec->dst.ofs && spec->n_bits == f->n_bits) {
                    memcpy(v.b + pad, spec->imm, spec->imm_bytes);
                    field_all_ones(f, &m);
                    field_set_masked(f, &v, &m, &learned);
                }
            }
        } else if (!error && spec->dst_type == LEARN_DST_LOAD) {
            error = subfield_check_dst(&spec->dst, &learned);
        }
        if (error) {
            return error;
        }
    }
    return OFPERR_NONE;
}

static enum ofperr check_bundle(const struct ofpact_bundle *a, struct state *s)
{
    if (a->dst.field) {
        enum ofperr error = subfield_check_dst(&a->dst, &s->flow);
        if (error) {
            return error;
        }
    }
    for (uint32_t i = 0; i < a->n_members; i++) {
        uint32_t port = a->members[i];
        if (port != OFPP_NONE && ofpact_check_output_port(port, s->check->max_ports)) {
            LOG_WARN_RL(&rl, "invalid member %u", port);
            return OFPERR_OFPBAC_BAD_OUT_PORT;
        }
    }
    return OFPERR_NONE;
}

static enum ofperr check_ct(struct ofpact *a, struct state *s)
{
    struct ofpact_ct *ct = (struct ofpact_ct *)a;
    /* An inconsistent ct would fail in the datapath: no version lets it pass. */
    if (!is_ip(&s->flow) || (s->flow.ct_state & FLOW_CS_INV && ct->flags & CT_COMMIT) ||
        (ct->alg == 21 && s->flow.nw_proto != 6) || (ct->alg == 69 && s->flow.nw_proto != 17)) {
        return OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    if (ct->zone_src.field) {
        enum ofperr error = subfield_check_src(&ct->zone_src, &s->flow);
        if (error) {
            return error;
        }
    }
    s->in_ct = true;
    enum ofperr error = check_list(ct->actions, ofpact_ct_len(ct), s);
    s->in_ct = false;
    return error;
}

static enum ofperr check_nat(const struct ofpact_nat *a, const struct flow_key *f)
{
    if (!is_ip(f) || (a->range_af == 4 && f->dl_type != ETH_IPV4) ||
        (a->range_af == 6 && f->dl_type != ETH_IPV6)) {
        return OFPERR_OFPBAC_MATCH_INCONSISTENT;
    }
    return OFPERR_NONE;
}

static enum ofperr check_nest(struct ofpact *a, struct state *s)
{
    struct ofpact_nest *nest = (struct ofpact_nest *)a;
    struct state inner = *s;
    uint32_t usable = s->check->usable;
    enum ofperr error = check_list(nest->actions, ofpact_nest_len(nest), &inner);
    if (a->type == OFPACT_WRITE_ACTIONS) {
        /* They run at some later time, on some packet. */
        s->check->usable = usable;
    }
    return error;
}

static enum ofperr check_pop_mpls(const struct ofpact_mpls *a, struct state *s)
{
    need(s, s->flow.packet_type == FLOW_PT_ETH && is_mpls(s->flow.dl_type));
    s->flow.dl_type = a->ethertype;
    return OFPERR_NONE;
}

static enum ofperr check_push_mpls(const struct ofpact_mpls *a, struct state *s)
{
    need(s, s->flow.packet_type == FLOW_PT_ETH);
    s->flow.dl_type = a->ethertype;
    /* What was IP is behind the label now. */
    s->flow.nw_proto = 0;
    return OFPERR_NONE;
}

/* Output of all kinds, and what depends on nothing but its own arguments. */
static enum ofperr check_plain(const struct ofpact *a, struct state *s)
{
    const struct ofpacts_check *c = s->check;
    switch (a->type) {
    case OFPACT_OUTPUT:
        return ofpact_check_output_port(OFPACT_CAST(OUTPUT, a)->port, c->max_ports);
    case OFPACT_OUTPUT_TRUNC:
        return ofpact_check_output_port(OFPACT_CAST(OUTPUT_TRUNC, a)->port, c->max_ports);
    case OFPACT_ENQUEUE: {
        uint32_t port = OFPACT_CAST(ENQUEUE, a)->port;
        return port < c->max_ports || port == OFPP_IN_PORT || port == OFPP_LOCAL ? OFPERR_NONE
                                                                                 : OFPERR_OFPBAC_BAD_OUT_PORT;
    }
    case OFPACT_OUTPUT_REG:
        return subfield_check_src(&OFPACT_CAST(OUTPUT_REG, a)->src, &s->flow);
    case OFPACT_BUNDLE:
        return check_bundle(OFPACT_CAST(BUNDLE, a), s);
    case OFPACT_MULTIPATH:
        return subfield_check_dst(&OFPACT_CAST(MULTIPATH, a)->dst, &s->flow);
    case OFPACT_CHECK_PKT_LARGER:
        return subfield_check_dst(&OFPACT_CAST(CHECK_PKT_LARGER, a)->dst, &s->flow);
    case OFPACT_STACK_PUSH:
        return subfield_check_src(&OFPACT_CAST(STACK_PUSH, a)->subfield, &s->flow);
    case OFPACT_STACK_POP:
        return subfield_check_dst(&OFPACT_CAST(STACK_POP, a)->subfield, &s->flow);
    case OFPACT_DELETE_FIELD: {
        int id = OFPACT_CAST(DELETE_FIELD, a)->field->id;
        return id >= FIELD_TUN_METADATA0 && id <= FIELD_TUN_METADATA0 + 63 ? OFPERR_NONE
                                                                           : OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    case OFPACT_MOVE: {
        enum ofperr error = subfield_check_src(&OFPACT_CAST(MOVE, a)->src, &s->flow);
        return error ? error : subfield_check_dst(&OFPACT_CAST(MOVE, a)->dst, &s->flow);
    }
    case OFPACT_LEARN:
        return check_learn(OFPACT_CAST(LEARN, a), &s->flow);
    case OFPACT_RESUBMIT:
        return OFPACT_CAST(RESUBMIT, a)->with_ct_orig && !is_ct_valid(s->match)
                   ? OFPERR_OFPBAC_MATCH_INCONSISTENT
                   : OFPERR_NONE;
    case OFPACT_NAT:
        return s->in_ct ? check_nat(OFPACT_CAST(NAT, a), &s->flow) : OFPERR_OFPBAC_BAD_SET_ARGUMENT;
    case OFPACT_METER: {
        uint32_t id = OFPACT_CAST(METER, a)->value;
        return !id || id > OFPM_MAX ? OFPERR_OFPMMFC_INVALID_METER : OFPERR_NONE;
    }
    case OFPACT_GOTO_TABLE: {
        uint8_t table = OFPACT_CAST(GOTO_TABLE, a)->table_id;
        return (c->table_id != 255 && table <= c->table_id) || (c->n_tables && table >= c->n_tables)
                   ? OFPERR_OFPBIC_BAD_TABLE_ID
                   : OFPERR_NONE;
    }
    default:
        return OFPERR_NONE;
    }
}

static enum ofperr check_one(struct ofpact *a, struct state *s)
{
    const struct flow_key *f = &s->flow;
    switch (a->type) {
    case OFPACT_SET_FIELD:
        return check_set_field(a, s);
    case OFPACT_SET_VLAN_VID: {
        struct ofpact_vlan_vid *vid = (struct ofpact_vlan_vid *)a;
        check_set_vlan(&vid->flow_has_vlan, vid->push_if_needed, s);
        return OFPERR_NONE;
    }
    case OFPACT_SET_VLAN_PCP: {
        struct ofpact_vlan_pcp *pcp = (struct ofpact_vlan_pcp *)a;
        check_set_vlan(&pcp->flow_has_vlan, pcp->push_if_needed, s);
        return OFPERR_NONE;
    }
    case OFPACT_STRIP_VLAN:
        check_strip_vlan(s);
        return OFPERR_NONE;
    case OFPACT_PUSH_VLAN:
        return check_push_vlan(OFPACT_CAST(PUSH_VLAN, a), s);
    case OFPACT_SET_ETH_SRC:
    case OFPACT_SET_ETH_DST:
        need(s, f->packet_type == FLOW_PT_ETH);
        return OFPERR_NONE;
    case OFPACT_SET_IPV4_SRC:
    case OFPACT_SET_IPV4_DST:
        need(s, f->dl_type == ETH_IPV4);
        return OFPERR_NONE;
    case OFPACT_SET_IP_DSCP:
    case OFPACT_SET_IP_ECN:
    case OFPACT_SET_IP_TTL:
    case OFPACT_DEC_TTL:
    case OFPACT_COPY_TTL_IN:
    case OFPACT_COPY_TTL_OUT:
        need(s, is_ip(f) || (is_mpls(f->dl_type) &&
                             (a->type == OFPACT_COPY_TTL_IN || a->type == OFPACT_COPY_TTL_OUT)));
        return OFPERR_NONE;
    case OFPACT_SET_L4_SRC_PORT:
    case OFPACT_SET_L4_DST_PORT:
        check_l4_port(a, s);
        return OFPERR_NONE;
    case OFPACT_SET_MPLS_LABEL:
    case OFPACT_SET_MPLS_TC:
    case OFPACT_SET_MPLS_TTL:
    case OFPACT_DEC_MPLS_TTL:
        need(s, is_mpls(f->dl_type));
        return OFPERR_NONE;
    case OFPACT_PUSH_MPLS:
        return check_push_mpls(OFPACT_CAST(PUSH_MPLS, a), s);
    case OFPACT_POP_MPLS:
        return check_pop_mpls(OFPACT_CAST(POP_MPLS, a), s);
    case OFPACT_DEC_NSH_TTL:
        need(s, f->packet_type == FLOW_PT(1, 0x894f) || f->dl_type == ETH_NSH);
        return OFPERR_NONE;
    case OFPACT_ENCAP:
        return check_encap(OFPACT_CAST(ENCAP, a), s);
    case OFPACT_DECAP:
        check_decap(OFPACT_CAST(DECAP, a), s);
        return OFPERR_NONE;
    case OFPACT_FIN_TIMEOUT:
        need(s, is_ip(f) && f->nw_proto == 6);
        return OFPERR_NONE;
    case OFPACT_CT:
        return check_ct(a, s);
    case OFPACT_CLONE:
    case OFPACT_WRITE_ACTIONS:
        return check_nest(a, s);
    default:
        return check_plain(a, s);
    }
}

static enum ofperr check_list(struct ofpact *list, size_t len, struct state *s)
{
    struct ofpact *a = list, *end = list ? (struct ofpact *)(void *)((char *)list + len) : NULL;
    while (a < end) {
        enum ofperr error = check_one(a, s);
        if (error) {
            return error;
        }
        a = (struct ofpact *)(void *)((char *)a + ROUND_UP(a->len, OFPACT_ALIGN));
    }
    return OFPERR_NONE;
}

enum ofperr ofpacts_check(struct ofpact *list, size_t len, struct ofpacts_check *check)
{
    struct state s = {.flow = check->match->flow, .match = check->match, .check = check};
    s.flow.dl_type = flow_key_dl_type(&s.flow); /* a packet without Ethernet says it in its own way */
    return check_list(list, len, &s);
}

enum ofperr ofpacts_check_consistency(struct ofpact *list, size_t len, struct ofpacts_check *check)
{
    uint32_t wanted = check->usable;
    enum ofperr error = ofpacts_check(list, len, check);
    return error ? error : (wanted & ~check->usable) ? OFPERR_OFPBAC_MATCH_INCONSISTENT : OFPERR_NONE;
}
