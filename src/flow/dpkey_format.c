/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each attribute, in the order in which they are printed. */
#include <string.h>

#include "flow/dpkey_text.h"
#include "flow/extract.h"
#include "flow/flags.h"
#include "flow/text.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"
#include "wire/nsh.h"
#include "wire/tunnel.h"

struct out {
    struct strbuf *s;
    const struct flow_key *key, *mask;
    const struct port_names *ports;
    bool verbose;
    bool has_mask;
};

/* --- Members ------------------------------------------------------------------------------------------- */

enum base {
    DEC,
    HEX,
    HEX_ZERO /* "0x0", not "0" */
};

static bool wanted(const struct out *o, const void *mask, size_t n)
{
    const uint8_t *m = mask;
    if (o->verbose) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (m[i]) {
            return true;
        }
    }
    return false;
}
#define WANTED(O, MEMBER) wanted(O, &(O)->mask->MEMBER, sizeof(O)->mask->MEMBER)

/* "name=1/0xff," */
static void put_num(struct out *o, const char *name, uint64_t v, uint64_t mask, uint64_t all, enum base base)
{
    if (!mask && !o->verbose) {
        return;
    }
    static const char *const formats[] = {[DEC] = "%s=%llu", [HEX] = "%s=%#llx", [HEX_ZERO] = "%s=0x%llx"};
    strbuf_printf(o->s, formats[base], name, (unsigned long long)v);
    if (mask != all) {
        strbuf_printf(o->s, "/%#llx", (unsigned long long)mask);
    }
    strbuf_put_char(o->s, ',');
}

static void put_ipv4(struct out *o, const char *name, be32 v, be32 mask)
{
    if (!mask && !o->verbose) {
        return;
    }
    strbuf_printf(o->s, "%s=", name);
    text_put_ipv4(o->s, v);
    if (mask != UINT32_MAX) {
        strbuf_put_char(o->s, '/');
        text_put_ipv4(o->s, mask);
    }
    strbuf_put_char(o->s, ',');
}

static void put_ipv6(struct out *o, const char *name, const struct ipv6_addr *v, const struct ipv6_addr *mask)
{
    if (ipv6_addr_is_zero(mask) && !o->verbose) {
        return;
    }
    strbuf_printf(o->s, "%s=", name);
    text_put_ipv6(o->s, v);
    if (text_ipv6_prefix(mask) != 128) {
        strbuf_put_char(o->s, '/');
        text_put_ipv6(o->s, mask);
    }
    strbuf_put_char(o->s, ',');
}

static void put_mac(struct out *o, const char *name, const struct eth_addr *v, const struct eth_addr *mask)
{
    if (eth_addr_is_zero(mask) && !o->verbose) {
        return;
    }
    strbuf_printf(o->s, "%s=", name);
    text_put_mac(o->s, v);
    if (!eth_addr_is_broadcast(mask)) {
        strbuf_put_char(o->s, '/');
        text_put_mac(o->s, mask);
    }
    strbuf_put_char(o->s, ',');
}

/* "name(v/mask)," of one number in hexadecimal. */
static void put_attr_hex(struct out *o, const char *name, uint64_t v, uint64_t mask, uint64_t all)
{
    if (!mask && !o->verbose) {
        return;
    }
    strbuf_printf(o->s, "%s(%#llx", name, (unsigned long long)v);
    if (mask != all) {
        strbuf_printf(o->s, "/%#llx", (unsigned long long)mask);
    }
    strbuf_puts(o->s, "),");
}

static void begin(struct out *o, const char *name)
{
    strbuf_printf(o->s, "%s(", name);
}
static void end(struct out *o)
{
    strbuf_chomp(o->s, ',');
    strbuf_puts(o->s, "),");
}

/* --- Metadata ------------------------------------------------------------------------------------------ */

static void put_geneve(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;
    unsigned ofs = 0;

    begin(o, "geneve");
    while (ofs + GENEVE_OPTION_LEN <= k->tun_opts_len) {
        const struct geneve_option *opt = (const void *)(k->tun_opts + ofs);
        const struct geneve_option *om = (const void *)(m->tun_opts + ofs);
        unsigned len = (opt->len & GENEVE_OPTION_LEN_MASK) * 4u;
        if (ofs + GENEVE_OPTION_LEN + len > k->tun_opts_len) {
            strbuf_puts(o->s, "{<invalid>}");
            break;
        }
        const uint8_t *data = k->tun_opts + ofs + GENEVE_OPTION_LEN;
        const uint8_t *data_mask = m->tun_opts + ofs + GENEVE_OPTION_LEN;
        strbuf_put_char(o->s, '{');
        put_num(o, "class", CONST_BE16(opt->class), CONST_BE16(om->class), UINT16_MAX, HEX);
        put_num(o, "type", opt->type, om->type, UINT8_MAX, HEX);
        strbuf_printf(o->s, "len=%u,", len);
        if (len && wanted(o, data_mask, len)) {
            bool exact = true;
            for (unsigned i = 0; i < len; i++) {
                exact &= data_mask[i] == 0xff;
            }
            text_put_hex_bytes(o->s, data, len);
            if (!exact) {
                strbuf_put_char(o->s, '/');
                text_put_hex_bytes(o->s, data_mask, len);
            }
        }
        strbuf_chomp(o->s, ',');
        strbuf_put_char(o->s, '}');
        ofs += GENEVE_OPTION_LEN + len;
    }
    end(o);
}

static void put_erspan(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    begin(o, "erspan");
    put_num(o, "ver", k->tun_erspan_ver, m->tun_erspan_ver, UINT8_MAX, DEC);
    if (k->tun_erspan_ver == 1) {
        bool all = m->erspan_idx == UINT32_MAX;
        strbuf_printf(o->s, "idx=%#x", k->erspan_idx);
        if (!all) {
            strbuf_printf(o->s, "/%#x", m->erspan_idx);
        }
        strbuf_put_char(o->s, ',');
    } else if (k->tun_erspan_ver == 2) {
        put_num(o, "dir", k->tun_erspan_dir, m->tun_erspan_dir, UINT8_MAX, DEC);
        put_num(o, "hwid", k->tun_erspan_hwid, m->tun_erspan_hwid, UINT8_MAX, HEX);
    }
    end(o);
}

/* That there is no key is said by not saying one. */
static uint16_t tunnel_flags_shown(const struct flow_key *k)
{
    return k->tun_flags & FLOW_TUN_KEY ? 0xf : 0xf & ~FLOW_TUN_KEY;
}

/* A member of the tunnel is there if the key has it, even where only the mask is 0. */
static void put_tunnel(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    if (!flow_key_from_tunnel(k)) {
        return;
    }
    if (!o->verbose && !m->tun_id && !m->tun_src && !m->tun_dst && !WANTED(o, tun_ipv6_src) &&
        !WANTED(o, tun_ipv6_dst) && !m->tun_flags && !m->tun_tos && !m->tun_ttl && !m->tun_opts_len) {
        return;
    }
    begin(o, "tunnel");
    if (k->tun_id || (k->tun_flags & FLOW_TUN_KEY)) {
        put_num(o, "tun_id", CONST_BE64(k->tun_id), CONST_BE64(m->tun_id), UINT64_MAX, HEX);
    }
    if (k->tun_src) {
        put_ipv4(o, "src", k->tun_src, m->tun_src);
    }
    if (k->tun_dst) {
        put_ipv4(o, "dst", k->tun_dst, m->tun_dst);
    }
    if (!ipv6_addr_is_zero(&k->tun_ipv6_src)) {
        put_ipv6(o, "ipv6_src", &k->tun_ipv6_src, &m->tun_ipv6_src);
    }
    if (!ipv6_addr_is_zero(&k->tun_ipv6_dst)) {
        put_ipv6(o, "ipv6_dst", &k->tun_ipv6_dst, &m->tun_ipv6_dst);
    }
    if (k->tun_tos) {
        put_num(o, "tos", k->tun_tos, m->tun_tos, UINT8_MAX, HEX);
    }
    put_num(o, "ttl", k->tun_ttl, m->tun_ttl, UINT8_MAX, DEC);
    if (k->tun_tp_src) {
        put_num(o, "tp_src", CONST_BE16(k->tun_tp_src), CONST_BE16(m->tun_tp_src), UINT16_MAX, DEC);
    }
    if (k->tun_tp_dst) {
        put_num(o, "tp_dst", CONST_BE16(k->tun_tp_dst), CONST_BE16(m->tun_tp_dst), UINT16_MAX, DEC);
    }
    if (k->tun_gbp_id || k->tun_gbp_flags) {
        begin(o, "vxlan(gbp");
        put_num(o, "id", CONST_BE16(k->tun_gbp_id), CONST_BE16(m->tun_gbp_id), UINT16_MAX, DEC);
        put_num(o, "flags", k->tun_gbp_flags, m->tun_gbp_flags, UINT8_MAX, HEX);
        strbuf_chomp(o->s, ',');
        strbuf_puts(o->s, ")),");
    }
    if (k->tun_opts_len) {
        put_geneve(o);
    } else if (o->has_mask ? m->tun_opts_len != 0 : false) {
        strbuf_puts(o->s, "geneve(),");
    }
    if (k->tun_erspan_ver) {
        put_erspan(o);
    }
    if (k->tun_gtpu_flags && k->tun_gtpu_msgtype) {
        begin(o, "gtpu");
        put_num(o, "flags", k->tun_gtpu_flags, m->tun_gtpu_flags, UINT8_MAX, HEX);
        put_num(o, "msgtype", k->tun_gtpu_msgtype, m->tun_gtpu_msgtype, UINT8_MAX, DEC);
        end(o);
    }
    begin(o, "flags");
    flags_format_masked(o->s, flag_names_tunnel_all, k->tun_flags & 0xf, m->tun_flags & tunnel_flags_shown(k),
                        o->has_mask ? 0xf : 0);
    strbuf_puts(o->s, "),");
    end(o);
}

static void put_ct(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    if (o->verbose) {
        put_attr_hex(o, "ct_state", k->ct_state & 0xff, m->ct_state & 0xff, o->has_mask ? 0x100 : 0xff);
    } else if (m->ct_state & 0xff) {
        begin(o, "ct_state");
        flags_format_masked(o->s, flag_names_ct_state, k->ct_state, m->ct_state, UINT32_MAX);
        strbuf_puts(o->s, "),");
    }
    put_attr_hex(o, "ct_zone", k->ct_zone, m->ct_zone, UINT16_MAX);
    put_attr_hex(o, "ct_mark", k->ct_mark, m->ct_mark, UINT32_MAX);
    if (WANTED(o, ct_label)) {
        bool exact = true;
        for (int i = 0; i < 16; i++) {
            exact &= m->ct_label.u8[i] == 0xff;
        }
        begin(o, "ct_label");
        text_put_hex_bytes(o->s, k->ct_label.u8, 16);
        if (!exact) {
            strbuf_put_char(o->s, '/');
            text_put_hex_bytes(o->s, m->ct_label.u8, 16);
        }
        strbuf_puts(o->s, "),");
    }
}

static void put_ct_tuple(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;
    bool is_ipv6 = k->dl_type == CONST_BE16(ETH_TYPE_IPV6);
    bool any = m->ct_nw_proto || m->ct_tp_src || m->ct_tp_dst;

    if (!k->ct_nw_proto) {
        return;
    }
    if (is_ipv6) {
        if (o->verbose || any || WANTED(o, ct_ipv6_src) || WANTED(o, ct_ipv6_dst)) {
            begin(o, "ct_tuple6");
            put_ipv6(o, "src", &k->ct_ipv6_src, &m->ct_ipv6_src);
            put_ipv6(o, "dst", &k->ct_ipv6_dst, &m->ct_ipv6_dst);
            put_num(o, "proto", k->ct_nw_proto, m->ct_nw_proto, UINT8_MAX, DEC);
            put_num(o, "src_port", CONST_BE16(k->ct_tp_src), CONST_BE16(m->ct_tp_src), UINT16_MAX, DEC);
            put_num(o, "dst_port", CONST_BE16(k->ct_tp_dst), CONST_BE16(m->ct_tp_dst), UINT16_MAX, DEC);
            end(o);
        }
    } else if (o->verbose || any || m->ct_nw_src || m->ct_nw_dst) {
        begin(o, "ct_tuple4");
        put_ipv4(o, "src", k->ct_nw_src, m->ct_nw_src);
        put_ipv4(o, "dst", k->ct_nw_dst, m->ct_nw_dst);
        put_num(o, "proto", k->ct_nw_proto, m->ct_nw_proto, UINT8_MAX, DEC);
        put_num(o, "tp_src", CONST_BE16(k->ct_tp_src), CONST_BE16(m->ct_tp_src), UINT16_MAX, DEC);
        put_num(o, "tp_dst", CONST_BE16(k->ct_tp_dst), CONST_BE16(m->ct_tp_dst), UINT16_MAX, DEC);
        end(o);
    }
}

static void put_metadata(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    put_attr_hex(o, "skb_priority", k->skb_priority, m->skb_priority, UINT32_MAX);
    put_tunnel(o);
    put_attr_hex(o, "skb_mark", k->pkt_mark, m->pkt_mark, UINT32_MAX);
    put_ct(o);
    put_ct_tuple(o);
    put_attr_hex(o, "recirc_id", k->recirc_id, m->recirc_id, UINT32_MAX);
    put_attr_hex(o, "dp_hash", k->dp_hash, m->dp_hash, UINT32_MAX);
    if (k->in_port != UINT32_MAX && WANTED(o, in_port)) {
        const char *name = o->ports && o->ports->name ? o->ports->name(o->ports, k->in_port) : NULL;
        if (name) {
            strbuf_printf(o->s, "in_port(%s),", name);
        } else {
            strbuf_printf(o->s, "in_port(%u),", k->in_port);
        }
    }
    if (WANTED(o, packet_type)) {
        uint32_t pt = CONST_BE32(k->packet_type);
        const char *slash = m->packet_type ? "" : "/0";
        strbuf_printf(o->s, "packet_type(ns=%u%s,id=%#x%s),", pt >> 16, slash, pt & 0xffff, slash);
    }
}

/* --- The packet ---------------------------------------------------------------------------------------- */

static void put_vlan(struct out *o, const struct flow_vlan *vlan, const struct flow_vlan *vlan_mask)
{
    uint16_t tci = CONST_BE16(vlan->tci), mask = o->has_mask ? CONST_BE16(vlan_mask->tci) : UINT16_MAX;

    begin(o, "vlan");
    if (mask == UINT16_MAX) {
        strbuf_printf(o->s, "vid=%u,pcp=%u", tci & VLAN_VID_MASK, tci >> VLAN_PCP_SHIFT);
        if (!(tci & VLAN_CFI)) {
            strbuf_puts(o->s, ",cfi=0");
        }
        strbuf_puts(o->s, "),");
        return;
    }
    unsigned vid_mask = mask & VLAN_VID_MASK, pcp_mask = mask >> VLAN_PCP_SHIFT;
    strbuf_printf(o->s, "vid=%u", tci & VLAN_VID_MASK);
    if (vid_mask != VLAN_VID_MASK) {
        strbuf_printf(o->s, "/0x%x", vid_mask);
    }
    strbuf_put_char(o->s, ',');
    if (pcp_mask || o->verbose) {
        strbuf_printf(o->s, "pcp=%u", tci >> VLAN_PCP_SHIFT);
        if (pcp_mask != 7) {
            strbuf_printf(o->s, "/0x%x", pcp_mask);
        }
        strbuf_put_char(o->s, ',');
    }
    if (!(tci & VLAN_CFI)) {
        strbuf_puts(o->s, mask & VLAN_CFI ? "cfi=0," : "cfi=0/0,");
    }
    end(o);
}

static void put_mpls(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;
    int n = 0; /* labels up to the bottom of the stack, or to the last that is not 0 */
    bool exact = true, any = false;

    for (int i = 0; i < FLOW_MAX_MPLS; i++) {
        if (k->mpls_lse[i]) {
            n = i + 1;
        }
        if (k->mpls_lse[i] & CONST_BE32(MPLS_BOS_MASK)) {
            break;
        }
    }
    for (int i = 0; i < n; i++) {
        exact &= m->mpls_lse[i] == UINT32_MAX;
        any |= m->mpls_lse[i] != 0;
    }
    if (!n || (!any && !o->verbose)) {
        return;
    }
    begin(o, "mpls");
    for (int i = 0; i < n; i++) {
        be32 lse = k->mpls_lse[i], mask = m->mpls_lse[i];
        if (exact) {
            strbuf_printf(o->s, "label=%u,tc=%u,ttl=%u,bos=%u,", mpls_lse_label(lse), mpls_lse_tc(lse),
                          mpls_lse_ttl(lse), mpls_lse_bos(lse));
        } else {
            strbuf_printf(o->s, "label=%u/0x%x,tc=%u/%x,ttl=%u/0x%x,bos=%u/%x,", mpls_lse_label(lse),
                          mpls_lse_label(mask), mpls_lse_tc(lse), mpls_lse_tc(mask), mpls_lse_ttl(lse),
                          mpls_lse_ttl(mask), mpls_lse_bos(lse), mpls_lse_bos(mask));
        }
    }
    end(o);
}

/* "c1=0x1/0x000000ff," */
static void put_nsh_context(struct out *o, int i)
{
    uint32_t v = CONST_BE32(o->key->nsh_context[i]), mask = CONST_BE32(o->mask->nsh_context[i]);
    if (mask) {
        strbuf_printf(o->s, mask == UINT32_MAX ? "c%d=0x%x," : "c%d=0x%x/0x%08x,", i + 1, v, mask);
    }
}

/* Unlike the others it is never verbose; and for metadata other than type 1 it shows four zeros. */
static void put_nsh(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;
    uint32_t path = CONST_BE32(k->nsh_path_hdr), path_mask = CONST_BE32(m->nsh_path_hdr);
    bool verbose = o->verbose;

    o->verbose = false;
    begin(o, "nsh");
    put_num(o, "flags", k->nsh_flags, m->nsh_flags, UINT8_MAX, DEC);
    put_num(o, "ttl", k->nsh_ttl, m->nsh_ttl, UINT8_MAX, DEC);
    put_num(o, "mdtype", k->nsh_mdtype, m->nsh_mdtype, UINT8_MAX, DEC);
    put_num(o, "np", k->nsh_np, m->nsh_np, UINT8_MAX, DEC);
    put_num(o, "spi", path >> 8, path_mask >> 8, 0xffffff, HEX_ZERO);
    put_num(o, "si", path & 0xff, path_mask & 0xff, UINT8_MAX, DEC);
    if (k->nsh_mdtype == NSH_MD1) {
        for (int i = 0; i < 4; i++) {
            put_nsh_context(o, i);
        }
    } else {
        strbuf_puts(o->s, "c1=0x0,c2=0x0,c3=0x0,c4=0x0,");
    }
    end(o);
    o->verbose = verbose;
}

static const char *frag_name(uint8_t frag)
{
    return frag & FLOW_NW_FRAG_LATER ? "later" : frag & FLOW_NW_FRAG_ANY ? "first" : "no";
}

static void put_frag(struct out *o)
{
    if (o->mask->nw_frag & 3) {
        strbuf_printf(o->s, "frag=%s,", frag_name(o->key->nw_frag));
    }
}

static void put_ipv4_attr(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    if (!o->verbose && !(m->nw_src | m->nw_dst | m->nw_proto | m->nw_tos | m->nw_ttl | m->nw_frag)) {
        return;
    }
    begin(o, "ipv4");
    put_ipv4(o, "src", k->nw_src, m->nw_src);
    put_ipv4(o, "dst", k->nw_dst, m->nw_dst);
    put_num(o, "proto", k->nw_proto, m->nw_proto, UINT8_MAX, DEC);
    put_num(o, "tos", k->nw_tos, m->nw_tos, UINT8_MAX, HEX);
    put_num(o, "ttl", k->nw_ttl, m->nw_ttl, UINT8_MAX, DEC);
    put_frag(o);
    end(o);
}

static void put_ipv6_attr(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    if (!o->verbose && !WANTED(o, ipv6_src) && !WANTED(o, ipv6_dst) &&
        !(m->ipv6_label | m->nw_proto | m->nw_tos | m->nw_ttl | m->nw_frag)) {
        return;
    }
    begin(o, "ipv6");
    put_ipv6(o, "src", &k->ipv6_src, &m->ipv6_src);
    put_ipv6(o, "dst", &k->ipv6_dst, &m->ipv6_dst);
    put_num(o, "label", CONST_BE32(k->ipv6_label), CONST_BE32(m->ipv6_label) & IPV6_LABEL_MASK,
            IPV6_LABEL_MASK, HEX);
    put_num(o, "proto", k->nw_proto, m->nw_proto, UINT8_MAX, DEC);
    put_num(o, "tclass", k->nw_tos, m->nw_tos, UINT8_MAX, HEX);
    put_num(o, "hlimit", k->nw_ttl, m->nw_ttl, UINT8_MAX, DEC);
    put_frag(o);
    end(o);
}

static void put_arp(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    if (!o->verbose && !(m->nw_src | m->nw_dst | m->nw_proto) && !WANTED(o, arp_sha) && !WANTED(o, arp_tha)) {
        return;
    }
    begin(o, "arp");
    put_ipv4(o, "sip", k->nw_src, m->nw_src);
    put_ipv4(o, "tip", k->nw_dst, m->nw_dst);
    /* The opcode has 16 bits in the text and 8 in the key; the reference writes keys as it writes masks. */
    put_num(o, "op", k->nw_proto == UINT8_MAX ? UINT16_MAX : k->nw_proto,
            m->nw_proto == UINT8_MAX ? UINT16_MAX : m->nw_proto, UINT16_MAX, DEC);
    put_mac(o, "sha", &k->arp_sha, &m->arp_sha);
    put_mac(o, "tha", &k->arp_tha, &m->arp_tha);
    end(o);
}

/* "tcp(src=1,dst=2)," and the like. BITS of each that count. */
static void put_ports(struct out *o, const char *name, const char *src, const char *dst, uint16_t bits)
{
    const struct flow_key *k = o->key, *m = o->mask;

    if (o->verbose || m->tp_src || m->tp_dst) {
        begin(o, name);
        put_num(o, src, CONST_BE16(k->tp_src), CONST_BE16(m->tp_src) & bits, bits, DEC);
        put_num(o, dst, CONST_BE16(k->tp_dst), CONST_BE16(m->tp_dst) & bits, bits, DEC);
        end(o);
    }
}

static void put_nd(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;

    bool is_typed = (m->tp_src & m->tp_dst & CONST_BE16(0xff)) == CONST_BE16(0xff);
    if (!o->verbose && !is_typed) {
        return;
    }
    if (!o->verbose && !WANTED(o, nd_target) && !WANTED(o, arp_sha) && !WANTED(o, arp_tha)) {
        return;
    }
    begin(o, "nd");
    put_ipv6(o, "target", &k->nd_target, &m->nd_target);
    put_mac(o, "sll", &k->arp_sha, &m->arp_sha);
    put_mac(o, "tll", &k->arp_tha, &m->arp_tha);
    end(o);
}

static void put_l4(struct out *o, bool is_ipv6)
{
    const struct flow_key *k = o->key, *m = o->mask;

    if (k->nw_frag & FLOW_NW_FRAG_LATER) {
        return;
    }
    switch (k->nw_proto) {
    case IP_PROTO_TCP:
        put_ports(o, "tcp", "src", "dst", UINT16_MAX);
        if (CONST_BE16(m->tcp_flags) & 0xfff) {
            begin(o, "tcp_flags");
            flags_format_masked(o->s, flag_names_tcp, CONST_BE16(k->tcp_flags),
                                CONST_BE16(m->tcp_flags) & 0xfff, 0xfff);
            strbuf_puts(o->s, "),");
        } else if (o->verbose && k->tcp_flags) {
            strbuf_puts(o->s, "tcp_flags(0/0),");
        }
        break;
    case IP_PROTO_UDP:
        put_ports(o, "udp", "src", "dst", UINT16_MAX);
        break;
    case IP_PROTO_SCTP:
        put_ports(o, "sctp", "src", "dst", UINT16_MAX);
        break;
    case IP_PROTO_ICMP:
        if (!is_ipv6) {
            put_ports(o, "icmp", "type", "code", UINT8_MAX);
        }
        break;
    case IP_PROTO_ICMPV6:
        if (is_ipv6) {
            put_ports(o, "icmpv6", "type", "code", UINT8_MAX);
            /* Of a flow that is exact in all, even in what the packet does not have
             * (upcall/disable-megaflows), the reference shows no nd(). */
            bool all = o->has_mask && m->mpls_lse[0] == UINT32_MAX;
            if (!all && !k->tp_dst &&
                (k->tp_src == CONST_BE16(ND_NEIGHBOR_SOLICIT) ||
                 k->tp_src == CONST_BE16(ND_NEIGHBOR_ADVERT))) {
                put_nd(o);
            }
        }
        break;
    default:
        break;
    }
}

static void put_eth_type(struct out *o, be16 type, be16 mask)
{
    strbuf_printf(o->s, "eth_type(0x%04x", CONST_BE16(type));
    if (mask != UINT16_MAX) {
        strbuf_printf(o->s, "/0x%04x", CONST_BE16(mask));
    }
    strbuf_puts(o->s, "),");
}

/* A frame with an 802.2 header has no Ethertype attribute in its key, only in its mask. */
static void put_packet(struct out *o)
{
    const struct flow_key *k = o->key, *m = o->mask;
    int n_encap = 0;

    if (k->packet_type == FLOW_PT_ETH) {
        /* An empty eth() says that there is an Ethernet header where packet_type() does not. */
        if (WANTED(o, dl_src) || WANTED(o, dl_dst) || !m->packet_type) {
            begin(o, "eth");
            put_mac(o, "src", &k->dl_src, &m->dl_src);
            put_mac(o, "dst", &k->dl_dst, &m->dl_dst);
            end(o);
        }
        while (n_encap < FLOW_MAX_VLANS && (k->vlans[n_encap].tci & FLOW_VLAN_PRESENT)) {
            be16 tpid = k->vlans[n_encap].tpid; /* 0 where the mask is */
            put_eth_type(o, tpid ? tpid : CONST_BE16(ETH_TYPE_VLAN), UINT16_MAX);
            if (o->verbose || m->vlans[n_encap].tci) {
                put_vlan(o, &k->vlans[n_encap], &m->vlans[n_encap]);
            }
            begin(o, "encap");
            n_encap++;
        }
    }
    if (k->dl_type == FLOW_DL_TYPE_NONE) {
        if (o->has_mask && m->dl_type && !n_encap) {
            strbuf_printf(o->s, "eth_type(0/0x%04x),", CONST_BE16(m->dl_type));
        }
    } else if (o->verbose || m->dl_type) {
        put_eth_type(o, k->dl_type, m->dl_type);
    }
    if (eth_type_is_vlan(k->dl_type) && n_encap < (int)flow_vlan_limit()) {
        /* A tag that is cut off (behind a tag it may be one too many, which is not shown). */
        if (o->verbose || m->vlans[n_encap].tci) {
            put_vlan(o, &k->vlans[n_encap], &m->vlans[n_encap]);
        }
        strbuf_puts(o->s, "encap(),");
    }
    switch (CONST_BE16(k->dl_type)) {
    case ETH_TYPE_IPV4:
        put_ipv4_attr(o);
        put_l4(o, false);
        break;
    case ETH_TYPE_IPV6:
        put_ipv6_attr(o);
        put_l4(o, true);
        break;
    case ETH_TYPE_ARP:
    case ETH_TYPE_RARP:
        put_arp(o);
        break;
    case ETH_TYPE_MPLS:
    case ETH_TYPE_MPLS_MCAST:
        put_mpls(o);
        break;
    case ETH_TYPE_NSH:
        put_nsh(o);
        break;
    default:
        break;
    }
    while (n_encap-- > 0) {
        end(o);
    }
}

void dpkey_format(const struct flow_key *key, const struct flow_key *mask, const struct port_names *ports,
                  bool verbose, struct strbuf *s)
{
    struct flow_key ones;
    if (!mask) {
        memset(&ones, 0xff, sizeof ones);
    }
    struct out o = {s, key, mask ? mask : &ones, ports, verbose, mask != NULL};
    put_metadata(&o);
    put_packet(&o);
    strbuf_chomp(s, ',');
}
