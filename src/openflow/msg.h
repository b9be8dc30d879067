/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. OpenFlow messages as a whole: which there are, in which version they have which number, what a
 * message at hand is, and how one is begun and ended. What is in them: flow_codec.h, port_codec.h,
 * group_codec.h, meter_codec.h, packet_codec.h, misc_codec.h.
 *
 * Pure functions; hostile input is answered with an error. */
#ifndef OPENFLOW_MSG_H
#define OPENFLOW_MSG_H 1

#include "base/bytebuf.h"
#include "openflow/errors.h"
#include "openflow/wire.h"

#define OFP_HEADER_LEN 8
#define OFP_MAX_LEN    65535

/* X(ENUM, "name", FORM...): FORM(first version, last, kind, number). Kinds: MSG (a message of its own), STAT
 * request, REPLY (multipart), NXT (Nicira's message), NXSTAT and NXREPLY (Nicira's multipart), ONFT (ONF's).
 * A message may have several forms; the enumeration is by meaning. */
/* clang-format off */
#define OFPTYPES \
    X(HELLO, F("OFPT_HELLO", 1, 6, MSG, 0)) \
    X(ERROR, F("OFPT_ERROR", 1, 6, MSG, 1)) \
    X(ECHO_REQUEST, F("OFPT_ECHO_REQUEST", 1, 6, MSG, 2)) \
    X(ECHO_REPLY, F("OFPT_ECHO_REPLY", 1, 6, MSG, 3)) \
    X(FEATURES_REQUEST, F("OFPT_FEATURES_REQUEST", 1, 6, MSG, 5)) \
    X(FEATURES_REPLY, F("OFPT_FEATURES_REPLY", 1, 6, MSG, 6)) \
    X(GET_CONFIG_REQUEST, F("OFPT_GET_CONFIG_REQUEST", 1, 6, MSG, 7)) \
    X(GET_CONFIG_REPLY, F("OFPT_GET_CONFIG_REPLY", 1, 6, MSG, 8)) \
    X(SET_CONFIG, F("OFPT_SET_CONFIG", 1, 6, MSG, 9)) \
    X(PACKET_IN, F("OFPT_PACKET_IN", 1, 6, MSG, 10) F("NXT_PACKET_IN", 1, 6, NXT, 17) F("NXT_PACKET_IN2", 1, 6, NXT, 30)) \
    X(FLOW_REMOVED, F("OFPT_FLOW_REMOVED", 1, 6, MSG, 11) F("NXT_FLOW_REMOVED", 1, 6, NXT, 14)) \
    X(PORT_STATUS, F("OFPT_PORT_STATUS", 1, 6, MSG, 12)) \
    X(PACKET_OUT, F("OFPT_PACKET_OUT", 1, 6, MSG, 13)) \
    X(FLOW_MOD, F("OFPT_FLOW_MOD", 1, 6, MSG, 14) F("NXT_FLOW_MOD", 1, 6, NXT, 13)) \
    X(GROUP_MOD, F("OFPT_GROUP_MOD", 2, 6, MSG, 15) F("NXT_GROUP_MOD", 1, 1, NXT, 31)) \
    X(PORT_MOD, F("OFPT_PORT_MOD", 1, 1, MSG, 15) F("OFPT_PORT_MOD", 2, 6, MSG, 16)) \
    X(TABLE_MOD, F("OFPT_TABLE_MOD", 2, 6, MSG, 17)) \
    X(BARRIER_REQUEST, F("OFPT_BARRIER_REQUEST", 1, 1, MSG, 18) F("OFPT_BARRIER_REQUEST", 2, 6, MSG, 20)) \
    X(BARRIER_REPLY, F("OFPT_BARRIER_REPLY", 1, 1, MSG, 19) F("OFPT_BARRIER_REPLY", 2, 6, MSG, 21)) \
    X(QUEUE_GET_CONFIG_REQUEST, F("OFPT_QUEUE_GET_CONFIG_REQUEST", 1, 1, MSG, 20) F("OFPT_QUEUE_GET_CONFIG_REQUEST", 2, 4, MSG, 22) F("OFPST_QUEUE_DESC request", 5, 6, STAT, 15)) \
    X(QUEUE_GET_CONFIG_REPLY, F("OFPT_QUEUE_GET_CONFIG_REPLY", 1, 1, MSG, 21) F("OFPT_QUEUE_GET_CONFIG_REPLY", 2, 4, MSG, 23) F("OFPST_QUEUE_DESC reply", 5, 6, REPLY, 15)) \
    X(ROLE_REQUEST, F("OFPT_ROLE_REQUEST", 3, 6, MSG, 24) F("NXT_ROLE_REQUEST", 1, 2, NXT, 10)) \
    X(ROLE_REPLY, F("OFPT_ROLE_REPLY", 3, 6, MSG, 25) F("NXT_ROLE_REPLY", 1, 2, NXT, 11)) \
    X(GET_ASYNC_REQUEST, F("OFPT_GET_ASYNC_REQUEST", 4, 6, MSG, 26)) \
    X(GET_ASYNC_REPLY, F("OFPT_GET_ASYNC_REPLY", 4, 6, MSG, 27)) \
    X(SET_ASYNC_CONFIG, F("OFPT_SET_ASYNC", 4, 6, MSG, 28) F("NXT_SET_ASYNC_CONFIG", 1, 6, NXT, 19) F("NXT_SET_ASYNC_CONFIG2", 1, 4, NXT, 27)) \
    X(METER_MOD, F("OFPT_METER_MOD", 4, 6, MSG, 29)) \
    X(ROLE_STATUS, F("OFPT_ROLE_STATUS", 5, 6, MSG, 30) F("ONFT_ROLE_STATUS", 4, 4, ONFT, 1911)) \
    X(TABLE_STATUS, F("OFPT_TABLE_STATUS", 5, 6, MSG, 31)) \
    X(REQUESTFORWARD, F("OFPT_REQUESTFORWARD", 5, 6, MSG, 32) F("ONFT_REQUESTFORWARD", 4, 4, ONFT, 2350)) \
    X(BUNDLE_CONTROL, F("OFPT_BUNDLE_CONTROL", 5, 6, MSG, 33) F("ONFT_BUNDLE_CONTROL", 4, 4, ONFT, 2300)) \
    X(BUNDLE_ADD_MESSAGE, F("OFPT_BUNDLE_ADD_MESSAGE", 5, 6, MSG, 34) F("ONFT_BUNDLE_ADD_MESSAGE", 4, 4, ONFT, 2301)) \
    X(CONTROLLER_STATUS, F("OFPT_CONTROLLER_STATUS", 6, 6, MSG, 35)) \
    X(FLOW_MOD_TABLE_ID, F("NXT_FLOW_MOD_TABLE_ID", 1, 6, NXT, 15)) \
    X(SET_FLOW_FORMAT, F("NXT_SET_FLOW_FORMAT", 1, 6, NXT, 12)) \
    X(SET_PACKET_IN_FORMAT, F("NXT_SET_PACKET_IN_FORMAT", 1, 6, NXT, 16)) \
    X(FLOW_AGE, F("NXT_FLOW_AGE", 1, 6, NXT, 18)) \
    X(SET_CONTROLLER_ID, F("NXT_SET_CONTROLLER_ID", 1, 6, NXT, 20)) \
    X(FLOW_MONITOR_CANCEL, F("NXT_FLOW_MONITOR_CANCEL", 1, 4, NXT, 21)) \
    X(FLOW_MONITOR_PAUSED, F("NXT_FLOW_MONITOR_PAUSED", 1, 4, NXT, 22)) \
    X(FLOW_MONITOR_RESUMED, F("NXT_FLOW_MONITOR_RESUMED", 1, 4, NXT, 23)) \
    X(TLV_TABLE_MOD, F("NXT_TLV_TABLE_MOD", 1, 6, NXT, 24)) \
    X(TLV_TABLE_REQUEST, F("NXT_TLV_TABLE_REQUEST", 1, 6, NXT, 25)) \
    X(TLV_TABLE_REPLY, F("NXT_TLV_TABLE_REPLY", 1, 6, NXT, 26)) \
    X(RESUME, F("NXT_RESUME", 1, 6, NXT, 28)) \
    X(CT_FLUSH_ZONE, F("NXT_CT_FLUSH_ZONE", 1, 6, NXT, 29)) \
    X(CT_FLUSH, F("NXT_CT_FLUSH", 1, 6, NXT, 32)) \
    X(DESC_REQUEST, F("OFPST_DESC request", 1, 6, STAT, 0)) \
    X(DESC_REPLY, F("OFPST_DESC reply", 1, 6, REPLY, 0)) \
    X(FLOW_REQUEST, F("OFPST_FLOW request", 1, 6, STAT, 1) F("NXST_FLOW request", 1, 1, NXSTAT, 0)) \
    X(FLOW_REPLY, F("OFPST_FLOW reply", 1, 6, REPLY, 1) F("NXST_FLOW reply", 1, 1, NXREPLY, 0)) \
    X(AGGREGATE_REQUEST, F("OFPST_AGGREGATE request", 1, 6, STAT, 2) F("NXST_AGGREGATE request", 1, 1, NXSTAT, 1)) \
    X(AGGREGATE_REPLY, F("OFPST_AGGREGATE reply", 1, 6, REPLY, 2) F("NXST_AGGREGATE reply", 1, 1, NXREPLY, 1)) \
    X(TABLE_REQUEST, F("OFPST_TABLE request", 1, 6, STAT, 3)) \
    X(TABLE_REPLY, F("OFPST_TABLE reply", 1, 6, REPLY, 3)) \
    X(PORT_REQUEST, F("OFPST_PORT request", 1, 6, STAT, 4)) \
    X(PORT_REPLY, F("OFPST_PORT reply", 1, 6, REPLY, 4)) \
    X(QUEUE_REQUEST, F("OFPST_QUEUE request", 1, 6, STAT, 5)) \
    X(QUEUE_REPLY, F("OFPST_QUEUE reply", 1, 6, REPLY, 5)) \
    X(GROUP_REQUEST, F("OFPST_GROUP request", 2, 6, STAT, 6) F("NXST_GROUP request", 1, 1, NXSTAT, 7)) \
    X(GROUP_REPLY, F("OFPST_GROUP reply", 2, 6, REPLY, 6) F("NXST_GROUP reply", 1, 1, NXREPLY, 7)) \
    X(GROUP_DESC_REQUEST, F("OFPST_GROUP_DESC request", 2, 6, STAT, 7) F("NXST_GROUP_DESC request", 1, 1, NXSTAT, 8)) \
    X(GROUP_DESC_REPLY, F("OFPST_GROUP_DESC reply", 2, 6, REPLY, 7) F("NXST_GROUP_DESC reply", 1, 1, NXREPLY, 8)) \
    X(GROUP_FEATURES_REQUEST, F("OFPST_GROUP_FEATURES request", 3, 6, STAT, 8) F("NXST_GROUP_FEATURES request", 1, 2, NXSTAT, 9)) \
    X(GROUP_FEATURES_REPLY, F("OFPST_GROUP_FEATURES reply", 3, 6, REPLY, 8) F("NXST_GROUP_FEATURES reply", 1, 2, NXREPLY, 9)) \
    X(METER_REQUEST, F("OFPST_METER request", 4, 6, STAT, 9)) \
    X(METER_REPLY, F("OFPST_METER reply", 4, 6, REPLY, 9)) \
    X(METER_CONFIG_REQUEST, F("OFPST_METER_CONFIG request", 4, 6, STAT, 10)) \
    X(METER_CONFIG_REPLY, F("OFPST_METER_CONFIG reply", 4, 6, REPLY, 10)) \
    X(METER_FEATURES_REQUEST, F("OFPST_METER_FEATURES request", 4, 6, STAT, 11)) \
    X(METER_FEATURES_REPLY, F("OFPST_METER_FEATURES reply", 4, 6, REPLY, 11)) \
    X(TABLE_FEATURES_REQUEST, F("OFPST_TABLE_FEATURES request", 4, 6, STAT, 12)) \
    X(TABLE_FEATURES_REPLY, F("OFPST_TABLE_FEATURES reply", 4, 6, REPLY, 12)) \
    X(PORT_DESC_REQUEST, F("OFPST_PORT_DESC request", 1, 6, STAT, 13)) \
    X(PORT_DESC_REPLY, F("OFPST_PORT_DESC reply", 1, 6, REPLY, 13)) \
    X(TABLE_DESC_REQUEST, F("OFPST_TABLE_DESC request", 5, 6, STAT, 14)) \
    X(TABLE_DESC_REPLY, F("OFPST_TABLE_DESC reply", 5, 6, REPLY, 14)) \
    X(FLOW_MONITOR_REQUEST, F("OFPST_FLOW_MONITOR request", 5, 6, STAT, 16) F("NXST_FLOW_MONITOR request", 1, 4, NXSTAT, 2)) \
    X(FLOW_MONITOR_REPLY, F("OFPST_FLOW_MONITOR reply", 5, 6, REPLY, 16) F("NXST_FLOW_MONITOR reply", 1, 4, NXREPLY, 2)) \
    X(CONTROLLER_STATUS_REQUEST, F("OFPST_CONTROLLER_STATUS request", 6, 6, STAT, 18)) \
    X(CONTROLLER_STATUS_REPLY, F("OFPST_CONTROLLER_STATUS reply", 6, 6, REPLY, 18)) \
    X(BUNDLE_FEATURES_REQUEST, F("OFPST_BUNDLE_FEATURES request", 5, 6, STAT, 19)) \
    X(BUNDLE_FEATURES_REPLY, F("OFPST_BUNDLE_FEATURES reply", 5, 6, REPLY, 19)) \
    X(IPFIX_BRIDGE_REQUEST, F("NXST_IPFIX_BRIDGE request", 1, 6, NXSTAT, 3)) \
    X(IPFIX_BRIDGE_REPLY, F("NXST_IPFIX_BRIDGE reply", 1, 6, NXREPLY, 3)) \
    X(IPFIX_FLOW_REQUEST, F("NXST_IPFIX_FLOW request", 1, 6, NXSTAT, 4)) \
    X(IPFIX_FLOW_REPLY, F("NXST_IPFIX_FLOW reply", 1, 6, NXREPLY, 4))
/* clang-format on */

enum ofptype {
#define X(ENUM, FORMS) OFPTYPE_##ENUM,
    OFPTYPES
#undef X
        N_OFPTYPES
};

enum ofp_kind {
    OFPK_MSG,
    OFPK_STAT,
    OFPK_REPLY,
    OFPK_NXT,
    OFPK_NXSTAT,
    OFPK_NXREPLY,
    OFPK_ONFT
};

/* A message at hand. */
struct ofp_msg {
    enum ofptype type;
    enum ofp_version version;
    const char *name; /* of its form: "NXST_FLOW reply" */
    uint8_t kind;     /* enum ofp_kind */
    uint16_t number;  /* of the form */
    uint32_t xid;
    uint16_t flags;     /* of a multipart: 1, more follow */
    const uint8_t *raw; /* all of it */
    size_t len;
    struct reader body; /* what is behind all headers */
};
#define OFPMPF_MORE 1

/* What is it? DATA holds at least one whole message of LEN bytes. On an error, version and xid are set if
 * there are 8 bytes. */
enum ofperr ofp_msg_decode(const void *data, size_t len, struct ofp_msg *);
/* The length that the header says, once 8 bytes are there: 0 if it is less than 8. */
static inline size_t ofp_msg_len(const uint8_t *header)
{
    size_t len = ntohs(get_be16(header + 2));
    return len < OFP_HEADER_LEN ? 0 : len;
}

/* Begins a message of TYPE in the first form that VERSION has (or NX: Nicira's form, where there are both).
 * Returns where it starts; ofp_msg_end() sets its length. */
size_t ofp_msg_begin(struct bytebuf *, enum ofptype, enum ofp_version, uint32_t xid);
size_t ofp_msg_begin_nx(struct bytebuf *, enum ofptype, enum ofp_version, uint32_t xid);
size_t ofp_msg_begin_number(struct bytebuf *, enum ofptype, enum ofp_version, enum ofp_kind, uint16_t number,
                            uint32_t xid);
void ofp_msg_end(struct bytebuf *, size_t start);
/* Is there a form of it in VERSION? */
bool ofp_msg_exists(enum ofptype, enum ofp_version);

/* Messages without a body: echo, barrier, features request, statistics requests ... */
void ofp_msg_put_empty(struct bytebuf *, enum ofptype, enum ofp_version, uint32_t xid);

/* HELLO that offers VERSIONS (bits), in the highest of them. */
void ofp_hello_encode(struct bytebuf *, unsigned versions, uint32_t xid);
/* The versions that a HELLO offers. */
unsigned ofp_hello_decode(const struct ofp_msg *);
/* The version to speak: the highest both have; 0: none. */
enum ofp_version ofp_version_negotiate(unsigned ours, unsigned theirs);

/* ERROR about the message REQUEST (all of it is sent back), or with a text instead. */
void ofp_error_encode(struct bytebuf *, enum ofperr, enum ofp_version, const void *request,
                      size_t request_len);
void ofp_error_encode_hello(struct bytebuf *, enum ofp_version, const char *text);
/* What an ERROR says. WIRE is set even if the error is unknown; PAYLOAD: what it was about. */
enum ofperr ofp_error_decode(const struct ofp_msg *, struct ofperr_wire *, struct reader *payload);

#endif
