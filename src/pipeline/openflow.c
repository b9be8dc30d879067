/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/openflow.h"
#include "flow/field.h"
#include "tunnel/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/version.h"
#include "openflow/nicira_codec.h"
#include "openflow/port_codec.h"
#include "pipeline/ct_flush.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/slow_path.h"
#include "port/vport.h"

/* ------------------------------------------------------------------ ports */

/* The ports of a bridge, by number. */
struct port_list {
    struct ofproto_port *ports;
    size_t n, allocated;
};

static void collect_port(const struct ofproto_port *port, void *aux)
{
    struct port_list *l = aux;
    if (l->n == l->allocated) {
        l->ports = x2nrealloc(l->ports, &l->allocated, sizeof *l->ports);
    }
    l->ports[l->n++] = *port;
}

static int compare_ports(const void *a_, const void *b_)
{
    const struct ofproto_port *a = a_, *b = b_;
    return a->ofp_port < b->ofp_port ? -1 : a->ofp_port > b->ofp_port;
}

static struct port_list list_ports(const struct ofproto *ofproto)
{
    struct port_list l = {NULL, 0, 0};
    ofproto_port_for_each(ofproto, collect_port, &l);
    if (l.n) {
        qsort(l.ports, l.n, sizeof *l.ports, compare_ports);
    }
    return l;
}

/* A tunnel says where a packet came from, and is told where it goes if its configuration leaves that open. */
static void describe_tunnel(const struct tunnel_config *t, struct ofp_port *p)
{
    static const uint8_t input[] = {FIELD_TUN_ID, FIELD_TUN_SRC, FIELD_TUN_DST, FIELD_TUN_IPV6_SRC,
                                    FIELD_TUN_IPV6_DST};
    for (size_t i = 0; i < ARRAY_SIZE(input); i++) {
        p->input[p->n_input++] = field_from_id(input[i]);
    }
    const struct {
        bool open;
        uint8_t field;
    } output[] = {{t->out_key_flow, FIELD_TUN_ID},
                  {t->src_flow, FIELD_TUN_SRC},
                  {t->src_flow, FIELD_TUN_IPV6_SRC},
                  {t->dst_flow, FIELD_TUN_DST},
                  {t->dst_flow, FIELD_TUN_IPV6_DST}};
    for (size_t i = 0; i < ARRAY_SIZE(output); i++) {
        if (output[i].open) {
            p->output[p->n_output++] = field_from_id(output[i].field);
        }
    }
}

void openflow_describe_port(const struct ofproto_port *port, struct ofp_port *p)
{
    *p = (struct ofp_port){.port_no = port->ofp_port, .config = port->config};
    strncpy(p->name, port->name, sizeof p->name - 1);
    p->state = (port->state & OFPROTO_PS_LINK_DOWN ? OFPPS_LINK_DOWN : 0) |
               (port->state & OFPROTO_PS_BLOCKED ? OFPPS_BLOCKED : 0) |
               (port->state & OFPROTO_PS_LIVE ? OFPPS_LIVE : 0) | (port->state & OFPROTO_PS_STP_MASK);
    p->hw_addr = port->mac;
    if (port->tunnel) {
        describe_tunnel(port->tunnel, p);
    }
    if (port->vport) {
        const struct vport_status *s = &port->vport->status;
        p->curr = s->link.current;
        p->advertised = s->link.advertised;
        p->supported = s->link.supported;
        p->peer = s->link.peer;
        p->curr_speed = (uint32_t)MIN(s->speed_bps / 1000, (uint64_t)UINT32_MAX);
        p->max_speed = ofp_port_features_speed(s->link.supported);
    }
}

/* Ports in a message, each as openflow_describe_port() has it. */
static void put_ports(struct ofproto *ofproto, struct bytebuf *b, enum ofp_version v)
{
    struct port_list l = list_ports(ofproto);
    for (size_t i = 0; i < l.n; i++) {
        struct ofp_port p;
        openflow_describe_port(&l.ports[i], &p);
        ofp_port_encode(b, &p, v);
    }
    free(l.ports);
}

static enum ofperr port_desc(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct reader r = m->body;
    uint32_t wanted = UINT32_MAX, wanted_port = OFPP_ANY;
    if (m->version >= OFP15 && r.n) {
        wanted = get_u32(&r);
        if (r.bad || (wanted != UINT32_MAX && !ofp_port_from_11(wanted, &wanted_port))) {
            return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_OFPBRC_BAD_PORT;
        }
    }
    struct ofconn_multipart reply;
    struct port_list l = list_ports(ofproto);
    ofconn_multipart_begin(&reply, c, OFPTYPE_PORT_DESC_REPLY, m);
    for (size_t i = 0; i < l.n; i++) {
        if (wanted == UINT32_MAX || wanted_port == l.ports[i].ofp_port) {
            struct ofp_port p;
            openflow_describe_port(&l.ports[i], &p);
            ofp_port_encode(ofconn_out(c), &p, m->version);
            ofconn_multipart_next(&reply);
        }
    }
    ofconn_multipart_end(&reply);
    free(l.ports);
    return OFPERR_NONE;
}

static void count_port(const struct ofproto *ofproto, const struct ofproto_port *port, struct port_stats *s)
{
    memset(s, 0xff, sizeof *s);
    s->port_no = port->ofp_port;
    int64_t lived = clock_ms() - port->created_ms;
    s->duration_sec = (uint32_t)(lived / 1000);
    s->duration_nsec = (uint32_t)(lived % 1000) * 1000000u;
    struct vport_stats v;
    struct ofproto_port_stats patch;
    if (port->vport && port->vport->ops->get_stats && !port->vport->ops->get_stats(port->vport, &v)) {
        s->rx_packets = v.rx_packets;
        s->tx_packets = v.tx_packets;
        s->rx_bytes = v.rx_bytes;
        s->tx_bytes = v.tx_bytes;
        s->rx_dropped = v.rx_dropped;
        s->tx_dropped = v.tx_dropped;
        s->rx_errors = v.rx_errors;
        s->tx_errors = v.tx_errors;
        s->rx_frame_err = v.rx_frame_err;
        s->rx_over_err = v.rx_over_err;
        s->rx_crc_err = v.rx_crc_err;
        s->collisions = v.collisions;
    } else if (!port->vport && !ofproto_patch_stats(ofproto, port->ofp_port, &patch)) {
        s->rx_packets = patch.rx_packets;
        s->tx_packets = patch.tx_packets;
        s->rx_bytes = patch.rx_bytes;
        s->tx_bytes = patch.tx_bytes;
    }
}

static enum ofperr port_stats(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    uint32_t wanted;
    enum ofperr error = port_stats_request_decode(m, &wanted);
    if (error) {
        return error;
    }
    struct ofconn_multipart reply;
    struct port_list l = list_ports(ofproto);
    ofconn_multipart_begin(&reply, c, OFPTYPE_PORT_REPLY, m);
    for (size_t i = 0; i < l.n; i++) {
        if (wanted == OFPP_ANY || wanted == l.ports[i].ofp_port) {
            struct port_stats s;
            count_port(ofproto, &l.ports[i], &s);
            port_stats_encode(ofconn_out(c), &s, m->version);
            ofconn_multipart_next(&reply);
        }
    }
    ofconn_multipart_end(&reply);
    free(l.ports);
    return OFPERR_NONE;
}

enum ofperr openflow_check_port_mod(struct ofproto *ofproto, const struct port_mod *pm)
{
    struct ofproto_port port;
    struct ofp_port p;
    if (ofproto_port_get(ofproto, pm->port_no, &port)) {
        return OFPERR_OFPPMFC_BAD_PORT;
    }
    if (pm->has_optical) {
        return OFPERR_OFPBPC_BAD_TYPE; /* no port of ours is one */
    }
    openflow_describe_port(&port, &p);
    return memcmp(&p.hw_addr, &pm->hw_addr, sizeof p.hw_addr) ? OFPERR_OFPPMFC_BAD_HW_ADDR : OFPERR_NONE;
}

enum ofperr openflow_port_mod(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct port_mod pm;
    enum ofperr error = port_mod_decode(m, &pm);
    if (!error) {
        error = openflow_check_port_mod(ofproto, &pm);
    }
    if (!error) {
        ofproto_port_set_config(ofproto, pm.port_no, pm.config, pm.mask);
    }
    return error;
}

/* ------------------------------------------------------------------ the switch */

#define CAPABILITIES_10      0x87u /* FLOW, TABLE, PORT statistics, ARP_MATCH_IP */
#define CAP_GROUP_STATS      0x08u
#define CAP_QUEUE_STATS      0x40u
#define FRAGMENTS_MASK       3u
#define FRAGMENTS_REASSEMBLE 2
#define CAP_BUNDLES          0x200u

static enum ofperr features(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct ofp_features f = {
        .datapath_id = ofproto_datapath_id(ofproto),
        .n_tables = OFPROTO_TABLE_INTERNAL,
        .capabilities = 0x07u | CAP_QUEUE_STATS | (m->version < OFP12 ? CAPABILITIES_10 : 0) |
                        (m->version > OFP10 ? CAP_GROUP_STATS : 0) | (m->version >= OFP14 ? CAP_BUNDLES : 0),
        .actions = 0xfff};
    size_t start = ofp_features_encode_begin(ofconn_out(c), &f, m->version, m->xid);
    if (m->version < OFP13) {
        put_ports(ofproto, ofconn_out(c), m->version);
    }
    ofp_msg_end(ofconn_out(c), start);
    return OFPERR_NONE;
}

/* How fragments are treated is the switch's own, what else it says the session's. */
static enum ofperr get_config(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    const struct ofproto *ofproto = ofproto_;
    struct switch_config config = *ofconn_config(c);
    config.flags = (config.flags & ~FRAGMENTS_MASK) | (uint16_t)ofproto->fragments;
    switch_config_encode(ofconn_out(c), OFPTYPE_GET_CONFIG_REPLY, &config, m->version, m->xid);
    return OFPERR_NONE;
}

/* It does not reassemble: asked to, it goes on as it did, as the reference does; who asks finds out. */
static enum ofperr set_config(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    struct switch_config config;
    enum ofperr error = switch_config_decode(m, &config);
    if (error) {
        return error;
    }
    enum ofproto_fragments mode = config.flags & FRAGMENTS_MASK;
    if (mode != FRAGMENTS_REASSEMBLE && mode != ofproto->fragments) {
        __atomic_store_n(&ofproto->fragments, mode, __ATOMIC_RELAXED);
        pipeline_mark_all_changed(ofproto->pipeline);
    }
    ofconn_set_config(c, &config);
    return OFPERR_NONE;
}

static enum ofperr desc(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct switch_desc d = {
        .manufacturer = "Nicira, Inc.", .hardware = "Open vSwitch", .software = VERSION_REFERENCE};
    strncpy(d.serial, ofproto_serial(ofproto), sizeof d.serial - 1);
    strncpy(d.description, ofproto_description(ofproto), sizeof d.description - 1);
    switch_desc_encode(ofconn_out(c), &d, m->version, m->xid);
    return OFPERR_NONE;
}

static enum ofperr ct_flush(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct ct_flush f = {.has_zone = true};
    enum ofperr error =
        m->type == OFPTYPE_CT_FLUSH ? ct_flush_decode(m, &f) : ct_flush_zone_decode(m, &f.zone);
    if (!error) {
        ct_flush_run(ofproto_datapath(ofproto), &f);
    }
    return error;
}

static uint64_t settle(void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    pipeline_start_commit(ofproto->pipeline);
    return slow_path_under_way(ofproto->backer->slow_path);
}

static bool is_settled(void *ofproto_, uint64_t under_way)
{
    struct ofproto *ofproto = ofproto_;
    return slow_path_is_settled(ofproto->backer->slow_path, under_way);
}

const struct ofconn_handlers pipeline_openflow = {
    .handle =
        {
            [OFPTYPE_FEATURES_REQUEST] = features,
            [OFPTYPE_GET_CONFIG_REQUEST] = get_config,
            [OFPTYPE_SET_CONFIG] = set_config,
            [OFPTYPE_DESC_REQUEST] = desc,
            [OFPTYPE_PORT_DESC_REQUEST] = port_desc,
            [OFPTYPE_PORT_REQUEST] = port_stats,
            [OFPTYPE_PORT_MOD] = openflow_port_mod,
            [OFPTYPE_FLOW_MOD] = openflow_flow_mod,
            [OFPTYPE_FLOW_REQUEST] = openflow_flow_stats,
            [OFPTYPE_FLOW_COUNTS_REQUEST] = openflow_flow_counts,
            [OFPTYPE_AGGREGATE_REQUEST] = openflow_aggregate,
            [OFPTYPE_TABLE_REQUEST] = openflow_table_stats,
            [OFPTYPE_TABLE_FEATURES_REQUEST] = openflow_table_features,
            [OFPTYPE_PACKET_OUT] = openflow_packet_out,
            [OFPTYPE_TABLE_MOD] = openflow_table_mod,
            [OFPTYPE_TABLE_DESC_REQUEST] = openflow_table_desc,
            [OFPTYPE_QUEUE_GET_CONFIG_REQUEST] = openflow_queue_config,
            [OFPTYPE_QUEUE_REQUEST] = openflow_queue_stats,
            [OFPTYPE_FLOW_MONITOR_REQUEST] = openflow_flow_monitor,
            [OFPTYPE_FLOW_MONITOR_CANCEL] = openflow_flow_monitor_cancel,
            [OFPTYPE_RESUME] = openflow_resume,
            [OFPTYPE_TLV_TABLE_MOD] = openflow_tlv_table_mod,
            [OFPTYPE_TLV_TABLE_REQUEST] = openflow_tlv_table,
            [OFPTYPE_IPFIX_BRIDGE_REQUEST] = openflow_ipfix_bridge,
            [OFPTYPE_IPFIX_FLOW_REQUEST] = openflow_ipfix_flow,
            [OFPTYPE_CT_FLUSH] = ct_flush,
            [OFPTYPE_CT_FLUSH_ZONE] = ct_flush,
            [OFPTYPE_GROUP_MOD] = openflow_group_mod,
            [OFPTYPE_GROUP_REQUEST] = openflow_group_stats,
            [OFPTYPE_GROUP_DESC_REQUEST] = openflow_group_desc,
            [OFPTYPE_GROUP_FEATURES_REQUEST] = openflow_group_features,
            [OFPTYPE_METER_MOD] = openflow_meter_mod,
            [OFPTYPE_METER_REQUEST] = openflow_meter_stats,
            [OFPTYPE_METER_CONFIG_REQUEST] = openflow_meter_config,
            [OFPTYPE_METER_FEATURES_REQUEST] = openflow_meter_features,
        },
    .settle = settle,
    .is_settled = is_settled,
    .hidden_rule = openflow_hidden_rule,
    .flush = openflow_flush,
    .miss_wanted = openflow_miss_wanted,
    .closed = openflow_monitors_closed,
    .drained = openflow_monitors_drained,
    .check_bundled = openflow_check_bundled,
    .forget_bundled = openflow_forget_bundled,
    .commit = openflow_commit,
};
