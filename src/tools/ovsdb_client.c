/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice ovsdb-client`, called ovsdb-client too: requests to a database server from the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "io/daemon.h"
#include "io/dirs.h"
#include "io/logsinks.h"
#include "io/ssl.h"
#include "io/stream.h"
#include "ovsdb/db_storage.h"
#include "ovsdb/json_util.h"
#include "tools/ovsdb_client.h"
#include "tools/tool.h"

static struct dbtable_style style = {.format = DBTABLE_TABLE, .data = DBTABLE_STRING, .headings = true};
static bool force, tables_before, timestamps;
static int change_aware = -1; /* -1: as the command needs it */

void dbclient_print_table(struct dbtable *t)
{
    struct strbuf s = STRBUF_INITIALIZER;
    dbtable_format(t, &style, tables_before, &s);
    fputs(strbuf_text(&s), stdout);
    fflush(stdout);
    tables_before = true;
    strbuf_fini(&s);
    dbtable_fini(t);
}

void dbclient_print_json(const struct json_object *json)
{
    struct strbuf s = STRBUF_INITIALIZER;
    json_format(&s, json, JSON_SORT | (style.pretty ? JSON_PRETTY : 0));
    puts(strbuf_text(&s));
    fflush(stdout);
    strbuf_fini(&s);
}

/* Commands. */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_list_dbs(const char *db, int argc, char **argv)
{
    const struct json_object *dbs = dbclient_call("list_dbs", "[]");
    size_t n = json_length(dbs);
    const char **names = xcalloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) {
        json_is_string(json_element(dbs, i), &names[i]);
    }
    qsort(names, n, sizeof *names, compare_texts);
    for (size_t i = 0; i < n; i++) {
        puts(names[i]);
    }
}

static void run_get_schema(const char *db, int argc, char **argv)
{
    dbclient_print_json(dbclient_call("get_schema", xasprintf("[\"%s\"]", db)));
}

static void run_get_schema_version(const char *db, int argc, char **argv)
{
    puts(dbclient_schema(db)->version);
}

static void run_get_schema_cksum(const char *db, int argc, char **argv)
{
    puts(dbclient_schema(db)->cksum);
}

static void run_list_tables(const char *db, int argc, char **argv)
{
    struct ovsdb_schema *s = dbclient_schema(db);
    struct dbtable t;
    dbtable_init(&t);
    dbtable_add_column(&t, "Table");
    for (size_t i = 0; i < s->n_tables; i++) {
        dbtable_add_text(&t, s->tables[i]->name);
    }
    dbclient_print_table(&t);
}

static void list_column(struct dbtable *t, const struct ovsdb_table_schema *ts, const struct ovsdb_column *c,
                        bool with_table)
{
    struct strbuf s = STRBUF_INITIALIZER;
    if (with_table) {
        dbtable_add_text(t, ts->name);
    }
    dbtable_add_text(t, c->name);
    ovsdb_type_put_json(&c->type, &s);
    dbtable_add_json(t, s.text);
    strbuf_fini(&s);
}

static void run_list_columns(const char *db, int argc, char **argv)
{
    struct ovsdb_schema *s = dbclient_schema(db);
    const char *only = argc > 0 ? argv[0] : NULL;
    struct dbtable t;
    dbtable_init(&t);
    if (!only) {
        dbtable_add_column(&t, "Table");
    }
    dbtable_add_column(&t, "Column");
    dbtable_add_column(&t, "Type");
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct ovsdb_table_schema *ts = s->tables[i];
        if (only && strcmp(only, ts->name)) {
            continue;
        }
        list_column(&t, ts, ts->version_column, !only);
        list_column(&t, ts, ts->uuid_column, !only);
        for (size_t j = 0; j < ts->n_columns; j++) {
            list_column(&t, ts, ts->columns[j], !only);
        }
    }
    dbclient_print_table(&t);
}

/* Sends a transaction; the database is the one that it names. */
static struct json_object *transact(const struct json_object *transaction)
{
    struct jsonrpc_msg *msg = dbclient_call_any("transact", transaction);
    if (msg->type == JSONRPC_ERROR) {
        error_fatal("transaction returned error: %s", json_text(msg->error, JSON_SORT));
    }
    return msg->result;
}

static struct json_object *transaction_arg(const char *text)
{
    const char *db;
    struct json_object *json = dbclient_json(text);
    if (!json_is_array(json) || !json_length(json) || !json_is_string(json_element(json, 0), &db)) {
        error_fatal("not a valid OVSDB query");
    }
    return json;
}

static void run_transact(const char *db, int argc, char **argv)
{
    dbclient_print_json(transact(transaction_arg(argv[0])));
}

/* "query" is a transaction that is never committed. */
static void run_query(const char *db, int argc, char **argv)
{
    struct json_object *json = transaction_arg(argv[0]);
    size_t n_operations = json_length(json);
    json_object_array_add(json, json_tokener_parse("{\"op\":\"abort\"}"));
    struct json_object *result = transact(json);
    size_t n = json_length(result);
    struct json_object *shown = json_object_new_array();
    const char *tag = "";
    /* The "aborted" that we asked for is not shown. */
    if (n == n_operations && json_is_string(json_get(json_element(result, n - 1), "error"), &tag) &&
        !strcmp(tag, "aborted")) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        json_object_array_add(shown, json_object_get(json_element(result, i)));
    }
    dbclient_print_json(shown);
}

static void fetch_table(struct dbtable *t, const struct ovsdb_table_schema *ts, const char *db,
                        const struct ovsdb_column_set *columns)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "[\"%s\",{\"op\":\"select\",\"table\":\"%s\",\"where\":[],\"columns\":[", db, ts->name);
    for (size_t i = 0; i < columns->n; i++) {
        strbuf_printf(&s, "%s\"%s\"", i ? "," : "", columns->columns[i]->name);
        dbtable_add_column(t, columns->columns[i]->name);
    }
    strbuf_puts(&s, "]}]");
    const struct json_object *rows = json_get(json_element(dbclient_call("transact", s.text), 0), "rows");
    for (size_t i = 0; json_is_array(rows) && i < json_length(rows); i++) {
        for (size_t j = 0; j < columns->n; j++) {
            const struct ovsdb_column *c = columns->columns[j];
            struct ovsdb_datum *d;
            struct ovsdb_error *error =
                ovsdb_datum_from_json(&d, &c->type, json_get(json_element(rows, i), c->name), NULL);
            if (error) {
                error_fatal("%s", ovsdb_error_to_text_free(error));
            }
            dbtable_add_datum(t, d, &c->type);
            ovsdb_datum_unref(d, &c->type);
        }
    }
    strbuf_fini(&s);
}

/* Rows in order of their cells' text, so that two dumps can be compared. */
static struct dbtable *sorting;
static int compare_rows(const void *a, const void *b)
{
    const struct dbtable_cell *x = a, *y = b;
    for (size_t i = 0; i < sorting->n_columns; i++) {
        int order = x[i].datum && y[i].datum ? ovsdb_datum_compare(x[i].datum, y[i].datum, x[i].type) : 0;
        if (order) {
            return order;
        }
    }
    return 0;
}

static void sort_rows(struct dbtable *t)
{
    sorting = t;
    if (t->n_cells) {
        qsort(t->cells, t->n_cells / t->n_columns, t->n_columns * sizeof *t->cells, compare_rows);
    }
}

static int compare_columns(const void *a, const void *b)
{
    return strcmp((*(const struct ovsdb_column *const *)a)->name,
                  (*(const struct ovsdb_column *const *)b)->name);
}

static void dump_table(const char *db, const struct ovsdb_table_schema *ts, char **names, int n)
{
    struct ovsdb_column_set columns = {0};
    struct dbtable t;
    if (n) {
        for (int i = 0; i < n; i++) {
            const struct ovsdb_column *c = ovsdb_table_column(ts, names[i]);
            if (!c) {
                error_fatal("Table \"%s\" has no column %s.", ts->name, names[i]);
            }
            ovsdb_column_set_add(&columns, c);
        }
        qsort(columns.columns, columns.n, sizeof *columns.columns, compare_columns);
    } else {
        ovsdb_column_set_add(&columns, ts->uuid_column);
        for (size_t i = 0; i < ts->n_columns; i++) {
            ovsdb_column_set_add(&columns, ts->columns[i]);
        }
    }
    dbtable_init(&t);
    t.caption = xasprintf("%s table", ts->name);
    fetch_table(&t, ts, db, &columns);
    sort_rows(&t);
    dbclient_print_table(&t);
    ovsdb_column_set_fini(&columns);
}

static void run_dump(const char *db, int argc, char **argv)
{
    struct ovsdb_schema *s = dbclient_schema(db);
    if (argc > 0) {
        const struct ovsdb_table_schema *ts = ovsdb_schema_table(s, argv[0]);
        if (!ts) {
            error_fatal("No table \"%s\" found.", argv[0]);
        }
        dump_table(db, ts, argv + 1, argc - 1);
        return;
    }
    for (size_t i = 0; i < s->n_tables; i++) {
        dump_table(db, s->tables[i], NULL, 0);
    }
}

/* backup and restore: the file's format on standard output, and from standard input. */

static void run_backup(const char *db, int argc, char **argv)
{
    struct ovsdb_schema *s = dbclient_schema(db);
    struct strbuf record = STRBUF_INITIALIZER, out = STRBUF_INITIALIZER;
    if (isatty(STDOUT_FILENO)) {
        error_fatal("not writing backup to a terminal; please redirect stdout to a file");
    }
    ovsdb_schema_put_json(s, &record);
    log_file_format(&out, record.text, record.len);
    struct db *copy = db_create(s);
    strbuf_clear(&record);
    strbuf_printf(&record, "{\"_comment\":\"produced by \\\"ovsdb-client backup\\\"\",\"_is_diff\":true");
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct ovsdb_table_schema *ts = s->tables[i];
        struct json_object *rows = json_get(
            json_element(dbclient_call("transact",
                                       xasprintf("[\"%s\",{\"op\":\"select\",\"table\":\"%s\",\"where\":[]}]",
                                                 db, ts->name)),
                         0),
            "rows");
        strbuf_printf(&record, ",\"%s\":{", ts->name);
        for (size_t j = 0; j < json_length(rows); j++) {
            struct json_object *row = json_object_get(json_element(rows, j));
            const char *uuid = "";
            json_is_string(json_element(json_get(row, "_uuid"), 1), &uuid);
            strbuf_printf(&record, "%s\"%s\":", j ? "," : "", uuid);
            json_object_object_del(row, "_version");
            json_object_object_del(row, "_uuid");
            for (size_t k = 0; k < ts->n_columns; k++) {
                if (!ts->columns[k]->persistent) {
                    json_object_object_del(row, ts->columns[k]->name);
                }
            }
            json_format(&record, row, JSON_SORT);
        }
        strbuf_put_char(&record, '}');
    }
    strbuf_put_char(&record, '}');
    log_file_format(&out, record.text, record.len);
    fwrite(out.text, 1, out.len, stdout);
    db_destroy(copy);
}

static void put_restore_row(struct strbuf *s, const struct db_row *row)
{
    const struct ovsdb_table_schema *ts = row->table->schema;
    char text[UUID_TEXT_LEN + 1];
    bool any = false;
    strbuf_printf(s, ",{\"op\":\"insert\",\"table\":\"%s\",\"uuid\":\"%s\",\"row\":{", ts->name,
                  uuid_format(&row->uuid, text));
    for (size_t i = 0; i < ts->n_columns; i++) {
        if (row->columns[i] != ts->columns[i]->default_datum) {
            strbuf_printf(s, "%s\"%s\":", any ? "," : "", ts->columns[i]->name);
            ovsdb_datum_put_json(row->columns[i], &ts->columns[i]->type, s);
            any = true;
        }
    }
    strbuf_puts(s, "}}");
}

static void run_restore(const char *name, int argc, char **argv)
{
    struct db *db;
    struct ovsdb_error *error = db_open(&db, "/dev/stdin", LOG_FILE_READ, false);
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
    struct ovsdb_schema *have = dbclient_schema(name);
    if (!force && !ovsdb_schema_equal(have, db->schema)) {
        error_fatal("%s: backup schema differs from the server's (use --force to restore anyway)", name);
    }
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "[\"%s\"", name);
    for (size_t i = 0; i < have->n_tables; i++) {
        strbuf_printf(&s, ",{\"op\":\"delete\",\"table\":\"%s\",\"where\":[]}", have->tables[i]->name);
    }
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        struct db_row *row;
        HMAP_FOR_EACH (row, node, &db->tables[i]->rows) {
            if (ovsdb_schema_table(have, db->schema->tables[i]->name)) {
                put_restore_row(&s, row);
            }
        }
    }
    strbuf_puts(&s, ",{\"op\":\"comment\",\"comment\":\"restored by ovsdb-client\"}]");
    const struct json_object *results = dbclient_call("transact", s.text);
    for (size_t i = 0; i < json_length(results); i++) {
        if (json_has(json_element(results, i), "error")) {
            error_fatal("transaction returned error: %s", json_text(json_element(results, i), JSON_SORT));
        }
    }
}

static void run_monitor(const char *db, int argc, char **argv)
{
    dbclient_monitor(db, argc, argv, 1, timestamps);
}

static void run_monitor_cond(const char *db, int argc, char **argv)
{
    dbclient_monitor(db, argc, argv, 2, timestamps);
}

static void run_monitor_cond_since(const char *db, int argc, char **argv)
{
    dbclient_monitor(db, argc, argv, 3, timestamps);
}

/* Schema conversion. */

static struct ovsdb_schema *file_schema(const char *file)
{
    struct ovsdb_schema *schema;
    struct ovsdb_error *error = ovsdb_schema_from_file(&schema, file);
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
    return schema;
}

static void run_convert(const char *db, int argc, char **argv)
{
    struct ovsdb_schema *schema = file_schema(argv[0]);
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "[\"%s\",", schema->name);
    ovsdb_schema_put_json(schema, &s);
    strbuf_put_char(&s, ']');
    dbclient_call("convert", s.text);
}

static void run_needs_conversion(const char *db, int argc, char **argv)
{
    struct ovsdb_schema *want = file_schema(argv[0]);
    puts(ovsdb_schema_equal(dbclient_schema(want->name), want) ? "no" : "yes");
}

static void run_wait(const char *db, int argc, char **argv)
{
    dbclient_wait(argv[0], argv[1]);
}

static void run_lock(const char *db, int argc, char **argv)
{
    dbclient_lock("lock", argv[0]);
}

static void run_steal(const char *db, int argc, char **argv)
{
    dbclient_lock("steal", argv[0]);
}

static void run_unlock(const char *db, int argc, char **argv)
{
    dbclient_lock("unlock", argv[0]);
}

/* Where a command's database is named: nowhere, by its first argument or by default, in the transaction that
 * is its argument, or in the schema. SOME_DAY: the server need not be there yet. */
enum needs {
    NO_DB,
    DB,
    IN_TRANSACTION,
    IN_SCHEMA,
    SOME_DAY
};

static const struct command {
    const char *name, *usage;
    enum needs needs;
    int min, max; /* after the server and the database, which may be left out */
    void (*run)(const char *db, int argc, char **argv);
    bool stays; /* until it is ended */
} commands[] = {
    {"list-dbs", "[SERVER]", NO_DB, 0, 0, run_list_dbs},
    {"get-schema", "[SERVER] [DATABASE]", DB, 0, 0, run_get_schema},
    {"get-schema-version", "[SERVER] [DATABASE]", DB, 0, 0, run_get_schema_version},
    {"get-schema-cksum", "[SERVER] [DATABASE]", DB, 0, 0, run_get_schema_cksum},
    {"list-tables", "[SERVER] [DATABASE]", DB, 0, 0, run_list_tables},
    {"list-columns", "[SERVER] [DATABASE] [TABLE]", DB, 0, 1, run_list_columns},
    {"transact", "[SERVER] TRANSACTION", IN_TRANSACTION, 1, 1, run_transact},
    {"query", "[SERVER] TRANSACTION", IN_TRANSACTION, 1, 1, run_query},
    {"dump", "[SERVER] [DATABASE] [TABLE [COLUMN]...]", DB, 0, INT32_MAX, run_dump},
    {"backup", "[SERVER] [DATABASE] > SNAPSHOT", DB, 0, 0, run_backup},
    {"restore", "[SERVER] [DATABASE] < SNAPSHOT", DB, 0, 0, run_restore},
    {"monitor", "[SERVER] [DATABASE] TABLE [COLUMN,...]...|ALL", DB, 1, INT32_MAX, run_monitor, true},
    {"monitor-cond", "[SERVER] [DATABASE] CONDITIONS TABLE [COLUMN,...]...", DB, 2, INT32_MAX,
     run_monitor_cond, true},
    {"monitor-cond-since", "[SERVER] [DATABASE] [LASTID] CONDITIONS TABLE [COLUMN,...]...", DB, 2, INT32_MAX,
     run_monitor_cond_since, true},
    {"wait", "[SERVER] DATABASE added|connected|removed", SOME_DAY, 2, 2, run_wait},
    {"convert", "[SERVER] SCHEMA", IN_SCHEMA, 1, 1, run_convert},
    {"needs-conversion", "[SERVER] SCHEMA", IN_SCHEMA, 1, 1, run_needs_conversion},
    {"lock", "[SERVER] LOCK", NO_DB, 1, 1, run_lock, true},
    {"steal", "[SERVER] LOCK", NO_DB, 1, 1, run_steal, true},
    {"unlock", "[SERVER] LOCK", NO_DB, 1, 1, run_unlock, true},
};

static void usage(void)
{
    puts("ovsdb-client: requests to a database server\nusage: ovsdb-client [OPTIONS] COMMAND [ARG...]\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %-19s %s\n", commands[i].name, commands[i].usage);
    }
    printf("\nSERVER is unix:%s/db.sock by default.\n"
           "  -t, --timeout=SECS  -f, --format=FORMAT  -d, --data=FORMAT  --no-headings  --pretty  --bare\n"
           "  --force  --timestamp  and those of daemons, logging and TLS\n",
           dirs_run());
}

enum {
    OPT_TIMEOUT,
    OPT_FORMAT,
    OPT_DATA,
    OPT_NO_HEADINGS,
    OPT_PRETTY,
    OPT_BARE,
    OPT_FORCE,
    OPT_TIMESTAMP,
    OPT_UNIXCTL,
    OPT_MAX_WIDTH,
    OPT_AWARE,
    OPT_UNAWARE,
    OPT_LEADER,
    OPT_ANY_MEMBER
};

static char *take_own(const struct option_def *def, const char *arg, void *aux)
{
    switch (def->id) {
    case OPT_TIMEOUT:
        return tool_set_timeout('t', arg);
    case OPT_FORMAT:
        return dbtable_set_format(&style, arg);
    case OPT_DATA:
        return dbtable_set_data(&style, arg);
    case OPT_NO_HEADINGS:
        style.headings = false;
        break;
    case OPT_PRETTY:
        style.pretty = true;
        break;
    case OPT_BARE:
        style.format = DBTABLE_LIST;
        style.data = DBTABLE_BARE;
        style.headings = false;
        break;
    case OPT_FORCE:
        force = true;
        break;
    case OPT_TIMESTAMP:
        timestamps = true;
        break;
    case OPT_UNIXCTL:
        dbclient_unixctl = arg;
        break;
    case OPT_MAX_WIDTH:
        style.max_width = (unsigned)strtoul(arg, NULL, 10);
        break;
    case OPT_AWARE:
    case OPT_UNAWARE:
        change_aware = def->id == OPT_AWARE;
        break;
    case OPT_LEADER:
    case OPT_ANY_MEMBER:
        dbclient.any_member = def->id == OPT_ANY_MEMBER;
        break;
    default:
        break;
    }
    return NULL;
}

static void check_count(const struct command *c, int argc, bool at_least_only)
{
    if (argc < c->min || (!at_least_only && argc > c->max)) {
        error_fatal("invalid syntax for '%s' (use --help for help)", c->name);
    }
}

/* The database of a command for several remotes, to be known before one of them can be chosen. */
static const char *needed_db(const struct command *c, int argc, char **argv)
{
    const char *db = NULL;
    if (c->needs == DB) {
        if (!argc) {
            error_fatal("database name is required with multiple remotes");
        }
        return argv[0];
    }
    if (c->needs == IN_TRANSACTION) {
        json_is_string(json_element(transaction_arg(argv[0]), 0), &db);
    } else if (c->needs == IN_SCHEMA) {
        db = file_schema(argv[0])->name;
    }
    return db;
}

static void run_command(const struct command *c, int argc, char **argv)
{
    const char *db = NULL;
    if (argc > 0 && (stream_name_is_active(argv[0]) || stream_name_is_passive(argv[0]))) {
        dbclient.server = argv[0];
        argv++;
        argc--;
    } else {
        dbclient.server = xasprintf("unix:%s/db.sock", dirs_run());
    }
    check_count(c, argc, c->needs == DB);
    if (dbclient_has_remotes() || c->needs == SOME_DAY) {
        log_set_level("reconnect", LOG_CONSOLE, LOG_LEVEL_INFO);
    }
    if (c->needs != SOME_DAY) {
        dbclient.change_aware = change_aware >= 0 ? change_aware : c->stays && c->needs == DB;
        if (dbclient_has_remotes()) {
            db = needed_db(c, argc, argv);
        }
        dbclient_connect(db);
    }
    if (c->needs == DB) {
        if (db || (argc && dbclient_has_db(argv[0]))) {
            db = *argv++;
            argc--;
        } else {
            db = dbclient_default_db();
        }
        check_count(c, argc, false);
    }
    c->run(db, argc, argv);
}

bool tool_ovsdb_client_has(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(name, commands[i].name)) {
            return true;
        }
    }
    return false;
}

int tool_ovsdb_client(int argc, char **argv)
{
    static const struct option_def own[] = {
        {"timeout", 't', OPTION_ARG_REQUIRED, "SECS", NULL, OPT_TIMEOUT},
        {"format", 'f', OPTION_ARG_REQUIRED, "FORMAT", NULL, OPT_FORMAT},
        {"data", 'd', OPTION_ARG_REQUIRED, "FORMAT", NULL, OPT_DATA},
        {"no-headings", 0, OPTION_NO_ARG, NULL, NULL, OPT_NO_HEADINGS},
        {"pretty", 0, OPTION_NO_ARG, NULL, NULL, OPT_PRETTY},
        {"bare", 0, OPTION_NO_ARG, NULL, NULL, OPT_BARE},
        {"force", 0, OPTION_NO_ARG, NULL, NULL, OPT_FORCE},
        {"timestamp", 0, OPTION_NO_ARG, NULL, NULL, OPT_TIMESTAMP},
        {"unixctl", 0, OPTION_ARG_REQUIRED, "SOCKET", NULL, OPT_UNIXCTL},
        {"max-column-width", 0, OPTION_ARG_REQUIRED, "N", NULL, OPT_MAX_WIDTH},
        {"db-change-aware", 0, OPTION_NO_ARG, NULL, NULL, OPT_AWARE},
        {"no-db-change-aware", 0, OPTION_NO_ARG, NULL, NULL, OPT_UNAWARE},
        {"leader-only", 0, OPTION_NO_ARG, NULL, NULL, OPT_LEADER},
        {"no-leader-only", 0, OPTION_NO_ARG, NULL, NULL, OPT_ANY_MEMBER},
    };
    struct tool_common common = {"ovsdb-client", usage};
    struct option_group common_group = tool_common_options;
    common_group.aux = &common;
    const struct option_group groups[] = {{"Options:", own, ARRAY_SIZE(own), take_own, NULL},
                                          daemon_options,
                                          logsinks_options,
                                          ssl_options,
                                          common_group};
    int first = tool_parse(groups, ARRAY_SIZE(groups), false, argc, argv);
    log_set_level("reconnect", LOG_CONSOLE, LOG_LEVEL_ERR);
    if (first >= argc) {
        error_fatal("missing command name; use --help for help");
    }
    if (!strcmp(argv[first], "help")) {
        usage();
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(argv[first], commands[i].name)) {
            if (commands[i].stays) {
                daemon_start(argc, argv);
            }
            run_command(&commands[i], argc - first - 1, argv + first + 1);
            return fflush(stdout) ? 1 : 0;
        }
    }
    error_fatal("unknown command '%s'; use --help for help", argv[first]);
}
