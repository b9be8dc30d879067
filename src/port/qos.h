/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Quality of service of a port: the kernel's queueing disciplines on its device, with a queue for
 * each class of them (ovs-vswitchd.conf.db(5), QoS and Queue).
 *
 * What passes the discipline is what the host's stack gives to the device's driver: for `system` ports what
 * the switch sends; for `internal` and `tap` ports what the host sends into the bridge; an AF_XDP port's own
 * packets do not pass it. A packet says which queue it is for with its priority: vport_queue_priority().
 *
 * Where the kernel refuses (it lacks the discipline, say), the port goes on without, and one line of the log
 * says so. A dummy has one queue, 0, whose packets nobody counts.
 *
 * The discipline goes with the vport (vport_close()), but for type linux-noop, which leaves the device's
 * disciplines to others.
 *
 * Thread-safety: control thread alone, but for vport_queue_priority(). Errors: a positive errno. */
#ifndef PORT_QOS_H
#define PORT_QOS_H 1

#include <stddef.h>
#include <stdint.h>

struct smap;
struct vport;

#define QOS_N_QUEUES 0xf000u /* queues are numbered below this */

/* As the database has it. Keys that are not known are ignored, values that make no sense read as if they were
 * not there. */
struct qos_queue_config {
    uint32_t id;
    const struct smap *other_config;
};
struct qos_config {
    const char *type; /* NULL: none */
    const struct smap *other_config;
    const struct qos_queue_config *queues; /* by id, each once */
    size_t n_queues;
};

/* Changes what differs. CONFIG is not kept. */
void vport_set_qos(struct vport *, const struct qos_config *);

/* The types that the vport's kind knows. */
void vport_qos_types(const struct vport *, void (*each)(const char *name, void *aux), void *aux);

/* What is in force: the type's name, "" if none is; its settings, and a queue's, defaults included, in the
 * order in which qos/show prints them. */
typedef void qos_setting_func(const char *key, uint64_t value, void *aux);
const char *vport_get_qos(const struct vport *, qos_setting_func *each, void *aux);
void vport_get_queue(const struct vport *, uint32_t id, qos_setting_func *each, void *aux);

/* The queues, ascending: how many; the number of the Ith. */
size_t vport_n_queues(const struct vport *);
uint32_t vport_queue_id(const struct vport *, size_t i);

struct vport_queue_stats {
    uint64_t tx_packets, tx_bytes, tx_errors; /* UINT64_MAX: not known */
    int64_t created_ms;                       /* by clock_ms(); INT64_MIN: not known */
};
/* ENOENT: no such queue. */
int vport_get_queue_stats(const struct vport *, uint32_t id, struct vport_queue_stats *);
/* STATS of all queues, vport_n_queues() of them, in their order; one request to the kernel. */
int vport_get_all_queue_stats(const struct vport *, struct vport_queue_stats *stats);

/* The priority by which the kernel's disciplines know a queue: the class's handle. */
static inline uint32_t vport_queue_priority(uint32_t queue)
{
    return 0x10000u | (queue + 1);
}

/* For vport.c: the vport ends. */
void vport_qos_fini(struct vport *);

#endif
