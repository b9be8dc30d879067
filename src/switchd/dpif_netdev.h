/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. dpif-netdev/... and odp-execute/...: the forwarding threads, and the choice among implementations
 * (of which there is one of each). Thread-safety: the control thread. */
#ifndef SWITCHD_DPIF_NETDEV_H
#define SWITCHD_DPIF_NETDEV_H 1

struct control_server;

void dpif_netdev_register(struct control_server *);

#endif
