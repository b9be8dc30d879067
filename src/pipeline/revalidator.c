/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that keeps a datapath's cached flows right. Whoever notes a change rings it; the control
 * thread's task rings it for the periodic pass, so that the clock stays ours. A change never waits for a
 * periodic pass to end: it is looked for between shards. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/rcu.h"
#include "io/thread.h"
#include "pipeline/changes.h"
#include "pipeline/ukey.h"

struct revalidator {
    struct slow_path *sp; /* i */
    pthread_t thread;
    pthread_mutex_t pass; /* held by who runs a pass after changes */
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    bool stop, changed, all; /* under lock: asked for */
    uint64_t asked, ran;     /* under lock: periodic passes, counted */
    uint64_t settled;        /* atomic, changed under lock: the change that flows agree with */
    bool ringing;            /* atomic: `changed` was set and not seen yet */
    uint64_t told;           /* atomic: the last change that the control thread wants to be told of */
};

/* `pass` is held. */
static void set_settled(struct revalidator *r, uint64_t settled)
{
    pthread_mutex_lock(&r->lock);
    __atomic_store_n(&r->settled, settled, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&r->done);
    pthread_mutex_unlock(&r->lock);
}

/* The revalidator's thread. */
static void run_changes(struct revalidator *r)
{
    __atomic_store_n(&r->ringing, false, __ATOMIC_SEQ_CST); /* before the changes are taken */
    pthread_mutex_lock(&r->pass);
    uint64_t before = r->settled;
    set_settled(r, revalidate_changes(r->sp));
    pthread_mutex_unlock(&r->pass);
    if (__atomic_load_n(&r->told, __ATOMIC_SEQ_CST) > before) {
        pipeline_wake(r->sp->backer->pipeline);
    }
}

static void between(void *r_)
{
    struct revalidator *r = r_;
    if (__atomic_load_n(&r->ringing, __ATOMIC_ACQUIRE)) {
        run_changes(r);
    }
}

static void run(void *r_)
{
    struct revalidator *r = r_;
    for (;;) {
        rcu_offline();
        pthread_mutex_lock(&r->lock);
        while (!r->stop && !r->changed && r->asked == r->ran) {
            pthread_cond_wait(&r->work, &r->lock);
        }
        uint64_t asked = r->asked;
        bool periodic = asked != r->ran, all = r->all, stop = r->stop;
        r->changed = r->all = false;
        pthread_mutex_unlock(&r->lock);
        rcu_online();
        if (stop) {
            return;
        }
        run_changes(r);
        if (periodic) {
            revalidate_all(r->sp, all, between, r);
            run_changes(r); /* the credits may have learned or forgotten */
            pthread_mutex_lock(&r->lock);
            r->ran = asked;
            pthread_cond_broadcast(&r->done);
            pthread_mutex_unlock(&r->lock);
        }
    }
}

struct revalidator *revalidator_start(struct slow_path *sp)
{
    struct revalidator *r = xzalloc(sizeof *r);
    pthread_condattr_t attr;
    r->sp = sp;
    pthread_mutex_init(&r->pass, NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->work, &attr);
    pthread_cond_init(&r->done, &attr);
    pthread_condattr_destroy(&attr);
    sp->revalidator = r;
    r->thread = thread_start("revalidator", THREAD_RCU_READER, run, r);
    return r;
}

void revalidator_stop(struct revalidator *r)
{
    if (!r) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
    rcu_offline();
    thread_join(r->thread);
    rcu_online();
    pthread_mutex_destroy(&r->pass);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->done);
    free(r);
}

void revalidator_check_changes(struct revalidator *r)
{
    if (__atomic_load_n(&r->ringing, __ATOMIC_SEQ_CST) ||
        __atomic_exchange_n(&r->ringing, true, __ATOMIC_SEQ_CST)) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->changed = true;
    pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
}

void revalidator_check_changes_here(struct revalidator *r)
{
    uint64_t settled = 0;
    if (!pthread_mutex_trylock(&r->pass)) {
        settled = revalidate_if_untouched(r->sp);
        if (settled) {
            set_settled(r, settled);
        }
        pthread_mutex_unlock(&r->pass);
    }
    if (!settled) {
        revalidator_check_changes(r);
    }
}

void revalidator_run(struct revalidator *r, bool all)
{
    pthread_mutex_lock(&r->lock);
    r->asked++;
    r->all |= all;
    pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
}

/* Waits on `done` until DONE(R, WHAT). */
static bool wait_until(struct revalidator *r, bool (*done)(const struct revalidator *, uint64_t),
                       uint64_t what, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (int64_t)(timeout_ms % 1000) * 1000000;
    until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    bool ok;
    int error = 0;
    rcu_offline(); /* the revalidator may wait for a grace period */
    pthread_mutex_lock(&r->lock);
    while (!(ok = done(r, what)) && error != ETIMEDOUT) {
        error = timeout_ms < 0 ? pthread_cond_wait(&r->done, &r->lock)
                               : pthread_cond_timedwait(&r->done, &r->lock, &until);
    }
    pthread_mutex_unlock(&r->lock);
    rcu_online();
    return ok;
}

static bool has_run(const struct revalidator *r, uint64_t asked)
{
    return r->ran >= asked;
}

bool revalidator_wait(struct revalidator *r, int timeout_ms)
{
    return wait_until(r, has_run, r->asked, timeout_ms); /* only the control thread asks */
}

bool revalidator_is_settled(const struct revalidator *r, uint64_t generation)
{
    return __atomic_load_n(&r->settled, __ATOMIC_ACQUIRE) >= generation;
}

bool revalidator_tell(struct revalidator *r, uint64_t generation)
{
    __atomic_store_n(&r->told, generation, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&r->settled, __ATOMIC_SEQ_CST) >= generation;
}

bool revalidator_settle(struct revalidator *r, uint64_t generation, int timeout_ms)
{
    return revalidator_is_settled(r, generation) ||
           wait_until(r, revalidator_is_settled, generation, timeout_ms);
}
