/* SPDX-License-Identifier: Apache-2.0 */
#include "io/reconnect.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "base/task.h"

LOG_MODULE(reconnect);

static const char *const state_names[] = {
    [RECONNECT_VOID] = "VOID",     [RECONNECT_BACKOFF] = "BACKOFF", [RECONNECT_CONNECTING] = "CONNECTING",
    [RECONNECT_ACTIVE] = "ACTIVE", [RECONNECT_IDLE] = "IDLE",       [RECONNECT_LISTENING] = "LISTENING",
};

#define SAY(R, LEVEL, ...)                                                                                   \
    do {                                                                                                     \
        if ((R)->quiet) {                                                                                    \
            LOG_DBG(__VA_ARGS__);                                                                            \
        } else {                                                                                             \
            LOG_##LEVEL(__VA_ARGS__);                                                                        \
        }                                                                                                    \
    } while (0)

const char *reconnect_state_name(enum reconnect_state state)
{
    return state_names[state];
}

void reconnect_init(struct reconnect *r, int64_t now_ms)
{
    *r = (struct reconnect){
        .name = xstrdup("void"),
        .state = RECONNECT_VOID,
        .state_entered_ms = now_ms,
        .min_backoff_ms = 1000,
        .max_backoff_ms = 8000,
        .probe_interval_ms = 5000,
        .last_activity_ms = now_ms,
        .last_connected_ms = INT64_MAX,
        .last_disconnected_ms = INT64_MAX,
        .max_tries = UINT_MAX,
    };
}

void reconnect_fini(struct reconnect *r)
{
    free(r->name);
    r->name = NULL;
}

void reconnect_set_name(struct reconnect *r, const char *name)
{
    free(r->name);
    r->name = xstrdup(name);
}

bool reconnect_is_connected(const struct reconnect *r)
{
    return r->state == RECONNECT_ACTIVE || r->state == RECONNECT_IDLE;
}

static void enter(struct reconnect *r, int64_t now, enum reconnect_state state)
{
    bool was = reconnect_is_connected(r), is = state == RECONNECT_ACTIVE || state == RECONNECT_IDLE;
    if (was && !is) {
        r->total_connected_ms += (uint64_t)(now - r->last_connected_ms);
        r->last_disconnected_ms = now;
    } else if (!was && is) {
        r->last_connected_ms = now;
        r->n_connected++;
    }
    LOG_DBG("%s: entering %s", r->name, state_names[state]);
    r->state = state;
    r->state_entered_ms = now;
}

void reconnect_enable(struct reconnect *r, int64_t now)
{
    if (r->state == RECONNECT_VOID && r->max_tries) {
        enter(r, now, RECONNECT_BACKOFF);
        r->backoff_ms = 0;
    }
}

void reconnect_disable(struct reconnect *r, int64_t now)
{
    if (r->state != RECONNECT_VOID) {
        enter(r, now, RECONNECT_VOID);
    }
}

void reconnect_force(struct reconnect *r, int64_t now)
{
    if (r->state != RECONNECT_VOID) {
        if (reconnect_is_connected(r)) {
            enter(r, now, RECONNECT_BACKOFF);
        }
        r->backoff_ms = 0;
        enter(r, now, RECONNECT_BACKOFF);
    }
}

void reconnect_connecting(struct reconnect *r, int64_t now)
{
    if (r->state == RECONNECT_CONNECTING) {
        return;
    }
    if (r->backoff_ms < r->max_backoff_ms) {
        SAY(r, INFO, "%s: connecting...", r->name);
    } else {
        LOG_DBG("%s: connecting...", r->name);
    }
    r->n_attempts++;
    enter(r, now, RECONNECT_CONNECTING);
}

void reconnect_listening(struct reconnect *r, int64_t now)
{
    if (r->state != RECONNECT_LISTENING) {
        SAY(r, INFO, "%s: listening...", r->name);
        enter(r, now, RECONNECT_LISTENING);
    }
}

void reconnect_connected(struct reconnect *r, int64_t now)
{
    if (!reconnect_is_connected(r)) {
        reconnect_connecting(r, now);
        SAY(r, INFO, "%s: connected", r->name);
        enter(r, now, RECONNECT_ACTIVE);
        r->last_activity_ms = now;
    }
}

static void say_why(struct reconnect *r, int error, int64_t now)
{
    if (reconnect_is_connected(r)) {
        if (error > 0) {
            SAY(r, WARN, "%s: connection dropped (%s)", r->name, error_text(error));
        } else if (error == ERROR_EOF) {
            SAY(r, INFO, "%s: connection closed by peer", r->name);
        } else {
            SAY(r, INFO, "%s: connection dropped", r->name);
        }
    } else if (r->state == RECONNECT_LISTENING) {
        if (error > 0) {
            SAY(r, WARN, "%s: error listening for connections (%s)", r->name, error_text(error));
        } else {
            SAY(r, INFO, "%s: error listening for connections", r->name);
        }
    } else if (r->state == RECONNECT_CONNECTING && r->backoff_ms < r->max_backoff_ms) {
        const char *kind = r->passive ? "listen" : "connection";
        if (error > 0) {
            SAY(r, INFO, "%s: %s attempt failed (%s)", r->name, kind, error_text(error));
        } else {
            SAY(r, INFO, "%s: %s attempt timed out", r->name, kind);
        }
    }
}

/* How long to wait before the next attempt: nothing after a connection that lasted. */
static void choose_backoff(struct reconnect *r, int64_t now)
{
    bool lasted = reconnect_is_connected(r) && now - r->last_connected_ms >= r->backoff_ms;
    if (r->passive && lasted) {
        r->backoff_ms = 0;
    } else if (r->backoff_free_tries) {
        r->backoff_free_tries--;
        r->backoff_ms = 0;
    } else if (r->backoff_ms < r->min_backoff_ms || lasted) {
        r->backoff_ms = r->min_backoff_ms;
    } else if (r->backoff_ms >= r->max_backoff_ms / 2) {
        r->backoff_ms = r->max_backoff_ms;
        SAY(r, INFO, "%s: continuing to %s in the background but suppressing further logging", r->name,
            r->passive ? "try to listen" : "reconnect");
        return;
    } else {
        r->backoff_ms *= 2;
    }
    if (r->backoff_ms > r->min_backoff_ms && r->backoff_ms < r->max_backoff_ms) {
        SAY(r, INFO, "%s: waiting %.3g seconds before %s", r->name, r->backoff_ms / 1000.0,
            r->passive ? "trying to listen again" : "reconnect");
    }
}

void reconnect_disconnected(struct reconnect *r, int64_t now, int error)
{
    if (r->state == RECONNECT_BACKOFF || r->state == RECONNECT_VOID) {
        return;
    }
    say_why(r, error, now);
    if (r->max_tries != UINT_MAX && r->max_tries) {
        r->max_tries--;
    }
    if (!r->max_tries) {
        enter(r, now, RECONNECT_VOID);
        return;
    }
    if (r->backoff_ms < r->max_backoff_ms || reconnect_is_connected(r)) {
        choose_backoff(r, now);
    }
    enter(r, now, RECONNECT_BACKOFF);
}

void reconnect_connect_failed(struct reconnect *r, int64_t now, int error)
{
    reconnect_connecting(r, now);
    reconnect_disconnected(r, now, error);
}

void reconnect_listen_failed(struct reconnect *r, int64_t now, int error)
{
    reconnect_listening(r, now);
    reconnect_disconnected(r, now, error);
}

void reconnect_activity(struct reconnect *r, int64_t now)
{
    if (r->state == RECONNECT_IDLE) {
        enter(r, now, RECONNECT_ACTIVE);
    }
    r->last_activity_ms = now;
}

int64_t reconnect_due_ms(const struct reconnect *r)
{
    switch (r->state) {
    case RECONNECT_BACKOFF:
        return r->state_entered_ms + r->backoff_ms;
    case RECONNECT_CONNECTING:
        return r->state_entered_ms + MAX(1000, r->backoff_ms);
    case RECONNECT_ACTIVE:
        return r->probe_interval_ms ? MAX(r->last_activity_ms, r->state_entered_ms) + r->probe_interval_ms
                                    : TASK_NEVER;
    case RECONNECT_IDLE:
        return r->probe_interval_ms ? r->state_entered_ms + r->probe_interval_ms : TASK_NEVER;
    case RECONNECT_VOID:
    case RECONNECT_LISTENING:
        break;
    }
    return TASK_NEVER;
}

enum reconnect_action reconnect_run(struct reconnect *r, int64_t now)
{
    if (now < reconnect_due_ms(r)) {
        return RECONNECT_NOTHING;
    }
    switch (r->state) {
    case RECONNECT_BACKOFF:
        return RECONNECT_CONNECT;
    case RECONNECT_CONNECTING:
        return RECONNECT_DISCONNECT;
    case RECONNECT_ACTIVE:
        LOG_DBG("%s: idle %lld ms, sending inactivity probe", r->name,
                (long long)(now - MAX(r->last_activity_ms, r->state_entered_ms)));
        enter(r, now, RECONNECT_IDLE);
        return RECONNECT_PROBE;
    case RECONNECT_IDLE:
        SAY(r, ERR, "%s: no response to inactivity probe after %.3g seconds, disconnecting", r->name,
            (now - r->state_entered_ms) / 1000.0);
        return RECONNECT_DISCONNECT;
    case RECONNECT_VOID:
    case RECONNECT_LISTENING:
        break;
    }
    return RECONNECT_NOTHING;
}
