/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/packet_codec.h"

#include "flow/field.h"
#include "openflow/actions_wire.h"
#include "openflow/oxm.h"

/* Properties of NXT_PACKET_IN2. */
enum {
    PIN_PACKET,
    PIN_FULL_LEN,
    PIN_BUFFER_ID,
    PIN_TABLE_ID,
    PIN_COOKIE,
    PIN_REASON,
    PIN_METADATA,
    PIN_USERDATA,
    PIN_CONTINUATION
};

/* What OpenFlow 1.0 to 1.3 have no word for is "action" or "no match". */
uint8_t packet_in_wire_reason(uint8_t reason, enum ofp_version v)
{
    switch (reason) {
    case OFPR_IMPLICIT_MISS:
        return OFPR_NO_MATCH;
    case OFPR_EXPLICIT_MISS:
        return v >= OFP13 ? OFPR_NO_MATCH : OFPR_ACTION;
    case OFPR_ACTION_SET:
    case OFPR_GROUP:
    case OFPR_PACKET_OUT:
        return v < OFP14 ? OFPR_ACTION : reason;
    default:
        return reason;
    }
}

static void put_prop(struct bytebuf *b, uint16_t type, const void *data, size_t n)
{
    size_t start = property_begin(b, type);
    bytebuf_put(b, data, n);
    property_end(b, start);
}

static void put_props(struct bytebuf *b, const struct packet_in *pin, enum ofp_version v)
{
    size_t at;
    if (pin->packet_len) {
        put_prop(b, PIN_PACKET, pin->packet, pin->packet_len);
    }
    if (pin->total_len != pin->packet_len) {
        at = property_begin(b, PIN_FULL_LEN);
        put_u32(b, pin->total_len);
        property_end(b, at);
    }
    if (pin->buffer_id != OFP_NO_BUFFER) {
        at = property_begin(b, PIN_BUFFER_ID);
        put_u32(b, pin->buffer_id);
        property_end(b, at);
    }
    at = property_begin(b, PIN_TABLE_ID);
    put_u8(b, pin->table_id);
    property_end(b, at);
    if (pin->cookie != UINT64_MAX) {
        at = property_begin(b, PIN_COOKIE);
        put_u32(b, 0);
        put_u64(b, pin->cookie);
        property_end(b, at);
    }
    at = property_begin(b, PIN_REASON);
    put_u8(b, packet_in_wire_reason(pin->reason, v));
    property_end(b, at);
    at = property_begin(b, PIN_METADATA);
    oxm_put_match(b, &pin->metadata, MAX(v, OFP12), 0, 0); /* in OXM's terms, whatever the version */
    property_end(b, at);
    if (pin->userdata_len) {
        put_prop(b, PIN_USERDATA, pin->userdata, pin->userdata_len);
    }
    if (pin->continuation_len) {
        at = property_begin(b, PIN_CONTINUATION);
        put_u32(b, 0);
        if (pin->put_continuation) {
            pin->put_continuation(b, pin, v);
        } else {
            bytebuf_put(b, pin->continuation, pin->continuation_len);
        }
        property_end(b, at);
    }
}

void resume_encode(struct bytebuf *b, const struct packet_in *pin, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_RESUME, v, xid);
    put_props(b, pin, v);
    ofp_msg_end(b, start);
}

static void put_packet_in(struct bytebuf *b, const struct packet_in *pin, enum ofp_version v,
                          enum packet_in_format format)
{
    uint16_t total_len = (uint16_t)MIN(pin->total_len, UINT16_MAX);
    if (format != PACKET_IN_STANDARD) {
        ofp_msg_begin_number(b, OFPTYPE_PACKET_IN, v, OFPK_NXT, format == PACKET_IN_NXT ? 17 : 30, 0);
        if (format == PACKET_IN_NXT2) {
            put_props(b, pin, v);
        } else {
            put_u32(b, pin->buffer_id);
            put_u16(b, total_len);
            put_u8(b, packet_in_wire_reason(pin->reason, v));
            put_u8(b, pin->table_id);
            put_u64(b, pin->cookie);
            size_t at = b->len;
            bytebuf_put_zeros(b, 8);
            size_t match = b->len;
            set_u16(b, at, oxm_put_match(b, &pin->metadata, OFP10, 0, 0));
            put_pad_from(b, match, 8);
            put_u16(b, 0);
            bytebuf_put(b, pin->packet, pin->packet_len);
        }
        return;
    }
    ofp_msg_begin(b, OFPTYPE_PACKET_IN, v, 0);
    uint8_t reason = packet_in_wire_reason(pin->reason, v);
    put_u32(b, pin->buffer_id);
    if (v == OFP10) {
        put_u16(b, total_len);
        put_u16(b, pin->metadata.flow.in_port);
        put_u8(b, reason);
        put_u8(b, 0);
    } else if (v == OFP11) {
        put_u32(b, ofp_port_to_11(pin->metadata.flow.in_port));
        put_u32(b, ofp_port_to_11(pin->metadata.flow.in_port));
        put_u16(b, total_len);
        put_u8(b, reason);
        put_u8(b, pin->table_id);
    } else {
        put_u16(b, total_len);
        put_u8(b, reason);
        put_u8(b, pin->table_id);
        if (v >= OFP13) {
            put_u64(b, pin->cookie);
        }
        match_encode(b, &pin->metadata, v);
        put_u16(b, 0);
    }
    bytebuf_put(b, pin->packet, pin->packet_len);
}

void packet_in_encode(struct bytebuf *b, const struct packet_in *pin, enum ofp_version v,
                      enum packet_in_format format)
{
    size_t start = b->len;
    put_packet_in(b, pin, v, format);
    size_t len = b->len - start;
    if (unlikely(len > OFP_MAX_LEN)) {
        /* As much of the packet as there is room for; one that is to be resumed is needed whole. */
        size_t excess = ROUND_UP(len - OFP_MAX_LEN, 8) + 8; /* its full length is a property more */
        struct packet_in cut = *pin;
        cut.packet_len = pin->packet_len > excess ? pin->packet_len - excess : 0;
        bytebuf_truncate(b, start);
        if (cut.packet_len && !(pin->continuation_len && format == PACKET_IN_NXT2)) {
            put_packet_in(b, &cut, v, format);
        }
    }
    if (b->len > start) {
        ofp_msg_end(b, start);
    }
}

static void set_in_port(struct match *m, uint32_t port)
{
    match_init_catchall(m);
    m->flow.in_port = port;
    m->wc.bits.in_port = UINT32_MAX;
}

static enum ofperr get_prop(uint16_t type, struct reader *q, struct packet_in *pin)
{
    switch (type) {
    case PIN_PACKET:
        pin->packet_len = q->n;
        pin->packet = get_bytes(q, q->n);
        return OFPERR_NONE;
    case PIN_FULL_LEN:
        pin->total_len = get_u32(q);
        return OFPERR_NONE;
    case PIN_BUFFER_ID:
        pin->buffer_id = get_u32(q);
        return OFPERR_NONE;
    case PIN_TABLE_ID:
        pin->table_id = get_u8(q);
        return OFPERR_NONE;
    case PIN_COOKIE:
        get_skip(q, 4);
        pin->cookie = get_u64(q);
        return OFPERR_NONE;
    case PIN_REASON:
        pin->reason = get_u8(q);
        return OFPERR_NONE;
    case PIN_METADATA:
        return oxm_get_match(q, true, &pin->metadata, NULL, NULL);
    case PIN_USERDATA:
        pin->userdata_len = q->n;
        pin->userdata = get_bytes(q, q->n);
        return OFPERR_NONE;
    case PIN_CONTINUATION:
        get_skip(q, 4);
        pin->continuation_len = q->n;
        pin->continuation = get_bytes(q, q->n);
        return OFPERR_NONE;
    default:
        return OFPERR_OFPBPC_BAD_TYPE;
    }
}

static enum ofperr get_props(struct reader *r, struct packet_in *pin)
{
    while (r->n) {
        uint16_t type;
        struct reader q;
        if (!get_property(r, &type, &q)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        enum ofperr error = get_prop(type, &q, pin);
        if (error || q.bad) {
            return error ? error : OFPERR_OFPBPC_BAD_LEN;
        }
    }
    if (!pin->total_len) {
        pin->total_len = pin->packet_len;
    }
    return pin->total_len < pin->packet_len ? OFPERR_OFPBPC_BAD_VALUE : OFPERR_NONE;
}

enum ofperr packet_in_decode(const struct ofp_msg *m, struct packet_in *pin)
{
    struct reader r = m->body;
    enum ofperr error = OFPERR_NONE;
    enum ofp_version v = m->version;
    *pin = (struct packet_in){.buffer_id = OFP_NO_BUFFER, .cookie = UINT64_MAX};
    match_init_catchall(&pin->metadata);
    if (m->kind == OFPK_NXT && m->number != 17) {
        return get_props(&r, pin);
    }
    pin->buffer_id = get_u32(&r);
    if (m->kind == OFPK_NXT) {
        pin->total_len = get_u16(&r);
        pin->reason = get_u8(&r);
        pin->table_id = get_u8(&r);
        pin->cookie = get_u64(&r);
        uint16_t len = get_u16(&r);
        get_skip(&r, 6);
        struct reader match = get_sub(&r, len);
        get_skip(&r, ROUND_UP(len, 8) - len + 2u);
        error = match.bad ? OFPERR_OFPBMC_BAD_LEN : oxm_get_match(&match, true, &pin->metadata, NULL, NULL);
    } else if (v == OFP10) {
        pin->total_len = get_u16(&r);
        set_in_port(&pin->metadata, get_u16(&r));
        pin->reason = get_u8(&r);
        get_skip(&r, 1);
    } else if (v == OFP11) {
        uint32_t port;
        error = ofp_port_from_11(get_u32(&r), &port) ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
        set_in_port(&pin->metadata, port);
        get_skip(&r, 4);
        pin->total_len = get_u16(&r);
        pin->reason = get_u8(&r);
        pin->table_id = get_u8(&r);
    } else {
        pin->total_len = get_u16(&r);
        pin->reason = get_u8(&r);
        pin->table_id = get_u8(&r);
        if (v >= OFP13) {
            pin->cookie = get_u64(&r);
        }
        error = r.bad ? OFPERR_OFPBRC_BAD_LEN : match_decode(&r, v, true, &pin->metadata);
        get_skip(&r, 2);
    }
    if (error || r.bad) {
        return error ? error : OFPERR_OFPBRC_BAD_LEN;
    }
    pin->packet_len = r.n;
    pin->packet = r.p;
    return OFPERR_NONE;
}

/* --- Packet-out --- */

void packet_out_fini(struct packet_out *po)
{
    bytebuf_fini(&po->ofpacts);
}

void packet_out_encode(struct bytebuf *b, const struct packet_out *po, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_PACKET_OUT, v, xid);
    put_u32(b, po->buffer_id);
    size_t len_at = b->len;
    if (v == OFP10) {
        put_u16(b, po->metadata.flow.in_port);
        len_at = b->len;
        put_u16(b, 0);
    } else if (v < OFP15) {
        put_u32(b, ofp_port_to_11(po->metadata.flow.in_port));
        len_at = b->len;
        bytebuf_put_zeros(b, 8);
    } else {
        put_u32(b, 0);
        match_encode(b, &po->metadata, v);
    }
    set_u16(b, len_at, actions_encode(b, (const struct ofpact *)po->ofpacts.data, po->ofpacts.len, v));
    if (po->buffer_id == OFP_NO_BUFFER) {
        bytebuf_put(b, po->packet, po->packet_len);
    }
    ofp_msg_end(b, start);
}

enum ofperr packet_out_decode(const struct ofp_msg *m, struct packet_out *po)
{
    struct reader r = m->body;
    enum ofp_version v = m->version;
    enum ofperr error = OFPERR_NONE;
    *po = (struct packet_out){0};
    po->buffer_id = get_u32(&r);
    uint16_t actions_len;
    if (v == OFP10) {
        set_in_port(&po->metadata, get_u16(&r));
        actions_len = get_u16(&r);
    } else if (v < OFP15) {
        uint32_t port;
        error = ofp_port_from_11(get_u32(&r), &port) ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
        set_in_port(&po->metadata, port);
        actions_len = get_u16(&r);
        get_skip(&r, 6);
    } else {
        actions_len = get_u16(&r);
        get_skip(&r, 2);
        error = match_decode(&r, v, true, &po->metadata);
        if (!error && !po->metadata.wc.bits.in_port) {
            error = OFPERR_OFPBRC_BAD_PORT;
        }
    }
    uint32_t port = po->metadata.flow.in_port;
    if (!error && port >= OFPP_MAX && port != OFPP_LOCAL && port != OFPP_NONE && port != OFPP_CONTROLLER) {
        error = OFPERR_OFPBRC_BAD_PORT;
    }
    struct reader actions = get_sub(&r, actions_len);
    if (error || r.bad) {
        return error ? error : OFPERR_OFPBRC_BAD_LEN;
    }
    actions.tun_md = NULL; /* the actions run once, and fields that are not there then do nothing */
    error = actions_decode(&actions, v, &po->ofpacts);
    if (po->buffer_id == OFP_NO_BUFFER) {
        po->packet = r.p;
        po->packet_len = r.n;
    }
    if (error) {
        packet_out_fini(po);
    }
    return error;
}
