/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites in front of layer 3: Ethernet, VLAN tags, MPLS labels, NSH. */
#include <string.h>

#include "action/rewrite_private.h"
#include "wire/eth.h"
#include "wire/mpls.h"
#include "wire/nsh.h"

#define PT_OF_ETHERTYPE(BE) ((be32)(CONST_BE32(1u << 16) | (be32)CONST_BE32(CONST_BE16(BE))))
#define ETHERTYPE_OF_PT(PT) CONST_BE16(CONST_BE32(PT) & 0xffff)
#define PT_IS_ETHERTYPE(PT) (CONST_BE32(PT) >> 16 == 1)

static void shift_ofs(uint16_t *ofs, int delta)
{
    if (*ofs != PACKET_NO_OFFSET) {
        *ofs = (uint16_t)(*ofs + delta);
    }
}

/* DELTA bytes came in front of what csum_start and the header length speak of. */
static void shift_offload(struct packet *p, int delta)
{
    if (p->csum == PACKET_CSUM_PARTIAL || p->gso_type) {
        p->csum_start = (uint16_t)(p->csum_start + delta);
        p->gso_hdr_len = (uint16_t)(p->gso_hdr_len + delta);
    }
}

static void shift_all(struct packet *p, int delta)
{
    shift_ofs(&p->l2_5_ofs, delta);
    shift_ofs(&p->l3_ofs, delta);
    shift_ofs(&p->l4_ofs, delta);
    shift_offload(p, delta);
}

/* Where the link-layer header ends: the label stack or layer 3. PACKET_NO_OFFSET if that is not known. */
static uint16_t l2_end(const struct packet *p)
{
    uint16_t end = p->l2_5_ofs != PACKET_NO_OFFSET ? p->l2_5_ofs : p->l3_ofs;
    return end <= p->len ? end : PACKET_NO_OFFSET;
}

/* The Ethertype of what begins at OFS. */
static void set_ethertype(struct packet *p, uint16_t ofs, be16 type)
{
    if (p->packet_type == FLOW_PT_ETH) {
        if (ofs >= ETH_HEADER_LEN) {
            put_be16(p->data + ofs - 2, type);
        }
    } else {
        p->packet_type = PT_OF_ETHERTYPE(type);
    }
}

/* Opens a gap of N bytes at OFS by moving what is in front. */
static ALWAYS_INLINE enum drop_reason open_gap(struct packet *p, uint16_t ofs, uint32_t n)
{
    if (packet_reserve_headroom(p, n)) {
        return DROP_HEADROOM;
    }
    uint8_t *data = packet_push(p, n);
    memmove(data, data + n, ofs);
    return DROP_NONE;
}

/* Takes N bytes off the front. A truncation that was asked for before leaves an Ethernet header's bytes. */
static void shrink(struct packet *p, uint32_t n)
{
    packet_pull(p, n);
    if (unlikely(p->cutlen) && p->cutlen + ETH_HEADER_LEN > p->len) {
        p->cutlen = p->len > ETH_HEADER_LEN ? p->len - ETH_HEADER_LEN : 0;
    }
}

enum drop_reason rewrite_set_eth(struct packet *p, const void *value, const void *mask)
{
    const struct dp_set_eth *v = value, *m = mask;
    if (p->packet_type != FLOW_PT_ETH) {
        return DROP_NONE;
    }
    if (p->len < ETH_HEADER_LEN) {
        return DROP_MALFORMED;
    }
    struct eth_header *eth = (struct eth_header *)(void *)p->data;
    masked_bytes(eth->dst.ea, v->dst.ea, m->dst.ea, ETH_ADDR_LEN);
    masked_bytes(eth->src.ea, v->src.ea, m->src.ea, ETH_ADDR_LEN);
    return DROP_NONE;
}

enum drop_reason rewrite_push_vlan(struct packet *p, const struct dp_action *a)
{
    const struct dp_action_push_vlan *push = DP_ACTION_AS(dp_action_push_vlan, a);
    if (p->packet_type != FLOW_PT_ETH) {
        return DROP_ACTION_INVALID;
    }
    if (p->len < ETH_HEADER_LEN) {
        return DROP_MALFORMED;
    }
    enum drop_reason why = open_gap(p, 2 * ETH_ADDR_LEN, VLAN_HEADER_LEN);
    if (why) {
        return why;
    }
    put_be16(p->data + 12, push->tpid);
    put_be16(p->data + 14, push->tci & CONST_BE16((uint16_t)~VLAN_CFI));
    shift_all(p, VLAN_HEADER_LEN);
    return DROP_NONE;
}

enum drop_reason rewrite_pop_vlan(struct packet *p, const struct dp_action *a)
{
    if (p->packet_type != FLOW_PT_ETH || p->len < ETH_HEADER_LEN + VLAN_HEADER_LEN ||
        !eth_type_is_vlan(get_be16(p->data + 12))) {
        return DROP_NONE;
    }
    memmove(p->data + VLAN_HEADER_LEN, p->data, 2 * ETH_ADDR_LEN);
    shrink(p, VLAN_HEADER_LEN);
    shift_all(p, -VLAN_HEADER_LEN);
    return DROP_NONE;
}

enum drop_reason rewrite_set_mpls(struct packet *p, const void *value, const void *mask)
{
    uint8_t *lse = bytes_at(p, p->l2_5_ofs, MPLS_LSE_LEN);
    if (lse) {
        masked_bytes(lse, value, mask, MPLS_LSE_LEN);
    }
    return DROP_NONE;
}

enum drop_reason rewrite_push_mpls(struct packet *p, const struct dp_action *a)
{
    const struct dp_action_mpls *push = DP_ACTION_AS(dp_action_mpls, a);
    uint16_t ofs = l2_end(p);
    if (ofs == PACKET_NO_OFFSET) {
        return DROP_MALFORMED;
    }
    enum drop_reason why = open_gap(p, ofs, MPLS_LSE_LEN);
    if (why) {
        return why;
    }
    set_ethertype(p, ofs, push->ethertype);
    put_be32(p->data + ofs, push->lse);
    p->l2_5_ofs = ofs;
    shift_ofs(&p->l3_ofs, MPLS_LSE_LEN);
    shift_ofs(&p->l4_ofs, MPLS_LSE_LEN);
    shift_offload(p, MPLS_LSE_LEN);
    return DROP_NONE;
}

/* In front of the whole packet, Ethernet header included, if the action does not say layer 3. */
enum drop_reason rewrite_add_mpls(struct packet *p, const struct dp_action *a)
{
    const struct dp_action_mpls *push = DP_ACTION_AS(dp_action_mpls, a);
    if (push->l3) {
        return rewrite_push_mpls(p, a);
    }
    enum drop_reason why = open_gap(p, 0, MPLS_LSE_LEN);
    if (why) {
        return why;
    }
    put_be32(p->data, push->lse);
    shift_all(p, MPLS_LSE_LEN);
    p->l2_5_ofs = 0;
    p->packet_type = PT_OF_ETHERTYPE(push->ethertype);
    return DROP_NONE;
}

enum drop_reason rewrite_pop_mpls(struct packet *p, const struct dp_action *a)
{
    be16 type = DP_ACTION_AS(dp_action_mpls, a)->ethertype;
    uint16_t ofs = p->l2_5_ofs;
    uint8_t *lse = bytes_at(p, ofs, MPLS_LSE_LEN);
    if (!lse) {
        return DROP_NONE;
    }
    bool last = mpls_lse_bos(get_be32(lse));
    if (p->packet_type != FLOW_PT_ETH && type == CONST_BE16(ETH_TYPE_TEB)) {
        p->packet_type = FLOW_PT_ETH; /* an Ethernet frame stood behind the label */
        p->l3_ofs = p->l4_ofs = PACKET_NO_OFFSET;
        last = true;
    } else {
        set_ethertype(p, ofs, type);
    }
    memmove(p->data + MPLS_LSE_LEN, p->data, ofs);
    shrink(p, MPLS_LSE_LEN);
    if (last) {
        p->l2_5_ofs = PACKET_NO_OFFSET;
    }
    /* l3_ofs is behind the labels that extraction saw; it may be as little as the stack's own end. */
    if (p->l3_ofs != PACKET_NO_OFFSET && p->l3_ofs < ofs + MPLS_LSE_LEN) {
        p->l3_ofs = p->l4_ofs = PACKET_NO_OFFSET;
    }
    shift_ofs(&p->l3_ofs, -MPLS_LSE_LEN);
    shift_ofs(&p->l4_ofs, -MPLS_LSE_LEN);
    shift_offload(p, -MPLS_LSE_LEN);
    return DROP_NONE;
}

enum drop_reason rewrite_push_eth(struct packet *p, const struct dp_action *a)
{
    const struct dp_action_push_eth *push = DP_ACTION_AS(dp_action_push_eth, a);
    if (!PT_IS_ETHERTYPE(p->packet_type)) {
        return DROP_ACTION_INVALID;
    }
    enum drop_reason why = open_gap(p, 0, ETH_HEADER_LEN);
    if (why) {
        return why;
    }
    struct eth_header *eth = (struct eth_header *)(void *)p->data;
    eth->dst = push->dst;
    eth->src = push->src;
    eth->type = ETHERTYPE_OF_PT(p->packet_type);
    p->packet_type = FLOW_PT_ETH;
    shift_all(p, ETH_HEADER_LEN);
    return DROP_NONE;
}

enum drop_reason rewrite_pop_eth(struct packet *p, const struct dp_action *a)
{
    uint16_t ofs = l2_end(p);
    if (p->packet_type != FLOW_PT_ETH) {
        return DROP_ACTION_INVALID;
    }
    if (ofs == PACKET_NO_OFFSET || ofs < ETH_HEADER_LEN) {
        return DROP_MALFORMED;
    }
    p->packet_type = PT_OF_ETHERTYPE(get_be16(p->data + ofs - 2));
    shrink(p, ofs);
    shift_all(p, -(int)ofs);
    return DROP_NONE;
}

enum drop_reason rewrite_push_nsh(struct packet *p, const struct dp_action *a)
{
    static const struct {
        be32 packet_type;
        uint8_t np;
    } inner[] = {
        {FLOW_PT_ETH, NSH_NP_ETHERNET},
        {FLOW_PT(1, ETH_TYPE_IPV4), NSH_NP_IPV4},
        {FLOW_PT(1, ETH_TYPE_IPV6), NSH_NP_IPV6},
        {FLOW_PT(1, ETH_TYPE_NSH), NSH_NP_NSH},
    };
    const struct dp_action_push_nsh *push = DP_ACTION_AS(dp_action_push_nsh, a);
    uint32_t len = NSH_BASE_LEN + push->md_len;
    uint8_t np = 0;
    for (size_t i = 0; i < ARRAY_SIZE(inner); i++) {
        np = inner[i].packet_type == p->packet_type ? inner[i].np : np;
    }
    if (!np) {
        return DROP_ACTION_INVALID;
    }
    enum drop_reason why = open_gap(p, 0, len);
    if (why) {
        return why;
    }
    put_be16(p->data, NSH_VFTL(push->flags, push->ttl, len));
    p->data[2] = push->mdtype;
    p->data[3] = np;
    put_be32(p->data + 4, push->path_hdr);
    memcpy(p->data + NSH_BASE_LEN, push->metadata, push->md_len);
    p->packet_type = FLOW_PT(1, ETH_TYPE_NSH);
    shift_offload(p, (int)len);
    p->l2_5_ofs = p->l4_ofs = PACKET_NO_OFFSET;
    p->l3_ofs = 0;
    return DROP_NONE;
}

/* The NSH header, or NULL. */
static struct nsh_header *nsh_of(const struct packet *p, uint32_t *len)
{
    struct nsh_header *nsh = bytes_at(p, p->l3_ofs, NSH_BASE_LEN);
    if (!nsh || (p->packet_type == FLOW_PT_ETH &&
                 (p->l3_ofs < 2 || get_be16(p->data + p->l3_ofs - 2) != CONST_BE16(ETH_TYPE_NSH)))) {
        return NULL;
    }
    if (p->packet_type != FLOW_PT_ETH && p->packet_type != FLOW_PT(1, ETH_TYPE_NSH)) {
        return NULL;
    }
    *len = NSH_LENGTH(nsh->ver_flags_ttl_len);
    bool ok = NSH_VERSION(nsh->ver_flags_ttl_len) == 0 && *len >= NSH_BASE_LEN &&
              *len <= packet_room_from(p, p->l3_ofs);
    return ok ? nsh : NULL;
}

enum drop_reason rewrite_pop_nsh(struct packet *p, const struct dp_action *a)
{
    uint32_t len;
    struct nsh_header *nsh = nsh_of(p, &len);
    if (!nsh || p->packet_type == FLOW_PT_ETH) {
        return DROP_ACTION_INVALID;
    }
    switch (nsh->next_proto) {
    case NSH_NP_ETHERNET:
        p->packet_type = FLOW_PT_ETH;
        break;
    case NSH_NP_IPV4:
        p->packet_type = FLOW_PT(1, ETH_TYPE_IPV4);
        break;
    case NSH_NP_IPV6:
        p->packet_type = FLOW_PT(1, ETH_TYPE_IPV6);
        break;
    case NSH_NP_NSH:
        break;
    default:
        return DROP_ACTION_INVALID;
    }
    uint32_t pull = p->l3_ofs + len;
    shrink(p, pull);
    shift_offload(p, -(int)pull);
    p->l2_5_ofs = p->l4_ofs = PACKET_NO_OFFSET;
    p->l3_ofs = p->packet_type == FLOW_PT_ETH ? PACKET_NO_OFFSET : 0; /* until it is extracted anew */
    return DROP_NONE;
}

enum drop_reason rewrite_set_nsh(struct packet *p, const void *value, const void *mask)
{
    const struct dp_set_nsh *v = value, *m = mask;
    uint32_t len;
    struct nsh_header *nsh = nsh_of(p, &len);
    if (!nsh) {
        return DROP_NONE;
    }
    uint8_t flags = MASKED((uint8_t)NSH_FLAGS(nsh->ver_flags_ttl_len), v->flags, m->flags);
    uint8_t ttl = MASKED((uint8_t)NSH_TTL(nsh->ver_flags_ttl_len), v->ttl, m->ttl);
    nsh->ver_flags_ttl_len = NSH_VFTL(flags, ttl, len);
    masked_bytes((uint8_t *)&nsh->path_hdr, &v->path_hdr, &m->path_hdr, sizeof v->path_hdr);
    if ((nsh->md_type & NSH_MD_TYPE_MASK) == NSH_MD1 && len >= NSH_M1_LEN) {
        masked_bytes((uint8_t *)nsh->context, v->context, m->context, sizeof v->context);
    }
    return DROP_NONE;
}
