/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. Checksums of packets: fast sums over payload, completing partial checksums in software, and
 * verification. Small sums, pseudo headers and updates are in wire/csum.h.
 * Thread-safety: whoever owns the packet. */
#ifndef PACKET_CSUM_H
#define PACKET_CSUM_H 1

#include "packet/packet.h"
#include "wire/csum.h"

/* PARTIAL and the sum over N bytes at DATA, as csum_continue(), for long runs. */
uint32_t csum_bytes(uint32_t partial, const void *data, size_t n);

/* A partial checksum is completed: the state is good afterwards; in any other state nothing is done.
 * DROP_RX_ERROR if csum_start or csum_offset lie outside of the packet. Not for GSO packets: gso.h. */
enum drop_reason packet_csum_resolve(struct packet *);

/* Is the layer-4 checksum (TCP, UDP, SCTP, ICMP, ICMPv6, IGMP) of this packet right? L3 and L4 offsets must
 * be set. An unknown one is computed, and then the state is good; good and partial ones are right by
 * definition. True for what has none (fragments, other protocols, UDP's 0 over IPv4). */
bool packet_csum_verify(struct packet *);

/* Is the IPv4 header's checksum right? */
bool packet_ipv4_csum_ok(const struct packet *);

#endif
