/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of protocols that the port speaks: they are the switch's own, and no table sees them. */
#include <string.h>

#include "pipeline/oam.h"
#include "pipeline/protocol.h"
#include "pipeline/spanning.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

#define BFD_UDP_PORT 3784

/* As much of the port as tells it from BFD's, as the reference has it: the first bit that differs. */
static bool is_bfd_port(struct xlate_ctx *ctx)
{
    unsigned differs = be16toh(ctx->flow->tp_dst) ^ BFD_UDP_PORT;
    if (!differs) {
        flow_wc_set(&ctx->wc->bits, tp_dst);
    } else {
        ctx->wc->bits.tp_dst |= htobe16((uint16_t)(1u << (31 - __builtin_clz(differs))));
    }
    return !differs;
}

static bool is_bfd(struct xlate_ctx *ctx, const struct xoam *oam)
{
    const struct flow_key *flow = ctx->flow;
    struct flow_key *wc = &ctx->wc->bits;
    if (oam->bfd_has_remote_mac) {
        flow_wc_set(wc, dl_dst);
        if (memcmp(&oam->bfd_remote_mac, &flow->dl_dst, sizeof flow->dl_dst)) {
            return false;
        }
    }
    if (flow->dl_type != CONST_BE16(ETH_TYPE_IPV4)) {
        return false;
    }
    flow_wc_set(wc, nw_proto);
    if (flow->nw_proto != 17 || flow->nw_frag & FLOW_NW_FRAG_LATER || !is_bfd_port(ctx)) {
        return false;
    }
    if (oam->bfd_check_key) {
        flow_wc_set(wc, tun_id);
    }
    return !oam->bfd_check_key || !flow->tun_id;
}

static bool is_cfm(struct xlate_ctx *ctx, const struct xoam *oam)
{
    static const struct eth_addr plain = {{0x01, 0x80, 0xc2, 0x00, 0x00, 0x30}},
                                 extended = {{0x01, 0x23, 0x20, 0x00, 0x00, 0x30}};
    if (ctx->flow->dl_type != CONST_BE16(ETH_TYPE_CFM)) {
        return false;
    }
    flow_wc_set(&ctx->wc->bits, dl_dst);
    return !memcmp(&ctx->flow->dl_dst, oam->cfm_extended ? &extended : &plain, sizeof plain);
}

unsigned xlate_link_protocol(struct xlate_ctx *ctx, const struct xport *xport)
{
    const struct xoam *oam = xport->oam;
    return oam->cfm && is_cfm(ctx, oam) ? DP_SLOW_CFM : oam->bfd && is_bfd(ctx, oam) ? DP_SLOW_BFD : 0;
}

/* The DP_SLOW_* bit of the protocol, 0: a packet like any other. What it depends on goes into the mask. */
static unsigned protocol_of(struct xlate_ctx *ctx, const struct xport *xport)
{
    const struct flow_key *flow = ctx->flow;
    unsigned link = xport->oam ? xlate_link_protocol(ctx, xport) : 0;
    if (link) {
        return link;
    }
    if (xport->bundle && xport->bundle->lacp && flow->dl_type == CONST_BE16(ETH_TYPE_SLOW)) {
        return DP_SLOW_LACP;
    }
    if (ctx->bridge->spanning) {
        flow_wc_set(&ctx->wc->bits, dl_dst);
        if (xlate_is_bpdu(flow)) {
            return DP_SLOW_STP;
        }
    }
    if (xport->oam && xport->oam->lldp && flow->dl_type == CONST_BE16(ETH_TYPE_LLDP)) {
        return DP_SLOW_LLDP;
    }
    return 0;
}

bool xlate_is_bpdu(const struct flow_key *flow)
{
    static const struct eth_addr group = {{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}};
    return flow->dl_type == FLOW_DL_TYPE_NONE && !memcmp(&flow->dl_dst, &group, sizeof group);
}

bool xlate_special(struct xlate_ctx *ctx, const struct xport *xport)
{
    unsigned reason = protocol_of(ctx, xport);
    if (!reason) {
        return false;
    }
    if (ctx->xin->side_effects && ctx->xin->packet) {
        ctx->xout->protocol_lost |=
            !protocol_receive(ctx->bridge->ofproto, xport->ofp_port, reason, ctx->xin->packet);
    }
    ctx->xout->slow |= reason;
    return true;
}
