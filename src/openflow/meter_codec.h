/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Meters (OpenFlow 1.3 and later): mods, configuration, statistics, features, on the wire and in
 * text. Pure functions. Ownership: BANDS is allocated; meter_fini() frees it. */
#ifndef OPENFLOW_METER_CODEC_H
#define OPENFLOW_METER_CODEC_H 1

#include "openflow/msg.h"

enum meter_command {
    METER_ADD,
    METER_MODIFY,
    METER_DELETE
};
#define METER_KBPS  1
#define METER_PKTPS 2
#define METER_BURST 4
#define METER_STATS 8
enum meter_band_type {
    METER_BAND_DROP = 1,
    METER_BAND_DSCP_REMARK = 2
};

struct meter_band_config {
    uint16_t type; /* enum meter_band_type */
    uint8_t prec_level;
    uint32_t rate, burst_size;
};
struct meter_config {
    uint32_t meter_id; /* OFPM_ALL and so on, too */
    uint16_t flags;    /* METER_* */
    struct meter_band_config *bands;
    size_t n_bands;
};
void meter_fini(struct meter_config *);

void meter_mod_encode(struct bytebuf *, enum meter_command, const struct meter_config *, enum ofp_version,
                      uint32_t xid);
enum ofperr meter_mod_decode(const struct ofp_msg *, enum meter_command *, struct meter_config *);
char *meter_parse(struct meter_config *, const char *text, enum meter_command) WARN_UNUSED;
void meter_format(const struct meter_config *, struct strbuf *);
void meter_id_format(uint32_t id, struct strbuf *); /* "5", "controller", "all" */

/* METER_REQUEST, METER_CONFIG_REQUEST. */
void meter_request_encode(struct bytebuf *, enum ofptype, uint32_t meter_id, enum ofp_version, uint32_t xid);
enum ofperr meter_request_decode(const struct ofp_msg *, uint32_t *meter_id);
void meter_config_encode(struct bytebuf *, const struct meter_config *);
enum ofperr meter_config_decode(struct reader *, struct meter_config *, bool *more);

struct meter_band_stats {
    uint64_t packet_count, byte_count;
};
struct meter_stats {
    uint32_t meter_id, flow_count, duration_sec, duration_nsec;
    uint64_t packet_in_count, byte_in_count;
    struct meter_band_stats *bands; /* allocated */
    size_t n_bands;
};
void meter_stats_encode(struct bytebuf *, const struct meter_stats *);
enum ofperr meter_stats_decode(struct reader *, struct meter_stats *, bool *more);

struct meter_features {
    uint32_t max_meters, band_types, capabilities;
    uint8_t max_bands, max_color;
};
/* LONG_FORM: with the 8 bytes more that OpenFlow 1.5 has. Either form is decoded. */
void meter_features_encode(struct bytebuf *, const struct meter_features *, enum ofp_version, bool long_form,
                           uint32_t xid);
enum ofperr meter_features_decode(const struct ofp_msg *, struct meter_features *);

#endif
