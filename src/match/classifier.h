/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The classifier: of a table's rules that match a key, the one of highest priority; and with it the
 * widest mask under which the answer stays the same, from which translation builds a megaflow.
 *
 * How. Tuple-space search: rules with one mask form a *subtable*, a hash table of keys under that mask. The
 * subtables are searched in order of their highest priority, until none is left that could beat what was
 * found. What a lookup consulted is un-wildcarded, and it consults little:
 *
 *   - stages. A mask is cut into metadata, L2, L3 and L4. A subtable keeps the set of partial hashes for each
 *     cut, so a miss at L2 un-wildcards no address and no port.
 *   - prefixes. For fields that classifier_set_prefixes() names, a trie of all prefixes in use says how many
 *     bits of the packet's address are enough to rule out a prefix length, hence all subtables that have it.
 *   - ports. For a subtable that matches transport ports, a trie of those does the same to its last stage.
 *
 * Versions. A rule is visible in versions [add, remove). A lookup names its version and sees the table as of
 * that version however long it takes, so a bundle of changes becomes visible at once: insert the new rules in
 * version V + 1, give the old ones remove version V + 1, then let readers use V + 1, and classifier_remove()
 * the old ones when no reader of V is left.
 *
 * Conjunctions (ovs-fields(7), "conjunctive match fields"). A rule inserted with clauses is a *soft* match:
 * by itself it is no answer, but once all clauses of a conjunction are met at one priority, the key is looked
 * up again with its conj_id.
 *
 * Ownership. A `struct classifier_rule` is embedded in the user's rule. The user keeps it until a grace
 * period (base/rcu.h) after classifier_remove().
 *
 * Thread-safety: lookups, finds and cursors by any number of RCU-registered threads, without locks;
 * everything that takes a non-const classifier by one thread at a time (the user serialises). Changes of a
 * rule's remove version count as writing. */
#ifndef MATCH_CLASSIFIER_H
#define MATCH_CLASSIFIER_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/key.h"
#include "flow/minikey.h"

struct classifier;
struct subtable;

#define CLASSIFIER_NEVER        UINT64_MAX       /* remove version of a rule that stays */
#define CLASSIFIER_NEWEST       (UINT64_MAX - 1) /* as a version: what is not removed */
#define CLASSIFIER_MAX_PREFIXES 3

/* One clause of a conjunction: conjunction(id, clause/n_clauses). `clause` counts from 0. */
struct classifier_clause {
    uint32_t id;
    uint8_t clause;
    uint8_t n_clauses; /* 2 to 64 */
};
struct classifier_clauses {
    unsigned n;
    struct classifier_clause clause[];
};

struct classifier_rule {
    struct minimatch match;
    int priority; /* 0 to 65535 of OpenFlow; more for rules of the switch itself, negative for none */

    /* Private to match/. */
    uint32_t hash;                       /* of the key under the subtable's mask */
    uint64_t add_version;                /* const while in a classifier */
    uint64_t remove_version;             /* atomic */
    struct classifier_rule *lower;       /* RCU: same key, same subtable; priority falls along the chain */
    struct classifier_rule *prev, *next; /* next is RCU: all rules of the subtable, oldest first */
    struct subtable *subtable;           /* NULL: not in a classifier */
    struct classifier_clauses *clauses;  /* NULL: a hard match. Owned */
};

/* A field for prefix tracking, in network byte order: where in the key, on a multiple of 4, and how many bits
 * (32, 64 or 128). */
struct classifier_prefix {
    uint16_t offset;
    uint16_t n_bits;
};

struct classifier *classifier_create(void); /* tracks nw_dst and nw_src */
/* All rules have been removed. */
void classifier_destroy(struct classifier *);
/* At most CLASSIFIER_MAX_PREFIXES. Rebuilds the tries; readers see the old ones or the new ones. */
void classifier_set_prefixes(struct classifier *, const struct classifier_prefix *, size_t n);

/* A rule. The first copies KEY under MASK (complete), the second takes MATCH over. CLAUSES, copied, may be
 * NULL. */
void classifier_rule_init(struct classifier_rule *, const struct flow_key *, const struct flow_mask *,
                          int priority);
void classifier_rule_init_match(struct classifier_rule *, struct minimatch *match, int priority);
void classifier_rule_set_clauses(struct classifier_rule *, const struct classifier_clause *, unsigned n);
void classifier_rule_fini(struct classifier_rule *); /* not in a classifier; no reader has it */

static inline bool classifier_rule_visible(const struct classifier_rule *rule, uint64_t version)
{
    return rule->add_version <= version && version < __atomic_load_n(&rule->remove_version, __ATOMIC_ACQUIRE);
}

/* Makes RULE visible from VERSION on. In no version may two rules with equal match and priority be visible.
 */
void classifier_insert(struct classifier *, struct classifier_rule *, uint64_t version);
/* Ends the visibility of RULE with VERSION; CLASSIFIER_NEVER takes that back. */
void classifier_rule_set_remove_version(struct classifier_rule *, uint64_t version);
static inline uint64_t classifier_rule_remove_version(const struct classifier_rule *rule)
{
    return __atomic_load_n(&rule->remove_version, __ATOMIC_RELAXED);
}
/* Takes RULE out in all versions. */
void classifier_remove(struct classifier *, struct classifier_rule *);

/* Between defer and publish, changes may stay unseen by lookups (of any version): one publication for many
 * changes. Not counted: one publish ends it. */
void classifier_defer(struct classifier *);
void classifier_publish(struct classifier *);

/* The rule of highest priority that is visible in VERSION and matches KEY, which is complete. Where WC,
 * complete, is not NULL, bits are added to it: every key that agrees with KEY in these bits gets the same
 * answer. KEY is written during the call (conj_id), and is as before afterwards. Among rules of one priority
 * that match: any, but the same for all keys under WC. */
struct classifier_rule *classifier_lookup(const struct classifier *, uint64_t version, struct flow_key *key,
                                          struct flow_mask *wc);

/* The rule with exactly this match and priority, visible in VERSION, or NULL. */
struct classifier_rule *classifier_find_exactly(const struct classifier *, uint64_t version,
                                                const struct minimatch *, int priority);
/* Some rule of PRIORITY, visible in VERSION, that matches some packet that MATCH matches too (also the rule
 * with the same match), or NULL. */
struct classifier_rule *classifier_find_overlapping(const struct classifier *, uint64_t version,
                                                    const struct minimatch *, int priority);

size_t classifier_count(const struct classifier *); /* rules, of all versions */
size_t classifier_count_subtables(const struct classifier *);
bool classifier_is_empty(const struct classifier *);

/* Walks the rules visible in VERSION of which CRITERIA, not NULL, matches all that they match (OpenFlow's
 * loose comparison). Subtable by subtable, within one in order of insertion. The rule at hand may be removed;
 * rules inserted meanwhile may be missed. Readers: not across a quiescent state. A subtable that has the
 * mask of CRITERIA is not walked: the rules with that very match are found by their hash.
 *
 *   struct classifier_cursor cursor;
 *   CLASSIFIER_FOR_EACH (rule, &cursor, cls, version, NULL) { ... }                                       */
struct classifier_cursor {
    const struct classifier *cls;
    uint64_t version;
    const struct minimatch *criteria;
    struct subtable *subtable;
    struct classifier_rule *rule; /* at hand */
    bool by_key;                  /* `subtable` has the mask of `criteria` */
};
struct classifier_rule *classifier_first(struct classifier_cursor *, const struct classifier *,
                                         uint64_t version, const struct minimatch *criteria);
struct classifier_rule *classifier_next(struct classifier_cursor *);

#define CLASSIFIER_FOR_EACH(RULE, CURSOR, CLS, VERSION, CRITERIA)                                            \
    for ((RULE) = classifier_first(CURSOR, CLS, VERSION, CRITERIA); (RULE); (RULE) = classifier_next(CURSOR))

#endif
