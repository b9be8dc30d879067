/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/bond.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"

LOG_MODULE(bond);

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(60, 60);

/* Two members whose loads differ by less than this in an interval are in balance. */
#define TRIVIAL_BYTES 100000

struct member {
    struct list node;
    void *user;
    char *name;
    uint8_t index;
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
    int refs; /* atomic */
    char *name;
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

struct bond *bond_create(const char *name)
{
    struct bond *bond = xzalloc(sizeof *bond);
    bond->refs = 1;
    bond->name = xstrdup(name);
    list_init(&bond->members);
    bond->settings.rebalance_ms = BOND_REBALANCE_DEFAULT_MS;
    bond->next_rebalance = INT64_MAX;
    return bond;
}

struct bond *bond_ref(struct bond *bond)
{
    __atomic_add_fetch(&bond->refs, 1, __ATOMIC_RELAXED);
    return bond;
}

static void free_member(struct member *m)
{
    free(m->name);
    free(m);
}

void bond_unref(struct bond *bond)
{
    if (bond && !__atomic_sub_fetch(&bond->refs, 1, __ATOMIC_ACQ_REL)) {
        struct member *m, *next;
        LIST_FOR_EACH_SAFE (m, next, node, &bond->members) {
            free_member(m);
        }
        free(bond->name);
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

static void spread(struct bond *bond);
static void enable(struct bond *bond, struct member *m, bool enabled);

void bond_configure(struct bond *bond, const struct bond_settings *settings, int64_t now_ms)
{
    int old = bond->settings.rebalance_ms;
    bool other_mode = bond->settings.mode != settings->mode;
    bond->settings = *settings;
    if (bond->settings.rebalance_ms) {
        bond->settings.rebalance_ms = MAX(bond->settings.rebalance_ms, 1000);
    }
    if (bond->next_rebalance == INT64_MAX || old != bond->settings.rebalance_ms) {
        bond->next_rebalance = bond->settings.rebalance_ms ? now_ms + bond->settings.rebalance_ms : INT64_MAX;
    }
    for (unsigned i = 0; other_mode && i < BOND_BUCKETS; i++) {
        __atomic_store_n(&bond->buckets[i].bytes, 0, __ATOMIC_RELAXED); /* the hash is another */
    }
    bond->changed = true;
}

static void number_members(struct bond *bond)
{
    struct member *m;
    uint8_t n = 0;
    LIST_FOR_EACH (m, node, &bond->members) {
        m->index = n++;
    }
}

void bond_set_member(struct bond *bond, void *user, const char *name, bool carrier, bool is_primary)
{
    struct member *m = find(bond, user);
    if (!m && list_size(&bond->members) < BOND_MAX_MEMBERS) {
        m = xzalloc(sizeof *m);
        m->user = user;
        m->name = xstrdup(name);
        m->delay_until = INT64_MAX;
        list_push_back(&bond->members, &m->node);
        number_members(bond);
        bond->changed = true;
        if (carrier) {
            m->carrier = m->may_enable = true;
            enable(bond, m, true);
        }
    }
    if (m) {
        m->is_primary = is_primary;
    }
}

void bond_remove_member(struct bond *bond, const void *user)
{
    struct member *m = find(bond, user);
    if (m) {
        enable(bond, m, false);
        list_remove(&m->node);
        number_members(bond);
        if (bond->active == m) {
            bond->active = NULL;
        }
        bond->changed = true;
        free_member(m);
    }
}

void bond_set_link(struct bond *bond, const void *user, bool carrier, bool may_enable)
{
    struct member *m = find(bond, user);
    if (m) {
        m->carrier = carrier;
        m->may_enable = may_enable;
    }
}

void bond_set_lacp(struct bond *bond, enum bond_lacp lacp)
{
    bond->changed |= bond->lacp != lacp;
    bond->lacp = lacp;
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
        LOG_INFO_RL(&rl, "member %s: %s", m->name, enabled ? "enabled" : "disabled");
        spread(bond);
    }
}

/* Follows the link, after the delay. LACP has its own; and no delay while nothing else works. */
static void follow_link(struct bond *bond, struct member *m, int64_t now_ms)
{
    bool up = m->carrier && m->may_enable;
    if ((up == m->enabled) != (m->delay_until == INT64_MAX)) {
        LOG_INFO_RL(&rl, "member %s: link state %s", m->name, up ? "up" : "down");
        if (up == m->enabled) {
            m->delay_until = INT64_MAX;
            LOG_INFO_RL(&rl, "member %s: will not be %s", m->name, up ? "disabled" : "enabled");
        } else {
            int delay = bond->lacp == BOND_LACP_NEGOTIATED ? 0
                        : up                               ? bond->settings.updelay_ms
                                                           : bond->settings.downdelay_ms;
            m->delay_until = now_ms + delay;
            if (delay) {
                LOG_INFO_RL(&rl, "member %s: will be %s if it stays %s for %d ms", m->name,
                            up ? "enabled" : "disabled", up ? "up" : "down", delay);
            }
        }
    }
    if (now_ms >= m->delay_until) {
        enable(bond, m, up);
    }
}

/* The one that is to be active; NULL: none is enabled. */
static struct member *best_enabled(struct bond *bond)
{
    struct member *m, *best = bond->active && bond->active->enabled ? bond->active : NULL;
    bond->active_forced &= best != NULL;
    LIST_FOR_EACH (m, node, &bond->members) {
        if (m->enabled && (!best || (m->is_primary && !balances(bond) && !bond->active_forced))) {
            best = m;
        }
    }
    return best;
}

/* None is enabled: the one whose delay is over first need not wait for that. */
static struct member *first_waiting(const struct bond *bond)
{
    struct member *m, *first = NULL;
    LIST_FOR_EACH (m, node, &bond->members) {
        if (m->delay_until != INT64_MAX && m->carrier && m->may_enable &&
            (!first || m->delay_until < first->delay_until)) {
            first = m;
        }
    }
    return first;
}

static void choose_active(struct bond *bond, int64_t now_ms)
{
    struct member *best = best_enabled(bond);
    struct member *early = best ? NULL : first_waiting(bond);
    if (early) {
        best = early;
        LOG_INFO_RL(
            &rl,
            "bond %s: active member is now %s, skipping remaining %lld ms updelay (since no member was "
            "enabled)",
            bond->name, best->name, (long long)(best->delay_until - now_ms));
        enable(bond, best, true);
    }
    if (best != bond->active) {
        if (!best) {
            LOG_INFO_RL(&rl, "bond %s: all members disabled", bond->name);
        } else if (!early) {
            LOG_INFO_RL(&rl, "bond %s: active member is now %s", bond->name, best->name);
        }
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
    LOG_INFO(
        "bond %s: shift %llukB of load (with hash %zu) from %s to %s (now carrying %llukB and %llukB load, "
        "respectively)",
        bond->name, (unsigned long long)bytes_of(best) / 1024, (size_t)(best - bond->buckets), from->name,
        to->name, (unsigned long long)from->load / 1024, (unsigned long long)to->load / 1024);
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
    int64_t wake = INT64_MAX;
    LIST_FOR_EACH (m, node, &bond->members) {
        follow_link(bond, m, now_ms);
        wake = MIN(wake, m->delay_until);
    }
    choose_active(bond, now_ms);
    if (now_ms >= bond->next_rebalance) {
        bond->next_rebalance = bond->settings.rebalance_ms ? now_ms + bond->settings.rebalance_ms : INT64_MAX;
        if (balances(bond) && bond->settings.rebalance_ms) {
            rebalance(bond);
        }
    }
    wake = MIN(wake, bond->next_rebalance);
    return wake;
}

bool bond_take_changes(struct bond *bond, bool *announce)
{
    bool changed = bond->changed;
    *announce = bond->announce;
    bond->changed = bond->announce = false;
    return changed;
}

/* ---- Packets ---- */

/* Which is known: `bond/hash` tells people. It is MurmurHash3 of the address, with the VLAN before it, in two
 * words. */
uint32_t bond_hash_mac(struct eth_addr mac, uint16_t vlan, uint32_t basis)
{
    uint64_t v = vlan;
    for (int i = 0; i < 6; i++) {
        v = v << 8 | mac.ea[i];
    }
    uint32_t words[2] = {(uint32_t)v, (uint32_t)(v >> 32)}, h = basis;
    for (int i = 0; i < 2; i++) {
        uint32_t k = words[i] * 0xcc9e2d51;
        h ^= (k << 15 | k >> 17) * 0x1b873593;
        h = (h << 13 | h >> 19) * 5 + 0xe6546b64;
    }
    h ^= 8;
    h = (h ^ h >> 16) * 0x85ebca6b;
    h = (h ^ h >> 13) * 0xc2b2ae35;
    return h ^ h >> 16;
}

void bond_account(struct bond *bond, uint32_t hash, uint64_t bytes)
{
    __atomic_fetch_add(&bond->buckets[hash % BOND_BUCKETS].bytes, bytes, __ATOMIC_RELAXED);
}

/* ---- Views ---- */

void bond_get_view(const struct bond *bond, struct bond_view *view)
{
    const struct member *m;
    memset(view, 0, sizeof *view);
    view->mode = bond->settings.mode;
    view->lacp = bond->lacp;
    view->hash_basis = bond->settings.hash_basis;
    view->balances = balances(bond);
    view->all_members_active = bond->settings.all_members_active;
    view->lacp_fallback = bond->settings.lacp_fallback;
    view->active = bond->active && bond->active->enabled ? bond->active->index : BOND_NO_MEMBER;
    LIST_FOR_EACH (m, node, &bond->members) {
        view->enabled |= (uint64_t)m->enabled << m->index;
        view->members[m->index] = m->user;
        view->n_members++;
    }
    for (unsigned i = 0; i < BOND_BUCKETS; i++) {
        m = bond->buckets[i].member;
        view->buckets[i] = m && m->enabled ? m->index : BOND_NO_MEMBER;
    }
}

uint8_t bond_choose(const struct bond_view *view, uint32_t hash)
{
    if (!view->balances) {
        return view->active;
    }
    if (view->mode == BOND_BALANCE_TCP && view->lacp != BOND_LACP_NEGOTIATED) {
        return BOND_NO_MEMBER;
    }
    return view->buckets[hash % BOND_BUCKETS];
}

enum bond_verdict bond_admit(const struct bond_view *view, uint8_t member, bool is_multicast)
{
    if (member >= view->n_members) {
        return BOND_DROP;
    }
    if (view->lacp == BOND_LACP_NEGOTIATED) {
        /* The partner sends each packet once. */
        return view->enabled >> member & 1 ? BOND_ACCEPT : BOND_DROP;
    }
    if (view->lacp == BOND_LACP_CONFIGURED && !view->lacp_fallback) {
        return BOND_DROP;
    }
    if (is_multicast && member != view->active &&
        !(view->all_members_active && view->lacp == BOND_LACP_OFF && view->mode == BOND_BALANCE_SLB)) {
        return BOND_DROP; /* a copy: the active member gets one too */
    }
    if (!view->balances) {
        return member == view->active ? BOND_ACCEPT : BOND_DROP;
    }
    return view->mode == BOND_BALANCE_SLB ? BOND_DROP_IF_MOVED : BOND_DROP;
}

/* ---- Commands and status ---- */

int bond_migrate(struct bond *bond, uint32_t hash, const void *user)
{
    struct member *m = find(bond, user);
    int error = !m ? ENOENT : !m->enabled || !balances(bond) ? EINVAL : 0;
    if (!error) {
        bond->buckets[hash % BOND_BUCKETS].member = m;
        bond->changed = true;
    }
    return error;
}

int bond_set_active(struct bond *bond, const void *user)
{
    struct member *m = find(bond, user);
    int error = !m ? ENOENT : !m->enabled ? EINVAL : 0;
    if (!error && bond->active != m) {
        bond->active = m;
        bond->changed = bond->announce = true;
        LOG_INFO_RL(&rl, "bond %s: active member is now %s", bond->name, m->name);
    }
    bond->active_forced |= !error;
    return error;
}

int bond_force_enabled(struct bond *bond, const void *user, bool enabled)
{
    struct member *m = find(bond, user);
    if (m) {
        enable(bond, m, enabled);
    }
    return m ? 0 : ENOENT;
}

void bond_get(const struct bond *bond, struct bond_status *status)
{
    *status = (struct bond_status){.settings = bond->settings,
                                   .lacp = bond->lacp,
                                   .active = bond->active ? bond->active->user : NULL,
                                   .next_rebalance_ms = bond->next_rebalance,
                                   .balances = balances(bond)};
}

void bond_for_each_member(const struct bond *bond, void (*each)(const struct bond_member_status *, void *aux),
                          void *aux)
{
    const struct member *m;
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
}

const void *bond_get_bucket(const struct bond *bond, unsigned i, uint64_t *bytes)
{
    const struct bucket *bucket = &bond->buckets[i % BOND_BUCKETS];
    const void *user = bucket->member ? bucket->member->user : NULL;
    *bytes = bytes_of(bucket);
    return user;
}
