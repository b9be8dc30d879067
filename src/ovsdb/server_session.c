/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: one client's connection, its requests, its monitors, what it waits for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ovsdb/db_exec.h"
#include "ovsdb/json_util.h"
#include "ovsdb/server_private.h"

LOG_MODULE(ovsdb_jsonrpc_server);

/* Enough for a database of a hundred thousand ports; beyond it a client is told to go. */
#define MAX_MESSAGE (64u << 20)
#define MAX_VALUES  (4u << 20)
#define MAX_BACKLOG (128u << 20)
/* One that stops in the middle of a message, or does not take what it asked for, is not waited for for ever.
 */
#define MAX_RECEIVE_STALL 30000 /* ms */
#define MAX_SEND_STALL    60000 /* ms, with at least so many bytes waiting: */
#define STALLED_BACKLOG   (1u << 20)

/* What is sent. */

void session_put(struct server_session *session, const char *text, size_t n)
{
    if (!session->out.len) {
        list_push_back(&session->server->dirty_sessions, &session->out_node);
    }
    strbuf_put(&session->out, text, n);
}

void session_flush(struct server_session *session)
{
    struct jsonrpc *conn = jsonrpc_session_connection(session->rpc);
    if (conn) {
        jsonrpc_send_text(conn, session->out.text, session->out.len);
    }
    if (session->out.allocated > 65536) {
        strbuf_fini(&session->out);
    } else {
        strbuf_clear(&session->out);
    }
}

static void put_answer(struct server_session *session, const struct json_object *id, const char *result,
                       const char *error)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "{\"id\":");
    json_format(&s, id, JSON_SORT);
    strbuf_puts(&s, ",\"result\":");
    strbuf_puts(&s, result);
    strbuf_puts(&s, ",\"error\":");
    strbuf_puts(&s, error);
    strbuf_put_char(&s, '}');
    session_put(session, s.text, s.len);
    strbuf_fini(&s);
}

void session_reply(struct server_session *session, const struct json_object *id, const char *result)
{
    put_answer(session, id, result, "null");
}

void session_reply_error_json(struct server_session *session, const struct json_object *id, const char *error)
{
    put_answer(session, id, "null", error);
}

void session_reply_error(struct server_session *session, const struct json_object *id,
                         struct ovsdb_error *error)
{
    struct strbuf s = STRBUF_INITIALIZER;
    ovsdb_error_put_json(error, &s);
    session_reply_error_json(session, id, s.text);
    strbuf_fini(&s);
    ovsdb_error_destroy(error);
}

/* Ends the session when what it has been told so far is on its way. */
static void doom(struct server_session *session)
{
    session->doomed = true;
    session_put(session, "\n", 1); /* white space between messages: puts it among those to be flushed */
}

/* Databases and schemas. */

/* The database that the request's first parameter names; NULL after an error reply. */
static struct hosted_db *request_db(struct server_session *session, const struct jsonrpc_msg *msg)
{
    const char *name;
    if (!json_length(msg->params) || !json_is_string(json_element(msg->params, 0), &name)) {
        session_reply_error(session, msg->id,
                            ovsdb_syntax_error(msg->params, NULL,
                                               "%s request params must begin with <db-name>", msg->method));
        return NULL;
    }
    struct hosted_db *hosted = server_find_db(session->server, name);
    if (!hosted) {
        session_reply_error(session, msg->id,
                            ovsdb_syntax_error(msg->params, "unknown database",
                                               "%s request specifies unknown database %s", msg->method,
                                               name));
    }
    return hosted;
}

static void request_list_dbs(struct server_session *session, const struct jsonrpc_msg *msg)
{
    struct strbuf s = STRBUF_INITIALIZER;
    struct hosted_db *hosted;
    strbuf_put_char(&s, '[');
    LIST_FOR_EACH (hosted, node, &session->server->dbs) {
        strbuf_printf(&s, "%s\"%s\"", s.len > 1 ? "," : "", hosted->db->name);
    }
    strbuf_put_char(&s, ']');
    session_reply(session, msg->id, s.text);
    strbuf_fini(&s);
}

static void request_get_schema(struct server_session *session, const struct jsonrpc_msg *msg)
{
    struct hosted_db *hosted = request_db(session, msg);
    if (hosted) {
        struct strbuf s = STRBUF_INITIALIZER;
        ovsdb_schema_put_json(hosted->db->schema, &s);
        session_reply(session, msg->id, s.text);
        strbuf_fini(&s);
    }
}

static void request_get_server_id(struct server_session *session, const struct jsonrpc_msg *msg)
{
    char uuid[UUID_TEXT_LEN + 1], result[UUID_TEXT_LEN + 3];
    snprintf(result, sizeof result, "\"%s\"", uuid_format(&session->server->server_id, uuid));
    session_reply(session, msg->id, result);
}

static void request_set_db_change_aware(struct server_session *session, const struct jsonrpc_msg *msg)
{
    const struct json_object *flag = json_element(msg->params, 0);
    if (json_length(msg->params) != 1 || !json_object_is_type(flag, json_type_boolean)) {
        session_reply_error(
            session, msg->id,
            ovsdb_syntax_error(msg->params, NULL, "set_db_change_aware: true or false parameter expected"));
        return;
    }
    session->db_change_aware = json_object_get_boolean(flag);
    session_reply(session, msg->id, "{}");
}

static void request_convert(struct server_session *session, const struct jsonrpc_msg *msg)
{
    struct hosted_db *hosted = request_db(session, msg);
    if (!hosted) {
        return;
    }
    struct ovsdb_error *error;
    if (json_length(msg->params) != 2) {
        error = ovsdb_syntax_error(msg->params, NULL, "array expected");
    } else if (session->remote->options.read_only || hosted->db == session->server->server_db) {
        error = ovsdb_error("not allowed",
                            "convert operation not allowed when database server is in read only mode");
    } else if (hosted->unsafe) {
        error = ovsdb_io_error(EIO, "%s", server_unsafe_text());
    } else {
        error = server_convert(session->server, hosted, json_element(msg->params, 1));
    }
    if (error) {
        session_reply_error(session, msg->id, error);
    } else {
        session_reply(session, msg->id, "{}");
    }
}

static void request_echo(struct server_session *session, const struct jsonrpc_msg *msg)
{
    char *text = json_text(msg->params, JSON_SORT);
    session_reply(session, msg->id, text);
    free(text);
}

/* Transactions. */

struct session_context {
    struct db_exec_context base;
    struct server_session *session;
};

static bool holds_lock(const struct db_exec_context *context, const char *lock)
{
    return lock_is_held(((const struct session_context *)context)->session, lock);
}

void trigger_destroy(struct trigger *t)
{
    list_remove(&t->node);
    list_remove(&t->session_node);
    json_object_put(t->id);
    json_object_put(t->params);
    free(t);
}

bool session_run_trigger(struct trigger *t, int64_t now_ms)
{
    if (t->hosted->unsafe) {
        session_reply_error(t->session, t->id, ovsdb_io_error(EIO, "%s", server_unsafe_text()));
        trigger_destroy(t);
        return true;
    }
    struct session_context context = {.base = {.read_only = t->session->remote->options.read_only ||
                                                            t->hosted->db == t->session->server->server_db,
                                               .holds_lock = holds_lock},
                                      .session = t->session};
    struct strbuf result = STRBUF_INITIALIZER;
    int64_t timeout_ms;
    bool changed;
    bool done = db_execute(t->hosted->db, &context.base, t->params, now_ms - t->arrival_ms, &timeout_ms,
                           &result, &changed);
    if (done) {
        session_reply(t->session, t->id, result.text);
        trigger_destroy(t);
    } else {
        t->deadline_ms = timeout_ms == INT64_MAX ? INT64_MAX : t->arrival_ms + timeout_ms;
        task_schedule_by(loop_tasks(t->session->server->loop), &t->session->server->timeout, t->deadline_ms);
    }
    strbuf_fini(&result);
    return done;
}

static void request_transact(struct server_session *session, const struct jsonrpc_msg *msg)
{
    struct hosted_db *hosted = request_db(session, msg);
    if (hosted) {
        struct trigger *t = xzalloc(sizeof *t);
        t->hosted = hosted;
        t->session = session;
        t->id = json_object_get(msg->id);
        t->params = json_object_get(msg->params);
        t->arrival_ms = clock_ms();
        list_push_back(&hosted->triggers, &t->node);
        list_push_back(&session->triggers, &t->session_node);
        session_run_trigger(t, t->arrival_ms);
    }
}

static void notify_cancel(struct server_session *session, const struct jsonrpc_msg *msg)
{
    struct trigger *t, *next;
    if (json_length(msg->params) != 1) {
        return;
    }
    LIST_FOR_EACH_SAFE (t, next, session_node, &session->triggers) {
        if (json_equal(t->id, json_element(msg->params, 0))) {
            session_reply_error_json(session, t->id, "\"canceled\"");
            trigger_destroy(t);
            return;
        }
    }
}

/* Monitors. */

static void monitor_destroy(struct session_monitor *m)
{
    ovsdb_monitor_fini(&m->monitor);
    list_remove(&m->node);
    free(m->id);
    free(m);
}

static struct session_monitor *find_monitor(const struct server_session *session, const char *id)
{
    struct session_monitor *m;
    LIST_FOR_EACH (m, node, &session->monitors) {
        if (!strcmp(m->id, id)) {
            return m;
        }
    }
    return NULL;
}

static void send_update(struct ovsdb_monitor *monitor, const char *body, size_t n)
{
    static const char *const heads[] = {
        [OVSDB_MONITOR_V1] = "{\"id\":null,\"method\":\"update\",\"params\":[",
        [OVSDB_MONITOR_V2] = "{\"id\":null,\"method\":\"update2\",\"params\":[",
        [OVSDB_MONITOR_V3] = "{\"id\":null,\"method\":\"update3\",\"params\":[",
    };
    static const char no_txn[] = "\"00000000-0000-0000-0000-000000000000\",";
    struct session_monitor *m = OBJECT_OF(monitor, m, monitor);
    const char *head = heads[monitor->version];
    session_put(m->session, head, strlen(head));
    strbuf_puts(&m->session->out, m->id);
    strbuf_put_char(&m->session->out, ',');
    if (monitor->version == OVSDB_MONITOR_V3) {
        strbuf_puts(&m->session->out, no_txn); /* there are transaction ids in clusters only */
    }
    strbuf_put(&m->session->out, body, n);
    strbuf_puts(&m->session->out, "]}");
}

static struct ovsdb_error *check_last_txn(const struct json_object *json)
{
    const char *last_txn;
    struct uuid uuid;
    if (!json_is_string(json, &last_txn)) {
        return ovsdb_value_error(json, "last-txn-id must be string");
    }
    return uuid_parse(&uuid, last_txn) ? NULL : ovsdb_value_error(json, "last-txn-id must be UUID format.");
}

static void monitor(struct server_session *session, const struct jsonrpc_msg *msg,
                    enum ovsdb_monitor_version version)
{
    size_t n = json_length(msg->params), want = version == OVSDB_MONITOR_V3 ? 4 : 3;
    struct hosted_db *hosted = request_db(session, msg);
    struct ovsdb_error *error = NULL;
    if (!hosted) {
        return;
    }
    const struct json_object *requests = json_element(msg->params, 2);
    /* A plain "monitor" may have more, as with the reference. */
    if (n < want || (n > want && version != OVSDB_MONITOR_V1)) {
        error = ovsdb_syntax_error(msg->params, NULL, "invalid parameters");
    } else if (!json_is_object(requests)) {
        error = ovsdb_value_error(requests, "monitor-requests must be object");
    } else if (version == OVSDB_MONITOR_V3) {
        error = check_last_txn(json_element(msg->params, 3));
    }
    if (error) {
        session_reply_error(session, msg->id, error);
        return;
    }
    struct session_monitor *m = xzalloc(sizeof *m);
    m->id = json_text(json_element(msg->params, 1), JSON_SORT);
    m->session = session;
    m->hosted = hosted;
    m->monitor.send = send_update;
    if (find_monitor(session, m->id)) {
        error = ovsdb_value_error(json_element(msg->params, 1), "duplicate monitor ID");
    } else {
        error = ovsdb_monitor_init(&m->monitor, hosted->hub, version, requests);
    }
    if (error) {
        free(m->id);
        free(m);
        session_reply_error(session, msg->id, error);
        return;
    }
    list_push_back(&session->monitors, &m->node);
    struct strbuf s = STRBUF_INITIALIZER;
    if (version == OVSDB_MONITOR_V3) {
        strbuf_puts(&s, "[false,\"00000000-0000-0000-0000-000000000000\",");
    }
    ovsdb_monitor_put_initial(&m->monitor, &s);
    strbuf_puts(&s, version == OVSDB_MONITOR_V3 ? "]" : "");
    session_reply(session, msg->id, s.text);
    strbuf_fini(&s);
}

static void unknown_method(struct server_session *session, const struct jsonrpc_msg *msg)
{
    session_reply_error_json(session, msg->id, "\"unknown method\"");
}

static void request_monitor(struct server_session *session, const struct jsonrpc_msg *msg)
{
    monitor(session, msg, OVSDB_MONITOR_V1);
}

static void request_monitor_cond(struct server_session *session, const struct jsonrpc_msg *msg)
{
    if (session->server->monitor_cond_disabled) {
        unknown_method(session, msg);
    } else {
        monitor(session, msg, OVSDB_MONITOR_V2);
    }
}

static void request_monitor_cond_since(struct server_session *session, const struct jsonrpc_msg *msg)
{
    if (session->server->monitor_cond_disabled) {
        unknown_method(session, msg);
    } else {
        monitor(session, msg, OVSDB_MONITOR_V3);
    }
}

static void request_monitor_cond_change(struct server_session *session, const struct jsonrpc_msg *msg)
{
    const struct json_object *requests = json_element(msg->params, 2);
    if (session->server->monitor_cond_disabled) {
        unknown_method(session, msg);
        return;
    }
    if (json_length(msg->params) != 3) {
        session_reply_error(session, msg->id, ovsdb_syntax_error(msg->params, NULL, "invalid parameters"));
        return;
    }
    if (!json_is_object(requests)) {
        session_reply_error(session, msg->id,
                            ovsdb_syntax_error(NULL, NULL, "monitor-cond-change-requests must be object"));
        return;
    }
    char *id = json_text(json_element(msg->params, 0), JSON_SORT);
    struct session_monitor *m = find_monitor(session, id);
    free(id);
    if (!m || m->monitor.version == OVSDB_MONITOR_V1) {
        session_reply_error(session, msg->id,
                            ovsdb_value_error(json_element(msg->params, 0), "unknown monitor session"));
        return;
    }
    char *new_id = json_text(json_element(msg->params, 1), JSON_SORT);
    struct session_monitor *other = find_monitor(session, new_id);
    struct strbuf body = STRBUF_INITIALIZER;
    struct ovsdb_error *error = NULL;
    if (other && other != m) {
        error = ovsdb_value_error(json_element(msg->params, 1), "duplicate monitor ID");
    } else {
        error = ovsdb_monitor_change_conditions(&m->monitor, requests, &body);
    }
    if (error) {
        free(new_id);
        session_reply_error(session, msg->id, error);
    } else {
        free(m->id);
        m->id = new_id;
        if (body.len) {
            send_update(&m->monitor, body.text, body.len);
        }
        session_reply(session, msg->id, "{}");
    }
    strbuf_fini(&body);
}

static void request_monitor_cancel(struct server_session *session, const struct jsonrpc_msg *msg)
{
    if (json_length(msg->params) != 1) {
        session_reply_error_json(session, msg->id, "\"invalid parameters\"");
        return;
    }
    char *id = json_text(json_element(msg->params, 0), JSON_SORT);
    struct session_monitor *m = find_monitor(session, id);
    free(id);
    if (!m) {
        session_reply_error_json(session, msg->id, "\"unknown monitor\"");
    } else {
        monitor_destroy(m);
        session_reply(session, msg->id, "{}");
    }
}

void session_dbs_changed(struct server_session *session)
{
    if (!session->db_change_aware) {
        doom(session); /* what it has learned from list_dbs and get_schema is wrong: let it begin anew */
    }
}

void session_db_is_going(struct server_session *session, struct hosted_db *hosted)
{
    struct session_monitor *m, *next_m;
    struct trigger *t, *next_t;
    LIST_FOR_EACH_SAFE (m, next_m, node, &session->monitors) {
        if (m->hosted == hosted) {
            if (session->db_change_aware) { /* others are disconnected, and no more said */
                struct strbuf s = STRBUF_INITIALIZER;
                strbuf_printf(&s, "{\"id\":null,\"method\":\"monitor_canceled\",\"params\":[%s]}", m->id);
                session_put(session, s.text, s.len);
                strbuf_fini(&s);
            }
            monitor_destroy(m);
        }
    }
    LIST_FOR_EACH_SAFE (t, next_t, session_node, &session->triggers) {
        if (t->hosted == hosted) {
            session_reply_error_json(session, t->id, "\"canceled\"");
            trigger_destroy(t);
        }
    }
    session_dbs_changed(session);
}

/* Requests. */

static void request_lock(struct server_session *session, const struct jsonrpc_msg *msg)
{
    lock_request(session, msg, false);
}

static void request_steal(struct server_session *session, const struct jsonrpc_msg *msg)
{
    lock_request(session, msg, true);
}

static const struct {
    const char *method;
    void (*run)(struct server_session *, const struct jsonrpc_msg *);
} requests[] = {
    {"transact", request_transact},
    {"monitor", request_monitor},
    {"monitor_cond", request_monitor_cond},
    {"monitor_cond_since", request_monitor_cond_since},
    {"monitor_cond_change", request_monitor_cond_change},
    {"monitor_cancel", request_monitor_cancel},
    {"get_schema", request_get_schema},
    {"list_dbs", request_list_dbs},
    {"lock", request_lock},
    {"steal", request_steal},
    {"unlock", lock_release},
    {"echo", request_echo},
    {"set_db_change_aware", request_set_db_change_aware},
    {"get_server_id", request_get_server_id},
    {"convert", request_convert},
};

bool session_check_stall(struct server_session *session)
{
    struct jsonrpc *conn = jsonrpc_session_connection(session->rpc);
    if (!conn) {
        return true;
    }
    if (jsonrpc_receive_stalled_ms(conn) > MAX_RECEIVE_STALL) {
        LOG_WARN("%s: a message has begun, and nothing more came of it for %d s: disconnecting",
                 jsonrpc_session_name(session->rpc), MAX_RECEIVE_STALL / 1000);
        char *why =
            xasprintf("a message has begun, and nothing more came of it for %d s", MAX_RECEIVE_STALL / 1000);
        jsonrpc_refuse(conn, why);
        free(why);
    }
    if (jsonrpc_backlog(conn) >= STALLED_BACKLOG && jsonrpc_send_stalled_ms(conn) > MAX_SEND_STALL) {
        LOG_WARN("%s: it has not taken anything of %zu bytes for %d s: disconnecting",
                 jsonrpc_session_name(session->rpc), jsonrpc_backlog(conn), MAX_SEND_STALL / 1000);
        return false;
    }
    return true;
}

static void received(struct jsonrpc_session *rpc, struct jsonrpc_msg *msg, void *session_)
{
    struct server_session *session = session_;
    if (session->doomed) {
        /* What it still says does not matter. */
    } else if (msg->type == JSONRPC_REQUEST) {
        size_t i;
        for (i = 0; i < ARRAY_SIZE(requests) && strcmp(msg->method, requests[i].method); i++) {
        }
        if (i < ARRAY_SIZE(requests)) {
            requests[i].run(session, msg);
        } else {
            unknown_method(session, msg);
        }
    } else if (msg->type == JSONRPC_NOTIFY && !strcmp(msg->method, "cancel")) {
        notify_cancel(session, msg);
    } else if (msg->type != JSONRPC_NOTIFY) { /* one that means nothing to us is none of our business */
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 5);
        LOG_WARN_RL(&rl, "%s: unexpected message: disconnecting", jsonrpc_session_name(rpc));
        jsonrpc_refuse(jsonrpc_session_connection(session->rpc), "unexpected reply: nothing was asked");
    }
    jsonrpc_msg_destroy(msg);
}

/* Life. */

static void forget_state(struct server_session *session)
{
    while (!list_is_empty(&session->monitors)) {
        struct session_monitor *m = OBJECT_OF(session->monitors.next, m, node);
        monitor_destroy(m);
    }
    while (!list_is_empty(&session->triggers)) {
        struct trigger *t = OBJECT_OF(session->triggers.next, t, session_node);
        trigger_destroy(t);
    }
    lock_session_ends(session);
    if (session->out.len) {
        list_remove(&session->out_node);
    }
    strbuf_fini(&session->out);
}

static void set_limits(struct server_session *session)
{
    struct jsonrpc *conn = jsonrpc_session_connection(session->rpc);
    if (conn) {
        jsonrpc_set_max_message(conn, MAX_MESSAGE, MAX_VALUES);
        jsonrpc_set_tells_why(conn, true);
        jsonrpc_set_max_backlog(conn, MAX_BACKLOG);
    }
}

static void connected(struct jsonrpc_session *rpc, void *session_)
{
    struct server_session *session = session_;
    session->remote->n_connections++;
    session->remote->last_connect_ms = clock_ms();
    if (session->rpc) { /* NULL while session_create() is not through: it sets the limits itself */
        set_limits(session);
    }
}

static void disconnected(struct jsonrpc_session *rpc, int error, void *session_)
{
    struct server_session *session = session_;
    session->remote->last_disconnect_ms = clock_ms();
    if (session->remote->listener || session->remote == session->server->local) {
        session_destroy(session);
    } else {
        forget_state(session); /* of an active connection: it comes back */
        session->db_change_aware = session->doomed = false;
    }
}

static const struct jsonrpc_session_ops session_ops = {
    .connected = connected, .received = received, .disconnected = disconnected};

static struct server_session *session_alloc(struct ovsdb_server *server, struct server_remote *remote)
{
    struct server_session *session = xzalloc(sizeof *session);
    session->server = server;
    session->remote = remote;
    list_init(&session->monitors);
    list_init(&session->triggers);
    list_init(&session->lock_waiters);
    list_push_back(&remote->sessions, &session->node);
    server->n_sessions++;
    return session;
}

static void apply_options(struct server_session *session)
{
    const struct remote_options *o = &session->remote->options;
    if (o->probe_ms >= 0) {
        jsonrpc_session_set_probe_interval(session->rpc, o->probe_ms);
    } else if (session->remote == session->server->local || strstr(session->remote->name, "unix:")) {
        /* A Unix socket says by itself when the other side is gone, and who speaks by hand answers no probe.
         */
        jsonrpc_session_set_probe_interval(session->rpc, 0);
    }
    if (o->backoff_ms >= 0) {
        jsonrpc_session_set_max_backoff(session->rpc, o->backoff_ms);
    }
    set_limits(session);
}

struct server_session *session_create(struct ovsdb_server *server, struct server_remote *remote,
                                      struct stream *stream)
{
    struct server_session *session = session_alloc(server, remote);
    session->rpc = jsonrpc_session_from_stream(stream, server->loop, &session_ops, session);
    apply_options(session);
    return session;
}

struct server_session *session_create_active(struct ovsdb_server *server, struct server_remote *remote)
{
    struct server_session *session = session_alloc(server, remote);
    session->rpc = jsonrpc_session_create(remote->name, false, server->loop, &session_ops, session);
    apply_options(session);
    return session;
}

void session_destroy(struct server_session *session)
{
    forget_state(session);
    list_remove(&session->node);
    session->server->n_sessions--;
    jsonrpc_session_destroy(session->rpc);
    free(session);
}
