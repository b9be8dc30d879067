/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Threads with names (in logs, ps and gdb), and wake-ups through a descriptor.
 * Thread-safety: any thread; waker_wait() and waker_drain() by the one that sleeps on it. */
#ifndef IO_THREAD_H
#define IO_THREAD_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum thread_kind {
    THREAD_PLAIN,
    THREAD_RCU_READER = 1, /* registered with base/rcu.h for its whole life */
    THREAD_DEFERS_LOG = 2, /* its log lines go through the ring */
};

/* Starts FN(AUX) in a thread called NAME (15 characters count) with all signals blocked; ends the process if
 * the kernel has none to give. KIND is THREAD_*, or-ed. */
pthread_t thread_start(const char *name, unsigned kind, void (*fn)(void *aux), void *aux);
void thread_join(pthread_t);
/* Binds the calling thread to CPU; 0 or an errno. */
int thread_pin(unsigned cpu);
unsigned thread_n_cpus(void); /* that this process may use */

/* Something to sleep on that any thread can ring. A ring that nobody has heard yet costs no system call. */
struct waker {
    int fd; /* an eventfd, non-blocking: poll it for reading */
    _Atomic bool rung;
};

int waker_init(struct waker *);
void waker_fini(struct waker *);
void waker_ring(struct waker *);
void waker_drain(struct waker *); /* after waking up, before looking for work */
/* Sleeps until rung or TIMEOUT_MS have passed (-1: for ever), then drains. */
void waker_wait(struct waker *, int timeout_ms);

#endif
