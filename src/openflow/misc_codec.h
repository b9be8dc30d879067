/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. The small messages on the wire: roles, which asynchronous messages a controller wants,
 * switch configuration and description, table mods, table descriptions and statistics. Pure functions. */
#ifndef OPENFLOW_MISC_CODEC_H
#define OPENFLOW_MISC_CODEC_H 1

#include "openflow/msg.h"

/* --- Roles --- */
enum ofp_role {
    ROLE_NOCHANGE,
    ROLE_EQUAL,
    ROLE_PRIMARY,
    ROLE_SECONDARY
};
struct role_request {
    enum ofp_role role;
    uint16_t short_id; /* the controller's own, 1.5; 0: not said */
    bool have_generation_id;
    uint64_t generation_id;
    bool nx; /* in Nicira's form, which OpenFlow 1.0 and 1.1 have alone */
};
void role_encode(struct bytebuf *, enum ofptype request_or_reply, const struct role_request *,
                 enum ofp_version, uint32_t xid);
enum ofperr role_decode(const struct ofp_msg *, struct role_request *);
enum role_status_reason {
    ROLE_STATUS_PRIMARY_REQUEST,
    ROLE_STATUS_CONFIG,
    ROLE_STATUS_EXPERIMENTER
};
/* REASON: enum role_status_reason. 1.4 and later, and ONF's in 1.3. */
void role_status_encode(struct bytebuf *, enum ofp_role, uint8_t reason, uint64_t generation_id,
                        enum ofp_version);

/* --- Asynchronous messages --- */
enum async_type {
    ASYNC_PACKET_IN,
    ASYNC_PORT_STATUS,
    ASYNC_FLOW_REMOVED,
    ASYNC_ROLE_STATUS,
    ASYNC_TABLE_STATUS,
    ASYNC_REQUESTFORWARD,
    ASYNC_FLOW_STATS, /* 1.5, as the next */
    ASYNC_CONTROLLER_STATUS,
    N_ASYNC
};
/* For each type the reasons, 1 << reason, for which it is sent: to a primary or equal, to a secondary. */
struct async_config {
    uint32_t primary[N_ASYNC], secondary[N_ASYNC];
};
void async_config_default(struct async_config *, enum ofp_version);
/* Changes what the message says; what it does not name stays. */
enum ofperr async_config_decode(const struct ofp_msg *, struct async_config *);
void async_config_encode_reply(struct bytebuf *, const struct async_config *, enum ofp_version, uint32_t xid);

/* CONTROLLER_STATUS (1.5): of one controller. */
enum controller_status_reason {
    CONTROLLER_STATUS_REQUEST,
    CONTROLLER_STATUS_CHANNEL,
    CONTROLLER_STATUS_ROLE,
    CONTROLLER_STATUS_ADDED,
    CONTROLLER_STATUS_REMOVED,
    CONTROLLER_STATUS_SHORT_ID,
};
struct controller_status {
    uint16_t short_id; /* 0: none */
    enum ofp_role role;
    uint8_t reason; /* enum controller_status_reason */
    bool is_up;
    const char *uri; /* "tcp:10.0.0.1:6653"; decoded: not ended by a 0 */
    size_t uri_len;
};
/* Appends to a message that ofp_msg_begin() began. */
void controller_status_encode(struct bytebuf *, const struct controller_status *);
enum ofperr controller_status_decode(struct reader *, struct controller_status *, bool *more);

/* --- Configuration and description --- */
#define OFPC_INVALID_TTL_TO_CONTROLLER 4u
struct switch_config {
    uint16_t flags; /* fragments: 0 normal, 1 drop, 2 reassemble, 3 nx-match; 4: invalid TTL to controller */
    uint16_t miss_send_len;
};
void switch_config_encode(struct bytebuf *, enum ofptype set_or_reply, const struct switch_config *,
                          enum ofp_version, uint32_t xid);
enum ofperr switch_config_decode(const struct ofp_msg *, struct switch_config *);

struct switch_desc {
    char manufacturer[256], hardware[256], software[256], serial[32], description[256];
};
void switch_desc_encode(struct bytebuf *, const struct switch_desc *, enum ofp_version, uint32_t xid);

/* --- Tables --- */
#define OFPTC_EVICTION    4
#define OFPTC_VACANCY     8
#define OFPTC11_MISS_MASK 3 /* 0 controller, 1 continue, 2 drop */
struct table_mod {
    uint8_t table_id; /* 255: all */
    uint32_t config;  /* OFPTC_* */
    uint32_t eviction_flags;
    bool has_eviction_flags;
    uint8_t vacancy_down, vacancy_up, vacancy; /* per cent */
};
void table_mod_encode(struct bytebuf *, const struct table_mod *, enum ofp_version, uint32_t xid);
enum ofperr table_mod_decode(const struct ofp_msg *, struct table_mod *);
/* A table of TABLE_DESC's reply (1.4 and later). */
void table_desc_encode(struct bytebuf *, const struct table_mod *, enum ofp_version);
enum ofperr table_desc_decode(struct reader *, struct table_mod *, bool *more);

/* TABLE_STATUS (1.4 and later). */
#define TABLE_VACANCY_DOWN 3
#define TABLE_VACANCY_UP   4
struct table_status {
    uint8_t reason; /* TABLE_VACANCY_* */
    struct table_mod desc;
};
void table_status_encode(struct bytebuf *, const struct table_status *, enum ofp_version);
enum ofperr table_status_decode(const struct ofp_msg *, struct table_status *);

/* REQUESTFORWARD (1.4 and later, and ONF's in 1.3): REQUEST is another controller's group mod or meter mod,
 * a whole message in the same version. */
void requestforward_encode(struct bytebuf *, const void *request, size_t len, enum ofp_version);
enum ofperr requestforward_decode(const struct ofp_msg *, struct ofp_msg *request);

struct table_stats {
    uint8_t table_id;
    char name[33];
    uint32_t max_entries, active_count;
    uint8_t miss; /* 1.1, 1.2: what happens to a packet without a rule, OFPTC11_MISS_MASK */
    uint64_t lookup_count, matched_count;
};
void table_stats_encode(struct bytebuf *, const struct table_stats *, enum ofp_version);
enum ofperr table_stats_decode(struct reader *, enum ofp_version, struct table_stats *, bool *more);

#endif
