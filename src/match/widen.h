/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. How the number of masks is kept bounded (design: "Lookup cost is bounded"). A megaflow's mask may
 * have any prefix of an address and any bits of a port, as the packet demanded, and who chooses the packets
 * chooses the masks: hundreds for a single rule. Widening takes a mask to the next one of a small set. The
 * flow gets narrower by that and stays correct; its key has to be taken anew from the packet.
 *
 *   WIDEN_FIELDS  A field is matched whole or not at all. The masks are at most the sets of fields that the
 * rules in use can make a lookup consult, whatever the packets. WIDEN_LAYERS  As well, if one field of a
 * layer is matched, all of that layer are. A layer's fields are such as a packet has all or none of. For one
 * kind of packet that leaves some thirty masks, times the sets of fields that stand alone and that the rules
 * match (TTL, TOS, TCP flags ...).
 *
 * Thread-safety: pure functions. */
#ifndef MATCH_WIDEN_H
#define MATCH_WIDEN_H 1

#include <stddef.h>

#include "flow/key.h"

enum widen_level {
    WIDEN_NONE,
    WIDEN_FIELDS,
    WIDEN_LAYERS,
};

/* What is matched together at WIDEN_LAYERS. */
enum widen_layer {
    WIDEN_LAYER_ALONE, /* no layer: matched only if it was. Packets vary it freely, or do not have it for sure
                        */
    WIDEN_LAYER_INPUT, /* in_port, recirc_id, packet_type */
    WIDEN_LAYER_MARKS, /* pkt_mark, skb_priority */
    WIDEN_LAYER_CT,
    WIDEN_LAYER_CT_TUPLE,
    WIDEN_LAYER_CT_TUPLE6,
    WIDEN_LAYER_TUNNEL,
    WIDEN_LAYER_TUNNEL6,
    WIDEN_LAYER_ETHERNET, /* addresses */
    WIDEN_LAYER_TYPE,     /* dl_type, VLANs */
    WIDEN_LAYER_NETWORK,  /* IPv4 or ARP addresses */
    WIDEN_LAYER_NETWORK6,
    WIDEN_LAYER_NEIGHBOUR, /* ARP's hardware addresses; neighbour discovery */
    WIDEN_LAYER_PROTOCOL,
    WIDEN_LAYER_TRANSPORT, /* ports */
    WIDEN_LAYER_NSH,
    N_WIDEN_LAYERS
};

/* Which level a new flow's mask needs, when the table has N_MASKS distinct ones of a BUDGET. */
enum widen_level megaflow_widen_level(size_t n_masks, size_t budget);

/* Widens MASK in place. It is complete up to FLOW_DP_BLOCKS and stays so; what lies beyond is left alone. */
void megaflow_widen_mask(struct flow_mask *mask, enum widen_level level);

#endif
