/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. The control socket: commands with text answers, over JSON-RPC 1.0 on a Unix socket
 * (RUNDIR/PROGRAM.PID.ctl), as `ovs-appctl` speaks it.
 *
 * Folders export tables of commands, and whoever runs a daemon registers them with its server:
 *
 *     static void fdb_show(struct control_request *request, int argc, const char *argv[], void *aux)
 *     {
 *         ...
 *         control_reply(request, text);
 *     }
 *     const struct control_command fdb_commands[] = {{"fdb/show", "bridge", 1, 1, fdb_show}, ...};
 *
 * argv[0] is the command's name, argc counts it. A command answers exactly once, at once or later, from the
 * server's thread; an answer to somebody who has gone is dropped.
 * Thread-safety: none; a server belongs to its loop's thread. A process may have several servers. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H 1

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct loop;
struct control_server;
struct control_request;

typedef void control_run_fn(struct control_request *, int argc, const char *argv[], void *aux);

struct control_command {
    const char *name;
    const char *usage;      /* of the arguments, for `list-commands`; NULL: not listed */
    int min_args, max_args; /* without the name; INT_MAX: any number */
    control_run_fn *run;
};

/* Listens at PATH; NULL: RUNDIR/PROGRAM.PID.ctl; "none": nowhere, and all else works. Relative names are in
 * RUNDIR. `list-commands`, `version`, `help` are registered. NULL and *ERROR, the caller's to free, if it
 * cannot. */
struct control_server *control_server_create(struct loop *, const char *path, char **error);
void control_server_destroy(struct control_server *); /* NULL is legal; answers that are due are dropped */
const char *control_server_path(const struct control_server *); /* NULL for "none" */
struct loop *control_server_loop(struct control_server *);
/* What `version` says the program is; log_program() by default. */
void control_server_set_program(struct control_server *, const char *name);

/* Adds the N commands, which must outlive the server. One that is there already by that name is replaced. */
void control_register(struct control_server *, const struct control_command *, size_t n, void *aux);
void control_unregister(struct control_server *, const struct control_command *, size_t n);
/* Runs a command as if it had come through the socket; DONE gets the answer, at once or later. */
void control_execute(struct control_server *, int argc, const char *const argv[],
                     void (*done)(bool ok, const char *text, void *aux), void *aux);
/* The commands' names and usages whose names begin with PREFIX, as `list-commands` prints them. */
char *control_list(const struct control_server *, const char *prefix);

/* The answer: TEXT is copied, and given a final new line unless it is empty or has one. */
void control_reply(struct control_request *, const char *text);
void control_reply_error(struct control_request *, const char *text);
/* The same for text on the heap, which is freed. */
void control_reply_steal(struct control_request *, char *text);
void control_reply_error_steal(struct control_request *, char *text);
struct control_server *control_request_server(struct control_request *);

#endif
