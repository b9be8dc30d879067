/* SPDX-License-Identifier: Apache-2.0 */
#include "match/trie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct prefix {
    be32 value[4];
    unsigned length;
};

static uint32_t rnd(void)
{
    static uint64_t x = 88172645463325252ull;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 16);
}

static unsigned bit(const be32 *v, unsigned i)
{
    return (__builtin_bswap32(v[i / 32]) >> (31 - i % 32)) & 1;
}
static unsigned same_bits(const be32 *a, const be32 *b, unsigned max)
{
    unsigned n = 0;
    while (n < max && bit(a, n) == bit(b, n)) {
        n++;
    }
    return n;
}

/* Few distinct bits, so that prefixes share much. */
static void random_value(be32 *v, unsigned n_bits)
{
    for (unsigned i = 0; i < n_bits / 32; i++) {
        v[i] = rnd() & rnd() & rnd();
        if (rnd() % 3 == 0) {
            v[i] = 0;
        }
    }
}

static void check(const struct trie *trie, const struct prefix *p, unsigned n, const be32 *value)
{
    struct trie_result result;
    trie_lookup(trie, value, &result);
    unsigned needed = 0;
    for (unsigned len = 0; len <= trie->n_bits; len++) {
        bool have = false;
        for (unsigned i = 0; i < n && !have; i++) {
            have = p[i].length == len && same_bits(p[i].value, value, len) == len;
        }
        assert_int_equal(trie_result_has(&result, len), have);
    }
    /* Bits that decide between prefixes: one more than is shared with any that differs. */
    for (unsigned i = 0; i < n; i++) {
        unsigned same = same_bits(p[i].value, value, p[i].length);
        unsigned need = same < p[i].length ? same + 1 : same;
        needed = MAX(needed, need);
    }
    assert_int_equal(result.n_bits, needed);
}

static void agrees_with_a_list(void **state)
{
    static struct prefix p[300];
    unsigned widths[] = {32, 64, 128};
    struct reclaim reclaim = {NULL};
    for (unsigned k = 0; k < 3 * 3; k++) {
        struct trie trie;
        unsigned n = 0, n_bits = widths[k % 3];
        trie_init(&trie, n_bits);
        for (int step = 0; step < 900; step++) {
            if (n < ARRAY_SIZE(p) && (n < 3 || rnd() % (step < 450 ? 3 : 5) > 1)) {
                memset(&p[n], 0, sizeof p[n]);
                random_value(p[n].value, n_bits);
                p[n].length = 1 + rnd() % n_bits;
                trie_insert(&trie, &reclaim, p[n].value, p[n].length);
                n++;
            } else {
                unsigned i = rnd() % n;
                trie_remove(&trie, &reclaim, p[i].value, p[i].length);
                p[i] = p[--n];
            }
            if (step % 4 == 0) {
                be32 v[4];
                random_value(v, n_bits);
                check(&trie, p, n, v);
                check(&trie, p, n, p[rnd() % n].value);
            }
        }
        while (n) {
            n--;
            trie_remove(&trie, &reclaim, p[n].value, p[n].length);
        }
        assert_int_equal(trie.root, 0);
        trie_fini(&trie);
    }
    reclaim_flush(&reclaim);
    rcu_barrier_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_a_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
