/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. A bridge's OpenFlow switch, and the pipeline: all of them together with what they share.
 *
 *   struct pipeline   all bridges of the process, the recirculation ids, the slow path of each datapath in
 * use struct ofproto    one bridge: ports, bundles (Port records), mirrors, tables of rules
 * (pipeline/rule.h), groups, MAC table
 *
 * How a change takes effect. The control thread changes ports, bundles and mirrors with the calls below;
 * nothing of it is seen by translation until pipeline_commit(), which publishes one new immutable snapshot
 * (pipeline/snapshot.h) and lets revalidation mend the cached flows that it touches. So a reconfiguration
 * makes all its calls and commits once; a command that answers "done" has committed before. Rules need no
 * commit: they carry versions (pipeline/rule.h).
 *
 * Ownership: the pipeline owns the bridges, a bridge owns its ports, bundles, mirrors, rules. Strings given
 * are copied. Names: a bridge by its name, unique in the process; a port by the interface's name, a bundle
 * and a mirror by the record's name, each unique in the bridge.
 *
 * Thread-safety: every function here is for the control thread alone. Slow-path threads read the snapshot.
 *
 * Errors: 0 or a positive errno; *errorp gets a text (malloc'd) for the `error` column where there is one. */
#ifndef PIPELINE_OFPROTO_H
#define PIPELINE_OFPROTO_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"
#include "openflow/types.h"

struct datapath;
struct mac_table;
struct ipfix_bridge_settings;
struct ipfix_set_settings;
struct netflow_settings;
struct sflow_settings;
struct ofproto;
struct ofproto_bond;
struct ofservice;
struct pipeline;
struct smap;
struct strbuf;
struct task_queue;
struct tunnel_config;
struct tunnel_net;

/* OpenFlow port numbers are the 32-bit ones of openflow/types.h, OFPP_* included. */

/* The tables that OpenFlow sees are 0 to 253; the last one is the switch's own. */
#define OFPROTO_N_TABLES       255
#define OFPROTO_TABLE_INTERNAL 254

/* ------------------------------------------------------------------ pipeline */

/* QUEUE is the control thread's: time-outs, ageing and periodic revalidation are tasks in it. */
struct pipeline *pipeline_create(struct task_queue *);
void pipeline_destroy(struct pipeline *); /* its bridges too */

/* Publishes what changed since the last commit and mends the cached flows. Cheap if nothing changed. When it
 * returns no packet received later is treated by the old configuration: for datapaths with threads it waits
 * for their revalidator, which looks at every cached flow (10,000 take about 1 ms). */
void pipeline_commit(struct pipeline *);
/* The same without the wait: cached flows follow on the revalidator's thread. */
void pipeline_start_commit(struct pipeline *);

/* What was committed up to now, to be asked after: for each datapath, the change that its flows are to agree
 * with. */
struct pipeline_mark {
    size_t n;
    struct {
        unsigned datapath;
        uint64_t generation;
    } waits[8];
};
/* After a commit. False: flows do not agree with all of it yet; the function that pipeline_on_settled() was
 * given is called when that may have changed. */
bool pipeline_mark(struct pipeline *, struct pipeline_mark *);
bool pipeline_is_settled(const struct pipeline *, const struct pipeline_mark *);
/* SETTLED is called at the end of commits, so it does no more than to have something done soon. */
void pipeline_on_settled(struct pipeline *, void (*settled)(void *aux), void *aux);
/* CHANGED is called when something that the database is told of changed by itself: a bond's active member, a
 * protocol's state. It does no more than to have it written soon. */
void pipeline_on_status(struct pipeline *, void (*changed)(void *aux), void *aux);

/* Settings of the Open_vSwitch table's other_config: flow-limit, max-idle, max-revalidator,
 * min-revalidate-pps, vlan-limit, n-handler-threads, n-revalidator-threads,
 * pmd-cpu-mask, pmd-rxq-isolate. Unknown keys are ignored. */
void pipeline_set_config(struct pipeline *, const struct smap *other_config);

/* WAKE is called, on any thread, when something waits that only the control thread can do (a rule to be
 * learned, flows to be revalidated): it is to have pipeline_commit() called there soon. */
void pipeline_set_wake(struct pipeline *, void (*wake)(void *aux), void *aux);
void pipeline_wake(struct pipeline *);

/* Routes, neighbours and listeners of tunnels. */
struct tunnel_net *pipeline_net(const struct pipeline *);

struct ofproto *pipeline_find(const struct pipeline *, const char *bridge); /* NULL: none */
/* In the order of names. */
void pipeline_for_each(const struct pipeline *, void (*each)(struct ofproto *, void *aux), void *aux);

/* What leaves the pipeline upward: connections to controllers and the daemon bind these. All may be NULL.
 * Called on the thread that translated (slow path) unless it says otherwise. */
struct ofproto_packet_in;
struct pipeline_hooks {
    /* A packet for controllers; the hook copies what it keeps. Slow path and control threads. */
    void (*packet_in)(struct ofproto *, const struct ofproto_packet_in *, void *aux);
    /* control. Rule life: what OFPT_FLOW_REMOVED and flow monitors tell. REASON as OpenFlow's OFPRR_*. */
    void (*rule_added)(struct ofproto *, const void *rule, void *aux);
    void (*rule_modified)(struct ofproto *, const void *rule, void *aux);
    void (*rule_removed)(struct ofproto *, const void *rule, uint8_t reason, void *aux);
    /* control. A port came, changed, went. REASON as OFPPR_*. */
    void (*port_status)(struct ofproto *, uint32_t ofp_port, uint8_t reason, void *aux);
    void *aux;
};
void pipeline_set_hooks(struct pipeline *, const struct pipeline_hooks *);

/* ------------------------------------------------------------------ bridge */

enum ofproto_fail_mode {
    OFPROTO_STANDALONE, /* without a controller: one rule, priority 0, NORMAL */
    OFPROTO_SECURE,     /* no rules but those given */
};

/* Makes a bridge on the datapath of DATAPATH_TYPE ("" is "system"), with no port yet. EEXIST: there is a
 * bridge NAME; EAFNOSUPPORT: no such type. */
int ofproto_create(struct pipeline *, const char *name, const char *datapath_type, struct ofproto **,
                   char **errorp);
/* Ports leave the datapath too. destroy(NULL) is legal. */
void ofproto_destroy(struct ofproto *);

const char *ofproto_name(const struct ofproto *);
struct datapath *ofproto_datapath(const struct ofproto *);
struct pipeline *ofproto_pipeline(const struct ofproto *);
uint64_t ofproto_datapath_id(const struct ofproto *);
void ofproto_set_datapath_id(struct ofproto *, uint64_t);

/* STANDALONE brings its NORMAL rule if no controller is configured; SECURE takes it away. With controllers
 * the rules are theirs: all go when the first one is configured, and when the last one is not any more. */
void ofproto_set_fail_mode(struct ofproto *, enum ofproto_fail_mode, bool has_controller);

/* The bridge's OpenFlow sessions (ofconn/ofconn.h), where asynchronous messages go. NULL: none. They belong
 * to whoever set them. */
void ofproto_set_sessions(struct ofproto *, struct ofservice *);
struct ofservice *ofproto_sessions(const struct ofproto *);

/* What OFPST_DESC says: NULL: "None". */
void ofproto_set_description(struct ofproto *, const char *description, const char *serial);
const char *ofproto_description(const struct ofproto *);
const char *ofproto_serial(const struct ofproto *);

void ofproto_set_mac_config(struct ofproto *, int idle_time_s, size_t max_entries); /* 300 s, 8192 */
/* 4096 bits, NULL: none. On these VLANs nothing is learned and everything floods. */
void ofproto_set_flood_vlans(struct ofproto *, const unsigned long *flood_vlans);
void ofproto_set_forward_bpdu(struct ofproto *, bool);
/* BRIDGE: NULL: it samples nothing by itself. */
void ofproto_set_ipfix(struct ofproto *, const struct ipfix_bridge_settings *bridge,
                       const struct ipfix_set_settings *, size_t n_sets);
void ofproto_set_sflow(struct ofproto *, const struct sflow_settings *);     /* NULL: none */
void ofproto_set_netflow(struct ofproto *, const struct netflow_settings *); /* NULL: none */
struct mac_table *ofproto_mac_table(const struct ofproto *);

/* A Flow_Table record. */
struct ofproto_table_settings {
    const char *name; /* NULL: none */
    size_t max_rules; /* SIZE_MAX: no limit */
    bool evict;       /* a full table evicts rules that would expire, instead of refusing new ones */
};
/* NULL: as a table is that has no record. What is above a new limit is evicted, as far as it may be. */
void ofproto_set_table(struct ofproto *, unsigned table_id, const struct ofproto_table_settings *);

/* How fragments of IP packets are treated; the numbers are OpenFlow's. */
enum ofproto_fragments {
    OFPROTO_FRAGMENTS_NORMAL,       /* matched without ports */
    OFPROTO_FRAGMENTS_DROP,         /* dropped */
    OFPROTO_FRAGMENTS_NX_MATCH = 3, /* the first one with its ports */
};

/* ------------------------------------------------------------------ ports */

struct ofproto_port_settings {
    const char *name;
    const char *type;           /* "", "system", "internal", "patch", "dummy" ... */
    const struct smap *options; /* of the Interface; `peer` of a patch port. May be NULL */
    uint32_t ofp_port_request;  /* OFPP_NONE: any, from 1 up; OFPP_LOCAL for the bridge's own */
};

/* What a port is, for status columns, OpenFlow's port descriptions and dpif/show. Valid until the next
 * change. */
struct ofproto_port {
    const char *name;
    const char *type;
    uint32_t ofp_port;
    uint32_t dp_port;                   /* PACKET_NO_PORT: a patch port; a tunnel's is shared */
    uint32_t config;                    /* OFPROTO_PC_* bits below; PORT_DOWN is the device's own state */
    uint32_t state;                     /* OFPROTO_PS_* */
    const char *bundle;                 /* NULL: in none yet */
    const char *peer;                   /* patch port: its peer's name */
    const struct tunnel_config *tunnel; /* NULL: no tunnel */
    struct vport *vport;                /* NULL: none of its own (patch, tunnel) */
    struct eth_addr mac;                /* the device's, or a patch port's own */
    int64_t created_ms;                 /* by clock_ms() */
    bool only_10_differs;               /* its last change is one of OFPROTO_PC_10_ONLY alone */
};

#define OFPROTO_PC_PORT_DOWN    (1u << 0)
#define OFPROTO_PC_NO_STP       (1u << 1)
#define OFPROTO_PC_NO_RECV      (1u << 2)
#define OFPROTO_PC_NO_RECV_STP  (1u << 3)
#define OFPROTO_PC_NO_FLOOD     (1u << 4)
#define OFPROTO_PC_NO_FWD       (1u << 5)
#define OFPROTO_PC_NO_PACKET_IN (1u << 6)
/* Those that OpenFlow 1.0 alone has. */
#define OFPROTO_PC_10_ONLY (OFPROTO_PC_NO_STP | OFPROTO_PC_NO_RECV_STP | OFPROTO_PC_NO_FLOOD)

#define OFPROTO_PS_LINK_DOWN (1u << 0)
#define OFPROTO_PS_BLOCKED   (1u << 1)
#define OFPROTO_PS_LIVE      (1u << 2)
/* By the spanning tree; as OpenFlow 1.0 has it, which alone shows it. */
#define OFPROTO_PS_STP_LEARN   (1u << 8)
#define OFPROTO_PS_STP_FORWARD (2u << 8)
#define OFPROTO_PS_STP_BLOCK   (3u << 8)
#define OFPROTO_PS_STP_MASK    (3u << 8)
/* Not shown: it takes part in the spanning tree, and packets are learned from, forwarded. */
#define OFPROTO_PS_IN_TREE  (1u << 16)
#define OFPROTO_PS_LEARNS   (1u << 17)
#define OFPROTO_PS_FORWARDS (1u << 18)

/* Opens the device in the datapath (a patch port needs none) and gives it an OpenFlow number. It carries
 * traffic once it is in a bundle and that is committed. EBUSY with a request: the number is taken, EEXIST:
 * the name is. */
int ofproto_port_add(struct ofproto *, const struct ofproto_port_settings *, uint32_t *ofp_port,
                     char **errorp);
int ofproto_port_del(struct ofproto *, uint32_t ofp_port);
int ofproto_port_set_options(struct ofproto *, uint32_t ofp_port, const struct smap *options, char **errorp);
/* Which receive queues go to which processors: "QUEUE:CPU,..."; NULL: none is bound. */
void ofproto_port_set_affinity(struct ofproto *, uint32_t ofp_port, const char *affinity);
int ofproto_port_get(const struct ofproto *, uint32_t ofp_port, struct ofproto_port *);     /* ENODEV */
int ofproto_port_get_name(const struct ofproto *, const char *name, struct ofproto_port *); /* ENODEV */
void ofproto_port_for_each(const struct ofproto *, void (*each)(const struct ofproto_port *, void *aux),
                           void *aux);
/* The bits of MASK in the port's config become CONFIG's (OFPT_PORT_MOD). */
int ofproto_port_set_config(struct ofproto *, uint32_t ofp_port, uint32_t config, uint32_t mask);
/* The device's state changed (link, admin state, MTU): called by whoever watches devices. */
void ofproto_port_changed(struct ofproto *, uint32_t ofp_port);

/* A queue of a port whose packets are marked: IP packets that leave by it get the DSCP. */
struct ofproto_queue_mark {
    uint32_t queue;
    uint8_t dscp;
};
void ofproto_port_set_marks(struct ofproto *, uint32_t ofp_port, const struct ofproto_queue_mark *, size_t n);
/* The priority by which packets for QUEUE are known in the bridge's datapath. False: it has no such queue. */
bool ofproto_queue_priority(const struct ofproto *, uint32_t queue, uint32_t *priority);

struct ofproto_port_stats {
    uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
};
/* What passed a patch port or a tunnel, which no device counts. */
int ofproto_patch_stats(const struct ofproto *, uint32_t ofp_port, struct ofproto_port_stats *);

/* ------------------------------------------------------------------ bundles: the Port records */

enum ofproto_vlan_mode {
    OFPROTO_VLAN_ACCESS,
    OFPROTO_VLAN_TRUNK,
    OFPROTO_VLAN_NATIVE_TAGGED,
    OFPROTO_VLAN_NATIVE_UNTAGGED,
    OFPROTO_VLAN_DOT1Q_TUNNEL,
};
enum ofproto_priority_tags {
    OFPROTO_PRIORITY_TAGS_NEVER,
    OFPROTO_PRIORITY_TAGS_IF_NONZERO,
    OFPROTO_PRIORITY_TAGS_ALWAYS,
};

struct ofproto_bundle_settings {
    const char *name;
    const uint32_t *members; /* OpenFlow ports; more than one: a bond */
    size_t n_members;
    enum ofproto_vlan_mode vlan_mode;
    int vlan;                    /* ACCESS, NATIVE_*, DOT1Q_TUNNEL: the tag; TRUNK: -1 */
    const unsigned long *trunks; /* 4096 bits, NULL: all VLANs */
    const unsigned long *cvlans; /* likewise, for DOT1Q_TUNNEL */
    uint16_t qinq_ethtype;       /* 0x88a8 or 0x8100; 0: 0x88a8 */
    enum ofproto_priority_tags priority_tags;
    bool protect;                    /* no traffic between protected ports */
    const struct ofproto_bond *bond; /* pipeline/bond.h; NULL: no bond, no LACP: the first member is used */
};

/* Makes the bundle, or changes it to these settings. A port leaves the bundle that it was in. */
int ofproto_bundle_set(struct ofproto *, const struct ofproto_bundle_settings *);
void ofproto_bundle_remove(struct ofproto *, const char *name); /* its ports stay, in no bundle */

/* ------------------------------------------------------------------ mirrors */

struct ofproto_mirror_settings {
    const char *name;
    bool select_all;                /* every packet received or sent */
    const char *const *src_bundles; /* received by these */
    size_t n_src;
    const char *const *dst_bundles; /* sent to these */
    size_t n_dst;
    const unsigned long *vlans; /* 4096 bits; NULL: all */
    const char *out_bundle;     /* NULL: out_vlan */
    uint16_t out_vlan;          /* 0: none */
    uint16_t snaplen;           /* 0: whole packets */
};

/* ENOSPC: there are 32 already. */
int ofproto_mirror_set(struct ofproto *, const struct ofproto_mirror_settings *);
void ofproto_mirror_remove(struct ofproto *, const char *name);
int ofproto_mirror_stats(const struct ofproto *, const char *name, uint64_t *packets, uint64_t *bytes);
/* Is the bundle NAME the output of some mirror? (It then forwards nothing else.) */
bool ofproto_is_mirror_output(const struct ofproto *, const char *bundle);

#endif
