/* SPDX-License-Identifier: Apache-2.0 */
#include "base/task.h"

#include "base/clock.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct job {
    struct task task;
    int n_run;
    int64_t again_ms; /* schedules itself for now plus this; negative: never */
};

static struct task_queue queue;
static int64_t last_due;
static int64_t now;

static void run_job(struct task *task)
{
    struct job *job = OBJECT_OF(task, job, task);
    assert_true(task->due_ms >= last_due);
    last_due = task->due_ms;
    job->n_run++;
    if (job->again_ms >= 0) {
        task_schedule(&queue, task, now + job->again_ms);
    }
}

static void runs_in_order(void **state)
{
    enum {
        N = 500
    };
    static struct job jobs[N];
    task_queue_init(&queue);
    random_set_seed(5);
    for (int i = 0; i < N; i++) {
        task_init(&jobs[i].task, "job", run_job);
        jobs[i].again_ms = -1;
        task_schedule(&queue, &jobs[i].task, random_below(1000));
    }
    for (int i = 0; i < N; i += 7) {
        task_cancel(&jobs[i].task);
        task_cancel(&jobs[i].task);
    }
    for (int i = 1; i < N; i += 7) {
        task_schedule(&queue, &jobs[i].task, random_below(1000));
    }
    last_due = 0;
    task_queue_run(&queue, 400);
    for (int i = 0; i < N; i++) {
        bool due = i % 7 && jobs[i].task.due_ms <= 400;
        assert_int_equal(jobs[i].n_run, due);
    }
    task_queue_run(&queue, 1000);
    assert_int_equal(task_queue_next_due(&queue), TASK_NEVER);
    task_queue_fini(&queue);
}

static void busy_task_starves_nobody(void **state)
{
    struct job busy = {.again_ms = 0}, past = {.again_ms = -100 + 100}, calm = {.again_ms = -1};
    task_queue_init(&queue);
    task_init(&busy.task, "busy", run_job);
    task_init(&past.task, "past", run_job);
    task_init(&calm.task, "calm", run_job);
    last_due = 0;
    now = 10;
    task_schedule(&queue, &busy.task, 5);
    task_schedule(&queue, &past.task, 6);
    task_schedule(&queue, &calm.task, 7);
    assert_int_equal(task_queue_run(&queue, now), 3);
    assert_int_equal(busy.n_run, 1);
    assert_int_equal(calm.n_run, 1);
    assert_int_equal(task_queue_run(&queue, now), 2);
    task_schedule_by(&queue, &calm.task, 50);
    task_schedule_by(&queue, &calm.task, 60);
    assert_int_equal(calm.task.due_ms, 50);
    task_schedule(&queue, &calm.task, TASK_NEVER);
    assert_false(task_is_scheduled(&calm.task));
    task_queue_fini(&queue);
    assert_false(task_is_scheduled(&busy.task));
}

static void holds_while_time_is_stopped(void **state)
{
    struct job job = {.again_ms = -1};
    task_queue_init(&queue);
    task_init(&job.task, "job", run_job);
    last_due = 0;
    clock_stop();
    task_schedule_in(&queue, &job.task, 100);
    task_queue_run(&queue, clock_ms());
    clock_warp(99);
    task_queue_run(&queue, clock_ms());
    assert_int_equal(job.n_run, 0);
    clock_warp(1);
    task_queue_run(&queue, clock_ms());
    assert_int_equal(job.n_run, 1);
    task_queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_in_order),
        cmocka_unit_test(busy_task_starves_nobody),
        cmocka_unit_test(holds_while_time_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
