/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/pop.h"

#include <string.h>

#include "packet/csum.h"
#include "tunnel/outer.h"
#include "tunnel/stt.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tunnel.h"

static be32 ip_packet_type(uint8_t first_byte)
{
    return first_byte >> 4 == 4   ? FLOW_PT(1, ETH_TYPE_IPV4)
           : first_byte >> 4 == 6 ? FLOW_PT(1, ETH_TYPE_IPV6)
                                  : FLOW_PT_ETH;
}

static enum drop_reason read_udp(struct outer *o)
{
    const struct udp_header *udp = (const void *)outer_take(o, UDP_HEADER_LEN);
    if (!udp) {
        return DROP_TUNNEL_SHORT;
    }
    o->key->tun_tp_src = udp->src;
    o->key->tun_tp_dst = udp->dst;
    if (!udp->csum) {
        return DROP_NONE;
    }
    o->key->tun_flags |= FLOW_TUN_CSUM;
    return outer_csum_is_right(o, outer_pseudo(o, IP_PROTO_UDP), o->l4) ? DROP_NONE : DROP_TUNNEL_CSUM;
}

/* ---- the tunnels' own ---- */

static be64 key_of_vni(be32 vni)
{
    return CONST_BE64((uint64_t)(CONST_BE32(vni) >> 8));
}

static enum drop_reason read_gpe(struct outer *o, uint32_t flags)
{
    static const be32 types[] = {
        [VXLAN_GPE_NP_IPV4] = FLOW_PT(1, ETH_TYPE_IPV4),
        [VXLAN_GPE_NP_IPV6] = FLOW_PT(1, ETH_TYPE_IPV6),
        [VXLAN_GPE_NP_ETHERNET] = FLOW_PT_ETH,
        [VXLAN_GPE_NP_NSH] = FLOW_PT(1, ETH_TYPE_NSH),
    };
    uint32_t next = flags & 0xff;
    if (flags & (VXLAN_GPE_F_VER_MASK | VXLAN_GPE_F_BUM | VXLAN_GPE_F_OAM) || next == 0 ||
        next >= ARRAY_SIZE(types)) {
        return DROP_TUNNEL_FLAGS;
    }
    o->packet_type = types[next];
    return DROP_NONE;
}

static enum drop_reason read_vxlan(struct outer *o, const struct tunnel_vport *vport)
{
    enum drop_reason why = read_udp(o);
    const struct vxlan_header *h = why ? NULL : (const void *)outer_take(o, VXLAN_HEADER_LEN);
    if (!h) {
        return why ? why : DROP_TUNNEL_SHORT;
    }
    uint32_t flags = CONST_BE32(h->flags);
    if (!(flags & VXLAN_F_VNI)) {
        return DROP_TUNNEL_FLAGS;
    }
    o->key->tun_id = key_of_vni(h->vni);
    o->key->tun_flags |= FLOW_TUN_KEY;
    if (vport->gpe && flags & VXLAN_GPE_F_NEXT_PROTO) {
        return read_gpe(o, flags);
    }
    if (vport->gbp) {
        if (flags & VXLAN_F_GBP) {
            o->key->tun_gbp_id = CONST_BE16(flags & VXLAN_GBP_ID_MASK);
            o->key->tun_gbp_flags = (uint8_t)((flags & (VXLAN_GBP_DONT_LEARN | VXLAN_GBP_APPLIED)) >> 16);
        }
        return DROP_NONE;
    }
    /* What is reserved is for others, whose packets are not understood here. */
    return flags != VXLAN_F_VNI || CONST_BE32(h->vni) & 0xff ? DROP_TUNNEL_FLAGS : DROP_NONE;
}

/* Options must follow each other without a gap. */
static bool options_are_whole(const uint8_t *p, uint32_t len)
{
    while (len) {
        uint32_t n =
            len < GENEVE_OPTION_LEN ? len + 1 : GENEVE_OPTION_LEN + (p[3] & GENEVE_OPTION_LEN_MASK) * 4u;
        if (n > len) {
            return false;
        }
        p += n;
        len -= n;
    }
    return true;
}

static enum drop_reason read_geneve(struct outer *o, const struct tunnel_vport *vport)
{
    enum drop_reason why = read_udp(o);
    const struct geneve_header *h = why ? NULL : (const void *)outer_take(o, GENEVE_HEADER_LEN);
    if (!h) {
        return why ? why : DROP_TUNNEL_SHORT;
    }
    if (h->ver_opt_len >> 6) {
        return DROP_TUNNEL_FLAGS;
    }
    if (h->proto != CONST_BE16(ETH_TYPE_TEB)) {
        return DROP_TUNNEL_PAYLOAD;
    }
    o->opts_len = (h->ver_opt_len & 0x3f) * 4u;
    o->opts = outer_take(o, o->opts_len);
    if (!o->opts) {
        return DROP_TUNNEL_SHORT;
    }
    if (!options_are_whole(o->opts, o->opts_len)) {
        return DROP_TUNNEL_OPTIONS;
    }
    o->key->tun_id = key_of_vni(h->vni);
    o->key->tun_flags |= FLOW_TUN_KEY | (h->flags & GENEVE_F_OAM ? FLOW_TUN_OAM : 0);
    return DROP_NONE;
}

static enum drop_reason read_erspan(struct outer *o, be16 proto)
{
    struct flow_key *key = o->key;
    uint8_t want = proto == CONST_BE16(ETH_TYPE_ERSPAN1) ? 1 : 2;
    const uint8_t *h = outer_take(o, want == 1 ? ERSPAN_V1_LEN : ERSPAN_V2_LEN);
    if (!h) {
        return DROP_TUNNEL_SHORT;
    }
    if (h[0] >> ERSPAN_VER_SHIFT != want) {
        return DROP_TUNNEL_FLAGS;
    }
    key->tun_id = CONST_BE64((uint64_t)(CONST_BE16(get_be16(h + 2)) & ERSPAN_SESSION_MASK));
    key->tun_flags |= FLOW_TUN_KEY;
    key->tun_erspan_ver = want;
    if (want == 1) {
        key->erspan_idx = CONST_BE32(get_be32(h + 4)) & ERSPAN_INDEX_MASK;
    } else {
        uint16_t flags = CONST_BE16(get_be16(h + 10));
        key->tun_erspan_dir = (flags >> 3) & 1;
        key->tun_erspan_hwid = (flags >> 4) & 0x3f;
        /* A sub-header of 8 bytes more, as the O bit says. */
        if (flags & 1 && !outer_take(o, 8)) {
            return DROP_TUNNEL_SHORT;
        }
    }
    return DROP_NONE;
}

static enum drop_reason read_gre(struct outer *o, const struct tunnel_vport *vport)
{
    const uint8_t *h = outer_take(o, GRE_HEADER_LEN), *option;
    bool erspan = vport->kind == TUNNEL_ERSPAN || vport->kind == TUNNEL_IP6ERSPAN;
    if (!h) {
        return DROP_TUNNEL_SHORT;
    }
    uint16_t flags = CONST_BE16(get_be16(h));
    be16 proto = get_be16(h + 2);
    if (flags & ~(GRE_F_CSUM | GRE_F_KEY | GRE_F_SEQ)) {
        return DROP_TUNNEL_FLAGS; /* routing, another version, what is reserved */
    }
    if (flags & GRE_F_CSUM) {
        if (!outer_take(o, 4)) {
            return DROP_TUNNEL_SHORT;
        }
        if (!outer_csum_is_right(o, 0, o->l4)) {
            return DROP_TUNNEL_CSUM;
        }
        o->key->tun_flags |= FLOW_TUN_CSUM;
    }
    if (flags & GRE_F_KEY) {
        if (!(option = outer_take(o, 4))) {
            return DROP_TUNNEL_SHORT;
        }
        o->key->tun_id = CONST_BE64((uint64_t)CONST_BE32(get_be32(option)));
        o->key->tun_flags |= FLOW_TUN_KEY;
    }
    if (flags & GRE_F_SEQ && !outer_take(o, 4)) {
        return DROP_TUNNEL_SHORT;
    }
    if (proto == CONST_BE16(ETH_TYPE_ERSPAN1) || proto == CONST_BE16(ETH_TYPE_ERSPAN2)) {
        return erspan && flags & GRE_F_SEQ ? read_erspan(o, proto) : DROP_TUNNEL_PAYLOAD;
    }
    if (erspan) {
        return DROP_TUNNEL_PAYLOAD;
    }
    o->packet_type =
        proto == CONST_BE16(ETH_TYPE_TEB) ? FLOW_PT_ETH : CONST_BE32(0x10000u | CONST_BE16(proto));
    return be16_is_ethertype(proto) ? DROP_NONE : DROP_TUNNEL_PAYLOAD;
}

static enum drop_reason read_inner_ip(struct outer *o)
{
    if (o->ofs >= o->end) {
        return DROP_TUNNEL_SHORT;
    }
    o->packet_type = ip_packet_type(o->packet->data[o->ofs]);
    return o->packet_type == FLOW_PT_ETH ? DROP_TUNNEL_PAYLOAD : DROP_NONE;
}

/* Extension headers of GTP-U: a length in words, and at its end the type of the next one. */
static bool skip_gtpu_extensions(struct outer *o, uint8_t next)
{
    while (next) {
        if (o->ofs >= o->end) {
            return false;
        }
        uint32_t len = o->packet->data[o->ofs] * 4u;
        const uint8_t *ext = len ? outer_take(o, len) : NULL;
        if (!ext) {
            return false;
        }
        next = ext[len - 1];
    }
    return true;
}

static enum drop_reason read_gtpu(struct outer *o, const struct tunnel_vport *vport)
{
    enum drop_reason why = read_udp(o);
    const struct gtpu_header *h = why ? NULL : (const void *)outer_take(o, GTPU_HEADER_LEN);
    if (!h) {
        return why ? why : DROP_TUNNEL_SHORT;
    }
    if ((h->flags & GTPU_VER_MASK) != GTPU_FLAGS_PLAIN) {
        return DROP_TUNNEL_FLAGS;
    }
    o->key->tun_id = CONST_BE64((uint64_t)CONST_BE32(h->teid));
    o->key->tun_flags |= FLOW_TUN_KEY;
    o->key->tun_gtpu_flags = h->flags;
    o->key->tun_gtpu_msgtype = h->msg_type;
    if (h->msg_type != GTPU_MSG_GPDU) {
        return DROP_TUNNEL_PAYLOAD; /* signalling */
    }
    if (h->flags & GTPU_F_EXT_MASK) {
        const uint8_t *more = outer_take(o, 4);
        if (!more || (h->flags & GTPU_F_EXT && !skip_gtpu_extensions(o, more[3]))) {
            return DROP_TUNNEL_SHORT;
        }
    }
    return read_inner_ip(o);
}

static enum drop_reason read_lisp(struct outer *o, const struct tunnel_vport *vport)
{
    enum drop_reason why = read_udp(o);
    const uint8_t *h = why ? NULL : outer_take(o, LISP_HEADER_LEN);
    if (!h) {
        return why ? why : DROP_TUNNEL_SHORT;
    }
    if (h[0] & LISP_F_INSTANCE) {
        o->key->tun_id = key_of_vni(get_be32(h + 4));
        o->key->tun_flags |= FLOW_TUN_KEY;
    }
    return read_inner_ip(o);
}

static enum drop_reason read_bareudp(struct outer *o, const struct tunnel_vport *vport)
{
    enum drop_reason why = read_udp(o);
    if (why) {
        return why;
    }
    if (vport->payload_ethertype == CONST_BE16(ETH_TYPE_IPV4)) {
        return read_inner_ip(o);
    }
    o->packet_type = CONST_BE32(0x10000u | CONST_BE16(vport->payload_ethertype));
    return DROP_NONE;
}

/* ---- taking them off ---- */

/* A checksum or segment that the outer headers were meant by: nothing is known of what is inside; others are
 * inside, and stay. */
static enum drop_reason shift_offloads(struct packet *p, uint32_t n)
{
    bool inside = p->csum_start >= n;
    if (p->gso_type && !inside) {
        return DROP_GSO;
    }
    if (p->csum == PACKET_CSUM_PARTIAL && !inside) {
        p->csum = PACKET_CSUM_UNKNOWN;
    }
    p->csum_start = inside ? (uint16_t)(p->csum_start - n) : 0;
    p->gso_hdr_len = p->gso_hdr_len > n ? (uint16_t)(p->gso_hdr_len - n) : 0;
    return DROP_NONE;
}

static enum drop_reason read_stt(struct outer *o, const struct tunnel_vport *vport)
{
    return stt_read(o, &o->stt);
}

enum drop_reason tunnel_pop(struct packet *p, const struct tunnel_vport *vport)
{
    static enum drop_reason (*const readers[TUNNEL_N_KINDS])(struct outer *, const struct tunnel_vport *) = {
        [TUNNEL_GRE] = read_gre,         [TUNNEL_IP6GRE] = read_gre,  [TUNNEL_ERSPAN] = read_gre,
        [TUNNEL_IP6ERSPAN] = read_gre,   [TUNNEL_VXLAN] = read_vxlan, [TUNNEL_GENEVE] = read_geneve,
        [TUNNEL_LISP] = read_lisp,       [TUNNEL_STT] = read_stt,     [TUNNEL_GTPU] = read_gtpu,
        [TUNNEL_BAREUDP] = read_bareudp,
    };
    struct flow_key key; /* but for the tunnel's members, untouched */
    struct outer o = {.packet = p, .key = &key, .end = p->len, .packet_type = FLOW_PT_ETH};
    memset(&key.tun_id, 0, FLOW_BLOCK_SIZE);
    key.erspan_idx = 0;
    enum drop_reason why = p->packet_type != FLOW_PT_ETH || !readers[vport->kind]
                               ? DROP_TUNNEL_POP
                               : outer_read(&o, tunnel_kinds[vport->kind].proto);
    if (!why) {
        why = readers[vport->kind](&o, vport);
    }
    if (!why && o.packet_type == FLOW_PT_ETH && o.end - o.ofs < ETH_HEADER_LEN) {
        why = DROP_RUNT;
    }
    if (!why && vport->kind != TUNNEL_STT) {
        why = shift_offloads(p, o.ofs);
    }
    if (why) {
        return why;
    }
    struct packet_tunnel tunnel;
    memcpy(tunnel.block, &key.tun_id, sizeof tunnel.block);
    tunnel.erspan_idx = key.erspan_idx;
    tunnel.opts_len = (uint8_t)o.opts_len;
    memcpy(tunnel.opts, o.opts ? o.opts : (const uint8_t *)"", o.opts_len);
    if (packet_set_tunnel(p, &tunnel)) {
        return DROP_NO_MEMORY;
    }
    p->len = o.end;
    packet_pull(p, o.ofs);
    p->packet_type = o.packet_type;
    why = vport->kind == TUNNEL_STT ? stt_restore(p, &o.stt) : DROP_NONE;
    p->l2_5_ofs = p->l3_ofs = p->l4_ofs = PACKET_NO_OFFSET;
    p->hash = 0;
    p->cutlen = 0;
    p->recirc_id = 0;
    p->ct_state = 0;
    p->ct_zone = 0;
    p->flags &= (uint8_t)~PACKET_F_CT_ORIG;
    return why;
}
