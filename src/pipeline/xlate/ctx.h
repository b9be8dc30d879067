/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. A translation at work. */
#ifndef PIPELINE_XLATE_CTX_H
#define PIPELINE_XLATE_CTX_H 1

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>

#include "action/action.h"
#include "base/alloc.h"
#include "flow/field.h"
#include "flow/mask.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/recirc.h"
#include "pipeline/xlate/record.h"
#include "pipeline/xlate/report.h"
#include "pipeline/xlate/xlate.h"

#define XLATE_MAX_DEPTH     64          /* of resubmits into the same table or one before */
#define XLATE_MAX_RESUBMITS (64 * 64)   /* in one translation */
#define XLATE_MAX_STACK     (64 * 1024) /* bytes */
#define XLATE_MAX_ACTIONS   (64 * 1024) /* bytes of datapath actions before a resubmit is refused */

/* What the key cannot say of the packet, since nobody has parsed it yet. */
struct xlate_unparsed {
    bool l3;       /* pop_mpls laid bare a header */
    bool ttl;      /* the outermost TTL is a copy of one that is not in the key */
    uint8_t inner; /* TTL of the IP header under the label that was pushed on it; 0: not known */
};

struct xlate_ctx {
    struct xlate_in *xin;
    struct xlate_out *xout;
    const struct snapshot *snapshot;
    const struct xbridge *bridge; /* where the packet is now */
    uint64_t version;             /* of the bridge's tables */

    struct flow_key *flow;     /* the packet as OpenFlow sees it now: xin->flow */
    struct flow_key base_flow; /* as it is in the datapath after the actions so far */
    struct flow_mask *wc;      /* what was looked at: xout->wc */
    const struct flow_mask
        *certain;            /* in an outer packet: what is known of it; NULL: what WC and writing say */
    struct bytebuf *actions; /* datapath actions: xout->actions */
    struct list *report;     /* where the story goes on now; NULL: untold */
    struct port_names ports; /* of the bridge where the packet is, for the story */
    struct ofp_names names;

    struct rule *rule;    /* whose actions run; NULL: none (packet-out) */
    uint64_t rule_cookie; /* UINT64_MAX: none */
    uint64_t left_cookie; /* of the rule that was left last */
    uint8_t table_id;
    int depth;     /* of resubmits that go back */
    int resubmits; /* so far */
    int nesting;   /* of rules: for our own stack */
    bool in_group, in_action_set, in_packet_out;
    bool exit;
    bool blocked;   /* no packet goes on: the port that it came in by does not forward */
    bool idle;      /* rules do nothing: the packet is a protocol's, or came in by a blocked port */
    bool all_trees; /* output goes to blocked ports, too */
    bool entering;  /* the first table of a bridge: ports and mirrors are looked at between lookup and actions
                     */
    bool conntracked;                /* ct() has been committed to the actions: ct_state is known */
    const struct ofpact_nat *ct_nat; /* the one nested in the ct at work */
    struct xlate_unparsed unparsed;
    bool altered; /* the datapath changes the packet unseen: no commit can undo it */
    bool hashed;  /* dp_hash is there, were it 0 (under a flow's mask it may be) */
    bool pending_encap, pending_decap;
    unsigned headers;          /* put on and taken off in the actions so far */
    struct bytebuf encap_data; /* NSH metadata of an encap that is not committed */
    struct bytebuf stack;      /* push and pop: values, each followed by its length in one byte */
    struct bytebuf action_set; /* struct ofpacts */
    uint32_t mirrors;          /* this packet went there already */
    uint16_t mirror_snaplen;
    bool in_mirror;
    uint8_t n_egress; /* ports of this bridge whose egress processing is under way, the outermost first */
    uint32_t egress[FROZEN_MAX_EGRESS];
    bool sampled;         /* some action sends a sample up */
    uint32_t sflow_n_out; /* datapath ports that packets go out by */
    uint32_t sflow_out;   /* the interface's index of the last one */
    uint32_t netflow_out; /* where packets go, or NETFLOW_OUT_* */
    uint32_t orig_skb_priority;
    uint32_t drop_reason; /* enum drop_reason: why there are no actions, if there are none; 0: they say so */

    /* Freezing: the rest is to be done after a recirculation. */
    bool freezing;
    bool pause; /* frozen for a controller */
    bool recirc_update_dp_hash;
    uint32_t dp_hash_alg, dp_hash_basis;
    const struct ofpact_controller *pause_action;
    struct bytebuf frozen_actions;

    enum xlate_error error;
};

/* Ports and bundles are looked up by these alone, in translation: the record knows then what it consulted. */
static inline void xlate_consult(const struct xlate_ctx *ctx, enum part_kind kind, uint32_t number)
{
    if (ctx->xin->record) {
        parts_add(&ctx->xin->record->parts, kind, ctx->bridge->ofproto, number);
    }
}
static inline const struct xport *xlate_find_port(const struct xlate_ctx *ctx, uint32_t ofp_port)
{
    xlate_consult(ctx, PART_PORT, ofp_port);
    return xbridge_port(ctx->bridge, ofp_port);
}
static inline const struct xbundle *xlate_find_bundle(const struct xlate_ctx *ctx, uint32_t id)
{
    xlate_consult(ctx, PART_BUNDLE, id);
    return xbridge_bundle(ctx->bridge, id);
}
static inline const struct xport *xlate_find_device(const struct xlate_ctx *ctx, const char *name)
{
    if (ctx->xin->record) {
        parts_add(&ctx->xin->record->parts, PART_DEVICES, NULL, 0);
    }
    return snapshot_device(ctx->snapshot, ctx->bridge->backer, name);
}
#pragma GCC poison xbridge_port xbridge_bundle snapshot_device

/* report */
static inline const struct ofp_names *xlate_names(const struct xlate_ctx *ctx)
{
    return ctx->xin->named ? &ctx->names : NULL;
}
static inline const struct port_names *xlate_port_names(const struct xlate_ctx *ctx)
{
    return ctx->xin->named ? &ctx->ports : NULL;
}
void xlate_report(struct xlate_ctx *, enum report_type, const char *format, ...) PRINTF_FORMAT(3, 4);
void xlate_report_error(struct xlate_ctx *, const char *format, ...)
    PRINTF_FORMAT(2, 3); /* ">>>> ... <<<<" */
void xlate_report_action_set(struct xlate_ctx *, const char *verb);
void xlate_report_subfield(struct xlate_ctx *, const struct subfield *);

/* actions.c */
void xlate_actions(struct xlate_ctx *, const struct ofpact *, size_t len, bool is_last);
void xlate_action_set(struct xlate_ctx *);
/* What comes behind a bridge's first rule, the action set, is its: in the trace, and by its cookie. */
void xlate_go_on_in_first_table(struct xlate_ctx *);
/* What was written, as the list that is executed; appended to OUT. */
void xlate_compose_action_set(const struct bytebuf *written, struct bytebuf *out);
/* Does nothing more than stop: what follows of the list is frozen with it. */
static inline bool xlate_must_stop(const struct xlate_ctx *ctx)
{
    return ctx->error || ctx->exit;
}

/* table.c */
void xlate_table(struct xlate_ctx *, uint32_t in_port, uint8_t table_id, bool may_packet_in,
                 bool with_ct_orig, bool is_last);
void xlate_rule(struct xlate_ctx *, struct rule *, bool deepens, bool is_last);
bool xlate_may_resubmit(struct xlate_ctx *);

/* output.c */
void xlate_output(struct xlate_ctx *, uint32_t port, uint16_t controller_len, bool may_packet_in,
                  bool is_last, bool truncate);
/* To an OpenFlow port; CHECK_STP false for special packets and `all`. */
void xlate_output_port(struct xlate_ctx *, uint32_t ofp_port, bool is_last, bool truncate);
/* The same for a bond whose member is chosen by the datapath's hash, when the packet comes back as
 * RECIRC_ID's; PORT is any of its members. */
void xlate_output_hashed(struct xlate_ctx *, const struct xport *, uint32_t hash_basis, uint32_t recirc_id);
void xlate_output_reg(struct xlate_ctx *, const struct ofpact_output_reg *, bool is_last);
void xlate_output_trunc(struct xlate_ctx *, const struct ofpact_output_trunc *, bool is_last);
void xlate_enqueue(struct xlate_ctx *, const struct ofpact_enqueue *, bool is_last);
void xlate_controller(struct xlate_ctx *, uint16_t max_len, enum ofp_packet_in_reason, uint16_t controller_id,
                      uint32_t meter_id, const uint8_t *userdata, size_t userdata_len);
void xlate_clear_conntrack(struct xlate_ctx *);

/* egress.c */
/* Is the packet to go through the egress tables before it leaves by the port? */
bool xlate_has_egress(const struct xlate_ctx *, uint32_t ofp_port);
/* Is it what they send by it? */
bool xlate_is_egress_of(const struct xlate_ctx *, uint32_t ofp_port);
/* It goes through them; MAX_LEN bytes leave, 0: all. */
void xlate_egress(struct xlate_ctx *, uint32_t ofp_port, uint16_t max_len, bool is_last);
/* Is the table one of those that the packet may be in now? Says if not. */
bool xlate_may_enter_table(struct xlate_ctx *, uint8_t table_id);
/* No rule takes the packet: an egress table sends it nowhere. */
void xlate_egress_missed(struct xlate_ctx *);

/* tunnel.c */
bool xlate_tunnel_enter(struct xlate_ctx *); /* a packet came in by a tunnel; false: it goes no further */
/* Is the packet that goes out to OUT one for a tunnel that ends here? Then it is taken apart. */
bool xlate_terminate_tunnel(struct xlate_ctx *, const struct xport *out);
/* Fills in the flow's tunnel members as the tunnel's configuration has it. */
void xlate_fill_tunnel(struct xlate_ctx *, const struct tunnel_config *);
void xlate_output_tunnel(struct xlate_ctx *, const struct xport *, bool is_last, bool truncate);

/* normal.c */
void xlate_normal(struct xlate_ctx *);

/* mcast.c: a multicast packet in NORMAL, in a bridge that snoops. What it is flooded for, as the story has
 * it; NULL: it has been sent to whom it concerns. */
struct xlate_mcast {
    const struct xbundle *in;
    const struct xvlan *xvlan;
    uint16_t vlan;
};
const char *xlate_mcast(struct xlate_ctx *, const struct xlate_mcast *);

/* special.c */
/* Is the packet one of a protocol that the port, by which it came in, speaks? Then that has it. */
bool xlate_special(struct xlate_ctx *, const struct xport *);
/* The same by BFD and CFM alone, of PORT: nothing but looks. */
unsigned xlate_link_protocol(struct xlate_ctx *, const struct xport *port);
bool xlate_is_bpdu(const struct flow_key *); /* of the spanning tree */
/* Does the spanning tree let packets in by the port: to be learned from, to be forwarded? */
static inline bool xport_learns(const struct xport *xport)
{
    return !(xport->state & OFPROTO_PS_IN_TREE) || xport->state & OFPROTO_PS_LEARNS;
}
static inline bool xport_forwards(const struct xport *xport)
{
    return !(xport->state & OFPROTO_PS_IN_TREE) || xport->state & OFPROTO_PS_FORWARDS;
}

/* mirror.c */
void xlate_mirror(struct xlate_ctx *, const struct xbundle *, uint32_t mirrors);
/* A packet enters the bridge: mirrors. False: the port takes no part, the packet is dropped. */
bool xlate_enter(struct xlate_ctx *);

/* VLANs of the key, outermost first, in host order */
struct xvlan {
    struct {
        uint16_t tpid, vid, pcp; /* pcp in its place in the TCI */
    } v[FLOW_MAX_VLANS];
};
void xvlan_extract(const struct flow_key *, struct xvlan *);
void xvlan_put(struct flow_key *, const struct xvlan *, enum ofproto_priority_tags);
void xvlan_output_translate(const struct xbundle *, const struct xvlan *, struct xvlan *out);
void xvlan_input_translate(const struct xbundle *, const struct xvlan *in, struct xvlan *);
void xlate_output_normal(struct xlate_ctx *, const struct xbundle *, const struct xvlan *);
bool xbundle_includes_vlan(const struct xbundle *, const struct xvlan *);

void xlate_hold_recirc_id(struct xlate_ctx *, uint32_t id); /* a reference that is held; ct.c */

/* commit.c: brings the packet in line with the flow. */
void xlate_commit(struct xlate_ctx *);

/* fields.c, and VLAN tags of the key */
void xlate_set_field(struct xlate_ctx *, const struct ofpact_set_field *);
void xlate_move(struct xlate_ctx *, const struct ofpact_move *);
void xlate_stack_push(struct xlate_ctx *, const struct ofpact_stack *);
void xlate_stack_pop(struct xlate_ctx *, const struct ofpact_stack *);
void xlate_plain_field(struct xlate_ctx *, const struct ofpact *); /* mod_* and their like */
void xlate_delete_field(struct xlate_ctx *, const struct field *);
void xlate_push_vlan(struct xlate_ctx *, be16 ethertype);
void xlate_pop_vlan(struct xlate_ctx *);
bool xlate_dec_ttl(struct xlate_ctx *, const struct ofpact_dec_ttl *); /* true: stop */
/* A field of the packet; tun_metadata as the bridge lays them out. */
void xlate_get_field(const struct xlate_ctx *, const struct field *, union field_value *);
void xlate_look_at_field(struct xlate_ctx *, const struct field *, const union field_value *bits);
/* The options that the packet has by name, as OUTER's options on the wire; all of them are looked at. False:
 * there is no room for so many. */
bool xlate_put_options(struct xlate_ctx *, struct flow_key *outer);
/* The subfield's bits, at most 64; the mask looks at them. */
uint64_t subfield_read(const struct xlate_ctx *, const struct subfield *);
void subfield_write(struct xlate_ctx *, const struct subfield *, uint64_t value);
void subfield_look_at(struct xlate_ctx *, const struct subfield *);
void xlate_write_subfield(struct xlate_ctx *, const struct subfield *, uint64_t value);

/* encap.c */
/* Labels of an MPLS packet, as far as the key has them; WC, unless NULL, looks at what tells them. */
int xlate_count_labels(const struct flow_key *, struct flow_key *wc);
void xlate_push_mpls(struct xlate_ctx *, const struct ofpact_mpls *);
void xlate_pop_mpls(struct xlate_ctx *, be16 ethertype);
bool xlate_dec_mpls_ttl(struct xlate_ctx *);
void xlate_set_mpls(struct xlate_ctx *, const struct ofpact *);
void xlate_encap(struct xlate_ctx *, const struct ofpact_encap *);
bool xlate_decap(struct xlate_ctx *, const struct ofpact_decap *); /* true: recirculate */
bool xlate_dec_nsh_ttl(struct xlate_ctx *);

/* ttl.c */
void xlate_copy_ttl_in(struct xlate_ctx *);
void xlate_copy_ttl_out(struct xlate_ctx *);
/* Does the action look at, or change, an outermost TTL that is not known? */
bool xlate_needs_ttl(const struct xlate_ctx *, const struct ofpact *);
/* A part of the translation whose changes to the packet are its own (a bucket, another bridge): what no
 * commit could undo afterwards goes into a clone. */
struct xlate_scope {
    size_t start; /* in the actions */
    struct flow_key base_flow;
    struct xlate_unparsed unparsed;
    bool altered;
    bool pending_encap, pending_decap;
    unsigned headers;
    struct bytebuf encap_data;
};
void xlate_scope_begin(struct xlate_ctx *, struct xlate_scope *);
void xlate_scope_end(struct xlate_ctx *, struct xlate_scope *, bool is_last);

/* group.c, hash.c */
void xlate_group(struct xlate_ctx *, uint32_t group_id, bool is_last);
bool xlate_is_live(const struct xlate_ctx *, uint32_t ofp_port);
uint32_t flow_hash_fields(const struct flow_key *, enum hash_fields, uint16_t basis);
void flow_look_at_hash_fields(const struct flow_key *, enum hash_fields, struct flow_key *mask);
uint32_t flow_hash_5tuple(const struct flow_key *, uint32_t basis);
uint32_t flow_hash_symmetric(const struct flow_key *, uint32_t basis);

/* ct.c */
void xlate_ct(struct xlate_ctx *, const struct ofpact_ct *, bool is_last);
void xlate_freeze_rest(struct xlate_ctx *, const struct ofpact *rest, size_t len);
void xlate_finish_freezing(struct xlate_ctx *);
void xlate_recirculate(struct xlate_ctx *);
uint32_t xlate_freeze(struct xlate_ctx *, uint8_t table_id);
void xlate_thaw(struct xlate_ctx *, const struct frozen_state *);

/* misc.c */
void xlate_clone(struct xlate_ctx *, const struct ofpact *, size_t len, bool is_last);
void xlate_check_pkt_larger(struct xlate_ctx *, const struct ofpact_check_pkt_larger *,
                            const struct ofpact *rest, size_t rest_len);
void xlate_multipath(struct xlate_ctx *, const struct ofpact_multipath *);
void xlate_bundle(struct xlate_ctx *, const struct ofpact_bundle *, bool is_last);
void xlate_fin_timeout(struct xlate_ctx *, const struct ofpact_fin_timeout *);
void xlate_set_queue(struct xlate_ctx *, uint32_t queue);

/* sample.c */
void xlate_sample(struct xlate_ctx *, const struct ofpact_sample *);
void xlate_sample_input(struct xlate_ctx *); /* as the packet came into the bridge */
void xlate_count_output(struct xlate_ctx *, const struct xport *);
void xlate_sample_output(struct xlate_ctx *, const struct xport *);
/* Samples are told whether the packet goes anywhere. */
void xlate_finish_samples(struct xlate_ctx *);

/* learn.c */
void xlate_learn(struct xlate_ctx *, const struct ofpact_learn *);

#endif
