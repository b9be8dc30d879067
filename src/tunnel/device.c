/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/device.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "port/dummy.h"

bool tunnel_device_has_carrier(const char *name)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%.*s", IFNAMSIZ - 1, name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool running = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &request) && request.ifr_flags & IFF_RUNNING;
    if (fd >= 0) {
        close(fd);
    }
    return running;
}

static void add_address(struct tunnel_device *d, const struct ipv6_addr *a, unsigned plen)
{
    d->addresses = xrealloc(d->addresses, (d->n + 1) * sizeof *d->addresses);
    d->addresses[d->n++] = (struct tunnel_device_address){*a, plen};
}

static unsigned count_bits(const void *mask_, size_t n)
{
    const uint8_t *mask = mask_;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        bits += (unsigned)__builtin_popcount(mask[i]);
    }
    return bits;
}

static void read_dummy(struct vport *vport, struct tunnel_device *d)
{
    const struct vport_dummy_addresses *a = vport_dummy_addresses(vport);
    d->mac = vport->status.mac;
    if (a->ip4) {
        struct ipv6_addr address = tunnel_address_v4(a->ip4);
        add_address(d, &address, 96 + count_bits(&a->ip4_mask, 4));
    }
    if (!ipv6_addr_is_zero(&a->ip6)) {
        add_address(d, &a->ip6, count_bits(&a->ip6_mask, 16));
    }
}

static void read_address(const struct ifaddrs *i, struct tunnel_device *d)
{
    if (i->ifa_addr->sa_family == AF_INET && i->ifa_netmask) {
        const struct sockaddr_in *sin = (const void *)i->ifa_addr, *mask = (const void *)i->ifa_netmask;
        struct ipv6_addr a = tunnel_address_v4(sin->sin_addr.s_addr);
        add_address(d, &a, 96 + count_bits(&mask->sin_addr, 4));
    } else if (i->ifa_addr->sa_family == AF_INET6 && i->ifa_netmask) {
        const struct sockaddr_in6 *sin = (const void *)i->ifa_addr, *mask = (const void *)i->ifa_netmask;
        struct ipv6_addr a;
        memcpy(&a, &sin->sin6_addr, sizeof a);
        add_address(d, &a, count_bits(&mask->sin6_addr, 16));
    } else if (i->ifa_addr->sa_family == AF_PACKET) {
        const struct sockaddr_ll *sll = (const void *)i->ifa_addr;
        memcpy(&d->mac, sll->sll_addr, sizeof d->mac);
    }
}

bool tunnel_device_read(const char *name, struct tunnel_device *d)
{
    memset(d, 0, sizeof *d);
    snprintf(d->name, sizeof d->name, "%s", name);
    struct vport *vport = vport_find(name);
    if (vport && vport_is_dummy(vport)) {
        read_dummy(vport, d);
        return true;
    }
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all)) {
        return false;
    }
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (i->ifa_addr && !strcmp(i->ifa_name, name)) {
            found = true;
            d->loopback = i->ifa_flags & IFF_LOOPBACK;
            read_address(i, d);
        }
    }
    freeifaddrs(all);
    return found;
}

void tunnel_device_fini(struct tunnel_device *d)
{
    free(d->addresses);
}

const struct ipv6_addr *tunnel_device_source(const struct tunnel_device *d, const struct ipv6_addr *dst)
{
    for (size_t i = 0; i < d->n; i++) {
        if (ipv6_addr_is_v4mapped(&d->addresses[i].address) == ipv6_addr_is_v4mapped(dst) &&
            tunnel_prefix_covers(&d->addresses[i].address, d->addresses[i].plen, dst)) {
            return &d->addresses[i].address;
        }
    }
    return NULL;
}
