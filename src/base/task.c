/* SPDX-License-Identifier: Apache-2.0 */
#include "base/task.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

static bool before(const struct task *a, const struct task *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(struct task_queue *queue, size_t index, struct task *task)
{
    queue->heap[index] = task;
    task->index = index;
}

static void sift_up(struct task_queue *queue, struct task *task)
{
    size_t i = task->index;
    while (i && before(task, queue->heap[(i - 1) / 2])) {
        place(queue, i, queue->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(queue, i, task);
}

static void sift_down(struct task_queue *queue, struct task *task)
{
    size_t i = task->index;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= queue->n) {
            break;
        }
        if (child + 1 < queue->n && before(queue->heap[child + 1], queue->heap[child])) {
            child++;
        }
        if (!before(queue->heap[child], task)) {
            break;
        }
        place(queue, i, queue->heap[child]);
        i = child;
    }
    place(queue, i, task);
}

void task_init(struct task *task, const char *name, void (*run)(struct task *))
{
    *task = (struct task){.run = run, .name = name};
}

void task_cancel(struct task *task)
{
    struct task_queue *queue = task->queue;
    if (queue) {
        struct task *last = queue->heap[--queue->n];
        task->queue = NULL;
        if (last != task) {
            place(queue, task->index, last);
            sift_up(queue, last);
            sift_down(queue, last);
        }
    }
}

void task_schedule(struct task_queue *queue, struct task *task, int64_t due_ms)
{
    task_cancel(task);
    if (due_ms == TASK_NEVER) {
        return;
    }
    task->due_ms = MAX(due_ms, queue->running_ms);
    task->order = queue->next_order++;
    task->queue = queue;
    if (queue->n == queue->allocated) {
        queue->heap = x2nrealloc(queue->heap, &queue->allocated, sizeof *queue->heap);
    }
    place(queue, queue->n++, task);
    sift_up(queue, task);
}

void task_schedule_in(struct task_queue *queue, struct task *task, int64_t delay_ms)
{
    int64_t now = clock_ms();
    task_schedule(queue, task, delay_ms > TASK_NEVER - now ? TASK_NEVER : now + delay_ms);
}

void task_schedule_by(struct task_queue *queue, struct task *task, int64_t due_ms)
{
    if (task->queue != queue || due_ms < task->due_ms) {
        task_schedule(queue, task, due_ms);
    }
}

void task_queue_init(struct task_queue *queue)
{
    *queue = (struct task_queue){.running_ms = INT64_MIN};
}

void task_queue_fini(struct task_queue *queue)
{
    if (queue) {
        while (queue->n) {
            task_cancel(queue->heap[queue->n - 1]);
        }
        free(queue->heap);
        task_queue_init(queue);
    }
}

int64_t task_queue_next_due(const struct task_queue *queue)
{
    return queue->n ? queue->heap[0]->due_ms : TASK_NEVER;
}

/* While it runs, task_schedule() counts a time that has passed as now: so what is scheduled meanwhile sorts
 * after all that was due before, and the first such one at the top ends the run. */
size_t task_queue_run(struct task_queue *queue, int64_t now_ms)
{
    uint64_t limit = queue->next_order;
    size_t n_run = 0;
    queue->running_ms = now_ms;
    while (queue->n && queue->heap[0]->due_ms <= now_ms && queue->heap[0]->order < limit) {
        struct task *task = queue->heap[0];
        task_cancel(task);
        task->run(task);
        n_run++;
    }
    queue->running_ms = INT64_MIN;
    return n_run;
}
