/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Time-out policies of connection tracking zones (the Datapath, CT_Zone and CT_Timeout_Policy
 * tables). A policy has a number in its datapath, which translation puts into the `ct` actions that commit:
 * zones with equal times share one.
 *
 * Thread-safety: the control thread changes; any RCU reader looks up. */
#ifndef PIPELINE_CT_ZONES_H
#define PIPELINE_CT_ZONES_H 1

#include <stddef.h>
#include <stdint.h>

#include "conntrack/proto.h"

struct ct_zones;
struct dp_backer;
struct pipeline;

struct ct_zone_times {
    uint16_t zone;
    int64_t seconds[CT_N_TIMEOUTS]; /* by enum ct_timeout; -1: the default */
};

/* From the next commit on the zones of the datapath of TYPE ("" is "system") that have policies are the N
 * ones, in the order of their zones. Nothing if no bridge uses such a datapath. */
void pipeline_set_ct_zones(struct pipeline *, const char *type, const struct ct_zone_times *, size_t n);

/* For this folder. */
uint16_t ct_zone_policy(const struct dp_backer *, uint16_t zone); /* 0: the default times */
void ct_zones_destroy(struct dp_backer *);                        /* nobody reads them */

#endif
