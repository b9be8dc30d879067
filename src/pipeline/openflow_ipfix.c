/* SPDX-License-Identifier: Apache-2.0 */
/* What IPFIX exporters have told, over OpenFlow. */
#include "openflow/nicira_codec.h"
#include "pipeline/ipfix.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"

enum ofperr openflow_ipfix_bridge(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    const struct ofproto *ofproto = ofproto_;
    struct ofconn_multipart reply;
    struct ipfix_stats s;
    if (!ofproto->ipfix || !ipfix_bridge_stats(ofproto->ipfix, &s)) {
        return OFPERR_NXST_NOT_CONFIGURED;
    }
    ofconn_multipart_begin(&reply, c, OFPTYPE_IPFIX_BRIDGE_REPLY, m);
    ipfix_stats_encode(ofconn_out(c), &s);
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}

enum ofperr openflow_ipfix_flow(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    const struct ofproto *ofproto = ofproto_;
    struct ofconn_multipart reply;
    size_t n = ofproto->ipfix ? ipfix_n_sets(ofproto->ipfix) : 0;
    if (!n) {
        return OFPERR_NXST_NOT_CONFIGURED;
    }
    ofconn_multipart_begin(&reply, c, OFPTYPE_IPFIX_FLOW_REPLY, m);
    for (size_t i = 0; i < n; i++) {
        struct ipfix_stats s;
        ipfix_set_stats(ofproto->ipfix, i, &s);
        ipfix_stats_encode(ofconn_out(c), &s);
        ofconn_multipart_next(&reply);
    }
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}
