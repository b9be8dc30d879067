/* SPDX-License-Identifier: Apache-2.0 */
/* The recogniser: RFC 8259, one byte at a time. A state says what may come next. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "io/json.h"

enum state {
    VALUE,       /* a value */
    FIRST_VALUE, /* a value or "]" */
    FIRST_KEY,   /* a key or "}" */
    KEY,
    COLON,
    AFTER_VALUE, /* "," or the end of the array or object */
    STRING,
    ESCAPE,     /* after a backslash */
    UNICODE,    /* hexadecimal digits */
    LOW_ESCAPE, /* the backslash of a pair's second half */
    LOW_U,      /* and its "u" */
    LITERAL,
    MINUS, /* after "-" */
    ZERO,  /* after a leading "0" */
    INTEGER,
    POINT, /* after "." */
    FRACTION,
    EXPONENT, /* after "e" */
    EXPONENT_SIGN,
    EXPONENT_DIGITS,
    DONE,
};

void json_scanner_init(struct json_scanner *s, size_t max_size)
{
    memset(s, 0, sizeof *s);
    s->state = VALUE;
    s->max_size = max_size;
}

static char *fail(const struct json_scanner *s, const char *what)
{
    return xasprintf("line %zu, column %zu, byte %zu: %s", s->line, s->column, s->byte, what);
}

static char *fail_char(const struct json_scanner *s, uint8_t c, const char *what)
{
    char quoted[64];
    if (c >= 0x20 && c < 0x7f) {
        snprintf(quoted, sizeof quoted, "%s '%c'", what, c);
    } else {
        snprintf(quoted, sizeof quoted, "%s U+%04x", what, c);
    }
    return fail(s, quoted);
}

static bool in_object(const struct json_scanner *s)
{
    return s->depth && (s->stack[(s->depth - 1) / 8] >> ((s->depth - 1) % 8)) & 1;
}

static char *enter(struct json_scanner *s, bool object)
{
    if (s->depth == JSON_MAX_NESTING) {
        return fail(s, "input exceeds maximum nesting depth 1000");
    }
    uint8_t bit = (uint8_t)(1 << (s->depth % 8));
    s->stack[s->depth / 8] = (uint8_t)(object ? s->stack[s->depth / 8] | bit : s->stack[s->depth / 8] & ~bit);
    s->depth++;
    s->state = object ? FIRST_KEY : FIRST_VALUE;
    return NULL;
}

static void value_ended(struct json_scanner *s)
{
    s->state = s->depth ? AFTER_VALUE : DONE;
}

static void leave(struct json_scanner *s)
{
    s->depth--;
    value_ended(s);
}

static void begin_string(struct json_scanner *s, bool key)
{
    s->state = STRING;
    s->in_key = key;
    s->utf8_left = 0;
}

static char *begin_value(struct json_scanner *s, uint8_t c)
{
    if (++s->n_values > s->max_values && s->max_values) {
        return xasprintf("more values than the limit of %zu", s->max_values);
    }
    s->n_digits = 1;
    switch (c) {
    case '{':
        return enter(s, true);
    case '[':
        return enter(s, false);
    case '"':
        begin_string(s, false);
        return NULL;
    case '-':
        s->state = MINUS;
        return NULL;
    case '0':
        s->state = ZERO;
        return NULL;
    case 't':
        s->literal = "rue";
        break;
    case 'f':
        s->literal = "alse";
        break;
    case 'n':
        s->literal = "ull";
        break;
    default:
        if (c >= '1' && c <= '9') {
            s->state = INTEGER;
            return NULL;
        }
        return isalpha(c) || c < 0x20 || c >= 0x7f ? fail_char(s, c, "invalid character")
                                                   : fail(s, "syntax error beginning value");
    }
    s->state = LITERAL;
    return NULL;
}

/* The first byte of a character beyond ASCII: RFC 3629's table of what may follow. */
static char *begin_utf8(struct json_scanner *s, uint8_t c)
{
    s->utf8_min = 0x80;
    s->utf8_max = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) {
        s->utf8_left = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        s->utf8_left = 2;
        s->utf8_min = c == 0xe0 ? 0xa0 : 0x80;
        s->utf8_max = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        s->utf8_left = 3;
        s->utf8_min = c == 0xf0 ? 0x90 : 0x80;
        s->utf8_max = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        return fail(s, "invalid UTF-8 sequence");
    }
    return NULL;
}

static char *in_string(struct json_scanner *s, uint8_t c)
{
    if (s->utf8_left) {
        if (c < s->utf8_min || c > s->utf8_max) {
            return fail(s, "invalid UTF-8 sequence");
        }
        s->utf8_left--;
        s->utf8_min = 0x80;
        s->utf8_max = 0xbf;
        return NULL;
    }
    if (c == '"') {
        if (s->in_key) {
            s->state = COLON;
        } else {
            value_ended(s);
        }
        return NULL;
    }
    if (c == '\\') {
        s->state = ESCAPE;
        s->high = 0;
        return NULL;
    }
    if (c < 0x20) {
        char what[64];
        snprintf(what, sizeof what, "U+%04X must be escaped in quoted string", c);
        return fail(s, what);
    }
    return c < 0x80 ? NULL : begin_utf8(s, c);
}

static char *escape(struct json_scanner *s, uint8_t c)
{
    if (c == 'u') {
        s->state = UNICODE;
        s->digits = 0;
        s->unicode = 0;
        return NULL;
    }
    if (!c || !strchr("\"\\/bfnrt", c)) {
        char what[64];
        snprintf(what, sizeof what, c >= 0x20 && c < 0x7f ? "bad escape \\%c" : "bad escape \\U+%04x", c);
        return fail(s, what);
    }
    s->state = STRING;
    return NULL;
}

static char *unicode(struct json_scanner *s, uint8_t c)
{
    if (!isxdigit(c)) {
        return fail(s, "malformed \\u escape");
    }
    s->unicode = s->unicode * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    if (++s->digits < 4) {
        return NULL;
    }
    bool is_high = s->unicode >= 0xd800 && s->unicode < 0xdc00,
         is_low = s->unicode >= 0xdc00 && s->unicode < 0xe000;
    if (s->high ? !is_low : is_low) {
        return fail(s, "malformed escaped surrogate pair");
    }
    if (!s->unicode) {
        return fail(s, "null bytes not supported in quoted strings");
    }
    s->high = is_high ? s->unicode : 0;
    s->state = is_high ? LOW_ESCAPE : STRING;
    return NULL;
}

/* States of a number. *ENDED: C is not part of it. */
static char *number(struct json_scanner *s, uint8_t c, bool *ended)
{
    bool digit = isdigit(c);
    if (digit && s->n_digits < UINT16_MAX) {
        s->n_digits++;
    }
    switch ((enum state)s->state) {
    case MINUS:
        if (!digit) {
            return fail(s, "'-' must be followed by digit");
        }
        s->state = c == '0' ? ZERO : INTEGER;
        return NULL;
    case ZERO:
        if (digit) {
            return fail(s, "leading zeros not allowed");
        }
        break;
    case INTEGER:
    case FRACTION:
    case EXPONENT_DIGITS:
        if (digit) {
            return NULL;
        }
        break;
    case POINT:
        if (!digit) {
            return fail(s, "decimal point must be followed by digit");
        }
        s->state = FRACTION;
        return NULL;
    case EXPONENT:
        if (c == '+' || c == '-') {
            s->state = EXPONENT_SIGN;
            return NULL;
        }
        FALLTHROUGH;
    default:
        if (!digit) {
            return fail(s, "exponent must contain at least one digit");
        }
        s->state = EXPONENT_DIGITS;
        return NULL;
    }
    if (c == '.' && (s->state == ZERO || s->state == INTEGER)) {
        s->state = POINT;
    } else if ((c | 0x20) == 'e' && s->state != EXPONENT_DIGITS) {
        s->state = EXPONENT;
        s->big_number = true;
    } else {
        s->big_number |= s->n_digits >= 19;
        *ended = true;
        value_ended(s);
    }
    return NULL;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* States between tokens; C is no white space. */
static char *structure(struct json_scanner *s, uint8_t c)
{
    switch ((enum state)s->state) {
    case FIRST_VALUE:
        if (c == ']') {
            leave(s);
            return NULL;
        }
        return begin_value(s, c);
    case FIRST_KEY:
        if (c == '}') {
            leave(s);
            return NULL;
        }
        FALLTHROUGH;
    case KEY:
        if (c != '"') {
            return fail(s, "syntax error parsing object expecting string");
        }
        begin_string(s, true);
        return NULL;
    case COLON:
        if (c != ':') {
            return fail(s, "syntax error parsing object expecting ':'");
        }
        s->state = VALUE;
        return NULL;
    case AFTER_VALUE:
        if (c == ',') {
            s->state = in_object(s) ? KEY : VALUE;
        } else if (c == (in_object(s) ? '}' : ']')) {
            leave(s);
        } else {
            return fail(s, in_object(s) ? "syntax error expecting '}' or ','"
                                        : "syntax error expecting ']' or ','");
        }
        return NULL;
    default:
        return begin_value(s, c);
    }
}

static char *step(struct json_scanner *s, uint8_t c, bool *ended)
{
    switch ((enum state)s->state) {
    case STRING:
        return in_string(s, c);
    case ESCAPE:
        return escape(s, c);
    case UNICODE:
        return unicode(s, c);
    case LOW_ESCAPE:
    case LOW_U:
        if (c != (s->state == LOW_ESCAPE ? '\\' : 'u')) {
            return fail(s, "malformed escaped surrogate pair");
        }
        s->digits = 0;
        s->unicode = 0;
        s->state = s->state == LOW_ESCAPE ? LOW_U : UNICODE;
        return NULL;
    case LITERAL:
        if (c != (uint8_t)*s->literal) {
            return fail(s, "invalid keyword, expected true, false or null");
        }
        if (!*++s->literal) {
            value_ended(s);
        }
        return NULL;
    case MINUS:
    case ZERO:
    case INTEGER:
    case POINT:
    case FRACTION:
    case EXPONENT:
    case EXPONENT_SIGN:
    case EXPONENT_DIGITS: {
        char *error = number(s, c, ended);
        if (error || !*ended || s->state == DONE) {
            return error;
        }
        *ended = false;
        return is_space(c) ? NULL : structure(s, c);
    }
    default:
        return is_space(c) ? NULL : structure(s, c);
    }
}

static void advance(struct json_scanner *s, uint8_t c)
{
    s->byte++;
    s->column++;
    if (c == '\n') {
        s->line++;
        s->column = 0;
    }
}

/* How many bytes from P on are plain characters of a string: what most bytes of most messages are. */
static size_t plain_run(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && (uint8_t)p[i] >= 0x20 && (uint8_t)p[i] < 0x80 && p[i] != '"' && p[i] != '\\') {
        i++;
    }
    return i;
}

enum json_scan json_scanner_feed(struct json_scanner *s, const char *data, size_t n, size_t *used,
                                 char **error)
{
    *error = NULL;
    size_t i = 0;
    while (i < n) {
        if (s->state == STRING && !s->utf8_left) {
            size_t run = plain_run(data + i, s->max_size ? MIN(n - i, s->max_size - s->size) : n - i);
            s->byte += run;
            s->column += run;
            s->size += run;
            i += run;
            if (i == n) {
                break;
            }
        }
        uint8_t c = (uint8_t)data[i];
        bool ended = false;
        if (s->max_size && s->size >= s->max_size) {
            *error = xasprintf("value is longer than the limit of %zu bytes", s->max_size);
        } else {
            *error = step(s, c, &ended);
        }
        if (*error) {
            *used = i;
            return JSON_SCAN_ERROR;
        }
        if (!ended) {
            advance(s, c);
            s->size++;
            i++;
        }
        if (s->state == DONE) {
            *used = i;
            return JSON_SCAN_DONE;
        }
    }
    *used = n;
    return JSON_SCAN_MORE;
}

enum json_scan json_scanner_finish(struct json_scanner *s, char **error)
{
    bool ended = false;
    *error = NULL;
    if (s->state == ZERO || s->state == INTEGER || s->state == FRACTION || s->state == EXPONENT_DIGITS) {
        *error = number(s, ' ', &ended); /* whatever is no digit ends a number */
    }
    if (*error || s->state == DONE) {
        return *error ? JSON_SCAN_ERROR : JSON_SCAN_DONE;
    }
    *error = fail(s, s->byte ? "unexpected end of input" : "empty input stream");
    return JSON_SCAN_ERROR;
}
