/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/monitor_codec.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "openflow/action_text.h"
#include "openflow/actions_wire.h"
#include "openflow/flow_mod.h"
#include "openflow/oxm.h"

/* OpenFlow 1.4's numbers for the flags that Nicira's have not. */
#define WIRE14_NO_ABBREV 0x20
#define WIRE14_OWN       0x40

#define UPDATE_HEADER 24 /* of an update in full, in each form */

static bool is_standard(enum ofp_version v)
{
    return v >= OFP14;
}

/* The match of ONF's requests and updates. Its extension has the fields alone, MATCH_LEN bytes; the reference
 * has a whole match there, whose header says that it has so many. */
static enum ofperr get_onf_match(struct reader *r, uint16_t match_len, struct match *match, bool *plain)
{
    *plain = r->n < 4 || ntohs(get_be16(r->p)) != 1 || ntohs(get_be16(r->p + 2)) != match_len;
    if (!*plain) {
        return match_decode(r, OFP13, false, match);
    }
    struct reader fields = get_sub(r, match_len);
    get_skip(r, ROUND_UP((size_t)match_len, 8) - match_len);
    return r->bad ? OFPERR_OFPBMC_BAD_LEN : oxm_get_match(&fields, false, match, NULL, NULL);
}

/* --- Requests --- */

static enum ofperr flags_from_wire(uint16_t wire, enum ofp_version v, uint16_t *flags)
{
    *flags = wire & 0x1f;
    if (is_standard(v)) {
        *flags |= (wire & WIRE14_NO_ABBREV ? FLOW_MONITOR_F_NO_ABBREV : 0) |
                  (wire & WIRE14_OWN ? FLOW_MONITOR_F_OWN : 0);
        wire &= ~(WIRE14_NO_ABBREV | WIRE14_OWN);
    } else {
        *flags |= wire & FLOW_MONITOR_F_OWN;
        wire &= ~FLOW_MONITOR_F_OWN;
    }
    bool some = *flags & (FLOW_MONITOR_F_ADD | FLOW_MONITOR_F_DELETE | FLOW_MONITOR_F_MODIFY);
    return wire & ~0x1f || !some ? OFPERR_OFPMOFC_BAD_FLAGS : OFPERR_NONE;
}

static uint16_t flags_to_wire(uint16_t flags, enum ofp_version v)
{
    if (!is_standard(v)) {
        return flags & 0x3f;
    }
    return (flags & 0x1f) | (flags & FLOW_MONITOR_F_OWN ? WIRE14_OWN : 0) |
           (flags & FLOW_MONITOR_F_NO_ABBREV ? WIRE14_NO_ABBREV : 0);
}

static enum ofperr get_port11(struct reader *r, uint32_t *port)
{
    return ofp_port_from_11(get_u32(r), port) ? OFPERR_NONE : OFPERR_OFPBAC_BAD_OUT_PORT;
}

enum ofperr flow_monitor_request_decode(struct reader *r, const struct ofp_msg *m,
                                        struct flow_monitor_request *q, bool *more)
{
    *q = (struct flow_monitor_request){.out_port = OFPP_ANY, .out_group = OFPG_ANY};
    *more = r->n;
    if (!r->n) {
        return OFPERR_NONE;
    }
    if (r->n < (is_standard(m->version) ? 20 : 16)) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    enum ofperr error = OFPERR_NONE;
    uint16_t wire, match_len = 0;
    q->id = get_u32(r);
    if (is_standard(m->version)) {
        error = get_port11(r, &q->out_port);
        q->out_group = get_u32(r);
        wire = get_u16(r);
        q->table_id = get_u8(r);
        q->command = get_u8(r);
    } else {
        wire = get_u16(r);
        if (m->version == OFP13) {
            match_len = get_u16(r);
            error = get_port11(r, &q->out_port);
        } else {
            q->out_port = get_u16(r);
            match_len = get_u16(r);
        }
        q->table_id = get_u8(r);
        if (!get_zeros(r, m->version == OFP13 ? 3 : 5)) {
            return OFPERR_NXBRC_MUST_BE_ZERO;
        }
    }
    if (error) {
        return error;
    }
    if (q->command != FLOW_MONITOR_DELETE && (error = flags_from_wire(wire, m->version, &q->flags))) {
        return error;
    }
    if (m->version == OFP13) {
        return get_onf_match(r, match_len, &q->match, &q->plain);
    }
    if (m->version > OFP13) {
        return match_decode(r, m->version, false, &q->match);
    }
    struct reader match = get_sub(r, match_len);
    get_skip(r, ROUND_UP((size_t)match_len, 8) - match_len);
    return r->bad ? OFPERR_OFPBMC_BAD_LEN : oxm_get_match(&match, false, &q->match, NULL, NULL);
}

void flow_monitor_request_encode(struct bytebuf *b, const struct flow_monitor_request *q, enum ofp_version v)
{
    uint16_t wire = flags_to_wire(q->flags, v);
    put_u32(b, q->id);
    if (is_standard(v)) {
        put_u32(b, ofp_port_to_11(q->out_port));
        put_u32(b, q->out_group);
        put_u16(b, wire);
        put_u8(b, q->table_id);
        put_u8(b, q->command);
        match_encode(b, &q->match, v);
        return;
    }
    size_t len_at;
    put_u16(b, wire);
    if (v == OFP13) {
        len_at = b->len;
        put_u16(b, 0);
        put_u32(b, ofp_port_to_11(q->out_port));
        put_u8(b, q->table_id);
        bytebuf_put_zeros(b, 3);
        size_t start = b->len;
        match_encode(b, &q->match, v);
        /* The length that the match says of itself: without padding. */
        memcpy(b->data + len_at, b->data + start + 2, 2);
        return;
    }
    put_u16(b, q->out_port);
    len_at = b->len;
    put_u16(b, 0);
    put_u8(b, q->table_id);
    bytebuf_put_zeros(b, 5);
    size_t start = b->len;
    set_u16(b, len_at, oxm_put_match(b, &q->match, OFP10, 0, 0));
    put_pad_from(b, start, 8);
}

static const struct {
    uint16_t bit;
    const char *name;
} flag_names[] = {
    {FLOW_MONITOR_F_INITIAL, "initial"},     {FLOW_MONITOR_F_ADD, "add"},
    {FLOW_MONITOR_F_DELETE, "delete"},       {FLOW_MONITOR_F_MODIFY, "modify"},
    {FLOW_MONITOR_F_ACTIONS, "actions"},     {FLOW_MONITOR_F_OWN, "own"},
    {FLOW_MONITOR_F_NO_ABBREV, "no_abbrev"},
};

void flow_monitor_request_format(const struct flow_monitor_request *q, const struct ofp_names *names,
                                 struct strbuf *s)
{
    strbuf_printf(s, "id=%" PRIu32, q->id);
    if (q->command == FLOW_MONITOR_DELETE) {
        strbuf_puts(s, " command=delete");
        return;
    }
    char separator = '=';
    strbuf_puts(s, " flags");
    for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
        if (q->flags & flag_names[i].bit) {
            strbuf_printf(s, "%c%s", separator, flag_names[i].name);
            separator = ',';
        }
    }
    if (q->out_port != OFPP_ANY) {
        strbuf_puts(s, " out_port=");
        ofp_port_format(q->out_port, names, s);
    }
    if (q->out_group && q->out_group != OFPG_ANY) {
        strbuf_printf(s, " out_group=%" PRIu32, q->out_group);
    }
    if (q->table_id != OFPTT_ALL) {
        strbuf_puts(s, " table=");
        ofp_table_format(q->table_id, names, s);
    }
    size_t at = s->len;
    strbuf_put_char(s, ' ');
    match_format(&q->match, names ? names->ports : NULL, s, MATCH_DEFAULT_PRIORITY);
    if (s->len == at + 1) {
        strbuf_truncate(s, at);
    }
}

/* One word of "watch:"; false: it is not one of its own, but of the match. */
static char *parse_word(struct flow_monitor_request *q, const char *key, const char *value,
                        const struct ofp_names *names, bool *known)
{
    static const struct {
        const char *word;
        uint16_t bit;
    } words[] = {{"!initial", FLOW_MONITOR_F_INITIAL}, {"!add", FLOW_MONITOR_F_ADD},
                 {"!delete", FLOW_MONITOR_F_DELETE},   {"!modify", FLOW_MONITOR_F_MODIFY},
                 {"!actions", FLOW_MONITOR_F_ACTIONS}, {"!own", FLOW_MONITOR_F_OWN}};
    *known = true;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcmp(key, words[i].word)) {
            q->flags &= ~words[i].bit;
            return NULL;
        }
    }
    if (!strcmp(key, "table")) {
        if (!*value) {
            return xasprintf("%s: missing value for %s", key, key);
        }
        return ofp_table_parse(value, names, &q->table_id) ? NULL : xasprintf("unknown table \"%s\"", value);
    }
    if (!strcmp(key, "out_port")) {
        return ofp_port_parse(value, names, &q->out_port)
                   ? NULL
                   : xasprintf("%s is not a valid OpenFlow port", value);
    }
    if (!strcmp(key, "out_group")) {
        return text_to_u32(value, &q->out_group);
    }
    *known = false;
    return NULL;
}

char *flow_monitor_request_parse(struct flow_monitor_request *q, const char *text,
                                 const struct ofp_names *names, uint32_t *usable)
{
    *q = (struct flow_monitor_request){.flags = 0x3f,
                                       .out_port = OFPP_ANY,
                                       .out_group = OFPG_ANY,
                                       .table_id = OFPTT_ALL,
                                       .command = FLOW_MONITOR_ADD};
    *usable = OFPROTO_ANY;
    struct strbuf match = STRBUF_INITIALIZER;
    char *copy = xstrdup(text), *at = copy, *key, *value, *error = NULL;
    while (!error && text_next_key_value(&at, &key, &value)) {
        bool known;
        error = parse_word(q, key, value, names, &known);
        if (!error && !known) {
            strbuf_printf(&match, *value ? "%s%s=%s" : "%s%s", match.len ? "," : "", key, value);
        }
    }
    if (!error) {
        error = match_parse(&q->match, names ? names->ports : NULL, strbuf_text(&match));
    }
    free(copy);
    strbuf_fini(&match);
    return error;
}

void flow_monitor_cancel_encode(struct bytebuf *b, uint32_t id, enum ofp_version v, uint32_t xid)
{
    size_t start;
    if (v <= OFP13) {
        start = ofp_msg_begin(b, OFPTYPE_FLOW_MONITOR_CANCEL, v, xid);
        put_u32(b, id);
    } else {
        struct flow_monitor_request q = {.id = id, .command = FLOW_MONITOR_DELETE};
        match_init_catchall(&q.match);
        start = ofp_msg_begin(b, OFPTYPE_FLOW_MONITOR_REQUEST, v, xid);
        flow_monitor_request_encode(b, &q, v);
    }
    ofp_msg_end(b, start);
}

enum ofperr flow_monitor_cancel_decode(const struct ofp_msg *m, uint32_t *id)
{
    struct reader r = m->body;
    *id = get_u32(&r);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

/* --- Updates --- */

static enum ofperr decode_full(struct reader *r, const struct ofp_msg *m, struct flow_update *u,
                               struct bytebuf *ofpacts)
{
    enum ofperr error;
    uint16_t match_len = 0;
    if (is_standard(m->version)) {
        u->table_id = get_u8(r);
        u->reason = get_u8(r);
        u->idle_timeout = get_u16(r);
        u->hard_timeout = get_u16(r);
        u->priority = get_u16(r);
        get_skip(r, 4);
        u->cookie = get_u64(r);
    } else {
        u->reason = get_u16(r);
        u->priority = get_u16(r);
        u->idle_timeout = get_u16(r);
        u->hard_timeout = get_u16(r);
        match_len = get_u16(r);
        u->table_id = get_u8(r);
        get_skip(r, 1);
        u->cookie = get_u64(r);
    }
    if (u->table_id == 0xff) {
        return OFPERR_NXBRC_FM_BAD_EVENT;
    }
    if (m->version == OFP13) {
        error = get_onf_match(r, match_len, &u->match, &u->plain);
    } else if (m->version > OFP13) {
        error = match_decode(r, m->version, false, &u->match);
    } else {
        struct reader match = get_sub(r, match_len);
        get_skip(r, ROUND_UP((size_t)match_len, 8) - match_len);
        error = r->bad ? OFPERR_OFPBMC_BAD_LEN : oxm_get_match(&match, false, &u->match, NULL, NULL);
    }
    if (error) {
        return error;
    }
    error = m->version >= OFP13 ? instructions_decode(r, m->version, ofpacts)
                                : actions_decode(r, m->version, ofpacts);
    u->ofpacts = (const struct ofpact *)ofpacts->data;
    u->ofpacts_len = ofpacts->len;
    return error;
}

enum ofperr flow_update_decode(struct reader *r, const struct ofp_msg *m, struct flow_update *u,
                               struct bytebuf *ofpacts, bool *more)
{
    *u = (struct flow_update){0};
    bytebuf_clear(ofpacts);
    *more = r->n;
    if (!r->n) {
        return OFPERR_NONE;
    }
    if (r->n < 4) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    uint16_t len = get_u16(r), event = get_u16(r);
    if (len < 4 || len % 8 || len - 4u > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    /* Nicira's and ONF's count from "added". */
    unsigned first = is_standard(m->version) ? FLOW_UPDATE_INITIAL : FLOW_UPDATE_ADDED;
    if (event + first > (is_standard(m->version) ? FLOW_UPDATE_RESUMED : FLOW_UPDATE_ABBREV)) {
        return OFPERR_NXBRC_FM_BAD_EVENT;
    }
    u->event = event + first;
    struct reader body = get_sub(r, len - 4u);
    if (u->event >= FLOW_UPDATE_ABBREV) {
        u->xid = get_u32(&body);
        return len == 8 ? OFPERR_NONE : OFPERR_OFPBRC_BAD_LEN;
    }
    return len < UPDATE_HEADER ? OFPERR_OFPBRC_BAD_LEN : decode_full(&body, m, u, ofpacts);
}

void flow_update_encode(struct bytebuf *b, const struct flow_update *u, enum ofp_version v)
{
    size_t start = b->len;
    bool standard = is_standard(v);
    put_u16(b, 8);
    put_u16(b, standard ? u->event : u->event == FLOW_UPDATE_INITIAL ? 0 : u->event - FLOW_UPDATE_ADDED);
    if (u->event >= FLOW_UPDATE_ABBREV) {
        put_u32(b, u->event == FLOW_UPDATE_ABBREV ? u->xid : 0);
        return;
    }
    size_t len_at = 0;
    uint8_t reason = u->event == FLOW_UPDATE_DELETED ? u->reason : 0;
    if (standard) {
        put_u8(b, u->table_id);
        put_u8(b, reason);
        put_u16(b, u->idle_timeout);
        put_u16(b, u->hard_timeout);
        put_u16(b, u->priority);
        put_u32(b, 0);
    } else {
        put_u16(b, reason);
        put_u16(b, u->priority);
        put_u16(b, u->idle_timeout);
        put_u16(b, u->hard_timeout);
        len_at = b->len;
        put_u16(b, 0);
        put_u8(b, u->table_id);
        put_u8(b, 0);
    }
    put_u64(b, u->cookie);
    size_t match = b->len;
    if (v >= OFP13) {
        if (v == OFP13 && u->plain) {
            set_u16(b, len_at, oxm_put_match(b, &u->match, v, 0, 0));
            put_pad_from(b, match, 8);
        } else {
            match_encode(b, &u->match, v);
        }
        if (!standard && !u->plain) {
            memcpy(b->data + len_at, b->data + match + 2, 2);
        }
        instructions_encode(b, u->ofpacts, u->ofpacts_len, v);
    } else {
        set_u16(b, len_at, oxm_put_match(b, &u->match, OFP10, 0, 0));
        put_pad_from(b, match, 8);
        actions_encode(b, u->ofpacts, u->ofpacts_len, v);
    }
    set_u16(b, start, b->len - start);
}

void flow_update_format(const struct flow_update *u, const struct ofp_names *names, struct strbuf *s)
{
    static const char *const events[] = {"INITIAL", "ADDED",  "DELETED", "MODIFIED",
                                         "ABBREV",  "PAUSED", "RESUMED"};
    static const char *const reasons[] = {"idle",         "hard",         "delete",
                                          "group_delete", "meter_delete", "eviction"};
    strbuf_printf(s, "event=%s", events[u->event]);
    if (u->event == FLOW_UPDATE_ABBREV) {
        strbuf_printf(s, " xid=0x%" PRIx32, u->xid);
    }
    if (u->event >= FLOW_UPDATE_ABBREV) {
        return;
    }
    if (u->event == FLOW_UPDATE_DELETED) {
        if (u->reason < ARRAY_SIZE(reasons)) {
            strbuf_printf(s, " reason=%s", reasons[u->reason]);
        } else {
            strbuf_printf(s, " reason=%u", u->reason);
        }
    }
    strbuf_puts(s, " table=");
    ofp_table_format(u->table_id, names, s);
    if (u->idle_timeout) {
        strbuf_printf(s, " idle_timeout=%u", u->idle_timeout);
    }
    if (u->hard_timeout) {
        strbuf_printf(s, " hard_timeout=%u", u->hard_timeout);
    }
    strbuf_printf(s, " cookie=%#" PRIx64 " ", u->cookie);
    match_format(&u->match, names ? names->ports : NULL, s, MATCH_DEFAULT_PRIORITY);
    if (u->ofpacts_len) {
        if (!strbuf_ends_with(s, " ")) {
            strbuf_put_char(s, ' ');
        }
        strbuf_puts(s, "actions=");
        ofpacts_format(u->ofpacts, u->ofpacts_len, names, s);
    }
}
