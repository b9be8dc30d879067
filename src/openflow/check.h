/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Do actions fit the match of their rule? (ovs-actions(7), "Inconsistencies".) Thread-safety: pure
 * functions; faults are logged (rate-limited) with their reason. */
#ifndef OPENFLOW_CHECK_H
#define OPENFLOW_CHECK_H 1

#include "flow/match.h"
#include "openflow/actions.h"
#include "openflow/errors.h"

struct ofpacts_check {
    const struct match *match;
    uint32_t max_ports; /* ports are below; OFPP_MAX */
    uint8_t table_id;   /* the rule's; 255: not known */
    uint8_t n_tables;   /* goto_table leads to one of them; 0: as many as there are numbers */
    /* In: protocols in question. Out: those in which the actions are consistent with the match. OpenFlow 1.1
     * and later forbid inconsistency, 1.0 lets it pass. */
    uint32_t usable;
};

/* Returns the error of what no protocol allows. Also completes the actions with what they need to know of the
 * match (flow_has_vlan, flow_ip_proto). */
enum ofperr ofpacts_check(struct ofpact *, size_t len, struct ofpacts_check *);
/* The same for one protocol: inconsistency is an error. */
enum ofperr ofpacts_check_consistency(struct ofpact *, size_t len, struct ofpacts_check *);

/* A port to which an action may output. */
enum ofperr ofpact_check_output_port(uint32_t port, uint32_t max_ports);

#endif
