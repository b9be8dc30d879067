/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/rule.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "openflow/group_codec.h"
#include "pipeline/change.h"
#include "pipeline/changes.h"
#include "pipeline/meter.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/slow_path.h"
#include "pipeline/stat_trigger.h"

#define COUNTED_AT_ONCE 64 /* rules that go */

/* ------------------------------------------------------------------ references and counters */

static void free_rule(struct rule *rule)
{
    if (__atomic_sub_fetch(&rule->counters->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        free(rule->counters);
    }
    classifier_rule_fini(&rule->cr);
    free(rule->actions);
    free(rule);
}

static void free_rule_rcu(struct rcu_head *head)
{
    free_rule(CONTAINER_OF(head, struct rule, rcu));
}

bool rule_try_ref(struct rule *rule)
{
    int refs = __atomic_load_n(&rule->refs, __ATOMIC_RELAXED);
    do {
        if (!refs) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&rule->refs, &refs, refs + 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return true;
}

void rule_unref(struct rule *rule)
{
    if (rule && __atomic_sub_fetch(&rule->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        rcu_postpone(&rule->rcu, free_rule_rcu);
    }
}

void rule_credit(struct rule *rule, uint64_t packets, uint64_t bytes, int64_t used_ms)
{
    struct rule_counters *c = rule->counters;
    __atomic_fetch_add(&c->packets, packets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&c->bytes, bytes, __ATOMIC_RELAXED);
    int64_t used = __atomic_load_n(&c->used_ms, __ATOMIC_RELAXED);
    while (used_ms > used && !__atomic_compare_exchange_n(&c->used_ms, &used, used_ms, true, __ATOMIC_RELAXED,
                                                          __ATOMIC_RELAXED)) {
    }
}

static void reduce(uint16_t *timeout, uint16_t max)
{
    uint16_t now = __atomic_load_n(timeout, __ATOMIC_RELAXED);
    if (max && (!now || now > max)) {
        __atomic_store_n(timeout, max, __ATOMIC_RELAXED);
    }
}

void rule_reduce_timeouts(struct rule *rule, uint16_t idle, uint16_t hard)
{
    reduce(&rule->idle_timeout, idle);
    reduce(&rule->hard_timeout, hard);
}

/* ------------------------------------------------------------------ lookup */

uint64_t ofproto_rules_version(const struct ofproto *ofproto)
{
    return __atomic_load_n(&ofproto->version, __ATOMIC_ACQUIRE);
}

struct rule *ofproto_lookup(const struct ofproto *ofproto, uint64_t version, uint8_t table_id,
                            struct flow_key *key, struct flow_mask *wc)
{
    if (table_id >= OFPROTO_N_TABLES) {
        return NULL;
    }
    struct classifier_rule *cr = classifier_lookup(ofproto->tables[table_id].cls, version, key, wc);
    return cr ? CONTAINER_OF(cr, struct rule, cr) : NULL;
}

/* ------------------------------------------------------------------ changes */

void change_init(struct change *c, struct ofproto *ofproto, bool internal)
{
    *c = (struct change){.ofproto = ofproto, .version = ofproto->version + 1, .internal = internal};
    list_init(&c->added);
    list_init(&c->removed);
}

static struct rule *make_rule(struct ofproto *ofproto, bool internal, const struct flow_mod *mod,
                              uint8_t table_id)
{
    struct rule *rule = xzalloc(sizeof *rule);
    struct minimatch match;
    match_compress(&mod->match, &match);
    classifier_rule_init_match(&rule->cr, &match, mod->priority);
    rule->ofproto = ofproto;
    rule->table_id = table_id;
    rule->cookie = mod->new_cookie == UINT64_MAX ? 0 : mod->new_cookie;
    rule->idle_timeout = mod->idle_timeout;
    rule->hard_timeout = mod->hard_timeout;
    rule->importance = mod->importance;
    rule->flags = mod->flags & FLOW_FLAGS_WIRE;
    if (internal && table_id == OFPROTO_TABLE_INTERNAL) {
        rule->flags |= RULE_HIDDEN;
    }
    rule->refs = 1;
    rule->pending = true;
    rule->created_ms = rule->modified_ms = clock_ms();
    rule->counters = xzalloc(sizeof *rule->counters);
    rule->counters->refs = 1;
    rule->counters->used_ms = rule->created_ms;
    rule->actions_len = mod->ofpacts.len;
    rule->actions = mod->ofpacts.len ? xmemdup(mod->ofpacts.data, mod->ofpacts.len) : NULL;
    list_init(&rule->expirable);

    /* conjunction() actions make it a soft match. */
    struct classifier_clause clauses[64];
    unsigned n = 0;
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, rule->actions, rule->actions_len) {
        if (a->type == OFPACT_CONJUNCTION && n < ARRAY_SIZE(clauses)) {
            const struct ofpact_conjunction *conj = OFPACT_CAST(CONJUNCTION, a);
            clauses[n++] = (struct classifier_clause){conj->id, conj->clause, conj->n_clauses};
        }
    }
    if (n) {
        classifier_rule_set_clauses(&rule->cr, clauses, n);
    }
    return rule;
}

static void add_rule(struct change *c, struct rule *rule)
{
    classifier_insert(c->ofproto->tables[rule->table_id].cls, &rule->cr, c->version);
    list_push_back(&c->added, &rule->change);
    c->ofproto->tables[rule->table_id].n_change++;
}

/* SUCCESSOR (may be NULL) takes its place. */
static void remove_rule(struct change *c, struct rule *rule, struct rule *successor, uint8_t removal)
{
    struct oftable *table = &c->ofproto->tables[rule->table_id];
    table->n_change--;
    if (rule->pending) { /* made and taken away by one change: nobody has seen it */
        struct rule *before = rule->other;
        if (before) {
            before->other = successor;
            before->removal = removal;
        }
        if (successor) {
            successor->other = before;
        }
        list_remove(&rule->change);
        classifier_remove(table->cls, &rule->cr);
        rule_unref(rule);
        return;
    }
    classifier_rule_set_remove_version(&rule->cr, c->version);
    rule->other = successor;
    rule->removal = removal;
    rule->leaving = true;
    if (successor) {
        successor->other = rule;
    }
    list_push_back(&c->removed, &rule->change);
}

void change_remove_rule(struct change *c, struct rule *rule, uint8_t removal)
{
    remove_rule(c, rule, NULL, removal);
}

static struct rule *evictable(struct ofproto *ofproto, const struct oftable *table)
{
    /* Of rules that expire, the one with the least importance, then the least time left. */
    struct rule *rule, *best = NULL;
    LIST_FOR_EACH (rule, expirable, &ofproto->expirable) {
        if (&ofproto->tables[rule->table_id] != table || rule->leaving) {
            continue;
        }
        if (!best || rule->importance < best->importance ||
            (rule->importance == best->importance &&
             rule->counters->used_ms + rule->idle_timeout * 1000 <
                 best->counters->used_ms + best->idle_timeout * 1000)) {
            best = rule;
        }
    }
    return best;
}

/* Takes RULE over. */
static enum ofperr add_new(struct change *c, struct rule *rule)
{
    struct oftable *table = &c->ofproto->tables[rule->table_id];
    if (table->hidden && !c->internal) {
        free_rule(rule);
        return OFPERR_OFPBRC_EPERM;
    }
    struct classifier_rule *old =
        classifier_find_exactly(table->cls, c->version, &rule->cr.match, rule->cr.priority);
    if (!old && (rule->flags & FLOW_CHECK_OVERLAP) &&
        classifier_find_overlapping(table->cls, c->version, &rule->cr.match, rule->cr.priority)) {
        free_rule(rule);
        return OFPERR_OFPFMFC_OVERLAP;
    }
    if (old) {
        struct rule *before = CONTAINER_OF(old, struct rule, cr);
        if ((before->flags & RULE_HIDDEN) && !c->internal) {
            free_rule(rule);
            return OFPERR_OFPBRC_EPERM;
        }
        remove_rule(c, before, rule, RULE_REPLACED);
    } else if ((size_t)((ssize_t)table->n_rules + table->n_change) >= table->max_rules) {
        struct rule *victim = table->eviction || table->evict_by_config ? evictable(c->ofproto, table) : NULL;
        if (!victim) {
            free_rule(rule);
            return OFPERR_OFPFMFC_TABLE_FULL;
        }
        remove_rule(c, victim, NULL, RULE_EVICTION);
    }
    add_rule(c, rule);
    return OFPERR_NONE;
}

static enum ofperr apply_add(struct change *c, const struct flow_mod *mod)
{
    uint8_t table_id = mod->table_id == OFPTT_ALL ? 0 : mod->table_id;
    return table_id < OFPROTO_N_TABLES ? add_new(c, make_rule(c->ofproto, c->internal, mod, table_id))
                                       : OFPERR_OFPBRC_BAD_TABLE_ID;
}

struct rule *change_prepare_rule(struct ofproto *ofproto, const struct flow_mod *mod)
{
    uint8_t table_id = mod->table_id == OFPTT_ALL ? 0 : mod->table_id;
    return mod->command == FLOW_ADD && table_id < OFPROTO_TABLE_INTERNAL && !ofproto->tun_md.layout.known
               ? make_rule(ofproto, false, mod, table_id)
               : NULL;
}

void change_forget_rule(struct rule *rule)
{
    free_rule(rule);
}

enum ofperr change_add_rule(struct change *c, struct rule *rule)
{
    rule->created_ms = rule->modified_ms = rule->counters->used_ms = clock_ms();
    return add_new(c, rule);
}

/* RULE with the actions of MOD: a new one that keeps match, age, time-outs and, unless they are to be reset,
 * counters. */
static void replace_actions(struct change *c, struct rule *old, const struct flow_mod *mod)
{
    struct flow_mod copy = *mod;
    struct rule *rule;
    match_expand(&old->cr.match, &c->ofproto->tun_md.layout, &copy.match);
    copy.priority = (uint16_t)old->cr.priority;
    copy.new_cookie = mod->modify_cookie && mod->new_cookie != UINT64_MAX ? mod->new_cookie : old->cookie;
    copy.idle_timeout = old->idle_timeout;
    copy.hard_timeout = old->hard_timeout;
    copy.importance = old->importance;
    copy.flags = (uint8_t)old->flags;
    rule = make_rule(c->ofproto, c->internal, &copy, old->table_id);
    rule->cr.priority = old->cr.priority;
    rule->is_modification = true;
    rule->flags = old->flags;
    rule->created_ms = old->created_ms;
    if (!(mod->flags & FLOW_RESET_COUNTS)) {
        free(rule->counters);
        rule->counters = old->counters;
        __atomic_add_fetch(&rule->counters->refs, 1, __ATOMIC_RELAXED);
    }
    remove_rule(c, old, rule, RULE_REPLACED);
    add_rule(c, rule);
}

static bool selected(const struct rule *rule, const struct flow_mod *criteria, bool internal)
{
    return (internal || !(rule->flags & RULE_HIDDEN)) &&
           !((rule->cookie ^ criteria->cookie) & criteria->cookie_mask) &&
           (criteria->out_port == OFPP_ANY ||
            ofpacts_output_to_port(rule->actions, rule->actions_len, criteria->out_port)) &&
           (criteria->out_group == OFPG_ANY ||
            ofpacts_output_to_group(rule->actions, rule->actions_len, criteria->out_group));
}

static struct rule **collect(struct ofproto *ofproto, uint64_t version, const struct flow_mod *criteria,
                             bool strict, bool internal, size_t *n_out)
{
    struct rule **rules = NULL;
    size_t n = 0, allocated = 0;
    struct minimatch match;
    match_compress(&criteria->match, &match);
    for (unsigned t = 0; t < OFPROTO_N_TABLES; t++) {
        if (criteria->table_id == OFPTT_ALL ? ofproto->tables[t].hidden && !internal
                                            : criteria->table_id != t) {
            continue;
        }
        struct classifier *cls = ofproto->tables[t].cls;
        struct classifier_cursor cursor;
        struct classifier_rule *cr;
        if (strict) {
            cr = classifier_find_exactly(cls, version, &match, criteria->priority);
            if (cr && selected(CONTAINER_OF(cr, struct rule, cr), criteria, internal)) {
                if (n == allocated) {
                    rules = x2nrealloc(rules, &allocated, sizeof *rules);
                }
                rules[n++] = CONTAINER_OF(cr, struct rule, cr);
            }
            continue;
        }
        CLASSIFIER_FOR_EACH (cr, &cursor, cls, version, &match) {
            if (selected(CONTAINER_OF(cr, struct rule, cr), criteria, internal)) {
                if (n == allocated) {
                    rules = x2nrealloc(rules, &allocated, sizeof *rules);
                }
                rules[n++] = CONTAINER_OF(cr, struct rule, cr);
            }
        }
    }
    minimatch_fini(&match);
    *n_out = n;
    return rules;
}

struct rule **ofproto_collect_rules(struct ofproto *ofproto, const struct flow_mod *criteria, bool strict,
                                    bool internal, size_t *n)
{
    return collect(ofproto, ofproto->version, criteria, strict, internal, n);
}

enum ofperr change_flow_mod(struct change *c, const struct flow_mod *mod, uint8_t removal)
{
    if (mod->table_id != OFPTT_ALL) {
        if (mod->table_id >= OFPROTO_N_TABLES) {
            return OFPERR_OFPBRC_BAD_TABLE_ID;
        }
        if (c->ofproto->tables[mod->table_id].hidden && !c->internal) {
            return OFPERR_OFPBRC_EPERM;
        }
    }
    if (mod->command == FLOW_ADD) {
        return apply_add(c, mod);
    }
    bool strict = mod->command == FLOW_MODIFY_STRICT || mod->command == FLOW_DELETE_STRICT;
    bool modify = mod->command == FLOW_MODIFY || mod->command == FLOW_MODIFY_STRICT;
    size_t n;
    /* Only a deletion looks at where flows output to. */
    struct flow_mod criteria = *mod;
    if (modify) {
        criteria.out_port = OFPP_ANY;
        criteria.out_group = OFPG_ANY;
    }
    struct rule **rules = collect(c->ofproto, c->version, &criteria, strict, c->internal, &n);
    enum ofperr error = OFPERR_NONE;
    for (size_t i = 0; i < n; i++) {
        if (modify) {
            replace_actions(c, rules[i], mod);
        } else {
            remove_rule(c, rules[i], NULL, removal);
        }
    }
    free(rules);
    /* OpenFlow 1.0's and Nicira's: a modification that meets no rule adds one, unless it speaks of a cookie.
     */
    if (modify && !n && !mod->cookie_mask && mod->new_cookie != UINT64_MAX) {
        error = apply_add(c, mod);
    }
    return error;
}

void change_revert(struct change *c)
{
    struct rule *rule, *next;
    LIST_FOR_EACH_SAFE (rule, next, change, &c->removed) {
        classifier_rule_set_remove_version(&rule->cr, CLASSIFIER_NEVER);
        c->ofproto->tables[rule->table_id].n_change = 0;
        rule->other = NULL;
        rule->leaving = false;
    }
    LIST_FOR_EACH_SAFE (rule, next, change, &c->added) {
        c->ofproto->tables[rule->table_id].n_change = 0;
        classifier_remove(c->ofproto->tables[rule->table_id].cls, &rule->cr);
        rule_unref(rule);
    }
    change_revert_groups(c);
}

/* It has a time-out, or may get one. */
static bool may_expire(const struct rule *rule)
{
    const struct ofpact *a;
    if (rule->idle_timeout || rule->hard_timeout) {
        return true;
    }
    OFPACT_FOR_EACH (a, rule->actions, rule->actions_len) {
        if (a->type == OFPACT_FIN_TIMEOUT) {
            return true;
        }
    }
    return false;
}

/* The number of rules in their tables has changed. */
static void tell_vacancy(struct ofproto *ofproto, const struct list *rules)
{
    unsigned last = OFPROTO_N_TABLES;
    const struct rule *rule;
    LIST_FOR_EACH (rule, change, rules) {
        if (rule->table_id != last) {
            last = rule->table_id;
            openflow_table_changed(ofproto, last);
        }
    }
}

static void leave(struct change *c, struct rule *rule)
{
    struct ofproto *ofproto = c->ofproto;
    const struct pipeline_hooks *hooks = &ofproto->pipeline->hooks;
    struct oftable *table = &ofproto->tables[rule->table_id];
    table->n_change = 0;
    __atomic_store_n(&rule->removed, true, __ATOMIC_RELEASE);
    list_remove(&rule->expirable);
    list_init(&rule->expirable);
    stat_trigger_rule_leaves(rule);
    if (!(rule->flags & RULE_HIDDEN)) {
        table->n_rules--;
        ofproto->n_rules--;
    }
    groups_count_rule(ofproto, rule, -1);
    meters_count_rule(ofproto, rule, -1);
    changes_note_rule(ofproto, rule, false);
    if (!rule->other) {
        openflow_monitor_removed(c, rule);
    }
    if (!rule->other && hooks->rule_removed) {
        hooks->rule_removed(ofproto, rule, rule->removal, hooks->aux);
    }
}

static void enter(struct change *c, struct rule *rule)
{
    struct ofproto *ofproto = c->ofproto;
    const struct pipeline_hooks *hooks = &ofproto->pipeline->hooks;
    struct oftable *table = &ofproto->tables[rule->table_id];
    table->n_change = 0;
    rule->pending = false;
    openflow_monitor_added(c, rule, rule->other);
    rule->other = NULL;
    if (!(rule->flags & RULE_HIDDEN)) {
        table->n_rules++;
        ofproto->n_rules++;
    }
    if (may_expire(rule)) {
        list_push_back(&ofproto->expirable, &rule->expirable);
    }
    stat_trigger_rule_enters(rule);
    groups_count_rule(ofproto, rule, 1);
    meters_count_rule(ofproto, rule, 1);
    changes_note_rule(ofproto, rule, true);
    if (hooks->rule_added) {
        hooks->rule_added(ofproto, rule, hooks->aux);
    }
}

static bool is_told(const struct rule *rule)
{
    return rule->flags & FLOW_SEND_FLOW_REM && !rule->other && rule->removal != RULE_REPLACED;
}

/* The last words of rules that go have their counters: those are as of now. */
static void count_removed(struct change *c)
{
    struct rule *rules[COUNTED_AT_ONCE];
    struct rule *rule;
    size_t n = 0;
    if (!c->ofproto->pipeline->hooks.rule_removed) {
        return;
    }
    LIST_FOR_EACH (rule, change, &c->removed) {
        if (is_told(rule)) {
            rules[n++] = rule;
        }
        if (n == COUNTED_AT_ONCE) {
            slow_path_count_rules(c->ofproto->backer->slow_path, rules, n);
            n = 0;
        }
    }
    if (n) {
        slow_path_count_rules(c->ofproto->backer->slow_path, rules, n);
    }
}

void change_commit(struct change *c)
{
    struct ofproto *ofproto = c->ofproto;
    struct rule *rule, *next;
    if (list_is_empty(&c->added) && list_is_empty(&c->removed) && !c->groups) {
        return;
    }
    count_removed(c);
    change_swap_groups(c);
    __atomic_store_n(&ofproto->version, c->version, __ATOMIC_RELEASE);
    LIST_FOR_EACH (rule, change, &c->removed) {
        leave(c, rule);
    }
    LIST_FOR_EACH_SAFE (rule, next, change, &c->added) {
        enter(c, rule);
    }
    openflow_monitor_flush(ofproto);
    tell_vacancy(ofproto, &c->removed);
    tell_vacancy(ofproto, &c->added);
    if (!list_is_empty(&c->removed)) {
        reaper_add(ofproto, &c->removed);
    }
    change_release_groups(c);
}

enum ofperr ofproto_flow_mods(struct ofproto *ofproto, const struct flow_mod *const *mods, size_t n,
                              bool internal, uint8_t removal, size_t *failed)
{
    struct change c;
    enum ofperr error = OFPERR_NONE;
    change_init(&c, ofproto, internal);
    for (size_t i = 0; i < n && !error; i++) {
        error = change_flow_mod(&c, mods[i], removal);
        if (error && failed) {
            *failed = i;
        }
    }
    if (error) {
        change_revert(&c);
    } else {
        change_commit(&c);
    }
    return error;
}

void ofproto_set_hidden_rule(struct ofproto *ofproto, const struct match *match, int priority,
                             const struct ofpact *actions, size_t actions_len)
{
    struct change c;
    struct flow_mod mod;
    struct minimatch mini;
    change_init(&c, ofproto, true);
    match_compress(match, &mini);
    struct classifier_rule *old =
        classifier_find_exactly(ofproto->tables[0].cls, ofproto->version, &mini, priority);
    minimatch_fini(&mini);
    struct rule *rule = NULL;
    if (actions_len) {
        flow_mod_init(&mod);
        mod.match = *match;
        mod.table_id = 0;
        bytebuf_put(&mod.ofpacts, actions, actions_len);
        rule = make_rule(ofproto, true, &mod, 0);
        rule->cr.priority = priority;
        rule->flags |= RULE_HIDDEN;
        flow_mod_fini(&mod);
    }
    if (old) {
        remove_rule(&c, CONTAINER_OF(old, struct rule, cr), rule, RULE_REPLACED);
    }
    if (rule) {
        add_rule(&c, rule);
    }
    change_commit(&c);
}

/* ------------------------------------------------------------------ rules that went */

/* Rules removed by one change: out of the classifier when no reader of the version before is left. */
struct reaper_batch {
    struct rcu_head rcu;
    struct list node;  /* in ofproto.reaper */
    struct list rules; /* struct rule, by `change` */
    bool ready;        /* atomic: a grace period is over */
    struct ofproto *ofproto;
};

static void batch_is_ready(struct rcu_head *head)
{
    struct reaper_batch *batch = CONTAINER_OF(head, struct reaper_batch, rcu);
    struct pipeline *p = batch->ofproto->pipeline;
    __atomic_store_n(&batch->ready, true, __ATOMIC_RELEASE);
    pipeline_wake(p);
}

static void reap_batch(struct reaper_batch *batch)
{
    struct rule *rule, *next;
    LIST_FOR_EACH_SAFE (rule, next, change, &batch->rules) {
        classifier_remove(batch->ofproto->tables[rule->table_id].cls, &rule->cr);
        rule_unref(rule);
    }
    list_remove(&batch->node);
    free(batch);
}

void reaper_add(struct ofproto *ofproto, struct list *rules)
{
    struct reaper_batch *batch = xzalloc(sizeof *batch);
    list_init(&batch->rules);
    list_splice_back(&batch->rules, rules);
    batch->ofproto = ofproto;
    list_push_back(&ofproto->reaper, &batch->node);
    if (ofproto->backer->dp->ops->is_inline) {
        reap_batch(batch); /* no other thread translates */
        return;
    }
    rcu_postpone(&batch->rcu, batch_is_ready);
    task_schedule_in(ofproto->pipeline->queue, &ofproto->reap, 100);
}

void ofproto_reap_rules(struct ofproto *ofproto)
{
    struct reaper_batch *batch, *next;
    LIST_FOR_EACH_SAFE (batch, next, node, &ofproto->reaper) {
        if (!__atomic_load_n(&batch->ready, __ATOMIC_ACQUIRE)) {
            break;
        }
        reap_batch(batch);
    }
}

static void run_reap(struct task *task)
{
    struct ofproto *ofproto = CONTAINER_OF(task, struct ofproto, reap);
    ofproto_reap_rules(ofproto);
    if (!list_is_empty(&ofproto->reaper)) {
        task_schedule_in(ofproto->pipeline->queue, task, 100);
    }
}

/* ------------------------------------------------------------------ time-outs */

/* Nobody has used it for as long as it may be idle. What the last pass over the flows has seen says no; then
 * its flows are asked. */
static bool is_idle(struct rule *rule, uint16_t idle_s, int64_t now)
{
    for (int ask = 0; ask < 2; ask++) {
        if (now <= __atomic_load_n(&rule->counters->used_ms, __ATOMIC_RELAXED) + idle_s * 1000) {
            return false;
        }
        if (!ask) {
            slow_path_count_rules(rule->ofproto->backer->slow_path, &rule, 1);
        }
    }
    return true;
}

void ofproto_run_expiry(struct ofproto *ofproto)
{
    int64_t now = clock_ms();
    struct change c;
    struct rule *rule;
    change_init(&c, ofproto, true);
    LIST_FOR_EACH (rule, expirable, &ofproto->expirable) {
        uint16_t hard_s = __atomic_load_n(&rule->hard_timeout, __ATOMIC_RELAXED);
        uint16_t idle_s = __atomic_load_n(&rule->idle_timeout, __ATOMIC_RELAXED);
        if (hard_s && now > rule->modified_ms + hard_s * 1000) {
            remove_rule(&c, rule, NULL, RULE_HARD_TIMEOUT);
        } else if (idle_s && is_idle(rule, idle_s, now)) {
            remove_rule(&c, rule, NULL, RULE_IDLE_TIMEOUT);
        }
    }
    change_commit(&c);
}

static void run_expiry(struct task *task)
{
    struct ofproto *ofproto = CONTAINER_OF(task, struct ofproto, expiry);
    ofproto_run_expiry(ofproto);
    task_schedule_in(ofproto->pipeline->queue, task, 1000);
}

/* ------------------------------------------------------------------ tables */

static struct rule *add_internal(struct ofproto *ofproto, int priority, int reg0,
                                 const struct ofpact *actions, size_t len)
{
    struct flow_mod mod;
    flow_mod_init(&mod);
    mod.command = FLOW_ADD;
    mod.table_id = OFPROTO_TABLE_INTERNAL;
    mod.priority = (uint16_t)priority;
    mod.new_cookie = 0;
    mod.idle_timeout = mod.hard_timeout = 0;
    if (reg0) {
        mod.match.flow.regs[0] = (uint32_t)reg0;
        mod.match.wc.bits.regs[0] = UINT32_MAX;
    } else {
        mod.match.flow.recirc_id = 0;
        mod.match.wc.bits.recirc_id = UINT32_MAX;
    }
    mod.match.wc.blocks = (uint16_t)flow_mask_find_blocks(&mod.match.wc);
    bytebuf_put(&mod.ofpacts, actions, len);
    ofproto_flow_mods(ofproto, &(const struct flow_mod *){&mod}, 1, true, RULE_REPLACED, NULL);
    struct minimatch match;
    match_compress(&mod.match, &match);
    struct classifier_rule *cr = classifier_find_exactly(ofproto->tables[OFPROTO_TABLE_INTERNAL].cls,
                                                         ofproto->version, &match, priority);
    minimatch_fini(&match);
    flow_mod_fini(&mod);
    return CONTAINER_OF(cr, struct rule, cr);
}

void ofproto_tables_init(struct ofproto *ofproto)
{
    ofproto->version = 1;
    list_init(&ofproto->expirable);
    list_init(&ofproto->reaper);
    stat_triggers_init(ofproto);
    ofproto->tables = xcalloc(OFPROTO_N_TABLES, sizeof *ofproto->tables);
    for (unsigned i = 0; i < OFPROTO_N_TABLES; i++) {
        ofproto->tables[i].cls = classifier_create();
        struct oftable *t = &ofproto->tables[i];
        t->max_rules = t->max_by_config = t->max_by_openflow = SIZE_MAX;
    }
    ofproto->tables[OFPROTO_TABLE_INTERNAL].hidden = true;
    task_init(&ofproto->expiry, "rule expiry", run_expiry);
    task_init(&ofproto->reap, "rule reaping", run_reap);
    task_schedule_in(ofproto->pipeline->queue, &ofproto->expiry, 1000);

    /* What happens to a packet that no rule takes: told to controllers, or not; and to fragments in a switch
     * that drops them. They are rules so that they count. */
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct ofpact_controller *c = OFPACT_PUT(CONTROLLER, &b);
    c->max_len = UINT16_MAX;
    c->reason = OFPR_IMPLICIT_MISS;
    c->meter_id = OFPM_NONE;
    c->provider_meter_id = OFPM_NONE;
    ofpact_finish(&b, 0);
    add_internal(ofproto, 2, 0, NULL, 0);
    ofproto->miss_rule = add_internal(ofproto, 0, 1, (const struct ofpact *)(const void *)b.data, b.len);
    ofproto->no_packet_in_rule = add_internal(ofproto, 0, 2, NULL, 0);
    ofproto->drop_frags_rule = add_internal(ofproto, 0, 3, NULL, 0);
    bytebuf_fini(&b);
}

static void set_name(struct oftable *t, const char *name)
{
    if (name ? !t->name || strcmp(name, t->name) : t->name != NULL) {
        free(t->name);
        t->name = name ? xstrdup(name) : NULL;
    }
}

void oftable_set_by_openflow(struct oftable *t, const char *name, size_t max_rules)
{
    free(t->openflow_name);
    t->openflow_name = *name ? xstrdup(name) : NULL;
    if (!t->name_by_config) {
        set_name(t, t->openflow_name);
    }
    t->max_by_openflow = max_rules;
    t->max_rules = MIN(t->max_by_config, t->max_by_openflow);
}

void ofproto_set_table(struct ofproto *ofproto, unsigned id, const struct ofproto_table_settings *s)
{
    struct oftable *t = &ofproto->tables[id];
    const char *name = s ? s->name : NULL;
    t->name_by_config = name != NULL;
    set_name(t, name ? name : t->openflow_name);
    t->max_by_config = s ? s->max_rules : SIZE_MAX;
    t->max_rules = MIN(t->max_by_config, t->max_by_openflow);
    t->evict_by_config = s && s->evict;
    if (!t->evict_by_config && !t->eviction) {
        return;
    }
    struct rule *victim;
    while (t->n_rules > t->max_rules && (victim = evictable(ofproto, t))) {
        struct change c;
        change_init(&c, ofproto, false);
        change_remove_rule(&c, victim, RULE_EVICTION);
        change_commit(&c);
    }
}

void ofproto_flush(struct ofproto *ofproto)
{
    struct flow_mod rules;
    struct group_mod groups;
    struct change c;
    flow_mod_init(&rules);
    rules.command = FLOW_DELETE;
    rules.table_id = OFPTT_ALL;
    group_mod_init(&groups);
    groups.command = GROUP_DELETE;
    groups.group_id = OFPG_ALL;
    change_init(&c, ofproto, false);
    change_flow_mod(&c, &rules, RULE_DELETE);
    change_group_mod(&c, &groups);
    change_commit(&c);
    group_mod_fini(&groups);
    flow_mod_fini(&rules);
    ofproto_meter_delete(ofproto, OFPM_ALL);
}

void ofproto_tables_fini(struct ofproto *ofproto)
{
    task_cancel(&ofproto->expiry);
    task_cancel(&ofproto->reap);
    struct flow_mod all;
    flow_mod_init(&all);
    all.command = FLOW_DELETE;
    all.table_id = OFPTT_ALL;
    ofproto_flow_mods(ofproto, &(const struct flow_mod *){&all}, 1, true, RULE_REPLACED, NULL);
    flow_mod_fini(&all);
    while (!list_is_empty(&ofproto->reaper)) {
        rcu_barrier_all();
        ofproto_reap_rules(ofproto);
    }
    task_cancel(&ofproto->reap);
    stat_triggers_fini(ofproto);
    for (unsigned i = 0; i < OFPROTO_N_TABLES; i++) {
        classifier_destroy(ofproto->tables[i].cls);
        free(ofproto->tables[i].name);
        free(ofproto->tables[i].openflow_name);
    }
    free(ofproto->tables);
}

void rule_format(const struct rule *rule, int64_t now_ms, bool offload_stats, struct strbuf *s)
{
    if (rule->table_id) {
        strbuf_printf(s, "table_id=%u, ", rule->table_id);
    }
    strbuf_printf(s, "duration=%" PRId64 "s, n_packets=%" PRIu64 ", n_bytes=%" PRIu64 ", ",
                  (now_ms - rule->created_ms) / 1000,
                  __atomic_load_n(&rule->counters->packets, __ATOMIC_RELAXED),
                  __atomic_load_n(&rule->counters->bytes, __ATOMIC_RELAXED));
    if (offload_stats) { /* nothing is counted by hardware */
        strbuf_puts(s, "n_offload_packets=0, n_offload_bytes=0, ");
    }
    struct match match;
    match_expand(&rule->cr.match, &rule->ofproto->tun_md.layout, &match);
    match_format(&match, NULL, s, rule->cr.priority);
    strbuf_chomp(s, ',');
    strbuf_puts(s, ",actions=");
    ofpacts_format(rule->actions, rule->actions_len, NULL, s);
}
