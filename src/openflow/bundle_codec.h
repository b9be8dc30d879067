/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Bundles on the wire: control messages, the messages put into them, and from OpenFlow 1.5 the time
 * at which one is to be committed, and what a switch says about such times. Ownership: nothing is kept.
 * Thread-safety: pure functions. */
#ifndef OPENFLOW_BUNDLE_CODEC_H
#define OPENFLOW_BUNDLE_CODEC_H 1

#include "openflow/msg.h"

enum bundle_control_type {
    BUNDLE_OPEN_REQUEST,
    BUNDLE_OPEN_REPLY,
    BUNDLE_CLOSE_REQUEST,
    BUNDLE_CLOSE_REPLY,
    BUNDLE_COMMIT_REQUEST,
    BUNDLE_COMMIT_REPLY,
    BUNDLE_DISCARD_REQUEST,
    BUNDLE_DISCARD_REPLY
};
#define BUNDLE_ATOMIC  1
#define BUNDLE_ORDERED 2
#define BUNDLE_TIME    4 /* 1.5: the commit has a time */

/* A point in time (since 1970, TAI), or how long something takes. */
struct ofp_time {
    uint64_t seconds;
    uint32_t nanoseconds; /* below 1,000,000,000 */
};
/* In milliseconds, rounded up; INT64_MAX / 2 at most. */
int64_t ofp_time_to_ms(const struct ofp_time *);
struct ofp_time ofp_time_from_ms(int64_t ms); /* 0 or more */

struct bundle_control {
    uint32_t bundle_id;
    uint16_t type, flags;
    bool has_time;
    struct ofp_time time; /* to commit at */
};
void bundle_control_encode(struct bytebuf *, const struct bundle_control *, enum ofp_version, uint32_t xid);
/* On an error the members up to `flags` are what the message says, as far as it goes. */
enum ofperr bundle_control_decode(const struct ofp_msg *, struct bundle_control *);
/* MSG: the message inside, which has the same version and xid; else an error. */
enum ofperr bundle_add_decode(const struct ofp_msg *, uint32_t *bundle_id, uint16_t *flags,
                              struct ofp_msg *msg);

/* What a switch says about times, or a controller wishes. */
struct bundle_times {
    struct ofp_time accuracy, max_future, max_past, timestamp;
};
#define BUNDLE_FEATURES_TIMESTAMP 1 /* the request says what time it is */
#define BUNDLE_FEATURES_SET_SCHED 2 /* and how far off a commit may be */

/* A request (FLAGS above) or a reply (FLAGS: BUNDLE_ATOMIC ..., what the switch is capable of). */
struct bundle_features {
    uint32_t flags;
    bool has_times;
    struct bundle_times times;
};
void bundle_features_request_encode(struct bytebuf *, const struct bundle_features *, enum ofp_version,
                                    uint32_t xid);
/* Appends the body of a reply; the caller makes the message around it. */
void bundle_features_put_reply(struct bytebuf *, const struct bundle_features *);
enum ofperr bundle_features_decode(const struct ofp_msg *, struct bundle_features *);

#endif
