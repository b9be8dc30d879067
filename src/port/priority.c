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

struct priority_sockets {
    struct rcu_head rcu;
    size_t n;
    struct {
        uint32_t priority;
        int fd;
    } sockets[]; /* by priority */
};

static void free_sockets(struct rcu_head *head)
{
    rcu_grace_passed();
    struct priority_sockets *s = CONTAINER_OF(head, struct priority_sockets, rcu);
    for (size_t i = 0; i < s->n; i++) {
        close(s->sockets[i].fd);
    }
    free(s);
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

static bool is_for(const struct priority_sockets *s, const uint32_t *queues, size_t n)
{
    bool same = (s ? s->n : 0) == n;
    for (size_t i = 0; same && i < n; i++) {
        same = s->sockets[i].priority == vport_queue_priority(queues[i]);
    }
    return same;
}

void priority_sockets_set(struct priority_sockets **sockets, int ifindex, const uint32_t *queues, size_t n)
{
    struct priority_sockets *old = *sockets, *new = NULL;
    n = MIN(n, (size_t)MAX_SOCKETS);
    if (is_for(old, queues, n)) {
        return;
    }
    if (n) {
        new = xzalloc(sizeof *new + n * sizeof new->sockets[0]);
        for (size_t i = 0; i < n; i++) {
            uint32_t priority = vport_queue_priority(queues[i]);
            int fd = make_socket(ifindex, priority);
            if (fd < 0) {
                LOG_WARN("cannot open a packet socket for queue %u: %s", queues[i], strerror(errno));
                break;
            }
            new->sockets[new->n].priority = priority;
            new->sockets[new->n++].fd = fd;
        }
    }
    rcu_set(sockets, new);
    if (old) {
        rcu_postpone(&old->rcu, free_sockets);
    }
}

int priority_socket(struct priority_sockets *const *sockets, uint32_t priority, int fallback)
{
    const struct priority_sockets *s = rcu_get(sockets);
    for (size_t low = 0, high = s ? s->n : 0; low < high;) {
        size_t middle = (low + high) / 2;
        if (s->sockets[middle].priority == priority) {
            return s->sockets[middle].fd;
        }
        if (s->sockets[middle].priority < priority) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return fallback;
}
