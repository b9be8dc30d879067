/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. Dummy devices from outside: the netdev-dummy/ commands, and the sockets that connect dummies of
 * several processes. Registered with --enable-dummy alone. Thread-safety: control thread. */
#ifndef SWITCHD_DUMMY_H
#define SWITCHD_DUMMY_H 1

struct control_server;
struct loop;
struct vport;

void dummy_start(struct loop *, struct control_server *);
/* CHANGED is called when a command has changed a device's state. */
void dummy_on_change(void (*changed)(struct vport *, void *aux), void *aux);
/* CHANGED is called when a command has given a device an IP address. */
void dummy_on_address(void (*changed)(void *aux), void *aux);
void dummy_stop(void);

#endif
