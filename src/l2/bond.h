/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Bonds: which member of a bond sends a packet, and which packets are let in from which member
 * (ovs-vswitchd.conf.db(5), "Bonding Configuration").
 *
 * A balancing bond spreads traffic by a hash of 8 bits: 256 buckets, each assigned to an enabled member, and
 * moved between members every rebalance interval by the bytes they carried. A member is enabled while its
 * link is good, after updelay and until downdelay. One is the active one: it alone sends and receives in
 * active-backup mode, and it alone receives multicast where no LACP partner keeps copies away.
 *
 * A member is a pointer of the user's choice, compared and never followed. Times are milliseconds of
 * base/clock.h.
 *
 * Which packets go where is asked of a view: what the bond was when the view was taken, immutable, so that
 * whoever forwards needs no lock.
 *
 * Ownership: counted references, which those hold that account for bytes. Thread-safety: the owner
 * serialises; a view is for any thread, and so are bond_account(), bond_ref() and bond_unref(). */
#ifndef L2_BOND_H
#define L2_BOND_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

#define BOND_BUCKETS              256
#define BOND_MAX_MEMBERS          64
#define BOND_REBALANCE_DEFAULT_MS 10000

enum bond_mode {
    BOND_ACTIVE_BACKUP,
    BOND_BALANCE_SLB, /* by source MAC address and VLAN */
    BOND_BALANCE_TCP, /* by addresses and ports; needs LACP */
};
const char *bond_mode_name(enum bond_mode);
bool bond_mode_parse(const char *, enum bond_mode *);

/* What LACP says: off for a bond that does not speak it. */
enum bond_lacp {
    BOND_LACP_OFF,
    BOND_LACP_CONFIGURED, /* no partner */
    BOND_LACP_NEGOTIATED,
};

struct bond_settings {
    enum bond_mode mode;
    uint32_t hash_basis;
    int updelay_ms, downdelay_ms;
    int rebalance_ms;        /* 0: never; else at least 1000 */
    bool all_members_active; /* balance-slb without LACP: take multicast from every member */
    bool lacp_fallback;      /* without a partner: active-backup */
};

struct bond;

/* NAME is for the log, as those of members are. */
struct bond *bond_create(const char *name);
struct bond *bond_ref(struct bond *);
void bond_unref(struct bond *); /* NULL is legal */
void bond_configure(struct bond *, const struct bond_settings *, int64_t now_ms);
/* A new member is enabled at once if it has CARRIER. IS_PRIMARY: made active whenever it is enabled and the
 * bond does not balance (bond-primary). More than BOND_MAX_MEMBERS are not taken. */
void bond_set_member(struct bond *, void *member, const char *name, bool carrier, bool is_primary);
void bond_remove_member(struct bond *, const void *member);
/* What is known of a member's link: carrier, and whether LACP, BFD and CFM allow it. */
void bond_set_link(struct bond *, const void *member, bool carrier, bool may_enable);
void bond_set_lacp(struct bond *, enum bond_lacp);

/* Enables and disables, chooses the active member, rebalances. Returns when to call again at the latest. Call
 * it after any of the above. */
int64_t bond_run(struct bond *, int64_t now_ms);
/* What changed since the last call. True: answers of views may have, so cached flows are to be revalidated.
 * *ANNOUNCE: the active member changed, so the network is to be told where addresses are now (a packet from
 * each learned MAC address). */
bool bond_take_changes(struct bond *, bool *announce);

/* The bucket's hash in balance-slb mode. */
uint32_t bond_hash_mac(struct eth_addr mac, uint16_t vlan, uint32_t basis);
/* Bytes were sent for HASH. Any thread, as often as it likes. */
void bond_account(struct bond *, uint32_t hash, uint64_t bytes);

/* ---- Views ---- */

struct bond_view {
    enum bond_mode mode;
    enum bond_lacp lacp;
    uint32_t hash_basis;
    bool balances; /* packets go by bucket, rather than through the active member */
    bool all_members_active, lacp_fallback;
    uint8_t n_members;
    uint8_t active;   /* index of a member, or BOND_NO_MEMBER */
    uint64_t enabled; /* one bit a member */
    uint8_t buckets[BOND_BUCKETS];
    const void *members[BOND_MAX_MEMBERS];
};
#define BOND_NO_MEMBER UINT8_MAX

/* Every byte of it is set: equal views can be compared as memory. */
void bond_get_view(const struct bond *, struct bond_view *);
/* The member to send through; HASH's low 8 bits choose where the mode balances. BOND_NO_MEMBER: none is
 * enabled. */
uint8_t bond_choose(const struct bond_view *, uint32_t hash);

enum bond_verdict {
    BOND_ACCEPT,
    BOND_DROP,
    /* Accept, unless the source address was learned on another port: then it is a packet of ours, come back
     * (but for a gratuitous ARP, by which a host says that it moved: see mac_table.h). */
    BOND_DROP_IF_MOVED,
};
enum bond_verdict bond_admit(const struct bond_view *, uint8_t member, bool is_multicast);

/* ---- Commands and status ---- */

/* ENOENT: no such member; EINVAL: it is disabled, or the mode does not balance. */
int bond_migrate(struct bond *, uint32_t hash, const void *member);
int bond_set_active(struct bond *, const void *member);
int bond_force_enabled(struct bond *, const void *member, bool enabled);

struct bond_member_status {
    const void *member;
    bool enabled, may_enable, active;
    int64_t delay_until_ms; /* the change waits for this; INT64_MAX: none */
    uint64_t tx_bytes;      /* decayed */
    unsigned n_buckets;
};
struct bond_status {
    struct bond_settings settings;
    enum bond_lacp lacp;
    const void *active;
    int64_t next_rebalance_ms;
    bool balances; /* now */
};
void bond_get(const struct bond *, struct bond_status *);
/* In order of addition. EACH calls nothing here. */
void bond_for_each_member(const struct bond *, void (*each)(const struct bond_member_status *, void *aux),
                          void *aux);
/* Of one bucket: its member (NULL: none) and decayed bytes. */
const void *bond_get_bucket(const struct bond *, unsigned bucket, uint64_t *bytes);

#endif
