/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: a line's parts put together as `vlog/set PATTERN` says (ovs-appctl(8)). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* strftime() of WALL_MS with each '#' of TEMPLATE a digit of the second's fraction. */
static void put_time(struct strbuf *s, const char *template, size_t n, int64_t wall_ms, bool utc)
{
    char format[128], out[256];
    if (n >= sizeof format) {
        n = sizeof format - 1;
    }
    memcpy(format, template, n);
    format[n] = '\0';

    int scale = 100;
    for (char *p = format; *p; p++) {
        if (*p == '#') {
            *p = scale ? (char)('0' + (wall_ms % 1000) / scale % 10) : '0';
            scale /= 10;
        }
    }
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (utc) {
        gmtime_r(&seconds, &tm);
    } else {
        localtime_r(&seconds, &tm);
    }
    strbuf_put(s, out, strftime(out, sizeof out, format, &tm));
}

/* "%d" and "%D", with or without "{TEMPLATE}" at P. Returns what follows. */
static const char *put_date(struct strbuf *s, const char *p, int64_t wall_ms, bool utc)
{
    static const char plain[] = "%Y-%m-%d %H:%M:%S.###";
    if (*p != '{') {
        put_time(s, plain, strlen(plain), wall_ms, utc);
        return p;
    }
    size_t n = strcspn(p + 1, "}");
    put_time(s, p + 1, n, wall_ms, utc);
    return p + 1 + n + (p[1 + n] == '}');
}

static void put_hostname(struct strbuf *s)
{
    char name[256];
    if (gethostname(name, sizeof name)) {
        strcpy(name, "(unknown)");
    }
    name[sizeof name - 1] = '\0';
    strbuf_puts(s, name);
}

static void pad(struct strbuf *s, size_t start, size_t width, bool left, bool zeros)
{
    size_t length = s->len - start;
    if (length >= width) {
        return;
    }
    size_t missing = width - length;
    strbuf_put_chars(s, ' ', missing);
    if (!left) {
        memmove(s->text + start + missing, s->text + start, length);
        memset(s->text + start, zeros ? '0' : ' ', missing);
    }
}

void log_format(struct strbuf *s, const char *pattern, const struct log_line *line)
{
    const char *p = pattern;
    while (*p) {
        size_t literal = strcspn(p, "%");
        strbuf_put(s, p, literal);
        p += literal;
        if (!*p++) {
            break;
        }
        bool left = *p == '-';
        p += left;
        bool zeros = *p == '0';
        p += zeros;
        size_t width = 0;
        for (; isdigit((unsigned char)*p); p++) {
            width = MIN(width * 10 + (size_t)(*p - '0'), 1000);
        }
        size_t start = s->len;
        char c = *p;
        p += c != '\0';
        switch (c) {
        case 'A':
            strbuf_puts(s, log_program());
            break;
        case 'B':
            strbuf_printf(s, "%d", log_syslog_priority(line->level));
            break;
        case 'c':
            strbuf_puts(s, line->module);
            break;
        case 'd':
            p = put_date(s, p, line->wall_ms, false);
            break;
        case 'D':
            p = put_date(s, p, line->wall_ms, true);
            break;
        case 'E':
            put_hostname(s);
            break;
        case 'm':
            strbuf_puts(s, line->message);
            break;
        case 'N':
            strbuf_printf(s, "%u", line->serial);
            break;
        case 'n':
            strbuf_put_char(s, '\n');
            break;
        case 'p':
            strbuf_puts(s, log_level_name(line->level));
            break;
        case 'P':
            strbuf_printf(s, "%ld", (long)getpid());
            break;
        case 'r':
            strbuf_printf(s, "%lld", (long long)line->since_start_ms);
            break;
        case 't':
            strbuf_puts(s, line->thread[0] ? line->thread : "main");
            break;
        case 'T':
            if (line->thread[0]) {
                strbuf_printf(s, "(%s)", line->thread);
            }
            break;
        case '\0':
            break;
        default:
            strbuf_put_char(s, c);
            break; /* "%%" among them */
        }
        pad(s, start, width, left, zeros);
    }
}
