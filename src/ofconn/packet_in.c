/* SPDX-License-Identifier: Apache-2.0 */
/* Packets for controllers. Each session gets its own encoding, within two limits: the rate that the
 * Controller row sets (limiter.c), and how many may wait to be sent. What is past them is dropped and
 * counted; so a controller that does not read costs a bounded amount of memory. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(connmgr);
static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

COVERAGE_DEFINE(ofconn_packet_in);
COVERAGE_DEFINE(ofconn_packet_in_overflow);

#define DEFAULT_QUEUE_SIZE 100

/* A packet-in that was encoded and waits for the limit. */
struct waiting_pin {
    size_t len;
    uint8_t data[];
};

/* ------------------------------------------------------------------ what waits in `out` */

static void forget_sent_pins(struct ofconn *c)
{
    struct pin_ends *p = &c->pins;
    uint64_t gone = c->out_bytes + c->sent;
    while (p->n && p->ends[p->first] <= gone) {
        p->first = (p->first + 1) % p->size;
        p->n--;
    }
}

static void set_queue_size(struct pin_ends *p, unsigned size)
{
    if (size == p->size) {
        return;
    }
    uint64_t *ends = xcalloc(size, sizeof *ends);
    unsigned n = MIN(p->n, size);
    for (unsigned i = 0; i < n; i++) {
        ends[i] = p->ends[(p->first + p->n - n + i) % p->size];
    }
    free(p->ends);
    *p = (struct pin_ends){.ends = ends, .n = n, .size = size};
}

/* The whole message at DATA goes out, if there is room. */
static void send_now(struct ofconn *c, const void *data, size_t len)
{
    struct pin_ends *p = &c->pins;
    forget_sent_pins(c);
    if (p->n >= p->size) {
        c->n_overflows++;
        COVERAGE_INC(ofconn_packet_in_overflow);
        return;
    }
    bytebuf_put(&c->out, data, len);
    p->ends[(p->first + p->n++) % p->size] = c->out_bytes + c->out.len;
    COVERAGE_INC(ofconn_packet_in);
    ofconn_send_soon(c);
}

/* ------------------------------------------------------------------ the rate limit */

static void schedule_limit(struct ofconn *c)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < N_LIMITERS; i++) {
        due = c->limiters[i] ? MIN(due, limiter_due_ms(c->limiters[i])) : due;
    }
    task_schedule(loop_tasks(c->service->loop), &c->limit_due, due);
}

static void run_limit(struct task *task)
{
    struct ofconn *c = OBJECT_OF(task, c, limit_due);
    for (int i = 0; i < N_LIMITERS; i++) {
        struct waiting_pin *w;
        while (c->limiters[i] && (w = limiter_next(c->limiters[i], clock_ms()))) {
            send_now(c, w->data, w->len);
            free(w);
        }
    }
    schedule_limit(c);
}

void ofconn_packet_in_init(struct ofconn *c)
{
    task_init(&c->limit_due, "packet-in rate", run_limit);
    set_queue_size(&c->pins, DEFAULT_QUEUE_SIZE);
}

void ofconn_packet_in_fini(struct ofconn *c)
{
    task_cancel(&c->limit_due);
    for (int i = 0; i < N_LIMITERS; i++) {
        limiter_destroy(c->limiters[i]);
    }
    free(c->pins.ends);
}

void ofconn_packet_in_limits(struct ofconn *c, const struct ofcontroller_settings *s)
{
    set_queue_size(&c->pins, s->queue_size > 0 ? (unsigned)s->queue_size : DEFAULT_QUEUE_SIZE);
    for (int i = 0; i < N_LIMITERS; i++) {
        if (s->rate_limit <= 0) {
            limiter_destroy(c->limiters[i]);
            c->limiters[i] = NULL;
        } else if (c->limiters[i]) {
            limiter_set(c->limiters[i], s->rate_limit, s->burst_limit);
        } else {
            c->limiters[i] = limiter_create(s->rate_limit, s->burst_limit, clock_ms());
        }
    }
    schedule_limit(c);
}

static void add_counts(const struct limiter *l, struct ofcontroller_counts *counts)
{
    struct limiter_counts n;
    limiter_counts(l, &n);
    counts->bypassed += n.bypassed;
    counts->queued += n.queued;
    counts->dropped += n.dropped;
    counts->backlog += n.backlog;
}

void ofconn_packet_in_counts(const struct ofconn *c, struct ofcontroller_status *status)
{
    if (c->limiters[0]) {
        status->limited = true;
        add_counts(c->limiters[0], &status->miss);
        add_counts(c->limiters[1], &status->action);
    }
}

/* ------------------------------------------------------------------ sending */

static bool is_miss(uint8_t reason)
{
    return reason == OFPR_NO_MATCH || reason == OFPR_EXPLICIT_MISS || reason == OFPR_IMPLICIT_MISS;
}

static void send_packet_in(struct ofconn *c, const struct ofpacket_in *pin)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    packet_in_encode(&b, &pin->pin, c->version, c->packet_in_format);
    if (!b.len) {
        LOG_WARN_RL(&rl, "%s: a packet of %u bytes does not fit into a packet-in", c->name,
                    (unsigned)pin->pin.packet_len);
        bytebuf_fini(&b);
        return;
    }
    struct limiter *limiter = c->limiters[!is_miss(pin->pin.reason)];
    if (limiter) {
        struct waiting_pin *w = xmalloc(sizeof *w + b.len);
        w->len = b.len;
        memcpy(w->data, b.data, b.len);
        if (limiter_admit(limiter, w, pin->pin.metadata.flow.in_port, clock_ms())) {
            free(w);
        } else {
            bytebuf_clear(&b);
            schedule_limit(c);
        }
    }
    if (b.len) {
        send_now(c, b.data, b.len);
    }
    bytebuf_fini(&b);
}

void ofservice_send_packet_in(struct ofservice *s, const struct ofpacket_in *pin)
{
    struct ofconn *c;
    LIST_FOR_EACH (c, node, &s->conns) {
        if (c->controller_id == pin->controller_id &&
            ofconn_wants(c, ASYNC_PACKET_IN, packet_in_wire_reason(pin->pin.reason, c->version))) {
            send_packet_in(c, pin);
        }
    }
}

/* A broadcast from nowhere, to which a learning controller answers with a packet-out: it shows that it works.
 */
bool ofconn_send_bogus_packet_in(struct ofconn *c)
{
    static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x23, 0x20, 0x05, 0x09, 0x86};
    struct ofpacket_in pin = {.pin = {.packet = frame,
                                      .packet_len = sizeof frame,
                                      .total_len = sizeof frame,
                                      .buffer_id = OFP_NO_BUFFER,
                                      .cookie = UINT64_MAX,
                                      .reason = OFPR_NO_MATCH}};
    match_init_catchall(&pin.pin.metadata);
    pin.pin.metadata.flow.in_port = OFPP_LOCAL;
    pin.pin.metadata.wc.bits.in_port = UINT32_MAX;
    if (!c->version || c->version >= OFP13) {
        return false;
    }
    send_packet_in(c, &pin);
    return true;
}
