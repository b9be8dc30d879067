/* SPDX-License-Identifier: Apache-2.0 */
/* vport_send(), by what arrives at a device that can do nothing: a dummy port, which captures what it sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/smap.h"
#include "port/pcap.h"
#include "port/vport.h"

#define TCP_HEADERS 54 /* Ethernet, IPv4, TCP */

struct fixture {
    char file[32];
    struct packet_pool *pool;
    struct vport *vport;
    struct vport_tx tx;
    struct pcap_packets sent;
};

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    strcpy(f->file, "/tmp/egress_test.XXXXXX");
    close(mkstemp(f->file));
    f->tx.pool = f->pool = packet_pool_create_heap();
    struct smap options = SMAP_INITIALIZER;
    smap_set(&options, "tx_pcap", f->file);
    char *error_text;
    vport_enable_dummy(false, false);
    assert_int_equal(vport_open("dummy", "d", &options, &f->vport, &error_text), 0);
    smap_fini(&options);
}

static void teardown(struct fixture *f)
{
    pcap_packets_fini(&f->sent);
    vport_close(f->vport);
    assert_int_equal(packet_pool_in_use(f->pool), 0);
    packet_pool_destroy(f->pool);
    unlink(f->file);
}

static void send_one(struct fixture *f, struct packet *p)
{
    struct packet_batch batch;
    batch_init(&batch);
    batch_add(&batch, p);
    vport_send(f->vport, &f->tx, &batch);
    pcap_packets_fini(&f->sent);
    assert_null(pcap_load(f->file, &f->sent));
}

/* A TCP segment of PAYLOAD bytes with a partial checksum; TAGS VLAN tags. */
static struct packet *tcp(struct fixture *f, uint32_t payload, unsigned tags)
{
    uint32_t l3 = 14 + 4 * tags, total = 40 + payload;
    struct packet *p = packet_alloc(f->pool, l3 + total);
    memset(p->data, 0, p->len);
    for (unsigned i = 0; i < tags; i++) {
        memcpy(p->data + 12 + 4 * i, "\x81\x00\x00\x07", 4);
    }
    memcpy(p->data + l3 - 2, "\x08\x00\x45", 3);
    p->data[l3 + 2] = (uint8_t)(total >> 8);
    p->data[l3 + 3] = (uint8_t)total;
    p->data[l3 + 8] = 64;
    p->data[l3 + 9] = 6;
    p->data[l3 + 20 + 12] = 5 << 4;
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = (uint16_t)(l3 + 20);
    p->csum_offset = 16;
    return p;
}

static struct packet *tcp_gso(struct fixture *f, uint32_t payload, uint16_t size, unsigned tags)
{
    struct packet *p = tcp(f, payload, tags);
    p->gso_type = PACKET_GSO_TCPV4;
    p->gso_size = size;
    p->gso_hdr_len = (uint16_t)(TCP_HEADERS + 4 * tags);
    return p;
}

static void test_plain(void **state)
{
    struct fixture f;
    setup(&f);
    send_one(&f, packet_from_bytes(f.pool, "a frame as it is", 16));
    assert_int_equal(f.sent.n, 1);
    assert_memory_equal(f.sent.bytes, "a frame as it is", 16);
    teardown(&f);
}

static void test_mtu_and_one_tag(void **state)
{
    struct fixture f;
    setup(&f);
    send_one(&f, tcp(&f, 1460, 0));
    send_one(&f, tcp(&f, 1460, 1));
    assert_int_equal(f.sent.n, 2);
    assert_int_equal(f.sent.lengths[1], 1518);
    send_one(&f, tcp(&f, 1461, 0));
    send_one(&f, tcp(&f, 1461, 1));
    send_one(&f, tcp(&f, 1460, 2));
    send_one(&f, tcp_gso(&f, 4000, 1461, 0));
    assert_int_equal(f.sent.n, 2);
    assert_int_equal(f.tx.dropped[DROP_MTU], 4);
    teardown(&f);
}

static void test_segments_in_order(void **state)
{
    struct fixture f;
    setup(&f);
    struct packet_batch batch;
    batch_init(&batch);
    batch_add(&batch, packet_from_bytes(f.pool, "the first one..", 15));
    batch_add(&batch, tcp_gso(&f, 60000, 1460, 1)); /* 42 segments: more than a batch */
    batch_add(&batch, packet_from_bytes(f.pool, "the last one....", 16));
    vport_send(f.vport, &f.tx, &batch);
    assert_null(pcap_load(f.file, &f.sent));
    assert_int_equal(f.sent.n, 44);
    assert_int_equal(f.sent.lengths[0], 15);
    assert_int_equal(f.sent.lengths[1], 1518);
    assert_int_equal(f.sent.lengths[42], TCP_HEADERS + 4 + 60000 - 41 * 1460);
    assert_int_equal(f.sent.lengths[43], 16);
    teardown(&f);
}

static void test_truncation(void **state)
{
    struct fixture f;
    setup(&f);
    struct packet *p = packet_from_bytes(f.pool, "0123456789abcdefghij", 20);
    p->cutlen = 4;
    send_one(&f, p);
    assert_int_equal(f.sent.lengths[0], 16);
    p = packet_from_bytes(f.pool, "0123456789abcdefghij", 20);
    p->cutlen = 1000;
    send_one(&f, p);
    assert_int_equal(f.sent.lengths[1], 14); /* the Ethernet header stays */
    p = tcp(&f, 100, 0);
    p->cutlen = 104; /* the checksum field goes too */
    send_one(&f, p);
    assert_int_equal(f.sent.lengths[2], 50);
    p = tcp_gso(&f, 3000, 1000, 0);
    p->cutlen = 2500;
    send_one(&f, p);
    assert_int_equal(f.sent.n, 4);
    assert_int_equal(f.sent.lengths[3], TCP_HEADERS + 500);
    teardown(&f);
}

static void test_what_cannot_be_cut(void **state)
{
    struct fixture f;
    setup(&f);
    struct packet *p = tcp_gso(&f, 3000, 1000, 0);
    memset(p->data + 12, 0xee, 2); /* of no known protocol */
    send_one(&f, p);
    assert_int_equal(f.sent.n, 0);
    assert_int_equal(f.tx.dropped[DROP_GSO], 1);
    teardown(&f);
}

/* Also for a device that takes partial checksums: it would put the wrong kind of sum there. */
static void test_sctp_is_always_completed(void **state)
{
    struct fixture f;
    setup(&f);
    f.vport->tx_features = VPORT_TX_CSUM;
    struct packet *p = tcp(&f, 0, 0);
    p->data[23] = 132;
    p->csum_offset = 8;
    send_one(&f, p);
    p = tcp(&f, 0, 0);
    send_one(&f, p);
    static const uint8_t zeros[4];
    assert_memory_not_equal(f.sent.bytes + 34 + 8, zeros, 4);
    assert_memory_equal(f.sent.bytes + TCP_HEADERS + 34 + 16, zeros, 2); /* TCP's is left to the device */
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_mtu_and_one_tag),
        cmocka_unit_test(test_segments_in_order),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_what_cannot_be_cut),
        cmocka_unit_test(test_sctp_is_always_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
