/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. A flow mod, a request for flow statistics and one flow's statistics, in memory and in text: what
 * ovs-ofctl(8) calls "flow syntax", flow files, and the lines of dump-flows. Their wire form is in
 * openflow/flow_codec.h.
 *
 * Ownership: the actions of a `struct flow_mod` are its own: flow_mod_fini(). Thread-safety: plain data. */
#ifndef OPENFLOW_FLOW_MOD_H
#define OPENFLOW_FLOW_MOD_H 1

#include "flow/match.h"
#include "openflow/actions.h"
#include "openflow/text.h"

enum flow_mod_command {
    FLOW_ADD,
    FLOW_MODIFY,
    FLOW_MODIFY_STRICT,
    FLOW_DELETE,
    FLOW_DELETE_STRICT
};

#define FLOW_SEND_FLOW_REM 0x01
#define FLOW_CHECK_OVERLAP 0x02
#define FLOW_RESET_COUNTS  0x04
#define FLOW_NO_PKT_COUNTS 0x08
#define FLOW_NO_BYT_COUNTS 0x10
#define FLOW_EMERGENCY     0x20 /* OpenFlow 1.0's, refused */
#define FLOW_HIDDEN_FIELDS 0x40 /* text: allow_hidden_fields */
#define FLOW_FLAGS_WIRE    0x1f

struct flow_mod {
    struct match match;
    uint64_t cookie, cookie_mask; /* which flows; a modification or deletion alone has a mask */
    uint64_t new_cookie;          /* what they get; UINT64_MAX: as they are */
    bool modify_cookie;
    uint8_t command;  /* enum flow_mod_command */
    uint8_t table_id; /* 255: all, or the switch's choice */
    uint8_t flags;    /* FLOW_* */
    uint16_t priority, idle_timeout, hard_timeout, importance;
    uint32_t buffer_id;
    uint32_t out_port;  /* deletion: that output there; OFPP_ANY */
    uint32_t out_group; /* OFPG_ANY */
    struct bytebuf ofpacts;
};

void flow_mod_init(struct flow_mod *);
void flow_mod_fini(struct flow_mod *);

/* Parses "table=1,priority=5,tcp,tp_dst=80,actions=output:1". *USABLE becomes the protocols (OFPROTO_*) that
 * can carry it. FM is made new; on an error it is finished. With `any_command` the text may begin with a
 * command's word ("add", "delete_strict" ...), which COMMAND stands in for. */
char *flow_mod_parse(struct flow_mod *fm, const char *text, enum flow_mod_command command, bool any_command,
                     const struct ofp_names *, uint32_t *usable) WARN_UNUSED;

/* Calls EACH for each line of FILE ("-": standard input) that is not empty or comment; it owns FM (and
 * finishes it). Stops at the first error, which says file and line. */
char *flow_mod_parse_file(const char *file, enum flow_mod_command command, const struct ofp_names *,
                          char *(*each)(struct flow_mod *fm, uint32_t usable, void *aux),
                          void *aux) WARN_UNUSED;

/* The same where no line begins with a command. */
char *flow_mod_parse_lines(const char *file, enum flow_mod_command command, const struct ofp_names *,
                           char *(*each)(struct flow_mod *fm, uint32_t usable, void *aux),
                           void *aux) WARN_UNUSED;

/* Takes out of a match what lacks its prerequisites, and logs that if there was something. */
bool flow_match_normalise(struct match *);

/* dump-flows, dump-aggregate, monitor's: which flows. */
struct flow_stats_request {
    bool aggregate;
    struct match match;
    uint64_t cookie, cookie_mask;
    uint32_t out_port, out_group;
    uint8_t table_id;
};
char *flow_stats_request_parse(struct flow_stats_request *, bool aggregate, const char *text,
                               const struct ofp_names *, uint32_t *usable) WARN_UNUSED;

struct flow_stats {
    struct match match;
    uint64_t cookie, packet_count, byte_count; /* counts UINT64_MAX: not known */
    const struct ofpact *ofpacts;
    size_t ofpacts_len;
    uint32_t duration_sec, duration_nsec;
    int idle_age, hard_age; /* seconds, -1: not known */
    uint16_t priority, idle_timeout, hard_timeout, importance;
    uint8_t table_id, flags;
};
/* One line of dump-flows, without the leading blank and the final newline. SHOW_STATS false: as with
 * --no-stats. */
void flow_stats_format(const struct flow_stats *, const struct ofp_names *, bool show_stats, struct strbuf *);

/* " send_flow_rem check_overlap" of a flow mod's line, each followed by a blank. */
void flow_flags_format(unsigned flags, struct strbuf *);

#endif
