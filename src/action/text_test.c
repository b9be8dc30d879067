/* SPDX-License-Identifier: Apache-2.0 */
/* Each line of the tables was given to the reference's dpctl/parse-actions, or came out of its ofproto/trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action/text.h"

#define TNL_ETH4        "eth(dst=f8:bc:12:44:34:b6,src=f8:bc:12:46:58:e0,dl_type=0x0800),"
#define TNL_IPV4(PROTO) "ipv4(src=1.1.2.88,dst=1.1.2.92,proto=" PROTO ",tos=0,ttl=64,frag=0x4000),"

/* What comes out as it went in. */
static const char *const same[] = {
    "drop",
    "1",
    "1,2",
    "4294967295",
    "userspace(pid=5,sFlow(vid=1,pcp=2,output=3))",
    "userspace(pid=1,slow_path(cfm))",
    "userspace(pid=5,slow_path(0))",
    "userspace(pid=5,userdata(0102000000000000))",
    "userspace(pid=5,userdata(010203040506070809))",
    "userspace(pid=5,userdata(0102000000000000),tunnel_out_port=5)",
    "userspace(pid=5,controller(reason=1,dont_send=0,continuation=0,recirc_id=4,rule_cookie=0x5,controller_"
    "id=6,"
    "max_len=65535))",
    "userspace(pid=0,controller(reason=2,dont_send=1,continuation=0,recirc_id=1,rule_cookie=0,controller_id="
    "0,"
    "max_len=65535))",
    "userspace(pid=0,flow_sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,output_port="
    "5))",
    "userspace(pid=0,flow_sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,output_port="
    "5,"
    "egress))",
    "userspace(pid=0,ipfix(output_port=5))",
    "set(eth(src=00:00:00:00:00:01))",
    "set(eth(src=00:00:00:00:00:01/00:00:00:00:00:0f,dst=00:00:00:00:00:02))",
    "set(ipv4(src=1.2.3.4,ttl=5))",
    "set(ipv4(src=1.2.3.4,dst=1.2.3.4,proto=6,tos=0x5,ttl=6,frag=no))",
    "set(ipv4(tos=0x8/0xfc,ttl=63)),2",
    "set(ipv4(src=1.2.0.0/255.255.0.0,tos=0x40/0xf0,ttl=3/0xf))",
    "set(ipv4(frag=first))",
    "set(ipv6(src=::1,hlimit=5))",
    "set(ipv6(dst=::1/::f,label=0x3,tclass=0x5))",
    "set(ipv6(label=0x5/0xf,proto=6,tclass=0x40/0xf0,hlimit=3/0xf,frag=later))",
    "set(tcp(src=5))",
    "set(tcp(src=5/0xff))",
    "set(udp(src=5,dst=6))",
    "set(sctp(src=5,dst=6))",
    "set(icmp(type=5,code=6))",
    "set(icmpv6(type=5,code=6))",
    "set(arp(sip=1.1.1.1))",
    "set(arp(op=1,sha=00:00:00:00:00:01/00:00:00:00:00:0f))",
    "set(arp(sip=1.0.0.0/255.0.0.0,op=3/0xf,tha=00:00:00:00:00:01))",
    "set(nd(target=::1,sll=00:00:00:00:00:01))",
    "set(nd_ext(nd_reserved=0x5,nd_options_type=2))",
    "set(mpls(label=5,tc=1,ttl=2,bos=1))",
    "set(skb_mark(0x5/0xf))",
    "set(skb_priority(0x1)),set(skb_mark(0x5)),2",
    "set(tunnel(dst=1.1.1.1))",
    "set(tunnel(tun_id=0x5,src=1.1.1.2,dst=1.1.1.1,tos=0x1,ttl=64,tp_src=4,tp_dst=4789,flags(df|csum|key)))",
    "set(tunnel(tun_id=0x1,dst=1.1.1.2,ttl=3,geneve({class=0xffff,type=0x80,len=8,0x1122334455667788}),flags("
    "key)))",
    "set(tunnel(tun_id=0x1,dst=1.1.1.2,ttl=3,geneve({class=0xffff,type=0x80,len=8,0}),flags(key)))",
    "set(tunnel(tun_id=0x0,dst=1.1.1.1,ttl=0,geneve({class=0x102,type=0x80,len=4,0x1}{class=0x102,type=0x1,"
    "len=0}),"
    "flags(key)))",
    "set(tunnel(tun_id=0x0,dst=1.1.1.1,ttl=0,vxlan(gbp(id=5,flags=0x1)),flags(key)))",
    "set(tunnel(tun_id=0x1,ipv6_src=::1,ipv6_dst=::2,ttl=64,flags(key)))",
    "set(tunnel(dst=1.1.1.1,flags(oam)))",
    "set(tunnel(dst=1.1.1.1,gtpu(flags=0x30,msgtype=255)))",
    "push_vlan(vid=5,pcp=3)",
    "push_vlan(tpid=0x88a8,vid=5,pcp=3,cfi=0)",
    "push_vlan(vid=5,pcp=0),push_vlan(tpid=0x88a8,vid=4,pcp=0),2",
    "pop_vlan",
    "push_mpls(label=5,tc=0,ttl=64,bos=1,eth_type=0x8847),2",
    "pop_mpls(eth_type=0x800),2",
    "add_mpls(label=5,tc=1,ttl=2,bos=1,eth_type=0x8847)",
    "push_nsh(flags=0,ttl=63,mdtype=1,np=3,spi=0x5,si=255,c1=0x7,c2=0x0,c3=0x0,c4=0x0),"
    "push_eth(src=00:00:00:00:00:00,dst=11:22:33:44:55:66),2",
    "push_nsh(flags=0,ttl=5,mdtype=2,np=1,spi=0x5,si=3,md2=0x1020304)",
    "pop_eth",
    "copy_ttl_in",
    "copy_ttl_out",
    "copy_ttl_in,pop_mpls(eth_type=0x800),recirc(0x1)",
    "pop_nsh()",
    "sample(sample=50.0%,actions(1,2))",
    "sample(sample=0.1%,actions(drop))",
    "clone(1,2)",
    "clone(clone(clone(1)))",
    "trunc(100),2,3",
    "hash(l4(0)),recirc(0x2)",
    "hash(sym_l4(5)),recirc(0x2)",
    "ct",
    "ct(commit)",
    "ct(force_commit,zone=1)",
    "ct(nat)",
    "ct(nat(src))",
    "ct(nat(dst=[fc00::1]-[fc00::2]:5-6,random))",
    "ct(force_commit,nat(src))",
    "ct(commit,mark=0x5/0x5,label=0x10000000000000000)",
    "ct(commit,label=0/0x1)",
    "ct(commit,mark=0/0x1)",
    "ct(commit,timeout=abc)",
    "ct(commit,nat(src=1.1.1.1:5))",
    "ct(commit,nat(src=1.1.1.1-1.1.1.5))",
    "ct(commit,nat(src=::1))",
    "ct(commit,nat(src=[::1]:5))",
    "ct(commit,nat(src=::1-::5))",
    "ct(commit,nat(src=1.1.1.1:5-6,persistent,hash))",
    "ct(commit,zone=3,mark=0x5/0xffffffff,label=0x10,nat(src=1.1.1.1-1.1.1.5:10-20,random)),2",
    "ct(commit,helper=ftp),recirc(0x4)",
    "ct_clear",
    "meter(5)",
    "check_pkt_len(size=100,gt(1),le(2))",
    "check_pkt_len(size=100,gt(drop),le(drop))",
    "dec_ttl(le_1(1))",
    "tnl_pop(5)",
    "lb_output(5)",
    "tnl_push(tnl_port(4),header(size=50,type=4," TNL_ETH4 TNL_IPV4(
        "17") "udp(src=0,dst=4789,csum=0x0),"
              "vxlan(flags=0x8000000,vni=0x1c7)),out_port(1))",
    "tnl_push(tnl_port(3),header(size=42,type=3," TNL_ETH4 TNL_IPV4("47") "gre((flags=0x2000,proto=0x6558),"
                                                                          "key=0x1c8)),out_port(1))",
    "tnl_push(tnl_port(3),header(size=46,type=3," TNL_ETH4 TNL_IPV4("47") "gre((flags=0xa000,proto=0x6558),"
                                                                          "csum=0x0,key=0x1c8)),out_port(1))",
    "tnl_push(tnl_port(3),header(size=50,type=5," TNL_ETH4 TNL_IPV4("17") "udp(src=0,dst=6081,csum=0x0),"
                                                                          "geneve(vni=0x1c7)),out_port(1))",
    "tnl_push(tnl_port(3),header(size=58,type=5," TNL_ETH4 TNL_IPV4(
        "17") "udp(src=0,dst=6081,csum=0x0),"
              "geneve(oam,crit,vni=0x1c7,options({class=0xffff,type=0x80,len=4,0xa}))),out_port(1))",
    "tnl_push(tnl_port(3),header(size=72,type=106," TNL_ETH4 TNL_IPV4(
        "6") "tcp(src=0,dst=7471),stt(key=0x123456789a)),out_port(1))",
    "tnl_push(tnl_port(3),header(size=70,type=4,eth(dst=f8:bc:12:44:34:b6,src=f8:bc:12:46:58:e0,dl_type="
    "0x86dd),"
    "ipv6(src=2001:cafe::88,dst=2001:cafe::92,label=0,proto=17,tclass=0x0,hlimit=64),"
    "udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x1c7)),out_port(1))",
};

static const struct {
    const char *in, *out;
} other[] = {
    {"", "drop"},
    {" 1", "1"},
    {"1 , 2", "1,2"},
    {"1,,2", "1,2"},
    {"1 2", "1,2"},
    {"0x5", "5"},
    {"meter(0x5)", "meter(5)"},
    {"clone()", "clone(drop)"},
    {"recirc(5)", "recirc(0x5)"},
    {"set(skb_mark(5))", "set(skb_mark(0x5))"},
    {"ct()", "ct"},
    {"ct(mark=10/20)", "ct(mark=0x10/0x20)"}, /* hexadecimal, said or not */
    {"ct(nat(src=1.1.1.1-1.1.1.1))", "ct(nat(src=1.1.1.1))"},
    {"ct(nat(src=1.1.1.1:5-5))", "ct(nat(src=1.1.1.1:5))"},
    {"ct(nat(src=1.1.1.1:0))", "ct(nat(src=1.1.1.1))"},
    {"set(nd_ext(nd_options_type=0))", "set(nd_ext(nd_reserved=0x0,nd_options_type=0))"},
    {"set(nd_ext(nd_reserved=0x5/0xf,nd_options_type=3))", "set(nd_ext(nd_reserved=0x5,nd_options_type=3))"},
    {"set(ipv6(label=0x0/0xf,tclass=0/0x8))", "set(ipv6(label=0/0xf,tclass=0/0x8))"},
    {"set(skb_mark(0x0))", "set(skb_mark(0))"},
    {"ct(mark=5)", "ct(mark=0x5/0xffffffff)"},
    {"ct(commit,label=0x0)", "ct(commit,label=0)"},
    {"ct(commit,nat(dst,hash))", "ct(commit,nat(dst,hash))"},
    {"sample(sample=100%,actions(1))", "sample(sample=100.0%,actions(1))"},
    {"check_pkt_len(size=100,gt(),le())", "check_pkt_len(size=100,gt(drop),le(drop))"},
    {"userspace(pid=5,slow_path(0x3))", "userspace(pid=5,slow_path(cfm,bfd))"},
    {"userspace(pid=5,slow_path(action|cfm))", "userspace(pid=5,slow_path(cfm,action))"},
    {"userspace(pid=5,userdata(0102))", "userspace(pid=5,userdata(0102000000000000))"},
    {"set(eth(src=1:2:3:4:5:6))", "set(eth(src=01:02:03:04:05:06))"},
    {"set(mpls(label=5))", "set(mpls(label=5/0xfffff,tc=0/0,ttl=0/0x0,bos=0/0))"},
    {"set(mpls(label=3/0xf,tc=1,ttl=2,bos=1))", "set(mpls(label=3/0xf,tc=1/7,ttl=2/0xff,bos=1/1))"},
    {"push_nsh(flags=0,ttl=5,mdtype=2,np=1,spi=0x5,si=3,md2=0x01020304)",
     "push_nsh(flags=0,ttl=5,mdtype=2,np=1,spi=0x5,si=3,md2=0x1020304)"},
};

static const char *const bad[] = {
    "drop,1",
    "1,drop",
    "p1",
    "ct(commit,force_commit,zone=5,zone)",
    "ct(nat(src,dst))",
    "ct(nat(src=1.1.1.1-::1))",
    "ct(nat(src=1.1.1.2-1.1.1.1))",
    "ct(nat(src=::2-::1))",
    "ct(nat(src=1.1.1.1:5-4))",
    "ct(mark=123456789)",
    "set(vlan(vid=5))",
    "set(ipv4(bogus=1))",
    "set(ipv4(ttl=300))",
    "set(ipv4(ttl=5)",
    "set(ipv4(ttl=5)))",
    "sample(sample=101%,actions(1))",
    "sample(sample=nan%,actions(1))",
    "userspace()",
    "userspace(pid=5,slow_path(bogus))",
    "userspace(pid=5,userdata(012))",
    "4294967296",
    "push_vlan(vid=4096,pcp=0)",
    "push_nsh(flags=0,ttl=5,mdtype=3,np=1,spi=0x5,si=3)",
    "tnl_push(tnl_port(4),header(size=51,type=4," TNL_ETH4 TNL_IPV4(
        "17") "udp(src=0,dst=4789,csum=0x0),"
              "vxlan(flags=0x8000000,vni=0x1c7)),out_port(1))",
    "clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone(clone("
    "clone("
    "1))))))))))))))))))",
};

static void round_trip(const char *in, const char *out, const struct port_names *ports)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct strbuf s = STRBUF_INITIALIZER;
    char *error = dp_actions_parse(in, ports, &b);
    if (error) {
        print_message("%s: %s\n", in, error);
    }
    assert_null(error);
    assert_int_equal(dp_actions_check(b.data, b.len, NULL), 0);
    dp_actions_format(b.data, b.len, ports, &s);
    assert_string_equal(strbuf_text(&s), out);
    bytebuf_fini(&b);
    strbuf_fini(&s);
}

static void test_same(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        round_trip(same[i], same[i], NULL);
    }
}

static void test_other(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
        round_trip(other[i].in, other[i].out, NULL);
    }
}

static void test_bad(void **state)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    dp_actions_put_output(&b, 7);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char *error = dp_actions_parse(bad[i], NULL, &b);
        if (!error) {
            print_message("accepted: %s\n", bad[i]);
        }
        assert_non_null(error);
        assert_non_null(strstr(error, " at character "));
        assert_int_equal(b.len, 8);
        free(error);
    }
    char *error = dp_actions_parse("1,set(ipv4(ttl=x))", NULL, &b);
    assert_string_equal(error, "a number is expected at character 16, before \"x))\"");
    free(error);
    bytebuf_fini(&b);
}

/* Every text, cut anywhere, is refused or round-trips: nothing is read behind the end. */
static void test_cut(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        for (size_t n = 0; n < strlen(same[i]); n++) {
            struct bytebuf b = BYTEBUF_INITIALIZER;
            char *cut = strndup(same[i], n);
            char *error = dp_actions_parse(cut, NULL, &b);
            if (!error) {
                assert_int_equal(dp_actions_check(b.data, b.len, NULL), 0);
            }
            free(error);
            free(cut);
            bytebuf_fini(&b);
        }
    }
}

static const char *name(const struct port_names *ports, uint32_t port)
{
    return port == 1 ? "ct0" : port == 2 ? "vxlan_sys_4789" : NULL;
}
static bool number(const struct port_names *ports, const char *text, uint32_t *port)
{
    *port = !strcmp(text, "ct0") ? 1 : !strcmp(text, "vxlan_sys_4789") ? 2 : 0;
    return *port;
}

static void test_names(void **state)
{
    static const struct port_names ports = {name, number, NULL};
    round_trip("1,3,tnl_pop(2)", "ct0,3,tnl_pop(vxlan_sys_4789)", &ports);
    round_trip("ct0,clone(ct0),userspace(pid=1,slow_path(stp),tunnel_out_port=vxlan_sys_4789)",
               "ct0,clone(ct0),userspace(pid=1,slow_path(stp),tunnel_out_port=vxlan_sys_4789)", &ports);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same), cmocka_unit_test(test_other), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_cut),  cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("action text", tests, NULL, NULL);
}
