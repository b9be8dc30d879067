/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tun_md.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static bool add(struct tun_md_table *t, unsigned i, uint16_t class, uint8_t type, uint8_t len)
{
    t->maps[i] = (struct tun_md_map){class, type, len};
    return tun_md_layout_add(&t->layout, i, len);
}

/* Fields come and go at random; whatever room is left, values stay what they are, and all room is used. */
static void test_layout(void **state)
{
    struct tun_md_layout l;
    struct flow_key key;
    uint8_t values[FLOW_N_TUN_MD][TUN_MD_MAX_LEN], got[TUN_MD_MAX_LEN];
    unsigned used = 0;
    memset(&l, 0, sizeof l);
    memset(&key, 0, sizeof key);
    srandom(7);
    for (int round = 0; round < 20000; round++) {
        unsigned i = (unsigned)random() % FLOW_N_TUN_MD, len = (unsigned)random() % 32 * 4;
        if (l.known & TUN_MD_BIT(i)) {
            used -= l.slots[i].len;
            tun_md_clear(&l, i, &key);
            tun_md_layout_remove(&l, i);
        } else {
            bool ok = tun_md_layout_add(&l, i, len);
            assert_int_equal(ok, used + len <= FLOW_TUN_MD_SIZE);
            if (ok) {
                used += len;
                for (unsigned b = 0; b < len; b++) {
                    values[i][b] = (uint8_t)random();
                }
                tun_md_set(&l, i, values[i], len, &key);
            }
        }
        for (unsigned f = 0; f < FLOW_N_TUN_MD; f++) {
            assert_int_equal(key.tun_md_present >> f & 1, l.known >> f & 1);
            if (l.known & TUN_MD_BIT(f)) {
                tun_md_get(&l, f, &key, got, l.slots[f].len);
                assert_memory_equal(got, values[f], l.slots[f].len);
            }
        }
    }
    (void)state;
}

/* Values and their places may differ in length: they are numbers. */
static void test_lengths(void **state)
{
    struct tun_md_layout l;
    struct flow_key key;
    uint8_t wide[8], value[4] = {1, 2, 3, 4}, narrow[2];
    memset(&l, 0, sizeof l);
    memset(&key, 0, sizeof key);
    assert_true(tun_md_layout_add(&l, 5, 4));
    tun_md_set(&l, 5, value, 4, &key);
    tun_md_get(&l, 5, &key, wide, 8);
    assert_memory_equal(wide, ((uint8_t[]){0, 0, 0, 0, 1, 2, 3, 4}), 8);
    tun_md_get(&l, 5, &key, narrow, 2);
    assert_memory_equal(narrow, ((uint8_t[]){3, 4}), 2);
    tun_md_set(&l, 5, narrow, 2, &key);
    tun_md_get(&l, 5, &key, wide, 8);
    assert_memory_equal(wide, ((uint8_t[]){0, 0, 0, 0, 0, 0, 3, 4}), 8);
    /* Three bytes, in a match. */
    assert_true(tun_md_layout_add(&l, 6, 3));
    tun_md_set(&l, 6, value, 3, &key);
    tun_md_get(&l, 6, &key, wide, 3);
    assert_memory_equal(wide, value, 3);
    /* None that is known. */
    tun_md_set(&l, 7, value, 4, &key);
    assert_false(key.tun_md_present & TUN_MD_BIT(7));
    (void)state;
}

static void test_options(void **state)
{
    static const uint8_t opts[] = {0xff, 0xff, 3,    2,    1, 2, 3, 4, 5, 6, 7, 8, /* tun_metadata4 */
                                   0x01, 0x02, 9,    0xe1, 9, 9, 9, 9, /* nobody's, with reserved bits */
                                   0x00, 0x01, 0x83, 0}; /* tun_metadata2: critical, but known */
    struct tun_md_table t;
    struct flow_key key, mask;
    uint8_t out[FLOW_TUN_OPTS_MAX];
    tun_md_table_init(&t);
    assert_true(add(&t, 4, 0xffff, 3, 8));
    assert_true(add(&t, 2, 1, 0x83, 0));
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    memcpy(key.tun_opts, opts, sizeof opts);
    key.tun_opts_len = sizeof opts;
    assert_true(tun_md_from_options(&t, key.tun_opts, key.tun_opts_len, &key));
    assert_int_equal(key.tun_md_present, TUN_MD_BIT(4) | TUN_MD_BIT(2));

    /* Back, in the order of the fields, without what has no name. */
    static const uint8_t back[] = {0x00, 0x01, 0x83, 0, 0xff, 0xff, 3, 2, 1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(tun_md_to_options(&t, &key, out), sizeof back);
    assert_memory_equal(out, back, sizeof back);

    static const uint8_t bits[] = {0xff, 0xff, 0xff, 0x1f, 0, 0, 0, 0, 0,    0,    0xf0, 0x0f,
                                   0xff, 0xff, 0xff, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x1f};
    tun_md_set_mask(&t.layout, 4, (const uint8_t[]){0xf0, 0x0f}, 2, &mask);
    tun_md_mask_options(&t, &key, &mask);
    assert_memory_equal(mask.tun_opts, bits, sizeof bits);
    assert_int_equal(mask.tun_opts_len, 255);

    /* Another length; a critical one that nobody knows; cut off. */
    struct flow_key empty;
    memset(&empty, 0, sizeof empty);
    assert_false(tun_md_from_options(&t, (const uint8_t[]){0xff, 0xff, 3, 1, 0, 0, 0, 0}, 8, &empty));
    assert_false(tun_md_from_options(&t, (const uint8_t[]){0, 9, 0x80, 0}, 4, &empty));
    assert_false(tun_md_from_options(&t, opts, sizeof opts - 1, &empty));
    assert_false(tun_md_from_options(&t, opts, 2, &empty));
    assert_int_equal(empty.tun_md_present, 0);
    assert_true(tun_md_from_options(&t, opts, 0, &empty));

    /* What is not understood counts as a whole. */
    key.tun_opts_len = 10;
    tun_md_mask_options(&t, &key, &mask);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(mask.tun_opts[i], 0xff);
    }
    assert_int_equal(mask.tun_opts[10], 0);
    (void)state;
}

/* 64 headers and 256 bytes do not fit into 252. */
static void test_too_many(void **state)
{
    struct tun_md_table t;
    struct flow_key key;
    uint8_t out[FLOW_TUN_OPTS_MAX], value[TUN_MD_MAX_LEN] = {0};
    tun_md_table_init(&t);
    memset(&key, 0, sizeof key);
    for (unsigned i = 0; i < 31; i++) {
        assert_true(add(&t, i, 1, (uint8_t)i, 4));
        tun_md_set(&t.layout, i, value, 4, &key);
    }
    assert_int_equal(tun_md_to_options(&t, &key, out), 31 * 8);
    assert_true(add(&t, 40, 1, 100, 4));
    tun_md_set(&t.layout, 40, value, 4, &key);
    assert_int_equal(tun_md_to_options(&t, &key, out), -1);
    tun_md_clear(&t.layout, 40, &key);
    assert_int_equal(tun_md_to_options(&t, &key, out), 31 * 8);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
