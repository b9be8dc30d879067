/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of type `afxdp`: a device of the host by AF_XDP sockets, one for each of its receive queues, each
 * with memory of its own.
 *
 *   receive   the XDP program (three instructions and a call) redirects every frame to its queue's socket;
 * frames are copied out of the socket's memory into packets, and go back to the kernel at once send      by
 * the first queue's socket, behind a lock: copied into its memory, one system call a burst start     attaches
 * the program by a bpf_link, which the kernel takes away if the daemon dies; so no gate is needed
 *
 * No offload metadata exists here. Segments do not come (the kernel cuts them for a device with an XDP
 * program) and are cut before they go; but on a veth, partial checksums come without a word, and are
 * recognised by their value. A VLAN tag that a device strips into metadata is lost: AF_XDP cannot carry it.
 *
 * Packets do not stay in the socket's memory: that saves a copy of a cache line or two, and makes every
 * queue's frames hostage to whoever holds a packet. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "base/alloc.h"
#include "port/device.h"
#include "port/gate.h"
#include "port/kinds.h"
#include "port/vnet.h"

#define RX_FRAMES      2048
#define TX_FRAMES      1024
#define N_FRAMES       (RX_FRAMES + TX_FRAMES)
#define SMALL_FRAME    2048
#define LARGE_FRAME    4096 /* a page: what XDP allows at most without fragments */
#define FRAME_OVERHEAD 256  /* XDP's own headroom in each frame */
#define ETH_LEN        14
#define TAG_LEN        4
#define MAX_QUEUES     64
#define MAX_KICKS      16 /* system calls to get a burst out; the kernel sends 32 frames in each */

struct afxdp_rxq {
    struct vport_rxq up;
    struct xsk_umem *umem;
    struct xsk_socket *xsk;
    uint8_t *area; /* N_FRAMES frames; the first RX_FRAMES are for receiving */
    size_t area_size;
    struct xsk_ring_prod fill, tx;
    struct xsk_ring_cons completed, rx;
};

struct afxdp_vport {
    struct vport up;
    int ifindex;
    uint32_t frame_size;
    int promisc_fd;           /* a packet socket that receives nothing and keeps the device promiscuous */
    int map_fd, prog_fd;      /* -1: not made */
    int link_fd;              /* -1: not started */
    pthread_mutex_t tx_mutex; /* the first queue's `tx` and `completed`, and the next two */
    uint32_t n_free;
    uint64_t free_frames[TX_FRAMES]; /* addresses in the first queue's area */
};

static struct afxdp_vport *afxdp_cast(const struct vport *vport)
{
    return CONTAINER_OF(vport, struct afxdp_vport, up);
}
static struct afxdp_rxq *rxq_cast(struct vport_rxq *rxq)
{
    return CONTAINER_OF(rxq, struct afxdp_rxq, up);
}

/* Receive */

static int afxdp_recv(struct vport_rxq *rxq_, struct packet_pool *pool, struct packet_batch *batch)
{
    struct afxdp_rxq *q = rxq_cast(rxq_);
    uint32_t first_rx, first_fill = 0;
    uint32_t n = xsk_ring_cons__peek(&q->rx, BATCH_SIZE, &first_rx);
    if (!n) {
        if (xsk_ring_prod__needs_wakeup(&q->fill)) {
            recvfrom(rxq_->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
        }
        return EAGAIN;
    }
    /* What is received is given back in the same call, so the ring has room. */
    uint32_t room = xsk_ring_prod__reserve(&q->fill, n, &first_fill);
    for (uint32_t i = 0; i < n; i++) {
        /* Written by another processor: ask for all before the first is read. */
        __builtin_prefetch(xsk_umem__get_data(q->area, xsk_ring_cons__rx_desc(&q->rx, first_rx + i)->addr));
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&q->rx, first_rx + i);
        struct packet *p = NULL;
        if (desc->len < ETH_LEN) {
            rxq_->dropped[DROP_RUNT]++;
        } else if (!(p = packet_from_bytes(pool, xsk_umem__get_data(q->area, desc->addr), desc->len))) {
            rxq_->dropped[DROP_NO_MEMORY]++;
        } else {
            vnet_guess_partial(p);
            batch_add(batch, p);
        }
        if (i < room) {
            *xsk_ring_prod__fill_addr(&q->fill, first_fill + i) = xsk_umem__extract_addr(desc->addr);
        }
    }
    xsk_ring_cons__release(&q->rx, n);
    xsk_ring_prod__submit(&q->fill, room);
    return batch->n ? 0 : EAGAIN;
}

/* Send */

static void take_completed(struct afxdp_vport *a, struct afxdp_rxq *q)
{
    uint32_t first, n = xsk_ring_cons__peek(&q->completed, TX_FRAMES, &first);
    for (uint32_t i = 0; i < n; i++) {
        a->free_frames[a->n_free++] = *xsk_ring_cons__comp_addr(&q->completed, first + i);
    }
    xsk_ring_cons__release(&q->completed, n);
}

/* Lets the kernel send what is in the ring. The errno that it gave up with. */
static int kick(struct afxdp_rxq *q)
{
    for (int i = 0; i < MAX_KICKS; i++) {
        if (sendto(q->up.fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0) {
            return 0;
        }
        if (errno != EAGAIN && errno != EBUSY && errno != ENOBUFS && errno != EINTR) {
            return errno;
        }
    }
    return 0; /* what remains goes with the next burst */
}

static void afxdp_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    struct afxdp_vport *a = afxdp_cast(vport);
    struct afxdp_rxq *q = rxq_cast(vport->rxqs[0]);
    uint32_t n = 0, first = 0;
    struct packet *p;
    pthread_mutex_lock(&a->tx_mutex);
    take_completed(a, q);
    uint32_t room = MIN(a->n_free, batch->n);
    room = xsk_ring_prod__reserve(&q->tx, room, &first);
    BATCH_FOR_EACH (p, batch) {
        if (p->len > a->frame_size) {
            tx->dropped[DROP_MTU]++;
        } else if (n == room) {
            tx->dropped[DROP_TX_FULL]++;
        } else {
            uint64_t addr = a->free_frames[--a->n_free];
            struct xdp_desc *desc = xsk_ring_prod__tx_desc(&q->tx, first + n);
            memcpy(q->area + addr, p->data, p->len);
            *desc = (struct xdp_desc){.addr = addr, .len = p->len};
            n++;
        }
    }
    if (n < room) {
        q->tx.cached_prod -= room - n; /* reserved for packets that were too long */
    }
    xsk_ring_prod__submit(&q->tx, n);
    int error = n ? kick(q) : 0;
    pthread_mutex_unlock(&a->tx_mutex);
    if (error) {
        tx->dropped[error == ENETDOWN || error == ENXIO || error == ENODEV ? DROP_TX_DOWN : DROP_TX_ERROR] +=
            n;
    }
    batch_free(batch);
}

/* Open and close */

static int load_program(struct afxdp_vport *a, char **errorp)
{
    a->map_fd = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "sluice_xsks", 4, 4, MAX_QUEUES, NULL);
    if (a->map_fd < 0) {
        int error = -a->map_fd;
        *errorp = xasprintf("%s: cannot make an AF_XDP socket map: %s", a->up.name, strerror(error));
        return error;
    }
    const struct bpf_insn insns[] = {
        /* r2 = ctx->rx_queue_index */
        {.code = BPF_LDX | BPF_MEM | BPF_W,
         .dst_reg = BPF_REG_2,
         .src_reg = BPF_REG_1,
         .off = offsetof(struct xdp_md, rx_queue_index)},
        {.code = BPF_LD | BPF_DW | BPF_IMM,
         .dst_reg = BPF_REG_1,
         .src_reg = BPF_PSEUDO_MAP_FD,
         .imm = a->map_fd},
        {.code = 0},
        /* a queue without a socket is the host's */
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
        {.code = BPF_JMP | BPF_EXIT},
    };
    a->prog_fd =
        bpf_prog_load(BPF_PROG_TYPE_XDP, GATE_XDP_PROGRAM, "Dual MIT/GPL", insns, ARRAY_SIZE(insns), NULL);
    if (a->prog_fd < 0) {
        int error = -a->prog_fd;
        *errorp = xasprintf("%s: cannot load the XDP program: %s", a->up.name, strerror(error));
        return error;
    }
    return 0;
}

static int open_queue(struct afxdp_vport *a, struct afxdp_rxq *q)
{
    const struct xsk_umem_config umem = {
        .fill_size = RX_FRAMES, .comp_size = TX_FRAMES, .frame_size = a->frame_size, .frame_headroom = 0};
    const struct xsk_socket_config config = {.rx_size = RX_FRAMES,
                                             .tx_size = TX_FRAMES,
                                             .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
                                             .bind_flags = XDP_USE_NEED_WAKEUP};
    q->area_size = (size_t)N_FRAMES * a->frame_size;
    void *area = mmap(NULL, q->area_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) {
        return ENOMEM;
    }
    q->area = area;
    int error = -xsk_umem__create(&q->umem, q->area, q->area_size, &q->fill, &q->completed, &umem);
    if (error) {
        q->umem = NULL;
        return error;
    }
    error = -xsk_socket__create(&q->xsk, a->up.name, q->up.queue, q->umem, &q->rx, &q->tx, &config);
    if (error) {
        q->xsk = NULL;
        return error;
    }
    q->up.fd = xsk_socket__fd(q->xsk);
    uint32_t first, n = xsk_ring_prod__reserve(&q->fill, RX_FRAMES, &first);
    for (uint32_t i = 0; i < n; i++) {
        *xsk_ring_prod__fill_addr(&q->fill, first + i) = (uint64_t)i * a->frame_size;
    }
    xsk_ring_prod__submit(&q->fill, n);
    uint32_t key = q->up.queue;
    return bpf_map_update_elem(a->map_fd, &key, &q->up.fd, BPF_ANY) < 0 ? errno : 0;
}

static void afxdp_stop(struct vport *vport)
{
    struct afxdp_vport *a = afxdp_cast(vport);
    if (a->link_fd >= 0) {
        close(a->link_fd);
        a->link_fd = -1;
    }
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static void afxdp_close(struct vport *vport)
{
    struct afxdp_vport *a = afxdp_cast(vport);
    for (int i = 0; i < vport->n_rxq; i++) {
        struct afxdp_rxq *q = rxq_cast(vport->rxqs[i]);
        if (q->xsk) {
            xsk_socket__delete(q->xsk);
        }
        if (q->umem) {
            xsk_umem__delete(q->umem);
        }
        if (q->area) {
            munmap(q->area, q->area_size);
        }
    }
    close_if_open(a->map_fd);
    close_if_open(a->prog_fd);
    close_if_open(a->promisc_fd);
    pthread_mutex_destroy(&a->tx_mutex);
    vport_fini(vport);
    free(a);
}

static int be_promiscuous(int ifindex, int *fdp)
{
    struct packet_mreq promisc = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};
    *fdp = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    return *fdp < 0 || setsockopt(*fdp, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof promisc) < 0
               ? errno
               : 0;
}

static int afxdp_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    struct device_info info;
    int error = gate_admit(name, &info, errorp);
    if (error) {
        return error;
    }
    struct afxdp_vport *a = xzalloc(sizeof *a);
    a->ifindex = info.ifindex;
    a->map_fd = a->prog_fd = a->link_fd = a->promisc_fd = -1;
    a->frame_size = info.mtu + ETH_LEN + TAG_LEN + FRAME_OVERHEAD <= SMALL_FRAME ? SMALL_FRAME : LARGE_FRAME;
    pthread_mutex_init(&a->tx_mutex, NULL);
    for (uint32_t i = 0; i < TX_FRAMES; i++) {
        a->free_frames[a->n_free++] = (uint64_t)(N_FRAMES - 1 - i) * a->frame_size;
    }
    vport_init(&a->up, &vport_ops_afxdp, name);
    vport_make_rxqs(&a->up, (uint16_t)MIN(device_get_rx_queues(name), MAX_QUEUES), sizeof(struct afxdp_rxq));
    a->up.n_txq = VPORT_ANY_TXQ;
    error = load_program(a, errorp);
    for (int i = 0; !error && i < a->up.n_rxq; i++) {
        error = open_queue(a, rxq_cast(a->up.rxqs[i]));
        if (error) {
            *errorp =
                xasprintf("%s: cannot open an AF_XDP socket for queue %d: %s", name, i, strerror(error));
        }
    }
    if (!error && (error = be_promiscuous(a->ifindex, &a->promisc_fd))) {
        *errorp = xasprintf("%s: cannot make it promiscuous: %s", name, strerror(error));
    }
    if (error) {
        afxdp_close(&a->up);
        return error;
    }
    device_update_status(&a->up, &info, false);
    *vportp = &a->up;
    return 0;
}

static int attach(const struct afxdp_vport *a, uint32_t flags)
{
    struct bpf_link_create_opts opts = {.sz = sizeof opts, .flags = flags};
    return bpf_link_create(a->prog_fd, a->ifindex, BPF_XDP, &opts);
}

static int afxdp_start(struct vport *vport, char **errorp)
{
    struct afxdp_vport *a = afxdp_cast(vport);
    a->link_fd = attach(a, XDP_FLAGS_DRV_MODE);
    if (a->link_fd == -EOPNOTSUPP || a->link_fd == -EINVAL || a->link_fd == -ERANGE) {
        a->link_fd = attach(a, XDP_FLAGS_SKB_MODE);
    }
    if (a->link_fd >= 0) {
        return 0;
    }
    int error = -a->link_fd;
    a->link_fd = -1;
    *errorp = error == EBUSY || error == EEXIST
                  ? xasprintf("%s: another XDP program is on the device", vport->name)
                  : xasprintf("%s: cannot attach the XDP program: %s", vport->name, strerror(error));
    return error == EEXIST ? EBUSY : error;
}

/* Status */

static int afxdp_refresh(struct vport *vport)
{
    return device_refresh(vport, afxdp_cast(vport)->ifindex);
}

static int afxdp_get_stats(const struct vport *vport, struct vport_stats *stats)
{
    struct device_info info;
    int error = device_get_by_index(afxdp_cast(vport)->ifindex, &info);
    if (error) {
        return error;
    }
    *stats = info.stats;
    for (int i = 0; i < vport->n_rxq; i++) {
        struct xdp_statistics s;
        socklen_t len = sizeof s;
        memset(&s, 0, sizeof s);
        if (!getsockopt(vport->rxqs[i]->fd, SOL_XDP, XDP_STATISTICS, &s, &len)) {
            stats->rx_dropped += s.rx_dropped + s.rx_ring_full;
        }
    }
    return 0;
}

static int afxdp_set_mac(struct vport *vport, struct eth_addr mac)
{
    return device_change_mac(vport, mac);
}
static int afxdp_set_mtu(struct vport *vport, int mtu)
{
    return device_change_mtu(vport, mtu);
}
static int afxdp_set_admin(struct vport *vport, bool up)
{
    return device_change_up(vport, up);
}

const struct vport_ops vport_ops_afxdp = {
    .type = "afxdp",
    .needs_host = true,
    .has_qdisc = true, /* which its own packets do not pass */
    .open = afxdp_open,
    .close = afxdp_close,
    .start = afxdp_start,
    .stop = afxdp_stop,
    .rxq_recv = afxdp_recv,
    .send = afxdp_send,
    .refresh = afxdp_refresh,
    .get_stats = afxdp_get_stats,
    .set_mac = afxdp_set_mac,
    .set_mtu = afxdp_set_mtu,
    .set_admin = afxdp_set_admin,
    .get_driver_info = device_get_driver_info,
};
