/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. Netlink over libmnl: a socket to the kernel, a request and its answers, notifications. Messages
 * are built and read with libmnl's own functions (mnl_nlmsg_put_header, mnl_attr_put_*, mnl_attr_parse).
 *
 * A request is answered by the kernel before the call returns (it takes locks, but never waits for a
 * network), so the control thread may make one.
 *
 * Thread-safety: none; a socket belongs to one thread. */
#ifndef IO_NETLINK_H
#define IO_NETLINK_H 1

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

#define NL_REQUEST_SIZE 8192 /* room enough for any request of ours */

struct nl_sock;

/* PROTOCOL: NETLINK_ROUTE, NETLINK_GENERIC ... The socket stays in the network namespace it was opened in. */
int nl_sock_open(int protocol, struct nl_sock **);
void nl_sock_close(struct nl_sock *); /* NULL is legal */

/* Begins a request of TYPE (RTM_*) with NLM_F_REQUEST and FLAGS, in BUF of NL_REQUEST_SIZE bytes, followed by
 * EXTRA_SIZE zeroed bytes of family header, which *EXTRAP (unless NULL) points to. */
struct nlmsghdr *nl_begin(void *buf, uint16_t type, uint16_t flags, size_t extra_size, void *extrap);

/* Sends REQUEST and hands each answer to EACH (may be NULL), which returns 0, or an errno to be returned; all
 * answers are read in either case. Adds NLM_F_ACK unless the request is a dump. Returns 0, or what the kernel
 * answered. */
typedef int nl_each_func(const struct nlmsghdr *, void *aux);
int nl_transact(struct nl_sock *, struct nlmsghdr *request, nl_each_func *each, void *aux);
/* What the kernel said in words to the last request that failed; "" if nothing. */
const char *nl_error_text(const struct nl_sock *);

/* Notifications: a socket of its own, in addition to GROUP (RTNLGRP_*). */
int nl_join(struct nl_sock *, unsigned group);
int nl_sock_fd(const struct nl_sock *); /* to poll for reading */
/* Hands what has arrived to EACH, without waiting. 0, or ENOBUFS if some were lost: look at everything anew.
 */
int nl_receive(struct nl_sock *, nl_each_func *each, void *aux);

#endif
