/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(connmgr);

#define MAX_SESSIONS 256 /* of one bridge: more wait in the kernel's queue */

struct ofservice *ofservice_create(const char *name, struct loop *loop,
                                   const struct ofconn_handlers *handlers, void *switch_)
{
    struct ofservice *s = xzalloc(sizeof *s);
    s->name = xstrdup(name);
    s->loop = loop;
    s->handlers = handlers;
    s->switch_ = switch_;
    s->versions = OFP_VERSIONS_ALL;
    list_init(&s->conns);
    return s;
}

void ofservice_destroy(struct ofservice *s)
{
    if (!s) {
        return;
    }
    struct ofconn *c, *next;
    LIST_FOR_EACH_SAFE (c, next, node, &s->conns) {
        ofconn_destroy(c);
    }
    listener_close(s->listener);
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

size_t ofservice_n_sessions(const struct ofservice *s)
{
    return list_size(&s->conns);
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

static void accepted(struct stream *stream, void *aux)
{
    struct ofservice *s = aux;
    if (ofservice_n_sessions(s) >= MAX_SESSIONS) {
        LOG_WARN("%s: refusing a session: there are %d already", s->name, MAX_SESSIONS);
        stream_close(stream);
        return;
    }
    ofconn_create(s, stream);
}

int ofservice_listen_unix(struct ofservice *s, const char *file)
{
    char *name = xasprintf("punix:%s", file), *error = NULL;
    int code = listener_open(name, 0, 0, s->loop, accepted, s, &s->listener, &error);
    if (code) {
        LOG_ERR("%s: cannot listen on %s: %s", s->name, name, error ? error : error_text(code));
    }
    free(error);
    free(name);
    return code;
}
