/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/db_txn.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/db_storage.h"

struct db_ref_change {
    struct db_row *row;
    int32_t delta;
};

struct db_txn *db_txn_create(struct db *db)
{
    struct db_txn *txn = xzalloc(sizeof *txn);
    txn->db = db;
    list_init(&txn->rows);
    hmap_init(&txn->by_uuid);
    return txn;
}

static void txn_destroy(struct db_txn *txn)
{
    hmap_fini(&txn->by_uuid);
    strbuf_fini(&txn->comment);
    free(txn->ref_changes);
    free(txn);
}

static void txn_row_free(struct db_txn *txn, struct db_txn_row *tr)
{
    list_remove(&tr->node);
    hmap_remove(&txn->by_uuid, &tr->by_uuid);
    free(tr->changed);
    free(tr);
}

/* Puts the old row back where the new one is. */
static void txn_row_undo(struct db_txn *txn, struct db_txn_row *tr)
{
    if (tr->new) {
        hmap_remove(&tr->table->rows, &tr->new->node);
        db_row_destroy(tr->new);
    }
    if (tr->old) {
        tr->old->txn_row = NULL;
        hmap_insert(&tr->table->rows, &tr->old->node, uuid_hash(&tr->uuid));
    }
    txn_row_free(txn, tr);
}

static void undo_ref_changes(struct db_txn *txn)
{
    while (txn->n_ref_changes) {
        struct db_ref_change *c = &txn->ref_changes[--txn->n_ref_changes];
        c->row->n_refs -= (uint32_t)c->delta;
    }
}

void db_txn_abort(struct db_txn *txn)
{
    undo_ref_changes(txn);
    struct db_txn_row *tr, *next;
    LIST_FOR_EACH_SAFE (tr, next, node, &txn->rows) {
        txn_row_undo(txn, tr);
    }
    txn_destroy(txn);
}

static struct db_txn_row *txn_row_create(struct db_txn *txn, struct db_table *t, struct db_row *old,
                                         struct db_row *new)
{
    struct db_txn_row *tr = xzalloc(sizeof *tr);
    tr->table = t;
    tr->old = old;
    tr->new = new;
    tr->uuid = old ? old->uuid : new->uuid;
    list_push_back(&txn->rows, &tr->node);
    hmap_insert(&txn->by_uuid, &tr->by_uuid, uuid_hash(&tr->uuid));
    if (old) {
        old->txn_row = tr;
    }
    if (new) {
        new->txn_row = tr;
    }
    return tr;
}

static struct db_txn_row *find_txn_row(const struct db_txn *txn, const struct db_table *t,
                                       const struct uuid *uuid)
{
    struct db_txn_row *tr;
    HMAP_FOR_EACH_WITH_HASH (tr, by_uuid, uuid_hash(uuid), &txn->by_uuid) {
        if (tr->table == t && uuid_equal(&tr->uuid, uuid)) {
            return tr;
        }
    }
    return NULL;
}

bool db_txn_uuid_is_taken(const struct db_txn *txn, const struct db_table *t, const struct uuid *uuid)
{
    return db_table_row(t, uuid) || find_txn_row(txn, t, uuid);
}

void db_txn_insert(struct db_txn *txn, struct db_row *row)
{
    uuid_generate(&row->version);
    txn_row_create(txn, row->table, NULL, row);
    hmap_insert(&row->table->rows, &row->node, uuid_hash(&row->uuid));
}

struct db_row *db_txn_modify(struct db_txn *txn, struct db_row *row)
{
    if (row->txn_row) {
        return row; /* what is in the table while a transaction holds it is the new version */
    }
    struct db_row *new = db_row_clone(row);
    uuid_generate(&new->version);
    txn_row_create(txn, row->table, row, new);
    hmap_replace(&row->table->rows, &row->node, &new->node);
    return new;
}

void db_txn_delete(struct db_txn *txn, struct db_row *row)
{
    struct db_txn_row *tr = row->txn_row;
    hmap_remove(&row->table->rows, &row->node);
    if (!tr) {
        txn_row_create(txn, row->table, row, NULL);
    } else if (tr->old) {
        db_row_destroy(row);
        tr->new = NULL;
    } else {
        db_row_destroy(row);
        txn_row_free(txn, tr);
    }
}

void db_txn_add_comment(struct db_txn *txn, const char *comment)
{
    if (txn->comment.len) {
        strbuf_put_char(&txn->comment, '\n');
    }
    strbuf_puts(&txn->comment, comment);
}

/* Which columns did change? Those that were set to what they had been share the old datum again. */
static void determine_changes(struct db_txn *txn)
{
    struct db_txn_row *tr, *next;
    LIST_FOR_EACH_SAFE (tr, next, node, &txn->rows) {
        const struct ovsdb_table_schema *t = tr->table->schema;
        if (!tr->changed) {
            tr->changed = bitmap_create(t->n_columns);
        }
        if (!tr->old || !tr->new) {
            continue;
        }
        bool any = false;
        for (size_t i = 0; i < t->n_columns; i++) {
            struct ovsdb_datum *old = tr->old->columns[i], *new = tr->new->columns[i];
            bitmap_clear(tr->changed, i); /* what was changed may have been changed back by the checks */
            if (old == new) {
                continue;
            }
            if (ovsdb_datum_equal(old, new, &t->columns[i]->type)) {
                ovsdb_datum_unref(new, &t->columns[i]->type);
                tr->new->columns[i] = ovsdb_datum_ref(old);
            } else {
                bitmap_set(tr->changed, i);
                any = true;
            }
        }
        if (!any) {
            txn_row_undo(txn, tr);
        }
    }
}

/* Strong references. */

static void change_ref_count(struct db_txn *txn, struct db_row *row, int delta)
{
    if (txn->n_ref_changes >= txn->allocated_ref_changes) {
        txn->ref_changes =
            x2nrealloc(txn->ref_changes, &txn->allocated_ref_changes, sizeof *txn->ref_changes);
    }
    row->n_refs += (uint32_t)delta;
    txn->ref_changes[txn->n_ref_changes++] = (struct db_ref_change){row, delta};
}

static struct db_row *referenced_row(const struct db_txn *txn, const struct ovsdb_base_type *base,
                                     const struct uuid *uuid)
{
    struct db_table *t = txn->db->tables[base->uuid.ref_table->index];
    struct db_row *row = db_table_row(t, uuid);
    if (!row) {
        struct db_txn_row *tr = find_txn_row(txn, t, uuid);
        row = tr ? tr->old : NULL; /* deleted in this very transaction */
    }
    return row;
}

static struct uuid element_uuid(const struct ovsdb_datum *d, const struct ovsdb_type *type, bool value,
                                size_t i)
{
    return value ? ovsdb_datum_value(d, type, i).uuid : ovsdb_datum_key(d, type, i).uuid;
}

static struct ovsdb_error *count_references(struct db_txn *txn, const struct db_txn_row *tr,
                                            const struct ovsdb_column *c, const struct ovsdb_datum *d,
                                            int delta, const struct ovsdb_datum *other)
{
    for (int value = 0; value < 2; value++) {
        const struct ovsdb_base_type *base = value ? &c->type.value : &c->type.key;
        if (!ovsdb_base_type_is_ref(base, OVSDB_REF_STRONG)) {
            continue;
        }
        bool merge = !value && other && !ovsdb_type_is_map(&c->type);
        for (size_t i = 0, j = 0; i < d->n; i++) {
            struct uuid uuid = element_uuid(d, &c->type, value, i);
            /* Elements of a long set that stay are the rule: both sets are sorted, so one walk finds them. */
            int order = 1;
            while (merge && j < other->n && order > 0) {
                struct uuid there = element_uuid(other, &c->type, value, j);
                order = uuid_compare(&uuid, &there);
                j += order >= 0;
            }
            /* A row does not keep itself alive, so it does not count. */
            if (!order || (uuid_equal(&uuid, &tr->uuid) && base->uuid.ref_table == tr->table->schema)) {
                continue;
            }
            struct db_row *row = referenced_row(txn, base, &uuid);
            if (row) {
                change_ref_count(txn, row, delta);
            } else if (delta > 0) {
                char src[UUID_TEXT_LEN + 1], dst[UUID_TEXT_LEN + 1];
                uuid_format(&tr->uuid, src);
                uuid_format(&uuid, dst);
                return ovsdb_error("referential integrity violation",
                                   "Table %s column %s row %s references nonexistent row %s in table %s.",
                                   tr->table->schema->name, c->name, src, dst, base->uuid.ref_table_name);
            }
        }
    }
    return NULL;
}

static struct ovsdb_error *count_row_references(struct db_txn *txn, struct db_txn_row *tr)
{
    const struct ovsdb_table_schema *t = tr->table->schema;
    struct ovsdb_error *error = NULL;
    for (size_t i = 0; t->has_strong_refs && !error && i < t->n_columns; i++) {
        struct ovsdb_datum *old = tr->old ? tr->old->columns[i] : NULL;
        struct ovsdb_datum *new = tr->new ? tr->new->columns[i] : NULL;
        if (old == new) {
            continue;
        }
        if (old) {
            error = count_references(txn, tr, t->columns[i], old, -1, new);
        }
        if (new && !error) {
            error = count_references(txn, tr, t->columns[i], new, +1, old);
        }
    }
    return error;
}

static struct ovsdb_error *check_references(struct db_txn *txn)
{
    struct db_txn_row *tr;
    LIST_FOR_EACH (tr, node, &txn->rows) {
        struct ovsdb_error *error = count_row_references(txn, tr);
        if (error) {
            return error;
        }
    }
    LIST_FOR_EACH (tr, node, &txn->rows) {
        if (!tr->new && tr->old->n_refs) {
            char uuid[UUID_TEXT_LEN + 1];
            uuid_format(&tr->uuid, uuid);
            return ovsdb_error("referential integrity violation",
                               "cannot delete %s row %s because of %u remaining reference(s)",
                               tr->table->schema->name, uuid, tr->old->n_refs);
        }
    }
    return NULL;
}

/* Rows of tables that are not roots vanish when nothing refers to them. Deleting one may free others: they
 * come to the end of the list of changes, or of the transaction's rows, and are met later on. */
static struct ovsdb_error *collect_garbage_row(struct db_txn *txn, struct db_row *row)
{
    struct db_txn_row *tr = row->txn_row;
    if (row->n_refs || row->table->schema->is_root || (tr && !tr->new)) {
        return NULL;
    }
    struct db_txn_row gone = {.table = row->table, .uuid = row->uuid, .old = row};
    struct ovsdb_error *error = count_row_references(txn, &gone);
    if (error) {
        return error;
    }
    /* A row that this transaction wrote is freed now, so what was noted of its count goes with it. */
    for (size_t i = 0; tr && i < txn->n_ref_changes;) {
        if (txn->ref_changes[i].row == row) {
            txn->ref_changes[i] = txn->ref_changes[--txn->n_ref_changes];
        } else {
            i++;
        }
    }
    db_txn_delete(txn, row);
    return NULL;
}

static struct ovsdb_error *collect_garbage(struct db_txn *txn)
{
    struct ovsdb_error *error = NULL;
    /* The changes are walked by index, since the list grows and shrinks below us; what moves into a place
     * that was passed is found by another round. */
    for (bool again = true; again && !error;) {
        again = false;
        struct db_txn_row *tr, *next;
        LIST_FOR_EACH_SAFE (tr, next, node, &txn->rows) {
            if (tr->new && !tr->new->n_refs && !tr->table->schema->is_root && !error) {
                again = true;
                error = collect_garbage_row(txn, tr->new);
            }
        }
        for (size_t i = 0; !error && i < txn->n_ref_changes; i++) {
            struct db_row *row = txn->ref_changes[i].row;
            bool deleted = row->txn_row && !row->txn_row->new;
            if (!row->n_refs && !row->table->schema->is_root && !deleted) {
                again = true;
                error = collect_garbage_row(txn, row);
            }
        }
    }
    return error;
}

static struct ovsdb_error *check_max_rows(struct db_txn *txn)
{
    for (size_t i = 0; i < txn->db->schema->n_tables; i++) {
        const struct db_table *t = txn->db->tables[i];
        if (db_table_count(t) > t->schema->max_rows) {
            return ovsdb_error("constraint violation",
                               "transaction causes \"%s\" table to contain %zu rows, greater than the "
                               "schema-defined limit of %u row(s)",
                               t->schema->name, db_table_count(t), t->schema->max_rows);
        }
    }
    return NULL;
}

/* Weak references. */

static bool dangles(const struct db_txn *txn, const struct ovsdb_base_type *base, const struct uuid *uuid)
{
    return ovsdb_base_type_is_ref(base, OVSDB_REF_WEAK) &&
           !db_table_row(txn->db->tables[base->uuid.ref_table->index], uuid);
}

static struct ovsdb_error *drop_dangling(struct db_txn *txn, struct db_txn_row *tr,
                                         const struct ovsdb_column *c)
{
    const struct ovsdb_type *type = &c->type;
    const struct ovsdb_datum *d = tr->new->columns[c->index];
    struct ovsdb_datum_builder kept;
    size_t n_gone = 0;
    bool zero = false;

    ovsdb_datum_builder_init(&kept, type);
    for (size_t i = 0; i < d->n; i++) {
        union ovsdb_atom key = ovsdb_datum_key(d, type, i);
        union ovsdb_atom value = ovsdb_datum_value(d, type, i);
        if ((type->key.type == OVSDB_UUID && dangles(txn, &type->key, &key.uuid)) ||
            (type->value.type == OVSDB_UUID && dangles(txn, &type->value, &value.uuid))) {
            zero |= uuid_is_zero(type->key.type == OVSDB_UUID ? &key.uuid : &value.uuid);
            n_gone++;
            continue;
        }
        value = ovsdb_atom_ref(value, type->value.type);
        ovsdb_datum_builder_add(&kept, ovsdb_atom_ref(key, type->key.type), &value);
    }
    if (!n_gone) {
        ovsdb_datum_builder_fini(&kept);
        return NULL;
    }
    struct ovsdb_datum *rest = ovsdb_datum_builder_finish_unique(&kept);
    if (rest->n >= type->n_min) {
        db_row_set(tr->new, c, rest);
        return NULL;
    }
    ovsdb_datum_unref(rest, type);
    char uuid[UUID_TEXT_LEN + 1];
    uuid_format(&tr->uuid, uuid);
    const char *note = tr->old ? "" : " (inserted within this transaction)";
    if (zero) {
        /* The misspelt word is the reference's; clients may compare. */
        return ovsdb_error(
            "constraint violation",
            "Weak reference column \"%s\" in \"%s\" row %s%s contained all-zeros UUID (probably as "
            "the default value for this column) but deleting this value caused a constraint "
            "volation because this column is not allowed to be empty.",
            c->name, tr->table->schema->name, uuid, note);
    }
    return ovsdb_error(
        "constraint violation",
        "Deletion of %zu weak reference(s) to deleted (or never-existing) rows from column \"%s\" in "
        "\"%s\" row %s%s caused this column to become empty, but constraints on this column disallow "
        "an empty column.",
        n_gone, c->name, tr->table->schema->name, uuid, note);
}

/* Rows that referred weakly to a row that is gone are modified, too. */
static void touch_weak_referrers(struct db_txn *txn)
{
    struct db_txn_row *tr;
    LIST_FOR_EACH (tr, node, &txn->rows) {
        struct db_weak_ref *ref;
        if (tr->new) {
            continue;
        }
        HMAP_FOR_EACH_WITH_HASH (ref, by_dst, uuid_hash(&tr->uuid), &txn->db->weak_by_dst) {
            if (ref->dst_table == tr->table->schema && uuid_equal(&ref->dst, &tr->uuid)) {
                struct db_row *row = db_table_row(txn->db->tables[ref->src_table->index], &ref->src);
                if (row) {
                    db_txn_modify(txn, row);
                }
            }
        }
    }
}

static bool is_weak_column(const struct ovsdb_column *c)
{
    return ovsdb_base_type_is_ref(&c->type.key, OVSDB_REF_WEAK) ||
           ovsdb_base_type_is_ref(&c->type.value, OVSDB_REF_WEAK);
}

static struct ovsdb_error *check_weak_references(struct db_txn *txn)
{
    struct db_txn_row *tr;
    if (!hmap_is_empty(&txn->db->weak_by_dst)) {
        touch_weak_referrers(txn);
    }
    LIST_FOR_EACH (tr, node, &txn->rows) {
        const struct ovsdb_table_schema *t = tr->table->schema;
        for (size_t i = 0; tr->new && t->has_weak_refs &&i < t->n_columns; i++) {
            if (is_weak_column(t->columns[i])) {
                struct ovsdb_error *error = drop_dangling(txn, tr, t->columns[i]);
                if (error) {
                    return error;
                }
            }
        }
    }
    return NULL;
}

/* Unique indexes: the old rows' nodes leave the maps, the new ones enter one by one. */

static void put_index_values(const struct db_row *row, const struct ovsdb_index *index, struct strbuf *s)
{
    for (size_t i = 0; i < index->n; i++) {
        const struct ovsdb_column *c = index->columns[i];
        strbuf_puts(s, !i ? "" : index->n > 2 ? ", " : " and ");
        if (i && i + 1 == index->n && index->n > 2) {
            strbuf_puts(s, "and ");
        }
        ovsdb_datum_put_text(row->columns[c->index], &c->type, s);
    }
}

static void put_row_history(const struct db_row *row, const struct ovsdb_index *index, const char *which,
                            struct strbuf *s)
{
    char uuid[UUID_TEXT_LEN + 1];
    uuid_format(&row->uuid, uuid);
    strbuf_printf(s, "%s row, with UUID %s, ", which, uuid);
    if (!row->txn_row) {
        strbuf_puts(
            s, "existed in the database before this transaction and was not modified by the transaction.");
    } else if (!row->txn_row->old) {
        strbuf_puts(s, "was inserted by this transaction.");
    } else if (db_row_index_equal(row->txn_row->old, row, index)) {
        strbuf_puts(
            s, "existed in the database before this transaction, which modified some of the row's columns "
               "but not any columns in this index.");
    } else {
        strbuf_puts(s, "had the following index values before the transaction: ");
        put_index_values(row->txn_row->old, index, s);
        strbuf_put_char(s, '.');
    }
}

static struct ovsdb_error *duplicate_error(const struct db_row *a, const struct db_row *b,
                                           const struct ovsdb_index *index)
{
    if (uuid_compare(&a->uuid, &b->uuid) < 0) {
        const struct db_row *swap = a;
        a = b;
        b = swap;
    }
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "Transaction causes multiple rows in \"%s\" table to have identical values (",
                  a->table->schema->name);
    put_index_values(a, index, &s);
    strbuf_printf(&s, ") for index on column%s ", index->n > 1 ? "s" : "");
    for (size_t i = 0; i < index->n; i++) {
        strbuf_puts(&s, !i ? "" : index->n > 2 ? ", " : " and ");
        strbuf_puts(&s, i && i + 1 == index->n && index->n > 2 ? "and " : "");
        strbuf_printf(&s, "\"%s\"", index->columns[i]->name);
    }
    strbuf_puts(&s, ".  ");
    put_row_history(a, index, "First", &s);
    strbuf_puts(&s, "  ");
    put_row_history(b, index, "Second", &s);
    struct ovsdb_error *error = ovsdb_error("constraint violation", "%s", strbuf_text(&s));
    strbuf_fini(&s);
    return error;
}

static void index_remove(const struct db_row *row, size_t i)
{
    hmap_remove(&row->table->indexes[i], &db_row_index_node(row, i)->node);
}

static void index_insert(const struct db_row *row, size_t i)
{
    hmap_insert(&row->table->indexes[i], &db_row_index_node(row, i)->node,
                db_row_index_hash(row, &row->table->schema->indexes[i]));
}

static struct ovsdb_error *index_insert_unique(const struct db_row *row, size_t i)
{
    const struct ovsdb_index *index = &row->table->schema->indexes[i];
    struct db_index_node *node;
    HMAP_FOR_EACH_WITH_HASH (node, node, db_row_index_hash(row, index), &row->table->indexes[i]) {
        const struct db_row *other = db_row_of_index_node(node, row->table, i);
        if (db_row_index_equal(row, other, index)) {
            return duplicate_error(row, other, index);
        }
    }
    index_insert(row, i);
    return NULL;
}

static void unindex_new_rows(struct db_txn *txn, const struct db_txn_row *end, size_t end_index)
{
    struct db_txn_row *tr;
    LIST_FOR_EACH (tr, node, &txn->rows) {
        for (size_t i = 0; tr->new &&i < tr->table->schema->n_indexes; i++) {
            if (tr == end && i == end_index) {
                return;
            }
            index_remove(tr->new, i);
        }
    }
}

static void index_old_rows(struct db_txn *txn, bool insert)
{
    struct db_txn_row *tr;
    LIST_FOR_EACH (tr, node, &txn->rows) {
        for (size_t i = 0; tr->old && i < tr->table->schema->n_indexes; i++) {
            (insert ? index_insert : index_remove)(tr->old, i);
        }
    }
}

static struct ovsdb_error *update_indexes(struct db_txn *txn)
{
    struct db_txn_row *tr;
    index_old_rows(txn, false);
    LIST_FOR_EACH (tr, node, &txn->rows) {
        for (size_t i = 0; tr->new &&i < tr->table->schema->n_indexes; i++) {
            struct ovsdb_error *error = index_insert_unique(tr->new, i);
            if (error) {
                unindex_new_rows(txn, tr, i);
                index_old_rows(txn, true);
                return error;
            }
        }
    }
    return NULL;
}

/* After this nothing fails. */

static void forget_weak_refs(struct db *db, const struct db_row *row)
{
    struct hmap_node *node = hmap_first_with_hash(&db->weak_by_src, uuid_hash(&row->uuid));
    while (node) {
        struct db_weak_ref *ref = OBJECT_OF(node, ref, by_src);
        node = hmap_next_with_hash(node);
        if (ref->src_table == row->table->schema && uuid_equal(&ref->src, &row->uuid)) {
            hmap_remove(&db->weak_by_src, &ref->by_src);
            hmap_remove(&db->weak_by_dst, &ref->by_dst);
            free(ref);
        }
    }
}

static void note_weak_refs(struct db *db, const struct db_row *row)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct ovsdb_column *c = t->columns[i];
        for (int value = 0; value < 2; value++) {
            const struct ovsdb_base_type *base = value ? &c->type.value : &c->type.key;
            if (!ovsdb_base_type_is_ref(base, OVSDB_REF_WEAK)) {
                continue;
            }
            for (size_t j = 0; j < row->columns[i]->n; j++) {
                struct db_weak_ref *ref = xzalloc(sizeof *ref);
                ref->dst = element_uuid(row->columns[i], &c->type, value, j);
                ref->src = row->uuid;
                ref->dst_table = base->uuid.ref_table;
                ref->src_table = t;
                ref->column = c;
                hmap_insert(&db->weak_by_dst, &ref->by_dst, uuid_hash(&ref->dst));
                hmap_insert(&db->weak_by_src, &ref->by_src, uuid_hash(&ref->src));
            }
        }
    }
}

static void notify(struct db_txn *txn)
{
    struct db *db = txn->db;
    size_t n = 0, i = 0;
    struct db_txn_row *tr;
    LIST_FOR_EACH (tr, node, &txn->rows) {
        n++;
    }
    struct db_change *changes = xmalloc(n * sizeof *changes);
    LIST_FOR_EACH (tr, node, &txn->rows) {
        changes[i++] = (struct db_change){tr->table->schema, tr->old, tr->new, tr->changed};
    }
    struct db_observer *o, *next;
    LIST_FOR_EACH_SAFE (o, next, node, &db->observers) {
        o->committed(o, changes, n);
    }
    free(changes);
}

static void keep(struct db_txn *txn)
{
    struct db_txn_row *tr, *next;
    LIST_FOR_EACH_SAFE (tr, next, node, &txn->rows) {
        if (tr->table->schema->has_weak_refs) {
            if (tr->old) {
                forget_weak_refs(txn->db, tr->old);
            }
            if (tr->new) {
                note_weak_refs(txn->db, tr->new);
            }
        }
        db_row_destroy(tr->old);
        if (tr->new) {
            tr->new->txn_row = NULL;
        }
        txn_row_free(txn, tr);
    }
    txn_destroy(txn);
}

struct ovsdb_error *db_txn_commit(struct db_txn *txn)
{
    struct db *db = txn->db;
    determine_changes(txn);
    if (list_is_empty(&txn->rows)) {
        db_txn_abort(txn);
        return NULL;
    }
    struct ovsdb_error *error = check_references(txn);
    error = error ? error : collect_garbage(txn);
    error = error ? error : check_max_rows(txn);
    error = error ? error : check_weak_references(txn);
    if (!error) {
        determine_changes(txn); /* what the checks themselves changed */
        error = update_indexes(txn);
    }
    if (!error && db->storage && !list_is_empty(&txn->rows)) {
        error = db_storage_write(db->storage, txn);
        if (error) {
            unindex_new_rows(txn, NULL, 0);
            index_old_rows(txn, true);
        }
    }
    if (error) {
        db_txn_abort(txn);
        return error;
    }
    /* Commit point. */
    db->n_commits++;
    notify(txn);
    keep(txn);
    return NULL;
}

struct ovsdb_error *db_txn_replay(struct db_txn *txn)
{
    determine_changes(txn);
    struct ovsdb_error *error = check_references(txn);
    error = error ? error : check_weak_references(txn);
    if (!error) {
        determine_changes(txn);
        error = update_indexes(txn);
    }
    if (error) {
        db_txn_abort(txn);
        return error;
    }
    keep(txn);
    return NULL;
}
