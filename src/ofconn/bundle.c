/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: messages that are kept until they are committed together, or discarded. They are the session's. */
#include <stdlib.h>

#include "base/alloc.h"
#include "ofconn/private.h"

#define MAX_BUNDLES      64
#define MAX_BUNDLE_BYTES (256u << 20)

struct bundle {
    struct list node; /* in the session's */
    uint32_t id;
    uint16_t flags;
    bool closed;
    struct bytebuf messages; /* one after the other */
};

static struct bundle *find_bundle(struct ofconn *c, uint32_t id)
{
    struct bundle *b;
    LIST_FOR_EACH (b, node, &c->bundles) {
        if (b->id == id) {
            return b;
        }
    }
    return NULL;
}

static void bundle_destroy(struct bundle *b)
{
    list_remove(&b->node);
    bytebuf_fini(&b->messages);
    free(b);
}

void ofconn_bundles_clear(struct ofconn *c)
{
    struct bundle *b, *next;
    LIST_FOR_EACH_SAFE (b, next, node, &c->bundles) {
        bundle_destroy(b);
    }
}

/* A new one, or why not. */
static enum ofperr open_bundle(struct ofconn *c, uint32_t id, uint16_t flags, struct bundle **bundle)
{
    if (find_bundle(c, id)) {
        return OFPERR_OFPBFC_BAD_ID;
    }
    if (list_size(&c->bundles) >= MAX_BUNDLES) {
        return OFPERR_OFPBFC_OUT_OF_BUNDLES;
    }
    struct bundle *b = xzalloc(sizeof *b);
    b->id = id;
    b->flags = flags;
    list_push_back(&c->bundles, &b->node);
    *bundle = b;
    return OFPERR_NONE;
}

/* All of it takes effect, or nothing. The error of the message at fault goes out with its own number; the
 * commit then fails as a whole. */
static enum ofperr commit(struct ofconn *c, const struct bundle *b)
{
    const struct ofservice *s = c->service;
    if (!b->messages.len) {
        return OFPERR_NONE;
    }
    if (c->role == ROLE_SECONDARY) {
        return OFPERR_OFPBRC_IS_SECONDARY;
    }
    size_t failed = 0;
    enum ofperr error =
        s->handlers->commit ? s->handlers->commit(c, &b->messages, s->switch_, &failed) : OFPERR_OFPBFC_EPERM;
    if (error) {
        const uint8_t *message = b->messages.data + failed;
        ofp_error_encode(&c->out, error, c->version, message, ofp_msg_len(message));
        return OFPERR_OFPBFC_MSG_FAILED;
    }
    return OFPERR_NONE;
}

enum ofperr ofconn_bundle_control(struct ofconn *c, const struct ofp_msg *m)
{
    struct bundle_control bc;
    enum ofperr error = bundle_control_decode(m, &bc);
    if (error) {
        return error;
    }
    struct bundle *b = find_bundle(c, bc.bundle_id);
    switch (bc.type) {
    case BUNDLE_OPEN_REQUEST:
        error = open_bundle(c, bc.bundle_id, bc.flags, &b);
        break;
    case BUNDLE_CLOSE_REQUEST:
        error = !b                     ? OFPERR_OFPBFC_BAD_ID
                : b->closed            ? OFPERR_OFPBFC_BUNDLE_CLOSED
                : b->flags != bc.flags ? OFPERR_OFPBFC_BAD_FLAGS
                                       : OFPERR_NONE;
        if (b) {
            b->closed = true;
        }
        break;
    case BUNDLE_COMMIT_REQUEST:
        error = !b ? OFPERR_OFPBFC_BAD_ID : b->flags != bc.flags ? OFPERR_OFPBFC_BAD_FLAGS : commit(c, b);
        if (b) {
            bundle_destroy(b);
        }
        break;
    case BUNDLE_DISCARD_REQUEST:
        if (!b) {
            return OFPERR_OFPBFC_BAD_ID;
        }
        bundle_destroy(b);
        break;
    default:
        return OFPERR_OFPBFC_BAD_TYPE;
    }
    if (!error) {
        if (bc.type == BUNDLE_COMMIT_REQUEST) {
            ofconn_reply_when_settled(c);
        }
        bc.type++;
        bundle_control_encode(&c->out, &bc, m->version, m->xid);
    }
    return error;
}

enum ofperr ofconn_bundle_add(struct ofconn *c, const struct ofp_msg *m)
{
    uint32_t id;
    uint16_t flags;
    struct ofp_msg inner;
    enum ofperr error = bundle_add_decode(m, &id, &flags, &inner);
    if (error) {
        return error;
    }
    struct bundle *b = find_bundle(c, id);
    if (!b) {
        error = open_bundle(c, id, flags, &b);
        if (error) {
            return error;
        }
    }
    if (b->closed || b->flags != flags) {
        return b->closed ? OFPERR_OFPBFC_BUNDLE_CLOSED : OFPERR_OFPBFC_BAD_FLAGS;
    }
    const struct ofservice *s = c->service;
    error = s->handlers->check_bundled ? s->handlers->check_bundled(c, &inner, s->switch_)
                                       : OFPERR_OFPBFC_MSG_UNSUP;
    if (error) {
        return error;
    }
    if (b->messages.len + inner.len > MAX_BUNDLE_BYTES) {
        return OFPERR_OFPBFC_MSG_TOO_MANY;
    }
    bytebuf_put(&b->messages, inner.raw, inner.len);
    return OFPERR_NONE;
}
