/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(connmgr);

#define MAX_SESSIONS 256 /* by BRIDGE.mgmt, and by BRIDGE.snoop: more are refused */

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 20);

struct ofservice *ofservice_create(const char *name, struct loop *loop,
                                   const struct ofconn_handlers *handlers, void *switch_)
{
    struct ofservice *s = xzalloc(sizeof *s);
    s->name = xstrdup(name);
    s->loop = loop;
    s->handlers = handlers;
    s->switch_ = switch_;
    s->versions = OFP_VERSIONS_ALL;
    list_init(&s->controllers);
    list_init(&s->conns);
    list_init(&s->snoopers);
    fail_open_init(s);
    ofservice_set_bundle_idle(s, 0);
    return s;
}

static void destroy_conns(struct list *conns)
{
    struct ofconn *c, *next;
    LIST_FOR_EACH_SAFE (c, next, node, conns) {
        ofconn_destroy(c);
    }
}

void ofservice_destroy(struct ofservice *s)
{
    if (!s) {
        return;
    }
    struct ofcontroller *t, *next;
    s->status_changed = NULL;
    s->fail_open.standalone = false;
    LIST_FOR_EACH_SAFE (t, next, node, &s->controllers) {
        controller_destroy(t);
    }
    destroy_conns(&s->snoopers);
    destroy_conns(&s->conns);
    listener_close(s->mgmt);
    listener_close(s->snoop);
    in_band_destroy(s);
    fail_open_fini(s);
    free(s->name);
    free(s);
}

void ofservice_set_versions(struct ofservice *s, unsigned versions)
{
    s->versions = versions;
    struct ofconn *c, *next;
    LIST_FOR_EACH_SAFE (c, next, node, &s->conns) {
        if (c->version && !(versions & OFP_VERSION_BIT(c->version))) {
            ofconn_destroy(c);
        }
    }
}

void ofservice_for_each(struct ofservice *s, void (*each)(struct ofconn *, void *aux), void *aux)
{
    struct ofconn *c;
    LIST_FOR_EACH (c, node, &s->conns) {
        if (c->version) {
            each(c, aux);
        }
    }
}

static void mgmt_accepted(struct stream *stream, void *aux)
{
    struct ofservice *s = aux;
    const struct ofconn *c;
    size_t n = 0;
    LIST_FOR_EACH (c, node, &s->conns) {
        n += !c->controller;
    }
    if (n >= MAX_SESSIONS) {
        LOG_WARN_RL(&rl, "%s: refusing a session: there are %d already", s->name, MAX_SESSIONS);
        stream_close(stream);
        return;
    }
    ofconn_create(s, NULL, stream, false);
}

static void some_snoop_accepted(struct stream *stream, void *aux)
{
    struct ofservice *s = aux;
    if (list_size(&s->snoopers) >= MAX_SESSIONS) {
        LOG_WARN_RL(&rl, "%s: refusing an onlooker: there are %d already", s->name, MAX_SESSIONS);
        stream_close(stream);
        return;
    }
    snoop_accepted(stream, s);
}

static void listen_unix(struct ofservice *s, const char *directory, const char *what,
                        void (*accepted)(struct stream *, void *aux), struct listener **listener)
{
    char *name = xasprintf("punix:%s/%s.%s", directory, s->name, what), *error = NULL;
    int code = listener_open(name, 0, 0, s->loop, accepted, s, listener, &error);
    if (code) {
        LOG_ERR("%s: cannot listen on %s: %s", s->name, name, error ? error : error_text(code));
    }
    free(error);
    free(name);
}

void ofservice_listen_local(struct ofservice *s, const char *directory)
{
    listen_unix(s, directory, "mgmt", mgmt_accepted, &s->mgmt);
    listen_unix(s, directory, "snoop", some_snoop_accepted, &s->snoop);
}
