/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping cached flows right. After a change each flow whose record it touches is translated anew: the flow
 * stays, gets other actions, or goes. Every half second statistics are read and credited through the records,
 * without translating, and flows that nobody uses go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "flow/mask.h"
#include "pipeline/changes.h"
#include "pipeline/recirc.h"
#include "pipeline/slow_path.h"
#include "pipeline/ukey.h"
#include "pipeline/xlate/xlate.h"

COVERAGE_DEFINE(revalidate_translated);
COVERAGE_DEFINE(revalidate_deleted);
COVERAGE_DEFINE(revalidate_modified);

/* Flows that were taken out of the table and are to leave the datapath together: one wait for the forwarding
 * threads. */
struct doomed {
    struct ukey **ukeys;
    size_t n, allocated;
};

static void doom(struct slow_path *sp, struct ukey_shard *shard, struct ukey *u, struct doomed *d)
{
    hmap_remove(&shard->ukeys, &u->node);
    __atomic_sub_fetch(&sp->n_flows, 1, __ATOMIC_RELAXED);
    if (d->n == d->allocated) {
        d->ukeys = x2nrealloc(d->ukeys, &d->allocated, sizeof *d->ukeys);
    }
    d->ukeys[d->n++] = u;
}

/* What the flow counted since it was last looked at goes to whom it belongs. */
static void credit(struct ukey *u, const struct dp_flow_stats *now)
{
    struct traffic t = {.packets = now->packets - u->stats.packets,
                        .bytes = now->bytes - u->stats.bytes,
                        .used_ms = now->used_ms,
                        .tcp_flags = now->tcp_flags};
    if (now->packets > u->stats.packets) {
        record_credit(&u->record, &t);
    }
    u->stats = *now;
}

static void bury(struct slow_path *sp, struct doomed *d)
{
    struct datapath *dp = sp->backer->dp;
    if (d->n) {
        struct dp_ufid *ufids = xcalloc(d->n, sizeof *ufids);
        struct dp_flow_stats *last = xcalloc(d->n, sizeof *last);
        for (size_t i = 0; i < d->n; i++) {
            ufids[i] = d->ukeys[i]->ufid;
        }
        dp->ops->flow_del_batch(dp, ufids, last, d->n);
        for (size_t i = 0; i < d->n; i++) {
            if (last[i].used_ms >= 0) {
                credit(d->ukeys[i], &last[i]);
            }
            ukey_destroy(d->ukeys[i], sp->backer->pipeline->recirc);
        }
        COVERAGE_ADD(revalidate_deleted, d->n);
        free(ufids);
        free(last);
    }
    free(d->ukeys);
    memset(d, 0, sizeof *d);
}

/* Translates the flow anew. False: it must go. */
static bool retranslate(struct slow_path *sp, struct ukey *u)
{
    struct pipeline *p = sp->backer->pipeline;
    struct datapath *dp = sp->backer->dp;
    struct flow_key key;
    struct flow_mask mask;
    struct xlate_in xin;
    struct xlate_out xout;
    struct record record;
    bool keep = false;

    COVERAGE_INC(revalidate_translated);
    minimatch_expand(&u->match, &key, &mask);
    if (xlate_in_init_upcall(&xin, p, sp->backer, &key)) {
        return false;
    }
    record_init(&record);
    record.keep_keys = true;
    xlate_out_init(&xout);
    xin.record = &record;
    xlate(&xin, &xout);
    /* If more is looked at than the flow matches, it is too wide. */
    if (!xout.avoid_caching && !flow_mask_has_extra(&xout.wc.bits, &mask.bits)) {
        struct bytebuf scratch = BYTEBUF_INITIALIZER;
        struct dp_flow_desc desc = {.ufid = u->ufid, .key = &key, .mask = &mask};
        upcall_flow_actions(&xout, &scratch, &desc.actions, &desc.actions_len);
        keep = true;
        if (desc.actions_len != u->actions_len ||
            (desc.actions_len && memcmp(desc.actions, u->actions, desc.actions_len))) {
            /* What was counted so far belongs to those whom the old translation names. */
            struct dp_flow_stats now;
            dp->ops->flow_stats(dp, &u->ufid, &now, 1);
            if (now.used_ms >= 0) {
                credit(u, &now);
            }
            keep = !dp->ops->flow_put(dp, &desc, DP_PUT_MODIFY, NULL);
            free(u->actions);
            u->actions = desc.actions_len ? xmemdup(desc.actions, desc.actions_len) : NULL;
            u->actions_len = desc.actions_len;
            COVERAGE_INC(revalidate_modified);
        }
        bytebuf_fini(&scratch);
    }
    if (keep) {
        for (size_t i = 0; i < u->n_recirc_ids; i++) {
            recirc_unref(p->recirc, u->recirc_ids[i]);
        }
        free(u->recirc_ids);
        u->recirc_ids = xout.recirc_ids;
        u->n_recirc_ids = xout.n_recirc_ids;
        xout.recirc_ids = NULL;
        xout.n_recirc_ids = 0;
        record_fini(&u->record);
        record_move(&u->record, &record);
    }
    for (size_t i = 0; i < xout.n_recirc_ids; i++) {
        recirc_unref(p->recirc, xout.recirc_ids[i]);
    }
    xlate_out_fini(&xout);
    record_fini(&record);
    return keep;
}

static void check_changes(struct slow_path *sp, const struct change_set *set)
{
    struct doomed doomed = {NULL, 0, 0};
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        struct ukey_shard *shard = &sp->shards[i];
        struct ukey *u;
        pthread_mutex_lock(&shard->lock);
        HMAP_FOR_EACH_SAFE (u, node, &shard->ukeys) {
            if (change_set_affects(set, &u->record) && !retranslate(sp, u)) {
                doom(sp, shard, u, &doomed);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    bury(sp, &doomed);
}

void slow_path_revalidate_changes(struct pipeline *p)
{
    struct change_set *set;
    /* Credits of a pass may learn, and so change something: until nothing is left. A few rounds are enough
     * but for a loop of rules that unlearn each other; the next turn goes on with that. */
    for (int round = 0; round < 4; round++) {
        uint64_t generation = changes_generation(p->changes);
        set = changes_take(p->changes);
        if (!set) {
            return;
        }
        struct dp_backer *backer;
        LIST_FOR_EACH (backer, node, &p->backers) {
            if (backer->slow_path) {
                __atomic_store_n(&backer->slow_path->pass_generation, generation, __ATOMIC_SEQ_CST);
                check_changes(backer->slow_path, set);
            }
        }
        change_set_destroy(set);
    }
    task_schedule_in(p->queue, &p->turn, 1);
}

/* How many flows the slow path can look after in time: fewer if a pass took long, slowly more if it did not.
 */
static void adapt_limit(struct slow_path *sp, int duration_ms)
{
    unsigned limit = __atomic_load_n(&sp->flow_limit, __ATOMIC_RELAXED);
    unsigned n = __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED);
    unsigned max = sp->backer->pipeline->config.flow_limit;
    sp->dump_duration_ms = MAX(duration_ms, 1);
    sp->max_flows = MAX(sp->max_flows, n);
    sp->avg_flows = (sp->avg_flows + n) / 2;
    if (sp->forced_limit) {
        return;
    }
    if (duration_ms > 2000) {
        limit /= (unsigned)duration_ms / 1000;
    } else if (duration_ms > 1300) {
        limit = limit * 3 / 4;
    } else if (duration_ms < 1000 && limit < n * 1000 / (unsigned)sp->dump_duration_ms) {
        limit += MAX(1000, limit / 4); /* a pass that is quick says that far more would fit */
    }
    limit = MIN(max, MAX(limit, 1000));
    __atomic_store_n(&sp->flow_limit, limit, __ATOMIC_RELAXED);
}

void slow_path_revalidate(struct slow_path *sp, bool all)
{
    struct datapath *dp = sp->backer->dp;
    struct pipeline *p = sp->backer->pipeline;
    int64_t start = clock_ms();
    unsigned n = __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED);
    unsigned limit = __atomic_load_n(&sp->flow_limit, __ATOMIC_RELAXED);
    int64_t max_idle = n > limit ? 100 : p->config.max_idle_ms;
    bool kill_all = n > 2 * limit;
    struct doomed doomed = {NULL, 0, 0};
    struct dp_ufid *ufids = NULL;
    struct dp_flow_stats *stats = NULL;
    struct ukey **ukeys = NULL;
    size_t allocated = 0;

    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        struct ukey_shard *shard = &sp->shards[i];
        pthread_mutex_lock(&shard->lock);
        size_t count = hmap_count(&shard->ukeys), k = 0;
        if (count > allocated) {
            allocated = count;
            ufids = xrealloc(ufids, count * sizeof *ufids);
            stats = xrealloc(stats, count * sizeof *stats);
            ukeys = xrealloc(ukeys, count * sizeof *ukeys);
        }
        struct ukey *u;
        HMAP_FOR_EACH (u, node, &shard->ukeys) {
            ukeys[k] = u;
            ufids[k++] = u->ufid;
        }
        if (k) {
            dp->ops->flow_stats(dp, ufids, stats, k);
        }
        for (size_t j = 0; j < k; j++) {
            u = ukeys[j];
            if (stats[j].used_ms < 0) {
                doom(sp, shard, u, &doomed); /* somebody deleted it */
                continue;
            }
            credit(u, &stats[j]);
            int64_t used = stats[j].used_ms ? stats[j].used_ms : u->created_ms;
            if (kill_all || start - used > max_idle || (all && !retranslate(sp, u))) {
                doom(sp, shard, u, &doomed);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    bury(sp, &doomed);
    free(ufids);
    free(stats);
    free(ukeys);
    adapt_limit(sp, (int)(clock_ms() - start));
    /* The credits may have learned or forgotten. */
    slow_path_revalidate_changes(p);
}

static void purge_if(struct slow_path *sp, const struct ofproto *ofproto)
{
    struct doomed doomed = {NULL, 0, 0};
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        struct ukey_shard *shard = &sp->shards[i];
        struct ukey *u;
        pthread_mutex_lock(&shard->lock);
        HMAP_FOR_EACH_SAFE (u, node, &shard->ukeys) {
            bool names = !ofproto;
            for (size_t k = 0; k < u->record.n && !names; k++) {
                names = u->record.entries[k].ofproto == ofproto;
            }
            if (names) {
                doom(sp, shard, u, &doomed);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    bury(sp, &doomed);
}

void slow_path_purge(struct slow_path *sp)
{
    purge_if(sp, NULL);
}

void slow_path_forget_bridge(struct slow_path *sp, const struct ofproto *ofproto)
{
    /* A translation that read the old snapshot may still install; nothing that is older than now is let in.
     */
    changes_note_all(sp->backer->pipeline);
    __atomic_store_n(&sp->pass_generation, changes_generation(sp->backer->pipeline->changes),
                     __ATOMIC_SEQ_CST);
    purge_if(sp, ofproto);
}
