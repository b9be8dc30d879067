/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. The datapath contract: what the switch asks of a datapath, whatever it is made of. The first is
 * the userspace datapath (datapath/); an in-kernel one in eBPF and a driver of the kernel's own module come
 * later, so nothing here says how the userspace datapath works.
 *
 * Words. A *flow* is a cached decision: key under mask -> datapath actions (action/action.h), known by its
 * *ufid*. An *upcall* hands a packet to the slow path: a miss, or a `userspace` action. A *handler* is the
 * datapath's side of one slow-path thread: upcalls are received from it and packets executed with it.
 *
 * Threads. "control" hooks are called by the control thread alone; "handler" hooks by the thread that the
 * handler belongs to; flow hooks by any thread that has a handler, with the datapath serialising its writers.
 * The control thread has a handler of its own (for packet-out, and for the inline datapath).
 *
 * Errors: 0 or a positive errno. */
#ifndef DPIF_DPIF_H
#define DPIF_DPIF_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/bytebuf.h"
#include "base/hmap.h"
#include "base/strbuf.h"
#include "base/types.h"
#include "conntrack/conntrack.h"
#include "flow/key.h"
#include "packet/packet.h"
#include "port/vport.h"

struct smap;
struct datapath;
struct dp_handler;

/* A flow's identity, 128 bits, chosen by who installs it (a keyed hash of key and mask). */
struct dp_ufid {
    uint64_t lo, hi;
};
static inline bool dp_ufid_equal(struct dp_ufid a, struct dp_ufid b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* How flows are named where there are many of them: by their identity, and by what flow_put() said of where
 * they are, which saves looking for them. A hint may be out of date, or 0; it is never believed. */
struct dp_flow_name {
    struct dp_ufid ufid;
    uint32_t hint;
};

struct dp_flow_stats {
    uint64_t packets, bytes;
    int64_t used_ms;    /* clock_ms() of the last packet; 0: never */
    uint16_t tcp_flags; /* union of those seen, host order */
};

/* Where a flow comes from; shown by dump-flows, decides what may delete it. */
enum dp_flow_origin {
    DP_FLOW_SLOW_PATH, /* installed after an upcall */
    DP_FLOW_MANUAL,    /* dpctl/add-flow: exempt from the bound on masks, from revalidation's deletion not */
};

/* As given to flow_put() and seen in a dump. In a dump all pointers are valid until the next call on it. */
struct dp_flow_desc {
    struct dp_ufid ufid;
    const struct flow_key *key;   /* complete up to FLOW_DP_BLOCKS; put: zero where the mask is */
    const struct flow_mask *mask; /* likewise */
    const void *actions;          /* struct dp_action TLVs; aligned to 8 */
    /* put: the key that the flow was made of, or NULL; get and dump show it where the mask is 0, too. */
    const struct flow_key *made_of;
    size_t actions_len; /* bytes; 0: drop */
    uint32_t *hint;     /* put, unless NULL: where the flow may be; gets the flow's hint */
    enum dp_flow_origin origin;
    struct dp_flow_stats stats; /* dump only */
};

enum dp_put_flags {
    DP_PUT_CREATE = 1, /* EEXIST if there is one with this ufid or an equal key and mask, unless MODIFY too */
    DP_PUT_MODIFY = 2, /* ENOENT if there is none, unless CREATE too; replaces the actions */
    DP_PUT_ZERO_STATS = 4, /* with MODIFY */
};

enum dp_upcall_type {
    DP_UPCALL_MISS,
    DP_UPCALL_ACTION, /* a `userspace` action */
};

/* One packet for the slow path. The packet is a copy in the handler's memory, the receiver's to free
 * (packet_free) after it has counted why, or to execute. `userdata` points into the upcall. */
struct dp_upcall {
    enum dp_upcall_type type;
    struct packet *packet;
    struct flow_key key; /* complete up to FLOW_DP_BLOCKS */
    uint16_t key_blocks;
    uint16_t userdata_len;
    uint8_t userdata[512]; /* the userspace action's cookie (action/action.h) */
    uint32_t
        out_tunnel_port; /* PACKET_NO_PORT: none; else the key of the tunnel to be sent to is in the packet */
    uint32_t
        n_actions; /* bytes of `actions`: for an action with `actions`, those of the flow that upcalled */
    const void *actions;
};

/* Run ACTIONS over PACKET, which is consumed. */
struct dp_execute {
    struct packet *packet;
    const struct flow_key *key; /* complete up to FLOW_DP_BLOCKS: metadata is taken from it */
    const void *actions;
    size_t actions_len;
};

struct dp_port_desc {
    uint32_t port_no;
    const char *name;
    const char *type; /* "system", "internal", "dummy", "vxlan" ... as dpif/show prints it */
    struct vport
        *vport; /* for status, statistics, settings: control thread only. NULL: the datapath has none */
};

struct dp_stats {
    uint64_t n_hit, n_missed, n_lost; /* packets; lost: misses that did not reach the slow path */
    uint64_t n_mask_hit;              /* masks looked at */
    uint64_t n_cache_hit;             /* found by the exact-match cache, part of n_hit */
    uint64_t n_flows;
    uint32_t n_masks;
};

struct dp_port_drops {
    uint64_t by_reason[DROP_N_REASONS];
};

struct dp_meter_band {
    uint32_t rate;  /* kbit/s or packet/s */
    uint32_t burst; /* kbit or packets */
    uint8_t type;   /* 1 drop, 2 dscp_remark, as OpenFlow 1.3 */
    uint8_t prec_level;
    uint64_t n_packets, n_bytes; /* statistics out */
};
struct dp_meter {
    bool packets; /* rates are packets, not kilobits */
    bool stats;
    uint32_t n_bands;
    struct dp_meter_band *bands;
    uint64_t n_packets, n_bytes; /* statistics out */
    int64_t created_ms;
};

/* Numbers of connection tracking that are asked for and set. */
enum dp_ct_param {
    DP_CT_MAXCONNS, /* connections at most */
    DP_CT_NCONNS,   /* connections; not to be set */
    DP_CT_SEQ_CHK,  /* TCP sequence numbers are checked */
    DP_CT_FRAG_V4,  /* fragments are put together: IPv4, IPv6 */
    DP_CT_FRAG_V6,
    DP_CT_MIN_FRAG_V4, /* bytes of a fragment, but the last, at least */
    DP_CT_MIN_FRAG_V6,
    DP_CT_MAX_FRAGS, /* that wait */
};

struct datapath_ops {
    const char *type;         /* `datapath_type`: "netdev", "system", "dummy" */
    const char *default_name; /* the one that all bridges of the type share: "ovs-netdev" */
    /* Inline: no threads and no queue; upcalls are delivered through the callback while the packet is
     * received. Otherwise handlers receive them. */
    bool is_inline;
    /* A queue is said to it as the kernel's packet schedulers are told (port/qos.h, vport_queue_priority()):
     * as the reference does with datapaths in the kernel. Otherwise by its number. */
    bool queues_by_handle;

    /* control. create: makes the datapath with its port 0 (LOCAL device) of the datapath's own name where the
     * reference has one. destroy: everything, ports included. */
    int (*create)(const struct datapath_ops *, const char *name, struct datapath **, char **errorp);
    void (*destroy)(struct datapath *);

    /* control. port_add: opens the device; *PORT_NO is the wanted number or PACKET_NO_PORT, and gets the real
     * one. port_del: returns when no forwarding thread holds the port; its upcalls are dropped with
     * UPCALL_STALE. */
    int (*port_add)(struct datapath *, const char *name, const char *type, const struct smap *options,
                    uint32_t *port_no, char **errorp);
    int (*port_del)(struct datapath *, uint32_t port_no);
    /* control. A number that is held is not given to a port that asks for any: flows may still name it. */
    void (*port_hold)(struct datapath *, uint32_t port_no, bool held);
    int (*port_set_options)(struct datapath *, uint32_t port_no, const struct smap *options, char **errorp);
    int (*port_query)(struct datapath *, uint32_t port_no, struct dp_port_desc *);
    int (*port_query_name)(struct datapath *, const char *name, struct dp_port_desc *);
    void (*port_dump)(struct datapath *, void (*each)(const struct dp_port_desc *, void *aux), void *aux);
    void (*port_drops)(struct datapath *, uint32_t port_no, struct dp_port_drops *);

    /* any thread with a handler. Overlapping flows must agree (design: "Lookup cost is bounded"). */
    int (*flow_put)(struct datapath *, const struct dp_flow_desc *, enum dp_put_flags,
                    struct dp_flow_stats *);
    int (*flow_del)(struct datapath *, struct dp_ufid,
                    struct dp_flow_stats *last); /* last counters are exact */
    /* N at once: one wait for the forwarding threads instead of N. LAST[i].used_ms is -1 for a flow that was
     * gone. */
    void (*flow_del_batch)(struct datapath *, const struct dp_flow_name *, struct dp_flow_stats *last,
                           size_t n);
    int (*flow_get)(struct datapath *, struct dp_ufid, struct dp_flow_desc *, struct bytebuf *actions);
    int (*flow_flush)(struct datapath *);
    /* Statistics of N flows at once; a flow that is gone has stats.used_ms = -1. For revalidation. */
    void (*flow_stats)(struct datapath *, const struct dp_flow_name *, struct dp_flow_stats *, size_t n);
    /* The flow will be asked for, or put, soon. Need not do anything; NULL: does not. */
    void (*flow_prefetch)(struct datapath *, const struct dp_flow_name *);
    /* Walks all flows; flows put or deleted meanwhile may be missed or seen. EACH returns false to stop. */
    void (*flow_dump)(struct datapath *, bool (*each)(const struct dp_flow_desc *, void *aux), void *aux);

    /* control. A handler for one slow-path thread, which is RCU-registered. One that takes no upcalls is for
     * executing alone (the control thread's own). NULL: too many. */
    struct dp_handler *(*handler_create)(struct datapath *, bool takes_upcalls);
    void (*handler_destroy)(struct dp_handler *);
    struct packet_pool *(*handler_pool)(struct dp_handler *);

    /* handler. upcall_recv: up to N upcalls, ports in turn with a budget for each; returns how many.
     * upcall_fd: readable when one may be there (level-triggered until received). */
    size_t (*upcall_recv)(struct dp_handler *, struct dp_upcall *, size_t n);
    int (*upcall_fd)(struct dp_handler *);
    /* Inline datapaths: called in the middle of a reception, on the thread that received. */
    void (*set_upcall_cb)(struct datapath *, void (*cb)(struct dp_upcall *, void *aux), void *aux);
    /* Runs actions now, on the calling thread. */
    int (*execute)(struct dp_handler *, struct dp_execute *);
    /* Counts PACKET's end for REASON against PORT_NO (input port), and frees it. */
    void (*drop)(struct dp_handler *, uint32_t port_no, enum drop_reason, struct packet *);

    /* control. A dummy port: FRAME comes in by receive queue QUEUE (NULL: what already waits in its queues).
     * For an inline datapath everything that follows has happened when it returns. EOPNOTSUPP: not a dummy
     * port. */
    int (*receive)(struct datapath *, uint32_t port_no, uint16_t queue, const void *frame, size_t len);

    void (*get_stats)(struct datapath *, struct dp_stats *); /* any */
    uint32_t (*n_masks)(struct datapath *);                  /* any; cheap, unlike get_stats */

    /* control. On which processors the forwarding threads run (pmd-cpu-mask; NULL: the datapath's choice),
     * and whether the thread of a bound queue is left to it; and which queues of a port are bound to which
     * (pmd-rxq-affinity; NULL: none). What is as it was costs nothing. ENODEV. */
    void (*set_forwarding)(struct datapath *, const char *cpu_mask, bool isolate);
    int (*port_set_affinity)(struct datapath *, uint32_t port_no, const char *affinity);

    /* control. Meters, by number below 2^16; ENOENT, EFBIG. */
    int (*meter_set)(struct datapath *, uint32_t meter_id, const struct dp_meter *);
    int (*meter_get)(struct datapath *, uint32_t meter_id, struct dp_meter *);
    int (*meter_del)(struct datapath *, uint32_t meter_id, struct dp_meter *last);

    /* control. Connections, fragments and segments whose time is over are forgotten: due every half second or
     * so. */
    void (*sweep)(struct datapath *);

    /* control. Connections, in the words of conntrack/conntrack.h; zone -1: all zones, or the default limit.
     * ct_flush: how many went. ct_del_limit: ENOENT. ct_set_timeouts: a policy's SECONDS, as
     * conntrack_set_timeouts() has them. */
    void (*ct_dump)(struct datapath *, int32_t zone, void (*each)(const struct ct_entry *, void *aux),
                    void *aux);
    uint32_t (*ct_flush)(struct datapath *, int32_t zone, const struct ct_match *orig,
                         const struct ct_match *reply);
    uint64_t (*ct_get)(struct datapath *, enum dp_ct_param);
    int (*ct_set)(struct datapath *, enum dp_ct_param, uint64_t value); /* EPERM: out of range */
    void (*ct_frag_status)(struct datapath *, struct ct_frag_status *);
    void (*ct_frag_dump)(struct datapath *, void (*each)(const struct ct_frag_entry *, void *aux), void *aux);
    void (*ct_set_limit)(struct datapath *, int32_t zone, uint32_t limit);
    int (*ct_del_limit)(struct datapath *, uint16_t zone);
    void (*ct_get_limit)(struct datapath *, int32_t zone, struct ct_zone_limit *);
    void (*ct_each_limit)(struct datapath *, void (*each)(const struct ct_zone_limit *, void *aux),
                          void *aux);
    void (*ct_set_timeouts)(struct datapath *, uint16_t policy, const int64_t *seconds);

    /* control. Text of the datapath's own state, in the reference's form where it has one. Which: the control
     * command's name behind "dpif-netdev/", pmd-stats-show, pmd-stats-clear, pmd-rxq-show, pmd-perf-show,
     * with its options; pmd-rxq-rebalance, which does it; and pmd-count, the number of forwarding threads.
     * ENOENT: not known. */
    int (*show)(struct datapath *, const char *which, int argc, const char *argv[], struct strbuf *);
};

/* What every datapath begins with. */
struct datapath {
    const struct datapath_ops *ops;
    char *name;
    struct hmap_node node; /* in the table of open datapaths */
    unsigned n_refs;       /* bridges that use it, and commands at work */
};

/* control. The table of kinds, and of datapaths that exist. `dpif_open` makes the datapath if need be and
 * takes a reference; the last dpif_close() leaves it to dpif_destroy_unused() (the reference destroys with
 * the last port). */
void dpif_register(const struct datapath_ops *);
const struct datapath_ops *dpif_ops_lookup(const char *type); /* "" is "system" */
int dpif_open(const char *type, const char *name, struct datapath **, char **errorp);
struct datapath *dpif_find(const char *type,
                           const char *name); /* no reference; NULL name: the default name */
void dpif_ref(struct datapath *);
void dpif_close(struct datapath *); /* drops a reference; the last destroys */
void dpif_for_each(void (*each)(struct datapath *, void *aux), void *aux);
void dpif_list_types(void (*each)(const struct datapath_ops *, void *aux), void *aux);

/* The identity that the slow path gives a flow: a keyed hash over key under mask. Any thread. */
struct dp_ufid dpif_flow_ufid(const struct flow_key *, const struct flow_mask *);

#endif
