/* SPDX-License-Identifier: Apache-2.0 */
/* The fast path (an Ethernet frame with at most one tag, IPv4 without options or fragments, TCP or UDP)
 * writes the hot block in a few wide stores. All else goes through extract_full(), which parses layer by
 * layer with a cursor: each parser takes its header off the cursor or leaves the key's members zero.
 *
 * The rules for damaged packets are the reference's, found by differential tests: an IPv4 header that
 * contradicts itself or the frame makes no IP members at all; an IPv6 one with broken extension headers keeps
 * its addresses; neighbour discovery options that repeat or overrun take the target with them. */
#include "flow/extract.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "flow/mask.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/mpls.h"
#include "wire/nsh.h"

_Static_assert(sizeof(((struct packet_tunnel *)0)->block) == FLOW_BLOCK_SIZE, "a tunnel is a block");

static unsigned vlan_limit = FLOW_VLAN_LIMIT_DEFAULT;

void flow_set_vlan_limit(unsigned limit)
{
    __atomic_store_n(&vlan_limit, MIN(limit, FLOW_MAX_VLANS), __ATOMIC_RELAXED);
}

unsigned flow_vlan_limit(void)
{
    return __atomic_load_n(&vlan_limit, __ATOMIC_RELAXED);
}

/* What is left of the packet. */
struct cursor {
    const uint8_t *data;
    uint32_t left;
};

/* N bytes off the cursor, or NULL, and then the cursor stays. */
static ALWAYS_INLINE const void *cursor_pull(struct cursor *c, uint32_t n)
{
    if (c->left < n) {
        return NULL;
    }
    const void *p = c->data;
    c->data += n;
    c->left -= n;
    return p;
}

/* Zeroes BLOCK when it is used for the first time. */
static inline void use_block(struct flow_key *key, unsigned *blocks, int block)
{
    if (!(*blocks & FLOW_BLOCK_BIT(block))) {
        memset((char *)key + block * FLOW_BLOCK_SIZE, 0, FLOW_BLOCK_SIZE);
        *blocks |= FLOW_BLOCK_BIT(block);
    }
}

/* --- Metadata ------------------------------------------------------------------------------------------ */

static void extract_tunnel(const struct packet_tunnel *tunnel, struct flow_key *key, unsigned *blocks)
{
    memcpy(&key->tun_id, tunnel->block, sizeof tunnel->block);
    *blocks |= FLOW_BLOCK_BIT(FLOW_BLOCK_TUNNEL);
    if (tunnel->erspan_idx) {
        use_block(key, blocks, FLOW_BLOCK_META);
        key->erspan_idx = tunnel->erspan_idx;
    }
    if (tunnel->opts_len) {
        unsigned len = MIN(tunnel->opts_len, FLOW_TUN_OPTS_MAX);
        /* All four: the length stands in the last. */
        for (int b = FLOW_BLOCK_TUNOPT0; b <= FLOW_BLOCK_TUNOPT3; b++) {
            use_block(key, blocks, b);
        }
        memcpy(key->tun_opts, tunnel->opts, len);
        key->tun_opts_len = (uint8_t)len;
    }
}

static bool has_rare_metadata(const struct packet *p)
{
    return p->priority | p->dp_hash | p->ct_mark | p->ct_label.be32[0] | p->ct_label.be32[1] |
           p->ct_label.be32[2] | p->ct_label.be32[3];
}

static void extract_metadata(const struct packet *p, struct flow_key *key, unsigned *blocks)
{
    key->in_port = p->in_port;
    key->recirc_id = p->recirc_id;
    key->packet_type = p->packet_type;
    key->ct_state = p->ct_state;
    key->ct_zone = p->ct_zone;
    key->pkt_mark = p->mark;
    if (has_rare_metadata(p)) {
        use_block(key, blocks, FLOW_BLOCK_META);
        key->skb_priority = p->priority;
        key->dp_hash = p->dp_hash;
        key->ct_mark = p->ct_mark;
        key->ct_label = p->ct_label;
    }
    if (p->tunnel) {
        extract_tunnel(p->tunnel, key, blocks);
    }
}

/* The original direction of the packet's connection. */
static void extract_ct_orig(const struct packet_ct_orig *o, struct flow_key *key, unsigned *blocks)
{
    use_block(key, blocks, FLOW_BLOCK_META);
    if (o->is_ipv6) {
        use_block(key, blocks, FLOW_BLOCK_EXT);
        key->ct_ipv6_src = o->src;
        key->ct_ipv6_dst = o->dst;
    } else {
        key->ct_nw_src = o->src.be32[0];
        key->ct_nw_dst = o->dst.be32[0];
    }
    key->ct_nw_proto = o->proto;
    key->ct_tp_src = o->tp_src;
    key->ct_tp_dst = o->tp_dst;
}

/* A key without an original direction makes a packet without one. */
static void ct_orig_to_metadata(const struct flow_key *key, struct packet *p)
{
    struct packet_ct_orig *o = &p->ct_orig;
    static const struct ipv6_addr none;
    p->flags &= (uint8_t)~PACKET_F_CT_ORIG;
    bool is_ipv6 =
        memcmp(&key->ct_ipv6_src, &none, sizeof none) || memcmp(&key->ct_ipv6_dst, &none, sizeof none);
    if (!is_ipv6 && !(key->ct_nw_src | key->ct_nw_dst | key->ct_nw_proto)) {
        return;
    }
    memset(o, 0, sizeof *o);
    o->is_ipv6 = is_ipv6;
    if (is_ipv6) {
        o->src = key->ct_ipv6_src;
        o->dst = key->ct_ipv6_dst;
    } else {
        o->src.be32[0] = key->ct_nw_src;
        o->dst.be32[0] = key->ct_nw_dst;
    }
    o->proto = key->ct_nw_proto;
    o->tp_src = key->ct_tp_src;
    o->tp_dst = key->ct_tp_dst;
    p->flags |= PACKET_F_CT_ORIG;
}

int flow_key_to_metadata(const struct flow_key *key, struct packet *p)
{
    p->in_port = key->in_port;
    p->recirc_id = key->recirc_id;
    p->packet_type = key->packet_type;
    p->ct_state = key->ct_state;
    p->ct_zone = key->ct_zone;
    p->mark = key->pkt_mark;
    p->priority = key->skb_priority;
    p->dp_hash = key->dp_hash;
    p->ct_mark = key->ct_mark;
    p->ct_label = key->ct_label;
    ct_orig_to_metadata(key, p);
    if (!flow_key_from_tunnel(key)) {
        return packet_set_tunnel(p, NULL);
    }
    struct packet_tunnel tunnel;
    memset(&tunnel, 0, sizeof tunnel);
    memcpy(tunnel.block, &key->tun_id, sizeof tunnel.block);
    tunnel.erspan_idx = key->erspan_idx;
    tunnel.opts_len = key->tun_opts_len;
    memcpy(tunnel.opts, key->tun_opts, MIN(key->tun_opts_len, FLOW_TUN_OPTS_MAX));
    return packet_set_tunnel(p, &tunnel);
}

/* --- Layer 2 ------------------------------------------------------------------------------------------- */

/* Tags, from the outermost; the cursor stands on the Ethertype and stays on one. */
static void extract_vlans(struct cursor *c, struct flow_key *key)
{
    unsigned limit = flow_vlan_limit();
    for (unsigned i = 0; i < limit && c->left >= VLAN_HEADER_LEN + 2; i++) {
        be16 tpid = get_be16(c->data);
        if (!eth_type_is_vlan(tpid)) {
            break;
        }
        key->vlans[i].tpid = tpid;
        key->vlans[i].tci = get_be16(c->data + 2) | FLOW_VLAN_PRESENT;
        cursor_pull(c, VLAN_HEADER_LEN);
    }
}

/* The Ethertype; or that of the SNAP header behind a length; or FLOW_DL_TYPE_NONE. */
static be16 extract_ethertype(struct cursor *c)
{
    be16 type = get_be16(cursor_pull(c, 2));
    if (be16_is_ethertype(type)) {
        return type;
    }
    if (c->left < LLC_SNAP_HEADER_LEN) {
        return FLOW_DL_TYPE_NONE;
    }
    const struct llc_snap_header *llc = (const struct llc_snap_header *)(const void *)c->data;
    if (llc->dsap != LLC_DSAP_SNAP || llc->ssap != LLC_SSAP_SNAP || llc->cntl != LLC_CNTL_UI ||
        llc->oui[0] | llc->oui[1] | llc->oui[2]) {
        return FLOW_DL_TYPE_NONE;
    }
    cursor_pull(c, LLC_SNAP_HEADER_LEN);
    return be16_is_ethertype(llc->type) ? llc->type : FLOW_DL_TYPE_NONE;
}

static void extract_mpls(struct cursor *c, struct flow_key *key, unsigned *blocks)
{
    unsigned n = 0;
    const void *lse;
    while ((lse = cursor_pull(c, MPLS_LSE_LEN))) {
        be32 v = get_be32(lse);
        if (n < FLOW_MAX_MPLS) {
            use_block(key, blocks, FLOW_BLOCK_META);
            key->mpls_lse[n++] = v;
        }
        if (v & CONST_BE32(MPLS_BOS_MASK)) {
            break;
        }
    }
}

static void extract_arp(struct cursor *c, struct flow_key *key, unsigned *blocks)
{
    const struct arp_header *arp = cursor_pull(c, ARP_HEADER_LEN);
    if (!arp || arp->hrd != CONST_BE16(ARP_HRD_ETHERNET) || arp->pro != CONST_BE16(ARP_PRO_IPV4) ||
        arp->hln != ETH_ADDR_LEN || arp->pln != 4) {
        return;
    }
    uint16_t op = CONST_BE16(arp->op);
    key->nw_proto = op <= UINT8_MAX ? (uint8_t)op : 0;
    key->nw_src = arp->spa;
    key->nw_dst = arp->tpa;
    use_block(key, blocks, FLOW_BLOCK_IPV6);
    key->arp_sha = arp->sha;
    key->arp_tha = arp->tha;
}

static void extract_nsh(struct cursor *c, struct flow_key *key, unsigned *blocks)
{
    if (c->left < NSH_BASE_LEN) {
        return;
    }
    const struct nsh_header *nsh = (const struct nsh_header *)(const void *)c->data;
    unsigned len = NSH_LENGTH(nsh->ver_flags_ttl_len);
    uint8_t md_type = nsh->md_type;
    if (NSH_VERSION(nsh->ver_flags_ttl_len) || (md_type == NSH_MD2 && len < NSH_BASE_LEN) || len > c->left ||
        (md_type == NSH_MD1 && len != NSH_M1_LEN)) {
        return;
    }
    use_block(key, blocks, FLOW_BLOCK_EXT);
    key->nsh_flags = (uint8_t)NSH_FLAGS(nsh->ver_flags_ttl_len);
    key->nsh_ttl = (uint8_t)NSH_TTL(nsh->ver_flags_ttl_len);
    key->nsh_mdtype = md_type;
    key->nsh_np = nsh->next_proto;
    key->nsh_path_hdr = nsh->path_hdr;
    if (md_type == NSH_MD1) {
        memcpy(key->nsh_context, nsh->context, sizeof key->nsh_context);
    }
}

/* --- Layer 3 ------------------------------------------------------------------------------------------- */

/* Takes the header off; the cursor is then cut to the IP packet's end. */
static bool extract_ipv4(struct cursor *c, struct flow_key *key)
{
    if (c->left < IPV4_HEADER_LEN) {
        return false;
    }
    const struct ipv4_header *ip = (const struct ipv4_header *)(const void *)c->data;
    uint32_t header_len = IPV4_IHL_BYTES(ip), total_len = CONST_BE16(ip->total_len);
    if (header_len < IPV4_HEADER_LEN || header_len > total_len || total_len > c->left) {
        return false;
    }
    c->left = total_len;
    cursor_pull(c, header_len);
    key->nw_src = ip->src;
    key->nw_dst = ip->dst;
    key->nw_proto = ip->proto;
    key->nw_tos = ip->tos;
    key->nw_ttl = ip->ttl;
    if (ip->frag_off & CONST_BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFF_MASK)) {
        key->nw_frag = ip->frag_off & CONST_BE16(IPV4_FRAG_OFF_MASK) ? FLOW_NW_FRAG_ANY | FLOW_NW_FRAG_LATER
                                                                     : FLOW_NW_FRAG_ANY;
    }
    return true;
}

/* Extension headers up to the one that is not, which goes into *PROTO. False if they overrun the packet. */
static bool skip_ipv6_extensions(struct cursor *c, uint8_t *proto, uint8_t *frag)
{
    for (;;) {
        bool is_frag = *proto == IP_PROTO_FRAGMENT, is_ah = *proto == IP_PROTO_AH;
        if (!is_frag && !is_ah && *proto != IP_PROTO_HOPOPTS && *proto != IP_PROTO_ROUTING &&
            *proto != IP_PROTO_DSTOPTS) {
            return true;
        }
        if (c->left < 8) {
            return false;
        }
        if (is_frag) {
            const struct ipv6_frag_header *fh = cursor_pull(c, IPV6_FRAG_HEADER_LEN);
            *proto = fh->next;
            if (!fh->offlg) {
                continue; /* an atomic fragment is whole */
            }
            *frag = FLOW_NW_FRAG_ANY;
            if (fh->offlg & CONST_BE16(IPV6_FRAG_OFF_MASK)) {
                *frag |= FLOW_NW_FRAG_LATER;
                *proto = IP_PROTO_FRAGMENT;
                return true;
            }
        } else {
            const struct ipv6_ext_header *eh = (const struct ipv6_ext_header *)(const void *)c->data;
            uint8_t next = eh->next;
            if (!cursor_pull(c, is_ah ? (eh->len + 2) * 4 : (eh->len + 1) * 8)) {
                return false;
            }
            *proto = next;
        }
    }
}

static bool extract_ipv6(struct cursor *c, struct flow_key *key, unsigned *blocks)
{
    if (c->left < IPV6_HEADER_LEN) {
        return false;
    }
    const struct ipv6_header *ip = (const struct ipv6_header *)(const void *)c->data;
    uint32_t payload_len = CONST_BE16(ip->payload_len);
    if (payload_len > c->left - IPV6_HEADER_LEN) {
        return false;
    }
    cursor_pull(c, IPV6_HEADER_LEN);
    c->left = payload_len;
    use_block(key, blocks, FLOW_BLOCK_IPV6);
    memcpy(&key->ipv6_src, &ip->src, sizeof key->ipv6_src);
    memcpy(&key->ipv6_dst, &ip->dst, sizeof key->ipv6_dst);

    uint8_t proto = ip->next, frag = 0;
    if (!skip_ipv6_extensions(c, &proto, &frag)) {
        return false;
    }
    key->ipv6_label = ip->ver_tc_flow & CONST_BE32(IPV6_LABEL_MASK);
    key->nw_proto = proto;
    key->nw_tos = (uint8_t)(CONST_BE32(ip->ver_tc_flow) >> IPV6_TC_SHIFT);
    key->nw_ttl = ip->hop_limit;
    key->nw_frag = frag;
    return true;
}

/* --- Layer 4 ------------------------------------------------------------------------------------------- */

/* Neighbour solicitation and advertisement behind the 4 bytes of ICMPv6. */
static void extract_nd(struct cursor c, struct flow_key *key, unsigned *blocks)
{
    const uint8_t *nd = cursor_pull(&c, 4 + 16);
    if (!nd) {
        return;
    }
    struct eth_addr sll = {{0}}, tll = {{0}};
    uint8_t opt_type = 0;
    bool valid = true;
    while (c.left >= ND_LLA_OPTION_LEN) {
        const struct nd_lla_option *opt = (const struct nd_lla_option *)(const void *)c.data;
        uint32_t len = opt->len * 8u;
        if (!len || len > c.left) {
            break;
        }
        struct eth_addr *lla = opt->type == ND_OPT_SOURCE_LLA   ? &sll
                               : opt->type == ND_OPT_TARGET_LLA ? &tll
                                                                : NULL;
        if (lla && len == ND_LLA_OPTION_LEN) {
            if (!eth_addr_is_zero(lla)) {
                valid = false; /* a second one */
                break;
            }
            *lla = opt->mac;
            opt_type = opt->type;
        }
        cursor_pull(&c, len);
    }
    use_block(key, blocks, FLOW_BLOCK_META);
    key->igmp_group = get_be32(nd);
    if (!valid) {
        return;
    }
    use_block(key, blocks, FLOW_BLOCK_IPV6);
    memcpy(&key->nd_target, nd + 4, sizeof key->nd_target);
    key->arp_sha = sll;
    key->arp_tha = tll;
    key->tcp_flags = CONST_BE16(opt_type);
}

static void extract_icmpv6(struct cursor *c, struct flow_key *key, unsigned *blocks, bool ipv6)
{
    const struct icmp_header *icmp = cursor_pull(c, ICMPV6_HEADER_LEN);
    if (!icmp) {
        return;
    }
    key->tp_src = CONST_BE16(icmp->type);
    key->tp_dst = CONST_BE16(icmp->code);
    if (ipv6 && !icmp->code && (icmp->type == ND_NEIGHBOR_SOLICIT || icmp->type == ND_NEIGHBOR_ADVERT)) {
        extract_nd(*c, key, blocks);
    }
}

static void extract_l4(struct cursor *c, struct flow_key *key, unsigned *blocks, bool ipv6)
{
    switch (key->nw_proto) {
    case IP_PROTO_TCP:
        if (c->left >= TCP_HEADER_LEN) {
            const struct tcp_header *tcp = (const struct tcp_header *)(const void *)c->data;
            if (TCP_OFFSET_BYTES(tcp->ctl) < TCP_HEADER_LEN || TCP_OFFSET_BYTES(tcp->ctl) > c->left) {
                break;
            }
            key->tp_src = tcp->src;
            key->tp_dst = tcp->dst;
            key->tcp_flags = TCP_FLAGS_BE(tcp->ctl);
        }
        break;
    case IP_PROTO_UDP:
    case IP_PROTO_SCTP:
        if (c->left >= (key->nw_proto == IP_PROTO_UDP ? UDP_HEADER_LEN : SCTP_HEADER_LEN)) {
            key->tp_src = get_be16(c->data);
            key->tp_dst = get_be16(c->data + 2);
        }
        break;
    case IP_PROTO_ICMP:
        if (c->left >= ICMP_HEADER_LEN) {
            key->tp_src = CONST_BE16(c->data[0]);
            key->tp_dst = CONST_BE16(c->data[1]);
        }
        break;
    case IP_PROTO_IGMP:
        if (c->left >= IGMP_HEADER_LEN) {
            const struct igmp_header *igmp = (const struct igmp_header *)(const void *)c->data;
            key->tp_src = CONST_BE16(igmp->type);
            key->tp_dst = CONST_BE16(igmp->code);
            use_block(key, blocks, FLOW_BLOCK_META);
            key->igmp_group = igmp->group;
        }
        break;
    case IP_PROTO_ICMPV6:
        extract_icmpv6(c, key, blocks, ipv6);
        break;
    default:
        break;
    }
}

/* --- The whole ----------------------------------------------------------------------------------------- */

static void extract_full(struct packet *p, struct flow_key *key)
{
    unsigned blocks = FLOW_BLOCK_BIT(FLOW_BLOCK_HOT);
    struct cursor c = {p->data, p->len};

    memset(key, 0, FLOW_BLOCK_SIZE);
    p->l2_5_ofs = p->l3_ofs = p->l4_ofs = PACKET_NO_OFFSET;
    extract_metadata(p, key, &blocks);
    if (p->flags & PACKET_F_CT_ORIG) {
        extract_ct_orig(&p->ct_orig, key, &blocks);
    }

    if (p->packet_type == FLOW_PT_ETH) {
        if (c.left < ETH_HEADER_LEN) {
            goto out;
        }
        memcpy(&key->dl_dst, cursor_pull(&c, 2 * ETH_ADDR_LEN), 2 * ETH_ADDR_LEN);
        extract_vlans(&c, key);
        key->dl_type = extract_ethertype(&c);
        if (eth_type_is_mpls(key->dl_type)) {
            p->l2_5_ofs = (uint16_t)(c.data - p->data);
            extract_mpls(&c, key, &blocks);
        }
    } else {
        key->dl_type = flow_key_dl_type(key); /* the packet type's, if that is an Ethertype */
        if (eth_type_is_mpls(key->dl_type)) {
            p->l2_5_ofs = 0;
            extract_mpls(&c, key, &blocks);
        }
    }
    p->l3_ofs = (uint16_t)(c.data - p->data);

    bool is_ip = false, is_ipv6 = key->dl_type == CONST_BE16(ETH_TYPE_IPV6);
    if (key->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        is_ip = extract_ipv4(&c, key);
    } else if (is_ipv6) {
        is_ip = extract_ipv6(&c, key, &blocks);
    } else if (key->dl_type == CONST_BE16(ETH_TYPE_ARP) || key->dl_type == CONST_BE16(ETH_TYPE_RARP)) {
        extract_arp(&c, key, &blocks);
    } else if (key->dl_type == CONST_BE16(ETH_TYPE_NSH)) {
        extract_nsh(&c, key, &blocks);
    }
    if (is_ip) {
        p->l4_ofs = (uint16_t)(c.data - p->data);
        if (!(key->nw_frag & FLOW_NW_FRAG_LATER)) {
            extract_l4(&c, key, &blocks, is_ipv6);
        }
    }
out:
    p->key_blocks = (uint16_t)blocks;
}

/* --- The fast path ------------------------------------------------------------------------------------- */

#define HOT(MEMBER) offsetof(struct flow_key, MEMBER)
_Static_assert(HOT(recirc_id) == HOT(in_port) + 4 &&
                   offsetof(struct packet, recirc_id) == offsetof(struct packet, in_port) + 4,
               "copied together");
_Static_assert(HOT(dl_src) == HOT(dl_dst) + 6 && HOT(dl_type) == HOT(dl_dst) + 12 &&
                   HOT(vlans) == HOT(dl_dst) + 14 && HOT(tp_src) == HOT(vlans) + 8 &&
                   HOT(tp_dst) == HOT(tp_src) + 2 && HOT(tcp_flags) == HOT(tp_src) + 4 &&
                   HOT(nw_dst) == HOT(nw_src) + 4,
               "stored together");
_Static_assert(HOT(ct_zone) == HOT(ct_state) + 2 &&
                   offsetof(struct packet, ct_zone) == offsetof(struct packet, ct_state) + 2,
               "copied together");

_Static_assert(HOT(nw_src) == HOT(tp_src) + 6 && HOT(ct_state) == HOT(nw_proto) + 4 &&
                   HOT(pad_hot) == HOT(pkt_mark) + 4,
               "stored together");
_Static_assert(offsetof(struct packet, l3_ofs) == offsetof(struct packet, l2_5_ofs) + 2 &&
                   offsetof(struct packet, l4_ofs) == offsetof(struct packet, l2_5_ofs) + 4 &&
                   offsetof(struct packet, key_blocks) == offsetof(struct packet, l2_5_ofs) + 6,
               "stored together");
_Static_assert(offsetof(struct packet, dp_hash) == offsetof(struct packet, priority) + 4, "read together");

/* True if it is done; false if the packet is not of the kind. IPv4 begins at L3, behind L2_LEN bytes, and
 * LEFT bytes are there; the key's first 34 bytes are written by the caller. (What is known is passed on: the
 * compiler must think that stores to the key change the packet.) */
static ALWAYS_INLINE bool extract_hot_ipv4(struct packet *p, const uint8_t *l3, uint32_t left,
                                           struct flow_key *key, uint32_t l2_len)
{
    uint32_t total_len = CONST_BE16(get_be16(l3 + 2));
    uint32_t proto = l3[9];
    be16 tcp_flags = 0;

    /* Version and length as usual, and no fragment: one comparison. */
    if (unlikely(((uint32_t)(l3[0] ^ IPV4_VER_IHL_PLAIN) |
                  (get_be16(l3 + 6) & CONST_BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFF_MASK))) != 0) ||
        unlikely(total_len > left)) {
        return false;
    }
    const uint8_t *l4 = l3 + IPV4_HEADER_LEN;
    if (likely(proto == IP_PROTO_UDP)) {
        if (unlikely(total_len < IPV4_HEADER_LEN + UDP_HEADER_LEN)) {
            return false;
        }
    } else if (proto == IP_PROTO_TCP) {
        if (unlikely(total_len < IPV4_HEADER_LEN + TCP_HEADER_LEN)) {
            return false;
        }
        be16 ctl = get_be16(l4 + 12);
        uint32_t tcp_len = TCP_OFFSET_BYTES(ctl);
        if (unlikely(tcp_len < TCP_HEADER_LEN) || unlikely(tcp_len > total_len - IPV4_HEADER_LEN)) {
            return false;
        }
        tcp_flags = TCP_FLAGS_BE(ctl);
    } else {
        return false;
    }
    /* Ports and TCP flags (and two bytes of what comes next); the addresses; proto, tos, ttl, no fragment,
     * and the connection's state; the mark and the padding. */
    uint64_t ports = get_be32(l4) | (uint64_t)tcp_flags << 32;
    uint64_t ip =
        proto | (uint32_t)l3[1] << 8 | (uint32_t)l3[8] << 16 | (uint64_t)get_be32(&p->ct_state) << 32;
    uint64_t mark = p->mark;
    memcpy((char *)key + HOT(tp_src), &ports, 8);
    memcpy((char *)key + HOT(nw_src), l3 + 12, 8);
    memcpy((char *)key + HOT(nw_proto), &ip, 8);
    memcpy((char *)key + HOT(pkt_mark), &mark, 8);
    uint64_t offsets = PACKET_NO_OFFSET | (uint64_t)l2_len << 16 |
                       (uint64_t)(l2_len + IPV4_HEADER_LEN) << 32 |
                       (uint64_t)FLOW_BLOCK_BIT(FLOW_BLOCK_HOT) << 48;
    memcpy(&p->l2_5_ofs, &offsets, 8);
    return true;
}

static ALWAYS_INLINE bool extract_hot(struct packet *p, struct flow_key *key, unsigned limit)
{
    const uint8_t *eth = p->data;
    const uint32_t len = p->len, l2_len = ETH_HEADER_LEN + VLAN_HEADER_LEN;
    /* All that must be zero, in one comparison. */
    if (unlikely(len < ETH_HEADER_LEN + IPV4_HEADER_LEN + UDP_HEADER_LEN) ||
        unlikely(((uintptr_t)p->tunnel | p->packet_type | (p->flags & PACKET_F_CT_ORIG) |
                  get_be64(&p->priority) | p->ct_mark | get_be64(&p->ct_label) |
                  get_be64(&p->ct_label.u8[8])) != 0)) {
        return false;
    }
    be16 type = get_be16(eth + 12);
    memcpy(key, &p->in_port, 8);
    if (likely(type == CONST_BE16(ETH_TYPE_IPV4))) {
        memset((char *)key + HOT(packet_type), 0, 4);
        memcpy((char *)key + HOT(dl_dst), eth, 14);
        memset((char *)key + HOT(vlans), 0, 8);
        return extract_hot_ipv4(p, eth + ETH_HEADER_LEN, len - ETH_HEADER_LEN, key, ETH_HEADER_LEN);
    }
    if (eth_type_is_vlan(type) && limit && get_be16(eth + 16) == CONST_BE16(ETH_TYPE_IPV4) &&
        len >= l2_len + IPV4_HEADER_LEN + UDP_HEADER_LEN) {
        /* dl_type and the outer tag; then the inner one. */
        uint64_t tags = CONST_BE16(ETH_TYPE_IPV4) | (uint64_t)type << 16 |
                        (uint64_t)(get_be16(eth + 14) | FLOW_VLAN_PRESENT) << 32;
        memset((char *)key + HOT(packet_type), 0, 4);
        memcpy((char *)key + HOT(dl_dst), eth, 12);
        memcpy((char *)key + HOT(dl_type), &tags, 8);
        memset((char *)key + HOT(dl_type) + 8, 0, 2);
        return extract_hot_ipv4(p, eth + l2_len, len - l2_len, key, l2_len);
    }
    return false;
}

void flow_key_extract(struct packet *p, struct flow_key *key)
{
    if (!extract_hot(p, key, flow_vlan_limit())) {
        extract_full(p, key);
    }
}

void flow_extract_batch(struct packet_batch *batch, struct flow_key *keys, uint16_t *blocks)
{
    unsigned limit = flow_vlan_limit();
    const uint32_t n = batch->n;
    for (uint32_t i = 0; i < n; i++) {
        struct packet *p = batch->packets[i];
        blocks[i] = FLOW_BLOCK_BIT(FLOW_BLOCK_HOT);
        if (!extract_hot(p, &keys[i], limit)) {
            extract_full(p, &keys[i]);
            blocks[i] = p->key_blocks;
        }
    }
}

void flow_key_extract_complete(struct packet *p, struct flow_key *key)
{
    flow_key_extract(p, key);
    flow_key_complete(key, p->key_blocks, FLOW_N_BLOCKS);
}
