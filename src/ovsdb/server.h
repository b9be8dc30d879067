/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The database server: databases in files, sessions that speak RFC 7047 and ovsdb-server(7)'s
 * extensions, the remotes they come from, locks, and the built-in database _Server.
 *
 * A server belongs to one loop. ovsdb_server_start() gives it a thread and a loop of its own, and its caller
 * one end of a socket pair to it: how the switch is a client of its own database.
 *
 * Order of things: what a turn of the loop has committed is synced to the disk at its end, once (group
 * commit), and only then do replies and updates leave. A session hears of a change before the reply to the
 * request that made it. Thread-safety: ovsdb_server_start(), _stop(), and _post() from any thread; all else
 * on the server's loop. */
#ifndef OVSDB_SERVER_H
#define OVSDB_SERVER_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct loop;
struct ovsdb_server;
struct ovsdb_schema;

struct ovsdb_server_options {
    const char *const *databases; /* files */
    size_t n_databases;
    const char *const
        *remotes; /* "punix:FILE", "ptcp:6640:127.0.0.1", "db:Open_vSwitch,Open_vSwitch,manager_options" */
    size_t n_remotes;
    /* A file's name, or "db:DB,TABLE,COLUMN" to take it from there; or NULL. */
    const char *private_key, *certificate, *ca_cert;
    bool bootstrap_ca_cert;
    /* The first database's file is made, with this schema, if it is not there, and converted to it if it has
     * an older version of it; NULL: that is an error, and it is left as it is. */
    struct ovsdb_schema *(*create_schema)(void);
    /* Of a server on a thread of its own: the socket of its commands, NULL for none; and what its `exit`
     * calls, on that thread. */
    const char *control_path;
    void (*exit)(void *aux);
    void *exit_aux;
};

/* NULL and *ERROR, the caller's to free, if a database cannot be opened or a remote is malformed. A remote
 * that cannot be listened on now is logged, and tried again. */
struct ovsdb_server *ovsdb_server_create(struct loop *, const struct ovsdb_server_options *, char **error);
void ovsdb_server_destroy(struct ovsdb_server *); /* syncs and closes everything; NULL is legal */
struct loop *ovsdb_server_loop(struct ovsdb_server *);

/* A session over the connected stream socket FD, which becomes the server's. */
void ovsdb_server_add_session(struct ovsdb_server *, int fd, const char *name);

/* Databases and remotes while it runs. Errors are texts, the caller's to free. */
char *ovsdb_server_add_db(struct ovsdb_server *, const char *file) WARN_UNUSED;
char *ovsdb_server_remove_db(struct ovsdb_server *, const char *name) WARN_UNUSED;
char *ovsdb_server_add_remote(struct ovsdb_server *, const char *remote) WARN_UNUSED;
char *ovsdb_server_remove_remote(struct ovsdb_server *, const char *remote) WARN_UNUSED;
/* Sorted, one a line; the caller's to free. */
char *ovsdb_server_list_dbs(const struct ovsdb_server *);
char *ovsdb_server_list_remotes(const struct ovsdb_server *);
/* NAME NULL: all. Transactions go on meanwhile. DONE is called when it is over, with what went wrong or NULL,
 * at once if nothing can be compacted; not any more once the server is destroyed. */
void ovsdb_server_compact(struct ovsdb_server *, const char *name, void (*done)(const char *error, void *aux),
                          void *aux);
void ovsdb_server_reconnect_all(struct ovsdb_server *);
void ovsdb_server_disable_monitor_cond(struct ovsdb_server *);
char *ovsdb_server_storage_status(const struct ovsdb_server *, const char *name, char **error);
/* For memory/show: atoms, cells, sessions and so on, "NAME:N" with spaces between. */
char *ovsdb_server_memory(const struct ovsdb_server *);
/* Which tables' changes are logged, and for which to log them. */
char *ovsdb_server_tlog_list(const struct ovsdb_server *);
char *ovsdb_server_tlog_set(struct ovsdb_server *, const char *db_and_table, bool on) WARN_UNUSED;

/* --- A server on a thread of its own. --------------------------------------------------------------------
 */

struct ovsdb_server_thread;
/* When this returns without *ERROR, the databases are open and the remotes listen. *CLIENT_FD is for
 * ovsdb_client_create_fd(). */
struct ovsdb_server_thread *ovsdb_server_start(const struct ovsdb_server_options *, int *client_fd,
                                               char **error);
void ovsdb_server_stop(struct ovsdb_server_thread *); /* waits until it has ended; NULL is legal */
/* Has FN(server, AUX) run on the server's thread. */
void ovsdb_server_post(struct ovsdb_server_thread *, void (*fn)(struct ovsdb_server *, void *aux), void *aux);

#endif
