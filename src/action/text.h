/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Datapath actions as text, as ovs-dpctl(8) writes and reads them:
 *
 *     set(ipv4(ttl=63)),push_vlan(vid=5,pcp=0),2
 *
 * PORTS names datapath ports; it may be NULL, and then they are numbers.
 *
 * Thread-safety: plain data; the port names' owner's. */
#ifndef ACTION_TEXT_H
#define ACTION_TEXT_H 1

#include "action/action.h"
#include "base/strbuf.h"
#include "flow/ports.h"

/* Appends the actions; "drop" if there are none. The list must have passed dp_actions_check(); of one that
 * has not, "bad" actions are written, and nothing outside of it is read. */
void dp_actions_format(const void *list, size_t len, const struct port_names *, struct strbuf *);

/* Appends to ACTIONS what TEXT says. NULL, or what is wrong and where (malloc'd), and then ACTIONS is as it
 * was. What comes out passes dp_actions_check(). */
char *dp_actions_parse(const char *text, const struct port_names *, struct bytebuf *actions);

#endif
