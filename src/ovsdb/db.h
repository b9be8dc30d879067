/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A database in memory: tables of rows, unique indexes, references. Rows change only through a
 * transaction (ovsdb/db_txn.h). What became permanent is told to observers (monitors, the file).
 *
 * A row costs its header, a pointer a column, a hash node a unique index, and its own datums; all columns
 * that hold their default point to the column's one default datum. Thread-safety: none; a database belongs to
 * one thread, with its schema and all datums. */
#ifndef OVSDB_DB_H
#define OVSDB_DB_H 1

#include "base/bitmap.h"
#include "base/list.h"
#include "ovsdb/schema.h"

struct db_txn;
struct db_txn_row;

struct db_row {
    struct hmap_node node; /* in its table's rows */
    struct uuid uuid;
    struct uuid version; /* changes with each modification */
    struct db_table *table;
    struct db_txn_row *txn_row;    /* while a transaction has its hands on it */
    uint32_t n_refs;               /* strong references to it */
    uint32_t snapshot;             /* the last compaction that needs it no more; ovsdb/db_compact.h */
    struct ovsdb_datum *columns[]; /* then a `struct db_index_node` for each of the table's indexes */
};

struct db_index_node {
    struct hmap_node node;
};

struct db_table {
    const struct ovsdb_table_schema *schema;
    struct db *db;
    struct hmap rows;
    struct hmap *indexes; /* a map for each index, keyed by the hash of its columns */
};

/* "Row SRC refers weakly to DST in COLUMN": kept apart from rows, since few rows have any. */
struct db_weak_ref {
    struct hmap_node by_dst, by_src; /* in the database's maps */
    struct uuid dst, src;
    const struct ovsdb_table_schema *dst_table, *src_table;
    const struct ovsdb_column *column;
};

/* One row's part of a committed change. OLD is NULL for an insertion, NEW for a deletion. */
struct db_change {
    const struct ovsdb_table_schema *table;
    const struct db_row *old, *new;
    const unsigned long *changed; /* bitmap of the columns that differ; of a modification */
};

struct db_observer {
    struct list node;
    void (*committed)(struct db_observer *, const struct db_change *, size_t n);
};

struct db {
    char *name;
    struct ovsdb_schema *schema;
    struct db_table **tables; /* as in the schema */
    struct hmap weak_by_dst, weak_by_src;
    struct list observers;
    struct db_storage *storage; /* ovsdb/db_storage.h; NULL: in memory only */
    uint64_t n_commits;         /* counts changes: waiting transactions try again when it moves */
    size_t n_atoms_hint;        /* rows, for memory/show */
    uint32_t n_snapshots;       /* compactions begun */
};

struct db *db_create(struct ovsdb_schema *); /* takes it over */
void db_destroy(struct db *);
/* Puts the content of SRC (schema, rows) in place of DB's; SRC is destroyed. Observers stay and are not told.
 */
void db_replace(struct db *, struct db *src);

struct db_table *db_table(const struct db *, const char *name); /* NULL if there is none */
struct db_row *db_table_row(const struct db_table *, const struct uuid *);
static inline size_t db_table_count(const struct db_table *t)
{
    return hmap_count(&t->rows);
}

struct db_row *db_row_create(struct db_table *); /* all defaults, no uuid, not in the table */
struct db_row *db_row_clone(const struct db_row *);
void db_row_destroy(struct db_row *);
/* The value; a new reference. "_uuid" and "_version" work, too. */
struct ovsdb_datum *db_row_get(const struct db_row *, const struct ovsdb_column *);
void db_row_set(struct db_row *, const struct ovsdb_column *, struct ovsdb_datum *); /* takes the reference */
/* Parses {"column":value,...}; of ROW's other columns nothing changes. COLUMNS, if not NULL, gets those
 * named. */
struct ovsdb_error *db_row_from_json(struct db_row *, const struct json_object *, struct ovsdb_symtab *,
                                     struct ovsdb_column_set *columns) WARN_UNUSED;
void db_row_put_json(const struct db_row *, const struct ovsdb_column_set *, struct strbuf *);
uint32_t db_row_index_hash(const struct db_row *, const struct ovsdb_index *);
bool db_row_index_equal(const struct db_row *, const struct db_row *, const struct ovsdb_index *);
struct db_index_node *db_row_index_node(const struct db_row *, size_t index);
struct db_row *db_row_of_index_node(const struct db_index_node *, const struct db_table *, size_t index);
/* The committed row whose single indexed column INDEX holds VALUE. */
struct db_row *db_table_find_indexed(const struct db_table *, size_t index, const struct ovsdb_datum *value);

#endif
