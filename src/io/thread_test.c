/* SPDX-License-Identifier: Apache-2.0 */
/* Threads and wake-ups; and what daemon_read_pidfile() says of files. */
#include "io/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "io/daemon.h"

static struct waker to_thread, to_main;
static _Atomic int n_rounds;
static char name_seen[16], log_name_seen[16];

static void echo(void *aux)
{
    pthread_getname_np(pthread_self(), name_seen, sizeof name_seen);
    snprintf(log_name_seen, sizeof log_name_seen, "%s", log_thread_name());
    for (int i = 0; i < 1000; i++) {
        while (atomic_load(&n_rounds) <= i) {
            waker_wait(&to_thread, -1);
        }
        waker_ring(&to_main);
    }
}

/* No ring is lost, whoever is faster. */
static void wakes_up(void **state)
{
    waker_init(&to_thread);
    waker_init(&to_main);
    pthread_t thread = thread_start("a name that is too long", THREAD_RCU_READER, echo, NULL);
    for (int i = 1; i <= 1000; i++) {
        atomic_store(&n_rounds, i);
        waker_ring(&to_thread);
        waker_wait(&to_main, 10000);
    }
    thread_join(thread);
    assert_string_equal(name_seen, "a name that is ");
    assert_string_equal(log_name_seen, name_seen);
    waker_wait(&to_main, 0);
    waker_fini(&to_thread);
    waker_fini(&to_main);
    assert_true(thread_n_cpus() > 0);
    assert_int_equal(thread_pin(1 << 20), EINVAL);
}

static void reads_pidfiles(void **state)
{
    char path[] = "/tmp/thread_test.XXXXXX", c;
    int fd = mkstemp(path), fds[2];
    pid_t pid;
    assert_int_equal(write(fd, "4321\n", 5), 5);
    assert_int_equal(daemon_read_pidfile(path, &pid), ESRCH);
    assert_int_equal(daemon_read_pidfile("/nonexistent", &pid), ENOENT);
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (!child) { /* holds the lock until it is ended */
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int own = open(path, O_RDWR);
        fcntl(own, F_SETLK, &lock);
        _exit(write(fds[1], "x", 1) != 1 || pause());
    }
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(daemon_read_pidfile(path, &pid), 0);
    assert_int_equal(pid, 4321);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(daemon_read_pidfile(path, &pid), EINVAL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(path);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_up),
        cmocka_unit_test(reads_pidfiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
