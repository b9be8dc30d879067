/* SPDX-License-Identifier: Apache-2.0 */
/* Ports, BPDUs, priorities and roles. The state machines of a port are in rstp_machines.c. */
#include "l2/rstp.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "l2/rstp_machines.h"

const char *rstp_state_name(enum rstp_state state)
{
    static const char *const names[] = {"Disabled", "Discarding", "Learning", "Forwarding"};
    return names[state];
}

const char *rstp_role_name(enum rstp_role role)
{
    static const char *const names[] = {"Disabled", "Root", "Designated", "Alternate", "Backup"};
    return names[role];
}

/* Table 17-3: 20 Tbit/s over the speed. */
uint32_t rstp_path_cost(uint64_t megabits)
{
    uint64_t cost = 20000000 / (megabits ? megabits : 100);
    return (uint32_t)MAX(cost, 1u);
}

/* ---- Priorities: 17.6 ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int rstp_compare(const struct rstp_vector *a, const struct rstp_vector *b)
{
    int c = compare_u64(a->root_id, b->root_id);
    c = c ? c : compare_u64(a->cost, b->cost);
    c = c ? c : compare_u64(a->bridge_id, b->bridge_id);
    return c ? c : compare_u64(a->port_id, b->port_id);
}

static bool is_same_times(const struct rstp_times *a, const struct rstp_times *b)
{
    return !memcmp(a, b, sizeof *a);
}

/* 17.21.25: roles of all ports, from what each has heard. */
static void update_roles(struct rstp *rstp)
{
    struct rport *p;
    struct rstp_vector best = {rstp->settings.bridge_id, 0, rstp->settings.bridge_id, 0};
    uint16_t best_rx = 0;
    rstp->root_port = NULL;
    rstp->root_times = rstp->bridge_times;
    LIST_FOR_EACH (p, node, &rstp->ports) {
        p->reselect = false;
        if (p->info_is != INFO_RECEIVED || p->port_priority.bridge_id == rstp->settings.bridge_id) {
            continue;
        }
        struct rstp_vector path = p->port_priority;
        path.cost += p->settings.path_cost;
        int c = rstp_compare(&path, &best);
        if (c < 0 || (!c && rstp->root_port && p->port_id < best_rx)) {
            best = path;
            best_rx = p->port_id;
            rstp->root_port = p;
            rstp->root_times = p->port_times;
            rstp->root_times.message_age++;
        }
    }
    rstp->root_priority = best;
    LIST_FOR_EACH (p, node, &rstp->ports) {
        p->designated_priority =
            (struct rstp_vector){best.root_id, best.cost, rstp->settings.bridge_id, p->port_id};
        p->designated_times = rstp->root_times;
        p->designated_times.hello = rstp->bridge_times.hello;
        enum rstp_role role = RSTP_ROLE_DESIGNATED;
        bool update = false;
        if (p->info_is == INFO_DISABLED) {
            role = RSTP_ROLE_DISABLED;
        } else if (p->info_is == INFO_AGED) {
            update = true;
        } else if (p->info_is == INFO_MINE) {
            update = rstp_compare(&p->port_priority, &p->designated_priority) ||
                     !is_same_times(&p->port_times, &p->designated_times);
        } else if (p == rstp->root_port) {
            role = RSTP_ROLE_ROOT;
        } else if (rstp_compare(&p->designated_priority, &p->port_priority) < 0) {
            update = true;
        } else {
            role = p->port_priority.bridge_id != rstp->settings.bridge_id ? RSTP_ROLE_ALTERNATE
                                                                          : RSTP_ROLE_BACKUP;
        }
        p->selected_role = role;
        p->updt_info = update;
        p->selected = true;
    }
}

/* Runs all machines until nothing happens any more. */
static void settle(struct rstp *rstp)
{
    struct rport *p;
    bool again;
    unsigned rounds = 0;
    do {
        again = false;
        bool reselect = false;
        LIST_FOR_EACH (p, node, &rstp->ports) {
            again |= rstp_run_information(rstp, p);
            reselect |= p->reselect;
        }
        if (reselect) {
            update_roles(rstp);
            again = true;
        }
        LIST_FOR_EACH (p, node, &rstp->ports) {
            again |= rstp_run_machines(rstp, p);
        }
    } while (again && ++rounds < 1000);
    rstp->changes++;
}

/* ---- BPDUs: 9.3 ---- */

enum {
    BPDU_CONFIG = 0,
    BPDU_RSTP = 2,
    BPDU_TCN = 0x80,
    TCN_LEN = 4,
    CONFIG_LEN = 35,
    RSTP_LEN = 36,
    FLAG_TC = 0x01,
    FLAG_PROPOSAL = 0x02,
    FLAG_LEARNING = 0x10,
    FLAG_FORWARDING = 0x20,
    FLAG_AGREEMENT = 0x40,
    FLAG_TC_ACK = 0x80,
    ROLE_ALTERNATE = 1,
    ROLE_ROOT = 2,
    ROLE_DESIGNATED = 3,
};

static void put(uint8_t *b, uint64_t value, unsigned n)
{
    while (n-- > 0) {
        b[n] = (uint8_t)value;
        value >>= 8;
    }
}
static uint64_t get(const uint8_t *b, unsigned n)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++) {
        value = value << 8 | b[i];
    }
    return value;
}

void rstp_transmit(struct rstp *rstp, struct rport *p, bool tcn)
{
    uint8_t b[RSTP_LEN] = {0, 0, 0, BPDU_CONFIG};
    size_t len = CONFIG_LEN;
    unsigned flags = p->tc_while ? FLAG_TC : 0;
    if (tcn) {
        b[3] = BPDU_TCN;
        len = TCN_LEN;
    } else if (p->send_rstp) {
        unsigned role = p->role == RSTP_ROLE_DESIGNATED ? ROLE_DESIGNATED
                        : p->role == RSTP_ROLE_ROOT     ? ROLE_ROOT
                                                        : ROLE_ALTERNATE;
        b[2] = b[3] = BPDU_RSTP;
        len = RSTP_LEN;
        flags |= role << 2 | (p->proposing ? FLAG_PROPOSAL : 0) | (p->agree ? FLAG_AGREEMENT : 0) |
                 (p->learning ? FLAG_LEARNING : 0) | (p->forwarding ? FLAG_FORWARDING : 0);
    } else {
        flags |= p->tc_ack ? FLAG_TC_ACK : 0;
    }
    b[4] = (uint8_t)flags;
    put(b + 5, p->designated_priority.root_id, 8);
    put(b + 13, p->designated_priority.cost, 4);
    put(b + 17, p->designated_priority.bridge_id, 8);
    put(b + 25, p->designated_priority.port_id, 2);
    put(b + 27, (uint64_t)p->designated_times.message_age << 8, 2);
    put(b + 29, (uint64_t)p->designated_times.max_age << 8, 2);
    put(b + 31, (uint64_t)p->designated_times.hello << 8, 2);
    put(b + 33, (uint64_t)p->designated_times.fwd_delay << 8, 2);
    if (tcn) {
        memset(b + 4, 0, sizeof b - 4);
    }
    p->tx++;
    rstp->send(rstp->aux, p->user, b, len);
}

static struct rport *find(const struct rstp *rstp, const void *user)
{
    struct rport *p;
    LIST_FOR_EACH (p, node, &rstp->ports) {
        if (p->user == user) {
            return p;
        }
    }
    return NULL;
}

/* In 1/256 s; to the standard's whole seconds. */
static int get_time(const uint8_t *b)
{
    return (int)((get(b, 2) + 128) / 256);
}

static void decode(const uint8_t *b, struct rstp_message *m)
{
    memset(m, 0, sizeof *m);
    m->type = b[3] == BPDU_TCN ? MESSAGE_TCN : b[3] == BPDU_RSTP ? MESSAGE_RSTP : MESSAGE_CONFIG;
    if (m->type == MESSAGE_TCN) {
        return;
    }
    m->tc = b[4] & FLAG_TC;
    m->tc_ack = b[4] & FLAG_TC_ACK && m->type == MESSAGE_CONFIG;
    m->role = MESSAGE_DESIGNATED;
    if (m->type == MESSAGE_RSTP) {
        unsigned role = b[4] >> 2 & 3;
        m->role = role == ROLE_DESIGNATED ? MESSAGE_DESIGNATED
                  : role                  ? MESSAGE_ROOT_OR_ALTERNATE
                                          : MESSAGE_UNKNOWN;
        m->proposal = b[4] & FLAG_PROPOSAL;
        m->agreement = b[4] & FLAG_AGREEMENT;
        m->learning = b[4] & FLAG_LEARNING;
    }
    m->priority.root_id = get(b + 5, 8);
    m->priority.cost = (uint32_t)get(b + 13, 4);
    m->priority.bridge_id = get(b + 17, 8);
    m->priority.port_id = (uint16_t)get(b + 25, 2);
    m->times = (struct rstp_times){get_time(b + 27), get_time(b + 29), get_time(b + 33), get_time(b + 31)};
}

bool rstp_receive(struct rstp *rstp, const void *user, const void *bpdu, size_t len)
{
    const uint8_t *b = bpdu;
    struct rport *p = find(rstp, user);
    if (!p) {
        return false;
    }
    bool ok = len >= TCN_LEN && !get(b, 2) &&
              (b[3] == BPDU_TCN || (b[3] == BPDU_CONFIG && len >= CONFIG_LEN) ||
               (b[3] == BPDU_RSTP && b[2] >= 2 && len >= RSTP_LEN));
    struct rstp_message m = {.type = MESSAGE_TCN};
    if (ok) {
        decode(b, &m);
        /* 9.3.4: too old; or our own, come back to the port that sent it. */
        ok = m.type == MESSAGE_TCN ||
             (m.times.message_age < m.times.max_age &&
              (m.priority.bridge_id != rstp->settings.bridge_id || m.priority.port_id != p->port_id));
    }
    if (!ok) {
        p->errors++;
        return false;
    }
    p->rx++;
    if (p->enabled) {
        p->message = m;
        p->rcvd_rstp |= m.type == MESSAGE_RSTP;
        p->rcvd_stp |= m.type != MESSAGE_RSTP;
        p->oper_edge = false;
        p->edge_delay_while = RSTP_MIGRATE_TIME;
        p->rcvd_msg = true;
        settle(rstp);
    }
    return true;
}

/* ---- The bridge and its ports ---- */

void rstp_configure(struct rstp *rstp, const struct rstp_settings *settings)
{
    struct rport *p;
    bool restart = settings->stp_only != rstp->settings.stp_only;
    rstp->settings = *settings;
    rstp->settings.bridge_id &= ~(UINT64_C(0xfff) << 48);
    rstp->settings.max_age = MAX(6, MIN(settings->max_age, 40));
    rstp->settings.fwd_delay = MAX(4, MIN(settings->fwd_delay, 30));
    rstp->settings.hold_count = MAX(1, MIN(settings->hold_count, 10));
    rstp->bridge_times = (struct rstp_times){0, rstp->settings.max_age, rstp->settings.fwd_delay, RSTP_HELLO};
    LIST_FOR_EACH (p, node, &rstp->ports) {
        if (restart) {
            rstp_begin(rstp, p);
        }
        p->reselect = true;
        p->selected = false;
    }
    settle(rstp);
}

struct rstp *rstp_create(const struct rstp_settings *settings, int64_t now_ms,
                         void (*send)(void *aux, void *port, const void *bpdu, size_t len), void *aux)
{
    struct rstp *rstp = xzalloc(sizeof *rstp);
    list_init(&rstp->ports);
    rstp->send = send;
    rstp->aux = aux;
    rstp->now = rstp->last_tick = now_ms;
    rstp_configure(rstp, settings);
    update_roles(rstp);
    return rstp;
}

void rstp_destroy(struct rstp *rstp)
{
    if (rstp) {
        struct rport *p, *next;
        LIST_FOR_EACH_SAFE (p, next, node, &rstp->ports) {
            free(p);
        }
        free(rstp);
    }
}

void rstp_set_port(struct rstp *rstp, void *user, const struct rstp_port_settings *settings)
{
    struct rport *p = find(rstp, user);
    uint16_t port_id = (uint16_t)((settings->priority & 0xf0) << 8 | (settings->number & RSTP_MAX_PORT));
    if (!p) {
        p = xzalloc(sizeof *p);
        p->user = user;
        list_push_back(&rstp->ports, &p->node);
        p->settings = *settings;
        p->port_id = port_id;
        rstp_begin(rstp, p);
    }
    p->settings = *settings;
    p->port_id = port_id;
    p->reselect = true;
    p->selected = false;
    settle(rstp);
}

void rstp_remove_port(struct rstp *rstp, const void *user)
{
    struct rport *p = find(rstp, user);
    if (p) {
        rstp_set_link(rstp, user, false);
        list_remove(&p->node);
        if (rstp->root_port == p) {
            rstp->root_port = NULL;
        }
        free(p);
        settle(rstp);
    }
}

void rstp_set_link(struct rstp *rstp, const void *user, bool up)
{
    struct rport *p = find(rstp, user);
    if (p && p->enabled != up) {
        p->enabled = up;
        p->up_since = rstp->now;
        settle(rstp);
    }
}

void rstp_migration_check(struct rstp *rstp, const void *user)
{
    struct rport *p = find(rstp, user);
    if (p && !rstp->settings.stp_only) {
        p->mcheck = true;
        settle(rstp);
    }
}

int64_t rstp_run(struct rstp *rstp, int64_t now_ms)
{
    struct rport *p;
    if (now_ms - rstp->last_tick > 100000) { /* the clock leapt: not a hundred thousand ticks */
        rstp->last_tick = now_ms - 100000;
    }
    while (now_ms - rstp->last_tick >= 1000) {
        rstp->last_tick += 1000;
        rstp->now = rstp->last_tick;
        LIST_FOR_EACH (p, node, &rstp->ports) {
            rstp_tick(p);
        }
        settle(rstp);
    }
    rstp->now = now_ms;
    return rstp->last_tick + 1000;
}

void rstp_detect_topology_change(struct rstp *rstp)
{
    struct rport *p;
    LIST_FOR_EACH (p, node, &rstp->ports) {
        p->tc_prop = true;
    }
    settle(rstp);
}

uint64_t rstp_changes(const struct rstp *rstp)
{
    return rstp->changes;
}

void rstp_take_flushes(struct rstp *rstp, void (*each)(void *aux, void *port), void *aux)
{
    struct rport *p;
    LIST_FOR_EACH (p, node, &rstp->ports) {
        if (p->flush) {
            p->flush = false;
            each(aux, p->user);
        }
    }
}

bool rstp_get_port(const struct rstp *rstp, const void *user, struct rstp_port_status *status)
{
    const struct rport *p = find(rstp, user);
    if (p) {
        *status = (struct rstp_port_status){
            .state = p->role == RSTP_ROLE_DISABLED ? RSTP_DISABLED
                     : p->forwarding               ? RSTP_FORWARDING
                     : p->learning                 ? RSTP_LEARNING
                                                   : RSTP_DISCARDING,
            .role = p->role,
            .port_id = p->port_id,
            .designated_port_id = p->port_priority.port_id,
            .path_cost = p->settings.path_cost,
            .designated_cost = p->port_priority.cost,
            .designated_bridge_id = p->port_priority.bridge_id,
            .up_since_ms = p->up_since,
            .edge = p->oper_edge,
            .speaks_rstp = p->send_rstp,
            .tx = p->tx,
            .rx = p->rx,
            .errors = p->errors,
        };
    }
    return p != NULL;
}

void rstp_get(const struct rstp *rstp, struct rstp_status *status)
{
    *status = (struct rstp_status){.settings = rstp->settings,
                                   .root_id = rstp->root_priority.root_id,
                                   .designated_id = rstp->root_priority.bridge_id,
                                   .root_path_cost = rstp->root_priority.cost,
                                   .root_port_id = rstp->root_port ? rstp->root_port->port_id : 0,
                                   .designated_port_id = rstp->root_port ? rstp->root_priority.port_id : 0,
                                   .max_age = rstp->root_times.max_age,
                                   .fwd_delay = rstp->root_times.fwd_delay,
                                   .hello = rstp->root_times.hello};
}
