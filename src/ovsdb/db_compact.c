/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/db_compact.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "ovsdb/db_storage.h"
#include "ovsdb/db_txn.h"

#define WRITE_SLICE     (1024 * 1024) /* between two syncs: others wait for this disk, too */
#define LAST_SLICE      (64 * 1024)   /* what may be written between two turns */
#define PIECE           (64 * 1024)
#define MAX_CATCHING_UP 20 /* rounds, should transactions come faster than the disk takes them */

/* "UUID":{...},... of one table, in pieces: a text that grows to megabytes would be copied as it grows. */
struct table_part {
    struct strbuf *pieces;
    size_t n, allocated;
};

struct db_compact {
    struct db *db;
    uint32_t number; /* db_row's `snapshot`: taken down, or made later */
    struct table_part *tables;
    size_t table, bucket; /* whose turn it is */
    uint32_t mask;        /* of the table's map, when the walk over it began */
    struct strbuf since;

    /* The other thread's, while `working`. */
    bool working;
    pthread_t thread;
    _Atomic bool done;
    char *name;
    struct log_file *file;
    struct strbuf schema;  /* and the tables' texts: of the first round */
    struct strbuf records; /* to be written */
    bool begun;            /* the file has been made */
    struct ovsdb_error *error;
    unsigned rounds;
    void (*wake)(void *aux);
    void *aux;
};

static void part_fini(struct table_part *part)
{
    for (size_t i = 0; i < part->n; i++) {
        strbuf_fini(&part->pieces[i]);
    }
    free(part->pieces);
    *part = (struct table_part){NULL, 0, 0};
}

struct db_compact *db_compact_create(struct db *db, const char *file, void (*wake)(void *aux), void *aux)
{
    struct db_compact *c = xzalloc(sizeof *c);
    c->db = db;
    c->number = ++db->n_snapshots;
    c->name = xasprintf("%s.tmp", file);
    c->wake = wake;
    c->aux = aux;
    c->tables = xcalloc(db->schema->n_tables, sizeof *c->tables);
    ovsdb_schema_put_json(db->schema, &c->schema);
    return c;
}

void db_compact_wait(struct db_compact *c)
{
    if (c->working) {
        pthread_join(c->thread, NULL);
        c->working = false;
    }
}

void db_compact_destroy(struct db_compact *c)
{
    if (!c) {
        return;
    }
    db_compact_wait(c);
    if (c->begun) {
        unlink(c->name);
    }
    log_file_close(c->file);
    for (size_t i = 0; i < c->db->schema->n_tables; i++) {
        part_fini(&c->tables[i]);
    }
    free(c->tables);
    free(c->name);
    strbuf_fini(&c->since);
    strbuf_fini(&c->schema);
    strbuf_fini(&c->records);
    ovsdb_error_destroy(c->error);
    free(c);
}

/* Rows to text. */

static void take_down(struct db_compact *c, struct db_row *row)
{
    struct table_part *part = &c->tables[row->table->schema->index];
    row->snapshot = c->number;
    if (!part->n || part->pieces[part->n - 1].len >= PIECE) {
        if (part->n >= part->allocated) {
            part->pieces = x2nrealloc(part->pieces, &part->allocated, sizeof *part->pieces);
        }
        strbuf_init(&part->pieces[part->n]);
        strbuf_reserve(&part->pieces[part->n++], PIECE + PIECE / 4);
    }
    struct strbuf *s = &part->pieces[part->n - 1];
    strbuf_puts(s, part->n > 1 || s->len ? "," : "");
    db_storage_put_row(s, row);
}

void db_compact_note(struct db_compact *c, struct db_txn *txn)
{
    struct db_txn_row *tr;
    LIST_FOR_EACH (tr, node, &txn->rows) {
        if (tr->old && tr->old->snapshot != c->number) {
            take_down(c, tr->old);
        }
        if (tr->new) {
            tr->new->snapshot = c->number;
        }
    }
}

void db_compact_add_record(struct db_compact *c, const char *record, size_t n)
{
    strbuf_put(&c->since, record, n);
}

/* True when all rows are done. A map that grew meanwhile is walked anew: what was taken down is passed over.
 */
static bool format_some(struct db_compact *c, int64_t until_us)
{
    for (unsigned n = 0; c->table < c->db->schema->n_tables; c->table++, c->bucket = 0) {
        struct hmap *rows = &c->db->tables[c->table]->rows;
        if (c->bucket && c->mask != rows->mask) {
            c->bucket = 0;
        }
        for (c->mask = rows->mask; c->bucket <= c->mask; c->bucket++) {
            if (n >= 16) {
                n = 0;
                if (clock_us() >= until_us) {
                    return false;
                }
            }
            struct hmap_node *node = hmap_bucket(rows, c->bucket);
            for (; node; node = node->next, n++) {
                struct db_row *row = OBJECT_OF(node, row, node);
                if (row->snapshot != c->number) {
                    take_down(c, row);
                }
            }
        }
    }
    return true;
}

/* The other thread. */

static void compose(struct db_compact *c)
{
    struct strbuf snapshot = STRBUF_INITIALIZER;
    bool any = false;
    log_file_format(&c->records, c->schema.text, c->schema.len);
    strbuf_fini(&c->schema);
    db_storage_put_record_start(&snapshot, "compacting database online", true);
    for (size_t i = 0; i < c->db->schema->n_tables; i++) {
        struct table_part *part = &c->tables[i];
        if (part->n) {
            strbuf_printf(&snapshot, ",\"%s\":{", c->db->schema->tables[i]->name);
            for (size_t j = 0; j < part->n; j++) {
                strbuf_put(&snapshot, part->pieces[j].text, part->pieces[j].len);
            }
            strbuf_put_char(&snapshot, '}');
            any = true;
        }
        part_fini(part);
    }
    strbuf_put_char(&snapshot, '}');
    if (any) {
        log_file_format(&c->records, snapshot.text, snapshot.len);
    }
    strbuf_fini(&snapshot);
}

static struct ovsdb_error *write_records(struct db_compact *c)
{
    struct ovsdb_error *error = NULL;
    for (size_t done = 0; !error && done < c->records.len;) {
        size_t n = MIN(c->records.len - done, (size_t)WRITE_SLICE);
        error = log_file_write_raw(c->file, c->records.text + done, n);
        error = error ? error : log_file_sync(c->file);
        done += n;
    }
    strbuf_fini(&c->records);
    return error;
}

static void *work(void *c_)
{
    struct db_compact *c = c_;
    if (!c->begun) {
        compose(c);
        c->error = log_file_open(&c->file, c->name, LOG_FILE_REPLACE);
        c->begun = !c->error;
    }
    c->error = c->error ? c->error : write_records(c);
    atomic_store(&c->done, true);
    c->wake(c->aux);
    return NULL;
}

static void start_work(struct db_compact *c)
{
    sigset_t all, before;
    atomic_store(&c->done, false);
    c->rounds++;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&c->thread, NULL, work, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err) {
        c->error = ovsdb_io_error(err, "cannot create a thread for compacting");
    } else {
        pthread_setname_np(c->thread, "compact");
        c->working = true;
    }
}

enum db_compact_state db_compact_step(struct db_compact *c, int64_t budget_us, struct log_file **file,
                                      struct ovsdb_error **error)
{
    *file = NULL;
    *error = NULL;
    if (c->working) {
        if (!atomic_load(&c->done)) {
            return DB_COMPACT_WAIT;
        }
        db_compact_wait(c);
    } else if (!c->rounds) {
        if (!format_some(c, clock_us() + budget_us)) {
            return DB_COMPACT_AGAIN;
        }
        start_work(c);
    }
    if (!c->working && !c->error) {
        if (c->since.len > LAST_SLICE && c->rounds < MAX_CATCHING_UP) {
            c->records = c->since;
            strbuf_init(&c->since);
            start_work(c);
        } else {
            c->error = c->since.len ? log_file_write_raw(c->file, c->since.text, c->since.len) : NULL;
            c->error = c->error ? c->error : log_file_sync(c->file);
        }
    }
    if (c->working && !c->error) {
        return DB_COMPACT_WAIT;
    }
    *error = c->error;
    c->error = NULL;
    if (!*error) {
        *file = c->file;
        c->file = NULL;
        c->begun = false; /* its name is the caller's to remove, too */
    }
    return DB_COMPACT_OVER;
}
