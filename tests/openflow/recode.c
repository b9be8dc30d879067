/* SPDX-License-Identifier: Apache-2.0 */
#include "recode.h"

#include <stdlib.h>
#include <string.h>

#include "openflow/bundle_codec.h"
#include "openflow/flow_codec.h"
#include "openflow/group_codec.h"
#include "openflow/meter_codec.h"
#include "openflow/misc_codec.h"
#include "openflow/monitor_codec.h"
#include "openflow/nicira_codec.h"
#include "openflow/packet_codec.h"
#include "openflow/port_codec.h"

static uint32_t protocol_of(const struct ofp_msg *m)
{
    return m->version > OFP10                            ? OFPROTO_11 << (m->version - OFP11)
           : m->kind == OFPK_MSG || m->kind == OFPK_STAT ? OFPROTO_10
                                                         : OFPROTO_NXM;
}

#define RECODE(NAME) static enum ofperr recode_##NAME(const struct ofp_msg *m, struct bytebuf *b)

/* A message that is one structure. */
#define WHOLE(NAME, STRUCT, FINI, ENCODE)                                                                    \
    RECODE(NAME)                                                                                             \
    {                                                                                                        \
        struct STRUCT x;                                                                                     \
        memset(&x, 0, sizeof x);                                                                             \
        enum ofperr error = NAME##_decode(m, &x);                                                            \
        if (!error) {                                                                                        \
            ENCODE;                                                                                          \
            FINI;                                                                                            \
        }                                                                                                    \
        return error;                                                                                        \
    }

RECODE(flow_mod)
{
    struct flow_mod x;
    enum ofperr error = flow_mod_decode(m, protocol_of(m), &x);
    if (!error) {
        flow_mod_encode(b, &x, protocol_of(m), m->xid);
        flow_mod_fini(&x);
    }
    return error;
}
RECODE(meter_mod)
{
    enum meter_command command;
    struct meter_config x;
    enum ofperr error = meter_mod_decode(m, &command, &x);
    if (!error) {
        meter_mod_encode(b, command, &x, m->version, m->xid);
        meter_fini(&x);
    }
    return error;
}
RECODE(port_status)
{
    uint8_t reason;
    struct ofp_port x;
    enum ofperr error = port_status_decode(m, &reason, &x);
    if (!error) {
        port_status_encode(b, reason, &x, m->version);
    }
    return error;
}
RECODE(packet_in)
{
    struct packet_in x;
    enum ofperr error = packet_in_decode(m, &x);
    if (!error) {
        packet_in_encode(b, &x, m->version,
                         m->kind == OFPK_MSG                                  ? PACKET_IN_STANDARD
                         : ntohl(get_be32(m->raw + OFP_HEADER_LEN + 4)) == 17 ? PACKET_IN_NXT
                                                                              : PACKET_IN_NXT2);
    }
    return error;
}
RECODE(port_request)
{
    uint32_t port;
    enum ofperr error = port_stats_request_decode(m, &port);
    if (!error) {
        port_stats_request_encode(b, port, m->version, m->xid);
    }
    return error;
}
RECODE(queue_request)
{
    uint32_t port, queue;
    enum ofperr error = queue_stats_request_decode(m, &port, &queue);
    if (!error) {
        queue_stats_request_encode(b, port, queue, m->version, m->xid);
    }
    return error;
}
RECODE(group_request)
{
    uint32_t id;
    enum ofperr error = group_request_decode(m, &id);
    if (!error) {
        group_request_encode(b, m->type, id, m->version, m->xid);
    }
    return error;
}
RECODE(meter_request)
{
    uint32_t id;
    enum ofperr error = meter_request_decode(m, &id);
    if (!error) {
        meter_request_encode(b, m->type, id, m->version, m->xid);
    }
    return error;
}
RECODE(ct_flush_zone)
{
    uint16_t zone;
    enum ofperr error = ct_flush_zone_decode(m, &zone);
    if (!error) {
        ct_flush_zone_encode(b, zone, m->version, m->xid);
    }
    return error;
}
RECODE(monitor_cancel)
{
    uint32_t id;
    enum ofperr error = flow_monitor_cancel_decode(m, &id);
    if (!error) {
        flow_monitor_cancel_encode(b, id, m->version, m->xid);
    }
    return error;
}
RECODE(requestforward)
{
    struct ofp_msg inner;
    enum ofperr error = requestforward_decode(m, &inner);
    if (!error) {
        requestforward_encode(b, inner.raw, inner.len, m->version);
    }
    return error;
}
WHOLE(flow_removed, flow_removed, (void)0, flow_removed_encode(b, &x, protocol_of(m)))
WHOLE(flow_stats_request, flow_stats_request, (void)0,
      flow_stats_request_encode(b, &x, protocol_of(m), m->xid))
WHOLE(group_mod, group_mod, group_mod_fini(&x), group_mod_encode(b, &x, m->version, m->xid))
WHOLE(group_features, group_features, (void)0, group_features_encode(b, &x, m->version, m->xid))
WHOLE(meter_features, meter_features, (void)0,
      meter_features_encode(b, &x, m->version, m->body.n > 16, m->xid))
WHOLE(role, role_request, (void)0, role_encode(b, m->type, &x, m->version, m->xid))
WHOLE(switch_config, switch_config, (void)0, switch_config_encode(b, m->type, &x, m->version, m->xid))
WHOLE(table_mod, table_mod, (void)0, table_mod_encode(b, &x, m->version, m->xid))
WHOLE(table_status, table_status, (void)0, table_status_encode(b, &x, m->version))
WHOLE(port_mod, port_mod, (void)0, port_mod_encode(b, &x, m->version, m->xid))
WHOLE(packet_out, packet_out, packet_out_fini(&x), packet_out_encode(b, &x, m->version, m->xid))
WHOLE(bundle_control, bundle_control, (void)0, bundle_control_encode(b, &x, m->version, m->xid))

/* Multipart messages: each record. */
static size_t begin(const struct ofp_msg *m, struct bytebuf *b)
{
    bool nx = m->kind == OFPK_NXSTAT || m->kind == OFPK_NXREPLY;
    size_t start =
        nx ? ofp_msg_begin_nx(b, m->type, m->version, m->xid) : ofp_msg_begin(b, m->type, m->version, m->xid);
    set_u16(b, start + OFP_HEADER_LEN + 2, m->flags);
    return start;
}

#define RECORDS(NAME, STRUCT, DECODE, ENCODE, FINI)                                                          \
    RECODE(NAME)                                                                                             \
    {                                                                                                        \
        struct reader r = m->body;                                                                           \
        size_t start = begin(m, b);                                                                          \
        struct STRUCT x;                                                                                     \
        struct bytebuf ofpacts = BYTEBUF_INITIALIZER;                                                        \
        enum ofperr error = OFPERR_NONE;                                                                     \
        bool more = true;                                                                                    \
        while (!error && r.n) {                                                                              \
            error = DECODE;                                                                                  \
            if (error || !more) {                                                                            \
                break;                                                                                       \
            }                                                                                                \
            ENCODE;                                                                                          \
            FINI;                                                                                            \
        }                                                                                                    \
        bytebuf_fini(&ofpacts);                                                                              \
        ofp_msg_end(b, start);                                                                               \
        return error;                                                                                        \
    }
static bool is_nx(const struct ofp_msg *m)
{
    return m->kind == OFPK_NXREPLY;
}
RECORDS(flow_stats, flow_stats, flow_stats_decode(&r, m, true, &x, &ofpacts, &more),
        flow_stats_encode(b, &x, m->version, is_nx(m), true), bytebuf_clear(&ofpacts))
RECORDS(group_desc, group_mod, group_desc_decode(&r, m->version, &x, &more),
        group_desc_encode(b, &x, m->version), group_mod_fini(&x))
RECORDS(group_stats, group_stats, group_stats_decode(&r, m->version, &x, &more),
        group_stats_encode(b, &x, m->version), free(x.buckets))
RECORDS(meter_config, meter_config, meter_config_decode(&r, &x, &more), meter_config_encode(b, &x),
        meter_fini(&x))
RECORDS(meter_stats, meter_stats, meter_stats_decode(&r, &x, &more), meter_stats_encode(b, &x), free(x.bands))
RECORDS(table_stats, table_stats, table_stats_decode(&r, m->version, &x, &more),
        table_stats_encode(b, &x, m->version), (void)0)
RECORDS(table_desc, table_mod, table_desc_decode(&r, &x, &more), table_desc_encode(b, &x, m->version),
        (void)0)
RECORDS(port_desc, ofp_port, ofp_port_decode(&r, m->version, &x), ofp_port_encode(b, &x, m->version), (void)0)
RECORDS(queue_stats, queue_stats, queue_stats_decode(&r, m->version, &x),
        queue_stats_encode(b, &x, m->version), (void)0)
RECORDS(monitor_request, flow_monitor_request, flow_monitor_request_decode(&r, m, &x, &more),
        flow_monitor_request_encode(b, &x, m->version), (void)0)
RECORDS(flow_update, flow_update, flow_update_decode(&r, m, &x, &ofpacts, &more),
        flow_update_encode(b, &x, m->version), bytebuf_clear(&ofpacts))
RECORDS(controller_status, controller_status, controller_status_decode(&r, &x, &more),
        controller_status_encode(b, &x), (void)0)
RECODE(port_stats)
{
    struct reader r = m->body, properties;
    size_t start = begin(m, b);
    struct port_stats x;
    enum ofperr error = OFPERR_NONE;
    while (!error && r.n && !(error = port_stats_decode(&r, m->version, &x, &properties))) {
        port_stats_encode(b, &x, m->version);
    }
    ofp_msg_end(b, start);
    return error;
}
RECODE(copy)
{
    bytebuf_put(b, m->raw, m->len);
    return OFPERR_NONE;
}

static const struct {
    enum ofptype type;
    enum ofperr (*recode)(const struct ofp_msg *, struct bytebuf *);
} recoders[] = {
    {OFPTYPE_FLOW_MOD, recode_flow_mod},
    {OFPTYPE_METER_MOD, recode_meter_mod},
    {OFPTYPE_GROUP_MOD, recode_group_mod},
    {OFPTYPE_PORT_MOD, recode_port_mod},
    {OFPTYPE_TABLE_MOD, recode_table_mod},
    {OFPTYPE_PACKET_OUT, recode_packet_out},
    {OFPTYPE_PACKET_IN, recode_packet_in},
    {OFPTYPE_FLOW_REMOVED, recode_flow_removed},
    {OFPTYPE_PORT_STATUS, recode_port_status},
    {OFPTYPE_TABLE_STATUS, recode_table_status},
    {OFPTYPE_REQUESTFORWARD, recode_requestforward},
    {OFPTYPE_ROLE_REQUEST, recode_role},
    {OFPTYPE_ROLE_REPLY, recode_role},
    {OFPTYPE_SET_CONFIG, recode_switch_config},
    {OFPTYPE_GET_CONFIG_REPLY, recode_switch_config},
    {OFPTYPE_BUNDLE_CONTROL, recode_bundle_control},
    {OFPTYPE_PORT_REQUEST, recode_port_request},
    {OFPTYPE_QUEUE_REQUEST, recode_queue_request},
    {OFPTYPE_GROUP_REQUEST, recode_group_request},
    {OFPTYPE_GROUP_DESC_REQUEST, recode_group_request},
    {OFPTYPE_METER_REQUEST, recode_meter_request},
    {OFPTYPE_METER_CONFIG_REQUEST, recode_meter_request},
    {OFPTYPE_FLOW_REQUEST, recode_flow_stats_request},
    {OFPTYPE_AGGREGATE_REQUEST, recode_flow_stats_request},
    {OFPTYPE_FLOW_REPLY, recode_flow_stats},
    {OFPTYPE_GROUP_DESC_REPLY, recode_group_desc},
    {OFPTYPE_GROUP_REPLY, recode_group_stats},
    {OFPTYPE_GROUP_FEATURES_REPLY, recode_group_features},
    {OFPTYPE_METER_CONFIG_REPLY, recode_meter_config},
    {OFPTYPE_METER_REPLY, recode_meter_stats},
    {OFPTYPE_METER_FEATURES_REPLY, recode_meter_features},
    {OFPTYPE_TABLE_REPLY, recode_table_stats},
    {OFPTYPE_TABLE_DESC_REPLY, recode_table_desc},
    {OFPTYPE_PORT_DESC_REPLY, recode_port_desc},
    {OFPTYPE_PORT_REPLY, recode_port_stats},
    {OFPTYPE_QUEUE_REPLY, recode_queue_stats},
    {OFPTYPE_FLOW_MONITOR_REQUEST, recode_monitor_request},
    {OFPTYPE_FLOW_MONITOR_REPLY, recode_flow_update},
    {OFPTYPE_FLOW_MONITOR_CANCEL, recode_monitor_cancel},
    {OFPTYPE_CONTROLLER_STATUS_REPLY, recode_controller_status},
    {OFPTYPE_CT_FLUSH_ZONE, recode_ct_flush_zone},
};

bool openflow_recode(const struct ofp_msg *m, struct bytebuf *out, enum ofperr *error)
{
    *error = OFPERR_NONE;
    if (!m->body.n) {
        recode_copy(m, out);
        return true;
    }
    for (size_t i = 0; i < sizeof recoders / sizeof *recoders; i++) {
        if (recoders[i].type == m->type) {
            size_t start = out->len;
            *error = recoders[i].recode(m, out);
            if (*error) {
                bytebuf_truncate(out, start);
            } else if (out->len >= start + OFP_HEADER_LEN) {
                put_be32(out->data + start + 4, htonl(m->xid)); /* some are sent with none alone */
            }
            return true;
        }
    }
    return false;
}
