/* SPDX-License-Identifier: Apache-2.0 */
/* The journey of a packet, stage by stage. Read it from the bottom: journey_receive() is where a burst
 * enters.
 *
 *   journey_receive    stamps the burst with the port it came in by
 *   journey_process    extract -> lookup -> (hit) execute, (miss) upcall
 *     extract            parses each packet into its flow key
 *     lookup             the flow of the burst before, exact-match cache, then the megaflows
 *     journey_upcall     hands a miss to the slow path, and goes on
 *     shortcut           tells the kernel what it can do alone (shortcuts.c)
 *     execute            each flow's actions over its packets (execute.c)
 *   journey_output     to the port's transmit batch
 *   send_pending       gives the batches to the devices (vport_send)
 *
 * A burst is at most BATCH_SIZE packets of one receive queue. Nothing here waits, locks or allocates: a port
 * has its slots for all threads before any packet can reach it. */
#include "datapath/journey.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rcu.h"
#include "flow/extract.h"

LOG_MODULE(dpif_netdev);

#define ETH_HEADER_LEN 14

/* ---- vport_send ---- */

static void send_batch(struct forwarder *f, struct dp_port *port, struct port_slot *slot)
{
    slot->tx.pool = f->pool;
    f->stats.sent += slot->pending.n;
    f->stats.sent_batches++;
    vport_send(port->vport, &slot->tx, &slot->pending);
    batch_init(&slot->pending);
}

static void send_pending(struct forwarder *f)
{
    for (unsigned i = 0; i < f->n_pending; i++) {
        struct dp_port *port = f->pending[i];
        struct port_slot *slot = forwarder_slot(f, port);
        slot->listed = false;
        if (slot->pending.n) {
            send_batch(f, port, slot);
        }
    }
    f->n_pending = 0;
}

/* ---- output ---- */

static void drop_at_output(struct port_slot *slot, struct packet_batch *batch, enum drop_reason reason)
{
    slot->tx.dropped[reason] += batch->n;
    batch_free(batch);
}

void journey_output(struct forwarder *f, struct packet_batch *batch, uint32_t port_no)
{
    struct dp_port *port = dp_port_get(f->dp, port_no);
    if (unlikely(!port)) {
        forwarder_drop_batch(f, batch, DROP_NO_PORT);
        return;
    }
    struct port_slot *slot = forwarder_slot(f, port);
    if (unlikely(!atomic_load_explicit(&port->vport->up, memory_order_relaxed))) {
        drop_at_output(slot, batch, DROP_TX_DOWN);
        return;
    }
    if (!slot->listed) {
        if (unlikely(f->n_pending == ARRAY_SIZE(f->pending))) {
            send_pending(f);
        }
        slot->listed = true;
        f->pending[f->n_pending++] = port;
    }
    struct packet *packet;
    BATCH_FOR_EACH (packet, batch) {
        if (batch_is_full(&slot->pending)) {
            send_batch(f, port, slot);
        }
        batch_add(&slot->pending, packet);
    }
    slot->pending.truncated |= batch->truncated;
}

/* ---- upcall ---- */

static void upcall_inline(struct forwarder *f, struct packet *packet, const struct flow_key *key,
                          const struct upcall_item *item)
{
    struct dp *dp = f->dp;
    struct dp_upcall upcall;
    if (!dp->upcall_cb || item->userdata_len > sizeof upcall.userdata) {
        f->stats.lost++;
        forwarder_drop(f, packet, DROP_UPCALL_LOST);
        return;
    }
    upcall.type = item->type;
    upcall.packet = packet;
    upcall.key = *key;
    upcall.key_blocks = packet->key_blocks;
    flow_key_complete(&upcall.key, packet->key_blocks, FLOW_DP_BLOCKS);
    upcall.userdata_len = item->userdata_len;
    if (item->userdata_len) {
        memcpy(upcall.userdata, item->userdata, item->userdata_len);
    }
    upcall.out_tunnel_port = item->out_tunnel_port;
    upcall.actions = item->actions;
    upcall.n_actions = item->n_actions;
    dp->upcall_cb(&upcall, dp->upcall_aux);
}

void journey_upcall(struct forwarder *f, struct packet *packet, const struct flow_key *key,
                    const struct upcall_item *item)
{
    struct dp *dp = f->dp;
    if (dp->is_inline) {
        upcall_inline(f, packet, key, item);
        return;
    }
    bool queued;
    struct upcall_ring *ring = f->handler ? dp->stray : f->ring;
    if (f->handler) {
        /* A handler's own packets: many threads, one ring. */
        pthread_mutex_lock(&dp->stray_mutex);
        queued = upcall_ring_push(ring, packet, item);
        pthread_mutex_unlock(&dp->stray_mutex);
    } else {
        queued = upcall_ring_push(ring, packet, item);
    }
    if (likely(queued)) {
        dp_handler_wake(ring);
        packet_free(packet); /* the ring has a copy */
    } else {
        f->stats.lost++;
        forwarder_drop(f, packet, DROP_UPCALL_LOST);
    }
}

/* ---- execute: each flow's actions over its packets ---- */

static void count_flow(struct forwarder *f, struct dp_flow *flow, const struct packet_batch *batch,
                       uint16_t tcp_flags)
{
    struct flow_counters *c = &dp_flow_counters(flow)[f->counters];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < batch->n; i++) {
        bytes += batch->packets[i]->len;
    }
    if (likely(!f->shares_counters)) {
        c->packets += batch->n;
        c->bytes += bytes;
        c->tcp_flags |= tcp_flags;
    } else {
        /* Handlers share the last counter, with threads that came after the datapath was made. */
        __atomic_fetch_add(&c->packets, batch->n, __ATOMIC_RELAXED);
        __atomic_fetch_add(&c->bytes, bytes, __ATOMIC_RELAXED);
        __atomic_fetch_or(&c->tcp_flags, tcp_flags, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&c->used_ms, f->now_ms, __ATOMIC_RELAXED);
}

struct flow_batch {
    struct dp_flow *flow;
    uint16_t tcp_flags;
    struct packet_batch batch;
};

static void execute_flow(struct forwarder *f, struct flow_batch *fb)
{
    const struct flow_actions *actions = dp_flow_actions(fb->flow);
    count_flow(f, fb->flow, &fb->batch, fb->tcp_flags);
    execute_actions(f, &fb->batch, actions->bytes, actions->len);
}

static bool all_in_one_flow(const struct burst *b, uint32_t n)
{
    uintptr_t difference = 0;
    for (uint32_t i = 1; i < n; i++) {
        difference |= (uintptr_t)b->flows[i] ^ (uintptr_t)b->flows[0];
    }
    return !difference && b->flows[0];
}

static void execute_one_flow(struct forwarder *f, const struct burst *b, struct packet_batch *batch)
{
    struct dp_flow *flow = dp_flow_cast(b->flows[0]);
    const struct flow_actions *actions = dp_flow_actions(flow);
    be16 tcp_flags = 0;
    for (uint32_t i = 0; i < batch->n; i++) {
        tcp_flags |= b->keys[i].tcp_flags;
    }
    count_flow(f, flow, batch, be16toh(tcp_flags));
    execute_actions(f, batch, actions->bytes, actions->len);
}

/* Groups the burst by flow, in the order of the flows' first packets. Most bursts have one flow or are of
 * many flows that do not repeat: `slots` finds the latest group of a flow by its index' low bits, without
 * being cleared. Two flows that fight for a slot may get several groups each, which keep their order. What
 * the groups will touch (counters, actions) is asked for meanwhile: many flows are in no near cache. */
static void execute_flows(struct forwarder *f, struct burst *b, struct packet_batch *batch)
{
    struct flow_batch groups[BATCH_SIZE];
    uint8_t slots[128];
    unsigned n = 0;
    if (likely(all_in_one_flow(b, batch->n))) {
        execute_one_flow(f, b, batch);
        return;
    }
    for (uint32_t i = 0; i < batch->n; i++) {
        if (!b->flows[i]) {
            continue; /* a miss: gone to the slow path */
        }
        struct dp_flow *flow = dp_flow_cast(b->flows[i]);
        uint8_t *slot = &slots[flow->mega.index & (ARRAY_SIZE(slots) - 1)];
        unsigned g = *slot;
        if (g >= n || groups[g].flow != flow) {
            g = n++;
            groups[g].flow = flow;
            groups[g].tcp_flags = 0;
            batch_init(&groups[g].batch);
            *slot = (uint8_t)g;
            __builtin_prefetch(&dp_flow_counters(flow)[f->counters], 1);
            __builtin_prefetch(dp_flow_actions(flow));
        }
        groups[g].tcp_flags |= be16toh(b->keys[i].tcp_flags);
        batch_add(&groups[g].batch, batch->packets[i]);
    }
    for (unsigned g = 0; g < n; g++) {
        execute_flow(f, &groups[g]);
    }
}

/* ---- lookup ---- */

/* The packets that lie in the flow of the burst before: no hash, no table. Where a microflow is learned for
 * the kernel's shortcut, its hash is needed, so there it is not asked. */
static uint32_t lookup_same(struct forwarder *f, struct burst *b, unsigned n)
{
    const struct same_flow *same = &b->same[b->keys[0].in_port % N_SAME];
    struct megaflow *m = same->flow;
    if (!m || f->shortcut.in || __atomic_load_n(&m->generation, __ATOMIC_ACQUIRE) != same->generation) {
        return 0;
    }
    return megaflow_match_batch(m, b->keys, b->blocks, n, b->flows);
}

/* Is the burst's flow worth being asked first for the next one? When most of a burst is in one flow. */
static void remember_same(struct burst *b, unsigned n)
{
    struct same_flow *same = &b->same[b->keys[0].in_port % N_SAME];
    struct megaflow *m = b->flows[0] == b->flows[n - 1] ? b->flows[0] : b->flows[n / 2];
    /* One that was removed since it was found (its generation is even then) must not be found again. */
    uint32_t generation = m ? __atomic_load_n(&m->generation, __ATOMIC_ACQUIRE) : 0;
    bool most = (m == b->flows[0]) + (m == b->flows[n / 2]) + (m == b->flows[n - 1]) >= 2;
    same->flow = most && generation & 1 ? m : NULL;
    same->generation = generation;
}

/* Exact-match cache, then megaflows, for the packets of LEFT; the bitmap of those that were not found. */
static uint32_t lookup_tables(struct forwarder *f, struct burst *b, uint32_t left)
{
    struct dp *dp = f->dp;
    if (likely(f->emc != NULL)) {
        uint32_t seed = emc_seed(f->emc);
        for (uint32_t l = left; l; l &= l - 1) {
            int i = __builtin_ctz(l);
            b->hashes[i] = emc_hash(&b->keys[i], b->blocks[i], seed);
            emc_prefetch(f->emc, b->hashes[i]);
        }
        b->cached = emc_lookup_batch(f->emc, dp->megaflows, b->keys, b->blocks, b->hashes, left, b->flows);
        f->stats.cache_hit += (unsigned)__builtin_popcount(b->cached);
        left &= ~b->cached;
        if (likely(!left)) {
            return 0;
        }
    }
    uint32_t hit =
        megaflow_lookup_batch(dp->megaflows, b->keys, b->blocks, left, b->flows, &f->stats.masks_tried);
    f->stats.mega_hit += (unsigned)__builtin_popcount(hit);
    if (f->emc) {
        for (uint32_t l = hit; l; l &= l - 1) {
            int i = __builtin_ctz(l);
            emc_insert(f->emc, b->hashes[i], b->flows[i]);
        }
    }
    return left & ~hit;
}

/* Fills b->flows; returns a bitmap of the packets that no flow was found for. */
static uint32_t lookup(struct forwarder *f, struct burst *b, unsigned n)
{
    uint32_t all = n == 32 ? UINT32_MAX : (1u << n) - 1;
    b->cached = 0;
    uint32_t same = lookup_same(f, b, n);
    f->stats.cache_hit += (unsigned)__builtin_popcount(same);
    if (likely(same == all)) {
        return 0;
    }
    for (uint32_t l = all & ~same; l; l &= l - 1) {
        b->flows[__builtin_ctz(l)] = NULL;
    }
    uint32_t missed = lookup_tables(f, b, all & ~same);
    if (f->emc) {
        remember_same(b, n);
    }
    return missed;
}

/* ---- extract, lookup, and on ---- */

void journey_process(struct forwarder *f, struct packet_batch *batch)
{
    static const struct upcall_item miss = {.type = DP_UPCALL_MISS, .out_tunnel_port = PACKET_NO_PORT};
    if (unlikely(!batch->n)) {
        return;
    }
    struct burst *b = &f->bursts[f->n_bursts++];
    f->depth++;
    flow_extract_batch(batch, b->keys, b->blocks);
    uint32_t missed = lookup(f, b, batch->n);
    for (uint32_t left = missed; unlikely(left); left &= left - 1) {
        int i = __builtin_ctz(left);
        f->stats.missed++;
        journey_upcall(f, batch->packets[i], &b->keys[i], &miss);
    }
    if (f->shortcut.in && f->depth == 1) {
        dp_shortcut_learn(f, b, batch);
    }
    execute_flows(f, b, batch);
    f->depth--;
    f->n_bursts--;
}

void journey_again(struct forwarder *f, struct packet_batch *batch, bool last)
{
    static struct log_rate_limit limit = LOG_RATE_LIMIT_INIT(1, 5);
    unsigned cost = last ? DP_COST_ON : DP_COST_BRANCH;
    if (unlikely(f->nesting + cost > DP_MAX_NESTING)) {
        LOG_WARN_RL(&limit, "%s: packet recirculated too often, dropped", f->dp->up.name);
        forwarder_drop_batch(f, batch, DROP_RECURSION);
        return;
    }
    f->nesting += cost;
    journey_process(f, batch);
    f->nesting -= cost;
}

/* ---- vport_receive ---- */

static void leave(struct forwarder *f)
{
    if (f->depth == 0 && f->n_pending) {
        send_pending(f);
    }
}

/* What comes in over the port's rate goes no further. */
static void police(struct forwarder *f, struct dp_port *port, struct packet_batch *batch)
{
    uint32_t kept = 0, passed = policer_admit(&port->vport->policer, batch->packets, batch->n, f->now_us);
    for (uint32_t i = 0; i < batch->n; i++) {
        if (passed & 1u << i) {
            batch->packets[kept++] = batch->packets[i];
        } else {
            forwarder_drop(f, batch->packets[i], DROP_QOS_POLICED);
        }
    }
    batch->n = kept;
}

/* Frames too short for their link-layer header go no further. */
static void stamp(struct forwarder *f, struct dp_port *port, struct packet_batch *batch)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->n; i++) {
        struct packet *packet = batch->packets[i];
        packet->in_port = port->port_no;
        if (unlikely(packet->len < ETH_HEADER_LEN && packet->packet_type == FLOW_PT_ETH)) {
            forwarder_drop(f, packet, DROP_RUNT);
        } else {
            batch->packets[kept++] = packet;
        }
    }
    batch->n = kept;
}

void journey_receive(struct forwarder *f, struct dp_port *port, struct packet_batch *batch)
{
    f->now_us = clock_us();
    f->now_ms = f->now_us / 1000;
    f->stats.received += batch->n;
    stamp(f, port, batch);
    if (unlikely(policer_is_active(&port->vport->policer))) {
        police(f, port, batch);
    }
    dp_shortcut_begin(f, port);
    journey_process(f, batch);
    leave(f);
}

void journey_execute(struct forwarder *f, struct packet_batch *batch, const void *actions, size_t actions_len)
{
    /* Inline, upcalls are answered within what they came from. */
    if (unlikely(f->depth > 2 * DP_MAX_NESTING)) {
        forwarder_drop_batch(f, batch, DROP_RECURSION);
        return;
    }
    f->depth++;
    execute_actions(f, batch, actions, actions_len);
    f->depth--;
    leave(f);
}
