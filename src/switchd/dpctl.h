/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. The dpctl/ commands (ovs-dpctl(8)), and ours: drop/show.
 * Thread-safety: control thread. */
#ifndef SWITCHD_DPCTL_H
#define SWITCHD_DPCTL_H 1

/* Registers them with the daemon's control server. */
struct control_server;
void dpctl_register(struct control_server *);

#endif
