/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice ovsdb-client`, called ovsdb-client too: requests to a database server from the command line. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "control/builtin.h"
#include "control/control.h"
#include "io/daemon.h"
#include "io/dirs.h"
#include "io/jsonrpc.h"
#include "io/logsinks.h"
#include "io/loop.h"
#include "io/ssl.h"
#include "io/stream.h"
#include "ovsdb/db_storage.h"
#include "ovsdb/json_util.h"
#include "ovsdb/vswitch_schema.h"
#include "tools/dbtable.h"
#include "tools/tool.h"

static struct dbtable_style style = {.format = DBTABLE_TABLE, .data = DBTABLE_STRING, .headings = true};
static struct loop *loop;
static struct jsonrpc_session *session;
static const char *server, *unixctl;
static bool force, tables_before, timestamps;

/* Commands that go on until they are ended, in the background if they are told to (--detach). */

static void run_exit(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply(request, "");
    loop_exit(loop);
}

static int ended_by; /* a signal, or 0 */

static void on_signal(struct loop_fd *lfd, unsigned events)
{
    struct signalfd_siginfo info;
    while (read(lfd->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        ended_by = (int)info.ssi_signo;
        loop_exit(loop);
    }
}

static void stay(void)
{
    sigset_t set;
    struct loop_fd signals = {.loop = NULL};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    loop_add_fd(loop, &signals, signal_fd, LOOP_READ, on_signal);
    static const struct control_command exit_command[] = {{"exit", "", 0, 0, run_exit}};
    struct control_server *control = NULL;
    if (daemon_is_detaching()) {
        char *error;
        control = control_server_create(loop, unixctl, &error);
        if (!control) {
            error_fatal("%s", error);
        }
        control_register_log(control);
        control_register(control, exit_command, ARRAY_SIZE(exit_command), NULL);
    }
    fflush(stdout);
    daemon_keep_output();
    daemon_ready();
    loop_run(loop);
    loop_turn(loop, false); /* answers that are due */
    control_server_destroy(control);
    loop_remove_fd(&signals);
    close(signal_fd);
    if (ended_by) {
        daemon_remove_pidfile();
        signal(ended_by, SIG_DFL);
        raise(ended_by);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
}

/* The connection, and one request at a time. */

static int64_t waiting_for = -1;
static struct jsonrpc_msg *answer;
static void (*on_notification)(const struct jsonrpc_msg *);

static void received(struct jsonrpc_session *s, struct jsonrpc_msg *msg, void *aux)
{
    int64_t id;
    if ((msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR) && json_is_integer(msg->id, &id) &&
        id == waiting_for) {
        answer = msg;
        return;
    }
    if (msg->type == JSONRPC_NOTIFY && on_notification) {
        on_notification(msg);
    }
    jsonrpc_msg_destroy(msg);
}

static void disconnected(struct jsonrpc_session *s, int error, void *aux)
{
    error_fatal("%s: connection dropped (%s)", server, error_text(error));
}

static const struct jsonrpc_session_ops session_ops = {.received = received, .disconnected = disconnected};

static void connect_server(void)
{
    loop = loop_create("ovsdb-client");
    session = jsonrpc_session_create(server, false, loop, &session_ops, NULL);
    while (!jsonrpc_session_is_connected(session)) {
        if (jsonrpc_session_last_error(session)) {
            error_fatal("failed to connect to \"%s\" (%s)", server,
                        error_text(jsonrpc_session_last_error(session)));
        }
        loop_turn(loop, true);
    }
}

static struct jsonrpc_msg *call_any(const char *method, const char *params)
{
    char *error;
    struct json_object *json = json_parse(params, strlen(params), &error);
    if (error) {
        error_fatal("%s", error);
    }
    struct jsonrpc_msg *msg = jsonrpc_request(method, json);
    json_is_integer(msg->id, &waiting_for);
    answer = NULL;
    jsonrpc_session_send(session, msg);
    while (!answer) {
        loop_turn(loop, true);
    }
    return answer;
}

static struct json_object *call(const char *method, const char *params)
{
    struct jsonrpc_msg *msg = call_any(method, params);
    if (msg->type == JSONRPC_ERROR) {
        error_fatal("%s request failed: %s", method, json_text(msg->error, JSON_SORT));
    }
    return msg->result;
}

static struct ovsdb_schema *fetch_schema(const char *db)
{
    struct ovsdb_schema *schema;
    struct ovsdb_error *error =
        ovsdb_schema_from_json(&schema, call("get_schema", xasprintf("[\"%s\"]", db)));
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
    return schema;
}

static bool has_db(const char *name)
{
    const struct json_object *dbs = call("list_dbs", "[]");
    const char *text;
    for (size_t i = 0; i < json_length(dbs); i++) {
        if (json_is_string(json_element(dbs, i), &text) && !strcmp(text, name)) {
            return true;
        }
    }
    return false;
}

/* The database meant where none is named: Open_vSwitch, or the only one there is. */
static const char *default_database(void)
{
    if (has_db("Open_vSwitch")) {
        return "Open_vSwitch";
    }
    const struct json_object *dbs = call("list_dbs", "[]");
    const char *text, *found = NULL;
    for (size_t i = 0; i < json_length(dbs); i++) {
        if (json_is_string(json_element(dbs, i), &text) && text[0] != '_') {
            if (found) {
                error_fatal("no default database for \"%s\", please specify a database name", server);
            }
            found = text;
        }
    }
    if (!found) {
        error_fatal("no default database for \"%s\", please specify a database name", server);
    }
    return xstrdup(found);
}

/* Takes an optional leading database name off ARGV. */
static const char *database_arg(int *argc, char ***argv)
{
    if (*argc > 0 && has_db((*argv)[0])) {
        (*argc)--;
        return *(*argv)++;
    }
    return default_database();
}

static void print_table(struct dbtable *t)
{
    struct strbuf s = STRBUF_INITIALIZER;
    dbtable_format(t, &style, tables_before, &s);
    fputs(strbuf_text(&s), stdout);
    fflush(stdout);
    tables_before = true;
    strbuf_fini(&s);
    dbtable_fini(t);
}

static void print_json(const struct json_object *json)
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

static void run_list_dbs(int argc, char **argv)
{
    const struct json_object *dbs = call("list_dbs", "[]");
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

static void run_get_schema(int argc, char **argv)
{
    print_json(call("get_schema", xasprintf("[\"%s\"]", database_arg(&argc, &argv))));
}

static void run_get_schema_version(int argc, char **argv)
{
    puts(fetch_schema(database_arg(&argc, &argv))->version);
}

static void run_get_schema_cksum(int argc, char **argv)
{
    puts(fetch_schema(database_arg(&argc, &argv))->cksum);
}

static void run_list_tables(int argc, char **argv)
{
    struct ovsdb_schema *s = fetch_schema(database_arg(&argc, &argv));
    struct dbtable t;
    dbtable_init(&t);
    dbtable_add_column(&t, "Table");
    for (size_t i = 0; i < s->n_tables; i++) {
        dbtable_add_text(&t, s->tables[i]->name);
    }
    print_table(&t);
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
    dbtable_add_text(t, s.text);
    strbuf_fini(&s);
}

static void run_list_columns(int argc, char **argv)
{
    struct ovsdb_schema *s = fetch_schema(database_arg(&argc, &argv));
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
    print_table(&t);
}

static void run_transact(int argc, char **argv)
{
    print_json(call("transact", argv[0]));
}

/* "query" is a transaction that is never committed. */
static void run_query(int argc, char **argv)
{
    char *error;
    struct json_object *json = json_parse(argv[0], strlen(argv[0]), &error);
    if (error) {
        error_fatal("%s", error);
    }
    if (!json_is_array(json)) {
        error_fatal("<transaction> must be an array");
    }
    json_object_array_add(json, json_tokener_parse("{\"op\":\"abort\"}"));
    struct json_object *result = call("transact", json_text(json, JSON_SORT));
    size_t n = json_length(result);
    struct json_object *shown = json_object_new_array();
    const char *tag = "";
    /* The "aborted" that we asked for is not shown. */
    if (n == json_length(json) - 1 && json_is_string(json_get(json_element(result, n - 1), "error"), &tag) &&
        !strcmp(tag, "aborted")) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        json_object_array_add(shown, json_object_get(json_element(result, i)));
    }
    print_json(shown);
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
    const struct json_object *rows = json_get(json_element(call("transact", s.text), 0), "rows");
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
    print_table(&t);
    ovsdb_column_set_fini(&columns);
}

static void run_dump(int argc, char **argv)
{
    const char *db = database_arg(&argc, &argv);
    struct ovsdb_schema *s = fetch_schema(db);
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

static void run_backup(int argc, char **argv)
{
    const char *db = database_arg(&argc, &argv);
    struct ovsdb_schema *s = fetch_schema(db);
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
        struct json_object *rows =
            json_get(json_element(call("transact",
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

static void run_restore(int argc, char **argv)
{
    struct db *db;
    const char *name = database_arg(&argc, &argv);
    struct ovsdb_error *error = db_open(&db, "/dev/stdin", LOG_FILE_READ, false);
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
    struct ovsdb_schema *have = fetch_schema(name);
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
    const struct json_object *results = call("transact", s.text);
    for (size_t i = 0; i < json_length(results); i++) {
        if (json_has(json_element(results, i), "error")) {
            error_fatal("transaction returned error: %s", json_text(json_element(results, i), JSON_SORT));
        }
    }
}

/* Monitoring: each update a table of rows. */

struct watched {
    const struct ovsdb_table_schema *schema;
    struct ovsdb_column_set columns;
};
static struct watched *watched;
static size_t n_watched;
static bool watch_all;

static void add_values(struct dbtable *t, const struct watched *w, const struct json_object *row)
{
    for (size_t i = 0; i < w->columns.n; i++) {
        const struct ovsdb_column *c = w->columns.columns[i];
        const struct json_object *value = json_get(row, c->name);
        struct ovsdb_datum *d = NULL;
        struct ovsdb_error *error = value ? ovsdb_datum_diff_from_json(&d, &c->type, value) : NULL;
        if (value && !error) {
            dbtable_add_datum(t, d, &c->type);
            ovsdb_datum_unref(d, &c->type);
        } else {
            ovsdb_error_destroy(error);
            dbtable_add_text(t, "");
        }
    }
}

static void add_action(struct dbtable *t, const struct watched *w, const char *uuid, const char *action,
                       const struct json_object *row)
{
    dbtable_add_text(t, uuid);
    dbtable_add_text(t, action);
    add_values(t, w, row);
}

static void add_update(struct dbtable *t, const struct watched *w, const char *uuid,
                       const struct json_object *update, bool initial)
{
    static const char *const kinds[] = {"initial", "insert", "delete", "modify"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (json_has(update, kinds[i])) {
            add_action(t, w, uuid, kinds[i], json_get(update, kinds[i]));
            return;
        }
    }
    const struct json_object *old = json_get(update, "old"), *new = json_get(update, "new");
    if (old && new) {
        add_action(t, w, uuid, "old", old);
        add_action(t, w, "", "new", new);
    } else if (new) {
        add_action(t, w, uuid, initial ? "initial" : "insert", new);
    } else if (old) {
        add_action(t, w, uuid, "delete", old);
    }
}

static void print_updates(const struct json_object *updates, bool initial)
{
    for (size_t i = 0; i < n_watched; i++) {
        const struct watched *w = &watched[i];
        const struct json_object *rows = json_get(updates, w->schema->name);
        struct dbtable t;
        if (!json_is_object(rows)) {
            continue;
        }
        dbtable_init(&t);
        t.timestamp = timestamps;
        if (watch_all) {
            t.caption = xstrdup(w->schema->name);
        }
        dbtable_add_column(&t, "row");
        dbtable_add_column(&t, "action");
        for (size_t j = 0; j < w->columns.n; j++) {
            dbtable_add_column(&t, w->columns.columns[j]->name);
        }
        json_object_object_foreach((struct json_object *)(uintptr_t)rows, uuid, update)
        {
            add_update(&t, w, uuid, update, initial);
        }
        print_table(&t);
    }
}

static void updated(const struct jsonrpc_msg *msg)
{
    if (!strncmp(msg->method, "update", 6) && json_length(msg->params) >= 2) {
        print_updates(json_element(msg->params, json_length(msg->params) - 1), false);
    }
}

static void watch_table(const struct ovsdb_table_schema *ts, char **args, int n, const char *where,
                        struct strbuf *s)
{
    struct watched *w;
    bool any = false;
    watched = xrealloc(watched, (n_watched + 1) * sizeof *watched);
    w = &watched[n_watched++];
    *w = (struct watched){.schema = ts};
    strbuf_printf(s, "%s\"%s\":[", n_watched > 1 ? "," : "", ts->name);
    for (int i = 0; i < n || (!n && !i); i++) {
        char *copy = xstrdup(n ? args[i] : ""), *save = NULL;
        struct strbuf columns = STRBUF_INITIALIZER, select = STRBUF_INITIALIZER;
        for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
            if (*word == '!') {
                strbuf_printf(&select, "%s\"%s\":false", select.len ? "," : "", word + 1);
                continue;
            }
            const struct ovsdb_column *c = ovsdb_table_column(ts, word);
            if (!c) {
                error_fatal("%s: table \"%s\" does not have a column named \"%s\"", server, ts->name, word);
            }
            strbuf_printf(&columns, "%s\"%s\"", columns.len ? "," : "", word);
            ovsdb_column_set_add(&w->columns, c);
        }
        if (!columns.len) {
            for (size_t j = 0; j < ts->n_columns; j++) {
                strbuf_printf(&columns, "%s\"%s\"", columns.len ? "," : "", ts->columns[j]->name);
                ovsdb_column_set_add(&w->columns, ts->columns[j]);
            }
            strbuf_puts(&columns, ",\"_version\"");
            ovsdb_column_set_add(&w->columns, ts->version_column);
        }
        strbuf_printf(s, "%s{\"columns\":[%s],\"select\":{%s}", any ? "," : "", columns.text,
                      strbuf_text(&select));
        if (where) {
            strbuf_printf(s, ",\"where\":%s", where);
        }
        strbuf_put_char(s, '}');
        any = true;
        strbuf_fini(&columns);
        strbuf_fini(&select);
        free(copy);
    }
    strbuf_put_char(s, ']');
}

static void monitor(int argc, char **argv, int version)
{
    const char *db = database_arg(&argc, &argv), *last_id = NULL, *where = NULL;
    struct ovsdb_schema *schema = fetch_schema(db);
    struct strbuf s = STRBUF_INITIALIZER;
    if (version == 3) {
        last_id = argc > 0 && uuid_partial_match_len(argv[0]) == UUID_TEXT_LEN ? (argc--, *argv++) : NULL;
    }
    if (version > 1 && argc > 0) {
        where = *argv++;
        argc--;
    }
    if (argc < 1) {
        error_fatal("missing table name");
    }
    strbuf_printf(&s, "[\"%s\",null,{", db);
    if (version == 1 && !strcmp(argv[0], "ALL")) {
        watch_all = true;
        for (size_t i = 0; i < schema->n_tables; i++) {
            watch_table(schema->tables[i], NULL, 0, NULL, &s);
        }
    } else {
        const struct ovsdb_table_schema *ts = ovsdb_schema_table(schema, argv[0]);
        if (!ts) {
            error_fatal("%s: %s does not have a table named \"%s\"", server, db, argv[0]);
        }
        watch_table(ts, argv + 1, argc - 1, where, &s);
    }
    strbuf_puts(&s, "}");
    if (version == 3) {
        strbuf_printf(&s, ",\"%s\"", last_id ? last_id : "00000000-0000-0000-0000-000000000000");
    }
    strbuf_puts(&s, "]");
    on_notification = updated;
    const struct json_object *result = call(version == 1   ? "monitor"
                                            : version == 2 ? "monitor_cond"
                                                           : "monitor_cond_since",
                                            s.text);
    if (version == 3) {
        const char *id = "";
        json_is_string(json_element(result, 1), &id);
        printf("found: %s, last_id: %s\n",
               json_object_get_boolean(json_element(result, 0)) ? "true" : "false", id);
        result = json_element(result, 2);
    }
    print_updates(result, true);
    stay();
}

static void run_monitor(int argc, char **argv)
{
    monitor(argc, argv, 1);
}

static void run_monitor_cond(int argc, char **argv)
{
    monitor(argc, argv, 2);
}

static void run_monitor_cond_since(int argc, char **argv)
{
    monitor(argc, argv, 3);
}

/* Schema conversion, waiting, locks. */

static struct ovsdb_schema *file_schema(const char *file)
{
    struct ovsdb_schema *schema;
    struct ovsdb_error *error = ovsdb_schema_from_file(&schema, file);
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
    return schema;
}

static void run_convert(int argc, char **argv)
{
    struct ovsdb_schema *schema = file_schema(argv[0]);
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "[\"%s\",", schema->name);
    ovsdb_schema_put_json(schema, &s);
    strbuf_put_char(&s, ']');
    call("convert", s.text);
}

static void run_needs_conversion(int argc, char **argv)
{
    struct ovsdb_schema *want = file_schema(argv[0]);
    puts(ovsdb_schema_equal(fetch_schema(want->name), want) ? "no" : "yes");
}

static bool wait_state; /* of the row of _Server that is waited for */
static const char *wait_db, *wait_column;

static void judge_wait(const struct json_object *updates)
{
    const struct json_object *rows = json_get(updates, "Database");
    if (!json_is_object(rows)) {
        return;
    }
    json_object_object_foreach((struct json_object *)(uintptr_t)rows, uuid, update)
    {
        const char *name;
        const struct json_object *new = json_get(update, "new");
        (void)uuid;
        if (json_is_string(json_get(new, "name"), &name) && !strcmp(name, wait_db)) {
            wait_state = json_object_get_boolean(json_get(new, wait_column));
        }
    }
}

static void wait_updated(const struct jsonrpc_msg *msg)
{
    if (!strcmp(msg->method, "update") && json_length(msg->params) == 2) {
        judge_wait(json_element(msg->params, 1));
    }
}

static void run_wait(int argc, char **argv)
{
    bool wanted;
    wait_db = argv[0];
    if (!strcmp(argv[1], "added")) {
        wait_column = "name";
        wanted = true;
    } else if (!strcmp(argv[1], "connected")) {
        wait_column = "connected";
        wanted = true;
    } else if (!strcmp(argv[1], "removed")) {
        while (has_db(wait_db)) {
            loop_turn(loop, false);
            usleep(50000);
        }
        return;
    } else {
        error_fatal("%s: unknown state", argv[1]);
    }
    on_notification = wait_updated;
    judge_wait(call("monitor", "[\"_Server\",null,{\"Database\":[{\"columns\":[\"name\",\"connected\"]}]}]"));
    while (!(wait_state == wanted) && !(!strcmp(argv[1], "added") && has_db(wait_db))) {
        loop_turn(loop, true);
    }
}

static void lock_notified(const struct jsonrpc_msg *msg)
{
    struct strbuf s = STRBUF_INITIALIZER;
    json_format(&s, msg->params, JSON_SORT);
    printf("%s %s\n", msg->method, strbuf_text(&s));
    fflush(stdout);
    strbuf_fini(&s);
}

static void lock(const char *method, const char *name)
{
    on_notification = lock_notified;
    print_json(call(method, xasprintf("[\"%s\"]", name)));
    stay();
}

static void run_lock(int argc, char **argv)
{
    lock("lock", argv[0]);
}

static void run_steal(int argc, char **argv)
{
    lock("steal", argv[0]);
}

static void run_unlock(int argc, char **argv)
{
    lock("unlock", argv[0]);
}

static const struct command {
    const char *name, *usage;
    int min, max; /* after the server, which may be left out */
    void (*run)(int argc, char **argv);
    bool stays; /* until it is ended */
} commands[] = {
    {"list-dbs", "[SERVER]", 0, 0, run_list_dbs},
    {"get-schema", "[SERVER] [DATABASE]", 0, 1, run_get_schema},
    {"get-schema-version", "[SERVER] [DATABASE]", 0, 1, run_get_schema_version},
    {"get-schema-cksum", "[SERVER] [DATABASE]", 0, 1, run_get_schema_cksum},
    {"list-tables", "[SERVER] [DATABASE]", 0, 1, run_list_tables},
    {"list-columns", "[SERVER] [DATABASE] [TABLE]", 0, 2, run_list_columns},
    {"transact", "[SERVER] TRANSACTION", 1, 1, run_transact},
    {"query", "[SERVER] TRANSACTION", 1, 1, run_query},
    {"dump", "[SERVER] [DATABASE] [TABLE [COLUMN]...]", 0, INT32_MAX, run_dump},
    {"backup", "[SERVER] [DATABASE] > SNAPSHOT", 0, 1, run_backup},
    {"restore", "[SERVER] [DATABASE] < SNAPSHOT", 0, 1, run_restore},
    {"monitor", "[SERVER] [DATABASE] TABLE [COLUMN,...]...|ALL", 1, INT32_MAX, run_monitor, true},
    {"monitor-cond", "[SERVER] [DATABASE] CONDITIONS TABLE [COLUMN,...]...", 2, INT32_MAX, run_monitor_cond,
     true},
    {"monitor-cond-since", "[SERVER] [DATABASE] [LASTID] CONDITIONS TABLE [COLUMN,...]...", 2, INT32_MAX,
     run_monitor_cond_since},
    {"wait", "[SERVER] DATABASE added|connected|removed", 2, 2, run_wait},
    {"convert", "[SERVER] SCHEMA", 1, 1, run_convert},
    {"needs-conversion", "[SERVER] SCHEMA", 1, 1, run_needs_conversion},
    {"lock", "[SERVER] LOCK", 1, 1, run_lock, true},
    {"steal", "[SERVER] LOCK", 1, 1, run_steal, true},
    {"unlock", "[SERVER] LOCK", 1, 1, run_unlock, true},
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
    OPT_IGNORE
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
        unixctl = arg;
        break;
    default:
        break;
    }
    return NULL;
}

static void run_command(const struct command *c, int argc, char **argv)
{
    if (argc > 0 && (stream_name_is_active(argv[0]) || stream_name_is_passive(argv[0]))) {
        server = argv[0];
        argv++;
        argc--;
    } else {
        server = xasprintf("unix:%s/db.sock", dirs_run());
    }
    if (argc < c->min) {
        error_fatal("'%s' command requires at least %d arguments", c->name, c->min);
    }
    if (argc > c->max) {
        error_fatal("'%s' command takes at most %d arguments", c->name, c->max);
    }
    connect_server();
    c->run(argc, argv);
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
        {"db-change-aware", 0, OPTION_NO_ARG, NULL, NULL, OPT_IGNORE},
        {"no-db-change-aware", 0, OPTION_NO_ARG, NULL, NULL, OPT_IGNORE},
        {"leader-only", 0, OPTION_NO_ARG, NULL, NULL, OPT_IGNORE},
        {"no-leader-only", 0, OPTION_NO_ARG, NULL, NULL, OPT_IGNORE},
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
