/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, for this folder alone. What waits until the cached flows of a datapath agree with the changes that
 * were made, without anybody waiting: numbers of the datapath that flows may still name (ports, meters) are
 * given back then, and not to another before.
 *
 * Thread-safety: control thread alone. */
#ifndef PIPELINE_SETTLE_H
#define PIPELINE_SETTLE_H 1

#include <stdint.h>

#include "base/list.h"

struct dp_backer;

struct settle_job {
    struct list node;    /* in backer.settle_jobs, in the order in which they came */
    uint64_t generation; /* of the last change that it waits for; 0: the next commit notes that */
    void (*run)(struct settle_job *);
};

/* RUN(JOB) is called once the flows agree with what the next commit publishes and notes, and no forwarding
 * thread is amid the actions that they had before. JOB belongs to RUN. */
void settle_later(struct dp_backer *, struct settle_job *, void (*run)(struct settle_job *));

/* In a commit: all changes have been noted; then, flows may have become settled. */
void settle_noted(struct dp_backer *);
void settle_run(struct dp_backer *);

/* There are no flows any more. */
void settle_all(struct dp_backer *);

#endif
