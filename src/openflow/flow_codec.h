/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Flow mods, flow statistics and flow-removed on the wire, in every version. Pure functions. */
#ifndef OPENFLOW_FLOW_CODEC_H
#define OPENFLOW_FLOW_CODEC_H 1

#include "openflow/flow_mod.h"
#include "openflow/msg.h"

/* PROTOCOL: one bit of OFPROTO_*. */
void flow_mod_encode(struct bytebuf *, const struct flow_mod *, uint32_t protocol, uint32_t xid);
/* FM is made new, and finished on an error. PROTOCOL says how OpenFlow 1.0's command field is to be read
 * (with a table id or not); the version is the message's. */
enum ofperr flow_mod_decode(const struct ofp_msg *, uint32_t protocol, struct flow_mod *fm);

void flow_stats_request_encode(struct bytebuf *, const struct flow_stats_request *, uint32_t protocol,
                               uint32_t xid);
enum ofperr flow_stats_request_decode(const struct ofp_msg *, struct flow_stats_request *);

/* One flow into a reply that ofp_msg_begin() began. NX: it is NXST_FLOW. */
void flow_stats_encode(struct bytebuf *, const struct flow_stats *, enum ofp_version, bool nx,
                       bool with_ages);
/* The next flow of a reply; *MORE false at the end. The actions go into OFPACTS (cleared before). */
enum ofperr flow_stats_decode(struct reader *, const struct ofp_msg *, bool with_ages, struct flow_stats *,
                              struct bytebuf *ofpacts, bool *more);

/* The statistics of a flow alone: OpenFlow 1.5's FLOW_STATS. */
enum flow_counts_reason {
    FLOW_COUNTS_REQUESTED,
    FLOW_COUNTS_TRIGGERED /* by a flow's stat_trigger */
};
/* The match, table, priority and counters of FS. */
void flow_counts_encode(struct bytebuf *, const struct flow_stats *fs, enum flow_counts_reason);
enum ofperr flow_counts_decode(struct reader *, struct flow_stats *fs, uint8_t *reason, bool *more);

struct aggregate_stats {
    uint64_t packet_count, byte_count;
    uint32_t flow_count;
};
void aggregate_stats_encode(struct bytebuf *, const struct aggregate_stats *, const struct ofp_msg *request);
enum ofperr aggregate_stats_decode(const struct ofp_msg *, struct aggregate_stats *);

struct flow_removed {
    struct match match;
    uint64_t cookie, packet_count, byte_count;
    uint32_t duration_sec, duration_nsec;
    uint16_t priority, idle_timeout, hard_timeout;
    uint8_t reason; /* 0 idle, 1 hard, 2 delete, 3 group_delete, 4 meter_delete, 5 eviction */
    uint8_t table_id;
};
void flow_removed_encode(struct bytebuf *, const struct flow_removed *, uint32_t protocol);
enum ofperr flow_removed_decode(const struct ofp_msg *, struct flow_removed *);

#endif
