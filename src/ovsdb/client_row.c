/* SPDX-License-Identifier: Apache-2.0 */
/* The client's copy: rows, what changed, and how updates are applied to it. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "ovsdb/client_private.h"
#include "ovsdb/json_util.h"

LOG_MODULE(ovsdb_idl_row);

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

void client_tables_init(struct ovsdb_client *c)
{
    c->tables = xcalloc(c->schema->n_tables, sizeof *c->tables);
    for (size_t i = 0; i < c->schema->n_tables; i++) {
        struct ovsdb_client_table *t = &c->tables[i];
        t->client = c;
        t->schema = c->schema->tables[i];
        hmap_init(&t->rows);
        list_init(&t->changed);
        t->modes = xzalloc(t->schema->n_columns);
        t->columns_on_server = bitmap_create(t->schema->n_columns);
    }
}

void client_row_free(struct ovsdb_row *row)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    for (size_t i = 0; i < t->n_columns; i++) {
        ovsdb_datum_unref(row->columns[i], &t->columns[i]->type);
    }
    free(row->changed);
    free(row);
}

static void free_list(struct list *list)
{
    while (!list_is_empty(list)) {
        struct ovsdb_row *row = OBJECT_OF(list_pop_front(list), row, change_node);
        client_row_free(row);
    }
}

void client_tables_fini(struct ovsdb_client *c)
{
    ovsdb_client_clear_changes(c);
    for (size_t i = 0; i < c->schema->n_tables; i++) {
        struct ovsdb_client_table *t = &c->tables[i];
        struct ovsdb_row *row;
        HMAP_FOR_EACH_SAFE (row, node, &t->rows) {
            client_row_free(row);
        }
        hmap_fini(&t->rows);
        free(t->modes);
        free(t->condition);
        free(t->columns_on_server);
    }
    free(c->tables);
}

/* What is monitored. */

void ovsdb_client_monitor_column(struct ovsdb_client *c, unsigned table, unsigned column,
                                 enum ovsdb_monitor_mode mode)
{
    c->tables[table].modes[column] = (uint8_t)mode;
    c->tables[table].monitored |= mode != OVSDB_MONITOR_NONE;
}

void ovsdb_client_monitor_table(struct ovsdb_client *c, unsigned table, enum ovsdb_monitor_mode mode)
{
    for (unsigned i = 0; i < c->tables[table].schema->n_columns; i++) {
        ovsdb_client_monitor_column(c, table, i, mode);
    }
}

void ovsdb_client_monitor_rows(struct ovsdb_client *c, unsigned table)
{
    c->tables[table].monitored = true;
}

void ovsdb_client_monitor_all(struct ovsdb_client *c)
{
    for (unsigned i = 0; i < c->schema->n_tables; i++) {
        ovsdb_client_monitor_table(c, i, OVSDB_MONITOR_ALERT);
    }
}

bool ovsdb_client_server_has_table(const struct ovsdb_client *c, unsigned table)
{
    return c->tables[table].on_server;
}

bool ovsdb_client_server_has_column(const struct ovsdb_client *c, unsigned table, unsigned column)
{
    return c->tables[table].on_server && bitmap_is_set(c->tables[table].columns_on_server, column);
}

/* Changes. */

static void note_change(struct ovsdb_row *row, enum ovsdb_row_change change)
{
    if (row->change == OVSDB_ROW_UNCHANGED) {
        list_push_back(&row->table->changed, &row->change_node);
        row->change = (uint8_t)change;
    } else if (change == OVSDB_ROW_DELETED) {
        bool was_new = row->change == OVSDB_ROW_INSERTED;
        row->change = (uint8_t)change;
        if (was_new) {
            list_remove(&row->change_node);
            list_push_back(&row->table->client->dead, &row->change_node);
        }
    }
}

void ovsdb_client_clear_changes(struct ovsdb_client *c)
{
    free_list(&c->dead);
    for (size_t i = 0; i < c->schema->n_tables; i++) {
        struct ovsdb_client_table *t = &c->tables[i];
        while (!list_is_empty(&t->changed)) {
            struct ovsdb_row *row = OBJECT_OF(list_pop_front(&t->changed), row, change_node);
            if (row->change == OVSDB_ROW_DELETED) {
                client_row_free(row);
            } else {
                row->change = OVSDB_ROW_UNCHANGED;
                free(row->changed);
                row->changed = NULL;
            }
        }
    }
}

enum ovsdb_row_change ovsdb_row_change(const struct ovsdb_row *row)
{
    return (enum ovsdb_row_change)row->change;
}

bool ovsdb_row_column_changed(const struct ovsdb_row *row, unsigned column)
{
    return row->change == OVSDB_ROW_MODIFIED ? row->changed && bitmap_is_set(row->changed, column)
                                             : row->change != OVSDB_ROW_UNCHANGED;
}

/* Applying updates. */

static struct ovsdb_row *row_create(struct ovsdb_client_table *t, const struct uuid *uuid)
{
    struct ovsdb_row *row = xzalloc(sizeof *row + t->schema->n_columns * sizeof(struct ovsdb_datum *));
    row->table = t;
    row->uuid = *uuid;
    row->columns = (struct ovsdb_datum **)(row + 1);
    for (size_t i = 0; i < t->schema->n_columns; i++) {
        row->columns[i] = ovsdb_datum_ref(t->schema->columns[i]->default_datum);
    }
    hmap_insert(&t->rows, &row->node, uuid_hash(uuid));
    return row;
}

/* Takes the reference of D. Returns whether the user is to hear of it. */
static bool set_column(struct ovsdb_row *row, const struct ovsdb_column *c, struct ovsdb_datum *d)
{
    if (ovsdb_datum_equal(row->columns[c->index], d, &c->type)) {
        ovsdb_datum_unref(d, &c->type);
        return false;
    }
    if (ovsdb_datum_is_default(d, &c->type)) {
        ovsdb_datum_unref(d, &c->type);
        d = ovsdb_datum_ref(c->default_datum);
    }
    ovsdb_datum_unref(row->columns[c->index], &c->type);
    row->columns[c->index] = d;
    if (row->table->modes[c->index] != OVSDB_MONITOR_ALERT) {
        return false;
    }
    if (row->change == OVSDB_ROW_UNCHANGED || row->change == OVSDB_ROW_MODIFIED) {
        note_change(row, OVSDB_ROW_MODIFIED);
        if (!row->changed) {
            row->changed = bitmap_create(row->table->schema->n_columns);
        }
        bitmap_set(row->changed, c->index);
    }
    return true;
}

enum apply_how {
    APPLY_COLUMNS, /* the columns given */
    APPLY_WHOLE,   /* columns that are not given have their defaults */
    APPLY_DIFF
};

static bool apply_columns(struct ovsdb_row *row, const struct json_object *json, enum apply_how how)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    unsigned long *seen = how == APPLY_WHOLE ? bitmap_create(t->n_columns) : NULL;
    bool alert = false;

    json_object_object_foreach((struct json_object *)(uintptr_t)json, name, value)
    {
        const struct ovsdb_column *c = ovsdb_table_column(t, name);
        struct ovsdb_datum *d;
        if (!c || ovsdb_column_is_pseudo(t, c)) {
            continue;
        }
        /* Parsed as a difference: the server's constraints may be wider than ours. */
        struct ovsdb_type loose = c->type;
        loose.key.allowed = NULL;
        if (loose.key.type == OVSDB_INTEGER) {
            loose.key.integer.min = INT64_MIN;
            loose.key.integer.max = INT64_MAX;
        }
        char *error = ovsdb_error_to_text_free(ovsdb_datum_diff_from_json(&d, &loose, value));
        if (error) {
            LOG_WARN_RL(&rl, "error parsing column %s in table %s: %s", name, t->name, error);
            free(error);
            continue;
        }
        if (how == APPLY_DIFF) {
            struct ovsdb_datum *diff = d;
            d = ovsdb_datum_apply_diff(row->columns[c->index], diff, &c->type);
            ovsdb_datum_unref(diff, &c->type);
        }
        if (seen) {
            bitmap_set(seen, c->index);
        }
        alert |= set_column(row, c, d);
    }
    for (size_t i = 0; seen && i < t->n_columns; i++) {
        if (row->table->modes[i] && !bitmap_is_set(seen, i)) {
            alert |= set_column(row, t->columns[i], ovsdb_datum_ref(t->columns[i]->default_datum));
        }
    }
    free(seen);
    return alert;
}

static struct ovsdb_row *find_row(const struct ovsdb_client_table *t, const struct uuid *uuid)
{
    struct ovsdb_row *row;
    HMAP_FOR_EACH_WITH_HASH (row, node, uuid_hash(uuid), &t->rows) {
        if (uuid_equal(&row->uuid, uuid)) {
            return row;
        }
    }
    return NULL;
}

static void delete_row(struct ovsdb_row *row)
{
    hmap_remove(&row->table->rows, &row->node);
    free(row->changed);
    row->changed = NULL;
    note_change(row, OVSDB_ROW_DELETED);
}

static bool put_row(struct ovsdb_client_table *t, struct ovsdb_row *row, const struct uuid *uuid,
                    const struct json_object *json)
{
    if (row) {
        return apply_columns(row, json, APPLY_WHOLE);
    }
    row = row_create(t, uuid);
    note_change(row, OVSDB_ROW_INSERTED);
    apply_columns(row, json, APPLY_WHOLE);
    return true;
}

static bool apply_row1(struct ovsdb_client_table *t, const struct uuid *uuid,
                       const struct json_object *update)
{
    struct ovsdb_row *row = find_row(t, uuid);
    const struct json_object *new = json_get(update, "new");
    if (json_is_object(new)) {
        return put_row(t, row, uuid, new);
    }
    if (row) {
        delete_row(row);
        return true;
    }
    return false;
}

static char *apply_row2(struct ovsdb_client_table *t, const struct uuid *uuid,
                        const struct json_object *update, bool *alert)
{
    struct ovsdb_row *row = find_row(t, uuid);
    char text[UUID_TEXT_LEN + 1];
    const struct json_object *json = json_get(update, "insert");
    json = json ? json : json_get(update, "initial");
    if (json_is_object(json)) {
        *alert |= put_row(t, row, uuid, json);
    } else if (json_has(update, "delete")) {
        if (row) {
            delete_row(row);
            *alert = true;
        }
    } else if (json_is_object(json_get(update, "modify"))) {
        if (!row) {
            return xasprintf("cannot modify missing row %s in table %s", uuid_format(uuid, text),
                             t->schema->name);
        }
        *alert |= apply_columns(row, json_get(update, "modify"), APPLY_DIFF);
    }
    return NULL;
}

static void delete_unmentioned(struct ovsdb_client_table *t, const struct json_object *rows, bool *alert)
{
    struct ovsdb_row *row;
    HMAP_FOR_EACH_SAFE (row, node, &t->rows) {
        char text[UUID_TEXT_LEN + 1];
        if (!rows || !json_has(rows, uuid_format(&row->uuid, text))) {
            delete_row(row);
            *alert = true;
        }
    }
}

static char *apply_table(struct ovsdb_client_table *t, const struct json_object *rows, int version,
                         bool *alert)
{
    json_object_object_foreach((struct json_object *)(uintptr_t)rows, name, update)
    {
        struct uuid uuid;
        if (!uuid_parse(&uuid, name) || !json_is_object(update)) {
            return xasprintf("bad row \"%s\" in an update of table %s", name, t->schema->name);
        }
        if (version == 1) {
            *alert |= apply_row1(t, &uuid, update);
        } else {
            char *error = apply_row2(t, &uuid, update, alert);
            if (error) {
                return error;
            }
        }
    }
    return NULL;
}

char *client_apply(struct ovsdb_client *c, const struct json_object *updates, int version, bool replace)
{
    bool alert = false;
    if (!json_is_object(updates)) {
        return xstrdup("<table-updates> is not an object");
    }
    for (size_t i = 0; replace && i < c->schema->n_tables; i++) {
        delete_unmentioned(&c->tables[i], json_get(updates, c->schema->tables[i]->name), &alert);
    }
    char *error = NULL;
    json_object_object_foreach((struct json_object *)(uintptr_t)updates, name, rows)
    {
        const struct ovsdb_table_schema *t = ovsdb_schema_table(c->schema, name);
        if (t && json_is_object(rows) && !error) {
            error = apply_table(&c->tables[t->index], rows, version, &alert);
        }
    }
    if (alert) {
        client_alert(c);
    }
    return error;
}

/* Reading. */

struct ovsdb_row *ovsdb_row_first(const struct ovsdb_client *c, unsigned table)
{
    struct hmap_node *node = hmap_first(&c->tables[table].rows);
    struct ovsdb_row *row;
    return node ? OBJECT_OF(node, row, node) : NULL;
}

struct ovsdb_row *ovsdb_row_next(const struct ovsdb_row *row)
{
    struct hmap_node *node = hmap_next(&row->table->rows, &row->node);
    struct ovsdb_row *next;
    return node ? OBJECT_OF(node, next, node) : NULL;
}

static struct ovsdb_row *changed_at(const struct ovsdb_client_table *t, struct list *node)
{
    struct ovsdb_row *row;
    return node == &t->changed ? NULL : OBJECT_OF(node, row, change_node);
}

struct ovsdb_row *ovsdb_row_first_changed(const struct ovsdb_client *c, unsigned table)
{
    return changed_at(&c->tables[table], c->tables[table].changed.next);
}

struct ovsdb_row *ovsdb_row_next_changed(const struct ovsdb_row *row)
{
    return changed_at(row->table, row->change_node.next);
}

size_t ovsdb_table_count(const struct ovsdb_client *c, unsigned table)
{
    return hmap_count(&c->tables[table].rows);
}

struct ovsdb_row *ovsdb_row_find(const struct ovsdb_client *c, unsigned table, const struct uuid *uuid)
{
    return find_row(&c->tables[table], uuid);
}

struct ovsdb_row *ovsdb_row_find_string(const struct ovsdb_client *c, unsigned table, unsigned column,
                                        const char *value)
{
    struct ovsdb_row *row;
    OVSDB_FOR_EACH(row, c, table)
    {
        const char *s = ovsdb_row_string(row, column, NULL);
        if (s && !strcmp(s, value)) {
            return row;
        }
    }
    return NULL;
}

unsigned ovsdb_row_table(const struct ovsdb_row *row)
{
    return row->table->schema->index;
}

struct ovsdb_client *ovsdb_row_client(const struct ovsdb_row *row)
{
    return row->table->client;
}

const struct ovsdb_column *ovsdb_row_column(const struct ovsdb_row *row, unsigned column)
{
    return row->table->schema->columns[column];
}

const struct ovsdb_datum *ovsdb_row_get(const struct ovsdb_row *row, unsigned column)
{
    return row->columns[column];
}

size_t ovsdb_row_n(const struct ovsdb_row *row, unsigned column)
{
    return row->columns[column]->n;
}

static const struct ovsdb_type *type_of(const struct ovsdb_row *row, unsigned column)
{
    return &row->table->schema->columns[column]->type;
}

const char *ovsdb_row_string(const struct ovsdb_row *row, unsigned column, const char *default_)
{
    return row->columns[column]->n ? ovsdb_row_string_at(row, column, 0) : default_;
}

int64_t ovsdb_row_integer(const struct ovsdb_row *row, unsigned column, int64_t default_)
{
    return row->columns[column]->n ? ovsdb_row_integer_at(row, column, 0) : default_;
}

bool ovsdb_row_boolean(const struct ovsdb_row *row, unsigned column, bool default_)
{
    const struct ovsdb_datum *d = row->columns[column];
    return d->n ? ovsdb_datum_key(d, type_of(row, column), 0).boolean : default_;
}

const char *ovsdb_row_string_at(const struct ovsdb_row *row, unsigned column, size_t i)
{
    return ovsdb_datum_key(row->columns[column], type_of(row, column), i).string->text;
}

int64_t ovsdb_row_integer_at(const struct ovsdb_row *row, unsigned column, size_t i)
{
    return ovsdb_datum_key(row->columns[column], type_of(row, column), i).integer;
}

struct ovsdb_row *ovsdb_row_ref(const struct ovsdb_row *row, unsigned column, size_t i)
{
    const struct ovsdb_datum *d = row->columns[column];
    const struct ovsdb_type *type = type_of(row, column);
    bool map = ovsdb_type_is_map(type);
    const struct ovsdb_base_type *base = map ? &type->value : &type->key;
    if (i >= d->n || base->type != OVSDB_UUID || !base->uuid.ref_table) {
        return NULL;
    }
    union ovsdb_atom a = map ? ovsdb_datum_value(d, type, i) : ovsdb_datum_key(d, type, i);
    return find_row(&row->table->client->tables[base->uuid.ref_table->index], &a.uuid);
}

const char *ovsdb_row_map_string(const struct ovsdb_row *row, unsigned column, const char *key,
                                 const char *default_)
{
    const struct ovsdb_datum *d = row->columns[column];
    const struct ovsdb_type *type = type_of(row, column);
    long at = ovsdb_datum_find_text(d, type, key);
    return at < 0 ? default_ : ovsdb_datum_value(d, type, (size_t)at).string->text;
}

int64_t ovsdb_row_map_integer(const struct ovsdb_row *row, unsigned column, const char *key, int64_t default_)
{
    const struct ovsdb_type *type = type_of(row, column);
    if (type->value.type == OVSDB_INTEGER) {
        long at = ovsdb_datum_find_text(row->columns[column], type, key);
        return at < 0 ? default_ : ovsdb_datum_value(row->columns[column], type, (size_t)at).integer;
    }
    const char *text = ovsdb_row_map_string(row, column, key, NULL);
    if (!text || !*text) {
        return default_;
    }
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 0);
    return *end || errno ? default_ : v;
}

bool ovsdb_row_map_boolean(const struct ovsdb_row *row, unsigned column, const char *key, bool default_)
{
    const char *text = ovsdb_row_map_string(row, column, key, default_ ? "true" : "false");
    return default_ ? strcasecmp(text, "false") != 0 : !strcasecmp(text, "true");
}
