/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/stat_trigger.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/rule.h"

#define LOOK_MS 500 /* counters are no fresher than a pass of revalidation makes them */

struct stat_trigger {
    struct list node; /* in ofproto.stat_triggers */
    struct rule *rule;
    const struct ofpact_stat_trigger *a;    /* in the rule's actions */
    uint64_t passed[N_STAT_TRIGGER_FIELDS]; /* how many multiples of the threshold, when last looked at */
    int first; /* ONLY_FIRST: the threshold that was passed first, -1: none yet */
};

static uint64_t value_of(const struct rule *rule, enum stat_trigger_field field, int64_t now)
{
    const struct rule_counters *c = rule->counters;
    switch (field) {
    case STAT_TRIGGER_DURATION:
        return (uint64_t)MAX(now - rule->created_ms, 0);
    case STAT_TRIGGER_IDLE:
        return (uint64_t)MAX(now - __atomic_load_n(&c->used_ms, __ATOMIC_RELAXED), 0);
    case STAT_TRIGGER_PACKETS:
        return __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
    case STAT_TRIGGER_BYTES:
        return __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
    case N_STAT_TRIGGER_FIELDS:
        break;
    }
    return 0;
}

/* Has a threshold been passed since the last time? */
static bool look(struct stat_trigger *t, int64_t now)
{
    bool passed = false;
    for (int i = 0; i < N_STAT_TRIGGER_FIELDS; i++) {
        uint64_t threshold = t->a->thresholds[i];
        if (!threshold || (t->first >= 0 && t->first != i)) {
            continue;
        }
        uint64_t n = value_of(t->rule, i, now) / threshold;
        if (!(t->a->flags & STAT_TRIGGER_PERIODIC)) {
            n = MIN(n, UINT64_C(1));
        }
        if (n > t->passed[i]) {
            passed = true;
            if (t->a->flags & STAT_TRIGGER_ONLY_FIRST) {
                t->first = i;
            }
        }
        t->passed[i] = n; /* less: it was reset, or is not idle any more */
    }
    return passed;
}

static void run(struct task *task)
{
    struct ofproto *ofproto = CONTAINER_OF(task, struct ofproto, look_at_triggers);
    int64_t now = clock_ms();
    struct stat_trigger *t;
    LIST_FOR_EACH (t, node, &ofproto->stat_triggers) {
        if (look(t, now)) {
            openflow_stats_triggered(ofproto, t->rule);
        }
    }
    task_schedule_in(ofproto->pipeline->queue, task, LOOK_MS);
}

void stat_triggers_init(struct ofproto *ofproto)
{
    list_init(&ofproto->stat_triggers);
    task_init(&ofproto->look_at_triggers, "statistics triggers", run);
}

void stat_triggers_fini(struct ofproto *ofproto)
{
    task_cancel(&ofproto->look_at_triggers);
}

void stat_trigger_rule_enters(struct rule *rule)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, rule->actions, rule->actions_len) {
        if (a->type != OFPACT_STAT_TRIGGER) {
            continue;
        }
        struct ofproto *ofproto = rule->ofproto;
        struct stat_trigger *t = xzalloc(sizeof *t);
        t->rule = rule;
        t->a = OFPACT_CAST(STAT_TRIGGER, a);
        t->first = -1;
        look(t, clock_ms());
        t->first = -1;
        rule->trigger = t;
        list_push_back(&ofproto->stat_triggers, &t->node);
        if (!task_is_scheduled(&ofproto->look_at_triggers)) {
            task_schedule_in(ofproto->pipeline->queue, &ofproto->look_at_triggers, LOOK_MS);
        }
        return;
    }
}

void stat_trigger_rule_leaves(struct rule *rule)
{
    struct stat_trigger *t = rule->trigger;
    if (t) {
        rule->trigger = NULL;
        list_remove(&t->node);
        free(t);
        if (list_is_empty(&rule->ofproto->stat_triggers)) {
            task_cancel(&rule->ofproto->look_at_triggers);
        }
    }
}
