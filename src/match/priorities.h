/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The priorities of a subtable's rules: a bag of integers that knows its greatest. Adding and
 * removing cost the logarithm of the number of distinct ones. Thread-safety: none; the owner serialises. */
#ifndef MATCH_PRIORITIES_H
#define MATCH_PRIORITIES_H 1

#include <stddef.h>

#include "base/hmap.h"

struct priorities {
    struct hmap counts;           /* of struct priority_count, also those of count 0 that are in the heap */
    struct priority_count **heap; /* the greatest first; at its top a count > 0 */
    size_t n_heap, allocated;
};

void priorities_init(struct priorities *);
void priorities_fini(struct priorities *);
void priorities_add(struct priorities *, int priority);
void priorities_remove(struct priorities *, int priority); /* it is there */
int priorities_max(const struct priorities *);             /* INT_MIN if there is none */

#endif
