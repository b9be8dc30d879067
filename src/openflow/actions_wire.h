/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Actions and instructions on the wire, in every version. Pure functions; hostile input is answered
 * with an error. */
#ifndef OPENFLOW_ACTIONS_WIRE_H
#define OPENFLOW_ACTIONS_WIRE_H 1

#include "openflow/actions.h"
#include "openflow/errors.h"
#include "openflow/wire.h"

/* Appends the actions in VERSION's form. Instructions that are not actions are left out. Returns bytes. */
size_t actions_encode(struct bytebuf *, const struct ofpact *, size_t len, enum ofp_version);
/* OpenFlow 1.1 and later: as instructions. OpenFlow 1.0: as a list of actions, in which Nicira's extensions
 * stand for the instructions. Returns bytes. */
size_t instructions_encode(struct bytebuf *, const struct ofpact *, size_t len, enum ofp_version);

/* All of the reader, appended to OUT (which on an error has what it had). */
enum ofperr actions_decode(struct reader *, enum ofp_version, struct bytebuf *out);
enum ofperr instructions_decode(struct reader *, enum ofp_version, struct bytebuf *out);

#endif
