/* SPDX-License-Identifier: Apache-2.0 */
#include "port/vnet.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "base/types.h"
#include "wire/csum.h"

#define TCP_CSUM_OFFSET 16
#define UDP_CSUM_OFFSET 6
#define TCP_MIN_LEN     20
#define UDP_LEN         8
#define ETH_LEN         14
#define VLAN_LEN        4
#define IPV4_MIN_LEN    20
#define IPV6_LEN        40
#define VXLAN_LEN       8
#define VXLAN_PORT      4789

/* The headers that each segment repeats: up to the end of the layer-4 header at csum_start. The kernel's own
 * hdr_len is the length of its first memory fragment, which says nothing. 0: the packet is too short. */
static uint32_t segment_headers(const struct packet *p)
{
    uint32_t l4 = p->csum_start;
    if (p->gso_type == PACKET_GSO_UDP || p->gso_type == PACKET_GSO_UDP_L4) {
        return l4 + UDP_LEN <= p->len ? l4 + UDP_LEN : 0;
    }
    if (l4 + TCP_MIN_LEN > p->len) {
        return 0;
    }
    uint32_t len = (uint32_t)(p->data[l4 + 12] >> 4) * 4;
    return len >= TCP_MIN_LEN && l4 + len <= p->len ? l4 + len : 0;
}

/* A TCP or UDP header behind plain headers (VLAN tags, IPv4, IPv6 without extension headers). */
struct l4_place {
    uint32_t ofs;    /* from the packet's first byte */
    uint16_t field;  /* of the checksum, from `ofs` */
    uint8_t proto;   /* IPPROTO_TCP, IPPROTO_UDP */
    uint32_t ip_len; /* bytes from `ofs` on, as the IP header says */
    uint32_t pseudo; /* sum of the pseudo header without the length */
};

/* The Ethernet header starts at L2. False: there is none such, or it is a fragment. */
static bool find_l4(const struct packet *p, uint32_t l2, struct l4_place *place)
{
    uint32_t l3 = l2 + ETH_LEN;
    be16 type = 0;
    while (l3 <= p->len) {
        type = get_be16(p->data + l3 - 2);
        if (type != CONST_BE16(ETH_P_8021Q) && type != CONST_BE16(ETH_P_8021AD)) {
            break;
        }
        l3 += VLAN_LEN;
    }
    const uint8_t *ip = p->data + l3;
    if (type == CONST_BE16(ETH_P_IP) && l3 + IPV4_MIN_LEN <= p->len) {
        uint32_t header = (ip[0] & 0xfu) * 4u;
        uint32_t total = __builtin_bswap16(get_be16(ip + 2));
        if (get_be16(ip + 6) & CONST_BE16(0x3fff)) {
            return false;
        }
        place->ofs = l3 + header;
        place->proto = ip[9];
        place->ip_len = total - MIN(header, total);
        place->pseudo = csum_pseudo_ipv4(get_be32(ip + 12), get_be32(ip + 16), ip[9], 0);
    } else if (type == CONST_BE16(ETH_P_IPV6) && l3 + IPV6_LEN <= p->len) {
        place->ofs = l3 + IPV6_LEN;
        place->proto = ip[6];
        place->ip_len = __builtin_bswap16(get_be16(ip + 4));
        place->pseudo = csum_pseudo_ipv6(ip + 8, ip + 24, ip[6], 0);
    } else {
        return false;
    }
    place->field = place->proto == IPPROTO_TCP ? TCP_CSUM_OFFSET : UDP_CSUM_OFFSET;
    return (place->proto == IPPROTO_TCP || place->proto == IPPROTO_UDP) &&
           place->ofs + place->field + 2u <= p->len;
}

static be16 partial_sum(const struct l4_place *place, uint32_t len)
{
    return (be16)~csum_finish((uint64_t)place->pseudo + CONST_BE32(len));
}

static void set_partial(struct packet *p, const struct l4_place *place)
{
    p->csum_start = (uint16_t)place->ofs;
    p->csum_offset = place->field;
    p->csum = PACKET_CSUM_PARTIAL;
}

/* A segment whose checksum is complete (seldom: the kernel merged what it received without leaving it
 * partial): where its layer 4 starts is found here, and the checksum made partial, so that there is one kind
 * of segment. */
static bool make_partial(struct packet *p)
{
    struct l4_place place;
    if (!find_l4(p, 0, &place)) {
        return false;
    }
    put_be16(p->data + place.ofs + place.field, partial_sum(&place, p->len - place.ofs));
    set_partial(p, &place);
    return true;
}

void vnet_guess_partial(struct packet *p)
{
    struct l4_place place;
    uint32_t l2 = 0;
    p->csum = PACKET_CSUM_UNKNOWN;
    for (int depth = 0; depth < 2 && find_l4(p, l2, &place); depth++) {
        be16 field = get_be16(p->data + place.ofs + place.field);
        if (field == partial_sum(&place, place.ip_len) && place.ofs + place.ip_len <= p->len) {
            set_partial(p, &place);
            return;
        }
        if (place.proto != IPPROTO_UDP || get_be16(p->data + place.ofs + 2) != CONST_BE16(VXLAN_PORT)) {
            return;
        }
        l2 = place.ofs + UDP_LEN + VXLAN_LEN;
    }
}

enum drop_reason vnet_apply(const struct virtio_net_hdr *hdr, struct packet *p)
{
    if (!(hdr->flags | hdr->gso_type)) {
        p->csum = PACKET_CSUM_UNKNOWN;
        return DROP_NONE;
    }
    if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        if ((uint32_t)hdr->csum_start + hdr->csum_offset + 2 > p->len) {
            return DROP_RX_ERROR;
        }
        p->csum = PACKET_CSUM_PARTIAL;
        p->csum_start = hdr->csum_start;
        p->csum_offset = hdr->csum_offset;
    } else {
        p->csum = hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID ? PACKET_CSUM_GOOD : PACKET_CSUM_UNKNOWN;
    }
    uint8_t type = hdr->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
    if (type == VIRTIO_NET_HDR_GSO_NONE) {
        return DROP_NONE;
    }
    if ((type != PACKET_GSO_TCPV4 && type != PACKET_GSO_TCPV6 && type != PACKET_GSO_UDP &&
         type != PACKET_GSO_UDP_L4) ||
        !hdr->gso_size) {
        return DROP_RX_ERROR;
    }
    p->gso_type = type;
    p->gso_ecn = (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN) != 0;
    p->gso_size = hdr->gso_size;
    if (p->csum != PACKET_CSUM_PARTIAL && !make_partial(p)) {
        return DROP_RX_ERROR;
    }
    uint32_t headers = segment_headers(p);
    if (!headers || headers > UINT16_MAX) {
        return DROP_RX_ERROR;
    }
    p->gso_hdr_len = (uint16_t)headers;
    if (p->len <= headers + hdr->gso_size) {
        p->gso_type = PACKET_GSO_NONE; /* a single segment */
        p->gso_size = 0;
    }
    return DROP_NONE;
}

void vnet_describe(const struct packet *p, struct virtio_net_hdr *hdr)
{
    *hdr = (struct virtio_net_hdr){.flags = 0};
    if (p->csum == PACKET_CSUM_PARTIAL) {
        hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        hdr->csum_start = p->csum_start;
        hdr->csum_offset = p->csum_offset;
    }
    if (p->gso_type) {
        uint32_t headers = segment_headers(p);
        hdr->gso_type = (uint8_t)(p->gso_type | (p->gso_ecn ? VIRTIO_NET_HDR_GSO_ECN : 0));
        hdr->gso_size = p->gso_size;
        hdr->hdr_len = (uint16_t)(headers ? headers : p->csum_start);
    }
}
