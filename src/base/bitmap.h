/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Arrays of bits, held in `unsigned long` words by the caller. Header-only, free of libc beyond
 * memory. Thread-safety: none; the owner serialises. */
#ifndef BASE_BITMAP_H
#define BASE_BITMAP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"

#define BITMAP_WORD_BITS       (sizeof(unsigned long) * 8)
#define BITMAP_N_WORDS(N_BITS) (((N_BITS) + BITMAP_WORD_BITS - 1) / BITMAP_WORD_BITS)
#define BITMAP_WORD(MAP, BIT)  ((MAP)[(BIT) / BITMAP_WORD_BITS])
#define BITMAP_MASK(BIT)       (1ul << ((BIT) % BITMAP_WORD_BITS))

static inline unsigned long *bitmap_create(size_t n_bits) /* all 0; free with free() */
{
    return (unsigned long *)xcalloc(BITMAP_N_WORDS(n_bits), sizeof(unsigned long));
}
static inline bool bitmap_is_set(const unsigned long *map, size_t bit)
{
    return (BITMAP_WORD(map, bit) & BITMAP_MASK(bit)) != 0;
}
static inline void bitmap_set(unsigned long *map, size_t bit)
{
    BITMAP_WORD(map, bit) |= BITMAP_MASK(bit);
}
static inline void bitmap_clear(unsigned long *map, size_t bit)
{
    BITMAP_WORD(map, bit) &= ~BITMAP_MASK(bit);
}
static inline void bitmap_set_to(unsigned long *map, size_t bit, bool value)
{
    if (value) {
        bitmap_set(map, bit);
    } else {
        bitmap_clear(map, bit);
    }
}
static inline void bitmap_set_range(unsigned long *map, size_t start, size_t n, bool value)
{
    for (size_t i = start; i < start + n; i++) {
        bitmap_set_to(map, i, value);
    }
}
/* The first bit from START on, below N_BITS, that is VALUE; N_BITS if none. */
static inline size_t bitmap_scan(const unsigned long *map, bool value, size_t start, size_t n_bits)
{
    size_t bit = start;
    while (bit < n_bits) {
        unsigned long word =
            (value ? BITMAP_WORD(map, bit) : ~BITMAP_WORD(map, bit)) >> (bit % BITMAP_WORD_BITS);
        if (word) {
            bit += (size_t)__builtin_ctzl(word);
            return bit < n_bits ? bit : n_bits;
        }
        bit = (bit / BITMAP_WORD_BITS + 1) * BITMAP_WORD_BITS;
    }
    return n_bits;
}
static inline size_t bitmap_count(const unsigned long *map, size_t n_bits)
{
    size_t n = 0;
    for (size_t bit = bitmap_scan(map, true, 0, n_bits); bit < n_bits;
         bit = bitmap_scan(map, true, bit + 1, n_bits)) {
        n++;
    }
    return n;
}
static inline bool bitmap_is_empty(const unsigned long *map, size_t n_bits)
{
    return bitmap_scan(map, true, 0, n_bits) == n_bits;
}
/* Compares the bits below N_BITS; what lies above them in the last word does not count. */
static inline bool bitmap_equal(const unsigned long *a, const unsigned long *b, size_t n_bits)
{
    size_t whole = n_bits / BITMAP_WORD_BITS, rest = n_bits % BITMAP_WORD_BITS;
    return !memcmp(a, b, whole * sizeof *a) && (!rest || !((a[whole] ^ b[whole]) & ((1ul << rest) - 1)));
}
static inline unsigned long *bitmap_clone(const unsigned long *map, size_t n_bits)
{
    return (unsigned long *)xmemdup(map, BITMAP_N_WORDS(n_bits) * sizeof *map);
}

#define BITMAP_FOR_EACH(BIT, N_BITS, MAP)                                                                    \
    for ((BIT) = bitmap_scan((MAP), true, 0, (N_BITS)); (BIT) < (N_BITS);                                    \
         (BIT) = bitmap_scan((MAP), true, (BIT) + 1, (N_BITS)))

#endif
