/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/lldp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lldp *make(const char *port)
{
    struct lldp_settings settings = {.chassis_id = {{0xaa, 0x55, 0xaa, 0x55, 0x00, 0x0d}},
                                     .system_description = "openvswitch 3.1.0"};
    strcpy(settings.port_id, port);
    return lldp_create(&settings, 0);
}

/* The reference's own, of an interface of that name and address. */
static const uint8_t reference[] = {
    0x02, 0x07, 0x04, 0xaa, 0x55, 0xaa, 0x55, 0x00, 0x0d, 0x04, 0x03, 0x05, 'y',  '1',  0x06, 0x02, 0x00,
    0x78, 0x0c, 0x11, 'o',  'p',  'e',  'n',  'v',  's',  'w',  'i',  't',  'c',  'h',  ' ',  '3',  '.',
    '1',  '.',  '0',  0x0e, 0x04, 0x00, 0x04, 0x00, 0x04, 0xfe, 0x32, 0x00, 0x04, 0x0d, 0x0b, 0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x38, 0,    0,    0,
    0xaa, 0x55, 0xaa, 0x55, 0x00, 0x0d, 0,    0,    0,    0,    0,    0};

static void sends_what_the_reference_sends(void **state)
{
    uint8_t buf[LLDP_MAX_LEN];
    int64_t wake;
    struct lldp *lldp = make("y1");
    assert_true(lldp_run(lldp, 0, &wake));
    assert_int_equal(lldp_make_message(lldp, buf, false, 0), sizeof reference);
    assert_memory_equal(buf, reference, sizeof reference);
    assert_false(lldp_run(lldp, LLDP_TX_INTERVAL_MS - 1, &wake));
    assert_int_equal(wake, LLDP_TX_INTERVAL_MS);
    assert_true(lldp_run(lldp, LLDP_TX_INTERVAL_MS, &wake));
    lldp_destroy(lldp);
}

static void remembers_neighbours(void **state)
{
    uint8_t buf[LLDP_MAX_LEN];
    int64_t wake;
    size_t n;
    struct lldp *a = make("a1"), *b = make("b1");
    assert_true(lldp_receive(a, reference, sizeof reference, 0));
    assert_true(lldp_receive(a, reference, sizeof reference, 1000));
    size_t len = lldp_make_message(b, buf, false, 0);
    assert_true(lldp_receive(a, buf, len, 5000));
    const struct lldp_neighbour *neighbours = lldp_neighbours(a, &n);
    assert_int_equal(n, 2);
    assert_int_equal(neighbours[0].port.len, 2);
    assert_memory_equal(neighbours[0].port.bytes, "y1", 2);
    assert_string_equal(neighbours[0].system_description, "openvswitch 3.1.0");
    assert_int_equal(neighbours[0].capabilities, 4);
    assert_true(neighbours[0].has_element);
    assert_int_equal(neighbours[0].element_type, 14);
    len = lldp_make_message(b, buf, true, 0);
    assert_true(lldp_receive(a, buf, len, 6000));
    lldp_neighbours(a, &n);
    assert_int_equal(n, 1);
    lldp_make_message(a, buf, false, 120000);
    lldp_run(a, 120999, &wake);
    assert_int_equal(wake, 121000);
    lldp_run(a, 121000, &wake);
    lldp_neighbours(a, &n);
    assert_int_equal(n, 0);
    struct lldp_stats stats;
    lldp_get_stats(a, &stats);
    assert_int_equal(stats.rx, 4);
    assert_int_equal(stats.insert, 2);
    assert_int_equal(stats.remove, 1);
    assert_int_equal(stats.ageout, 1);
    lldp_destroy(a);
    lldp_destroy(b);
}

/* Every truncation and every changed byte: refused or understood, and never more than is there is read. */
static void survives_damage(void **state)
{
    struct lldp *lldp = make("a1");
    for (size_t len = 0; len < sizeof reference; len++) {
        uint8_t *copy = malloc(len ? len : 1);
        memcpy(copy, reference, len);
        assert_false(lldp_receive(lldp, copy, len, 0));
        free(copy);
    }
    for (size_t i = 0; i < sizeof reference; i++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t *copy = malloc(sizeof reference);
            memcpy(copy, reference, sizeof reference);
            copy[i] = (uint8_t)v;
            lldp_receive(lldp, copy, sizeof reference, 0);
            free(copy);
        }
    }
    size_t n;
    lldp_neighbours(lldp, &n);
    assert_int_equal(n, LLDP_MAX_NEIGHBOURS);
    lldp_destroy(lldp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_what_the_reference_sends),
        cmocka_unit_test(remembers_neighbours),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
