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

/* X(ENUM, FORM...): F(name, first version, last, kind, number, shortest body, what may follow it: nothing
 * (0), or multiples of so many bytes). Kinds: MSG (a message of its own), STAT request, REPLY (multipart),
 * NXT (Nicira's message), NXSTAT and NXREPLY (Nicira's multipart), ONFT, ONFSTAT, ONFREPLY (ONF's). A message
 * may have several forms; the enumeration is by meaning. */
/* clang-format off */
#define OFPTYPES \
    X(HELLO, F("OFPT_HELLO", 1, 6, MSG, 0, 0, 1)) \
    X(ERROR, F("OFPT_ERROR", 1, 6, MSG, 1, 4, 1)) \
    X(ECHO_REQUEST, F("OFPT_ECHO_REQUEST", 1, 6, MSG, 2, 0, 1)) \
    X(ECHO_REPLY, F("OFPT_ECHO_REPLY", 1, 6, MSG, 3, 0, 1)) \
    X(FEATURES_REQUEST, F("OFPT_FEATURES_REQUEST", 1, 6, MSG, 5, 0, 0)) \
    X(FEATURES_REPLY, F("OFPT_FEATURES_REPLY", 1, 1, MSG, 6, 24, 48) F("OFPT_FEATURES_REPLY", 2, 3, MSG, 6, 24, 64) F("OFPT_FEATURES_REPLY", 4, 6, MSG, 6, 24, 0)) \
    X(GET_CONFIG_REQUEST, F("OFPT_GET_CONFIG_REQUEST", 1, 6, MSG, 7, 0, 0)) \
    X(GET_CONFIG_REPLY, F("OFPT_GET_CONFIG_REPLY", 1, 6, MSG, 8, 4, 0)) \
    X(SET_CONFIG, F("OFPT_SET_CONFIG", 1, 6, MSG, 9, 4, 0)) \
    X(PACKET_IN, F("OFPT_PACKET_IN", 1, 1, MSG, 10, 10, 1) F("OFPT_PACKET_IN", 2, 2, MSG, 10, 16, 1) F("OFPT_PACKET_IN", 3, 3, MSG, 10, 8, 1) F("OFPT_PACKET_IN", 4, 6, MSG, 10, 16, 1) F("NXT_PACKET_IN", 1, 6, NXT, 17, 24, 1) F("NXT_PACKET_IN2", 1, 6, NXT, 30, 8, 8)) \
    X(FLOW_REMOVED, F("OFPT_FLOW_REMOVED", 1, 1, MSG, 11, 80, 0) F("OFPT_FLOW_REMOVED", 2, 5, MSG, 11, 40, 8) F("OFPT_FLOW_REMOVED", 6, 6, MSG, 11, 16, 8) F("NXT_FLOW_REMOVED", 1, 6, NXT, 14, 40, 8)) \
    X(PORT_STATUS, F("OFPT_PORT_STATUS", 1, 1, MSG, 12, 56, 0) F("OFPT_PORT_STATUS", 2, 4, MSG, 12, 72, 0) F("OFPT_PORT_STATUS", 5, 6, MSG, 12, 48, 8)) \
    X(PACKET_OUT, F("OFPT_PACKET_OUT", 1, 1, MSG, 13, 8, 1) F("OFPT_PACKET_OUT", 2, 5, MSG, 13, 16, 1) F("OFPT_PACKET_OUT", 6, 6, MSG, 13, 8, 1)) \
    X(FLOW_MOD, F("OFPT_FLOW_MOD", 1, 1, MSG, 14, 64, 8) F("OFPT_FLOW_MOD", 2, 6, MSG, 14, 40, 8) F("NXT_FLOW_MOD", 1, 6, NXT, 13, 32, 8)) \
    X(GROUP_MOD, F("OFPT_GROUP_MOD", 2, 5, MSG, 15, 8, 8) F("OFPT_GROUP_MOD", 6, 6, MSG, 15, 16, 8) F("NXT_GROUP_MOD", 1, 1, NXT, 31, 16, 8)) \
    X(PORT_MOD, F("OFPT_PORT_MOD", 1, 1, MSG, 15, 24, 0) F("OFPT_PORT_MOD", 2, 4, MSG, 16, 32, 0) F("OFPT_PORT_MOD", 5, 6, MSG, 16, 24, 8)) \
    X(TABLE_MOD, F("OFPT_TABLE_MOD", 2, 4, MSG, 17, 8, 0) F("OFPT_TABLE_MOD", 5, 6, MSG, 17, 8, 8)) \
    X(BARRIER_REQUEST, F("OFPT_BARRIER_REQUEST", 1, 1, MSG, 18, 0, 0) F("OFPT_BARRIER_REQUEST", 2, 6, MSG, 20, 0, 0)) \
    X(BARRIER_REPLY, F("OFPT_BARRIER_REPLY", 1, 1, MSG, 19, 0, 0) F("OFPT_BARRIER_REPLY", 2, 6, MSG, 21, 0, 0)) \
    X(QUEUE_GET_CONFIG_REQUEST, F("OFPT_QUEUE_GET_CONFIG_REQUEST", 1, 1, MSG, 20, 4, 0) F("OFPT_QUEUE_GET_CONFIG_REQUEST", 2, 4, MSG, 22, 8, 0) F("OFPST_QUEUE_DESC request", 5, 6, STAT, 15, 8, 0)) \
    X(QUEUE_GET_CONFIG_REPLY, F("OFPT_QUEUE_GET_CONFIG_REPLY", 1, 1, MSG, 21, 8, 8) F("OFPT_QUEUE_GET_CONFIG_REPLY", 2, 4, MSG, 23, 8, 8) F("OFPST_QUEUE_DESC reply", 5, 6, REPLY, 15, 0, 8)) \
    X(ROLE_REQUEST, F("OFPT_ROLE_REQUEST", 3, 6, MSG, 24, 16, 0) F("NXT_ROLE_REQUEST", 1, 6, NXT, 10, 4, 0)) \
    X(ROLE_REPLY, F("OFPT_ROLE_REPLY", 3, 6, MSG, 25, 16, 0) F("NXT_ROLE_REPLY", 1, 6, NXT, 11, 4, 0)) \
    X(GET_ASYNC_REQUEST, F("OFPT_GET_ASYNC_REQUEST", 4, 6, MSG, 26, 0, 0)) \
    X(GET_ASYNC_REPLY, F("OFPT_GET_ASYNC_REPLY", 4, 4, MSG, 27, 24, 0) F("OFPT_GET_ASYNC_REPLY", 5, 6, MSG, 27, 0, 8)) \
    X(SET_ASYNC_CONFIG, F("OFPT_SET_ASYNC", 4, 4, MSG, 28, 24, 0) F("OFPT_SET_ASYNC", 5, 6, MSG, 28, 0, 8) F("NXT_SET_ASYNC_CONFIG", 1, 6, NXT, 19, 24, 0) F("NXT_SET_ASYNC_CONFIG2", 1, 4, NXT, 27, 0, 8)) \
    X(METER_MOD, F("OFPT_METER_MOD", 4, 6, MSG, 29, 8, 8)) \
    X(ROLE_STATUS, F("OFPT_ROLE_STATUS", 5, 6, MSG, 30, 16, 8) F("ONFT_ROLE_STATUS", 4, 4, ONFT, 1911, 16, 8)) \
    X(TABLE_STATUS, F("OFPT_TABLE_STATUS", 5, 6, MSG, 31, 8, 8)) \
    X(REQUESTFORWARD, F("OFPT_REQUESTFORWARD", 5, 6, MSG, 32, 8, 8) F("ONFT_REQUESTFORWARD", 4, 4, ONFT, 2350, 8, 8)) \
    X(BUNDLE_CONTROL, F("OFPT_BUNDLE_CONTROL", 5, 6, MSG, 33, 8, 8) F("ONFT_BUNDLE_CONTROL", 4, 4, ONFT, 2300, 8, 8)) \
    X(BUNDLE_ADD_MESSAGE, F("OFPT_BUNDLE_ADD_MESSAGE", 5, 6, MSG, 34, 8, 1) F("ONFT_BUNDLE_ADD_MESSAGE", 4, 4, ONFT, 2301, 8, 1)) \
    X(CONTROLLER_STATUS, F("OFPT_CONTROLLER_STATUS", 6, 6, MSG, 35, 0, 8)) \
    X(FLOW_MOD_TABLE_ID, F("NXT_FLOW_MOD_TABLE_ID", 1, 6, NXT, 15, 8, 0)) \
    X(SET_FLOW_FORMAT, F("NXT_SET_FLOW_FORMAT", 1, 1, NXT, 12, 4, 0)) \
    X(SET_PACKET_IN_FORMAT, F("NXT_SET_PACKET_IN_FORMAT", 1, 6, NXT, 16, 4, 0)) \
    X(FLOW_AGE, F("NXT_FLOW_AGE", 1, 6, NXT, 18, 0, 0)) \
    X(SET_CONTROLLER_ID, F("NXT_SET_CONTROLLER_ID", 1, 6, NXT, 20, 8, 0)) \
    X(FLOW_MONITOR_CANCEL, F("NXT_FLOW_MONITOR_CANCEL", 1, 3, NXT, 21, 4, 0) F("ONFT_FLOW_MONITOR_CANCEL", 4, 4, ONFT, 1870, 4, 0)) \
    X(FLOW_MONITOR_PAUSED, F("NXT_FLOW_MONITOR_PAUSED", 1, 3, NXT, 22, 0, 0) F("ONFT_FLOW_MONITOR_PAUSED", 4, 4, ONFT, 1871, 0, 0)) \
    X(FLOW_MONITOR_RESUMED, F("NXT_FLOW_MONITOR_RESUMED", 1, 3, NXT, 23, 0, 0) F("ONFT_FLOW_MONITOR_RESUMED", 4, 4, ONFT, 1872, 0, 0)) \
    X(TLV_TABLE_MOD, F("NXT_TLV_TABLE_MOD", 1, 6, NXT, 24, 8, 8)) \
    X(TLV_TABLE_REQUEST, F("NXT_TLV_TABLE_REQUEST", 1, 6, NXT, 25, 0, 0)) \
    X(TLV_TABLE_REPLY, F("NXT_TLV_TABLE_REPLY", 1, 6, NXT, 26, 16, 8)) \
    X(RESUME, F("NXT_RESUME", 1, 6, NXT, 28, 0, 8)) \
    X(CT_FLUSH_ZONE, F("NXT_CT_FLUSH_ZONE", 1, 6, NXT, 29, 8, 0)) \
    X(CT_FLUSH, F("NXT_CT_FLUSH", 1, 6, NXT, 32, 8, 8)) \
    X(DESC_REQUEST, F("OFPST_DESC request", 1, 6, STAT, 0, 0, 0)) \
    X(DESC_REPLY, F("OFPST_DESC reply", 1, 6, REPLY, 0, 1056, 0)) \
    X(FLOW_REQUEST, F("OFPST_FLOW request", 1, 1, STAT, 1, 44, 0) F("OFPST_FLOW request", 2, 6, STAT, 1, 32, 8) F("NXST_FLOW request", 1, 1, NXSTAT, 0, 8, 8)) \
    X(FLOW_REPLY, F("OFPST_FLOW reply", 1, 6, REPLY, 1, 0, 1) F("NXST_FLOW reply", 1, 1, NXREPLY, 0, 0, 1)) \
    X(FLOW_COUNTS_REQUEST, F("OFPST_FLOW_STATS request", 6, 6, STAT, 17, 32, 8)) \
    X(FLOW_COUNTS_REPLY, F("OFPST_FLOW_STATS reply", 6, 6, REPLY, 17, 0, 8)) \
    X(AGGREGATE_REQUEST, F("OFPST_AGGREGATE request", 1, 1, STAT, 2, 44, 0) F("OFPST_AGGREGATE request", 2, 6, STAT, 2, 32, 8) F("NXST_AGGREGATE request", 1, 1, NXSTAT, 1, 8, 8)) \
    X(AGGREGATE_REPLY, F("OFPST_AGGREGATE reply", 1, 5, REPLY, 2, 24, 0) F("OFPST_AGGREGATE reply", 6, 6, REPLY, 2, 0, 1) F("NXST_AGGREGATE reply", 1, 1, NXREPLY, 1, 24, 0)) \
    X(TABLE_REQUEST, F("OFPST_TABLE request", 1, 6, STAT, 3, 0, 0)) \
    X(TABLE_REPLY, F("OFPST_TABLE reply", 1, 1, REPLY, 3, 0, 64) F("OFPST_TABLE reply", 2, 2, REPLY, 3, 0, 88) F("OFPST_TABLE reply", 3, 3, REPLY, 3, 0, 128) F("OFPST_TABLE reply", 4, 6, REPLY, 3, 0, 24)) \
    X(PORT_REQUEST, F("OFPST_PORT request", 1, 6, STAT, 4, 8, 0)) \
    X(PORT_REPLY, F("OFPST_PORT reply", 1, 3, REPLY, 4, 0, 104) F("OFPST_PORT reply", 4, 4, REPLY, 4, 0, 112) F("OFPST_PORT reply", 5, 6, REPLY, 4, 0, 8)) \
    X(QUEUE_REQUEST, F("OFPST_QUEUE request", 1, 6, STAT, 5, 8, 0)) \
    X(QUEUE_REPLY, F("OFPST_QUEUE reply", 1, 3, REPLY, 5, 0, 32) F("OFPST_QUEUE reply", 4, 4, REPLY, 5, 0, 40) F("OFPST_QUEUE reply", 5, 6, REPLY, 5, 0, 8)) \
    X(GROUP_REQUEST, F("OFPST_GROUP request", 2, 6, STAT, 6, 8, 0) F("NXST_GROUP request", 1, 1, NXSTAT, 7, 8, 0)) \
    X(GROUP_REPLY, F("OFPST_GROUP reply", 2, 6, REPLY, 6, 0, 8) F("NXST_GROUP reply", 1, 1, NXREPLY, 7, 0, 8)) \
    X(GROUP_DESC_REQUEST, F("OFPST_GROUP_DESC request", 2, 5, STAT, 7, 0, 0) F("OFPST_GROUP_DESC request", 6, 6, STAT, 7, 8, 0) F("NXST_GROUP_DESC request", 1, 1, NXSTAT, 8, 8, 0)) \
    X(GROUP_DESC_REPLY, F("OFPST_GROUP_DESC reply", 2, 6, REPLY, 7, 0, 8) F("NXST_GROUP_DESC reply", 1, 1, NXREPLY, 8, 0, 8)) \
    X(GROUP_FEATURES_REQUEST, F("OFPST_GROUP_FEATURES request", 3, 6, STAT, 8, 0, 0) F("NXST_GROUP_FEATURES request", 1, 2, NXSTAT, 9, 0, 0)) \
    X(GROUP_FEATURES_REPLY, F("OFPST_GROUP_FEATURES reply", 3, 6, REPLY, 8, 40, 0) F("NXST_GROUP_FEATURES reply", 1, 2, NXREPLY, 9, 40, 0)) \
    X(METER_REQUEST, F("OFPST_METER request", 4, 6, STAT, 9, 8, 0)) \
    X(METER_REPLY, F("OFPST_METER reply", 4, 6, REPLY, 9, 0, 8)) \
    X(METER_CONFIG_REQUEST, F("OFPST_METER_CONFIG request", 4, 6, STAT, 10, 8, 0)) \
    X(METER_CONFIG_REPLY, F("OFPST_METER_CONFIG reply", 4, 6, REPLY, 10, 0, 8)) \
    X(METER_FEATURES_REQUEST, F("OFPST_METER_FEATURES request", 4, 6, STAT, 11, 0, 0)) \
    X(METER_FEATURES_REPLY, F("OFPST_METER_FEATURES reply", 4, 5, REPLY, 11, 16, 0) \
                            F("OFPST_METER_FEATURES reply", 6, 6, REPLY, 11, 16, 8)) \
    X(TABLE_FEATURES_REQUEST, F("OFPST_TABLE_FEATURES request", 4, 6, STAT, 12, 0, 8)) \
    X(TABLE_FEATURES_REPLY, F("OFPST_TABLE_FEATURES reply", 4, 6, REPLY, 12, 64, 8)) \
    X(PORT_DESC_REQUEST, F("OFPST_PORT_DESC request", 1, 5, STAT, 13, 0, 0) F("OFPST_PORT_DESC request", 6, 6, STAT, 13, 8, 0)) \
    X(PORT_DESC_REPLY, F("OFPST_PORT_DESC reply", 1, 1, REPLY, 13, 0, 48) F("OFPST_PORT_DESC reply", 2, 4, REPLY, 13, 0, 64) F("OFPST_PORT_DESC reply", 5, 6, REPLY, 13, 0, 8)) \
    X(TABLE_DESC_REQUEST, F("OFPST_TABLE_DESC request", 5, 6, STAT, 14, 0, 0)) \
    X(TABLE_DESC_REPLY, F("OFPST_TABLE_DESC reply", 5, 6, REPLY, 14, 8, 8)) \
    X(FLOW_MONITOR_REQUEST, F("OFPST_FLOW_MONITOR request", 5, 6, STAT, 16, 0, 8) F("NXST_FLOW_MONITOR request", 1, 3, NXSTAT, 2, 0, 8) F("ONFST_FLOW_MONITOR request", 4, 4, ONFSTAT, 1870, 0, 8)) \
    X(FLOW_MONITOR_REPLY, F("OFPST_FLOW_MONITOR reply", 5, 6, REPLY, 16, 0, 8) F("NXST_FLOW_MONITOR reply", 1, 3, NXREPLY, 2, 0, 8) F("ONFST_FLOW_MONITOR reply", 4, 4, ONFREPLY, 1870, 0, 8)) \
    X(CONTROLLER_STATUS_REQUEST, F("OFPST_CONTROLLER_STATUS request", 6, 6, STAT, 18, 0, 0)) \
    X(CONTROLLER_STATUS_REPLY, F("OFPST_CONTROLLER_STATUS reply", 6, 6, REPLY, 18, 0, 8)) \
    X(BUNDLE_FEATURES_REQUEST, F("OFPST_BUNDLE_FEATURES request", 5, 6, STAT, 19, 8, 1)) \
    X(BUNDLE_FEATURES_REPLY, F("OFPST_BUNDLE_FEATURES reply", 5, 6, REPLY, 19, 8, 1)) \
    X(IPFIX_BRIDGE_REQUEST, F("NXST_IPFIX_BRIDGE request", 1, 6, NXSTAT, 3, 0, 0)) \
    X(IPFIX_BRIDGE_REPLY, F("NXST_IPFIX_BRIDGE reply", 1, 6, NXREPLY, 3, 88, 0)) \
    X(IPFIX_FLOW_REQUEST, F("NXST_IPFIX_FLOW request", 1, 6, NXSTAT, 4, 0, 0)) \
    X(IPFIX_FLOW_REPLY, F("NXST_IPFIX_FLOW reply", 1, 6, NXREPLY, 4, 0, 88))
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
    OFPK_ONFT,
    OFPK_ONFSTAT,
    OFPK_ONFREPLY
};

/* Multipart's two directions. */
static inline bool ofp_kind_is_reply(enum ofp_kind k)
{
    return k == OFPK_REPLY || k == OFPK_NXREPLY || k == OFPK_ONFREPLY;
}
static inline bool ofp_kind_is_request(enum ofp_kind k)
{
    return k == OFPK_STAT || k == OFPK_NXSTAT || k == OFPK_ONFSTAT;
}

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
/* The same without a look at lengths: what a message that was cut off is, as far as its headers are there. */
enum ofperr ofp_msg_identify(const void *data, size_t len, struct ofp_msg *);
/* The length that the header says, once 8 bytes are there: 0 if it is less than 8. */
static inline size_t ofp_msg_len(const uint8_t *header)
{
    size_t len = ntohs(get_be16(header + 2));
    return len < OFP_HEADER_LEN ? 0 : len;
}

/* Begins a message of TYPE in the first form that VERSION has (or NX: Nicira's form, where there are both).
 * Returns where it starts; ofp_msg_end() sets its length. A message that is longer than OFP_MAX_LEN is
 * taken out again by ofp_msg_end(), which then returns false and logs it. */
size_t ofp_msg_begin(struct bytebuf *, enum ofptype, enum ofp_version, uint32_t xid);
size_t ofp_msg_begin_nx(struct bytebuf *, enum ofptype, enum ofp_version, uint32_t xid);
size_t ofp_msg_begin_number(struct bytebuf *, enum ofptype, enum ofp_version, enum ofp_kind, uint16_t number,
                            uint32_t xid);
bool ofp_msg_end(struct bytebuf *, size_t start);
/* Is there a form of it in VERSION? */
bool ofp_msg_exists(enum ofptype, enum ofp_version);

/* Messages without a body: echo, barrier, features request, statistics requests ... */
void ofp_msg_put_empty(struct bytebuf *, enum ofptype, enum ofp_version, uint32_t xid);

/* HELLO that offers VERSIONS (bits), in the highest of them. */
void ofp_hello_encode(struct bytebuf *, unsigned versions, uint32_t xid);
/* The versions that a HELLO offers. */
unsigned ofp_hello_decode(const struct ofp_msg *);
/* All versions that it offers, known or not. *UNDERSTOOD false: it has elements that are malformed or new. */
uint32_t ofp_hello_versions(const struct ofp_msg *, bool *understood);
/* The version to speak: the highest both have; 0: none. */
enum ofp_version ofp_version_negotiate(unsigned ours, unsigned theirs);

/* ERROR about the message REQUEST (all of it is sent back), or with a text instead. */
void ofp_error_encode(struct bytebuf *, enum ofperr, enum ofp_version, const void *request,
                      size_t request_len);
void ofp_error_encode_hello(struct bytebuf *, enum ofp_version, const char *text);
/* What an ERROR says. WIRE is set even if the error is unknown; PAYLOAD: what it was about. */
enum ofperr ofp_error_decode(const struct ofp_msg *, struct ofperr_wire *, struct reader *payload);

#endif
