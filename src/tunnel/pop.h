/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Decapsulation: the outer headers of a packet are read and taken off, and become its tunnel
 * metadata. Of STT, a whole frame is expected (stt.h gathers it). Nothing is believed: every length is
 * checked against the packet, and what does not fit is a drop with a name.
 *
 * Thread-safety: whoever owns the packet. */
#ifndef TUNNEL_POP_H
#define TUNNEL_POP_H 1

#include "packet/packet.h"
#include "tunnel/config.h"

/* PACKET is an Ethernet frame whose outer headers end in the tunnel's own. Afterwards it is what was inside,
 * with tunnel metadata, packet_type, and in_port still what it was. On a drop it may have been changed. */
enum drop_reason tunnel_pop(struct packet *, const struct tunnel_vport *);

#endif
