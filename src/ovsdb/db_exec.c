/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/db_exec.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/condition.h"
#include "ovsdb/db_txn.h"
#include "ovsdb/json_util.h"
#include "ovsdb/mutation.h"

/* One operation being executed. Members of the request are fetched by name and type; what was not fetched is
 * not allowed. Of all mistakes the first is told, and it outranks what the operation itself ran into. */
struct operation {
    struct db *db;
    struct db_txn *txn;
    const struct db_exec_context *context;
    struct ovsdb_symtab *symtab;
    const struct json_object *json;
    size_t number, count; /* "operation 1 of 3" */
    const char *fetched[12];
    size_t n_fetched;
    struct ovsdb_error *parse_error;
    struct strbuf *result;
    int64_t elapsed_ms, *timeout_ms;
    bool must_wait;
};

enum member_type {
    MEMBER_ARRAY = 1,
    MEMBER_OBJECT = 2,
    MEMBER_STRING = 4,
    MEMBER_ID = 8, /* a string that is an <id> */
    MEMBER_INTEGER = 16,
    MEMBER_BOOLEAN = 32,
    MEMBER_OPTIONAL = 64
};

static void PRINTF_FORMAT(2, 3) parse_error(struct operation *op, const char *format, ...)
{
    if (!op->parse_error) {
        va_list args;
        va_start(args, format);
        char *details = xvasprintf(format, args);
        va_end(args);
        bool is_object = json_is_object(op->json);
        op->parse_error = ovsdb_syntax_error(is_object ? op->json : NULL, NULL,
                                             "Parsing ovsdb operation %zu of %zu failed: %s", op->number,
                                             op->count, details);
        free(details);
    }
}

static const struct json_object *member(struct operation *op, const char *name, int types)
{
    const char *text;
    int64_t integer;
    const struct json_object *m = json_get(op->json, name);

    op->fetched[op->n_fetched++] = name;
    if (!json_has(op->json, name)) {
        if (!(types & MEMBER_OPTIONAL)) {
            parse_error(op, "Required '%s' member is missing.", name);
        }
        return NULL;
    }
    if ((types & MEMBER_ARRAY && json_is_array(m)) || (types & MEMBER_OBJECT && json_is_object(m)) ||
        (types & MEMBER_STRING && json_is_string(m, &text)) ||
        (types & MEMBER_ID && json_is_string(m, &text) && ovsdb_is_id(text)) ||
        (types & MEMBER_INTEGER && json_is_integer(m, &integer)) ||
        (types & MEMBER_BOOLEAN && m && json_object_is_type(m, json_type_boolean))) {
        return m;
    }
    parse_error(op, "Type mismatch for member '%s'.", name);
    return NULL;
}

static const char *text_of(const struct json_object *json)
{
    const char *text = "";
    json_is_string(json, &text);
    return text;
}

static struct db_table *member_table(struct operation *op)
{
    const struct json_object *json = member(op, "table", MEMBER_ID);
    if (!json) {
        return NULL;
    }
    struct db_table *t = db_table(op->db, text_of(json));
    if (!t) {
        parse_error(op, "No table named %s.", text_of(json));
    }
    return t;
}

static void put_count(struct operation *op, int64_t n)
{
    strbuf_puts(op->result, "{\"count\":");
    json_put_integer(op->result, n);
    strbuf_put_char(op->result, '}');
}

static struct ovsdb_error *check_writable(struct operation *op)
{
    return op->context->read_only
               ? ovsdb_error("not allowed",
                             "%s operation not allowed when database server is in read only mode",
                             text_of(json_get(op->json, "op")))
               : NULL;
}

/* insert */

static struct ovsdb_error *check_new_row(const struct db_row *row)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    struct ovsdb_error *error = NULL;
    for (size_t i = 0; !error && i < t->n_columns; i++) {
        /* The default of a type may break the type's constraints; what was parsed was checked then. */
        if (row->columns[i] == t->columns[i]->default_datum) {
            error = ovsdb_datum_check(row->columns[i], &t->columns[i]->type);
        }
    }
    return error;
}

static struct ovsdb_error *choose_uuid(struct operation *op, struct db_table *t,
                                       const struct json_object *uuid_json,
                                       const struct json_object *name_json, struct uuid *uuid)
{
    if (uuid_json) {
        if (!uuid_parse(uuid, text_of(uuid_json))) {
            return ovsdb_syntax_error(uuid_json, NULL, "bad uuid");
        }
        if (db_txn_uuid_is_taken(op->txn, t, uuid)) {
            return ovsdb_syntax_error(
                uuid_json, "duplicate uuid",
                "This UUID would duplicate a UUID already present within the table or deleted "
                "within the same transaction.");
        }
    }
    if (name_json) {
        struct ovsdb_symbol *symbol = ovsdb_symtab_get(op->symtab, text_of(name_json));
        if (symbol->created) {
            return ovsdb_syntax_error(name_json, "duplicate uuid-name",
                                      "This \"uuid-name\" appeared on an earlier \"insert\" operation.");
        }
        if (uuid_json) {
            symbol->uuid = *uuid;
        } else {
            *uuid = symbol->uuid;
        }
        symbol->created = true;
    } else if (!uuid_json) {
        uuid_generate(uuid);
    }
    return NULL;
}

static struct ovsdb_error *execute_insert(struct operation *op)
{
    struct db_table *t = member_table(op);
    const struct json_object *uuid_json = member(op, "uuid", MEMBER_STRING | MEMBER_OPTIONAL);
    const struct json_object *name_json = member(op, "uuid-name", MEMBER_ID | MEMBER_OPTIONAL);
    const struct json_object *row_json = member(op, "row", MEMBER_OBJECT);
    struct uuid uuid;
    if (op->parse_error) {
        return NULL;
    }
    struct ovsdb_error *error = check_writable(op);
    error = error ? error : choose_uuid(op, t, uuid_json, name_json, &uuid);
    if (error) {
        return error;
    }
    struct db_row *row = db_row_create(t);
    row->uuid = uuid;
    error = db_row_from_json(row, row_json, op->symtab, NULL);
    error = error ? error : check_new_row(row);
    if (error) {
        db_row_destroy(row);
        return error;
    }
    db_txn_insert(op->txn, row);
    strbuf_puts(op->result, "{\"uuid\":");
    ovsdb_atom_put_json((union ovsdb_atom){.uuid = uuid}, OVSDB_UUID, op->result);
    strbuf_put_char(op->result, '}');
    return NULL;
}

/* select */

struct select_state {
    struct strbuf *result;
    const struct ovsdb_column_set *columns;
    struct hmap *seen; /* struct seen_row: what was already returned, if rows must be told apart */
    bool any;
};

struct seen_row {
    struct hmap_node node;
    char *text;
};

static bool seen_before(struct hmap *seen, const char *text, size_t len)
{
    struct seen_row *s;
    uint32_t hash = hash_bytes(text, len, 0);
    HMAP_FOR_EACH_WITH_HASH (s, node, hash, seen) {
        if (!strcmp(s->text, text)) {
            return true;
        }
    }
    s = xmalloc(sizeof *s);
    s->text = xmemdup0(text, len);
    hmap_insert(seen, &s->node, hash);
    return false;
}

static void seen_fini(struct hmap *seen)
{
    struct seen_row *s;
    HMAP_FOR_EACH_SAFE (s, node, seen) {
        free(s->text);
        free(s);
    }
    hmap_fini(seen);
}

/* The result is a set of rows: rows that look the same in the columns asked for count once. */
static bool select_row(struct db_row *row, void *state_)
{
    struct select_state *state = state_;
    size_t start = state->result->len;
    strbuf_puts(state->result, state->any ? "," : "");
    size_t row_start = state->result->len;
    db_row_put_json(row, state->columns, state->result);
    if (state->seen &&
        seen_before(state->seen, state->result->text + row_start, state->result->len - row_start)) {
        strbuf_truncate(state->result, start);
        return true;
    }
    state->any = true;
    return true;
}

static struct ovsdb_error *execute_select(struct operation *op)
{
    struct db_table *t = member_table(op);
    const struct json_object *where = member(op, "where", MEMBER_ARRAY);
    const struct json_object *columns_json = member(op, "columns", MEMBER_ARRAY | MEMBER_OPTIONAL);
    struct ovsdb_condition cond = OVSDB_CONDITION_INITIALIZER;
    struct ovsdb_column_set columns = {0};
    if (op->parse_error) {
        return NULL;
    }
    struct ovsdb_error *error = ovsdb_condition_from_json(&cond, t->schema, where, op->symtab);
    error = error ? error : ovsdb_column_set_from_json(&columns, columns_json, t->schema);
    if (!error) {
        struct hmap seen;
        hmap_init(&seen);
        bool distinct = ovsdb_column_set_contains(&columns, t->schema->uuid_column);
        struct select_state state = {op->result, &columns, distinct ? NULL : &seen, false};
        strbuf_puts(op->result, "{\"rows\":[");
        ovsdb_condition_for_each(&cond, t, select_row, &state);
        strbuf_puts(op->result, "]}");
        seen_fini(&seen);
    }
    ovsdb_condition_fini(&cond);
    ovsdb_column_set_fini(&columns);
    return error;
}

/* update */

struct update_state {
    struct db_txn *txn;
    const struct db_row *source;
    const struct ovsdb_column_set *columns;
    int64_t n;
};

static bool update_row(struct db_row *row, void *state_)
{
    struct update_state *state = state_;
    state->n++;
    for (size_t i = 0; i < state->columns->n; i++) {
        const struct ovsdb_column *c = state->columns->columns[i];
        if (row->columns[c->index] != state->source->columns[c->index] &&
            !ovsdb_datum_equal(row->columns[c->index], state->source->columns[c->index], &c->type)) {
            row = db_txn_modify(state->txn, row);
            db_row_set(row, c, ovsdb_datum_ref(state->source->columns[c->index]));
        }
    }
    return true;
}

static struct ovsdb_error *execute_update(struct operation *op)
{
    struct db_table *t = member_table(op);
    const struct json_object *where = member(op, "where", MEMBER_ARRAY);
    const struct json_object *row_json = member(op, "row", MEMBER_OBJECT);
    struct ovsdb_condition cond = OVSDB_CONDITION_INITIALIZER;
    struct ovsdb_column_set columns = {0};
    if (op->parse_error) {
        return NULL;
    }
    struct ovsdb_error *error = check_writable(op);
    if (error) {
        return error;
    }
    struct db_row *source = db_row_create(t);
    error = db_row_from_json(source, row_json, op->symtab, &columns);
    for (size_t i = 0; !error && i < columns.n; i++) {
        if (!columns.columns[i]->is_mutable) {
            error = ovsdb_syntax_error(op->json, "constraint violation",
                                       "Cannot update immutable column %s in table %s.",
                                       columns.columns[i]->name, t->schema->name);
        }
    }
    error = error ? error : ovsdb_condition_from_json(&cond, t->schema, where, op->symtab);
    if (!error) {
        struct update_state state = {op->txn, source, &columns, 0};
        ovsdb_condition_for_each(&cond, t, update_row, &state);
        put_count(op, state.n);
    }
    db_row_destroy(source);
    ovsdb_column_set_fini(&columns);
    ovsdb_condition_fini(&cond);
    return error;
}

/* mutate */

struct mutate_state {
    struct db_txn *txn;
    const struct ovsdb_mutations *mutations;
    struct ovsdb_error *error;
    int64_t n;
};

static bool mutate_row(struct db_row *row, void *state_)
{
    struct mutate_state *state = state_;
    state->n++;
    state->error = ovsdb_mutations_execute(state->mutations, db_txn_modify(state->txn, row));
    return !state->error;
}

static struct ovsdb_error *execute_mutate(struct operation *op)
{
    struct db_table *t = member_table(op);
    const struct json_object *where = member(op, "where", MEMBER_ARRAY);
    const struct json_object *mutations_json = member(op, "mutations", MEMBER_ARRAY);
    struct ovsdb_condition cond = OVSDB_CONDITION_INITIALIZER;
    struct ovsdb_mutations mutations = {NULL, 0};
    if (op->parse_error) {
        return NULL;
    }
    struct ovsdb_error *error = check_writable(op);
    error = error ? error : ovsdb_mutations_from_json(&mutations, t->schema, mutations_json, op->symtab);
    error = error ? error : ovsdb_condition_from_json(&cond, t->schema, where, op->symtab);
    if (!error) {
        struct mutate_state state = {op->txn, &mutations, NULL, 0};
        ovsdb_condition_for_each(&cond, t, mutate_row, &state);
        error = state.error;
        if (!error) {
            put_count(op, state.n);
        }
    }
    ovsdb_mutations_fini(&mutations);
    ovsdb_condition_fini(&cond);
    return error;
}

/* delete */

struct delete_state {
    struct db_txn *txn;
    int64_t n;
};

static bool delete_row(struct db_row *row, void *state_)
{
    struct delete_state *state = state_;
    state->n++;
    db_txn_delete(state->txn, row);
    return true;
}

static struct ovsdb_error *execute_delete(struct operation *op)
{
    struct db_table *t = member_table(op);
    const struct json_object *where = member(op, "where", MEMBER_ARRAY);
    struct ovsdb_condition cond = OVSDB_CONDITION_INITIALIZER;
    if (op->parse_error) {
        return NULL;
    }
    struct ovsdb_error *error = check_writable(op);
    error = error ? error : ovsdb_condition_from_json(&cond, t->schema, where, op->symtab);
    if (!error) {
        struct delete_state state = {op->txn, 0};
        ovsdb_condition_for_each(&cond, t, delete_row, &state);
        put_count(op, state.n);
    }
    ovsdb_condition_fini(&cond);
    return error;
}

/* wait */

struct wait_state {
    const struct ovsdb_column_set *columns;
    struct hmap *expected; /* struct seen_row, of the rows given */
    struct hmap *found;
    size_t n_expected;
    bool stranger; /* a row that was not expected */
};

static char *row_text(const struct db_row *row, const struct ovsdb_column_set *columns)
{
    struct strbuf s = STRBUF_INITIALIZER;
    db_row_put_json(row, columns, &s);
    return strbuf_steal(&s);
}

static bool contains_text(const struct hmap *map, const char *text)
{
    struct seen_row *s;
    HMAP_FOR_EACH_WITH_HASH (s, node, hash_bytes(text, strlen(text), 0), map) {
        if (!strcmp(s->text, text)) {
            return true;
        }
    }
    return false;
}

static bool wait_row(struct db_row *row, void *state_)
{
    struct wait_state *state = state_;
    char *text = row_text(row, state->columns);
    state->stranger = !contains_text(state->expected, text);
    seen_before(state->found, text, strlen(text));
    free(text);
    return !state->stranger;
}

/* Whether the rows for which COND holds are, as a set and in these columns, those of ROWS. */
static struct ovsdb_error *compare_rows(struct operation *op, struct db_table *t,
                                        const struct ovsdb_condition *cond,
                                        const struct ovsdb_column_set *columns,
                                        const struct json_object *rows, bool *equal)
{
    struct hmap expected, found;
    struct ovsdb_error *error = NULL;
    hmap_init(&expected);
    hmap_init(&found);
    for (size_t i = 0; !error && i < json_length(rows); i++) {
        struct db_row *row = db_row_create(t);
        error = db_row_from_json(row, json_element(rows, i), op->symtab, NULL);
        if (!error) {
            char *text = row_text(row, columns);
            seen_before(&expected, text, strlen(text));
            free(text);
        }
        db_row_destroy(row);
    }
    if (!error) {
        struct wait_state state = {columns, &expected, &found, hmap_count(&expected), false};
        ovsdb_condition_for_each(cond, t, wait_row, &state);
        *equal = !state.stranger && hmap_count(&found) == hmap_count(&expected);
    }
    seen_fini(&expected);
    seen_fini(&found);
    return error;
}

static struct ovsdb_error *execute_wait(struct operation *op)
{
    const struct json_object *timeout_json = member(op, "timeout", MEMBER_INTEGER | MEMBER_OPTIONAL);
    const struct json_object *where = member(op, "where", MEMBER_ARRAY);
    const struct json_object *columns_json = member(op, "columns", MEMBER_ARRAY | MEMBER_OPTIONAL);
    const struct json_object *until = member(op, "until", MEMBER_STRING);
    const struct json_object *rows = member(op, "rows", MEMBER_ARRAY);
    struct db_table *t = member_table(op);
    struct ovsdb_condition cond = OVSDB_CONDITION_INITIALIZER;
    struct ovsdb_column_set columns = {0};
    int64_t timeout = INT64_MAX;
    bool want_equal = false, equal = false;
    if (op->parse_error) {
        return NULL;
    }
    struct ovsdb_error *error = ovsdb_condition_from_json(&cond, t->schema, where, op->symtab);
    error = error ? error : ovsdb_column_set_from_json(&columns, columns_json, t->schema);
    if (!error && timeout_json) {
        json_is_integer(timeout_json, &timeout);
        if (timeout < 0) {
            error = ovsdb_syntax_error(timeout_json, NULL, "timeout must be nonnegative");
        }
    }
    if (!error) {
        want_equal = !strcmp(text_of(until), "==");
        if (!want_equal && strcmp(text_of(until), "!=")) {
            error = ovsdb_syntax_error(until, NULL, "\"until\" must be \"==\" or \"!=\"");
        }
    }
    error = error ? error : compare_rows(op, t, &cond, &columns, rows, &equal);
    if (!error) {
        if (equal == want_equal) {
            strbuf_puts(op->result, "{}");
        } else if (!timeout) {
            error = ovsdb_error("timed out", "\"where\" clause test failed");
        } else if (op->context->cannot_wait) {
            error = ovsdb_error("not supported", "triggers not supported");
        } else if (op->elapsed_ms >= timeout) {
            error = ovsdb_error("timed out", "\"wait\" timed out after %lld ms", (long long)op->elapsed_ms);
        } else {
            *op->timeout_ms = timeout;
            op->must_wait = true;
        }
    }
    ovsdb_condition_fini(&cond);
    ovsdb_column_set_fini(&columns);
    return error;
}

/* The small ones. */

static struct ovsdb_error *execute_commit(struct operation *op)
{
    member(op, "durable", MEMBER_BOOLEAN); /* every commit is */
    strbuf_puts(op->result, "{}");
    return NULL;
}

static struct ovsdb_error *execute_abort(struct operation *op)
{
    return ovsdb_error("aborted", "aborted by request");
}

static struct ovsdb_error *execute_comment(struct operation *op)
{
    const struct json_object *comment = member(op, "comment", MEMBER_STRING);
    if (comment) {
        db_txn_add_comment(op->txn, text_of(comment));
    }
    strbuf_puts(op->result, "{}");
    return NULL;
}

static struct ovsdb_error *execute_assert(struct operation *op)
{
    const struct json_object *lock = member(op, "lock", MEMBER_ID);
    if (lock && !(op->context->holds_lock && op->context->holds_lock(op->context, text_of(lock)))) {
        return ovsdb_error("not owner", "Asserted lock %s not held.", text_of(lock));
    }
    strbuf_puts(op->result, "{}");
    return NULL;
}

static const struct {
    const char *name;
    struct ovsdb_error *(*execute)(struct operation *);
} operations[] = {
    {"insert", execute_insert}, {"select", execute_select}, {"update", execute_update},
    {"mutate", execute_mutate}, {"delete", execute_delete}, {"wait", execute_wait},
    {"commit", execute_commit}, {"abort", execute_abort},   {"comment", execute_comment},
    {"assert", execute_assert},
};

static struct ovsdb_error *execute_operation(struct operation *op)
{
    struct ovsdb_error *error = NULL;
    size_t start = op->result->len;

    if (!json_is_object(op->json)) {
        parse_error(op, "Object expected.");
    } else {
        const struct json_object *name = member(op, "op", MEMBER_ID);
        size_t i;
        for (i = 0; name && i < ARRAY_SIZE(operations) && strcmp(text_of(name), operations[i].name); i++) {
        }
        if (name && i < ARRAY_SIZE(operations)) {
            error = operations[i].execute(op);
        } else if (name) {
            parse_error(op, "No operation \"%s\"", text_of(name));
        }
        json_object_object_foreach((struct json_object *)(uintptr_t)op->json, key, value)
        {
            (void)value;
            size_t j;
            for (j = 0; j < op->n_fetched && strcmp(key, op->fetched[j]); j++) {
            }
            if (j >= op->n_fetched) {
                parse_error(op, "Member '%s' is present but not allowed here.", key);
            }
        }
    }
    if (op->parse_error) {
        ovsdb_error_destroy(error);
        error = op->parse_error;
        op->must_wait = false;
    }
    if (error) {
        strbuf_truncate(op->result, start);
    }
    return error;
}

bool db_execute(struct db *db, const struct db_exec_context *context, const struct json_object *params,
                int64_t elapsed_ms, int64_t *timeout_ms, struct strbuf *result, bool *changed)
{
    size_t n = json_length(params) - 1, start = result->len;
    struct db_txn *txn = db_txn_create(db);
    struct ovsdb_symtab *symtab = ovsdb_symtab_create();
    struct ovsdb_error *error = NULL;
    bool must_wait = false;
    size_t i;

    *changed = false;
    *timeout_ms = INT64_MAX;
    strbuf_put_char(result, '[');
    for (i = 0; i < n && !error && !must_wait; i++) {
        struct operation op = {.db = db,
                               .txn = txn,
                               .context = context,
                               .symtab = symtab,
                               .json = json_element(params, i + 1),
                               .number = i + 1,
                               .count = n,
                               .result = result,
                               .elapsed_ms = elapsed_ms,
                               .timeout_ms = timeout_ms};
        strbuf_puts(result, i ? "," : "");
        error = execute_operation(&op);
        must_wait = op.must_wait;
        if (error) {
            ovsdb_error_put_json(error, result);
        }
    }
    if (error) {
        for (; i < n; i++) {
            strbuf_puts(result, ",null");
        }
        db_txn_abort(txn);
    } else if (must_wait) {
        db_txn_abort(txn);
        strbuf_truncate(result, start);
    } else {
        uint64_t before = db->n_commits;
        error = db_txn_commit(txn);
        *changed = db->n_commits != before;
        if (error) {
            strbuf_puts(result, n ? "," : "");
            ovsdb_error_put_json(error, result);
        }
    }
    ovsdb_error_destroy(error);
    ovsdb_symtab_destroy(symtab);
    if (!must_wait) {
        strbuf_put_char(result, ']');
    }
    return !must_wait;
}
