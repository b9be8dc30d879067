/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/slow_path.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "pipeline/changes.h"
#include "pipeline/dependents.h"
#include "pipeline/ukey.h"

LOG_MODULE(ofproto_dpif_upcall);

#define UPCALL_BATCH 32
#define MAX_THREADS  16

static void *run_thread(void *thread_)
{
    struct slow_thread *t = thread_;
    struct slow_path *sp = t->sp;
    const struct datapath_ops *ops = sp->backer->dp->ops;
    struct dp_upcall *upcalls = xcalloc(UPCALL_BATCH, sizeof *upcalls);
    char name[16];
    snprintf(name, sizeof name, "handler%u", t->index);
    pthread_setname_np(pthread_self(), name);
    rcu_register();
    while (!__atomic_load_n(&sp->stopping, __ATOMIC_ACQUIRE)) {
        size_t n = ops->upcall_recv(t->handler, upcalls, UPCALL_BATCH);
        for (size_t i = 0; i < n; i++) {
            slow_path_upcall(sp, t->handler, &upcalls[i]);
        }
        rcu_quiescent();
        if (!n) {
            struct pollfd fds[2] = {{.fd = ops->upcall_fd(t->handler), .events = POLLIN},
                                    {.fd = t->wake_fd, .events = POLLIN}};
            rcu_offline();
            poll(fds, 2, -1);
            rcu_online();
        }
    }
    rcu_unregister();
    free(upcalls);
    return NULL;
}

static void start_threads(struct slow_path *sp)
{
    const struct datapath_ops *ops = sp->backer->dp->ops;
    unsigned n = sp->backer->pipeline->config.n_handlers;
    if (!n) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        n = cpus > 4 ? (unsigned)cpus - (unsigned)cpus / 4 - 1 : 1;
    }
    n = MIN(n, MAX_THREADS);
    sp->threads = xcalloc(n, sizeof *sp->threads);
    for (unsigned i = 0; i < n; i++) {
        struct slow_thread *t = &sp->threads[i];
        t->sp = sp;
        t->index = i + 1;
        t->handler = ops->handler_create(sp->backer->dp, true);
        t->wake_fd = eventfd(0, EFD_CLOEXEC);
        if (!t->handler || pthread_create(&t->thread, NULL, run_thread, t)) {
            LOG_ERR("cannot start handler thread %u of datapath %s", i + 1, sp->backer->dp->name);
            ops->handler_destroy(t->handler);
            close(t->wake_fd);
            break;
        }
        sp->n_threads++;
    }
}

static void stop_threads(struct slow_path *sp)
{
    uint64_t one = 1;
    __atomic_store_n(&sp->stopping, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < sp->n_threads; i++) {
        if (write(sp->threads[i].wake_fd, &one, sizeof one) < 0) {
            LOG_ERR("cannot wake handler thread %u", i + 1);
        }
        rcu_offline();
        pthread_join(sp->threads[i].thread, NULL);
        rcu_online();
        close(sp->threads[i].wake_fd);
        sp->backer->dp->ops->handler_destroy(sp->threads[i].handler);
    }
    free(sp->threads);
    sp->threads = NULL;
    sp->n_threads = 0;
}

static void inline_upcall(struct dp_upcall *u, void *sp_)
{
    struct slow_path *sp = sp_;
    slow_path_upcall(sp, sp->backer->handler, u);
}

static void run_periodic(struct task *task)
{
    struct slow_path *sp = CONTAINER_OF(task, struct slow_path, periodic);
    struct datapath *dp = sp->backer->dp;
    if (dp->ops->sweep) {
        dp->ops->sweep(dp);
    }
    /* While one pass is under way, no other is asked for. */
    if (!sp->revalidator) {
        slow_path_revalidate(sp, false);
    } else if (revalidator_wait(sp->revalidator, 0)) {
        revalidator_run(sp->revalidator, false);
    }
    task_schedule_in(sp->backer->pipeline->queue, task, sp->backer->pipeline->config.max_revalidator_ms);
}

struct slow_path *slow_path_create(struct dp_backer *backer)
{
    struct slow_path *sp = xzalloc(sizeof *sp);
    sp->backer = backer;
    sp->shards = xzalloc_cacheline(UKEY_N_SHARDS * sizeof *sp->shards);
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        pthread_mutex_init(&sp->shards[i].lock, NULL);
        hmap_init(&sp->shards[i].ukeys);
    }
    sp->dependents = dependents_create();
    pthread_mutex_init(&sp->doomed.lock, NULL);
    pthread_mutex_init(&sp->doomed.burial, NULL);
    sp->megaflows = sp->ufid = true;
    /* The reference begins with 10,000 and lets in what comes until it has counted; here the limit holds at
     * once, and begins where it may end: a pass over as many flows takes a tenth of a second. */
    sp->flow_limit = backer->pipeline->config.flow_limit;
    sp->dump_duration_ms = 1;
    backer->slow_path = sp;
    task_init(&sp->periodic, "revalidation", run_periodic);
    task_schedule_in(backer->pipeline->queue, &sp->periodic, backer->pipeline->config.max_revalidator_ms);
    if (backer->dp->ops->is_inline) {
        backer->dp->ops->set_upcall_cb(backer->dp, inline_upcall, sp);
    } else {
        revalidator_start(sp);
        start_threads(sp);
    }
    return sp;
}

void slow_path_destroy(struct slow_path *sp)
{
    if (!sp) {
        return;
    }
    task_cancel(&sp->periodic);
    if (sp->backer->dp->ops->is_inline) {
        sp->backer->dp->ops->set_upcall_cb(sp->backer->dp, NULL, NULL);
    } else {
        stop_threads(sp);
        revalidator_stop(sp->revalidator);
        sp->revalidator = NULL;
    }
    slow_path_purge(sp);
    for (int i = 0; i < UKEY_N_SHARDS; i++) {
        hmap_fini(&sp->shards[i].ukeys);
        pthread_mutex_destroy(&sp->shards[i].lock);
    }
    dependents_destroy(sp->dependents);
    pthread_mutex_destroy(&sp->doomed.lock);
    pthread_mutex_destroy(&sp->doomed.burial);
    free(sp->shards);
    free(sp);
}

/* ------------------------------------------------------------------ revalidation, whoever does it */

void slow_path_changed(struct slow_path *sp)
{
    if (sp->revalidator) {
        revalidator_check_changes(sp->revalidator);
    } else {
        pipeline_wake(sp->backer->pipeline);
    }
}

void slow_path_check_changes(struct slow_path *sp)
{
    uint64_t generation = changes_generation(sp->backer->changes);
    if (sp->revalidator) {
        if (!revalidator_is_settled(sp->revalidator, generation)) {
            revalidator_check_changes_here(sp->revalidator);
        }
    } else if (revalidate_changes(sp) < changes_generation(sp->backer->changes)) {
        task_schedule_in(sp->backer->pipeline->queue, &sp->backer->pipeline->turn, 1);
    }
}

void slow_path_wait(struct slow_path *sp)
{
    if (sp->revalidator) {
        revalidator_settle(sp->revalidator, changes_generation(sp->backer->changes), -1);
    }
}

uint64_t slow_path_under_way(struct slow_path *sp)
{
    uint64_t generation = changes_generation(sp->backer->changes);
    return !sp->revalidator || revalidator_tell(sp->revalidator, generation) ? 0 : generation;
}

bool slow_path_is_settled(const struct slow_path *sp, uint64_t under_way)
{
    return !sp->revalidator || revalidator_is_settled(sp->revalidator, under_way);
}

void slow_path_revalidate(struct slow_path *sp, bool all)
{
    if (sp->revalidator) {
        revalidator_run(sp->revalidator, all);
        revalidator_wait(sp->revalidator, -1);
    } else {
        revalidate_all(sp, all, NULL, NULL);
        slow_path_check_changes(sp); /* the credits may have learned or forgotten */
    }
}

void slow_path_refresh_stats(struct slow_path *sp)
{
    if (sp->revalidator) {
        revalidator_run(sp->revalidator, false);
        revalidator_wait(sp->revalidator, STATS_WAIT_MS);
    } else {
        slow_path_revalidate(sp, false);
    }
}

void slow_path_count_rules(struct slow_path *sp, struct rule *const *rules, size_t n)
{
    revalidate_count_rules(sp, rules, n);
}

/* ------------------------------------------------------------------ settings, texts */

void slow_path_set_flow_limit(struct slow_path *sp, unsigned limit)
{
    __atomic_store_n(&sp->forced_limit, limit, __ATOMIC_RELAXED);
    __atomic_store_n(&sp->flow_limit, limit ? limit : sp->backer->pipeline->config.flow_limit,
                     __ATOMIC_RELAXED);
}

void slow_path_set_megaflows(struct slow_path *sp, bool on)
{
    __atomic_store_n(&sp->megaflows, on, __ATOMIC_RELAXED);
    slow_path_purge(sp);
}

void slow_path_set_ufid(struct slow_path *sp, bool on)
{
    __atomic_store_n(&sp->ufid, on, __ATOMIC_RELAXED);
}

void slow_path_show(const struct slow_path *sp, struct strbuf *s)
{
    unsigned n = __atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED);
    const struct datapath *dp = sp->backer->dp;
    strbuf_printf(s, "%s@%s:\n", dp->ops->type, dp->name);
    strbuf_printf(s, "  flows         : (current %u) (avg %u) (max %u) (limit %u)\n", n,
                  __atomic_load_n(&sp->avg_flows, __ATOMIC_RELAXED),
                  MAX(__atomic_load_n(&sp->max_flows, __ATOMIC_RELAXED), n),
                  __atomic_load_n(&sp->flow_limit, __ATOMIC_RELAXED));
    strbuf_printf(s, "  dump duration : %dms\n", __atomic_load_n(&sp->dump_duration_ms, __ATOMIC_RELAXED));
    strbuf_printf(s, "  ufid enabled : %s\n\n", sp->ufid ? "true" : "false");
    strbuf_printf(s, "  %u: (keys %u)\n", sp->n_threads ? sp->n_threads + 1 : 0, n);
}
