/* SPDX-License-Identifier: Apache-2.0 */
/* A database file: opened for reading and for writing, added to, closed and opened again: what was added is
 * there. An input that begins with "{" is one record or more without headers: a line each, which get lengths
 * and hashes here, so that the fuzzer need not find SHA-1s. */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "ovsdb/db_storage.h"
#include "ovsdb/db_txn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64], file[96];

static void clean_up(void)
{
    char lock[128];
    snprintf(lock, sizeof lock, "%s/.conf.db.~lock~", directory);
    unlink(lock);
    unlink(file);
    rmdir(directory);
}

static void begin(void)
{
    snprintf(directory, sizeof directory, "%s/ovsdb-fuzz.XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(directory)) {
        abort();
    }
    snprintf(file, sizeof file, "%s/conf.db", directory);
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_OFF);
    atexit(clean_up);
}

static void write_input(const uint8_t *data, size_t size)
{
    struct strbuf s = STRBUF_INITIALIZER;
    if (size && *data == '{') {
        const char *p = (const char *)data, *end = p + size;
        while (p < end) {
            const char *newline = memchr(p, '\n', (size_t)(end - p));
            size_t n = (size_t)((newline ? newline : end) - p);
            log_file_format(&s, p, n);
            p += n + 1;
        }
    } else {
        strbuf_put(&s, (const char *)data, size);
    }
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, strbuf_text(&s), s.len) != (ssize_t)s.len) {
        abort();
    }
    close(fd);
    strbuf_fini(&s);
}

static size_t count(const struct db *db)
{
    size_t n = 0;
    for (size_t i = 0; i < db->schema->n_tables; i++) {
        n += db_table_count(db->tables[i]);
    }
    return n;
}

static struct db *open_again(struct ovsdb_error *must_be_null)
{
    struct db *db;
    if (must_be_null) {
        abort();
    }
    struct ovsdb_error *error = db_open(&db, file, LOG_FILE_READ_WRITE, true);
    if (error) {
        abort();
    }
    return db;
}

static void close_db(struct db *db)
{
    db_storage_close(db->storage);
    db_destroy(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct db *db;
    if (!*directory) {
        begin();
    }
    write_input(data, size);
    struct ovsdb_error *error = db_open(&db, file, LOG_FILE_READ_WRITE, true);
    if (error) {
        ovsdb_error_destroy(error);
        return 0;
    }
    /* One more row, behind whatever was torn there. */
    size_t before = count(db);
    bool added = false;
    for (size_t i = 0; i < db->schema->n_tables && !added; i++) {
        struct db_txn *txn = db_txn_create(db);
        struct db_row *row = db_row_create(db->tables[i]);
        uuid_generate(&row->uuid);
        db_txn_insert(txn, row);
        error = db_txn_commit(txn);
        added = !error && count(db) == before + 1;
        ovsdb_error_destroy(error);
        before = added ? before : count(db);
    }
    size_t after = count(db);
    struct ovsdb_error *sync = db_storage_sync(db->storage);
    close_db(db);
    db = open_again(sync);
    if (count(db) != after) {
        abort();
    }
    error = db_storage_compact(db->storage);
    close_db(db);
    db = open_again(error);
    if (count(db) != after) {
        abort();
    }
    close_db(db);
    return 0;
}
