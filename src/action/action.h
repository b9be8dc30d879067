/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Datapath actions as they lie in memory: what translation writes, the datapath runs, dumps print.
 *
 * An action list is a contiguous buffer of TLVs, each a multiple of 8 bytes long and aligned to 8. Each kind
 * has a structure of its own that begins with `struct dp_action`; the one table below names them all. Lists
 * inside an action (sample, clone, check_pkt_len, dec_ttl) are TLVs in its tail. An empty list drops.
 *
 *     struct bytebuf b = BYTEBUF_INITIALIZER;
 *     size_t mark = dp_actions_begin_clone(&b);
 *     dp_actions_put_output(&b, 5);
 *     dp_actions_end(&b, mark);
 *
 *     const struct dp_action *a;
 *     DP_ACTION_FOR_EACH (a, list, len) {
 *         switch ((enum dp_action_type)a->type) { ...
 *
 * Byte order: members of type be16, be32, be64 are as on the wire, others in host order.
 *
 * A list from anywhere but the builders below passes dp_actions_check() before it is iterated: after that,
 * every member and nested list lies inside of the buffer.
 *
 * Thread-safety: plain data; a list that is installed in a flow is immutable. */
#ifndef ACTION_ACTION_H
#define ACTION_ACTION_H 1

#include <stddef.h>
#include <string.h>

#include "base/bytebuf.h"
#include "base/compiler.h"
#include "base/types.h"
#include "flow/key.h"

#define DP_ACTION_ALIGN       8
#define DP_ACTION_MAX_LEN     65528 /* bytes of one action, what is nested in it included */
#define DP_ACTION_MAX_NESTING 16    /* depth of lists in lists that dp_actions_check() lets pass */

/* What every action begins with. */
struct dp_action {
    uint16_t type; /* enum dp_action_type */
    uint16_t len;  /* bytes of the whole action, a multiple of DP_ACTION_ALIGN */
};

/* The table of actions: name in C, structure, name in text, what may follow the structure. */
#define DP_ACTIONS(X)                                                                                        \
    X(OUTPUT, struct dp_action_u32, "output", FIXED)                                                         \
    X(USERSPACE, struct dp_action_userspace, "userspace", TAIL)                                              \
    X(SET, struct dp_action_set, "set", TAIL)                                                                \
    X(PUSH_VLAN, struct dp_action_push_vlan, "push_vlan", FIXED)                                             \
    X(POP_VLAN, struct dp_action_plain, "pop_vlan", FIXED)                                                   \
    X(PUSH_MPLS, struct dp_action_mpls, "push_mpls", FIXED)                                                  \
    X(POP_MPLS, struct dp_action_mpls, "pop_mpls", FIXED)                                                    \
    X(ADD_MPLS, struct dp_action_mpls, "add_mpls", FIXED)                                                    \
    X(PUSH_ETH, struct dp_action_push_eth, "push_eth", FIXED)                                                \
    X(POP_ETH, struct dp_action_plain, "pop_eth", FIXED)                                                     \
    X(PUSH_NSH, struct dp_action_push_nsh, "push_nsh", TAIL)                                                 \
    X(POP_NSH, struct dp_action_plain, "pop_nsh", FIXED)                                                     \
    X(SAMPLE, struct dp_action_u32, "sample", LIST)                                                          \
    X(CLONE, struct dp_action_plain, "clone", LIST)                                                          \
    X(TRUNC, struct dp_action_u32, "trunc", FIXED)                                                           \
    X(HASH, struct dp_action_hash, "hash", FIXED)                                                            \
    X(RECIRC, struct dp_action_u32, "recirc", FIXED)                                                         \
    X(CT, struct dp_action_ct, "ct", FIXED)                                                                  \
    X(CT_CLEAR, struct dp_action_plain, "ct_clear", FIXED)                                                   \
    X(METER, struct dp_action_u32, "meter", FIXED)                                                           \
    X(CHECK_PKT_LEN, struct dp_action_check_pkt_len, "check_pkt_len", TWO_LISTS)                             \
    X(DEC_TTL, struct dp_action_plain, "dec_ttl", LIST)                                                      \
    X(COPY_TTL_IN, struct dp_action_plain, "copy_ttl_in", FIXED)                                             \
    X(COPY_TTL_OUT, struct dp_action_plain, "copy_ttl_out", FIXED)                                           \
    X(TNL_PUSH, struct dp_action_tnl_push, "tnl_push", TAIL)                                                 \
    X(TNL_POP, struct dp_action_u32, "tnl_pop", FIXED)                                                       \
    X(LB_OUTPUT, struct dp_action_u32, "lb_output", FIXED)                                                   \
    X(DROP, struct dp_action_u32, "drop", FIXED)

/* What may follow an action's structure. */
enum dp_action_tail {
    DP_TAIL_FIXED,
    DP_TAIL_TAIL,      /* bytes */
    DP_TAIL_LIST,      /* a list of actions */
    DP_TAIL_TWO_LISTS, /* check_pkt_len's */
};

enum dp_action_type {
#define X(NAME, STRUCT, TEXT, TAIL) DP_ACTION_##NAME,
    DP_ACTIONS(X)
#undef X
    DP_N_ACTIONS
};

/* pop_vlan, pop_eth, pop_nsh, ct_clear; copy_ttl_in and copy_ttl_out, which are ours alone: from the
 * outermost header with a TTL to the next (MPLS, then IP, then IP in IP), and back. clone and dec_ttl: the
 * list follows (dec_ttl's is run by a packet whose TTL is exhausted). */
struct dp_action_plain {
    struct dp_action a;
    uint32_t pad;
};

/* One number.
 *   output, tnl_pop   datapath port number
 *   sample            probability, UINT32_MAX is certain; the list follows
 *   trunc             bytes that the next output may send at most (less than 14 is 14)
 *   recirc            recirculation id
 *   meter             datapath meter id
 *   lb_output         bond id
 *   drop              0, or an error that translation wants counted (enum drop_reason) */
struct dp_action_u32 {
    struct dp_action a;
    uint32_t value;
};

/* Hands the packet to the slow path, `userdata_len` bytes at `userdata` with it (struct dp_cookie, or any
 * bytes of whoever wrote the flow). */
struct dp_action_userspace {
    struct dp_action a;
    uint32_t pid;             /* as in text; this datapath makes nothing of it */
    uint32_t tunnel_out_port; /* UINT32_MAX: none; else fill in the egress tunnel's key */
    uint16_t userdata_len;
    uint8_t has_userdata;
    uint8_t actions; /* the upcall carries the flow's actions */
    uint8_t userdata[];
};

/* The `set` action: bits of one group of fields. The value (dp_set_group_sizes[group] bytes) follows the
 * header, then a mask of the same size; bits outside the mask are 0 in the value. Group TUNNEL is whole:
 * struct dp_tunnel with its options, no mask. */
struct dp_action_set {
    struct dp_action a;
    uint8_t group; /* enum dp_set_group */
    uint8_t size;  /* of the value; TUNNEL: 0 */
    uint16_t pad;
    uint8_t value[];
};

/*                  name in C   structure                  in text */
#define DP_SET_GROUPS(X)                                                                                     \
    X(PRIORITY, struct dp_set_u32, "skb_priority")                                                           \
    X(MARK, struct dp_set_u32, "skb_mark")                                                                   \
    X(ETH, struct dp_set_eth, "eth")                                                                         \
    X(IPV4, struct dp_set_ipv4, "ipv4")                                                                      \
    X(IPV6, struct dp_set_ipv6, "ipv6")                                                                      \
    X(TCP, struct dp_set_ports, "tcp")                                                                       \
    X(UDP, struct dp_set_ports, "udp")                                                                       \
    X(SCTP, struct dp_set_ports, "sctp")                                                                     \
    X(ICMP, struct dp_set_icmp, "icmp")                                                                      \
    X(ICMPV6, struct dp_set_icmp, "icmpv6")                                                                  \
    X(ARP, struct dp_set_arp, "arp")                                                                         \
    X(ND, struct dp_set_nd, "nd")                                                                            \
    X(ND_EXT, struct dp_set_nd_ext, "nd_ext")                                                                \
    X(MPLS, struct dp_set_mpls, "mpls")                                                                      \
    X(NSH, struct dp_set_nsh, "nsh")                                                                         \
    X(TUNNEL, struct dp_tunnel, "tunnel")

enum dp_set_group {
#define X(NAME, STRUCT, TEXT) DP_SET_##NAME,
    DP_SET_GROUPS(X)
#undef X
    DP_N_SET_GROUPS
};

struct dp_set_u32 {
    uint32_t value;
};
struct dp_set_eth {
    struct eth_addr src, dst;
};
struct dp_set_ipv4 {
    be32 src, dst;
    uint8_t proto; /* proto and frag can be written in text, but the datapath does not set them */
    uint8_t tos, ttl, frag;
};
struct dp_set_ipv6 {
    struct ipv6_addr src, dst;
    be32 label; /* 20 bits */
    uint8_t proto, tclass, hlimit, frag;
};
struct dp_set_ports {
    be16 src, dst;
};
struct dp_set_icmp {
    uint8_t type, code;
    uint8_t pad[2];
};
struct dp_set_arp {
    be32 sip, tip;
    be16 op;
    struct eth_addr sha, tha;
    uint8_t pad[2];
};
struct dp_set_nd {
    struct ipv6_addr target;
    struct eth_addr sll, tll;
};
struct dp_set_nd_ext {
    be32 reserved;
    uint8_t options_type;
    uint8_t pad[3];
};
struct dp_set_mpls {
    be32 lse; /* of the outermost entry */
};
struct dp_set_nsh {
    uint8_t flags, ttl, mdtype, np;
    be32 path_hdr;
    be32 context[4]; /* MD type 1 */
};

/* The tunnel to send into: laid out as the flow key's tunnel block (and so as struct packet_tunnel's
 * `block`), followed by what stands outside of the block there. */
struct dp_tunnel {
    be64 id;
    struct ipv6_addr ipv6_src, ipv6_dst;
    be32 src, dst;
    be16 tp_src, tp_dst;
    uint16_t flags; /* FLOW_TUN_* */
    uint8_t tos, ttl;
    be16 gbp_id;
    uint8_t gbp_flags;
    uint8_t gtpu_flags, gtpu_msgtype;
    uint8_t erspan_ver, erspan_dir, erspan_hwid;

    uint32_t erspan_idx;
    uint8_t opts_len; /* bytes at `opts`, a multiple of 4 */
    uint8_t no_ttl;   /* text named no ttl: print none */
    uint8_t pad[2];
    uint8_t opts[]; /* Geneve options as on the wire */
};
#define DP_TUNNEL_LIKE_KEY(MEMBER)                                                                           \
    _Static_assert(offsetof(struct dp_tunnel, MEMBER) ==                                                     \
                       offsetof(struct flow_key, tun_##MEMBER) - offsetof(struct flow_key, tun_id),          \
                   "tunnel block")
DP_TUNNEL_LIKE_KEY(ipv6_dst);
DP_TUNNEL_LIKE_KEY(src);
DP_TUNNEL_LIKE_KEY(flags);
DP_TUNNEL_LIKE_KEY(gbp_id);
DP_TUNNEL_LIKE_KEY(erspan_hwid);
_Static_assert(offsetof(struct dp_tunnel, erspan_idx) == FLOW_BLOCK_SIZE, "the block is one line");

struct dp_action_push_vlan {
    struct dp_action a;
    be16 tpid;
    be16 tci; /* with FLOW_VLAN_PRESENT where the CFI bit is */
};

/* push_mpls, add_mpls: a label stack entry in front (add_mpls: where `l3` says, behind the Ethernet header,
 * or, without it, in front of the whole packet). pop_mpls: `lse` is 0. */
struct dp_action_mpls {
    struct dp_action a;
    be32 lse;
    be16 ethertype; /* of the frame afterwards */
    uint8_t l3;     /* add_mpls */
    uint8_t pad[5];
};

struct dp_action_push_eth {
    struct dp_action a;
    struct eth_addr src, dst;
};

/* An NSH header (RFC 8300); `md_len` bytes of metadata: 16 with MD type 1, TLVs with type 2. */
struct dp_action_push_nsh {
    struct dp_action a;
    uint8_t flags, ttl, mdtype, np;
    be32 path_hdr;
    uint8_t md_len; /* a multiple of 4, at most 248 */
    uint8_t pad[3];
    uint8_t metadata[];
};

enum dp_hash_alg {
    DP_HASH_L4,     /* addresses, protocol, ports */
    DP_HASH_SYM_L4, /* the same for both directions */
};
struct dp_action_hash {
    struct dp_action a;
    uint32_t alg; /* enum dp_hash_alg */
    uint32_t basis;
    uint32_t pad;
};

#define DP_CT_COMMIT     0x001
#define DP_CT_FORCE      0x002 /* force_commit: also replaces one of the other direction */
#define DP_CT_MARK       0x004 /* mark and mark_mask count */
#define DP_CT_LABEL      0x008
#define DP_CT_EVENTMASK  0x010
#define DP_CT_NAT        0x020 /* nat(...) */
#define DP_CT_NAT_SRC    0x040
#define DP_CT_NAT_DST    0x080
#define DP_CT_NAT_V4     0x100 /* addresses are given: IPv4 or */
#define DP_CT_NAT_V6     0x200 /* IPv6 */
#define DP_CT_PERSISTENT 0x400
#define DP_CT_HASH       0x800
#define DP_CT_RANDOM     0x1000
struct dp_action_ct {
    struct dp_action a;
    uint16_t zone;
    uint16_t flags; /* DP_CT_* */
    uint32_t mark, mark_mask;
    be128 label, label_mask;
    uint32_t eventmask;
    uint16_t nat_port_min, nat_port_max; /* 0: none given */
    /* First and last address; IPv4 in be32[0]. All zero last: one address. */
    struct ipv6_addr nat_min, nat_max;
    char helper[16];  /* "": none */
    char timeout[32]; /* timeout policy's name; "": none */
};

/* Two lists follow: `gt_len` bytes for packets longer than `size`, then `le_len` for the others. */
struct dp_action_check_pkt_len {
    struct dp_action a;
    uint16_t size; /* bytes, from the Ethernet header on */
    uint16_t pad;
    uint16_t gt_len, le_len;
    uint32_t pad2;
};

/* Puts `header` in front and, through `out_port`, sends (tunnel/ builds it; tnl_type is the vport type's
 * number, mission.md). */
struct dp_action_tnl_push {
    struct dp_action a;
    uint32_t tnl_port; /* the tunnel vport, for its statistics */
    uint32_t out_port;
    uint32_t tnl_type;
    uint32_t header_len;
    uint8_t header[];
};

#define X(NAME, STRUCT, TEXT, TAIL)                                                                          \
    _Static_assert(sizeof(STRUCT) % DP_ACTION_ALIGN == 0 || DP_TAIL_##TAIL == DP_TAIL_TAIL,                  \
                   #NAME " is aligned");
DP_ACTIONS(X)
#undef X

/* The cookie of a `userspace` action that translation wrote: what the slow path is to do with the packet. */
#define DP_COOKIES(X)                                                                                        \
    X(SFLOW, "sFlow")                                                                                        \
    X(SLOW_PATH, "slow_path")                                                                                \
    X(FLOW_SAMPLE, "flow_sample")                                                                            \
    X(IPFIX, "ipfix")                                                                                        \
    X(CONTROLLER, "controller")
enum dp_cookie_type {
    DP_COOKIE_UNSPEC,
#define X(NAME, TEXT) DP_COOKIE_##NAME,
    DP_COOKIES(X)
#undef X
    DP_N_COOKIES
};

/* Why a flow's packets must go through the slow path; bits. */
#define DP_SLOW_REASONS(X)                                                                                   \
    X(CFM, 0, "cfm", "Consists of CFM packets")                                                              \
    X(BFD, 1, "bfd", "Consists of BFD packets")                                                              \
    X(LACP, 2, "lacp", "Consists of LACP packets")                                                           \
    X(STP, 3, "stp", "Consists of STP packets")                                                              \
    X(LLDP, 4, "lldp", "Consists of LLDP packets")                                                           \
    X(ACTION, 5, "action", "Uses action(s) not supported by datapath")                                       \
    X(MATCH, 6, "match", "Datapath can't match specifically enough")
enum dp_slow_reason {
#define X(NAME, BIT, TEXT, MEANING) DP_SLOW_##NAME = 1 << (BIT),
    DP_SLOW_REASONS(X)
#undef X
};

struct dp_cookie {
    uint16_t type;        /* enum dp_cookie_type */
    uint16_t reserved;    /* 0 */
    uint32_t ofp_in_port; /* OpenFlow number */
    uint64_t ofproto[2];  /* the bridge's identity, as translation chooses it; 0: not known */
    union {
        struct {
            be16 vlan_tci;
            uint16_t pad;
            uint32_t output; /* interface index and format, as sFlow has it */
        } sflow;
        struct {
            uint32_t reason; /* enum dp_slow_reason bits */
        } slow_path;
        struct {
            uint32_t probability; /* of 65535 */
            uint32_t collector_set_id;
            uint32_t obs_domain_id;
            uint32_t obs_point_id;
            uint32_t output_port; /* datapath port; UINT32_MAX: none */
            uint8_t direction;    /* 0 none, 1 ingress, 2 egress */
            uint8_t dropped;      /* the packet goes nowhere */
            uint16_t ofp_output;  /* OpenFlow number of the output port */
        } flow_sample;
        struct {
            uint32_t output_port; /* datapath port; UINT32_MAX: as it came in */
            uint16_t ofp_output;  /* OpenFlow number */
            uint8_t dropped;
            uint8_t pad;
        } ipfix;
        struct {
            uint64_t rule_cookie; /* host order */
            uint32_t recirc_id;
            uint16_t reason; /* OpenFlow packet-in reason */
            uint16_t controller_id;
            uint16_t max_len;
            uint8_t dont_send;
            uint8_t continuation;
            uint32_t meter_id; /* of the controller action; UINT32_MAX: none */
        } controller;
    };
};
_Static_assert(sizeof(struct dp_cookie) == 48, "a cookie is known by its size");

/* The cookie in userdata, or NULL if it is none (wrong size or type). P need not be aligned: it is copied. */
const struct dp_cookie *dp_cookie_from_userdata(const void *p, size_t n, struct dp_cookie *copy);

/* Iterates over LIST of LEN bytes, which has been checked. */
#define DP_ACTION_FOR_EACH(A, LIST, LEN)                                                                     \
    for ((A) = (const struct dp_action *)(const void *)(LIST);                                               \
         (const char *)(A) < (const char *)(LIST) + (LEN); (A) = dp_action_next(A))

static inline const struct dp_action *dp_action_next(const struct dp_action *a)
{
    return (const struct dp_action *)(const void *)((const char *)a + a->len);
}
/* True if A is the last of the LEN bytes at LIST. */
static inline bool dp_action_is_last(const struct dp_action *a, const void *list, size_t len)
{
    return (const char *)a + a->len >= (const char *)list + len;
}
/* A as its own structure. */
#define DP_ACTION_AS(STRUCT, A) ((const struct STRUCT *)(const void *)(A))

static inline uint32_t dp_action_value(const struct dp_action *a)
{
    return DP_ACTION_AS(dp_action_u32, a)->value;
}
/* The list in a sample, clone or dec_ttl action, *LEN bytes. */
static inline const struct dp_action *dp_action_nested(const struct dp_action *a, size_t *len)
{
    *len = a->len - 8u;
    return (const struct dp_action *)(const void *)((const char *)a + 8);
}
static inline const struct dp_action *dp_action_if_greater(const struct dp_action *a, size_t *len)
{
    *len = DP_ACTION_AS(dp_action_check_pkt_len, a)->gt_len;
    return (const struct dp_action *)(const void *)((const char *)a + sizeof(struct dp_action_check_pkt_len));
}
static inline const struct dp_action *dp_action_if_less_equal(const struct dp_action *a, size_t *len)
{
    const struct dp_action_check_pkt_len *c = DP_ACTION_AS(dp_action_check_pkt_len, a);
    *len = c->le_len;
    return (const struct dp_action *)(const void *)((const char *)(c + 1) + c->gt_len);
}
static inline const void *dp_action_set_value(const struct dp_action *a)
{
    return DP_ACTION_AS(dp_action_set, a)->value;
}
static inline const void *dp_action_set_mask(const struct dp_action *a)
{
    const struct dp_action_set *s = DP_ACTION_AS(dp_action_set, a);
    return s->value + s->size;
}
static inline const struct dp_tunnel *dp_action_set_tunnel(const struct dp_action *a)
{
    return (const struct dp_tunnel *)dp_action_set_value(a);
}

extern const uint16_t dp_set_group_sizes[DP_N_SET_GROUPS]; /* bytes; TUNNEL: without options */
const char *dp_action_type_name(uint16_t type); /* as in text; "action77" for one that is unknown */

/* Builders. Each appends one action to the end of B, whose bytes so far are a list. None of them fails;
 * nested lists can (dp_actions_end). */
void dp_actions_put_plain(struct bytebuf *, enum dp_action_type);
void dp_actions_put_u32(struct bytebuf *, enum dp_action_type, uint32_t value);
static inline void dp_actions_put_output(struct bytebuf *b, uint32_t port)
{
    dp_actions_put_u32(b, DP_ACTION_OUTPUT, port);
}
static inline void dp_actions_put_recirc(struct bytebuf *b, uint32_t recirc_id)
{
    dp_actions_put_u32(b, DP_ACTION_RECIRC, recirc_id);
}
static inline void dp_actions_put_trunc(struct bytebuf *b, uint32_t max_len)
{
    dp_actions_put_u32(b, DP_ACTION_TRUNC, max_len);
}
static inline void dp_actions_put_meter(struct bytebuf *b, uint32_t meter_id)
{
    dp_actions_put_u32(b, DP_ACTION_METER, meter_id);
}
static inline void dp_actions_put_tnl_pop(struct bytebuf *b, uint32_t port)
{
    dp_actions_put_u32(b, DP_ACTION_TNL_POP, port);
}
static inline void dp_actions_put_lb_output(struct bytebuf *b, uint32_t bond_id)
{
    dp_actions_put_u32(b, DP_ACTION_LB_OUTPUT, bond_id);
}
/* USERDATA may be NULL with N 0. TUNNEL_OUT_PORT: UINT32_MAX for none. */
void dp_actions_put_userspace(struct bytebuf *, const void *userdata, size_t n, uint32_t tunnel_out_port,
                              bool actions);
static inline void dp_actions_put_cookie(struct bytebuf *b, const struct dp_cookie *cookie,
                                         uint32_t tunnel_out_port, bool actions)
{
    dp_actions_put_userspace(b, cookie, sizeof *cookie, tunnel_out_port, actions);
}
/* VALUE and MASK are the group's structure; MASK NULL: all of it (but IPv4's and IPv6's proto and frag). Bits
 * outside of the mask are cleared. Not for TUNNEL. Nothing is put if the mask is zero. */
void dp_actions_put_set(struct bytebuf *, enum dp_set_group, const void *value, const void *mask);
/* TUNNEL's opts_len bytes are at OPTS. */
void dp_actions_put_set_tunnel(struct bytebuf *, const struct dp_tunnel *, const void *opts);
/* The same, from a complete key. */
void dp_actions_put_set_tunnel_key(struct bytebuf *, const struct flow_key *);
void dp_actions_put_push_vlan(struct bytebuf *, be16 tpid, be16 tci);
void dp_actions_put_push_mpls(struct bytebuf *, be32 lse, be16 ethertype);
void dp_actions_put_pop_mpls(struct bytebuf *, be16 ethertype);
void dp_actions_put_add_mpls(struct bytebuf *, be32 lse, be16 ethertype, bool l3);
void dp_actions_put_push_eth(struct bytebuf *, struct eth_addr src, struct eth_addr dst);
/* MD type 1: METADATA is 16 bytes; type 2: TLVs, a multiple of 4. */
void dp_actions_put_push_nsh(struct bytebuf *, const struct dp_set_nsh *, const void *metadata, size_t n);
void dp_actions_put_hash(struct bytebuf *, enum dp_hash_alg, uint32_t basis);
/* The head of CT is filled in. */
void dp_actions_put_ct(struct bytebuf *, const struct dp_action_ct *);
void dp_actions_put_tnl_push(struct bytebuf *, uint32_t tnl_port, uint32_t out_port, uint32_t tnl_type,
                             const void *header, size_t header_len);

/* Lists in an action. Each begin_* returns a mark; actions put from then on are inside, until
 * dp_actions_end(B, MARK), which returns 0, or EMSGSIZE if the action is longer than DP_ACTION_MAX_LEN: then
 * the whole action is taken out of B again. begin_check_pkt_len() starts the list for longer packets;
 * dp_actions_else() ends that and starts the other. */
size_t dp_actions_begin_sample(struct bytebuf *, uint32_t probability);
size_t dp_actions_begin_clone(struct bytebuf *);
size_t dp_actions_begin_dec_ttl(struct bytebuf *);
size_t dp_actions_begin_check_pkt_len(struct bytebuf *, uint16_t size);
void dp_actions_else(struct bytebuf *, size_t mark);
int dp_actions_end(struct bytebuf *, size_t mark);

/* Is the list well-formed: known types, lengths, alignment, nesting? EINVAL, EMSGSIZE, ELOOP (nested too
 * deep); *ERRORP, unless it is NULL, gets a text (malloc'd) that says which action and why. LIST must be
 * aligned to 8. */
int dp_actions_check(const void *list, size_t len, char **errorp);
/* The same, and does each action fit packets of KEY (complete up to FLOW_DP_BLOCKS), as earlier actions
 * changed them? A `set` of TCP ports does not fit a UDP flow: EINVAL. */
int dp_actions_check_key(const void *list, size_t len, const struct flow_key *, char **errorp);

/* Are the lists equal, what is nested and all? */
static inline bool dp_actions_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

#endif
