/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/version.h"
#include "io/logsinks.h"

enum {
    OPT_HELP,
    OPT_VERSION
};

static const struct option_def common_defs[] = {
    {"help", 'h', OPTION_NO_ARG, NULL, "print this helpful information", OPT_HELP},
    {"version", 'V', OPTION_NO_ARG, NULL, "display version information", OPT_VERSION},
};

static char *take_common(const struct option_def *def, const char *arg, void *common_)
{
    const struct tool_common *common = common_;
    if (def->id == OPT_HELP) {
        common->usage();
    } else {
        printf("%s %s%s", common->program, VERSION_TEXT, common->version_lines ? common->version_lines : "");
    }
    exit(0);
}

const struct option_group tool_common_options = {
    .title = "Other options:",
    .defs = common_defs,
    .n = ARRAY_SIZE(common_defs),
    .take = take_common,
};

int tool_parse(const struct option_group *groups, size_t n, bool stop_at_argument, int argc, char **argv)
{
    struct options options = {groups, n, stop_at_argument};
    int first = argc;
    char *error = options_parse(&options, argc, argv, &first);
    if (!error && logsinks_file_wanted()) {
        error = logsinks_open_file(NULL);
    }
    if (error) {
        error_fatal("%s", error);
    }
    return first;
}

/* The module under which the reference logs this. */
static struct log_module fatal_signal = {.name = "fatal_signal", .honor_rate_limits = true};

static void on_alarm(int signal_number)
{
    fflush(stdout);
    log_write(&fatal_signal, LOG_LEVEL_WARN, "terminating with signal 14 (Alarm clock)");
    signal(SIGALRM, SIG_DFL);
    raise(SIGALRM);
}

void tool_alarm(unsigned seconds)
{
    log_module_register(&fatal_signal);
    signal(SIGALRM, on_alarm);
    alarm(seconds);
}

char *tool_set_timeout(char option, const char *text)
{
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || !seconds || seconds > 1000000000) {
        return xasprintf("value %s on -%c or --timeout is invalid", text, option);
    }
    tool_alarm((unsigned)seconds);
    return NULL;
}
