/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. The queue of packets that wait for the slow path: one for each receive queue, so that one port's
 * flood takes no other port's room. Bounded in bytes of its own memory: a waiting packet is a copy, no device
 * buffer and no pool packet is held.
 *
 * Thread-safety: lock-free, one producer (the forwarding thread that serves the receive queue), one consumer
 * (the handler that the ring is assigned to; reassignment is serialised by the datapath). Counters are the
 * producer's, read by anyone. */
#ifndef DATAPATH_UPCALL_RING_H
#define DATAPATH_UPCALL_RING_H 1

#include <stdatomic.h>

#include "dpif/dpif.h"

#define UPCALL_RING_BYTES                                                                                    \
    (512u * 1024) /* a power of 2; memory is touched only as far as it was ever filled */

struct upcall_ring {
    uint8_t *bytes;                     /* immutable */
    uint32_t port_no;                   /* immutable: the input port */
    struct dp_handler *_Atomic handler; /* who empties it; NULL: nobody */
    _Atomic uint32_t head; /* producer: where the next record starts, counts on without wrapping */
    uint8_t pad[CACHE_LINE_SIZE];
    _Atomic uint32_t tail; /* consumer */
};

struct upcall_ring *upcall_ring_create(uint32_t port_no);
void upcall_ring_destroy(
    struct upcall_ring *); /* what waits is forgotten: the caller drained and counted it */

/* What goes with a packet into the ring. */
struct upcall_item {
    enum dp_upcall_type type;
    const void *userdata;
    uint16_t userdata_len;
    uint32_t out_tunnel_port;
    const void *actions;
    uint32_t n_actions; /* bytes */
};

/* producer. Copies PACKET with its metadata; false if it does not fit (the caller counts it as lost). */
bool upcall_ring_push(struct upcall_ring *, const struct packet *, const struct upcall_item *);

/* consumer. Takes the oldest: fills UPCALL's packet (from POOL), userdata and actions; not its key. The
 * actions lie in memory that the caller frees with free(). EAGAIN: empty; ENOMEM: the pool is exhausted,
 * nothing was taken. */
int upcall_ring_pop(struct upcall_ring *, struct packet_pool *, struct dp_upcall *);

/* consumer. How many wait. */
unsigned upcall_ring_count(const struct upcall_ring *);

static inline bool upcall_ring_is_empty(const struct upcall_ring *r)
{
    return atomic_load_explicit(&r->head, memory_order_acquire) ==
           atomic_load_explicit(&r->tail, memory_order_relaxed);
}

#endif
