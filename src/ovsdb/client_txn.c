/* SPDX-License-Identifier: Apache-2.0 */
/* The client's transactions: what is to be done to each row is noted, and at commit written as the operations
 * of one "transact" request. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "ovsdb/client_private.h"
#include "ovsdb/json_util.h"

LOG_MODULE(ovsdb_idl);

enum step_kind {
    STEP_SET,
    STEP_ADD,
    STEP_REMOVE,
    STEP_VERIFY,
    STEP_VIEW, /* what ADD and REMOVE make of the column as the copy has it; not sent */
};

/* One thing to do to one column of one row. */
struct step {
    enum step_kind kind;
    const struct ovsdb_column *column;
    struct ovsdb_datum *datum; /* of STEP_REMOVE from a map: a map, or with `keys_only` the set of its keys */
    bool keys_only;
};

struct txn_row {
    struct hmap_node node; /* in the transaction, by the row's address */
    struct list order;     /* in the transaction, as they were first touched */
    struct ovsdb_row *row; /* the transaction's own if `is_new` */
    struct uuid uuid;
    bool is_new, is_deleted;
    struct step *steps;
    size_t n_steps, allocated_steps;
    size_t insert_index; /* of the insert among the request's operations */
};

struct ovsdb_txn {
    struct list node;            /* in the client's `txns`, while incomplete */
    struct ovsdb_client *client; /* NULL once the client is gone */
    enum ovsdb_txn_status status;
    struct hmap rows;
    struct list order;
    struct strbuf comment;
    bool dry_run, force_increment;
    struct ovsdb_row *increment_row;
    unsigned increment_column;
    int64_t incremented;
    size_t increment_index; /* of the select that reads the result */
    char *error;
    ovsdb_txn_cb *cb;
    void *aux;
    bool committed;
    int64_t request_id;
    struct task done; /* tells the user from the loop */
};

const char *ovsdb_txn_status_name(enum ovsdb_txn_status status)
{
    static const char *const names[] = {
        [OVSDB_TXN_UNCOMMITTED] = "uncommitted", [OVSDB_TXN_UNCHANGED] = "unchanged",
        [OVSDB_TXN_INCOMPLETE] = "incomplete",   [OVSDB_TXN_ABORTED] = "aborted",
        [OVSDB_TXN_SUCCESS] = "success",         [OVSDB_TXN_TRY_AGAIN] = "try again",
        [OVSDB_TXN_NOT_LOCKED] = "not locked",   [OVSDB_TXN_ERROR] = "error",
    };
    return names[status];
}

static void run_done(struct task *task)
{
    struct ovsdb_txn *txn = OBJECT_OF(task, txn, done);
    if (txn->cb) {
        txn->cb(txn, txn->status, txn->aux);
    } else {
        ovsdb_txn_destroy(txn);
    }
}

struct ovsdb_txn *ovsdb_txn_create(struct ovsdb_client *c)
{
    struct ovsdb_txn *txn = xzalloc(sizeof *txn);
    txn->client = c;
    txn->request_id = -1;
    hmap_init(&txn->rows);
    list_init(&txn->order);
    list_push_back(&c->txns, &txn->node);
    task_init(&txn->done, "ovsdb transaction", run_done);
    return txn;
}

static void clear_steps(struct txn_row *tr)
{
    for (size_t i = 0; i < tr->n_steps; i++) {
        struct step *s = &tr->steps[i];
        if (s->datum) {
            struct ovsdb_type type = s->column->type;
            if (s->keys_only) {
                memset(&type.value, 0, sizeof type.value);
            }
            ovsdb_datum_unref(s->datum, &type);
        }
    }
    tr->n_steps = 0;
}

void ovsdb_txn_destroy(struct ovsdb_txn *txn)
{
    if (!txn) {
        return;
    }
    if (txn->client) {
        struct client_request *r;
        LIST_FOR_EACH (r, node, &txn->client->requests) {
            if (r->aux == txn) {
                r->done = NULL; /* the reply will find nobody */
                r->aux = NULL;
            }
        }
    }
    list_remove(&txn->node);
    task_cancel(&txn->done);
    while (!list_is_empty(&txn->order)) {
        struct txn_row *tr = OBJECT_OF(list_pop_front(&txn->order), tr, order);
        clear_steps(tr);
        free(tr->steps);
        if (tr->is_new) {
            client_row_free(tr->row);
        }
        free(tr);
    }
    hmap_fini(&txn->rows);
    strbuf_fini(&txn->comment);
    free(txn->error);
    free(txn);
}

void ovsdb_txn_comment(struct ovsdb_txn *txn, const char *format, ...)
{
    va_list args;
    strbuf_puts(&txn->comment, txn->comment.len ? "\n" : "");
    va_start(args, format);
    strbuf_vprintf(&txn->comment, format, args);
    va_end(args);
}

void ovsdb_txn_set_dry_run(struct ovsdb_txn *txn)
{
    txn->dry_run = true;
}

/* Rows. */

static struct txn_row *find(const struct ovsdb_txn *txn, const struct ovsdb_row *row)
{
    struct txn_row *tr;
    HMAP_FOR_EACH_WITH_HASH (tr, node, hash_pointer(row, 0), &txn->rows) {
        if (tr->row == row) {
            return tr;
        }
    }
    return NULL;
}

static struct txn_row *touch(struct ovsdb_txn *txn, struct ovsdb_row *row)
{
    struct txn_row *tr = find(txn, row);
    if (!tr) {
        tr = xzalloc(sizeof *tr);
        tr->row = row;
        tr->uuid = row->uuid;
        hmap_insert(&txn->rows, &tr->node, hash_pointer(row, 0));
        list_push_back(&txn->order, &tr->order);
    }
    return tr;
}

struct ovsdb_row *ovsdb_txn_insert(struct ovsdb_txn *txn, unsigned table)
{
    return ovsdb_txn_insert_as(txn, table, NULL);
}

struct ovsdb_row *ovsdb_txn_next_new(const struct ovsdb_txn *txn, const struct ovsdb_row *previous,
                                     unsigned table)
{
    const struct list *node = previous ? &find(txn, previous)->order : &txn->order;
    for (node = node->next; node != &txn->order; node = node->next) {
        const struct txn_row *tr = OBJECT_OF(node, tr, order);
        if (tr->is_new && !tr->is_deleted && tr->row->table->schema->index == table) {
            return tr->row;
        }
    }
    return NULL;
}

struct ovsdb_row *ovsdb_txn_insert_as(struct ovsdb_txn *txn, unsigned table, const struct uuid *uuid)
{
    struct ovsdb_client_table *t = &txn->client->tables[table];
    struct ovsdb_row *row = xzalloc(sizeof *row + t->schema->n_columns * sizeof(struct ovsdb_datum *));
    row->table = t;
    row->columns = (struct ovsdb_datum **)(row + 1);
    if (uuid) {
        row->uuid = *uuid;
    } else {
        uuid_generate(&row->uuid); /* a stand-in: sent as a name, for which the server chooses the real one */
    }
    for (size_t i = 0; i < t->schema->n_columns; i++) {
        row->columns[i] = ovsdb_datum_ref(t->schema->columns[i]->default_datum);
    }
    touch(txn, row)->is_new = true;
    return row;
}

void ovsdb_txn_delete(struct ovsdb_txn *txn, struct ovsdb_row *row)
{
    struct txn_row *tr = touch(txn, row);
    clear_steps(tr);
    tr->is_deleted = true;
}

bool ovsdb_txn_is_new(const struct ovsdb_txn *txn, const struct ovsdb_row *row)
{
    struct txn_row *tr = find(txn, row);
    return tr && tr->is_new;
}

bool ovsdb_txn_is_deleted(const struct ovsdb_txn *txn, const struct ovsdb_row *row)
{
    struct txn_row *tr = find(txn, row);
    return tr && tr->is_deleted;
}

static void remove_step(struct txn_row *tr, size_t i)
{
    struct txn_row one = {.steps = &tr->steps[i], .n_steps = 1};
    clear_steps(&one);
    memmove(&tr->steps[i], &tr->steps[i + 1], (tr->n_steps - i - 1) * sizeof *tr->steps);
    tr->n_steps--;
}

static struct step *find_step(const struct txn_row *tr, enum step_kind kind, const struct ovsdb_column *c)
{
    for (size_t i = 0; i < tr->n_steps; i++) {
        if (tr->steps[i].kind == kind && tr->steps[i].column == c) {
            return &tr->steps[i];
        }
    }
    return NULL;
}

static void add_step(struct txn_row *tr, enum step_kind kind, const struct ovsdb_column *c,
                     struct ovsdb_datum *d, bool keys_only)
{
    if (tr->n_steps >= tr->allocated_steps) {
        tr->steps = x2nrealloc(tr->steps, &tr->allocated_steps, sizeof *tr->steps);
    }
    tr->steps[tr->n_steps++] = (struct step){kind, c, d, keys_only};
}

static void forget_view(struct txn_row *tr, const struct ovsdb_column *c)
{
    struct step *view = find_step(tr, STEP_VIEW, c);
    if (view) {
        remove_step(tr, (size_t)(view - tr->steps));
    }
}

static bool is_writable(const struct ovsdb_txn *txn, const struct ovsdb_row *row, unsigned column)
{
    return txn->client && row->table->on_server && bitmap_is_set(row->table->columns_on_server, column);
}

void ovsdb_txn_verify(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column)
{
    const struct ovsdb_column *c = row->table->schema->columns[column];
    struct txn_row *tr = touch(txn, row);
    if (!tr->is_new && is_writable(txn, row, column) && row->table->modes[column] &&
        !find_step(tr, STEP_VERIFY, c)) {
        add_step(tr, STEP_VERIFY, c, ovsdb_datum_ref(row->columns[column]), false);
    }
}

/* D's default form becomes the shared one; it is the pending value from now on. */
void ovsdb_txn_set(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, struct ovsdb_datum *d)
{
    const struct ovsdb_column *c = row->table->schema->columns[column];
    struct txn_row *tr = touch(txn, row);
    for (size_t i = tr->n_steps; i-- > 0;) {
        if (tr->steps[i].column == c && tr->steps[i].kind != STEP_VERIFY) {
            remove_step(tr, i);
        }
    }
    bool same =
        ovsdb_datum_equal(d, row->columns[column], &c->type) && (tr->is_new || row->table->modes[column]);
    if (same || tr->is_deleted || !is_writable(txn, row, column)) {
        ovsdb_datum_unref(d, &c->type);
    } else {
        add_step(tr, STEP_SET, c, d, false);
    }
}

static void add_elements(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, struct ovsdb_datum *d,
                         bool look_first)
{
    const struct ovsdb_column *c = row->table->schema->columns[column];
    struct txn_row *tr = touch(txn, row);
    forget_view(tr, c);
    struct step *set = find_step(tr, STEP_SET, c);
    if (set || tr->is_new) {
        struct ovsdb_datum *all =
            ovsdb_datum_union(set ? set->datum : row->columns[column], d, &c->type, true);
        ovsdb_datum_unref(d, &c->type);
        ovsdb_txn_set(txn, row, column, all);
        return;
    }
    bool there = look_first && row->table->modes[column] &&
                 ovsdb_datum_includes_all(d, row->columns[column], &c->type) &&
                 !find_step(tr, STEP_REMOVE, c);
    if (tr->is_deleted || there || !is_writable(txn, row, column)) {
        ovsdb_datum_unref(d, &c->type);
        return;
    }
    struct step *s = find_step(tr, STEP_ADD, c);
    if (s) {
        struct ovsdb_datum *all = ovsdb_datum_union(s->datum, d, &c->type, true);
        ovsdb_datum_unref(s->datum, &c->type);
        ovsdb_datum_unref(d, &c->type);
        s->datum = all;
    } else {
        add_step(tr, STEP_ADD, c, d, false);
    }
}

void ovsdb_txn_add(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, struct ovsdb_datum *d)
{
    add_elements(txn, row, column, d, true);
}

void ovsdb_txn_add_blindly(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                           struct ovsdb_datum *d)
{
    add_elements(txn, row, column, d, false);
}

static void remove_elements(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                            struct ovsdb_datum *d, bool keys_only)
{
    const struct ovsdb_column *c = row->table->schema->columns[column];
    struct txn_row *tr = touch(txn, row);
    struct ovsdb_type type = c->type;
    if (keys_only) {
        memset(&type.value, 0, sizeof type.value);
    }
    forget_view(tr, c);
    struct step *set = find_step(tr, STEP_SET, c);
    struct step *add = find_step(tr, STEP_ADD, c);
    if (set || tr->is_new) {
        struct ovsdb_datum *rest =
            ovsdb_datum_difference(set ? set->datum : row->columns[column], &c->type, d, &type);
        ovsdb_datum_unref(d, &type);
        ovsdb_txn_set(txn, row, column, rest);
        return;
    }
    if (tr->is_deleted || !is_writable(txn, row, column)) {
        ovsdb_datum_unref(d, &type);
        return;
    }
    if (add) {
        struct ovsdb_datum *rest = ovsdb_datum_difference(add->datum, &c->type, d, &type);
        ovsdb_datum_unref(add->datum, &c->type);
        add->datum = rest;
    }
    add_step(tr, STEP_REMOVE, c, d, keys_only);
}

void ovsdb_txn_remove(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, struct ovsdb_datum *d)
{
    remove_elements(txn, row, column, d, false);
}

void ovsdb_txn_remove_keys(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                           struct ovsdb_datum *d)
{
    remove_elements(txn, row, column, d, true);
}

void ovsdb_txn_increment(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, bool force)
{
    txn->increment_row = row;
    txn->increment_column = column;
    txn->force_increment = force;
}

int64_t ovsdb_txn_incremented(const struct ovsdb_txn *txn)
{
    return txn->incremented;
}

const struct ovsdb_datum *ovsdb_txn_get(const struct ovsdb_txn *txn, const struct ovsdb_row *row,
                                        unsigned column)
{
    struct txn_row *tr = find(txn, row);
    if (!tr) {
        return row->columns[column];
    }
    const struct ovsdb_column *c = row->table->schema->columns[column];
    const struct step *set = find_step(tr, STEP_SET, c), *add = find_step(tr, STEP_ADD, c);
    if (set) {
        return set->datum;
    }
    bool removes = find_step(tr, STEP_REMOVE, c) != NULL;
    if (!add && !removes) {
        return row->columns[column];
    }
    /* The mutations stay what is sent: to set what is seen here would undo what others change meanwhile, and
     * empty a column that is not monitored. */
    const struct step *view = find_step(tr, STEP_VIEW, c);
    if (view) {
        return view->datum;
    }
    struct ovsdb_datum *d = ovsdb_datum_ref(row->columns[column]);
    for (size_t i = 0; i < tr->n_steps; i++) {
        struct step *s = &tr->steps[i];
        struct ovsdb_datum *next = NULL;
        if (s->column == c && s->kind == STEP_ADD) {
            next = ovsdb_datum_union(d, s->datum, &c->type, true);
        } else if (s->column == c && s->kind == STEP_REMOVE) {
            struct ovsdb_type type = c->type;
            if (s->keys_only) {
                memset(&type.value, 0, sizeof type.value);
            }
            next = ovsdb_datum_difference(d, &c->type, s->datum, &type);
        }
        if (next) {
            ovsdb_datum_unref(d, &c->type);
            d = next;
        }
    }
    add_step(tr, STEP_VIEW, c, d, false);
    return d;
}

bool ovsdb_txn_refers_to(const struct ovsdb_txn *txn, const struct ovsdb_row *target, bool strong)
{
    const struct txn_row *tr;
    LIST_FOR_EACH (tr, order, &txn->order) {
        for (size_t i = 0; !tr->is_deleted && i < tr->n_steps; i++) {
            const struct step *s = &tr->steps[i];
            const struct ovsdb_type *type = &s->column->type;
            for (size_t j = 0; (s->kind == STEP_SET || s->kind == STEP_ADD) && j < s->datum->n; j++) {
                if (type->key.type == OVSDB_UUID &&
                    (!strong || ovsdb_base_type_is_ref(&type->key, OVSDB_REF_STRONG))) {
                    union ovsdb_atom a = ovsdb_datum_key(s->datum, type, j);
                    if (uuid_equal(&a.uuid, &target->uuid)) {
                        return true;
                    }
                }
                if (type->value.type == OVSDB_UUID &&
                    (!strong || ovsdb_base_type_is_ref(&type->value, OVSDB_REF_STRONG))) {
                    union ovsdb_atom a = ovsdb_datum_value(s->datum, type, j);
                    if (uuid_equal(&a.uuid, &target->uuid)) {
                        return true;
                    }
                }
            }
        }
    }
    return false;
}

/* Typed writing. */

void ovsdb_txn_set_string(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, const char *v)
{
    ovsdb_txn_set(txn, row, column, v ? ovsdb_datum_from_text(v) : ovsdb_datum_empty());
}

void ovsdb_txn_set_integer(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, int64_t v)
{
    ovsdb_txn_set(txn, row, column, ovsdb_datum_from_integer(v));
}

void ovsdb_txn_set_boolean(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, bool v)
{
    ovsdb_txn_set(txn, row, column, ovsdb_datum_from_boolean(v));
}

void ovsdb_txn_set_empty(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column)
{
    ovsdb_txn_set(txn, row, column, ovsdb_datum_empty());
}

void ovsdb_txn_set_strings(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                           const char *const *v, size_t n)
{
    struct ovsdb_datum_builder b;
    ovsdb_datum_builder_init(&b, &row->table->schema->columns[column]->type);
    for (size_t i = 0; i < n; i++) {
        ovsdb_datum_builder_add(&b, (union ovsdb_atom){.string = ovsdb_string_create(v[i], strlen(v[i]))},
                                NULL);
    }
    ovsdb_txn_set(txn, row, column, ovsdb_datum_builder_finish_unique(&b));
}

void ovsdb_txn_set_refs(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                        struct ovsdb_row *const *v, size_t n)
{
    struct ovsdb_datum_builder b;
    ovsdb_datum_builder_init(&b, &row->table->schema->columns[column]->type);
    for (size_t i = 0; i < n; i++) {
        ovsdb_datum_builder_add(&b, (union ovsdb_atom){.uuid = v[i]->uuid}, NULL);
    }
    ovsdb_txn_set(txn, row, column, ovsdb_datum_builder_finish_unique(&b));
}

void ovsdb_txn_add_ref(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                       const struct ovsdb_row *v)
{
    ovsdb_txn_add(txn, row, column, ovsdb_datum_from_uuid(&v->uuid));
}

void ovsdb_txn_remove_ref(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                          const struct ovsdb_row *v)
{
    ovsdb_txn_remove(txn, row, column, ovsdb_datum_from_uuid(&v->uuid));
}

void ovsdb_txn_map_set(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, const char *key,
                       const char *value)
{
    const struct ovsdb_type *type = &row->table->schema->columns[column]->type;
    ovsdb_txn_add(txn, row, column, ovsdb_datum_from_pairs(type, &key, &value, 1));
}

void ovsdb_txn_map_unset(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, const char *key)
{
    ovsdb_txn_remove_keys(txn, row, column, ovsdb_datum_from_text(key));
}

struct ovsdb_datum *ovsdb_datum_from_pairs(const struct ovsdb_type *type, const char *const *keys,
                                           const char *const *values, size_t n)
{
    struct ovsdb_datum_builder b;
    ovsdb_datum_builder_init(&b, type);
    for (size_t i = 0; i < n; i++) {
        union ovsdb_atom value = {.string = ovsdb_string_create(values[i], strlen(values[i]))};
        ovsdb_datum_builder_add(
            &b, (union ovsdb_atom){.string = ovsdb_string_create(keys[i], strlen(keys[i]))}, &value);
    }
    return ovsdb_datum_builder_finish_unique(&b);
}

struct ovsdb_datum *ovsdb_datum_from_int_pairs(const struct ovsdb_type *type, const char *const *keys,
                                               const int64_t *values, size_t n)
{
    struct ovsdb_datum_builder b;
    ovsdb_datum_builder_init(&b, type);
    for (size_t i = 0; i < n; i++) {
        union ovsdb_atom value = {.integer = values[i]};
        ovsdb_datum_builder_add(
            &b, (union ovsdb_atom){.string = ovsdb_string_create(keys[i], strlen(keys[i]))}, &value);
    }
    return ovsdb_datum_builder_finish_unique(&b);
}

/* Writing the request. A UUID that stands for a row which this transaction inserts is sent as its name. */

struct request {
    struct ovsdb_txn *txn;
    struct strbuf s;
    size_t n; /* operations so far */
};

static struct txn_row *new_row_by_uuid(const struct ovsdb_txn *txn, const struct uuid *uuid)
{
    struct txn_row *tr;
    LIST_FOR_EACH (tr, order, &txn->order) {
        if (tr->is_new && uuid_equal(&tr->uuid, uuid)) {
            return tr;
        }
    }
    return NULL;
}

static void put_row_name(struct strbuf *s, const struct uuid *uuid)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(uuid, text);
    strbuf_puts(s, "row");
    for (const char *p = text; *p; p++) {
        strbuf_put_char(s, *p == '-' ? '_' : *p);
    }
}

static void put_atom(struct request *r, union ovsdb_atom a, const struct ovsdb_base_type *base)
{
    if (base->type == OVSDB_UUID && new_row_by_uuid(r->txn, &a.uuid)) {
        strbuf_puts(&r->s, "[\"named-uuid\",\"");
        put_row_name(&r->s, &a.uuid);
        strbuf_puts(&r->s, "\"]");
    } else {
        ovsdb_atom_put_json(a, base->type, &r->s);
    }
}

static void put_datum(struct request *r, const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
    bool map = ovsdb_type_is_map(type);
    if (d->n == 1 && !map) {
        put_atom(r, ovsdb_datum_key(d, type, 0), &type->key);
        return;
    }
    strbuf_puts(&r->s, map ? "[\"map\",[" : "[\"set\",[");
    for (size_t i = 0; i < d->n; i++) {
        strbuf_puts(&r->s, i ? "," : "");
        strbuf_puts(&r->s, map ? "[" : "");
        put_atom(r, ovsdb_datum_key(d, type, i), &type->key);
        if (map) {
            strbuf_put_char(&r->s, ',');
            put_atom(r, ovsdb_datum_value(d, type, i), &type->value);
            strbuf_put_char(&r->s, ']');
        }
    }
    strbuf_puts(&r->s, "]]");
}

static void begin_operation(struct request *r, const char *op)
{
    strbuf_printf(&r->s, ",{\"op\":\"%s\"", op);
    r->n++;
}

static void put_where(struct request *r, const struct ovsdb_row *row, const struct uuid *uuid)
{
    strbuf_printf(&r->s, ",\"table\":\"%s\",\"where\":[[\"_uuid\",\"==\",", row->table->schema->name);
    static const struct ovsdb_base_type base = {.type = OVSDB_UUID};
    put_atom(r, (union ovsdb_atom){.uuid = *uuid}, &base);
    strbuf_puts(&r->s, "]]");
}

static void put_verifications(struct request *r, const struct txn_row *tr)
{
    bool any = false;
    for (size_t i = 0; i < tr->n_steps; i++) {
        any |= tr->steps[i].kind == STEP_VERIFY;
    }
    if (!any) {
        return;
    }
    begin_operation(r, "wait");
    put_where(r, tr->row, &tr->uuid);
    strbuf_puts(&r->s, ",\"timeout\":0,\"until\":\"==\",\"columns\":[");
    any = false;
    for (size_t i = 0; i < tr->n_steps; i++) {
        if (tr->steps[i].kind == STEP_VERIFY) {
            strbuf_printf(&r->s, "%s\"%s\"", any ? "," : "", tr->steps[i].column->name);
            any = true;
        }
    }
    strbuf_puts(&r->s, "],\"rows\":[{");
    any = false;
    for (size_t i = 0; i < tr->n_steps; i++) {
        const struct step *s = &tr->steps[i];
        if (s->kind == STEP_VERIFY) {
            strbuf_printf(&r->s, "%s\"%s\":", any ? "," : "", s->column->name);
            put_datum(r, s->datum, &s->column->type);
            any = true;
        }
    }
    strbuf_puts(&r->s, "}]}");
}

static void put_sets(struct request *r, struct txn_row *tr)
{
    bool any = false;
    for (size_t i = 0; i < tr->n_steps; i++) {
        const struct step *s = &tr->steps[i];
        if (s->kind != STEP_SET) {
            continue;
        }
        if (!any) {
            begin_operation(r, "update");
            put_where(r, tr->row, &tr->uuid);
            strbuf_puts(&r->s, ",\"row\":{");
        }
        strbuf_printf(&r->s, "%s\"%s\":", any ? "," : "", s->column->name);
        put_datum(r, s->datum, &s->column->type);
        any = true;
    }
    strbuf_puts(&r->s, any ? "}}" : "");
}

/* Adding to a map replaces: the keys are deleted before the pairs are inserted. */
static void put_mutation(struct request *r, const struct step *s, bool *any)
{
    const struct ovsdb_type *type = &s->column->type;
    if (!s->datum->n) {
        return;
    }
    if (s->kind == STEP_ADD && ovsdb_type_is_map(type)) {
        strbuf_printf(&r->s, "%s[\"%s\",\"delete\",[\"set\",[", *any ? "," : "", s->column->name);
        for (size_t i = 0; i < s->datum->n; i++) {
            strbuf_puts(&r->s, i ? "," : "");
            put_atom(r, ovsdb_datum_key(s->datum, type, i), &type->key);
        }
        strbuf_puts(&r->s, "]]]");
        *any = true;
    }
    struct ovsdb_type arg_type = *type;
    if (s->keys_only) {
        memset(&arg_type.value, 0, sizeof arg_type.value);
    }
    strbuf_printf(&r->s, "%s[\"%s\",\"%s\",", *any ? "," : "", s->column->name,
                  s->kind == STEP_ADD ? "insert" : "delete");
    if (s->datum->n == 1 && !ovsdb_type_is_map(&arg_type)) {
        strbuf_puts(&r->s, "[\"set\",["); /* as the reference sends it, so that errors read alike */
        put_datum(r, s->datum, &arg_type);
        strbuf_puts(&r->s, "]]]");
    } else {
        put_datum(r, s->datum, &arg_type);
        strbuf_put_char(&r->s, ']');
    }
    *any = true;
}

static void put_mutations(struct request *r, struct txn_row *tr)
{
    size_t start = r->s.len;
    bool any = false;
    begin_operation(r, "mutate");
    put_where(r, tr->row, &tr->uuid);
    strbuf_puts(&r->s, ",\"mutations\":[");
    for (size_t i = 0; i < tr->n_steps; i++) {
        if (tr->steps[i].kind == STEP_ADD || tr->steps[i].kind == STEP_REMOVE) {
            put_mutation(r, &tr->steps[i], &any);
        }
    }
    strbuf_puts(&r->s, "]}");
    if (!any) {
        strbuf_truncate(&r->s, start);
        r->n--;
    }
}

static void put_insert(struct request *r, struct txn_row *tr)
{
    bool any = false;
    tr->insert_index = r->n;
    begin_operation(r, "insert");
    strbuf_printf(&r->s, ",\"table\":\"%s\",\"uuid-name\":\"", tr->row->table->schema->name);
    put_row_name(&r->s, &tr->uuid);
    strbuf_puts(&r->s, "\",\"row\":{");
    for (size_t i = 0; i < tr->n_steps; i++) {
        const struct step *s = &tr->steps[i];
        if (s->kind == STEP_SET) {
            strbuf_printf(&r->s, "%s\"%s\":", any ? "," : "", s->column->name);
            put_datum(r, s->datum, &s->column->type);
            any = true;
        }
    }
    strbuf_puts(&r->s, "}}");
}

static void put_changes(struct request *r)
{
    struct txn_row *tr;
    LIST_FOR_EACH (tr, order, &r->txn->order) {
        if (tr->is_new && tr->is_deleted) {
            continue;
        }
        if (tr->is_new) {
            put_insert(r, tr);
        } else if (tr->is_deleted && !tr->row->table->schema->is_root) {
            /* The server collects it when nothing refers to it any more: asking for more would only fail
             * while something still does. */
        } else if (tr->is_deleted) {
            begin_operation(r, "delete");
            put_where(r, tr->row, &tr->uuid);
            strbuf_put_char(&r->s, '}');
        } else {
            put_sets(r, tr);
            put_mutations(r, tr);
        }
    }
}

static void put_increment(struct request *r)
{
    const struct ovsdb_row *row = r->txn->increment_row;
    const struct txn_row *tr = find(r->txn, row);
    const char *column = row->table->schema->columns[r->txn->increment_column]->name;
    const struct uuid *uuid = tr ? &tr->uuid : &row->uuid;
    begin_operation(r, "mutate");
    put_where(r, row, uuid);
    strbuf_printf(&r->s, ",\"mutations\":[[\"%s\",\"+=\",1]]}", column);
    r->txn->increment_index = r->n;
    begin_operation(r, "select");
    put_where(r, row, uuid);
    strbuf_printf(&r->s, ",\"columns\":[\"%s\"]}", column);
}

/* The whole request; true if it would change anything. */
static bool put_request(struct request *r)
{
    struct ovsdb_txn *txn = r->txn;
    struct ovsdb_client *c = txn->client;
    struct txn_row *tr;
    strbuf_printf(&r->s, "[\"%s\"", c->schema->name);
    if (c->lock_name) {
        begin_operation(r, "assert");
        strbuf_puts(&r->s, ",\"lock\":");
        json_format_string(&r->s, c->lock_name, strlen(c->lock_name));
        strbuf_put_char(&r->s, '}');
    }
    LIST_FOR_EACH (tr, order, &txn->order) {
        put_verifications(r, tr);
    }
    size_t before = r->n;
    put_changes(r);
    if (txn->increment_row && (txn->force_increment || r->n > before)) {
        put_increment(r);
    }
    bool changes = r->n > before;
    if (txn->comment.len) {
        begin_operation(r, "comment");
        strbuf_puts(&r->s, ",\"comment\":");
        json_format_string(&r->s, txn->comment.text, txn->comment.len);
        strbuf_put_char(&r->s, '}');
    }
    if (txn->dry_run) {
        begin_operation(r, "abort");
        strbuf_put_char(&r->s, '}');
    }
    strbuf_put_char(&r->s, ']');
    return changes;
}

/* The reply. */

static void finish(struct ovsdb_txn *txn, enum ovsdb_txn_status status)
{
    txn->status = status;
    if (txn->client) {
        task_schedule(loop_tasks(txn->client->loop), &txn->done, clock_ms());
    }
}

static enum ovsdb_txn_status judge_error(struct ovsdb_txn *txn, const struct json_object *result)
{
    const char *tag = "";
    json_is_string(json_get(result, "error"), &tag);
    if (!strcmp(tag, "timed out")) {
        return OVSDB_TXN_TRY_AGAIN;
    }
    if (!strcmp(tag, "not owner")) {
        return OVSDB_TXN_NOT_LOCKED;
    }
    if (!strcmp(tag, "aborted") && txn->dry_run) {
        return OVSDB_TXN_SUCCESS;
    }
    if (!txn->error) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);
        txn->error = json_text(result, JSON_SORT);
        LOG_WARN_RL(&rl, "transaction error: %s", txn->error);
    }
    return OVSDB_TXN_ERROR;
}

static bool note_results(struct ovsdb_txn *txn, const struct json_object *results)
{
    struct txn_row *tr;
    LIST_FOR_EACH (tr, order, &txn->order) {
        const char *text;
        if (!tr->is_new || tr->is_deleted) {
            continue;
        }
        const struct json_object *uuid = json_get(json_element(results, tr->insert_index), "uuid");
        if (!json_is_array(uuid) || json_length(uuid) != 2 || !json_is_string(json_element(uuid, 1), &text) ||
            !uuid_parse(&tr->uuid, text)) {
            return false;
        }
    }
    if (txn->increment_index) {
        const struct json_object *rows = json_get(json_element(results, txn->increment_index), "rows");
        const char *column = txn->increment_row->table->schema->columns[txn->increment_column]->name;
        if (!json_is_array(rows) || json_length(rows) != 1 ||
            !json_is_integer(json_get(json_element(rows, 0), column), &txn->incremented)) {
            return false;
        }
    }
    return true;
}

static void reply_done(struct ovsdb_client *c, const struct jsonrpc_msg *msg, void *txn_)
{
    struct ovsdb_txn *txn = txn_;
    enum ovsdb_txn_status status = OVSDB_TXN_SUCCESS;
    if (!msg) {
        finish(txn, OVSDB_TXN_TRY_AGAIN); /* whether it took effect nobody can say */
        return;
    }
    if (msg->type == JSONRPC_ERROR || !json_is_array(msg->result)) {
        txn->error = json_text(msg->type == JSONRPC_ERROR ? msg->error : msg->result, JSON_SORT);
        finish(txn, OVSDB_TXN_ERROR);
        return;
    }
    for (size_t i = 0; i < json_length(msg->result); i++) {
        const struct json_object *result = json_element(msg->result, i);
        if (json_is_object(result) && json_has(result, "error")) {
            enum ovsdb_txn_status s = judge_error(txn, result);
            status = MAX(status, s);
        }
    }
    if (status == OVSDB_TXN_SUCCESS && !txn->dry_run && !note_results(txn, msg->result)) {
        txn->error = xstrdup("the server's reply does not fit the transaction");
        status = OVSDB_TXN_ERROR;
    }
    finish(txn, status);
}

void ovsdb_txn_commit(struct ovsdb_txn *txn, ovsdb_txn_cb *cb, void *aux)
{
    struct request r = {.txn = txn, .s = STRBUF_INITIALIZER, .n = 0};
    struct ovsdb_client *c = txn->client;
    txn->cb = cb;
    txn->aux = aux;
    txn->committed = true;
    txn->status = OVSDB_TXN_INCOMPLETE;
    if (!c) {
        txn->status = OVSDB_TXN_ABORTED;
        return;
    }
    if (!put_request(&r)) {
        finish(txn, OVSDB_TXN_UNCHANGED);
    } else if (c->lock_name && !c->has_lock) {
        finish(txn, OVSDB_TXN_NOT_LOCKED);
    } else if (c->state != CLIENT_MONITORING) {
        finish(txn, OVSDB_TXN_TRY_AGAIN);
    } else {
        client_send(c, "transact", r.s.text, reply_done, txn);
    }
    strbuf_fini(&r.s);
}

enum ovsdb_txn_status ovsdb_txn_status(const struct ovsdb_txn *txn)
{
    return txn->status;
}

const char *ovsdb_txn_error(const struct ovsdb_txn *txn)
{
    return txn->error;
}

const struct uuid *ovsdb_txn_inserted_uuid(const struct ovsdb_txn *txn, const struct ovsdb_row *row)
{
    struct txn_row *tr = find(txn, row);
    return tr ? &tr->uuid : &row->uuid;
}

/* The client ends: transactions that nobody else will destroy go with it. */
void client_txns_orphan(struct ovsdb_client *c)
{
    struct ovsdb_txn *txn, *next;
    LIST_FOR_EACH_SAFE (txn, next, node, &c->txns) {
        task_cancel(&txn->done);
        if (txn->committed && !txn->cb) {
            ovsdb_txn_destroy(txn);
        } else {
            list_remove(&txn->node);
            list_init(&txn->node);
            txn->client = NULL;
            txn->status = txn->status == OVSDB_TXN_INCOMPLETE ? OVSDB_TXN_ABORTED : txn->status;
        }
    }
}
