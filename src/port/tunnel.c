/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnel vports: what many tunnels of one kind share in a datapath. They have no device: packets come out of
 * them by tnl_pop and go in by tnl_push, both actions of a flow; one that is sent to the vport itself has no
 * headers, and is dropped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "port/kinds.h"

static int tunnel_open(const struct vport_ops *ops, const char *name, struct vport **vportp)
{
    struct vport *vport = xzalloc(sizeof *vport);
    vport_init(vport, ops, name);
    vport->n_txq = VPORT_ANY_TXQ;
    vport->tx_features = VPORT_TX_CSUM | VPORT_TX_TSO | VPORT_TX_USO | VPORT_TX_VXLAN_TSO;
    struct vport_status status = {.admin_up = true, .link_up = true, .mtu = 65535};
    random_bytes(&status.mac, sizeof status.mac);
    status.mac.ea[0] = (uint8_t)((status.mac.ea[0] & ~1) | 2); /* local, unicast */
    vport_set_status(vport, &status);
    *vportp = vport;
    return 0;
}

static void tunnel_close(struct vport *vport)
{
    vport_fini(vport);
    free(vport);
}

static int tunnel_recv(struct vport_rxq *rxq, struct packet_pool *pool, struct packet_batch *batch)
{
    return EAGAIN;
}

static void tunnel_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    tx->dropped[DROP_TUNNEL_PUSH] += batch->n;
    batch_free(batch);
}

static int tunnel_get_stats(const struct vport *vport, struct vport_stats *stats)
{
    memset(stats, 0xff, sizeof *stats); /* what is not known */
    stats->rx_packets = stats->rx_bytes = stats->tx_packets = stats->tx_bytes = 0;
    return 0;
}

#define TUNNEL_KINDS(X)                                                                                      \
    X(bareudp) X(erspan) X(geneve) X(gre) X(gtpu) X(ip6erspan) X(ip6gre) X(lisp) X(stt) X(vxlan)

#define X(TYPE)                                                                                              \
    static const struct vport_ops ops_##TYPE;                                                                \
    static int open_##TYPE(const char *name, const struct smap *options, struct vport **vport, char **error) \
    {                                                                                                        \
        return tunnel_open(&ops_##TYPE, name, vport);                                                        \
    }                                                                                                        \
    static const struct vport_ops ops_##TYPE = {                                                             \
        .type = #TYPE,                                                                                       \
        .is_tunnel = true,                                                                                   \
        .synthetic = true,                                                                                   \
        .open = open_##TYPE,                                                                                 \
        .close = tunnel_close,                                                                               \
        .rxq_recv = tunnel_recv,                                                                             \
        .send = tunnel_send,                                                                                 \
        .get_stats = tunnel_get_stats,                                                                       \
    };
TUNNEL_KINDS(X)
#undef X

const struct vport_ops *const vport_ops_tunnels[] = {
#define X(TYPE) &ops_##TYPE,
    TUNNEL_KINDS(X)
#undef X
        NULL,
};
