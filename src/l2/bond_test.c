/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/bond.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"

static char members[4];

static struct bond *make(enum bond_mode mode, unsigned n, struct bond_settings settings)
{
    struct bond *bond = bond_create("bond0");
    settings.mode = mode;
    bond_configure(bond, &settings, 0);
    for (unsigned i = 0; i < n; i++) {
        bond_set_member(bond, &members[i], "member", false, i == 2);
        bond_set_link(bond, &members[i], true, true);
    }
    bond_run(bond, 0);
    return bond;
}

static const void *choose(const struct bond *bond, uint32_t hash)
{
    struct bond_view view;
    bond_get_view(bond, &view);
    uint8_t i = bond_choose(&view, hash);
    return i == BOND_NO_MEMBER ? NULL : view.members[i];
}

static enum bond_verdict admit(const struct bond *bond, const void *member, bool is_multicast)
{
    struct bond_view view;
    uint8_t i = 0;
    bond_get_view(bond, &view);
    while (i < view.n_members && view.members[i] != member) {
        i++;
    }
    return bond_admit(&view, i, is_multicast);
}

static unsigned count(const struct bond *bond, unsigned member)
{
    unsigned n = 0;
    for (uint32_t hash = 0; hash < BOND_BUCKETS; hash++) {
        n += choose(bond, hash) == &members[member];
    }
    return n;
}

static void active_backup_fails_over(void **state)
{
    bool announce;
    struct bond *bond =
        make(BOND_ACTIVE_BACKUP, 2, (struct bond_settings){.updelay_ms = 1000, .downdelay_ms = 500});
    assert_true(bond_take_changes(bond, &announce));
    assert_true(announce);
    assert_int_equal(bond_run(bond, 1), 1000); /* the second one waits */
    assert_int_equal(count(bond, 0) + count(bond, 1), 256);
    bond_run(bond, 1000);
    assert_ptr_equal(choose(bond, 0), &members[0]);
    assert_int_equal(admit(bond, &members[0], true), BOND_ACCEPT);
    assert_int_equal(admit(bond, &members[1], false), BOND_DROP);
    bond_take_changes(bond, &announce);
    assert_false(bond_take_changes(bond, &announce));
    bond_set_link(bond, &members[0], false, true);
    assert_int_equal(bond_run(bond, 2000), 2500);
    assert_ptr_equal(choose(bond, 0), &members[0]);
    bond_run(bond, 2500);
    assert_ptr_equal(choose(bond, 0), &members[1]);
    assert_true(bond_take_changes(bond, &announce) && announce);
    /* It comes back, flaps, comes back; and is a backup now. */
    bond_set_link(bond, &members[0], true, true);
    assert_int_equal(bond_run(bond, 3000), 4000);
    bond_set_link(bond, &members[0], false, true);
    assert_int_equal(bond_run(bond, 3500), INT64_MAX);
    bond_set_link(bond, &members[0], true, true);
    assert_int_equal(bond_run(bond, 3600), 4600);
    bond_run(bond, 4600);
    assert_ptr_equal(choose(bond, 0), &members[1]);
    assert_int_equal(bond_set_active(bond, &members[0]), 0);
    assert_ptr_equal(choose(bond, 0), &members[0]);
    /* The only one that works is not kept waiting. */
    bond_set_link(bond, &members[0], false, true);
    bond_set_link(bond, &members[1], false, true);
    bond_run(bond, 5000);
    bond_run(bond, 5500);
    assert_null(choose(bond, 0));
    bond_set_link(bond, &members[1], true, true);
    bond_run(bond, 6000);
    assert_ptr_equal(choose(bond, 0), &members[1]);
    bond_remove_member(bond, &members[1]);
    bond_run(bond, 6001);
    assert_null(choose(bond, 0));
    bond_unref(bond);
}

static void primary_is_preferred(void **state)
{
    struct bond *bond = make(BOND_ACTIVE_BACKUP, 3, (struct bond_settings){.rebalance_ms = 0});
    assert_ptr_equal(choose(bond, 0), &members[2]);
    bond_set_link(bond, &members[2], true, false);
    bond_run(bond, 1);
    assert_ptr_equal(choose(bond, 0), &members[0]);
    bond_set_link(bond, &members[2], true, true);
    bond_run(bond, 2);
    assert_ptr_equal(choose(bond, 0), &members[2]);
    assert_int_equal(bond_set_active(bond, &members[1]), 0);
    bond_run(bond, 3);
    assert_ptr_equal(choose(bond, 0), &members[1]);
    assert_int_equal(bond_migrate(bond, 0, &members[1]), EINVAL);
    assert_int_equal(bond_migrate(bond, 0, &members[3]), ENOENT);
    bond_unref(bond);
}

static void slb_spreads_and_rebalances(void **state)
{
    struct bond *bond = make(BOND_BALANCE_SLB, 2, (struct bond_settings){.rebalance_ms = 1000});
    bool announce;
    assert_int_equal(count(bond, 0), 128);
    assert_int_equal(count(bond, 1), 128);
    assert_int_equal(admit(bond, &members[1], false), BOND_DROP_IF_MOVED);
    assert_int_equal(admit(bond, &members[1], true), BOND_DROP);
    bond_set_link(bond, &members[0], false, true);
    bond_run(bond, 500);
    assert_int_equal(count(bond, 1), 256);
    bond_set_link(bond, &members[0], true, true);
    bond_run(bond, 600);
    assert_int_equal(count(bond, 0), 128);
    /* The busiest ones on one member. */
    for (uint32_t hash = 0; hash < 10; hash++) {
        bond_migrate(bond, hash, &members[1]);
        bond_account(bond, hash, 1000000);
    }
    assert_int_equal(count(bond, 0), 123);
    bond_take_changes(bond, &announce);
    bond_run(bond, 1000);
    assert_int_equal(count(bond, 0), 128);
    assert_true(bond_take_changes(bond, &announce));
    assert_false(announce);
    bond_run(bond, 2000);
    assert_int_equal(count(bond, 0), 128);
    assert_false(bond_take_changes(bond, &announce));
    uint64_t bytes;
    assert_non_null(bond_get_bucket(bond, 3, &bytes));
    assert_int_equal(bytes, 250000);
    assert_int_equal(bond_migrate(bond, 200, &members[0]), 0);
    assert_ptr_equal(choose(bond, 200), &members[0]);
    /* One elephant: moving it would only move the problem. */
    for (int i = 0; i < 20; i++) {
        bond_run(bond, 3000 + 1000 * i);
    }
    bond_account(bond, 77, 5000000);
    bond_take_changes(bond, &announce);
    bond_run(bond, 30000);
    assert_false(bond_take_changes(bond, &announce));
    bond_unref(bond);
}

static void tcp_needs_lacp(void **state)
{
    struct bond *bond = make(BOND_BALANCE_TCP, 2, (struct bond_settings){.rebalance_ms = 0});
    assert_null(choose(bond, 1));
    bond_set_lacp(bond, BOND_LACP_CONFIGURED);
    assert_null(choose(bond, 1));
    assert_int_equal(admit(bond, &members[0], false), BOND_DROP);
    bond_set_lacp(bond, BOND_LACP_NEGOTIATED);
    assert_int_equal(count(bond, 0), 128);
    assert_int_equal(admit(bond, &members[1], true), BOND_ACCEPT);
    bond_set_lacp(bond, BOND_LACP_CONFIGURED);
    bond_configure(bond, &(struct bond_settings){.mode = BOND_BALANCE_TCP, .lacp_fallback = true}, 0);
    assert_ptr_equal(choose(bond, 1), choose(bond, 2));
    assert_non_null(choose(bond, 1));
    assert_int_equal(admit(bond, &members[0], true), BOND_ACCEPT);
    assert_int_equal(admit(bond, &members[1], false), BOND_DROP);
    bond_unref(bond);
}

static void names_modes(void **state)
{
    enum bond_mode mode;
    assert_true(bond_mode_parse("balance-tcp", &mode));
    assert_int_equal(mode, BOND_BALANCE_TCP);
    assert_string_equal(bond_mode_name(BOND_ACTIVE_BACKUP), "active-backup");
    assert_false(bond_mode_parse("stable", &mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(active_backup_fails_over),
        cmocka_unit_test(primary_is_preferred),
        cmocka_unit_test(slb_spreads_and_rebalances),
        cmocka_unit_test(tcp_needs_lacp),
        cmocka_unit_test(names_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
