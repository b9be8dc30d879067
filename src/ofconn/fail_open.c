/* SPDX-License-Identifier: Apache-2.0 */
/* A standalone switch whose controllers are all gone forwards by itself: one hidden rule, above all that
 * anybody can add, treats every packet as NORMAL does, and what the controllers had made is gone. It goes
 * when a controller works again: not when one is merely connected, but when it sends what a controller sends,
 * or stays for half a minute. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(fail_open);

#define PRIORITY         15790320 /* 0xf0f0f0, as dumps show it */
#define DEFAULT_PROBE_MS 5000
#define BOGUS_AFTER_MS   2000

static void set_rule(struct ofservice *s, bool there)
{
    struct match everything;
    match_init_catchall(&everything);
    s->fail_open.active = there;
    if (s->handlers->hidden_rule) {
        s->handlers->hidden_rule(s->switch_, &everything, PRIORITY, -1, there);
    }
}

/* A controller that is connected but does not work is tempted. True: there is one. */
static bool tempt(struct ofservice *s)
{
    bool found = false;
    struct ofcontroller *controller;
    LIST_FOR_EACH (controller, node, &s->controllers) {
        if (!controller->s.service && controller->conn && !controller->admitted) {
            found |= ofconn_send_bogus_packet_in(controller->conn);
        }
    }
    return found;
}

/* The shortest failure of the primary controllers, and after how long the switch takes over. */
static bool measure(const struct ofservice *s, int64_t *failure, int64_t *trigger)
{
    const struct ofcontroller *controller;
    int probe = 0;
    bool any = false;
    *failure = INT64_MAX;
    LIST_FOR_EACH (controller, node, &s->controllers) {
        if (!controller->s.service) {
            any = true;
            *failure = MIN(*failure, controller_failure_ms(controller));
            probe = MAX(probe, controller->s.probe_ms);
        }
    }
    *trigger = 3 * (int64_t)(probe ? probe : DEFAULT_PROBE_MS);
    return any;
}

void fail_open_check(struct ofservice *s)
{
    struct fail_open *f = &s->fail_open;
    int64_t failure, trigger, now = clock_ms();
    bool primaries = measure(s, &failure, &trigger);
    if (!f->standalone || !primaries) {
        if (f->active) {
            set_rule(s, false);
        }
        task_cancel(&f->due);
        return;
    }
    if (f->active && !failure) {
        LOG_WARN("%s: No longer in fail-open mode", s->name);
        set_rule(s, false);
    } else if (!f->active && failure >= trigger) {
        LOG_WARN(
            "%s: Could not connect to controller (or switch failed controller's post-connection admission "
            "control policy) for %" PRId64 " seconds, failing open",
            s->name, failure / 1000);
        if (s->handlers->flush) {
            s->handlers->flush(s->switch_); /* whoever comes back begins anew */
        }
        set_rule(s, true);
        f->bogus_ms = now + BOGUS_AFTER_MS;
    }
    if (f->active && now >= f->bogus_ms) {
        tempt(s);
        f->bogus_ms = now + BOGUS_AFTER_MS;
    }
    /* When to look again: a controller that works begins to fail when it is disconnected, which calls here.
     */
    int64_t due = f->active ? f->bogus_ms : failure ? now + MAX(trigger - failure, 1) : INT64_MAX;
    task_schedule(loop_tasks(s->loop), &f->due, due);
}

static void run_due(struct task *task)
{
    struct fail_open *f = OBJECT_OF(task, f, due);
    fail_open_check(CONTAINER_OF(f, struct ofservice, fail_open));
}

void fail_open_init(struct ofservice *s)
{
    s->fail_open = (struct fail_open){.bogus_ms = INT64_MAX};
    task_init(&s->fail_open.due, "fail-open", run_due);
}

void fail_open_fini(struct ofservice *s)
{
    task_cancel(&s->fail_open.due);
}

void ofservice_set_fail_mode(struct ofservice *s, bool standalone)
{
    s->fail_open.standalone = standalone;
    fail_open_check(s);
}
