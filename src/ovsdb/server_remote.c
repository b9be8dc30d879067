/* SPDX-License-Identifier: Apache-2.0 */
/* Where sessions come from: remotes given on the command line, and remotes that a column of a database lists
 * ("db:DB,TABLE,COLUMN"), whose rows may carry options and are told the state of their connections. TLS files
 * may come from the database, too. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/address.h"
#include "io/ssl.h"
#include "ovsdb/db_txn.h"
#include "ovsdb/server_private.h"

LOG_MODULE(ovsdb_server);

#define RETRY_LISTEN 1000 /* ms */
#define MAX_SESSIONS 8192

static void accepted(struct stream *stream, void *remote_)
{
    struct server_remote *remote = remote_;
    if (remote->server->n_sessions >= MAX_SESSIONS) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 5);
        static const char why[] =
            "{\"id\":null,\"method\":\"error\",\"params\":[\"too many sessions are open\"]}";
        size_t sent;
        LOG_WARN_RL(&rl, "%s: %d sessions are open, refusing another one", remote->name, MAX_SESSIONS);
        stream_send(stream, why, sizeof why - 1, &sent); /* a new connection has room for it */
        stream_close(stream);
        return;
    }
    session_create(remote->server, remote, stream);
}

static void try_listen(struct server_remote *remote)
{
    char *error = NULL;
    if (listener_open(remote->name, OVSDB_PORT, 0, remote->server->loop, accepted, remote, &remote->listener,
                      &error)) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 5);
        LOG_ERR_RL(&rl, "%s: listen failed: %s", remote->name, error ? error : "unknown error");
        free(error);
        remote->listener = NULL;
        task_schedule_in(loop_tasks(remote->server->loop), &remote->retry, RETRY_LISTEN);
    }
}

static void run_retry(struct task *task)
{
    struct server_remote *remote = OBJECT_OF(task, remote, retry);
    try_listen(remote);
}

static struct server_remote *find_remote(const struct ovsdb_server *server, const char *name)
{
    struct server_remote *remote;
    HMAP_FOR_EACH_WITH_HASH (remote, node, hash_string(name, 0), &server->remotes) {
        if (!strcmp(remote->name, name)) {
            return remote;
        }
    }
    return NULL;
}

static void remote_destroy(struct server_remote *remote)
{
    hmap_remove(&remote->server->remotes, &remote->node);
    task_cancel(&remote->retry);
    while (!list_is_empty(&remote->sessions)) {
        struct server_session *session = OBJECT_OF(remote->sessions.next, session, node);
        session_destroy(session);
    }
    listener_close(remote->listener);
    free(remote->name);
    free(remote);
}

void remotes_destroy(struct ovsdb_server *server)
{
    struct server_remote *remote;
    HMAP_FOR_EACH_SAFE (remote, node, &server->remotes) {
        remote_destroy(remote);
    }
}

static void want_remote(struct ovsdb_server *server, const char *name, const struct remote_options *options)
{
    struct server_remote *remote = find_remote(server, name);
    if (remote) {
        bool changed = memcmp(&remote->options, options, sizeof *options) != 0;
        remote->wanted = true;
        remote->options = *options;
        struct server_session *session;
        LIST_FOR_EACH (session, node, &remote->sessions) {
            if (changed && options->probe_ms >= 0) {
                jsonrpc_session_set_probe_interval(session->rpc, options->probe_ms);
            }
            if (changed && options->backoff_ms >= 0) {
                jsonrpc_session_set_max_backoff(session->rpc, options->backoff_ms);
            }
        }
        return;
    }
    remote = xzalloc(sizeof *remote);
    remote->server = server;
    remote->name = xstrdup(name);
    remote->options = *options;
    remote->wanted = true;
    remote->last_connect_ms = remote->last_disconnect_ms = INT64_MIN;
    list_init(&remote->sessions);
    task_init(&remote->retry, "ovsdb listen", run_retry);
    hmap_insert(&server->remotes, &remote->node, hash_string(name, 0));
    if (stream_name_is_passive(name)) {
        try_listen(remote);
    } else if (strcmp(name, "local")) {
        session_create_active(server, remote);
    } else {
        server->local = remote;
    }
}

/* "db:DB,TABLE,COLUMN" */

struct db_place {
    struct hosted_db *hosted;
    struct db_table *table;
    const struct ovsdb_column *column;
};

static char *parse_place(const struct ovsdb_server *server, const char *name, struct db_place *place)
{
    char *copy = xstrdup(name + 3), *save = NULL;
    const char *db = strtok_r(copy, ",", &save), *table = strtok_r(NULL, ",", &save);
    const char *column = strtok_r(NULL, ",", &save);
    char *error = NULL;
    memset(place, 0, sizeof *place);
    if (!db || !table || !column) {
        error = xasprintf("\"%s\": invalid syntax", name);
    } else if (!(place->hosted = server_find_db(server, db))) {
        error = xasprintf("\"%s\": no database named %s", name, db);
    } else if (!(place->table = db_table(place->hosted->db, table))) {
        error = xasprintf("\"%s\": no table named %s", name, table);
    } else if (!(place->column = ovsdb_table_column(place->table->schema, column))) {
        error = xasprintf("\"%s\": table \"%s\" has no column \"%s\"", name, table, column);
    }
    free(copy);
    return error;
}

static bool is_reference(const struct ovsdb_column *c)
{
    return c->type.key.type == OVSDB_UUID && c->type.key.uuid.ref_table && !ovsdb_type_is_map(&c->type);
}

char *remote_check(const struct ovsdb_server *server, const char *name)
{
    struct db_place place;
    if (!strncmp(name, "db:", 3)) {
        char *error = parse_place(server, name, &place);
        if (!error && !is_reference(place.column) &&
            (place.column->type.key.type != OVSDB_STRING || ovsdb_type_is_map(&place.column->type))) {
            error = xasprintf("\"%s\": type mismatch: not string or uuid to table", name);
        }
        return error;
    }
    return stream_name_is_passive(name) ? listener_check_name(name) : stream_check_name(name);
}

/* Columns of a remote's row, if they are there and of the type that is looked for. */
static const struct ovsdb_datum *row_column(const struct db_row *row, const char *name,
                                            enum ovsdb_atomic_type type, const struct ovsdb_column **cp)
{
    const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, name);
    if (!c || c->type.key.type != type || c->index >= row->table->schema->n_columns) {
        return NULL;
    }
    *cp = c;
    return row->columns[c->index];
}

static int row_integer(const struct db_row *row, const char *name, int default_)
{
    const struct ovsdb_column *c;
    const struct ovsdb_datum *d = row_column(row, name, OVSDB_INTEGER, &c);
    return d && d->n ? (int)MIN(MAX(ovsdb_datum_key(d, &c->type, 0).integer, 0), INT32_MAX) : default_;
}

static const char *row_string(const struct db_row *row, const char *name)
{
    const struct ovsdb_column *c;
    const struct ovsdb_datum *d = row_column(row, name, OVSDB_STRING, &c);
    return d && d->n && !ovsdb_type_is_map(&c->type) ? ovsdb_datum_key(d, &c->type, 0).string->text : NULL;
}

static const struct remote_options default_options = {.probe_ms = -1, .backoff_ms = -1, .read_only = false};

static void want_remote_row(struct ovsdb_server *server, const struct db_row *row)
{
    const char *target = row_string(row, "target");
    struct remote_options options = default_options;
    const struct ovsdb_column *c;
    if (!target || !*target) {
        return;
    }
    char *error = stream_name_is_passive(target) ? listener_check_name(target) : stream_check_name(target);
    if (error) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 1);
        LOG_WARN_RL(&rl, "%s: %s", target, error);
        free(error);
        return;
    }
    options.probe_ms = row_integer(row, "inactivity_probe", -1);
    options.backoff_ms = row_integer(row, "max_backoff", -1);
    const struct ovsdb_datum *read_only = row_column(row, "read_only", OVSDB_BOOLEAN, &c);
    options.read_only = read_only && read_only->n && ovsdb_datum_key(read_only, &c->type, 0).boolean;
    want_remote(server, target, &options);
}

/* Calls EACH for every row that a reference column of PLACE leads to, or FOR_TEXT for its strings. */
static void walk_place(const struct db_place *place, void (*each)(struct ovsdb_server *, struct db_row *),
                       void (*for_text)(struct ovsdb_server *, const char *))
{
    struct ovsdb_server *server = place->hosted->server;
    const struct ovsdb_column *c = place->column;
    struct db_row *row;
    HMAP_FOR_EACH (row, node, &place->table->rows) {
        const struct ovsdb_datum *d = row->columns[c->index];
        for (size_t i = 0; i < d->n; i++) {
            union ovsdb_atom a = ovsdb_datum_key(d, &c->type, i);
            if (is_reference(c)) {
                struct db_row *target =
                    db_table_row(place->hosted->db->tables[c->type.key.uuid.ref_table->index], &a.uuid);
                if (target && each) {
                    each(server, target);
                }
            } else if (for_text) {
                for_text(server, a.string->text);
            }
        }
    }
}

static void want_row(struct ovsdb_server *server, struct db_row *row)
{
    want_remote_row(server, row);
}

static void want_text(struct ovsdb_server *server, const char *name)
{
    want_remote(server, name, &default_options);
}

static char *configured_file(struct ovsdb_server *server, const char *name)
{
    struct db_place place;
    if (!name || strncmp(name, "db:", 3)) {
        return xstrdup_or_null(name);
    }
    char *error = parse_place(server, name, &place);
    char *value = NULL;
    if (error) {
        static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 1);
        LOG_WARN_RL(&rl, "%s", error);
        free(error);
    } else if (place.column->type.key.type == OVSDB_STRING) {
        struct db_row *row;
        HMAP_FOR_EACH (row, node, &place.table->rows) {
            const char *text = row_string(row, place.column->name);
            if (text && *text && !value) {
                value = xstrdup(text);
            }
        }
    }
    return value;
}

/* The row that names the CA certificate may say that it is to be fetched from the first peer. */
static bool wants_bootstrap(const struct ovsdb_server *server)
{
    struct db_place place;
    bool wanted = server->bootstrap_ca_cert;
    if (!strncmp(server->ca_cert, "db:", 3)) {
        char *error = parse_place(server, server->ca_cert, &place);
        struct db_row *row;
        if (!error) {
            HMAP_FOR_EACH (row, node, &place.table->rows) {
                const struct ovsdb_column *c;
                const struct ovsdb_datum *d = row_column(row, "bootstrap_ca_cert", OVSDB_BOOLEAN, &c);
                wanted |= d && d->n && ovsdb_datum_key(d, &c->type, 0).boolean;
            }
        }
        free(error);
    }
    return wanted;
}

static void reconfigure_ssl(struct ovsdb_server *server)
{
    if (!server->private_key && !server->certificate && !server->ca_cert) {
        return;
    }
    char *key = configured_file(server, server->private_key);
    char *cert = configured_file(server, server->certificate);
    char *ca = configured_file(server, server->ca_cert);
    if (key && cert) {
        ssl_set_key_and_cert(key, cert);
    }
    if (ca) {
        ssl_set_ca_cert(ca, wants_bootstrap(server));
    }
    free(key);
    free(cert);
    free(ca);
}

void remotes_reconfigure(struct ovsdb_server *server)
{
    struct server_remote *remote;
    reconfigure_ssl(server);
    HMAP_FOR_EACH (remote, node, &server->remotes) {
        remote->wanted = false;
    }
    want_remote(server, "local", &default_options);
    for (size_t i = 0; i < server->n_remote_names; i++) {
        const char *name = server->remote_names[i];
        struct db_place place;
        if (strncmp(name, "db:", 3)) {
            want_remote(server, name, &default_options);
            continue;
        }
        char *error = parse_place(server, name, &place);
        if (error) {
            static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 1);
            LOG_WARN_RL(&rl, "%s", error);
            free(error);
        } else {
            walk_place(&place, want_row, want_text);
        }
    }
    HMAP_FOR_EACH_SAFE (remote, node, &server->remotes) {
        if (!remote->wanted) {
            remote_destroy(remote);
        }
    }
}

/* What the rows of remotes are told: `is_connected` and `status`. */

static void put_status(struct db_txn *txn, struct db_row *row, const char *column, struct ovsdb_datum *d)
{
    const struct ovsdb_column *c = ovsdb_table_column(row->table->schema, column);
    if (!ovsdb_datum_equal(d, row->columns[c->index], &c->type)) {
        row = db_txn_modify(txn, row);
        db_row_set(row, c, d);
    } else {
        ovsdb_datum_unref(d, &c->type);
    }
}

static void add_pair(struct ovsdb_datum_builder *b, const char *key, char *value)
{
    union ovsdb_atom v = {.string = ovsdb_string_create(value, strlen(value))};
    ovsdb_datum_builder_add(b, (union ovsdb_atom){.string = ovsdb_string_create(key, strlen(key))}, &v);
    free(value);
}

static size_t count_locks(const struct server_session *session, bool held, struct strbuf *names)
{
    struct lock_waiter *w;
    size_t n = 0;
    LIST_FOR_EACH (w, session_node, &session->lock_waiters) {
        if (w->queued && (w->lock->waiters.next == &w->node) == held) {
            strbuf_printf(names, "%s%s", names->len ? " " : "", w->lock->name);
            n++;
        }
    }
    return n;
}

static void add_status(struct ovsdb_datum_builder *b, const struct server_remote *remote)
{
    int64_t now = clock_ms();
    const struct server_session *session =
        list_is_empty(&remote->sessions) ? NULL : OBJECT_OF(remote->sessions.next, session, node);
    bool connected = session && jsonrpc_session_is_connected(session->rpc);
    add_pair(b, "state", xstrdup(session ? jsonrpc_session_state(session->rpc) : "LISTENING"));
    if (remote->listener && listener_port(remote->listener)) {
        add_pair(b, "bound_port", xasprintf("%u", listener_port(remote->listener)));
    }
    if (remote->listener && list_size(&remote->sessions) > 1) {
        add_pair(b, "n_connections", xasprintf("%zu", list_size(&remote->sessions)));
    }
    if (remote->last_connect_ms != INT64_MIN) {
        add_pair(b, "sec_since_connect", xasprintf("%" PRId64, (now - remote->last_connect_ms) / 1000));
    }
    if (remote->last_disconnect_ms != INT64_MIN) {
        add_pair(b, "sec_since_disconnect", xasprintf("%" PRId64, (now - remote->last_disconnect_ms) / 1000));
    }
    if (session && !connected && jsonrpc_session_last_error(session->rpc)) {
        add_pair(b, "last_error", xstrdup(error_text(jsonrpc_session_last_error(session->rpc))));
    }
    struct strbuf held = STRBUF_INITIALIZER, waiting = STRBUF_INITIALIZER;
    if (session && count_locks(session, true, &held)) {
        add_pair(b, "locks_held", xstrdup(held.text));
    }
    if (session && count_locks(session, false, &waiting)) {
        add_pair(b, "locks_waiting", xstrdup(waiting.text));
    }
    strbuf_fini(&held);
    strbuf_fini(&waiting);
}

static void update_row_status(struct ovsdb_server *server, struct db_txn *txn, struct db_row *row)
{
    const char *target = row_string(row, "target");
    const struct server_remote *remote = target ? find_remote(server, target) : NULL;
    const struct ovsdb_column *connected = ovsdb_table_column(row->table->schema, "is_connected");
    const struct ovsdb_column *status = ovsdb_table_column(row->table->schema, "status");
    bool is_connected = false;
    if (remote) {
        const struct server_session *session;
        LIST_FOR_EACH (session, node, &remote->sessions) {
            is_connected |= jsonrpc_session_is_connected(session->rpc);
        }
    }
    if (connected && connected->type.key.type == OVSDB_BOOLEAN && ovsdb_type_is_scalar(&connected->type)) {
        put_status(txn, row, "is_connected", ovsdb_datum_from_boolean(is_connected));
        row = row->txn_row ? row->txn_row->new : row;
    }
    if (status && remote && status->type.key.type == OVSDB_STRING &&
        status->type.value.type == OVSDB_STRING) {
        struct ovsdb_datum_builder b;
        ovsdb_datum_builder_init(&b, &status->type);
        add_status(&b, remote);
        put_status(txn, row, "status", ovsdb_datum_builder_finish_unique(&b));
    }
}

void remotes_update_status(struct ovsdb_server *server)
{
    for (size_t i = 0; i < server->n_remote_names; i++) {
        struct db_place place;
        char *error = strncmp(server->remote_names[i], "db:", 3)
                          ? xstrdup("")
                          : parse_place(server, server->remote_names[i], &place);
        if (error || !is_reference(place.column)) {
            free(error);
            continue;
        }
        struct db *db = place.hosted->db;
        struct db_txn *txn = db_txn_create(db);
        struct db_table *t = db->tables[place.column->type.key.uuid.ref_table->index];
        size_t n = 0;
        struct db_row *row, **rows = xmalloc((db_table_count(t) + 1) * sizeof(struct db_row *));
        HMAP_FOR_EACH (row, node, &t->rows) {
            rows[n++] = row;
        }
        for (size_t j = 0; j < n; j++) {
            update_row_status(server, txn, rows[j]);
        }
        free(rows);
        struct ovsdb_error *commit_error = db_txn_commit(txn);
        if (commit_error) {
            static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 1);
            char *text = ovsdb_error_to_text_free(commit_error);
            LOG_ERR_RL(&rl, "failed to update remote status: %s", text);
            free(text);
        }
    }
}
