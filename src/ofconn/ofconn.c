/* SPDX-License-Identifier: Apache-2.0 */
#include "ofconn/ofconn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(vconn);

#define RECV_CHUNK 65536
#define SENT_KEPT  65536 /* bytes that were sent may stay in front of those that wait */
/* A session that does not take its replies is not read from until it does. */
#define OUT_MAX (1u << 20)
/* One that does not take what it is sent unasked is ended here. */
#define BACKLOG_MAX (16u << 20)

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 600);

const char *ofconn_name(const struct ofconn *c)
{
    return stream_name(c->stream);
}

enum ofp_version ofconn_version(const struct ofconn *c)
{
    return c->version;
}

uint32_t ofconn_protocol(const struct ofconn *c)
{
    if (c->version > OFP10) {
        return OFPROTO_11 << (c->version - OFP11);
    }
    return c->nxm ? (c->tid ? OFPROTO_NXM_TID : OFPROTO_NXM) : (c->tid ? OFPROTO_10_TID : OFPROTO_10);
}

uint64_t ofconn_id(const struct ofconn *c)
{
    return c->id;
}

void *ofconn_state(const struct ofconn *c)
{
    return c->state;
}

void ofconn_set_state(struct ofconn *c, void *state)
{
    c->state = state;
}

size_t ofconn_backlog(const struct ofconn *c)
{
    return c->out.len - c->sent;
}

struct switch_config *ofconn_config(struct ofconn *c)
{
    return &c->config;
}

struct bytebuf *ofconn_out(struct ofconn *c)
{
    return &c->out;
}

void ofconn_reply_empty(struct ofconn *c, enum ofptype type, const struct ofp_msg *request)
{
    ofp_msg_put_empty(&c->out, type, request->version, request->xid);
}

/* ------------------------------------------------------------------ multipart replies */

static void begin_part(struct ofconn_multipart *m)
{
    struct bytebuf *b = &m->conn->out;
    m->start = m->nx ? ofp_msg_begin_nx(b, m->type, m->request->version, m->request->xid)
                     : ofp_msg_begin(b, m->type, m->request->version, m->request->xid);
    m->header = b->len - m->start;
    m->record = b->len;
}

void ofconn_multipart_begin(struct ofconn_multipart *m, struct ofconn *c, enum ofptype type,
                            const struct ofp_msg *request)
{
    *m = (struct ofconn_multipart){
        .conn = c, .request = request, .type = type, .nx = request->kind == OFPK_NXSTAT};
    begin_part(m);
}

void ofconn_multipart_next(struct ofconn_multipart *m)
{
    struct bytebuf *b = &m->conn->out;
    if (b->len - m->start > OFP_MAX_LEN) {
        /* The record that no longer fits begins the next message. */
        size_t n = b->len - m->record;
        uint8_t *record = xmemdup(b->data + m->record, n);
        bytebuf_truncate(b, m->record);
        set_u16(b, m->start + OFP_HEADER_LEN + 2, OFPMPF_MORE);
        ofp_msg_end(b, m->start);
        begin_part(m);
        bytebuf_put(b, record, n);
        free(record);
    }
    m->record = b->len;
}

void ofconn_multipart_end(struct ofconn_multipart *m)
{
    ofp_msg_end(&m->conn->out, m->start);
}

/* ------------------------------------------------------------------ messages about the session itself */

static enum ofperr handle_echo(struct ofconn *c, const struct ofp_msg *m)
{
    size_t start = ofp_msg_begin(&c->out, OFPTYPE_ECHO_REPLY, m->version, m->xid);
    bytebuf_put(&c->out, m->body.p, m->body.n);
    ofp_msg_end(&c->out, start);
    return OFPERR_NONE;
}

static enum ofperr handle_nothing(struct ofconn *c, const struct ofp_msg *m)
{
    return OFPERR_NONE;
}

static enum ofperr handle_barrier(struct ofconn *c, const struct ofp_msg *m)
{
    const struct ofservice *s = c->service;
    if (s->handlers->settle) {
        s->handlers->settle(s->switch_);
    }
    ofconn_reply_empty(c, OFPTYPE_BARRIER_REPLY, m);
    return OFPERR_NONE;
}

static enum ofperr handle_flow_format(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    uint32_t format = get_u32(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (format != 0 && format != 2) {
        return OFPERR_OFPBRC_EPERM;
    }
    c->nxm = format == 2;
    return OFPERR_NONE;
}

static enum ofperr handle_packet_in_format(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    uint32_t format = get_u32(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (format > PACKET_IN_NXT2) {
        return OFPERR_OFPBRC_EPERM;
    }
    c->packet_in_format = format;
    return OFPERR_NONE;
}

static enum ofperr handle_flow_mod_table_id(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    c->tid = get_u8(&r) != 0;
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr handle_controller_id(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    if (!get_zeros(&r, 6)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    c->controller_id = get_u16(&r);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr handle_role(struct ofconn *c, const struct ofp_msg *m)
{
    struct role_request rr;
    enum ofperr error = role_decode(m, &rr);
    if (error) {
        return error;
    }
    if (rr.role == ROLE_PRIMARY) {
        struct ofconn *other;
        LIST_FOR_EACH (other, node, &c->service->conns) {
            if (other->role == ROLE_PRIMARY) {
                other->role = ROLE_SECONDARY;
            }
        }
    }
    if (rr.role != ROLE_NOCHANGE) {
        c->role = rr.role;
    }
    rr.role = c->role;
    role_encode(&c->out, OFPTYPE_ROLE_REPLY, &rr, m->version, m->xid);
    return OFPERR_NONE;
}

static enum ofperr handle_set_async(struct ofconn *c, const struct ofp_msg *m)
{
    return async_config_decode(m, &c->async);
}

static enum ofperr handle_get_async(struct ofconn *c, const struct ofp_msg *m)
{
    async_config_encode_reply(&c->out, &c->async, m->version, m->xid);
    return OFPERR_NONE;
}

static enum ofperr (*const own[N_OFPTYPES])(struct ofconn *, const struct ofp_msg *) = {
    [OFPTYPE_HELLO] = handle_nothing,
    [OFPTYPE_ERROR] = handle_nothing,
    [OFPTYPE_ECHO_REQUEST] = handle_echo,
    [OFPTYPE_ECHO_REPLY] = handle_nothing,
    [OFPTYPE_BARRIER_REQUEST] = handle_barrier,
    [OFPTYPE_SET_FLOW_FORMAT] = handle_flow_format,
    [OFPTYPE_SET_PACKET_IN_FORMAT] = handle_packet_in_format,
    [OFPTYPE_FLOW_MOD_TABLE_ID] = handle_flow_mod_table_id,
    [OFPTYPE_SET_CONTROLLER_ID] = handle_controller_id,
    [OFPTYPE_ROLE_REQUEST] = handle_role,
    [OFPTYPE_SET_ASYNC_CONFIG] = handle_set_async,
    [OFPTYPE_GET_ASYNC_REQUEST] = handle_get_async,
    [OFPTYPE_BUNDLE_CONTROL] = ofconn_bundle_control,
    [OFPTYPE_BUNDLE_ADD_MESSAGE] = ofconn_bundle_add,
};

/* What a secondary may not do. */
static bool is_change(enum ofptype type)
{
    return type == OFPTYPE_FLOW_MOD || type == OFPTYPE_GROUP_MOD || type == OFPTYPE_METER_MOD ||
           type == OFPTYPE_PORT_MOD || type == OFPTYPE_TABLE_MOD || type == OFPTYPE_PACKET_OUT ||
           type == OFPTYPE_TLV_TABLE_MOD;
}

static enum ofperr handle_message(struct ofconn *c, const struct ofp_msg *m)
{
    if (own[m->type]) {
        return own[m->type](c, m);
    }
    const struct ofservice *s = c->service;
    ofconn_handler *handler = s->handlers->handle[m->type];
    if (!handler) {
        return m->kind == OFPK_MSG || m->kind == OFPK_NXT || m->kind == OFPK_ONFT ? OFPERR_OFPBRC_BAD_TYPE
                                                                                  : OFPERR_OFPBRC_BAD_STAT;
    }
    if (c->role == ROLE_SECONDARY && is_change(m->type)) {
        return OFPERR_OFPBRC_IS_SECONDARY;
    }
    return handler(c, m, s->switch_);
}

/* The first message. False: there is no version that both speak, or it is no hello. */
static bool handle_hello(struct ofconn *c, const struct ofp_msg *m, enum ofperr error)
{
    if (error || m->type != OFPTYPE_HELLO) {
        LOG_WARN_RL(&rl, "%s: received %s while expecting hello", ofconn_name(c),
                    error ? "a message that is not understood" : m->name);
        ofp_error_encode(&c->out, OFPERR_OFPBRC_BAD_TYPE, m->version, m->raw, m->len);
        return false;
    }
    unsigned theirs = ofp_hello_decode(m);
    c->version = ofp_version_negotiate(c->service->versions, theirs);
    if (c->version) {
        async_config_default(&c->async, c->version);
        return true;
    }
    LOG_WARN_RL(&rl, "%s: version negotiation failed (we support versions %#x, peer supports versions %#x)",
                ofconn_name(c), c->service->versions >> 1, theirs >> 1);
    ofp_error_encode(&c->out, OFPERR_OFPHFC_INCOMPATIBLE, m->version, m->raw, m->len);
    return false;
}

/* One frame. False: the session is over. */
static bool take_frame(struct ofconn *c, const uint8_t *data, size_t len)
{
    struct ofp_msg m;
    enum ofperr error = ofp_msg_decode(data, len, &m);
    if (!c->version) {
        return handle_hello(c, &m, error);
    }
    if (m.version != c->version && m.raw[1] != 0) {
        LOG_WARN_RL(&rl, "%s: received OpenFlow version 0x%02x != expected 0x%02x", ofconn_name(c), m.version,
                    c->version);
        ofp_error_encode(&c->out, OFPERR_OFPBRC_BAD_VERSION, c->version, data, len);
        return false;
    }
    error = error ? error : handle_message(c, &m);
    if (error) {
        LOG_INFO_RL(&rl, "%s: sending %s error reply to %s message", ofconn_name(c), ofperr_name(error),
                    m.name ? m.name : "unknown");
        ofp_error_encode(&c->out, error, c->version, data, len);
    }
    return true;
}

/* ------------------------------------------------------------------ bytes */

/* False: the stream is broken. */
static bool flush(struct ofconn *c)
{
    while (c->sent < c->out.len) {
        size_t n = 0;
        int error = stream_send(c->stream, c->out.data + c->sent, c->out.len - c->sent, &n);
        if (error == EAGAIN) {
            return true;
        }
        if (error) {
            return false;
        }
        c->sent += n;
        if (c->sent > SENT_KEPT && c->sent > c->out.len / 2) {
            bytebuf_pull(&c->out, c->sent);
            c->sent = 0;
        }
    }
    bytebuf_clear(&c->out);
    c->sent = 0;
    return true;
}

/* All whole frames of `in`, as long as replies are taken. *PROGRESS: there was one. */
static bool take_frames(struct ofconn *c)
{
    size_t done = 0;
    bool ok = true;
    while (ok && c->in.len - done >= OFP_HEADER_LEN && c->out.len - c->sent < OUT_MAX) {
        size_t n = ofp_msg_len(c->in.data + done);
        if (!n) {
            LOG_ERR_RL(&rl, "%s: received too-short OpenFlow message: ending the session", ofconn_name(c));
            ok = false;
        } else if (c->in.len - done < n) {
            break;
        } else {
            ok = take_frame(c, c->in.data + done, n);
            done += n;
        }
    }
    bytebuf_pull(&c->in, done);
    if (done && c->service->handlers->settle) {
        c->service->handlers->settle(c->service->switch_);
    }
    return ok;
}

static bool run(struct ofconn *c)
{
    if (!flush(c)) {
        return false;
    }
    if (c->out.len - c->sent < OUT_MAX && c->in.len < OFP_MAX_LEN) {
        size_t got = 0;
        bytebuf_reserve(&c->in, RECV_CHUNK);
        int error = stream_recv(c->stream, c->in.data + c->in.len, RECV_CHUNK, &got);
        if (error && error != EAGAIN) {
            if (error != ERROR_EOF) {
                LOG_INFO_RL(&rl, "%s: the session ends: %s", ofconn_name(c), error_text(error));
            }
            return false;
        }
        c->in.len += got;
    }
    if (!take_frames(c)) {
        flush(c);
        return false;
    }
    return flush(c);
}

/* What the session waits for now. */
static void want(struct ofconn *c)
{
    size_t backlog = ofconn_backlog(c);
    c->was_full |= backlog > 0;
    stream_want(c->stream, (backlog ? STREAM_SEND : 0) | (backlog < OUT_MAX ? STREAM_RECV : 0));
}

static void ready(void *aux)
{
    struct ofconn *c = aux;
    const struct ofservice *s = c->service;
    c->in_handler = true;
    bool ok = run(c);
    if (ok && c->was_full && !ofconn_backlog(c)) {
        c->was_full = false;
        if (s->handlers->drained) {
            s->handlers->drained(c, s->switch_);
            ok = flush(c);
        }
    }
    c->in_handler = false;
    if (!ok) {
        ofconn_destroy(c);
        return;
    }
    want(c);
}

/* ------------------------------------------------------------------ asynchronous messages */

/* Sends what was appended outside of a handler. */
static void send_soon(struct task *task)
{
    struct ofconn *c = OBJECT_OF(task, c, soon);
    bool ok = flush(c);
    if (ok && ofconn_backlog(c) > BACKLOG_MAX) {
        LOG_WARN_RL(&rl,
                    "%s: the peer does not read what it is sent: ending the session with %zu bytes unsent",
                    ofconn_name(c), ofconn_backlog(c));
        ok = false;
    }
    if (!ok) {
        ofconn_destroy(c);
        return;
    }
    want(c);
}

bool ofconn_wants(const struct ofconn *c, enum async_type type, unsigned reason)
{
    const uint32_t *wanted = c->role == ROLE_SECONDARY ? c->async.secondary : c->async.primary;
    return c->version && reason < 32 && (wanted[type] & (1u << reason));
}

void ofconn_send(struct ofconn *c, ofconn_encoder *encode, const void *message)
{
    if (!c->version) {
        return;
    }
    if (ofconn_backlog(c) <= BACKLOG_MAX) {
        encode(c, &c->out, message);
    }
    if (!c->in_handler && !task_is_scheduled(&c->soon)) {
        task_schedule(loop_tasks(c->service->loop), &c->soon, clock_ms());
    }
}

void ofservice_send_async(struct ofservice *s, enum async_type type, unsigned reason,
                          const struct ofconn *except, ofconn_encoder *encode, const void *message)
{
    struct ofconn *c;
    LIST_FOR_EACH (c, node, &s->conns) {
        if (c != except && ofconn_wants(c, type, reason)) {
            ofconn_send(c, encode, message);
        }
    }
}

/* ------------------------------------------------------------------ life */

void ofconn_create(struct ofservice *s, struct stream *stream)
{
    static uint64_t last_id;
    struct ofconn *c = xzalloc(sizeof *c);
    c->service = s;
    c->stream = stream;
    c->id = ++last_id;
    c->role = ROLE_EQUAL;
    list_init(&c->bundles);
    list_push_back(&s->conns, &c->node);
    task_init(&c->soon, "OpenFlow messages", send_soon);
    stream_watch(stream, s->loop, ready, c);
    ofp_hello_encode(&c->out, s->versions, 1);
    ready(c);
}

void ofconn_destroy(struct ofconn *c)
{
    const struct ofservice *s = c->service;
    list_remove(&c->node);
    task_cancel(&c->soon);
    if (s->handlers->closed) {
        s->handlers->closed(c, s->switch_);
    }
    ofconn_bundles_clear(c);
    stream_close(c->stream);
    bytebuf_fini(&c->in);
    bytebuf_fini(&c->out);
    free(c);
}
