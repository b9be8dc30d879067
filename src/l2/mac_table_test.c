/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/mac_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"

static char port_names[4][2];
#define PORT(N) ((void *)port_names[N])

static struct eth_addr mac(unsigned n)
{
    return (struct eth_addr){{0x50, 0x54, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static unsigned changes[5];
static void note(void *aux, enum mac_change change, const struct mac_entry *entry)
{
    changes[change]++;
}

static bool learn(struct mac_table *table, unsigned n, unsigned port, int64_t now)
{
    return mac_table_learn(table, &(struct mac_learn){.mac = mac(n), .port = PORT(port)}, now);
}

static int where(const struct mac_table *table, unsigned n, uint16_t vlan)
{
    void *port;
    return mac_table_lookup(table, mac(n), vlan, &port) ? (int)(((char *)port - port_names[0]) / 2) : -1;
}

static void learns_moves_and_ages(void **state)
{
    struct mac_table *table = mac_table_create();
    memset(changes, 0, sizeof changes);
    mac_table_set_callback(table, note, NULL);
    assert_true(learn(table, 1, 1, 1000));
    assert_false(learn(table, 1, 1, 2000));
    assert_true(learn(table, 2, 2, 3000));
    assert_true(learn(table, 1, 3, 4000));
    assert_int_equal(where(table, 1, 0), 3);
    assert_int_equal(where(table, 1, 7), -1);
    assert_false(
        mac_table_learn(table, &(struct mac_learn){.mac = {{1, 0, 0, 0, 0, 1}}, .port = PORT(1)}, 0));
    assert_int_equal(mac_table_run(table, 4000), 303000);
    assert_int_equal(mac_table_run(table, 303000), 304000);
    assert_int_equal(where(table, 2, 0), -1);
    mac_table_set_aging(table, 1);
    assert_int_equal(mac_table_run(table, 303001), INT64_MAX);
    const unsigned want[] = {2, 1, 2, 0, 0};
    assert_memory_equal(changes, want, sizeof want);
    struct mac_table_stats stats;
    mac_table_get_stats(table, &stats);
    assert_int_equal(stats.n, 0);
    assert_int_equal(stats.learned, 2);
    assert_int_equal(stats.moved, 1);
    assert_int_equal(stats.expired, 2);
    mac_table_destroy(table);
}

static void evicts_from_the_port_that_has_most(void **state)
{
    struct mac_table *table = mac_table_create();
    mac_table_set_max(table, 3); /* clamped to 10 */
    for (unsigned i = 0; i < 3; i++) {
        learn(table, i, 1, i);
    }
    for (unsigned i = 100; i < 1000; i++) {
        learn(table, i, 2, i);
        struct mac_table_stats stats;
        mac_table_get_stats(table, &stats);
        assert_true(stats.n <= 10);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(where(table, i, 0), 1);
    }
    for (unsigned i = 993; i < 1000; i++) {
        assert_int_equal(where(table, i, 0), 2);
    }
    mac_table_set_max(table, 20);
    for (unsigned i = 2000; i < 2010; i++) {
        learn(table, i, 3, i);
    }
    mac_table_set_max(table, 10);
    assert_int_equal(where(table, 0, 0), 1);
    assert_int_equal(where(table, 2009, 0), 3);
    assert_int_equal(where(table, 2000, 0), -1);
    mac_table_flush_port(table, PORT(3), false);
    assert_int_equal(where(table, 2009, 0), -1);
    mac_table_flush(table);
    assert_int_equal(where(table, 0, 0), -1);
    mac_table_destroy(table);
}

static void keeps_static_entries(void **state)
{
    struct mac_table *table = mac_table_create();
    struct mac_entry old;
    bool replaced;
    learn(table, 1, 1, 0);
    assert_int_equal(mac_table_add_static(table, mac(1), 0, PORT(2), 5, &old, &replaced), 0);
    assert_true(replaced && !old.is_static && old.port == PORT(1));
    assert_false(learn(table, 1, 3, 10));
    assert_int_equal(where(table, 1, 0), 2);
    assert_int_equal(mac_table_run(table, INT64_C(1000000)), INT64_MAX);
    mac_table_flush(table);
    mac_table_flush_vlan(table, 0);
    mac_table_flush_port(table, PORT(2), false);
    assert_int_equal(where(table, 1, 0), 2);
    mac_table_set_max(table, 10);
    for (unsigned i = 2; i <= 10; i++) {
        assert_int_equal(mac_table_add_static(table, mac(i), 0, PORT(3), 5, NULL, &replaced), 0);
        assert_false(replaced);
    }
    assert_false(learn(table, 50, 1, 11));
    assert_int_equal(mac_table_add_static(table, mac(11), 0, PORT(3), 5, NULL, &replaced), ENOSPC);
    assert_int_equal(mac_table_del_static(table, mac(50), 0), ENOENT);
    assert_int_equal(mac_table_del_static(table, mac(2), 0), 0);
    assert_true(learn(table, 50, 1, 11));
    assert_int_equal(mac_table_del_static(table, mac(50), 0), ENOENT);
    mac_table_flush_port(table, PORT(3), true);
    struct mac_table_stats stats;
    mac_table_get_stats(table, &stats);
    assert_int_equal(stats.n, 2);
    assert_int_equal(stats.n_static, 1);
    mac_table_destroy(table);
}

static void locks_against_reflected_gratuitous_arp(void **state)
{
    struct mac_table *table = mac_table_create();
    struct mac_learn arp = {.mac = mac(1), .port = PORT(1), .gratuitous_arp = true};
    struct mac_learn reflected = {.mac = mac(1), .port = PORT(2), .gratuitous_arp = true, .from_bond = true};
    assert_true(mac_table_learn(table, &arp, 0));
    assert_false(mac_table_would_learn(table, &reflected, 4999));
    assert_false(mac_table_learn(table, &reflected, 4999));
    assert_int_equal(where(table, 1, 0), 1);
    assert_true(mac_table_would_learn(table, &reflected, 5000));
    assert_true(mac_table_learn(table, &reflected, 5000));
    assert_int_equal(where(table, 1, 0), 2);
    mac_table_destroy(table);
}

static void floods_what_it_is_told(void **state)
{
    struct mac_table *table = mac_table_create();
    uint64_t vlans[64] = {[1] = 1u << 3};
    struct mac_learn in_67 = {.mac = mac(1), .vlan = 67, .port = PORT(1)};
    assert_true(mac_table_learn(table, &in_67, 0));
    assert_true(mac_table_set_flood_vlans(table, vlans));
    assert_false(mac_table_set_flood_vlans(table, vlans));
    assert_int_equal(where(table, 1, 67), -1);
    assert_false(mac_table_learn(table, &in_67, 0));
    assert_true(mac_table_set_flood_vlans(table, NULL));
    assert_true(mac_table_learn(table, &in_67, 0));
    mac_table_destroy(table);
}

static void append(const struct mac_entry *entry, void *aux)
{
    char *text = aux;
    text[strlen(text)] = (char)('0' + entry->mac.ea[5]);
}

static void lists_the_oldest_first(void **state)
{
    struct mac_table *table = mac_table_create();
    char text[10] = "";
    bool replaced;
    learn(table, 1, 1, 0);
    learn(table, 2, 2, 0);
    mac_table_add_static(table, mac(3), 0, PORT(1), 0, NULL, &replaced);
    learn(table, 4, 2, 0);
    learn(table, 1, 1, 0);
    mac_table_for_each(table, append, text);
    assert_string_equal(text, "2341");
    mac_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_moves_and_ages),  cmocka_unit_test(evicts_from_the_port_that_has_most),
        cmocka_unit_test(keeps_static_entries),   cmocka_unit_test(locks_against_reflected_gratuitous_arp),
        cmocka_unit_test(floods_what_it_is_told), cmocka_unit_test(lists_the_oldest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
