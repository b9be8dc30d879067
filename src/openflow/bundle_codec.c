/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/bundle_codec.h"

#define PROP_TIME         1 /* in a control message, and in features */
#define PROP_EXPERIMENTER 0xffff

#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000u

/* --- Times --- */

int64_t ofp_time_to_ms(const struct ofp_time *t)
{
    return t->seconds >= INT64_MAX / 2000
               ? INT64_MAX / 2
               : (int64_t)t->seconds * 1000 + (int64_t)((t->nanoseconds + NS_PER_MS - 1) / NS_PER_MS);
}

struct ofp_time ofp_time_from_ms(int64_t ms)
{
    return (struct ofp_time){(uint64_t)ms / 1000, (uint32_t)(ms % 1000) * NS_PER_MS};
}

static void put_time(struct bytebuf *b, const struct ofp_time *t)
{
    put_u64(b, t->seconds);
    put_u32(b, t->nanoseconds);
    put_u32(b, 0);
}

static struct ofp_time get_time(struct reader *r)
{
    struct ofp_time t = {.seconds = get_u64(r)};
    t.nanoseconds = get_u32(r);
    get_skip(r, 4);
    return t;
}

/* The properties in R: of type PROP_TIME one at most, which holds N times. *FOUND: it was there. */
static enum ofperr get_times(struct reader *r, struct ofp_time *times, size_t n, bool *found)
{
    *found = false;
    while (r->n) {
        struct reader body;
        uint16_t type;
        if (!get_property(r, &type, &body)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (type != PROP_TIME) {
            return type == PROP_EXPERIMENTER ? OFPERR_OFPBPC_BAD_EXPERIMENTER : OFPERR_OFPBPC_BAD_TYPE;
        }
        if (*found) {
            return OFPERR_OFPBPC_DUP_TYPE;
        }
        get_skip(&body, 4);
        for (size_t i = 0; i < n; i++) {
            times[i] = get_time(&body);
            if (times[i].nanoseconds >= NS_PER_S) {
                return OFPERR_OFPBPC_BAD_VALUE;
            }
        }
        if (body.bad || body.n) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        *found = true;
    }
    return OFPERR_NONE;
}

/* --- Control messages --- */

void bundle_control_encode(struct bytebuf *b, const struct bundle_control *bc, enum ofp_version v,
                           uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_BUNDLE_CONTROL, v, xid);
    put_u32(b, bc->bundle_id);
    put_u16(b, bc->type);
    put_u16(b, bc->flags);
    if (bc->has_time) {
        size_t property = property_begin(b, PROP_TIME);
        put_u32(b, 0);
        put_time(b, &bc->time);
        property_end(b, property);
    }
    ofp_msg_end(b, start);
}

/* Flags that a bundle may have. */
static uint16_t known_flags(enum ofp_version v)
{
    return BUNDLE_ATOMIC | BUNDLE_ORDERED | (v >= OFP15 ? BUNDLE_TIME : 0);
}

enum ofperr bundle_control_decode(const struct ofp_msg *m, struct bundle_control *bc)
{
    struct reader r = m->body;
    *bc = (struct bundle_control){.bundle_id = get_u32(&r)};
    bc->type = get_u16(&r);
    bc->flags = get_u16(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (bc->type > BUNDLE_DISCARD_REPLY) {
        return OFPERR_OFPBFC_BAD_TYPE;
    }
    if (bc->flags & ~known_flags(m->version)) {
        return OFPERR_OFPBFC_BAD_FLAGS;
    }
    if (m->version < OFP15) {
        return OFPERR_NONE; /* there are experimenters' properties only, which nobody looks at */
    }
    enum ofperr error = get_times(&r, &bc->time, 1, &bc->has_time);
    if (!error && bc->type == BUNDLE_COMMIT_REQUEST && bc->flags & BUNDLE_TIME && !bc->has_time) {
        error = OFPERR_OFPBFC_BAD_FLAGS;
    }
    return error;
}

/* --- Messages in bundles --- */

enum ofperr bundle_add_decode(const struct ofp_msg *m, uint32_t *bundle_id, uint16_t *flags,
                              struct ofp_msg *msg)
{
    struct reader r = m->body;
    *bundle_id = get_u32(&r);
    get_skip(&r, 2);
    *flags = get_u16(&r);
    if (!r.bad && r.n >= OFP_HEADER_LEN && r.p[0] != m->version) {
        return OFPERR_OFPBFC_BAD_VERSION;
    }
    size_t len = r.n >= OFP_HEADER_LEN && !r.bad ? ofp_msg_len(r.p) : 0;
    if (!len || len > r.n) {
        return OFPERR_OFPBFC_MSG_BAD_LEN;
    }
    if (*flags & ~known_flags(m->version)) {
        return OFPERR_OFPBFC_BAD_FLAGS;
    }
    if (ofp_msg_decode(r.p, len, msg)) {
        return OFPERR_OFPBFC_MSG_UNSUP; /* whatever is wrong with it */
    }
    if (msg->xid != m->xid) {
        return OFPERR_OFPBFC_MSG_BAD_XID;
    }
    switch (msg->type) {
    case OFPTYPE_FLOW_MOD:
    case OFPTYPE_GROUP_MOD:
    case OFPTYPE_PORT_MOD:
    case OFPTYPE_PACKET_OUT:
        return OFPERR_NONE;
    default:
        return OFPERR_OFPBFC_MSG_UNSUP;
    }
}

/* --- Features --- */

static void put_times(struct bytebuf *b, const struct bundle_features *bf)
{
    if (bf->has_times) {
        size_t property = property_begin(b, PROP_TIME);
        put_u32(b, 0);
        put_time(b, &bf->times.accuracy);
        put_time(b, &bf->times.max_future);
        put_time(b, &bf->times.max_past);
        put_time(b, &bf->times.timestamp);
        property_end(b, property);
    }
}

void bundle_features_request_encode(struct bytebuf *b, const struct bundle_features *bf, enum ofp_version v,
                                    uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_BUNDLE_FEATURES_REQUEST, v, xid);
    put_u32(b, bf->flags);
    put_u32(b, 0);
    put_times(b, bf);
    ofp_msg_end(b, start);
}

void bundle_features_put_reply(struct bytebuf *b, const struct bundle_features *bf)
{
    put_u16(b, (uint16_t)bf->flags);
    bytebuf_put_zeros(b, 6);
    put_times(b, bf);
}

enum ofperr bundle_features_decode(const struct ofp_msg *m, struct bundle_features *bf)
{
    struct reader r = m->body;
    bool is_reply = m->type == OFPTYPE_BUNDLE_FEATURES_REPLY;
    struct ofp_time times[4];
    *bf = (struct bundle_features){.flags = is_reply ? get_u16(&r) : get_u32(&r)};
    get_skip(&r, is_reply ? 6 : 4);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    enum ofperr error = get_times(&r, times, 4, &bf->has_times);
    if (error) {
        return error;
    }
    if (bf->has_times) {
        bf->times = (struct bundle_times){times[0], times[1], times[2], times[3]};
    }
    if (!is_reply && (bf->flags & ~(uint32_t)(BUNDLE_FEATURES_TIMESTAMP | BUNDLE_FEATURES_SET_SCHED) ||
                      (bf->flags && !bf->has_times))) {
        return OFPERR_OFPBFC_BAD_FLAGS;
    }
    return OFPERR_NONE;
}
