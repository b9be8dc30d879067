/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/minikey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct minimatch make(be32 nw_dst, be32 nw_mask, uint8_t conj)
{
    struct flow_key key = {.in_port = 7, .nw_dst = nw_dst, .conj_id = conj, .nw_ttl = 9};
    struct flow_mask mask = {.bits = {.in_port = UINT32_MAX, .nw_dst = nw_mask}};
    mask.bits.conj_id = conj ? UINT32_MAX : 0;
    mask.blocks = (uint16_t)flow_mask_find_blocks(&mask);
    struct minimatch match;
    minimatch_init(&match, &key, &mask);
    return match;
}

static void compresses_and_expands(void **state)
{
    struct minimatch match = make(CONST_BE32(0x0a000001), CONST_BE32(0xffffff00), 3), copy;
    assert_int_equal(flow_map_count(&match.map), 3);
    struct flow_key key;
    struct flow_mask mask;
    minimatch_expand(&match, &key, &mask);
    assert_int_equal(key.in_port, 7);
    assert_int_equal(key.nw_dst, CONST_BE32(0x0a000000));
    assert_int_equal(key.conj_id, 3);
    assert_int_equal(key.nw_ttl, 0);
    assert_int_equal(mask.blocks, FLOW_BLOCK_BIT(FLOW_BLOCK_HOT) | FLOW_BLOCK_BIT(FLOW_BLOCK_PIPELINE));
    minimatch_init(&copy, &key, &mask);
    assert_true(minimatch_equal(&match, &copy));
    assert_int_equal(minimatch_hash(&match, 1), minimatch_hash(&copy, 1));
    minimatch_fini(&copy);
    minimatch_clone(&copy, &match);
    assert_true(minimatch_equal(&match, &copy));
    minimatch_fini(&match);
    minimatch_move(&match, &copy);
    assert_null(copy.words);
    assert_true(minimatch_matches_key(&match, &key));
    key.conj_id = 4;
    assert_false(minimatch_matches_key(&match, &key));
    assert_true(minimatch_matches_key(&copy, &key));
    assert_int_equal(minimatch_mask_word(&match, FLOW_WORD_OF(in_port)), UINT32_MAX);
    assert_int_equal(minimatch_key_word(&match, FLOW_WORD_OF(regs)), 0);
    minimatch_fini(&match);
}

static void compares(void **state)
{
    struct minimatch net = make(CONST_BE32(0x0a000000), CONST_BE32(0xffffff00), 0);
    struct minimatch host = make(CONST_BE32(0x0a000005), CONST_BE32(0xffffffff), 0);
    struct minimatch other = make(CONST_BE32(0x0a000105), CONST_BE32(0xffffffff), 0);
    struct minimatch odd = make(CONST_BE32(0x00000005), CONST_BE32(0x000000ff), 0);
    assert_true(minimatch_is_narrower(&host, &net));
    assert_false(minimatch_is_narrower(&net, &host));
    assert_false(minimatch_is_narrower(&other, &net));
    assert_true(minimatch_is_narrower(&host, &host));
    assert_true(minimatch_overlaps(&net, &odd));
    assert_false(minimatch_is_narrower(&odd, &net));
    assert_false(minimatch_overlaps(&net, &other));
    assert_false(minimatch_equal(&host, &other));
    assert_true(minimatch_masks_equal(&host, &other));
    assert_int_equal(minimatch_mask_hash(&host, 0), minimatch_mask_hash(&other, 0));
    struct flow_mask wc = {.blocks = 0};
    minimatch_add_to_mask(&net, &wc);
    minimatch_add_to_mask(&odd, &wc);
    assert_int_equal(wc.bits.nw_dst, UINT32_MAX);
    assert_int_equal(wc.blocks, 1);
    minimatch_fini(&net);
    minimatch_fini(&host);
    minimatch_fini(&other);
    minimatch_fini(&odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(compresses_and_expands), cmocka_unit_test(compares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
