/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ovsdb/json_util.h"

struct ovsdb_error *ovsdb_error(const char *tag, const char *details, ...)
{
    struct ovsdb_error *e = xzalloc(sizeof *e);
    e->tag = xstrdup(tag ? tag : "ovsdb error");
    if (details) {
        va_list args;
        va_start(args, details);
        e->details = xvasprintf(details, args);
        va_end(args);
    }
    return e;
}

struct ovsdb_error *ovsdb_syntax_error(const struct json_object *json, const char *tag, const char *details,
                                       ...)
{
    struct ovsdb_error *e = xzalloc(sizeof *e);
    e->tag = xstrdup(tag ? tag : "syntax error");
    if (details) {
        va_list args;
        va_start(args, details);
        e->details = xvasprintf(details, args);
        va_end(args);
    }
    if (json) {
        struct strbuf s = STRBUF_INITIALIZER;
        json_format(&s, json, JSON_SORT);
        e->syntax = strbuf_steal(&s);
    }
    return e;
}

struct ovsdb_error *ovsdb_value_error(const struct json_object *json, const char *details, ...)
{
    struct ovsdb_error *e = xzalloc(sizeof *e);
    va_list args;
    va_start(args, details);
    e->tag = xstrdup("syntax error");
    e->details = xvasprintf(details, args);
    va_end(args);
    e->syntax = json_text(json, JSON_SORT);
    return e;
}

struct ovsdb_error *ovsdb_io_error(int error, const char *details, ...)
{
    struct ovsdb_error *e = xzalloc(sizeof *e);
    e->tag = xstrdup("I/O error");
    va_list args;
    va_start(args, details);
    e->details = xvasprintf(details, args);
    va_end(args);
    e->io = error;
    return e;
}

struct ovsdb_error *ovsdb_error_wrap(struct ovsdb_error *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *prefix = xvasprintf(format, args), *details = e->details;
    va_end(args);
    e->details = details ? xasprintf("%s: %s", prefix, details) : xstrdup(prefix);
    free(details);
    free(prefix);
    return e;
}

void ovsdb_error_destroy(struct ovsdb_error *e)
{
    if (e) {
        free(e->tag);
        free(e->details);
        free(e->syntax);
        free(e);
    }
}

static const char *io_text(int error)
{
    return error == EOF ? "End of file" : strerror(error);
}

void ovsdb_error_put_json(const struct ovsdb_error *e, struct strbuf *s)
{
    strbuf_puts(s, "{");
    if (e->details) {
        strbuf_puts(s, "\"details\":");
        json_format_string(s, e->details, strlen(e->details));
        strbuf_put_char(s, ',');
    }
    strbuf_puts(s, "\"error\":");
    json_format_string(s, e->tag, strlen(e->tag));
    if (e->io) {
        strbuf_puts(s, ",\"io-error\":");
        json_format_string(s, io_text(e->io), strlen(io_text(e->io)));
    }
    if (e->syntax) {
        strbuf_puts(s, ",\"syntax\":");
        json_format_string(s, e->syntax, strlen(e->syntax));
    }
    strbuf_put_char(s, '}');
}

char *ovsdb_error_to_text(const struct ovsdb_error *e)
{
    struct strbuf s = STRBUF_INITIALIZER;
    if (e->syntax) {
        strbuf_printf(&s, "syntax \"%s\": ", e->syntax);
    }
    strbuf_puts(&s, e->tag);
    if (e->details) {
        strbuf_printf(&s, ": %s", e->details);
    }
    if (e->io) {
        strbuf_printf(&s, " (%s)", io_text(e->io));
    }
    return strbuf_steal(&s);
}

char *ovsdb_error_to_text_free(struct ovsdb_error *e)
{
    char *text = NULL;
    if (e) {
        text = ovsdb_error_to_text(e);
        ovsdb_error_destroy(e);
    }
    return text;
}
