/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. A trie of the prefixes that rules use in one field. It answers: which prefix lengths could match
 * this value, and how many of the value's leading bits does it take to know?
 *
 * A value is N bits in network byte order, as an array of be32. A prefix is counted as often as it was
 * inserted.
 *
 * Thread-safety: trie_lookup() by any number of RCU readers; the rest by one thread at a time. */
#ifndef MATCH_TRIE_H
#define MATCH_TRIE_H 1

#include "base/types.h"
#include "match/reclaim.h"

#define TRIE_MAX_BITS 128

struct trie {
    uint64_t root; /* RCU; an edge, see trie.c */
    unsigned n_bits;
};

/* Of the answer. The lengths found hold for all values with the same N_BITS leading bits. */
struct trie_result {
    unsigned n_bits;
    uint64_t lengths[3]; /* bit L: some prefix of length L matches. 0 to 128 */
};

void trie_init(struct trie *, unsigned n_bits);
void trie_fini(struct trie *); /* no reader is left */
void trie_insert(struct trie *, struct reclaim *, const be32 *prefix, unsigned length);
void trie_remove(struct trie *, struct reclaim *, const be32 *prefix, unsigned length);
void trie_lookup(const struct trie *, const be32 *value, struct trie_result *);

static inline bool trie_result_has(const struct trie_result *result, unsigned length)
{
    return (result->lengths[length / 64] >> (length % 64)) & 1;
}

#endif
