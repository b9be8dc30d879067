/* SPDX-License-Identifier: Apache-2.0 */
#include "ofconn/limiter.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hmap.h"
#include "base/list.h"

/* A thousandth of a packet is the unit of tokens: a rate of N a second is then N a millisecond. */
#define TOKENS_PACKET 1000

struct waiting {
    struct list node; /* in its queue */
    void *packet;
};

/* The packets of one port. */
struct queue {
    struct hmap_node node;
    struct list turn; /* in limiter.turns */
    uint32_t port;
    struct list packets;
    unsigned n;
};

struct limiter {
    int rate, burst;
    int64_t tokens, filled_ms;
    struct hmap queues;
    struct list turns; /* the queues: the first is served next */
    struct limiter_counts counts;
};

struct limiter *limiter_create(int rate, int burst, int64_t now_ms)
{
    struct limiter *l = xzalloc(sizeof *l);
    hmap_init(&l->queues);
    list_init(&l->turns);
    l->filled_ms = now_ms;
    limiter_set(l, rate, burst);
    l->tokens = (int64_t)l->burst * TOKENS_PACKET;
    return l;
}

static void drop_queue(struct limiter *l, struct queue *q)
{
    hmap_remove(&l->queues, &q->node);
    list_remove(&q->turn);
    free(q);
}

/* The oldest of Q, or the newest. */
static void *take(struct limiter *l, struct queue *q, bool newest)
{
    struct list *node = newest ? list_back(&q->packets) : list_front(&q->packets);
    struct waiting *w = CONTAINER_OF(node, struct waiting, node);
    void *packet = w->packet;
    list_remove(&w->node);
    free(w);
    l->counts.backlog--;
    if (!--q->n) {
        drop_queue(l, q);
    }
    return packet;
}

static struct queue *first_queue(const struct limiter *l)
{
    return CONTAINER_OF(list_front(&l->turns), struct queue, turn);
}

static void drop_longest(struct limiter *l)
{
    struct queue *q, *longest = NULL;
    LIST_FOR_EACH (q, turn, &l->turns) {
        if (!longest || q->n > longest->n) {
            longest = q;
        }
    }
    free(take(l, longest, true));
    l->counts.dropped++;
}

void limiter_set(struct limiter *l, int rate, int burst)
{
    l->rate = MAX(rate, 1);
    l->burst = MAX(burst > 0 ? burst : l->rate / 4, 1);
    l->tokens = MIN(l->tokens, (int64_t)l->burst * TOKENS_PACKET);
    while (l->counts.backlog > (uint64_t)l->burst) {
        drop_longest(l);
    }
}

void limiter_destroy(struct limiter *l)
{
    if (!l) {
        return;
    }
    while (l->counts.backlog) {
        free(take(l, first_queue(l), false));
    }
    hmap_fini(&l->queues);
    free(l);
}

static bool take_token(struct limiter *l, int64_t now)
{
    int64_t passed = MAX(now - l->filled_ms, 0), most = (int64_t)l->burst * TOKENS_PACKET;
    l->tokens = passed > 1000000 ? most : MIN(most, l->tokens + passed * l->rate);
    l->filled_ms = now;
    if (l->tokens < TOKENS_PACKET) {
        return false;
    }
    l->tokens -= TOKENS_PACKET;
    return true;
}

static struct queue *queue_of(struct limiter *l, uint32_t port)
{
    struct queue *q;
    HMAP_FOR_EACH_WITH_HASH (q, node, port, &l->queues) {
        if (q->port == port) {
            return q;
        }
    }
    q = xzalloc(sizeof *q);
    q->port = port;
    list_init(&q->packets);
    hmap_insert(&l->queues, &q->node, port);
    list_push_back(&l->turns, &q->turn);
    return q;
}

bool limiter_admit(struct limiter *l, void *packet, uint32_t port, int64_t now)
{
    if (!l->counts.backlog && take_token(l, now)) {
        l->counts.bypassed++;
        return true;
    }
    struct queue *q = queue_of(l, port);
    struct waiting *w = xmalloc(sizeof *w);
    w->packet = packet;
    list_push_back(&q->packets, &w->node);
    q->n++;
    l->counts.queued++;
    if (++l->counts.backlog > (uint64_t)l->burst) {
        drop_longest(l);
    }
    return false;
}

void *limiter_next(struct limiter *l, int64_t now)
{
    if (!l->counts.backlog || !take_token(l, now)) {
        return NULL;
    }
    struct queue *q = first_queue(l);
    list_remove(&q->turn);
    list_push_back(&l->turns, &q->turn);
    return take(l, q, false);
}

int64_t limiter_due_ms(const struct limiter *l)
{
    if (!l->counts.backlog) {
        return INT64_MAX;
    }
    int64_t lacking = TOKENS_PACKET - l->tokens;
    return l->filled_ms + (lacking > 0 ? (lacking + l->rate - 1) / l->rate : 0);
}

void limiter_counts(const struct limiter *l, struct limiter_counts *counts)
{
    *counts = l->counts;
}
