/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "ovsdb/db_convert.h"
#include "ovsdb/db_storage.h"
#include "ovsdb/db_txn.h"
#include "ovsdb/json_util.h"
#include "ovsdb/server_private.h"
#include "ovsdb/vswitch_schema.h"

LOG_MODULE(ovsdb_server_main);

#define HOUSEKEEPING    2500 /* ms */
#define COMPACT_SLICE   2000 /* us, a turn */
#define RESCUE_INTERVAL 1000 /* ms */

/* Databases. */

struct hosted_db *server_find_db(const struct ovsdb_server *server, const char *name)
{
    struct hosted_db *hosted;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        if (!strcmp(hosted->db->name, name)) {
            return hosted;
        }
    }
    return NULL;
}

/* Writes the row of _Server's Database table that is about HOSTED. */
static void describe(struct ovsdb_server *server, struct hosted_db *hosted)
{
    struct db_table *t = server->server_db->tables[0];
    struct db_txn *txn = db_txn_create(server->server_db);
    struct db_row *row = db_table_row(t, &hosted->row);
    struct strbuf schema = STRBUF_INITIALIZER;

    if (!row) {
        row = db_row_create(t);
        uuid_generate(&row->uuid);
        hosted->row = row->uuid;
        db_txn_insert(txn, row);
    } else {
        row = db_txn_modify(txn, row);
    }
    ovsdb_schema_put_json(hosted->db->schema, &schema);
    const struct ovsdb_table_schema *ts = t->schema;
    db_row_set(row, ts->columns[SERVER_DATABASE_NAME], ovsdb_datum_from_text(hosted->db->name));
    db_row_set(row, ts->columns[SERVER_DATABASE_MODEL], ovsdb_datum_from_text("standalone"));
    db_row_set(row, ts->columns[SERVER_DATABASE_CONNECTED], ovsdb_datum_from_boolean(true));
    db_row_set(row, ts->columns[SERVER_DATABASE_LEADER], ovsdb_datum_from_boolean(true));
    db_row_set(row, ts->columns[SERVER_DATABASE_SCHEMA], ovsdb_datum_from_text(schema.text));
    strbuf_fini(&schema);
    ovsdb_error_destroy(db_txn_commit(txn));
}

static void forget_description(struct ovsdb_server *server, struct hosted_db *hosted)
{
    struct db_row *row = db_table_row(server->server_db->tables[0], &hosted->row);
    if (row) {
        struct db_txn *txn = db_txn_create(server->server_db);
        db_txn_delete(txn, row);
        ovsdb_error_destroy(db_txn_commit(txn));
    }
}

static struct hosted_db *host(struct ovsdb_server *server, struct db *db)
{
    struct hosted_db *hosted = xzalloc(sizeof *hosted);
    hosted->server = server;
    hosted->db = db;
    hosted->hub = ovsdb_monitor_hub_create(db);
    list_init(&hosted->triggers);
    list_init(&hosted->compact_waiters);
    list_push_back(&server->dbs, &hosted->node);
    describe(server, hosted);
    return hosted;
}

/* No session may hold anything of it any more. */
static void unhost(struct hosted_db *hosted)
{
    list_remove(&hosted->node);
    while (!list_is_empty(&hosted->compact_waiters)) {
        struct compact_waiter *waiter;
        free(OBJECT_OF(list_pop_front(&hosted->compact_waiters), waiter, node));
    }
    tlog_forget(hosted);
    ovsdb_monitor_hub_destroy(hosted->hub);
    db_storage_close(hosted->db->storage);
    db_destroy(hosted->db);
    free(hosted);
}

static void for_all_sessions(struct ovsdb_server *server, void (*cb)(struct server_session *))
{
    struct server_remote *remote;
    HMAP_FOR_EACH (remote, node, &server->remotes) {
        struct server_session *session;
        LIST_FOR_EACH (session, node, &remote->sessions) {
            cb(session);
        }
    }
}

char *ovsdb_server_add_db(struct ovsdb_server *server, const char *file)
{
    struct db *db;
    struct hosted_db *other;
    struct stat s, t;
    LIST_FOR_EACH (other, node, &server->dbs) {
        /* Our own lock would not keep us out. */
        if (other->db->storage && !stat(file, &s) && !stat(db_storage_file(other->db->storage), &t) &&
            s.st_dev == t.st_dev && s.st_ino == t.st_ino) {
            return xasprintf("ovsdb error: %s: already open", file);
        }
    }
    struct ovsdb_error *error = db_open(&db, file, LOG_FILE_READ_WRITE, true);
    if (error) {
        return ovsdb_error_to_text_free(error);
    }
    if (server_find_db(server, db->name)) {
        char *text = xasprintf("ovsdb error: %s: duplicate database name", db->name);
        db_storage_close(db->storage);
        db_destroy(db);
        return text;
    }
    host(server, db);
    for_all_sessions(server, session_dbs_changed);
    return NULL;
}

static void end_compaction(struct hosted_db *hosted, struct ovsdb_error *error)
{
    char *text = error ? ovsdb_error_to_text_free(error) : NULL;
    if (text) {
        LOG_WARN("%s: compacting failed: %s", hosted->db->name, text);
    }
    while (!list_is_empty(&hosted->compact_waiters)) {
        struct compact_waiter *waiter = OBJECT_OF(list_pop_front(&hosted->compact_waiters), waiter, node);
        waiter->done(text, waiter->aux);
        free(waiter);
    }
    free(text);
}

static void end_for_all_sessions(struct ovsdb_server *server, struct hosted_db *hosted)
{
    struct server_remote *remote;
    HMAP_FOR_EACH (remote, node, &server->remotes) {
        struct server_session *session;
        LIST_FOR_EACH (session, node, &remote->sessions) {
            session_db_is_going(session, hosted);
        }
    }
}

char *ovsdb_server_remove_db(struct ovsdb_server *server, const char *name)
{
    struct hosted_db *hosted = server_find_db(server, name);
    if (!hosted || hosted->db == server->server_db) {
        return xstrdup(hosted ? "Cannot remove reserved database." : "Failed to find the database.");
    }
    end_for_all_sessions(server, hosted);
    forget_description(server, hosted);
    end_compaction(hosted, ovsdb_error(NULL, "%s: the database was removed", name));
    unhost(hosted);
    server->remotes_stale = true;
    return NULL;
}

struct ovsdb_error *server_convert(struct ovsdb_server *server, struct hosted_db *hosted,
                                   const struct json_object *json)
{
    struct ovsdb_schema *schema;
    struct ovsdb_error *error = ovsdb_schema_from_json(&schema, json);
    return error ? error : server_convert_to(server, hosted, schema);
}

struct ovsdb_error *server_convert_to(struct ovsdb_server *server, struct hosted_db *hosted,
                                      struct ovsdb_schema *schema)
{
    struct db *new;
    struct ovsdb_error *error;
    if (strcmp(schema->name, hosted->db->name)) {
        error = ovsdb_error("invalid parameters", "new schema name (%s) does not match database name (%s)",
                            schema->name, hosted->db->name);
        ovsdb_schema_destroy(schema);
        return error;
    }
    error = db_convert(&new, hosted->db, schema);
    if (error) {
        return error;
    }
    /* The file first: written, synced, renamed; only then does memory follow. */
    if (hosted->db->storage) {
        error = db_storage_rewrite_as(hosted->db->storage, new, "converting database schema");
        if (error) {
            db_destroy(new);
            return error;
        }
    }
    end_for_all_sessions(server, hosted);
    tlog_forget(hosted); /* its tables are others now */
    ovsdb_monitor_hub_destroy(hosted->hub);
    db_replace(hosted->db, new);
    hosted->hub = ovsdb_monitor_hub_create(hosted->db);
    describe(server, hosted);
    server->remotes_stale = true;
    LOG_INFO("%s: converted to schema version %s", hosted->db->name, hosted->db->schema->version);
    return NULL;
}

/* The turn. */

void server_run_triggers(struct ovsdb_server *server)
{
    int64_t now = clock_ms();
    struct hosted_db *hosted;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        struct trigger *t, *next;
        if (hosted->unsafe) {
            continue;
        }
        /* One that succeeds may be what another waits for. */
        while (hosted->triggers_tried != hosted->db->n_commits && !list_is_empty(&hosted->triggers)) {
            hosted->triggers_tried = hosted->db->n_commits;
            LIST_FOR_EACH_SAFE (t, next, node, &hosted->triggers) {
                session_run_trigger(t, now);
            }
        }
        hosted->triggers_tried = hosted->db->n_commits;
        LIST_FOR_EACH_SAFE (t, next, node, &hosted->triggers) {
            if (t->deadline_ms <= now) {
                session_run_trigger(t, now);
            }
        }
    }
}

static void run_timeout(struct task *task)
{
    struct ovsdb_server *server = OBJECT_OF(task, server, timeout);
    server_run_triggers(server);
    struct hosted_db *hosted;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        struct trigger *t;
        LIST_FOR_EACH (t, node, &hosted->triggers) {
            task_schedule_by(loop_tasks(server->loop), &server->timeout, t->deadline_ms);
        }
    }
}

const char *server_unsafe_text(void)
{
    return "the database's file cannot be written: what was committed before is not on the disk yet";
}

/* Memory written to a new file; false if that fails, too. */
static bool rewrite(struct hosted_db *hosted)
{
    struct ovsdb_error *error =
        db_storage_rewrite_as(hosted->db->storage, hosted->db, "rewritten after a failed sync");
    if (!error && db_storage_is_dirty(hosted->db->storage)) {
        error = db_storage_sync(hosted->db->storage); /* of the directory */
    }
    if (error) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(6, 3);
        char *text = ovsdb_error_to_text_free(error);
        log_write_rl(
            &log_this_module, LOG_LEVEL_EMER, &rl,
            "%s: what was committed since the last sync is in memory alone; no commit is answered, and "
            "none is taken, until the file can be written",
            text);
        free(text);
    }
    return !error;
}

static void run_rescue(struct task *task)
{
    struct ovsdb_server *server = OBJECT_OF(task, server, rescue);
    struct hosted_db *hosted;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        if (hosted->unsafe && rewrite(hosted)) {
            hosted->unsafe = false;
            LOG_WARN("%s: the file is written again, all commits are on disk", hosted->db->name);
        }
    }
}

/* Whether all that was committed is on disk. */
static bool sync_all(struct ovsdb_server *server)
{
    struct hosted_db *hosted;
    bool safe = true;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        if (hosted->db->storage && !hosted->unsafe && db_storage_is_dirty(hosted->db->storage)) {
            struct ovsdb_error *error = db_storage_sync(hosted->db->storage);
            if (error) {
                /* The kernel may have dropped what it could not write, and will not say so again: the one
                 * thing that can be trusted is memory. It is written to a new file before anybody is
                 * answered. */
                char *text = ovsdb_error_to_text_free(error);
                LOG_ERR("%s; writing the whole database anew", text);
                free(text);
                hosted->unsafe = !rewrite(hosted);
            }
        }
        safe &= !hosted->unsafe;
    }
    if (!safe && !task_is_scheduled(&server->rescue)) {
        task_schedule_in(loop_tasks(server->loop), &server->rescue, RESCUE_INTERVAL);
    }
    return safe;
}

static void end_turn_of(struct server_session *session)
{
    session->held = false;
    session_flush(session);
    if (session->doomed) {
        session->doomed = false;
        if (session->remote->listener || session->remote == session->server->local) {
            session_destroy(session);
        } else {
            jsonrpc_session_reconnect(session->rpc, "the database changed its schema");
        }
    }
}

/* SAFE: all that is said is true on disk, too. If not, what the sessions of this turn were to be told is held
 * back; sessions that speak later are answered, since nothing is committed meanwhile. */
static void flush_sessions(struct ovsdb_server *server, bool safe)
{
    struct list held = LIST_INITIALIZER(&held);
    bool first = server->n_held == 0;
    while (!list_is_empty(&server->dirty_sessions)) {
        struct server_session *session =
            OBJECT_OF(list_pop_front(&server->dirty_sessions), session, out_node);
        session->held |= !safe && first;
        if (session->held && !safe) {
            list_push_back(&held, &session->out_node);
        } else {
            end_turn_of(session);
        }
    }
    server->n_held = 0;
    while (!list_is_empty(&held)) {
        list_push_back(&server->dirty_sessions, list_pop_front(&held));
        server->n_held++;
    }
}

static void wake_loop(void *loop)
{
    loop_wake(loop);
}

static void step_compactions(struct ovsdb_server *server)
{
    struct hosted_db *hosted;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        struct db_storage *storage = hosted->db->storage;
        struct ovsdb_error *error = NULL;
        if (storage && !hosted->unsafe && db_storage_is_compacting(storage)) {
            switch (db_storage_compact_step(storage, COMPACT_SLICE, &error)) {
            case DB_COMPACT_AGAIN:
                loop_turn_again(server->loop);
                break;
            case DB_COMPACT_WAIT:
                break;
            case DB_COMPACT_OVER:
                end_compaction(hosted, error);
                break;
            }
        } else if (!list_is_empty(&hosted->compact_waiters)) {
            /* A conversion wrote the file anew meanwhile; or nothing can be written now. */
            end_compaction(hosted, hosted->unsafe ? ovsdb_error(NULL, "%s", server_unsafe_text()) : NULL);
        }
    }
}

static void notice_changes(struct ovsdb_server *server)
{
    struct hosted_db *hosted;
    bool changed = server->remotes_stale;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        if (hosted->remotes_seen != hosted->db->n_commits) {
            hosted->remotes_seen = hosted->db->n_commits;
            changed |= hosted->db != server->server_db;
        }
    }
    if (changed) {
        server->remotes_stale = false;
        remotes_reconfigure(server);
    }
}

static void run_end_of_turn(struct loop_idle *idle)
{
    struct ovsdb_server *server = OBJECT_OF(idle, server, end_of_turn);
    server_run_triggers(server);
    notice_changes(server);
    flush_sessions(server, sync_all(server));
    step_compactions(server);
}

static void drop_stalled(struct ovsdb_server *server)
{
    struct server_remote *remote;
    HMAP_FOR_EACH (remote, node, &server->remotes) {
        struct server_session *session, *next;
        LIST_FOR_EACH_SAFE (session, next, node, &remote->sessions) {
            if (remote != server->local && !session_check_stall(session)) {
                jsonrpc_session_reconnect(session->rpc, "it does not take what it is sent");
            }
        }
    }
}

static void start_compaction(struct hosted_db *hosted)
{
    db_storage_compact_start(hosted->db->storage, wake_loop, hosted->server->loop);
    loop_turn_again(hosted->server->loop);
}

static void run_housekeeping(struct task *task)
{
    struct ovsdb_server *server = OBJECT_OF(task, server, housekeeping);
    struct hosted_db *hosted;
    drop_stalled(server);
    remotes_update_status(server);
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        if (hosted->db->storage && !hosted->unsafe &&
            db_storage_should_compact(hosted->db->storage, clock_ms())) {
            start_compaction(hosted);
        }
    }
    task_schedule_in(loop_tasks(server->loop), &server->housekeeping, HOUSEKEEPING);
}

/* Life. */

static char *create_file(const char *file, struct ovsdb_schema *(*schema)(void))
{
    struct log_file *log;
    struct ovsdb_error *error = log_file_open(&log, file, LOG_FILE_NEW);
    if (!error) {
        struct db *db = db_create(schema());
        error = db_write_file(db, log, NULL);
        error = error ? error : log_file_publish(log);
        if (error) {
            unlink(log_file_name(log));
        }
        db_destroy(db);
        log_file_close(log);
    }
    return ovsdb_error_to_text_free(error);
}

struct ovsdb_server *ovsdb_server_create(struct loop *loop, const struct ovsdb_server_options *options,
                                         char **errorp)
{
    struct ovsdb_server *server = xzalloc(sizeof *server);
    char *error = NULL;
    server->loop = loop;
    list_init(&server->dbs);
    list_init(&server->dirty_sessions);
    hmap_init(&server->locks);
    hmap_init(&server->remotes);
    uuid_generate(&server->server_id);
    task_init(&server->timeout, "ovsdb wait", run_timeout);
    task_init(&server->rescue, "ovsdb rescue", run_rescue);
    task_init(&server->housekeeping, "ovsdb housekeeping", run_housekeeping);
    server->private_key = xstrdup_or_null(options->private_key);
    server->certificate = xstrdup_or_null(options->certificate);
    server->ca_cert = xstrdup_or_null(options->ca_cert);
    server->bootstrap_ca_cert = options->bootstrap_ca_cert;
    loop_add_idle(loop, &server->end_of_turn, run_end_of_turn);
    server->server_db = db_create(ovsdb_server_schema());
    for (size_t i = 0; !error && i < options->n_databases; i++) {
        if (!i && options->create_schema && access(options->databases[0], F_OK) && errno == ENOENT) {
            error = create_file(options->databases[0], options->create_schema);
        }
        error = error ? error : ovsdb_server_add_db(server, options->databases[i]);
        if (!error && !i && options->create_schema) {
            struct hosted_db *first = OBJECT_OF(server->dbs.next, first, node);
            server_upgrade(first, options->create_schema());
        }
    }
    host(server, server->server_db);
    for (size_t i = 0; !error && i < options->n_remotes; i++) {
        error = ovsdb_server_add_remote(server, options->remotes[i]);
    }
    if (error) {
        *errorp = error;
        ovsdb_server_destroy(server);
        return NULL;
    }
    remotes_reconfigure(server);
    task_schedule_in(loop_tasks(loop), &server->housekeeping, HOUSEKEEPING);
    *errorp = NULL;
    return server;
}

void ovsdb_server_destroy(struct ovsdb_server *server)
{
    if (server) {
        flush_sessions(server, sync_all(server));
        remotes_destroy(server);
        task_cancel(&server->timeout);
        task_cancel(&server->rescue);
        task_cancel(&server->housekeeping);
        loop_remove_idle(&server->end_of_turn);
        bool hosted_server_db = false;
        while (!list_is_empty(&server->dbs)) {
            struct hosted_db *hosted = OBJECT_OF(server->dbs.next, hosted, node);
            hosted_server_db |= hosted->db == server->server_db;
            unhost(hosted);
        }
        if (!hosted_server_db) {
            db_destroy(server->server_db);
        }
        hmap_fini(&server->locks);
        hmap_fini(&server->remotes);
        for (size_t i = 0; i < server->n_remote_names; i++) {
            free(server->remote_names[i]);
        }
        free(server->remote_names);
        free(server->private_key);
        free(server->certificate);
        free(server->ca_cert);
        free(server);
    }
}

struct loop *ovsdb_server_loop(struct ovsdb_server *server)
{
    return server->loop;
}

void ovsdb_server_add_session(struct ovsdb_server *server, int fd, const char *name)
{
    session_create(server, server->local, stream_from_fd(fd, name));
}

char *ovsdb_server_add_remote(struct ovsdb_server *server, const char *remote)
{
    char *error = remote_check(server, remote);
    if (error) {
        return error;
    }
    for (size_t i = 0; i < server->n_remote_names; i++) {
        if (!strcmp(server->remote_names[i], remote)) {
            return NULL;
        }
    }
    server->remote_names = xrealloc(server->remote_names, (server->n_remote_names + 1) * sizeof(char *));
    server->remote_names[server->n_remote_names++] = xstrdup(remote);
    server->remotes_stale = true;
    loop_turn_again(server->loop);
    return NULL;
}

char *ovsdb_server_remove_remote(struct ovsdb_server *server, const char *remote)
{
    for (size_t i = 0; i < server->n_remote_names; i++) {
        if (!strcmp(server->remote_names[i], remote)) {
            free(server->remote_names[i]);
            server->remote_names[i] = server->remote_names[--server->n_remote_names];
            server->remotes_stale = true;
            loop_turn_again(server->loop);
            return NULL;
        }
    }
    return xasprintf("no such remote");
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted_lines(char **texts, size_t n)
{
    struct strbuf s = STRBUF_INITIALIZER;
    qsort(texts, n, sizeof(char *), compare_texts);
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(&s, "%s\n", texts[i]);
    }
    return strbuf_steal(&s);
}

char *ovsdb_server_list_dbs(const struct ovsdb_server *server)
{
    size_t n = 0;
    char **names = xmalloc(list_size(&server->dbs) * sizeof(char *));
    struct hosted_db *hosted;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        names[n++] = hosted->db->name;
    }
    char *text = sorted_lines(names, n);
    free(names);
    return text;
}

char *ovsdb_server_list_remotes(const struct ovsdb_server *server)
{
    char **names = xmemdup(server->remote_names, server->n_remote_names * sizeof(char *));
    char *text = sorted_lines(names, server->n_remote_names);
    free(names);
    return text;
}

void ovsdb_server_compact(struct ovsdb_server *server, const char *name,
                          void (*done)(const char *error, void *aux), void *aux)
{
    struct hosted_db *hosted, *last = NULL;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        if (name && strcmp(name, hosted->db->name)) {
            continue;
        }
        if (hosted->db->storage) {
            LOG_INFO("compacting %s database by user request", hosted->db->name);
            start_compaction(hosted);
            last = hosted;
        } else if (name) {
            done("cannot compact built-in databases", aux);
            return;
        }
    }
    if (!last) {
        done(name ? "no database by that name" : NULL, aux);
        return;
    }
    /* Of several, the last one's end is told. */
    struct compact_waiter *waiter = xmalloc(sizeof *waiter);
    *waiter = (struct compact_waiter){.done = done, .aux = aux};
    list_push_back(&last->compact_waiters, &waiter->node);
}

void ovsdb_server_reconnect_all(struct ovsdb_server *server)
{
    struct server_remote *remote;
    HMAP_FOR_EACH (remote, node, &server->remotes) {
        struct server_session *session, *next;
        LIST_FOR_EACH_SAFE (session, next, node, &remote->sessions) {
            if (remote != server->local) {
                jsonrpc_session_reconnect(session->rpc, "user request");
            }
        }
    }
}

void ovsdb_server_disable_monitor_cond(struct ovsdb_server *server)
{
    server->monitor_cond_disabled = true;
    ovsdb_server_reconnect_all(server);
}

char *ovsdb_server_storage_status(const struct ovsdb_server *server, const char *name, char **error)
{
    struct hosted_db *hosted = server_find_db(server, name);
    *error = hosted ? NULL : xstrdup("Failed to find the database.");
    return !hosted          ? NULL
           : hosted->unsafe ? xasprintf("status: I/O error: %s", server_unsafe_text())
                            : xstrdup("status: ok");
}

static size_t count_atoms(const struct db_table *t)
{
    const struct ovsdb_table_schema *ts = t->schema;
    size_t n = 2 * db_table_count(t); /* _uuid and _version */
    const struct db_row *row;
    HMAP_FOR_EACH (row, node, &t->rows) {
        for (size_t i = 0; i < ts->n_columns; i++) {
            n += row->columns[i]->n * (ovsdb_type_is_map(&ts->columns[i]->type) ? 2 : 1);
        }
    }
    return n;
}

char *ovsdb_server_memory(const struct ovsdb_server *server)
{
    struct strbuf s = STRBUF_INITIALIZER;
    size_t atoms = 0, cells = 0, monitors = 0, triggers = 0, weak_refs = 0, backlog = 0;
    struct hosted_db *hosted;
    LIST_FOR_EACH (hosted, node, &server->dbs) {
        for (size_t i = 0; i < hosted->db->schema->n_tables; i++) {
            const struct db_table *t = hosted->db->tables[i];
            atoms += count_atoms(t);
            cells += db_table_count(t) * (t->schema->n_columns + 2);
        }
        triggers += list_size(&hosted->triggers);
        weak_refs += hmap_count(&hosted->db->weak_by_dst);
    }
    struct server_remote *remote;
    HMAP_FOR_EACH (remote, node, &server->remotes) {
        struct server_session *session;
        LIST_FOR_EACH (session, node, &remote->sessions) {
            monitors += list_size(&session->monitors);
            backlog += jsonrpc_session_backlog(session->rpc) + session->out.len;
        }
    }
    strbuf_printf(&s, "atoms:%zu ", atoms);
    if (backlog) {
        strbuf_printf(&s, "backlog:%zu ", backlog);
    }
    strbuf_printf(&s, "cells:%zu monitors:%zu n-weak-refs:%zu", cells, monitors, weak_refs);
    if (server->n_sessions) {
        strbuf_printf(&s, " sessions:%zu", server->n_sessions);
    }
    if (triggers) {
        strbuf_printf(&s, " triggers:%zu", triggers);
    }
    return strbuf_steal(&s);
}
