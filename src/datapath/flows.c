/* SPDX-License-Identifier: Apache-2.0 */
/* Flows as the contract has them: put, delete, statistics, dump. One writer at a time (flows_mutex); the
 * forwarding threads only ever read. Delete is: unlink, grace period, read the last counters, free. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/rcu.h"
#include "datapath/dp.h"
#include "flow/minikey.h"

static struct dp_flow *find(const struct dp *dp, struct dp_ufid ufid)
{
    struct dp_flow *flow;
    HMAP_FOR_EACH_WITH_HASH (flow, ufid_node, (uint32_t)ufid.lo, &dp->flows_by_ufid) {
        if (dp_ufid_equal(flow->ufid, ufid)) {
            return flow;
        }
    }
    return NULL;
}

/* A hint is the number of the flow's place, from 1. */
static struct dp_flow *at_hint(const struct dp *dp, uint32_t hint)
{
    return hint ? dp_flow_cast(megaflow_by_index(dp->megaflows, hint - 1)) : NULL;
}

static struct dp_flow *find_name(const struct dp *dp, const struct dp_flow_name *name)
{
    struct dp_flow *flow = at_hint(dp, name->hint);
    return flow && (flow->mega.generation & 1) && dp_ufid_equal(flow->ufid, name->ufid)
               ? flow
               : find(dp, name->ufid);
}

/* What reading its counters, or taking it out, looks at first. */
static void prefetch(const struct dp *dp, const struct dp_flow_name *name)
{
    const struct dp_flow *flow = at_hint(dp, name->hint);
    if (flow) {
        __builtin_prefetch(&flow->mega.generation);
        __builtin_prefetch(&flow->ufid);
        __builtin_prefetch(flow + 1);
    }
}
#define PREFETCH_AHEAD 8

void dp_flow_prefetch(struct datapath *up, const struct dp_flow_name *name)
{
    prefetch(dp_cast(up), name);
}

/* flows_mutex. For one flow more. */
static struct flow_actions *take_actions(struct dp *dp, const void *list, size_t len)
{
    uint32_t hash = hash_bytes(list, len, dp->actions_seed);
    struct flow_actions *a;
    HMAP_FOR_EACH_WITH_HASH (a, node, hash, &dp->actions) {
        if (a->len == len && (!len || !memcmp(a->bytes, list, len))) {
            a->n_flows++;
            return a;
        }
    }
    a = xmalloc(sizeof *a + len);
    a->n_flows = 1;
    a->len = (uint32_t)len;
    if (len) {
        memcpy(a->bytes, list, len);
    }
    hmap_insert(&dp->actions, &a->node, hash);
    return a;
}

static void free_actions(struct rcu_head *head)
{
    free(CONTAINER_OF(head, struct flow_actions, rcu));
}

/* flows_mutex. A flow less has them; readers may still be at them. */
static void drop_actions(struct dp *dp, struct flow_actions *a)
{
    if (!--a->n_flows) {
        hmap_remove(&dp->actions, &a->node);
        rcu_postpone(&a->rcu, free_actions);
    }
}

static void sum(const struct dp *dp, const struct dp_flow *flow, struct dp_flow_stats *stats)
{
    *stats = (struct dp_flow_stats){.packets = 0};
    for (unsigned i = 0; i < dp->n_counters; i++) {
        const struct flow_counters *c = &dp_flow_counters(flow)[i];
        stats->packets += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
        stats->bytes += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
        stats->tcp_flags |= __atomic_load_n(&c->tcp_flags, __ATOMIC_RELAXED);
        int64_t used = __atomic_load_n(&c->used_ms, __ATOMIC_RELAXED);
        stats->used_ms = MAX(stats->used_ms, used);
    }
    dp_shortcut_add(flow, stats);
    stats->packets -= flow->base.packets;
    stats->bytes -= flow->base.bytes;
    if (stats->used_ms <= flow->base.used_ms) {
        stats->used_ms = 0;
        stats->tcp_flags = 0;
    }
}

/* ---- what the mask leaves of a key ---- */

/* The words of the key that a flow was made of, outside of its mask. Only people ask for them: they are kept
 * beside the flow, those that are not 0. */
struct flow_rest {
    struct flow_map map;
    uint64_t words[];
};

static struct flow_rest *make_rest(const struct flow_key *key, const struct flow_mask *mask)
{
    const uint64_t *k = flow_key_words_const(key), *m = flow_key_words_const(&mask->bits);
    struct flow_map map = {{0, 0}};
    for (unsigned i = 0; i < FLOW_DP_WORDS; i++) {
        if (k[i] & ~m[i]) {
            flow_map_set(&map, i);
        }
    }
    if (flow_map_is_empty(&map)) {
        return NULL;
    }
    struct flow_rest *rest = xmalloc(sizeof *rest + flow_map_count(&map) * sizeof rest->words[0]);
    unsigned word, n = 0;
    rest->map = map;
    FLOW_MAP_FOR_EACH (word, &map) {
        rest->words[n++] = k[word] & ~m[word];
    }
    return rest;
}

static void add_rest(const struct flow_rest *rest, struct flow_key *key)
{
    unsigned word, n = 0;
    if (rest) {
        FLOW_MAP_FOR_EACH (word, &rest->map) {
            flow_key_words(key)[word] |= rest->words[n++];
        }
    }
}

/* ---- put ---- */

static int create(struct dp *dp, const struct dp_flow_desc *desc)
{
    struct megaflow *mega = megaflow_alloc(dp->megaflows);
    if (!mega) {
        return ENOSPC;
    }
    struct dp_flow *flow = dp_flow_cast(mega);
    flow->ufid = desc->ufid;
    flow->origin = desc->origin;
    atomic_store(&flow->shortcut, 0);
    mega->user[FLOW_ACTIONS] = take_actions(dp, desc->actions, desc->actions_len);
    mega->user[FLOW_COUNTERS] = dp_flow_cast(mega) + 1; /* zeroed, and not reused before a grace period */
    mega->user[FLOW_REST] = desc->made_of ? make_rest(desc->made_of, desc->mask) : NULL;
    hmap_reserve(&dp->flows_by_ufid, 2 * hmap_count(&dp->flows_by_ufid)); /* few are not in a near cache */
    hmap_insert(&dp->flows_by_ufid, &flow->ufid_node, (uint32_t)desc->ufid.lo);
    megaflow_insert(dp->megaflows, mega, desc->key, desc->mask);
    if (desc->hint) {
        *desc->hint = mega->index + 1;
    }
    return 0;
}

static void modify(struct dp *dp, struct dp_flow *flow, const struct dp_flow_desc *desc, bool zero_stats)
{
    struct flow_actions *old = flow->mega.user[FLOW_ACTIONS];
    struct flow_actions *new = take_actions(dp, desc->actions, desc->actions_len);
    if (new != old) {
        rcu_set(&flow->mega.user[FLOW_ACTIONS], new);
        dp_shortcut_cut(dp, flow);
    }
    drop_actions(dp, old);
    if (zero_stats) {
        struct dp_flow_stats now;
        sum(dp, flow, &now);
        flow->base.packets += now.packets;
        flow->base.bytes += now.bytes;
        flow->base.used_ms = MAX(flow->base.used_ms, now.used_ms);
    }
}

/* Bonds are not executed here yet. */
static bool is_executable(const void *actions, size_t len)
{
    const struct dp_action *a, *list;
    size_t n;
    DP_ACTION_FOR_EACH (a, actions, len) {
        switch ((enum dp_action_type)a->type) {
        case DP_ACTION_LB_OUTPUT:
            return false;
        case DP_ACTION_SAMPLE:
        case DP_ACTION_CLONE:
        case DP_ACTION_DEC_TTL:
            list = dp_action_nested(a, &n);
            if (!is_executable(list, n)) {
                return false;
            }
            break;
        case DP_ACTION_CHECK_PKT_LEN:
            list = dp_action_if_greater(a, &n);
            if (!is_executable(list, n)) {
                return false;
            }
            list = dp_action_if_less_equal(a, &n);
            if (!is_executable(list, n)) {
                return false;
            }
            break;
        default:
            break;
        }
    }
    return true;
}

/* The flow that DESC is about. What the slow path installs is known by its key and mask, of which the ufid is
 * made: if there is no such key, there is no such ufid either. */
static struct dp_flow *find_to_put(const struct dp *dp, const struct dp_flow_desc *desc,
                                   enum dp_put_flags flags)
{
    struct dp_flow *flow = NULL;
    if (flags != DP_PUT_CREATE || desc->origin != DP_FLOW_SLOW_PATH) {
        flow = find_name(dp, &(const struct dp_flow_name){desc->ufid, desc->hint ? *desc->hint : 0});
    }
    if (!flow) {
        struct megaflow *same = megaflow_find(dp->megaflows, desc->key, desc->mask);
        flow = same ? dp_flow_cast(same) : NULL;
    }
    return flow;
}

int dp_flow_put(struct datapath *up, const struct dp_flow_desc *desc, enum dp_put_flags flags,
                struct dp_flow_stats *stats)
{
    struct dp *dp = dp_cast(up);
    int error = 0;
    if (!is_executable(desc->actions, desc->actions_len)) {
        return EOPNOTSUPP;
    }
    pthread_mutex_lock(&dp->flows_mutex);
    struct dp_flow *flow = find_to_put(dp, desc, flags);
    if (flow && stats) {
        sum(dp, flow, stats);
    } else if (stats) {
        *stats = (struct dp_flow_stats){.packets = 0};
    }
    if (flow) {
        if (desc->hint) {
            *desc->hint = flow->mega.index + 1;
        }
        if (flags & DP_PUT_MODIFY) {
            modify(dp, flow, desc, flags & DP_PUT_ZERO_STATS);
        } else {
            error = EEXIST;
        }
    } else {
        error = flags & DP_PUT_CREATE ? create(dp, desc) : ENOENT;
    }
    pthread_mutex_unlock(&dp->flows_mutex);
    return error;
}

/* ---- delete ---- */

/* flows_mutex. No reader finds the flow any more. */
static void unlink_flow(struct dp *dp, struct dp_flow *flow)
{
    hmap_remove(&dp->flows_by_ufid, &flow->ufid_node);
    megaflow_remove(dp->megaflows, &flow->mega);
    dp_shortcut_cut(dp, flow);
}

/* flows_mutex, after a grace period. */
static void release_flow(struct dp *dp, struct dp_flow *flow, struct dp_flow_stats *last)
{
    if (last) {
        sum(dp, flow, last);
    }
    dp_shortcut_release(flow);
    drop_actions(dp, flow->mega.user[FLOW_ACTIONS]);
    free(flow->mega.user[FLOW_REST]);
    megaflow_free(dp->megaflows, &flow->mega);
}

/* The forwarding threads pass a quiescent state between any two bursts, and are offline while they sleep:
 * this is microseconds. An inline datapath has no other reader than the thread that deletes. */
static void wait_for_readers(struct dp *dp)
{
    if (!dp->is_inline) {
        rcu_synchronize();
    }
}

#define DELETE_AT_ONCE 1024

void dp_flow_del_batch(struct datapath *up, const struct dp_flow_name *names, struct dp_flow_stats *last,
                       size_t n)
{
    struct dp *dp = dp_cast(up);
    while (n) {
        struct dp_flow *flows[DELETE_AT_ONCE];
        size_t some = MIN(n, DELETE_AT_ONCE);
        pthread_mutex_lock(&dp->flows_mutex);
        for (size_t i = 0; i < some; i++) {
            flows[i] = find_name(dp, &names[i]);
            if (flows[i]) {
                unlink_flow(dp, flows[i]);
            }
        }
        pthread_mutex_unlock(&dp->flows_mutex);
        wait_for_readers(dp);
        pthread_mutex_lock(&dp->flows_mutex);
        for (size_t i = 0; i < some; i++) {
            if (flows[i]) {
                release_flow(dp, flows[i], last ? &last[i] : NULL);
            } else if (last) {
                last[i] = (struct dp_flow_stats){.used_ms = -1};
            }
        }
        pthread_mutex_unlock(&dp->flows_mutex);
        names += some;
        last = last ? last + some : NULL;
        n -= some;
    }
}

int dp_flow_del(struct datapath *up, struct dp_ufid ufid, struct dp_flow_stats *last)
{
    struct dp_flow_stats stats;
    dp_flow_del_batch(up, &(const struct dp_flow_name){.ufid = ufid}, &stats, 1);
    if (stats.used_ms < 0) {
        return ENOENT;
    }
    if (last) {
        *last = stats;
    }
    return 0;
}

int dp_flow_flush(struct datapath *up)
{
    struct dp *dp = dp_cast(up);
    for (;;) {
        struct dp_flow_name names[DELETE_AT_ONCE];
        size_t n = 0;
        struct dp_flow *flow;
        pthread_mutex_lock(&dp->flows_mutex);
        HMAP_FOR_EACH (flow, ufid_node, &dp->flows_by_ufid) {
            names[n++] = (struct dp_flow_name){flow->ufid, flow->mega.index + 1};
            if (n == DELETE_AT_ONCE) {
                break;
            }
        }
        pthread_mutex_unlock(&dp->flows_mutex);
        if (!n) {
            return 0;
        }
        dp_flow_del_batch(up, names, NULL, n);
    }
}

/* ---- read ---- */

void dp_flow_stats(struct datapath *up, const struct dp_flow_name *names, struct dp_flow_stats *stats,
                   size_t n)
{
    struct dp *dp = dp_cast(up);
    pthread_mutex_lock(&dp->flows_mutex);
    for (size_t i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n) {
            prefetch(dp, &names[i + PREFETCH_AHEAD]);
        }
        const struct dp_flow *flow = find_name(dp, &names[i]);
        if (flow) {
            sum(dp, flow, &stats[i]);
        } else {
            stats[i] = (struct dp_flow_stats){.used_ms = -1};
        }
    }
    pthread_mutex_unlock(&dp->flows_mutex);
}

static void describe(const struct dp *dp, const struct dp_flow *flow, struct flow_key *key,
                     struct dp_flow_desc *desc)
{
    const struct flow_actions *actions = dp_flow_actions(flow);
    megaflow_key(&flow->mega, key);
    add_rest(flow->mega.user[FLOW_REST], key);
    *desc = (struct dp_flow_desc){
        .ufid = flow->ufid,
        .key = key,
        .mask = flow->mega.mask,
        .actions = actions->bytes,
        .actions_len = actions->len,
        .origin = flow->origin,
    };
    sum(dp, flow, &desc->stats);
}

int dp_flow_get(struct datapath *up, struct dp_ufid ufid, struct dp_flow_desc *desc, struct bytebuf *copy)
{
    struct dp *dp = dp_cast(up);
    static _Thread_local struct flow_key key;
    static _Thread_local struct flow_mask mask;
    pthread_mutex_lock(&dp->flows_mutex);
    const struct dp_flow *flow = find(dp, ufid);
    if (flow) {
        describe(dp, flow, &key, desc);
        mask = *flow->mega.mask;
        desc->mask = &mask;
        bytebuf_clear(copy);
        bytebuf_put(copy, desc->actions, desc->actions_len);
        desc->actions = copy->data;
    }
    pthread_mutex_unlock(&dp->flows_mutex);
    return flow ? 0 : ENOENT;
}

/* The mutex is let go between slices, so that a long dump holds up nobody who installs flows. What the
 * callback sees is a copy: the callback may take its time, and may delete. */
void dp_flow_dump(struct datapath *up, bool (*each)(const struct dp_flow_desc *, void *aux), void *aux)
{
    struct dp *dp = dp_cast(up);
    struct bytebuf copy = BYTEBUF_INITIALIZER;
    struct flow_key *key = xzalloc_cacheline(sizeof *key);
    struct flow_mask *mask = xzalloc_cacheline(sizeof *mask);
    uint32_t cursor = 0;
    bool more = true;
    while (more) {
        struct dp_flow_desc desc;
        pthread_mutex_lock(&dp->flows_mutex);
        struct megaflow *m = megaflow_next(dp->megaflows, &cursor);
        if (m) {
            describe(dp, dp_flow_cast(m), key, &desc);
            *mask = *m->mask;
            desc.mask = mask;
            bytebuf_clear(&copy);
            bytebuf_put(&copy, desc.actions, desc.actions_len);
            desc.actions = copy.data;
        }
        pthread_mutex_unlock(&dp->flows_mutex);
        more = m && each(&desc, aux);
    }
    bytebuf_fini(&copy);
    free(key);
    free(mask);
}
