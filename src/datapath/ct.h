/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. The datapath's connections: the ct action, and the contract's hooks about them.
 * Threads: dp_ct_execute() any forwarder's; the hooks the control thread. */
#ifndef DATAPATH_CT_H
#define DATAPATH_CT_H 1

#include "action/action.h"
#include "conntrack/conntrack.h"
#include "datapath/dp.h"

/* ACTIONS are those that follow: fragments that have completed a packet go on by them by themselves. */
void dp_ct_execute(struct forwarder *, struct packet_batch *, const struct dp_action_ct *,
                   const void *actions, size_t actions_len);

void dp_ct_dump(struct datapath *, int32_t zone, void (*each)(const struct ct_entry *, void *aux), void *aux);
uint32_t dp_ct_flush(struct datapath *, int32_t zone, const struct ct_match *orig,
                     const struct ct_match *reply);
uint64_t dp_ct_get(struct datapath *, enum dp_ct_param);
int dp_ct_set(struct datapath *, enum dp_ct_param, uint64_t value);
void dp_ct_frag_status(struct datapath *, struct ct_frag_status *);
void dp_ct_frag_dump(struct datapath *, void (*each)(const struct ct_frag_entry *, void *aux), void *aux);
void dp_ct_set_limit(struct datapath *, int32_t zone, uint32_t limit);
int dp_ct_del_limit(struct datapath *, uint16_t zone);
void dp_ct_get_limit(struct datapath *, int32_t zone, struct ct_zone_limit *);
void dp_ct_each_limit(struct datapath *, void (*each)(const struct ct_zone_limit *, void *aux), void *aux);
void dp_ct_set_timeouts(struct datapath *, uint16_t policy, const int64_t *seconds);

#endif
