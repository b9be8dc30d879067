/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that comes back: io/reconnect.h says when, this file does it. One task runs the state machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "io/address.h"
#include "io/jsonrpc.h"
#include "io/loop.h"
#include "io/reconnect.h"
#include "io/stream.h"

LOG_MODULE(jsonrpc);

struct jsonrpc_session {
    struct loop *loop;
    const struct jsonrpc_session_ops *ops;
    void *aux;
    char **remotes;
    size_t n_remotes, next_remote;
    bool shuffle;
    struct reconnect reconnect;
    struct task run;
    struct stream *stream;     /* while connecting */
    struct listener *listener; /* passive: while listening, and while connected */
    struct jsonrpc *conn;      /* while connected */
    struct jsonrpc *dead;      /* ended inside of one of its own callbacks: destroyed by the task */
    int last_error;
    bool *destroyed; /* set on destruction, for whoever is in a callback */
};

static void run_session(struct task *);

/* Remotes. */

static void forget_remotes(struct jsonrpc_session *s)
{
    for (size_t i = 0; i < s->n_remotes; i++) {
        free(s->remotes[i]);
    }
    free(s->remotes);
    s->remotes = NULL;
    s->n_remotes = s->next_remote = 0;
}

static void shuffle_remotes(struct jsonrpc_session *s)
{
    for (size_t i = s->n_remotes; i > 1; i--) {
        size_t j = random_below((uint32_t)i);
        char *t = s->remotes[i - 1];
        s->remotes[i - 1] = s->remotes[j];
        s->remotes[j] = t;
    }
}

/* "tcp:1.2.3.4:5,unix:x": a comma begins a new remote where a method follows it; a file name may hold commas.
 */
static void split_remotes(struct jsonrpc_session *s, const char *remotes)
{
    size_t allocated = 0;
    const char *start = remotes;
    for (const char *p = remotes;; p++) {
        bool cut = *p == ',' && (stream_name_is_active(p + 1 + strspn(p + 1, " ")) ||
                                 stream_name_is_passive(p + 1 + strspn(p + 1, " ")));
        if (!*p || cut) {
            if (p > start) {
                if (s->n_remotes == allocated) {
                    s->remotes = x2nrealloc(s->remotes, &allocated, sizeof *s->remotes);
                }
                s->remotes[s->n_remotes++] = xmemdup0(start, (size_t)(p - start));
            }
            start = p + 1 + (*p ? strspn(p + 1, " ") : 0);
        }
        if (!*p) {
            break;
        }
    }
    if (s->shuffle) {
        shuffle_remotes(s);
    }
    s->reconnect.backoff_free_tries = s->n_remotes > 1 ? (unsigned)s->n_remotes : 0;
}

static void pick_remote(struct jsonrpc_session *s)
{
    const char *name = s->remotes[s->next_remote++ % s->n_remotes];
    reconnect_set_name(&s->reconnect, name);
    s->reconnect.passive = stream_name_is_passive(name);
}

/* The state machine's hand. */

static void reschedule(struct jsonrpc_session *s)
{
    task_schedule(loop_tasks(s->loop), &s->run, s->dead ? clock_ms() : reconnect_due_ms(&s->reconnect));
}

/* Drops what there is. The connection itself may be in use further up the stack: the task destroys it. */
static void drop(struct jsonrpc_session *s)
{
    stream_close(s->stream);
    s->stream = NULL;
    if (s->conn) {
        jsonrpc_destroy(s->dead);
        s->dead = s->conn;
        jsonrpc_pause(s->dead, true);
        s->conn = NULL;
    }
}

static void disconnected(struct jsonrpc_session *s, int error)
{
    bool was_connected = s->conn != NULL;
    s->last_error = error;
    drop(s);
    reconnect_disconnected(&s->reconnect, clock_ms(), error);
    if (s->n_remotes && !s->reconnect.passive) {
        pick_remote(s);
    }
    reschedule(s);
    if (was_connected && s->ops->disconnected) {
        s->ops->disconnected(s, error, s->aux); /* may destroy the session */
    }
}

static void session_closed(struct jsonrpc *conn, int error, void *s_)
{
    struct jsonrpc_session *s = s_;
    if (s->conn == conn) {
        disconnected(s, error);
    }
}

static bool is_echo_reply(const struct jsonrpc_msg *msg)
{
    return (msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR) &&
           json_object_is_type(msg->id, json_type_string) && !strcmp(json_object_get_string(msg->id), "echo");
}

static void session_received(struct jsonrpc *conn, struct jsonrpc_msg *msg, void *s_)
{
    struct jsonrpc_session *s = s_;
    if (s->conn != conn) {
        jsonrpc_msg_destroy(msg);
        return;
    }
    reconnect_activity(&s->reconnect, clock_ms());
    if (msg->type == JSONRPC_REQUEST && !strcmp(msg->method, "echo")) {
        jsonrpc_send(conn, jsonrpc_reply(json_object_get(msg->params), msg->id));
        jsonrpc_msg_destroy(msg);
    } else if (is_echo_reply(msg)) {
        jsonrpc_msg_destroy(msg);
    } else {
        s->ops->received(s, msg, s->aux);
    }
}

static const struct jsonrpc_ops session_conn_ops = {.received = session_received, .closed = session_closed};

static void connected(struct jsonrpc_session *s, struct stream *stream)
{
    s->last_error = 0;
    s->conn = jsonrpc_create(stream, s->loop, &session_conn_ops, s);
    reconnect_connected(&s->reconnect, clock_ms());
    reschedule(s);
    if (s->ops->connected) {
        s->ops->connected(s, s->aux);
    }
}

static void stream_ready(void *s_)
{
    struct jsonrpc_session *s = s_;
    int error = stream_connect(s->stream);
    if (!error) {
        struct stream *stream = s->stream;
        s->stream = NULL;
        connected(s, stream);
    } else if (error != EAGAIN) {
        disconnected(s, error);
    } else {
        stream_want(s->stream, STREAM_CONNECT);
    }
}

/* A new connection takes the place of an old one: its other side has forgotten that. */
static void accepted(struct stream *stream, void *s_)
{
    struct jsonrpc_session *s = s_;
    if (s->conn) {
        LOG_INFO("%s: new connection replacing active connection", s->reconnect.name);
        bool destroyed = false, *outer = s->destroyed;
        s->destroyed = &destroyed;
        disconnected(s, 0);
        if (destroyed) {
            if (outer) {
                *outer = true;
            }
            stream_close(stream);
            return;
        }
        s->destroyed = outer;
    }
    connected(s, stream);
}

static void start_connecting(struct jsonrpc_session *s)
{
    const char *name = s->reconnect.name;
    int64_t now = clock_ms();
    int error;
    if (s->reconnect.passive) {
        error =
            s->listener ? 0 : listener_open(name, OVSDB_PORT, 0, s->loop, accepted, s, &s->listener, NULL);
        if (error) {
            reconnect_listen_failed(&s->reconnect, now, error);
        } else {
            reconnect_listening(&s->reconnect, now);
        }
        s->last_error = error;
        return;
    }
    reconnect_connecting(&s->reconnect, now);
    error = stream_open(name, OVSDB_PORT, 0, &s->stream);
    if (!error) {
        stream_watch(s->stream, s->loop, stream_ready, s);
        error = stream_connect(s->stream);
        if (error == EAGAIN || !error) { /* told by the loop in either case, not from inside of here */
            stream_want(s->stream, STREAM_CONNECT);
            return;
        }
    }
    disconnected(s, error);
}

static void run_session(struct task *task)
{
    struct jsonrpc_session *s = OBJECT_OF(task, s, run);
    jsonrpc_destroy(s->dead);
    s->dead = NULL;
    switch (reconnect_run(&s->reconnect, clock_ms())) {
    case RECONNECT_CONNECT:
        if (s->n_remotes) {
            start_connecting(s);
        }
        break;
    case RECONNECT_DISCONNECT:
        disconnected(s, s->conn ? ETIMEDOUT : 0);
        return; /* the session may be gone */
    case RECONNECT_PROBE:
        if (s->conn) {
            struct jsonrpc_msg *msg = jsonrpc_request("echo", json_object_new_array());
            json_object_put(msg->id);
            msg->id = json_object_new_string("echo");
            jsonrpc_send(s->conn, msg);
        }
        break;
    case RECONNECT_NOTHING:
        break;
    }
    reschedule(s);
}

/* The face. */

static struct jsonrpc_session *make(struct loop *loop, const struct jsonrpc_session_ops *ops, void *aux)
{
    struct jsonrpc_session *s = xzalloc(sizeof *s);
    s->loop = loop;
    s->ops = ops;
    s->aux = aux;
    reconnect_init(&s->reconnect, clock_ms());
    task_init(&s->run, "jsonrpc session", run_session);
    return s;
}

struct jsonrpc_session *jsonrpc_session_create(const char *remotes, bool shuffle, struct loop *loop,
                                               const struct jsonrpc_session_ops *ops, void *aux)
{
    struct jsonrpc_session *s = make(loop, ops, aux);
    s->shuffle = shuffle;
    split_remotes(s, remotes);
    if (s->n_remotes) {
        pick_remote(s);
        reconnect_enable(&s->reconnect, clock_ms());
    }
    reschedule(s);
    return s;
}

struct jsonrpc_session *jsonrpc_session_from_stream(struct stream *stream, struct loop *loop,
                                                    const struct jsonrpc_session_ops *ops, void *aux)
{
    struct jsonrpc_session *s = make(loop, ops, aux);
    reconnect_set_name(&s->reconnect, stream_name(stream));
    s->reconnect.quiet = true;
    s->reconnect.max_tries = 1;
    reconnect_enable(&s->reconnect, clock_ms());
    connected(s, stream);
    return s;
}

void jsonrpc_session_set_remotes(struct jsonrpc_session *s, const char *remotes)
{
    char *current = xstrdup(s->reconnect.name);
    forget_remotes(s);
    split_remotes(s, remotes);
    bool kept = false;
    for (size_t i = 0; i < s->n_remotes; i++) {
        kept |= !strcmp(s->remotes[i], current);
    }
    free(current);
    if (kept) {
        return;
    }
    listener_close(s->listener);
    s->listener = NULL;
    if (s->n_remotes) {
        reconnect_enable(&s->reconnect, clock_ms());
        jsonrpc_session_reconnect(s, "remotes have changed");
    } else {
        jsonrpc_session_reconnect(s, "no remote is left");
        reconnect_disable(&s->reconnect, clock_ms());
    }
}

void jsonrpc_session_destroy(struct jsonrpc_session *s)
{
    if (s) {
        if (s->destroyed) {
            *s->destroyed = true;
        }
        task_cancel(&s->run);
        stream_close(s->stream);
        listener_close(s->listener);
        jsonrpc_destroy(s->conn);
        jsonrpc_destroy(s->dead);
        forget_remotes(s);
        reconnect_fini(&s->reconnect);
        free(s);
    }
}

void jsonrpc_session_send(struct jsonrpc_session *s, struct jsonrpc_msg *msg)
{
    if (s->conn) {
        jsonrpc_send(s->conn, msg);
    } else {
        jsonrpc_msg_destroy(msg);
    }
}

struct jsonrpc *jsonrpc_session_connection(struct jsonrpc_session *s)
{
    return s->conn;
}

size_t jsonrpc_session_backlog(const struct jsonrpc_session *s)
{
    return s->conn ? jsonrpc_backlog(s->conn) : 0;
}

bool jsonrpc_session_is_connected(const struct jsonrpc_session *s)
{
    return s->conn != NULL;
}

bool jsonrpc_session_is_connecting(const struct jsonrpc_session *s)
{
    return s->stream != NULL;
}

bool jsonrpc_session_is_alive(const struct jsonrpc_session *s)
{
    return s->conn || s->stream || s->reconnect.state != RECONNECT_VOID;
}

const char *jsonrpc_session_name(const struct jsonrpc_session *s)
{
    return s->reconnect.name;
}

unsigned jsonrpc_session_n_connections(const struct jsonrpc_session *s)
{
    return s->reconnect.n_connected;
}

unsigned jsonrpc_session_n_attempts(const struct jsonrpc_session *s)
{
    return s->reconnect.n_attempts;
}

int jsonrpc_session_last_error(const struct jsonrpc_session *s)
{
    return s->last_error;
}

void jsonrpc_session_reconnect(struct jsonrpc_session *s, const char *why)
{
    LOG_INFO("%s: disconnecting: %s", s->reconnect.name, why);
    bool was_connected = s->conn != NULL;
    drop(s);
    reconnect_force(&s->reconnect, clock_ms());
    if (s->n_remotes) {
        pick_remote(s);
    }
    reschedule(s);
    if (was_connected && s->ops->disconnected) {
        s->ops->disconnected(s, 0, s->aux);
    }
}

void jsonrpc_session_set_probe_interval(struct jsonrpc_session *s, int ms)
{
    s->reconnect.probe_interval_ms = ms ? MAX(ms, 1000) : 0;
    reschedule(s);
}

void jsonrpc_session_set_max_backoff(struct jsonrpc_session *s, int ms)
{
    s->reconnect.max_backoff_ms = MAX(ms, 1000);
    s->reconnect.min_backoff_ms = MIN(s->reconnect.min_backoff_ms, s->reconnect.max_backoff_ms);
    s->reconnect.backoff_ms = MIN(s->reconnect.backoff_ms, s->reconnect.max_backoff_ms);
    reschedule(s);
}

const char *jsonrpc_session_state(const struct jsonrpc_session *s)
{
    return reconnect_state_name(s->reconnect.state);
}

uint64_t jsonrpc_session_seconds_in_state(const struct jsonrpc_session *s)
{
    return (uint64_t)(clock_ms() - s->reconnect.state_entered_ms) / 1000;
}
