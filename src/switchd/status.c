/* SPDX-License-Identifier: Apache-2.0 */
/* The way back to the database. What clients read right after their wait (ofport, error, mac_in_use, ifindex)
 * is in the transaction that raises cur_cfg. One transaction at a time: what changes while it is under way
 * goes into the next. The client sends nothing that is there already. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/mac.h"
#include "base/smap.h"
#include "base/version.h"
#include "dpif/dpif.h"
#include "pipeline/bond.h"
#include "port/vport.h"
#include "switchd/config.h"
#include "switchd/host.h"
#include "tunnel/config.h"
#include "tunnel/net.h"

LOG_MODULE(bridge);

static void set_optional_integer(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, bool there,
                                 int64_t value)
{
    if (there) {
        ovsdb_txn_set_integer(txn, row, column, value);
    } else {
        ovsdb_txn_set_empty(txn, row, column);
    }
}

void status_set_map(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column, const struct smap *map)
{
    const char **keys = xcalloc(map->n, sizeof *keys), **values = xcalloc(map->n, sizeof *values);
    for (size_t i = 0; i < map->n; i++) {
        keys[i] = map->entries[i].key;
        values[i] = map->entries[i].value;
    }
    ovsdb_txn_set(txn, row, column,
                  ovsdb_datum_from_pairs(&ovsdb_row_column(row, column)->type, keys, values, map->n));
    free(keys);
    free(values);
}

/* ---- Interface ---- */

static void clear_device(struct ovsdb_txn *txn, struct ovsdb_row *row)
{
    static const unsigned columns[] = {
        OVS_INTERFACE_ADMIN_STATE, OVS_INTERFACE_DUPLEX,     OVS_INTERFACE_IFINDEX,
        OVS_INTERFACE_LINK_SPEED,  OVS_INTERFACE_LINK_STATE, OVS_INTERFACE_MAC_IN_USE,
        OVS_INTERFACE_MTU,         OVS_INTERFACE_STATISTICS, OVS_INTERFACE_STATUS,
    };
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_txn_set_empty(txn, row, columns[i]);
    }
}

static void write_device(struct ovsdb_txn *txn, struct ovsdb_row *row, struct vport *vport)
{
    const struct vport_status *s = &vport->status;
    char mac[MAC_TEXT_SIZE];
    struct smap info;
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_ADMIN_STATE, s->admin_up ? "up" : "down");
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_LINK_STATE, s->link_up ? "up" : "down");
    ovsdb_txn_set_integer(txn, row, OVS_INTERFACE_LINK_RESETS, s->link_resets);
    ovsdb_txn_set_integer(txn, row, OVS_INTERFACE_IFINDEX, s->ifindex);
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_MAC_IN_USE, mac_format(s->mac, mac));
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_DUPLEX,
                         s->speed_bps ? s->full_duplex ? "full" : "half" : NULL);
    set_optional_integer(txn, row, OVS_INTERFACE_LINK_SPEED, s->speed_bps, (int64_t)s->speed_bps);
    set_optional_integer(txn, row, OVS_INTERFACE_MTU, s->mtu, s->mtu);
    smap_init(&info);
    if (vport->ops->get_driver_info) {
        vport->ops->get_driver_info(vport, &info);
    }
    status_set_map(txn, row, OVS_INTERFACE_STATUS, &info);
    smap_fini(&info);
}

/* The device that a tunnel's packets leave by, as the host routes them. */
static void write_tunnel(struct ovsdb_txn *txn, const struct iface *iface, const struct tunnel_config *tunnel)
{
    struct tunnel_net *net = pipeline_net(iface->bridge->config->pipeline);
    struct tunnel_route route;
    struct smap info = SMAP_INITIALIZER;
    if (!tunnel->dst_flow && tunnel_routes_lookup(net->routes, &tunnel->dst, tunnel->egress_mark, &route) &&
        !route.user) {
        smap_set(&info, "tunnel_egress_iface", route.device);
        smap_set(&info, "tunnel_egress_iface_carrier",
                 tunnel_device_has_carrier(route.device) ? "up" : "down");
    }
    status_set_map(txn, iface->row, OVS_INTERFACE_STATUS, &info);
    smap_fini(&info);
}

/* A patch port has no device: it is up, and has an address of its own. */
static void write_patch(struct ovsdb_txn *txn, struct ovsdb_row *row, struct eth_addr address)
{
    char mac[MAC_TEXT_SIZE];
    clear_device(txn, row);
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_ADMIN_STATE, "up");
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_LINK_STATE, "up");
    ovsdb_txn_set_integer(txn, row, OVS_INTERFACE_LINK_RESETS, 0);
    ovsdb_txn_set_integer(txn, row, OVS_INTERFACE_IFINDEX, 0);
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_MAC_IN_USE, mac_format(address, mac));
}

/* A counter that the device does not have is not shown. */
static const struct {
    const char *name;
    size_t offset;
} common_counters[] = {
#define X(NAME) {#NAME, offsetof(struct vport_stats, NAME)},
    VPORT_STATS(X)
#undef X
};

static void write_counts(struct ovsdb_txn *txn, struct ovsdb_row *row, const char *const *names,
                         const int64_t *values, size_t n)
{
    ovsdb_txn_set(
        txn, row, OVS_INTERFACE_STATISTICS,
        ovsdb_datum_from_int_pairs(&ovsdb_row_column(row, OVS_INTERFACE_STATISTICS)->type, names, values, n));
}

#define MAX_COUNTS 320 /* those above, and two for each queue of a dummy */

struct counts {
    char *names[MAX_COUNTS];
    int64_t values[MAX_COUNTS];
    size_t n;
};

static void add_count(const char *name, uint64_t value, void *counts_)
{
    struct counts *counts = counts_;
    if (counts->n < MAX_COUNTS) {
        counts->names[counts->n] = xstrdup(name);
        counts->values[counts->n++] = (int64_t)(value & INT64_MAX);
    }
}

static void write_statistics(struct ovsdb_txn *txn, const struct iface *iface)
{
    struct ofproto_port port;
    struct vport *vport = config_iface_vport(iface, &port);
    if (vport) {
        struct vport_stats stats;
        struct counts counts = {.n = 0};
        if (vport->ops->get_stats && !vport->ops->get_stats(vport, &stats)) {
            for (size_t i = 0; i < ARRAY_SIZE(common_counters); i++) {
                uint64_t value =
                    *(const uint64_t *)(const void *)((const char *)&stats + common_counters[i].offset);
                if (value != UINT64_MAX) {
                    add_count(common_counters[i].name, value, &counts);
                }
            }
        }
        if (vport->ops->get_custom_stats) {
            vport->ops->get_custom_stats(vport, add_count, &counts);
        }
        write_counts(txn, iface->row, (const char *const *)counts.names, counts.values, counts.n);
        while (counts.n) {
            free(counts.names[--counts.n]);
        }
    } else if (iface->ofp_port != OFPORT_NONE) {
        struct ofproto_port_stats patch;
        if (!ofproto_patch_stats(iface->bridge->ofproto, iface->ofp_port, &patch)) {
            static const char *const patch_names[] = {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets"};
            const int64_t patch_values[] = {(int64_t)patch.rx_bytes, (int64_t)patch.rx_packets,
                                            (int64_t)patch.tx_bytes, (int64_t)patch.tx_packets};
            write_counts(txn, iface->row, patch_names, patch_values, ARRAY_SIZE(patch_names));
        }
    }
}

static bool same_datapath(const struct bridge *a, const struct bridge *b)
{
    return dpif_ops_lookup(a->type) == dpif_ops_lookup(b->type); /* "" is "system" */
}

/* What is wrong with a patch port whose other end is not there, in the reference's words; NULL: nothing. */
static char *peer_error(const struct iface *iface)
{
    const char *name = strcmp(iface->type, "patch") ? NULL : smap_get(&iface->options, "peer");
    const struct bridge *b;
    if (!name || iface->ofp_port == OFPORT_NONE) {
        return NULL;
    }
    HMAP_FOR_EACH (b, node, &iface->bridge->config->bridges) {
        const struct iface *peer;
        HMAP_FOR_EACH (peer, node, &b->ifaces) {
            const char *back = smap_get(&peer->options, "peer");
            if (!strcmp(peer->name, name) && peer->ofp_port != OFPORT_NONE && !strcmp(peer->type, "patch") &&
                back && !strcmp(back, iface->name) && same_datapath(b, iface->bridge)) {
                return NULL;
            }
        }
    }
    return xasprintf("No usable peer '%s' exists in '%s' datapath.", name,
                     *iface->bridge->type ? iface->bridge->type : "system");
}

static void write_iface(struct ovsdb_txn *txn, struct iface *iface)
{
    struct ovsdb_row *row = iface->row;
    struct ofproto_port port;
    if (!row) {
        return;
    }
    bool open = iface->ofp_port != OFPORT_NONE;
    struct vport *vport = config_iface_vport(iface, &port);
    ovsdb_txn_set_integer(txn, row, OVS_INTERFACE_OFPORT, open ? (int64_t)iface->ofp_port : -1);
    char *peerless = iface->error ? NULL : peer_error(iface);
    ovsdb_txn_set_string(txn, row, OVS_INTERFACE_ERROR, peerless ? peerless : iface->error);
    free(peerless);
    config_oam_write(txn, iface);
    int lacp = open ? ofproto_lacp_current(iface->bridge->ofproto, iface->ofp_port) : -1;
    if (lacp >= 0) {
        ovsdb_txn_set_boolean(txn, row, OVS_INTERFACE_LACP_CURRENT, lacp);
    } else {
        ovsdb_txn_set_empty(txn, row, OVS_INTERFACE_LACP_CURRENT);
    }
    if (open && !ovsdb_row_n(row, OVS_INTERFACE_STATISTICS)) {
        write_statistics(txn, iface); /* from then on once in a while */
    }
    if (vport) {
        write_device(txn, row, vport);
        iface->status_seq = vport_status_seq(vport);
    } else if (open) {
        write_patch(txn, row, port.mac);
        if (port.tunnel) {
            write_tunnel(txn, iface, port.tunnel);
        }
    } else {
        clear_device(txn, row);
    }
}

/* ---- Bridge, Mirror, Open_vSwitch ---- */

static void write_bridge(struct ovsdb_txn *txn, struct bridge *b)
{
    char id[24];
    struct iface *iface;
    snprintf(id, sizeof id, "%016" PRIx64, b->datapath_id);
    ovsdb_txn_set_string(txn, b->row, OVS_BRIDGE_DATAPATH_ID, id);
    ovsdb_txn_set_string(txn, b->row, OVS_BRIDGE_DATAPATH_VERSION, "<built-in>");
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        write_iface(txn, iface);
    }
    config_bonds_write(txn, b);
    config_controllers_write(txn, b);
}

static void write_mirrors(struct ovsdb_txn *txn, const struct bridge *b)
{
    for (size_t i = 0; i < ovsdb_row_n(b->row, OVS_BRIDGE_MIRRORS); i++) {
        struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_MIRRORS, i);
        char id[UUID_TEXT_LEN + 1];
        uint64_t packets, bytes;
        if (row && !ofproto_mirror_stats(b->ofproto, uuid_format(&row->uuid, id), &packets, &bytes)) {
            static const char *const names[] = {"tx_bytes", "tx_packets"};
            const int64_t values[] = {(int64_t)bytes, (int64_t)packets};
            const struct ovsdb_type *type = &ovsdb_row_column(row, OVS_MIRROR_STATISTICS)->type;
            ovsdb_txn_set(txn, row, OVS_MIRROR_STATISTICS,
                          ovsdb_datum_from_int_pairs(type, names, values, ARRAY_SIZE(names)));
        }
    }
}

/* Interfaces of bridges that could not be made say so. */
static void write_failures(struct ovsdb_txn *txn, const struct config *c, const struct ovsdb_row *root)
{
    for (size_t i = 0; i < ovsdb_row_n(root, OVS_OPEN_VSWITCH_BRIDGES); i++) {
        const struct ovsdb_row *row = ovsdb_row_ref(root, OVS_OPEN_VSWITCH_BRIDGES, i);
        const char *name = row ? ovsdb_row_string(row, OVS_BRIDGE_NAME, "") : "";
        const struct named *failure = row ? named_find(&c->failures, name) : NULL;
        if (!failure) {
            continue;
        }
        char *text = xasprintf("bridge %s could not be created: %s", name, failure->text);
        for (size_t j = 0; j < ovsdb_row_n(row, OVS_BRIDGE_PORTS); j++) {
            const struct ovsdb_row *port = ovsdb_row_ref(row, OVS_BRIDGE_PORTS, j);
            for (size_t k = 0; port && k < ovsdb_row_n(port, OVS_PORT_INTERFACES); k++) {
                struct ovsdb_row *iface = ovsdb_row_ref(port, OVS_PORT_INTERFACES, k);
                if (iface) {
                    ovsdb_txn_set_integer(txn, iface, OVS_INTERFACE_OFPORT, -1);
                    ovsdb_txn_set_string(txn, iface, OVS_INTERFACE_ERROR, text);
                }
            }
        }
        free(text);
    }
}

struct names {
    const char *list[64];
    size_t n;
};

static void add_datapath_type(const struct datapath_ops *ops, void *names_)
{
    struct names *names = names_;
    if (names->n < ARRAY_SIZE(names->list)) {
        names->list[names->n++] = ops->type;
    }
}

static void add_iface_type(const struct vport_ops *ops, void *names_)
{
    struct names *names = names_;
    if (names->n < ARRAY_SIZE(names->list)) {
        names->list[names->n++] = ops->type;
    }
}

/* What ovs-ctl(8) writes before it starts a daemon that is not its own database's. */
static void write_release(struct ovsdb_txn *txn, struct ovsdb_row *root)
{
    char *id, *version;
    host_release(&id, &version);
    ovsdb_txn_set_string(txn, root, OVS_OPEN_VSWITCH_OVS_VERSION, VERSION_REFERENCE);
    ovsdb_txn_set_string(txn, root, OVS_OPEN_VSWITCH_DB_VERSION, ovsdb_vswitch_schema()->version);
    if (id) {
        ovsdb_txn_set_string(txn, root, OVS_OPEN_VSWITCH_SYSTEM_TYPE, id);
    }
    if (version) {
        ovsdb_txn_set_string(txn, root, OVS_OPEN_VSWITCH_SYSTEM_VERSION, version);
    }
    free(id);
    free(version);
}

static void write_versions(struct ovsdb_txn *txn, const struct config *c, struct ovsdb_row *root)
{
    struct names types = {.n = 0}, kinds = {.n = 0};
    dpif_list_types(add_datapath_type, &types);
    vport_list_types(add_iface_type, &kinds);
    if (kinds.n < ARRAY_SIZE(kinds.list)) {
        kinds.list[kinds.n++] = "patch";
    }
    ovsdb_txn_set_strings(txn, root, OVS_OPEN_VSWITCH_DATAPATH_TYPES, types.list, types.n);
    ovsdb_txn_set_strings(txn, root, OVS_OPEN_VSWITCH_IFACE_TYPES, kinds.list, kinds.n);
    ovsdb_txn_set_boolean(txn, root, OVS_OPEN_VSWITCH_DPDK_INITIALIZED, false);
    ovsdb_txn_set_string(txn, root, OVS_OPEN_VSWITCH_DPDK_VERSION, "none");
    if (c->owns_database) {
        write_release(txn, root);
    }
}

/* `other_config:enable-statistics`, switched on and off. */
static void write_host_statistics(struct ovsdb_txn *txn, struct ovsdb_row *root)
{
    struct smap statistics;
    smap_init(&statistics);
    if (ovsdb_row_map_boolean(root, OVS_OPEN_VSWITCH_OTHER_CONFIG, "enable-statistics", false)) {
        host_statistics(&statistics);
    }
    status_set_map(txn, root, OVS_OPEN_VSWITCH_STATISTICS, &statistics);
    smap_fini(&statistics);
}

/* ---- transactions ---- */

static void written(struct ovsdb_txn *txn, enum ovsdb_txn_status status, void *aux)
{
    struct config *c = aux;
    c->status_txn = NULL;
    bool ok = status == OVSDB_TXN_SUCCESS || status == OVSDB_TXN_UNCHANGED;
    if (status == OVSDB_TXN_ERROR) {
        LOG_ERR("the database refused the switch's status: %s", ovsdb_txn_error(txn));
    } else if (status == OVSDB_TXN_TRY_AGAIN) {
        c->status_again = true;
    }
    ovsdb_txn_destroy(txn);
    if (ok && !c->configured) {
        c->configured = true;
        if (c->on_configured) {
            c->on_configured(c->aux);
        }
    }
    if (c->status_again) {
        c->status_again = false;
        struct ovsdb_row *root = ovsdb_row_first(c->db, OVS_TABLE_OPEN_VSWITCH);
        status_write(c, root ? c->applied_cfg : -1);
    }
}

void status_write(struct config *c, int64_t cur_cfg)
{
    struct ovsdb_row *root = ovsdb_row_first(c->db, OVS_TABLE_OPEN_VSWITCH);
    struct bridge *b;
    if (cur_cfg >= 0) {
        c->applied_cfg = cur_cfg;
    }
    if (!root || !ovsdb_client_is_connected(c->db)) {
        return;
    }
    if (c->status_txn) {
        c->status_again = true;
        return;
    }
    struct ovsdb_txn *txn = ovsdb_txn_create(c->db);
    if (!c->said_version) {
        write_versions(txn, c, root);
        c->said_version = true;
    }
    HMAP_FOR_EACH (b, node, &c->bridges) {
        write_bridge(txn, b);
    }
    write_failures(txn, c, root);
    config_datapaths_write(txn, c, root);
    ovsdb_txn_set_integer(txn, root, OVS_OPEN_VSWITCH_CUR_CFG, c->applied_cfg);
    c->status_txn = txn;
    ovsdb_txn_commit(txn, written, c);
}

void status_write_statistics(struct config *c)
{
    struct bridge *b;
    struct iface *iface;
    if (c->status_txn) {
        return; /* the next time */
    }
    struct ovsdb_txn *txn = ovsdb_txn_create(c->db);
    struct ovsdb_row *root = ovsdb_row_first(c->db, OVS_TABLE_OPEN_VSWITCH);
    if (root) {
        write_host_statistics(txn, root);
    }
    HMAP_FOR_EACH (b, node, &c->bridges) {
        HMAP_FOR_EACH (iface, node, &b->ifaces) {
            if (iface->row) {
                struct ofproto_port port;
                write_statistics(txn, iface);
                if (iface->ofp_port != OFPORT_NONE &&
                    !ofproto_port_get(iface->bridge->ofproto, iface->ofp_port, &port) && port.tunnel) {
                    write_tunnel(txn, iface, port.tunnel);
                }
            }
        }
        write_mirrors(txn, b);
        config_spanning_write(txn, b);
        config_controllers_write(txn, b);
    }
    c->status_txn = txn;
    ovsdb_txn_commit(txn, written, c);
}
