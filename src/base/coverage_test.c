/* SPDX-License-Identifier: Apache-2.0 */
#include "base/coverage.h"

#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

COVERAGE_DEFINE(cov_test_hit);
COVERAGE_DEFINE(cov_test_never);

static void *count(void *aux)
{
    for (int i = 0; i < 1000; i++) {
        COVERAGE_INC(cov_test_hit);
    }
    return NULL;
}

static void counts_over_threads(void **state)
{
    pthread_t threads[3];
    coverage_run(1000);
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, count, NULL);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    COVERAGE_ADD(cov_test_hit, 7);
    uint64_t n;
    assert_true(coverage_read_counter("cov_test_hit", &n));
    assert_int_equal(n, 3007);
    assert_true(coverage_read_counter("cov_test_never", &n));
    assert_int_equal(n, 0);
    assert_false(coverage_read_counter("cov_test_none", &n));
    coverage_run(6000);
    char *text = coverage_show();
    assert_non_null(
        strstr(text, "\ncov_test_hit             601.4/sec    50.117/sec        0.8353/sec   total: 3007\n"));
    assert_non_null(strstr(text, "\n1 events never hit\n"));
    free(text);
    coverage_run(6000 + 3600 * 1000 + 5000); /* an hour later the averages are down to nothing */
    text = coverage_show();
    assert_non_null(strstr(text, "  0.0/sec     0.000/sec        0.0000/sec   total: 3007\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_over_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
