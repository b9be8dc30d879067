/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Properties of ports besides Ethernet's (OpenFlow 1.4 and later): optical transceivers, fields of
 * the pipeline that a port sets and reads, ports that a packet comes back by. Pure functions. */
#ifndef OPENFLOW_PORT_PROPS_H
#define OPENFLOW_PORT_PROPS_H 1

#include "openflow/types.h"
#include "openflow/wire.h"

struct field; /* flow/field.h */

enum ofp_port_prop {
    OFPPDPT_ETHERNET, /* the same numbers in port mods and statistics */
    OFPPDPT_OPTICAL,
    OFPPDPT_PIPELINE_INPUT, /* descriptions alone, 1.5, and what follows */
    OFPPDPT_PIPELINE_OUTPUT,
    OFPPDPT_RECIRCULATE,
    OFPPDPT_EXPERIMENTER = 0xffff
};

/* What is supported, or (in statistics) known, or (in a port mod) to be done. */
#define OFPOPF_RX_TUNE  0x1u
#define OFPOPF_TX_TUNE  0x2u
#define OFPOPF_TX_PWR   0x4u
#define OFPOPF_USE_FREQ 0x8u
/* Statistics alone. */
#define OFPOSF_RX_PWR  0x10u
#define OFPOSF_TX_BIAS 0x20u
#define OFPOSF_TX_TEMP 0x40u

struct ofp_optical_desc {
    uint32_t supported; /* OFPOPF_* */
    struct ofp_optical_range {
        uint32_t min, max, grid; /* MHz, or fm of wavelength */
    } tx, rx;
    uint16_t tx_power_min, tx_power_max; /* dBm * 10 */
};
struct ofp_optical_stats {
    uint32_t flags; /* OFPOPF_*, OFPOSF_* */
    struct ofp_optical_tuned {
        uint32_t freq, offset, span;
    } tx, rx;
    uint16_t tx_power, rx_power, bias, temperature;
};
struct ofp_optical_mod {
    uint32_t configure; /* OFPOPF_* */
    uint32_t freq;
    int32_t offset;
    uint32_t span, tx_power;
};

/* Each appends a whole property, padded. */
void ofp_optical_desc_encode(struct bytebuf *, const struct ofp_optical_desc *);
void ofp_optical_stats_encode(struct bytebuf *, const struct ofp_optical_stats *);
void ofp_optical_mod_encode(struct bytebuf *, const struct ofp_optical_mod *);
void ofp_port_fields_encode(struct bytebuf *, enum ofp_port_prop, const struct field *const *, size_t n,
                            enum ofp_version);
void ofp_port_recirculate_encode(struct bytebuf *, const uint32_t ports[], size_t n);

/* BODY is what follows a property's type and length, without padding. OFPBPC_BAD_LEN; a mod also
 * OFPBPC_BAD_VALUE. */
enum ofperr ofp_optical_desc_decode(struct reader body, struct ofp_optical_desc *);
enum ofperr ofp_optical_stats_decode(struct reader body, struct ofp_optical_stats *);
enum ofperr ofp_optical_mod_decode(struct reader body, struct ofp_optical_mod *);

/* Is the property of a description, or of statistics, what it should be? Those that are not known pass. */
enum ofperr ofp_port_desc_prop_check(uint16_t type, struct reader body, enum ofp_version);
enum ofperr ofp_port_stats_prop_check(uint16_t type, struct reader body);

#endif
