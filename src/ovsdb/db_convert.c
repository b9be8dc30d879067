/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/db_convert.h"

#include "ovsdb/db_txn.h"
#include "ovsdb/json_util.h"

static struct ovsdb_error *convert_row(const struct db_row *row, struct db_txn *txn, struct db_table *to)
{
    struct db_row *new = db_row_create(to);
    struct ovsdb_error *error = NULL;
    new->uuid = row->uuid;
    for (size_t i = 0; !error && i < to->schema->n_columns; i++) {
        const struct ovsdb_column *c = to->schema->columns[i];
        const struct ovsdb_column *old = ovsdb_table_column(row->table->schema, c->name);
        if (old && row->columns[old->index] != old->default_datum) {
            /* Types may differ: what counts is whether the new one can read what the old one writes. */
            struct strbuf s = STRBUF_INITIALIZER;
            struct ovsdb_datum *d;
            char *parse_error;
            ovsdb_datum_put_json(row->columns[old->index], &old->type, &s);
            struct json_object *json = json_parse(s.text, s.len, &parse_error);
            error = ovsdb_datum_from_json(&d, &c->type, json, NULL);
            if (!error) {
                db_row_set(new, c, d);
            }
            json_object_put(json);
            strbuf_fini(&s);
        }
    }
    if (error) {
        db_row_destroy(new);
    } else {
        db_txn_insert(txn, new);
    }
    return error;
}

struct ovsdb_error *db_convert(struct db **newp, const struct db *old, struct ovsdb_schema *schema)
{
    struct db *db = db_create(schema);
    struct db_txn *txn = db_txn_create(db);
    struct ovsdb_error *error = NULL;
    for (size_t i = 0; !error && i < schema->n_tables; i++) {
        struct db_table *from = db_table(old, schema->tables[i]->name);
        struct db_row *row;
        if (from) {
            HMAP_FOR_EACH (row, node, &from->rows) {
                error = error ? error : convert_row(row, txn, db->tables[i]);
            }
        }
    }
    if (error) {
        db_txn_abort(txn);
    } else {
        error = db_txn_commit(txn);
    }
    if (error) {
        db_destroy(db);
        return error;
    }
    *newp = db;
    return NULL;
}
