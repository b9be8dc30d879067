/* SPDX-License-Identifier: Apache-2.0 */
#include "match/trie.h"

#include <string.h>

#include "base/compiler.h"

/* An edge leads to a run of up to 32 bits, the continuation of those above it. It is one word, so that it
 * changes at once:
 *
 *     0                                                nothing
 *     run << 32 | rules << 7 | length << 1 | 1         a leaf: nothing continues it
 *     pointer                                          a node
 *
 * As leaves need no memory, there is one node of 24 bytes for each of what may be a million prefixes, and a
 * walk ends without touching one more line. Runs of nodes do not change: a node that is to be cut is
 * replaced. */
struct trie_node {
    uint32_t run;      /* host order, leading bits; the rest is zero */
    uint32_t info;     /* atomic; as the low half of a leaf's word: rules, length */
    uint64_t edges[2]; /* RCU; by the bit that follows the run */
};
#define MAX_RULES ((1u << 25) - 1)

/* What an edge leads to. */
struct view {
    uint32_t run;
    unsigned length; /* of the run, 0 to 32; 0 only at the root */
    uint32_t n_rules;
    struct trie_node *node; /* NULL: a leaf */
};

static uint32_t make_info(uint32_t n_rules, unsigned length)
{
    return n_rules << 7 | length << 1 | 1;
}
static uint64_t make_leaf(uint32_t run, unsigned length, uint32_t n_rules)
{
    return (uint64_t)run << 32 | make_info(n_rules, length);
}

static struct view look(uint64_t edge)
{
    struct view view = {.run = (uint32_t)(edge >> 32)};
    uint32_t info = (uint32_t)edge;
    if (!(edge & 1)) {
        view.node = (struct trie_node *)(uintptr_t)edge;
        view.run = view.node->run;
        info = __atomic_load_n(&view.node->info, __ATOMIC_RELAXED);
    }
    view.length = info >> 1 & 63;
    view.n_rules = info >> 7;
    return view;
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

static void destroy(uint64_t edge)
{
    struct trie_node *node = edge ? look(edge).node : NULL;
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
        trie->root = 0;
    }
}

static struct trie_node *make_node(uint32_t run, unsigned length, uint32_t n_rules)
{
    struct trie_node *node = xmalloc(sizeof *node);
    *node = (struct trie_node){.run = leading(run, length), .info = make_info(n_rules, length)};
    return node;
}

static uint64_t edge_to(const struct trie_node *node)
{
    return (uint64_t)(uintptr_t)node;
}

/* The bits of PREFIX from OFS to LENGTH, of which there are some, as a leaf or nodes above one. */
static uint64_t make_branch(const struct trie *trie, const be32 *prefix, unsigned ofs, unsigned length)
{
    uint32_t run = bits_at(prefix, ofs, trie->n_bits);
    if (length - ofs <= 32) {
        return make_leaf(leading(run, length - ofs), length - ofs, 1);
    }
    struct trie_node *node = make_node(run, 32, 0);
    node->edges[bits_at(prefix, ofs + 32, trie->n_bits) >> 31] = make_branch(trie, prefix, ofs + 32, length);
    return edge_to(node);
}

/* What VIEW leads to, with LENGTH bits from START of its run. */
static uint64_t make_part(const struct view *view, unsigned start, unsigned length, uint32_t n_rules)
{
    uint32_t run = start < 32 ? view->run << start : 0;
    if (!view->node) {
        return make_leaf(leading(run, length), length, n_rules);
    }
    struct trie_node *node = make_node(run, length, n_rules);
    memcpy(node->edges, view->node->edges, sizeof node->edges);
    return edge_to(node);
}

static void count_rules(uint64_t *edge, const struct view *view, int n)
{
    if (view->n_rules == MAX_RULES) {
        return; /* stays: the prefix is kept for ever, which is safe */
    }
    uint32_t n_rules = view->n_rules + (uint32_t)n;
    if (view->node) {
        __atomic_store_n(&view->node->info, make_info(n_rules, view->length), __ATOMIC_RELAXED);
    } else {
        rcu_set(edge, make_leaf(view->run, view->length, n_rules));
    }
}

void trie_insert(struct trie *trie, struct reclaim *reclaim, const be32 *prefix, unsigned length)
{
    uint64_t *edge = &trie->root;
    unsigned ofs = 0;
    for (;;) {
        if (!*edge) {
            rcu_set(edge, make_branch(trie, prefix, ofs, length));
            return;
        }
        struct view view = look(*edge);
        uint32_t bits = bits_at(prefix, ofs, trie->n_bits);
        unsigned same = common(bits, view.run, MIN(view.length, length - ofs));
        bool ends = ofs + same == length;
        ofs += same;
        if (same == view.length && ends) {
            count_rules(edge, &view, 1);
            return;
        }
        if (same == view.length && view.node) {
            edge = &view.node->edges[bits_at(prefix, ofs, trie->n_bits) >> 31];
            continue;
        }
        /* A new node for what is common; below it the rest of the run that was there, and of the prefix. */
        struct trie_node *node = make_node(view.run, same, same == view.length ? view.n_rules : ends);
        if (same < view.length) {
            node->edges[view.run << same >> 31] = make_part(&view, same, view.length - same, view.n_rules);
        }
        if (!ends) {
            node->edges[bits_at(prefix, ofs, trie->n_bits) >> 31] = make_branch(trie, prefix, ofs, length);
        }
        rcu_set(edge, edge_to(node));
        reclaim_add(reclaim, view.node);
        return;
    }
}

/* Replaces the node at EDGE if it has become idle: no child, or no rules and one child. True if it did. */
static bool prune(uint64_t *edge, struct reclaim *reclaim)
{
    struct view view = look(*edge), child;
    struct trie_node *node = view.node;
    if (!node || (node->edges[0] && node->edges[1])) {
        return false;
    }
    uint64_t only = node->edges[0] | node->edges[1];
    if (!only) {
        rcu_set(edge, view.n_rules ? make_leaf(view.run, view.length, view.n_rules) : 0);
        reclaim_add(reclaim, node);
        return true;
    }
    child = look(only);
    if (view.n_rules || view.length + child.length > 32) {
        return false;
    }
    struct view joined = child;
    joined.run = view.run | (view.length < 32 ? child.run >> view.length : 0);
    rcu_set(edge, make_part(&joined, 0, view.length + child.length, child.n_rules));
    reclaim_add(reclaim, node);
    reclaim_add(reclaim, child.node);
    return true;
}

void trie_remove(struct trie *trie, struct reclaim *reclaim, const be32 *prefix, unsigned length)
{
    uint64_t *path[TRIE_MAX_BITS + 2], *edge = &trie->root;
    unsigned ofs = 0, depth = 0;
    struct view view;
    for (;;) {
        if (!*edge) {
            return;
        }
        view = look(*edge);
        path[depth++] = edge;
        ofs += view.length;
        if (ofs >= length) {
            break;
        }
        if (!view.node) {
            return;
        }
        edge = &view.node->edges[bits_at(prefix, ofs, trie->n_bits) >> 31];
    }
    if (ofs != length || !view.n_rules) {
        return;
    }
    if (!view.node && view.n_rules == 1) {
        rcu_set(edge, 0);
        depth--;
    } else {
        count_rules(edge, &view, -1);
    }
    while (depth > 0 && prune(path[depth - 1], reclaim)) {
        depth--;
    }
}

void trie_lookup(const struct trie *trie, const be32 *value, struct trie_result *result)
{
    unsigned ofs = 0;
    *result = (struct trie_result){.n_bits = 0};
    uint64_t edge = rcu_get(&trie->root);
    while (edge) {
        struct view view = look(edge);
        unsigned same = common(bits_at(value, ofs, trie->n_bits), view.run, view.length);
        if (same < view.length) {
            result->n_bits = ofs + same + 1;
            return;
        }
        ofs += same;
        if (view.n_rules) {
            result->lengths[ofs / 64] |= UINT64_C(1) << (ofs % 64);
        }
        if (ofs >= trie->n_bits || !view.node) {
            break;
        }
        unsigned bit = bits_at(value, ofs, trie->n_bits) >> 31;
        edge = rcu_get(&view.node->edges[bit]);
        if (!edge) {
            result->n_bits = ofs + (rcu_get(&view.node->edges[!bit]) != 0);
            return;
        }
    }
    result->n_bits = ofs;
}
