/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void round_trip(void **state)
{
    struct uuid u, v;
    char text[UUID_TEXT_LEN + 1];
    uuid_generate(&u);
    uuid_format(&u, text);
    assert_int_equal(strlen(text), UUID_TEXT_LEN);
    assert_int_equal(text[14], '4');
    assert_true(uuid_parse(&v, text));
    assert_true(uuid_equal(&u, &v));
    assert_true(uuid_parse(&v, "6B29FC40-ca47-1067-B31D-00DD010662DA"));
    assert_string_equal(uuid_format(&v, text), "6b29fc40-ca47-1067-b31d-00dd010662da");
    assert_true(uuid_text_starts_with(&v, "6B29f"));
    assert_false(uuid_parse(&v, "6b29fc40-ca47-1067-b31d-00dd010662da "));
    assert_true(uuid_is_zero(&v));
    assert_true(uuid_parse_prefix(&v, "6b29fc40-ca47-1067-b31d-00dd010662da,"));
    assert_false(uuid_parse(&v, "6b29fc40ca47-1067-b31d-00dd010662da0"));
    assert_int_equal(uuid_partial_match_len("6b29fc40-ca"), 11);
    assert_int_equal(uuid_partial_match_len("6b29g"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
