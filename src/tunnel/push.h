/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Encapsulation: a header (header.h) is put in front of a packet and finished.
 *
 * What is inside keeps its state: a partial checksum stays partial and a 64 KiB TCP segment stays whole, so
 * that the egress, or software at the egress (packet/gso.h), resolves them; an outer UDP checksum over a
 * partial inner one is derived from it, without a sum over the payload.
 *
 * Thread-safety: whoever owns the packet. */
#ifndef TUNNEL_PUSH_H
#define TUNNEL_PUSH_H 1

#include "packet/packet.h"

/* The range of UDP source ports, min in the low half: set by the control thread, read by all. */
void tunnel_set_port_range(uint16_t min, uint16_t max);
void tunnel_get_port_range(uint16_t *min, uint16_t *max);

/* HASH is of the inner packet's addresses and ports: it spreads the source port. *SEQ is the vport's sequence
 * number. MTU is that of the way out, which STT cuts for. Afterwards PACKET is a plain frame without tunnel
 * metadata; its in_port is the caller's to set. */
enum drop_reason tunnel_push(struct packet *, const void *header, uint32_t header_len, uint32_t type,
                             uint32_t hash, _Atomic uint32_t *seq, uint32_t mtu);

/* Must PACKET, which has a gso_type, be cut before the header is put on? (Each packet has its own sequence
 * number, or GSO does not know what is behind the header.) */
bool tunnel_push_wants_segments(const struct packet *, const void *header, uint32_t header_len,
                                uint32_t type);

#endif
