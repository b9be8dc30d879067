/* SPDX-License-Identifier: Apache-2.0 */
#include "ofconn/ofconn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "ofconn/private.h"

LOG_MODULE(vconn);

#define RECV_CHUNK 65536
#define SENT_KEPT  65536 /* bytes that were sent may stay in front of those that wait */
/* A session that does not take its replies is not read from until it does. */
#define OUT_MAX (1u << 20)
/* Messages of one session are handled for so long, then others have their turn. */
#define TURN_US 10000
/* A session that has not said hello by then is over. */
#define HELLO_MS 5000
/* What every version numbers alike. */
enum {
    HELLO = 0,
    ERROR = 1,
    ECHO_REQUEST = 2,
    ECHO_REPLY = 3
};

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 600);

const char *ofconn_name(const struct ofconn *c)
{
    return c->name;
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

bool ofconn_is_controller(const struct ofconn *c)
{
    return c->controller != NULL;
}

size_t ofconn_backlog(const struct ofconn *c)
{
    return c->out.len - c->sent;
}

/* Of those, what came after the last reply: that is how far a peer may leave what it did not ask for. */
size_t ofconn_unasked(const struct ofconn *c)
{
    size_t replies = c->replied > c->out_bytes ? (size_t)(c->replied - c->out_bytes) : 0;
    return c->out.len - MAX(replies, c->sent);
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

static void send_some(struct ofconn *, size_t end);
static void forget_much(struct ofconn *);

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
    if (m->header + (b->len - m->record) > OFP_MAX_LEN) {
        LOG_WARN_RL(&rl, "%s: a record of %zu bytes fits into no multipart reply", m->conn->name,
                    b->len - m->record);
        bytebuf_truncate(b, m->record);
        m->incomplete = true;
    } else if (b->len - m->start > OFP_MAX_LEN) {
        /* The record that no longer fits begins the next message. */
        size_t n = b->len - m->record;
        uint8_t *record = xmemdup(b->data + m->record, n);
        bytebuf_truncate(b, m->record);
        set_u16(b, m->start + OFP_HEADER_LEN + 2, OFPMPF_MORE);
        ofp_msg_end(b, m->start);
        send_some(m->conn, b->len);
        forget_much(m->conn);
        begin_part(m);
        bytebuf_put(b, record, n);
        free(record);
    }
    m->record = b->len;
}

void ofconn_multipart_part(struct ofconn_multipart *m)
{
    struct bytebuf *b = &m->conn->out;
    set_u16(b, m->start + OFP_HEADER_LEN + 2, OFPMPF_MORE);
    ofp_msg_end(b, m->start);
    begin_part(m);
    m->record = b->len;
}

void ofconn_multipart_end(struct ofconn_multipart *m)
{
    struct bytebuf *b = &m->conn->out;
    if (m->incomplete) {
        const struct ofp_msg *q = m->request;
        if (b->len - m->start > m->header) {
            set_u16(b, m->start + OFP_HEADER_LEN + 2, OFPMPF_MORE);
            ofp_msg_end(b, m->start);
        } else {
            bytebuf_truncate(b, m->start);
        }
        ofp_error_encode(
            b, q->version >= OFP13 ? OFPERR_OFPBRC_MULTIPART_BUFFER_OVERFLOW : OFPERR_OFPBRC_BAD_LEN,
            q->version, q->raw, q->len);
    } else {
        ofp_msg_end(b, m->start);
    }
}

/* ------------------------------------------------------------------ frames */

/* What a secondary may not do. */
static bool is_change(const struct ofp_msg *m)
{
    enum ofptype type = m->type;
    return type == OFPTYPE_FLOW_MOD || type == OFPTYPE_GROUP_MOD || type == OFPTYPE_METER_MOD ||
           type == OFPTYPE_PORT_MOD || type == OFPTYPE_TABLE_MOD || type == OFPTYPE_PACKET_OUT ||
           type == OFPTYPE_TLV_TABLE_MOD || type == OFPTYPE_RESUME || type == OFPTYPE_BUNDLE_CONTROL ||
           type == OFPTYPE_BUNDLE_ADD_MESSAGE || (type == OFPTYPE_TABLE_FEATURES_REQUEST && m->body.n);
}

static enum ofperr handle_message(struct ofconn *c, const struct ofp_msg *m)
{
    own_handler *own = ofconn_own_handler(m->type);
    if (own) {
        return c->role == ROLE_SECONDARY && is_change(m) ? OFPERR_OFPBRC_IS_SECONDARY : own(c, m);
    }
    const struct ofservice *s = c->service;
    ofconn_handler *handler = s->handlers->handle[m->type];
    if (!handler) {
        return m->kind == OFPK_MSG || m->kind == OFPK_NXT || m->kind == OFPK_ONFT ? OFPERR_OFPBRC_BAD_TYPE
                                                                                  : OFPERR_OFPBRC_BAD_STAT;
    }
    if (c->role == ROLE_SECONDARY && is_change(m)) {
        return OFPERR_OFPBRC_IS_SECONDARY;
    }
    return handler(c, m, s->switch_);
}

static void schedule_probe(struct ofconn *);

/* The versions agreed on: the session begins. */
static void begin(struct ofconn *c)
{
    schedule_probe(c);
    if (c->is_snooper) {
        return;
    }
    ofconn_async_default(c);
    if (c->controller) {
        controller_connected(c->controller, c);
    }
    ofservice_check_miss_wanted(c->service);
}

/* "version 0x04", "version 0x04 and earlier", "versions 0x01, 0x04". */
static void put_versions(unsigned versions, struct strbuf *s)
{
    bool one = !(versions & (versions - 1));
    unsigned last = versions ? 31 - (unsigned)__builtin_clz(versions) : 0;
    if (!one && versions == (2u << last) - 2) {
        strbuf_printf(s, "version 0x%02x and earlier", last);
        return;
    }
    strbuf_puts(s, !versions ? "no versions" : one ? "version " : "versions ");
    const char *separator = "";
    for (unsigned v = 0; v < 32; v++) {
        if (versions & (1u << v)) {
            strbuf_printf(s, "%s0x%02x", separator, v);
            separator = ", ";
        }
    }
}

/* The last one of a hello's versions; 1.0 if it is none that there is. */
static enum ofp_version highest(unsigned versions)
{
    enum ofp_version last = versions ? 31 - (unsigned)__builtin_clz(versions) : OFP10;
    return last >= OFP10 && last <= OFP_VERSION_LAST ? last : OFP10;
}

/* The first message. False: there is no version that both speak, or it is no hello. */
static bool handle_hello(struct ofconn *c, const struct ofp_msg *m, enum ofperr error)
{
    if (error || m->type != OFPTYPE_HELLO) {
        LOG_WARN_RL(&rl, "%s: received %s while expecting hello", c->name,
                    error ? "a message that is not understood" : m->name);
        ofp_error_encode(&c->out, OFPERR_OFPBRC_BAD_TYPE, m->version, m->raw, m->len);
        c->end_error = EPROTO;
        return false;
    }
    bool understood;
    unsigned theirs = ofp_hello_versions(m, &understood);
    c->version = ofp_version_negotiate(c->service->versions, theirs & OFP_VERSIONS_ALL);
    if (c->version) {
        begin(c);
        return true;
    }
    struct strbuf ours_text = STRBUF_INITIALIZER, theirs_text = STRBUF_INITIALIZER;
    put_versions(c->service->versions, &ours_text);
    put_versions(theirs, &theirs_text);
    LOG_WARN_RL(&rl, "%s: version negotiation failed (we support %s, peer supports %s)", c->name,
                strbuf_text(&ours_text), strbuf_text(&theirs_text));
    char *text = xasprintf("We support %s, you support %s, no common versions.", strbuf_text(&ours_text),
                           strbuf_text(&theirs_text));
    ofp_error_encode_hello(&c->out, highest(theirs), text);
    free(text);
    strbuf_fini(&ours_text);
    strbuf_fini(&theirs_text);
    c->end_error = EPROTO;
    return false;
}

/* A frame in a version that is not the session's, which lives on: echoes are answered in theirs, what else
 * it may be is refused in its own. False: a hello, which says nothing any more. */
static bool handle_other_version(struct ofconn *c, const uint8_t *data, size_t len)
{
    uint8_t version = data[0];
    switch (data[1]) {
    case HELLO:
        return false;
    case ECHO_REQUEST: {
        size_t start = c->out.len;
        bytebuf_put(&c->out, data, len);
        c->out.data[start + 1] = ECHO_REPLY;
        return true;
    }
    case ERROR:
    case ECHO_REPLY:
        return true;
    default:
        LOG_WARN_RL(&rl, "%s: received OpenFlow version 0x%02x != expected 0x%02x", c->name, version,
                    c->version);
        bool known = version >= OFP10 && version <= OFP_VERSION_LAST;
        ofp_error_encode(&c->out, OFPERR_OFPBRC_BAD_VERSION, known ? version : OFP10, data, len);
        return true;
    }
}

/* One frame. False: the session is over. */
static bool take_frame(struct ofconn *c, const uint8_t *data, size_t len)
{
    struct ofp_msg m;
    enum ofperr error = ofp_msg_decode(data, len, &m);
    if (c->n_snoopers) {
        snoop_copy(c, data, len);
    }
    if (!c->version) {
        return handle_hello(c, &m, error);
    }
    if (c->is_snooper) {
        return true;
    }
    if (data[0] != c->version && handle_other_version(c, data, len)) {
        return true;
    }
    struct bytebuf whole = BYTEBUF_INITIALIZER;
    bool complete = true;
    error = error ? error : ofconn_assemble(c, &m, &whole, &complete);
    if (!error && complete) {
        error = handle_message(c, &m);
    }
    bytebuf_fini(&whole);
    if (error) {
        LOG_INFO_RL(&rl, "%s: sending %s error reply to %s message", c->name, ofperr_name(error),
                    m.name ? m.name : "unknown");
        ofp_error_encode(&c->out, error, c->version, data, len);
    }
    if (c->controller) {
        controller_received(c->controller, error ? OFPTYPE_ERROR : m.type);
    }
    return true;
}

/* ------------------------------------------------------------------ bytes */

static void heard(struct ofconn *);

/* N bytes went out. Where none had fitted in, the peer has taken some: it is alive, though what it says may
 * be left unread until it has taken its replies. */
static void went_out(struct ofconn *c, size_t n)
{
    c->sent += n;
    if (n && c->stalled) {
        c->stalled = false;
        heard(c);
    }
}

/* What was sent leaves the buffer. */
static void forget_sent(struct ofconn *c)
{
    c->out_bytes += c->sent;
    c->snooped -= MIN(c->snooped, c->sent);
    if (c->sent == c->out.len && c->out.allocated > OUT_MAX) {
        bytebuf_fini(&c->out); /* a long reply is no reason to keep so much */
    } else if (c->sent == c->out.len) {
        bytebuf_clear(&c->out);
    } else {
        bytebuf_pull(&c->out, c->sent);
    }
    c->sent = 0;
}

/* The same, where more is put behind what was sent: when it is worth it. */
static void forget_much(struct ofconn *c)
{
    if (c->sent > SENT_KEPT && c->sent > c->out.len / 2) {
        if (c->n_snoopers) {
            snoop_sent(c);
        }
        forget_sent(c);
    }
}

/* How much of `out` may be sent: up to the first reply that is held. */
static size_t sendable(const struct ofconn *c)
{
    if (list_is_empty(&c->holds)) {
        return c->out.len;
    }
    return (size_t)(CONTAINER_OF(list_front(&c->holds), struct ofconn_hold, node)->at - c->out_bytes);
}

void ofconn_reply_when_settled(struct ofconn *c)
{
    const struct ofservice *s = c->service;
    uint64_t under_way = s->handlers->settle ? s->handlers->settle(s->switch_) : 0;
    if (under_way) {
        struct ofconn_hold *hold = xmalloc(sizeof *hold);
        *hold = (struct ofconn_hold){.at = c->out_bytes + c->out.len, .under_way = under_way};
        list_push_back(&c->holds, &hold->node);
    }
}

/* Lets go what is settled, or ALL. True: something may be sent that was held. */
static bool release_holds(struct ofconn *c, bool all)
{
    const struct ofservice *s = c->service;
    bool released = false;
    while (!list_is_empty(&c->holds)) {
        struct ofconn_hold *hold = CONTAINER_OF(list_front(&c->holds), struct ofconn_hold, node);
        if (!all && !s->handlers->is_settled(s->switch_, hold->under_way)) {
            break;
        }
        list_remove(&hold->node);
        free(hold);
        released = true;
    }
    return released;
}

void ofservice_settled(struct ofservice *s)
{
    struct ofconn *c;
    LIST_FOR_EACH (c, node, &s->conns) {
        if (release_holds(c, false)) {
            ofconn_send_soon(c);
        }
    }
}

/* What the stream takes now of `out` up to END, while more is being put behind it: so that the other side has
 * something to do meanwhile. Nothing moves in `out`; what goes wrong is flush()'s to find. */
static void send_some(struct ofconn *c, size_t end)
{
    size_t n = 0;
    end = MIN(end, sendable(c));
    while (c->sent < end && !stream_send(c->stream, c->out.data + c->sent, end - c->sent, &n)) {
        went_out(c, n);
    }
}

/* False: the stream is broken. */
static bool flush(struct ofconn *c)
{
    size_t end = sendable(c);
    if (c->n_snoopers) {
        snoop_sent(c);
    }
    while (c->sent < end) {
        size_t n = 0;
        int error = stream_send(c->stream, c->out.data + c->sent, end - c->sent, &n);
        if (error == EAGAIN) {
            c->stalled = true;
            return true;
        }
        if (error) {
            c->end_error = error;
            return false;
        }
        went_out(c, n);
        forget_much(c);
        end = sendable(c);
    }
    forget_sent(c);
    return true;
}

/* Real time, which goes on when the clock is stopped. */
static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* All whole frames of `in`, as long as replies are taken, and no longer than for one turn. False: the session
 * is over. */
static bool take_frames(struct ofconn *c)
{
    size_t done = 0;
    bool ok = true;
    int64_t until_us = now_us() + TURN_US;
    c->had_turn = false;
    while (ok && !c->is_ending && !c->had_turn && c->in.len - done >= OFP_HEADER_LEN &&
           ofconn_backlog(c) < OUT_MAX) {
        size_t n = ofp_msg_len(c->in.data + done);
        if (!n) {
            LOG_ERR_RL(&rl, "%s: received too-short OpenFlow message: ending the session", c->name);
            c->end_error = EPROTO;
            ok = false;
        } else if (c->in.len - done < n) {
            break;
        } else {
            ok = take_frame(c, c->in.data + done, n);
            done += n;
            c->replied = c->out_bytes + c->out.len;
            forget_much(c);
            c->had_turn = now_us() >= until_us;
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
    if (ofconn_backlog(c) < OUT_MAX && c->in.len < OFP_MAX_LEN) {
        size_t got = 0;
        bytebuf_reserve(&c->in, RECV_CHUNK);
        int error = stream_recv(c->stream, c->in.data + c->in.len, RECV_CHUNK, &got);
        if (error && error != EAGAIN) {
            if (error != ERROR_EOF && !c->controller) {
                LOG_INFO_RL(&rl, "%s: the session ends: %s", c->name, error_text(error));
            }
            c->end_error = error;
            return false;
        }
        c->in.len += got;
        if (got) {
            heard(c);
        }
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
    if (c->had_turn && c->in.len >= OFP_HEADER_LEN && backlog < OUT_MAX) {
        ofconn_send_soon(c); /* goes on with its messages */
    }
    stream_want(c->stream, (sendable(c) > c->sent ? STREAM_SEND : 0) | (backlog < OUT_MAX ? STREAM_RECV : 0));
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
    if (!ok || c->is_ending) {
        ofconn_destroy(c);
        return;
    }
    want(c);
}

/* Sends what was appended outside of a handler. */
static void run_soon(struct task *task)
{
    struct ofconn *c = OBJECT_OF(task, c, soon);
    bool ok = !c->is_ending && flush(c);
    if (ok && ofconn_unasked(c) > OFCONN_BACKLOG_MAX) {
        LOG_WARN_RL(&rl,
                    "%s: the peer does not read what it is sent: ending the session with %zu bytes unsent",
                    c->name, ofconn_backlog(c));
        c->end_error = ENOBUFS;
        ok = false;
    }
    if (!ok) {
        ofconn_destroy(c);
        return;
    }
    if (c->in.len >= OFP_HEADER_LEN && ofconn_backlog(c) < OUT_MAX) {
        ready(c); /* messages waited until replies were taken */
        return;
    }
    want(c);
}

void ofconn_send_soon(struct ofconn *c)
{
    if (!c->in_handler && !task_is_scheduled(&c->soon)) {
        task_schedule(loop_tasks(c->service->loop), &c->soon, clock_ms());
    }
}

void ofconn_end_soon(struct ofconn *c)
{
    c->is_ending = true;
    ofconn_send_soon(c);
}

/* ------------------------------------------------------------------ is the peer alive? */

static void schedule_probe(struct ofconn *c)
{
    int wait_ms = !c->version && (!c->probe_ms || c->probe_ms > HELLO_MS) ? HELLO_MS : c->probe_ms;
    if (wait_ms) {
        task_schedule(loop_tasks(c->service->loop), &c->probe, c->last_received_ms + wait_ms);
    } else {
        task_cancel(&c->probe);
    }
}

/* Something came from the other side. The task is left where it is: it looks at the time when it runs. */
static void heard(struct ofconn *c)
{
    c->last_received_ms = clock_ms();
    if (c->probed) {
        c->probed = false;
        schedule_probe(c);
        ofservice_status_changed(c->service);
    }
}

static void run_probe(struct task *task)
{
    struct ofconn *c = OBJECT_OF(task, c, probe);
    int64_t now = clock_ms();
    if (!c->version) {
        LOG_WARN_RL(&rl, "%s: the peer has not said hello: ending the session", c->name);
        c->end_error = ETIMEDOUT;
        ofconn_destroy(c);
        return;
    }
    if (c->probed) {
        LOG_ERR_RL(&rl, "%s: no response to inactivity probe after %.3g seconds, disconnecting", c->name,
                   (double)(now - c->last_received_ms - c->probe_ms) / 1000.0);
        c->end_error = ETIMEDOUT;
        ofconn_destroy(c);
        return;
    }
    if (now < c->last_received_ms + c->probe_ms) {
        schedule_probe(c);
        return;
    }
    LOG_DBG("%s: idle %.3g seconds, sending inactivity probe", c->name,
            (double)(now - c->last_received_ms) / 1000.0);
    c->probed = true;
    ofp_msg_put_empty(&c->out, OFPTYPE_ECHO_REQUEST, c->version, 0);
    ofconn_send_soon(c);
    task_schedule(loop_tasks(c->service->loop), &c->probe, now + c->probe_ms);
    ofservice_status_changed(c->service);
}

void ofconn_set_probe(struct ofconn *c, int interval_ms)
{
    if (interval_ms != c->probe_ms) {
        c->probe_ms = interval_ms;
        c->probed = false;
        schedule_probe(c);
    }
}

/* ------------------------------------------------------------------ life */

void ofconn_create(struct ofservice *s, struct ofcontroller *controller, struct stream *stream, bool snooper)
{
    static uint64_t last_id;
    struct ofconn *c = xzalloc(sizeof *c);
    c->service = s;
    c->controller = controller;
    c->name = controller && !controller->passive ? xstrdup(controller->name)
                                                 : xasprintf("%s<->%s", s->name, stream_name(stream));
    c->stream = stream;
    c->id = ++last_id;
    c->is_snooper = snooper;
    c->role = ROLE_EQUAL;
    c->primary = controller && !controller->s.service && !snooper;
    c->config.miss_send_len = c->primary ? 128 : 0;
    c->last_received_ms = clock_ms();
    ofconn_bundles_init(c);
    ofconn_requests_init(c);
    list_init(&c->holds);
    list_push_back(snooper ? &s->snoopers : &s->conns, &c->node);
    task_init(&c->soon, "OpenFlow messages", run_soon);
    task_init(&c->probe, "OpenFlow probe", run_probe);
    ofconn_packet_in_init(c);
    if (controller && !snooper) {
        if (!controller->passive) {
            controller->conn = c;
        }
        ofconn_set_probe(c, controller->s.probe_ms);
        ofconn_packet_in_limits(c, &controller->s);
    }
    schedule_probe(c);
    stream_watch(stream, s->loop, ready, c);
    ofp_hello_encode(&c->out, s->versions, 1);
    ready(c);
}

void ofconn_destroy(struct ofconn *c)
{
    struct ofservice *s = c->service;
    list_remove(&c->node);
    task_cancel(&c->soon);
    task_cancel(&c->probe);
    if (s->handlers->closed && !c->is_snooper) {
        s->handlers->closed(c, s->switch_);
    }
    if (c->controller && !c->is_snooper) {
        controller_disconnected(c->controller, c);
    }
    if (c->is_snooper) {
        snoop_end(c);
    }
    ofservice_check_miss_wanted(s);
    ofconn_packet_in_fini(c);
    ofconn_bundles_clear(c);
    ofconn_requests_clear(c);
    release_holds(c, true);
    stream_close(c->stream);
    bytebuf_fini(&c->in);
    bytebuf_fini(&c->out);
    free(c->name);
    free(c);
}
