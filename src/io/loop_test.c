/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rcu.h"

struct pipe_end {
    struct loop_fd fd;
    int n_ready;
    char last;
};

static void pipe_ready(struct loop_fd *fd, unsigned events)
{
    struct pipe_end *end = OBJECT_OF(fd, end, fd);
    end->n_ready++;
    if (read(fd->fd, &end->last, 1) <= 0) {
        loop_remove_fd(fd);
    }
}

static void descriptors(void **state)
{
    int fds[2];
    struct pipe_end end = {.n_ready = 0};
    struct loop *loop = loop_create("test");
    assert_int_equal(pipe(fds), 0);
    loop_add_fd(loop, &end.fd, fds[0], LOOP_READ, pipe_ready);
    loop_turn(loop, false);
    assert_int_equal(end.n_ready, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_turn(loop, true);
    assert_int_equal(end.last, 'x');
    loop_modify_fd(&end.fd, 0);
    assert_int_equal(write(fds[1], "y", 1), 1);
    loop_turn(loop, false);
    assert_int_equal(end.last, 'x');
    loop_modify_fd(&end.fd, LOOP_READ);
    loop_turn(loop, true);
    assert_int_equal(end.last, 'y');
    close(fds[1]);
    loop_turn(loop, true);
    assert_null(end.fd.loop);
    loop_remove_fd(&end.fd);
    close(fds[0]);
    loop_destroy(loop);
}

struct job {
    struct task task;
    int n;
    struct loop *loop;
};

static void run_job(struct task *task)
{
    struct job *job = OBJECT_OF(task, job, task);
    job->n++;
}

static void tasks_wake_the_loop(void **state)
{
    struct job job = {.n = 0};
    struct loop *loop = loop_create("test");
    task_init(&job.task, "job", run_job);
    task_schedule_in(loop_tasks(loop), &job.task, 20);
    int64_t start = clock_ms();
    while (!job.n) {
        loop_turn(loop, true);
    }
    assert_in_range(clock_ms() - start, 20, 1000);
    loop_destroy(loop);
}

static void *poster(void *loop)
{
    for (int i = 0; i < 100; i++) {
        loop_post(loop, (void (*)(void *))loop_wake, loop);
    }
    loop_post(loop, (void (*)(void *))loop_exit, loop);
    return NULL;
}

struct idle_counter {
    struct loop_idle idle;
    int n;
};

static void count_idle(struct loop_idle *idle)
{
    struct idle_counter *counter = OBJECT_OF(idle, counter, idle);
    if (++counter->n == 3) {
        loop_remove_idle(idle);
    }
}

static void posts_and_idles(void **state)
{
    struct idle_counter a = {.n = 0}, b = {.n = 1};
    pthread_t thread;
    struct loop *loop = loop_create("test");
    rcu_register();
    loop_use_rcu(loop);
    loop_add_idle(loop, &a.idle, count_idle);
    loop_add_idle(loop, &b.idle, count_idle);
    for (int i = 0; i < 4; i++) {
        loop_turn(loop, false);
    }
    assert_int_equal(a.n, 3);
    assert_int_equal(b.n, 3);
    pthread_create(&thread, NULL, poster, loop);
    loop_run(loop);
    pthread_join(thread, NULL);
    loop_destroy(loop);
    rcu_unregister();
}

static void warps(void **state)
{
    struct job job = {.n = 0};
    struct loop *loop = loop_create("test");
    task_init(&job.task, "job", run_job);
    clock_stop();
    task_schedule_in(loop_tasks(loop), &job.task, 5000);
    loop_turn(loop, false);
    assert_int_equal(job.n, 0);
    clock_warp(5000);
    loop_wake_all();
    loop_turn(loop, true);
    assert_int_equal(job.n, 1);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors),
        cmocka_unit_test(tasks_wake_the_loop),
        cmocka_unit_test(posts_and_idles),
        cmocka_unit_test(warps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
