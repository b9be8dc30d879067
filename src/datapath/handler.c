/* SPDX-License-Identifier: Apache-2.0 */
/* A slow-path thread's side of the datapath: it empties the upcall rings that are assigned to it, ports in
 * turn, and runs actions over packets on its own thread. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rcu.h"
#include "datapath/dp.h"
#include "datapath/journey.h"
#include "flow/extract.h"

/* A port's turn: so many upcalls, then the next port's. */
#define BUDGET 8

struct dp_handler *dp_handler_create(struct datapath *up, bool takes_upcalls)
{
    struct dp *dp = dp_cast(up);
    struct dp_handler *h = xzalloc_cacheline(sizeof *h);
    struct packet_pool *pool = packet_pool_create_heap();
    if (forwarder_init(&h->fwd, dp, pool, false)) {
        packet_pool_destroy(pool);
        free(h);
        return NULL;
    }
    h->fwd.handler = h;
    h->fwd.counters = dp->n_counters - 1;
    h->fwd.shares_counters = true;
    h->takes_upcalls = takes_upcalls;
    h->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_lock(&dp->handlers_mutex);
    list_push_back(&dp->handlers, &h->node);
    pthread_mutex_unlock(&dp->handlers_mutex);
    dp_handlers_assign(dp);
    return h;
}

void dp_handler_destroy(struct dp_handler *h)
{
    if (!h) {
        return;
    }
    struct dp *dp = h->fwd.dp;
    pthread_mutex_lock(&dp->handlers_mutex);
    list_remove(&h->node);
    pthread_mutex_unlock(&dp->handlers_mutex);
    dp_handlers_assign(dp);
    rcu_synchronize(); /* a forwarding thread may be about to wake it */
    struct packet_pool *pool = h->fwd.pool;
    forwarder_fini(&h->fwd);
    packet_pool_destroy(pool);
    close(h->event_fd);
    free(h->rings);
    free(h);
}

static void give_ring(struct dp_handler *h, struct upcall_ring *ring)
{
    h->rings = xrealloc(h->rings, (h->n_rings + 1) * sizeof *h->rings);
    h->rings[h->n_rings++] = ring;
}

void dp_handlers_assign(struct dp *dp)
{
    struct dp_handler *h;
    pthread_mutex_lock(&dp->handlers_mutex);
    struct dp_handler *takers[DP_MAX_FORWARDERS];
    unsigned n = 0, next = 0;
    LIST_FOR_EACH (h, node, &dp->handlers) {
        h->n_rings = 0;
        if (h->takes_upcalls && n < DP_MAX_FORWARDERS) {
            takers[n++] = h;
        }
    }
    struct dp_port *port;
    HMAP_FOR_EACH (port, name_node, &dp->ports_by_name) {
        for (unsigned i = 0; i < port->n_sources; i++) {
            struct dp_handler *taker = n ? takers[next++ % n] : NULL;
            atomic_store(&port->sources[i].ring->handler, taker);
            if (taker) {
                give_ring(taker, port->sources[i].ring);
            }
        }
    }
    atomic_store(&dp->stray->handler, n ? takers[0] : NULL);
    if (n) {
        give_ring(takers[0], dp->stray);
    }
    pthread_mutex_unlock(&dp->handlers_mutex);
}

struct packet_pool *dp_handler_pool(struct dp_handler *h)
{
    return h->fwd.pool;
}

/* Ports in turn from where the last call stopped, BUDGET each, until there are N or nothing is left. */
static size_t take(struct dp_handler *h, struct dp_upcall *upcalls, size_t n)
{
    size_t got = 0;
    unsigned empty = 0;
    while (got < n && empty < h->n_rings) {
        struct upcall_ring *ring = h->rings[h->next_ring++ % h->n_rings];
        size_t before = got;
        while (got < n && got - before < BUDGET && !upcall_ring_pop(ring, h->fwd.pool, &upcalls[got])) {
            got++;
        }
        empty = got == before ? empty + 1 : 0;
    }
    return got;
}

size_t dp_handler_recv(struct dp_handler *h, struct dp_upcall *upcalls, size_t n)
{
    struct dp *dp = h->fwd.dp;
    pthread_mutex_lock(&dp->handlers_mutex);
    size_t got = take(h, upcalls, n);
    if (!got) {
        /* About to sleep. Say so, and look once more: whoever filled a ring before it saw this does not wake
         * us. */
        uint64_t count;
        while (read(h->event_fd, &count, sizeof count) > 0) {
            continue;
        }
        atomic_store(&h->wanted, true);
        got = take(h, upcalls, n);
    }
    pthread_mutex_unlock(&dp->handlers_mutex);
    if (got) {
        atomic_store_explicit(&h->wanted, false, memory_order_relaxed);
    }
    for (size_t i = 0; i < got; i++) {
        struct dp_upcall *u = &upcalls[i];
        flow_key_extract(u->packet, &u->key);
        u->key_blocks = u->packet->key_blocks;
        flow_key_complete(&u->key, u->key_blocks, FLOW_DP_BLOCKS);
    }
    return got;
}

int dp_handler_fd(struct dp_handler *h)
{
    return h->event_fd;
}

/* forwarding thread, after a push. */
void dp_handler_wake(struct upcall_ring *ring)
{
    struct dp_handler *h = atomic_load_explicit(&ring->handler, memory_order_acquire);
    atomic_thread_fence(memory_order_seq_cst); /* the push before the look at `wanted` */
    if (h && atomic_load(&h->wanted) && atomic_exchange(&h->wanted, false)) {
        uint64_t one = 1;
        if (write(h->event_fd, &one, sizeof one) < 0) {
            return; /* the counter is full: it is readable already */
        }
    }
}

int dp_handler_execute(struct dp_handler *h, struct dp_execute *execute)
{
    struct forwarder *f = &h->fwd;
    struct packet_batch batch;
    flow_key_to_metadata(execute->key, execute->packet);
    f->now_us = clock_us();
    f->now_ms = f->now_us / 1000;
    f->ring = f->dp->stray;
    batch_init(&batch);
    batch_add(&batch, execute->packet);
    journey_execute(f, &batch, execute->actions, execute->actions_len);
    return 0;
}

void dp_handler_drop(struct dp_handler *h, uint32_t port_no, enum drop_reason reason, struct packet *packet)
{
    packet->in_port = port_no;
    forwarder_drop(&h->fwd, packet, reason);
}
