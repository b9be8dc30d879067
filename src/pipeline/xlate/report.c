/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/xlate/report.h"

#include <stdlib.h>

#include "base/alloc.h"

struct list *report_add(struct list *list, enum report_type type, char *text)
{
    if (!list) {
        free(text);
        return NULL;
    }
    struct report *r = xmalloc(sizeof *r);
    r->type = type;
    r->text = text;
    list_init(&r->children);
    list_push_back(list, &r->node);
    return &r->children;
}

void report_destroy_all(struct list *list)
{
    while (!list_is_empty(list)) {
        struct report *r = CONTAINER_OF(list_pop_front(list), struct report, node);
        report_destroy_all(&r->children);
        free(r->text);
        free(r);
    }
}

/* What comes last in its list and has children goes on at the same level: a chain of tables stays flush left.
 */
static void format_list(const struct list *list, int level, struct strbuf *s)
{
    const struct report *r;
    LIST_FOR_EACH (r, node, list) {
        int more = r->node.next != list || r->type >= REPORT_ACTION || r->type == REPORT_BUCKET;
        size_t indent = (size_t)(level + more) * 4;
        if (r->type == REPORT_BRIDGE) {
            strbuf_put_char(s, '\n');
        }
        strbuf_put_chars(s, ' ', indent);
        switch (r->type) {
        case REPORT_DETAIL:
            strbuf_printf(s, " -> %s\n", r->text);
            break;
        case REPORT_WARN:
            strbuf_printf(s, " >> %s\n", r->text);
            break;
        case REPORT_ERROR:
            strbuf_printf(s, " >>>> %s <<<<\n", r->text);
            break;
        case REPORT_BRIDGE: {
            size_t start = s->len;
            strbuf_printf(s, "bridge(\"%s\")", r->text);
            size_t width = s->len - start;
            strbuf_put_char(s, '\n');
            strbuf_put_chars(s, ' ', indent);
            strbuf_put_chars(s, '-', width);
            strbuf_put_char(s, '\n');
            break;
        }
        case REPORT_TABLE:
        case REPORT_BUCKET:
        case REPORT_THAW:
        case REPORT_ACTION:
            strbuf_printf(s, "%s\n", r->text);
            break;
        }
        format_list(&r->children, level + more + more, s);
    }
}

void report_format(const struct list *list, struct strbuf *s)
{
    format_list(list, 0, s);
}
