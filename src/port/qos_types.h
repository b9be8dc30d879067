/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. The types of quality of service: how each reads its settings, what it tells the
 * kernel, what it shows. qos.c decides what is to be told. Thread-safety: control thread alone. */
#ifndef PORT_QOS_TYPES_H
#define PORT_QOS_TYPES_H 1

#include <stdbool.h>
#include <stdint.h>

#include "port/qos.h"
#include "port/tc.h"

struct vport;

/* Of a class: bytes a second, bytes. */
struct qos_class {
    uint64_t min_rate, max_rate, burst;
    uint32_t priority;
};

/* Of a discipline. Which members mean something is the type's business; the others are zero, so that two can
 * be compared byte by byte. */
struct qos_params {
    uint32_t mtu;
    uint32_t values[5]; /* by the type's table of keys */
    uint64_t max_rate;  /* bytes a second; of types with classes */
};

struct qos_type {
    const char *name;
    const char *kind; /* the kernel's; NULL: we are to keep off (linux-noop) */
    bool has_classes;

    void (*parse)(const struct vport *, const struct smap *, struct qos_params *);
    /* Puts TCA_OPTIONS. An errno if the settings cannot be: it has been logged. */
    int (*put_qdisc)(struct tc_request *, const struct vport *, const struct qos_params *);
    /* A line of the log about a discipline that the kernel refused for ERROR. May be NULL. */
    void (*log_failure)(const struct vport *, const struct qos_params *, int error);
    void (*show)(const struct qos_params *, qos_setting_func *, void *aux);

    /* Types with classes. ROOT: that of the whole, the parent of all others. */
    void (*parse_class)(const struct qos_params *, const struct smap *, struct qos_class *);
    void (*root_class)(const struct qos_params *, struct qos_class *);
    void (*put_class)(struct tc_request *, const struct qos_params *, const struct qos_class *);
    void (*show_class)(const struct qos_class *, qos_setting_func *, void *aux);
};

/* NULL: there is none. */
const struct qos_type *qos_type_lookup(const char *name);
const struct qos_type *qos_type_at(unsigned i); /* in the order of qos/show-types; NULL: past the last */

#endif
