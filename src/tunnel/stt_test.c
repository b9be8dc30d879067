/* SPDX-License-Identifier: Apache-2.0 */
/* STT: frames of every length out and in again, whole, cut by packet/gso.h, in any order, with pieces missing
 * or lying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "flow/extract.h"
#include "packet/csum.h"
#include "packet/gso.h"
#include "tunnel/header.h"
#include "tunnel/pop.h"
#include "tunnel/push.h"
#include "tunnel/stt.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"

#define IN_PORT 9
static const struct tunnel_vport vport = {.kind = TUNNEL_STT, .dst_port = STT_PORT};

enum {
    PLAIN,
    PARTIAL,
    SEGMENTS,
    N_STATES
};

/* A TCP packet of N bytes of payload, with a VLAN tag or without, as a host with or without offloads gives
 * it. */
static struct packet *frame(struct packet_pool *pool, uint32_t n, bool tagged, int state)
{
    uint32_t l3 = ETH_HEADER_LEN + (tagged ? VLAN_HEADER_LEN : 0), l4 = l3 + IPV4_HEADER_LEN;
    struct packet *p = packet_alloc(pool, l4 + TCP_HEADER_LEN + n);
    memset(p->data, 0, l4 + TCP_HEADER_LEN);
    random_bytes(p->data + l4 + TCP_HEADER_LEN, n);
    p->data[5] = 2;
    p->data[11] = 1;
    put_be16(p->data + 12, tagged ? CONST_BE16(ETH_TYPE_VLAN) : CONST_BE16(ETH_TYPE_IPV4));
    if (tagged) {
        put_be16(p->data + 14, CONST_BE16(0x600a));
        put_be16(p->data + 16, CONST_BE16(ETH_TYPE_IPV4));
    }
    struct ipv4_header *ip = (struct ipv4_header *)(void *)(p->data + l3);
    ip->ver_ihl = IPV4_VER_IHL_PLAIN;
    ip->total_len = CONST_BE16((uint16_t)(p->len - l3));
    ip->ttl = 64;
    ip->proto = IP_PROTO_TCP;
    ip->src = CONST_BE32(0x0a000001);
    ip->dst = CONST_BE32(0x0a000002);
    ip->csum = csum_of(ip, IPV4_HEADER_LEN);
    struct tcp_header *tcp = (struct tcp_header *)(void *)(p->data + l4);
    tcp->ctl = TCP_CTL(TCP_ACK, 5);
    tcp->csum = (be16)~csum_finish(csum_pseudo_ipv4(ip->src, ip->dst, IP_PROTO_TCP, p->len - l4));
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = (uint16_t)l4;
    p->csum_offset = offsetof(struct tcp_header, csum);
    if (state == PLAIN) {
        assert_int_equal(packet_csum_resolve(p), DROP_NONE);
        p->csum = PACKET_CSUM_UNKNOWN;
    } else if (state == SEGMENTS) {
        p->gso_type = PACKET_GSO_TCPV4;
        p->gso_size = 1400;
        p->gso_hdr_len = (uint16_t)(l4 + TCP_HEADER_LEN);
    }
    struct flow_key key;
    flow_key_extract_complete(p, &key); /* offsets */
    return p;
}

/* PACKET goes into a tunnel whose way out has MTU. */
static enum drop_reason push(struct packet *p, bool six, uint32_t mtu)
{
    static _Atomic uint32_t seq;
    struct tunnel_config c = {.kind = TUNNEL_STT, .dst_port = STT_PORT};
    struct tunnel_path path = {.src = {.u8 = {0xfd, 1}}, .dst = {.u8 = {0xfd, 2}}};
    struct tunnel_header h;
    struct flow_key key;
    if (!six) {
        path.src = tunnel_address_v4(CONST_BE32(0x01010101));
        path.dst = tunnel_address_v4(CONST_BE32(0x01010102));
    }
    memset(&key, 0, sizeof key);
    key.tun_id = CONST_BE64(0x123456789abcull);
    key.tun_ttl = 64;
    key.tun_flags = FLOW_TUN_KEY;
    assert_int_equal(tunnel_header_build(&c, &key, &path, &h), 0);
    p->in_port = IN_PORT;
    return tunnel_push(p, h.bytes, h.len, h.type, 0x80000000, &seq, mtu);
}

/* As it is on the wire: cut, with all checksums. The batches have room. */
static uint32_t send(struct packet *p, struct packet_pool *pool, struct packet **out)
{
    uint32_t n = 0;
    if (!p->gso_type) {
        assert_int_equal(packet_csum_resolve(p), DROP_NONE);
        out[n++] = p;
    } else {
        struct gso g;
        struct packet_batch batch;
        assert_int_equal(gso_begin(&g, p, pool, false), DROP_NONE);
        for (batch_init(&batch); gso_next(&g, &batch); batch_init(&batch)) {
            memcpy(out + n, batch.packets, batch.n * sizeof *out);
            n += batch.n;
        }
        assert_int_equal(g.error, DROP_NONE);
        packet_free(p);
    }
    for (uint32_t i = 0; i < n; i++) {
        struct flow_key key;
        out[i]->csum = PACKET_CSUM_UNKNOWN;
        flow_key_extract_complete(out[i], &key);
        assert_true(packet_csum_verify(out[i]));
        assert_int_equal(key.tp_dst, CONST_BE16(STT_PORT));
        out[i]->csum = PACKET_CSUM_UNKNOWN;
    }
    return n;
}

static void shuffle(struct packet **p, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = random_below(i);
        struct packet *t = p[i - 1];
        p[i - 1] = p[j];
        p[j] = t;
    }
}

/* P came out of the tunnel; BEFORE went in. */
static void check_same(struct packet *p, struct packet *before, int state)
{
    struct flow_key key;
    flow_key_extract_complete(p, &key);
    assert_int_equal(p->len, before->len);
    assert_memory_equal(p->data, before->data, p->len);
    assert_int_equal(key.tun_id, CONST_BE64(0x123456789abcull));
    assert_int_equal(p->csum, before->csum);
    assert_int_equal(p->gso_type, before->gso_type);
    if (p->csum == PACKET_CSUM_PARTIAL) {
        assert_int_equal(p->csum_start, before->csum_start);
        assert_int_equal(p->csum_offset, before->csum_offset);
    }
    if (p->gso_type) {
        assert_int_equal(p->gso_size, before->gso_size);
        assert_int_equal(p->gso_hdr_len, before->gso_hdr_len);
    }
    assert_int_equal(state == SEGMENTS && before->len > 1500, p->gso_type != PACKET_GSO_NONE);
}

static void test_round_trips(void **state_)
{
    static const uint32_t lengths[] = {0, 1, 1360, 1374, 1375, 1500, 3000, 9000, 60000, 65400 - 54};
    struct packet_pool *pool = packet_pool_create_heap();
    struct stt_frames *frames = stt_frames_create();
    struct packet *wire[64], *whole;
    uint32_t lost;
    for (int variant = 0; variant < N_STATES * 4; variant++) {
        int state = variant % N_STATES;
        bool tagged = variant / N_STATES & 1, six = variant / N_STATES & 2;
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
            struct packet *p = frame(pool, lengths[i], tagged, state);
            if (p->len <= 1500) {
                p->gso_type = PACKET_GSO_NONE;
            }
            struct packet *before = packet_clone(pool, p), *got = NULL;
            assert_false(p->gso_type && stt_wants_segments(p));
            assert_int_equal(push(p, six, 1500), DROP_NONE);
            uint32_t n = send(p, pool, wire);
            assert_true(n >= before->len / 1460);
            shuffle(wire, n);
            for (uint32_t j = 0; j < n; j++) {
                assert_true(wire[j]->len <= 1514);
                assert_null(got);
                assert_int_equal(stt_gather(frames, wire[j], pool, 0, &got, &lost), DROP_NONE);
                assert_int_equal(lost, PACKET_NO_PORT);
            }
            assert_non_null(got);
            assert_int_equal(got->in_port, IN_PORT);
            assert_int_equal(tunnel_pop(got, &vport), DROP_NONE);
            check_same(got, before, state);
            packet_free(got);

            /* As one packet, as from a network card that joins segments, or from memory. */
            p = packet_clone(pool, before);
            assert_int_equal(push(p, six, 1500), DROP_NONE);
            assert_int_equal(stt_gather(frames, p, pool, 0, &whole, &lost), DROP_NONE);
            assert_ptr_equal(whole, p);
            assert_int_equal(tunnel_pop(p, &vport), DROP_NONE);
            check_same(p, before, state);
            packet_free(p);
            packet_free(before);
        }
    }
    stt_frames_destroy(frames);
    assert_int_equal(packet_pool_in_use(pool), 0);
    packet_pool_destroy(pool);
}

static void count_drop(uint32_t port, void *n)
{
    assert_int_equal(port, IN_PORT);
    ++*(int *)n;
}

/* What never becomes whole is counted once, and makes room. */
static void test_incomplete(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct stt_frames *frames = stt_frames_create();
    struct packet *wire[64], *whole;
    int dropped = 0, made_room = 0;
    uint32_t lost;
    for (int i = 0; i < 3 * STT_MAX_FRAMES; i++) {
        struct packet *p = frame(pool, 4000, false, PARTIAL);
        assert_int_equal(push(p, false, 1500), DROP_NONE);
        uint32_t n = send(p, pool, wire), skipped = random_below(n);
        for (uint32_t j = 0; j < n; j++) {
            if (j == skipped) {
                packet_free(wire[j]);
                continue;
            }
            assert_int_equal(stt_gather(frames, wire[j], pool, i, &whole, &lost), DROP_NONE);
            assert_null(whole);
            made_room += lost != PACKET_NO_PORT;
        }
    }
    assert_in_range(made_room, 2 * STT_MAX_FRAMES, 3 * STT_MAX_FRAMES);
    stt_frames_sweep(frames, STT_TIMEOUT_MS - 1, count_drop, &dropped);
    assert_int_equal(dropped, 0);
    stt_frames_sweep(frames, 3 * STT_MAX_FRAMES + STT_TIMEOUT_MS, count_drop, &dropped);
    assert_int_equal(dropped, 3 * STT_MAX_FRAMES - made_room);
    stt_frames_destroy(frames);
    assert_int_equal(packet_pool_in_use(pool), 0);
    packet_pool_destroy(pool);
}

/* A segment that says two things of the same byte is refused, and the frame is made of the first. */
static void test_overlap(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct stt_frames *frames = stt_frames_create();
    struct packet *wire[64], *whole;
    uint32_t lost;
    struct packet *p = frame(pool, 4000, false, PARTIAL), *before = packet_clone(pool, p);
    assert_int_equal(push(p, false, 1500), DROP_NONE);
    assert_int_equal(send(p, pool, wire), 3);
    struct packet *again = packet_clone(pool, wire[1]);
    assert_int_equal(stt_gather(frames, wire[1], pool, 0, &whole, &lost), DROP_NONE);
    assert_int_equal(stt_gather(frames, again, pool, 0, &whole, &lost), DROP_FRAGMENT);
    packet_free(again);
    assert_int_equal(stt_gather(frames, wire[2], pool, 0, &whole, &lost), DROP_NONE);
    assert_int_equal(stt_gather(frames, wire[0], pool, 0, &whole, &lost), DROP_NONE);
    assert_non_null(whole);
    assert_int_equal(tunnel_pop(whole, &vport), DROP_NONE);
    check_same(whole, before, PARTIAL);
    packet_free(whole);
    packet_free(before);
    stt_frames_destroy(frames);
    packet_pool_destroy(pool);
}

/* Cut anywhere, or with a byte changed: nothing is read that is not there, and a wrong checksum is seen. */
static void test_damaged(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct stt_frames *frames = stt_frames_create();
    struct packet *p = frame(pool, 100, true, PARTIAL), *whole;
    uint32_t lost;
    assert_int_equal(push(p, false, 1500), DROP_NONE);
    packet_csum_resolve(p);
    for (uint32_t i = 0; i < p->len; i++) {
        struct packet *damaged = packet_clone(pool, p);
        damaged->csum = PACKET_CSUM_UNKNOWN;
        damaged->len = i;
        assert_int_not_equal(stt_gather(frames, damaged, pool, 0, &whole, &lost), DROP_NONE);
        packet_free(damaged);
        damaged = packet_clone(pool, p);
        damaged->csum = PACKET_CSUM_UNKNOWN;
        damaged->data[i] ^= 0x11;
        if (i >= ETH_HEADER_LEN) {
            assert_int_not_equal(stt_gather(frames, damaged, pool, 0, &whole, &lost), DROP_NONE);
        }
        packet_free(damaged);
    }
    /* Whoever can make right checksums can still lie about what is inside. */
    for (int i = 0; i < 20000; i++) {
        struct packet *liar = packet_clone(pool, p);
        uint32_t stt = ETH_HEADER_LEN + IPV4_HEADER_LEN + TCP_HEADER_LEN;
        liar->csum = PACKET_CSUM_GOOD;
        for (int j = 0; j < 3; j++) {
            liar->data[stt + random_below(8)] = (uint8_t)random_u32();
        }
        if (!tunnel_pop(liar, &vport)) {
            assert_int_equal(liar->len, 14 + 4 + 20 + 20 + 100 - (liar->data[12] == 0x81 ? 0 : 4));
            assert_true(liar->csum != PACKET_CSUM_PARTIAL ||
                        (uint32_t)liar->csum_start + liar->csum_offset + 2 <= liar->len);
            packet_csum_resolve(liar);
        }
        packet_free(liar);
    }
    packet_free(p);
    stt_frames_destroy(frames);
    assert_int_equal(packet_pool_in_use(pool), 0);
    packet_pool_destroy(pool);
}

/* What the header cannot say is done before: a checksum deep inside, more than 64 KiB. */
static void test_wants_segments(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = frame(pool, 20000, false, SEGMENTS);
    assert_false(stt_wants_segments(p));
    p->csum_start++;
    assert_true(stt_wants_segments(p));
    p->csum_start--;
    p->gso_type = PACKET_GSO_UDP_L4;
    assert_true(stt_wants_segments(p));
    packet_free(p);
    p = frame(pool, 65535 - 40, false, SEGMENTS);
    assert_true(stt_wants_segments(p));
    packet_free(p);
    p = frame(pool, 100, false, PARTIAL);
    assert_int_equal(push(p, false, 47), DROP_MTU);
    packet_free(p);
    packet_pool_destroy(pool);
}

int main(void)
{
    random_set_seed(7);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),    cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_overlap),        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_wants_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
