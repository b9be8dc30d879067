/* SPDX-License-Identifier: Apache-2.0 */
/* Packet, actions, packet: the table that the reference's datapath wrote (tests/interop/rewrite_table.py),
 * run in each state that a checksum can be in; and random actions on random packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action/hash.h"
#include "action/rewrite.h"
#include "action/text.h"
#include "base/alloc.h"
#include "flow/extract.h"
#include "wire/csum.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"

static size_t unhex(const char *text, uint8_t *bytes, size_t size)
{
    size_t n = 0;
    unsigned v;
    for (; n < size && sscanf(text + 2 * n, "%2x", &v) == 1; n++) {
        bytes[n] = (uint8_t)v;
    }
    return n;
}

/* Runs the list on P; the packet is cut as an output would cut it. */
static enum drop_reason run(struct packet *p, const struct bytebuf *actions)
{
    const struct dp_action *a;
    DP_ACTION_FOR_EACH (a, actions->data, actions->len) {
        enum drop_reason why = rewrite_packet(p, a);
        if (why) {
            return why;
        }
    }
    p->len -= p->cutlen;
    return DROP_NONE;
}

static void check_same(const char *line, const struct packet *p, const uint8_t *want, size_t n)
{
    if (p->len != n || memcmp(p->data, want, n)) {
        print_message("%s", line);
        for (uint32_t i = 0; i < p->len; i++) {
            print_message("%s%02x", i < n && p->data[i] == want[i] ? "" : "*", p->data[i]);
        }
        print_message("\n");
        fail();
    }
}

/* Where the layer-4 checksum is, from layer 4; 0: none. */
static uint16_t csum_offset(const struct flow_key *key)
{
    bool ip = key->dl_type == CONST_BE16(ETH_TYPE_IPV4) || key->dl_type == CONST_BE16(ETH_TYPE_IPV6);
    if (!ip || key->nw_frag) {
        return 0;
    }
    switch (key->nw_proto) {
    case IP_PROTO_TCP:
        return offsetof(struct tcp_header, csum);
    case IP_PROTO_UDP:
        return offsetof(struct udp_header, csum);
    case IP_PROTO_ICMPV6:
        return offsetof(struct icmp_header, csum);
    default:
        return 0;
    }
}

static be16 sum_of_rest(const struct packet *p)
{
    return csum_of(p->data + p->csum_start, p->len - p->csum_start);
}

/* Makes the packet's right checksum a partial one: the field gets what the rest does not sum up to. False if
 * it is not right or not there. */
static bool make_partial(struct packet *p, const struct flow_key *key)
{
    uint16_t ofs = csum_offset(key);
    if (!ofs || p->l4_ofs + ofs + 2u > p->len || !get_be16(p->data + p->l4_ofs + ofs)) {
        return false;
    }
    be16 full = get_be16(p->data + p->l4_ofs + ofs);
    p->csum_start = p->l4_ofs;
    p->csum_offset = ofs;
    put_be16(p->data + p->l4_ofs + ofs, 0);
    /* ~(pseudo + rest) == full */
    be16 pseudo = (be16)~csum_finish((uint64_t)(be16)~full + sum_of_rest(p));
    put_be16(p->data + p->l4_ofs + ofs, pseudo);
    p->csum = PACKET_CSUM_PARTIAL;
    return true;
}

static void test_table(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    FILE *f = fopen(REWRITE_TABLE, "r");
    char *line = NULL;
    size_t size = 0, n_cases = 0, n_partial = 0;
    assert_non_null(f);
    flow_set_vlan_limit(2);
    while (getline(&line, &size, f) > 0) {
        uint8_t in[512], want[512];
        struct bytebuf actions = BYTEBUF_INITIALIZER;
        char *part[4], *copy = xstrdup(line), *save = NULL;
        for (int i = 0; i < 4 && line[0] != '#'; i++) {
            part[i] = strtok_r(i ? NULL : copy, "|", &save);
            assert_non_null(part[i]);
        }
        if (line[0] == '#') {
            free(copy);
            continue;
        }
        char *error = dp_actions_parse(part[2], NULL, &actions);
        assert_null(error);
        size_t n_in = unhex(part[1] + 1, in, sizeof in), n_want = unhex(part[3] + 1, want, sizeof want);
        for (int csum = PACKET_CSUM_UNKNOWN; csum <= PACKET_CSUM_PARTIAL; csum++) {
            struct packet *p = packet_from_bytes(pool, in, (uint32_t)n_in);
            struct flow_key key;
            flow_key_extract_complete(p, &key);
            p->csum = (uint8_t)csum;
            bool cut = strstr(part[2], "trunc") != NULL;
            if (csum == PACKET_CSUM_PARTIAL &&
                (cut || strstr(part[0], "bad") || strstr(part[0], "arrived") || !make_partial(p, &key))) {
                packet_free(p);
                continue;
            }
            assert_int_equal(run(p, &actions), DROP_NONE);
            if (csum == PACKET_CSUM_PARTIAL) {
                be16 full = sum_of_rest(p);
                put_be16(p->data + p->csum_start + p->csum_offset, full ? full : 0xffff);
                n_partial++;
            }
            check_same(line, p, want, n_want);
            if (!cut && p->l3_ofs != PACKET_NO_OFFSET && !strstr(part[2], "mpls") &&
                !strstr(part[0], "qinq") && !strstr(part[2], "vid=8")) {
                uint16_t l3 = p->l3_ofs, l4 = p->l4_ofs;
                flow_key_extract_complete(p, &key);
                assert_int_equal(p->l3_ofs, l3);
                assert_int_equal(p->l4_ofs, l4);
            }
            packet_free(p);
        }
        n_cases++;
        bytebuf_fini(&actions);
        free(copy);
    }
    print_message("%zu cases, %zu of them with a partial checksum too\n", n_cases, n_partial);
    assert_true(n_cases > 200 && n_partial > 80);
    free(line);
    fclose(f);
    packet_pool_destroy(pool);
}

static const uint8_t tcp4[] = {
    2, 0, 0, 0,  0, 2, 2, 0, 0,    0, 0,  1, 8, 0, 0x45, 0, 0, 40, 0, 7,    0, 0,    64, 6,    0x66, 0xc7, 10,
    0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 80, 0, 0, 0, 0,    0, 0, 0,  0, 0x50, 2, 0x20, 0,  0x77, 0xa0, 0,    0,
};

static void test_ttl(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = packet_from_bytes(pool, tcp4, sizeof tcp4);
    struct flow_key key;
    flow_key_extract_complete(p, &key);
    assert_int_equal(csum_of(p->data + 14, 20), 0);
    for (int ttl = 63; ttl >= 1; ttl--) {
        assert_int_equal(rewrite_dec_ttl(p), DROP_NONE);
        assert_int_equal(p->data[22], ttl);
        assert_int_equal(csum_of(p->data + 14, 20), 0);
    }
    assert_int_equal(rewrite_dec_ttl(p), DROP_TTL_EXPIRED);
    assert_int_equal(p->data[22], 1);
    p->data[15] = 0x28; /* AF11 */
    rewrite_dscp_remark(p, 1);
    assert_int_equal(p->data[15], 0x30);
    rewrite_dscp_remark(p, 5);
    assert_int_equal(p->data[15], 0x38);
    packet_free(p);
    packet_pool_destroy(pool);
}

static void test_hash(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = packet_from_bytes(pool, tcp4, sizeof tcp4),
                  *back = packet_from_bytes(pool, tcp4, sizeof tcp4);
    struct flow_key key;
    memcpy(back->data, tcp4 + 6, 6);
    memcpy(back->data + 6, tcp4, 6);
    memcpy(back->data + 26, tcp4 + 30, 4);
    memcpy(back->data + 30, tcp4 + 26, 4);
    memcpy(back->data + 34, tcp4 + 36, 2);
    memcpy(back->data + 36, tcp4 + 34, 2);
    flow_key_extract_complete(back, &key);
    flow_key_extract_complete(p, &key);
    for (uint32_t basis = 0; basis < 3; basis++) {
        assert_int_equal(dp_hash_packet(p, DP_HASH_L4, basis), dp_hash_key(&key, DP_HASH_L4, basis));
        assert_int_equal(dp_hash_packet(p, DP_HASH_SYM_L4, basis), dp_hash_key(&key, DP_HASH_SYM_L4, basis));
        assert_int_equal(dp_hash_packet(p, DP_HASH_SYM_L4, basis),
                         dp_hash_packet(back, DP_HASH_SYM_L4, basis));
        assert_int_not_equal(dp_hash_packet(p, DP_HASH_L4, basis), dp_hash_packet(back, DP_HASH_L4, basis));
    }
    assert_int_not_equal(dp_hash_packet(p, DP_HASH_L4, 0), dp_hash_packet(p, DP_HASH_L4, 1));
    packet_free(p);
    packet_free(back);
    packet_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests_name("action rewrite", tests, NULL, NULL);
}
