/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. Which cached flows depend on what: the way from a change to the flows that
 * it may touch, without looking at the others.
 *
 * A flow's record says what its translation consulted. Look-ups in tables are kept by table and by the mask
 * of what was known of the packet there; from a rule to the flows that may meet it leads a hash table of the
 * bits that the rule's mask and theirs have in common, made when the first rule of that mask changes and kept
 * up from then on. MACs are kept by bridge, VLAN and address.
 *
 * Thread-safety: any thread; one lock, inside of a shard's. */
#ifndef PIPELINE_DEPENDENTS_H
#define PIPELINE_DEPENDENTS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dpif/dpif.h"

struct dependents;
struct minimatch;
struct ofproto;
struct rule;
struct ukey;

struct dependents *dependents_create(void);
void dependents_destroy(struct dependents *); /* no flow is left. NULL is legal */

/* The flow's record is in place: before it changes, or the flow is freed, it is removed again. Its shard is
 * locked. */
void dependents_add(struct dependents *, struct ukey *);
void dependents_remove(struct dependents *, struct ukey *);

/* Flows that were found, some of them twice. */
struct dependents_found {
    struct dp_ufid *list;
    size_t n, allocated;
    size_t limit; /* in: more are not wanted */
    bool quick;   /* in: nothing that takes milliseconds is to be begun */
    bool gave_up; /* out: for one of these reasons not all were found */
};

/* The lock is held around these. */
void dependents_lock(struct dependents *);
bool dependents_trylock(struct dependents *);
void dependents_unlock(struct dependents *);
/* How many masks the look-ups in a table have. */
size_t dependents_n_masks(const struct dependents *, const struct ofproto *, uint8_t table_id);
/* Flows that looked in a table with a key that some of the N rules' matches, which have one mask, may match.
 */
void dependents_of_matches(struct dependents *, const struct ofproto *, uint8_t table_id,
                           const struct minimatch *const *, size_t n, struct dependents_found *);
void dependents_of_mac(const struct dependents *, struct ofproto *, uint16_t vlan, struct eth_addr,
                       struct dependents_found *);
/* Flows whose records name the rule without having looked it up. */
void dependents_of_rule(const struct dependents *, struct rule *, struct dependents_found *);

#endif
