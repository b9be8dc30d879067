/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What datapaths can do, in the reference's words: `dpif/show-dp-features`, and the `capabilities`
 * of the Datapath table, by which clients (ovn-controller) decide what they ask for. All datapaths are of one
 * class, and can do the same.
 *
 * Thread-safety: control thread. */
#ifndef PIPELINE_DP_FEATURES_H
#define PIPELINE_DP_FEATURES_H 1

#include <stdbool.h>
#include <stddef.h>

struct pipeline;

struct pipeline_dp_feature {
    const char *title; /* NULL: the command does not show it */
    const char *key;   /* in `capabilities` */
    int number;        /* 0: none, it is there; -1: how many VLAN tags */
    bool plain;        /* `capabilities` says "true" in place of the number */
};
extern const struct pipeline_dp_feature pipeline_dp_features[];
extern const size_t pipeline_n_dp_features;

/* Its number as text, in BUF if need be. */
const char *pipeline_dp_feature(const struct pipeline *, const struct pipeline_dp_feature *, char buf[16]);

#endif
