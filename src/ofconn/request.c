/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that concern the session alone: echoes and barriers, formats, which asynchronous messages it gets.
 */
#include "ofconn/private.h"

static enum ofperr handle_echo(struct ofconn *c, const struct ofp_msg *m)
{
    size_t start = ofp_msg_begin(&c->out, OFPTYPE_ECHO_REPLY, m->version, m->xid);
    bytebuf_put(&c->out, m->body.p, m->body.n);
    ofp_msg_end(&c->out, start);
    return OFPERR_NONE;
}

static enum ofperr handle_nothing(struct ofconn *c, const struct ofp_msg *m)
{
    return OFPERR_NONE;
}

static enum ofperr handle_barrier(struct ofconn *c, const struct ofp_msg *m)
{
    ofconn_reply_when_settled(c);
    ofconn_reply_empty(c, OFPTYPE_BARRIER_REPLY, m);
    return OFPERR_NONE;
}

static enum ofperr handle_flow_format(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    uint32_t format = get_u32(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (format != 0 && format != 2) {
        return OFPERR_OFPBRC_EPERM;
    }
    c->nxm = format == 2;
    return OFPERR_NONE;
}

static enum ofperr handle_packet_in_format(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    uint32_t format = get_u32(&r);
    if (r.bad) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    if (format > PACKET_IN_NXT2) {
        return OFPERR_OFPBRC_EPERM;
    }
    c->packet_in_format = format;
    return OFPERR_NONE;
}

static enum ofperr handle_flow_mod_table_id(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    c->tid = get_u8(&r) != 0;
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr handle_controller_id(struct ofconn *c, const struct ofp_msg *m)
{
    struct reader r = m->body;
    if (!get_zeros(&r, 6)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    c->controller_id = get_u16(&r);
    ofservice_check_miss_wanted(c->service);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static enum ofperr handle_set_async(struct ofconn *c, const struct ofp_msg *m)
{
    enum ofperr error = async_config_decode(m, &c->async);
    ofservice_check_miss_wanted(c->service);
    return error;
}

static enum ofperr handle_get_async(struct ofconn *c, const struct ofp_msg *m)
{
    async_config_encode_reply(&c->out, &c->async, m->version, m->xid);
    return OFPERR_NONE;
}

/* One has begun the session already. */
static enum ofperr handle_hello(struct ofconn *c, const struct ofp_msg *m)
{
    return OFPERR_OFPBRC_BAD_TYPE;
}

static own_handler *const own[N_OFPTYPES] = {
    [OFPTYPE_HELLO] = handle_hello,
    [OFPTYPE_ERROR] = handle_nothing,
    [OFPTYPE_ECHO_REQUEST] = handle_echo,
    [OFPTYPE_ECHO_REPLY] = handle_nothing,
    [OFPTYPE_FLOW_AGE] = handle_nothing, /* the ages of flows are always told */
    [OFPTYPE_BARRIER_REQUEST] = handle_barrier,
    [OFPTYPE_SET_FLOW_FORMAT] = handle_flow_format,
    [OFPTYPE_SET_PACKET_IN_FORMAT] = handle_packet_in_format,
    [OFPTYPE_FLOW_MOD_TABLE_ID] = handle_flow_mod_table_id,
    [OFPTYPE_SET_CONTROLLER_ID] = handle_controller_id,
    [OFPTYPE_ROLE_REQUEST] = ofconn_role_request,
    [OFPTYPE_CONTROLLER_STATUS_REQUEST] = ofconn_controller_status,
    [OFPTYPE_SET_ASYNC_CONFIG] = handle_set_async,
    [OFPTYPE_GET_ASYNC_REQUEST] = handle_get_async,
    [OFPTYPE_BUNDLE_CONTROL] = ofconn_bundle_control,
    [OFPTYPE_BUNDLE_ADD_MESSAGE] = ofconn_bundle_add,
    [OFPTYPE_BUNDLE_FEATURES_REQUEST] = ofconn_bundle_features,
};

own_handler *ofconn_own_handler(enum ofptype type)
{
    return own[type];
}
