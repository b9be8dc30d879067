/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/type.h"

#include <ctype.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ovsdb/datum.h"
#include "ovsdb/json_util.h"
#include "ovsdb/schema.h"

/* Base types. */

void ovsdb_base_type_init(struct ovsdb_base_type *b, enum ovsdb_atomic_type type)
{
    memset(b, 0, sizeof *b);
    b->type = type;
    if (type == OVSDB_INTEGER) {
        b->integer.min = INT64_MIN;
        b->integer.max = INT64_MAX;
    } else if (type == OVSDB_REAL) {
        b->real.min = -DBL_MAX;
        b->real.max = DBL_MAX;
    } else if (type == OVSDB_STRING) {
        b->string.max_len = UINT_MAX;
    }
}

/* The type of an enumeration is a set of any number of the base type's atoms. */
static struct ovsdb_type enum_type(const struct ovsdb_base_type *b)
{
    struct ovsdb_type type;
    ovsdb_type_init(&type, b->type);
    type.n_max = UINT_MAX;
    return type;
}

void ovsdb_base_type_copy(struct ovsdb_base_type *dst, const struct ovsdb_base_type *src)
{
    *dst = *src;
    if (dst->allowed) {
        ovsdb_datum_ref(dst->allowed);
    }
    if (dst->type == OVSDB_UUID) {
        dst->uuid.ref_table_name = xstrdup_or_null(src->uuid.ref_table_name);
        dst->uuid.ref_table = NULL;
    }
}

void ovsdb_base_type_fini(struct ovsdb_base_type *b)
{
    if (b->allowed) {
        struct ovsdb_type type = enum_type(b);
        ovsdb_datum_unref(b->allowed, &type);
        b->allowed = NULL;
    }
    if (b->type == OVSDB_UUID) {
        free(b->uuid.ref_table_name);
        b->uuid.ref_table_name = NULL;
    }
}

bool ovsdb_base_type_has_constraints(const struct ovsdb_base_type *b)
{
    switch (b->type) {
    case OVSDB_INTEGER:
        return b->allowed || b->integer.min != INT64_MIN || b->integer.max != INT64_MAX;
    case OVSDB_REAL:
        return b->allowed || b->real.min != -DBL_MAX || b->real.max != DBL_MAX;
    case OVSDB_STRING:
        return b->allowed || b->string.min_len || b->string.max_len != UINT_MAX;
    case OVSDB_UUID:
        return b->allowed || b->uuid.ref_table_name;
    case OVSDB_BOOLEAN:
        return b->allowed != NULL;
    case OVSDB_VOID:
        break;
    }
    return false;
}

static struct ovsdb_error *check_enum(const struct ovsdb_base_type *b, union ovsdb_atom a)
{
    struct ovsdb_type type = enum_type(b);
    if (ovsdb_datum_find(b->allowed, &type, a) >= 0) {
        return NULL;
    }
    struct strbuf value = STRBUF_INITIALIZER, allowed = STRBUF_INITIALIZER;
    ovsdb_atom_put_text(a, b->type, &value);
    ovsdb_datum_put_text(b->allowed, &type, &allowed);
    struct ovsdb_error *error =
        ovsdb_error("constraint violation", "%s is not one of the allowed values (%s)", strbuf_text(&value),
                    strbuf_text(&allowed));
    strbuf_fini(&value);
    strbuf_fini(&allowed);
    return error;
}

static struct ovsdb_error *check_string(const struct ovsdb_base_type *b, const struct ovsdb_string *s)
{
    size_t n = 0; /* characters, not bytes */
    for (const char *p = s->text; *p; p++) {
        n += (*p & 0xc0) != 0x80;
    }
    if (n < b->string.min_len) {
        return ovsdb_error("constraint violation", "\"%s\" length %zu is less than minimum allowed length %u",
                           s->text, n, b->string.min_len);
    }
    if (n > b->string.max_len) {
        return ovsdb_error("constraint violation",
                           "\"%s\" length %zu is greater than maximum allowed length %u", s->text, n,
                           b->string.max_len);
    }
    return NULL;
}

static struct ovsdb_error *check_integer(const struct ovsdb_base_type *b, int64_t v)
{
    int64_t min = b->integer.min, max = b->integer.max;
    if (v >= min && v <= max) {
        return NULL;
    }
    if (min != INT64_MIN && max != INT64_MAX) {
        return ovsdb_error("constraint violation",
                           "%" PRId64 " is not in the valid range %" PRId64 " to %" PRId64 " (inclusive)", v,
                           min, max);
    }
    return min != INT64_MIN
               ? ovsdb_error("constraint violation",
                             "%" PRId64 " is less than minimum allowed value %" PRId64, v, min)
               : ovsdb_error("constraint violation",
                             "%" PRId64 " is greater than maximum allowed value %" PRId64, v, max);
}

static struct ovsdb_error *check_real(const struct ovsdb_base_type *b, double v)
{
    double min = b->real.min, max = b->real.max;
    if (v >= min && v <= max) {
        return NULL;
    }
    if (min != -DBL_MAX && max != DBL_MAX) {
        return ovsdb_error("constraint violation", "%.*g is not in the valid range %.*g to %.*g (inclusive)",
                           DBL_DIG, v, DBL_DIG, min, DBL_DIG, max);
    }
    return min != -DBL_MAX
               ? ovsdb_error("constraint violation", "%.*g is less than minimum allowed value %.*g", DBL_DIG,
                             v, DBL_DIG, min)
               : ovsdb_error("constraint violation", "%.*g is greater than maximum allowed value %.*g",
                             DBL_DIG, v, DBL_DIG, max);
}

struct ovsdb_error *ovsdb_base_type_check(const struct ovsdb_base_type *b, union ovsdb_atom a)
{
    if (b->allowed) {
        return check_enum(b, a);
    }
    switch (b->type) {
    case OVSDB_INTEGER:
        return check_integer(b, a.integer);
    case OVSDB_REAL:
        return check_real(b, a.real);
    case OVSDB_STRING:
        return b->string.min_len || b->string.max_len != UINT_MAX ? check_string(b, a.string) : NULL;
    default:
        return NULL;
    }
}

/* What a base type may say: an enumeration has no limits beside it, and each type has its own. */
static bool base_member_allowed(const struct json_object *json, enum ovsdb_atomic_type type, const char *name)
{
    static const struct {
        const char *name;
        enum ovsdb_atomic_type type;
    } members[] = {{"minInteger", OVSDB_INTEGER}, {"maxInteger", OVSDB_INTEGER}, {"minReal", OVSDB_REAL},
                   {"maxReal", OVSDB_REAL},       {"minLength", OVSDB_STRING},   {"maxLength", OVSDB_STRING},
                   {"refTable", OVSDB_UUID}};
    if (!strcmp(name, "type") || !strcmp(name, "enum")) {
        return true;
    }
    if (!strcmp(name, "refType")) {
        return type == OVSDB_UUID && !json_has(json, "enum") && json_has(json, "refTable");
    }
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (!strcmp(name, members[i].name)) {
            return type == members[i].type && !json_has(json, "enum");
        }
    }
    return false;
}

static struct ovsdb_error *parse_enum(struct ovsdb_base_type *b, const struct json_object *json)
{
    struct ovsdb_type type = enum_type(b);
    type.n_min = 1;
    return ovsdb_datum_from_json(&b->allowed, &type, json, NULL);
}

static struct ovsdb_error *parse_length(const struct json_object *json, const char *name, unsigned *value)
{
    int64_t v;
    const struct json_object *member = json_get(json, name);
    if (!json_has(json, name)) {
        return NULL;
    }
    if (!json_is_integer(member, &v)) {
        return ovsdb_syntax_error(json, NULL, "Parsing ovsdb type failed: Type mismatch for member '%s'.",
                                  name);
    }
    if (v < 0 || v > UINT_MAX) {
        return ovsdb_value_error(member, "%s out of valid range 0 to %u", name, UINT_MAX);
    }
    *value = (unsigned)v;
    return NULL;
}

static struct ovsdb_error *parse_integer_range(struct ovsdb_base_type *b, const struct json_object *json)
{
    struct {
        const char *name;
        int64_t *value;
    } limits[] = {{"minInteger", &b->integer.min}, {"maxInteger", &b->integer.max}};
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        if (json_has(json, limits[i].name) &&
            !json_is_integer(json_get(json, limits[i].name), limits[i].value)) {
            return ovsdb_syntax_error(json, NULL, "Parsing ovsdb type failed: Type mismatch for member '%s'.",
                                      limits[i].name);
        }
    }
    return b->integer.min <= b->integer.max ? NULL
                                            : ovsdb_syntax_error(json, NULL, "minInteger exceeds maxInteger");
}

static struct ovsdb_error *parse_real_range(struct ovsdb_base_type *b, const struct json_object *json)
{
    struct {
        const char *name;
        double *value;
    } limits[] = {{"minReal", &b->real.min}, {"maxReal", &b->real.max}};
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        if (json_has(json, limits[i].name) &&
            !json_is_number(json_get(json, limits[i].name), limits[i].value)) {
            return ovsdb_syntax_error(json, NULL, "Parsing ovsdb type failed: Type mismatch for member '%s'.",
                                      limits[i].name);
        }
    }
    return b->real.min <= b->real.max ? NULL : ovsdb_syntax_error(json, NULL, "minReal exceeds maxReal");
}

static struct ovsdb_error *parse_reference(struct ovsdb_base_type *b, const struct json_object *json)
{
    const char *text;
    if (json_has(json, "refTable")) {
        if (!json_is_string(json_get(json, "refTable"), &text) || !ovsdb_is_id(text)) {
            return ovsdb_syntax_error(json, NULL,
                                      "Parsing ovsdb type failed: Type mismatch for member 'refTable'.");
        }
        b->uuid.ref_table_name = xstrdup(text);
        if (json_has(json, "refType")) {
            if (!json_is_string(json_get(json, "refType"), &text)) {
                return ovsdb_syntax_error(json, NULL,
                                          "Parsing ovsdb type failed: Type mismatch for member 'refType'.");
            }
            if (!strcmp(text, "weak")) {
                b->uuid.ref_type = OVSDB_REF_WEAK;
            } else if (strcmp(text, "strong")) {
                return ovsdb_syntax_error(json, NULL, "refType must be \"strong\" or \"weak\" (not \"%s\")",
                                          text);
            }
        }
    }
    return NULL;
}

struct ovsdb_error *ovsdb_base_type_from_json(struct ovsdb_base_type *b, const struct json_object *json)
{
    const char *name;
    enum ovsdb_atomic_type type;

    memset(b, 0, sizeof *b);
    const struct json_object *type_json = json_is_object(json) ? json_get(json, "type") : json;
    if (json_is_object(json) && !type_json) {
        return ovsdb_syntax_error(json, NULL,
                                  "Parsing ovsdb type failed: Required 'type' member is missing.");
    }
    if (!json_is_string(type_json, &name)) {
        return json_is_object(json)
                   ? ovsdb_syntax_error(json, NULL,
                                        "Parsing ovsdb type failed: Type mismatch for member 'type'.")
                   : ovsdb_value_error(json, "atomic-type expected");
    }
    if (!ovsdb_atomic_type_parse(name, &type)) {
        return ovsdb_value_error(type_json, "\"%s\" is not an atomic-type", name);
    }
    ovsdb_base_type_init(b, type);
    if (!json_is_object(json)) {
        return NULL;
    }
    struct ovsdb_error *error = NULL;
    if (json_has(json, "enum")) {
        error = parse_enum(b, json_get(json, "enum"));
    } else if (type == OVSDB_INTEGER) {
        error = parse_integer_range(b, json);
    } else if (type == OVSDB_REAL) {
        error = parse_real_range(b, json);
    } else if (type == OVSDB_STRING) {
        error = parse_length(json, "minLength", &b->string.min_len);
        error = error ? error : parse_length(json, "maxLength", &b->string.max_len);
        if (!error && b->string.min_len > b->string.max_len) {
            error = ovsdb_syntax_error(json, NULL, "minLength exceeds maxLength");
        }
    } else if (type == OVSDB_UUID) {
        error = parse_reference(b, json);
    }
    json_object_object_foreach((struct json_object *)(uintptr_t)json, key, value)
    {
        (void)value;
        if (!error && !base_member_allowed(json, type, key)) {
            error = ovsdb_syntax_error(
                json, NULL, "Parsing ovsdb type failed: Member '%s' is present but not allowed here.", key);
        }
    }
    if (error) {
        ovsdb_base_type_fini(b);
        b->type = OVSDB_VOID;
    }
    return error;
}

/* {"a":...,"b":...}, members in the order of their names: callers keep to it. */
struct object_writer {
    struct strbuf *s;
    bool any;
};

static void put_name(struct object_writer *w, const char *name)
{
    strbuf_printf(w->s, "%s\"%s\":", w->any ? "," : "", name);
    w->any = true;
}

void ovsdb_base_type_put_json(const struct ovsdb_base_type *b, struct strbuf *s)
{
    if (!ovsdb_base_type_has_constraints(b)) {
        strbuf_printf(s, "\"%s\"", ovsdb_atomic_type_name(b->type));
        return;
    }
    struct object_writer w = {s, false};
    strbuf_put_char(s, '{');
    if (b->allowed) {
        struct ovsdb_type type = enum_type(b);
        put_name(&w, "enum");
        ovsdb_datum_put_json(b->allowed, &type, s);
    } else if (b->type == OVSDB_INTEGER) {
        if (b->integer.max != INT64_MAX) {
            put_name(&w, "maxInteger");
            json_put_integer(s, b->integer.max);
        }
        if (b->integer.min != INT64_MIN) {
            put_name(&w, "minInteger");
            json_put_integer(s, b->integer.min);
        }
    } else if (b->type == OVSDB_REAL) {
        if (b->real.max != DBL_MAX) {
            put_name(&w, "maxReal");
            json_put_real(s, b->real.max);
        }
        if (b->real.min != -DBL_MAX) {
            put_name(&w, "minReal");
            json_put_real(s, b->real.min);
        }
    } else if (b->type == OVSDB_STRING) {
        if (b->string.max_len != UINT_MAX) {
            put_name(&w, "maxLength");
            json_put_integer(s, b->string.max_len);
        }
        if (b->string.min_len) {
            put_name(&w, "minLength");
            json_put_integer(s, b->string.min_len);
        }
    } else if (b->type == OVSDB_UUID) {
        put_name(&w, "refTable");
        strbuf_printf(s, "\"%s\"", b->uuid.ref_table_name);
        if (b->uuid.ref_type == OVSDB_REF_WEAK) {
            put_name(&w, "refType");
            strbuf_puts(s, "\"weak\"");
        }
    }
    put_name(&w, "type");
    strbuf_printf(s, "\"%s\"}", ovsdb_atomic_type_name(b->type));
}

/* Types. */

void ovsdb_type_init(struct ovsdb_type *t, enum ovsdb_atomic_type key)
{
    memset(t, 0, sizeof *t);
    ovsdb_base_type_init(&t->key, key);
    ovsdb_base_type_init(&t->value, OVSDB_VOID);
    t->n_min = t->n_max = 1;
}

void ovsdb_type_copy(struct ovsdb_type *dst, const struct ovsdb_type *src)
{
    ovsdb_base_type_copy(&dst->key, &src->key);
    ovsdb_base_type_copy(&dst->value, &src->value);
    dst->n_min = src->n_min;
    dst->n_max = src->n_max;
}

void ovsdb_type_fini(struct ovsdb_type *t)
{
    ovsdb_base_type_fini(&t->key);
    ovsdb_base_type_fini(&t->value);
}

static struct ovsdb_error *parse_n(const struct json_object *json, const char *name, bool max, unsigned *n)
{
    const struct json_object *member = json_get(json, name);
    int64_t v;
    const char *text;
    if (!json_has(json, name)) {
        return NULL;
    }
    if (json_is_integer(member, &v) && v >= 0 && v < UINT_MAX) {
        *n = (unsigned)v;
        return NULL;
    }
    if (max && json_is_string(member, &text) && !strcmp(text, "unlimited")) {
        *n = UINT_MAX;
        return NULL;
    }
    if (!member || !(json_object_is_type(member, json_type_int) || (max && json_is_string(member, &text)))) {
        return ovsdb_syntax_error(json, NULL, "Parsing ovsdb type failed: Type mismatch for member '%s'.",
                                  name);
    }
    return ovsdb_value_error(member, "bad min or max value");
}

static struct ovsdb_error *parse_base(struct ovsdb_base_type *b, const struct json_object *json,
                                      const char *name)
{
    const struct json_object *member = json_get(json, name);
    const char *text;
    if (!json_is_object(member) && !json_is_string(member, &text)) {
        return ovsdb_syntax_error(json, NULL, "Parsing ovsdb type failed: Type mismatch for member '%s'.",
                                  name);
    }
    return ovsdb_base_type_from_json(b, member);
}

struct ovsdb_error *ovsdb_type_from_json(struct ovsdb_type *t, const struct json_object *json)
{
    memset(t, 0, sizeof *t);
    t->n_min = t->n_max = 1;
    if (!json_is_object(json)) {
        return ovsdb_base_type_from_json(&t->key, json);
    }
    if (!json_has(json, "key")) {
        return ovsdb_syntax_error(json, NULL, "Parsing ovsdb type failed: Required 'key' member is missing.");
    }
    struct ovsdb_error *error = parse_base(&t->key, json, "key");
    if (!error && json_has(json, "value")) {
        error = parse_base(&t->value, json, "value");
    }
    error = error ? error : parse_n(json, "min", false, &t->n_min);
    error = error ? error : parse_n(json, "max", true, &t->n_max);
    json_object_object_foreach((struct json_object *)(uintptr_t)json, name, value)
    {
        (void)value;
        if (!error && strcmp(name, "key") && strcmp(name, "value") && strcmp(name, "min") &&
            strcmp(name, "max")) {
            error = ovsdb_syntax_error(
                json, NULL, "Parsing ovsdb type failed: Member '%s' is present but not allowed here.", name);
        }
    }
    if (!error && (t->n_min > 1 || t->n_max < 1)) {
        error = ovsdb_syntax_error(json, NULL, "ovsdb type fails constraint checks");
    }
    if (error) {
        ovsdb_type_fini(t);
    }
    return error;
}

void ovsdb_type_put_json(const struct ovsdb_type *t, struct strbuf *s)
{
    if (ovsdb_type_is_scalar(t) && !ovsdb_base_type_has_constraints(&t->key)) {
        ovsdb_base_type_put_json(&t->key, s);
        return;
    }
    strbuf_puts(s, "{\"key\":");
    ovsdb_base_type_put_json(&t->key, s);
    if (t->n_max == UINT_MAX) {
        strbuf_puts(s, ",\"max\":\"unlimited\"");
    } else if (t->n_max != 1) {
        strbuf_printf(s, ",\"max\":%u", t->n_max);
    }
    if (t->n_min != 1) {
        strbuf_printf(s, ",\"min\":%u", t->n_min);
    }
    if (ovsdb_type_is_map(t)) {
        strbuf_puts(s, ",\"value\":");
        ovsdb_base_type_put_json(&t->value, s);
    }
    strbuf_put_char(s, '}');
}

char *ovsdb_type_to_english(const struct ovsdb_type *t)
{
    const char *key = ovsdb_atomic_type_name(t->key.type);
    const char *value = ovsdb_atomic_type_name(t->value.type);
    if (ovsdb_type_is_scalar(t)) {
        return xstrdup(key);
    }
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, ovsdb_type_is_map(t) ? "map" : "set");
    if (t->n_max == UINT_MAX) {
        strbuf_printf(&s, t->n_min ? " of %u or more" : " of", t->n_min);
    } else if (t->n_min) {
        strbuf_printf(&s, " of %u to %u", t->n_min, t->n_max);
    } else {
        strbuf_printf(&s, " of up to %u", t->n_max);
    }
    if (ovsdb_type_is_map(t)) {
        strbuf_printf(&s, " (%s, %s) pairs", key, value);
    } else {
        strbuf_printf(&s, " %ss", key);
    }
    return strbuf_steal(&s);
}

/* The compact notation, see ovsdb/vswitch_schema.h. */

static const char *notation_word(const char *p, char *word, size_t size)
{
    size_t n = 0;
    while (isalnum((unsigned char)*p) || *p == '_' || *p == '-') {
        if (n + 1 < size) {
            word[n++] = *p;
        }
        p++;
    }
    word[n] = '\0';
    return p;
}

static const char *notation_enum(struct ovsdb_base_type *b, const char *p)
{
    struct ovsdb_type type = enum_type(b);
    struct ovsdb_datum_builder values;
    char word[64];
    ovsdb_datum_builder_init(&values, &type);
    do {
        p = notation_word(p + 1, word, sizeof word);
        ovsdb_datum_builder_add(&values,
                                (union ovsdb_atom){.string = ovsdb_string_create(word, strlen(word))}, NULL);
    } while (*p == '|');
    b->allowed = ovsdb_datum_builder_finish_unique(&values);
    return p + 1;
}

static const char *notation_base(struct ovsdb_base_type *b, const char *p)
{
    char word[64];
    enum ovsdb_atomic_type type;

    if (*p == '@' || *p == '~') {
        ovsdb_base_type_init(b, OVSDB_UUID);
        b->uuid.ref_type = *p == '~' ? OVSDB_REF_WEAK : OVSDB_REF_STRONG;
        p = notation_word(p + 1, word, sizeof word);
        b->uuid.ref_table_name = xstrdup(word);
        return p;
    }
    p = notation_word(p, word, sizeof word);
    if (!ovsdb_atomic_type_parse(word, &type)) {
        abort();
    }
    ovsdb_base_type_init(b, type);
    if (*p == '(') {
        p = notation_enum(b, p);
    } else if (*p == '[') {
        char *end;
        if (*++p != '.') {
            b->integer.min = strtoll(p, &end, 10);
            p = end;
        }
        p += 2;
        if (*p != ']') {
            b->integer.max = strtoll(p, &end, 10);
            p = end;
        }
        p++;
    }
    return p;
}

void ovsdb_type_from_notation(struct ovsdb_type *t, const char *notation)
{
    ovsdb_type_init(t, OVSDB_VOID);
    const char *p = notation_base(&t->key, notation);
    if (*p == ':') {
        p = notation_base(&t->value, p + 1);
    }
    if (*p == '?') {
        t->n_min = 0;
        p++;
    } else if (*p == '*' || *p == '+') {
        t->n_min = *p == '+';
        t->n_max = UINT_MAX;
        p++;
        if (isdigit((unsigned char)*p)) {
            t->n_max = (unsigned)strtoul(p, (char **)(uintptr_t)&p, 10);
        }
    }
    if (*p) {
        abort();
    }
}
