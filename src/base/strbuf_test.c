/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void grows_and_formats(void **state)
{
    struct strbuf s = STRBUF_INITIALIZER;
    assert_string_equal(strbuf_text(&s), "");
    for (int i = 0; i < 100; i++) {
        strbuf_printf(&s, "%d,", i);
    }
    strbuf_chomp(&s, ',');
    strbuf_chomp(&s, ',');
    assert_true(strbuf_ends_with(&s, "98,99"));
    assert_int_equal(strlen(s.text), s.len);
    strbuf_clear(&s);
    strbuf_put_chars(&s, 'x', 3);
    char *text = strbuf_steal(&s);
    assert_string_equal(text, "xxx");
    free(text);
    text = strbuf_steal(&s);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
