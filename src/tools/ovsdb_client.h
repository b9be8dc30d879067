/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. What the files of `sluice ovsdb-client` share: the connection, with one request at a time
 * (ovsdb_client_conn.c), and the commands that go on until they are ended (ovsdb_client_watch.c). What fails
 * ends the program with an error text. Ownership: all is the process's, which ends with the command.
 * Thread-safety: the main thread. */
#ifndef TOOLS_OVSDB_CLIENT_H
#define TOOLS_OVSDB_CLIENT_H 1

#include "io/jsonrpc.h"
#include "io/loop.h"
#include "ovsdb/schema.h"
#include "tools/dbtable.h"

struct json_object;

struct dbclient {
    struct loop *loop;
    const char *server; /* one remote, or several with commas between them */
    bool any_member;    /* of a cluster: not its leader only */
    bool change_aware;  /* it is told of databases that go, instead of disconnected */
    void (*notified)(const struct jsonrpc_msg *);
};
extern struct dbclient dbclient;

bool dbclient_has_remotes(void); /* more than one */
/* Connects to the server; of several to the first that answers, in random order, and with DB to one where
 * that database is, and is connected to its cluster, and leads it. Without that: an error. */
void dbclient_connect(const char *db);
/* Connects to a server that need not be there yet, or any more; again if it has gone. */
void dbclient_connect_some_day(void);
bool dbclient_is_connected(void);
enum dbclient_db_state {
    DBCLIENT_DB_UNKNOWN, /* the connection has ended */
    DBCLIENT_DB_ABSENT,
    DBCLIENT_DB_PRESENT, /* the server is not in touch with the database's cluster */
    DBCLIENT_DB_CONNECTED,
    DBCLIENT_DB_LEADER, /* or it is in no cluster */
};
enum dbclient_db_state dbclient_db_state(const char *db);
/* The reply to a request, NULL if the connection ends before. */
struct jsonrpc_msg *dbclient_ask(const char *method, const char *params);
/* Sends a request, and returns its reply: the result, or with dbclient_call_any() what there is. */
struct json_object *dbclient_call(const char *method, const char *params);
struct jsonrpc_msg *dbclient_call_any(const char *method,
                                      const struct json_object *params); /* takes PARAMS */
/* Sends a request whose answer ANSWERED gets when it comes. One at a time. */
void dbclient_send(const char *method, const char *params, void (*answered)(const struct jsonrpc_msg *));
struct json_object *dbclient_json(const char *text); /* of an argument */
struct ovsdb_schema *dbclient_schema(const char *db);
bool dbclient_has_db(const char *name);
const char *dbclient_default_db(void); /* Open_vSwitch, or the only one there is */

void dbclient_print_json(const struct json_object *);
void dbclient_print_table(struct dbtable *); /* and ends it */

/* Monitors TABLE, or "ALL", until the program is ended; VERSION of monitor_cond* is 2 or 3. */
void dbclient_monitor(const char *db, int argc, char **argv, int version, bool timestamps);
/* "lock", "steal" or "unlock"; then waits for what becomes of it. */
void dbclient_lock(const char *method, const char *name);
/* Waits until DB is "added", "connected" or "removed". */
void dbclient_wait(const char *db, const char *state);
extern const char *dbclient_unixctl; /* --unixctl */

#endif
