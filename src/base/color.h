/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Colours in text for a terminal: a strbuf that has a palette gets the escape sequences, one that
 * has none (the usual) plain text. Thread-safety: none; a palette is only read once it is made. */
#ifndef BASE_COLOR_H
#define BASE_COLOR_H 1

#include "base/strbuf.h"

enum color {
    COLOR_ACTIONS, /* "actions=" */
    COLOR_DROP,
    COLOR_LEARN,
    COLOR_PARAM,   /* "NAME=" */
    COLOR_PAREN,   /* words with parentheses, and these */
    COLOR_SPECIAL, /* "priority=", "output:" and more like them */
    COLOR_VALUE,   /* words without a value */
    N_COLORS
};

struct color_palette {
    char start[N_COLORS][128]; /* whole escape sequences */
};

/* The usual colours, then those that SPEC changes: "ac=01;31:dr=34", as the variable OVS_COLORS has them;
 * what it does not know is skipped. SPEC may be NULL. */
void color_palette_init(struct color_palette *, const char *spec);

void color_start_palette(struct strbuf *, enum color);
void color_end_palette(struct strbuf *);

static inline void color_start(struct strbuf *s, enum color c)
{
    if (s->palette) {
        color_start_palette(s, c);
    }
}

static inline void color_end(struct strbuf *s)
{
    if (s->palette) {
        color_end_palette(s);
    }
}

/* TEXT in colour C. */
static inline void color_puts(struct strbuf *s, enum color c, const char *text)
{
    color_start(s, c);
    strbuf_puts(s, text);
    color_end(s);
}

/* "NAME=" as a parameter. */
static inline void color_put_name(struct strbuf *s, const char *name)
{
    color_start(s, COLOR_PARAM);
    strbuf_puts(s, name);
    strbuf_put_char(s, '=');
    color_end(s);
}

#endif
