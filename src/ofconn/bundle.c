/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: messages that are kept until they are committed together, or discarded. They are the session's.
 *
 * One that nobody adds to, closes or commits for a while (ofservice_set_bundle_idle()) is forgotten, with an
 * error about the message that opened it.
 *
 * From OpenFlow 1.5 a commit may bear a time. The bundle is closed then, and waits; the reply, or the error,
 * goes out when it was committed. Until then a discard takes it back; the commit is then not answered. */
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ofconn/private.h"

#define MAX_BUNDLES      64
#define MAX_BUNDLE_BYTES (256u << 20) /* of all bundles of a session */
/* Messages of a session beyond which nothing is done in advance: a rule that is made takes ten times the
 * memory of a short message. */
#define MAX_PREPARED 262144

/* How far off the time of a commit may be until the controller says something else, and at most; how late it
 * may be done on an idle machine. */
#define MAX_FUTURE_MS       INT64_C(3600000)
#define MAX_FUTURE_LIMIT_MS INT64_C(86400000)
#define MAX_PAST_MS         INT64_C(1000)
#define MAX_PAST_LIMIT_MS   INT64_C(60000)
#define ACCURACY_MS         INT64_C(10)
/* The wall clock may be set while a bundle waits: it is looked at this often. */
#define LOOK_MS INT64_C(1000)

#define IDLE_MS 10000

struct bundle {
    struct list node; /* in the session's */
    uint32_t id;
    uint16_t flags;
    bool closed;
    int64_t used_ms;         /* opened, added to or closed */
    struct bytebuf opener;   /* the message that opened it */
    struct bytebuf messages; /* one after the other */
    void **prepared;         /* for each message, or NULL */
    size_t n, allocated;     /* messages */
    struct ofconn *conn;
    /* Scheduled: when (tai_ms()), for which request. */
    int64_t at_ms;
    struct bundle_control control;
    struct bytebuf request; /* empty: not scheduled */
    struct task due;
};

static void run_due(struct task *);

/* The time that controllers speak of: milliseconds since 1970 as international atomic time counts them, which
 * is the host's wall time as long as nobody has told the kernel how many leap seconds there were. */
static int64_t tai_ms(void)
{
    struct timespec tai, utc;
    clock_gettime(CLOCK_REALTIME, &utc);
    clock_gettime(CLOCK_TAI, &tai);
    int64_t apart = (tai.tv_sec - utc.tv_sec) * INT64_C(1000) + (tai.tv_nsec - utc.tv_nsec) / 1000000;
    return clock_wall_ms() + (apart + 500) / 1000 * 1000;
}

void ofconn_bundles_init(struct ofconn *c)
{
    list_init(&c->bundles);
    c->max_future_ms = MAX_FUTURE_MS;
    c->max_past_ms = MAX_PAST_MS;
}

static struct bundle *find_bundle(struct ofconn *c, uint32_t id)
{
    struct bundle *b;
    LIST_FOR_EACH (b, node, &c->bundles) {
        if (b->id == id) {
            return b;
        }
    }
    return NULL;
}

static void bundle_destroy(struct bundle *b)
{
    list_remove(&b->node);
    task_cancel(&b->due);
    for (size_t i = 0; i < b->n; i++) {
        if (b->prepared[i]) {
            b->conn->service->handlers->forget_bundled(b->prepared[i]);
        }
    }
    free(b->prepared);
    bytebuf_fini(&b->opener);
    bytebuf_fini(&b->messages);
    bytebuf_fini(&b->request);
    free(b);
}

void ofconn_bundles_clear(struct ofconn *c)
{
    struct bundle *b, *next;
    LIST_FOR_EACH_SAFE (b, next, node, &c->bundles) {
        bundle_destroy(b);
    }
}

/* Something was asked of it that it is not ready for: it is discarded, as the specification has it, unless it
 * is to be committed at a time. Returns ERROR. */
static enum ofperr misused(struct bundle *b, enum ofperr error)
{
    if (!b->request.len) {
        bundle_destroy(b);
    }
    return error;
}

/* When to forget it, unless something happens to it before. */
static void schedule_idle(struct bundle *b)
{
    task_schedule(loop_tasks(b->conn->service->loop), &b->due, b->used_ms + b->conn->service->bundle_idle_ms);
}

static void used(struct bundle *b)
{
    b->used_ms = clock_ms();
    if (!task_is_scheduled(&b->due)) {
        schedule_idle(b);
    }
}

void ofservice_set_bundle_idle(struct ofservice *s, int64_t idle_ms)
{
    struct ofconn *c;
    struct bundle *b;
    idle_ms = idle_ms > 0 ? idle_ms : IDLE_MS;
    if (idle_ms == s->bundle_idle_ms) {
        return;
    }
    s->bundle_idle_ms = idle_ms;
    LIST_FOR_EACH (c, node, &s->conns) {
        LIST_FOR_EACH (b, node, &c->bundles) {
            if (!b->request.len) {
                schedule_idle(b);
            }
        }
    }
}

/* A new one, or why not. */
static enum ofperr open_bundle(struct ofconn *c, uint32_t id, uint16_t flags, const struct ofp_msg *opener,
                               struct bundle **bundle)
{
    struct bundle *b = find_bundle(c, id);
    if (b) {
        return misused(b, OFPERR_OFPBFC_BAD_ID);
    }
    if (list_size(&c->bundles) >= MAX_BUNDLES) {
        return OFPERR_OFPBFC_OUT_OF_BUNDLES;
    }
    b = xzalloc(sizeof *b);
    b->id = id;
    b->flags = flags & ~BUNDLE_TIME; /* the commit decides */
    b->conn = c;
    task_init(&b->due, "bundle", run_due);
    bytebuf_put(&b->opener, opener->raw, opener->len);
    list_push_back(&c->bundles, &b->node);
    used(b);
    *bundle = b;
    return OFPERR_NONE;
}

/* All of it takes effect, or nothing. The error of the message at fault goes out with its own number; the
 * commit then fails as a whole. */
static enum ofperr commit(struct ofconn *c, const struct bundle *b)
{
    const struct ofservice *s = c->service;
    if (!b->messages.len) {
        return OFPERR_NONE;
    }
    if (c->role == ROLE_SECONDARY) {
        return OFPERR_OFPBRC_IS_SECONDARY;
    }
    size_t failed = 0;
    enum ofperr error = s->handlers->commit
                            ? s->handlers->commit(c, &b->messages, b->prepared, s->switch_, &failed)
                            : OFPERR_OFPBFC_EPERM;
    if (error) {
        const uint8_t *message = b->messages.data + failed;
        ofp_error_encode(&c->out, error, c->version, message, ofp_msg_len(message));
        return OFPERR_OFPBFC_MSG_FAILED;
    }
    return OFPERR_NONE;
}

static void reply(struct ofconn *c, struct bundle_control *bc, enum ofp_version v, uint32_t xid)
{
    if (bc->type == BUNDLE_COMMIT_REQUEST) {
        ofconn_reply_when_settled(c);
    }
    bc->type++;
    bc->flags = 0;
    bundle_control_encode(&c->out, bc, v, xid);
}

static void wait_for_time(struct bundle *b)
{
    int64_t left = b->at_ms - tai_ms();
    task_schedule_in(loop_tasks(b->conn->service->loop), &b->due, MIN(MAX(left, 0), LOOK_MS));
}

/* Nothing has happened to it for too long, or it is time to look. */
static void run_idle(struct bundle *b)
{
    struct ofconn *c = b->conn;
    if (clock_ms() < b->used_ms + c->service->bundle_idle_ms) {
        schedule_idle(b);
        return;
    }
    ofp_error_encode(&c->out, OFPERR_OFPBFC_TIMEOUT, c->version, b->opener.data, b->opener.len);
    bundle_destroy(b);
    ofconn_send_soon(c);
}

/* A scheduled bundle's time has come, or it is time to look. */
static void run_due(struct task *task)
{
    struct bundle *b = OBJECT_OF(task, b, due);
    struct ofconn *c = b->conn;
    if (!b->request.len) {
        run_idle(b);
        return;
    }
    if (tai_ms() < b->at_ms) {
        wait_for_time(b);
        return;
    }
    struct ofp_msg request;
    enum ofperr error = ofp_msg_decode(b->request.data, b->request.len, &request);
    if (!error) {
        error = commit(c, b);
    }
    if (error) {
        ofp_error_encode(&c->out, error, c->version, b->request.data, b->request.len);
    } else {
        reply(c, &b->control, request.version, request.xid);
    }
    bundle_destroy(b);
    ofconn_send_soon(c);
}

/* The bundle is to be committed at the time that BC has. *WAITS: that time has not come. */
static enum ofperr schedule(struct ofconn *c, struct bundle *b, const struct ofp_msg *m,
                            const struct bundle_control *bc, bool *waits)
{
    int64_t left = ofp_time_to_ms(&bc->time) - tai_ms();
    if (left > c->max_future_ms) {
        return OFPERR_OFPBFC_SCHED_FUTURE;
    }
    if (left < -c->max_past_ms) {
        return OFPERR_OFPBFC_SCHED_PAST;
    }
    *waits = left > 0;
    if (*waits) {
        b->closed = true;
        b->at_ms = ofp_time_to_ms(&bc->time);
        b->control = *bc;
        bytebuf_put(&b->request, m->raw, m->len);
        wait_for_time(b);
    }
    return OFPERR_NONE;
}

enum ofperr ofconn_bundle_features(struct ofconn *c, const struct ofp_msg *m)
{
    if (m->version < OFP15) {
        return OFPERR_OFPBRC_BAD_STAT;
    }
    struct bundle_features bf;
    enum ofperr error = bundle_features_decode(m, &bf);
    if (error) {
        return error;
    }
    /* The controller's own time (BUNDLE_FEATURES_TIMESTAMP) is no reason to set this host's clock. */
    if (bf.flags & BUNDLE_FEATURES_SET_SCHED) {
        c->max_future_ms = MIN(ofp_time_to_ms(&bf.times.max_future), MAX_FUTURE_LIMIT_MS);
        c->max_past_ms = MIN(ofp_time_to_ms(&bf.times.max_past), MAX_PAST_LIMIT_MS);
    }
    bf = (struct bundle_features){
        .flags = BUNDLE_ATOMIC | BUNDLE_ORDERED | BUNDLE_TIME,
        .has_times = true,
        .times = {.accuracy = ofp_time_from_ms(ACCURACY_MS),
                  .max_future = ofp_time_from_ms(c->max_future_ms),
                  .max_past = ofp_time_from_ms(c->max_past_ms),
                  .timestamp = ofp_time_from_ms(tai_ms())},
    };
    struct ofconn_multipart mp;
    ofconn_multipart_begin(&mp, c, OFPTYPE_BUNDLE_FEATURES_REPLY, m);
    bundle_features_put_reply(&c->out, &bf);
    ofconn_multipart_next(&mp);
    ofconn_multipart_end(&mp);
    return OFPERR_NONE;
}

/* Commits, or schedules that, unless *WAITS: then B is to be kept. */
static enum ofperr commit_request(struct ofconn *c, struct bundle *b, const struct ofp_msg *m,
                                  const struct bundle_control *bc, bool *waits)
{
    if (b->request.len) {
        *waits = true; /* as it was told before */
        return OFPERR_OFPBFC_BUNDLE_IN_PROGRESS;
    }
    if (b->flags != (bc->flags & ~BUNDLE_TIME)) {
        return OFPERR_OFPBFC_BAD_FLAGS;
    }
    if (bc->flags & BUNDLE_TIME) {
        enum ofperr error = schedule(c, b, m, bc, waits);
        if (error || *waits) {
            return error;
        }
    }
    return commit(c, b);
}

static enum ofperr close_bundle(struct bundle *b, uint16_t flags)
{
    if (b->closed) {
        return misused(b, OFPERR_OFPBFC_BUNDLE_CLOSED);
    }
    if (b->flags != (flags & ~BUNDLE_TIME)) {
        return misused(b, OFPERR_OFPBFC_BAD_FLAGS);
    }
    b->closed = true;
    used(b);
    return OFPERR_NONE;
}

enum ofperr ofconn_bundle_control(struct ofconn *c, const struct ofp_msg *m)
{
    struct bundle_control bc;
    enum ofperr error = bundle_control_decode(m, &bc);
    if (error) {
        return error;
    }
    struct bundle *b = find_bundle(c, bc.bundle_id);
    bool waits = false;
    switch (bc.type) {
    case BUNDLE_OPEN_REQUEST:
        error = open_bundle(c, bc.bundle_id, bc.flags, m, &b);
        break;
    case BUNDLE_CLOSE_REQUEST:
        error = b ? close_bundle(b, bc.flags) : OFPERR_OFPBFC_BAD_ID;
        break;
    case BUNDLE_COMMIT_REQUEST:
        error = b ? commit_request(c, b, m, &bc, &waits) : OFPERR_OFPBFC_BAD_ID;
        if (waits) {
            return error;
        }
        if (b) {
            bundle_destroy(b);
        }
        break;
    case BUNDLE_DISCARD_REQUEST:
        if (!b) {
            return OFPERR_OFPBFC_BAD_ID;
        }
        bundle_destroy(b);
        break;
    default:
        return OFPERR_OFPBFC_BAD_TYPE;
    }
    if (!error) {
        reply(c, &bc, m->version, m->xid);
    }
    return error;
}

/* What the session's bundles hold: bytes, and messages. */
static size_t bundled(const struct ofconn *c, size_t *n_messages)
{
    size_t bytes = 0;
    const struct bundle *b;
    *n_messages = 0;
    LIST_FOR_EACH (b, node, &c->bundles) {
        bytes += b->messages.len;
        *n_messages += b->n;
    }
    return bytes;
}

enum ofperr ofconn_bundle_add(struct ofconn *c, const struct ofp_msg *m)
{
    uint32_t id;
    uint16_t flags;
    struct ofp_msg inner;
    enum ofperr error = bundle_add_decode(m, &id, &flags, &inner);
    if (error) {
        return error;
    }
    const struct ofservice *s = c->service;
    struct bundle *b = find_bundle(c, id);
    if (b && (b->closed || b->flags != (flags & ~BUNDLE_TIME))) {
        return misused(b, b->closed ? OFPERR_OFPBFC_BUNDLE_CLOSED : OFPERR_OFPBFC_BAD_FLAGS);
    }
    void *prepared = NULL;
    size_t n_messages, bytes = bundled(c, &n_messages);
    void **advance = n_messages < MAX_PREPARED ? &prepared : NULL;
    error = s->handlers->check_bundled ? s->handlers->check_bundled(c, &inner, s->switch_, advance)
                                       : OFPERR_OFPBFC_MSG_UNSUP;
    if (!error && !b) {
        error = open_bundle(c, id, flags, m, &b);
    }
    if (!error && bytes + inner.len > MAX_BUNDLE_BYTES) {
        error = OFPERR_OFPBFC_MSG_TOO_MANY;
    }
    if (error) {
        if (prepared) {
            s->handlers->forget_bundled(prepared);
        }
        return error;
    }
    bytebuf_put(&b->messages, inner.raw, inner.len);
    if (b->n == b->allocated) {
        b->prepared = x2nrealloc(b->prepared, &b->allocated, sizeof *b->prepared);
    }
    b->prepared[b->n++] = prepared;
    used(b);
    return OFPERR_NONE;
}
