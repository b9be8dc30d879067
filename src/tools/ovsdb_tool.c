/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice ovsdb-tool`, called ovsdb-tool too: work on the files of standalone databases, without a server. */
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/strmap.h"
#include "io/dirs.h"
#include "io/logsinks.h"
#include "ovsdb/db_convert.h"
#include "ovsdb/db_exec.h"
#include "ovsdb/db_storage.h"
#include "ovsdb/json_util.h"
#include "ovsdb/vswitch_schema.h"
#include "tools/tool.h"

static int more; /* -m: how much show-log tells */

static void check(struct ovsdb_error *error)
{
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
}

static const char *default_db(void)
{
    static char *name;
    return name ? name : (name = dirs_file(dirs_db(), "conf.db"));
}

static const char *db_arg(int argc, char **argv, int i)
{
    return argc > i ? argv[i] : default_db();
}

/* The schema in FILE; without one, the switch's own. */
static struct ovsdb_schema *schema_arg(int argc, char **argv, int i)
{
    struct ovsdb_schema *schema;
    if (argc <= i) {
        return ovsdb_vswitch_schema();
    }
    check(ovsdb_schema_from_file(&schema, argv[i]));
    return schema;
}

static void run_create(int argc, char **argv)
{
    struct db *db = db_create(schema_arg(argc, argv, 2));
    struct log_file *file;
    check(log_file_open(&file, db_arg(argc, argv, 1), LOG_FILE_CREATE));
    check(db_write_file(db, file, NULL));
    log_file_close(file);
}

/* What NAME was before, if anything, it is no more. */
static void write_over(const struct db *db, const char *name, const char *comment)
{
    struct log_file *file;
    check(log_file_open(&file, name, LOG_FILE_NEW));
    struct ovsdb_error *error = db_write_file(db, file, comment);
    error = error ? error : log_file_publish(file);
    if (error) {
        unlink(log_file_name(file));
    }
    check(error);
    log_file_close(file);
}

/* Compacts into TARGET, or in place; after conversion to SCHEMA, if not NULL. */
static void rewrite(const char *name, const char *target, struct ovsdb_schema *schema, const char *comment)
{
    struct db *db, *out;
    check(db_open(&db, name, target ? LOG_FILE_READ : LOG_FILE_READ_WRITE, false));
    out = db;
    if (schema) {
        check(db_convert(&out, db, schema));
    }
    if (target) {
        write_over(out, target, comment);
    } else {
        check(db_storage_rewrite_as(db->storage, out, comment));
        db_storage_close(db->storage);
    }
}

static void run_compact(int argc, char **argv)
{
    rewrite(db_arg(argc, argv, 1), argc > 2 ? argv[2] : NULL, NULL,
            "compacted by ovsdb-tool " SLUICE_VERSION);
}

static void run_convert(int argc, char **argv)
{
    rewrite(db_arg(argc, argv, 1), argc > 3 ? argv[3] : NULL, schema_arg(argc, argv, 2),
            "converted by ovsdb-tool " SLUICE_VERSION);
}

static struct ovsdb_schema *read_schema(const char *name)
{
    struct log_file *file;
    struct json_object *json;
    struct ovsdb_schema *schema;
    check(log_file_open(&file, name, LOG_FILE_READ));
    check(log_file_read(file, &json));
    if (!json) {
        error_fatal("%s: empty database file", name);
    }
    check(ovsdb_schema_from_json(&schema, json));
    json_object_put(json);
    log_file_close(file);
    return schema;
}

static void run_needs_conversion(int argc, char **argv)
{
    struct ovsdb_schema *have = read_schema(db_arg(argc, argv, 1)), *want = schema_arg(argc, argv, 2);
    puts(ovsdb_schema_equal(have, want) ? "no" : "yes");
}

static void run_db_version(int argc, char **argv)
{
    puts(read_schema(db_arg(argc, argv, 1))->version);
}

static void run_db_cksum(int argc, char **argv)
{
    puts(read_schema(db_arg(argc, argv, 1))->cksum);
}

static void run_schema_name(int argc, char **argv)
{
    puts(schema_arg(argc, argv, 1)->name);
}

static void run_schema_version(int argc, char **argv)
{
    puts(schema_arg(argc, argv, 1)->version);
}

static void run_schema_cksum(int argc, char **argv)
{
    puts(schema_arg(argc, argv, 1)->cksum);
}

/* The first record of a file of either kind. What is damaged in one whose kind is clear is no error here, but
 * *HEADER is NULL then. */
static bool is_clustered(const char *name, struct json_object **header)
{
    struct log_file *file;
    check(log_file_open(&file, name, LOG_FILE_READ));
    log_file_take_clustered(file);
    struct ovsdb_error *error = log_file_read(file, header);
    if (error && (!strcmp(error->tag, "ovsdb error") || (error->io && error->io != EOF))) {
        check(error);
    }
    ovsdb_error_destroy(error);
    bool clustered = log_file_is_clustered(file);
    log_file_close(file);
    return clustered;
}

static void run_db_name(int argc, char **argv)
{
    struct json_object *header;
    const char *name;
    if (is_clustered(db_arg(argc, argv, 1), &header) && json_is_string(json_get(header, "name"), &name)) {
        puts(name);
    } else {
        puts(read_schema(db_arg(argc, argv, 1))->name);
    }
    json_object_put(header);
}

/* A member of the header of a clustered database's file. */
static const char *cluster_text(const char *name, const char *member)
{
    struct json_object *header;
    const char *text;
    if (!is_clustered(name, &header)) {
        error_fatal("%s: not a clustered database", name);
    }
    return json_is_string(json_get(header, member), &text) ? text : NULL;
}

static void put_cluster_text(const char *name, const char *member)
{
    const char *text = cluster_text(name, member);
    if (!text) {
        error_fatal("%s: the header has no %s", name, member);
    }
    puts(text);
}

static void run_db_cid(int argc, char **argv)
{
    const char *text = cluster_text(argv[1], "cluster_id");
    if (!text) {
        fprintf(stderr, "%s: cluster ID not yet known\n", argv[1]);
        exit(2);
    }
    puts(text);
}

static void run_db_sid(int argc, char **argv)
{
    put_cluster_text(argv[1], "server_id");
}

static void run_db_local_address(int argc, char **argv)
{
    put_cluster_text(argv[1], "local_address");
}

static bool file_is_clustered(const char *name)
{
    struct json_object *header;
    bool clustered = is_clustered(name, &header);
    json_object_put(header);
    return clustered;
}

static void run_db_is_standalone(int argc, char **argv)
{
    exit(file_is_clustered(argv[1]) ? 2 : 0);
}

static void run_db_is_clustered(int argc, char **argv)
{
    exit(file_is_clustered(argv[1]) ? 0 : 2);
}

/* TEXT's value, which has to be an array or an object, as the reference's parser has it. */
static struct json_object *parse_request(const char *text)
{
    char *wrong;
    struct json_object *json = json_parse(text, strlen(text), &wrong);
    if (!wrong && !json_is_array(json) && !json_is_object(json)) {
        struct json_scanner s;
        size_t used;
        json_scanner_init(&s, 0);
        json_scanner_feed(&s, text, strlen(text), &used, &wrong);
        wrong = xasprintf("line %zu, column %zu, byte %zu: syntax error at beginning of input", s.line,
                          s.column, s.byte);
    }
    if (wrong) {
        error_fatal("\"%s\": %s", text, wrong);
    }
    return json;
}

/* JSON text of ours, its members in the order that the reference prints them in. */
static void print_sorted(const struct strbuf *text)
{
    char *wrong;
    char *out = json_text(json_parse(text->text, text->len, &wrong), JSON_SORT);
    puts(out);
    free(out);
}

static void transact(bool read_only, int argc, char **argv)
{
    const char *name = argc > 2 ? argv[1] : default_db(), *db_name;
    struct json_object *json = parse_request(argv[argc > 2 ? 2 : 1]);
    struct strbuf result = STRBUF_INITIALIZER;
    struct ovsdb_error *error = NULL;
    struct db *db;

    check(db_open(&db, name, read_only ? LOG_FILE_READ : LOG_FILE_READ_WRITE, false));
    if (!json_is_array(json)) {
        error = ovsdb_syntax_error(json, NULL, "array expected");
    } else if (!json_length(json) || !json_is_string(json_element(json, 0), &db_name) ||
               strcmp(db_name, db->name)) {
        error = ovsdb_syntax_error(json, NULL, "database name expected as first parameter");
    }
    if (error) {
        ovsdb_error_put_json(error, &result);
        ovsdb_error_destroy(error);
    } else {
        struct db_exec_context context = {.read_only = read_only, .cannot_wait = true};
        int64_t timeout;
        bool changed;
        db_execute(db, &context, json, 0, &timeout, &result, &changed);
    }
    if (db->storage) {
        check(db_storage_sync(db->storage));
        db_storage_close(db->storage);
    }
    print_sorted(&result);
    strbuf_fini(&result);
}

static void run_transact(int argc, char **argv)
{
    transact(false, argc, argv);
}

static void run_query(int argc, char **argv)
{
    transact(true, argc, argv);
}

/* show-log */

/* What rows are called, by UUID, whatever their table: a row that is not there yet is being inserted. */
static struct strmap row_names;

static void show_columns(const struct json_object *row, const struct ovsdb_table_schema *t)
{
    json_object_object_foreach((struct json_object *)(uintptr_t)row, name, value)
    {
        const struct ovsdb_column *c = t ? ovsdb_table_column(t, name) : NULL;
        struct ovsdb_datum *d = NULL;
        struct ovsdb_error *error = c ? ovsdb_datum_diff_from_json(&d, &c->type, value) : NULL;
        struct strbuf s = STRBUF_INITIALIZER;
        if (c && !error) {
            ovsdb_datum_put_text(d, &c->type, &s);
            ovsdb_datum_unref(d, &c->type);
        } else {
            ovsdb_error_destroy(error);
            json_format(&s, value, JSON_SORT);
        }
        printf("    %s=%s\n", name, strbuf_text(&s));
        strbuf_fini(&s);
    }
}

static void show_row(const struct ovsdb_table_schema *t, const char *table, const char *uuid,
                     const struct json_object *row, bool is_diff)
{
    const char *old = strmap_get(&row_names, uuid), *name = old ? old : "";
    bool named = json_is_object(row) && json_is_string(json_get(row, "name"), &name) && *name;
    name = old ? old : name;
    printf("  table %s%s row", table, old ? "" : " insert");
    if (*name) {
        printf(" \"%s\" (%.8s)", name, uuid);
    } else {
        printf(old ? " %.8s (%.8s)" : " %.8s", uuid, uuid);
    }
    puts(old && is_diff ? " diff:" : ":");
    if (!row) {
        puts("    delete row");
        free(strmap_remove(&row_names, uuid));
        return;
    }
    if (more > 1 && json_is_object(row)) {
        show_columns(row, t);
    }
    if (!old || named) {
        const char *new_name = "";
        json_is_string(json_get(row, "name"), &new_name);
        free(strmap_put(&row_names, uuid, xstrdup(new_name)));
    }
}

static void show_date(const struct json_object *json)
{
    int64_t date;
    if (json_is_integer(json_get(json, "_date"), &date)) {
        int64_t ms = date < INT64_C(4294967296) ? date * 1000 : date;
        time_t seconds = (time_t)(ms / 1000);
        struct tm tm;
        char text[32];
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
        printf(" %s.%03d", text, (int)(ms % 1000));
    }
}

/* Whatever it is: whether it could be applied is not asked. */
static void show_record(const struct ovsdb_schema *schema, const struct json_object *json)
{
    const char *comment;
    bool is_diff = json_has(json, "_is_diff") &&
                   json_object_is_type(json_get(json, "_is_diff"), json_type_boolean) &&
                   json_object_get_boolean(json_get(json, "_is_diff"));
    bool any = false;
    show_date(json);
    if (json_is_string(json_get(json, "_comment"), &comment)) {
        printf(" \"%s\"", comment);
    }
    putchar('\n');
    json_object_object_foreach((struct json_object *)(uintptr_t)json, table, rows)
    {
        if (!more || !json_is_object(rows)) {
            continue;
        }
        any = true;
        json_object_object_foreach(rows, uuid, row)
        {
            show_row(ovsdb_schema_table(schema, table), table, uuid, row, is_diff);
        }
    }
    if (any) {
        putchar('\n');
    }
}

static void run_show_log(int argc, char **argv)
{
    const char *name = db_arg(argc, argv, 1);
    struct log_file *file;
    struct json_object *json;
    struct ovsdb_schema *schema = NULL;
    strmap_init(&row_names);
    check(log_file_open(&file, name, LOG_FILE_READ));
    for (unsigned i = 0;; i++) {
        check(log_file_read(file, &json));
        if (!json) {
            break;
        }
        printf("record %u:", i);
        if (!i) {
            check(ovsdb_schema_from_json(&schema, json));
            printf(" \"%s\" schema, version=\"%s\", cksum=\"%s\"\n\n", schema->name, schema->version,
                   schema->cksum);
        } else {
            show_record(schema, json);
        }
        json_object_put(json);
    }
    log_file_close(file);
}

static void parse_version(const char *text, unsigned version[3])
{
    int n = -1;
    if (sscanf(text, "%u.%u.%u%n", &version[0], &version[1], &version[2], &n) != 3 || n < 0 || text[n]) {
        error_fatal("%s: not an OVSDB version number in format x.y.z", text);
    }
}

static void run_compare_versions(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool less, equal, greater; /* when it holds */
    } operators[] = {
        {"<", true, false, false}, {"<=", true, true, false}, {"==", false, true, false},
        {">=", false, true, true}, {">", false, false, true}, {"!=", true, false, true},
    };
    unsigned a[3], b[3];
    parse_version(argv[1], a);
    parse_version(argv[3], b);
    int order = 0;
    for (int i = 0; i < 3 && !order; i++) {
        order = a[i] < b[i] ? -1 : a[i] > b[i];
    }
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
        if (!strcmp(argv[2], operators[i].name)) {
            bool holds = order < 0 ? operators[i].less : order ? operators[i].greater : operators[i].equal;
            exit(holds ? 0 : 2);
        }
    }
    error_fatal("%s: not a relational operator", argv[2]);
}

static void usage(void);

static void run_help(int argc, char **argv)
{
    usage();
}

static void run_list_commands(int argc, char **argv);

/* In the order, and with the arguments' names, of the reference's list-commands. */
static const struct {
    const char *name, *usage;
    int min, max;
    void (*run)(int argc, char **argv);
} commands[] = {
    {"create", "[db [schema]]", 0, 2, run_create},
    {"compact", "[db [dst]]", 0, 2, run_compact},
    {"convert", "[db [schema [dst]]]", 0, 3, run_convert},
    {"needs-conversion", "", 0, 2, run_needs_conversion},
    {"db-name", "[db]", 0, 1, run_db_name},
    {"db-version", "[db]", 0, 1, run_db_version},
    {"db-cksum", "[db]", 0, 1, run_db_cksum},
    {"db-cid", "db", 1, 1, run_db_cid},
    {"db-sid", "db", 1, 1, run_db_sid},
    {"db-local-address", "db", 1, 1, run_db_local_address},
    {"db-is-clustered", "db", 1, 1, run_db_is_clustered},
    {"db-is-standalone", "db", 1, 1, run_db_is_standalone},
    {"schema-name", "[schema]", 0, 1, run_schema_name},
    {"schema-version", "[schema]", 0, 1, run_schema_version},
    {"schema-cksum", "[schema]", 0, 1, run_schema_cksum},
    {"query", "[db] trns", 1, 2, run_query},
    {"transact", "[db] trns", 1, 2, run_transact},
    {"show-log", "[db]", 0, 1, run_show_log},
    {"compare-versions", "a op b", 3, 3, run_compare_versions},
    {"help", "", 0, INT32_MAX, run_help},
    {"list-commands", "", 0, INT32_MAX, run_list_commands},
};

static void run_list_commands(int argc, char **argv)
{
    puts("The available commands are:");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %-23s %s\n", commands[i].name, commands[i].usage);
    }
}

static void usage(void)
{
    printf("ovsdb-tool: Open vSwitch database management utility\n"
           "usage: ovsdb-tool [OPTIONS] COMMAND [ARG...]\n"
           "  create [DB [SCHEMA]]    create DB with the given SCHEMA\n"
           "  compact [DB [DST]]      compact DB in-place (or to DST)\n"
           "  convert [DB [SCHEMA [DST]]]   convert DB to SCHEMA (to DST)\n"
           "  needs-conversion [DB [SCHEMA]]   tell whether DB has another schema\n"
           "  db-name [DB]            report name of schema used by DB\n"
           "  db-version [DB]         report version of schema used by DB\n"
           "  db-cksum [DB]           report checksum of schema used by DB\n"
           "  db-cid DB               report cluster ID of clustered DB\n"
           "  db-sid DB               report server ID of clustered DB\n"
           "  db-local-address DB     report local address of clustered DB\n"
           "  db-is-clustered DB      test whether DB is clustered\n"
           "  db-is-standalone DB     test whether DB is standalone\n"
           "  schema-name [SCHEMA]    report SCHEMA's name\n"
           "  schema-version [SCHEMA] report SCHEMA's schema version\n"
           "  schema-cksum [SCHEMA]   report SCHEMA's checksum\n"
           "  compare-versions A OP B  compare OVSDB schema version numbers\n"
           "  query [DB] TRNS         execute read-only transaction on DB\n"
           "  transact [DB] TRNS      execute read/write transaction on DB\n"
           "  [-m]... show-log [DB]   print DB's log entries\n"
           "The default DB is %s.\n"
           "The default SCHEMA is the switch's own.\n\n"
           "Logging options:\n"
           "  -vSPEC, --verbose=SPEC   set logging levels\n"
           "  -v, --verbose            set maximum verbosity level\n"
           "  --log-file[=FILE]        enable logging to specified FILE\n\n"
           "Other options:\n"
           "  -m, --more                  increase show-log verbosity\n"
           "  -h, --help                  display this help message\n"
           "  -V, --version               display version information\n",
           default_db());
}

static char *take_own(const struct option_def *def, const char *arg, void *aux)
{
    more++;
    return NULL;
}

bool tool_ovsdb_tool_has(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(name, commands[i].name)) {
            return commands[i].run != run_help && commands[i].run != run_list_commands;
        }
    }
    return false;
}

int tool_ovsdb_tool(int argc, char **argv)
{
    static const struct option_def own[] = {
        {"more", 'm', OPTION_NO_ARG, NULL, "increase show-log verbosity", 0}};
    struct tool_common common = {"ovsdb-tool", usage};
    struct option_group common_group = tool_common_options;
    common_group.aux = &common;
    const struct option_group groups[] = {
        {"Options:", own, ARRAY_SIZE(own), take_own, NULL}, logsinks_options, common_group};
    int first = tool_parse(groups, ARRAY_SIZE(groups), false, argc, argv);
    if (first >= argc) {
        error_fatal("missing command name; use --help for help");
    }

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(argv[first], commands[i].name)) {
            int n = argc - first - 1;
            if (n < commands[i].min) {
                error_fatal("'%s' command requires at least %d arguments", argv[first], commands[i].min);
            }
            if (n > commands[i].max) {
                error_fatal("'%s' command takes at most %d arguments", argv[first], commands[i].max);
            }
            commands[i].run(argc - first, argv + first);
            return fflush(stdout) ? 1 : 0;
        }
    }
    error_fatal("unknown command '%s'; use --help for help", argv[first]);
}
