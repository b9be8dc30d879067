/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/monitor.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

enum {
    SELECT_INITIAL = 1,
    SELECT_INSERT = 2,
    SELECT_DELETE = 4,
    SELECT_MODIFY = 8,
    SELECT_ALL = 15
};

struct monitored_column {
    const struct ovsdb_column *column;
    unsigned select;
};

struct monitored_table {
    const struct ovsdb_table_schema *schema; /* NULL: not monitored */
    struct monitored_column *columns;
    size_t n_columns;
    unsigned select; /* of all columns */
    struct ovsdb_condition condition;
};

struct ovsdb_monitor_spec {
    struct hmap_node node; /* in the hub's specs, by `key`; none while `key` is NULL */
    char *key;
    unsigned refs;
    bool v1;
    struct monitored_table *tables; /* as many as the schema has */
    size_t n_tables;
    struct list monitors;
};

/* Parsing. */

static struct ovsdb_error *parse_select(const struct json_object *json, const char *table, unsigned *select)
{
    static const struct {
        const char *name;
        unsigned bit;
    } members[] = {{"initial", SELECT_INITIAL},
                   {"insert", SELECT_INSERT},
                   {"delete", SELECT_DELETE},
                   {"modify", SELECT_MODIFY}};
    *select = SELECT_ALL;
    if (!json) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const struct json_object *m = json_get(json, members[i].name);
        if (!json_has(json, members[i].name)) {
            continue;
        }
        if (!m || !json_object_is_type(m, json_type_boolean)) {
            return ovsdb_syntax_error(json, NULL,
                                      "Parsing table %s select failed: Type mismatch for member '%s'.", table,
                                      members[i].name);
        }
        if (!json_object_get_boolean(m)) {
            *select &= ~members[i].bit;
        }
    }
    json_object_object_foreach((struct json_object *)(uintptr_t)json, name, value)
    {
        (void)value;
        bool known = false;
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
            known |= !strcmp(name, members[i].name);
        }
        if (!known) {
            return ovsdb_syntax_error(
                json, NULL, "Parsing table %s select failed: Member '%s' is present but not allowed here.",
                table, name);
        }
    }
    return NULL;
}

/* False if the column is there already. */
static bool add_column(struct monitored_table *t, const struct ovsdb_column *c, unsigned select)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].column == c) {
            return false;
        }
    }
    t->columns = xrealloc(t->columns, (t->n_columns + 1) * sizeof *t->columns);
    t->columns[t->n_columns++] = (struct monitored_column){c, select};
    t->select |= select;
    return true;
}

/* Members that are there are of their type: null is none. */
static struct ovsdb_error *check_member_type(const struct json_object *json, const char *table,
                                             const char *name, enum json_type type)
{
    const struct json_object *member = json_get(json, name);
    if (!json_has(json, name) || (member && json_object_is_type(member, type))) {
        return NULL;
    }
    return ovsdb_syntax_error(json, NULL, "Parsing table %s failed: Type mismatch for member '%s'.", table,
                              name);
}

static struct ovsdb_error *check_request_members(const struct json_object *json, const char *table, bool v1)
{
    json_object_object_foreach((struct json_object *)(uintptr_t)json, name, value)
    {
        (void)value;
        if (strcmp(name, "columns") && strcmp(name, "select") && (v1 || strcmp(name, "where"))) {
            return ovsdb_syntax_error(json, NULL,
                                      "Parsing table %s failed: Member '%s' is present but not allowed here.",
                                      table, name);
        }
    }
    return NULL;
}

/* Column names, as the reference words what is wrong with them here (in a transaction's "columns" it has
 * other words). */
static struct ovsdb_error *parse_columns(struct monitored_table *t, const struct json_object *columns,
                                         unsigned select)
{
    for (size_t i = 0; i < json_length(columns); i++) {
        const char *name;
        if (!json_is_string(json_element(columns, i), &name)) {
            return ovsdb_syntax_error(columns, NULL, "array of column names expected");
        }
        const struct ovsdb_column *c = ovsdb_table_column(t->schema, name);
        if (!c) {
            return ovsdb_syntax_error(columns, NULL, "%s is not a valid column name", name);
        }
        if (!add_column(t, c, select)) {
            return ovsdb_syntax_error(columns, NULL, "column %s mentioned more than once", name);
        }
    }
    return NULL;
}

static struct ovsdb_error *all_columns(struct monitored_table *t, unsigned select)
{
    const struct ovsdb_column *twice =
        add_column(t, t->schema->version_column, select) ? NULL : t->schema->version_column;
    for (size_t i = 0; i < t->schema->n_columns; i++) {
        if (!add_column(t, t->schema->columns[i], select)) {
            twice = t->schema->columns[i];
        }
    }
    return twice ? ovsdb_syntax_error(NULL, NULL, "column %s mentioned more than once", twice->name) : NULL;
}

/* One of a table's requests. All say which columns; the condition is the first one's alone, as with the
 * reference: a row is in the client's view or it is not. */
static struct ovsdb_error *parse_request(struct monitored_table *t, const struct json_object *json, bool v1,
                                         bool first)
{
    const struct ovsdb_table_schema *schema = t->schema;
    unsigned select;
    if (!json_is_object(json)) {
        return ovsdb_syntax_error(NULL, NULL, "Parsing table %s failed: Object expected.", schema->name);
    }
    const struct json_object *columns = json_get(json, "columns"), *where = json_get(json, "where");
    struct ovsdb_error *error = check_member_type(json, schema->name, "columns", json_type_array);
    error = error || v1 ? error : check_member_type(json, schema->name, "where", json_type_array);
    error = error ? error : check_member_type(json, schema->name, "select", json_type_object);
    error = error ? error : check_request_members(json, schema->name, v1);
    error = error ? error : parse_select(json_get(json, "select"), schema->name, &select);
    if (error) {
        return error;
    }
    if (columns) {
        error = parse_columns(t, columns, select);
        t->select |= select; /* the existence of rows is monitored even without columns */
    } else {
        error = all_columns(t, select);
    }
    if (!error && where && !v1) {
        struct ovsdb_condition condition;
        error = ovsdb_condition_from_json(&condition, schema, where, NULL);
        if (!error && first) {
            t->condition = condition;
        } else if (!error) {
            ovsdb_condition_fini(&condition);
        }
    }
    return error;
}

static int compare_by_name(const void *a, const void *b)
{
    return strcmp(((const struct monitored_column *)a)->column->name,
                  ((const struct monitored_column *)b)->column->name);
}

static struct ovsdb_error *parse_table(struct monitored_table *t, const struct json_object *requests, bool v1)
{
    struct ovsdb_error *error = NULL;
    if (!json_is_array(requests)) {
        error = parse_request(t, requests, v1, true); /* an old client's single request */
    } else {
        for (size_t i = 0; !error && i < json_length(requests); i++) {
            error = parse_request(t, json_element(requests, i), v1, !i);
        }
    }
    if (t->columns) {
        qsort(t->columns, t->n_columns, sizeof *t->columns, compare_by_name);
    }
    return error;
}

static void spec_free(struct ovsdb_monitor_spec *spec)
{
    for (size_t i = 0; i < spec->n_tables; i++) {
        free(spec->tables[i].columns);
        ovsdb_condition_fini(&spec->tables[i].condition);
    }
    free(spec->tables);
    free(spec->key);
    free(spec);
}

static struct ovsdb_error *spec_parse(struct ovsdb_monitor_spec **specp, const struct db *db, bool v1,
                                      const struct json_object *requests)
{
    struct ovsdb_monitor_spec *spec = xzalloc(sizeof *spec);
    struct ovsdb_error *error = NULL;
    spec->refs = 1;
    spec->v1 = v1;
    spec->n_tables = db->schema->n_tables;
    spec->tables = xcalloc(spec->n_tables, sizeof *spec->tables);
    list_init(&spec->monitors);
    json_object_object_foreach((struct json_object *)(uintptr_t)requests, name, table_requests)
    {
        const struct ovsdb_table_schema *schema = ovsdb_schema_table(db->schema, name);
        if (error) {
            break;
        }
        if (!schema) {
            error = ovsdb_syntax_error(NULL, NULL, "no table named %s", name);
            break;
        }
        struct monitored_table *t = &spec->tables[schema->index];
        t->schema = schema;
        error = parse_table(t, table_requests, v1);
    }
    if (error) {
        spec_free(spec);
        return error;
    }
    *specp = spec;
    return NULL;
}

/* Writing updates. */

static bool column_changed(const struct db_change *change, const struct ovsdb_column *c)
{
    const struct ovsdb_table_schema *t = change->table;
    return c->index < t->n_columns ? bitmap_is_set(change->changed, c->index) : c == t->version_column;
}

static void put_column(struct strbuf *s, const struct db_row *row, const struct ovsdb_column *c, bool *any)
{
    struct ovsdb_datum *d = db_row_get(row, c);
    strbuf_puts(s, *any ? ",\"" : "\"");
    strbuf_puts(s, c->name);
    strbuf_puts(s, "\":");
    ovsdb_datum_put_json(d, &c->type, s);
    ovsdb_datum_unref(d, &c->type);
    *any = true;
}

static void put_diff(struct strbuf *s, const struct db_change *change, const struct ovsdb_column *c,
                     bool *any)
{
    if (!ovsdb_type_is_composite(&c->type)) {
        put_column(s, change->new, c, any);
        return;
    }
    struct ovsdb_datum *diff =
        ovsdb_datum_diff(change->old->columns[c->index], change->new->columns[c->index], &c->type);
    strbuf_puts(s, *any ? ",\"" : "\"");
    strbuf_puts(s, c->name);
    strbuf_puts(s, "\":");
    ovsdb_datum_put_json(diff, &c->type, s);
    ovsdb_datum_unref(diff, &c->type);
    *any = true;
}

/* All monitored columns of ROW that SELECT asks for; without those that are default, for version 2. */
static void put_row(struct strbuf *s, const struct monitored_table *t, const struct db_row *row,
                    unsigned select, bool omit_defaults)
{
    bool any = false;
    strbuf_put_char(s, '{');
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct ovsdb_column *c = t->columns[i].column;
        if (!(t->columns[i].select & select) ||
            (omit_defaults && c->index < t->schema->n_columns &&
             (row->columns[c->index] == c->default_datum ||
              ovsdb_datum_is_default(row->columns[c->index], &c->type)))) {
            continue;
        }
        put_column(s, row, c, &any);
    }
    strbuf_put_char(s, '}');
}

static bool put_modify_v1(struct strbuf *s, const struct monitored_table *t, const struct db_change *change)
{
    bool any = false;
    strbuf_puts(s, "{\"old\":{");
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].select & SELECT_MODIFY && column_changed(change, t->columns[i].column)) {
            put_column(s, change->old, t->columns[i].column, &any);
        }
    }
    if (any) {
        strbuf_puts(s, "},\"new\":");
        put_row(s, t, change->new, SELECT_MODIFY, false);
        strbuf_put_char(s, '}');
    }
    return any;
}

static bool put_modify_v2(struct strbuf *s, const struct monitored_table *t, const struct db_change *change)
{
    bool any = false;
    strbuf_puts(s, "{\"modify\":{");
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->columns[i].select & SELECT_MODIFY && column_changed(change, t->columns[i].column)) {
            put_diff(s, change, t->columns[i].column, &any);
        }
    }
    strbuf_puts(s, "}}");
    return any;
}

/* What CHANGE is in the eyes of a monitor with a condition: rows enter and leave its view. */
static unsigned change_kind(const struct monitored_table *t, const struct db_change *change)
{
    bool old = change->old && ovsdb_condition_any(&t->condition, change->old);
    bool new = change->new &&ovsdb_condition_any(&t->condition, change->new);
    return old && new ? SELECT_MODIFY : new ? SELECT_INSERT : old ? SELECT_DELETE : 0;
}

static bool put_row_update(struct strbuf *s, const struct ovsdb_monitor_spec *spec,
                           const struct monitored_table *t, const struct db_change *change)
{
    unsigned kind = change_kind(t, change);
    if (!(t->select & kind)) {
        return false;
    }
    switch (kind) {
    case SELECT_INSERT:
        strbuf_puts(s, spec->v1 ? "{\"new\":" : "{\"insert\":");
        put_row(s, t, change->new, SELECT_INSERT, !spec->v1);
        strbuf_put_char(s, '}');
        return true;
    case SELECT_DELETE:
        if (spec->v1) {
            strbuf_puts(s, "{\"old\":");
            put_row(s, t, change->old, SELECT_DELETE, false);
            strbuf_put_char(s, '}');
        } else {
            strbuf_puts(s, "{\"delete\":null}");
        }
        return true;
    default:
        return spec->v1 ? put_modify_v1(s, t, change) : put_modify_v2(s, t, change);
    }
}

/* {"table":{"uuid":update,...},...}: opened and closed as rows come, table by table. */
struct updates_writer {
    struct strbuf *s;
    const struct monitored_table *table; /* whose object is open */
    bool any_row;
};

static void begin_row(struct updates_writer *w, const struct monitored_table *t, const struct uuid *uuid)
{
    char text[UUID_TEXT_LEN + 1];
    if (w->table != t) {
        strbuf_puts(w->s, w->table ? "},\"" : "{\"");
        strbuf_puts(w->s, t->schema->name);
        strbuf_puts(w->s, "\":{\"");
        w->table = t;
    } else {
        strbuf_puts(w->s, ",\"");
    }
    uuid_format(uuid, text);
    strbuf_put(w->s, text, UUID_TEXT_LEN);
    strbuf_puts(w->s, "\":");
    w->any_row = true;
}

static void end_updates(struct updates_writer *w)
{
    strbuf_puts(w->s, w->table ? "}}" : "{}");
}

/* The hub. */

static void committed(struct db_observer *observer, const struct db_change *changes, size_t n)
{
    struct ovsdb_monitor_hub *hub = OBJECT_OF(observer, hub, observer);
    struct ovsdb_monitor_spec *spec;
    struct strbuf s = STRBUF_INITIALIZER;
    HMAP_FOR_EACH (spec, node, &hub->specs) {
        struct updates_writer w = {.s = &s};
        strbuf_clear(&s);
        for (size_t table = 0; table < spec->n_tables; table++) {
            const struct monitored_table *t = &spec->tables[table];
            for (size_t i = 0; t->schema && i < n; i++) {
                if (changes[i].table != t->schema) {
                    continue;
                }
                size_t before = s.len;
                struct updates_writer w_before = w;
                begin_row(&w, t, changes[i].new ? &changes[i].new->uuid : &changes[i].old->uuid);
                if (!put_row_update(&s, spec, t, &changes[i])) {
                    strbuf_truncate(&s, before);
                    w = w_before;
                }
            }
        }
        if (w.any_row) {
            end_updates(&w);
            struct ovsdb_monitor *m;
            LIST_FOR_EACH (m, node, &spec->monitors) {
                m->send(m, s.text, s.len);
            }
        }
    }
    strbuf_fini(&s);
}

struct ovsdb_monitor_hub *ovsdb_monitor_hub_create(struct db *db)
{
    struct ovsdb_monitor_hub *hub = xzalloc(sizeof *hub);
    hub->db = db;
    hub->observer.committed = committed;
    hmap_init(&hub->specs);
    list_push_back(&db->observers, &hub->observer.node);
    return hub;
}

void ovsdb_monitor_hub_destroy(struct ovsdb_monitor_hub *hub)
{
    if (hub) {
        list_remove(&hub->observer.node);
        hmap_fini(&hub->specs);
        free(hub);
    }
}

static struct ovsdb_monitor_spec *find_spec(struct ovsdb_monitor_hub *hub, const char *key)
{
    struct ovsdb_monitor_spec *spec;
    HMAP_FOR_EACH_WITH_HASH (spec, node, hash_string(key, 0), &hub->specs) {
        if (!strcmp(spec->key, key)) {
            return spec;
        }
    }
    return NULL;
}

static void attach(struct ovsdb_monitor *m, struct ovsdb_monitor_spec *spec)
{
    m->spec = spec;
    list_push_back(&spec->monitors, &m->node);
}

static void detach(struct ovsdb_monitor *m)
{
    struct ovsdb_monitor_spec *spec = m->spec;
    list_remove(&m->node);
    if (!--spec->refs) {
        hmap_remove(&m->hub->specs, &spec->node);
        spec_free(spec);
    }
    m->spec = NULL;
}

struct ovsdb_error *ovsdb_monitor_init(struct ovsdb_monitor *m, struct ovsdb_monitor_hub *hub,
                                       enum ovsdb_monitor_version version, const struct json_object *requests)
{
    struct strbuf key = STRBUF_INITIALIZER;
    bool v1 = version == OVSDB_MONITOR_V1;
    m->hub = hub;
    m->version = version;
    m->spec = NULL;
    strbuf_puts(&key, v1 ? "1" : "2");
    json_format(&key, requests, JSON_SORT);
    struct ovsdb_monitor_spec *spec = find_spec(hub, key.text);
    struct ovsdb_error *error = NULL;
    if (spec) {
        spec->refs++;
    } else {
        error = spec_parse(&spec, hub->db, v1, requests);
        if (!error) {
            spec->key = strbuf_steal(&key);
            hmap_insert(&hub->specs, &spec->node, hash_string(spec->key, 0));
        }
    }
    strbuf_fini(&key);
    if (!error) {
        attach(m, spec);
    }
    return error;
}

void ovsdb_monitor_fini(struct ovsdb_monitor *m)
{
    if (m->spec) {
        detach(m);
    }
}

struct initial_writer {
    struct updates_writer w;
    const struct monitored_table *table;
    bool v1;
};

static void put_initial_row(const struct db_row *row, void *initial_)
{
    struct initial_writer *initial = initial_;
    begin_row(&initial->w, initial->table, &row->uuid);
    strbuf_puts(initial->w.s, initial->v1 ? "{\"new\":" : "{\"initial\":");
    put_row(initial->w.s, initial->table, row, SELECT_INITIAL, !initial->v1);
    strbuf_put_char(initial->w.s, '}');
}

void ovsdb_monitor_put_initial(const struct ovsdb_monitor *m, struct strbuf *s)
{
    const struct ovsdb_monitor_spec *spec = m->spec;
    struct initial_writer initial = {.w = {.s = s}, .v1 = spec->v1};
    for (size_t i = 0; i < spec->n_tables; i++) {
        initial.table = &spec->tables[i];
        if (initial.table->schema && initial.table->select & SELECT_INITIAL) {
            ovsdb_condition_for_each_any(&initial.table->condition, m->hub->db->tables[i], put_initial_row,
                                         &initial);
        }
    }
    end_updates(&initial.w);
}

/* Conditions. */

static struct ovsdb_monitor_spec *spec_clone(const struct ovsdb_monitor_spec *old)
{
    struct ovsdb_monitor_spec *spec = xzalloc(sizeof *spec);
    spec->refs = 1;
    spec->v1 = old->v1;
    spec->n_tables = old->n_tables;
    spec->tables = xcalloc(spec->n_tables, sizeof *spec->tables);
    list_init(&spec->monitors);
    for (size_t i = 0; i < spec->n_tables; i++) {
        struct monitored_table *t = &spec->tables[i];
        const struct monitored_table *from = &old->tables[i];
        *t = *from;
        t->columns = from->n_columns ? xmemdup(from->columns, from->n_columns * sizeof *t->columns) : NULL;
        t->condition = (struct ovsdb_condition){NULL, 0};
        if (from->condition.n) {
            t->condition.clauses =
                xmemdup(from->condition.clauses, from->condition.n * sizeof *t->condition.clauses);
            t->condition.n = from->condition.n;
            for (size_t j = 0; j < t->condition.n; j++) {
                if (t->condition.clauses[j].arg) {
                    ovsdb_datum_ref(t->condition.clauses[j].arg);
                }
            }
        }
    }
    return spec;
}

static struct ovsdb_error *check_change_members(const struct json_object *request, const char *table)
{
    json_object_object_foreach((struct json_object *)(uintptr_t)request, name, value)
    {
        (void)value;
        if (strcmp(name, "columns") && strcmp(name, "where")) {
            return ovsdb_syntax_error(request, NULL,
                                      "Parsing table %s failed: Member '%s' is present but not allowed here.",
                                      table, name);
        }
    }
    return NULL;
}

static struct ovsdb_error *parse_new_condition(struct monitored_table *t, const struct json_object *request)
{
    const char *table = t->schema->name;
    if (!json_is_object(request)) {
        return ovsdb_syntax_error(NULL, NULL, "Parsing table %s failed: Object expected.", table);
    }
    struct ovsdb_error *error = check_member_type(request, table, "columns", json_type_array);
    error = error ? error : check_member_type(request, table, "where", json_type_array);
    error = error ? error : check_change_members(request, table);
    if (error) {
        return error;
    }
    if (json_has(request, "columns")) {
        return ovsdb_syntax_error(request, NULL, "changing columns is unsupported");
    }
    struct ovsdb_condition cond = OVSDB_CONDITION_INITIALIZER;
    if (json_has(request, "where")) {
        error = ovsdb_condition_from_json(&cond, t->schema, json_get(request, "where"), NULL);
        if (error) {
            return error;
        }
    }
    ovsdb_condition_fini(&t->condition);
    t->condition = cond;
    return NULL;
}

/* Of several, the last one is the table's condition; without any it stays as it is. */
static struct ovsdb_error *parse_new_conditions(struct monitored_table *t, const struct json_object *requests)
{
    if (!json_is_array(requests)) {
        return ovsdb_syntax_error(NULL, NULL, "table %s no monitor-cond-change JSON array", t->schema->name);
    }
    struct ovsdb_error *error = NULL;
    for (size_t i = 0; !error && i < json_length(requests); i++) {
        error = parse_new_condition(t, json_element(requests, i));
    }
    return error;
}

/* Rows that one of the two conditions shows and the other does not. */
static void put_condition_change(const struct ovsdb_monitor *m, const struct ovsdb_monitor_spec *new,
                                 struct strbuf *body)
{
    struct updates_writer w = {.s = body};
    for (size_t i = 0; i < new->n_tables; i++) {
        const struct monitored_table *was = &m->spec->tables[i], *is = &new->tables[i];
        struct db_row *row;
        if (!is->schema) {
            continue;
        }
        HMAP_FOR_EACH (row, node, &m->hub->db->tables[i]->rows) {
            bool before = ovsdb_condition_any(&was->condition, row),
                 now = ovsdb_condition_any(&is->condition, row);
            if (before == now || !(is->select & (now ? SELECT_INSERT : SELECT_DELETE))) {
                continue;
            }
            begin_row(&w, is, &row->uuid);
            if (now) {
                strbuf_puts(body, "{\"insert\":");
                put_row(body, is, row, SELECT_INSERT, true);
                strbuf_put_char(body, '}');
            } else {
                strbuf_puts(body, "{\"delete\":null}");
            }
        }
    }
    if (w.any_row) {
        end_updates(&w);
    }
}

struct ovsdb_error *ovsdb_monitor_change_conditions(struct ovsdb_monitor *m,
                                                    const struct json_object *requests, struct strbuf *body)
{
    struct ovsdb_monitor_spec *new = spec_clone(m->spec);
    struct ovsdb_error *error = NULL;
    json_object_object_foreach((struct json_object *)(uintptr_t)requests, name, table_requests)
    {
        const struct ovsdb_table_schema *schema = ovsdb_schema_table(m->hub->db->schema, name);
        if (error) {
            break;
        }
        if (!schema) {
            error = ovsdb_syntax_error(NULL, NULL, "no table named %s", name);
        } else if (!new->tables[schema->index].schema) {
            error = ovsdb_syntax_error(NULL, NULL, "no table named %s in monitor session", name);
        } else {
            error = parse_new_conditions(&new->tables[schema->index], table_requests);
        }
    }
    if (error) {
        spec_free(new);
        return error;
    }
    put_condition_change(m, new, body);

    /* Clients that changed their conditions in the same way share again. */
    struct strbuf key = STRBUF_INITIALIZER;
    strbuf_puts(&key, m->spec->key);
    json_format(&key, requests, JSON_SORT);
    struct ovsdb_monitor_spec *same = key.len < 65536 ? find_spec(m->hub, key.text) : NULL;
    detach(m);
    if (same) {
        spec_free(new);
        same->refs++;
        attach(m, same);
        strbuf_fini(&key);
        return NULL;
    }
    if (key.len >= 65536) {
        /* Conditions that change for ever would make the key grow for ever: from here on, a spec of one's
         * own. */
        strbuf_clear(&key);
        strbuf_printf(&key, "own %p", (void *)new);
    }
    new->key = strbuf_steal(&key);
    hmap_insert(&m->hub->specs, &new->node, hash_string(new->key, 0));
    attach(m, new);
    return NULL;
}
