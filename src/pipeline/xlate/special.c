/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of protocols that the port speaks: they are the switch's own, and no table sees them. */
#include <string.h>

#include "pipeline/protocol.h"
#include "pipeline/spanning.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

/* The DP_SLOW_* bit of the protocol, 0: a packet like any other. What it depends on goes into the mask. */
static unsigned protocol_of(struct xlate_ctx *ctx, const struct xport *xport)
{
    const struct flow_key *flow = ctx->flow;
    if (xport->bundle && xport->bundle->lacp && flow->dl_type == CONST_BE16(ETH_TYPE_SLOW)) {
        return DP_SLOW_LACP;
    }
    if (ctx->bridge->spanning) {
        flow_wc_set(&ctx->wc->bits, dl_dst);
        if (xlate_is_bpdu(flow)) {
            return DP_SLOW_STP;
        }
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
