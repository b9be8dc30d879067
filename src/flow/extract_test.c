/* SPDX-License-Identifier: Apache-2.0 */
/* Packets in, key text out. The texts are the reference's (tests/flow/diff_extract.py compares many more). */
#include "flow/extract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/dpkey_text.h"
#include "flow/mask.h"
#include "flow/match.h"

#define ETH "020000000001020000000002"

static const struct {
    const char *frame, *flow;
} cases[] = {
    {ETH "0800"
         "4505001c0000000040110000"
         "0a0000010a000002"
         "0001000200080000",
     "udp,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,nw_src=10.0.0.1,nw_dst="
     "10.0.0.2,"
     "nw_tos=4,nw_ecn=1,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=2"},
    {ETH "8100600a"
         "0800"
         "450500280000000040060000"
         "0a0000010a000002"
         "0001000200000003000000045012ffff00000000",
     "tcp,in_port=1,dl_vlan=10,dl_vlan_pcp=3,vlan_tci1=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:"
     "01,"
     "nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=4,nw_ecn=1,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=2,tcp_flags=syn|"
     "ack"},
    /* TCP that says that its header is longer than the packet: no ports. */
    {ETH "0800"
         "450500280000000040060000"
         "0a0000010a000002"
         "000100020000000300000004f012ffff00000000",
     "tcp,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,nw_src=10.0.0.1,nw_dst="
     "10.0.0.2,"
     "nw_tos=4,nw_ecn=1,nw_ttl=64,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=0"},
    /* An IPv4 length beyond the frame: nothing of it counts. */
    {ETH "0800"
         "4505001d0000000040110000"
         "0a0000010a000002"
         "0001000200080000",
     "ip,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,nw_src=0.0.0.0,nw_dst=0."
     "0.0.0,"
     "nw_proto=0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no"},
    /* An atomic IPv6 fragment is whole. */
    {ETH "86dd"
         "6031234500102c40"
         "20010db8000000000000000000000001"
         "20010db8000000000000000000000002"
         "1100000000000005"
         "0001000200080000",
     "udp6,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,ipv6_src=2001:db8::1,"
     "ipv6_dst=2001:db8::2,ipv6_label=0x12345,nw_tos=0,nw_ecn=3,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=2"},
    {ETH "86dd"
         "6031234500203a40"
         "20010db8000000000000000000000001"
         "20010db8000000000000000000000002"
         "8700000000000000fe8000000000000000000000000000090101020000000003",
     "icmp6,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,ipv6_src=2001:db8::1,"
     "ipv6_dst=2001:db8::2,ipv6_label=0x12345,nw_tos=0,nw_ecn=3,nw_ttl=64,nw_frag=no,icmp_type=135,icmp_code="
     "0,"
     "nd_target=fe80::9,nd_sll=02:00:00:00:00:03,nd_tll=00:00:00:00:00:00"},
    {ETH "0806"
         "00010800060400010200000000030a0000010000000000000a000002",
     "arp,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,arp_spa=10.0.0.1,arp_"
     "tpa=10.0.0.2,"
     "arp_op=1,arp_sha=02:00:00:00:00:03,arp_tha=00:00:00:00:00:00"},
    {ETH "8847"
         "000010400000204100003141",
     "mpls,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,mpls_label=1,mpls_tc="
     "0,mpls_ttl=64,"
     "mpls_bos=0,mpls_lse1=8257,mpls_lse2=12609"},
    {ETH "0040"
         "424203",
     "in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,dl_type=0x05ff"},
    {ETH "8100",
     "in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:02,dl_dst=02:00:00:00:00:01,dl_type=0x8100"},
};

static struct packet *from_hex(struct packet_pool *pool, const char *hex)
{
    uint8_t bytes[512];
    uint32_t n = 0;
    unsigned v;
    for (; sscanf(hex, "%2x", &v) == 1; hex += 2) {
        bytes[n++] = (uint8_t)v;
    }
    struct packet *p = packet_from_bytes(pool, bytes, n);
    p->in_port = 1;
    return p;
}

static void test_cases(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct packet *p = from_hex(pool, cases[i].frame);
        struct flow_key key;
        struct strbuf s = STRBUF_INITIALIZER;
        memset(&key, 0x5a, sizeof key);
        flow_key_extract_complete(p, &key);
        match_format_key(&key, NULL, NULL, &s);
        assert_string_equal(strbuf_text(&s), cases[i].flow);
        strbuf_fini(&s);
        packet_free(p);
    }
    packet_pool_destroy(pool);
}

/* Every length of every frame: for the address sanitizer, and both paths must agree. */
static void test_truncation(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct packet *whole = from_hex(pool, cases[i].frame);
        for (uint32_t len = 0; len <= whole->len; len++) {
            struct packet *p = packet_from_bytes(pool, whole->data, len);
            struct flow_key fast, full;
            flow_key_extract_complete(p, &fast);
            p->dp_hash = 1;
            flow_key_extract_complete(p, &full);
            full.dp_hash = 0;
            assert_true(flow_key_equal(&fast, &full));
            packet_free(p);
        }
        packet_free(whole);
    }
    packet_pool_destroy(pool);
}

static void test_offsets_and_blocks(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = from_hex(pool, cases[0].frame);
    struct flow_key key;
    flow_key_extract(p, &key);
    assert_int_equal(p->l3_ofs, 14);
    assert_int_equal(p->l4_ofs, 34);
    assert_int_equal(p->key_blocks, FLOW_BLOCK_BIT(FLOW_BLOCK_HOT));
    packet_free(p);
    p = from_hex(pool, cases[1].frame);
    flow_key_extract(p, &key);
    assert_int_equal(p->l4_ofs, 38);
    assert_int_equal(p->key_blocks, FLOW_BLOCK_BIT(FLOW_BLOCK_HOT));
    packet_free(p);
    p = from_hex(pool, cases[7].frame);
    flow_key_extract(p, &key);
    assert_int_equal(p->l2_5_ofs, 14);
    assert_int_equal(p->key_blocks, FLOW_BLOCK_BIT(FLOW_BLOCK_HOT) | FLOW_BLOCK_BIT(FLOW_BLOCK_META));
    packet_free(p);
    packet_pool_destroy(pool);
}

static void test_metadata(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = from_hex(pool, cases[0].frame);
    struct flow_key in, out;
    char *error =
        dpkey_parse("recirc_id(0x5),skb_priority(3),skb_mark(4),ct_state(est|trk),ct_zone(5),ct_mark(6),"
                    "ct_label(0x7),dp_hash(8),in_port(9),tunnel(tun_id=0x5,src=1.2.3.4,dst=2.3.4.5,ttl=64,"
                    "geneve({class=0x102,type=0x80,len=4,0xa}),flags(key)),eth(),eth_type(0x1234)",
                    NULL, &in, NULL, NULL);
    assert_null(error);
    assert_int_equal(flow_key_to_metadata(&in, p), 0);
    flow_key_extract_complete(p, &out);
    assert_int_equal(out.recirc_id, 5);
    assert_int_equal(out.skb_priority, 3);
    assert_int_equal(out.pkt_mark, 4);
    assert_int_equal(out.ct_state, FLOW_CS_EST | FLOW_CS_TRK);
    assert_int_equal(out.ct_zone, 5);
    assert_int_equal(out.ct_mark, 6);
    assert_memory_equal(&out.ct_label, &in.ct_label, 16);
    assert_int_equal(out.dp_hash, 8);
    assert_int_equal(out.in_port, 9);
    assert_memory_equal(&out.tun_id, &in.tun_id, FLOW_BLOCK_SIZE);
    assert_int_equal(out.tun_opts_len, 8);
    assert_memory_equal(out.tun_opts, in.tun_opts, 8);
    in.tun_dst = 0;
    assert_int_equal(flow_key_to_metadata(&in, p), 0);
    assert_null(p->tunnel);
    packet_free(p);
    packet_pool_destroy(pool);
}

static void test_vlan_limit(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    const char *frame = ETH "88a8000a8100200b0800"
                            "4505001c0000000040110000"
                            "0a0000010a000002"
                            "0001000200080000";
    struct flow_key key;
    struct packet *p = from_hex(pool, frame);
    flow_key_extract_complete(p, &key);
    assert_int_equal(key.dl_type, CONST_BE16(0x8100));
    assert_int_equal(key.vlans[0].tci, CONST_BE16(0x100a));
    assert_int_equal(key.vlans[1].tpid, 0);
    flow_set_vlan_limit(2);
    flow_key_extract_complete(p, &key);
    assert_int_equal(key.dl_type, CONST_BE16(0x0800));
    assert_int_equal(key.vlans[1].tpid, CONST_BE16(0x8100));
    assert_int_equal(key.vlans[1].tci, CONST_BE16(0x300b));
    assert_int_equal(key.tp_dst, CONST_BE16(2));
    flow_set_vlan_limit(0);
    flow_key_extract_complete(p, &key);
    assert_int_equal(key.dl_type, CONST_BE16(0x88a8));
    flow_set_vlan_limit(FLOW_VLAN_LIMIT_DEFAULT);
    packet_free(p);
    packet_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_offsets_and_blocks),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_vlan_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
