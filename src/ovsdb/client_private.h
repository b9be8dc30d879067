/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What the three files of the client share: client.c (connection, protocol), client_row.c (the
 * copy), client_txn.c (transactions). Thread-safety: as ovsdb/client.h. */
#ifndef OVSDB_CLIENT_PRIVATE_H
#define OVSDB_CLIENT_PRIVATE_H 1

#include "base/bitmap.h"
#include "base/task.h"
#include "io/jsonrpc.h"
#include "io/loop.h"
#include "ovsdb/client.h"

struct ovsdb_client_table {
    struct ovsdb_client *client;
    const struct ovsdb_table_schema *schema;
    struct hmap rows;
    struct list changed; /* struct ovsdb_row */
    uint8_t *modes;      /* enum ovsdb_monitor_mode, a column */
    bool monitored;
    char *condition; /* JSON, or NULL */

    /* What the server has of it, known since the last get_schema. */
    bool on_server;
    unsigned long *columns_on_server;
};

/* A request under way. */
struct client_request {
    struct list node;
    int64_t id;
    void (*done)(struct ovsdb_client *, const struct jsonrpc_msg *,
                 void *aux); /* MSG NULL: connection lost */
    void *aux;
};

enum client_state {
    CLIENT_DISCONNECTED,
    CLIENT_ASKING,    /* for the server's own state and the schema */
    CLIENT_REQUESTED, /* monitoring */
    CLIENT_MONITORING
};

struct ovsdb_client {
    struct loop *loop;
    struct ovsdb_schema *schema;
    struct ovsdb_client_table *tables;
    char *remotes;
    int fd; /* of a socket pair, until started; -1 */
    struct jsonrpc_session *session;
    enum client_state state;
    int monitor_version; /* 3, 2, 1: which kind of monitor is asked for, and falls back */
    struct uuid last_txn;
    bool has_data, leader_only, retry, shuffle, quick;
    bool server_known, schema_known; /* the two answers that CLIENT_ASKING waits for */
    int probe_interval;
    char *error;
    struct list requests; /* struct client_request */
    struct list dead;     /* rows that appeared and vanished, until changes are cleared */
    struct list txns;     /* struct ovsdb_txn that were committed and are not done */

    char *lock_name;
    bool has_lock, lock_contended;
    int64_t lock_request;

    ovsdb_client_cb *cb;
    void *aux;
    unsigned seqno;
    struct task notify; /* calls CB after what is being received was applied */
};

/* client.c */
int64_t client_send(struct ovsdb_client *, const char *method, const char *params,
                    void (*done)(struct ovsdb_client *, const struct jsonrpc_msg *, void *aux), void *aux);
void client_alert(struct ovsdb_client *); /* something changed that the user wants to hear of */

/* client_row.c */
void client_tables_init(struct ovsdb_client *);
void client_tables_fini(struct ovsdb_client *);
/* VERSION 1: {"table":{"uuid":{"old":...,"new":...}}}; 2: initial, insert, delete, modify. REPLACE: what is
 * not in UPDATES is not in the database. Returns an error text if the server talks nonsense. */
char *client_apply(struct ovsdb_client *, const struct json_object *updates, int version, bool replace);
void client_row_free(struct ovsdb_row *);

/* client_txn.c */
void client_txns_orphan(struct ovsdb_client *);

#endif
