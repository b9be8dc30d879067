/* SPDX-License-Identifier: Apache-2.0 */
/* The client's connection: what is asked of a server, in which order, and what is done with the answers.
 *
 *   connected: set_db_change_aware, get_schema, and a monitor of _Server's Database table (is it the leader,
 * is it connected to its cluster?). With both answers: monitor_cond_since; where the server does not know it,
 *   monitor_cond; where not even that, monitor. Then updates, until the connection breaks. */
#include "ovsdb/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/stream.h"
#include "ovsdb/client_private.h"
#include "ovsdb/json_util.h"

LOG_MODULE(ovsdb_idl); /* the reference's name for what does this: `vlog/set ovsdb_idl:dbg` */

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

static void start_asking(struct ovsdb_client *);
static void start_monitor(struct ovsdb_client *);

static void set_error(struct ovsdb_client *c, char *error)
{
    free(c->error);
    c->error = error;
}

static void run_notify(struct task *task)
{
    struct ovsdb_client *c = OBJECT_OF(task, c, notify);
    if (c->cb) {
        c->cb(c, c->aux);
    }
}

void client_alert(struct ovsdb_client *c)
{
    c->seqno++;
    if (c->cb) {
        task_schedule_by(loop_tasks(c->loop), &c->notify, clock_ms());
    }
}

/* Requests. */

int64_t client_send(struct ovsdb_client *c, const char *method, const char *params,
                    void (*done)(struct ovsdb_client *, const struct jsonrpc_msg *, void *aux), void *aux)
{
    char *error;
    struct json_object *json = json_parse(params, strlen(params), &error);
    if (!json) {
        LOG_ERR("internal error in a %s request: %s", method, error);
        free(error);
        json = json_object_new_array();
    }
    struct jsonrpc_msg *msg = jsonrpc_request(method, json);
    struct client_request *r = xzalloc(sizeof *r);
    r->id = json_object_get_int64(msg->id);
    r->done = done;
    r->aux = aux;
    list_push_back(&c->requests, &r->node);
    int64_t id = r->id;
    jsonrpc_session_send(c->session, msg);
    return id;
}

static void fail_requests(struct ovsdb_client *c)
{
    while (!list_is_empty(&c->requests)) {
        struct list *node = list_pop_front(&c->requests);
        struct client_request *r = OBJECT_OF(node, r, node);
        if (r->done) {
            r->done(c, NULL, r->aux);
        }
        free(r);
    }
}

static void received_reply(struct ovsdb_client *c, const struct jsonrpc_msg *msg)
{
    int64_t id;
    struct client_request *r, *next;
    if (!json_is_integer(msg->id, &id)) {
        return;
    }
    LIST_FOR_EACH_SAFE (r, next, node, &c->requests) {
        if (r->id == id) {
            list_remove(&r->node);
            if (r->done) {
                r->done(c, msg, r->aux);
            }
            free(r);
            return;
        }
    }
}

/* The server about itself. */

static void leave_server(struct ovsdb_client *c, const char *why)
{
    set_error(c, xstrdup(why));
    jsonrpc_session_reconnect(c->session, why);
}

/* Looks at one row of _Server's Database table, if it is about our database. */
static bool judge_server(struct ovsdb_client *c, const struct json_object *row)
{
    const char *name, *model;
    if (!json_is_string(json_get(row, "name"), &name) || strcmp(name, c->schema->name)) {
        return true;
    }
    if (json_has(row, "connected") && !json_object_get_boolean(json_get(row, "connected"))) {
        leave_server(c, "database server is disconnected from its cluster");
        return false;
    }
    if (c->leader_only && json_is_string(json_get(row, "model"), &model) && !strcmp(model, "clustered") &&
        !json_object_get_boolean(json_get(row, "leader"))) {
        leave_server(c, "clustered database server is not cluster leader; trying another server");
        return false;
    }
    return true;
}

/* Both notations have the whole row in "new": the monitor asked for is one of version 1, of few columns. */
static bool judge_server_rows(struct ovsdb_client *c, const struct json_object *updates)
{
    const struct json_object *table = json_get(updates, "Database");
    if (json_is_object(table)) {
        json_object_object_foreach((struct json_object *)(uintptr_t)table, uuid, row)
        {
            (void)uuid;
            const struct json_object *new = json_get(row, "new");
            if (json_is_object(new) && !judge_server(c, new)) {
                return false;
            }
        }
    }
    return true;
}

static void maybe_monitor(struct ovsdb_client *c)
{
    if (c->state == CLIENT_ASKING && c->server_known && c->schema_known) {
        start_monitor(c);
    }
}

static void server_state_done(struct ovsdb_client *c, const struct jsonrpc_msg *msg, void *aux)
{
    if (msg) {
        /* An error: a server from before _Server, which is alone and its own leader. */
        if (msg->type == JSONRPC_REPLY && !judge_server_rows(c, msg->result)) {
            return;
        }
        c->server_known = true;
        maybe_monitor(c);
    }
}

static void note_server_schema(struct ovsdb_client *c, const struct ovsdb_schema *server)
{
    for (size_t i = 0; i < c->schema->n_tables; i++) {
        struct ovsdb_client_table *t = &c->tables[i];
        const struct ovsdb_table_schema *st = server ? ovsdb_schema_table(server, t->schema->name) : NULL;
        t->on_server = st || !server;
        for (size_t j = 0; j < t->schema->n_columns; j++) {
            bool has = !server || (st && ovsdb_table_column(st, t->schema->columns[j]->name));
            if (!has && t->modes[j] && st) {
                LOG_WARN_RL(&rl, "%s table in %s database lacks %s column (database needs upgrade?)",
                            t->schema->name, c->schema->name, t->schema->columns[j]->name);
            }
            bitmap_set_to(t->columns_on_server, j, has);
        }
        if (!t->on_server && t->monitored) {
            LOG_WARN_RL(&rl, "%s database lacks %s table (database needs upgrade?)", c->schema->name,
                        t->schema->name);
        }
    }
}

static void schema_done(struct ovsdb_client *c, const struct jsonrpc_msg *msg, void *aux)
{
    if (!msg) {
        return;
    }
    struct ovsdb_schema *schema = NULL;
    char *error = NULL;
    if (msg->type == JSONRPC_ERROR) {
        char *text = json_text(msg->error, JSON_SORT);
        error = xasprintf("server has no database %s: %s", c->schema->name, text);
        free(text);
    } else {
        error = ovsdb_error_to_text_free(ovsdb_schema_from_json(&schema, msg->result));
    }
    if (error) {
        LOG_WARN_RL(&rl, "%s: %s", jsonrpc_session_name(c->session), error);
        leave_server(c, error);
        free(error);
        return;
    }
    note_server_schema(c, schema);
    ovsdb_schema_destroy(schema);
    c->schema_known = true;
    maybe_monitor(c);
}

static void start_asking(struct ovsdb_client *c)
{
    c->state = CLIENT_ASKING;
    c->server_known = c->quick;
    c->schema_known = c->quick;
    client_send(c, "set_db_change_aware", "[true]", NULL, NULL);
    if (!c->quick) {
        char *params = xasprintf("[\"%s\"]", c->schema->name);
        client_send(c, "get_schema", params, schema_done, NULL);
        free(params);
    }
    client_send(c, "monitor",
                "[\"_Server\",[\"monid\",\"_Server\"],{\"Database\":[{\"columns\":"
                "[\"name\",\"model\",\"connected\",\"leader\"]}]}]",
                server_state_done, NULL);
    if (c->quick) { /* answered after that: the data of a server that turns out to be no leader is not looked
                       at */
        note_server_schema(c, NULL);
        start_monitor(c);
    }
}

/* Monitoring. */

static void put_monitor_request(struct ovsdb_client *c, const struct ovsdb_client_table *t, struct strbuf *s)
{
    bool any = false;
    strbuf_printf(s, "\"%s\":[{\"columns\":[", t->schema->name);
    for (size_t i = 0; i < t->schema->n_columns; i++) {
        if (t->modes[i] && bitmap_is_set(t->columns_on_server, i)) {
            strbuf_printf(s, "%s\"%s\"", any ? "," : "", t->schema->columns[i]->name);
            any = true;
        }
    }
    strbuf_puts(s, "]");
    if (t->condition && c->monitor_version > 1) {
        strbuf_printf(s, ",\"where\":%s", t->condition);
    }
    strbuf_puts(s, "}]");
}

static void became_current(struct ovsdb_client *c)
{
    c->state = CLIENT_MONITORING;
    c->has_data = true;
    set_error(c, NULL);
    client_alert(c);
}

static void nonsense(struct ovsdb_client *c, char *error)
{
    LOG_WARN_RL(&rl, "%s: %s", jsonrpc_session_name(c->session), error);
    memset(&c->last_txn, 0, sizeof c->last_txn);
    leave_server(c, error);
    free(error);
}

static void monitor_failed(struct ovsdb_client *c, const struct json_object *error)
{
    const char *text = "";
    bool unknown = (json_is_string(error, &text) || json_is_string(json_get(error, "error"), &text)) &&
                   !strcmp(text, "unknown method");
    if (unknown && c->monitor_version > 1) {
        c->monitor_version--;
        start_monitor(c);
    } else if (c->quick) {
        /* The schema was taken on trust, and this server's is another one. */
        c->quick = false;
        start_asking(c);
    } else {
        char *json = json_text(error, JSON_SORT);
        nonsense(c, xasprintf("cannot monitor database %s: %s", c->schema->name, json));
        free(json);
    }
}

static void monitor_done(struct ovsdb_client *c, const struct jsonrpc_msg *msg, void *aux)
{
    if (!msg) {
        return;
    }
    if (msg->type == JSONRPC_ERROR) {
        monitor_failed(c, msg->error);
        return;
    }
    const struct json_object *updates = msg->result;
    bool replace = true;
    if (c->monitor_version == 3) {
        const char *txn = "";
        if (!json_is_array(msg->result) || json_length(msg->result) != 3) {
            nonsense(c, xstrdup("monitor_cond_since reply is not an array of three elements"));
            return;
        }
        replace = !json_object_get_boolean(json_element(msg->result, 0));
        json_is_string(json_element(msg->result, 1), &txn);
        uuid_parse(&c->last_txn, txn);
        updates = json_element(msg->result, 2);
    }
    char *error = client_apply(c, updates, c->monitor_version == 1 ? 1 : 2, replace);
    if (error) {
        nonsense(c, error);
    } else {
        became_current(c);
    }
}

static void start_monitor(struct ovsdb_client *c)
{
    static const char *const methods[] = {NULL, "monitor", "monitor_cond", "monitor_cond_since"};
    struct strbuf s = STRBUF_INITIALIZER;
    bool any = false;

    c->state = CLIENT_REQUESTED;
    strbuf_printf(&s, "[\"%s\",[\"monid\",\"%s\"],{", c->schema->name, c->schema->name);
    for (size_t i = 0; i < c->schema->n_tables; i++) {
        if (c->tables[i].monitored && c->tables[i].on_server) {
            strbuf_puts(&s, any ? "," : "");
            put_monitor_request(c, &c->tables[i], &s);
            any = true;
        }
    }
    strbuf_puts(&s, "}");
    if (c->monitor_version == 3) {
        char text[UUID_TEXT_LEN + 1];
        strbuf_printf(&s, ",\"%s\"", uuid_format(&c->last_txn, text));
    }
    strbuf_puts(&s, "]");
    client_send(c, methods[c->monitor_version], s.text, monitor_done, NULL);
    strbuf_fini(&s);
}

static bool is_monitor_id(const struct json_object *id, const char *db)
{
    const char *word, *name;
    return json_is_array(id) && json_length(id) == 2 && json_is_string(json_element(id, 0), &word) &&
           !strcmp(word, "monid") && json_is_string(json_element(id, 1), &name) && !strcmp(name, db);
}

static void received_update(struct ovsdb_client *c, const struct jsonrpc_msg *msg)
{
    const struct json_object *id = json_element(msg->params, 0);
    size_t n = json_length(msg->params);
    if (is_monitor_id(id, "_Server")) {
        judge_server_rows(c, json_element(msg->params, 1));
        return;
    }
    if (!is_monitor_id(id, c->schema->name) || c->state != CLIENT_MONITORING) {
        return;
    }
    int version = !strcmp(msg->method, "update") ? 1 : !strcmp(msg->method, "update2") ? 2 : 3;
    if (n != (version == 3 ? 3 : 2)) {
        nonsense(c, xasprintf("%s notification with %zu parameters", msg->method, n));
        return;
    }
    if (version == 3) {
        const char *txn = "";
        json_is_string(json_element(msg->params, 1), &txn);
        uuid_parse(&c->last_txn, txn);
    }
    char *error = client_apply(c, json_element(msg->params, n - 1), version == 1 ? 1 : 2, false);
    if (error) {
        nonsense(c, error);
    }
}

/* Locks. */

static void lock_done(struct ovsdb_client *c, const struct jsonrpc_msg *msg, void *aux)
{
    if (msg && msg->type == JSONRPC_REPLY) {
        c->has_lock = json_object_get_boolean(json_get(msg->result, "locked"));
        c->lock_contended = !c->has_lock;
        client_alert(c);
    }
}

static void send_lock(struct ovsdb_client *c, const char *method, const char *name,
                      void (*done)(struct ovsdb_client *, const struct jsonrpc_msg *, void *aux))
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_put_char(&s, '[');
    json_format_string(&s, name, strlen(name));
    strbuf_put_char(&s, ']');
    client_send(c, method, s.text, done, NULL);
    strbuf_fini(&s);
}

static void received_lock_notice(struct ovsdb_client *c, const struct jsonrpc_msg *msg)
{
    const char *name;
    if (c->lock_name && json_is_string(json_element(msg->params, 0), &name) && !strcmp(name, c->lock_name)) {
        c->has_lock = !strcmp(msg->method, "locked");
        c->lock_contended = !c->has_lock;
        client_alert(c);
    }
}

void ovsdb_client_set_lock(struct ovsdb_client *c, const char *name)
{
    if (c->lock_name && (!name || strcmp(name, c->lock_name))) {
        if (c->session && jsonrpc_session_is_connected(c->session)) {
            send_lock(c, "unlock", c->lock_name, NULL);
        }
        free(c->lock_name);
        c->lock_name = NULL;
        c->has_lock = c->lock_contended = false;
    }
    if (name && !c->lock_name) {
        c->lock_name = xstrdup(name);
        if (c->session && jsonrpc_session_is_connected(c->session)) {
            send_lock(c, "lock", name, lock_done);
        }
    }
}

bool ovsdb_client_has_lock(const struct ovsdb_client *c)
{
    return c->has_lock;
}

bool ovsdb_client_is_lock_contended(const struct ovsdb_client *c)
{
    return c->lock_contended;
}

/* The session's callbacks. */

static void connected(struct jsonrpc_session *session, void *c_)
{
    struct ovsdb_client *c = c_;
    c->session = session; /* over a socket pair this is called before its creation returns */
    c->monitor_version = 3;
    start_asking(c);
    if (c->lock_name) {
        send_lock(c, "lock", c->lock_name, lock_done);
    }
}

static void received(struct jsonrpc_session *session, struct jsonrpc_msg *msg, void *c_)
{
    struct ovsdb_client *c = c_;
    if (msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR) {
        received_reply(c, msg);
    } else if (msg->type == JSONRPC_NOTIFY) {
        if (!strncmp(msg->method, "update", 6)) {
            received_update(c, msg);
        } else if (!strcmp(msg->method, "locked") || !strcmp(msg->method, "stolen")) {
            received_lock_notice(c, msg);
        } else if (!strcmp(msg->method, "monitor_canceled") &&
                   is_monitor_id(json_element(msg->params, 0), c->schema->name)) {
            /* The database was converted, or removed and is back: begin anew with its schema. */
            memset(&c->last_txn, 0, sizeof c->last_txn);
            start_asking(c);
        }
    }
    jsonrpc_msg_destroy(msg);
}

static void disconnected(struct jsonrpc_session *session, int error, void *c_)
{
    struct ovsdb_client *c = c_;
    c->state = CLIENT_DISCONNECTED;
    c->has_lock = c->lock_contended = false;
    if (!c->error) {
        set_error(c, xasprintf("%s: %s", jsonrpc_session_name(session),
                               error ? error_text(error) : "connection dropped"));
    }
    fail_requests(c);
    client_alert(c);
}

static const struct jsonrpc_session_ops session_ops = {
    .connected = connected, .received = received, .disconnected = disconnected};

/* Life. */

struct ovsdb_client *ovsdb_client_create(struct loop *loop, struct ovsdb_schema *schema, const char *remotes)
{
    struct ovsdb_client *c = xzalloc(sizeof *c);
    c->loop = loop;
    c->schema = schema;
    c->remotes = xstrdup_or_null(remotes);
    c->fd = -1;
    c->leader_only = c->retry = c->shuffle = true;
    c->probe_interval = -1;
    list_init(&c->requests);
    list_init(&c->dead);
    list_init(&c->txns);
    task_init(&c->notify, "ovsdb client", run_notify);
    client_tables_init(c);
    return c;
}

struct ovsdb_client *ovsdb_client_create_fd(struct loop *loop, struct ovsdb_schema *schema, int fd)
{
    struct ovsdb_client *c = ovsdb_client_create(loop, schema, NULL);
    c->fd = fd;
    return c;
}

void ovsdb_client_destroy(struct ovsdb_client *c)
{
    if (c) {
        task_cancel(&c->notify);
        c->cb = NULL;
        fail_requests(c);
        client_txns_orphan(c);
        jsonrpc_session_destroy(c->session);
        if (c->fd >= 0) {
            close(c->fd);
        }
        client_tables_fini(c);
        ovsdb_schema_destroy(c->schema);
        free(c->remotes);
        free(c->error);
        free(c->lock_name);
        free(c);
    }
}

void ovsdb_client_start(struct ovsdb_client *c)
{
    if (c->session) {
        return;
    }
    if (c->fd >= 0) {
        c->session = jsonrpc_session_from_stream(stream_from_fd(c->fd, "embedded"), c->loop, &session_ops, c);
        c->fd = -1;
        jsonrpc_session_set_probe_interval(c->session, 0);
    } else {
        c->session = jsonrpc_session_create(c->remotes, c->shuffle, c->loop, &session_ops, c);
        if (c->probe_interval >= 0 || !strncmp(c->remotes, "unix:", 5)) {
            jsonrpc_session_set_probe_interval(c->session, MAX(c->probe_interval, 0));
        }
    }
}

void ovsdb_client_set_remotes(struct ovsdb_client *c, const char *remotes)
{
    free(c->remotes);
    c->remotes = xstrdup(remotes);
    if (c->session) {
        jsonrpc_session_set_remotes(c->session, remotes);
    }
}

void ovsdb_client_reconnect(struct ovsdb_client *c)
{
    if (c->session) {
        jsonrpc_session_reconnect(c->session, "asked to");
    }
}

void ovsdb_client_set_leader_only(struct ovsdb_client *c, bool leader_only)
{
    c->leader_only = leader_only;
}

void ovsdb_client_set_probe_interval(struct ovsdb_client *c, int ms)
{
    c->probe_interval = ms;
    if (c->session) {
        jsonrpc_session_set_probe_interval(c->session, ms);
    }
}

void ovsdb_client_set_retry(struct ovsdb_client *c, bool retry)
{
    c->retry = retry;
}

void ovsdb_client_set_shuffle(struct ovsdb_client *c, bool shuffle)
{
    c->shuffle = shuffle;
}

void ovsdb_client_set_quick(struct ovsdb_client *c, bool quick)
{
    c->quick = quick;
}

bool ovsdb_client_is_connected(const struct ovsdb_client *c)
{
    return c->state == CLIENT_MONITORING;
}

bool ovsdb_client_has_data(const struct ovsdb_client *c)
{
    return c->has_data;
}

bool ovsdb_client_is_alive(const struct ovsdb_client *c)
{
    return c->session &&
           (jsonrpc_session_is_connected(c->session) ||
            (jsonrpc_session_is_alive(c->session) && (c->retry || !jsonrpc_session_last_error(c->session))));
}

bool ovsdb_client_has_failed(const struct ovsdb_client *c)
{
    if (ovsdb_client_is_connected(c) || !ovsdb_client_error(c) || !c->session) {
        return false;
    }
    unsigned n_remotes = 1, n = jsonrpc_session_n_attempts(c->session);
    for (const char *p = c->remotes ? strchr(c->remotes, ',') : NULL; p; p = strchr(p + 1, ',')) {
        n_remotes++;
    }
    if (jsonrpc_session_is_connected(c->session) || jsonrpc_session_is_connecting(c->session)) {
        n--; /* this one is not yet decided */
    }
    return n_remotes == 1 || (n >= n_remotes && !jsonrpc_session_n_connections(c->session)) ||
           n > 2 * n_remotes;
}

const char *ovsdb_client_error(const struct ovsdb_client *c)
{
    if (!c->error && c->session && !jsonrpc_session_is_connected(c->session) &&
        jsonrpc_session_last_error(c->session)) {
        return error_text(jsonrpc_session_last_error(c->session));
    }
    return c->error;
}

const struct ovsdb_schema *ovsdb_client_schema(const struct ovsdb_client *c)
{
    return c->schema;
}

void ovsdb_client_on_change(struct ovsdb_client *c, ovsdb_client_cb *cb, void *aux)
{
    c->cb = cb;
    c->aux = aux;
}

unsigned ovsdb_client_seqno(const struct ovsdb_client *c)
{
    return c->seqno;
}

/* A condition that changes on a running monitor. */
static void send_condition(struct ovsdb_client *c, const struct ovsdb_client_table *t)
{
    if (c->state != CLIENT_MONITORING || c->monitor_version < 2) {
        return;
    }
    char *params =
        xasprintf("[[\"monid\",\"%s\"],[\"monid\",\"%s\"],{\"%s\":[{\"where\":%s}]}]", c->schema->name,
                  c->schema->name, t->schema->name, t->condition ? t->condition : "[true]");
    client_send(c, "monitor_cond_change", params, NULL, NULL);
    free(params);
}

void ovsdb_client_set_condition(struct ovsdb_client *c, unsigned table, const char *where)
{
    struct ovsdb_client_table *t = &c->tables[table];
    if (!where && !t->condition) {
        return;
    }
    if (where && t->condition && !strcmp(where, t->condition)) {
        return;
    }
    free(t->condition);
    t->condition = xstrdup_or_null(where);
    send_condition(c, t);
}
