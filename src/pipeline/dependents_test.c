/* SPDX-License-Identifier: Apache-2.0 */
/* From changes to flows: the same flows as asking each would find; and very many flows that are alike leave
 * as fast as they came (with a search for each, this test would take minutes). */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/rcu.h"
#include "pipeline/dependents.h"
#include "pipeline/ukey.h"

/* Never looked into: they are only told apart. */
static struct ofproto bridges[2];

static struct ukey *make_ukey(uint64_t id, uint32_t nw_src, uint32_t src_mask, uint16_t tp_src)
{
    struct ukey *u = xzalloc(sizeof *u);
    struct flow_key key;
    struct flow_mask mask;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    u->ufid = (struct dp_ufid){id, id};
    record_init(&u->record);
    struct record_entry *e = record_add(&u->record, RECORD_TABLE);
    e->ofproto = &bridges[0];
    key.nw_src = htobe32(nw_src);
    mask.bits.nw_src = htobe32(src_mask);
    key.tp_src = htobe16(tp_src);
    mask.bits.tp_src = UINT16_MAX;
    mask.blocks = (uint16_t)flow_mask_find_blocks(&mask);
    minimatch_init(&e->seen, &key, &mask);
    e = record_add(&u->record, RECORD_MAC_LOOKUP);
    e->ofproto = &bridges[0];
    e->vlan = (uint16_t)(nw_src % 3);
    e->mac.ea[0] = 2;
    return u;
}

static void free_ukey(struct ukey *u)
{
    record_fini(&u->record);
    free(u);
}

static void make_match(struct minimatch *match, uint32_t nw_src, uint32_t mask_bits)
{
    struct flow_key key;
    struct flow_mask mask;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    key.nw_src = htobe32(nw_src);
    mask.bits.nw_src = htobe32(mask_bits);
    mask.blocks = (uint16_t)flow_mask_find_blocks(&mask);
    minimatch_init(match, &key, &mask);
}

static size_t find(struct dependents *t, const struct minimatch *const *matches, size_t n,
                   struct dependents_found *f)
{
    f->n = 0;
    f->gave_up = false;
    dependents_lock(t);
    dependents_of_matches(t, &bridges[0], 0, matches, n, f);
    dependents_unlock(t);
    return f->n;
}

#define N_ALIKE 50000

static void alike(void **state)
{
    struct dependents *t = dependents_create();
    struct ukey **u = xcalloc(N_ALIKE, sizeof(struct ukey *));
    struct minimatch wide, other;
    struct dependents_found f = {.limit = SIZE_MAX};
    make_match(&wide, 0x0a000000, 0xff000000);
    make_match(&other, 0x0b000000, 0xff000000);
    for (size_t i = 0; i < N_ALIKE; i++) {
        u[i] = make_ukey(i, 0x0a000001, UINT32_MAX, (uint16_t)i);
        dependents_add(t, u[i]);
    }
    /* Rules that are alike in what they share with the look-ups are one to them. */
    const struct minimatch *both[3] = {&wide, &wide, &other};
    assert_int_equal(find(t, both, 3, &f), N_ALIKE);
    assert_false(f.gave_up);
    assert_int_equal(find(t, both + 2, 1, &f), 0);

    f.limit = 100;
    find(t, both, 1, &f);
    assert_true(f.gave_up);

    /* Each is checked anew, as by a change that touches all. */
    for (size_t i = 0; i < N_ALIKE; i++) {
        dependents_remove(t, u[i]);
        dependents_add(t, u[i]);
    }
    for (size_t i = 0; i < N_ALIKE; i++) {
        dependents_remove(t, u[i]);
        free_ukey(u[i]);
    }
    f.limit = SIZE_MAX;
    assert_int_equal(find(t, both, 3, &f), 0);
    minimatch_fini(&wide);
    minimatch_fini(&other);
    free(f.list);
    free(u);
    dependents_destroy(t);
}

/* Making a view of many look-ups is not begun where it has to be quick. */
static void quick(void **state)
{
    struct dependents *t = dependents_create();
    struct ukey *u[1000];
    struct minimatch match;
    const struct minimatch *matches[1] = {&match};
    make_match(&match, 0x0a000000, 0xffffff00);
    for (unsigned i = 0; i < 1000; i++) {
        u[i] = make_ukey(i, 0x0a000100 + i % 7, UINT32_MAX, (uint16_t)i);
        dependents_add(t, u[i]);
    }
    struct dependents_found f = {.limit = 0, .quick = true};
    assert_int_equal(find(t, matches, 1, &f), 0);
    assert_true(f.gave_up);
    f.quick = false;
    find(t, matches, 1, &f);
    assert_false(f.gave_up);
    f.quick = true; /* it is there now */
    find(t, matches, 1, &f);
    assert_false(f.gave_up);

    dependents_lock(t);
    assert_true(!f.list);
    f.limit = SIZE_MAX;
    dependents_of_mac(t, &bridges[1], 1, (struct eth_addr){{2}}, &f);
    assert_int_equal(f.n, 0);
    dependents_of_mac(t, &bridges[0], 1, (struct eth_addr){{2}}, &f);
    dependents_unlock(t);
    size_t n = 0;
    for (unsigned i = 0; i < 1000; i++) {
        n += (0x0a000100 + i % 7) % 3 == 1;
    }
    assert_int_equal(f.n, n);
    for (unsigned i = 0; i < 1000; i++) {
        dependents_remove(t, u[i]);
        free_ukey(u[i]);
    }
    free(f.list);
    minimatch_fini(&match);
    dependents_destroy(t);
}

static bool may_match(const struct ukey *u, uint32_t nw_src, uint32_t mask)
{
    const struct minimatch *seen = &u->record.entries[0].seen;
    struct flow_key key;
    struct flow_mask known;
    minimatch_expand(seen, &key, &known);
    return !((be32toh(key.nw_src) ^ nw_src) & mask & be32toh(known.bits.nw_src));
}

/* At random, more masks than views, beside asking each. */
static void naive(void **state)
{
    static const uint32_t masks[] = {0xff000000, 0xffff0000, 0xffffff00, 0xffffffff, 0x000000ff, 0x0000ff00,
                                     0xf0f0f0f0, 0x00ff00ff, 0x80000001, 0x00000000, 0xfffffff0, 0x00000003};
    struct dependents *t = dependents_create();
    struct ukey *u[300] = {NULL};
    struct dependents_found f = {.limit = SIZE_MAX};
    for (unsigned round = 0; round < 4000; round++) {
        unsigned i = random_u32() % ARRAY_SIZE(u);
        if (u[i]) {
            dependents_remove(t, u[i]);
            free_ukey(u[i]);
            u[i] = NULL;
        } else {
            u[i] = make_ukey(i, random_u32() & 0x03010301, masks[random_u32() % 3], (uint16_t)random_u32());
            dependents_add(t, u[i]);
        }
        uint32_t mask = masks[random_u32() % ARRAY_SIZE(masks)], nw_src = random_u32() & 0x03010301 & mask;
        struct minimatch match;
        const struct minimatch *matches[1] = {&match};
        make_match(&match, nw_src, mask);
        find(t, matches, 1, &f);
        size_t n = 0;
        for (unsigned k = 0; k < ARRAY_SIZE(u); k++) {
            n += u[k] && may_match(u[k], nw_src, mask);
        }
        assert_int_equal(f.n, n);
        minimatch_fini(&match);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(u); i++) {
        if (u[i]) {
            dependents_remove(t, u[i]);
            free_ukey(u[i]);
        }
    }
    free(f.list);
    dependents_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alike),
        cmocka_unit_test(quick),
        cmocka_unit_test(naive),
    };
    rcu_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
