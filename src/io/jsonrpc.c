/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and the connection; the session is in jsonrpc_session.c. */
#include "io/jsonrpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytebuf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/json.h"
#include "io/loop.h"
#include "io/stream.h"

LOG_MODULE(jsonrpc);

/* A turn reads at most this much from one connection, so that a flood leaves room for the others. */
enum {
    READ_PIECE = 65536,
    MAX_MESSAGES_A_TURN = 50,
    FINISH_MS = 20,  /* what the owner has to say still when it refuses, answers to earlier requests, is said
                        by then */
    LINGER_MS = 2000 /* how long one that was refused may go on sending before it is cut off */
};

/* Messages. */

static struct jsonrpc_msg *make(enum jsonrpc_type type, const char *method, struct json_object *params)
{
    struct jsonrpc_msg *msg = xzalloc(sizeof *msg);
    msg->type = type;
    msg->method = xstrdup_or_null(method);
    msg->params = params;
    return msg;
}

struct jsonrpc_msg *jsonrpc_request(const char *method, struct json_object *params)
{
    static uint64_t next_id;
    struct jsonrpc_msg *msg = make(JSONRPC_REQUEST, method, params);
    msg->id = json_object_new_int64((int64_t)__atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED));
    return msg;
}

struct jsonrpc_msg *jsonrpc_notify(const char *method, struct json_object *params)
{
    return make(JSONRPC_NOTIFY, method, params);
}

struct jsonrpc_msg *jsonrpc_reply(struct json_object *result, const struct json_object *id)
{
    struct jsonrpc_msg *msg = make(JSONRPC_REPLY, NULL, NULL);
    msg->result = result;
    msg->id = json_object_get((struct json_object *)(uintptr_t)id);
    return msg;
}

struct jsonrpc_msg *jsonrpc_error(struct json_object *error, const struct json_object *id)
{
    struct jsonrpc_msg *msg = make(JSONRPC_ERROR, NULL, NULL);
    msg->error = error;
    msg->id = json_object_get((struct json_object *)(uintptr_t)id);
    return msg;
}

void jsonrpc_msg_destroy(struct jsonrpc_msg *msg)
{
    if (msg) {
        free(msg->method);
        json_object_put(msg->params);
        json_object_put(msg->result);
        json_object_put(msg->error);
        json_object_put(msg->id);
        free(msg);
    }
}

/* Member NAME of OBJ with a reference of its own. */
static struct json_object *member(struct json_object *obj, const char *name, bool *found)
{
    return json_object_get(json_member(obj, name, found));
}

/* The members each type must have, must not have, and may have as null. */
static char *check_members(const struct jsonrpc_msg *msg)
{
    static const struct {
        const char *name;
        int needs_method, needs_params, needs_result, needs_error, needs_id; /* 1 must, 0 must not, -1 may */
    } rules[] = {
        [JSONRPC_REQUEST] = {"request", 1, 1, 0, 0, 1},
        [JSONRPC_NOTIFY] = {"notification", 1, 1, 0, 0, 0},
        [JSONRPC_REPLY] = {"reply", 0, 0, -1, 0, 1},
        [JSONRPC_ERROR] = {"error", 0, 0, 0, 1, 1},
    };
    const struct {
        const char *name;
        bool has;
        int needs;
    } members[] = {
        {"method", msg->method, rules[msg->type].needs_method},
        {"params", msg->params, rules[msg->type].needs_params},
        {"result", msg->result, rules[msg->type].needs_result},
        {"error", msg->error, rules[msg->type].needs_error},
        {"id", msg->id, rules[msg->type].needs_id},
    };
    if (msg->params && !json_object_is_type(msg->params, json_type_array)) {
        return xstrdup("\"params\" must be JSON array");
    }
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (members[i].needs >= 0 && members[i].has != members[i].needs) {
            return xasprintf("%s must%s have \"%s\"", rules[msg->type].name, members[i].needs ? "" : " not",
                             members[i].name);
        }
    }
    return NULL;
}

char *jsonrpc_msg_from_json(struct json_object *obj, struct jsonrpc_msg **msgp)
{
    static const char *const known[] = {"method", "params", "result", "error", "id"};
    *msgp = NULL;
    if (!json_object_is_type(obj, json_type_object)) {
        json_object_put(obj);
        return xstrdup("message is not a JSON object");
    }
    struct jsonrpc_msg *msg = make(JSONRPC_REQUEST, NULL, NULL);
    bool has_method, has_result, has_id, has;
    char *error = NULL;
    struct json_object *method = json_member(obj, "method", &has_method);
    if (method && !json_object_is_type(method, json_type_string)) {
        error = xstrdup("method is not a JSON string");
    } else if (method) {
        msg->method = xstrdup(json_object_get_string(method));
    }
    msg->params = member(obj, "params", &has);
    msg->result = member(obj, "result", &has_result);
    msg->error = member(obj, "error", &has);
    msg->id = member(obj, "id", &has_id);
    msg->type = msg->method ? (msg->id ? JSONRPC_REQUEST : JSONRPC_NOTIFY)
                            : (msg->error ? JSONRPC_ERROR : JSONRPC_REPLY);
    if (!error && !msg->method && !has_result && !msg->error) {
        error = xstrdup("message has none of \"method\", \"result\" and \"error\"");
    }
    json_object_object_foreach(obj, key, value)
    {
        (void)value;
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
            is_known |= !strcmp(key, known[i]);
        }
        if (!is_known && !error) {
            error = xasprintf("message has unexpected member \"%s\"", key);
        }
    }
    json_object_put(obj);
    if (!error) {
        error = check_members(msg);
    }
    if (error) {
        jsonrpc_msg_destroy(msg);
        return error;
    }
    *msgp = msg;
    return NULL;
}

/* Moves *MEMBER into OBJ; as null if it is not there and NULLS says so. */
static void put_member(struct json_object *obj, const char *name, struct json_object **value, bool nulls)
{
    if (*value || nulls) {
        json_object_object_add(obj, name, *value);
        *value = NULL;
    }
}

struct json_object *jsonrpc_msg_to_json(struct jsonrpc_msg *msg)
{
    struct json_object *obj = json_object_new_object();
    bool answer = msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR;
    put_member(obj, "id", &msg->id, true);
    if (msg->method) {
        json_object_object_add(obj, "method", json_object_new_string(msg->method));
    }
    put_member(obj, "params", &msg->params, false);
    put_member(obj, "result", &msg->result, answer);
    put_member(obj, "error", &msg->error, answer);
    jsonrpc_msg_destroy(msg);
    return obj;
}

/* The connection. */

struct jsonrpc {
    struct stream *stream;
    struct loop *loop;
    const struct jsonrpc_ops *ops;
    void *aux;
    struct json_scanner scanner;
    struct bytebuf in; /* received; from `in_start` on not yet parsed */
    size_t in_start;
    size_t scanned;     /* how much the scanner has seen of it, counted from `in_start` */
    struct bytebuf out; /* to be sent, from `out_sent` on */
    size_t out_sent;
    size_t max_message, max_values, max_backlog;
    uint64_t n_received;
    int64_t received_ms, sent_ms; /* when bytes last came, or went */
    struct task go_on;            /* messages are left in `in` */
    bool paused, ended;
    bool tells_why;
    bool refused, silent; /* it has been told why; the stream is shut down */
    struct task linger;
    int *destroyed; /* set on destruction, for whoever is in a callback */
};

static void on_ready(void *conn);

static void run_go_on(struct task *task)
{
    struct jsonrpc *conn = OBJECT_OF(task, conn, go_on);
    on_ready(conn);
}

static void run_linger(struct task *task);

static void begin_message(struct jsonrpc *conn)
{
    json_scanner_init(&conn->scanner, conn->max_message);
    conn->scanner.max_values = conn->max_values;
}

struct jsonrpc *jsonrpc_create(struct stream *stream, struct loop *loop, const struct jsonrpc_ops *ops,
                               void *aux)
{
    struct jsonrpc *conn = xzalloc(sizeof *conn);
    conn->stream = stream;
    conn->loop = loop;
    conn->ops = ops;
    conn->aux = aux;
    begin_message(conn);
    conn->received_ms = conn->sent_ms = clock_ms();
    task_init(&conn->go_on, "jsonrpc", run_go_on);
    task_init(&conn->linger, "jsonrpc linger", run_linger);
    stream_watch(stream, loop, on_ready, conn);
    stream_want(stream, STREAM_RECV);
    return conn;
}

void jsonrpc_destroy(struct jsonrpc *conn)
{
    if (conn) {
        if (conn->destroyed) {
            *conn->destroyed = 1;
        }
        task_cancel(&conn->go_on);
        task_cancel(&conn->linger);
        stream_close(conn->stream);
        bytebuf_fini(&conn->in);
        bytebuf_fini(&conn->out);
        free(conn);
    }
}

const char *jsonrpc_name(const struct jsonrpc *conn)
{
    return stream_name(conn->stream);
}

struct stream *jsonrpc_stream(struct jsonrpc *conn)
{
    return conn->stream;
}

void jsonrpc_set_max_message(struct jsonrpc *conn, size_t bytes, size_t values)
{
    conn->max_message = conn->scanner.max_size = bytes;
    conn->max_values = conn->scanner.max_values = values;
}

void jsonrpc_set_tells_why(struct jsonrpc *conn, bool tells)
{
    conn->tells_why = tells;
}

int64_t jsonrpc_receive_stalled_ms(const struct jsonrpc *conn)
{
    bool within = conn->scanner.n_values && !conn->paused && !conn->refused;
    return within ? clock_ms() - conn->received_ms : 0;
}

int64_t jsonrpc_send_stalled_ms(const struct jsonrpc *conn)
{
    return jsonrpc_backlog(conn) ? clock_ms() - conn->sent_ms : 0;
}

void jsonrpc_set_max_backlog(struct jsonrpc *conn, size_t bytes)
{
    conn->max_backlog = bytes;
}

size_t jsonrpc_backlog(const struct jsonrpc *conn)
{
    return conn->out.len - conn->out_sent;
}

uint64_t jsonrpc_received_bytes(const struct jsonrpc *conn)
{
    return conn->n_received;
}

static void update_wants(struct jsonrpc *conn)
{
    if (!conn->ended) {
        stream_want(conn->stream,
                    (conn->paused ? 0 : STREAM_RECV) | (jsonrpc_backlog(conn) ? STREAM_SEND : 0));
    }
}

void jsonrpc_pause(struct jsonrpc *conn, bool paused)
{
    conn->paused = paused;
    update_wants(conn);
    if (!paused && conn->in.len > conn->in_start && !conn->ended) {
        task_schedule_in(loop_tasks(conn->loop), &conn->go_on, 0);
    }
}

/* Ends the connection, once. */
static void end(struct jsonrpc *conn, int error)
{
    if (!conn->ended) {
        conn->ended = true;
        stream_want(conn->stream, 0);
        task_cancel(&conn->go_on);
        task_cancel(&conn->linger);
        conn->ops->closed(conn, error, conn->aux);
    }
}

/* Sends what goes. Returns 0 or why the connection is over. */
static int flush(struct jsonrpc *conn)
{
    while (conn->out_sent < conn->out.len) {
        size_t sent;
        int error =
            stream_send(conn->stream, conn->out.data + conn->out_sent, conn->out.len - conn->out_sent, &sent);
        if (error) {
            return error == EAGAIN ? 0 : error;
        }
        conn->out_sent += sent;
        conn->sent_ms = clock_ms();
    }
    if (conn->out.allocated > 1 << 20) {
        bytebuf_fini(&conn->out);
    }
    bytebuf_clear(&conn->out);
    conn->out_sent = 0;
    return 0;
}

void jsonrpc_send_text(struct jsonrpc *conn, const char *text, size_t n)
{
    if (conn->ended || conn->silent) {
        return;
    }
    if (conn->out_sent > conn->out.len / 2) {
        bytebuf_pull(&conn->out, conn->out_sent);
        conn->out_sent = 0;
    }
    bool was_empty = !jsonrpc_backlog(conn);
    if (was_empty) {
        conn->sent_ms = clock_ms();
    }
    bytebuf_put(&conn->out, text, n);
    /* An error shows when the loop next serves the stream: never inside of the caller's own work. */
    if (was_empty) {
        flush(conn);
    }
    update_wants(conn);
    if (conn->max_backlog && jsonrpc_backlog(conn) > conn->max_backlog) {
        LOG_WARN("%s: %zu bytes wait to be sent, more than the limit of %zu: disconnecting",
                 jsonrpc_name(conn), jsonrpc_backlog(conn), conn->max_backlog);
        stream_shutdown(conn->stream);
        conn->max_backlog = SIZE_MAX;
        task_schedule_in(loop_tasks(conn->loop), &conn->go_on, 0);
    }
}

static void log_message(const struct jsonrpc *conn, const char *title, const struct jsonrpc_msg *msg)
{
    if (LOG_IS_ENABLED(LOG_LEVEL_DBG)) {
        static const char *const kinds[] = {"request", "notification", "reply", "error"};
        struct strbuf s = STRBUF_INITIALIZER;
        if (msg->method) {
            strbuf_printf(&s, ", method=\"%s\"", msg->method);
        }
        const struct {
            const char *name;
            struct json_object *value;
        } members[] = {
            {"params", msg->params}, {"result", msg->result}, {"error", msg->error}, {"id", msg->id}};
        for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
            if (members[i].value) {
                strbuf_printf(&s, ", %s=", members[i].name);
                json_format(&s, members[i].value, 0);
            }
        }
        LOG_DBG("%s: %s %s%s", jsonrpc_name(conn), title, kinds[msg->type], strbuf_text(&s));
        strbuf_fini(&s);
    }
}

void jsonrpc_send(struct jsonrpc *conn, struct jsonrpc_msg *msg)
{
    log_message(conn, "send", msg);
    struct json_object *obj = jsonrpc_msg_to_json(msg);
    struct strbuf s = STRBUF_INITIALIZER;
    json_format(&s, obj, 0);
    json_object_put(obj);
    jsonrpc_send_text(conn, strbuf_text(&s), s.len);
    strbuf_fini(&s);
}

/* Bytes that the scanner has not yet seen. */
static size_t unscanned(const struct jsonrpc *conn)
{
    return conn->in.len - conn->in_start - conn->scanned;
}

/* Reads a piece. Returns 0, EAGAIN or why the connection is over. */
static int receive(struct jsonrpc *conn)
{
    size_t got;
    bytebuf_pull(&conn->in, conn->in_start);
    conn->in_start = 0;
    if (!conn->in.len && conn->in.allocated > 1 << 20) {
        bytebuf_fini(&conn->in);
    }
    bytebuf_reserve(&conn->in, READ_PIECE);
    int error = stream_recv(conn->stream, conn->in.data + conn->in.len, READ_PIECE, &got);
    conn->in.len += got;
    conn->n_received += got;
    if (got) {
        conn->received_ms = clock_ms();
    }
    return error;
}

/* Refusing. */

static void run_linger(struct task *task)
{
    struct jsonrpc *conn = OBJECT_OF(task, conn, linger);
    end(conn, EPROTO);
}

void jsonrpc_refuse(struct jsonrpc *conn, const char *why)
{
    if (conn->ended || conn->refused) {
        return;
    }
    if (conn->tells_why) {
        struct json_object *params = json_object_new_array();
        json_object_array_add(params, json_object_new_string(why));
        jsonrpc_send(conn, jsonrpc_notify("error", params));
    }
    conn->refused = true;
    bytebuf_fini(&conn->in);
    conn->in_start = conn->scanned = 0;
    task_schedule_in(loop_tasks(conn->loop), &conn->linger, conn->tells_why ? LINGER_MS : 0);
    if (conn->tells_why) {
        task_schedule_in(loop_tasks(conn->loop), &conn->go_on, FINISH_MS);
    }
}

/* The reason goes out, then the end of what we say; what still comes is thrown away until its sender has
 * ended, too: were the stream closed with data unread, the reason might be lost. */
static void linger(struct jsonrpc *conn)
{
    int error = flush(conn);
    if (!error && !jsonrpc_backlog(conn) && !conn->silent && !task_is_scheduled(&conn->go_on)) {
        stream_shutdown(conn->stream);
        conn->silent = true;
    }
    if (!error) {
        error = receive(conn);
        bytebuf_clear(&conn->in);
    }
    if (error && error != EAGAIN) {
        end(conn, EPROTO);
    } else {
        update_wants(conn);
    }
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes a whole message off the front of `in`: 0 and *MSG, EAGAIN, or EPROTO after a log line. */
static int next_message(struct jsonrpc *conn, struct jsonrpc_msg **msg)
{
    static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(30, 30);
    char *error = NULL;
    size_t used = 0;
    *msg = NULL;
    while (!conn->scanned && conn->in_start < conn->in.len && is_space(conn->in.data[conn->in_start])) {
        conn->in_start++;
    }
    const char *text = (const char *)conn->in.data + conn->in_start;
    enum json_scan result =
        json_scanner_feed(&conn->scanner, text + conn->scanned, unscanned(conn), &used, &error);
    conn->scanned += used;
    if (result == JSON_SCAN_MORE) {
        return EAGAIN;
    }
    struct json_object *obj = NULL;
    if (result == JSON_SCAN_DONE) {
        obj = json_parse_scanned(&conn->scanner, text, conn->scanned, &error);
        conn->in_start += conn->scanned;
        conn->scanned = 0;
        begin_message(conn);
    }
    if (!error) {
        error = jsonrpc_msg_from_json(obj, msg);
        if (error) {
            LOG_WARN_RL(&rl, "%s: received bad JSON-RPC message: %s", jsonrpc_name(conn), error);
        }
    } else {
        LOG_WARN_RL(&rl, "%s: error parsing stream: %s", jsonrpc_name(conn), error);
    }
    if (error) {
        if (conn->tells_why) {
            jsonrpc_refuse(conn, error);
        }
        free(error);
        return EPROTO;
    }
    log_message(conn, "received", *msg);
    return 0;
}

/* Hands over the messages that are there, a bounded number. Returns 0, EPROTO, or ECANCELED if the owner
 * destroyed the connection. */
static int deliver(struct jsonrpc *conn)
{
    int destroyed = 0, *outer = conn->destroyed;
    conn->destroyed = &destroyed;
    for (int n = 0;
         n < MAX_MESSAGES_A_TURN && !conn->paused && !conn->ended && !conn->refused && unscanned(conn); n++) {
        struct jsonrpc_msg *msg;
        int error = next_message(conn, &msg);
        if (error) {
            conn->destroyed = outer;
            return error == EAGAIN ? 0 : error;
        }
        conn->ops->received(conn, msg, conn->aux);
        if (destroyed) {
            if (outer) {
                *outer = 1;
            }
            return ECANCELED;
        }
    }
    conn->destroyed = outer;
    return 0;
}

static void on_ready(void *conn_)
{
    struct jsonrpc *conn = conn_;
    if (conn->max_backlog == SIZE_MAX) {
        end(conn, ENOBUFS);
        return;
    }
    if (conn->refused) {
        linger(conn);
        return;
    }
    bool had_backlog = jsonrpc_backlog(conn) > 0;
    int error = flush(conn);
    if (!error && !conn->paused && !unscanned(conn)) {
        error = receive(conn);
    }
    int result = deliver(conn);
    if (result == ECANCELED || conn->ended || conn->refused) {
        return;
    }
    bool more = !result && unscanned(conn) && !conn->paused;
    if (result || (error && error != EAGAIN && !more)) {
        end(conn, result ? result : error);
        return;
    }
    update_wants(conn);
    if (more) {
        task_schedule_in(loop_tasks(conn->loop), &conn->go_on, 0);
    }
    if (had_backlog && !jsonrpc_backlog(conn) && conn->ops->drained) {
        conn->ops->drained(conn, conn->aux);
    }
}
