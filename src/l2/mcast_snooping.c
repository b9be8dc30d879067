/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/mcast_snooping.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/list.h"

/* A port that joined a group, or that has a router behind it. */
struct member {
    struct list node; /* of the group or the table, the longest unheard first */
    void *port;
    uint16_t vlan; /* of a router */
    int64_t used_ms;
};

struct group {
    struct hmap_node node;
    struct list age_node;
    struct list members; /* never empty */
    struct ipv6_addr addr;
    uint16_t vlan;
};

struct mcast_table {
    pthread_rwlock_t lock;
    struct hmap groups;
    struct list by_age; /* groups, the longest unheard first */
    struct list routers;
    size_t max;
    int64_t aging_ms;
    void (*changed)(void *aux, uint16_t vlan, const struct ipv6_addr *group);
    void *aux;
};

static void lock_read(const struct mcast_table *table)
{
    pthread_rwlock_rdlock((pthread_rwlock_t *)&table->lock);
}
static void lock_write(struct mcast_table *table)
{
    pthread_rwlock_wrlock(&table->lock);
}
static void unlock(const struct mcast_table *table)
{
    pthread_rwlock_unlock((pthread_rwlock_t *)&table->lock);
}

struct mcast_table *mcast_table_create(void)
{
    struct mcast_table *table = xzalloc(sizeof *table);
    pthread_rwlock_init(&table->lock, NULL);
    hmap_init(&table->groups);
    list_init(&table->by_age);
    list_init(&table->routers);
    table->max = MCAST_SIZE_DEFAULT;
    table->aging_ms = MCAST_AGING_DEFAULT_S * INT64_C(1000);
    return table;
}

void mcast_table_destroy(struct mcast_table *table)
{
    if (table) {
        table->changed = NULL;
        mcast_table_flush(table);
        hmap_fini(&table->groups);
        pthread_rwlock_destroy(&table->lock);
        free(table);
    }
}

void mcast_table_set_callback(struct mcast_table *table,
                              void (*changed)(void *aux, uint16_t vlan, const struct ipv6_addr *group),
                              void *aux)
{
    lock_write(table);
    table->changed = changed;
    table->aux = aux;
    unlock(table);
}

static void tell(const struct mcast_table *table, uint16_t vlan, const struct ipv6_addr *group)
{
    if (table->changed) {
        table->changed(table->aux, vlan, group);
    }
}

/* ---- Groups and members ---- */

static uint32_t hash_of(const struct ipv6_addr *addr, uint16_t vlan)
{
    return hash_bytes(addr, sizeof *addr, vlan);
}

static struct group *find_group(const struct mcast_table *table, const struct ipv6_addr *addr, uint16_t vlan)
{
    struct group *group;
    HMAP_FOR_EACH_WITH_HASH (group, node, hash_of(addr, vlan), &table->groups) {
        if (group->vlan == vlan && !memcmp(&group->addr, addr, sizeof *addr)) {
            return group;
        }
    }
    return NULL;
}

static struct member *find_member(const struct list *members, const void *port, uint16_t vlan)
{
    struct member *member;
    LIST_FOR_EACH (member, node, members) {
        if (member->port == port && member->vlan == vlan) {
            return member;
        }
    }
    return NULL;
}

/* PORT was heard of: to the end of MEMBERS. True if it is new there. */
static bool hear(struct list *members, void *port, uint16_t vlan, int64_t now_ms)
{
    struct member *member = find_member(members, port, vlan);
    bool is_new = !member;
    if (is_new) {
        member = xmalloc(sizeof *member);
        member->port = port;
        member->vlan = vlan;
    } else {
        list_remove(&member->node);
    }
    member->used_ms = now_ms;
    list_push_back(members, &member->node);
    return is_new;
}

static void forget(struct member *member)
{
    list_remove(&member->node);
    free(member);
}

static void drop_group(struct mcast_table *table, struct group *group)
{
    struct member *member, *next;
    LIST_FOR_EACH_SAFE (member, next, node, &group->members) {
        forget(member);
    }
    hmap_remove(&table->groups, &group->node);
    list_remove(&group->age_node);
    tell(table, group->vlan, &group->addr);
    free(group);
}

static void drop_member(struct mcast_table *table, struct group *group, struct member *member)
{
    forget(member);
    if (list_is_empty(&group->members)) {
        drop_group(table, group);
    } else {
        tell(table, group->vlan, &group->addr);
    }
}

static void make_room(struct mcast_table *table, size_t n)
{
    while (hmap_count(&table->groups) + n > table->max) {
        drop_group(table, CONTAINER_OF(list_front(&table->by_age), struct group, age_node));
    }
}

void mcast_table_set_aging(struct mcast_table *table, unsigned seconds)
{
    lock_write(table);
    table->aging_ms = (seconds ? seconds : MCAST_AGING_DEFAULT_S) * INT64_C(1000);
    unlock(table);
}

void mcast_table_set_max(struct mcast_table *table, size_t max_groups)
{
    lock_write(table);
    table->max = max_groups ? max_groups : MCAST_SIZE_DEFAULT;
    make_room(table, 0);
    unlock(table);
}

bool mcast_is_link_local(const struct ipv6_addr *group)
{
    static const struct ipv6_addr all_nodes = {.be32 = {CONST_BE32(0xff020000), 0, 0, CONST_BE32(1)}};
    if (!group->be32[0] && !group->be32[1] && group->be32[2] == CONST_BE32(0xffff)) {
        return (group->be32[3] & CONST_BE32(0xffffff00)) == CONST_BE32(0xe0000000);
    }
    return !memcmp(group, &all_nodes, sizeof all_nodes);
}

static bool is_multicast(const struct ipv6_addr *group)
{
    bool is_ipv4 = !group->be32[0] && !group->be32[1] && group->be32[2] == CONST_BE32(0xffff);
    return is_ipv4 ? (group->u8[12] & 0xf0) == 0xe0 : group->u8[0] == 0xff;
}

static bool is_router_locked(const struct mcast_table *table, uint16_t vlan, const void *port)
{
    const struct member *member;
    LIST_FOR_EACH (member, node, &table->routers) {
        if (member->port == port && member->vlan == vlan) {
            return true;
        }
    }
    return false;
}

static bool join_locked(struct mcast_table *table, const struct ipv6_addr *addr, uint16_t vlan, void *port,
                        int64_t now_ms)
{
    if (is_router_locked(table, vlan, port)) {
        return false; /* it gets all there is */
    }
    if (!is_multicast(addr)) {
        return false;
    }
    struct group *group = find_group(table, addr, vlan);
    if (!group) {
        make_room(table, 1);
        group = xmalloc(sizeof *group);
        group->addr = *addr;
        group->vlan = vlan;
        list_init(&group->members);
        hmap_insert(&table->groups, &group->node, hash_of(addr, vlan));
    } else {
        list_remove(&group->age_node);
    }
    list_push_back(&table->by_age, &group->age_node);
    bool is_new = hear(&group->members, port, 0, now_ms);
    if (is_new) {
        tell(table, vlan, addr);
    }
    return is_new;
}

static bool leave_locked(struct mcast_table *table, const struct ipv6_addr *addr, uint16_t vlan,
                         const void *port)
{
    struct group *group = find_group(table, addr, vlan);
    struct member *member = group ? find_member(&group->members, port, 0) : NULL;
    if (member) {
        drop_member(table, group, member);
    }
    return member != NULL;
}

static bool add_router_locked(struct mcast_table *table, uint16_t vlan, void *port, int64_t now_ms)
{
    bool is_new = hear(&table->routers, port, vlan, now_ms);
    if (is_new) {
        tell(table, vlan, NULL);
    }
    return is_new;
}

bool mcast_join(struct mcast_table *table, const struct ipv6_addr *group, uint16_t vlan, void *port,
                int64_t now_ms)
{
    lock_write(table);
    bool changed = join_locked(table, group, vlan, port, now_ms);
    unlock(table);
    return changed;
}

bool mcast_leave(struct mcast_table *table, const struct ipv6_addr *group, uint16_t vlan, const void *port)
{
    lock_write(table);
    bool changed = leave_locked(table, group, vlan, port);
    unlock(table);
    return changed;
}

bool mcast_add_router(struct mcast_table *table, uint16_t vlan, void *port, int64_t now_ms)
{
    lock_write(table);
    bool changed = add_router_locked(table, vlan, port, now_ms);
    unlock(table);
    return changed;
}

/* ---- Packets ---- */

enum {
    IGMP_QUERY = 0x11,
    IGMP_REPORT_V1 = 0x12,
    IGMP_REPORT_V2 = 0x16,
    IGMP_LEAVE = 0x17,
    IGMP_REPORT_V3 = 0x22,
    MLD_QUERY = 130,
    MLD_REPORT = 131,
    MLD_DONE = 132,
    MLD_REPORT_V2 = 143,
    ICMPV6 = 58,
};

/* Group records of IGMPv3 and MLDv2, which number them alike. */
enum {
    RECORD_IS_INCLUDE = 1,
    RECORD_TO_INCLUDE = 3,
};

static uint32_t sum16(const void *data, size_t len, uint32_t sum)
{
    const uint8_t *p = data;
    for (; len > 1; len -= 2, p += 2) {
        sum += (uint32_t)(p[0] << 8 | p[1]);
    }
    return len ? sum + (uint32_t)(p[0] << 8) : sum;
}

static bool is_sum_good(uint32_t sum)
{
    sum = (sum >> 16) + (sum & 0xffff);
    return sum + (sum >> 16) == 0xffff;
}

/* A message of group records, N_ADDRESS bytes to an address. To include no source is to leave; all else is to
 * join. */
static void learn_records(struct mcast_table *table, const uint8_t *p, size_t len, size_t address_size,
                          uint16_t vlan, void *port, int64_t now_ms)
{
    unsigned n = (unsigned)(p[6] << 8 | p[7]);
    for (p += 8, len -= 8; n > 0 && len >= 4 + address_size; n--) {
        uint8_t type = p[0];
        unsigned n_sources = (unsigned)(p[2] << 8 | p[3]);
        size_t size = 4 + address_size + n_sources * address_size + p[1] * 4u;
        if (size > len) {
            break;
        }
        struct ipv6_addr group;
        if (address_size == 4) {
            group = mcast_map_ipv4(get_be32(p + 4));
        } else {
            memcpy(&group, p + 4, sizeof group);
        }
        if (!n_sources && (type == RECORD_IS_INCLUDE || type == RECORD_TO_INCLUDE)) {
            leave_locked(table, &group, vlan, port);
        } else {
            join_locked(table, &group, vlan, port, now_ms);
        }
        p += size;
        len -= size;
    }
}

enum mcast_kind mcast_learn_igmp(struct mcast_table *table, const void *payload, size_t len, be32 ip_src,
                                 uint16_t vlan, void *port, int64_t now_ms)
{
    const uint8_t *p = payload;
    if (len < 8 || !is_sum_good(sum16(p, len, 0))) {
        return MCAST_NONE;
    }
    struct ipv6_addr group = mcast_map_ipv4(get_be32(p + 4));
    enum mcast_kind kind = MCAST_NONE;
    lock_write(table);
    switch (p[0]) {
    case IGMP_QUERY:
        kind = MCAST_QUERY;
        if (ip_src) {
            add_router_locked(table, vlan, port, now_ms);
        }
        break;
    case IGMP_REPORT_V1:
    case IGMP_REPORT_V2:
        kind = MCAST_REPORT;
        join_locked(table, &group, vlan, port, now_ms);
        break;
    case IGMP_LEAVE:
        kind = MCAST_LEAVE;
        leave_locked(table, &group, vlan, port);
        break;
    case IGMP_REPORT_V3:
        kind = MCAST_REPORT;
        learn_records(table, p, len, 4, vlan, port, now_ms);
        break;
    }
    unlock(table);
    return kind;
}

enum mcast_kind mcast_learn_mld(struct mcast_table *table, const void *payload, size_t len,
                                const struct ipv6_addr addresses[2], uint16_t vlan, void *port,
                                int64_t now_ms)
{
    static const struct ipv6_addr nowhere;
    const uint8_t *p = payload;
    struct ipv6_addr group;
    if (len < 8 || len > UINT16_MAX ||
        !is_sum_good(sum16(p, len, sum16(addresses, 2 * sizeof *addresses, (uint32_t)len + ICMPV6)))) {
        return MCAST_NONE;
    }
    if (p[0] != MLD_REPORT_V2) {
        if (len < 24) {
            return MCAST_NONE;
        }
        memcpy(&group, p + 8, sizeof group);
    }
    enum mcast_kind kind = MCAST_NONE;
    lock_write(table);
    switch (p[0]) {
    case MLD_QUERY:
        kind = MCAST_QUERY;
        if (memcmp(&addresses[0], &nowhere, sizeof nowhere)) {
            add_router_locked(table, vlan, port, now_ms);
        }
        break;
    case MLD_REPORT:
        kind = MCAST_REPORT;
        join_locked(table, &group, vlan, port, now_ms);
        break;
    case MLD_DONE:
        kind = MCAST_LEAVE;
        leave_locked(table, &group, vlan, port);
        break;
    case MLD_REPORT_V2:
        kind = MCAST_REPORT;
        learn_records(table, p, len, 16, vlan, port, now_ms);
        break;
    }
    unlock(table);
    return kind;
}

/* ---- Look-up, ageing, walks ---- */

size_t mcast_find(const struct mcast_table *table, const struct ipv6_addr *addr, uint16_t vlan, void *ports[],
                  size_t max)
{
    size_t n = 0;
    lock_read(table);
    const struct group *group = find_group(table, addr, vlan);
    if (group) {
        const struct member *member;
        LIST_FOR_EACH (member, node, &group->members) {
            if (n < max) {
                ports[n] = member->port;
            }
            n++;
        }
    }
    unlock(table);
    return n;
}

size_t mcast_find_routers(const struct mcast_table *table, uint16_t vlan, void *ports[], size_t max)
{
    size_t n = 0;
    const struct member *member;
    lock_read(table);
    LIST_FOR_EACH (member, node, &table->routers) {
        if (member->vlan == vlan) {
            if (n < max) {
                ports[n] = member->port;
            }
            n++;
        }
    }
    unlock(table);
    return n;
}

int64_t mcast_table_run(struct mcast_table *table, int64_t now_ms)
{
    struct group *group, *next_group;
    struct member *member, *next;
    int64_t wake = INT64_MAX;
    lock_write(table);
    LIST_FOR_EACH_SAFE (member, next, node, &table->routers) {
        int64_t due = member->used_ms + MCAST_ROUTER_AGE_S * INT64_C(1000);
        if (due <= now_ms) {
            uint16_t vlan = member->vlan;
            forget(member);
            tell(table, vlan, NULL);
        } else {
            wake = MIN(wake, due);
        }
    }
    /* A group is as old as its youngest member, so all are looked at: the oldest of a young group may be due.
     */
    LIST_FOR_EACH_SAFE (group, next_group, age_node, &table->by_age) {
        for (;;) {
            member = CONTAINER_OF(list_front(&group->members), struct member, node);
            int64_t due = member->used_ms + table->aging_ms;
            if (due > now_ms) {
                wake = MIN(wake, due);
                break;
            }
            bool last = list_front(&group->members) == list_back(&group->members);
            drop_member(table, group, member);
            if (last) {
                break;
            }
        }
    }
    unlock(table);
    return wake;
}

static void flush(struct mcast_table *table, const void *port, bool all)
{
    struct group *group, *next_group;
    struct member *member, *next;
    lock_write(table);
    LIST_FOR_EACH_SAFE (group, next_group, age_node, &table->by_age) {
        if (all) {
            drop_group(table, group);
        } else if ((member = find_member(&group->members, port, 0)) != NULL) {
            drop_member(table, group, member);
        }
    }
    LIST_FOR_EACH_SAFE (member, next, node, &table->routers) {
        if (all || member->port == port) {
            uint16_t vlan = member->vlan;
            forget(member);
            tell(table, vlan, NULL);
        }
    }
    unlock(table);
}

void mcast_table_flush(struct mcast_table *table)
{
    flush(table, NULL, true);
}

void mcast_table_flush_port(struct mcast_table *table, const void *port)
{
    flush(table, port, false);
}

void mcast_table_for_each(const struct mcast_table *table,
                          void (*each)(const struct mcast_entry *, void *aux), void *aux)
{
    const struct group *group;
    const struct member *member;
    lock_read(table);
    LIST_FOR_EACH (group, age_node, &table->by_age) {
        LIST_FOR_EACH (member, node, &group->members) {
            each(&(struct mcast_entry){.port = member->port,
                                       .vlan = group->vlan,
                                       .group = group->addr,
                                       .used_ms = member->used_ms},
                 aux);
        }
    }
    LIST_FOR_EACH (member, node, &table->routers) {
        each(
            &(struct mcast_entry){
                .port = member->port, .vlan = member->vlan, .is_router = true, .used_ms = member->used_ms},
            aux);
    }
    unlock(table);
}
