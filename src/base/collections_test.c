/* SPDX-License-Identifier: Apache-2.0 */
/* strmap, strset, smap, bitmap, random, error and memory. */
#include "base/bitmap.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/smap.h"
#include "base/strset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void strmap_holds(void **state)
{
    struct strmap map;
    int values[50];
    strmap_init(&map);
    for (int i = 0; i < 50; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%02d", 49 - i);
        assert_null(strmap_put(&map, key, &values[49 - i]));
    }
    assert_int_equal(strmap_count(&map), 50);
    assert_ptr_equal(strmap_get(&map, "k07"), &values[7]);
    assert_ptr_equal(strmap_put(&map, "k07", &values[8]), &values[7]);
    assert_ptr_equal(strmap_remove(&map, "k07"), &values[8]);
    assert_null(strmap_get(&map, "k07"));
    struct strmap_node **sorted = strmap_sorted(&map);
    assert_string_equal(sorted[0]->key, "k00");
    assert_string_equal(sorted[48]->key, "k49");
    free(sorted);
    strmap_fini(&map);
}

static void strset_splits_and_joins(void **state)
{
    struct strset set, other;
    strset_init(&set);
    strset_add_split(&set, " b, a ,,c b", ", ");
    assert_int_equal(strset_count(&set), 3);
    char *joined = strset_join(&set, " ");
    assert_string_equal(joined, "a b c");
    free(joined);
    strset_clone(&other, &set);
    assert_true(strset_equal(&set, &other));
    assert_true(strset_remove(&other, "b"));
    assert_false(strset_remove(&other, "b"));
    assert_false(strset_equal(&set, &other));
    strset_fini(&set);
    strset_fini(&other);
}

static void smap_orders_and_converts(void **state)
{
    struct smap map = SMAP_INITIALIZER, copy;
    smap_set(&map, "z", "0x10");
    smap_set(&map, "a", "true");
    smap_set_format(&map, "m", "%d", -5);
    smap_set(&map, "z", "0x11");
    assert_int_equal(map.n, 3);
    assert_string_equal(map.entries[0].key, "a");
    assert_string_equal(map.entries[2].key, "z");
    assert_true(smap_get_bool(&map, "a", false));
    assert_true(smap_get_bool(&map, "m", true));
    assert_false(smap_get_bool(&map, "m", false));
    assert_int_equal(smap_get_int(&map, "m", 0), -5);
    assert_int_equal(smap_get_uint(&map, "m", 7), 7);
    assert_int_equal(smap_get_uint(&map, "z", 7), 17);
    assert_int_equal(smap_get_int(&map, "a", 9), 9);
    smap_clone(&copy, &map);
    assert_true(smap_equal(&copy, &map));
    assert_true(smap_remove(&copy, "m"));
    assert_false(smap_remove(&copy, "m"));
    assert_false(smap_equal(&copy, &map));
    smap_fini(&map);
    smap_fini(&copy);
}

static void bitmap_scans(void **state)
{
    unsigned long *map = bitmap_create(200);
    assert_true(bitmap_is_empty(map, 200));
    bitmap_set(map, 0);
    bitmap_set(map, 63);
    bitmap_set(map, 64);
    bitmap_set(map, 199);
    size_t bit, n = 0, total = 0;
    BITMAP_FOR_EACH(bit, 200, map)
    {
        n++;
        total += bit;
    }
    assert_int_equal(n, 4);
    assert_int_equal(total, 63 + 64 + 199);
    assert_int_equal(bitmap_scan(map, false, 63, 200), 65);
    assert_int_equal(bitmap_scan(map, true, 65, 199), 199);
    assert_int_equal(bitmap_count(map, 64), 2);
    unsigned long *other = bitmap_clone(map, 200);
    bitmap_clear(other, 199);
    assert_true(bitmap_equal(map, other, 199));
    assert_false(bitmap_equal(map, other, 200));
    free(map);
    free(other);
}

static void random_is_even(void **state)
{
    random_set_seed(1);
    uint64_t first = random_u64();
    random_set_seed(1);
    assert_true(first == random_u64());
    unsigned count[6] = {0};
    for (int i = 0; i < 60000; i++) {
        count[random_below(6)]++;
    }
    for (int i = 0; i < 6; i++) {
        assert_in_range(count[i], 9500, 10500);
    }
}

static void report(struct memory_usage *usage, void *aux)
{
    memory_usage_add(usage, "rules", 3);
    memory_usage_add(usage, "ports", 2);
}

static void memory_adds_up(void **state)
{
    char *text = memory_show();
    assert_string_equal(text, "");
    free(text);
    memory_register(report, NULL);
    memory_register(report, &text);
    text = memory_show();
    assert_string_equal(text, "ports:4 rules:6");
    free(text);
    memory_unregister(report, NULL);
    memory_unregister(report, &text);
    assert_true(memory_peak_kb() > 0);
}

static void errors_read_well(void **state)
{
    assert_string_equal(error_text(ENOENT), "No such file or directory");
    assert_string_equal(error_text(ERROR_EOF), "End of file");
    assert_string_equal(error_text(99999), "Unknown error 99999");
    assert_null(error_prefix(NULL, "x"));
    char *error = error_prefix(strdup("bad"), "line %d", 3);
    assert_string_equal(error, "line 3: bad");
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strmap_holds),
        cmocka_unit_test(strset_splits_and_joins),
        cmocka_unit_test(smap_orders_and_converts),
        cmocka_unit_test(bitmap_scans),
        cmocka_unit_test(random_is_even),
        cmocka_unit_test(memory_adds_up),
        cmocka_unit_test(errors_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
