/* SPDX-License-Identifier: Apache-2.0 */
/* The IPFIX and Flow_Sample_Collector_Set tables: a Bridge's collectors of samples. */
#include <stdlib.h>

#include "base/alloc.h"
#include "pipeline/ipfix.h"
#include "switchd/config.h"

#define DEFAULT_SAMPLING 400

/* Our own copies of what settings point to. */
struct exporter {
    const char **targets;
    struct smap other_config;
};

/* False: the row is none, or it names no collector. */
static bool read_exporter(const struct ovsdb_row *row, struct exporter *e, struct ipfix_exporter_settings *s)
{
    size_t n = row ? ovsdb_row_n(row, OVS_IPFIX_TARGETS) : 0;
    if (!n) {
        return false;
    }
    e->targets = xcalloc(n, sizeof *e->targets);
    for (size_t i = 0; i < n; i++) {
        e->targets[i] = ovsdb_row_string_at(row, OVS_IPFIX_TARGETS, i);
    }
    config_map(row, OVS_IPFIX_OTHER_CONFIG, &e->other_config);
    const char *virtual_id = smap_get(&e->other_config, "virtual_obs_id");
    *s = (struct ipfix_exporter_settings){
        .targets = e->targets,
        .n_targets = n,
        .active_timeout_s = (uint32_t)ovsdb_row_integer(row, OVS_IPFIX_CACHE_ACTIVE_TIMEOUT, 0),
        .max_flows = (uint32_t)ovsdb_row_integer(row, OVS_IPFIX_CACHE_MAX_FLOWS, 0),
        .tunnels = smap_get_bool(&e->other_config, "enable-tunnel-sampling", true),
        .virtual_id = virtual_id && *virtual_id ? virtual_id : NULL,
    };
    return true;
}

static void free_exporter(struct exporter *e)
{
    free(e->targets);
    smap_fini(&e->other_config);
}

static bool read_bridge(const struct bridge *b, struct exporter *e, struct ipfix_bridge_settings *s)
{
    const struct ovsdb_row *row = ovsdb_row_ref(b->row, OVS_BRIDGE_IPFIX, 0);
    if (!read_exporter(row, e, &s->exporter)) {
        return false;
    }
    uint32_t one_of = (uint32_t)ovsdb_row_integer(row, OVS_IPFIX_SAMPLING, DEFAULT_SAMPLING);
    s->sampling = (struct ipfix_sampling){
        .probability = UINT32_MAX / MAX(one_of, 1u),
        .input = smap_get_bool(&e->other_config, "enable-input-sampling", true),
        .output = smap_get_bool(&e->other_config, "enable-output-sampling", true),
    };
    s->domain = (uint32_t)ovsdb_row_integer(row, OVS_IPFIX_OBS_DOMAIN_ID, 0);
    s->point = (uint32_t)ovsdb_row_integer(row, OVS_IPFIX_OBS_POINT_ID, 0);
    return true;
}

void config_ipfix_settings(const struct config *c, struct bridge *b)
{
    struct exporter of_bridge = {NULL, SMAP_INITIALIZER}, *of_sets = NULL;
    struct ipfix_bridge_settings bridge;
    struct ipfix_set_settings *sets = NULL;
    size_t n = 0, allocated = 0;
    bool has_bridge = read_bridge(b, &of_bridge, &bridge);
    for (const struct ovsdb_row *row = ovsdb_row_first(c->db, OVS_TABLE_FLOW_SAMPLE_COLLECTOR_SET); row;
         row = ovsdb_row_next(row)) {
        if (ovsdb_row_ref(row, OVS_FLOW_SAMPLE_COLLECTOR_SET_BRIDGE, 0) != b->row) {
            continue;
        }
        if (n == allocated) {
            allocated = 2 * allocated + 4;
            of_sets = xrealloc(of_sets, allocated * sizeof *of_sets);
            sets = xrealloc(sets, allocated * sizeof *sets);
        }
        sets[n].id = (uint32_t)ovsdb_row_integer(row, OVS_FLOW_SAMPLE_COLLECTOR_SET_ID, 0);
        if (read_exporter(ovsdb_row_ref(row, OVS_FLOW_SAMPLE_COLLECTOR_SET_IPFIX, 0), &of_sets[n],
                          &sets[n].exporter)) {
            n++;
        }
    }
    ofproto_set_ipfix(b->ofproto, has_bridge ? &bridge : NULL, sets, n);
    if (has_bridge) {
        free_exporter(&of_bridge);
    }
    for (size_t i = 0; i < n; i++) {
        free_exporter(&of_sets[i]);
    }
    free(of_sets);
    free(sets);
}
