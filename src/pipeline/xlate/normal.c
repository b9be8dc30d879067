/* SPDX-License-Identifier: Apache-2.0 */
/* NORMAL: the learning switch. */
#include <string.h>

#include "base/clock.h"
#include "l2/bond.h"
#include "l2/mac_table.h"
#include "pipeline/netflow.h"
#include "pipeline/xlate/ctx.h"
#include "tunnel/config.h"
#include "wire/eth.h"

#define ETH_FORMAT  "%02x:%02x:%02x:%02x:%02x:%02x"
#define ETH_ARGS(A) (A).ea[0], (A).ea[1], (A).ea[2], (A).ea[3], (A).ea[4], (A).ea[5]

/* Addresses that bridges do not forward: 802.1D's, and those of protocols that are used like them. */
static bool is_reserved(struct eth_addr a)
{
    static const struct {
        struct eth_addr addr;
        uint8_t last_mask; /* of the last byte */
    } reserved[] = {
        {{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}}, 0xf0}, /* STP, pause frames, LACP, LLDP ... */
        {{{0x00, 0xe0, 0x2b, 0x00, 0x00, 0x00}}, 0xff}, /* EDP */
        {{{0x00, 0xe0, 0x2b, 0x00, 0x00, 0x04}}, 0xff}, /* EAPS */
        {{{0x00, 0xe0, 0x2b, 0x00, 0x00, 0x06}}, 0xff}, /* EAPS */
        {{{0x01, 0x00, 0x0c, 0x00, 0x00, 0x00}}, 0xff}, /* ISL */
        {{{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc}}, 0xff}, /* CDP, VTP */
        {{{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd}}, 0xff}, /* PVST+ */
        {{{0x01, 0x00, 0x0c, 0xcd, 0xcd, 0xcd}}, 0xff}, /* STP uplink fast */
        {{{0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xc0}}, 0xf0}, /* CFM */
    };
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        if (!memcmp(&a, &reserved[i].addr, 5) &&
            (a.ea[5] & reserved[i].last_mask) == reserved[i].addr.ea[5]) {
            return true;
        }
    }
    return false;
}

static bool is_broadcast(struct eth_addr a)
{
    return (a.ea[0] & a.ea[1] & a.ea[2] & a.ea[3] & a.ea[4] & a.ea[5]) == 0xff;
}

/* Who announces its own address: from it a MAC is learned with more trust. */
static bool is_gratuitous_arp(struct xlate_ctx *ctx)
{
    const struct flow_key *flow = ctx->flow;
    struct flow_key *wc = &ctx->wc->bits;
    if (flow->dl_type != CONST_BE16(ETH_TYPE_ARP) || !is_broadcast(flow->dl_dst)) {
        return false;
    }
    flow_wc_set(wc, nw_proto);
    if (flow->nw_proto == 2) {
        return true;
    }
    if (flow->nw_proto == 1) {
        flow_wc_set(wc, nw_src);
        flow_wc_set(wc, nw_dst);
        return flow->nw_src == flow->nw_dst;
    }
    return false;
}

static bool input_vid_is_valid(struct xlate_ctx *ctx, uint16_t vid, const struct xbundle *in)
{
    switch (in->vlan_mode) {
    case OFPROTO_VLAN_ACCESS:
        if (vid) {
            xlate_report_error(
                ctx, "dropping VLAN %u tagged packet received on port %s configured as VLAN %d access port",
                vid, in->name, in->vlan);
            return false;
        }
        return true;
    case OFPROTO_VLAN_NATIVE_TAGGED:
    case OFPROTO_VLAN_NATIVE_UNTAGGED:
        if (!vid) {
            return true; /* it belongs to the native VLAN */
        }
        FALLTHROUGH;
    case OFPROTO_VLAN_TRUNK:
        if (in->trunks && !bitmap_is_set(in->trunks, vid)) {
            xlate_report_error(
                ctx, "dropping VLAN %u packet received on port %s not configured for trunking VLAN %u", vid,
                in->name, vid);
            return false;
        }
        return true;
    case OFPROTO_VLAN_DOT1Q_TUNNEL:
        if (in->cvlans && !bitmap_is_set(in->cvlans, vid)) {
            xlate_report_error(
                ctx, "dropping VLAN %u packet received on dot1q-tunnel port %s that excludes this VLAN", vid,
                in->name);
            return false;
        }
        return true;
    }
    return true;
}

static const struct xbundle *input_bundle(struct xlate_ctx *ctx, uint32_t in_port,
                                          const struct xport **xportp)
{
    const struct xport *xport = xlate_find_port(ctx, in_port);
    *xportp = xport;
    if (xport && xport->bundle) {
        return xport->bundle;
    }
    if (in_port != OFPP_NONE && in_port != OFPP_CONTROLLER) {
        xlate_report_error(ctx, "received packet on unknown port %u", in_port);
    }
    return NULL;
}

static void match_priorities(struct xlate_ctx *ctx)
{
    for (size_t i = 0; i < FLOW_MAX_VLANS && (ctx->flow->vlans[i].tci & FLOW_VLAN_PRESENT); i++) {
        ctx->wc->bits.vlans[i].tci |= CONST_BE16(VLAN_PCP_MASK);
    }
}

/* The hash by which a bond's member is chosen; what it is of becomes certain. */
static uint32_t bond_hash(struct xlate_ctx *ctx, const struct bond_view *bond, uint16_t vlan)
{
    struct flow_key *wc = &ctx->wc->bits;
    if (!bond->balances) {
        return 0;
    }
    if (bond->mode == BOND_BALANCE_SLB) {
        flow_wc_set(wc, dl_src);
        return bond_hash_mac(ctx->flow->dl_src, vlan, bond->hash_basis);
    }
    flow_look_at_hash_fields(ctx->flow, HASH_FIELDS_SYMMETRIC_L4, wc);
    return flow_hash_symmetric(ctx->flow, bond->hash_basis);
}

/* By one of a bond's members; NULL: none is enabled, or it is done. */
static const struct xport *choose_member(struct xlate_ctx *ctx, const struct xbundle *out, uint16_t vlan)
{
    if (out->recirc_id && out->bond->enabled && out->bond->lacp == BOND_LACP_NEGOTIATED) {
        const struct xport *first = out->bond_members[__builtin_ctzll(out->bond->enabled)];
        if (!first->is_patch) {
            xlate_output_hashed(ctx, first, out->bond->hash_basis, out->recirc_id);
            return NULL;
        }
    }
    uint32_t hash = bond_hash(ctx, out->bond, vlan);
    uint8_t member = bond_choose(out->bond, hash);
    if (member == BOND_NO_MEMBER) {
        return NULL;
    }
    if (out->bond->balances && ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_BOND);
        e->object = bond_ref(out->account);
        e->port = hash;
    }
    return out->bond_members[member];
}

void xlate_output_normal(struct xlate_ctx *ctx, const struct xbundle *out, const struct xvlan *xvlan)
{
    struct xvlan out_xvlan;
    xvlan_output_translate(out, xvlan, &out_xvlan);
    bool keeps_priority = out->priority_tags != OFPROTO_PRIORITY_TAGS_NEVER;
    if (keeps_priority) {
        out_xvlan.v[0].pcp = be16toh(ctx->flow->vlans[0].tci) & VLAN_PCP_MASK;
    }
    if (!out->n_members) {
        xlate_report(ctx, REPORT_WARN, "output bundle has no port"); /* it is being taken apart */
        return;
    }
    for (size_t i = 0; i < FLOW_MAX_VLANS; i++) {
        /* Whether a tag without VLAN ID stays is a question of its priority. */
        if (!out_xvlan.v[i].vid && (out_xvlan.v[i].tpid || out_xvlan.v[i].pcp || (!i && keeps_priority))) {
            match_priorities(ctx);
        }
    }
    struct flow_vlan old[FLOW_MAX_VLANS];
    memcpy(old, ctx->flow->vlans, sizeof old);
    xvlan_put(ctx->flow, &out_xvlan, out->priority_tags);
    const struct xport *member = out->bond ? choose_member(ctx, out, out_xvlan.v[0].vid) : out->members[0];
    if (member) {
        xlate_output_port(ctx, member->ofp_port, false, false);
    }
    memcpy(ctx->flow->vlans, old, sizeof old);
}

/* Whether OUT is in the packet's VLAN. With two tags, that may be the inner one's question. */
static bool includes_vlan(struct xlate_ctx *ctx, const struct xbundle *out, const struct xvlan *xvlan)
{
    bool asks_inner =
        out->vlan_mode == OFPROTO_VLAN_ACCESS || (out->vlan_mode == OFPROTO_VLAN_DOT1Q_TUNNEL && out->cvlans);
    if (asks_inner && xvlan->v[0].vid == out->vlan && xvlan->v[1].tpid &&
        (ctx->flow->vlans[1].tci & FLOW_VLAN_PRESENT)) {
        ctx->wc->bits.vlans[1].tci |= CONST_BE16(VLAN_VID_MASK | VLAN_CFI);
    }
    return xbundle_includes_vlan(out, xvlan);
}

static void flood(struct xlate_ctx *ctx, const struct xbundle *in, const struct xvlan *xvlan)
{
    xlate_consult(ctx, PART_ALL, 0);
    for (size_t i = 0; i < ctx->bridge->n_bundles; i++) {
        const struct xbundle *out = ctx->bridge->bundles[i];
        if (out != in && out->floodable && !out->mirror_out && includes_vlan(ctx, out, xvlan)) {
            xlate_output_normal(ctx, out, xvlan);
        }
    }
    ctx->netflow_out = NETFLOW_OUT_FLOOD;
}

static void learn_source(struct xlate_ctx *ctx, const struct xbundle *in, uint16_t vlan, bool gratuitous_arp)
{
    struct mac_learn learn = {.mac = ctx->flow->dl_src,
                              .vlan = vlan,
                              .port = (void *)(uintptr_t)in->id,
                              .gratuitous_arp = gratuitous_arp,
                              .from_bond = in->bond != NULL};
    if (ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_MAC_LEARN);
        e->ofproto = ctx->bridge->ofproto;
        e->mac = learn.mac;
        e->vlan = vlan;
        e->port = in->id;
        e->gratuitous_arp = gratuitous_arp;
    }
    if (ctx->xin->side_effects && mac_table_learn(ctx->bridge->ofproto->macs, &learn, clock_ms())) {
        xlate_report(ctx, REPORT_DETAIL, "learned that " ETH_FORMAT " is on port %s in VLAN %u",
                     ETH_ARGS(learn.mac), in->name, vlan);
    }
}

/* Does a bond let the packet in? Other members may have brought it, too; or it is one of ours that came back.
 */
static bool is_admitted(struct xlate_ctx *ctx, const struct xbundle *in, const struct xport *in_port,
                        uint16_t vlan)
{
    uint8_t member = 0;
    while (member < in->bond->n_members && in->bond_members[member] != in_port) {
        member++;
    }
    switch (bond_admit(in->bond, member, ctx->flow->dl_dst.ea[0] & 1)) {
    case BOND_ACCEPT:
        return true;
    case BOND_DROP:
        xlate_report(ctx, REPORT_DETAIL, "bonding refused admissibility, dropping");
        ctx->drop_reason = DROP_BOND;
        return false;
    case BOND_DROP_IF_MOVED:
        break;
    }
    void *port;
    const struct mac_learn learn = {.mac = ctx->flow->dl_src,
                                    .vlan = vlan,
                                    .port = (void *)(uintptr_t)in->id,
                                    .gratuitous_arp = true,
                                    .from_bond = true};
    struct mac_table *macs = ctx->bridge->ofproto->macs;
    if (ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_MAC_LOOKUP);
        e->ofproto = ctx->bridge->ofproto;
        e->mac = learn.mac;
        e->vlan = vlan;
    }
    if (!mac_table_lookup(macs, learn.mac, vlan, &port) || port == learn.port ||
        (is_gratuitous_arp(ctx) && mac_table_would_learn(macs, &learn, clock_ms()))) {
        return true;
    }
    xlate_report(ctx, REPORT_DETAIL, "SLB bond thinks this packet looped back, dropping");
    ctx->drop_reason = DROP_BOND;
    return false;
}

void xlate_normal(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    flow_wc_set(&ctx->wc->bits, dl_src);
    flow_wc_set(&ctx->wc->bits, dl_dst);
    ctx->wc->bits.vlans[0].tci |= CONST_BE16(VLAN_VID_MASK | VLAN_CFI);

    const struct xport *in_port;
    const struct xbundle *in = input_bundle(ctx, flow->in_port, &in_port);
    if (!in) {
        xlate_report(ctx, REPORT_WARN, "no input bundle, dropping");
        return;
    }
    if (flow->dl_type == CONST_BE16(ETH_TYPE_VLAN) && !(flow->vlans[0].tci & FLOW_VLAN_PRESENT)) {
        xlate_report_error(ctx, "dropping packet with partial VLAN tag received on port %s", in->name);
        xlate_report(ctx, REPORT_WARN, "partial VLAN tag, dropping");
        return;
    }
    if (in->mirror_out) {
        xlate_report_error(ctx,
                           "dropping packet received on port %s, which is reserved exclusively for mirroring",
                           in->name);
        xlate_report(ctx, REPORT_WARN, "input port is mirror output port, dropping");
        return;
    }

    struct xvlan in_xvlan, xvlan;
    xvlan_extract(flow, &in_xvlan);
    if (!input_vid_is_valid(ctx, in_xvlan.v[0].vid, in)) {
        xlate_report(ctx, REPORT_WARN, "disallowed VLAN VID for this input port, dropping");
        return;
    }
    xvlan_input_translate(in, &in_xvlan, &xvlan);
    uint16_t vlan = xvlan.v[0].vid;

    if (!ctx->bridge->forward_bpdu && is_reserved(flow->dl_dst)) {
        xlate_report(ctx, REPORT_DETAIL, "packet has reserved destination MAC, dropping");
        return;
    }
    if (in->bond && !is_admitted(ctx, in, in_port, vlan)) {
        return;
    }
    if (!in_port->tunnel || in_port->tunnel->packets != TUNNEL_L3) { /* whose packets have no address */
        learn_source(ctx, in, vlan, is_gratuitous_arp(ctx));
    }
    if (ctx->bridge->mcast && flow->dl_dst.ea[0] & 1 && !is_broadcast(flow->dl_dst) && flow_key_is_ip(flow)) {
        const char *why = xlate_mcast(ctx, &(struct xlate_mcast){.in = in, .xvlan = &xvlan, .vlan = vlan});
        if (why) {
            xlate_report(ctx, REPORT_DETAIL, "%s", why);
            flood(ctx, in, &xvlan);
        }
        return;
    }
    if (ctx->xin->record) {
        struct record_entry *e = record_add(ctx->xin->record, RECORD_MAC_LOOKUP);
        e->ofproto = ctx->bridge->ofproto;
        e->mac = flow->dl_dst;
        e->vlan = vlan;
    }
    void *port;
    if (mac_table_lookup(ctx->bridge->ofproto->macs, flow->dl_dst, vlan, &port)) {
        const struct xbundle *out = xlate_find_bundle(ctx, (uint32_t)(uintptr_t)port);
        if (!out) {
            xlate_report(ctx, REPORT_WARN, "learned port is unknown, dropping");
        } else if (out == in) {
            xlate_report(ctx, REPORT_DETAIL, "learned port is input port, dropping");
        } else {
            xlate_report(ctx, REPORT_DETAIL, "forwarding to learned port");
            xlate_output_normal(ctx, out, &xvlan);
        }
    } else {
        xlate_report(ctx, REPORT_DETAIL, "no learned MAC for destination, flooding");
        flood(ctx, in, &xvlan);
    }
}

/* ------------------------------------------------------------------ mirrors */

void xlate_mirror(struct xlate_ctx *ctx, const struct xbundle *bundle, uint32_t mirrors)
{
    mirrors &= ~ctx->mirrors;
    if (!mirrors) {
        return;
    }
    struct xvlan in_xvlan, xvlan;
    xvlan_extract(ctx->flow, &in_xvlan);
    if (!input_vid_is_valid(ctx, in_xvlan.v[0].vid, bundle)) {
        return;
    }
    xvlan_input_translate(bundle, &in_xvlan, &xvlan);
    uint16_t vlan = xvlan.v[0].vid;

    while (mirrors) {
        int i = __builtin_ctz(mirrors);
        const struct xmirror *m = &ctx->bridge->mirrors[i];
        mirrors &= mirrors - 1;
        if (!m->name) {
            continue;
        }
        if (m->vlans) {
            ctx->wc->bits.vlans[0].tci |= CONST_BE16(VLAN_CFI | VLAN_VID_MASK);
            if (!bitmap_is_set(m->vlans, vlan)) {
                continue;
            }
        }
        if (ctx->xin->record) {
            struct record_entry *e = record_add(ctx->xin->record, RECORD_MIRROR);
            e->object = m->counters;
            __atomic_add_fetch(&m->counters->refs, 1, __ATOMIC_RELAXED);
        }
        /* Each output gets a packet once. */
        ctx->mirrors |= m->dup_mirrors;
        mirrors &= ~m->dup_mirrors;
        ctx->mirror_snaplen = m->snaplen;
        bool nested = ctx->in_mirror;
        ctx->in_mirror = true; /* it shows what is there: no egress table changes that */
        if (m->out) {
            const struct xport *in_port = xlate_find_port(ctx, ctx->flow->in_port);
            if (!in_port || in_port->bundle != m->out) {
                xlate_output_normal(ctx, m->out, &xvlan);
            }
        } else if (vlan != m->out_vlan && !is_reserved(ctx->flow->dl_dst)) {
            struct xvlan to = xvlan;
            to.v[0].vid = (uint16_t)m->out_vlan;
            xlate_consult(ctx, PART_ALL, 0);
            for (size_t b = 0; b < ctx->bridge->n_bundles; b++) {
                const struct xbundle *out = ctx->bridge->bundles[b];
                if (includes_vlan(ctx, out, &to) && !out->mirror_out) {
                    xlate_output_normal(ctx, out, &to);
                }
            }
        }
        ctx->mirror_snaplen = 0;
        ctx->in_mirror = nested;
    }
}

bool xlate_enter(struct xlate_ctx *ctx)
{
    if (!ctx->bridge->has_mirrors) {
        return true;
    }
    const struct xport *xport = xlate_find_port(ctx, ctx->flow->in_port);
    if (!xport || !xport->bundle) {
        return true;
    }
    if (xport->bundle->mirror_out) {
        xlate_report_error(ctx,
                           "dropping packet received on port %s, which is reserved exclusively for mirroring",
                           xport->bundle->name);
        return false;
    }
    xlate_mirror(ctx, xport->bundle, xport->bundle->src_mirrors);
    return true;
}
