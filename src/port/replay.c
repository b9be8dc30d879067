/* SPDX-License-Identifier: Apache-2.0 */
/* The replay port, type `pcap`: packets of a file, from memory, again and again without end, for the
 * benchmark. options:
 *
 *   file=F     the packets (libpcap's format)
 *   limit=N    stop after N packets; 0 or absent: never
 *
 * Each reception copies bytes into fresh packets, as a network device's driver would do it with a copy of its
 * ring: that is part of the I/O floor. What it is sent it counts and frees, as the null port does. One
 * receive queue. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "port/kinds.h"
#include "port/pcap.h"

struct replay_rxq {
    struct vport_rxq up;
    size_t next;                     /* the packet to deliver */
    const uint8_t *next_bytes;       /* where it is */
    uint64_t limit;                  /* packets still to deliver; UINT64_MAX: no end */
    _Atomic uint64_t packets, bytes; /* its thread alone writes */
};

struct replay_vport {
    struct vport up;
    struct pcap_packets packets;
    _Atomic uint64_t tx_packets, tx_bytes;
};

static int replay_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    const char *file = vport_option(options, "file");
    if (!file) {
        *errorp = xasprintf("%s: a port of type \"pcap\" needs options:file", name);
        return EINVAL;
    }
    struct pcap_packets packets;
    char *error = pcap_load(file, &packets);
    if (!error && !packets.n) {
        error = xasprintf("%s: holds no packet", file);
        pcap_packets_fini(&packets);
    }
    if (error) {
        *errorp = xasprintf("%s: options:file: %s", name, error);
        free(error);
        return EINVAL;
    }
    struct replay_vport *replay = xzalloc(sizeof *replay);
    replay->packets = packets;
    vport_init(&replay->up, &vport_ops_replay, name);
    vport_make_rxqs(&replay->up, 1, sizeof(struct replay_rxq));
    replay->up.n_txq = VPORT_ANY_TXQ;
    replay->up.tx_features = VPORT_TX_CSUM | VPORT_TX_TSO | VPORT_TX_USO | VPORT_TX_VXLAN_TSO;
    struct replay_rxq *rxq = CONTAINER_OF(replay->up.rxqs[0], struct replay_rxq, up);
    uint64_t limit = options ? smap_get_uint(options, "limit", 0) : 0;
    rxq->limit = limit ? limit : UINT64_MAX;
    rxq->next_bytes = packets.bytes;
    struct vport_status status = {.admin_up = true, .link_up = true, .mtu = 65535, .driver = "pcap"};
    vport_set_status(&replay->up, &status);
    *vportp = &replay->up;
    return 0;
}

static void replay_close(struct vport *vport)
{
    struct replay_vport *replay = CONTAINER_OF(vport, struct replay_vport, up);
    pcap_packets_fini(&replay->packets);
    vport_fini(vport);
    free(replay);
}

static int replay_recv(struct vport_rxq *rxq_, struct packet_pool *pool, struct packet_batch *batch)
{
    struct replay_rxq *rxq = CONTAINER_OF(rxq_, struct replay_rxq, up);
    const struct replay_vport *replay = CONTAINER_OF(rxq_->vport, const struct replay_vport, up);
    uint64_t bytes = 0;
    unsigned want = (unsigned)MIN(rxq->limit, (uint64_t)BATCH_SIZE);
    while (batch->n < want) {
        uint32_t len = replay->packets.lengths[rxq->next];
        struct packet *p = packet_from_bytes(pool, rxq->next_bytes, len);
        if (!p) {
            break;
        }
        batch_add(batch, p);
        bytes += len;
        rxq->next_bytes += len;
        if (++rxq->next == replay->packets.n) {
            rxq->next = 0;
            rxq->next_bytes = replay->packets.bytes;
        }
    }
    if (rxq->limit != UINT64_MAX) {
        rxq->limit -= batch->n;
    }
    atomic_store_explicit(&rxq->packets, atomic_load_explicit(&rxq->packets, memory_order_relaxed) + batch->n,
                          memory_order_relaxed);
    atomic_store_explicit(&rxq->bytes, atomic_load_explicit(&rxq->bytes, memory_order_relaxed) + bytes,
                          memory_order_relaxed);
    return batch->n ? 0 : EAGAIN;
}

static void replay_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    struct replay_vport *replay = CONTAINER_OF(vport, struct replay_vport, up);
    uint64_t bytes = 0;
    struct packet *p;
    BATCH_FOR_EACH (p, batch) {
        bytes += p->len;
    }
    replay->tx_packets += batch->n;
    replay->tx_bytes += bytes;
    batch_free(batch);
}

static int replay_get_stats(const struct vport *vport, struct vport_stats *stats)
{
    const struct replay_vport *replay = CONTAINER_OF(vport, const struct replay_vport, up);
    const struct replay_rxq *rxq = CONTAINER_OF(vport->rxqs[0], const struct replay_rxq, up);
    memset(stats, 0xff, sizeof *stats); /* what is not known */
    stats->rx_packets = rxq->packets;
    stats->rx_bytes = rxq->bytes;
    stats->tx_packets = replay->tx_packets;
    stats->tx_bytes = replay->tx_bytes;
    return 0;
}

const struct vport_ops vport_ops_replay = {
    .type = "pcap",
    .open = replay_open,
    .close = replay_close,
    .rxq_recv = replay_recv,
    .send = replay_send,
    .get_stats = replay_get_stats,
};
