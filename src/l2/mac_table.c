/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/mac_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/list.h"

/* A port that has dynamic entries. */
struct port_entries {
    struct hmap_node node;
    const void *port;
    struct list entries; /* dynamic, oldest first */
    size_t n;
    size_t heap_index;
};

struct entry {
    struct hmap_node node;
    struct list age_node;         /* in mac_table's by_age */
    struct list port_node;        /* in port_entries' entries, unless static */
    struct port_entries *of_port; /* NULL: static */
    struct mac_entry e;
    int64_t locked_until_ms; /* for gratuitous ARP from bonds */
};

struct mac_table {
    pthread_rwlock_t lock;
    struct hmap entries;
    struct list by_age; /* all, oldest first */
    struct hmap ports;
    struct port_entries **heap; /* by n, greatest first */
    size_t n_heap, heap_allocated;
    size_t max, n_static;
    int64_t aging_ms;
    uint32_t secret;
    uint64_t *flood_vlans;        /* 4096 bits or NULL */
    struct mac_table_stats stats; /* totals */
    void (*changed)(void *aux, enum mac_change, const struct mac_entry *);
    void *aux;
};

static void lock_read(const struct mac_table *table)
{
    pthread_rwlock_rdlock((pthread_rwlock_t *)&table->lock);
}
static void lock_write(struct mac_table *table)
{
    pthread_rwlock_wrlock(&table->lock);
}
static void unlock(const struct mac_table *table)
{
    pthread_rwlock_unlock((pthread_rwlock_t *)&table->lock);
}

struct mac_table *mac_table_create(void)
{
    struct mac_table *table = xzalloc(sizeof *table);
    pthread_rwlock_init(&table->lock, NULL);
    hmap_init(&table->entries);
    hmap_init(&table->ports);
    list_init(&table->by_age);
    table->max = MAC_TABLE_SIZE_DEFAULT;
    table->aging_ms = MAC_TABLE_AGING_DEFAULT_S * INT64_C(1000);
    if (getrandom(&table->secret, sizeof table->secret, GRND_NONBLOCK) < 0) {
        table->secret = (uint32_t)(uintptr_t)table; /* early at boot: better than a constant */
    }
    return table;
}

void mac_table_destroy(struct mac_table *table)
{
    if (table) {
        struct entry *entry, *next;
        LIST_FOR_EACH_SAFE (entry, next, age_node, &table->by_age) {
            free(entry);
        }
        for (size_t i = 0; i < table->n_heap; i++) {
            free(table->heap[i]);
        }
        free(table->heap);
        free(table->flood_vlans);
        hmap_fini(&table->entries);
        hmap_fini(&table->ports);
        pthread_rwlock_destroy(&table->lock);
        free(table);
    }
}

void mac_table_set_callback(struct mac_table *table,
                            void (*changed)(void *aux, enum mac_change, const struct mac_entry *), void *aux)
{
    lock_write(table);
    table->changed = changed;
    table->aux = aux;
    unlock(table);
}

static void tell(const struct mac_table *table, enum mac_change change, const struct mac_entry *e)
{
    if (table->changed) {
        table->changed(table->aux, change, e);
    }
}

static uint32_t hash_of(const struct mac_table *table, struct eth_addr mac, uint16_t vlan)
{
    uint64_t v = (uint64_t)vlan << 48;
    memcpy(&v, &mac, sizeof mac);
    return hash_u64(v, table->secret);
}

static struct entry *find(const struct mac_table *table, struct eth_addr mac, uint16_t vlan)
{
    struct entry *entry;
    HMAP_FOR_EACH_WITH_HASH (entry, node, hash_of(table, mac, vlan), &table->entries) {
        if (entry->e.vlan == vlan && !memcmp(&entry->e.mac, &mac, sizeof mac)) {
            return entry;
        }
    }
    return NULL;
}

/* ---- Ports, by their number of entries ---- */

static void heap_put(struct mac_table *table, size_t i, struct port_entries *port)
{
    table->heap[i] = port;
    port->heap_index = i;
}

/* PORT's number changed: to its place. */
static void heap_move(struct mac_table *table, struct port_entries *port)
{
    size_t i = port->heap_index;
    for (; i > 0 && table->heap[(i - 1) / 2]->n < port->n; i = (i - 1) / 2) {
        heap_put(table, i, table->heap[(i - 1) / 2]);
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < table->n_heap && table->heap[child + 1]->n > table->heap[child]->n) {
            child++;
        }
        if (child >= table->n_heap || table->heap[child]->n <= port->n) {
            break;
        }
        heap_put(table, i, table->heap[child]);
        i = child;
    }
    heap_put(table, i, port);
}

static struct port_entries *find_port(const struct mac_table *table, const void *port)
{
    struct port_entries *p;
    HMAP_FOR_EACH_WITH_HASH (p, node, hash_pointer(port, 0), &table->ports) {
        if (p->port == port) {
            return p;
        }
    }
    return NULL;
}

static void join_port(struct mac_table *table, struct entry *entry)
{
    struct port_entries *port = find_port(table, entry->e.port);
    if (!port) {
        port = xzalloc(sizeof *port);
        port->port = entry->e.port;
        list_init(&port->entries);
        hmap_insert(&table->ports, &port->node, hash_pointer(port->port, 0));
        if (table->n_heap == table->heap_allocated) {
            table->heap = x2nrealloc(table->heap, &table->heap_allocated, sizeof *table->heap);
        }
        heap_put(table, table->n_heap++, port);
    }
    entry->of_port = port;
    list_push_back(&port->entries, &entry->port_node);
    port->n++;
    heap_move(table, port);
}

static void leave_port(struct mac_table *table, struct entry *entry)
{
    struct port_entries *port = entry->of_port;
    if (!port) {
        return;
    }
    entry->of_port = NULL;
    list_remove(&entry->port_node);
    port->n--;
    heap_move(table, port);
    if (!port->n) {
        struct port_entries *last = table->heap[--table->n_heap];
        if (last != port) {
            heap_put(table, port->heap_index, last);
            heap_move(table, last);
        }
        hmap_remove(&table->ports, &port->node);
        free(port);
    }
}

/* ---- Entries ---- */

static void drop(struct mac_table *table, struct entry *entry, enum mac_change why)
{
    leave_port(table, entry);
    hmap_remove(&table->entries, &entry->node);
    list_remove(&entry->age_node);
    table->n_static -= entry->e.is_static;
    tell(table, why, &entry->e);
    free(entry);
}

/* Room for N entries more. False: only static ones are left. */
static bool make_room(struct mac_table *table, size_t n)
{
    while (hmap_count(&table->entries) + n > table->max) {
        if (!table->n_heap) {
            return false;
        }
        struct list *oldest = list_front(&table->heap[0]->entries);
        drop(table, CONTAINER_OF(oldest, struct entry, port_node), MAC_EVICTED);
        table->stats.evicted++;
    }
    return true;
}

static struct entry *insert(struct mac_table *table, struct eth_addr mac, uint16_t vlan)
{
    struct entry *entry = xzalloc(sizeof *entry);
    entry->e.mac = mac;
    entry->e.vlan = vlan;
    hmap_insert(&table->entries, &entry->node, hash_of(table, mac, vlan));
    list_push_back(&table->by_age, &entry->age_node);
    return entry;
}

static void become_youngest(struct mac_table *table, struct entry *entry, int64_t now_ms)
{
    entry->e.used_ms = now_ms;
    list_remove(&entry->age_node);
    list_push_back(&table->by_age, &entry->age_node);
    if (entry->of_port) {
        list_remove(&entry->port_node);
        list_push_back(&entry->of_port->entries, &entry->port_node);
    }
}

static bool is_flood_vlan(const uint64_t *bitmap, uint16_t vlan)
{
    return bitmap && ((bitmap[vlan / 64 % 64] >> (vlan % 64)) & 1);
}

static bool may_learn(const struct mac_table *table, const struct mac_learn *learn)
{
    return !(learn->mac.ea[0] & 1) && !is_flood_vlan(table->flood_vlans, learn->vlan);
}

static bool is_locked(const struct entry *entry, const struct mac_learn *learn, int64_t now_ms)
{
    return learn->gratuitous_arp && learn->from_bond && now_ms < entry->locked_until_ms;
}

void mac_table_set_aging(struct mac_table *table, unsigned seconds)
{
    lock_write(table);
    table->aging_ms = (seconds ? seconds : MAC_TABLE_AGING_DEFAULT_S) * INT64_C(1000);
    unlock(table);
}

void mac_table_set_max(struct mac_table *table, size_t max)
{
    max = max ? max : MAC_TABLE_SIZE_DEFAULT;
    lock_write(table);
    table->max = MAX((size_t)MAC_TABLE_SIZE_MIN, MIN(max, (size_t)MAC_TABLE_SIZE_MAX));
    make_room(table, 0);
    unlock(table);
}

bool mac_table_set_flood_vlans(struct mac_table *table, const uint64_t *bitmap)
{
    static const uint64_t none[64];
    bool changed = false;
    lock_write(table);
    if (memcmp(table->flood_vlans ? table->flood_vlans : none, bitmap ? bitmap : none, sizeof none)) {
        struct entry *entry, *next;
        free(table->flood_vlans);
        table->flood_vlans = bitmap ? xmemdup(bitmap, sizeof none) : NULL;
        LIST_FOR_EACH_SAFE (entry, next, age_node, &table->by_age) {
            if (!entry->e.is_static && is_flood_vlan(bitmap, entry->e.vlan)) {
                drop(table, entry, MAC_FLUSHED);
            }
        }
        changed = true;
    }
    unlock(table);
    return changed;
}

bool mac_table_get(const struct mac_table *table, struct eth_addr mac, uint16_t vlan, struct mac_entry *e)
{
    lock_read(table);
    const struct entry *entry = find(table, mac, vlan);
    if (entry) {
        *e = entry->e;
    }
    unlock(table);
    return entry != NULL;
}

bool mac_table_lookup(const struct mac_table *table, struct eth_addr mac, uint16_t vlan, void **port)
{
    struct mac_entry e;
    bool found = mac_table_get(table, mac, vlan, &e);
    if (found) {
        *port = e.port;
    }
    return found;
}

bool mac_table_would_learn(const struct mac_table *table, const struct mac_learn *learn, int64_t now_ms)
{
    lock_read(table);
    const struct entry *entry = find(table, learn->mac, learn->vlan);
    bool would =
        may_learn(table, learn) &&
        (!entry || (!entry->e.is_static && entry->e.port != learn->port && !is_locked(entry, learn, now_ms)));
    unlock(table);
    return would;
}

/* The entry that is to be changed for LEARN; NULL: nothing is learned. */
static struct entry *find_to_learn(struct mac_table *table, const struct mac_learn *learn, int64_t now_ms,
                                   bool *is_new)
{
    if (!may_learn(table, learn)) {
        return NULL;
    }
    struct entry *entry = find(table, learn->mac, learn->vlan);
    *is_new = !entry;
    if (entry) {
        return entry->e.is_static || is_locked(entry, learn, now_ms) ? NULL : entry;
    }
    return make_room(table, 1) ? insert(table, learn->mac, learn->vlan) : NULL;
}

bool mac_table_learn(struct mac_table *table, const struct mac_learn *learn, int64_t now_ms)
{
    bool is_new = false, changed = false;
    lock_write(table);
    struct entry *entry = find_to_learn(table, learn, now_ms, &is_new);
    if (entry) {
        if (learn->gratuitous_arp && !learn->from_bond) {
            entry->locked_until_ms = now_ms + MAC_TABLE_GRAT_ARP_LOCK_MS;
        }
        changed = is_new || entry->e.port != learn->port;
        if (changed) {
            leave_port(table, entry);
            entry->e.port = learn->port;
            join_port(table, entry);
        }
        become_youngest(table, entry, now_ms);
        if (changed) {
            table->stats.learned += is_new;
            table->stats.moved += !is_new;
            tell(table, is_new ? MAC_LEARNED : MAC_MOVED, &entry->e);
        }
    }
    unlock(table);
    return changed;
}

int mac_table_add_static(struct mac_table *table, struct eth_addr mac, uint16_t vlan, void *port,
                         int64_t now_ms, struct mac_entry *old, bool *replaced)
{
    lock_write(table);
    struct entry *entry = find(table, mac, vlan);
    const bool existed = entry != NULL;
    if (replaced) {
        *replaced = existed;
    }
    if (entry && old) {
        *old = entry->e;
    }
    if (!entry) {
        if (!make_room(table, 1)) {
            unlock(table);
            return ENOSPC;
        }
        entry = insert(table, mac, vlan);
    }
    bool changed = !existed || entry->e.port != port;
    leave_port(table, entry);
    table->n_static += !entry->e.is_static;
    entry->e.is_static = true;
    entry->e.port = port;
    become_youngest(table, entry, now_ms);
    if (changed) {
        tell(table, existed ? MAC_MOVED : MAC_LEARNED, &entry->e);
    }
    unlock(table);
    return 0;
}

int mac_table_del_static(struct mac_table *table, struct eth_addr mac, uint16_t vlan)
{
    lock_write(table);
    struct entry *entry = find(table, mac, vlan);
    bool found = entry && entry->e.is_static;
    if (found) {
        drop(table, entry, MAC_FLUSHED);
    }
    unlock(table);
    return found ? 0 : ENOENT;
}

int64_t mac_table_run(struct mac_table *table, int64_t now_ms)
{
    struct entry *entry, *next;
    int64_t wake = INT64_MAX;
    lock_write(table);
    LIST_FOR_EACH_SAFE (entry, next, age_node, &table->by_age) {
        if (entry->e.is_static) {
            continue;
        }
        if (now_ms - entry->e.used_ms < table->aging_ms) {
            wake = entry->e.used_ms + table->aging_ms;
            break;
        }
        drop(table, entry, MAC_EXPIRED);
        table->stats.expired++;
    }
    unlock(table);
    return wake;
}

void mac_table_flush(struct mac_table *table)
{
    lock_write(table);
    while (table->n_heap) {
        struct list *oldest = list_front(&table->heap[0]->entries);
        drop(table, CONTAINER_OF(oldest, struct entry, port_node), MAC_FLUSHED);
    }
    unlock(table);
}

void mac_table_flush_vlan(struct mac_table *table, uint16_t vlan)
{
    struct entry *entry, *next;
    lock_write(table);
    LIST_FOR_EACH_SAFE (entry, next, age_node, &table->by_age) {
        if (!entry->e.is_static && entry->e.vlan == vlan) {
            drop(table, entry, MAC_FLUSHED);
        }
    }
    unlock(table);
}

void mac_table_flush_port(struct mac_table *table, const void *port, bool also_static)
{
    struct entry *entry, *next;
    lock_write(table);
    if (also_static && table->n_static) {
        LIST_FOR_EACH_SAFE (entry, next, age_node, &table->by_age) {
            if (entry->e.is_static && entry->e.port == port) {
                drop(table, entry, MAC_FLUSHED);
            }
        }
    }
    for (struct port_entries *p; (p = find_port(table, port)) != NULL;) {
        drop(table, CONTAINER_OF(list_front(&p->entries), struct entry, port_node), MAC_FLUSHED);
    }
    unlock(table);
}

void mac_table_for_each(const struct mac_table *table, void (*each)(const struct mac_entry *, void *aux),
                        void *aux)
{
    const struct entry *entry;
    lock_read(table);
    LIST_FOR_EACH (entry, age_node, &table->by_age) {
        each(&entry->e, aux);
    }
    unlock(table);
}

void mac_table_get_stats(const struct mac_table *table, struct mac_table_stats *stats)
{
    lock_read(table);
    *stats = table->stats;
    stats->n = hmap_count(&table->entries);
    stats->max = table->max;
    stats->n_static = table->n_static;
    unlock(table);
}

void mac_table_clear_stats(struct mac_table *table)
{
    lock_write(table);
    table->stats = (struct mac_table_stats){.n = 0};
    unlock(table);
}
