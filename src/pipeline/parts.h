/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. Which parts of the configuration a translation consulted, in 16 bytes, and
 * which parts differ between two snapshots: so that a port that comes or goes touches only the flows that
 * looked at it.
 *
 * A set of parts is a Bloom filter: what was added is always found; what was not is found now and then (with
 * ten parts in it, one time in forty), and costs a translation. A part is named by two of its bits.
 *
 * What is compared is what ports and bundles are. A change of anything else in a snapshot touches every flow
 * (pipeline_mark_changed()), and so does one of a bridge with mirrors, or of ports that are not looked up by
 * number.
 *
 * Thread-safety: a set belongs to its owner; snapshots are immutable. */
#ifndef PIPELINE_PARTS_H
#define PIPELINE_PARTS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct dp_backer;
struct ofproto;
struct snapshot;

enum part_kind {
    PART_PORT,    /* the port with this OpenFlow number: is there one, what it is, what its bundle is */
    PART_BUNDLE,  /* the bundle with this id */
    PART_ALL,     /* which ports and bundles there are */
    PART_MCAST,   /* who wants a multicast group, or where routers are: pipeline/mcast.h */
    PART_DEVICES, /* which port of any bridge has a device's name; of no bridge, number 0 */
};

struct parts {
    uint64_t bits[2];
};

static inline struct parts part_name(enum part_kind kind, const struct ofproto *ofproto, uint32_t number)
{
    uint32_t h = hash_pointer(ofproto, hash_2u32(number, kind, 0));
    return (struct parts){{UINT64_C(1) << (h & 63), UINT64_C(1) << (h >> 6 & 63)}};
}
static inline void parts_add(struct parts *set, enum part_kind kind, const struct ofproto *ofproto,
                             uint32_t number)
{
    struct parts name = part_name(kind, ofproto, number);
    set->bits[0] |= name.bits[0];
    set->bits[1] |= name.bits[1];
}
static inline bool parts_has(const struct parts *set, const struct parts *name)
{
    return (set->bits[0] & name->bits[0]) && (set->bits[1] & name->bits[1]);
}

/* Names of parts that differ; too many are everything. */
#define MAX_PARTS_CHANGED 64
struct parts_changed {
    struct parts names[MAX_PARTS_CHANGED];
    size_t n;
    bool all;
};
/* What differs in the bridges on BACKER. Of bridges that only one has, nothing is said: no flow knows a new
 * one, and flows of one that went go with it. */
void parts_compare(const struct snapshot *, const struct snapshot *, const struct dp_backer *,
                   struct parts_changed *);

#endif
