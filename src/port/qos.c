/* SPDX-License-Identifier: Apache-2.0 */
#include "port/qos.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/smap.h"
#include "port/qos_types.h"
#include "port/vport.h"

LOG_MODULE(netdev_linux);

#define ROOT_MINOR 0xfffe /* the class that all queues share */

struct queue {
    uint32_t id;
    struct qos_class class;
    int64_t created_ms;
};

/* What the device has of us. */
struct vport_qos {
    const struct qos_type *type; /* NULL: nothing */
    struct qos_params params;
    struct queue *queues; /* by id */
    size_t n_queues;
    char *refused; /* the type that could not be had at the last attempt, which has been logged; NULL: none */
    int refused_for;
};

static uint32_t class_of(uint32_t queue)
{
    return TC_CLASS(queue + 1);
}

static int ifindex_of(const struct vport *vport)
{
    return vport->status.ifindex;
}

/* The kernel has nothing of us any more. */
static void forget(struct vport_qos *q)
{
    q->type = NULL;
    free(q->queues);
    q->queues = NULL;
    q->n_queues = 0;
}

static struct queue *find_queue(const struct vport_qos *q, uint32_t id)
{
    for (size_t low = 0, high = q ? q->n_queues : 0; low < high;) {
        size_t middle = (low + high) / 2;
        if (q->queues[middle].id == id) {
            return &q->queues[middle];
        }
        if (q->queues[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* What is wanted, as the type reads it. Queue 0 is always there. */
static struct queue *parse_queues(const struct qos_type *type, const struct qos_params *params,
                                  const struct qos_config *config, size_t *n)
{
    struct queue *queues = xcalloc(config->n_queues + 1, sizeof *queues);
    bool has_default = config->n_queues && !config->queues[0].id;
    *n = 0;
    if (!type->has_classes) {
        return queues;
    }
    if (!has_default) {
        type->parse_class(params, NULL, &queues[(*n)++].class);
    }
    for (size_t i = 0; i < config->n_queues && config->queues[i].id < QOS_N_QUEUES; i++) {
        queues[*n].id = config->queues[i].id;
        type->parse_class(params, config->queues[i].other_config, &queues[(*n)++].class);
    }
    return queues;
}

static int put_class(const struct vport *vport, const struct qos_type *type, const struct qos_params *params,
                     uint32_t minor, uint32_t parent, const struct qos_class *class)
{
    struct tc_request r;
    tc_begin_class(&r, ifindex_of(vport), type->kind, TC_CLASS(minor), parent);
    type->put_class(&r, params, class);
    int error = tc_finish(&r);
    if (error) {
        LOG_WARN("failed to replace %s class 1:%u, parent %u:%u, min_rate %llu max_rate %llu burst %llu "
                 "prio %u (%s)",
                 vport->name, minor, parent >> 16, parent & 0xffff, (unsigned long long)class->min_rate,
                 (unsigned long long)class->max_rate, (unsigned long long)class->burst, class->priority,
                 strerror(error));
    }
    return error;
}

static int put_root_class(const struct vport *vport, const struct qos_type *type,
                          const struct qos_params *params)
{
    struct qos_class root;
    type->root_class(params, &root);
    return put_class(vport, type, params, ROOT_MINOR, TC_HANDLE, &root);
}

static int put_queue(const struct vport *vport, const struct qos_type *type, const struct qos_params *params,
                     const struct queue *queue)
{
    return put_class(vport, type, params, queue->id + 1, TC_CLASS(ROOT_MINOR), &queue->class);
}

/* The whole of it, in place of whatever the device has. */
static int install(const struct vport *vport, const struct qos_type *type, const struct qos_params *params,
                   struct queue *queues, size_t n)
{
    struct tc_request r;
    tc_delete_qdisc(ifindex_of(vport)); /* often there is none */
    tc_begin_qdisc(&r, ifindex_of(vport), type->kind);
    int error = type->put_qdisc(&r, vport, params);
    if (error) {
        return error;
    }
    error = tc_finish(&r);
    if (!error && type->has_classes) {
        error = put_root_class(vport, type, params);
        for (size_t i = 0; i < n && !error; i++) {
            error = put_queue(vport, type, params, &queues[i]);
            queues[i].created_ms = clock_ms();
        }
        if (error) {
            tc_delete_qdisc(ifindex_of(vport));
        }
    }
    return error;
}

/* The type is the same, and so are the settings that only a new discipline can take. ENOENT: somebody has
 * taken the discipline away. */
static int update(const struct vport *vport, const struct vport_qos *q, const struct qos_params *params,
                  struct queue *queues, size_t n)
{
    bool rates_moved = memcmp(params, &q->params, sizeof *params) != 0;
    int error = rates_moved ? put_root_class(vport, q->type, params) : 0;
    for (size_t i = 0; i < q->n_queues && !error; i++) {
        const struct vport_qos wanted = {.queues = queues, .n_queues = n};
        if (!find_queue(&wanted, q->queues[i].id)) {
            error = tc_delete_class(ifindex_of(vport), class_of(q->queues[i].id));
        }
    }
    for (size_t i = 0; i < n && !error; i++) {
        const struct queue *old = find_queue(q, queues[i].id);
        queues[i].created_ms = old ? old->created_ms : clock_ms();
        if (rates_moved || !old || memcmp(&old->class, &queues[i].class, sizeof old->class)) {
            error = put_queue(vport, q->type, params, &queues[i]);
        }
    }
    return error;
}

/* Once for each type and reason. */
static void log_refusal(const struct vport *vport, struct vport_qos *q, const struct qos_type *type,
                        const struct qos_params *params, int error)
{
    if (q->refused && !strcmp(q->refused, type->name) && q->refused_for == error) {
        return;
    }
    free(q->refused);
    q->refused = xstrdup(type->name);
    q->refused_for = error;
    if (type->log_failure) {
        type->log_failure(vport, params, error);
    }
    LOG_WARN("%s: Failed to install new qdisc: %s", vport->name, strerror(error));
}

/* The vport's kind may have to do with its queues, too. */
static void tell_kind(struct vport *vport, size_t n_before)
{
    size_t n = vport->qos->n_queues;
    if (vport->ops->set_queues && (n || n_before)) {
        uint32_t *ids = xcalloc(n + 1, sizeof *ids);
        for (size_t i = 0; i < n; i++) {
            ids[i] = vport->qos->queues[i].id;
        }
        vport->ops->set_queues(vport, ids, n);
        free(ids);
    }
}

static void apply(struct vport *vport, struct vport_qos *q, const struct qos_type *type,
                  const struct qos_config *config)
{
    struct qos_params params;
    size_t n;
    memset(&params, 0, sizeof params);
    params.mtu = (uint32_t)MAX(vport->status.mtu, 0);
    type->parse(vport, config->other_config, &params);
    params.mtu = type->has_classes ? params.mtu : 0;
    struct queue *queues = parse_queues(type, &params, config, &n);
    bool in_place = type == q->type && (type->has_classes || !memcmp(&params, &q->params, sizeof params));
    int error = in_place ? update(vport, q, &params, queues, n) : ENOENT;
    if (error) {
        forget(q);
        tell_kind(vport, 1); /* counters begin anew */
        error = install(vport, type, &params, queues, n);
    }
    if (error) {
        log_refusal(vport, q, type, &params, error);
        free(queues);
        return;
    }
    free(q->refused);
    q->refused = NULL;
    free(q->queues);
    q->type = type;
    q->params = params;
    q->queues = queues;
    q->n_queues = n;
}

/* A discipline that the device had before it was ours goes: the switch manages it (QoS, type, linux-noop). */
static void take_over(const struct vport *vport)
{
    char kind[TC_KIND_MAX];
    uint32_t handle;
    if (!tc_get_qdisc(ifindex_of(vport), kind, &handle) && handle) {
        LOG_INFO("%s: taking away its queueing discipline %s", vport->name, kind);
        tc_delete_qdisc(ifindex_of(vport));
    }
}

static void set_qos(struct vport *vport, const struct qos_config *config)
{
    bool first = !vport->qos;
    if (first) {
        vport->qos = xzalloc(sizeof *vport->qos);
    }
    struct vport_qos *q = vport->qos;
    const struct qos_type *type = config->type ? qos_type_lookup(config->type) : NULL;
    if (type && !type->kind) {
        forget(q);
        return;
    }
    if (type) {
        apply(vport, q, type, config);
        return;
    }
    if (config->type && (!q->refused || strcmp(q->refused, config->type))) {
        LOG_WARN("%s: there is no QoS type \"%s\" for it", vport->name, config->type);
    }
    free(q->refused);
    q->refused = config->type ? xstrdup(config->type) : NULL;
    q->refused_for = 0;
    if (q->type) {
        tc_delete_qdisc(ifindex_of(vport));
        forget(q);
    } else if (first) {
        take_over(vport);
    }
}

void vport_set_qos(struct vport *vport, const struct qos_config *config)
{
    if (vport->ops->has_qdisc && ifindex_of(vport) && !vport->status.gone && !vport->status.elsewhere) {
        size_t n_before = vport->qos ? vport->qos->n_queues : 0;
        set_qos(vport, config);
        tell_kind(vport, n_before);
    }
}

void vport_qos_fini(struct vport *vport)
{
    struct vport_qos *q = vport->qos;
    if (q) {
        if (q->type && !vport->status.gone && !vport->status.elsewhere) {
            tc_delete_qdisc(ifindex_of(vport));
        }
        forget(q);
        free(q->refused);
        free(q);
        vport->qos = NULL;
    }
}

/* Reading. */

void vport_qos_types(const struct vport *vport, void (*each)(const char *name, void *aux), void *aux)
{
    for (unsigned i = 0; vport->ops->has_qdisc && qos_type_at(i); i++) {
        each(qos_type_at(i)->name, aux);
    }
}

const char *vport_get_qos(const struct vport *vport, qos_setting_func *each, void *aux)
{
    const struct vport_qos *q = vport->qos;
    if (q && q->type) {
        q->type->show(&q->params, each, aux);
        return q->type->name;
    }
    /* Where ours was refused, the device has what the kernel gives it. */
    char kind[TC_KIND_MAX];
    uint32_t handle;
    return q && q->refused && q->refused_for && !tc_get_qdisc(ifindex_of(vport), kind, &handle)
               ? "linux-other"
               : "";
}

void vport_get_queue(const struct vport *vport, uint32_t id, qos_setting_func *each, void *aux)
{
    const struct vport_qos *q = vport->qos;
    const struct queue *queue = find_queue(q, id);
    if (queue) {
        q->type->show_class(&queue->class, each, aux);
    }
}

size_t vport_n_queues(const struct vport *vport)
{
    return vport->ops->is_dummy ? 1 : vport->qos ? vport->qos->n_queues : 0;
}

uint32_t vport_queue_id(const struct vport *vport, size_t i)
{
    return vport->ops->is_dummy ? 0 : vport->qos->queues[i].id;
}

static const struct vport_queue_stats nothing_known = {
    .tx_packets = UINT64_MAX, .tx_bytes = UINT64_MAX, .tx_errors = UINT64_MAX, .created_ms = INT64_MIN};

static void set_counters(const struct vport *vport, uint32_t id, struct vport_queue_stats *stats,
                         const struct tc_count *counted)
{
    stats->tx_packets =
        counted->packets + (vport->ops->get_uncounted ? vport->ops->get_uncounted(vport, id) : 0);
    stats->tx_bytes = counted->bytes;
    stats->tx_errors = counted->drops;
}

int vport_get_queue_stats(const struct vport *vport, uint32_t id, struct vport_queue_stats *stats)
{
    struct tc_count counted = {.packets = 0};
    const struct queue *queue = find_queue(vport->qos, id);
    *stats = nothing_known;
    if (vport->ops->is_dummy) {
        return id ? ENOENT : 0;
    }
    if (!queue) {
        return ENOENT;
    }
    stats->created_ms = queue->created_ms;
    int error = tc_get_class(ifindex_of(vport), class_of(id), TC_CLASS(ROOT_MINOR), &counted);
    if (error) {
        LOG_WARN("query %s class 1:%u (parent 1:%u) failed (%s)", vport->name, id + 1, ROOT_MINOR,
                 strerror(error));
    } else {
        set_counters(vport, id, stats, &counted);
    }
    return error;
}

struct all_stats {
    const struct vport *vport;
    struct vport_queue_stats *stats;
};

static void take_class(uint32_t handle, const struct tc_count *counted, void *all_)
{
    struct all_stats *all = all_;
    const struct vport_qos *q = all->vport->qos;
    const struct queue *queue = find_queue(q, (handle & 0xffff) - 1);
    if (queue && handle >> 16 == TC_HANDLE >> 16) {
        set_counters(all->vport, queue->id, &all->stats[queue - q->queues], counted);
    }
}

int vport_get_all_queue_stats(const struct vport *vport, struct vport_queue_stats *stats)
{
    struct all_stats all = {vport, stats};
    for (size_t i = 0; i < vport_n_queues(vport); i++) {
        stats[i] = nothing_known;
        if (vport->qos) {
            stats[i].created_ms = vport->qos->queues[i].created_ms;
        }
    }
    return vport->qos && vport->qos->n_queues ? tc_each_class(ifindex_of(vport), take_class, &all) : 0;
}
