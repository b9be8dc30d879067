/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/port_codec.h"

#define F11_COPPER_ETC_SHIFT 4 /* OpenFlow 1.1 put four speeds between 10GB and copper */

/* OpenFlow 1.0: 10MB_HD..10GB_FD are bits 0 to 6, then copper, fiber, autoneg, pause, asymmetric. */
static uint32_t features_from_10(uint32_t f)
{
    return (f & 0x7f) | (f & 0xf80) << F11_COPPER_ETC_SHIFT;
}

static uint32_t features_to_10(uint32_t f)
{
    return (f & 0x7f) | (f >> F11_COPPER_ETC_SHIFT & 0xf80);
}

static void put_name(struct bytebuf *b, const char *name)
{
    char *p = bytebuf_put_zeros(b, OFP_PORT_NAME_LEN);
    memcpy(p, name, strnlen(name, OFP_PORT_NAME_LEN - 1));
}

static void put_port_no(struct bytebuf *b, uint32_t port, enum ofp_version v)
{
    if (v == OFP10) {
        put_u16(b, port);
    } else {
        put_u32(b, ofp_port_to_11(port));
    }
}

static enum ofperr get_port_no(struct reader *r, enum ofp_version v, uint32_t *port)
{
    if (v == OFP10) {
        *port = get_u16(r);
        return OFPERR_NONE;
    }
    return ofp_port_from_11(get_u32(r), port) || r->bad ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
}

static uint32_t state_to_wire(uint32_t state, enum ofp_version v)
{
    return v == OFP10 ? state & (OFPPS_LINK_DOWN | OFPPS_STP_MASK)
                      : state & (OFPPS_LINK_DOWN | OFPPS_BLOCKED | OFPPS_LIVE);
}

/* --- Descriptions --- */

static void put_other_properties(struct bytebuf *b, const struct ofp_port *p, enum ofp_version v)
{
    if (v >= OFP15 && p->n_input) {
        ofp_port_fields_encode(b, OFPPDPT_PIPELINE_INPUT, p->input, p->n_input, v);
    }
    if (v >= OFP15 && p->n_output) {
        ofp_port_fields_encode(b, OFPPDPT_PIPELINE_OUTPUT, p->output, p->n_output, v);
    }
    struct reader r = reader_of(p->properties, p->properties_len), body;
    uint16_t type;
    while (r.n && get_property(&r, &type, &body)) {
        if (type != OFPPDPT_ETHERNET) {
            size_t start = property_begin(b, type);
            bytebuf_put(b, body.p, body.n);
            property_end(b, start);
        }
    }
}

void ofp_port_encode(struct bytebuf *b, const struct ofp_port *p, enum ofp_version v)
{
    size_t start = b->len;
    put_port_no(b, p->port_no, v);
    if (v == OFP10) {
        bytebuf_put(b, &p->hw_addr, 6);
    } else {
        put_u16(b, 0); /* length, since 1.4 */
        put_u16(b, 0);
        bytebuf_put(b, &p->hw_addr, 6);
        put_u16(b, 0);
    }
    put_name(b, p->name);
    put_u32(b, v == OFP10
                   ? p->config & 0x7f
                   : p->config & (OFPPC_PORT_DOWN | OFPPC_NO_RECV | OFPPC_NO_FWD | OFPPC_NO_PACKET_IN));
    put_u32(b, state_to_wire(p->state, v));
    size_t prop = b->len;
    if (v >= OFP14) {
        put_u16(b, 0);
        put_u16(b, 32);
        put_u32(b, 0);
    }
    const uint32_t features[] = {p->curr, p->advertised, p->supported, p->peer};
    for (int i = 0; i < 4; i++) {
        put_u32(b, v == OFP10 ? features_to_10(features[i]) : features[i]);
    }
    if (v > OFP10) {
        put_u32(b, p->curr_speed);
        put_u32(b, p->max_speed);
    }
    if (v >= OFP14) {
        set_u16(b, prop + 2, b->len - prop);
        put_other_properties(b, p, v);
        set_u16(b, start + 4, b->len - start);
    }
}

uint32_t ofp_port_features_speed(uint32_t f)
{
    static const uint32_t mbps[] = {10, 10, 100, 100, 1000, 1000, 10000, 40000, 100000, 1000000};
    for (int i = 9; i >= 0; i--) {
        if (f & 1u << i) {
            return mbps[i] * 1000;
        }
    }
    return 0;
}

static void get_features(struct reader *r, struct ofp_port *p, bool v10)
{
    uint32_t f[4];
    for (int i = 0; i < 4; i++) {
        f[i] = get_u32(r);
        f[i] = v10 ? features_from_10(f[i]) : f[i];
    }
    p->curr = f[0];
    p->advertised = f[1];
    p->supported = f[2];
    p->peer = f[3];
}

static enum ofperr get_port_properties(struct reader *r, enum ofp_version v, struct ofp_port *p)
{
    p->properties = r->p;
    p->properties_len = r->n;
    while (r->n) {
        uint16_t type;
        struct reader q;
        if (!get_property(r, &type, &q)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        enum ofperr error = ofp_port_desc_prop_check(type, q, v);
        if (error) {
            return error;
        }
        if (type == OFPPDPT_ETHERNET) {
            get_skip(&q, 4);
            get_features(&q, p, false);
            p->curr_speed = get_u32(&q);
            p->max_speed = get_u32(&q);
            if (q.bad) {
                return OFPERR_OFPBPC_BAD_LEN;
            }
        }
    }
    return OFPERR_NONE;
}

enum ofperr ofp_port_decode(struct reader *r, enum ofp_version v, struct ofp_port *p)
{
    memset(p, 0, sizeof *p);
    size_t before = r->n;
    enum ofperr error = get_port_no(r, v, &p->port_no);
    uint16_t len = 0;
    if (v > OFP10) {
        len = get_u16(r);
        get_skip(r, 2);
    }
    const uint8_t *mac = get_bytes(r, 6);
    if (v > OFP10) {
        get_skip(r, 2);
    }
    const uint8_t *name = get_bytes(r, OFP_PORT_NAME_LEN);
    p->config = get_u32(r);
    p->state = get_u32(r);
    if (r->bad || error) {
        return error ? error : OFPERR_OFPBRC_BAD_LEN;
    }
    memcpy(&p->hw_addr, mac, 6);
    memcpy(p->name, name, OFP_PORT_NAME_LEN - 1);
    if (v >= OFP14) {
        if (len < before - r->n || len > before) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        struct reader q = get_sub(r, len - (before - r->n));
        return get_port_properties(&q, v, p);
    }
    get_features(r, p, v == OFP10);
    if (v > OFP10) {
        p->curr_speed = get_u32(r);
        p->max_speed = get_u32(r);
    } else {
        p->curr_speed = ofp_port_features_speed(p->curr);
        p->max_speed = ofp_port_features_speed(p->supported);
    }
    return r->bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

size_t ofp_features_encode_begin(struct bytebuf *b, const struct ofp_features *f, enum ofp_version v,
                                 uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_FEATURES_REPLY, v, xid);
    put_u64(b, f->datapath_id);
    put_u32(b, f->n_buffers);
    put_u8(b, f->n_tables);
    put_u8(b, v >= OFP13 ? f->auxiliary_id : 0);
    put_u16(b, 0);
    static const uint32_t known[] = {0, 0xef, 0x16f, 0x16f, 0x16f, 0x7f, 0x7f};
    put_u32(b, f->capabilities & (v == OFP10   ? 0xe7u
                                  : v == OFP11 ? 0xefu
                                               : known[v] | (v >= OFP14 ? 0x600 : 0)));
    put_u32(b, v == OFP10 ? f->actions : 0);
    return start;
}

enum ofperr ofp_features_decode(const struct ofp_msg *m, struct ofp_features *f, struct reader *ports)
{
    struct reader r = m->body;
    f->datapath_id = get_u64(&r);
    f->n_buffers = get_u32(&r);
    f->n_tables = get_u8(&r);
    f->auxiliary_id = get_u8(&r);
    get_skip(&r, 2);
    f->capabilities = get_u32(&r);
    f->actions = get_u32(&r);
    *ports = r;
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void port_status_encode(struct bytebuf *b, uint8_t reason, const struct ofp_port *p, enum ofp_version v)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_PORT_STATUS, v, 0);
    put_u8(b, reason);
    bytebuf_put_zeros(b, 7);
    ofp_port_encode(b, p, v);
    ofp_msg_end(b, start);
}

enum ofperr port_status_decode(const struct ofp_msg *m, uint8_t *reason, struct ofp_port *p)
{
    struct reader r = m->body;
    *reason = get_u8(&r);
    get_skip(&r, 7);
    return *reason > 2 ? OFPERR_NXBRC_BAD_REASON : ofp_port_decode(&r, m->version, p);
}

/* --- Port mods --- */

void port_mod_encode(struct bytebuf *b, const struct port_mod *pm, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_PORT_MOD, v, xid);
    put_port_no(b, pm->port_no, v);
    bytebuf_put_zeros(b, v == OFP10 ? 0 : 4);
    bytebuf_put(b, &pm->hw_addr, 6);
    bytebuf_put_zeros(b, v == OFP10 ? 0 : 2);
    put_u32(b, pm->config);
    put_u32(b, pm->mask);
    if (v < OFP14) {
        put_u32(b, v == OFP10 ? features_to_10(pm->advertise) : pm->advertise);
        put_u32(b, 0);
    } else if (pm->advertise) {
        put_u16(b, 0);
        put_u16(b, 8);
        put_u32(b, pm->advertise);
    }
    if (v >= OFP14 && pm->has_optical) {
        ofp_optical_mod_encode(b, &pm->optical);
    }
    ofp_msg_end(b, start);
}

enum ofperr port_mod_decode(const struct ofp_msg *m, struct port_mod *pm)
{
    struct reader r = m->body;
    *pm = (struct port_mod){0};
    enum ofperr error = get_port_no(&r, m->version, &pm->port_no);
    get_skip(&r, m->version == OFP10 ? 0 : 4);
    const uint8_t *mac = get_bytes(&r, 6);
    get_skip(&r, m->version == OFP10 ? 0 : 2);
    pm->config = get_u32(&r);
    pm->mask = get_u32(&r);
    if (r.bad || error) {
        return error ? error : OFPERR_OFPBRC_BAD_LEN;
    }
    memcpy(&pm->hw_addr, mac, 6);
    if (m->version < OFP14) {
        uint32_t f = get_u32(&r);
        pm->advertise = m->version == OFP10 ? features_from_10(f) : f;
        get_skip(&r, 4);
        return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
    }
    while (r.n) {
        uint16_t type;
        struct reader q;
        if (!get_property(&r, &type, &q)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (type == OFPPDPT_ETHERNET) {
            pm->advertise = get_u32(&q);
            error = q.bad ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
        } else if (type == OFPPDPT_OPTICAL) {
            error = pm->has_optical ? OFPERR_OFPBPC_DUP_TYPE : ofp_optical_mod_decode(q, &pm->optical);
            pm->has_optical = true;
        } else {
            error = type == OFPPDPT_EXPERIMENTER ? OFPERR_OFPBPC_BAD_EXPERIMENTER : OFPERR_OFPBPC_BAD_TYPE;
        }
        if (error) {
            return error;
        }
    }
    return OFPERR_NONE;
}

/* --- Statistics --- */

void port_stats_request_encode(struct bytebuf *b, uint32_t port_no, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_PORT_REQUEST, v, xid);
    put_port_no(b, port_no, v);
    bytebuf_put_zeros(b, v == OFP10 ? 6 : 4);
    ofp_msg_end(b, start);
}

enum ofperr port_stats_request_decode(const struct ofp_msg *m, uint32_t *port_no)
{
    struct reader r = m->body;
    enum ofperr error = get_port_no(&r, m->version, port_no);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : error;
}

void port_stats_encode(struct bytebuf *b, const struct port_stats *s, enum ofp_version v)
{
    size_t start = b->len;
    if (v >= OFP14) {
        put_u32(b, 0);
    }
    put_port_no(b, s->port_no, v);
    bytebuf_put_zeros(b, v == OFP10 ? 6 : v < OFP14 ? 4 : 0);
    if (v >= OFP14) {
        put_u32(b, s->duration_sec);
        put_u32(b, s->duration_nsec);
    }
    const uint64_t common[] = {s->rx_packets, s->tx_packets, s->rx_bytes,  s->tx_bytes,
                               s->rx_dropped, s->tx_dropped, s->rx_errors, s->tx_errors};
    for (size_t i = 0; i < ARRAY_SIZE(common); i++) {
        put_u64(b, common[i]);
    }
    size_t prop = b->len;
    if (v >= OFP14) {
        put_u16(b, 0);
        put_u16(b, 40);
        put_u32(b, 0);
    }
    put_u64(b, s->rx_frame_err);
    put_u64(b, s->rx_over_err);
    put_u64(b, s->rx_crc_err);
    put_u64(b, s->collisions);
    if (v == OFP13) {
        put_u32(b, s->duration_sec);
        put_u32(b, s->duration_nsec);
    }
    if (v >= OFP14) {
        set_u16(b, prop + 2, b->len - prop);
        set_u16(b, start, b->len - start);
    }
}

enum ofperr port_stats_decode(struct reader *r, enum ofp_version v, struct port_stats *s,
                              struct reader *properties)
{
    memset(s, 0xff, sizeof *s);
    *properties = reader_of(NULL, 0);
    struct reader e = *r;
    uint16_t len = 0;
    if (v >= OFP14) {
        len = get_u16(&e);
        get_skip(&e, 2);
        if (e.bad || len < 4 || len > r->n) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        e = get_sub(r, len);
        get_skip(&e, 4);
    }
    enum ofperr error = get_port_no(&e, v, &s->port_no);
    get_skip(&e, v == OFP10 ? 6 : v < OFP14 ? 4 : 0);
    if (v >= OFP14) {
        s->duration_sec = get_u32(&e);
        s->duration_nsec = get_u32(&e);
    }
    uint64_t *const common[] = {&s->rx_packets, &s->tx_packets, &s->rx_bytes,  &s->tx_bytes,
                                &s->rx_dropped, &s->tx_dropped, &s->rx_errors, &s->tx_errors};
    for (size_t i = 0; i < ARRAY_SIZE(common); i++) {
        *common[i] = get_u64(&e);
    }
    struct reader eth = e;
    if (v >= OFP14) {
        *properties = e;
        eth = reader_of(NULL, 0);
        for (struct reader q = e; q.n >= 4;) {
            uint16_t type = ntohs(get_be16(q.p)), n = ntohs(get_be16(q.p + 2));
            if (n < 4 || n > q.n) {
                return OFPERR_OFPBPC_BAD_LEN;
            }
            struct reader one = get_sub(&q, n), body = one;
            get_skip(&q, MIN(q.n, (size_t)(ROUND_UP(n, 8) - n)));
            get_skip(&body, 4);
            if (ofp_port_stats_prop_check(type, body)) {
                return OFPERR_OFPBPC_BAD_LEN;
            }
            if (!type) {
                get_skip(&one, 8);
                eth = one;
            }
        }
    }
    if (v < OFP14 || eth.n) {
        s->rx_frame_err = get_u64(&eth);
        s->rx_over_err = get_u64(&eth);
        s->rx_crc_err = get_u64(&eth);
        s->collisions = get_u64(&eth);
    }
    if (v == OFP13) {
        s->duration_sec = get_u32(&eth);
        s->duration_nsec = get_u32(&eth);
    }
    if (v < OFP14) {
        *r = eth;
    }
    return e.bad || eth.bad || r->bad ? OFPERR_OFPBRC_BAD_LEN : error;
}

void queue_stats_request_encode(struct bytebuf *b, uint32_t port_no, uint32_t queue, enum ofp_version v,
                                uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_QUEUE_REQUEST, v, xid);
    if (v == OFP10) {
        put_u16(b, port_no == OFPP_ANY ? OFPP_ALL : port_no);
        put_u16(b, 0);
    } else {
        put_port_no(b, port_no, v);
    }
    put_u32(b, queue);
    ofp_msg_end(b, start);
}

enum ofperr queue_stats_request_decode(const struct ofp_msg *m, uint32_t *port_no, uint32_t *queue)
{
    struct reader r = m->body;
    enum ofperr error = get_port_no(&r, m->version, port_no);
    get_skip(&r, m->version == OFP10 ? 2 : 0);
    *queue = get_u32(&r);
    if (m->version == OFP10 && *port_no == OFPP_ALL) {
        *port_no = OFPP_ANY;
    }
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : error;
}

void queue_stats_encode(struct bytebuf *b, const struct queue_stats *s, enum ofp_version v)
{
    if (v >= OFP14) {
        put_u16(b, 48);
        bytebuf_put_zeros(b, 6);
        put_port_no(b, s->port_no, v);
        put_u32(b, s->queue_id);
        put_u64(b, s->tx_bytes);
        put_u64(b, s->tx_packets);
        put_u64(b, s->tx_errors);
        put_u32(b, s->duration_sec);
        put_u32(b, s->duration_nsec);
        return;
    }
    put_port_no(b, s->port_no, v);
    bytebuf_put_zeros(b, v == OFP10 ? 2 : 0);
    put_u32(b, s->queue_id);
    put_u64(b, s->tx_bytes);
    put_u64(b, s->tx_packets);
    put_u64(b, s->tx_errors);
    if (v == OFP13) {
        put_u32(b, s->duration_sec);
        put_u32(b, s->duration_nsec);
    }
}

enum ofperr queue_stats_decode(struct reader *r, enum ofp_version v, struct queue_stats *s)
{
    *s = (struct queue_stats){.duration_sec = UINT32_MAX, .duration_nsec = UINT32_MAX};
    struct reader e = *r;
    if (v >= OFP14) {
        uint16_t len = get_u16(&e);
        if (e.bad || len < 8 || len > r->n) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        e = get_sub(r, len);
        get_skip(&e, 8);
    }
    enum ofperr error = get_port_no(&e, v, &s->port_no);
    get_skip(&e, v == OFP10 ? 2 : 0);
    s->queue_id = get_u32(&e);
    s->tx_bytes = get_u64(&e);
    s->tx_packets = get_u64(&e);
    s->tx_errors = get_u64(&e);
    if (v >= OFP13) {
        s->duration_sec = get_u32(&e);
        s->duration_nsec = get_u32(&e);
    }
    if (v < OFP14) {
        *r = e;
    }
    return e.bad || r->bad ? OFPERR_OFPBRC_BAD_LEN : error;
}
