/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 0. Who holds how many of what, for `memory/show` and the log: folders register a function that adds
 * their figures ("ports", "rules", "ofconns", ...). Figures of the same name add up.
 * Thread-safety: the control thread. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H 1

#include <stdint.h>

#include "base/strmap.h"

struct memory_usage {
    struct strmap figures; /* name -> uint64_t, ours */
};

typedef void memory_report_fn(struct memory_usage *, void *aux);

void memory_register(memory_report_fn *, void *aux);
void memory_unregister(memory_report_fn *, void *aux);
void memory_usage_add(struct memory_usage *, const char *name, uint64_t count);
/* All figures, "NAME:COUNT" by name with spaces between, the caller's to free; "" if there are none. */
char *memory_show(void);

/* The peak resident set size of the process, kB; 0 if the kernel does not say. */
uint64_t memory_peak_kb(void);

#endif
