/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/stp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/log.h"

LOG_MODULE(stp);

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 60);

#define HOLD_TIME_MS             1000
#define MESSAGE_AGE_INCREMENT_MS 1000
#define NEVER                    INT64_MAX

/* 9.3: BPDUs. Times are in 1/256 s. */
enum {
    BPDU_CONFIG = 0,
    BPDU_TCN = 0x80,
    BPDU_CONFIG_LEN = 35,
    BPDU_TCN_LEN = 4,
    FLAG_TOPOLOGY_CHANGE = 0x01,
    FLAG_TOPOLOGY_CHANGE_ACK = 0x80,
};

struct config {
    uint64_t root_id;
    uint32_t root_path_cost;
    uint64_t bridge_id;
    uint16_t port_id;
    int message_age, max_age, hello, fwd_delay; /* ms */
    bool tc, tc_ack;
};

/* A timer is the time at which it expires, or NEVER. */
struct port {
    unsigned number;
    enum stp_state state;
    enum stp_role shown_role; /* as last reported */
    uint16_t port_id, path_cost;
    uint64_t designated_root;
    uint32_t designated_cost;
    uint64_t designated_bridge;
    uint16_t designated_port;
    bool tc_ack, config_pending;
    int64_t message_age_timer, message_age_base; /* base: when the information had age 0 */
    int64_t fwd_delay_timer, hold_timer;
    int64_t state_since;
    uint64_t tx, rx, errors;
};

struct stp {
    uint64_t bridge_id;
    int bridge_hello, bridge_max_age, bridge_fwd_delay;
    uint64_t designated_root;
    uint32_t root_path_cost;
    struct port *root_port; /* NULL: we are the root */
    int hello, max_age, fwd_delay;
    char *name;
    bool tc_detected, topology_change;
    int64_t hello_timer, tcn_timer, tc_timer;
    int64_t now;
    void (*send)(void *aux, unsigned port, const void *bpdu, size_t len);
    void *aux;
    uint64_t changed[4];
    bool flush;
    struct port ports[STP_MAX_PORTS + 1];
};

#define FOR_EACH_ENABLED(PORT, STP)                                                                          \
    for (PORT = &(STP)->ports[1]; PORT <= &(STP)->ports[STP_MAX_PORTS]; PORT++)                              \
        if (PORT->state != STP_DISABLED)

const char *stp_state_name(enum stp_state state)
{
    static const char *const names[] = {"disabled", "blocking", "listening", "learning", "forwarding"};
    return names[state];
}

const char *stp_role_name(enum stp_role role)
{
    static const char *const names[] = {"disabled", "root", "designated", "alternate"};
    return names[role];
}

uint16_t stp_path_cost(unsigned megabits)
{
    return megabits >= 10000              ? 2
           : megabits >= 1000             ? 4
           : megabits >= 100 || !megabits ? 19
           : megabits >= 16               ? 62
           : megabits >= 10               ? 100
                                          : 250;
}

static bool is_root(const struct stp *stp)
{
    return stp->bridge_id == stp->designated_root;
}
static bool is_designated(const struct stp *stp, const struct port *port)
{
    return port->designated_bridge == stp->bridge_id && port->designated_port == port->port_id;
}

static void mark(struct stp *stp, const struct port *port)
{
    stp->changed[port->number / 64] |= UINT64_C(1) << (port->number % 64);
}
static void set_state(struct stp *stp, struct port *port, enum stp_state state)
{
    if (port->state != state) {
        port->state = state;
        port->state_since = stp->now;
        mark(stp, port);
    }
}

static enum stp_role role_of(const struct stp *stp, const struct port *port)
{
    return port->state == STP_DISABLED ? STP_ROLE_DISABLED
           : port == stp->root_port    ? STP_ROLE_ROOT
           : is_designated(stp, port)  ? STP_ROLE_DESIGNATED
                                       : STP_ROLE_ALTERNATE;
}

/* ---- BPDUs ---- */

static void put(uint8_t *p, uint64_t value, unsigned n)
{
    while (n-- > 0) {
        p[n] = (uint8_t)value;
        value >>= 8;
    }
}
static uint64_t get(const uint8_t *p, unsigned n)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++) {
        value = value << 8 | p[i];
    }
    return value;
}
static void put_time(uint8_t *p, int64_t ms)
{
    put(p, (uint64_t)(ms * 256 / 1000), 2);
}
static int get_time(const uint8_t *p)
{
    return (int)(get(p, 2) * 1000 / 256);
}

static void send_config(struct stp *stp, struct port *port, const struct config *c)
{
    uint8_t b[BPDU_CONFIG_LEN] = {[3] = BPDU_CONFIG};
    b[4] = (uint8_t)((c->tc ? FLAG_TOPOLOGY_CHANGE : 0) | (c->tc_ack ? FLAG_TOPOLOGY_CHANGE_ACK : 0));
    put(b + 5, c->root_id, 8);
    put(b + 13, c->root_path_cost, 4);
    put(b + 17, c->bridge_id, 8);
    put(b + 25, c->port_id, 2);
    put_time(b + 27, c->message_age);
    put_time(b + 29, c->max_age);
    put_time(b + 31, c->hello);
    put_time(b + 33, c->fwd_delay);
    port->tx++;
    stp->send(stp->aux, port->number, b, sizeof b);
}

/* 8.6.1 */
static void transmit_config(struct stp *stp, struct port *port)
{
    if (port->hold_timer != NEVER) {
        port->config_pending = true;
        return;
    }
    int64_t age = is_root(stp) || !stp->root_port
                      ? 0
                      : stp->now - stp->root_port->message_age_base + MESSAGE_AGE_INCREMENT_MS;
    struct config c = {.root_id = stp->designated_root,
                       .root_path_cost = stp->root_path_cost,
                       .bridge_id = stp->bridge_id,
                       .port_id = port->port_id,
                       .message_age = (int)age,
                       .max_age = stp->max_age,
                       .hello = stp->hello,
                       .fwd_delay = stp->fwd_delay,
                       .tc = stp->topology_change,
                       .tc_ack = port->tc_ack};
    if (age >= stp->max_age) {
        return;
    }
    port->tc_ack = false;
    port->config_pending = false;
    port->hold_timer = stp->now + HOLD_TIME_MS;
    send_config(stp, port, &c);
}

/* 8.6.4 */
static void generate_configs(struct stp *stp)
{
    struct port *port;
    FOR_EACH_ENABLED (port, stp) {
        if (is_designated(stp, port)) {
            transmit_config(stp, port);
        }
    }
}

/* 8.6.6 */
static void transmit_tcn(struct stp *stp)
{
    static const uint8_t tcn[BPDU_TCN_LEN] = {0, 0, 0, BPDU_TCN};
    if (stp->root_port) {
        stp->root_port->tx++;
        stp->send(stp->aux, stp->root_port->number, tcn, sizeof tcn);
    }
}

/* ---- Who is root, who is designated ---- */

/* 8.6.10 */
static void become_designated(struct stp *stp, struct port *port)
{
    port->designated_root = stp->designated_root;
    port->designated_cost = stp->root_path_cost;
    port->designated_bridge = stp->bridge_id;
    port->designated_port = port->port_id;
}

/* -1: A is the better. */
static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_for_root(const struct port *a, const struct port *b)
{
    int c = compare(a->designated_root, b->designated_root);
    c = c ? c
          : compare((uint64_t)a->designated_cost + a->path_cost, (uint64_t)b->designated_cost + b->path_cost);
    c = c ? c : compare(a->designated_bridge, b->designated_bridge);
    c = c ? c : compare(a->designated_port, b->designated_port);
    return c ? c : compare(a->port_id, b->port_id);
}

/* 8.6.8 */
static void select_root(struct stp *stp)
{
    struct port *port, *best = NULL;
    FOR_EACH_ENABLED (port, stp) {
        if (!is_designated(stp, port) && port->designated_root < stp->bridge_id &&
            (!best || compare_for_root(port, best) < 0)) {
            best = port;
        }
    }
    stp->root_port = best;
    stp->designated_root = best ? best->designated_root : stp->bridge_id;
    stp->root_path_cost = best ? best->designated_cost + best->path_cost : 0;
}

/* 8.6.9 */
static void select_designated(struct stp *stp)
{
    struct port *port;
    FOR_EACH_ENABLED (port, stp) {
        int c = compare(stp->root_path_cost, port->designated_cost);
        c = c ? c : compare(stp->bridge_id, port->designated_bridge);
        c = c ? c : compare(port->port_id, port->designated_port);
        if (is_designated(stp, port) || port->designated_root != stp->designated_root || c <= 0) {
            become_designated(stp, port);
        }
    }
}

/* 8.6.14 */
static void detect_topology_change(struct stp *stp)
{
    LOG_INFO_RL(&rl, "%s: detected topology change.", stp->name);
    if (is_root(stp)) {
        stp->flush |= !stp->topology_change;
        stp->topology_change = true;
        stp->tc_timer = stp->now + stp->bridge_max_age + stp->bridge_fwd_delay;
    } else if (!stp->tc_detected) {
        transmit_tcn(stp);
        stp->tcn_timer = stp->now + stp->bridge_hello;
    }
    stp->tc_detected = true;
}

/* 8.6.11 to 8.6.13 */
static void select_states(struct stp *stp)
{
    struct port *port;
    FOR_EACH_ENABLED (port, stp) {
        bool designated = is_designated(stp, port);
        if (port == stp->root_port || designated) {
            if (designated) {
                port->message_age_timer = NEVER;
            } else {
                port->config_pending = false;
                port->tc_ack = false;
            }
            if (port->state == STP_BLOCKING) {
                set_state(stp, port, STP_LISTENING);
                port->fwd_delay_timer = stp->now + stp->fwd_delay;
            }
        } else {
            port->config_pending = false;
            port->tc_ack = false;
            if (port->state != STP_BLOCKING) {
                bool used = port->state == STP_FORWARDING || port->state == STP_LEARNING;
                set_state(stp, port, STP_BLOCKING);
                port->fwd_delay_timer = NEVER;
                if (used) {
                    detect_topology_change(stp);
                }
            }
        }
        enum stp_role role = role_of(stp, port);
        if (role != port->shown_role) {
            port->shown_role = role;
            mark(stp, port);
        }
    }
}

/* 8.6.7, and the states that follow; this bridge may have become the root by it. */
static void update(struct stp *stp, bool was_root)
{
    select_root(stp);
    select_designated(stp);
    select_states(stp);
    if (is_root(stp) && !was_root) {
        stp->max_age = stp->bridge_max_age;
        stp->hello = stp->bridge_hello;
        stp->fwd_delay = stp->bridge_fwd_delay;
        detect_topology_change(stp);
        stp->tcn_timer = NEVER;
        generate_configs(stp);
        stp->hello_timer = stp->now + stp->bridge_hello;
    }
}

/* ---- Ports and settings ---- */

struct stp *stp_create(const char *name, uint64_t bridge_id, int64_t now_ms,
                       void (*send)(void *aux, unsigned port, const void *bpdu, size_t len), void *aux)
{
    struct stp *stp = xzalloc(sizeof *stp);
    stp->name = xstrdup(name);
    stp->bridge_id = stp->designated_root = bridge_id;
    stp->send = send;
    stp->aux = aux;
    stp->now = now_ms;
    stp_set_times(stp, STP_DEFAULT_HELLO_MS, STP_DEFAULT_MAX_AGE_MS, STP_DEFAULT_FWD_DELAY_MS);
    stp->tcn_timer = stp->tc_timer = NEVER;
    stp->hello_timer = now_ms + stp->hello;
    for (unsigned i = 1; i <= STP_MAX_PORTS; i++) {
        struct port *port = &stp->ports[i];
        port->number = i;
        port->state_since = now_ms;
        port->message_age_timer = port->fwd_delay_timer = port->hold_timer = NEVER;
    }
    return stp;
}

void stp_destroy(struct stp *stp)
{
    if (stp) {
        free(stp->name);
    }
    free(stp);
}

void stp_set_times(struct stp *stp, int hello_ms, int max_age_ms, int fwd_delay_ms)
{
    stp->bridge_hello = MAX(1000, MIN(hello_ms, 10000));
    stp->bridge_max_age = MAX(MAX(6000, MIN(max_age_ms, 40000)), 2 * (stp->bridge_hello + 1000));
    stp->bridge_fwd_delay = MAX(MAX(4000, MIN(fwd_delay_ms, 30000)), stp->bridge_max_age / 2 + 1000);
    if (is_root(stp)) {
        stp->hello = stp->bridge_hello;
        stp->max_age = stp->bridge_max_age;
        stp->fwd_delay = stp->bridge_fwd_delay;
    }
}

void stp_set_bridge_id(struct stp *stp, uint64_t bridge_id, int64_t now_ms)
{
    struct port *port;
    bool was_root = is_root(stp);
    stp->now = now_ms;
    if (bridge_id == stp->bridge_id) {
        return;
    }
    FOR_EACH_ENABLED (port, stp) {
        if (is_designated(stp, port)) {
            port->designated_bridge = bridge_id;
        }
    }
    stp->bridge_id = bridge_id;
    update(stp, was_root);
}

void stp_enable_port(struct stp *stp, unsigned number, uint16_t path_cost, uint8_t priority, int64_t now_ms)
{
    assert(number >= 1 && number <= STP_MAX_PORTS);
    struct port *port = &stp->ports[number];
    uint16_t port_id = (uint16_t)(priority << 8 | number);
    if (port->state != STP_DISABLED) {
        if (port->port_id == port_id && port->path_cost == path_cost) {
            return;
        }
        stp_disable_port(stp, number, now_ms);
    }
    stp->now = now_ms;
    port->port_id = port_id;
    port->path_cost = path_cost;
    become_designated(stp, port);
    set_state(stp, port, STP_BLOCKING);
    port->tc_ack = port->config_pending = false;
    port->message_age_timer = port->fwd_delay_timer = port->hold_timer = NEVER;
    select_states(stp);
}

void stp_disable_port(struct stp *stp, unsigned number, int64_t now_ms)
{
    struct port *port = &stp->ports[number];
    bool was_root = is_root(stp);
    stp->now = now_ms;
    if (port->state == STP_DISABLED) {
        return;
    }
    become_designated(stp, port);
    set_state(stp, port, STP_DISABLED);
    port->shown_role = STP_ROLE_DISABLED;
    port->tc_ack = port->config_pending = false;
    port->message_age_timer = port->fwd_delay_timer = port->hold_timer = NEVER;
    update(stp, was_root);
}

/* ---- Reception ---- */

/* 8.6.2 */
static bool supersedes(const struct stp *stp, const struct port *port, const struct config *c)
{
    int order = compare(c->root_id, port->designated_root);
    order = order ? order : compare(c->root_path_cost, port->designated_cost);
    order = order ? order : compare(c->bridge_id, port->designated_bridge);
    return order < 0 || (!order && (c->bridge_id != stp->bridge_id || c->port_id <= port->designated_port));
}

/* 8.7.1 */
static void receive_config(struct stp *stp, struct port *port, const struct config *c)
{
    bool was_root = is_root(stp);
    if (!supersedes(stp, port, c)) {
        if (is_designated(stp, port)) {
            transmit_config(stp, port);
        }
        return;
    }
    port->designated_root = c->root_id;
    port->designated_cost = c->root_path_cost;
    port->designated_bridge = c->bridge_id;
    port->designated_port = c->port_id;
    port->message_age_base = stp->now - c->message_age;
    port->message_age_timer = stp->now + MAX(0, c->max_age - c->message_age);
    update(stp, was_root);
    if (!is_root(stp) && was_root) {
        stp->hello_timer = NEVER;
        if (stp->tc_detected) {
            stp->tc_timer = NEVER;
            transmit_tcn(stp);
            stp->tcn_timer = stp->now + stp->bridge_hello;
        }
    }
    if (port == stp->root_port) {
        stp->max_age = c->max_age;
        stp->hello = c->hello;
        stp->fwd_delay = c->fwd_delay;
        stp->flush |= c->tc && !stp->topology_change;
        stp->topology_change = c->tc;
        generate_configs(stp);
        if (c->tc_ack) {
            stp->tc_detected = false;
            stp->tcn_timer = NEVER;
        }
    }
}

/* 8.7.2 */
static void receive_tcn(struct stp *stp, struct port *port)
{
    if (is_designated(stp, port)) {
        detect_topology_change(stp);
        port->tc_ack = true;
        transmit_config(stp, port);
    }
}

bool stp_receive(struct stp *stp, unsigned number, const void *bpdu, size_t len, int64_t now_ms)
{
    const uint8_t *b = bpdu;
    if (number < 1 || number > STP_MAX_PORTS) {
        return false;
    }
    struct port *port = &stp->ports[number];
    stp->now = now_ms;
    if (len < BPDU_TCN_LEN || get(b, 2) != 0 ||
        (b[3] != BPDU_TCN && (b[3] != BPDU_CONFIG || len < BPDU_CONFIG_LEN))) {
        port->errors++;
        return false;
    }
    port->rx++;
    if (port->state == STP_DISABLED) {
        return true;
    }
    if (b[3] == BPDU_TCN) {
        receive_tcn(stp, port);
        return true;
    }
    struct config c = {.root_id = get(b + 5, 8),
                       .root_path_cost = (uint32_t)get(b + 13, 4),
                       .bridge_id = get(b + 17, 8),
                       .port_id = (uint16_t)get(b + 25, 2),
                       .message_age = get_time(b + 27),
                       .max_age = get_time(b + 29),
                       .hello = get_time(b + 31),
                       .fwd_delay = get_time(b + 33),
                       .tc = b[4] & FLAG_TOPOLOGY_CHANGE,
                       .tc_ack = b[4] & FLAG_TOPOLOGY_CHANGE_ACK};
    /* 9.3.4: too old, or our own come back. */
    if (c.message_age >= c.max_age || (c.bridge_id == stp->bridge_id && c.port_id == port->port_id)) {
        port->errors++;
        return false;
    }
    receive_config(stp, port, &c);
    return true;
}

/* ---- Timers ---- */

static bool expired(const struct stp *stp, int64_t *timer)
{
    if (*timer > stp->now) {
        return false;
    }
    *timer = NEVER;
    return true;
}

/* 8.7.5 */
static void expire_fwd_delay(struct stp *stp, struct port *port)
{
    if (port->state == STP_LISTENING) {
        set_state(stp, port, STP_LEARNING);
        port->fwd_delay_timer = stp->now + stp->fwd_delay;
    } else if (port->state == STP_LEARNING) {
        struct port *other;
        bool designated = false;
        set_state(stp, port, STP_FORWARDING);
        FOR_EACH_ENABLED (other, stp) {
            designated |= other->designated_bridge == stp->bridge_id;
        }
        if (designated) {
            detect_topology_change(stp);
        }
    }
}

static void run_timers(struct stp *stp)
{
    struct port *port;
    if (expired(stp, &stp->hello_timer)) {
        generate_configs(stp);
        stp->hello_timer = is_root(stp) ? stp->now + stp->hello : NEVER;
    }
    if (expired(stp, &stp->tcn_timer)) {
        transmit_tcn(stp);
        stp->tcn_timer = stp->now + stp->bridge_hello;
    }
    if (expired(stp, &stp->tc_timer)) {
        stp->tc_detected = stp->topology_change = false;
    }
    FOR_EACH_ENABLED (port, stp) {
        if (expired(stp, &port->message_age_timer)) {
            bool was_root = is_root(stp);
            become_designated(stp, port);
            update(stp, was_root);
        }
        if (expired(stp, &port->fwd_delay_timer)) {
            expire_fwd_delay(stp, port);
        }
        if (expired(stp, &port->hold_timer) && port->config_pending) {
            transmit_config(stp, port);
        }
    }
}

int64_t stp_run(struct stp *stp, int64_t now_ms)
{
    stp->now = now_ms;
    run_timers(stp);
    struct port *port;
    int64_t wake = MIN(stp->hello_timer, MIN(stp->tcn_timer, stp->tc_timer));
    FOR_EACH_ENABLED (port, stp) {
        wake = MIN(wake, MIN(port->message_age_timer, MIN(port->fwd_delay_timer, port->hold_timer)));
    }
    return wake;
}

void stp_detect_topology_change(struct stp *stp, int64_t now_ms)
{
    stp->now = now_ms;
    detect_topology_change(stp);
}

bool stp_take_changes(struct stp *stp, uint64_t ports[4], bool *flush)
{
    memcpy(ports, stp->changed, sizeof stp->changed);
    memset(stp->changed, 0, sizeof stp->changed);
    *flush = stp->flush;
    stp->flush = false;
    return ports[0] || ports[1] || ports[2] || ports[3] || *flush;
}

void stp_get_port(const struct stp *stp, unsigned number, struct stp_port_status *status)
{
    const struct port *port = &stp->ports[number];
    *status = (struct stp_port_status){.state = port->state,
                                       .role = role_of(stp, port),
                                       .port_id = port->port_id,
                                       .path_cost = port->path_cost,
                                       .state_since_ms = port->state_since,
                                       .tx = port->tx,
                                       .rx = port->rx,
                                       .errors = port->errors};
}

void stp_get(const struct stp *stp, struct stp_status *status)
{
    *status = (struct stp_status){.bridge_id = stp->bridge_id,
                                  .designated_root = stp->designated_root,
                                  .root_path_cost = stp->root_path_cost,
                                  .root_port = stp->root_port ? stp->root_port->number : 0,
                                  .hello_ms = stp->hello,
                                  .max_age_ms = stp->max_age,
                                  .fwd_delay_ms = stp->fwd_delay,
                                  .bridge_hello_ms = stp->bridge_hello,
                                  .bridge_max_age_ms = stp->bridge_max_age,
                                  .bridge_fwd_delay_ms = stp->bridge_fwd_delay,
                                  .topology_change = stp->topology_change};
}
