/* SPDX-License-Identifier: Apache-2.0 */
/* Queues over OpenFlow: which a port has (port/qos.h), and what passed them. */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "openflow/port_codec.h"
#include "openflow/types.h"
#include "pipeline/ofproto.h"
#include "pipeline/openflow.h"
#include "port/qos.h"
#include "port/vport.h"

struct queue_reply {
    struct ofconn *conn;
    const struct ofp_msg *request;
    struct ofconn_multipart multipart;
    uint32_t port, queue; /* OFPP_ANY, OFPQ_ALL */
    size_t n;
};

/* Where each version has a queue's description. */
static void put_config(struct bytebuf *b, uint32_t port, uint32_t queue, enum ofp_version v)
{
    if (v >= OFP14) {
        put_u32(b, ofp_port_to_11(port));
    }
    put_u32(b, queue);
    if (v <= OFP11) {
        put_u16(b, 8);
        put_u16(b, 0);
    } else {
        if (v < OFP14) {
            put_u32(b, ofp_port_to_11(port));
        }
        put_u16(b, 16);
        bytebuf_put_zeros(b, 6);
    }
}

static bool wants_port(const struct queue_reply *r, const struct ofproto_port *port)
{
    return (r->port == OFPP_ANY || r->port == port->ofp_port) && port->vport;
}

static void describe(const struct ofproto_port *port, void *reply_)
{
    struct queue_reply *r = reply_;
    size_t n = wants_port(r, port) ? vport_n_queues(port->vport) : 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = vport_queue_id(port->vport, i);
        if (r->queue == OFPQ_ALL || r->queue == id) {
            put_config(ofconn_out(r->conn), port->ofp_port, id, r->request->version);
            if (r->request->version >= OFP14) {
                ofconn_multipart_next(&r->multipart);
            }
            r->n++;
        }
    }
}

static enum ofperr decode_request(const struct ofp_msg *m, struct queue_reply *q)
{
    struct reader r = m->body;
    q->queue = OFPQ_ALL;
    if (m->version == OFP10) {
        q->port = get_u16(&r);
        if (q->port >= OFPP_MAX) {
            return OFPERR_OFPQOFC_BAD_PORT;
        }
    } else {
        bool ok = ofp_port_from_11(get_u32(&r), &q->port);
        if (m->version >= OFP14) {
            q->queue = get_u32(&r);
        }
        if (!r.bad && (!ok || (q->port != OFPP_ANY && q->port >= OFPP_MAX &&
                               (q->port != OFPP_LOCAL || m->version < OFP14)))) {
            return OFPERR_OFPQOFC_BAD_PORT;
        }
    }
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

struct queue_search {
    uint32_t port, queue;
    bool found;
};

static void look_for(const struct ofproto_port *port, void *search_)
{
    struct queue_search *s = search_;
    if (port->vport && (s->port == OFPP_ANY || s->port == port->ofp_port)) {
        for (size_t i = 0; i < vport_n_queues(port->vport); i++) {
            s->found |= vport_queue_id(port->vport, i) == s->queue;
        }
    }
}

static bool has_queue(const struct ofproto *ofproto, uint32_t port, uint32_t queue)
{
    struct queue_search search = {port, queue, false};
    ofproto_port_for_each(ofproto, look_for, &search);
    return search.found;
}

enum ofperr openflow_queue_config(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct queue_reply r = {.conn = c, .request = m};
    struct ofproto_port port;
    enum ofperr error = decode_request(m, &r);
    if (error) {
        return error;
    }
    if (r.port != OFPP_ANY && ofproto_port_get(ofproto, r.port, &port)) {
        return OFPERR_OFPQOFC_BAD_PORT;
    }
    if (r.queue != OFPQ_ALL && !has_queue(ofproto, r.port, r.queue)) {
        /* A device of the host, and it alone, is asked whether it can have such a queue. */
        bool has_qdisc = r.port != OFPP_ANY && port.vport && port.vport->ops->has_qdisc;
        return has_qdisc ? OFPERR_NXQOFC_QUEUE_ERROR : OFPERR_OFPQOFC_BAD_QUEUE;
    }
    if (m->version >= OFP14) {
        ofconn_multipart_begin(&r.multipart, c, OFPTYPE_QUEUE_GET_CONFIG_REPLY, m);
        ofproto_port_for_each(ofproto, describe, &r);
        ofconn_multipart_end(&r.multipart);
        return OFPERR_NONE;
    }
    struct bytebuf *b = ofconn_out(c);
    size_t start = ofp_msg_begin(b, OFPTYPE_QUEUE_GET_CONFIG_REPLY, m->version, m->xid);
    if (m->version == OFP10) {
        put_u16(b, (uint16_t)r.port);
        bytebuf_put_zeros(b, 6);
    } else {
        put_u32(b, ofp_port_to_11(r.port));
        put_u32(b, 0);
    }
    ofproto_port_for_each(ofproto, describe, &r);
    ofp_msg_end(b, start);
    return OFPERR_NONE;
}

static void put_stats(struct queue_reply *r, uint32_t port, uint32_t queue,
                      const struct vport_queue_stats *counted)
{
    struct queue_stats s = {.port_no = port,
                            .queue_id = queue,
                            .duration_sec = UINT32_MAX,
                            .duration_nsec = UINT32_MAX,
                            .tx_bytes = counted->tx_bytes,
                            .tx_packets = counted->tx_packets,
                            .tx_errors = counted->tx_errors};
    if (counted->created_ms != INT64_MIN) {
        int64_t age = clock_ms() - counted->created_ms;
        s.duration_sec = (uint32_t)(age / 1000);
        s.duration_nsec = (uint32_t)(age % 1000 * 1000000);
    }
    queue_stats_encode(ofconn_out(r->conn), &s, r->request->version);
    ofconn_multipart_next(&r->multipart);
}

static void count(const struct ofproto_port *port, void *reply_)
{
    struct queue_reply *r = reply_;
    struct vport_queue_stats one;
    if (!wants_port(r, port)) {
        return;
    }
    if (r->queue != OFPQ_ALL) {
        if (vport_get_queue_stats(port->vport, r->queue, &one) != ENOENT) {
            put_stats(r, port->ofp_port, r->queue, &one);
        }
        return;
    }
    size_t n = vport_n_queues(port->vport);
    struct vport_queue_stats *all = xcalloc(n + 1, sizeof *all);
    vport_get_all_queue_stats(port->vport, all); /* fails: what is not known is not known */
    for (size_t i = 0; i < n; i++) {
        put_stats(r, port->ofp_port, vport_queue_id(port->vport, i), &all[i]);
    }
    free(all);
}

enum ofperr openflow_queue_stats(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct queue_reply r = {.conn = c, .request = m};
    struct ofproto_port port;
    enum ofperr error = queue_stats_request_decode(m, &r.port, &r.queue);
    if (error) {
        return error;
    }
    if (r.port == OFPP_ALL) {
        r.port = OFPP_ANY;
    }
    if (r.port != OFPP_ANY && ofproto_port_get(ofproto, r.port, &port)) {
        return OFPERR_OFPQOFC_BAD_PORT;
    }
    if (r.queue != OFPQ_ALL && !has_queue(ofproto, r.port, r.queue)) {
        return OFPERR_OFPQOFC_BAD_QUEUE;
    }
    ofconn_multipart_begin(&r.multipart, c, OFPTYPE_QUEUE_REPLY, m);
    ofproto_port_for_each(ofproto, count, &r);
    ofconn_multipart_end(&r.multipart);
    return OFPERR_NONE;
}
