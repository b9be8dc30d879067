/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/mcast_snooping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/compiler.h"

static char port_names[4][2];
#define PORT(N) ((void *)port_names[N])

static unsigned n_changes;
static void note(void *aux, uint16_t vlan, const struct ipv6_addr *group)
{
    n_changes++;
}

static void put_sum(uint8_t *p, size_t len, uint32_t sum)
{
    p[2] = p[3] = 0;
    for (size_t i = 0; i < len; i++) {
        sum += (uint32_t)(p[i] << (i % 2 ? 0 : 8));
    }
    sum = (sum >> 16) + (sum & 0xffff);
    sum = ~(sum + (sum >> 16));
    p[2] = (uint8_t)(sum >> 8);
    p[3] = (uint8_t)sum;
}

static enum mcast_kind igmp(struct mcast_table *table, uint8_t type, uint8_t last, unsigned port, int64_t now)
{
    uint8_t p[8] = {type, 0, 0, 0, 239, 1, 1, last};
    put_sum(p, sizeof p, 0);
    return mcast_learn_igmp(table, p, sizeof p, CONST_BE32(0x0a000001), 5, PORT(port), now);
}

static size_t members(const struct mcast_table *table, uint8_t last, void **ports)
{
    struct ipv6_addr group = mcast_map_ipv4(CONST_BE32(0xef010100) | (be32)last << 24);
    return mcast_find(table, &group, 5, ports, 4);
}

static void igmp_joins_and_leaves(void **state)
{
    struct mcast_table *table = mcast_table_create();
    void *ports[4];
    n_changes = 0;
    mcast_table_set_callback(table, note, NULL);
    assert_int_equal(igmp(table, 0x16, 1, 1, 0), MCAST_REPORT);
    assert_int_equal(igmp(table, 0x12, 1, 2, 1000), MCAST_REPORT);
    assert_int_equal(igmp(table, 0x12, 1, 2, 1500), MCAST_REPORT);
    assert_int_equal(n_changes, 2);
    assert_int_equal(members(table, 1, ports), 2);
    assert_ptr_equal(ports[0], PORT(1));
    assert_int_equal(igmp(table, 0x17, 1, 1, 2000), MCAST_LEAVE);
    assert_int_equal(members(table, 1, ports), 1);
    assert_int_equal(igmp(table, 0x11, 0, 3, 2000), MCAST_QUERY);
    assert_int_equal(mcast_find_routers(table, 5, ports, 4), 1);
    assert_ptr_equal(ports[0], PORT(3));
    assert_int_equal(mcast_find_routers(table, 0, ports, 4), 0);
    assert_int_equal(igmp(table, 0x55, 0, 3, 2000), MCAST_NONE);
    uint8_t bad[8] = {0x16, 0, 0, 1, 239, 1, 1, 1};
    assert_int_equal(mcast_learn_igmp(table, bad, 8, 1, 5, PORT(1), 0), MCAST_NONE);
    assert_int_equal(mcast_learn_igmp(table, bad, 7, 1, 5, PORT(1), 0), MCAST_NONE);
    assert_int_equal(mcast_table_run(table, 2000), 182000);
    assert_int_equal(mcast_table_run(table, 182000), 301500);
    assert_int_equal(mcast_find_routers(table, 5, ports, 4), 0);
    assert_int_equal(mcast_table_run(table, 301500), INT64_MAX);
    assert_int_equal(members(table, 1, ports), 0);
    assert_int_equal(n_changes, 6);
    mcast_table_destroy(table);
}

/* The record types, as the reference treats them. */
static void records_join_and_leave(void **state)
{
    struct mcast_table *table = mcast_table_create();
    void *ports[4];
    for (uint8_t type = 1; type <= 6; type++) {
        for (uint8_t n_sources = 0; n_sources < 2; n_sources++) {
            uint8_t p[8 + 8 + 4] = {0x22, 0,         0,   0, 0, 0, 0,  1, type, 0,
                                    0,    n_sources, 239, 1, 1, 9, 10, 0, 0,    1};
            size_t len = 16 + 4u * n_sources;
            put_sum(p, len, 0);
            mcast_table_flush(table);
            assert_int_equal(mcast_learn_igmp(table, p, len, 0, 5, PORT(1), 0), MCAST_REPORT);
            assert_int_equal(members(table, 9, ports), n_sources || (type != 1 && type != 3));
            assert_int_equal(igmp(table, 0x16, 9, 1, 0), MCAST_REPORT);
            mcast_learn_igmp(table, p, len, 0, 5, PORT(1), 0);
            assert_int_equal(members(table, 9, ports), n_sources || (type != 1 && type != 3));
        }
    }
    mcast_table_destroy(table);
}

static void mld_joins_and_leaves(void **state)
{
    struct mcast_table *table = mcast_table_create();
    struct ipv6_addr addresses[2] = {{.u8 = {0xfe, 0x80, [15] = 1}}, {.u8 = {0xff, 0x02, [15] = 0x16}}};
    struct ipv6_addr group = {.u8 = {0xff, 0x0e, [15] = 7}};
    uint32_t sum = 0;
    void *ports[4];
    for (size_t i = 0; i < sizeof addresses; i++) {
        sum += (uint32_t)(((uint8_t *)addresses)[i] << (i % 2 ? 0 : 8));
    }
    uint8_t v1[24] = {131}, v2[28] = {143, [7] = 1, [8] = 3};
    memcpy(v1 + 8, &group, 16);
    memcpy(v2 + 12, &group, 16);
    put_sum(v1, sizeof v1, sum + 24 + 58);
    put_sum(v2, sizeof v2, sum + 28 + 58);
    assert_int_equal(mcast_learn_mld(table, v1, 24, addresses, 0, PORT(1), 0), MCAST_REPORT);
    assert_int_equal(mcast_find(table, &group, 0, ports, 4), 1);
    assert_int_equal(mcast_learn_mld(table, v1, 20, addresses, 0, PORT(1), 0), MCAST_NONE);
    assert_int_equal(mcast_learn_mld(table, v2, 28, addresses, 0, PORT(1), 0), MCAST_REPORT);
    assert_int_equal(mcast_find(table, &group, 0, ports, 4), 0);
    v1[0] = 130;
    put_sum(v1, sizeof v1, sum + 24 + 58);
    assert_int_equal(mcast_learn_mld(table, v1, 24, addresses, 0, PORT(2), 0), MCAST_QUERY);
    assert_int_equal(mcast_find_routers(table, 0, ports, 4), 1);
    mcast_table_flush_port(table, PORT(2));
    assert_int_equal(mcast_find_routers(table, 0, ports, 4), 0);
    mcast_table_destroy(table);
}

static void evicts_the_longest_unheard(void **state)
{
    struct mcast_table *table = mcast_table_create();
    void *ports[4];
    mcast_table_set_max(table, 3);
    for (uint8_t i = 1; i <= 3; i++) {
        igmp(table, 0x16, i, 1, i);
    }
    igmp(table, 0x16, 1, 2, 10);
    igmp(table, 0x16, 4, 1, 11);
    assert_int_equal(members(table, 1, ports), 2);
    assert_int_equal(members(table, 2, ports), 0);
    assert_int_equal(members(table, 4, ports), 1);
    mcast_table_flush_port(table, PORT(1));
    assert_int_equal(members(table, 1, ports), 1);
    assert_int_equal(members(table, 4, ports), 0);
    mcast_table_destroy(table);
}

static void knows_link_local_groups(void **state)
{
    struct ipv6_addr a = mcast_map_ipv4(CONST_BE32(0xe0000005)), b = mcast_map_ipv4(CONST_BE32(0xe0000105));
    struct ipv6_addr c = {.u8 = {0xff, 2, [15] = 1}}, d = {.u8 = {0xff, 2, [15] = 2}};
    assert_true(mcast_is_link_local(&a));
    assert_false(mcast_is_link_local(&b));
    assert_true(mcast_is_link_local(&c));
    assert_false(mcast_is_link_local(&d));
}

/* Whatever the bytes: the sanitizers watch. */
static void survives_noise(void **state)
{
    struct mcast_table *table = mcast_table_create();
    uint64_t x = 88172645463325252ull;
    for (int i = 0; i < 20000; i++) {
        uint8_t small[64];
        size_t len = (x >> 20) % sizeof small;
        uint8_t *p = xmalloc(len);
        for (size_t j = 0; j < len; j++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            p[j] = (uint8_t)(x >> 30);
        }
        struct ipv6_addr none[2] = {{.u8 = {0}}};
        static const uint8_t types[] = {0x11, 0x16, 0x17, 0x22, 130, 131, 132, 143};
        if (len >= 8) {
            p[0] = types[x % 8];
            p[6] = 0;
            p[7] &= 3;
            put_sum(p, len, p[0] >= 130 ? (uint32_t)len + 58 : 0);
        }
        if (len && p[0] >= 130) {
            mcast_learn_mld(table, p, len, none, 0, PORT(x % 3), i);
        } else {
            mcast_learn_igmp(table, p, len, 1, 0, PORT(x % 3), i);
        }
        free(p);
    }
    mcast_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(igmp_joins_and_leaves),   cmocka_unit_test(records_join_and_leave),
        cmocka_unit_test(mld_joins_and_leaves),    cmocka_unit_test(evicts_the_longest_unheard),
        cmocka_unit_test(knows_link_local_groups), cmocka_unit_test(survives_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
