/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"

struct match {
    const struct option_group *group;
    const struct option_def *def;
};

static bool same_option(const struct match *m, const struct option_group *group, const struct option_def *def)
{
    return m->group == group && m->def->id == def->id && m->def->arg == def->arg;
}

/* Looks NAME, N characters, up among the long names: exact, or the start of one alone. */
static char *find_long(const struct options *options, const char *name, size_t n, struct match *m)
{
    struct strbuf candidates = STRBUF_INITIALIZER;
    bool ambiguous = false;
    *m = (struct match){NULL, NULL};
    for (size_t i = 0; i < options->n_groups; i++) {
        const struct option_group *group = &options->groups[i];
        for (size_t j = 0; j < group->n; j++) {
            const struct option_def *def = &group->defs[j];
            if (!def->name || strncmp(def->name, name, n)) {
                continue;
            }
            if (!def->name[n]) {
                *m = (struct match){group, def};
                strbuf_fini(&candidates);
                return NULL;
            }
            ambiguous |= m->def && !same_option(m, group, def);
            if (!m->def) {
                *m = (struct match){group, def};
            }
            strbuf_printf(&candidates, " '--%s'", def->name);
        }
    }
    char *error = NULL;
    if (ambiguous) {
        error = xasprintf("option '--%.*s' is ambiguous; possibilities:%s", (int)n, name,
                          strbuf_text(&candidates));
    } else if (!m->def) {
        error = xasprintf("unrecognized option '--%.*s'", (int)n, name);
    }
    strbuf_fini(&candidates);
    return error;
}

static char *find_letter(const struct options *options, char letter, struct match *m)
{
    for (size_t i = 0; i < options->n_groups; i++) {
        const struct option_group *group = &options->groups[i];
        for (size_t j = 0; j < group->n; j++) {
            if (group->defs[j].letter == letter) {
                *m = (struct match){group, &group->defs[j]};
                return NULL;
            }
        }
    }
    return xasprintf("invalid option -- '%c'", letter);
}

static char *take(const struct match *m, const char *arg)
{
    return m->group->take(m->def, arg, m->group->aux);
}

/* The long option at ARGV[*I]; moves *I on over an argument of its own that it takes. */
static char *parse_long(const struct options *options, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2;
    size_t n = strcspn(name, "=");
    struct match m = {NULL, NULL};
    char *error = find_long(options, name, n, &m);
    if (error) {
        return error;
    }
    const char *arg = name[n] == '=' ? name + n + 1 : NULL;
    if (arg && m.def->arg == OPTION_NO_ARG) {
        return xasprintf("option '--%s' doesn't allow an argument", m.def->name);
    }
    if (!arg && m.def->arg == OPTION_ARG_REQUIRED) {
        if (*i + 1 >= argc) {
            return xasprintf("option '--%s' requires an argument", m.def->name);
        }
        arg = argv[++*i];
    }
    return take(&m, arg);
}

/* The letters at ARGV[*I]. */
static char *parse_letters(const struct options *options, int argc, char **argv, int *i)
{
    for (const char *p = argv[*i] + 1; *p; p++) {
        struct match m = {NULL, NULL};
        char *error = find_letter(options, *p, &m);
        if (error) {
            return error;
        }
        if (m.def->arg == OPTION_NO_ARG) {
            error = take(&m, NULL);
            if (error) {
                return error;
            }
            continue;
        }
        const char *arg = p[1] ? p + 1 : NULL;
        if (!arg && m.def->arg == OPTION_ARG_REQUIRED) {
            if (*i + 1 >= argc) {
                return xasprintf("option requires an argument -- '%c'", *p);
            }
            arg = argv[++*i];
        }
        return take(&m, arg);
    }
    return NULL;
}

char *options_parse(const struct options *options, int argc, char **argv, int *first)
{
    char **taken = xmalloc(((size_t)argc + 1) * sizeof *taken),
         **left = xmalloc(((size_t)argc + 1) * sizeof *left);
    size_t n_taken = 0, n_left = 0;
    char *error = NULL;
    int i;
    for (i = 1; i < argc && !error; i++) {
        char *arg = argv[i];
        if (!strcmp(arg, "--")) {
            taken[n_taken++] = arg;
            i++;
            break;
        }
        if (arg[0] != '-' || !arg[1]) {
            if (options->stop_at_argument) {
                break;
            }
            left[n_left++] = arg;
            continue;
        }
        int start = i;
        error = arg[1] == '-' ? parse_long(options, argc, argv, &i) : parse_letters(options, argc, argv, &i);
        for (int j = start; j <= i && j < argc; j++) {
            taken[n_taken++] = argv[j];
        }
    }
    if (!error) {
        while (i < argc) {
            left[n_left++] = argv[i++];
        }
        memcpy(argv + 1, taken, n_taken * sizeof *taken);
        memcpy(argv + 1 + n_taken, left, n_left * sizeof *left);
        *first = (int)n_taken + 1;
    }
    free(taken);
    free(left);
    return error;
}

char *options_help(const struct options *options)
{
    enum {
        HELP_COLUMN = 30
    };
    struct strbuf s = STRBUF_INITIALIZER;
    for (size_t i = 0; i < options->n_groups; i++) {
        const struct option_group *group = &options->groups[i];
        if (group->title) {
            strbuf_printf(&s, "%s%s\n", s.len ? "\n" : "", group->title);
        }
        for (size_t j = 0; j < group->n; j++) {
            const struct option_def *def = &group->defs[j];
            if (!def->help) {
                continue;
            }
            size_t start = s.len;
            strbuf_puts(&s, "  ");
            if (def->letter) {
                strbuf_printf(&s, "-%c", def->letter);
            }
            if (def->name) {
                strbuf_printf(&s, "%s--%s", def->letter ? ", " : "", def->name);
            }
            const char *arg_name = def->arg_name ? def->arg_name : "ARG";
            if (def->arg == OPTION_ARG_REQUIRED) {
                strbuf_printf(&s, "%s%s", def->name ? "=" : " ", arg_name);
            } else if (def->arg == OPTION_ARG_OPTIONAL) {
                strbuf_printf(&s, def->name ? "[=%s]" : "[%s]", arg_name);
            }
            for (const char *line = def->help; line;) {
                size_t n = strcspn(line, "\n");
                size_t column = s.len - start;
                if (column >= HELP_COLUMN) {
                    strbuf_put_char(&s, '\n');
                    column = 0;
                }
                strbuf_put_chars(&s, ' ', HELP_COLUMN - column);
                strbuf_put(&s, line, n);
                strbuf_put_char(&s, '\n');
                start = s.len;
                line = line[n] ? line + n + 1 : NULL;
            }
        }
    }
    return strbuf_steal(&s);
}
