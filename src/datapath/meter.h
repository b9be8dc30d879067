/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. Meters (OpenFlow 1.3, section 5.7): token buckets that packets of many forwarding threads share.
 * Thread-safety: set, get, delete: control thread. run: any forwarder; a meter's bands are under its own
 * lock, held for a burst. */
#ifndef DATAPATH_METER_H
#define DATAPATH_METER_H 1

#include "dpif/dpif.h"

#define DP_MAX_METERS      262144
#define DP_METER_MAX_BANDS 8

struct dp_meters;
struct forwarder;

struct dp_meters *dp_meters_create(void);
void dp_meters_destroy(struct dp_meters *);

int dp_meter_set(struct datapath *, uint32_t meter_id, const struct dp_meter *);
int dp_meter_get(struct datapath *, uint32_t meter_id, struct dp_meter *);
int dp_meter_del(struct datapath *, uint32_t meter_id, struct dp_meter *last);

/* Takes what is over the rate out of BATCH, dropped for METER; dscp_remark bands raise the drop precedence. A
 * meter that is not there lets everything pass. */
void dp_meters_run(struct forwarder *, uint32_t meter_id, struct packet_batch *);

#endif
