/* SPDX-License-Identifier: Apache-2.0 */
/* CONTROLLER_STATUS of OpenFlow 1.5: which controllers there are, whether they are connected, and in which
 * role; told when asked for, and to who wants to hear of it, when it changes. A controller is a target that
 * the switch connects to, or a session of one that it listens on. */
#include <string.h>

#include "ofconn/private.h"

static void describe(const struct ofcontroller *t, const struct ofconn *c, uint8_t reason,
                     struct controller_status *cs)
{
    *cs = (struct controller_status){.role = ROLE_NOCHANGE, .reason = reason};
    cs->uri = t && !t->passive ? t->target : stream_name(c->stream);
    cs->uri_len = strlen(cs->uri);
    if (c && c->version) {
        cs->short_id = c->short_id;
        cs->role = c->role;
        cs->is_up = true;
    }
}

static void encode(struct ofconn *c, struct bytebuf *b, const void *status)
{
    if (ofp_msg_exists(OFPTYPE_CONTROLLER_STATUS, c->version)) {
        size_t start = ofp_msg_begin(b, OFPTYPE_CONTROLLER_STATUS, c->version, 0);
        controller_status_encode(b, status);
        ofp_msg_end(b, start);
    }
}

void controller_status_changed(const struct ofcontroller *t, const struct ofconn *c, bool is_up,
                               enum controller_status_reason reason)
{
    struct controller_status cs;
    if (!t || (t->passive && !c)) {
        return;
    }
    describe(t, c, reason, &cs);
    cs.is_up &= is_up;
    ofservice_send_async(t->service, ASYNC_CONTROLLER_STATUS, reason, NULL, encode, &cs);
}

/* Each goes into a message of its own: os-ken reads on over the end of a record. */
static void put(struct ofconn_multipart *reply, bool *first, const struct ofcontroller *t,
                const struct ofconn *c)
{
    struct controller_status cs;
    if (!*first) {
        ofconn_multipart_part(reply);
    }
    *first = false;
    describe(t, c, CONTROLLER_STATUS_REQUEST, &cs);
    controller_status_encode(ofconn_out(reply->conn), &cs);
    ofconn_multipart_next(reply);
}

enum ofperr ofconn_controller_status(struct ofconn *asker, const struct ofp_msg *m)
{
    const struct ofservice *s = asker->service;
    struct ofconn_multipart reply;
    const struct ofcontroller *t;
    const struct ofconn *c;
    bool first = true;
    ofconn_multipart_begin(&reply, asker, OFPTYPE_CONTROLLER_STATUS_REPLY, m);
    LIST_FOR_EACH (t, node, &s->controllers) {
        if (!t->passive) {
            put(&reply, &first, t, t->conn);
            continue;
        }
        LIST_FOR_EACH (c, node, &s->conns) {
            if (c->controller == t && c->version) {
                put(&reply, &first, t, c);
            }
        }
    }
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}
