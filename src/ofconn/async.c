/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that nobody asked for: which session gets which. */
#include "base/clock.h"
#include "ofconn/private.h"

void ofconn_async_default(struct ofconn *c)
{
    async_config_default(&c->async, c->version);
    if (c->controller && !c->controller->s.async) {
        c->async = (struct async_config){{0}, {0}};
    }
}

bool ofconn_wants(const struct ofconn *c, enum async_type type, unsigned reason)
{
    /* A session that is not a controller's gets nothing until it has asked by a miss_send_len. */
    if (!c->version || c->is_ending || (!c->primary && !c->config.miss_send_len)) {
        return false;
    }
    const uint32_t *wanted = c->role == ROLE_SECONDARY ? c->async.secondary : c->async.primary;
    return reason < 32 && (wanted[type] & (1u << reason));
}

void ofconn_send(struct ofconn *c, ofconn_encoder *encode, const void *message)
{
    if (!c->version) {
        return;
    }
    if (ofconn_unasked(c) <= OFCONN_BACKLOG_MAX) {
        encode(c, &c->out, message);
    }
    ofconn_send_soon(c);
}

void ofservice_send_async(struct ofservice *s, enum async_type type, unsigned reason,
                          const struct ofconn *except, ofconn_encoder *encode, const void *message)
{
    struct ofconn *c;
    LIST_FOR_EACH (c, node, &s->conns) {
        if (c != except && ofconn_wants(c, type, reason)) {
            ofconn_send(c, encode, message);
        }
    }
}

/* Since OpenFlow 1.3 packets that no rule matches are dropped; before, controllers get them. */
void ofservice_check_miss_wanted(struct ofservice *s)
{
    bool wanted = false;
    struct ofconn *c;
    LIST_FOR_EACH (c, node, &s->conns) {
        wanted |= c->version && c->version < OFP13 && !c->controller_id &&
                  ofconn_wants(c, ASYNC_PACKET_IN, OFPR_NO_MATCH);
    }
    if (wanted != s->miss_wanted) {
        s->miss_wanted = wanted;
        if (s->handlers->miss_wanted) {
            s->handlers->miss_wanted(s->switch_, wanted);
        }
    }
}

void ofconn_set_config(struct ofconn *c, const struct switch_config *config)
{
    uint32_t bit = 1u << OFPR_INVALID_TTL;
    c->config = *config;
    if (c->version < OFP13) {
        uint32_t *wanted = &c->async.primary[ASYNC_PACKET_IN];
        *wanted = config->flags & OFPC_INVALID_TTL_TO_CONTROLLER ? *wanted | bit : *wanted & ~bit;
    }
    ofservice_check_miss_wanted(c->service);
}
