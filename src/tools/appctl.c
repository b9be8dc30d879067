/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice appctl`: ovs-appctl(8). */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "control/client.h"
#include "io/logsinks.h"
#include "tools/tool.h"

enum {
    OPT_TARGET,
    OPT_TIMEOUT
};

static const struct option_def option_defs[] = {
    {"target", 't', OPTION_ARG_REQUIRED, "TARGET", "pidfile or socket to contact", OPT_TARGET},
    {"timeout", 'T', OPTION_ARG_REQUIRED, "SECS", "wait at most SECS seconds for a response", OPT_TIMEOUT},
};

static char *take_option(const struct option_def *def, const char *arg, void *target)
{
    if (def->id == OPT_TIMEOUT) {
        return tool_set_timeout('T', arg);
    }
    *(const char **)target = arg;
    return NULL;
}

static void usage(void)
{
    printf("%s, for querying and controlling Open vSwitch daemon\n"
           "usage: %s [TARGET] COMMAND [ARG...]\n"
           "Targets:\n"
           "  -t, --target=TARGET  pidfile or socket to contact\n"
           "Common commands:\n"
           "  list-commands      List commands supported by the target\n"
           "  version            Print version of the target\n"
           "  vlog/list          List current logging levels\n"
           "  vlog/list-pattern  List logging patterns for each destination.\n"
           "  vlog/set [SPEC]\n"
           "      Set log levels as detailed in SPEC, which may include:\n"
           "      A valid module name (all modules, by default)\n"
           "      'syslog', 'console', 'file' (all destinations, by default))\n"
           "      'off', 'emer', 'err', 'warn', 'info', or 'dbg' ('dbg', by default)\n"
           "  vlog/reopen        Make the program reopen its log file\n"
           "Other options:\n"
           "  --timeout=SECS     wait at most SECS seconds for a response\n"
           "  -h, --help         Print this helpful information\n"
           "  -V, --version      Display %s version information\n",
           log_program(), log_program(), log_program());
}

int tool_appctl(int argc, char **argv)
{
    const char *target = NULL;
    struct tool_common common = {argv[0], usage};
    struct option_group groups[] = {
        {NULL, option_defs, ARRAY_SIZE(option_defs), take_option, &target},
        logsinks_options,
        tool_common_options,
    };
    groups[2].aux = &common;
    int first = tool_parse(groups, ARRAY_SIZE(groups), true, argc, argv);
    if (first >= argc) {
        error_fatal("at least one non-option argument is required (use --help for help)");
    }
    char *error, *text;
    bool ok;
    struct control_client *client = control_client_connect(target, &error);
    if (!client) {
        error_fatal("%s", error);
    }
    error = control_client_call(client, argc - first, argv + first, &ok, &text);
    if (error) {
        error_fatal("%s", error);
    }
    fputs(text, ok ? stdout : stderr);
    free(text);
    int status = 0;
    if (!ok) {
        fprintf(stderr, "%s: %s: server returned an error\n", log_program(), control_client_target(client));
        status = 2;
    }
    if (fflush(stdout)) {
        status = 1;
    }
    control_client_close(client);
    return status;
}
