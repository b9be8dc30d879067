/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Groups: lists of actions that many rules share, of which all, one, or the first that works is run.
 *
 * Ownership: a bridge's table owns its groups; a record of a cached flow holds references. A group is
 * immutable but for its counters; a changed one is a new one that takes the old one's place in the table
 * (RCU).
 *
 * Thread-safety: changes by the control thread; lookups by any RCU-registered thread; counters any. */
#ifndef PIPELINE_GROUP_H
#define PIPELINE_GROUP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rcu.h"
#include "flow/field.h"
#include "openflow/actions.h"
#include "openflow/errors.h"

struct group_table;
struct ofproto;

enum group_type {
    GROUP_ALL,
    GROUP_SELECT,
    GROUP_INDIRECT,
    GROUP_FF,
};

enum group_selection {
    GROUP_SELECTION_DEFAULT, /* as dp_hash */
    GROUP_SELECTION_DP_HASH,
    GROUP_SELECTION_HASH,
};

struct group_bucket {
    uint32_t id;
    uint16_t weight;
    uint32_t watch_port;  /* OFPP_ANY: none */
    uint32_t watch_group; /* OFPG_ANY: none */
    struct ofpact *actions;
    size_t actions_len;
};

/* What makes a group: copied. */
struct group_settings {
    uint32_t group_id;
    enum group_type type;
    enum group_selection selection;
    uint64_t selection_param;               /* hash algorithm, basis */
    const struct field *const *hash_fields; /* for GROUP_SELECTION_HASH */
    size_t n_hash_fields;
    struct group_bucket *buckets;
    size_t n_buckets;
};

struct group_counters {
    uint64_t packets, bytes; /* relaxed atomics */
};

#define GROUP_HASH_MAX 256

struct group {
    struct group_settings s;       /* const; pointers are the group's own */
    struct group_counters *counts; /* n_buckets + 1: the group's own last */
    uint32_t hash_mask; /* number of slots of hash_map, less 1; 0: none, hash the packet's fields */
    uint16_t hash_map[GROUP_HASH_MAX]; /* slot -> bucket */
    int64_t created_ms;
    int refs; /* atomic */
    struct rcu_head rcu;
};

struct group_table *group_table_create(void);
void group_table_destroy(struct group_table *); /* no reader is left */

/* control. EXISTS, UNKNOWN_GROUP, OUT_OF_GROUPS, LOOP (a bucket's actions lead back to the group) ... */
enum ofperr ofproto_group_add(struct ofproto *, const struct group_settings *);
enum ofperr ofproto_group_modify(struct ofproto *, const struct group_settings *, bool may_create);
/* OFPG_ALL: all of them. Rules that output to them go too. */
void ofproto_group_delete(struct ofproto *, uint32_t group_id);
size_t ofproto_group_count(const struct ofproto *);
/* In the order of ids. */
void ofproto_group_for_each(const struct ofproto *, void (*each)(const struct group *, void *aux), void *aux);

/* Any RCU thread. */
struct group *group_find(const struct ofproto *, uint32_t group_id);
bool group_try_ref(struct group *);
void group_unref(struct group *); /* NULL is legal */
void group_credit(struct group *, uint32_t bucket, uint64_t packets, uint64_t bytes);

#endif
