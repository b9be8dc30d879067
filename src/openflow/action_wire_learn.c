/* SPDX-License-Identifier: Apache-2.0 */
/* learn on the wire (NXAST_LEARN, NXAST_LEARN2). */
#include "openflow/action_wire_private.h"

#define SPEC_IMMEDIATE  (1u << 13)
#define SPEC_DST_SHIFT  11
#define SPEC_N_BITS     0x3ffu
#define LEARN_FLAGS_OLD (LEARN_SEND_FLOW_REM | LEARN_DELETE_LEARNED)
#define LEARN_FLAGS_ALL (LEARN_FLAGS_OLD | LEARN_WRITE_RESULT)

static void put_subfield(struct bytebuf *b, const struct subfield *sf)
{
    oxm_put_header(b, sf->field, OFP10, false);
    put_u16(b, sf->ofs);
}

void encode_learn(const struct action_encode *e, const struct ofpact_learn *a)
{
    struct bytebuf *b = e->b;
    bool v2 = a->limit || a->flags & LEARN_WRITE_RESULT;
    size_t start = nx_begin(b, v2 ? NXAST_LEARN2 : NXAST_LEARN);
    put_u16(b, a->idle_timeout);
    put_u16(b, a->hard_timeout);
    put_u16(b, a->priority);
    put_u64(b, a->cookie);
    put_u16(b, a->flags);
    put_u8(b, a->table_id);
    put_u8(b, 0);
    put_u16(b, a->fin_idle_timeout);
    put_u16(b, a->fin_hard_timeout);
    if (v2) {
        put_u32(b, a->limit);
        put_u16(b, a->flags & LEARN_WRITE_RESULT ? a->result_dst.ofs : 0);
        put_u16(b, 0);
        if (a->flags & LEARN_WRITE_RESULT) {
            oxm_put_header(b, a->result_dst.field, OFP10, false);
        }
    }
    const struct learn_spec *spec;
    LEARN_SPEC_FOR_EACH(spec, a)
    {
        put_u16(b, spec->n_bits | (unsigned)spec->dst_type << SPEC_DST_SHIFT |
                       (spec->src_type == LEARN_SRC_IMMEDIATE ? SPEC_IMMEDIATE : 0));
        if (spec->src_type == LEARN_SRC_FIELD) {
            put_subfield(b, &spec->src);
        } else {
            /* Whole 16-bit words, right-aligned. */
            bytebuf_put_zeros(b, DIV_ROUND_UP(spec->n_bits, 16) * 2u - spec->imm_bytes);
            bytebuf_put(b, spec->imm, spec->imm_bytes);
        }
        if (spec->dst_type != LEARN_DST_OUTPUT) {
            put_subfield(b, &spec->dst);
        }
    }
    action_end(b, start);
}

static enum ofperr get_subfield(struct reader *r, unsigned n_bits, struct subfield *sf)
{
    enum ofperr error = get_short_header(r, &sf->field);
    if (error) {
        return error;
    }
    sf->ofs = get_u16(r);
    sf->n_bits = n_bits;
    return r->bad                                     ? OFPERR_OFPBAC_BAD_LEN
           : sf->ofs + sf->n_bits > sf->field->n_bits ? OFPERR_OFPBAC_BAD_SET_LEN
                                                      : OFPERR_NONE;
}

static enum ofperr get_spec(struct reader *r, uint16_t header, struct bytebuf *out)
{
    struct learn_spec spec = {.n_bits = header & SPEC_N_BITS,
                              .src_type = header & SPEC_IMMEDIATE ? LEARN_SRC_IMMEDIATE : LEARN_SRC_FIELD,
                              .dst_type = header >> SPEC_DST_SHIFT & 3};
    enum ofperr error = OFPERR_NONE;
    const uint8_t *imm = NULL;
    unsigned words = DIV_ROUND_UP(spec.n_bits, 16) * 2u;
    if (spec.dst_type > LEARN_DST_OUTPUT || header >> 14 || !spec.n_bits ||
        (spec.dst_type == LEARN_DST_OUTPUT && spec.src_type != LEARN_SRC_FIELD)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    if (spec.src_type == LEARN_SRC_FIELD) {
        error = get_subfield(r, spec.n_bits, &spec.src);
    } else {
        imm = get_bytes(r, words);
        spec.imm_bytes = DIV_ROUND_UP(spec.n_bits, 8);
        error = !imm                    ? OFPERR_OFPBAC_BAD_LEN
                : spec.n_bits > 124 * 8 ? OFPERR_OFPBAC_BAD_ARGUMENT
                                        : OFPERR_NONE;
    }
    if (!error && spec.dst_type != LEARN_DST_OUTPUT) {
        error = get_subfield(r, spec.n_bits, &spec.dst);
    }
    if (error) {
        return error;
    }
    bytebuf_put(out, &spec, sizeof spec);
    if (imm) {
        bytebuf_put(out, imm + words - spec.imm_bytes, spec.imm_bytes);
        bytebuf_pad(out, 8);
    }
    return OFPERR_NONE;
}

enum ofperr decode_learn(struct reader *r, const struct action_decode *d)
{
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    struct ofpact_learn *a = OFPACT_PUT(LEARN, d->out);
    a->idle_timeout = get_u16(r);
    a->hard_timeout = get_u16(r);
    a->priority = get_u16(r);
    a->cookie = get_u64(r);
    uint16_t flags = get_u16(r);
    a->flags = flags;
    a->table_id = get_u8(r);
    uint8_t pad = get_u8(r);
    a->fin_idle_timeout = get_u16(r);
    a->fin_hard_timeout = get_u16(r);
    if (r->bad) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    bool v2 = d->type == NXAST_LEARN2;
    if (pad || a->table_id == 0xff || flags & ~(v2 ? LEARN_FLAGS_ALL : LEARN_FLAGS_OLD)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    if (v2) {
        a->limit = get_u32(r);
        a->result_dst.ofs = get_u16(r);
        if (get_u16(r)) {
            return OFPERR_OFPBAC_BAD_ARGUMENT;
        }
        a->result_dst.n_bits = flags & LEARN_WRITE_RESULT ? 1 : 0;
        if (flags & LEARN_WRITE_RESULT) {
            /* Of an option by any length, whether the switch knows it or not: it is one bit. */
            const struct tun_md_table *tun_md = r->tun_md;
            r->tun_md = NULL;
            enum ofperr error = get_field_header(r, &a->result_dst.field);
            r->tun_md = tun_md;
            if (error) {
                return error;
            }
            if (a->result_dst.field->access != FIELD_RW || a->result_dst.ofs >= a->result_dst.field->n_bits) {
                return OFPERR_OFPBAC_BAD_ARGUMENT;
            }
        } else if (a->result_dst.ofs) {
            return OFPERR_OFPBAC_BAD_ARGUMENT;
        }
    }
    while (r->n >= 2) {
        uint16_t header = get_u16(r);
        if (!header) {
            break;
        }
        enum ofperr error = get_spec(r, header, d->out);
        if (error) {
            return error;
        }
    }
    if (!get_zeros(r, r->n)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    ofpact_finish(d->out, ofs);
    return OFPERR_NONE;
}
