/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for trace*.c alone. A run of ofproto/trace: arguments in, text or JSON out. Ownership: trace_run()
 * owns all of it. Thread-safety: the control thread. */
#ifndef PIPELINE_TRACE_PRIVATE_H
#define PIPELINE_TRACE_PRIVATE_H 1

#include "pipeline/ofproto_impl.h"
#include "pipeline/xlate/report.h"
#include "pipeline/xlate/xlate.h"

#define TRACE_MAX_CT_NEXT 64

struct trace {
    struct pipeline *pipeline;
    const struct snapshot *snapshot;
    struct strbuf *out;
    const struct xbridge *bridge;
    struct flow_key key;   /* in_port OpenFlow's */
    struct packet *packet; /* NULL: none given */
    struct packet_pool *pool;
    bool packet_out, consistent;
    bool named; /* ports by name */
    bool json;
    uint16_t ct_next[TRACE_MAX_CT_NEXT];
    unsigned n_ct_next, next_ct;
    struct bytebuf actions; /* trace-packet-out's */
    struct bytebuf l7;      /* of a packet that is made */
    struct port_names ofp_names, dp_names;
};

/* One translation of a trace: why, and what came of it. */
struct trace_step {
    const struct xlate_recirc *recirc; /* NULL: the first */
    uint16_t ct_state;
    bool ct_given;                  /* by --ct-next */
    struct strbuf nat_from, nat_to; /* addresses and ports before and after; empty: none was given */
    const char *bridge;
    struct strbuf flow, final_flow, megaflow, actions; /* final_flow empty: unchanged */
    struct list report;
    enum xlate_error error;
    unsigned slow; /* enum dp_slow_reason bits */
};

/* Takes the arguments in. Returns NULL, or the error. */
char *trace_parse_args(struct trace *, int argc, const char *argv[]) WARN_UNUSED;
/* Flags as "est|trk", or in the order in which they are listed ("trk|new"). */
void trace_format_ct_state(uint16_t, struct strbuf *);
/* Appends the step as a member of the array "steps" of docs/trace-json.md. */
void trace_step_to_json(const struct trace_step *, bool first, struct strbuf *);

#endif
