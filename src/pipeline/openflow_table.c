/* SPDX-License-Identifier: Apache-2.0 */
/* TABLE_FEATURES: what a table can do, in each of its properties; a miss can do what a match can. TABLE_MOD,
 * TABLE_DESC: whether a full table evicts rules, and who is told when it fills up. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"

#include "flow/field.h"
#include "ofconn/ofconn.h"
#include "openflow/misc_codec.h"
#include "openflow/oxm.h"
#include "openflow/table_features.h"
#include "openflow/types.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"

LOG_MODULE(ofproto);

#define TABLE_MAX_ENTRIES    1000000 /* what a table says that has no limit */
#define PROP_INSTRUCTIONS    0
#define PROP_NEXT_TABLES     2
#define PROP_WRITE_ACTIONS   4
#define PROP_APPLY_ACTIONS   6
#define PROP_WRITE_COPYFIELD 18
#define PROP_APPLY_COPYFIELD 20
#define PROP_PACKET_TYPES    22
#define PROP_MATCH           8
#define PROP_WILDCARDS       10
#define PROP_WRITE_SETFIELD  12
#define PROP_APPLY_SETFIELD  14

static size_t begin_property(struct bytebuf *b, uint16_t type)
{
    size_t start = b->len;
    put_u16(b, type);
    put_u16(b, 0);
    return start;
}

static void end_property(struct bytebuf *b, size_t start)
{
    set_u16(b, start + 2, (uint16_t)(b->len - start));
    put_pad_from(b, start, 8);
}

/* output; TTLs copied; the TTL of MPLS, set and decremented; push and pop of VLAN and MPLS; set_queue, group;
 * the TTL of IP, set and decremented; set_field. */
#define ACTIONS_10 0x00000fffu
#define ACTIONS_11 0x01ffffffu
#define ACTIONS_12 0x03ff9801u

uint32_t openflow_action_bits(enum ofp_version v)
{
    return v == OFP10 ? ACTIONS_10 : v == OFP11 ? ACTIONS_11 : ACTIONS_12;
}

/* Since 1.5 fields are copied by a standard action, and the meter is one; but not in the action set. */
#define ACTION_COPY_FIELD 28
#define ACTION_METER      29

static void put_actions(struct bytebuf *b, uint16_t type, enum ofp_version v)
{
    uint32_t actions = ACTIONS_12;
    if (v >= OFP15) {
        actions |= 1u << ACTION_COPY_FIELD | (type == PROP_APPLY_ACTIONS ? 1u << ACTION_METER : 0);
    }
    size_t property = begin_property(b, type);
    for (uint16_t i = 0; i < 32; i++) {
        if (actions >> i & 1) {
            put_u16(b, i);
            put_u16(b, 4);
        }
    }
    end_property(b, property);
}

/* Of MATCH those that can be masked have the mask bit. */
static void put_fields(struct bytebuf *b, uint16_t type, enum ofp_version v)
{
    size_t property = begin_property(b, type);
    for (int i = 0; i < FIELD_N; i++) {
        const struct field *f = field_from_id(i);
        bool settable = type == PROP_WRITE_SETFIELD || type == PROP_APPLY_SETFIELD ||
                        type == PROP_WRITE_COPYFIELD || type == PROP_APPLY_COPYFIELD;
        if (f && field_oxm_of(f, v) && (!settable || f->access == FIELD_RW)) {
            oxm_put_header(b, f, v, type == PROP_MATCH && f->masking == FIELD_MASKABLE);
        }
    }
    end_property(b, property);
}

static void put_packet_types(struct bytebuf *b)
{
    static const uint32_t types[] = {0, 0x10800, 0x186dd, 0x18847, 0x18848, 0x1894f};
    size_t property = begin_property(b, PROP_PACKET_TYPES);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        oxm_put_header(b, field_from_id(FIELD_PACKET_TYPE), OFP15, false);
        put_u32(b, types[i]);
    }
    end_property(b, property);
}

static uint32_t features_of(const struct ofproto *ofproto, unsigned id)
{
    unsigned first = ofproto_first_egress(ofproto);
    return OFPTFF_INGRESS_TABLE | (id ? OFPTFF_EGRESS_TABLE : 0) |
           (first && id == first ? OFPTFF_FIRST_EGRESS : 0);
}

/* Those that a rule of this one may go on with. */
static unsigned last_next_table(const struct ofproto *ofproto, unsigned id)
{
    unsigned first = ofproto_first_egress(ofproto);
    return first && id < first ? first - 1 : OFPROTO_TABLE_INTERNAL - 1;
}

static uint32_t max_entries_of(const struct oftable *t)
{
    return (uint32_t)MIN(t->max_rules, (size_t)TABLE_MAX_ENTRIES);
}

static void put_table(struct bytebuf *b, const struct ofproto *ofproto, unsigned id, enum ofp_version v)
{
    const struct oftable *t = &ofproto->tables[id];
    size_t start = b->len;
    put_u16(b, 0);
    put_u8(b, (uint8_t)id);
    put_u8(b, TABLE_FEATURES_REPLACE);
    put_u32(b, v >= OFP15 ? features_of(ofproto, id) : 0);
    char name[32] = "";
    if (t->name) {
        strncpy(name, t->name, sizeof name - 1);
    }
    bytebuf_put(b, name, sizeof name);
    put_u64(b, UINT64_MAX); /* metadata: matched, written */
    put_u64(b, UINT64_MAX);
    put_u32(b, 0);
    put_u32(b, max_entries_of(t));

    size_t property = begin_property(b, PROP_INSTRUCTIONS);
    uint16_t last = v >= OFP15 ? 5 : 6; /* the meter is an action since 1.5 */
    for (uint16_t i = id + 1 < OFPROTO_TABLE_INTERNAL ? 1 : 2; i <= last; i++) {
        put_u16(b, i);
        put_u16(b, 4);
    }
    end_property(b, property);
    property = begin_property(b, PROP_NEXT_TABLES);
    for (unsigned i = id + 1; i <= last_next_table(ofproto, id); i++) {
        put_u8(b, (uint8_t)i);
    }
    end_property(b, property);
    put_actions(b, PROP_WRITE_ACTIONS, v);
    put_actions(b, PROP_APPLY_ACTIONS, v);
    put_fields(b, PROP_MATCH, v);
    put_fields(b, PROP_WILDCARDS, v);
    put_fields(b, PROP_WRITE_SETFIELD, v);
    put_fields(b, PROP_APPLY_SETFIELD, v);
    if (v >= OFP15) {
        put_fields(b, PROP_WRITE_COPYFIELD, v);
        put_fields(b, PROP_APPLY_COPYFIELD, v);
        put_packet_types(b);
    }
    set_u16(b, start, (uint16_t)(b->len - start));
}

static enum ofperr dump_features(struct ofconn *c, const struct ofp_msg *m, const struct ofproto *ofproto)
{
    struct ofconn_multipart reply;
    ofconn_multipart_begin(&reply, c, OFPTYPE_TABLE_FEATURES_REPLY, m);
    for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
        put_table(ofconn_out(c), ofproto, i, m->version);
        ofconn_multipart_next(&reply);
    }
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}

/* ------------------------------------------------------------------ table features that are set */

/* What a request wants of the tables: by table, NULL: not named. */
struct wanted {
    const struct table_features *tables[OFPROTO_TABLE_INTERNAL];
    bool replaces; /* the whole pipeline, so that what is not named is to go */
    uint8_t first_egress;
};

/* Takes what was decoded into W. */
static enum ofperr note_table(struct wanted *w, const struct table_features *t)
{
    if (t->table_id >= OFPROTO_TABLE_INTERNAL) {
        LOG_INFO("can't modify hidden table %u", t->table_id);
        return OFPERR_OFPTFFC_EPERM;
    }
    if (w->tables[t->table_id]) {
        return OFPERR_NXTFFC_DUP_TABLE;
    }
    if (t->command == TABLE_FEATURES_ENABLE || t->command == TABLE_FEATURES_DISABLE) {
        return OFPERR_OFPTFFC_EPERM; /* all tables are there, always */
    }
    w->tables[t->table_id] = t;
    w->replaces |= t->command == TABLE_FEATURES_REPLACE;
    return OFPERR_NONE;
}

/* Does the table hold what it is to hold? */
static enum ofperr check_max_entries(const struct oftable *t, const struct table_features *f,
                                     enum ofp_version v)
{
    enum ofperr bad = v >= OFP15 ? OFPERR_OFPTFFC_BAD_MAX_ENT : OFPERR_OFPTFFC_EPERM;
    if (f->max_entries == max_entries_of(t) || (!f->max_entries && f->command == TABLE_FEATURES_MODIFY)) {
        return OFPERR_NONE;
    }
    if (!f->max_entries || f->max_entries > TABLE_MAX_ENTRIES ||
        (t->max_by_config != SIZE_MAX && f->max_entries > t->max_by_config)) {
        LOG_INFO("can't change max_entries");
        return bad;
    }
    return f->max_entries < t->n_rules ? OFPERR_OFPTFFC_EPERM : OFPERR_NONE;
}

static enum ofperr check_stage(uint8_t first_egress, uint8_t table_id, const struct ofpact *actions,
                               size_t len)
{
    bool egress = table_id >= first_egress;
    const struct ofpact *a, *w;
    OFPACT_FOR_EACH (a, actions, len) {
        if (a->type == OFPACT_GOTO_TABLE && !egress && OFPACT_CAST(GOTO_TABLE, a)->table_id >= first_egress) {
            return OFPERR_OFPBIC_BAD_TABLE_ID;
        }
        if (a->type != OFPACT_WRITE_ACTIONS || !egress) {
            continue;
        }
        const struct ofpact_nest *nest = OFPACT_CAST(WRITE_ACTIONS, a);
        OFPACT_FOR_EACH (w, nest->actions, ofpact_nest_len(nest)) {
            if (w->type == OFPACT_OUTPUT || w->type == OFPACT_GROUP) {
                return w->type == OFPACT_GROUP ? OFPERR_OFPBAC_BAD_OUT_GROUP : OFPERR_OFPBAC_BAD_OUT_PORT;
            }
        }
    }
    return OFPERR_NONE;
}

enum ofperr openflow_check_stage(const struct ofproto *ofproto, uint8_t table_id,
                                 const struct ofpact *actions, size_t len)
{
    uint8_t first = ofproto_first_egress(ofproto);
    return first && table_id != OFPTT_ALL ? check_stage(first, table_id, actions, len) : OFPERR_NONE;
}

/* Where egress tables are to begin; do the rules that there are fit that? */
static enum ofperr find_first_egress(struct ofproto *ofproto, struct wanted *w)
{
    unsigned now = ofproto_first_egress(ofproto), n_first = 0;
    w->first_egress = (uint8_t)now;
    for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
        const struct table_features *f = w->tables[i];
        if (!f || !f->features) {
            n_first += now && i == now;
            continue;
        }
        bool first = f->features & OFPTFF_FIRST_EGRESS;
        if (f->features & ~features_of(ofproto, i) & ~OFPTFF_FIRST_EGRESS || (first && !i)) {
            return OFPERR_OFPTFFC_BAD_FEATURES;
        }
        if (first) {
            w->first_egress = (uint8_t)i;
            n_first++;
        } else if (i == w->first_egress) {
            w->first_egress = 0;
        }
    }
    if (n_first > 1) {
        return OFPERR_OFPTFFC_BAD_FEATURES; /* there can be one */
    }
    if (!w->first_egress || w->first_egress == now) {
        return OFPERR_NONE;
    }
    struct flow_mod all;
    flow_mod_init(&all);
    all.command = FLOW_DELETE;
    all.table_id = OFPTT_ALL;
    size_t n;
    enum ofperr error = OFPERR_NONE;
    struct rule **rules = ofproto_collect_rules(ofproto, &all, false, false, &n);
    for (size_t i = 0; i < n && !error; i++) {
        const struct rule *rule = rules[i];
        if (check_stage(w->first_egress, rule->table_id, rule->actions, rule->actions_len)) {
            LOG_INFO("table %u can't be the first egress table: a rule of table %u forbids it",
                     w->first_egress, rule->table_id);
            error = OFPERR_OFPTFFC_EPERM;
        }
    }
    free(rules);
    flow_mod_fini(&all);
    return error;
}

static enum ofperr check_wanted(struct ofproto *ofproto, struct wanted *w, enum ofp_version v)
{
    for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
        const struct table_features *f = w->tables[i];
        if (!f) {
            if (w->replaces) {
                LOG_INFO("can't disable table %u", i);
                return OFPERR_OFPTFFC_EPERM;
            }
            continue;
        }
        enum ofperr error = check_max_entries(&ofproto->tables[i], f, v);
        if (error) {
            return error;
        }
        if (f->eviction > 0 || f->vacancy > 0) {
            LOG_INFO("can't increase table features for table %u", i);
            return OFPERR_OFPTFFC_EPERM;
        }
    }
    return find_first_egress(ofproto, w);
}

static void apply_wanted(struct ofproto *ofproto, const struct wanted *w)
{
    for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
        struct oftable *t = &ofproto->tables[i];
        const struct table_features *f = w->tables[i];
        if (f) {
            size_t max = t->max_by_openflow;
            if (f->max_entries && f->max_entries != max_entries_of(t)) {
                max = f->max_entries == TABLE_MAX_ENTRIES ? SIZE_MAX : f->max_entries;
            }
            oftable_set_by_openflow(t, f->name, max);
        }
    }
    if (w->first_egress != ofproto_first_egress(ofproto)) {
        __atomic_store_n(&ofproto->first_egress, w->first_egress, __ATOMIC_RELAXED);
        pipeline_mark_all_changed(ofproto->pipeline);
    }
}

/* Without a body it asks what tables are. With one it sets what can be set: names, how many rules a table
 * takes, and where egress tables begin; all that it says, or nothing. What a table can match and do stays as
 * it is, which is all: a request for less is granted without effect. */
enum ofperr openflow_table_features(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    if (!m->body.n) {
        return dump_features(c, m, ofproto);
    }
    struct table_features *features = xcalloc(OFPROTO_TABLE_INTERNAL + 1, sizeof *features);
    struct wanted w = {.replaces = false};
    struct reader r = m->body;
    enum ofperr error = OFPERR_NONE;
    bool more = true;
    for (size_t n = 0; !error; n++) {
        error = table_features_decode(&r, m->version, true, &features[n], &more);
        if (error || !more) {
            break;
        }
        error = note_table(&w, &features[n]); /* no table twice: there is room for all that pass */
    }
    error = error ? error : check_wanted(ofproto, &w, m->version);
    if (!error) {
        apply_wanted(ofproto, &w);
        error = dump_features(c, m, ofproto);
    }
    free(features);
    return error;
}

/* ------------------------------------------------------------------ what a full table does */

#define EVICTION_FLAGS 7u /* by other things, importance and lifetime: none can be left out */

/* Free places, in per cent, of those that its features name. */
static uint8_t vacancy_of(const struct oftable *t)
{
    size_t max = MIN(t->max_rules, (size_t)TABLE_MAX_ENTRIES);
    return max ? (uint8_t)((max - MIN(t->n_rules, max)) * 100 / max) : 100;
}

static void describe_table(const struct oftable *t, unsigned id, struct table_mod *tm)
{
    *tm = (struct table_mod){
        .table_id = (uint8_t)id,
        .config = (t->eviction ? OFPTC_EVICTION : 0) | (t->vacancy_events ? OFPTC_VACANCY : 0),
        .eviction_flags = EVICTION_FLAGS,
        .has_eviction_flags = true,
    };
    if (t->vacancy_events) {
        tm->vacancy_down = t->vacancy_down;
        tm->vacancy_up = t->vacancy_up;
        tm->vacancy = vacancy_of(t);
    }
}

static void encode_status(struct ofconn *c, struct bytebuf *b, const void *status)
{
    if (ofp_msg_exists(OFPTYPE_TABLE_STATUS, ofconn_version(c))) {
        table_status_encode(b, status, ofconn_version(c));
    }
}

void openflow_table_changed(struct ofproto *ofproto, unsigned id)
{
    struct oftable *t = &ofproto->tables[id];
    uint8_t vacancy = vacancy_of(t);
    struct table_status status;
    if (!t->vacancy_events) {
        return;
    }
    if (!t->is_filled && vacancy < t->vacancy_down) {
        status.reason = TABLE_VACANCY_DOWN;
    } else if (t->is_filled && vacancy > t->vacancy_up) {
        status.reason = TABLE_VACANCY_UP;
    } else {
        return;
    }
    t->is_filled = !t->is_filled;
    describe_table(t, id, &status.desc);
    if (ofproto->sessions) {
        ofservice_send_async(ofproto->sessions, ASYNC_TABLE_STATUS, status.reason, NULL, encode_status,
                             &status);
    }
}

static void set_table(struct ofproto *ofproto, unsigned id, const struct table_mod *tm, enum ofp_version v)
{
    struct oftable *t = &ofproto->tables[id];
    if (v == OFP11 || v == OFP12) {
        uint8_t miss = tm->config & OFPTC11_MISS_MASK;
        if (!miss) {
            miss = TABLE_MISS_CONTROLLER;
        }
        if (miss != t->miss) {
            __atomic_store_n(&t->miss, miss, __ATOMIC_RELAXED);
            pipeline_mark_all_changed(ofproto->pipeline);
        }
        return;
    }
    if (v < OFP14) {
        return; /* it has nothing that can be set */
    }
    t->eviction = tm->config & OFPTC_EVICTION;
    t->vacancy_events = tm->config & OFPTC_VACANCY;
    if (t->vacancy_events) {
        t->vacancy_down = tm->vacancy_down;
        t->vacancy_up = tm->vacancy_up;
        t->is_filled = vacancy_of(t) < t->vacancy_up;
        if (t->is_filled && vacancy_of(t) >= t->vacancy_down) {
            t->is_filled = false; /* between the two: it is told when it fills up */
        }
    }
}

enum ofperr openflow_table_mod(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    struct table_mod tm;
    enum ofperr error = table_mod_decode(m, &tm);
    if (error) {
        return error;
    }
    if (tm.table_id == OFPTT_ALL) {
        for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
            set_table(ofproto, i, &tm, m->version);
        }
        return OFPERR_NONE;
    }
    if (tm.table_id >= OFPROTO_TABLE_INTERNAL) {
        return OFPERR_OFPTMFC_EPERM;
    }
    set_table(ofproto, tm.table_id, &tm, m->version);
    return OFPERR_NONE;
}

enum ofperr openflow_table_desc(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    struct ofconn_multipart reply;
    ofconn_multipart_begin(&reply, c, OFPTYPE_TABLE_DESC_REPLY, m);
    for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
        struct table_mod tm;
        describe_table(&ofproto->tables[i], i, &tm);
        table_desc_encode(ofconn_out(c), &tm, m->version);
        ofconn_multipart_next(&reply);
    }
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}
