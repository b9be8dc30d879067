/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/error.h"
#include "base/log.h"
#include "base/rcu.h"

LOG_MODULE(poll_loop);

COVERAGE_DEFINE(poll_create_node);
COVERAGE_DEFINE(poll_zero_timeout);

struct posted {
    struct list node;
    void (*fn)(void *aux);
    void *aux;
};

struct loop {
    struct list all; /* in `loops` */
    char *name;
    struct event_base *base;
    struct event *timer; /* ends the wait at the next due task */
    struct task_queue tasks;
    struct list idles; /* struct loop_idle */
    bool rcu, offline; /* is a reader's thread; and is waiting */
    bool again;        /* the next turn does not wait */
    _Atomic bool exiting;
    _Atomic bool woken; /* the eventfd has been written and not yet been read */
    struct loop_fd wake_fd;
    pthread_mutex_t mutex; /* `posted` */
    struct list posted;
};

static pthread_mutex_t loops_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list loops = LIST_INITIALIZER(&loops); /* loops_mutex */

static void drain_wake_ups(struct loop_fd *fd, unsigned events)
{
    uint64_t count;
    if (read(fd->fd, &count, sizeof count) < 0 && errno != EAGAIN) {
        LOG_ERR("%s: eventfd: %s", fd->loop->name, error_text(errno));
    }
    /* Not before the read, which would take with it what a wake-up in between wrote, and none would come
     * through again. One that comes before this line writes nothing, and need not: what it is for is looked
     * at later in this turn. */
    atomic_store(&fd->loop->woken, false);
}

static void timer_fired(evutil_socket_t fd, short what, void *aux)
{
}

struct loop *loop_create(const char *name)
{
    struct loop *loop = xzalloc(sizeof *loop);
    loop->name = xstrdup(name);
    loop->base = event_base_new();
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!loop->base || fd < 0) {
        LOG_FATAL("%s: cannot make an event loop: %s", name, error_text(errno));
    }
    loop->timer = evtimer_new(loop->base, timer_fired, NULL);
    task_queue_init(&loop->tasks);
    list_init(&loop->idles);
    list_init(&loop->posted);
    pthread_mutex_init(&loop->mutex, NULL);
    loop_add_fd(loop, &loop->wake_fd, fd, LOOP_READ, drain_wake_ups);
    pthread_mutex_lock(&loops_mutex);
    list_push_back(&loops, &loop->all);
    pthread_mutex_unlock(&loops_mutex);
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (!loop) {
        return;
    }
    pthread_mutex_lock(&loops_mutex);
    list_remove(&loop->all);
    pthread_mutex_unlock(&loops_mutex);
    struct posted *p, *next;
    LIST_FOR_EACH_SAFE (p, next, node, &loop->posted) {
        free(p);
    }
    int fd = loop->wake_fd.fd;
    loop_remove_fd(&loop->wake_fd);
    close(fd);
    event_free(loop->timer);
    event_base_free(loop->base);
    task_queue_fini(&loop->tasks);
    pthread_mutex_destroy(&loop->mutex);
    free(loop->name);
    free(loop);
}

void loop_use_rcu(struct loop *loop)
{
    loop->rcu = true;
}

struct task_queue *loop_tasks(struct loop *loop)
{
    return &loop->tasks;
}

/* Descriptors. */

static void go_online(struct loop *loop)
{
    if (loop->offline) {
        loop->offline = false;
        rcu_online();
    }
}

static void fd_ready(evutil_socket_t fd, short what, void *watched_)
{
    struct loop_fd *watched = watched_;
    go_online(watched->loop);
    unsigned events = (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0);
    if (what & EV_CLOSED) {
        events |= LOOP_READ | LOOP_WRITE;
    }
    watched->ready(watched, events);
}

static void arm(struct loop_fd *watched)
{
    short what = EV_PERSIST;
    what |= (short)(watched->events & LOOP_READ ? EV_READ : 0);
    what |= (short)(watched->events & LOOP_WRITE ? EV_WRITE : 0);
    if (!watched->events) {
        what |= EV_CLOSED;
    }
    event_assign(watched->event, watched->loop->base, watched->fd, what, fd_ready, watched);
    if (event_add(watched->event, NULL)) {
        LOG_ERR("%s: cannot watch descriptor %d: %s", watched->loop->name, watched->fd, error_text(errno));
    }
}

void loop_add_fd(struct loop *loop, struct loop_fd *watched, int fd, unsigned events,
                 void (*ready)(struct loop_fd *, unsigned))
{
    COVERAGE_INC(poll_create_node);
    *watched = (struct loop_fd){
        .loop = loop,
        .event = event_new(loop->base, fd, EV_READ, fd_ready, watched),
        .fd = fd,
        .events = events,
        .ready = ready,
    };
    arm(watched);
}

void loop_modify_fd(struct loop_fd *watched, unsigned events)
{
    if (watched->loop && watched->events != events) {
        event_del(watched->event);
        watched->events = events;
        arm(watched);
    }
}

void loop_remove_fd(struct loop_fd *watched)
{
    if (watched->loop) {
        event_free(watched->event); /* takes it out of the base, its pending call included */
        watched->event = NULL;
        watched->loop = NULL;
    }
}

/* Idle hooks. */

void loop_add_idle(struct loop *loop, struct loop_idle *idle, void (*run)(struct loop_idle *))
{
    idle->run = run;
    list_push_back(&loop->idles, &idle->node);
}

void loop_remove_idle(struct loop_idle *idle)
{
    list_remove(&idle->node);
    list_init(&idle->node);
}

/* Each hook goes to the end of the list before it runs, so that any of them may go meanwhile. */
static void run_idles(struct loop *loop)
{
    for (size_t n = list_size(&loop->idles); n && !list_is_empty(&loop->idles); n--) {
        struct list *node = list_pop_front(&loop->idles);
        list_push_back(&loop->idles, node);
        struct loop_idle *idle = OBJECT_OF(node, idle, node);
        idle->run(idle);
    }
}

/* Other threads. */

void loop_wake(struct loop *loop)
{
    if (!atomic_exchange(&loop->woken, true)) {
        uint64_t one = 1;
        if (write(loop->wake_fd.fd, &one, sizeof one) < 0 && errno != EAGAIN) {
            LOG_ERR("%s: eventfd: %s", loop->name, error_text(errno));
        }
    }
}

void loop_wake_all(void)
{
    struct loop *loop;
    pthread_mutex_lock(&loops_mutex);
    LIST_FOR_EACH (loop, all, &loops) {
        loop_wake(loop);
    }
    pthread_mutex_unlock(&loops_mutex);
}

void loop_post(struct loop *loop, void (*fn)(void *aux), void *aux)
{
    struct posted *p = xmalloc(sizeof *p);
    p->fn = fn;
    p->aux = aux;
    pthread_mutex_lock(&loop->mutex);
    list_push_back(&loop->posted, &p->node);
    pthread_mutex_unlock(&loop->mutex);
    loop_wake(loop);
}

static void run_posted(struct loop *loop)
{
    struct list now = LIST_INITIALIZER(&now);
    pthread_mutex_lock(&loop->mutex);
    list_splice_back(&now, &loop->posted);
    pthread_mutex_unlock(&loop->mutex);
    while (!list_is_empty(&now)) {
        struct posted *p = OBJECT_OF(list_pop_front(&now), p, node);
        p->fn(p->aux);
        free(p);
    }
}

/* Turns. */

void loop_turn_again(struct loop *loop)
{
    loop->again = true;
}

/* How long the next wait may take, milliseconds; -1: until something happens. */
static int64_t wait_ms(const struct loop *loop, bool block)
{
    if (!block || loop->again || atomic_load(&loop->exiting)) {
        return 0;
    }
    int64_t due = task_queue_next_due(&loop->tasks), now = clock_ms();
    if (due == TASK_NEVER) {
        return -1;
    }
    if (due <= now) {
        return 0;
    }
    return clock_is_stopped() ? -1 : due - now;
}

void loop_turn(struct loop *loop, bool block)
{
    int64_t wait = wait_ms(loop, block);
    loop->again = false;
    if (wait == 0) {
        COVERAGE_INC(poll_zero_timeout);
        event_base_loop(loop->base, EVLOOP_NONBLOCK);
    } else {
        if (wait > 0) {
            wait = MIN(wait, 3600 * 1000);
            struct timeval tv = {.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
            evtimer_add(loop->timer, &tv);
        }
        if (loop->rcu) {
            loop->offline = true;
            rcu_offline();
        }
        event_base_loop(loop->base, EVLOOP_ONCE);
        go_online(loop);
        if (wait > 0) {
            evtimer_del(loop->timer);
        }
    }
    run_posted(loop);
    task_queue_run(&loop->tasks, clock_ms());
    run_idles(loop);
    if (loop->rcu) {
        rcu_quiescent();
    }
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->exiting)) {
        loop_turn(loop, true);
    }
}

void loop_exit(struct loop *loop)
{
    atomic_store(&loop->exiting, true);
    loop_wake(loop);
}

bool loop_is_exiting(const struct loop *loop)
{
    return atomic_load(&loop->exiting);
}
