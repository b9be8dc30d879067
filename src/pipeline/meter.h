/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. A bridge's meters: OpenFlow's numbers, each with a meter of the datapath that does the work. The
 * bridges of one datapath share its meters' numbers.
 *
 * Ownership: a bridge owns its meters, which leave the datapath with it. Thread-safety: the control thread;
 * ofproto_meter_dp_id() any RCU thread. */
#ifndef PIPELINE_METER_H
#define PIPELINE_METER_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/rcu.h"
#include "openflow/errors.h"
#include "openflow/meter_codec.h"

struct meter_table;
struct ofproto;
struct rule;

#define METER_MAX_BANDS 8

struct ofmeter {
    struct meter_config config; /* const, its own */
    uint32_t dp_id;             /* const: the datapath's number */
    uint32_t n_rules;           /* control: rules that name it */
    int64_t created_ms;         /* const */
    struct rcu_head rcu;
};

struct meter_table *meter_table_create(void);
/* No reader is left. */
void meter_table_destroy(struct ofproto *);

/* The datapath's number of the meter METER_ID (OFPM_CONTROLLER and OFPM_SLOWPATH, too), UINT32_MAX: there is
 * no such meter. Any RCU thread. */
uint32_t ofproto_meter_dp_id(const struct ofproto *, uint32_t meter_id);

const struct ofmeter *ofproto_meter_find(const struct ofproto *, uint32_t meter_id); /* NULL: none */
/* In the order of ids. */
void ofproto_meter_for_each(const struct ofproto *, void (*each)(const struct ofmeter *, void *aux),
                            void *aux);
/* What the datapath has counted. BANDS of S is allocated, the caller's to free. */
void ofproto_meter_stats(const struct ofproto *, const struct ofmeter *, struct meter_stats *s);

enum ofperr ofproto_meter_add(struct ofproto *, const struct meter_config *);
/* Counters begin anew. */
enum ofperr ofproto_meter_modify(struct ofproto *, const struct meter_config *);
/* OFPM_ALL: all of them. The rules that use them go too. */
void ofproto_meter_delete(struct ofproto *, uint32_t meter_id);

/* A rule that names meters came into force (BY 1), or left it (-1). */
void meters_count_rule(struct ofproto *, const struct rule *, int by);

#endif
