/* SPDX-License-Identifier: Apache-2.0 */
/* Segments are checked by a naive receiver that knows nothing of gso.c: it parses each packet from the front,
 * by the lengths that the headers say, checks every checksum, and puts the payload together again. */
#include "packet/gso.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "packet/csum.h"
#include "wire/csum.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tunnel.h"

enum outer {
    OUTER_NONE,
    OUTER_VXLAN,
    OUTER_GENEVE,
    OUTER_GENEVE_PORT, /* on a port of its own */
    OUTER_GRE,
    OUTER_IPIP,
    N_OUTER
};

struct shape {
    enum outer outer;
    bool outer_v6, v6, vlan, outer_csum, udp, ext;
    uint32_t payload;
    uint16_t mss;
};

struct builder {
    uint8_t *p;
    uint32_t len;
};

static void put(struct builder *b, const void *data, uint32_t n)
{
    memcpy(b->p + b->len, data, n);
    b->len += n;
}
static void put16(struct builder *b, unsigned v)
{
    be16 w = CONST_BE16(v);
    put(b, &w, 2);
}
static void put32(struct builder *b, uint32_t v)
{
    be32 w = CONST_BE32(v);
    put(b, &w, 4);
}

static void put_ethernet(struct builder *b, bool vlan, unsigned type)
{
    put(b, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
    if (vlan) {
        put16(b, ETH_TYPE_VLAN);
        put16(b, 5);
    }
    put16(b, type);
}

/* Lengths are 0, as nobody may trust them. */
static void put_ip(struct builder *b, bool v6, bool ext, uint8_t proto)
{
    if (v6) {
        put32(b, 0x60000000);
        put16(b, 0);
        put(b, (uint8_t[]){ext ? IP_PROTO_DSTOPTS : proto, 64}, 2);
        put(b, "\xfc\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xfc\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 32);
        if (ext) {
            put(b, (uint8_t[]){proto, 0, 1, 4, 0, 0, 0, 0}, 8);
        }
    } else {
        put(b, (uint8_t[]){ext ? 0x46 : 0x45, 0, 0, 0}, 4);
        put16(b, 0xfffe); /* id: will wrap */
        put16(b, 0x4000);
        put(b, (uint8_t[]){64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}, 12);
        if (ext) {
            put(b, "\x94\4\0\0", 4);
        }
    }
}

#define SEQ 0xfffff000u

static struct packet *build(struct packet_pool *pool, const struct shape *s)
{
    uint8_t *buf = xzalloc(70000);
    struct builder b = {buf, 0};
    unsigned inner_type = s->v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4;
    put_ethernet(&b, s->vlan,
                 s->outer && s->outer_v6 ? ETH_TYPE_IPV6
                 : s->outer              ? ETH_TYPE_IPV4
                                         : inner_type);
    if (s->outer == OUTER_GRE) {
        put_ip(&b, s->outer_v6, false, IP_PROTO_GRE);
        put16(&b, GRE_F_KEY | (s->outer_csum ? GRE_F_CSUM : 0));
        put16(&b, ETH_TYPE_TEB);
        put(&b, "\0\0\0\0", s->outer_csum ? 4 : 0);
        put32(&b, 77);
        put_ethernet(&b, false, inner_type);
    } else if (s->outer == OUTER_IPIP) {
        put_ip(&b, s->outer_v6, false, s->v6 ? IP_PROTO_IPV6 : IP_PROTO_IPIP);
    } else if (s->outer) {
        put_ip(&b, s->outer_v6, s->ext, IP_PROTO_UDP);
        put16(&b, 5555);
        put16(&b, s->outer == OUTER_VXLAN ? 8472 : s->outer == OUTER_GENEVE ? GENEVE_PORT : 7777);
        put16(&b, 0);
        put16(&b, s->outer_csum ? 0x1234 : 0);
        if (s->outer == OUTER_VXLAN) {
            put32(&b, VXLAN_F_VNI);
        } else {
            put16(&b, 0x0200);
            put16(&b, ETH_TYPE_TEB);
        }
        put32(&b, 99 << 8);
        put(&b, "\1\2\3\1abcd", s->outer == OUTER_VXLAN ? 0 : 8);
        put_ethernet(&b, s->vlan, inner_type);
    }
    put_ip(&b, s->v6, s->ext, s->udp ? IP_PROTO_UDP : IP_PROTO_TCP);
    uint32_t l4 = b.len;
    put16(&b, 1000);
    put16(&b, 80);
    if (s->udp) {
        put16(&b, 0);
        put16(&b, 0xbeef);
    } else {
        put32(&b, SEQ);
        put32(&b, 1);
        put16(&b, 0x8000 | TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR);
        put16(&b, 500);
        put16(&b, 0xbeef); /* a partial checksum: overwritten */
        put16(&b, 0);
        put(&b, "\1\1\10\12abcdefgh", 12);
    }
    uint32_t header = b.len;
    for (uint32_t i = 0; i < s->payload; i++) {
        buf[b.len++] = (uint8_t)(i * 31 + (i >> 8));
    }
    struct packet *p = packet_from_bytes(pool, buf, b.len);
    free(buf);
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = (uint16_t)l4;
    p->csum_offset = s->udp ? 6 : 16;
    p->gso_type = s->udp ? PACKET_GSO_UDP_L4 : s->v6 ? PACKET_GSO_TCPV6 : PACKET_GSO_TCPV4;
    p->gso_size = s->mss;
    p->gso_hdr_len = (uint16_t)(header + 3); /* a lie */
    p->mark = 4711;
    return p;
}

/* The receiver. */
struct receiver {
    uint32_t n, total; /* segments, payload bytes */
    uint32_t n_segments;
};

static uint16_t u16(const uint8_t *p)
{
    return CONST_BE16(get_be16(p));
}

/* An IP header at P with N bytes behind it in all; returns the payload, its length, protocol and pseudo sum.
 */
static const uint8_t *receive_ip(const uint8_t *p, uint32_t *n, uint8_t *proto, uint32_t *pseudo,
                                 uint32_t index)
{
    if (p[0] >> 4 == 4) {
        uint32_t ihl = (p[0] & 15) * 4u;
        assert_int_equal(u16(p + 2), *n);
        assert_int_equal(u16(p + 4), (uint16_t)(0xfffe + index));
        assert_int_equal(csum_of(p, ihl), 0);
        *proto = p[9];
        *n -= ihl;
        *pseudo = csum_pseudo_ipv4(get_be32(p + 12), get_be32(p + 16), *proto, *n);
        return p + ihl;
    }
    assert_int_equal(p[0] >> 4, 6);
    assert_int_equal(u16(p + 4), *n - 40);
    const uint8_t *next = p + 40;
    *proto = p[6];
    *n -= 40;
    if (*proto == IP_PROTO_DSTOPTS) {
        *proto = next[0];
        next += 8;
        *n -= 8;
    }
    *pseudo = csum_pseudo_ipv6(p + 8, p + 24, *proto, *n);
    return next;
}

static const uint8_t *receive_ethernet(const uint8_t *p, uint32_t *n)
{
    uint32_t header = u16(p + 12) == ETH_TYPE_VLAN ? 18 : 14;
    *n -= header;
    return p + header;
}

static void receive(struct receiver *r, const struct shape *s, const struct packet *segment, uint32_t index)
{
    uint32_t n = segment->len, pseudo;
    uint8_t proto;
    const uint8_t *p = receive_ethernet(segment->data, &n);
    p = receive_ip(p, &n, &proto, &pseudo, index);
    if (s->outer == OUTER_GRE) {
        if (s->outer_csum) {
            assert_int_equal(csum_of(p, n), 0);
        }
        p += 8 + (s->outer_csum ? 4 : 0);
        n -= 8 + (s->outer_csum ? 4 : 0);
        p = receive_ethernet(p, &n);
    } else if (s->outer && s->outer != OUTER_IPIP) {
        assert_int_equal(u16(p + 4), n);
        if (s->outer_csum) {
            assert_int_not_equal(u16(p + 6), 0);
            assert_int_equal(csum_finish(csum_continue(pseudo, p, n)), 0);
        } else {
            assert_int_equal(u16(p + 6), 0);
        }
        uint32_t header = 16 + (s->outer == OUTER_VXLAN ? 0 : 8);
        p += header;
        n -= header;
        p = receive_ethernet(p, &n);
    }
    if (s->outer) {
        p = receive_ip(p, &n, &proto, &pseudo, index);
    }
    uint32_t header = s->udp ? 8 : (p[12] >> 4) * 4u;
    assert_int_equal(proto, s->udp ? IP_PROTO_UDP : IP_PROTO_TCP);
    assert_int_equal(csum_finish(csum_continue(pseudo, p, n)), 0);
    uint32_t payload = n - header;
    bool last = r->total + payload == s->payload;
    assert_true(last || payload == s->mss);
    assert_true(payload <= s->mss);
    if (s->udp) {
        assert_int_equal(u16(p + 4), n);
    } else {
        uint16_t flags = u16(p + 12) & 0xfff;
        assert_int_equal(CONST_BE32(get_be32(p + 4)), SEQ + r->total);
        assert_int_equal(flags, TCP_ACK | (index ? 0 : TCP_CWR) | (last ? TCP_PSH | TCP_FIN : 0));
    }
    for (uint32_t i = 0; i < payload; i++, r->total++) {
        assert_int_equal(p[header + i], (uint8_t)(r->total * 31 + (r->total >> 8)));
    }
}

static void run(struct packet_pool *pool, const struct shape *s, bool leave_partial)
{
    struct packet *p = build(pool, s);
    struct packet *copy = packet_clone(pool, p);
    struct gso g;
    struct packet_batch batch;
    struct receiver r = {0};
    assert_int_equal(gso_begin(&g, p, pool, leave_partial), DROP_NONE);
    assert_int_equal(gso_is_tunneled(p), s->outer != OUTER_NONE);
    batch_init(&batch);
    for (uint32_t index = 0; gso_next(&g, &batch);) {
        struct packet *segment;
        BATCH_FOR_EACH (segment, &batch) {
            assert_int_equal(segment->gso_type, PACKET_GSO_NONE);
            assert_int_equal(segment->mark, 4711);
            assert_int_equal(segment->csum == PACKET_CSUM_PARTIAL,
                             leave_partial && (!s->outer_csum || !s->outer || s->outer == OUTER_IPIP));
            assert_int_equal(packet_csum_resolve(segment), DROP_NONE);
            receive(&r, s, segment, index++);
        }
        batch_free(&batch);
    }
    assert_int_equal(g.error, DROP_NONE);
    assert_int_equal(r.total, s->payload);
    assert_int_equal(copy->len, p->len);
    assert_memory_equal(copy->data, p->data, p->len);
    packet_free(p);
    packet_free(copy);
}

static void test_segments(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    static const struct {
        uint32_t payload;
        uint16_t mss;
    } sizes[] = {{64000, 1400}, {2800, 1400}, {2801, 1400}, {1399, 1400}, {1, 1400}, {999, 8}};
    for (enum outer outer = 0; outer < N_OUTER; outer++) {
        for (unsigned bits = 0; bits < 64; bits++) {
            for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                struct shape s = {outer,     bits & 1,  bits & 2,         bits & 4,    bits & 8,
                                  bits & 16, bits & 32, sizes[i].payload, sizes[i].mss};
                if (s.udp && s.payload / s.mss >= GSO_MAX_UDP) {
                    continue;
                }
                run(pool, &s, i & 1);
            }
        }
    }
    assert_int_equal(packet_pool_in_use(pool), 0);
    packet_pool_destroy(pool);
}

/* UFO: the fragments put together are the datagram, with a right checksum. */
static void test_fragments(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    for (unsigned bits = 0; bits < 8; bits++) {
        struct shape s = {
            .v6 = bits & 1, .vlan = bits & 2, .ext = bits & 4, .udp = true, .payload = 20001, .mss = 1477};
        struct packet *p = build(pool, &s);
        uint8_t *l4 = p->data + p->csum_start;
        uint32_t len = p->len - p->csum_start;
        put_be16(l4 + 4, CONST_BE16(len));
        uint8_t *whole = xzalloc(len);
        p->gso_type = PACKET_GSO_UDP;
        struct gso g;
        struct packet_batch batch;
        uint32_t n = 0, id = 0, pseudo = 0, got = 0;
        assert_int_equal(gso_begin(&g, p, pool, true), DROP_NONE);
        batch_init(&batch);
        while (gso_next(&g, &batch)) {
            struct packet *f;
            BATCH_FOR_EACH (f, &batch) {
                uint32_t left = f->len, ofs, more, this_id;
                const uint8_t *ip = receive_ethernet(f->data, &left), *data;
                assert_int_equal(f->csum, PACKET_CSUM_GOOD);
                if (s.v6) {
                    const uint8_t *frag = ip + 40 + (s.ext ? 8 : 0);
                    assert_int_equal(u16(ip + 4), left - 40);
                    assert_int_equal(s.ext ? ip[40] : ip[6], IP_PROTO_FRAGMENT);
                    assert_int_equal(frag[0], IP_PROTO_UDP);
                    ofs = u16(frag + 2) & 0xfff8;
                    more = u16(frag + 2) & 1;
                    this_id = get_be32(frag + 4);
                    data = frag + 8;
                    pseudo = csum_pseudo_ipv6(ip + 8, ip + 24, IP_PROTO_UDP, len);
                } else {
                    assert_int_equal(u16(ip + 2), left);
                    assert_int_equal(csum_of(ip, (ip[0] & 15) * 4u), 0);
                    ofs = (u16(ip + 6) & 0x1fff) * 8u;
                    more = u16(ip + 6) & 0x2000;
                    this_id = get_be16(ip + 4);
                    data = ip + (ip[0] & 15) * 4;
                    pseudo = csum_pseudo_ipv4(get_be32(ip + 12), get_be32(ip + 16), IP_PROTO_UDP, len);
                }
                assert_true(!n++ || this_id == id);
                id = this_id;
                uint32_t size = f->len - (uint32_t)(data - f->data);
                assert_true(size <= s.mss && ofs + size <= len);
                assert_int_equal(!more, ofs + size == len);
                memcpy(whole + ofs, data, size);
                got += size;
            }
            batch_free(&batch);
        }
        assert_int_equal(got, len);
        assert_int_equal(csum_finish(csum_bytes(pseudo, whole, len)), 0);
        memcpy(whole + 6, l4 + 6, 2);
        assert_memory_equal(whole, l4, len);
        free(whole);
        packet_free(p);
    }
    packet_pool_destroy(pool);
}

/* Whatever the metadata and however short the packet: segments or a refusal, and nothing read outside. */
static uint32_t drain(struct packet_pool *pool, struct packet *p)
{
    struct gso g;
    struct packet_batch batch;
    uint32_t n = 0;
    gso_is_tunneled(p);
    enum drop_reason why = gso_begin(&g, p, pool, false);
    assert_true(why == DROP_NONE || why == DROP_GSO);
    batch_init(&batch);
    while (!why && gso_next(&g, &batch)) {
        n += batch.n;
        batch_free(&batch);
    }
    return n;
}

static void test_hostile(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct shape s = {OUTER_GENEVE, false, true, true, true, false, true, 500, 100};
    struct packet *p = build(pool, &s);
    for (uint32_t len = 0; len < p->len; len++) {
        struct packet *cut = packet_from_bytes(pool, p->data, len);
        packet_copy_metadata(cut, p);
        for (int type = 0; type < 8; type++) {
            cut->gso_type = (uint8_t)type;
            drain(pool, cut);
        }
        packet_free(cut);
    }
    for (unsigned start = 0; start < 70000; start += start < 400 ? 1 : 997) {
        p->csum_start = (uint16_t)start;
        drain(pool, p);
    }
    unsigned seed = 7;
    struct packet *good = build(pool, &s);
    for (int i = 0; i < 20000; i++) {
        struct packet *bad = packet_clone(pool, good);
        for (int k = 0; k < 3; k++) {
            bad->data[(unsigned)rand_r(&seed) % 180] = (uint8_t)rand_r(&seed);
        }
        bad->gso_size = (uint16_t)((unsigned)rand_r(&seed) % 600);
        bad->gso_type = (uint8_t)(rand_r(&seed) % 6);
        drain(pool, bad);
        packet_free(bad);
    }
    good->gso_size = 0;
    assert_int_equal(drain(pool, good), 0);
    good->gso_size = 1;
    assert_int_equal(drain(pool, good), 0);
    packet_free(good);
    packet_free(p);
    assert_int_equal(packet_pool_in_use(pool), 0);
    packet_pool_destroy(pool);
}

static void test_no_memory(void **state)
{
    struct packet_pool *heap = packet_pool_create_heap(), *pool = packet_pool_create(10, 0);
    struct shape s = {.payload = 64000, .mss = 1400};
    struct packet *p = build(heap, &s);
    struct gso g;
    struct packet_batch batch;
    batch_init(&batch);
    assert_int_equal(gso_begin(&g, p, pool, false), DROP_NONE);
    assert_true(gso_next(&g, &batch));
    assert_int_equal(batch.n, 10);
    assert_int_equal(g.error, DROP_NO_MEMORY);
    batch_free(&batch);
    assert_false(gso_next(&g, &batch));
    packet_free(p);
    packet_pool_destroy(pool);
    packet_pool_destroy(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests_name("packet gso", tests, NULL, NULL);
}
