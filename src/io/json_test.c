/* SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The texts that the reference gives for the same input. */
static const struct {
    const char *text, *error;
} bad[] = {
    {"", "line 0, column 0, byte 0: empty input stream"},
    {"[1,", "line 0, column 3, byte 3: unexpected end of input"},
    {"[01]", "line 0, column 2, byte 2: leading zeros not allowed"},
    {"[1e]", "line 0, column 3, byte 3: exponent must contain at least one digit"},
    {"[1e+]", "line 0, column 4, byte 4: exponent must contain at least one digit"},
    {"[-]", "line 0, column 2, byte 2: '-' must be followed by digit"},
    {"[1.]", "line 0, column 3, byte 3: decimal point must be followed by digit"},
    {"[+1]", "line 0, column 1, byte 1: syntax error beginning value"},
    {"[NaN]", "line 0, column 1, byte 1: invalid character 'N'"},
    {"[tru]", "line 0, column 4, byte 4: invalid keyword, expected true, false or null"},
    {"[1 2]", "line 0, column 3, byte 3: syntax error expecting ']' or ','"},
    {"[1,]", "line 0, column 3, byte 3: syntax error beginning value"},
    {"{\"a\":1,}", "line 0, column 7, byte 7: syntax error parsing object expecting string"},
    {"{\"a\" 1}", "line 0, column 5, byte 5: syntax error parsing object expecting ':'"},
    {"{a:1}", "line 0, column 1, byte 1: syntax error parsing object expecting string"},
    {"[\"a\nb\"]", "line 0, column 3, byte 3: U+000A must be escaped in quoted string"},
    {"\n[\"\\x\"]", "line 1, column 3, byte 4: bad escape \\x"},
    {"[\"\\ud800\"]", "line 0, column 8, byte 8: malformed escaped surrogate pair"},
    {"[\"\\udc00\"]", "line 0, column 7, byte 7: malformed escaped surrogate pair"},
    {"[\"\\u0000\"]", "line 0, column 7, byte 7: null bytes not supported in quoted strings"},
    {"[\"\xc0\x80\"]", "line 0, column 2, byte 2: invalid UTF-8 sequence"},
    {"[\"\xed\xa0\x80\"]", "line 0, column 3, byte 3: invalid UTF-8 sequence"},
    {"[\"\xf5\"]", "line 0, column 2, byte 2: invalid UTF-8 sequence"},
    {"[\"\xe2\x82\"]", "line 0, column 4, byte 4: invalid UTF-8 sequence"},
    {"[1] x", "line 0, column 4, byte 4: trailing garbage at end of input"},
    {"[1}", "line 0, column 2, byte 2: syntax error expecting ']' or ','"},
    {"// x\n1", "line 0, column 0, byte 0: syntax error beginning value"},
    {"1e999", "number outside valid range"},
};

static void refuses(void **state)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *error;
        assert_null(json_parse(bad[i].text, strlen(bad[i].text), &error));
        assert_string_equal(error ? error : "(none)", bad[i].error);
        free(error);
    }
}

static const char *const round_trips[] = {
    "[]",
    "{}",
    "null",
    "true",
    "-5",
    "[0.1,1e+300,\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\"]",
    "{\"a\":{\"b\":[1,[2,[3]]]},\"c\":null}",
    "[9223372036854775807,-9223372036854775808,1.84467440737096e+19]",
    "\"\xe2\x82\xac\xf0\x9f\x98\x80\"",
};

static void round_trip(void **state)
{
    for (size_t i = 0; i < sizeof round_trips / sizeof round_trips[0]; i++) {
        char *error;
        struct json_object *obj = json_parse(round_trips[i], strlen(round_trips[i]), &error);
        assert_null(error);
        char *text = json_text(obj, JSON_SORT);
        assert_string_equal(text, round_trips[i]);
        free(text);
        assert_true(json_equal(obj, obj));
        json_object_put(obj);
    }
}

static struct json_object *parse_ok(const char *text)
{
    char *error;
    struct json_object *obj = json_parse(text, strlen(text), &error);
    assert_null(error);
    return obj;
}

static void prints_and_compares(void **state)
{
    struct json_object *a = parse_ok(" {\"b\" : [1.0, 0.25] , \"a\": \"\\u20ac\\ud83d\\ude00\" }\n");
    struct json_object *wide =
        parse_ok("[\"18446744073709551615\",-9223372036854775809,18446744073709551615]");
    char *wide_text = json_text(wide, 0);
    assert_string_equal(wide_text, "[\"18446744073709551615\",-9.22337203685478e+18,1.84467440737096e+19]");
    free(wide_text);
    json_object_put(wide);
    struct json_object *b = parse_ok("{\"a\":\"\xe2\x82\xac\xf0\x9f\x98\x80\",\"b\":[1,2.5e-1]}");
    char *text = json_text(a, JSON_SORT | JSON_PRETTY);
    assert_string_equal(text,
                        "{\n  \"a\": \"\xe2\x82\xac\xf0\x9f\x98\x80\",\n  \"b\": [\n    1,\n    0.25]}");
    free(text);
    assert_true(json_equal(a, b));
    assert_int_equal(json_hash(a, 1), json_hash(b, 1));
    bool found;
    assert_null(json_member(a, "c", &found));
    assert_false(found);
    assert_int_equal(json_object_array_length(json_member(a, "b", &found)), 2);
    json_object_put(a);
    json_object_put(b);
}

/* However the text is cut, the scanner says the same. */
static void comes_in_pieces(void **state)
{
    static const char text[] = "{\"k\":[1,-2.5e3,\"\\u00e4\\n\",true,null,{}]}[7]";
    struct json_scanner s;
    char *error;
    size_t used, total = 0;
    json_scanner_init(&s, 0);
    enum json_scan result = JSON_SCAN_MORE;
    for (const char *p = text; result == JSON_SCAN_MORE; p++) {
        result = json_scanner_feed(&s, p, 1, &used, &error);
        total += used;
    }
    assert_int_equal(result, JSON_SCAN_DONE);
    assert_int_equal(total, strlen(text) - 3);

    json_scanner_init(&s, 10);
    assert_int_equal(json_scanner_feed(&s, text, strlen(text), &used, &error), JSON_SCAN_ERROR);
    assert_string_equal(error, "value is longer than the limit of 10 bytes");
    free(error);

    char *deep = malloc(2002);
    memset(deep, '[', 1001);
    assert_null(json_parse(deep, 1001, &error));
    assert_string_equal(error, "line 0, column 1000, byte 1000: input exceeds maximum nesting depth 1000");
    free(error);
    memset(deep + 1000, ']', 1000);
    struct json_object *obj = json_parse(deep, 2000, &error);
    assert_non_null(obj);
    json_object_put(obj);
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(prints_and_compares),
        cmocka_unit_test(comes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
