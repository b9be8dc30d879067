/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4, for this folder alone. Address translation: what a new connection's packets become, and rewriting
 * them. Any thread, each with packets of its own. */
#ifndef CONNTRACK_NAT_H
#define CONNTRACK_NAT_H 1

#include "conntrack/conntrack.h"
#include "conntrack/table.h"

/* How many translations of a new connection are tried at most before it is given up: a full range costs an
 * attacker's victim no more than that. */
#define CT_NAT_MAX_TRIES 512

/* Chooses the reply tuple of C (its `orig` is set), which is in no table yet, and inserts it: 0, EEXIST as
 * ct_table_insert(), EADDRINUSE: no translation of the request's range is free, ENOMEM. */
int ct_nat_insert(struct ct_table *, struct ct_conn *, const struct ct_request *, int64_t now_ms);

/* Rewrites the packet, which goes in direction DIR of C, as C's translation says; an ICMP error's inner
 * packet too. */
void ct_nat_translate(struct packet *, const struct ct_packet *, const struct ct_conn *, int dir);

#endif
