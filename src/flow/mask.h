/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. Arithmetic on keys and masks as words: what is equal, what is covered, which blocks are used.
 * All of it works on complete keys (flow/key.h) unless BLOCKS is given. Thread-safety: pure functions. */
#ifndef FLOW_MASK_H
#define FLOW_MASK_H 1

#include <string.h>

#include "flow/key.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

/* Sets every bit of MEMBER in the mask KEY; takes every bit away. */
#define flow_wc_set(KEY, MEMBER)   memset(&(KEY)->MEMBER, 0xff, sizeof(KEY)->MEMBER)
#define flow_wc_unset(KEY, MEMBER) memset(&(KEY)->MEMBER, 0, sizeof(KEY)->MEMBER)

static inline void flow_key_clear(struct flow_key *key)
{
    memset(key, 0, sizeof *key);
}

static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
    return !memcmp(a, b, sizeof *a);
}

/* A and B agree in every bit of MASK. */
static inline bool flow_key_equal_in(const struct flow_key *a, const struct flow_key *b,
                                     const struct flow_key *mask)
{
    const uint64_t *aw = flow_key_words_const(a), *bw = flow_key_words_const(b);
    const uint64_t *mw = flow_key_words_const(mask);
    for (unsigned i = 0; i < FLOW_WORDS; i++) {
        if ((aw[i] ^ bw[i]) & mw[i]) {
            return false;
        }
    }
    return true;
}

/* KEY &= MASK: what the mask does not look at becomes 0. */
static inline void flow_zero_wildcards(struct flow_key *key, const struct flow_key *mask)
{
    uint64_t *kw = flow_key_words(key);
    const uint64_t *mw = flow_key_words_const(mask);
    for (unsigned i = 0; i < FLOW_WORDS; i++) {
        kw[i] &= mw[i];
    }
}

/* DST |= SRC. */
static inline void flow_mask_or(struct flow_key *dst, const struct flow_key *src)
{
    uint64_t *dw = flow_key_words(dst);
    const uint64_t *sw = flow_key_words_const(src);
    for (unsigned i = 0; i < FLOW_WORDS; i++) {
        dw[i] |= sw[i];
    }
}

/* Some bit is in SUB but not in SUPER: SUPER looks at less than SUB somewhere. */
static inline bool flow_mask_has_extra(const struct flow_key *sub, const struct flow_key *super)
{
    const uint64_t *aw = flow_key_words_const(sub), *bw = flow_key_words_const(super);
    for (unsigned i = 0; i < FLOW_WORDS; i++) {
        if (aw[i] & ~bw[i]) {
            return true;
        }
    }
    return false;
}

static inline bool flow_block_is_zero(const struct flow_key *key, int block)
{
    const uint64_t *w = flow_key_words_const(key) + block * FLOW_BLOCK_WORDS;
    return !(w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]);
}

/* FLOW_BLOCK_BIT of each block of the complete key that is not all zero. */
static inline unsigned flow_key_used_blocks(const struct flow_key *key)
{
    unsigned blocks = 0;
    for (int b = 0; b < FLOW_N_BLOCKS; b++) {
        if (!flow_block_is_zero(key, b)) {
            blocks |= FLOW_BLOCK_BIT(b);
        }
    }
    return blocks;
}

/* Ethernet type the packet has: what its prerequisites are checked against. 0x800 and the like also for a
 * packet without an Ethernet header, whose type says so. */
static inline be16 flow_key_dl_type(const struct flow_key *key)
{
    return (CONST_BE32(key->packet_type) >> 16) == 1 ? CONST_BE16(CONST_BE32(key->packet_type) & 0xffff)
                                                     : key->dl_type;
}

/* Neighbour solicitation or advertisement. */
static inline bool flow_key_is_nd(const struct flow_key *key)
{
    return flow_key_dl_type(key) == CONST_BE16(ETH_TYPE_IPV6) && key->nw_proto == IP_PROTO_ICMPV6 &&
           !key->tp_dst &&
           (key->tp_src == CONST_BE16(ND_NEIGHBOR_SOLICIT) || key->tp_src == CONST_BE16(ND_NEIGHBOR_ADVERT));
}
static inline bool flow_key_is_ip(const struct flow_key *key)
{
    be16 t = flow_key_dl_type(key);
    return t == CONST_BE16(0x0800) || t == CONST_BE16(0x86dd);
}

#endif
