/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What changed since the cached flows of a datapath were last known to be right: rules that came and
 * went, MACs that were learned, moved and forgotten. One pass of revalidation takes them all and asks each
 * flow's record whether it is touched. Of rules that came it asks no question for each rule: they are hashed
 * under what their mask and the flow's have in common, so a flow costs a look-up for each mask of theirs.
 *
 * Of rules that overlap at one priority any may win (match/classifier.h), and a third rule that comes or goes
 * may turn that: cached flows stay with the rule that they have, as long as it is there.
 *
 * Generations. Each change has a number; a translation notes the number before it begins. A flow whose
 * translation is older than the last pass that began is not installed, since that pass has not seen it.
 *
 * Thread-safety: noting by any thread; a set that was taken belongs to its taker. */
#ifndef PIPELINE_CHANGES_H
#define PIPELINE_CHANGES_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

struct changes;
struct dependents;
struct dependents_found;
struct ofproto;
struct parts_changed;
struct pipeline;
struct record;
struct rule;

struct changes *changes_create(void);
void changes_destroy(struct changes *);

void changes_note_rule(struct ofproto *, struct rule *, bool added);
void changes_note_mac(struct ofproto *, uint16_t vlan, struct eth_addr mac);
void changes_note_parts(struct changes *, const struct parts_changed *);
void changes_note_all(struct changes *); /* everything may be different */

/* The bridge is gone: what was noted of it is forgotten. */
void changes_forget_bridge(struct changes *, const struct ofproto *);

/* The number of the latest change. Any thread; read it before a translation reads anything else. */
uint64_t changes_generation(const struct changes *);

/* A set of changes that a pass works on. */
struct change_set;
/* All that were noted since the last call; NULL: none. *GENERATION is the number of the last of them: a
 * translation that read an earlier one may not have seen them all. */
struct change_set *changes_take(struct changes *, uint64_t *generation);
/* Gives back a set that was taken: it is the next one that is taken, with the number that it had. */
void changes_return(struct changes *, struct change_set *);
void change_set_destroy(struct change_set *);
/* The flows that the changes may touch, of N_FLOWS that there are: not all that are found are touched, but
 * all that are touched are found. False: asking each flow costs less, or the bounds of FOUND were met. */
bool change_set_find(const struct change_set *, struct dependents *, size_t n_flows,
                     struct dependents_found *);
/* Can the changes touch a flow with this record? Not const: what the answer takes is kept for the next. */
bool change_set_affects(struct change_set *, const struct record *);

#endif
