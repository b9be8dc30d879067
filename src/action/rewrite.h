/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Stateless rewrites of one packet: what `set`, push_*, pop_* and dec_ttl do to its bytes.
 *
 * The packet's l2_5, l3 and l4 offsets must be those of its bytes (flow_key_extract() sets them) and are kept
 * right, csum_start and gso_hdr_len too. Checksums: those of IP headers are always updated; those of layer 4
 * are updated where the packet's state is good or unknown (so that a wrong one stays wrong), and in a partial
 * one the pseudo header's sum. A UDP checksum of 0 stays 0.
 *
 * Every function returns DROP_NONE, or why the packet cannot go on (the caller counts it and frees the
 * packet, which may be rewritten in part). Nothing is read or written outside of the packet's bytes, whatever
 * they are. A `set` of a header that the packet does not have changes nothing.
 *
 * Thread-safety: whoever owns the packet. */
#ifndef ACTION_REWRITE_H
#define ACTION_REWRITE_H 1

#include "action/action.h"
#include "packet/packet.h"

/* Runs one action of: set (every group), push_vlan, pop_vlan, push_mpls, pop_mpls, add_mpls, push_eth,
 * pop_eth, push_nsh, pop_nsh, trunc, ct_clear. DROP_ACTION_INVALID for others.
 * Afterwards, the caller extracts the key anew before it recirculates the packet. */
enum drop_reason rewrite_packet(struct packet *, const struct dp_action *);

/* Is the action one that rewrite_packet() runs? */
bool rewrite_handles(uint16_t type);

/* Takes one off the TTL or hop limit; DROP_TTL_EXPIRED, and the packet unchanged, if it is 1 or less. */
enum drop_reason rewrite_dec_ttl(struct packet *);

/* OpenFlow's dscp_remark band: raises the drop precedence of an assured-forwarding DSCP by PREC_LEVEL. */
enum drop_reason rewrite_dscp_remark(struct packet *, uint8_t prec_level);

#endif
