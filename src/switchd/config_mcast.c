/* SPDX-License-Identifier: Apache-2.0 */
/* Multicast snooping: Bridge mcast_snooping_enable and the keys of Bridge and Port (ovs-vswitchd.conf.db(5)).
 */
#include "pipeline/mcast.h"
#include "switchd/config.h"

void config_mcast_settings(struct bridge *b)
{
    const struct ovsdb_row *row = b->row;
    int64_t aging = ovsdb_row_map_integer(row, OVS_BRIDGE_OTHER_CONFIG, "mcast-snooping-aging-time", 0);
    int64_t size = ovsdb_row_map_integer(row, OVS_BRIDGE_OTHER_CONFIG, "mcast-snooping-table-size", 0);
    const struct ofproto_mcast s = {
        .enabled = ovsdb_row_boolean(row, OVS_BRIDGE_MCAST_SNOOPING_ENABLE, false),
        .flood_unregistered = !ovsdb_row_map_boolean(row, OVS_BRIDGE_OTHER_CONFIG,
                                                     "mcast-snooping-disable-flood-unregistered", false),
        .aging_s = (unsigned)(aging > 0 ? MIN(aging, 3600) : 0),
        .max_groups = (size_t)(size > 0 ? MIN(size, 1000000) : 0),
    };
    ofproto_set_mcast(b->ofproto, &s);
    for (size_t i = 0; i < ovsdb_row_n(row, OVS_BRIDGE_PORTS); i++) {
        const struct ovsdb_row *port = ovsdb_row_ref(row, OVS_BRIDGE_PORTS, i);
        if (port) {
            ofproto_bundle_set_mcast(
                b->ofproto, ovsdb_row_string(port, OVS_PORT_NAME, ""),
                ovsdb_row_map_boolean(port, OVS_PORT_OTHER_CONFIG, "mcast-snooping-flood", false),
                ovsdb_row_map_boolean(port, OVS_PORT_OTHER_CONFIG, "mcast-snooping-flood-reports", false));
        }
    }
}
