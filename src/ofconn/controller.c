/* SPDX-License-Identifier: Apache-2.0 */
/* The targets of Controller rows. An active one is connected to, again and again with back-off; a passive one
 * is listened on. A connection counts from its agreed version on, not from the socket's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ofconn/private.h"

LOG_MODULE(rconn);

#define OPENFLOW_PORT     6653
#define MAX_SESSIONS      256 /* of one passive target */
#define LISTEN_AGAIN_MS   5000
#define ADMITTED_AFTER_MS 30000 /* who is connected for so long does a controller's work */

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(5, 20);

void ofservice_status_changed(struct ofservice *s)
{
    if (s->status_changed) {
        s->status_changed(s->status_aux);
    }
}

void ofservice_on_status(struct ofservice *s, void (*changed)(void *aux), void *aux)
{
    s->status_changed = changed;
    s->status_aux = aux;
}

/* ------------------------------------------------------------------ active */

static void schedule(struct ofcontroller *t)
{
    task_schedule(loop_tasks(t->service->loop), &t->due, reconnect_due_ms(&t->state));
}

/* What the log says while attempts are not yet too many to be told. */
static bool is_loud(const struct ofcontroller *t)
{
    return t->state.backoff_ms < t->state.max_backoff_ms;
}

/* The attempt or the connection is over. */
static void lost(struct ofcontroller *t, int error)
{
    struct reconnect *r = &t->state;
    bool was_connected = reconnect_is_connected(r), loud = is_loud(t);
    int64_t now = clock_ms();
    const char *why = error == ERROR_EOF ? "End of file" : error > 0 ? error_text(error) : "no details";
    if (was_connected) {
        t->disconnected_ms = now;
        if (error == ERROR_EOF) {
            LOG_INFO("%s: connection closed by peer", t->name);
        } else if (error > 0) {
            LOG_WARN("%s: connection dropped (%s)", t->name, why);
        } else {
            LOG_INFO("%s: disconnecting", t->name);
        }
    } else if (loud && error == ETIMEDOUT) {
        LOG_INFO("%s: connection timed out", t->name);
    } else if (loud) {
        LOG_WARN("%s: connection failed (%s)", t->name, why);
    }
    t->admitted = false;
    t->last_error = error;
    reconnect_disconnected(r, now, error);
    if (r->backoff_ms > r->min_backoff_ms && is_loud(t)) {
        LOG_INFO("%s: waiting %d seconds before reconnect", t->name, r->backoff_ms / 1000);
    } else if (loud && !is_loud(t) && r->max_backoff_ms > r->min_backoff_ms) {
        LOG_INFO("%s: continuing to retry connections in the background but suppressing further logging",
                 t->name);
    }
    schedule(t);
    ofservice_status_changed(t->service);
    fail_open_check(t->service);
}

/* The socket is connected, or never will be. */
static void connecting_ready(void *aux)
{
    struct ofcontroller *t = aux;
    int error = stream_connect(t->connecting);
    if (error == EAGAIN) {
        stream_want(t->connecting, STREAM_CONNECT);
        return;
    }
    struct stream *stream = t->connecting;
    t->connecting = NULL;
    if (error) {
        stream_close(stream);
        lost(t, error);
        return;
    }
    ofconn_create(t->service, t, stream, false);
}

static void connect_now(struct ofcontroller *t)
{
    if (is_loud(t)) {
        LOG_INFO("%s: connecting...", t->name);
    }
    reconnect_connecting(&t->state, clock_ms());
    int error = stream_open(t->target, OPENFLOW_PORT, t->s.dscp, &t->connecting);
    if (error) {
        t->connecting = NULL;
        lost(t, error);
        return;
    }
    ofservice_status_changed(t->service);
    schedule(t);
    stream_watch(t->connecting, t->service->loop, connecting_ready, t);
    connecting_ready(t);
}

/* Whatever there is of a connection goes. */
static void drop(struct ofcontroller *t, int error)
{
    if (t->connecting) {
        stream_close(t->connecting);
        t->connecting = NULL;
        lost(t, error);
    } else if (t->conn) {
        t->conn->end_error = error;
        ofconn_destroy(t->conn); /* calls controller_disconnected() */
    }
}

static void run_due(struct task *task)
{
    struct ofcontroller *t = OBJECT_OF(task, t, due);
    switch (reconnect_run(&t->state, clock_ms())) {
    case RECONNECT_CONNECT:
        connect_now(t);
        break;
    case RECONNECT_DISCONNECT:
        drop(t, ETIMEDOUT);
        break;
    case RECONNECT_PROBE:
    case RECONNECT_NOTHING:
        schedule(t);
        break;
    }
}

void controller_connected(struct ofcontroller *t, struct ofconn *c)
{
    if (!t->passive) {
        LOG_INFO("%s: connected", t->name);
        t->connected_ms = clock_ms();
        reconnect_connected(&t->state, t->connected_ms);
        schedule(t);
        snoop_begin(c);
    }
    controller_status_changed(t, c, true, CONTROLLER_STATUS_CHANNEL);
    ofservice_status_changed(t->service);
    fail_open_check(t->service);
}

void controller_disconnected(struct ofcontroller *t, struct ofconn *c)
{
    if (c->version) {
        controller_status_changed(t, c, false, CONTROLLER_STATUS_CHANNEL);
    }
    if (t->passive) {
        ofservice_status_changed(t->service);
    } else if (t->conn == c) {
        t->conn = NULL;
        lost(t, c->end_error);
    }
}

/* What every client says, a mere probe of the switch too. */
static bool is_mere_talk(enum ofptype type)
{
    return type == OFPTYPE_HELLO || type == OFPTYPE_ERROR || type == OFPTYPE_ECHO_REQUEST ||
           type == OFPTYPE_ECHO_REPLY || type == OFPTYPE_FEATURES_REQUEST ||
           type == OFPTYPE_GET_CONFIG_REQUEST || type == OFPTYPE_SET_CONFIG;
}

void controller_received(struct ofcontroller *t, enum ofptype type)
{
    if (t->passive) {
        return;
    }
    int64_t now = clock_ms();
    if (t->admitted) {
        t->admitted_ms = now;
    } else if (!is_mere_talk(type) || now - t->connected_ms >= ADMITTED_AFTER_MS) {
        t->admitted = true;
        t->admitted_ms = now;
        fail_open_check(t->service);
    }
}

int64_t controller_failure_ms(const struct ofcontroller *t)
{
    return t->admitted ? 0 : MAX(clock_ms() - t->admitted_ms, 1);
}

/* ------------------------------------------------------------------ passive */

static size_t n_sessions(const struct ofcontroller *t)
{
    size_t n = 0;
    const struct ofconn *c;
    LIST_FOR_EACH (c, node, &t->service->conns) {
        n += c->controller == t;
    }
    return n;
}

static void accepted(struct stream *stream, void *aux)
{
    struct ofcontroller *t = aux;
    if (n_sessions(t) >= MAX_SESSIONS) {
        LOG_WARN_RL(&rl, "%s: refusing a session: there are %d already", t->name, MAX_SESSIONS);
        stream_close(stream);
        return;
    }
    ofconn_create(t->service, t, stream, false);
}

static void listen_now(struct ofcontroller *t)
{
    char *error = NULL;
    int code = listener_open(t->target, OPENFLOW_PORT, t->s.dscp, t->service->loop, accepted, t, &t->listener,
                             &error);
    t->last_error = code;
    if (!code) {
        if (listener_port(t->listener)) {
            LOG_INFO("%s: listening on port %u", t->name, listener_port(t->listener));
        } else {
            LOG_INFO("%s: listening", t->name);
        }
    } else {
        if (!t->listen_error || strcmp(t->listen_error, error ? error : "")) {
            LOG_ERR("%s: cannot listen: %s", t->name, error ? error : error_text(code));
        }
        free(t->listen_error);
        t->listen_error = error;
        error = NULL;
        task_schedule_in(loop_tasks(t->service->loop), &t->due, LISTEN_AGAIN_MS);
    }
    free(error);
}

static void run_listen(struct task *task)
{
    struct ofcontroller *t = OBJECT_OF(task, t, due);
    listen_now(t);
}

/* ------------------------------------------------------------------ the set of them */

static void apply_settings(struct ofcontroller *t, const struct ofcontroller_settings *s)
{
    t->s = *s;
    t->s.target = t->target;
    t->state.max_backoff_ms = MAX(s->max_backoff_ms, t->state.min_backoff_ms);
    t->state.backoff_ms = MIN(t->state.backoff_ms, t->state.max_backoff_ms);
    struct ofconn *c;
    LIST_FOR_EACH (c, node, &t->service->conns) {
        if (c->controller == t) {
            ofconn_set_probe(c, s->probe_ms);
            ofconn_packet_in_limits(c, s);
        }
    }
    if (!t->passive) {
        schedule(t);
    }
}

static void controller_create(struct ofservice *s, const struct ofcontroller_settings *settings)
{
    struct ofcontroller *t = xzalloc(sizeof *t);
    int64_t now = clock_ms();
    t->service = s;
    t->target = xstrdup(settings->target);
    t->name = xasprintf("%s<->%s", s->name, settings->target);
    t->passive = stream_name_is_passive(settings->target);
    t->connected_ms = t->disconnected_ms = INT64_MIN;
    t->admitted_ms = now;
    list_push_back(&s->controllers, &t->node);
    reconnect_init(&t->state, now);
    reconnect_set_name(&t->state, t->name);
    t->state.quiet = true; /* what happens is logged here */
    t->state.probe_interval_ms = 0;
    task_init(&t->due, "controller", t->passive ? run_listen : run_due);
    LOG_INFO("%s: added %s controller \"%s\"", s->name, settings->service ? "service" : "primary", t->target);
    controller_status_changed(t, NULL, false, CONTROLLER_STATUS_ADDED);
    apply_settings(t, settings);
    if (t->passive) {
        listen_now(t);
    } else {
        reconnect_enable(&t->state, now);
        connect_now(t);
    }
}

void controller_destroy(struct ofcontroller *t)
{
    struct ofconn *c, *next;
    struct ofservice *s = t->service;
    LOG_INFO("%s: removed %s controller \"%s\"", s->name, t->s.service ? "service" : "primary", t->target);
    list_remove(&t->node);
    snoop_end_all(s, t);
    LIST_FOR_EACH_SAFE (c, next, node, &s->conns) {
        if (c->controller == t) {
            t->conn = NULL;
            c->controller = NULL;
            ofconn_destroy(c);
        }
    }
    controller_status_changed(t, NULL, false, CONTROLLER_STATUS_REMOVED);
    stream_close(t->connecting);
    listener_close(t->listener);
    task_cancel(&t->due);
    reconnect_fini(&t->state);
    free(t->listen_error);
    free(t->target);
    free(t->name);
    free(t);
}

static struct ofcontroller *find(const struct ofservice *s, const char *target)
{
    struct ofcontroller *t;
    LIST_FOR_EACH (t, node, &s->controllers) {
        if (!strcmp(t->target, target)) {
            return t;
        }
    }
    return NULL;
}

static bool is_wanted(const struct ofcontroller *t, const struct ofcontroller_settings *settings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(settings[i].target, t->target) && settings[i].service == t->s.service) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with the target. */
static char *check_target(const char *target)
{
    if (stream_name_is_passive(target)) {
        return listener_check_name(target);
    }
    return stream_check_name(target);
}

void ofservice_set_controllers(struct ofservice *s, const struct ofcontroller_settings *settings, size_t n)
{
    struct ofcontroller *t, *next;
    LIST_FOR_EACH_SAFE (t, next, node, &s->controllers) {
        if (!is_wanted(t, settings, n)) {
            controller_destroy(t);
        }
    }
    for (size_t i = 0; i < n; i++) {
        t = find(s, settings[i].target);
        if (t) {
            apply_settings(t, &settings[i]);
            continue;
        }
        char *error = check_target(settings[i].target);
        if (error) {
            LOG_WARN("%s: %s: unsupported controller target: %s", s->name, settings[i].target, error);
            free(error);
            continue;
        }
        controller_create(s, &settings[i]);
    }
    if (!ofservice_has_primary(s)) {
        s->has_generation = false; /* an election is among controllers that are there */
    }
    in_band_update(s);
    fail_open_check(s);
    ofservice_check_miss_wanted(s);
}

void ofservice_reconnect(struct ofservice *s)
{
    struct ofcontroller *t;
    LIST_FOR_EACH (t, node, &s->controllers) {
        if (!t->passive) {
            drop(t, 0);
            reconnect_force(&t->state, clock_ms());
            schedule(t);
        }
    }
    struct ofconn *c, *next;
    LIST_FOR_EACH_SAFE (c, next, node, &s->conns) {
        if (!c->controller || c->controller->passive) {
            ofconn_destroy(c);
        }
    }
}

bool ofservice_has_primary(const struct ofservice *s)
{
    const struct ofcontroller *t;
    LIST_FOR_EACH (t, node, &s->controllers) {
        if (!t->s.service) {
            return true;
        }
    }
    return false;
}

static int64_t seconds_since(int64_t ms)
{
    return ms == INT64_MIN ? -1 : (clock_ms() - ms) / 1000;
}

bool ofservice_controller_status(const struct ofservice *s, const char *target,
                                 struct ofcontroller_status *st)
{
    const struct ofcontroller *t = find(s, target);
    *st = (struct ofcontroller_status){.sec_since_connect = -1, .sec_since_disconnect = -1};
    if (!t) {
        return false;
    }
    if (t->passive) {
        st->is_connected = n_sessions(t) > 0;
    } else {
        st->is_connected = t->conn && t->conn->version;
        st->role = st->is_connected ? t->conn->role : ROLE_NOCHANGE;
        st->state = st->is_connected && t->conn->probed ? "IDLE" : reconnect_state_name(t->state.state);
        st->sec_since_connect = seconds_since(t->connected_ms);
        st->sec_since_disconnect = seconds_since(t->disconnected_ms);
        if (st->is_connected) {
            ofconn_packet_in_counts(t->conn, st);
        }
    }
    if (t->last_error) {
        const char *text = t->last_error == ERROR_EOF ? "End of file" : error_text(t->last_error);
        strncpy(st->last_error, text, sizeof st->last_error - 1);
    }
    return true;
}
