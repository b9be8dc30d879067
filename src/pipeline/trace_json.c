/* SPDX-License-Identifier: Apache-2.0 */
/* A trace for programs: docs/trace-json.md has the schema. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "pipeline/trace_private.h"

static void put_string(const char *text, struct strbuf *s)
{
    strbuf_put_char(s, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\') {
            strbuf_put_char(s, '\\');
            strbuf_put_char(s, (char)*p);
        } else if (*p < 0x20) {
            strbuf_printf(s, "\\u%04x", *p);
        } else {
            strbuf_put_char(s, (char)*p);
        }
    }
    strbuf_put_char(s, '"');
}

static void put_member(const char *name, const char *text, struct strbuf *s)
{
    put_string(name, s);
    strbuf_put_char(s, ':');
    put_string(text, s);
    strbuf_put_char(s, ',');
}

static void put_list(const struct list *reports, struct strbuf *s);

/* " 5. ip, priority 10", "--. Executing action set:" */
static void put_table(const char *text, struct strbuf *s)
{
    char *end;
    unsigned long table = strtoul(text, &end, 10);
    if (end == text) {
        put_member("type", "action_set", s);
    } else {
        put_member("type", "table", s);
        strbuf_printf(s, "\"table\":%lu,", table);
        end += strspn(end, ". ");
        put_member("rule", end, s);
    }
}

static void put_report(const struct report *r, struct strbuf *s)
{
    static const char *const types[] = {
        [REPORT_BRIDGE] = "bridge", [REPORT_BUCKET] = "bucket", [REPORT_THAW] = "resume",
        [REPORT_ACTION] = "action", [REPORT_DETAIL] = "detail", [REPORT_WARN] = "warning",
        [REPORT_ERROR] = "error",
    };
    strbuf_put_char(s, '{');
    if (r->type == REPORT_TABLE) {
        put_table(r->text, s);
    } else {
        put_member("type", types[r->type], s);
        if (r->type == REPORT_BUCKET) {
            strbuf_printf(s, "\"bucket\":%lu,", strtoul(r->text + strcspn(r->text, "0123456789"), NULL, 10));
        } else {
            put_member(r->type == REPORT_BRIDGE ? "bridge" : "text", r->text, s);
        }
    }
    if (!list_is_empty(&r->children)) {
        strbuf_puts(s, "\"children\":");
        put_list(&r->children, s);
    }
    strbuf_chomp(s, ',');
    strbuf_put_char(s, '}');
}

static void put_list(const struct list *reports, struct strbuf *s)
{
    const struct report *r;
    strbuf_put_char(s, '[');
    LIST_FOR_EACH (r, node, reports) {
        put_report(r, s);
        strbuf_put_char(s, ',');
    }
    strbuf_chomp(s, ',');
    strbuf_put_char(s, ']');
}

static void put_trigger(const struct trace_step *step, struct strbuf *s)
{
    struct strbuf state = STRBUF_INITIALIZER;
    trace_format_ct_state(step->ct_state, &state);
    strbuf_puts(s, "\"resume\":{");
    put_member("reason", "conntrack", s);
    strbuf_printf(s, "\"recirc_id\":%u,\"ct_zone\":%u,", step->recirc->recirc_id, step->recirc->zone);
    put_member("ct_state", strbuf_text(&state), s);
    strbuf_printf(s, "\"ct_state_given\":%s,", step->ct_given ? "true" : "false");
    if (step->nat_from.len) {
        strbuf_puts(s, "\"nat\":{");
        put_member("from", strbuf_text(&step->nat_from), s);
        put_member("to", strbuf_text(&step->nat_to), s);
        strbuf_chomp(s, ',');
        strbuf_puts(s, "},");
    }
    strbuf_chomp(s, ',');
    strbuf_puts(s, "},");
    strbuf_fini(&state);
}

static void put_slow_reasons(unsigned slow, struct strbuf *s)
{
    static const struct {
        unsigned bit;
        const char *name;
    } reasons[] = {
#define X(NAME, BIT, TEXT, MEANING) {1u << (BIT), TEXT},
        DP_SLOW_REASONS(X)
#undef X
    };
    strbuf_puts(s, "\"slow_path\":[");
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (slow & reasons[i].bit) {
            put_string(reasons[i].name, s);
            strbuf_put_char(s, ',');
        }
    }
    strbuf_chomp(s, ',');
    strbuf_puts(s, "],");
}

void trace_step_to_json(const struct trace_step *step, bool first, struct strbuf *s)
{
    strbuf_puts(s, first ? "{" : ",{");
    if (step->recirc) {
        put_trigger(step, s);
    }
    put_member("bridge", step->bridge, s);
    put_member("flow", strbuf_text(&step->flow), s);
    strbuf_puts(s, "\"report\":");
    put_list(&step->report, s);
    strbuf_put_char(s, ',');
    put_member("final_flow", strbuf_text(step->final_flow.len ? &step->final_flow : &step->flow), s);
    put_member("megaflow", strbuf_text(&step->megaflow), s);
    put_member("datapath_actions", strbuf_text(&step->actions), s);
    put_slow_reasons(step->slow, s);
    if (step->error) {
        put_member("error", xlate_error_text(step->error), s);
    }
    strbuf_chomp(s, ',');
    strbuf_put_char(s, '}');
}
