/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 1. When to connect, to probe and to give up: the state machine behind everything that keeps a
 * connection up. It holds no connection: its owner tells it what happened, and does what reconnect_run()
 * answers.
 *
 *   VOID -> BACKOFF -> CONNECTING (or LISTENING) -> ACTIVE <-> IDLE, and back to BACKOFF from each.
 *
 * Back-off: 1 s, then twice as long each time to `max_backoff_ms`; a connection that lasted longer than its
 * back-off begins with 1 s again. Nothing received for the probe interval: a probe; nothing for another:
 * dead. It logs as module `reconnect` what the reference logs there. Thread-safety: none; its owner's thread.
 */
#ifndef IO_RECONNECT_H
#define IO_RECONNECT_H 1

#include <stdbool.h>
#include <stdint.h>

enum reconnect_state {
    RECONNECT_VOID, /* disabled */
    RECONNECT_BACKOFF,
    RECONNECT_CONNECTING,
    RECONNECT_ACTIVE,
    RECONNECT_IDLE, /* a probe has been sent */
    RECONNECT_LISTENING,
};

enum reconnect_action {
    RECONNECT_NOTHING,
    RECONNECT_CONNECT,
    RECONNECT_DISCONNECT,
    RECONNECT_PROBE
};

struct reconnect {
    char *name;
    bool passive;
    bool quiet; /* logs at level DBG what would be INFO */
    enum reconnect_state state;
    int64_t state_entered_ms;
    int min_backoff_ms, max_backoff_ms, backoff_ms, probe_interval_ms;
    int64_t last_activity_ms, last_connected_ms, last_disconnected_ms;
    unsigned max_tries;          /* attempts that are left; UINT_MAX: no limit */
    unsigned backoff_free_tries; /* attempts without waiting: one for each of several remotes */
    unsigned n_attempts, n_connected;
    uint64_t total_connected_ms;
};

void reconnect_init(struct reconnect *, int64_t now_ms);
void reconnect_fini(struct reconnect *);
void reconnect_set_name(struct reconnect *, const char *);
void reconnect_enable(struct reconnect *, int64_t now_ms);  /* from VOID: connects at once */
void reconnect_disable(struct reconnect *, int64_t now_ms); /* the owner drops its connection */
void reconnect_force(struct reconnect *,
                     int64_t now_ms); /* reconnects at once: the owner drops its connection */

/* What happened. ERROR is an errno, ERROR_EOF, or 0. */
void reconnect_connecting(struct reconnect *, int64_t now_ms);
void reconnect_listening(struct reconnect *, int64_t now_ms);
void reconnect_connected(struct reconnect *, int64_t now_ms);
void reconnect_connect_failed(struct reconnect *, int64_t now_ms, int error);
void reconnect_listen_failed(struct reconnect *, int64_t now_ms, int error);
void reconnect_disconnected(struct reconnect *, int64_t now_ms, int error);
void reconnect_activity(struct reconnect *, int64_t now_ms);

/* What to do now. PROBE: send something that is answered. DISCONNECT: then say reconnect_disconnected(). */
enum reconnect_action reconnect_run(struct reconnect *, int64_t now_ms);
/* When reconnect_run() has something to say next; TASK_NEVER if only an event can change that. */
int64_t reconnect_due_ms(const struct reconnect *);

bool reconnect_is_connected(const struct reconnect *);
const char *reconnect_state_name(enum reconnect_state);

#endif
