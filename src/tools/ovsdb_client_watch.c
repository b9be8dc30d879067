/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "control/builtin.h"
#include "control/control.h"
#include "io/daemon.h"
#include "ovsdb/condition.h"
#include "ovsdb/json_util.h"
#include "tools/ovsdb_client.h"

const char *dbclient_unixctl;

/* Commands that go on until they are ended, in the background if they are told to (--detach). */

static void run_exit(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply(request, "");
    loop_exit(dbclient.loop);
}

static int ended_by; /* a signal, or 0 */

static void on_signal(struct loop_fd *lfd, unsigned events)
{
    struct signalfd_siginfo info;
    while (read(lfd->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        ended_by = (int)info.ssi_signo;
        loop_exit(dbclient.loop);
    }
}

/* EXTRA: commands of its own for the control socket. */
static void stay(const struct control_command *extra, size_t n_extra)
{
    sigset_t set;
    struct loop_fd signals = {.loop = NULL};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    loop_add_fd(dbclient.loop, &signals, signal_fd, LOOP_READ, on_signal);
    static const struct control_command exit_command[] = {{"exit", "", 0, 0, run_exit}};
    struct control_server *control = NULL;
    if (daemon_is_detaching()) {
        char *error;
        control = control_server_create(dbclient.loop, dbclient_unixctl, &error);
        if (!control) {
            error_fatal("%s", error);
        }
        control_register_log(control);
        control_register(control, exit_command, ARRAY_SIZE(exit_command), NULL);
        if (n_extra) {
            control_register(control, extra, n_extra, NULL);
        }
    }
    fflush(stdout);
    daemon_keep_output();
    daemon_ready();
    loop_run(dbclient.loop);
    loop_turn(dbclient.loop, false); /* answers that are due */
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

/* Monitoring: each update a table of rows. */

struct watched {
    const struct ovsdb_table_schema *schema;
    struct ovsdb_column_set columns;
};
static struct watched *watched;
static size_t n_watched;
static bool watch_all, timestamps;
static const char *watched_db;

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
        dbclient_print_table(&t);
    }
}

static void updated(const struct jsonrpc_msg *msg)
{
    if (!strcmp(msg->method, "monitor_canceled")) {
        error_fatal("%s: %s database was removed", dbclient.server, watched_db);
    }
    if (!strncmp(msg->method, "update", 6) && json_length(msg->params) >= 2) {
        print_updates(json_element(msg->params, json_length(msg->params) - 1), false);
    }
}

/* One group of columns: "name,ports,!modify". */
static void watch_columns(struct watched *w, const char *group, struct strbuf *columns, struct strbuf *select)
{
    static const char *const selects[] = {"!initial", "!insert", "!delete", "!modify"};
    char *copy = xstrdup(group), *save = NULL;
    for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        size_t i;
        for (i = 0; i < ARRAY_SIZE(selects) && strcmp(word, selects[i]); i++) {
        }
        if (i < ARRAY_SIZE(selects)) {
            strbuf_printf(select, "%s\"%s\":false", select->len ? "," : "", word + 1);
            continue;
        }
        const struct ovsdb_column *c = ovsdb_table_column(w->schema, word);
        if (!c) {
            error_fatal("%s: table \"%s\" in %s does not have a column named \"%s\"", dbclient.server,
                        w->schema->name, watched_db, word);
        }
        if (ovsdb_column_set_contains(&w->columns, c)) {
            error_fatal("%s: column \"%s\" mentioned multiple times", dbclient.server, word);
        }
        strbuf_printf(columns, "%s\"%s\"", columns->len ? "," : "", word);
        ovsdb_column_set_add(&w->columns, c);
    }
    if (!columns->len) { /* all of them */
        const struct ovsdb_table_schema *ts = w->schema;
        for (size_t i = 0; i <= ts->n_columns; i++) {
            const struct ovsdb_column *c = i < ts->n_columns ? ts->columns[i] : ts->version_column;
            if (ovsdb_column_set_contains(&w->columns, c)) {
                error_fatal("%s: column \"%s\" mentioned multiple times", dbclient.server, c->name);
            }
            strbuf_printf(columns, "%s\"%s\"", columns->len ? "," : "", c->name);
            ovsdb_column_set_add(&w->columns, c);
        }
    }
    free(copy);
}

static void watch_table(const struct ovsdb_table_schema *ts, char **args, int n, const char *where,
                        struct strbuf *s)
{
    watched = xrealloc(watched, (n_watched + 1) * sizeof *watched);
    struct watched *w = &watched[n_watched++];
    *w = (struct watched){.schema = ts};
    strbuf_printf(s, "%s\"%s\":[", n_watched > 1 ? "," : "", ts->name);
    for (int i = 0; i < n || (!n && !i); i++) {
        struct strbuf columns = STRBUF_INITIALIZER, select = STRBUF_INITIALIZER;
        watch_columns(w, n ? args[i] : "", &columns, &select);
        strbuf_printf(s, "%s{\"columns\":[%s],\"select\":{%s}", i ? "," : "", columns.text,
                      strbuf_text(&select));
        if (where) {
            strbuf_printf(s, ",\"where\":%s", where);
        }
        strbuf_put_char(s, '}');
        strbuf_fini(&columns);
        strbuf_fini(&select);
    }
    strbuf_put_char(s, ']');
}

/* What is wrong with conditions is said here already. */
static void check_conditions(const struct ovsdb_table_schema *ts, const char *where)
{
    const struct json_object *json = dbclient_json(where);
    struct ovsdb_condition condition = OVSDB_CONDITION_INITIALIZER;
    struct ovsdb_error *error = json_is_array(json) ? ovsdb_condition_from_json(&condition, ts, json, NULL)
                                                    : ovsdb_value_error(json, "array expected");
    if (error) {
        error_fatal("%s", ovsdb_error_to_text_free(error));
    }
    ovsdb_condition_fini(&condition);
}

void dbclient_monitor(const char *db, int argc, char **argv, int version, bool with_time)
{
    static const char *const methods[] = {"", "monitor", "monitor_cond", "monitor_cond_since"};
    const char *last_id = NULL, *where = NULL;
    struct ovsdb_schema *schema = dbclient_schema(db);
    struct strbuf s = STRBUF_INITIALIZER;
    timestamps = with_time;
    watched_db = db;
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
            if (version == 1) {
                error_fatal("%s: %s does not have a table named \"%s\"", dbclient.server, db, argv[0]);
            }
            error_fatal("%s does not have a table named \"%s\"", db, argv[0]);
        }
        if (where) {
            check_conditions(ts, where);
        }
        watch_table(ts, argv + 1, argc - 1, where, &s);
    }
    strbuf_puts(&s, "}");
    if (version == 3) {
        strbuf_printf(&s, ",\"%s\"", last_id ? last_id : "00000000-0000-0000-0000-000000000000");
    }
    strbuf_puts(&s, "]");
    dbclient.notified = updated;
    const struct json_object *result = dbclient_call(methods[version], s.text);
    if (version == 3) {
        const char *id = "";
        json_is_string(json_element(result, 1), &id);
        printf("found: %s, last_id: %s\n",
               json_object_get_boolean(json_element(result, 0)) ? "true" : "false", id);
        result = json_element(result, 2);
    }
    print_updates(result, true);
    stay(NULL, 0);
}

/* Locks. */

static void lock_notified(const struct jsonrpc_msg *msg)
{
    struct strbuf s = STRBUF_INITIALIZER;
    json_format(&s, msg->params, JSON_SORT);
    printf("%s %s\n", msg->method, strbuf_text(&s));
    fflush(stdout);
    strbuf_fini(&s);
}

static void lock_answered(const struct jsonrpc_msg *msg)
{
    dbclient_print_json(msg->type == JSONRPC_ERROR ? msg->error : msg->result);
}

/* More of them over the same connection, by the control socket: each command is a method of that name. */
static void more_locks(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_put_char(&s, '[');
    json_format_string(&s, argv[1], strlen(argv[1]));
    strbuf_put_char(&s, ']');
    dbclient_send(argv[0], s.text, lock_answered);
    control_reply(request, "");
    strbuf_fini(&s);
}

void dbclient_lock(const char *method, const char *name)
{
    static const struct control_command locks[] = {{"lock", "LOCK", 1, 1, more_locks},
                                                   {"steal", "LOCK", 1, 1, more_locks},
                                                   {"unlock", "LOCK", 1, 1, more_locks}};
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_put_char(&s, '[');
    json_format_string(&s, name, strlen(name));
    strbuf_put_char(&s, ']');
    dbclient.notified = lock_notified;
    lock_answered(dbclient_call_any(method, dbclient_json(s.text)));
    strbuf_fini(&s);
    stay(locks, ARRAY_SIZE(locks));
}

/* Waiting. */

static bool something_changed;

static void wait_notified(const struct jsonrpc_msg *msg)
{
    something_changed = true;
}

void dbclient_wait(const char *db, const char *wanted)
{
    if (strcmp(wanted, "added") && strcmp(wanted, "connected") && strcmp(wanted, "removed")) {
        error_fatal("%s: unknown state", wanted);
    }
    dbclient.notified = wait_notified;
    for (;;) {
        dbclient_connect_some_day();
        /* _Server says when to look again. */
        if (!dbclient_ask("set_db_change_aware", "[true]") ||
            !dbclient_ask("monitor",
                          "[\"_Server\",null,{\"Database\":[{\"columns\":[\"name\",\"connected\"]}]}]")) {
            continue;
        }
        while (dbclient_is_connected()) {
            something_changed = false;
            enum dbclient_db_state state = dbclient_db_state(db);
            if (*wanted == 'r'   ? state == DBCLIENT_DB_ABSENT
                : *wanted == 'a' ? state >= DBCLIENT_DB_PRESENT
                                 : state >= DBCLIENT_DB_CONNECTED) {
                return;
            }
            while (!something_changed && dbclient_is_connected()) {
                loop_turn(dbclient.loop, true);
            }
        }
    }
}
