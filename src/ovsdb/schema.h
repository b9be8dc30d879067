/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. A database's schema (RFC 7047 section 3.2): tables of columns. Columns stand in the order in which
 * they were declared (a schema in our own source: so that an enumeration can name them) or, read from JSON,
 * sorted by name. Each column holds the one default value that all rows share.
 * Ownership: the schema owns tables, columns and types; whoever created it destroys it, after all rows.
 * Thread-safety: none; one thread's. */
#ifndef OVSDB_SCHEMA_H
#define OVSDB_SCHEMA_H 1

#include "base/hmap.h"
#include "ovsdb/datum.h"

/* Columns that every row has beside the table's own. Their `index` follows those of the table's columns. */
#define OVSDB_N_PSEUDO_COLUMNS 2

struct ovsdb_column {
    struct hmap_node by_name; /* in the table's `columns_by_name` */
    char *name;
    unsigned index;
    bool is_mutable;
    bool persistent; /* not "ephemeral" */
    struct ovsdb_type type;
    struct ovsdb_datum *default_datum;
};

/* A set of columns whose values no two rows have in common. */
struct ovsdb_index {
    const struct ovsdb_column **columns;
    size_t n;
};

struct ovsdb_table_schema {
    struct hmap_node by_name; /* in the schema's `tables_by_name` */
    char *name;
    unsigned index; /* in the schema's `tables` */
    struct ovsdb_column **columns;
    size_t n_columns;
    struct ovsdb_column *uuid_column, *version_column; /* "_uuid", "_version" */
    struct hmap columns_by_name;
    struct ovsdb_index *indexes;
    size_t n_indexes;
    bool is_root;
    unsigned max_rows;                   /* UINT_MAX: unlimited */
    bool has_strong_refs, has_weak_refs; /* some column holds them */
};

struct ovsdb_schema {
    char *name;
    char *version; /* "" if there is none */
    char *cksum;   /* as the JSON had it, "" if it had none */
    struct ovsdb_table_schema **tables;
    size_t n_tables;
    struct hmap tables_by_name;
};

bool ovsdb_is_id(const char *);      /* [a-zA-Z_][a-zA-Z0-9_]* */
bool ovsdb_is_version(const char *); /* "x.y.z", no leading zeros needed */

/* Building one by hand; ovsdb_schema_finish() resolves references and checks roots. */
struct ovsdb_schema *ovsdb_schema_create(const char *name, const char *version, const char *cksum);
void ovsdb_schema_destroy(struct ovsdb_schema *);
struct ovsdb_table_schema *ovsdb_schema_add_table(struct ovsdb_schema *, const char *name, bool is_root,
                                                  unsigned max_rows);
/* TYPE is taken over. */
struct ovsdb_column *ovsdb_table_add_column(struct ovsdb_table_schema *, const char *name,
                                            struct ovsdb_type *type, bool is_mutable, bool persistent);
void ovsdb_table_add_index(struct ovsdb_table_schema *, const struct ovsdb_column **columns, size_t n);
struct ovsdb_error *ovsdb_schema_finish(struct ovsdb_schema *) WARN_UNUSED;

struct ovsdb_error *ovsdb_schema_from_json(struct ovsdb_schema **, const struct json_object *) WARN_UNUSED;
struct ovsdb_error *ovsdb_schema_from_file(struct ovsdb_schema **, const char *file_name) WARN_UNUSED;
struct ovsdb_schema *ovsdb_schema_clone(const struct ovsdb_schema *);
void ovsdb_schema_put_json(const struct ovsdb_schema *, struct strbuf *);
bool ovsdb_schema_equal(const struct ovsdb_schema *, const struct ovsdb_schema *);

struct ovsdb_table_schema *ovsdb_schema_table(const struct ovsdb_schema *, const char *name);
/* "_uuid" and "_version" too. */
struct ovsdb_column *ovsdb_table_column(const struct ovsdb_table_schema *, const char *name);
static inline bool ovsdb_column_is_pseudo(const struct ovsdb_table_schema *t, const struct ovsdb_column *c)
{
    return c->index >= t->n_columns;
}

/* A set of columns, in the order given. */
struct ovsdb_column_set {
    const struct ovsdb_column **columns;
    size_t n, allocated;
};
void ovsdb_column_set_add(struct ovsdb_column_set *, const struct ovsdb_column *);
void ovsdb_column_set_add_all(struct ovsdb_column_set *,
                              const struct ovsdb_table_schema *); /* pseudo ones too */
bool ovsdb_column_set_contains(const struct ovsdb_column_set *, const struct ovsdb_column *);
void ovsdb_column_set_fini(struct ovsdb_column_set *);
/* From an array of names, all columns if JSON is NULL. */
struct ovsdb_error *ovsdb_column_set_from_json(struct ovsdb_column_set *, const struct json_object *,
                                               const struct ovsdb_table_schema *) WARN_UNUSED;

#endif
