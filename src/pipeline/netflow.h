/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. NetFlow version 5 of a bridge: what passed, by IPv4 addresses, protocol, ports and input port, is
 * told to collectors by UDP (ovs-vswitchd.conf.db(5), NetFlow). A record goes out when the cached flows that
 * its packets went by are gone, every `active timeout` while they are not, and when the packets begin to
 * leave by another port.
 *
 * Translation makes the cached flow narrow enough (netflow_mask()), and its record credits the packets to the
 * flow that netflow_id_create() names.
 *
 * Ownership: counted references; the bridge, snapshots and records of translations hold them.
 * Thread-safety: any thread, but for what is said. Collectors are sent to and never waited for. */
#ifndef PIPELINE_NETFLOW_H
#define PIPELINE_NETFLOW_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/key.h"

struct netflow;
struct netflow_id;
struct task_queue;
struct traffic;

struct netflow_settings {
    const char *const *targets; /* "IP:PORT" */
    size_t n_targets;
    int active_timeout_s;       /* 0: 600; -1: never */
    int engine_type, engine_id; /* 0 to 255; -1: the bridge's datapath says */
    bool id_in_interfaces;
};

/* Instead of an output port's number. */
#define NETFLOW_OUT_NONE  (UINT16_MAX - 2)
#define NETFLOW_OUT_MULTI (UINT16_MAX - 1)
#define NETFLOW_OUT_FLOOD UINT16_MAX

/* control. DATAPATH: by its name the engine is known that is not set. */
struct netflow *netflow_create(struct task_queue *, const char *datapath);
void netflow_set(struct netflow *, const struct netflow_settings *);
void netflow_stop(struct netflow *); /* control: tells what there is to tell, and tells no more */
void netflow_ref(struct netflow *);
void netflow_unref(struct netflow *); /* NULL is legal */

/* A flow is told by these fields of the key: they become certain. */
void netflow_mask(const struct flow_key *, struct flow_mask *);
/* What packets of KEY that leave by OUT are of; NULL: nothing that NetFlow tells of. free()d. */
struct netflow_id *netflow_id_create(const struct flow_key *, uint32_t out);
void netflow_credit(struct netflow *, const struct netflow_id *, const struct traffic *);
/* The cached flow is gone. */
void netflow_end(struct netflow *, const struct netflow_id *);

#endif
