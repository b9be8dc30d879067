/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The server's commands on a control socket: those that begin with ovsdb-server/. They run on the
 * loop of the control server, which must be the database server's own. Thread-safety: that loop. */
#ifndef OVSDB_SERVER_COMMANDS_H
#define OVSDB_SERVER_COMMANDS_H 1

struct control_server;
struct ovsdb_server;

void ovsdb_server_register_commands(struct ovsdb_server *, struct control_server *);

#endif
