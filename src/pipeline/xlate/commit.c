/* SPDX-License-Identifier: Apache-2.0 */
/* Lazy changes: OpenFlow actions change the key alone. Before a packet leaves (output, a clone, a
 * controller's copy), whatever differs between the key and the packet as the datapath has it becomes datapath
 * actions, in the reference's order and form. */
#include "pipeline/xlate/ctx.h"

#include <string.h>

#include "wire/eth.h"

/* A member of the key and its place in the structure of a `set` action. */
struct commit_member {
    uint16_t key, set;
    uint8_t size;
};
#define MEMBER(KEY, STRUCT, SET)                                                                             \
    {                                                                                                        \
        offsetof(struct flow_key, KEY), offsetof(struct STRUCT, SET), sizeof(((struct flow_key *)0)->KEY)    \
    }

static const struct commit_member eth_members[] = {
    MEMBER(dl_src, dp_set_eth, src),
    MEMBER(dl_dst, dp_set_eth, dst),
};
static const struct commit_member ipv4_members[] = {
    MEMBER(nw_src, dp_set_ipv4, src),
    MEMBER(nw_dst, dp_set_ipv4, dst),
    MEMBER(nw_tos, dp_set_ipv4, tos),
    MEMBER(nw_ttl, dp_set_ipv4, ttl),
};
static const struct commit_member ipv6_members[] = {
    MEMBER(ipv6_src, dp_set_ipv6, src),     MEMBER(ipv6_dst, dp_set_ipv6, dst),
    MEMBER(ipv6_label, dp_set_ipv6, label), MEMBER(nw_tos, dp_set_ipv6, tclass),
    MEMBER(nw_ttl, dp_set_ipv6, hlimit),
};
static const struct commit_member arp_members[] = {
    MEMBER(nw_src, dp_set_arp, sip),
    MEMBER(nw_dst, dp_set_arp, tip),
    MEMBER(arp_sha, dp_set_arp, sha),
    MEMBER(arp_tha, dp_set_arp, tha),
};
static const struct commit_member nd_members[] = {
    MEMBER(nd_target, dp_set_nd, target),
    MEMBER(arp_sha, dp_set_nd, sll),
    MEMBER(arp_tha, dp_set_nd, tll),
};
static const struct commit_member ports_members[] = {
    MEMBER(tp_src, dp_set_ports, src),
    MEMBER(tp_dst, dp_set_ports, dst),
};
static const struct commit_member nsh_members[] = {
    MEMBER(nsh_flags, dp_set_nsh, flags),
    MEMBER(nsh_ttl, dp_set_nsh, ttl),
    MEMBER(nsh_path_hdr, dp_set_nsh, path_hdr),
    MEMBER(nsh_context, dp_set_nsh, context),
};
static const struct commit_member priority_members[] = {
    MEMBER(skb_priority, dp_set_u32, value),
};
static const struct commit_member mark_members[] = {
    MEMBER(pkt_mark, dp_set_u32, value),
};

union set_struct {
    uint8_t bytes[64];
    struct dp_set_arp arp;
    struct dp_set_icmp icmp;
    struct dp_set_nd_ext nd_ext;
    struct dp_set_nsh nsh;
    struct dp_set_ipv6 ipv6;
};

/* Whether the members differ; collects new values and masks. What differs is matched on already, bit by bit
 * as it was set; the mask of the action is that. */
static bool diff_members(struct xlate_ctx *ctx, const struct commit_member *m, size_t n,
                         union set_struct *value, union set_struct *mask)
{
    char *flow = (char *)ctx->flow, *base = (char *)&ctx->base_flow;
    const char *wc = (const char *)&ctx->wc->bits;
    bool differs = false;
    for (size_t i = 0; i < n; i++) {
        memcpy(value->bytes + m[i].set, flow + m[i].key, m[i].size);
        if (memcmp(flow + m[i].key, base + m[i].key, m[i].size)) {
            differs = true;
            memcpy(mask->bytes + m[i].set, wc + m[i].key, m[i].size);
            memcpy(base + m[i].key, flow + m[i].key, m[i].size);
        }
    }
    return differs;
}

/* NSH is set as a whole: also what was set before is set again. */
static void commit_nsh(struct xlate_ctx *ctx)
{
    union set_struct value = {.bytes = {0}}, mask = {.bytes = {0}};
    if (diff_members(ctx, nsh_members, ARRAY_SIZE(nsh_members), &value, &mask)) {
        for (size_t i = 0; i < ARRAY_SIZE(nsh_members); i++) {
            const struct commit_member *m = &nsh_members[i];
            memcpy(mask.bytes + m->set, (const char *)&ctx->wc->bits + m->key, m->size);
        }
        dp_actions_put_set(ctx->actions, DP_SET_NSH, &value, &mask);
    }
}

static bool commit_members(struct xlate_ctx *ctx, enum dp_set_group group, const struct commit_member *m,
                           size_t n)
{
    union set_struct value = {.bytes = {0}}, mask = {.bytes = {0}};
    if (!diff_members(ctx, m, n, &value, &mask)) {
        return false;
    }
    dp_actions_put_set(ctx->actions, group, &value, &mask);
    return true;
}
#define COMMIT(CTX, GROUP, MEMBERS) commit_members(CTX, GROUP, MEMBERS, ARRAY_SIZE(MEMBERS))

/* Ethernet and NSH headers that encap() and decap() put on or took off. */
static void commit_encap_decap(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    ctx->headers += ctx->pending_encap || ctx->pending_decap;
    if (ctx->pending_encap) {
        switch (flow->packet_type) {
        case FLOW_PT_ETH:
            dp_actions_put_push_eth(ctx->actions, flow->dl_src, flow->dl_dst);
            base->packet_type = flow->packet_type;
            base->dl_src = flow->dl_src;
            base->dl_dst = flow->dl_dst;
            break;
        case FLOW_PT(1, 0x894f): {
            struct dp_set_nsh nsh = {.flags = flow->nsh_flags,
                                     .ttl = flow->nsh_ttl,
                                     .mdtype = flow->nsh_mdtype,
                                     .np = flow->nsh_np,
                                     .path_hdr = flow->nsh_path_hdr};
            if (flow->nsh_mdtype == 1) {
                dp_actions_put_push_nsh(ctx->actions, &nsh, flow->nsh_context, sizeof flow->nsh_context);
            } else {
                dp_actions_put_push_nsh(ctx->actions, &nsh, ctx->encap_data.data, ctx->encap_data.len);
            }
            base->packet_type = flow->packet_type;
            base->dl_type = flow->dl_type;
            base->nsh_flags = flow->nsh_flags;
            base->nsh_ttl = flow->nsh_ttl;
            base->nsh_mdtype = flow->nsh_mdtype;
            base->nsh_np = flow->nsh_np;
            base->nsh_path_hdr = flow->nsh_path_hdr;
            memcpy(base->nsh_context, flow->nsh_context, sizeof base->nsh_context);
            break;
        }
        case FLOW_PT(1, 0x8847):
        case FLOW_PT(1, 0x8848):
            dp_actions_put_add_mpls(ctx->actions, flow->mpls_lse[0], flow->dl_type, false);
            base->packet_type = flow->packet_type;
            base->dl_type = flow->dl_type;
            memcpy(base->mpls_lse, flow->mpls_lse, sizeof base->mpls_lse);
            break;
        default:
            break;
        }
        bytebuf_clear(&ctx->encap_data);
    } else if (ctx->pending_decap) {
        if (base->packet_type == FLOW_PT_ETH) {
            dp_actions_put_plain(ctx->actions, DP_ACTION_POP_ETH);
        } else if (base->packet_type == FLOW_PT(1, 0x894f)) {
            dp_actions_put_plain(ctx->actions, DP_ACTION_POP_NSH);
        } else {
            dp_actions_put_pop_mpls(ctx->actions, flow->dl_type);
            memcpy(base->mpls_lse, flow->mpls_lse, sizeof base->mpls_lse);
        }
        base->packet_type = flow->packet_type;
        base->dl_src = flow->dl_src;
        base->dl_dst = flow->dl_dst;
        base->dl_type = flow->dl_type;
    }
    ctx->pending_encap = ctx->pending_decap = false;
}

/* A port of a tunnel of layer 3 takes packets without their Ethernet header, and brings such; OpenFlow sees
 * them with one. */
static void commit_layer(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    if (flow->packet_type == base->packet_type) {
        return;
    }
    if (flow->packet_type == FLOW_PT_ETH) {
        dp_actions_put_push_eth(ctx->actions, flow->dl_src, flow->dl_dst);
        base->dl_src = flow->dl_src;
        base->dl_dst = flow->dl_dst;
    } else if (base->packet_type == FLOW_PT_ETH) {
        dp_actions_put_plain(ctx->actions, DP_ACTION_POP_ETH);
    }
    base->packet_type = flow->packet_type;
}

static int count_labels(const struct flow_key *key)
{
    if (key->dl_type != CONST_BE16(ETH_TYPE_MPLS) && key->dl_type != CONST_BE16(ETH_TYPE_MPLS_MCAST)) {
        return 0;
    }
    int n = 0;
    for (int i = 0; i < FLOW_MAX_MPLS; i++) {
        n += key->mpls_lse[i] != 0;
        if (key->mpls_lse[i] & CONST_BE32(0x100)) {
            break;
        }
    }
    return n;
}

/* Labels in common at the bottom, less what has to be set anew. */
static int common_labels(const struct flow_key *a, int na, const struct flow_key *b, int nb)
{
    int n = 0;
    while (n < na && n < nb && a->mpls_lse[na - 1 - n] == b->mpls_lse[nb - 1 - n]) {
        n++;
    }
    return n;
}

/* An entry is set as a whole: what is not changed of it is this packet's own. (The reference gives it to the
 * next packet, too.) */
static void look_at_labels(struct xlate_ctx *ctx)
{
    int n = count_labels(&ctx->xin->original);
    for (int i = 0; i < n; i++) {
        flow_wc_set(&ctx->wc->bits, mpls_lse[i]);
    }
}

static void commit_mpls(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    int base_n = count_labels(base), flow_n = count_labels(flow);
    int common = common_labels(flow, flow_n, base, base_n);
    while (base_n > common) {
        if (base_n - 1 == common && flow_n > common) {
            /* The topmost of what remains only changes its value. */
            struct dp_set_mpls lse = {.lse = flow->mpls_lse[flow_n - base_n]};
            dp_actions_put_set(ctx->actions, DP_SET_MPLS, &lse, NULL);
            look_at_labels(ctx);
            base->mpls_lse[0] = lse.lse;
            common++;
        } else {
            /* In the middle of a stack the type stays MPLS; at its bottom it becomes what the flow has. */
            be16 type = base_n > 1 ? (flow_n ? flow->dl_type : base->dl_type) : flow->dl_type;
            dp_actions_put_pop_mpls(ctx->actions, type);
            memmove(base->mpls_lse, base->mpls_lse + 1, (FLOW_MAX_MPLS - 1) * sizeof base->mpls_lse[0]);
            base->mpls_lse[FLOW_MAX_MPLS - 1] = 0;
            base->dl_type = type;
            base_n--;
        }
    }
    while (flow_n > common) {
        be32 lse = flow->mpls_lse[flow_n - common - 1];
        dp_actions_put_push_mpls(ctx->actions, lse, flow->dl_type);
        memmove(base->mpls_lse + 1, base->mpls_lse, (FLOW_MAX_MPLS - 1) * sizeof base->mpls_lse[0]);
        base->mpls_lse[0] = lse;
        base->dl_type = flow->dl_type;
        common++;
    }
}

static unsigned commit_network(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    if (!flow->nw_proto) {
        return 0; /* no header there, as the reference decides */
    }
    switch (base->dl_type) {
    case CONST_BE16(ETH_TYPE_IPV4):
        COMMIT(ctx, DP_SET_IPV4, ipv4_members);
        break;
    case CONST_BE16(ETH_TYPE_IPV6):
        COMMIT(ctx, DP_SET_IPV6, ipv6_members);
        break;
    case CONST_BE16(ETH_TYPE_ARP): {
        union set_struct value = {.bytes = {0}}, mask = {.bytes = {0}};
        bool differs = diff_members(ctx, arp_members, ARRAY_SIZE(arp_members), &value, &mask);
        value.arp.op = htobe16(flow->nw_proto);
        if (flow->nw_proto != base->nw_proto) {
            mask.arp.op = 0xffff;
            base->nw_proto = flow->nw_proto;
            differs = true;
        }
        if (differs) {
            dp_actions_put_set(ctx->actions, DP_SET_ARP, &value, &mask);
            return DP_SLOW_ACTION;
        }
        break;
    }
    default:
        break;
    }
    return 0;
}

static unsigned commit_icmp(struct xlate_ctx *ctx, enum dp_set_group group)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    struct dp_set_icmp value = {.type = (uint8_t)be16toh(flow->tp_src),
                                .code = (uint8_t)be16toh(flow->tp_dst)};
    if (flow->tp_src == base->tp_src && flow->tp_dst == base->tp_dst) {
        return 0;
    }
    flow_wc_set(&ctx->wc->bits, tp_src);
    flow_wc_set(&ctx->wc->bits, tp_dst);
    dp_actions_put_set(ctx->actions, group, &value, NULL);
    base->tp_src = flow->tp_src;
    base->tp_dst = flow->tp_dst;
    return DP_SLOW_ACTION;
}

static unsigned commit_nd(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    unsigned slow = 0;
    if (COMMIT(ctx, DP_SET_ND, nd_members)) {
        slow = DP_SLOW_ACTION;
    }
    if (flow->igmp_group != base->igmp_group || flow->tcp_flags != base->tcp_flags) {
        struct dp_set_nd_ext value = {.reserved = flow->igmp_group,
                                      .options_type = (uint8_t)be16toh(flow->tcp_flags)};
        struct dp_set_nd_ext mask = {
            .reserved = flow->igmp_group != base->igmp_group ? ctx->wc->bits.igmp_group : 0,
            .options_type =
                flow->tcp_flags != base->tcp_flags ? (uint8_t)be16toh(ctx->wc->bits.tcp_flags) : 0};
        dp_actions_put_set(ctx->actions, DP_SET_ND_EXT, &value, &mask);
        base->igmp_group = flow->igmp_group;
        base->tcp_flags = flow->tcp_flags;
        slow = DP_SLOW_ACTION;
    }
    return slow;
}

static unsigned commit_transport(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    if (!flow_key_is_ip(base) || (base->nw_frag & FLOW_NW_FRAG_LATER)) {
        return 0;
    }
    bool v6 = base->dl_type == CONST_BE16(ETH_TYPE_IPV6);
    switch (flow->nw_proto) {
    case 6:
    case 17:
    case 132:
        COMMIT(ctx,
               flow->nw_proto == 6    ? DP_SET_TCP
               : flow->nw_proto == 17 ? DP_SET_UDP
                                      : DP_SET_SCTP,
               ports_members);
        return 0;
    case 1:
        return v6 ? 0 : commit_icmp(ctx, DP_SET_ICMP);
    case 58:
        if (v6) {
            unsigned slow = flow_key_is_nd(flow) ? commit_nd(ctx) : 0;
            return slow | commit_icmp(ctx, DP_SET_ICMPV6);
        }
        return 0;
    default:
        return 0;
    }
}

static int count_vlans(const struct flow_key *key)
{
    int n = 0;
    while (n < FLOW_MAX_VLANS && (key->vlans[n].tci & FLOW_VLAN_PRESENT)) {
        n++;
    }
    return n;
}

static void commit_vlans(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    int base_i = count_vlans(base) - 1, flow_i = count_vlans(flow) - 1;
    /* Tags from the innermost outward that stay as they are. */
    for (; base_i >= 0 && flow_i >= 0; base_i--, flow_i--) {
        if (memcmp(&base->vlans[base_i], &flow->vlans[flow_i], sizeof base->vlans[0])) {
            break;
        }
    }
    int n_tags = count_vlans(&ctx->xin->original), n_kept = count_vlans(base) - 1 - base_i;
    if (flow_i >= 0 && n_kept < n_tags) {
        /* A tag that is pushed may be the packet's own, popped before: all of it matters. */
        memset(ctx->wc->bits.vlans, 0xff, sizeof base->vlans[0] * (size_t)n_tags);
    }
    for (; base_i >= 0; base_i--) {
        /* What is pushed later may repeat bits of this tag, its priority above all. */
        flow_wc_set(&ctx->wc->bits, vlans[base_i]);
        dp_actions_put_plain(ctx->actions, DP_ACTION_POP_VLAN);
    }
    for (; flow_i >= 0; flow_i--) {
        dp_actions_put_push_vlan(ctx->actions, flow->vlans[flow_i].tpid, flow->vlans[flow_i].tci);
    }
    memcpy(base->vlans, flow->vlans, sizeof base->vlans);
}

void xlate_commit(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow, *base = &ctx->base_flow;
    unsigned slow = 0;
    bool mpls_done = false;

    commit_encap_decap(ctx);
    commit_layer(ctx);
    if (flow->packet_type == FLOW_PT_ETH) {
        COMMIT(ctx, DP_SET_ETH, eth_members);
    }
    /* Take MPLS off before what is under it is set. */
    if (count_labels(base) && !count_labels(flow)) {
        commit_mpls(ctx);
        mpls_done = true;
    }
    if (base->dl_type == CONST_BE16(ETH_TYPE_NSH)) {
        commit_nsh(ctx);
    }
    slow |= commit_network(ctx);
    slow |= commit_transport(ctx);
    if (!mpls_done) {
        commit_mpls(ctx);
    }
    commit_vlans(ctx);
    COMMIT(ctx, DP_SET_PRIORITY, priority_members);
    COMMIT(ctx, DP_SET_MARK, mark_members);
    ctx->xout->slow |= slow;
}
