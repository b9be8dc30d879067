/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Memory that RCU readers may still look at, collected to be freed some hundred pieces at a time:
 * the pieces need no rcu_head of their own. One thread at a time. */
#ifndef MATCH_RECLAIM_H
#define MATCH_RECLAIM_H 1

#include <stdlib.h>

#include "base/alloc.h"
#include "base/rcu.h"

#define RECLAIM_BATCH 126

struct reclaim_batch {
    struct rcu_head rcu;
    unsigned n;
    void *pieces[RECLAIM_BATCH];
};
struct reclaim {
    struct reclaim_batch *batch; /* NULL: nothing collected */
};

static inline void reclaim_free_batch(struct rcu_head *head)
{
    struct reclaim_batch *batch = CONTAINER_OF(head, struct reclaim_batch, rcu);
    rcu_grace_passed();
    for (unsigned i = 0; i < batch->n; i++) {
        free(batch->pieces[i]);
    }
    free(batch);
}

/* Everything collected so far will be freed. */
static inline void reclaim_flush(struct reclaim *reclaim)
{
    if (reclaim->batch) {
        rcu_postpone(&reclaim->batch->rcu, reclaim_free_batch);
        reclaim->batch = NULL;
    }
}

/* PIECE, of malloc(), is unlinked and is to be freed once no reader can have it. */
static inline void reclaim_add(struct reclaim *reclaim, void *piece)
{
    if (!piece) {
        return;
    }
    if (!reclaim->batch) {
        reclaim->batch = (struct reclaim_batch *)xmalloc(sizeof *reclaim->batch);
        reclaim->batch->n = 0;
    }
    reclaim->batch->pieces[reclaim->batch->n++] = piece;
    if (reclaim->batch->n == RECLAIM_BATCH) {
        reclaim_flush(reclaim);
    }
}

#endif
