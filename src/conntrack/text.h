/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Connections as ovs-dpctl(8) prints them. Pure functions. */
#ifndef CONNTRACK_TEXT_H
#define CONNTRACK_TEXT_H 1

#include "base/compiler.h"
#include "conntrack/conntrack.h"

/* "tcp,orig=(src=...),reply=(...),...". VERBOSE: as -m has it; TIMES: as -s. */
void ct_entry_format(struct strbuf *, const struct ct_entry *, bool verbose, bool times);

void ct_frag_entry_format(struct strbuf *, const struct ct_frag_entry *);

/* "tcp"; the number, if it has no name. */
void ct_proto_format(struct strbuf *, uint8_t proto);

#endif
