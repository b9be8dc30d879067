/* SPDX-License-Identifier: Apache-2.0 */
#include "port/vnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Ethernet, IPv4 or IPv6, TCP with a header of 32 bytes. */
static struct packet *tcp_packet(struct packet_pool *pool, bool v6, uint32_t payload)
{
    uint32_t l4 = v6 ? 54 : 34;
    struct packet *p = packet_alloc(pool, l4 + 32 + payload);
    memset(p->data, 0, p->len);
    p->data[12] = v6 ? 0x86 : 0x08;
    p->data[13] = v6 ? 0xdd : 0x00;
    p->data[14] = v6 ? 0x60 : 0x45;
    p->data[v6 ? 20 : 23] = 6;
    p->data[v6 ? 53 : 33] = 7; /* last byte of the destination */
    p->data[l4 + 12] = 8 << 4;
    return p;
}

static void test_nothing_said(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = tcp_packet(pool, false, 10);
    const struct virtio_net_hdr none = {0}, valid = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};
    assert_int_equal(vnet_apply(&none, p), DROP_NONE);
    assert_int_equal(p->csum, PACKET_CSUM_UNKNOWN);
    assert_int_equal(vnet_apply(&valid, p), DROP_NONE);
    assert_int_equal(p->csum, PACKET_CSUM_GOOD);
    struct virtio_net_hdr out;
    vnet_describe(p, &out);
    assert_memory_equal(&out, &none, sizeof out);
    packet_free(p);
    packet_pool_destroy(pool);
}

static void test_segment_there_and_back(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    const struct virtio_net_hdr in = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                      .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                                      .hdr_len = 2000, /* what the kernel says is not believed */
                                      .gso_size = 1448,
                                      .csum_start = 34,
                                      .csum_offset = 16};
    struct packet *p = tcp_packet(pool, false, 3000);
    assert_int_equal(vnet_apply(&in, p), DROP_NONE);
    assert_int_equal(p->csum, PACKET_CSUM_PARTIAL);
    assert_int_equal(p->gso_type, PACKET_GSO_TCPV4);
    assert_int_equal(p->gso_ecn, 1);
    assert_int_equal(p->gso_hdr_len, 66);
    struct virtio_net_hdr out;
    vnet_describe(p, &out);
    assert_int_equal(out.hdr_len, 66);
    out.hdr_len = in.hdr_len;
    assert_memory_equal(&out, &in, sizeof in);
    packet_free(p);
    /* One segment is none. */
    p = tcp_packet(pool, false, 1448);
    assert_int_equal(vnet_apply(&in, p), DROP_NONE);
    assert_int_equal(p->gso_type, PACKET_GSO_NONE);
    assert_int_equal(p->csum, PACKET_CSUM_PARTIAL);
    packet_free(p);
    packet_pool_destroy(pool);
}

static void test_nonsense_is_refused(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    const struct virtio_net_hdr bad[] = {
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 3064, .csum_offset = 16},
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 65535, .csum_offset = 65535},
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
         .gso_type = 2,
         .gso_size = 1000,
         .csum_start = 34,
         .csum_offset = 16},
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
         .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
         .csum_start = 34,
         .csum_offset = 16},
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
         .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
         .gso_size = 1,
         .csum_start = 3060},
        {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
         .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
         .gso_size = 1,
         .csum_start = 100,
         .csum_offset = 16}, /* where the TCP header's length is 0 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct packet *p = tcp_packet(pool, false, 3000);
        assert_int_equal(vnet_apply(&bad[i], p), DROP_RX_ERROR);
        packet_free(p);
    }
    packet_pool_destroy(pool);
}

/* A segment with a complete checksum: layer 4 is found, and the field becomes the pseudo header's sum. */
static void test_complete_checksum_becomes_partial(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    for (int v6 = 0; v6 < 2; v6++) {
        const struct virtio_net_hdr in = {
            .gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1000};
        struct packet *p = tcp_packet(pool, v6, 3000);
        assert_int_equal(vnet_apply(&in, p), DROP_NONE);
        assert_int_equal(p->csum, PACKET_CSUM_PARTIAL);
        assert_int_equal(p->csum_start, v6 ? 54 : 34);
        assert_int_equal(p->csum_offset, 16);
        /* 7 (address) + 6 (protocol) + 3032 (length) */
        assert_int_equal(get_be16(p->data + p->csum_start + 16), CONST_BE16(7 + 6 + 3032));
        packet_free(p);
    }
    packet_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_segment_there_and_back),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_complete_checksum_becomes_partial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
