/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/minikey.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

/* The bits that some word of the block has. */
static inline uint64_t block_bits(const uint64_t *words)
{
    _Static_assert(FLOW_BLOCK_WORDS == 8 && FLOW_WORDS % FLOW_BLOCK_WORDS == 0, "blocks of eight words");
    return words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7];
}

void minimatch_init(struct minimatch *match, const struct flow_key *key, const struct flow_mask *mask)
{
    const uint64_t *k = flow_key_words_const(key), *m = flow_key_words_const(&mask->bits);
    struct flow_map map = {{0, 0}};
    for (unsigned first = 0; first < FLOW_WORDS; first += FLOW_BLOCK_WORDS) {
        if (!block_bits(m + first)) {
            continue; /* most blocks */
        }
        for (unsigned w = first; w < first + FLOW_BLOCK_WORDS; w++) {
            map.bits[w / 64] |= (uint64_t)(m[w] != 0) << (w % 64);
        }
    }
    unsigned n = flow_map_count(&map);
    match->map = map;
    match->words = n ? xmalloc(2 * n * sizeof *match->words) : NULL;
    unsigned i = 0, w;
    FLOW_MAP_FOR_EACH (w, &map) {
        match->words[i] = m[w];
        match->words[n + i++] = k[w] & m[w];
    }
}

void minimatch_init_catchall(struct minimatch *match)
{
    *match = (struct minimatch){.words = NULL};
}

void minimatch_clone(struct minimatch *match, const struct minimatch *src)
{
    match->map = src->map;
    match->words =
        src->words ? xmemdup(src->words, 2 * flow_map_count(&src->map) * sizeof *src->words) : NULL;
}

void minimatch_move(struct minimatch *match, struct minimatch *src)
{
    *match = *src;
    minimatch_init_catchall(src);
}

void minimatch_fini(struct minimatch *match)
{
    if (match) {
        free(match->words);
        minimatch_init_catchall(match);
    }
}

void minimatch_expand(const struct minimatch *match, struct flow_key *key, struct flow_mask *mask)
{
    memset(key, 0, sizeof *key);
    memset(mask, 0, sizeof *mask);
    unsigned n = flow_map_count(&match->map), i = 0, w;
    FLOW_MAP_FOR_EACH (w, &match->map) {
        flow_key_words(&mask->bits)[w] = match->words[i];
        flow_key_words(key)[w] = match->words[n + i++];
        mask->blocks |= FLOW_BLOCK_BIT(w / FLOW_BLOCK_WORDS);
    }
}

bool minimatch_equal(const struct minimatch *a, const struct minimatch *b)
{
    size_t n = flow_map_count(&a->map);
    return flow_map_equal(&a->map, &b->map) && (!n || !memcmp(a->words, b->words, 2 * n * sizeof *a->words));
}

bool minimatch_masks_equal(const struct minimatch *a, const struct minimatch *b)
{
    size_t n = flow_map_count(&a->map);
    return flow_map_equal(&a->map, &b->map) && (!n || !memcmp(a->words, b->words, n * sizeof *a->words));
}

bool minimatch_mask_is_within(const struct minimatch *match, const struct minimatch *wide)
{
    if ((match->map.bits[0] & ~wide->map.bits[0]) || (match->map.bits[1] & ~wide->map.bits[1])) {
        return false;
    }
    unsigned i = 0, w;
    FLOW_MAP_FOR_EACH (w, &match->map) {
        if (match->words[i++] & ~minimatch_mask_word(wide, w)) {
            return false;
        }
    }
    return true;
}

static uint32_t hash_words(const struct minimatch *match, unsigned n, uint32_t basis)
{
    uint64_t h =
        hash_mix64(hash_mix64(basis + 0x2545f4914f6cdd1dull, match->map.bits[0]), match->map.bits[1]);
    for (unsigned i = 0; i < n; i++) {
        h = hash_mix64(h, match->words[i]);
    }
    return hash_finish64(h);
}

uint32_t minimatch_hash(const struct minimatch *match, uint32_t basis)
{
    return hash_words(match, 2 * flow_map_count(&match->map), basis);
}

uint32_t minimatch_mask_hash(const struct minimatch *match, uint32_t basis)
{
    return hash_words(match, flow_map_count(&match->map), basis);
}

bool minimatch_matches_key(const struct minimatch *match, const struct flow_key *key)
{
    const uint64_t *k = flow_key_words_const(key);
    unsigned n = flow_map_count(&match->map), i = 0, w;
    FLOW_MAP_FOR_EACH (w, &match->map) {
        if ((k[w] & match->words[i]) != match->words[n + i]) {
            return false;
        }
        i++;
    }
    return true;
}

bool minimatch_is_narrower(const struct minimatch *narrow, const struct minimatch *wide)
{
    if ((wide->map.bits[0] & ~narrow->map.bits[0]) || (wide->map.bits[1] & ~narrow->map.bits[1])) {
        return false;
    }
    unsigned n = flow_map_count(&wide->map), i = 0, w;
    FLOW_MAP_FOR_EACH (w, &wide->map) {
        uint64_t mask = wide->words[i];
        if ((mask & ~minimatch_mask_word(narrow, w)) ||
            (minimatch_key_word(narrow, w) & mask) != wide->words[n + i]) {
            return false;
        }
        i++;
    }
    return true;
}

bool minimatch_overlaps(const struct minimatch *a, const struct minimatch *b)
{
    struct flow_map both = {{a->map.bits[0] & b->map.bits[0], a->map.bits[1] & b->map.bits[1]}};
    unsigned w;
    FLOW_MAP_FOR_EACH (w, &both) {
        uint64_t mask = minimatch_mask_word(a, w) & minimatch_mask_word(b, w);
        if ((minimatch_key_word(a, w) ^ minimatch_key_word(b, w)) & mask) {
            return false;
        }
    }
    return true;
}

void minimatch_add_to_mask(const struct minimatch *match, struct flow_mask *wc)
{
    unsigned i = 0, w;
    FLOW_MAP_FOR_EACH (w, &match->map) {
        flow_key_words(&wc->bits)[w] |= match->words[i++];
        wc->blocks |= FLOW_BLOCK_BIT(w / FLOW_BLOCK_WORDS);
    }
}

unsigned flow_mask_find_blocks(const struct flow_mask *mask)
{
    const uint64_t *m = flow_key_words_const(&mask->bits);
    unsigned blocks = 0;
    for (unsigned b = 0; b < FLOW_WORDS / FLOW_BLOCK_WORDS; b++) {
        blocks |= (unsigned)(block_bits(m + (size_t)b * FLOW_BLOCK_WORDS) != 0) << b;
    }
    return blocks;
}
