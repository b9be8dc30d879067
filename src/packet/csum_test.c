/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/csum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/crc32c.h"

/* RFC 1071 as it stands there. */
static be16 naive(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i += 2) {
        sum += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return CONST_BE16(~sum);
}

static void test_sums(void **state)
{
    static uint8_t data[70000];
    unsigned seed = 1;
    for (int fill = 0; fill < 3; fill++) {
        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = (uint8_t)(fill == 0 ? 0 : fill == 1 ? 0xff : rand_r(&seed));
        }
        for (size_t n = 0; n < 300; n++) {
            for (size_t ofs = 0; ofs < 9; ofs++) {
                be16 want = naive(data + ofs, n);
                assert_int_equal(csum_finish(csum_bytes(0, data + ofs, n)), want);
                assert_int_equal(csum_of(data + ofs, n), want);
                size_t half = n / 2 & ~1ul;
                uint32_t part = csum_bytes(0, data + ofs, half);
                assert_int_equal(csum_finish(csum_bytes(part, data + ofs + half, n - half)), want);
            }
        }
        assert_int_equal(csum_finish(csum_bytes(UINT32_MAX, data, sizeof data)),
                         csum_finish((uint64_t)(be16)~naive(data, 65534) +
                                     (be16)~naive(data + 65534, sizeof data - 65534) + UINT32_MAX));
    }
    /* RFC 1624, section 4: the case that the older equation gets wrong. */
    assert_int_equal(csum_update16(CONST_BE16(0xdd2f), CONST_BE16(0x5555), CONST_BE16(0x3285)),
                     CONST_BE16(0));
    for (int i = 0; i < 1000; i++) {
        uint8_t before[40], after[40];
        for (size_t k = 0; k < sizeof before; k++) {
            before[k] = after[k] = (uint8_t)rand_r(&seed);
        }
        for (int k = 8; k < 24; k++) {
            after[k] = (uint8_t)rand_r(&seed);
        }
        struct ipv6_addr a, b;
        memcpy(&a, before + 8, 16);
        memcpy(&b, after + 8, 16);
        assert_int_equal(csum_update128(naive(before, 40), &a, &b), naive(after, 40));
    }
    assert_int_equal(crc32c("123456789", 9), 0xe3069283); /* the usual check value */
}

static const uint8_t udp4[] = {
    2, 0, 0,   0,   0,    2,    2,   0, 0, 0, 0,  1, 8, 0, 0x45, 0,  0, 33, 0, 7,
    0, 0, 64,  17,  0x66, 0xc3, 10,  0, 0, 1, 10, 0, 0, 2, 0,    53, 0, 54, 0, 13,
    0, 0, 'h', 'e', 'l',  'l',  'o', 0, 0, 0, 0,  0, 0, 0, 0,    0,  0, 0,  0, 0,
};

static struct packet *make(struct packet_pool *pool)
{
    struct packet *p = packet_from_bytes(pool, udp4, sizeof udp4);
    p->l3_ofs = 14;
    p->l4_ofs = 34;
    return p;
}

static void test_verify(void **state)
{
    struct packet_pool *pool = packet_pool_create_heap();
    struct packet *p = make(pool);
    assert_true(packet_ipv4_csum_ok(p));
    assert_true(packet_csum_verify(p)); /* none */
    p->csum = PACKET_CSUM_PARTIAL;
    p->csum_start = 34;
    p->csum_offset = 6;
    put_be16(p->data + 40,
             (be16)~csum_finish(csum_pseudo_ipv4(get_be32(p->data + 26), get_be32(p->data + 30), 17, 13)));
    assert_int_equal(packet_csum_resolve(p), DROP_NONE);
    assert_int_equal(p->csum, PACKET_CSUM_GOOD);
    p->csum = PACKET_CSUM_UNKNOWN;
    assert_true(packet_csum_verify(p));
    assert_int_equal(p->csum, PACKET_CSUM_GOOD);
    for (uint32_t i = 26; i < 47; i++) {
        if (i != 40 && i != 41) {
            p->csum = PACKET_CSUM_UNKNOWN;
            p->data[i] ^= 0x10;
            assert_false(packet_csum_verify(p));
            assert_int_equal(p->csum, PACKET_CSUM_UNKNOWN);
            p->data[i] ^= 0x10;
        }
    }
    p->data[20] = 0x20; /* more fragments: not to be verified by itself */
    p->data[44] ^= 1;
    assert_true(packet_csum_verify(p));
    assert_false(packet_ipv4_csum_ok(p));
    for (unsigned start = 0; start < 80; start++) {
        p->csum = PACKET_CSUM_PARTIAL;
        p->csum_start = (uint16_t)start;
        p->csum_offset = start % 3 == 0 ? 8 : start % 3 == 1 ? 16 : UINT16_MAX;
        packet_csum_resolve(p);
    }
    packet_free(p);
    packet_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_verify),
    };
    return cmocka_run_group_tests_name("packet csum", tests, NULL, NULL);
}
