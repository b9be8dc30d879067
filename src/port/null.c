/* SPDX-License-Identifier: Apache-2.0 */
/* The null port: receives nothing, counts and frees what it is sent. The far end of the benchmark. It takes
 * everything as it is, so what is measured is the datapath alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "port/kinds.h"

#define N_COUNTERS 64 /* transmit queues: a counter and a cache line for each */

struct null_counter {
    _Atomic uint64_t packets, bytes; /* its thread alone writes */
} CACHE_ALIGNED;

struct null_vport {
    struct vport up;
    struct null_counter sent[N_COUNTERS];
};

static int null_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    struct null_vport *null = xzalloc_cacheline(sizeof *null);
    vport_init(&null->up, &vport_ops_null, name);
    null->up.n_txq = N_COUNTERS;
    null->up.tx_features = VPORT_TX_CSUM | VPORT_TX_TSO | VPORT_TX_USO | VPORT_TX_VXLAN_TSO;
    struct vport_status status = {.admin_up = true, .link_up = true, .mtu = 65535, .driver = "null"};
    vport_set_status(&null->up, &status);
    *vportp = &null->up;
    return 0;
}

static void null_close(struct vport *vport)
{
    vport_fini(vport);
    free(vport);
}

static int null_recv(struct vport_rxq *rxq, struct packet_pool *pool, struct packet_batch *batch)
{
    return EAGAIN;
}

static void null_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    struct null_vport *null = CONTAINER_OF(vport, struct null_vport, up);
    struct null_counter *c = &null->sent[tx->queue % N_COUNTERS];
    uint64_t bytes = 0;
    struct packet *p;
    BATCH_FOR_EACH (p, batch) {
        bytes += p->len;
    }
    atomic_store_explicit(&c->packets, atomic_load_explicit(&c->packets, memory_order_relaxed) + batch->n,
                          memory_order_relaxed);
    atomic_store_explicit(&c->bytes, atomic_load_explicit(&c->bytes, memory_order_relaxed) + bytes,
                          memory_order_relaxed);
    batch_free(batch);
}

static int null_get_stats(const struct vport *vport, struct vport_stats *stats)
{
    const struct null_vport *null = CONTAINER_OF(vport, const struct null_vport, up);
    memset(stats, 0xff, sizeof *stats); /* what is not known */
    stats->rx_packets = stats->rx_bytes = stats->tx_packets = stats->tx_bytes = 0;
    for (int i = 0; i < N_COUNTERS; i++) {
        stats->tx_packets += null->sent[i].packets;
        stats->tx_bytes += null->sent[i].bytes;
    }
    return 0;
}

const struct vport_ops vport_ops_null = {
    .type = "null",
    .open = null_open,
    .close = null_close,
    .rxq_recv = null_recv,
    .send = null_send,
    .get_stats = null_get_stats,
};
