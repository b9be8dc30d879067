/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites of ports and ICMP, and the checksums of layer 4 in their three states.
 *
 * A partial checksum (packet.h) concerns the layer-4 header at csum_start: its field holds the plain sum of
 * the pseudo header, so that a changed address is added there and a changed port is not. A header elsewhere
 * (the outer one of a tunnel whose inner checksum is partial) has a complete checksum as any other. */
#include <string.h>

#include "action/rewrite_private.h"
#include "base/crc32c.h"
#include "wire/csum.h"
#include "wire/l4.h"

static bool is_partial(const struct packet *p)
{
    return p->csum == PACKET_CSUM_PARTIAL && p->csum_start == p->l4_ofs;
}

void *rewrite_l4_header(const struct packet *p, uint8_t proto, uint32_t n)
{
    struct l4_info info;
    void *l4 = bytes_at(p, p->l4_ofs, n);
    return l4 && rewrite_l4_info(p, &info) && info.proto == proto && !info.later_fragment ? l4 : NULL;
}

/* The checksum at FIELD, after what it covers grew by DIFF. */
static void update(uint8_t *field, uint32_t diff, bool is_udp)
{
    be16 csum = get_be16(field);
    if (is_udp && !csum) {
        return; /* the sender computed none */
    }
    csum = csum_finish((uint64_t)(be16)~csum + diff);
    put_be16(field, is_udp && !csum ? 0xffff : csum);
}

void rewrite_l4_pseudo(struct packet *p, const struct l4_info *info, uint32_t diff)
{
    uint16_t ofs;
    switch (info->proto) {
    case IP_PROTO_TCP:
        ofs = offsetof(struct tcp_header, csum);
        break;
    case IP_PROTO_UDP:
    case IP_PROTO_UDPLITE:
        ofs = offsetof(struct udp_header, csum);
        break;
    case IP_PROTO_ICMPV6:
        ofs = offsetof(struct icmp_header, csum);
        break;
    default:
        return;
    }
    uint8_t *l4 = info->later_fragment ? NULL : bytes_at(p, p->l4_ofs, ofs + 2u);
    if (!l4) {
        return;
    }
    if (is_partial(p)) {
        put_be16(l4 + ofs, (be16)~csum_finish((uint64_t)get_be16(l4 + ofs) + diff));
    } else {
        update(l4 + ofs, diff, info->proto == IP_PROTO_UDP);
    }
}

void rewrite_l4_bytes(struct packet *p, uint8_t *l4, uint16_t csum_ofs, bool is_udp, uint16_t ofs,
                      const void *new, uint32_t n)
{
    if (!is_partial(p)) {
        update(l4 + csum_ofs, csum_diff(l4 + ofs, new, n), is_udp);
    }
    memcpy(l4 + ofs, new, n);
}

enum drop_reason rewrite_set_tcp(struct packet *p, const void *value, const void *mask)
{
    uint8_t *tcp = rewrite_l4_header(p, IP_PROTO_TCP, TCP_HEADER_LEN);
    if (tcp) {
        uint8_t new[4];
        memcpy(new, tcp, sizeof new);
        masked_bytes(new, value, mask, sizeof new);
        rewrite_l4_bytes(p, tcp, offsetof(struct tcp_header, csum), false, 0, new, sizeof new);
    }
    return DROP_NONE;
}

enum drop_reason rewrite_set_udp(struct packet *p, const void *value, const void *mask)
{
    uint8_t *udp = rewrite_l4_header(p, IP_PROTO_UDP, UDP_HEADER_LEN);
    if (udp) {
        uint8_t new[4];
        memcpy(new, udp, sizeof new);
        masked_bytes(new, value, mask, sizeof new);
        rewrite_l4_bytes(p, udp, offsetof(struct udp_header, csum), true, 0, new, sizeof new);
    }
    return DROP_NONE;
}

/* CRC32c is linear: what was wrong in the old one stays wrong in the new. */
enum drop_reason rewrite_set_sctp(struct packet *p, const void *value, const void *mask)
{
    uint8_t *sctp = rewrite_l4_header(p, IP_PROTO_SCTP, SCTP_HEADER_LEN);
    if (!sctp) {
        return DROP_NONE;
    }
    uint8_t *field = sctp + offsetof(struct sctp_header, csum);
    if (is_partial(p)) {
        masked_bytes(sctp, value, mask, 4);
        return DROP_NONE;
    }
    uint32_t len = rewrite_l4_len(p);
    if (len < SCTP_HEADER_LEN) {
        return DROP_NONE;
    }
    uint32_t csum = get_be32(field);
    put_be32(field, 0);
    uint32_t before = crc32c(sctp, len);
    masked_bytes(sctp, value, mask, 4);
    uint32_t after = crc32c(sctp, len);
    put_be32(field, csum ^ before ^ after); /* as they lie in memory on a little-endian host */
    return DROP_NONE;
}

static enum drop_reason set_icmp(struct packet *p, uint8_t proto, const void *value, const void *mask)
{
    uint8_t *icmp = rewrite_l4_header(p, proto, ICMPV6_HEADER_LEN);
    if (icmp) {
        uint8_t new[2];
        memcpy(new, icmp, sizeof new);
        masked_bytes(new, value, mask, sizeof new);
        rewrite_l4_bytes(p, icmp, offsetof(struct icmp_header, csum), false, 0, new, sizeof new);
    }
    return DROP_NONE;
}

enum drop_reason rewrite_set_icmp(struct packet *p, const void *value, const void *mask)
{
    return set_icmp(p, IP_PROTO_ICMP, value, mask);
}

enum drop_reason rewrite_set_icmpv6(struct packet *p, const void *value, const void *mask)
{
    return set_icmp(p, IP_PROTO_ICMPV6, value, mask);
}
