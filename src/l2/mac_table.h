/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. A bridge's table of MAC addresses: on which port was this address, in this VLAN, last seen?
 *
 * Entries are learned from source addresses and age; static ones are the user's and stay. A full table makes
 * room by evicting the oldest entry of the port that has most of them, so a flood of addresses on one port
 * drives out its own; static entries are not evicted and count for no port.
 *
 * A port is a pointer of the user's choice; it is compared, never followed. The user flushes a port before it
 * goes.
 *
 * Whoever translated packets by what the table said hears of changes through the callback, so that cached
 * flows can be revalidated. It is called with the table locked: it notes the change and calls nothing here.
 *
 * Times are milliseconds of base/clock.h, given by the caller.
 *
 * Thread-safety: any thread; a read-write lock inside. Lookups and iteration hold it for reading. */
#ifndef L2_MAC_TABLE_H
#define L2_MAC_TABLE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

struct mac_table;

/* Limits and defaults: ovs-vswitchd.conf.db(5), Bridge other_config:mac-aging-time and mac-table-size. */
#define MAC_TABLE_AGING_DEFAULT_S  300
#define MAC_TABLE_SIZE_DEFAULT     8192
#define MAC_TABLE_SIZE_MIN         10
#define MAC_TABLE_SIZE_MAX         1000000
#define MAC_TABLE_GRAT_ARP_LOCK_MS 5000

enum mac_change {
    MAC_LEARNED, /* an address, unknown before: whoever flooded to it should know */
    MAC_MOVED,
    MAC_EXPIRED,
    MAC_EVICTED,
    MAC_FLUSHED, /* or deleted by a command */
};

struct mac_entry {
    struct eth_addr mac;
    uint16_t vlan; /* VID, 0 to 4095 */
    bool is_static;
    void *port;
    int64_t used_ms; /* last learned */
};

struct mac_table_stats {
    size_t n, max, n_static;
    uint64_t learned, expired, evicted, moved; /* totals since the last mac_table_clear_stats() */
};

struct mac_table *mac_table_create(void);
void mac_table_destroy(struct mac_table *);
/* CHANGED may be NULL. ENTRY is as it is after the change, or was before it went. */
void mac_table_set_callback(struct mac_table *,
                            void (*changed)(void *aux, enum mac_change, const struct mac_entry *entry),
                            void *aux);

/* The new values hold for all entries at once; out of range is clamped, 0 is the default. */
void mac_table_set_aging(struct mac_table *, unsigned seconds);
void mac_table_set_max(struct mac_table *, size_t max);
/* VLANs in which nothing is learned (Bridge flood_vlans): 4096 bits, or NULL for none. True if this changed:
 * then all entries of these VLANs are gone, and all cached flows are to be revalidated. */
bool mac_table_set_flood_vlans(struct mac_table *, const uint64_t *bitmap);

/* The port of MAC in VLAN into *PORT. False: not known (or multicast). */
bool mac_table_lookup(const struct mac_table *, struct eth_addr mac, uint16_t vlan, void **port);
/* The whole entry. */
bool mac_table_get(const struct mac_table *, struct eth_addr mac, uint16_t vlan, struct mac_entry *);

/* How a packet came that is to be learned from. */
struct mac_learn {
    struct eth_addr mac;
    uint16_t vlan;
    void *port;
    /* Gratuitous ARP: it locks the entry for 5 s against such packets that a bond's other members reflect, if
     * it came from a port that is no bond; from a bond it is not learned from while the lock holds. */
    bool gratuitous_arp;
    bool from_bond;
};
/* Learns: source MAC is on PORT. True if that changed the table (a new entry, or a move); false if it was
 * known (its age begins anew), static, multicast, locked, or in a flood VLAN. */
bool mac_table_learn(struct mac_table *, const struct mac_learn *, int64_t now_ms);
/* Would learning change the table? */
bool mac_table_would_learn(const struct mac_table *, const struct mac_learn *, int64_t now_ms);

/* A static entry. Replaces what is there; *OLD gets that, and *REPLACED whether there was any; either may be
 * NULL.
 * ENOSPC: the table is full of static entries. */
int mac_table_add_static(struct mac_table *, struct eth_addr mac, uint16_t vlan, void *port, int64_t now_ms,
                         struct mac_entry *old, bool *replaced);
/* ENOENT: there is no static one. */
int mac_table_del_static(struct mac_table *, struct eth_addr mac, uint16_t vlan);

/* Expires what is old. Returns when to call again, at the earliest: INT64_MAX if nothing will expire. */
int64_t mac_table_run(struct mac_table *, int64_t now_ms);

/* All dynamic entries: of the table, of a VLAN, of a port (and its static ones: the port goes). */
void mac_table_flush(struct mac_table *);
void mac_table_flush_vlan(struct mac_table *, uint16_t vlan);
void mac_table_flush_port(struct mac_table *, const void *port, bool also_static);

/* Oldest first, static ones at the time of their making: the order of fdb/show. EACH calls nothing here. */
void mac_table_for_each(const struct mac_table *, void (*each)(const struct mac_entry *, void *aux),
                        void *aux);
void mac_table_get_stats(const struct mac_table *, struct mac_table_stats *);
void mac_table_clear_stats(struct mac_table *);

#endif
