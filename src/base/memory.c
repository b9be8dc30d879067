/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/strbuf.h"

struct reporter {
    struct list node;
    memory_report_fn *report;
    void *aux;
};

static struct list reporters = LIST_INITIALIZER(&reporters);

void memory_register(memory_report_fn *report, void *aux)
{
    struct reporter *r = xmalloc(sizeof *r);
    r->report = report;
    r->aux = aux;
    list_push_back(&reporters, &r->node);
}

void memory_unregister(memory_report_fn *report, void *aux)
{
    struct reporter *r, *next;
    LIST_FOR_EACH_SAFE (r, next, node, &reporters) {
        if (r->report == report && r->aux == aux) {
            list_remove(&r->node);
            free(r);
        }
    }
}

void memory_usage_add(struct memory_usage *usage, const char *name, uint64_t count)
{
    uint64_t *figure = strmap_get(&usage->figures, name);
    if (!figure) {
        figure = xzalloc(sizeof *figure);
        strmap_put(&usage->figures, name, figure);
    }
    *figure += count;
}

char *memory_show(void)
{
    struct memory_usage usage;
    strmap_init(&usage.figures);
    struct reporter *r;
    LIST_FOR_EACH (r, node, &reporters) {
        r->report(&usage, r->aux);
    }
    struct strbuf s = STRBUF_INITIALIZER;
    struct strmap_node **sorted = strmap_sorted(&usage.figures);
    for (size_t i = 0; i < strmap_count(&usage.figures); i++) {
        uint64_t *figure = sorted[i]->value;
        strbuf_printf(&s, "%s%s:%llu", i ? " " : "", sorted[i]->key, (unsigned long long)*figure);
        free(figure);
    }
    free(sorted);
    strmap_fini(&usage.figures);
    return strbuf_steal(&s);
}

uint64_t memory_peak_kb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) ? 0 : (uint64_t)usage.ru_maxrss;
}
