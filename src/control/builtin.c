/* SPDX-License-Identifier: Apache-2.0 */
#include "control/builtin.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/control.h"
#include "io/logsinks.h"
#include "io/loop.h"

/* vlog */

static void vlog_set(struct control_request *request, int argc, const char *argv[], void *aux)
{
    if (argc == 1) { /* no specification at all: everything */
        log_set_all_levels(LOG_LEVEL_DBG);
    }
    for (int i = 1; i < argc; i++) {
        char *error = log_set_levels(argv[i]);
        if (error) {
            control_reply_error_steal(request, error);
            return;
        }
    }
    control_reply(request, NULL);
}

static void vlog_list(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply_steal(request, log_list());
}

static void vlog_list_pattern(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply_steal(request, log_list_patterns());
}

static void vlog_close(struct control_request *request, int argc, const char *argv[], void *aux)
{
    logsinks_close_file();
    control_reply(request, NULL);
}

static void vlog_reopen(struct control_request *request, int argc, const char *argv[], void *aux)
{
    char *error = logsinks_reopen_file();
    if (error) {
        control_reply_error_steal(request, error);
    } else {
        control_reply(request, NULL);
    }
}

static void set_rate_limits(struct control_request *request, int argc, const char *argv[], bool honor)
{
    if (argc == 1) {
        log_set_rate_limiting(NULL, honor);
    }
    for (int i = 1; i < argc; i++) {
        if (!log_set_rate_limiting(argv[i], honor)) {
            control_reply_error(request, "unknown module");
            return;
        }
    }
    control_reply(request, NULL);
}

static void vlog_enable_rate_limit(struct control_request *request, int argc, const char *argv[], void *aux)
{
    set_rate_limits(request, argc, argv, true);
}

static void vlog_disable_rate_limit(struct control_request *request, int argc, const char *argv[], void *aux)
{
    set_rate_limits(request, argc, argv, false);
}

/* coverage, memory */

static void coverage_show_command(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply_steal(request, coverage_show());
}

static void coverage_read_command(struct control_request *request, int argc, const char *argv[], void *aux)
{
    uint64_t count;
    if (coverage_read_counter(argv[1], &count)) {
        control_reply_steal(request, xasprintf("%llu", (unsigned long long)count));
    } else {
        control_reply_error(request, "No such counter");
    }
}

static void memory_show_command(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply_steal(request, memory_show());
}

/* time */

static void time_stop(struct control_request *request, int argc, const char *argv[], void *aux)
{
    clock_stop();
    control_reply(request, NULL);
}

/* A warp under way: a step, then a turn of the loop in which what became due happens, and so on. The task is
 * due at once; what is due at the same time was scheduled before it, and runs before it. */
struct warp {
    struct task task;
    struct control_request *request;
    int64_t left_ms, step_ms;
};

static void run_warp(struct task *task)
{
    struct warp *warp = OBJECT_OF(task, warp, task);
    struct loop *loop = control_server_loop(control_request_server(warp->request));
    if (warp->left_ms <= 0) {
        control_reply(warp->request, "warped");
        free(warp);
        return;
    }
    int64_t step = MIN(warp->step_ms, warp->left_ms);
    warp->left_ms -= step;
    clock_warp(step);
    loop_wake_all();
    task_schedule(loop_tasks(loop), &warp->task, clock_ms());
}

static void time_warp(struct control_request *request, int argc, const char *argv[], void *aux)
{
    long long total = atoll(argv[1]), step = argc > 2 ? atoll(argv[2]) : total;
    if (step <= 0 || total < 0) {
        control_reply_error(request, "invalid MSECS");
        return;
    }
    struct warp *warp = xzalloc(sizeof *warp);
    warp->request = request;
    warp->left_ms = total;
    warp->step_ms = step;
    task_init(&warp->task, "time/warp", run_warp);
    task_schedule(loop_tasks(control_server_loop(control_request_server(request))), &warp->task, clock_ms());
}

static const struct control_command process_commands[] = {
    {"memory/show", "", 0, 0, memory_show_command},
    {"time/stop", "", 0, 0, time_stop},
    {"time/warp", "[large_msecs] msecs", 1, 2, time_warp},
};

static const struct control_command any_thread_commands[] = {
    {"coverage/show", "", 0, 0, coverage_show_command},
    {"coverage/read-counter", "COUNTER", 1, 1, coverage_read_command},
    {"vlog/set", "{spec | PATTERN:destination:pattern}", 0, INT_MAX, vlog_set},
    {"vlog/list", "", 0, 0, vlog_list},
    {"vlog/list-pattern", "", 0, 0, vlog_list_pattern},
    {"vlog/close", "", 0, 0, vlog_close},
    {"vlog/reopen", "", 0, 0, vlog_reopen},
    {"vlog/enable-rate-limit", "[module]...", 0, INT_MAX, vlog_enable_rate_limit},
    {"vlog/disable-rate-limit", "[module]...", 0, INT_MAX, vlog_disable_rate_limit},
};

void control_register_builtin(struct control_server *server)
{
    control_register_log(server);
    control_register(server, process_commands, ARRAY_SIZE(process_commands), NULL);
}

void control_register_log(struct control_server *server)
{
    control_register(server, any_thread_commands, ARRAY_SIZE(any_thread_commands), NULL);
}
