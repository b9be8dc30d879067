/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4, for this folder alone. The outer headers of a packet that came out of a tunnel: Ethernet with any
 * tags, IPv4 or IPv6, read front to back. Every length is checked against the packet.
 *
 * Thread-safety: whoever owns the packet. */
#ifndef TUNNEL_OUTER_H
#define TUNNEL_OUTER_H 1

#include "flow/key.h"
#include "packet/packet.h"
#include "wire/tunnel.h"

/* The members of the key's tunnel block, filled in as headers are read. */
struct outer {
    struct packet *packet;
    uint32_t l3, l4;
    uint32_t ofs; /* of what is read next */
    uint32_t end; /* of the outer IP packet */
    bool v4;
    be32 packet_type;     /* of what is inside */
    struct flow_key *key; /* its tunnel block and erspan_idx alone */
    const uint8_t *opts;
    uint32_t opts_len;
    struct stt_header stt;
};

/* The next N bytes; NULL: the outer IP packet has not so many. */
const uint8_t *outer_take(struct outer *, uint32_t n);

/* From the front to behind the IP header, whose protocol must be PROTO. */
enum drop_reason outer_read(struct outer *, uint8_t proto);

/* Is the checksum over SUM and what follows from OFS to the packet's end right? One that this host's memory
 * holds unfinished, or was checked, is right by definition. */
bool outer_csum_is_right(const struct outer *, uint32_t sum, uint32_t ofs);

/* The sum over the pseudo header of the outer packet, whose layer 4 is PROTO's. */
uint32_t outer_pseudo(const struct outer *, uint8_t proto);

#endif
