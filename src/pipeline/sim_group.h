/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for sim.c alone. A group from ovs-ofctl(8)'s text, in types of its own: the codec's and the
 * pipeline's have the same names. Ownership: the caller frees with sim_group_fini(). Thread-safety: plain
 * data. */
#ifndef PIPELINE_SIM_GROUP_H
#define PIPELINE_SIM_GROUP_H 1

#include "openflow/actions.h"

#define SIM_MAX_BUCKETS 64

struct sim_group {
    uint32_t id;
    int type;      /* all, select, indirect, fast failover */
    int selection; /* default, dp_hash, hash */
    uint64_t param;
    uint16_t fields[64]; /* enum field_id */
    size_t n_fields;
    struct {
        uint32_t id, watch_port, watch_group;
        uint16_t weight;
        struct ofpact *actions;
        size_t len;
    } buckets[SIM_MAX_BUCKETS];
    size_t n_buckets;
};

/* TEXT as add-group takes it. Error text, malloc'd; NULL: fine. */
char *sim_group_parse(struct sim_group *, const char *text);
void sim_group_fini(struct sim_group *);

#endif
