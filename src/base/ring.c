/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static _Atomic size_t *sequence_of(const struct ring *ring, size_t position)
{
    return (_Atomic size_t *)(void *)(ring->slots + (position & ring->mask) * ring->slot_size);
}

static uint8_t *element_of(const struct ring *ring, size_t position)
{
    return ring->slots + (position & ring->mask) * ring->slot_size + sizeof(size_t);
}

void ring_init(struct ring *ring, size_t capacity, size_t element_size)
{
    size_t n = 2;
    while (n < capacity) {
        n *= 2;
    }
    ring->mask = n - 1;
    ring->element = element_size;
    ring->slot_size = ROUND_UP(sizeof(size_t) + element_size, sizeof(size_t));
    ring->slots = xzalloc_cacheline(n * ring->slot_size);
    for (size_t i = 0; i < n; i++) {
        atomic_store_explicit(sequence_of(ring, i), i, memory_order_relaxed);
    }
    atomic_store(&ring->head, 0);
    atomic_store(&ring->tail, 0);
}

void ring_fini(struct ring *ring)
{
    if (ring) {
        free(ring->slots);
        ring->slots = NULL;
    }
}

bool ring_push(struct ring *ring, const void *element)
{
    size_t position = atomic_load_explicit(&ring->head, memory_order_relaxed);
    for (;;) {
        size_t sequence = atomic_load_explicit(sequence_of(ring, position), memory_order_acquire);
        if (sequence == position) {
            if (atomic_compare_exchange_weak_explicit(&ring->head, &position, position + 1,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                memcpy(element_of(ring, position), element, ring->element);
                atomic_store_explicit(sequence_of(ring, position), position + 1, memory_order_release);
                return true;
            }
        } else if ((ptrdiff_t)(sequence - position) < 0) {
            return false;
        } else {
            position = atomic_load_explicit(&ring->head, memory_order_relaxed);
        }
    }
}

bool ring_pop(struct ring *ring, void *element)
{
    size_t position = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (;;) {
        size_t sequence = atomic_load_explicit(sequence_of(ring, position), memory_order_acquire);
        if (sequence == position + 1) {
            if (atomic_compare_exchange_weak_explicit(&ring->tail, &position, position + 1,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                memcpy(element, element_of(ring, position), ring->element);
                atomic_store_explicit(sequence_of(ring, position), position + ring->mask + 1,
                                      memory_order_release);
                return true;
            }
        } else if ((ptrdiff_t)(sequence - (position + 1)) < 0) {
            return false;
        } else {
            position = atomic_load_explicit(&ring->tail, memory_order_relaxed);
        }
    }
}

size_t ring_count(const struct ring *ring)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    return head >= tail ? head - tail : 0;
}
