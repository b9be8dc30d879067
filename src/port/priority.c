/* SPDX-License-Identifier: Apache-2.0 */
#include "port/priority.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/rcu.h"

LOG_MODULE(netdev_linux);

/* A fact of the kernel's ABI that C libraries lack. */
#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif

#define MAX_SOCKETS 1024 /* of one port */
#define SEND_BUFFER (4 << 20)

void priority_put(union priority_control *control, struct msghdr *msg, uint32_t priority)
{
    control->cmsg.cmsg_level = SOL_SOCKET;
    control->cmsg.cmsg_type = SO_PRIORITY;
    control->cmsg.cmsg_len = CMSG_LEN(sizeof priority);
    memcpy(CMSG_DATA(&control->cmsg), &priority, sizeof priority);
    msg->msg_control = control;
    msg->msg_controllen = sizeof *control;
}

/* A kernel that does not know the control message refuses it, whatever the socket; MSG_PROBE: nothing is
 * sent. */
static bool probe(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    union priority_control control;
    struct msghdr msg = {.msg_name = &to, .msg_namelen = sizeof to};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    memset(&control, 0, sizeof control);
    priority_put(&control, &msg, vport_queue_priority(0));
    bool known = sendmsg(fd, &msg, MSG_PROBE | MSG_DONTWAIT) >= 0 || (errno != EINVAL && errno != EPERM);
    close(fd);
    return known;
}

bool priority_in_messages(void)
{
    static int known = -1;
    if (known < 0) {
        known = probe();
    }
    return known;
}

struct priority_queue {
    uint32_t priority; /* i */
    int fd;            /* i; -1: none */
    uint64_t packets;  /* a: in segments */
};

struct priority_queues {
    struct rcu_head rcu;
    size_t n;                       /* i */
    struct priority_queue queues[]; /* by priority */
};

static void free_queues(struct rcu_head *head)
{
    rcu_grace_passed();
    struct priority_queues *q = CONTAINER_OF(head, struct priority_queues, rcu);
    for (size_t i = 0; i < q->n; i++) {
        if (q->queues[i].fd >= 0) {
            close(q->queues[i].fd);
        }
    }
    free(q);
}

static struct priority_queue *find(struct priority_queues *q, uint32_t priority)
{
    for (size_t low = 0, high = q ? q->n : 0; low < high;) {
        size_t middle = (low + high) / 2;
        if (q->queues[middle].priority == priority) {
            return &q->queues[middle];
        }
        if (q->queues[middle].priority < priority) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Sends alone: protocol 0 receives nothing. */
static int make_socket(int ifindex, uint32_t priority)
{
    int on = 1, value = (int)priority, buffer = SEND_BUFFER;
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
                    bind(fd, (struct sockaddr *)&to, sizeof to) < 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &value, sizeof value) < 0)) {
        close(fd);
        return -1;
    }
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) < 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
    return fd;
}

static bool is_for(const struct priority_queues *q, const uint32_t *queues, size_t n)
{
    bool same = (q ? q->n : 0) == n;
    for (size_t i = 0; same && i < n; i++) {
        same = q->queues[i].priority == vport_queue_priority(queues[i]);
    }
    return same;
}

void priority_queues_set(struct priority_queues **queuesp, int ifindex, bool with_sockets,
                         const uint32_t *queues, size_t n)
{
    struct priority_queues *old = *queuesp, *new = NULL;
    bool failed = false;
    if (is_for(old, queues, n)) {
        return;
    }
    if (n) {
        new = xzalloc(sizeof *new + n * sizeof new->queues[0]);
        new->n = n;
        for (size_t i = 0; i < n; i++) {
            struct priority_queue *q = &new->queues[i];
            q->priority = vport_queue_priority(queues[i]);
            q->packets = priority_counted(old, q->priority);
            q->fd = with_sockets && i < MAX_SOCKETS && !failed ? make_socket(ifindex, q->priority) : -1;
            if (with_sockets && q->fd < 0 && !failed) {
                LOG_WARN("no packet socket for queue %u: what is for it goes to the default queue: %s",
                         queues[i], i < MAX_SOCKETS ? strerror(errno) : "there are too many");
                failed = true;
            }
        }
    }
    rcu_set(queuesp, new);
    if (old) {
        rcu_postpone(&old->rcu, free_queues);
    }
}

int priority_socket(struct priority_queues *const *queuesp, uint32_t priority, int fallback)
{
    const struct priority_queue *q = find(rcu_get(queuesp), priority);
    return q && q->fd >= 0 ? q->fd : fallback;
}

void priority_count(struct priority_queues *const *queuesp, struct packet *const *packets, unsigned n)
{
    struct priority_queues *queues = rcu_get(queuesp);
    for (unsigned i = 0; i < n; i++) {
        const struct packet *p = packets[i];
        if (p->gso_type && p->gso_size) {
            struct priority_queue *q = find(queues, priority_of(p));
            q = q ? q : find(queues, vport_queue_priority(0)); /* what is for no queue is the default's */
            if (q) {
                uint32_t payload = p->len - MIN(p->len, (uint32_t)p->gso_hdr_len);
                __atomic_fetch_add(&q->packets, (payload + p->gso_size - 1) / p->gso_size, __ATOMIC_RELAXED);
            }
        }
    }
}

uint64_t priority_counted(const struct priority_queues *queues, uint32_t priority)
{
    const struct priority_queue *q = find((struct priority_queues *)queues, priority);
    return q ? __atomic_load_n(&q->packets, __ATOMIC_RELAXED) : 0;
}
