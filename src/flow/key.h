/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. The flow key: everything that a packet can be told apart by. Header-only and over base/types.h
 * alone, so that eBPF programs can share it.
 *
 * The key is made of blocks of one cache line. Block 0 holds what an untagged or tagged IPv4 TCP/UDP packet
 * needs, so that the commonest lookup touches one line. The blocks that only translation knows (registers,
 * metadata, mapped tunnel options) are last: the datapath's key is a prefix (FLOW_DP_BLOCKS).
 *
 * A `uint16_t blocks` goes with a key: bit B is set if block B may be other than zero. flow_key_extract()
 * writes only those blocks; the others are indeterminate until flow_key_complete() zeroes them. A mask is a
 * key too, of bits: 1 where the flow matches; its blocks say which of it is not all zero. Slow-path code
 * works with complete keys, in which every byte is defined.
 *
 * Wire order: be16, be32, be64, eth_addr, ipv6_addr and be128 members are as on the wire; others in host
 * order. Members that a packet does not have are zero. Padding is always zero: keys are compared and hashed
 * as words.
 *
 * Thread-safety: plain data. */
#ifndef FLOW_KEY_H
#define FLOW_KEY_H 1

#include <stddef.h>

#include "base/types.h"

#define FLOW_BLOCK_SIZE   64
#define FLOW_MAX_VLANS    2
#define FLOW_MAX_MPLS     3
#define FLOW_N_REGS       16
#define FLOW_TUN_OPTS_MAX 252 /* Geneve options, bytes (RFC 8926, section 3.4: 63 words) */
#define FLOW_TUN_MD_SIZE  256 /* mapped tunnel options: tun_metadata0 to 63 */

enum flow_block {
    FLOW_BLOCK_HOT,
    FLOW_BLOCK_IPV6, /* IPv6, neighbour discovery, ARP hardware addresses */
    FLOW_BLOCK_META, /* rarer metadata, connection's original direction, MPLS */
    FLOW_BLOCK_EXT,  /* connection's original IPv6 addresses, NSH */
    FLOW_BLOCK_TUNNEL,
    FLOW_BLOCK_TUNOPT0, /* Geneve options as on the wire: four blocks */
    FLOW_BLOCK_TUNOPT3 = FLOW_BLOCK_TUNOPT0 + 3,
    FLOW_DP_BLOCKS, /* the datapath's key ends here */
    FLOW_BLOCK_REGS = FLOW_DP_BLOCKS,
    FLOW_BLOCK_PIPELINE, /* metadata, action set output, conjunction */
    FLOW_BLOCK_TUNMD0,   /* mapped tunnel options: four blocks */
    FLOW_BLOCK_TUNMD3 = FLOW_BLOCK_TUNMD0 + 3,
    FLOW_N_BLOCKS
};
#define FLOW_BLOCK_BIT(BLOCK) (1u << (BLOCK))

/* A tag in `vlans` has this bit set in `tci` (the CFI bit's place); 0 where there is no tag. */
#define FLOW_VLAN_PRESENT CONST_BE16(0x1000)

/* nw_frag. A later fragment has both bits. */
#define FLOW_NW_FRAG_ANY   1
#define FLOW_NW_FRAG_LATER 2

/* packet_type: (namespace << 16 | type). Ethernet is 0. Others: namespace 1 (Ethertype), type = the
 * Ethertype. */
#define FLOW_PT(NS, TYPE) CONST_BE32(((uint32_t)(NS) << 16) | (TYPE))
#define FLOW_PT_ETH       FLOW_PT(0, 0)

/* dl_type of a frame with an 802.2 header and no Ethertype (ovs-fields(7), eth_type). */
#define FLOW_DL_TYPE_NONE CONST_BE16(0x05ff)

/* ct_state bits, as ovs-fields(7) orders them. */
#define FLOW_CS_NEW  0x01
#define FLOW_CS_EST  0x02
#define FLOW_CS_REL  0x04
#define FLOW_CS_RPL  0x08
#define FLOW_CS_INV  0x10
#define FLOW_CS_TRK  0x20
#define FLOW_CS_SNAT 0x40
#define FLOW_CS_DNAT 0x80

#define FLOW_TUN_OAM       0x0001 /* the one that ovs-fields(7)'s tun_flags shows */
#define FLOW_TUN_DONT_FRAG 0x0002
#define FLOW_TUN_CSUM      0x0004
#define FLOW_TUN_KEY       0x0008 /* tun_id is there */
#define FLOW_TUN_CRIT_OPT  0x0010

struct flow_vlan {
    be16 tpid; /* 0x8100, 0x88a8; 0: no tag */
    be16 tci;  /* with FLOW_VLAN_PRESENT */
};

struct flow_key {
    /* FLOW_BLOCK_HOT */
    uint32_t in_port; /* the datapath's number; OpenFlow's during translation */
    uint32_t recirc_id;
    be32 packet_type;
    struct eth_addr dl_dst;
    struct eth_addr dl_src;
    be16 dl_type;                           /* innermost, after the VLAN tags that are in `vlans` */
    struct flow_vlan vlans[FLOW_MAX_VLANS]; /* outermost first */
    be16 tp_src;                            /* TCP, UDP, SCTP; ICMP, ICMPv6, IGMP type */
    be16 tp_dst;                            /* TCP, UDP, SCTP; ICMP, ICMPv6, IGMP code */
    be16 tcp_flags;                         /* 12 bits; ICMPv6 ND: nd_options_type */
    be32 nw_src;                            /* IPv4; ARP SPA */
    be32 nw_dst;                            /* IPv4; ARP TPA */
    uint8_t nw_proto;                       /* IP protocol; low byte of the ARP opcode */
    uint8_t nw_tos;                         /* DSCP and ECN */
    uint8_t nw_ttl;
    uint8_t nw_frag;
    uint16_t ct_state;
    uint16_t ct_zone;
    uint32_t pkt_mark; /* skb_mark */
    uint8_t pad_hot[4];

    /* FLOW_BLOCK_IPV6 */
    struct ipv6_addr ipv6_src;
    struct ipv6_addr ipv6_dst;
    struct ipv6_addr nd_target;
    be32 ipv6_label;         /* 20 bits */
    struct eth_addr arp_sha; /* also nd_sll */
    struct eth_addr arp_tha; /* also nd_tll */

    /* FLOW_BLOCK_META */
    uint32_t skb_priority;
    uint32_t dp_hash;
    uint32_t ct_mark;
    be128 ct_label;
    be32 ct_nw_src;
    be32 ct_nw_dst;
    be16 ct_tp_src;
    be16 ct_tp_dst;
    uint8_t ct_nw_proto;
    uint8_t pad_meta[3];
    be32 mpls_lse[FLOW_MAX_MPLS]; /* outermost first; 0: none */
    be32 igmp_group;              /* also ICMPv6 ND's nd_reserved */
    uint32_t erspan_idx;          /* 20 bits; belongs to the tunnel */

    /* FLOW_BLOCK_EXT */
    struct ipv6_addr ct_ipv6_src;
    struct ipv6_addr ct_ipv6_dst;
    uint8_t nsh_flags;
    uint8_t nsh_ttl;
    uint8_t nsh_mdtype;
    uint8_t nsh_np;
    be32 nsh_path_hdr; /* SPI << 8 | SI */
    be32 nsh_context[4];
    uint8_t pad_ext[8];

    /* FLOW_BLOCK_TUNNEL. The packet came out of a tunnel if tun_dst or tun_ipv6_dst is not 0. */
    be64 tun_id;
    struct ipv6_addr tun_ipv6_src;
    struct ipv6_addr tun_ipv6_dst;
    be32 tun_src;
    be32 tun_dst;
    be16 tun_tp_src;
    be16 tun_tp_dst;
    uint16_t tun_flags;
    uint8_t tun_tos;
    uint8_t tun_ttl;
    be16 tun_gbp_id;
    uint8_t tun_gbp_flags;
    uint8_t tun_gtpu_flags;
    uint8_t tun_gtpu_msgtype;
    uint8_t tun_erspan_ver;
    uint8_t tun_erspan_dir;
    uint8_t tun_erspan_hwid;

    /* FLOW_BLOCK_TUNOPT0 to 3 */
    uint8_t tun_opts[FLOW_TUN_OPTS_MAX];
    uint8_t tun_opts_len; /* bytes, a multiple of 4 */
    uint8_t pad_opts[3];

    /* FLOW_BLOCK_REGS. reg 2i and 2i+1 are xreg i, most significant first; likewise xxreg. */
    uint32_t regs[FLOW_N_REGS];

    /* FLOW_BLOCK_PIPELINE */
    be64 metadata;
    uint64_t tun_md_present; /* bit N: tun_metadataN is there */
    uint32_t conj_id;
    uint32_t actset_output;
    uint8_t pad_pipeline[40];

    /* FLOW_BLOCK_TUNMD0 to 3: values laid out by the bridge's TLV table */
    uint8_t tun_md[FLOW_TUN_MD_SIZE];
} __attribute__((aligned(FLOW_BLOCK_SIZE)));

#define FLOW_CHECK_BLOCK(FIRST_MEMBER, BLOCK)                                                                \
    _Static_assert(offsetof(struct flow_key, FIRST_MEMBER) == (BLOCK)*FLOW_BLOCK_SIZE, #BLOCK)
FLOW_CHECK_BLOCK(in_port, FLOW_BLOCK_HOT);
FLOW_CHECK_BLOCK(ipv6_src, FLOW_BLOCK_IPV6);
FLOW_CHECK_BLOCK(skb_priority, FLOW_BLOCK_META);
FLOW_CHECK_BLOCK(ct_ipv6_src, FLOW_BLOCK_EXT);
FLOW_CHECK_BLOCK(tun_id, FLOW_BLOCK_TUNNEL);
FLOW_CHECK_BLOCK(tun_opts, FLOW_BLOCK_TUNOPT0);
FLOW_CHECK_BLOCK(regs, FLOW_BLOCK_REGS);
FLOW_CHECK_BLOCK(metadata, FLOW_BLOCK_PIPELINE);
FLOW_CHECK_BLOCK(tun_md, FLOW_BLOCK_TUNMD0);
_Static_assert(sizeof(struct flow_key) == FLOW_N_BLOCKS * FLOW_BLOCK_SIZE, "no padding at the end");

/* The key as 64-bit words, for hashing, comparing and compressing. */
#define FLOW_BLOCK_WORDS (FLOW_BLOCK_SIZE / 8)
#define FLOW_WORDS       (FLOW_N_BLOCKS * FLOW_BLOCK_WORDS)
#define FLOW_DP_WORDS    (FLOW_DP_BLOCKS * FLOW_BLOCK_WORDS)
/* The word in which MEMBER starts. */
#define FLOW_WORD_OF(MEMBER) (offsetof(struct flow_key, MEMBER) / 8)

static inline uint64_t *flow_key_words(struct flow_key *key)
{
    return (uint64_t *)(void *)key;
}
static inline const uint64_t *flow_key_words_const(const struct flow_key *key)
{
    return (const uint64_t *)(const void *)key;
}

/* Zeroes the blocks below N_BLOCKS that are not in BLOCKS: afterwards every byte up to there is defined. */
static inline void flow_key_complete(struct flow_key *key, unsigned blocks, int n_blocks)
{
    for (int b = 0; b < n_blocks; b++) {
        if (!(blocks & FLOW_BLOCK_BIT(b))) {
            __builtin_memset((char *)key + b * FLOW_BLOCK_SIZE, 0, FLOW_BLOCK_SIZE);
        }
    }
}

/* A mask with the blocks that it uses. */
struct flow_mask {
    struct flow_key bits;
    uint16_t blocks;
};

static inline bool flow_key_from_tunnel(const struct flow_key *key)
{
    return key->tun_dst || key->tun_ipv6_dst.be32[0] || key->tun_ipv6_dst.be32[1] ||
           key->tun_ipv6_dst.be32[2] || key->tun_ipv6_dst.be32[3];
}

#endif
