/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The network that tunnels run over, as this process knows it: routes, neighbours, and what is
 * listened for. One for all bridges.
 *
 * Thread-safety: made, refreshed and ended by the control thread; its parts say what else. */
#ifndef TUNNEL_NET_H
#define TUNNEL_NET_H 1

#include "tunnel/listen.h"
#include "tunnel/neigh.h"
#include "tunnel/route.h"

struct control_server;
struct loop;

struct tunnel_net {
    struct tunnel_routes *routes;
    struct tunnel_neighbours *neighbours;
    struct tunnel_listeners *listeners;
    struct tunnel_host *host; /* NULL: the host's routing table is left alone */
    tunnel_neigh_changed_fn *changed;
    void *aux;
    void (*refreshed)(void *aux); /* control thread: after a refresh. NULL: nobody is told */
    void *refreshed_aux;
};

/* CHANGED: translations that used routes, neighbours or addresses may come out otherwise now. Any thread. */
struct tunnel_net *tunnel_net_create(tunnel_neigh_changed_fn *changed, void *aux);
void tunnel_net_destroy(struct tunnel_net *); /* NULL is legal */

/* Routes or a device's addresses changed: what is listened for is mended, and CHANGED called. */
void tunnel_net_refresh(struct tunnel_net *);

/* Follows the host's routing table and addresses, through LOOP. 0 or an errno. */
int tunnel_net_follow_host(struct tunnel_net *, struct loop *);

/* commands.c: ovs/route/..., tnl/... */
void tunnel_net_register(struct tunnel_net *, struct control_server *);

/* host.c */
struct tunnel_host *tunnel_host_create(struct tunnel_net *, struct loop *, int *error);
void tunnel_host_destroy(struct tunnel_host *);

#endif
