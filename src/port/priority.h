/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. The priority of what a packet socket sends: by it the kernel's packet
 * schedulers know the queue. Since Linux 6.14 each message can carry its own. On an older kernel a socket has
 * one for all that it sends; so there is one socket for each queue that is configured, and what is for a
 * queue without one goes as if it had no priority, to the default queue.
 *
 * And packets that the kernel does not count: it takes a segment that came with a virtio_net_hdr, which
 * cannot say of how many it is, for no packet. Bytes it counts right.
 *
 * Thread-safety: said with each. */
#ifndef PORT_PRIORITY_H
#define PORT_PRIORITY_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "packet/packet.h"
#include "port/qos.h"

/* control thread, once for the process: can each message carry its own? */
bool priority_in_messages(void);

/* The control message of one packet. */
union priority_control {
    struct cmsghdr cmsg;
    uint8_t buf[CMSG_SPACE(sizeof(uint32_t))];
};
void priority_put(union priority_control *, struct msghdr *, uint32_t priority);

/* What the kernel is to be told for PACKET: a datapath may know queues by their numbers. */
static inline uint32_t priority_of(const struct packet *packet)
{
    uint32_t p = packet->priority;
    return likely(!p) ? 0 : p < QOS_N_QUEUES ? vport_queue_priority(p) : p;
}

/* The queues of a port; NULL: none. */
struct priority_queues;
/* control thread: N queues on the device, each with a socket of its own if that is said; the old ones are
 * freed after a grace period. What a queue that stays has counted stays. */
void priority_queues_set(struct priority_queues **, int ifindex, bool with_sockets, const uint32_t *queues,
                         size_t n);
/* forwarding thread: the socket for PRIORITY, or FALLBACK. */
int priority_socket(struct priority_queues *const *, uint32_t priority, int fallback);
/* forwarding thread: the kernel took these. */
void priority_count(struct priority_queues *const *, struct packet *const *, unsigned n);
/* control thread: packets of PRIORITY that came in segments. */
uint64_t priority_counted(const struct priority_queues *, uint32_t priority);

#endif
