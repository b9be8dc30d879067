/* SPDX-License-Identifier: Apache-2.0 */
/* Text to actions: a table of words, and one function for each that has something in parentheses. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "action/text_private.h"
#include "base/alloc.h"
#include "wire/eth.h"
#include "wire/mpls.h"

#define MAX_HEADER   512
#define MIN_USERDATA 8 /* shorter ones are padded with zeros, as in the reference */

static bool parse_list(struct text_cursor *, struct bytebuf *, char until);

static bool parse_slow_path(struct text_cursor *c, struct dp_cookie *cookie)
{
    uint64_t v;
    uint32_t reasons = 0;
    while (!text_eat(c, ")")) {
        if (isdigit((unsigned char)*c->p)) {
            if (!text_number(c, UINT32_MAX, &v)) {
                return false;
            }
            reasons |= (uint32_t)v;
        }
#define X(NAME, BIT, TEXT, MEANING)                                                                          \
    else if (text_eat(c, TEXT))                                                                              \
    {                                                                                                        \
        reasons |= DP_SLOW_##NAME;                                                                           \
    }
        DP_SLOW_REASONS(X)
#undef X
        else
        {
            return text_fail(c, "a reason of the slow path is expected");
        }
        if (!text_eat(c, ",")) {
            text_eat(c, "|");
        }
    }
    cookie->type = DP_COOKIE_SLOW_PATH;
    cookie->slow_path.reason = reasons;
    return true;
}

static bool parse_flow_sample(struct text_cursor *c, struct dp_cookie *cookie)
{
    uint64_t probability, set, domain, point;
    cookie->type = DP_COOKIE_FLOW_SAMPLE;
    if (!text_named(c, "probability=", UINT16_MAX, &probability) ||
        !text_named(c, ",collector_set_id=", UINT32_MAX, &set) ||
        !text_named(c, ",obs_domain_id=", UINT32_MAX, &domain) ||
        !text_named(c, ",obs_point_id=", UINT32_MAX, &point) || !text_expect(c, ",output_port=") ||
        !text_port(c, &cookie->flow_sample.output_port)) {
        return false;
    }
    cookie->flow_sample.probability = (uint32_t)probability;
    cookie->flow_sample.collector_set_id = (uint32_t)set;
    cookie->flow_sample.obs_domain_id = (uint32_t)domain;
    cookie->flow_sample.obs_point_id = (uint32_t)point;
    cookie->flow_sample.direction = text_eat(c, ",ingress") ? 1 : text_eat(c, ",egress") ? 2 : 0;
    return text_expect(c, ")");
}

static bool parse_controller(struct text_cursor *c, struct dp_cookie *cookie)
{
    uint64_t reason, dont_send, continuation, recirc, rule, id, max_len;
    if (!text_named(c, "reason=", UINT16_MAX, &reason) || !text_named(c, ",dont_send=", 1, &dont_send) ||
        !text_named(c, ",continuation=", 1, &continuation) ||
        !text_named(c, ",recirc_id=", UINT32_MAX, &recirc) ||
        !text_named(c, ",rule_cookie=", UINT64_MAX, &rule) ||
        !text_named(c, ",controller_id=", UINT16_MAX, &id) ||
        !text_named(c, ",max_len=", UINT16_MAX, &max_len)) {
        return false;
    }
    cookie->type = DP_COOKIE_CONTROLLER;
    cookie->controller.reason = (uint16_t)reason;
    cookie->controller.dont_send = (uint8_t)dont_send;
    cookie->controller.continuation = (uint8_t)continuation;
    cookie->controller.recirc_id = (uint32_t)recirc;
    cookie->controller.rule_cookie = rule;
    cookie->controller.controller_id = (uint16_t)id;
    cookie->controller.max_len = (uint16_t)max_len;
    cookie->controller.meter_id = UINT32_MAX;
    return text_expect(c, ")");
}

static bool parse_sflow(struct text_cursor *c, struct dp_cookie *cookie)
{
    uint64_t vid, pcp, output;
    if (!text_named(c, "vid=", VLAN_VID_MASK, &vid) || !text_named(c, ",pcp=", 7, &pcp) ||
        !text_named(c, ",output=", UINT32_MAX, &output)) {
        return false;
    }
    cookie->type = DP_COOKIE_SFLOW;
    cookie->sflow.vlan_tci = CONST_BE16(vid | pcp << VLAN_PCP_SHIFT | (vid || pcp ? VLAN_CFI : 0));
    cookie->sflow.output = (uint32_t)output;
    return text_expect(c, ")");
}

/* userdata(HEX) */
static bool parse_userdata(struct text_cursor *c, struct bytebuf *userdata)
{
    while (!text_eat(c, ")")) {
        uint8_t byte = 0;
        for (int i = 0; i < 2; i++) {
            unsigned char d = (unsigned char)c->p[i];
            if (!isxdigit(d)) {
                return text_fail(c, "hexadecimal bytes are expected");
            }
            byte = (uint8_t)(byte << 4 | (isdigit(d) ? d - '0' : (d | 0x20) - 'a' + 10));
        }
        c->p += 2;
        bytebuf_put(userdata, &byte, 1);
        if (userdata->len > 512) {
            return text_fail(c, "userdata of at most 512 bytes is expected");
        }
    }
    if (userdata->len < MIN_USERDATA) {
        bytebuf_put_zeros(userdata, MIN_USERDATA - userdata->len);
    }
    return !c->error;
}

static bool parse_userspace(struct text_cursor *c, struct bytebuf *b)
{
    uint64_t pid;
    struct dp_cookie cookie;
    struct bytebuf userdata = BYTEBUF_INITIALIZER;
    uint32_t tunnel_port = UINT32_MAX;
    bool actions = false;
    memset(&cookie, 0, sizeof cookie);
    bool ok = text_named(c, "pid=", UINT32_MAX, &pid);
    while (ok && text_more(c)) {
        if (text_eat(c, "sFlow(")) {
            ok = parse_sflow(c, &cookie);
        } else if (text_eat(c, "slow_path(")) {
            ok = parse_slow_path(c, &cookie);
        } else if (text_eat(c, "flow_sample(")) {
            ok = parse_flow_sample(c, &cookie);
        } else if (text_eat(c, "ipfix(output_port=")) {
            cookie.type = DP_COOKIE_IPFIX;
            ok = text_port(c, &cookie.ipfix.output_port) && text_expect(c, ")");
        } else if (text_eat(c, "controller(")) {
            ok = parse_controller(c, &cookie);
        } else if (text_eat(c, "userdata(")) {
            ok = parse_userdata(c, &userdata);
        } else if (text_eat(c, "actions")) {
            actions = true;
        } else if (text_eat(c, "tunnel_out_port=")) {
            ok = text_port(c, &tunnel_port);
        } else {
            ok = text_fail(c, "a cookie, userdata(), actions or tunnel_out_port= is expected");
        }
    }
    if (ok && !c->error) {
        size_t at = b->len;
        if (cookie.type) {
            dp_actions_put_cookie(b, &cookie, tunnel_port, actions);
        } else {
            dp_actions_put_userspace(b, userdata.data, userdata.len, tunnel_port, actions);
        }
        ((struct dp_action_userspace *)bytebuf_at(b, at))->pid = (uint32_t)pid;
    }
    bytebuf_fini(&userdata);
    return !c->error;
}

/* A number with an optional mask; both shifted into VALUE and MASK. */
static bool parse_bits(struct text_cursor *c, uint32_t max, int shift, uint32_t *value, uint32_t *mask)
{
    uint64_t v, m = max;
    if (!text_number(c, max, &v) || (text_eat(c, "/") && !text_number(c, UINT32_MAX, &m))) {
        return false;
    }
    *value |= (uint32_t)v << shift;
    *mask |= (uint32_t)(m & max) << shift;
    return true;
}

static bool parse_set_mpls(struct text_cursor *c, struct bytebuf *b)
{
    uint32_t value = 0, mask = 0;
    do {
        bool ok = text_eat(c, "label=") ? parse_bits(c, 0xfffff, MPLS_LABEL_SHIFT, &value, &mask)
                  : text_eat(c, "tc=")  ? parse_bits(c, 7, MPLS_TC_SHIFT, &value, &mask)
                  : text_eat(c, "ttl=") ? parse_bits(c, UINT8_MAX, MPLS_TTL_SHIFT, &value, &mask)
                  : text_eat(c, "bos=") ? parse_bits(c, 1, MPLS_BOS_SHIFT, &value, &mask)
                                        : text_fail(c, "label=, tc=, ttl= or bos= is expected");
        if (!ok) {
            return false;
        }
    } while (text_more(c));
    struct dp_set_mpls v = {CONST_BE32(value)}, m = {CONST_BE32(mask)};
    if (!c->error) {
        dp_actions_put_set(b, DP_SET_MPLS, &v, &m);
    }
    return !c->error;
}

static bool parse_set_nsh(struct text_cursor *c, struct bytebuf *b)
{
    static const struct {
        const char *name;
        uint8_t ofs;
    } bytes[] = {{"flags=", offsetof(struct dp_set_nsh, flags)},
                 {"ttl=", offsetof(struct dp_set_nsh, ttl)},
                 {"mdtype=", offsetof(struct dp_set_nsh, mdtype)},
                 {"np=", offsetof(struct dp_set_nsh, np)}};
    struct dp_set_nsh v, m;
    uint32_t path = 0, path_mask = 0, context[4] = {0}, context_mask[4] = {0};
    memset(&v, 0, sizeof v);
    memset(&m, 0, sizeof m);
    do {
        size_t i = 0;
        for (i = 0; i < ARRAY_SIZE(bytes) && !text_eat(c, bytes[i].name); i++) {
        }
        if (i < ARRAY_SIZE(bytes)) {
            text_value(c, TEXT_U8, (uint8_t *)&v + bytes[i].ofs, (uint8_t *)&m + bytes[i].ofs);
        } else if (text_eat(c, "spi=")) {
            parse_bits(c, 0xffffff, 8, &path, &path_mask);
        } else if (text_eat(c, "si=")) {
            parse_bits(c, UINT8_MAX, 0, &path, &path_mask);
        } else if (c->p[0] == 'c' && c->p[1] >= '1' && c->p[1] <= '4' && c->p[2] == '=') {
            i = (size_t)(c->p[1] - '1');
            c->p += 3;
            parse_bits(c, UINT32_MAX, 0, &context[i], &context_mask[i]);
        } else {
            text_fail(c, "an NSH field is expected");
        }
    } while (!c->error && text_more(c));
    v.path_hdr = CONST_BE32(path);
    m.path_hdr = CONST_BE32(path_mask);
    for (int i = 0; i < 4; i++) {
        v.context[i] = CONST_BE32(context[i]);
        m.context[i] = CONST_BE32(context_mask[i]);
    }
    if (!c->error) {
        dp_actions_put_set(b, DP_SET_NSH, &v, &m);
    }
    return !c->error;
}

/* What stands in GROUP(...), the table's fields in any order. */
static bool parse_group(struct text_cursor *c, enum dp_set_group group, struct bytebuf *b)
{
    uint64_t value[8] = {0}, mask[8] = {0};
    _Static_assert(sizeof value >= sizeof(struct dp_set_ipv6), "room for each group");
    do {
        const struct text_field *f = NULL;
        for (size_t i = 0; i < n_text_fields && !f; i++) {
            const char *start = c->p;
            if (text_fields[i].group == group &&
                (!text_fields[i].name || (text_eat(c, text_fields[i].name) && text_eat(c, "=")))) {
                f = &text_fields[i];
            } else {
                c->p = start;
            }
        }
        if (!f) {
            return text_fail(c, "a field of %s is expected", text_group_names[group]);
        }
        if (!text_value(c, f->kind, (uint8_t *)value + f->ofs, (uint8_t *)mask + f->ofs)) {
            return false;
        }
    } while (text_more(c));
    if (!c->error) {
        dp_actions_put_set(b, group, value, mask);
    }
    return !c->error;
}

static bool parse_set(struct text_cursor *c, struct bytebuf *b)
{
    for (int g = 0; g < DP_N_SET_GROUPS; g++) {
        const char *start = c->p;
        if (text_eat(c, text_group_names[g]) && text_eat(c, "(")) {
            bool ok = g == DP_SET_TUNNEL ? text_tunnel(c, b)
                      : g == DP_SET_MPLS ? parse_set_mpls(c, b)
                      : g == DP_SET_NSH  ? parse_set_nsh(c, b)
                                         : parse_group(c, g, b);
            return ok && text_expect(c, ")");
        }
        c->p = start;
    }
    return text_fail(c, "a group of fields that can be set is expected");
}

static bool parse_push_vlan(struct text_cursor *c, struct bytebuf *b)
{
    uint64_t tpid = ETH_TYPE_VLAN, vid, pcp, cfi = 1;
    if ((text_eat(c, "tpid=") && (!text_number(c, UINT16_MAX, &tpid) || !text_expect(c, ","))) ||
        !text_named(c, "vid=", VLAN_VID_MASK, &vid) || !text_named(c, ",pcp=", 7, &pcp) ||
        (text_eat(c, ",cfi=") && !text_number(c, 1, &cfi)) || !text_expect(c, ")")) {
        return false;
    }
    dp_actions_put_push_vlan(b, CONST_BE16(tpid),
                             CONST_BE16(vid | pcp << VLAN_PCP_SHIFT | (cfi ? VLAN_CFI : 0)));
    return true;
}

static bool parse_lse(struct text_cursor *c, be32 *lse, uint64_t *ethertype)
{
    uint64_t label, tc, ttl, bos;
    if (!text_named(c, "label=", 0xfffff, &label) || !text_named(c, ",tc=", 7, &tc) ||
        !text_named(c, ",ttl=", UINT8_MAX, &ttl) || !text_named(c, ",bos=", 1, &bos) ||
        !text_named(c, ",eth_type=", UINT16_MAX, ethertype) || !text_expect(c, ")")) {
        return false;
    }
    *lse = mpls_lse_make((uint32_t)label, (uint8_t)tc, (uint8_t)bos, (uint8_t)ttl);
    return true;
}

static bool parse_push_mpls(struct text_cursor *c, struct bytebuf *b)
{
    be32 lse;
    uint64_t type;
    bool ok = parse_lse(c, &lse, &type);
    if (ok) {
        dp_actions_put_push_mpls(b, lse, CONST_BE16(type));
    }
    return ok;
}

static bool parse_add_mpls(struct text_cursor *c, struct bytebuf *b)
{
    be32 lse;
    uint64_t type;
    bool ok = parse_lse(c, &lse, &type);
    if (ok) {
        dp_actions_put_add_mpls(b, lse, CONST_BE16(type), true);
    }
    return ok;
}

static bool parse_pop_mpls(struct text_cursor *c, struct bytebuf *b)
{
    uint64_t type;
    bool ok = text_named(c, "eth_type=", UINT16_MAX, &type) && text_expect(c, ")");
    if (ok) {
        dp_actions_put_pop_mpls(b, CONST_BE16(type));
    }
    return ok;
}

static bool parse_push_eth(struct text_cursor *c, struct bytebuf *b)
{
    struct eth_addr src, dst;
    bool ok = text_expect(c, "src=") && text_eth(c, &src) && text_expect(c, ",dst=") && text_eth(c, &dst) &&
              text_expect(c, ")");
    if (ok) {
        dp_actions_put_push_eth(b, src, dst);
    }
    return ok;
}

static bool parse_push_nsh(struct text_cursor *c, struct bytebuf *b)
{
    uint64_t flags, ttl, mdtype, np, spi, si, v;
    uint8_t md[248];
    size_t n = 0;
    if (!text_named(c, "flags=", 3, &flags) || !text_named(c, ",ttl=", 63, &ttl) ||
        !text_named(c, ",mdtype=", 2, &mdtype) || !text_named(c, ",np=", UINT8_MAX, &np) ||
        !text_named(c, ",spi=", 0xffffff, &spi) || !text_named(c, ",si=", UINT8_MAX, &si)) {
        return false;
    }
    if (mdtype == 1) {
        static const char *const names[] = {",c1=", ",c2=", ",c3=", ",c4="};
        for (int i = 0; i < 4; i++) {
            if (!text_named(c, names[i], UINT32_MAX, &v)) {
                return false;
            }
            put_be32(md + 4 * i, CONST_BE32(v));
        }
        n = 16;
    } else if (mdtype == 2) {
        if (text_eat(c, ",md2=")) {
            const char *hex = c->p + (c->p[0] == '0' && (c->p[1] | 0x20) == 'x' ? 2 : 0);
            n = ROUND_UP(DIV_ROUND_UP(strspn(hex, "0123456789abcdefABCDEF"), 2u), 4u);
            if (n > sizeof md) {
                return text_fail(c, "metadata of at most %zu bytes is expected", sizeof md);
            }
            if (!text_hex(c, md, n)) {
                return false;
            }
        }
    } else {
        return text_fail(c, "mdtype 1 or 2 is expected");
    }
    struct dp_set_nsh nsh = {
        (uint8_t)flags, (uint8_t)ttl, (uint8_t)mdtype, (uint8_t)np, CONST_BE32(spi << 8 | si), {0}};
    if (!text_expect(c, ")")) {
        return false;
    }
    dp_actions_put_push_nsh(b, &nsh, md, n);
    return true;
}

/* A list in parentheses of the action that began at MARK, then CLOSE. */
static bool parse_nested(struct text_cursor *c, struct bytebuf *b, size_t mark, const char *close)
{
    if (!parse_list(c, b, ')') || !text_expect(c, close)) {
        return false;
    }
    return !dp_actions_end(b, mark) || text_fail(c, "fewer actions are expected: these take over 64 KiB");
}

static bool parse_sample(struct text_cursor *c, struct bytebuf *b)
{
    char *end;
    if (!text_expect(c, "sample=") || !isdigit((unsigned char)*c->p)) {
        return text_fail(c, "a percentage is expected");
    }
    double percent = strtod(c->p, &end);
    if (!(percent >= 0 && percent <= 100)) {
        return text_fail(c, "a percentage from 0 to 100 is expected");
    }
    c->p = end;
    return text_expect(c, "%,actions(") &&
           parse_nested(c, b, dp_actions_begin_sample(b, (uint32_t)(UINT32_MAX / 100.0 * percent + .5)),
                        "))");
}

static bool parse_clone(struct text_cursor *c, struct bytebuf *b)
{
    return parse_nested(c, b, dp_actions_begin_clone(b), ")");
}

static bool parse_dec_ttl(struct text_cursor *c, struct bytebuf *b)
{
    return text_expect(c, "le_1(") && parse_nested(c, b, dp_actions_begin_dec_ttl(b), "))");
}

static bool parse_check_pkt_len(struct text_cursor *c, struct bytebuf *b)
{
    uint64_t size;
    if (!text_named(c, "size=", UINT16_MAX, &size) || !text_expect(c, ",gt(")) {
        return false;
    }
    size_t mark = dp_actions_begin_check_pkt_len(b, (uint16_t)size);
    if (!parse_list(c, b, ')') || !text_expect(c, "),le(")) {
        return false;
    }
    dp_actions_else(b, mark);
    return parse_nested(c, b, mark, "))");
}

static bool parse_hash(struct text_cursor *c, struct bytebuf *b)
{
    uint64_t basis;
    bool symmetric = text_eat(c, "sym_l4(");
    if ((!symmetric && !text_expect(c, "l4(")) || !text_number(c, UINT32_MAX, &basis) ||
        !text_expect(c, "))")) {
        return false;
    }
    dp_actions_put_hash(b, symmetric ? DP_HASH_SYM_L4 : DP_HASH_L4, (uint32_t)basis);
    return true;
}

/* An address of nat(): IPv4, IPv6, or that in brackets. */
static bool parse_nat_addr(struct text_cursor *c, struct dp_action_ct *ct, struct ipv6_addr *addr)
{
    size_t v4 = strspn(c->p, "0123456789.");
    bool bracket = text_eat(c, "[");
    bool is_v4 = !bracket && memchr(c->p, '.', v4) && v4 >= 7;
    uint16_t family = is_v4 ? DP_CT_NAT_V4 : DP_CT_NAT_V6;
    if (ct->flags & (DP_CT_NAT_V4 | DP_CT_NAT_V6) & ~family) {
        return text_fail(c, "addresses of one kind are expected");
    }
    ct->flags |= family;
    return (is_v4 ? text_ipv4(c, addr) : text_ipv6(c, addr)) && (!bracket || text_expect(c, "]"));
}

static bool parse_nat_max(struct text_cursor *c, struct dp_action_ct *ct)
{
    if (!parse_nat_addr(c, ct, &ct->nat_max)) {
        return false;
    }
    return memcmp(&ct->nat_max, &ct->nat_min, sizeof ct->nat_max) >= 0 ||
           text_fail(c, "a range of addresses that grows is expected");
}

static bool parse_nat(struct text_cursor *c, struct dp_action_ct *ct)
{
    uint64_t v;
    ct->flags |= DP_CT_NAT;
    if (!text_eat(c, "(")) {
        return true;
    }
    do {
        bool src = text_eat(c, "src");
        if (src || text_eat(c, "dst")) {
            if (ct->flags & (DP_CT_NAT_SRC | DP_CT_NAT_DST)) {
                return text_fail(c, "one of src and dst is expected");
            }
            ct->flags |= src ? DP_CT_NAT_SRC : DP_CT_NAT_DST;
            if (!text_eat(c, "=")) {
                continue;
            }
            if (*c->p != ':' || c->p[1] == ':') {
                if (!parse_nat_addr(c, ct, &ct->nat_min) || (text_eat(c, "-") && !parse_nat_max(c, ct))) {
                    return false;
                }
            }
            if (text_eat(c, ":")) {
                if (!text_number(c, UINT16_MAX, &v)) {
                    return false;
                }
                ct->nat_port_min = ct->nat_port_max = (uint16_t)v;
                if (text_eat(c, "-")) {
                    if (!text_number(c, UINT16_MAX, &v)) {
                        return false;
                    }
                    ct->nat_port_max = (uint16_t)v;
                    if (ct->nat_port_max < ct->nat_port_min) {
                        return text_fail(c, "a range of ports that grows is expected");
                    }
                }
            }
        } else if (text_eat(c, "persistent")) {
            ct->flags |= DP_CT_PERSISTENT;
        } else if (text_eat(c, "hash")) {
            ct->flags |= DP_CT_HASH;
        } else if (text_eat(c, "random")) {
            ct->flags |= DP_CT_RANDOM;
        } else {
            return text_fail(c, "src, dst, persistent, hash or random is expected");
        }
    } while (text_more(c));
    return !c->error;
}

/* A name that ends at ',' or ')' and fits into SIZE bytes with its NUL. */
static bool parse_name(struct text_cursor *c, char *to, size_t size)
{
    size_t n = strcspn(c->p, ",) \t\r\n");
    if (!n || n >= size) {
        return text_fail(c, "a name of 1 to %zu characters is expected", size - 1);
    }
    memset(to, 0, size);
    memcpy(to, c->p, n);
    c->p += n;
    return true;
}

static bool parse_ct(struct text_cursor *c, struct bytebuf *b)
{
    struct dp_action_ct ct;
    uint64_t v;
    memset(&ct, 0, sizeof ct);
    while (!c->error && !text_eat(c, ")")) {
        if (text_eat(c, "commit")) {
            ct.flags |= DP_CT_COMMIT;
        } else if (text_eat(c, "force_commit")) {
            ct.flags |= DP_CT_COMMIT | DP_CT_FORCE;
        } else if (text_eat(c, "zone=")) {
            ct.zone = text_number(c, UINT16_MAX, &v) ? (uint16_t)v : 0;
        } else if (text_eat(c, "mark=")) {
            ct.flags |= DP_CT_MARK;
            ct.mark_mask = UINT32_MAX;
            if (text_hex32(c, &ct.mark) && text_eat(c, "/")) {
                text_hex32(c, &ct.mark_mask);
            }
        } else if (text_eat(c, "label=")) {
            ct.flags |= DP_CT_LABEL;
            memset(&ct.label_mask, 0xff, sizeof ct.label_mask);
            if (text_hex(c, ct.label.u8, sizeof ct.label) && text_eat(c, "/")) {
                text_hex(c, ct.label_mask.u8, sizeof ct.label_mask);
            }
        } else if (text_eat(c, "helper=")) {
            parse_name(c, ct.helper, sizeof ct.helper);
        } else if (text_eat(c, "timeout=")) {
            parse_name(c, ct.timeout, sizeof ct.timeout);
        } else if (text_eat(c, "nat")) {
            parse_nat(c, &ct);
        } else {
            text_fail(c, "commit, zone=, mark=, label=, helper=, timeout= or nat is expected");
        }
        if (!c->error && *c->p != ')') {
            text_expect(c, ",");
        }
    }
    if (!c->error) {
        dp_actions_put_ct(b, &ct);
    }
    return !c->error;
}

static bool parse_tnl_push(struct text_cursor *c, struct bytebuf *b)
{
    uint8_t header[MAX_HEADER];
    uint32_t tnl_port, out_port, type, len;
    bool ok = text_expect(c, "tnl_port(") && text_port(c, &tnl_port) && text_expect(c, "),") &&
              text_header(c, header, sizeof header, &len, &type) && text_expect(c, ",out_port(") &&
              text_port(c, &out_port) && text_expect(c, "))");
    if (ok) {
        dp_actions_put_tnl_push(b, tnl_port, out_port, type, header, len);
    }
    return ok;
}

static bool parse_tnl_pop(struct text_cursor *c, struct bytebuf *b)
{
    uint32_t port;
    bool ok = text_port(c, &port) && text_expect(c, ")");
    if (ok) {
        dp_actions_put_tnl_pop(b, port);
    }
    return ok;
}

/* The words. A word that begins another stands behind it. */
static const struct {
    const char *word;
    enum dp_action_type type;
    bool (*parse)(struct text_cursor *, struct bytebuf *); /* NULL: see what */
    enum {
        PLAIN,  /* the word is all */
        NUMBER, /* a number and ')' follow */
        OWN
    } what;
} words[] = {
    {"userspace(", DP_ACTION_USERSPACE, parse_userspace, OWN},
    {"set(", DP_ACTION_SET, parse_set, OWN},
    {"push_vlan(", DP_ACTION_PUSH_VLAN, parse_push_vlan, OWN},
    {"pop_vlan", DP_ACTION_POP_VLAN, NULL, PLAIN},
    {"push_mpls(", DP_ACTION_PUSH_MPLS, parse_push_mpls, OWN},
    {"pop_mpls(", DP_ACTION_POP_MPLS, parse_pop_mpls, OWN},
    {"add_mpls(", DP_ACTION_ADD_MPLS, parse_add_mpls, OWN},
    {"push_eth(", DP_ACTION_PUSH_ETH, parse_push_eth, OWN},
    {"pop_eth", DP_ACTION_POP_ETH, NULL, PLAIN},
    {"push_nsh(", DP_ACTION_PUSH_NSH, parse_push_nsh, OWN},
    {"pop_nsh()", DP_ACTION_POP_NSH, NULL, PLAIN},
    {"sample(", DP_ACTION_SAMPLE, parse_sample, OWN},
    {"clone(", DP_ACTION_CLONE, parse_clone, OWN},
    {"trunc(", DP_ACTION_TRUNC, NULL, NUMBER},
    {"hash(", DP_ACTION_HASH, parse_hash, OWN},
    {"recirc(", DP_ACTION_RECIRC, NULL, NUMBER},
    {"ct_clear", DP_ACTION_CT_CLEAR, NULL, PLAIN},
    {"ct(", DP_ACTION_CT, parse_ct, OWN},
    {"ct", DP_ACTION_CT, NULL, PLAIN},
    {"meter(", DP_ACTION_METER, NULL, NUMBER},
    {"check_pkt_len(", DP_ACTION_CHECK_PKT_LEN, parse_check_pkt_len, OWN},
    {"dec_ttl(", DP_ACTION_DEC_TTL, parse_dec_ttl, OWN},
    {"copy_ttl_in", DP_ACTION_COPY_TTL_IN, NULL, PLAIN},
    {"copy_ttl_out", DP_ACTION_COPY_TTL_OUT, NULL, PLAIN},
    {"tnl_push(", DP_ACTION_TNL_PUSH, parse_tnl_push, OWN},
    {"tnl_pop(", DP_ACTION_TNL_POP, parse_tnl_pop, OWN},
    {"lb_output(", DP_ACTION_LB_OUTPUT, NULL, NUMBER},
};

/* Does a word end here? (`ct` is not how the port ct0 begins.) */
static bool word_ends(const char *p)
{
    return !*p || strchr(",) \t\r\n", *p);
}

static bool parse_action(struct text_cursor *c, struct bytebuf *b)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *start = c->p;
        uint64_t v;
        if (!text_eat(c, words[i].word)) {
            continue;
        }
        if (words[i].what == OWN) {
            return words[i].parse(c, b);
        }
        if (words[i].what == NUMBER) {
            if (!text_number(c, UINT32_MAX, &v) || !text_expect(c, ")")) {
                return false;
            }
            dp_actions_put_u32(b, words[i].type, (uint32_t)v);
            return true;
        }
        if (word_ends(c->p)) {
            static const struct dp_action_ct ct;
            if (words[i].type == DP_ACTION_CT) {
                dp_actions_put_ct(b, &ct);
            } else {
                dp_actions_put_plain(b, words[i].type);
            }
            return true;
        }
        c->p = start;
    }
    uint32_t port;
    bool ok = text_port(c, &port);
    if (ok) {
        dp_actions_put_output(b, port);
    }
    return ok;
}

static void skip_separators(struct text_cursor *c)
{
    c->p += strspn(c->p, ", \t\r\n");
}

/* Actions up to, and without, the character UNTIL. "drop" alone is the empty list. */
static bool parse_list(struct text_cursor *c, struct bytebuf *b, char until)
{
    if (++c->depth > DP_ACTION_MAX_NESTING) {
        return text_fail(c, "lists nested at most %d deep are expected", DP_ACTION_MAX_NESTING);
    }
    skip_separators(c);
    const char *start = c->p;
    if (text_eat(c, "drop")) {
        skip_separators(c);
        if (*c->p != until) {
            c->p = start;
        }
    }
    while (!c->error && *c->p && *c->p != until) {
        if (!parse_action(c, b)) {
            break;
        }
        if (*c->p && *c->p != until && !strchr(", \t\r\n", *c->p)) {
            text_fail(c, "\",\" is expected");
        }
        skip_separators(c);
    }
    c->depth--;
    return !c->error;
}

char *dp_actions_parse(const char *text, const struct port_names *ports, struct bytebuf *actions)
{
    struct text_cursor c = {.start = text, .p = text, .ports = ports};
    size_t len = actions->len;
    parse_list(&c, actions, '\0');
    if (c.error) {
        bytebuf_truncate(actions, len);
    }
    return c.error;
}
