/* SPDX-License-Identifier: Apache-2.0 */
#include "port/vnet.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "base/types.h"

#define TCP_CSUM_OFFSET 16
#define UDP_CSUM_OFFSET 6
#define TCP_MIN_LEN     20
#define UDP_LEN         8

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

/* A segment whose checksum is complete (seldom: the kernel merged what it received without leaving it
 * partial): where its layer 4 starts is found here, and the checksum made partial, so that there is one kind
 * of segment. Plain IPv4 and IPv6 without extension headers; anything else is refused. */
static bool make_partial(struct packet *p)
{
    uint32_t l3 = 14, sum = 0, l4;
    uint16_t proto = 0;
    while (l3 <= p->len && (memcpy(&proto, p->data + l3 - 2, 2),
                            proto == CONST_BE16(0x8100) || proto == CONST_BE16(0x88a8))) {
        l3 += 4;
    }
    bool v6 = proto == CONST_BE16(0x86dd);
    if ((!v6 && proto != CONST_BE16(0x0800)) || l3 + (v6 ? 40 : 20) > p->len) {
        return false;
    }
    const uint8_t *ip = p->data + l3, *address = ip + (v6 ? 8 : 12);
    l4 = l3 + (v6 ? 40u : (ip[0] & 0xfu) * 4u);
    uint8_t l4_proto = v6 ? ip[6] : ip[9];
    uint16_t offset = l4_proto == IPPROTO_TCP ? TCP_CSUM_OFFSET : UDP_CSUM_OFFSET;
    if ((l4_proto != IPPROTO_TCP && l4_proto != IPPROTO_UDP) || l4 + offset + 2 > p->len) {
        return false;
    }
    for (int i = 0; i < (v6 ? 32 : 8); i += 2) {
        sum += (uint32_t)(address[i] << 8 | address[i + 1]);
    }
    sum += l4_proto + (p->len - l4);
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    put_be16(p->data + l4 + offset, CONST_BE16(sum));
    p->csum_start = (uint16_t)l4;
    p->csum_offset = offset;
    p->csum = PACKET_CSUM_PARTIAL;
    return true;
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
