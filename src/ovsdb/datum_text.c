/* SPDX-License-Identifier: Apache-2.0 */
/* The text form of values: `[a, "b c"]`, `{k=v}`, 5, true, a UUID or @name, as ovs-vsctl(8) "Database Values"
 * describes it. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/alloc.h"
#include "ovsdb/datum.h"
#include "ovsdb/json_util.h"

static void put_elements(const struct ovsdb_datum *d, const struct ovsdb_type *type, struct strbuf *s,
                         const char *separator,
                         void (*put)(union ovsdb_atom, enum ovsdb_atomic_type, struct strbuf *))
{
    for (size_t i = 0; i < d->n; i++) {
        strbuf_puts(s, i ? separator : "");
        put(ovsdb_datum_key(d, type, i), type->key.type, s);
        if (ovsdb_type_is_map(type)) {
            strbuf_put_char(s, '=');
            put(ovsdb_datum_value(d, type, i), type->value.type, s);
        }
    }
}

void ovsdb_datum_put_text(const struct ovsdb_datum *d, const struct ovsdb_type *type, struct strbuf *s)
{
    bool map = ovsdb_type_is_map(type);
    bool brackets = map || type->n_max > 1 || !d->n;
    strbuf_puts(s, !brackets ? "" : map ? "{" : "[");
    put_elements(d, type, s, ", ", ovsdb_atom_put_text);
    strbuf_puts(s, !brackets ? "" : map ? "}" : "]");
}

void ovsdb_datum_put_bare(const struct ovsdb_datum *d, const struct ovsdb_type *type, struct strbuf *s)
{
    put_elements(d, type, s, " ", ovsdb_atom_put_bare);
}

/* Words. */

bool ovsdb_token_is_delim(unsigned char c)
{
    return strchr(":=, []{}!<>", c) != NULL; /* the NUL is one, too */
}

char *ovsdb_token_parse(const char **p, char **token)
{
    const char *start = *p, *q = *p;
    *token = NULL;
    if (*q == '"') {
        for (q++; *q && *q != '"'; q++) {
            if (*q == '\\' && q[1]) {
                q++;
            }
        }
        if (*q != '"') {
            return xasprintf("%s: missing quote at end of quoted string", start);
        }
        q++;
        struct json_tokener *tokener = json_tokener_new();
        struct json_object *json = json_tokener_parse_ex(tokener, start, (int)(q - start));
        if (json && json_object_is_type(json, json_type_string)) {
            *token = xstrdup(json_object_get_string(json));
        }
        char *error = *token ? NULL : xasprintf("%.*s: not a valid quoted string", (int)(q - start), start);
        json_object_put(json);
        json_tokener_free(tokener);
        if (error) {
            return error;
        }
    } else {
        while (!ovsdb_token_is_delim((unsigned char)*q)) {
            q++;
        }
        if (q == start) {
            return xstrdup("missing token");
        }
        *token = xmemdup0(start, (size_t)(q - start));
    }
    *p = q;
    return NULL;
}

/* Atoms. */

static bool parse_integer(const char *s, int64_t *v)
{
    char *end;
    errno = 0;
    *v = strtoll(s, &end, 10);
    return *s && !isspace((unsigned char)*s) && !*end && !errno;
}

static char *check(const struct ovsdb_base_type *base, union ovsdb_atom *a)
{
    struct ovsdb_error *error = ovsdb_base_type_check(base, *a);
    if (error) {
        char *text = ovsdb_error_to_text_free(error);
        ovsdb_atom_unref(*a, base->type);
        return text;
    }
    return NULL;
}

static char *parse_uuid(union ovsdb_atom *a, const char *s, struct ovsdb_symtab *symtab)
{
    if (*s == '@') {
        if (!symtab) {
            return xasprintf("\"%s\" is not a valid UUID", s);
        }
        struct ovsdb_symbol *symbol = ovsdb_symtab_get(symtab, s);
        a->uuid = symbol->uuid;
        return NULL;
    }
    return uuid_parse(&a->uuid, s) ? NULL : xasprintf("\"%s\" is not a valid UUID", s);
}

static char *parse_boolean(union ovsdb_atom *a, const char *s)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (!strcmp(s, yes[i]) || !strcmp(s, no[i])) {
            a->boolean = !strcmp(s, yes[i]);
            return NULL;
        }
    }
    return xasprintf("\"%s\" is not a valid boolean (use \"true\" or \"false\")", s);
}

static char *parse_string(union ovsdb_atom *a, const char *s)
{
    if (*s == '\0') {
        return xstrdup("An empty string is not valid as input; use \"\" to represent the empty string");
    }
    if (*s != '"') {
        a->string = ovsdb_string_create(s, strlen(s));
        return NULL;
    }
    size_t n = strlen(s);
    if (n < 2 || s[n - 1] != '"') {
        return xasprintf("%s: missing quote at end of quoted string", s);
    }
    char *token;
    const char *p = s;
    char *error = ovsdb_token_parse(&p, &token);
    if (!error) {
        a->string = ovsdb_string_create(token, strlen(token));
        free(token);
    }
    return error;
}

char *ovsdb_atom_from_string(union ovsdb_atom *a, const struct ovsdb_base_type *base, const char *s,
                             struct ovsdb_symtab *symtab)
{
    char *error = NULL;
    memset(a, 0, sizeof *a);
    switch (base->type) {
    case OVSDB_INTEGER:
        if (!parse_integer(s, &a->integer)) {
            error = xasprintf("\"%s\" is not a valid integer", s);
        }
        break;
    case OVSDB_REAL: {
        char *end;
        errno = 0;
        a->real = strtod(s, &end);
        if (!*s || isspace((unsigned char)*s) || *end || (errno == ERANGE && a->real != 0)) {
            error = xasprintf("\"%s\" is not a valid real number", s);
        }
        break;
    }
    case OVSDB_BOOLEAN:
        error = parse_boolean(a, s);
        break;
    case OVSDB_STRING:
        error = parse_string(a, s);
        break;
    case OVSDB_UUID:
        error = parse_uuid(a, s, symtab);
        break;
    case OVSDB_VOID:
        error = xstrdup("no value expected");
        break;
    }
    return error ? error : check(base, a);
}

/* Sets and maps. */

static const char *skip_spaces(const char *p)
{
    return p + strspn(p, " ");
}

/* One element: a quoted word keeps its quotes until here, so that "5" as a string is not the number 5. */
static char *parse_element(const char **p, const struct ovsdb_base_type *base, union ovsdb_atom *a,
                           struct ovsdb_symtab *symtab)
{
    char *token;
    bool quoted = **p == '"';
    char *error = ovsdb_token_parse(p, &token);
    if (error) {
        return error;
    }
    if (quoted && base->type == OVSDB_STRING) {
        a->string = ovsdb_string_create(token, strlen(token));
        error = check(base, a);
    } else {
        error = ovsdb_atom_from_string(a, base, token, symtab);
    }
    free(token);
    return error;
}

/* "1-5" in a set of integers stands for 1, 2, 3, 4 and 5. */
#define MAX_RANGE 4096
static char *parse_integer_range(const char **p, struct ovsdb_datum_builder *b, bool *is_range)
{
    const char *q = *p;
    char *end;
    *is_range = false;
    errno = 0;
    long long from = strtoll(q, &end, 10);
    if (errno || end == q || *end != '-' || !isdigit((unsigned char)end[1])) {
        return NULL;
    }
    const char *second = end + 1;
    long long to = strtoll(second, &end, 10);
    if (errno || !ovsdb_token_is_delim((unsigned char)*end)) {
        return NULL;
    }
    *is_range = true;
    if (to < from) {
        return xasprintf("\"%.*s\" is not a valid range. Range end cannot be before start.", (int)(end - q),
                         q);
    }
    for (int i = 0; i < 2; i++) {
        union ovsdb_atom a = {.integer = i ? to : from};
        char *error = check(&b->type->key, &a);
        if (error) {
            return error;
        }
    }
    if (to - from >= MAX_RANGE) {
        return xasprintf("Range \"%.*s\" is too big. Maximum allowed size is %d.", (int)(end - q), q,
                         MAX_RANGE);
    }
    for (long long v = from; v <= to; v++) {
        union ovsdb_atom a = {.integer = v};
        char *error = check(&b->type->key, &a);
        if (error) {
            return error;
        }
        ovsdb_datum_builder_add(b, a, NULL);
    }
    *p = end;
    return NULL;
}

static char *parse_pair(const char **p, struct ovsdb_datum_builder *b, struct ovsdb_symtab *symtab)
{
    const struct ovsdb_type *type = b->type;
    union ovsdb_atom key, value;
    if (type->key.type == OVSDB_INTEGER && !ovsdb_type_is_map(type)) {
        bool is_range;
        char *error = parse_integer_range(p, b, &is_range);
        if (error || is_range) {
            return error;
        }
    }
    const char *start = *p;
    char *error = parse_element(p, &type->key, &key, symtab);
    if (error) {
        char *end;
        strtoll(start, &end, 10);
        if (type->key.type == OVSDB_INTEGER && !ovsdb_type_is_map(type) && *p > start && end != *p) {
            free(error);
            error = xasprintf("\"%.*s\" is not a valid integer or range", (int)(*p - start), start);
        }
        return error;
    }
    if (ovsdb_type_is_map(type)) {
        *p = skip_spaces(*p);
        if (**p != '=') {
            error = xasprintf("%s: syntax error at \"%.1s\" expecting \"=\"", start, *p);
        } else {
            *p = skip_spaces(*p + 1);
            error = parse_element(p, &type->value, &value, symtab);
        }
        if (error) {
            ovsdb_atom_unref(key, type->key.type);
            return error;
        }
    }
    ovsdb_datum_builder_add(b, key, &value);
    return NULL;
}

static const char *skip_separators(const char *p)
{
    return p + strspn(p, ", ");
}

char *ovsdb_datum_from_string(struct ovsdb_datum **d, const struct ovsdb_type *type, const char *s,
                              struct ovsdb_symtab *symtab)
{
    bool map = ovsdb_type_is_map(type);
    struct ovsdb_datum_builder b;
    const char *p = skip_spaces(s);
    char end = '\0';
    char *error = NULL;

    *d = NULL;
    ovsdb_datum_builder_init(&b, type);
    if (*p == '[' || *p == '{') {
        if (map != (*p == '{')) {
            char *english = ovsdb_type_to_english(type);
            error = xasprintf("%s: unexpected \"%c\" parsing %s", s, *p, english);
            free(english);
            return error;
        }
        end = *p == '[' ? ']' : '}';
        p++;
    }
    for (p = skip_separators(p); *p && *p != end; p = skip_separators(p)) {
        if ((error = parse_pair(&p, &b, symtab)) != NULL) {
            goto fail;
        }
        if (*p && !strchr(end ? ", ]}" : ", ", *p)) {
            error = xasprintf("%s: trailing garbage \"%s\" after element", s, p);
            goto fail;
        }
    }
    if (end) {
        if (*p != end) {
            error = xasprintf("%s: missing \"%c\" at end of data", s, end);
            goto fail;
        }
        p = skip_spaces(p + 1);
        if (*p) {
            error = xasprintf("%s: trailing garbage after \"%c\"", s, end);
            goto fail;
        }
    }
    if (b.n < type->n_min) {
        error = xasprintf("%s: %zu %s specified but the minimum number is %u", s, b.n,
                          map ? "pair(s)" : "value(s)", type->n_min);
        goto fail;
    }
    if (b.n > type->n_max) {
        error = xasprintf("%s: %zu %s specified but the maximum number is %u", s, b.n,
                          map ? "pair(s)" : "value(s)", type->n_max);
        goto fail;
    }
    struct ovsdb_error *duplicate = ovsdb_datum_builder_finish(&b, d);
    if (duplicate) {
        ovsdb_error_destroy(duplicate);
        return xasprintf("%s: %s", s, map ? "map contains duplicate key" : "set contains duplicate value");
    }
    return NULL;

fail:
    ovsdb_datum_builder_fini(&b);
    return error;
}
