/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/misc_codec.h"

/* --- Roles --- */

void role_encode(struct bytebuf *b, enum ofptype type, const struct role_request *rr, enum ofp_version v,
                 uint32_t xid)
{
    bool nx = rr->nx || v < OFP12;
    size_t start = nx ? ofp_msg_begin_nx(b, type, v, xid) : ofp_msg_begin(b, type, v, xid);
    if (nx) {
        put_u32(b, rr->role == ROLE_NOCHANGE ? 0 : rr->role - 1); /* Nicira's: other, master, slave */
    } else {
        put_u32(b, rr->role);
        put_u16(b, v >= OFP15 ? rr->short_id : 0);
        put_u16(b, 0);
        put_u64(b, rr->have_generation_id ? rr->generation_id : UINT64_MAX);
    }
    ofp_msg_end(b, start);
}

enum ofperr role_decode(const struct ofp_msg *m, struct role_request *rr)
{
    struct reader r = m->body;
    uint32_t role = get_u32(&r);
    *rr = (struct role_request){0};
    if (m->kind == OFPK_NXT) {
        if (r.bad || r.n) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        rr->role = role + 1;
        rr->nx = true;
        return role > 2 ? OFPERR_OFPRRFC_BAD_ROLE : OFPERR_NONE;
    }
    uint16_t short_id = get_u16(&r);
    get_skip(&r, 2);
    uint64_t generation = get_u64(&r);
    if (r.bad || r.n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (role > ROLE_SECONDARY) {
        return OFPERR_OFPRRFC_BAD_ROLE;
    }
    rr->role = role;
    rr->short_id = m->version >= OFP15 ? short_id : 0;
    rr->have_generation_id = m->type == OFPTYPE_ROLE_REPLY ? generation != UINT64_MAX : role >= ROLE_PRIMARY;
    rr->generation_id = rr->have_generation_id ? generation : 0;
    return OFPERR_NONE;
}

void role_status_encode(struct bytebuf *b, enum ofp_role role, uint8_t reason, uint64_t generation,
                        enum ofp_version v)
{
    if (!ofp_msg_exists(OFPTYPE_ROLE_STATUS, v)) {
        return;
    }
    size_t start = ofp_msg_begin(b, OFPTYPE_ROLE_STATUS, v, 0);
    put_u32(b, role);
    put_u8(b, reason);
    bytebuf_put_zeros(b, 3);
    put_u64(b, generation);
    ofp_msg_end(b, start);
}

/* --- Asynchronous messages --- */

void async_config_default(struct async_config *ac, enum ofp_version v)
{
    *ac = (struct async_config){{0}, {0}};
    ac->primary[ASYNC_PACKET_IN] =
        v >= OFP14 ? 0x3f & ~(1u << OFPR_INVALID_TTL) : 1u << OFPR_NO_MATCH | 1u << OFPR_ACTION;
    ac->primary[ASYNC_PORT_STATUS] = ac->secondary[ASYNC_PORT_STATUS] = 7;
    ac->primary[ASYNC_FLOW_REMOVED] = v >= OFP14 ? 0x3f : 0xf;
    ac->primary[ASYNC_FLOW_STATS] = v >= OFP15 ? 2 : 0; /* who wants triggers has set them */
    ac->primary[ASYNC_ROLE_STATUS] = ac->secondary[ASYNC_ROLE_STATUS] = 1u << ROLE_STATUS_PRIMARY_REQUEST;
}

#define PROP_LEN          8
#define PROP_EXPERIMENTER 0xfffe /* and 0xffff */

/* Six masks, and no properties: OpenFlow 1.3 and Nicira's first form. */
static bool has_masks(const struct ofp_msg *m)
{
    return (m->kind == OFPK_NXT && m->number == 19) || (m->kind == OFPK_MSG && m->version == OFP13);
}

enum ofperr async_config_decode(const struct ofp_msg *m, struct async_config *ac)
{
    static const uint32_t known[N_ASYNC] = {0x3f, 7, 0x3f, 7, 0x18, 3, 3, 0x7f};
    struct reader r = m->body;
    struct async_config changed = *ac;
    if (has_masks(m)) {
        /* It says nothing of reasons that there are not, and knows no other types, but for role status, which
         * came to OpenFlow 1.3 as an extension. */
        changed.primary[ASYNC_TABLE_STATUS] = changed.secondary[ASYNC_TABLE_STATUS] = 0;
        changed.primary[ASYNC_REQUESTFORWARD] = changed.secondary[ASYNC_REQUESTFORWARD] = 0;
        for (int t = ASYNC_PACKET_IN; t <= ASYNC_FLOW_REMOVED; t++) {
            uint32_t all = t == ASYNC_PACKET_IN && m->version < OFP14 ? 7 : known[t];
            changed.primary[t] = get_u32(&r) & all;
            changed.secondary[t] = get_u32(&r) & all;
        }
        if (r.bad || r.n) {
            return OFPERR_OFPBRC_BAD_LEN;
        }
        *ac = changed;
        return OFPERR_NONE;
    }
    int n_known = m->version >= OFP15 ? N_ASYNC : ASYNC_FLOW_STATS;
    while (r.n) {
        uint16_t type;
        struct reader q;
        if (!get_property(&r, &type, &q)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (type / 2 >= n_known) {
            if (m->type == OFPTYPE_GET_ASYNC_REPLY) {
                continue;
            }
            return type < PROP_EXPERIMENTER ? OFPERR_OFPACFC_UNSUPPORTED : OFPERR_OFPBPC_BAD_EXP_TYPE;
        }
        uint32_t mask = get_u32(&q);
        if (q.bad || q.n) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        /* A controller is told which reasons there are not; in a reply, they say nothing. */
        if (mask & ~known[type / 2]) {
            if (m->type != OFPTYPE_GET_ASYNC_REPLY) {
                return OFPERR_OFPACFC_INVALID;
            }
            mask &= known[type / 2];
        }
        (type % 2 ? changed.primary : changed.secondary)[type / 2] = mask;
    }
    *ac = changed;
    return OFPERR_NONE;
}

void async_config_encode_reply(struct bytebuf *b, const struct async_config *ac, enum ofp_version v,
                               uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_GET_ASYNC_REPLY, v, xid);
    struct async_config usual;
    async_config_default(&usual, v);
    for (int t = 0; t < N_ASYNC; t++) {
        /* Of types that the reference does not know only what is not as usual. */
        if (t >= ASYNC_FLOW_STATS && ac->primary[t] == usual.primary[t] &&
            ac->secondary[t] == usual.secondary[t]) {
            continue;
        }
        if (v >= OFP14) {
            for (int primary = 0; primary < 2; primary++) {
                put_u16(b, t * 2 + primary);
                put_u16(b, PROP_LEN);
                put_u32(b, primary ? ac->primary[t] : ac->secondary[t]);
            }
        } else if (t <= ASYNC_FLOW_REMOVED) {
            put_u32(b, ac->primary[t]);
            put_u32(b, ac->secondary[t]);
        }
    }
    ofp_msg_end(b, start);
}

void controller_status_encode(struct bytebuf *b, const struct controller_status *cs)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u16(b, cs->short_id);
    put_u32(b, cs->role);
    put_u8(b, cs->reason);
    put_u8(b, cs->is_up ? 0 : 1);
    bytebuf_put_zeros(b, 6);
    if (cs->uri_len) {
        size_t property = property_begin(b, 0);
        bytebuf_put(b, cs->uri, cs->uri_len);
        property_end(b, property);
    }
    set_u16(b, start, b->len - start);
}

enum ofperr controller_status_decode(struct reader *r, struct controller_status *cs, bool *more)
{
    *cs = (struct controller_status){.uri = NULL};
    *more = r->n;
    if (!r->n) {
        return OFPERR_NONE;
    }
    unsigned len = r->n >= 16 ? ntohs(get_be16(r->p)) : 0;
    if (len < 16 || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    struct reader b = get_sub(r, len);
    get_skip(&b, 2);
    cs->short_id = get_u16(&b);
    uint32_t role = get_u32(&b);
    cs->role = role <= ROLE_SECONDARY ? role : ROLE_NOCHANGE;
    cs->reason = get_u8(&b);
    cs->is_up = !get_u8(&b);
    get_skip(&b, 6);
    while (b.n) {
        uint16_t type;
        struct reader q;
        if (!get_property(&b, &type, &q)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (!type) {
            cs->uri = (const char *)q.p;
            cs->uri_len = q.n;
        }
    }
    return OFPERR_NONE;
}

/* --- Configuration and description --- */

void switch_config_encode(struct bytebuf *b, enum ofptype type, const struct switch_config *c,
                          enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, type, v, xid);
    put_u16(b, v >= OFP13 ? c->flags & 3 : c->flags);
    put_u16(b, c->miss_send_len);
    ofp_msg_end(b, start);
}

enum ofperr switch_config_decode(const struct ofp_msg *m, struct switch_config *c)
{
    struct reader r = m->body;
    c->flags = get_u16(&r);
    c->miss_send_len = get_u16(&r);
    return r.bad || r.n ? OFPERR_OFPBRC_BAD_LEN
           : m->type == OFPTYPE_SET_CONFIG && c->flags & ~(m->version < OFP13 ? 7 : 3)
               ? OFPERR_OFPSCFC_BAD_FLAGS
               : OFPERR_NONE;
}

void switch_desc_encode(struct bytebuf *b, const struct switch_desc *d, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_DESC_REPLY, v, xid);
    const struct {
        const char *text;
        size_t n;
    } texts[] = {{d->manufacturer, sizeof d->manufacturer},
                 {d->hardware, sizeof d->hardware},
                 {d->software, sizeof d->software},
                 {d->serial, sizeof d->serial},
                 {d->description, sizeof d->description}};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char *p = bytebuf_put_zeros(b, texts[i].n);
        memcpy(p, texts[i].text, strnlen(texts[i].text, texts[i].n - 1));
    }
    ofp_msg_end(b, start);
}

/* --- Tables --- */

enum {
    TABLE_PROP_EVICTION = 2,
    TABLE_PROP_VACANCY = 3
};

static void put_table_props(struct bytebuf *b, const struct table_mod *tm)
{
    if (tm->has_eviction_flags) {
        put_u16(b, TABLE_PROP_EVICTION);
        put_u16(b, 8);
        put_u32(b, tm->eviction_flags);
    }
    if (tm->config & OFPTC_VACANCY || tm->vacancy_down || tm->vacancy_up) {
        put_u16(b, TABLE_PROP_VACANCY);
        put_u16(b, 8);
        put_u8(b, tm->vacancy_down);
        put_u8(b, tm->vacancy_up);
        put_u8(b, tm->vacancy);
        put_u8(b, 0);
    }
}

static enum ofperr get_table_props(struct reader *r, struct table_mod *tm)
{
    while (r->n) {
        uint16_t type = get_u16(r), len = get_u16(r);
        if (r->bad || len != 8 || r->n < 4) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (type == TABLE_PROP_EVICTION) {
            tm->eviction_flags = get_u32(r);
            tm->has_eviction_flags = true;
            if (tm->eviction_flags & ~7u) {
                return OFPERR_OFPTMFC_BAD_CONFIG;
            }
        } else if (type == TABLE_PROP_VACANCY) {
            tm->vacancy_down = get_u8(r);
            tm->vacancy_up = get_u8(r);
            tm->vacancy = get_u8(r);
            get_skip(r, 1);
            if (tm->vacancy_down > tm->vacancy_up || tm->vacancy_up > 100) {
                return OFPERR_OFPBPC_BAD_VALUE;
            }
        } else {
            return OFPERR_OFPBRC_BAD_TYPE; /* as the reference says it */
        }
    }
    return OFPERR_NONE;
}

void table_mod_encode(struct bytebuf *b, const struct table_mod *tm, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_TABLE_MOD, v, xid);
    put_u8(b, tm->table_id);
    bytebuf_put_zeros(b, 3);
    put_u32(b, tm->config);
    if (v >= OFP14) {
        put_table_props(b, tm);
    }
    ofp_msg_end(b, start);
}

enum ofperr table_mod_decode(const struct ofp_msg *m, struct table_mod *tm)
{
    struct reader r = m->body;
    *tm = (struct table_mod){0};
    tm->table_id = get_u8(&r);
    get_skip(&r, 3);
    tm->config = get_u32(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    uint32_t known = m->version >= OFP14 ? OFPTC_EVICTION | OFPTC_VACANCY | 3u : 3u;
    if (m->version < OFP13) { /* what a miss does; other bits say nothing */
        tm->config &= known;
    } else if (tm->config & ~known && m->version != OFP13) { /* 1.3 has none: the reference lets any pass */
        return OFPERR_OFPTMFC_BAD_CONFIG;
    }
    if (m->version < OFP14) {
        return r.n ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
    }
    enum ofperr error = get_table_props(&r, tm);
    /* The present vacancy is the switch's to say. */
    return error ? error : tm->vacancy ? OFPERR_OFPBPC_BAD_VALUE : OFPERR_NONE;
}

void table_desc_encode(struct bytebuf *b, const struct table_mod *tm, enum ofp_version v)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u8(b, tm->table_id);
    put_u8(b, 0);
    put_u32(b, tm->config);
    put_table_props(b, tm);
    set_u16(b, start, b->len - start);
}

enum ofperr table_desc_decode(struct reader *r, struct table_mod *tm, bool *more)
{
    *more = false;
    *tm = (struct table_mod){0};
    if (!r->n) {
        return OFPERR_NONE;
    }
    uint16_t len = r->n >= 2 ? ntohs(get_be16(r->p)) : 0;
    if (len < 8 || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    struct reader t = get_sub(r, len);
    get_skip(&t, 2);
    tm->table_id = get_u8(&t);
    get_skip(&t, 1);
    tm->config = get_u32(&t);
    enum ofperr error = get_table_props(&t, tm);
    *more = !error;
    return error;
}

void table_status_encode(struct bytebuf *b, const struct table_status *ts, enum ofp_version v)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_TABLE_STATUS, v, 0);
    put_u8(b, ts->reason);
    bytebuf_put_zeros(b, 7);
    table_desc_encode(b, &ts->desc, v);
    ofp_msg_end(b, start);
}

enum ofperr table_status_decode(const struct ofp_msg *m, struct table_status *ts)
{
    struct reader r = m->body;
    bool more;
    ts->reason = get_u8(&r);
    get_skip(&r, 7);
    if (ts->reason != TABLE_VACANCY_DOWN && ts->reason != TABLE_VACANCY_UP) {
        return OFPERR_OFPBPC_BAD_VALUE;
    }
    enum ofperr error = table_desc_decode(&r, &ts->desc, &more);
    return error ? error : more ? OFPERR_NONE : OFPERR_OFPBRC_BAD_LEN;
}

void requestforward_encode(struct bytebuf *b, const void *request, size_t len, enum ofp_version v)
{
    if (ofp_msg_exists(OFPTYPE_REQUESTFORWARD, v)) {
        size_t start = ofp_msg_begin(b, OFPTYPE_REQUESTFORWARD, v, 0);
        bytebuf_put(b, request, len);
        ofp_msg_end(b, start);
    }
}

enum ofperr requestforward_decode(const struct ofp_msg *m, struct ofp_msg *request)
{
    size_t len = m->body.n >= OFP_HEADER_LEN ? ofp_msg_len(m->body.p) : 0;
    if (!len || len > m->body.n) {
        return OFPERR_OFPBFC_MSG_BAD_LEN;
    }
    enum ofperr error = ofp_msg_decode(m->body.p, m->body.n, request);
    if (error) {
        return error;
    }
    return request->type == OFPTYPE_GROUP_MOD || request->type == OFPTYPE_METER_MOD ? OFPERR_NONE
                                                                                    : OFPERR_OFPBFC_MSG_UNSUP;
}

static void put_table_name(struct bytebuf *b, const char *name)
{
    char *p = bytebuf_put_zeros(b, 32);
    memcpy(p, name, strnlen(name, 31));
}

/* What the versions that have them in statistics say a table can do, in bits of OFPFMF11_*, OXM fields and
 * actions. */
#define LAST_TABLE          253
#define TABLE_FIELDS_11     0xfbffu
#define TABLE_ACTIONS_11    0x01ffe7ffu
#define TABLE_FIELDS_12     UINT64_C(0x101ffffffffd)
#define TABLE_ACTIONS_12    0x03ff8001u
#define TABLE_SET_FIELDS_12 UINT64_C(0xffffffbdd)

/* Bits of OFPIT_*; from the last table no packet goes to another. */
static uint32_t table_instructions(const struct table_stats *s)
{
    return s->table_id < LAST_TABLE ? 0x3e : 0x3c;
}

void table_stats_encode(struct bytebuf *b, const struct table_stats *s, enum ofp_version v)
{
    put_u8(b, s->table_id);
    if (v >= OFP13) {
        bytebuf_put_zeros(b, 3);
        put_u32(b, s->active_count);
    } else {
        bytebuf_put_zeros(b, v == OFP10 ? 3 : 7);
        put_table_name(b, s->name);
        if (v == OFP10) {
            put_u32(b, 0x3fffff); /* every field may be wild */
        } else if (v == OFP11) {
            put_u32(b, TABLE_FIELDS_11); /* wildcards, match */
            put_u32(b, TABLE_FIELDS_11);
            put_u32(b, table_instructions(s)); /* goto to clear */
            put_u32(b, TABLE_ACTIONS_11);
            put_u32(b, TABLE_ACTIONS_11);
            put_u32(b, s->miss);
        } else {
            put_u64(b, TABLE_FIELDS_12); /* match, wildcards */
            put_u64(b, TABLE_FIELDS_12);
            put_u32(b, TABLE_ACTIONS_12);
            put_u32(b, TABLE_ACTIONS_12);
            put_u64(b, TABLE_SET_FIELDS_12); /* in write, apply */
            put_u64(b, TABLE_SET_FIELDS_12);
            put_u64(b, UINT64_MAX);
            put_u64(b, UINT64_MAX);
            put_u32(b, table_instructions(s));
            put_u32(b, s->miss);
        }
        put_u32(b, s->max_entries);
        put_u32(b, s->active_count);
    }
    put_u64(b, s->lookup_count);
    put_u64(b, s->matched_count);
}

enum ofperr table_stats_decode(struct reader *r, enum ofp_version v, struct table_stats *s, bool *more)
{
    *more = false;
    memset(s, 0, sizeof *s);
    if (!r->n) {
        return OFPERR_NONE;
    }
    s->table_id = get_u8(r);
    if (v >= OFP13) {
        get_skip(r, 3);
        s->active_count = get_u32(r);
    } else {
        get_skip(r, v == OFP10 ? 3 : 7);
        const uint8_t *name = get_bytes(r, 32);
        if (name) {
            memcpy(s->name, name, 32);
        }
        get_skip(r, v == OFP10 ? 4 : v == OFP11 ? 24 : 64);
        s->max_entries = get_u32(r);
        s->active_count = get_u32(r);
    }
    s->lookup_count = get_u64(r);
    s->matched_count = get_u64(r);
    *more = !r->bad;
    return r->bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
