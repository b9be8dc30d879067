/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/match.h"

#include <string.h>

#include "flow/field.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"

#define ALL_BLOCKS ((1u << FLOW_N_BLOCKS) - 1)

void match_init_catchall(struct match *m)
{
    memset(m, 0, sizeof *m);
    m->wc.blocks = ALL_BLOCKS;
}

void match_init(struct match *m, const struct flow_key *flow, const struct flow_key *mask)
{
    m->flow = *flow;
    m->wc.bits = *mask;
    m->wc.blocks = ALL_BLOCKS;
    match_set_layout(m, NULL);
    match_zero_wildcards(m);
}

bool match_equal(const struct match *a, const struct match *b)
{
    return flow_key_equal(&a->wc.bits, &b->wc.bits) && flow_key_equal(&a->flow, &b->flow);
}

void match_zero_wildcards(struct match *m)
{
    flow_zero_wildcards(&m->flow, &m->wc.bits);
}

void match_compress(const struct match *m, struct minimatch *mini)
{
    minimatch_init(mini, &m->flow, &m->wc);
}

void match_expand(const struct minimatch *mini, const struct tun_md_layout *layout, struct match *m)
{
    minimatch_expand(mini, &m->flow, &m->wc);
    m->wc.blocks = ALL_BLOCKS;
    match_set_layout(m, layout);
}

void match_set_default_packet_type(struct match *m)
{
    if (!m->wc.bits.packet_type) {
        m->flow.packet_type = FLOW_PT_ETH;
        m->wc.bits.packet_type = UINT32_MAX;
    }
}

/* What the match's packets may have, by type. */
enum {
    MAY_ETH = 1 << 0,
    MAY_NW_ADDR = 1 << 1,
    MAY_NW_PROTO = 1 << 2,
    MAY_IP = 1 << 3, /* tos, ttl, frag */
    MAY_TP = 1 << 4,
    MAY_TCP_FLAGS = 1 << 5,
    MAY_ARP_HW = 1 << 6,
    MAY_IPV6 = 1 << 7,
    MAY_ND = 1 << 8,
    MAY_ND_SLL = 1 << 9,
    MAY_ND_TLL = 1 << 10,
    MAY_MPLS = 1 << 11,
    MAY_NSH = 1 << 12,
};

static unsigned may_match(const struct flow_key *f)
{
    be16 type = flow_key_dl_type(f);
    unsigned may = f->packet_type == FLOW_PT_ETH ? MAY_ETH : 0;

    if (type == CONST_BE16(ETH_TYPE_IPV4) || type == CONST_BE16(ETH_TYPE_IPV6)) {
        bool ipv4 = type == CONST_BE16(ETH_TYPE_IPV4);
        may |= MAY_NW_PROTO | MAY_IP | (ipv4 ? MAY_NW_ADDR : MAY_IPV6);
        if (f->nw_proto == IP_PROTO_TCP) {
            may |= MAY_TP | MAY_TCP_FLAGS;
        } else if (f->nw_proto == IP_PROTO_UDP || f->nw_proto == IP_PROTO_SCTP ||
                   f->nw_proto == (ipv4 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6) ||
                   (ipv4 && f->nw_proto == IP_PROTO_IGMP)) {
            may |= MAY_TP;
        }
        if (!ipv4 && f->nw_proto == IP_PROTO_ICMPV6) {
            if (f->tp_src == CONST_BE16(ND_NEIGHBOR_SOLICIT)) {
                may |= MAY_ND | MAY_ND_SLL;
            } else if (f->tp_src == CONST_BE16(ND_NEIGHBOR_ADVERT)) {
                may |= MAY_ND | MAY_ND_TLL;
            }
        }
    } else if (type == CONST_BE16(ETH_TYPE_ARP) || type == CONST_BE16(ETH_TYPE_RARP)) {
        may |= MAY_NW_PROTO | MAY_NW_ADDR | MAY_ARP_HW;
    } else if (eth_type_is_mpls(type)) {
        may |= MAY_MPLS;
    } else if (type == CONST_BE16(ETH_TYPE_NSH)) {
        may |= MAY_NSH | MAY_NW_PROTO | MAY_IP;
    }
    return may;
}

bool match_normalise(struct match *m)
{
    unsigned may = may_match(&m->flow);
    struct flow_key *wc = &m->wc.bits;
    if (!wc->ct_nw_proto) {
        flow_wc_unset(wc, ct_tp_src);
        flow_wc_unset(wc, ct_tp_dst);
    }
    struct flow_key before = *wc;

    if (!(may & MAY_ETH)) {
        flow_wc_unset(wc, dl_src);
        flow_wc_unset(wc, dl_dst);
        flow_wc_unset(wc, vlans);
    }
    if (!(may & MAY_NW_ADDR)) {
        flow_wc_unset(wc, nw_src);
        flow_wc_unset(wc, nw_dst);
    }
    if (!(may & MAY_NW_PROTO)) {
        flow_wc_unset(wc, nw_proto);
    }
    if (!(may & MAY_IP)) {
        flow_wc_unset(wc, nw_tos);
        flow_wc_unset(wc, nw_ttl);
        flow_wc_unset(wc, nw_frag);
    }
    if (!(may & MAY_TP)) {
        flow_wc_unset(wc, tp_src);
        flow_wc_unset(wc, tp_dst);
    }
    if (!(may & (MAY_TCP_FLAGS | MAY_ND))) {
        flow_wc_unset(wc, tcp_flags);
    }
    if (!(may & (MAY_ARP_HW | MAY_ND_SLL))) {
        flow_wc_unset(wc, arp_sha);
    }
    if (!(may & (MAY_ARP_HW | MAY_ND_TLL))) {
        flow_wc_unset(wc, arp_tha);
    }
    if (!(may & MAY_IPV6)) {
        flow_wc_unset(wc, ipv6_src);
        flow_wc_unset(wc, ipv6_dst);
        flow_wc_unset(wc, ipv6_label);
    }
    if (!(may & MAY_ND)) {
        flow_wc_unset(wc, nd_target);
        flow_wc_unset(wc, igmp_group);
    }
    if (!(may & MAY_MPLS)) {
        flow_wc_unset(wc, mpls_lse);
    }
    if (!(may & MAY_NSH)) {
        flow_wc_unset(wc, nsh_flags);
        flow_wc_unset(wc, nsh_ttl);
        flow_wc_unset(wc, nsh_mdtype);
        flow_wc_unset(wc, nsh_np);
        flow_wc_unset(wc, nsh_path_hdr);
        flow_wc_unset(wc, nsh_context);
    }
    match_zero_wildcards(m);
    return !flow_key_equal(&before, wc);
}

/* Layer 3 and 4 of flow_mask_for_packet(). */
static void mask_ip_for_packet(const struct flow_key *f, struct flow_key *wc)
{

    flow_wc_set(wc, nw_proto);
    flow_wc_set(wc, nw_tos);
    flow_wc_set(wc, nw_ttl);
    flow_wc_set(wc, nw_frag);
    if (f->nw_frag & FLOW_NW_FRAG_LATER) {
        return;
    }
    switch (f->nw_proto) {
    case IP_PROTO_TCP:
        flow_wc_set(wc, tcp_flags);
        flow_wc_set(wc, tp_src);
        flow_wc_set(wc, tp_dst);
        break;
    case IP_PROTO_ICMP:
    case IP_PROTO_UDP:
    case IP_PROTO_SCTP:
        flow_wc_set(wc, tp_src);
        flow_wc_set(wc, tp_dst);
        break;
    case IP_PROTO_IGMP:
        flow_wc_set(wc, tp_src);
        flow_wc_set(wc, tp_dst);
        flow_wc_set(wc, igmp_group);
        break;
    case IP_PROTO_ICMPV6:
        flow_wc_set(wc, tp_src);
        flow_wc_set(wc, tp_dst);
        if (flow_key_is_nd(f)) {
            flow_wc_set(wc, arp_sha);
            flow_wc_set(wc, arp_tha);
            flow_wc_set(wc, nd_target);
        }
        break;
    default:
        break;
    }
}

static void mask_tunnel_for_packet(const struct flow_key *f, struct flow_key *wc)
{
    if (f->tun_flags & FLOW_TUN_KEY) {
        flow_wc_set(wc, tun_id);
    }
    flow_wc_set(wc, tun_src);
    flow_wc_set(wc, tun_dst);
    flow_wc_set(wc, tun_ipv6_src);
    flow_wc_set(wc, tun_ipv6_dst);
    flow_wc_set(wc, tun_flags);
    flow_wc_set(wc, tun_tos);
    flow_wc_set(wc, tun_ttl);
    flow_wc_set(wc, tun_tp_src);
    flow_wc_set(wc, tun_tp_dst);
    flow_wc_set(wc, tun_gbp_id);
    flow_wc_set(wc, tun_gbp_flags);
    flow_wc_set(wc, tun_erspan_ver);
    flow_wc_set(wc, tun_erspan_dir);
    flow_wc_set(wc, tun_erspan_hwid);
    flow_wc_set(wc, erspan_idx);
    flow_wc_set(wc, tun_gtpu_flags);
    flow_wc_set(wc, tun_gtpu_msgtype);
    memset(wc->tun_opts, 0xff, f->tun_opts_len);
    wc->tun_opts_len = f->tun_opts_len ? 0xff : 0;
    wc->tun_md_present = f->tun_md_present;
    memset(wc->tun_md, f->tun_md_present ? 0xff : 0, sizeof wc->tun_md);
}

void flow_mask_for_packet(const struct flow_key *f, struct flow_key *wc)
{
    be16 type = flow_key_dl_type(f);

    memset(wc, 0, sizeof *wc);
    if (flow_key_from_tunnel(f)) {
        mask_tunnel_for_packet(f, wc);
    } else if (f->tun_id) {
        flow_wc_set(wc, tun_id);
    }
    flow_wc_set(wc, metadata);
    flow_wc_set(wc, regs);
    flow_wc_set(wc, skb_priority);
    flow_wc_set(wc, pkt_mark);
    flow_wc_set(wc, ct_state);
    flow_wc_set(wc, ct_zone);
    flow_wc_set(wc, ct_mark);
    flow_wc_set(wc, ct_label);
    flow_wc_set(wc, recirc_id);
    flow_wc_set(wc, dp_hash);
    flow_wc_set(wc, in_port);
    flow_wc_set(wc, actset_output);
    flow_wc_set(wc, packet_type);
    if (f->ct_nw_proto) {
        flow_wc_set(wc, ct_nw_proto);
        flow_wc_set(wc, ct_tp_src);
        flow_wc_set(wc, ct_tp_dst);
        if (type == CONST_BE16(ETH_TYPE_IPV4)) {
            flow_wc_set(wc, ct_nw_src);
            flow_wc_set(wc, ct_nw_dst);
        } else if (type == CONST_BE16(ETH_TYPE_IPV6)) {
            flow_wc_set(wc, ct_ipv6_src);
            flow_wc_set(wc, ct_ipv6_dst);
        }
    }
    if (f->packet_type == FLOW_PT_ETH) {
        flow_wc_set(wc, dl_dst);
        flow_wc_set(wc, dl_src);
        flow_wc_set(wc, dl_type);
        for (int i = 0; i < FLOW_MAX_VLANS; i++) {
            flow_wc_set(wc, vlans[i]);
            if (!f->vlans[i].tci) {
                break;
            }
        }
    }
    if (type == CONST_BE16(ETH_TYPE_IPV4)) {
        flow_wc_set(wc, nw_src);
        flow_wc_set(wc, nw_dst);
        mask_ip_for_packet(f, wc);
    } else if (type == CONST_BE16(ETH_TYPE_IPV6)) {
        flow_wc_set(wc, ipv6_src);
        flow_wc_set(wc, ipv6_dst);
        flow_wc_set(wc, ipv6_label);
        mask_ip_for_packet(f, wc);
    } else if (type == CONST_BE16(ETH_TYPE_ARP) || type == CONST_BE16(ETH_TYPE_RARP)) {
        flow_wc_set(wc, nw_src);
        flow_wc_set(wc, nw_dst);
        flow_wc_set(wc, nw_proto);
        flow_wc_set(wc, arp_sha);
        flow_wc_set(wc, arp_tha);
    } else if (eth_type_is_mpls(type)) {
        for (int i = 0; i < FLOW_MAX_MPLS; i++) {
            flow_wc_set(wc, mpls_lse[i]);
            if (f->mpls_lse[i] & CONST_BE32(MPLS_BOS_MASK)) {
                break;
            }
        }
    } else if (type == CONST_BE16(ETH_TYPE_NSH)) {
        flow_wc_set(wc, nsh_flags);
        flow_wc_set(wc, nsh_ttl);
        flow_wc_set(wc, nsh_mdtype);
        flow_wc_set(wc, nsh_np);
        flow_wc_set(wc, nsh_path_hdr);
        flow_wc_set(wc, nsh_context);
        mask_ip_for_packet(f, wc);
    }
}
