/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on fields: set, move, push and pop, and the old ones that name a header field each. They change the
 * key alone (commit.c), and whatever they write or read is matched on. */
#include <string.h>

#include "openflow/action_text.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

/* ------------------------------------------------------------------ subfields */

static const struct tun_md_layout *layout_of(const struct xlate_ctx *ctx)
{
    return &ctx->bridge->tun_md.layout;
}

void xlate_get_field(const struct xlate_ctx *ctx, const struct field *field, union field_value *value)
{
    if (field_is_tun_metadata(field)) {
        tun_md_get(layout_of(ctx), field->id - FIELD_TUN_METADATA0, ctx->flow, value->b, field->n_bytes);
    } else {
        field_get(field, ctx->flow, value);
    }
}

void xlate_look_at_field(struct xlate_ctx *ctx, const struct field *field, const union field_value *bits)
{
    if (field_is_tun_metadata(field)) {
        tun_md_set_mask(layout_of(ctx), field->id - FIELD_TUN_METADATA0, bits->b, field->n_bytes,
                        &ctx->wc->bits);
    } else {
        field_wc_set_bits(field, bits, &ctx->wc->bits);
    }
}

/* The packet changes by VALUE in MASK. An option that is written to is there. */
static void change_field(struct xlate_ctx *ctx, const struct field *field, const union field_value *value,
                         const union field_value *mask)
{
    if (!field_is_tun_metadata(field)) {
        field_set_masked(field, value, mask, ctx->flow);
        return;
    }
    union field_value v;
    xlate_get_field(ctx, field, &v);
    for (unsigned i = 0; i < field->n_bytes; i++) {
        v.b[i] = (uint8_t)((v.b[i] & ~mask->b[i]) | (value->b[i] & mask->b[i]));
    }
    tun_md_set(layout_of(ctx), field->id - FIELD_TUN_METADATA0, v.b, field->n_bytes, ctx->flow);
}

bool xlate_put_options(struct xlate_ctx *ctx, struct flow_key *outer)
{
    uint8_t ones[TUN_MD_MAX_LEN];
    memset(ones, 0xff, sizeof ones);
    memset(outer->tun_opts, 0, sizeof outer->tun_opts);
    for (uint64_t left = ctx->flow->tun_md_present & layout_of(ctx)->known; left; left &= left - 1) {
        tun_md_set_mask(layout_of(ctx), (unsigned)__builtin_ctzll(left), ones, sizeof ones, &ctx->wc->bits);
    }
    int len = tun_md_to_options(&ctx->bridge->tun_md, ctx->flow, outer->tun_opts);
    outer->tun_opts_len = (uint8_t)MAX(len, 0);
    return len >= 0;
}

uint64_t subfield_read(const struct xlate_ctx *ctx, const struct subfield *sf)
{
    union field_value value;
    uint8_t out[8] = {0};
    be64 v;
    xlate_get_field(ctx, sf->field, &value);
    bits_copy(value.b, sf->field->n_bytes, sf->ofs, out, sizeof out, 0, MIN(sf->n_bits, 64));
    memcpy(&v, out, sizeof v);
    return be64toh(v);
}

/* The bits of SF become those of the LEN-byte number at SRC from bit SRC_OFS on. */
static void write_bits(struct xlate_ctx *ctx, const struct subfield *sf, const uint8_t *src, unsigned len,
                       unsigned src_ofs)
{
    union field_value value, mask;
    memset(&mask, 0, sizeof mask);
    memset(&value, 0, sizeof value);
    bits_copy(src, len, src_ofs, value.b, sf->field->n_bytes, sf->ofs, sf->n_bits);
    bits_set_ones(mask.b, sf->field->n_bytes, sf->ofs, sf->n_bits);
    change_field(ctx, sf->field, &value, &mask);
}

void subfield_write(struct xlate_ctx *ctx, const struct subfield *sf, uint64_t v)
{
    uint8_t wide[TUN_MD_MAX_LEN] = {0};
    be64 be = htobe64(v);
    memcpy(wide + sizeof wide - sizeof be, &be, sizeof be);
    write_bits(ctx, sf, wide, sizeof wide, 0);
}

void subfield_look_at(struct xlate_ctx *ctx, const struct subfield *sf)
{
    union field_value bits;
    memset(&bits, 0, sizeof bits);
    bits_set_ones(bits.b, sf->field->n_bytes, sf->ofs, sf->n_bits);
    xlate_look_at_field(ctx, sf->field, &bits);
}

void xlate_report_subfield(struct xlate_ctx *ctx, const struct subfield *sf)
{
    if (!ctx->report) {
        return;
    }
    union field_value value;
    struct strbuf s = STRBUF_INITIALIZER;
    xlate_get_field(ctx, sf->field, &value);
    subfield_format(sf, &s);
    strbuf_puts(&s, " is now ");
    if (sf->ofs == 0 && sf->n_bits == sf->field->n_bits) {
        field_format(sf->field, &value, NULL, NULL, &s);
    } else {
        uint8_t out[128] = {0};
        unsigned n = DIV_ROUND_UP(sf->n_bits, 8);
        bits_copy(value.b, sf->field->n_bytes, sf->ofs, out, n, 0, sf->n_bits);
        bytes_format_hex(out, n, &s);
    }
    xlate_report(ctx, REPORT_DETAIL, "%s", strbuf_text(&s));
    strbuf_fini(&s);
}

void xlate_write_subfield(struct xlate_ctx *ctx, const struct subfield *sf, uint64_t value)
{
    if (field_prereqs_ok(sf->field, ctx->flow)) {
        field_wc_set_prereqs(sf->field, ctx->flow, &ctx->wc->bits);
        subfield_look_at(ctx, sf);
        subfield_write(ctx, sf, value);
        xlate_report_subfield(ctx, sf);
    }
}

/* ------------------------------------------------------------------ actions */

/* Has the packet the header that FIELD is in? A later fragment has no transport header. */
static bool has_field(const struct field *field, const struct flow_key *flow)
{
    switch ((enum field_prereq)field->prereq) {
    case FIELD_PRE_TCP:
    case FIELD_PRE_UDP:
    case FIELD_PRE_SCTP:
    case FIELD_PRE_ICMPV4:
    case FIELD_PRE_ICMPV6:
    case FIELD_PRE_ND:
    case FIELD_PRE_ND_SOLICIT:
    case FIELD_PRE_ND_ADVERT:
        return !(flow->nw_frag & FLOW_NW_FRAG_LATER) && field_prereqs_ok(field, flow);
    default:
        return field_prereqs_ok(field, flow);
    }
}

void xlate_set_field(struct xlate_ctx *ctx, const struct ofpact_set_field *a)
{
    const struct field *field = a->field;
    union field_value value, mask;
    field_wc_set_prereqs(field, ctx->flow, &ctx->wc->bits);
    if (!has_field(field, ctx->flow)) {
        xlate_report(ctx, REPORT_WARN, "unmet prerequisites for %s, set_field ignored", field->name);
        return;
    }
    memset(&value, 0, sizeof value);
    memset(&mask, 0, sizeof mask);
    memcpy(value.b, ofpact_set_field_value(a), a->n_bytes);
    memcpy(mask.b, ofpact_set_field_mask(a), a->n_bytes);
    xlate_look_at_field(ctx, field, &mask);
    change_field(ctx, field, &value, &mask);
}

void xlate_move(struct xlate_ctx *ctx, const struct ofpact_move *a)
{
    field_wc_set_prereqs(a->dst.field, ctx->flow, &ctx->wc->bits);
    if (!has_field(a->dst.field, ctx->flow)) {
        xlate_report(ctx, REPORT_WARN, "unmet prerequisites for %s, move ignored", a->dst.field->name);
        return;
    }
    field_wc_set_prereqs(a->src.field, ctx->flow, &ctx->wc->bits);
    if (!has_field(a->src.field, ctx->flow)) {
        xlate_report(ctx, REPORT_WARN, "unmet prerequisites for %s, move ignored", a->src.field->name);
        return;
    }
    subfield_look_at(ctx, &a->src);
    subfield_look_at(ctx, &a->dst);
    union field_value src;
    xlate_get_field(ctx, a->src.field, &src);
    write_bits(ctx, &a->dst, src.b, a->src.field->n_bytes, a->src.ofs);
    xlate_report_subfield(ctx, &a->dst);
}

/* The stack: a value's bytes, most significant first, and how many they are. */
void xlate_stack_push(struct xlate_ctx *ctx, const struct ofpact_stack *a)
{
    union field_value value;
    unsigned n = DIV_ROUND_UP(a->subfield.n_bits, 8);
    subfield_look_at(ctx, &a->subfield);
    xlate_get_field(ctx, a->subfield.field, &value);
    uint8_t *p = bytebuf_put_zeros(&ctx->stack, n + 1);
    bits_copy(value.b, a->subfield.field->n_bytes, a->subfield.ofs, p, n, 0, a->subfield.n_bits);
    p[n] = (uint8_t)n;
}

void xlate_stack_pop(struct xlate_ctx *ctx, const struct ofpact_stack *a)
{
    if (!ctx->stack.len) {
        xlate_report_error(ctx, "stack underflow");
        return;
    }
    unsigned n = ctx->stack.data[ctx->stack.len - 1];
    uint8_t wide[256] = {0};
    memcpy(wide + sizeof wide - n, ctx->stack.data + ctx->stack.len - 1 - n, n);
    bytebuf_truncate(&ctx->stack, ctx->stack.len - 1 - n);
    if (!has_field(a->subfield.field, ctx->flow)) {
        return;
    }
    subfield_look_at(ctx, &a->subfield);
    write_bits(ctx, &a->subfield, wide, sizeof wide, 0);
    xlate_report_subfield(ctx, &a->subfield);
}

void xlate_delete_field(struct xlate_ctx *ctx, const struct field *field)
{
    if (field_is_tun_metadata(field)) {
        tun_md_clear(layout_of(ctx), field->id - FIELD_TUN_METADATA0, ctx->flow);
        xlate_report(ctx, REPORT_DETAIL, "delete %s", field->name);
    }
}

static int count_tags(const struct flow_key *key)
{
    int n = 0;
    while (n < FLOW_MAX_VLANS && (key->vlans[n].tci & FLOW_VLAN_PRESENT)) {
        n++;
    }
    return n;
}

void xlate_push_vlan(struct xlate_ctx *ctx, be16 ethertype)
{
    struct flow_key *flow = ctx->flow;
    memset(ctx->wc->bits.vlans, 0xff, sizeof flow->vlans[0] * (size_t)count_tags(flow));
    memmove(&flow->vlans[1], &flow->vlans[0], sizeof flow->vlans[0] * (FLOW_MAX_VLANS - 1));
    flow->vlans[0].tpid = ethertype;
    flow->vlans[0].tci = FLOW_VLAN_PRESENT;
}

void xlate_pop_vlan(struct xlate_ctx *ctx)
{
    struct flow_key *flow = ctx->flow;
    int n = count_tags(flow);
    ctx->wc->bits.vlans[0].tci |= FLOW_VLAN_PRESENT;
    if (n > 1) {
        memset(&ctx->wc->bits.vlans[1], 0xff, sizeof flow->vlans[0] * (size_t)(n - 1));
    }
    if (n) {
        memmove(&flow->vlans[0], &flow->vlans[1], sizeof flow->vlans[0] * (FLOW_MAX_VLANS - 1));
        memset(&flow->vlans[FLOW_MAX_VLANS - 1], 0, sizeof flow->vlans[0]);
    }
}

static void set_vlan_bits(struct xlate_ctx *ctx, uint16_t bits, uint16_t mask, bool push_if_needed)
{
    struct flow_vlan *vlan = &ctx->flow->vlans[0];
    ctx->wc->bits.vlans[0].tci |= htobe16(mask | VLAN_CFI);
    if ((vlan->tci & FLOW_VLAN_PRESENT) || push_if_needed) {
        if (!vlan->tpid) {
            vlan->tpid = CONST_BE16(ETH_TYPE_VLAN);
        }
        vlan->tci = (vlan->tci & ~htobe16(mask)) | htobe16(bits | VLAN_CFI);
    }
}

void xlate_plain_field(struct xlate_ctx *ctx, const struct ofpact *a)
{
    struct flow_key *flow = ctx->flow, *wc = &ctx->wc->bits;
    bool ip = flow_key_is_ip(flow), ipv4 = flow->dl_type == CONST_BE16(ETH_TYPE_IPV4);
    switch ((enum ofpact_type)a->type) {
    case OFPACT_SET_VLAN_VID:
        set_vlan_bits(ctx, OFPACT_CAST(SET_VLAN_VID, a)->vid, VLAN_VID_MASK,
                      OFPACT_CAST(SET_VLAN_VID, a)->push_if_needed);
        break;
    case OFPACT_SET_VLAN_PCP:
        set_vlan_bits(ctx, (uint16_t)(OFPACT_CAST(SET_VLAN_PCP, a)->pcp << VLAN_PCP_SHIFT), VLAN_PCP_MASK,
                      OFPACT_CAST(SET_VLAN_PCP, a)->push_if_needed);
        break;
    case OFPACT_SET_ETH_SRC:
        flow_wc_set(wc, dl_src);
        flow->dl_src = OFPACT_CAST(SET_ETH_SRC, a)->mac;
        break;
    case OFPACT_SET_ETH_DST:
        flow_wc_set(wc, dl_dst);
        flow->dl_dst = OFPACT_CAST(SET_ETH_DST, a)->mac;
        break;
    case OFPACT_SET_IPV4_SRC:
        if (ipv4) {
            flow_wc_set(wc, nw_src);
            flow->nw_src = OFPACT_CAST(SET_IPV4_SRC, a)->ip;
        }
        break;
    case OFPACT_SET_IPV4_DST:
        if (ipv4) {
            flow_wc_set(wc, nw_dst);
            flow->nw_dst = OFPACT_CAST(SET_IPV4_DST, a)->ip;
        }
        break;
    case OFPACT_SET_IP_DSCP:
        if (ip) {
            wc->nw_tos |= 0xfc;
            flow->nw_tos = (uint8_t)((flow->nw_tos & 3) | (OFPACT_CAST(SET_IP_DSCP, a)->value & 0xfc));
        }
        break;
    case OFPACT_SET_IP_ECN:
        if (ip) {
            wc->nw_tos |= 3;
            flow->nw_tos = (uint8_t)((flow->nw_tos & 0xfc) | (OFPACT_CAST(SET_IP_ECN, a)->value & 3));
        }
        break;
    case OFPACT_SET_IP_TTL:
        if (ip) {
            wc->nw_ttl = 0xff;
            flow->nw_ttl = OFPACT_CAST(SET_IP_TTL, a)->value;
        }
        break;
    case OFPACT_SET_L4_SRC_PORT:
    case OFPACT_SET_L4_DST_PORT:
        if (ip && !(flow->nw_frag & FLOW_NW_FRAG_LATER)) {
            be16 port = htobe16(OFPACT_CAST(SET_L4_SRC_PORT, a)->port);
            flow_wc_set(wc, nw_proto);
            if (a->type == OFPACT_SET_L4_SRC_PORT) {
                flow_wc_set(wc, tp_src);
                flow->tp_src = port;
            } else {
                flow_wc_set(wc, tp_dst);
                flow->tp_dst = port;
            }
        }
        break;
    default:
        break;
    }
}

bool xlate_dec_ttl(struct xlate_ctx *ctx, const struct ofpact_dec_ttl *a)
{
    struct flow_key *flow = ctx->flow;
    if (!flow_key_is_ip(flow)) {
        return false;
    }
    ctx->wc->bits.nw_ttl = 0xff;
    if (flow->nw_ttl > 1) {
        flow->nw_ttl--;
        return false;
    }
    size_t n = a->n_controllers;
    bool listed = a->ofpact.len >= sizeof *a + n * sizeof a->controllers[0];
    for (size_t i = 0; i < n; i++) {
        xlate_controller(ctx, UINT16_MAX, OFPR_INVALID_TTL, listed ? a->controllers[i] : 0, OFPM_NONE, NULL,
                         0);
    }
    xlate_report(ctx, REPORT_WARN, "IPv%d decrement TTL exception",
                 flow->dl_type == CONST_BE16(ETH_TYPE_IPV4) ? 4 : 6);
    return true;
}
