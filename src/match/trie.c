/* SPDX-License-Identifier: Apache-2.0 */
#include "match/trie.h"

#include <string.h>

#include "base/compiler.h"

/* A node holds a run of up to 32 bits, the continuation of its parent's. Runs do not change: a node that is
 * to be cut is replaced. 24 bytes, as there may be two for each of a million rules. */
struct trie_node {
    uint32_t run;               /* host order, leading bits; the rest is zero */
    uint32_t info;              /* atomic; rules << 6 | length of the run, 0 to 32; 0 in a root alone */
    struct trie_node *edges[2]; /* RCU; by the bit that follows the run */
};
#define MAX_RULES ((1u << 26) - 1)

static unsigned length_of(const struct trie_node *node)
{
    return __atomic_load_n(&node->info, __ATOMIC_RELAXED) & 63;
}
static uint32_t rules_of(const struct trie_node *node)
{
    return __atomic_load_n(&node->info, __ATOMIC_RELAXED) >> 6;
}
/* A count that has reached its maximum stays there: the prefix is kept for ever, which is safe. */
static void add_rules(struct trie_node *node, int n)
{
    if (rules_of(node) < MAX_RULES) {
        __atomic_store_n(&node->info, node->info + ((uint32_t)n << 6), __ATOMIC_RELAXED);
    }
}

/* Up to 32 bits of VALUE from bit OFS on, left-justified. */
static uint32_t bits_at(const be32 *value, unsigned ofs, unsigned n_bits)
{
    if (ofs >= n_bits) {
        return 0;
    }
    unsigned word = ofs / 32, shift = ofs % 32;
    uint32_t bits = __builtin_bswap32(value[word]) << shift;
    if (shift && (word + 1) * 32 < n_bits) {
        bits |= __builtin_bswap32(value[word + 1]) >> (32 - shift);
    }
    return bits;
}

static uint32_t leading(uint32_t bits, unsigned n)
{
    return n ? bits & (UINT32_MAX << (32 - n)) : 0;
}

/* How many leading bits A and B share, at most MAX. */
static unsigned common(uint32_t a, uint32_t b, unsigned max)
{
    unsigned n = a == b ? 32 : (unsigned)__builtin_clz(a ^ b);
    return MIN(n, max);
}

void trie_init(struct trie *trie, unsigned n_bits)
{
    *trie = (struct trie){.n_bits = n_bits};
}

static void destroy(struct trie_node *node)
{
    if (node) {
        destroy(node->edges[0]);
        destroy(node->edges[1]);
        free(node);
    }
}

void trie_fini(struct trie *trie)
{
    if (trie) {
        destroy(trie->root);
        trie->root = NULL;
    }
}

static struct trie_node *make(uint32_t run, unsigned length, uint32_t n_rules)
{
    struct trie_node *node = xmalloc(sizeof *node);
    *node = (struct trie_node){.run = leading(run, length), .info = n_rules << 6 | length};
    return node;
}

/* Nodes for the bits of PREFIX from OFS to LENGTH. */
static struct trie_node *make_branch(const struct trie *trie, const be32 *prefix, unsigned ofs,
                                     unsigned length)
{
    unsigned n = MIN(length - ofs, 32u);
    struct trie_node *node = make(bits_at(prefix, ofs, trie->n_bits), n, ofs + n == length);
    if (ofs + n < length) {
        struct trie_node *child = make_branch(trie, prefix, ofs + n, length);
        node->edges[child->run >> 31] = child;
    }
    return node;
}

void trie_insert(struct trie *trie, struct reclaim *reclaim, const be32 *prefix, unsigned length)
{
    struct trie_node **edge = &trie->root;
    unsigned ofs = 0;
    for (;;) {
        struct trie_node *node = rcu_get_protected(edge);
        if (!node) {
            rcu_set(edge, make_branch(trie, prefix, ofs, length));
            return;
        }
        uint32_t bits = bits_at(prefix, ofs, trie->n_bits);
        unsigned same = common(bits, node->run, MIN(length_of(node), length - ofs));
        if (same < length_of(node)) {
            /* Cut the run: UPPER has what is common, LOWER the node's rest. */
            struct trie_node *upper = make(node->run, same, ofs + same == length);
            struct trie_node *lower = make(node->run << same, length_of(node) - same, rules_of(node));
            memcpy(lower->edges, node->edges, sizeof lower->edges);
            upper->edges[lower->run >> 31] = lower;
            if (ofs + same < length) {
                struct trie_node *branch = make_branch(trie, prefix, ofs + same, length);
                upper->edges[branch->run >> 31] = branch;
            }
            rcu_set(edge, upper);
            reclaim_add(reclaim, node);
            return;
        }
        ofs += same;
        if (ofs == length) {
            add_rules(node, 1);
            return;
        }
        edge = &node->edges[bits_at(prefix, ofs, trie->n_bits) >> 31];
    }
}

/* Takes away or joins the node at EDGE if it has no rules and fewer than two children. True if it changed. */
static bool prune(struct trie_node **edge, struct reclaim *reclaim)
{
    struct trie_node *node = rcu_get_protected(edge);
    if (rules_of(node) || (node->edges[0] && node->edges[1])) {
        return false;
    }
    struct trie_node *child = node->edges[0] ? node->edges[0] : node->edges[1];
    if (!child) {
        rcu_set(edge, NULL);
        reclaim_add(reclaim, node);
        return true;
    }
    if (length_of(node) + length_of(child) > 32u) {
        return false;
    }
    uint32_t run = length_of(node) < 32 ? node->run | (child->run >> length_of(node)) : node->run;
    struct trie_node *joined = make(run, length_of(node) + length_of(child), rules_of(child));
    memcpy(joined->edges, child->edges, sizeof joined->edges);
    rcu_set(edge, joined);
    reclaim_add(reclaim, node);
    reclaim_add(reclaim, child);
    return true;
}

void trie_remove(struct trie *trie, struct reclaim *reclaim, const be32 *prefix, unsigned length)
{
    struct trie_node **path[TRIE_MAX_BITS + 2], **edge = &trie->root;
    unsigned ofs = 0, depth = 0;
    for (;;) {
        struct trie_node *node = rcu_get_protected(edge);
        if (!node) {
            return;
        }
        path[depth++] = edge;
        ofs += length_of(node);
        if (ofs >= length) {
            break;
        }
        edge = &node->edges[bits_at(prefix, ofs, trie->n_bits) >> 31];
    }
    struct trie_node *node = *edge;
    if (ofs != length || !rules_of(node)) {
        return;
    }
    add_rules(node, -1);
    while (depth > 0 && prune(path[depth - 1], reclaim)) {
        depth--;
    }
    /* The parent of what went away may now have one child to be joined with. */
    if (depth > 0) {
        prune(path[depth - 1], reclaim);
    }
}

void trie_lookup(const struct trie *trie, const be32 *value, struct trie_result *result)
{
    unsigned ofs = 0;
    *result = (struct trie_result){.n_bits = 0};
    const struct trie_node *node = rcu_get(&trie->root);
    while (node) {
        unsigned same = common(bits_at(value, ofs, trie->n_bits), node->run, length_of(node));
        if (same < length_of(node)) {
            result->n_bits = ofs + same + 1;
            return;
        }
        ofs += same;
        if (rules_of(node)) {
            result->lengths[ofs / 64] |= UINT64_C(1) << (ofs % 64);
        }
        if (ofs >= trie->n_bits) {
            break;
        }
        unsigned bit = bits_at(value, ofs, trie->n_bits) >> 31;
        const struct trie_node *child = rcu_get(&node->edges[bit]);
        if (!child) {
            result->n_bits = ofs + (rcu_get(&node->edges[!bit]) != NULL);
            return;
        }
        node = child;
    }
    result->n_bits = ofs;
}
