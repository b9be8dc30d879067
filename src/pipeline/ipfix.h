/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. IPFIX of a bridge: what sampled packets were of is told to collectors by UDP
 * (ovs-vswitchd.conf.db(5), IPFIX and Flow_Sample_Collector_Set). One exporter for the packets that the
 * bridge itself samples, one for each collector set that `sample` actions name; each has a cache of flows,
 * where it is given one, and numbers its records by itself.
 *
 * The way of a sample: translation writes a `userspace` action with a cookie; a forwarding thread sends the
 * packet up (a flood of them loses samples, counted as `upcall_lost`, and no packet); a handler records it
 * (ipfix_sample()); what is to be told waits, bounded, for the control thread, which sends it (ipfix_run()).
 *
 * Ownership: counted references; the bridge and snapshots hold them.
 * Thread-safety: any thread, but for what is said. Collectors are sent to and never waited for. */
#ifndef PIPELINE_IPFIX_H
#define PIPELINE_IPFIX_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_key;
struct ipfix;
struct ipfix_stats; /* openflow/nicira_codec.h */
struct task_queue;

#define IPFIX_DEFAULT_PORT 4739

struct ipfix_exporter_settings {
    const char *const *targets; /* "IP[:PORT]" */
    size_t n_targets;
    uint32_t active_timeout_s, max_flows; /* either is 0: no cache, each packet is a record */
    bool tunnels;                         /* records of packets from tunnels tell of them */
    const char *virtual_id;               /* NULL: none */
};

/* What the bridge itself samples. */
struct ipfix_sampling {
    uint32_t probability; /* of UINT32_MAX; 0: nothing */
    bool input, output;
};

struct ipfix_bridge_settings {
    struct ipfix_exporter_settings exporter;
    struct ipfix_sampling sampling;
    uint32_t domain, point; /* of observation */
};

struct ipfix_set_settings {
    uint32_t id;
    struct ipfix_exporter_settings exporter;
};

struct ipfix *ipfix_create(struct task_queue *); /* control */
/* control. BRIDGE: NULL: none. Exporters that are there already keep their sequence numbers and caches; what
 * those have cached that go is told. True: translation is to be done anew. */
bool ipfix_set(struct ipfix *, const struct ipfix_bridge_settings *bridge, const struct ipfix_set_settings *,
               size_t n_sets);
void ipfix_stop(struct ipfix *); /* control: tells what there is to tell, and tells no more */
void ipfix_ref(struct ipfix *);
void ipfix_unref(struct ipfix *); /* NULL is legal */

/* control. As it was set. */
struct ipfix_sampling ipfix_sampling(const struct ipfix *);
/* Does the collector set tell of tunnels? */
bool ipfix_set_has_tunnels(struct ipfix *, uint32_t set);

struct ipfix_sample_port {
    const char *name; /* "": not a port of this bridge */
    uint32_t ifindex;
};

struct ipfix_sample {
    bool of_set; /* for collector set SET, else the bridge's own */
    uint32_t set;
    uint32_t domain, point; /* of observation, of a set's sample */
    bool egress;            /* OUT is there */
    bool dropped;           /* the packet goes nowhere */
    struct ipfix_sample_port in, out;
    const struct flow_key *key;
    uint32_t len;         /* bytes of the packet */
    uint8_t tunnel_type;  /* of the port that it came in by, as records say it; 0: none that they tell of */
    uint8_t tunnel_proto; /* of the outer IP header */
};

/* True: something waits for ipfix_run(). */
bool ipfix_sample(struct ipfix *, const struct ipfix_sample *);
/* control. Tells what waits, and what has been cached for long enough. True: more waits. */
bool ipfix_run(struct ipfix *);

/* control. false: the bridge has no IPFIX of its own. */
bool ipfix_bridge_stats(struct ipfix *, struct ipfix_stats *);
size_t ipfix_n_sets(const struct ipfix *);
void ipfix_set_stats(struct ipfix *, size_t i, struct ipfix_stats *); /* in the order of ids */

#endif
