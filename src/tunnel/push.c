/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/push.h"

#include <stdatomic.h>
#include <string.h>

#include "packet/csum.h"
#include "tunnel/kind.h"
#include "tunnel/stt.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tunnel.h"

#define SCTP_CSUM_OFFSET 8

static _Atomic uint32_t port_range = 32768 | 61000u << 16;

void tunnel_set_port_range(uint16_t min, uint16_t max)
{
    atomic_store_explicit(&port_range, min | (uint32_t)max << 16, memory_order_relaxed);
}

void tunnel_get_port_range(uint16_t *min, uint16_t *max)
{
    uint32_t range = atomic_load_explicit(&port_range, memory_order_relaxed);
    *min = (uint16_t)range;
    *max = (uint16_t)(range >> 16);
}

static be16 choose_port(uint32_t hash)
{
    uint16_t min, max;
    tunnel_get_port_range(&min, &max);
    return CONST_BE16((uint16_t)(min + (((uint64_t)hash * (uint32_t)(max - min)) >> 32)));
}

/* The sum over the packet from OFS to its end as it will be on the wire: where a partial checksum will be
 * completed, what it covers sums to the complement of what its field holds now. */
static uint32_t sum_from(const struct packet *p, uint32_t ofs, uint32_t sum)
{
    if (p->csum == PACKET_CSUM_PARTIAL && p->csum_start >= ofs &&
        (uint32_t)p->csum_start + p->csum_offset + 2 <= p->len) {
        sum = csum_bytes(sum, p->data + ofs, p->csum_start - ofs);
        be16 field = (be16)~get_be16(p->data + p->csum_start + p->csum_offset);
        bool odd = (p->csum_start - ofs) & 1;
        return csum_add16(sum, odd ? (be16)__builtin_bswap16(field) : field);
    }
    return csum_bytes(sum, p->data + ofs, p->len - ofs);
}

/* The outer UDP checksum. Of a segment it only says that each part gets one (packet/gso.h). */
static void finish_udp(struct packet *p, uint32_t l3, uint32_t l4, bool v4)
{
    struct udp_header *udp = (struct udp_header *)(void *)(p->data + l4);
    uint32_t len = p->len - l4;
    if (!udp->csum || p->gso_type) {
        return;
    }
    uint32_t pseudo =
        v4 ? csum_pseudo_ipv4(get_be32(p->data + l3 + 12), get_be32(p->data + l3 + 16), IP_PROTO_UDP, len)
           : csum_pseudo_ipv6(p->data + l3 + 8, p->data + l3 + 24, IP_PROTO_UDP, len);
    if (p->csum != PACKET_CSUM_PARTIAL) {
        /* The egress may do it. */
        udp->csum = (be16)~csum_finish(pseudo);
        p->csum = PACKET_CSUM_PARTIAL;
        p->csum_start = (uint16_t)l4;
        p->csum_offset = offsetof(struct udp_header, csum);
        return;
    }
    udp->csum = 0;
    be16 csum = csum_finish(sum_from(p, l4, pseudo));
    udp->csum = csum ? csum : UINT16_MAX;
}

static void finish_gre(struct packet *p, uint32_t l4, _Atomic uint32_t *seq)
{
    uint8_t *h = p->data + l4;
    uint16_t flags = CONST_BE16(get_be16(h));
    uint8_t *option = h + GRE_HEADER_LEN + (flags & GRE_F_CSUM ? 4 : 0) + (flags & GRE_F_KEY ? 4 : 0);
    if (flags & GRE_F_SEQ) {
        put_be32(option, CONST_BE32(atomic_fetch_add_explicit(seq, 1, memory_order_relaxed)));
    }
    if (flags & GRE_F_CSUM && !p->gso_type) {
        put_be16(h + GRE_HEADER_LEN, csum_finish(sum_from(p, l4, 0)));
    }
}

bool tunnel_push_wants_segments(const struct packet *p, const void *header, uint32_t header_len,
                                uint32_t type)
{
    const struct tunnel_kind_info *info = tunnel_kind_by_number(type);
    enum tunnel_kind kind = info ? tunnel_kind_of(info) : TUNNEL_LISP;
    if (kind == TUNNEL_GRE || kind == TUNNEL_IP6GRE) {
        uint32_t l4 = ETH_HEADER_LEN + (kind == TUNNEL_GRE ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
        return header_len < l4 + GRE_HEADER_LEN ||
               get_be16((const uint8_t *)header + l4) & CONST_BE16(GRE_F_SEQ);
    }
    if (kind == TUNNEL_STT) {
        return stt_wants_segments(p);
    }
    return kind != TUNNEL_VXLAN && kind != TUNNEL_GENEVE;
}

enum drop_reason tunnel_push(struct packet *p, const void *header, uint32_t header_len, uint32_t type,
                             uint32_t hash, _Atomic uint32_t *seq, uint32_t mtu)
{
    const uint8_t *h = header;
    if (unlikely(header_len < ETH_HEADER_LEN + IPV4_HEADER_LEN + GRE_HEADER_LEN)) {
        return DROP_TUNNEL_PUSH;
    }
    bool v4 = get_be16(h + 12) == CONST_BE16(ETH_TYPE_IPV4);
    uint32_t l3 = ETH_HEADER_LEN, l4 = l3 + (v4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
    if (unlikely(p->cutlen)) {
        uint32_t len = p->len - MIN(p->cutlen, p->len);
        p->len = MAX(len, MIN(p->len, (uint32_t)ETH_HEADER_LEN));
        p->cutlen = 0;
        p->gso_type = PACKET_GSO_NONE;
        if (p->csum == PACKET_CSUM_PARTIAL && (uint32_t)p->csum_start + p->csum_offset + 2 > p->len) {
            p->csum = PACKET_CSUM_UNKNOWN;
        }
    }
    struct stt_header stt = {.version = 0};
    bool is_stt = type == tunnel_kinds[TUNNEL_STT].number;
    if (is_stt) {
        enum drop_reason why =
            header_len == l4 + TCP_HEADER_LEN + STT_HEADER_LEN ? stt_describe(p, &stt) : DROP_TUNNEL_PUSH;
        if (why) {
            return why;
        }
        stt.key = get_be64(h + header_len - STT_HEADER_LEN + offsetof(struct stt_header, key));
    }
    bool has_start = p->csum == PACKET_CSUM_PARTIAL || p->gso_type;
    if (unlikely(header_len < l4 + GRE_HEADER_LEN ||
                 (!p->gso_type && p->len + header_len - l3 > UINT16_MAX) ||
                 (has_start && (uint32_t)p->csum_start + header_len > UINT16_MAX))) {
        return DROP_TUNNEL_PUSH;
    }
    if (unlikely(p->csum == PACKET_CSUM_PARTIAL && p->csum_offset == SCTP_CSUM_OFFSET)) {
        enum drop_reason why =
            packet_csum_resolve(p); /* no Internet checksum: nothing can be derived from it */
        if (why) {
            return why;
        }
    }
    if (unlikely(packet_reserve_headroom(p, header_len))) {
        return DROP_HEADROOM;
    }
    memcpy(packet_push(p, header_len), header, header_len);
    p->csum_start = (uint16_t)(p->csum_start + header_len);
    p->gso_hdr_len = (uint16_t)(p->gso_hdr_len + header_len);

    uint8_t proto;
    if (v4) {
        struct ipv4_header *ip = (struct ipv4_header *)(void *)(p->data + l3);
        be16 len = CONST_BE16((uint16_t)MIN(p->len - l3, UINT16_MAX));
        ip->csum = csum_update16(ip->csum, ip->total_len, len);
        ip->total_len = len;
        proto = ip->proto;
    } else {
        struct ipv6_header *ip = (struct ipv6_header *)(void *)(p->data + l3);
        ip->payload_len = CONST_BE16((uint16_t)MIN(p->len - l4, UINT16_MAX));
        proto = ip->next;
    }
    if (proto == IP_PROTO_UDP && header_len >= l4 + UDP_HEADER_LEN) {
        struct udp_header *udp = (struct udp_header *)(void *)(p->data + l4);
        udp->src = choose_port(hash);
        udp->len = CONST_BE16((uint16_t)MIN(p->len - l4, UINT16_MAX));
        if (type == tunnel_kinds[TUNNEL_GTPU].number && header_len >= l4 + UDP_HEADER_LEN + GTPU_HEADER_LEN) {
            struct gtpu_header *gtpu = (struct gtpu_header *)(void *)(p->data + l4 + UDP_HEADER_LEN);
            gtpu->len = CONST_BE16((uint16_t)(p->len - l4 - UDP_HEADER_LEN - GTPU_HEADER_LEN));
        }
        finish_udp(p, l3, l4, v4);
    } else if (proto == IP_PROTO_GRE) {
        finish_gre(p, l4, seq);
    } else if (is_stt) {
        put_be16(p->data + l4, choose_port(hash));
        memcpy(p->data + l4 + TCP_HEADER_LEN, &stt, STT_HEADER_LEN);
        enum drop_reason why =
            stt_finish(p, l3, l4, atomic_fetch_add_explicit(seq, 1, memory_order_relaxed), mtu);
        if (why) {
            return why;
        }
    }

    packet_set_tunnel(p, NULL);
    p->packet_type = 0;
    p->l2_5_ofs = PACKET_NO_OFFSET;
    p->l3_ofs = (uint16_t)l3;
    p->l4_ofs = (uint16_t)l4;
    p->recirc_id = 0;
    p->hash = hash;
    p->ct_state = 0;
    p->ct_zone = 0;
    p->flags &= (uint8_t)~PACKET_F_CT_ORIG;
    return DROP_NONE;
}
