/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/vswitch_schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum column_kind {
    PERSISTENT,
    EPHEMERAL,
    IMMUTABLE
};

struct column_declaration {
    const char *name, *type;
    enum column_kind kind;
};

struct table_declaration {
    const char *name;
    bool is_root;
    unsigned max_rows;
    const char *index; /* names, separated by commas; "" for none */
    const struct column_declaration *columns;
    size_t n_columns;
};

#define COLUMN_DECLARATION(T, C, NAME, TYPE, KIND) {NAME, TYPE, KIND},
#define COLUMN_DECLARATIONS(T, NAME, ROOT, MAX_ROWS, INDEX)                                                  \
    static const struct column_declaration T##_columns[] = {OVS_##T##_COLUMNS(COLUMN_DECLARATION, T)};
OVS_TABLES(COLUMN_DECLARATIONS)

#define TABLE_DECLARATION(T, NAME, ROOT, MAX_ROWS, INDEX)                                                    \
    {NAME, ROOT, MAX_ROWS, INDEX, T##_columns, ARRAY_SIZE(T##_columns)},
static const struct table_declaration vswitch_tables[] = {OVS_TABLES(TABLE_DECLARATION)};

static const struct column_declaration server_database_columns[] = {
    [SERVER_DATABASE_CID] = {"cid", "uuid?", PERSISTENT},
    [SERVER_DATABASE_CONNECTED] = {"connected", "boolean", PERSISTENT},
    [SERVER_DATABASE_INDEX] = {"index", "integer?", PERSISTENT},
    [SERVER_DATABASE_LEADER] = {"leader", "boolean", PERSISTENT},
    [SERVER_DATABASE_MODEL] = {"model", "string(clustered|relay|standalone)", PERSISTENT},
    [SERVER_DATABASE_NAME] = {"name", "string", PERSISTENT},
    [SERVER_DATABASE_SCHEMA] = {"schema", "string?", PERSISTENT},
    [SERVER_DATABASE_SID] = {"sid", "uuid?", PERSISTENT},
};
static const struct table_declaration server_tables[] = {
    {"Database", true, UINT_MAX, "", server_database_columns, ARRAY_SIZE(server_database_columns)},
};

static void add_index(struct ovsdb_table_schema *t, const char *names)
{
    struct ovsdb_column_set set = {0};
    char *copy = xstrdup(names), *save = NULL;
    for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        ovsdb_column_set_add(&set, ovsdb_table_column(t, name));
    }
    if (set.n) {
        ovsdb_table_add_index(t, set.columns, set.n);
    }
    ovsdb_column_set_fini(&set);
    free(copy);
}

static struct ovsdb_schema *declare(const char *name, const char *version, const char *cksum,
                                    const struct table_declaration *tables, size_t n)
{
    struct ovsdb_schema *s = ovsdb_schema_create(name, version, cksum);
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_table_schema *t =
            ovsdb_schema_add_table(s, tables[i].name, tables[i].is_root, tables[i].max_rows);
        for (size_t j = 0; j < tables[i].n_columns; j++) {
            const struct column_declaration *c = &tables[i].columns[j];
            struct ovsdb_type type;
            ovsdb_type_from_notation(&type, c->type);
            ovsdb_table_add_column(t, c->name, &type, c->kind != IMMUTABLE, c->kind != EPHEMERAL);
        }
        add_index(t, tables[i].index);
    }
    if (ovsdb_schema_finish(s)) {
        abort(); /* a reference to a table that is not declared: the unit test meets it */
    }
    return s;
}

struct ovsdb_schema *ovsdb_vswitch_schema(void)
{
    return declare("Open_vSwitch", "8.3.1", "3012963480 26720", vswitch_tables, ARRAY_SIZE(vswitch_tables));
}

struct ovsdb_schema *ovsdb_server_schema(void)
{
    return declare("_Server", "1.2.0", "3009684573 744", server_tables, ARRAY_SIZE(server_tables));
}
