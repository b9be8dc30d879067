/* SPDX-License-Identifier: Apache-2.0 */
/* Headers put on and taken off: MPLS labels, NSH, Ethernet. */
#include <string.h>

#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

#define LSE_BOS       CONST_BE32(0x100)
#define LSE_TTL_MASK  CONST_BE32(0xff)
#define NSH_DEF_TTL   63
#define PT_NSH        FLOW_PT(1, 0x894f)
#define PT_MPLS       FLOW_PT(1, 0x8847)
#define PT_MPLS_MCAST FLOW_PT(1, 0x8848)

int xlate_count_labels(const struct flow_key *flow, struct flow_key *wc)
{
    if (!eth_type_is_mpls(flow->dl_type)) {
        return 0;
    }
    int n = 0;
    for (int i = 0; i < FLOW_MAX_MPLS; i++) {
        if (wc) {
            wc->mpls_lse[i] |= LSE_BOS;
        }
        n += flow->mpls_lse[i] != 0;
        if (flow->mpls_lse[i] & LSE_BOS) {
            break;
        }
    }
    return n;
}

/* A label goes, and those under it come to light, where the mask does not know them by their place. */
static void look_at_inner_labels(struct xlate_ctx *ctx, int n)
{
    int n_original = n > 1 ? xlate_count_labels(&ctx->xin->original, NULL) : 0;
    for (int i = 1; i < n_original; i++) {
        flow_wc_set(&ctx->wc->bits, mpls_lse[i]);
    }
}

void xlate_push_mpls(struct xlate_ctx *ctx, const struct ofpact_mpls *a)
{
    struct flow_key *flow = ctx->flow, *wc = &ctx->wc->bits;
    int n = xlate_count_labels(flow, wc);
    if (!n) {
        xlate_commit(ctx);
    } else if (n >= FLOW_MAX_MPLS) {
        ctx->error = XLATE_TOO_MANY_MPLS_LABELS;
        return;
    }
    be32 lse;
    if (n) {
        /* A copy of the outermost. */
        flow_wc_set(wc, mpls_lse[0]);
        lse = flow->mpls_lse[0] & ~LSE_BOS;
        memmove(&flow->mpls_lse[1], &flow->mpls_lse[0], sizeof flow->mpls_lse[0] * (FLOW_MAX_MPLS - 1));
    } else {
        /* From the IP header under it; explicit null. */
        uint32_t label = 0, tc = 0, ttl = 64;
        if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV6)) {
            label = 2;
        }
        if (flow_key_is_ip(flow)) {
            wc->nw_tos |= 0xfc;
            tc = (uint32_t)(flow->nw_tos & 0xfc) >> 2;
            wc->nw_ttl = 0xff;
            ttl = flow->nw_ttl ? flow->nw_ttl : 64;
        }
        ctx->unparsed.inner = flow_key_is_ip(flow) ? flow->nw_ttl : 0;
        lse = htobe32(label << 12 | (tc & 7) << 9 | 1u << 8 | ttl);
        /* What is under the label is no longer in the key. */
        memset(&flow->nw_src, 0, sizeof flow->nw_src);
        memset(&flow->nw_dst, 0, sizeof flow->nw_dst);
        flow->nw_proto = flow->nw_tos = flow->nw_ttl = flow->nw_frag = 0;
        flow->tp_src = flow->tp_dst = flow->tcp_flags = 0;
        memset(&flow->ipv6_src, 0, FLOW_BLOCK_SIZE);
        flow->igmp_group = 0;
    }
    flow->mpls_lse[0] = lse;
    flow->dl_type = a->ethertype;
}

void xlate_pop_mpls(struct xlate_ctx *ctx, be16 ethertype)
{
    struct flow_key *flow = ctx->flow;
    int n = xlate_count_labels(flow, &ctx->wc->bits);
    if (!n) {
        return;
    }
    look_at_inner_labels(ctx, n);
    memmove(&flow->mpls_lse[0], &flow->mpls_lse[1], sizeof flow->mpls_lse[0] * (FLOW_MAX_MPLS - 1));
    flow->mpls_lse[FLOW_MAX_MPLS - 1] = 0;
    flow->dl_type = ethertype;
    ctx->unparsed.ttl = false; /* it went with its label */
    if (!eth_type_is_mpls(ethertype)) {
        ctx->unparsed.l3 = true;
    }
}

bool xlate_dec_mpls_ttl(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    if (!eth_type_is_mpls(flow->dl_type)) {
        return false;
    }
    ctx->wc->bits.mpls_lse[0] |= LSE_TTL_MASK;
    uint32_t ttl = be32toh(flow->mpls_lse[0]) & 0xff;
    if (ttl > 1) {
        flow->mpls_lse[0] = (flow->mpls_lse[0] & ~LSE_TTL_MASK) | htobe32(ttl - 1);
        return false;
    }
    xlate_controller(ctx, UINT16_MAX, OFPR_INVALID_TTL, 0, OFPM_NONE, NULL, 0);
    xlate_report(ctx, REPORT_WARN, "MPLS decrement TTL exception");
    return true;
}

void xlate_set_mpls(struct xlate_ctx *ctx, const struct ofpact *a)
{
    struct flow_key *flow = ctx->flow;
    if (!eth_type_is_mpls(flow->dl_type)) {
        return;
    }
    be32 mask = 0, value = 0;
    switch ((enum ofpact_type)a->type) {
    case OFPACT_SET_MPLS_LABEL:
        mask = CONST_BE32(0xfffff000);
        value = htobe32(OFPACT_CAST(SET_MPLS_LABEL, a)->value << 12);
        break;
    case OFPACT_SET_MPLS_TC:
        mask = CONST_BE32(0xe00);
        value = htobe32((uint32_t)OFPACT_CAST(SET_MPLS_TC, a)->value << 9);
        break;
    case OFPACT_SET_MPLS_TTL:
        mask = LSE_TTL_MASK;
        value = htobe32(OFPACT_CAST(SET_MPLS_TTL, a)->value);
        break;
    default:
        return;
    }
    ctx->wc->bits.mpls_lse[0] |= mask;
    flow->mpls_lse[0] = (flow->mpls_lse[0] & ~mask) | (value & mask);
}

bool xlate_dec_nsh_ttl(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    if (flow->packet_type != PT_NSH && flow->dl_type != CONST_BE16(ETH_TYPE_NSH)) {
        return false;
    }
    flow_wc_set(&ctx->wc->bits, nsh_ttl);
    if (flow->nsh_ttl > 1) {
        flow->nsh_ttl--;
        return false;
    }
    xlate_controller(ctx, UINT16_MAX, OFPR_INVALID_TTL, 0, OFPM_NONE, NULL, 0);
    xlate_report(ctx, REPORT_WARN, "NSH decrement TTL exception");
    return true;
}

/* The next protocol of an NSH header for what is under it (RFC 8300, section 2.2); 0: it has none. */
static uint8_t nsh_next_protocol(be32 packet_type)
{
    switch (packet_type) {
    case FLOW_PT_ETH:
        return 3;
    case FLOW_PT(1, 0x0800):
        return 1;
    case FLOW_PT(1, 0x86dd):
        return 2;
    case PT_NSH:
        return 4;
    case PT_MPLS:
        return 5;
    default:
        return 0;
    }
}

static void clear_l3(struct flow_key *flow)
{
    flow->nw_src = flow->nw_dst = 0;
    flow->nw_proto = flow->nw_tos = flow->nw_ttl = flow->nw_frag = 0;
    flow->tp_src = flow->tp_dst = flow->tcp_flags = 0;
    memset(&flow->ipv6_src, 0, FLOW_BLOCK_SIZE);
    memset(flow->mpls_lse, 0, sizeof flow->mpls_lse);
    flow->igmp_group = 0;
}

static void encap_nsh(struct xlate_ctx *ctx, const struct ofpact_encap *a)
{
    struct flow_key *flow = ctx->flow;
    uint8_t np = nsh_next_protocol(flow->packet_type);
    if (!np) {
        xlate_report(ctx, REPORT_ACTION,
                     "Dropping packet as encap(nsh) is not supported for packet type (%u,0x%x)",
                     be32toh(flow->packet_type) >> 16, be32toh(flow->packet_type) & 0xffff);
        ctx->error = XLATE_UNSUPPORTED_PACKET_TYPE;
        return;
    }
    uint8_t md_type = 1;
    const uint8_t *p = a->props, *end = (const uint8_t *)a + a->ofpact.len;
    bytebuf_clear(&ctx->encap_data);
    for (unsigned i = 0; i < a->n_props && p + sizeof(struct ofpact_encap_prop) <= end; i++) {
        const struct ofpact_encap_prop *prop = (const struct ofpact_encap_prop *)(const void *)p;
        if (prop->prop_class == 4 && prop->type == 1) {
            md_type = prop->data[0];
        } else if (prop->prop_class == 4 && prop->type == 2) {
            /* TLV: class, type, length, value; padded to a word in the packet. */
            size_t n = ROUND_UP((size_t)prop->data[3] + 4, 4);
            uint8_t *tlv = bytebuf_put_zeros(&ctx->encap_data, n);
            memcpy(tlv, prop->data, (size_t)prop->data[3] + 4);
        }
        p += ROUND_UP(prop->len, 8);
    }
    if (md_type != 1 && !ctx->encap_data.len) {
        md_type = 2;
    }
    clear_l3(flow);
    /* What is under the new header is out of reach. */
    struct flow_key *keys[] = {flow, &ctx->base_flow};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        memset(&keys[i]->dl_src, 0, sizeof flow->dl_src);
        memset(&keys[i]->dl_dst, 0, sizeof flow->dl_dst);
        memset(keys[i]->vlans, 0, sizeof flow->vlans);
    }
    flow->packet_type = PT_NSH;
    flow->dl_type = CONST_BE16(ETH_TYPE_NSH);
    flow->nsh_flags = 0;
    flow->nsh_ttl = NSH_DEF_TTL;
    flow->nsh_mdtype = md_type;
    flow->nsh_np = np;
    flow->nsh_path_hdr = CONST_BE32(0xff);
    memset(flow->nsh_context, 0, sizeof flow->nsh_context);
}

void xlate_encap(struct xlate_ctx *ctx, const struct ofpact_encap *a)
{
    struct flow_key *flow = ctx->flow, *wc = &ctx->wc->bits;
    /* One header is put on at a time. */
    xlate_commit(ctx);
    ctx->unparsed.inner = 0;
    switch (a->new_pkt_type) {
    case FLOW_PT_ETH:
        if (flow->packet_type == FLOW_PT_ETH) {
            xlate_report(ctx, REPORT_ACTION,
                         "Dropping packet as encap(ethernet) is not supported for packet type ethernet.");
            ctx->error = XLATE_UNSUPPORTED_PACKET_TYPE;
            return;
        }
        flow->packet_type = FLOW_PT_ETH;
        memset(&flow->dl_src, 0, sizeof flow->dl_src);
        memset(&flow->dl_dst, 0, sizeof flow->dl_dst);
        memset(flow->vlans, 0, sizeof flow->vlans);
        break;
    case PT_NSH:
        encap_nsh(ctx, a);
        if (ctx->error) {
            return;
        }
        break;
    case PT_MPLS:
    case PT_MPLS_MCAST: {
        int n = xlate_count_labels(flow, wc);
        uint32_t label = flow->dl_type == CONST_BE16(ETH_TYPE_IPV6) ? 2 : 0; /* explicit null */
        be32 lse =
            n && n <= FLOW_MAX_MPLS ? flow->mpls_lse[0] & ~LSE_BOS : htobe32(label << 12 | 1u << 8 | 64);
        if (flow->packet_type == FLOW_PT_ETH) {
            /* What is under the labels is out of reach: tags are no more this packet's. */
            memset(flow->vlans, 0, sizeof flow->vlans);
            memset(ctx->base_flow.vlans, 0, sizeof ctx->base_flow.vlans);
        }
        if (!n) {
            clear_l3(flow);
        } else {
            memmove(&flow->mpls_lse[1], &flow->mpls_lse[0], sizeof flow->mpls_lse[0] * (FLOW_MAX_MPLS - 1));
        }
        flow->mpls_lse[0] = lse;
        flow->packet_type = a->new_pkt_type;
        flow->dl_type = (be16)(a->new_pkt_type >> 16);
        break;
    }
    default:
        xlate_report(ctx, REPORT_WARN, "encap of an unknown type");
        ctx->error = XLATE_UNSUPPORTED_PACKET_TYPE;
        return;
    }
    ctx->pending_encap = true;
    flow_wc_set(wc, packet_type);
}

bool xlate_decap(struct xlate_ctx *ctx, const struct ofpact_decap *a)
{
    struct flow_key *flow = ctx->flow, *wc = &ctx->wc->bits;
    xlate_commit(ctx);
    ctx->unparsed.inner = 0;
    switch (flow->packet_type) {
    case FLOW_PT_ETH:
        if (flow->vlans[0].tci & FLOW_VLAN_PRESENT) {
            xlate_report(ctx, REPORT_ACTION, "Dropping packet, cannot decap Ethernet if VLAN is present.");
            ctx->error = XLATE_UNSUPPORTED_PACKET_TYPE;
            return false;
        }
        flow->packet_type = FLOW_PT(1, 0) | (be32)((uint32_t)flow->dl_type << 16);
        memset(&flow->dl_src, 0, sizeof flow->dl_src);
        memset(&flow->dl_dst, 0, sizeof flow->dl_dst);
        ctx->pending_decap = true;
        return false;
    case PT_NSH: {
        flow_wc_set(wc, nsh_np);
        static const be32 types[] = {0, FLOW_PT(1, 0x0800), FLOW_PT(1, 0x86dd), FLOW_PT_ETH, PT_NSH, PT_MPLS};
        if (flow->nsh_np >= ARRAY_SIZE(types) || (!types[flow->nsh_np] && flow->nsh_np != 3)) {
            xlate_report(ctx, REPORT_ACTION, "Dropping packet as NSH next protocol %u is not supported",
                         flow->nsh_np);
            ctx->error = XLATE_UNSUPPORTED_PACKET_TYPE;
            return false;
        }
        flow->packet_type = types[flow->nsh_np];
        flow->dl_type = flow->packet_type == FLOW_PT_ETH ? flow->dl_type : (be16)(flow->packet_type >> 16);
        ctx->pending_decap = true;
        return true; /* what is under it has not been parsed */
    }
    case PT_MPLS:
    case PT_MPLS_MCAST: {
        int n = xlate_count_labels(flow, wc);
        look_at_inner_labels(ctx, n);
        memmove(&flow->mpls_lse[0], &flow->mpls_lse[1], sizeof flow->mpls_lse[0] * (FLOW_MAX_MPLS - 1));
        flow->mpls_lse[FLOW_MAX_MPLS - 1] = 0;
        if (n <= 1) {
            flow->packet_type = a->new_pkt_type == OFP_PT_USE_NEXT_PROTO ? FLOW_PT_ETH : a->new_pkt_type;
            flow->dl_type =
                flow->packet_type == FLOW_PT_ETH ? CONST_BE16(ETH_TYPE_TEB) : (be16)(flow->packet_type >> 16);
            ctx->pending_decap = true;
            return true;
        }
        ctx->pending_decap = true;
        return false;
    }
    default:
        xlate_report(ctx, REPORT_ACTION,
                     "Dropping packet as the decap() does not support packet type (%u,0x%x)",
                     be32toh(flow->packet_type) >> 16, be32toh(flow->packet_type) & 0xffff);
        ctx->error = XLATE_UNSUPPORTED_PACKET_TYPE;
        return false;
    }
}
