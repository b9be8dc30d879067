/* SPDX-License-Identifier: Apache-2.0 */
/* A match as ovs-ofctl and ofproto/trace print it. The order is the reference's: metadata, protocol keyword,
 * registers, tunnel, then the packet from the outside to the inside. */
#include <stdlib.h>
#include <string.h>

#include "base/color.h"
#include "flow/field.h"
#include "flow/flags.h"
#include "flow/match.h"
#include "flow/text.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"

/* NAME=VALUE, of a number: in decimal, but hexadecimal under a mask; or always hexadecimal, with "0x" in
 * front of a 0, too. */
static void put_0x(struct strbuf *s, const char *name, uint32_t v, uint32_t mask, uint32_t all)
{
    if (mask) {
        color_put_name(s, name);
        strbuf_printf(s, mask == all ? "0x%x," : "0x%x/0x%x,", v, mask);
    }
}

static void put_u16(struct strbuf *s, const char *name, uint16_t v, uint16_t mask)
{
    if (mask) {
        color_put_name(s, name);
        strbuf_printf(s, mask == UINT16_MAX ? "%u," : "0x%x/0x%x,", v, mask);
    }
}

static void put_u8(struct strbuf *s, const char *name, uint8_t v, uint8_t mask)
{
    if (mask) {
        color_put_name(s, name);
        strbuf_printf(s, mask == UINT8_MAX ? "%u," : "0x%02x/0x%02x,", v, mask);
    }
}

/* A field that rules cannot match in part: where actions read a part of it, all of it is shown. */
static void put_whole(struct strbuf *s, const char *name, uint8_t v, uint8_t mask)
{
    if (mask) {
        color_put_name(s, name);
        strbuf_printf(s, "%u,", v);
    }
}

static void put_dec_be32(struct strbuf *s, const char *name, uint32_t v, uint32_t mask)
{
    color_put_name(s, name);
    strbuf_printf(s, mask == UINT32_MAX ? "%u," : "0x%08x/0x%08x,", v, mask);
}

/* A label stack entry behind the first. */
static void put_lse(struct strbuf *s, const char *name, be32 lse, be32 mask)
{
    if (mask == UINT32_MAX) {
        color_put_name(s, name);
        strbuf_printf(s, "%u,", CONST_BE32(lse));
    } else if (mask) {
        color_put_name(s, name);
        strbuf_printf(s, "0x%08x/0x%08x,", CONST_BE32(lse), CONST_BE32(mask));
    }
}

static void put_hex(struct strbuf *s, const char *name, uint64_t v, uint64_t mask, uint64_t all)
{
    if (mask) {
        color_put_name(s, name);
        strbuf_printf(s, "%#llx", (unsigned long long)v);
        if (mask != all) {
            strbuf_printf(s, "/%#llx", (unsigned long long)mask);
        }
        strbuf_put_char(s, ',');
    }
}

static void put_port(struct strbuf *s, const char *name, be16 v, be16 mask)
{
    if (mask == UINT16_MAX) {
        color_put_name(s, name);
        strbuf_printf(s, "%u,", CONST_BE16(v));
    } else if (mask) {
        color_put_name(s, name);
        strbuf_printf(s, "0x%x/0x%x,", CONST_BE16(v), CONST_BE16(mask));
    }
}

static void put_mac(struct strbuf *s, const char *name, const struct eth_addr *a, const struct eth_addr *mask)
{
    if (eth_addr_is_zero(mask)) {
        return;
    }
    color_put_name(s, name);
    text_put_mac(s, a);
    if (!eth_addr_is_broadcast(mask)) {
        strbuf_put_char(s, '/');
        text_put_mac(s, mask);
    }
    strbuf_put_char(s, ',');
}

static void put_ipv4(struct strbuf *s, const char *name, be32 a, be32 mask)
{
    if (mask) {
        color_put_name(s, name);
        text_put_ipv4_masked(s, a, mask);
        strbuf_put_char(s, ',');
    }
}

static void put_ipv6(struct strbuf *s, const char *name, const struct ipv6_addr *a,
                     const struct ipv6_addr *mask)
{
    if (!ipv6_addr_is_zero(mask)) {
        color_put_name(s, name);
        text_put_ipv6_masked(s, a, mask);
        strbuf_put_char(s, ',');
    }
}

static void put_flags(struct strbuf *s, const char *name, const struct flag_name *names, uint32_t flags,
                      uint32_t mask, uint32_t all)
{
    if (mask & all) {
        color_put_name(s, name);
        flags_format_masked(s, names, flags, mask, all);
        strbuf_put_char(s, ',');
    }
}

static void put_field(struct strbuf *s, enum field_id id, const struct match *m)
{
    const struct field *f = field_from_id(id);
    union field_value value, mask;
    field_match_get(f, m, &value, &mask);
    if (id == FIELD_PACKET_TYPE) {
        strbuf_puts(s, "packet_type="); /* the reference gives it no colour */
    } else {
        color_put_name(s, f->name);
    }
    field_format(f, &value, &mask, NULL, s);
    strbuf_put_char(s, ',');
}

/* --- Parts --------------------------------------------------------------------------------------------- */

static void put_metadata(struct strbuf *s, const struct match *m, const struct port_names *ports)
{
    const struct flow_key *f = &m->flow, *wc = &m->wc.bits;

    put_hex(s, "pkt_mark", f->pkt_mark, wc->pkt_mark, UINT32_MAX);
    if (wc->recirc_id) {
        put_hex(s, "recirc_id", f->recirc_id, wc->recirc_id, UINT32_MAX);
    }
    put_hex(s, "dp_hash", f->dp_hash, wc->dp_hash, UINT32_MAX);
    if (wc->conj_id) {
        color_puts(s, COLOR_PARAM, "conj_id");
        strbuf_printf(s, "=%u,", f->conj_id);
    }
    put_hex(s, "skb_priority", f->skb_priority, wc->skb_priority, UINT32_MAX);
    if (wc->actset_output) {
        color_puts(s, COLOR_PARAM, "actset_output=");
        ofport_format(f->actset_output, ports, s);
        strbuf_put_char(s, ',');
    }
    if (wc->ct_state) {
        color_put_name(s, "ct_state");
        /* All the flags that there are, whether or not bits without a name are matched on as well. */
        flags_format_masked(s, flag_names_ct_state, f->ct_state, wc->ct_state,
                            (wc->ct_state & 0xff) == 0xff ? 0xff : UINT32_MAX);
        strbuf_put_char(s, ',');
    }
    put_u16(s, "ct_zone", f->ct_zone, wc->ct_zone);
    put_hex(s, "ct_mark", f->ct_mark, wc->ct_mark, UINT32_MAX);
    if (wc->ct_label.be32[0] | wc->ct_label.be32[1] | wc->ct_label.be32[2] | wc->ct_label.be32[3]) {
        put_field(s, FIELD_CT_LABEL, m);
    }
    put_ipv4(s, "ct_nw_src", f->ct_nw_src, wc->ct_nw_src);
    put_ipv6(s, "ct_ipv6_src", &f->ct_ipv6_src, &wc->ct_ipv6_src);
    put_ipv4(s, "ct_nw_dst", f->ct_nw_dst, wc->ct_nw_dst);
    put_ipv6(s, "ct_ipv6_dst", &f->ct_ipv6_dst, &wc->ct_ipv6_dst);
    if (wc->ct_nw_proto) {
        color_put_name(s, "ct_nw_proto");
        strbuf_printf(s, "%u,", f->ct_nw_proto);
    }
    put_port(s, "ct_tp_src", f->ct_tp_src, wc->ct_tp_src);
    put_port(s, "ct_tp_dst", f->ct_tp_dst, wc->ct_tp_dst);
}

/* The word for the match's protocol; says whether it tells the Ethertype and the IP protocol. */
static void put_keyword(struct strbuf *s, const struct match *m, bool *tells_type, bool *tells_proto)
{
    const struct flow_key *f = &m->flow, *wc = &m->wc.bits;
    const struct match_keyword *k = NULL;
    if (wc->dl_type == UINT16_MAX) {
        k = match_keyword_of(CONST_BE16(f->dl_type), wc->nw_proto ? f->nw_proto : 0);
    }
    if (k) {
        color_puts(s, COLOR_VALUE, k->name);
        strbuf_put_char(s, ',');
    }
    *tells_type = k;
    *tells_proto = k && k->nw_proto;
}

static void put_tunnel_options(struct strbuf *s, const struct match *m)
{
    for (uint64_t left = m->wc.bits.tun_md_present & m->tun_md.known; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left), len = m->tun_md.slots[i].len;
        uint8_t value[TUN_MD_MAX_LEN], mask[TUN_MD_MAX_LEN];
        bool zero = true, exact = true;
        tun_md_get(&m->tun_md, i, &m->flow, value, len);
        tun_md_get(&m->tun_md, i, &m->wc.bits, mask, len);
        for (unsigned b = 0; b < len; b++) {
            zero &= !mask[b];
            exact &= mask[b] == 0xff;
        }
        strbuf_puts(s, field_from_id(FIELD_TUN_METADATA(i))->name);
        if (!((m->flow.tun_md_present >> i) & 1)) {
            strbuf_puts(s, "=NP"); /* not present */
        } else if (!zero || (!m->tun_md.fixed && m->tun_md.exact & TUN_MD_BIT(i))) {
            strbuf_put_char(s, '=');
            text_put_hex_bytes(s, value, len);
            if (!exact) {
                strbuf_put_char(s, '/');
                text_put_hex_bytes(s, mask, len);
            }
        }
        strbuf_put_char(s, ',');
    }
}

static void put_tunnel(struct strbuf *s, const struct match *m)
{
    const struct flow_key *f = &m->flow, *wc = &m->wc.bits;

    put_hex(s, "tun_id", CONST_BE64(f->tun_id), CONST_BE64(wc->tun_id), UINT64_MAX);
    put_ipv4(s, "tun_src", f->tun_src, wc->tun_src);
    put_ipv4(s, "tun_dst", f->tun_dst, wc->tun_dst);
    put_ipv6(s, "tun_ipv6_src", &f->tun_ipv6_src, &wc->tun_ipv6_src);
    put_ipv6(s, "tun_ipv6_dst", &f->tun_ipv6_dst, &wc->tun_ipv6_dst);
    put_port(s, "tun_gbp_id", f->tun_gbp_id, wc->tun_gbp_id);
    if (wc->tun_gbp_flags) {
        strbuf_printf(s, "tun_gbp_flags=%#x,", f->tun_gbp_flags);
    }
    if (wc->tun_tos) {
        strbuf_printf(s, "tun_tos=%u,", f->tun_tos);
    }
    if (wc->tun_ttl) {
        strbuf_printf(s, "tun_ttl=%u,", f->tun_ttl);
    }
    if (wc->tun_erspan_ver) {
        strbuf_printf(s, "tun_erspan_ver=%u,", f->tun_erspan_ver);
    }
    if (f->tun_erspan_ver == 1 && wc->erspan_idx) {
        strbuf_printf(s, "tun_erspan_idx=%#x,", f->erspan_idx);
    }
    if (f->tun_erspan_ver == 2 && wc->tun_erspan_dir) {
        strbuf_printf(s, "tun_erspan_dir=%u,", f->tun_erspan_dir);
    }
    if (f->tun_erspan_ver == 2 && wc->tun_erspan_hwid) {
        strbuf_printf(s, "tun_erspan_hwid=%#x,", f->tun_erspan_hwid);
    }
    if (wc->tun_gtpu_flags) {
        strbuf_printf(s, "gtpu_flags=%#x,", f->tun_gtpu_flags);
    }
    if (wc->tun_gtpu_msgtype) {
        strbuf_printf(s, "gtpu_msgtype=%u,", f->tun_gtpu_msgtype);
    }
    if (wc->tun_flags & 0xf) {
        put_flags(s, "tun_flags", flag_names_tunnel_all, f->tun_flags & 0xf, wc->tun_flags & 0xf, 0xf);
    }
    put_tunnel_options(s, m);
}

static void put_vlans(struct strbuf *s, const struct match *m)
{
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        uint16_t tci = CONST_BE16(m->flow.vlans[i].tci), mask = CONST_BE16(m->wc.bits.vlans[i].tci);
        char suffix[2] = {i ? (char)('0' + i) : '\0', '\0'};
        unsigned vid_mask = mask & VLAN_VID_MASK, pcp_mask = mask & VLAN_PCP_MASK;

        if (!mask) {
            continue;
        }
        if ((mask & VLAN_CFI) && (tci & VLAN_CFI) && (vid_mask || pcp_mask) &&
            (!vid_mask || vid_mask == VLAN_VID_MASK) && (!pcp_mask || pcp_mask == VLAN_PCP_MASK)) {
            if (vid_mask) {
                color_start(s, COLOR_PARAM);
                strbuf_printf(s, "dl_vlan%s=", suffix);
                color_end(s);
                strbuf_printf(s, "%u,", tci & VLAN_VID_MASK);
            }
            if (pcp_mask) {
                color_start(s, COLOR_PARAM);
                strbuf_printf(s, "dl_vlan_pcp%s=", suffix);
                color_end(s);
                strbuf_printf(s, "%d,", tci >> VLAN_PCP_SHIFT);
            }
        } else if (mask == UINT16_MAX) {
            color_start(s, COLOR_PARAM);
            strbuf_printf(s, "vlan_tci%s=", suffix);
            color_end(s);
            strbuf_printf(s, "0x%04x,", tci);
        } else {
            color_start(s, COLOR_PARAM);
            strbuf_printf(s, "vlan_tci%s=", suffix);
            color_end(s);
            strbuf_printf(s, "0x%04x/0x%04x,", tci, mask);
        }
    }
}

static void put_nsh(struct strbuf *s, const struct match *m)
{
    const struct flow_key *f = &m->flow, *wc = &m->wc.bits;
    static const char *const context[] = {"nsh_c1", "nsh_c2", "nsh_c3", "nsh_c4"};

    put_u8(s, "nsh_flags", f->nsh_flags, wc->nsh_flags);
    put_u8(s, "nsh_ttl", f->nsh_ttl, wc->nsh_ttl);
    put_u8(s, "nsh_mdtype", f->nsh_mdtype, wc->nsh_mdtype);
    put_u8(s, "nsh_np", f->nsh_np, wc->nsh_np);
    uint32_t path = CONST_BE32(f->nsh_path_hdr), path_mask = CONST_BE32(wc->nsh_path_hdr);
    put_0x(s, "nsh_spi", path >> 8, path_mask >> 8, 0xffffff);
    put_u8(s, "nsh_si", path & 0xff, path_mask & 0xff);
    for (int i = 0; i < 4 && f->nsh_mdtype == 1; i++) {
        put_0x(s, context[i], CONST_BE32(f->nsh_context[i]), CONST_BE32(wc->nsh_context[i]), UINT32_MAX);
    }
}

static void put_l3(struct strbuf *s, const struct match *m, be16 type, bool tells_proto)
{
    const struct flow_key *f = &m->flow, *wc = &m->wc.bits;
    bool is_arp = type == CONST_BE16(ETH_TYPE_ARP) || type == CONST_BE16(ETH_TYPE_RARP);

    if (type == CONST_BE16(ETH_TYPE_IPV6)) {
        put_ipv6(s, "ipv6_src", &f->ipv6_src, &wc->ipv6_src);
        put_ipv6(s, "ipv6_dst", &f->ipv6_dst, &wc->ipv6_dst);
        if (wc->ipv6_label) {
            uint32_t mask = CONST_BE32(wc->ipv6_label);
            color_put_name(s, "ipv6_label");
            strbuf_printf(s, "0x%05x", CONST_BE32(f->ipv6_label));
            if ((mask & IPV6_LABEL_MASK) != IPV6_LABEL_MASK) {
                strbuf_printf(s, "/0x%05x", mask);
            }
            strbuf_put_char(s, ',');
        }
    } else {
        put_ipv4(s, is_arp ? "arp_spa" : "nw_src", f->nw_src, wc->nw_src);
        put_ipv4(s, is_arp ? "arp_tpa" : "nw_dst", f->nw_dst, wc->nw_dst);
    }
    if (type == CONST_BE16(ETH_TYPE_NSH)) {
        put_nsh(s, m);
    }
    if (!tells_proto && wc->nw_proto) {
        put_whole(s, is_arp ? "arp_op" : "nw_proto", f->nw_proto, wc->nw_proto);
    }
    if (is_arp) {
        put_mac(s, "arp_sha", &f->arp_sha, &wc->arp_sha);
        put_mac(s, "arp_tha", &f->arp_tha, &wc->arp_tha);
    }
    if (wc->nw_tos & IP_DSCP_MASK) {
        color_put_name(s, "nw_tos");
        strbuf_printf(s, "%d,", f->nw_tos & IP_DSCP_MASK);
    }
    if (wc->nw_tos & IP_ECN_MASK) {
        color_put_name(s, "nw_ecn");
        strbuf_printf(s, "%d,", f->nw_tos & IP_ECN_MASK);
    }
    put_whole(s, "nw_ttl", f->nw_ttl, wc->nw_ttl);
    be32 lse = f->mpls_lse[0], lse_mask = wc->mpls_lse[0];
    if (lse_mask & CONST_BE32(MPLS_LABEL_MASK)) {
        color_put_name(s, "mpls_label");
        strbuf_printf(s, "%u,", mpls_lse_label(lse));
    }
    if (lse_mask & CONST_BE32(MPLS_TC_MASK)) {
        color_put_name(s, "mpls_tc");
        strbuf_printf(s, "%u,", mpls_lse_tc(lse));
    }
    if (lse_mask & CONST_BE32(MPLS_TTL_MASK)) {
        color_put_name(s, "mpls_ttl");
        strbuf_printf(s, "%u,", mpls_lse_ttl(lse));
    }
    if (lse_mask & CONST_BE32(MPLS_BOS_MASK)) {
        color_put_name(s, "mpls_bos");
        strbuf_printf(s, "%u,", mpls_lse_bos(lse));
    }
    put_lse(s, "mpls_lse1", f->mpls_lse[1], wc->mpls_lse[1]);
    put_lse(s, "mpls_lse2", f->mpls_lse[2], wc->mpls_lse[2]);
    if (wc->nw_frag & 3) {
        color_put_name(s, "nw_frag");
        text_put_frag(s, f->nw_frag, wc->nw_frag);
        strbuf_put_char(s, ',');
    }
}

static void put_l4(struct strbuf *s, const struct match *m, be16 type)
{
    const struct flow_key *f = &m->flow, *wc = &m->wc.bits;
    bool v4 = type == CONST_BE16(ETH_TYPE_IPV4), v6 = type == CONST_BE16(ETH_TYPE_IPV6);

    if ((v4 && f->nw_proto == IP_PROTO_ICMP) || (v6 && f->nw_proto == IP_PROTO_ICMPV6)) {
        put_port(s, "icmp_type", f->tp_src, wc->tp_src);
        put_port(s, "icmp_code", f->tp_dst, wc->tp_dst);
        if (v6) {
            put_ipv6(s, "nd_target", &f->nd_target, &wc->nd_target);
            put_mac(s, "nd_sll", &f->arp_sha, &wc->arp_sha);
            put_mac(s, "nd_tll", &f->arp_tha, &wc->arp_tha);
            if (wc->igmp_group) {
                put_dec_be32(s, "nd_reserved", CONST_BE32(f->igmp_group), CONST_BE32(wc->igmp_group));
            }
            if (wc->tcp_flags) {
                put_port(s, "nd_options_type", f->tcp_flags, wc->tcp_flags);
            }
        }
    } else {
        put_port(s, "tp_src", f->tp_src, wc->tp_src);
        put_port(s, "tp_dst", f->tp_dst, wc->tp_dst);
    }
    if ((v4 || v6) && f->nw_proto == IP_PROTO_TCP) {
        put_flags(s, "tcp_flags", flag_names_tcp, CONST_BE16(f->tcp_flags), CONST_BE16(wc->tcp_flags) & 0xfff,
                  0xfff);
    }
}

/* --- The whole ----------------------------------------------------------------------------------------- */

void match_format(const struct match *m, const struct port_names *ports, struct strbuf *s, int priority)
{
    static const char *const regs[FLOW_N_REGS] = {"reg0",  "reg1",  "reg2",  "reg3", "reg4",  "reg5",
                                                  "reg6",  "reg7",  "reg8",  "reg9", "reg10", "reg11",
                                                  "reg12", "reg13", "reg14", "reg15"};
    const struct flow_key *f = &m->flow, *wc = &m->wc.bits;
    size_t start = s->len;
    bool tells_type, tells_proto;
    be16 type = flow_key_dl_type(f);

    if (priority != MATCH_DEFAULT_PRIORITY) {
        color_puts(s, COLOR_SPECIAL, "priority=");
        strbuf_printf(s, "%d,", priority);
    }
    put_metadata(s, m, ports);
    if (wc->packet_type) {
        if (f->packet_type != FLOW_PT_ETH) {
            put_field(s, FIELD_PACKET_TYPE, m);
        } else if (wc->recirc_id) {
            strbuf_puts(s, "eth,"); /* a megaflow's */
        }
    }
    put_keyword(s, m, &tells_type, &tells_proto);
    for (int i = 0; i < FLOW_N_REGS; i++) {
        put_hex(s, regs[i], f->regs[i], wc->regs[i], UINT32_MAX);
    }
    put_tunnel(s, m);
    put_hex(s, "metadata", CONST_BE64(f->metadata), CONST_BE64(wc->metadata), UINT64_MAX);
    if (wc->in_port) {
        color_put_name(s, "in_port");
        ofport_format(f->in_port, ports, s);
        strbuf_put_char(s, ',');
    }
    put_vlans(s, m);
    put_mac(s, "dl_src", &f->dl_src, &wc->dl_src);
    put_mac(s, "dl_dst", &f->dl_dst, &wc->dl_dst);
    if (!tells_type && wc->dl_type) {
        color_put_name(s, "dl_type");
        strbuf_printf(s, "0x%04x", CONST_BE16(f->dl_type));
        if (wc->dl_type != UINT16_MAX) {
            strbuf_printf(s, "/0x%04x", CONST_BE16(wc->dl_type));
        }
        strbuf_put_char(s, ',');
    }
    put_l3(s, m, type, tells_proto);
    put_l4(s, m, type);
    if (s->len > start) {
        strbuf_chomp(s, ',');
    }
}

char *match_to_string(const struct match *m, const struct port_names *ports, int priority)
{
    struct strbuf s = STRBUF_INITIALIZER;
    match_format(m, ports, &s, priority);
    return strbuf_steal(&s);
}

void match_format_key(const struct flow_key *key, const struct tun_md_layout *layout,
                      const struct port_names *ports, struct strbuf *s)
{
    struct match m;
    struct flow_key mask;

    flow_mask_for_packet(key, &mask);
    /* What is 0 of the context of the packet is not worth showing. */
#define HIDE_ZERO(MEMBER)                                                                                    \
    do {                                                                                                     \
        static const __typeof__(key->MEMBER) zero__;                                                         \
        if (!memcmp(&key->MEMBER, &zero__, sizeof zero__)) {                                                 \
            flow_wc_unset(&mask, MEMBER);                                                                    \
        }                                                                                                    \
    } while (0)
    HIDE_ZERO(skb_priority);
    HIDE_ZERO(pkt_mark);
    HIDE_ZERO(recirc_id);
    HIDE_ZERO(dp_hash);
    HIDE_ZERO(ct_state);
    HIDE_ZERO(ct_zone);
    HIDE_ZERO(ct_mark);
    HIDE_ZERO(ct_label);
    HIDE_ZERO(metadata);
    for (int i = 0; i < FLOW_N_REGS; i++) {
        HIDE_ZERO(regs[i]);
    }
    flow_wc_unset(&mask, actset_output);
    if (key->packet_type != FLOW_PT_ETH && !key->dl_type &&
        flow_key_dl_type(key) == CONST_BE16(ETH_TYPE_IPV4)) {
        /* So the reference shows packets without an Ethernet header. */
        flow_wc_set(&mask, ct_nw_src);
        flow_wc_set(&mask, ct_nw_dst);
    }
#undef HIDE_ZERO
    match_init(&m, key, &mask);
    match_set_layout(&m, layout);
    match_format(&m, ports, s, MATCH_DEFAULT_PRIORITY);
}
