/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/port_props.h"

#include "openflow/oxm.h"

/* --- Optical --- */

static void put_three(struct bytebuf *b, uint32_t x, uint32_t y, uint32_t z)
{
    put_u32(b, x);
    put_u32(b, y);
    put_u32(b, z);
}

void ofp_optical_desc_encode(struct bytebuf *b, const struct ofp_optical_desc *d)
{
    size_t start = property_begin(b, OFPPDPT_OPTICAL);
    put_u32(b, 0);
    put_u32(b, d->supported);
    put_three(b, d->tx.min, d->tx.max, d->tx.grid);
    put_three(b, d->rx.min, d->rx.max, d->rx.grid);
    put_u16(b, d->tx_power_min);
    put_u16(b, d->tx_power_max);
    property_end(b, start);
}

enum ofperr ofp_optical_desc_decode(struct reader r, struct ofp_optical_desc *d)
{
    get_skip(&r, 4);
    d->supported = get_u32(&r);
    struct ofp_optical_range *ranges[] = {&d->tx, &d->rx};
    for (int i = 0; i < 2; i++) {
        ranges[i]->min = get_u32(&r);
        ranges[i]->max = get_u32(&r);
        ranges[i]->grid = get_u32(&r);
    }
    d->tx_power_min = get_u16(&r);
    d->tx_power_max = get_u16(&r);
    return r.bad || r.n ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

void ofp_optical_stats_encode(struct bytebuf *b, const struct ofp_optical_stats *s)
{
    size_t start = property_begin(b, OFPPDPT_OPTICAL);
    put_u32(b, 0);
    put_u32(b, s->flags);
    put_three(b, s->tx.freq, s->tx.offset, s->tx.span);
    put_three(b, s->rx.freq, s->rx.offset, s->rx.span);
    put_u16(b, s->tx_power);
    put_u16(b, s->rx_power);
    put_u16(b, s->bias);
    put_u16(b, s->temperature);
    property_end(b, start);
}

enum ofperr ofp_optical_stats_decode(struct reader r, struct ofp_optical_stats *s)
{
    get_skip(&r, 4);
    s->flags = get_u32(&r);
    struct ofp_optical_tuned *tuned[] = {&s->tx, &s->rx};
    for (int i = 0; i < 2; i++) {
        tuned[i]->freq = get_u32(&r);
        tuned[i]->offset = get_u32(&r);
        tuned[i]->span = get_u32(&r);
    }
    s->tx_power = get_u16(&r);
    s->rx_power = get_u16(&r);
    s->bias = get_u16(&r);
    s->temperature = get_u16(&r);
    return r.bad || r.n ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

#define OPTICAL_CONFIGURE (OFPOPF_RX_TUNE | OFPOPF_TX_TUNE | OFPOPF_TX_PWR | OFPOPF_USE_FREQ)

void ofp_optical_mod_encode(struct bytebuf *b, const struct ofp_optical_mod *m)
{
    size_t start = property_begin(b, OFPPDPT_OPTICAL);
    put_u32(b, m->configure);
    put_u32(b, m->freq);
    put_u32(b, (uint32_t)m->offset);
    put_u32(b, m->span);
    put_u32(b, m->tx_power);
    property_end(b, start);
}

enum ofperr ofp_optical_mod_decode(struct reader r, struct ofp_optical_mod *m)
{
    m->configure = get_u32(&r);
    m->freq = get_u32(&r);
    m->offset = (int32_t)get_u32(&r);
    m->span = get_u32(&r);
    m->tx_power = get_u32(&r);
    return r.bad || r.n                        ? OFPERR_OFPBPC_BAD_LEN
           : m->configure & ~OPTICAL_CONFIGURE ? OFPERR_OFPBPC_BAD_VALUE
                                               : OFPERR_NONE;
}

/* --- Of the pipeline --- */

void ofp_port_fields_encode(struct bytebuf *b, enum ofp_port_prop type, const struct field *const *fields,
                            size_t n, enum ofp_version v)
{
    size_t start = property_begin(b, type);
    for (size_t i = 0; i < n; i++) {
        oxm_put_header(b, fields[i], v, false);
    }
    property_end(b, start);
}

void ofp_port_recirculate_encode(struct bytebuf *b, const uint32_t ports[], size_t n)
{
    size_t start = property_begin(b, OFPPDPT_RECIRCULATE);
    for (size_t i = 0; i < n; i++) {
        put_u32(b, ofp_port_to_11(ports[i]));
    }
    property_end(b, start);
}

static enum ofperr check_fields(struct reader r)
{
    while (r.n) {
        const struct field *field;
        bool masked;
        if (oxm_get_header(&r, &field, &masked, NULL) || r.bad) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
    }
    return OFPERR_NONE;
}

enum ofperr ofp_port_desc_prop_check(uint16_t type, struct reader body, enum ofp_version v)
{
    struct ofp_optical_desc optical;
    switch (type) {
    case OFPPDPT_OPTICAL:
        return ofp_optical_desc_decode(body, &optical);
    case OFPPDPT_PIPELINE_INPUT:
    case OFPPDPT_PIPELINE_OUTPUT:
        return v >= OFP15 ? check_fields(body) : OFPERR_NONE;
    case OFPPDPT_RECIRCULATE:
        return v >= OFP15 && body.n % 4 ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
    case OFPPDPT_EXPERIMENTER:
        return body.n < 8 ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
    default:
        return OFPERR_NONE;
    }
}

enum ofperr ofp_port_stats_prop_check(uint16_t type, struct reader body)
{
    struct ofp_optical_stats optical;
    return type == OFPPDPT_OPTICAL                      ? ofp_optical_stats_decode(body, &optical)
           : type == OFPPDPT_EXPERIMENTER && body.n < 8 ? OFPERR_OFPBPC_BAD_LEN
                                                        : OFPERR_NONE;
}
