/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. `ofproto/trace`: why a packet would go where it goes.
 * Thread-safety: control thread. */
#ifndef PIPELINE_TRACE_H
#define PIPELINE_TRACE_H 1

#include "base/compiler.h"

struct pipeline;
struct strbuf;

/* Runs `ofproto/trace` with its arguments (argv[0] is the command) and appends what it prints to OUT. Returns
 * NULL, or the error's text, the caller's to free. */
char *trace_run(struct pipeline *, int argc, const char *argv[], struct strbuf *out) WARN_UNUSED;

#endif
