/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A database's file: reading it into memory, appending what transactions change, compacting it.
 *
 * db_storage_write() is called by the commit of a transaction. Its answer may go out only after
 * db_storage_sync(): so that one sync serves all transactions of a turn of the loop (group commit).
 * Compaction (ovsdb/db_compact.h) goes in slices: db_storage_compact_step() does a little, another thread
 * writes, and transactions go on meanwhile. Thread-safety: none; the database's thread. */
#ifndef OVSDB_DB_STORAGE_H
#define OVSDB_DB_STORAGE_H 1

#include "ovsdb/db.h"
#include "ovsdb/db_compact.h"
#include "ovsdb/log_file.h"

struct db_storage;
struct db_txn;

/* The database in FILE. For READ_WRITE it has storage (db->storage) and the file is locked. TOLERATE_TAIL:
 * what follows the last whole record is passed over with a warning, and cut off by the next write; else it is
 * an error. */
struct ovsdb_error *db_open(struct db **, const char *file, enum log_file_mode,
                            bool tolerate_tail) WARN_UNUSED;
void db_storage_close(struct db_storage *); /* NULL is fine */
const char *db_storage_file(const struct db_storage *);

struct ovsdb_error *db_storage_write(struct db_storage *, struct db_txn *) WARN_UNUSED;
struct ovsdb_error *db_storage_sync(struct db_storage *) WARN_UNUSED;
bool db_storage_is_dirty(const struct db_storage *);

/* Whether the file has grown so much that it is time. */
bool db_storage_should_compact(const struct db_storage *, int64_t now_ms);
/* WAKE is called, from another thread, when the next step can be made after one that had to wait. */
void db_storage_compact_start(struct db_storage *, void (*wake)(void *aux), void *aux);
bool db_storage_is_compacting(const struct db_storage *);
/* Works for about BUDGET_US microseconds. When it returns DB_COMPACT_OVER, *ERROR says how it ended. */
enum db_compact_state db_storage_compact_step(struct db_storage *, int64_t budget_us,
                                              struct ovsdb_error **error);
struct ovsdb_error *db_storage_compact(struct db_storage *) WARN_UNUSED; /* at once, to its end */

/* Writes schema and rows of DB to a new file (for tools and conversion). COMMENT may be NULL. */
struct ovsdb_error *db_write_file(const struct db *, struct log_file *, const char *comment) WARN_UNUSED;
/* Replaces the file's content by the schema and rows of DB, synced. */
struct ovsdb_error *db_storage_rewrite_as(struct db_storage *, const struct db *,
                                          const char *comment) WARN_UNUSED;

/* "UUID":{...}, all of ROW that is not default and not ephemeral; what a record begins with. */
void db_storage_put_row(struct strbuf *, const struct db_row *);
void db_storage_put_record_start(struct strbuf *, const char *comment, bool is_diff);

#endif
