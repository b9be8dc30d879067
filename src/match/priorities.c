/* SPDX-License-Identifier: Apache-2.0 */
#include "match/priorities.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

struct priority_count {
    struct hmap_node node;
    int priority;
    unsigned count;
};

void priorities_init(struct priorities *p)
{
    *p = (struct priorities){.heap = NULL};
    hmap_init(&p->counts);
}

void priorities_fini(struct priorities *p)
{
    for (size_t i = 0; i < p->n_heap; i++) {
        free(p->heap[i]);
    }
    free(p->heap);
    hmap_fini(&p->counts);
}

static struct priority_count *find(const struct priorities *p, int priority)
{
    struct priority_count *c;
    HMAP_FOR_EACH_WITH_HASH (c, node, hash_u32((uint32_t)priority, 0), &p->counts) {
        if (c->priority == priority) {
            return c;
        }
    }
    return NULL;
}

static void sift_down(struct priorities *p, struct priority_count *c)
{
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < p->n_heap && p->heap[child + 1]->priority > p->heap[child]->priority) {
            child++;
        }
        if (child >= p->n_heap || p->heap[child]->priority <= c->priority) {
            break;
        }
        p->heap[i] = p->heap[child];
        i = child;
    }
    p->heap[i] = c;
}

void priorities_add(struct priorities *p, int priority)
{
    struct priority_count *c = find(p, priority);
    if (c) {
        c->count++;
        return;
    }
    c = xmalloc(sizeof *c);
    c->priority = priority;
    c->count = 1;
    hmap_insert(&p->counts, &c->node, hash_u32((uint32_t)priority, 0));
    if (p->n_heap == p->allocated) {
        p->heap = x2nrealloc(p->heap, &p->allocated, sizeof *p->heap);
    }
    size_t i = p->n_heap++;
    for (; i > 0 && p->heap[(i - 1) / 2]->priority < priority; i = (i - 1) / 2) {
        p->heap[i] = p->heap[(i - 1) / 2];
    }
    p->heap[i] = c;
}

void priorities_remove(struct priorities *p, int priority)
{
    struct priority_count *c = find(p, priority);
    assert(c && c->count);
    c->count--;
    /* Counts of 0 below the top wait until they come up. */
    while (p->n_heap && !p->heap[0]->count) {
        struct priority_count *top = p->heap[0], *last = p->heap[--p->n_heap];
        hmap_remove(&p->counts, &top->node);
        free(top);
        if (p->n_heap) {
            sift_down(p, last);
        }
    }
}

int priorities_max(const struct priorities *p)
{
    return p->n_heap ? p->heap[0]->priority : INT_MIN;
}
