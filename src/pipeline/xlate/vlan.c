/* SPDX-License-Identifier: Apache-2.0 */
/* VLANs as bundles have them: a packet inside of the bridge carries the VLAN that it belongs to; what a port
 * shows of that on the wire is its mode's business (ovs-vswitchd.conf.db(5), Port, "VLAN configuration"). */
#include <string.h>

#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

void xvlan_extract(const struct flow_key *flow, struct xvlan *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        if (!eth_type_is_vlan(flow->vlans[i].tpid) || !(flow->vlans[i].tci & FLOW_VLAN_PRESENT)) {
            break;
        }
        uint16_t tci = be16toh(flow->vlans[i].tci);
        out->v[i].tpid = be16toh(flow->vlans[i].tpid);
        out->v[i].vid = tci & VLAN_VID_MASK;
        out->v[i].pcp = tci & VLAN_PCP_MASK;
    }
}

void xvlan_put(struct flow_key *flow, const struct xvlan *xvlan, enum ofproto_priority_tags tags)
{
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        uint16_t tci = (uint16_t)(xvlan->v[i].vid | xvlan->v[i].pcp);
        bool tagged = tci || (tags == OFPROTO_PRIORITY_TAGS_ALWAYS && i == 0);
        flow->vlans[i].tci = tagged ? htobe16(tci | VLAN_CFI) : 0;
        flow->vlans[i].tpid = tagged ? htobe16(xvlan->v[i].tpid ? xvlan->v[i].tpid : ETH_TYPE_VLAN) : 0;
    }
}

static bool trunks_vlan(const struct xbundle *b, uint16_t vid)
{
    return !b->trunks || bitmap_is_set(b->trunks, vid);
}

static bool allows_cvlan(const struct xbundle *b, uint16_t vid)
{
    return !b->cvlans || bitmap_is_set(b->cvlans, vid);
}

bool xbundle_includes_vlan(const struct xbundle *b, const struct xvlan *xvlan)
{
    switch (b->vlan_mode) {
    case OFPROTO_VLAN_ACCESS:
        return xvlan->v[0].vid == b->vlan && !xvlan->v[1].vid;
    case OFPROTO_VLAN_TRUNK:
    case OFPROTO_VLAN_NATIVE_TAGGED:
    case OFPROTO_VLAN_NATIVE_UNTAGGED:
        return trunks_vlan(b, xvlan->v[0].vid);
    case OFPROTO_VLAN_DOT1Q_TUNNEL:
        return xvlan->v[0].vid == b->vlan && allows_cvlan(b, xvlan->v[1].vid);
    }
    return false;
}

void xvlan_input_translate(const struct xbundle *in, const struct xvlan *from, struct xvlan *to)
{
    *to = *from;
    switch (in->vlan_mode) {
    case OFPROTO_VLAN_TRUNK:
        break;
    case OFPROTO_VLAN_ACCESS:
    case OFPROTO_VLAN_NATIVE_TAGGED:
    case OFPROTO_VLAN_NATIVE_UNTAGGED:
        if (in->vlan_mode == OFPROTO_VLAN_ACCESS) {
            memset(&to->v[1], 0, sizeof to->v[0] * (FLOW_MAX_VLANS - 1)); /* all of it is in the one VLAN */
        }
        if (in->vlan_mode == OFPROTO_VLAN_ACCESS || !from->v[0].vid) {
            to->v[0].tpid = from->v[0].tpid ? from->v[0].tpid : ETH_TYPE_VLAN;
            to->v[0].vid = (uint16_t)in->vlan;
        }
        break;
    case OFPROTO_VLAN_DOT1Q_TUNNEL:
        memmove(&to->v[1], &from->v[0], sizeof to->v[0] * (FLOW_MAX_VLANS - 1));
        to->v[0].tpid = in->qinq_ethtype;
        to->v[0].vid = (uint16_t)in->vlan;
        to->v[0].pcp = 0;
        break;
    }
}

/* What is left when the outer tag goes: the tags behind it. */
static void pop_outer(struct xvlan *v)
{
    memmove(&v->v[0], &v->v[1], sizeof v->v[0] * (FLOW_MAX_VLANS - 1));
    memset(&v->v[FLOW_MAX_VLANS - 1], 0, sizeof v->v[0]);
}

void xvlan_output_translate(const struct xbundle *b, const struct xvlan *xvlan, struct xvlan *out)
{
    *out = *xvlan;
    switch (b->vlan_mode) {
    case OFPROTO_VLAN_ACCESS:
        memset(out, 0, sizeof *out);
        break;
    case OFPROTO_VLAN_TRUNK:
    case OFPROTO_VLAN_NATIVE_TAGGED:
        break;
    case OFPROTO_VLAN_NATIVE_UNTAGGED:
        if (xvlan->v[0].vid == b->vlan) {
            pop_outer(out);
        }
        break;
    case OFPROTO_VLAN_DOT1Q_TUNNEL:
        pop_outer(out);
        break;
    }
}
