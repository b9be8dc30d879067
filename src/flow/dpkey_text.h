/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A datapath flow key and its mask as text: "recirc_id(0),in_port(1),eth(src=...),eth_type(0x0800),
 * ipv4(...)", as ovs-dpctl(8) prints and reads it. in_port is the datapath's port number.
 *
 * Thread-safety: pure functions (PORTS is the caller's). */
#ifndef FLOW_DPKEY_TEXT_H
#define FLOW_DPKEY_TEXT_H 1

#include "base/strbuf.h"
#include "flow/key.h"
#include "flow/ports.h"

/* Appends KEY under MASK, both complete up to FLOW_DP_BLOCKS. MASK NULL: all that the packet has, exactly.
 * VERBOSE (dump-flows -m): what is not matched too, under masks of 0. PORTS NULL: port numbers. */
void dpkey_format(const struct flow_key *key, const struct flow_key *mask, const struct port_names *ports,
                  bool verbose, struct strbuf *);

/* Parses a key, and its mask (NULL: not wanted; masks are then read and dropped). What the text does not name
 * is not matched, but recirc_id is 0. KEY and MASK become complete. A "ufid:..." in front is skipped.
 *
 * Returns NULL, or the error. *INVALID says whether the text could be read but does not make sense ("Invalid
 * argument": eth_type(0x0800) without ipv4(), no in_port()); it may be NULL if only syntax matters: then KEY
 * is taken as it is. */
char *dpkey_parse(const char *text, const struct port_names *ports, struct flow_key *key,
                  struct flow_key *mask, bool *invalid) WARN_UNUSED;

#endif
