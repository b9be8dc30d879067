/* SPDX-License-Identifier: Apache-2.0 */
/* LD_PRELOAD for the tests of quality of service. What a program tells the kernel of disciplines and classes
 * (rtnetlink, RTM_NEWQDISC to RTM_GETTCLASS) is written to the file TC_TRACE, a message a line, in hexadecimal.
 *
 *   TC_PRETEND        the kernel has the disciplines that it may lack: requests to make them succeed, and do
 *                     nothing
 *   TC_NO_PRIORITY    the kernel is older than 6.14: it does not know the control message SO_PRIORITY */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const pretended[] = {"hfsc", "sfq", "codel", "fq_codel", "netem"};

static int is_rtnetlink(int fd)
{
    struct sockaddr_nl address = {0};
    int protocol = -1;
    socklen_t len = sizeof protocol, address_len = sizeof address;
    return !getsockname(fd, (struct sockaddr *)&address, &address_len) && address.nl_family == AF_NETLINK &&
           !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) && protocol == NETLINK_ROUTE;
}

static void write_line(const char *file, const uint8_t *bytes, size_t n)
{
    char *line = malloc(2 * n + 2);
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    for (size_t i = 0; i < n; i++) {
        sprintf(line + 2 * i, "%02x", bytes[i]);
    }
    line[2 * n] = '\n';
    if (fd < 0 || write(fd, line, 2 * n + 1) < 0) {
        abort();
    }
    close(fd);
    free(line);
}

static void look_at(int fd, void *message, size_t n)
{
    struct nlmsghdr *header = message;
    if (n < NLMSG_HDRLEN + sizeof(struct tcmsg) || header->nlmsg_type < RTM_NEWQDISC ||
        header->nlmsg_type > RTM_GETTCLASS || !is_rtnetlink(fd)) {
        return;
    }
    int error = errno;
    if (getenv("TC_TRACE")) {
        write_line(getenv("TC_TRACE"), message, n);
    }
    const struct nlattr *kind = (void *)((char *)message + NLMSG_HDRLEN + sizeof(struct tcmsg));
    if (getenv("TC_PRETEND") && (header->nlmsg_type == RTM_NEWQDISC || header->nlmsg_type == RTM_NEWTCLASS) &&
        kind->nla_type == TCA_KIND) {
        for (size_t i = 0; i < sizeof pretended / sizeof *pretended; i++) {
            if (!strcmp((const char *)(kind + 1), pretended[i])) {
                header->nlmsg_type = NLMSG_NOOP; /* acknowledged */
                header->nlmsg_flags |= NLM_F_ACK;
            }
        }
    }
    errno = error;
}

static int has_priority(const struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_PRIORITY) {
            return 1;
        }
    }
    return 0;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    static ssize_t (*real)(int, const struct msghdr *, int);
    if (!real) {
        real = (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
    }
    if (getenv("TC_NO_PRIORITY") && has_priority(msg)) {
        errno = EINVAL;
        return -1;
    }
    if (msg->msg_iovlen == 1) {
        look_at(fd, msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len);
    }
    return real(fd, msg, flags);
}

ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t to_len)
{
    static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    if (!real) {
        real = (ssize_t(*)(int, const void *, size_t, int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT,
                                                                                                     "sendto");
    }
    look_at(fd, (void *)buf, n);
    return real(fd, buf, n, flags, to, to_len);
}

int sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    static int (*real)(int, struct mmsghdr *, unsigned, int);
    if (!real) {
        real = (int (*)(int, struct mmsghdr *, unsigned, int))dlsym(RTLD_NEXT, "sendmmsg");
    }
    for (unsigned i = 0; i < n && getenv("TC_NO_PRIORITY"); i++) {
        if (has_priority(&msgs[i].msg_hdr)) {
            errno = EINVAL;
            return -1;
        }
    }
    return real(fd, msgs, n, flags);
}
