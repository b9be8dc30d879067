/* SPDX-License-Identifier: Apache-2.0 */
/* Multicast in NORMAL, where the bridge snoops: to those who joined, to routers, and to ports that are to
 * have all of it (RFC 4541). */
#include "l2/mcast_snooping.h"

#include <string.h>

#include "base/clock.h"
#include "packet/packet.h"
#include "pipeline/mcast.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

#define MAX_PORTS 256 /* of a group; a table has few of so many */

#define MLD_QUERY   130
#define MLD_REPORT  131
#define MLD_DONE    132
#define MLD2_REPORT 143

/* Where a list of ports came from, as the story has it. */
struct mcast_texts {
    const char *forwarding, *input, *unknown;
};
static const struct mcast_texts group_texts = {"forwarding to mcast group port",
                                               "mcast group port is input port, dropping",
                                               "mcast group port is unknown, dropping"};
static const struct mcast_texts router_texts = {"forwarding to mcast router port",
                                                "mcast router port is input port, dropping",
                                                "mcast router port is unknown, dropping"};

static void send_to(struct xlate_ctx *ctx, const struct xlate_mcast *m, void *const ports[], size_t n,
                    const struct mcast_texts *texts)
{
    for (size_t i = 0; i < n; i++) {
        const struct xbundle *out = xlate_find_bundle(ctx, (uint32_t)(uintptr_t)ports[i]);
        if (!out) {
            xlate_report(ctx, REPORT_WARN, "%s", texts->unknown);
        } else if (out == m->in) {
            xlate_report(ctx, REPORT_DETAIL, "%s", texts->input);
        } else {
            xlate_report(ctx, REPORT_DETAIL, "%s", texts->forwarding);
            xlate_output_normal(ctx, out, m->xvlan);
        }
    }
}

static void send_to_routers(struct xlate_ctx *ctx, const struct xlate_mcast *m)
{
    void *ports[MAX_PORTS];
    xlate_consult(ctx, PART_MCAST, mcast_part(m->vlan, NULL));
    size_t n = mcast_find_routers(ctx->bridge->ofproto->mcast, m->vlan, ports, MAX_PORTS);
    send_to(ctx, m, ports, MIN(n, MAX_PORTS), &router_texts);
}

/* Ports that are to have all reports, or all multicast. */
static void send_to_flagged(struct xlate_ctx *ctx, const struct xlate_mcast *m, bool reports)
{
    xlate_consult(ctx, PART_ALL, 0);
    for (size_t i = 0; i < ctx->bridge->n_bundles; i++) {
        const struct xbundle *out = ctx->bridge->bundles[i];
        if (!(reports ? out->mcast_flood_reports : out->mcast_flood)) {
            continue;
        }
        if (out == m->in) {
            xlate_report(ctx, REPORT_DETAIL, "%s",
                         reports ? "mcast port is input port, dropping the Report"
                                 : "mcast flood port is input port, dropping");
        } else {
            xlate_report(ctx, REPORT_DETAIL, "%s",
                         reports ? "forwarding report to mcast flagged port"
                                 : "forwarding to mcast flood port");
            xlate_output_normal(ctx, out, m->xvlan);
        }
    }
}

/* The payload of the IP packet. */
static const void *ip_payload(const struct xlate_ctx *ctx, size_t *len)
{
    const struct packet *p = ctx->xin->packet;
    if (p->l4_ofs == PACKET_NO_OFFSET || p->l4_ofs > p->len) {
        return NULL;
    }
    *len = packet_room_from(p, p->l4_ofs);
    return packet_at(p, p->l4_ofs);
}

static void learn(struct xlate_ctx *ctx, const struct xlate_mcast *m)
{
    size_t len;
    const void *payload;
    if (!ctx->xin->side_effects || !ctx->xin->packet || !(payload = ip_payload(ctx, &len))) {
        return;
    }
    const struct flow_key *flow = ctx->flow;
    struct mcast_table *table = ctx->bridge->ofproto->mcast;
    void *port = (void *)(uintptr_t)m->in->id;
    if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        mcast_learn_igmp(table, payload, len, flow->nw_src, m->vlan, port, clock_ms());
    } else {
        const struct ipv6_addr addresses[2] = {flow->ipv6_src, flow->ipv6_dst};
        mcast_learn_mld(table, payload, len, addresses, m->vlan, port, clock_ms());
    }
}

static bool is_igmp(struct xlate_ctx *ctx)
{
    flow_wc_set(&ctx->wc->bits, nw_proto);
    return ctx->flow->dl_type == CONST_BE16(ETH_TYPE_IPV4) && ctx->flow->nw_proto == 2;
}

static bool is_mld(struct xlate_ctx *ctx)
{
    const struct flow_key *flow = ctx->flow;
    if (flow->dl_type != CONST_BE16(ETH_TYPE_IPV6) || flow->nw_proto != 58) {
        return false;
    }
    flow_wc_set(&ctx->wc->bits, tp_src);
    unsigned type = be16toh(flow->tp_src);
    return type == MLD_QUERY || type == MLD_REPORT || type == MLD_DONE || type == MLD2_REPORT;
}

/* For the routers, and whom it may concern: not for hosts, who would not join what somebody has. */
static void send_report(struct xlate_ctx *ctx, const struct xlate_mcast *m)
{
    send_to_routers(ctx, m);
    send_to_flagged(ctx, m, true);
}

static bool control_packet(struct xlate_ctx *ctx, const struct xlate_mcast *m, const char **flood)
{
    unsigned type = be16toh(ctx->flow->tp_src);
    *flood = NULL;
    if (is_igmp(ctx)) {
        bool is_membership = type == 0x12 || type == 0x16 || type == 0x17 || type == 0x22;
        ctx->xout->slow |= DP_SLOW_ACTION; /* each one, so the mask need not tell their types apart */
        learn(ctx, m);
        if (is_membership) {
            send_report(ctx, m);
        } else {
            *flood = "multicast traffic, flooding";
        }
        return true;
    }
    if (is_mld(ctx)) {
        ctx->xout->slow |= DP_SLOW_ACTION;
        learn(ctx, m);
        if (type == MLD_QUERY) {
            *flood = "MLD query, flooding";
        } else {
            send_report(ctx, m);
        }
        return true;
    }
    return false;
}

const char *xlate_mcast(struct xlate_ctx *ctx, const struct xlate_mcast *m)
{
    const struct flow_key *flow = ctx->flow;
    const char *flood;
    bool v6 = flow->dl_type == CONST_BE16(ETH_TYPE_IPV6);
    if (control_packet(ctx, m, &flood)) {
        return flood;
    }
    struct ipv6_addr group = v6 ? flow->ipv6_dst : mcast_map_ipv4(flow->nw_dst);
    if (v6) {
        flow_wc_set(&ctx->wc->bits, ipv6_dst);
    } else {
        flow_wc_set(&ctx->wc->bits, nw_dst);
    }
    if (mcast_is_link_local(&group)) {
        return "RFC4541: section 2.1.2, item 2, flooding";
    }
    void *ports[MAX_PORTS];
    xlate_consult(ctx, PART_MCAST, mcast_part(m->vlan, &group));
    size_t n = mcast_find(ctx->bridge->ofproto->mcast, &group, m->vlan, ports, MAX_PORTS);
    if (n) {
        send_to(ctx, m, ports, MIN(n, MAX_PORTS), &group_texts);
        send_to_flagged(ctx, m, false);
        send_to_routers(ctx, m);
    } else if (ctx->bridge->mcast_flood_unregistered) {
        return "unregistered multicast, flooding";
    } else {
        send_to_routers(ctx, m);
        send_to_flagged(ctx, m, false);
    }
    return NULL;
}
