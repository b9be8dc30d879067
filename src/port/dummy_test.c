/* SPDX-License-Identifier: Apache-2.0 */
#include "port/dummy.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/smap.h"
#include "port/pcap.h"

static struct vport *open_vport(const char *type, const char *name, const struct smap *options)
{
    struct vport *vport;
    char *error_text;
    assert_int_equal(vport_open(type, name, options, &vport, &error_text), 0);
    assert_int_equal(vport_start(vport, &error_text), 0);
    return vport;
}

static void send_bytes(struct vport *vport, struct packet_pool *pool, const char *bytes)
{
    struct vport_tx tx = {.pool = pool};
    struct packet_batch batch;
    batch_init(&batch);
    batch_add(&batch, packet_from_bytes(pool, bytes, (uint32_t)strlen(bytes)));
    vport->ops->send(vport, &tx, &batch);
}

/* The one packet that waits in queue 0. */
static void expect_packet(struct vport *vport, uint16_t queue, struct packet_pool *pool, const char *bytes)
{
    struct packet_batch batch;
    batch_init(&batch);
    assert_int_equal(vport->ops->rxq_recv(vport->rxqs[queue], pool, &batch), 0);
    assert_int_equal(batch.n, 1);
    assert_int_equal(batch.packets[0]->len, strlen(bytes));
    assert_memory_equal(batch.packets[0]->data, bytes, strlen(bytes));
    batch_free(&batch);
    batch_init(&batch);
    assert_int_equal(vport->ops->rxq_recv(vport->rxqs[queue], pool, &batch), EAGAIN);
}

static void test_kinds_and_overrides(void **state)
{
    assert_null(vport_ops_lookup("dummy"));
    assert_string_equal(vport_ops_lookup("")->type, "system");
    vport_enable_dummy(false, false);
    assert_string_equal(vport_ops_lookup("dummy")->type, "dummy");
    assert_string_equal(vport_ops_lookup("system")->type, "system");
    vport_enable_dummy(false, true);
    assert_string_equal(vport_ops_lookup("system")->type, "dummy");
    assert_string_equal(vport_ops_lookup("internal")->type, "internal");
    vport_enable_dummy(true, false);
    assert_string_equal(vport_ops_lookup("internal")->type, "dummy-internal");
    vport_enable_dummy(false, false);
    struct vport *vport;
    char *error_text;
    assert_int_equal(vport_open("nosuch", "p0", NULL, &vport, &error_text), EAFNOSUPPORT);
    free(error_text);
}

static void test_handed_in_and_sent(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct smap options = SMAP_INITIALIZER;
    smap_set(&options, "n_rxq", "2");
    smap_set(&options, "ifindex", "77");
    struct vport *p1 = open_vport("dummy", "p1", &options);
    struct vport *p2 = open_vport("dummy", "p2", NULL);
    assert_int_equal(p1->status.ifindex, 77);
    assert_int_equal(p2->status.mac.ea[5], p1->status.mac.ea[5] + 1);
    assert_true(vport_is_dummy(p1));
    assert_ptr_equal(vport_find("p1"), p1);

    assert_int_equal(vport_dummy_receive(p1, 1, "queue one's", 11), 0);
    assert_int_equal(vport_dummy_receive(p1, 2, "x", 1), EINVAL);
    expect_packet(p1, 1, pool, "queue one's");
    send_bytes(p1, pool, "fourteen bytes");
    struct vport_stats stats;
    memset(&stats, 0xff, sizeof stats);
    p1->ops->get_stats(p1, &stats);
    assert_int_equal(stats.rx_packets, 1);
    assert_int_equal(stats.rx_bytes, 11);
    assert_int_equal(stats.tx_packets, 1);
    assert_int_equal(stats.tx_bytes, 14);
    assert_int_equal(stats.rx_errors, UINT64_MAX);

    uint32_t seq = vport_status_seq(p1);
    p1->ops->set_admin(p1, false);
    assert_false(p1->status.link_up);
    assert_int_not_equal(vport_status_seq(p1), seq);
    vport_close(p1);
    assert_null(vport_find("p1"));
    vport_close(p2);
    vport_close(NULL);
    smap_fini(&options);
    packet_pool_destroy(pool);
}

static void note_ready(struct vport *vport, void *aux)
{
    *(struct vport **)aux = vport;
}

static void test_streams(void **state)
{
    char dir[] = "/tmp/dummy_test.XXXXXX", target[64];
    assert_non_null(mkdtemp(dir));
    struct packet_pool *pool = packet_pool_create_heap();
    struct smap passive = SMAP_INITIALIZER, active = SMAP_INITIALIZER;
    snprintf(target, sizeof target, "punix:%s/sock", dir);
    smap_set(&passive, "pstream", target);
    smap_set(&active, "stream", target + 1);
    struct vport *p1 = open_vport("dummy", "p1", &passive), *p2 = open_vport("dummy", "p2", &active);
    assert_string_equal(vport_dummy_conn_state(p1), "disconnected");
    assert_string_equal(vport_dummy_conn_state(p2), "connected");
    struct vport *ready = NULL;
    vport_dummy_run(note_ready, &ready);
    assert_string_equal(vport_dummy_conn_state(p1), "connected");

    send_bytes(p1, pool, "there");
    vport_dummy_run(note_ready, &ready);
    assert_ptr_equal(ready, p2);
    expect_packet(p2, 0, pool, "there");
    send_bytes(p2, pool, "and back");
    struct pollfd pollfd = {.fd = vport_dummy_fd(), .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, 1000), 1);
    vport_dummy_run(note_ready, &ready);
    assert_ptr_equal(ready, p1);
    expect_packet(p1, 0, pool, "and back");

    vport_close(p2);
    vport_dummy_run(note_ready, &ready);
    assert_string_equal(vport_dummy_conn_state(p1), "disconnected");
    vport_close(p1);
    smap_clear(&active);
    smap_set(&active, "stream", "tcp:1.2.3.4");
    char *error_text;
    assert_int_equal(vport_open("dummy", "p3", &active, &p2, &error_text), EINVAL);
    assert_string_equal(error_text, "p3: options:stream: \"tcp:1.2.3.4\": expected unix:FILE");
    free(error_text);
    smap_fini(&active);
    smap_fini(&passive);
    packet_pool_destroy(pool);
    rmdir(dir);
}

static void test_captures(void **state)
{
    char file[] = "/tmp/dummy_test.XXXXXX";
    close(mkstemp(file));
    struct packet_pool *pool = packet_pool_create_heap();
    struct smap options = SMAP_INITIALIZER;
    smap_set(&options, "pcap", file);
    struct vport *p1 = open_vport("dummy-pmd", "p1", &options);
    vport_dummy_receive(p1, 0, "in", 2);
    struct pollfd pollfd = {.fd = p1->rxqs[0]->fd, .events = POLLIN};
    assert_int_equal(poll(&pollfd, 1, 0), 1);
    expect_packet(p1, 0, pool, "in");
    assert_int_equal(poll(&pollfd, 1, 0), 0);
    send_bytes(p1, pool, "out");
    struct pcap_packets packets;
    assert_null(pcap_load(file, &packets));
    assert_int_equal(packets.n, 2);
    assert_memory_equal(packets.bytes, "inout", 5);
    pcap_packets_fini(&packets);

    /* The same file, replayed. */
    smap_clear(&options);
    smap_set(&options, "file", file);
    smap_set(&options, "limit", "33");
    struct vport *replay = open_vport("pcap", "r", &options);
    struct packet_batch batch;
    batch_init(&batch);
    assert_int_equal(replay->ops->rxq_recv(replay->rxqs[0], pool, &batch), 0);
    assert_int_equal(batch.n, BATCH_SIZE);
    assert_int_equal(batch.packets[0]->len, 2);
    assert_int_equal(batch.packets[31]->len, 3);
    struct vport *null = open_vport("null", "n", NULL);
    struct vport_tx tx = {.pool = pool};
    null->ops->send(null, &tx, &batch);
    batch_init(&batch);
    assert_int_equal(replay->ops->rxq_recv(replay->rxqs[0], pool, &batch), 0);
    assert_int_equal(batch.n, 1);
    batch_free(&batch);
    batch_init(&batch);
    assert_int_equal(replay->ops->rxq_recv(replay->rxqs[0], pool, &batch), EAGAIN);
    struct vport_stats stats;
    null->ops->get_stats(null, &stats);
    assert_int_equal(stats.tx_packets, 32);
    assert_int_equal(stats.tx_bytes, 16 * 5);
    vport_close(null);
    vport_close(replay);
    vport_close(p1);
    smap_fini(&options);
    packet_pool_destroy(pool);
    unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_and_overrides),
        cmocka_unit_test(test_handed_in_and_sent),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_captures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
