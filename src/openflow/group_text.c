/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "openflow/action_text.h"
#include "openflow/group_codec.h"

static const char *const type_names[N_GROUP_TYPES] = {"all", "select", "indirect", "ff"};

/* --- Parsing --- */

static bool parse_type(const char *text, uint8_t *type)
{
    for (int i = 0; i < N_GROUP_TYPES; i++) {
        if (!strcmp(text, type_names[i])) {
            *type = i;
            return true;
        }
    }
    if (!strcmp(text, "fast_failover")) {
        *type = GROUP_FF;
        return true;
    }
    return false;
}

char *group_id_parse(const char *text, const char *what, uint32_t *id)
{
    if (!strcasecmp(text, "all")) {
        *id = OFPG_ALL;
        return NULL;
    } else if (!strcasecmp(text, "any")) {
        *id = OFPG_ANY;
        return NULL;
    }
    char *error = text_to_u32(text, id);
    if (!error && *id > OFPG_MAX && *id != OFPG_ALL) {
        error = xasprintf("invalid %s id %u", what, *id);
    }
    return error;
}

static char *parse_bucket(char *text, struct group_mod *gm, const struct ofp_names *names, uint32_t *usable)
{
    gm->buckets = xrealloc(gm->buckets, (gm->n_buckets + 1) * sizeof *gm->buckets);
    struct group_bucket *k = &gm->buckets[gm->n_buckets];
    *k = (struct group_bucket){.bucket_id = BUCKET_ID_ALL,
                               .weight = gm->type == GROUP_SELECT ? 1 : 0,
                               .watch_port = OFPP_ANY,
                               .watch_group = OFPG_ANY};
    gm->n_buckets++;
    struct strbuf actions = STRBUF_INITIALIZER;
    bool had_actions = false;
    char *key, *value, *error = NULL;
    while (!error && text_next_key_value(&text, &key, &value)) {
        if (!strcasecmp(key, "weight")) {
            error = text_to_u16(value, "weight", &k->weight);
        } else if (!strcasecmp(key, "watch_port")) {
            if (!ofp_port_parse(value, names, &k->watch_port)) {
                error = xasprintf("%s: invalid watch_port", value);
            }
        } else if (!strcasecmp(key, "watch_group")) {
            error = group_id_parse(value, "watch_group", &k->watch_group);
        } else if (!strcasecmp(key, "bucket_id")) {
            error = text_to_u32(value, &k->bucket_id);
            if (!error && k->bucket_id > BUCKET_ID_MAX) {
                error = xasprintf("invalid bucket_id id %u", k->bucket_id);
            }
        } else if (!strcasecmp(key, "action") || !strcasecmp(key, "actions")) {
            had_actions = true;
            strbuf_printf(&actions, "%s%s", actions.len && *value ? "," : "", value);
        } else {
            had_actions = true;
            /* An action; its argument in parentheses, which all of them take. */
            strbuf_printf(&actions, *value ? "%s%s(%s)" : "%s%s%s", actions.len ? "," : "", key, value);
            size_t n = strlen(value);
            if (n && (strstr(value, "->") || strchr(value, '('))) {
                strbuf_truncate(&actions, actions.len - n - 2 - strlen(key));
                strbuf_printf(&actions, "%s:%s", key, value);
            }
        }
    }
    if (!error && !had_actions) {
        error = xstrdup("bucket must specify actions");
    }
    if (!error) {
        error = ofpacts_parse_actions(strbuf_text(&actions), names, &k->ofpacts, usable);
    }
    if (!error && gm->type == GROUP_FF && k->watch_port == OFPP_ANY && k->watch_group == OFPG_ANY) {
        error = xstrdup("fast failover bucket requires watch_port or watch_group");
    }
    if (!error && gm->type != GROUP_SELECT && k->weight) {
        error = xstrdup("Only select groups can have bucket weights.");
    }
    strbuf_fini(&actions);
    return error;
}

static char *parse_fields(char *text, struct group_mod *gm, const struct ofp_names *names)
{
    char *key, *value;
    if (!gm->fields) {
        gm->fields = xmalloc(sizeof *gm->fields);
        match_init_catchall(gm->fields);
    }
    while (text_next_key_value(&text, &key, &value)) {
        const struct field *f = field_from_name(key);
        if (!f) {
            return xasprintf("%s: unknown field %s", value, key);
        }
        union field_value mask = {0}, unused = {0};
        if (*value) {
            char *error = field_parse(f, value, NULL, &mask, &unused);
            if (error) {
                return error;
            }
        } else {
            field_all_ones(f, &mask);
        }
        union field_value none = {0};
        if (group_has_field(gm, f->id)) {
            return xasprintf("%s: duplicate field", key);
        }
        if (!memcmp(&mask, &none, f->n_bytes)) {
            return xasprintf("%s=%s: values are wildcards here and must not be all-zeros", key, value);
        }
        free(field_match(f, &mask, &mask, gm->fields));
        group_set_field(gm, f->id);
    }
    return NULL;
}

/* Which properties a text had. */
enum {
    SEEN_TYPE = 1,
    SEEN_COMMAND_BUCKET = 2,
};

/* Properties that go together, or do not. */
static char *check_properties(const struct group_mod *gm, unsigned seen)
{
    bool buckets = gm->command == GROUP_INSERT_BUCKET || gm->command == GROUP_REMOVE_BUCKET;
    if (gm->command == GROUP_INSERT_BUCKET && !(seen & SEEN_COMMAND_BUCKET)) {
        return xstrdup("must specify a command bucket id");
    }
    if (!buckets && seen & SEEN_COMMAND_BUCKET) {
        return xstrdup("command bucket id is not needed");
    }
    if ((buckets || gm->command == GROUP_DELETE) && seen & SEEN_TYPE) {
        return xstrdup("type is not needed");
    }
    if (gm->fields && strcmp(gm->selection_method, "hash")) {
        return xstrdup("fields may only be specified with \"selection_method=hash\"");
    }
    if (gm->selection_param && !gm->selection_method[0]) {
        return xstrdup("selection_method_param is only allowed with \"selection_method\"");
    }
    return NULL;
}

static char *parse_property(const char *key, char *value, struct group_mod *gm, const struct ofp_names *names,
                            bool *had_id, unsigned *seen)
{
    if (!strcmp(key, "group_id")) {
        *had_id = true;
        return group_id_parse(value, "group", &gm->group_id);
    } else if (!strcmp(key, "type")) {
        *seen |= SEEN_TYPE;
        return parse_type(value, &gm->type) ? NULL : xasprintf("invalid group type %s", value);
    } else if (!strcmp(key, "command_bucket_id")) {
        *seen |= SEEN_COMMAND_BUCKET;
        static const struct {
            const char *name;
            uint32_t id;
        } ids[] = {{"all", BUCKET_ID_ALL}, {"first", BUCKET_ID_FIRST}, {"last", BUCKET_ID_LAST}};
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
            if (!strcmp(value, ids[i].name)) {
                gm->command_bucket_id = ids[i].id;
                return NULL;
            }
        }
        return text_to_u32(value, &gm->command_bucket_id);
    } else if (!strcmp(key, "selection_method")) {
        if (strlen(value) >= sizeof gm->selection_method) {
            return xasprintf("selection method is longer than %u bytes long",
                             (unsigned)sizeof gm->selection_method - 1);
        }
        memset(gm->selection_method, 0, sizeof gm->selection_method);
        memcpy(gm->selection_method, value, strlen(value));
        return NULL;
    } else if (!strcmp(key, "selection_method_param")) {
        return text_to_u64(value, &gm->selection_param);
    } else if (!strcmp(key, "fields")) {
        return parse_fields(value, gm, names);
    }
    return xasprintf("unknown keyword %s", key);
}

/* Those without a number get the lowest that is free. */
static void number_buckets(struct group_mod *gm)
{
    for (size_t i = 0; i < gm->n_buckets; i++) {
        if (gm->buckets[i].bucket_id != BUCKET_ID_ALL) {
            continue;
        }
        uint32_t id = 0;
        for (size_t j = 0; j < gm->n_buckets; j++) {
            if (gm->buckets[j].bucket_id == id) {
                id++;
                j = (size_t)-1;
            }
        }
        gm->buckets[i].bucket_id = id;
    }
}

static char *parse_group(struct group_mod *gm, char *text, const struct ofp_names *names, uint32_t *usable)
{
    char *buckets = strstr(text, "bucket=");
    while (buckets && buckets > text && buckets[-1] != ',' && buckets[-1] != ' ') {
        buckets = strstr(buckets + 1, "bucket=");
    }
    if (buckets) {
        *buckets = '\0';
        buckets += strlen("bucket=");
    }
    bool had_id = gm->command == GROUP_DELETE;
    unsigned seen = 0;
    char *key, *value, *error;
    while (text_next_key_value(&text, &key, &value)) {
        error = parse_property(key, value, gm, names, &had_id, &seen);
        if (error) {
            return error;
        }
    }
    if (!had_id) {
        return xstrdup("must specify a group_id");
    }
    error = check_properties(gm, seen);
    if (error) {
        return error;
    }
    if (!(seen & SEEN_TYPE) &&
        (gm->command == GROUP_ADD || gm->command == GROUP_MODIFY || gm->command == GROUP_ADD_OR_MOD)) {
        return xstrdup("must specify a type");
    }
    if (buckets && (gm->command == GROUP_DELETE || gm->command == GROUP_REMOVE_BUCKET)) {
        return xstrdup("bucket is not needed");
    }
    while (buckets) {
        char *next = strstr(buckets, ",bucket=");
        char *with_space = strstr(buckets, " bucket=");
        if (with_space && (!next || with_space < next)) {
            next = with_space;
        }
        if (next) {
            *next = '\0';
            next += strlen(",bucket=");
        }
        error = parse_bucket(buckets, gm, names, usable);
        if (error) {
            return error;
        }
        buckets = next;
    }
    number_buckets(gm);
    if (gm->type == GROUP_INDIRECT && gm->n_buckets > 1) {
        return xstrdup("Indirect groups can have at most one bucket.");
    }
    return NULL;
}

char *group_mod_parse(struct group_mod *gm, const char *text, enum group_command command,
                      const struct ofp_names *names, uint32_t *usable)
{
    char *copy = xstrdup(text);
    group_mod_init(gm);
    gm->command = command;
    gm->group_id = command == GROUP_DELETE ? OFPG_ALL : 0;
    *usable = OFPROTO_ANY;
    if (command == GROUP_INSERT_BUCKET || command == GROUP_REMOVE_BUCKET) {
        *usable &= OFPROTO_15 | OFPROTO_10_NXM_ANY;
        gm->command_bucket_id = command == GROUP_INSERT_BUCKET ? BUCKET_ID_LAST : BUCKET_ID_ALL;
    }
    char *error = parse_group(gm, copy, names, usable);
    free(copy);
    if (error) {
        group_mod_fini(gm);
    }
    return error;
}

/* --- Printing --- */

static void format_fields(const struct group_mod *gm, struct strbuf *s)
{
    unsigned n = 0;
    for (int id = 0; id < FIELD_N; id++) {
        n += group_has_field(gm, id);
    }
    strbuf_puts(s, n == 1 ? ",fields=" : ",fields(");
    bool first = true;
    for (int id = 0; id < FIELD_N; id++) {
        const struct field *f = field_from_id(id);
        if (!group_has_field(gm, id)) {
            continue;
        }
        union field_value value = {0}, mask = {0}, ones;
        field_match_get(f, gm->fields, &value, &mask);
        field_all_ones(f, &ones);
        strbuf_printf(s, "%s%s", first ? "" : ",", f->name);
        if (memcmp(&mask, &ones, f->n_bytes)) {
            strbuf_put_char(s, '=');
            field_format(f, &mask, NULL, NULL, s);
        }
        first = false;
    }
    if (n != 1) {
        strbuf_put_char(s, ')');
    }
}

void group_format(const struct group_mod *gm, enum ofp_version v, bool nx, const struct ofp_names *names,
                  struct strbuf *s)
{
    strbuf_printf(s, "group_id=%u", gm->group_id);
    bool buckets_alone = gm->command == GROUP_INSERT_BUCKET || gm->command == GROUP_REMOVE_BUCKET;
    if (gm->type < N_GROUP_TYPES && !buckets_alone) {
        strbuf_printf(s, ",type=%s", type_names[gm->type]);
    }
    if (gm->selection_method[0]) {
        strbuf_printf(s, ",selection_method=%s", gm->selection_method);
        if (gm->selection_param) {
            strbuf_printf(s, ",selection_method_param=%" PRIu64, gm->selection_param);
        }
        if (gm->fields) {
            format_fields(gm, s);
        }
    }
    for (size_t i = 0; i < gm->n_buckets; i++) {
        const struct group_bucket *k = &gm->buckets[i];
        strbuf_puts(s, ",bucket=");
        if (v == OFP10 || v >= OFP15) {
            strbuf_printf(s, "bucket_id:%u,", k->bucket_id);
        }
        if (k->weight != (gm->type == GROUP_SELECT ? 1 : 0)) {
            strbuf_printf(s, "weight:%u,", k->weight);
        }
        if (k->watch_port != OFPP_ANY) {
            strbuf_puts(s, "watch_port:");
            ofp_port_format(k->watch_port, names, s);
            strbuf_put_char(s, ',');
        }
        if (k->watch_group != OFPG_ANY) {
            strbuf_printf(s, "watch_group:%u,", k->watch_group);
        }
        strbuf_puts(s, "actions=");
        ofpacts_format((const struct ofpact *)k->ofpacts.data, k->ofpacts.len, names, s);
    }
}
