/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "datapath/dp.h"

#define EMC_ENTRIES (256u * 1024) /* one huge page: 100,000 microflows fit but for 1 in 200 */

int forwarder_init(struct forwarder *f, struct dp *dp, struct packet_pool *pool, bool with_emc)
{
    *f = (struct forwarder){.dp = dp, .pool = pool};
    pthread_mutex_lock(&dp->forwarders_mutex);
    unsigned index = 0;
    while (index < DP_MAX_FORWARDERS && dp->forwarders[index]) {
        index++;
    }
    if (index < DP_MAX_FORWARDERS) {
        dp->forwarders[index] = f;
    }
    pthread_mutex_unlock(&dp->forwarders_mutex);
    if (index == DP_MAX_FORWARDERS) {
        return EMFILE;
    }
    f->index = index;
    f->bursts = xzalloc_cacheline((DP_MAX_NESTING + 1) * sizeof *f->bursts);
    f->emc = with_emc ? emc_create(EMC_ENTRIES) : NULL;
    return 0;
}

static void add_stats(struct forwarder_stats *sum, const struct forwarder_stats *s)
{
    const uint64_t *from = (const uint64_t *)(const void *)s;
    uint64_t *to = (uint64_t *)(void *)sum;
    for (size_t i = 0; i < sizeof *s / sizeof *from; i++) {
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

void forwarder_fini(struct forwarder *f)
{
    struct dp *dp = f->dp;
    pthread_mutex_lock(&dp->forwarders_mutex);
    dp->forwarders[f->index] = NULL;
    add_stats(f->handler ? &dp->retired_others : &dp->retired, &f->stats);
    pthread_mutex_unlock(&dp->forwarders_mutex);
    emc_destroy(f->emc);
    free(f->bursts);
}

void forwarder_sum(struct dp *dp, struct forwarder_stats *sum)
{
    pthread_mutex_lock(&dp->forwarders_mutex);
    *sum = dp->retired;
    add_stats(sum, &dp->retired_others);
    for (unsigned i = 0; i < DP_MAX_FORWARDERS; i++) {
        if (dp->forwarders[i]) {
            add_stats(sum, &dp->forwarders[i]->stats);
        }
    }
    pthread_mutex_unlock(&dp->forwarders_mutex);
}

/* A slot outlives its forwarder: the counters in it are the port's. The next forwarder with this index goes
 * on. */
struct port_slot *forwarder_make_slot(struct forwarder *f, struct dp_port *port)
{
    struct port_slot *slot = xzalloc_cacheline(sizeof *slot);
    slot->tx.queue = (uint16_t)f->index;
    slot->tx.pool = f->pool;
    atomic_store_explicit(&port->slots[f->index], slot, memory_order_release);
    return slot;
}

void forwarder_count_drop(struct forwarder *f, uint32_t port_no, enum drop_reason reason)
{
    struct dp_port *port = dp_port_get(f->dp, port_no);
    if (!port) {
        port = dp_port_get(f->dp, 0); /* the port went away meanwhile: the datapath's own stands in for it */
    }
    if (port) {
        forwarder_slot(f, port)->dropped[reason]++;
    }
}

void forwarder_drop(struct forwarder *f, struct packet *packet, enum drop_reason reason)
{
    forwarder_count_drop(f, packet->in_port, reason);
    packet_free(packet);
}

void forwarder_drop_batch(struct forwarder *f, struct packet_batch *batch, enum drop_reason reason)
{
    struct packet *packet;
    BATCH_FOR_EACH (packet, batch) {
        forwarder_count_drop(f, packet->in_port, reason);
    }
    batch_free(batch);
}
