/* SPDX-License-Identifier: Apache-2.0 */
/* The NetFlow table: a Bridge's collectors. */
#include <stdlib.h>

#include "base/alloc.h"
#include "pipeline/netflow.h"
#include "switchd/config.h"

void config_netflow_settings(struct bridge *b)
{
    const struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_NETFLOW, 0);
    if (!row) {
        ofproto_set_netflow(b->ofproto, NULL);
        return;
    }
    size_t n = ovsdb_row_n(row, OVS_NETFLOW_TARGETS);
    const char **targets = xcalloc(n + 1, sizeof *targets);
    for (size_t i = 0; i < n; i++) {
        targets[i] = ovsdb_row_string_at(row, OVS_NETFLOW_TARGETS, i);
    }
    const struct netflow_settings settings = {
        .targets = targets,
        .n_targets = n,
        .active_timeout_s = (int)MIN(ovsdb_row_integer(row, OVS_NETFLOW_ACTIVE_TIMEOUT, 0), INT32_MAX),
        .engine_type = (int)ovsdb_row_integer(row, OVS_NETFLOW_ENGINE_TYPE, -1),
        .engine_id = (int)ovsdb_row_integer(row, OVS_NETFLOW_ENGINE_ID, -1),
        .id_in_interfaces = ovsdb_row_boolean(row, OVS_NETFLOW_ADD_ID_TO_INTERFACE, false),
    };
    ofproto_set_netflow(b->ofproto, &settings);
    free(targets);
}
