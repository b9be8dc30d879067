/* SPDX-License-Identifier: Apache-2.0 */
/* The Port table's columns and keys for bonds and LACP (ovs-vswitchd.conf.db(5), "Bonding Configuration"). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/mac.h"
#include "pipeline/bond.h"
#include "switchd/config.h"

LOG_MODULE(bridge);

struct config_bond {
    struct ofproto_bond s;
    struct smap other; /* the Port's other_config; strings in `s` are of it */
    struct lacp_member_settings members[];
};

static int64_t non_negative(int64_t v)
{
    return v > 0 ? MIN(v, INT32_MAX) : 0;
}

static void set_bond(struct config_bond *c, const struct ovsdb_row *port, const char *name)
{
    struct bond_settings *b = &c->s.bond;
    const char *mode = ovsdb_row_string(port, OVS_PORT_BOND_MODE, NULL);
    c->s.is_bond = true;
    b->mode = BOND_ACTIVE_BACKUP;
    if (mode && !bond_mode_parse(mode, &b->mode)) {
        LOG_WARN("port %s: unknown bond_mode %s, defaulting to %s", name, mode, bond_mode_name(b->mode));
    }
    const char *detect = smap_get(&c->other, "bond-detect-mode");
    if (detect && !strcmp(detect, "miimon")) {
        c->s.miimon_ms = MAX(smap_get_int(&c->other, "bond-miimon-interval", 200), 100);
    } else if (detect && strcmp(detect, "carrier")) {
        LOG_WARN("port %s: unsupported bond-detect-mode %s, defaulting to carrier", name, detect);
    }
    int rebalance = (int)smap_get_int(&c->other, "bond-rebalance-interval", BOND_REBALANCE_DEFAULT_MS);
    b->rebalance_ms = rebalance <= 0 ? 0 : MAX(rebalance, 1000);
    b->updelay_ms = (int)non_negative(ovsdb_row_integer(port, OVS_PORT_BOND_UPDELAY, 0));
    b->downdelay_ms = (int)non_negative(ovsdb_row_integer(port, OVS_PORT_BOND_DOWNDELAY, 0));
    b->hash_basis = (uint32_t)smap_get_int(&c->other, "bond-hash-basis", 0);
    b->all_members_active = smap_get_bool(&c->other, "all-members-active", false);
    b->lacp_fallback = smap_get_bool(&c->other, "lacp-fallback-ab", false);
    c->s.primary = smap_get(&c->other, "bond-primary");
}

static int in_range(const struct smap *map, const char *key, int max, int otherwise)
{
    int v = (int)smap_get_int(map, key, 0);
    return v >= 1 && v <= max ? v : otherwise;
}

static void set_lacp(struct config_bond *c, const struct bridge *b, bool active, const struct ovsdb_row *port,
                     const char *name, const struct iface *const *ifaces, size_t n)
{
    struct lacp_settings *s = &c->s.lacp_settings;
    c->s.lacp = true;
    s->active = active;
    const char *id = smap_get(&c->other, "lacp-system-id");
    s->system_id = b->mac;
    if (id && (!mac_parse(id, &s->system_id) || !memcmp(&s->system_id, &(struct eth_addr){{0}}, 6))) {
        LOG_WARN("port %s: LACP system ID (%s) must be an Ethernet address, not all zeros", name, id);
        s->system_id = b->mac;
    }
    s->system_priority = (uint16_t)in_range(&c->other, "lacp-system-priority", 65535, 65534);
    const char *time = smap_get(&c->other, "lacp-time");
    s->fast = time && !strcasecmp(time, "fast");
    s->fallback_active_backup = smap_get_bool(&c->other, "lacp-fallback-ab", false);

    /* The key of all that say nothing is the number of the Port's first interface: of its row, not by name.
     */
    uint32_t first = ifaces[0]->ofp_port;
    const struct ovsdb_row *first_row = ovsdb_row_ref(port, OVS_PORT_INTERFACES, 0);
    for (size_t i = 0; i < n; i++) {
        first = ifaces[i]->row == first_row ? ifaces[i]->ofp_port : first;
    }
    for (size_t i = 0; i < n; i++) {
        struct smap other;
        config_map(ifaces[i]->row, OVS_INTERFACE_OTHER_CONFIG, &other);
        c->members[i] = (struct lacp_member_settings){
            .port_id = (uint16_t)in_range(&other, "lacp-port-id", 65535, (uint16_t)ifaces[i]->ofp_port),
            .port_priority = (uint16_t)in_range(&other, "lacp-port-priority", 65535, 65535),
            .key = (uint16_t)in_range(&other, "lacp-aggregation-key", 65535, (uint16_t)first),
        };
        smap_fini(&other);
    }
    c->s.lacp_members = c->members;
}

struct config_bond *config_bond_create(const struct bridge *b, const struct ovsdb_row *port,
                                       const struct iface *const *ifaces, size_t n)
{
    const char *name = ovsdb_row_string(port, OVS_PORT_NAME, "");
    const char *lacp = ovsdb_row_string(port, OVS_PORT_LACP, "off");
    bool active = !strcmp(lacp, "active"), passive = !strcmp(lacp, "passive");
    if (n < 2 && !active && !passive) {
        return NULL;
    }
    struct config_bond *c = xzalloc(sizeof *c + n * sizeof *c->members);
    config_map(port, OVS_PORT_OTHER_CONFIG, &c->other);
    if (n > 1) {
        set_bond(c, port, name);
    }
    if (active || passive) {
        set_lacp(c, b, active, port, name, ifaces, n);
    }
    return c;
}

void config_bond_destroy(struct config_bond *c)
{
    if (c) {
        smap_fini(&c->other);
        free(c);
    }
}

const struct ofproto_bond *config_bond_settings(const struct config_bond *c)
{
    return &c->s;
}

void config_bonds_write(struct ovsdb_txn *txn, const struct bridge *b)
{
    for (size_t i = 0; i < ovsdb_row_n(b->row, OVS_BRIDGE_PORTS); i++) {
        struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_PORTS, i);
        struct eth_addr mac;
        char text[MAC_TEXT_SIZE];
        if (row) {
            bool is_bond = ofproto_bond_active(b->ofproto, ovsdb_row_string(row, OVS_PORT_NAME, ""), &mac);
            ovsdb_txn_set_string(txn, row, OVS_PORT_BOND_ACTIVE_SLAVE,
                                 is_bond ? mac_format(mac, text) : NULL);
        }
    }
}
