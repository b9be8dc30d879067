/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/json_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void json_text_put_string(struct strbuf *s, const char *text, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    strbuf_put_char(s, '"');
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (likely(c >= 0x20 && c != '"' && c != '\\')) {
            continue;
        }
        strbuf_put(s, text + from, i - from);
        from = i + 1;
        const char *short_form = c == '"'    ? "\\\""
                                 : c == '\\' ? "\\\\"
                                 : c == '\n' ? "\\n"
                                 : c == '\t' ? "\\t"
                                 : c == '\r' ? "\\r"
                                 : c == '\b' ? "\\b"
                                 : c == '\f' ? "\\f"
                                             : NULL;
        if (short_form) {
            strbuf_puts(s, short_form);
        } else {
            char u[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
            strbuf_put(s, u, sizeof u);
        }
    }
    strbuf_put(s, text + from, n - from);
    strbuf_put_char(s, '"');
}

void json_text_put_integer(struct strbuf *s, int64_t v)
{
    char buf[24], *p = buf + sizeof buf;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + u % 10);
    } while (u /= 10);
    if (v < 0) {
        *--p = '-';
    }
    strbuf_put(s, p, (size_t)(buf + sizeof buf - p));
}

void json_text_put_real(struct strbuf *s, double v)
{
    if (v == (double)(int64_t)v && fabs(v) < 9e15) {
        json_text_put_integer(s, (int64_t)v); /* -0 becomes 0, as the reference has it */
        return;
    }
    char buf[40];
    snprintf(buf, sizeof buf, "%.*g", DBL_DIG, v);
    if (strtod(buf, NULL) != v) {
        snprintf(buf, sizeof buf, "%.*g", DBL_DIG + 2, v);
    }
    strbuf_puts(s, buf);
}

struct member {
    const char *name;
    const struct json_object *value;
};

static int compare_members(const void *a_, const void *b_)
{
    const struct member *a = a_, *b = b_;
    return strcmp(a->name, b->name);
}

static struct member *sorted_members(const struct json_object *object, size_t *n)
{
    *n = (size_t)json_object_object_length(object);
    struct member *members = xmalloc((*n + 1) * sizeof *members);
    size_t i = 0;
    struct json_object_iterator it = json_object_iter_begin((struct json_object *)(uintptr_t)object);
    struct json_object_iterator end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        members[i++] = (struct member){json_object_iter_peek_name(&it), json_object_iter_peek_value(&it)};
    }
    qsort(members, *n, sizeof *members, compare_members);
    return members;
}

static void newline(struct strbuf *s, int indent, int level)
{
    if (indent) {
        strbuf_put_char(s, '\n');
        strbuf_put_chars(s, ' ', (size_t)(indent * level));
    }
}

static void put_object(const struct json_object *json, struct strbuf *s, int indent, int level);

static void put_array(const struct json_object *json, struct strbuf *s, int indent, int level)
{
    size_t n = json_length(json);
    strbuf_put_char(s, '[');
    for (size_t i = 0; i < n; i++) {
        strbuf_puts(s, i ? "," : "");
        newline(s, indent, level + 1);
        put_object(json_element(json, i), s, indent, level + 1);
    }
    if (n) {
        newline(s, indent, level);
    }
    strbuf_put_char(s, ']');
}

static void put_members(const struct json_object *json, struct strbuf *s, int indent, int level)
{
    size_t n;
    struct member *members = sorted_members(json, &n);
    strbuf_put_char(s, '{');
    for (size_t i = 0; i < n; i++) {
        strbuf_puts(s, i ? "," : "");
        newline(s, indent, level + 1);
        json_text_put_string(s, members[i].name, strlen(members[i].name));
        strbuf_puts(s, indent ? ": " : ":");
        put_object(members[i].value, s, indent, level + 1);
    }
    if (n) {
        newline(s, indent, level);
    }
    strbuf_put_char(s, '}');
    free(members);
}

static void put_object(const struct json_object *json, struct strbuf *s, int indent, int level)
{
    int64_t integer;
    double real;
    switch (json_object_get_type(json)) {
    case json_type_null:
        strbuf_puts(s, "null");
        break;
    case json_type_boolean:
        strbuf_puts(s, json_object_get_boolean(json) ? "true" : "false");
        break;
    case json_type_int:
    case json_type_double:
        if (json_is_integer(json, &integer)) {
            json_text_put_integer(s, integer);
        } else if (json_is_number(json, &real)) {
            json_text_put_real(s, real);
        }
        break;
    case json_type_string:
        json_text_put_string(s, json_object_get_string((struct json_object *)(uintptr_t)json),
                             (size_t)json_object_get_string_len(json));
        break;
    case json_type_array:
        put_array(json, s, indent, level);
        break;
    case json_type_object:
        put_members(json, s, indent, level);
        break;
    }
}

void json_text_put(const struct json_object *json, struct strbuf *s)
{
    put_object(json, s, 0, 0);
}

void json_text_put_pretty(const struct json_object *json, struct strbuf *s, int indent)
{
    put_object(json, s, indent, 0);
}

char *json_text(const struct json_object *json)
{
    struct strbuf s = STRBUF_INITIALIZER;
    json_text_put(json, &s);
    return strbuf_steal(&s);
}

bool json_is_integer(const struct json_object *json, int64_t *v)
{
    switch (json_object_get_type(json)) {
    case json_type_int:
        *v = json_object_get_int64(json);
        /* Beyond INT64_MAX json-c keeps an unsigned number and saturates when asked for a signed one. */
        return *v != INT64_MAX || json_object_get_uint64(json) == INT64_MAX;
    case json_type_double: {
        double d = json_object_get_double(json);
        if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 && d == (double)(int64_t)d) {
            *v = (int64_t)d;
            return true;
        }
        return false;
    }
    default:
        return false;
    }
}

bool json_is_number(const struct json_object *json, double *v)
{
    enum json_type type = json_object_get_type(json);
    if (type != json_type_int && type != json_type_double) {
        return false;
    }
    int64_t integer;
    *v = type == json_type_int && !json_is_integer(json, &integer) ? (double)json_object_get_uint64(json)
                                                                   : json_object_get_double(json);
    return isfinite(*v);
}

bool json_is_string(const struct json_object *json, const char **text)
{
    if (!json || !json_object_is_type(json, json_type_string)) {
        return false;
    }
    *text = json_object_get_string((struct json_object *)(uintptr_t)json);
    return strlen(*text) == (size_t)json_object_get_string_len(json);
}

bool json_equal(const struct json_object *a, const struct json_object *b)
{
    if (a == b) {
        return true;
    }
    char *ta = json_text(a), *tb = json_text(b);
    bool equal = !strcmp(ta, tb);
    free(ta);
    free(tb);
    return equal;
}

struct json_object *json_member(const struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, name, &value);
    return value;
}

bool json_member_exists(const struct json_object *object, const char *name)
{
    return json_object_object_get_ex(object, name, NULL);
}
