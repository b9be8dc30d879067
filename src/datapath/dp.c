/* SPDX-License-Identifier: Apache-2.0 */
/* The userspace datapath: one class, three kinds. `netdev` and `system` ("the best this host has", which
 * today is this one) have forwarding threads and queued upcalls; `dummy` runs everything inline on the
 * control thread. */
#include "datapath/datapath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/rcu.h"
#include "base/smap.h"
#include "conntrack/fragments.h"
#include "datapath/ct.h"
#include "datapath/dp.h"
#include "datapath/journey.h"
#include "datapath/meter.h"
#include "datapath/show.h"
#include "port/dummy.h"
#include "port/shortcut.h"
#include "tunnel/stt.h"

static void destroy(struct datapath *up)
{
    struct dp *dp = dp_cast(up);
    for (uint32_t n = DP_MAX_PORTS; n-- > 0 && dp->n_ports;) {
        if (dp->ports[n]) {
            dp_port_del(up, n);
        }
    }
    dp_threads_stop(dp);
    dp_flow_flush(up);
    rcu_barrier_all(); /* flows and actions that wait for a grace period */
    dp_handler_destroy(dp->synthetic);
    shortcut_release(atomic_load(&dp->shortcut_total));
    megaflow_table_destroy(dp->megaflows);
    dp_meters_destroy(dp->meters);
    conntrack_destroy(dp->conntrack);
    upcall_ring_destroy(dp->stray);
    hmap_fini(&dp->ports_by_name);
    hmap_fini(&dp->flows_by_ufid);
    hmap_fini(&dp->actions);
    pthread_mutex_destroy(&dp->flows_mutex);
    pthread_mutex_destroy(&dp->forwarders_mutex);
    pthread_mutex_destroy(&dp->handlers_mutex);
    pthread_mutex_destroy(&dp->stray_mutex);
    pthread_mutex_destroy(&dp->shortcut_mutex);
    free(dp->ports);
    free(dp->cpu_mask);
    free(dp);
}

static int create(const struct datapath_ops *ops, const char *name, struct datapath **dpp, char **errorp)
{
    struct dp *dp = xzalloc_cacheline(sizeof *dp);
    dp->up.ops = ops;
    dp->is_inline = ops->is_inline;
    dp->ports = xcalloc(DP_MAX_PORTS, sizeof *dp->ports);
    hmap_init(&dp->ports_by_name);
    hmap_init(&dp->flows_by_ufid);
    hmap_init(&dp->actions);
    dp->actions_seed = random_u32();
    list_init(&dp->handlers);
    pthread_mutex_init(&dp->flows_mutex, NULL);
    pthread_mutex_init(&dp->forwarders_mutex, NULL);
    pthread_mutex_init(&dp->handlers_mutex, NULL);
    pthread_mutex_init(&dp->stray_mutex, NULL);
    pthread_mutex_init(&dp->shortcut_mutex, NULL);
    unsigned n_threads = dp->is_inline ? 0 : dp_default_threads();
    dp->isolate = true;
    dp->n_counters = n_threads + 1; /* the last: handlers */
    dp->megaflows =
        megaflow_table_create(sizeof(struct dp_flow) + dp->n_counters * sizeof(struct flow_counters));
    dp->meters = dp_meters_create();
    dp->conntrack = conntrack_create();
    dp->stray = upcall_ring_create(PACKET_NO_PORT);
    dp->up.name = (char *)name; /* for messages; dpif owns it */
    dp->synthetic = dp_handler_create(&dp->up, false);
    dp_threads_start(dp, n_threads);

    /* The datapath's own device, port 0, as the reference has one. */
    uint32_t port_no = 0;
    int error = dp_port_add(&dp->up, name, "internal", NULL, &port_no, errorp);
    if (error) {
        destroy(&dp->up);
        return error;
    }
    *dpp = &dp->up;
    return 0;
}

static void set_upcall_cb(struct datapath *up, void (*cb)(struct dp_upcall *, void *aux), void *aux)
{
    struct dp *dp = dp_cast(up);
    dp->upcall_cb = cb;
    dp->upcall_aux = aux;
}

/* Takes what waits in the port's queues through the journey, here and now. */
static void drain(struct forwarder *f, struct dp_port *port)
{
    for (unsigned i = 0; i < port->n_sources; i++) {
        struct vport_rxq *rxq = port->sources[i].rxq;
        for (;;) {
            struct packet_batch batch;
            batch_init(&batch);
            if (!rxq || port->vport->ops->rxq_recv(rxq, f->pool, &batch) || !batch.n) {
                break;
            }
            f->ring = port->sources[i].ring;
            journey_receive(f, port, &batch);
        }
    }
}

static int receive(struct datapath *up, uint32_t port_no, uint16_t queue, const void *frame, size_t len)
{
    struct dp *dp = dp_cast(up);
    struct dp_port *port = dp_port_get(dp, port_no);
    if (!port) {
        return ENODEV;
    }
    if (!vport_is_dummy(port->vport)) {
        return EOPNOTSUPP;
    }
    int error = frame ? vport_dummy_receive(port->vport, queue, frame, len) : 0;
    if (!error && port->vport->ops->synthetic) {
        drain(&dp->synthetic->fwd, port);
    }
    return error;
}

static uint32_t n_masks(struct datapath *up)
{
    return megaflow_table_n_masks(dp_cast(up)->megaflows);
}

static void get_stats(struct datapath *up, struct dp_stats *stats)
{
    struct dp *dp = dp_cast(up);
    struct forwarder_stats sum;
    forwarder_sum(dp, &sum);
    uint64_t shortcut = dp_shortcut_packets(dp); /* the kernel's exact-match cache */
    *stats = (struct dp_stats){
        .n_hit = sum.cache_hit + sum.mega_hit + shortcut,
        .n_cache_hit = sum.cache_hit + shortcut,
        .n_missed = sum.missed,
        .n_lost = sum.lost,
        .n_mask_hit = sum.masks_tried,
        .n_masks = megaflow_table_n_masks(dp->megaflows),
    };
    pthread_mutex_lock(&dp->flows_mutex);
    stats->n_flows = hmap_count(&dp->flows_by_ufid);
    pthread_mutex_unlock(&dp->flows_mutex);
}

static void fragment_expired(uint32_t port, void *f_)
{
    forwarder_count_drop(f_, port, DROP_FRAGMENT);
}

static void sweep(struct datapath *up)
{
    struct dp *dp = dp_cast(up);
    int64_t now_ms = clock_ms();
    struct dp_port *port;
    conntrack_sweep(dp->conntrack, now_ms);
    conntrack_sweep_fragments(dp->conntrack, now_ms, fragment_expired, &dp->synthetic->fwd);
    HMAP_FOR_EACH (port, name_node, &dp->ports_by_name) {
        if (port->stt) {
            stt_frames_sweep(port->stt, now_ms, fragment_expired, &dp->synthetic->fwd);
        }
    }
}

#define OPERATIONS                                                                                           \
    .create = create, .destroy = destroy, .port_add = dp_port_add, .port_del = dp_port_del,                  \
    .port_set_options = dp_port_set_options, .port_query = dp_port_query,                                    \
    .port_set_affinity = dp_port_set_affinity, .set_forwarding = dp_set_forwarding,                          \
    .port_query_name = dp_port_query_name, .port_dump = dp_port_dump, .port_drops = dp_port_drops,           \
    .port_hold = dp_port_hold, .flow_put = dp_flow_put, .flow_del = dp_flow_del,                             \
    .flow_del_batch = dp_flow_del_batch, .flow_get = dp_flow_get, .flow_flush = dp_flow_flush,               \
    .flow_stats = dp_flow_stats, .flow_prefetch = dp_flow_prefetch, .flow_dump = dp_flow_dump,               \
    .handler_create = dp_handler_create, .handler_destroy = dp_handler_destroy,                              \
    .handler_pool = dp_handler_pool, .upcall_recv = dp_handler_recv, .upcall_fd = dp_handler_fd,             \
    .set_upcall_cb = set_upcall_cb, .execute = dp_handler_execute, .drop = dp_handler_drop,                  \
    .receive = receive, .get_stats = get_stats, .n_masks = n_masks, .meter_set = dp_meter_set,               \
    .meter_get = dp_meter_get, .meter_del = dp_meter_del, .sweep = sweep, .ct_dump = dp_ct_dump,             \
    .ct_flush = dp_ct_flush, .ct_get = dp_ct_get, .ct_set = dp_ct_set, .ct_frag_status = dp_ct_frag_status,  \
    .ct_frag_dump = dp_ct_frag_dump, .ct_set_limit = dp_ct_set_limit, .ct_del_limit = dp_ct_del_limit,       \
    .ct_get_limit = dp_ct_get_limit, .ct_each_limit = dp_ct_each_limit,                                      \
    .ct_set_timeouts = dp_ct_set_timeouts, .show = dp_show

static const struct datapath_ops netdev_ops = {.type = "netdev", .default_name = "ovs-netdev", OPERATIONS};
static const struct datapath_ops system_ops = {
    .type = "system", .default_name = "ovs-system", .queues_by_handle = true, OPERATIONS};
static const struct datapath_ops dummy_ops = {
    .type = "dummy", .default_name = "ovs-dummy", .is_inline = true, OPERATIONS};

void datapath_register(bool with_dummy, bool with_system)
{
    dpif_register(&netdev_ops);
    if (with_system) {
        dpif_register(&system_ops);
    }
    if (with_dummy) {
        dpif_register(&dummy_ops);
    }
}
