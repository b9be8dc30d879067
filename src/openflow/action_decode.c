/* SPDX-License-Identifier: Apache-2.0 */
/* From the wire to actions in memory. One table says which forms there are: owner, number, versions. */
#include "openflow/action_wire_private.h"
#include "openflow/oxs.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "openflow/print.h"

LOG_MODULE(ofp_actions);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 5), order_rl = LOG_RATE_LIMIT_INIT(60, 5);

#define DECODE(NAME) static enum ofperr decode_##NAME(struct reader *r, const struct action_decode *d)

/* --- What the forms share --- */

void get_ofs_nbits(uint16_t ofs_nbits, struct subfield *sf)
{
    sf->ofs = ofs_nbits >> 6;
    sf->n_bits = (ofs_nbits & 0x3f) + 1;
}

/* A header names a field with its length: another length is no field. */
static bool header_fits(const struct field *field, bool masked, unsigned len)
{
    unsigned n = masked ? len / 2 : len;
    return field && (field_is_tun_metadata(field) ? n <= TUN_MD_MAX_LEN : n == field->n_bytes) &&
           !(masked && len % 2);
}

enum ofperr get_field_header(struct reader *r, const struct field **field)
{
    bool masked;
    unsigned len;
    enum ofperr error = oxm_get_header(r, field, &masked, &len);
    return error                               ? error
           : !header_fits(*field, masked, len) ? OFPERR_OFPBMC_BAD_FIELD
           : masked                            ? OFPERR_OFPBMC_BAD_MASK
                                               : OFPERR_NONE;
}

enum ofperr get_short_header(struct reader *r, const struct field **field)
{
    bool masked;
    unsigned len;
    enum ofperr error = oxm_get_header(r, field, &masked, &len);
    return error == OFPERR_NXFMFC_INVALID_TLV_FIELD ? error
           : error                                  ? OFPERR_OFPBAC_BAD_SET_LEN
           : !header_fits(*field, masked, len)      ? OFPERR_OFPBAC_BAD_SET_TYPE
                                                    : OFPERR_NONE;
}

static enum ofperr check_width(const struct subfield *sf)
{
    return sf->ofs + sf->n_bits > sf->field->n_bits || !sf->n_bits ? OFPERR_OFPBAC_BAD_SET_LEN : OFPERR_NONE;
}

static enum ofperr get_port(struct reader *r, const struct action_decode *d, uint32_t *port)
{
    if (d->version == OFP10) {
        *port = get_u16(r);
        return OFPERR_NONE;
    }
    return ofp_port_from_11(get_u32(r), port) ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
}

/* The rest must be zero. */
static enum ofperr rest_zero(struct reader *r, enum ofperr error)
{
    return get_zeros(r, r->n) ? OFPERR_NONE : error;
}

/* --- Standard actions --- */

DECODE(output)
{
    uint32_t port;
    enum ofperr error = get_port(r, d, &port);
    struct ofpact_output *a = OFPACT_PUT(OUTPUT, d->out);
    a->port = port;
    a->max_len = get_u16(r);
    return error;
}

DECODE(enqueue)
{
    struct ofpact_enqueue *a = OFPACT_PUT(ENQUEUE, d->out);
    a->port = get_u16(r);
    get_skip(r, 6);
    a->queue = get_u32(r);
    return a->port < OFPP_MAX || a->port == OFPP_IN_PORT || a->port == OFPP_LOCAL
               ? OFPERR_NONE
               : OFPERR_OFPBAC_BAD_OUT_PORT;
}

DECODE(group)
{
    if (d->version == OFP10) {
        get_skip(r, 2);
    }
    OFPACT_PUT(GROUP, d->out)->group_id = get_u32(r);
    return OFPERR_NONE;
}

DECODE(set_vlan_vid)
{
    uint16_t vid = get_u16(r);
    struct ofpact_vlan_vid *a = OFPACT_PUT(SET_VLAN_VID, d->out);
    a->vid = vid;
    a->push_if_needed = d->version == OFP10;
    return vid & ~0xfff ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
}

DECODE(set_vlan_pcp)
{
    uint8_t pcp = get_u8(r);
    struct ofpact_vlan_pcp *a = OFPACT_PUT(SET_VLAN_PCP, d->out);
    a->pcp = pcp;
    a->push_if_needed = d->version == OFP10;
    return pcp & ~7 ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
}

DECODE(push_vlan)
{
    uint16_t ethertype = get_u16(r);
    OFPACT_PUT(PUSH_VLAN, d->out)->ethertype = htons(ethertype);
    return ethertype == 0x8100 || ethertype == 0x88a8 ? OFPERR_NONE : OFPERR_OFPBAC_BAD_ARGUMENT;
}

static enum ofperr get_mac(struct reader *r, struct ofpact_mac *a)
{
    const uint8_t *p = get_bytes(r, 6);
    if (p) {
        memcpy(&a->mac, p, 6);
    }
    return OFPERR_NONE;
}

DECODE(set_eth_src)
{
    return get_mac(r, OFPACT_PUT(SET_ETH_SRC, d->out));
}

DECODE(set_eth_dst)
{
    return get_mac(r, OFPACT_PUT(SET_ETH_DST, d->out));
}

DECODE(set_ipv4_src)
{
    OFPACT_PUT(SET_IPV4_SRC, d->out)->ip = htonl(get_u32(r));
    return OFPERR_NONE;
}

DECODE(set_ipv4_dst)
{
    OFPACT_PUT(SET_IPV4_DST, d->out)->ip = htonl(get_u32(r));
    return OFPERR_NONE;
}

DECODE(set_tos)
{
    uint8_t tos = get_u8(r);
    OFPACT_PUT(SET_IP_DSCP, d->out)->value = tos;
    return tos & 3 ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
}

DECODE(set_ecn)
{
    uint8_t ecn = get_u8(r);
    OFPACT_PUT(SET_IP_ECN, d->out)->value = ecn;
    return ecn & ~3 ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
}

DECODE(set_ttl)
{
    OFPACT_PUT(SET_IP_TTL, d->out)->value = get_u8(r);
    return OFPERR_NONE;
}

DECODE(set_l4_src)
{
    OFPACT_PUT(SET_L4_SRC_PORT, d->out)->port = get_u16(r);
    return OFPERR_NONE;
}

DECODE(set_l4_dst)
{
    OFPACT_PUT(SET_L4_DST_PORT, d->out)->port = get_u16(r);
    return OFPERR_NONE;
}

static enum ofperr put_dec_ttl(const struct action_decode *d, struct reader *ids, uint16_t n, bool has_ids)
{
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    struct ofpact_dec_ttl *a = OFPACT_PUT(DEC_TTL, d->out);
    a->has_ids = has_ids;
    a->n_controllers = n;
    for (unsigned i = 0; i < n; i++) {
        uint16_t id = ids ? get_u16(ids) : 0;
        bytebuf_put(d->out, &id, sizeof id);
    }
    ofpact_finish(d->out, ofs);
    return OFPERR_NONE;
}

DECODE(dec_ttl)
{
    return put_dec_ttl(d, NULL, 1, false);
}

DECODE(dec_ttl_ids)
{
    uint16_t n = get_u16(r);
    if (!get_zeros(r, 4)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    if (r->n < n * 2u) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    return put_dec_ttl(d, r, n, true);
}

DECODE(set_mpls_label)
{
    if (d->version == OFP10) {
        get_skip(r, 2);
    }
    uint32_t label = get_u32(r);
    OFPACT_PUT(SET_MPLS_LABEL, d->out)->value = label;
    return label & ~0xfffffu ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
}

DECODE(set_mpls_tc)
{
    uint8_t tc = get_u8(r);
    OFPACT_PUT(SET_MPLS_TC, d->out)->value = tc;
    return tc & ~7 ? OFPERR_OFPBAC_BAD_ARGUMENT : OFPERR_NONE;
}

DECODE(set_mpls_ttl)
{
    OFPACT_PUT(SET_MPLS_TTL, d->out)->value = get_u8(r);
    return OFPERR_NONE;
}

DECODE(push_mpls)
{
    uint16_t ethertype = get_u16(r);
    OFPACT_PUT(PUSH_MPLS, d->out)->ethertype = htons(ethertype);
    return ethertype == 0x8847 || ethertype == 0x8848 ? OFPERR_NONE : OFPERR_OFPBAC_BAD_ARGUMENT;
}

DECODE(pop_mpls)
{
    OFPACT_PUT(POP_MPLS, d->out)->ethertype = htons(get_u16(r));
    return OFPERR_NONE;
}

DECODE(set_queue)
{
    if (d->version == OFP10) {
        get_skip(r, 2);
    }
    OFPACT_PUT(SET_QUEUE, d->out)->value = get_u32(r);
    return OFPERR_NONE;
}

DECODE(meter)
{
    uint32_t id = get_u32(r);
    OFPACT_PUT(METER, d->out)->value = id;
    return id && id <= OFPM_MAX ? OFPERR_NONE : OFPERR_OFPMMFC_INVALID_METER;
}

#define NULL_DECODE(NAME, ENUM)                                                                              \
    DECODE(NAME)                                                                                             \
    {                                                                                                        \
        OFPACT_PUT(ENUM, d->out);                                                                            \
        return OFPERR_NONE;                                                                                  \
    }
DECODE(strip_vlan)
{
    OFPACT_PUT(STRIP_VLAN, d->out)->ofpact.raw = d->version > OFP10; /* prints "pop_vlan" then */
    return OFPERR_NONE;
}
NULL_DECODE(dec_mpls_ttl, DEC_MPLS_TTL)
NULL_DECODE(dec_nsh_ttl, DEC_NSH_TTL)
NULL_DECODE(pop_queue, POP_QUEUE)
NULL_DECODE(exit, EXIT)
NULL_DECODE(copy_ttl_in, COPY_TTL_IN)
NULL_DECODE(copy_ttl_out, COPY_TTL_OUT)
NULL_DECODE(ct_clear, CT_CLEAR)

/* --- Nicira's --- */

DECODE(resubmit)
{
    struct ofpact_resubmit *a = OFPACT_PUT(RESUBMIT, d->out);
    a->in_port = get_u16(r);
    a->table_id = 255;
    a->ofpact.raw = d->type == NXAST_RESUBMIT;
    if (d->type != NXAST_RESUBMIT) {
        a->table_id = get_u8(r);
        a->with_ct_orig = d->type == NXAST_RESUBMIT_TABLE_CT;
        return rest_zero(r, OFPERR_OFPBAC_BAD_ARGUMENT);
    }
    return OFPERR_NONE;
}

DECODE(set_tunnel)
{
    struct ofpact_tunnel *a = OFPACT_PUT(SET_TUNNEL, d->out);
    if (d->type == NXAST_SET_TUNNEL64) {
        get_skip(r, 6);
        a->tun_id = get_u64(r);
        a->ofpact.raw = 1;
    } else {
        get_skip(r, 2);
        a->tun_id = get_u32(r);
    }
    return OFPERR_NONE;
}

static enum ofperr get_move(struct reader *r, const struct action_decode *d, bool copy_field)
{
    struct ofpact_move *a = OFPACT_PUT(MOVE, d->out);
    a->src.n_bits = a->dst.n_bits = get_u16(r);
    a->src.ofs = get_u16(r);
    a->dst.ofs = get_u16(r);
    a->ofpact.raw = copy_field;
    if (copy_field) {
        get_skip(r, 2);
    }
    enum ofperr error = get_field_header(r, &a->src.field);
    error = error ? error : get_field_header(r, &a->dst.field);
    error = error ? error : check_width(&a->src);
    error = error ? error : check_width(&a->dst);
    return error ? error : rest_zero(r, OFPERR_OFPBAC_BAD_ARGUMENT);
}

DECODE(reg_move)
{
    return get_move(r, d, false);
}

DECODE(copy_field)
{
    return get_move(r, d, true);
}

DECODE(copy_field_onf)
{
    get_skip(r, 2);
    enum ofperr error = get_move(r, d, true);
    return error;
}

DECODE(note)
{
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    struct ofpact_note *a = OFPACT_PUT(NOTE, d->out);
    a->n_bytes = r->n;
    bytebuf_put(d->out, r->p, r->n);
    get_skip(r, r->n);
    ofpact_finish(d->out, ofs);
    return OFPERR_NONE;
}

DECODE(multipath)
{
    struct ofpact_multipath *a = OFPACT_PUT(MULTIPATH, d->out);
    uint16_t fields = get_u16(r);
    a->basis = get_u16(r);
    get_skip(r, 2);
    uint16_t algorithm = get_u16(r);
    a->max_link = get_u16(r);
    a->arg = get_u32(r);
    get_skip(r, 2);
    a->fields = fields;
    a->algorithm = algorithm;
    get_ofs_nbits(get_u16(r), &a->dst);
    enum ofperr error = get_short_header(r, &a->dst.field);
    if (error) {
        return error;
    }
    if (fields >= N_HASH_FIELDS || algorithm > MULTIPATH_ITER_HASH ||
        (a->dst.n_bits < 16 && a->max_link >> a->dst.n_bits)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    return check_width(&a->dst);
}

DECODE(bundle)
{
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    struct ofpact_bundle *a = OFPACT_PUT(BUNDLE, d->out);
    uint16_t algorithm = get_u16(r), fields = get_u16(r);
    a->basis = get_u16(r);
    uint32_t type = get_u32(r);
    uint16_t n = get_u16(r);
    a->algorithm = algorithm;
    a->fields = fields;
    if (algorithm > 1 || fields >= N_HASH_FIELDS || type != 2 || n > 2048) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    if (d->type == NXAST_BUNDLE_LOAD) {
        get_ofs_nbits(get_u16(r), &a->dst);
        size_t before = r->n;
        enum ofperr error = get_short_header(r, &a->dst.field);
        if (!error && a->dst.n_bits < 16) {
            error = OFPERR_OFPBAC_BAD_ARGUMENT;
        }
        if (error || (error = check_width(&a->dst))) {
            return error;
        }
        get_skip(r, 8 - (before - r->n));
    } else if (!get_zeros(r, 10)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    if (r->n < n * 2u) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    a->n_members = n;
    for (unsigned i = 0; i < n; i++) {
        uint32_t port = get_u16(r);
        bytebuf_put(d->out, &port, sizeof port);
    }
    ofpact_finish(d->out, ofs);
    return OFPERR_NONE;
}

DECODE(output_reg)
{
    struct ofpact_output_reg *a = OFPACT_PUT(OUTPUT_REG, d->out);
    get_ofs_nbits(get_u16(r), &a->src);
    enum ofperr error;
    if (d->type == NXAST_OUTPUT_REG) {
        error = get_short_header(r, &a->src.field);
        a->max_len = get_u16(r);
    } else {
        a->max_len = get_u16(r);
        error = get_field_header(r, &a->src.field);
    }
    error = error ? error : check_width(&a->src);
    return error ? error : rest_zero(r, OFPERR_OFPBAC_BAD_ARGUMENT);
}

DECODE(output_trunc)
{
    struct ofpact_output_trunc *a = OFPACT_PUT(OUTPUT_TRUNC, d->out);
    a->port = get_u16(r);
    a->max_len = get_u32(r);
    if (a->max_len < 14) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    return a->port < OFPP_MAX || a->port == OFPP_LOCAL || a->port == OFPP_IN_PORT
               ? OFPERR_NONE
               : OFPERR_OFPBAC_BAD_OUT_PORT;
}

DECODE(fin_timeout)
{
    struct ofpact_fin_timeout *a = OFPACT_PUT(FIN_TIMEOUT, d->out);
    a->idle = get_u16(r);
    a->hard = get_u16(r);
    return OFPERR_NONE;
}

DECODE(controller)
{
    struct ofpact_controller *a = OFPACT_PUT(CONTROLLER, d->out);
    size_t ofs = (uint8_t *)a - d->out->data;
    a->max_len = get_u16(r);
    a->controller_id = get_u16(r);
    a->reason = get_u8(r);
    a->meter_id = OFPM_NONE;
    a->provider_meter_id = OFPM_NONE;
    ofpact_finish(d->out, ofs);
    return rest_zero(r, OFPERR_OFPBAC_BAD_ARGUMENT);
}

static enum ofperr get_controller_prop(uint16_t type, struct reader *p, struct ofpact_controller *c,
                                       const uint8_t **userdata)
{
    switch (type) {
    case 0:
        c->max_len = get_u16(p);
        return OFPERR_NONE;
    case 1:
        c->controller_id = get_u16(p);
        return OFPERR_NONE;
    case 2:
        c->reason = get_u8(p);
        return c->reason < OFPR_EXPLICIT_MISS ? OFPERR_NONE : OFPERR_OFPBPC_BAD_VALUE;
    case 3:
        c->userdata_len = p->n;
        *userdata = get_bytes(p, p->n);
        return OFPERR_NONE;
    case 4:
        c->pause = true;
        return OFPERR_NONE;
    case 5:
        c->meter_id = get_u32(p);
        return OFPERR_NONE;
    default:
        return OFPERR_OFPBPC_BAD_TYPE;
    }
}

DECODE(controller2)
{
    struct ofpact_controller c = {.max_len = UINT16_MAX, .reason = OFPR_ACTION, .meter_id = OFPM_NONE};
    const uint8_t *userdata = NULL;
    if (!get_zeros(r, 6)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    while (r->n) {
        uint16_t type = get_u16(r), len = get_u16(r);
        if (r->bad || len < 4) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        struct reader p = get_sub(r, len - 4);
        get_skip(r, ROUND_UP(len, 8) - len);
        enum ofperr error = get_controller_prop(type, &p, &c, &userdata);
        if (error || p.bad || r->bad) {
            return error ? error : OFPERR_OFPBPC_BAD_LEN;
        }
    }
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    struct ofpact_controller *a = OFPACT_PUT(CONTROLLER, d->out);
    c.ofpact = a->ofpact;
    c.provider_meter_id = OFPM_NONE;
    memcpy(a, &c, offsetof(struct ofpact_controller, userdata));
    bytebuf_put(d->out, userdata, userdata ? c.userdata_len : 0);
    ofpact_finish(d->out, ofs);
    return OFPERR_NONE;
}

DECODE(write_metadata)
{
    if (!get_zeros(r, 6)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    struct ofpact_metadata *a = OFPACT_PUT(WRITE_METADATA, d->out);
    a->value = get_u64(r);
    a->mask = get_u64(r);
    return OFPERR_NONE;
}

static enum ofperr get_stack(struct reader *r, struct ofpact_stack *a)
{
    a->subfield.ofs = get_u16(r);
    enum ofperr error = get_field_header(r, &a->subfield.field);
    a->subfield.n_bits = get_u16(r);
    error = error ? error : check_width(&a->subfield);
    return error ? error : rest_zero(r, OFPERR_OFPBAC_BAD_ARGUMENT);
}

DECODE(stack_push)
{
    return get_stack(r, OFPACT_PUT(STACK_PUSH, d->out));
}

DECODE(stack_pop)
{
    return get_stack(r, OFPACT_PUT(STACK_POP, d->out));
}

DECODE(sample)
{
    struct ofpact_sample *a = OFPACT_PUT(SAMPLE, d->out);
    a->probability = get_u16(r);
    a->collector_set_id = get_u32(r);
    a->obs_domain_id = get_u32(r);
    a->obs_point_id = get_u32(r);
    a->sampling_port = OFPP_NONE;
    if (d->type != NXAST_SAMPLE) {
        a->sampling_port = get_u16(r);
        a->direction = get_u8(r);
        if (d->type == NXAST_SAMPLE2) {
            a->direction = 0; /* padding there */
        } else if (a->direction > SAMPLE_EGRESS) {
            return OFPERR_OFPBAC_BAD_ARGUMENT;
        }
    }
    return a->probability ? OFPERR_NONE : OFPERR_OFPBAC_BAD_ARGUMENT;
}

DECODE(conjunction)
{
    struct ofpact_conjunction *a = OFPACT_PUT(CONJUNCTION, d->out);
    a->clause = get_u8(r);
    a->n_clauses = get_u8(r);
    a->id = get_u32(r);
    return a->n_clauses < 2 || a->n_clauses > 64 || a->clause >= a->n_clauses ? OFPERR_NXBAC_BAD_CONJUNCTION
                                                                              : OFPERR_NONE;
}

DECODE(clone)
{
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    OFPACT_PUT(CLONE, d->out);
    get_skip(r, 6);
    enum ofperr error = actions_decode_nested(r, d);
    ofpact_finish(d->out, ofs);
    return error;
}

static enum ofperr get_encap_prop(struct reader *r, struct bytebuf *out)
{
    struct ofpact_encap_prop prop;
    prop.prop_class = get_u16(r);
    prop.type = get_u8(r);
    prop.len = get_u8(r);
    if (r->bad || prop.len < 4) {
        return OFPERR_NXBAC_BAD_ED_PROP;
    }
    const uint8_t *data = get_bytes(r, prop.len - 4u);
    get_skip(r, ROUND_UP(prop.len, 8) - prop.len);
    if (prop.prop_class != 4 || prop.type < 1 || prop.type > 2) {
        return OFPERR_NXBAC_UNKNOWN_ED_PROP;
    }
    if (!data || r->bad ||
        (prop.type == 1 ? prop.len != 5 || data[0] < 1 || data[0] > 2
                        : prop.len < 8 || prop.len - 8u < data[3])) {
        return OFPERR_NXBAC_BAD_ED_PROP;
    }
    if (prop.type == 2) {
        prop.len = 8 + data[3]; /* on the wire it is padded */
    }
    bytebuf_put(out, &prop, sizeof prop);
    bytebuf_put(out, data, prop.len - 4u);
    bytebuf_pad(out, 8);
    return OFPERR_NONE;
}

DECODE(encap)
{
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    struct ofpact_encap *a = OFPACT_PUT(ENCAP, d->out);
    a->hdr_size = get_u16(r);
    uint32_t type = get_u32(r);
    a->new_pkt_type = htonl(type);
    if (type != 0 && type != 0x1894f && type != 0x18847 && type != 0x18848) {
        return OFPERR_NXBAC_BAD_HEADER_TYPE;
    }
    unsigned n = 0;
    while (r->n) {
        enum ofperr error = get_encap_prop(r, d->out);
        if (error) {
            return error;
        }
        n++;
    }
    ((struct ofpact_encap *)bytebuf_at(d->out, ofs))->n_props = n;
    ofpact_finish(d->out, ofs);
    return OFPERR_NONE;
}

DECODE(decap)
{
    get_skip(r, 2);
    OFPACT_PUT(DECAP, d->out)->new_pkt_type = htonl(get_u32(r));
    return OFPERR_NONE;
}

DECODE(check_pkt_larger)
{
    struct ofpact_check_pkt_larger *a = OFPACT_PUT(CHECK_PKT_LARGER, d->out);
    a->pkt_len = get_u16(r);
    a->dst.ofs = get_u16(r);
    a->dst.n_bits = 1;
    enum ofperr error = get_field_header(r, &a->dst.field);
    error = error ? error : check_width(&a->dst);
    return error ? error : rest_zero(r, OFPERR_NXBRC_MUST_BE_ZERO);
}

DECODE(delete_field)
{
    struct ofpact_delete_field *a = OFPACT_PUT(DELETE_FIELD, d->out);
    enum ofperr error = get_field_header(r, &a->field);
    return error ? error : rest_zero(r, OFPERR_OFPBAC_BAD_ARGUMENT);
}

/* --- The table --- */

#define ANY 0 /* length: at least this, no more is known */

static const struct wire_action {
    uint32_t vendor; /* 0: the standard's */
    uint16_t type;
    uint8_t first, last; /* versions */
    uint16_t min_len;    /* bytes of the whole action */
    bool fixed;          /* it has just that length */
    enum ofperr (*decode)(struct reader *, const struct action_decode *);
} wire_actions[] = {
    {0, 0, OFP10, OFP10, 8, true, decode_output},
    {0, 1, OFP10, OFP15, 8, true, decode_set_vlan_vid},
    {0, 2, OFP10, OFP15, 8, true, decode_set_vlan_pcp},
    {0, 3, OFP10, OFP10, 8, true, decode_strip_vlan},
    {0, 4, OFP10, OFP10, 16, true, decode_set_eth_src},
    {0, 5, OFP10, OFP10, 16, true, decode_set_eth_dst},
    {0, 6, OFP10, OFP10, 8, true, decode_set_ipv4_src},
    {0, 7, OFP10, OFP10, 8, true, decode_set_ipv4_dst},
    {0, 8, OFP10, OFP10, 8, true, decode_set_tos},
    {0, 9, OFP10, OFP15, 8, true, decode_set_l4_src},
    {0, 10, OFP10, OFP15, 8, true, decode_set_l4_dst},
    {0, 11, OFP10, OFP10, 16, true, decode_enqueue},
    {0, 0, OFP11, OFP15, 16, true, decode_output},
    {0, 3, OFP11, OFP15, 16, true, decode_set_eth_src},
    {0, 4, OFP11, OFP15, 16, true, decode_set_eth_dst},
    {0, 5, OFP11, OFP15, 8, true, decode_set_ipv4_src},
    {0, 6, OFP11, OFP15, 8, true, decode_set_ipv4_dst},
    {0, 7, OFP11, OFP15, 8, true, decode_set_tos},
    {0, 8, OFP11, OFP15, 8, true, decode_set_ecn},
    {0, 11, OFP11, OFP15, 8, true, decode_copy_ttl_out},
    {0, 12, OFP11, OFP15, 8, true, decode_copy_ttl_in},
    {0, 13, OFP11, OFP15, 8, true, decode_set_mpls_label},
    {0, 14, OFP11, OFP15, 8, true, decode_set_mpls_tc},
    {0, 15, OFP11, OFP15, 8, true, decode_set_mpls_ttl},
    {0, 16, OFP11, OFP15, 8, true, decode_dec_mpls_ttl},
    {0, 17, OFP11, OFP15, 8, true, decode_push_vlan},
    {0, 18, OFP11, OFP15, 8, true, decode_strip_vlan},
    {0, 19, OFP11, OFP15, 8, true, decode_push_mpls},
    {0, 20, OFP11, OFP15, 8, true, decode_pop_mpls},
    {0, 21, OFP11, OFP15, 8, true, decode_set_queue},
    {0, 22, OFP11, OFP15, 8, true, decode_group},
    {0, 23, OFP11, OFP15, 8, true, decode_set_ttl},
    {0, 24, OFP11, OFP15, 8, true, decode_dec_ttl},
    {0, 25, OFP12, OFP15, 8, false, decode_set_field},
    {0, 28, OFP15, OFP15, 16, false, decode_copy_field},
    {0, 29, OFP15, OFP15, 8, true, decode_meter},
    {OFP_VENDOR_ONF, ONFAT_COPY_FIELD, OFP13, OFP14, 24, false, decode_copy_field_onf},
    {OFP_VENDOR_NX, NXAST_RESUBMIT, OFP10, OFP15, 16, true, decode_resubmit},
    {OFP_VENDOR_NX, NXAST_SET_TUNNEL, OFP10, OFP15, 16, true, decode_set_tunnel},
    {OFP_VENDOR_NX, NXAST_SET_QUEUE, OFP10, OFP10, 16, true, decode_set_queue},
    {OFP_VENDOR_NX, NXAST_POP_QUEUE, OFP10, OFP15, 16, true, decode_pop_queue},
    {OFP_VENDOR_NX, NXAST_REG_MOVE, OFP10, OFP14, 24, false, decode_reg_move},
    {OFP_VENDOR_NX, NXAST_REG_LOAD, OFP10, OFP14, 24, true, decode_reg_load},
    {OFP_VENDOR_NX, NXAST_NOTE, OFP10, OFP15, 16, false, decode_note},
    {OFP_VENDOR_NX, NXAST_SET_TUNNEL64, OFP10, OFP15, 24, true, decode_set_tunnel},
    {OFP_VENDOR_NX, NXAST_MULTIPATH, OFP10, OFP15, 32, true, decode_multipath},
    {OFP_VENDOR_NX, NXAST_BUNDLE, OFP10, OFP15, 32, false, decode_bundle},
    {OFP_VENDOR_NX, NXAST_BUNDLE_LOAD, OFP10, OFP15, 32, false, decode_bundle},
    {OFP_VENDOR_NX, NXAST_RESUBMIT_TABLE, OFP10, OFP15, 16, true, decode_resubmit},
    {OFP_VENDOR_NX, NXAST_RESUBMIT_TABLE_CT, OFP10, OFP15, 16, true, decode_resubmit},
    {OFP_VENDOR_NX, NXAST_OUTPUT_REG, OFP10, OFP15, 24, true, decode_output_reg},
    {OFP_VENDOR_NX, NXAST_OUTPUT_REG2, OFP10, OFP15, 24, false, decode_output_reg},
    {OFP_VENDOR_NX, NXAST_LEARN, OFP10, OFP15, 32, false, decode_learn},
    {OFP_VENDOR_NX, NXAST_LEARN2, OFP10, OFP15, 40, false, decode_learn},
    {OFP_VENDOR_NX, NXAST_EXIT, OFP10, OFP15, 16, true, decode_exit},
    {OFP_VENDOR_NX, NXAST_DEC_TTL, OFP10, OFP10, 16, true, decode_dec_ttl},
    {OFP_VENDOR_NX, NXAST_DEC_TTL_CNT_IDS, OFP10, OFP15, 16, false, decode_dec_ttl_ids},
    {OFP_VENDOR_NX, NXAST_FIN_TIMEOUT, OFP10, OFP15, 16, true, decode_fin_timeout},
    {OFP_VENDOR_NX, NXAST_CONTROLLER, OFP10, OFP15, 16, true, decode_controller},
    {OFP_VENDOR_NX, NXAST_CONTROLLER2, OFP10, OFP15, 16, false, decode_controller2},
    {OFP_VENDOR_NX, NXAST_WRITE_METADATA, OFP10, OFP10, 32, true, decode_write_metadata},
    {OFP_VENDOR_NX, NXAST_PUSH_MPLS, OFP10, OFP10, 16, true, decode_push_mpls},
    {OFP_VENDOR_NX, NXAST_POP_MPLS, OFP10, OFP10, 16, true, decode_pop_mpls},
    {OFP_VENDOR_NX, NXAST_SET_MPLS_TTL, OFP10, OFP10, 16, true, decode_set_mpls_ttl},
    {OFP_VENDOR_NX, NXAST_DEC_MPLS_TTL, OFP10, OFP10, 16, true, decode_dec_mpls_ttl},
    {OFP_VENDOR_NX, NXAST_SET_MPLS_LABEL, OFP10, OFP10, 16, true, decode_set_mpls_label},
    {OFP_VENDOR_NX, NXAST_SET_MPLS_TC, OFP10, OFP10, 16, true, decode_set_mpls_tc},
    {OFP_VENDOR_NX, NXAST_STACK_PUSH, OFP10, OFP15, 24, false, decode_stack_push},
    {OFP_VENDOR_NX, NXAST_STACK_POP, OFP10, OFP15, 24, false, decode_stack_pop},
    {OFP_VENDOR_NX, NXAST_SAMPLE, OFP10, OFP15, 24, true, decode_sample},
    {OFP_VENDOR_NX, NXAST_SAMPLE2, OFP10, OFP15, 32, true, decode_sample},
    {OFP_VENDOR_NX, NXAST_SAMPLE3, OFP10, OFP15, 32, true, decode_sample},
    {OFP_VENDOR_NX, NXAST_REG_LOAD2, OFP10, OFP14, 16, false, decode_reg_load2},
    {OFP_VENDOR_NX, NXAST_CONJUNCTION, OFP10, OFP15, 16, true, decode_conjunction},
    {OFP_VENDOR_NX, NXAST_CT, OFP10, OFP15, 24, false, decode_ct},
    {OFP_VENDOR_NX, NXAST_NAT, OFP10, OFP15, 16, false, decode_nat},
    {OFP_VENDOR_NX, NXAST_OUTPUT_TRUNC, OFP10, OFP15, 16, true, decode_output_trunc},
    {OFP_VENDOR_NX, NXAST_GROUP, OFP10, OFP10, 16, true, decode_group},
    {OFP_VENDOR_NX, NXAST_CLONE, OFP10, OFP15, 16, false, decode_clone},
    {OFP_VENDOR_NX, NXAST_CT_CLEAR, OFP10, OFP15, 16, true, decode_ct_clear},
    {OFP_VENDOR_NX, NXAST_ENCAP, OFP13, OFP15, 16, false, decode_encap},
    {OFP_VENDOR_NX, NXAST_DECAP, OFP13, OFP15, 16, true, decode_decap},
    {OFP_VENDOR_NX, NXAST_DEC_NSH_TTL, OFP13, OFP15, 16, true, decode_dec_nsh_ttl},
    {OFP_VENDOR_NX, NXAST_CHECK_PKT_LARGER, OFP10, OFP15, 24, false, decode_check_pkt_larger},
    {OFP_VENDOR_NX, NXAST_DELETE_FIELD, OFP10, OFP15, 24, true, decode_delete_field},
};

static enum ofperr decode_one(struct reader *r, const struct action_decode *parent)
{
    if (r->n < 8) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    /* Which action it is comes first, then whether its length fits. */
    uint16_t type = ntohs(get_be16(r->p)), len = ntohs(get_be16(r->p + 2));
    uint32_t vendor = 0;
    if (type == 0xffff) {
        vendor = ntohl(get_be32(r->p + 4));
        if (vendor != OFP_VENDOR_NX && vendor != OFP_VENDOR_ONF) {
            return OFPERR_OFPBAC_BAD_VENDOR;
        }
        if (r->n < 10 || len > r->n || len < 16 || len % 8) {
            return OFPERR_OFPBAC_BAD_LEN;
        }
        type = ntohs(get_be16(r->p + 8));
    }
    for (size_t i = 0; i < ARRAY_SIZE(wire_actions); i++) {
        const struct wire_action *w = &wire_actions[i];
        if (w->vendor == vendor && w->type == type && parent->version >= w->first &&
            parent->version <= w->last) {
            if (len > r->n || len < 8 || len % 8) {
                return OFPERR_OFPBAC_BAD_LEN;
            }
            struct reader body = get_sub(r, len);
            get_skip(&body, vendor ? 10 : 4);
            if (w->fixed ? len != w->min_len : len < MIN(w->min_len, 8)) {
                return OFPERR_OFPBAC_BAD_LEN;
            }
            struct action_decode d = *parent;
            size_t before = d.out->len;
            d.type = type;
            d.len = len;
            enum ofperr error = w->decode(&body, &d);
            /* An action's length in memory has 16 bits, too, and may be more than it was here. */
            return error                                   ? error
                   : body.bad                              ? OFPERR_OFPBAC_BAD_LEN
                   : d.out->len - before > UINT16_MAX - 64 ? OFPERR_OFPBAC_TOO_MANY
                                                           : OFPERR_NONE;
        }
    }
    if (vendor) {
        LOG_WARN_RL(&rl, "unknown %s action for vendor %#x and type %u", ofp_version_name(parent->version),
                    vendor, type);
    } else {
        LOG_WARN_RL(&rl, "unknown %s action type %u", ofp_version_name(parent->version), type);
    }
    return vendor ? OFPERR_OFPBAC_BAD_VENDOR_TYPE : OFPERR_OFPBAC_BAD_TYPE;
}

/* *BAD becomes where the action begins that is decoded last. */
static enum ofperr decode_list(struct reader *r, const struct action_decode *d, const uint8_t **bad)
{
    struct action_decode inner = *d;
    if (inner.depth++ >= ACTION_WIRE_MAX_DEPTH) {
        return OFPERR_OFPBAC_TOO_MANY;
    }
    while (r->n) {
        *bad = r->p;
        enum ofperr error = decode_one(r, &inner);
        if (error) {
            return error;
        }
        bytebuf_pad(d->out, OFPACT_ALIGN);
    }
    return OFPERR_NONE;
}

enum ofperr actions_decode_nested(struct reader *r, const struct action_decode *d)
{
    const uint8_t *bad;
    return decode_list(r, d, &bad);
}

enum ofperr actions_decode(struct reader *r, enum ofp_version version, struct bytebuf *out)
{
    bytebuf_pad(out, OFPACT_ALIGN);
    size_t start = out->len;
    struct action_decode d = {.version = version, .out = out};
    struct reader all = *r;
    const uint8_t *bad = r->p;
    enum ofperr error = r->n % 8 ? OFPERR_OFPBAC_BAD_LEN : decode_list(r, &d, &bad);
    if (error && !log_should_drop(&log_this_module, LOG_LEVEL_WARN, &rl)) {
        struct strbuf s = STRBUF_INITIALIZER;
        ofp_hex_dump(all.p, all.n, 0, false, &s);
        strbuf_chomp(&s, '\n');
        strbuf_puts(&s, all.n % 16 == 8 ? "-" : ""); /* as the reference's log has it */
        LOG_WARN("bad action at offset %#x (%s):\n%s", (unsigned)(bad - all.p), ofperr_name(error),
                 strbuf_text(&s));
        strbuf_fini(&s);
    }
    /* A nest's length is counted in 16 bits. */
    if (!error && out->len - start > UINT16_MAX) {
        error = OFPERR_OFPBAC_TOO_MANY;
    }
    if (error) {
        bytebuf_truncate(out, start);
    }
    return error;
}

/* --- Instructions --- */

enum {
    INST_GOTO_TABLE = 1,
    INST_WRITE_METADATA,
    INST_WRITE_ACTIONS,
    INST_APPLY_ACTIONS,
    INST_CLEAR_ACTIONS,
    INST_METER,
    INST_STAT_TRIGGER,
    N_INST
};

/* ovs-actions(7), "Action Sets". */
static bool may_be_in_action_set(enum ofpact_type type)
{
    switch (type) {
    case OFPACT_OUTPUT_REG:
    case OFPACT_OUTPUT_TRUNC:
    case OFPACT_BUNDLE:
    case OFPACT_CLONE:
    case OFPACT_CONTROLLER:
    case OFPACT_CONJUNCTION:
    case OFPACT_EXIT:
    case OFPACT_FIN_TIMEOUT:
    case OFPACT_LEARN:
    case OFPACT_MULTIPATH:
    case OFPACT_NOTE:
    case OFPACT_POP_QUEUE:
    case OFPACT_SAMPLE:
    case OFPACT_STACK_PUSH:
    case OFPACT_STACK_POP:
    case OFPACT_CHECK_PKT_LARGER:
    case OFPACT_DELETE_FIELD:
    case OFPACT_METER:
        return false;
    default:
        return true;
    }
}

static enum ofperr decode_stat_trigger(struct reader *r, struct ofpact_stat_trigger *a)
{
    struct oxs s;
    a->flags = get_u32(r);
    enum ofperr error = oxs_get(r, &s);
    if (error || r->bad || r->n) {
        return OFPERR_OFPBIC_BAD_LEN;
    }
    if (s.present & 1 << OXS_DURATION) {
        a->thresholds[STAT_TRIGGER_DURATION] = s.duration_sec * UINT64_C(1000) + s.duration_nsec / 1000000;
    }
    if (s.present & 1 << OXS_IDLE_TIME) {
        a->thresholds[STAT_TRIGGER_IDLE] = s.idle_sec * UINT64_C(1000) + s.idle_nsec / 1000000;
    }
    if (s.present & 1 << OXS_PACKET_COUNT) {
        a->thresholds[STAT_TRIGGER_PACKETS] = s.packet_count;
    }
    if (s.present & 1 << OXS_BYTE_COUNT) {
        a->thresholds[STAT_TRIGGER_BYTES] = s.byte_count;
    }
    return ofpact_check_stat_trigger(a) && !(s.present & 1 << OXS_FLOW_COUNT) ? OFPERR_NONE
                                                                              : OFPERR_OFPBIC_UNSUP_INST;
}

static enum ofperr decode_instruction(int type, struct reader *r, enum ofp_version version,
                                      struct bytebuf *out)
{
    switch (type) {
    case INST_METER: {
        uint32_t id = get_u32(r);
        if (!id || id > OFPM_MAX) {
            return OFPERR_OFPMMFC_INVALID_METER;
        }
        OFPACT_PUT(METER, out)->value = id;
        break;
    }
    case INST_APPLY_ACTIONS:
        get_skip(r, 4);
        return actions_decode(r, version, out);
    case INST_CLEAR_ACTIONS:
        get_skip(r, 4);
        OFPACT_PUT(CLEAR_ACTIONS, out);
        break;
    case INST_WRITE_ACTIONS: {
        get_skip(r, 4);
        size_t ofs = ROUND_UP(out->len, OFPACT_ALIGN);
        OFPACT_PUT(WRITE_ACTIONS, out);
        enum ofperr error = actions_decode(r, version, out);
        if (error || out->len - ofs > UINT16_MAX) {
            return error ? error : OFPERR_OFPBAC_TOO_MANY;
        }
        ofpact_finish(out, ofs);
        const struct ofpact_nest *nest = bytebuf_at(out, ofs);
        const struct ofpact *a;
        OFPACT_FOR_EACH (a, nest->actions, ofpact_nest_len(nest)) {
            if (!may_be_in_action_set(a->type)) {
                LOG_WARN_RL(&rl, "disallowed action in action set");
                return OFPERR_OFPBAC_BAD_TYPE;
            }
        }
        break;
    }
    case INST_WRITE_METADATA: {
        get_skip(r, 4);
        struct ofpact_metadata *a = OFPACT_PUT(WRITE_METADATA, out);
        a->value = get_u64(r);
        a->mask = get_u64(r);
        break;
    }
    case INST_STAT_TRIGGER:
        return decode_stat_trigger(r, OFPACT_PUT(STAT_TRIGGER, out));
    case INST_GOTO_TABLE:
        OFPACT_PUT(GOTO_TABLE, out)->table_id = get_u8(r);
        get_skip(r, 3);
        break;
    default:
        break;
    }
    return r->bad || r->n ? OFPERR_OFPBIC_BAD_LEN : OFPERR_NONE;
}

enum ofperr instructions_decode(struct reader *r, enum ofp_version version, struct bytebuf *out)
{
    static const uint8_t order[] = {INST_METER,         INST_APPLY_ACTIONS,  INST_CLEAR_ACTIONS,
                                    INST_WRITE_ACTIONS, INST_WRITE_METADATA, INST_STAT_TRIGGER,
                                    INST_GOTO_TABLE};
    struct reader insts[N_INST] = {{0}};
    bool present[N_INST] = {false};
    if (version == OFP10) {
        size_t start = ROUND_UP(out->len, OFPACT_ALIGN);
        enum ofperr error = actions_decode(r, version, out);
        /* One list for actions and what are instructions since 1.1: those have to stand in their order. */
        char *why = NULL;
        int last = -1;
        const struct ofpact *a, *list = bytebuf_at(out, start);
        OFPACT_FOR_EACH (a, list, error ? 0 : out->len - start) {
            if (!why) {
                why = instruction_order_error(a->type, &last);
            }
        }
        if (why) {
            LOG_WARN_RL(&order_rl, "%s", why);
            free(why);
            error = OFPERR_OFPBAC_UNSUPPORTED_ORDER;
            bytebuf_truncate(out, start);
        }
        return error;
    }
    if (r->n % 8) {
        return OFPERR_OFPBIC_BAD_LEN;
    }
    while (r->n) {
        uint16_t type = get_u16(r), len = get_u16(r);
        if (len < 8 || len % 8 || len - 4u > r->n) {
            return OFPERR_OFPBIC_BAD_LEN;
        }
        struct reader body = get_sub(r, len - 4u);
        if (type == 0xffff) {
            return OFPERR_OFPBIC_BAD_EXPERIMENTER;
        }
        if (type < 1 || type >= N_INST || (type == INST_METER && (version < OFP13 || version >= OFP15)) ||
            (type == INST_STAT_TRIGGER && version < OFP15)) {
            return OFPERR_OFPBIC_UNKNOWN_INST;
        }
        if (present[type]) {
            return OFPERR_OFPBIC_DUP_INST;
        }
        present[type] = true;
        insts[type] = body;
    }
    bytebuf_pad(out, OFPACT_ALIGN);
    size_t start = out->len;
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        if (present[order[i]]) {
            enum ofperr error = decode_instruction(order[i], &insts[order[i]], version, out);
            if (error) {
                bytebuf_truncate(out, start);
                return error;
            }
            bytebuf_pad(out, OFPACT_ALIGN);
        }
    }
    return OFPERR_NONE;
}
