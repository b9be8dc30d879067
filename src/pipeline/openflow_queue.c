/* SPDX-License-Identifier: Apache-2.0 */
/* Queues over OpenFlow: which a port has, and what passed them. A port without quality of service has one
 * queue, 0, whose packets nobody counts. */
#include <stdlib.h>

#include "openflow/port_codec.h"
#include "openflow/types.h"
#include "pipeline/ofproto.h"
#include "pipeline/openflow.h"

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
    if (v == OFP10) {
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

static void describe(const struct ofproto_port *port, void *reply_)
{
    struct queue_reply *r = reply_;
    if ((r->port == OFPP_ANY || r->port == port->ofp_port) && (r->queue == OFPQ_ALL || !r->queue)) {
        put_config(ofconn_out(r->conn), port->ofp_port, 0, r->request->version);
        if (r->request->version >= OFP14) {
            ofconn_multipart_next(&r->multipart);
        }
        r->n++;
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
        if (!r.bad && (!ok || (q->port != OFPP_LOCAL && q->port != OFPP_ANY && q->port >= OFPP_MAX))) {
            return OFPERR_OFPQOFC_BAD_PORT;
        }
    }
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
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
    if (r.queue && r.queue != OFPQ_ALL) {
        return OFPERR_OFPQOFC_BAD_QUEUE;
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

static void count(const struct ofproto_port *port, void *reply_)
{
    struct queue_reply *r = reply_;
    struct queue_stats s = {.port_no = port->ofp_port,
                            .duration_sec = UINT32_MAX,
                            .duration_nsec = UINT32_MAX,
                            .tx_bytes = UINT64_MAX,
                            .tx_packets = UINT64_MAX,
                            .tx_errors = UINT64_MAX};
    if ((r->port == OFPP_ANY || r->port == port->ofp_port) && (r->queue == OFPQ_ALL || !r->queue)) {
        queue_stats_encode(ofconn_out(r->conn), &s, r->request->version);
        ofconn_multipart_next(&r->multipart);
    }
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
    if (r.queue && r.queue != OFPQ_ALL) {
        return OFPERR_OFPQOFC_BAD_QUEUE;
    }
    ofconn_multipart_begin(&r.multipart, c, OFPTYPE_QUEUE_REPLY, m);
    ofproto_port_for_each(ofproto, count, &r);
    ofconn_multipart_end(&r.multipart);
    return OFPERR_NONE;
}
