/* SPDX-License-Identifier: Apache-2.0 */
#include "match/subtable.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

#define SPAN(FIRST, LAST)                                                                                    \
    offsetof(struct flow_key, FIRST),                                                                        \
        offsetof(struct flow_key, LAST) + sizeof(((const struct flow_key *)NULL)->LAST)

/* What is not metadata, which is all else. */
static const struct {
    uint16_t start, end;
    enum match_stage stage;
} stage_spans[] = {
    {SPAN(dl_dst, vlans), STAGE_L2},           {SPAN(tp_src, tp_dst), STAGE_L4},
    {SPAN(tcp_flags, tcp_flags), STAGE_FLAGS}, {SPAN(nw_src, nw_frag), STAGE_L3},
    {SPAN(ipv6_src, arp_tha), STAGE_L3},       {SPAN(mpls_lse, mpls_lse), STAGE_L2},
    {SPAN(igmp_group, igmp_group), STAGE_L4},  {SPAN(nsh_flags, nsh_context), STAGE_L3},
};

enum match_stage match_stage_of(size_t offset)
{
    for (size_t i = 0; i < ARRAY_SIZE(stage_spans); i++) {
        if (offset >= stage_spans[i].start && offset < stage_spans[i].end) {
            return stage_spans[i].stage;
        }
    }
    return STAGE_METADATA;
}

/* The bits of word WORD that belong to STAGE. */
static uint64_t stage_bits(unsigned word, enum match_stage stage)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = match_stage_of(word * 8 + i) == stage ? 0xff : 0;
    }
    uint64_t bits;
    memcpy(&bits, bytes, sizeof bits);
    return bits;
}

struct subtable *subtable_create(const struct minimatch *mask, uint32_t seq)
{
    unsigned n_words = flow_map_count(&mask->map);
    struct subtable *subtable = xzalloc(sizeof *subtable + 3 * n_words * sizeof subtable->items[0]);
    minimatch_clone(&subtable->mask, mask);
    if (n_words) {
        memset(subtable->mask.words + n_words, 0, n_words * sizeof(uint64_t));
    }
    subtable->mask_hash = minimatch_mask_hash(mask, 0);
    subtable->seq = seq;
    priorities_init(&subtable->priorities);
    trie_init(&subtable->ports, 32);
    for (unsigned stage = 0; stage < N_STAGES; stage++) {
        unsigned before = subtable->n_items, position = 0, w;
        FLOW_MAP_FOR_EACH (w, &mask->map) {
            uint64_t bits = mask->words[position] & stage_bits(w, stage);
            if (bits) {
                subtable->items[subtable->n_items++] =
                    (struct mask_item){.word = (uint8_t)w, .position = (uint8_t)position, .mask = bits};
            }
            position++;
        }
        if (subtable->n_items > before) {
            if (before) {
                subtable->cuts[subtable->n_cuts++] =
                    (struct stage_cut){.stage = subtable->last_stage, .n_items = (uint8_t)before};
            }
            subtable->last_stage = (uint8_t)stage;
        }
    }
    uint64_t ports = minimatch_mask_word(mask, FLOW_WORD_OF(tp_src));
    memcpy(&subtable->ports_mask, (const char *)&ports + offsetof(struct flow_key, tp_src) % 8,
           sizeof subtable->ports_mask);
    if (minimatch_mask_word(mask, FLOW_WORD_OF(igmp_group)) &
        stage_bits(FLOW_WORD_OF(igmp_group), STAGE_L4)) {
        subtable->ports_mask = 0;
    }
    return subtable;
}

void subtable_destroy(struct subtable *subtable, struct reclaim *reclaim)
{
    assert(!subtable->n_rules);
    for (unsigned i = 0; i < subtable->n_cuts; i++) {
        bagtable_fini(&subtable->cuts[i].hashes, reclaim);
    }
    ptrtable_fini(&subtable->rules, reclaim);
    priorities_fini(&subtable->priorities);
    reclaim_add(reclaim, subtable->mask.words);
    reclaim_add(reclaim, subtable);
}

static uint64_t mix_compressed(const struct subtable *subtable, const uint64_t *key, unsigned from,
                               unsigned to, uint64_t h)
{
    for (unsigned i = from; i < to; i++) {
        h = hash_mix64(h, key[subtable->items[i].position] & subtable->items[i].mask);
    }
    return h;
}

static uint32_t hash_of_rule(const void *rule)
{
    return ((const struct classifier_rule *)rule)->hash;
}

static be32 ports_of(const struct subtable *subtable, const struct classifier_rule *rule)
{
    uint64_t word = minimatch_key_word(&rule->match, FLOW_WORD_OF(tp_src));
    be32 ports;
    memcpy(&ports, (const char *)&word + offsetof(struct flow_key, tp_src) % 8, sizeof ports);
    return ports & subtable->ports_mask;
}

struct classifier_rule *subtable_find_key(const struct subtable *subtable, const uint64_t *compressed)
{
    unsigned n = flow_map_count(&subtable->mask.map);
    uint32_t hash =
        hash_finish64(mix_compressed(subtable, compressed, 0, subtable->n_items, SUBTABLE_HASH_START));
    uint32_t state = 0;
    struct classifier_rule *rule;
    while ((rule = ptrtable_find(&subtable->rules, hash, &state)) != NULL) {
        if (rule->hash == hash &&
            (!n || !memcmp(rule->match.words + n, compressed, n * sizeof *compressed))) {
            return rule;
        }
    }
    return NULL;
}

struct classifier_rule *subtable_find(const struct subtable *subtable, const uint64_t *key, uint32_t hash)
{
    uint32_t state = 0;
    struct classifier_rule *rule;
    while ((rule = ptrtable_find(&subtable->rules, hash, &state)) != NULL) {
        const uint64_t *words = minimatch_key(&rule->match);
        uint64_t differs = rule->hash ^ hash;
        for (unsigned i = 0; i < subtable->n_items; i++) {
            const struct mask_item *item = &subtable->items[i];
            differs |= (key[item->word] ^ words[item->position]) & item->mask;
        }
        if (!differs) {
            return rule;
        }
    }
    return NULL;
}

bool subtable_insert(struct subtable *subtable, struct reclaim *reclaim, struct classifier_rule *rule)
{
    int max = priorities_max(&subtable->priorities);
    const uint64_t *key = minimatch_key(&rule->match);
    uint64_t h = SUBTABLE_HASH_START;
    unsigned from = 0;
    for (unsigned i = 0; i < subtable->n_cuts; i++) {
        struct stage_cut *cut = &subtable->cuts[i];
        h = mix_compressed(subtable, key, from, cut->n_items, h);
        from = cut->n_items;
        bagtable_add(&cut->hashes, reclaim, hash_finish64(h));
    }
    rule->hash = hash_finish64(mix_compressed(subtable, key, from, subtable->n_items, h));
    if (subtable->ports_mask) {
        be32 ports = ports_of(subtable, rule);
        trie_insert(&subtable->ports, reclaim, &ports, 32);
    }

    rule->prev = subtable->last;
    rule->next = NULL;
    rcu_set(subtable->last ? &subtable->last->next : &subtable->first, rule);
    subtable->last = rule;

    struct classifier_rule *head = subtable_find_key(subtable, key);
    if (!head) {
        rule->lower = NULL;
        ptrtable_insert(&subtable->rules, reclaim, rule, rule->hash, hash_of_rule);
    } else if (head->priority <= rule->priority) {
        rule->lower = head;
        ptrtable_replace(&subtable->rules, head, rule, rule->hash);
    } else {
        while (head->lower && head->lower->priority > rule->priority) {
            head = head->lower;
        }
        rule->lower = head->lower;
        rcu_set(&head->lower, rule);
    }
    priorities_add(&subtable->priorities, rule->priority);
    subtable->n_rules++;
    return rule->priority > max;
}

bool subtable_remove(struct subtable *subtable, struct reclaim *reclaim, struct classifier_rule *rule)
{
    int max = priorities_max(&subtable->priorities);
    const uint64_t *key = minimatch_key(&rule->match);
    struct classifier_rule *head = subtable_find_key(subtable, key);
    if (head != rule) {
        while (head->lower != rule) {
            head = head->lower;
        }
        rcu_set(&head->lower, rule->lower);
    } else if (rule->lower) {
        ptrtable_replace(&subtable->rules, rule, rule->lower, rule->hash);
    } else {
        ptrtable_remove(&subtable->rules, rule, rule->hash);
    }

    rcu_set(rule->prev ? &rule->prev->next : &subtable->first, rule->next);
    if (rule->next) {
        rule->next->prev = rule->prev;
    } else {
        subtable->last = rule->prev;
    }

    uint64_t h = SUBTABLE_HASH_START;
    unsigned from = 0;
    for (unsigned i = 0; i < subtable->n_cuts; i++) {
        struct stage_cut *cut = &subtable->cuts[i];
        h = mix_compressed(subtable, key, from, cut->n_items, h);
        from = cut->n_items;
        bagtable_remove(&cut->hashes, hash_finish64(h));
    }
    if (subtable->ports_mask) {
        be32 ports = ports_of(subtable, rule);
        trie_remove(&subtable->ports, reclaim, &ports, 32);
    }
    priorities_remove(&subtable->priorities, rule->priority);
    subtable->n_rules--;
    return priorities_max(&subtable->priorities) != max;
}
