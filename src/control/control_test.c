/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "control/builtin.h"
#include "control/client.h"
#include "io/loop.h"

static struct loop *loop;
static struct control_server *server;
static struct control_request *held;
static char path[] = "/tmp/control_test.XXXXXX";

static void hold(struct control_request *request, int argc, const char *argv[], void *aux)
{
    held = request;
}

static void echo(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct strbuf s = STRBUF_INITIALIZER;
    for (int i = 0; i < argc; i++) {
        strbuf_printf(&s, "<%s>", argv[i]);
    }
    control_reply_steal(request, strbuf_steal(&s));
}

static const struct control_command commands[] = {
    {"test/echo", "[arg]...", 0, INT_MAX, echo},
    {"test/hold", "", 0, 0, hold},
};

static struct strbuf answered;

static void done(bool ok, const char *text, void *aux)
{
    strbuf_printf(&answered, "%s%s", ok ? "" : "ERROR ", text);
}

/* WORDS are separated by spaces. */
static void run(const char *words, const char *expected)
{
    char *copy = strdup(words), *save = NULL;
    const char *argv[10];
    int argc = 0;
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        argv[argc++] = w;
    }
    control_execute(server, argc, argv, done, NULL);
    for (int i = 0; i < 20 && !answered.len; i++) {
        loop_turn(loop, false);
    }
    assert_string_equal(strbuf_text(&answered), expected);
    strbuf_clear(&answered);
    free(copy);
}

/* The texts are the reference's. */
static void answers(void **state)
{
    run("test/echo a b", "<test/echo><a><b>\n");
    run("nope",
        "ERROR \"nope\" is not a valid command (use \"list-commands\" to see a list of valid commands)\n");
    run("version x", "ERROR \"version\" command takes at most 0 arguments\n");
    run("coverage/read-counter", "ERROR \"coverage/read-counter\" command requires at least 1 arguments\n");
    run("coverage/read-counter a b", "ERROR \"coverage/read-counter\" command takes at most 1 arguments\n");
    run("coverage/read-counter abc", "ERROR No such counter\n");
    run("vlog/set a", "ERROR no destination, level, or module \"a\"\n");
    run("vlog/enable-rate-limit nobody", "ERROR unknown module\n");
    run("vlog/set info", "");
    run("memory/show", "");
    run("time/warp a", "ERROR invalid MSECS\n");
    run("time/warp -5", "ERROR invalid MSECS\n");
    char *list = control_list(server, "t");
    assert_string_equal(list, "  test/echo               [arg]...\n"
                              "  test/hold               \n"
                              "  time/stop               \n"
                              "  time/warp               [large_msecs] msecs\n");
    free(list);
}

struct ticker {
    struct task task;
    int n;
};

static void tick(struct task *task)
{
    struct ticker *ticker = OBJECT_OF(task, ticker, task);
    ticker->n++;
    task_schedule_in(loop_tasks(loop), task, 10);
}

static void warps(void **state)
{
    struct ticker ticker = {.n = 0};
    run("time/stop", "");
    int64_t start = clock_ms();
    task_init(&ticker.task, "tick", tick);
    task_schedule_in(loop_tasks(loop), &ticker.task, 10);
    run("time/warp 100 10", "warped\n");
    assert_int_equal(clock_ms(), start + 100);
    assert_int_equal(ticker.n, 10); /* each step's work was done in its own turn */
    run("time/warp 95", "warped\n");
    assert_int_equal(ticker.n, 11);
    run("time/warp 7 3", "warped\n");
    assert_int_equal(clock_ms(), start + 202);
    task_cancel(&ticker.task);
}

static void *call(void *words)
{
    char *error, *text = NULL, *argv[] = {words, (char[]){"x\n\"y"}, NULL};
    bool ok = false;
    struct control_client *client = control_client_connect(path, &error);
    if (client) {
        error = control_client_call(client, 2, argv, &ok, &text);
        control_client_close(client);
    }
    char *result = text ? text : error;
    return result;
}

static void talks_over_the_socket(void **state)
{
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, call, (char[]){"test/echo"});
    while (pthread_tryjoin_np(thread, &result)) {
        loop_turn(loop, false);
        usleep(1000);
    }
    assert_string_equal(result, "<test/echo><x\n\"y>\n");
    free(result);
}

static int raw_connect(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    strcpy(un.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
    return fd;
}

static void survives_bad_clients(void **state)
{
    static const char *const bad[] = {"garbage", "{\"id\":null,\"method\":\"version\",\"params\":[]}",
                                      "{\"id\":0,\"method\":\"version\",\"params\":{}}", "[", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = raw_connect();
        assert_int_equal(write(fd, bad[i], strlen(bad[i])), strlen(bad[i]));
        shutdown(fd, SHUT_WR);
        char c;
        ssize_t n;
        for (int j = 0; (n = read(fd, &c, 1)) < 0 && errno == EAGAIN && j < 100; j++) {
            loop_turn(loop, false);
        }
        assert_true(n <= 0 && !(n < 0 && errno == EAGAIN));
        close(fd);
    }
    /* An answer to somebody who has gone. */
    int fd = raw_connect();
    const char request[] = "{\"id\":0,\"method\":\"test/hold\",\"params\":[]}";
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    while (!held) {
        loop_turn(loop, true);
    }
    close(fd);
    loop_turn(loop, false);
    loop_turn(loop, false);
    control_reply(held, "late");
    /* Two servers never share a socket. */
    char *error;
    assert_null(control_server_create(loop, path, &error));
    assert_non_null(
        strstr(error, "could not initialize control socket (another process is listening there)"));
    free(error);
}

int main(void)
{
    char *error;
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
    close(mkstemp(path));
    unlink(path);
    loop = loop_create("test");
    server = control_server_create(loop, path, &error);
    if (!server) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    control_register_builtin(server);
    control_register(server, commands, sizeof commands / sizeof commands[0], NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(talks_over_the_socket),
        cmocka_unit_test(survives_bad_clients),
        cmocka_unit_test(warps),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    control_server_destroy(server);
    loop_destroy(loop);
    strbuf_fini(&answered);
    return failed;
}
