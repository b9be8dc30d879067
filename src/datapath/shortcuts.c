/* SPDX-License-Identifier: Apache-2.0 */
/* Which microflows the kernel may forward by itself (port/shortcut.h), and what it counted for them.
 *
 * A packet's microflow is learned when the packet is not the first of it (it was found in the exact-match
 * cache), its flow does nothing but output to a port with a shortcut, and does not match on TCP flags, the
 * one thing that differs between packets of a microflow. A forwarder spends a system call on each, so it has
 * a budget: traffic of which no packet is like another costs a few calls a millisecond. */
#include "action/action.h"
#include "base/clock.h"
#include "base/rcu.h"
#include "datapath/dp.h"
#include "port/shortcut.h"

#define LEARN_PERIOD_US 1000
#define LEARN_A_PERIOD  20
#define LEARN_AT_ONCE   400    /* saved up in quiet times */
#define LEARN_AGAIN_US  100000 /* a microflow that is still coming, was cut or evicted */

void dp_shortcut_begin(struct forwarder *f, const struct dp_port *in)
{
    struct shortcut_budget *b = &f->shortcut;
    bool eligible = in->vport->shortcut && !f->handler && !policer_is_active(&in->vport->policer);
    b->in = eligible ? in->vport : NULL;
    int64_t periods = (f->now_us - b->filled_us) / LEARN_PERIOD_US;
    if (periods > 0) {
        b->left = (unsigned)MIN(b->left + periods * LEARN_A_PERIOD, LEARN_AT_ONCE);
        b->filled_us = f->now_us;
    }
}

/* The number of the one port that the actions output to; 0: there is more to do, or the port has no shortcut.
 */
static uint16_t only_output(const struct dp *dp, const struct flow_actions *actions)
{
    const struct dp_action *a = (const struct dp_action *)(const void *)actions->bytes;
    if (!actions->len || a->type != DP_ACTION_OUTPUT || !dp_action_is_last(a, actions->bytes, actions->len)) {
        return 0;
    }
    const struct dp_port *port = dp_port_get(dp, dp_action_value(a));
    return port ? port->vport->shortcut : 0;
}

/* Under the mutex. */
static uint32_t get_total(struct dp *dp)
{
    if (!atomic_load(&dp->shortcut_total)) {
        atomic_store(&dp->shortcut_total, shortcut_claim());
    }
    return atomic_load(&dp->shortcut_total);
}

/* The flow's slot, pointed where the actions say; 0: it has none. */
static uint32_t make_slot(struct dp *dp, struct dp_flow *flow)
{
    uint32_t slot = atomic_load(&flow->shortcut);
    if (slot && shortcut_is_pointed(slot)) {
        return slot;
    }
    if (flow->mega.mask->bits.tcp_flags || !only_output(dp, dp_flow_actions(flow))) {
        return 0;
    }
    pthread_mutex_lock(&dp->shortcut_mutex);
    slot = atomic_load(&flow->shortcut);
    if (!slot) {
        slot = shortcut_claim();
        atomic_store(&flow->shortcut, slot);
    }
    if (slot && !shortcut_is_pointed(slot)) {
        /* Whoever replaces the actions takes the mutex afterwards: they are the new ones, or we are cut. */
        uint16_t out = only_output(dp, dp_flow_actions(flow));
        if (out) {
            shortcut_point(slot, out, get_total(dp));
        } else {
            slot = 0;
        }
    }
    pthread_mutex_unlock(&dp->shortcut_mutex);
    return slot;
}

void dp_shortcut_learn(struct forwarder *f, const struct burst *b, const struct packet_batch *batch)
{
    struct shortcut_budget *budget = &f->shortcut;
    for (uint32_t left = b->cached; left && budget->left; left &= left - 1) {
        int i = __builtin_ctz(left);
        uint32_t hash = b->hashes[i];
        unsigned place = hash % SHORTCUT_MEMORY;
        if (budget->learned[place].hash == hash &&
            f->now_us - budget->learned[place].at_us < LEARN_AGAIN_US) {
            continue;
        }
        budget->learned[place].hash = hash;
        budget->learned[place].at_us = f->now_us;
        uint32_t slot = make_slot(f->dp, dp_flow_cast(b->flows[i]));
        if (slot) {
            shortcut_learn(slot, budget->in, batch->packets[i]);
            budget->left--;
        }
    }
}

void dp_shortcut_cut(struct dp *dp, struct dp_flow *flow)
{
    pthread_mutex_lock(&dp->shortcut_mutex);
    shortcut_cut(atomic_load(&flow->shortcut));
    pthread_mutex_unlock(&dp->shortcut_mutex);
}

void dp_shortcut_add(const struct dp_flow *flow, struct dp_flow_stats *stats)
{
    uint32_t slot = atomic_load(&flow->shortcut);
    if (slot) {
        struct shortcut_count count;
        shortcut_get_count(slot, &count);
        stats->packets += count.packets;
        stats->bytes += count.bytes;
        stats->tcp_flags |= count.tcp_flags;
        stats->used_ms = MAX(stats->used_ms, count.used_ms);
    }
}

void dp_shortcut_release(struct dp_flow *flow)
{
    shortcut_release(atomic_load(&flow->shortcut));
}

uint64_t dp_shortcut_packets(struct dp *dp)
{
    struct shortcut_count count;
    shortcut_get_count(atomic_load(&dp->shortcut_total), &count);
    return count.packets;
}
