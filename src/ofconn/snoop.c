/* SPDX-License-Identifier: Apache-2.0 */
/* Onlookers. Who connects to BRIDGE.snoop gets a copy of every message between the switch and one controller:
 * the primary if there is one, else the best. It stays with that controller over reconnections. One that does
 * not read misses messages. */
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(connmgr);

#define BACKLOG_MAX (1u << 20)

static int rank(const struct ofconn *c)
{
    return c->role == ROLE_PRIMARY ? 3 : c->role == ROLE_EQUAL ? 2 : 1;
}

void snoop_accepted(struct stream *stream, void *service)
{
    struct ofservice *s = service;
    struct ofconn *c, *best = NULL;
    LIST_FOR_EACH (c, node, &s->conns) {
        if (c->primary && c->version && c == c->controller->conn && (!best || rank(c) > rank(best))) {
            best = c;
        }
    }
    if (!best) {
        LOG_INFO("%s: no controller connection to snoop", s->name);
        stream_close(stream);
        return;
    }
    if (!best->n_snoopers++) {
        best->snooped = best->out.len;
    }
    ofconn_create(s, best->controller, stream, true);
}

void snoop_begin(struct ofconn *c)
{
    const struct ofconn *snooper;
    LIST_FOR_EACH (snooper, node, &c->service->snoopers) {
        c->n_snoopers += snooper->controller == c->controller;
    }
}

static void copy(struct ofconn *c, const uint8_t *data, size_t len)
{
    struct ofconn *snooper;
    LIST_FOR_EACH (snooper, node, &c->service->snoopers) {
        if (snooper->controller == c->controller && snooper->version &&
            ofconn_backlog(snooper) < BACKLOG_MAX) {
            bytebuf_put(&snooper->out, data, len);
            ofconn_send_soon(snooper);
        }
    }
}

void snoop_sent(struct ofconn *c)
{
    size_t from = c->snooped;
    c->snooped = c->out.len;
    if (c->out.len > from) {
        copy(c, c->out.data + from, c->out.len - from);
    }
}

void snoop_copy(struct ofconn *c, const uint8_t *data, size_t len)
{
    snoop_sent(c);
    copy(c, data, len);
}

void snoop_end(struct ofconn *snooper)
{
    struct ofconn *c = snooper->controller ? snooper->controller->conn : NULL;
    if (c && c->n_snoopers) {
        c->n_snoopers--;
    }
}

void snoop_end_all(struct ofservice *s, const struct ofcontroller *controller)
{
    struct ofconn *snooper;
    LIST_FOR_EACH (snooper, node, &s->snoopers) {
        if (snooper->controller == controller) {
            snooper->controller = NULL;
            ofconn_end_soon(snooper);
        }
    }
}
