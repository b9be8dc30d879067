/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/changes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "pipeline/dependents.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/parts.h"
#include "pipeline/xlate/record.h"

/* With rules of more masks than this in one table, or flows of more masks that are asked about, a look-up in
 * that table counts as touched: translating anew costs no more. */
#define MAX_GROUPS 64
#define MAX_VIEWS  256

/* What some rules' mask and a flow's have in common, and the rules by their key under it: a flow meets one of
 * them if its own key under it is there. */
struct view_item {
    uint8_t word;     /* of the key */
    uint8_t position; /* of that word in the flows' compressed key */
    uint64_t mask;
};
struct view_node {
    struct hmap_node node; /* in view.keys */
    int max_priority;      /* of the rules with this key */
    uint64_t key[];        /* n_items */
};
struct view {
    struct minimatch seen; /* only its mask counts: that of the flows */
    uint32_t seen_hash;
    unsigned n_items;
    struct view_item *items;
    struct hmap keys;
};

/* Rules with one mask. */
struct rule_group {
    struct rule **rules; /* references */
    size_t n, allocated;
    struct view *views;
    size_t n_views, allocated_views;
};

struct table_change {
    struct hmap_node node; /* in set.tables, by bridge and table */
    struct ofproto *ofproto;
    uint8_t table_id;
    bool all; /* too many masks */
    size_t n_came, n_went;
    struct rule_group *came[MAX_GROUPS]; /* rules that came; and soft rules that went */
    struct rule_group *went[MAX_GROUPS]; /* rules that went: the way to the flows that found them */
};

struct mac_tag {
    struct hmap_node node; /* in set.macs */
    struct ofproto *ofproto;
    uint16_t vlan;
    struct eth_addr mac;
};

struct change_set {
    bool all;
    bool rules_went;     /* a record whose rule is `removed` is touched */
    uint64_t generation; /* once taken */
    struct hmap tables, macs;
    struct parts_changed parts; /* of the configuration */
};

struct changes {
    pthread_mutex_t lock;
    uint64_t generation;         /* atomic */
    struct change_set *set;      /* under lock; NULL: none yet */
    struct change_set *returned; /* under lock; older than `set` */
};

struct changes *changes_create(void)
{
    struct changes *c = xzalloc(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->generation = 1;
    return c;
}

void changes_destroy(struct changes *c)
{
    if (c) {
        change_set_destroy(c->set);
        change_set_destroy(c->returned);
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

static void destroy_group(struct rule_group *g)
{
    for (size_t i = 0; i < g->n_views; i++) {
        struct view *v = &g->views[i];
        struct view_node *n;
        HMAP_FOR_EACH_SAFE (n, node, &v->keys) {
            hmap_remove(&v->keys, &n->node);
            free(n);
        }
        hmap_fini(&v->keys);
        minimatch_fini(&v->seen);
        free(v->items);
    }
    for (size_t i = 0; i < g->n; i++) {
        rule_unref(g->rules[i]);
    }
    free(g->views);
    free(g->rules);
    free(g);
}

static void destroy_table(struct table_change *t)
{
    for (size_t i = 0; i < t->n_came; i++) {
        destroy_group(t->came[i]);
    }
    for (size_t i = 0; i < t->n_went; i++) {
        destroy_group(t->went[i]);
    }
    free(t);
}

void change_set_destroy(struct change_set *set)
{
    if (!set) {
        return;
    }
    struct table_change *t;
    HMAP_FOR_EACH_SAFE (t, node, &set->tables) {
        hmap_remove(&set->tables, &t->node);
        destroy_table(t);
    }
    struct mac_tag *m;
    HMAP_FOR_EACH_SAFE (m, node, &set->macs) {
        hmap_remove(&set->macs, &m->node);
        free(m);
    }
    hmap_fini(&set->tables);
    hmap_fini(&set->macs);
    free(set);
}

static struct change_set *begin(struct changes *c)
{
    pthread_mutex_lock(&c->lock);
    if (!c->set) {
        c->set = xzalloc(sizeof *c->set);
        hmap_init(&c->set->tables);
        hmap_init(&c->set->macs);
    }
    return c->set;
}

static void end(struct changes *c)
{
    /* Under the lock, so that a set and its number belong together. */
    __atomic_add_fetch(&c->generation, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&c->lock);
}

static uint32_t hash_table(const struct ofproto *ofproto, uint8_t table_id)
{
    return hash_pointer(ofproto, table_id);
}

static struct table_change *find_table(const struct change_set *set, const struct ofproto *ofproto,
                                       uint8_t table_id)
{
    struct table_change *t;
    HMAP_FOR_EACH_WITH_HASH (t, node, hash_table(ofproto, table_id), &set->tables) {
        if (t->ofproto == ofproto && t->table_id == table_id) {
            return t;
        }
    }
    return NULL;
}

/* Where RULE belongs; NULL: its table counts as changed altogether. */
static struct rule_group *find_group(struct table_change *t, const struct rule *rule, bool came)
{
    struct rule_group **groups = came ? t->came : t->went;
    size_t *n = came ? &t->n_came : &t->n_went;
    if (t->all) {
        return NULL;
    }
    for (size_t i = *n; i-- > 0;) {
        if (minimatch_masks_equal(&groups[i]->rules[0]->cr.match, &rule->cr.match)) {
            return groups[i];
        }
    }
    if (*n == MAX_GROUPS) {
        t->all = true;
        return NULL;
    }
    return groups[(*n)++] = xzalloc(sizeof *groups[0]);
}

void changes_note_rule(struct ofproto *ofproto, struct rule *rule, bool added)
{
    struct changes *c = ofproto->backer->changes;
    struct change_set *set = begin(c);
    set->rules_went |= !added;
    if (rule_try_ref(rule)) {
        struct table_change *t = find_table(set, ofproto, rule->table_id);
        if (!t) {
            t = xzalloc(sizeof *t);
            t->ofproto = ofproto;
            t->table_id = rule->table_id;
            hmap_insert(&set->tables, &t->node, hash_table(ofproto, rule->table_id));
        }
        struct rule_group *g = find_group(t, rule, added || rule->cr.clauses);
        if (g) {
            if (g->n == g->allocated) {
                g->rules = x2nrealloc(g->rules, &g->allocated, sizeof *g->rules);
            }
            g->rules[g->n++] = rule;
        } else {
            rule_unref(rule);
        }
    }
    end(c);
}

static uint32_t hash_mac(const struct ofproto *ofproto, uint16_t vlan, struct eth_addr mac)
{
    return hash_bytes(&mac, sizeof mac, hash_pointer(ofproto, vlan));
}

static bool has_mac(const struct change_set *set, const struct ofproto *ofproto, uint16_t vlan,
                    struct eth_addr mac)
{
    const struct mac_tag *m;
    HMAP_FOR_EACH_WITH_HASH (m, node, hash_mac(ofproto, vlan, mac), &set->macs) {
        if (m->ofproto == ofproto && m->vlan == vlan && !memcmp(&m->mac, &mac, sizeof mac)) {
            return true;
        }
    }
    return false;
}

void changes_note_mac(struct ofproto *ofproto, uint16_t vlan, struct eth_addr mac)
{
    struct changes *c = ofproto->backer->changes;
    struct change_set *set = begin(c);
    if (!has_mac(set, ofproto, vlan, mac)) {
        struct mac_tag *m = xmalloc(sizeof *m);
        *m = (struct mac_tag){.ofproto = ofproto, .vlan = vlan, .mac = mac};
        hmap_insert(&set->macs, &m->node, hash_mac(ofproto, vlan, mac));
    }
    end(c);
}

void changes_note_parts(struct changes *c, const struct parts_changed *parts)
{
    if (parts->n || parts->all) {
        struct change_set *set = begin(c);
        size_t n = MIN(parts->n, MAX_PARTS_CHANGED - set->parts.n);
        memcpy(set->parts.names + set->parts.n, parts->names, n * sizeof parts->names[0]);
        set->parts.n += n;
        set->all |= parts->all || n < parts->n;
        end(c);
    }
}

void changes_note_all(struct changes *c)
{
    begin(c)->all = true;
    end(c);
}

void changes_forget_bridge(struct changes *c, const struct ofproto *ofproto)
{
    struct change_set *set = begin(c);
    struct table_change *t;
    HMAP_FOR_EACH_SAFE (t, node, &set->tables) {
        if (t->ofproto == ofproto) {
            hmap_remove(&set->tables, &t->node);
            destroy_table(t);
        }
    }
    struct mac_tag *m;
    HMAP_FOR_EACH_SAFE (m, node, &set->macs) {
        if (m->ofproto == ofproto) {
            hmap_remove(&set->macs, &m->node);
            free(m);
        }
    }
    end(c);
}

uint64_t changes_generation(const struct changes *c)
{
    return __atomic_load_n(&c->generation, __ATOMIC_SEQ_CST);
}

struct change_set *changes_take(struct changes *c, uint64_t *generation)
{
    pthread_mutex_lock(&c->lock);
    struct change_set *set = c->returned;
    if (set) {
        c->returned = NULL;
    } else {
        set = c->set;
        c->set = NULL;
        if (set) {
            set->generation = c->generation;
        }
    }
    *generation = set ? set->generation : c->generation;
    pthread_mutex_unlock(&c->lock);
    return set;
}

/* ------------------------------------------------------------------ from changes to flows */

void changes_return(struct changes *c, struct change_set *set)
{
    pthread_mutex_lock(&c->lock);
    c->returned = set; /* one pass at a time: there is no other */
    pthread_mutex_unlock(&c->lock);
}

static size_t count_rules(const struct table_change *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_came; i++) {
        n += t->came[i]->n;
    }
    for (size_t i = 0; i < t->n_went; i++) {
        n += t->went[i]->n;
    }
    return n;
}

static void find_by_group(const struct table_change *t, const struct rule_group *g, struct dependents *d,
                          struct dependents_found *f)
{
    const struct minimatch **matches = xmalloc(g->n * sizeof *matches);
    for (size_t i = 0; i < g->n; i++) {
        matches[i] = &g->rules[i]->cr.match;
    }
    dependents_of_matches(d, t->ofproto, t->table_id, matches, g->n, f);
    free(matches);
}

static void find_by_table(const struct table_change *t, struct dependents *d, struct dependents_found *f)
{
    for (size_t i = 0; i < t->n_came && !f->gave_up; i++) {
        find_by_group(t, t->came[i], d, f);
    }
    for (size_t i = 0; i < t->n_went && !f->gave_up; i++) {
        const struct rule_group *g = t->went[i];
        find_by_group(t, g, d, f);
        for (size_t k = 0; k < g->n && !f->gave_up; k++) {
            dependents_of_rule(d, g->rules[k], f);
        }
    }
}

/* Look-ups that a quick search may cost. */
#define QUICK_COST 1024

bool change_set_find(const struct change_set *set, struct dependents *d, size_t n_flows,
                     struct dependents_found *f)
{
    const struct table_change *t;
    const struct mac_tag *m;
    size_t cost = hmap_count(&set->macs);
    f->gave_up = set->all || set->parts.n; /* of parts there is no index */
    if (f->gave_up || (f->quick && !dependents_trylock(d))) {
        return false;
    }
    if (!f->quick) {
        dependents_lock(d);
    }
    HMAP_FOR_EACH (t, node, &set->tables) {
        cost += t->all ? n_flows + 1 : count_rules(t) * dependents_n_masks(d, t->ofproto, t->table_id);
    }
    f->gave_up = cost > (f->quick ? MIN(n_flows, QUICK_COST) : n_flows) + 64;
    HMAP_FOR_EACH (t, node, &set->tables) {
        if (!f->gave_up) {
            find_by_table(t, d, f);
        }
    }
    HMAP_FOR_EACH (m, node, &set->macs) {
        if (!f->gave_up) {
            dependents_of_mac(d, m->ofproto, m->vlan, m->mac, f);
        }
    }
    dependents_unlock(d);
    return !f->gave_up;
}

/* ------------------------------------------------------------------ rules that came */

static uint32_t hash_seen(const struct view *v, const uint64_t *key)
{
    uint64_t h = v->seen_hash;
    for (unsigned i = 0; i < v->n_items; i++) {
        h = hash_mix64(h, key[v->items[i].position] & v->items[i].mask);
    }
    return hash_finish64(h);
}

static struct view_node *find_key(const struct view *v, const uint64_t *key, uint32_t hash)
{
    struct view_node *n;
    HMAP_FOR_EACH_WITH_HASH (n, node, hash, &v->keys) {
        uint64_t differs = 0;
        for (unsigned i = 0; i < v->n_items; i++) {
            differs |= (key[v->items[i].position] & v->items[i].mask) ^ n->key[i];
        }
        if (!differs) {
            return n;
        }
    }
    return NULL;
}

static void add_rule(struct view *v, const struct rule *rule, uint64_t *scratch)
{
    for (unsigned i = 0; i < v->n_items; i++) {
        const struct view_item *item = &v->items[i];
        scratch[item->position] = minimatch_key_word(&rule->cr.match, item->word) & item->mask;
    }
    uint32_t hash = hash_seen(v, scratch);
    struct view_node *n = find_key(v, scratch, hash);
    if (!n) {
        n = xmalloc(sizeof *n + v->n_items * sizeof n->key[0]);
        n->max_priority = rule->cr.priority;
        for (unsigned i = 0; i < v->n_items; i++) {
            n->key[i] = scratch[v->items[i].position];
        }
        hmap_insert(&v->keys, &n->node, hash);
    }
    n->max_priority = MAX(n->max_priority, rule->cr.priority);
}

static struct view *make_view(struct rule_group *g, const struct minimatch *seen, uint32_t seen_hash)
{
    if (g->n_views == g->allocated_views) {
        g->views = x2nrealloc(g->views, &g->allocated_views, sizeof *g->views);
    }
    struct view *v = &g->views[g->n_views++];
    uint64_t scratch[FLOW_WORDS];
    unsigned position = 0, word;
    const struct minimatch *mask = &g->rules[0]->cr.match;
    *v = (struct view){.seen_hash = seen_hash};
    v->items = xcalloc(flow_map_count(&mask->map) + 1, sizeof *v->items);
    minimatch_clone(&v->seen, seen);
    hmap_init(&v->keys);
    FLOW_MAP_FOR_EACH (word, &seen->map) {
        uint64_t common = seen->words[position] & minimatch_mask_word(mask, word);
        if (common) {
            v->items[v->n_items++] = (struct view_item){(uint8_t)word, (uint8_t)position, common};
        }
        position++;
    }
    for (size_t i = 0; i < g->n; i++) {
        add_rule(v, g->rules[i], scratch);
    }
    return v;
}

/* NULL: there are too many. */
static struct view *find_view(struct rule_group *g, const struct minimatch *seen, uint32_t seen_hash)
{
    for (size_t i = 0; i < g->n_views; i++) {
        if (g->views[i].seen_hash == seen_hash && minimatch_masks_equal(&g->views[i].seen, seen)) {
            return &g->views[i];
        }
    }
    return g->n_views < MAX_VIEWS ? make_view(g, seen, seen_hash) : NULL;
}

static bool table_affects(struct table_change *t, const struct record_entry *e)
{
    if (t->all) {
        return true;
    }
    const struct rule *found = e->object;
    uint32_t seen_hash = minimatch_mask_hash(&e->seen, 0);
    for (size_t i = 0; i < t->n_came; i++) {
        const struct view *v = find_view(t->came[i], &e->seen, seen_hash);
        if (!v) {
            return true;
        }
        const uint64_t *key = minimatch_key(&e->seen);
        const struct view_node *n = find_key(v, key, hash_seen(v, key));
        if (n && (!found || n->max_priority >= found->cr.priority)) {
            return true;
        }
    }
    return false;
}

bool change_set_affects(struct change_set *set, const struct record *r)
{
    if (set->all) {
        return true;
    }
    for (size_t i = 0; i < set->parts.n; i++) {
        if (parts_has(&r->parts, &set->parts.names[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < r->n && (set->rules_went || hmap_count(&set->tables) || hmap_count(&set->macs));
         i++) {
        const struct record_entry *e = &r->entries[i];
        switch ((enum record_type)e->type) {
        case RECORD_TABLE: {
            const struct rule *rule = e->object;
            if (rule && set->rules_went && rule_is_removed(rule)) {
                return true;
            }
            struct table_change *t = find_table(set, e->ofproto, e->table_id);
            if (t && table_affects(t, e)) {
                return true;
            }
            break;
        }
        case RECORD_RULE:
            if (set->rules_went && rule_is_removed(e->object)) {
                return true;
            }
            break;
        case RECORD_MAC_LEARN:
        case RECORD_MAC_LOOKUP:
            if (hmap_count(&set->macs) && has_mac(set, e->ofproto, e->vlan, e->mac)) {
                return true;
            }
            break;
        default:
            break;
        }
    }
    return false;
}
