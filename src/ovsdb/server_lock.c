/* SPDX-License-Identifier: Apache-2.0 */
/* Locks (RFC 7047 section 4.1.8): a queue of sessions behind each name. They belong to the server, not to one
 * of its databases. */
#include <stdlib.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"
#include "ovsdb/schema.h"
#include "ovsdb/server_private.h"

static struct server_lock *find_lock(const struct ovsdb_server *server, const char *name)
{
    struct server_lock *lock;
    HMAP_FOR_EACH_WITH_HASH (lock, node, hash_string(name, 0), &server->locks) {
        if (!strcmp(lock->name, name)) {
            return lock;
        }
    }
    return NULL;
}

static struct lock_waiter *owner(const struct server_lock *lock)
{
    struct lock_waiter *w;
    return list_is_empty(&lock->waiters) ? NULL : OBJECT_OF(lock->waiters.next, w, node);
}

static struct lock_waiter *find_waiter(const struct server_session *session, const char *name)
{
    struct lock_waiter *w;
    LIST_FOR_EACH (w, session_node, &session->lock_waiters) {
        if (!strcmp(w->lock->name, name)) {
            return w;
        }
    }
    return NULL;
}

bool lock_is_held(const struct server_session *session, const char *name)
{
    const struct lock_waiter *w = find_waiter(session, name);
    return w && owner(w->lock) == w;
}

static void notify(struct lock_waiter *w, const char *method)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "{\"id\":null,\"method\":\"%s\",\"params\":[\"%s\"]}", method, w->lock->name);
    session_put(w->session, s.text, s.len);
    strbuf_fini(&s);
}

static const char *lock_name(const struct jsonrpc_msg *msg, struct server_session *session)
{
    const char *name;
    if (json_length(msg->params) != 1 || !json_is_string(json_element(msg->params, 0), &name) ||
        !ovsdb_is_id(name)) {
        session_reply_error(
            session, msg->id,
            ovsdb_syntax_error(msg->params, NULL, "%s request params must be <id>", msg->method));
        return NULL;
    }
    return name;
}

void lock_request(struct server_session *session, const struct jsonrpc_msg *msg, bool steal)
{
    struct ovsdb_server *server = session->server;
    const char *name = lock_name(msg, session);
    if (!name) {
        return;
    }
    if (find_waiter(session, name)) {
        session_reply_error(
            session, msg->id,
            ovsdb_syntax_error(msg->params, NULL, "must issue \"unlock\" before new \"%s\"", msg->method));
        return;
    }
    struct server_lock *lock = find_lock(server, name);
    if (!lock) {
        lock = xzalloc(sizeof *lock);
        lock->name = xstrdup(name);
        list_init(&lock->waiters);
        hmap_insert(&server->locks, &lock->node, hash_string(name, 0));
    }
    struct lock_waiter *w = xzalloc(sizeof *w), *victim = owner(lock);
    w->lock = lock;
    lock->refs++;
    w->session = session;
    w->stole = steal;
    w->queued = true;
    list_push_back(&session->lock_waiters, &w->session_node);
    if (steal) {
        list_push_front(&lock->waiters, &w->node);
    } else {
        list_push_back(&lock->waiters, &w->node);
    }
    session_reply(session, msg->id, owner(lock) == w ? "{\"locked\":true}" : "{\"locked\":false}");
    if (steal && victim) {
        notify(victim, "stolen");
        if (victim->stole) {
            list_remove(&victim->node);
            victim->queued = false;
        }
    }
}

/* Whoever is first in the queue then is told that the lock is his, as the reference's server does, also if it
 * was before; a lock that nobody asks for is gone. */
static void waiter_destroy(struct lock_waiter *w)
{
    struct server_lock *lock = w->lock;
    struct ovsdb_server *server = w->session->server;
    list_remove(&w->session_node);
    if (w->queued) {
        list_remove(&w->node);
        if (owner(lock)) {
            notify(owner(lock), "locked");
        }
    }
    free(w);
    if (!--lock->refs) {
        hmap_remove(&server->locks, &lock->node);
        free(lock->name);
        free(lock);
    }
}

void lock_release(struct server_session *session, const struct jsonrpc_msg *msg)
{
    const char *name = lock_name(msg, session);
    if (!name) {
        return;
    }
    struct lock_waiter *w = find_waiter(session, name);
    if (!w) {
        session_reply_error(
            session, msg->id,
            ovsdb_syntax_error(msg->params, NULL, "unlock: \"unlock\" without \"lock\" or \"steal\""));
        return;
    }
    waiter_destroy(w);
    session_reply(session, msg->id, "{}");
}

void lock_session_ends(struct server_session *session)
{
    while (!list_is_empty(&session->lock_waiters)) {
        struct lock_waiter *w = OBJECT_OF(session->lock_waiters.next, w, session_node);
        waiter_destroy(w);
    }
}
