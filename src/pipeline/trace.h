/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. `ofproto/trace`: why a packet would go where it goes.
 * Thread-safety: control thread. */
#ifndef PIPELINE_TRACE_H
#define PIPELINE_TRACE_H 1

#include "base/compiler.h"

struct dp_backer;
struct flow_key;
struct pipeline;
struct strbuf;

/* Runs `ofproto/trace` with its arguments (argv[0] is the command) and appends what it prints to OUT. Returns
 * NULL, or the error's text, the caller's to free. */
char *trace_run(struct pipeline *, int argc, const char *argv[], struct strbuf *out) WARN_UNUSED;

/* The trace of a packet with KEY as the datapath has it, which came up from BACKER. Any RCU thread. */
void trace_upcall(const struct dp_backer *, const struct flow_key *, struct strbuf *out);

#endif
