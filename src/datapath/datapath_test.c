/* SPDX-License-Identifier: Apache-2.0 */
/* The journey on a dummy datapath, inline: packets in, flows, packets out, every drop counted; and with a
 * forwarding thread, what it remembers from burst to burst. */
#include "datapath/datapath.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "action/action.h"
#include "base/rcu.h"
#include "base/smap.h"
#include "dpif/dpif.h"
#include "flow/extract.h"

static struct datapath *dp;
static struct dp_handler *handler;
static unsigned n_upcalls;
static struct flow_key last_key;
static const char frame[60] = "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0"
                              "\x45\0\0\x2e\0\0\0\0\x40\x11\x66\xbc\x0a\0\0\x01\x0a\0\0\x02"
                              "\x04\xd2\x13\x88\0\x1a\0\0";

static void on_upcall(struct dp_upcall *upcall, void *aux)
{
    n_upcalls++;
    last_key = upcall->key;
    dp->ops->drop(handler, upcall->key.in_port, DROP_UPCALL_ERROR, upcall->packet);
}

static uint32_t add_port(const char *name)
{
    uint32_t port_no = PACKET_NO_PORT;
    char *error = NULL;
    assert_int_equal(dp->ops->port_add(dp, name, "dummy", NULL, &port_no, &error), 0);
    assert_null(error);
    return port_no;
}

static uint64_t sent(uint32_t port_no)
{
    struct dp_port_desc desc;
    struct vport_stats stats;
    assert_int_equal(dp->ops->port_query(dp, port_no, &desc), 0);
    assert_int_equal(desc.vport->ops->get_stats(desc.vport, &stats), 0);
    return stats.tx_packets;
}

static uint64_t dropped(uint32_t port_no, enum drop_reason reason)
{
    struct dp_port_drops drops;
    dp->ops->port_drops(dp, port_no, &drops);
    return drops.by_reason[reason];
}

static void receive(uint32_t port_no, size_t len)
{
    assert_int_equal(dp->ops->receive(dp, port_no, 0, frame, len), 0);
}

static struct dp_ufid put_flow(uint32_t in_port, uint32_t recirc_id, const struct bytebuf *actions)
{
    struct flow_key key;
    struct flow_mask mask;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    key.in_port = in_port;
    key.recirc_id = recirc_id;
    mask.bits.in_port = mask.bits.recirc_id = UINT32_MAX;
    mask.blocks = 1;
    struct dp_flow_desc desc = {.ufid = dpif_flow_ufid(&key, &mask), .key = &key, .mask = &mask};
    desc.actions = actions->data;
    desc.actions_len = actions->len;
    assert_int_equal(dp->ops->flow_put(dp, &desc, DP_PUT_CREATE | DP_PUT_MODIFY, NULL), 0);
    return desc.ufid;
}

static int setup(void **state)
{
    char *error = NULL;
    vport_enable_dummy(false, false);
    datapath_register(true, false);
    assert_int_equal(dpif_open("dummy", NULL, &dp, &error), 0);
    handler = dp->ops->handler_create(dp, false);
    dp->ops->set_upcall_cb(dp, on_upcall, NULL);
    assert_int_equal(add_port("p1"), 1);
    assert_int_equal(add_port("p2"), 2);
    assert_int_equal(add_port("eth7"), 7);
    assert_int_equal(add_port("nonumber"), 3);
    return 0;
}

static int teardown(void **state)
{
    dp->ops->handler_destroy(handler);
    dpif_close(dp);
    rcu_barrier_all();
    return 0;
}

static void miss_then_hit(void **state)
{
    struct dp_stats stats;
    n_upcalls = 0;
    receive(1, sizeof frame);
    assert_int_equal(n_upcalls, 1);
    assert_int_equal(last_key.in_port, 1);
    assert_int_equal(last_key.tp_dst, htobe16(5000));
    assert_int_equal(dropped(1, DROP_UPCALL_ERROR), 1);

    struct bytebuf actions = BYTEBUF_INITIALIZER;
    dp_actions_put_output(&actions, 2);
    dp_actions_put_output(&actions, 7);
    dp_actions_put_output(&actions, 99);
    struct dp_ufid ufid = put_flow(1, 0, &actions);
    receive(1, sizeof frame);
    receive(1, sizeof frame);
    assert_int_equal(n_upcalls, 1);
    assert_int_equal(sent(2), 2);
    assert_int_equal(sent(7), 2);
    assert_int_equal(dropped(1, DROP_NO_PORT), 2);

    struct dp_flow_stats last;
    dp->ops->get_stats(dp, &stats);
    assert_int_equal(stats.n_missed, 1);
    assert_int_equal(stats.n_hit, 2);
    assert_int_equal(stats.n_flows, 1);
    assert_int_equal(stats.n_masks, 1);
    assert_int_equal(dp->ops->flow_del(dp, ufid, &last), 0);
    assert_int_equal(last.packets, 2);
    assert_int_equal(last.bytes, 2 * sizeof frame);
    assert_int_equal(dp->ops->flow_del(dp, ufid, &last), ENOENT);
    receive(1, sizeof frame);
    assert_int_equal(n_upcalls, 2);
    bytebuf_fini(&actions);
}

static void every_drop_is_counted(void **state)
{
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    uint64_t before = dropped(2, DROP_RUNT);
    receive(2, 13);
    assert_int_equal(dropped(2, DROP_RUNT), before + 1);

    before = dropped(2, DROP_EXPLICIT);
    put_flow(2, 0, &actions); /* no actions */
    receive(2, sizeof frame);
    assert_int_equal(dropped(2, DROP_EXPLICIT), before + 1);

    /* One may come back often. */
    dp_actions_put_recirc(&actions, 20);
    put_flow(2, 0, &actions);
    for (uint32_t id = 20; id < 35; id++) {
        bytebuf_clear(&actions);
        dp_actions_put_recirc(&actions, id + 1);
        put_flow(2, id, &actions);
    }
    bytebuf_clear(&actions);
    dp_actions_put_output(&actions, 7);
    put_flow(2, 35, &actions);
    uint64_t came = sent(7);
    receive(2, sizeof frame);
    assert_int_equal(sent(7), came + 1);
    bytebuf_clear(&actions);

    /* A packet that recirculates for ever is stopped. */
    dp_actions_put_recirc(&actions, 5);
    put_flow(2, 0, &actions);
    put_flow(2, 5, &actions);
    before = dropped(2, DROP_RECURSION);
    receive(2, sizeof frame);
    assert_int_equal(dropped(2, DROP_RECURSION), before + 1);

    struct dp_port_desc desc;
    assert_int_equal(dp->ops->port_query(dp, 7, &desc), 0);
    atomic_store(&desc.vport->up, false);
    bytebuf_clear(&actions);
    dp_actions_put_output(&actions, 7);
    put_flow(2, 0, &actions);
    before = dropped(7, DROP_TX_DOWN);
    receive(2, sizeof frame);
    assert_int_equal(dropped(7, DROP_TX_DOWN), before + 1);
    atomic_store(&desc.vport->up, true);
    dp->ops->flow_flush(dp);
    bytebuf_fini(&actions);
}

static void meter_limits(void **state)
{
    struct dp_meter_band band = {.type = 1, .rate = 3, .burst = 3};
    struct dp_meter meter = {.packets = true, .n_bands = 1, .bands = &band};
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    assert_int_equal(dp->ops->meter_set(dp, 4, &meter), 0);
    dp_actions_put_meter(&actions, 4);
    dp_actions_put_output(&actions, 2);
    put_flow(1, 0, &actions);
    uint64_t before = sent(2), before_dropped = dropped(1, DROP_METER);
    for (int i = 0; i < 10; i++) {
        receive(1, sizeof frame);
    }
    assert_in_range(sent(2) - before, 3, 4);
    assert_int_equal(sent(2) - before + dropped(1, DROP_METER) - before_dropped, 10);
    assert_int_equal(dp->ops->meter_del(dp, 4, &meter), 0);
    assert_int_equal(meter.n_packets, 10);
    assert_int_equal(dp->ops->meter_get(dp, 4, &meter), ENOENT);
    dp->ops->flow_flush(dp);
    bytebuf_fini(&actions);
}

/* ---- With a forwarding thread ---- */

static uint32_t add_real_port(const char *name, const char *type, const char *option, const char *value)
{
    struct smap options = SMAP_INITIALIZER;
    uint32_t port_no = PACKET_NO_PORT;
    char *error = NULL;
    if (option) {
        smap_set(&options, option, value);
    }
    assert_int_equal(dp->ops->port_add(dp, name, type, &options, &port_no, &error), 0);
    smap_fini(&options);
    return port_no;
}

/* A file of ten frames, eight of one flow's and two of another's (by source port). */
static void write_pcap(const char *path)
{
    static const uint32_t file_header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(file_header, sizeof file_header, 1, file);
    for (int i = 0; i < 10; i++) {
        char bytes[sizeof frame];
        uint32_t header[4] = {0, 0, sizeof frame, sizeof frame};
        memcpy(bytes, frame, sizeof frame);
        bytes[35] = i % 5 == 4 ? 1 : 2;
        fwrite(header, sizeof header, 1, file);
        fwrite(bytes, sizeof bytes, 1, file);
    }
    assert_int_equal(fclose(file), 0);
}

static struct dp_ufid put_udp_flow(uint32_t in_port, uint16_t tp_src, uint32_t out)
{
    struct flow_key key;
    struct flow_mask mask;
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    key.in_port = in_port;
    key.dl_type = htobe16(0x0800);
    key.nw_proto = 17;
    key.tp_src = htobe16(tp_src);
    mask.bits.in_port = mask.bits.recirc_id = UINT32_MAX;
    mask.bits.dl_type = mask.bits.tp_src = UINT16_MAX;
    mask.bits.nw_proto = UINT8_MAX;
    mask.blocks = 1;
    dp_actions_put_output(&actions, out);
    struct dp_flow_desc desc = {.ufid = dpif_flow_ufid(&key, &mask), .key = &key, .mask = &mask};
    desc.actions = actions.data;
    desc.actions_len = actions.len;
    assert_int_equal(dp->ops->flow_put(dp, &desc, DP_PUT_CREATE | DP_PUT_MODIFY, NULL), 0);
    bytebuf_fini(&actions);
    return desc.ufid;
}

/* Until the port was sent N packets more, ten seconds at most. */
static void wait_sent(uint32_t port_no, uint64_t n)
{
    uint64_t before = sent(port_no);
    for (int i = 0; i < 10000 && sent(port_no) - before < n; i++) {
        usleep(1000);
    }
    assert_true(sent(port_no) - before >= n);
}

/* What a forwarding thread tries first, the flow of the burst before, is never a flow that is gone, nor one
 * that the packet does not lie in; each packet is counted on its own flow. */
static void flow_of_the_burst_before(void **state)
{
    char path[] = "/tmp/datapath_test.XXXXXX", *error = NULL;
    struct datapath *outer = dp;
    struct dp_flow_stats most, few;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_pcap(path);
    datapath_set_threads(1);
    assert_int_equal(dpif_open("netdev", NULL, &dp, &error), 0);
    uint32_t out1 = add_real_port("null1", "null", NULL, NULL);
    uint32_t out2 = add_real_port("null2", "null", NULL, NULL);
    uint32_t out3 = add_real_port("null3", "null", NULL, NULL);
    uint32_t in = out3 + 1;
    struct dp_ufid many_ufid = put_udp_flow(in, 0x0402, out1), few_ufid = put_udp_flow(in, 0x0401, out2);
    assert_int_equal(add_real_port("replay1", "pcap", "file", path), in);
    wait_sent(out1, 5000);

    /* Other actions, the same flow: from the next packet on. */
    put_udp_flow(in, 0x0402, out3);
    rcu_synchronize();
    uint64_t before = sent(out1);
    wait_sent(out3, 5000);
    assert_int_equal(sent(out1), before);

    /* No flow: nobody is sent any more, and the other one goes on. */
    assert_int_equal(dp->ops->flow_del(dp, many_ufid, &most), 0);
    uint64_t total = sent(out1) + sent(out3);
    wait_sent(out2, 1000);
    assert_int_equal(sent(out1) + sent(out3), total);
    assert_int_equal(most.packets, total);
    assert_int_equal(dp->ops->flow_del(dp, few_ufid, &few), 0);
    assert_int_equal(few.packets, sent(out2));
    assert_int_equal(most.bytes, most.packets * sizeof frame);

    /* Another flow in the same memory. */
    put_udp_flow(in, 0x0401, out1);
    total = sent(out3);
    wait_sent(out1, 1000);
    assert_int_equal(sent(out3), total);
    dpif_close(dp);
    dp = outer;
    unlink(path);
}

/* Misses that nobody takes are lost when the ring is full, and what waits in it when the port goes is counted
 * for the datapath's own port. */
static void what_waits_is_counted(void **state)
{
    char path[] = "/tmp/datapath_test.XXXXXX", *error = NULL;
    struct datapath *outer = dp;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_pcap(path);
    datapath_set_threads(1);
    assert_int_equal(dpif_open("netdev", NULL, &dp, &error), 0);
    uint32_t in = add_real_port("replay1", "pcap", "file", path);
    for (int i = 0; i < 10000 && !dropped(in, DROP_UPCALL_LOST); i++) {
        usleep(1000);
    }
    assert_true(dropped(in, DROP_UPCALL_LOST) > 0);
    assert_int_equal(dropped(0, DROP_SHUTDOWN), 0);
    assert_int_equal(dp->ops->port_del(dp, in), 0);
    uint64_t waited = dropped(0, DROP_SHUTDOWN);
    struct dp_stats stats;
    dp->ops->get_stats(dp, &stats);
    assert_true(waited > 0);
    assert_int_equal(waited, stats.n_missed - stats.n_lost);
    dpif_close(dp);
    dp = outer;
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(miss_then_hit),         cmocka_unit_test(every_drop_is_counted),
        cmocka_unit_test(meter_limits),          cmocka_unit_test(flow_of_the_burst_before),
        cmocka_unit_test(what_waits_is_counted),
    };
    rcu_register();
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    rcu_unregister();
    return failed;
}
