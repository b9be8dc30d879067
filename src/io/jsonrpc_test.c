/* SPDX-License-Identifier: Apache-2.0 */
#include "io/jsonrpc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/json.h"
#include "io/loop.h"
#include "io/stream.h"

static struct loop *loop;
static struct strbuf seen; /* what the callbacks saw */
static bool destroy_on_message;

static void note_message(struct jsonrpc_msg *msg)
{
    struct json_object *obj = jsonrpc_msg_to_json(msg);
    json_format(&seen, obj, JSON_SORT);
    strbuf_put_char(&seen, '\n');
    json_object_put(obj);
}

static void received(struct jsonrpc *conn, struct jsonrpc_msg *msg, void *aux)
{
    note_message(msg);
    if (destroy_on_message) {
        jsonrpc_destroy(conn);
    }
}

static void closed(struct jsonrpc *conn, int error, void *aux)
{
    strbuf_printf(&seen, "closed: %s\n", error_text(error));
    jsonrpc_destroy(conn);
}

static const struct jsonrpc_ops ops = {.received = received, .closed = closed};

static void turns(int n)
{
    while (n--) {
        loop_turn(loop, false);
    }
}

static void expect_seen(const char *expected)
{
    assert_string_equal(strbuf_text(&seen), expected);
    strbuf_clear(&seen);
}

static struct jsonrpc *open_pair(int *peer)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *peer = fds[1];
    return jsonrpc_create(stream_from_fd(fds[0], "test"), loop, &ops, NULL);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void takes_messages(void **state)
{
    int peer;
    struct jsonrpc *conn = open_pair(&peer);
    put(peer, " {\"method\":\"a\",\"params\":[1],\"id\":7}{\"method\":\"b\",\"par");
    turns(2);
    expect_seen("{\"id\":7,\"method\":\"a\",\"params\":[1]}\n");
    put(peer, "ams\":[],\"id\":null}\n{\"id\":\"x\",\"result\":null,\"error\":null}");
    put(peer, "{\"id\":1,\"result\":{},\"error\":null}{\"id\":2,\"error\":\"e\",\"result\":null}");
    turns(3);
    expect_seen(
        "{\"id\":null,\"method\":\"b\",\"params\":[]}\n{\"error\":null,\"id\":\"x\",\"result\":null}\n"
        "{\"error\":null,\"id\":1,\"result\":{}}\n{\"error\":\"e\",\"id\":2,\"result\":null}\n");
    jsonrpc_send(conn, jsonrpc_notify("n", json_object_new_array()));
    char buf[100] = "";
    assert_true(read(peer, buf, sizeof buf - 1) > 0);
    assert_string_equal(buf, "{\"id\":null,\"method\":\"n\",\"params\":[]}");
    jsonrpc_pause(conn, true);
    put(peer, "{\"method\":\"late\",\"params\":[],\"id\":null}");
    turns(3);
    expect_seen("");
    jsonrpc_pause(conn, false);
    turns(2);
    expect_seen("{\"id\":null,\"method\":\"late\",\"params\":[]}\n");
    destroy_on_message = true;
    put(peer, "{\"method\":\"1\",\"params\":[],\"id\":null}{\"method\":\"2\",\"params\":[],\"id\":null}");
    turns(3);
    expect_seen("{\"id\":null,\"method\":\"1\",\"params\":[]}\n");
    destroy_on_message = false;
    close(peer);
}

static void refuses(void **state)
{
    static const char *const bad[] = {
        "x",
        "[]",
        "{}",
        "{\"method\":1}",
        "{\"method\":\"a\",\"params\":{},\"id\":1}",
        "{\"method\":\"a\",\"id\":1}",
        "{\"id\":1,\"result\":1,\"error\":2}",
        "{\"id\":null,\"result\":1,\"error\":null}",
        "{\"method\":\"a\",\"params\":[],\"id\":1,\"x\":1}",
        "{\"method\":\"a\",\"params\":[01]}",
        "{\"method\":"
        "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int peer;
        struct jsonrpc *conn = open_pair(&peer);
        jsonrpc_set_max_message(conn, 80, 0);
        put(peer, bad[i]);
        turns(3);
        expect_seen("closed: Protocol error\n");
        close(peer);
    }
    int peer;
    open_pair(&peer);
    put(peer, "{\"method\":\"a\",");
    close(peer);
    turns(3);
    expect_seen("closed: End of file\n");
}

static void bounds_its_backlog(void **state)
{
    int peer;
    struct jsonrpc *conn = open_pair(&peer);
    jsonrpc_set_max_backlog(conn, 10 << 20);
    char *text = xmalloc(1 << 20);
    memset(text, ' ', 1 << 20);
    for (int i = 0; i < 12; i++) {
        jsonrpc_send_text(conn, text, 1 << 20);
    }
    turns(3);
    expect_seen("closed: No buffer space available\n");
    free(text);
    close(peer);
}

/* Sessions. */

static void session_connected(struct jsonrpc_session *s, void *aux)
{
    strbuf_puts(&seen, "connected\n");
}

static void session_received(struct jsonrpc_session *s, struct jsonrpc_msg *msg, void *aux)
{
    note_message(msg);
}

static void session_disconnected(struct jsonrpc_session *s, int error, void *aux)
{
    strbuf_printf(&seen, "disconnected: %s\n", error_text(error));
}

static const struct jsonrpc_session_ops session_ops = {
    .connected = session_connected,
    .received = session_received,
    .disconnected = session_disconnected,
};

static struct jsonrpc *server_conn;

static void server_closed(struct jsonrpc *conn, int error, void *aux)
{
    strbuf_puts(&seen, "server: closed\n");
    jsonrpc_destroy(conn);
    server_conn = NULL;
}

static void server_accepted(struct stream *stream, void *aux)
{
    static const struct jsonrpc_ops server_ops = {.received = received, .closed = server_closed};
    server_conn = jsonrpc_create(stream, loop, &server_ops, NULL);
}

static struct strbuf logged;

static void capture_log(void *aux, enum log_level level, const char *line, size_t len)
{
    strbuf_put(&logged, line, len);
    strbuf_put_char(&logged, '\n');
}

static void expect_logged(const char *expected)
{
    assert_string_equal(strbuf_text(&logged), expected);
    strbuf_clear(&logged);
}

static void warp(int64_t ms)
{
    clock_warp(ms);
    turns(3);
}

/* What is logged is what the reference logs. */
static void comes_back(void **state)
{
    char *error = log_set_levels("PATTERN:file:%c|%p|%m");
    assert_null(error);
    log_set_sink(LOG_FILE, &(struct log_sink){.write = capture_log});
    clock_stop();
    unlink("jsonrpc_test.sock");
    struct jsonrpc_session *s =
        jsonrpc_session_create("unix:jsonrpc_test.sock", false, loop, &session_ops, NULL);
    turns(3);
    expect_logged(
        "reconnect|INFO|unix:jsonrpc_test.sock: connecting...\n"
        "reconnect|INFO|unix:jsonrpc_test.sock: connection attempt failed (No such file or directory)\n");
    warp(999);
    expect_logged("");
    warp(1);
    expect_logged(
        "reconnect|INFO|unix:jsonrpc_test.sock: connecting...\n"
        "reconnect|INFO|unix:jsonrpc_test.sock: connection attempt failed (No such file or directory)\n"
        "reconnect|INFO|unix:jsonrpc_test.sock: waiting 2 seconds before reconnect\n");
    warp(2000);
    expect_logged(
        "reconnect|INFO|unix:jsonrpc_test.sock: connecting...\n"
        "reconnect|INFO|unix:jsonrpc_test.sock: connection attempt failed (No such file or directory)\n"
        "reconnect|INFO|unix:jsonrpc_test.sock: waiting 4 seconds before reconnect\n");
    warp(4000);
    expect_logged(
        "reconnect|INFO|unix:jsonrpc_test.sock: connecting...\n"
        "reconnect|INFO|unix:jsonrpc_test.sock: connection attempt failed (No such file or directory)\n"
        "reconnect|INFO|unix:jsonrpc_test.sock: continuing to reconnect in the background but suppressing "
        "further logging\n");
    struct listener *listener;
    assert_int_equal(
        listener_open("punix:jsonrpc_test.sock", 0, 0, loop, server_accepted, NULL, &listener, NULL), 0);
    assert_string_equal(jsonrpc_session_state(s), "BACKOFF");
    warp(8000);
    turns(3);
    expect_logged("reconnect|INFO|unix:jsonrpc_test.sock: connected\n");
    expect_seen("connected\n");
    assert_non_null(server_conn);

    jsonrpc_send(server_conn, jsonrpc_request("echo", json_object_new_array()));
    turns(4);
    expect_seen("{\"error\":null,\"id\":0,\"result\":[]}\n");
    warp(5000);
    expect_seen("{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]}\n");
    warp(5000);
    turns(3);
    expect_seen("disconnected: Connection timed out\nserver: closed\n");
    expect_logged("reconnect|ERR|unix:jsonrpc_test.sock: no response to inactivity probe after 5 seconds, "
                  "disconnecting\n"
                  "reconnect|WARN|unix:jsonrpc_test.sock: connection dropped (Connection timed out)\n");
    warp(1000);
    turns(3);
    expect_seen("connected\n");
    jsonrpc_destroy(server_conn);
    turns(4);
    expect_seen("disconnected: End of file\n");
    expect_logged("reconnect|INFO|unix:jsonrpc_test.sock: connecting...\n"
                  "reconnect|INFO|unix:jsonrpc_test.sock: connected\n"
                  "reconnect|INFO|unix:jsonrpc_test.sock: connection closed by peer\n"
                  "reconnect|INFO|unix:jsonrpc_test.sock: waiting 2 seconds before reconnect\n");
    jsonrpc_session_destroy(s);
    listener_close(listener);
    strbuf_fini(&logged);
    strbuf_fini(&seen);
}

int main(void)
{
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
    loop = loop_create("test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_messages),
        cmocka_unit_test(refuses),
        cmocka_unit_test(bounds_its_backlog),
        cmocka_unit_test(comes_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    loop_destroy(loop);
    return failed;
}
