/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping cached flows right: the passes. After a change each flow whose record it touches is translated
 * anew: the flow stays, gets other actions, or goes. Every half second statistics are read and credited
 * through the records, without translating, and flows that nobody uses go.
 *
 * A pass holds one shard's lock at a time, and waits for the forwarding threads (a grace period) only with
 * none: once for DOOMED_AT_ONCE flows that go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "flow/mask.h"
#include "l2/mac_table.h"
#include "pipeline/changes.h"
#include "pipeline/dependents.h"
#include "pipeline/recirc.h"
#include "pipeline/slow_path.h"
#include "pipeline/ukey.h"
#include "pipeline/xlate/xlate.h"

COVERAGE_DEFINE(revalidate_translated);
COVERAGE_DEFINE(revalidate_deleted);
COVERAGE_DEFINE(revalidate_modified);
COVERAGE_DEFINE(revalidate_counted); /* flows whose statistics were read */

#define DOOMED_AT_ONCE 1024
#define COUNT_FLOWS    1024 /* are counted by the way */
#define PREFETCH_AHEAD 8    /* flows, whose records are credited soon */

/* U's shard is locked. */
static void doom(struct slow_path *sp, struct ukey_shard *shard, struct ukey *u)
{
    struct doomed *d = &sp->doomed;
    hmap_remove(&shard->ukeys, &u->node);
    dependents_remove(sp->dependents, u);
    __atomic_sub_fetch(&sp->n_flows, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&d->lock);
    if (d->n == d->allocated) {
        d->ukeys = x2nrealloc(d->ukeys, &d->allocated, sizeof *d->ukeys);
    }
    d->ukeys[d->n++] = u;
    pthread_mutex_unlock(&d->lock);
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

/* The same, as it is now. Locked. */
static void count(struct slow_path *sp, struct ukey *u)
{
    struct datapath *dp = sp->backer->dp;
    struct dp_flow_stats now;
    dp->ops->flow_stats(dp, &(const struct dp_flow_name){u->ufid, u->hint}, &now, 1);
    if (now.used_ms >= 0) {
        credit(u, &now);
    }
}

static void delete_all(struct slow_path *sp, struct ukey **ukeys, size_t n)
{
    struct datapath *dp = sp->backer->dp;
    struct dp_flow_name *names = xcalloc(n, sizeof *names);
    struct dp_flow_stats *last = xcalloc(n, sizeof *last);
    for (size_t i = 0; i < n; i++) {
        names[i] = (struct dp_flow_name){ukeys[i]->ufid, ukeys[i]->hint};
    }
    dp->ops->flow_del_batch(dp, names, last, n);
    for (size_t i = 0; i < n; i++) {
        if (last[i].used_ms >= 0) {
            credit(ukeys[i], &last[i]);
        }
        ukey_destroy(ukeys[i], sp->backer->pipeline->recirc);
    }
    COVERAGE_ADD(revalidate_deleted, n);
    free(names);
    free(last);
}

/* When it returns, no flow is left that was doomed before the call, whoever did that: what they counted has
 * been credited. No shard is locked. */
static void bury(struct slow_path *sp)
{
    struct doomed *d = &sp->doomed;
    if (sp->revalidator) { /* who has it waits for a grace period */
        rcu_offline();
        pthread_mutex_lock(&d->burial);
        rcu_online();
    } else {
        pthread_mutex_lock(&d->burial);
    }
    pthread_mutex_lock(&d->lock);
    struct ukey **ukeys = d->ukeys;
    size_t n = d->n;
    d->ukeys = NULL;
    d->n = d->allocated = 0;
    pthread_mutex_unlock(&d->lock);
    if (n) {
        delete_all(sp, ukeys, n);
    }
    free(ukeys);
    pthread_mutex_unlock(&d->burial);
}

/* Between two shards: nothing RCU-protected is held. The control thread, for an inline datapath, is amid
 * something. */
static void rest(struct slow_path *sp)
{
    if (sp->revalidator) {
        rcu_quiescent();
    }
    if (__atomic_load_n(&sp->doomed.n, __ATOMIC_RELAXED) >= DOOMED_AT_ONCE) {
        bury(sp);
    }
}

/* The flow's source is known to be elsewhere: its next packet says that it has moved back, and must be seen
 * to, so it may not find a flow. A simulation keeps the flow, as the reference does: what it shows is
 * compared. */
static bool source_has_moved(const struct record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct record_entry *e = &r->entries[i];
        struct mac_learn learn = {.mac = e->mac,
                                  .vlan = e->vlan,
                                  .port = (void *)(uintptr_t)e->port,
                                  .gratuitous_arp = e->gratuitous_arp};
        struct mac_entry known;
        if (e->type == RECORD_MAC_LEARN && mac_table_get(e->ofproto->macs, e->mac, e->vlan, &known) &&
            mac_table_would_learn(e->ofproto->macs, &learn, clock_ms())) {
            return true;
        }
    }
    return false;
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
    struct record_room room;
    bool keep = false;

    COVERAGE_INC(revalidate_translated);
    minimatch_expand(&u->match, &key, &mask);
    /* A protocol of 0 says that there is no header to be set. Where it was not matched there was some. */
    struct flow_key seen = key;
    if (!mask.bits.nw_proto && (flow_key_is_ip(&key) || key.dl_type == CONST_BE16(0x0806))) {
        seen.nw_proto = UINT8_MAX;
    }
    if (xlate_in_init_upcall(&xin, p, sp->backer, &seen)) {
        return false;
    }
    record_init_room(&record, &room);
    record.keep_keys = true;
    xlate_out_init(&xout);
    xin.record = &record;
    xlate(&xin, &xout);
    /* If more is looked at than the flow matches, it is too wide. */
    if (!xout.avoid_caching && !flow_mask_has_extra(&xout.wc.bits, &mask.bits) &&
        (dp->ops->is_inline || !source_has_moved(&record))) {
        struct bytebuf scratch = BYTEBUF_INITIALIZER;
        struct dp_flow_desc desc = {.ufid = u->ufid, .key = &key, .mask = &mask, .hint = &u->hint};
        upcall_flow_actions(&xout, &scratch, &desc.actions, &desc.actions_len);
        keep = true;
        count(sp, u); /* so far it was for those whom the old translation names */
        if (desc.actions_len != u->actions_len ||
            (desc.actions_len && memcmp(desc.actions, u->actions, desc.actions_len))) {
            keep = !dp->ops->flow_put(dp, &desc, DP_PUT_MODIFY, NULL);
            ukey_set_actions(u, desc.actions, desc.actions_len);
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
        if (!record_update(&u->record, &record)) {
            dependents_remove(sp->dependents, u);
            record_fini(&u->record);
            record_move(&u->record, &record);
            dependents_add(sp->dependents, u);
        }
    }
    for (size_t i = 0; i < xout.n_recirc_ids; i++) {
        recirc_unref(p->recirc, xout.recirc_ids[i]);
    }
    xlate_out_fini(&xout);
    record_fini(&record);
    return keep;
}

/* U is translated anew soon: what that reads is asked for, in two steps, since where the one is says the
 * other. */
static void prefetch_flow(struct slow_path *sp, const struct ukey *u)
{
    struct datapath *dp = sp->backer->dp;
    record_prefetch(&u->record);
    __builtin_prefetch(u->match.words);
    __builtin_prefetch(u->deps);
    if (dp->ops->flow_prefetch) {
        dp->ops->flow_prefetch(dp, &(const struct dp_flow_name){u->ufid, u->hint});
    }
}
static void prefetch_record(const struct ukey *u)
{
    for (size_t i = 0; i < u->record.n; i++) {
        __builtin_prefetch(u->record.entries[i].object);
        __builtin_prefetch(u->record.entries[i].seen.words);
    }
}

/* Every flow is asked. */
static void check_each(struct slow_path *sp, struct change_set *set)
{
    struct ukey **ukeys = NULL;
    size_t allocated = 0;
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        struct ukey_shard *shard = &sp->shards[i];
        struct ukey *u;
        size_t n = 0;
        pthread_mutex_lock(&shard->lock);
        if (hmap_count(&shard->ukeys) > allocated) {
            allocated = hmap_count(&shard->ukeys);
            ukeys = xrealloc(ukeys, allocated * sizeof(struct ukey *));
        }
        HMAP_FOR_EACH (u, node, &shard->ukeys) {
            for (size_t at = CACHE_LINE_SIZE; at < sizeof *u; at += CACHE_LINE_SIZE) {
                __builtin_prefetch((const char *)u + at);
            }
            ukeys[n++] = u;
        }
        for (size_t k = 0; k < n; k++) {
            if (k + PREFETCH_AHEAD < n) {
                prefetch_flow(sp, ukeys[k + PREFETCH_AHEAD]);
            }
            if (k + PREFETCH_AHEAD / 2 < n) {
                prefetch_record(ukeys[k + PREFETCH_AHEAD / 2]);
            }
            if (change_set_affects(set, &ukeys[k]->record) && !retranslate(sp, ukeys[k])) {
                doom(sp, shard, ukeys[k]);
            }
        }
        pthread_mutex_unlock(&shard->lock);
        rest(sp);
    }
    free(ukeys);
    bury(sp);
}

/* The flow will be looked at soon, if it is still there. */
static void prefetch_found(struct slow_path *sp, struct dp_ufid ufid)
{
    struct ukey_shard *shard = ukey_shard(sp, ufid);
    pthread_mutex_lock(&shard->lock);
    const struct ukey *u = ukey_find(shard, ufid);
    if (u) {
        prefetch_flow(sp, u);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* The flows that the changes may touch are known: these alone. */
static void check_some(struct slow_path *sp, struct change_set *set, uint64_t taken,
                       const struct dependents_found *found)
{
    for (size_t i = 0; i < found->n; i++) {
        if (i + PREFETCH_AHEAD < found->n) {
            prefetch_found(sp, found->list[i + PREFETCH_AHEAD]);
        }
        struct ukey_shard *shard = ukey_shard(sp, found->list[i]);
        pthread_mutex_lock(&shard->lock);
        struct ukey *u = ukey_find(shard, found->list[i]);
        if (u && u->checked != taken) { /* some are found twice */
            u->checked = taken;
            if (change_set_affects(set, &u->record) && !retranslate(sp, u)) {
                doom(sp, shard, u);
            }
        }
        pthread_mutex_unlock(&shard->lock);
        if (i % 64 == 63) {
            rest(sp);
        }
    }
    bury(sp);
}

#define SAMPLE     64   /* flows that are asked whether a change is wide */
#define MANY_FLOWS 2048 /* so few that all are asked anyway */

/* Do the changes touch most flows? Some are asked that their identity, a keyed hash, brought together: with
 * what leads from a change to the flows that it touches, such a change would only be slower. */
static bool touches_most(struct slow_path *sp, struct change_set *set, size_t n_flows)
{
    unsigned n = 0, touched = 0;
    for (unsigned i = 0; n_flows >= MANY_FLOWS && i < UKEY_N_SHARDS && n < SAMPLE; i++) {
        struct ukey_shard *shard = &sp->shards[i];
        const struct ukey *u;
        pthread_mutex_lock(&shard->lock);
        HMAP_FOR_EACH (u, node, &shard->ukeys) {
            touched += change_set_affects(set, &u->record);
            if (++n == SAMPLE) {
                break;
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return 2 * touched > n;
}

static void check_changes(struct slow_path *sp, struct change_set *set, uint64_t taken)
{
    size_t n_flows = __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED);
    struct dependents_found found = {.limit = n_flows / 2 + 64}; /* to find one costs more than to ask it */
    /* Who looked at the generation before it was raised is installing its flow, with its shard locked. */
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        pthread_mutex_lock(&sp->shards[i].lock);
        pthread_mutex_unlock(&sp->shards[i].lock);
    }
    if (!touches_most(sp, set, n_flows) && change_set_find(set, sp->dependents, n_flows, &found)) {
        check_some(sp, set, taken, &found);
    } else {
        check_each(sp, set);
    }
    free(found.list);
}

/* A flow that was translated before GENERATION is not installed from now on. Never back: two threads call. */
static void raise_generation(struct slow_path *sp, uint64_t generation)
{
    uint64_t now = __atomic_load_n(&sp->pass_generation, __ATOMIC_SEQ_CST);
    while (now < generation && !__atomic_compare_exchange_n(&sp->pass_generation, &now, generation, false,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

uint64_t revalidate_changes(struct slow_path *sp)
{
    uint64_t generation = 0;
    /* Credits of a pass may learn, and so change something: until nothing is left. A few rounds are enough
     * but for a loop of rules that unlearn each other; the next call goes on with that. */
    for (int round = 0; round < 4; round++) {
        uint64_t taken;
        struct change_set *set = changes_take(sp->backer->changes, &taken);
        generation = taken;
        if (!set) {
            break;
        }
        raise_generation(sp, taken);
        check_changes(sp, set, taken);
        change_set_destroy(set);
    }
    return generation;
}

uint64_t revalidate_if_untouched(struct slow_path *sp)
{
    uint64_t taken;
    struct dependents_found found = {.limit = 0, .quick = true};
    struct change_set *set = changes_take(sp->backer->changes, &taken);
    if (!set) {
        return taken;
    }
    raise_generation(sp, taken);
    bool untouched =
        !__atomic_load_n(&sp->installing, __ATOMIC_SEQ_CST) &&
        change_set_find(set, sp->dependents, __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED), &found);
    if (!untouched) {
        changes_return(sp->backer->changes, set);
        return 0;
    }
    change_set_destroy(set);
    return taken;
}

/* The thread's own processor time. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* How many flows the slow path can look after in time: fewer if a pass took long, slowly more if it did not.
 * What counts is the work of the pass, not what it waited for or did for changes meanwhile: on a busy host,
 * or after a wide change, fewer flows would only mean more upcalls. */
static void adapt_limit(struct slow_path *sp, int duration_ms, int64_t work_ms)
{
    unsigned limit = __atomic_load_n(&sp->flow_limit, __ATOMIC_RELAXED);
    unsigned n = __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED);
    unsigned max = sp->backer->pipeline->config.flow_limit;
    unsigned duration = (unsigned)MAX(work_ms, 1);
    __atomic_store_n(&sp->dump_duration_ms, MAX(duration_ms, 1), __ATOMIC_RELAXED);
    __atomic_store_n(&sp->max_flows, MAX(sp->max_flows, n), __ATOMIC_RELAXED);
    __atomic_store_n(&sp->avg_flows, (sp->avg_flows + n) / 2, __ATOMIC_RELAXED);
    if (__atomic_load_n(&sp->forced_limit, __ATOMIC_RELAXED)) {
        return;
    }
    if (duration > 2000) {
        limit /= duration / 1000;
    } else if (duration > 1300) {
        limit = limit * 3 / 4;
    } else if (duration < 1000 && limit < n * 1000 / duration) {
        limit += MAX(1000, limit / 4); /* a pass that is quick says that far more would fit */
    }
    limit = MIN(max, MAX(limit, 1000));
    __atomic_store_n(&sp->flow_limit, limit, __ATOMIC_RELAXED);
}

/* Arrays that a shard's flows fit into. */
struct shard_stats {
    struct ukey **ukeys;
    struct dp_flow_name *names;
    struct dp_flow_stats *stats;
    size_t allocated;
};

/* Locked. Reads the statistics of all flows of the shard; returns how many there are. */
static size_t read_stats(struct slow_path *sp, struct ukey_shard *shard, struct shard_stats *a)
{
    struct datapath *dp = sp->backer->dp;
    size_t count = hmap_count(&shard->ukeys), k = 0;
    struct ukey *u;
    if (count > a->allocated) {
        a->allocated = count;
        a->names = xrealloc(a->names, count * sizeof *a->names);
        a->stats = xrealloc(a->stats, count * sizeof *a->stats);
        a->ukeys = xrealloc(a->ukeys, count * sizeof *a->ukeys);
    }
    HMAP_FOR_EACH (u, node, &shard->ukeys) {
        a->ukeys[k] = u;
        a->names[k++] = (struct dp_flow_name){u->ufid, u->hint};
    }
    if (k) {
        dp->ops->flow_stats(dp, a->names, a->stats, k);
    }
    return k;
}

/* Every flow is counted. Of many flows at most in a tenth of the time, whatever is asked for. */
static void count_all(struct slow_path *sp)
{
    struct shard_stats a = {NULL, NULL, NULL, 0};
    int64_t begun = clock_us();
    bool many = __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED) > COUNT_FLOWS;
    if (many && begun < sp->count_again_us) {
        return;
    }
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        struct ukey_shard *shard = &sp->shards[i];
        pthread_mutex_lock(&shard->lock);
        size_t k = read_stats(sp, shard, &a);
        for (size_t j = 0; j < k; j++) {
            if (a.stats[j].used_ms >= 0) {
                credit(a.ukeys[j], &a.stats[j]);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    free(a.names);
    free(a.stats);
    free(a.ukeys);
    sp->count_again_us = clock_us() + 10 * (clock_us() - begun);
}

void revalidate_count_rules(struct slow_path *sp, struct rule *const *rules, size_t n)
{
    struct dependents *d = sp->dependents;
    struct dependents_found found = {.limit = COUNT_FLOWS, .quick = true};
    if (!dependents_trylock(d)) {
        count_all(sp);
        return;
    }
    for (size_t i = 0; i < n && !found.gave_up; i++) {
        const struct minimatch *match = &rules[i]->cr.match;
        dependents_of_matches(d, rules[i]->ofproto, rules[i]->table_id, &match, 1, &found);
        dependents_of_rule(d, rules[i], &found);
    }
    dependents_unlock(d);
    if (found.gave_up) {
        count_all(sp);
    }
    for (size_t i = 0; i < found.n && !found.gave_up; i++) {
        struct ukey_shard *shard = ukey_shard(sp, found.list[i]);
        pthread_mutex_lock(&shard->lock);
        struct ukey *u = ukey_find(shard, found.list[i]);
        if (u) {
            count(sp, u);
        }
        pthread_mutex_unlock(&shard->lock);
    }
    free(found.list);
}

void revalidate_all(struct slow_path *sp, bool all, void (*between)(void *), void *aux)
{
    int64_t start = clock_ms(), work = -cpu_ns();
    unsigned n = __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED);
    unsigned limit = __atomic_load_n(&sp->flow_limit, __ATOMIC_RELAXED);
    int64_t max_idle = n > limit ? 100 : sp->backer->pipeline->config.max_idle_ms;
    bool kill_all = n > 2 * limit;
    struct shard_stats a = {NULL, NULL, NULL, 0};

    __atomic_add_fetch(&sp->installing, all,
                       __ATOMIC_SEQ_CST); /* what is translated anew is in no index meanwhile */
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        struct ukey_shard *shard = &sp->shards[i];
        pthread_mutex_lock(&shard->lock);
        size_t k = read_stats(sp, shard, &a);
        COVERAGE_ADD(revalidate_counted, k);
        for (size_t j = 0; j < k; j++) {
            struct ukey *u = a.ukeys[j];
            if (j + PREFETCH_AHEAD < k) {
                record_prefetch(&a.ukeys[j + PREFETCH_AHEAD]->record);
            }
            if (a.stats[j].used_ms < 0) {
                doom(sp, shard, u); /* somebody deleted it */
                continue;
            }
            credit(u, &a.stats[j]);
            int64_t used = a.stats[j].used_ms ? a.stats[j].used_ms : u->created_ms;
            if (kill_all || start - used > max_idle || (all && !retranslate(sp, u))) {
                doom(sp, shard, u);
            }
        }
        pthread_mutex_unlock(&shard->lock);
        rest(sp);
        if (between) {
            work += cpu_ns();
            between(aux);
            work -= cpu_ns();
        }
    }
    __atomic_sub_fetch(&sp->installing, all, __ATOMIC_SEQ_CST);
    bury(sp);
    free(a.names);
    free(a.stats);
    free(a.ukeys);
    adapt_limit(sp, (int)(clock_ms() - start), (work + cpu_ns()) / 1000000);
}

static void purge_if(struct slow_path *sp, const struct ofproto *ofproto)
{
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
                doom(sp, shard, u);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    bury(sp);
}

void slow_path_purge(struct slow_path *sp)
{
    purge_if(sp, NULL);
}

void slow_path_forget_bridge(struct slow_path *sp, const struct ofproto *ofproto)
{
    /* A translation that read the old snapshot may still install; nothing that is older than now is let in.
     */
    changes_note_all(sp->backer->changes);
    raise_generation(sp, changes_generation(sp->backer->changes));
    purge_if(sp, ofproto);
}
