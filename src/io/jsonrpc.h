/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. JSON-RPC 1.0 over a stream: messages, a connection, and a session, which is a connection that
 * comes back by itself (io/reconnect.h).
 *
 * A connection reads its stream a bounded piece at a time and hands each whole message to its owner; it
 * writes from a queue. It does not answer `echo`: a session does. A message that is no JSON, no JSON-RPC or
 * too long ends the connection with a log line. Thread-safety: none; all belong to the loop's thread. */
#ifndef IO_JSONRPC_H
#define IO_JSONRPC_H 1

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct loop;
struct stream;
struct jsonrpc;
struct jsonrpc_session;

enum jsonrpc_type {
    JSONRPC_REQUEST,
    JSONRPC_NOTIFY,
    JSONRPC_REPLY,
    JSONRPC_ERROR
};

/* Owns what it points to. `id` is NULL (null) in a notification. */
struct jsonrpc_msg {
    enum jsonrpc_type type;
    char *method;               /* request, notify */
    struct json_object *params; /* request, notify: an array */
    struct json_object *result; /* reply */
    struct json_object *error;  /* error */
    struct json_object *id;
};

/* Each takes over the objects it is given; jsonrpc_reply() and jsonrpc_error() take a new reference of ID. */
struct jsonrpc_msg *jsonrpc_request(const char *method,
                                    struct json_object *params); /* with an id of its own */
struct jsonrpc_msg *jsonrpc_notify(const char *method, struct json_object *params);
struct jsonrpc_msg *jsonrpc_reply(struct json_object *result, const struct json_object *id);
struct jsonrpc_msg *jsonrpc_error(struct json_object *error, const struct json_object *id);
void jsonrpc_msg_destroy(struct jsonrpc_msg *); /* NULL is legal */
/* Takes over OBJ. NULL and a message, or what is wrong with it. */
char *jsonrpc_msg_from_json(struct json_object *obj, struct jsonrpc_msg **) WARN_UNUSED;
struct json_object *jsonrpc_msg_to_json(struct jsonrpc_msg *); /* takes over the message */

struct jsonrpc_ops {
    /* A message has come; the callee owns it. It may destroy the connection. */
    void (*received)(struct jsonrpc *, struct jsonrpc_msg *, void *aux);
    /* The connection has ended: an errno or ERROR_EOF. The callee destroys it, now or later. */
    void (*closed)(struct jsonrpc *, int error, void *aux);
    /* The queue has become empty. May be NULL. */
    void (*drained)(struct jsonrpc *, void *aux);
};

/* Takes over STREAM, which is connected. */
struct jsonrpc *jsonrpc_create(struct stream *, struct loop *, const struct jsonrpc_ops *, void *aux);
void jsonrpc_destroy(struct jsonrpc *); /* NULL is legal; what is not sent is lost */
const char *jsonrpc_name(const struct jsonrpc *);
struct stream *jsonrpc_stream(struct jsonrpc *);
/* The longest message that is taken, bytes, and how many values it may consist of; 0, the default, is without
 * limit. */
void jsonrpc_set_max_message(struct jsonrpc *, size_t bytes, size_t values);
/* Whether the other side is told why a message of its is refused: by a notification "error", whose one
 * parameter is a text, before the connection ends. For servers. */
void jsonrpc_set_tells_why(struct jsonrpc *, bool);
/* Ends the connection from our side, with EPROTO: tells why (if that is set), goes on reading for a moment
 * what is thrown away, so that the reason is not lost with it, and then calls closed(). */
void jsonrpc_refuse(struct jsonrpc *, const char *why);
/* For how long nothing has come of a message that has begun, or gone of what waits to be sent, ms; 0: no such
 * thing. */
int64_t jsonrpc_receive_stalled_ms(const struct jsonrpc *);
int64_t jsonrpc_send_stalled_ms(const struct jsonrpc *);
/* The queue's limit, bytes: the connection is closed with ENOBUFS when it grows beyond; 0: none. */
void jsonrpc_set_max_backlog(struct jsonrpc *, size_t bytes);
/* Stops and resumes reading: while the owner has enough to do. */
void jsonrpc_pause(struct jsonrpc *, bool paused);
void jsonrpc_send(struct jsonrpc *, struct jsonrpc_msg *);            /* takes over the message */
void jsonrpc_send_text(struct jsonrpc *, const char *text, size_t n); /* a message that is text already */
size_t jsonrpc_backlog(const struct jsonrpc *);                       /* bytes that wait to be sent */
uint64_t jsonrpc_received_bytes(const struct jsonrpc *);

/* A session: connects to the first of its remotes that answers, comes back with back-off, answers echo
 * requests, probes when nothing has come for the probe interval. Passive remotes ("punix:", "ptcp:", "pssl:")
 * wait for one connection. */
struct jsonrpc_session_ops {
    void (*connected)(struct jsonrpc_session *, void *aux);
    void (*received)(struct jsonrpc_session *, struct jsonrpc_msg *, void *aux); /* callee owns the message */
    void (*disconnected)(struct jsonrpc_session *, int error, void *aux);        /* after connected() only */
};
/* REMOTES: one or more names, separated by commas; tried in order, or in random order with SHUFFLE. */
struct jsonrpc_session *jsonrpc_session_create(const char *remotes, bool shuffle, struct loop *,
                                               const struct jsonrpc_session_ops *, void *aux);
/* Over a connected stream: ends with it, never reconnects. */
struct jsonrpc_session *jsonrpc_session_from_stream(struct stream *, struct loop *,
                                                    const struct jsonrpc_session_ops *, void *aux);
void jsonrpc_session_destroy(struct jsonrpc_session *);
/* Other remotes: it stays with the one it has if that is among them, and otherwise starts again. */
void jsonrpc_session_set_remotes(struct jsonrpc_session *, const char *remotes);
void jsonrpc_session_send(struct jsonrpc_session *, struct jsonrpc_msg *); /* dropped while not connected */
/* The connection that it has now, NULL if none: for limits, text and addresses; not to be kept. */
struct jsonrpc *jsonrpc_session_connection(struct jsonrpc_session *);
size_t jsonrpc_session_backlog(const struct jsonrpc_session *);
bool jsonrpc_session_is_connected(const struct jsonrpc_session *);
bool jsonrpc_session_is_connecting(const struct jsonrpc_session *); /* an attempt is not decided yet */
bool jsonrpc_session_is_alive(const struct jsonrpc_session *);      /* connected, or it will try again */
const char *jsonrpc_session_name(const struct jsonrpc_session *);
unsigned jsonrpc_session_n_connections(const struct jsonrpc_session *); /* that succeeded so far */
unsigned jsonrpc_session_n_attempts(const struct jsonrpc_session *);    /* to connect, so far */
int jsonrpc_session_last_error(const struct jsonrpc_session *);
/* Leaves this remote: for the next one at once, if there are several. WHY is logged. */
void jsonrpc_session_reconnect(struct jsonrpc_session *, const char *why);
void jsonrpc_session_set_probe_interval(struct jsonrpc_session *, int ms); /* 0: never; 5000 at first */
void jsonrpc_session_set_max_backoff(struct jsonrpc_session *, int ms);    /* 8000 at first */
/* The figures that the database's `status` columns show. */
const char *jsonrpc_session_state(const struct jsonrpc_session *); /* "ACTIVE", "BACKOFF", ... */
uint64_t jsonrpc_session_seconds_in_state(const struct jsonrpc_session *);

#endif
