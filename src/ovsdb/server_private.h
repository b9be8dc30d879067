/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What the server's files share: server.c (databases, the turn, threads), server_session.c (sessions
 * and requests), server_remote.c (listeners, connections, what the database says about them), server_lock.c.
 * Thread-safety: the server's loop. */
#ifndef OVSDB_SERVER_PRIVATE_H
#define OVSDB_SERVER_PRIVATE_H 1

#include "base/task.h"
#include "io/jsonrpc.h"
#include "io/loop.h"
#include "io/stream.h"
#include "ovsdb/db.h"
#include "ovsdb/monitor.h"
#include "ovsdb/server.h"

/* A database that is served. */
struct hosted_db {
    struct list node; /* in the server's `dbs` */
    struct ovsdb_server *server;
    struct db *db;
    struct ovsdb_monitor_hub *hub;
    struct list triggers;    /* struct trigger: transactions that wait */
    uint64_t triggers_tried; /* db->n_commits when they were last tried */
    uint64_t remotes_seen;   /* db->n_commits when `db:` remotes last looked at it */
    struct uuid row;         /* in _Server */
    bool unsafe; /* neither a sync nor a rewrite succeeded: what memory holds may not be on disk */
    struct list compact_waiters;
    struct tlog *tlog; /* NULL: no table's changes are logged */
};

/* Somebody who wants to know when a compaction is over. */
struct compact_waiter {
    struct list node; /* in the database's compact_waiters */
    void (*done)(const char *error, void *aux);
    void *aux;
};

/* A "transact" whose "wait" is not yet satisfied. */
struct trigger {
    struct list node;         /* in the database's triggers */
    struct list session_node; /* in the session's */
    struct hosted_db *hosted;
    struct server_session *session;
    struct json_object *id, *params;
    int64_t arrival_ms, deadline_ms;
};

struct server_lock {
    struct hmap_node node; /* in the server's `locks` */
    char *name;
    struct list waiters; /* struct lock_waiter; the first one owns the lock */
    unsigned refs;       /* waiters, those included that are not in the queue any more */
};
struct lock_waiter {
    struct list node;         /* in the lock's waiters */
    struct list session_node; /* in the session's */
    struct server_lock *lock;
    struct server_session *session;
    bool stole;  /* it asked by "steal": once robbed itself, it does not wait */
    bool queued; /* `node` is in the queue */
};

struct session_monitor {
    struct ovsdb_monitor monitor;
    struct list node; /* in the session's monitors */
    struct server_session *session;
    struct hosted_db *hosted;
    char *id; /* JSON */
};

struct server_session {
    struct list node; /* in its remote's sessions */
    struct ovsdb_server *server;
    struct server_remote *remote;
    struct jsonrpc_session *rpc;
    struct strbuf out;    /* replies and updates of this turn */
    struct list out_node; /* in the server's `dirty_sessions`, while `out` is not empty */
    struct list monitors, triggers, lock_waiters;
    bool db_change_aware;
    bool doomed; /* to be closed at the end of the turn */
    bool held;   /* `out` may speak of what is not on disk: it stays until it is */
};

/* How sessions of a remote are to be. */
struct remote_options {
    int probe_ms;   /* -1: the default */
    int backoff_ms; /* -1: the default */
    bool read_only;
};

/* One place that sessions come from: a listener, or a connection that we make. */
struct server_remote {
    struct hmap_node node; /* in the server's `remotes`, by name */
    struct ovsdb_server *server;
    char *name;
    struct remote_options options;
    bool wanted;               /* marked while the configuration is gone through */
    struct listener *listener; /* passive */
    struct task retry;         /* passive: to listen again */
    struct list sessions;
    unsigned n_connections; /* that ever came */
    int64_t last_connect_ms, last_disconnect_ms;
};

struct ovsdb_server {
    struct loop *loop;
    struct loop_idle end_of_turn;
    struct list dbs;
    struct db *server_db; /* _Server; hosted, too */
    struct uuid server_id;
    struct hmap locks;
    struct hmap remotes;
    char **remote_names; /* as configured, `db:` ones included */
    size_t n_remote_names;
    char *private_key, *certificate, *ca_cert; /* as configured */
    bool bootstrap_ca_cert;
    bool monitor_cond_disabled;
    bool remotes_stale;
    struct list dirty_sessions;
    size_t n_held; /* of them, at the end of the last turn */
    size_t n_sessions;
    struct task timeout;         /* the earliest trigger's */
    struct task housekeeping;    /* statuses, compaction when it is due */
    struct task rescue;          /* while a database is `unsafe` */
    struct server_remote *local; /* sessions over socket pairs */
};

/* server.c */
struct hosted_db *server_find_db(const struct ovsdb_server *, const char *name);
void server_run_triggers(struct ovsdb_server *);
const char *server_unsafe_text(void); /* why a transaction is refused while its database is unsafe */
struct ovsdb_error *server_convert_to(struct ovsdb_server *, struct hosted_db *,
                                      struct ovsdb_schema *); /* takes it */
struct ovsdb_error *server_convert(struct ovsdb_server *, struct hosted_db *,
                                   const struct json_object *schema);

/* server_upgrade.c: converts the database, if its schema is an older version of WANT, which is taken. Its
 * file is copied before, to FILE.backupVERSION-CKSUM. What cannot be converted stays as it is, with a
 * warning. */
void server_upgrade(struct hosted_db *, struct ovsdb_schema *want);

/* server_session.c */
struct server_session *session_create(struct ovsdb_server *, struct server_remote *, struct stream *);
struct server_session *session_create_active(struct ovsdb_server *, struct server_remote *);
void session_destroy(struct server_session *);
void session_put(struct server_session *, const char *text, size_t n); /* queued until the end of the turn */
void session_flush(struct server_session *);
/* False if it is to be ended: it does not take what it is sent. */
bool session_check_stall(struct server_session *);
bool session_run_trigger(struct trigger *, int64_t now_ms); /* true: answered, and gone */
void trigger_destroy(struct trigger *);
/* Its monitors of that database end; a client that does not know of such things is disconnected. */
/* There are other databases now: who did not say that he notices by himself (set_db_change_aware) is
 * disconnected, as ovsdb-server(7) has it. Called by session_db_is_going(). */
void session_dbs_changed(struct server_session *);
void session_db_is_going(struct server_session *, struct hosted_db *);

/* server_lock.c */
bool lock_is_held(const struct server_session *, const char *name);
void lock_request(struct server_session *, const struct jsonrpc_msg *, bool steal);
void lock_release(struct server_session *, const struct jsonrpc_msg *);
void lock_session_ends(struct server_session *);
void session_reply(struct server_session *, const struct json_object *id, const char *result);
void session_reply_error(struct server_session *, const struct json_object *id, struct ovsdb_error *);
void session_reply_error_json(struct server_session *, const struct json_object *id, const char *error);

/* server_tlog.c */
void tlog_forget(struct hosted_db *);

/* server_remote.c */
void remotes_reconfigure(struct ovsdb_server *);
void remotes_update_status(struct ovsdb_server *);
void remotes_destroy(struct ovsdb_server *);
char *remote_check(const struct ovsdb_server *, const char *name);

#endif
