/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void stops_and_warps(void **state)
{
    int64_t before = clock_ms(), wall_before = clock_wall_ms();
    clock_warp(100000); /* while it runs, too */
    assert_in_range(clock_ms() - before, 100000, 160000);
    assert_in_range(clock_wall_ms() - wall_before, 100000, 160000);
    clock_stop();
    int64_t now = clock_ms(), wall = clock_wall_ms();
    clock_warp(1500);
    assert_int_equal(clock_ms(), now + 1500);
    assert_int_equal(clock_wall_ms(), wall + 1500);
    assert_true(clock_is_stopped());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_and_warps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
