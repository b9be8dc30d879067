/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that come in several multipart messages (OFPMPF_REQ_MORE): their parts are kept until the last one
 * is there. All parts have the xid of the first. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ofconn/private.h"

#define PARTS_MAX (4u << 20) /* bytes of all requests of a session that are not complete */
#define PART_COST 256        /* of a request besides its bytes */
#define WAIT_MS   1000       /* for the next part */

struct ofconn_request {
    struct list node; /* in the session's `requests`, the longest waiting first */
    enum ofptype type;
    uint32_t xid;
    int64_t until_ms;
    struct bytebuf first; /* the first message: errors are about it */
    struct bytebuf body;  /* of all parts */
};

/* Whose body is a list, of which a part may have any number of entries. */
static bool is_list(enum ofptype type)
{
    return type == OFPTYPE_TABLE_FEATURES_REQUEST || type == OFPTYPE_FLOW_MONITOR_REQUEST;
}

static void forget(struct ofconn *c, struct ofconn_request *r)
{
    c->requests_size -= PART_COST + r->first.len + r->body.len;
    list_remove(&r->node);
    bytebuf_fini(&r->first);
    bytebuf_fini(&r->body);
    free(r);
}

static void schedule(struct ofconn *c)
{
    if (list_is_empty(&c->requests)) {
        task_cancel(&c->request_due);
    } else if (!task_is_scheduled(&c->request_due)) {
        struct ofconn_request *r = CONTAINER_OF(list_front(&c->requests), struct ofconn_request, node);
        task_schedule(loop_tasks(c->service->loop), &c->request_due, r->until_ms);
    }
}

static void run_due(struct task *task)
{
    struct ofconn *c = OBJECT_OF(task, c, request_due);
    int64_t now = clock_ms();
    struct ofconn_request *r, *next;
    LIST_FOR_EACH_SAFE (r, next, node, &c->requests) {
        if (r->until_ms > now) {
            break;
        }
        ofp_error_encode(&c->out, OFPERR_OFPBRC_MULTIPART_REQUEST_TIMEOUT, c->version, r->first.data,
                         r->first.len);
        forget(c, r);
        ofconn_send_soon(c);
    }
    schedule(c);
}

void ofconn_requests_init(struct ofconn *c)
{
    list_init(&c->requests);
    task_init(&c->request_due, "OpenFlow multipart requests", run_due);
}

void ofconn_requests_clear(struct ofconn *c)
{
    struct ofconn_request *r, *next;
    LIST_FOR_EACH_SAFE (r, next, node, &c->requests) {
        forget(c, r);
    }
    task_cancel(&c->request_due);
}

static struct ofconn_request *find(struct ofconn *c, uint32_t xid)
{
    struct ofconn_request *r;
    LIST_FOR_EACH (r, node, &c->requests) {
        if (r->xid == xid) {
            return r;
        }
    }
    return NULL;
}

/* The first of several. */
static enum ofperr begin(struct ofconn *c, const struct ofp_msg *m)
{
    if (c->requests_size + PART_COST + m->len + m->body.n > PARTS_MAX) {
        return OFPERR_OFPBRC_MULTIPART_BUFFER_OVERFLOW;
    }
    struct ofconn_request *r = xzalloc(sizeof *r);
    r->type = m->type;
    r->xid = m->xid;
    r->until_ms = clock_ms() + WAIT_MS;
    bytebuf_put(&r->first, m->raw, m->len);
    bytebuf_put(&r->body, m->body.p, m->body.n);
    c->requests_size += PART_COST + m->len + m->body.n;
    list_push_back(&c->requests, &r->node);
    schedule(c);
    return OFPERR_NONE;
}

enum ofperr ofconn_assemble(struct ofconn *c, struct ofp_msg *m, struct bytebuf *whole, bool *complete)
{
    *complete = true;
    if (c->version < OFP13 || !ofp_kind_is_request(m->kind) ||
        (list_is_empty(&c->requests) && !(m->flags & OFPMPF_MORE))) {
        return OFPERR_NONE;
    }
    struct ofconn_request *r = find(c, m->xid);
    if (!r) {
        *complete = !(m->flags & OFPMPF_MORE);
        return *complete ? OFPERR_NONE : begin(c, m);
    }
    enum ofperr error = OFPERR_NONE;
    if (m->type != r->type || (m->body.n && r->body.len && !is_list(m->type))) {
        error = OFPERR_OFPBRC_BAD_STAT;
    } else if (c->requests_size + m->body.n > PARTS_MAX) {
        error = OFPERR_OFPBRC_MULTIPART_BUFFER_OVERFLOW;
    }
    if (error) {
        forget(c, r);
        schedule(c);
        return error;
    }
    bytebuf_put(&r->body, m->body.p, m->body.n);
    c->requests_size += m->body.n;
    if (m->flags & OFPMPF_MORE) {
        r->until_ms = clock_ms() + WAIT_MS;
        list_remove(&r->node);
        list_push_back(&c->requests, &r->node);
        *complete = false;
        return OFPERR_NONE;
    }
    bytebuf_put(whole, r->body.data, r->body.len);
    m->body = reader_of(whole->data, whole->len);
    forget(c, r);
    schedule(c);
    return OFPERR_NONE;
}
