/* SPDX-License-Identifier: Apache-2.0 */
#include "base/color.h"

#include <stdio.h>
#include <string.h>

static const struct {
    char name[3];
    const char *usual;
} colors[N_COLORS] = {
    [COLOR_ACTIONS] = {"ac", "1;31"}, [COLOR_DROP] = {"dr", "34"},  [COLOR_LEARN] = {"le", "31"},
    [COLOR_PARAM] = {"pm", "36"},     [COLOR_PAREN] = {"pr", "35"}, [COLOR_SPECIAL] = {"sp", "33"},
    [COLOR_VALUE] = {"vl", "32"},
};

/* The parameters of "Select Graphic Rendition"; the sequence also clears to the end of the line. Nothing but
 * digits and semicolons comes through, so that a variable cannot do other things to a terminal. */
static void set_color(struct color_palette *p, enum color c, const char *value, size_t len)
{
    if (strspn(value, "0123456789;") >= len && len < sizeof p->start[c] - 6) {
        snprintf(p->start[c], sizeof p->start[c], "\033[%.*sm\033[K", (int)len, value);
    }
}

void color_palette_init(struct color_palette *p, const char *spec)
{
    for (int c = 0; c < N_COLORS; c++) {
        set_color(p, c, colors[c].usual, strlen(colors[c].usual));
    }
    while (spec && *spec) {
        size_t len = strcspn(spec, ":");
        for (int c = 0; c < N_COLORS; c++) {
            if (len > 2 && !strncmp(spec, colors[c].name, 2) && spec[2] == '=') {
                set_color(p, c, spec + 3, len - 3);
            }
        }
        spec += len + (spec[len] == ':');
    }
}

void color_start_palette(struct strbuf *s, enum color c)
{
    strbuf_puts(s, s->palette->start[c]);
}

void color_end_palette(struct strbuf *s)
{
    strbuf_puts(s, "\033[m\033[K");
}
