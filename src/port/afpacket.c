/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of type `system`: a device of the host by a packet socket.
 *
 *   receive   recvmmsg(), a burst in a call; offload metadata from PACKET_VNET_HDR; a VLAN tag that the
 * kernel took off is put back from PACKET_AUXDATA send      sendmmsg(), the same metadata in front: partial
 * checksums and segments stay as they are start     binds the socket, then shuts the gate (gate.h); stop the
 * other way round
 *
 * Not a TPACKET ring: a ring's slots are of one size, and one that takes 64 KiB segments costs megabytes a
 * port; version 3 adds a millisecond of latency. The socket is promiscuous for as long as it lives, which the
 * kernel undoes by itself. PACKET_QDISC_BYPASS is not used: what a user configures with tc on the device (our
 * own QoS too) is to hold. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/rcu.h"
#include "port/device.h"
#include "port/gate.h"
#include "port/kinds.h"
#include "port/priority.h"
#include "port/rx.h"
#include "port/shortcut.h"
#include "port/vnet.h"

LOG_MODULE(netdev_linux);

#define RECEIVE_BUFFER (8 << 20) /* bytes that may wait in the socket; nothing is reserved */
#define SEND_BUFFER    (16 << 20)
/* Where a device has queues, what waits in one must not keep another's packets out: each has its own limit in
 * the kernel, and all share the socket's. */
#define SEND_BUFFER_QUEUES (1 << 30)
#define MAC_LEN            12 /* both addresses: what stands before a VLAN tag */
#define TAG_LEN            4

/* An empty control message is left of each reception. */
union aux_control {
    struct cmsghdr cmsg;
    uint8_t buf[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

struct afpacket_rxq {
    struct vport_rxq up;
    struct rx_mode mode;
    bool drained; /* the last call brought less than was asked for: the next one would bring nothing */
};

struct afpacket_vport {
    struct vport up;
    int fd;
    int ifindex;
    bool lro_was; /* large-receive offload was on before us */
    bool lro_off; /* and we switched it off */
    uint64_t
        socket_drops; /* control: receive buffer full; the kernel's counter starts anew when it is read */
    bool priority_in_messages;      /* i: messages carry their priority; or each queue has a socket */
    struct priority_queues *queues; /* r: NULL: none */
};

static struct afpacket_vport *afpacket_cast(const struct vport *vport)
{
    return CONTAINER_OF(vport, struct afpacket_vport, up);
}

/* Receive */

static void restore_tag(struct packet *p, struct msghdr *msg)
{
    const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    struct tpacket_auxdata aux;
    if (!cmsg || cmsg->cmsg_level != SOL_PACKET || cmsg->cmsg_type != PACKET_AUXDATA ||
        cmsg->cmsg_len < CMSG_LEN(sizeof aux)) {
        return;
    }
    memcpy(&aux, CMSG_DATA(cmsg), sizeof aux);
    if (!(aux.tp_status & TP_STATUS_VLAN_VALID)) {
        return;
    }
    uint16_t tpid = aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q;
    packet_push(p, TAG_LEN);
    memmove(p->data, p->data + TAG_LEN, MAC_LEN);
    put_be16(p->data + MAC_LEN, htons(tpid));
    put_be16(p->data + MAC_LEN + 2, htons(aux.tp_vlan_tci));
    if (p->csum == PACKET_CSUM_PARTIAL) {
        p->csum_start = (uint16_t)(p->csum_start + TAG_LEN);
    }
    if (p->gso_type) {
        p->gso_hdr_len = (uint16_t)(p->gso_hdr_len + TAG_LEN);
    }
}

static int afpacket_recv(struct vport_rxq *rxq_, struct packet_pool *pool, struct packet_batch *batch)
{
    struct afpacket_rxq *rxq = CONTAINER_OF(rxq_, struct afpacket_rxq, up);
    struct mmsghdr msgs[BATCH_SIZE];
    union aux_control controls[BATCH_SIZE];
    struct rx_slot *slots = rx_slots();
    if (rxq->drained) {
        rxq->drained = false;
        return EAGAIN;
    }
    unsigned want = rxq->mode.want ? rxq->mode.want : 1, n_ready = 0;
    while (n_ready < want && rx_prepare(slots, n_ready, &rxq->mode, pool)) {
        msgs[n_ready].msg_hdr = (struct msghdr){
            .msg_iov = slots[n_ready].iov,
            .msg_iovlen = slots[n_ready].iov[2].iov_len ? 3 : 2,
            .msg_control = &controls[n_ready],
            .msg_controllen = sizeof controls[n_ready],
        };
        n_ready++;
    }
    if (!n_ready) {
        rxq_->dropped[DROP_NO_MEMORY]++;
        return ENOBUFS;
    }
    int n = recvmmsg(rxq_->fd, msgs, n_ready, MSG_DONTWAIT, NULL);
    int error = n < 0 ? errno : 0;
    n = MAX(n, 0);
    rxq->drained = n && (unsigned)n < n_ready;
    rx_adapt(&rxq->mode, (unsigned)n);
    for (unsigned i = 0; i < (unsigned)n; i++) {
        uint32_t len = msgs[i].msg_len - MIN(msgs[i].msg_len, (unsigned)sizeof slots[i].hdr);
        if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC) {
            len = RX_MAX_LEN + 1;
        }
        struct packet *p = rx_finish(slots, i, len, &rxq->mode, pool, rxq_->dropped);
        if (p) {
            restore_tag(p, &msgs[i].msg_hdr);
            batch_add(batch, p);
        }
    }
    for (unsigned i = (unsigned)n; i < n_ready; i++) {
        rx_cancel(slots, i);
    }
    if (error == EINVAL || error == EMSGSIZE) {
        rxq_->dropped[DROP_RX_ERROR]++; /* a kind of segment that no virtio_net_hdr can describe */
        error = EAGAIN;
    }
    return error == ENETDOWN || error == EINTR ? EAGAIN : error;
}

/* Send */

static enum drop_reason why_not_sent(int error)
{
    switch (error) {
    case EMSGSIZE:
        return DROP_MTU;
    case EAGAIN:
    case ENOBUFS:
        return DROP_TX_FULL;
    case ENETDOWN:
    case ENXIO:
    case ENODEV:
        return DROP_TX_DOWN;
    default:
        return DROP_TX_ERROR;
    }
}

/* MSGS, which are PACKETS, all by one socket. */
static void send_messages(const struct afpacket_vport *a, int fd, struct vport_tx *tx, struct mmsghdr *msgs,
                          struct packet *const *packets, unsigned n)
{
    for (unsigned done = 0; done < n;) {
        int sent = sendmmsg(fd, msgs + done, n - done, MSG_DONTWAIT);
        if (sent > 0) {
            if (unlikely(rcu_get(&a->queues) != NULL)) {
                priority_count(&a->queues, packets + done, (unsigned)sent);
            }
            done += (unsigned)sent;
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        enum drop_reason why = why_not_sent(errno);
        bool rest_too = why == DROP_TX_DOWN || errno == EAGAIN;
        tx->dropped[why] += rest_too ? n - done : 1;
        done = rest_too ? n : done + 1;
    }
}

/* An older kernel: each run of packets of one priority by the priority's socket. */
static void send_by_sockets(const struct afpacket_vport *a, struct vport_tx *tx, struct mmsghdr *msgs,
                            struct packet *const *packets, unsigned n)
{
    for (unsigned first = 0, i = 1; first < n; i++) {
        uint32_t priority = priority_of(packets[first]);
        if (i == n || priority_of(packets[i]) != priority) {
            int fd = priority ? priority_socket(&a->queues, priority, a->fd) : a->fd;
            send_messages(a, fd, tx, msgs + first, packets + first, i - first);
            first = i;
        }
    }
}

static void afpacket_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    const struct afpacket_vport *a = afpacket_cast(vport);
    struct mmsghdr msgs[BATCH_SIZE];
    struct iovec iov[BATCH_SIZE][2];
    struct virtio_net_hdr hdrs[BATCH_SIZE];
    union priority_control controls[BATCH_SIZE];
    unsigned n = batch->n;
    bool by_sockets = false;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = batch->packets[i];
        uint32_t priority = priority_of(p);
        vnet_describe(p, &hdrs[i]);
        iov[i][0] = (struct iovec){&hdrs[i], sizeof hdrs[i]};
        iov[i][1] = (struct iovec){p->data, p->len};
        msgs[i].msg_hdr = (struct msghdr){.msg_iov = iov[i], .msg_iovlen = 2};
        if (unlikely(priority)) {
            if (a->priority_in_messages) {
                priority_put(&controls[i], &msgs[i].msg_hdr, priority);
            } else {
                by_sockets = true;
            }
        }
    }
    if (likely(!by_sockets)) {
        send_messages(a, a->fd, tx, msgs, batch->packets, n);
    } else {
        send_by_sockets(a, tx, msgs, batch->packets, n);
    }
    batch_free(batch);
}

static void set_send_buffer(int fd, int size)
{
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* as much as the limits allow */
    }
}

static void afpacket_set_queues(struct vport *vport, const uint32_t *queues, size_t n)
{
    struct afpacket_vport *a = afpacket_cast(vport);
    set_send_buffer(a->fd, n ? SEND_BUFFER_QUEUES : SEND_BUFFER);
    priority_queues_set(&a->queues, a->ifindex, !a->priority_in_messages, queues, n);
}

static uint64_t afpacket_get_uncounted(const struct vport *vport, uint32_t queue)
{
    return priority_counted(afpacket_cast(vport)->queues, vport_queue_priority(queue));
}

/* Open, start, stop, close */

static int make_socket(int ifindex, int *fdp)
{
    int on = 1, receive_buffer = RECEIVE_BUFFER, error;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    struct packet_mreq promisc = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex};
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&to, sizeof to) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof promisc) < 0) {
        error = errno;
        close(fd);
        return error;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) < 0) {
        /* Without CAP_NET_ADMIN for the host: as much as the limits allow. */
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    set_send_buffer(fd, SEND_BUFFER);
    *fdp = fd;
    return 0;
}

static int afpacket_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    struct device_info info;
    int fd = -1, error = gate_admit(name, &info, errorp);
    if (error) {
        return error;
    }
    error = make_socket(info.ifindex, &fd);
    if (error) {
        *errorp =
            xasprintf("%s: cannot open a packet socket: %s%s", name, strerror(error),
                      error == EPERM || error == EACCES ? " (CAP_NET_RAW and CAP_NET_ADMIN are needed)" : "");
        return error;
    }
    struct afpacket_vport *a = xzalloc(sizeof *a);
    a->fd = fd;
    a->ifindex = info.ifindex;
    a->priority_in_messages = priority_in_messages();
    vport_init(&a->up, &vport_ops_system, name);
    vport_make_rxqs(&a->up, 1, sizeof(struct afpacket_rxq));
    a->up.rxqs[0]->fd = fd;
    a->up.n_txq = VPORT_ANY_TXQ;
    a->up.tx_features = VPORT_TX_CSUM | VPORT_TX_TSO | (vport_kernel_has_uso() ? VPORT_TX_USO : 0);
    device_update_status(&a->up, &info, false);
    *vportp = &a->up;
    return 0;
}

static void afpacket_close(struct vport *vport)
{
    struct afpacket_vport *a = afpacket_cast(vport);
    priority_queues_set(&a->queues, a->ifindex, false, NULL, 0);
    close(a->fd);
    vport_fini(vport);
    free(a);
}

static int bind_protocol(const struct afpacket_vport *a, uint16_t protocol)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_ifindex = a->ifindex, .sll_protocol = htons(protocol)};
    return bind(a->fd, (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
}

static int afpacket_start(struct vport *vport, char **errorp)
{
    struct afpacket_vport *a = afpacket_cast(vport);
    enum gate_state gate;
    bool lro_noted = false;
    gate_inspect(a->ifindex, &gate, &lro_noted);
    int error = device_set_lro(vport->name, false, &a->lro_was);
    if (error) {
        LOG_WARN("%s: cannot switch large-receive offload off: %s", vport->name, strerror(error));
    }
    a->lro_off = (!error && a->lro_was) || lro_noted;
    error = bind_protocol(a, ETH_P_ALL);
    if (error) {
        *errorp = xasprintf("%s: cannot receive: %s", vport->name, strerror(error));
        return error;
    }
    char *text = NULL;
    error = gate_shut(a->ifindex, a->lro_off, &text);
    if (error) {
        *errorp = xasprintf("%s: %s", vport->name, text);
        free(text);
        bind_protocol(a, 0);
    } else {
        shortcut_attach(vport);
    }
    return error;
}

static void afpacket_stop(struct vport *vport)
{
    struct afpacket_vport *a = afpacket_cast(vport);
    bool was;
    shortcut_detach(vport);
    int error = gate_remove(a->ifindex);
    if (error) {
        LOG_WARN("%s: cannot take the gate down: %s", vport->name, strerror(error));
    }
    bind_protocol(a, 0); /* fails if the device is gone: then nothing is received anyway */
    if (a->lro_off) {
        device_set_lro(vport->name, true, &was);
        a->lro_off = false;
    }
}

/* Status */

static int afpacket_refresh(struct vport *vport)
{
    return device_refresh(vport, afpacket_cast(vport)->ifindex);
}

static int afpacket_get_stats(const struct vport *vport, struct vport_stats *stats)
{
    struct afpacket_vport *a = afpacket_cast(vport);
    struct device_info info;
    int error = device_get_by_index(a->ifindex, &info);
    if (error) {
        return error;
    }
    struct tpacket_stats dropped;
    socklen_t len = sizeof dropped;
    if (!getsockopt(a->fd, SOL_PACKET, PACKET_STATISTICS, &dropped, &len)) {
        a->socket_drops += dropped.tp_drops;
    }
    *stats = info.stats;
    stats->rx_dropped += a->socket_drops; /* to the user, the switch and the device are one */
    return 0;
}

static int afpacket_set_mac(struct vport *vport, struct eth_addr mac)
{
    return device_change_mac(vport, mac);
}
static int afpacket_set_mtu(struct vport *vport, int mtu)
{
    return device_change_mtu(vport, mtu);
}
static int afpacket_set_admin(struct vport *vport, bool up)
{
    return device_change_up(vport, up);
}

const struct vport_ops vport_ops_system = {
    .type = "system",
    .needs_host = true,
    .has_qdisc = true,
    .open = afpacket_open,
    .close = afpacket_close,
    .start = afpacket_start,
    .stop = afpacket_stop,
    .rxq_recv = afpacket_recv,
    .send = afpacket_send,
    .set_queues = afpacket_set_queues,
    .get_uncounted = afpacket_get_uncounted,
    .refresh = afpacket_refresh,
    .get_stats = afpacket_get_stats,
    .set_mac = afpacket_set_mac,
    .set_mtu = afpacket_set_mtu,
    .set_admin = afpacket_set_admin,
    .get_driver_info = device_get_driver_info,
};
