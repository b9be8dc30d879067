/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Dummy ports: devices that exist in this process alone, for tests and for whole networks in one
 * process (`--enable-dummy`). Three types: `dummy` and `dummy-internal` are synthetic (what is handed in
 * waits until the datapath takes it inline), `dummy-pmd` has a descriptor and is served by a forwarding
 * thread.
 *
 * The way of a packet: vport_dummy_receive(), or a frame from a peer's socket, puts it into a receive queue;
 * the datapath takes it with rxq_recv(). What the port sends is counted, written to the pcap files, given to
 * the peers, and freed.
 *
 * Thread-safety: control thread, except what struct vport_ops says of forwarding threads; receive queues and
 * peers are under the port's mutex. */
#ifndef PORT_DUMMY_H
#define PORT_DUMMY_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"
#include "port/vport.h"

bool vport_is_dummy(const struct vport *);

/* A frame has come in by queue QUEUE. EINVAL: there is no such queue; ENOBUFS: the queue is full. For a
 * synthetic port, call rxq_recv() on it next. */
int vport_dummy_receive(struct vport *, uint16_t queue, const void *frame, size_t len);

/* As netdev-dummy/conn-state prints it: "connected", "disconnected", "unknown" (no stream is configured). */
const char *vport_dummy_conn_state(const struct vport *);

/* Addresses that tests give the device (netdev-dummy/ip4addr, ip6addr); 0 and all zeros: none. */
struct vport_dummy_addresses {
    be32 ip4, ip4_mask;
    struct ipv6_addr ip6, ip6_mask;
};
struct vport_dummy_addresses *vport_dummy_addresses(struct vport *);

/* Peers' sockets of all dummy ports: a descriptor for the control loop (-1: nobody has a stream), when to run
 * at the latest without it (clock_ms(), INT64_MAX: never), and what to do then: READY is called for each
 * synthetic port with packets in its queues. */
int vport_dummy_fd(void);
int64_t vport_dummy_due(void);
void vport_dummy_run(void (*ready)(struct vport *, void *aux), void *aux);

#endif
