/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice dpctl`: ovs-dpctl(8) through the running daemon's control socket, whose `dpctl/COMMAND` does the
 * work: the datapaths live in the daemon. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "control/client.h"
#include "io/logsinks.h"
#include "tools/tool.h"

/* Options that go along with the command, and what it is asked by. */
enum {
    OPT_STATISTICS,
    OPT_MORE,
    OPT_NAMES,
    OPT_NO_NAMES,
    OPT_CLEAR,
    OPT_MAY_CREATE,
    OPT_READ_ONLY,
    OPT_TIMEOUT,
    OPT_TARGET
};

static const struct option_def option_defs[] = {
    {"statistics", 's', OPTION_NO_ARG, NULL, "print statistics for port or flow", OPT_STATISTICS},
    {"more", 'm', OPTION_NO_ARG, NULL, "increase verbosity of output", OPT_MORE},
    {"names", 0, OPTION_NO_ARG, NULL, "use port names in output", OPT_NAMES},
    {"no-names", 0, OPTION_NO_ARG, NULL, "use port numbers in output", OPT_NO_NAMES},
    {"clear", 0, OPTION_NO_ARG, NULL, "reset existing stats to zero", OPT_CLEAR},
    {"may-create", 0, OPTION_NO_ARG, NULL, "create flow if it doesn't exist", OPT_MAY_CREATE},
    {"read-only", 0, OPTION_NO_ARG, NULL, "do not run read/write commands", OPT_READ_ONLY},
    {"timeout", 't', OPTION_ARG_REQUIRED, "SECS", "give up after SECS seconds", OPT_TIMEOUT},
    {"target", 0, OPTION_ARG_REQUIRED, "TARGET", "pidfile or socket of the daemon", OPT_TARGET},
};

struct arguments {
    const char *target;
    char *options[32]; /* to be passed on */
    size_t n;
};

static char *take_option(const struct option_def *def, const char *arg, void *arguments_)
{
    struct arguments *arguments = arguments_;
    if (def->id == OPT_TIMEOUT) {
        return tool_set_timeout('t', arg);
    }
    if (def->id == OPT_TARGET) {
        arguments->target = arg;
    } else if (arguments->n < ARRAY_SIZE(arguments->options)) {
        arguments->options[arguments->n++] =
            def->letter ? xasprintf("-%c", def->letter) : xasprintf("--%s", def->name);
    }
    return NULL;
}

static void usage(void)
{
    struct option_group group = {"Options:", option_defs, ARRAY_SIZE(option_defs), NULL, NULL};
    struct options options = {&group, 1, false};
    char *help = options_help(&options);
    printf("%s: asks the running daemon about its datapaths\n"
           "usage: %s [OPTIONS] COMMAND [ARG...]\n"
           "\"%s list-commands\" lists the commands.\n\n%s",
           log_program(), log_program(), log_program(), help);
    free(help);
}

/* The daemon's directory is not ours. */
static char *absolute_file(const char *command, char *arg)
{
    static const char *const with_file[] = {"add-flows", "mod-flows", "del-flows"};
    for (size_t i = 0; i < ARRAY_SIZE(with_file); i++) {
        if (!strcmp(command, with_file[i]) && arg[0] != '/' && arg[0] != '-') {
            char *path = realpath(arg, NULL);
            return path ? path : arg;
        }
    }
    return arg;
}

int tool_dpctl(int argc, char **argv)
{
    struct arguments arguments = {.n = 0};
    struct tool_common common = {argv[0], usage};
    struct option_group groups[] = {
        {NULL, option_defs, ARRAY_SIZE(option_defs), take_option, &arguments},
        logsinks_options,
        tool_common_options,
    };
    groups[2].aux = &common;
    int first = tool_parse(groups, ARRAY_SIZE(groups), false, argc, argv);
    if (first >= argc) {
        error_fatal("missing command name; use --help for help");
    }
    char **call = xmalloc(((size_t)argc + arguments.n + 1) * sizeof *call);
    int n = 0;
    call[n++] = xasprintf("dpctl/%s", argv[first]);
    for (size_t i = 0; i < arguments.n; i++) {
        call[n++] = arguments.options[i];
    }
    for (int i = first + 1; i < argc; i++) {
        call[n++] = i == argc - 1 ? absolute_file(argv[first], argv[i]) : argv[i];
    }
    char *error, *text;
    bool ok;
    struct control_client *client = control_client_connect(arguments.target, &error);
    if (!client) {
        error_fatal("%s", error);
    }
    error = control_client_call(client, n, call, &ok, &text);
    if (error) {
        error_fatal("%s", error);
    }
    fputs(text, ok ? stdout : stderr);
    control_client_close(client);
    return ok && !fflush(stdout) ? 0 : 1;
}
