/* SPDX-License-Identifier: Apache-2.0 */
/* Actions to text: one function for each action whose text is more than its name. */
#include <stdio.h>
#include <string.h>

#include "action/text_private.h"
#include "wire/eth.h"
#include "wire/mpls.h"

struct out {
    struct strbuf *s;
    const struct port_names *ports;
};

static void format_list(struct out *, const void *list, size_t len);

static void put_cookie(struct out *o, const struct dp_cookie *c)
{
    struct strbuf *s = o->s;
    switch ((enum dp_cookie_type)c->type) {
    case DP_COOKIE_SFLOW:
        strbuf_printf(s, "sFlow(vid=%u,pcp=%u,output=%u)", CONST_BE16(c->sflow.vlan_tci) & VLAN_VID_MASK,
                      CONST_BE16(c->sflow.vlan_tci) >> VLAN_PCP_SHIFT, c->sflow.output);
        break;
    case DP_COOKIE_SLOW_PATH: {
        uint32_t left = c->slow_path.reason;
        strbuf_puts(s, "slow_path(");
#define X(NAME, BIT, TEXT, MEANING)                                                                          \
    if (left & DP_SLOW_##NAME) {                                                                             \
        strbuf_puts(s, TEXT ",");                                                                            \
        left &= ~(uint32_t)DP_SLOW_##NAME;                                                                   \
    }
        DP_SLOW_REASONS(X)
#undef X
        if (left || !c->slow_path.reason) {
            strbuf_printf(s, "%#x", left);
        }
        strbuf_chomp(s, ',');
        strbuf_put_char(s, ')');
        break;
    }
    case DP_COOKIE_FLOW_SAMPLE:
        strbuf_printf(
            s, "flow_sample(probability=%u,collector_set_id=%u,obs_domain_id=%u,obs_point_id=%u,output_port=",
            c->flow_sample.probability, c->flow_sample.collector_set_id, c->flow_sample.obs_domain_id,
            c->flow_sample.obs_point_id);
        text_put_port(s, c->flow_sample.output_port, o->ports);
        strbuf_puts(s, c->flow_sample.direction == 1   ? ",ingress"
                       : c->flow_sample.direction == 2 ? ",egress"
                                                       : "");
        strbuf_put_char(s, ')');
        break;
    case DP_COOKIE_IPFIX:
        strbuf_puts(s, "ipfix(output_port=");
        text_put_port(s, c->ipfix.output_port, o->ports);
        strbuf_put_char(s, ')');
        break;
    case DP_COOKIE_CONTROLLER:
        strbuf_printf(s,
                      "controller(reason=%u,dont_send=%d,continuation=%d,recirc_id=%u,rule_cookie=%#llx,"
                      "controller_id=%u,max_len=%u)",
                      c->controller.reason, !!c->controller.dont_send, !!c->controller.continuation,
                      c->controller.recirc_id, (unsigned long long)c->controller.rule_cookie,
                      c->controller.controller_id, c->controller.max_len);
        break;
    case DP_COOKIE_UNSPEC:
    case DP_N_COOKIES:
        break;
    }
}

static void put_userspace(struct out *o, const struct dp_action *a)
{
    const struct dp_action_userspace *u = DP_ACTION_AS(dp_action_userspace, a);
    struct dp_cookie copy;
    strbuf_printf(o->s, "userspace(pid=%u", u->pid);
    if (u->has_userdata) {
        const struct dp_cookie *c = dp_cookie_from_userdata(u->userdata, u->userdata_len, &copy);
        strbuf_put_char(o->s, ',');
        if (c) {
            put_cookie(o, c);
        } else {
            strbuf_puts(o->s, "userdata(");
            for (size_t i = 0; i < u->userdata_len; i++) {
                strbuf_printf(o->s, "%02x", u->userdata[i]);
            }
            strbuf_put_char(o->s, ')');
        }
    }
    strbuf_puts(o->s, u->actions ? ",actions" : "");
    if (u->tunnel_out_port != UINT32_MAX) {
        strbuf_puts(o->s, ",tunnel_out_port=");
        text_put_port(o->s, u->tunnel_out_port, o->ports);
    }
    strbuf_put_char(o->s, ')');
}

static void put_lse(struct strbuf *s, be32 lse)
{
    strbuf_printf(s, "label=%u,tc=%u,ttl=%u,bos=%u", mpls_lse_label(lse), mpls_lse_tc(lse), mpls_lse_ttl(lse),
                  mpls_lse_bos(lse));
}

static void put_set_mpls(struct strbuf *s, const struct dp_set_mpls *v, const struct dp_set_mpls *m)
{
    if (m->lse == UINT32_MAX) {
        put_lse(s, v->lse);
        return;
    }
    strbuf_printf(s, "label=%u/0x%x,tc=%u/%x,ttl=%u/0x%x,bos=%u/%x", mpls_lse_label(v->lse),
                  mpls_lse_label(m->lse), mpls_lse_tc(v->lse), mpls_lse_tc(m->lse), mpls_lse_ttl(v->lse),
                  mpls_lse_ttl(m->lse), mpls_lse_bos(v->lse), mpls_lse_bos(m->lse));
}

/* "NAME=VALUE[/MASK]," if the mask is not 0. */
static void put_masked(struct strbuf *s, const char *name, const char *format, uint32_t value, uint32_t mask,
                       uint32_t full)
{
    if (!mask) {
        return;
    }
    char text[32];
    snprintf(text, sizeof text, format[0] == 'x' ? "0x%x" : "%u", value);
    strbuf_printf(s, "%s=%s", name, text);
    if (mask != full) {
        strbuf_printf(s, "/0x%x", mask);
    }
    strbuf_put_char(s, ',');
}

static void put_set_nsh(struct strbuf *s, const struct dp_set_nsh *v, const struct dp_set_nsh *m)
{
    static const char *const contexts[] = {"c1", "c2", "c3", "c4"};
    uint32_t path = CONST_BE32(v->path_hdr), path_mask = CONST_BE32(m->path_hdr);
    put_masked(s, "flags", "u", v->flags, m->flags, UINT8_MAX);
    put_masked(s, "ttl", "u", v->ttl, m->ttl, UINT8_MAX);
    put_masked(s, "mdtype", "u", v->mdtype, m->mdtype, UINT8_MAX);
    put_masked(s, "np", "u", v->np, m->np, UINT8_MAX);
    put_masked(s, "spi", "x", path >> 8, path_mask >> 8, 0xffffff);
    put_masked(s, "si", "u", path & 0xff, path_mask & 0xff, UINT8_MAX);
    for (int i = 0; i < 4; i++) {
        put_masked(s, contexts[i], "x", CONST_BE32(v->context[i]), CONST_BE32(m->context[i]), UINT32_MAX);
    }
    strbuf_chomp(s, ',');
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

static void put_set(struct out *o, const struct dp_action *a)
{
    enum dp_set_group group = DP_ACTION_AS(dp_action_set, a)->group;
    const uint8_t *value = dp_action_set_value(a), *mask = dp_action_set_mask(a);
    strbuf_printf(o->s, "set(%s(", text_group_names[group]);
    if (group == DP_SET_TUNNEL) {
        text_put_tunnel(o->s, dp_action_set_tunnel(a));
    } else if (group == DP_SET_MPLS) {
        put_set_mpls(o->s, (const void *)value, (const void *)mask);
    } else if (group == DP_SET_NSH) {
        put_set_nsh(o->s, (const void *)value, (const void *)mask);
    } else {
        if (group == DP_SET_ND_EXT) { /* always, and without its mask */
            be32 reserved = ((const struct dp_set_nd_ext *)(const void *)value)->reserved;
            strbuf_printf(o->s, "nd_reserved=0x%x,", CONST_BE32(reserved));
        }
        for (size_t i = 0; i < n_text_fields; i++) {
            const struct text_field *f = &text_fields[i];
            if (group == DP_SET_ND_EXT && !f->ofs) {
                continue;
            }
            if (f->group == group && !is_zero(mask + f->ofs, text_kind_size(f->kind))) {
                strbuf_printf(o->s, "%s%s", f->name ? f->name : "", f->name ? "=" : "");
                text_put_value(o->s, f->kind, value + f->ofs, mask + f->ofs);
                strbuf_put_char(o->s, ',');
            }
        }
        strbuf_chomp(o->s, ',');
    }
    strbuf_puts(o->s, "))");
}

static void put_push_vlan(struct out *o, const struct dp_action *a)
{
    const struct dp_action_push_vlan *v = DP_ACTION_AS(dp_action_push_vlan, a);
    uint16_t tci = CONST_BE16(v->tci);
    strbuf_puts(o->s, "push_vlan(");
    if (v->tpid != CONST_BE16(ETH_TYPE_VLAN)) {
        strbuf_printf(o->s, "tpid=0x%04x,", CONST_BE16(v->tpid));
    }
    strbuf_printf(o->s, "vid=%u,pcp=%u%s)", tci & VLAN_VID_MASK, tci >> VLAN_PCP_SHIFT,
                  tci & VLAN_CFI ? "" : ",cfi=0");
}

static void put_push_mpls(struct out *o, const struct dp_action *a)
{
    const struct dp_action_mpls *m = DP_ACTION_AS(dp_action_mpls, a);
    strbuf_printf(o->s, "%s(", dp_action_type_name(a->type));
    put_lse(o->s, m->lse);
    strbuf_printf(o->s, ",eth_type=0x%x)", CONST_BE16(m->ethertype));
}

static void put_pop_mpls(struct out *o, const struct dp_action *a)
{
    strbuf_printf(o->s, "pop_mpls(eth_type=0x%x)", CONST_BE16(DP_ACTION_AS(dp_action_mpls, a)->ethertype));
}

static void put_push_eth(struct out *o, const struct dp_action *a)
{
    const struct dp_action_push_eth *e = DP_ACTION_AS(dp_action_push_eth, a);
    strbuf_puts(o->s, "push_eth(src=");
    text_put_eth(o->s, &e->src);
    strbuf_puts(o->s, ",dst=");
    text_put_eth(o->s, &e->dst);
    strbuf_put_char(o->s, ')');
}

static void put_push_nsh(struct out *o, const struct dp_action *a)
{
    const struct dp_action_push_nsh *n = DP_ACTION_AS(dp_action_push_nsh, a);
    uint32_t path = CONST_BE32(n->path_hdr);
    strbuf_printf(o->s, "push_nsh(flags=%u,ttl=%u,mdtype=%u,np=%u,spi=0x%x,si=%u", n->flags, n->ttl,
                  n->mdtype, n->np, path >> 8, path & 0xff);
    if (n->mdtype == 1) {
        for (int i = 0; i < 4; i++) {
            strbuf_printf(o->s, ",c%d=0x%x", i + 1, CONST_BE32(get_be32(n->metadata + 4 * i)));
        }
    } else if (n->md_len) {
        strbuf_puts(o->s, ",md2=");
        text_put_hex(o->s, n->metadata, n->md_len);
    }
    strbuf_put_char(o->s, ')');
}

static void put_sample(struct out *o, const struct dp_action *a)
{
    size_t n;
    const struct dp_action *list = dp_action_nested(a, &n);
    strbuf_printf(o->s, "sample(sample=%.1f%%,actions(", 100.0 * dp_action_value(a) / UINT32_MAX);
    format_list(o, list, n);
    strbuf_puts(o->s, "))");
}

static void put_clone(struct out *o, const struct dp_action *a)
{
    size_t n;
    const struct dp_action *list = dp_action_nested(a, &n);
    strbuf_puts(o->s, "clone(");
    format_list(o, list, n);
    strbuf_put_char(o->s, ')');
}

static void put_dec_ttl(struct out *o, const struct dp_action *a)
{
    size_t n;
    const struct dp_action *list = dp_action_nested(a, &n);
    strbuf_puts(o->s, "dec_ttl(le_1(");
    format_list(o, list, n);
    strbuf_puts(o->s, "))");
}

static void put_check_pkt_len(struct out *o, const struct dp_action *a)
{
    size_t n;
    const struct dp_action *list = dp_action_if_greater(a, &n);
    strbuf_printf(o->s, "check_pkt_len(size=%u,gt(", DP_ACTION_AS(dp_action_check_pkt_len, a)->size);
    format_list(o, list, n);
    strbuf_puts(o->s, "),le(");
    list = dp_action_if_less_equal(a, &n);
    format_list(o, list, n);
    strbuf_puts(o->s, "))");
}

static void put_hash(struct out *o, const struct dp_action *a)
{
    const struct dp_action_hash *h = DP_ACTION_AS(dp_action_hash, a);
    strbuf_printf(o->s, "hash(%s(%u))", h->alg == DP_HASH_SYM_L4 ? "sym_l4" : "l4", h->basis);
}

static void put_nat_addr(struct strbuf *s, const struct dp_action_ct *ct, const struct ipv6_addr *addr)
{
    if (ct->flags & DP_CT_NAT_V4) {
        dp_text_put_ipv4(s, addr);
    } else {
        /* Brackets, where a port follows. */
        strbuf_puts(s, ct->nat_port_min ? "[" : "");
        dp_text_put_ipv6(s, addr);
        strbuf_puts(s, ct->nat_port_min ? "]" : "");
    }
}

static void put_nat(struct strbuf *s, const struct dp_action_ct *ct)
{
    static const struct ipv6_addr none;
    strbuf_puts(s, "nat");
    if (!(ct->flags & (DP_CT_NAT_SRC | DP_CT_NAT_DST))) {
        return;
    }
    strbuf_puts(s, ct->flags & DP_CT_NAT_SRC ? "(src" : "(dst");
    if (ct->flags & (DP_CT_NAT_V4 | DP_CT_NAT_V6)) {
        strbuf_put_char(s, '=');
        put_nat_addr(s, ct, &ct->nat_min);
        if (memcmp(&ct->nat_max, &none, sizeof none) && memcmp(&ct->nat_max, &ct->nat_min, sizeof none)) {
            strbuf_put_char(s, '-');
            put_nat_addr(s, ct, &ct->nat_max);
        }
    } else if (ct->nat_port_min) {
        strbuf_put_char(s, '=');
    }
    if (ct->nat_port_min) {
        strbuf_printf(s, ":%u", ct->nat_port_min);
        if (ct->nat_port_max && ct->nat_port_max != ct->nat_port_min) {
            strbuf_printf(s, "-%u", ct->nat_port_max);
        }
    }
    strbuf_puts(s, ct->flags & DP_CT_PERSISTENT ? ",persistent" : "");
    strbuf_puts(s, ct->flags & DP_CT_HASH ? ",hash" : "");
    strbuf_puts(s, ct->flags & DP_CT_RANDOM ? ",random" : "");
    strbuf_put_char(s, ')');
}

static void put_ct(struct out *o, const struct dp_action *a)
{
    const struct dp_action_ct *ct = DP_ACTION_AS(dp_action_ct, a);
    struct strbuf *s = o->s;
    strbuf_puts(s, "ct(");
    if (ct->flags & DP_CT_FORCE) {
        strbuf_puts(s, "force_commit,");
    } else if (ct->flags & DP_CT_COMMIT) {
        strbuf_puts(s, "commit,");
    }
    if (ct->zone) {
        strbuf_printf(s, "zone=%u,", ct->zone);
    }
    if (ct->flags & DP_CT_MARK) {
        strbuf_printf(s, "mark=%#x/%#x,", ct->mark, ct->mark_mask);
    }
    if (ct->flags & DP_CT_LABEL) {
        strbuf_puts(s, "label=");
        text_put_hex(s, ct->label.u8, sizeof ct->label);
        static const be128 ones = {{.be32 = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}}};
        if (memcmp(&ct->label_mask, &ones, sizeof ones)) {
            strbuf_put_char(s, '/');
            text_put_hex(s, ct->label_mask.u8, sizeof ct->label_mask);
        }
        strbuf_put_char(s, ',');
    }
    if (ct->helper[0]) {
        strbuf_printf(s, "helper=%s,", ct->helper);
    }
    if (ct->timeout[0]) {
        strbuf_printf(s, "timeout=%s,", ct->timeout);
    }
    if (ct->flags & DP_CT_NAT) {
        put_nat(s, ct);
    }
    strbuf_chomp(s, ',');
    if (strbuf_ends_with(s, "ct(")) {
        strbuf_chomp(s, '('); /* nothing was said */
    } else {
        strbuf_put_char(s, ')');
    }
}

static void put_tnl_push(struct out *o, const struct dp_action *a)
{
    const struct dp_action_tnl_push *t = DP_ACTION_AS(dp_action_tnl_push, a);
    strbuf_puts(o->s, "tnl_push(tnl_port(");
    text_put_port(o->s, t->tnl_port, o->ports);
    strbuf_puts(o->s, "),");
    text_put_header(o->s, t);
    strbuf_puts(o->s, ",out_port(");
    text_put_port(o->s, t->out_port, o->ports);
    strbuf_puts(o->s, "))");
}

static void format_action(struct out *o, const struct dp_action *a)
{
    switch ((enum dp_action_type)a->type) {
    case DP_ACTION_OUTPUT:
        text_put_port(o->s, dp_action_value(a), o->ports);
        break;
    case DP_ACTION_TNL_POP:
        strbuf_puts(o->s, "tnl_pop(");
        text_put_port(o->s, dp_action_value(a), o->ports);
        strbuf_put_char(o->s, ')');
        break;
    case DP_ACTION_RECIRC:
        strbuf_printf(o->s, "recirc(%#x)", dp_action_value(a));
        break;
    case DP_ACTION_TRUNC:
    case DP_ACTION_METER:
    case DP_ACTION_LB_OUTPUT:
        strbuf_printf(o->s, "%s(%u)", dp_action_type_name(a->type), dp_action_value(a));
        break;
    case DP_ACTION_POP_VLAN:
    case DP_ACTION_POP_ETH:
    case DP_ACTION_CT_CLEAR:
    case DP_ACTION_COPY_TTL_IN:
    case DP_ACTION_COPY_TTL_OUT:
    case DP_ACTION_DROP:
        strbuf_puts(o->s, dp_action_type_name(a->type));
        break;
    case DP_ACTION_POP_NSH:
        strbuf_puts(o->s, "pop_nsh()");
        break;
    case DP_ACTION_USERSPACE:
        put_userspace(o, a);
        break;
    case DP_ACTION_SET:
        put_set(o, a);
        break;
    case DP_ACTION_PUSH_VLAN:
        put_push_vlan(o, a);
        break;
    case DP_ACTION_PUSH_MPLS:
    case DP_ACTION_ADD_MPLS:
        put_push_mpls(o, a);
        break;
    case DP_ACTION_POP_MPLS:
        put_pop_mpls(o, a);
        break;
    case DP_ACTION_PUSH_ETH:
        put_push_eth(o, a);
        break;
    case DP_ACTION_PUSH_NSH:
        put_push_nsh(o, a);
        break;
    case DP_ACTION_SAMPLE:
        put_sample(o, a);
        break;
    case DP_ACTION_CLONE:
        put_clone(o, a);
        break;
    case DP_ACTION_HASH:
        put_hash(o, a);
        break;
    case DP_ACTION_CT:
        put_ct(o, a);
        break;
    case DP_ACTION_CHECK_PKT_LEN:
        put_check_pkt_len(o, a);
        break;
    case DP_ACTION_DEC_TTL:
        put_dec_ttl(o, a);
        break;
    case DP_ACTION_TNL_PUSH:
        put_tnl_push(o, a);
        break;
    case DP_N_ACTIONS:
        break;
    }
}

static void format_list(struct out *o, const void *list, size_t len)
{
    const struct dp_action *a;
    if (!len) {
        strbuf_puts(o->s, "drop");
        return;
    }
    DP_ACTION_FOR_EACH (a, list, len) {
        format_action(o, a);
        strbuf_puts(o->s, dp_action_is_last(a, list, len) ? "" : ",");
    }
}

void dp_actions_format(const void *list, size_t len, const struct port_names *ports, struct strbuf *s)
{
    struct out out = {s, ports};
    if (dp_actions_check(list, len, NULL)) {
        strbuf_puts(s, "bad actions");
    } else {
        format_list(&out, list, len);
    }
}
