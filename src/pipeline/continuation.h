/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What controller(pause) leaves to be done, as it travels to a controller in NXT_PACKET_IN2 and
 * comes back in NXT_RESUME: the frozen state (pipeline/recirc.h) in properties. Nothing of it stays in the
 * switch, so a paused packet costs nothing here, and a controller that never answers neither. What comes back
 * may be anything: it is checked as a flow mod's actions are. Thread-safety: pure functions. */
#ifndef PIPELINE_CONTINUATION_H
#define PIPELINE_CONTINUATION_H 1

#include "base/bytebuf.h"
#include "openflow/errors.h"
#include "pipeline/recirc.h"

/* As a session in this version is to get it. */
void continuation_encode(const struct frozen_state *, enum ofp_version, struct bytebuf *);

/* The same of one that was encoded for OpenFlow 1.3. */
void continuation_put(const uint8_t *data, size_t len, enum ofp_version, struct bytebuf *);

struct continuation {
    struct frozen_state state; /* its pointers into the buffers below */
    struct bytebuf stack, actions, action_set;
};
/* For the bridge OFPROTO_ID; another one's is OFPERR_NXR_STALE. To be finished in any case. The packet's
 * metadata (in_port, registers ...) is not in it: the caller fills that in. In the terms of a session's
 * version. */
enum ofperr continuation_decode(const uint8_t *data, size_t len, uint64_t ofproto_id, enum ofp_version,
                                struct continuation *);
void continuation_fini(struct continuation *);

#endif
