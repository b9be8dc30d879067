/* SPDX-License-Identifier: Apache-2.0 */
/* Headers put on and taken off again; which tunnel a packet belongs to; routes, neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/smap.h"
#include "flow/extract.h"
#include "packet/csum.h"
#include "tunnel/header.h"
#include "tunnel/map.h"
#include "tunnel/neigh.h"
#include "tunnel/pop.h"
#include "tunnel/push.h"
#include "tunnel/route.h"
#include "wire/eth.h"
#include "wire/l4.h"

static struct ipv6_addr address(const char *text)
{
    struct ipv6_addr a;
    assert_true(tunnel_address_parse(text, &a));
    return a;
}

static struct tunnel_config config(const char *type, const char *const *options)
{
    struct smap map = SMAP_INITIALIZER;
    struct tunnel_config c;
    char *error;
    for (; *options; options += 2) {
        smap_set(&map, options[0], options[1]);
    }
    assert_int_equal(tunnel_config_parse(tunnel_kind_of(tunnel_kind_find(type)), "t", &map, &c, &error), 0);
    smap_fini(&map);
    return c;
}
#define CONFIG(TYPE, ...) config(TYPE, (const char *const[]){__VA_ARGS__, NULL})

/* An inner TCP segment with a right checksum, or what a host with offloads gives. */
static struct packet *inner(struct packet_pool *pool, bool partial)
{
    static const uint8_t frame[] = {
        2,    0,   0,   0,   0,   2, 2,    0, 0,  0, 0, 1, 8,    0,                       /* Ethernet */
        0x45, 0,   0,   45,  0,   1, 0x40, 0, 64, 6, 0, 0, 10,   0,    0, 1, 10, 0, 0, 2, /* IPv4 */
        0,    80,  0,   81,  0,   0, 0,    1, 0,  0, 0, 2, 0x50, 0x10, 1, 0, 0,  0, 0, 0, /* TCP */
        'h',  'e', 'l', 'l', 'o',
    };
    struct packet *p = packet_from_bytes(pool, frame, sizeof frame);
    uint8_t *ip = p->data + ETH_HEADER_LEN, *tcp = ip + IPV4_HEADER_LEN;
    put_be16(ip + 10, csum_of(ip, IPV4_HEADER_LEN));
    uint32_t pseudo =
        csum_pseudo_ipv4(get_be32(ip + 12), get_be32(ip + 16), IP_PROTO_TCP, TCP_HEADER_LEN + 5);
    p->csum_start = ETH_HEADER_LEN + IPV4_HEADER_LEN;
    p->csum_offset = offsetof(struct tcp_header, csum);
    put_be16(tcp + p->csum_offset, (be16)~csum_finish(pseudo));
    p->csum = PACKET_CSUM_PARTIAL;
    if (!partial) {
        assert_int_equal(packet_csum_resolve(p), DROP_NONE);
    }
    return p;
}

/* To C's other end and back: what comes out is what went in. */
static void round_trip(struct tunnel_config c, bool six, bool partial)
{
    static _Atomic uint32_t seq;
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = inner(pool, partial), *before = packet_clone(pool, p);
    struct tunnel_path path = {.src = address(six ? "fd00::1" : "1.1.1.1"),
                               .dst = address(six ? "fd00::2" : "1.1.1.2")};
    struct tunnel_header h;
    struct tunnel_vport vport = {.kind = c.kind,
                                 .dst_port = c.dst_port,
                                 .gbp = c.gbp,
                                 .gpe = c.gpe,
                                 .payload_ethertype = c.payload_ethertype};
    struct flow_key key;
    flow_key_extract_complete(p, &key);
    if (!tunnel_kinds[c.kind].carries_l2) {
        packet_pull(p, ETH_HEADER_LEN);
        packet_pull(before, ETH_HEADER_LEN);
        p->csum_start = (uint16_t)(p->csum_start - ETH_HEADER_LEN);
        key.packet_type = FLOW_PT(1, ETH_TYPE_IPV4);
    }
    key.tun_id = c.out_key;
    key.tun_ttl = 64;
    key.tun_tos = 4;
    key.tun_flags = FLOW_TUN_DONT_FRAG | FLOW_TUN_KEY | (c.csum ? FLOW_TUN_CSUM : 0);
    key.tun_gbp_id = c.gbp ? CONST_BE16(9) : 0;
    key.tun_erspan_ver = c.erspan_ver;
    key.erspan_idx = c.erspan_idx;
    key.tun_erspan_dir = c.erspan_dir;
    key.tun_erspan_hwid = c.erspan_hwid;
    assert_int_equal(tunnel_header_build(&c, &key, &path, &h), 0);
    assert_int_equal(tunnel_push(p, h.bytes, h.len, h.type, 0x80000000, &seq, 1500), DROP_NONE);
    assert_int_equal(p->len, before->len + h.len);

    /* On the wire every checksum is right. */
    assert_int_equal(packet_csum_resolve(p), DROP_NONE);
    p->csum = PACKET_CSUM_UNKNOWN;
    struct flow_key outer;
    flow_key_extract_complete(p, &outer);
    assert_true(packet_csum_verify(p));
    assert_true(packet_ipv4_csum_ok(p) || six);
    p->csum = PACKET_CSUM_UNKNOWN;
    assert_int_equal(tunnel_pop(p, &vport), DROP_NONE);
    assert_int_equal(p->len, before->len);
    flow_key_extract_complete(p, &outer);
    assert_true(packet_csum_verify(p));
    assert_int_equal(outer.tun_id, c.out_key);
    assert_int_equal(outer.tun_ttl, 64);
    assert_int_equal(outer.tun_tos, 4);
    assert_int_equal(outer.tun_gbp_id, key.tun_gbp_id);
    assert_int_equal(outer.erspan_idx, c.erspan_idx);
    assert_int_equal(outer.tun_erspan_hwid, c.erspan_hwid);
    assert_int_equal(outer.packet_type, key.packet_type);
    packet_csum_resolve(before);
    assert_memory_equal(p->data, before->data, p->len);
    packet_free(p);
    packet_free(before);
    packet_pool_destroy(pool);
}

static void test_round_trips(void **state)
{
    for (int partial = 0; partial < 2; partial++) {
        round_trip(CONFIG("vxlan", "remote_ip", "1.1.1.2", "key", "7"), false, partial);
        round_trip(CONFIG("vxlan", "remote_ip", "1.1.1.2", "key", "7", "csum", "true"), false, partial);
        round_trip(CONFIG("vxlan", "remote_ip", "fd00::2", "key", "7", "exts", "gbp"), true, partial);
        round_trip(CONFIG("vxlan", "remote_ip", "fd00::2", "key", "7", "exts", "gpe"), true, partial);
        round_trip(CONFIG("geneve", "remote_ip", "1.1.1.2", "key", "7", "csum", "true"), false, partial);
        round_trip(CONFIG("gre", "remote_ip", "1.1.1.2", "key", "7"), false, partial);
        round_trip(CONFIG("gre", "remote_ip", "1.1.1.2", "key", "7", "csum", "true", "seq", "true"), false,
                   partial);
        round_trip(CONFIG("ip6gre", "remote_ip", "fd00::2", "key", "7", "csum", "true"), true, partial);
        round_trip(CONFIG("erspan", "remote_ip", "1.1.1.2", "key", "7", "erspan_ver", "1", "erspan_idx", "3"),
                   false, partial);
        round_trip(
            CONFIG("erspan", "remote_ip", "1.1.1.2", "key", "7", "erspan_ver", "2", "erspan_hwid", "5"),
            false, partial);
    }
    round_trip(CONFIG("gtpu", "remote_ip", "1.1.1.2", "key", "7"), false, false);
    round_trip(CONFIG("lisp", "remote_ip", "1.1.1.2", "key", "7"), false, false);
}

static void test_damaged(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct tunnel_config c = CONFIG("geneve", "remote_ip", "1.1.1.2", "key", "7", "csum", "true");
    struct tunnel_vport vport = {.kind = TUNNEL_GENEVE, .dst_port = 6081};
    struct tunnel_path path = {.src = address("1.1.1.1"), .dst = address("1.1.1.2")};
    struct tunnel_header h;
    static _Atomic uint32_t seq;
    struct flow_key key;
    memset(&key, 0, sizeof key);
    key.tun_flags = FLOW_TUN_CSUM;
    key.tun_opts_len = 8;
    key.tun_opts[3] = 1;
    assert_int_equal(tunnel_header_build(&c, &key, &path, &h), 0);
    struct packet *whole = inner(pool, false);
    assert_int_equal(tunnel_push(whole, h.bytes, h.len, h.type, 0, &seq, 1500), DROP_NONE);
    packet_csum_resolve(whole);
    whole->csum = PACKET_CSUM_UNKNOWN;
    /* Cut anywhere, or with a byte changed: it is not taken for another packet. */
    for (uint32_t i = 0; i < whole->len; i++) {
        struct packet *p = packet_clone(pool, whole);
        p->len = i;
        assert_int_not_equal(tunnel_pop(p, &vport), DROP_NONE);
        packet_free(p);
        p = packet_clone(pool, whole);
        p->data[i] ^= 0x11;
        bool covered = i >= 14; /* by the IPv4 header's checksum, then by UDP's */
        enum drop_reason why = tunnel_pop(p, &vport);
        assert_true(!covered || why != DROP_NONE);
        packet_free(p);
    }
    struct packet *p = packet_clone(pool, whole);
    p->csum = PACKET_CSUM_GOOD;
    p->data[14 + 20 + 8 + 8 + 3] = 5; /* an option longer than all of them */
    assert_int_equal(tunnel_pop(p, &vport), DROP_TUNNEL_OPTIONS);
    packet_free(p);
    packet_free(whole);
    packet_pool_destroy(pool);
}

static void test_map(void **state)
{
    /* As the reference decides, best first. */
    static const char *const options[][3] = {
        /* remote, local, key */
        {"1.1.1.1", "2.2.2.2", "5"}, {"1.1.1.1", NULL, "5"},      {"flow", "2.2.2.2", "5"},
        {"flow", NULL, "5"},         {"flow", "flow", "5"},       {"1.1.1.1", "2.2.2.2", "flow"},
        {"1.1.1.1", NULL, "flow"},   {"flow", "2.2.2.2", "flow"}, {"flow", NULL, "flow"},
        {"flow", "flow", "flow"},
    };
    struct flow_key key;
    int owner;
    memset(&key, 0, sizeof key);
    key.in_port = 4789;
    key.tun_id = CONST_BE64((uint64_t)5);
    key.tun_src = address("1.1.1.1").be32[3];
    key.tun_dst = address("2.2.2.2").be32[3];
    for (size_t from = 0; from < ARRAY_SIZE(options); from++) {
        struct tunnel_map *map = tunnel_map_create();
        for (size_t i = ARRAY_SIZE(options); i-- > from;) {
            struct tunnel_config c = options[i][1]
                                         ? CONFIG("vxlan", "remote_ip", options[i][0], "key", options[i][2],
                                                  "local_ip", options[i][1])
                                         : CONFIG("vxlan", "remote_ip", options[i][0], "key", options[i][2]);
            tunnel_map_add(map, &c, &owner, 4789, options[i]);
        }
        assert_ptr_equal(tunnel_map_find(map, &owner, &key), options[from]);
        assert_null(tunnel_map_find(map, &map, &key));
        tunnel_map_destroy(map);
    }
}

static void test_routes(void **state)
{
    struct tunnel_routes *r = tunnel_routes_create();
    struct tunnel_route route = {.user = true, .source = address("9.9.9.9")}, found;
    static const char *const prefixes[] = {"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        assert_true(tunnel_prefix_parse(prefixes[i], &route.prefix, &route.plen));
        strcpy(route.device, prefixes[i]);
        assert_true(tunnel_routes_add(r, &route));
    }
    static const struct {
        const char *dst, *device;
    } expected[] = {{"10.1.2.3", "10.1.2.3/32"},
                    {"10.1.2.4", "10.1.0.0/16"},
                    {"10.2.0.1", "10.0.0.0/8"},
                    {"11.0.0.1", "0.0.0.0/0"}};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        struct ipv6_addr dst = address(expected[i].dst);
        assert_true(tunnel_routes_lookup(r, &dst, 0, &found));
        assert_string_equal(found.device, expected[i].device);
        assert_false(tunnel_routes_lookup(r, &dst, 1, &found));
    }
    struct ipv6_addr six = address("fd00::1");
    assert_false(tunnel_routes_lookup(r, &six, 0, &found));
    struct ipv6_addr prefix;
    unsigned plen;
    assert_false(tunnel_prefix_parse("10.0.0.0/33", &prefix, &plen));
    assert_false(tunnel_prefix_parse("fd00::/129", &prefix, &plen));
    assert_false(tunnel_prefix_parse("10.0.0.0/", &prefix, &plen));
    assert_true(tunnel_prefix_parse("10.0.0.0/8", &prefix, &plen));
    assert_true(tunnel_routes_del(r, &prefix, plen, 0));
    assert_false(tunnel_routes_del(r, &prefix, plen, 0));
    tunnel_routes_destroy(r);
}

static void count(void *n)
{
    ++*(int *)n;
}

static void test_neighbours(void **state)
{
    int n = 0;
    struct tunnel_neighbours *t = tunnel_neighbours_create(count, &n);
    struct ipv6_addr a = address("1.1.1.1"), b = address("1.1.1.2");
    struct eth_addr mac, one = {{2, 0, 0, 0, 0, 1}}, two = {{2, 0, 0, 0, 0, 2}};
    bool ask;
    tunnel_neigh_learn(t, "br0", &b, one); /* nobody asked */
    assert_int_equal(n, 0);
    assert_false(tunnel_neigh_lookup(t, "br0", &a, &mac, &ask));
    assert_true(ask);
    assert_false(tunnel_neigh_lookup(t, "br0", &a, &mac, &ask));
    assert_false(ask);
    tunnel_neigh_learn(t, "br0", &a, one);
    assert_int_equal(n, 1);
    tunnel_neigh_learn(t, "br0", &a, one);
    assert_int_equal(n, 1);
    assert_true(tunnel_neigh_lookup(t, "br0", &a, &mac, &ask));
    assert_memory_equal(&mac, &one, sizeof mac);
    assert_false(tunnel_neigh_lookup(t, "br1", &a, &mac, &ask));
    tunnel_neigh_learn(t, "br0", &a, two);
    assert_int_equal(n, 2);
    tunnel_neigh_flush(t, NULL);
    assert_int_equal(n, 3);
    tunnel_neighbours_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_damaged),    cmocka_unit_test(test_map),
        cmocka_unit_test(test_routes),      cmocka_unit_test(test_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
