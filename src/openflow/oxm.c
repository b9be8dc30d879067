/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/oxm.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "flow/field.h"
#include "flow/mask.h"

LOG_MODULE(nx_match);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 5);

/* The cookie, as a field of Nicira's flow mods. */
#define NXM_COOKIE       UINT64_C(0x00013c0000000000) /* class 1, field 30 */
#define NXM_COOKIE_CLASS 0x0001
#define NXM_COOKIE_FIELD 30u

/* Fields in the order in which they are sent: a field stands behind its prerequisites. Those that the same
 * bits have under another name (xreg, vlan_tci ...) are not in it, or are chosen by version. A block of the
 * key that a match does not use skips all up to the next one. */
static const uint8_t order_first[] = {FIELD_DP_HASH, FIELD_RECIRC_ID, FIELD_CONJ_ID};
static const uint8_t order_main[] = {
    FIELD_IN_PORT,     FIELD_ACTSET_OUTPUT,   FIELD_ETH_SRC,     FIELD_ETH_DST,     FIELD_ETH_TYPE,
    FIELD_VLAN_TCI,    FIELD_VLAN_VID,        FIELD_VLAN_PCP,    FIELD_MPLS_TC,     FIELD_MPLS_BOS,
    FIELD_MPLS_TTL,    FIELD_MPLS_LABEL,      FIELD_IPV4_SRC,    FIELD_IPV4_DST,    FIELD_IPV6_SRC,
    FIELD_IPV6_DST,    FIELD_IP_FRAG,         FIELD_IP_TOS,      FIELD_IP_DSCP,     FIELD_IP_ECN,
    FIELD_IP_TTL,      FIELD_IPV6_LABEL,      FIELD_IP_PROTO,    FIELD_TCP_SRC,     FIELD_TCP_DST,
    FIELD_TCP_FLAGS,   FIELD_UDP_SRC,         FIELD_UDP_DST,     FIELD_SCTP_SRC,    FIELD_SCTP_DST,
    FIELD_ICMPV4_TYPE, FIELD_ICMPV4_CODE,     FIELD_ICMPV6_TYPE, FIELD_ICMPV6_CODE, FIELD_ND_RESERVED,
    FIELD_ND_TARGET,   FIELD_ND_OPTIONS_TYPE, FIELD_ND_SLL,      FIELD_ND_TLL,      FIELD_ARP_OP,
    FIELD_ARP_SPA,     FIELD_ARP_TPA,         FIELD_ARP_SHA,     FIELD_ARP_THA,
};
static const uint8_t order_nsh[] = {
    FIELD_NSH_FLAGS, FIELD_NSH_TTL, FIELD_NSH_MDTYPE, FIELD_NSH_NP, FIELD_NSH_SPI,
    FIELD_NSH_SI,    FIELD_NSH_C1,  FIELD_NSH_C2,     FIELD_NSH_C3, FIELD_NSH_C4,
};
static const uint8_t order_tunnel[] = {
    FIELD_TUN_ID,         FIELD_TUN_FLAGS,        FIELD_TUN_SRC,        FIELD_TUN_DST,
    FIELD_TUN_IPV6_SRC,   FIELD_TUN_IPV6_DST,     FIELD_TUN_GBP_ID,     FIELD_TUN_GBP_FLAGS,
    FIELD_TUN_ERSPAN_VER, FIELD_TUN_ERSPAN_IDX,   FIELD_TUN_ERSPAN_DIR, FIELD_TUN_ERSPAN_HWID,
    FIELD_TUN_GTPU_FLAGS, FIELD_TUN_GTPU_MSGTYPE,
};
static const uint8_t order_meta[] = {
    FIELD_PKT_MARK,    FIELD_CT_STATE,    FIELD_CT_ZONE,   FIELD_CT_MARK,
    FIELD_CT_LABEL,    FIELD_CT_NW_SRC,   FIELD_CT_NW_DST, FIELD_CT_IPV6_SRC,
    FIELD_CT_IPV6_DST, FIELD_CT_NW_PROTO, FIELD_CT_TP_SRC, FIELD_CT_TP_DST,
};

/* --- One field --- */

static void put_oxm_header(struct bytebuf *b, uint64_t header, unsigned len, bool masked)
{
    bool exp = FIELD_OXM_CLASS(header) == 0xffff;
    uint32_t h = (uint32_t)(header >> 32) & 0xfffffe00u;
    put_u32(b, h | (masked ? 0x100 : 0) | (len + (exp ? 4 : 0)));
    if (exp) {
        put_u32(b, (uint32_t)header);
    }
}

static const struct field_oxm *oxm_for(const struct field *field, enum ofp_version version)
{
    const struct field_oxm *oxm = field_oxm_of(field, version);
    /* Not of this version: Nicira's or a later name is what there is. */
    return oxm ? oxm : field_oxm_of(field, OFP15);
}

void oxm_put_header(struct bytebuf *b, const struct field *field, enum ofp_version version, bool masked)
{
    const struct field_oxm *oxm = oxm_for(field, version);
    if (oxm) {
        put_oxm_header(b, oxm->header, field->n_bytes * (masked ? 2u : 1u), masked);
    }
}

enum ofperr oxm_get_header(struct reader *r, const struct field **field, bool *masked, unsigned *len)
{
    uint32_t h = get_u32(r);
    unsigned n = h & 0xff;
    uint64_t header = (uint64_t)(h & 0xfffffe00u) << 32;
    if (h >> 16 == 0xffff) {
        header |= get_u32(r);
        if (n < 4) {
            return OFPERR_OFPBMC_BAD_LEN;
        }
        n -= 4;
    }
    if (r->bad) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    const struct field_oxm *oxm = field_oxm_from_header(header);
    *field = oxm ? field_from_id(oxm->field) : NULL;
    if (oxm && r->tun_md && field_is_tun_metadata(*field)) {
        const struct tun_md_layout *layout = &r->tun_md->layout;
        unsigned i = (*field)->id - FIELD_TUN_METADATA0;
        if (!(layout->known & TUN_MD_BIT(i))) {
            return OFPERR_NXFMFC_INVALID_TLV_FIELD;
        }
        *field = field_of_length(*field, layout->slots[i].len);
    }
    if (masked) {
        *masked = h & 0x100;
    }
    if (len) {
        *len = n;
    }
    return OFPERR_NONE;
}

void oxm_put_field(struct bytebuf *b, const struct field *field, enum ofp_version version,
                   const union field_value *value, const union field_value *mask)
{
    const struct field_oxm *oxm = oxm_for(field, version);
    if (!oxm) {
        return;
    }
    unsigned n = field->n_bytes, skip = 0;
    if (field_is_tun_metadata(field)) {
        while (skip < n && !value->b[skip] && (!mask || !mask->b[skip])) {
            skip++;
        }
    }
    put_oxm_header(b, oxm->header, (n - skip) * (mask ? 2 : 1), mask);
    bytebuf_put(b, value->b + skip, n - skip);
    if (mask) {
        bytebuf_put(b, mask->b + skip, n - skip);
    }
}

/* As struct field_oxm has it; the header was read before. */
static uint64_t raw_header(const uint8_t *p)
{
    uint64_t header = (uint64_t)(ntohl(get_be32(p)) & 0xfffffe00u) << 32;
    return header | (FIELD_OXM_CLASS(header) == 0xffff ? ntohl(get_be32(p + 4)) : 0);
}

enum ofperr oxm_get_field(struct reader *r, const struct field **fieldp, union field_value *value,
                          union field_value *mask, bool *maskedp)
{
    unsigned len;
    bool masked;
    const uint8_t *start = r->p;
    memset(value, 0, sizeof *value);
    memset(mask, 0, sizeof *mask);
    enum ofperr error = oxm_get_header(r, fieldp, &masked, &len);
    if (error) {
        return error;
    }
    uint64_t header = raw_header(start);
    const uint8_t *payload = get_bytes(r, len);
    if (!payload) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    const struct field *field = *fieldp;
    *maskedp = masked;
    /* A bit outside of the mask is wrong whatever the field, and a length is part of the field's name. */
    unsigned n = masked ? len / 2 : len;
    for (unsigned i = 0; i < n && masked; i++) {
        if (payload[i] & ~payload[n + i]) {
            LOG_WARN_RL(&rl,
                        "Rejecting NXM/OXM entry %u:%u:%u:%d:%u with 1-bits in value for bits wildcarded by "
                        "the mask.",
                        FIELD_OXM_CLASS(header) == 0xffff ? (unsigned)header : 0, FIELD_OXM_CLASS(header),
                        (unsigned)(header >> 41) & 0x7f, masked, len);
            return OFPERR_OFPBMC_BAD_WILDCARDS;
        }
    }
    if (!field || (masked && len % 2) ||
        (field_is_tun_metadata(field) ? n > TUN_MD_MAX_LEN : n != field->n_bytes)) {
        return OFPERR_OFPBMC_BAD_FIELD;
    }
    /* Of what is longer than a mapped option the beginning counts. */
    unsigned used = MIN(n, field->n_bytes), at = field->n_bytes - used;
    memcpy(value->b + at, payload, used);
    if (masked) {
        memcpy(mask->b + at, payload + n, used);
    } else {
        field_all_ones(field, mask);
    }
    return OFPERR_NONE;
}

/* --- Matches --- */

static bool all_ones(const struct field *field, const union field_value *mask)
{
    union field_value ones;
    if (field_is_tun_metadata(field)) {
        unsigned i = 0;
        while (i < field->n_bytes && !mask->b[i]) {
            i++;
        }
        while (i < field->n_bytes && mask->b[i] == 0xff) {
            i++;
        }
        return i == field->n_bytes;
    }
    if (field->id == FIELD_CT_STATE || field->id == FIELD_TUN_FLAGS) {
        return false; /* each of their bits is matched by itself */
    }
    field_all_ones(field, &ones);
    return !memcmp(&ones, mask, field->n_bytes);
}

static void put_match_field(struct bytebuf *b, const struct match *match, int id, enum ofp_version version)
{
    const struct field *field = field_from_id(id);
    if (field_is_all_wild(field, &match->wc.bits)) {
        return;
    }
    if (version >= OFP12 && id == FIELD_IN_PORT) {
        field = field_from_id(FIELD_IN_PORT_OXM);
    }
    /* Names that are of one family alone. */
    bool nxm_only = id == FIELD_VLAN_TCI || id == FIELD_IP_TOS;
    bool oxm_only = id == FIELD_VLAN_VID || id == FIELD_VLAN_PCP || id == FIELD_IP_DSCP;
    /* A connection's members are told whatever the match lacks: who gets them says what is missing. */
    bool unconditional = field->prereq == FIELD_PRE_CT;
    if ((nxm_only && version >= OFP12) || (oxm_only && version < OFP12) ||
        (!unconditional && !field_match_prereqs_ok(field, match))) {
        return;
    }
    union field_value value = {0}, mask = {0};
    field_match_get(field, match, &value, &mask);
    unsigned i = 0;
    while (i < field->n_bytes && !mask.b[i]) {
        i++;
    }
    if (i == field->n_bytes) {
        return;
    }
    oxm_put_field(b, field, version, &value, all_ones(field, &mask) ? NULL : &mask);
}

/* A tun_metadata, as long as its place is. */
static void put_tunnel_option(struct bytebuf *b, const struct match *match, unsigned i,
                              enum ofp_version version)
{
    uint8_t value[TUN_MD_MAX_LEN], mask[TUN_MD_MAX_LEN];
    unsigned len = match->tun_md.slots[i].len, ones = 0;
    tun_md_get(&match->tun_md, i, &match->flow, value, len);
    tun_md_get(&match->tun_md, i, &match->wc.bits, mask, len);
    while (ones < len && mask[ones] == 0xff) {
        ones++;
    }
    bool exact = match->tun_md.exact & TUN_MD_BIT(i);
    /* A rule has forgotten what it came as: without a value, it is one of no bits. */
    bool masked = !exact && (!match->tun_md.fixed || !len || ones < len);
    put_oxm_header(b, oxm_for(field_from_id(FIELD_TUN_METADATA(i)), version)->header, len * (masked ? 2 : 1),
                   masked);
    bytebuf_put(b, value, len);
    if (masked) {
        bytebuf_put(b, mask, len);
    }
}

static void put_fields(struct bytebuf *b, const struct match *match, enum ofp_version version,
                       const uint8_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_match_field(b, match, ids[i], version);
    }
}
#define PUT_FIELDS(ORDER) put_fields(b, match, version, ORDER, sizeof(ORDER))

static bool is_matched(const struct eth_addr *mask)
{
    static const struct eth_addr none;
    return memcmp(mask, &none, sizeof none);
}

size_t oxm_put_match(struct bytebuf *b, const struct match *match, enum ofp_version version, uint64_t cookie,
                     uint64_t cookie_mask)
{
    size_t start = b->len;
    const struct flow_key *wc = &match->wc.bits;
    bool meta = !flow_block_is_zero(wc, FLOW_BLOCK_META) || !flow_block_is_zero(wc, FLOW_BLOCK_EXT) ||
                wc->pkt_mark || wc->ct_state || wc->ct_zone;
    bool tunnel = !flow_block_is_zero(wc, FLOW_BLOCK_TUNNEL) || wc->erspan_idx;
    bool ethernet = wc->dl_type || wc->vlans[0].tci || is_matched(&wc->dl_src) || is_matched(&wc->dl_dst);
    /* What has an Ethernet header is Ethernet: it goes without saying. */
    bool implied = !match->flow.packet_type && ethernet;
    if (!implied) {
        put_match_field(b, match, FIELD_PACKET_TYPE, version);
    }
    PUT_FIELDS(order_first);
    PUT_FIELDS(order_main);
    if (!flow_block_is_zero(wc, FLOW_BLOCK_EXT)) {
        PUT_FIELDS(order_nsh);
    }
    if (tunnel) {
        PUT_FIELDS(order_tunnel);
    }
    for (uint64_t left = wc->tun_md_present & match->tun_md.known; left; left &= left - 1) {
        put_tunnel_option(b, match, (unsigned)__builtin_ctzll(left), version);
    }
    /* OpenFlow 1.5 has registers of its own, each two of ours. */
    bool pairs = version >= OFP15, registers = !flow_block_is_zero(wc, FLOW_BLOCK_REGS);
    for (int i = 0; i < (pairs ? FLOW_N_REGS / 2 : FLOW_N_REGS) && registers; i++) {
        put_match_field(b, match, pairs ? (int)FIELD_XREG0 + i : (int)FIELD_REG(i), version);
    }
    if (meta) {
        PUT_FIELDS(order_meta);
    }
    put_match_field(b, match, FIELD_METADATA, version);
    if (cookie_mask) {
        put_oxm_header(b, NXM_COOKIE, cookie_mask == UINT64_MAX ? 8 : 16, cookie_mask != UINT64_MAX);
        put_u64(b, cookie & cookie_mask);
        if (cookie_mask != UINT64_MAX) {
            put_u64(b, cookie_mask);
        }
    }
    return b->len - start;
}

static enum ofperr get_cookie(struct reader *r, bool loose, uint64_t *cookie, uint64_t *cookie_mask)
{
    uint32_t h = get_u32(r);
    if (!cookie) {
        get_skip(r, h & 0xff);
        return r->bad ? OFPERR_OFPBMC_BAD_LEN : loose ? OFPERR_NONE : OFPERR_OFPBMC_BAD_FIELD;
    }
    if (*cookie_mask) {
        return OFPERR_OFPBMC_DUP_FIELD;
    }
    *cookie = get_u64(r);
    *cookie_mask = h & 0x100 ? get_u64(r) : UINT64_MAX;
    return r->bad || (h & 0xff) != (h & 0x100 ? 16 : 8) ? OFPERR_OFPBMC_BAD_LEN
           : *cookie & ~*cookie_mask                    ? OFPERR_OFPBMC_BAD_WILDCARDS
                                                        : OFPERR_NONE;
}

static enum ofperr get_match_field(struct reader *r, bool loose, struct match *match)
{
    const struct field *field;
    union field_value value, mask;
    bool masked;
    enum ofperr error = oxm_get_field(r, &field, &value, &mask, &masked);
    if (error == OFPERR_OFPBMC_BAD_FIELD && loose) {
        return OFPERR_NONE;
    }
    if (error) {
        return error;
    }
    if (masked && field->masking == FIELD_EXACT && !all_ones(field, &mask)) {
        return OFPERR_OFPBMC_BAD_MASK;
    }
    if (!field_is_value_valid(field, &value)) {
        return OFPERR_OFPBMC_BAD_VALUE;
    }
    if (!loose && !field_match_prereqs_ok(field, match)) {
        LOG_DBG_RL(&rl, "%s lacks its prerequisites", field->name);
        return OFPERR_OFPBMC_BAD_PREREQ;
    }
    if (!field_is_all_wild(field, &match->wc.bits) && field->id != FIELD_VLAN_PCP &&
        field->id != FIELD_VLAN_VID && field->id != FIELD_PACKET_TYPE) {
        return OFPERR_OFPBMC_DUP_FIELD;
    }
    char *why = field_match(field, &value, &mask, match);
    if (why) {
        LOG_WARN_RL(&rl, "%s: %s", field->name, why);
        free(why);
        return OFPERR_OFPBMC_BAD_MASK;
    }
    return OFPERR_NONE;
}

enum ofperr oxm_get_match(struct reader *r, bool loose, struct match *match, uint64_t *cookie,
                          uint64_t *cookie_mask)
{
    match_init_catchall(match);
    match_set_layout(match, r->tun_md ? &r->tun_md->layout : NULL);
    if (loose) {
        r->tun_md = NULL; /* options that have no name are passed over, too */
    }
    if (cookie) {
        *cookie = *cookie_mask = 0;
    }
    while (r->n) {
        enum ofperr error;
        /* A field of one byte has the same number: an MPLS label's TTL. */
        if (r->n >= 4 && get_be16(r->p) == htons(NXM_COOKIE_CLASS) && r->p[2] >> 1 == NXM_COOKIE_FIELD &&
            r->p[3] != (r->p[2] & 1 ? 2 : 1)) {
            error = get_cookie(r, loose, cookie, cookie_mask);
        } else {
            error = get_match_field(r, loose, match);
        }
        if (error) {
            LOG_DBG("bad match: %s", ofperr_name(error));
            return error;
        }
    }
    return OFPERR_NONE;
}
