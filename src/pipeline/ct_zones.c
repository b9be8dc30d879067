/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ct_zones.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rcu.h"
#include "pipeline/ofproto_impl.h"

/* Immutable. */
struct ct_zones {
    struct rcu_head rcu;
    size_t n;
    uint16_t *policies; /* of each of: */
    struct ct_zone_times zones[];
};

uint16_t ct_zone_policy(const struct dp_backer *backer, uint16_t zone)
{
    const struct ct_zones *z = rcu_get(&backer->ct_zones);
    size_t low = 0, high = z ? z->n : 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (z->zones[middle].zone == zone) {
            return z->policies[middle];
        }
        if (z->zones[middle].zone < zone) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return 0;
}

static void destroy(struct ct_zones *z)
{
    if (z) {
        free(z->policies);
        free(z);
    }
}

static void destroy_rcu(struct rcu_head *head)
{
    rcu_grace_passed();
    destroy(CONTAINER_OF(head, struct ct_zones, rcu));
}

void ct_zones_destroy(struct dp_backer *backer)
{
    destroy(backer->ct_zones);
    backer->ct_zones = NULL;
}

static struct dp_backer *find_backer(const struct pipeline *p, const char *type)
{
    const struct datapath_ops *ops = dpif_ops_lookup(type);
    struct dp_backer *backer;
    LIST_FOR_EACH (backer, node, &p->backers) {
        if (backer->dp->ops == ops) {
            return backer;
        }
    }
    return NULL;
}

/* A policy as it is searched for: its times, and its number once it has one. */
struct policy {
    const int64_t *seconds;
    uint16_t *number;
};

static bool is_same(const struct ct_zones *z, const struct ct_zone_times *zones, size_t n)
{
    if (z->n != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (z->zones[i].zone != zones[i].zone ||
            memcmp(z->zones[i].seconds, zones[i].seconds, sizeof zones[i].seconds)) {
            return false;
        }
    }
    return true;
}

static int compare(const void *a_, const void *b_)
{
    const struct policy *a = a_, *b = b_;
    return memcmp(a->seconds, b->seconds, CT_N_TIMEOUTS * sizeof *a->seconds);
}

static struct policy *sorted(const struct ct_zones *z)
{
    struct policy *list = xcalloc(z->n + 1, sizeof *list);
    for (size_t i = 0; i < z->n; i++) {
        list[i] = (struct policy){z->zones[i].seconds, &z->policies[i]};
    }
    qsort(list, z->n, sizeof *list, compare);
    return list;
}

/* Equal times that were there keep their number. A new one gets a number that neither was nor is in use, for
 * cached flows still say the old ones; the datapath hears of it. */
static void number(struct dp_backer *backer, const struct ct_zones *old, struct ct_zones *new)
{
    unsigned long *used = bitmap_create(UINT16_MAX + 1u);
    struct policy *before = sorted(old), *now = sorted(new);
    size_t next = 1;
    for (size_t i = 0; i < old->n; i++) {
        bitmap_set(used, old->policies[i]);
    }
    for (size_t i = 0, j = 0; i < new->n; i++) {
        if (i && !compare(&now[i], &now[i - 1])) {
            *now[i].number = *now[i - 1].number;
            continue;
        }
        while (j < old->n && compare(&before[j], &now[i]) < 0) {
            j++;
        }
        if (j < old->n && !compare(&before[j], &now[i])) {
            *now[i].number = *before[j].number;
            continue;
        }
        while (next <= UINT16_MAX && bitmap_is_set(used, next)) {
            next++;
        }
        if (next <= UINT16_MAX) { /* else the default times: more than half of all zones changed theirs */
            *now[i].number = (uint16_t)next++;
            backer->dp->ops->ct_set_timeouts(backer->dp, *now[i].number, now[i].seconds);
        }
    }
    for (size_t i = 0; i < new->n; i++) {
        bitmap_clear(used, new->policies[i]);
    }
    for (size_t i = 1; i <= UINT16_MAX; i++) {
        if (bitmap_is_set(used, i)) {
            backer->dp->ops->ct_set_timeouts(backer->dp, (uint16_t)i, NULL);
        }
    }
    free(before);
    free(now);
    free(used);
}

void pipeline_set_ct_zones(struct pipeline *p, const char *type, const struct ct_zone_times *zones, size_t n)
{
    static const struct ct_zones none = {.n = 0};
    struct dp_backer *backer = find_backer(p, type);
    struct ct_zones *old = backer ? backer->ct_zones : NULL;
    if (!backer || is_same(old ? old : &none, zones, n)) {
        return;
    }
    struct ct_zones *new = xzalloc(sizeof *new + n * sizeof *zones);
    new->n = n;
    new->policies = xcalloc(n + 1, sizeof *new->policies);
    if (n) {
        memcpy(new->zones, zones, n * sizeof *zones);
    }
    number(backer, old ? old : &none, new);
    rcu_set(&backer->ct_zones, new);
    if (old) {
        rcu_postpone(&old->rcu, destroy_rcu);
    }
    pipeline_mark_all_changed(p);
}
