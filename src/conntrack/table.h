/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4, for this folder alone. Connections, and the table that finds them.
 *
 * The table is 256 shards by hash, each an array of buckets of one cache line: eight entries of a tag (16
 * bits of the hash) and a pointer. A connection lies in its bucket or in the one beside it; when both are
 * full the shard's array doubles. Readers take no lock: an array that was replaced, and a connection that was
 * removed, live on for a grace period, and what they find they compare with the tuple and ask whether it is
 * dead.
 *
 * A connection that is not translated is found in both directions by one entry, since both have one hash; a
 * translated one has an entry for each direction's tuple, and both shards are locked to insert or remove it,
 * the lower one first.
 *
 * Letters: i immutable once it is in the table; a atomic; m under `lock`; s under the shard's lock. */
#ifndef CONNTRACK_TABLE_H
#define CONNTRACK_TABLE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/rcu.h"
#include "base/spin.h"
#include "conntrack/tcp.h"
#include "conntrack/tuple.h"

#define CT_N_SHARDS 256

struct ct_shard;

struct ct_conn {
    /* What every packet of an established connection touches: two lines. */
    struct ct_tuple orig; /* i */
    int64_t expires_ms;   /* a */
    uint8_t nat;          /* i: CT_NAT_*; 0: not translated, and `reply` is `orig` reversed */
    uint8_t dead;         /* a: it has left the table */
    uint8_t has_label;    /* a: `label` is not all zero */
    uint8_t replied;      /* a: the other side was heard */
    uint8_t has_alg;      /* i: `alg` is there */
    uint8_t pad[3];
    uint64_t hash; /* i: of orig */

    struct ct_tcp_peer tcp[2]; /* m: original, reply direction */
    struct spin lock;
    uint32_t mark;    /* a, written under lock */
    be128 label;      /* m */
    uint16_t policy;  /* i: time-outs; 0: the defaults */
    uint16_t timeout; /* a: enum ct_timeout that holds */
    uint8_t pad2[12];

    struct ct_tuple reply; /* i: the tuple of the answers */
    uint64_t reply_hash;   /* i */
    struct ct_shard *home; /* i: where its memory goes back to */
    struct ct_alg *alg;    /* i: alg.h */
    struct ct_conn *next_free;

    struct rcu_head rcu;
} CACHE_ALIGNED;
_Static_assert(offsetof(struct ct_conn, tcp) == 64 && offsetof(struct ct_conn, reply) == 128,
               "what established connections touch is two lines");

#define CT_NAT_SRC 1 /* the original direction's source is another for the answers */
#define CT_NAT_DST 2

struct ct_table;

/* REMOVED is told of each connection that has left the table, with no lock held; NULL: nobody. */
typedef void ct_removed_fn(struct ct_conn *, void *aux);
struct ct_table *ct_table_create(ct_removed_fn *removed, void *aux);
void ct_table_destroy(struct ct_table *);
const uint64_t *ct_table_secret(const struct ct_table *);

static inline uint64_t ct_table_hash(const struct ct_table *t, const struct ct_tuple *tuple)
{
    return ct_tuple_hash(tuple, ct_table_secret(t));
}
/* Brings what a lookup of HASH will touch near. */
void ct_table_prefetch(const struct ct_table *, uint64_t hash);
/* The connection that has TUPLE in either direction; *DIR: 0 original, 1 reply. NULL: none that lives at
 * NOW_MS. Any reader; valid until its next quiescent state. */
struct ct_conn *ct_table_find(const struct ct_table *, const struct ct_tuple *, uint64_t hash, int64_t now_ms,
                              int *dir);

/* Memory for a connection with ORIG, all else zero. NULL: there is none. Given back by ct_table_insert() when
 * that fails, or by ct_table_abandon(). */
struct ct_conn *ct_table_alloc(struct ct_table *, const struct ct_tuple *orig, uint64_t hash);
void ct_table_abandon(struct ct_conn *);
/* Puts it in; reply is set. EEXIST: another has its original tuple; EADDRINUSE: the answers' tuple; the
 * connection is still the caller's then. */
int ct_table_insert(struct ct_table *, struct ct_conn *, int64_t now_ms);
/* False: somebody else did. Freed after a grace period. */
bool ct_table_remove(struct ct_table *, struct ct_conn *);

uint32_t ct_table_count(const struct ct_table *);
/* Each connection of shards FIRST to LAST - 1, once, expired ones too. EACH may remove it. Control thread. */
void ct_table_each(struct ct_table *, unsigned first, unsigned last,
                   void (*each)(struct ct_conn *, void *aux), void *aux);

#endif
