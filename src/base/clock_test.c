/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void stops_and_warps(void **state)
{
    int64_t before = clock_ms();
    clock_warp(1000); /* without effect while it runs */
    assert_true(clock_ms() - before < 500);
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
