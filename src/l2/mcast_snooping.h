/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Multicast snooping: which ports want which groups, and behind which are multicast routers. Learned
 * from IGMP (versions 1 to 3, RFC 1112, 2236, 3376) and MLD (versions 1 and 2, RFC 2710, 3810) as it passes;
 * sources of version 3 and MLDv2 are not told apart: who wants a group from anywhere gets it all.
 *
 * A group is an IPv6 address; IPv4 ones are mapped (::ffff:0:0/96). A port is a pointer of the user's choice,
 * compared and never followed; it is flushed before it goes. Where a packet is to be sent (routers too; ports
 * that are set to flood; everywhere if nobody has joined) is the user's decision.
 *
 * Times are milliseconds of base/clock.h, given by the caller. Thread-safety: any thread; a read-write lock
 * inside. The callback runs with the table locked and calls nothing here. */
#ifndef L2_MCAST_SNOOPING_H
#define L2_MCAST_SNOOPING_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

struct mcast_table;

/* ovs-vswitchd.conf.db(5): other_config mcast-snooping-aging-time, mcast-snooping-table-size. */
#define MCAST_AGING_DEFAULT_S 300
#define MCAST_SIZE_DEFAULT    2048
#define MCAST_ROUTER_AGE_S    180 /* a router's queries come every 125 s */

struct mcast_table *mcast_table_create(void);
void mcast_table_destroy(struct mcast_table *);
/* CHANGED, which may be NULL: somebody joined or left, GROUP in VLAN; or NULL: a router came or went in VLAN.
 */
void mcast_table_set_callback(struct mcast_table *,
                              void (*changed)(void *aux, uint16_t vlan, const struct ipv6_addr *group),
                              void *aux);
void mcast_table_set_aging(struct mcast_table *, unsigned seconds); /* 0: the default */
void mcast_table_set_max(struct mcast_table *, size_t max_groups);  /* 0: the default */

static inline struct ipv6_addr mcast_map_ipv4(be32 ip)
{
    return (struct ipv6_addr){.be32 = {0, 0, CONST_BE32(0x0000ffff), ip}};
}
/* Groups that are for everybody on the link, joined or not: 224.0.0.0/24, ff02::1. Always flooded. */
bool mcast_is_link_local(const struct ipv6_addr *group);

/* What a packet was. */
enum mcast_kind {
    MCAST_NONE,   /* bad checksum, too short, or of no interest: to be treated like any packet */
    MCAST_QUERY,  /* from a router */
    MCAST_REPORT, /* joins, and leaves in reports of version 3: for the routers */
    MCAST_LEAVE,
};

/* Learns from an IGMP message or an ICMPv6 message: the payload of the IP packet, LEN bytes. IP_SRC and
 * IP_DST are the packet's, for MLD's checksum and since a query from nowhere is no router's. */
enum mcast_kind mcast_learn_igmp(struct mcast_table *, const void *payload, size_t len, be32 ip_src,
                                 uint16_t vlan, void *port, int64_t now_ms);
enum mcast_kind mcast_learn_mld(struct mcast_table *, const void *payload, size_t len,
                                const struct ipv6_addr addresses[2], uint16_t vlan, void *port,
                                int64_t now_ms);

/* The single events. True if they changed the table. */
bool mcast_join(struct mcast_table *, const struct ipv6_addr *group, uint16_t vlan, void *port,
                int64_t now_ms);
bool mcast_leave(struct mcast_table *, const struct ipv6_addr *group, uint16_t vlan, const void *port);
bool mcast_add_router(struct mcast_table *, uint16_t vlan, void *port, int64_t now_ms);

/* Ports that joined GROUP into PORTS, at most MAX; returns how many there are. 0: nobody is known to want it.
 */
size_t mcast_find(const struct mcast_table *, const struct ipv6_addr *group, uint16_t vlan, void *ports[],
                  size_t max);
size_t mcast_find_routers(const struct mcast_table *, uint16_t vlan, void *ports[], size_t max);

/* Expires what is old; returns when to call again at the earliest, or INT64_MAX. */
int64_t mcast_table_run(struct mcast_table *, int64_t now_ms);
void mcast_table_flush(struct mcast_table *);
void mcast_table_flush_port(struct mcast_table *, const void *port);

/* One line of mdb/show. */
struct mcast_entry {
    void *port;
    uint16_t vlan;
    bool is_router; /* then there is no group */
    struct ipv6_addr group;
    int64_t used_ms;
};
/* Groups, the longest unheard first, each with its ports; then routers. EACH calls nothing here. */
void mcast_table_for_each(const struct mcast_table *, void (*each)(const struct mcast_entry *, void *aux),
                          void *aux);

#endif
