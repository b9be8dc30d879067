/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/protocol.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "packet/packet.h"
#include "pipeline/bond.h"
#include "pipeline/oam.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/rule.h"
#include "pipeline/spanning.h"
#include "port/vport.h"
#include "wire/eth.h"

#define MAX_WAITING  1024
#define MAX_PER_PORT 64
#define MAX_FRAME    2048 /* no protocol's frame is longer */
#define N_COUNTS     256

struct waiting {
    struct list node;
    struct ofproto *ofproto;
    uint32_t ofp_port;
    unsigned reason;
    size_t len;
    uint8_t frame[];
};

struct protocol_queue {
    pthread_mutex_t lock;
    struct list waiting;
    size_t n;
    uint16_t counts[N_COUNTS]; /* of ports, by a hash */
};

struct protocol_queue *protocol_queue_create(void)
{
    struct protocol_queue *q = xzalloc(sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    list_init(&q->waiting);
    return q;
}

void protocol_queue_destroy(struct protocol_queue *q)
{
    if (q) {
        while (!list_is_empty(&q->waiting)) {
            free(CONTAINER_OF(list_pop_front(&q->waiting), struct waiting, node));
        }
        pthread_mutex_destroy(&q->lock);
        free(q);
    }
}

static uint16_t *count_of(struct protocol_queue *q, const struct ofproto *ofproto, uint32_t ofp_port)
{
    return &q->counts[hash_pointer(ofproto, ofp_port) % N_COUNTS];
}

bool protocol_receive(struct ofproto *ofproto, uint32_t ofp_port, unsigned reason,
                      const struct packet *packet)
{
    struct pipeline *p = ofproto->pipeline;
    struct protocol_queue *q = p->protocols;
    size_t len = MIN(packet->len, MAX_FRAME);
    struct waiting *w = xmalloc(sizeof *w + len);
    w->ofproto = ofproto;
    w->ofp_port = ofp_port;
    w->reason = reason;
    w->len = len;
    memcpy(w->frame, packet->data, len);

    pthread_mutex_lock(&q->lock);
    uint16_t *count = count_of(q, ofproto, ofp_port);
    bool taken = q->n < MAX_WAITING && *count < MAX_PER_PORT;
    if (taken) {
        list_push_back(&q->waiting, &w->node);
        q->n++;
        ++*count;
    }
    pthread_mutex_unlock(&q->lock);
    if (!taken) {
        free(w);
    } else if (pthread_equal(pthread_self(), p->control_thread)) {
        /* Not at once: a machine may be at work, and this be what it sends. */
        task_schedule_by(p->queue, &p->turn, clock_ms());
    } else {
        pipeline_wake(p);
    }
    return taken;
}

/* What follows the Ethernet header and tags; NULL: nothing does. */
static const uint8_t *payload(const struct waiting *w, size_t *len)
{
    size_t at = 14;
    while (at + 4 <= w->len && ((w->frame[at - 2] == 0x81 && w->frame[at - 1] == 0x00) ||
                                (w->frame[at - 2] == 0x88 && w->frame[at - 1] == 0xa8))) {
        at += 4;
    }
    *len = at < w->len ? w->len - at : 0;
    return *len ? w->frame + at : NULL;
}

static void deliver(const struct waiting *w)
{
    struct ofport *port = ofproto_find_port(w->ofproto, w->ofp_port);
    size_t len;
    const uint8_t *pdu = payload(w, &len);
    if (port && pdu && (w->reason & DP_SLOW_LACP) && port->bundle && port->bundle->bond) {
        ofbond_receive(port->bundle->bond, port, pdu, len);
    } else if (port && pdu && (w->reason & DP_SLOW_STP)) {
        /* The length field says how much of it is not padding. */
        size_t said = (size_t)(pdu[-2] << 8 | pdu[-1]);
        spanning_receive(w->ofproto->spanning, port, pdu, MIN(said, len));
    } else if (port && pdu && port->oam) {
        oam_receive(port->oam, w->reason, pdu, len);
    }
}

void protocol_run(struct pipeline *p)
{
    struct protocol_queue *q = p->protocols;
    struct list todo;
    list_init(&todo);
    pthread_mutex_lock(&q->lock);
    list_splice_back(&todo, &q->waiting);
    q->n = 0;
    memset(q->counts, 0, sizeof q->counts);
    pthread_mutex_unlock(&q->lock);
    while (!list_is_empty(&todo)) {
        struct waiting *w = CONTAINER_OF(list_pop_front(&todo), struct waiting, node);
        deliver(w);
        free(w);
    }
}

void protocol_forget(struct ofproto *ofproto)
{
    struct protocol_queue *q = ofproto->pipeline->protocols;
    struct waiting *w, *next;
    pthread_mutex_lock(&q->lock);
    LIST_FOR_EACH_SAFE (w, next, node, &q->waiting) {
        if (w->ofproto == ofproto) {
            --*count_of(q, ofproto, w->ofp_port);
            q->n--;
            list_remove(&w->node);
            free(w);
        }
    }
    pthread_mutex_unlock(&q->lock);
}

/* ------------------------------------------------------------------ sending */

void protocol_send(struct ofport *port, const void *frame, size_t len)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct ofpact_output *out = OFPACT_PUT(OUTPUT, &b);
    out->port = port->ofp_port;
    ofpact_finish(&b, 0);
    ofproto_packet_out(port->ofproto, frame, len, OFPP_NONE, NULL,
                       (const struct ofpact *)(const void *)b.data, b.len);
    bytebuf_fini(&b);
}

struct eth_addr ofport_mac(const struct ofport *port)
{
    const struct vport *vport = ofport_vport(port);
    return vport ? vport->status.mac : port->mac;
}

void protocol_send_payload(struct ofport *port, struct eth_addr dst, uint16_t eth_type, const void *data,
                           size_t len)
{
    uint8_t frame[MAX_FRAME];
    struct eth_addr src = ofport_mac(port);
    if (len > sizeof frame - 14) {
        return;
    }
    memcpy(frame, &dst, 6);
    memcpy(frame + 6, &src, 6);
    frame[12] = (uint8_t)(eth_type >> 8);
    frame[13] = (uint8_t)eth_type;
    memcpy(frame + 14, data, len);
    protocol_send(port, frame, 14 + len);
}
