/* SPDX-License-Identifier: Apache-2.0 */
/* The sFlow table: a Bridge's collectors. */
#include <stdlib.h>

#include "base/alloc.h"
#include "pipeline/sflow.h"
#include "switchd/config.h"

static uint32_t number(const struct ovsdb_row *row, unsigned column, uint32_t fallback)
{
    int64_t value = ovsdb_row_integer(row, column, fallback);
    return value >= 0 && value <= UINT32_MAX ? (uint32_t)value : fallback;
}

void config_sflow_settings(struct bridge *b)
{
    const struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_SFLOW, 0);
    if (!row) {
        ofproto_set_sflow(b->ofproto, NULL);
        return;
    }
    size_t n = ovsdb_row_n(row, OVS_SFLOW_TARGETS);
    const char **collectors = xcalloc(n + 1, sizeof *collectors);
    for (size_t i = 0; i < n; i++) {
        collectors[i] = ovsdb_row_string_at(row, OVS_SFLOW_TARGETS, i);
    }
    const struct sflow_settings settings = {
        .targets = collectors,
        .n_targets = n,
        .agent = ovsdb_row_string(row, OVS_SFLOW_AGENT, NULL),
        .sampling = number(row, OVS_SFLOW_SAMPLING, SFLOW_DEFAULT_SAMPLING),
        .header = number(row, OVS_SFLOW_HEADER, SFLOW_DEFAULT_HEADER),
        .polling = number(row, OVS_SFLOW_POLLING, SFLOW_DEFAULT_POLLING),
    };
    ofproto_set_sflow(b->ofproto, &settings);
    free(collectors);
}
