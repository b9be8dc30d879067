/* SPDX-License-Identifier: Apache-2.0 */
/* A message from bytes into memory and back to bytes, by the codec's own functions. For tests. */
#ifndef TESTS_OPENFLOW_RECODE_H
#define TESTS_OPENFLOW_RECODE_H 1

#include "openflow/msg.h"

/* Appends the message to OUT as the codec encodes what it decoded. False: the codec has not both directions
 * for it (messages without a body are copied); *ERROR, if it was not to be decoded. */
bool openflow_recode(const struct ofp_msg *, struct bytebuf *out, enum ofperr *error);

#endif
