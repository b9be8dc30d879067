/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. The file of a standalone database (ovsdb(5)): JSON records, each behind a line with its length and
 * SHA-1, appended for ever. A record that is cut off or does not match its hash ends the file: what follows
 * is cut off when the file is next written.
 *
 * Durability: log_file_write() returns when the kernel has the record, log_file_sync() when the disk has. An
 * error of either leaves the file ending after the last whole record.
 * Ownership: the caller owns JSON that was read. Thread-safety: none. */
#ifndef OVSDB_LOG_FILE_H
#define OVSDB_LOG_FILE_H 1

#include <stdint.h>
#include <sys/types.h>

#include "ovsdb/error.h"

struct json_object;
struct log_file;

enum log_file_mode {
    LOG_FILE_READ,       /* must exist; no lock */
    LOG_FILE_READ_WRITE, /* must exist; locked against other writers */
    LOG_FILE_CREATE,     /* must not exist */
    LOG_FILE_REPLACE,    /* made anew, or emptied: for temporary files */
    LOG_FILE_NEW /* the same for NAME.tmp (links of NAME followed): log_file_publish() makes it NAME */
};

struct ovsdb_error *log_file_open(struct log_file **, const char *name, enum log_file_mode) WARN_UNUSED;
void log_file_close(struct log_file *);
const char *log_file_name(const struct log_file *); /* symbolic links followed */

/* A clustered database's file is an error, unless this is called before it is read; whether it is one is
 * known when the first record has been read. */
void log_file_take_clustered(struct log_file *);
bool log_file_is_clustered(const struct log_file *);

/* The next record; NULL at the end of the file. An error if the rest cannot be read (then that was the end).
 */
struct ovsdb_error *log_file_read(struct log_file *, struct json_object **) WARN_UNUSED;
/* The record that was read last is none, and the file ends before it. */
void log_file_unread(struct log_file *);
/* JSON must be one line, without its newline. */
struct ovsdb_error *log_file_write(struct log_file *, const char *json, size_t n) WARN_UNUSED;
/* Records that log_file_format() composed: written as they are. */
struct ovsdb_error *log_file_write_raw(struct log_file *, const char *records, size_t n) WARN_UNUSED;
void log_file_format(struct strbuf *, const char *json, size_t n);
struct ovsdb_error *log_file_sync(struct log_file *) WARN_UNUSED;
off_t log_file_size(const struct log_file *);
bool log_file_is_dirty(const struct log_file *); /* written, made or moved since the last sync */

/* Of LOG_FILE_NEW, whole and synced: nobody ever sees half of it. */
struct ovsdb_error *log_file_publish(struct log_file *) WARN_UNUSED;
/* FILE, whole and synced, takes the place and the lock of OLD, which is closed: rename(2), and the directory
 * synced. Where that fails FILE stays dirty, and log_file_sync() tries again. */
struct ovsdb_error *log_file_replace(struct log_file *old, struct log_file *file) WARN_UNUSED;

#endif
