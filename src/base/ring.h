/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. A bounded queue between threads: fixed-size elements, copied in and out, no lock, no allocation
 * after ring_init(). A push into a full ring and a pop from an empty one fail at once.
 *
 * Each slot carries a sequence number that says whose turn it is: a producer claims position P with a
 * compare-and-swap when the slot's sequence is P, writes, and releases it as P + 1; a consumer takes it when
 * the sequence is P + 1 and gives it back as P + capacity. Thread-safety: any number of producers and of
 * consumers. ring_init() and ring_fini() by the owner alone. */
#ifndef BASE_RING_H
#define BASE_RING_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct ring {
    uint8_t *slots;                    /* immutable: capacity times (sequence, element) */
    size_t slot_size;                  /* immutable */
    size_t element;                    /* immutable: bytes */
    size_t mask;                       /* immutable: capacity - 1 */
    CACHE_ALIGNED _Atomic size_t head; /* atomic: next position to push */
    CACHE_ALIGNED _Atomic size_t tail; /* atomic: next position to pop */
};

/* CAPACITY is rounded up to a power of two, at least 2. */
void ring_init(struct ring *, size_t capacity, size_t element_size);
void ring_fini(struct ring *);
bool ring_push(struct ring *, const void *element);
bool ring_pop(struct ring *, void *element);
/* How many are in there; exact only while nobody pushes or pops. */
size_t ring_count(const struct ring *);

#endif
