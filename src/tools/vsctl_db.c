/* SPDX-License-Identifier: Apache-2.0 */
/* Database commands: list, find, get, set, add, remove, clear, create, destroy, wait-until, comment. They
 * know no table in particular, but how records may be named. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "tools/vsctl.h"

LOG_MODULE(db_ctl_base);

/* Tables and columns by abbreviated names. */

/* 0: no likeness. Upper and lower case, "-" and "_" are alike; a beginning counts, the whole counts most. */
static unsigned likeness(const char *name, const char *word)
{
    unsigned n = 0;
    for (;; name++, word++) {
        char a = (char)tolower((unsigned char)(*name == '-' ? '_' : *name));
        char b = (char)tolower((unsigned char)(*word == '-' ? '_' : *word));
        if (!b) {
            return a ? n : UINT_MAX;
        }
        if (a != b) {
            return 0;
        }
        n++;
    }
}

static unsigned find_table(struct vsctl *ctx, const char *word)
{
    const struct ovsdb_schema *s = ovsdb_client_schema(ctx->client);
    unsigned best = 0, score = 0;
    bool ambiguous = false;
    for (unsigned i = 0; i < s->n_tables; i++) {
        unsigned x = likeness(s->tables[i]->name, word);
        if (x > score) {
            best = i;
            score = x;
            ambiguous = false;
        } else if (x && x == score) {
            ambiguous = true;
        }
    }
    if (!score) {
        vsctl_fatal("unknown table \"%s\"", word);
    }
    if (ambiguous) {
        vsctl_fatal("multiple table names match \"%s\"", word);
    }
    return best;
}

static const struct ovsdb_table_schema *table_schema(struct vsctl *ctx, unsigned table)
{
    return ovsdb_client_schema(ctx->client)->tables[table];
}

static const struct ovsdb_column *find_column(struct vsctl *ctx, unsigned table, const char *word)
{
    const struct ovsdb_table_schema *t = table_schema(ctx, table);
    const struct ovsdb_column *best = NULL;
    struct strbuf matches = STRBUF_INITIALIZER; /* all that are as like as the best */
    unsigned score = 0, n_best = 0;
    for (unsigned i = 0; i < t->n_columns; i++) {
        unsigned x = likeness(t->columns[i]->name, word);
        if (x > score) {
            best = t->columns[i];
            score = x;
            n_best = 0;
            strbuf_clear(&matches);
        }
        if (x && x == score) {
            strbuf_printf(&matches, "%s%s", n_best++ ? ", " : "", t->columns[i]->name);
        }
    }
    if (!best) {
        vsctl_fatal("%s does not contain a column whose name matches \"%s\"", t->name, word);
    }
    if (n_best > 1) {
        vsctl_fatal("%s contains more than one column whose name matches \"%s\": %s", t->name, word,
                    strbuf_text(&matches));
    }
    strbuf_fini(&matches);
    return best;
}

void vsctl_monitor(struct vsctl *ctx, unsigned table, unsigned column)
{
    ovsdb_client_monitor_column(ctx->client, table, column, OVSDB_MONITOR_ALERT);
}

/* Records. */

static const struct record_key {
    unsigned table;
    int name_table; /* the table whose `name_column` is compared; -1: there is one row at most, called "." */
    unsigned name_column;
    int via_column; /* in name_table, leads to the record; -1: the record is of name_table */
} record_keys[] = {
    {OVS_TABLE_BRIDGE, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME, -1},
    {OVS_TABLE_CONTROLLER, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME, OVS_BRIDGE_CONTROLLER},
    {OVS_TABLE_INTERFACE, OVS_TABLE_INTERFACE, OVS_INTERFACE_NAME, -1},
    {OVS_TABLE_MIRROR, OVS_TABLE_MIRROR, OVS_MIRROR_NAME, -1},
    {OVS_TABLE_MANAGER, OVS_TABLE_MANAGER, OVS_MANAGER_TARGET, -1},
    {OVS_TABLE_NETFLOW, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME, OVS_BRIDGE_NETFLOW},
    {OVS_TABLE_OPEN_VSWITCH, -1, 0, -1},
    {OVS_TABLE_PORT, OVS_TABLE_PORT, OVS_PORT_NAME, -1},
    {OVS_TABLE_QOS, OVS_TABLE_PORT, OVS_PORT_NAME, OVS_PORT_QOS},
    {OVS_TABLE_SSL, -1, 0, -1},
    {OVS_TABLE_SFLOW, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME, OVS_BRIDGE_SFLOW},
    {OVS_TABLE_FLOW_TABLE, OVS_TABLE_FLOW_TABLE, OVS_FLOW_TABLE_NAME, -1},
    {OVS_TABLE_IPFIX, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME, OVS_BRIDGE_IPFIX},
    {OVS_TABLE_AUTO_ATTACH, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME, OVS_BRIDGE_AUTO_ATTACH},
    {OVS_TABLE_FLOW_SAMPLE_COLLECTOR_SET, OVS_TABLE_FLOW_SAMPLE_COLLECTOR_SET,
     OVS_FLOW_SAMPLE_COLLECTOR_SET_ID, -1},
};

void vsctl_print_record_names(void)
{
    struct ovsdb_schema *s = ovsdb_vswitch_schema();
    for (size_t i = 0; i < ARRAY_SIZE(record_keys); i++) {
        const struct record_key *k = &record_keys[i];
        const char *table = s->tables[k->table]->name;
        if (k->name_table < 0) {
            printf("  %-28s.\n", table);
            continue;
        }
        const struct ovsdb_table_schema *names = s->tables[k->name_table];
        if (k->via_column < 0) {
            printf("  %-28sits %s\n", table, names->columns[k->name_column]->name);
        } else {
            printf("  %-28sthe name of the %s that it belongs to\n", table, names->name);
        }
    }
    ovsdb_schema_destroy(s);
}

static void prepare_record(struct vsctl *ctx, unsigned table)
{
    ovsdb_client_monitor_rows(ctx->client, table);
    for (size_t i = 0; i < ARRAY_SIZE(record_keys); i++) {
        const struct record_key *k = &record_keys[i];
        if (k->table == table && k->name_table >= 0) {
            vsctl_monitor(ctx, (unsigned)k->name_table, k->name_column);
            if (k->via_column >= 0) {
                vsctl_monitor(ctx, (unsigned)k->name_table, (unsigned)k->via_column);
            }
        }
    }
}

static bool name_matches(struct vsctl *ctx, const struct ovsdb_row *row, unsigned column, const char *id)
{
    const struct ovsdb_datum *d = vsctl_get(ctx, row, column);
    const struct ovsdb_type *type = &ovsdb_row_column(row, column)->type;
    if (d->n != 1) {
        return false;
    }
    struct strbuf s = STRBUF_INITIALIZER;
    ovsdb_datum_put_bare(d, type, &s);
    bool equal = !strcmp(strbuf_text(&s), id);
    strbuf_fini(&s);
    return equal;
}

static struct ovsdb_row *row_by_key(struct vsctl *ctx, const struct record_key *k, const char *id)
{
    struct ovsdb_row *row, *found = NULL;
    if (k->name_table < 0) {
        return !strcmp(id, ".") ? vsctl_first(ctx, k->table) : NULL;
    }
    VSCTL_FOR_EACH(row, ctx, (unsigned)k->name_table)
    {
        if (name_matches(ctx, row, k->name_column, id)) {
            if (found) {
                vsctl_fatal("multiple rows in %s match \"%s\"", table_schema(ctx, k->table)->name, id);
            }
            found = row;
        }
    }
    if (found && k->via_column >= 0) {
        if (vsctl_get(ctx, found, (unsigned)k->via_column)->n != 1) {
            return NULL;
        }
        found = vsctl_ref(ctx, found, (unsigned)k->via_column, 0);
    }
    return found;
}

/* "." is the row of a table that has just one. */
static struct ovsdb_row *only_row(struct vsctl *ctx, unsigned table)
{
    struct ovsdb_row *row, *found = NULL;
    VSCTL_FOR_EACH(row, ctx, table)
    {
        if (found) {
            return NULL;
        }
        found = row;
    }
    return found;
}

static bool starts_like_uuid(const char *id)
{
    size_t n = strlen(id);
    return n >= 4 && uuid_partial_match_len(id) == n;
}

static struct ovsdb_row *get_row(struct vsctl *ctx, unsigned table, const char *id, bool must_exist)
{
    struct uuid uuid;
    struct ovsdb_row *row = NULL;
    if (uuid_parse(&uuid, id)) {
        row = vsctl_find(ctx, table, &uuid);
    }
    if (!row && *id == '@') {
        const struct ovsdb_symbol *symbol = ovsdb_symtab_find(ctx->symbols, id);
        row = symbol && symbol->created ? vsctl_find(ctx, table, &symbol->uuid) : NULL;
    }
    for (size_t i = 0; !row && i < ARRAY_SIZE(record_keys); i++) {
        if (record_keys[i].table == table) {
            row = row_by_key(ctx, &record_keys[i], id);
        }
    }
    if (!row && !strcmp(id, ".")) {
        row = only_row(ctx, table);
    }
    if (!row && starts_like_uuid(id)) {
        struct ovsdb_row *other, *found = NULL;
        VSCTL_FOR_EACH(other, ctx, table)
        {
            if (uuid_text_starts_with(&other->uuid, id)) {
                if (found) {
                    vsctl_fatal("%s contains 2 or more rows whose UUIDs begin with %s",
                                table_schema(ctx, table)->name, id);
                }
                found = other;
            }
        }
        row = found;
    }
    if (!row && must_exist) {
        vsctl_fatal("no row \"%s\" in table %s", id, table_schema(ctx, table)->name);
    }
    return row;
}

/* "column[:key]", and an operator with a value. */

struct expression {
    const struct ovsdb_column *column;
    char *key; /* or NULL */
    int op;    /* in `operators`; -1: none */
    const char *value;
};

/* Longer ones before their beginnings. */
static const char *const operators[] = {"{not-in}", "{in}", "{!=}", "{<=}", "{>=}", "{=}", "{<}",
                                        "{>}",      "!=",   "<=",   ">=",   "=",    "<",   ">"};
enum {
    OP_ASSIGN = 11
};

/* What is asked of an argument. */
enum form {
    COLUMN_FIRST, /* begins with "column[:key]": all that can be said before the command's turn comes */
    COLUMN_ALONE, /* "column[:key]" */
    ASSIGNMENT,   /* "column[:key]=value" */
    CONDITION,    /* "column[:key]OPERATORvalue" */
};

static void parse_expression(struct vsctl *ctx, unsigned table, const char *arg, struct expression *e,
                             enum form form)
{
    const char *p = arg;
    char *name;
    memset(e, 0, sizeof *e);
    e->op = -1;
    char *error = ovsdb_token_parse(&p, &name);
    if (error) {
        vsctl_fatal_text(error);
    }
    if (!*name) {
        vsctl_fatal("%s: missing column name", arg);
    }
    e->column = find_column(ctx, table, name);
    free(name);
    if (*p == ':') {
        p++;
        error = ovsdb_token_parse(&p, &e->key);
        if (error) {
            vsctl_fatal_text(error);
        }
    }
    if (form == COLUMN_FIRST) {
        return;
    }
    for (int i = 0; form != COLUMN_ALONE && i < (int)ARRAY_SIZE(operators); i++) {
        size_t n = strlen(operators[i]);
        if ((form == CONDITION || i == OP_ASSIGN) && !strncmp(p, operators[i], n) && p[n]) {
            e->op = i;
            e->value = p + n;
            return;
        }
    }
    if (form == CONDITION) {
        vsctl_fatal(
            "%s: argument does not end in \"=\", \"!=\", \"<\", \">\", \"<=\", \">=\", \"{=}\", \"{!=}\", "
            "\"{<}\", \"{>}\", \"{<=}\", \"{>=}\", \"{in}\", or \"{not-in}\" followed by a value.",
            arg);
    }
    if (form == ASSIGNMENT) {
        vsctl_fatal("%s: argument does not end in \"=\" followed by a value.", arg);
    }
    if (*p) {
        vsctl_fatal("%s: trailing garbage \"%s\" in argument", arg, p);
    }
}

static void check_mutable(struct vsctl *ctx, const struct ovsdb_row *row, const struct ovsdb_column *c)
{
    if (!c->is_mutable && !(ctx->txn && ovsdb_txn_is_new(ctx->txn, row))) {
        vsctl_fatal("cannot modify read-only column %s in table %s", c->name,
                    table_schema(ctx, ovsdb_row_table(row))->name);
    }
}

static struct ovsdb_datum *parse_datum(struct vsctl *ctx, const struct ovsdb_type *type, const char *text)
{
    struct ovsdb_datum *d;
    char *error = ovsdb_datum_from_string(&d, type, text, ctx->symbols);
    if (error) {
        vsctl_fatal_text(error);
    }
    return d;
}

static union ovsdb_atom parse_atom(struct vsctl *ctx, const struct ovsdb_base_type *base, const char *text)
{
    union ovsdb_atom a;
    char *error = ovsdb_atom_from_string(&a, base, text, ctx->symbols);
    if (error) {
        vsctl_fatal_text(error);
    }
    return a;
}

void vsctl_set_column(struct vsctl *ctx, struct ovsdb_row *row, const char *arg)
{
    struct expression e;
    parse_expression(ctx, ovsdb_row_table(row), arg, &e, ASSIGNMENT);
    check_mutable(ctx, row, e.column);
    if (e.key) {
        const struct ovsdb_type *type = &e.column->type;
        if (!ovsdb_type_is_map(type)) {
            vsctl_fatal("cannot specify key to set for non-map column %s", e.column->name);
        }
        union ovsdb_atom key = parse_atom(ctx, &type->key, e.key);
        union ovsdb_atom value = parse_atom(ctx, &type->value, e.value);
        struct ovsdb_datum_builder b;
        ovsdb_datum_builder_init(&b, type);
        ovsdb_datum_builder_add(&b, key, &value);
        ovsdb_txn_add(ctx->txn, row, e.column->index, ovsdb_datum_builder_finish_unique(&b));
        free(e.key);
    } else {
        ovsdb_txn_set(ctx->txn, row, e.column->index, parse_datum(ctx, &e.column->type, e.value));
    }
    vsctl_info_forget(ctx);
}

/* Conditions of find and wait-until. */

static bool set_relation(int op, const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                         const struct ovsdb_type *type)
{
    bool a_in_b = ovsdb_datum_includes_all(a, b, type), b_in_a = ovsdb_datum_includes_all(b, a, type);
    switch (op) {
    case 2: /* {!=} */
        return !(a_in_b && b_in_a);
    case 3: /* {<=} */
    case 1: /* {in} */
        return a_in_b;
    case 0: /* {not-in} */
        return ovsdb_datum_excludes_all(b, a, type);
    case 4: /* {>=} */
        return b_in_a;
    case 5: /* {=} */
        return a_in_b && b_in_a;
    case 6: /* {<} */
        return a_in_b && !b_in_a;
    default: /* {>} */
        return b_in_a && !a_in_b;
    }
}

static bool plain_relation(int op, const struct ovsdb_datum *a, const struct ovsdb_datum *b,
                           const struct ovsdb_type *type)
{
    int order = ovsdb_datum_compare(a, b, type);
    switch (op) {
    case 8: /* != */
        return order != 0;
    case 9: /* <= */
        return order <= 0;
    case 10: /* >= */
        return order >= 0;
    case OP_ASSIGN:
        return order == 0;
    case 12: /* < */
        return order < 0;
    default:
        return order > 0;
    }
}

static bool key_condition(struct vsctl *ctx, const struct expression *e, const struct ovsdb_datum *have)
{
    const struct ovsdb_type *type = &e->column->type;
    if (!ovsdb_type_is_map(type)) {
        vsctl_fatal("cannot specify key to check for non-map column %s", e->column->name);
    }
    union ovsdb_atom key = parse_atom(ctx, &type->key, e->key);
    long at = ovsdb_datum_find(have, type, key);
    ovsdb_atom_unref(key, type->key.type);
    struct ovsdb_type value_type;
    ovsdb_type_init(&value_type, type->value.type);
    ovsdb_base_type_copy(&value_type.key, &type->value);
    value_type.n_min = 0;
    value_type.n_max = UINT_MAX;
    struct ovsdb_datum *want = parse_datum(ctx, &value_type, e->value);
    struct ovsdb_datum *value =
        at < 0
            ? ovsdb_datum_empty()
            : ovsdb_datum_from_atom(
                  ovsdb_atom_ref(ovsdb_datum_value(have, type, (size_t)at), type->value.type), &value_type);
    /* A set relation compares what is not there as the empty set; another does not hold. */
    bool holds = e->op <= 7 ? set_relation(e->op, value, want, &value_type)
                            : at >= 0 && plain_relation(e->op, value, want, &value_type);
    ovsdb_datum_unref(want, &value_type);
    ovsdb_datum_unref(value, &value_type);
    ovsdb_type_fini(&value_type);
    return holds;
}

static bool condition_holds(struct vsctl *ctx, const struct ovsdb_row *row, const char *arg)
{
    struct expression e;
    parse_expression(ctx, ovsdb_row_table(row), arg, &e, CONDITION);
    const struct ovsdb_datum *have = vsctl_get(ctx, row, e.column->index);
    bool holds;
    if (e.key) {
        holds = key_condition(ctx, &e, have);
        free(e.key);
    } else {
        struct ovsdb_type type = e.column->type;
        if (e.op <= 7) { /* set relations */
            type.n_min = 0;
        }
        struct ovsdb_datum *want = parse_datum(ctx, &type, e.value);
        holds = e.op > 7 ? plain_relation(e.op, have, want, &type) : set_relation(e.op, have, want, &type);
        ovsdb_datum_unref(want, &type);
    }
    return holds;
}

/* Preparations: what a command names is monitored. */

static void prepare_expression(struct vsctl *ctx, unsigned table, const char *arg)
{
    struct expression e;
    parse_expression(ctx, table, arg, &e, COLUMN_FIRST);
    vsctl_monitor(ctx, table, e.column->index);
    free(e.key);
}

static void prepare_columns(struct vsctl *ctx, unsigned table, char **args, int n)
{
    for (int i = 0; i < n; i++) {
        prepare_expression(ctx, table, args[i]);
    }
}

/* --columns=a,b: indexes, the UUID's as n_columns. Without: the UUID and all. */
static size_t *output_columns(struct vsctl *ctx, struct vsctl_run *run, unsigned table, size_t *n)
{
    const struct ovsdb_table_schema *t = table_schema(ctx, table);
    const char *list = vsctl_option(run, "--columns");
    size_t *columns = xmalloc((t->n_columns + 1) * sizeof *columns), allocated = t->n_columns + 1;
    *n = 0;
    if (!list) {
        columns[(*n)++] = t->n_columns;
        for (size_t i = 0; i < t->n_columns; i++) {
            columns[(*n)++] = i;
        }
        return columns;
    }
    char *copy = xstrdup(list), *save = NULL;
    for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
        if (*n >= allocated) {
            columns = x2nrealloc(columns, &allocated, sizeof *columns);
        }
        columns[(*n)++] = !strcmp(word, "_uuid") ? t->n_columns : find_column(ctx, table, word)->index;
    }
    free(copy);
    if (!*n) {
        vsctl_fatal("must specify at least one column name");
    }
    return columns;
}

static void prepare_list(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    size_t n, *columns = output_columns(ctx, run, table, &n);
    prepare_record(ctx, table);
    for (size_t i = 0; i < n; i++) {
        if (columns[i] < table_schema(ctx, table)->n_columns) {
            vsctl_monitor(ctx, table, (unsigned)columns[i]);
        }
    }
    free(columns);
}

static void prepare_find(struct vsctl *ctx, struct vsctl_run *run)
{
    prepare_list(ctx, run);
    for (int i = 2; i < run->argc; i++) {
        prepare_expression(ctx, find_table(ctx, run->argv[1]), run->argv[i]);
    }
}

static void prepare_set(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    prepare_record(ctx, table);
    prepare_columns(ctx, table, run->argv + 3, run->argc - 3);
}

static void prepare_get(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    prepare_record(ctx, table);
    for (int i = 3; i < run->argc; i++) {
        if (strcmp(run->argv[i], "_uuid") && strcmp(run->argv[i], "-uuid")) {
            prepare_expression(ctx, table, run->argv[i]);
        }
    }
}

static void prepare_one_column(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    prepare_record(ctx, table);
    vsctl_monitor(ctx, table, find_column(ctx, table, run->argv[3])->index);
}

static void prepare_clear(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    prepare_record(ctx, table);
    for (int i = 3; i < run->argc; i++) {
        vsctl_monitor(ctx, table, find_column(ctx, table, run->argv[i])->index);
    }
}

static void prepare_create(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    const struct ovsdb_table_schema *t = table_schema(ctx, table);
    const char *id = vsctl_option(run, "--id");
    ovsdb_client_monitor_rows(ctx->client, table);
    if (!id && !t->is_root) {
        LOG_WARN("applying \"create\" command to table %s without --id option will have no effect", t->name);
    }
}

static void prepare_destroy(struct vsctl *ctx, struct vsctl_run *run)
{
    prepare_record(ctx, find_table(ctx, run->argv[1]));
}

static void prepare_wait_until(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    prepare_record(ctx, table);
    for (int i = 3; i < run->argc; i++) {
        prepare_expression(ctx, table, run->argv[i]);
    }
}

/* list, find */

static void start_table(struct vsctl *ctx, struct vsctl_run *run, unsigned table, const size_t *columns,
                        size_t n)
{
    const struct ovsdb_table_schema *t = table_schema(ctx, table);
    run->table = xmalloc(sizeof *run->table);
    dbtable_init(run->table);
    for (size_t i = 0; i < n; i++) {
        dbtable_add_column(run->table, columns[i] < t->n_columns ? t->columns[columns[i]]->name : "_uuid");
    }
}

static void list_row(struct vsctl *ctx, struct vsctl_run *run, const struct ovsdb_row *row,
                     const size_t *columns, size_t n)
{
    const struct ovsdb_table_schema *t = table_schema(ctx, ovsdb_row_table(row));
    for (size_t i = 0; row && i < n; i++) {
        if (columns[i] < t->n_columns) {
            dbtable_add_datum(run->table, vsctl_get(ctx, row, (unsigned)columns[i]),
                              &t->columns[columns[i]]->type);
        } else {
            struct ovsdb_datum *d = ovsdb_datum_from_uuid(&row->uuid);
            dbtable_add_datum(run->table, d, &t->uuid_column->type);
            ovsdb_datum_unref(d, &t->uuid_column->type);
        }
    }
}

static void run_list(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    size_t n, *columns = output_columns(ctx, run, table, &n);
    bool must_exist = !vsctl_has(run, "--if-exists");
    start_table(ctx, run, table, columns, n);
    if (run->argc > 2) {
        for (int i = 2; i < run->argc; i++) {
            struct ovsdb_row *row = get_row(ctx, table, run->argv[i], must_exist);
            if (row) {
                list_row(ctx, run, row, columns, n);
            }
        }
    } else {
        struct ovsdb_row *row;
        VSCTL_FOR_EACH(row, ctx, table)
        {
            list_row(ctx, run, row, columns, n);
        }
    }
    free(columns);
}

static void run_find(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    size_t n, *columns = output_columns(ctx, run, table, &n);
    struct ovsdb_row *row;
    start_table(ctx, run, table, columns, n);
    VSCTL_FOR_EACH(row, ctx, table)
    {
        bool matches = true;
        for (int i = 2; matches && i < run->argc; i++) {
            matches = condition_holds(ctx, row, run->argv[i]);
        }
        if (matches) {
            list_row(ctx, run, row, columns, n);
        }
    }
    free(columns);
}

/* get */

static void get_key(struct vsctl *ctx, struct vsctl_run *run, const struct expression *e,
                    const struct ovsdb_datum *d)
{
    const struct ovsdb_type *type = &e->column->type;
    if (!ovsdb_type_is_map(type)) {
        vsctl_fatal("cannot specify key to get for non-map column %s", e->column->name);
    }
    union ovsdb_atom key = parse_atom(ctx, &type->key, e->key);
    long at = ovsdb_datum_find(d, type, key);
    ovsdb_atom_unref(key, type->key.type);
    if (at < 0) {
        if (!vsctl_has(run, "--if-exists")) {
            vsctl_fatal("no key \"%s\" in %s record \"%s\" column %s", e->key,
                        table_schema(ctx, find_table(ctx, run->argv[1]))->name, run->argv[2],
                        e->column->name);
        }
    } else {
        ovsdb_atom_put_text(ovsdb_datum_value(d, type, (size_t)at), type->value.type, &run->out);
    }
}

static struct ovsdb_symbol *new_symbol(struct vsctl *ctx, const char *id)
{
    if (*id != '@') {
        vsctl_fatal("row id \"%s\" does not begin with \"@\"", id);
    }
    struct ovsdb_symbol *symbol = ovsdb_symtab_get(ctx->symbols, id);
    if (symbol->created) {
        vsctl_fatal("row id \"%s\" may only be specified on one --id option", id);
    }
    symbol->created = true;
    return symbol;
}

static void run_get(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    const char *id = vsctl_option(run, "--id");
    struct ovsdb_row *row = get_row(ctx, table, run->argv[2], !vsctl_has(run, "--if-exists"));
    if (!row) {
        return;
    }
    if (id) {
        struct ovsdb_symbol *symbol = new_symbol(ctx, id);
        symbol->uuid = row->uuid;
        symbol->strong_ref = true; /* it needs nobody to refer to it */
    }
    for (int i = 3; i < run->argc; i++) {
        if (!strcmp(run->argv[i], "_uuid") || !strcmp(run->argv[i], "-uuid")) {
            char text[UUID_TEXT_LEN + 1];
            strbuf_printf(&run->out, "%s\n", uuid_format(&row->uuid, text));
            continue;
        }
        struct expression e;
        parse_expression(ctx, table, run->argv[i], &e, COLUMN_ALONE);
        const struct ovsdb_datum *d = vsctl_get(ctx, row, e.column->index);
        ovsdb_txn_verify(ctx->txn, row, e.column->index);
        if (e.key) {
            get_key(ctx, run, &e, d);
            free(e.key);
        } else {
            ovsdb_datum_put_text(d, &e.column->type, &run->out);
        }
        strbuf_put_char(&run->out, '\n');
    }
}

/* set, add, remove, clear */

static void run_set(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    struct ovsdb_row *row = get_row(ctx, table, run->argv[2], !vsctl_has(run, "--if-exists"));
    for (int i = 3; row && i < run->argc; i++) {
        vsctl_set_column(ctx, row, run->argv[i]);
    }
}

static void run_add(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    struct ovsdb_row *row = get_row(ctx, table, run->argv[2], !vsctl_has(run, "--if-exists"));
    const struct ovsdb_column *c = find_column(ctx, table, run->argv[3]);
    if (!row) {
        return;
    }
    check_mutable(ctx, row, c);
    struct ovsdb_type add_type = c->type;
    add_type.n_min = 1;
    add_type.n_max = UINT_MAX;
    struct ovsdb_datum *added = ovsdb_datum_empty();
    for (int i = 4; i < run->argc; i++) {
        struct ovsdb_datum *d = parse_datum(ctx, &add_type, run->argv[i]);
        struct ovsdb_datum *both = ovsdb_datum_union(added, d, &c->type, true);
        ovsdb_datum_unref(added, &c->type);
        ovsdb_datum_unref(d, &c->type);
        added = both;
    }
    if (ovsdb_type_is_map(&c->type)) {
        struct ovsdb_datum *all = ovsdb_datum_union(vsctl_get(ctx, row, c->index), added, &c->type, true);
        ovsdb_datum_unref(added, &c->type);
        ovsdb_txn_verify(ctx->txn, row, c->index);
        ovsdb_txn_set(ctx->txn, row, c->index, all);
    } else if (run->last) {
        ovsdb_txn_add_blindly(ctx->txn, row, c->index, added); /* the server knows best what fits */
    } else {
        struct ovsdb_datum *all = ovsdb_datum_union(vsctl_get(ctx, row, c->index), added, &c->type, true);
        if (all->n > c->type.n_max) {
            vsctl_fatal(
                "\"add\" operation would put %u values in column %s of table %s but the maximum number is %u",
                all->n, c->name, table_schema(ctx, table)->name, c->type.n_max);
        }
        ovsdb_datum_unref(all, &c->type);
        ovsdb_txn_add(ctx->txn, row, c->index, added);
    }
    vsctl_info_forget(ctx);
}

static void run_remove(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    struct ovsdb_row *row = get_row(ctx, table, run->argv[2], !vsctl_has(run, "--if-exists"));
    const struct ovsdb_column *c = find_column(ctx, table, run->argv[3]);
    if (!row) {
        return;
    }
    check_mutable(ctx, row, c);
    struct ovsdb_type rm_type = c->type, key_type = c->type;
    rm_type.n_min = key_type.n_min = 1;
    rm_type.n_max = key_type.n_max = UINT_MAX;
    memset(&key_type.value, 0, sizeof key_type.value);
    for (int i = 4; i < run->argc; i++) {
        struct ovsdb_datum *d;
        char *error = ovsdb_datum_from_string(&d, &rm_type, run->argv[i], ctx->symbols);
        if (!error && ovsdb_type_is_scalar(&c->type) &&
            ovsdb_datum_excludes_all(d, vsctl_get(ctx, row, c->index), &c->type)) {
            ovsdb_datum_unref(d, &rm_type); /* nothing to remove, and the server would call it an error */
        } else if (!error) {
            ovsdb_txn_remove(ctx->txn, row, c->index, d);
        } else if (ovsdb_type_is_map(&c->type)) {
            free(error); /* keys alone */
            ovsdb_txn_remove_keys(ctx->txn, row, c->index, parse_datum(ctx, &key_type, run->argv[i]));
        } else {
            vsctl_fatal_text(error);
        }
    }
    if (vsctl_get(ctx, row, c->index)->n < c->type.n_min) {
        vsctl_fatal(
            "\"remove\" operation would put %u values in column %s of table %s but the minimum number is %u",
            vsctl_get(ctx, row, c->index)->n, c->name, table_schema(ctx, table)->name, c->type.n_min);
    }
    vsctl_info_forget(ctx);
}

static void run_clear(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    struct ovsdb_row *row = get_row(ctx, table, run->argv[2], !vsctl_has(run, "--if-exists"));
    for (int i = 3; row && i < run->argc; i++) {
        const struct ovsdb_column *c = find_column(ctx, table, run->argv[i]);
        check_mutable(ctx, row, c);
        if (c->type.n_min > 0) {
            vsctl_fatal(
                "\"clear\" operation cannot be applied to column %s of table %s, which is not allowed to be "
                "empty",
                c->name, table_schema(ctx, table)->name);
        }
        ovsdb_txn_set_empty(ctx->txn, row, c->index);
    }
    vsctl_info_forget(ctx);
}

/* create, destroy */

static void run_create(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    const char *id = vsctl_option(run, "--id");
    run->symbol = id ? new_symbol(ctx, id) : NULL;
    struct ovsdb_row *row = run->row =
        ovsdb_txn_insert_as(ctx->txn, table, run->symbol ? &run->symbol->uuid : NULL);
    for (int i = 2; i < run->argc; i++) {
        vsctl_set_column(ctx, row, run->argv[i]);
    }
    char text[UUID_TEXT_LEN + 1];
    strbuf_printf(&run->out, "%s\n", uuid_format(&row->uuid, text));
}

/* After the commit the real UUID is known. */
static void finish_create(struct vsctl *ctx, struct vsctl_run *run)
{
    char text[UUID_TEXT_LEN + 1];
    strbuf_clear(&run->out);
    strbuf_printf(&run->out, "%s\n", uuid_format(ovsdb_txn_inserted_uuid(ctx->txn, run->row), text));
}

static void run_destroy(struct vsctl *ctx, struct vsctl_run *run)
{
    unsigned table = find_table(ctx, run->argv[1]);
    bool must_exist = !vsctl_has(run, "--if-exists"), all = vsctl_has(run, "--all");
    if (all && run->argc > 2) {
        vsctl_fatal("--all and records argument should not be specified together");
    }
    if (all && !must_exist) {
        vsctl_fatal("--all and --if-exists should not be specified together");
    }
    if (all) {
        struct ovsdb_row *row, *next;
        for (row = vsctl_first(ctx, table); row; row = next) {
            next = vsctl_next(ctx, row);
            ovsdb_txn_delete(ctx->txn, row);
        }
    } else {
        if (run->argc == 2) {
            LOG_WARN("either --all or records argument should be specified");
        }
        for (int i = 2; i < run->argc; i++) {
            struct ovsdb_row *row = get_row(ctx, table, run->argv[i], must_exist);
            if (row) {
                ovsdb_txn_delete(ctx->txn, row);
            }
        }
    }
    vsctl_info_forget(ctx);
}

static void run_wait_until(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *row = get_row(ctx, find_table(ctx, run->argv[1]), run->argv[2], false);
    ctx->must_wait |= !row;
    for (int i = 3; row && i < run->argc; i++) {
        ctx->must_wait |= !condition_holds(ctx, row, run->argv[i]);
    }
}

static void run_comment(struct vsctl *ctx, struct vsctl_run *run)
{
}

void vsctl_check_symbols(struct vsctl *ctx)
{
    struct ovsdb_symbol *symbol;
    const char *name;
    for (size_t i = 0; (name = ovsdb_symtab_name(ctx->symbols, i, &symbol)) != NULL; i++) {
        if (!symbol->created) {
            vsctl_fatal("row id \"%s\" is referenced but never created (e.g. with \"-- --id=%s create ...\")",
                        name, name);
        }
    }
}

const struct vsctl_command vsctl_db_commands[] = {
    {"comment", 0, INT_MAX, "*ARG", "", "say something in the log of the database", NULL, run_comment, NULL,
     false},
    {"get", 2, INT_MAX, "!TABLE !RECORD *COLUMN?:KEY",
     "--if-exists,--id=", "print values of columns of a record", prepare_get, run_get, NULL, false},
    {"list", 1, INT_MAX, "!TABLE *RECORD", "--if-exists,--columns=", "print records, all of them by default",
     prepare_list, run_list, NULL, false},
    {"find", 1, INT_MAX, "!TABLE *COLUMN?:KEY=VALUE",
     "--columns=", "print the records that satisfy all conditions", prepare_find, run_find, NULL, false},
    {"set", 3, INT_MAX, "!TABLE !RECORD +COLUMN?:KEY=VALUE", "--if-exists",
     "set columns, or keys of them, to values", prepare_set, run_set, NULL, true},
    {"add", 4, INT_MAX, "!TABLE !RECORD !COLUMN +?KEY=VALUE", "--if-exists",
     "add values, or keys with values, to a column", prepare_one_column, run_add, NULL, true},
    {"remove", 4, INT_MAX, "!TABLE !RECORD !COLUMN +KEY|VALUE|KEY=VALUE", "--if-exists",
     "take values, keys, or keys with values from a column", prepare_one_column, run_remove, NULL, true},
    {"clear", 3, INT_MAX, "!TABLE !RECORD +COLUMN", "--if-exists", "make columns empty", prepare_clear,
     run_clear, NULL, true},
    {"create", 2, INT_MAX, "!TABLE +COLUMN?:KEY=VALUE", "--id=", "make a record and print its UUID",
     prepare_create, run_create, finish_create, true},
    {"destroy", 1, INT_MAX, "!TABLE *RECORD", "--if-exists,--all", "delete records", prepare_destroy,
     run_destroy, NULL, true},
    {"wait-until", 2, INT_MAX, "!TABLE !RECORD *COLUMN?:KEY=VALUE", "",
     "wait until a record is there and satisfies all conditions", prepare_wait_until, run_wait_until, NULL,
     false},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
