/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A vport: a device that packets come from and go to. Its kinds (AF_PACKET, TAP, dummy, null,
 * pcap replay; later AF_XDP, DPDK) are rows of one table of `struct vport_ops`.
 *
 * Ownership: vport_open() makes it, vport_close() ends it; in between it is handed to a datapath, whose
 * forwarding threads receive and send. vport_close() is called only when no forwarding thread can hold it.
 *
 * Threads. control: open, close, configure, status. forwarding: rxq_recv, send; at most one thread at a time
 * per receive queue, and per transmit queue (queue number = index of the forwarding thread, modulo n_txq; a
 * kind with fewer queues than threads locks inside send). Statistics are counted by their thread alone and
 * summed by readers.
 *
 * Errors: 0 or a positive errno; where a person caused it, *errorp gets a text (malloc'd) that names device,
 * cause and remedy, as the interface's `error` column will show it. */
#ifndef PORT_VPORT_H
#define PORT_VPORT_H 1

#include <net/if.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/types.h"
#include "packet/drop.h"
#include "packet/packet.h"
#include "port/policer.h"

#define VPORT_NAME_MAX 64

struct smap; /* base/smap.h: ordered string -> string map */
struct vport;
struct vport_ops;
struct vport_qos;

/* One receive queue. Embedded by the kinds in a structure of their own. */
struct vport_rxq {
    struct vport *vport;
    uint16_t queue;
    int fd; /* readable when packets wait: what a sleeping thread polls; -1: no descriptor, poll it (null,
               pcap) */
    uint64_t dropped[DROP_N_REASONS]; /* what came in and was not handed on, by reason; the receiving thread
                                         writes */
};

/* What `ovs-vsctl list interface` shows under statistics, by the keys that it shows. UINT64_MAX: not known,
 * and not shown. Packets "received" are those that enter the datapath, also where the host counts the same
 * packets as transmitted (internal, tap). */
#define VPORT_STATS(X)                                                                                       \
    X(rx_packets)                                                                                            \
    X(tx_packets)                                                                                            \
    X(rx_bytes)                                                                                              \
    X(tx_bytes)                                                                                              \
    X(rx_errors)                                                                                             \
    X(tx_errors)                                                                                             \
    X(rx_dropped)                                                                                            \
    X(tx_dropped)                                                                                            \
    X(collisions) X(rx_multicast_packets) X(rx_over_err) X(rx_crc_err) X(rx_frame_err) X(rx_missed_errors)
struct vport_stats {
#define X(NAME) uint64_t NAME;
    VPORT_STATS(X)
#undef X
};

/* State as the control thread last saw it; vport_status_seq() grows with each change. */
/* What a link can do and does: sets of VPORT_LINK_*, whose bits are those of OpenFlow's port features. */
struct vport_link {
    uint32_t current, advertised, supported, peer;
};
#define VPORT_LINK_10M_HALF   (1u << 0)
#define VPORT_LINK_10M_FULL   (1u << 1)
#define VPORT_LINK_100M_HALF  (1u << 2)
#define VPORT_LINK_100M_FULL  (1u << 3)
#define VPORT_LINK_1G_HALF    (1u << 4)
#define VPORT_LINK_1G_FULL    (1u << 5)
#define VPORT_LINK_10G_FULL   (1u << 6)
#define VPORT_LINK_40G_FULL   (1u << 7)
#define VPORT_LINK_100G_FULL  (1u << 8)
#define VPORT_LINK_1T_FULL    (1u << 9)
#define VPORT_LINK_OTHER      (1u << 10)
#define VPORT_LINK_COPPER     (1u << 11)
#define VPORT_LINK_FIBER      (1u << 12)
#define VPORT_LINK_AUTONEG    (1u << 13)
#define VPORT_LINK_PAUSE      (1u << 14)
#define VPORT_LINK_PAUSE_ASYM (1u << 15)

struct vport_status {
    bool gone; /* the device vanished: close the vport; when it comes back, vport_monitor_run() says its name
                */
    bool elsewhere; /* moved to another network namespace, and in use there; `ifindex` is of there */
    bool admin_up;
    bool link_up;
    struct eth_addr mac;
    int mtu;     /* bytes, without the link-layer header */
    int ifindex; /* 0: none */
    int64_t link_resets;
    uint64_t speed_bps; /* 0: not known */
    bool full_duplex;
    struct vport_link link; /* all 0: not known */
    char driver[32];        /* "veth", "tun"; "" if not known */
};

/* Can an egress take these as they are? Checked before send; what it cannot take is resolved in software
 * first (packet/gso.h, packet/csum.h) by vport_send(). */
#define VPORT_TX_CSUM      0x1 /* partial checksums */
#define VPORT_TX_TSO       0x2 /* TCP segments up to 64 KiB */
#define VPORT_TX_USO       0x4 /* PACKET_GSO_UDP_L4 */
#define VPORT_TX_VXLAN_TSO 0x8 /* TCP segments inside VXLAN: no virtio_net_hdr can say it */

struct vport {
    struct list node;            /* control thread: all open vports */
    const struct vport_ops *ops; /* immutable */
    char *name;                  /* immutable: the device's */
    uint32_t port_no;            /* datapath port number, set by the datapath; immutable once it forwards */
    uint32_t tx_features;        /* VPORT_TX_* */
    uint16_t n_rxq, n_txq;
    struct vport_rxq **rxqs;     /* n_rxq of them */
    struct vport_status status;  /* control thread */
    _Atomic uint32_t status_seq; /* grows when `status` changed */
    bool started;                /* control thread */
    _Atomic uint32_t mtu;        /* what forwarding threads check */
    _Atomic bool up;             /* administratively up: what forwarding threads check */
    struct policer policer;      /* of what it receives; the datapath asks it */
    struct vport_qos *qos;       /* control thread: of what leaves its device (port/qos.h); NULL: none yet */
    uint16_t shortcut; /* its number there (port/shortcut.h), immutable while it forwards; 0: it has none */
};

/* What the forwarding thread says to send with. */
struct vport_tx {
    uint16_t queue;
    struct packet_pool *pool;         /* where software segmentation takes packets from */
    uint64_t dropped[DROP_N_REASONS]; /* the kind adds here what it could not send, by reason */
};

struct vport_ops {
    const char *type; /* the Interface's `type`: "system", "internal", "tap", "dummy", ... */
    bool is_dummy;    /* registered by --enable-dummy alone */
    bool is_tunnel;   /* no device: what many tunnels share in a datapath */
    bool needs_host;  /* touches the host's devices: not with --disable-system */
    bool has_qdisc;   /* the kernel's queueing disciplines can be had on its device (port/qos.h) */
    bool synthetic;   /* needs no forwarding thread: packets are handed in (dummy) */
    bool counts_down; /* is sent to while it is down too: the device refuses, and counts it for the host to
                         see */

    /* Makes the vport NAME with OPTIONS (the Interface's, may be NULL). The device is not forwarding yet.
     * ENODEV, EBUSY, EINVAL, EPERM as mission.md's table says. */
    int (*open)(const char *name, const struct smap *options, struct vport **, char **errorp);
    void (*close)(struct vport *);

    /* Applies changed OPTIONS; EAGAIN: close and open anew. May be NULL. */
    int (*set_options)(struct vport *, const struct smap *options, char **errorp);

    /* Starts and stops taking packets: the gate shuts and opens (what a device receives is ours alone, or the
     * host's again). */
    int (*start)(struct vport *, char **errorp);
    void (*stop)(struct vport *);

    /* Up to BATCH_SIZE packets, from POOL, appended to an empty BATCH; never waits. 0 with packets, EAGAIN
     * without, another errno if the device is gone. After a call that emptied the queue it may say EAGAIN
     * once without looking, so call until EAGAIN, or poll. forwarding thread. */
    int (*rxq_recv)(struct vport_rxq *, struct packet_pool *, struct packet_batch *);

    /* Sends and consumes every packet of BATCH, in order; what cannot be sent is freed and counted in TX.
     * Packets are what tx_features says the egress takes. Never waits. forwarding thread. */
    void (*send)(struct vport *, struct vport_tx *, struct packet_batch *);

    /* control thread. A kind may lack any of these but get_stats (NULL). */
    /* The device has these queues from now on, ascending (port/qos.h). */
    void (*set_queues)(struct vport *, const uint32_t *queues, size_t n);
    /* Packets of the queue that the kernel has not counted, since set_queues() first had it. */
    uint64_t (*get_uncounted)(const struct vport *, uint32_t queue);
    int (*refresh)(struct vport *);                               /* looks at the device; updates `status` */
    int (*get_stats)(const struct vport *, struct vport_stats *); /* fills in every member */
    /* The device has left our network namespace: does the vport still have it? NULL: no. */
    bool (*is_attached)(const struct vport *);
    int (*set_mac)(struct vport *, struct eth_addr); /* `status` is up to date when these three return */
    int (*set_mtu)(struct vport *, int mtu);
    int (*set_admin)(struct vport *, bool up);
    void (*get_driver_info)(const struct vport *, struct smap *); /* the Interface's `status` column */
    /* Statistics beyond VPORT_STATS. May be NULL. */
    void (*get_custom_stats)(const struct vport *, void (*each)(const char *name, uint64_t, void *aux),
                             void *aux);
};

/* The table of kinds. */
const struct vport_ops *vport_ops_lookup(const char *type);       /* NULL: none. "" is "system" */
void vport_enable_dummy(bool override_all, bool override_system); /* --enable-dummy[=override|system] */
void vport_disable_system(void);                                  /* --disable-system */
void vport_list_types(void (*each)(const struct vport_ops *, void *aux), void *aux);

/* control thread */
int vport_open(const char *type, const char *name, const struct smap *options, struct vport **,
               char **errorp);
void vport_close(struct vport *); /* NULL is legal; stops it first if it is started */
int vport_start(struct vport *, char **errorp);
void vport_stop(struct vport *);
struct vport *vport_find(const char *name); /* among the open ones; NULL: none */
uint32_t vport_status_seq(const struct vport *);
/* Polices what it receives from now on. EOPNOTSUPP: a dummy. */
int vport_set_policing(struct vport *, const struct policer_config *);

/* forwarding thread: resolves what the egress cannot take (cutlen, checksums, segments, MTU), then ops->send.
 */
void vport_send(struct vport *, struct vport_tx *, struct packet_batch *);

/* Device changes (link, MTU, rename, removal, arrival) of all vports, from rtnetlink: a descriptor for the
 * control loop, and what to do when it is readable. `on_change` is called with the vport (which it
 * may close), or NULL and the name of a device that came or changed and that nobody has open, or NULL and
 * NULL if notifications were lost, and anything that could not be opened may be there now. */
int vport_monitor_fd(void);
void vport_monitor_run(void (*on_change)(struct vport *, const char *name, void *aux), void *aux);

#endif
