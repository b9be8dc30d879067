/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. OpenFlow's own numbers: versions, reserved ports, tables, groups and meters, reasons; and how
 * ports and tables get names in text. Ports are the 32-bit ones of OpenFlow 1.1 and later throughout;
 * OpenFlow 1.0's 16-bit reserved ports are mapped by the codec.
 *
 * Thread-safety: constants and pure functions. */
#ifndef OPENFLOW_TYPES_H
#define OPENFLOW_TYPES_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "flow/ports.h"

enum ofp_version {
    OFP10 = 1,
    OFP11 = 2,
    OFP12 = 3,
    OFP13 = 4,
    OFP14 = 5,
    OFP15 = 6,
};
#define OFP_VERSION_LAST   OFP15
#define OFP_VERSION_BIT(V) (1u << (V))
/* Protocols: a version with the choices that OpenFlow 1.0 leaves (Nicira's match format, table ids in flow
 * mods). Text says which protocols can express it. */
#define OFPROTO_10         0x001u
#define OFPROTO_10_TID     0x002u
#define OFPROTO_NXM        0x004u
#define OFPROTO_NXM_TID    0x008u
#define OFPROTO_11         0x010u
#define OFPROTO_12         0x020u
#define OFPROTO_13         0x040u
#define OFPROTO_14         0x080u
#define OFPROTO_15         0x100u
#define OFPROTO_ANY        0x1ffu
#define OFPROTO_10_ALL     (OFPROTO_10 | OFPROTO_10_TID)
#define OFPROTO_NXM_ALL    (OFPROTO_NXM | OFPROTO_NXM_TID)
#define OFPROTO_12_UP      (OFPROTO_12 | OFPROTO_13_UP)
#define OFPROTO_13_UP      (OFPROTO_13 | OFPROTO_14_UP)
#define OFPROTO_14_UP      (OFPROTO_14 | OFPROTO_15)
#define OFPROTO_11_UP      (OFPROTO_11 | OFPROTO_12_UP)
#define OFPROTO_10_NXM_ANY (OFPROTO_10_ALL | OFPROTO_NXM_ALL)
#define OFPROTO_TID        (OFPROTO_10_TID | OFPROTO_NXM_TID)

#define OFP_VERSIONS_ALL 0x7e

/* Reserved ports. */
#define OFPP_MAX        OFPORT_MAX /* ports are below */
#define OFPP_UNSET      OFPORT_UNSET
#define OFPP_IN_PORT    OFPORT_IN_PORT
#define OFPP_TABLE      OFPORT_TABLE
#define OFPP_NORMAL     OFPORT_NORMAL
#define OFPP_FLOOD      OFPORT_FLOOD
#define OFPP_ALL        OFPORT_ALL
#define OFPP_CONTROLLER OFPORT_CONTROLLER
#define OFPP_LOCAL      OFPORT_LOCAL
#define OFPP_ANY        OFPORT_NONE
#define OFPP_NONE       OFPORT_NONE
#define OFPP11_MAX      0xffffff00u /* on the wire since OpenFlow 1.1: reserved ones from there */

#define OFPTT_ALL 0xff /* table id: all, or "not given" */
#define OFPTT_MAX 0xfe

#define OFPG_MAX 0xffffff00u
#define OFPG_ALL 0xfffffffcu
#define OFPG_ANY 0xffffffffu

#define OFPM_MAX        0xffff0000u
#define OFPM_SLOWPATH   0xfffffffdu
#define OFPM_CONTROLLER 0xfffffffeu
#define OFPM_ALL        0xffffffffu
#define OFPM_NONE       0u

#define OFPQ_ALL             0xffffffffu
#define OFP_NO_BUFFER        0xffffffffu
#define OFPCML_MAX           0xffe5u
#define OFPCML_NO_BUFFER     0xffffu
#define OFP_DEFAULT_PRIORITY 0x8000

enum ofp_packet_in_reason {
    OFPR_NO_MATCH,
    OFPR_ACTION,
    OFPR_INVALID_TTL,
    OFPR_ACTION_SET,
    OFPR_GROUP,
    OFPR_PACKET_OUT,
    OFPR_EXPLICIT_MISS, /* internal: a table-miss rule's output to the controller */
    OFPR_IMPLICIT_MISS, /* internal: no rule at all */
    OFPR_N_REASONS
};

/* Names of tables, for text in and out; like `struct port_names` of flow/ports.h. */
struct table_names {
    const char *(*name)(const struct table_names *, uint8_t table); /* NULL: shown as a number */
    bool (*number)(const struct table_names *, const char *name, uint8_t *table);
    void *aux;
};

/* Both, as text functions take them. Any pointer may be NULL: numbers only. */
struct ofp_names {
    const struct port_names *ports;
    const struct table_names *tables;
};

/* A port from text: a number, a reserved name in any case ("LOCAL"), or a name of NAMES (may be NULL). */
bool ofp_port_parse(const char *, const struct ofp_names *, uint32_t *port);
/* A port's text: "1", "LOCAL", the name of NAMES (quoted as need be). */
void ofp_port_format(uint32_t port, const struct ofp_names *, struct strbuf *);
bool ofp_table_parse(const char *, const struct ofp_names *, uint8_t *table);
void ofp_table_format(uint8_t table, const struct ofp_names *, struct strbuf *);

/* Ports on the wire since OpenFlow 1.1: 32 bits. False: a number between real ports and reserved ones. */
bool ofp_port_from_11(uint32_t wire, uint32_t *port);
uint32_t ofp_port_to_11(uint32_t port);

/* "1s" without the "s": "1", "1.500", "1.000005", "1.000000005". */
void ofp_duration_format(uint32_t sec, uint32_t nsec, struct strbuf *);

const char *ofp_version_name(enum ofp_version); /* "OpenFlow13" */
bool ofp_version_from_name(const char *, enum ofp_version *);
const char *ofp_packet_in_reason_name(enum ofp_packet_in_reason); /* "no_match", "action" ... or NULL */
bool ofp_packet_in_reason_from_name(const char *, enum ofp_packet_in_reason *);

enum ofp_version ofproto_version(uint32_t protocol);
/* "any", "OpenFlow10,NXM", "OXM-OpenFlow13" ... */
void ofproto_protocols_format(uint32_t protocols, struct strbuf *);
/* The protocols that NAMES ("OpenFlow10,NXM+table_id") says; 0 if a name is unknown. */
uint32_t ofproto_protocols_parse(const char *names);

#endif
