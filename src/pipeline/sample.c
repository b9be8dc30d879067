/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/sample.h"

#include <endian.h>
#include <string.h>

#include "action/action.h"
#include "openflow/actions.h"
#include "pipeline/ipfix.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/sflow.h"
#include "tunnel/config.h"
#include "wire/eth.h"

static const struct xbridge *find_bridge(const struct snapshot *snapshot, uint64_t id)
{
    for (size_t i = 0; i < snapshot->n_bridges; i++) {
        if (snapshot->bridges[i]->ofproto->id == id) {
            return snapshot->bridges[i];
        }
    }
    return NULL;
}

/* A patch port, or one that is gone, has no name that a collector could know. */
static struct ipfix_sample_port describe_port(const struct xport *port)
{
    bool there = port && !port->is_patch;
    return (struct ipfix_sample_port){.name = there ? port->name : "", .ifindex = there ? port->ifindex : 0};
}

/* As the enterprise element tunnelType has it; 0: not told of. */
static uint8_t tunnel_type(enum tunnel_kind kind)
{
    static const uint8_t types[TUNNEL_N_KINDS] = {
        [TUNNEL_VXLAN] = 1, [TUNNEL_GRE] = 2, [TUNNEL_IP6GRE] = 2, [TUNNEL_LISP] = 3, [TUNNEL_GENEVE] = 7};
    return types[kind];
}

/* Labels that the actions push before the packet goes out for the first time, the outermost first. */
static size_t pushed_labels(const struct dp_upcall *u, be32 labels[SFLOW_LABELS_MAX])
{
    size_t n = 0;
    const struct dp_action *a;
    if (!u->actions) {
        return 0;
    }
    DP_ACTION_FOR_EACH (a, u->actions, u->n_actions) {
        if (a->type == DP_ACTION_PUSH_MPLS && n < SFLOW_LABELS_MAX) {
            memmove(labels + 1, labels, n++ * sizeof labels[0]);
            labels[0] = DP_ACTION_AS(dp_action_mpls, a)->lse;
        } else if (a->type == DP_ACTION_OUTPUT) {
            break;
        }
    }
    return n;
}

static uint16_t tci_of(be16 tci)
{
    return (uint16_t)(be16toh(tci) & ~VLAN_CFI);
}

static void sample_sflow(struct pipeline *p, const struct xbridge *bridge, const struct dp_upcall *u,
                         const struct dp_cookie *cookie)
{
    const struct xport *in = xbridge_port(bridge, cookie->ofp_in_port);
    be32 labels[SFLOW_LABELS_MAX];
    const struct sflow_sample s = {
        .frame = u->packet->data,
        .len = u->packet->len,
        .is_ethernet = u->key.packet_type == FLOW_PT_ETH,
        .in = in ? in->ifindex : 0,
        .out = cookie->sflow.output,
        .in_tci = tci_of(u->key.vlans[0].tci),
        .out_tci = tci_of(cookie->sflow.vlan_tci),
        .labels = labels,
        .n_labels = pushed_labels(u, labels),
    };
    if (bridge->sflow && sflow_sample(bridge->sflow, &s)) {
        pipeline_wake(p);
    }
}

void sample_upcall(struct dp_backer *backer, const struct dp_upcall *u, const struct dp_cookie *cookie)
{
    struct pipeline *p = backer->pipeline;
    const struct xbridge *bridge = find_bridge(snapshot_get(p), cookie->ofproto[0]);
    if (bridge && cookie->type == DP_COOKIE_SFLOW) {
        sample_sflow(p, bridge, u, cookie);
        return;
    }
    if (!bridge || !bridge->ipfix) {
        return; /* it went while the packet waited */
    }
    bool of_set = cookie->type == DP_COOKIE_FLOW_SAMPLE;
    const struct xport *in = xbridge_port(bridge, cookie->ofp_in_port);
    const struct xport *out =
        xbridge_port(bridge, of_set ? cookie->flow_sample.ofp_output : cookie->ipfix.ofp_output);
    struct ipfix_sample s = {
        .of_set = of_set,
        .egress = out,
        .dropped = of_set ? cookie->flow_sample.dropped : cookie->ipfix.dropped,
        .in = describe_port(in),
        .out = describe_port(out),
        .key = &u->key,
        .len = u->packet->len,
    };
    if (of_set) {
        s.set = cookie->flow_sample.collector_set_id;
        s.domain = cookie->flow_sample.obs_domain_id;
        s.point = cookie->flow_sample.obs_point_id;
        s.egress = cookie->flow_sample.direction ? cookie->flow_sample.direction == SAMPLE_EGRESS : s.egress;
    }
    if (in && in->tunnel) {
        s.tunnel_type = tunnel_type(in->tunnel->kind);
        s.tunnel_proto = tunnel_kinds[in->tunnel->kind].proto;
    }
    if (ipfix_sample(bridge->ipfix, &s)) {
        pipeline_wake(p);
    }
}
