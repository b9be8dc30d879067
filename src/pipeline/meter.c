/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/clock.h"
#include "pipeline/change.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/settle.h"
#include "pipeline/slow_path.h"

/* A bridge has few meters and changes them rarely: one sorted array, replaced as a whole. */
struct meter_array {
    struct rcu_head rcu;
    size_t n;
    struct ofmeter *meters[];
};
struct meter_table {
    struct meter_array *array; /* RCU, never NULL */
};

struct meter_table *meter_table_create(void)
{
    struct meter_table *t = xzalloc(sizeof *t);
    t->array = xzalloc(sizeof *t->array);
    return t;
}

static void free_meter(struct ofmeter *m)
{
    meter_fini(&m->config);
    free(m);
}

static void free_meter_rcu(struct rcu_head *head)
{
    free_meter(CONTAINER_OF(head, struct ofmeter, rcu));
}

static void leave_datapath(struct dp_backer *backer, uint32_t dp_id)
{
    backer->dp->ops->meter_del(backer->dp, dp_id, NULL);
    bitmap_clear(backer->meter_ids, dp_id);
}

/* The datapath's meter of one that is gone: flows may name it for a while. */
struct leaving {
    struct settle_job job;
    struct dp_backer *backer;
    uint32_t dp_id;
};

static void leave(struct settle_job *job)
{
    struct leaving *l = CONTAINER_OF(job, struct leaving, job);
    leave_datapath(l->backer, l->dp_id);
    free(l);
}

void meter_table_destroy(struct ofproto *ofproto)
{
    struct meter_table *t = ofproto->meters;
    for (size_t i = 0; i < t->array->n; i++) {
        leave_datapath(ofproto->backer, t->array->meters[i]->dp_id);
        free_meter(t->array->meters[i]);
    }
    free(t->array);
    free(t);
    ofproto->meters = NULL;
}

static size_t find_place(const struct meter_array *a, uint32_t id)
{
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (a->meters[mid]->config.meter_id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct ofmeter *find(const struct meter_array *a, uint32_t id)
{
    size_t i = find_place(a, id);
    return i < a->n && a->meters[i]->config.meter_id == id ? a->meters[i] : NULL;
}

uint32_t ofproto_meter_dp_id(const struct ofproto *ofproto, uint32_t meter_id)
{
    const struct ofmeter *m = find(rcu_get(&ofproto->meters->array), meter_id);
    return m ? m->dp_id : UINT32_MAX;
}

const struct ofmeter *ofproto_meter_find(const struct ofproto *ofproto, uint32_t meter_id)
{
    return find(ofproto->meters->array, meter_id);
}

void ofproto_meter_for_each(const struct ofproto *ofproto, void (*each)(const struct ofmeter *, void *),
                            void *aux)
{
    const struct meter_array *a = ofproto->meters->array;
    for (size_t i = 0; i < a->n; i++) {
        each(a->meters[i], aux);
    }
}

void ofproto_meter_stats(const struct ofproto *ofproto, const struct ofmeter *m, struct meter_stats *s)
{
    struct dp_meter_band bands[METER_MAX_BANDS];
    struct dp_meter counted = {.bands = bands, .n_bands = METER_MAX_BANDS};
    struct datapath *dp = ofproto->backer->dp;
    int64_t lived = clock_ms() - m->created_ms;
    *s = (struct meter_stats){.meter_id = m->config.meter_id,
                              .flow_count = m->n_rules,
                              .duration_sec = (uint32_t)(lived / 1000),
                              .duration_nsec = (uint32_t)(lived % 1000) * 1000000u,
                              .n_bands = m->config.n_bands,
                              .bands = xcalloc(m->config.n_bands + 1, sizeof *s->bands)};
    if (dp->ops->meter_get(dp, m->dp_id, &counted)) {
        return;
    }
    s->packet_in_count = counted.n_packets;
    s->byte_in_count = counted.n_bytes;
    for (size_t i = 0; i < MIN(s->n_bands, (size_t)counted.n_bands); i++) {
        s->bands[i].packet_count = bands[i].n_packets;
        s->bands[i].byte_count = bands[i].n_bytes;
    }
}

static void free_array_rcu(struct rcu_head *head)
{
    free(CONTAINER_OF(head, struct meter_array, rcu));
}

static void replace_array(struct ofproto *ofproto, struct meter_array *new)
{
    struct meter_array *old = ofproto->meters->array;
    rcu_set(&ofproto->meters->array, new);
    rcu_postpone(&old->rcu, free_array_rcu);
}

static enum ofperr set_in_datapath(struct ofproto *ofproto, size_t dp_id, const struct meter_config *config)
{
    struct dp_meter_band bands[METER_MAX_BANDS];
    struct dp_meter m = {.packets = config->flags & METER_PKTPS,
                         .stats = config->flags & METER_STATS,
                         .n_bands = (uint32_t)config->n_bands,
                         .bands = bands};
    struct datapath *dp = ofproto->backer->dp;
    if (config->n_bands > METER_MAX_BANDS) {
        return OFPERR_OFPMMFC_OUT_OF_BANDS;
    }
    for (size_t i = 0; i < config->n_bands; i++) {
        const struct meter_band_config *b = &config->bands[i];
        bands[i] = (struct dp_meter_band){
            .rate = b->rate,
            .burst = config->flags & METER_BURST ? b->burst_size : 0,
            .type = (uint8_t)b->type,
            .prec_level = b->prec_level,
        };
    }
    if (dp_id >= BACKER_MAX_METERS) {
        return OFPERR_OFPMMFC_OUT_OF_METERS;
    }
    switch (dp->ops->meter_set ? dp->ops->meter_set(dp, (uint32_t)dp_id, &m) : EOPNOTSUPP) {
    case 0:
        return OFPERR_NONE;
    case EFBIG:
        return OFPERR_OFPMMFC_OUT_OF_METERS;
    case EINVAL:
        return OFPERR_OFPMMFC_OUT_OF_BANDS;
    default:
        return OFPERR_OFPMMFC_UNKNOWN;
    }
}

static struct ofmeter *make_meter(const struct meter_config *config, uint32_t dp_id)
{
    struct ofmeter *m = xzalloc(sizeof *m);
    m->config = *config;
    m->config.bands =
        config->n_bands ? xmemdup(config->bands, config->n_bands * sizeof *config->bands) : NULL;
    m->dp_id = dp_id;
    m->created_ms = clock_ms();
    return m;
}

enum ofperr ofproto_meter_add(struct ofproto *ofproto, const struct meter_config *config)
{
    const struct meter_array *a = ofproto->meters->array;
    if (find(a, config->meter_id)) {
        return OFPERR_OFPMMFC_METER_EXISTS;
    }
    size_t dp_id = bitmap_scan(ofproto->backer->meter_ids, false, 0, BACKER_MAX_METERS);
    enum ofperr error = set_in_datapath(ofproto, dp_id, config);
    if (error == OFPERR_OFPMMFC_OUT_OF_METERS && !list_is_empty(&ofproto->backer->settle_jobs)) {
        /* Meters that are about to go leave room. */
        slow_path_wait(ofproto->backer->slow_path);
        settle_run(ofproto->backer);
        dp_id = bitmap_scan(ofproto->backer->meter_ids, false, 0, BACKER_MAX_METERS);
        error = set_in_datapath(ofproto, dp_id, config);
    }
    if (error) {
        return error;
    }
    bitmap_set(ofproto->backer->meter_ids, dp_id);
    size_t i = find_place(a, config->meter_id);
    struct meter_array *new = xmalloc(sizeof *new + (a->n + 1) * sizeof new->meters[0]);
    new->n = a->n + 1;
    memcpy(new->meters, a->meters, i * sizeof a->meters[0]);
    memcpy(new->meters + i + 1, a->meters + i, (a->n - i) * sizeof a->meters[0]);
    new->meters[i] = make_meter(config, (uint32_t)dp_id);
    replace_array(ofproto, new);
    if (config->meter_id > OFPM_MAX) {
        pipeline_mark_all_changed(ofproto->pipeline); /* flows to the controller or slow path pass it now */
    }
    return OFPERR_NONE;
}

enum ofperr ofproto_meter_modify(struct ofproto *ofproto, const struct meter_config *config)
{
    const struct meter_array *a = ofproto->meters->array;
    struct ofmeter *old = find(a, config->meter_id);
    if (!old) {
        return OFPERR_OFPMMFC_UNKNOWN_METER;
    }
    enum ofperr error = set_in_datapath(ofproto, old->dp_id, config);
    if (error) {
        return error;
    }
    struct meter_array *new = xmemdup(a, sizeof *a + a->n * sizeof a->meters[0]);
    struct ofmeter *m = make_meter(config, old->dp_id);
    m->n_rules = old->n_rules;
    m->created_ms = old->created_ms;
    new->meters[find_place(a, config->meter_id)] = m;
    replace_array(ofproto, new);
    rcu_postpone(&old->rcu, free_meter_rcu);
    return OFPERR_NONE;
}

static bool uses_meter(const struct ofpact *actions, size_t len, uint32_t meter_id)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, actions, len) {
        const struct ofpact_nest *nest = (const struct ofpact_nest *)(const void *)a;
        if (a->type == OFPACT_METER ? OFPACT_CAST(METER, a)->value == meter_id
                                    : (a->type == OFPACT_CLONE || a->type == OFPACT_WRITE_ACTIONS) &&
                                          uses_meter(nest->actions, ofpact_nest_len(nest), meter_id)) {
            return true;
        }
    }
    return false;
}

static void delete_rules(struct ofproto *ofproto, uint32_t meter_id)
{
    struct change c;
    struct flow_mod all;
    size_t n;
    change_init(&c, ofproto, false);
    flow_mod_init(&all);
    all.command = FLOW_DELETE;
    all.table_id = OFPTT_ALL;
    struct rule **rules = ofproto_collect_rules(ofproto, &all, false, false, &n);
    for (size_t i = 0; i < n; i++) {
        if (uses_meter(rules[i]->actions, rules[i]->actions_len, meter_id)) {
            change_remove_rule(&c, rules[i], RULE_METER_DELETE);
        }
    }
    free(rules);
    flow_mod_fini(&all);
    change_commit(&c);
}

static void delete_one(struct ofproto *ofproto, struct ofmeter *m)
{
    if (m->n_rules) {
        delete_rules(ofproto, m->config.meter_id);
    }
    const struct meter_array *a = ofproto->meters->array;
    struct meter_array *new = xmalloc(sizeof *new + a->n * sizeof new->meters[0]);
    new->n = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (a->meters[i] != m) {
            new->meters[new->n++] = a->meters[i];
        }
    }
    replace_array(ofproto, new);
    if (m->config.meter_id > OFPM_MAX) {
        pipeline_mark_all_changed(ofproto->pipeline);
    }
    struct leaving *l = xmalloc(sizeof *l);
    l->backer = ofproto->backer;
    l->dp_id = m->dp_id;
    settle_later(l->backer, &l->job, leave);
    pipeline_start_commit(ofproto->pipeline);
    rcu_postpone(&m->rcu, free_meter_rcu);
}

void ofproto_meter_delete(struct ofproto *ofproto, uint32_t meter_id)
{
    for (size_t i = ofproto->meters->array->n; i-- > 0;) {
        struct ofmeter *m = ofproto->meters->array->meters[i];
        if (meter_id == m->config.meter_id || meter_id == OFPM_ALL) {
            delete_one(ofproto, m);
        }
    }
}

static void count_actions(const struct meter_array *a, const struct ofpact *actions, size_t len, int by)
{
    const struct ofpact *ofpact;
    OFPACT_FOR_EACH (ofpact, actions, len) {
        if (ofpact->type == OFPACT_METER) {
            struct ofmeter *m = find(a, OFPACT_CAST(METER, ofpact)->value);
            if (m && (by > 0 || m->n_rules)) {
                m->n_rules += (uint32_t)by;
            }
        }
    }
}

void meters_count_rule(struct ofproto *ofproto, const struct rule *rule, int by)
{
    if (ofproto->meters->array->n) {
        count_actions(ofproto->meters->array, rule->actions, rule->actions_len, by);
    }
}
