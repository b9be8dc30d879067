/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Conjunctive matches (ovs-fields(7)): from the soft matches that a lookup met, the conjunctions
 * whose clauses are all there. Private to the classifier. One lookup's own; rules under RCU. */
#ifndef MATCH_CONJUNCTION_H
#define MATCH_CONJUNCTION_H 1

#include "match/classifier.h"

#define SOFT_MATCHES_INLINE 32

/* Each is the first of its chain that is not ruled out yet. */
struct soft_matches {
    struct classifier_rule **rules; /* `some`, or malloc()ed */
    unsigned n, allocated;
    struct classifier_rule *some[SOFT_MATCHES_INLINE];
    /* Of the priority at work: ids whose clauses are all met, handed out one by one. */
    uint32_t *ids;
    unsigned n_ids, next_id;
    bool at_work;
};

void soft_matches_init(struct soft_matches *);
void soft_matches_fini(struct soft_matches *);
void soft_matches_add(struct soft_matches *, struct classifier_rule *);

/* Finds the next conjunction of a priority above *BEST's (NULL: none) that is met, into *ID. Calling again
 * means that it led to nothing. Hard rules hidden below soft ones come to light on the way and may become
 * *BEST. False: no further conjunction; *BEST is the answer. */
bool soft_matches_resolve(struct soft_matches *, struct classifier_rule **best, uint64_t version,
                          uint32_t *id);

#endif
