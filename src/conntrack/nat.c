/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/nat.h"

#include <errno.h>

#include "base/crc32c.h"
#include "base/random.h"
#include "packet/csum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define EPHEMERAL_MIN 1024
#define EPHEMERAL_MAX 65535

/* ------------------------------------------------------------------ choosing */

typedef unsigned __int128 u128;

static u128 addr_to_number(const struct ipv6_addr *a, bool is_ipv6)
{
    if (!is_ipv6) {
        return CONST_BE32(a->be32[0]);
    }
    u128 n = 0;
    for (int i = 0; i < 4; i++) {
        n = n << 32 | CONST_BE32(a->be32[i]);
    }
    return n;
}

static struct ipv6_addr addr_from_number(u128 n, bool is_ipv6)
{
    struct ipv6_addr a = {{{0}}};
    if (!is_ipv6) {
        a.be32[0] = CONST_BE32((uint32_t)n);
        return a;
    }
    for (int i = 3; i >= 0; i--, n >>= 32) {
        a.be32[i] = CONST_BE32((uint32_t)n);
    }
    return a;
}

static bool has_ports(const struct ct_tuple *t)
{
    return t->proto == IP_PROTO_TCP || t->proto == IP_PROTO_UDP || t->proto == IP_PROTO_SCTP ||
           t->proto == IP_PROTO_UDPLITE;
}

/* What may be chosen from. */
struct range {
    bool source;         /* of the original direction; else the destination */
    u128 first, n_addrs; /* n_addrs 0: all of them */
    uint32_t port_first, n_ports;
    uint16_t own_port; /* tried first, where no ports are asked for */
    bool keep_port;    /* no other is tried */
};

static void range_init(struct range *r, const struct ct_conn *c, const struct ct_request *req)
{
    const struct ct_tuple *t = &c->orig;
    const struct ipv6_addr *own = req->flags & CT_REQ_NAT_SRC ? &t->src : &t->dst;
    static const struct ipv6_addr zero;
    r->source = req->flags & CT_REQ_NAT_SRC;
    bool given = req->flags & (t->is_ipv6 ? CT_REQ_NAT_V6 : CT_REQ_NAT_V4) &&
                 memcmp(&req->nat_min, &zero, sizeof zero);
    r->first = addr_to_number(given ? &req->nat_min : own, t->is_ipv6);
    u128 last = given && memcmp(&req->nat_max, &zero, sizeof zero) ? addr_to_number(&req->nat_max, t->is_ipv6)
                                                                   : r->first;
    r->n_addrs = last >= r->first ? last - r->first + 1 : 1;
    r->own_port = CONST_BE16(r->source ? t->tp_src : t->tp_dst);
    r->keep_port = !has_ports(t);
    if (req->nat_port_min) {
        r->port_first = req->nat_port_min;
        r->n_ports =
            req->nat_port_max > req->nat_port_min ? (uint32_t)req->nat_port_max - req->nat_port_min + 1 : 1;
    } else if (r->source) {
        r->port_first = EPHEMERAL_MIN;
        r->n_ports = EPHEMERAL_MAX - EPHEMERAL_MIN + 1;
    } else {
        r->keep_port = true; /* another service would answer at another port */
        r->n_ports = 1;
    }
}

static void set_reply(struct ct_conn *c, const struct range *r, u128 addr, uint16_t port)
{
    ct_tuple_reverse(&c->orig, &c->reply);
    struct ipv6_addr a = addr_from_number(addr, c->orig.is_ipv6);
    if (r->source) {
        c->reply.dst = a;
        if (has_ports(&c->orig)) {
            c->reply.tp_dst = CONST_BE16(port);
        }
    } else {
        c->reply.src = a;
        if (has_ports(&c->orig)) {
            c->reply.tp_src = CONST_BE16(port);
        }
    }
}

/* With the reply tuple that is set. */
static int try_insert(struct ct_table *t, struct ct_conn *c, int64_t now_ms)
{
    int dir;
    struct ct_tuple plain;
    ct_tuple_reverse(&c->orig, &plain);
    if (ct_tuple_equal(&plain, &c->reply)) {
        /* Translated to itself. */
        uint8_t nat = c->nat;
        c->nat = 0;
        c->reply_hash = c->hash;
        int error = ct_table_insert(t, c, now_ms);
        c->nat = error ? nat : 0;
        return error;
    }
    c->reply_hash = ct_table_hash(t, &c->reply);
    if (ct_table_find(t, &c->reply, c->reply_hash, now_ms, &dir)) {
        return EADDRINUSE; /* seen without a lock */
    }
    return ct_table_insert(t, c, now_ms);
}

int ct_nat_insert(struct ct_table *t, struct ct_conn *c, const struct ct_request *req, int64_t now_ms)
{
    struct range r;
    range_init(&r, c, req);
    c->nat = r.source ? CT_NAT_SRC : CT_NAT_DST;
    uint64_t start = req->flags & CT_REQ_NAT_RANDOM ? random_u64() : c->hash * 0x9e3779b97f4a7c15ull;
    u128 n_addrs = r.n_addrs ? r.n_addrs : (u128)1 << 127;
    u128 addr_at = (u128)start % n_addrs;
    uint32_t port_at = r.n_ports ? (uint32_t)(start >> 32) % r.n_ports : 0;
    uint32_t tries = 0;
    int error = EADDRINUSE;
    for (u128 i = 0; i < n_addrs && tries < CT_NAT_MAX_TRIES; i++) {
        u128 addr = r.first + (addr_at + i) % n_addrs;
        if (!req->nat_port_min) { /* its own port, wherever that is free */
            set_reply(c, &r, addr, r.own_port);
            error = try_insert(t, c, now_ms);
            tries++;
            if (error != EADDRINUSE) {
                return error;
            }
        }
        if (r.keep_port && !(req->nat_port_min && has_ports(&c->orig))) {
            if (req->nat_port_min) { /* a protocol without ports */
                set_reply(c, &r, addr, 0);
                error = try_insert(t, c, now_ms);
                tries++;
                if (error != EADDRINUSE) {
                    return error;
                }
            }
            continue;
        }
        for (uint32_t p = 0; p < r.n_ports && tries < CT_NAT_MAX_TRIES; p++, tries++) {
            set_reply(c, &r, addr, (uint16_t)(r.port_first + (port_at + p) % r.n_ports));
            error = try_insert(t, c, now_ms);
            if (error != EADDRINUSE) {
                return error;
            }
        }
    }
    return error;
}

/* ------------------------------------------------------------------ rewriting */

/* What a sum grows by when N bytes (even) go from OLD to NEW. */
static uint32_t difference(const void *old, const void *new, uint32_t n)
{
    const uint8_t *o = (const uint8_t *)old, *w = (const uint8_t *)new;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i += 2) {
        sum += (uint64_t)(be16)~get_be16(o + i) + get_be16(w + i);
    }
    return csum_fold32(sum);
}

static void add_to_csum(be16 *csum, uint32_t diff)
{
    put_be16(csum, csum_finish((uint64_t)(be16)~get_be16(csum) + diff));
}

/* The checksum field of a layer-4 header of at least 8 bytes, LEN of which are here; NULL: there is none. */
static be16 *l4_csum(uint8_t proto, bool is_ipv6, uint8_t *l4, uint32_t len)
{
    switch (proto) {
    case IP_PROTO_TCP:
        return len >= 18 ? (be16 *)(void *)(l4 + 16) : NULL;
    case IP_PROTO_UDP:
        return get_be16(l4 + 6) ? (be16 *)(void *)(l4 + 6) : NULL; /* 0: not used */
    case IP_PROTO_UDPLITE:
        return (be16 *)(void *)(l4 + 6);
    case IP_PROTO_ICMPV6:
        return is_ipv6 ? (be16 *)(void *)(l4 + 2) : NULL;
    default:
        return NULL; /* ICMP's does not cover the addresses, SCTP's is no sum */
    }
}

/* One IP packet, outer or inside of an ICMP error. */
struct ip_packet {
    uint8_t *l3, *l4;
    uint32_t l4_len; /* at least 8 */
    uint8_t proto;
    bool is_ipv6;
    bool partial; /* its checksum field holds the pseudo header's sum */
};

static void set_addr(const struct ip_packet *ip, bool source, const struct ipv6_addr *to)
{
    uint32_t n = ip->is_ipv6 ? 16 : 4;
    uint8_t *at = ip->l3 +
                  (ip->is_ipv6 ? offsetof(struct ipv6_header, src) : offsetof(struct ipv4_header, src)) +
                  (source ? 0 : n);
    uint32_t diff = difference(at, to, n);
    be16 *csum = ip->l4_len >= 8 ? l4_csum(ip->proto, ip->is_ipv6, ip->l4, ip->l4_len) : NULL;
    if (csum && ip->partial) {
        /* not complemented */
        put_be16(csum, (be16)~csum_finish((uint64_t)get_be16(csum) + diff));
    } else if (csum) {
        add_to_csum(csum, diff);
        if (ip->proto == IP_PROTO_UDP && !get_be16(csum)) {
            put_be16(csum, 0xffff);
        }
    }
    if (!ip->is_ipv6) {
        struct ipv4_header *h = (struct ipv4_header *)(void *)ip->l3;
        be16 header = h->csum;
        add_to_csum(&header, diff);
        h->csum = header;
    }
    memcpy(at, to, n);
}

static void set_port(const struct ip_packet *ip, bool source, be16 to)
{
    uint8_t *at = ip->l4 + (source ? 0 : 2);
    be16 *csum = l4_csum(ip->proto, ip->is_ipv6, ip->l4, ip->l4_len);
    if (csum && !ip->partial) {
        add_to_csum(csum, difference(at, &to, 2));
        if (ip->proto == IP_PROTO_UDP && !get_be16(csum)) {
            put_be16(csum, 0xffff);
        }
    }
    put_be16(at, to);
}

/* From tuple IS to tuple BE. */
static void rewrite(const struct ip_packet *ip, const struct ct_tuple *is, const struct ct_tuple *be)
{
    if (memcmp(&is->src, &be->src, sizeof is->src)) {
        set_addr(ip, true, &be->src);
    }
    if (memcmp(&is->dst, &be->dst, sizeof is->dst)) {
        set_addr(ip, false, &be->dst);
    }
    if (has_ports(is) && ip->l4_len >= 8) {
        if (is->tp_src != be->tp_src) {
            set_port(ip, true, be->tp_src);
        }
        if (is->tp_dst != be->tp_dst) {
            set_port(ip, false, be->tp_dst);
        }
    }
}

static void recompute_sctp(struct packet *p, uint8_t *l4, uint32_t len)
{
    if (p->csum != PACKET_CSUM_PARTIAL && len >= SCTP_HEADER_LEN) {
        put_be32(l4 + 8, 0);
        put_be32(l4 + 8, crc32c(l4, len));
    }
}

/* The ICMP message's own checksum, over what was rewritten inside of it. */
static void recompute_icmp(const struct ip_packet *ip)
{
    put_be16(ip->l4 + 2, 0);
    uint32_t sum = 0;
    if (ip->is_ipv6) {
        const struct ipv6_header *h = (const struct ipv6_header *)(const void *)ip->l3;
        sum = csum_pseudo_ipv6(&h->src, &h->dst, IP_PROTO_ICMPV6, ip->l4_len);
    }
    put_be16(ip->l4 + 2, csum_finish(csum_bytes(sum, ip->l4, ip->l4_len)));
}

void ct_nat_translate(struct packet *p, const struct ct_packet *pk, const struct ct_conn *c, int dir)
{
    /* A packet of a direction becomes what answers the other direction's tuple. */
    const struct ct_tuple *is = dir ? &c->reply : &c->orig;
    struct ct_tuple be;
    ct_tuple_reverse(dir ? &c->orig : &c->reply, &be);
    struct ip_packet ip = {
        .l3 = p->data + p->l3_ofs,
        .l4 = pk->l4,
        .l4_len = pk->l4_len,
        .is_ipv6 = c->orig.is_ipv6,
        .partial = p->csum == PACKET_CSUM_PARTIAL,
    };
    if (pk->kind == CT_KIND_PLAIN) {
        ip.proto = c->orig.proto;
        rewrite(&ip, is, &be);
        if (c->orig.proto == IP_PROTO_SCTP) {
            recompute_sctp(p, ip.l4, ip.l4_len);
        }
        return;
    }
    /* What is inside went the other way. */
    struct ct_tuple inner_is, inner_be;
    ct_tuple_reverse(is, &inner_is);
    ct_tuple_reverse(&be, &inner_be);
    struct ip_packet inner = {
        .l3 = pk->inner_l3,
        .l4 = pk->inner_l4,
        .l4_len = pk->inner_l4_len,
        .proto = c->orig.proto,
        .is_ipv6 = c->orig.is_ipv6,
    };
    rewrite(&inner, &inner_is, &inner_be);
    ip.proto = ip.is_ipv6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP;
    if (memcmp(&is->src, &be.src, sizeof is->src)) {
        set_addr(&ip, true, &be.src);
    }
    if (memcmp(&is->dst, &be.dst, sizeof is->dst)) {
        set_addr(&ip, false, &be.dst);
    }
    recompute_icmp(&ip);
    p->csum = PACKET_CSUM_GOOD;
}
