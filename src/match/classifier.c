/* SPDX-License-Identifier: Apache-2.0 */
#include "match/classifier.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "match/conjunction.h"
#include "match/subtable.h"

/* A prefix field, with the trie of all prefixes that rules have in it. */
struct prefix_trie {
    struct classifier_prefix field;
    enum match_stage stage;
    struct trie trie;
};

/* What lookups walk: the subtables, by falling maximal priority, with what they need to know of each at hand.
 * Replaced, never changed. */
struct search_entry {
    struct subtable *subtable;
    int max_priority;
    uint8_t lengths[CLASSIFIER_MAX_PREFIXES]; /* of the mask in each trie's field; 0: no prefix */
};
struct search_order {
    unsigned n_tries;
    struct prefix_trie *tries[CLASSIFIER_MAX_PREFIXES];
    unsigned n;
    struct search_entry entries[];
};

struct classifier {
    struct search_order *order; /* RCU */
    struct ptrtable by_mask;    /* of struct subtable */
    struct subtable *first;     /* RCU */
    struct reclaim reclaim;
    size_t n_rules;
    uint32_t n_subtables, next_seq;
    bool deferred, dirty; /* dirty: `order` is not of the present subtables */
    unsigned n_tries;
    struct prefix_trie *tries[CLASSIFIER_MAX_PREFIXES];
};

/* ---- Rules ---- */

void classifier_rule_init_match(struct classifier_rule *rule, struct minimatch *match, int priority)
{
    *rule = (struct classifier_rule){.priority = priority, .remove_version = CLASSIFIER_NEVER};
    minimatch_move(&rule->match, match);
}

void classifier_rule_init(struct classifier_rule *rule, const struct flow_key *key,
                          const struct flow_mask *mask, int priority)
{
    struct minimatch match;
    minimatch_init(&match, key, mask);
    classifier_rule_init_match(rule, &match, priority);
}

void classifier_rule_set_clauses(struct classifier_rule *rule, const struct classifier_clause *clause,
                                 unsigned n)
{
    free(rule->clauses);
    rule->clauses = NULL;
    if (n) {
        rule->clauses = xmalloc(sizeof *rule->clauses + n * sizeof *clause);
        rule->clauses->n = n;
        memcpy(rule->clauses->clause, clause, n * sizeof *clause);
    }
}

void classifier_rule_fini(struct classifier_rule *rule)
{
    if (rule) {
        assert(!rule->subtable);
        minimatch_fini(&rule->match);
        free(rule->clauses);
        rule->clauses = NULL;
    }
}

void classifier_rule_set_remove_version(struct classifier_rule *rule, uint64_t version)
{
    __atomic_store_n(&rule->remove_version, version, __ATOMIC_RELEASE);
}

/* ---- The order of search ---- */

/* How long a prefix MASK has in FIELD; 0: none, or it is no prefix. */
static unsigned prefix_length(const struct minimatch *mask, const struct classifier_prefix *field)
{
    unsigned length = 0;
    for (unsigned i = 0; i < field->n_bits / 32u; i++) {
        unsigned offset = field->offset + i * 4;
        uint64_t word = minimatch_mask_word(mask, offset / 8);
        uint32_t bits = __builtin_bswap32((uint32_t)(word >> (offset % 8 * 8)));
        unsigned ones = ~bits ? (unsigned)__builtin_clz(~bits) : 32;
        if ((ones < 32 && bits << ones) || (length < i * 32 && bits)) {
            return 0;
        }
        length += ones;
    }
    return length;
}

static void prefix_of(const struct classifier_rule *rule, const struct classifier_prefix *field, be32 *prefix)
{
    for (unsigned i = 0; i < field->n_bits / 32u; i++) {
        unsigned offset = field->offset + i * 4;
        prefix[i] = (be32)(minimatch_key_word(&rule->match, offset / 8) >> (offset % 8 * 8));
    }
}

static struct search_entry entry_of(const struct classifier *cls, struct subtable *subtable)
{
    struct search_entry entry = {subtable, priorities_max(&subtable->priorities), {0}};
    for (unsigned i = 0; i < cls->n_tries; i++) {
        entry.lengths[i] = (uint8_t)prefix_length(&subtable->mask, &cls->tries[i]->field);
    }
    return entry;
}

/* Equal priorities: the older subtable first. */
static bool comes_before(const struct search_entry *a, const struct search_entry *b)
{
    return a->max_priority != b->max_priority ? a->max_priority > b->max_priority
                                              : a->subtable->seq < b->subtable->seq;
}
static int compare_entries(const void *a, const void *b)
{
    return comes_before(a, b) ? -1 : comes_before(b, a);
}

static struct search_order *make_order(const struct classifier *cls, unsigned n)
{
    struct search_order *order = xmalloc(sizeof *order + n * sizeof order->entries[0]);
    order->n = 0;
    order->n_tries = cls->n_tries;
    memcpy(order->tries, cls->tries, sizeof order->tries);
    return order;
}

static void set_order(struct classifier *cls, struct search_order *order)
{
    struct search_order *old = cls->order;
    rcu_set(&cls->order, order);
    reclaim_add(&cls->reclaim, old);
}

/* From scratch. */
static void rebuild_order(struct classifier *cls)
{
    struct search_order *order = make_order(cls, cls->n_subtables);
    for (struct subtable *s = cls->first; s; s = s->next_subtable) {
        order->entries[order->n++] = entry_of(cls, s);
    }
    qsort(order->entries, order->n, sizeof order->entries[0], compare_entries);
    set_order(cls, order);
    cls->dirty = false;
}

/* CHANGED is new, or has another maximal priority, or is gone (empty). In the last case its memory will be:
 * no waiting. */
static void update_order(struct classifier *cls, struct subtable *changed)
{
    if (changed->n_rules && (cls->deferred || cls->dirty)) {
        cls->dirty = true;
        return;
    }
    const struct search_order *old = cls->order;
    struct search_order *order = make_order(cls, old->n + 1);
    struct search_entry entry = entry_of(cls, changed);
    bool placed = !changed->n_rules;
    for (unsigned i = 0; i < old->n; i++) {
        if (old->entries[i].subtable == changed) {
            continue;
        }
        if (!placed && comes_before(&entry, &old->entries[i])) {
            order->entries[order->n++] = entry;
            placed = true;
        }
        order->entries[order->n++] = old->entries[i];
    }
    if (!placed) {
        order->entries[order->n++] = entry;
    }
    set_order(cls, order);
}

void classifier_defer(struct classifier *cls)
{
    cls->deferred = true;
}

void classifier_publish(struct classifier *cls)
{
    cls->deferred = false;
    if (cls->dirty) {
        rebuild_order(cls);
    }
    reclaim_flush(&cls->reclaim);
}

/* ---- The classifier ---- */

struct classifier *classifier_create(void)
{
    static const struct classifier_prefix defaults[] = {
        {offsetof(struct flow_key, nw_dst), 32},
        {offsetof(struct flow_key, nw_src), 32},
    };
    struct classifier *cls = xzalloc(sizeof *cls);
    classifier_set_prefixes(cls, defaults, ARRAY_SIZE(defaults));
    return cls;
}

static void destroy_trie(struct prefix_trie *trie)
{
    trie_fini(&trie->trie);
    free(trie);
}

void classifier_destroy(struct classifier *cls)
{
    if (cls) {
        assert(!cls->n_rules);
        for (unsigned i = 0; i < cls->n_tries; i++) {
            /* Without rules it has no nodes. */
            trie_fini(&cls->tries[i]->trie);
            reclaim_add(&cls->reclaim, cls->tries[i]);
        }
        reclaim_add(&cls->reclaim, cls->order);
        ptrtable_fini(&cls->by_mask, &cls->reclaim);
        reclaim_add(&cls->reclaim, cls);
        struct reclaim last = cls->reclaim;
        reclaim_flush(&last);
    }
}

static void add_to_trie(struct prefix_trie *trie, struct reclaim *reclaim, const struct classifier_rule *rule,
                        bool add)
{
    be32 prefix[TRIE_MAX_BITS / 32];
    unsigned length = prefix_length(&rule->match, &trie->field);
    if (length) {
        prefix_of(rule, &trie->field, prefix);
        (add ? trie_insert : trie_remove)(&trie->trie, reclaim, prefix, length);
    }
}

void classifier_set_prefixes(struct classifier *cls, const struct classifier_prefix *fields, size_t n)
{
    struct prefix_trie *old[CLASSIFIER_MAX_PREFIXES];
    unsigned n_old = cls->n_tries;
    memcpy(old, cls->tries, sizeof old);
    assert(n <= CLASSIFIER_MAX_PREFIXES);
    cls->n_tries = (unsigned)n;
    for (unsigned i = 0; i < n; i++) {
        struct prefix_trie *trie = xmalloc(sizeof *trie);
        trie->field = fields[i];
        trie->stage = match_stage_of(fields[i].offset);
        trie_init(&trie->trie, fields[i].n_bits);
        for (struct subtable *s = cls->first; s; s = s->next_subtable) {
            for (struct classifier_rule *rule = s->first; rule; rule = rule->next) {
                add_to_trie(trie, &cls->reclaim, rule, true);
            }
        }
        cls->tries[i] = trie;
    }
    rebuild_order(cls);
    if (n_old) {
        rcu_synchronize(); /* seldom: a change of configuration */
        for (unsigned i = 0; i < n_old; i++) {
            destroy_trie(old[i]);
        }
    }
}

static struct subtable *find_subtable(const struct classifier *cls, const struct minimatch *mask)
{
    uint32_t hash = minimatch_mask_hash(mask, 0), state = 0;
    struct subtable *subtable;
    while ((subtable = ptrtable_find(&cls->by_mask, hash, &state)) != NULL) {
        if (subtable->mask_hash == hash && minimatch_masks_equal(&subtable->mask, mask)) {
            return subtable;
        }
    }
    return NULL;
}

static uint32_t subtable_hash(const void *subtable)
{
    return ((const struct subtable *)subtable)->mask_hash;
}

static struct subtable *add_subtable(struct classifier *cls, const struct minimatch *mask)
{
    struct subtable *subtable = subtable_create(mask, cls->next_seq++);
    subtable->next_subtable = cls->first;
    if (cls->first) {
        cls->first->prev_subtable = subtable;
    }
    rcu_set(&cls->first, subtable);
    ptrtable_insert(&cls->by_mask, &cls->reclaim, subtable, subtable->mask_hash, subtable_hash);
    cls->n_subtables++;
    return subtable;
}

static void drop_subtable(struct classifier *cls, struct subtable *subtable)
{
    ptrtable_remove(&cls->by_mask, subtable, subtable->mask_hash);
    rcu_set(subtable->prev_subtable ? &subtable->prev_subtable->next_subtable : &cls->first,
            subtable->next_subtable);
    if (subtable->next_subtable) {
        subtable->next_subtable->prev_subtable = subtable->prev_subtable;
    }
    cls->n_subtables--;
    update_order(cls, subtable);
    subtable_destroy(subtable, &cls->reclaim);
}

void classifier_insert(struct classifier *cls, struct classifier_rule *rule, uint64_t version)
{
    assert(!rule->subtable);
    rule->add_version = version;
    __atomic_store_n(&rule->remove_version, CLASSIFIER_NEVER, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < cls->n_tries; i++) {
        add_to_trie(cls->tries[i], &cls->reclaim, rule, true);
    }
    struct subtable *subtable = find_subtable(cls, &rule->match);
    if (!subtable) {
        subtable = add_subtable(cls, &rule->match);
    }
    rule->subtable = subtable;
    if (subtable_insert(subtable, &cls->reclaim, rule)) {
        update_order(cls, subtable);
    }
    cls->n_rules++;
}

void classifier_remove(struct classifier *cls, struct classifier_rule *rule)
{
    struct subtable *subtable = rule->subtable;
    assert(subtable);
    bool changed = subtable_remove(subtable, &cls->reclaim, rule);
    for (unsigned i = 0; i < cls->n_tries; i++) {
        add_to_trie(cls->tries[i], &cls->reclaim, rule, false);
    }
    rule->subtable = NULL;
    cls->n_rules--;
    if (!subtable->n_rules) {
        drop_subtable(cls, subtable);
    } else if (changed) {
        update_order(cls, subtable);
    }
}

size_t classifier_count(const struct classifier *cls)
{
    return cls->n_rules;
}
size_t classifier_count_subtables(const struct classifier *cls)
{
    return cls->n_subtables;
}
bool classifier_is_empty(const struct classifier *cls)
{
    return !cls->n_rules;
}

/* ---- Lookup ---- */

struct lookup {
    uint64_t version;
    const uint64_t *key;
    uint64_t *wc; /* NULL: not asked for */
    uint16_t blocks;
    const struct search_order *order;
    unsigned tries_done; /* bit I: results[I] is there */
    struct trie_result results[CLASSIFIER_MAX_PREFIXES];
};

static void add_items(struct lookup *l, const struct subtable *subtable, unsigned n_items)
{
    for (unsigned i = 0; i < n_items; i++) {
        const struct mask_item *item = &subtable->items[i];
        l->wc[item->word] |= item->mask;
        l->blocks |= (uint16_t)FLOW_BLOCK_BIT(item->word / FLOW_BLOCK_WORDS);
    }
}

/* Adds the N leading bits of the field at OFFSET, but only those in LIMIT (all ones: no limit). */
static void add_prefix(struct lookup *l, size_t offset, unsigned n, be32 limit)
{
    unsigned char *wc = (unsigned char *)l->wc + offset;
    l->blocks |= (uint16_t)(n ? FLOW_BLOCK_BIT(offset / FLOW_BLOCK_SIZE) : 0);
    for (; n > 0; wc += 4) {
        unsigned bits = MIN(n, 32u);
        be32 old, mask = __builtin_bswap32(UINT32_MAX << (32 - bits)) & limit;
        memcpy(&old, wc, sizeof old);
        old |= mask;
        memcpy(wc, &old, sizeof old);
        n -= bits;
    }
}

/* Some prefix field of STAGES FROM to TO rules ENTRY out. */
static bool excluded_by_prefix(struct lookup *l, const struct search_entry *entry, unsigned from, unsigned to)
{
    for (unsigned i = 0; i < l->order->n_tries; i++) {
        const struct prefix_trie *trie = l->order->tries[i];
        unsigned length = entry->lengths[i];
        if (!length || trie->stage < from || trie->stage > to) {
            continue;
        }
        struct trie_result *result = &l->results[i];
        if (!(l->tries_done & (1u << i))) {
            trie_lookup(&trie->trie, (const be32 *)(const void *)((const char *)l->key + trie->field.offset),
                        result);
            l->tries_done |= 1u << i;
        }
        if (!trie_result_has(result, length)) {
            add_prefix(l, trie->field.offset, MIN(result->n_bits, length), UINT32_MAX);
            return true;
        }
    }
    return false;
}

static uint32_t hash_all(const struct subtable *subtable, const uint64_t *key)
{
    return hash_finish64(subtable_mix(subtable, key, 0, subtable->n_items, SUBTABLE_HASH_START));
}

/* The last stage missed: everything up to it was consulted, and of the ports what tells them apart from those
 * of all rules. */
static void add_last_stage(struct lookup *l, const struct subtable *subtable)
{
    if (!subtable->ports_mask) {
        add_items(l, subtable, subtable->n_items);
        return;
    }
    struct trie_result result;
    be32 ports;
    size_t offset = offsetof(struct flow_key, tp_src);
    memcpy(&ports, (const char *)l->key + offset, sizeof ports);
    ports &= subtable->ports_mask;
    trie_lookup(&subtable->ports, &ports, &result);
    add_items(l, subtable, subtable->n_cuts ? subtable->cuts[subtable->n_cuts - 1].n_items : 0);
    add_prefix(l, offset, result.n_bits, subtable->ports_mask);
}

/* A trie that ENTRY has a prefix in was not walked yet. */
static bool needs_trie(const struct lookup *l, const struct search_entry *entry)
{
    bool needs = false;
    for (unsigned i = 0; i < l->order->n_tries; i++) {
        needs |= entry->lengths[i] && !(l->tries_done & (1u << i));
    }
    return needs;
}

static struct classifier_rule *find_in_subtable(struct lookup *l, const struct search_entry *entry)
{
    const struct subtable *subtable = entry->subtable;
    struct classifier_rule *rule;
    if (!l->wc) {
        rule = subtable_find(subtable, l->key, hash_all(subtable, l->key));
        return subtable_visible(rule, l->version);
    }
    /* A walk costs as much as ten look-ups, and is for nothing if there is a rule. */
    if (needs_trie(l, entry)) {
        rule = subtable_find(subtable, l->key, hash_all(subtable, l->key));
        if (rule) {
            add_items(l, subtable, subtable->n_items);
            return subtable_visible(rule, l->version);
        }
    }
    uint64_t h = SUBTABLE_HASH_START;
    unsigned done = 0, stage = 0;
    for (unsigned i = 0; i < subtable->n_cuts; i++) {
        const struct stage_cut *cut = &subtable->cuts[i];
        if (excluded_by_prefix(l, entry, stage, cut->stage)) {
            add_items(l, subtable, done);
            return NULL;
        }
        h = subtable_mix(subtable, l->key, done, cut->n_items, h);
        done = cut->n_items;
        stage = cut->stage + 1u;
        if (!bagtable_has(&cut->hashes, hash_finish64(h))) {
            add_items(l, subtable, done);
            return NULL;
        }
    }
    if (excluded_by_prefix(l, entry, stage, N_STAGES)) {
        add_items(l, subtable, done);
        return NULL;
    }
    h = subtable_mix(subtable, l->key, done, subtable->n_items, h);
    rule = subtable_find(subtable, l->key, hash_finish64(h));
    if (!rule) {
        add_last_stage(l, subtable);
        return NULL;
    }
    add_items(l, subtable, subtable->n_items);
    return subtable_visible(rule, l->version);
}

/* The best hard match, above which soft ones go into SOFT (NULL: they are no matches). */
static struct classifier_rule *search(struct lookup *l, struct soft_matches *soft)
{
    struct classifier_rule *best = NULL;
    for (unsigned i = 0; i < l->order->n; i++) {
        const struct search_entry *entry = &l->order->entries[i];
        if (best && best->priority >= entry->max_priority) {
            break;
        }
        struct classifier_rule *rule = find_in_subtable(l, entry);
        while (rule && rule->clauses && !soft) {
            rule = subtable_visible(rcu_get(&rule->lower), l->version);
        }
        if (!rule || (best && rule->priority <= best->priority)) {
            continue;
        }
        if (rule->clauses) {
            soft_matches_add(soft, rule);
        } else {
            best = rule;
        }
    }
    return best;
}

struct classifier_rule *classifier_lookup(const struct classifier *cls, uint64_t version,
                                          struct flow_key *key, struct flow_mask *wc)
{
    struct lookup l = {.version = version,
                       .key = flow_key_words_const(key),
                       .wc = wc ? flow_key_words(&wc->bits) : NULL,
                       .order = rcu_get(&cls->order)};
    struct soft_matches soft;
    soft_matches_init(&soft);
    struct classifier_rule *best = search(&l, &soft);
    uint32_t id, saved = key->conj_id;
    while (soft_matches_resolve(&soft, &best, version, &id)) {
        key->conj_id = id;
        l.tries_done = 0;
        struct classifier_rule *rule = search(&l, NULL);
        key->conj_id = saved;
        if (rule) {
            best = rule;
            break;
        }
    }
    soft_matches_fini(&soft);
    if (wc) {
        wc->blocks |= l.blocks;
    }
    return best;
}

/* ---- Finds and cursors ---- */

struct classifier_rule *classifier_find_exactly(const struct classifier *cls, uint64_t version,
                                                const struct minimatch *match, int priority)
{
    const struct subtable *subtable = find_subtable(cls, match);
    struct classifier_rule *rule = subtable ? subtable_find_key(subtable, minimatch_key(match)) : NULL;
    while (rule && (rule->priority != priority || !classifier_rule_visible(rule, version))) {
        rule = rcu_get(&rule->lower);
    }
    return rule;
}

struct classifier_rule *classifier_find_overlapping(const struct classifier *cls, uint64_t version,
                                                    const struct minimatch *match, int priority)
{
    for (struct subtable *s = rcu_get(&cls->first); s; s = rcu_get(&s->next_subtable)) {
        for (struct classifier_rule *rule = rcu_get(&s->first); rule; rule = rcu_get(&rule->next)) {
            if (rule->priority == priority && classifier_rule_visible(rule, version) &&
                minimatch_overlaps(&rule->match, match)) {
                return rule;
            }
        }
    }
    return NULL;
}

/* More rules than this with one match are found by walking their subtable. */
#define MAX_CHAIN 64

/* Is A before B, of the rules with one match, by order of insertion? What one version brought is told apart
 * by its priority. */
static bool was_inserted_before(const struct classifier_rule *a, const struct classifier_rule *b)
{
    return a->add_version != b->add_version ? a->add_version < b->add_version : a->priority > b->priority;
}

/* Of the rules with the cursor's match, the one that was inserted next after LAST (NULL: the first). */
static struct classifier_rule *next_by_key(const struct classifier_cursor *cursor,
                                           const struct classifier_rule *last)
{
    struct classifier_rule *rule = subtable_find_key(cursor->subtable, minimatch_key(cursor->criteria));
    struct classifier_rule *next = NULL;
    for (; rule; rule = rcu_get(&rule->lower)) {
        if (classifier_rule_visible(rule, cursor->version) && (!last || was_inserted_before(last, rule)) &&
            (!next || was_inserted_before(rule, next))) {
            next = rule;
        }
    }
    return next;
}

/* The next rule in the cursor's subtable after LAST, NULL: the first. */
static struct classifier_rule *next_in_subtable(const struct classifier_cursor *cursor,
                                                const struct classifier_rule *last)
{
    if (cursor->by_key) {
        return next_by_key(cursor, last);
    }
    struct classifier_rule *rule = last ? rcu_get(&last->next) : rcu_get(&cursor->subtable->first);
    while (rule && (!classifier_rule_visible(rule, cursor->version) ||
                    (cursor->criteria && !minimatch_is_narrower(&rule->match, cursor->criteria)))) {
        rule = rcu_get(&rule->next);
    }
    return rule;
}

/* Can SUBTABLE have a rule that the cursor looks for? Then how it is looked for is decided. */
static bool enter_subtable(struct classifier_cursor *cursor, struct subtable *subtable)
{
    cursor->subtable = subtable;
    cursor->by_key = false;
    if (!cursor->criteria) {
        return true;
    }
    if (!minimatch_mask_is_within(cursor->criteria, &subtable->mask)) {
        return false;
    }
    if (minimatch_masks_equal(cursor->criteria, &subtable->mask)) {
        unsigned n = 0;
        struct classifier_rule *rule = subtable_find_key(subtable, minimatch_key(cursor->criteria));
        while (rule && n <= MAX_CHAIN) {
            rule = rcu_get(&rule->lower);
            n++;
        }
        cursor->by_key = n <= MAX_CHAIN;
        return n > 0;
    }
    return true;
}

/* The next rule from SUBTABLE on. */
static struct classifier_rule *search_subtables(struct classifier_cursor *cursor, struct subtable *subtable)
{
    for (; subtable; subtable = rcu_get(&subtable->next_subtable)) {
        struct classifier_rule *rule =
            enter_subtable(cursor, subtable) ? next_in_subtable(cursor, NULL) : NULL;
        if (rule) {
            return cursor->rule = rule;
        }
    }
    return cursor->rule = NULL;
}

struct classifier_rule *classifier_first(struct classifier_cursor *cursor, const struct classifier *cls,
                                         uint64_t version, const struct minimatch *criteria)
{
    *cursor = (struct classifier_cursor){.cls = cls, .version = version, .criteria = criteria};
    return search_subtables(cursor, rcu_get(&cls->first));
}

struct classifier_rule *classifier_next(struct classifier_cursor *cursor)
{
    struct classifier_rule *rule = cursor->rule ? next_in_subtable(cursor, cursor->rule) : NULL;
    if (!rule && cursor->rule) {
        return search_subtables(cursor, rcu_get(&cursor->subtable->next_subtable));
    }
    return cursor->rule = rule;
}
