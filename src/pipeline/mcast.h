/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. Multicast snooping of a bridge: its settings, its commands, and what of its table a translation
 * depends on. The table (l2/mcast_snooping.h) is any thread's: translation learns from IGMP and MLD as it
 * passes, and asks. A change notes a part (pipeline/parts.h) for the group in its VLAN, or for the VLAN's
 * routers, so that the flows of that group are mended and no others.
 *
 * Thread-safety: control thread, but for mcast_part(). */
#ifndef PIPELINE_MCAST_H
#define PIPELINE_MCAST_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/types.h"

struct control_server;
struct ofproto;
struct pipeline;

struct ofproto_mcast {
    bool enabled;
    bool flood_unregistered;
    unsigned aging_s; /* 0: the default */
    size_t max_groups;
};
void ofproto_set_mcast(struct ofproto *, const struct ofproto_mcast *);
/* FLOOD: the bundle is sent all multicast; REPORTS: and all reports. ENOENT: no such bundle. */
int ofproto_bundle_set_mcast(struct ofproto *, const char *bundle, bool flood, bool reports);

/* The number of PART_MCAST; GROUP NULL: routers. Any thread. */
static inline uint32_t mcast_part(uint16_t vlan, const struct ipv6_addr *group)
{
    return group ? hash_bytes(group, sizeof *group, vlan) : hash_u32(vlan, 77);
}

/* For this folder alone. */
void ofproto_mcast_init(struct ofproto *);
void ofproto_mcast_fini(struct ofproto *);
void mcast_register_commands(struct pipeline *, struct control_server *);
void mcast_unregister_commands(struct control_server *);

#endif
