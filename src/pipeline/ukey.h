/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. The slow path's side of an installed flow ("ukey"), and the table of them.
 *
 * The table is cut into shards with a lock each: slow-path threads add, the revalidator walks a shard at a
 * time.
 *
 * Thread-safety: ukey_insert() any slow-path thread; a ukey is touched with its shard's lock held. */
#ifndef PIPELINE_UKEY_H
#define PIPELINE_UKEY_H 1

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hmap.h"
#include "base/task.h"
#include "dpif/dpif.h"
#include "flow/minikey.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/xlate/record.h"
#include "pipeline/xlate/xlate.h"

#define UKEY_N_SHARDS 512 /* 200 flows each when there are 100,000: nobody waits long for a shard */

struct dependency;
struct dependents;

struct ukey {
    struct hmap_node node; /* in shard.ukeys, by ufid */
    struct dp_ufid ufid;
    uint32_t hint;          /* the datapath's */
    struct minimatch match; /* the flow: key under mask */
    void *actions;          /* as installed */
    size_t actions_len;
    uint64_t few_actions[2]; /* what `actions` points to, if they are few */
    struct record record;
    struct dependency *deps; /* dependents.h */
    unsigned n_deps;
    uint64_t checked;     /* the changes that it was checked against last, by number */
    uint32_t *recirc_ids; /* references */
    size_t n_recirc_ids;
    struct dp_flow_stats stats; /* as last read */
    int64_t created_ms;
};

struct ukey_shard {
    pthread_mutex_t lock;
    struct hmap ukeys;
} CACHE_ALIGNED;

/* Flows that were taken out of the table and are to leave the datapath together: one wait for the forwarding
 * threads. */
struct doomed {
    pthread_mutex_t lock;   /* inside of a shard's */
    pthread_mutex_t burial; /* held while they leave; waited for offline, with no other lock */
    struct ukey **ukeys;    /* under lock */
    size_t n, allocated;    /* under lock; n atomic */
};

struct slow_thread {
    struct slow_path *sp;
    struct dp_handler *handler;
    pthread_t thread;
    int wake_fd; /* readable: stop */
    unsigned index;
};

struct revalidator;

struct slow_path {
    struct dp_backer *backer; /* i */
    struct ukey_shard *shards;
    struct dependents *dependents; /* t */
    struct doomed doomed;
    unsigned n_flows;              /* atomic */
    unsigned max_flows, avg_flows; /* atomic: the revalidator writes */
    unsigned flow_limit;           /* atomic: the adaptive limit */
    unsigned forced_limit;         /* atomic: upcall/set-flow-limit; 0: none */
    uint64_t pass_generation;      /* atomic: a flow translated before this is not installed */
    unsigned installing;    /* atomic: threads between reading that and having the flow in the tables */
    bool megaflows, ufid;   /* atomic */
    bool stopping;          /* atomic */
    int dump_duration_ms;   /* atomic: the revalidator writes */
    int64_t count_again_us; /* c: not before */
    struct task periodic;   /* c */
    struct revalidator *revalidator; /* i; NULL for inline datapaths */
    struct slow_thread *threads;     /* c; none for inline datapaths */
    unsigned n_threads;
};

/* revalidate.c: passes. On the revalidator's thread; on the control thread for an inline datapath. */

/* Takes the changes that were noted and mends every flow that they touch; some rounds of it, as what flows
 * counted may teach MACs and so change something. Returns the number of the last change that flows now agree
 * with. */
uint64_t revalidate_changes(struct slow_path *);
/* For the control thread, while no pass is under way: if the changes that were noted touch no flow, that was
 * a pass, and the number of the last one is returned. 0: somebody has to look closer. */
uint64_t revalidate_if_untouched(struct slow_path *);
/* Reads every flow's statistics, ends those that nobody uses; translates each anew if ALL. BETWEEN(AUX), if
 * not NULL, is called between shards, with no lock held. */
void revalidate_all(struct slow_path *, bool all, void (*between)(void *aux), void *aux);

/* What flows that may have met one of the RULES counted so far is credited. Control thread. */
void revalidate_count_rules(struct slow_path *, struct rule *const *rules, size_t n);

/* revalidator.c */
struct revalidator *revalidator_start(struct slow_path *);
void revalidator_stop(struct revalidator *);          /* NULL is legal */
void revalidator_check_changes(struct revalidator *); /* any thread */
/* The same for the control thread: what touches no flow is settled at once, without the other thread. */
void revalidator_check_changes_here(struct revalidator *);
/* Has every flow looked at soon. */
void revalidator_run(struct revalidator *, bool all);
/* What was asked for before the call has been done; false: not within TIMEOUT_MS (-1: as long as it takes).
 * Not between two uses of an RCU-protected pointer: the caller is offline meanwhile. */
bool revalidator_wait(struct revalidator *, int timeout_ms);
/* Flows agree with the change numbered GENERATION. Any thread. */
bool revalidator_is_settled(const struct revalidator *, uint64_t generation);
/* The same; if they do not, the control thread is woken (pipeline_wake()) when that may have changed. */
bool revalidator_tell(struct revalidator *, uint64_t generation);
/* The same, waiting for it at most TIMEOUT_MS (-1: for ever), offline. */
bool revalidator_settle(struct revalidator *, uint64_t generation, int timeout_ms);

/* Makes a ukey of what a translation gave; takes over RECORD and RECIRC_IDS. ACTIONS are copied. */
struct ukey *ukey_create(struct dp_ufid, const struct flow_key *, const struct flow_mask *,
                         const void *actions, size_t actions_len, struct record *, struct xlate_out *);
void ukey_set_actions(struct ukey *, const void *, size_t len); /* copied */
void ukey_destroy(struct ukey *, struct recirc_table *);
struct ukey_shard *ukey_shard(struct slow_path *, struct dp_ufid);
struct ukey *ukey_find(struct ukey_shard *, struct dp_ufid); /* locked */

/* What a flow of this translation is installed with: its own actions, or a `userspace` action that sends
 * every packet here again because the datapath cannot do it all. SCRATCH holds the latter. */
void upcall_flow_actions(const struct xlate_out *, struct bytebuf *scratch, const void **actions,
                         size_t *len);

#endif
