/* SPDX-License-Identifier: Apache-2.0 */
#include "port/policer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/types.h"
#include "packet/packet.h"

#define SECOND 1000000

/* Packets like P, N of them, spread evenly over SECONDS: how many pass. */
static uint32_t offer(struct policer *policer, struct packet *p, int64_t *now_us, int64_t seconds, uint32_t n)
{
    uint32_t passed = 0;
    for (uint32_t i = 0; i < n; i++) {
        *now_us += seconds * SECOND / n;
        passed += policer_admit(policer, &p, 1, *now_us);
    }
    return passed;
}

static void test_bytes(void **state)
{
    struct policer policer;
    struct packet p = {.len = 1000};
    int64_t now = 5 * SECOND;
    policer_init(&policer);
    assert_false(policer_is_active(&policer));
    assert_true(policer_set(&policer, &(struct policer_config){.rate_kbps = 8000, .burst_kb = 800}));
    assert_false(policer_set(&policer, &(struct policer_config){.rate_kbps = 8000, .burst_kb = 800}));
    assert_true(policer_is_active(&policer));
    /* 1 MB/s and a burst of 100 kB: 2 s of 4 MB/s pass 2,100 packets. */
    assert_in_range(offer(&policer, &p, &now, 2, 8000), 2099, 2101);
    /* Below the rate all pass. */
    assert_int_equal(offer(&policer, &p, &now, 2, 1000), 1000);
    /* An hour makes no more of it than a full bucket. */
    now += 7200ll * SECOND;
    assert_in_range(offer(&policer, &p, &now, 1, 8000), 1099, 1101);
    policer_fini(&policer);
}

static void test_packets_and_both(void **state)
{
    struct policer policer;
    struct packet p = {.len = 100};
    int64_t now = 1;
    policer_init(&policer);
    policer_set(&policer, &(struct policer_config){.rate_kpkts = 1, .burst_kpkts = 1});
    assert_in_range(offer(&policer, &p, &now, 2, 8000), 2999, 3001);
    policer_set(&policer,
                &(struct policer_config){.rate_kpkts = 1, .burst_kpkts = 1, .rate_kbps = 80, .burst_kb = 80});
    assert_in_range(offer(&policer, &p, &now, 2, 8000), 299, 301); /* 10 kB/s and 10 kB */
    policer_set(&policer, &(struct policer_config){.rate_kbps = 0});
    assert_false(policer_is_active(&policer));
    policer_fini(&policer);
}

/* A burst that holds no segment as a whole: it passes all the same, at the rate. */
static void test_segments(void **state)
{
    struct policer policer;
    struct packet p = {.len = 60054, .gso_type = PACKET_GSO_TCPV4, .gso_size = 1000, .gso_hdr_len = 54};
    int64_t now = 1;
    policer_init(&policer);
    policer_set(&policer, &(struct policer_config){.rate_kbps = 80000, .burst_kb = 100});
    uint32_t passed = offer(&policer, &p, &now, 10, 10000); /* 10 MB/s for 10 s */
    assert_in_range(passed, 1660, 1670);
    policer_set(&policer, &(struct policer_config){.rate_kpkts = 6, .burst_kpkts = 1});
    passed = offer(&policer, &p, &now, 10, 10000); /* 60 packets each */
    assert_in_range(passed, 1000, 1020);
    policer_fini(&policer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_packets_and_both),
        cmocka_unit_test(test_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
