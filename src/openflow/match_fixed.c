/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed matches of OpenFlow 1.0 and 1.1, and the choice among the forms. */
#include "openflow/oxm.h"

#include "flow/field.h"

/* --- OpenFlow 1.0 --- */

enum {
    FW10_IN_PORT = 1 << 0,
    FW10_DL_VLAN = 1 << 1,
    FW10_DL_SRC = 1 << 2,
    FW10_DL_DST = 1 << 3,
    FW10_DL_TYPE = 1 << 4,
    FW10_NW_PROTO = 1 << 5,
    FW10_TP_SRC = 1 << 6,
    FW10_TP_DST = 1 << 7,
    FW10_NW_SRC_SHIFT = 8,
    FW10_NW_DST_SHIFT = 14,
    FW10_DL_VLAN_PCP = 1 << 20,
    FW10_NW_TOS = 1 << 21,
};
#define FW10_NW_MAX 32u
#define VLAN_NONE   0xffffu
#define VLAN_ANY    0xfffeu
#define CFI         0x1000u

static unsigned wild_bits(be32 mask)
{
    return mask ? (unsigned)__builtin_ctz(ntohl(mask)) : FW10_NW_MAX;
}

static bool is_set(const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) {
        if (b[i]) {
            return true;
        }
    }
    return false;
}

/* What looks at an Ethernet header or behind it is for packets that have one. */
static void set_packet_type(struct match *m)
{
    struct match rest = *m;
    rest.wc.bits.in_port = 0;
    rest.wc.bits.metadata = 0;
    if (is_set(&rest.wc.bits, sizeof rest.wc.bits)) {
        match_set_default_packet_type(m);
    }
}

/* The two of OpenFlow 1.0 and 1.1 say a tag alike: vid (or none), and priority. */
static void vlan_to_fixed(const struct match *m, uint16_t *vid, uint8_t *pcp, bool *wild_vid, bool *wild_pcp)
{
    uint16_t tci = ntohs(m->flow.vlans[0].tci), mask = ntohs(m->wc.bits.vlans[0].tci);
    *vid = 0;
    *pcp = 0;
    *wild_vid = *wild_pcp = true;
    if (!mask) {
        return;
    }
    if (mask & CFI && !(tci & CFI)) {
        *vid = VLAN_NONE;
        *wild_vid = false;
        *wild_pcp = true;
        return;
    }
    if (mask & 0xfff) {
        *vid = tci & 0xfff;
        *wild_vid = false;
    }
    if (mask & 0xe000) {
        *pcp = tci >> 13;
        *wild_pcp = false;
    }
}

static void vlan_from_fixed(struct match *m, uint16_t vid, uint8_t pcp, bool wild_vid, bool wild_pcp)
{
    struct flow_vlan *f = &m->flow.vlans[0], *w = &m->wc.bits.vlans[0];
    if (wild_vid && wild_pcp) {
        return;
    }
    if (!wild_vid && vid == VLAN_NONE) {
        f->tci = 0;
        w->tci = htons(0xffff);
        return;
    }
    uint16_t tci = CFI, mask = CFI;
    if (!wild_vid) {
        tci |= vid & 0xfff;
        mask |= 0xfff;
    }
    if (!wild_pcp) {
        tci |= (pcp & 7) << 13;
        mask |= 0xe000;
    }
    f->tci = htons(tci);
    w->tci = htons(mask);
}

static void encode_10(struct bytebuf *b, const struct match *m)
{
    const struct flow_key *f = &m->flow, *w = &m->wc.bits;
    uint32_t wild = 0;
    uint16_t vid;
    uint8_t pcp;
    bool wild_vid, wild_pcp;
    vlan_to_fixed(m, &vid, &pcp, &wild_vid, &wild_pcp);
    wild |= w->in_port ? 0 : FW10_IN_PORT;
    wild |= wild_vid ? FW10_DL_VLAN : 0;
    wild |= wild_pcp ? FW10_DL_VLAN_PCP : 0;
    wild |= is_set(&w->dl_src, 6) ? 0 : FW10_DL_SRC;
    wild |= is_set(&w->dl_dst, 6) ? 0 : FW10_DL_DST;
    wild |= w->dl_type ? 0 : FW10_DL_TYPE;
    wild |= w->nw_proto ? 0 : FW10_NW_PROTO;
    wild |= w->tp_src ? 0 : FW10_TP_SRC;
    wild |= w->tp_dst ? 0 : FW10_TP_DST;
    wild |= w->nw_tos & 0xfc ? 0 : FW10_NW_TOS;
    wild |= wild_bits(w->nw_src) << FW10_NW_SRC_SHIFT | wild_bits(w->nw_dst) << FW10_NW_DST_SHIFT;
    if (vid == VLAN_NONE && !wild_vid) {
        wild &= ~(uint32_t)FW10_DL_VLAN_PCP;
    }
    put_u32(b, wild);
    put_u16(b, f->in_port);
    bytebuf_put(b, &f->dl_src, 6);
    bytebuf_put(b, &f->dl_dst, 6);
    put_u16(b, vid);
    put_u8(b, pcp);
    put_u8(b, 0);
    bytebuf_put(b, &f->dl_type, 2);
    put_u8(b, f->nw_tos & 0xfc);
    put_u8(b, f->nw_proto);
    put_u16(b, 0);
    bytebuf_put(b, &f->nw_src, 4);
    bytebuf_put(b, &f->nw_dst, 4);
    bytebuf_put(b, &f->tp_src, 2);
    bytebuf_put(b, &f->tp_dst, 2);
}

static be32 prefix_mask(unsigned wild)
{
    return wild >= 32 ? 0 : htonl(UINT32_MAX << wild);
}

static void set_port(struct match *m, uint32_t port)
{
    m->flow.in_port = port;
    m->wc.bits.in_port = UINT32_MAX;
}

static void set_bytes(void *flow, void *mask, const void *value, size_t n)
{
    memcpy(flow, value, n);
    memset(mask, 0xff, n);
}

static enum ofperr decode_10(struct reader *r, struct match *m)
{
    struct flow_key *f = &m->flow, *w = &m->wc.bits;
    match_init_catchall(m);
    uint32_t wild = get_u32(r);
    uint16_t in_port = get_u16(r);
    const uint8_t *p = get_bytes(r, 34);
    if (!p) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (!(wild & FW10_IN_PORT)) {
        set_port(m, in_port);
    }
    if (!(wild & FW10_DL_SRC)) {
        set_bytes(&f->dl_src, &w->dl_src, p, 6);
    }
    if (!(wild & FW10_DL_DST)) {
        set_bytes(&f->dl_dst, &w->dl_dst, p + 6, 6);
    }
    vlan_from_fixed(m, ntohs(get_be16(p + 12)), p[14], wild & FW10_DL_VLAN, wild & FW10_DL_VLAN_PCP);
    if (!(wild & FW10_DL_TYPE)) {
        set_bytes(&f->dl_type, &w->dl_type, p + 16, 2);
    }
    if (!(wild & FW10_NW_TOS)) {
        f->nw_tos = p[18] & 0xfc;
        w->nw_tos = 0xfc;
    }
    if (!(wild & FW10_NW_PROTO)) {
        set_bytes(&f->nw_proto, &w->nw_proto, p + 19, 1);
    }
    w->nw_src = prefix_mask((wild >> FW10_NW_SRC_SHIFT) & 0x3f);
    w->nw_dst = prefix_mask((wild >> FW10_NW_DST_SHIFT) & 0x3f);
    f->nw_src = get_be32(p + 22) & w->nw_src;
    f->nw_dst = get_be32(p + 26) & w->nw_dst;
    if (!(wild & FW10_TP_SRC)) {
        set_bytes(&f->tp_src, &w->tp_src, p + 30, 2);
    }
    if (!(wild & FW10_TP_DST)) {
        set_bytes(&f->tp_dst, &w->tp_dst, p + 32, 2);
    }
    set_packet_type(m);
    return OFPERR_NONE;
}

/* --- OpenFlow 1.1 --- */

enum {
    FW11_IN_PORT = 1 << 0,
    FW11_DL_VLAN = 1 << 1,
    FW11_DL_VLAN_PCP = 1 << 2,
    FW11_DL_TYPE = 1 << 3,
    FW11_NW_TOS = 1 << 4,
    FW11_NW_PROTO = 1 << 5,
    FW11_TP_SRC = 1 << 6,
    FW11_TP_DST = 1 << 7,
    FW11_MPLS_LABEL = 1 << 8,
    FW11_MPLS_TC = 1 << 9,
};
#define MATCH11_LEN 88

static void put_inverted(struct bytebuf *b, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_u8(b, ~((const uint8_t *)p)[i]);
    }
}

static void encode_11(struct bytebuf *b, const struct match *m)
{
    const struct flow_key *f = &m->flow, *w = &m->wc.bits;
    uint32_t mpls = ntohl(f->mpls_lse[0]), mpls_mask = ntohl(w->mpls_lse[0]), wild = 0;
    uint16_t vid;
    uint8_t pcp;
    bool wild_vid, wild_pcp;
    vlan_to_fixed(m, &vid, &pcp, &wild_vid, &wild_pcp);
    if (wild_vid && !wild_pcp) {
        vid = VLAN_ANY;
        wild_vid = false;
    }
    wild |= w->in_port ? 0 : FW11_IN_PORT;
    wild |= wild_vid ? FW11_DL_VLAN : 0;
    wild |= wild_pcp ? FW11_DL_VLAN_PCP : 0;
    wild |= w->dl_type ? 0 : FW11_DL_TYPE;
    wild |= w->nw_tos & 0xfc ? 0 : FW11_NW_TOS;
    wild |= w->nw_proto ? 0 : FW11_NW_PROTO;
    wild |= w->tp_src ? 0 : FW11_TP_SRC;
    wild |= w->tp_dst ? 0 : FW11_TP_DST;
    wild |= mpls_mask & 0xfffff000u ? 0 : FW11_MPLS_LABEL;
    wild |= mpls_mask & 0xe00u ? 0 : FW11_MPLS_TC;
    put_u16(b, 0);
    put_u16(b, MATCH11_LEN);
    put_u32(b, w->in_port ? ofp_port_to_11(f->in_port) : 0);
    put_u32(b, wild);
    bytebuf_put(b, &f->dl_src, 6);
    put_inverted(b, &w->dl_src, 6);
    bytebuf_put(b, &f->dl_dst, 6);
    put_inverted(b, &w->dl_dst, 6);
    put_u16(b, vid);
    put_u8(b, pcp);
    put_u8(b, 0);
    bytebuf_put(b, &f->dl_type, 2);
    put_u8(b, f->nw_tos & 0xfc);
    put_u8(b, f->nw_proto);
    bytebuf_put(b, &f->nw_src, 4);
    put_inverted(b, &w->nw_src, 4);
    bytebuf_put(b, &f->nw_dst, 4);
    put_inverted(b, &w->nw_dst, 4);
    bytebuf_put(b, &f->tp_src, 2);
    bytebuf_put(b, &f->tp_dst, 2);
    put_u32(b, mpls_mask & 0xfffff000u ? mpls >> 12 : 0);
    put_u8(b, mpls_mask & 0xe00u ? (mpls >> 9) & 7 : 0);
    bytebuf_put_zeros(b, 3);
    bytebuf_put(b, &f->metadata, 8);
    put_inverted(b, &w->metadata, 8);
}

static void get_masked(struct reader *r, void *flow, void *mask, size_t n)
{
    const uint8_t *v = get_bytes(r, n), *m = get_bytes(r, n);
    for (size_t i = 0; v && m && i < n; i++) {
        ((uint8_t *)mask)[i] = ~m[i];
        ((uint8_t *)flow)[i] = v[i] & ~m[i];
    }
}

static enum ofperr decode_11(struct reader *r, struct match *m)
{
    struct flow_key *f = &m->flow, *w = &m->wc.bits;
    match_init_catchall(m);
    uint16_t type = get_u16(r), len = get_u16(r);
    if (r->bad || len != MATCH11_LEN || r->n < MATCH11_LEN - 4) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    if (type) {
        return OFPERR_OFPBMC_BAD_TYPE;
    }
    uint32_t in_port = get_u32(r), wild = get_u32(r), port;
    get_masked(r, &f->dl_src, &w->dl_src, 6);
    get_masked(r, &f->dl_dst, &w->dl_dst, 6);
    uint16_t vid = get_u16(r);
    uint8_t pcp = get_u8(r);
    get_skip(r, 1);
    const uint8_t *p = get_bytes(r, 4); /* dl_type, nw_tos, nw_proto */
    get_masked(r, &f->nw_src, &w->nw_src, 4);
    get_masked(r, &f->nw_dst, &w->nw_dst, 4);
    const uint8_t *tp = get_bytes(r, 4);
    uint32_t label = get_u32(r);
    uint8_t tc = get_u8(r);
    get_skip(r, 3);
    get_masked(r, &f->metadata, &w->metadata, 8);
    if (r->bad) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    if (!(wild & FW11_IN_PORT)) {
        if (!ofp_port_from_11(in_port, &port)) {
            return OFPERR_OFPBMC_BAD_VALUE;
        }
        set_port(m, port);
    }
    vlan_from_fixed(m, vid, pcp, (wild & FW11_DL_VLAN) || vid == VLAN_ANY, wild & FW11_DL_VLAN_PCP);
    if (!(wild & FW11_DL_VLAN) && vid == VLAN_ANY) {
        f->vlans[0].tci |= htons(CFI);
        w->vlans[0].tci |= htons(CFI);
    }
    if (!(wild & FW11_DL_TYPE)) {
        set_bytes(&f->dl_type, &w->dl_type, p, 2);
    }
    /* What lacks its prerequisites is not looked at. */
    bool ip = w->dl_type && f->dl_type == htons(0x800);
    bool arp = w->dl_type && (f->dl_type == htons(0x806) || f->dl_type == htons(0x8035));
    if (!ip && !arp) {
        f->nw_src = w->nw_src = f->nw_dst = w->nw_dst = 0;
    }
    if (!(wild & FW11_NW_TOS) && ip) {
        f->nw_tos = p[2] & 0xfc;
        w->nw_tos = 0xfc;
    }
    if (!(wild & FW11_NW_PROTO) && (ip || arp)) {
        set_bytes(&f->nw_proto, &w->nw_proto, p + 3, 1);
    }
    if (!(wild & FW11_TP_SRC) && ip && w->nw_proto) {
        set_bytes(&f->tp_src, &w->tp_src, tp, 2);
    }
    if (!(wild & FW11_TP_DST) && ip && w->nw_proto) {
        set_bytes(&f->tp_dst, &w->tp_dst, tp + 2, 2);
    }
    if (!(wild & FW11_MPLS_LABEL)) {
        f->mpls_lse[0] |= htonl(label << 12);
        w->mpls_lse[0] |= htonl(0xfffff000u);
    }
    if (!(wild & FW11_MPLS_TC)) {
        f->mpls_lse[0] |= htonl((tc & 7u) << 9);
        w->mpls_lse[0] |= htonl(0xe00);
    }
    set_packet_type(m);
    return OFPERR_NONE;
}

/* --- The choice --- */

void match_encode_fields(struct bytebuf *b, const struct match *match, enum ofp_version version)
{
    size_t start = b->len;
    put_u16(b, 1);
    put_u16(b, 0);
    set_u16(b, start + 2, 4 + oxm_put_match(b, match, version, 0, 0));
    put_pad_from(b, start, 8);
}

void match_encode(struct bytebuf *b, const struct match *match, enum ofp_version version)
{
    if (version == OFP10) {
        encode_10(b, match);
    } else if (version == OFP11) {
        encode_11(b, match);
    } else {
        match_encode_fields(b, match, version);
    }
}

enum ofperr match_decode(struct reader *r, enum ofp_version version, bool loose, struct match *match)
{
    if (version == OFP10) {
        return decode_10(r, match);
    }
    if (r->n < 4) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    uint16_t type = ntohs(get_be16(r->p)), len = ntohs(get_be16(r->p + 2));
    if (version == OFP11 && type != 1) { /* the reference sends OXM in 1.1's flow statistics */
        return decode_11(r, match);
    }
    if (type == 0) { /* 1.1's fixed match goes on to be understood */
        return len != 88 || r->n < 88 ? OFPERR_OFPBMC_BAD_LEN : decode_11(r, match);
    }
    if (type != 1) {
        return OFPERR_OFPBMC_BAD_TYPE;
    }
    if (len < 4) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    get_skip(r, 4);
    struct reader tlvs = get_sub(r, len - 4);
    get_skip(r, ROUND_UP(len, 8) - len);
    if (r->bad) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    return oxm_get_match(&tlvs, loose, match, NULL, NULL);
}
