/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/xlate/learned.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "pipeline/ofproto_impl.h"

struct learned {
    struct ofproto *ofproto;
    uint32_t limit;
    struct flow_mod mod;
};

struct learned_request {
    struct list node;
    struct learned *learned;
    int64_t used_ms;
};
struct learned_queue {
    pthread_mutex_t lock;
    struct list requests; /* struct learned_request */
};

struct learned_queue *learned_queue_create(void)
{
    struct learned_queue *q = xzalloc(sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    list_init(&q->requests);
    return q;
}

static void free_requests(struct list *requests)
{
    while (!list_is_empty(requests)) {
        struct learned_request *r = CONTAINER_OF(list_pop_front(requests), struct learned_request, node);
        learned_destroy(r->learned);
        free(r);
    }
}

void learned_queue_destroy(struct learned_queue *q)
{
    if (q) {
        free_requests(&q->requests);
        pthread_mutex_destroy(&q->lock);
        free(q);
    }
}

static void copy_mod(struct flow_mod *dst, const struct flow_mod *src)
{
    *dst = *src;
    bytebuf_init(&dst->ofpacts);
    bytebuf_put(&dst->ofpacts, src->ofpacts.data, src->ofpacts.len);
}

struct learned *learned_create(struct ofproto *ofproto, const struct flow_mod *mod, uint32_t limit)
{
    struct learned *l = xzalloc(sizeof *l);
    l->ofproto = ofproto;
    l->limit = limit;
    copy_mod(&l->mod, mod);
    return l;
}

void learned_destroy(struct learned *l)
{
    if (l) {
        flow_mod_fini(&l->mod);
        free(l);
    }
}

/* The rule that LEARNED makes, if it is in force. Any RCU thread. */
static struct rule *find_rule(const struct learned *l)
{
    struct minimatch match;
    match_compress(&l->mod.match, &match);
    const struct classifier *cls = l->ofproto->tables[l->mod.table_id].cls;
    struct classifier_rule *cr =
        classifier_find_exactly(cls, ofproto_rules_version(l->ofproto), &match, l->mod.priority);
    minimatch_fini(&match);
    return cr ? CONTAINER_OF(cr, struct rule, cr) : NULL;
}

static bool is_same(const struct learned *l, const struct rule *rule)
{
    return ofpacts_equal(rule->actions, rule->actions_len,
                         (const struct ofpact *)(const void *)l->mod.ofpacts.data, l->mod.ofpacts.len) &&
           (l->mod.new_cookie == UINT64_MAX || rule->cookie == l->mod.new_cookie);
}

static bool is_over_limit(const struct learned *l)
{
    if (!l->limit) {
        return false;
    }
    struct flow_mod criteria;
    flow_mod_init(&criteria);
    criteria.table_id = l->mod.table_id;
    criteria.cookie = l->mod.new_cookie;
    criteria.cookie_mask = UINT64_MAX;
    size_t n;
    free(ofproto_collect_rules(l->ofproto, &criteria, false, true, &n));
    flow_mod_fini(&criteria);
    return n >= l->limit;
}

static void touch(struct rule *rule, int64_t used_ms)
{
    /* As if it had been learned anew: its hard time-out begins again. Not the idle one: that is about packets
     * that it matches. */
    __atomic_store_n(&rule->modified_ms, used_ms ? used_ms : clock_ms(), __ATOMIC_RELAXED);
}

static bool make(const struct learned *l, int64_t used_ms)
{
    struct rule *rule = find_rule(l);
    if (rule && is_same(l, rule)) {
        touch(rule, used_ms);
        return true;
    }
    if (!rule && is_over_limit(l)) {
        return false;
    }
    const struct flow_mod *mod = &l->mod;
    return ofproto_flow_mods(l->ofproto, &mod, 1, true, RULE_REPLACED, NULL) == OFPERR_NONE;
}

static bool ask(const struct learned *l, int64_t used_ms)
{
    struct pipeline *p = l->ofproto->pipeline;
    if (pthread_equal(pthread_self(), p->control_thread)) {
        return make(l, used_ms);
    }
    struct rule *rule = find_rule(l);
    if (rule && is_same(l, rule)) {
        touch(rule, used_ms);
        return true;
    }
    if (!rule && is_over_limit(l)) {
        return false;
    }
    struct learned_request *r = xmalloc(sizeof *r);
    r->learned = learned_create(l->ofproto, &l->mod, l->limit);
    r->used_ms = used_ms;
    pthread_mutex_lock(&p->learned->lock);
    list_push_back(&p->learned->requests, &r->node);
    pthread_mutex_unlock(&p->learned->lock);
    pipeline_wake(p);
    return true;
}

bool learned_request(const struct learned *l)
{
    return ask(l, 0);
}

void learned_refresh(const struct learned *l, int64_t used_ms)
{
    ask(l, used_ms);
}

void learned_run(struct pipeline *p)
{
    struct list todo;
    list_init(&todo);
    pthread_mutex_lock(&p->learned->lock);
    list_splice_back(&todo, &p->learned->requests);
    pthread_mutex_unlock(&p->learned->lock);
    struct learned_request *r;
    LIST_FOR_EACH (r, node, &todo) {
        make(r->learned, r->used_ms);
    }
    free_requests(&todo);
}
