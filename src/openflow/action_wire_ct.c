/* SPDX-License-Identifier: Apache-2.0 */
/* ct and nat on the wire (NXAST_CT, NXAST_NAT). */
#include "openflow/action_wire_private.h"

#include "base/log.h"

LOG_MODULE(ofp_actions);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 5);

enum {
    NAT_IPV4_MIN = 1,
    NAT_IPV4_MAX = 2,
    NAT_IPV6_MIN = 4,
    NAT_IPV6_MAX = 8,
    NAT_PROTO_MIN = 16,
    NAT_PROTO_MAX = 32,
    NAT_RANGE_ALL = 63,
};

void encode_ct(const struct action_encode *e, const struct ofpact_ct *a)
{
    struct bytebuf *b = e->b;
    size_t start = nx_begin(b, NXAST_CT);
    put_u16(b, a->flags);
    if (a->zone_src.field) {
        oxm_put_header(b, a->zone_src.field, OFP10, false);
        put_ofs_nbits(b, &a->zone_src);
    } else {
        put_u32(b, 0);
        put_u16(b, a->zone_imm);
    }
    put_u8(b, a->recirc_table);
    bytebuf_put_zeros(b, 3);
    put_u16(b, a->alg);
    actions_encode_nested(e, a->actions, ofpact_ct_len(a));
    action_end(b, start);
}

/* Nested: nat, and what sets ct_mark and ct_label. */
static enum ofperr needs_commit(void)
{
    LOG_WARN_RL(&rl,
                "CT action requires commit flag if actions other than NAT without arguments are specified.");
    return OFPERR_OFPBAC_BAD_ARGUMENT;
}

static enum ofperr check_nested(const struct ofpact_ct *a, size_t len, bool commit)
{
    const struct ofpact *n;
    OFPACT_FOR_EACH (n, a->actions, len) {
        const struct field *dst = n->type == OFPACT_SET_FIELD ? OFPACT_CAST(SET_FIELD, n)->field
                                  : n->type == OFPACT_MOVE    ? OFPACT_CAST(MOVE, n)->dst.field
                                                              : NULL;
        if (n->type == OFPACT_NAT) {
            if (!commit && OFPACT_CAST(NAT, n)->flags & (NAT_SRC | NAT_DST)) {
                return needs_commit();
            }
        } else if (!dst || (dst->id != FIELD_CT_MARK && dst->id != FIELD_CT_LABEL)) {
            return OFPERR_OFPBAC_BAD_ARGUMENT;
        } else if (!commit) {
            return needs_commit();
        }
    }
    return OFPERR_NONE;
}

enum ofperr decode_ct(struct reader *r, const struct action_decode *d)
{
    size_t ofs = ROUND_UP(d->out->len, OFPACT_ALIGN);
    OFPACT_PUT(CT, d->out);
    struct ofpact_ct head = *(struct ofpact_ct *)bytebuf_at(d->out, ofs);
    head.flags = get_u16(r);
    uint32_t src = r->n >= 4 ? get_be32(r->p) : 0;
    if (src) {
        enum ofperr error = get_field_header(r, &head.zone_src.field);
        if (error) {
            return error;
        }
        get_ofs_nbits(get_u16(r), &head.zone_src);
        if (head.zone_src.n_bits != 16) {
            LOG_WARN_RL(&rl, "zone n_bits %u not within valid range [16..16]", head.zone_src.n_bits);
        }
        if (head.zone_src.n_bits != 16 ||
            head.zone_src.ofs + head.zone_src.n_bits > head.zone_src.field->n_bits) {
            return OFPERR_OFPBAC_BAD_SET_LEN;
        }
    } else {
        get_skip(r, 4);
        head.zone_imm = get_u16(r);
    }
    head.recirc_table = get_u8(r);
    get_skip(r, 3);
    head.alg = get_u16(r);
    if (r->bad) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    if (head.flags & CT_FORCE && !(head.flags & CT_COMMIT)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    enum ofperr error = actions_decode_nested(r, d);
    if (error) {
        return error;
    }
    struct ofpact_ct *a = bytebuf_at(d->out, ofs);
    *a = head;
    if (d->out->len - ofs > UINT16_MAX) {
        return OFPERR_OFPBAC_TOO_MANY;
    }
    ofpact_finish(d->out, ofs);
    a = bytebuf_at(d->out, ofs);
    return check_nested(a, ofpact_ct_len(a), head.flags & CT_COMMIT);
}

static bool ipv6_is_zero(const struct ipv6_addr *a)
{
    return !(a->be32[0] | a->be32[1] | a->be32[2] | a->be32[3]);
}

void encode_nat(const struct action_encode *e, const struct ofpact_nat *a)
{
    struct bytebuf *b = e->b;
    size_t start = nx_begin(b, NXAST_NAT);
    uint16_t range = 0;
    put_u16(b, 0);
    put_u16(b, a->flags);
    size_t range_at = b->len;
    put_u16(b, 0);
    if (a->range_af == 4) {
        bytebuf_put(b, &a->addr.ipv4.min, 4);
        range |= NAT_IPV4_MIN;
        if (a->addr.ipv4.max) {
            bytebuf_put(b, &a->addr.ipv4.max, 4);
            range |= NAT_IPV4_MAX;
        }
    } else if (a->range_af == 6) {
        bytebuf_put(b, &a->addr.ipv6.min, 16);
        range |= NAT_IPV6_MIN;
        if (!ipv6_is_zero(&a->addr.ipv6.max)) {
            bytebuf_put(b, &a->addr.ipv6.max, 16);
            range |= NAT_IPV6_MAX;
        }
    }
    if (a->range_af && a->proto_min) {
        put_u16(b, a->proto_min);
        range |= NAT_PROTO_MIN;
        if (a->proto_max) {
            put_u16(b, a->proto_max);
            range |= NAT_PROTO_MAX;
        }
    }
    set_u16(b, range_at, range);
    action_end(b, start);
}

enum ofperr decode_nat(struct reader *r, const struct action_decode *d)
{
    struct ofpact_nat a = {.flags = 0};
    get_skip(r, 2);
    a.flags = get_u16(r);
    uint16_t range = get_u16(r);
    bool v4 = range & (NAT_IPV4_MIN | NAT_IPV4_MAX), v6 = range & (NAT_IPV6_MIN | NAT_IPV6_MAX);
    if (a.flags & ~0x1f || (a.flags & NAT_SRC && a.flags & NAT_DST) ||
        (a.flags & NAT_PROTO_HASH && a.flags & NAT_PROTO_RANDOM) || range & ~NAT_RANGE_ALL || (v4 && v6) ||
        (range && !(a.flags & (NAT_SRC | NAT_DST))) || (a.flags && !(a.flags & (NAT_SRC | NAT_DST)))) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    if ((range & NAT_IPV4_MAX && !(range & NAT_IPV4_MIN)) ||
        (range & NAT_IPV6_MAX && !(range & NAT_IPV6_MIN)) ||
        (range & NAT_PROTO_MAX && !(range & NAT_PROTO_MIN)) || (range & NAT_PROTO_MIN && !v4 && !v6)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    const unsigned n = v6 ? 16 : 4;
    a.range_af = v4 ? 4 : v6 ? 6 : 0;
    for (int i = 0; i < 2; i++) {
        if (range & (v6 ? NAT_IPV6_MIN << i : NAT_IPV4_MIN << i)) {
            const uint8_t *p = get_bytes(r, n);
            if (p) {
                memcpy((char *)&a.addr + i * n, p, n);
            }
        }
    }
    a.proto_min = range & NAT_PROTO_MIN ? get_u16(r) : 0;
    a.proto_max = range & NAT_PROTO_MAX ? get_u16(r) : 0;
    if (r->bad) {
        return OFPERR_OFPBAC_BAD_LEN;
    }
    if (!get_zeros(r, r->n)) {
        return OFPERR_OFPBAC_BAD_ARGUMENT;
    }
    struct ofpact_nat *out = OFPACT_PUT(NAT, d->out);
    a.ofpact = out->ofpact;
    *out = a;
    return OFPERR_NONE;
}
