/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4, for this folder alone. The tracker itself. Letters as in table.h; c: the control thread alone. */
#ifndef CONNTRACK_PRIVATE_H
#define CONNTRACK_PRIVATE_H 1

#include "conntrack/conntrack.h"
#include "conntrack/table.h"

#define CT_N_ZONES    65536
#define CT_N_POLICIES 65536

struct ct_expectations;
struct ct_fragment_store;

struct ct_zone {
    uint32_t count; /* a: connections in it */
    uint32_t limit; /* a, c writes */
    bool has_limit; /* a, c writes */
};

struct ct_policy {
    struct rcu_head rcu;
    int64_t seconds[CT_N_TIMEOUTS]; /* -1: the default */
};

struct conntrack {
    struct ct_table *table;               /* i */
    uint32_t maxconns;                    /* a, c writes */
    bool check_seq;                       /* a, c writes */
    uint32_t default_limit;               /* a, c writes; 0: none */
    struct ct_zone *zones;                /* i: CT_N_ZONES */
    struct ct_policy **policies;          /* RCU, as what it points to; c writes. NULL: there was none yet */
    struct ct_fragment_store *fragments;  /* i */
    struct ct_expectations *expectations; /* i */
    unsigned sweep_at;                    /* c: the shard that is swept next */
};

#endif
