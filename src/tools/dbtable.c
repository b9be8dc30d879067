/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/dbtable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "ovsdb/json_util.h"

void dbtable_init(struct dbtable *t)
{
    *t = (struct dbtable){.caption = NULL};
}

void dbtable_fini(struct dbtable *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        free(t->headings[i]);
    }
    for (size_t i = 0; i < t->n_cells; i++) {
        free(t->cells[i].text);
        if (t->cells[i].datum) {
            ovsdb_datum_unref(t->cells[i].datum, t->cells[i].type);
        }
    }
    free(t->headings);
    free(t->cells);
    free(t->caption);
    dbtable_init(t);
}

void dbtable_add_column(struct dbtable *t, const char *heading)
{
    t->headings = xrealloc(t->headings, (t->n_columns + 1) * sizeof(char *));
    t->headings[t->n_columns++] = xstrdup(heading);
}

static struct dbtable_cell *add_cell(struct dbtable *t)
{
    if (t->n_cells >= t->allocated) {
        t->cells = x2nrealloc(t->cells, &t->allocated, sizeof *t->cells);
    }
    t->cells[t->n_cells] = (struct dbtable_cell){.text = NULL};
    return &t->cells[t->n_cells++];
}

void dbtable_add_text(struct dbtable *t, const char *text)
{
    add_cell(t)->text = xstrdup(text);
}

void dbtable_add_json(struct dbtable *t, const char *text)
{
    struct dbtable_cell *cell = add_cell(t);
    cell->text = xstrdup(text);
    cell->json = true;
}

void dbtable_add_datum(struct dbtable *t, const struct ovsdb_datum *d, const struct ovsdb_type *type)
{
    struct dbtable_cell *cell = add_cell(t);
    cell->datum = ovsdb_datum_ref(d);
    cell->type = type;
}

static size_t n_rows(const struct dbtable *t)
{
    return t->n_columns ? t->n_cells / t->n_columns : 0;
}

static char *cell_text(const struct dbtable_cell *cell, enum dbtable_data data)
{
    struct strbuf s = STRBUF_INITIALIZER;
    if (cell->text) {
        if (data == DBTABLE_DATA_JSON && !cell->json) {
            json_format_string(&s, cell->text, strlen(cell->text));
        } else {
            strbuf_puts(&s, cell->text);
        }
    } else if (data == DBTABLE_STRING) {
        ovsdb_datum_put_text(cell->datum, cell->type, &s);
    } else if (data == DBTABLE_BARE) {
        ovsdb_datum_put_bare(cell->datum, cell->type, &s);
    } else {
        ovsdb_datum_put_json(cell->datum, cell->type, &s);
    }
    return strbuf_steal(&s);
}

/* Columns of characters, not bytes. */
static size_t text_width(const char *s)
{
    size_t n = 0;
    for (; *s; s++) {
        n += (*s & 0xc0) != 0x80;
    }
    return n;
}

static void put_padded(struct strbuf *s, const char *text, size_t width, size_t *spaces)
{
    size_t n = text_width(text), bytes = strlen(text);
    if (n > width) {
        for (n = 0, bytes = 0; text[bytes]; bytes++) {
            if ((text[bytes] & 0xc0) != 0x80 && n++ == width) {
                break;
            }
        }
        n = width;
    }
    if (bytes) {
        strbuf_put_chars(s, ' ', *spaces); /* only once something follows: no blanks at the end of a line */
        *spaces = 0;
        strbuf_put(s, text, bytes);
    }
    *spaces += width - n;
}

static void put_time(struct strbuf *s)
{
    int64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
    strbuf_printf(s, "%s.%03d", text, (int)(now % 1000));
}

/* What stands above a table. */
static void put_title(const struct dbtable *t, struct strbuf *s)
{
    if (t->timestamp) {
        put_time(s);
        strbuf_put_char(s, '\n');
    }
    if (t->caption) {
        strbuf_printf(s, "%s\n", t->caption);
    }
}

static void format_table(const struct dbtable *t, const struct dbtable_style *style, struct strbuf *s)
{
    size_t rows = n_rows(t), *widths = xcalloc(t->n_columns + 1, sizeof *widths), spaces = 0;
    char **texts = xcalloc(t->n_cells + 1, sizeof(char *));
    put_title(t, s);
    for (size_t i = 0; i < t->n_cells; i++) {
        texts[i] = cell_text(&t->cells[i], style->data);
        size_t w = text_width(texts[i]);
        widths[i % t->n_columns] = MAX(widths[i % t->n_columns], w);
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        if (style->max_width) {
            widths[i] = MIN(widths[i], style->max_width);
        }
        if (style->headings) {
            widths[i] = MAX(widths[i], text_width(t->headings[i]));
        }
    }
    if (style->headings) {
        for (size_t i = 0; i < t->n_columns; i++) {
            put_padded(s, t->headings[i], widths[i], &spaces);
            spaces++;
        }
        strbuf_put_char(s, '\n');
        for (size_t i = 0; i < t->n_columns; i++) {
            strbuf_puts(s, i ? " " : "");
            strbuf_put_chars(s, '-', widths[i]);
        }
        strbuf_put_char(s, '\n');
    }
    for (size_t y = 0; y < rows; y++) {
        spaces = 0;
        for (size_t x = 0; x < t->n_columns; x++) {
            put_padded(s, texts[y * t->n_columns + x], widths[x], &spaces);
            spaces++;
        }
        strbuf_put_char(s, '\n');
    }
    for (size_t i = 0; i < t->n_cells; i++) {
        free(texts[i]);
    }
    free(texts);
    free(widths);
}

static void format_list(const struct dbtable *t, const struct dbtable_style *style, struct strbuf *s)
{
    put_title(t, s);
    for (size_t y = 0; y < n_rows(t); y++) {
        strbuf_puts(s, y ? "\n" : "");
        for (size_t x = 0; x < t->n_columns; x++) {
            char *text = cell_text(&t->cells[y * t->n_columns + x], style->data);
            if (style->headings) {
                strbuf_printf(s, "%-20s: ", t->headings[x]);
            }
            strbuf_printf(s, "%s\n", text);
            free(text);
        }
    }
}

/* UUIDs in TEXT lead to the row of that name; in the first column they are that name. */
static void put_html(struct strbuf *s, const char *element, const char *text, bool is_name)
{
    strbuf_printf(s, "    <%s>", element);
    for (; *text; text++) {
        char prefix[UUID_TEXT_LEN + 1];
        struct uuid uuid;
        snprintf(prefix, sizeof prefix, "%s", text);
        if (uuid_parse(&uuid, prefix)) {
            strbuf_printf(s, "<a %s%s\">%.8s</a>", is_name ? "name=\"" : "href=\"#", prefix, prefix);
            text += UUID_TEXT_LEN - 1;
            continue;
        }
        switch (*text) {
        case '&':
            strbuf_puts(s, "&amp;");
            break;
        case '<':
            strbuf_puts(s, "&lt;");
            break;
        case '>':
            strbuf_puts(s, "&gt;");
            break;
        case '"':
            strbuf_puts(s, "&quot;");
            break;
        default:
            strbuf_put_char(s, *text);
        }
    }
    strbuf_printf(s, "</%s>\n", element);
}

static void format_html(const struct dbtable *t, const struct dbtable_style *style, struct strbuf *s)
{
    if (t->timestamp) {
        put_time(s);
        strbuf_put_char(s, '\n');
    }
    strbuf_puts(s, "<table border=1>\n");
    if (t->caption) {
        put_html(s, "caption", t->caption, false);
    }
    if (style->headings) {
        strbuf_puts(s, "  <tr>\n");
        for (size_t i = 0; i < t->n_columns; i++) {
            put_html(s, "th", t->headings[i], false);
        }
        strbuf_puts(s, "  </tr>\n");
    }
    for (size_t y = 0; y < n_rows(t); y++) {
        strbuf_puts(s, "  <tr>\n");
        for (size_t x = 0; x < t->n_columns; x++) {
            char *text = cell_text(&t->cells[y * t->n_columns + x], style->data);
            put_html(s, "td", text, x == 0);
            free(text);
        }
        strbuf_puts(s, "  </tr>\n");
    }
    strbuf_puts(s, "</table>\n");
}

static void put_csv(struct strbuf *s, const char *text)
{
    if (!text[strcspn(text, "\n\",")]) {
        strbuf_puts(s, text);
        return;
    }
    strbuf_put_char(s, '"');
    for (; *text; text++) {
        strbuf_puts(s, *text == '"' ? "\"" : "");
        strbuf_put_char(s, *text);
    }
    strbuf_put_char(s, '"');
}

static void format_csv(const struct dbtable *t, const struct dbtable_style *style, struct strbuf *s)
{
    put_title(t, s);
    for (size_t i = 0; style->headings && i < t->n_columns; i++) {
        strbuf_puts(s, i ? "," : "");
        put_csv(s, t->headings[i]);
    }
    strbuf_puts(s, style->headings ? "\n" : "");
    for (size_t y = 0; y < n_rows(t); y++) {
        for (size_t x = 0; x < t->n_columns; x++) {
            char *text = cell_text(&t->cells[y * t->n_columns + x], style->data);
            strbuf_puts(s, x ? "," : "");
            put_csv(s, text);
            free(text);
        }
        strbuf_put_char(s, '\n');
    }
}

static void format_json(const struct dbtable *t, const struct dbtable_style *style, struct strbuf *out)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_put_char(&s, '{');
    if (t->caption) {
        strbuf_puts(&s, "\"caption\":");
        json_format_string(&s, t->caption, strlen(t->caption));
        strbuf_put_char(&s, ',');
    }
    strbuf_puts(&s, "\"data\":[");
    for (size_t y = 0; y < n_rows(t); y++) {
        strbuf_puts(&s, y ? ",[" : "[");
        for (size_t x = 0; x < t->n_columns; x++) {
            char *text = cell_text(&t->cells[y * t->n_columns + x], DBTABLE_DATA_JSON);
            strbuf_printf(&s, "%s%s", x ? "," : "", text);
            free(text);
        }
        strbuf_put_char(&s, ']');
    }
    strbuf_puts(&s, "],\"headings\":[");
    for (size_t i = 0; i < t->n_columns; i++) {
        strbuf_puts(&s, i ? "," : "");
        json_format_string(&s, t->headings[i], strlen(t->headings[i]));
    }
    strbuf_put_char(&s, ']');
    if (t->timestamp) {
        strbuf_puts(&s, ",\"time\":\"");
        put_time(&s);
        strbuf_put_char(&s, '"');
    }
    strbuf_put_char(&s, '}');
    if (style->pretty) {
        char *error;
        struct json_object *json = json_parse(s.text, s.len, &error);
        json_format(out, json, JSON_SORT | JSON_PRETTY);
        json_object_put(json);
    } else {
        strbuf_put(out, s.text, s.len);
    }
    strbuf_put_char(out, '\n');
    strbuf_fini(&s);
}

void dbtable_format(const struct dbtable *t, const struct dbtable_style *style, bool blank, struct strbuf *s)
{
    if (blank && style->format != DBTABLE_JSON && style->format != DBTABLE_HTML) {
        strbuf_put_char(s, '\n');
    }
    switch (style->format) {
    case DBTABLE_TABLE:
        format_table(t, style, s);
        break;
    case DBTABLE_LIST:
        format_list(t, style, s);
        break;
    case DBTABLE_HTML:
        format_html(t, style, s);
        break;
    case DBTABLE_CSV:
        format_csv(t, style, s);
        break;
    case DBTABLE_JSON:
        format_json(t, style, s);
        break;
    }
}

char *dbtable_set_format(struct dbtable_style *style, const char *name)
{
    static const char *const names[] = {"table", "list", "html", "csv", "json"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name, names[i])) {
            style->format = (enum dbtable_format)i;
            return NULL;
        }
    }
    return xasprintf("unknown output format \"%s\"", name);
}

char *dbtable_set_data(struct dbtable_style *style, const char *name)
{
    static const char *const names[] = {"string", "bare", "json"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name, names[i])) {
            style->data = (enum dbtable_data)i;
            return NULL;
        }
    }
    return xasprintf("unknown data format \"%s\"", name);
}
