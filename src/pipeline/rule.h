/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Rules and the tables that hold them: what a flow-mod changes and translation looks up.
 *
 * Versions. A bridge has one version for all its tables. A change (one flow-mod, or a whole bundle of them)
 * is prepared in version V + 1, where no translation sees it, and takes effect at once when the bridge goes
 * to V + 1; or it is taken back, and nothing was ever seen. A translation reads the version once and looks up
 * everything in it.
 *
 * Ownership: a table owns its rules; a cached flow that credits statistics to a rule holds a reference. A
 * rule is immutable but for its counters, its time-outs (fin_timeout shortens them) and what the control
 * thread keeps in it; a "modified" rule is a new one that shares the counters of the old.
 *
 * Thread-safety: changes by the control thread; lookups by any RCU-registered thread; counters any. */
#ifndef PIPELINE_RULE_H
#define PIPELINE_RULE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/rcu.h"
#include "flow/match.h"
#include "match/classifier.h"
#include "openflow/actions.h"
#include "openflow/errors.h"
#include "openflow/flow_mod.h"
#include "pipeline/ofproto.h"

struct ofproto;
struct stat_trigger;
struct strbuf;

/* A rule's flags: FLOW_* of openflow/flow_mod.h, and */
#define RULE_HIDDEN (1u << 16) /* of the switch itself: no flow-mod touches it, no dump shows it */

/* Removal reasons, OpenFlow's OFPRR_*. */
enum rule_removal {
    RULE_IDLE_TIMEOUT,
    RULE_HARD_TIMEOUT,
    RULE_DELETE,
    RULE_GROUP_DELETE,
    RULE_METER_DELETE,
    RULE_EVICTION,
    RULE_REPLACED = 255 /* not told to anybody */
};

/* Counters outlive a modification, so they stand alone. Relaxed atomics. */
struct rule_counters {
    uint64_t packets, bytes;
    int64_t used_ms;
    int refs;
};

struct rule {
    struct classifier_rule cr;
    struct ofproto *ofproto; /* const */
    uint8_t table_id;        /* const */
    bool removed;            /* atomic: no longer in force, waits for readers. Set by control */
    uint16_t importance;     /* const */
    uint32_t flags;          /* const: FLOW_*, RULE_* */
    uint64_t cookie;         /* const */
    uint16_t idle_timeout;   /* seconds, 0: none. Atomic: fin_timeout */
    uint16_t hard_timeout;
    int refs;             /* atomic */
    uint8_t removal;      /* control: why it goes, enum rule_removal */
    bool pending;         /* control: made by the change at work */
    bool leaving;         /* control: taken away by the change at work, or removed */
    bool is_modification; /* control, while pending: made by a modify command */
    int64_t created_ms;   /* const */
    int64_t modified_ms;  /* atomic */
    struct rule_counters *counters;
    struct ofpact *actions; /* const, owned */
    size_t actions_len;
    struct stat_trigger *trigger; /* control: NULL: none, or not in force */
    struct list expirable;        /* control: in ofproto.expirable, if it has a time-out */
    struct list change; /* control: in the change at work, then in the list of those that wait for readers */
    struct rule
        *other; /* control, in the change at work: what replaces it; if it is pending, what it replaces */
    struct rcu_head rcu;
};

/* OpenFlow 1.1's and 1.2's table mod, for a packet without a rule. */
enum table_miss {
    TABLE_MISS_DEFAULT = 0,  /* to the controllers that want such packets */
    TABLE_MISS_CONTINUE = 1, /* with the next table */
    TABLE_MISS_DROP = 2,
    TABLE_MISS_CONTROLLER = 3, /* to the controllers: somebody has said so */
};

struct oftable {
    struct classifier *cls;
    char *name;                            /* control: the configuration's, else OpenFlow's; NULL: none */
    char *openflow_name;                   /* control: what table features say; NULL: none */
    bool name_by_config;                   /* control */
    bool hidden;                           /* not for flow-mods and dumps with "all tables" */
    size_t n_rules;                        /* control: in force and seen */
    size_t max_rules;                      /* control: the lower of the next two; SIZE_MAX: no limit */
    size_t max_by_config, max_by_openflow; /* control */
    bool eviction;        /* control: a table mod says that a full table evicts instead of refusing */
    bool evict_by_config; /* control: the configuration does */
    bool vacancy_events;  /* control: controllers are told when it fills up, and empties */
    bool is_filled;       /* control: they were told that it fills up */
    uint8_t vacancy_down; /* control: free places in per cent: fewer is "fills up" */
    uint8_t vacancy_up;   /* control: more is "empties" */
    uint8_t miss;         /* atomic: TABLE_MISS_* */
    ssize_t n_change;     /* control: by how much the change at work changes n_rules */
    uint64_t n_lookups, n_matched; /* relaxed atomics */
};

/* Applies the N of MODS (openflow/flow_mod.h), all or none, and makes them visible at once. On an error
 * *FAILED (may be NULL) says which. INTERNAL: by the switch itself, which may touch hidden rules and tables.
 * REMOVAL: the reason that deleted rules' owners are told (enum rule_removal). Cached flows follow with
 * pipeline_commit(). */
enum ofperr ofproto_flow_mods(struct ofproto *, const struct flow_mod *const *mods, size_t n, bool internal,
                              uint8_t removal, size_t *failed);

/* The version that a translation which begins now reads. Any thread. */
uint64_t ofproto_rules_version(const struct ofproto *);

/* The rule of table TABLE_ID that KEY matches, or NULL; bits it consulted go into WC. Any RCU thread. */
struct rule *ofproto_lookup(const struct ofproto *, uint64_t version, uint8_t table_id, struct flow_key *,
                            struct flow_mask *wc);

/* Is it no longer in force? Any thread. */
static inline bool rule_is_removed(const struct rule *rule)
{
    return __atomic_load_n(&rule->removed, __ATOMIC_ACQUIRE);
}
/* A reference, or false if the last one is gone. Any thread. */
bool rule_try_ref(struct rule *);
void rule_unref(struct rule *); /* NULL is legal */
/* Adds to its counters. Any thread. */
void rule_credit(struct rule *, uint64_t packets, uint64_t bytes, int64_t used_ms);
/* fin_timeout: lowers the time-outs, 0: leaves one. Any thread. */
void rule_reduce_timeouts(struct rule *, uint16_t idle, uint16_t hard);

/* control. Runs ACTIONS over a packet of LEN bytes as if it had come in by IN_PORT (OFPP_NONE,
 * OFPP_CONTROLLER: by none): a packet-out. METADATA, a key, gives metadata, registers and tunnel; it may be
 * NULL. ENOMEM, or EINVAL: the bridge is not committed yet. What the translation dropped is no error. */
int ofproto_packet_out(struct ofproto *, const void *frame, size_t len, uint32_t in_port,
                       const struct flow_key *metadata, const struct ofpact *actions, size_t actions_len);
/* control. The key that a packet-out's actions begin with, which have to fit it. ENOMEM. */
int ofproto_packet_out_key(const struct ofproto *, const void *frame, size_t len,
                           const struct flow_key *metadata, struct flow_key *);

/* control. The switch's own rule of table 0 that MATCH and PRIORITY name, which may be above all that
 * OpenFlow can say: from now on it has these actions; without any, it is not there. No flow-mod or dump sees
 * it. */
void ofproto_set_hidden_rule(struct ofproto *, const struct match *, int priority, const struct ofpact *,
                             size_t actions_len);

struct frozen_state;
/* control. Goes on with a packet where FROZEN says, whose metadata becomes METADATA's: after
 * controller(pause). ENOMEM or EINVAL as above; EPROTO: its actions do not fit the packet. */
int ofproto_resume(struct ofproto *, const void *frame, size_t len, const struct flow_key *metadata,
                   struct frozen_state *frozen);

/* control. All rules in force that CRITERIA (a deletion's members) selects, in order of table; hidden ones
 * only if INTERNAL. Returns a malloc'd array of *N. */
struct rule **ofproto_collect_rules(struct ofproto *, const struct flow_mod *criteria, bool strict,
                                    bool internal, size_t *n);

/* control. A rule as `bridge/dump-flows` prints it, without a final newline. */
void rule_format(const struct rule *, int64_t now_ms, bool offload_stats, struct strbuf *);

/* control. What table features say; the configuration's name goes before it ("": none), and its limit stays
 * (SIZE_MAX: none of OpenFlow's). */
void oftable_set_by_openflow(struct oftable *, const char *name, size_t max_rules);

/* control, for ofproto.c. */
void ofproto_tables_init(struct ofproto *);
void ofproto_tables_fini(struct ofproto *); /* no reader is left */
void ofproto_flush(struct ofproto *);       /* of rules all but hidden ones, all groups, all meters */
/* Takes rules out of their classifiers that no reader can see any more. */
void ofproto_reap_rules(struct ofproto *);
/* The reason for a rule's removal is told to the hooks; time-outs are checked here. */
void ofproto_run_expiry(struct ofproto *);

#endif
