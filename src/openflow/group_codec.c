/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/group_codec.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "flow/field.h"
#include "openflow/actions_wire.h"
#include "openflow/oxm.h"

LOG_MODULE(ofp_group);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

/* Netronome's group property, which says how a select group chooses. */
#define NTR_VENDOR           0x0000154du
#define NTR_SELECTION_METHOD 1

enum {
    BUCKET_WEIGHT = 0,
    BUCKET_WATCH_PORT = 1,
    BUCKET_WATCH_GROUP = 2
};

void group_mod_init(struct group_mod *gm)
{
    *gm = (struct group_mod){.command_bucket_id = BUCKET_ID_ALL};
}

void group_mod_fini(struct group_mod *gm)
{
    for (size_t i = 0; i < gm->n_buckets; i++) {
        bytebuf_fini(&gm->buckets[i].ofpacts);
    }
    free(gm->buckets);
    free(gm->fields);
    gm->buckets = NULL;
    gm->fields = NULL;
    gm->n_buckets = 0;
}

static bool new_form(enum ofp_version v)
{
    return v == OFP10 || v >= OFP15; /* Nicira's group mod in 1.0 is that of 1.5 */
}

/* --- Buckets --- */

static void put_bucket_old(struct bytebuf *b, const struct group_bucket *k, enum ofp_version v)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u16(b, k->weight);
    put_u32(b, ofp_port_to_11(k->watch_port));
    put_u32(b, k->watch_group);
    put_u32(b, 0);
    actions_encode(b, (const struct ofpact *)k->ofpacts.data, k->ofpacts.len, v);
    set_u16(b, start, b->len - start);
}

static void put_bucket_15(struct bytebuf *b, const struct group_bucket *k, uint8_t type, enum ofp_version v)
{
    size_t start = b->len;
    put_u32(b, 0);
    put_u32(b, k->bucket_id);
    size_t n = actions_encode(b, (const struct ofpact *)k->ofpacts.data, k->ofpacts.len, v);
    set_u16(b, start + 2, n);
    if (type == GROUP_SELECT) {
        put_u16(b, BUCKET_WEIGHT);
        put_u16(b, 8);
        put_u16(b, k->weight);
        put_u16(b, 0);
    }
    if (k->watch_port != OFPP_ANY) {
        put_u16(b, BUCKET_WATCH_PORT);
        put_u16(b, 8);
        put_u32(b, ofp_port_to_11(k->watch_port));
    }
    if (k->watch_group != OFPG_ANY) {
        put_u16(b, BUCKET_WATCH_GROUP);
        put_u16(b, 8);
        put_u32(b, k->watch_group);
    }
    set_u16(b, start, b->len - start);
}

static struct group_bucket *add_bucket(struct group_mod *gm)
{
    gm->buckets = xrealloc(gm->buckets, (gm->n_buckets + 1) * sizeof *gm->buckets);
    struct group_bucket *k = &gm->buckets[gm->n_buckets++];
    *k = (struct group_bucket){.watch_port = OFPP_ANY, .watch_group = OFPG_ANY};
    return k;
}

static enum ofperr get_bucket_prop(struct reader *r, struct group_bucket *k)
{
    uint16_t type = get_u16(r), len = get_u16(r);
    if (r->bad || len < 4) {
        return OFPERR_OFPBPC_BAD_LEN;
    }
    struct reader p = get_sub(r, len - 4u);
    get_skip(r, MIN(r->n, (size_t)(ROUND_UP(len, 8) - len)));
    switch (type) {
    case BUCKET_WEIGHT:
        k->weight = get_u16(&p);
        break;
    case BUCKET_WATCH_PORT:
        if (!ofp_port_from_11(get_u32(&p), &k->watch_port)) {
            return OFPERR_OFPGMFC_BAD_WATCH;
        }
        break;
    case BUCKET_WATCH_GROUP:
        k->watch_group = get_u32(&p);
        break;
    default:
        return OFPERR_OFPBPC_BAD_TYPE;
    }
    return r->bad || p.bad ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr get_bucket(struct reader *r, enum ofp_version v, struct group_mod *gm)
{
    uint16_t len = r->n >= 2 ? ntohs(get_be16(r->p)) : 0;
    if (len < (new_form(v) ? 8 : 16) || len > r->n || len % 8) {
        return OFPERR_OFPGMFC_BAD_BUCKET;
    }
    struct reader b = get_sub(r, len);
    struct group_bucket *k = add_bucket(gm);
    get_skip(&b, 2);
    enum ofperr error;
    if (!new_form(v)) {
        k->bucket_id = gm->n_buckets - 1;
        k->weight = get_u16(&b);
        bool ok = ofp_port_from_11(get_u32(&b), &k->watch_port);
        k->watch_group = get_u32(&b);
        get_skip(&b, 4);
        error = actions_decode(&b, v, &k->ofpacts);
        return error ? error : ok ? OFPERR_NONE : OFPERR_OFPGMFC_BAD_WATCH;
    }
    uint16_t actions_len = get_u16(&b);
    k->bucket_id = get_u32(&b);
    k->weight = gm->type == GROUP_SELECT ? 1 : 0;
    struct reader actions = get_sub(&b, actions_len);
    error = actions.bad ? OFPERR_OFPGMFC_BAD_BUCKET : actions_decode(&actions, v, &k->ofpacts);
    while (!error && b.n) {
        error = get_bucket_prop(&b, k);
    }
    return error;
}

/* --- The selection method --- */

static void put_selection(struct bytebuf *b, const struct group_mod *gm, enum ofp_version v)
{
    if (!gm->selection_method[0]) {
        return;
    }
    size_t start = b->len;
    put_u16(b, 0xffff);
    put_u16(b, 0);
    put_u32(b, NTR_VENDOR);
    put_u32(b, NTR_SELECTION_METHOD);
    put_u32(b, 0);
    bytebuf_put(b, gm->selection_method, sizeof gm->selection_method);
    put_u64(b, gm->selection_param);
    for (int id = 0; gm->fields && id < FIELD_N; id++) {
        const struct field *f = field_from_id(id);
        if (!group_has_field(gm, id)) {
            continue;
        }
        /* The field's mask is the value; an exact one stands without. */
        union field_value value = {0}, mask = {0}, ones;
        field_match_get(f, gm->fields, &value, &mask);
        field_all_ones(f, &ones);
        oxm_put_field(b, f, v, &mask, NULL);
    }
    set_u16(b, start + 2, b->len - start);
    put_pad_from(b, start, 8);
}

static enum ofperr get_selection_fields(struct reader *r, struct group_mod *gm)
{
    gm->fields = xmalloc(sizeof *gm->fields);
    match_init_catchall(gm->fields);
    while (r->n) {
        const struct field *f;
        union field_value value, mask;
        bool masked;
        enum ofperr error = oxm_get_field(r, &f, &value, &mask, &masked);
        if (error) {
            return error;
        }
        free(field_match(f, &value, &value, gm->fields));
        group_set_field(gm, f->id);
    }
    return OFPERR_NONE;
}

static enum ofperr get_group_props(struct reader *r, struct group_mod *gm)
{
    while (r->n) {
        uint16_t type = get_u16(r), len = get_u16(r);
        if (r->bad || len < 4) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        struct reader p = get_sub(r, len - 4u);
        get_skip(r, MIN(r->n, (size_t)(ROUND_UP(len, 8) - len)));
        if (type != 0xffff) {
            return OFPERR_OFPBPC_BAD_TYPE;
        }
        uint32_t vendor = get_u32(&p), subtype = get_u32(&p);
        if (vendor != NTR_VENDOR) {
            return OFPERR_OFPBPC_BAD_EXPERIMENTER;
        }
        if (subtype != NTR_SELECTION_METHOD) {
            return OFPERR_OFPBPC_BAD_EXP_TYPE;
        }
        get_skip(&p, 4);
        const uint8_t *method = get_bytes(&p, 16);
        gm->selection_param = get_u64(&p);
        if (!method || p.bad || r->bad) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (gm->type != GROUP_SELECT) {
            LOG_WARN_RL(&rl, "ntr selection method property is only allowed for select groups");
            return OFPERR_OFPBPC_BAD_VALUE;
        }
        if (method[15] || !method[0]) {
            return OFPERR_OFPBPC_BAD_VALUE;
        }
        memcpy(gm->selection_method, method, 16);
        if (strcmp(gm->selection_method, "hash") && strcmp(gm->selection_method, "dp_hash")) {
            LOG_WARN_RL(&rl, "ntr selection method '%s' is not supported", gm->selection_method);
            return OFPERR_OFPBPC_BAD_VALUE;
        }
        if (p.n) {
            enum ofperr error = get_selection_fields(&p, gm);
            if (error) {
                return error;
            }
        }
    }
    return OFPERR_NONE;
}

/* --- Mods --- */

void group_mod_encode(struct bytebuf *b, const struct group_mod *gm, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_GROUP_MOD, v, xid);
    put_u16(b, gm->command);
    put_u8(b, gm->type);
    put_u8(b, 0);
    put_u32(b, gm->group_id);
    size_t len_at = b->len;
    if (new_form(v)) {
        put_u32(b, 0);
        put_u32(b, gm->command_bucket_id);
    }
    size_t first = b->len;
    for (size_t i = 0; i < gm->n_buckets; i++) {
        if (new_form(v)) {
            put_bucket_15(b, &gm->buckets[i], gm->type, v);
        } else {
            put_bucket_old(b, &gm->buckets[i], v);
        }
    }
    if (new_form(v)) {
        set_u16(b, len_at, b->len - first);
        put_selection(b, gm, v);
    }
    ofp_msg_end(b, start);
}

/* The message says what the whole group is to be, its type too. */
static bool is_whole(const struct group_mod *gm)
{
    return gm->command <= GROUP_MODIFY || gm->command == GROUP_ADD_OR_MOD;
}

static enum ofperr check_weight(enum group_type type, const struct group_bucket *k)
{
    return k->weight && type != GROUP_SELECT ? OFPERR_OFPGMFC_INVALID_GROUP : OFPERR_NONE;
}

static enum ofperr check_watch(enum group_type type, const struct group_bucket *k)
{
    bool looks = type == GROUP_FF || type == GROUP_SELECT;
    return !looks && (k->watch_port != OFPP_ANY || k->watch_group != OFPG_ANY)
               ? OFPERR_OFPGMFC_WATCH_UNSUPPORTED
               : OFPERR_NONE;
}

enum ofperr group_check_bucket(enum group_type type, const struct group_bucket *k)
{
    enum ofperr error = check_weight(type, k);
    return error ? error : check_watch(type, k);
}

static enum ofperr check_group(const struct group_mod *gm, enum ofp_version v)
{
    if (gm->type >= N_GROUP_TYPES) {
        return OFPERR_OFPGMFC_BAD_TYPE;
    }
    if (gm->type == GROUP_INDIRECT && gm->n_buckets != 1 && is_whole(gm)) {
        return OFPERR_OFPGMFC_INVALID_GROUP;
    }
    for (size_t i = 0; i < gm->n_buckets; i++) {
        const struct group_bucket *k = &gm->buckets[i];
        if (new_form(v) && is_whole(gm) && check_weight(gm->type, k)) {
            return OFPERR_OFPGMFC_INVALID_GROUP;
        }
        if (gm->type == GROUP_FF && is_whole(gm) && k->watch_port == OFPP_ANY && k->watch_group == OFPG_ANY) {
            return OFPERR_OFPGMFC_INVALID_GROUP;
        }
        for (size_t j = 0; j < i && new_form(v); j++) {
            if (gm->buckets[j].bucket_id == k->bucket_id && k->bucket_id < BUCKET_ID_MAX) {
                LOG_WARN_RL(&rl, "Duplicate bucket id");
                return OFPERR_OFPGMFC_BAD_BUCKET;
            }
        }
    }
    return OFPERR_NONE;
}

static enum ofperr decode_mod(struct reader *r, enum ofp_version v, struct group_mod *gm)
{
    gm->command = get_u16(r);
    gm->type = get_u8(r);
    get_skip(r, 1);
    gm->group_id = get_u32(r);
    struct reader buckets = *r;
    if (new_form(v)) {
        uint16_t len = get_u16(r);
        get_skip(r, 2);
        gm->command_bucket_id = get_u32(r);
        buckets = get_sub(r, len);
    } else {
        r->n = 0;
    }
    if (r->bad || buckets.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    bool known = gm->command <= GROUP_DELETE || gm->command == GROUP_ADD_OR_MOD ||
                 (new_form(v) && (gm->command == GROUP_INSERT_BUCKET || gm->command == GROUP_REMOVE_BUCKET));
    enum ofperr error = OFPERR_NONE;
    while (!error && buckets.n) {
        error = get_bucket(&buckets, v, gm);
    }
    if (!error && !known) {
        return OFPERR_OFPGMFC_BAD_COMMAND;
    }
    bool one_bucket = gm->command == GROUP_INSERT_BUCKET || gm->command == GROUP_REMOVE_BUCKET;
    if (!error && new_form(v) && !one_bucket && gm->command_bucket_id != BUCKET_ID_ALL) {
        error = OFPERR_OFPGMFC_BAD_BUCKET; /* such a command names none */
    }
    if (!error && new_form(v)) {
        error = get_group_props(r, gm);
    }
    return error ? error : check_group(gm, v);
}

enum ofperr group_mod_decode(const struct ofp_msg *m, struct group_mod *gm)
{
    struct reader r = m->body;
    group_mod_init(gm);
    enum ofperr error = decode_mod(&r, m->version, gm);
    for (size_t k = 0; !error && is_whole(gm) && k < gm->n_buckets; k++) {
        error = check_watch(gm->type, &gm->buckets[k]);
    }
    if (error) {
        group_mod_fini(gm);
    }
    return error;
}

/* --- Descriptions --- */

void group_desc_encode(struct bytebuf *b, const struct group_mod *gm, enum ofp_version v)
{
    size_t start = b->len;
    put_u16(b, 0);
    put_u8(b, gm->type);
    put_u8(b, 0);
    put_u32(b, gm->group_id);
    if (new_form(v)) {
        size_t len_at = b->len;
        bytebuf_put_zeros(b, 8);
        size_t first = b->len;
        for (size_t i = 0; i < gm->n_buckets; i++) {
            put_bucket_15(b, &gm->buckets[i], gm->type, v);
        }
        set_u16(b, len_at, b->len - first);
        put_selection(b, gm, v);
    } else {
        for (size_t i = 0; i < gm->n_buckets; i++) {
            put_bucket_old(b, &gm->buckets[i], v);
        }
    }
    set_u16(b, start, b->len - start);
}

enum ofperr group_desc_decode(struct reader *r, enum ofp_version v, struct group_mod *gm, bool *more)
{
    *more = false;
    if (!r->n) {
        return OFPERR_NONE;
    }
    uint16_t len = r->n >= 2 ? ntohs(get_be16(r->p)) : 0;
    if (len < 8 || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    group_mod_init(gm);
    struct reader g = get_sub(r, len);
    get_skip(&g, 2);
    gm->type = get_u8(&g);
    get_skip(&g, 1);
    gm->group_id = get_u32(&g);
    struct reader buckets = g;
    if (new_form(v)) {
        uint16_t n = get_u16(&g);
        get_skip(&g, 6);
        buckets = get_sub(&g, n);
    } else {
        g.n = 0;
    }
    enum ofperr error = g.bad || buckets.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
    while (!error && buckets.n) {
        error = get_bucket(&buckets, v, gm);
    }
    if (!error && new_form(v)) {
        error = get_group_props(&g, gm);
    }
    if (error) {
        group_mod_fini(gm);
    }
    *more = !error;
    return error;
}

void group_request_encode(struct bytebuf *b, enum ofptype type, uint32_t group_id, enum ofp_version v,
                          uint32_t xid)
{
    size_t start = ofp_msg_begin(b, type, v, xid);
    if (type == OFPTYPE_GROUP_REQUEST || new_form(v)) {
        put_u32(b, group_id);
        put_u32(b, 0);
    }
    ofp_msg_end(b, start);
}

enum ofperr group_request_decode(const struct ofp_msg *m, uint32_t *group_id)
{
    struct reader r = m->body;
    *group_id = OFPG_ALL;
    if (m->type == OFPTYPE_GROUP_REQUEST || new_form(m->version)) {
        *group_id = get_u32(&r);
        get_skip(&r, 4);
    }
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

/* --- Statistics --- */

static bool has_duration(enum ofp_version v)
{
    return v == OFP10 || v >= OFP13;
}

void group_stats_encode(struct bytebuf *b, const struct group_stats *s, enum ofp_version v)
{
    size_t start = b->len;
    put_u32(b, 0);
    put_u32(b, s->group_id);
    put_u32(b, s->ref_count);
    put_u32(b, 0);
    put_u64(b, s->packet_count);
    put_u64(b, s->byte_count);
    if (has_duration(v)) {
        put_u32(b, s->duration_sec);
        put_u32(b, s->duration_nsec);
    }
    for (size_t i = 0; i < s->n_buckets; i++) {
        put_u64(b, s->buckets[i].packet_count);
        put_u64(b, s->buckets[i].byte_count);
    }
    set_u16(b, start, b->len - start);
}

enum ofperr group_stats_decode(struct reader *r, enum ofp_version v, struct group_stats *s, bool *more)
{
    *more = false;
    *s = (struct group_stats){.duration_sec = UINT32_MAX, .duration_nsec = UINT32_MAX};
    if (!r->n) {
        return OFPERR_NONE;
    }
    uint16_t len = r->n >= 2 ? ntohs(get_be16(r->p)) : 0;
    if (len < 32 || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    struct reader g = get_sub(r, len);
    get_skip(&g, 4);
    s->group_id = get_u32(&g);
    s->ref_count = get_u32(&g);
    get_skip(&g, 4);
    s->packet_count = get_u64(&g);
    s->byte_count = get_u64(&g);
    if (has_duration(v)) {
        s->duration_sec = get_u32(&g);
        s->duration_nsec = get_u32(&g);
    }
    if (g.bad || g.n % 16) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    s->n_buckets = g.n / 16;
    s->buckets = xcalloc(s->n_buckets, sizeof *s->buckets);
    for (size_t i = 0; i < s->n_buckets; i++) {
        s->buckets[i].packet_count = get_u64(&g);
        s->buckets[i].byte_count = get_u64(&g);
    }
    *more = true;
    return OFPERR_NONE;
}

void group_features_encode(struct bytebuf *b, const struct group_features *f, enum ofp_version v,
                           uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_GROUP_FEATURES_REPLY, v, xid);
    put_u32(b, f->types);
    put_u32(b, f->capabilities);
    for (int i = 0; i < 4; i++) {
        put_u32(b, f->max_groups[i]);
    }
    for (int i = 0; i < 4; i++) {
        put_u32(b, f->actions[i]);
    }
    ofp_msg_end(b, start);
}

enum ofperr group_features_decode(const struct ofp_msg *m, struct group_features *f)
{
    struct reader r = m->body;
    f->types = get_u32(&r);
    f->capabilities = get_u32(&r);
    for (int i = 0; i < 4; i++) {
        f->max_groups[i] = get_u32(&r);
    }
    for (int i = 0; i < 4; i++) {
        f->actions[i] = get_u32(&r);
    }
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}
