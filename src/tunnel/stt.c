/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/stt.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/spin.h"
#include "packet/csum.h"
#include "packet/gso.h"
#include "tunnel/address.h"
#include "tunnel/outer.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define TCP_CSUM_OFFSET offsetof(struct tcp_header, csum)
#define UDP_CSUM_OFFSET offsetof(struct udp_header, csum)
#define LEN_SHIFT       16
#define OFFSET_MASK     0xffff
#define MAX_LEN         (UINT16_MAX - IPV4_HEADER_LEN - TCP_HEADER_LEN) /* STT header and frame */

/* ------------------------------------------------------------------ out */

/* Can the STT header say what is missing in the TCP or UDP header at csum_start? */
static bool can_tell(const struct packet *p)
{
    bool known = p->csum_offset == TCP_CSUM_OFFSET || p->csum_offset == UDP_CSUM_OFFSET;
    return p->csum == PACKET_CSUM_PARTIAL && known && p->csum_start == p->l4_ofs && p->l4_ofs <= UINT8_MAX &&
           p->l3_ofs < p->l4_ofs && (uint32_t)p->csum_start + p->csum_offset + 2 <= p->len;
}

bool stt_wants_segments(const struct packet *p)
{
    bool tcp = p->gso_type == PACKET_GSO_TCPV4 || p->gso_type == PACKET_GSO_TCPV6;
    return !tcp || !can_tell(p) || p->csum_offset != TCP_CSUM_OFFSET || p->len + STT_HEADER_LEN > MAX_LEN;
}

static void take_tag(struct packet *p, struct stt_header *h)
{
    if (p->len < ETH_HEADER_LEN + VLAN_HEADER_LEN || get_be16(p->data + 12) != CONST_BE16(ETH_TYPE_VLAN)) {
        return;
    }
    h->vlan_tci = get_be16(p->data + ETH_HEADER_LEN) | CONST_BE16(STT_VLAN_PRESENT);
    memmove(p->data + VLAN_HEADER_LEN, p->data, 2 * ETH_ADDR_LEN);
    packet_pull(p, VLAN_HEADER_LEN);
    p->csum_start = (uint16_t)(p->csum_start - VLAN_HEADER_LEN);
    p->l3_ofs = (uint16_t)(p->l3_ofs - VLAN_HEADER_LEN);
    p->l4_ofs = (uint16_t)(p->l4_ofs - VLAN_HEADER_LEN);
}

enum drop_reason stt_describe(struct packet *p, struct stt_header *h)
{
    if (p->gso_type && stt_wants_segments(p)) {
        return DROP_GSO;
    }
    if (!can_tell(p)) {
        enum drop_reason why = packet_csum_resolve(p);
        if (why) {
            return why;
        }
    }
    take_tag(p, h);
    if (p->csum == PACKET_CSUM_PARTIAL) {
        h->flags = STT_F_CSUM_PARTIAL;
        h->flags |= p->data[p->l3_ofs] >> 4 == 4 ? STT_F_IPV4 : 0;
        h->flags |= p->csum_offset == TCP_CSUM_OFFSET ? STT_F_TCP : 0;
        h->l4_offset = (uint8_t)p->csum_start;
        h->mss = p->gso_type ? CONST_BE16(p->gso_size) : 0;
    } else if (p->csum == PACKET_CSUM_GOOD) {
        h->flags = STT_F_CSUM_VERIFIED;
    }
    p->csum = PACKET_CSUM_UNKNOWN;
    p->gso_type = PACKET_GSO_NONE;
    p->gso_ecn = 0;
    return DROP_NONE;
}

enum drop_reason stt_finish(struct packet *p, uint32_t l3, uint32_t l4, uint32_t id, uint32_t mtu)
{
    uint8_t *ip = p->data + l3;
    bool v4 = l4 - l3 == IPV4_HEADER_LEN;
    struct tcp_header *tcp = (struct tcp_header *)(void *)(p->data + l4);
    uint32_t len = p->len - l4;
    tcp->seq = CONST_BE32((len - TCP_HEADER_LEN) << LEN_SHIFT);
    tcp->ack = CONST_BE32(id);
    uint32_t pseudo = v4 ? csum_pseudo_ipv4(get_be32(ip + 12), get_be32(ip + 16), IP_PROTO_TCP, len)
                         : csum_pseudo_ipv6(ip + 8, ip + 24, IP_PROTO_TCP, len);
    tcp->csum = (be16)~csum_finish(pseudo);
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = (uint16_t)l4;
    p->csum_offset = TCP_CSUM_OFFSET;
    uint32_t headers = l4 - l3 + TCP_HEADER_LEN;
    if (p->len - l3 > mtu) {
        if (mtu < headers + GSO_MIN_SIZE) {
            return DROP_MTU;
        }
        p->gso_type = v4 ? PACKET_GSO_TCPV4 : PACKET_GSO_TCPV6;
        p->gso_size = (uint16_t)(mtu - headers);
        p->gso_hdr_len = (uint16_t)(l4 + TCP_HEADER_LEN);
    }
    return DROP_NONE;
}

/* ------------------------------------------------------------------ in */

/* Between what has come there are gaps. */
struct range {
    uint32_t start, end;
};
#define MAX_RANGES 16

struct frame {
    struct ipv6_addr src, dst;
    be32 ports;
    uint32_t id, len;
    uint32_t in_port;
    int64_t expires_ms;
    uint8_t *bytes; /* NULL: the frame's place is free */
    uint32_t n_ranges;
    struct range ranges[MAX_RANGES]; /* in order, none touches another */
};

#define WAYS   4
#define N_SETS (STT_MAX_FRAMES / WAYS)

struct stt_frames {
    struct spin lock;
    uint32_t seed;
    struct frame frames[N_SETS][WAYS];
};

struct stt_frames *stt_frames_create(void)
{
    struct stt_frames *s = xzalloc(sizeof *s);
    s->seed = random_u32();
    return s;
}

void stt_frames_destroy(struct stt_frames *s)
{
    if (s) {
        for (size_t i = 0; i < STT_MAX_FRAMES; i++) {
            free(s->frames[i / WAYS][i % WAYS].bytes);
        }
        free(s);
    }
}

void stt_frames_sweep(struct stt_frames *s, int64_t now_ms, void (*dropped)(uint32_t port, void *aux),
                      void *aux)
{
    for (size_t i = 0; i < STT_MAX_FRAMES; i++) {
        struct frame *f = &s->frames[i / WAYS][i % WAYS];
        spin_lock(&s->lock);
        uint8_t *bytes = f->bytes && now_ms >= f->expires_ms ? f->bytes : NULL;
        uint32_t port = f->in_port;
        if (bytes) {
            f->bytes = NULL;
        }
        spin_unlock(&s->lock);
        if (bytes) {
            free(bytes);
            dropped(port, aux);
        }
    }
}

/* A segment: LEN bytes at OFFSET of a frame of FRAME_LEN. */
struct segment {
    uint32_t frame_len, offset, len, id;
    be32 ports;
};

/* Behind the outer IP header. */
static enum drop_reason read_segment(struct outer *o, struct segment *s)
{
    const struct tcp_header *tcp = (const void *)outer_take(o, TCP_HEADER_LEN);
    if (!tcp) {
        return DROP_TUNNEL_SHORT;
    }
    uint32_t words = TCP_OFFSET_BYTES(tcp->ctl);
    if (words < TCP_HEADER_LEN || !outer_take(o, words - TCP_HEADER_LEN)) {
        return DROP_TUNNEL_SHORT;
    }
    o->key->tun_tp_src = tcp->src;
    o->key->tun_tp_dst = tcp->dst;
    uint32_t seq = CONST_BE32(tcp->seq);
    *s = (struct segment){.frame_len = seq >> LEN_SHIFT,
                          .offset = seq & OFFSET_MASK,
                          .len = o->end - o->ofs,
                          .id = CONST_BE32(tcp->ack),
                          .ports = get_be32(tcp)};
    if (s->frame_len < STT_HEADER_LEN + ETH_HEADER_LEN || !s->len || s->offset + s->len > s->frame_len) {
        return DROP_TUNNEL_SHORT;
    }
    return outer_csum_is_right(o, outer_pseudo(o, IP_PROTO_TCP), o->l4) ? DROP_NONE : DROP_TUNNEL_CSUM;
}

/* The place of the frame; if it has none yet, a new one with memory *SPARE, which is exchanged for that of
 * who had to make room. NULL: *SPARE is wanted. */
static struct frame *find_frame(struct stt_frames *s, const struct frame *want, uint8_t **spare,
                                int64_t now_ms, uint32_t *lost)
{
    uint32_t hash = hash_bytes(want, offsetof(struct frame, in_port), s->seed);
    struct frame *set = s->frames[hash % N_SETS], *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct frame *f = &set[i];
        if (f->bytes && !memcmp(f, want, offsetof(struct frame, in_port))) {
            return f;
        }
        if (place->bytes && (!f->bytes || f->expires_ms < place->expires_ms)) {
            place = f;
        }
    }
    if (!*spare) {
        return NULL;
    }
    uint8_t *old = place->bytes;
    if (old) {
        *lost = place->in_port;
    }
    *place = *want;
    place->expires_ms = now_ms + STT_TIMEOUT_MS;
    place->bytes = *spare;
    *spare = old;
    return place;
}

/* False: part of it is there already, or there are too many gaps. */
static bool add_range(struct frame *f, uint32_t start, uint32_t end)
{
    uint32_t i = 0;
    while (i < f->n_ranges && f->ranges[i].end < start) {
        i++;
    }
    struct range *r = &f->ranges[i];
    bool joins_left = i < f->n_ranges && r->end == start;
    struct range *right = joins_left ? r + 1 : r;
    bool has_right = right < f->ranges + f->n_ranges;
    if (has_right && right->start < end) {
        return false;
    }
    bool joins_right = has_right && right->start == end;
    if (joins_left && joins_right) {
        r->end = right->end;
        f->n_ranges--;
        memmove(right, right + 1, (size_t)(f->ranges + f->n_ranges - right) * sizeof *right);
    } else if (joins_left) {
        r->end = end;
    } else if (joins_right) {
        right->start = start;
    } else if (f->n_ranges == MAX_RANGES) {
        return false;
    } else {
        memmove(r + 1, r, (f->n_ranges - i) * sizeof *r);
        *r = (struct range){start, end};
        f->n_ranges++;
    }
    return true;
}

/* The frame with the outer headers of the segment that completed it. */
static enum drop_reason make_whole(const struct outer *o, const uint8_t *bytes, uint32_t len,
                                   struct packet_pool *pool, struct packet **whole)
{
    struct packet *p = packet_alloc(pool, o->ofs + len);
    if (!p) {
        return DROP_NO_MEMORY;
    }
    memcpy(p->data, o->packet->data, o->ofs);
    memcpy(p->data + o->ofs, bytes, len);
    ((struct tcp_header *)(void *)(p->data + o->l4))->seq = CONST_BE32(len << LEN_SHIFT);
    packet_copy_metadata(p, o->packet);
    /* Longer than an IP packet can say, and what the segments' checksums said is known. */
    p->gso_type = o->v4 ? PACKET_GSO_TCPV4 : PACKET_GSO_TCPV6;
    p->csum = PACKET_CSUM_GOOD;
    *whole = p;
    return DROP_NONE;
}

enum drop_reason stt_gather(struct stt_frames *s, struct packet *packet, struct packet_pool *pool,
                            int64_t now_ms, struct packet **whole, uint32_t *lost)
{
    struct flow_key key;
    struct outer o = {.packet = packet, .key = &key, .end = packet->len};
    struct segment seg;
    memset(&key.tun_id, 0, FLOW_BLOCK_SIZE);
    *whole = NULL;
    *lost = PACKET_NO_PORT;
    enum drop_reason why =
        packet->packet_type != FLOW_PT_ETH ? DROP_TUNNEL_POP : outer_read(&o, IP_PROTO_TCP);
    why = why ? why : read_segment(&o, &seg);
    if (why) {
        return why;
    }
    if (seg.len == seg.frame_len) {
        *whole = packet;
        return DROP_NONE;
    }
    struct frame want;
    memset(&want, 0, sizeof want);
    want.src = o.v4 ? tunnel_address_v4(key.tun_src) : key.tun_ipv6_src;
    want.dst = o.v4 ? tunnel_address_v4(key.tun_dst) : key.tun_ipv6_dst;
    want.ports = seg.ports;
    want.id = seg.id;
    want.len = seg.frame_len;
    want.in_port = packet->in_port;
    uint8_t *spare = NULL, *done = NULL;
    struct frame *f;
    spin_lock(&s->lock);
    while (!(f = find_frame(s, &want, &spare, now_ms, lost))) {
        spin_unlock(&s->lock);
        spare = malloc(seg.frame_len);
        if (!spare) {
            return DROP_NO_MEMORY;
        }
        spin_lock(&s->lock);
    }
    bool fits = add_range(f, seg.offset, seg.offset + seg.len);
    if (fits) {
        memcpy(f->bytes + seg.offset, packet->data + o.ofs, seg.len);
    }
    if (fits && f->n_ranges == 1 && f->ranges[0].end - f->ranges[0].start == f->len) {
        done = f->bytes;
        f->bytes = NULL;
    }
    spin_unlock(&s->lock);

    free(spare);
    if (!fits) {
        return DROP_FRAGMENT;
    }
    if (done) {
        why = make_whole(&o, done, seg.frame_len, pool, whole);
        free(done);
        if (why) {
            return why;
        }
    }
    packet_free(packet);
    return DROP_NONE;
}

enum drop_reason stt_read(struct outer *o, struct stt_header *h)
{
    struct segment seg;
    enum drop_reason why = read_segment(o, &seg);
    if (why) {
        return why;
    }
    if (seg.offset || seg.len != seg.frame_len) {
        return DROP_TUNNEL_FRAGMENT;
    }
    memcpy(h, outer_take(o, STT_HEADER_LEN), STT_HEADER_LEN);
    if (h->version) {
        return DROP_TUNNEL_FLAGS;
    }
    o->key->tun_id = h->key;
    o->key->tun_flags |= FLOW_TUN_KEY;
    return DROP_NONE;
}

/* The other end left a checksum, or segmentation, to us: where the header says, that is in the frame. */
static enum drop_reason restore_offloads(struct packet *p, const struct stt_header *h)
{
    bool tcp = h->flags & STT_F_TCP;
    uint32_t l4 = h->l4_offset, headers = tcp ? TCP_HEADER_LEN : UDP_HEADER_LEN;
    uint32_t l3_len = h->flags & STT_F_IPV4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
    if (l4 < ETH_HEADER_LEN + l3_len || l4 + headers > p->len) {
        return DROP_TUNNEL_OPTIONS;
    }
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = (uint16_t)l4;
    p->csum_offset = tcp ? TCP_CSUM_OFFSET : UDP_CSUM_OFFSET;
    uint32_t mss = CONST_BE16(h->mss);
    if (!mss) {
        return DROP_NONE;
    }
    if (!tcp || mss < GSO_MIN_SIZE) {
        return DROP_TUNNEL_OPTIONS;
    }
    headers = TCP_OFFSET_BYTES(get_be16(p->data + l4 + offsetof(struct tcp_header, ctl)));
    if (headers < TCP_HEADER_LEN || l4 + headers > p->len) {
        return DROP_TUNNEL_OPTIONS;
    }
    if (p->len - l4 - headers > mss) {
        p->gso_type = h->flags & STT_F_IPV4 ? PACKET_GSO_TCPV4 : PACKET_GSO_TCPV6;
        p->gso_size = (uint16_t)mss;
        p->gso_hdr_len = (uint16_t)(l4 + headers);
    }
    return DROP_NONE;
}

enum drop_reason stt_restore(struct packet *p, const struct stt_header *h)
{
    p->csum = h->flags & STT_F_CSUM_VERIFIED ? PACKET_CSUM_GOOD : PACKET_CSUM_UNKNOWN;
    p->csum_start = p->csum_offset = p->gso_size = p->gso_hdr_len = 0;
    p->gso_type = PACKET_GSO_NONE;
    p->gso_ecn = 0;
    enum drop_reason why = h->flags & STT_F_CSUM_PARTIAL ? restore_offloads(p, h) : DROP_NONE;
    if (why || !(h->vlan_tci & CONST_BE16(STT_VLAN_PRESENT))) {
        return why;
    }
    uint8_t *data = packet_push(p, VLAN_HEADER_LEN); /* where the outer headers were */
    memmove(data, data + VLAN_HEADER_LEN, 2 * ETH_ADDR_LEN);
    put_be16(data + 12, CONST_BE16(ETH_TYPE_VLAN));
    put_be16(data + ETH_HEADER_LEN, h->vlan_tci & CONST_BE16(~STT_VLAN_PRESENT & UINT16_MAX));
    p->csum_start = (uint16_t)(p->csum_start + VLAN_HEADER_LEN);
    p->gso_hdr_len = (uint16_t)(p->gso_hdr_len + VLAN_HEADER_LEN);
    return DROP_NONE;
}
