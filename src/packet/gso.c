/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/gso.h"

#include <string.h>

#include "base/random.h"
#include "packet/csum.h"
#include "wire/eth.h"
#include "wire/l4.h"
#include "wire/tunnel.h"

enum layer_kind {
    LAYER_IPV4,
    LAYER_IPV6,
    LAYER_UDP,
    LAYER_TCP,
    LAYER_GRE
};

/* ---- the headers, from the front to csum_start ---- */

struct parser {
    struct gso *g;
    const uint8_t *data;
    uint32_t len, ofs; /* of the next header */
    be16 type;         /* Ethertype of the next header */
    uint8_t proto;     /* IP protocol of the next header */
    uint32_t next_at;  /* where `proto` is said */
};

static bool has(const struct parser *p, uint32_t n)
{
    return p->ofs <= p->len && n <= p->len - p->ofs;
}

static bool add_layer(struct parser *p, enum layer_kind kind)
{
    struct gso *g = p->g;
    if (g->n_layers == GSO_MAX_LAYERS) {
        return false;
    }
    struct gso_layer *layer = &g->layers[g->n_layers++];
    layer->kind = (uint8_t)kind;
    layer->ofs = (uint16_t)p->ofs;
    layer->l3 = UINT16_MAX;
    for (int i = g->n_layers - 2; i >= 0 && kind != LAYER_IPV4 && kind != LAYER_IPV6; i--) {
        if (g->layers[i].kind == LAYER_IPV4 || g->layers[i].kind == LAYER_IPV6) {
            layer->l3 = (uint16_t)i;
            break;
        }
    }
    return true;
}

static bool parse_ethernet(struct parser *p)
{
    if (!has(p, ETH_HEADER_LEN)) {
        return false;
    }
    p->type = get_be16(p->data + p->ofs + 12);
    p->ofs += ETH_HEADER_LEN;
    while (p->type == CONST_BE16(ETH_TYPE_VLAN) || p->type == CONST_BE16(ETH_TYPE_QINQ)) {
        if (!has(p, VLAN_HEADER_LEN)) {
            return false;
        }
        p->type = get_be16(p->data + p->ofs + 2);
        p->ofs += VLAN_HEADER_LEN;
    }
    return true;
}

static bool parse_ip(struct parser *p)
{
    const uint8_t *ip = p->data + p->ofs;
    if (p->type == CONST_BE16(ETH_TYPE_IPV4)) {
        uint32_t ihl;
        if (!has(p, IPV4_HEADER_LEN) || (ihl = (uint32_t)(*ip & 0xf) * 4) < IPV4_HEADER_LEN || !has(p, ihl) ||
            get_be16(ip + offsetof(struct ipv4_header, frag_off)) &
                CONST_BE16(IPV4_MORE_FRAGS | IPV4_FRAG_OFF_MASK) ||
            !add_layer(p, LAYER_IPV4)) {
            return false;
        }
        p->next_at = p->ofs + (uint32_t)offsetof(struct ipv4_header, proto);
        p->proto = p->data[p->next_at];
        p->ofs += ihl;
        return true;
    }
    if (p->type != CONST_BE16(ETH_TYPE_IPV6) || !has(p, IPV6_HEADER_LEN) || !add_layer(p, LAYER_IPV6)) {
        return false;
    }
    p->next_at = p->ofs + (uint32_t)offsetof(struct ipv6_header, next);
    p->proto = p->data[p->next_at];
    p->ofs += IPV6_HEADER_LEN;
    while (p->proto == IP_PROTO_HOPOPTS || p->proto == IP_PROTO_ROUTING || p->proto == IP_PROTO_DSTOPTS) {
        if (!has(p, 8)) {
            return false;
        }
        p->next_at = p->ofs;
        p->proto = p->data[p->ofs];
        p->ofs += (uint32_t)(p->data[p->ofs + 1] + 1) * 8;
    }
    return p->ofs <= p->len;
}

/* Is what stands behind a UDP header to PORT Geneve? Its usual port says so, or, on a port that is neither's,
 * a protocol where VXLAN has zeros (its group policies have a flag in the first byte that Geneve's version
 * forbids). */
static bool is_geneve(be16 port, const uint8_t *h)
{
    be16 proto = get_be16(h + offsetof(struct geneve_header, proto));
    if (port == CONST_BE16(GENEVE_PORT) || port == CONST_BE16(VXLAN_PORT)) {
        return port == CONST_BE16(GENEVE_PORT);
    }
    return !(*h & 0xc0) && (proto == CONST_BE16(ETH_TYPE_TEB) || proto == CONST_BE16(ETH_TYPE_IPV4) ||
                            proto == CONST_BE16(ETH_TYPE_IPV6));
}

/* Behind a UDP header that is not the one meant: Geneve, or VXLAN, GPE where its bit says so. */
static bool parse_udp_tunnel(struct parser *p)
{
    if (!has(p, UDP_HEADER_LEN + VXLAN_HEADER_LEN) || !add_layer(p, LAYER_UDP)) {
        return false;
    }
    be16 port = get_be16(p->data + p->ofs + 2);
    const uint8_t *h = p->data + p->ofs + UDP_HEADER_LEN;
    p->ofs += UDP_HEADER_LEN;
    if (is_geneve(port, h)) {
        p->type = get_be16(h + offsetof(struct geneve_header, proto));
        p->ofs += GENEVE_HEADER_LEN + (uint32_t)(*h & 0x3f) * 4;
        return p->type == CONST_BE16(ETH_TYPE_TEB) ? parse_ethernet(p) : true;
    }
    p->ofs += VXLAN_HEADER_LEN;
    if (get_be32(h) & CONST_BE32(VXLAN_GPE_F_NEXT_PROTO) && h[3] != VXLAN_GPE_NP_ETHERNET && h[3]) {
        p->type = h[3] == VXLAN_GPE_NP_IPV4   ? CONST_BE16(ETH_TYPE_IPV4)
                  : h[3] == VXLAN_GPE_NP_IPV6 ? CONST_BE16(ETH_TYPE_IPV6)
                                              : 0;
        return true;
    }
    return parse_ethernet(p);
}

static bool parse_gre(struct parser *p)
{
    if (!has(p, GRE_HEADER_LEN) || !add_layer(p, LAYER_GRE)) {
        return false;
    }
    be16 flags = get_be16(p->data + p->ofs);
    p->type = get_be16(p->data + p->ofs + 2);
    p->ofs += GRE_HEADER_LEN + (flags & CONST_BE16(GRE_F_CSUM) ? 4u : 0u) +
              (flags & CONST_BE16(GRE_F_KEY) ? 4u : 0u) + (flags & CONST_BE16(GRE_F_SEQ) ? 4u : 0u);
    return p->type == CONST_BE16(ETH_TYPE_TEB) ? parse_ethernet(p) : true;
}

/* To the layer-4 header at START; UINT32_MAX: the first there is. */
static bool parse_to(struct parser *p, uint32_t start)
{
    if (p->g->packet->packet_type == 0) {
        if (!parse_ethernet(p)) {
            return false;
        }
    } else {
        p->type = (be16)(CONST_BE32(p->g->packet->packet_type) & 0xffff
                             ? CONST_BE16(CONST_BE32(p->g->packet->packet_type) & 0xffff)
                             : 0);
    }
    for (int depth = 0; depth < GSO_MAX_LAYERS; depth++) {
        if (!parse_ip(p)) {
            return false;
        }
        if (p->ofs == start || start == UINT32_MAX) {
            return true;
        }
        if (p->ofs > start) {
            return false;
        }
        switch (p->proto) {
        case IP_PROTO_UDP:
            if (!parse_udp_tunnel(p)) {
                return false;
            }
            break;
        case IP_PROTO_GRE:
            if (!parse_gre(p)) {
                return false;
            }
            break;
        case IP_PROTO_IPIP:
            p->type = CONST_BE16(ETH_TYPE_IPV4);
            break;
        case IP_PROTO_IPV6:
            p->type = CONST_BE16(ETH_TYPE_IPV6);
            break;
        default:
            return false;
        }
    }
    return false;
}

static struct parser parser_for(struct gso *g, const struct packet *packet)
{
    g->packet = packet;
    return (struct parser){.g = g, .data = packet->data, .len = packet->len};
}

bool gso_is_tunneled(const struct packet *packet)
{
    struct gso g = {.n_layers = 0};
    struct parser p = parser_for(&g, packet);
    return parse_to(&p, packet->csum_start) && g.n_layers > 1;
}

/* ---- begin ---- */

/* An outer checksum covers the inner one, which must then be complete. */
static bool outer_checksum(const struct gso *g)
{
    for (int i = 0; i + 1 < g->n_layers; i++) {
        const uint8_t *h = g->packet->data + g->layers[i].ofs;
        if ((g->layers[i].kind == LAYER_UDP && get_be16(h + offsetof(struct udp_header, csum))) ||
            (g->layers[i].kind == LAYER_GRE && get_be16(h) & CONST_BE16(GRE_F_CSUM))) {
            return true;
        }
    }
    return false;
}

static enum drop_reason begin_segments(struct gso *g, struct parser *p)
{
    bool tcp = g->packet->gso_type != PACKET_GSO_UDP_L4;
    uint32_t l4_len = UDP_HEADER_LEN;
    if (p->proto != (tcp ? IP_PROTO_TCP : IP_PROTO_UDP) || !has(p, tcp ? TCP_HEADER_LEN : UDP_HEADER_LEN)) {
        return DROP_GSO;
    }
    if (tcp) {
        l4_len = (uint32_t)(p->data[p->ofs + 12] >> 4) * 4;
        if (l4_len < TCP_HEADER_LEN || !has(p, l4_len) || g->packet->gso_size < GSO_MIN_SIZE) {
            return DROP_GSO;
        }
    }
    if (!add_layer(p, tcp ? LAYER_TCP : LAYER_UDP) || p->ofs + l4_len > UINT16_MAX) {
        return DROP_GSO;
    }
    g->csum_start = (uint16_t)p->ofs;
    g->hdr_len = (uint16_t)(p->ofs + l4_len);
    uint32_t payload = p->len - g->hdr_len;
    g->n_segments = payload ? (payload + g->size - 1) / g->size : 1;
    g->leave_partial = g->leave_partial && !outer_checksum(g);
    return !tcp && g->n_segments > GSO_MAX_UDP ? DROP_GSO : DROP_NONE;
}

/* One datagram becomes IP fragments: its checksum is computed once, over all of it. */
static enum drop_reason begin_fragments(struct gso *g, struct parser *p)
{
    const struct gso_layer *ip = &g->layers[g->n_layers - 1];
    if (p->proto != IP_PROTO_UDP || !has(p, UDP_HEADER_LEN) || g->n_layers != 1 || p->ofs > UINT16_MAX) {
        return DROP_GSO;
    }
    g->fragments = true;
    g->leave_partial = false;
    g->csum_start = (uint16_t)p->ofs;
    g->hdr_len = (uint16_t)p->ofs;
    g->size &= (uint16_t)~7u;
    if (g->size < GSO_MIN_SIZE) {
        return DROP_GSO;
    }
    uint32_t payload = p->len - p->ofs;
    g->n_segments = (payload + g->size - 1) / g->size;
    g->frag_id = random_u32();
    const uint8_t *h = p->data + ip->ofs;
    uint32_t pseudo = ip->kind == LAYER_IPV4
                          ? csum_pseudo_ipv4(get_be32(h + 12), get_be32(h + 16), IP_PROTO_UDP, payload)
                          : csum_pseudo_ipv6(h + 8, h + 24, IP_PROTO_UDP, payload);
    /* The field itself counts as zero. */
    uint32_t sum = csum_bytes(pseudo, p->data + p->ofs, payload);
    sum = csum_add16(sum, (be16)~get_be16(p->data + p->ofs + offsetof(struct udp_header, csum)));
    be16 csum = csum_finish(sum);
    g->ufo_csum = csum ? csum : UINT16_MAX;
    g->csum_start = (uint16_t)p->next_at; /* fragments: where the protocol is said, for IPv6's header */
    return DROP_NONE;
}

enum drop_reason gso_begin(struct gso *g, const struct packet *packet, struct packet_pool *pool,
                           bool leave_partial)
{
    *g = (struct gso){.pool = pool, .size = packet->gso_size, .leave_partial = leave_partial};
    struct parser p = parser_for(g, packet);
    bool ufo = packet->gso_type == PACKET_GSO_UDP;
    if (!packet->gso_size || !parse_to(&p, ufo ? UINT32_MAX : packet->csum_start)) {
        return DROP_GSO;
    }
    switch ((enum packet_gso)packet->gso_type) {
    case PACKET_GSO_TCPV4:
    case PACKET_GSO_TCPV6:
    case PACKET_GSO_UDP_L4:
        return begin_segments(g, &p);
    case PACKET_GSO_UDP:
        return begin_fragments(g, &p);
    case PACKET_GSO_NONE:
        break;
    }
    return DROP_GSO;
}

/* ---- one segment ---- */

static uint32_t pseudo_sum(const struct gso *g, const struct packet *s, const struct gso_layer *l4,
                           uint8_t proto)
{
    const struct gso_layer *ip = &g->layers[l4->l3];
    const uint8_t *h = s->data + ip->ofs;
    uint32_t len = s->len - l4->ofs;
    return ip->kind == LAYER_IPV4 ? csum_pseudo_ipv4(get_be32(h + 12), get_be32(h + 16), proto, len)
                                  : csum_pseudo_ipv6(h + 8, h + 24, proto, len);
}

static void mend_lengths(const struct gso *g, struct packet *s)
{
    for (int i = 0; i < g->n_layers; i++) {
        const struct gso_layer *layer = &g->layers[i];
        uint8_t *h = s->data + layer->ofs;
        uint32_t len = s->len - layer->ofs;
        switch ((enum layer_kind)layer->kind) {
        case LAYER_IPV4:
            put_be16(h + offsetof(struct ipv4_header, total_len), CONST_BE16(len));
            if (!g->fragments) {
                uint16_t id = CONST_BE16(get_be16(h + offsetof(struct ipv4_header, id)));
                put_be16(h + offsetof(struct ipv4_header, id), CONST_BE16((uint16_t)(id + g->index)));
            }
            break;
        case LAYER_IPV6:
            put_be16(h + offsetof(struct ipv6_header, payload_len), CONST_BE16(len - IPV6_HEADER_LEN));
            break;
        case LAYER_UDP:
            put_be16(h + offsetof(struct udp_header, len), CONST_BE16(len));
            break;
        case LAYER_TCP:
        case LAYER_GRE:
            break;
        }
    }
}

static void mend_tcp(const struct gso *g, uint8_t *tcp, bool last)
{
    uint32_t seq = CONST_BE32(get_be32(tcp + offsetof(struct tcp_header, seq)));
    put_be32(tcp + offsetof(struct tcp_header, seq), CONST_BE32(seq + g->ofs));
    be16 ctl = get_be16(tcp + offsetof(struct tcp_header, ctl));
    if (!last) {
        ctl &= (be16)~CONST_BE16(TCP_FIN | TCP_PSH);
    }
    if (g->index) {
        ctl &= (be16)~CONST_BE16(TCP_CWR);
    }
    put_be16(tcp + offsetof(struct tcp_header, ctl), ctl);
}

/* The innermost layer 4: complete, or left to the egress. */
static void finish_l4(const struct gso *g, struct packet *s, const struct gso_layer *layer)
{
    bool tcp = layer->kind == LAYER_TCP;
    uint16_t field = tcp ? offsetof(struct tcp_header, csum) : offsetof(struct udp_header, csum);
    uint8_t *h = s->data + layer->ofs;
    uint32_t pseudo = pseudo_sum(g, s, layer, tcp ? IP_PROTO_TCP : IP_PROTO_UDP);
    if (g->leave_partial) {
        put_be16(h + field, (be16)~csum_finish(pseudo));
        s->csum = PACKET_CSUM_PARTIAL;
        s->csum_start = layer->ofs;
        s->csum_offset = field;
        return;
    }
    put_be16(h + field, 0);
    be16 csum = csum_finish(csum_bytes(pseudo, h, s->len - layer->ofs));
    put_be16(h + field, csum || tcp ? csum : UINT16_MAX);
    s->csum = PACKET_CSUM_GOOD;
}

/* Checksums from the inside out: what is outside covers what is inside. */
static void mend_checksums(const struct gso *g, struct packet *s)
{
    for (int i = g->n_layers - 1; i >= 0; i--) {
        const struct gso_layer *layer = &g->layers[i];
        uint8_t *h = s->data + layer->ofs;
        switch ((enum layer_kind)layer->kind) {
        case LAYER_IPV4:
            put_be16(h + offsetof(struct ipv4_header, csum), 0);
            put_be16(h + offsetof(struct ipv4_header, csum), csum_of(h, (size_t)(*h & 0xf) * 4));
            break;
        case LAYER_UDP:
        case LAYER_TCP:
            if (i == g->n_layers - 1) {
                finish_l4(g, s, layer);
            } else if (get_be16(h + offsetof(struct udp_header, csum))) {
                put_be16(h + offsetof(struct udp_header, csum), 0);
                be16 csum =
                    csum_finish(csum_bytes(pseudo_sum(g, s, layer, IP_PROTO_UDP), h, s->len - layer->ofs));
                put_be16(h + offsetof(struct udp_header, csum), csum ? csum : UINT16_MAX);
            }
            break;
        case LAYER_GRE:
            if (get_be16(h) & CONST_BE16(GRE_F_CSUM)) {
                put_be16(h + GRE_HEADER_LEN, 0);
                put_be16(h + GRE_HEADER_LEN, csum_finish(csum_bytes(0, h, s->len - layer->ofs)));
            }
            break;
        case LAYER_IPV6:
            break;
        }
    }
}

static struct packet *make_segment(const struct gso *g, uint32_t header_len, uint32_t payload_ofs, uint32_t n)
{
    struct packet *s = packet_alloc(g->pool, header_len + n);
    if (!s) {
        return NULL;
    }
    packet_copy_metadata(s, g->packet);
    s->gso_type = PACKET_GSO_NONE;
    s->gso_size = s->gso_hdr_len = 0;
    s->cutlen = 0;
    memcpy(s->data, g->packet->data, g->hdr_len);
    memcpy(s->data + header_len, g->packet->data + payload_ofs, n);
    return s;
}

static struct packet *next_segment(struct gso *g)
{
    uint32_t left = g->packet->len - g->hdr_len - g->ofs, n = MIN(left, g->size);
    struct packet *s = make_segment(g, g->hdr_len, g->hdr_len + g->ofs, n);
    if (s) {
        const struct gso_layer *l4 = &g->layers[g->n_layers - 1];
        mend_lengths(g, s);
        if (l4->kind == LAYER_TCP) {
            mend_tcp(g, s->data + l4->ofs, n == left);
        }
        mend_checksums(g, s);
        g->ofs += n;
    }
    return s;
}

/* IPv6's fragment header goes between the header and the payload, and takes over the protocol's number. */
static struct packet *next_fragment(struct gso *g)
{
    uint32_t left = g->packet->len - g->hdr_len - g->ofs, n = MIN(left, g->size);
    bool more = n < left, v6 = g->layers[0].kind == LAYER_IPV6;
    uint32_t header_len = g->hdr_len + (v6 ? IPV6_FRAG_HEADER_LEN : 0u);
    struct packet *s = make_segment(g, header_len, g->hdr_len + g->ofs, n);
    if (!s) {
        return NULL;
    }
    if (!g->ofs) {
        put_be16(s->data + header_len + offsetof(struct udp_header, csum), g->ufo_csum);
    }
    if (v6) {
        struct ipv6_frag_header *frag = (struct ipv6_frag_header *)(void *)(s->data + g->hdr_len);
        frag->next = s->data[g->csum_start];
        frag->reserved = 0;
        frag->offlg = CONST_BE16(g->ofs | (more ? IPV6_FRAG_MORE : 0));
        frag->id = g->frag_id;
        s->data[g->csum_start] = IP_PROTO_FRAGMENT;
    } else {
        uint8_t *ip = s->data + g->layers[0].ofs;
        put_be16(ip + offsetof(struct ipv4_header, frag_off),
                 CONST_BE16(g->ofs / 8 | (more ? IPV4_MORE_FRAGS : 0)));
    }
    s->csum = PACKET_CSUM_GOOD;
    mend_lengths(g, s);
    mend_checksums(g, s);
    g->ofs += n;
    return s;
}

bool gso_next(struct gso *g, struct packet_batch *batch)
{
    while (g->index < g->n_segments && !batch_is_full(batch)) {
        struct packet *s = g->fragments ? next_fragment(g) : next_segment(g);
        if (!s) {
            g->error = DROP_NO_MEMORY;
            g->index = g->n_segments;
            break;
        }
        batch_add(batch, s);
        g->index++;
    }
    return batch->n > 0;
}
