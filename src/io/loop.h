/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. A thread's event loop: file descriptors, due tasks, functions posted from other threads, idle
 * hooks.
 *
 * One turn: wait until something is ready or due; serve the descriptors; run the posted functions; run the
 * due tasks; run the idle hooks. The wait ends when the earliest task of loop_tasks() is due on base/clock.h
 * (with the clock stopped: only by a descriptor, a post or a wake-up), so nothing here keeps time but that
 * clock. libevent serves the descriptors and nothing else.
 *
 * Thread-safety: loop_post(), loop_wake(), loop_exit() and loop_wake_all() any thread; all else the loop's
 * own thread, or before its thread starts. Callbacks may add and remove anything, themselves included. */
#ifndef IO_LOOP_H
#define IO_LOOP_H 1

#include <stdbool.h>

#include "base/list.h"
#include "base/task.h"

struct event;
struct loop;

enum {
    LOOP_READ = 1,
    LOOP_WRITE = 2
};

/* A watched descriptor, embedded in what owns it. The loop never closes `fd`. */
struct loop_fd {
    struct loop *loop; /* NULL while not watched */
    struct event *event;
    int fd;
    unsigned events; /* watched for */
    void (*ready)(struct loop_fd *, unsigned events);
};

/* Runs in each turn, after all else. */
struct loop_idle {
    struct list node;
    void (*run)(struct loop_idle *);
};

struct loop *loop_create(const char *name); /* the name is for logs */
void loop_destroy(struct loop *); /* what is still watched is forgotten; posted functions are not run */
/* The calling thread is registered with base/rcu.h: each turn passes a quiescent state, each wait is offline.
 */
void loop_use_rcu(struct loop *);

struct task_queue *loop_tasks(struct loop *);

/* EVENTS may be 0: only errors and hang-ups are then reported, as LOOP_READ | LOOP_WRITE. */
void loop_add_fd(struct loop *, struct loop_fd *, int fd, unsigned events,
                 void (*ready)(struct loop_fd *, unsigned));
void loop_modify_fd(struct loop_fd *, unsigned events);
void loop_remove_fd(struct loop_fd *); /* legal when not watched; before the descriptor is closed */

void loop_add_idle(struct loop *, struct loop_idle *, void (*run)(struct loop_idle *));
void loop_remove_idle(struct loop_idle *);

/* Has FN(AUX) run on the loop's thread, in order of posting. */
void loop_post(struct loop *, void (*fn)(void *aux), void *aux);
void loop_wake(struct loop *);
void loop_wake_all(void); /* every loop of the process: after clock_warp() */
/* The next turn does not wait: for work that is done in slices. */
void loop_turn_again(struct loop *);

/* One turn; BLOCK false: without waiting. */
void loop_turn(struct loop *, bool block);
void loop_run(struct loop *); /* turns until loop_exit() */
void loop_exit(struct loop *);
bool loop_is_exiting(const struct loop *);

#endif
