/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/json_util.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_put_integer(struct strbuf *s, int64_t v)
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

static void put_real(struct strbuf *s, double v, bool exact)
{
    if (fabs(v) < 1e15 && v == (double)(int64_t)v) {
        json_put_integer(s, (int64_t)v); /* -0 becomes 0, as the reference has it */
        return;
    }
    char buf[40];
    snprintf(buf, sizeof buf, "%.*g", DBL_DIG, v);
    double read = strtod(buf, NULL);
    if (!isfinite(read) || (exact && read != v)) {
        snprintf(buf, sizeof buf, "%.*g", DBL_DIG + 2, v);
    }
    strbuf_puts(s, buf);
}

void json_put_real(struct strbuf *s, double v)
{
    put_real(s, v, false);
}

void json_put_exact_real(struct strbuf *s, double v)
{
    put_real(s, v, true);
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
        if (d > -9223372036854775808.0 && d < 9223372036854775808.0 && d == (double)(int64_t)d) {
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
