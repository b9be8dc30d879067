/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/flow_codec.h"

#include "openflow/actions_wire.h"
#include "openflow/check.h"
#include "openflow/oxm.h"
#include "openflow/oxs.h"
#include "openflow/protocols.h"

/* --- Nicira's match in a message: length given elsewhere, padded to 8 --- */

static void put_nx_match(struct bytebuf *b, const struct match *match, size_t len_at, uint64_t cookie,
                         uint64_t cookie_mask)
{
    size_t start = b->len;
    set_u16(b, len_at, oxm_put_match(b, match, OFP10, cookie, cookie_mask));
    put_pad_from(b, start, 8);
}

static enum ofperr get_nx_match(struct reader *r, unsigned len, struct match *match, uint64_t *cookie,
                                uint64_t *cookie_mask)
{
    struct reader t = get_sub(r, len);
    get_skip(r, ROUND_UP(len, 8) - len);
    if (r->bad) {
        return OFPERR_OFPBMC_BAD_LEN;
    }
    return oxm_get_match(&t, false, match, cookie, cookie_mask);
}

/* --- Flow mods --- */

static uint16_t flags_to_wire(unsigned flags, enum ofp_version v)
{
    uint16_t w = flags & (FLOW_SEND_FLOW_REM | FLOW_CHECK_OVERLAP);
    if (v == OFP10) {
        w |= flags & FLOW_EMERGENCY ? 4 : 0;
    }
    if (v >= OFP12) {
        w |= flags & FLOW_RESET_COUNTS;
    }
    if (v >= OFP13) {
        w |= flags & (FLOW_NO_PKT_COUNTS | FLOW_NO_BYT_COUNTS);
    }
    return w;
}

static bool flags_from_wire(uint16_t w, enum ofp_version v, uint8_t *flags)
{
    uint16_t known = v >= OFP13 ? 0x1f : v == OFP11 ? 3 : 7;
    *flags = w & (v >= OFP13 ? 0x1f : v == OFP12 ? 7 : 3);
    if (v == OFP10 && w & 4) {
        *flags |= FLOW_EMERGENCY;
    }
    return !(w & ~known);
}

static uint16_t command_to_wire(const struct flow_mod *fm, uint32_t protocol)
{
    return protocol & OFPROTO_TID ? (uint16_t)(fm->command | fm->table_id << 8) : fm->command;
}

static void encode_10(struct bytebuf *b, const struct flow_mod *fm, uint32_t protocol, uint32_t xid)
{
    bool nx = protocol & OFPROTO_NXM_ALL;
    size_t start = nx ? ofp_msg_begin_nx(b, OFPTYPE_FLOW_MOD, OFP10, xid)
                      : ofp_msg_begin(b, OFPTYPE_FLOW_MOD, OFP10, xid);
    if (!nx) {
        match_encode(b, &fm->match, OFP10);
    }
    put_u64(b, fm->new_cookie);
    put_u16(b, command_to_wire(fm, protocol));
    put_u16(b, fm->idle_timeout);
    put_u16(b, fm->hard_timeout);
    put_u16(b, fm->priority);
    put_u32(b, fm->buffer_id);
    put_u16(b, fm->out_port);
    put_u16(b, flags_to_wire(fm->flags, OFP10));
    if (nx) {
        size_t len_at = b->len;
        bytebuf_put_zeros(b, 8);
        put_nx_match(b, &fm->match, len_at, fm->cookie, fm->cookie_mask);
    }
    actions_encode(b, (const struct ofpact *)fm->ofpacts.data, fm->ofpacts.len, OFP10);
    ofp_msg_end(b, start);
}

void flow_mod_encode(struct bytebuf *b, const struct flow_mod *fm, uint32_t protocol, uint32_t xid)
{
    enum ofp_version v = ofproto_version(protocol);
    if (v == OFP10) {
        encode_10(b, fm, protocol, xid);
        return;
    }
    size_t start = ofp_msg_begin(b, OFPTYPE_FLOW_MOD, v, xid);
    /* A modification sets no cookie since 1.2. */
    bool sets = fm->command == FLOW_ADD || (v == OFP11 && fm->command <= FLOW_MODIFY_STRICT);
    put_u64(b, sets && !fm->cookie_mask ? fm->new_cookie : fm->cookie & fm->cookie_mask);
    put_u64(b, fm->cookie_mask);
    put_u8(b, fm->table_id == OFPTT_ALL && fm->command < FLOW_DELETE ? 0 : fm->table_id);
    put_u8(b, fm->command);
    put_u16(b, fm->idle_timeout);
    put_u16(b, fm->hard_timeout);
    put_u16(b, fm->priority);
    put_u32(b, fm->buffer_id);
    put_u32(b, ofp_port_to_11(fm->out_port));
    put_u32(b, fm->out_group);
    put_u16(b, flags_to_wire(fm->flags, v));
    put_u16(b, v >= OFP14 ? fm->importance : 0);
    match_encode(b, &fm->match, v);
    instructions_encode(b, (const struct ofpact *)fm->ofpacts.data, fm->ofpacts.len, v);
    ofp_msg_end(b, start);
}

static enum ofperr decode_10(struct reader *r, bool nx, uint32_t protocol, struct flow_mod *fm)
{
    enum {
        ALL_WILDCARDS = (1 << 22) - 1
    };
    bool no_wildcards = !nx && r->n >= 4 && !(ntohl(get_be32(r->p)) & ALL_WILDCARDS);
    enum ofperr error = OFPERR_NONE;
    if (!nx) {
        error = match_decode(r, OFP10, false, &fm->match);
        match_normalise(&fm->match);
    }
    fm->new_cookie = get_u64(r);
    uint16_t command = get_u16(r);
    fm->idle_timeout = get_u16(r);
    fm->hard_timeout = get_u16(r);
    fm->priority = get_u16(r);
    if (no_wildcards) {
        fm->priority = UINT16_MAX; /* 1.0: it comes before all others, whatever it says */
    }
    fm->buffer_id = get_u32(r);
    fm->out_port = get_u16(r);
    bool known = flags_from_wire(get_u16(r), OFP10, &fm->flags);
    if (nx && !error) {
        unsigned len = get_u16(r);
        get_skip(r, 6);
        error = get_nx_match(r, len, &fm->match, &fm->cookie, &fm->cookie_mask);
    }
    if (error || r->bad) {
        return error ? error : OFPERR_OFPBRC_BAD_LEN;
    }
    fm->table_id = OFPTT_ALL;
    if (protocol & OFPROTO_TID) {
        fm->table_id = command >> 8;
        command &= 0xff;
    }
    fm->command = command;
    fm->modify_cookie =
        fm->new_cookie != UINT64_MAX && (command == FLOW_MODIFY || command == FLOW_MODIFY_STRICT);
    return command > FLOW_DELETE_STRICT ? OFPERR_OFPFMFC_BAD_COMMAND
           : !known                     ? OFPERR_OFPFMFC_BAD_FLAGS
                                        : OFPERR_NONE;
}

static enum ofperr decode_11(struct reader *r, enum ofp_version v, struct flow_mod *fm)
{
    uint64_t cookie = get_u64(r);
    fm->cookie_mask = get_u64(r);
    fm->table_id = get_u8(r);
    fm->command = get_u8(r);
    fm->idle_timeout = get_u16(r);
    fm->hard_timeout = get_u16(r);
    fm->priority = get_u16(r);
    fm->buffer_id = get_u32(r);
    uint32_t out_port = get_u32(r);
    fm->out_group = get_u32(r);
    bool known = flags_from_wire(get_u16(r), v, &fm->flags);
    uint16_t importance = get_u16(r);
    fm->importance = v >= OFP14 ? importance : 0;
    if (r->bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    enum ofperr error = match_decode(r, v, false, &fm->match);
    if (error) {
        return error;
    }
    if (fm->command > FLOW_DELETE_STRICT) {
        return OFPERR_OFPFMFC_BAD_COMMAND;
    }
    if (fm->command == FLOW_ADD) {
        /* A mask means nothing here. */
        fm->cookie_mask = 0;
        fm->new_cookie = cookie;
    } else {
        /* A modification never changes a cookie; in 1.1 one without a mask names that of the rule which it
         * adds when there is none to modify. */
        fm->cookie = cookie;
        fm->modify_cookie = false;
        fm->new_cookie = v == OFP11 && fm->command < FLOW_DELETE && !fm->cookie_mask ? cookie : UINT64_MAX;
    }
    /* Other commands than deletions do not look at it, and it has to be a port all the same. */
    bool ok = ofp_port_from_11(out_port, &fm->out_port);
    if (!ok) {
        return OFPERR_OFPBAC_BAD_OUT_PORT;
    }
    return known ? OFPERR_NONE : OFPERR_OFPFMFC_BAD_FLAGS;
}

enum ofperr flow_mod_decode(const struct ofp_msg *m, uint32_t protocol, struct flow_mod *fm)
{
    struct reader r = m->body;
    flow_mod_init(fm);
    enum ofperr error = m->version == OFP10 ? decode_10(&r, m->kind == OFPK_NXT, protocol, fm)
                                            : decode_11(&r, m->version, fm);
    /* What is wrong with the actions is said before what is wrong with the flags. */
    enum ofperr flags_error = error == OFPERR_OFPFMFC_BAD_FLAGS ? error : OFPERR_NONE;
    if (!error || flags_error) {
        error = instructions_decode(&r, m->version, &fm->ofpacts);
    }
    error = error ? error : flags_error;
    if (!error) {
        struct ofpacts_check check = {.match = &fm->match,
                                      .max_ports = OFPP_MAX,
                                      .table_id = fm->table_id,
                                      .n_tables = 0,
                                      .usable = m->version == OFP10 ? OFPROTO_10
                                                                    : OFPROTO_11 << (m->version - OFP11)};
        error = ofpacts_check_consistency((struct ofpact *)fm->ofpacts.data, fm->ofpacts.len, &check);
    }
    if (error) {
        flow_mod_fini(fm);
    }
    return error;
}

/* --- Requests --- */

void flow_stats_request_encode(struct bytebuf *b, const struct flow_stats_request *q, uint32_t protocol,
                               uint32_t xid)
{
    enum ofp_version v = ofproto_version(protocol);
    enum ofptype type = q->aggregate ? OFPTYPE_AGGREGATE_REQUEST : OFPTYPE_FLOW_REQUEST;
    if (v > OFP10) {
        size_t start = ofp_msg_begin(b, type, v, xid);
        put_u8(b, q->table_id);
        bytebuf_put_zeros(b, 3);
        put_u32(b, ofp_port_to_11(q->out_port));
        put_u32(b, q->out_group);
        put_u32(b, 0);
        put_u64(b, q->cookie & q->cookie_mask);
        put_u64(b, q->cookie_mask);
        match_encode(b, &q->match, v);
        ofp_msg_end(b, start);
    } else if (protocol & OFPROTO_NXM_ALL) {
        size_t start = ofp_msg_begin_nx(b, type, v, xid);
        put_u16(b, q->out_port);
        size_t len_at = b->len;
        put_u16(b, 0);
        put_u8(b, q->table_id);
        bytebuf_put_zeros(b, 3);
        put_nx_match(b, &q->match, len_at, q->cookie, q->cookie_mask);
        ofp_msg_end(b, start);
    } else {
        size_t start = ofp_msg_begin(b, type, v, xid);
        match_encode(b, &q->match, v);
        put_u8(b, q->table_id);
        put_u8(b, 0);
        put_u16(b, q->out_port);
        ofp_msg_end(b, start);
    }
}

enum ofperr flow_stats_request_decode(const struct ofp_msg *m, struct flow_stats_request *q)
{
    struct reader r = m->body;
    enum ofperr error;
    *q =
        (struct flow_stats_request){.aggregate = m->type == OFPTYPE_AGGREGATE_REQUEST, .out_group = OFPG_ANY};
    if (m->version > OFP10) {
        q->table_id = get_u8(&r);
        get_skip(&r, 3);
        bool ok = ofp_port_from_11(get_u32(&r), &q->out_port);
        q->out_group = get_u32(&r);
        get_skip(&r, 4);
        q->cookie = get_u64(&r);
        q->cookie_mask = get_u64(&r);
        error = r.bad ? OFPERR_OFPBRC_BAD_LEN : match_decode(&r, m->version, false, &q->match);
        error = error ? error : ok ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
    } else if (m->kind == OFPK_NXSTAT) {
        q->out_port = get_u16(&r);
        unsigned len = get_u16(&r);
        q->table_id = get_u8(&r);
        get_skip(&r, 3);
        error = get_nx_match(&r, len, &q->match, &q->cookie, &q->cookie_mask);
    } else {
        error = match_decode(&r, OFP10, false, &q->match);
        q->table_id = get_u8(&r);
        get_skip(&r, 1);
        q->out_port = get_u16(&r);
    }
    return error ? error : r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

/* --- Replies --- */

static uint16_t age_to_wire(int age)
{
    return age < 0 ? 0 : age >= UINT16_MAX - 1 ? UINT16_MAX : age + 1;
}

static void put_common_times(struct bytebuf *b, const struct flow_stats *fs)
{
    put_u32(b, fs->duration_sec);
    put_u32(b, fs->duration_nsec);
    put_u16(b, fs->priority);
    put_u16(b, fs->idle_timeout);
    put_u16(b, fs->hard_timeout);
}

static void put_counters(struct bytebuf *b, const struct flow_stats *fs)
{
    put_u64(b, fs->cookie);
    put_u64(b, fs->packet_count);
    put_u64(b, fs->byte_count);
}

static struct oxs oxs_of(const struct flow_stats *fs)
{
    struct oxs s = {.present = 1 << OXS_DURATION | 1 << OXS_PACKET_COUNT | 1 << OXS_BYTE_COUNT,
                    .duration_sec = fs->duration_sec,
                    .duration_nsec = fs->duration_nsec,
                    .idle_sec = MAX(fs->idle_age, 0),
                    .packet_count = fs->packet_count,
                    .byte_count = fs->byte_count};
    s.present |= fs->idle_age >= 0 ? 1 << OXS_IDLE_TIME : 0;
    return s;
}

static void set_oxs(const struct oxs *s, struct flow_stats *fs)
{
    fs->duration_sec = s->duration_sec;
    fs->duration_nsec = s->duration_nsec;
    fs->packet_count = s->present & 1 << OXS_PACKET_COUNT ? s->packet_count : UINT64_MAX;
    fs->byte_count = s->present & 1 << OXS_BYTE_COUNT ? s->byte_count : UINT64_MAX;
    fs->idle_age = s->present & 1 << OXS_IDLE_TIME ? (int)s->idle_sec : -1;
}

void flow_stats_encode(struct bytebuf *b, const struct flow_stats *fs, enum ofp_version v, bool nx,
                       bool with_ages)
{
    size_t start = b->len;
    put_u16(b, 0);
    if (v >= OFP15) {
        bytebuf_put_zeros(b, 2);
        put_u8(b, fs->table_id);
        put_u8(b, 0);
        put_u16(b, fs->priority);
        put_u16(b, fs->idle_timeout);
        put_u16(b, fs->hard_timeout);
        put_u16(b, flags_to_wire(fs->flags, v));
        put_u16(b, fs->importance);
        put_u64(b, fs->cookie);
        match_encode(b, &fs->match, v);
        struct oxs s = oxs_of(fs);
        oxs_put(b, &s);
        instructions_encode(b, fs->ofpacts, fs->ofpacts_len, v);
    } else {
        put_u8(b, fs->table_id);
        put_u8(b, 0);
        if (v == OFP10 && !nx) {
            match_encode(b, &fs->match, v);
        }
        put_common_times(b, fs);
        if (nx) {
            size_t len_at = b->len;
            put_u16(b, 0);
            put_u16(b, with_ages ? age_to_wire(fs->idle_age) : 0);
            put_u16(b, with_ages ? age_to_wire(fs->hard_age) : 0);
            put_counters(b, fs);
            put_nx_match(b, &fs->match, len_at, 0, 0);
        } else {
            put_u16(b, v >= OFP13 ? flags_to_wire(fs->flags, v) : 0);
            put_u16(b, v >= OFP14 ? fs->importance : 0);
            put_u16(b, 0);
            put_counters(b, fs);
            if (v == OFP11 && !(ofproto_of_match(&fs->match) & OFPROTO_11)) {
                /* What the fixed match cannot say the reference says in its own fields. */
                match_encode_fields(b, &fs->match, v);
            } else if (v > OFP10) {
                match_encode(b, &fs->match, v);
            }
        }
        instructions_encode(b, fs->ofpacts, fs->ofpacts_len, v);
    }
    set_u16(b, start, b->len - start);
}

static void get_times(struct reader *r, struct flow_stats *fs)
{
    fs->duration_sec = get_u32(r);
    fs->duration_nsec = get_u32(r);
    fs->priority = get_u16(r);
    fs->idle_timeout = get_u16(r);
    fs->hard_timeout = get_u16(r);
}

static void get_counters(struct reader *r, struct flow_stats *fs)
{
    fs->cookie = get_u64(r);
    fs->packet_count = get_u64(r);
    fs->byte_count = get_u64(r);
}

static enum ofperr get_stats_15(struct reader *r, struct flow_stats *fs)
{
    get_skip(r, 2);
    fs->table_id = get_u8(r);
    get_skip(r, 1);
    fs->priority = get_u16(r);
    fs->idle_timeout = get_u16(r);
    fs->hard_timeout = get_u16(r);
    flags_from_wire(get_u16(r), OFP15, &fs->flags);
    fs->importance = get_u16(r);
    fs->cookie = get_u64(r);
    struct oxs s;
    enum ofperr error = match_decode(r, OFP15, true, &fs->match);
    error = error ? error : oxs_get(r, &s);
    if (!error) {
        set_oxs(&s, fs);
    }
    return error;
}

static enum ofperr get_stats_old(struct reader *r, enum ofp_version v, bool nx, struct flow_stats *fs)
{
    enum ofperr error = OFPERR_NONE;
    fs->table_id = get_u8(r);
    get_skip(r, 1);
    if (v == OFP10 && !nx) {
        error = match_decode(r, v, true, &fs->match);
    }
    get_times(r, fs);
    if (nx) {
        unsigned len = get_u16(r);
        fs->idle_age = get_u16(r) - 1;
        fs->hard_age = get_u16(r) - 1;
        get_counters(r, fs);
        return get_nx_match(r, len, &fs->match, NULL, NULL);
    }
    uint16_t flags = get_u16(r), importance = get_u16(r);
    get_skip(r, 2);
    if (v >= OFP13) {
        flags_from_wire(flags, v, &fs->flags);
    }
    fs->importance = v >= OFP14 ? importance : 0;
    get_counters(r, fs);
    return error ? error : v > OFP10 ? match_decode(r, v, true, &fs->match) : OFPERR_NONE;
}

enum ofperr flow_stats_decode(struct reader *r, const struct ofp_msg *m, bool with_ages,
                              struct flow_stats *fs, struct bytebuf *ofpacts, bool *more)
{
    *more = false;
    if (!r->n) {
        return OFPERR_NONE;
    }
    *fs = (struct flow_stats){.idle_age = -1, .hard_age = -1};
    unsigned len = r->n >= 2 ? ntohs(get_be16(r->p)) : 0;
    if (len < 2 || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    struct reader f = get_sub(r, len);
    get_skip(&f, 2);
    enum ofperr error = m->version >= OFP15 ? get_stats_15(&f, fs)
                                            : get_stats_old(&f, m->version, m->kind == OFPK_NXREPLY, fs);
    if (error || f.bad) {
        return error ? error : OFPERR_OFPBRC_BAD_LEN;
    }
    bytebuf_clear(ofpacts);
    error = instructions_decode(&f, m->version, ofpacts);
    if (error) {
        return error;
    }
    fs->ofpacts = (const struct ofpact *)ofpacts->data;
    fs->ofpacts_len = ofpacts->len;
    *more = true;
    return OFPERR_NONE;
}

void flow_counts_encode(struct bytebuf *b, const struct flow_stats *fs, enum flow_counts_reason reason)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u16(b, 0);
    put_u8(b, fs->table_id);
    put_u8(b, reason);
    put_u16(b, fs->priority);
    match_encode(b, &fs->match, OFP15);
    struct oxs s = oxs_of(fs);
    oxs_put(b, &s);
    set_u16(b, start, b->len - start);
}

enum ofperr flow_counts_decode(struct reader *r, struct flow_stats *fs, uint8_t *reason, bool *more)
{
    *more = r->n;
    *fs = (struct flow_stats){.idle_age = -1, .hard_age = -1};
    if (!r->n) {
        return OFPERR_NONE;
    }
    unsigned len = r->n >= 2 ? ntohs(get_be16(r->p)) : 0;
    if (len < 8 || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    struct reader f = get_sub(r, len);
    struct oxs s;
    get_skip(&f, 4);
    fs->table_id = get_u8(&f);
    *reason = get_u8(&f);
    fs->priority = get_u16(&f);
    enum ofperr error = match_decode(&f, OFP15, true, &fs->match);
    error = error ? error : oxs_get(&f, &s);
    if (!error) {
        set_oxs(&s, fs);
    }
    return error ? error : f.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void aggregate_stats_encode(struct bytebuf *b, const struct aggregate_stats *a, const struct ofp_msg *request)
{
    size_t start = request->kind == OFPK_NXSTAT
                       ? ofp_msg_begin_nx(b, OFPTYPE_AGGREGATE_REPLY, request->version, request->xid)
                       : ofp_msg_begin(b, OFPTYPE_AGGREGATE_REPLY, request->version, request->xid);
    if (request->version >= OFP15) {
        oxs_put(b, &(struct oxs){.present = 1 << OXS_FLOW_COUNT | 1 << OXS_PACKET_COUNT | 1 << OXS_BYTE_COUNT,
                                 .flow_count = a->flow_count,
                                 .packet_count = a->packet_count,
                                 .byte_count = a->byte_count});
    } else {
        put_u64(b, a->packet_count);
        put_u64(b, a->byte_count);
        put_u32(b, a->flow_count);
        put_u32(b, 0);
    }
    ofp_msg_end(b, start);
}

enum ofperr aggregate_stats_decode(const struct ofp_msg *m, struct aggregate_stats *a)
{
    struct reader r = m->body;
    if (m->version >= OFP15) {
        struct oxs s;
        enum ofperr error = oxs_get(&r, &s);
        *a = (struct aggregate_stats){s.packet_count, s.byte_count, s.flow_count};
        return error;
    }
    a->packet_count = get_u64(&r);
    a->byte_count = get_u64(&r);
    a->flow_count = get_u32(&r);
    get_skip(&r, 4);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

/* --- Flow removed --- */

void flow_removed_encode(struct bytebuf *b, const struct flow_removed *fr, uint32_t protocol)
{
    enum ofp_version v = ofproto_version(protocol);
    bool nx = protocol & OFPROTO_NXM_ALL;
    size_t start =
        nx ? ofp_msg_begin_nx(b, OFPTYPE_FLOW_REMOVED, v, 0) : ofp_msg_begin(b, OFPTYPE_FLOW_REMOVED, v, 0);
    if (v >= OFP15) {
        put_u8(b, fr->table_id);
        put_u8(b, fr->reason);
        put_u16(b, fr->priority);
        put_u16(b, fr->idle_timeout);
        put_u16(b, fr->hard_timeout);
        put_u64(b, fr->cookie);
        match_encode(b, &fr->match, v);
        oxs_put(b, &(struct oxs){.present = 1 << OXS_DURATION | 1 << OXS_PACKET_COUNT | 1 << OXS_BYTE_COUNT,
                                 .duration_sec = fr->duration_sec,
                                 .duration_nsec = fr->duration_nsec,
                                 .packet_count = fr->packet_count,
                                 .byte_count = fr->byte_count});
        ofp_msg_end(b, start);
        return;
    }
    if (v == OFP10 && !nx) {
        match_encode(b, &fr->match, v);
    }
    put_u64(b, fr->cookie);
    put_u16(b, fr->priority);
    put_u8(b, fr->reason > 2 && v < OFP11 ? 2 : fr->reason);
    put_u8(b, nx ? fr->table_id + 1 : v == OFP10 ? 0 : fr->table_id);
    put_u32(b, fr->duration_sec);
    put_u32(b, fr->duration_nsec);
    put_u16(b, fr->idle_timeout);
    size_t len_at = b->len;
    put_u16(b, v > OFP10 ? fr->hard_timeout : 0);
    put_u64(b, fr->packet_count);
    put_u64(b, fr->byte_count);
    if (nx) {
        put_nx_match(b, &fr->match, len_at, 0, 0);
    } else if (v > OFP10) {
        match_encode(b, &fr->match, v);
    }
    ofp_msg_end(b, start);
}

enum ofperr flow_removed_decode(const struct ofp_msg *m, struct flow_removed *fr)
{
    struct reader r = m->body;
    bool nx = m->kind == OFPK_NXT;
    enum ofperr error = OFPERR_NONE;
    *fr = (struct flow_removed){.table_id = 255};
    if (m->version >= OFP15) {
        struct oxs s;
        fr->table_id = get_u8(&r);
        fr->reason = get_u8(&r);
        fr->priority = get_u16(&r);
        fr->idle_timeout = get_u16(&r);
        fr->hard_timeout = get_u16(&r);
        fr->cookie = get_u64(&r);
        error = match_decode(&r, m->version, true, &fr->match);
        error = error ? error : oxs_get(&r, &s);
        if (!error) {
            fr->duration_sec = s.duration_sec;
            fr->duration_nsec = s.duration_nsec;
            fr->packet_count = s.packet_count;
            fr->byte_count = s.byte_count;
        }
        return error;
    }
    if (m->version == OFP10 && !nx) {
        error = match_decode(&r, OFP10, true, &fr->match);
    }
    fr->cookie = get_u64(&r);
    fr->priority = get_u16(&r);
    fr->reason = get_u8(&r);
    uint8_t table = get_u8(&r);
    fr->table_id = nx ? table - 1 : m->version > OFP10 ? table : 255;
    fr->duration_sec = get_u32(&r);
    fr->duration_nsec = get_u32(&r);
    fr->idle_timeout = get_u16(&r);
    uint16_t hard_or_len = get_u16(&r);
    fr->packet_count = get_u64(&r);
    fr->byte_count = get_u64(&r);
    if (r.bad || error) {
        return error ? error : OFPERR_OFPBRC_BAD_LEN;
    }
    if (nx) {
        return get_nx_match(&r, hard_or_len, &fr->match, NULL, NULL);
    }
    fr->hard_timeout = m->version > OFP10 ? hard_or_len : 0;
    return m->version > OFP10 ? match_decode(&r, m->version, true, &fr->match) : OFPERR_NONE;
}
