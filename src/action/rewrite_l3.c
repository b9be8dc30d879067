/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites of IPv4, IPv6, ARP and neighbour discovery. */
#include <string.h>

#include "action/rewrite_private.h"
#include "wire/arp.h"
#include "wire/csum.h"
#include "wire/l4.h"
#include "wire/mpls.h"

static struct ipv4_header *ipv4_of(const struct packet *p)
{
    struct ipv4_header *ip = bytes_at(p, p->l3_ofs, IPV4_HEADER_LEN);
    return ip && IPV4_VERSION(ip) == 4 ? ip : NULL;
}

static struct ipv6_header *ipv6_of(const struct packet *p)
{
    struct ipv6_header *ip = bytes_at(p, p->l3_ofs, IPV6_HEADER_LEN);
    return ip && (*(const uint8_t *)ip) >> 4 == 6 ? ip : NULL;
}

/* Walks IPv6 extension headers up to layer 4. */
static bool ipv6_l4_info(const struct packet *p, const struct ipv6_header *ip, struct l4_info *info)
{
    uint32_t ofs = p->l3_ofs + (uint32_t)IPV6_HEADER_LEN;
    uint8_t next = ip->next;
    while (ofs < p->l4_ofs) {
        const uint8_t *ext = p->data + ofs;
        if (p->len < ofs + IPV6_FRAG_HEADER_LEN) {
            return false;
        }
        switch (next) {
        case IP_PROTO_ROUTING:
            info->routed |= ext[3] > 0; /* segments left */
            ofs += (ext[1] + 1u) * 8;
            break;
        case IP_PROTO_HOPOPTS:
        case IP_PROTO_DSTOPTS:
            ofs += (ext[1] + 1u) * 8;
            break;
        case IP_PROTO_AH:
            ofs += (ext[1] + 2u) * 4;
            break;
        case IP_PROTO_FRAGMENT:
            info->later_fragment |= (get_be16(ext + 2) & CONST_BE16(IPV6_FRAG_OFF_MASK)) != 0;
            ofs += IPV6_FRAG_HEADER_LEN;
            break;
        default:
            return false;
        }
        next = ext[0];
    }
    info->proto = next;
    return true;
}

bool rewrite_l4_info(const struct packet *p, struct l4_info *info)
{
    const struct ipv4_header *ip4 = ipv4_of(p);
    *info = (struct l4_info){.proto = 0};
    if (likely(ip4 != NULL)) {
        info->proto = ip4->proto;
        info->later_fragment = (ip4->frag_off & CONST_BE16(IPV4_FRAG_OFF_MASK)) != 0;
        return true;
    }
    const struct ipv6_header *ip6 = ipv6_of(p);
    if (!ip6 || p->l4_ofs == PACKET_NO_OFFSET) {
        return false;
    }
    return ipv6_l4_info(p, ip6, info);
}

uint32_t rewrite_l4_len(const struct packet *p)
{
    const struct ipv4_header *ip4 = ipv4_of(p);
    const struct ipv6_header *ip6 = ip4 ? NULL : ipv6_of(p);
    uint32_t end = p->l3_ofs;
    if (ip4) {
        end += CONST_BE16(ip4->total_len);
    } else if (ip6) {
        end += (uint32_t)IPV6_HEADER_LEN + CONST_BE16(ip6->payload_len);
    }
    uint32_t room = packet_room_from(p, p->l4_ofs);
    return end > p->l4_ofs ? MIN(end - p->l4_ofs, room) : 0;
}

/* An address of an IPv4 header: both checksums follow. */
static void set_ipv4_addr(struct packet *p, struct ipv4_header *ip, uint8_t *addr, be32 value, be32 mask)
{
    be32 old = get_be32(addr), new = MASKED(old, value, mask);
    if (old == new) {
        return;
    }
    struct l4_info info;
    put_be32(addr, new);
    ip->csum = csum_update32(ip->csum, old, new);
    if (rewrite_l4_info(p, &info)) {
        rewrite_l4_pseudo(p, &info, csum_diff(&old, &new, sizeof old));
    }
}

/* One byte of an IPv4 header. */
static void set_ipv4_byte(struct ipv4_header *ip, uint8_t *byte, uint8_t new)
{
    uint8_t *word = (uint8_t *)ip + ((byte - (uint8_t *)ip) & ~1);
    be16 old = get_be16(word);
    *byte = new;
    ip->csum = csum_update16(ip->csum, old, get_be16(word));
}

enum drop_reason rewrite_set_ipv4(struct packet *p, const void *value, const void *mask)
{
    const struct dp_set_ipv4 *v = value, *m = mask;
    struct ipv4_header *ip = ipv4_of(p);
    if (!ip) {
        return DROP_NONE;
    }
    if (m->src) {
        set_ipv4_addr(p, ip, (uint8_t *)&ip->src, v->src, m->src);
    }
    if (m->dst) {
        set_ipv4_addr(p, ip, (uint8_t *)&ip->dst, v->dst, m->dst);
    }
    if (m->tos) {
        set_ipv4_byte(ip, &ip->tos, MASKED(ip->tos, v->tos, m->tos));
    }
    if (m->ttl) {
        set_ipv4_byte(ip, &ip->ttl, MASKED(ip->ttl, v->ttl, m->ttl));
    }
    return DROP_NONE;
}

static bool any_set(const struct ipv6_addr *mask)
{
    return mask->be32[0] | mask->be32[1] | mask->be32[2] | mask->be32[3];
}

/* An address of an IPv6 header. A destination that is not the final one is not in layer 4's pseudo header. */
static void set_ipv6_addr(struct packet *p, uint8_t *addr, const struct ipv6_addr *value,
                          const struct ipv6_addr *mask, bool is_dst)
{
    struct ipv6_addr old;
    struct l4_info info;
    memcpy(&old, addr, sizeof old);
    masked_bytes(addr, value->u8, mask->u8, sizeof old);
    if (rewrite_l4_info(p, &info) && !(is_dst && info.routed)) {
        rewrite_l4_pseudo(p, &info, csum_diff(&old, addr, sizeof old));
    }
}

enum drop_reason rewrite_set_ipv6(struct packet *p, const void *value, const void *mask)
{
    const struct dp_set_ipv6 *v = value, *m = mask;
    struct ipv6_header *ip = ipv6_of(p);
    if (!ip) {
        return DROP_NONE;
    }
    if (any_set(&m->src)) {
        set_ipv6_addr(p, (uint8_t *)&ip->src, &v->src, &m->src, false);
    }
    if (any_set(&m->dst)) {
        set_ipv6_addr(p, (uint8_t *)&ip->dst, &v->dst, &m->dst, true);
    }
    be32 word_value =
        (v->label & CONST_BE32(IPV6_LABEL_MASK)) | CONST_BE32((uint32_t)v->tclass << IPV6_TC_SHIFT);
    be32 word_mask =
        (m->label & CONST_BE32(IPV6_LABEL_MASK)) | CONST_BE32((uint32_t)m->tclass << IPV6_TC_SHIFT);
    ip->ver_tc_flow = MASKED(ip->ver_tc_flow, word_value, word_mask);
    ip->hop_limit = MASKED(ip->hop_limit, v->hlimit, m->hlimit);
    return DROP_NONE;
}

enum drop_reason rewrite_dec_ttl(struct packet *p)
{
    struct ipv4_header *ip4 = ipv4_of(p);
    if (ip4) {
        if (ip4->ttl <= 1) {
            return DROP_TTL_EXPIRED;
        }
        set_ipv4_byte(ip4, &ip4->ttl, (uint8_t)(ip4->ttl - 1));
        return DROP_NONE;
    }
    struct ipv6_header *ip6 = ipv6_of(p);
    if (ip6) {
        if (ip6->hop_limit <= 1) {
            return DROP_TTL_EXPIRED;
        }
        ip6->hop_limit--;
    }
    return DROP_NONE;
}

/* A TTL in a packet, and whose it is. */
struct ttl_place {
    uint8_t *ttl;            /* NULL: none */
    struct ipv4_header *ip4; /* has a checksum to mend */
};

static struct ttl_place ttl_of_ip(const struct packet *p, uint32_t ofs)
{
    uint8_t *first = ofs < p->len ? p->data + ofs : NULL;
    uint32_t room = first ? p->len - ofs : 0;
    if (room >= IPV4_HEADER_LEN && *first >> 4 == 4 && (*first & 0xf) * 4u >= IPV4_HEADER_LEN) {
        struct ipv4_header *ip = (struct ipv4_header *)(void *)first;
        return (struct ttl_place){&ip->ttl, ip};
    }
    if (room >= IPV6_HEADER_LEN && *first >> 4 == 6) {
        return (struct ttl_place){&((struct ipv6_header *)(void *)first)->hop_limit, NULL};
    }
    return (struct ttl_place){NULL, NULL};
}

/* The outermost header with a TTL and the next one. False: there are no two. */
static bool two_ttls(const struct packet *p, struct ttl_place *outer, struct ttl_place *inner)
{
    uint8_t *lse = bytes_at(p, p->l2_5_ofs, MPLS_LSE_LEN);
    if (lse) {
        *outer = (struct ttl_place){&lse[3], NULL};
        if (mpls_lse_bos(get_be32(lse))) {
            *inner = ttl_of_ip(p, p->l2_5_ofs + (uint32_t)MPLS_LSE_LEN);
        } else {
            uint8_t *next = bytes_at(p, p->l2_5_ofs, 2 * MPLS_LSE_LEN);
            *inner = (struct ttl_place){next ? &next[MPLS_LSE_LEN + 3] : NULL, NULL};
        }
        return inner->ttl != NULL;
    }
    struct l4_info info;
    if (!rewrite_l4_info(p, &info) || info.later_fragment || p->l4_ofs == PACKET_NO_OFFSET ||
        (info.proto != IP_PROTO_IPIP && info.proto != IP_PROTO_IPV6)) {
        return false;
    }
    *outer = ttl_of_ip(p, p->l3_ofs);
    *inner = ttl_of_ip(p, p->l4_ofs);
    return outer->ttl && inner->ttl;
}

static void copy_ttl(struct ttl_place *to, const struct ttl_place *from)
{
    if (to->ip4) {
        set_ipv4_byte(to->ip4, to->ttl, *from->ttl);
    } else {
        *to->ttl = *from->ttl;
    }
}

enum drop_reason rewrite_copy_ttl_in(struct packet *p, const struct dp_action *a)
{
    struct ttl_place outer, inner;
    if (two_ttls(p, &outer, &inner)) {
        copy_ttl(&inner, &outer);
    }
    return DROP_NONE;
}

enum drop_reason rewrite_copy_ttl_out(struct packet *p, const struct dp_action *a)
{
    struct ttl_place outer, inner;
    if (two_ttls(p, &outer, &inner)) {
        copy_ttl(&outer, &inner);
    }
    return DROP_NONE;
}

/* RFC 2597: class in the upper three bits, precedence 1 to 3 in the next two, 0. */
static uint8_t raise_precedence(uint8_t tos, uint8_t prec_level)
{
    unsigned class = tos >> 5, prec = (tos >> 3) & 3;
    if (class < 1 || class > 4 || !prec || (tos & 4)) {
        return tos;
    }
    prec = MIN(prec + prec_level, 3u);
    return (uint8_t)(class << 5 | prec << 3 | (tos & IP_ECN_MASK));
}

enum drop_reason rewrite_dscp_remark(struct packet *p, uint8_t prec_level)
{
    struct ipv4_header *ip4 = ipv4_of(p);
    if (ip4) {
        set_ipv4_byte(ip4, &ip4->tos, raise_precedence(ip4->tos, prec_level));
        return DROP_NONE;
    }
    struct ipv6_header *ip6 = ipv6_of(p);
    if (ip6) {
        uint32_t word = CONST_BE32(ip6->ver_tc_flow);
        uint8_t tc = raise_precedence((uint8_t)(word >> IPV6_TC_SHIFT), prec_level);
        ip6->ver_tc_flow = CONST_BE32((word & ~(0xffu << IPV6_TC_SHIFT)) | (uint32_t)tc << IPV6_TC_SHIFT);
    }
    return DROP_NONE;
}

enum drop_reason rewrite_set_arp(struct packet *p, const void *value, const void *mask)
{
    const struct dp_set_arp *v = value, *m = mask;
    struct arp_header *arp = bytes_at(p, p->l3_ofs, ARP_HEADER_LEN);
    if (!arp || arp->hrd != CONST_BE16(ARP_HRD_ETHERNET) || arp->pro != CONST_BE16(ARP_PRO_IPV4)) {
        return DROP_NONE;
    }
    arp->op = MASKED(arp->op, v->op, m->op);
    arp->spa = MASKED(arp->spa, v->sip, m->sip);
    arp->tpa = MASKED(arp->tpa, v->tip, m->tip);
    masked_bytes(arp->sha.ea, v->sha.ea, m->sha.ea, sizeof arp->sha);
    masked_bytes(arp->tha.ea, v->tha.ea, m->tha.ea, sizeof arp->tha);
    return DROP_NONE;
}

/* The neighbour solicitation or advertisement, or NULL. */
static uint8_t *nd_of(const struct packet *p)
{
    uint8_t *nd = ipv6_of(p) ? rewrite_l4_header(p, IP_PROTO_ICMPV6, ND_HEADER_LEN) : NULL;
    return nd && (nd[0] == ND_NEIGHBOR_SOLICIT || nd[0] == ND_NEIGHBOR_ADVERT) && !nd[1] ? nd : NULL;
}

#define ICMP_CSUM_OFS offsetof(struct nd_header, csum)

enum drop_reason rewrite_set_nd(struct packet *p, const void *value, const void *mask)
{
    const struct dp_set_nd *v = value, *m = mask;
    uint8_t *nd = nd_of(p);
    if (!nd) {
        return DROP_NONE;
    }
    uint8_t new[sizeof(struct ipv6_addr)];
    memcpy(new, nd + offsetof(struct nd_header, target), sizeof new);
    masked_bytes(new, v->target.u8, m->target.u8, sizeof new);
    rewrite_l4_bytes(p, nd, ICMP_CSUM_OFS, false, offsetof(struct nd_header, target), new, sizeof new);

    uint32_t room = packet_room_from(p, p->l4_ofs);
    for (uint32_t ofs = ND_HEADER_LEN; ofs + ND_LLA_OPTION_LEN <= room;) {
        uint32_t len = nd[ofs + 1] * 8u;
        const struct eth_addr *mac = NULL, *mac_mask = NULL;
        if (!len || ofs + len > room) {
            break;
        }
        if (len == ND_LLA_OPTION_LEN && nd[ofs] == ND_OPT_SOURCE_LLA) {
            mac = &v->sll;
            mac_mask = &m->sll;
        } else if (len == ND_LLA_OPTION_LEN && nd[ofs] == ND_OPT_TARGET_LLA) {
            mac = &v->tll;
            mac_mask = &m->tll;
        }
        if (mac) {
            memcpy(new, nd + ofs + 2, sizeof *mac);
            masked_bytes(new, mac->ea, mac_mask->ea, sizeof *mac);
            rewrite_l4_bytes(p, nd, ICMP_CSUM_OFS, false, (uint16_t)(ofs + 2), new, sizeof *mac);
        }
        ofs += len;
    }
    return DROP_NONE;
}

/* The 32 reserved bits (an advertisement's flags), and the type of the first option. */
enum drop_reason rewrite_set_nd_ext(struct packet *p, const void *value, const void *mask)
{
    const struct dp_set_nd_ext *v = value, *m = mask;
    uint8_t *nd = nd_of(p);
    if (!nd) {
        return DROP_NONE;
    }
    uint8_t new[4];
    memcpy(new, nd + 4, sizeof new);
    masked_bytes(new, &v->reserved, &m->reserved, sizeof new);
    rewrite_l4_bytes(p, nd, ICMP_CSUM_OFS, false, 4, new, sizeof new);
    if (m->options_type && packet_room_from(p, p->l4_ofs) >= ND_HEADER_LEN + ND_LLA_OPTION_LEN) {
        memcpy(new, nd + ND_HEADER_LEN, 2);
        new[0] = MASKED(new[0], v->options_type, m->options_type);
        rewrite_l4_bytes(p, nd, ICMP_CSUM_OFS, false, ND_HEADER_LEN, new, 2);
    }
    return DROP_NONE;
}
