/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. A cached flow as text, as ovs-dpctl(8) and `ovs-appctl dpctl/dump-flows` print it: key,
 * statistics, actions. Thread-safety: pure functions. */
#ifndef DPIF_FLOW_TEXT_H
#define DPIF_FLOW_TEXT_H 1

#include "base/strbuf.h"
#include "dpif/dpif.h"
#include "flow/ports.h"

/* "ufid:3bb23167-278e-4706-8430-2f9d97f5ab7f" */
void dp_ufid_format(struct dp_ufid, struct strbuf *);
/* Reads the same from the start of TEXT; where it ended, or NULL. */
const char *dp_ufid_parse(const char *text, struct dp_ufid *);

/* "packets:1, bytes:60, used:0.123s, flags:SP." */
void dp_flow_stats_format(const struct dp_flow_stats *, struct strbuf *);

/* The whole line, without its end. MORE: also what the mask does not look at, and "dp:ovs". NAMES may be
 * NULL. */
void dp_flow_format(const struct dp_flow_desc *, const struct port_names *, bool more, struct strbuf *);

#endif
