/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Conditions of RFC 7047 section 5.1: "where" clauses. In a transaction's operation all clauses must
 * hold; in a conditional monitor one suffices.
 * Thread-safety: none. */
#ifndef OVSDB_CONDITION_H
#define OVSDB_CONDITION_H 1

#include "ovsdb/db.h"

enum ovsdb_function {
    OVSDB_F_FALSE,
    OVSDB_F_TRUE,
    OVSDB_F_LT,
    OVSDB_F_LE,
    OVSDB_F_EQ,
    OVSDB_F_NE,
    OVSDB_F_GE,
    OVSDB_F_GT,
    OVSDB_F_INCLUDES,
    OVSDB_F_EXCLUDES
};

struct ovsdb_clause {
    enum ovsdb_function function;
    const struct ovsdb_column *column;
    struct ovsdb_type arg_type; /* its base types are the column's own: not to be freed */
    struct ovsdb_datum *arg;
    bool default_holds; /* for a row whose column is the default datum: most rows, of most columns */
};

struct ovsdb_condition {
    struct ovsdb_clause *clauses;
    size_t n;
};

#define OVSDB_CONDITION_INITIALIZER                                                                          \
    {                                                                                                        \
        NULL, 0                                                                                              \
    }

struct ovsdb_error *ovsdb_condition_from_json(struct ovsdb_condition *, const struct ovsdb_table_schema *,
                                              const struct json_object *, struct ovsdb_symtab *) WARN_UNUSED;
void ovsdb_condition_fini(struct ovsdb_condition *);
bool ovsdb_condition_all(const struct ovsdb_condition *,
                         const struct db_row *); /* true if there is no clause */
bool ovsdb_condition_any(const struct ovsdb_condition *,
                         const struct db_row *); /* true if there is no clause */

/* Calls CB for the table's rows for which all clauses hold, until it returns false. Looks rows up by UUID or
 * by a unique index where a clause allows it. CB may modify and delete the row. */
void ovsdb_condition_for_each(const struct ovsdb_condition *, struct db_table *,
                              bool (*cb)(struct db_row *, void *aux), void *aux);

/* Calls CB for the table's rows for which any clause holds (all rows if there is no clause), each once. No
 * transaction may be under way, and CB must not modify. Clauses that an index answers cost no scan. */
void ovsdb_condition_for_each_any(const struct ovsdb_condition *, const struct db_table *,
                                  void (*cb)(const struct db_row *, void *aux), void *aux);

#endif
