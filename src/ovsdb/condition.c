/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/condition.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

static const char *const function_names[] = {
    [OVSDB_F_LT] = "<",
    [OVSDB_F_LE] = "<=",
    [OVSDB_F_EQ] = "==",
    [OVSDB_F_NE] = "!=",
    [OVSDB_F_GE] = ">=",
    [OVSDB_F_GT] = ">",
    [OVSDB_F_INCLUDES] = "includes",
    [OVSDB_F_EXCLUDES] = "excludes",
};

static struct ovsdb_error *parse_function(const char *name, enum ovsdb_function *f)
{
    for (int i = OVSDB_F_LT; i <= OVSDB_F_EXCLUDES; i++) {
        if (!strcmp(name, function_names[i])) {
            *f = (enum ovsdb_function)i;
            return NULL;
        }
    }
    return ovsdb_error("unknown function", "No function named %s.", name);
}

static bool is_relational(enum ovsdb_function f)
{
    return f == OVSDB_F_LT || f == OVSDB_F_LE || f == OVSDB_F_GE || f == OVSDB_F_GT;
}

static bool evaluate_datum(const struct ovsdb_clause *clause, const struct ovsdb_datum *d)
{
    const struct ovsdb_type *type = &clause->column->type;
    if (is_relational(clause->function)) {
        if (!d->n) {
            return false;
        }
        int order = ovsdb_atom_compare(ovsdb_datum_key(d, type, 0), ovsdb_datum_key(clause->arg, type, 0),
                                       type->key.type);
        switch (clause->function) {
        case OVSDB_F_LT:
            return order < 0;
        case OVSDB_F_LE:
            return order <= 0;
        case OVSDB_F_GE:
            return order >= 0;
        default:
            return order > 0;
        }
    }
    switch (clause->function) {
    case OVSDB_F_EQ:
        return ovsdb_datum_equal(d, clause->arg, type);
    case OVSDB_F_NE:
        return !ovsdb_datum_equal(d, clause->arg, type);
    case OVSDB_F_INCLUDES:
        return ovsdb_datum_includes_all(clause->arg, d, type);
    default:
        return ovsdb_datum_excludes_all(clause->arg, d, type);
    }
}

static struct ovsdb_error *parse_clause(struct ovsdb_clause *clause, const struct ovsdb_table_schema *t,
                                        const struct json_object *json, struct ovsdb_symtab *symtab)
{
    const char *column_name, *function_name;

    memset(clause, 0, sizeof *clause);
    if (json && json_object_is_type(json, json_type_boolean)) {
        clause->function = json_object_get_boolean(json) ? OVSDB_F_TRUE : OVSDB_F_FALSE;
        return NULL;
    }
    if (!json_is_array(json) || json_length(json) != 3 ||
        !json_is_string(json_element(json, 0), &column_name) ||
        !json_is_string(json_element(json, 1), &function_name)) {
        return ovsdb_value_error(json, "Parse error in condition.");
    }
    const struct ovsdb_column *c = clause->column = ovsdb_table_column(t, column_name);
    if (!c) {
        return ovsdb_syntax_error(json, "unknown column", "No column %s in table %s.", column_name, t->name);
    }
    struct ovsdb_error *error = parse_function(function_name, &clause->function);
    if (error) {
        return error;
    }
    clause->arg_type = c->type;
    if (is_relational(clause->function)) {
        bool numeric = c->type.key.type == OVSDB_INTEGER || c->type.key.type == OVSDB_REAL;
        if (!numeric || (!ovsdb_type_is_scalar(&c->type) && !ovsdb_type_is_optional_scalar(&c->type))) {
            char *type = ovsdb_type_to_english(&c->type);
            error = ovsdb_value_error(
                json, "Type mismatch: \"%s\" operator may not be applied to column %s of type %s.",
                function_name, c->name, type);
            free(type);
            return error;
        }
        clause->arg_type.n_min = 1;
    } else if (clause->function == OVSDB_F_INCLUDES || clause->function == OVSDB_F_EXCLUDES) {
        if (!ovsdb_type_is_scalar(&c->type)) {
            clause->arg_type.n_min = 0;
            if (clause->function == OVSDB_F_EXCLUDES) {
                clause->arg_type.n_max = UINT_MAX;
            }
        }
    }
    error = ovsdb_datum_from_json(&clause->arg, &clause->arg_type, json_element(json, 2), symtab);
    if (!error && c->default_datum) {
        clause->default_holds = evaluate_datum(clause, c->default_datum);
    }
    return error;
}

struct ovsdb_error *ovsdb_condition_from_json(struct ovsdb_condition *cond,
                                              const struct ovsdb_table_schema *t,
                                              const struct json_object *json, struct ovsdb_symtab *symtab)
{
    size_t n = json_length(json);
    cond->clauses = xcalloc(n, sizeof *cond->clauses);
    cond->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_error *error = parse_clause(&cond->clauses[i], t, json_element(json, i), symtab);
        if (error) {
            ovsdb_condition_fini(cond);
            return error;
        }
        cond->n++;
    }
    return NULL;
}

void ovsdb_condition_fini(struct ovsdb_condition *cond)
{
    for (size_t i = 0; i < cond->n; i++) {
        if (cond->clauses[i].arg) {
            ovsdb_datum_unref(cond->clauses[i].arg, &cond->clauses[i].arg_type);
        }
    }
    free(cond->clauses);
    *cond = (struct ovsdb_condition){NULL, 0};
}

static bool evaluate(const struct ovsdb_clause *clause, const struct db_row *row)
{
    if (clause->function == OVSDB_F_TRUE || clause->function == OVSDB_F_FALSE) {
        return clause->function == OVSDB_F_TRUE;
    }
    if (clause->column->index < row->table->schema->n_columns) {
        const struct ovsdb_datum *d = row->columns[clause->column->index];
        return d == clause->column->default_datum ? clause->default_holds : evaluate_datum(clause, d);
    }
    struct ovsdb_datum *d = db_row_get(row, clause->column);
    bool holds = evaluate_datum(clause, d);
    ovsdb_datum_unref(d, &clause->column->type);
    return holds;
}

bool ovsdb_condition_all(const struct ovsdb_condition *cond, const struct db_row *row)
{
    for (size_t i = 0; i < cond->n; i++) {
        if (!evaluate(&cond->clauses[i], row)) {
            return false;
        }
    }
    return true;
}

bool ovsdb_condition_any(const struct ovsdb_condition *cond, const struct db_row *row)
{
    for (size_t i = 0; i < cond->n; i++) {
        if (evaluate(&cond->clauses[i], row)) {
            return true;
        }
    }
    return !cond->n;
}

/* An index serves only rows that were committed: with a transaction's hands on any row of the table it may be
 * stale, so the row found, if touched, sends us to the scan. */
static bool find_by_index(const struct ovsdb_condition *cond, struct db_table *t, struct db_row **row)
{
    for (size_t i = 0; i < cond->n; i++) {
        const struct ovsdb_clause *clause = &cond->clauses[i];
        if (clause->function == OVSDB_F_EQ && clause->column == t->schema->uuid_column) {
            union ovsdb_atom a = ovsdb_datum_key(clause->arg, &clause->column->type, 0);
            *row = db_table_row(t, &a.uuid);
            return true;
        }
    }
    for (size_t i = 0; i < cond->n; i++) {
        const struct ovsdb_clause *clause = &cond->clauses[i];
        for (size_t j = 0; clause->function == OVSDB_F_EQ && j < t->schema->n_indexes; j++) {
            const struct ovsdb_index *index = &t->schema->indexes[j];
            /* Usable while the rows of the table are just those of the index: nothing uncommitted in between.
             */
            if (index->n == 1 && index->columns[0] == clause->column &&
                hmap_count(&t->indexes[j]) == hmap_count(&t->rows) && !clause->column->is_mutable) {
                *row = db_table_find_indexed(t, j, clause->arg);
                if (*row && (*row)->txn_row) {
                    return false;
                }
                return *row != NULL;
            }
        }
    }
    return false;
}

void ovsdb_condition_for_each(const struct ovsdb_condition *cond, struct db_table *t,
                              bool (*cb)(struct db_row *, void *aux), void *aux)
{
    struct db_row *row;
    if (find_by_index(cond, t, &row)) {
        if (row && ovsdb_condition_all(cond, row)) {
            cb(row, aux);
        }
        return;
    }
    /* The callback may replace rows in the table's map, so those that match are collected first. */
    struct db_row **rows = NULL;
    size_t n = 0, allocated = 0;
    HMAP_FOR_EACH (row, node, &t->rows) {
        if (ovsdb_condition_all(cond, row)) {
            if (n >= allocated) {
                rows = x2nrealloc(rows, &allocated, sizeof(struct db_row *));
            }
            rows[n++] = row;
        }
    }
    for (size_t i = 0; i < n && cb(rows[i], aux); i++) {
    }
    free(rows);
}

/* Whether an index answers CLAUSE; *ROW is the row, or NULL. For committed rows. */
static bool clause_by_index(const struct ovsdb_clause *clause, const struct db_table *t, struct db_row **row)
{
    if (clause->function == OVSDB_F_FALSE) {
        *row = NULL;
        return true;
    }
    if (clause->function != OVSDB_F_EQ) {
        return false;
    }
    if (clause->column == t->schema->uuid_column) {
        union ovsdb_atom a = ovsdb_datum_key(clause->arg, &clause->column->type, 0);
        *row = db_table_row(t, &a.uuid);
        return true;
    }
    for (size_t i = 0; i < t->schema->n_indexes; i++) {
        if (t->schema->indexes[i].n == 1 && t->schema->indexes[i].columns[0] == clause->column) {
            *row = db_table_find_indexed(t, i, clause->arg);
            return true;
        }
    }
    return false;
}

void ovsdb_condition_for_each_any(const struct ovsdb_condition *cond, const struct db_table *t,
                                  void (*cb)(const struct db_row *, void *aux), void *aux)
{
    struct ovsdb_condition scanned = {xcalloc(cond->n + 1, sizeof *scanned.clauses), 0},
                           indexed = {xcalloc(cond->n + 1, sizeof *indexed.clauses), 0};
    struct db_row *row;
    for (size_t i = 0; i < cond->n; i++) {
        if (!clause_by_index(&cond->clauses[i], t, &row)) {
            scanned.clauses[scanned.n++] = cond->clauses[i];
            continue;
        }
        if (row && (!indexed.n || !ovsdb_condition_any(&indexed, row))) {
            cb(row, aux);
        }
        indexed.clauses[indexed.n++] = cond->clauses[i];
    }
    if (scanned.n || !cond->n) {
        HMAP_FOR_EACH (row, node, &t->rows) {
            if (ovsdb_condition_any(&scanned, row) && (!indexed.n || !ovsdb_condition_any(&indexed, row))) {
                cb(row, aux);
            }
        }
    }
    free(scanned.clauses);
    free(indexed.clauses);
}
