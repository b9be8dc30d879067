/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The kinds of tunnel, one row each: names, numbers, and what may be inside.
 *
 * Many Interfaces of one kind share one datapath vport ("vxlan_sys_4789": one for each destination port); the
 * map (map.h) tells by the received tunnel metadata which of them a packet came in by.
 *
 * Thread-safety: constant data. */
#ifndef TUNNEL_KIND_H
#define TUNNEL_KIND_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tunnel_kind {
    TUNNEL_GRE,
    TUNNEL_IP6GRE,
    TUNNEL_ERSPAN,
    TUNNEL_IP6ERSPAN,
    TUNNEL_VXLAN,
    TUNNEL_GENEVE,
    TUNNEL_LISP,
    TUNNEL_STT,
    TUNNEL_GTPU,
    TUNNEL_BAREUDP,
    TUNNEL_N_KINDS
};

/* What packets are inside, as the option packet_type says. */
enum tunnel_packets {
    TUNNEL_L2,   /* Ethernet frames ("legacy_l2") */
    TUNNEL_L3,   /* IP and the like, which OpenFlow sees with an Ethernet header ("legacy_l3") */
    TUNNEL_PTAP, /* either, as the packet is ("ptap") */
};

struct tunnel_kind_info {
    const char *type;      /* the Interface's */
    const char *vport;     /* the datapath vport's name, to which "_PORT" is added where there are ports */
    uint32_t number;       /* the vport type's, as tnl_push prints it */
    uint16_t default_port; /* UDP or TCP; 0: none is the default */
    uint8_t proto;         /* of the outer IP header */
    bool has_port;         /* destination ports tell vports apart */
    bool carries_l2, carries_l3;
    enum tunnel_packets packets; /* without an option */
    bool has_csum_option, has_seq_option, has_erspan_options, has_exts_option, has_payload_option;
};

extern const struct tunnel_kind_info tunnel_kinds[TUNNEL_N_KINDS];

/* By an Interface's type, NULL: no tunnel. */
const struct tunnel_kind_info *tunnel_kind_find(const char *type);
const struct tunnel_kind_info *tunnel_kind_by_number(uint32_t number);
static inline enum tunnel_kind tunnel_kind_of(const struct tunnel_kind_info *info)
{
    return (enum tunnel_kind)(info - tunnel_kinds);
}

#define TUNNEL_VPORT_NAME_SIZE 32
/* The name of the datapath vport for DST_PORT. */
void tunnel_vport_name(enum tunnel_kind, uint16_t dst_port, char name[TUNNEL_VPORT_NAME_SIZE]);

#endif
