/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. What the pipeline and a bridge are made of.
 *
 * Thread-safety, a letter on each member: i immutable; c control thread alone; r read by any RCU reader,
 * written by the control thread; t safe by itself, any thread. */
#ifndef PIPELINE_OFPROTO_IMPL_H
#define PIPELINE_OFPROTO_IMPL_H 1

#include <pthread.h>

#include "base/bitmap.h"
#include "base/hmap.h"
#include "base/list.h"
#include "base/smap.h"
#include "base/task.h"
#include "dpif/dpif.h"
#include "flow/tun_md.h"
#include "pipeline/ofproto.h"
#include "pipeline/rule.h"
#include "pipeline/snapshot.h"

struct ct_zones;
struct group;
struct mcast_table;
struct meter_table;
struct oam;
struct ofbond;
struct ofproto_port_spanning;
struct protocol_queue;
struct spanning;
struct recirc_table;
struct slow_path;
struct tunnel_config;
struct tunnel_net;

struct pipeline_config {
    unsigned flow_limit;    /* flows a datapath */
    int max_idle_ms;        /* an unused cached flow's life */
    int max_revalidator_ms; /* between two periodic passes */
    int min_revalidate_pps;
    int vlan_limit;      /* tags that are parsed; 0: as many as the key holds */
    unsigned n_handlers; /* 0: by the host's CPUs */
    unsigned n_revalidators;
    char *cpu_mask; /* where packets are forwarded; NULL: the datapath chooses */
    bool isolate;
};

#define BACKER_MAX_METERS 262144

/* A datapath in use, with its slow path. */
struct dp_backer {
    struct list node;            /* c: in pipeline.backers */
    struct pipeline *pipeline;   /* i */
    struct datapath *dp;         /* i */
    struct dp_handler *handler;  /* i: the control thread's own, for packet-out and inline upcalls */
    struct slow_path *slow_path; /* i */
    struct changes *changes;     /* t: what its cached flows are to be checked against */
    struct list settle_jobs;     /* c: pipeline/settle.h */
    unsigned id;                 /* i: unique in the pipeline */
    struct list tunnel_vports;   /* c: struct tunnel_vport_ref */
    unsigned n_refs;             /* c: bridges */
    struct ct_zones *ct_zones;   /* r: NULL: none */
    unsigned long meter_ids[BITMAP_N_WORDS(BACKER_MAX_METERS)]; /* c: the datapath's meters in use */
};

struct pipeline {
    struct task_queue *queue;         /* i */
    pthread_t control_thread;         /* i */
    struct snapshot *snapshot;        /* r */
    bool changed;                     /* c: a new snapshot waits for pipeline_commit() */
    bool parts_changed;               /* c: likewise, and only ports and bundles differ */
    bool all_changed;                 /* c: every cached flow is to be translated anew */
    struct ofproto **ofprotos;        /* c: in the order of names */
    size_t n_ofprotos, allocated;     /* c */
    struct list backers;              /* c: struct dp_backer */
    struct recirc_table *recirc;      /* t */
    struct learned_queue *learned;    /* t */
    struct protocol_queue *protocols; /* t */
    struct pipeline_hooks hooks;      /* c: set before traffic */
    struct pipeline_config config;    /* c, words read by any thread */
    uint64_t next_id;                 /* c: for ofproto.id */
    unsigned next_backer;             /* c: for dp_backer.id */
    struct task turn;                 /* c: a commit that something asks for */
    void (*wake)(void *);             /* i once set: any thread calls it */
    bool wake_pending;                /* atomic: WAKE was called, the commit has not begun */
    void *wake_aux;
    void (*settled)(void *); /* c: pipeline_on_settled() */
    void *settled_aux;
    void (*status_changed)(void *); /* c: pipeline_on_status() */
    void *status_aux;
    struct tunnel_net *net;        /* t: routes, neighbours, what tunnels listen for */
    bool net_changed;              /* atomic: it did; the next commit looks at every flow */
    struct task neighbours;        /* c: ages them */
    pthread_mutex_t requests_lock; /* of `requests`: neighbours that are to be asked for */
    struct list requests;
};

/* What others see of a port, and are told when it changes. */
struct ofport_shown {
    uint32_t config, state;
    struct eth_addr mac;
    uint64_t speed_bps;
    struct vport_link link;
};

struct ofport {
    struct hmap_node by_number;   /* c: in ofproto.ports */
    struct list bundle_node;      /* c: in bundle->members */
    struct ofproto *ofproto;      /* i */
    char *name, *type;            /* i */
    char *peer;                   /* c: patch port's; NULL: not set */
    uint32_t ofp_port;            /* i */
    uint32_t dp_port;             /* i: PACKET_NO_PORT: patch; a tunnel's changes, and others have it, too */
    struct tunnel_config *tunnel; /* c: NULL: no tunnel */
    uint32_t config, state;       /* c; PORT_DOWN in `config` is the device's own, if there is one */
    struct ofbundle *bundle;      /* c */
    uint64_t order;               /* i: grows with each port made */
    int64_t created_ms;           /* i */
    struct traffic_counters *counters;
    struct eth_addr mac;              /* i: patch port's */
    struct ofproto_queue_mark *marks; /* c */
    size_t n_marks;
    struct oam *oam;                    /* c: NULL: nothing watches its link */
    struct ofproto_port_spanning *tree; /* c: NULL: takes no part in the spanning tree */
    uint32_t tree_state;                /* c: what that says: OFPROTO_PS_* */
    struct ofport_shown shown;          /* c: what was last told of it */
    bool only_10_differs;               /* c: from what was told before: what OpenFlow 1.0 alone has */
};

struct ofbundle {
    struct list node;                      /* c: in ofproto.bundles, in the order of their making */
    struct ofproto *ofproto;               /* i */
    uint32_t id;                           /* i */
    char *name;                            /* i */
    struct list members;                   /* c: struct ofport */
    struct ofproto_bundle_settings s;      /* c: pointers in it are our own copies */
    bool mcast_flood, mcast_flood_reports; /* c */
    struct ofbond *bond;                   /* c: NULL: no bond, and no LACP */
};

struct ofmirror {
    char *name; /* NULL: free */
    bool select_all;
    struct smap src, dst; /* sets of bundle names */
    unsigned long *vlans;
    char *out_bundle;
    uint16_t out_vlan, snaplen;
    struct traffic_counters *counters;
};

struct ofproto {
    struct pipeline *pipeline; /* i */
    char *name;                /* i */
    uint64_t id;               /* i: unique in the process; in cookies of upcalls */
    struct dp_backer *backer;  /* i */
    uint64_t datapath_id;      /* c */
    enum ofproto_fail_mode fail_mode;
    bool has_controller, fail_mode_set;
    char *description, *serial;       /* c: NULL: none */
    struct ofservice *sessions;       /* c: NULL: none */
    bool miss_wanted;                 /* c, read by any thread: packets without a rule are a controller's */
    enum ofproto_fragments fragments; /* atomic */
    bool forward_bpdu;
    unsigned long *flood_vlans;
    struct mac_table *macs;                       /* t */
    struct netflow *netflow;                      /* c: NULL: none */
    struct mcast_table *mcast;                    /* t */
    bool mcast_enabled, mcast_flood_unregistered; /* c */
    struct task mcast_ageing;
    struct spanning *spanning; /* c */
    struct ipfix *ipfix;       /* c: NULL: none */
    struct sflow *sflow;       /* c: NULL: none */

    struct hmap ports;   /* c: struct ofport by number */
    size_t max_ports;    /* c: most at one time */
    uint32_t last_port;  /* c: last number given by itself */
    uint64_t next_order; /* c */
    struct list bundles; /* c */
    uint32_t next_bundle_id;
    struct ofmirror mirrors[MAX_MIRRORS];
    struct tun_md_table tun_md; /* c */

    struct oftable *tables;    /* OFPROTO_N_TABLES; classifiers are r */
    uint8_t first_egress;      /* atomic: the first egress table, 0: there is none */
    uint64_t version;          /* r: rules that are in force */
    size_t n_rules;            /* c: without hidden ones */
    struct list expirable;     /* c: rules with a time-out */
    struct list stat_triggers; /* c: of rules in force */
    struct list reaper;        /* c: removed rules that readers may still see */
    struct task expiry, reap, look_at_triggers;
    struct task mac_ageing;
    struct rule *miss_rule, *no_packet_in_rule, *drop_frags_rule; /* i: internal table */
    struct group_table *groups;                                   /* r */
    struct meter_table *meters;                                   /* r */
};

/* Any thread. */
static inline uint8_t ofproto_first_egress(const struct ofproto *ofproto)
{
    return __atomic_load_n(&ofproto->first_egress, __ATOMIC_RELAXED);
}

struct ofport *ofproto_find_port(const struct ofproto *, uint32_t ofp_port);
struct ofport *ofproto_find_port_name(const struct ofproto *, const char *);
struct ofbundle *ofproto_find_bundle(const struct ofproto *, const char *);
void ofport_leave_bundle(struct ofport *);
struct vport *ofport_vport(const struct ofport *); /* NULL: none of its own */
bool ofport_has_carrier(const struct ofport *);
/* A protocol may think otherwise of whether the port forwards. */
void ofport_refresh_live(struct ofport *);
/* What the spanning tree says of PORT: OFPROTO_PS_*. */
void ofport_set_tree_state(struct ofport *, uint32_t state);
/* What the database is told of protocols has changed. */
static inline void pipeline_status_changed(struct pipeline *p)
{
    if (p->status_changed) {
        p->status_changed(p->status_aux);
    }
}
/* Cached flows name ports by these numbers, as where packets go and where they come from: another port gets
 * one only when they agree that this port is gone. */
void backer_hold_number(struct dp_backer *, uint32_t dp_port);
void ofport_destroy(struct ofport *); /* leaves the datapath and its bundle */
void ofbundle_destroy(struct ofproto *, struct ofbundle *);
void ofmirror_clear(struct ofmirror *);
/* RULES (by `change`) were removed: they leave their classifiers after a grace period. */
void reaper_add(struct ofproto *, struct list *rules);

/* Something changed that the next commit publishes; every flow may depend on it. */
static inline void pipeline_mark_changed(struct pipeline *p)
{
    p->changed = true;
}
/* Ports or bundles changed: the next commit publishes it, and finds out what it touches. */
static inline void pipeline_mark_parts_changed(struct pipeline *p)
{
    p->parts_changed = true;
}
/* Something that no dependency is recorded for: the next commit re-translates every flow. */
static inline void pipeline_mark_all_changed(struct pipeline *p)
{
    p->all_changed = true;
}

#endif
