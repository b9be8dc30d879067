/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. What tables can do, as TABLE_FEATURES (1.3 and later) and the statistics of tables (1.0 to 1.2)
 * say it: instructions, actions, fields to match and to set, next tables. Plain data, pure functions. */
#ifndef OPENFLOW_TABLE_FEATURES_H
#define OPENFLOW_TABLE_FEATURES_H 1

#include "flow/field.h"
#include "openflow/misc_codec.h"

#define FIELD_SET_WORDS ((FIELD_N + 63) / 64)
struct field_set {
    uint64_t bits[FIELD_SET_WORDS];
};
static inline void field_set_add(struct field_set *s, unsigned id)
{
    s->bits[id / 64] |= UINT64_C(1) << id % 64;
}
static inline bool field_set_has(const struct field_set *s, unsigned id)
{
    return s->bits[id / 64] >> id % 64 & 1;
}

enum table_features_command { /* of a request, 1.5 */
    TABLE_FEATURES_REPLACE,
    TABLE_FEATURES_MODIFY,
    TABLE_FEATURES_ENABLE,
    TABLE_FEATURES_DISABLE
};

#define OFPTFF_INGRESS_TABLE 0x01u /* it can be one before output */
#define OFPTFF_EGRESS_TABLE  0x02u /* it can be one after it */
#define OFPTFF_FIRST_EGRESS  0x10u /* from it on they are */

#define TABLE_MAX_PACKET_TYPES 16

struct table_features {
    uint8_t table_id;
    uint8_t command; /* enum table_features_command */
    char name[33];
    uint32_t features; /* OFPTFF_*, 1.5; 0: not said */
    uint64_t metadata_match, metadata_write;
    int miss_config;       /* 0 controller, 1 continue, 2 drop; -1: not said */
    int eviction, vacancy; /* is it supported? -1: not said */
    uint32_t max_entries;  /* 0: not said */
    /* For packets that match, and those that miss. */
    struct table_abilities {
        uint64_t next[4]; /* bit per table */
        uint32_t
            instructions; /* 1 << OFPIT_*: goto 1, write metadata 2, write 3, apply 4, clear 5, meter 6 */
        struct table_actions {
            uint64_t actions;                         /* 1 << OFPAT_* of 1.1 and later */
            struct field_set set_fields, copy_fields; /* copy_fields: 1.5 */
        } write, apply;
    } hit, miss;
    struct field_set match, mask, wildcard;
    uint64_t sync_from[4];                         /* bit per table, 1.4 */
    uint32_t packet_types[TABLE_MAX_PACKET_TYPES]; /* namespace << 16 | type; 1.5 */
    uint8_t n_packet_types;
    uint8_t n_experimenter; /* properties */
};

/* The next table. STRICT: of a request, in which there is no property and no field that is not known. */
enum ofperr table_features_decode(struct reader *, enum ofp_version, bool strict, struct table_features *,
                                  bool *more);
/* A row of TABLE statistics: in 1.0 to 1.2 with features, which else say nothing. */
enum ofperr table_stats_features_decode(struct reader *, enum ofp_version, struct table_features *,
                                        struct table_stats *, bool *more);
/* Appends the table's lines. PREVIOUS (may be NULL) is what is not repeated. STATS may be NULL. FIRST_DITTO,
 * when tables are alike, see print_tables in print_features.c. */
void table_features_format(const struct table_features *, const struct table_features *previous,
                           const struct table_stats *, const struct table_stats *previous_stats,
                           int *first_ditto, struct strbuf *);
void table_features_format_ditto(int first_ditto, int last, struct strbuf *);

#endif
