/* SPDX-License-Identifier: Apache-2.0 */
/* Which function rewrites what; metadata. */
#include "action/rewrite.h"

#include <string.h>

#include "action/rewrite_private.h"
#include "wire/eth.h"

static enum drop_reason set_priority(struct packet *p, const void *value, const void *mask)
{
    p->priority = MASKED(p->priority, *(const uint32_t *)value, *(const uint32_t *)mask);
    return DROP_NONE;
}

static enum drop_reason set_mark(struct packet *p, const void *value, const void *mask)
{
    p->mark = MASKED(p->mark, *(const uint32_t *)value, *(const uint32_t *)mask);
    return DROP_NONE;
}

static enum drop_reason set_tunnel(struct packet *p, const struct dp_tunnel *t)
{
    struct packet_tunnel tunnel;
    memcpy(tunnel.block, t, sizeof tunnel.block);
    tunnel.erspan_idx = t->erspan_idx;
    tunnel.opts_len = t->opts_len;
    memcpy(tunnel.opts, t->opts, t->opts_len);
    return packet_set_tunnel(p, &tunnel) ? DROP_NO_MEMORY : DROP_NONE;
}

static enum drop_reason (*const setters[DP_N_SET_GROUPS])(struct packet *, const void *, const void *) = {
    [DP_SET_PRIORITY] = set_priority,     [DP_SET_MARK] = set_mark,
    [DP_SET_ETH] = rewrite_set_eth,       [DP_SET_IPV4] = rewrite_set_ipv4,
    [DP_SET_IPV6] = rewrite_set_ipv6,     [DP_SET_TCP] = rewrite_set_tcp,
    [DP_SET_UDP] = rewrite_set_udp,       [DP_SET_SCTP] = rewrite_set_sctp,
    [DP_SET_ICMP] = rewrite_set_icmp,     [DP_SET_ICMPV6] = rewrite_set_icmpv6,
    [DP_SET_ARP] = rewrite_set_arp,       [DP_SET_ND] = rewrite_set_nd,
    [DP_SET_ND_EXT] = rewrite_set_nd_ext, [DP_SET_MPLS] = rewrite_set_mpls,
    [DP_SET_NSH] = rewrite_set_nsh,       [DP_SET_TUNNEL] = NULL, /* has no mask: set_tunnel() */
};

static enum drop_reason set(struct packet *p, const struct dp_action *a)
{
    enum dp_set_group group = DP_ACTION_AS(dp_action_set, a)->group;
    if (unlikely(group == DP_SET_TUNNEL)) {
        return set_tunnel(p, dp_action_set_tunnel(a));
    }
    return setters[group](p, dp_action_set_value(a), dp_action_set_mask(a));
}

/* An Ethernet header is always left, as in the reference. */
static enum drop_reason trunc_(struct packet *p, const struct dp_action *a)
{
    uint32_t max_len = MAX(dp_action_value(a), ETH_HEADER_LEN);
    p->cutlen = p->len > max_len ? p->len - max_len : 0;
    return DROP_NONE;
}

static enum drop_reason ct_clear(struct packet *p, const struct dp_action *a)
{
    p->ct_state = 0;
    p->ct_zone = 0;
    p->ct_mark = 0;
    memset(&p->ct_label, 0, sizeof p->ct_label);
    p->flags &= (uint8_t)~PACKET_F_CT_ORIG;
    return DROP_NONE;
}

static enum drop_reason (*const rewriters[DP_N_ACTIONS])(struct packet *, const struct dp_action *) = {
    [DP_ACTION_SET] = set,
    [DP_ACTION_PUSH_VLAN] = rewrite_push_vlan,
    [DP_ACTION_POP_VLAN] = rewrite_pop_vlan,
    [DP_ACTION_PUSH_MPLS] = rewrite_push_mpls,
    [DP_ACTION_POP_MPLS] = rewrite_pop_mpls,
    [DP_ACTION_ADD_MPLS] = rewrite_add_mpls,
    [DP_ACTION_PUSH_ETH] = rewrite_push_eth,
    [DP_ACTION_POP_ETH] = rewrite_pop_eth,
    [DP_ACTION_PUSH_NSH] = rewrite_push_nsh,
    [DP_ACTION_POP_NSH] = rewrite_pop_nsh,
    [DP_ACTION_TRUNC] = trunc_,
    [DP_ACTION_CT_CLEAR] = ct_clear,
    [DP_ACTION_COPY_TTL_IN] = rewrite_copy_ttl_in,
    [DP_ACTION_COPY_TTL_OUT] = rewrite_copy_ttl_out,
};

bool rewrite_handles(uint16_t type)
{
    return type < DP_N_ACTIONS && rewriters[type];
}

enum drop_reason rewrite_packet(struct packet *p, const struct dp_action *a)
{
    return likely(rewrite_handles(a->type)) ? rewriters[a->type](p, a) : DROP_ACTION_INVALID;
}
