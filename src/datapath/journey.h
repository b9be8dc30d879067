/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6, internal to datapath/. The packet's path; journey.c has the stages in the order in which they
 * happen. Thread-safety: each function runs on the thread that owns the forwarder, between two quiescent
 * states. Every batch given in is consumed. */
#ifndef DATAPATH_JOURNEY_H
#define DATAPATH_JOURNEY_H 1

#include "datapath/dp.h"

/* A burst that PORT received: the whole journey, outputs sent before it returns. */
void journey_receive(struct forwarder *, struct dp_port *, struct packet_batch *);

/* ACTIONS over a batch that has its metadata, outputs sent before it returns (handlers: packet-out, after a
 * miss). */
void journey_execute(struct forwarder *, struct packet_batch *, const void *actions, size_t actions_len);

/* Within a journey (execute.c): */

/* Key extraction, lookup, and what follows, for packets that have their metadata: a reception's, a
 * recirculation's. */
void journey_process(struct forwarder *, struct packet_batch *);
/* The same from within: recirculated, or out of a tunnel. LAST: nothing of it stays behind. Past a limit of
 * nesting the packets are dropped. */
void journey_again(struct forwarder *, struct packet_batch *, bool last);

/* Hands a packet to the slow path; never waits for it. The packet is consumed. */
void journey_upcall(struct forwarder *, struct packet *, const struct flow_key *, const struct upcall_item *);

/* To the port's transmit batch, which is sent when it is full or the journey ends. */
void journey_output(struct forwarder *, struct packet_batch *, uint32_t port_no);

/* execute.c: runs the actions; consumes the batch. */
void execute_actions(struct forwarder *, struct packet_batch *, const void *actions, size_t actions_len);

/* The same one level deeper, for lists in actions; what is nested too deep is dropped. */
void journey_continue(struct forwarder *, struct packet_batch *, const void *actions, size_t actions_len);

#endif
