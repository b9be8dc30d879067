/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7, but for the settings for this folder alone. What a bundle's bond, and the LACP that it speaks
 * (a bundle of one port may, too), have to do with the bridge: links and PDUs go in; what translation is to
 * do, packets, and status come out.
 *
 * Translation sees a bond as a view in the snapshot (l2/bond.h), and in balance-tcp mode as rules: such a
 * packet is hashed and comes back with the bond's recirculation id, and one rule of the internal table for
 * each bucket says by which member it leaves. What they count is what the buckets carried.
 *
 * Time: one task in the control thread's queue. Thread-safety: control thread. */
#ifndef PIPELINE_BOND_H
#define PIPELINE_BOND_H 1

#include "l2/bond.h"
#include "l2/lacp.h"

struct control_request;
struct ofbond;
struct ofbundle;
struct ofport;
struct ofproto;
struct pipeline;

/* Of a bundle that is a bond, or speaks LACP, or both. */
struct ofproto_bond {
    bool is_bond;
    struct bond_settings bond;
    const char *primary; /* a port's name; NULL: none */
    int miimon_ms;       /* look at links so often, rather than when they say that they changed; 0: no */
    bool lacp;
    struct lacp_settings lacp_settings;
    const struct lacp_member_settings *lacp_members; /* of the bundle's, in their order */
};

struct ofbond *ofbond_create(struct ofbundle *);
void ofbond_destroy(struct ofbond *); /* NULL is legal */
/* The bundle's ports are its members. SETTINGS->lacp_members are of PORTS, which has N. */
void ofbond_configure(struct ofbond *, const struct ofproto_bond *settings, struct ofport *const *ports,
                      size_t n);
/* The port leaves the bundle. */
void ofbond_forget_port(struct ofbond *, const struct ofport *);
/* A port's state may have changed. */
void ofbond_port_changed(struct ofbond *);
/* A frame of the slow protocols came in. */
void ofbond_receive(struct ofbond *, struct ofport *, const void *pdu, size_t len);

const struct bond *ofbond_bond(const struct ofbond *); /* NULL: none */
uint32_t ofbond_recirc_id(const struct ofbond *);      /* 0: packets do not recirculate */
bool ofbond_speaks_lacp(const struct ofbond *);
/* LACP, where it is spoken, lets traffic through the port. */
bool ofbond_may_enable(const struct ofbond *, const struct ofport *);

/* What the database tells of a bundle: the active member's address, zeros: none is. False: no bond. */
bool ofproto_bond_active(const struct ofproto *, const char *bundle, struct eth_addr *);
/* Of a port: -1: it speaks no LACP, 0: its partner does not, 1: it has a current partner. */
int ofproto_lacp_current(const struct ofproto *, uint32_t ofp_port);

struct control_server;
void bond_register_commands(struct pipeline *, struct control_server *);
void bond_unregister_commands(struct control_server *);

/* For bond_commands.c: what there is to be shown. */
struct ofbond_show {
    const char *name;
    const struct ofbundle *bundle;
    struct bond *bond; /* NULL: LACP alone */
    struct lacp *lacp; /* NULL: none */
    const struct lacp_settings *lacp_settings;
    uint16_t lacp_key; /* of the first port */
    const char *primary;
    uint32_t recirc_id; /* 0: none */
};
void ofbond_show(struct ofbond *, struct ofbond_show *);
/* Takes effect what a command did. */
void ofbond_changed(struct ofbond *);

#endif
