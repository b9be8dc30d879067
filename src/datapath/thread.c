/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding threads: each serves its share of the receive queues, polls while there is traffic and
 * sleeps in the kernel when there is none.
 *
 * A source is known to epoll by its index in the thread's table, never by a pointer: a thread that sleeps is
 * offline for RCU, so what it wakes up with may be out of date, and the table, read once it is online again,
 * says whether the source is still there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rcu.h"
#include "datapath/dp.h"
#include "datapath/journey.h"

LOG_MODULE(dpif_netdev);

#define EVENTS     64
#define BURSTS     8 /* bursts from one queue before the next one's turn */
#define WAKE_INDEX UINT32_MAX
#define POOL_SMALL 8192
#define POOL_LARGE 256

static void serve(struct dp_thread *t, struct rx_source *source, int bursts)
{
    struct vport_rxq *rxq = source->rxq;
    for (int i = 0; i < bursts; i++) {
        struct packet_batch batch;
        batch_init(&batch);
        int error = rxq->vport->ops->rxq_recv(rxq, t->fwd.pool, &batch);
        if (error && error != EAGAIN && error != ENETDOWN && error != ENOBUFS && error != EINTR) {
            /* The device is gone. The control thread hears of it by rtnetlink and takes the port off; until
             * then its descriptor would wake us for nothing. */
            epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, rxq->fd, NULL);
            return;
        }
        if (error || !batch.n) {
            return;
        }
        uint64_t start = clock_cycles();
        t->fwd.ring = source->ring;
        journey_receive(&t->fwd, source->port, &batch);
        t->fwd.stats.bursts++;
        source->cycles += clock_cycles() - start;
    }
}

static bool serve_polled(struct dp_thread *t)
{
    unsigned n = atomic_load_explicit(&t->n_sources, memory_order_relaxed);
    for (unsigned i = 0; i < n; i++) {
        struct rx_source *source = rcu_get(&t->sources[i]);
        if (source && source->rxq->fd < 0) {
            serve(t, source, 1);
        }
    }
    return true;
}

static void serve_events(struct dp_thread *t, const struct epoll_event *events, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t index = events[i].data.u32;
        if (index == WAKE_INDEX) {
            uint64_t count;
            if (read(t->wake_fd, &count, sizeof count) < 0) {
                continue; /* somebody else's wake-up was read already */
            }
        } else {
            struct rx_source *source = rcu_get(&t->sources[index]);
            if (source) {
                serve(t, source, BURSTS);
            }
        }
    }
}

static void *thread_main(void *aux)
{
    struct dp_thread *t = aux;
    struct epoll_event events[EVENTS];
    bool idle = false;
    packet_pool_warm(t->fwd.pool);
    rcu_register();
    uint64_t before = clock_cycles();
    while (!atomic_load_explicit(&t->stop, memory_order_acquire)) {
        rcu_quiescent();
        t->fwd.stats.iterations++;
        if (atomic_load_explicit(&t->n_polled, memory_order_relaxed)) {
            uint64_t received = t->fwd.stats.received;
            serve_polled(t);
            if ((t->fwd.stats.iterations & 31) == 0) {
                serve_events(t, events, epoll_wait(t->epoll_fd, events, EVENTS, 0));
            }
            uint64_t now = clock_cycles();
            *(t->fwd.stats.received != received ? &t->fwd.stats.busy_cycles : &t->fwd.stats.idle_cycles) +=
                now - before;
            before = now;
            continue;
        }
        int n = epoll_wait(t->epoll_fd, events, EVENTS, 0);
        if (!n && idle) {
            rcu_offline();
            n = epoll_wait(t->epoll_fd, events, EVENTS, -1);
            rcu_online();
        }
        uint64_t start = clock_cycles();
        t->fwd.stats.idle_cycles += start - before;
        serve_events(t, events, n);
        before = clock_cycles();
        t->fwd.stats.busy_cycles += before - start;
        idle = n <= 0;
    }
    rcu_unregister();
    return NULL;
}

static void wake(struct dp_thread *t)
{
    uint64_t one = 1;
    if (write(t->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN) {
        LOG_ERR("cannot wake forwarding thread %u: %s", t->number, strerror(errno));
    }
}

void dp_threads_start(struct dp *dp, unsigned n)
{
    dp->threads = xcalloc(n, sizeof *dp->threads);
    for (unsigned i = 0; i < n; i++) {
        struct dp_thread *t = xzalloc_cacheline(sizeof *t);
        struct packet_pool *pool = packet_pool_create(POOL_SMALL, POOL_LARGE);
        if (forwarder_init(&t->fwd, dp, pool, true)) {
            packet_pool_destroy(pool);
            free(t);
            break;
        }
        t->fwd.shares_counters = i >= dp->n_counters - 1;
        t->fwd.counters = t->fwd.shares_counters ? dp->n_counters - 1 : i;
        t->number = i;
        t->cpu = -1;
        t->cleared_ms = clock_ms();
        t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = WAKE_INDEX};
        if (t->epoll_fd < 0 || t->wake_fd < 0 ||
            epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->wake_fd, &event) < 0) {
            LOG_EMER("cannot make a forwarding thread: %s", strerror(errno));
            abort();
        }
        dp->threads[dp->n_threads++] = t;
        int error = pthread_create(&t->pthread, NULL, thread_main, t);
        if (error) {
            LOG_EMER("cannot start a forwarding thread: %s", strerror(error));
            abort();
        }
        char name[24];
        snprintf(name, sizeof name, "forward%u", i % 1000);
        pthread_setname_np(t->pthread, name);
    }
}

void dp_threads_stop(struct dp *dp)
{
    for (unsigned i = 0; i < dp->n_threads; i++) {
        struct dp_thread *t = dp->threads[i];
        atomic_store(&t->stop, true);
        wake(t);
        pthread_join(t->pthread, NULL);
        close(t->epoll_fd);
        close(t->wake_fd);
        struct packet_pool *pool = t->fwd.pool;
        forwarder_fini(&t->fwd);
        packet_pool_destroy(pool);
        free(t);
    }
    free(dp->threads);
    dp->threads = NULL;
    dp->n_threads = 0;
}

void dp_thread_add_source(struct dp_thread *t, struct rx_source *source)
{
    unsigned index = 0;
    while (index < DP_MAX_SOURCES && t->sources[index]) {
        index++;
    }
    if (index == DP_MAX_SOURCES) {
        LOG_ERR("%s: no room for one more receive queue on forwarding thread %u", source->port->name,
                t->number);
        return;
    }
    source->thread = t;
    source->index = index;
    t->n_given++;
    rcu_set(&t->sources[index], source);
    if (index >= atomic_load(&t->n_sources)) {
        atomic_store(&t->n_sources, index + 1);
    }
    if (source->rxq->fd < 0) {
        atomic_fetch_add(&t->n_polled, 1);
        wake(t);
    } else {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
        if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, source->rxq->fd, &event) < 0) {
            LOG_ERR("%s: cannot poll its receive queue: %s", source->port->name, strerror(errno));
        }
    }
}

void dp_thread_remove_source(struct dp *dp, struct rx_source *source)
{
    struct dp_thread *t = source->thread;
    if (!t) {
        return;
    }
    if (source->rxq->fd < 0) {
        atomic_fetch_sub(&t->n_polled, 1);
    } else {
        epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, source->rxq->fd, NULL);
    }
    rcu_set(&t->sources[source->index], NULL);
    t->n_given--;
    source->thread = NULL;
}
