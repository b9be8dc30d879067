/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of the types `internal` and `tap`: a TAP device that lives as long as the port. The host joins a
 * bridge with it, or a program's virtual machine does. What the host transmits is read here, and what is
 * written here the host receives; so the device's receive statistics are the port's transmit statistics.
 *
 * Segments and partial checksums pass whole in both directions (TUNSETOFFLOAD). A packet costs a system call:
 * the kernel has no call for many. If the host has the device administratively down, the kernel refuses what
 * is written and counts it as the device's rx_dropped. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "port/device.h"
#include "port/kinds.h"
#include "port/rx.h"
#include "port/vnet.h"

LOG_MODULE(netdev_linux);

#define TUN_DEVICE "/dev/net/tun"

/* Facts of the kernel's ABI (since 6.2) that older headers lack. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

struct tap_rxq {
    struct vport_rxq up;
    struct rx_mode mode;
};

struct tap_vport {
    struct vport up;
    int fd;
};

static struct tap_vport *tap_cast(const struct vport *vport)
{
    return CONTAINER_OF(vport, struct tap_vport, up);
}

bool vport_kernel_has_uso(void)
{
    struct utsname u;
    int major, minor;
    return !uname(&u) && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 2));
}

static int tap_recv(struct vport_rxq *rxq_, struct packet_pool *pool, struct packet_batch *batch)
{
    struct tap_rxq *rxq = CONTAINER_OF(rxq_, struct tap_rxq, up);
    struct rx_slot *slots = rx_slots();
    int error = 0;
    unsigned n = 0;
    while (n < BATCH_SIZE) {
        if (!rx_prepare(slots, 0, &rxq->mode, pool)) {
            rxq_->dropped[DROP_NO_MEMORY]++;
            error = ENOBUFS;
            break;
        }
        ssize_t got = readv(rxq_->fd, slots[0].iov, slots[0].iov[2].iov_len ? 3 : 2);
        if (got < (ssize_t)sizeof slots[0].hdr) {
            error = got < 0 ? errno : EAGAIN;
            rx_cancel(slots, 0);
            break;
        }
        n++;
        struct packet *p = rx_finish(slots, 0, (uint32_t)got - (uint32_t)sizeof slots[0].hdr, &rxq->mode,
                                     pool, rxq_->dropped);
        if (p) {
            batch_add(batch, p);
        }
    }
    rx_adapt(&rxq->mode, n);
    if (batch->n) {
        return 0;
    }
    return error == EINTR || error == EIO ? EAGAIN : error ? error : EAGAIN; /* EIO: the device is down */
}

static void tap_send(struct vport *vport, struct vport_tx *tx, struct packet_batch *batch)
{
    int fd = tap_cast(vport)->fd;
    struct packet *p;
    BATCH_FOR_EACH (p, batch) {
        struct virtio_net_hdr hdr;
        struct iovec iov[2] = {{&hdr, sizeof hdr}, {p->data, p->len}};
        vnet_describe(p, &hdr);
        ssize_t n;
        do {
            n = writev(fd, iov, 2);
        } while (n < 0 && errno == EINTR);
        if (n < 0) {
            tx->dropped[errno == EIO || errno == EBADFD                          ? DROP_TX_DOWN
                        : errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? DROP_TX_FULL
                                                                                 : DROP_TX_ERROR]++;
        }
    }
    batch_free(batch);
}

static char *explain_open(const char *name, int error)
{
    switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return xasprintf("%s: %s is missing: load the kernel's tun module, or give it to the container", name,
                         TUN_DEVICE);
    case EPERM:
    case EACCES:
        return xasprintf("%s: no permission to make TAP devices (%s, CAP_NET_ADMIN)", name, TUN_DEVICE);
    default:
        return xasprintf("%s: cannot open %s: %s", name, TUN_DEVICE, strerror(error));
    }
}

static char *explain_attach(const char *name, int error)
{
    struct device_info info;
    bool exists = !device_get(name, &info);
    if (error == EBUSY) {
        return xasprintf("%s: the TAP device is in use by another program", name);
    }
    if (error == EINVAL && exists) {
        return xasprintf("%s: a device of this name exists, and it is no TAP device", name);
    }
    return error == EPERM ? explain_open(name, error)
                          : xasprintf("%s: cannot make the TAP device: %s", name, strerror(error));
}

static int make_device(const char *name, int *fdp, bool *uso, char **errorp)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int error;
    if (strlen(name) >= sizeof ifr.ifr_name) {
        *errorp = xasprintf("%s: a device's name has at most %zu characters", name, sizeof ifr.ifr_name - 1);
        return EINVAL;
    }
    int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        error = errno;
        *errorp = explain_open(name, error);
        return error;
    }
    strcpy(ifr.ifr_name, name);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        error = errno;
        *errorp = explain_attach(name, error);
        close(fd);
        return error == EINVAL ? EEXIST : error;
    }
    const unsigned basic = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    *uso = ioctl(fd, TUNSETOFFLOAD, basic | TUN_F_USO4 | TUN_F_USO6) >= 0;
    if (!*uso && ioctl(fd, TUNSETOFFLOAD, basic) < 0) {
        LOG_WARN("%s: the kernel refuses offloads: %s", name, strerror(errno));
    }
    *fdp = fd;
    return 0;
}

static int tap_make(const struct vport_ops *ops, const char *name, struct vport **vportp, char **errorp)
{
    int fd = -1;
    bool uso = false;
    struct device_info info;
    int error = make_device(name, &fd, &uso, errorp);
    if (error) {
        return error;
    }
    error = device_get(name, &info);
    if (error) {
        *errorp = xasprintf("%s: %s", name, strerror(error));
        close(fd);
        return error;
    }
    if (ops == &vport_ops_internal) {
        device_set_alias(info.ifindex, VPORT_INTERNAL_ALIAS); /* so that no switch takes it for a NIC */
    }
    struct tap_vport *tap = xzalloc(sizeof *tap);
    tap->fd = fd;
    vport_init(&tap->up, ops, name);
    vport_make_rxqs(&tap->up, 1, sizeof(struct tap_rxq));
    tap->up.rxqs[0]->fd = fd;
    tap->up.n_txq = VPORT_ANY_TXQ;
    tap->up.tx_features = VPORT_TX_CSUM | VPORT_TX_TSO | (uso ? VPORT_TX_USO : 0);
    device_update_status(&tap->up, &info, false);
    *vportp = &tap->up;
    return 0;
}

static int internal_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    return tap_make(&vport_ops_internal, name, vportp, errorp);
}
static int tap_open(const char *name, const struct smap *options, struct vport **vportp, char **errorp)
{
    return tap_make(&vport_ops_tap, name, vportp, errorp);
}

static void tap_close(struct vport *vport)
{
    struct tap_vport *tap = tap_cast(vport);
    close(tap->fd); /* the device goes with it */
    vport_fini(vport);
    free(tap);
}

/* People give internal devices to containers: ip link set br0 netns NS. The descriptor stays good, and the
 * device is asked and changed where it is. */

static bool tap_is_attached(const struct vport *vport)
{
    struct ifreq ifr;
    return ioctl(tap_cast(vport)->fd, TUNGETIFF, &ifr) >= 0;
}

/* Goes to the namespace of the device, if it is another one than ours. *ELSEWHERE: leave() must follow. */
static int enter(const struct tap_vport *tap, struct device_info *info, bool *elsewhere)
{
    struct ifreq ifr;
    *elsewhere = false;
    if (ioctl(tap->fd, TUNGETIFF, &ifr) < 0) {
        return ENODEV;
    }
    int netns_fd = ioctl(tap->fd, TUNGETDEVNETNS);
    int error = 0;
    if (netns_fd >= 0) {
        *elsewhere = !device_is_own_netns(netns_fd);
        error = *elsewhere ? device_enter_netns(netns_fd) : 0;
        *elsewhere = *elsewhere && !error;
        close(netns_fd);
    }
    if (!error) {
        struct device_info named;
        error = device_get(ifr.ifr_name, &named);
        error = error ? error : device_get_by_index(named.ifindex, info);
    }
    return error;
}

static void leave(bool elsewhere)
{
    if (elsewhere) {
        device_leave_netns();
    }
}

static int tap_refresh(struct vport *vport)
{
    struct device_info info;
    bool elsewhere;
    int error = enter(tap_cast(vport), &info, &elsewhere);
    if (!error) {
        device_update_status(vport, &info, elsewhere);
    } else if (error == ENODEV) {
        device_status_gone(vport);
    }
    leave(elsewhere);
    return error;
}

static int tap_get_stats(const struct vport *vport_, struct vport_stats *stats)
{
    struct vport *vport = &tap_cast(vport_)->up;
    struct device_info info;
    bool elsewhere;
    int error = enter(tap_cast(vport), &info, &elsewhere);
    if (!error && elsewhere) {
        device_update_status(vport, &info, true); /* from there no notification comes */
    }
    leave(elsewhere);
    if (error) {
        return error;
    }
    const struct vport_stats *host = &info.stats;
    *stats = (struct vport_stats){
        .rx_packets = host->tx_packets,
        .tx_packets = host->rx_packets,
        .rx_bytes = host->tx_bytes,
        .tx_bytes = host->rx_bytes,
        .rx_errors = host->tx_errors,
        .tx_errors = host->rx_errors,
        .rx_dropped = host->tx_dropped,
        .tx_dropped = host->rx_dropped,
    };
    return 0;
}

enum setting {
    SET_MAC,
    SET_MTU,
    SET_UP
};

static int change(struct vport *vport, enum setting setting, struct eth_addr mac, int value)
{
    struct device_info info;
    bool elsewhere;
    int error = enter(tap_cast(vport), &info, &elsewhere);
    if (!error) {
        error = setting == SET_MAC   ? device_set_mac(info.ifindex, mac)
                : setting == SET_MTU ? device_set_mtu(info.ifindex, value)
                                     : device_set_up(info.ifindex, value);
    }
    leave(elsewhere);
    return error ? error : tap_refresh(vport);
}

static int tap_set_mac(struct vport *vport, struct eth_addr mac)
{
    return change(vport, SET_MAC, mac, 0);
}
static int tap_set_mtu(struct vport *vport, int mtu)
{
    return change(vport, SET_MTU, (struct eth_addr){{0}}, mtu);
}
static int tap_set_admin(struct vport *vport, bool up)
{
    return change(vport, SET_UP, (struct eth_addr){{0}}, up);
}

static void tap_get_driver_info(const struct vport *vport, struct smap *status)
{
    struct device_info info;
    bool elsewhere;
    if (!enter(tap_cast(vport), &info, &elsewhere)) {
        device_get_driver_info(vport, status);
    }
    leave(elsewhere);
}

#define TAP_HOOKS                                                                                            \
    .needs_host = true, .has_qdisc = true, .counts_down = true, .close = tap_close, .rxq_recv = tap_recv,    \
    .send = tap_send, .refresh = tap_refresh, .get_stats = tap_get_stats, .set_mac = tap_set_mac,            \
    .set_mtu = tap_set_mtu, .set_admin = tap_set_admin, .get_driver_info = tap_get_driver_info,              \
    .is_attached = tap_is_attached

const struct vport_ops vport_ops_internal = {.type = "internal", .open = internal_open, TAP_HOOKS};
const struct vport_ops vport_ops_tap = {.type = "tap", .open = tap_open, TAP_HOOKS};
