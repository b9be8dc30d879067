/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"

#include <pthread.h>
#include <sched.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    PER_PRODUCER = 20000,
    N_PRODUCERS = 3
};

static void bounded_and_in_order(void **state)
{
    struct ring ring;
    ring_init(&ring, 5, sizeof(uint64_t));
    uint64_t v;
    assert_false(ring_pop(&ring, &v));
    for (int round = 0; round < 3; round++) {
        for (v = 0; v < 8; v++) {
            assert_true(ring_push(&ring, &v));
        }
        assert_false(ring_push(&ring, &v));
        assert_int_equal(ring_count(&ring), 8);
        for (uint64_t i = 0; i < 8; i++) {
            assert_true(ring_pop(&ring, &v));
            assert_int_equal(v, i);
        }
        assert_false(ring_pop(&ring, &v));
    }
    ring_fini(&ring);
}

static struct ring shared;

static void *produce(void *id)
{
    for (uint32_t i = 0; i < PER_PRODUCER; i++) {
        uint32_t v[2] = {(uint32_t)(uintptr_t)id, i};
        while (!ring_push(&shared, v)) {
            sched_yield();
        }
    }
    return NULL;
}

static void many_producers(void **state)
{
    pthread_t threads[N_PRODUCERS];
    uint32_t next[N_PRODUCERS] = {0};
    ring_init(&shared, 64, 2 * sizeof(uint32_t));
    for (uintptr_t i = 0; i < N_PRODUCERS; i++) {
        pthread_create(&threads[i], NULL, produce, (void *)i);
    }
    for (int n = 0; n < PER_PRODUCER * N_PRODUCERS;) {
        uint32_t v[2];
        if (ring_pop(&shared, v)) {
            assert_int_equal(v[1], next[v[0]]++);
            n++;
        } else {
            sched_yield();
        }
    }
    for (int i = 0; i < N_PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
    }
    ring_fini(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounded_and_in_order),
        cmocka_unit_test(many_producers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
