/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/recirc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/list.h"
#include "base/rcu.h"

/* How long an id that nobody holds lives on, and how many of those at most. */
#define UNUSED_MS  2000
#define MAX_UNUSED 4096

struct recirc_node {
    struct hmap_node by_id, by_state;
    struct list unused; /* in the table's, while refs is 0 */
    int64_t unused_ms;  /* since when */
    uint32_t id;
    int refs;
    bool empty; /* no state */
    struct frozen_state state;
    struct rcu_head rcu;
};

struct recirc_table {
    pthread_mutex_t lock; /* over everything; readers copy a pointer and live on RCU */
    struct hmap by_id, by_state;
    struct list unused; /* struct recirc_node, the oldest first */
    size_t n_unused;
    uint32_t next_id;
};

void frozen_state_take_metadata(struct frozen_state *s, const struct flow_key *flow)
{
    s->actset_output = flow->actset_output;
    s->metadata = flow->metadata;
    s->tun_md_present = flow->tun_md_present;
    s->tun_md = flow->tun_md_present ? (uint8_t *)flow->tun_md : NULL;
    s->erspan_idx = flow->erspan_idx;
    memcpy(s->tunnel, &flow->tun_id, sizeof s->tunnel);
    memcpy(s->regs, flow->regs, sizeof s->regs);
}

void frozen_state_give_metadata(const struct frozen_state *s, struct flow_key *flow)
{
    flow->actset_output = s->actset_output;
    flow->metadata = s->metadata;
    flow->tun_md_present = s->tun_md_present;
    if (s->tun_md) {
        memcpy(flow->tun_md, s->tun_md, sizeof flow->tun_md);
    } else {
        memset(flow->tun_md, 0, sizeof flow->tun_md);
    }
    flow->erspan_idx = s->erspan_idx;
    memcpy(&flow->tun_id, s->tunnel, sizeof s->tunnel);
    memcpy(flow->regs, s->regs, sizeof flow->regs);
}

/* The members that are pointers, for hashing, comparing, copying in turn. */
#define FROZEN_PARTS 5
static void get_part(const struct frozen_state *s, int i, const void **p, size_t *n)
{
    const struct {
        const void *p;
        size_t n;
    } parts[FROZEN_PARTS] = {{s->stack, s->stack_len},
                             {s->actions, s->actions_len},
                             {s->action_set, s->action_set_len},
                             {s->userdata, s->userdata_len},
                             {s->tun_md, s->tun_md ? FLOW_TUN_MD_SIZE : 0}};
    *p = parts[i].p;
    *n = parts[i].n;
}

/* The members that are not. */
struct frozen_plain {
    uint64_t ofproto_id, rule_cookie, metadata, tun_md_present, tunnel[8];
    uint32_t flags, mirrors, in_port, actset_output, erspan_idx, regs[FLOW_N_REGS], egress[FROZEN_MAX_EGRESS],
        pad;
};

static void get_plain(const struct frozen_state *s, struct frozen_plain *p)
{
    memset(p, 0, sizeof *p);
    p->ofproto_id = s->ofproto_id;
    p->rule_cookie = s->rule_cookie;
    p->metadata = s->metadata;
    p->tun_md_present = s->tun_md_present;
    memcpy(p->tunnel, s->tunnel, sizeof p->tunnel);
    p->flags = (uint32_t)s->table_id | (uint32_t)s->conntracked << 8 | (uint32_t)s->was_mpls << 9 |
               (uint32_t)s->hashed << 11 | (uint32_t)s->resume_in_table << 10 | (uint32_t)s->n_egress << 16;
    p->mirrors = s->mirrors;
    p->in_port = s->in_port;
    p->actset_output = s->actset_output;
    p->erspan_idx = s->erspan_idx;
    memcpy(p->regs, s->regs, sizeof p->regs);
    memcpy(p->egress, s->egress, sizeof p->egress);
}

static uint32_t hash_state(const struct frozen_state *s)
{
    struct frozen_plain plain;
    get_plain(s, &plain);
    uint32_t hash = hash_bytes(&plain, sizeof plain, 0);
    for (int i = 0; i < FROZEN_PARTS; i++) {
        const void *p;
        size_t n;
        get_part(s, i, &p, &n);
        hash = n ? hash_bytes(p, n, hash) : hash_u32(0, hash);
    }
    return hash;
}

static bool equal_states(const struct frozen_state *a, const struct frozen_state *b)
{
    struct frozen_plain pa, pb;
    get_plain(a, &pa);
    get_plain(b, &pb);
    if (memcmp(&pa, &pb, sizeof pa)) {
        return false;
    }
    for (int i = 0; i < FROZEN_PARTS; i++) {
        const void *p, *q;
        size_t n, m;
        get_part(a, i, &p, &n);
        get_part(b, i, &q, &m);
        if (n != m || (n && memcmp(p, q, n))) {
            return false;
        }
    }
    return true;
}

static void *copy_part(const void *p, size_t n)
{
    return n ? xmemdup(p, n) : NULL;
}

static void copy_state(struct frozen_state *dst, const struct frozen_state *src)
{
    *dst = *src;
    dst->stack = copy_part(src->stack, src->stack_len);
    dst->actions = copy_part(src->actions, src->actions_len);
    dst->action_set = copy_part(src->action_set, src->action_set_len);
    dst->userdata = copy_part(src->userdata, src->userdata_len);
    dst->tun_md = copy_part(src->tun_md, src->tun_md ? FLOW_TUN_MD_SIZE : 0);
}

static void free_node(struct recirc_node *node)
{
    free(node->state.stack);
    free(node->state.actions);
    free(node->state.action_set);
    free(node->state.userdata);
    free(node->state.tun_md);
    free(node);
}

static void free_node_rcu(struct rcu_head *head)
{
    free_node(CONTAINER_OF(head, struct recirc_node, rcu));
}

struct recirc_table *recirc_table_create(void)
{
    struct recirc_table *t = xzalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    hmap_init(&t->by_id);
    hmap_init(&t->by_state);
    list_init(&t->unused);
    t->next_id = 1;
    return t;
}

void recirc_table_destroy(struct recirc_table *t)
{
    if (t) {
        struct recirc_node *node;
        HMAP_FOR_EACH_SAFE (node, by_id, &t->by_id) {
            hmap_remove(&t->by_id, &node->by_id);
            free_node(node);
        }
        hmap_fini(&t->by_id);
        hmap_fini(&t->by_state);
        pthread_mutex_destroy(&t->lock);
        free(t);
    }
}

static struct recirc_node *find_locked(const struct recirc_table *t, uint32_t id)
{
    struct recirc_node *node;
    HMAP_FOR_EACH_WITH_HASH (node, by_id, hash_u32(id, 0), &t->by_id) {
        if (node->id == id) {
            return node;
        }
    }
    return NULL;
}

static void take_locked(struct recirc_table *t, struct recirc_node *node)
{
    if (!node->refs++) {
        list_remove(&node->unused);
        t->n_unused--;
    }
}

static struct recirc_node *add_locked(struct recirc_table *t)
{
    struct recirc_node *node = xzalloc(sizeof *node);
    do {
        node->id = t->next_id++;
    } while (!node->id || find_locked(t, node->id));
    node->refs = 1;
    hmap_insert(&t->by_id, &node->by_id, hash_u32(node->id, 0));
    return node;
}

uint32_t recirc_alloc(struct recirc_table *t, const struct frozen_state *state)
{
    uint32_t hash = hash_state(state);
    struct recirc_node *node;
    pthread_mutex_lock(&t->lock);
    HMAP_FOR_EACH_WITH_HASH (node, by_state, hash, &t->by_state) {
        if (equal_states(&node->state, state)) {
            take_locked(t, node);
            goto out;
        }
    }
    node = add_locked(t);
    copy_state(&node->state, state);
    hmap_insert(&t->by_state, &node->by_state, hash);
out:;
    uint32_t id = node->id;
    pthread_mutex_unlock(&t->lock);
    return id;
}

uint32_t recirc_alloc_empty(struct recirc_table *t)
{
    pthread_mutex_lock(&t->lock);
    struct recirc_node *node = add_locked(t);
    node->empty = true;
    uint32_t id = node->id;
    pthread_mutex_unlock(&t->lock);
    return id;
}

bool recirc_ref(struct recirc_table *t, uint32_t id)
{
    pthread_mutex_lock(&t->lock);
    struct recirc_node *node = find_locked(t, id);
    if (node) {
        take_locked(t, node);
    }
    pthread_mutex_unlock(&t->lock);
    return node != NULL;
}

/* The oldest of those that wait to be freed goes. */
static void free_oldest_locked(struct recirc_table *t)
{
    struct recirc_node *node = OBJECT_OF(list_pop_front(&t->unused), node, unused);
    t->n_unused--;
    hmap_remove(&t->by_id, &node->by_id);
    if (!node->empty) {
        hmap_remove(&t->by_state, &node->by_state);
    }
    rcu_postpone(&node->rcu, free_node_rcu);
}

void recirc_unref(struct recirc_table *t, uint32_t id)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&t->lock);
    struct recirc_node *node = find_locked(t, id);
    if (node && --node->refs == 0) {
        node->unused_ms = now;
        list_push_back(&t->unused, &node->unused);
        t->n_unused++;
    }
    while (t->n_unused > MAX_UNUSED ||
           (t->n_unused && OBJECT_OF(list_front(&t->unused), node, unused)->unused_ms + UNUSED_MS <= now)) {
        free_oldest_locked(t);
    }
    pthread_mutex_unlock(&t->lock);
}

const struct frozen_state *recirc_find(const struct recirc_table *t_, uint32_t id)
{
    struct recirc_table *t = (struct recirc_table *)t_;
    pthread_mutex_lock(&t->lock);
    struct recirc_node *node = find_locked(t, id);
    const struct frozen_state *state = node && !node->empty ? &node->state : NULL;
    pthread_mutex_unlock(&t->lock);
    return state;
}

size_t recirc_count(const struct recirc_table *t_)
{
    struct recirc_table *t = (struct recirc_table *)t_;
    pthread_mutex_lock(&t->lock);
    size_t n = hmap_count(&t->by_id) - t->n_unused;
    pthread_mutex_unlock(&t->lock);
    return n;
}
