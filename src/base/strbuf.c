/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void strbuf_init(struct strbuf *s)
{
    *s = (struct strbuf)STRBUF_INITIALIZER;
}

void strbuf_fini(struct strbuf *s)
{
    if (s) {
        free(s->text);
        strbuf_init(s);
    }
}

void strbuf_clear(struct strbuf *s)
{
    strbuf_truncate(s, 0);
}

void strbuf_truncate(struct strbuf *s, size_t len)
{
    if (len < s->len) {
        s->len = len;
        s->text[len] = '\0';
    }
}

char *strbuf_reserve(struct strbuf *s, size_t n)
{
    if (s->len + n + 1 > s->allocated) {
        s->allocated = MAX(s->allocated * 2, MAX(s->len + n + 1, 64));
        s->text = xrealloc(s->text, s->allocated);
        s->text[s->len] = '\0';
    }
    return s->text + s->len;
}

char *strbuf_steal(struct strbuf *s)
{
    strbuf_reserve(s, 0);
    char *text = s->text;
    strbuf_init(s);
    return text;
}

const char *strbuf_text(const struct strbuf *s)
{
    return s->text ? s->text : "";
}

void strbuf_put(struct strbuf *s, const void *data, size_t n)
{
    if (n) {
        memcpy(strbuf_reserve(s, n), data, n);
        s->len += n;
        s->text[s->len] = '\0';
    }
}

void strbuf_put_char(struct strbuf *s, char c)
{
    strbuf_put(s, &c, 1);
}

void strbuf_put_chars(struct strbuf *s, char c, size_t n)
{
    memset(strbuf_reserve(s, n), c, n);
    s->len += n;
    s->text[s->len] = '\0';
}

void strbuf_puts(struct strbuf *s, const char *text)
{
    strbuf_put(s, text, strlen(text));
}

void strbuf_vprintf(struct strbuf *s, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = s->allocated > s->len ? s->allocated - s->len : 0;
    int needed = vsnprintf(room ? s->text + s->len : NULL, room, format, args);
    if (needed >= 0 && (size_t)needed >= room) {
        strbuf_reserve(s, (size_t)needed);
        vsnprintf(s->text + s->len, (size_t)needed + 1, format, again);
    }
    if (needed > 0) {
        s->len += (size_t)needed;
    }
    va_end(again);
}

void strbuf_printf(struct strbuf *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    strbuf_vprintf(s, format, args);
    va_end(args);
}

void strbuf_chomp(struct strbuf *s, char c)
{
    if (s->len && s->text[s->len - 1] == c) {
        strbuf_truncate(s, s->len - 1);
    }
}

bool strbuf_ends_with(const struct strbuf *s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s->len >= n && !memcmp(s->text + s->len - n, suffix, n);
}
