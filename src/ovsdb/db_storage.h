/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A database's file: reading it into memory, appending what transactions change, compacting it.
 *
 * db_storage_write() is called by the commit of a transaction. Its answer may go out only after
 * db_storage_sync(): so that one sync serves all transactions of a turn of the loop (group commit).
 * Compaction goes in slices: db_storage_compact_start() takes a consistent view (datums are shared, so that
 * is quick), db_storage_compact_step() does a little, and transactions go on meanwhile. Thread-safety: none;
 * the database's thread. */
#ifndef OVSDB_DB_STORAGE_H
#define OVSDB_DB_STORAGE_H 1

#include "ovsdb/db.h"
#include "ovsdb/log_file.h"

struct db_storage;
struct db_txn;

/* The database in FILE. For READ_WRITE it has storage (db->storage) and the file is locked. */
struct ovsdb_error *db_open(struct db **, const char *file, enum log_file_mode) WARN_UNUSED;
void db_storage_close(struct db_storage *); /* NULL is fine */
const char *db_storage_file(const struct db_storage *);

struct ovsdb_error *db_storage_write(struct db_storage *, struct db_txn *) WARN_UNUSED;
struct ovsdb_error *db_storage_sync(struct db_storage *) WARN_UNUSED;
bool db_storage_is_dirty(const struct db_storage *);

/* Whether the file has grown so much that it is time. */
bool db_storage_should_compact(const struct db_storage *, int64_t now_ms);
void db_storage_compact_start(struct db_storage *);
bool db_storage_is_compacting(const struct db_storage *);
/* Works for about BUDGET_US microseconds. When it returns false, compaction is over: *ERROR says how. */
bool db_storage_compact_step(struct db_storage *, int64_t budget_us, struct ovsdb_error **error);
struct ovsdb_error *db_storage_compact(struct db_storage *) WARN_UNUSED; /* at once, to its end */

/* Writes schema and rows of DB to a new file (for tools and conversion). COMMENT may be NULL. */
struct ovsdb_error *db_write_file(const struct db *, struct log_file *, const char *comment) WARN_UNUSED;
/* Replaces the file's content by the schema and rows of DB, synced. */
struct ovsdb_error *db_storage_rewrite_as(struct db_storage *, const struct db *,
                                          const char *comment) WARN_UNUSED;

/* Applies one transaction record to DB. */
struct ovsdb_error *db_apply_record(struct db *, const struct json_object *) WARN_UNUSED;

#endif
