/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

bool ovsdb_is_id(const char *s)
{
    unsigned char c = (unsigned char)*s;
    if (!isalpha(c) && c != '_') {
        return false;
    }
    while ((c = (unsigned char)*++s) != '\0') {
        if (!isalnum(c) && c != '_') {
            return false;
        }
    }
    return true;
}

bool ovsdb_is_version(const char *s)
{
    unsigned a, b, c;
    int n = -1;
    return sscanf(s, "%u.%u.%u%n", &a, &b, &c, &n) == 3 && n >= 0 && !s[n];
}

struct ovsdb_schema *ovsdb_schema_create(const char *name, const char *version, const char *cksum)
{
    struct ovsdb_schema *s = xzalloc(sizeof *s);
    s->name = xstrdup(name);
    s->version = xstrdup(version);
    s->cksum = xstrdup(cksum);
    hmap_init(&s->tables_by_name);
    return s;
}

static struct ovsdb_column *column_create(const char *name, struct ovsdb_type *type, bool is_mutable,
                                          bool persistent, unsigned index)
{
    struct ovsdb_column *c = xzalloc(sizeof *c);
    c->name = xstrdup(name);
    c->index = index;
    c->is_mutable = is_mutable;
    c->persistent = persistent;
    c->type = *type;
    c->default_datum = ovsdb_datum_default(&c->type);
    return c;
}

static void column_destroy(struct ovsdb_column *c)
{
    ovsdb_datum_unref(c->default_datum, &c->type);
    ovsdb_type_fini(&c->type);
    free(c->name);
    free(c);
}

static void table_destroy(struct ovsdb_table_schema *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        column_destroy(t->columns[i]);
    }
    column_destroy(t->uuid_column);
    column_destroy(t->version_column);
    for (size_t i = 0; i < t->n_indexes; i++) {
        free(t->indexes[i].columns);
    }
    free(t->indexes);
    free(t->columns);
    hmap_fini(&t->columns_by_name);
    free(t->name);
    free(t);
}

void ovsdb_schema_destroy(struct ovsdb_schema *s)
{
    if (s) {
        for (size_t i = 0; i < s->n_tables; i++) {
            table_destroy(s->tables[i]);
        }
        free(s->tables);
        hmap_fini(&s->tables_by_name);
        free(s->name);
        free(s->version);
        free(s->cksum);
        free(s);
    }
}

struct ovsdb_table_schema *ovsdb_schema_add_table(struct ovsdb_schema *s, const char *name, bool is_root,
                                                  unsigned max_rows)
{
    struct ovsdb_table_schema *t = xzalloc(sizeof *t);
    struct ovsdb_type uuid;
    t->name = xstrdup(name);
    t->index = (unsigned)s->n_tables;
    t->is_root = is_root;
    t->max_rows = max_rows;
    hmap_init(&t->columns_by_name);
    ovsdb_type_init(&uuid, OVSDB_UUID);
    t->uuid_column = column_create("_uuid", &uuid, false, true, 0);
    t->version_column = column_create("_version", &uuid, false, false, 1);
    hmap_insert(&t->columns_by_name, &t->uuid_column->by_name, hash_string("_uuid", 0));
    hmap_insert(&t->columns_by_name, &t->version_column->by_name, hash_string("_version", 0));

    s->tables = xrealloc(s->tables, (s->n_tables + 1) * sizeof(struct ovsdb_table_schema *));
    s->tables[s->n_tables++] = t;
    hmap_insert(&s->tables_by_name, &t->by_name, hash_string(name, 0));
    return t;
}

struct ovsdb_column *ovsdb_table_add_column(struct ovsdb_table_schema *t, const char *name,
                                            struct ovsdb_type *type, bool is_mutable, bool persistent)
{
    struct ovsdb_column *c = column_create(name, type, is_mutable, persistent, (unsigned)t->n_columns);
    t->columns = xrealloc(t->columns, (t->n_columns + 1) * sizeof(struct ovsdb_column *));
    t->columns[t->n_columns++] = c;
    hmap_insert(&t->columns_by_name, &c->by_name, hash_string(name, 0));
    t->uuid_column->index = (unsigned)t->n_columns;
    t->version_column->index = (unsigned)t->n_columns + 1;
    return c;
}

void ovsdb_table_add_index(struct ovsdb_table_schema *t, const struct ovsdb_column **columns, size_t n)
{
    t->indexes = xrealloc(t->indexes, (t->n_indexes + 1) * sizeof *t->indexes);
    t->indexes[t->n_indexes++] = (struct ovsdb_index){xmemdup(columns, n * sizeof(struct ovsdb_column *)), n};
}

static struct ovsdb_error *resolve_base(struct ovsdb_schema *s, const struct ovsdb_column *c,
                                        struct ovsdb_base_type *b, const char *what)
{
    if (b->type != OVSDB_UUID || !b->uuid.ref_table_name) {
        return NULL;
    }
    b->uuid.ref_table = ovsdb_schema_table(s, b->uuid.ref_table_name);
    if (!b->uuid.ref_table) {
        return ovsdb_syntax_error(NULL, NULL, "column %s %s refers to undefined table %s", c->name, what,
                                  b->uuid.ref_table_name);
    }
    return NULL;
}

struct ovsdb_error *ovsdb_schema_finish(struct ovsdb_schema *s)
{
    bool any_root = false;
    for (size_t i = 0; i < s->n_tables; i++) {
        struct ovsdb_table_schema *t = s->tables[i];
        any_root |= t->is_root;
        for (size_t j = 0; j < t->n_columns; j++) {
            struct ovsdb_column *c = t->columns[j];
            struct ovsdb_error *error = resolve_base(s, c, &c->type.key, "key");
            error = error ? error : resolve_base(s, c, &c->type.value, "value");
            if (error) {
                return error;
            }
            t->has_strong_refs |= ovsdb_base_type_is_ref(&c->type.key, OVSDB_REF_STRONG) ||
                                  ovsdb_base_type_is_ref(&c->type.value, OVSDB_REF_STRONG);
            bool weak = ovsdb_base_type_is_ref(&c->type.key, OVSDB_REF_WEAK) ||
                        ovsdb_base_type_is_ref(&c->type.value, OVSDB_REF_WEAK);
            t->has_weak_refs |= weak;
            /* Deleting the row that a weak reference names changes the column, so it cannot be immutable. */
            c->is_mutable |= weak;
        }
    }
    /* A schema without any root is older than garbage collection: all of its tables are roots. */
    for (size_t i = 0; !any_root && i < s->n_tables; i++) {
        s->tables[i]->is_root = true;
    }
    return NULL;
}

/* JSON in. */

static struct ovsdb_error *check_members(const struct json_object *json, const char *what,
                                         const char *const names[])
{
    json_object_object_foreach((struct json_object *)(uintptr_t)json, key, value)
    {
        (void)value;
        size_t i;
        for (i = 0; names[i] && strcmp(names[i], key); i++) {
        }
        if (!names[i]) {
            return ovsdb_syntax_error(
                json, NULL, "Parsing %s failed: Member '%s' is present but not allowed here.", what, key);
        }
    }
    return NULL;
}

static struct ovsdb_error *get_boolean(const struct json_object *json, const char *what, const char *name,
                                       bool *value)
{
    struct json_object *member = json_get(json, name);
    if (json_has(json, name)) {
        if (!member || !json_object_is_type(member, json_type_boolean)) {
            return ovsdb_syntax_error(json, NULL, "Parsing %s failed: Type mismatch for member '%s'.", what,
                                      name);
        }
        *value = json_object_get_boolean(member);
    }
    return NULL;
}

static struct ovsdb_error *column_from_json(struct ovsdb_table_schema *t, const char *name,
                                            const struct json_object *json)
{
    static const char *const names[] = {"mutable", "ephemeral", "type", NULL};
    if (!json_is_object(json)) {
        return ovsdb_syntax_error(NULL, NULL, "Parsing schema for column %s failed: Object expected.", name);
    }
    char *what = xasprintf("schema for column %s", name);
    bool is_mutable = true, ephemeral = false;
    struct ovsdb_type type;
    const char *text;
    struct ovsdb_error *error = get_boolean(json, what, "mutable", &is_mutable);
    error = error ? error : get_boolean(json, what, "ephemeral", &ephemeral);
    if (!error && !json_has(json, "type")) {
        error = ovsdb_syntax_error(json, NULL, "Parsing %s failed: Required 'type' member is missing.", what);
    } else if (!error && !json_is_object(json_get(json, "type")) &&
               !json_is_string(json_get(json, "type"), &text)) {
        error = ovsdb_syntax_error(json, NULL, "Parsing %s failed: Type mismatch for member 'type'.", what);
    }
    error = error ? error : check_members(json, what, names);
    error = error ? error : ovsdb_type_from_json(&type, json_get(json, "type"));
    if (!error) {
        ovsdb_table_add_column(t, name, &type, is_mutable, !ephemeral);
    }
    free(what);
    return error;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char **member_names(const struct json_object *json, size_t *n)
{
    const char **names = xmalloc(((size_t)json_object_object_length(json) + 1) * sizeof *names);
    *n = 0;
    json_object_object_foreach((struct json_object *)(uintptr_t)json, key, value)
    {
        (void)value;
        names[(*n)++] = key;
    }
    qsort(names, *n, sizeof *names, compare_names);
    return names;
}

/* TABLE is the table's JSON: what an index must not be is said of it. */
static struct ovsdb_error *indexes_from_json(struct ovsdb_table_schema *t, const struct json_object *json,
                                             const struct json_object *table)
{
    for (size_t i = 0; i < json_length(json); i++) {
        struct ovsdb_column_set set = {0};
        struct ovsdb_error *error = ovsdb_column_set_from_json(&set, json_element(json, i), t);
        if (!error && !set.n) {
            error = ovsdb_syntax_error(table, NULL, "index must have at least one column");
        }
        for (size_t j = 0; !error && j < set.n; j++) {
            if (!set.columns[j]->persistent) {
                error = ovsdb_syntax_error(table, NULL, "ephemeral columns (such as %s) may not be indexed",
                                           set.columns[j]->name);
            }
        }
        if (!error) {
            ovsdb_table_add_index(t, set.columns, set.n);
        }
        ovsdb_column_set_fini(&set);
        if (error) {
            return error;
        }
    }
    return NULL;
}

static struct ovsdb_error *table_from_json(struct ovsdb_schema *s, const char *name,
                                           const struct json_object *json)
{
    static const char *const names[] = {"columns", "maxRows", "isRoot", "indexes", NULL};
    int64_t max_rows = UINT_MAX;
    bool is_root = false;
    char *what = xasprintf("table schema for table %s", name);
    struct ovsdb_error *error = NULL;

    if (!json_is_object(json)) {
        error = ovsdb_syntax_error(NULL, NULL, "Parsing %s failed: Object expected.", what);
    } else if (!json_has(json, "columns")) {
        error =
            ovsdb_syntax_error(json, NULL, "Parsing %s failed: Required 'columns' member is missing.", what);
    } else if (!json_is_object(json_get(json, "columns"))) {
        error =
            ovsdb_syntax_error(json, NULL, "Parsing %s failed: Type mismatch for member 'columns'.", what);
    } else if (json_has(json, "maxRows") && (!json_is_integer(json_get(json, "maxRows"), &max_rows))) {
        error =
            ovsdb_syntax_error(json, NULL, "Parsing %s failed: Type mismatch for member 'maxRows'.", what);
    } else if (max_rows <= 0) {
        error = ovsdb_syntax_error(json, NULL, "maxRows must be at least 1");
    } else if (json_has(json, "indexes") && !json_is_array(json_get(json, "indexes"))) {
        error =
            ovsdb_syntax_error(json, NULL, "Parsing %s failed: Type mismatch for member 'indexes'.", what);
    }
    error = error ? error : get_boolean(json, what, "isRoot", &is_root);
    error = error ? error : check_members(json, what, names);
    free(what);
    if (error) {
        return error;
    }
    const struct json_object *columns = json_get(json, "columns");
    if (!json_object_object_length(columns)) {
        return ovsdb_syntax_error(json, NULL, "table must have at least one column");
    }
    struct ovsdb_table_schema *t =
        ovsdb_schema_add_table(s, name, is_root, (unsigned)MIN(max_rows, UINT_MAX));
    size_t n;
    const char **column_names = member_names(columns, &n);
    for (size_t i = 0; !error && i < n; i++) {
        if (column_names[i][0] == '_') {
            error = ovsdb_syntax_error(json, NULL, "names beginning with \"_\" are reserved");
        } else if (!ovsdb_is_id(column_names[i])) {
            error = ovsdb_syntax_error(json, NULL, "name must be a valid id");
        } else {
            error = column_from_json(t, column_names[i], json_get(columns, column_names[i]));
        }
    }
    free(column_names);
    if (!error && json_has(json, "indexes")) {
        error = indexes_from_json(t, json_get(json, "indexes"), json);
    }
    return error;
}

struct ovsdb_error *ovsdb_schema_from_json(struct ovsdb_schema **sp, const struct json_object *json)
{
    static const char *const names[] = {"name", "version", "cksum", "tables", NULL};
    static const char what[] = "Parsing database schema failed";
    const char *name, *version = "", *cksum = "";

    *sp = NULL;
    if (!json_is_object(json)) {
        return ovsdb_syntax_error(NULL, NULL, "%s: Object expected.", what);
    }
    if (!json_has(json, "name")) {
        return ovsdb_syntax_error(json, NULL, "%s: Required 'name' member is missing.", what);
    }
    if (!json_is_string(json_get(json, "name"), &name) || !ovsdb_is_id(name)) {
        return ovsdb_syntax_error(json, NULL, "%s: Type mismatch for member 'name'.", what);
    }
    if (json_has(json, "version") && !json_is_string(json_get(json, "version"), &version)) {
        return ovsdb_syntax_error(json, NULL, "%s: Type mismatch for member 'version'.", what);
    }
    if (json_has(json, "cksum") && !json_is_string(json_get(json, "cksum"), &cksum)) {
        return ovsdb_syntax_error(json, NULL, "%s: Type mismatch for member 'cksum'.", what);
    }
    if (!json_has(json, "tables")) {
        return ovsdb_syntax_error(json, NULL, "%s: Required 'tables' member is missing.", what);
    }
    const struct json_object *tables = json_get(json, "tables");
    if (!json_is_object(tables)) {
        return ovsdb_syntax_error(json, NULL, "%s: Type mismatch for member 'tables'.", what);
    }
    struct ovsdb_error *error = check_members(json, "database schema", names);
    if (error) {
        return error;
    }
    if (*version && !ovsdb_is_version(version)) {
        return ovsdb_syntax_error(json, NULL, "schema version \"%s\" not in format x.y.z", version);
    }
    struct ovsdb_schema *s = ovsdb_schema_create(name, version, cksum);
    size_t n;
    const char **table_names = member_names(tables, &n);
    for (size_t i = 0; !error && i < n; i++) {
        if (table_names[i][0] == '_') {
            error = ovsdb_syntax_error(json, NULL, "names beginning with \"_\" are reserved");
        } else if (!ovsdb_is_id(table_names[i])) {
            error = ovsdb_syntax_error(json, NULL, "name must be a valid id");
        } else {
            error = table_from_json(s, table_names[i], json_get(tables, table_names[i]));
        }
    }
    free(table_names);
    error = error ? error : ovsdb_schema_finish(s);
    if (error) {
        ovsdb_schema_destroy(s);
        return error;
    }
    *sp = s;
    return NULL;
}

struct ovsdb_error *ovsdb_schema_from_file(struct ovsdb_schema **sp, const char *file_name)
{
    char *wrong;
    *sp = NULL;
    struct json_object *json = json_parse_file(file_name, &wrong);
    if (wrong) {
        struct ovsdb_error *error =
            ovsdb_error("failed to read schema", "\"%s\" could not be read as JSON (%s)", file_name, wrong);
        free(wrong);
        return error;
    }
    struct ovsdb_error *error = ovsdb_schema_from_json(sp, json);
    json_object_put(json);
    return error ? ovsdb_error_wrap(error, "failed to parse \"%s\" as ovsdb schema", file_name) : NULL;
}

/* JSON out: members in alphabetical order, tables and columns too. */

static int compare_columns(const void *a, const void *b)
{
    return strcmp((*(struct ovsdb_column *const *)a)->name, (*(struct ovsdb_column *const *)b)->name);
}

static int compare_tables(const void *a, const void *b)
{
    return strcmp((*(struct ovsdb_table_schema *const *)a)->name,
                  (*(struct ovsdb_table_schema *const *)b)->name);
}

static void column_put_json(const struct ovsdb_column *c, struct strbuf *s)
{
    strbuf_printf(s, "\"%s\":{", c->name);
    if (!c->persistent) {
        strbuf_puts(s, "\"ephemeral\":true,");
    }
    if (!c->is_mutable) {
        strbuf_puts(s, "\"mutable\":false,");
    }
    strbuf_puts(s, "\"type\":");
    ovsdb_type_put_json(&c->type, s);
    strbuf_put_char(s, '}');
}

static void table_put_json(const struct ovsdb_table_schema *t, struct strbuf *s, bool default_is_root)
{
    strbuf_printf(s, "\"%s\":{\"columns\":{", t->name);
    struct ovsdb_column **columns = xmemdup(t->columns, t->n_columns * sizeof(struct ovsdb_column *));
    qsort(columns, t->n_columns, sizeof(struct ovsdb_column *), compare_columns);
    for (size_t i = 0; i < t->n_columns; i++) {
        strbuf_puts(s, i ? "," : "");
        column_put_json(columns[i], s);
    }
    free(columns);
    strbuf_put_char(s, '}');
    if (t->n_indexes) {
        strbuf_puts(s, ",\"indexes\":[");
        for (size_t i = 0; i < t->n_indexes; i++) {
            strbuf_puts(s, i ? ",[" : "[");
            for (size_t j = 0; j < t->indexes[i].n; j++) {
                strbuf_printf(s, "%s\"%s\"", j ? "," : "", t->indexes[i].columns[j]->name);
            }
            strbuf_put_char(s, ']');
        }
        strbuf_put_char(s, ']');
    }
    if (t->is_root && !default_is_root) {
        strbuf_puts(s, ",\"isRoot\":true");
    }
    if (t->max_rows != UINT_MAX) {
        strbuf_printf(s, ",\"maxRows\":%u", t->max_rows);
    }
    strbuf_put_char(s, '}');
}

void ovsdb_schema_put_json(const struct ovsdb_schema *schema, struct strbuf *s)
{
    strbuf_put_char(s, '{');
    if (*schema->cksum) {
        strbuf_printf(s, "\"cksum\":\"%s\",", schema->cksum);
    }
    strbuf_printf(s, "\"name\":\"%s\",\"tables\":{", schema->name);
    struct ovsdb_table_schema **tables =
        xmemdup(schema->tables, schema->n_tables * sizeof(struct ovsdb_table_schema *));
    qsort(tables, schema->n_tables, sizeof(struct ovsdb_table_schema *), compare_tables);
    bool all_roots = true; /* then nobody said so: it was the default */
    for (size_t i = 0; i < schema->n_tables; i++) {
        all_roots &= tables[i]->is_root;
    }
    for (size_t i = 0; i < schema->n_tables; i++) {
        strbuf_puts(s, i ? "," : "");
        table_put_json(tables[i], s, all_roots);
    }
    free(tables);
    strbuf_put_char(s, '}');
    if (*schema->version) {
        strbuf_printf(s, ",\"version\":\"%s\"", schema->version);
    }
    strbuf_put_char(s, '}');
}

struct ovsdb_schema *ovsdb_schema_clone(const struct ovsdb_schema *schema)
{
    struct ovsdb_schema *clone = ovsdb_schema_create(schema->name, schema->version, schema->cksum);
    for (size_t i = 0; i < schema->n_tables; i++) {
        const struct ovsdb_table_schema *t = schema->tables[i];
        struct ovsdb_table_schema *ct = ovsdb_schema_add_table(clone, t->name, t->is_root, t->max_rows);
        for (size_t j = 0; j < t->n_columns; j++) {
            struct ovsdb_type type;
            ovsdb_type_copy(&type, &t->columns[j]->type);
            ovsdb_table_add_column(ct, t->columns[j]->name, &type, t->columns[j]->is_mutable,
                                   t->columns[j]->persistent);
        }
        for (size_t j = 0; j < t->n_indexes; j++) {
            struct ovsdb_column_set set = {0};
            for (size_t k = 0; k < t->indexes[j].n; k++) {
                ovsdb_column_set_add(&set, ovsdb_table_column(ct, t->indexes[j].columns[k]->name));
            }
            ovsdb_table_add_index(ct, set.columns, set.n);
            ovsdb_column_set_fini(&set);
        }
    }
    ovsdb_error_destroy(ovsdb_schema_finish(clone));
    return clone;
}

bool ovsdb_schema_equal(const struct ovsdb_schema *a, const struct ovsdb_schema *b)
{
    struct strbuf ta = STRBUF_INITIALIZER, tb = STRBUF_INITIALIZER;
    ovsdb_schema_put_json(a, &ta);
    ovsdb_schema_put_json(b, &tb);
    bool equal = ta.len == tb.len && !memcmp(ta.text, tb.text, ta.len);
    strbuf_fini(&ta);
    strbuf_fini(&tb);
    return equal;
}

struct ovsdb_table_schema *ovsdb_schema_table(const struct ovsdb_schema *s, const char *name)
{
    struct ovsdb_table_schema *t;
    HMAP_FOR_EACH_WITH_HASH (t, by_name, hash_string(name, 0), &s->tables_by_name) {
        if (!strcmp(t->name, name)) {
            return t;
        }
    }
    return NULL;
}

struct ovsdb_column *ovsdb_table_column(const struct ovsdb_table_schema *t, const char *name)
{
    struct ovsdb_column *c;
    HMAP_FOR_EACH_WITH_HASH (c, by_name, hash_string(name, 0), &t->columns_by_name) {
        if (!strcmp(c->name, name)) {
            return c;
        }
    }
    return NULL;
}

void ovsdb_column_set_add(struct ovsdb_column_set *set, const struct ovsdb_column *c)
{
    if (set->n >= set->allocated) {
        set->columns = x2nrealloc(set->columns, &set->allocated, sizeof(struct ovsdb_column *));
    }
    set->columns[set->n++] = c;
}

void ovsdb_column_set_add_all(struct ovsdb_column_set *set, const struct ovsdb_table_schema *t)
{
    ovsdb_column_set_add(set, t->uuid_column);
    ovsdb_column_set_add(set, t->version_column);
    for (size_t i = 0; i < t->n_columns; i++) {
        ovsdb_column_set_add(set, t->columns[i]);
    }
}

bool ovsdb_column_set_contains(const struct ovsdb_column_set *set, const struct ovsdb_column *c)
{
    for (size_t i = 0; i < set->n; i++) {
        if (set->columns[i] == c) {
            return true;
        }
    }
    return false;
}

void ovsdb_column_set_fini(struct ovsdb_column_set *set)
{
    free(set->columns);
    *set = (struct ovsdb_column_set){0};
}

struct ovsdb_error *ovsdb_column_set_from_json(struct ovsdb_column_set *set, const struct json_object *json,
                                               const struct ovsdb_table_schema *t)
{
    *set = (struct ovsdb_column_set){0};
    if (!json) {
        ovsdb_column_set_add_all(set, t);
        return NULL;
    }
    struct ovsdb_error *error = NULL;
    if (!json_is_array(json)) {
        error = ovsdb_syntax_error(json, NULL, "array of distinct column names expected");
    }
    for (size_t i = 0; !error && i < json_length(json); i++) {
        const char *name;
        if (!json_is_string(json_element(json, i), &name)) {
            error = ovsdb_syntax_error(json, NULL, "array of distinct column names expected");
            break;
        }
        const struct ovsdb_column *c = ovsdb_table_column(t, name);
        if (!c) {
            error = ovsdb_syntax_error(json, NULL, "%s is not a valid column name", name);
        } else if (ovsdb_column_set_contains(set, c)) {
            error = ovsdb_syntax_error(json, NULL, "array of distinct column names expected");
        } else {
            ovsdb_column_set_add(set, c);
        }
    }
    if (error) {
        ovsdb_column_set_fini(set);
    }
    return error;
}
