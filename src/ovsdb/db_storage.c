/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/db_storage.h"

#include <errno.h>
#include <json-c/json.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "ovsdb/db_txn.h"
#include "ovsdb/json_util.h"

LOG_MODULE(ovsdb_file);

/* ovsdb-server(1), "ovsdb-server/compact". */
#define COMPACT_MIN_SIZE     (10 * 1024 * 1024)
#define COMPACT_MIN_COMMITS  100
#define COMPACT_MIN_INTERVAL (10 * 60 * 1000)        /* ms */
#define COMPACT_MAX_INTERVAL (24LL * 60 * 60 * 1000) /* ms */

struct db_storage {
    struct db *db;
    struct log_file *file;
    off_t snapshot_size; /* of the file after the last compaction, or of what it begins with */
    uint64_t n_commits;  /* in it since */
    int64_t last_compact_ms;
    struct db_compact *compact; /* under way */
};

/* Records out. */

static void begin_member(struct strbuf *s, bool *any)
{
    strbuf_puts(s, *any ? "," : "");
    *any = true;
}

static void put_uuid_name(struct strbuf *s, const struct uuid *uuid)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(uuid, text);
    strbuf_printf(s, "\"%s\":", text);
}

static void put_column(struct strbuf *s, const struct ovsdb_column *c, const struct ovsdb_datum *d, bool *any)
{
    begin_member(s, any);
    strbuf_printf(s, "\"%s\":", c->name);
    ovsdb_datum_put_json_exact(d, &c->type, s);
}

/* A whole row: what is not default and not ephemeral. */
void db_storage_put_row(struct strbuf *s, const struct db_row *row)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    bool any = false;
    put_uuid_name(s, &row->uuid);
    strbuf_put_char(s, '{');
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct ovsdb_column *c = t->columns[i];
        if (c->persistent && row->columns[i] != c->default_datum &&
            !ovsdb_datum_is_default(row->columns[i], &c->type)) {
            put_column(s, c, row->columns[i], &any);
        }
    }
    strbuf_put_char(s, '}');
}

/* What changed in a row, as differences; false (and nothing written) if only ephemeral columns did. */
static bool put_changes(struct strbuf *s, const struct db_txn_row *tr, bool is_diff)
{
    const struct ovsdb_table_schema *t = tr->table->schema;
    size_t start = s->len;
    bool any = false;
    put_uuid_name(s, &tr->uuid);
    strbuf_put_char(s, '{');
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct ovsdb_column *c = t->columns[i];
        if (c->persistent && bitmap_is_set(tr->changed, i) && !is_diff) {
            put_column(s, c, tr->new->columns[i], &any);
        } else if (c->persistent && bitmap_is_set(tr->changed, i)) {
            struct ovsdb_datum *diff = ovsdb_datum_diff(tr->old->columns[i], tr->new->columns[i], &c->type);
            put_column(s, c, diff, &any);
            ovsdb_datum_unref(diff, &c->type);
        }
    }
    strbuf_put_char(s, '}');
    if (!any) {
        strbuf_truncate(s, start);
    }
    return any;
}

/* Whether all changes can be written as differences. The reference (3.1.0), which is to read the file too,
 * takes one with more elements than its column may have for an error, and does not take the default out of a
 * column that may not be empty. */
static bool can_be_diff(const struct db_txn *txn)
{
    const struct db_txn_row *tr;
    LIST_FOR_EACH (tr, node, &txn->rows) {
        const struct ovsdb_table_schema *t = tr->table->schema;
        for (size_t i = 0; tr->old && tr->new &&i < t->n_columns; i++) {
            const struct ovsdb_column *c = t->columns[i];
            if (c->type.n_max <= 1 || !bitmap_is_set(tr->changed, i)) {
                continue;
            }
            if (c->type.n_min && ovsdb_datum_is_default(tr->old->columns[i], &c->type)) {
                return false;
            }
            struct ovsdb_datum *diff = ovsdb_datum_diff(tr->old->columns[i], tr->new->columns[i], &c->type);
            bool fits = diff->n <= c->type.n_max;
            ovsdb_datum_unref(diff, &c->type);
            if (!fits) {
                return false;
            }
        }
    }
    return true;
}

static bool put_table_changes(struct strbuf *s, struct db_txn *txn, const struct db_table *t, bool is_diff)
{
    struct db_txn_row *tr;
    bool any = false;
    size_t start = s->len;
    strbuf_printf(s, ",\"%s\":{", t->schema->name);
    LIST_FOR_EACH (tr, node, &txn->rows) {
        if (tr->table != t) {
            continue;
        }
        size_t before = s->len;
        strbuf_puts(s, any ? "," : "");
        if (!tr->new) {
            put_uuid_name(s, &tr->uuid);
            strbuf_puts(s, "null");
        } else if (!tr->old) {
            db_storage_put_row(s, tr->new);
        } else if (!put_changes(s, tr, is_diff)) {
            strbuf_truncate(s, before);
            continue;
        }
        any = true;
    }
    strbuf_put_char(s, '}');
    if (!any) {
        strbuf_truncate(s, start);
    }
    return any;
}

void db_storage_put_record_start(struct strbuf *s, const char *comment, bool is_diff)
{
    strbuf_puts(s, "{\"_date\":");
    json_put_integer(s, clock_wall_ms());
    strbuf_puts(s, is_diff ? ",\"_is_diff\":true" : "");
    if (comment && *comment) {
        strbuf_puts(s, ",\"_comment\":");
        json_format_string(s, comment, strlen(comment));
    }
}

struct ovsdb_error *db_storage_write(struct db_storage *storage, struct db_txn *txn)
{
    struct strbuf s = STRBUF_INITIALIZER, record = STRBUF_INITIALIZER;
    struct ovsdb_error *error = NULL;
    bool any = false;
    struct db_txn_row *tr;
    unsigned long *tables = bitmap_create(txn->db->schema->n_tables);

    if (storage->compact) {
        db_compact_note(storage->compact, txn);
    }
    LIST_FOR_EACH (tr, node, &txn->rows) {
        bitmap_set(tables, tr->table->schema->index);
    }
    bool is_diff = can_be_diff(txn);
    db_storage_put_record_start(&s, strbuf_text(&txn->comment), is_diff);
    for (size_t i = 0; i < txn->db->schema->n_tables; i++) {
        any |= bitmap_is_set(tables, i) && put_table_changes(&s, txn, txn->db->tables[i], is_diff);
    }
    free(tables);
    if (any) {
        strbuf_put_char(&s, '}');
        log_file_format(&record, s.text, s.len);
        error = log_file_write_raw(storage->file, record.text, record.len);
        storage->n_commits++;
        if (!error && storage->compact) {
            db_compact_add_record(storage->compact, record.text, record.len);
        }
    }
    strbuf_fini(&s);
    strbuf_fini(&record);
    return error;
}

struct ovsdb_error *db_storage_sync(struct db_storage *storage)
{
    return log_file_sync(storage->file);
}

bool db_storage_is_dirty(const struct db_storage *storage)
{
    return log_file_is_dirty(storage->file);
}

/* Records in. */

static struct ovsdb_error *row_from_record(struct db_row *row, const struct json_object *json, bool is_diff)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    json_object_object_foreach((struct json_object *)(uintptr_t)json, name, value)
    {
        const struct ovsdb_column *c = ovsdb_table_column(t, name);
        struct ovsdb_datum *d;
        if (!c) {
            return ovsdb_syntax_error(json, "unknown column", "No column %s in table %s.", name, t->name);
        }
        struct ovsdb_error *error = is_diff ? ovsdb_datum_diff_from_json(&d, &c->type, value)
                                            : ovsdb_datum_from_json(&d, &c->type, value, NULL);
        if (error) {
            return error;
        }
        if (is_diff && c->index < t->n_columns) {
            struct ovsdb_datum *diff = d;
            d = ovsdb_datum_apply_diff(row->columns[c->index], diff, &c->type);
            ovsdb_datum_unref(diff, &c->type);
        }
        db_row_set(row, c, d);
    }
    return NULL;
}

static struct ovsdb_error *apply_row(struct db_txn *txn, struct db_table *t, const char *name,
                                     const struct json_object *rows, bool is_diff)
{
    const struct json_object *json = json_get(rows, name);
    struct uuid uuid;
    if (!uuid_parse(&uuid, name)) {
        return ovsdb_syntax_error(rows, NULL, "\"%s\" is not a valid UUID", name);
    }
    struct db_row *row = db_table_row(t, &uuid);
    if (!json) {
        if (!row) {
            return ovsdb_error("syntax error", "transaction deletes row %s that does not exist", name);
        }
        db_txn_delete(txn, row);
        return NULL;
    }
    if (!json_is_object(json)) {
        return ovsdb_syntax_error(json, NULL, "row must be JSON object");
    }
    if (row) {
        return row_from_record(db_txn_modify(txn, row), json, is_diff);
    }
    row = db_row_create(t);
    row->uuid = uuid;
    struct ovsdb_error *error = row_from_record(row, json, false);
    if (error) {
        db_row_destroy(row);
        return error;
    }
    db_txn_insert(txn, row);
    return NULL;
}

/* A member of a record that is not about a table. */
static bool is_remark(const char *name, const struct json_object *value)
{
    int64_t date;
    return (!strcmp(name, "_date") && json_is_integer(value, &date)) || !strcmp(name, "_comment") ||
           (!strcmp(name, "_is_diff") && value && json_object_is_type(value, json_type_boolean));
}

/* Applies one record. *VIOLATES: it can be read, but the database would break its rules by it. */
static struct ovsdb_error *apply_record(struct db *db, const struct json_object *json, bool *violates)
{
    if (!json_is_object(json)) {
        return ovsdb_syntax_error(json, NULL, "object expected");
    }
    struct db_txn *txn = db_txn_create(db);
    struct ovsdb_error *error = NULL;
    bool is_diff = json_object_get_boolean(json_get(json, "_is_diff"));
    json_object_object_foreach((struct json_object *)(uintptr_t)json, name, rows)
    {
        if (error || is_remark(name, rows)) {
            continue;
        }
        struct db_table *t = db_table(db, name);
        if (!t) {
            error = ovsdb_syntax_error(json, "unknown table", "No table named %s.", name);
            break;
        }
        if (!json_is_object(rows)) {
            error = ovsdb_syntax_error(rows, NULL, "object expected");
            break;
        }
        json_object_object_foreach(rows, uuid, row)
        {
            (void)row;
            error = apply_row(txn, t, uuid, rows, is_diff);
            if (error) {
                break;
            }
        }
    }
    if (error) {
        db_txn_abort(txn);
        return error;
    }
    error = db_txn_replay(txn);
    *violates = error != NULL;
    return error;
}

/* Opening. */

/* *SNAPSHOT_SIZE: of the schema and the first record, which is the snapshot if the file was ever compacted;
 * *N_COMMITS: the records after it. */
static struct ovsdb_error *read_file(struct db **dbp, struct log_file *file, bool tolerate_tail,
                                     off_t *snapshot_size, uint64_t *n_commits)
{
    struct json_object *json;
    struct ovsdb_schema *schema = NULL;
    struct ovsdb_error *error = log_file_read(file, &json);
    if (error) {
        return error;
    }
    if (!json) {
        return ovsdb_io_error(EIO, "%s: database file contains no schema", log_file_name(file));
    }
    error = ovsdb_schema_from_json(&schema, json);
    json_object_put(json);
    if (error) {
        return error;
    }
    struct db *db = db_create(schema);
    uint64_t n = 0;
    bool violates = false;
    *snapshot_size = log_file_size(file);
    while (!(error = log_file_read(file, &json)) && json) {
        error = apply_record(db, json, &violates);
        json_object_put(json);
        if (error && !violates) {
            db_destroy(db);
            return error;
        }
        if (error) {
            log_file_unread(file); /* as the reference does */
            break;
        }
        if (!n++) {
            *snapshot_size = log_file_size(file);
        }
    }
    bool cannot_read = error && error->io && error->io != EOF; /* that is no tail: who knows what is there */
    if (cannot_read || (error && !tolerate_tail && !violates)) {
        db_destroy(db);
        return error;
    }
    if (error) {
        /* What follows the last whole record was never answered: a crash cut it off. */
        char *text = ovsdb_error_to_text_free(error);
        log_write(&log_this_module, tolerate_tail ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
                  "%s; the rest of the file is cut off", text);
        free(text);
    }
    *n_commits = n ? n - 1 : 0;
    *dbp = db;
    return NULL;
}

struct ovsdb_error *db_open(struct db **dbp, const char *name, enum log_file_mode mode, bool tolerate_tail)
{
    struct log_file *file;
    *dbp = NULL;
    struct ovsdb_error *error = log_file_open(&file, name, mode);
    if (error) {
        return error;
    }
    off_t snapshot_size = 0;
    uint64_t n_commits = 0;
    error = read_file(dbp, file, tolerate_tail, &snapshot_size, &n_commits);
    if (error || mode == LOG_FILE_READ) {
        log_file_close(file);
        return error;
    }
    struct db_storage *storage = xzalloc(sizeof *storage);
    storage->db = *dbp;
    storage->file = file;
    storage->snapshot_size = snapshot_size;
    storage->n_commits = n_commits;
    storage->last_compact_ms = clock_ms();
    (*dbp)->storage = storage;
    return NULL;
}

void db_storage_close(struct db_storage *storage)
{
    if (storage) {
        db_compact_destroy(storage->compact);
        ovsdb_error_destroy(log_file_sync(storage->file));
        log_file_close(storage->file);
        free(storage);
    }
}

const char *db_storage_file(const struct db_storage *storage)
{
    return log_file_name(storage->file);
}

/* Compaction. */

bool db_storage_should_compact(const struct db_storage *storage, int64_t now_ms)
{
    off_t size = log_file_size(storage->file);
    int64_t elapsed = now_ms - storage->last_compact_ms;
    if (storage->compact || storage->n_commits < COMPACT_MIN_COMMITS || elapsed < COMPACT_MIN_INTERVAL) {
        return false;
    }
    return elapsed >= COMPACT_MAX_INTERVAL || (size >= COMPACT_MIN_SIZE && size > 2 * storage->snapshot_size);
}

bool db_storage_is_compacting(const struct db_storage *storage)
{
    return storage->compact != NULL;
}

void db_storage_compact_start(struct db_storage *storage, void (*wake)(void *aux), void *aux)
{
    if (!storage->compact) {
        storage->compact = db_compact_create(storage->db, log_file_name(storage->file), wake, aux);
        storage->last_compact_ms = clock_ms();
        storage->n_commits = 0;
    }
}

static struct ovsdb_error *take_file(struct db_storage *storage, struct log_file *file)
{
    off_t before = log_file_size(storage->file);
    struct ovsdb_error *error = log_file_replace(storage->file, file);
    if (error) {
        unlink(log_file_name(file));
        log_file_close(file);
        return error;
    }
    storage->file = file;
    storage->snapshot_size = log_file_size(file);
    LOG_INFO("%s: compacted from %lld to %lld bytes", log_file_name(file), (long long)before,
             (long long)storage->snapshot_size);
    return NULL;
}

enum db_compact_state db_storage_compact_step(struct db_storage *storage, int64_t budget_us,
                                              struct ovsdb_error **error)
{
    struct log_file *file;
    *error = NULL;
    if (!storage->compact) {
        return DB_COMPACT_OVER;
    }
    enum db_compact_state state = db_compact_step(storage->compact, budget_us, &file, error);
    if (state == DB_COMPACT_OVER) {
        if (!*error) {
            *error = take_file(storage, file);
        }
        db_compact_destroy(storage->compact);
        storage->compact = NULL;
        malloc_trim(0);
    }
    return state;
}

static void wake_nobody(void *aux)
{
}

struct ovsdb_error *db_storage_compact(struct db_storage *storage)
{
    struct ovsdb_error *error = NULL;
    enum db_compact_state state;
    db_storage_compact_start(storage, wake_nobody, NULL);
    while ((state = db_storage_compact_step(storage, INT64_MAX / 2, &error)) != DB_COMPACT_OVER) {
        if (state == DB_COMPACT_WAIT) {
            db_compact_wait(storage->compact);
        }
    }
    return error;
}

/* Whole files. */

struct ovsdb_error *db_write_file(const struct db *db, struct log_file *file, const char *comment)
{
    struct strbuf s = STRBUF_INITIALIZER;
    bool any = false;
    ovsdb_schema_put_json(db->schema, &s);
    struct ovsdb_error *error = log_file_write(file, s.text, s.len);
    strbuf_clear(&s);
    db_storage_put_record_start(&s, comment, true);
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        const struct db_table *t = db->tables[i];
        struct db_row *row;
        if (!db_table_count(t)) {
            continue;
        }
        strbuf_printf(&s, ",\"%s\":{", t->schema->name);
        bool any_row = false;
        HMAP_FOR_EACH (row, node, &t->rows) {
            begin_member(&s, &any_row);
            db_storage_put_row(&s, row);
        }
        strbuf_put_char(&s, '}');
        any = true;
    }
    strbuf_put_char(&s, '}');
    if (!error && any) {
        error = log_file_write(file, s.text, s.len);
    }
    strbuf_fini(&s);
    return error ? error : log_file_sync(file);
}

struct ovsdb_error *db_storage_rewrite_as(struct db_storage *storage, const struct db *db,
                                          const char *comment)
{
    struct log_file *file;
    db_compact_destroy(storage->compact);
    storage->compact = NULL;
    char *name = xasprintf("%s.tmp", log_file_name(storage->file));
    struct ovsdb_error *error = log_file_open(&file, name, LOG_FILE_REPLACE);
    free(name);
    if (error) {
        return error;
    }
    error = db_write_file(db, file, comment);
    error = error ? error : log_file_replace(storage->file, file);
    if (error) {
        unlink(log_file_name(file));
        log_file_close(file);
        return error;
    }
    storage->file = file;
    storage->snapshot_size = log_file_size(file);
    return NULL;
}
