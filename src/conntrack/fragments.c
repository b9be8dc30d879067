/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/fragments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hmap.h"
#include "base/spin.h"
#include "conntrack/private.h"
#include "conntrack/text.h"
#include "flow/extract.h"
#include "flow/text.h"
#include "packet/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define MAX_WAIT_MS       15000
#define MAX_FRAGS_DEFAULT 1000
#define MAX_FRAGS_LIMIT   5000
#define MIN_SIZE_V4       1200
#define MIN_SIZE_V4_LEAST 400
#define MIN_SIZE_V6       1280
#define MIN_SIZE_V6_LEAST 400
#define MAX_WHOLE         65535 /* bytes of an IP packet */

/* A fragment, copied. */
struct fragment {
    struct packet meta; /* its descriptor: metadata and offsets; no memory */
    uint32_t offset, payload_len;
    uint32_t header_len; /* from l3_ofs to the fragment's payload */
    uint16_t frag_ofs;   /* IPv6: from l3_ofs to the fragment header */
    uint16_t next_ofs;   /* IPv6: from l3_ofs to the byte that says that a fragment header follows */
    bool more;
    uint8_t bytes[];
};

struct ct_fragments {
    struct hmap_node node;
    struct ipv6_addr src, dst;
    uint32_t id;
    uint16_t zone;
    uint8_t proto, is_ipv6;
    int64_t expires_ms;
    size_t n, allocated;
    struct fragment **list; /* by offset */
};

struct ct_fragment_store {
    struct spin lock;
    struct hmap lists;            /* under lock */
    struct ct_frag_status status; /* under lock */
};

struct ct_fragment_store *ct_fragment_store_create(void)
{
    struct ct_fragment_store *s = xzalloc(sizeof *s);
    hmap_init(&s->lists);
    s->status.max_frags = MAX_FRAGS_DEFAULT;
    s->status.families[0] = (struct ct_frag_family){.enabled = true, .min_size = MIN_SIZE_V4};
    s->status.families[1] = (struct ct_frag_family){.enabled = true, .min_size = MIN_SIZE_V6};
    return s;
}

void ct_fragments_free(struct ct_fragments *f)
{
    if (f) {
        for (size_t i = 0; i < f->n; i++) {
            free(f->list[i]);
        }
        free(f->list);
        free(f);
    }
}

void ct_fragment_store_destroy(struct ct_fragment_store *s)
{
    if (s) {
        struct ct_fragments *f;
        HMAP_FOR_EACH_SAFE (f, node, &s->lists) {
            hmap_remove(&s->lists, &f->node);
            ct_fragments_free(f);
        }
        hmap_fini(&s->lists);
        free(s);
    }
}

/* ------------------------------------------------------------------ reading one */

/* What a fragment says of itself. */
struct header {
    struct ct_fragments who; /* addresses, id, protocol: the key */
    uint32_t offset, payload_len, header_len;
    uint16_t frag_ofs, next_ofs;
    bool more;
};

static bool read_ipv4(const struct packet *p, struct header *h)
{
    const struct ipv4_header *ip = (const struct ipv4_header *)(const void *)(p->data + p->l3_ofs);
    uint16_t frag = CONST_BE16(ip->frag_off);
    h->who.src.be32[0] = ip->src;
    h->who.dst.be32[0] = ip->dst;
    h->who.id = ip->id;
    h->who.proto = ip->proto;
    h->header_len = IPV4_IHL_BYTES(ip);
    h->payload_len = CONST_BE16(ip->total_len) - h->header_len;
    h->offset = (frag & IPV4_FRAG_OFF_MASK) * 8u;
    h->more = frag & IPV4_MORE_FRAGS;
    return packet_ipv4_csum_ok(p);
}

static bool read_ipv6(const struct packet *p, struct header *h)
{
    const uint8_t *l3 = p->data + p->l3_ofs;
    const struct ipv6_header *ip = (const struct ipv6_header *)(const void *)l3;
    uint32_t len = IPV6_HEADER_LEN + CONST_BE16(ip->payload_len), at = IPV6_HEADER_LEN;
    uint8_t next = ip->next;
    h->next_ofs = offsetof(struct ipv6_header, next);
    memcpy(&h->who.src, &ip->src, sizeof h->who.src);
    memcpy(&h->who.dst, &ip->dst, sizeof h->who.dst);
    h->who.is_ipv6 = 1;
    while (next == IP_PROTO_HOPOPTS || next == IP_PROTO_ROUTING || next == IP_PROTO_DSTOPTS) {
        if (len - at < 8 || (l3[at + 1] + 1u) * 8 > len - at) {
            return false;
        }
        next = l3[at];
        h->next_ofs = (uint16_t)at;
        at += (l3[at + 1] + 1u) * 8;
    }
    if (next != IP_PROTO_FRAGMENT || len - at < IPV6_FRAG_HEADER_LEN) {
        return false;
    }
    const struct ipv6_frag_header *fh = (const struct ipv6_frag_header *)(const void *)(l3 + at);
    h->who.id = fh->id;
    h->who.proto = fh->next;
    h->frag_ofs = (uint16_t)at;
    h->header_len = at + IPV6_FRAG_HEADER_LEN;
    h->payload_len = len - h->header_len;
    h->offset = CONST_BE16(fh->offlg) & IPV6_FRAG_OFF_MASK;
    h->more = CONST_BE16(fh->offlg) & IPV6_FRAG_MORE;
    return true;
}

/* l4_ofs is set, so the headers up to there are whole and inside of the packet. */
static bool read_fragment(const struct packet *p, uint16_t zone, struct header *h)
{
    memset(h, 0, sizeof *h);
    h->who.zone = zone;
    uint8_t version = p->data[p->l3_ofs] >> 4;
    bool ok = version == 4 ? read_ipv4(p, h) : version == 6 && read_ipv6(p, h);
    return ok && h->payload_len && !(h->more && h->payload_len % 8) &&
           h->offset + h->payload_len <= MAX_WHOLE && p->l3_ofs + h->header_len + h->payload_len <= p->len;
}

static uint32_t hash_of(const struct ct_fragments *f)
{
    uint32_t h = hash_bytes(&f->src, sizeof f->src, f->id);
    h = hash_bytes(&f->dst, sizeof f->dst, h);
    return hash_u64((uint64_t)f->zone << 16 | (uint64_t)f->proto << 8 | f->is_ipv6, h);
}

/* Those whose time is over are no company for new ones: the sweep counts and frees them. */
static struct ct_fragments *find(struct ct_fragment_store *s, const struct ct_fragments *who, uint32_t hash,
                                 int64_t now_ms)
{
    struct ct_fragments *f;
    HMAP_FOR_EACH_WITH_HASH (f, node, hash, &s->lists) {
        if (f->expires_ms > now_ms && !memcmp(&f->src, &who->src, sizeof f->src) &&
            !memcmp(&f->dst, &who->dst, sizeof f->dst) && f->id == who->id && f->zone == who->zone &&
            f->proto == who->proto && f->is_ipv6 == who->is_ipv6) {
            return f;
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ holding */

static struct fragment *copy(const struct packet *p, const struct header *h)
{
    uint32_t len = p->l3_ofs + h->header_len + h->payload_len;
    struct fragment *f = aligned_alloc(CACHE_LINE_SIZE, ROUND_UP(sizeof *f + len, CACHE_LINE_SIZE));
    if (f) {
        memset(&f->meta, 0, sizeof f->meta);
        packet_copy_metadata(&f->meta, p);
        f->meta.len = len;
        f->offset = h->offset;
        f->payload_len = h->payload_len;
        f->header_len = h->header_len;
        f->frag_ofs = h->frag_ofs;
        f->next_ofs = h->next_ofs;
        f->more = h->more;
        memcpy(f->bytes, p->data, len);
    }
    return f;
}

/* Where among the others; SIZE_MAX: it overlaps one of them. */
static size_t place_of(const struct ct_fragments *l, const struct header *h)
{
    size_t at = 0;
    while (at < l->n && l->list[at]->offset < h->offset) {
        at++;
    }
    bool overlaps = (at && l->list[at - 1]->offset + l->list[at - 1]->payload_len > h->offset) ||
                    (at < l->n && h->offset + h->payload_len > l->list[at]->offset) ||
                    (at && !l->list[at - 1]->more) || (at < l->n && !h->more);
    return overlaps ? SIZE_MAX : at;
}

static bool is_complete(const struct ct_fragments *l)
{
    uint32_t end = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (l->list[i]->offset != end) {
            return false;
        }
        end += l->list[i]->payload_len;
    }
    return l->n && !l->list[l->n - 1]->more;
}

static void forget(struct ct_fragment_store *s, struct ct_fragments *l)
{
    hmap_remove(&s->lists, &l->node);
    s->status.n_frags -= (uint32_t)l->n;
}

/* Under the store's lock. */
static enum ct_fragment_result take(struct ct_fragment_store *s, const struct packet *p,
                                    const struct header *h, int64_t now_ms, struct ct_fragments **complete)
{
    struct ct_frag_family *family = &s->status.families[h->who.is_ipv6];
    uint32_t hash = hash_of(&h->who);
    if (!family->enabled || s->status.n_frags >= s->status.max_frags) {
        return CT_FRAGMENT_REFUSED;
    }
    /* A first or middle piece so small is meant to hide something. */
    if (h->more && h->header_len + h->payload_len < family->min_size) {
        family->too_small++;
        return CT_FRAGMENT_REFUSED;
    }
    struct ct_fragments *l = find(s, &h->who, hash, now_ms);
    size_t at = l ? place_of(l, h) : 0;
    if (at == SIZE_MAX) {
        family->overlapped++;
        return CT_FRAGMENT_REFUSED;
    }
    struct fragment *f = copy(p, h);
    if (!f) {
        return CT_FRAGMENT_REFUSED;
    }
    if (!l) {
        l = xmemdup(&h->who, sizeof h->who);
        l->expires_ms = now_ms + MAX_WAIT_MS;
        hmap_insert(&s->lists, &l->node, hash);
    }
    if (l->n == l->allocated) {
        l->list = x2nrealloc(l->list, &l->allocated, sizeof(struct fragment *));
    }
    memmove(&l->list[at + 1], &l->list[at], (l->n - at) * sizeof(struct fragment *));
    l->list[at] = f;
    l->n++;
    s->status.n_frags++;
    family->accepted++;
    if (!is_complete(l)) {
        return CT_FRAGMENT_HELD;
    }
    forget(s, l);
    family->completed += l->n;
    *complete = l;
    return CT_FRAGMENT_COMPLETE;
}

enum ct_fragment_result conntrack_fragment(struct conntrack *ct, struct packet *p, uint16_t zone,
                                           int64_t now_ms, struct ct_fragments **complete)
{
    struct header h;
    if (!read_fragment(p, zone, &h)) {
        return CT_FRAGMENT_REFUSED;
    }
    spin_lock(&ct->fragments->lock);
    enum ct_fragment_result result = take(ct->fragments, p, &h, now_ms, complete);
    spin_unlock(&ct->fragments->lock);
    return result;
}

void conntrack_sweep_fragments(struct conntrack *ct, int64_t now_ms,
                               void (*dropped)(uint32_t port, void *aux), void *aux)
{
    struct ct_fragment_store *s = ct->fragments;
    struct ct_fragments *l;
    spin_lock(&s->lock);
    HMAP_FOR_EACH_SAFE (l, node, &s->lists) {
        if (l->expires_ms <= now_ms) {
            for (size_t i = 0; i < l->n; i++) {
                dropped(l->list[i]->meta.in_port, aux);
            }
            s->status.families[l->is_ipv6].expired += l->n;
            forget(s, l);
            ct_fragments_free(l);
        }
    }
    spin_unlock(&s->lock);
}

/* ------------------------------------------------------------------ the whole, and its parts again */

size_t ct_fragments_count(const struct ct_fragments *l)
{
    return l->n;
}

uint32_t ct_fragments_in_port(const struct ct_fragments *l)
{
    return l->list[0]->meta.in_port;
}

struct packet *ct_fragments_whole(const struct ct_fragments *l, struct packet_pool *pool)
{
    const struct fragment *first = l->list[0], *last = l->list[l->n - 1];
    /* IPv6: without the fragment header. */
    uint32_t header_len = l->is_ipv6 ? first->frag_ofs : first->header_len;
    uint32_t payload_len = last->offset + last->payload_len;
    if (header_len + payload_len > MAX_WHOLE) {
        return NULL;
    }
    struct packet *p = packet_alloc(pool, first->meta.l3_ofs + header_len + payload_len);
    if (!p) {
        return NULL;
    }
    packet_copy_metadata(p, &first->meta);
    p->tunnel = NULL; /* what the connection is does not depend on it; the fragments have theirs */
    p->csum = PACKET_CSUM_UNKNOWN;
    p->gso_type = PACKET_GSO_NONE;
    memcpy(p->data, first->bytes, first->meta.l3_ofs + header_len);
    uint8_t *l3 = p->data + first->meta.l3_ofs;
    for (size_t i = 0; i < l->n; i++) {
        const struct fragment *f = l->list[i];
        memcpy(l3 + header_len + f->offset, f->bytes + f->meta.l3_ofs + f->header_len, f->payload_len);
    }
    if (l->is_ipv6) {
        struct ipv6_header *ip = (struct ipv6_header *)(void *)l3;
        ip->payload_len = CONST_BE16((uint16_t)(header_len + payload_len - IPV6_HEADER_LEN));
        l3[first->next_ofs] = l->proto;
    } else {
        struct ipv4_header *ip = (struct ipv4_header *)(void *)l3;
        ip->total_len = CONST_BE16((uint16_t)(header_len + payload_len));
        ip->frag_off &= CONST_BE16(IPV4_DONT_FRAG);
        ip->csum = 0;
        ip->csum = csum_of(ip, header_len);
    }
    struct flow_key key;
    flow_key_extract(p, &key);
    return p;
}

struct packet *ct_fragments_get(const struct ct_fragments *l, size_t i, const struct packet *whole,
                                struct packet_pool *pool)
{
    const struct fragment *f = l->list[i], *first = l->list[0];
    struct packet *p = packet_from_bytes(pool, f->bytes, f->meta.len);
    if (!p) {
        return NULL;
    }
    packet_copy_metadata(p, &f->meta);
    p->ct_state = whole->ct_state;
    p->ct_zone = whole->ct_zone;
    p->ct_mark = whole->ct_mark;
    p->ct_label = whole->ct_label;
    if (whole->flags & PACKET_F_CT_ORIG) {
        p->ct_orig = whole->ct_orig;
        p->flags |= PACKET_F_CT_ORIG;
    }
    /* Translation may have changed addresses, and ports and their checksum in the first. */
    uint8_t *to = p->data + p->l3_ofs;
    const uint8_t *from = whole->data + whole->l3_ofs;
    uint32_t whole_header = l->is_ipv6 ? first->frag_ofs : first->header_len;
    memcpy(to + f->header_len, from + whole_header + f->offset, f->payload_len);
    if (l->is_ipv6) {
        memcpy(to + offsetof(struct ipv6_header, src), from + offsetof(struct ipv6_header, src), 32);
    } else {
        struct ipv4_header *ip = (struct ipv4_header *)(void *)to;
        memcpy(to + offsetof(struct ipv4_header, src), from + offsetof(struct ipv4_header, src), 8);
        ip->csum = 0;
        ip->csum = csum_of(ip, f->header_len);
    }
    return p;
}

/* ------------------------------------------------------------------ control thread */

void conntrack_frag_status(struct conntrack *ct, struct ct_frag_status *status)
{
    spin_lock(&ct->fragments->lock);
    *status = ct->fragments->status;
    spin_unlock(&ct->fragments->lock);
}

int conntrack_frag_set_enabled(struct conntrack *ct, bool is_ipv6, bool enabled)
{
    __atomic_store_n(&ct->fragments->status.families[is_ipv6].enabled, enabled, __ATOMIC_RELAXED);
    return 0;
}

int conntrack_frag_set_min_size(struct conntrack *ct, bool is_ipv6, uint32_t bytes)
{
    if (bytes < (is_ipv6 ? MIN_SIZE_V6_LEAST : MIN_SIZE_V4_LEAST)) {
        return EPERM;
    }
    __atomic_store_n(&ct->fragments->status.families[is_ipv6].min_size, bytes, __ATOMIC_RELAXED);
    return 0;
}

int conntrack_frag_set_max(struct conntrack *ct, uint32_t n)
{
    if (n > MAX_FRAGS_LIMIT) {
        return EPERM;
    }
    __atomic_store_n(&ct->fragments->status.max_frags, n, __ATOMIC_RELAXED);
    return 0;
}

void conntrack_frag_dump(struct conntrack *ct, void (*each)(const struct ct_frag_entry *, void *aux),
                         void *aux)
{
    const struct ct_fragments *l;
    spin_lock(&ct->fragments->lock);
    HMAP_FOR_EACH (l, node, &ct->fragments->lists) {
        struct ct_frag_entry e = {.src = l->src,
                                  .dst = l->dst,
                                  .id = l->id,
                                  .zone = l->zone,
                                  .proto = l->proto,
                                  .is_ipv6 = l->is_ipv6,
                                  .n = (uint32_t)l->n,
                                  .has_first = l->list[0]->offset == 0,
                                  .has_last = !l->list[l->n - 1]->more};
        each(&e, aux);
    }
    spin_unlock(&ct->fragments->lock);
}

void ct_frag_entry_format(struct strbuf *s, const struct ct_frag_entry *e)
{
    strbuf_puts(s, "(src=");
    if (e->is_ipv6) {
        text_put_ipv6(s, &e->src);
        strbuf_puts(s, ",dst=");
        text_put_ipv6(s, &e->dst);
    } else {
        text_put_ipv4(s, e->src.be32[0]);
        strbuf_puts(s, ",dst=");
        text_put_ipv4(s, e->dst.be32[0]);
    }
    strbuf_printf(s, ",ip_id=0x%x,dl_type=0x%x,zone=%u,nw_proto=%u,num_fragments=%u,state=%s)", e->id,
                  e->is_ipv6 ? 0x86dd : 0x0800, e->zone, e->proto, e->n,
                  e->has_first && e->has_last ? "first_last frag"
                  : e->has_first              ? "first frag"
                  : e->has_last               ? "last frag"
                                              : "other frag");
}
