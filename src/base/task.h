/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Things to do at a due time. All periodic work and every time-out is a `struct task` in the task
 * queue of its thread, due on base/clock.h, so that `time/stop` and `time/warp` hold for everything.
 *
 * A task is embedded in what it works for and runs once for each time it is scheduled; a periodic one
 * schedules itself again from its own function. A task in a queue must be cancelled before its memory goes.
 *
 *   task_init(&expire, "mac expiry", run_expire);
 *   task_schedule(queue, &expire, clock_ms() + 1000);
 *   static void run_expire(struct task *task) { struct table *t = OBJECT_OF(task, t, expire); ... }
 *
 * Tasks due at the same millisecond run in the order in which they were scheduled.
 * Thread-safety: none; a queue and its tasks belong to one thread. To have something done on another thread,
 * post to its loop (io/loop.h). */
#ifndef BASE_TASK_H
#define BASE_TASK_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#define TASK_NEVER INT64_MAX

struct task_queue;

struct task {
    void (*run)(struct task *);
    const char *name;         /* for people; not copied */
    struct task_queue *queue; /* NULL while not scheduled */
    size_t index;             /* in the queue's heap */
    int64_t due_ms;           /* clock_ms() */
    uint64_t order;           /* breaks ties */
};

struct task_queue {
    struct task **heap; /* binary, earliest first */
    size_t n, allocated;
    uint64_t next_order;
    int64_t running_ms; /* the time that task_queue_run() runs for, INT64_MIN outside of it */
};

void task_init(struct task *, const char *name, void (*run)(struct task *));
/* Puts the task in QUEUE for DUE_MS, or moves it there. TASK_NEVER cancels. */
void task_schedule(struct task_queue *, struct task *, int64_t due_ms);
void task_schedule_in(struct task_queue *, struct task *, int64_t delay_ms); /* from now on */
/* The earlier of what it has and DUE_MS. */
void task_schedule_by(struct task_queue *, struct task *, int64_t due_ms);
void task_cancel(struct task *); /* legal when not scheduled */
static inline bool task_is_scheduled(const struct task *task)
{
    return task->queue != NULL;
}

void task_queue_init(struct task_queue *);
void task_queue_fini(struct task_queue *); /* takes out what is still in there, without running it */
/* When the first one is due, TASK_NEVER if none. */
int64_t task_queue_next_due(const struct task_queue *);
/* Runs what is due at NOW_MS and was scheduled before the call; what is scheduled meanwhile waits for the
 * next call, even if due at once, so that one busy task starves nobody. Returns how many ran. */
size_t task_queue_run(struct task_queue *, int64_t now_ms);

#endif
