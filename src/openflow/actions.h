/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. OpenFlow actions and instructions in memory, and their text (ovs-actions(7)).
 *
 * A list of actions is a sequence of TLVs in a bytebuf: `struct ofpact`, whose `len` counts the whole action
 * with its variable part and without padding; the next starts at the next multiple of 8. One list holds
 * actions and instructions alike: an OpenFlow 1.1 or later set of instructions is flattened into it (the
 * apply_actions' actions first, then clear_actions, write_actions, write_metadata, goto_table; meter is
 * before all). What nests (write_actions, clone, ct, an encap's properties) lies inside of the outer one's
 * bytes.
 *
 * OFPACTS below is the one list of actions: every table by action (text here, wire form in actions_wire.h,
 * translation in pipeline/) is derived from it and statically asserted to be complete.
 *
 * Ownership: a list is plain bytes, without pointers but to `struct field`, which are static; copy it with
 * memcpy. It must be aligned to 8 (malloc and bytebuf give that).
 * Byte order: members of type be* in network order, all others in host order.
 * Thread-safety: plain data. */
#ifndef OPENFLOW_ACTIONS_H
#define OPENFLOW_ACTIONS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytebuf.h"
#include "base/strbuf.h"
#include "base/types.h"
#include "openflow/types.h"

struct field; /* flow/field.h */

/* X(ENUM, struct, name in text). The order is the enumeration's. */
#define OFPACTS                                                                                              \
    /* Output. */                                                                                            \
    X(OUTPUT, ofpact_output, "output")                                                                       \
    X(OUTPUT_REG, ofpact_output_reg, "output")                                                               \
    X(OUTPUT_TRUNC, ofpact_output_trunc, "output")                                                           \
    X(GROUP, ofpact_group, "group")                                                                          \
    X(CONTROLLER, ofpact_controller, "controller")                                                           \
    X(ENQUEUE, ofpact_enqueue, "enqueue")                                                                    \
    X(BUNDLE, ofpact_bundle, "bundle")                                                                       \
    /* Header fields. */                                                                                     \
    X(SET_FIELD, ofpact_set_field, "set_field")                                                              \
    X(MOVE, ofpact_move, "move")                                                                             \
    X(DELETE_FIELD, ofpact_delete_field, "delete_field")                                                     \
    X(STACK_PUSH, ofpact_stack, "push")                                                                      \
    X(STACK_POP, ofpact_stack, "pop")                                                                        \
    X(SET_VLAN_VID, ofpact_vlan_vid, "set_vlan_vid")                                                         \
    X(SET_VLAN_PCP, ofpact_vlan_pcp, "set_vlan_pcp")                                                         \
    X(STRIP_VLAN, ofpact_null, "strip_vlan")                                                                 \
    X(PUSH_VLAN, ofpact_push_vlan, "push_vlan")                                                              \
    X(SET_ETH_SRC, ofpact_mac, "mod_dl_src")                                                                 \
    X(SET_ETH_DST, ofpact_mac, "mod_dl_dst")                                                                 \
    X(SET_IPV4_SRC, ofpact_ipv4, "mod_nw_src")                                                               \
    X(SET_IPV4_DST, ofpact_ipv4, "mod_nw_dst")                                                               \
    X(SET_IP_DSCP, ofpact_u8, "mod_nw_tos")                                                                  \
    X(SET_IP_ECN, ofpact_u8, "mod_nw_ecn")                                                                   \
    X(SET_IP_TTL, ofpact_u8, "mod_nw_ttl")                                                                   \
    X(SET_L4_SRC_PORT, ofpact_l4_port, "mod_tp_src")                                                         \
    X(SET_L4_DST_PORT, ofpact_l4_port, "mod_tp_dst")                                                         \
    X(DEC_TTL, ofpact_dec_ttl, "dec_ttl")                                                                    \
    X(COPY_TTL_IN, ofpact_null, "copy_ttl_in")                                                               \
    X(COPY_TTL_OUT, ofpact_null, "copy_ttl_out")                                                             \
    X(SET_MPLS_LABEL, ofpact_u32, "set_mpls_label")                                                          \
    X(SET_MPLS_TC, ofpact_u8, "set_mpls_tc")                                                                 \
    X(SET_MPLS_TTL, ofpact_u8, "set_mpls_ttl")                                                               \
    X(DEC_MPLS_TTL, ofpact_null, "dec_mpls_ttl")                                                             \
    X(PUSH_MPLS, ofpact_mpls, "push_mpls")                                                                   \
    X(POP_MPLS, ofpact_mpls, "pop_mpls")                                                                     \
    X(DEC_NSH_TTL, ofpact_null, "dec_nsh_ttl")                                                               \
    X(ENCAP, ofpact_encap, "encap")                                                                          \
    X(DECAP, ofpact_decap, "decap")                                                                          \
    /* Metadata. */                                                                                          \
    X(SET_TUNNEL, ofpact_tunnel, "set_tunnel")                                                               \
    X(SET_QUEUE, ofpact_u32, "set_queue")                                                                    \
    X(POP_QUEUE, ofpact_null, "pop_queue")                                                                   \
    X(FIN_TIMEOUT, ofpact_fin_timeout, "fin_timeout")                                                        \
    /* Control of the pipeline, and the rest. */                                                             \
    X(RESUBMIT, ofpact_resubmit, "resubmit")                                                                 \
    X(LEARN, ofpact_learn, "learn")                                                                          \
    X(CONJUNCTION, ofpact_conjunction, "conjunction")                                                        \
    X(MULTIPATH, ofpact_multipath, "multipath")                                                              \
    X(NOTE, ofpact_note, "note")                                                                             \
    X(EXIT, ofpact_null, "exit")                                                                             \
    X(SAMPLE, ofpact_sample, "sample")                                                                       \
    X(CT, ofpact_ct, "ct")                                                                                   \
    X(CT_CLEAR, ofpact_null, "ct_clear")                                                                     \
    X(NAT, ofpact_nat, "nat")                                                                                \
    X(CLONE, ofpact_nest, "clone")                                                                           \
    X(CHECK_PKT_LARGER, ofpact_check_pkt_larger, "check_pkt_larger")                                         \
    X(DEBUG_RECIRC, ofpact_null, "debug_recirc")                                                             \
    X(DEBUG_SLOW, ofpact_null, "debug_slow")                                                                 \
    /* Instructions, in the order in which they take effect (meter first). */                                \
    X(METER, ofpact_u32, "meter")                                                                            \
    X(CLEAR_ACTIONS, ofpact_null, "clear_actions")                                                           \
    X(WRITE_ACTIONS, ofpact_nest, "write_actions")                                                           \
    X(WRITE_METADATA, ofpact_metadata, "write_metadata")                                                     \
    X(STAT_TRIGGER, ofpact_stat_trigger, "stat_trigger")                                                     \
    X(GOTO_TABLE, ofpact_goto_table, "goto_table")

enum ofpact_type {
#define X(ENUM, STRUCT, NAME) OFPACT_##ENUM,
    OFPACTS
#undef X
        N_OFPACTS
};

struct ofpact {
    uint8_t type; /* enum ofpact_type */
    uint8_t
        raw; /* which of its names it came by, for those that print or go so: set_tunnel64, copy_field (1) */
    uint16_t len; /* bytes, this header included, padding not */
    uint32_t pad; /* 0 */
};
#define OFPACT_ALIGN 8

static inline const struct ofpact *ofpact_next(const struct ofpact *a)
{
    return (const struct ofpact *)(const void *)((const char *)a + ROUND_UP(a->len, OFPACT_ALIGN));
}
static inline const struct ofpact *ofpact_end(const struct ofpact *list, size_t len)
{
    return list ? (const struct ofpact *)(const void *)((const char *)list + len) : NULL;
}
/* Each action A of the LEN bytes at LIST (a whole number of padded actions). */
#define OFPACT_FOR_EACH(A, LIST, LEN) for ((A) = (LIST); (A) < ofpact_end(LIST, LEN); (A) = ofpact_next(A))

/* Some bits of a field: OFS is the number of the least significant one. A whole field has ofs 0 and n_bits
 * the field's width. `field` NULL: none (where the text says so). */
struct subfield {
    const struct field *field;
    uint16_t ofs;
    uint16_t n_bits;
};

/* strip_vlan copy_ttl_in copy_ttl_out dec_mpls_ttl dec_nsh_ttl pop_queue exit ct_clear clear_actions debug_*
 */
struct ofpact_null {
    struct ofpact ofpact;
};

/* mod_nw_tos (DSCP in bits 2 to 7), mod_nw_ecn, mod_nw_ttl, set_mpls_tc, set_mpls_ttl */
struct ofpact_u8 {
    struct ofpact ofpact;
    uint8_t value;
};

/* set_mpls_label, set_queue, meter */
struct ofpact_u32 {
    struct ofpact ofpact;
    uint32_t value;
};

struct ofpact_output {
    struct ofpact ofpact;
    uint32_t port;    /* OFPP_* included */
    uint16_t max_len; /* for OFPP_CONTROLLER: bytes of the packet to send */
};

/* output:SRC, the port number is in a field. */
struct ofpact_output_reg {
    struct ofpact ofpact;
    uint16_t max_len;
    struct subfield src;
};

/* output(port=P,max_len=N) */
struct ofpact_output_trunc {
    struct ofpact ofpact;
    uint32_t port;
    uint32_t max_len; /* bytes that are left of the packet */
};

struct ofpact_group {
    struct ofpact ofpact;
    uint32_t group_id;
};

struct ofpact_controller {
    struct ofpact ofpact;
    uint16_t max_len;
    uint16_t controller_id;
    uint8_t reason; /* enum ofp_packet_in_reason */
    bool pause;
    uint16_t userdata_len;
    uint32_t meter_id;          /* OFPM_NONE: none */
    uint32_t provider_meter_id; /* OFPM_NONE; for the pipeline's own use */
    uint8_t userdata[];
};

struct ofpact_enqueue {
    struct ofpact ofpact;
    uint32_t port;
    uint32_t queue;
};

enum bundle_algorithm {
    BUNDLE_ACTIVE_BACKUP,
    BUNDLE_HRW
};

/* multipath's and bundle's choice of the fields that are hashed; and a select group's. */
enum hash_fields {
    HASH_FIELDS_ETH_SRC,
    HASH_FIELDS_SYMMETRIC_L4,
    HASH_FIELDS_SYMMETRIC_L3L4,
    HASH_FIELDS_SYMMETRIC_L3L4_UDP,
    HASH_FIELDS_NW_SRC,
    HASH_FIELDS_NW_DST,
    HASH_FIELDS_SYMMETRIC_L3,
    N_HASH_FIELDS
};

/* bundle (dst.field NULL) and bundle_load */
struct ofpact_bundle {
    struct ofpact ofpact;
    uint8_t algorithm; /* enum bundle_algorithm */
    uint8_t fields;    /* enum hash_fields */
    uint16_t basis;
    uint32_t n_members;
    struct subfield dst;
    uint32_t members[]; /* ports */
};

/* set_field, load and what is like them. The value stands as on the wire, in the field's bytes, most
 * significant first; then the mask, likewise. */
struct ofpact_set_field {
    struct ofpact ofpact;
    const struct field *field;
    bool flow_has_vlan; /* the flow matches a VLAN tag: OpenFlow 1.0 and 1.1 tell set from push */
    bool is_load;       /* came as load: a number into a subfield; prints so */
    bool masked;        /* came with a mask or as load: told with one, even where it is all of the field */
    bool is_reg_load2;  /* came as NXAST_REG_LOAD2, and goes as that where there are no masks */
    uint8_t n_bytes;    /* of value, and of mask */
    uint8_t data[];     /* value, mask */
};
static inline const uint8_t *ofpact_set_field_value(const struct ofpact_set_field *a)
{
    return a->data;
}
static inline const uint8_t *ofpact_set_field_mask(const struct ofpact_set_field *a)
{
    return a->data + a->n_bytes;
}

/* The whole field is set, and is told without a mask. */
bool ofpact_set_field_is_exact(const struct ofpact_set_field *);

struct ofpact_move {
    struct ofpact ofpact;
    struct subfield src, dst; /* of the same width */
};

struct ofpact_delete_field {
    struct ofpact ofpact;
    const struct field *field;
};

struct ofpact_stack {
    struct ofpact ofpact;
    struct subfield subfield;
};

struct ofpact_vlan_vid {
    struct ofpact ofpact;
    uint16_t vid;
    bool push_if_needed; /* OpenFlow 1.0's semantics: tags an untagged packet */
    bool flow_has_vlan;
};
struct ofpact_vlan_pcp {
    struct ofpact ofpact;
    uint8_t pcp;
    bool push_if_needed;
    bool flow_has_vlan;
};
struct ofpact_push_vlan {
    struct ofpact ofpact;
    be16 ethertype;
};
struct ofpact_mac {
    struct ofpact ofpact;
    struct eth_addr mac;
};
struct ofpact_ipv4 {
    struct ofpact ofpact;
    be32 ip;
};
struct ofpact_l4_port {
    struct ofpact ofpact;
    uint16_t port;
    uint8_t flow_ip_proto; /* the flow's match: which transport. 0: not known */
};
struct ofpact_dec_ttl {
    struct ofpact ofpact;
    bool has_ids; /* came with a list; else the one controller is 0 */
    uint16_t n_controllers;
    uint16_t controllers[];
};
struct ofpact_mpls {
    struct ofpact ofpact;
    be16 ethertype;
};

/* encap(). Properties are read with OFPACT_ENCAP_PROP below. */
struct ofpact_encap {
    struct ofpact ofpact;
    be32 new_pkt_type; /* FLOW_PT(): Ethernet, (1,0x894f) NSH, (1,0x8847) MPLS */
    uint16_t hdr_size; /* bytes of the new header; 0: default */
    uint16_t n_props;
    uint8_t props[] __attribute__((aligned(8))); /* struct ofpact_encap_prop, each padded to 8 */
};
struct ofpact_encap_prop {
    uint16_t prop_class; /* 4: NSH */
    uint8_t type;        /* NSH: 1 md_type, 2 TLV */
    uint8_t len;         /* bytes with this header, padding not */
    uint8_t data[];      /* md_type: one byte. TLV: be16 class, u8 type, u8 n, n bytes */
};
struct ofpact_decap {
    struct ofpact ofpact;
    be32 new_pkt_type; /* FLOW_PT(0, 0xfffe): as the packet itself says */
};
#define OFP_PT_USE_NEXT_PROTO CONST_BE32(0x0000fffe)

struct ofpact_tunnel {
    struct ofpact ofpact;
    uint64_t tun_id;
};

struct ofpact_fin_timeout {
    struct ofpact ofpact;
    uint16_t idle, hard; /* seconds; 0: leaves it */
};

struct ofpact_resubmit {
    struct ofpact ofpact;
    uint32_t in_port; /* OFPP_IN_PORT: the present one */
    uint8_t table_id; /* 255: the present one */
    bool with_ct_orig;
};

enum learn_src {
    LEARN_SRC_FIELD,
    LEARN_SRC_IMMEDIATE
};
enum learn_dst {
    LEARN_DST_MATCH,
    LEARN_DST_LOAD,
    LEARN_DST_OUTPUT
};
struct learn_spec {
    uint8_t src_type; /* enum learn_src */
    uint8_t dst_type; /* enum learn_dst */
    uint16_t n_bits;
    uint16_t imm_bytes; /* bytes of immediate value that follow this struct (then padded to 8); else 0 */
    uint16_t pad;
    struct subfield src; /* if LEARN_SRC_FIELD */
    struct subfield dst; /* if MATCH or LOAD */
    uint8_t imm[];       /* the value, most significant first, right-aligned in whole bytes */
};
#define LEARN_SEND_FLOW_REM  1
#define LEARN_DELETE_LEARNED 2
#define LEARN_WRITE_RESULT   4
struct ofpact_learn {
    struct ofpact ofpact;
    uint16_t idle_timeout, hard_timeout, priority;
    uint8_t table_id;
    uint8_t flags; /* LEARN_* */
    uint16_t fin_idle_timeout, fin_hard_timeout;
    uint32_t limit; /* flows; 0: none */
    uint64_t cookie;
    struct subfield result_dst; /* if LEARN_WRITE_RESULT */
    uint8_t specs[] __attribute__((aligned(8)));
};
static inline const struct learn_spec *learn_spec_first(const struct ofpact_learn *a)
{
    return (const struct learn_spec *)(const void *)a->specs;
}
static inline const struct learn_spec *learn_spec_next(const struct learn_spec *s)
{
    return (const struct learn_spec *)(const void *)((const char *)(s + 1) + ROUND_UP(s->imm_bytes, 8));
}
#define LEARN_SPEC_FOR_EACH(SPEC, LEARN)                                                                     \
    for ((SPEC) = learn_spec_first(LEARN);                                                                   \
         (const char *)(SPEC) < (const char *)(LEARN) + (LEARN)->ofpact.len; (SPEC) = learn_spec_next(SPEC))

struct ofpact_conjunction {
    struct ofpact ofpact;
    uint8_t clause;    /* from 0 */
    uint8_t n_clauses; /* 2 to 64 */
    uint32_t id;
};

enum multipath_algorithm {
    MULTIPATH_MODULO_N,
    MULTIPATH_HASH_THRESHOLD,
    MULTIPATH_HRW,
    MULTIPATH_ITER_HASH
};
struct ofpact_multipath {
    struct ofpact ofpact;
    uint8_t fields;    /* enum hash_fields */
    uint8_t algorithm; /* enum multipath_algorithm */
    uint16_t basis;
    uint16_t max_link; /* number of links, less 1 */
    uint32_t arg;
    struct subfield dst;
};

struct ofpact_note {
    struct ofpact ofpact;
    uint16_t n_bytes;
    uint8_t data[];
};

enum sample_direction {
    SAMPLE_DEFAULT,
    SAMPLE_INGRESS,
    SAMPLE_EGRESS
};
struct ofpact_sample {
    struct ofpact ofpact;
    uint16_t probability; /* 1 to 65535, of 65535 */
    uint8_t direction;    /* enum sample_direction */
    uint32_t collector_set_id;
    uint32_t obs_domain_id;
    uint32_t obs_point_id;
    uint32_t sampling_port; /* OFPP_NONE: none */
};

#define CT_COMMIT      1
#define CT_FORCE       2
#define CT_RECIRC_NONE 255 /* ct.recirc_table: none */
struct ofpact_ct {
    struct ofpact ofpact;
    uint16_t flags; /* CT_* */
    uint16_t zone_imm;
    uint16_t alg; /* the helper's port: 21 ftp, 69 tftp; 0 none */
    uint8_t recirc_table;
    struct subfield zone_src; /* field NULL: zone_imm counts */
    struct ofpact actions[];  /* nested: nat, set_field, move on ct_mark and ct_label. To the end of `len` */
};
/* write_actions, clone */
struct ofpact_nest {
    struct ofpact ofpact;
    struct ofpact actions[]; /* to the end of `len` */
};
/* The nested lists' lengths: whole padded actions. */
static inline size_t ofpact_nest_len(const struct ofpact_nest *a)
{
    return ROUND_UP(a->ofpact.len, OFPACT_ALIGN) - offsetof(struct ofpact_nest, actions);
}
static inline size_t ofpact_ct_len(const struct ofpact_ct *a)
{
    return ROUND_UP(a->ofpact.len, OFPACT_ALIGN) - offsetof(struct ofpact_ct, actions);
}

#define NAT_SRC          0x01
#define NAT_DST          0x02
#define NAT_PERSISTENT   0x04
#define NAT_PROTO_HASH   0x08
#define NAT_PROTO_RANDOM 0x10
struct ofpact_nat {
    struct ofpact ofpact;
    uint16_t flags;                /* NAT_*; neither SRC nor DST: as the connection was committed */
    uint8_t range_af;              /* 0: no address; 4 or 6 */
    uint16_t proto_min, proto_max; /* 0: none */
    union {
        struct {
            be32 min, max; /* max 0: just min */
        } ipv4;
        struct {
            struct ipv6_addr min, max;
        } ipv6;
    } addr;
};

struct ofpact_check_pkt_larger {
    struct ofpact ofpact;
    uint16_t pkt_len; /* bytes */
    struct subfield dst;
};

struct ofpact_metadata {
    struct ofpact ofpact;
    uint64_t value, mask;
};
/* OpenFlow 1.5: the rule's statistics are told when they pass these. 0: no threshold. */
#define STAT_TRIGGER_PERIODIC   0x1u /* and their multiples */
#define STAT_TRIGGER_ONLY_FIRST 0x2u /* of the thresholds the one that is passed first */
enum stat_trigger_field {
    STAT_TRIGGER_DURATION, /* ms */
    STAT_TRIGGER_IDLE,     /* ms */
    STAT_TRIGGER_PACKETS,
    STAT_TRIGGER_BYTES,
    N_STAT_TRIGGER_FIELDS
};
struct ofpact_stat_trigger {
    struct ofpact ofpact;
    uint32_t flags;
    uint64_t thresholds[N_STAT_TRIGGER_FIELDS];
};
struct ofpact_goto_table {
    struct ofpact ofpact;
    uint8_t table_id;
};

/* A's struct by its name: OFPACT_CAST(OUTPUT, a) is a const struct ofpact_output *. */
#define X(ENUM, STRUCT, NAME) typedef struct STRUCT ofpact_struct_##ENUM;
OFPACTS
#undef X
#define OFPACT_CAST(ENUM, A) ((const ofpact_struct_##ENUM *)(const void *)(A))

/* Appends a zeroed action to LIST and returns it (valid until the next change of LIST). One with a variable
 * part is to be completed: bytebuf_put() that part, then ofpact_finish() with the action's offset, which sets
 * `len` and pads. The others are complete. OFPACT_PUT gives the right type. */
void *ofpact_put(struct bytebuf *list, enum ofpact_type);
#define OFPACT_PUT(ENUM, LIST) ((ofpact_struct_##ENUM *)ofpact_put(LIST, OFPACT_##ENUM))
/* Ends the action at OFFSET of LIST, which is the last: sets its length, pads. */
void ofpact_finish(struct bytebuf *list, size_t offset);

const char *ofpact_name(enum ofpact_type); /* as in error texts: "output", "set_field" */
bool ofpacts_equal(const struct ofpact *a, size_t a_len, const struct ofpact *b, size_t b_len);

/* Does the list output to PORT, or to GROUP (for group and port dependent deletes)? Looks into nests. */
bool ofpacts_output_to_port(const struct ofpact *, size_t len, uint32_t port);
bool ofpacts_output_to_group(const struct ofpact *, size_t len, uint32_t group_id);
/* Bit N: some action reads or writes tun_metadataN. */
uint64_t ofpacts_tun_metadata(const struct ofpact *, size_t len);
/* The meter instruction's id; 0: none. */
uint32_t ofpacts_get_meter(const struct ofpact *, size_t len);

/* Is there something to be told, and nothing that is not known? */
bool ofpact_check_stat_trigger(const struct ofpact_stat_trigger *);

#endif
