/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The routes by which encapsulated packets leave: those that ovs/route/add gave, and the host's,
 * read through rtnetlink (route_host.h). The longest prefix wins; a route with a mark is for packets with
 * that mark alone.
 *
 * Devices that routes name are where packets for tunnels arrive (listen.h): their addresses are read anew
 * with tunnel_routes_refresh().
 *
 * Thread-safety: changes by the control thread; lookups by any thread. */
#ifndef TUNNEL_ROUTE_H
#define TUNNEL_ROUTE_H 1

#include "tunnel/address.h"
#include "tunnel/device.h"

struct tunnel_routes;

struct tunnel_route {
    struct ipv6_addr prefix;
    unsigned plen;
    char device[TUNNEL_DEVICE_NAME];
    struct ipv6_addr gateway; /* zero: none */
    struct ipv6_addr source;
    uint32_t mark;
    uint32_t metric; /* the host's: lower is better */
    bool user, local;
};

struct tunnel_routes *tunnel_routes_create(void);
void tunnel_routes_destroy(struct tunnel_routes *);

/* The members but for `source`, which is found if it is zero; false: there is none, and the route is no use.
 * One like it (prefix, mark, origin) is replaced. */
bool tunnel_routes_add(struct tunnel_routes *, const struct tunnel_route *);
/* A user's route. False: not there. */
bool tunnel_routes_del(struct tunnel_routes *, const struct ipv6_addr *prefix, unsigned plen, uint32_t mark);
/* All of the host's go: before they are read anew. */
void tunnel_routes_flush_host(struct tunnel_routes *);

/* SOURCE and GATEWAY may be zero afterwards. */
bool tunnel_routes_lookup(struct tunnel_routes *, const struct ipv6_addr *dst, uint32_t mark,
                          struct tunnel_route *found);
bool tunnel_routes_have_marks(struct tunnel_routes *);
/* Longest prefixes first. */
void tunnel_routes_for_each(struct tunnel_routes *, void (*each)(const struct tunnel_route *, void *aux),
                            void *aux);

#endif
