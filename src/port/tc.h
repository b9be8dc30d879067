/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. The kernel's traffic control on a device's egress, by rtnetlink: one root
 * queueing discipline ("qdisc") with the handle 1:, and its classes 1:MINOR. What the disciplines and classes
 * are to do is in their options, which the caller puts into the request.
 *
 * Thread-safety: control thread alone. Errors: a positive errno; ENOENT: there is no such thing, or the
 * kernel has no such kind. */
#ifndef PORT_TC_H
#define PORT_TC_H 1

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/netlink.h"

#define TC_HANDLE       0x10000u /* of our root qdisc, 1:0 */
#define TC_CLASS(MINOR) (TC_HANDLE | (MINOR))
#define TC_KIND_MAX     32

/* A request under way. */
struct tc_request {
    _Alignas(8) uint8_t buf[NL_REQUEST_SIZE];
    struct nlmsghdr *msg;
};

/* The root qdisc of the device: its kind and handle. A handle of 0: it is the kernel's own choice. */
int tc_get_qdisc(int ifindex, char kind[TC_KIND_MAX], uint32_t *handle);
int tc_delete_qdisc(int ifindex);
/* Begins a request for a new root qdisc; for a class, new or changed. The caller puts TCA_OPTIONS. */
void tc_begin_qdisc(struct tc_request *, int ifindex, const char *kind);
void tc_begin_class(struct tc_request *, int ifindex, const char *kind, uint32_t handle, uint32_t parent);
int tc_finish(struct tc_request *);
int tc_delete_class(int ifindex, uint32_t handle);

/* What passed a class. */
struct tc_count {
    uint64_t packets, bytes, drops;
};
int tc_get_class(int ifindex, uint32_t handle, uint32_t parent, struct tc_count *);
int tc_each_class(int ifindex, void (*each)(uint32_t handle, const struct tc_count *, void *aux), void *aux);

/* How long BYTES take at RATE (bytes a second), in the unit in which the kernel's packet schedulers are told
 * of times; what is too long is UINT32_MAX. */
uint32_t tc_ticks(uint64_t rate, uint64_t bytes);
uint32_t tc_ticks_of_us(uint64_t us);

/* A rate as the kernel is told it: its description, and how long packets of 256 sizes up to MTU take. A rate
 * that needs more than 32 bits has to be told in an attribute of its own, too. */
struct tc_ratespec;
void tc_fill_rate(struct tc_ratespec *, uint32_t table[256], uint64_t rate, unsigned mtu);

#endif
