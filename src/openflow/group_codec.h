/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Groups: mods, descriptions, statistics and features, on the wire and in text (ovs-ofctl(8), "Group
 * Syntax"). Pure functions. Ownership: a `struct group_mod` owns its buckets and their actions. */
#ifndef OPENFLOW_GROUP_CODEC_H
#define OPENFLOW_GROUP_CODEC_H 1

#include "flow/match.h"
#include "openflow/actions.h"
#include "openflow/msg.h"
#include "openflow/text.h"

enum group_type {
    GROUP_ALL,
    GROUP_SELECT,
    GROUP_INDIRECT,
    GROUP_FF,
    N_GROUP_TYPES
};
enum group_command {
    GROUP_ADD,
    GROUP_MODIFY,
    GROUP_DELETE,
    GROUP_INSERT_BUCKET,
    GROUP_REMOVE_BUCKET = 5,
    GROUP_ADD_OR_MOD = 0x8000
};
#define BUCKET_ID_MAX   0xffffff00u
#define BUCKET_ID_FIRST 0xfffffffdu
#define BUCKET_ID_LAST  0xfffffffeu
#define BUCKET_ID_ALL   0xffffffffu

struct group_bucket {
    uint32_t bucket_id;
    uint16_t weight;
    uint32_t watch_port;  /* OFPP_ANY: none */
    uint32_t watch_group; /* OFPG_ANY: none */
    struct bytebuf ofpacts;
};

struct group_mod {
    uint16_t command; /* enum group_command */
    uint8_t type;     /* enum group_type */
    uint32_t group_id;
    uint32_t command_bucket_id; /* insert, remove: where */
    char selection_method[16];  /* "" "hash" "dp_hash" */
    uint64_t selection_param;
    struct match *fields;  /* what to hash: mask bits; NULL: none */
    uint8_t field_set[32]; /* by which names: group_has_field() (several fields are the same bits) */
    struct group_bucket *buckets;
    size_t n_buckets;
};
static inline bool group_has_field(const struct group_mod *gm, unsigned id)
{
    return gm->field_set[id / 8] >> id % 8 & 1;
}
static inline void group_set_field(struct group_mod *gm, unsigned id)
{
    gm->field_set[id / 8] |= 1u << id % 8;
}
void group_mod_init(struct group_mod *);
void group_mod_fini(struct group_mod *);

void group_mod_encode(struct bytebuf *, const struct group_mod *, enum ofp_version, uint32_t xid);
enum ofperr group_mod_decode(const struct ofp_msg *, struct group_mod *);
/* May a group of this type have BUCKET? For who inserts buckets: such a message does not know the group's
 * type. */
enum ofperr group_check_bucket(enum group_type, const struct group_bucket *);
/* A number, "all" or "any"; WHAT is what the error calls it. */
char *group_id_parse(const char *text, const char *what, uint32_t *) WARN_UNUSED;
/* TEXT of add-group and the like. *USABLE: OFPROTO_*s that can carry it. GM is made new, finished on error.
 */
char *group_mod_parse(struct group_mod *, const char *text, enum group_command, const struct ofp_names *,
                      uint32_t *usable) WARN_UNUSED;
/* "group_id=1,type=all,bucket=..."; V decides whether bucket ids are shown. */
void group_format(const struct group_mod *, enum ofp_version, bool nx, const struct ofp_names *,
                  struct strbuf *);

/* A group of GROUP_DESC's reply. */
void group_desc_encode(struct bytebuf *, const struct group_mod *, enum ofp_version);
enum ofperr group_desc_decode(struct reader *, enum ofp_version, struct group_mod *, bool *more);
/* Requests that name a group: GROUP_REQUEST, GROUP_DESC_REQUEST (1.5). */
void group_request_encode(struct bytebuf *, enum ofptype, uint32_t group_id, enum ofp_version, uint32_t xid);
enum ofperr group_request_decode(const struct ofp_msg *, uint32_t *group_id);

struct bucket_counter {
    uint64_t packet_count, byte_count;
};
struct group_stats {
    uint32_t group_id, ref_count, duration_sec, duration_nsec; /* duration_sec UINT32_MAX: not known */
    uint64_t packet_count, byte_count;
    struct bucket_counter *buckets;
    size_t n_buckets;
};
void group_stats_encode(struct bytebuf *, const struct group_stats *, enum ofp_version);
/* BUCKETS of S is allocated, the caller's to free. */
enum ofperr group_stats_decode(struct reader *, enum ofp_version, struct group_stats *, bool *more);

struct group_features {
    uint32_t types, capabilities;
    uint32_t max_groups[4];
    uint32_t actions[4]; /* 1 << OFPAT_* of the version */
};
void group_features_encode(struct bytebuf *, const struct group_features *, enum ofp_version, uint32_t xid);
enum ofperr group_features_decode(const struct ofp_msg *, struct group_features *);

#endif
