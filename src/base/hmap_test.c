/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/alloc.h"

struct item {
    struct hmap_node node;
    int value;
};

static void insert_find_remove(void **state)
{
    struct hmap map;
    struct item *item;
    hmap_init(&map);
    for (int i = 0; i < 1000; i++) {
        item = xmalloc(sizeof *item);
        item->value = i;
        hmap_insert(&map, &item->node, (uint32_t)i * 2654435761u);
    }
    assert_int_equal(hmap_count(&map), 1000);
    for (int i = 0; i < 1000; i++) {
        int found = 0;
        HMAP_FOR_EACH_WITH_HASH (item, node, (uint32_t)i * 2654435761u, &map) {
            found += item->value == i;
        }
        assert_int_equal(found, 1);
    }
    int sum = 0;
    HMAP_FOR_EACH (item, node, &map) {
        sum += item->value;
    }
    assert_int_equal(sum, 999 * 1000 / 2);
    HMAP_FOR_EACH_SAFE (item, node, &map) {
        if (item->value % 2) {
            hmap_remove(&map, &item->node);
            free(item);
        }
    }
    assert_int_equal(hmap_count(&map), 500);
    HMAP_FOR_EACH_SAFE (item, node, &map) {
        hmap_remove(&map, &item->node);
        free(item);
    }
    assert_true(hmap_is_empty(&map));
    hmap_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(insert_find_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
