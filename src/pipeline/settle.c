/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/settle.h"

#include "base/rcu.h"
#include "pipeline/changes.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/slow_path.h"

void settle_later(struct dp_backer *backer, struct settle_job *job, void (*run)(struct settle_job *))
{
    job->generation = 0;
    job->run = run;
    list_push_back(&backer->settle_jobs, &job->node);
}

void settle_noted(struct dp_backer *backer)
{
    struct settle_job *job;
    LIST_FOR_EACH (job, node, &backer->settle_jobs) {
        if (!job->generation) {
            job->generation = changes_generation(backer->changes);
        }
    }
}

static struct settle_job *first(const struct dp_backer *backer)
{
    return list_is_empty(&backer->settle_jobs)
               ? NULL
               : CONTAINER_OF(list_front(&backer->settle_jobs), struct settle_job, node);
}

static bool is_due(const struct dp_backer *backer, const struct settle_job *job)
{
    return job && job->generation && slow_path_is_settled(backer->slow_path, job->generation);
}

void settle_run(struct dp_backer *backer)
{
    struct settle_job *job = first(backer);
    if (!job) {
        return;
    }
    if (is_due(backer, job) && !backer->dp->ops->is_inline) {
        rcu_synchronize(); /* whoever is amid the actions of before: microseconds */
    }
    while (is_due(backer, job)) {
        list_remove(&job->node);
        job->run(job);
        job = first(backer);
    }
    if (job) {
        slow_path_under_way(backer->slow_path); /* to be told */
    }
}

void settle_all(struct dp_backer *backer)
{
    struct settle_job *job;
    while ((job = first(backer))) {
        list_remove(&job->node);
        job->run(job);
    }
}
