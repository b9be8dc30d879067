/* SPDX-License-Identifier: Apache-2.0 */
/* The journey on a dummy datapath, inline: packets in, flows, packets out, every drop counted. */
#include "datapath/datapath.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action/action.h"
#include "base/rcu.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(miss_then_hit),
        cmocka_unit_test(every_drop_is_counted),
        cmocka_unit_test(meter_limits),
    };
    rcu_register();
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    rcu_unregister();
    return failed;
}
