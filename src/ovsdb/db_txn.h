/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A transaction on a database in memory: rows are inserted, replaced by copies that may be written,
 * or deleted, at once visible in the tables; then either everything is checked, made durable and kept, or
 * everything is as before. Constraints that look at the whole database (references, garbage, row limits,
 * unique indexes) are checked at commit. Thread-safety: none; one transaction at a time on a database. */
#ifndef OVSDB_DB_TXN_H
#define OVSDB_DB_TXN_H 1

#include "ovsdb/db.h"

struct db_txn_row {
    struct hmap_node by_uuid; /* in the transaction */
    struct list node;         /* in the transaction's rows, in the order in which they were touched */
    struct uuid uuid;
    struct db_table *table;
    struct db_row *old, *new; /* NULL: inserted, deleted */
    unsigned long *changed;   /* columns that differ, set at commit; a base/bitmap.h bitmap */
};

struct db_txn {
    struct db *db;
    struct list rows; /* struct db_txn_row */
    struct hmap by_uuid;
    struct strbuf comment;
    struct db_ref_change *ref_changes; /* what commit did to rows' reference counts, to be undone */
    size_t n_ref_changes, allocated_ref_changes;
};

struct db_txn *db_txn_create(struct db *);
void db_txn_abort(struct db_txn *);
/* Checks, makes durable (through the database's storage), keeps, tells the observers. On an error nothing has
 * changed. Either way TXN is gone. */
struct ovsdb_error *db_txn_commit(struct db_txn *) WARN_UNUSED;
/* The same without storage and without checking references and indexes (for what a file says happened). */
struct ovsdb_error *db_txn_replay(struct db_txn *) WARN_UNUSED;

/* ROW, new, with its uuid set, enters its table. */
void db_txn_insert(struct db_txn *, struct db_row *);
/* A version of ROW that may be written; ROW itself if it already is one. */
struct db_row *db_txn_modify(struct db_txn *, struct db_row *);
void db_txn_delete(struct db_txn *, struct db_row *);
/* Whether a row with that UUID is in the table, or was until this transaction. */
bool db_txn_uuid_is_taken(const struct db_txn *, const struct db_table *, const struct uuid *);
void db_txn_add_comment(struct db_txn *, const char *);

#endif
