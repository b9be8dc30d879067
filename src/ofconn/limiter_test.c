/* SPDX-License-Identifier: Apache-2.0 */
#include "ofconn/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

/* A packet of PORT, numbered. */
struct packet {
    uint32_t port;
    int n;
};

static bool admit(struct limiter *l, uint32_t port, int n, int64_t now)
{
    struct packet *p = xmalloc(sizeof *p);
    *p = (struct packet){port, n};
    bool at_once = limiter_admit(l, p, port, now);
    if (at_once) {
        free(p);
    }
    return at_once;
}

static void test_rate(void **state)
{
    struct limiter *l = limiter_create(100, 25, 0);
    struct limiter_counts c;
    for (int i = 0; i < 60; i++) {
        assert_int_equal(admit(l, 1, i, 0), i < 25); /* the bucket is full at first */
    }
    limiter_counts(l, &c);
    assert_int_equal(c.bypassed, 25);
    assert_int_equal(c.queued, 35);
    assert_int_equal(c.dropped, 10);
    assert_int_equal(c.backlog, 25);
    assert_null(limiter_next(l, 0));
    assert_int_equal(limiter_due_ms(l), 10);
    assert_null(limiter_next(l, 9));
    struct packet *p = limiter_next(l, 10);
    assert_non_null(p);
    assert_int_equal(p->n, 25); /* the oldest: the newest were dropped */
    free(p);
    for (int i = 1; i < 25; i++) {
        p = limiter_next(l, 10 + i * 10);
        assert_non_null(p);
        assert_int_equal(p->n, 25 + i);
        free(p);
    }
    assert_null(limiter_next(l, 100000));
    assert_true(limiter_due_ms(l) == INT64_MAX);
    assert_true(admit(l, 1, 99, 100000));
    limiter_destroy(l);
}

/* One port floods: another one's few packets all wait their turn, and get it. */
static void test_fairness(void **state)
{
    struct limiter *l = limiter_create(100, 25, 0);
    while (admit(l, 1, 0, 0)) {
    }
    for (int i = 0; i < 1000; i++) {
        admit(l, 1, 1, 0);
    }
    for (int i = 0; i < 5; i++) {
        admit(l, 2, i, 0);
    }
    for (int i = 0; i < 1000; i++) {
        admit(l, 1, 2, 0);
    }
    int of_two = 0;
    for (int i = 1; i <= 12; i++) {
        struct packet *p = limiter_next(l, i * 10);
        assert_non_null(p);
        of_two += p->port == 2;
        free(p);
    }
    assert_int_equal(of_two, 5);
    limiter_destroy(l);
}

static void test_lower_burst(void **state)
{
    struct limiter *l = limiter_create(100, 50, 0);
    struct limiter_counts c;
    for (int i = 0; i < 100; i++) {
        admit(l, (uint32_t)i % 4, i, 0);
    }
    limiter_set(l, 100, 10);
    limiter_counts(l, &c);
    assert_int_equal(c.backlog, 10);
    assert_int_equal(c.dropped, 40);
    limiter_destroy(l);
    limiter_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rate), cmocka_unit_test(test_fairness),
                                       cmocka_unit_test(test_lower_burst)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
