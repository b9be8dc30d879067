/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4, for this folder alone. Helpers: protocols whose connections announce others. FTP's control
 * connection says where data will go; TFTP's server answers from a port of its own. What was announced is
 * expected: the first packet of it is +new+rel, gets the mark and label that the announcing connection had,
 * and the same translation.
 *
 * Where addresses are translated, an address in an FTP message is, too; the message may grow, and from there
 * on sequence numbers differ on both sides.
 *
 * An expectation lives as long as the connection that announced it, and for any number of connections, as in
 * the reference; each connection has CT_ALG_EXPECTATIONS of them at most, the oldest gives way. Any thread;
 * one lock, that only new connections take while something is expected. */
#ifndef CONNTRACK_ALG_H
#define CONNTRACK_ALG_H 1

#include "base/hmap.h"
#include "base/rcu.h"
#include "conntrack/conntrack.h"
#include "conntrack/table.h"

#define CT_ALG_EXPECTATIONS 8

struct ct_expectation {
    struct hmap_node node;  /* in ct_expectations, by orig without its source port */
    struct ct_tuple orig;   /* tp_src 0: any */
    struct ct_tuple reply;  /* tp_dst 0: as the packet's source port, if that is free */
    struct ct_tuple parent; /* original tuple of who announced it */
    uint8_t nat;            /* CT_NAT_* */
    bool in_use;
    uint32_t mark;
    be128 label;
};

/* How sequence numbers of one direction differ, up to a place and from there on. */
struct ct_seq_shift {
    uint32_t at;
    int32_t before, after;
};

/* Of a connection with a helper, or of one that was expected. Letters as in table.h. */
struct ct_alg {
    struct rcu_head rcu;
    uint8_t helper;                  /* i: enum ct_alg_helper */
    bool is_related;                 /* i: it was expected */
    struct ct_tuple parent;          /* i */
    struct ct_seq_shift shifts[2];   /* m: the connection's lock */
    struct ct_expectation *expected; /* CT_ALG_EXPECTATIONS, under the expectations' lock; NULL: none yet */
    unsigned next;
    bool is_over; /* nothing more is expected */
};

struct ct_expectations *ct_expectations_create(void);
void ct_expectations_destroy(struct ct_expectations *);

/* What a first packet with TUPLE was announced as, copied. False: it was not. */
bool ct_alg_expects(struct ct_expectations *, const struct ct_tuple *, struct ct_expectation *);

/* For C, which is in no table yet. EXPECTED NULL: it was not. */
void ct_alg_begin(struct ct_conn *c, enum ct_alg_helper, const struct ct_expectation *expected);
/* C, which was expected with a translation, goes into the table, as ct_table_insert(); EADDRINUSE: no port is
 * free. */
int ct_alg_insert(struct ct_table *, struct ct_conn *c, const struct ct_expectation *, int64_t now_ms);
/* C is in no table any more: what it announced is not expected any more. */
void ct_alg_end(struct ct_expectations *, struct ct_conn *c);

/* A TCP packet of C in direction DIR, before its state moves: what it acknowledges is told as the other end
 * counts. */
void ct_alg_enter(struct packet *, struct ct_packet *, struct ct_conn *c, int dir);
/* A packet that belongs to C, after translation. False: it announces what cannot be, and is invalid.
 * TRANSLATE: addresses in it are to be translated. PACKET's bytes may move. */
bool ct_alg_leave(struct ct_expectations *, struct packet *, struct ct_packet *, struct ct_conn *c, int dir,
                  bool translate);

#endif
