/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What the files rewrite*.c share; nobody else includes it.
 *
 *   rewrite.c        the table of actions and groups; metadata
 *   rewrite_l2.c     Ethernet, VLAN, MPLS, NSH
 *   rewrite_l3.c     IPv4, IPv6, ARP, neighbour discovery
 *   rewrite_l4.c     ports, ICMP, and every layer-4 checksum */
#ifndef ACTION_REWRITE_PRIVATE_H
#define ACTION_REWRITE_PRIVATE_H 1

#include "action/rewrite.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* Bits of MASK from VALUE, the others from OLD. */
#define MASKED(OLD, VALUE, MASK) ((__typeof__(OLD))(((OLD) & ~(MASK)) | (VALUE)))

/* By words: a store of bytes makes the next load of them wait. */
static ALWAYS_INLINE void masked_bytes(uint8_t *to, const void *value, const void *mask, size_t n)
{
    const uint8_t *v = (const uint8_t *)value, *m = (const uint8_t *)mask;
    for (; n >= 8; n -= 8, to += 8, v += 8, m += 8) {
        put_be64(to, MASKED(get_be64(to), get_be64(v), get_be64(m)));
    }
    if (n >= 4) {
        put_be32(to, MASKED(get_be32(to), get_be32(v), get_be32(m)));
        n -= 4, to += 4, v += 4, m += 4;
    }
    if (n >= 2) {
        put_be16(to, MASKED(get_be16(to), get_be16(v), get_be16(m)));
        n -= 2, to += 2, v += 2, m += 2;
    }
    if (n) {
        *to = MASKED(*to, *v, *m);
    }
}

/* The N bytes at offset OFS, or NULL if the packet does not have them. */
static inline void *bytes_at(const struct packet *p, uint16_t ofs, uint32_t n)
{
    return ofs != PACKET_NO_OFFSET && ofs <= p->len && p->len - ofs >= n ? p->data + ofs : NULL;
}

/* What stands behind the IP header at l3_ofs. */
struct l4_info {
    uint8_t proto;
    bool later_fragment; /* no layer-4 header in it */
    bool routed;         /* IPv6: a routing header holds the final destination */
};

/* False: no IP header at l3_ofs, or one that is cut off. */
bool rewrite_l4_info(const struct packet *, struct l4_info *);
/* Bytes from layer 4 on, as the IP header counts them (a short frame is padded) and as far as they are here.
 */
uint32_t rewrite_l4_len(const struct packet *);
/* The layer-4 header, if it is one of PROTO with at least N bytes and stands in this packet; else NULL. */
void *rewrite_l4_header(const struct packet *, uint8_t proto, uint32_t n);

/* The pseudo header's sum changed by DIFF (as csum_diff): mends the layer-4 checksum, if there is one. */
void rewrite_l4_pseudo(struct packet *, const struct l4_info *, uint32_t diff);
/* N bytes (even) at the even offset OFS of the layer-4 header go to NEW; the checksum at CSUM_OFS follows. */
void rewrite_l4_bytes(struct packet *, uint8_t *l4, uint16_t csum_ofs, bool is_udp, uint16_t ofs,
                      const void *new, uint32_t n);

/* What a sum grows by when N bytes (even) go from OLD to NEW. */
static inline uint32_t csum_diff(const void *old, const void *new, uint32_t n)
{
    const uint8_t *o = (const uint8_t *)old, *w = (const uint8_t *)new;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i += 2) {
        sum += (uint64_t)(be16)~get_be16(o + i) + get_be16(w + i);
    }
    sum = (sum & 0xffffffff) + (sum >> 32);
    return (uint32_t)(sum + (sum >> 32));
}

enum drop_reason rewrite_set_eth(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_mpls(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_nsh(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_ipv4(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_ipv6(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_arp(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_nd(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_nd_ext(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_tcp(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_udp(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_sctp(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_icmp(struct packet *, const void *value, const void *mask);
enum drop_reason rewrite_set_icmpv6(struct packet *, const void *value, const void *mask);

enum drop_reason rewrite_copy_ttl_in(struct packet *, const struct dp_action *);
enum drop_reason rewrite_copy_ttl_out(struct packet *, const struct dp_action *);
enum drop_reason rewrite_push_vlan(struct packet *, const struct dp_action *);
enum drop_reason rewrite_pop_vlan(struct packet *, const struct dp_action *);
enum drop_reason rewrite_push_mpls(struct packet *, const struct dp_action *);
enum drop_reason rewrite_pop_mpls(struct packet *, const struct dp_action *);
enum drop_reason rewrite_add_mpls(struct packet *, const struct dp_action *);
enum drop_reason rewrite_push_eth(struct packet *, const struct dp_action *);
enum drop_reason rewrite_pop_eth(struct packet *, const struct dp_action *);
enum drop_reason rewrite_push_nsh(struct packet *, const struct dp_action *);
enum drop_reason rewrite_pop_nsh(struct packet *, const struct dp_action *);

#endif
