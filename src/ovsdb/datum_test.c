/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/datum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

static struct ovsdb_datum *from_json(const struct ovsdb_type *type, const char *text)
{
    struct json_object *json = json_tokener_parse(text);
    struct ovsdb_datum *d;
    char *error = ovsdb_error_to_text_free(ovsdb_datum_from_json(&d, type, json, NULL));
    if (error) {
        fail_msg("%s: %s", text, error);
    }
    json_object_put(json);
    return d;
}

static void expect_json(const struct ovsdb_datum *d, const struct ovsdb_type *type, const char *expected)
{
    struct strbuf s = STRBUF_INITIALIZER;
    ovsdb_datum_put_json(d, type, &s);
    assert_string_equal(strbuf_text(&s), expected);
    strbuf_fini(&s);
}

static void json_round_trip(void **state)
{
    static const struct {
        const char *type, *in, *out;
    } cases[] = {
        {"integer*", "[\"set\",[3,1,2]]", "[\"set\",[1,2,3]]"},
        {"integer", "5.0", "5"},
        {"real*", "[\"set\",[0.1,1e-7,1.5,2]]", "[\"set\",[1e-07,0.1,1.5,2]]"},
        {"string*", "\"a\\\"\\u0001\\n\"", "\"a\\\"\\u0001\\n\""},
        {"string:integer*", "[\"map\",[[\"b\",1],[\"a\",-9223372036854775808]]]",
         "[\"map\",[[\"a\",-9223372036854775808],[\"b\",1]]]"},
        {"boolean?", "[\"set\",[]]", "[\"set\",[]]"},
        {"boolean?", "true", "true"},
        {"uuid", "[\"uuid\",\"00000000-0000-0000-0000-0000000000ff\"]",
         "[\"uuid\",\"00000000-0000-0000-0000-0000000000ff\"]"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ovsdb_type type;
        ovsdb_type_from_notation(&type, cases[i].type);
        struct ovsdb_datum *d = from_json(&type, cases[i].in);
        expect_json(d, &type, cases[i].out);
        ovsdb_datum_unref(d, &type);
        ovsdb_type_fini(&type);
    }
}

static void text_round_trip(void **state)
{
    static const struct {
        const char *type, *in, *out;
    } cases[] = {
        {"integer*", "3,1 2", "[1, 2, 3]"},
        {"integer*", "[]", "[]"},
        {"integer*", "1-3,7", "[1, 2, 3, 7]"},
        {"integer?", "5", "5"},
        {"string", "abc", "abc"},
        {"string", "\"a b\"", "\"a b\""},
        {"string", "1abc", "\"1abc\""},
        {"string", "\"\"", "\"\""},
        {"string:string*", "b=2, a=\"x y\"", "{a=\"x y\", b=\"2\"}"},
        {"string:string*", "{}", "{}"},
        {"boolean", "yes", "true"},
        {"integer:string*", "{1=a}", "{1=a}"},
        {"string*", "true", "[\"true\"]"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ovsdb_type type;
        struct ovsdb_datum *d;
        struct strbuf s = STRBUF_INITIALIZER;
        ovsdb_type_from_notation(&type, cases[i].type);
        char *error = ovsdb_datum_from_string(&d, &type, cases[i].in, NULL);
        if (error) {
            fail_msg("%s: %s", cases[i].in, error);
        }
        ovsdb_datum_put_text(d, &type, &s);
        assert_string_equal(strbuf_text(&s), cases[i].out);
        strbuf_fini(&s);
        ovsdb_datum_unref(d, &type);
        ovsdb_type_fini(&type);
    }
}

static void differences_lead_there_and_back(void **state)
{
    struct ovsdb_type type;
    ovsdb_type_from_notation(&type, "string:integer*");
    struct ovsdb_datum *a = from_json(&type, "[\"map\",[[\"a\",1],[\"b\",2],[\"c\",3]]]");
    struct ovsdb_datum *b = from_json(&type, "[\"map\",[[\"a\",1],[\"b\",5],[\"d\",4]]]");
    struct ovsdb_datum *diff = ovsdb_datum_diff(a, b, &type);
    expect_json(diff, &type, "[\"map\",[[\"b\",5],[\"c\",3],[\"d\",4]]]");
    struct ovsdb_datum *again = ovsdb_datum_apply_diff(a, diff, &type);
    assert_true(ovsdb_datum_equal(again, b, &type));
    struct ovsdb_datum *both = ovsdb_datum_union(a, b, &type, false);
    expect_json(both, &type, "[\"map\",[[\"a\",1],[\"b\",2],[\"c\",3],[\"d\",4]]]");
    struct ovsdb_datum *less = ovsdb_datum_difference(a, &type, b, &type);
    expect_json(less, &type, "[\"map\",[[\"b\",2],[\"c\",3]]]");
    assert_true(ovsdb_datum_includes_all(less, a, &type));
    assert_true(ovsdb_datum_excludes_all(less, b, &type));
    assert_int_equal(ovsdb_datum_find_text(a, &type, "c"), 2);
    assert_int_equal(ovsdb_datum_find_text(a, &type, "cc"), -1);
    struct ovsdb_datum *all[] = {a, b, diff, again, both, less};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        ovsdb_datum_unref(all[i], &type);
    }
    ovsdb_type_fini(&type);
}

static void uuids(void **state)
{
    struct uuid a, b;
    char text[UUID_TEXT_LEN + 1];
    uuid_generate(&a);
    uuid_format(&a, text);
    assert_true(uuid_parse(&b, text));
    assert_true(uuid_equal(&a, &b));
    text[14] = 'g';
    assert_false(uuid_parse(&b, text));
    assert_true(uuid_is_zero(&b));
    assert_int_equal(uuid_partial_match_len("0123-"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(text_round_trip),
        cmocka_unit_test(differences_lead_there_and_back),
        cmocka_unit_test(uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
