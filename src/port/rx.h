/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. Buffers for receiving by system call from packet sockets and TAP devices, where
 * the length of a packet is known only afterwards: most are small, some are segments of 64 KiB.
 *
 * Each packet to come is given a 2 KiB buffer of the pool and, behind it, a spill area that belongs to the
 * thread; what is longer is put together in a large buffer (one copy). When a queue brings long packets, the
 * next ones are received right into large buffers, and those that turn out to be short are copied to small
 * ones, which is cheap. So neither kind pays for the other.
 *
 * Thread-safety: struct rx_mode belongs to the queue's thread; the scratch memory is the calling thread's. */
#ifndef PORT_RX_H
#define PORT_RX_H 1

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "packet/packet.h"

#define RX_MAX_LEN 65700 /* bytes of a frame: 64 KiB of IP and room for link-layer headers */

/* What a queue has brought lately. Zeroed at first. */
struct rx_mode {
    uint8_t want;  /* packets to ask for in a call */
    uint8_t large; /* calls for which large buffers are still used */
};

/* Where one packet is received to: `iov`, 3 parts: header, buffer, spill. */
struct rx_slot {
    struct virtio_net_hdr hdr;
    struct iovec iov[3];
    struct packet *packet;
};

/* This thread's slots, BATCH_SIZE of them; its memory goes when the thread ends. */
struct rx_slot *rx_slots(void);

/* Makes slot I ready; false if the pool is empty. */
bool rx_prepare(struct rx_slot *slots, unsigned i, const struct rx_mode *, struct packet_pool *);
/* LEN bytes of frame have come into slot I: the packet, or NULL, counted in DROPPED. */
struct packet *rx_finish(struct rx_slot *slots, unsigned i, uint32_t len, struct rx_mode *,
                         struct packet_pool *, uint64_t *dropped);
/* Slot I was not used. */
void rx_cancel(struct rx_slot *slots, unsigned i);
/* After a call that brought N of the packets asked for. */
void rx_adapt(struct rx_mode *, unsigned n);

#endif
