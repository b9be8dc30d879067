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
    const char *start = *p, *q = start;
    bool quoted = false;
    *token = NULL;
    for (; *q && (quoted || !ovsdb_token_is_delim((unsigned char)*q)); q++) {
        if (*q == '"') {
            quoted = !quoted;
        } else if (quoted && *q == '\\' && q[1]) {
            q++;
        }
    }
    if (quoted) {
        return xasprintf("%s: quoted string extends past end of argument", start);
    }
    *token = xmemdup0(start, (size_t)(q - start));
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
    const char *p = s + 1;
    for (; *p && *p != '"'; p++) {
        if (*p == '\\') {
            if (!p[1] || !strchr("\"\\/bfnrtu", *++p)) {
                return xasprintf("%s: bad escape \\%c", s, *p);
            }
        }
    }
    if (!*p || p[1]) {
        return xasprintf("%s: missing quote at end of quoted string", s);
    }
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *json = json_tokener_parse_ex(tokener, s, (int)n);
    char *error = NULL;
    if (json && json_object_is_type(json, json_type_string)) {
        a->string =
            ovsdb_string_create(json_object_get_string(json), (size_t)json_object_get_string_len(json));
    } else {
        error = xasprintf("%s: not a valid quoted string", s);
    }
    json_object_put(json);
    json_tokener_free(tokener);
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
            error = xasprintf("\"%s\" is not a valid integer or range", s);
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

static char *parse_element(const char **p, const struct ovsdb_base_type *base, union ovsdb_atom *a,
                           struct ovsdb_symtab *symtab)
{
    char *token, *error = ovsdb_token_parse(p, &token);
    if (!error) {
        error = ovsdb_atom_from_string(a, base, token, symtab);
        free(token);
    }
    return error;
}

/* "1-5" where keys are integers stands for 1, 2, 3, 4 and 5: FIRST and LAST become 1 and 5. A single key is
 * both. */
#define MAX_RANGE 4096
static char *parse_keys(const char **p, const struct ovsdb_type *type, union ovsdb_atom *first,
                        union ovsdb_atom *last, struct ovsdb_symtab *symtab)
{
    const char *start = *p;
    char *end = NULL;
    errno = 0;
    long long from = strtoll(start, &end, 10), to = 0;
    bool is_range = type->key.type == OVSDB_INTEGER && !errno && end > start && *end == '-' &&
                    isdigit((unsigned char)end[1]);
    if (is_range) {
        to = strtoll(end + 1, &end, 10);
        is_range = !errno && ovsdb_token_is_delim((unsigned char)*end);
    }
    if (!is_range) {
        char *error = parse_element(p, &type->key, first, symtab);
        *last = *first;
        return error;
    }
    int n = (int)(end - start);
    if (to < from) {
        return xasprintf("\"%.*s\" is not a valid range. Range end cannot be before start.", n, start);
    }
    *first = (union ovsdb_atom){.integer = from};
    *last = (union ovsdb_atom){.integer = to};
    char *error = check(&type->key, first);
    error = error ? error : check(&type->key, last);
    if (error) {
        return error;
    }
    if ((uint64_t)to - (uint64_t)from >= MAX_RANGE) {
        return xasprintf("Range \"%.*s\" is too big. Maximum allowed size is %d.", n, start, MAX_RANGE);
    }
    *p = end;
    return NULL;
}

static char *parse_pair(const char **p, struct ovsdb_datum_builder *b, struct ovsdb_symtab *symtab)
{
    const struct ovsdb_type *type = b->type;
    union ovsdb_atom first, last, value;
    const char *start = *p;
    char *error = parse_keys(p, type, &first, &last, symtab);
    if (error) {
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
            ovsdb_atom_unref(first, type->key.type);
            return error;
        }
    }
    if (type->key.type != OVSDB_INTEGER) {
        ovsdb_datum_builder_add(b, first, &value);
        return NULL;
    }
    /* The builder takes a value each time. */
    for (int64_t i = first.integer; i <= last.integer; i++) {
        union ovsdb_atom key = {.integer = i};
        if (ovsdb_type_is_map(type) && i < last.integer) {
            ovsdb_atom_ref(value, type->value.type);
        }
        ovsdb_datum_builder_add(b, key, &value);
    }
    return NULL;
}

/* After an element: spaces, one comma at most, spaces. */
static const char *skip_separator(const char *p)
{
    p = skip_spaces(p);
    return *p == ',' ? skip_spaces(p + 1) : p;
}

static char *unexpected(const char *s, char c, const struct ovsdb_type *type)
{
    char *english = ovsdb_type_to_english(type);
    char *error = xasprintf("%s: unexpected \"%c\" parsing %s", s, c, english);
    free(english);
    return error;
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
            return unexpected(s, *p, type);
        }
        end = *p == '[' ? ']' : '}';
        p++;
    }
    p = skip_spaces(p);
    if (!end && !*p && !type->n_min) {
        error = xasprintf("use \"%s\" to specify the empty %s", map ? "{}" : "[]", map ? "map" : "set");
        goto fail;
    }
    for (; *p && *p != end; p = skip_separator(p)) {
        if (ovsdb_token_is_delim((unsigned char)*p)) {
            error = unexpected(s, *p, type);
            goto fail;
        }
        if ((error = parse_pair(&p, &b, symtab)) != NULL) {
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
