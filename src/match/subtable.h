/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. One tuple of the classifier: the rules that have one mask. Private to classifier.c and its tests;
 * see classifier.h for the idea.
 *
 * Thread-safety: as in classifier.h. */
#ifndef MATCH_SUBTABLE_H
#define MATCH_SUBTABLE_H 1

#include "base/hash.h"
#include "match/classifier.h"
#include "match/priorities.h"
#include "match/ptrtable.h"
#include "match/trie.h"

/* The order in which a mask is consulted. A miss after a stage un-wildcards nothing of later ones. */
enum match_stage {
    STAGE_METADATA,
    STAGE_L2,
    STAGE_L3,
    STAGE_FLAGS, /* tcp_flags: by themselves, as they come before ports but after addresses */
    STAGE_L4,
    N_STAGES
};

/* A piece of the mask: in word WORD, the bits that belong to one stage. */
struct mask_item {
    uint8_t word;
    uint8_t position; /* of the word in the compressed mask */
    uint64_t mask;
};

/* The end of a stage that has bits in the mask, save the last one. */
struct stage_cut {
    uint8_t stage;
    uint8_t n_items; /* of this stage and all before */
    struct bagtable hashes;
};

struct subtable {
    struct minimatch mask; /* its key is zero */
    uint32_t mask_hash;
    uint32_t seq; /* order of creation */
    uint8_t n_items, n_cuts;
    uint8_t last_stage;
    struct stage_cut cuts[N_STAGES - 1];
    be32 ports_mask;       /* tp_src, tp_dst as they stand in the key; 0: none, or it is not the last stage */
    struct trie ports;     /* of tp_src, tp_dst under ports_mask: 32 bits */
    struct ptrtable rules; /* the first of each chain of equal keys */
    struct priorities priorities;
    size_t n_rules;
    struct classifier_rule *first, *last;           /* first is RCU */
    struct subtable *next_subtable, *prev_subtable; /* next is RCU; the classifier's list, newest first */
    struct mask_item items[];                       /* by stage */
};

struct subtable *subtable_create(const struct minimatch *mask, uint32_t seq);
void subtable_destroy(struct subtable *, struct reclaim *); /* empty; freed after a grace period */

/* TRUE if the greatest priority changed. */
bool subtable_insert(struct subtable *, struct reclaim *, struct classifier_rule *);
bool subtable_remove(struct subtable *, struct reclaim *, struct classifier_rule *);

/* The rule that is first in its chain and has exactly this key (compressed under the subtable's mask). */
struct classifier_rule *subtable_find_key(const struct subtable *, const uint64_t *compressed);

/* Mixes items FROM to TO of KEY under the mask into H. The hash of all is hash_finish64() of the mix of all
 * items, begun with SUBTABLE_HASH_START; that of a cut likewise. */
#define SUBTABLE_HASH_START 0x9ddfea08eb382d69ull
static inline uint64_t subtable_mix(const struct subtable *subtable, const uint64_t *key, unsigned from,
                                    unsigned to, uint64_t h)
{
    for (unsigned i = from; i < to; i++) {
        h = hash_mix64(h, key[subtable->items[i].word] & subtable->items[i].mask);
    }
    return h;
}

/* The first rule in the chain whose key is KEY under the mask; HASH is that of all items. */
struct classifier_rule *subtable_find(const struct subtable *, const uint64_t *key, uint32_t hash);

/* The first rule from RULE on down the chain that VERSION sees. */
static inline struct classifier_rule *subtable_visible(struct classifier_rule *rule, uint64_t version)
{
    while (rule && !classifier_rule_visible(rule, version)) {
        rule = rcu_get(&rule->lower);
    }
    return rule;
}

/* The stage to which the byte OFFSET of the key belongs. */
enum match_stage match_stage_of(size_t offset);

#endif
