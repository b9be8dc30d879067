/* SPDX-License-Identifier: Apache-2.0 */
/* What changes the switch, one by one or bundled: flow mods and group mods take effect together; port mods
 * and packet-outs of a bundle follow them in their order. And telling other controllers of what one asked. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "openflow/check.h"
#include "openflow/flow_codec.h"
#include "openflow/group_codec.h"
#include "openflow/port_codec.h"
#include "pipeline/change.h"
#include "pipeline/group.h"
#include "pipeline/meter.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/rule.h"

/* ------------------------------------------------------------------ flow mods */

/* Is there every group and meter that the actions name? */
static enum ofperr check_names(const struct change *c, const struct ofpact *actions, size_t len)
{
    const struct ofpact *a;
    enum ofperr error = OFPERR_NONE;
    OFPACT_FOR_EACH (a, actions, len) {
        const struct ofpact_nest *nest = (const struct ofpact_nest *)(const void *)a;
        if (a->type == OFPACT_GROUP) {
            if (!change_find_group(c, OFPACT_CAST(GROUP, a)->group_id)) {
                return OFPERR_OFPBAC_BAD_OUT_GROUP;
            }
        } else if (a->type == OFPACT_METER) {
            if (!ofproto_meter_find(c->ofproto, OFPACT_CAST(METER, a)->value)) {
                return OFPERR_OFPMMFC_INVALID_METER;
            }
        } else if (a->type == OFPACT_CLONE || a->type == OFPACT_WRITE_ACTIONS) {
            error = check_names(c, nest->actions, ofpact_nest_len(nest));
        }
        if (error) {
            break;
        }
    }
    return error;
}

/* Do the actions fit the match? OpenFlow 1.1 and later forbid what 1.0 lets pass. */
static enum ofperr check_actions(const struct ofproto *ofproto, struct flow_mod *fm, uint32_t protocol)
{
    if (fm->command == FLOW_DELETE || fm->command == FLOW_DELETE_STRICT) {
        return OFPERR_NONE;
    }
    struct ofpacts_check check = {.match = &fm->match,
                                  .max_ports = OFPP_MAX,
                                  .table_id = fm->table_id == OFPTT_ALL ? 0 : fm->table_id,
                                  .n_tables = OFPROTO_N_TABLES,
                                  .usable = protocol};
    struct ofpact *actions = (struct ofpact *)(void *)fm->ofpacts.data;
    enum ofperr error = ofpacts_check_consistency(actions, fm->ofpacts.len, &check);
    return error ? error : openflow_check_stage(ofproto, fm->table_id, actions, fm->ofpacts.len);
}

static enum ofperr apply_flow_mod(struct change *c, struct flow_mod *fm)
{
    if (fm->command == FLOW_ADD && c->asker && ofconn_version(c->asker) < OFP12) {
        fm->flags |= FLOW_RESET_COUNTS; /* which these versions cannot say: it is what they mean */
    }
    const struct ofpact *actions = (const struct ofpact *)(const void *)fm->ofpacts.data;
    enum ofperr error = fm->command == FLOW_ADD ? check_names(c, actions, fm->ofpacts.len) : OFPERR_NONE;
    if (error) {
        return error;
    }
    bool modifies = fm->command == FLOW_MODIFY || fm->command == FLOW_MODIFY_STRICT;
    const struct list *last = list_back(&c->added);
    error = change_flow_mod(c, fm, RULE_DELETE);
    /* A modification that meets no rule may name what is not there: it makes none that would do so. */
    if (!error && modifies && list_back(&c->added) != last) {
        error = check_names(c, actions, fm->ofpacts.len);
    }
    return error;
}

/* What can be said of it alone. We keep no packets, so that a rule for one that is kept is for none. */
static enum ofperr check_flow_mod(const struct ofproto *ofproto, struct flow_mod *fm, uint32_t protocol)
{
    enum ofperr error = check_actions(ofproto, fm, protocol);
    bool takes_packet = fm->command != FLOW_DELETE && fm->command != FLOW_DELETE_STRICT;
    return error || !takes_packet || fm->buffer_id == OFP_NO_BUFFER ? error : OFPERR_OFPBRC_BUFFER_UNKNOWN;
}

enum ofperr openflow_flow_mod(struct ofconn *conn, const struct ofp_msg *m, void *ofproto)
{
    struct flow_mod fm;
    struct change c;
    const struct ofp_msg mapped = openflow_mapped(m, ofproto);
    enum ofperr error = flow_mod_decode(&mapped, ofconn_protocol(conn), &fm);
    if (error) {
        return error;
    }
    change_init(&c, ofproto, false);
    c.asker = conn;
    c.xid = m->xid;
    error = check_flow_mod(ofproto, &fm, ofconn_protocol(conn));
    if (!error) {
        error = apply_flow_mod(&c, &fm);
    }
    if (error) {
        change_revert(&c);
    } else {
        change_commit(&c);
    }
    flow_mod_fini(&fm);
    return error;
}

/* ------------------------------------------------------------------ bundles */

void openflow_forget_bundled(void *rule)
{
    change_forget_rule(rule);
}

/* What can be said of a message before its bundle is committed. *PREPARED becomes a new rule, unless PREPARED
 * is NULL. */
enum ofperr openflow_check_bundled(struct ofconn *conn, const struct ofp_msg *m, void *ofproto,
                                   void **prepared)
{
    union {
        struct flow_mod flow;
        struct group_mod group;
        struct port_mod port;
        struct packet_out packet;
    } u;
    const struct ofp_msg mapped = openflow_mapped(m, ofproto);
    enum ofperr error;
    switch (m->type) {
    case OFPTYPE_FLOW_MOD:
        error = flow_mod_decode(&mapped, ofconn_protocol(conn), &u.flow);
        if (!error) {
            error = check_flow_mod(ofproto, &u.flow, ofconn_protocol(conn));
            if (!error && prepared) {
                *prepared = change_prepare_rule(ofproto, &u.flow);
            }
            flow_mod_fini(&u.flow);
        }
        return error;
    case OFPTYPE_GROUP_MOD:
        error = group_mod_decode(m, &u.group);
        if (!error) {
            group_mod_fini(&u.group);
        }
        return error;
    case OFPTYPE_PORT_MOD:
        return port_mod_decode(m, &u.port);
    case OFPTYPE_PACKET_OUT:
        error = openflow_decode_packet_out(conn, m, ofproto, &u.packet);
        if (!error) {
            packet_out_fini(&u.packet);
        }
        return error;
    default:
        return OFPERR_OFPBFC_MSG_UNSUP;
    }
}

/* Since RULE was checked, groups and meters may have changed. */
static enum ofperr apply_prepared(struct change *c, struct rule *rule)
{
    enum ofperr error = check_names(c, rule->actions, rule->actions_len);
    if (error) {
        change_forget_rule(rule);
        return error;
    }
    return change_add_rule(c, rule);
}

static enum ofperr apply(struct change *c, struct ofconn *conn, const struct ofp_msg *m)
{
    struct flow_mod fm;
    struct group_mod gm;
    struct port_mod pm;
    const struct ofp_msg mapped = openflow_mapped(m, c->ofproto);
    enum ofperr error;
    c->xid = m->xid;
    switch (m->type) {
    case OFPTYPE_FLOW_MOD:
        error = flow_mod_decode(&mapped, ofconn_protocol(conn), &fm);
        if (!error) {
            error = check_flow_mod(c->ofproto, &fm, ofconn_protocol(conn));
            error = error ? error : apply_flow_mod(c, &fm);
            flow_mod_fini(&fm);
        }
        return error;
    case OFPTYPE_GROUP_MOD:
        error = group_mod_decode(m, &gm);
        if (!error) {
            error = change_group_mod(c, &gm);
            group_mod_fini(&gm);
        }
        return error;
    case OFPTYPE_PORT_MOD:
        error = port_mod_decode(m, &pm);
        return error ? error : openflow_check_port_mod(c->ofproto, &pm);
    default:
        return OFPERR_NONE;
    }
}

/* Messages one after the other: the next, at *AT. */
static bool next_message(const struct bytebuf *messages, size_t *at, struct ofp_msg *m)
{
    if (*at >= messages->len) {
        return false;
    }
    size_t len = ofp_msg_len(messages->data + *at);
    ofp_msg_decode(messages->data + *at, len, m); /* it has been once already */
    *at += len;
    return true;
}

enum ofperr openflow_commit(struct ofconn *conn, const struct bytebuf *messages, void **prepared,
                            void *ofproto, size_t *failed)
{
    struct change c;
    struct ofp_msg m;
    enum ofperr error = OFPERR_NONE;
    change_init(&c, ofproto, false);
    c.asker = conn;
    size_t n_others = 0;
    for (size_t at = 0, i = 0; !error && (*failed = at, at < messages->len); i++) {
        if (prepared[i] && ofproto_first_egress(ofproto)) { /* it may have come into being since */
            change_forget_rule(prepared[i]);
            prepared[i] = NULL;
        }
        if (prepared[i]) {
            const uint8_t *message = messages->data + at;
            at += ofp_msg_len(message);
            c.xid = ntohl(get_be32(message + 4));
            error = apply_prepared(&c, prepared[i]);
            prepared[i] = NULL;
        } else {
            next_message(messages, &at, &m);
            error = apply(&c, conn, &m);
            n_others += m.type != OFPTYPE_FLOW_MOD;
        }
    }
    if (error) {
        change_revert(&c);
        return error;
    }
    change_commit(&c);
    for (size_t at = 0; n_others && next_message(messages, &at, &m);) {
        if (m.type == OFPTYPE_PORT_MOD) {
            openflow_port_mod(conn, &m, ofproto);
        } else if (m.type == OFPTYPE_PACKET_OUT) {
            openflow_packet_out(conn, &m, ofproto);
        } else if (m.type == OFPTYPE_GROUP_MOD) {
            openflow_forward_request(ofproto, conn, &m);
        }
    }
    *failed = 0;
    return OFPERR_NONE;
}

/* ------------------------------------------------------------------ telling others */

enum {
    FORWARD_GROUP_MOD,
    FORWARD_METER_MOD
};

static void encode_forward(struct ofconn *c, struct bytebuf *b, const void *request_)
{
    const struct ofp_msg *m = request_;
    enum ofp_version v = ofconn_version(c);
    struct group_mod gm;
    struct meter_config config;
    enum meter_command command;
    if (!ofp_msg_exists(OFPTYPE_REQUESTFORWARD, v)) {
        return;
    }
    size_t start = ofp_msg_begin(b, OFPTYPE_REQUESTFORWARD, v, 0);
    size_t inner = b->len;
    if (m->type == OFPTYPE_GROUP_MOD && !group_mod_decode(m, &gm)) {
        group_mod_encode(b, &gm, v, m->xid);
        group_mod_fini(&gm);
    } else if (m->type == OFPTYPE_METER_MOD && !meter_mod_decode(m, &command, &config)) {
        openflow_fill_bursts(&config);
        meter_mod_encode(b, command, &config, v, m->xid);
        meter_fini(&config);
    }
    if (b->len == inner) {
        bytebuf_truncate(b, start); /* in this version it is too long for a message */
    } else {
        ofp_msg_end(b, start);
    }
}

void openflow_forward_request(struct ofproto *ofproto, const struct ofconn *asker, const struct ofp_msg *m)
{
    if (ofproto->sessions) {
        ofservice_send_async(ofproto->sessions, ASYNC_REQUESTFORWARD,
                             m->type == OFPTYPE_METER_MOD ? FORWARD_METER_MOD : FORWARD_GROUP_MOD, asker,
                             encode_forward, m);
    }
}
