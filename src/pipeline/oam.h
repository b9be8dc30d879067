/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. What watches over a port's link: BFD, CFM and LLDP (l2/bfd.h, l2/cfm.h, l2/lldp.h). Frames come
 * from pipeline/protocol.h and go out through it; a port whose BFD does not forward, or whose CFM has a
 * fault, is not live, so bonds, fast failover groups and `bundle` actions leave it.
 *
 * Time: one task a port in the control thread's queue. Thread-safety: control thread. */
#ifndef PIPELINE_OAM_H
#define PIPELINE_OAM_H 1

#include "l2/bfd.h"
#include "l2/cfm.h"
#include "l2/lldp.h"

struct control_server;
struct oam;
struct ofport;
struct ofproto;
struct pipeline;

struct ofproto_port_oam {
    bool bfd;
    struct bfd_settings bfd_settings;
    bool bfd_check_key;                       /* take packets without a tunnel key alone */
    bool bfd_has_src_mac, bfd_has_remote_mac; /* else: the port's; any */
    struct eth_addr bfd_src_mac, bfd_dst_mac, bfd_remote_mac;
    be32 bfd_src_ip, bfd_dst_ip;
    bool cfm;
    struct cfm_settings cfm_settings;
    uint16_t cfm_tci; /* of CCMs; 0: no tag */
    bool lldp;
};
/* Nothing is on: the port is not watched. */
void ofproto_port_set_oam(struct ofproto *, uint32_t ofp_port, const struct ofproto_port_oam *);

/* False: it is not on. */
bool ofproto_bfd_get(const struct ofproto *, uint32_t ofp_port, struct bfd_status *);
bool ofproto_cfm_get(const struct ofproto *, uint32_t ofp_port, struct cfm_status *);

/* For this folder alone. */
void oam_destroy(struct oam *); /* NULL is legal */
/* Nothing that watches the port speaks against it. */
bool oam_may_enable(const struct oam *);
/* Immutable, for translation: what packets are these protocols', in pipeline/snapshot.h. */
struct xoam {
    bool bfd, bfd_check_key, bfd_has_remote_mac;
    bool cfm, cfm_extended;
    bool lldp;
    struct eth_addr bfd_remote_mac;
};
void oam_get_view(const struct oam *, struct xoam *);
/* REASON says whose the frame is; LEN bytes behind the Ethernet header and tags. */
void oam_receive(struct oam *, unsigned reason, const void *payload, size_t len);

void oam_register_commands(struct pipeline *, struct control_server *);
void oam_unregister_commands(struct control_server *);
struct bfd *oam_bfd(const struct oam *); /* NULL: off, as below */
struct cfm *oam_cfm(const struct oam *);
struct lldp *oam_lldp(const struct oam *);
void oam_changed(struct oam *); /* a command did something: it takes effect */

#endif
