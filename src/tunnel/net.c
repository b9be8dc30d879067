/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct tunnel_net *tunnel_net_create(tunnel_neigh_changed_fn *changed, void *aux)
{
    struct tunnel_net *net = xzalloc(sizeof *net);
    net->changed = changed;
    net->aux = aux;
    net->routes = tunnel_routes_create();
    net->neighbours = tunnel_neighbours_create(changed, aux);
    net->listeners = tunnel_listeners_create();
    return net;
}

void tunnel_net_destroy(struct tunnel_net *net)
{
    if (net) {
        tunnel_host_destroy(net->host);
        tunnel_listeners_destroy(net->listeners);
        tunnel_neighbours_destroy(net->neighbours);
        tunnel_routes_destroy(net->routes);
        free(net);
    }
}

struct names {
    char (*names)[TUNNEL_DEVICE_NAME];
    size_t n, allocated;
};

static void collect(const struct tunnel_route *route, void *names_)
{
    struct names *names = names_;
    for (size_t i = 0; i < names->n; i++) {
        if (!strcmp(names->names[i], route->device)) {
            return;
        }
    }
    if (names->n == names->allocated) {
        names->names = x2nrealloc(names->names, &names->allocated, sizeof *names->names);
    }
    memcpy(names->names[names->n++], route->device, TUNNEL_DEVICE_NAME);
}

void tunnel_net_refresh(struct tunnel_net *net)
{
    struct names names = {.n = 0};
    tunnel_routes_for_each(net->routes, collect, &names);
    struct tunnel_device *devices = xcalloc(names.n + 1, sizeof *devices);
    size_t n = 0;
    for (size_t i = 0; i < names.n; i++) {
        if (tunnel_device_read(names.names[i], &devices[n]) && !devices[n].loopback) {
            n++;
        } else {
            tunnel_device_fini(&devices[n]);
        }
    }
    free(names.names);
    tunnel_listeners_set_devices(net->listeners, devices, n);
    net->changed(net->aux);
    if (net->refreshed) {
        net->refreshed(net->refreshed_aux);
    }
}

int tunnel_net_follow_host(struct tunnel_net *net, struct loop *loop)
{
    int error;
    net->host = tunnel_host_create(net, loop, &error);
    return error;
}
