/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/mutation.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

static const char *const mutator_names[] = {
    [OVSDB_M_ADD] = "+=", [OVSDB_M_SUB] = "-=",        [OVSDB_M_MUL] = "*=",        [OVSDB_M_DIV] = "/=",
    [OVSDB_M_MOD] = "%=", [OVSDB_M_INSERT] = "insert", [OVSDB_M_DELETE] = "delete",
};

static struct ovsdb_error *type_mismatch(const struct ovsdb_mutation *m, const struct json_object *json)
{
    char *type = ovsdb_type_to_english(&m->column->type);
    struct ovsdb_error *error =
        ovsdb_value_error(json, "Type mismatch: \"%s\" operator may not be applied to column %s of type %s.",
                          mutator_names[m->mutator], m->column->name, type);
    free(type);
    return error;
}

static struct ovsdb_error *parse_arithmetic(struct ovsdb_mutation *m, const struct json_object *json,
                                            const struct json_object *arg, struct ovsdb_symtab *symtab)
{
    const struct ovsdb_type *type = &m->column->type;
    bool integer = type->key.type == OVSDB_INTEGER, real = type->key.type == OVSDB_REAL;
    if (ovsdb_type_is_map(type) || (!integer && !(real && m->mutator != OVSDB_M_MOD))) {
        return type_mismatch(m, json);
    }
    ovsdb_type_init(&m->arg_type, type->key.type);
    return ovsdb_datum_from_json(&m->arg, &m->arg_type, arg, symtab);
}

static struct ovsdb_error *parse_set_mutation(struct ovsdb_mutation *m, const struct json_object *json,
                                              const struct json_object *arg, struct ovsdb_symtab *symtab)
{
    const struct ovsdb_type *type = &m->column->type;
    if (ovsdb_type_is_scalar(type)) {
        return type_mismatch(m, json);
    }
    m->arg_type = *type;
    m->arg_type.n_min = 0;
    if (m->mutator == OVSDB_M_DELETE) {
        m->arg_type.n_max = UINT_MAX;
    }
    struct ovsdb_error *error = ovsdb_datum_from_json(&m->arg, &m->arg_type, arg, symtab);
    if (error && ovsdb_type_is_map(type) && m->mutator == OVSDB_M_DELETE) {
        ovsdb_error_destroy(error); /* not pairs: then keys */
        memset(&m->arg_type.value, 0, sizeof m->arg_type.value);
        error = ovsdb_datum_from_json(&m->arg, &m->arg_type, arg, symtab);
    }
    return error;
}

static struct ovsdb_error *parse_mutation(struct ovsdb_mutation *m, const struct ovsdb_table_schema *t,
                                          const struct json_object *json, struct ovsdb_symtab *symtab)
{
    const char *column_name, *mutator_name;
    memset(m, 0, sizeof *m);
    if (!json_is_array(json) || json_length(json) != 3 ||
        !json_is_string(json_element(json, 0), &column_name) ||
        !json_is_string(json_element(json, 1), &mutator_name)) {
        return ovsdb_value_error(json, "Parse error in mutation.");
    }
    m->column = ovsdb_table_column(t, column_name);
    if (!m->column) {
        return ovsdb_syntax_error(json, "unknown column", "No column %s in table %s.", column_name, t->name);
    }
    if (!m->column->is_mutable) {
        return ovsdb_syntax_error(json, "constraint violation",
                                  "Cannot mutate immutable column %s in table %s.", column_name, t->name);
    }
    size_t i;
    for (i = 0; i < ARRAY_SIZE(mutator_names) && strcmp(mutator_name, mutator_names[i]); i++) {
    }
    if (i >= ARRAY_SIZE(mutator_names)) {
        return ovsdb_error("unknown mutator", "No mutator named %s.", mutator_name);
    }
    m->mutator = (enum ovsdb_mutator)i;
    return m->mutator < OVSDB_M_INSERT ? parse_arithmetic(m, json, json_element(json, 2), symtab)
                                       : parse_set_mutation(m, json, json_element(json, 2), symtab);
}

struct ovsdb_error *ovsdb_mutations_from_json(struct ovsdb_mutations *set, const struct ovsdb_table_schema *t,
                                              const struct json_object *json, struct ovsdb_symtab *symtab)
{
    size_t n = json_length(json);
    set->list = xcalloc(n, sizeof *set->list);
    set->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_error *error = parse_mutation(&set->list[i], t, json_element(json, i), symtab);
        if (error) {
            ovsdb_mutations_fini(set);
            return error;
        }
        set->n++;
    }
    return NULL;
}

void ovsdb_mutations_fini(struct ovsdb_mutations *set)
{
    for (size_t i = 0; i < set->n; i++) {
        ovsdb_datum_unref(set->list[i].arg, &set->list[i].arg_type);
    }
    free(set->list);
    *set = (struct ovsdb_mutations){NULL, 0};
}

enum arithmetic_result {
    FINE,
    OUT_OF_RANGE,
    DIVISION_BY_ZERO
};

static enum arithmetic_result integer_arithmetic(enum ovsdb_mutator m, int64_t *x, int64_t y)
{
    switch (m) {
    case OVSDB_M_ADD:
        return __builtin_add_overflow(*x, y, x) ? OUT_OF_RANGE : FINE;
    case OVSDB_M_SUB:
        return __builtin_sub_overflow(*x, y, x) ? OUT_OF_RANGE : FINE;
    case OVSDB_M_MUL:
        return __builtin_mul_overflow(*x, y, x) ? OUT_OF_RANGE : FINE;
    default:
        if (!y) {
            return DIVISION_BY_ZERO;
        }
        if (*x == INT64_MIN && y == -1) {
            return OUT_OF_RANGE;
        }
        *x = m == OVSDB_M_DIV ? *x / y : *x % y;
        return FINE;
    }
}

static enum arithmetic_result real_arithmetic(enum ovsdb_mutator m, double *x, double y)
{
    if (m == OVSDB_M_DIV && y == 0) {
        return DIVISION_BY_ZERO;
    }
    *x = m == OVSDB_M_ADD ? *x + y : m == OVSDB_M_SUB ? *x - y : m == OVSDB_M_MUL ? *x * y : *x / y;
    return isfinite(*x) ? FINE : OUT_OF_RANGE;
}

static struct ovsdb_error *mutate_numbers(const struct ovsdb_mutation *m, const struct ovsdb_datum *d,
                                          struct ovsdb_datum **result)
{
    const struct ovsdb_type *type = &m->column->type;
    union ovsdb_atom y = ovsdb_datum_key(m->arg, &m->arg_type, 0);
    struct ovsdb_datum_builder b;
    struct ovsdb_error *error = NULL;

    ovsdb_datum_builder_init(&b, type);
    for (size_t i = 0; !error && i < d->n; i++) {
        union ovsdb_atom x = ovsdb_datum_key(d, type, i);
        enum arithmetic_result r = type->key.type == OVSDB_INTEGER
                                       ? integer_arithmetic(m->mutator, &x.integer, y.integer)
                                       : real_arithmetic(m->mutator, &x.real, y.real);
        if (r == DIVISION_BY_ZERO) {
            error = ovsdb_error("domain error", "Division by zero.");
        } else if (r == OUT_OF_RANGE) {
            error = ovsdb_error("range error", "Result of \"%s\" operation is out of range.",
                                mutator_names[m->mutator]);
        } else {
            error = ovsdb_base_type_check(&type->key, x);
        }
        ovsdb_datum_builder_add(&b, x, NULL);
    }
    if (error) {
        ovsdb_datum_builder_fini(&b);
        return error;
    }
    error = ovsdb_datum_builder_finish(&b, result);
    if (error) {
        ovsdb_error_destroy(error);
        return ovsdb_error("constraint violation", "Result of \"%s\" operation contains duplicates.",
                           mutator_names[m->mutator]);
    }
    return NULL;
}

static struct ovsdb_error *execute(const struct ovsdb_mutation *m, struct db_row *row)
{
    const struct ovsdb_column *c = m->column;
    const struct ovsdb_datum *old = row->columns[c->index];
    struct ovsdb_datum *new = NULL;

    if (m->mutator == OVSDB_M_INSERT) {
        new = ovsdb_datum_union(old, m->arg, &c->type, false);
    } else if (m->mutator == OVSDB_M_DELETE) {
        new = ovsdb_datum_difference(old, &c->type, m->arg, &m->arg_type);
    } else {
        struct ovsdb_error *error = mutate_numbers(m, old, &new);
        if (error) {
            return error;
        }
    }
    if (new->n < c->type.n_min || new->n > c->type.n_max) {
        char *type = ovsdb_type_to_english(&c->type);
        struct ovsdb_error *error =
            ovsdb_error("constraint violation", "Attempted to store %u elements in %s.", new->n, type);
        free(type);
        ovsdb_datum_unref(new, &c->type);
        return error;
    }
    db_row_set(row, c, new);
    return NULL;
}

struct ovsdb_error *ovsdb_mutations_execute(const struct ovsdb_mutations *set, struct db_row *row)
{
    for (size_t i = 0; i < set->n; i++) {
        struct ovsdb_error *error = execute(&set->list[i], row);
        if (error) {
            return error;
        }
    }
    return NULL;
}
