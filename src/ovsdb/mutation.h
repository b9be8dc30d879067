/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Mutations of RFC 7047 section 5.1: arithmetic on numbers, insertion into and deletion from sets
 * and maps. Thread-safety: none. */
#ifndef OVSDB_MUTATION_H
#define OVSDB_MUTATION_H 1

#include "ovsdb/db.h"

enum ovsdb_mutator {
    OVSDB_M_ADD,
    OVSDB_M_SUB,
    OVSDB_M_MUL,
    OVSDB_M_DIV,
    OVSDB_M_MOD,
    OVSDB_M_INSERT,
    OVSDB_M_DELETE
};

struct ovsdb_mutation {
    enum ovsdb_mutator mutator;
    const struct ovsdb_column *column;
    struct ovsdb_type arg_type; /* base types are the column's, or plain: not to be freed */
    struct ovsdb_datum *arg;
};

struct ovsdb_mutations {
    struct ovsdb_mutation *list;
    size_t n;
};

struct ovsdb_error *ovsdb_mutations_from_json(struct ovsdb_mutations *, const struct ovsdb_table_schema *,
                                              const struct json_object *, struct ovsdb_symtab *) WARN_UNUSED;
void ovsdb_mutations_fini(struct ovsdb_mutations *);
/* ROW must be one that may be written. */
struct ovsdb_error *ovsdb_mutations_execute(const struct ovsdb_mutations *, struct db_row *) WARN_UNUSED;

#endif
