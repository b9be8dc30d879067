/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Matches and single fields on the wire: OXM and NXM TLVs, and the fixed matches of OpenFlow 1.0 and
 * 1.1. Pure functions; hostile input is answered with an error. */
#ifndef OPENFLOW_OXM_H
#define OPENFLOW_OXM_H 1

#include "flow/match.h"
#include "openflow/errors.h"
#include "openflow/wire.h"

struct field;
union field_value;

/* A match in VERSION's form: ofp_match of 40 bytes (1.0), of 88 (1.1), TLVs with their header, padded to 8
 * (1.2 and later). */
void match_encode(struct bytebuf *, const struct match *, enum ofp_version);
/* Always as TLVs with their header. */
void match_encode_fields(struct bytebuf *, const struct match *, enum ofp_version);
/* Takes a match off the reader. LOOSE: fields that are not known are passed over (in what a switch says). */
enum ofperr match_decode(struct reader *, enum ofp_version, bool loose, struct match *);

/* TLVs alone, without header and padding, as Nicira's messages have them (VERSION 1), with the cookie as a
 * field if COOKIE_MASK is not 0. Returns their length. */
size_t oxm_put_match(struct bytebuf *, const struct match *, enum ofp_version, uint64_t cookie,
                     uint64_t cookie_mask);
/* All of the reader. COOKIE, COOKIE_MASK may be NULL: a cookie is an error then. */
enum ofperr oxm_get_match(struct reader *, bool loose, struct match *, uint64_t *cookie,
                          uint64_t *cookie_mask);

/* A header: 4 bytes, or 8 for an experimenter's. */
void oxm_put_header(struct bytebuf *, const struct field *, enum ofp_version, bool masked);
/* *FIELD NULL: not known; MASKED, LEN (of the payload behind, mask included) may be NULL. */
enum ofperr oxm_get_header(struct reader *, const struct field **, bool *masked, unsigned *len);
/* Header, value, and mask unless NULL. A tun_metadata's leading zero bytes are left out. */
void oxm_put_field(struct bytebuf *, const struct field *, enum ofp_version, const union field_value *value,
                   const union field_value *mask);
/* A whole TLV. *MASK is all ones if it has none. */
enum ofperr oxm_get_field(struct reader *, const struct field **, union field_value *value,
                          union field_value *mask, bool *masked);

#endif
