/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(const struct field *f, uint8_t seed, union field_value *v)
{
    union field_value ones;
    memset(v, 0, sizeof *v);
    field_all_ones(f, &ones);
    for (unsigned i = 0; i < f->n_bytes; i++) {
        v->b[i] = (uint8_t)(seed + 37 * i) & ones.b[i];
    }
    if (f->id == FIELD_ARP_OP) {
        v->b[0] = 0; /* the key has the low byte */
    } else if (f->id == FIELD_CT_STATE) {
        v->b[0] = v->b[1] = v->b[2] = 0;
    } else if (f->store == FIELD_VLAN && f->id != FIELD_DL_VLAN && !f->shift) {
        v->b[0] |= 0x10; /* a tag that is there */
    } else if (f->format == FIELD_PORT_OXM) {
        v->b[0] = v->b[1] = 0;
    }
}

static void test_table(void **state)
{
    for (int i = 0; i < FIELD_N; i++) {
        const struct field *f = field_from_id((enum field_id)i);
        assert_int_equal(f->id, i);
        assert_ptr_equal(field_from_name(f->name), f);
        if (f->alias) {
            assert_ptr_equal(field_from_name(f->alias), f);
        }
        assert_true(f->n_bits <= 8 * f->n_bytes);
        assert_true(f->offset + f->size <= sizeof(struct flow_key));
    }
    assert_null(field_from_name("reg16"));
    assert_null(field_from_name(""));
}

static void test_set_get(void **state)
{
    for (int i = 0; i < FIELD_N; i++) {
        const struct field *f = field_from_id((enum field_id)i);
        if (f->store == FIELD_TUNMD) {
            continue;
        }
        for (int seed = 1; seed < 250; seed += 31) {
            union field_value v, got;
            struct flow_key key;
            struct match m;
            fill(f, (uint8_t)seed, &v);
            memset(&key, 0, sizeof key);
            field_set(f, &v, &key);
            field_get(f, &key, &got);
            assert_memory_equal(v.b, got.b, f->n_bytes);

            match_init_catchall(&m);
            assert_null(field_match(f, &v, NULL, &m));
            union field_value mask, ones;
            field_match_get(f, &m, &got, &mask);
            field_all_ones(f, &ones);
            assert_memory_equal(v.b, got.b, f->n_bytes);
            for (unsigned b = 0; b < f->n_bytes; b++) {
                assert_int_equal(mask.b[b] & ones.b[b], ones.b[b]);
            }
            assert_false(field_is_all_wild(f, &m.wc.bits));
            field_match_wildcard(f, &m);
            assert_true(field_is_all_wild(f, &m.wc.bits));
            field_match_get(f, &m, &got, &mask);

            /* Text, both ways. */
            struct strbuf s = STRBUF_INITIALIZER;
            field_format(f, &v, NULL, NULL, &s);
            if (f->format != FIELD_FRAG && f->format != FIELD_TUNFLAGS) {
                char *error = field_parse_value(f, strbuf_text(&s), NULL, &got);
                assert_null(error);
                assert_memory_equal(v.b, got.b, f->n_bytes);
            }
            strbuf_fini(&s);
        }
    }
}

static void test_registers(void **state)
{
    struct flow_key key;
    union field_value v;
    memset(&key, 0, sizeof key);
    memset(&v, 0, sizeof v);
    for (int i = 0; i < 16; i++) {
        v.b[i] = (uint8_t)(i + 1);
    }
    field_set(field_from_name("xxreg1"), &v, &key);
    assert_int_equal(key.regs[4], 0x01020304);
    assert_int_equal(key.regs[7], 0x0d0e0f10);
    field_get(field_from_name("xreg3"), &key, &v);
    assert_int_equal(v.be64, CONST_BE64(0x090a0b0c0d0e0f10));
    field_get(field_from_name("reg5"), &key, &v);
    assert_int_equal(v.be32, CONST_BE32(0x05060708));
}

static void test_vlan(void **state)
{
    struct flow_key key;
    union field_value v = {.be16 = CONST_BE16(5)};
    memset(&key, 0, sizeof key);
    field_set(field_from_name("dl_vlan"), &v, &key);
    assert_int_equal(key.vlans[0].tci, CONST_BE16(0x1005));
    assert_int_equal(key.vlans[0].tpid, CONST_BE16(0x8100));
    v.b[0] = 3;
    field_set(field_from_name("vlan_pcp"), &v, &key);
    assert_int_equal(key.vlans[0].tci, CONST_BE16(0x7005));
    v.be16 = CONST_BE16(0xffff);
    field_set(field_from_name("dl_vlan"), &v, &key);
    assert_int_equal(key.vlans[0].tpid, 0);
}

static void test_oxm(void **state)
{
    const struct field_oxm *o = field_oxm_from_name_len("NXM_OF_IN_PORT[]", 14);
    assert_non_null(o);
    assert_int_equal(o->field, FIELD_IN_PORT);
    assert_int_equal(o->header >> 32, 0x00000002);
    o = field_oxm_of(field_from_id(FIELD_TCP_SRC), 4);
    assert_string_equal(o->name, "OXM_OF_TCP_SRC");
    assert_int_equal(o->header >> 32, 0x80001a02);
    assert_string_equal(field_oxm_of(field_from_id(FIELD_TCP_SRC), 1)->name, "NXM_OF_TCP_SRC");
    assert_string_equal(field_oxm_of(field_from_id(FIELD_TCP_FLAGS), 6)->name, "OXM_OF_TCP_FLAGS");
    assert_string_equal(field_oxm_of(field_from_id(FIELD_XREG0), 4)->name, "OXM_OF_PKT_REG0");
    assert_int_equal(field_oxm_of(field_from_id(FIELD_XREG0), 4)->header >> 32, 0x80010008);
    assert_null(field_oxm_of(field_from_id(FIELD_DL_VLAN), 1));
    /* What NXM has no code for is sent with OXM's even there; and the other way round. */
    assert_string_equal(field_oxm_of(field_from_id(FIELD_METADATA), 1)->name, "OXM_OF_METADATA");
    assert_string_equal(field_oxm_of(field_from_id(FIELD_ACTSET_OUTPUT), 1)->name, "ONFOXM_ET_ACTSET_OUTPUT");
    assert_string_equal(field_oxm_of(field_from_id(FIELD_REG0), 6)->name, "NXM_NX_REG0");
    assert_int_equal(field_oxm_of(field_from_id(FIELD_ND_RESERVED), 1)->header >> 32, 0x10000204);
    /* An experimenter's: the length counts its four bytes. */
    o = field_oxm_of(field_from_id(FIELD_NSH_TTL), 1);
    assert_int_equal(o->header, (UINT64_C(0xffff1405) << 32) | 0x005ad650);
    assert_ptr_equal(field_oxm_from_header(o->header | FIELD_OXM_MASK_BIT), o);
    assert_null(field_oxm_from_header(UINT64_C(0x80007f00) << 32));
}

static void test_prereqs(void **state)
{
    struct flow_key key, mask;
    memset(&key, 0, sizeof key);
    memset(&mask, 0, sizeof mask);
    const struct field *f = field_from_name("nd_sll");
    assert_false(field_prereqs_ok(f, &key));
    key.dl_type = CONST_BE16(0x86dd);
    key.nw_proto = 58;
    key.tp_src = CONST_BE16(135);
    assert_true(field_prereqs_ok(f, &key));
    field_wc_set_prereqs(f, &key, &mask);
    assert_int_equal(mask.dl_type, 0xffff);
    assert_int_equal(mask.nw_proto, 0xff);
    assert_int_equal(mask.tp_src, 0xffff);
    key.tp_src = CONST_BE16(136);
    assert_false(field_prereqs_ok(f, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_set_get), cmocka_unit_test(test_registers),
        cmocka_unit_test(test_vlan),  cmocka_unit_test(test_oxm),     cmocka_unit_test(test_prereqs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
