/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. A key under a mask, compressed: of the key's words only those of which the mask has bits. A rule's
 * match has some five of the 120 words, and there are millions of rules.
 *
 * A `struct minimatch` owns one piece of memory: the mask's words, then the key's, in the order of the map.
 * The key is zero where the mask is, and no word of the mask is zero: so equal matches are equal bytes.
 *
 * Thread-safety: plain data; a minimatch is not changed between init and fini. */
#ifndef FLOW_MINIKEY_H
#define FLOW_MINIKEY_H 1

#include <stdint.h>
#include <string.h>

#include "flow/key.h"

/* Which words of a flow_key are there. */
struct flow_map {
    uint64_t bits[2];
};
_Static_assert(FLOW_WORDS <= 128, "a flow_map has two words");

static inline void flow_map_set(struct flow_map *map, unsigned word)
{
    map->bits[word / 64] |= UINT64_C(1) << (word % 64);
}
static inline bool flow_map_has(const struct flow_map *map, unsigned word)
{
    return (map->bits[word / 64] >> (word % 64)) & 1;
}
static inline unsigned flow_map_count(const struct flow_map *map)
{
    return (unsigned)(__builtin_popcountll(map->bits[0]) + __builtin_popcountll(map->bits[1]));
}
static inline bool flow_map_equal(const struct flow_map *a, const struct flow_map *b)
{
    return a->bits[0] == b->bits[0] && a->bits[1] == b->bits[1];
}
/* Takes the lowest word out of MAP, which is not empty, and returns its number. */
static inline unsigned flow_map_pop(struct flow_map *map)
{
    unsigned half = !map->bits[0];
    unsigned word = (unsigned)__builtin_ctzll(map->bits[half]);
    map->bits[half] &= map->bits[half] - 1;
    return half * 64 + word;
}
static inline bool flow_map_is_empty(const struct flow_map *map)
{
    return !(map->bits[0] | map->bits[1]);
}
/* The position of WORD, which is in MAP, among the words that are there. */
static inline unsigned flow_map_position(const struct flow_map *map, unsigned word)
{
    uint64_t below = (UINT64_C(1) << (word % 64)) - 1;
    return word < 64
               ? (unsigned)__builtin_popcountll(map->bits[0] & below)
               : (unsigned)(__builtin_popcountll(map->bits[0]) + __builtin_popcountll(map->bits[1] & below));
}

/* FLOW_MAP_FOR_EACH (word, map) { ... }: each word's number, ascending. */
#define FLOW_MAP_FOR_EACH(WORD, MAP)                                                                         \
    for (struct flow_map map__ = *(MAP); !flow_map_is_empty(&map__) && ((WORD = flow_map_pop(&map__)), true);)

struct minimatch {
    struct flow_map map;
    uint64_t *words; /* n of the mask, n of the key; NULL if there are none */
};

/* KEY under MASK, both complete. KEY may have bits beyond the mask: they are dropped. */
void minimatch_init(struct minimatch *, const struct flow_key *key, const struct flow_mask *mask);
/* Matches every packet. */
void minimatch_init_catchall(struct minimatch *);
void minimatch_clone(struct minimatch *, const struct minimatch *src);
void minimatch_move(struct minimatch *, struct minimatch *src); /* SRC matches everything afterwards */
void minimatch_fini(struct minimatch *);

/* KEY and MASK become complete. */
void minimatch_expand(const struct minimatch *, struct flow_key *key, struct flow_mask *mask);

static inline const uint64_t *minimatch_mask(const struct minimatch *match)
{
    return match->words;
}
static inline const uint64_t *minimatch_key(const struct minimatch *match)
{
    return match->words + flow_map_count(&match->map);
}
/* The mask's (key's) word number WORD of the uncompressed form. */
static inline uint64_t minimatch_mask_word(const struct minimatch *match, unsigned word)
{
    return flow_map_has(&match->map, word) ? match->words[flow_map_position(&match->map, word)] : 0;
}
static inline uint64_t minimatch_key_word(const struct minimatch *match, unsigned word)
{
    return flow_map_has(&match->map, word) ? minimatch_key(match)[flow_map_position(&match->map, word)] : 0;
}

bool minimatch_equal(const struct minimatch *, const struct minimatch *);
bool minimatch_masks_equal(const struct minimatch *, const struct minimatch *);
bool minimatch_mask_is_within(const struct minimatch *, const struct minimatch *wide); /* no bit is beyond */
uint32_t minimatch_hash(const struct minimatch *, uint32_t basis);                     /* of key and mask */
uint32_t minimatch_mask_hash(const struct minimatch *, uint32_t basis);                /* of the mask alone */

/* KEY, complete, satisfies the match. */
bool minimatch_matches_key(const struct minimatch *, const struct flow_key *key);
/* Every packet that NARROW matches, WIDE matches too. (OpenFlow's loose comparison: NARROW is the rule.) */
bool minimatch_is_narrower(const struct minimatch *narrow, const struct minimatch *wide);
/* Some packet can match both. */
bool minimatch_overlaps(const struct minimatch *, const struct minimatch *);

/* Adds the mask's bits to WC, which is complete. */
void minimatch_add_to_mask(const struct minimatch *, struct flow_mask *wc);

/* The blocks of MASK, whose bits are complete, that are not all zero. */
unsigned flow_mask_find_blocks(const struct flow_mask *);

#endif
