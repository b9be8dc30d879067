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
    }
}

/* C becomes the primary; who was it is told. */
static void elect(struct ofconn *c)
{
    struct ofservice *s = c->service;
    struct ofconn *other;
    LIST_FOR_EACH (other, node, &s->conns) {
        if (other != c && other->role == ROLE_PRIMARY) {
            uint64_t generation = s->has_generation ? s->generation : UINT64_MAX;
            set_role(other, ROLE_SECONDARY);
            if (ofconn_wants(other, ASYNC_ROLE_STATUS, ROLE_STATUS_PRIMARY_REQUEST)) {
                ofconn_send(other, encode_status, &generation);
            }
        }
    }
    set_role(c, ROLE_PRIMARY);
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
    rr = (struct role_request){
        .role = c->role, .have_generation_id = s->has_generation, .generation_id = s->generation};
    role_encode(&c->out, OFPTYPE_ROLE_REPLY, &rr, m->version, m->xid);
    return OFPERR_NONE;
}
