/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. The configuration as translation sees it: one immutable picture of all bridges, their ports,
 * bundles and mirrors, published by pipeline_commit().
 *
 * What lives on beyond a snapshot (a bridge's tables and MAC table, a port's counters) is pointed to; those
 * objects are freed a grace period after the last snapshot that names them.
 *
 * Ownership: the pipeline owns the current snapshot; the one it replaces is freed after a grace period.
 * Thread-safety: immutable. Any RCU-registered thread reads snapshot_get() and keeps it until it is
 * quiescent. */
#ifndef PIPELINE_SNAPSHOT_H
#define PIPELINE_SNAPSHOT_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/hmap.h"
#include "base/rcu.h"
#include "base/types.h"
#include "flow/tun_md.h"
#include "pipeline/ipfix.h"
#include "pipeline/ofproto.h"

#define MAX_MIRRORS 32

struct bond;
struct bond_view;
struct dp_backer;
struct flow_key;
struct sflow;
struct tunnel_config;
struct tunnel_map;
struct tunnel_net;
struct xbridge;
struct xbundle;

/* What passed a patch port; and a mirror. Counted by many threads. */
struct traffic_counters {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* relaxed atomics */
    int refs;                                            /* atomic */
    struct rcu_head rcu;
};

/* Packets of this priority are marked on their way out. */
struct xmark {
    uint32_t priority;
    uint8_t tos; /* the DSCP where it stands in an IP header */
};

struct xoam;

struct xport {
    struct hmap_node by_dp;  /* in snapshot.by_dp; not for patch ports */
    struct hmap_node by_ofp; /* in xbridge.by_ofp */
    const char *name;
    uint32_t ofp_port, dp_port; /* dp_port PACKET_NO_PORT: a patch port */
    uint32_t config, state;     /* OFPROTO_PC_*, OFPROTO_PS_* */
    uint32_t ifindex;           /* the device's; 0: none */
    bool is_patch;
    const struct tunnel_config *tunnel; /* NULL: no tunnel; dp_port is shared then */
    struct xbridge *bridge;
    struct xbundle *bundle; /* NULL: none, drops */
    struct xport *peer;     /* patch port: NULL while it has no peer */
    struct traffic_counters *counters;
    const struct xoam *oam;    /* whose frames are its own; NULL: nobody's */
    const struct xmark *marks; /* of its queues */
    size_t n_marks;
};

struct xbundle {
    struct hmap_node by_id; /* in xbridge.by_id */
    uint32_t id;            /* for the MAC table; never used again in this bridge */
    const char *name;
    struct xbridge *bridge;
    enum ofproto_vlan_mode vlan_mode;
    int vlan;                    /* -1: trunk */
    const unsigned long *trunks; /* NULL: all */
    const unsigned long *cvlans;
    uint16_t qinq_ethtype;
    enum ofproto_priority_tags priority_tags;
    bool protect;
    bool floodable;
    struct xport **members;
    size_t n_members;
    uint32_t src_mirrors, dst_mirrors; /* bit I: mirror I takes what comes in here, goes out here */
    uint32_t mirror_out;               /* bit I: this is mirror I's output */
    bool mcast_flood, mcast_flood_reports;
    bool lacp;                    /* its ports' LACPDUs are its own */
    const struct bond_view *bond; /* NULL: no bond */
    struct xport **bond_members;  /* by the index that it has in `bond` */
    struct bond *account;         /* its bytes; a reference. NULL: no bond */
    uint32_t recirc_id;           /* 0: the bond's packets leave without coming back first */
};

struct xmirror {
    const char *name; /* NULL: the place is free */
    const unsigned long *vlans;
    struct xbundle *out; /* or */
    int out_vlan;        /* -1 */
    uint16_t snaplen;
    uint32_t dup_mirrors; /* those with the same output, itself included */
    struct traffic_counters *counters;
};

struct xbridge {
    const char *name;
    struct ofproto *ofproto;
    struct dp_backer *backer;
    struct hmap by_ofp;   /* struct xport */
    struct hmap by_id;    /* struct xbundle */
    struct xport **ports; /* in the order in which the reference floods `all` */
    size_t n_ports;
    struct xbundle **bundles; /* in the order in which NORMAL floods */
    size_t n_bundles;
    struct xmirror mirrors[MAX_MIRRORS];
    bool has_mirrors;
    const unsigned long *flood_vlans; /* NULL: none */
    bool forward_bpdu;
    bool mcast, mcast_flood_unregistered; /* it snoops */
    uint8_t spanning;                     /* enum spanning_protocol */
    struct xport *local;                  /* NULL: none */
    struct tun_md_table tun_md;           /* tunnel options that have names here */
    struct netflow *netflow;              /* NULL: none */
    struct sflow *sflow;                  /* NULL: none */
    uint32_t sflow_probability;           /* of UINT32_MAX; 0: nothing is sampled */
    struct ipfix *ipfix;                  /* NULL: none */
    struct ipfix_sampling ipfix_sampling;
};

struct snapshot {
    uint64_t seq; /* grows with each commit that changed something */
    struct hmap by_dp;
    struct xbridge **bridges;
    size_t n_bridges;
    int vlan_limit;
    struct tunnel_map *tunnels; /* to struct xport */
    struct tunnel_net *net;
    void *chunks; /* memory, freed as a whole */
    size_t chunk_used, chunk_size;
    struct rcu_head rcu;
};

/* The current one, never NULL. */
const struct snapshot *snapshot_get(const struct pipeline *);
/* The port that datapath BACKER calls DP_PORT, or NULL. */
const struct xport *snapshot_port(const struct snapshot *, const struct dp_backer *, uint32_t dp_port);
/* The port that a packet with KEY came in by: of the tunnels that share a vport, the one that its metadata
 * says. */
const struct xport *snapshot_input(const struct snapshot *, const struct dp_backer *,
                                   const struct flow_key *);
/* The port of BACKER's bridges that is device NAME, or NULL. */
const struct xport *snapshot_device(const struct snapshot *, const struct dp_backer *, const char *name);
const struct xbridge *snapshot_bridge(const struct snapshot *, const struct ofproto *); /* or NULL */
const struct xport *xbridge_port(const struct xbridge *, uint32_t ofp_port);            /* or NULL */
const struct xbundle *xbridge_bundle(const struct xbridge *, uint32_t id);              /* or NULL */

/* control. Builds one from the bridges as they are now, publishes it. */
void snapshot_publish(struct pipeline *);
void snapshot_destroy(struct snapshot *); /* nobody reads it */

struct traffic_counters *traffic_counters_create(void);
void traffic_counters_unref(struct traffic_counters *); /* frees after a grace period */
static inline void traffic_count_rx(struct traffic_counters *c, uint64_t packets, uint64_t bytes)
{
    __atomic_fetch_add(&c->rx_packets, packets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->rx_bytes, bytes, __ATOMIC_RELAXED);
}
static inline void traffic_count_tx(struct traffic_counters *c, uint64_t packets, uint64_t bytes)
{
    __atomic_fetch_add(&c->tx_packets, packets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->tx_bytes, bytes, __ATOMIC_RELAXED);
}

#endif
