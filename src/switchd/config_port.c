/* SPDX-License-Identifier: Apache-2.0 */
/* The Port table: VLANs, and which interfaces together are one logical port. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "switchd/config.h"

LOG_MODULE(bridge);

#define MAX_MEMBERS 64

/* `vlan_mode`, and what it is where the database says nothing: a port with a tag is an access port, any other
 * a trunk (ovs-vswitchd.conf.db(5), Port, vlan_mode). A mode that needs a tag and has none is a trunk. */
static enum ofproto_vlan_mode vlan_mode(const struct ovsdb_row *row, const char *name, int64_t tag)
{
    static const struct {
        const char *name;
        enum ofproto_vlan_mode mode;
    } modes[] = {
        {"access", OFPROTO_VLAN_ACCESS},
        {"trunk", OFPROTO_VLAN_TRUNK},
        {"native-tagged", OFPROTO_VLAN_NATIVE_TAGGED},
        {"native-untagged", OFPROTO_VLAN_NATIVE_UNTAGGED},
        {"dot1q-tunnel", OFPROTO_VLAN_DOT1Q_TUNNEL},
    };
    const char *wanted = ovsdb_row_string(row, OVS_PORT_VLAN_MODE, "");
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (!strcmp(wanted, modes[i].name)) {
            return modes[i].mode;
        }
    }
    if (tag < 0) {
        return OFPROTO_VLAN_TRUNK;
    }
    if (ovsdb_row_n(row, OVS_PORT_TRUNKS)) {
        LOG_ERR("port %s: ignoring trunks in favor of implicit vlan", name);
    }
    return OFPROTO_VLAN_ACCESS;
}

static enum ofproto_priority_tags priority_tags(const struct ovsdb_row *row)
{
    const char *wanted = ovsdb_row_map_string(row, OVS_PORT_OTHER_CONFIG, "priority-tags", "never");
    return !strcmp(wanted, "if-nonzero") || !strcmp(wanted, "true") ? OFPROTO_PRIORITY_TAGS_IF_NONZERO
           : !strcmp(wanted, "always")                              ? OFPROTO_PRIORITY_TAGS_ALWAYS
                                                                    : OFPROTO_PRIORITY_TAGS_NEVER;
}

static int by_iface_name(const void *a_, const void *b_)
{
    const struct iface *const *a = a_, *const *b = b_;
    return strverscmp((*a)->name, (*b)->name);
}

/* Those of the Port that are there, in its order. */
static size_t ifaces_of(const struct bridge *b, const struct ovsdb_row *row, const struct iface **ifaces)
{
    size_t n = 0;
    for (size_t i = 0; i < ovsdb_row_n(row, OVS_PORT_INTERFACES) && n < MAX_MEMBERS; i++) {
        const struct ovsdb_row *iface_row = ovsdb_row_ref(row, OVS_PORT_INTERFACES, i);
        const struct iface *iface =
            iface_row ? config_iface_find(b, ovsdb_row_string(iface_row, OVS_INTERFACE_NAME, "")) : NULL;
        if (iface && iface->row == iface_row && iface->ofp_port != OFPORT_NONE) {
            ifaces[n++] = iface;
        }
    }
    return n;
}

static void want_bundle(struct bridge *b, const struct ofproto_bundle_settings *settings)
{
    struct named *bundle = named_find(&b->bundles, settings->name);
    if (!bundle) {
        bundle = named_add(&b->bundles, settings->name);
    }
    bundle->wanted = true;
    ofproto_bundle_set(b->ofproto, settings);
}

static void set_port(struct bridge *b, const struct ovsdb_row *row)
{
    const char *name = ovsdb_row_string(row, OVS_PORT_NAME, "");
    const struct iface *ifaces[MAX_MEMBERS];
    uint32_t members[MAX_MEMBERS];
    size_t n = ifaces_of(b, row, ifaces);
    if (!n) {
        return; /* none of its interfaces is there: they say why */
    }
    /* By name: the order of a set is that of UUIDs, and which member is active first would be chance. */
    qsort(ifaces, n, sizeof *ifaces, by_iface_name);
    for (size_t i = 0; i < n; i++) {
        members[i] = ifaces[i]->ofp_port;
    }
    struct config_bond *bond = config_bond_create(b, row, ifaces, n);
    int64_t tag = ovsdb_row_integer(row, OVS_PORT_TAG, -1);
    unsigned long *trunks = config_vlans(row, OVS_PORT_TRUNKS);
    unsigned long *cvlans = config_vlans(row, OVS_PORT_CVLANS);
    struct ofproto_bundle_settings s = {
        .name = name,
        .members = members,
        .n_members = n,
        .vlan_mode = vlan_mode(row, name, tag),
        .vlan = (int)tag,
        .trunks = trunks,
        .cvlans = cvlans,
        .priority_tags = priority_tags(row),
        .protect = ovsdb_row_boolean(row, OVS_PORT_PROTECTED, false),
        .bond = bond ? config_bond_settings(bond) : NULL,
    };
    const char *qinq = ovsdb_row_map_string(row, OVS_PORT_OTHER_CONFIG, "qinq-ethtype", "802.1ad");
    s.qinq_ethtype = !strcmp(qinq, "802.1q") ? 0x8100 : 0x88a8;
    if (s.vlan_mode == OFPROTO_VLAN_TRUNK) {
        s.vlan = -1;
    } else if (s.vlan < 0) {
        s.vlan = 0; /* a mode that has a VLAN of its own, and none is said */
    }
    want_bundle(b, &s);
    config_bond_destroy(bond);
    free(trunks);
    free(cvlans);
}

/* The local port belongs to the bridge even where the database has no Port for it. */
static void set_implicit_local(struct bridge *b)
{
    const struct iface *local = config_iface_find(b, b->name);
    if (local && !local->row && local->ofp_port != OFPORT_NONE) {
        struct ofproto_bundle_settings s = {.name = b->name,
                                            .members = &local->ofp_port,
                                            .n_members = 1,
                                            .vlan_mode = OFPROTO_VLAN_TRUNK,
                                            .vlan = -1};
        want_bundle(b, &s);
    }
}

static int by_name(const void *a, const void *b)
{
    return strverscmp(ovsdb_row_string(*(const struct ovsdb_row *const *)a, OVS_PORT_NAME, ""),
                      ovsdb_row_string(*(const struct ovsdb_row *const *)b, OVS_PORT_NAME, ""));
}

void config_ports_settings(struct bridge *b)
{
    struct named *bundle;
    HMAP_FOR_EACH (bundle, node, &b->bundles) {
        bundle->wanted = false;
    }
    size_t total = ovsdb_row_n(b->row, OVS_BRIDGE_PORTS), n = 0;
    const struct ovsdb_row **rows = xcalloc(total, sizeof *rows);
    for (size_t i = 0; i < total; i++) {
        rows[n] = ovsdb_row_ref(b->row, OVS_BRIDGE_PORTS, i);
        n += rows[n] != NULL;
    }
    /* By name: new ones of one transaction are flooded to in this order. */
    qsort(rows, n, sizeof *rows, by_name);
    for (size_t i = 0; i < n; i++) {
        set_port(b, rows[i]);
    }
    free(rows);
    set_implicit_local(b);
    HMAP_FOR_EACH_SAFE (bundle, node, &b->bundles) {
        if (!bundle->wanted) {
            ofproto_bundle_remove(b->ofproto, bundle->name);
            named_remove(&b->bundles, bundle);
        }
    }
}
