/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ipfix.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytebuf.h"
#include "base/clock.h"
#include "base/task.h"
#include "flow/key.h"
#include "openflow/nicira_codec.h"
#include "pipeline/ipfix_record.h"
#include "wire/eth.h"

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* Data is as long as its template says, for every one of them. */
static void test_templates_describe_data(void **state)
{
    struct ipfix_flow flow;
    struct ipfix_counts counts;
    unsigned n = 0;
    memset(&flow, 0, sizeof flow);
    memset(&counts, 0, sizeof counts);
    flow.in.name = (struct ipfix_text){"p1", 2};
    flow.virtual_id = (struct ipfix_text){"tenant", 6};
    for (unsigned i = 0; i < 2 * IPFIX_N_TEMPLATES; i++) {
        struct ipfix_about about;
        struct bytebuf t = BYTEBUF_INITIALIZER, d = BYTEBUF_INITIALIZER;
        if (!ipfix_template_about(i / 2, &about)) {
            continue;
        }
        about.virtual_id = i & 1;
        assert_int_equal(ipfix_template_id(&about), IPFIX_FIRST_TEMPLATE + i / 2);
        ipfix_put_template(&t, &about);
        ipfix_put_flow(&d, &about, &flow);
        ipfix_put_counts(&d, &about, &counts);
        size_t at = 4, len = 0;
        for (unsigned f = 0; f < get16(t.data + 2); f++) {
            uint16_t size = get16(t.data + at + 2);
            len += size == UINT16_MAX ? 1u + d.data[len] : size;
            at += get16(t.data + at) & 0x8000 ? 8 : 4;
        }
        assert_int_equal(at, t.len);
        assert_int_equal(len, d.len);
        bytebuf_fini(&t);
        bytebuf_fini(&d);
        n++;
    }
    assert_int_equal(n, 2 * 88);
}

struct fixture {
    struct task_queue tasks;
    struct ipfix *ipfix;
    struct flow_key key;
    struct ipfix_sample sample;
};

static void set_up(struct fixture *f, uint32_t active_s, uint32_t max_flows)
{
    memset(f, 0, sizeof *f);
    task_queue_init(&f->tasks);
    f->ipfix = ipfix_create(&f->tasks);
    const struct ipfix_set_settings set = {
        .id = 3, .exporter = {.active_timeout_s = active_s, .max_flows = max_flows, .tunnels = true}};
    assert_true(ipfix_set(f->ipfix, NULL, &set, 1));
    assert_false(ipfix_set(f->ipfix, NULL, &set, 1));
    f->key.packet_type = FLOW_PT_ETH;
    f->key.dl_type = CONST_BE16(ETH_TYPE_IPV4);
    f->key.nw_proto = 17;
    f->sample = (struct ipfix_sample){.of_set = true, .set = 3, .in = {.name = "p1"}, .out = {.name = ""}};
    f->sample.key = &f->key;
    f->sample.len = 100;
}

static void tear_down(struct fixture *f)
{
    ipfix_stop(f->ipfix);
    ipfix_unref(f->ipfix);
    task_queue_fini(&f->tasks);
}

static struct ipfix_stats stats(struct fixture *f)
{
    struct ipfix_stats s;
    ipfix_set_stats(f->ipfix, 0, &s);
    return s;
}

/* A flood waits, bounded, for whoever sends. */
static void test_flood_is_bounded(void **state)
{
    struct fixture f;
    set_up(&f, 0, 0);
    for (unsigned i = 0; i < 10000; i++) {
        f.key.tp_src = htobe16((uint16_t)i);
        assert_true(ipfix_sample(f.ipfix, &f.sample));
    }
    assert_int_equal(stats(&f).packets, 10000);
    assert_int_equal(stats(&f).total_flows, 4096); /* others were never told */
    unsigned rounds = 1;
    while (ipfix_run(f.ipfix)) {
        rounds++;
    }
    assert_int_equal(rounds, 8); /* no round is long */
    assert_true(ipfix_sample(f.ipfix, &f.sample));
    assert_int_equal(stats(&f).total_flows, 4097);
    tear_down(&f);
}

static void test_cache_is_bounded(void **state)
{
    struct fixture f;
    set_up(&f, 100, UINT32_MAX);
    for (uint32_t i = 0; i < 200000; i++) {
        f.key.nw_src = htobe32(i);
        if (ipfix_sample(f.ipfix, &f.sample)) {
            ipfix_run(f.ipfix);
        }
    }
    assert_int_equal(stats(&f).total_flows, 200000);
    assert_int_equal(stats(&f).current_flows, 131072);
    tear_down(&f);
}

static void test_flows_are_told_apart(void **state)
{
    struct fixture f;
    set_up(&f, 100, 100);
    ipfix_sample(f.ipfix, &f.sample);
    ipfix_sample(f.ipfix, &f.sample);
    assert_int_equal(stats(&f).current_flows, 1);
    f.sample.domain = 1;
    ipfix_sample(f.ipfix, &f.sample);
    f.sample.point = 1;
    ipfix_sample(f.ipfix, &f.sample);
    f.sample.egress = true;
    ipfix_sample(f.ipfix, &f.sample);
    f.key.nw_tos = 4;
    ipfix_sample(f.ipfix, &f.sample);
    f.sample.set = 4; /* there is none */
    assert_false(ipfix_sample(f.ipfix, &f.sample));
    f.sample.of_set = false; /* nor does the bridge sample */
    assert_false(ipfix_sample(f.ipfix, &f.sample));
    assert_int_equal(stats(&f).current_flows, 5);
    assert_int_equal(stats(&f).packets, 6);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates_describe_data),
        cmocka_unit_test(test_flood_is_bounded),
        cmocka_unit_test(test_cache_is_bounded),
        cmocka_unit_test(test_flows_are_told_apart),
    };
    clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
