/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. What the files of dpctl commands share: one command at work, its words, its answer.
 *
 * A command appends its answer, and what went wrong, to `out`; dpctl_fail() makes the answer an error,
 * dpctl_complain() does not (the reference answers some mistakes with a text and success).
 * Thread-safety: the control thread. */
#ifndef SWITCHD_DPCTL_COMMAND_H
#define SWITCHD_DPCTL_COMMAND_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/strbuf.h"
#include "dpif/dpif.h"
#include "flow/ports.h"

#define DPCTL_MAX_ARGS 64

struct dpctl {
    struct strbuf out;
    bool failed;
    int argc; /* without the command's name and options */
    const char **argv;
    bool more, names, statistics, clear, may_create;
};

struct dpctl_command {
    const char *name, *usage;
    int min_args, max_args;
    bool (*run)(struct dpctl *);
};

/* The tables, one of each file. */
extern const struct dpctl_command dpctl_port_commands[], dpctl_flow_commands[], dpctl_ct_commands[],
    dpctl_action_commands[];
extern const size_t dpctl_n_port_commands, dpctl_n_flow_commands, dpctl_n_ct_commands,
    dpctl_n_action_commands;

/* "ovs-vswitchd: WHAT (strerror(ERROR))", ERROR 0: without the parentheses. The first returns false. */
bool dpctl_fail(struct dpctl *, int error, const char *format, ...) PRINTF_FORMAT(3, 4);
void dpctl_complain(struct dpctl *, int error, const char *format, ...) PRINTF_FORMAT(3, 4);

/* `type@name` or `name`; NULL and *ERROR. */
struct datapath *dpctl_find_datapath(const char *text, int *error);
/* The datapath that the first argument names, which is then taken off; else the only one there is. With
 * MAX_ARGS arguments, which include a datapath, the first must be one. NULL: it has been said why. */
struct datapath *dpctl_take_datapath(struct dpctl *, int max_args);
/* The same where N_ARGS arguments must follow: the first one is a datapath only if there are more. */
struct datapath *dpctl_take_datapath_before(struct dpctl *, int n_args);

/* All of them, at most DPCTL_MAX_DATAPATHS. */
#define DPCTL_MAX_DATAPATHS 64
struct dpctl_all {
    struct datapath *list[DPCTL_MAX_DATAPATHS];
    size_t n;
};
void dpctl_collect(struct dpctl_all *);

/* The datapath's ports by name and number. */
struct port_names dpctl_port_names(struct datapath *);

#endif
