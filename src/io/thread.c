/* SPDX-License-Identifier: Apache-2.0 */
#include "io/thread.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/rcu.h"

LOG_MODULE(ovs_thread);

struct start {
    char name[16];
    unsigned kind;
    void (*fn)(void *aux);
    void *aux;
};

static void *run(void *start_)
{
    struct start start = *(struct start *)start_;
    free(start_);
    pthread_setname_np(pthread_self(), start.name);
    log_set_thread_name(start.name);
    if (start.kind & THREAD_DEFERS_LOG) {
        log_defer_this_thread();
    }
    if (start.kind & THREAD_RCU_READER) {
        rcu_register();
    }
    start.fn(start.aux);
    if (start.kind & THREAD_RCU_READER) {
        rcu_unregister();
    }
    return NULL;
}

pthread_t thread_start(const char *name, unsigned kind, void (*fn)(void *aux), void *aux)
{
    struct start *start = xzalloc(sizeof *start);
    snprintf(start->name, sizeof start->name, "%s", name);
    start->kind = kind;
    start->fn = fn;
    start->aux = aux;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, start);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error) {
        LOG_FATAL("cannot start thread %s: %s", name, error_text(error));
    }
    return thread;
}

void thread_join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

int thread_pin(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu >= CPU_SETSIZE) {
        return EINVAL;
    }
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

unsigned thread_n_cpus(void)
{
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) {
        return (unsigned)CPU_COUNT(&set);
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

int waker_init(struct waker *waker)
{
    atomic_store(&waker->rung, false);
    waker->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return waker->fd < 0 ? errno : 0;
}

void waker_fini(struct waker *waker)
{
    close(waker->fd);
}

void waker_ring(struct waker *waker)
{
    if (!atomic_exchange(&waker->rung, true)) {
        uint64_t one = 1;
        while (write(waker->fd, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
}

void waker_drain(struct waker *waker)
{
    uint64_t count;
    atomic_store(&waker->rung, false);
    while (read(waker->fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

void waker_wait(struct waker *waker, int timeout_ms)
{
    struct pollfd p = {.fd = waker->fd, .events = POLLIN};
    poll(&p, 1, timeout_ms);
    waker_drain(waker);
}
