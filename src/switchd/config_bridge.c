/* SPDX-License-Identifier: Apache-2.0 */
/* The Bridge table: bridges come and go; their addresses, fail mode and ageing. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mac.h"
#include "ofconn/ofconn.h"
#include "port/vport.h"
#include "switchd/config.h"

LOG_MODULE(bridge);

struct bridge *config_bridge_find(const struct config *c, const char *name)
{
    struct bridge *b;
    HMAP_FOR_EACH_WITH_HASH (b, node, hash_string(name, 0), &c->bridges) {
        if (!strcmp(b->name, name)) {
            return b;
        }
    }
    return NULL;
}

/* The address of a bridge that no port lends one: from the row's UUID, so that it stays the same. Its bytes
 * are those of the UUID's first two fields in little-endian order, as the reference takes them. */
static struct eth_addr mac_from_uuid(const struct uuid *uuid)
{
    const uint8_t *u = uuid->b;
    struct eth_addr mac = {{u[3], u[2], u[1], u[0], u[7], u[6]}};
    mac.ea[0] = (uint8_t)((mac.ea[0] & ~1) | 2);
    return mac;
}

static struct bridge *bridge_create(struct config *c, struct ovsdb_row *row, const char *name,
                                    const char *type)
{
    struct ofproto *ofproto;
    char *error = NULL;
    int code = ofproto_create(c->pipeline, name, type, &ofproto, &error);
    if (code) {
        LOG_ERR("failed to create bridge %s: %s (%s)", name, strerror(code), error ? error : "no details");
        struct named *failure = named_add(&c->failures, name);
        failure->wanted = true;
        failure->text = error ? error : xstrdup(strerror(code));
        return NULL;
    }
    struct bridge *b = xzalloc(sizeof *b);
    b->config = c;
    b->name = xstrdup(name);
    b->type = xstrdup(type);
    b->ofproto = ofproto;
    b->default_mac = mac_from_uuid(&row->uuid);
    hmap_init(&b->ifaces);
    hmap_init(&b->bundles);
    hmap_init(&b->mirrors);
    hmap_insert(&c->bridges, &b->node, hash_string(name, 0));
    config_controllers_start(b);
    return b;
}

void config_bridge_destroy(struct bridge *b)
{
    struct iface *iface;
    HMAP_FOR_EACH_SAFE (iface, node, &b->ifaces) {
        iface->ofp_port = OFPORT_NONE; /* goes with the bridge */
        config_iface_destroy(iface);
    }
    config_controllers_stop(b);
    ofproto_destroy(b->ofproto);
    hmap_remove(&b->config->bridges, &b->node);
    named_clear(&b->bundles);
    named_clear(&b->mirrors);
    hmap_fini(&b->ifaces);
    hmap_fini(&b->bundles);
    hmap_fini(&b->mirrors);
    free(b->name);
    free(b->type);
    free(b->local_address);
    free(b);
}

/* Bridges that are wanted exist afterwards, and no others. A new datapath type is a new bridge. */
void config_bridges_collect(struct config *c, const struct ovsdb_row *root)
{
    struct bridge *b;
    HMAP_FOR_EACH (b, node, &c->bridges) {
        b->wanted = false;
        b->row = NULL;
    }
    named_clear(&c->failures);
    size_t n = ovsdb_row_n(root, OVS_OPEN_VSWITCH_BRIDGES);
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_row *row = ovsdb_row_ref(root, OVS_OPEN_VSWITCH_BRIDGES, i);
        b = row ? config_bridge_find(c, ovsdb_row_string(row, OVS_BRIDGE_NAME, "")) : NULL;
        if (b && !strcmp(b->type, ovsdb_row_string(row, OVS_BRIDGE_DATAPATH_TYPE, ""))) {
            b->wanted = true;
            b->row = row;
        }
    }
    HMAP_FOR_EACH_SAFE (b, node, &c->bridges) {
        if (!b->wanted) {
            config_bridge_destroy(b);
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_row *row = ovsdb_row_ref(root, OVS_OPEN_VSWITCH_BRIDGES, i);
        const char *name = row ? ovsdb_row_string(row, OVS_BRIDGE_NAME, "") : "";
        if (!*name || config_bridge_find(c, name)) {
            continue;
        }
        if (strchr(name, '/')) {
            LOG_WARN(
                "ignoring bridge with invalid name \"%s\": a name with a slash would be a file elsewhere",
                name);
            continue;
        }
        b = bridge_create(c, row, name, ovsdb_row_string(row, OVS_BRIDGE_DATAPATH_TYPE, ""));
        if (b) {
            b->wanted = true;
            b->row = row;
        }
    }
}

static bool is_usable_mac(struct eth_addr mac)
{
    static const uint8_t reserved[] = {0x01, 0x80, 0xc2, 0x00, 0x00};
    bool is_zero = !(mac.ea[0] | mac.ea[1] | mac.ea[2] | mac.ea[3] | mac.ea[4] | mac.ea[5]);
    return !is_zero && !(mac.ea[0] & 3) && memcmp(mac.ea, reserved, sizeof reserved);
}

/* other_config:hwaddr, or the lowest address of a port that has one of its own (neither multicast nor locally
 * administered), or the bridge's own. */
static struct eth_addr choose_mac(struct bridge *b)
{
    struct eth_addr mac;
    const char *wanted = ovsdb_row_map_string(b->row, OVS_BRIDGE_OTHER_CONFIG, "hwaddr", NULL);
    if (wanted && mac_parse(wanted, &mac)) {
        if (!(mac.ea[0] & 1)) {
            return mac;
        }
        LOG_ERR("bridge %s: cannot set MAC address to multicast address %s", b->name, wanted);
    }
    struct iface *iface;
    bool found = false;
    mac = b->default_mac;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        struct ofproto_port port;
        struct vport *vport = config_iface_vport(iface, &port);
        if (!vport || iface->ofp_port == OFPORT_LOCAL || !is_usable_mac(vport->status.mac)) {
            continue;
        }
        if (!found || memcmp(vport->status.mac.ea, mac.ea, sizeof mac.ea) < 0) {
            mac = vport->status.mac;
            found = true;
        }
    }
    return mac;
}

static uint64_t choose_datapath_id(struct bridge *b)
{
    const char *wanted = ovsdb_row_map_string(b->row, OVS_BRIDGE_OTHER_CONFIG, "datapath-id", NULL);
    if (wanted) {
        const char *digits = !strncmp(wanted, "0x", 2) ? wanted + 2 : wanted;
        size_t n = strspn(digits, "0123456789abcdefABCDEF");
        uint64_t id = n && n <= 16 && !digits[n] ? strtoull(digits, NULL, 16) : 0;
        if (id && (n == 16 || digits != wanted)) {
            return id;
        }
        LOG_WARN("bridge %s: ignoring other_config:datapath-id=%s: want 16 hexadecimal digits, not all 0",
                 b->name, wanted);
    }
    uint64_t id = 0;
    for (int i = 0; i < 6; i++) {
        id = id << 8 | b->mac.ea[i];
    }
    return id;
}

static void set_addresses(struct bridge *b)
{
    struct iface *local = config_iface_find(b, b->name);
    struct ofproto_port port;
    struct vport *vport = local ? config_iface_vport(local, &port) : NULL;
    b->mac = choose_mac(b);
    if (vport && memcmp(&vport->status.mac, &b->mac, sizeof b->mac) && vport->ops->set_mac) {
        int error = vport->ops->set_mac(vport, b->mac);
        if (error && error != EOPNOTSUPP) {
            LOG_WARN("bridge %s: cannot set the address of its device: %s", b->name, strerror(error));
        }
    }
    uint64_t id = choose_datapath_id(b);
    if (id != b->datapath_id) {
        b->datapath_id = id;
        ofproto_set_datapath_id(b->ofproto, id);
        ofservice_reconnect(b->service); /* which have no other way to hear of it */
        LOG_INFO("bridge %s: using datapath ID %016" PRIx64, b->name, id);
    }
}

/* Flow_Table rows, by the number of the table. */
static void set_flow_tables(struct bridge *b)
{
    const struct ovsdb_row *rows[OFPROTO_TABLE_INTERNAL] = {NULL};
    for (size_t i = 0; i < ovsdb_row_n(b->row, OVS_BRIDGE_FLOW_TABLES); i++) {
        int64_t id = ovsdb_row_integer_at(b->row, OVS_BRIDGE_FLOW_TABLES, i);
        if (id >= 0 && id < OFPROTO_TABLE_INTERNAL) {
            rows[id] = ovsdb_row_ref(b->row, OVS_BRIDGE_FLOW_TABLES, i);
        }
    }
    for (unsigned id = 0; id < OFPROTO_TABLE_INTERNAL; id++) {
        if (!rows[id]) {
            ofproto_set_table(b->ofproto, id, NULL);
            continue;
        }
        int64_t limit = ovsdb_row_integer(rows[id], OVS_FLOW_TABLE_FLOW_LIMIT, -1);
        struct ofproto_table_settings s = {
            .name = ovsdb_row_string(rows[id], OVS_FLOW_TABLE_NAME, NULL),
            .max_rules = limit < 0 || limit > UINT_MAX ? SIZE_MAX : (size_t)limit,
            .evict = !strcmp(ovsdb_row_string(rows[id], OVS_FLOW_TABLE_OVERFLOW_POLICY, "refuse"), "evict"),
        };
        ofproto_set_table(b->ofproto, id, &s);
    }
}

void config_bridges_settings(struct config *c, const struct ovsdb_row *root)
{
    struct bridge *b;
    HMAP_FOR_EACH (b, node, &c->bridges) {
        unsigned long *flood_vlans = config_vlans(b->row, OVS_BRIDGE_FLOOD_VLANS);
        int64_t aging = ovsdb_row_map_integer(b->row, OVS_BRIDGE_OTHER_CONFIG, "mac-aging-time", 300);
        int64_t table = ovsdb_row_map_integer(b->row, OVS_BRIDGE_OTHER_CONFIG, "mac-table-size", 8192);
        set_addresses(b);
        ofproto_set_mac_config(b->ofproto, (int)(aging > 0 ? MIN(aging, 3600) : 300),
                               (size_t)(table > 0 ? MIN(table, 1000000) : 8192));
        ofproto_set_flood_vlans(b->ofproto, flood_vlans);
        ofproto_set_forward_bpdu(
            b->ofproto, ovsdb_row_map_boolean(b->row, OVS_BRIDGE_OTHER_CONFIG, "forward-bpdu", false));
        set_flow_tables(b);
        config_controllers_settings(b, root);
        free(flood_vlans);
    }
}
