/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action/action.h"
#include "base/alloc.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

/* One action of each kind, nested lists and all. */
static void put_all(struct bytebuf *b)
{
    static const struct dp_set_nsh nsh = {.mdtype = 1, .np = 1};
    static const struct dp_tunnel tunnel = {.dst = CONST_BE32(0x01020304), .opts_len = 8};
    struct dp_action_ct ct = {.flags = DP_CT_COMMIT, .zone = 5, .helper = "ftp"};
    struct dp_set_ports ports = {CONST_BE16(5), CONST_BE16(6)};
    uint8_t bytes[64] = {0};
    size_t mark, inner;

    dp_actions_put_output(b, 1);
    dp_actions_put_userspace(b, bytes, 5, UINT32_MAX, true);
    dp_actions_put_userspace(b, NULL, 0, 7, false);
    dp_actions_put_set(b, DP_SET_UDP, &ports, NULL);
    dp_actions_put_set_tunnel(b, &tunnel,
                              "\x01\x02\x80\x01"
                              "abcd");
    dp_actions_put_push_vlan(b, CONST_BE16(ETH_TYPE_VLAN), CONST_BE16(0x1005));
    dp_actions_put_plain(b, DP_ACTION_POP_VLAN);
    dp_actions_put_push_nsh(b, &nsh, bytes, 16);
    dp_actions_put_hash(b, DP_HASH_L4, 5);
    dp_actions_put_ct(b, &ct);
    dp_actions_put_tnl_push(b, 1, 2, 4, bytes, 50);
    mark = dp_actions_begin_sample(b, 1000);
    inner = dp_actions_begin_clone(b);
    dp_actions_put_output(b, 3);
    assert_int_equal(dp_actions_end(b, inner), 0);
    dp_actions_put_output(b, 4);
    assert_int_equal(dp_actions_end(b, mark), 0);
    mark = dp_actions_begin_check_pkt_len(b, 1400);
    dp_actions_put_output(b, 3);
    dp_actions_put_output(b, 3);
    dp_actions_else(b, mark);
    dp_actions_put_recirc(b, 3);
    assert_int_equal(dp_actions_end(b, mark), 0);
}

static void test_iterate(void **state)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    const struct dp_action *a;
    size_t n = 0, len = 0;
    put_all(&b);
    assert_int_equal(dp_actions_check(b.data, b.len, NULL), 0);
    DP_ACTION_FOR_EACH (a, b.data, b.len) {
        n++;
        if (a->type == DP_ACTION_CHECK_PKT_LEN) {
            assert_true(dp_action_is_last(a, b.data, b.len));
            assert_int_equal(dp_action_value(dp_action_if_greater(a, &len)), 3);
            assert_int_equal(len, 16);
            assert_int_equal(dp_action_if_less_equal(a, &len)->type, DP_ACTION_RECIRC);
            assert_int_equal(len, 8);
        } else if (a->type == DP_ACTION_SET && DP_ACTION_AS(dp_action_set, a)->group == DP_SET_UDP) {
            assert_memory_equal(dp_action_set_value(a), "\0\5\0\6", 4);
            assert_memory_equal(dp_action_set_mask(a), "\xff\xff\xff\xff", 4);
        }
    }
    assert_int_equal(n, 13);
    bytebuf_fini(&b);
}

/* Every single byte changed, every cut: the check says no, or what is left can be walked. */
static void walk(const void *list, size_t len, int depth)
{
    const struct dp_action *a, *inner;
    size_t n;
    assert_true(depth <= DP_ACTION_MAX_NESTING);
    DP_ACTION_FOR_EACH (a, list, len) {
        assert_true((const uint8_t *)a + a->len <= (const uint8_t *)list + len);
        if (a->type == DP_ACTION_SAMPLE || a->type == DP_ACTION_CLONE || a->type == DP_ACTION_DEC_TTL) {
            inner = dp_action_nested(a, &n);
            walk(inner, n, depth + 1);
        } else if (a->type == DP_ACTION_CHECK_PKT_LEN) {
            inner = dp_action_if_greater(a, &n);
            walk(inner, n, depth + 1);
            inner = dp_action_if_less_equal(a, &n);
            walk(inner, n, depth + 1);
        }
    }
}

static void test_mutations(void **state)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t n_good = 0;
    put_all(&b);
    for (size_t i = 0; i < b.len; i++) {
        for (int v = 0; v < 256; v += i % 8 < 4 ? 1 : 17) {
            uint8_t *copy = xmemdup(b.data, b.len);
            copy[i] = (uint8_t)v;
            char *error;
            if (!dp_actions_check(copy, b.len, &error)) {
                assert_null(error);
                walk(copy, b.len, 0);
                n_good++;
            } else {
                assert_non_null(error);
                free(error);
            }
            free(copy);
        }
        uint8_t *cut = xmemdup(b.data, i ? i : 1);
        if (!dp_actions_check(cut, i, NULL)) {
            walk(cut, i, 0);
        }
        free(cut);
    }
    assert_true(n_good > 1000);
    bytebuf_fini(&b);
}

static void test_limits(void **state)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t marks[DP_ACTION_MAX_NESTING + 1];
    char *error;
    for (int i = 0; i <= DP_ACTION_MAX_NESTING; i++) {
        marks[i] = dp_actions_begin_clone(&b);
    }
    for (int i = DP_ACTION_MAX_NESTING; i >= 0; i--) {
        assert_int_equal(dp_actions_end(&b, marks[i]), 0);
    }
    assert_int_equal(dp_actions_check(b.data, b.len, &error), ELOOP);
    assert_string_equal(error, "clone: nested too deep");
    free(error);
    bytebuf_clear(&b);

    dp_actions_put_output(&b, 1);
    size_t mark = dp_actions_begin_check_pkt_len(&b, 5);
    for (int i = 0; i < 10000; i++) {
        dp_actions_put_output(&b, 1);
    }
    dp_actions_else(&b, mark);
    assert_int_equal(dp_actions_end(&b, mark), EMSGSIZE);
    assert_int_equal(b.len, 8);
    bytebuf_fini(&b);
}

static int fits(struct bytebuf *b, const struct flow_key *key)
{
    int error = dp_actions_check_key(b->data, b->len, key, NULL);
    bytebuf_clear(b);
    return error;
}

static void test_key(void **state)
{
    struct flow_key key;
    memset(&key, 0, sizeof key);
    key.dl_type = CONST_BE16(ETH_TYPE_IPV4);
    key.nw_proto = IP_PROTO_UDP;
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct dp_set_ports ports = {CONST_BE16(5), CONST_BE16(6)};
    struct eth_addr mac = {{0}};

    dp_actions_put_set(&b, DP_SET_UDP, &ports, NULL);
    assert_int_equal(fits(&b, &key), 0);
    dp_actions_put_set(&b, DP_SET_TCP, &ports, NULL);
    assert_int_equal(fits(&b, &key), EINVAL);
    dp_actions_put_push_mpls(&b, 0, CONST_BE16(ETH_TYPE_MPLS));
    dp_actions_put_set(&b, DP_SET_UDP, &ports, NULL);
    assert_int_equal(fits(&b, &key), EINVAL);
    dp_actions_put_plain(&b, DP_ACTION_POP_ETH);
    dp_actions_put_push_eth(&b, mac, mac);
    assert_int_equal(fits(&b, &key), 0);
    dp_actions_put_push_eth(&b, mac, mac);
    assert_int_equal(fits(&b, &key), EINVAL);
    dp_actions_put_push_vlan(&b, CONST_BE16(ETH_TYPE_VLAN), CONST_BE16(0x1005));
    dp_actions_put_plain(&b, DP_ACTION_POP_ETH);
    assert_int_equal(fits(&b, &key), EINVAL);
    key.nw_frag = FLOW_NW_FRAG_ANY | FLOW_NW_FRAG_LATER;
    dp_actions_put_set(&b, DP_SET_UDP, &ports, NULL);
    assert_int_equal(fits(&b, &key), EINVAL);
    bytebuf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iterate),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_key),
    };
    return cmocka_run_group_tests_name("action check", tests, NULL, NULL);
}
