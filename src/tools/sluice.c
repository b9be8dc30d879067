/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice TOOL ...`, or the tool itself where a symbolic link has its name. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/version.h"
#include "tools/tool.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

enum {
    OVSDB_CLIENT = 4,
    OVSDB_TOOL = 5
};
static const struct tool {
    const char *word;    /* "appctl" */
    const char *program; /* "ovs-appctl" */
    int (*main)(int argc, char **argv);
    const char *help;
} tools[] = {
    {"appctl", "ovs-appctl", tool_appctl, "ask the running daemon"},
    {"dpctl", "ovs-dpctl", tool_dpctl, "look at the datapath and its flows"},
    {"ofctl", "ovs-ofctl", tool_ofctl, "program the switch with OpenFlow"},
    {"vsctl", "ovs-vsctl", tool_vsctl, "configure the switch through its database"},
    [OVSDB_CLIENT] = {"ovsdb-client", "ovsdb-client", tool_ovsdb_client, "talk to a database server"},
    [OVSDB_TOOL] = {"ovsdb-tool", "ovsdb-tool", tool_ovsdb_tool, "work on database files"},
    {"ovsdb-server", "ovsdb-server", tool_ovsdb_server, "serve databases without a switch"},
};

static void usage(FILE *file)
{
    fprintf(file, "sluice: the command of the Sluice virtual switch\nusage: sluice TOOL [OPTIONS] COMMAND "
                  "[ARG...]\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
        fprintf(file, "  %-12s %s (as %s)\n", tools[i].word, tools[i].help, tools[i].program);
    }
    fprintf(file, "  %-12s %s\n", "ovsdb", "ovsdb-client's and ovsdb-tool's commands, whichever has it");
    fprintf(file, "\n\"sluice TOOL --help\" says more.\n");
}

static int run(const struct tool *tool, int argc, char **argv)
{
    argv[0] = (char *)(uintptr_t)tool->program;
    log_set_program(tool->program);
    error_set_program(tool->program);
#if defined(__SANITIZE_ADDRESS__)
    if (tool->main != tool_ovsdb_server) {
        __lsan_disable(); /* a command leaves to its end what it still holds; a server must not */
    }
#endif
    return tool->main(argc, argv);
}

static bool is_database_file(const char *name)
{
    char magic[8] = "";
    FILE *file = fopen(name, "r");
    if (!file) {
        return false;
    }
    bool is = fread(magic, 1, 6, file) == 6 && !strcmp(magic, "OVSDB ");
    fclose(file);
    return is;
}

/* `sluice ovsdb COMMAND`: the two programs' commands under one name. Those that both have are for the file if
 * an argument is a database file, and for the server otherwise. */
static int run_ovsdb(int argc, char **argv)
{
    const struct tool *client = &tools[OVSDB_CLIENT], *file = &tools[OVSDB_TOOL];
    bool of_client = argc > 1 && tool_ovsdb_client_has(argv[1]),
         of_file = argc > 1 && tool_ovsdb_tool_has(argv[1]);
    if (of_client && of_file) {
        of_client = true;
        for (int i = 2; i < argc; i++) {
            of_client = of_client && !is_database_file(argv[i]);
        }
    } else if (!of_client && !of_file) {
        if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
            puts("sluice ovsdb COMMAND [OPTIONS] [ARG...]: a command of ovsdb-client, for a server, or of "
                 "ovsdb-tool,\n"
                 "for a database file. See \"sluice ovsdb-client --help\" and \"sluice ovsdb-tool --help\".");
            return argc < 2;
        }
        error_set_program("sluice ovsdb");
        error_fatal("unknown command '%s': neither ovsdb-client nor ovsdb-tool has it", argv[1]);
    }
    /* The program's name takes the place of the word "ovsdb". */
    return run(of_client ? client : file, argc, argv);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_WARN);
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
        if (!strcmp(name, tools[i].program)) {
            return run(&tools[i], argc, argv);
        }
        if (argc > 1 && !strcmp(argv[1], tools[i].word)) {
            return run(&tools[i], argc - 1, argv + 1);
        }
    }
    if (argc > 1 && !strcmp(argv[1], "ovsdb")) {
        return run_ovsdb(argc - 1, argv + 1);
    }
    error_set_program("sluice");
    if (argc < 2) {
        usage(stderr);
        return 1;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("sluice " VERSION_TEXT);
        return 0;
    }
    error_fatal("\"%s\" is no tool of mine (\"sluice --help\" lists them)", argv[1]);
}
