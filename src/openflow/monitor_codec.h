/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Flow monitors on the wire and in text: Nicira's (OpenFlow 1.0 to 1.2), ONF's extension to 1.3, the
 * standard's (1.4 and later). Each version has one form of them: ofp_msg_begin() takes it.
 *
 * Ownership: an update that was decoded has its actions in the caller's buffer. Pure functions; hostile input
 * is answered with an error. */
#ifndef OPENFLOW_MONITOR_CODEC_H
#define OPENFLOW_MONITOR_CODEC_H 1

#include "flow/match.h"
#include "openflow/actions.h"
#include "openflow/msg.h"
#include "openflow/text.h"

enum flow_monitor_command {
    FLOW_MONITOR_ADD,
    FLOW_MONITOR_MODIFY,
    FLOW_MONITOR_DELETE
};

#define FLOW_MONITOR_F_INITIAL   0x01 /* the flows that are there when it is made */
#define FLOW_MONITOR_F_ADD       0x02
#define FLOW_MONITOR_F_DELETE    0x04
#define FLOW_MONITOR_F_MODIFY    0x08
#define FLOW_MONITOR_F_ACTIONS   0x10 /* tell actions, too */
#define FLOW_MONITOR_F_OWN       0x20 /* in full what this controller did itself; else abbreviated */
#define FLOW_MONITOR_F_NO_ABBREV 0x40 /* 1.4 and later, see FLOW_MONITOR_F_ONLY_OWN */
/* OpenFlow 1.4 says "in full what this controller did" (NO_ABBREV) and "only what it did" (ONLY_OWN). The
 * reference refuses the one and has the other mean what F_OWN does: so it does alone. Together they are the
 * standard's. */
#define FLOW_MONITOR_F_ONLY_OWN (FLOW_MONITOR_F_OWN | FLOW_MONITOR_F_NO_ABBREV)

struct flow_monitor_request {
    uint32_t id;
    uint8_t command;              /* enum flow_monitor_command */
    uint16_t flags;               /* FLOW_MONITOR_F_* */
    uint32_t out_port, out_group; /* OFPP_ANY, OFPG_ANY */
    uint8_t table_id;             /* 255: all */
    bool plain;                   /* ONF's with a match that is fields alone: so are the updates' */
    struct match match;
};

/* A message may hold several requests: decode until *MORE is false. */
enum ofperr flow_monitor_request_decode(struct reader *, const struct ofp_msg *,
                                        struct flow_monitor_request *, bool *more);
/* Appends to a request that ofp_msg_begin() began. */
void flow_monitor_request_encode(struct bytebuf *, const struct flow_monitor_request *, enum ofp_version);
/* "!initial,table=3,out_port=2,tcp" (what follows "watch:" of ovs-ofctl monitor). */
char *flow_monitor_request_parse(struct flow_monitor_request *, const char *text, const struct ofp_names *,
                                 uint32_t *usable) WARN_UNUSED;
/* One line, without blank before and newline behind. */
void flow_monitor_request_format(const struct flow_monitor_request *, const struct ofp_names *,
                                 struct strbuf *);
/* NXT_FLOW_MONITOR_CANCEL. */
void flow_monitor_cancel_encode(struct bytebuf *, uint32_t id, enum ofp_version, uint32_t xid);
enum ofperr flow_monitor_cancel_decode(const struct ofp_msg *, uint32_t *id);

enum flow_update_event {
    FLOW_UPDATE_INITIAL, /* "added" in what has no such word */
    FLOW_UPDATE_ADDED,
    FLOW_UPDATE_DELETED,
    FLOW_UPDATE_MODIFIED,
    FLOW_UPDATE_ABBREV, /* only XID: what this controller's own message did */
    FLOW_UPDATE_PAUSED, /* 1.3 and later; before, messages of their own */
    FLOW_UPDATE_RESUMED
};

struct flow_update {
    uint8_t event;  /* enum flow_update_event */
    uint8_t reason; /* of a deletion: as in flow-removed */
    uint8_t table_id;
    bool plain; /* encoding: as in a request */
    uint16_t priority, idle_timeout, hard_timeout;
    uint32_t xid;
    uint64_t cookie;
    struct match match;
    const struct ofpact *ofpacts;
    size_t ofpacts_len;
};

/* The next update of a reply; actions go into OFPACTS (cleared before). */
enum ofperr flow_update_decode(struct reader *, const struct ofp_msg *, struct flow_update *,
                               struct bytebuf *ofpacts, bool *more);
/* Appends to a reply that ofp_msg_begin() began. */
void flow_update_encode(struct bytebuf *, const struct flow_update *, enum ofp_version);
void flow_update_format(const struct flow_update *, const struct ofp_names *, struct strbuf *);

#endif
