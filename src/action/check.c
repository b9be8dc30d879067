/* SPDX-License-Identifier: Apache-2.0 */
/* Is an action list what action.h says? First its shape, so that it can be read at all; then, against a key,
 * whether each action fits the packets that it will be run on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "base/alloc.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tunnel.h"

#define TNL_PUSH_MAX_HEADER 512

static const struct {
    uint16_t size;
    uint8_t tail; /* enum dp_action_tail */
} shapes[DP_N_ACTIONS] = {
#define X(NAME, STRUCT, TEXT, TAIL) [DP_ACTION_##NAME] = {sizeof(STRUCT), DP_TAIL_##TAIL},
    DP_ACTIONS(X)
#undef X
};

/* Says that A is wrong, because of WHY. */
static int refuse(const struct dp_action *a, int error, const char *why, char **errorp)
{
    if (errorp) {
        *errorp = xasprintf("%s: %s", dp_action_type_name(a->type), why);
    }
    return error;
}

static bool is_padded(const struct dp_action *a, size_t len)
{
    return a->len == ROUND_UP(len, DP_ACTION_ALIGN);
}

static bool geneve_options_ok(const uint8_t *opts, size_t len)
{
    while (len) {
        if (len < GENEVE_OPTION_LEN) {
            return false;
        }
        size_t n = GENEVE_OPTION_LEN + (opts[3] & GENEVE_OPTION_LEN_MASK) * 4u;
        if (n > len) {
            return false;
        }
        opts += n;
        len -= n;
    }
    return true;
}

static const char *check_set(const struct dp_action *a)
{
    const struct dp_action_set *s = DP_ACTION_AS(dp_action_set, a);
    if (s->group >= DP_N_SET_GROUPS) {
        return "unknown group of fields";
    }
    if (s->group != DP_SET_TUNNEL) {
        bool ok = s->size == dp_set_group_sizes[s->group] && is_padded(a, sizeof *s + 2u * s->size);
        return ok ? NULL : "value and mask do not have the group's size";
    }
    if (s->size || a->len < sizeof *s + sizeof(struct dp_tunnel)) {
        return "tunnel is too short";
    }
    const struct dp_tunnel *t = dp_action_set_tunnel(a);
    if (!is_padded(a, sizeof *s + sizeof *t + t->opts_len) || t->opts_len > FLOW_TUN_OPTS_MAX) {
        return "tunnel options do not have the length they say";
    }
    return geneve_options_ok(t->opts, t->opts_len) ? NULL : "a tunnel option is longer than the rest";
}

static const char *check_ct(const struct dp_action *a)
{
    const struct dp_action_ct *ct = DP_ACTION_AS(dp_action_ct, a);
    if (!memchr(ct->helper, 0, sizeof ct->helper) || !memchr(ct->timeout, 0, sizeof ct->timeout)) {
        return "a name has no end";
    }
    if ((ct->flags & DP_CT_NAT_SRC) && (ct->flags & DP_CT_NAT_DST)) {
        return "nat says both src and dst";
    }
    if ((ct->flags & DP_CT_NAT_V4) && (ct->flags & DP_CT_NAT_V6)) {
        return "nat has addresses of both kinds";
    }
    return NULL;
}

static const char *check_push_nsh(const struct dp_action *a)
{
    const struct dp_action_push_nsh *n = DP_ACTION_AS(dp_action_push_nsh, a);
    if (!is_padded(a, sizeof *n + n->md_len)) {
        return "metadata does not have the length it says";
    }
    if (n->md_len % 4 || n->md_len > 248 || (n->mdtype == 1 && n->md_len != 16)) {
        return "metadata has an impossible length";
    }
    return n->mdtype == 1 || n->mdtype == 2 ? NULL : "mdtype is neither 1 nor 2";
}

/* What is wrong with the inside of an action whose length is possible, or NULL. */
static const char *check_body(const struct dp_action *a)
{
    switch ((enum dp_action_type)a->type) {
    case DP_ACTION_USERSPACE: {
        const struct dp_action_userspace *u = DP_ACTION_AS(dp_action_userspace, a);
        return is_padded(a, sizeof *u + u->userdata_len) ? NULL : "userdata does not have the length it says";
    }
    case DP_ACTION_SET:
        return check_set(a);
    case DP_ACTION_PUSH_NSH:
        return check_push_nsh(a);
    case DP_ACTION_TNL_PUSH: {
        const struct dp_action_tnl_push *t = DP_ACTION_AS(dp_action_tnl_push, a);
        if (t->header_len > TNL_PUSH_MAX_HEADER) {
            return "the header is longer than 512 bytes";
        }
        return is_padded(a, sizeof *t + t->header_len) ? NULL : "the header does not have the length it says";
    }
    case DP_ACTION_CT:
        return check_ct(a);
    case DP_ACTION_HASH:
        return DP_ACTION_AS(dp_action_hash, a)->alg <= DP_HASH_SYM_L4 ? NULL : "unknown hash algorithm";
    case DP_ACTION_CHECK_PKT_LEN: {
        const struct dp_action_check_pkt_len *c = DP_ACTION_AS(dp_action_check_pkt_len, a);
        bool ok = !(c->gt_len % DP_ACTION_ALIGN) && sizeof *c + c->gt_len + c->le_len == a->len;
        return ok ? NULL : "its lists do not fill it";
    }
    default:
        return NULL;
    }
}

static int check_list(const void *list, size_t len, int depth, char **errorp)
{
    const uint8_t *p = list;
    for (size_t ofs = 0; ofs < len;) {
        const struct dp_action *a = (const struct dp_action *)(const void *)(p + ofs);
        if (len - ofs < DP_ACTION_ALIGN || a->len < DP_ACTION_ALIGN || a->len % DP_ACTION_ALIGN ||
            a->len > len - ofs) {
            if (errorp) {
                *errorp = xasprintf("the action at byte %zu of %zu has an impossible length", ofs, len);
            }
            return EINVAL;
        }
        if (a->type >= DP_N_ACTIONS) {
            return refuse(a, EINVAL, "unknown action", errorp);
        }
        if (a->len < shapes[a->type].size ||
            (shapes[a->type].tail == DP_TAIL_FIXED && a->len != shapes[a->type].size)) {
            return refuse(a, EINVAL, "wrong length", errorp);
        }
        const char *why = check_body(a);
        if (why) {
            return refuse(a, EINVAL, why, errorp);
        }
        int error = 0;
        if (shapes[a->type].tail >= DP_TAIL_LIST && depth >= DP_ACTION_MAX_NESTING) {
            return refuse(a, ELOOP, "nested too deep", errorp);
        }
        const struct dp_action *inner;
        size_t n;
        if (shapes[a->type].tail == DP_TAIL_LIST) {
            inner = dp_action_nested(a, &n);
            error = check_list(inner, n, depth + 1, errorp);
        } else if (shapes[a->type].tail == DP_TAIL_TWO_LISTS) {
            inner = dp_action_if_greater(a, &n);
            error = check_list(inner, n, depth + 1, errorp);
            if (!error) {
                inner = dp_action_if_less_equal(a, &n);
                error = check_list(inner, n, depth + 1, errorp);
            }
        }
        if (error) {
            return error;
        }
        ofs += a->len;
    }
    return 0;
}

int dp_actions_check(const void *list, size_t len, char **errorp)
{
    if (errorp) {
        *errorp = NULL;
    }
    if (len % DP_ACTION_ALIGN || (uintptr_t)list % DP_ACTION_ALIGN) {
        if (errorp) {
            *errorp = xasprintf("an action list of %zu bytes is not aligned", len);
        }
        return EINVAL;
    }
    return check_list(list, len, 0, errorp);
}

/* What packets look like at this point of the list. */
struct shape {
    bool ethernet;
    bool l4; /* proto and what is behind are as the key says */
    int n_vlans;
    int n_mpls;
    be16 dl_type;
    uint8_t proto;
    uint8_t icmp_type;
};

static bool is_ip(const struct shape *s)
{
    return s->dl_type == CONST_BE16(ETH_TYPE_IPV4) || s->dl_type == CONST_BE16(ETH_TYPE_IPV6);
}

static const char *fit_set(const struct dp_action *a, const struct shape *s)
{
    bool l4 = is_ip(s) && s->l4;
    bool nd = l4 && s->proto == IP_PROTO_ICMPV6 &&
              (s->icmp_type == ND_NEIGHBOR_SOLICIT || s->icmp_type == ND_NEIGHBOR_ADVERT);
    bool fits = true;
    switch ((enum dp_set_group)DP_ACTION_AS(dp_action_set, a)->group) {
    case DP_SET_PRIORITY:
    case DP_SET_MARK:
    case DP_SET_TUNNEL:
    case DP_N_SET_GROUPS:
        break;
    case DP_SET_ETH:
        fits = s->ethernet;
        break;
    case DP_SET_IPV4:
        fits = s->dl_type == CONST_BE16(ETH_TYPE_IPV4);
        break;
    case DP_SET_IPV6:
        fits = s->dl_type == CONST_BE16(ETH_TYPE_IPV6);
        break;
    case DP_SET_TCP:
        fits = l4 && s->proto == IP_PROTO_TCP;
        break;
    case DP_SET_UDP:
        fits = l4 && s->proto == IP_PROTO_UDP;
        break;
    case DP_SET_SCTP:
        fits = l4 && s->proto == IP_PROTO_SCTP;
        break;
    case DP_SET_ICMP:
        fits = l4 && s->proto == IP_PROTO_ICMP && s->dl_type == CONST_BE16(ETH_TYPE_IPV4);
        break;
    case DP_SET_ICMPV6:
        fits = l4 && s->proto == IP_PROTO_ICMPV6 && s->dl_type == CONST_BE16(ETH_TYPE_IPV6);
        break;
    case DP_SET_ARP:
        fits = s->dl_type == CONST_BE16(ETH_TYPE_ARP) || s->dl_type == CONST_BE16(ETH_TYPE_RARP);
        break;
    case DP_SET_ND:
    case DP_SET_ND_EXT:
        fits = nd;
        break;
    case DP_SET_MPLS:
        fits = eth_type_is_mpls(s->dl_type);
        break;
    case DP_SET_NSH:
        fits = s->dl_type == CONST_BE16(ETH_TYPE_NSH);
        break;
    }
    return fits ? NULL : "sets fields of a header that the flow's packets do not have";
}

/* Does A fit packets of shape S, which it then changes? */
static const char *fit(const struct dp_action *a, struct shape *s)
{
    be16 type;
    switch ((enum dp_action_type)a->type) {
    case DP_ACTION_SET:
        return fit_set(a, s);
    case DP_ACTION_PUSH_VLAN:
        if (!s->ethernet) {
            return "the flow's packets have no Ethernet header";
        }
        if (!eth_type_is_vlan(DP_ACTION_AS(dp_action_push_vlan, a)->tpid)) {
            return "the TPID is neither 0x8100 nor 0x88a8";
        }
        s->n_vlans++;
        return NULL;
    case DP_ACTION_POP_VLAN:
        s->n_vlans -= s->n_vlans > 0;
        return s->ethernet ? NULL : "the flow's packets have no Ethernet header";
    case DP_ACTION_PUSH_MPLS:
    case DP_ACTION_ADD_MPLS:
        type = DP_ACTION_AS(dp_action_mpls, a)->ethertype;
        if (!eth_type_is_mpls(type)) {
            return "the Ethertype is not one of MPLS";
        }
        s->dl_type = type;
        s->n_mpls++;
        return NULL;
    case DP_ACTION_POP_MPLS:
        if (!eth_type_is_mpls(s->dl_type)) {
            return "the flow's packets have no MPLS label";
        }
        s->dl_type = DP_ACTION_AS(dp_action_mpls, a)->ethertype;
        s->n_mpls--;
        s->l4 = s->l4 && s->n_mpls >= 0;
        return NULL;
    case DP_ACTION_PUSH_ETH:
        if (s->ethernet) {
            return "the flow's packets have an Ethernet header already";
        }
        s->ethernet = true;
        return NULL;
    case DP_ACTION_POP_ETH:
        if (!s->ethernet || s->n_vlans) {
            return s->ethernet ? "the flow's packets have a VLAN tag"
                               : "the flow's packets have no Ethernet header";
        }
        s->ethernet = false;
        return NULL;
    case DP_ACTION_PUSH_NSH:
        s->dl_type = CONST_BE16(ETH_TYPE_NSH);
        s->ethernet = false;
        s->l4 = false;
        return NULL;
    case DP_ACTION_POP_NSH:
        if (s->dl_type != CONST_BE16(ETH_TYPE_NSH)) {
            return "the flow's packets have no NSH header";
        }
        s->dl_type = 0;
        s->l4 = false;
        return NULL;
    case DP_ACTION_DEC_TTL:
        return is_ip(s) ? NULL : "the flow's packets have no IP header";
    case DP_ACTION_COPY_TTL_IN:
    case DP_ACTION_COPY_TTL_OUT:
        return is_ip(s) || eth_type_is_mpls(s->dl_type) ? NULL
                                                        : "the flow's packets have no header with a TTL";
    default:
        return NULL;
    }
}

static int fit_list(const void *list, size_t len, struct shape shape, char **errorp)
{
    const struct dp_action *a, *inner;
    size_t n;
    DP_ACTION_FOR_EACH (a, list, len) {
        const char *why = fit(a, &shape);
        if (why) {
            return refuse(a, EINVAL, why, errorp);
        }
        int error = 0;
        if (shapes[a->type].tail == DP_TAIL_LIST) {
            inner = dp_action_nested(a, &n);
            error = fit_list(inner, n, shape, errorp);
        } else if (shapes[a->type].tail == DP_TAIL_TWO_LISTS) {
            inner = dp_action_if_greater(a, &n);
            error = fit_list(inner, n, shape, errorp);
            if (!error) {
                inner = dp_action_if_less_equal(a, &n);
                error = fit_list(inner, n, shape, errorp);
            }
        }
        if (error) {
            return error;
        }
    }
    return 0;
}

int dp_actions_check_key(const void *list, size_t len, const struct flow_key *key, char **errorp)
{
    int error = dp_actions_check(list, len, errorp);
    if (error) {
        return error;
    }
    struct shape shape = {
        .ethernet = key->packet_type == FLOW_PT_ETH,
        .l4 = !(key->nw_frag & FLOW_NW_FRAG_LATER),
        .dl_type = key->dl_type,
        .proto = key->nw_proto,
        .icmp_type = (uint8_t)CONST_BE16(key->tp_src),
    };
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        shape.n_vlans += (key->vlans[i].tci & FLOW_VLAN_PRESENT) != 0;
    }
    return fit_list(list, len, shape, errorp);
}
