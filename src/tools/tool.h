/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. The command-line tools inside of `sluice`: each is a main() of its own, found by the name that the
 * program was called by (`ovs-vsctl`) or by its first word (`sluice vsctl`). ARGV[0] is the tool's Open
 * vSwitch name in either case, and messages begin with it. A new tool is a prototype here, a row in sluice.c
 * and a source file. Thread-safety: the main thread. */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H 1

#include "base/options.h"

/* Each returns the exit status. */
int tool_appctl(int argc, char **argv);
int tool_dpctl(int argc, char **argv);
int tool_ofctl(int argc, char **argv);
int tool_vsctl(int argc, char **argv);
int tool_ovsdb_client(int argc, char **argv);
int tool_ovsdb_tool(int argc, char **argv);
int tool_ovsdb_server(int argc, char **argv);
/* Is NAME one of its commands (but help)? */
bool tool_ovsdb_client_has(const char *name);
bool tool_ovsdb_tool_has(const char *name);

/* -h, -V for every tool; `usage` prints the help text. */
struct tool_common {
    const char *program;
    void (*usage)(void);
    const char *version_lines; /* of -V, after the version; NULL for none */
};
/* A group of -h/--help and -V/--version, whose `aux` is to be a struct tool_common. */
extern const struct option_group tool_common_options;

/* Parses or ends the program with an error text; returns the index of the first argument that is no option.
 */
int tool_parse(const struct option_group *groups, size_t n, bool stop_at_argument, int argc, char **argv);
/* Ends the program by SIGALRM that many seconds from now, with a line in the log. */
void tool_alarm(unsigned seconds);
/* "-T/--timeout SECS": ends the program by SIGALRM that many seconds from now; an error text if SECS is no
 * number. */
char *tool_set_timeout(char option, const char *seconds);

#endif
