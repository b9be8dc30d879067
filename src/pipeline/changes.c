/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/changes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/xlate/record.h"

/* With more new rules than this in one table, a lookup there counts as touched without a look at each:
 * translating anew costs no more. */
#define MAX_CHECKED 200

struct table_change {
    struct hmap_node node; /* in set.tables, by bridge and table */
    struct ofproto *ofproto;
    uint8_t table_id;
    struct rule **added; /* references; and soft rules that went */
    size_t n, allocated;
};

struct mac_tag {
    struct hmap_node node; /* in set.macs */
    struct ofproto *ofproto;
    uint16_t vlan;
    struct eth_addr mac;
};

struct change_set {
    bool all;
    bool rules_went; /* a record whose rule is `removed` is touched */
    struct hmap tables, macs;
};

struct changes {
    pthread_mutex_t lock;
    uint64_t generation;    /* atomic */
    struct change_set *set; /* under lock; NULL: none yet */
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
        pthread_mutex_destroy(&c->lock);
        free(c);
    }
}

void change_set_destroy(struct change_set *set)
{
    if (!set) {
        return;
    }
    struct table_change *t;
    HMAP_FOR_EACH_SAFE (t, node, &set->tables) {
        for (size_t i = 0; i < t->n; i++) {
            rule_unref(t->added[i]);
        }
        hmap_remove(&set->tables, &t->node);
        free(t->added);
        free(t);
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

void changes_note_rule(struct ofproto *ofproto, struct rule *rule, bool added)
{
    struct changes *c = ofproto->pipeline->changes;
    struct change_set *set = begin(c);
    set->rules_went |= !added;
    if (added || rule->cr.clauses) {
        struct table_change *t = find_table(set, ofproto, rule->table_id);
        if (!t) {
            t = xzalloc(sizeof *t);
            t->ofproto = ofproto;
            t->table_id = rule->table_id;
            hmap_insert(&set->tables, &t->node, hash_table(ofproto, rule->table_id));
        }
        if (t->n <= MAX_CHECKED && rule_try_ref(rule)) {
            if (t->n == t->allocated) {
                t->added = x2nrealloc(t->added, &t->allocated, sizeof *t->added);
            }
            t->added[t->n++] = rule;
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
    struct changes *c = ofproto->pipeline->changes;
    struct change_set *set = begin(c);
    if (!has_mac(set, ofproto, vlan, mac)) {
        struct mac_tag *m = xmalloc(sizeof *m);
        *m = (struct mac_tag){.ofproto = ofproto, .vlan = vlan, .mac = mac};
        hmap_insert(&set->macs, &m->node, hash_mac(ofproto, vlan, mac));
    }
    end(c);
}

void changes_note_all(struct pipeline *p)
{
    begin(p->changes)->all = true;
    end(p->changes);
}

void changes_forget_bridge(struct changes *c, const struct ofproto *ofproto)
{
    struct change_set *set = begin(c);
    struct table_change *t;
    HMAP_FOR_EACH_SAFE (t, node, &set->tables) {
        if (t->ofproto == ofproto) {
            for (size_t i = 0; i < t->n; i++) {
                rule_unref(t->added[i]);
            }
            hmap_remove(&set->tables, &t->node);
            free(t->added);
            free(t);
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

struct change_set *changes_take(struct changes *c)
{
    pthread_mutex_lock(&c->lock);
    struct change_set *set = c->set;
    c->set = NULL;
    pthread_mutex_unlock(&c->lock);
    return set;
}

static bool table_affects(const struct table_change *t, const struct record_entry *e)
{
    if (t->n > MAX_CHECKED) {
        return true;
    }
    const struct rule *found = e->object;
    for (size_t i = 0; i < t->n; i++) {
        const struct rule *rule = t->added[i];
        if (found && rule->cr.priority < found->cr.priority) {
            continue;
        }
        if (minimatch_overlaps(&rule->cr.match, &e->seen)) {
            return true;
        }
    }
    return false;
}

bool change_set_affects(const struct change_set *set, const struct record *r)
{
    if (set->all) {
        return true;
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct record_entry *e = &r->entries[i];
        switch ((enum record_type)e->type) {
        case RECORD_TABLE: {
            const struct rule *rule = e->object;
            if (rule && set->rules_went && rule->removed) {
                return true;
            }
            const struct table_change *t = find_table(set, e->ofproto, e->table_id);
            if (t && table_affects(t, e)) {
                return true;
            }
            break;
        }
        case RECORD_RULE:
            if (set->rules_went && ((const struct rule *)e->object)->removed) {
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
