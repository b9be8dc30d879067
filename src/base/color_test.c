/* SPDX-License-Identifier: Apache-2.0 */
#include "base/color.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void check(const char *spec, enum color c, const char *expected)
{
    struct color_palette palette;
    color_palette_init(&palette, spec);
    struct strbuf s = {.palette = &palette};
    color_puts(&s, c, "x");
    strbuf_puts(&s, "y");
    assert_string_equal(strbuf_text(&s), expected);
    strbuf_fini(&s);
}

static void test_spec(void **state)
{
    check(NULL, COLOR_ACTIONS, "\033[1;31m\033[Kx\033[m\033[Ky");
    check("", COLOR_DROP, "\033[34m\033[Kx\033[m\033[Ky");
    check("vl=9:dr=1;2", COLOR_DROP, "\033[1;2m\033[Kx\033[m\033[Ky");
    check("dr=3:dr=4", COLOR_DROP, "\033[4m\033[Kx\033[m\033[Ky");
    check("dr=", COLOR_DROP, "\033[m\033[Kx\033[m\033[Ky");
}

/* Nothing else gets to the terminal. */
static void test_hostile(void **state)
{
    static const char *const bad[] = {"dr",  "dr=3m\033[2J", "dr=x", "drr=4", "dr =4",
                                      ":::", "zz=3",         "=",    "dr=3=4"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check(bad[i], COLOR_DROP, "\033[34m\033[Kx\033[m\033[Ky");
    }
    char longer[400] = "dr=";
    for (size_t i = 3; i < sizeof longer - 1; i++) {
        longer[i] = '1';
    }
    check(longer, COLOR_DROP, "\033[34m\033[Kx\033[m\033[Ky");
}

static void test_plain(void **state)
{
    struct strbuf s = STRBUF_INITIALIZER;
    color_put_name(&s, "in_port");
    color_puts(&s, COLOR_VALUE, "x");
    assert_string_equal(strbuf_text(&s), "in_port=x");
    strbuf_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spec), cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_plain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
