/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/protocols.h"

#include <string.h>

#include "flow/mask.h"

#define EXTENDED (OFPROTO_NXM_ALL | OFPROTO_12_UP) /* Nicira's and OXM's matches alone */
#define SINCE_11 (EXTENDED | OFPROTO_11)           /* and OpenFlow 1.1's fixed match */

uint32_t ofproto_of_field(const struct field *field, bool masked)
{
    if (field->store == FIELD_VLAN && masked) {
        return EXTENDED;
    }
    switch (field->id) {
    case FIELD_IN_PORT:
    case FIELD_ETH_SRC:
    case FIELD_ETH_DST:
    case FIELD_ETH_TYPE:
    case FIELD_VLAN_TCI:
    case FIELD_DL_VLAN:
    case FIELD_DL_VLAN_PCP:
    case FIELD_VLAN_VID:
    case FIELD_VLAN_PCP:
    case FIELD_IPV4_SRC:
    case FIELD_IPV4_DST:
    case FIELD_IP_PROTO:
    case FIELD_IP_TOS:
    case FIELD_IP_DSCP:
    case FIELD_ARP_OP:
    case FIELD_ARP_SPA:
    case FIELD_ARP_TPA:
    case FIELD_TCP_SRC:
    case FIELD_TCP_DST:
    case FIELD_UDP_SRC:
    case FIELD_UDP_DST:
    case FIELD_ICMPV4_TYPE:
    case FIELD_ICMPV4_CODE:
        return OFPROTO_ANY; /* the other masks: ofproto_of_match() */
    case FIELD_IN_PORT_OXM:
    case FIELD_METADATA:
    case FIELD_MPLS_LABEL:
    case FIELD_MPLS_TC:
    case FIELD_IP_ECN:
    case FIELD_SCTP_SRC:
    case FIELD_SCTP_DST:
        return SINCE_11;
    default: /* a field without a code is in no protocol's matches */
        return field_oxm_of(field, OFP15) ? EXTENDED : 0;
    }
}

static bool is_partial(const void *mask, size_t n)
{
    const uint8_t *p = mask;
    bool zero = true, ones = true;
    for (size_t i = 0; i < n; i++) {
        zero &= p[i] == 0;
        ones &= p[i] == 0xff;
    }
    return !zero && !ones;
}

static bool is_cidr(be32 mask)
{
    uint32_t m = ~__builtin_bswap32(mask);
    return !(m & (m + 1));
}

/* VLAN masks that OpenFlow 1.0 can express: vid, priority, presence, each whole. */
static bool is_plain_vlan(be16 mask)
{
    uint16_t m = __builtin_bswap16(mask);
    return (m & 0xfff) == 0xfff ? (m & 0x1000) && ((m & 0xe000) == 0xe000 || !(m & 0xe000))
                                : !m || m == 0xf000;
}

uint32_t ofproto_of_match(const struct match *match)
{
    const struct flow_key *m = &match->wc.bits;
    uint32_t usable = OFPROTO_ANY;
    /* What only Nicira's extensible match and OXM have: whole blocks of the key first. */
    for (int b = FLOW_BLOCK_EXT; b < FLOW_N_BLOCKS; b++) {
        if (b != FLOW_BLOCK_PIPELINE && !flow_block_is_zero(m, b)) {
            usable &= EXTENDED;
        }
    }
    be32 mpls = m->mpls_lse[0];
    if (!flow_block_is_zero(m, FLOW_BLOCK_IPV6) || m->recirc_id || m->pkt_mark || m->ct_state || m->ct_zone ||
        m->nw_ttl || m->nw_frag || m->tcp_flags || m->skb_priority || m->dp_hash || m->ct_mark ||
        m->ct_nw_src || m->ct_nw_dst || m->ct_tp_src || m->ct_tp_dst || m->ct_nw_proto ||
        m->ct_label.be32[0] || m->ct_label.be32[1] || m->ct_label.be32[2] || m->ct_label.be32[3] ||
        m->igmp_group || m->erspan_idx || m->conj_id || m->actset_output || m->tun_md_present ||
        (mpls & CONST_BE32(0x1ff)) || (m->packet_type && match->flow.packet_type) ||
        is_partial(&m->tp_src, 2) || is_partial(&m->tp_dst, 2) || is_partial(&m->dl_type, 2) ||
        is_partial(&m->nw_proto, 1) || !is_plain_vlan(m->vlans[0].tci)) {
        usable &= EXTENDED;
    }
    if (m->dl_type && match->flow.dl_type == CONST_BE16(0x86dd) && (m->nw_proto || m->nw_tos)) {
        usable &= EXTENDED; /* the fixed matches know IPv4's alone */
    }
    if (mpls || m->metadata || (m->nw_tos & 3) || is_partial(&m->dl_src, 6) || is_partial(&m->dl_dst, 6) ||
        !is_cidr(m->nw_src) || !is_cidr(m->nw_dst)) {
        usable &= SINCE_11;
    }
    if ((m->tp_src || m->tp_dst) && m->nw_proto) {
        if (match->flow.nw_proto == 58) {
            usable &= EXTENDED;
        }
    }
    return usable;
}
