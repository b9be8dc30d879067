/* SPDX-License-Identifier: Apache-2.0 */
#include "match/conjunction.h"

#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "match/subtable.h"

void soft_matches_init(struct soft_matches *soft)
{
    soft->rules = soft->some;
    soft->n = 0;
    soft->allocated = SOFT_MATCHES_INLINE;
    soft->ids = NULL;
    soft->n_ids = soft->next_id = 0;
    soft->at_work = false;
}

void soft_matches_fini(struct soft_matches *soft)
{
    if (soft->rules != soft->some) {
        free(soft->rules);
    }
    free(soft->ids);
}

void soft_matches_add(struct soft_matches *soft, struct classifier_rule *rule)
{
    if (soft->n == soft->allocated) {
        struct classifier_rule **rules = xmalloc(2 * (size_t)soft->n * sizeof *rules);
        memcpy(rules, soft->rules, soft->n * sizeof *rules);
        if (soft->rules != soft->some) {
            free(soft->rules);
        }
        soft->rules = rules;
        soft->allocated = 2 * soft->n;
    }
    soft->rules[soft->n++] = rule;
}

static int top_priority(const struct soft_matches *soft)
{
    int top = INT_MIN;
    for (unsigned i = 0; i < soft->n; i++) {
        top = MAX(top, soft->rules[i]->priority);
    }
    return top;
}

struct tally {
    uint32_t id;
    uint8_t n_clauses;
    unsigned order; /* of appearance */
    uint64_t met;   /* bit C: clause C */
};

static int compare_tallies(const void *a_, const void *b_)
{
    const struct tally *a = a_, *b = b_;
    if (a->id != b->id) {
        return a->id < b->id ? -1 : 1;
    }
    return a->n_clauses - b->n_clauses;
}

static int compare_orders(const void *a_, const void *b_)
{
    const struct tally *a = a_, *b = b_;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Adds up the tallies of one conjunction each; keeps those whose clauses are all met. Clauses that disagree
 * on how many there are do not add up. Returns how many are left. */
static unsigned keep_met(struct tally *tallies, unsigned n)
{
    unsigned n_met = 0;
    qsort(tallies, n, sizeof *tallies, compare_tallies);
    for (unsigned i = 0, end; i < n; i = end) {
        struct tally sum = tallies[i];
        for (end = i + 1; end < n && !compare_tallies(&tallies[i], &tallies[end]); end++) {
            sum.met |= tallies[end].met;
            sum.order = MIN(sum.order, tallies[end].order);
        }
        if (sum.n_clauses && sum.met == UINT64_MAX >> (64 - MIN(sum.n_clauses, 64u))) {
            tallies[n_met++] = sum;
        }
    }
    return n_met;
}

/* Lists in soft->ids the conjunctions met by the soft matches of PRIORITY, in the order in which their
 * clauses stand in the rules (as the reference tries them, which tries the first only). */
static void collect_ids(struct soft_matches *soft, int priority)
{
    unsigned n = 0;
    for (unsigned i = 0; i < soft->n; i++) {
        n += soft->rules[i]->priority == priority ? soft->rules[i]->clauses->n : 0;
    }
    struct tally *tallies = xmalloc(n * sizeof *tallies);
    n = 0;
    for (unsigned i = 0; i < soft->n; i++) {
        const struct classifier_clauses *clauses = soft->rules[i]->clauses;
        for (unsigned j = 0; soft->rules[i]->priority == priority && j < clauses->n; j++) {
            const struct classifier_clause *c = &clauses->clause[j];
            tallies[n] = (struct tally){c->id, c->n_clauses, n, UINT64_C(1) << (c->clause & 63)};
            n++;
        }
    }
    n = keep_met(tallies, n);
    qsort(tallies, n, sizeof *tallies, compare_orders);
    free(soft->ids);
    soft->ids = xmalloc((n + 1) * sizeof *soft->ids);
    for (unsigned i = 0; i < n; i++) {
        soft->ids[i] = tallies[i].id;
    }
    soft->n_ids = n;
    soft->next_id = 0;
    free(tallies);
}

/* Replaces the soft matches of PRIORITY by what stands below them in their chains. */
static void step_down(struct soft_matches *soft, int priority, struct classifier_rule **best,
                      uint64_t version)
{
    unsigned n = 0;
    for (unsigned i = 0; i < soft->n; i++) {
        struct classifier_rule *rule = soft->rules[i];
        if (rule->priority == priority) {
            rule = subtable_visible(rcu_get(&rule->lower), version);
        }
        if (!rule || (*best && rule->priority <= (*best)->priority)) {
            continue;
        }
        if (rule->clauses) {
            soft->rules[n++] = rule;
        } else {
            *best = rule;
        }
    }
    soft->n = n;
}

bool soft_matches_resolve(struct soft_matches *soft, struct classifier_rule **best, uint64_t version,
                          uint32_t *id)
{
    while (soft->n) {
        int top = top_priority(soft);
        if (*best && (*best)->priority >= top) {
            return false;
        }
        if (!soft->at_work) {
            collect_ids(soft, top);
            soft->at_work = true;
        }
        if (soft->next_id < soft->n_ids) {
            *id = soft->ids[soft->next_id++];
            return true;
        }
        soft->at_work = false;
        step_down(soft, top, best, version);
    }
    return false;
}
