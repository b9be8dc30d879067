/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Connection tracking: a table of connections, what a packet is to them, and address translation.
 * It knows no datapath: packets go in and come out with their ct members set (packet/packet.h).
 *
 * A connection is known by its original tuple (conntrack/tuple.h) in a zone. Both directions of one that is
 * not translated lie under one hash, so that it takes one entry of the table; a translated one takes two.
 *
 *   conntrack_execute     a batch: each packet's tuple, its connection, the new state, commit, translation
 *   tuple.c               packet -> tuple, also of the packet inside of an ICMP error
 *   table.c               connections by tuple: RCU readers, sharded writers
 *   tcp.c, proto.c        what a packet does to a connection's state
 *   alg.c, ftp.c          helpers: FTP and TFTP, and the connections that they announce
 *   nat.c                 which translation a new connection gets, and rewriting
 *   fragments.c           fragments wait for each other
 *
 * Threads. conntrack_execute() and conntrack_fragments() run on any RCU-registered thread, many at a time;
 * connections found are used up to the thread's next quiescent state. All else is for the control thread.
 * Nothing here blocks: a shard's lock is held for an insertion or removal, a connection's while its TCP state
 * moves.
 *
 * A connection whose time is over counts as gone from that moment; conntrack_sweep() frees it later.
 *
 * Memory is bounded by the number of connections (maxconns) and of fragments. Hashes are keyed with a secret:
 * nobody can choose tuples that collide. */
#ifndef CONNTRACK_CONNTRACK_H
#define CONNTRACK_CONNTRACK_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "base/types.h"
#include "packet/packet.h"

struct conntrack;
struct ct_tuple;

#define CT_MAXCONNS_DEFAULT 3000000

struct conntrack *conntrack_create(void);
/* No thread may be in a call, and what packets know of connections must not be used any more. NULL is legal.
 */
void conntrack_destroy(struct conntrack *);

/* Who reads along in a connection for others that it announces (alg.h). */
enum ct_alg_helper {
    CT_ALG_NONE,
    CT_ALG_FTP,
    CT_ALG_TFTP,
};
/* "ftp", "tftp"; CT_ALG_NONE for what is none, "" for that. */
enum ct_alg_helper ct_alg_from_name(const char *);
const char *ct_alg_name(enum ct_alg_helper);

/* What a `ct` action asks for. */
#define CT_REQ_COMMIT     0x001
#define CT_REQ_FORCE      0x002 /* with COMMIT: a connection of the other direction is replaced */
#define CT_REQ_MARK       0x004 /* with COMMIT: mark under mark_mask is set */
#define CT_REQ_LABEL      0x008
#define CT_REQ_NAT        0x020 /* translate as the connection says */
#define CT_REQ_NAT_SRC    0x040 /* a new connection's source becomes nat_min to nat_max */
#define CT_REQ_NAT_DST    0x080
#define CT_REQ_NAT_V4     0x100 /* addresses are given: IPv4 in be32[0] */
#define CT_REQ_NAT_V6     0x200
#define CT_REQ_NAT_HASH   0x800
#define CT_REQ_NAT_RANDOM 0x1000
struct ct_request {
    uint16_t zone;
    uint16_t flags; /* CT_REQ_* */
    uint32_t mark, mark_mask;
    be128 label, label_mask;
    uint16_t nat_port_min, nat_port_max; /* 0: none given */
    struct ipv6_addr nat_min, nat_max;   /* all zero last: one address */
    uint8_t helper;                      /* enum ct_alg_helper */
    uint16_t policy;                     /* timeout policy; 0, or one that there is not: the default times */
};

/* Runs the request over the packets, each with its offsets set (flow/extract.h). Afterwards each has its
 * ct_state, ct_zone, ct_mark, ct_label and the connection's original direction (PACKET_F_CT_ORIG); addresses
 * and ports may have been rewritten, which leaves offsets as they are. Packets that cannot be tracked get
 * FLOW_CS_INV. None is dropped. NOW_MS: clock_ms(). Returns a bitmap of the packets that are fragments:
 * those were left as they are, but for FLOW_CS_INV. */
uint32_t conntrack_execute(struct conntrack *, struct packet_batch *, const struct ct_request *,
                           int64_t now_ms);

/* Frees what timed out: a slice of the table for each call. The whole table is seen once in
 * CT_SWEEP_SLICES calls. */
#define CT_SWEEP_SLICES 32
void conntrack_sweep(struct conntrack *, int64_t now_ms);

/* ------------------------------------------------------------------ settings and commands: control thread */

uint32_t conntrack_count(const struct conntrack *);
uint32_t conntrack_get_maxconns(const struct conntrack *);
void conntrack_set_maxconns(struct conntrack *, uint32_t);
bool conntrack_get_tcp_seq_chk(const struct conntrack *);
void conntrack_set_tcp_seq_chk(struct conntrack *, bool);

/* Limits of the number of connections in a zone; zone -1 is the default, for zones without one; 0: none. */
struct ct_zone_limit {
    int32_t zone;
    uint32_t limit, count;
};
void conntrack_set_limit(struct conntrack *, int32_t zone, uint32_t limit);
int conntrack_del_limit(struct conntrack *, uint16_t zone); /* ENOENT: it has none of its own */
void conntrack_get_limit(struct conntrack *, int32_t zone, struct ct_zone_limit *);
/* Those that are set, by zone. */
void conntrack_each_limit(struct conntrack *, void (*each)(const struct ct_zone_limit *, void *aux),
                          void *aux);

/* Times of a policy, not 0, seconds by enum ct_timeout (proto.h); -1: the default. Connections that have the
 * policy get its times with their next packet. SECONDS NULL: there is no such policy any more. */
void conntrack_set_timeouts(struct conntrack *, uint16_t policy, const int64_t *seconds);

/* Fragments (conntrack/fragments.h). Counters: name, as ipf-get-status says it. */
#define CT_FRAG_COUNTERS(X)                                                                                  \
    X(accepted, "accepted")                                                                                  \
    X(completed, "completed")                                                                                \
    X(expired, "expired")                                                                                    \
    X(too_small, "too small")                                                                                \
    X(overlapped, "overlapped")                                                                              \
    X(purged, "purged")
struct ct_frag_family {
    bool enabled;
    uint32_t min_size; /* bytes of IP: what is smaller and not the last is refused */
#define X(NAME, TEXT) uint64_t NAME;
    CT_FRAG_COUNTERS(X)
#undef X
};
struct ct_frag_status {
    uint32_t n_frags, max_frags;       /* held now, at most */
    struct ct_frag_family families[2]; /* IPv4, IPv6 */
};
struct ct_frag_entry {
    struct ipv6_addr src, dst;
    uint32_t id; /* wire order */
    uint16_t zone;
    uint8_t proto;
    bool is_ipv6, has_first, has_last;
    uint32_t n;
};
void conntrack_frag_status(struct conntrack *, struct ct_frag_status *);
int conntrack_frag_set_enabled(struct conntrack *, bool is_ipv6, bool enabled);
int conntrack_frag_set_min_size(struct conntrack *, bool is_ipv6, uint32_t bytes); /* EPERM: too small */
int conntrack_frag_set_max(struct conntrack *, uint32_t n);                        /* EPERM: too many */
void conntrack_frag_dump(struct conntrack *, void (*each)(const struct ct_frag_entry *, void *aux),
                         void *aux);

/* Some members of a tuple, those in `fields`. */
#define CT_MATCH_SRC       0x01
#define CT_MATCH_DST       0x02
#define CT_MATCH_PROTO     0x04
#define CT_MATCH_TP_SRC    0x08
#define CT_MATCH_TP_DST    0x10
#define CT_MATCH_ICMP_ID   0x20
#define CT_MATCH_ICMP_TYPE 0x40
#define CT_MATCH_ICMP_CODE 0x80
struct ct_match {
    struct ipv6_addr src, dst; /* IPv4 in be32[0] */
    be16 tp_src, tp_dst, icmp_id;
    uint8_t proto, icmp_type, icmp_code;
    bool is_ipv6; /* of the addresses, if one is in `fields` */
    unsigned fields;
};
bool ct_match_tuple(const struct ct_match *, const struct ct_tuple *);
/* Is it a whole tuple, one that names a connection? */
bool ct_match_is_whole(const struct ct_match *);

/* Removes the connections of ZONE (-1: all) whose tuples fit (NULL: any). Returns how many. */
uint32_t conntrack_flush(struct conntrack *, int32_t zone, const struct ct_match *orig,
                         const struct ct_match *reply);

/* One connection, for people. */
struct ct_entry {
    const struct ct_tuple *orig, *reply;
    const struct ct_tuple *parent; /* NULL: nobody announced it */
    uint8_t helper;                /* enum ct_alg_helper */
    uint32_t mark;
    be128 label;
    int64_t expires_ms; /* from now, milliseconds */
    bool is_tcp;
    uint8_t tcp_state[2];  /* enum ct_tcp_state (tcp.h): original, reply */
    uint8_t tcp_wscale[2]; /* as in struct ct_tcp_peer */
};
/* Those of ZONE (-1: all) that live, in no order. EACH must not wait. */
void conntrack_dump(struct conntrack *, int32_t zone, int64_t now_ms,
                    void (*each)(const struct ct_entry *, void *aux), void *aux);

#endif
