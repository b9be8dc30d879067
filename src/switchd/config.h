/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 8. The configuration: what the database wants is compared with what there is, the difference is
 * applied, one file for each table, and committed once:
 *
 *   config.c            Open_vSwitch: the round itself, and cur_cfg
 *   config_datapath.c   Datapath, CT_Zone, CT_Timeout_Policy
 *   config_bridge.c     Bridge: bridges come and go; addresses, fail mode, ageing
 *   config_interface.c  Interface: devices and OpenFlow ports
 *   config_port.c       Port: VLANs and members (bundles)
 *   config_bond.c       Port: bonds and LACP
 *   config_qos.c        QoS, Queue; qos/show *   config_oam.c        Interface: BFD, CFM, LLDP
 *   config_mcast.c Bridge, Port: multicast snooping
 *   config_spanning.c   Bridge, Port: STP and RSTP, the way back too
 *   config_mirror.c     Mirror
 *   config_netflow.c    NetFlow
 *   config_sflow.c      sFlow
 *   config_ipfix.c      IPFIX, Flow_Sample_Collector_Set
 *   config_controller.c Controller, SSL: sessions, in-band control, fail mode
 *   status.c            the way back: ofport, error, mac_in_use, statistics ...
 *
 * The round does not wait for the cached flows: `cur_cfg`, and with it who waits for his change
 * (`ovs-vsctl`), follows when they agree. Meanwhile rounds go on; a steady stream of them holds nobody up,
 * since the first one that waits keeps what it waits for.
 *
 * A row that is wrong does not hold up the others: it says why in its own `error`, and is tried again in the
 * next round, or when a device of its name appears.
 *
 * Thread-safety: control thread alone. */
#ifndef SWITCHD_CONFIG_H
#define SWITCHD_CONFIG_H 1

#include "base/hmap.h"
#include "base/smap.h"
#include "base/task.h"
#include "base/types.h"
#include "base/uuid.h"
#include "io/loop.h"
#include "ovsdb/client.h"
#include "ovsdb/vswitch_schema.h"
#include "pipeline/ofproto.h"

struct config;

/* An Interface, or the local port that a bridge has even where the database does not name it. */
struct iface {
    struct hmap_node node; /* in its bridge, by name */
    struct bridge *bridge;
    char *name;
    char *type;            /* as it was opened: "internal" for the local port */
    struct smap options;   /* likewise */
    struct ovsdb_row *row; /* NULL: the implicit local port. This round's */
    struct ovsdb_row *port_row;
    uint32_t ofp_port;      /* OFPORT_NONE: not there; then `error` says why */
    uint32_t last_ofp_port; /* what it had before it was closed, and gets again if that is free; 0: none */
    int64_t ofport_request;
    char *error;
    uint32_t status_seq; /* of the vport, as it was last written */
    bool wanted;         /* this round's */
};

struct bridge {
    struct hmap_node node; /* by name */
    struct config *config;
    char *name;
    char *type; /* datapath_type */
    struct ofproto *ofproto;
    struct ofservice *service; /* its OpenFlow sessions */
    char *local_address;       /* that a Controller row gave its local port, as text; NULL: none */
    struct hmap ifaces;
    struct hmap bundles; /* names of those made (struct named) */
    struct hmap mirrors;
    int mtu;                     /* the ports' smallest, as it was last given on; 0: not yet */
    struct eth_addr default_mac; /* from the row's UUID: stays the same over restarts */
    struct eth_addr mac;
    uint64_t datapath_id;
    struct ovsdb_row *row; /* this round's */
    bool wanted;
};

/* A name that exists in the switch, and whether the database still wants it. */
struct named {
    struct hmap_node node;
    char *name, *text; /* text may be NULL */
    bool wanted;
};

/* A configuration that was committed, and the flows that are to agree with it before `cur_cfg` says so. */
struct config_wait {
    int64_t cfg;
    struct pipeline_mark mark;
};

struct config {
    struct loop *loop;
    struct task_queue *tasks;
    struct ovsdb_client *db;
    struct pipeline *pipeline;
    struct hmap bridges;
    struct hmap unknown_datapaths; /* types that Datapath rows have (struct named) */
    struct hmap failures;          /* bridges that could not be made (struct named: name and text) */
    int64_t applied_cfg;           /* next_cfg of the configuration in force */
    /* Rounds whose flows do not agree yet: the first one, and the last; those between became that. */
    struct config_wait waits[2];
    unsigned n_waits;
    struct task settled_task;     /* they may agree now */
    struct ovsdb_txn *status_txn; /* under way; NULL: none */
    struct task statistics_task;
    struct task retry_task;  /* a round that has to be done again */
    struct task status_task; /* status that changed is to be written */
    struct loop_fd monitor;  /* devices come, change, go */
    bool configured;         /* the first round is over and written */
    bool status_again;       /* something changed while a transaction was under way */
    bool said_version;       /* version, types: written once a connection */
    bool owns_database;      /* it is embedded: nobody but us makes its first row */
    bool wants_host;         /* other_config:enable-statistics */
    bool had_lock_trouble;
    void (*on_configured)(void *aux); /* called once, after the first round */
    void *aux;
};

/* REMOTE: the database's; FD >= 0: a socket pair's end of an embedded one instead. The client becomes the
 * config's. Nothing is configured before the loop runs. */
struct config *config_create(struct loop *, struct pipeline *, const char *remote, int fd,
                             void (*on_configured)(void *aux), void *aux);
/* Bridges, ports and devices go. */
void config_destroy(struct config *);

struct control_server;
struct vport;
void config_register_commands(struct config *, struct control_server *);

/* A device of ours has changed its state. */
void config_vport_changed(struct vport *, void *config);

/* One round, now: wanted -> difference -> commit -> status, once flows agree. */
void config_run(struct config *);

/* In this folder: */
struct named *named_find(const struct hmap *, const char *name);
struct named *named_add(struct hmap *, const char *name);
void named_remove(struct hmap *, struct named *);
void named_clear(struct hmap *);
void config_map(const struct ovsdb_row *, unsigned column, struct smap *out); /* OUT is initialised by it */
/* VLANs of a set column as 4096 bits, or NULL if it is empty. The caller frees. */
unsigned long *config_vlans(const struct ovsdb_row *, unsigned column);

void config_bridges_collect(struct config *, const struct ovsdb_row *root);
void config_bridges_settings(struct config *, const struct ovsdb_row *root);
void config_bridge_destroy(struct bridge *);
struct bridge *config_bridge_find(const struct config *, const char *name);

void config_ifaces_collect(struct bridge *);
void config_ifaces_remove(struct bridge *); /* those not wanted, or that must be opened anew */
void config_ifaces_add(struct bridge *);
void config_ifaces_settings(struct bridge *);
/* The smallest MTU of its ports becomes its internal devices', which may be smaller, never larger. */
void config_bridge_mtu(struct bridge *);
void config_iface_destroy(struct iface *);
struct iface *config_iface_find(const struct bridge *, const char *name);
/* The device of IFACE; NULL: none (patch port, or not there). */
struct vport *config_iface_vport(const struct iface *, struct ofproto_port *);

void config_datapaths_settings(struct config *, const struct ovsdb_row *root);
/* What they can do, of those that there are. */
void config_datapaths_write(struct ovsdb_txn *, const struct config *, const struct ovsdb_row *root);

void config_qos_settings(struct bridge *);
void config_qos_register_commands(struct config *, struct control_server *);
void config_ports_settings(struct bridge *);
struct config_bond;
/* What the Port says of its bond and LACP; NULL: it is no bond, and speaks none. IFACES are the interfaces of
 * the Port that are there, in its order. */
struct config_bond *config_bond_create(const struct bridge *, const struct ovsdb_row *port,
                                       const struct iface *const *ifaces, size_t n);
void config_bond_destroy(struct config_bond *);
struct ofproto_bond;
const struct ofproto_bond *config_bond_settings(const struct config_bond *);
void config_bonds_write(struct ovsdb_txn *, const struct bridge *); /* Port: bond_active_slave */
void config_mirrors_settings(struct bridge *);
void config_mcast_settings(struct bridge *);
void config_oam_settings(struct bridge *);
void config_oam_write(struct ovsdb_txn *, const struct iface *); /* bfd_status, cfm_* */
void config_spanning_settings(struct bridge *);
void config_spanning_write(struct ovsdb_txn *, const struct bridge *); /* status, rstp_status, statistics */
void config_netflow_settings(struct bridge *);
void config_sflow_settings(struct bridge *);
void config_ipfix_settings(const struct config *, struct bridge *);

void config_controllers_start(struct bridge *);
void config_controllers_stop(struct bridge *);
void config_ssl(const struct ovsdb_row *root);
void config_controllers_settings(struct bridge *, const struct ovsdb_row *root);
void config_controllers_write(struct ovsdb_txn *, const struct bridge *);
/* What status_write() writes has changed: it is called soon. */
void config_status_changed(struct config *);

/* Writes what changed. CUR_CFG >= 0: and that configuration CUR_CFG is in force. */
void status_write(struct config *, int64_t cur_cfg);
void status_write_statistics(struct config *);
void status_set_map(struct ovsdb_txn *, struct ovsdb_row *, unsigned column, const struct smap *);

#endif
