/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/lacp.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/list.h"

#define RX_TIMES       3   /* PDUs that may be missed */
#define MIN_GAP_MS     334 /* 5.4.16: no more than three in a second */
#define SUBTYPE        1
#define SUBTYPE_MARKER 2

struct member {
    struct list node;
    void *user;
    struct lacp_member_settings settings;
    enum lacp_member_state state;
    bool carrier, attached;
    bool need_to_transmit;
    struct lacp_info partner; /* as it says it is */
    int64_t rx_timer;         /* when the state gets worse */
    int64_t last_tx;
    int64_t tx_timer; /* the next one at the latest */
    uint64_t tx, rx, rx_bad, rx_marker, expired, defaulted, carrier_changed;
};

struct lacp {
    struct lacp_settings settings;
    struct list members;
    bool negotiated;
    uint64_t changes;
    void (*send)(void *aux, void *member, const void *pdu, size_t len);
    void *aux;
};

const char *lacp_negotiation_name(enum lacp_negotiation status)
{
    return status == LACP_NEGOTIATED ? "negotiated" : "configured";
}

const char *lacp_member_state_name(enum lacp_member_state state)
{
    static const char *const names[] = {"current", "expired", "defaulted"};
    return names[state];
}

struct lacp *lacp_create(void (*send)(void *aux, void *member, const void *pdu, size_t len), void *aux)
{
    struct lacp *lacp = xzalloc(sizeof *lacp);
    list_init(&lacp->members);
    lacp->send = send;
    lacp->aux = aux;
    return lacp;
}

void lacp_destroy(struct lacp *lacp)
{
    if (lacp) {
        struct member *m, *next;
        LIST_FOR_EACH_SAFE (m, next, node, &lacp->members) {
            free(m);
        }
        free(lacp);
    }
}

static struct member *find(const struct lacp *lacp, const void *user)
{
    struct member *m;
    LIST_FOR_EACH (m, node, &lacp->members) {
        if (m->user == user) {
            return m;
        }
    }
    return NULL;
}

/* ---- Information ---- */

static struct lacp_info actor_of(const struct lacp *lacp, const struct member *m)
{
    uint8_t state = 0;
    state |= lacp->settings.active ? LACP_ACTIVITY : 0;
    state |= lacp->settings.fast ? LACP_TIMEOUT : 0;
    state |= list_front(&lacp->members) != list_back(&lacp->members) ? LACP_AGGREGATION : 0;
    state |= m->attached ? LACP_SYNC : 0;
    state |= m->attached || !lacp->negotiated ? LACP_COLLECTING | LACP_DISTRIBUTING : 0;
    state |= m->state == LACP_MEMBER_DEFAULTED ? LACP_DEFAULTED
             : m->state == LACP_MEMBER_EXPIRED ? LACP_EXPIRED
                                               : 0;
    return (struct lacp_info){.system_priority = lacp->settings.system_priority,
                              .system_id = lacp->settings.system_id,
                              .key = m->settings.key,
                              .port_priority = m->settings.port_priority,
                              .port_id = m->settings.port_id,
                              .state = state};
}

static bool is_same_port(const struct lacp_info *a, const struct lacp_info *b)
{
    return a->system_priority == b->system_priority && a->key == b->key &&
           a->port_priority == b->port_priority && a->port_id == b->port_id &&
           !memcmp(&a->system_id, &b->system_id, sizeof a->system_id);
}

static bool is_same_info(const struct lacp_info *a, const struct lacp_info *b)
{
    return is_same_port(a, b) && a->state == b->state;
}

/* 5.6.1: which of two members decides; less is better. The system with the better id looks at its own port.
 */
static int compare_members(const struct lacp *lacp, const struct member *a, const struct member *b)
{
    int ours = lacp->settings.system_priority - a->partner.system_priority;
    ours = ours ? ours : memcmp(&lacp->settings.system_id, &a->partner.system_id, sizeof(struct eth_addr));
    int theirs = a->partner.port_priority - b->partner.port_priority;
    theirs = theirs ? theirs : a->partner.port_id - b->partner.port_id;
    int own = a->settings.port_priority - b->settings.port_priority;
    own = own ? own : a->settings.port_id - b->settings.port_id;
    return ours <= 0 ? (own ? own : theirs) : (theirs ? theirs : own);
}

/* Attaches the members that lead to the partner of the best one. */
static void update(struct lacp *lacp)
{
    struct member *m, *lead = NULL;
    bool negotiated = false;
    LIST_FOR_EACH (m, node, &lacp->members) {
        /* A loop: our own PDUs come back. */
        bool is_own = !memcmp(&m->partner.system_id, &lacp->settings.system_id, sizeof(struct eth_addr));
        if (m->carrier && m->state != LACP_MEMBER_DEFAULTED && !is_own &&
            (!lead || compare_members(lacp, m, lead) < 0)) {
            lead = m;
        }
    }
    LIST_FOR_EACH (m, node, &lacp->members) {
        bool falls_back =
            !lead && lacp->settings.fallback_active_backup && m->carrier && m->state == LACP_MEMBER_DEFAULTED;
        bool attached = lead && m->carrier && m->state != LACP_MEMBER_DEFAULTED &&
                        m->partner.key == lead->partner.key && m->settings.key == lead->settings.key &&
                        !memcmp(&m->partner.system_id, &lead->partner.system_id, sizeof(struct eth_addr));
        negotiated |= attached;
        attached |= falls_back;
        if (attached != m->attached) {
            m->attached = attached;
            m->need_to_transmit = true;
        }
    }
    if (negotiated != lacp->negotiated) {
        lacp->negotiated = negotiated;
        LIST_FOR_EACH (m, node, &lacp->members) {
            m->need_to_transmit = true;
        }
    }
    lacp->changes++;
}

static void become_defaulted(struct member *m)
{
    m->state = LACP_MEMBER_DEFAULTED;
    m->partner = (struct lacp_info){.state = 0};
    m->rx_timer = INT64_MAX;
    m->need_to_transmit = true;
}

/* 5.4.12: the partner is asked to answer at once. */
static void become_expired(struct member *m, int64_t now_ms)
{
    m->state = LACP_MEMBER_EXPIRED;
    m->partner.state = (uint8_t)((m->partner.state | LACP_TIMEOUT) & ~LACP_SYNC);
    m->rx_timer = now_ms + RX_TIMES * LACP_FAST_MS;
    m->need_to_transmit = true;
}

/* What is known of the partner holds no more. Who does not speak first does not ask. */
static void begin_anew(struct lacp *lacp, struct member *m, int64_t now_ms)
{
    if (lacp->settings.active) {
        become_expired(m, now_ms);
    } else {
        become_defaulted(m);
    }
}

/* ---- Settings ---- */

void lacp_configure(struct lacp *lacp, const struct lacp_settings *settings, int64_t now_ms)
{
    struct member *m;
    bool other = memcmp(&settings->system_id, &lacp->settings.system_id, sizeof settings->system_id) ||
                 settings->system_priority != lacp->settings.system_priority;
    lacp->settings = *settings;
    LIST_FOR_EACH (m, node, &lacp->members) {
        m->need_to_transmit = true;
        if (other && m->state == LACP_MEMBER_CURRENT) {
            begin_anew(lacp, m, now_ms);
        }
    }
    update(lacp);
}

void lacp_set_member(struct lacp *lacp, void *user, const struct lacp_member_settings *settings,
                     int64_t now_ms)
{
    struct member *m = find(lacp, user);
    if (!m) {
        m = xzalloc(sizeof *m);
        m->user = user;
        m->carrier = true;
        m->settings = *settings;
        m->last_tx = m->tx_timer = INT64_MIN / 2;
        list_push_back(&lacp->members, &m->node);
        begin_anew(lacp, m, now_ms);
    } else if (memcmp(&m->settings, settings, sizeof *settings)) {
        m->settings = *settings;
        begin_anew(lacp, m, now_ms);
    } else {
        return;
    }
    update(lacp);
}

void lacp_remove_member(struct lacp *lacp, const void *user)
{
    struct member *m = find(lacp, user);
    if (m) {
        list_remove(&m->node);
        free(m);
        update(lacp);
    }
}

void lacp_set_carrier(struct lacp *lacp, const void *user, bool up, int64_t now_ms)
{
    struct member *m = find(lacp, user);
    if (m && m->carrier != up) {
        m->carrier = up;
        m->carrier_changed++;
        if (up) {
            begin_anew(lacp, m, now_ms);
        } else {
            become_defaulted(m);
        }
        update(lacp);
    }
}

/* ---- PDUs ---- */

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* 5.4.2.2: an information TLV of 20 bytes. */
static void put_info(uint8_t *p, uint8_t type, const struct lacp_info *info)
{
    p[0] = type;
    p[1] = 20;
    put16(p + 2, info->system_priority);
    memcpy(p + 4, &info->system_id, 6);
    put16(p + 10, info->key);
    put16(p + 12, info->port_priority);
    put16(p + 14, info->port_id);
    p[16] = info->state;
}
static struct lacp_info get_info(const uint8_t *p)
{
    struct lacp_info info = {.system_priority = get16(p + 2),
                             .key = get16(p + 10),
                             .port_priority = get16(p + 12),
                             .port_id = get16(p + 14),
                             .state = p[16]};
    memcpy(&info.system_id, p + 4, 6);
    return info;
}

/* 5.4.13: so often the partner is to hear. */
static bool is_fast(const struct member *m)
{
    return m->state != LACP_MEMBER_CURRENT || (m->partner.state & LACP_TIMEOUT);
}

static void transmit(struct lacp *lacp, struct member *m, int64_t now_ms)
{
    uint8_t pdu[LACP_PDU_LEN] = {SUBTYPE, 1};
    struct lacp_info actor = actor_of(lacp, m);
    put_info(pdu + 2, 1, &actor);
    put_info(pdu + 22, 2, &m->partner);
    pdu[42] = 3; /* collector information: no delay */
    pdu[43] = 16;
    m->tx++;
    m->last_tx = now_ms;
    m->tx_timer = now_ms + (is_fast(m) ? LACP_FAST_MS : LACP_SLOW_MS);
    m->need_to_transmit = false;
    lacp->send(lacp->aux, m->user, pdu, sizeof pdu);
}

bool lacp_receive(struct lacp *lacp, const void *user, const void *pdu, size_t len, int64_t now_ms)
{
    const uint8_t *p = pdu;
    struct member *m = find(lacp, user);
    if (!m) {
        return false;
    }
    if (len >= 1 && p[0] == SUBTYPE_MARKER) {
        m->rx_marker++;
        return false;
    }
    if (len < LACP_PDU_LEN || p[0] != SUBTYPE || p[1] < 1 || p[2] != 1 || p[3] != 20 || p[22] != 2 ||
        p[23] != 20) {
        m->rx_bad++;
        return false;
    }
    m->rx++;
    if (!m->carrier) {
        return true;
    }
    struct lacp_info partner = get_info(p + 2), seen = get_info(p + 22);
    enum lacp_member_state old = m->state;
    m->state = LACP_MEMBER_CURRENT;
    m->rx_timer = now_ms + RX_TIMES * (lacp->settings.fast ? LACP_FAST_MS : LACP_SLOW_MS);
    if (old != LACP_MEMBER_CURRENT || !is_same_info(&partner, &m->partner)) {
        m->partner = partner;
        update(lacp);
    }
    /* What the partner thinks of us is out of date: tell it. */
    struct lacp_info actor = actor_of(lacp, m);
    const uint8_t all = LACP_ACTIVITY | LACP_TIMEOUT | LACP_AGGREGATION | LACP_SYNC;
    if (!is_same_port(&actor, &seen) || ((actor.state ^ seen.state) & all)) {
        m->need_to_transmit = true;
    }
    return true;
}

/* When MEMBER's next PDU is due. */
static int64_t next_tx(const struct lacp *lacp, const struct member *m)
{
    if (!m->carrier || (!lacp->settings.active && !(m->partner.state & LACP_ACTIVITY))) {
        return INT64_MAX;
    }
    return m->need_to_transmit ? m->last_tx + MIN_GAP_MS
           : is_fast(m)        ? MIN(m->tx_timer, m->last_tx + LACP_FAST_MS)
                               : m->tx_timer;
}

int64_t lacp_run(struct lacp *lacp, int64_t now_ms)
{
    struct member *m;
    bool changed = false;
    int64_t wake = INT64_MAX;
    LIST_FOR_EACH (m, node, &lacp->members) {
        if (m->rx_timer <= now_ms) {
            changed = true;
            if (m->state == LACP_MEMBER_CURRENT) {
                m->expired++;
                become_expired(m, now_ms);
            } else {
                m->defaulted++;
                become_defaulted(m);
            }
        }
    }
    if (changed) {
        update(lacp);
    }
    LIST_FOR_EACH (m, node, &lacp->members) {
        if (next_tx(lacp, m) <= now_ms) {
            transmit(lacp, m, now_ms);
        }
        wake = MIN(wake, MIN(m->rx_timer, next_tx(lacp, m)));
    }
    return wake;
}

/* ---- Answers ---- */

enum lacp_negotiation lacp_status(const struct lacp *lacp)
{
    return lacp->negotiated ? LACP_NEGOTIATED : LACP_CONFIGURED;
}

static bool may_enable(const struct lacp *lacp, const struct member *m)
{
    if (!lacp->negotiated) {
        return lacp->settings.fallback_active_backup && m->carrier;
    }
    return m->attached && (m->partner.state & LACP_SYNC);
}

bool lacp_may_enable(const struct lacp *lacp, const void *user)
{
    const struct member *m = find(lacp, user);
    return m && may_enable(lacp, m);
}

uint64_t lacp_changes(const struct lacp *lacp)
{
    return lacp->changes;
}

bool lacp_get_member(const struct lacp *lacp, const void *user, struct lacp_member_status *status)
{
    const struct member *m = find(lacp, user);
    if (m) {
        *status = (struct lacp_member_status){.state = m->state,
                                              .attached = m->attached,
                                              .may_enable = may_enable(lacp, m),
                                              .actor = actor_of(lacp, m),
                                              .partner = m->partner,
                                              .tx = m->tx,
                                              .rx = m->rx,
                                              .rx_bad = m->rx_bad,
                                              .rx_marker = m->rx_marker,
                                              .expired = m->expired,
                                              .defaulted = m->defaulted,
                                              .carrier_changed = m->carrier_changed};
    }
    return m != NULL;
}
