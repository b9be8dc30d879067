/* SPDX-License-Identifier: Apache-2.0 */
/* The texts are the reference's (tests/flow/diff_match.py compares many more). */
#include "flow/match.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *in, *out;
} cases[] = {
    {"tcp,tp_src=0x50", "tcp,tp_src=80"},
    {"tcp,tp_src=0x50/0xfff0", "tcp,tp_src=0x50/0xfff0"},
    {"ip,nw_src=1.2.3.4/24", "ip,nw_src=1.2.3.0/24"},
    {"nw_src=1.2.3.4", ""},
    {"in_port=local", "in_port=LOCAL"},
    {"vlan_tci=0x1005", "dl_vlan=5,dl_vlan_pcp=0"},
    {"vlan_tci=0x1000/0x1000", "vlan_tci=0x1000/0x1000"},
    {"dl_vlan=0xffff", "vlan_tci=0x0000"},
    {"ct_state=+trk+new-est", "ct_state=+new-est+trk"},
    {"tcp,tcp_flags=0x12", "tcp,tcp_flags=syn|ack"},
    {"xxreg0=5", "reg0=0,reg1=0,reg2=0,reg3=0x5"},
    {"packet_type=(1,0x800),nw_src=1.2.3.4", "packet_type=(1,0x800),nw_src=1.2.3.4"},
    {"icmp6,icmp_type=136,nd_sll=1:2:3:4:5:6", "icmp6,icmp_type=136"},
    {"recirc_id=3,tcp", "recirc_id=0x3,eth,tcp"},
    {"tun_metadata0=5,tun_metadata1=6/7", "tun_metadata0=0x5,tun_metadata1=0x6/0x7"},
    {"tun_metadata0", "tun_metadata0"},
    {"ip,ip_frag=not_later", "ip,nw_frag=not_later"},
    /* Errors. */
    {"tcp,tp_src=70000", "70000: value too large for 2-byte field tcp_src"},
    {"tcp,tp_src=x", "x: bad syntax for tcp_src value"},
    {"dl_type=0x800/0xff00", "0x800/0xff00: invalid mask for field eth_type"},
    {"foo=1", "unknown keyword foo"},
    {"foo", "field foo missing value"},
    {"in_port=foo", "foo: invalid or unknown port for in_port"},
    {"ct_state=+trk-trk", "trk: Each ct_state flag can be specified only once"},
    {"ip,nw_src=1.2.3.4/40", "1.2.3.4/40: IPv4 network prefix bits not between 0 and 32, inclusive"},
};

static void test_cases(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct match m;
        char *text = match_parse(&m, NULL, cases[i].in);
        if (!text) {
            match_normalise(&m);
            text = match_to_string(&m, NULL, MATCH_DEFAULT_PRIORITY);
        }
        assert_string_equal(text, cases[i].out);
        free(text);
    }
}

static void test_five_tuple_is_small(void **state)
{
    struct match m;
    struct minimatch mini;
    assert_null(match_parse(&m, NULL, "tcp,nw_src=1.2.3.4,nw_dst=2.3.4.5,tp_src=1,tp_dst=2"));
    match_compress(&m, &mini);
    /* 112 bytes: the map, the pointer and five words twice, with what malloc() adds to them. */
    assert_true(sizeof mini + malloc_usable_size(mini.words) <= 120);
    struct match again;
    match_expand(&mini, NULL, &again);
    assert_true(match_equal(&m, &again));
    minimatch_fini(&mini);
}

static const char *name_of(const struct port_names *names, uint32_t port)
{
    return port == 1 ? "eth0" : port == 2 ? "patch-int" : port == 4 ? "vxlan_1" : NULL;
}
static bool number_of(const struct port_names *names, const char *name, uint32_t *port)
{
    *port = !strcmp(name, "eth0") ? 1 : 2;
    return !strcmp(name, "eth0") || !strcmp(name, "patch-int");
}

static void test_port_names(void **state)
{
    static const struct port_names names = {name_of, number_of, NULL};
    struct match m;
    char *s;
    assert_null(match_parse(&m, &names, "in_port=eth0"));
    assert_string_equal(s = match_to_string(&m, &names, 5), "priority=5,in_port=eth0");
    free(s);
    assert_null(match_parse(&m, &names, "in_port=\"patch-int\""));
    assert_string_equal(s = match_to_string(&m, &names, MATCH_DEFAULT_PRIORITY), "in_port=\"patch-int\"");
    free(s);
    assert_null(match_parse(&m, &names, "in_port=4"));
    assert_string_equal(s = match_to_string(&m, &names, MATCH_DEFAULT_PRIORITY), "in_port=\"vxlan_1\"");
    free(s);
    assert_null(match_parse(&m, &names, "in_port=3"));
    assert_string_equal(s = match_to_string(&m, &names, MATCH_DEFAULT_PRIORITY), "in_port=3");
    free(s);
}

static void test_exact_flow(void **state)
{
    struct flow_key key;
    struct strbuf s = STRBUF_INITIALIZER;
    assert_null(flow_key_parse(&key, NULL, NULL, "in_port=1,tcp,nw_src=1.2.3.4,tcp_flags=syn"));
    match_format_key(&key, NULL, NULL, &s);
    assert_string_equal(
        strbuf_text(&s),
        "tcp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=1.2.3.4,"
        "nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=syn");
    strbuf_fini(&s);
    char *error = flow_key_parse(&key, NULL, NULL, "in_port=1,tp_src=5");
    assert_string_equal(error, "in_port=1,tp_src=5: prerequisites not met for setting tp_src");
    free(error);
}

static void test_tokens(void **state)
{
    char text[] = " a=1, b(c(d,e),f) ,,g h=(x,y),i";
    char *p = text, *key, *value;
    static const char *const expected[] = {"a", "1", "b", "c(d,e),f", "g", "", "h", "(x,y)", "i", ""};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i += 2) {
        assert_non_null(match_next_token(&p, &key, &value));
        assert_string_equal(key, expected[i]);
        assert_string_equal(value, expected[i + 1]);
    }
    assert_null(match_next_token(&p, &key, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),      cmocka_unit_test(test_five_tuple_is_small),
        cmocka_unit_test(test_port_names), cmocka_unit_test(test_exact_flow),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
