/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

LOG_MODULE(log_test);

static struct strbuf captured;

static void capture(void *aux, enum log_level level, const char *line, size_t len)
{
    strbuf_put(&captured, line, len);
    strbuf_put_char(&captured, '\n');
}

static void set_ok(const char *spec)
{
    char *error = log_set_levels(spec);
    assert_null(error);
}

static void set_bad(const char *spec, const char *expected)
{
    char *error = log_set_levels(spec);
    assert_string_equal(error, expected);
    free(error);
}

static void expect_captured(const char *expected)
{
    assert_string_equal(strbuf_text(&captured), expected);
    strbuf_clear(&captured);
}

/* What each spec does was seen in the reference. */
static void specs(void **state)
{
    set_bad("a b", "no destination, level, or module \"a\"");
    set_bad("any:file:xyz", "no destination, level, or module \"xyz\"");
    set_bad("file:console", "cannot specify multiple destinations");
    set_bad("log_test,log_test", "cannot specify multiple modules");
    set_bad("dbg:off", "cannot specify multiple levels");
    set_bad("PATTERN:x:y", "unknown destination \"x\"");
    set_bad("PATTERN", "missing destination");
    set_bad("PATTERN:", "missing destination");
    set_bad("FACILITY:foo", "invalid facility");
    set_bad("FACILITY", "invalid facility");
    set_ok("FACILITY:daemon");
    set_ok("any:any");
    set_ok("Info");
    set_ok(" Log_Test,,CONSOLE:warn ");
    char *list = log_list();
    assert_non_null(strstr(list, "\nlog_test          WARN       INFO       INFO\n"));
    free(list);
    assert_true(log_set_rate_limiting("log_test", false));
    assert_false(log_set_rate_limiting("nobody", false));
    set_ok("console:off");
    list = log_list();
    assert_string_equal(list, "                 console    syslog    file\n"
                              "                 -------    ------    ------\n"
                              "log_test           OFF       INFO       INFO    (rate limiting disabled)\n");
    free(list);
    assert_true(log_set_rate_limiting(NULL, true));
    set_ok("");
    assert_true(LOG_IS_ENABLED(LOG_LEVEL_DBG));
    set_ok("info");
}

static void patterns(void **state)
{
    struct log_line line = {.module = "jsonrpc",
                            .message = "hello",
                            .thread = "",
                            .level = LOG_LEVEL_DBG,
                            .serial = 7,
                            .wall_ms = 1580515199123,
                            .since_start_ms = 42};
    struct strbuf s = STRBUF_INITIALIZER;
    log_set_program("prog");
    set_ok("FACILITY:local0");
    log_format(&s, "[%a][%Q][%-12c][%12c][%012N][%3p][%%][%r][%t][%T][%B][%5%][%A]", &line);
    assert_string_equal(
        strbuf_text(&s),
        "[a][Q][jsonrpc     ][     jsonrpc][000000000007][DBG][%][42][main][][135][    %][prog]");
    strbuf_clear(&s);
    line.thread = "handler1";
    log_format(&s, "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m|%t", &line);
    assert_string_equal(strbuf_text(&s),
                        "2020-01-31T23:59:59.123Z|00007|jsonrpc(handler1)|DBG|hello|handler1");
    strbuf_clear(&s);
    log_format(&s, "%D{%Y", &line);
    assert_string_equal(strbuf_text(&s), "2020");
    strbuf_clear(&s);
    log_format(&s, "%D %", &line);
    assert_string_equal(strbuf_text(&s), "2020-01-31 23:59:59.123 ");
    strbuf_fini(&s);
    set_ok("PATTERN:file:%p<%m>");
    char *text = log_list_patterns();
    assert_string_equal(text,
                        "         prefix                            format\n"
                        "         ------                            ------\n"
                        "SYSLOG   none                              ovs|%05N|%c%T|%p|%m\n"
                        "CONSOLE  none                              %D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m\n"
                        "FILE     none                              %p<%m>\n");
    free(text);
}

static void limits_rate(void **state)
{
    static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 3);
    clock_stop();
    for (int i = 0; i < 10; i++) {
        LOG_WARN_RL(&rl, "%d", i);
    }
    expect_captured("WARN<0>\nWARN<1>\nWARN<2>\n");
    clock_warp(999);
    LOG_WARN_RL(&rl, "early");
    expect_captured("");
    clock_warp(1001);
    LOG_WARN_RL(&rl, "late");
    expect_captured("WARN<Dropped 8 log messages in last 2 seconds (most recently, 1 seconds ago) due to "
                    "excessive rate>\n"
                    "WARN<late>\n");
    log_set_rate_limiting("log_test", false);
    for (int i = 0; i < 5; i++) {
        LOG_INFO_RL(&rl, "x");
    }
    expect_captured("INFO<x>\nINFO<x>\nINFO<x>\nINFO<x>\nINFO<x>\n");
    log_set_rate_limiting("log_test", true);
}

static void count_wake(void *n)
{
    ++*(int *)n;
}

static void *forward(void *aux)
{
    log_set_thread_name("fwd0");
    log_defer_this_thread();
    for (int i = 0; i < 2000; i++) {
        LOG_INFO("line %d", i);
    }
    return NULL;
}

static void defers(void **state)
{
    int n_wakes = 0;
    log_set_drain_wakeup(count_wake, &n_wakes);
    set_ok("PATTERN:file:%c%T|%N|%m");
    pthread_t thread;
    pthread_create(&thread, NULL, forward, NULL);
    pthread_join(thread, NULL);
    expect_captured("");
    assert_int_equal(n_wakes, 1);
    log_drain();
    assert_int_equal(
        strncmp(strbuf_text(&captured), "log_test(fwd0)|1|line 0\nlog_test(fwd0)|2|line 1\n", 48), 0);
    assert_non_null(strstr(strbuf_text(&captured), "line 1023\n"));
    assert_null(strstr(strbuf_text(&captured), "line 1024\n"));
    assert_non_null(strstr(strbuf_text(&captured), "976 lines of forwarding threads were lost"));
    strbuf_fini(&captured);
}

int main(void)
{
    log_set_all_levels(LOG_LEVEL_INFO);
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
    log_set_sink(LOG_FILE, &(struct log_sink){.write = capture});
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs),
        cmocka_unit_test(patterns),
        cmocka_unit_test(limits_rate),
        cmocka_unit_test(defers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
