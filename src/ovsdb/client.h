/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. A live, consistent copy of a database of some OVSDB server, and transactions that change the
 * original.
 *
 * The client connects to one of several remotes, monitors the tables and columns that its user declared, and
 * applies each update whole: between two callbacks the copy is what the database was at one moment. When the
 * connection breaks the copy stays; after reconnecting, only what changed meanwhile is told (where the server
 * cannot say what changed, the client finds out by comparing).
 *
 *     struct ovsdb_client *c = ovsdb_client_create(loop, ovsdb_vswitch_schema(),
 * "unix:/run/openvswitch/db.sock"); ovsdb_client_monitor_column(c, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME,
 * OVSDB_MONITOR_ALERT); ovsdb_client_monitor_column(c, OVS_TABLE_BRIDGE, OVS_BRIDGE_DATAPATH_ID,
 * OVSDB_MONITOR_SILENT); ovsdb_client_on_change(c, reconfigure, NULL); ovsdb_client_start(c);
 *     ...
 *     static void reconfigure(struct ovsdb_client *c, void *aux)
 *     {
 *         struct ovsdb_row *row;
 *         OVSDB_FOR_EACH_CHANGED (row, c, OVS_TABLE_BRIDGE) {
 *             printf("%s: %s\n", ovsdb_row_string(row, OVS_BRIDGE_NAME, ""),
 *                    ovsdb_row_change(row) == OVSDB_ROW_DELETED ? "gone" : "new or changed");
 *         }
 *         ovsdb_client_clear_changes(c);
 *
 *         struct ovsdb_txn *txn = ovsdb_txn_create(c);
 *         OVSDB_FOR_EACH (row, c, OVS_TABLE_BRIDGE) {
 *             ovsdb_txn_set_string(txn, row, OVS_BRIDGE_DATAPATH_ID, "0000000000000001");
 *         }
 *         ovsdb_txn_commit(txn, NULL, NULL); // reports to nobody: destroys itself when it is done
 *     }
 *
 * Tables and columns are given by number, as the schema object has them; for Open_vSwitch these are the
 * constants of ovsdb/vswitch_schema.h (OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME). What the server's schema lacks
 * reads as its default and is silently not written.
 *
 * Ownership: the client owns rows and datums; a `struct ovsdb_row *` is valid until
 * ovsdb_client_clear_changes() after its deletion, a datum or string read from it until the loop next runs.
 * Thread-safety: none. All of it happens on the thread that runs the loop. */
#ifndef OVSDB_CLIENT_H
#define OVSDB_CLIENT_H 1

#include "base/list.h"
#include "ovsdb/schema.h"

struct loop;
struct ovsdb_client;
struct ovsdb_txn;

/* --- The connection. -------------------------------------------------------------------------------------
 */

/* REMOTES: "unix:FILE", "tcp:IP:PORT", "ssl:IP:PORT", "ptcp:...", separated by commas. The client becomes the
 * owner of SCHEMA, whose name says which database. Nothing is connected before ovsdb_client_start(). */
struct ovsdb_client *ovsdb_client_create(struct loop *, struct ovsdb_schema *, const char *remotes);
/* The same over one end of a socket pair, whose other end an embedded server serves. FD becomes the client's.
 */
struct ovsdb_client *ovsdb_client_create_fd(struct loop *, struct ovsdb_schema *, int fd);
void ovsdb_client_destroy(struct ovsdb_client *); /* pending transactions are forgotten */
void ovsdb_client_start(struct ovsdb_client *);
void ovsdb_client_set_remotes(struct ovsdb_client *, const char *remotes);
void ovsdb_client_reconnect(struct ovsdb_client *); /* drops the connection and makes a new one */

/* In a cluster, be content with any member, not only the leader (which is the default). */
void ovsdb_client_set_leader_only(struct ovsdb_client *, bool);
void ovsdb_client_set_probe_interval(struct ovsdb_client *, int ms); /* 0: never; default 5000, 0 for unix: */
/* Several remotes are tried in random order, so that the clients of a cluster spread over its members;
 * default true. Before it starts. */
void ovsdb_client_set_shuffle(struct ovsdb_client *, bool);
void ovsdb_client_set_retry(struct ovsdb_client *, bool); /* default true; false: give up after one failure */
/* Does not ask for the schema first, trusting that it is the one given, nor whether the server leads its
 * cluster: saves a round trip to a local server. Where that trust fails, it asks. */
void ovsdb_client_set_quick(struct ovsdb_client *, bool);

bool ovsdb_client_is_connected(const struct ovsdb_client *); /* the copy is being kept up to date */
bool ovsdb_client_has_data(const struct ovsdb_client *);     /* it once was complete */
bool ovsdb_client_is_alive(const struct ovsdb_client *);     /* connected, or going to try again */
/* Whether all of its remotes have failed, so that one who does not want to wait gives up: the only one, once;
 * of several, none could be connected to, or each had its chance to be what is looked for (a leader, say) and
 * one more. */
bool ovsdb_client_has_failed(const struct ovsdb_client *);
/* Why the last connection or attempt failed; NULL if none did. */
const char *ovsdb_client_error(const struct ovsdb_client *);
const struct ovsdb_schema *ovsdb_client_schema(const struct ovsdb_client *);
/* Whether the server has that table or column. Known once ovsdb_client_has_data(). */
bool ovsdb_client_server_has_table(const struct ovsdb_client *, unsigned table);
bool ovsdb_client_server_has_column(const struct ovsdb_client *, unsigned table, unsigned column);

/* A lock (RFC 7047 section 4.1.8), asked for again after each reconnection; NULL gives it back. */
void ovsdb_client_set_lock(struct ovsdb_client *, const char *name);
bool ovsdb_client_has_lock(const struct ovsdb_client *);
bool ovsdb_client_is_lock_contended(const struct ovsdb_client *);

/* --- What to copy. ---------------------------------------------------------------------------------------
 */

enum ovsdb_monitor_mode {
    OVSDB_MONITOR_NONE,   /* not copied: reads as the default */
    OVSDB_MONITOR_SILENT, /* copied, but a change of it does not call the user: for columns that the user
                             writes */
    OVSDB_MONITOR_ALERT
};
/* Before ovsdb_client_start(). Monitoring any column of a table monitors the existence of its rows. */
void ovsdb_client_monitor_column(struct ovsdb_client *, unsigned table, unsigned column,
                                 enum ovsdb_monitor_mode);
void ovsdb_client_monitor_table(struct ovsdb_client *, unsigned table,
                                enum ovsdb_monitor_mode);              /* all columns */
void ovsdb_client_monitor_rows(struct ovsdb_client *, unsigned table); /* that they exist, and no column */
void ovsdb_client_monitor_all(struct ovsdb_client *);
/* Only rows for which WHERE holds: a JSON array of conditions (RFC 7047 5.1), e.g. [["name","==","p0"]]; any
 * of them suffices. Where the server cannot filter, all rows come. NULL or "[true]" again means all. */
void ovsdb_client_set_condition(struct ovsdb_client *, unsigned table, const char *where);

/* Called from the loop after changes that alert, after loss or gain of the connection or the lock. */
typedef void ovsdb_client_cb(struct ovsdb_client *, void *aux);
void ovsdb_client_on_change(struct ovsdb_client *, ovsdb_client_cb *, void *aux);
/* Counts what would call the user. */
unsigned ovsdb_client_seqno(const struct ovsdb_client *);

/* --- Rows. -----------------------------------------------------------------------------------------------
 */

enum ovsdb_row_change {
    OVSDB_ROW_UNCHANGED,
    OVSDB_ROW_INSERTED,
    OVSDB_ROW_MODIFIED,
    OVSDB_ROW_DELETED
};

struct ovsdb_client_table;
struct ovsdb_row {
    struct hmap_node node;   /* in its table, by uuid; not if it was deleted */
    struct list change_node; /* in the table's changed rows, while `change` says so */
    struct ovsdb_client_table *table;
    struct uuid uuid;
    uint8_t change;               /* enum ovsdb_row_change */
    unsigned long *changed;       /* bitmap of columns, or NULL: all (inserted, deleted) or none */
    struct ovsdb_datum **columns; /* as many as the table has */
};

struct ovsdb_row *ovsdb_row_first(const struct ovsdb_client *, unsigned table);
struct ovsdb_row *ovsdb_row_next(const struct ovsdb_row *);
struct ovsdb_row *ovsdb_row_first_changed(const struct ovsdb_client *, unsigned table);
struct ovsdb_row *ovsdb_row_next_changed(const struct ovsdb_row *);
/* In no particular order. */
#define OVSDB_FOR_EACH(ROW, CLIENT, TABLE)                                                                   \
    for (ROW = ovsdb_row_first(CLIENT, TABLE); ROW; ROW = ovsdb_row_next(ROW))
#define OVSDB_FOR_EACH_CHANGED(ROW, CLIENT, TABLE)                                                           \
    for (ROW = ovsdb_row_first_changed(CLIENT, TABLE); ROW; ROW = ovsdb_row_next_changed(ROW))
size_t ovsdb_table_count(const struct ovsdb_client *, unsigned table);

struct ovsdb_row *ovsdb_row_find(const struct ovsdb_client *, unsigned table, const struct uuid *);
/* The first row whose string COLUMN is VALUE. Looks at all rows. */
struct ovsdb_row *ovsdb_row_find_string(const struct ovsdb_client *, unsigned table, unsigned column,
                                        const char *value);

/* What became of the row since ovsdb_client_clear_changes(), and whether of that column. A row that appeared
 * and vanished meanwhile is not told at all. */
enum ovsdb_row_change ovsdb_row_change(const struct ovsdb_row *);
bool ovsdb_row_column_changed(const struct ovsdb_row *, unsigned column);
void ovsdb_client_clear_changes(struct ovsdb_client *);

unsigned ovsdb_row_table(const struct ovsdb_row *);
struct ovsdb_client *ovsdb_row_client(const struct ovsdb_row *);
const struct ovsdb_column *ovsdb_row_column(const struct ovsdb_row *, unsigned column);
/* The value as the database has it (what a pending transaction will write is not in it). Never NULL. */
const struct ovsdb_datum *ovsdb_row_get(const struct ovsdb_row *, unsigned column);
size_t ovsdb_row_n(const struct ovsdb_row *, unsigned column); /* elements */

/* Typed reading: of a scalar or of an optional column, DEFAULT if it is empty. */
const char *ovsdb_row_string(const struct ovsdb_row *, unsigned column, const char *default_);
int64_t ovsdb_row_integer(const struct ovsdb_row *, unsigned column, int64_t default_);
bool ovsdb_row_boolean(const struct ovsdb_row *, unsigned column, bool default_);
/* Element I of a set. */
const char *ovsdb_row_string_at(const struct ovsdb_row *, unsigned column, size_t i);
int64_t ovsdb_row_integer_at(const struct ovsdb_row *, unsigned column, size_t i);
/* The row that element I refers to (of a map: that its value does); NULL if it is not in the copy. */
struct ovsdb_row *ovsdb_row_ref(const struct ovsdb_row *, unsigned column, size_t i);
/* Maps with string keys: the value of KEY, or DEFAULT. The integer and the boolean are read from string
 * values; a boolean is "true" or "false". */
const char *ovsdb_row_map_string(const struct ovsdb_row *, unsigned column, const char *key,
                                 const char *default_);
int64_t ovsdb_row_map_integer(const struct ovsdb_row *, unsigned column, const char *key, int64_t default_);
bool ovsdb_row_map_boolean(const struct ovsdb_row *, unsigned column, const char *key, bool default_);

/* --- Transactions. ---------------------------------------------------------------------------------------
 */

enum ovsdb_txn_status {
    OVSDB_TXN_UNCOMMITTED, /* not yet committed */
    OVSDB_TXN_UNCHANGED,   /* there was nothing to change */
    OVSDB_TXN_INCOMPLETE,  /* sent, no reply yet */
    OVSDB_TXN_ABORTED,     /* ovsdb_txn_destroy() or the client's end came first */
    OVSDB_TXN_SUCCESS,
    OVSDB_TXN_TRY_AGAIN, /* a verification failed, or the connection broke: begin again when seqno changes */
    OVSDB_TXN_NOT_LOCKED,
    OVSDB_TXN_ERROR /* ovsdb_txn_error() says what */
};
const char *ovsdb_txn_status_name(enum ovsdb_txn_status);

/* Any number may be under way. Setting what is there already changes nothing (and is not sent). */
struct ovsdb_txn *ovsdb_txn_create(struct ovsdb_client *);
void ovsdb_txn_destroy(struct ovsdb_txn *);
void ovsdb_txn_comment(struct ovsdb_txn *, const char *format, ...) PRINTF_FORMAT(2, 3);
void ovsdb_txn_set_dry_run(struct ovsdb_txn *); /* the server tries it, and changes nothing */

/* A new row, which can be given to the other functions at once; it is TXN's, and not part of the copy. */
struct ovsdb_row *ovsdb_txn_insert(struct ovsdb_txn *, unsigned table);
/* The same, with the UUID that stands for it in other values of this transaction (NULL: any). */
struct ovsdb_row *ovsdb_txn_insert_as(struct ovsdb_txn *, unsigned table, const struct uuid *);
/* The transaction's new rows of a table that were not deleted again, in order: the one after PREVIOUS, or the
 * first for NULL. */
struct ovsdb_row *ovsdb_txn_next_new(const struct ovsdb_txn *, const struct ovsdb_row *previous,
                                     unsigned table);
/* A row of a table that is no root goes when nothing refers to it, and only then: take the references away,
 * too. */
void ovsdb_txn_delete(struct ovsdb_txn *, struct ovsdb_row *);
/* The transaction is to fail (TRY_AGAIN) if the column is not what the copy says it is. */
void ovsdb_txn_verify(struct ovsdb_txn *, struct ovsdb_row *, unsigned column);
/* The value is taken over; it need not fit the constraints: the server checks. */
void ovsdb_txn_set(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, struct ovsdb_datum *);
/* Adds elements to a set, or to a map (replacing values of keys that are there); removes elements (of a map:
 * those pairs), or removes keys (a set of them) from a map. Sent as mutations: other writers' elements stay.
 */
void ovsdb_txn_add(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, struct ovsdb_datum *);
/* The same, sent even if the copy says that they are there. */
void ovsdb_txn_add_blindly(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, struct ovsdb_datum *);
void ovsdb_txn_remove(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, struct ovsdb_datum *);
void ovsdb_txn_remove_keys(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, struct ovsdb_datum *);
/* Adds 1 on the server; ovsdb_txn_incremented() gives the result after SUCCESS. One a transaction. With FORCE
 * even if nothing else changes. */
void ovsdb_txn_increment(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, bool force);
int64_t ovsdb_txn_incremented(const struct ovsdb_txn *);

/* Typed writing. The optional ones take NULL for "none". */
void ovsdb_txn_set_string(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, const char *);
void ovsdb_txn_set_integer(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, int64_t);
void ovsdb_txn_set_boolean(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, bool);
void ovsdb_txn_set_empty(struct ovsdb_txn *, struct ovsdb_row *, unsigned column);
void ovsdb_txn_set_strings(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, const char *const *,
                           size_t n);
/* References to rows, new ones included. */
void ovsdb_txn_set_refs(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, struct ovsdb_row *const *,
                        size_t n);
void ovsdb_txn_add_ref(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, const struct ovsdb_row *);
void ovsdb_txn_remove_ref(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, const struct ovsdb_row *);
void ovsdb_txn_map_set(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, const char *key,
                       const char *value);
void ovsdb_txn_map_unset(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, const char *key);

/* Map values built up by the caller: pairs of strings, or of a string and an integer, as the column wants. */
struct ovsdb_datum *ovsdb_datum_from_pairs(const struct ovsdb_type *, const char *const *keys,
                                           const char *const *values, size_t n);
struct ovsdb_datum *ovsdb_datum_from_int_pairs(const struct ovsdb_type *, const char *const *keys,
                                               const int64_t *values, size_t n);

/* What TXN will have made of it: the pending value, or the copy's. */
const struct ovsdb_datum *ovsdb_txn_get(const struct ovsdb_txn *, const struct ovsdb_row *, unsigned column);
/* Whether what TXN writes refers to ROW; STRONG: by a strong reference. */
bool ovsdb_txn_refers_to(const struct ovsdb_txn *, const struct ovsdb_row *, bool strong);
bool ovsdb_txn_is_new(const struct ovsdb_txn *, const struct ovsdb_row *);
bool ovsdb_txn_is_deleted(const struct ovsdb_txn *, const struct ovsdb_row *);

/* Sends it. CB is called once from the loop (not before this returns) with the final status; afterwards TXN
 * is the caller's to destroy. With CB NULL the transaction destroys itself then. */
typedef void ovsdb_txn_cb(struct ovsdb_txn *, enum ovsdb_txn_status, void *aux);
void ovsdb_txn_commit(struct ovsdb_txn *, ovsdb_txn_cb *, void *aux);
enum ovsdb_txn_status ovsdb_txn_status(const struct ovsdb_txn *);
const char *ovsdb_txn_error(const struct ovsdb_txn *); /* NULL unless status is ERROR */
/* After SUCCESS: the UUID of a row that TXN inserted. */
const struct uuid *ovsdb_txn_inserted_uuid(const struct ovsdb_txn *, const struct ovsdb_row *);

#endif
