/* SPDX-License-Identifier: Apache-2.0 */
/* The texts are the reference's (tests/flow/diff_dpkey.py compares many more). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/compose.h"
#include "flow/dpkey_text.h"
#include "flow/extract.h"
#include "flow/mask.h"

#define IN  "recirc_id(0),in_port(1),"
#define E   "eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),"
#define NO  "eth_type(0x0800),ipv4(frag=no)"
#define TUN IN E NO

/* The short form of each is itself. */
static const char *const same[] = {
    IN E "eth_type(0x1234)",
    "skb_priority(0x3/0x7),skb_mark(0x4/0xff),ct_state(-new+trk),ct_zone(0x5/0xf),ct_mark(0x5/"
    "0xff),ct_label(0x5/0xff),"
    "recirc_id(0x5),dp_hash(0x7/0xff),in_port(1),packet_type(ns=0,id=0)," E
    "eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.0/255.255.255.0,proto=6,tos=0/0x3,ttl=64,frag=no),"
    "tcp(src=1/0xff,dst=80),tcp_flags(+syn-ack)",
    IN "eth(src=00:00:00:00:00:01/ff:00:00:00:00:00),eth_type(0x8100),vlan(vid=5,pcp=3),"
       "encap(eth_type(0x0806),arp(sip=1.2.3.4,op=1,sha=00:00:00:00:00:01))",
    IN E "eth_type(0x8100),vlan(vid=5/0x7,pcp=3/0x1),encap(" NO ")",
    IN E
    "eth_type(0x86dd),ipv6(src=::1,dst=2001:db8::/ffff:ffff::,label=0x5/"
    "0xff,proto=58,tclass=0x3,hlimit=64,frag=no),"
    "icmpv6(type=135,code=0),nd(target=::1,sll=00:00:00:00:00:01,tll=00:00:00:00:00:02/ff:ff:00:00:00:00)",
    IN E "eth_type(0x8847),mpls(label=5,tc=3,ttl=64,bos=1)",
    IN E "eth_type(0x8847),mpls(label=5/0xf,tc=3/7,ttl=64/0xff,bos=0/1,label=6/0xfffff,tc=0/1,ttl=65/"
         "0xff,bos=1/1)",
    "tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,tos=0x3,ttl=64,tp_src=5,tp_dst=6,flags(oam|df|csum|key))," TUN,
    "tunnel(tun_id=0x5,ipv6_src=::1,ipv6_dst=::2/ffff::,ttl=64,flags(-df-csum+key))," TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,vxlan(gbp(id=10/0xf,flags=0x8)),flags(key))," TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,geneve({class=0x102,type=0x80,len=8,0x1122334455667788}"
    "{class=0x103,type=0x1,len=4,0x11223344/0xff00ff00}),flags(csum|key))," TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,erspan(ver=1,idx=0x7),flags(key))," TUN,
    "tunnel(tun_id=0x5,dst=2.3.4.5,ttl=64,gtpu(flags=0x30,msgtype=255),flags(key))," TUN,
    "ct_tuple4(src=1.2.3.4,dst=2.3.4.5,proto=6,tp_src=5,tp_dst=6/0x7)," TUN,
};

static void test_same(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        struct flow_key key, mask;
        bool invalid;
        struct strbuf s = STRBUF_INITIALIZER;
        char *error = dpkey_parse(same[i], NULL, &key, &mask, &invalid);
        assert_null(error);
        dpkey_format(&key, &mask, NULL, false, &s);
        assert_string_equal(strbuf_text(&s), same[i]);
        strbuf_fini(&s);
    }
}

static void test_verbose(void **state)
{
    struct flow_key key, mask;
    bool invalid;
    struct strbuf s = STRBUF_INITIALIZER;
    assert_null(dpkey_parse("in_port(1),eth()," NO, NULL, &key, &mask, &invalid));
    dpkey_format(&key, &mask, NULL, true, &s);
    assert_string_equal(strbuf_text(&s),
                        "skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/"
                        "0),recirc_id(0),dp_hash(0/0),"
                        "in_port(1),packet_type(ns=0/0,id=0/0),eth(src=00:00:00:00:00:00/00:00:00:00:00:00,"
                        "dst=00:00:00:00:00:00/00:00:00:00:00:00),eth_type(0x0800),"
                        "ipv4(src=0.0.0.0/0.0.0.0,dst=0.0.0.0/0.0.0.0,proto=0/0,tos=0/0,ttl=0/0,frag=no)");
    strbuf_fini(&s);
}

static void test_errors(void **state)
{
    static const struct {
        const char *in, *error;
        bool invalid;
    } cases[] = {
        {IN E "eth_type(0x0800),ipv4(foo=1)", "syntax error at ipv4(foo=1)", false},
        {"foo(1)," TUN, "syntax error at foo(1)," TUN, false},
        {"recirc_id(5/0xf),in_port(1)", "syntax error at recirc_id(5/0xf),in_port(1)", false},
        {IN E "eth_type(0x0800)", "eth_type(0x0800) needs ipv4()", true},
        {E NO, "in_port() is missing", true},
        {IN E "eth_type(0x0800),ipv4(proto=6)", "proto=6 needs tcp()", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct flow_key key, mask;
        bool invalid;
        char *error = dpkey_parse(cases[i].in, NULL, &key, &mask, &invalid);
        assert_string_equal(error, cases[i].error);
        assert_int_equal(invalid, cases[i].invalid);
        free(error);
    }
}

static void test_compose(void **state)
{
    static const struct {
        const char *key, *hex;
        size_t len;
    } cases[] = {
        {E "eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=6,tos=5,ttl=64,frag=no),tcp(src=1,dst=2),tcp_"
           "flags(syn)",
         "00000000000200000000000108004505002800000000400670be01020304020304050001000200000000000000005002000"
         "0a5d20000",
         0},
        {E "eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=17,tos=5,ttl=64,frag=later)",
         "00000000000200000000000108004505001400002064401150630102030402030405", 0},
        {E "eth_type(0x86dd),ipv6(src=::1,dst=::2,label=5,proto=58,tclass=3,hlimit=9,frag=no),icmpv6(type="
           "136,code=0),"
           "nd(target=::9,tll=00:00:00:00:00:04)",
         "00000000000200000000000186dd6030000500203a090000000000000000000000000000000100000000000000000000000"
         "000000002880075"
         "9400000000000000000000000000000000000000090201000000000004",
         0},
        {E "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x0800),ipv4(src=1.2.3.4,dst=2.3.4.5,proto=17,"
           "tos=5,ttl=64,"
           "frag=no),udp(src=1,dst=2))",
         "0000000000020000000000018100600508004505002a00000000401170b10102030402030405000100020024f5a30000000"
         "00000000000000000"
         "0000",
         60},
        {E "eth_type(0x0806),arp(sip=1.2.3.4,tip=2.3.4.5,op=1,sha=00:00:00:00:00:03,tha=00:00:00:00:00:04)",
         "000000000002000000000001080600010800060400010000000000030102030400000000000402030405", 0},
    };
    struct packet_pool *pool = packet_pool_create_heap();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct flow_key key;
        bool too_small;
        char hex[512];
        assert_null(dpkey_parse(cases[i].key, NULL, &key, NULL, NULL));
        struct packet *p = cases[i].len ? flow_compose_sized(pool, &key, cases[i].len, &too_small)
                                        : flow_compose(pool, &key, NULL, 0);
        for (uint32_t b = 0; b < p->len; b++) {
            sprintf(hex + 2 * b, "%02x", p->data[b]);
        }
        assert_string_equal(hex, cases[i].hex);
        packet_free(p);
    }
    packet_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_verbose),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_compose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
