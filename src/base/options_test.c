/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    OPT_DETACH,
    OPT_DB,
    OPT_VERBOSE,
    OPT_DEPTH
};

static const struct option_def defs[] = {
    {"detach", 0, OPTION_NO_ARG, NULL, "run in background", OPT_DETACH},
    {"db", 'd', OPTION_ARG_REQUIRED, "DATABASE", "connect to\nDATABASE", OPT_DB},
    {"verbose", 'v', OPTION_ARG_OPTIONAL, "SPEC", "a name that is a bit too long", OPT_VERBOSE},
    {"depth", 0, OPTION_ARG_REQUIRED, NULL, NULL, OPT_DEPTH},
};

static char *take(const struct option_def *def, const char *arg, void *seen)
{
    strbuf_printf(seen, "%s(%s)", def->name, arg ? arg : "");
    return arg && !strcmp(arg, "bad") ? xasprintf("bad %s", def->name) : NULL;
}

/* WORDS are separated by spaces. EXPECTED is what was taken, a space, what was left; or the error. */
static void parse(const char *words, bool stop, const char *expected)
{
    struct strbuf seen = STRBUF_INITIALIZER;
    struct option_group group = {"Test options:", defs, 4, take, &seen};
    struct options options = {&group, 1, stop};
    char *copy = xasprintf("prog %s", words), *argv[20], *save = NULL;
    int argc = 0, first = 0;
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        argv[argc++] = w;
    }
    char *error = options_parse(&options, argc, argv, &first);
    if (error) {
        strbuf_clear(&seen);
        strbuf_puts(&seen, error);
        free(error);
    } else {
        for (int i = first; i < argc; i++) {
            strbuf_printf(&seen, " %s", argv[i]);
        }
    }
    assert_string_equal(strbuf_text(&seen), expected);
    strbuf_fini(&seen);
    free(copy);
}

static void parses_as_getopt(void **state)
{
    parse("a --detach b --db=x -d y -dz -v -vfile c", false,
          "detach()db(x)db(y)db(z)verbose()verbose(file) a b c");
    parse("--det a -- --db -v", false, "detach() a --db -v");
    parse("--detach a --db=x", true, "detach() a --db=x");
    parse("- --verb x", false, "verbose() - x");
    parse("--de", false, "option '--de' is ambiguous; possibilities: '--detach' '--depth'");
    parse("--foo=3", false, "unrecognized option '--foo'");
    parse("--detach=3", false, "option '--detach' doesn't allow an argument");
    parse("--db", false, "option '--db' requires an argument");
    parse("-d", false, "option requires an argument -- 'd'");
    parse("-q", false, "invalid option -- 'q'");
    parse("--db bad", false, "bad db");
    parse("", false, "");
}

static void writes_help(void **state)
{
    struct option_group group = {"Test options:", defs, 4, take, NULL};
    struct options options = {&group, 1, false};
    char *help = options_help(&options);
    assert_string_equal(help, "Test options:\n"
                              "  --detach                    run in background\n"
                              "  -d, --db=DATABASE           connect to\n"
                              "                              DATABASE\n"
                              "  -v, --verbose[=SPEC]        a name that is a bit too long\n");
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_as_getopt),
        cmocka_unit_test(writes_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
