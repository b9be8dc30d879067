/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/tuple.h"

#include "packet/csum.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define ICMP_SOURCE_QUENCH     4
#define ICMP_REDIRECT          5
#define ICMP_TIMESTAMP_REQUEST 13
#define ICMP_TIMESTAMP_REPLY   14
#define ICMP_INFO_REQUEST      15
#define ICMP_INFO_REPLY        16

/* ICMP messages that ask and answer; 0 in `proto` ends the list. */
static const struct {
    uint8_t proto, request, reply;
} icmp_pairs[] = {
    {IP_PROTO_ICMP, ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY},
    {IP_PROTO_ICMPV6, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY},
    {IP_PROTO_ICMP, ICMP_TIMESTAMP_REQUEST, ICMP_TIMESTAMP_REPLY},
    {IP_PROTO_ICMP, ICMP_INFO_REQUEST, ICMP_INFO_REPLY},
};

/* The type that answers TYPE, -1 if it is none that asks or answers. */
static int icmp_reverse(uint8_t proto, uint8_t type)
{
    for (size_t i = 0; i < ARRAY_SIZE(icmp_pairs); i++) {
        if (icmp_pairs[i].proto == proto) {
            if (icmp_pairs[i].request == type) {
                return icmp_pairs[i].reply;
            }
            if (icmp_pairs[i].reply == type) {
                return icmp_pairs[i].request;
            }
        }
    }
    return -1;
}

bool ct_tuple_is_icmp(const struct ct_tuple *t)
{
    return t->proto == (t->is_ipv6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP);
}

bool ct_tuple_is_icmp_request(const struct ct_tuple *t)
{
    for (size_t i = 0; i < ARRAY_SIZE(icmp_pairs); i++) {
        if (icmp_pairs[i].proto == t->proto && icmp_pairs[i].request == CT_ICMP_TYPE(t->tp_dst)) {
            return true;
        }
    }
    return false;
}

void ct_tuple_reverse(const struct ct_tuple *t, struct ct_tuple *r)
{
    *r = *t;
    r->src = t->dst;
    r->dst = t->src;
    if (ct_tuple_is_icmp(t)) {
        int type = icmp_reverse(t->proto, CT_ICMP_TYPE(t->tp_dst));
        r->tp_dst = CT_ICMP(type < 0 ? CT_ICMP_TYPE(t->tp_dst) : type, CT_ICMP_CODE(t->tp_dst));
    } else {
        r->tp_src = t->tp_dst;
        r->tp_dst = t->tp_src;
    }
}

uint64_t ct_tuple_hash(const struct ct_tuple *t, const uint64_t k[4])
{
    /* Both ends are folded alike and added, so that their order does not matter; who does not know the secret
     * can make no ends that fold alike. */
    bool icmp = ct_tuple_is_icmp(t);
    uint64_t src_port = t->tp_src, dst_port = icmp ? t->tp_src : t->tp_dst;
    uint64_t s, d;
    if (t->is_ipv6) {
        uint64_t a[2], b[2];
        memcpy(a, &t->src, sizeof a);
        memcpy(b, &t->dst, sizeof b);
        s = ct_mum(a[0] ^ k[0], a[1] ^ k[1]) ^ src_port;
        d = ct_mum(b[0] ^ k[0], b[1] ^ k[1]) ^ dst_port;
    } else {
        s = (uint64_t)t->src.be32[0] << 16 | src_port;
        d = (uint64_t)t->dst.be32[0] << 16 | dst_port;
    }
    uint64_t ends = ct_mum(s ^ k[0], k[1]) + ct_mum(d ^ k[0], k[1]);
    uint64_t rest = (uint64_t)t->proto << 24 | (uint64_t)t->is_ipv6 << 16 | t->zone;
    return ct_mum(ends ^ k[2], rest ^ k[3]);
}

/* ------------------------------------------------------------------ packets */

/* What an IP header says. */
struct l3 {
    uint8_t *l4;
    uint32_t l4_len;
    uint8_t proto;
    bool is_ipv6, is_fragment;
};

/* LEFT bytes at L3. INNER: the packet inside of an ICMP error, which may be cut off behind its ports. */
static bool parse_ipv4(uint8_t *l3, uint32_t left, bool inner, struct l3 *out, struct ct_tuple *t)
{
    if (left < IPV4_HEADER_LEN) {
        return false;
    }
    const struct ipv4_header *ip = (const struct ipv4_header *)(const void *)l3;
    uint32_t header_len = IPV4_IHL_BYTES(ip), total_len = CONST_BE16(ip->total_len);
    if (IPV4_VERSION(ip) != 4 || header_len < IPV4_HEADER_LEN || header_len > total_len ||
        header_len > left || (total_len > left && !inner)) {
        return false;
    }
    out->is_ipv6 = false;
    out->is_fragment = ip->frag_off & CONST_BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFF_MASK);
    out->proto = ip->proto;
    out->l4 = l3 + header_len;
    out->l4_len = MIN(total_len, left) - header_len;
    t->src.be32[0] = ip->src;
    t->dst.be32[0] = ip->dst;
    return true;
}

static bool parse_ipv6(uint8_t *l3, uint32_t left, bool inner, struct l3 *out, struct ct_tuple *t)
{
    if (left < IPV6_HEADER_LEN) {
        return false;
    }
    const struct ipv6_header *ip = (const struct ipv6_header *)(const void *)l3;
    uint32_t payload = CONST_BE16(ip->payload_len);
    if ((l3[0] >> 4) != 6 || (payload > left - IPV6_HEADER_LEN && !inner)) {
        return false;
    }
    payload = MIN(payload, left - IPV6_HEADER_LEN);
    memcpy(&t->src, &ip->src, sizeof t->src);
    memcpy(&t->dst, &ip->dst, sizeof t->dst);
    out->is_ipv6 = true;
    out->is_fragment = false;
    uint8_t *p = l3 + IPV6_HEADER_LEN, next = ip->next;
    for (;;) {
        uint32_t len;
        if (next == IP_PROTO_FRAGMENT) {
            if (payload < IPV6_FRAG_HEADER_LEN) {
                return false;
            }
            const struct ipv6_frag_header *fh = (const struct ipv6_frag_header *)(const void *)p;
            out->is_fragment |= fh->offlg & CONST_BE16(IPV6_FRAG_OFF_MASK | IPV6_FRAG_MORE);
            len = IPV6_FRAG_HEADER_LEN;
        } else if (next == IP_PROTO_HOPOPTS || next == IP_PROTO_ROUTING || next == IP_PROTO_DSTOPTS ||
                   next == IP_PROTO_AH) {
            if (payload < 8) {
                return false;
            }
            len = next == IP_PROTO_AH ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
            if (len > payload) {
                return false;
            }
        } else {
            break;
        }
        next = p[0];
        p += len;
        payload -= len;
    }
    out->proto = next;
    out->l4 = p;
    out->l4_len = payload;
    return true;
}

static bool parse_tcp(const struct l3 *l3, bool inner, struct ct_tuple *t)
{
    if (l3->l4_len < (inner ? 8 : TCP_HEADER_LEN)) {
        return false;
    }
    const struct tcp_header *tcp = (const struct tcp_header *)(const void *)l3->l4;
    if (!inner) {
        uint32_t header_len = TCP_OFFSET_BYTES(tcp->ctl);
        if (header_len < TCP_HEADER_LEN || header_len > l3->l4_len) {
            return false;
        }
    }
    t->tp_src = tcp->src;
    t->tp_dst = tcp->dst;
    return true;
}

static bool parse_udp(const struct l3 *l3, bool inner, struct ct_tuple *t)
{
    if (l3->l4_len < UDP_HEADER_LEN) {
        return false;
    }
    const struct udp_header *udp = (const struct udp_header *)(const void *)l3->l4;
    uint32_t len = CONST_BE16(udp->len);
    if (!inner && (len < UDP_HEADER_LEN || len > l3->l4_len)) {
        return false;
    }
    t->tp_src = udp->src;
    t->tp_dst = udp->dst;
    return true;
}

static bool parse_sctp(const struct l3 *l3, bool inner, struct ct_tuple *t)
{
    if (l3->l4_len < (inner ? 8 : SCTP_HEADER_LEN)) {
        return false;
    }
    const struct sctp_header *sctp = (const struct sctp_header *)(const void *)l3->l4;
    t->tp_src = sctp->src;
    t->tp_dst = sctp->dst;
    return true;
}

/* A message that asks or answers. */
static bool parse_icmp_query(const struct l3 *l3, struct ct_tuple *t)
{
    if (l3->l4_len < ICMP_HEADER_LEN) {
        return false;
    }
    const struct icmp_header *icmp = (const struct icmp_header *)(const void *)l3->l4;
    if (icmp_reverse(l3->proto, icmp->type) < 0) {
        return false;
    }
    t->tp_src = icmp->id;
    t->tp_dst = CT_ICMP(icmp->type, icmp->code);
    return true;
}

static bool parse_l4(const struct l3 *l3, bool inner, struct ct_tuple *t)
{
    switch (l3->proto) {
    case IP_PROTO_TCP:
        return parse_tcp(l3, inner, t);
    case IP_PROTO_UDP:
        return parse_udp(l3, inner, t);
    case IP_PROTO_SCTP:
        return parse_sctp(l3, inner, t);
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        return l3->proto == (l3->is_ipv6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP) ? parse_icmp_query(l3, t) : true;
    default:
        return true; /* addresses and protocol are all there is */
    }
}

/* How many bytes of an ICMP error stand before the packet that caused it; 0: it is no error. */
static uint32_t icmp_error_header(const struct l3 *l3)
{
    if (l3->l4_len < ICMP_HEADER_LEN) {
        return 0;
    }
    uint8_t type = l3->l4[0];
    if (l3->is_ipv6) {
        return l3->proto == IP_PROTO_ICMPV6 && type >= ICMPV6_DST_UNREACH && type <= ICMPV6_PARAM_PROBLEM
                   ? ICMP_HEADER_LEN
                   : 0;
    }
    return l3->proto == IP_PROTO_ICMP &&
                   (type == ICMP_DST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
                    type == ICMP_TIME_EXCEEDED || type == ICMP_PARAM_PROBLEM)
               ? ICMP_HEADER_LEN
               : 0;
}

/* The packet inside of an ICMP error. It must have come from whom the error is sent to. */
static bool parse_inner(const struct l3 *outer, uint32_t skip, const struct ct_tuple *outer_tuple,
                        struct ct_packet *ct)
{
    struct ct_tuple inner;
    struct l3 l3;
    memset(&inner, 0, sizeof inner);
    inner.zone = outer_tuple->zone;
    inner.is_ipv6 = outer->is_ipv6;
    uint8_t *at = outer->l4 + skip;
    uint32_t left = outer->l4_len - skip;
    if (!(outer->is_ipv6 ? parse_ipv6(at, left, true, &l3, &inner)
                         : parse_ipv4(at, left, true, &l3, &inner)) ||
        l3.is_fragment || memcmp(&inner.src, &outer_tuple->dst, sizeof inner.src)) {
        return false;
    }
    inner.proto = l3.proto;
    if (!parse_l4(&l3, true, &inner)) {
        return false;
    }
    ct->kind = CT_KIND_ERROR;
    ct->inner_l3 = at;
    ct->inner_l4 = l3.l4;
    ct->inner_l4_len = l3.l4_len;
    ct_tuple_reverse(&inner, &ct->tuple);
    return true;
}

static be16 ethertype(const struct packet *p)
{
    if (p->packet_type) {
        return (be16)(p->packet_type >> 16); /* the type stands in the last two bytes on the wire */
    }
    return p->l3_ofs >= 2 ? get_be16(p->data + p->l3_ofs - 2) : 0;
}

bool ct_packet_parse(struct packet *p, uint16_t zone, struct ct_packet *ct)
{
    struct l3 l3;
    ct->kind = CT_KIND_INVALID;
    memset(&ct->tuple, 0, sizeof ct->tuple);
    ct->tuple.zone = zone;
    if (p->l4_ofs == PACKET_NO_OFFSET || p->l2_5_ofs != PACKET_NO_OFFSET) {
        return false;
    }
    uint8_t *at = p->data + p->l3_ofs;
    uint32_t left = packet_room_from(p, p->l3_ofs);
    be16 type = ethertype(p);
    if (type == CONST_BE16(ETH_TYPE_IPV4)) {
        if (!parse_ipv4(at, left, false, &l3, &ct->tuple) || !packet_ipv4_csum_ok(p)) {
            return false;
        }
    } else if (type != CONST_BE16(ETH_TYPE_IPV6) || !parse_ipv6(at, left, false, &l3, &ct->tuple)) {
        return false;
    }
    if (unlikely(l3.is_fragment)) {
        ct->kind = CT_KIND_FRAGMENT;
        return false;
    }
    ct->tuple.is_ipv6 = l3.is_ipv6;
    ct->tuple.proto = l3.proto;
    ct->l4 = l3.l4;
    ct->l4_len = l3.l4_len;
    if (!packet_csum_verify(p)) {
        return false;
    }
    uint32_t skip = icmp_error_header(&l3);
    if (unlikely(skip)) {
        return parse_inner(&l3, skip, &ct->tuple, ct);
    }
    if (!parse_l4(&l3, false, &ct->tuple)) {
        return false;
    }
    ct->kind = CT_KIND_PLAIN;
    return true;
}
