/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A compaction under way: the database as it was at one moment, written to a file of its own beside
 * FILE, while transactions go on.
 *
 * What has to be done on the database's thread is done in slices: rows are turned into text a few at a time,
 * and a row that a transaction changes before its turn has come is taken down as it was. Another thread
 * hashes, writes and syncs. What was committed meanwhile follows as the records that the old file got, until
 * so little is left that it can be done between two turns.
 *
 * Ownership: the new file is the compaction's until db_compact_step() hands it over; db_compact_destroy()
 * removes it. Thread-safety: the database's thread; WAKE is called from the other. */
#ifndef OVSDB_DB_COMPACT_H
#define OVSDB_DB_COMPACT_H 1

#include "ovsdb/db.h"
#include "ovsdb/log_file.h"

struct db_compact;
struct db_txn;

enum db_compact_state {
    DB_COMPACT_AGAIN, /* there is more to do here */
    DB_COMPACT_WAIT,  /* for the other thread, which calls WAKE */
    DB_COMPACT_OVER   /* the new file is whole and synced, or there was an error */
};

struct db_compact *db_compact_create(struct db *, const char *file, void (*wake)(void *aux), void *aux);
void db_compact_destroy(struct db_compact *); /* waits for the other thread; NULL is legal */

/* TXN is about to be committed. */
void db_compact_note(struct db_compact *, struct db_txn *);
/* ... and this was written to the old file about it. */
void db_compact_add_record(struct db_compact *, const char *record, size_t n);

/* Works for about BUDGET_US microseconds. When it is over, *FILE is the new file, or *ERROR says why not. */
enum db_compact_state db_compact_step(struct db_compact *, int64_t budget_us, struct log_file **file,
                                      struct ovsdb_error **error);
void db_compact_wait(struct db_compact *); /* until the other thread has done what it was given */

#endif
