/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Packets of the layer-2 protocols that ports speak (LACP, spanning tree, BFD, CFM, LLDP).
 * Translation tells such a packet from others and hands it in here, on whatever thread it runs; the control
 * thread, to which the machines of src/l2/ belong, takes it out with its next turn. And the way back: packets
 * that a machine sends out of a port.
 *
 * What waits is bounded, for each port and in all, so that who floods a port with them holds up that port's
 * protocols alone.
 *
 * Thread-safety: protocol_receive() for any thread, everything else for control. */
#ifndef PIPELINE_PROTOCOL_H
#define PIPELINE_PROTOCOL_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

struct ofport;
struct ofproto;
struct packet;
struct pipeline;
struct protocol_queue;

struct protocol_queue *protocol_queue_create(void);
void protocol_queue_destroy(struct protocol_queue *);

/* A copy of PACKET, which came in by port OFP_PORT, is for the machines of REASON (an enum dp_slow_reason).
 * False: too many wait already; it is lost. */
bool protocol_receive(struct ofproto *, uint32_t ofp_port, unsigned reason, const struct packet *);
/* Gives what waits to the machines. */
void protocol_run(struct pipeline *);
/* The bridge goes: nothing is to wait for it. No translation finds it any more. */
void protocol_forget(struct ofproto *);

/* Sends a frame out of PORT, past its tables. */
void protocol_send(struct ofport *, const void *frame, size_t len);
/* An Ethernet header in front of PAYLOAD, with PORT's address as the source; then as above. */
void protocol_send_payload(struct ofport *, struct eth_addr dst, uint16_t eth_type, const void *payload,
                           size_t len);
/* The address that PORT's device has. */
struct eth_addr ofport_mac(const struct ofport *);

#endif
