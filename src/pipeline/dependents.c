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

/* A search that is to be quick makes no view of more look-ups than this. */
#define QUICK_VIEW 256

/* One thing that a flow depends on. */
struct dependency {
    struct list node; /* in group->list or thing->list */
    union {
        struct dep_group *group; /* a look-up */
        struct dep_thing *thing; /* a MAC, a rule */
    };
    struct view_member *members; /* a look-up: its places in the group's views */
    const struct record_entry *entry;
    const struct ukey *ukey;
};

/* Look-ups by what a rule's mask and theirs have in common. Very many may be alike in that, so they hang on
 * their key in a list, and each knows its place there: it leaves without a search. */
struct view_item {
    uint8_t word;     /* of the key */
    uint8_t position; /* of that word in the look-ups' compressed key */
    uint64_t mask;
};
struct view_key {
    struct hmap_node node; /* in view.keys */
    struct dep_view *view;
    struct list members; /* struct view_member, never empty: any of them has the key */
    uint64_t search;     /* the last that found it */
};
struct view_member {
    struct list node; /* in key.members */
    struct dependency *d;
    struct view_key *key;
    struct view_member *next; /* in d->members */
};
struct dep_view {
    struct minimatch rule; /* its mask counts */
    unsigned n_items;
    struct view_item *items;
    struct hmap keys;
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

/* A MAC in a VLAN, or a rule that ran without a look-up. */
struct dep_thing {
    struct hmap_node node; /* in dependents.things */
    struct list list;      /* struct dependency, never empty: any of them says what it is */
};

struct dependents {
    pthread_mutex_t lock;
    struct hmap groups, things;
    uint64_t search; /* numbers searches */
};

struct dependents *dependents_create(void)
{
    struct dependents *t = xzalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    hmap_init(&t->groups);
    hmap_init(&t->things);
    return t;
}

void dependents_destroy(struct dependents *t)
{
    if (t) {
        hmap_fini(&t->groups);
        hmap_fini(&t->things);
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

bool dependents_trylock(struct dependents *t)
{
    return !pthread_mutex_trylock(&t->lock);
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

static struct view_key *find_key(const struct dep_view *v, const uint64_t *key, uint32_t hash)
{
    struct view_key *k;
    HMAP_FOR_EACH_WITH_HASH (k, node, hash, &v->keys) {
        const struct view_member *any = CONTAINER_OF(list_front(&k->members), struct view_member, node);
        const uint64_t *seen = minimatch_key(&any->d->entry->seen);
        uint64_t differs = 0;
        for (unsigned i = 0; i < v->n_items; i++) {
            const struct view_item *item = &v->items[i];
            differs |= (seen[item->position] ^ key[item->position]) & item->mask;
        }
        if (!differs) {
            return k;
        }
    }
    return NULL;
}

static void view_add(struct dep_view *v, struct dependency *d)
{
    const uint64_t *seen = minimatch_key(&d->entry->seen);
    uint32_t hash = hash_key(v, seen);
    struct view_key *k = find_key(v, seen, hash);
    if (!k) {
        k = xmalloc(sizeof *k);
        k->view = v;
        k->search = 0;
        list_init(&k->members);
        hmap_insert(&v->keys, &k->node, hash);
    }
    struct view_member *m = xmalloc(sizeof *m);
    m->d = d;
    m->key = k;
    m->next = d->members;
    d->members = m;
    list_push_back(&k->members, &m->node);
}

/* Takes M, which its look-up does not know any more, out of its view. */
static void member_free(struct view_member *m)
{
    struct view_key *k = m->key;
    list_remove(&m->node);
    free(m);
    if (list_is_empty(&k->members)) {
        hmap_remove(&k->view->keys, &k->node);
        free(k);
    }
}

/* Takes out of D's places the one in V. */
static struct view_member *forget_place(struct dependency *d, const struct dep_view *v)
{
    struct view_member **place = &d->members, *m;
    while ((m = *place)->key->view != v) {
        place = &m->next;
    }
    *place = m->next;
    return m;
}

static void view_destroy(struct dep_group *g, struct dep_view *v)
{
    struct dependency *d;
    LIST_FOR_EACH (d, node, &g->list) {
        member_free(forget_place(d, v));
    }
    hmap_fini(&v->keys);
    minimatch_fini(&v->rule);
    free(v->items);
    free(v);
}

static struct dep_view *view_create(const struct dep_group *g, const struct minimatch *rule)
{
    struct dep_view *v = xzalloc(sizeof *v);
    unsigned position = 0, word;
    minimatch_clone(&v->rule, rule);
    hmap_init(&v->keys);
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

/* NULL: there is none, and QUICK forbids to make one. */
static struct dep_view *view_for(struct dep_group *g, const struct minimatch *rule, bool quick)
{
    for (unsigned i = 0; i < g->n_views; i++) {
        if (minimatch_masks_equal(&g->views[i]->rule, rule)) {
            return g->views[i];
        }
    }
    if (quick && g->n > QUICK_VIEW) {
        return NULL;
    }
    unsigned place = g->n_views;
    if (place == MAX_VIEWS) {
        place = g->oldest++ % MAX_VIEWS;
        view_destroy(g, g->views[place]);
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
    struct view_member *m;
    list_remove(&d->node);
    while ((m = d->members)) {
        d->members = m->next;
        member_free(m);
    }
    if (!--g->n) {
        for (unsigned i = 0; i < g->n_views; i++) {
            view_destroy(g, g->views[i]);
        }
        hmap_remove(&t->groups, &g->node);
        minimatch_fini(&g->seen);
        free(g);
    }
}

/* The switch's own rules (of a packet that no rule takes) stay as long as the bridge. */
static bool is_dependency(const struct record_entry *e)
{
    return e->type == RECORD_TABLE || e->type == RECORD_MAC_LEARN || e->type == RECORD_MAC_LOOKUP ||
           (e->type == RECORD_RULE && ((const struct rule *)e->object)->table_id != OFPROTO_TABLE_INTERNAL);
}

static uint32_t hash_thing(const struct record_entry *e)
{
    return e->type == RECORD_RULE ? hash_pointer(e->object, 0) : hash_mac(e->ofproto, e->vlan, e->mac);
}

static bool same_thing(const struct record_entry *a, const struct record_entry *b)
{
    if (a->type == RECORD_RULE || b->type == RECORD_RULE) {
        return a->type == b->type && a->object == b->object;
    }
    return a->ofproto == b->ofproto && a->vlan == b->vlan && !memcmp(&a->mac, &b->mac, sizeof a->mac);
}

static struct dep_thing *find_thing(const struct dependents *t, const struct record_entry *e)
{
    struct dep_thing *thing;
    HMAP_FOR_EACH_WITH_HASH (thing, node, hash_thing(e), &t->things) {
        if (same_thing(CONTAINER_OF(list_front(&thing->list), struct dependency, node)->entry, e)) {
            return thing;
        }
    }
    return NULL;
}

static void add_thing(struct dependents *t, struct dependency *d)
{
    struct dep_thing *thing = find_thing(t, d->entry);
    if (!thing) {
        thing = xmalloc(sizeof *thing);
        list_init(&thing->list);
        hmap_insert(&t->things, &thing->node, hash_thing(d->entry));
    }
    d->thing = thing;
    list_push_back(&thing->list, &d->node);
}

static void remove_thing(struct dependents *t, struct dependency *d)
{
    list_remove(&d->node);
    if (list_is_empty(&d->thing->list)) {
        hmap_remove(&t->things, &d->thing->node);
        free(d->thing);
    }
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
        d->ukey = u;
        if (e->type == RECORD_TABLE) {
            add_lookup(t, d);
        } else {
            add_thing(t, d);
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
        if (d->entry->type == RECORD_TABLE) {
            remove_lookup(t, d);
        } else {
            remove_thing(t, d);
        }
    }
    dependents_unlock(t);
    free(u->deps);
    u->deps = NULL;
    u->n_deps = 0;
}

/* ------------------------------------------------------------------ from a change to flows */

static void found(struct dependents_found *f, const struct dependency *d)
{
    if (f->n >= f->limit) {
        f->gave_up = true;
        return;
    }
    if (f->n == f->allocated) {
        f->list = x2nrealloc(f->list, &f->allocated, sizeof *f->list);
    }
    f->list[f->n++] = d->ukey->ufid;
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

static void find_in_view(const struct dep_view *v, const struct minimatch *match, uint64_t search,
                         struct dependents_found *f)
{
    uint64_t key[FLOW_WORDS];
    for (unsigned i = 0; i < v->n_items; i++) {
        key[v->items[i].position] = minimatch_key_word(match, v->items[i].word);
    }
    struct view_key *k = find_key(v, key, hash_key(v, key));
    if (!k || k->search == search) {
        return; /* another of the rules has the same bits here */
    }
    const struct view_member *m;
    k->search = search;
    LIST_FOR_EACH (m, node, &k->members) {
        found(f, m->d);
        if (f->gave_up) {
            return;
        }
    }
}

void dependents_of_matches(struct dependents *t, const struct ofproto *ofproto, uint8_t table_id,
                           const struct minimatch *const *matches, size_t n, struct dependents_found *f)
{
    struct dep_group *g;
    t->search++;
    HMAP_FOR_EACH_WITH_HASH (g, node, hash_table(ofproto, table_id), &t->groups) {
        if (n && g->ofproto == ofproto && g->table_id == table_id) {
            const struct dep_view *v = view_for(g, matches[0], f->quick);
            f->gave_up |= !v;
            for (size_t i = 0; i < n && !f->gave_up; i++) {
                find_in_view(v, matches[i], t->search, f);
            }
        }
    }
}

static void find_thing_users(const struct dependents *t, const struct record_entry *e,
                             struct dependents_found *f)
{
    const struct dep_thing *thing = find_thing(t, e);
    const struct dependency *d;
    if (thing) {
        LIST_FOR_EACH (d, node, &thing->list) {
            found(f, d);
            if (f->gave_up) {
                return;
            }
        }
    }
}

void dependents_of_mac(const struct dependents *t, struct ofproto *ofproto, uint16_t vlan,
                       struct eth_addr mac, struct dependents_found *f)
{
    const struct record_entry e = {.type = RECORD_MAC_LOOKUP, .ofproto = ofproto, .vlan = vlan, .mac = mac};
    find_thing_users(t, &e, f);
}

void dependents_of_rule(const struct dependents *t, struct rule *rule, struct dependents_found *f)
{
    const struct record_entry e = {.type = RECORD_RULE, .object = rule};
    find_thing_users(t, &e, f);
}
