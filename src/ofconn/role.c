/* SPDX-License-Identifier: Apache-2.0 */
/* Who is primary. Of many controllers at most one is; the generation id, which only grows, keeps a late
 * request of an election that is over from winning. */
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(connmgr);

static void encode_status(struct ofconn *c, struct bytebuf *b, const void *generation)
{
    const uint64_t *id = generation;
    role_status_encode(b, c->role, ROLE_STATUS_PRIMARY_REQUEST, *id, c->version);
}

static void set_role(struct ofconn *c, enum ofp_role role)
{
    if (role != c->role) {
        c->role = role;
        ofservice_status_changed(c->service);
        controller_status_changed(c->controller, c, true, CONTROLLER_STATUS_ROLE);
    }
}

/* C becomes the primary; who was it is told, a session of BRIDGE.mgmt, too, since it stood for election. */
static void elect(struct ofconn *c)
{
    struct ofservice *s = c->service;
    struct ofconn *other;
    LIST_FOR_EACH (other, node, &s->conns) {
        if (other != c && other->role == ROLE_PRIMARY) {
            uint64_t generation = s->has_generation ? s->generation : UINT64_MAX;
            set_role(other, ROLE_SECONDARY);
            if (other->async.secondary[ASYNC_ROLE_STATUS] & 1u << ROLE_STATUS_PRIMARY_REQUEST) {
                ofconn_send(other, encode_status, &generation);
            }
        }
    }
    set_role(c, ROLE_PRIMARY);
}

/* The id that a controller gives itself: one that no other has. */
static enum ofperr set_short_id(struct ofconn *c, uint16_t id)
{
    const struct ofconn *other;
    if (!id || id == c->short_id) {
        return OFPERR_NONE;
    }
    LIST_FOR_EACH (other, node, &c->service->conns) {
        if (other->short_id == id) {
            return OFPERR_OFPRRFC_ID_IN_USE;
        }
    }
    c->short_id = id;
    controller_status_changed(c->controller, c, true, CONTROLLER_STATUS_SHORT_ID);
    return OFPERR_NONE;
}

enum ofperr ofconn_role_request(struct ofconn *c, const struct ofp_msg *m)
{
    struct ofservice *s = c->service;
    struct role_request rr;
    enum ofperr error = role_decode(m, &rr);
    if (error) {
        return error;
    }
    if (rr.role != ROLE_NOCHANGE) {
        if (rr.have_generation_id) {
            if (s->has_generation && (int64_t)(rr.generation_id - s->generation) < 0) {
                return OFPERR_OFPRRFC_STALE;
            }
        }
    }
    error = set_short_id(c, rr.short_id);
    if (error) {
        return error;
    }
    if (rr.role != ROLE_NOCHANGE) {
        if (rr.have_generation_id) {
            s->has_generation = true;
            s->generation = rr.generation_id;
        }
        if (rr.role == ROLE_PRIMARY) {
            elect(c);
        } else {
            set_role(c, rr.role);
        }
        ofservice_check_miss_wanted(s);
    }
    rr = (struct role_request){.nx = rr.nx,
                               .role = c->role,
                               .short_id = c->short_id,
                               .have_generation_id = s->has_generation,
                               .generation_id = s->generation};
    role_encode(&c->out, OFPTYPE_ROLE_REPLY, &rr, m->version, m->xid);
    return OFPERR_NONE;
}
