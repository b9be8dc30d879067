/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "packet/packet.h"

static void check_fresh(const struct packet *p, uint32_t len)
{
    assert_int_equal(p->len, len);
    assert_true(packet_headroom(p) >= PACKET_HEADROOM);
    assert_int_equal(p->in_port, PACKET_NO_PORT);
    assert_int_equal(p->l2_5_ofs, PACKET_NO_OFFSET);
    assert_int_equal(p->l3_ofs, PACKET_NO_OFFSET);
    assert_int_equal(p->l4_ofs, PACKET_NO_OFFSET);
    assert_int_equal(p->csum, PACKET_CSUM_UNKNOWN);
    assert_int_equal(p->cutlen, 0);
    assert_null(p->tunnel);
}

static void test_limits(void **state)
{
    struct packet_pool *pool = packet_pool_create(3000, 40);
    struct packet *small[3000], *large[40];
    assert_int_equal(packet_pool_bytes(pool), 0);
    for (int i = 0; i < 3000; i++) {
        small[i] = packet_alloc(pool, 1500);
        assert_non_null(small[i]);
        check_fresh(small[i], 1500);
        memset(small[i]->buf, i, small[i]->buf_size);
    }
    assert_null(packet_alloc(pool, 60));
    for (int i = 0; i < 40; i++) {
        large[i] = packet_alloc(pool, 65535 + 14);
        assert_non_null(large[i]);
        check_fresh(large[i], 65549);
        memset(large[i]->buf, 100 + i, large[i]->buf_size);
    }
    assert_null(packet_alloc(pool, 2000));
    assert_null(packet_alloc(pool, PACKET_LARGE_SIZE));
    assert_null(packet_alloc(pool, UINT32_MAX));
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(small[i]->buf[0], (uint8_t)i);
        assert_int_equal(small[i]->buf[small[i]->buf_size - 1], (uint8_t)i);
    }
    assert_int_equal(packet_pool_in_use(pool), 3040);
    size_t bytes = packet_pool_bytes(pool);
    for (int i = 0; i < 3000; i++) {
        packet_free(small[i]);
    }
    for (int i = 0; i < 40; i++) {
        packet_free(large[i]);
    }
    struct packet *p = packet_alloc(pool, 1);
    check_fresh(p, 1);
    packet_free(p);
    packet_free(NULL);
    assert_int_equal(packet_pool_in_use(pool), 0);
    assert_int_equal(packet_pool_bytes(pool), bytes);
    packet_pool_destroy(pool);
    packet_pool_destroy(NULL);
}

static void fill(struct packet *p)
{
    for (uint32_t i = 0; i < p->len; i++) {
        p->data[i] = (uint8_t)(i * 7 + (i >> 8));
    }
}
static void check_filled(const struct packet *p, uint32_t len)
{
    assert_int_equal(p->len, len);
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(p->data[i], (uint8_t)(i * 7 + (i >> 8)));
    }
}

static void clone_and_grow(struct packet_pool *pool)
{
    struct packet_tunnel t = {.erspan_idx = 7, .opts_len = 4, .opts = "abc"};
    t.block[0] = 99;
    static const uint32_t lens[] = {0, 1, 60, 1500, PACKET_SMALL_SIZE - PACKET_HEADROOM, 2000, 65549};
    for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
        struct packet *p = packet_alloc(pool, lens[i]);
        fill(p);
        p->mark = 5;
        p->l3_ofs = 14;
        p->ct_label.u8[15] = 1;
        assert_int_equal(packet_set_tunnel(p, &t), 0);
        struct packet *c = packet_clone(pool, p);
        packet_free(p);
        check_filled(c, lens[i]);
        assert_int_equal(c->mark, 5);
        assert_int_equal(c->l3_ofs, 14);
        assert_int_equal(c->ct_label.u8[15], 1);
        assert_int_equal(c->tunnel->block[0], 99);
        assert_memory_equal(c->tunnel->opts, "abc", 4);
        assert_int_equal(packet_reserve_headroom(c, 10), 0);
        for (uint32_t room = 200; room < 2500; room += 700) {
            assert_int_equal(packet_reserve_headroom(c, room), 0);
            assert_true(packet_headroom(c) >= room);
            check_filled(c, lens[i]);
        }
        assert_int_equal(packet_reserve_headroom(c, PACKET_LARGE_SIZE), lens[i] ? ENOMEM : 0);
        assert_int_equal(packet_reserve_headroom(c, UINT32_MAX), ENOMEM);
        check_filled(c, lens[i]);
        packet_reset_metadata(c);
        assert_null(c->tunnel);
        check_fresh(c, lens[i]);
        packet_free(c);
    }
    assert_int_equal(packet_pool_in_use(pool), 0);
    packet_pool_destroy(pool);
}

static void test_warm(void **state)
{
    struct packet_pool *pool = packet_pool_create(100, 10);
    packet_pool_warm(pool);
    size_t bytes = packet_pool_bytes(pool);
    assert_true(bytes > 0);
    struct packet *small = packet_alloc(pool, 60), *large = packet_alloc(pool, 65549);
    check_fresh(small, 60);
    check_fresh(large, 65549);
    assert_int_equal(packet_pool_bytes(pool), bytes);
    packet_free(small);
    packet_free(large);
    packet_pool_warm(pool);
    assert_int_equal(packet_pool_bytes(pool), bytes);
    packet_pool_destroy(pool);
}

static void test_clone_pool(void **state)
{
    clone_and_grow(packet_pool_create(100, 100));
}
static void test_clone_heap(void **state)
{
    clone_and_grow(packet_pool_create_heap());
}

/* Random life: what comes out of the pool is never in use twice. */
static void test_random(void **state)
{
    struct packet_pool *pool = packet_pool_create(500, 20);
    struct packet *live[520] = {NULL};
    unsigned seed = 1;
    for (int i = 0; i < 100000; i++) {
        unsigned k = (unsigned)rand_r(&seed) % 520;
        if (!live[k]) {
            live[k] = packet_alloc(pool, rand_r(&seed) % 50 ? 100 : 3000);
            if (live[k]) {
                memset(live[k]->data, (int)k, live[k]->len);
                live[k]->mark = k;
            }
        } else if (rand_r(&seed) % 20 == 0) {
            packet_reserve_headroom(live[k], (uint32_t)rand_r(&seed) % 4000);
        } else {
            assert_int_equal(live[k]->mark, k);
            assert_int_equal(live[k]->data[0], (uint8_t)k);
            assert_int_equal(live[k]->data[live[k]->len - 1], (uint8_t)k);
            packet_free(live[k]);
            live[k] = NULL;
        }
    }
    for (int k = 0; k < 520; k++) {
        packet_free(live[k]);
    }
    packet_pool_destroy(pool);
}

static void test_batch(void **state)
{
    struct packet_pool *pool = packet_pool_create(BATCH_SIZE, 0);
    struct packet_batch b;
    batch_init(&b);
    for (int round = 0; round < 3; round++) {
        while (!batch_is_full(&b)) {
            batch_add(&b, packet_from_bytes(pool, "hello", 5));
        }
        assert_null(packet_alloc(pool, 1));
        struct packet *p;
        BATCH_FOR_EACH (p, &b) {
            assert_memory_equal(p->data, "hello", 5);
        }
        batch_free(&b);
        assert_int_equal(b.n, 0);
    }
    packet_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),     cmocka_unit_test(test_warm),   cmocka_unit_test(test_clone_pool),
        cmocka_unit_test(test_clone_heap), cmocka_unit_test(test_random), cmocka_unit_test(test_batch),
    };
    return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
