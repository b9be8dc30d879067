/* SPDX-License-Identifier: Apache-2.0 */
#include "match/widen.h"

#include "base/compiler.h"

#define FIELD(MEMBER, LAYER)                                                                                 \
    {                                                                                                        \
        offsetof(struct flow_key, MEMBER), sizeof(((const struct flow_key *)NULL)->MEMBER),                  \
            WIDEN_LAYER_##LAYER                                                                              \
    }

/* Every field of the datapath's key; widen_test.c checks that none is missing. */
static const struct {
    uint16_t offset, size;
    enum widen_layer layer;
} fields[] = {
    FIELD(in_port, INPUT),
    FIELD(recirc_id, INPUT),
    FIELD(packet_type, INPUT),
    FIELD(dl_dst, ETHERNET),
    FIELD(dl_src, ETHERNET),
    FIELD(dl_type, TYPE),
    FIELD(vlans[0], TYPE),
    FIELD(vlans[1], TYPE),
    FIELD(tp_src, TRANSPORT),
    FIELD(tp_dst, TRANSPORT),
    FIELD(tcp_flags, ALONE),
    FIELD(nw_src, NETWORK),
    FIELD(nw_dst, NETWORK),
    FIELD(nw_proto, PROTOCOL),
    FIELD(nw_tos, ALONE),
    FIELD(nw_ttl, ALONE),
    FIELD(nw_frag, PROTOCOL),
    FIELD(ct_state, CT),
    FIELD(ct_zone, CT),
    FIELD(pkt_mark, MARKS),
    FIELD(ipv6_src, NETWORK6),
    FIELD(ipv6_dst, NETWORK6),
    FIELD(nd_target, NEIGHBOUR),
    FIELD(ipv6_label, ALONE),
    FIELD(arp_sha, NEIGHBOUR),
    FIELD(arp_tha, NEIGHBOUR),
    FIELD(skb_priority, MARKS),
    FIELD(dp_hash, ALONE),
    FIELD(ct_mark, CT),
    FIELD(ct_label, CT),
    FIELD(ct_nw_src, CT_TUPLE),
    FIELD(ct_nw_dst, CT_TUPLE),
    FIELD(ct_tp_src, CT_TUPLE),
    FIELD(ct_tp_dst, CT_TUPLE),
    FIELD(ct_nw_proto, CT_TUPLE),
    FIELD(mpls_lse[0], ALONE),
    FIELD(mpls_lse[1], ALONE),
    FIELD(mpls_lse[2], ALONE),
    FIELD(igmp_group, ALONE),
    FIELD(erspan_idx, ALONE),
    FIELD(ct_ipv6_src, CT_TUPLE6),
    FIELD(ct_ipv6_dst, CT_TUPLE6),
    FIELD(nsh_flags, NSH),
    FIELD(nsh_ttl, NSH),
    FIELD(nsh_mdtype, NSH),
    FIELD(nsh_np, NSH),
    FIELD(nsh_path_hdr, NSH),
    FIELD(nsh_context, ALONE),
    FIELD(tun_id, TUNNEL),
    FIELD(tun_ipv6_src, TUNNEL6),
    FIELD(tun_ipv6_dst, TUNNEL6),
    FIELD(tun_src, TUNNEL),
    FIELD(tun_dst, TUNNEL),
    FIELD(tun_tp_src, ALONE),
    FIELD(tun_tp_dst, ALONE),
    FIELD(tun_flags, TUNNEL),
    FIELD(tun_tos, ALONE),
    FIELD(tun_ttl, ALONE),
    FIELD(tun_gbp_id, ALONE),
    FIELD(tun_gbp_flags, ALONE),
    FIELD(tun_gtpu_flags, ALONE),
    FIELD(tun_gtpu_msgtype, ALONE),
    FIELD(tun_erspan_ver, ALONE),
    FIELD(tun_erspan_dir, ALONE),
    FIELD(tun_erspan_hwid, ALONE),
    FIELD(tun_opts, ALONE),
    FIELD(tun_opts_len, ALONE),
};

/* Bits that a field never has: a mask of them would not print as a whole field, and need not be matched. */
static void keep_to_width(struct flow_key *bits)
{
    bits->tcp_flags &= CONST_BE16(0x0fff);
    bits->ipv6_label &= CONST_BE32(0x000fffff);
    bits->ct_state &= 0xff;
    bits->tun_flags &= FLOW_TUN_OAM | FLOW_TUN_DONT_FRAG | FLOW_TUN_CSUM | FLOW_TUN_KEY | FLOW_TUN_CRIT_OPT;
    bits->nw_frag &= FLOW_NW_FRAG_ANY | FLOW_NW_FRAG_LATER;
    bits->erspan_idx &= 0xfffff;
}

static bool is_matched(const struct flow_mask *mask, size_t i)
{
    const uint8_t *p = (const uint8_t *)&mask->bits + fields[i].offset;
    for (size_t j = 0; j < fields[i].size; j++) {
        if (p[j]) {
            return true;
        }
    }
    return false;
}

enum widen_level megaflow_widen_level(size_t n_masks, size_t budget)
{
    return n_masks < budget / 2 ? WIDEN_NONE : n_masks < budget ? WIDEN_FIELDS : WIDEN_LAYERS;
}

void megaflow_widen_mask(struct flow_mask *mask, enum widen_level level)
{
    uint32_t layers = 0;
    STATIC_ASSERT(N_WIDEN_LAYERS <= 32);
    if (level == WIDEN_NONE) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        layers |= is_matched(mask, i) ? 1u << fields[i].layer : 0;
    }
    layers &= level == WIDEN_LAYERS ? ~(1u << WIDEN_LAYER_ALONE) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (is_matched(mask, i) || (layers & (1u << fields[i].layer))) {
            __builtin_memset((char *)&mask->bits + fields[i].offset, 0xff, fields[i].size);
            mask->blocks |= (uint16_t)FLOW_BLOCK_BIT(fields[i].offset / FLOW_BLOCK_SIZE);
            mask->blocks |=
                (uint16_t)FLOW_BLOCK_BIT((fields[i].offset + fields[i].size - 1) / FLOW_BLOCK_SIZE);
            if (fields[i].size > FLOW_BLOCK_SIZE) { /* tun_opts */
                mask->blocks |= (uint16_t)(15u << FLOW_BLOCK_TUNOPT0);
            }
        }
    }
    keep_to_width(&mask->bits);
}
