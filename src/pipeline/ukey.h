/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. The slow path's side of an installed flow ("ukey"), and the table of them.
 *
 * The table is cut into shards with a lock each: slow-path threads add, the control thread walks a shard at a
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

#define UKEY_N_SHARDS 64

struct ukey {
    struct hmap_node node; /* in shard.ukeys, by ufid */
    struct dp_ufid ufid;
    struct minimatch match; /* the flow: key under mask */
    void *actions;          /* as installed */
    size_t actions_len;
    struct record record;
    uint32_t *recirc_ids; /* references */
    size_t n_recirc_ids;
    struct dp_flow_stats stats; /* as last read */
    int64_t created_ms;
};

struct ukey_shard {
    pthread_mutex_t lock;
    struct hmap ukeys;
} CACHE_ALIGNED;

struct slow_thread {
    struct slow_path *sp;
    struct dp_handler *handler;
    pthread_t thread;
    int wake_fd; /* readable: stop */
    unsigned index;
};

struct slow_path {
    struct dp_backer *backer; /* i */
    struct ukey_shard *shards;
    unsigned n_flows;              /* atomic */
    unsigned max_flows, avg_flows; /* c */
    unsigned flow_limit;           /* atomic: the adaptive limit */
    unsigned forced_limit;         /* c: upcall/set-flow-limit; 0: none */
    uint64_t pass_generation;      /* atomic: a flow translated before this is not installed */
    bool megaflows, ufid;          /* atomic */
    bool stopping;                 /* atomic */
    int dump_duration_ms;          /* c */
    struct task periodic;          /* c */
    struct slow_thread *threads;   /* c; none for inline datapaths */
    unsigned n_threads;
};

/* Makes a ukey of what a translation gave; takes over RECORD and RECIRC_IDS. ACTIONS are copied. */
struct ukey *ukey_create(struct dp_ufid, const struct flow_key *, const struct flow_mask *,
                         const void *actions, size_t actions_len, struct record *, struct xlate_out *);
void ukey_destroy(struct ukey *, struct recirc_table *);
struct ukey_shard *ukey_shard(struct slow_path *, struct dp_ufid);
struct ukey *ukey_find(struct ukey_shard *, struct dp_ufid); /* locked */

/* What a flow of this translation is installed with: its own actions, or a `userspace` action that sends
 * every packet here again because the datapath cannot do it all. SCRATCH holds the latter. */
void upcall_flow_actions(const struct xlate_out *, struct bytebuf *scratch, const void **actions,
                         size_t *len);

#endif
