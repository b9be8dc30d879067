/* SPDX-License-Identifier: Apache-2.0 */
#include "io/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

#define RECV_SIZE (64 * 1024) /* more than the kernel puts into one datagram (32 KiB) */

struct nl_sock {
    struct mnl_socket *mnl;
    uint32_t seq;
    char error_text[160];
    uint8_t buf[RECV_SIZE];
};

int nl_sock_open(int protocol, struct nl_sock **sockp)
{
    *sockp = NULL;
    struct mnl_socket *mnl = mnl_socket_open2(protocol, SOCK_CLOEXEC);
    if (!mnl) {
        return errno;
    }
    if (mnl_socket_bind(mnl, 0, MNL_SOCKET_AUTOPID) < 0) {
        int error = errno;
        mnl_socket_close(mnl);
        return error;
    }
    /* Words for refusals; requests not repeated in them. Older kernels lack both, and nothing needs them. */
    int on = 1;
    mnl_socket_setsockopt(mnl, NETLINK_EXT_ACK, &on, sizeof on);
    mnl_socket_setsockopt(mnl, NETLINK_CAP_ACK, &on, sizeof on);
    struct nl_sock *sock = xzalloc(sizeof *sock);
    sock->mnl = mnl;
    *sockp = sock;
    return 0;
}

void nl_sock_close(struct nl_sock *sock)
{
    if (sock) {
        mnl_socket_close(sock->mnl);
        free(sock);
    }
}

struct nlmsghdr *nl_begin(void *buf, uint16_t type, uint16_t flags, size_t extra_size, void *extrap)
{
    struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
    msg->nlmsg_type = type;
    msg->nlmsg_flags = NLM_F_REQUEST | flags;
    void *extra = mnl_nlmsg_put_extra_header(msg, extra_size);
    if (extrap) {
        memcpy(extrap, &extra, sizeof extra);
    }
    return msg;
}

static int keep_message_attr(const struct nlattr *attr, void *aux)
{
    struct nl_sock *sock = aux;
    if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
        strncpy(sock->error_text, mnl_attr_get_str(attr), sizeof sock->error_text - 1);
    }
    return MNL_CB_OK;
}

/* The errno of an acknowledgement. */
static int read_ack(struct nl_sock *sock, const struct nlmsghdr *msg)
{
    if (msg->nlmsg_len < mnl_nlmsg_size(sizeof(struct nlmsgerr))) {
        return EBADMSG;
    }
    const struct nlmsgerr *ack = mnl_nlmsg_get_payload(msg);
    if (msg->nlmsg_flags & NLM_F_ACK_TLVS) {
        size_t skip = sizeof *ack;
        if (!(msg->nlmsg_flags & NLM_F_CAPPED)) {
            skip += mnl_nlmsg_get_payload_len(msg) >= skip ? ack->msg.nlmsg_len - sizeof(struct nlmsghdr) : 0;
        }
        if (skip < mnl_nlmsg_get_payload_len(msg)) {
            mnl_attr_parse(msg, (unsigned)skip, keep_message_attr, sock);
        }
    }
    return ack->error < 0 ? -ack->error : ack->error;
}

int nl_transact(struct nl_sock *sock, struct nlmsghdr *request, nl_each_func *each, void *aux)
{
    bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (!dump) {
        request->nlmsg_flags |= NLM_F_ACK;
    }
    request->nlmsg_seq = ++sock->seq;
    request->nlmsg_pid = 0;
    memset(sock->error_text, 0, sizeof sock->error_text);
    if (mnl_socket_sendto(sock->mnl, request, request->nlmsg_len) < 0) {
        return errno;
    }
    int result = 0;
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(sock->mnl, sock->buf, sizeof sock->buf);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        int left = (int)n;
        for (const struct nlmsghdr *msg = (void *)sock->buf; mnl_nlmsg_ok(msg, left);
             msg = mnl_nlmsg_next(msg, &left)) {
            if (msg->nlmsg_seq != sock->seq) {
                continue; /* of an earlier request that was given up */
            }
            if (msg->nlmsg_type == NLMSG_ERROR) {
                int error = read_ack(sock, msg);
                return error ? error : result;
            }
            if (msg->nlmsg_type == NLMSG_DONE) {
                return result;
            }
            if (each && !result && msg->nlmsg_type >= NLMSG_MIN_TYPE) {
                result = each(msg, aux);
            }
        }
    }
}

const char *nl_error_text(const struct nl_sock *sock)
{
    return sock->error_text;
}

int nl_join(struct nl_sock *sock, unsigned group)
{
    /* Many devices may change between two turns of a busy control loop. */
    int size = 4 << 20, fd = mnl_socket_get_fd(sock->mnl);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
    int g = (int)group;
    return mnl_socket_setsockopt(sock->mnl, NETLINK_ADD_MEMBERSHIP, &g, sizeof g) < 0 ? errno : 0;
}

int nl_sock_fd(const struct nl_sock *sock)
{
    return mnl_socket_get_fd(sock->mnl);
}

int nl_receive(struct nl_sock *sock, nl_each_func *each, void *aux)
{
    bool lost = false;
    for (;;) {
        ssize_t n = recv(mnl_socket_get_fd(sock->mnl), sock->buf, sizeof sock->buf, MSG_DONTWAIT);
        if (n < 0) {
            if (errno == ENOBUFS) {
                lost = true;
                continue;
            }
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN ? (lost ? ENOBUFS : 0) : errno;
        }
        int left = (int)n;
        for (const struct nlmsghdr *msg = (void *)sock->buf; mnl_nlmsg_ok(msg, left);
             msg = mnl_nlmsg_next(msg, &left)) {
            if (msg->nlmsg_type >= NLMSG_MIN_TYPE) {
                each(msg, aux);
            }
        }
    }
}
