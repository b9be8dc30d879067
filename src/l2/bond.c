/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/bond.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "base/list.h"

/* Two members whose loads differ by less than this in an interval are in balance. */
#define TRIVIAL_BYTES 100000

struct member {
    struct list node;
    void *user;
    bool is_primary;
    bool carrier, may_enable; /* as told */
    bool enabled;
    int64_t delay_until; /* when ENABLED becomes what the link is; INT64_MAX: it is */
    uint64_t load;       /* sum of its buckets', while rebalancing and in status */
};

struct bucket {
    struct member *member; /* NULL: no member is enabled */
    uint64_t bytes;        /* atomic; halved at each rebalance */
};

struct bond {
    pthread_rwlock_t lock;
    struct bond_settings settings;
    enum bond_lacp lacp;
    struct list members;
    struct member *active;
    bool active_forced; /* by command: kept until it fails, though it is not the primary */
    int64_t next_rebalance;
    bool changed, announce;
    struct bucket buckets[BOND_BUCKETS];
};

static const char *const mode_names[] = {"active-backup", "balance-slb", "balance-tcp"};

const char *bond_mode_name(enum bond_mode mode)
{
    return mode_names[mode];
}

bool bond_mode_parse(const char *s, enum bond_mode *mode)
{
    for (unsigned i = 0; i < ARRAY_SIZE(mode_names); i++) {
        if (!strcmp(s, mode_names[i])) {
            *mode = (enum bond_mode)i;
            return true;
        }
    }
    return false;
}

static void lock_read(const struct bond *bond)
{
    pthread_rwlock_rdlock((pthread_rwlock_t *)&bond->lock);
}
static void lock_write(struct bond *bond)
{
    pthread_rwlock_wrlock(&bond->lock);
}
static void unlock(const struct bond *bond)
{
    pthread_rwlock_unlock((pthread_rwlock_t *)&bond->lock);
}

struct bond *bond_create(void)
{
    struct bond *bond = xzalloc(sizeof *bond);
    pthread_rwlock_init(&bond->lock, NULL);
    list_init(&bond->members);
    bond->settings.rebalance_ms = BOND_REBALANCE_DEFAULT_MS;
    bond->next_rebalance = INT64_MAX;
    return bond;
}

void bond_destroy(struct bond *bond)
{
    if (bond) {
        struct member *m, *next;
        LIST_FOR_EACH_SAFE (m, next, node, &bond->members) {
            free(m);
        }
        pthread_rwlock_destroy(&bond->lock);
        free(bond);
    }
}

static uint64_t bytes_of(const struct bucket *bucket)
{
    return __atomic_load_n(&bucket->bytes, __ATOMIC_RELAXED);
}

static struct member *find(const struct bond *bond, const void *user)
{
    struct member *m;
    LIST_FOR_EACH (m, node, &bond->members) {
        if (m->user == user) {
            return m;
        }
    }
    return NULL;
}

/* Packets go by bucket, rather than through the active member. */
static bool balances(const struct bond *bond)
{
    bool falls_back = bond->settings.lacp_fallback && bond->lacp == BOND_LACP_CONFIGURED;
    return bond->settings.mode != BOND_ACTIVE_BACKUP && !falls_back;
}

void bond_configure(struct bond *bond, const struct bond_settings *settings, int64_t now_ms)
{
    lock_write(bond);
    int old = bond->settings.rebalance_ms;
    bond->settings = *settings;
    if (bond->settings.rebalance_ms) {
        bond->settings.rebalance_ms = MAX(bond->settings.rebalance_ms, 1000);
    }
    if (bond->next_rebalance == INT64_MAX || old != bond->settings.rebalance_ms) {
        bond->next_rebalance = bond->settings.rebalance_ms ? now_ms + bond->settings.rebalance_ms : INT64_MAX;
    }
    bond->changed = true;
    unlock(bond);
}

void bond_set_member(struct bond *bond, void *user, bool is_primary)
{
    lock_write(bond);
    struct member *m = find(bond, user);
    if (!m) {
        m = xzalloc(sizeof *m);
        m->user = user;
        m->delay_until = INT64_MAX;
        list_push_back(&bond->members, &m->node);
    }
    m->is_primary = is_primary;
    unlock(bond);
}

static void spread(struct bond *bond);

void bond_remove_member(struct bond *bond, const void *user)
{
    lock_write(bond);
    struct member *m = find(bond, user);
    if (m) {
        list_remove(&m->node);
        m->enabled = false;
        spread(bond);
        if (bond->active == m) {
            bond->active = NULL;
        }
        bond->changed = true;
        free(m);
    }
    unlock(bond);
}

void bond_set_link(struct bond *bond, const void *user, bool carrier, bool may_enable)
{
    lock_write(bond);
    struct member *m = find(bond, user);
    if (m) {
        m->carrier = carrier;
        m->may_enable = may_enable;
    }
    unlock(bond);
}

void bond_set_lacp(struct bond *bond, enum bond_lacp lacp)
{
    lock_write(bond);
    bond->changed |= bond->lacp != lacp;
    bond->lacp = lacp;
    unlock(bond);
}

/* ---- Enabling ---- */

/* Buckets that carry nothing, and those of members that are not enabled, go to those that are, in turn. */
static void spread(struct bond *bond)
{
    struct member *m, *next = NULL;
    for (unsigned i = 0; i < BOND_BUCKETS; i++) {
        struct bucket *bucket = &bond->buckets[i];
        if (bucket->member && bucket->member->enabled && bytes_of(bucket)) {
            continue;
        }
        bucket->member = NULL;
        for (unsigned pass = 0; pass < 2 && !bucket->member; pass++) {
            bool after = pass > 0 || !next;
            LIST_FOR_EACH (m, node, &bond->members) {
                if (after && m->enabled) {
                    bucket->member = next = m;
                    break;
                }
                after |= m == next;
            }
        }
    }
}

static void enable(struct bond *bond, struct member *m, bool enabled)
{
    m->delay_until = INT64_MAX;
    if (m->enabled != enabled) {
        m->enabled = enabled;
        bond->changed = true;
        spread(bond);
    }
}

static bool any_enabled(const struct bond *bond)
{
    const struct member *m;
    LIST_FOR_EACH (m, node, &bond->members) {
        if (m->enabled) {
            return true;
        }
    }
    return false;
}

/* Follows the link, after the delay. LACP has its own; and no delay while nothing else works. */
static void follow_link(struct bond *bond, struct member *m, int64_t now_ms)
{
    bool up = m->carrier && m->may_enable;
    if (up == m->enabled) {
        m->delay_until = INT64_MAX;
        return;
    }
    if (m->delay_until == INT64_MAX) {
        int delay = bond->lacp == BOND_LACP_NEGOTIATED ? 0
                    : up                               ? (any_enabled(bond) ? bond->settings.updelay_ms : 0)
                                                       : bond->settings.downdelay_ms;
        m->delay_until = now_ms + delay;
    }
    if (now_ms >= m->delay_until) {
        enable(bond, m, up);
    }
}

static void choose_active(struct bond *bond)
{
    struct member *m, *best = bond->active && bond->active->enabled ? bond->active : NULL;
    bond->active_forced &= best != NULL;
    LIST_FOR_EACH (m, node, &bond->members) {
        if (m->enabled && (!best || (m->is_primary && !bond->active_forced))) {
            best = m;
        }
    }
    if (best != bond->active) {
        bond->active = best;
        bond->changed = true;
        bond->announce |= best != NULL;
    }
}

/* ---- Balance ---- */

static void sum_loads(const struct bond *bond)
{
    struct member *m;
    LIST_FOR_EACH (m, node, &bond->members) {
        m->load = 0;
    }
    for (unsigned i = 0; i < BOND_BUCKETS; i++) {
        if (bond->buckets[i].member) {
            bond->buckets[i].member->load += bytes_of(&bond->buckets[i]);
        }
    }
}

/* Moves the bucket that brings the most and the least loaded member nearest to each other. False: they are
 * near enough, or no bucket helps. */
static bool move_one(struct bond *bond)
{
    struct member *m, *from = NULL, *to = NULL;
    LIST_FOR_EACH (m, node, &bond->members) {
        if (m->enabled) {
            from = !from || m->load > from->load ? m : from;
            to = !to || m->load < to->load ? m : to;
        }
    }
    if (!from || from == to) {
        return false;
    }
    uint64_t excess = from->load - to->load;
    if (excess < MAX(to->load / 32, (uint64_t)TRIVIAL_BYTES)) {
        return false;
    }
    struct bucket *best = NULL;
    uint64_t best_rest = excess;
    for (unsigned i = 0; i < BOND_BUCKETS; i++) {
        struct bucket *bucket = &bond->buckets[i];
        uint64_t bytes = bytes_of(bucket),
                 rest = excess > 2 * bytes ? excess - 2 * bytes : 2 * bytes - excess;
        if (bucket->member == from && bytes && rest < best_rest) {
            best = bucket;
            best_rest = rest;
        }
    }
    /* Not for a tenth of the difference. */
    if (!best || best_rest > excess - excess / 10) {
        return false;
    }
    from->load -= bytes_of(best);
    to->load += bytes_of(best);
    best->member = to;
    bond->changed = true;
    return true;
}

static void rebalance(struct bond *bond)
{
    sum_loads(bond);
    for (unsigned n = 0; n < BOND_BUCKETS && move_one(bond); n++) {
    }
    for (unsigned i = 0; i < BOND_BUCKETS; i++) {
        uint64_t bytes = bytes_of(&bond->buckets[i]);
        __atomic_fetch_sub(&bond->buckets[i].bytes, bytes - bytes / 2, __ATOMIC_RELAXED);
    }
}

int64_t bond_run(struct bond *bond, int64_t now_ms)
{
    struct member *m;
    lock_write(bond);
    int64_t wake = INT64_MAX;
    LIST_FOR_EACH (m, node, &bond->members) {
        follow_link(bond, m, now_ms);
        wake = MIN(wake, m->delay_until);
    }
    choose_active(bond);
    if (now_ms >= bond->next_rebalance) {
        bond->next_rebalance = bond->settings.rebalance_ms ? now_ms + bond->settings.rebalance_ms : INT64_MAX;
        if (balances(bond) && bond->settings.rebalance_ms) {
            rebalance(bond);
        }
    }
    wake = MIN(wake, bond->next_rebalance);
    unlock(bond);
    return wake;
}

bool bond_take_changes(struct bond *bond, bool *announce)
{
    lock_write(bond);
    bool changed = bond->changed;
    *announce = bond->announce;
    bond->changed = bond->announce = false;
    unlock(bond);
    return changed;
}

/* ---- Packets ---- */

uint32_t bond_hash_mac(const struct bond *bond, struct eth_addr mac, uint16_t vlan)
{
    uint64_t v = (uint64_t)vlan << 48;
    memcpy(&v, &mac, sizeof mac);
    lock_read(bond);
    uint32_t basis = bond->settings.hash_basis;
    unlock(bond);
    return hash_u64(v, basis);
}

void *bond_choose(const struct bond *bond, uint32_t hash)
{
    const struct member *m = NULL;
    lock_read(bond);
    if (!balances(bond)) {
        m = bond->active;
    } else if (bond->settings.mode != BOND_BALANCE_TCP || bond->lacp == BOND_LACP_NEGOTIATED) {
        m = bond->buckets[hash % BOND_BUCKETS].member;
    }
    void *user = m && m->enabled ? m->user : NULL;
    unlock(bond);
    return user;
}

void bond_account(struct bond *bond, uint32_t hash, uint64_t bytes)
{
    __atomic_fetch_add(&bond->buckets[hash % BOND_BUCKETS].bytes, bytes, __ATOMIC_RELAXED);
}

static enum bond_verdict admit(const struct bond *bond, const struct member *m, bool is_multicast)
{
    if (bond->lacp == BOND_LACP_NEGOTIATED) {
        return m->enabled ? BOND_ACCEPT : BOND_DROP; /* the partner sends each packet once */
    }
    if (bond->lacp == BOND_LACP_CONFIGURED && !bond->settings.lacp_fallback) {
        return BOND_DROP;
    }
    if (is_multicast && m != bond->active &&
        !(bond->settings.all_members_active && bond->lacp == BOND_LACP_OFF)) {
        return BOND_DROP; /* a copy: the active member gets one too */
    }
    if (!balances(bond)) {
        return m == bond->active ? BOND_ACCEPT : BOND_DROP;
    }
    return bond->settings.mode == BOND_BALANCE_SLB ? BOND_DROP_IF_MOVED : BOND_DROP;
}

enum bond_verdict bond_admit(const struct bond *bond, const void *user, bool is_multicast)
{
    lock_read(bond);
    const struct member *m = find(bond, user);
    enum bond_verdict verdict = m ? admit(bond, m, is_multicast) : BOND_DROP;
    unlock(bond);
    return verdict;
}

/* ---- Commands and status ---- */

int bond_migrate(struct bond *bond, uint32_t hash, void *user)
{
    lock_write(bond);
    struct member *m = find(bond, user);
    int error = !m ? ENOENT : !m->enabled || !balances(bond) ? EINVAL : 0;
    if (!error) {
        bond->buckets[hash % BOND_BUCKETS].member = m;
        bond->changed = true;
    }
    unlock(bond);
    return error;
}

int bond_set_active(struct bond *bond, void *user)
{
    lock_write(bond);
    struct member *m = find(bond, user);
    int error = !m ? ENOENT : !m->enabled ? EINVAL : 0;
    if (!error && bond->active != m) {
        bond->active = m;
        bond->changed = bond->announce = true;
    }
    bond->active_forced |= !error;
    unlock(bond);
    return error;
}

int bond_force_enabled(struct bond *bond, void *user, bool enabled)
{
    lock_write(bond);
    struct member *m = find(bond, user);
    if (m) {
        enable(bond, m, enabled);
        choose_active(bond);
    }
    unlock(bond);
    return m ? 0 : ENOENT;
}

void bond_get(const struct bond *bond, struct bond_status *status)
{
    lock_read(bond);
    *status = (struct bond_status){.settings = bond->settings,
                                   .lacp = bond->lacp,
                                   .active = bond->active ? bond->active->user : NULL,
                                   .next_rebalance_ms = bond->next_rebalance,
                                   .balances = balances(bond)};
    unlock(bond);
}

void bond_for_each_member(const struct bond *bond, void (*each)(const struct bond_member_status *, void *aux),
                          void *aux)
{
    const struct member *m;
    lock_read(bond);
    LIST_FOR_EACH (m, node, &bond->members) {
        struct bond_member_status status = {.member = m->user,
                                            .enabled = m->enabled,
                                            .may_enable = m->carrier && m->may_enable,
                                            .active = m == bond->active,
                                            .delay_until_ms = m->delay_until};
        for (unsigned i = 0; i < BOND_BUCKETS; i++) {
            if (bond->buckets[i].member == m) {
                status.n_buckets++;
                status.tx_bytes += bytes_of(&bond->buckets[i]);
            }
        }
        each(&status, aux);
    }
    unlock(bond);
}

void *bond_get_bucket(const struct bond *bond, unsigned i, uint64_t *bytes)
{
    lock_read(bond);
    const struct bucket *bucket = &bond->buckets[i % BOND_BUCKETS];
    void *user = bucket->member ? bucket->member->user : NULL;
    *bytes = bytes_of(bucket);
    unlock(bond);
    return user;
}
