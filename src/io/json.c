/* SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytebuf.h"
#include "base/error.h"
#include "base/hash.h"

/* Whether some number in OBJ came out infinite. Nesting is bounded by the scanner. */
static bool has_infinity(const struct json_object *obj)
{
    switch (json_object_get_type(obj)) {
    case json_type_double:
        return isinf(json_object_get_double(obj));
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(obj); i++) {
            if (has_infinity(json_object_array_get_idx(obj, i))) {
                return true;
            }
        }
        return false;
    case json_type_object: {
        json_object_object_foreach((struct json_object *)(uintptr_t)obj, key, value)
        {
            (void)key;
            if (has_infinity(value)) {
                return true;
            }
        }
        return false;
    }
    default:
        return false;
    }
}

/* TEXT with ".0" behind integers that no int64_t holds: json-c would take the nearest that it has, and say
 * nothing. */
static void widen_integers(struct strbuf *s, const char *text, size_t n)
{
    bool in_string = false;
    for (size_t i = 0; i < n;) {
        size_t start = i;
        if (in_string || (text[i] != '-' && !isdigit((unsigned char)text[i]))) {
            i += in_string && text[i] == '\\' && i + 1 < n ? 2 : 1;
            in_string ^= text[start] == '"';
            strbuf_put(s, text + start, i - start);
            continue;
        }
        bool integer = true;
        while (i < n && (isdigit((unsigned char)text[i]) || (text[i] && strchr("+-.eE", text[i])))) {
            integer &= text[i] == '-' || isdigit((unsigned char)text[i]);
            i++;
        }
        strbuf_put(s, text + start, i - start);
        if (integer && i - start >= 19) {
            char *digits = xmemdup0(text + start, i - start);
            errno = 0;
            (void)!strtoll(digits, NULL, 10);
            strbuf_puts(s, errno == ERANGE ? ".0" : "");
            free(digits);
        }
    }
}

struct json_object *json_parse_scanned(const struct json_scanner *s, const char *text, size_t n, char **error)
{
    *error = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_NESTING + 2);
    if (!tokener) {
        out_of_memory();
    }
    if (n > INT32_MAX - 1) {
        json_tokener_free(tokener);
        *error = xasprintf("value of %zu bytes is too long", n);
        return NULL;
    }
    struct strbuf wide = STRBUF_INITIALIZER;
    if (s->big_number) {
        widen_integers(&wide, text, n);
        text = strbuf_text(&wide);
        n = wide.len;
    }
    struct json_object *obj = json_tokener_parse_ex(tokener, text, (int)MIN(n, (size_t)INT32_MAX));
    enum json_tokener_error result = json_tokener_get_error(tokener);
    if (result == json_tokener_continue) { /* a number at the end of the text */
        obj = json_tokener_parse_ex(tokener, " ", 1);
        result = json_tokener_get_error(tokener);
    }
    json_tokener_free(tokener);
    strbuf_fini(&wide);
    if (result != json_tokener_success) {
        *error = xasprintf("cannot parse JSON value: %s", json_tokener_error_desc(result));
        return NULL;
    }
    if (s->big_number && has_infinity(obj)) {
        json_object_put(obj);
        *error = xstrdup("number outside valid range");
        return NULL;
    }
    return obj;
}

struct json_object *json_parse(const char *text, size_t n, char **error)
{
    struct json_scanner s;
    size_t used;
    json_scanner_init(&s, 0);
    enum json_scan result = json_scanner_feed(&s, text, n, &used, error);
    if (result == JSON_SCAN_MORE) {
        result = json_scanner_finish(&s, error);
    }
    if (result == JSON_SCAN_ERROR) {
        return NULL;
    }
    for (size_t i = used; i < n; i++) {
        if (!strchr(" \t\r\n", text[i]) || !text[i]) {
            *error = xasprintf("line %zu, column %zu, byte %zu: trailing garbage at end of input", s.line,
                               s.column + (i - used), i);
            return NULL;
        }
    }
    return json_parse_scanned(&s, text, used, error);
}

struct json_object *json_parse_file(const char *file_name, char **error)
{
    int fd = open(file_name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *error = xasprintf("error opening \"%s\": %s", file_name, error_text(errno));
        return NULL;
    }
    struct bytebuf text = BYTEBUF_INITIALIZER;
    struct json_object *obj = NULL;
    for (;;) {
        bytebuf_reserve(&text, 65536);
        ssize_t got = read(fd, text.data + text.len, 65536);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            *error = xasprintf("error reading JSON stream: %s", error_text(errno));
            break;
        }
        if (!got) {
            obj = json_parse((const char *)text.data, text.len, error);
            break;
        }
        text.len += (size_t)got;
    }
    close(fd);
    bytebuf_fini(&text);
    return obj;
}

/* Writing. */

void json_format_string(struct strbuf *s, const char *text, size_t n)
{
    strbuf_put_char(s, '"');
    size_t plain = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";
        strbuf_put(s, text + plain, i - plain);
        plain = i + 1;
        const char *form = NULL;
        for (const char *p = short_forms; *p; p += 2) {
            if ((uint8_t)*p == c) {
                form = p;
            }
        }
        if (form) {
            strbuf_printf(s, "\\%c", form[1]);
        } else {
            strbuf_printf(s, "\\u%04x", c);
        }
    }
    strbuf_put(s, text + plain, n - plain);
    strbuf_put_char(s, '"');
}

/* 15 digits, as the reference; a whole number without a point. */
static void format_double(struct strbuf *s, double v)
{
    if (v == rint(v) && fabs(v) < 1e15) {
        strbuf_printf(s, "%lld", (long long)v);
    } else {
        strbuf_printf(s, "%.15g", v);
    }
}

static void new_line(struct strbuf *s, unsigned flags, int level)
{
    if (flags & JSON_PRETTY) {
        strbuf_put_char(s, '\n');
        strbuf_put_chars(s, ' ', (size_t)level * 2);
    }
}

struct member {
    const char *key;
    const struct json_object *value;
};

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* An array of json_object_object_length() members, the caller's to free. */
static struct member *members_of(const struct json_object *obj, bool sorted)
{
    size_t n = 0;
    struct member *members = xmalloc((size_t)json_object_object_length(obj) * sizeof *members);
    json_object_object_foreach((struct json_object *)(uintptr_t)obj, key, value)
    {
        members[n++] = (struct member){key, value};
    }
    if (sorted) {
        qsort(members, n, sizeof *members, compare_members);
    }
    return members;
}

static void format(struct strbuf *s, const struct json_object *obj, unsigned flags, int level)
{
    switch (json_object_get_type(obj)) {
    case json_type_null:
        strbuf_puts(s, "null");
        break;
    case json_type_boolean:
        strbuf_puts(s, json_object_get_boolean(obj) ? "true" : "false");
        break;
    case json_type_double:
        format_double(s, json_object_get_double(obj));
        break;
    case json_type_int:
        if (json_object_get_int64(obj) == INT64_MAX) {
            strbuf_printf(s, "%llu", (unsigned long long)json_object_get_uint64(obj));
        } else {
            strbuf_printf(s, "%lld", (long long)json_object_get_int64(obj));
        }
        break;
    case json_type_string:
        json_format_string(s, json_object_get_string((struct json_object *)(uintptr_t)obj),
                           (size_t)json_object_get_string_len(obj));
        break;
    case json_type_array:
        strbuf_put_char(s, '[');
        for (size_t i = 0; i < json_object_array_length(obj); i++) {
            if (i) {
                strbuf_put_char(s, ',');
            }
            new_line(s, flags, level + 1);
            format(s, json_object_array_get_idx(obj, i), flags, level + 1);
        }
        strbuf_put_char(s, ']');
        break;
    case json_type_object: {
        size_t n = (size_t)json_object_object_length(obj);
        struct member *members = members_of(obj, flags & JSON_SORT);
        strbuf_put_char(s, '{');
        for (size_t i = 0; i < n; i++) {
            if (i) {
                strbuf_put_char(s, ',');
            }
            new_line(s, flags, level + 1);
            json_format_string(s, members[i].key, strlen(members[i].key));
            strbuf_puts(s, flags & JSON_PRETTY ? ": " : ":");
            format(s, members[i].value, flags, level + 1);
        }
        free(members);
        strbuf_put_char(s, '}');
        break;
    }
    }
}

void json_format(struct strbuf *s, const struct json_object *obj, unsigned flags)
{
    format(s, obj, flags, 0);
}

char *json_text(const struct json_object *obj, unsigned flags)
{
    struct strbuf s = STRBUF_INITIALIZER;
    json_format(&s, obj, flags);
    return strbuf_steal(&s);
}

/* Comparing. */

static bool is_number(enum json_type type)
{
    return type == json_type_int || type == json_type_double;
}

bool json_equal(const struct json_object *a, const struct json_object *b)
{
    enum json_type type = json_object_get_type(a), other = json_object_get_type(b);
    if (type != other) {
        return is_number(type) && is_number(other) && json_object_get_double(a) == json_object_get_double(b);
    }
    switch (type) {
    case json_type_null:
        return true;
    case json_type_boolean:
        return json_object_get_boolean(a) == json_object_get_boolean(b);
    case json_type_double:
        return json_object_get_double(a) == json_object_get_double(b);
    case json_type_int:
        return json_object_get_int64(a) == json_object_get_int64(b) &&
               json_object_get_uint64(a) == json_object_get_uint64(b);
    case json_type_string:
        return json_object_get_string_len(a) == json_object_get_string_len(b) &&
               !memcmp(json_object_get_string((struct json_object *)(uintptr_t)a),
                       json_object_get_string((struct json_object *)(uintptr_t)b),
                       (size_t)json_object_get_string_len(a));
    case json_type_array:
        if (json_object_array_length(a) != json_object_array_length(b)) {
            return false;
        }
        for (size_t i = 0; i < json_object_array_length(a); i++) {
            if (!json_equal(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i))) {
                return false;
            }
        }
        return true;
    case json_type_object: {
        if (json_object_object_length(a) != json_object_object_length(b)) {
            return false;
        }
        json_object_object_foreach((struct json_object *)(uintptr_t)a, key, value)
        {
            bool found;
            const struct json_object *match = json_member(b, key, &found);
            if (!found || !json_equal(value, match)) {
                return false;
            }
        }
        return true;
    }
    }
    return false;
}

uint32_t json_hash(const struct json_object *obj, uint32_t basis)
{
    switch (json_object_get_type(obj)) {
    case json_type_null:
        return hash_u32(0, basis);
    case json_type_boolean:
        return hash_u32(json_object_get_boolean(obj) ? 2 : 1, basis);
    case json_type_int:
    case json_type_double: { /* equal numbers of either kind hash alike; -0 and 0 are equal */
        double v = json_object_get_double(obj);
        v = v == 0 ? 0 : v;
        return hash_bytes(&v, sizeof v, basis);
    }
    case json_type_string:
        return hash_bytes(json_object_get_string((struct json_object *)(uintptr_t)obj),
                          (size_t)json_object_get_string_len(obj), basis);
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(obj); i++) {
            basis = json_hash(json_object_array_get_idx(obj, i), basis);
        }
        return hash_u32((uint32_t)json_object_array_length(obj), basis);
    case json_type_object: { /* whatever the order */
        uint32_t sum = 0;
        json_object_object_foreach((struct json_object *)(uintptr_t)obj, key, value)
        {
            sum += json_hash(value, hash_string(key, basis));
        }
        return hash_u32(sum, basis);
    }
    }
    return basis;
}

struct json_object *json_member(const struct json_object *obj, const char *name, bool *found)
{
    struct json_object *value = NULL;
    bool has = json_object_is_type(obj, json_type_object) && json_object_object_get_ex(obj, name, &value);
    if (found) {
        *found = has;
    }
    return has ? value : NULL;
}

const char *json_type_text(const struct json_object *obj)
{
    switch (json_object_get_type(obj)) {
    case json_type_null:
        return "null";
    case json_type_boolean:
        return json_object_get_boolean(obj) ? "true" : "false";
    case json_type_double:
        return "real";
    case json_type_int:
        return "integer";
    case json_type_object:
        return "object";
    case json_type_array:
        return "array";
    case json_type_string:
        return "string";
    }
    return "value";
}
