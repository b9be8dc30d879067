/* SPDX-License-Identifier: Apache-2.0 */
/* The table against a list that is searched from end to end, with keys and masks from a small world so that
 * they often overlap; and the cache in front of it. */
#include "match/megaflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"
#include "match/emc.h"

#define N_ENTRIES 3000

struct entry {
    struct megaflow mega;
    struct flow_key key;
    struct flow_mask mask;
};

static struct flow_mask make_mask(unsigned which)
{
    struct flow_mask m;
    memset(&m, 0, sizeof m);
    m.blocks = 1;
    m.bits.in_port = UINT32_MAX;
    if (which & 1) {
        m.bits.nw_dst = CONST_BE32(0xffffff00u);
    }
    if (which & 2) {
        m.bits.tp_dst = 0xffff;
    }
    if (which & 4) {
        memset(&m.bits.ipv6_dst, 0xff, sizeof m.bits.ipv6_dst);
        m.blocks |= FLOW_BLOCK_BIT(FLOW_BLOCK_IPV6);
    }
    if (which & 8) {
        m.bits.tun_id = UINT64_MAX;
        m.blocks |= FLOW_BLOCK_BIT(FLOW_BLOCK_TUNNEL);
    }
    return m;
}

static struct flow_key make_key(void)
{
    struct flow_key k;
    memset(&k, 0, sizeof k);
    k.in_port = random_below(4);
    k.nw_dst = CONST_BE32(0x0a000000) | (be32)(random_below(8) << 24) | (be32)(random_below(4) << 16);
    k.tp_dst = (be16)random_below(16);
    k.ipv6_dst.u8[15] = (uint8_t)random_below(4);
    k.tun_id = random_below(4);
    return k;
}

static bool in_mask(const struct flow_key *a, const struct flow_key *b, const struct flow_mask *mask)
{
    const uint64_t *x = flow_key_words_const(a), *y = flow_key_words_const(b),
                   *m = flow_key_words_const(&mask->bits);
    for (unsigned i = 0; i < FLOW_DP_WORDS; i++) {
        if ((x[i] ^ y[i]) & m[i]) {
            return false;
        }
    }
    return true;
}

#define ALL ((1u << FLOW_DP_BLOCKS) - 1)

static void agrees_with_linear_search(void **state)
{
    struct megaflow_table *t = megaflow_table_create(sizeof(struct entry));
    struct emc *emc = emc_create(1024);
    struct entry *entries[N_ENTRIES];
    unsigned n = 0;
    random_set_seed(1);
    for (unsigned round = 0; round < 20000; round++) {
        if (n < N_ENTRIES && random_below(3)) {
            struct flow_key key = make_key();
            struct flow_mask mask = make_mask(random_below(16));
            if (!megaflow_find(t, &key, &mask)) {
                struct entry *e = (struct entry *)megaflow_alloc(t);
                assert_non_null(e);
                e->key = key;
                e->mask = mask;
                megaflow_insert(t, &e->mega, &key, &mask);
                assert_ptr_equal(megaflow_find(t, &key, &mask), &e->mega);
                entries[n++] = e;
            }
        } else if (n) {
            unsigned i = random_below(n);
            struct entry *e = entries[i];
            entries[i] = entries[--n];
            megaflow_remove(t, &e->mega);
            assert_null(megaflow_find(t, &e->key, &e->mask));
            megaflow_free(t, &e->mega);
        }
        struct flow_key key = make_key();
        uint64_t tried = 0;
        bool expect = false;
        for (unsigned i = 0; i < n && !expect; i++) {
            expect = in_mask(&entries[i]->key, &key, &entries[i]->mask);
        }
        struct megaflow *found = megaflow_lookup(t, &key, ALL, &tried);
        assert_int_equal(found != NULL, expect);
        if (found) {
            struct entry *e = (struct entry *)found;
            assert_true(in_mask(&e->key, &key, &e->mask));
            assert_true(megaflow_matches(found, &key, ALL));
        }
        if (n) {
            struct entry *e = entries[random_below(n)];
            struct flow_key keys[2] = {key, e->key};
            uint16_t both[2] = {ALL, ALL};
            struct megaflow *same[2];
            uint32_t in = megaflow_match_batch(&e->mega, keys, both, 2, same);
            assert_int_equal(in, in_mask(&e->key, &key, &e->mask) | 2);
            assert_ptr_equal(same[1], &e->mega);
        }
        /* The cache never answers wrongly, whatever became of what it remembers. */
        uint16_t blocks = ALL;
        uint32_t hash = emc_hash(&key, blocks, emc_seed(emc));
        struct megaflow *cached;
        if (emc_lookup_batch(emc, t, &key, &blocks, &hash, 1, &cached)) {
            assert_true(in_mask(&((struct entry *)cached)->key, &key, &((struct entry *)cached)->mask));
            assert_true(cached->generation & 1);
        } else if (found) {
            emc_insert(emc, hash, found);
            assert_int_equal(emc_lookup_batch(emc, t, &key, &blocks, &hash, 1, &cached), 1);
            assert_ptr_equal(cached, found);
        }
        if (round % 1000 == 0) {
            megaflow_rank(t);
        }
    }
    uint32_t cursor = 0, walked = 0;
    while (megaflow_next(t, &cursor)) {
        walked++;
    }
    assert_int_equal(walked, n);
    assert_true(megaflow_table_n_masks(t) <= 16);
    while (n) {
        struct flow_key key;
        megaflow_key(&entries[--n]->mega, &key);
        assert_true(in_mask(&key, &entries[n]->key, &entries[n]->mask));
        megaflow_remove(t, &entries[n]->mega);
        megaflow_free(t, &entries[n]->mega);
    }
    assert_int_equal(megaflow_table_n_masks(t), 0);
    rcu_barrier_all();
    emc_destroy(emc);
    megaflow_table_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_linear_search),
    };
    rcu_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
