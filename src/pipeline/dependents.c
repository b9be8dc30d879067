/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/dependents.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/list.h"
#include "pipeline/ukey.h"
#include "pipeline/xlate/record.h"

#define MAX_VIEWS 8 /* of one group: the oldest gives way */

/* One thing that a flow depends on. */
struct dependency {
    struct hmap_node by_mac; /* in dependents.macs: a MAC */
    struct list node;        /* in group.list: a look-up; in dependents.rules: a rule */
    struct dep_group *group; /* NULL: no look-up */
    const struct record_entry *entry;
    struct dp_ufid ufid;
};

/* Look-ups by what a rule's mask and theirs have in common. */
struct view_item {
    uint8_t word;     /* of the key */
    uint8_t position; /* of that word in the look-ups' compressed key */
    uint64_t mask;
};
struct view_node {
    struct hmap_node node;
    struct dependency *d;
};
struct dep_view {
    struct minimatch rule; /* its mask counts */
    unsigned n_items;
    struct view_item *items;
    struct hmap nodes;
};

/* Look-ups in one table with one mask. */
struct dep_group {
    struct hmap_node node; /* in dependents.groups, by bridge and table */
    const struct ofproto *ofproto;
    uint8_t table_id;
    uint32_t seen_hash;
    struct minimatch seen; /* its mask counts */
    struct list list;      /* struct dependency */
    size_t n;
    struct dep_view *views[MAX_VIEWS];
    unsigned n_views, oldest;
};

struct dependents {
    pthread_mutex_t lock;
    struct hmap groups, macs;
    struct list rules;
};

struct dependents *dependents_create(void)
{
    struct dependents *t = xzalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    hmap_init(&t->groups);
    hmap_init(&t->macs);
    list_init(&t->rules);
    return t;
}

void dependents_destroy(struct dependents *t)
{
    if (t) {
        hmap_fini(&t->groups);
        hmap_fini(&t->macs);
        pthread_mutex_destroy(&t->lock);
        free(t);
    }
}

void dependents_lock(struct dependents *t)
{
    pthread_mutex_lock(&t->lock);
}

void dependents_unlock(struct dependents *t)
{
    pthread_mutex_unlock(&t->lock);
}

/* ------------------------------------------------------------------ views */

static uint32_t hash_key(const struct dep_view *v, const uint64_t *key)
{
    uint64_t h = v->n_items;
    for (unsigned i = 0; i < v->n_items; i++) {
        h = hash_mix64(h, key[v->items[i].position] & v->items[i].mask);
    }
    return hash_finish64(h);
}

static void view_add(struct dep_view *v, struct dependency *d)
{
    struct view_node *n = xmalloc(sizeof *n);
    n->d = d;
    hmap_insert(&v->nodes, &n->node, hash_key(v, minimatch_key(&d->entry->seen)));
}

static void view_remove(struct dep_view *v, const struct dependency *d)
{
    struct view_node *n;
    HMAP_FOR_EACH_WITH_HASH (n, node, hash_key(v, minimatch_key(&d->entry->seen)), &v->nodes) {
        if (n->d == d) {
            hmap_remove(&v->nodes, &n->node);
            free(n);
            return;
        }
    }
}

static void view_destroy(struct dep_view *v)
{
    struct view_node *n;
    HMAP_FOR_EACH_SAFE (n, node, &v->nodes) {
        hmap_remove(&v->nodes, &n->node);
        free(n);
    }
    hmap_fini(&v->nodes);
    minimatch_fini(&v->rule);
    free(v->items);
    free(v);
}

static struct dep_view *view_create(const struct dep_group *g, const struct minimatch *rule)
{
    struct dep_view *v = xzalloc(sizeof *v);
    unsigned position = 0, word;
    minimatch_clone(&v->rule, rule);
    hmap_init(&v->nodes);
    v->items = xcalloc(flow_map_count(&rule->map) + 1, sizeof *v->items);
    FLOW_MAP_FOR_EACH (word, &g->seen.map) {
        uint64_t common = g->seen.words[position] & minimatch_mask_word(rule, word);
        if (common) {
            v->items[v->n_items++] = (struct view_item){(uint8_t)word, (uint8_t)position, common};
        }
        position++;
    }
    struct dependency *d;
    LIST_FOR_EACH (d, node, &g->list) {
        view_add(v, d);
    }
    return v;
}

static const struct dep_view *view_for(struct dep_group *g, const struct minimatch *rule)
{
    for (unsigned i = 0; i < g->n_views; i++) {
        if (minimatch_masks_equal(&g->views[i]->rule, rule)) {
            return g->views[i];
        }
    }
    unsigned place = g->n_views;
    if (place == MAX_VIEWS) {
        place = g->oldest++ % MAX_VIEWS;
        view_destroy(g->views[place]);
    } else {
        g->n_views++;
    }
    return g->views[place] = view_create(g, rule);
}

/* ------------------------------------------------------------------ what a flow depends on */

static uint32_t hash_table(const struct ofproto *ofproto, uint8_t table_id)
{
    return hash_pointer(ofproto, table_id);
}

static uint32_t hash_mac(const struct ofproto *ofproto, uint16_t vlan, struct eth_addr mac)
{
    return hash_bytes(&mac, sizeof mac, hash_pointer(ofproto, vlan));
}

static struct dep_group *group_for(struct dependents *t, const struct record_entry *e)
{
    uint32_t seen_hash = minimatch_mask_hash(&e->seen, 0), hash = hash_table(e->ofproto, e->table_id);
    struct dep_group *g;
    HMAP_FOR_EACH_WITH_HASH (g, node, hash, &t->groups) {
        if (g->seen_hash == seen_hash && g->ofproto == e->ofproto && g->table_id == e->table_id &&
            minimatch_masks_equal(&g->seen, &e->seen)) {
            return g;
        }
    }
    g = xzalloc(sizeof *g);
    g->ofproto = e->ofproto;
    g->table_id = e->table_id;
    g->seen_hash = seen_hash;
    minimatch_clone(&g->seen, &e->seen);
    list_init(&g->list);
    hmap_insert(&t->groups, &g->node, hash);
    return g;
}

static void add_lookup(struct dependents *t, struct dependency *d)
{
    struct dep_group *g = d->group = group_for(t, d->entry);
    list_push_back(&g->list, &d->node);
    g->n++;
    for (unsigned i = 0; i < g->n_views; i++) {
        view_add(g->views[i], d);
    }
}

static void remove_lookup(struct dependents *t, struct dependency *d)
{
    struct dep_group *g = d->group;
    list_remove(&d->node);
    for (unsigned i = 0; i < g->n_views; i++) {
        view_remove(g->views[i], d);
    }
    if (!--g->n) {
        for (unsigned i = 0; i < g->n_views; i++) {
            view_destroy(g->views[i]);
        }
        hmap_remove(&t->groups, &g->node);
        minimatch_fini(&g->seen);
        free(g);
    }
}

static bool is_dependency(const struct record_entry *e)
{
    return e->type == RECORD_TABLE || e->type == RECORD_RULE || e->type == RECORD_MAC_LEARN ||
           e->type == RECORD_MAC_LOOKUP;
}

void dependents_add(struct dependents *t, struct ukey *u)
{
    unsigned n = 0;
    for (size_t i = 0; i < u->record.n; i++) {
        n += is_dependency(&u->record.entries[i]);
    }
    u->deps = n ? xcalloc(n, sizeof *u->deps) : NULL;
    u->n_deps = n;
    struct dependency *d = u->deps;
    dependents_lock(t);
    for (size_t i = 0; i < u->record.n; i++) {
        const struct record_entry *e = &u->record.entries[i];
        if (!is_dependency(e)) {
            continue;
        }
        d->entry = e;
        d->ufid = u->ufid;
        if (e->type == RECORD_TABLE) {
            add_lookup(t, d);
        } else if (e->type == RECORD_RULE) {
            list_push_back(&t->rules, &d->node);
        } else {
            hmap_insert(&t->macs, &d->by_mac, hash_mac(e->ofproto, e->vlan, e->mac));
        }
        d++;
    }
    dependents_unlock(t);
}

void dependents_remove(struct dependents *t, struct ukey *u)
{
    dependents_lock(t);
    for (unsigned i = 0; i < u->n_deps; i++) {
        struct dependency *d = &u->deps[i];
        if (d->group) {
            remove_lookup(t, d);
        } else if (d->entry->type == RECORD_RULE) {
            list_remove(&d->node);
        } else {
            hmap_remove(&t->macs, &d->by_mac);
        }
    }
    dependents_unlock(t);
    free(u->deps);
    u->deps = NULL;
    u->n_deps = 0;
}

/* ------------------------------------------------------------------ from a change to flows */

static void found(struct ufids *ufids, const struct dependency *d)
{
    if (ufids->n == ufids->allocated) {
        ufids->list = x2nrealloc(ufids->list, &ufids->allocated, sizeof *ufids->list);
    }
    ufids->list[ufids->n++] = d->ufid;
}

size_t dependents_n_masks(const struct dependents *t, const struct ofproto *ofproto, uint8_t table_id)
{
    const struct dep_group *g;
    size_t n = 0;
    HMAP_FOR_EACH_WITH_HASH (g, node, hash_table(ofproto, table_id), &t->groups) {
        n += g->ofproto == ofproto && g->table_id == table_id;
    }
    return n;
}

static void find_in_view(const struct dep_view *v, const struct minimatch *match, struct ufids *ufids)
{
    uint64_t key[FLOW_WORDS];
    const struct view_node *n;
    for (unsigned i = 0; i < v->n_items; i++) {
        key[v->items[i].position] = minimatch_key_word(match, v->items[i].word);
    }
    HMAP_FOR_EACH_WITH_HASH (n, node, hash_key(v, key), &v->nodes) {
        const uint64_t *seen = minimatch_key(&n->d->entry->seen);
        uint64_t differs = 0;
        for (unsigned i = 0; i < v->n_items; i++) {
            const struct view_item *item = &v->items[i];
            differs |= (seen[item->position] ^ key[item->position]) & item->mask;
        }
        if (!differs) {
            found(ufids, n->d);
        }
    }
}

void dependents_of_matches(struct dependents *t, const struct ofproto *ofproto, uint8_t table_id,
                           const struct minimatch *const *matches, size_t n, struct ufids *ufids)
{
    struct dep_group *g;
    HMAP_FOR_EACH_WITH_HASH (g, node, hash_table(ofproto, table_id), &t->groups) {
        if (n && g->ofproto == ofproto && g->table_id == table_id) {
            const struct dep_view *v = view_for(g, matches[0]);
            for (size_t i = 0; i < n; i++) {
                find_in_view(v, matches[i], ufids);
            }
        }
    }
}

void dependents_of_mac(const struct dependents *t, const struct ofproto *ofproto, uint16_t vlan,
                       struct eth_addr mac, struct ufids *ufids)
{
    const struct dependency *d;
    HMAP_FOR_EACH_WITH_HASH (d, by_mac, hash_mac(ofproto, vlan, mac), &t->macs) {
        const struct record_entry *e = d->entry;
        if (e->ofproto == ofproto && e->vlan == vlan && !memcmp(&e->mac, &mac, sizeof mac)) {
            found(ufids, d);
        }
    }
}

void dependents_of_rules(const struct dependents *t, struct ufids *ufids)
{
    const struct dependency *d;
    LIST_FOR_EACH (d, node, &t->rules) {
        found(ufids, d);
    }
}
