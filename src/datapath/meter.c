/* SPDX-License-Identifier: Apache-2.0 */
/* A band is a token bucket that is filled at its rate and holds at most its burst. A packet that finds too
 * few tokens in some bands is the business of the one with the highest rate among them (OpenFlow 1.5,
 * section 5.8.1). Tokens are counted in thousandths: of a bit of a kilobit, of a packet. */
#include "datapath/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action/rewrite.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rcu.h"
#include "datapath/dp.h"

struct band {
    struct dp_meter_band conf;
    uint64_t bucket; /* atomic: millionths */
};

struct meter {
    struct rcu_head rcu;
    struct dp_meter conf; /* `bands` is not used; counters are atomic, here and in the bands */
    int64_t filled_us;    /* atomic: when the buckets were filled */
    uint32_t n_bands;
    struct band bands[DP_METER_MAX_BANDS];
};

struct dp_meters {
    struct meter *by_id[DP_MAX_METERS]; /* RCU */
};

struct dp_meters *dp_meters_create(void)
{
    return xcalloc(1, sizeof(struct dp_meters));
}

static void free_meter(struct rcu_head *head)
{
    struct meter *m = CONTAINER_OF(head, struct meter, rcu);
    free(m);
}

void dp_meters_destroy(struct dp_meters *meters)
{
    for (unsigned i = 0; meters && i < DP_MAX_METERS; i++) {
        if (meters->by_id[i]) {
            free_meter(&meters->by_id[i]->rcu);
        }
    }
    free(meters);
}

/* What a full bucket holds. Without a burst it is what passes in a second. */
static uint64_t bucket_size(const struct dp_meter_band *band)
{
    return (uint64_t)(band->burst ? band->burst : band->rate) * 1000000;
}

int dp_meter_set(struct datapath *up, uint32_t id, const struct dp_meter *conf)
{
    struct dp_meters *meters = dp_cast(up)->meters;
    if (id >= DP_MAX_METERS) {
        return EFBIG;
    }
    if (conf->n_bands > DP_METER_MAX_BANDS) {
        return EINVAL;
    }
    struct meter *m = xzalloc(sizeof *m);
    m->conf = *conf;
    m->conf.bands = NULL;
    m->conf.n_packets = m->conf.n_bytes = 0;
    m->conf.created_ms = clock_ms();
    m->filled_us = clock_us();
    m->n_bands = conf->n_bands;
    for (uint32_t i = 0; i < conf->n_bands; i++) {
        m->bands[i].conf = conf->bands[i];
        m->bands[i].conf.n_packets = m->bands[i].conf.n_bytes = 0;
        m->bands[i].bucket = bucket_size(&conf->bands[i]);
    }
    struct meter *old = meters->by_id[id];
    rcu_set(&meters->by_id[id], m);
    if (old) {
        rcu_postpone(&old->rcu, free_meter);
    }
    return 0;
}

/* Into OUT, whose bands have room for OUT->n_bands. */
static void describe(const struct meter *m, struct dp_meter *out)
{
    struct dp_meter_band *bands = out->bands;
    uint32_t n_room = bands ? out->n_bands : 0;
    *out = m->conf;
    out->n_packets = __atomic_load_n(&m->conf.n_packets, __ATOMIC_RELAXED);
    out->n_bytes = __atomic_load_n(&m->conf.n_bytes, __ATOMIC_RELAXED);
    out->bands = bands;
    out->n_bands = m->n_bands;
    for (uint32_t i = 0; i < MIN(m->n_bands, n_room); i++) {
        const struct dp_meter_band *conf = &m->bands[i].conf;
        bands[i] = *conf;
        bands[i].n_packets = __atomic_load_n(&conf->n_packets, __ATOMIC_RELAXED);
        bands[i].n_bytes = __atomic_load_n(&conf->n_bytes, __ATOMIC_RELAXED);
    }
}

int dp_meter_get(struct datapath *up, uint32_t id, struct dp_meter *out)
{
    struct dp_meters *meters = dp_cast(up)->meters;
    struct meter *m = id < DP_MAX_METERS ? meters->by_id[id] : NULL;
    if (!m) {
        return ENOENT;
    }
    describe(m, out);
    return 0;
}

int dp_meter_del(struct datapath *up, uint32_t id, struct dp_meter *last)
{
    struct dp_meters *meters = dp_cast(up)->meters;
    struct meter *m = id < DP_MAX_METERS ? meters->by_id[id] : NULL;
    if (!m) {
        return ENOENT;
    }
    rcu_set(&meters->by_id[id], NULL);
    if (last) {
        rcu_synchronize(); /* so that the last counters are */
        describe(m, last);
    }
    rcu_postpone(&m->rcu, free_meter);
    return 0;
}

/* Whoever moves the time on fills for the time that he moved it by. */
static void fill(struct meter *m, int64_t now_us)
{
    int64_t filled = __atomic_load_n(&m->filled_us, __ATOMIC_RELAXED);
    int64_t elapsed = MIN(now_us - filled, 3600 * 1000000ll);
    if (elapsed <= 0 || !__atomic_compare_exchange_n(&m->filled_us, &filled, now_us, false, __ATOMIC_RELAXED,
                                                     __ATOMIC_RELAXED)) {
        return;
    }
    for (uint32_t i = 0; i < m->n_bands; i++) {
        struct band *b = &m->bands[i];
        uint64_t more = (uint64_t)b->conf.rate * (uint64_t)elapsed, size = bucket_size(&b->conf);
        uint64_t now = __atomic_load_n(&b->bucket, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&b->bucket, &now, MIN(now + more, size), true, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED)) {
        }
    }
}

static bool take(struct band *b, uint64_t cost)
{
    uint64_t now = __atomic_load_n(&b->bucket, __ATOMIC_RELAXED);
    while (now >= cost) {
        if (__atomic_compare_exchange_n(&b->bucket, &now, now - cost, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

/* The band that COST is over the rate of, the highest rate if several; NULL: none. */
static struct band *charge(struct meter *m, uint64_t cost)
{
    struct band *over = NULL;
    for (uint32_t i = 0; i < m->n_bands; i++) {
        struct band *b = &m->bands[i];
        if (!take(b, cost) && (!over || b->conf.rate > over->conf.rate)) {
            over = b;
        }
    }
    return over;
}

void dp_meters_run(struct forwarder *f, uint32_t id, struct packet_batch *batch)
{
    struct dp_meters *meters = f->dp->meters;
    struct meter *m = id < DP_MAX_METERS ? rcu_get(&meters->by_id[id]) : NULL;
    if (!m) {
        return;
    }
    uint32_t kept = 0;
    uint64_t bytes = 0;
    __atomic_fetch_add(&m->conf.n_packets, batch->n, __ATOMIC_RELAXED);
    fill(m, f->now_us);
    for (uint32_t i = 0; i < batch->n; i++) {
        struct packet *packet = batch->packets[i];
        uint64_t cost = m->conf.packets ? 1000000 : (uint64_t)packet->len * 8 * 1000;
        struct band *over = charge(m, cost);
        bytes += packet->len;
        if (over) {
            __atomic_fetch_add(&over->conf.n_packets, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&over->conf.n_bytes, packet->len, __ATOMIC_RELAXED);
            if (over->conf.type == 1) {
                forwarder_drop(f, packet, DROP_METER);
                continue;
            }
            rewrite_dscp_remark(packet, over->conf.prec_level);
        }
        batch->packets[kept++] = packet;
    }
    __atomic_fetch_add(&m->conf.n_bytes, bytes, __ATOMIC_RELAXED);
    batch->n = kept;
}
