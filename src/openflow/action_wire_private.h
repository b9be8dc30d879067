/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5, for openflow/ itself: what the files of the actions' wire form share. */
#ifndef OPENFLOW_ACTION_WIRE_PRIVATE_H
#define OPENFLOW_ACTION_WIRE_PRIVATE_H 1

#include "flow/field.h"
#include "openflow/action_text.h"
#include "openflow/actions_wire.h"
#include "openflow/oxm.h"

struct action_decode {
    enum ofp_version version;
    struct bytebuf *out;
    uint16_t type;  /* the action's number, as sent */
    uint16_t len;   /* bytes of the whole action */
    unsigned depth; /* of nests */
};

struct action_encode {
    struct bytebuf *b;
    enum ofp_version version;
    unsigned depth;
};

#define ACTION_WIRE_MAX_DEPTH 16

/* Nicira's actions by subtype. */
#define ONFAT_COPY_FIELD 3200

enum nx_action {
    NXAST_RESUBMIT = 1,
    NXAST_SET_TUNNEL = 2,
    NXAST_SET_QUEUE = 4,
    NXAST_POP_QUEUE = 5,
    NXAST_REG_MOVE = 6,
    NXAST_REG_LOAD = 7,
    NXAST_NOTE = 8,
    NXAST_SET_TUNNEL64 = 9,
    NXAST_MULTIPATH = 10,
    NXAST_BUNDLE = 12,
    NXAST_BUNDLE_LOAD = 13,
    NXAST_RESUBMIT_TABLE = 14,
    NXAST_OUTPUT_REG = 15,
    NXAST_LEARN = 16,
    NXAST_EXIT = 17,
    NXAST_DEC_TTL = 18,
    NXAST_FIN_TIMEOUT = 19,
    NXAST_CONTROLLER = 20,
    NXAST_DEC_TTL_CNT_IDS = 21,
    NXAST_WRITE_METADATA = 22,
    NXAST_PUSH_MPLS = 23,
    NXAST_POP_MPLS = 24,
    NXAST_SET_MPLS_TTL = 25,
    NXAST_DEC_MPLS_TTL = 26,
    NXAST_STACK_PUSH = 27,
    NXAST_STACK_POP = 28,
    NXAST_SAMPLE = 29,
    NXAST_SET_MPLS_LABEL = 30,
    NXAST_SET_MPLS_TC = 31,
    NXAST_OUTPUT_REG2 = 32,
    NXAST_REG_LOAD2 = 33,
    NXAST_CONJUNCTION = 34,
    NXAST_CT = 35,
    NXAST_NAT = 36,
    NXAST_CONTROLLER2 = 37,
    NXAST_SAMPLE2 = 38,
    NXAST_OUTPUT_TRUNC = 39,
    NXAST_GROUP = 40,
    NXAST_SAMPLE3 = 41,
    NXAST_CLONE = 42,
    NXAST_CT_CLEAR = 43,
    NXAST_RESUBMIT_TABLE_CT = 44,
    NXAST_LEARN2 = 45,
    NXAST_ENCAP = 46,
    NXAST_DECAP = 47,
    NXAST_DEC_NSH_TTL = 48,
    NXAST_CHECK_PKT_LARGER = 49,
    NXAST_DELETE_FIELD = 50,
};

/* Begins one of Nicira's actions; returns where. action_end() pads it to 8 and sets its length. */
size_t nx_begin(struct bytebuf *, enum nx_action);
size_t std_begin(struct bytebuf *, uint16_t type);
void action_end(struct bytebuf *, size_t start);
/* A field for a 32-bit header. False if it needs an experimenter's 64. */
bool header_is_short(const struct field *, enum ofp_version);

/* "ofs << 6 | n_bits - 1" and the field's header behind it. */
void put_ofs_nbits(struct bytebuf *, const struct subfield *);
void get_ofs_nbits(uint16_t ofs_nbits, struct subfield *);
enum ofperr get_field_header(struct reader *, const struct field **);
/* The same in the older actions, which have room for 4 bytes, say SET_TYPE and pass over a mask. */
enum ofperr get_short_header(struct reader *, const struct field **);
enum ofperr actions_decode_nested(struct reader *, const struct action_decode *);
void actions_encode_nested(const struct action_encode *, const struct ofpact *, size_t len);

/* Families in files of their own. */
void encode_set_field(const struct action_encode *, const struct ofpact_set_field *);
void encode_set_whole(const struct action_encode *, enum field_id, uint64_t value);
enum ofperr decode_set_field(struct reader *, const struct action_decode *);
enum ofperr decode_reg_load(struct reader *, const struct action_decode *);
enum ofperr decode_reg_load2(struct reader *, const struct action_decode *);
void encode_learn(const struct action_encode *, const struct ofpact_learn *);
enum ofperr decode_learn(struct reader *, const struct action_decode *);
void encode_ct(const struct action_encode *, const struct ofpact_ct *);
void encode_nat(const struct action_encode *, const struct ofpact_nat *);
enum ofperr decode_ct(struct reader *, const struct action_decode *);
enum ofperr decode_nat(struct reader *, const struct action_decode *);

#endif
