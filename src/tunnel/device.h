/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What tunnels need to know of a device that has IP addresses: a dummy's, or one of the host's.
 * Thread-safety: control thread alone. */
#ifndef TUNNEL_DEVICE_H
#define TUNNEL_DEVICE_H 1

#include "tunnel/address.h"

#define TUNNEL_DEVICE_NAME 64

struct tunnel_device_address {
    struct ipv6_addr address;
    unsigned plen; /* of 128 */
};

struct tunnel_device {
    char name[TUNNEL_DEVICE_NAME];
    struct eth_addr mac;
    bool loopback; /* no packet comes to it */
    size_t n;
    struct tunnel_device_address *addresses;
};

/* False: there is no such device. */
bool tunnel_device_read(const char *name, struct tunnel_device *);
/* Is the host's device up, with a carrier? */
bool tunnel_device_has_carrier(const char *name);
void tunnel_device_fini(struct tunnel_device *);
/* The address to reach DST by: one whose network has it; NULL: none. */
const struct ipv6_addr *tunnel_device_source(const struct tunnel_device *, const struct ipv6_addr *dst);

#endif
