/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What one translation consulted and whom it credits: kept with the cached flow that it became.
 *
 * Crediting: when packets hit the flow, record_credit() gives them to rules, tables, mirrors, patch ports,
 * groups, and refreshes learned MACs and rules, without translating again.
 *
 * Dependency: record_is_affected() says whether a change can touch the flow. It is asked with the changes
 * that were collected since the flow was last known to be right.
 *
 * Ownership: a record holds references to what it names. Thread-safety: one thread at a time (its flow's
 * lock). */
#ifndef PIPELINE_XLATE_RECORD_H
#define PIPELINE_XLATE_RECORD_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"
#include "flow/key.h"
#include "flow/minikey.h"
#include "pipeline/parts.h"

struct group;
struct ofproto;
struct oftable;
struct pipeline;
struct rule;
struct traffic_counters;
struct tunnel_neighbours;

enum record_type {
    RECORD_TABLE, /* lookup: which table, what was found, the key as it was there */
    RECORD_RULE,  /* a rule's actions ran without a lookup of this flow's own (frozen) */
    RECORD_PATCH, /* packets crossed a patch port: out of the one, into the other */
    RECORD_MIRROR,
    RECORD_MAC_LEARN,  /* NORMAL learned, or would have: a source */
    RECORD_MAC_LOOKUP, /* NORMAL looked for a destination */
    RECORD_GROUP,      /* a bucket of a group */
    RECORD_LEARN,      /* the learn action's rule, to be refreshed */
    RECORD_FIN_TIMEOUT,
    RECORD_TUNNEL_RX, /* a packet came in by a tunnel, went out by one */
    RECORD_TUNNEL_TX,
    RECORD_NEIGHBOUR, /* a neighbour's reply: what it says is learned again */
    RECORD_BOND,      /* a bucket of a bond carried the packets */
    RECORD_NETFLOW,   /* the flow that NetFlow tells of */
};

struct record_entry {
    uint8_t type;
    uint8_t table_id;
    uint16_t vlan;
    uint16_t idle, hard; /* FIN_TIMEOUT */
    uint16_t extra;      /* bytes that each packet was longer here than as it came in: outer headers */
    uint32_t port;       /* MAC_LEARN: the bundle's id; GROUP: the bucket's index; BOND: the hash */
    struct eth_addr mac;
    bool gratuitous_arp;
    struct ofproto *ofproto; /* not counted: a bridge's end purges all flows of its datapath */
    void *object;            /* counted: struct rule, traffic_counters, group, learned flow-mod, netflow */
    void *object2;
    struct minimatch seen; /* TABLE: the key at the lookup, with the mask of which bits are certain */
};

struct record {
    struct record_entry *entries;
    size_t n, allocated;
    struct parts parts; /* of the configuration that were consulted */
    bool keep_keys;     /* in: store keys of lookups */
    bool borrowed;      /* `entries` are another's memory */
    uint16_t extra;     /* of entries that are added */
};

void record_init(struct record *);
/* The same, with room for some entries: most records need no memory before they are moved to a flow. */
struct record_room {
    struct record_entry entries[4];
};
void record_init_room(struct record *, struct record_room *);
void record_clear(struct record *);
void record_fini(struct record *);
void record_move(struct record *dst,
                 struct record *src); /* DST is not initialised; SRC is empty afterwards */
/* If NEW differs from OLD in nothing but the rules that were found and whom to credit, OLD gets these, and
 * stays where it is, as what it depends on stays. False: nothing was done. */
bool record_update(struct record *old, struct record *new);
struct record_entry *record_add(struct record *, enum record_type);

/* A neighbour that a reply told of; NET and BRIDGE outlive the record. */
struct record_neighbour {
    struct tunnel_neighbours *table;
    char bridge[64];
    struct ipv6_addr address;
};

struct traffic {
    uint64_t packets, bytes;
    int64_t used_ms;
    uint16_t tcp_flags;
};
/* The record is credited soon. */
static inline void record_prefetch(const struct record *r)
{
    __builtin_prefetch(r->entries);
    __builtin_prefetch((const char *)r->entries + 64);
}
/* The cached flow is gone: no packet will be credited any more. Any thread. */
void record_end(struct record *);
/* Any thread. */
void record_credit(struct record *, const struct traffic *);

#endif
