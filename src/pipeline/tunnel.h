/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Tunnel ports of bridges, and the datapath vports that they share.
 *
 * A tunnel port has an OpenFlow number and statistics of its own, but no vport: all of a kind and UDP port
 * use one
 * ("vxlan_sys_4789"), made with the first and ended with the last of them.
 *
 * Thread-safety: control thread, but for tunnel_request_neighbour(). */
#ifndef PIPELINE_TUNNEL_H
#define PIPELINE_TUNNEL_H 1

#include "base/list.h"
#include "tunnel/config.h"

struct control_server;
struct dp_backer;
struct ofport;
struct pipeline;
struct xport;

/* One that a backer has. */
struct tunnel_vport_ref {
    struct list node;
    uint32_t dp_port;
    unsigned n_refs;
    struct tunnel_vport vport; /* what it was told to understand */
};

void pipeline_tunnels_init(struct pipeline *);
void pipeline_tunnels_fini(struct pipeline *);
/* Something that translations used is different: the next commit looks at every flow. Any thread. */
void pipeline_net_changed(void *pipeline);

/* Gives PORT (whose ofproto, name and type are set) the configuration that OPTIONS say and its vport, or
 * another one. EINVAL: *ERRORP is for the `error` column; EEXIST: another tunnel takes the same packets. On
 * an error PORT is as it was. */
int tunnel_port_configure(struct ofport *, const struct smap *options, char **errorp);
void tunnel_port_release(struct ofport *);

/* Sends an ARP or neighbour discovery request for ADDRESS out of OUT, through its bridge's tables: now on the
 * control thread, soon on another. */
void tunnel_request_neighbour(struct pipeline *, const struct xport *out, const struct ipv6_addr *address,
                              const struct ipv6_addr *source, struct eth_addr mac);
/* Those that other threads asked for. */
void tunnel_send_requests(struct pipeline *);

#endif
