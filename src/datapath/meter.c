/* SPDX-License-Identifier: Apache-2.0 */
/* A band is a token bucket that is filled at its rate and holds at most its burst. A packet that finds too
 * few tokens in some bands is the business of the one with the highest rate among them (OpenFlow 1.5,
 * section 5.8.1). Tokens are counted in thousandths: of a bit of a kilobit, of a packet. */
#include "datapath/meter.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "action/rewrite.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rcu.h"
#include "datapath/dp.h"

struct band {
    struct dp_meter_band conf;
    uint64_t bucket; /* millionths */
};

struct meter {
    struct rcu_head rcu;
    pthread_mutex_t mutex;
    struct dp_meter conf; /* `bands` is not used */
    int64_t filled_us;    /* when the buckets were filled */
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
    pthread_mutex_destroy(&m->mutex);
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
    pthread_mutex_init(&m->mutex, NULL);
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

int dp_meter_get(struct datapath *up, uint32_t id, struct dp_meter *out)
{
    struct dp_meters *meters = dp_cast(up)->meters;
    struct meter *m = id < DP_MAX_METERS ? meters->by_id[id] : NULL;
    if (!m) {
        return ENOENT;
    }
    pthread_mutex_lock(&m->mutex);
    struct dp_meter_band *bands = out->bands;
    uint32_t n_room = bands ? out->n_bands : 0;
    *out = m->conf;
    out->bands = bands;
    out->n_bands = m->n_bands;
    for (uint32_t i = 0; i < MIN(m->n_bands, n_room); i++) {
        bands[i] = m->bands[i].conf;
    }
    pthread_mutex_unlock(&m->mutex);
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
        struct dp_meter_band *bands = last->bands;
        uint32_t n_room = bands ? last->n_bands : 0;
        *last = m->conf;
        last->bands = bands;
        last->n_bands = m->n_bands;
        for (uint32_t i = 0; i < MIN(m->n_bands, n_room); i++) {
            bands[i] = m->bands[i].conf;
        }
    }
    rcu_postpone(&m->rcu, free_meter);
    return 0;
}

static void fill(struct meter *m, int64_t now_us)
{
    int64_t elapsed = MIN(now_us - m->filled_us, 3600 * 1000000ll);
    if (elapsed <= 0) {
        return;
    }
    m->filled_us = now_us;
    for (uint32_t i = 0; i < m->n_bands; i++) {
        struct band *b = &m->bands[i];
        b->bucket = MIN(b->bucket + (uint64_t)b->conf.rate * (uint64_t)elapsed, bucket_size(&b->conf));
    }
}

/* The band that COST is over the rate of, the highest rate if several; NULL: none. */
static struct band *charge(struct meter *m, uint64_t cost)
{
    struct band *over = NULL;
    for (uint32_t i = 0; i < m->n_bands; i++) {
        struct band *b = &m->bands[i];
        if (b->bucket >= cost) {
            b->bucket -= cost;
        } else if (!over || b->conf.rate > over->conf.rate) {
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
    pthread_mutex_lock(&m->mutex);
    fill(m, f->now_us);
    for (uint32_t i = 0; i < batch->n; i++) {
        struct packet *packet = batch->packets[i];
        uint64_t cost = m->conf.packets ? 1000000 : (uint64_t)packet->len * 8 * 1000;
        struct band *over = charge(m, cost);
        m->conf.n_packets++;
        m->conf.n_bytes += packet->len;
        if (over) {
            over->conf.n_packets++;
            over->conf.n_bytes += packet->len;
            if (over->conf.type == 1) {
                forwarder_drop(f, packet, DROP_METER);
                continue;
            }
            rewrite_dscp_remark(packet, over->conf.prec_level);
        }
        batch->packets[kept++] = packet;
    }
    pthread_mutex_unlock(&m->mutex);
    batch->n = kept;
}
