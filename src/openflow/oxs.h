/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5, for openflow/ itself. OXS: statistics of a flow as TLVs, OpenFlow 1.5; and thresholds of
 * statistics, which have the same form. Pure functions; hostile input is answered with an error. */
#ifndef OPENFLOW_OXS_H
#define OPENFLOW_OXS_H 1

#include "openflow/errors.h"
#include "openflow/wire.h"

enum {
    OXS_DURATION = 0,
    OXS_IDLE_TIME = 1,
    OXS_FLOW_COUNT = 3,
    OXS_PACKET_COUNT = 4,
    OXS_BYTE_COUNT = 5
};
struct oxs {
    unsigned present; /* 1 << OXS_* */
    uint32_t duration_sec, duration_nsec, idle_sec, idle_nsec, flow_count;
    uint64_t packet_count, byte_count;
};

/* The list with its header, padded to 8. */
void oxs_put(struct bytebuf *, const struct oxs *);
/* What is not there is 0, counts UINT64_MAX; unknown classes and fields are passed over. */
enum ofperr oxs_get(struct reader *, struct oxs *);

#endif
