/* SPDX-License-Identifier: Apache-2.0 */
/* The Datapath table, whose rows users make: zones' time-out policies in, capabilities out. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/smap.h"
#include "dpif/dpif.h"
#include "pipeline/ct_zones.h"
#include "pipeline/dp_features.h"
#include "switchd/config.h"

LOG_MODULE(ofproto);

static const char *const timeout_names[] = {
#define X(NAME, TEXT, SECONDS) TEXT,
    CT_TIMEOUTS(X)
#undef X
};

static const char *type_of(const struct ovsdb_row *root, size_t i)
{
    return ovsdb_datum_key(ovsdb_row_get(root, OVS_OPEN_VSWITCH_DATAPATHS),
                           &ovsdb_row_column(root, OVS_OPEN_VSWITCH_DATAPATHS)->type, i)
        .string->text;
}

/* Keys that only datapaths in the kernel know are ignored. */
static void fill_times(struct ct_zone_times *times, const struct ovsdb_row *policy)
{
    for (size_t i = 0; i < CT_N_TIMEOUTS; i++) {
        int64_t seconds = -1;
        if (*timeout_names[i]) {
            seconds =
                ovsdb_row_map_integer(policy, OVS_CT_TIMEOUT_POLICY_TIMEOUTS, timeout_names[i], seconds);
        }
        times->seconds[i] = seconds;
    }
}

static void set_zones(struct config *c, const char *type, const struct ovsdb_row *row)
{
    const struct ovsdb_datum *zones = row ? ovsdb_row_get(row, OVS_DATAPATH_CT_ZONES) : NULL;
    size_t n = 0;
    struct ct_zone_times *list = xcalloc((zones ? zones->n : 0) + 1, sizeof *list);
    for (size_t i = 0; zones && i < zones->n; i++) {
        const struct ovsdb_row *zone = ovsdb_row_ref(row, OVS_DATAPATH_CT_ZONES, i);
        const struct ovsdb_row *policy = zone ? ovsdb_row_ref(zone, OVS_CT_ZONE_TIMEOUT_POLICY, 0) : NULL;
        if (policy) {
            const struct ovsdb_type *by = &ovsdb_row_column(row, OVS_DATAPATH_CT_ZONES)->type;
            list[n].zone = (uint16_t)ovsdb_datum_key(zones, by, i).integer;
            fill_times(&list[n++], policy);
        }
    }
    pipeline_set_ct_zones(c->pipeline, type, list, n);
    free(list);
}

struct settings {
    struct config *config;
    const struct ovsdb_row *root;
};

static void set_type(const struct datapath_ops *ops, void *settings_)
{
    const struct settings *s = settings_;
    const struct ovsdb_row *row = NULL;
    for (size_t i = 0; i < ovsdb_row_n(s->root, OVS_OPEN_VSWITCH_DATAPATHS); i++) {
        if (!strcmp(type_of(s->root, i), ops->type)) {
            row = ovsdb_row_ref(s->root, OVS_OPEN_VSWITCH_DATAPATHS, i);
        }
    }
    set_zones(s->config, ops->type, row);
}

/* Each is said once, as long as it is there. */
static void warn_of_unknown(struct config *c, const struct ovsdb_row *root)
{
    struct named *n;
    HMAP_FOR_EACH (n, node, &c->unknown_datapaths) {
        n->wanted = false;
    }
    for (size_t i = 0; i < ovsdb_row_n(root, OVS_OPEN_VSWITCH_DATAPATHS); i++) {
        const char *type = type_of(root, i);
        if (dpif_ops_lookup(type)) {
            continue;
        }
        n = named_find(&c->unknown_datapaths, type);
        if (!n) {
            LOG_WARN("unknown datapath type %s", type);
            n = named_add(&c->unknown_datapaths, type);
        }
        n->wanted = true;
    }
    HMAP_FOR_EACH_SAFE (n, node, &c->unknown_datapaths) {
        if (!n->wanted) {
            named_remove(&c->unknown_datapaths, n);
        }
    }
}

void config_datapaths_settings(struct config *c, const struct ovsdb_row *root)
{
    struct settings s = {c, root};
    dpif_list_types(set_type, &s);
    warn_of_unknown(c, root);
}

void config_datapaths_write(struct ovsdb_txn *txn, const struct config *c, const struct ovsdb_row *root)
{
    struct smap capabilities = SMAP_INITIALIZER;
    for (size_t i = 0; i < pipeline_n_dp_features; i++) {
        char number[16];
        const struct pipeline_dp_feature *f = &pipeline_dp_features[i];
        smap_set(&capabilities, f->key,
                 f->number && !f->plain ? pipeline_dp_feature(c->pipeline, f, number) : "true");
    }
    for (size_t i = 0; i < ovsdb_row_n(root, OVS_OPEN_VSWITCH_DATAPATHS); i++) {
        struct ovsdb_row *row = ovsdb_row_ref(root, OVS_OPEN_VSWITCH_DATAPATHS, i);
        const char *type = type_of(root, i);
        if (row && dpif_ops_lookup(type) && dpif_find(type, NULL)) {
            status_set_map(txn, row, OVS_DATAPATH_CAPABILITIES, &capabilities);
        }
    }
    smap_fini(&capabilities);
}
