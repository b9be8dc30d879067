/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. The database that the daemon serves itself: db.sock, what the Manager and SSL tables say, and the
 * pidfile and control socket by which clients find an ovsdb-server. Thread-safety: the control thread. */
#ifndef SWITCHD_DATABASE_H
#define SWITCHD_DATABASE_H 1

struct switchd_options;
struct ovsdb_server_thread;

/* *FD is the switch's end of a connection to it. NULL with *ERROR, the caller's to free. Ends with
 * ovsdb_server_stop(). */
struct ovsdb_server_thread *database_start(const struct switchd_options *, int *fd, char **error);

#endif
