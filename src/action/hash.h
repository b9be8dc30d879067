/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The datapath hash of a packet: the `hash` action (dp_hash), lb_output's and bonds' choice.
 * Thread-safety: whoever owns the packet. */
#ifndef ACTION_HASH_H
#define ACTION_HASH_H 1

#include "action/action.h"
#include "packet/packet.h"

/* The hash of PACKET by ALG (enum dp_hash_alg), never 0. DP_HASH_L4 is over addresses, protocol and ports
 *, DP_HASH_SYM_L4 the same for both directions, and over Ethernet
 * addresses and VLAN where there is no IP. Needs the packet's offsets. Fragments hash without ports, so that
 * all of a datagram go one way. */
uint32_t dp_hash_packet(struct packet *, uint32_t alg, uint32_t basis);

/* The same of a key, for translation: a packet of KEY hashes alike. KEY is complete up to FLOW_DP_BLOCKS. */
uint32_t dp_hash_key(const struct flow_key *, uint32_t alg, uint32_t basis);

#endif
