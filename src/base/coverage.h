/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Counters of how often something happened, for `coverage/show` and `coverage/read-counter`.
 *
 *   COVERAGE_DEFINE(flow_extract);     once, at file scope
 *   COVERAGE_INC(flow_extract);        an increment of this thread's own cell: cheap enough for the fast path
 *
 * The same name may be defined in several files: they count together. Averages over 5 seconds, a minute and
 * an hour come from coverage_run(), which the control thread calls about once a second. Thread-safety:
 * COVERAGE_INC and COVERAGE_ADD any thread; coverage_run() one thread; the texts any thread. */
#ifndef BASE_COVERAGE_H
#define BASE_COVERAGE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    COVERAGE_MAX = 512
};

struct coverage_counter {
    const char *name;
    uint32_t index; /* in each thread's cells */
};

/* This thread's cells; they are added up by readers and kept when the thread ends. */
struct coverage_cells {
    bool registered;
    uint64_t count[COVERAGE_MAX];
};
extern __thread struct coverage_cells coverage_cells;

void coverage_register_counter(struct coverage_counter *);
void coverage_register_thread(void);

#define COVERAGE_DEFINE(NAME)                                                                                \
    static struct coverage_counter coverage_##NAME = {.name = #NAME};                                        \
    __attribute__((constructor)) static void coverage_register_##NAME(void)                                  \
    {                                                                                                        \
        coverage_register_counter(&coverage_##NAME);                                                         \
    }                                                                                                        \
    extern int coverage_swallow_semicolon

#define COVERAGE_ADD(NAME, N)                                                                                \
    do {                                                                                                     \
        if (unlikely(!coverage_cells.registered)) {                                                          \
            coverage_register_thread();                                                                      \
        }                                                                                                    \
        uint64_t *coverage_cell__ = &coverage_cells.count[coverage_##NAME.index];                            \
        __atomic_store_n(coverage_cell__, *coverage_cell__ + (uint64_t)(N), __ATOMIC_RELAXED);               \
    } while (0)
#define COVERAGE_INC(NAME) COVERAGE_ADD(NAME, 1)

/* Takes the samples that are due at NOW_MS (clock_ms()): one every 5 seconds. */
void coverage_run(int64_t now_ms);
char *coverage_show(void);                                     /* the text of `coverage/show` */
bool coverage_read_counter(const char *name, uint64_t *count); /* false: no such counter */

#endif
