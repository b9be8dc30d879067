/* SPDX-License-Identifier: Apache-2.0 */
/* set_field and load on the wire. OpenFlow 1.2 to 1.4 send a whole field as OFPAT_SET_FIELD and parts of one
 * as NXAST_REG_LOAD; OpenFlow 1.5 knows masks; 1.0 and 1.1 have actions of their own for some fields. */
#include "openflow/action_wire_private.h"

#include "base/log.h"

LOG_MODULE(meta_flow);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 5);

/* REG_LOAD of N_BITS from OFS. */
static void put_reg_load(const struct action_encode *e, const struct field *field, unsigned ofs,
                         unsigned n_bits, uint64_t value)
{
    size_t start = nx_begin(e->b, NXAST_REG_LOAD);
    put_ofs_nbits(e->b, &(struct subfield){.field = field, .ofs = ofs, .n_bits = n_bits});
    oxm_put_header(e->b, field, OFP10, false);
    put_u64(e->b, value);
    action_end(e->b, start);
}

static void put_load(const struct action_encode *e, const struct ofpact_set_field *a)
{
    const uint8_t *value = ofpact_set_field_value(a), *mask = ofpact_set_field_mask(a);
    unsigned n = a->n_bytes;
    if (a->is_reg_load2 || field_is_tun_metadata(a->field) || !header_is_short(a->field, OFP10)) {
        union field_value v = {0}, m = {0};
        memcpy(&v, value, n);
        memcpy(&m, mask, n);
        bool exact = ofpact_set_field_is_exact(a);
        size_t start = nx_begin(e->b, NXAST_REG_LOAD2);
        oxm_put_field(e->b, a->field, OFP10, &v, exact ? NULL : &m);
        action_end(e->b, start);
        return;
    }
    /* Runs of ones in the mask, at most 64 bits each, the lowest first. */
    for (unsigned ofs = 0; ofs < a->field->n_bits;) {
        unsigned n_bits = 0;
        while (n_bits < 64 && ofs + n_bits < a->field->n_bits && !bits_are_zero(mask, n, ofs + n_bits, 1)) {
            n_bits++;
        }
        if (n_bits) {
            uint8_t part[8] = {0};
            bits_copy(value, n, ofs, part, sizeof part, 0, n_bits);
            put_reg_load(e, a->field, ofs, n_bits, be64toh(get_be64(part)));
            ofs += n_bits;
        } else {
            ofs++;
        }
    }
}

static void put_set_field(const struct action_encode *e, const struct field *field,
                          const union field_value *value, const union field_value *mask)
{
    size_t start = std_begin(e->b, 25);
    oxm_put_field(e->b, field, e->version, value, mask);
    action_end(e->b, start);
}

/* OpenFlow 1.0's and 1.1's own actions for a field, without regard to masks as the reference does. */
static bool put_legacy(const struct action_encode *e, const struct ofpact_set_field *a)
{
    const uint8_t *v = ofpact_set_field_value(a);
    bool v10 = e->version == OFP10;
    uint16_t type;
    unsigned n = a->n_bytes;
    switch (a->field->id) {
    case FIELD_ETH_SRC:
        type = v10 ? 4 : 3;
        break;
    case FIELD_ETH_DST:
        type = v10 ? 5 : 4;
        break;
    case FIELD_IPV4_SRC:
        type = v10 ? 6 : 5;
        break;
    case FIELD_IPV4_DST:
        type = v10 ? 7 : 6;
        break;
    case FIELD_IP_TOS:
        type = v10 ? 8 : 7;
        break;
    case FIELD_IP_DSCP:
        type = v10 ? 8 : 7;
        break;
    case FIELD_IP_ECN:
        if (v10) {
            return false;
        }
        type = 8;
        break;
    case FIELD_TCP_SRC:
    case FIELD_UDP_SRC:
        type = 9;
        break;
    case FIELD_TCP_DST:
    case FIELD_UDP_DST:
        type = 10;
        break;
    case FIELD_VLAN_VID:
    case FIELD_DL_VLAN:
        type = 1;
        break;
    case FIELD_VLAN_PCP:
    case FIELD_DL_VLAN_PCP:
        type = 2;
        break;
    default:
        return false;
    }
    if (!v10 && !a->flow_has_vlan && type <= 2) {
        size_t push = std_begin(e->b, 17);
        put_u16(e->b, 0x8100);
        action_end(e->b, push);
    }
    size_t start = std_begin(e->b, type);
    if (type == 1) {
        put_u16(e->b, ntohs(get_be16(v)) & 0xfff);
    } else if (a->field->id == FIELD_IP_DSCP) {
        put_u8(e->b, v[0] << 2);
    } else {
        bytebuf_put(e->b, v, n);
    }
    if (n == 6) {
        bytebuf_put_zeros(e->b, 6);
    }
    action_end(e->b, start);
    return true;
}

void encode_set_field(const struct action_encode *e, const struct ofpact_set_field *a)
{
    if (e->version < OFP12) {
        if (a->is_load || a->is_reg_load2 || !put_legacy(e, a)) {
            put_load(e, a);
        }
        return;
    }
    union field_value value = {0}, mask = {0};
    memcpy(&value, ofpact_set_field_value(a), a->n_bytes);
    memcpy(&mask, ofpact_set_field_mask(a), a->n_bytes);
    bool exact = ofpact_set_field_is_exact(a);
    if (e->version >= OFP15 || (!a->is_load && !a->is_reg_load2 && exact)) {
        put_set_field(e, a->field, &value, exact ? NULL : &mask);
    } else {
        put_load(e, a);
    }
}

void encode_set_whole(const struct action_encode *e, enum field_id id, uint64_t value)
{
    const struct field *field = field_from_id(id);
    union field_value v = {0};
    be64 be = htobe64(value);
    memcpy(v.b, (const char *)&be + 8 - field->n_bytes, field->n_bytes);
    if (e->version < OFP12) {
        put_reg_load(e, field, 0, field->n_bits, value);
    } else {
        put_set_field(e, field, &v, NULL);
    }
}

enum set_form {
    FORM_SET_FIELD,
    FORM_REG_LOAD,
    FORM_REG_LOAD2
};

static enum ofperr put_decoded(struct bytebuf *out, const struct field *field, const union field_value *value,
                               const union field_value *mask, bool masked, enum set_form form)
{
    if (field->access != FIELD_RW) {
        LOG_WARN_RL(&rl, "destination field %s is not writable", field->name);
        return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
    }
    size_t ofs = ROUND_UP(out->len, OFPACT_ALIGN);
    struct ofpact_set_field *a = OFPACT_PUT(SET_FIELD, out);
    a->field = field;
    a->n_bytes = field->n_bytes;
    a->is_load = form == FORM_REG_LOAD;
    a->masked = masked;
    a->is_reg_load2 = form == FORM_REG_LOAD2;
    bytebuf_put(out, value, field->n_bytes);
    bytebuf_put(out, mask, field->n_bytes);
    ofpact_finish(out, ofs);
    return OFPERR_NONE;
}

static enum ofperr get_oxm_action(struct reader *r, const struct action_decode *d, bool may_mask,
                                  enum set_form form)
{
    const struct field *field;
    union field_value value, mask;
    bool masked;
    enum ofperr error = oxm_get_field(r, &field, &value, &mask, &masked);
    if (error) {
        return error == OFPERR_OFPBMC_BAD_MASK        ? OFPERR_OFPBAC_BAD_SET_MASK
               : error == OFPERR_OFPBMC_BAD_LEN       ? OFPERR_OFPBAC_BAD_SET_LEN
               : error == OFPERR_OFPBMC_BAD_FIELD     ? OFPERR_OFPBAC_BAD_SET_TYPE
               : error == OFPERR_OFPBMC_BAD_WILDCARDS ? OFPERR_OFPBAC_BAD_SET_MASK
                                                      : error;
    }
    if (masked && !may_mask) {
        return OFPERR_OFPBAC_BAD_SET_TYPE;
    }
    if (!get_zeros(r, r->n)) {
        return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
    }
    if (!field_is_value_valid(field, &value) ||
        (field->id == FIELD_VLAN_VID && !masked && !(value.b[0] & 0x10))) {
        return OFPERR_OFPBAC_BAD_SET_ARGUMENT;
    }
    if (!masked) {
        field_all_ones(field, &mask);
    }
    return put_decoded(d->out, field, &value, &mask, masked, form);
}

enum ofperr decode_set_field(struct reader *r, const struct action_decode *d)
{
    return get_oxm_action(r, d, d->version >= OFP15, FORM_SET_FIELD);
}

enum ofperr decode_reg_load2(struct reader *r, const struct action_decode *d)
{
    return get_oxm_action(r, d, true, FORM_REG_LOAD2);
}

enum ofperr decode_reg_load(struct reader *r, const struct action_decode *d)
{
    struct subfield dst;
    get_ofs_nbits(get_u16(r), &dst);
    enum ofperr error = get_short_header(r, &dst.field);
    if (error) {
        return error;
    }
    uint64_t number = get_u64(r);
    if (dst.ofs + dst.n_bits > dst.field->n_bits) {
        return OFPERR_OFPBAC_BAD_SET_LEN;
    }
    if (dst.n_bits < 64 && number >> dst.n_bits) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    union field_value value = {0}, mask = {0};
    be64 be = htobe64(number);
    unsigned n = dst.field->n_bytes;
    bits_copy((const uint8_t *)&be, 8, 0, value.b, n, dst.ofs, dst.n_bits);
    bits_set_ones(mask.b, n, dst.ofs, dst.n_bits);
    return put_decoded(d->out, dst.field, &value, &mask, true, FORM_REG_LOAD);
}
