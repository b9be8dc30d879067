/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "pipeline/ofproto_impl.h"

/* A bridge has few groups and changes them rarely: one sorted array, replaced as a whole. */
struct group_array {
    struct rcu_head rcu;
    size_t n;
    struct group *groups[];
};
struct group_table {
    struct group_array *array; /* RCU, never NULL */
};

struct group_table *group_table_create(void)
{
    struct group_table *t = xzalloc(sizeof *t);
    t->array = xzalloc(sizeof *t->array);
    return t;
}

static void free_group(struct group *g)
{
    for (size_t i = 0; i < g->s.n_buckets; i++) {
        free(g->s.buckets[i].actions);
    }
    free(g->s.buckets);
    free((void *)g->s.hash_fields);
    free(g->counts);
    free(g);
}

static void free_group_rcu(struct rcu_head *head)
{
    free_group(CONTAINER_OF(head, struct group, rcu));
}

bool group_try_ref(struct group *g)
{
    int refs = __atomic_load_n(&g->refs, __ATOMIC_RELAXED);
    do {
        if (!refs) {
            return false;
        }
    } while (
        !__atomic_compare_exchange_n(&g->refs, &refs, refs + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

void group_unref(struct group *g)
{
    if (g && __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        rcu_postpone(&g->rcu, free_group_rcu);
    }
}

void group_table_destroy(struct group_table *t)
{
    if (t) {
        for (size_t i = 0; i < t->array->n; i++) {
            group_unref(t->array->groups[i]);
        }
        free(t->array);
        free(t);
    }
}

static size_t find_place(const struct group_array *a, uint32_t id)
{
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (a->groups[mid]->s.group_id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

struct group *group_find(const struct ofproto *ofproto, uint32_t id)
{
    const struct group_array *a = rcu_get(&ofproto->groups->array);
    size_t i = find_place(a, id);
    return i < a->n && a->groups[i]->s.group_id == id ? a->groups[i] : NULL;
}

size_t ofproto_group_count(const struct ofproto *ofproto)
{
    return ofproto->groups->array->n;
}

void ofproto_group_for_each(const struct ofproto *ofproto, void (*each)(const struct group *, void *),
                            void *aux)
{
    const struct group_array *a = ofproto->groups->array;
    for (size_t i = 0; i < a->n; i++) {
        each(a->groups[i], aux);
    }
}

void group_credit(struct group *g, uint32_t bucket, uint64_t packets, uint64_t bytes)
{
    if (bucket < g->s.n_buckets) {
        __atomic_fetch_add(&g->counts[bucket].packets, packets, __ATOMIC_RELAXED);
        __atomic_fetch_add(&g->counts[bucket].bytes, bytes, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(&g->counts[g->s.n_buckets].packets, packets, __ATOMIC_RELAXED);
        __atomic_fetch_add(&g->counts[g->s.n_buckets].bytes, bytes, __ATOMIC_RELAXED);
    }
}

/* Slots of a power of two, shared out among the buckets by weight (Webster's method: the next slot goes to
 * whom it is owed most), as the reference spreads dp_hash. */
static void fill_hash_map(struct group *g)
{
    uint64_t total = 0, min = UINT64_MAX;
    for (size_t i = 0; i < g->s.n_buckets; i++) {
        uint16_t w = g->s.buckets[i].weight;
        total += w;
        if (w && w < min) {
            min = w;
        }
    }
    if (!total) {
        return;
    }
    uint64_t want = MAX(DIV_ROUND_UP(total, min), 16);
    if (want > GROUP_HASH_MAX) {
        return; /* the lightest bucket would get more than its share */
    }
    unsigned n = 1;
    while (n < want) {
        n *= 2;
    }
    g->hash_mask = n - 1;
    double *value = xcalloc(g->s.n_buckets, sizeof *value);
    unsigned *divisor = xcalloc(g->s.n_buckets, sizeof *divisor);
    for (size_t i = 0; i < g->s.n_buckets; i++) {
        divisor[i] = 1;
        value[i] = g->s.buckets[i].weight;
    }
    for (unsigned slot = 0; slot < n; slot++) {
        size_t best = 0;
        for (size_t i = 1; i < g->s.n_buckets; i++) {
            if (value[i] > value[best]) {
                best = i;
            }
        }
        g->hash_map[slot] = (uint16_t)best;
        divisor[best] += 2;
        value[best] = (double)g->s.buckets[best].weight / divisor[best];
    }
    free(value);
    free(divisor);
}

static struct group *make_group(const struct group_settings *s)
{
    struct group *g = xzalloc(sizeof *g);
    g->s = *s;
    g->s.buckets = s->n_buckets ? xmemdup(s->buckets, s->n_buckets * sizeof *s->buckets) : NULL;
    for (size_t i = 0; i < s->n_buckets; i++) {
        struct group_bucket *b = &g->s.buckets[i];
        b->actions = b->actions_len ? xmemdup(b->actions, b->actions_len) : NULL;
    }
    g->s.hash_fields =
        s->n_hash_fields ? xmemdup(s->hash_fields, s->n_hash_fields * sizeof *s->hash_fields) : NULL;
    g->counts = xcalloc(s->n_buckets + 1, sizeof *g->counts);
    g->created_ms = clock_ms();
    g->refs = 1;
    if (s->type == GROUP_SELECT) {
        fill_hash_map(g);
    }
    return g;
}

static void free_array_rcu(struct rcu_head *head)
{
    free(CONTAINER_OF(head, struct group_array, rcu));
}

static void replace_array(struct ofproto *ofproto, struct group_array *new)
{
    struct group_array *old = ofproto->groups->array;
    rcu_set(&ofproto->groups->array, new);
    rcu_postpone(&old->rcu, free_array_rcu);
    pipeline_mark_all_changed(ofproto->pipeline);
}

/* Do ACTIONS lead to group TARGET? */
static bool leads_to(const struct ofproto *ofproto, const struct group_settings *s, uint32_t target,
                     int depth)
{
    if (depth > 64) {
        return true;
    }
    for (size_t b = 0; b < s->n_buckets; b++) {
        const struct ofpact *a;
        OFPACT_FOR_EACH (a, s->buckets[b].actions, s->buckets[b].actions_len) {
            if (a->type == OFPACT_GROUP) {
                uint32_t id = OFPACT_CAST(GROUP, a)->group_id;
                const struct group *g = group_find(ofproto, id);
                if (id == target || (g && leads_to(ofproto, &g->s, target, depth + 1))) {
                    return true;
                }
            }
        }
    }
    return false;
}

enum ofperr ofproto_group_add(struct ofproto *ofproto, const struct group_settings *s)
{
    const struct group_array *a = ofproto->groups->array;
    if (s->group_id > OFPG_MAX) {
        return OFPERR_OFPGMFC_INVALID_GROUP;
    }
    size_t i = find_place(a, s->group_id);
    if (i < a->n && a->groups[i]->s.group_id == s->group_id) {
        return OFPERR_OFPGMFC_GROUP_EXISTS;
    }
    if (leads_to(ofproto, s, s->group_id, 0)) {
        return OFPERR_OFPGMFC_LOOP;
    }
    struct group_array *new = xmalloc(sizeof *new + (a->n + 1) * sizeof new->groups[0]);
    new->n = a->n + 1;
    memcpy(new->groups, a->groups, i * sizeof a->groups[0]);
    memcpy(new->groups + i + 1, a->groups + i, (a->n - i) * sizeof a->groups[0]);
    new->groups[i] = make_group(s);
    replace_array(ofproto, new);
    return OFPERR_NONE;
}

enum ofperr ofproto_group_modify(struct ofproto *ofproto, const struct group_settings *s, bool may_create)
{
    const struct group_array *a = ofproto->groups->array;
    size_t i = find_place(a, s->group_id);
    if (i == a->n || a->groups[i]->s.group_id != s->group_id) {
        return may_create ? ofproto_group_add(ofproto, s) : OFPERR_OFPGMFC_UNKNOWN_GROUP;
    }
    if (leads_to(ofproto, s, s->group_id, 0)) {
        return OFPERR_OFPGMFC_LOOP;
    }
    struct group_array *new = xmemdup(a, sizeof *a + a->n * sizeof a->groups[0]);
    struct group *old = new->groups[i];
    new->groups[i] = make_group(s);
    new->groups[i]->created_ms = old->created_ms;
    replace_array(ofproto, new);
    group_unref(old);
    return OFPERR_NONE;
}

void ofproto_group_delete(struct ofproto *ofproto, uint32_t group_id)
{
    const struct group_array *a = ofproto->groups->array;
    struct group_array *new = xmalloc(sizeof *new + a->n * sizeof new->groups[0]);
    new->n = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (group_id != OFPG_ALL && a->groups[i]->s.group_id != group_id) {
            new->groups[new->n++] = a->groups[i];
        }
    }
    if (new->n == a->n) {
        free(new);
        return;
    }
    struct group **gone = xcalloc(a->n, sizeof *gone);
    size_t n_gone = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (group_id == OFPG_ALL || a->groups[i]->s.group_id == group_id) {
            gone[n_gone++] = a->groups[i];
        }
    }
    replace_array(ofproto, new);
    for (size_t i = 0; i < n_gone; i++) {
        struct flow_mod mod;
        flow_mod_init(&mod);
        mod.command = FLOW_DELETE;
        mod.table_id = OFPTT_ALL;
        mod.out_group = gone[i]->s.group_id;
        ofproto_flow_mods(ofproto, &(const struct flow_mod *){&mod}, 1, false, RULE_GROUP_DELETE, NULL);
        flow_mod_fini(&mod);
        group_unref(gone[i]);
    }
    free(gone);
}
