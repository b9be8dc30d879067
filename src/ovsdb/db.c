/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/db.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

static void free_rows(struct db *db)
{
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        struct db_table *t = db->tables[i];
        struct db_row *row;
        HMAP_FOR_EACH_SAFE (row, node, &t->rows) {
            db_row_destroy(row);
        }
        hmap_fini(&t->rows);
        for (size_t j = 0; j < t->schema->n_indexes; j++) {
            hmap_fini(&t->indexes[j]);
        }
        free(t->indexes);
        free(t);
    }
    free(db->tables);
    struct db_weak_ref *ref;
    HMAP_FOR_EACH_SAFE (ref, by_dst, &db->weak_by_dst) {
        free(ref);
    }
    hmap_fini(&db->weak_by_dst);
    hmap_fini(&db->weak_by_src);
    ovsdb_schema_destroy(db->schema);
}

struct db *db_create(struct ovsdb_schema *schema)
{
    struct db *db = xzalloc(sizeof *db);
    db->name = xstrdup(schema->name);
    db->schema = schema;
    db->tables = xcalloc(schema->n_tables, sizeof(struct db_table *));
    for (size_t i = 0; i < schema->n_tables; i++) {
        struct db_table *t = db->tables[i] = xzalloc(sizeof *t);
        t->schema = schema->tables[i];
        t->db = db;
        hmap_init(&t->rows);
        t->indexes = xcalloc(t->schema->n_indexes, sizeof *t->indexes);
        for (size_t j = 0; j < t->schema->n_indexes; j++) {
            hmap_init(&t->indexes[j]);
        }
    }
    hmap_init(&db->weak_by_dst);
    hmap_init(&db->weak_by_src);
    list_init(&db->observers);
    return db;
}

void db_destroy(struct db *db)
{
    if (db) {
        free_rows(db);
        free(db->name);
        free(db);
    }
}

void db_replace(struct db *db, struct db *src)
{
    free_rows(db);
    db->schema = src->schema;
    db->tables = src->tables;
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        db->tables[i]->db = db;
    }
    db->weak_by_dst =
        src->weak_by_dst; /* a map of one bucket refers to nothing in itself but through `buckets` */
    db->weak_by_src = src->weak_by_src;
    db->n_commits++;
    free(src->name);
    free(src);
}

struct db_table *db_table(const struct db *db, const char *name)
{
    const struct ovsdb_table_schema *t = ovsdb_schema_table(db->schema, name);
    return t ? db->tables[t->index] : NULL;
}

struct db_row *db_table_row(const struct db_table *t, const struct uuid *uuid)
{
    struct db_row *row;
    HMAP_FOR_EACH_WITH_HASH (row, node, uuid_hash(uuid), &t->rows) {
        if (uuid_equal(&row->uuid, uuid)) {
            return row;
        }
    }
    return NULL;
}

static size_t row_size(const struct ovsdb_table_schema *t)
{
    return sizeof(struct db_row) + t->n_columns * sizeof(struct ovsdb_datum *) +
           t->n_indexes * sizeof(struct db_index_node);
}

struct db_row *db_row_create(struct db_table *t)
{
    struct db_row *row = xzalloc(row_size(t->schema));
    row->table = t;
    for (size_t i = 0; i < t->schema->n_columns; i++) {
        row->columns[i] = ovsdb_datum_ref(t->schema->columns[i]->default_datum);
    }
    return row;
}

struct db_row *db_row_clone(const struct db_row *src)
{
    const struct ovsdb_table_schema *t = src->table->schema;
    struct db_row *row = xzalloc(row_size(t));
    row->table = src->table;
    row->uuid = src->uuid;
    row->version = src->version;
    row->n_refs = src->n_refs;
    for (size_t i = 0; i < t->n_columns; i++) {
        row->columns[i] = ovsdb_datum_ref(src->columns[i]);
    }
    return row;
}

void db_row_destroy(struct db_row *row)
{
    if (row) {
        const struct ovsdb_table_schema *t = row->table->schema;
        for (size_t i = 0; i < t->n_columns; i++) {
            ovsdb_datum_unref(row->columns[i], &t->columns[i]->type);
        }
        free(row);
    }
}

struct ovsdb_datum *db_row_get(const struct db_row *row, const struct ovsdb_column *c)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    if (c->index < t->n_columns) {
        return ovsdb_datum_ref(row->columns[c->index]);
    }
    return ovsdb_datum_from_uuid(c == t->uuid_column ? &row->uuid : &row->version);
}

void db_row_set(struct db_row *row, const struct ovsdb_column *c, struct ovsdb_datum *d)
{
    if (c->index < row->table->schema->n_columns) {
        if (d != c->default_datum && ovsdb_datum_is_default(d, &c->type)) {
            ovsdb_datum_unref(d, &c->type); /* all rows share the one default */
            d = ovsdb_datum_ref(c->default_datum);
        }
        ovsdb_datum_unref(row->columns[c->index], &c->type);
        row->columns[c->index] = d;
    } else {
        ovsdb_datum_unref(d, &c->type); /* _uuid and _version are not for clients to set */
    }
}

struct ovsdb_error *db_row_from_json(struct db_row *row, const struct json_object *json,
                                     struct ovsdb_symtab *symtab, struct ovsdb_column_set *columns)
{
    const struct ovsdb_table_schema *t = row->table->schema;
    if (!json_is_object(json)) {
        return ovsdb_value_error(json, "row must be JSON object");
    }
    json_object_object_foreach((struct json_object *)(uintptr_t)json, name, value)
    {
        const struct ovsdb_column *c = ovsdb_table_column(t, name);
        if (!c) {
            return ovsdb_syntax_error(json, "unknown column", "No column %s in table %s.", name, t->name);
        }
        if (columns) {
            ovsdb_column_set_add(columns, c);
        }
        struct ovsdb_datum *d;
        struct ovsdb_error *error = ovsdb_datum_from_json(&d, &c->type, value, symtab);
        if (error) {
            return error;
        }
        db_row_set(row, c, d);
    }
    return NULL;
}

void db_row_put_json(const struct db_row *row, const struct ovsdb_column_set *columns, struct strbuf *s)
{
    strbuf_put_char(s, '{');
    for (size_t i = 0; i < columns->n; i++) {
        const struct ovsdb_column *c = columns->columns[i];
        strbuf_puts(s, i ? ",\"" : "\"");
        strbuf_puts(s, c->name);
        strbuf_puts(s, "\":");
        struct ovsdb_datum *d = db_row_get(row, c);
        ovsdb_datum_put_json(d, &c->type, s);
        ovsdb_datum_unref(d, &c->type);
    }
    strbuf_put_char(s, '}');
}

uint32_t db_row_index_hash(const struct db_row *row, const struct ovsdb_index *index)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < index->n; i++) {
        const struct ovsdb_column *c = index->columns[i];
        hash = ovsdb_datum_hash(row->columns[c->index], &c->type, hash);
    }
    return hash;
}

bool db_row_index_equal(const struct db_row *a, const struct db_row *b, const struct ovsdb_index *index)
{
    for (size_t i = 0; i < index->n; i++) {
        const struct ovsdb_column *c = index->columns[i];
        if (!ovsdb_datum_equal(a->columns[c->index], b->columns[c->index], &c->type)) {
            return false;
        }
    }
    return true;
}

static size_t index_node_offset(const struct db_table *t, size_t index)
{
    return sizeof(struct db_row) + t->schema->n_columns * sizeof(struct ovsdb_datum *) +
           index * sizeof(struct db_index_node);
}

struct db_index_node *db_row_index_node(const struct db_row *row, size_t index)
{
    return (struct db_index_node *)(void *)((char *)(uintptr_t)row + index_node_offset(row->table, index));
}

struct db_row *db_row_of_index_node(const struct db_index_node *node, const struct db_table *t, size_t index)
{
    return (struct db_row *)(void *)((char *)(uintptr_t)node - index_node_offset(t, index));
}

struct db_row *db_table_find_indexed(const struct db_table *t, size_t index, const struct ovsdb_datum *value)
{
    const struct ovsdb_column *c = t->schema->indexes[index].columns[0];
    struct db_index_node *node;
    HMAP_FOR_EACH_WITH_HASH (node, node, ovsdb_datum_hash(value, &c->type, 0), &t->indexes[index]) {
        struct db_row *row = db_row_of_index_node(node, t, index);
        if (ovsdb_datum_equal(row->columns[c->index], value, &c->type)) {
            return row;
        }
    }
    return NULL;
}
