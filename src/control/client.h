/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. The other side of the control socket, for command-line tools: one command at a time, waiting for
 * the answer. Thread-safety: any thread. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H 1

#include <stdbool.h>

#include "base/compiler.h"

struct control_client;

/* TARGET as appctl's -t has it: "/..." is a socket, anything else a program whose pidfile is in RUNDIR. NULL:
 * the switch daemon. NULL and *ERROR, the caller's to free, if nobody answers there. */
struct control_client *control_client_connect(const char *target, char **error);
void control_client_close(struct control_client *);               /* NULL is legal */
const char *control_client_target(const struct control_client *); /* for messages */

/* Runs ARGV[0] with the other arguments. NULL and the answer in *TEXT with *OK; or what went wrong with the
 * connection. */
char *control_client_call(struct control_client *, int argc, char *const argv[], bool *ok,
                          char **text) WARN_UNUSED;

#endif
