/* SPDX-License-Identifier: Apache-2.0 */
#include "match/widen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/minikey.h"

#define DP_BYTES (FLOW_DP_BLOCKS * FLOW_BLOCK_SIZE)

static uint64_t rnd_state = 88172645463325252ull;
static uint32_t rnd(void)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return (uint32_t)(rnd_state >> 16);
}

static bool is_padding(size_t byte)
{
    const struct flow_key pads = {.pad_hot = {1, 1, 1, 1},
                                  .pad_meta = {1, 1, 1},
                                  .pad_opts = {1, 1, 1},
                                  .pad_ext = {1, 1, 1, 1, 1, 1, 1, 1}};
    return ((const uint8_t *)&pads)[byte];
}

/* Any one bit of the datapath's key belongs to a field, which it drags along; what is beyond is left alone.
 */
static void knows_every_field(void **state)
{
    for (size_t byte = 0; byte < sizeof(struct flow_key); byte++) {
        struct flow_mask mask = {.blocks = 0}, again;
        ((uint8_t *)&mask.bits)[byte] = 1;
        struct flow_mask before = mask;
        megaflow_widen_mask(&mask, WIDEN_FIELDS);
        if (byte >= DP_BYTES || is_padding(byte)) {
            assert_memory_equal(&mask, &before, sizeof mask);
            continue;
        }
        unsigned n = 0;
        for (size_t i = 0; i < sizeof mask.bits; i++) {
            n += ((uint8_t *)&mask.bits)[i] != 0;
        }
        assert_true(n > 0);
        assert_int_equal(mask.blocks & ~before.blocks, flow_mask_find_blocks(&mask));
        again = mask;
        megaflow_widen_mask(&again, WIDEN_FIELDS);
        assert_memory_equal(&mask, &again, sizeof mask);
    }
}

static void only_adds_bits(void **state)
{
    for (int k = 0; k < 2000; k++) {
        struct flow_mask mask = {.blocks = 0}, fields, layers;
        for (int i = 0; i < 5; i++) {
            size_t byte = rnd() % DP_BYTES;
            if (!is_padding(byte)) {
                ((uint8_t *)&mask.bits)[byte] = (uint8_t)rnd();
            }
        }
        mask.bits.tcp_flags &= CONST_BE16(0x0fff);
        mask.bits.ipv6_label &= CONST_BE32(0xfffff);
        mask.bits.ct_state &= 0xff;
        mask.bits.tun_flags &= 0x1f;
        mask.bits.nw_frag &= 3;
        mask.bits.erspan_idx &= 0xfffff;
        mask.blocks = (uint16_t)flow_mask_find_blocks(&mask);
        fields = layers = mask;
        megaflow_widen_mask(&fields, WIDEN_FIELDS);
        megaflow_widen_mask(&layers, WIDEN_LAYERS);
        assert_int_equal(layers.blocks, flow_mask_find_blocks(&layers));
        for (size_t i = 0; i < FLOW_WORDS; i++) {
            uint64_t m = flow_key_words(&mask.bits)[i], f = flow_key_words(&fields.bits)[i];
            assert_int_equal(m & ~f, 0);
            assert_int_equal(f & ~flow_key_words(&layers.bits)[i], 0);
        }
        struct flow_mask again = layers;
        megaflow_widen_mask(&again, WIDEN_LAYERS);
        assert_memory_equal(&again, &layers, sizeof again);
    }
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct flow_mask));
}

/* The attack: for rules on addresses and ports, packets that demand every prefix length of each. */
static void leaves_few_masks(void **state)
{
    enum {
        N = 4096
    };
    struct flow_mask *masks = calloc(N, sizeof *masks);
    static const size_t most[] = {N, 16, 4};
    for (enum widen_level level = WIDEN_FIELDS; level <= WIDEN_LAYERS; level++) {
        for (int i = 0; i < N; i++) {
            struct flow_mask mask = {.bits = {.in_port = UINT32_MAX,
                                              .recirc_id = UINT32_MAX,
                                              .packet_type = UINT32_MAX,
                                              .dl_type = 0xffff,
                                              .nw_frag = 3}};
            unsigned r = rnd();
            mask.bits.nw_src = CONST_BE32(0xffffffff) >> (r % 32) & (r & 1024 ? UINT32_MAX : 0);
            mask.bits.nw_dst = UINT32_MAX >> (r / 32 % 32) & (r & 2048 ? UINT32_MAX : 0);
            mask.bits.tp_src = (be16)((r & 4096 ? 0xffff : 0) >> (r >> 16) % 16);
            mask.bits.tp_dst = (be16)((r & 8192 ? 0xffff : 0) >> (r >> 20) % 16);
            mask.blocks = 1;
            megaflow_widen_mask(&mask, level);
            masks[i] = mask;
        }
        qsort(masks, N, sizeof *masks, compare);
        size_t n = 1;
        for (int i = 1; i < N; i++) {
            n += compare(&masks[i - 1], &masks[i]) != 0;
        }
        assert_true(n <= most[level]);
    }
    free(masks);
}

static void chooses_a_level(void **state)
{
    assert_int_equal(megaflow_widen_level(0, 128), WIDEN_NONE);
    assert_int_equal(megaflow_widen_level(64, 128), WIDEN_FIELDS);
    assert_int_equal(megaflow_widen_level(128, 128), WIDEN_LAYERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_field),
        cmocka_unit_test(only_adds_bits),
        cmocka_unit_test(leaves_few_masks),
        cmocka_unit_test(chooses_a_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
