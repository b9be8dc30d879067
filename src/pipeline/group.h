/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Groups: lists of actions that many rules share, of which all, one, or the first that works is run.
 *
 * Versions. Groups follow the versions of the bridge's tables (pipeline/rule.h): a translation finds the
 * groups of the version that it reads.
 *
 * Ownership: a bridge's table owns its groups; a record of a cached flow holds references. A group is
 * immutable but for its counters; a changed one is a new one that takes the old one's place in the table
 * (RCU). What it is, is in openflow/group_codec.h's words.
 *
 * Thread-safety: changes by the control thread (pipeline/change.h); lookups by any RCU-registered thread;
 * counters any. */
#ifndef PIPELINE_GROUP_H
#define PIPELINE_GROUP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcu.h"
#include "flow/field.h"
#include "openflow/errors.h"
#include "openflow/group_codec.h"

struct group_table;
struct ofproto;

enum group_selection {
    GROUP_SELECTION_DEFAULT, /* as dp_hash */
    GROUP_SELECTION_DP_HASH,
    GROUP_SELECTION_HASH,
};

struct group_counters {
    uint64_t packets, bytes; /* relaxed atomics */
};

#define GROUP_HASH_MAX 256

struct group {
    struct group_mod s; /* const, its own: id, type, buckets, selection method; `command` means nothing */
    enum group_selection selection;
    const struct field **hash_fields; /* of `s.fields`, for GROUP_SELECTION_HASH */
    size_t n_hash_fields;
    struct group_counters *counts; /* n_buckets + 1: the group's own last */
    uint32_t hash_mask; /* number of slots of hash_map, less 1; 0: none, hash the packet's fields */
    uint16_t hash_map[GROUP_HASH_MAX]; /* slot -> bucket */
    int64_t created_ms;
    uint32_t n_rules; /* control: rules that name it */
    bool pending;     /* control: made by the change at work */
    int refs;         /* atomic */
    struct rcu_head rcu;
};

struct group_table *group_table_create(void);
void group_table_destroy(struct group_table *); /* no reader is left */

size_t ofproto_group_count(const struct ofproto *);
/* control. In the order of ids. */
void ofproto_group_for_each(const struct ofproto *, void (*each)(const struct group *, void *aux), void *aux);

/* The group of that version of the bridge (UINT64_MAX: the present one), which was read within the same RCU
 * section. Any RCU thread. */
struct group *group_find(const struct ofproto *, uint64_t version, uint32_t group_id);
bool group_try_ref(struct group *);
void group_unref(struct group *); /* NULL is legal */
void group_credit(struct group *, uint32_t bucket, uint64_t packets, uint64_t bytes);

#endif
