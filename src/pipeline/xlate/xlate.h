/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Translation: what the tables of a bridge do with one packet, as datapath actions, together with
 * the mask under which every other packet gets the same.
 *
 * A translation walks the tables with a complete flow key, in one version of each bridge and one snapshot. It
 * writes nothing but what xlate_in asks for: learned MACs and rules (`side_effects`), the story (`report`),
 * the record
 * (`record`) from which statistics are credited later and by which revalidation knows what the flow depends
 * on.
 *
 *   xlate.c    begin and end: port, special packets, mask
 *   table.c    lookup, resubmit, goto, rules
 *   actions.c  the table of actions, action set
 *   output.c   ports, patch ports, flooding, controller
 *   egress.c   egress tables
 *   normal.c   NORMAL: the learning switch; mirrors
 *   tunnel.c   into tunnels, and out of them
 *   fields.c   header and metadata fields
 *   encap.c    MPLS, NSH, Ethernet, encap, decap
 *   group.c    groups; hash.c: hashes of packets
 *   ct.c       connection tracking, freezing
 *   misc.c     clone, check_pkt_larger ...
 *   sample.c   sample; what bridges sample by themselves
 *   commit.c   differences between the packet and the flow -> set actions
 *   learn.c    learn
 *
 * Thread-safety: a translation belongs to the RCU-registered thread that runs it; any number run at once. */
#ifndef PIPELINE_XLATE_XLATE_H
#define PIPELINE_XLATE_XLATE_H 1

#include "base/bytebuf.h"
#include "base/list.h"
#include "flow/key.h"
#include "openflow/actions.h"
#include "pipeline/snapshot.h"

struct frozen_state;
struct packet;
struct record;
struct rule;

enum xlate_error {
    XLATE_OK,
    XLATE_BRIDGE_NOT_FOUND,
    XLATE_RECURSION_TOO_DEEP,
    XLATE_TOO_MANY_RESUBMITS,
    XLATE_STACK_TOO_DEEP,
    XLATE_NO_RECIRCULATION_CONTEXT,
    XLATE_RECIRCULATION_CONFLICT,
    XLATE_TOO_MANY_MPLS_LABELS,
    XLATE_INVALID_TUNNEL_METADATA,
    XLATE_UNSUPPORTED_PACKET_TYPE,
    XLATE_CONGESTION_DROP,
    XLATE_FORWARDING_DISABLED,
};
const char *xlate_error_text(enum xlate_error); /* as ofproto/trace prints it */

struct xlate_in {
    const struct snapshot *snapshot;
    const struct xbridge *bridge;
    struct flow_key flow;     /* complete; in_port is OpenFlow's number */
    struct flow_key original; /* set by xlate(): the key as it came */
    bool options_wrong; /* tunnel options that the bridge's table does not allow: the packet is dropped */
    const struct packet *packet; /* NULL: none at hand */
    uint16_t tcp_flags;          /* of the packet, host order */
    bool side_effects;           /* learn */
    bool packet_out;             /* `actions` come from a packet-out */
    uint64_t version;            /* of the bridge's tables; 0: the present one */
    struct list *report;         /* NULL: none */
    bool named;                  /* the report has ports by name */
    struct list *recircs;        /* trace: struct xlate_recirc of each ct that goes on. NULL: none */
    struct record *record;       /* NULL: none */
    /* Instead of table 0: a list of actions, or what was frozen. */
    const struct ofpact *actions;
    size_t actions_len;
    const struct frozen_state *frozen;
    int depth, resubmits; /* of a translation that this one continues */
};

/* A packet goes on after connection tracking: for ofproto/trace. */
struct xlate_recirc {
    struct list node;
    uint32_t recirc_id;
    uint16_t zone;
    bool nat; /* the connection may change the packet's addresses: to these */
    struct ofpact_nat nat_to;
    struct flow_key flow;
    const struct xbridge *bridge;
};

struct xlate_out {
    struct bytebuf actions;
    struct flow_mask wc; /* complete */
    struct {             /* what wc was of the bridge's names of tunnel options, for who tells the story */
        uint64_t present;
        uint8_t bits[FLOW_TUN_MD_SIZE];
    } tun_md;
    unsigned slow;        /* enum dp_slow_reason bits */
    uint32_t slow_meter;  /* the datapath's, of packets for the slow path; UINT32_MAX: none */
    bool protocol_lost;   /* a protocol has too many packets waiting to take this one */
    bool avoid_caching;   /* what came out is for this packet alone */
    uint32_t *recirc_ids; /* references held for this flow */
    size_t n_recirc_ids;
};

/* Prepares IN for a packet with key FLOW (in_port the datapath's) that came in from BACKER: finds port and
 * bridge, thaws if it was recirculated. ENODEV: no such port; ENOENT: no state for the recirc_id. */
int xlate_in_init_upcall(struct xlate_in *, const struct pipeline *, const struct dp_backer *,
                         const struct flow_key *flow);
/* Prepares IN for a packet in BRIDGE with key FLOW (in_port OpenFlow's). */
void xlate_in_init(struct xlate_in *, const struct snapshot *, const struct xbridge *,
                   const struct flow_key *flow);

/* Gives the options of KEY, a packet that came in to BRIDGE, the names that they have there. False: they are
 * wrong. */
bool xbridge_name_options(const struct xbridge *, struct flow_key *key);

void xlate_out_init(struct xlate_out *);
void xlate_out_fini(struct xlate_out *); /* drops the references to recirculation ids */

/* Translates. On an error the actions are empty and the mask is all that was looked at so far. */
enum xlate_error xlate(struct xlate_in *, struct xlate_out *);

#endif
