/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the switch as a whole: show, emer-reset, controllers, managers, TLS, auto-attach, conntrack
 * zones, datapath capabilities. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/stream.h"
#include "tools/vsctl.h"

LOG_MODULE(vsctl);

static void run_init(struct vsctl *ctx, struct vsctl_run *run)
{
}

/* show: a tree of tables; for each, the column that names a row, and what is shown of it. A reference to a
 * table of the tree is followed. */

static const struct show_table {
    unsigned table;
    int name; /* -1: the UUID */
    unsigned columns[4];
    size_t n;
} show_tables[] = {
    {OVS_TABLE_OPEN_VSWITCH,
     -1,
     {OVS_OPEN_VSWITCH_MANAGER_OPTIONS, OVS_OPEN_VSWITCH_BRIDGES, OVS_OPEN_VSWITCH_OVS_VERSION},
     3},
    {OVS_TABLE_BRIDGE,
     OVS_BRIDGE_NAME,
     {OVS_BRIDGE_CONTROLLER, OVS_BRIDGE_FAIL_MODE, OVS_BRIDGE_DATAPATH_TYPE, OVS_BRIDGE_PORTS},
     4},
    {OVS_TABLE_PORT, OVS_PORT_NAME, {OVS_PORT_TAG, OVS_PORT_TRUNKS, OVS_PORT_INTERFACES}, 3},
    {OVS_TABLE_INTERFACE,
     OVS_INTERFACE_NAME,
     {OVS_INTERFACE_TYPE, OVS_INTERFACE_OPTIONS, OVS_INTERFACE_ERROR},
     3},
    {OVS_TABLE_CONTROLLER, OVS_CONTROLLER_TARGET, {OVS_CONTROLLER_IS_CONNECTED}, 1},
    {OVS_TABLE_MANAGER, OVS_MANAGER_TARGET, {OVS_MANAGER_IS_CONNECTED}, 1},
};

static void prepare_show(struct vsctl *ctx, struct vsctl_run *run)
{
    for (size_t i = 0; i < ARRAY_SIZE(show_tables); i++) {
        const struct show_table *t = &show_tables[i];
        if (t->name >= 0) {
            vsctl_monitor(ctx, t->table, (unsigned)t->name);
        }
        for (size_t j = 0; j < t->n; j++) {
            vsctl_monitor(ctx, t->table, t->columns[j]);
        }
    }
}

static const struct show_table *find_show_table(const struct ovsdb_table_schema *schema)
{
    for (size_t i = 0; schema && i < ARRAY_SIZE(show_tables); i++) {
        if (show_tables[i].table == schema->index) {
            return &show_tables[i];
        }
    }
    return NULL;
}

static void show_row(struct vsctl *ctx, struct vsctl_run *run, const struct show_table *t,
                     struct ovsdb_row *row, size_t level)
{
    const struct ovsdb_table_schema *schema = ovsdb_client_schema(ctx->client)->tables[t->table];
    strbuf_put_chars(&run->out, ' ', level * 4);
    if (t->name >= 0) {
        strbuf_printf(&run->out, "%s ", schema->name);
        ovsdb_datum_put_text(vsctl_get(ctx, row, (unsigned)t->name), &schema->columns[t->name]->type,
                             &run->out);
    } else {
        char text[UUID_TEXT_LEN + 1];
        strbuf_puts(&run->out, uuid_format(&row->uuid, text));
    }
    strbuf_put_char(&run->out, '\n');
    for (size_t i = 0; i < t->n; i++) {
        const struct ovsdb_column *c = schema->columns[t->columns[i]];
        const struct ovsdb_datum *d = vsctl_get(ctx, row, c->index);
        const struct show_table *sub =
            c->type.key.type == OVSDB_UUID ? find_show_table(c->type.key.uuid.ref_table) : NULL;
        if (sub) {
            size_t n = d->n;
            for (size_t j = 0; j < n; j++) {
                struct ovsdb_row *ref = vsctl_ref(ctx, row, c->index, j);
                if (ref) {
                    show_row(ctx, run, sub, ref, level + 1);
                }
            }
        } else if (!ovsdb_datum_is_default(d, &c->type)) {
            strbuf_put_chars(&run->out, ' ', (level + 1) * 4);
            strbuf_printf(&run->out, "%s: ", c->name);
            ovsdb_datum_put_text(d, &c->type, &run->out);
            strbuf_put_char(&run->out, '\n');
        }
    }
}

static void run_show(struct vsctl *ctx, struct vsctl_run *run)
{
    show_row(ctx, run, &show_tables[0], ctx->ovs, 0);
}

/* emer-reset: what the reference's does, which is less than its manual says. */

static const unsigned reset_bridge_columns[] = {
    OVS_BRIDGE_CONTROLLER, OVS_BRIDGE_FAIL_MODE, OVS_BRIDGE_MIRRORS,    OVS_BRIDGE_NETFLOW,
    OVS_BRIDGE_SFLOW,      OVS_BRIDGE_IPFIX,     OVS_BRIDGE_FLOOD_VLANS};

static void prepare_emer_reset(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_monitor(ctx, OVS_TABLE_PORT, OVS_PORT_OTHER_CONFIG);
    vsctl_monitor(ctx, OVS_TABLE_INTERFACE, OVS_INTERFACE_INGRESS_POLICING_RATE);
    vsctl_monitor(ctx, OVS_TABLE_INTERFACE, OVS_INTERFACE_INGRESS_POLICING_BURST);
    for (size_t i = 0; i < ARRAY_SIZE(reset_bridge_columns); i++) {
        vsctl_monitor(ctx, OVS_TABLE_BRIDGE, reset_bridge_columns[i]);
    }
    vsctl_monitor(ctx, OVS_TABLE_BRIDGE, OVS_BRIDGE_OTHER_CONFIG);
    vsctl_monitor(ctx, OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_MANAGER_OPTIONS);
    vsctl_monitor(ctx, OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_SSL);
}

static void run_emer_reset(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *row;
    ovsdb_txn_set_empty(ctx->txn, ctx->ovs, OVS_OPEN_VSWITCH_MANAGER_OPTIONS);
    ovsdb_txn_set_empty(ctx->txn, ctx->ovs, OVS_OPEN_VSWITCH_SSL);
    VSCTL_FOR_EACH(row, ctx, OVS_TABLE_BRIDGE)
    {
        for (size_t i = 0; i < ARRAY_SIZE(reset_bridge_columns); i++) {
            ovsdb_txn_set_empty(ctx->txn, row, reset_bridge_columns[i]);
        }
        const struct ovsdb_type *type = &ovsdb_row_column(row, OVS_BRIDGE_OTHER_CONFIG)->type;
        const struct ovsdb_datum *d = vsctl_get(ctx, row, OVS_BRIDGE_OTHER_CONFIG);
        long at = ovsdb_datum_find_text(d, type, "hwaddr");
        const char *key = "hwaddr",
                   *value = at >= 0 ? ovsdb_datum_value(d, type, (size_t)at).string->text : NULL;
        ovsdb_txn_set(ctx->txn, row, OVS_BRIDGE_OTHER_CONFIG,
                      ovsdb_datum_from_pairs(type, &key, &value, at >= 0));
    }
    VSCTL_FOR_EACH(row, ctx, OVS_TABLE_PORT)
    {
        ovsdb_txn_set_empty(ctx->txn, row, OVS_PORT_OTHER_CONFIG);
    }
    VSCTL_FOR_EACH(row, ctx, OVS_TABLE_INTERFACE)
    {
        ovsdb_txn_set_integer(ctx->txn, row, OVS_INTERFACE_INGRESS_POLICING_RATE, 0);
        ovsdb_txn_set_integer(ctx->txn, row, OVS_INTERFACE_INGRESS_POLICING_BURST, 0);
    }
    vsctl_info_forget(ctx);
}

/* Targets: controllers and managers. */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_targets(struct vsctl *ctx, struct vsctl_run *run, struct ovsdb_row *owner, unsigned column,
                        unsigned target)
{
    size_t n = vsctl_get(ctx, owner, column)->n, found = 0;
    const char **targets = xmalloc((n + 1) * sizeof *targets);
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_row *row = vsctl_ref(ctx, owner, column, i);
        if (row) {
            targets[found++] = vsctl_string(ctx, row, target, "");
        }
    }
    qsort(targets, found, sizeof *targets, compare_texts);
    for (size_t i = 0; i < found; i++) {
        strbuf_printf(&run->out, "%s\n", targets[i]);
    }
    free(targets);
}

static void delete_refs(struct vsctl *ctx, struct ovsdb_row *owner, unsigned column)
{
    size_t n = vsctl_get(ctx, owner, column)->n;
    struct ovsdb_row **rows = xmalloc((n + 1) * sizeof(struct ovsdb_row *));
    for (size_t i = 0; i < n; i++) {
        rows[i] = vsctl_ref(ctx, owner, column, i);
    }
    for (size_t i = 0; i < n; i++) {
        if (rows[i]) {
            ovsdb_txn_delete(ctx->txn, rows[i]);
        }
    }
    free(rows);
    ovsdb_txn_set_empty(ctx->txn, owner, column);
}

static void check_target(const char *target)
{
    if (!stream_name_is_active(target) && !stream_name_is_passive(target)) {
        LOG_WARN("target type \"%s\" is possibly erroneous", target);
    }
}

static void insert_targets(struct vsctl *ctx, struct vsctl_run *run, unsigned table, unsigned target,
                           unsigned probe_column, char **targets, int n, struct ovsdb_row *owner,
                           unsigned column)
{
    const char *probe = vsctl_option(run, "--inactivity-probe");
    struct ovsdb_row **rows = xmalloc((size_t)n * sizeof(struct ovsdb_row *));
    for (int i = 0; i < n; i++) {
        check_target(targets[i]);
        rows[i] = ovsdb_txn_insert(ctx->txn, table);
        ovsdb_txn_set_string(ctx->txn, rows[i], target, targets[i]);
        if (probe) {
            ovsdb_txn_set_integer(ctx->txn, rows[i], probe_column, atoll(probe));
        }
    }
    ovsdb_txn_set_refs(ctx->txn, owner, column, rows, (size_t)n);
    free(rows);
}

static void prepare_controller(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_prepare_info(ctx, run);
    vsctl_monitor(ctx, OVS_TABLE_BRIDGE, OVS_BRIDGE_CONTROLLER);
    vsctl_monitor(ctx, OVS_TABLE_BRIDGE, OVS_BRIDGE_FAIL_MODE);
    vsctl_monitor(ctx, OVS_TABLE_CONTROLLER, OVS_CONTROLLER_TARGET);
}

static void run_get_controller(struct vsctl *ctx, struct vsctl_run *run)
{
    put_targets(ctx, run, vsctl_find_bridge(ctx, run->argv[1]), OVS_BRIDGE_CONTROLLER, OVS_CONTROLLER_TARGET);
}

static void run_del_controller(struct vsctl *ctx, struct vsctl_run *run)
{
    delete_refs(ctx, vsctl_find_real_bridge(ctx, run->argv[1]), OVS_BRIDGE_CONTROLLER);
}

static void run_set_controller(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *bridge = vsctl_find_real_bridge(ctx, run->argv[1]);
    delete_refs(ctx, bridge, OVS_BRIDGE_CONTROLLER);
    insert_targets(ctx, run, OVS_TABLE_CONTROLLER, OVS_CONTROLLER_TARGET, OVS_CONTROLLER_INACTIVITY_PROBE,
                   run->argv + 2, run->argc - 2, bridge, OVS_BRIDGE_CONTROLLER);
}

static void run_get_fail_mode(struct vsctl *ctx, struct vsctl_run *run)
{
    const char *mode = vsctl_string(ctx, vsctl_find_bridge(ctx, run->argv[1]), OVS_BRIDGE_FAIL_MODE, NULL);
    if (mode && *mode) {
        strbuf_printf(&run->out, "%s\n", mode);
    }
}

static void run_del_fail_mode(struct vsctl *ctx, struct vsctl_run *run)
{
    ovsdb_txn_set_empty(ctx->txn, vsctl_find_real_bridge(ctx, run->argv[1]), OVS_BRIDGE_FAIL_MODE);
}

static void run_set_fail_mode(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *bridge = vsctl_find_real_bridge(ctx, run->argv[1]);
    if (strcmp(run->argv[2], "standalone") && strcmp(run->argv[2], "secure")) {
        vsctl_fatal("fail-mode must be \"standalone\" or \"secure\"");
    }
    ovsdb_txn_set_string(ctx->txn, bridge, OVS_BRIDGE_FAIL_MODE, run->argv[2]);
}

static void prepare_manager(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_monitor(ctx, OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_MANAGER_OPTIONS);
    vsctl_monitor(ctx, OVS_TABLE_MANAGER, OVS_MANAGER_TARGET);
}

static void run_get_manager(struct vsctl *ctx, struct vsctl_run *run)
{
    put_targets(ctx, run, ctx->ovs, OVS_OPEN_VSWITCH_MANAGER_OPTIONS, OVS_MANAGER_TARGET);
}

static void run_del_manager(struct vsctl *ctx, struct vsctl_run *run)
{
    delete_refs(ctx, ctx->ovs, OVS_OPEN_VSWITCH_MANAGER_OPTIONS);
}

static void run_set_manager(struct vsctl *ctx, struct vsctl_run *run)
{
    run_del_manager(ctx, run);
    insert_targets(ctx, run, OVS_TABLE_MANAGER, OVS_MANAGER_TARGET, OVS_MANAGER_INACTIVITY_PROBE,
                   run->argv + 1, run->argc - 1, ctx->ovs, OVS_OPEN_VSWITCH_MANAGER_OPTIONS);
}

/* TLS. */

static void prepare_ssl(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_monitor(ctx, OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_SSL);
    vsctl_monitor(ctx, OVS_TABLE_SSL, OVS_SSL_PRIVATE_KEY);
    vsctl_monitor(ctx, OVS_TABLE_SSL, OVS_SSL_CERTIFICATE);
    vsctl_monitor(ctx, OVS_TABLE_SSL, OVS_SSL_CA_CERT);
    vsctl_monitor(ctx, OVS_TABLE_SSL, OVS_SSL_BOOTSTRAP_CA_CERT);
}

static void run_get_ssl(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *ssl = vsctl_ref(ctx, ctx->ovs, OVS_OPEN_VSWITCH_SSL, 0);
    if (ssl) {
        const struct ovsdb_datum *d = vsctl_get(ctx, ssl, OVS_SSL_BOOTSTRAP_CA_CERT);
        bool bootstrap =
            ovsdb_datum_key(d, &ovsdb_row_column(ssl, OVS_SSL_BOOTSTRAP_CA_CERT)->type, 0).boolean;
        strbuf_printf(&run->out, "Private key: %s\n", vsctl_string(ctx, ssl, OVS_SSL_PRIVATE_KEY, ""));
        strbuf_printf(&run->out, "Certificate: %s\n", vsctl_string(ctx, ssl, OVS_SSL_CERTIFICATE, ""));
        strbuf_printf(&run->out, "CA Certificate: %s\n", vsctl_string(ctx, ssl, OVS_SSL_CA_CERT, ""));
        strbuf_printf(&run->out, "Bootstrap: %s\n", bootstrap ? "true" : "false");
    }
}

static void run_del_ssl(struct vsctl *ctx, struct vsctl_run *run)
{
    delete_refs(ctx, ctx->ovs, OVS_OPEN_VSWITCH_SSL);
}

static void run_set_ssl(struct vsctl *ctx, struct vsctl_run *run)
{
    run_del_ssl(ctx, run);
    struct ovsdb_row *ssl = ovsdb_txn_insert(ctx->txn, OVS_TABLE_SSL);
    ovsdb_txn_set_string(ctx->txn, ssl, OVS_SSL_PRIVATE_KEY, run->argv[1]);
    ovsdb_txn_set_string(ctx->txn, ssl, OVS_SSL_CERTIFICATE, run->argv[2]);
    ovsdb_txn_set_string(ctx->txn, ssl, OVS_SSL_CA_CERT, run->argv[3]);
    ovsdb_txn_set_boolean(ctx->txn, ssl, OVS_SSL_BOOTSTRAP_CA_CERT, vsctl_has(run, "--bootstrap"));
    ovsdb_txn_set_refs(ctx->txn, ctx->ovs, OVS_OPEN_VSWITCH_SSL, &ssl, 1);
}

/* Auto-attach. */

static void prepare_aa(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_prepare_info(ctx, run);
    vsctl_monitor(ctx, OVS_TABLE_BRIDGE, OVS_BRIDGE_AUTO_ATTACH);
    vsctl_monitor(ctx, OVS_TABLE_AUTO_ATTACH, OVS_AUTO_ATTACH_MAPPINGS);
}

static int64_t parse_number(const char *text)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end) {
        vsctl_fatal("Invalid argument %s", text);
    }
    return v;
}

static struct ovsdb_datum *mapping(struct ovsdb_row *aa, int64_t isid, int64_t vlan)
{
    struct ovsdb_datum_builder b;
    union ovsdb_atom value = {.integer = vlan};
    ovsdb_datum_builder_init(&b, &ovsdb_row_column(aa, OVS_AUTO_ATTACH_MAPPINGS)->type);
    ovsdb_datum_builder_add(&b, (union ovsdb_atom){.integer = isid}, &value);
    return ovsdb_datum_builder_finish_unique(&b);
}

static void run_add_aa_mapping(struct vsctl *ctx, struct vsctl_run *run)
{
    int64_t isid = parse_number(run->argv[2]), vlan = parse_number(run->argv[3]);
    struct ovsdb_row *bridge = vsctl_find_bridge(ctx, run->argv[1]);
    struct ovsdb_row *aa = vsctl_ref(ctx, bridge, OVS_BRIDGE_AUTO_ATTACH, 0);
    if (!aa) {
        aa = ovsdb_txn_insert(ctx->txn, OVS_TABLE_AUTO_ATTACH);
        ovsdb_txn_set_refs(ctx->txn, bridge, OVS_BRIDGE_AUTO_ATTACH, &aa, 1);
    }
    ovsdb_txn_add(ctx->txn, aa, OVS_AUTO_ATTACH_MAPPINGS, mapping(aa, isid, vlan));
}

static void run_del_aa_mapping(struct vsctl *ctx, struct vsctl_run *run)
{
    int64_t isid = parse_number(run->argv[2]), vlan = parse_number(run->argv[3]);
    struct ovsdb_row *bridge = vsctl_find_bridge(ctx, run->argv[1]);
    struct ovsdb_row *aa = vsctl_ref(ctx, bridge, OVS_BRIDGE_AUTO_ATTACH, 0);
    if (aa) {
        ovsdb_txn_remove(ctx->txn, aa, OVS_AUTO_ATTACH_MAPPINGS, mapping(aa, isid, vlan));
    }
}

static void run_get_aa_mapping(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *bridge = vsctl_find_bridge(ctx, run->argv[1]);
    struct ovsdb_row *aa = vsctl_ref(ctx, bridge, OVS_BRIDGE_AUTO_ATTACH, 0);
    const struct ovsdb_datum *d = aa ? vsctl_get(ctx, aa, OVS_AUTO_ATTACH_MAPPINGS) : NULL;
    for (size_t i = 0; d && i < d->n; i++) {
        const struct ovsdb_type *type = &ovsdb_row_column(aa, OVS_AUTO_ATTACH_MAPPINGS)->type;
        strbuf_printf(&run->out, "%lld %lld\n", (long long)ovsdb_datum_key(d, type, i).integer,
                      (long long)ovsdb_datum_value(d, type, i).integer);
    }
}

/* Datapaths: conntrack zones and capabilities. */

static void prepare_datapath(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_monitor(ctx, OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_DATAPATHS);
    vsctl_monitor(ctx, OVS_TABLE_DATAPATH, OVS_DATAPATH_CT_ZONES);
    vsctl_monitor(ctx, OVS_TABLE_DATAPATH, OVS_DATAPATH_CAPABILITIES);
    vsctl_monitor(ctx, OVS_TABLE_CT_ZONE, OVS_CT_ZONE_TIMEOUT_POLICY);
    vsctl_monitor(ctx, OVS_TABLE_CT_TIMEOUT_POLICY, OVS_CT_TIMEOUT_POLICY_TIMEOUTS);
}

static struct ovsdb_row *find_datapath(struct vsctl *ctx, const char *name)
{
    const struct ovsdb_datum *d = vsctl_get(ctx, ctx->ovs, OVS_OPEN_VSWITCH_DATAPATHS);
    long at = ovsdb_datum_find_text(d, &ovsdb_row_column(ctx->ovs, OVS_OPEN_VSWITCH_DATAPATHS)->type, name);
    return at < 0 ? NULL : vsctl_ref(ctx, ctx->ovs, OVS_OPEN_VSWITCH_DATAPATHS, (size_t)at);
}

static struct ovsdb_row *find_zone(struct vsctl *ctx, struct ovsdb_row *dp, int64_t id)
{
    const struct ovsdb_type *type = &ovsdb_row_column(dp, OVS_DATAPATH_CT_ZONES)->type;
    long at =
        ovsdb_datum_find(vsctl_get(ctx, dp, OVS_DATAPATH_CT_ZONES), type, (union ovsdb_atom){.integer = id});
    return at < 0 ? NULL : vsctl_ref(ctx, dp, OVS_DATAPATH_CT_ZONES, (size_t)at);
}

static int64_t parse_zone(const char *arg)
{
    long long id = -1;
    int n = -1;
    if (sscanf(arg, "zone=%lld%n", &id, &n) != 1 || n < 0 || arg[n]) {
        vsctl_fatal("invalid argument \"%s\", expected zone=ZONE_ID", arg);
    }
    return id;
}

static void run_add_zone_tp(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *dp = find_datapath(ctx, run->argv[1]);
    if (!dp) {
        vsctl_fatal("datapath %s does not exist", run->argv[1]);
    }
    int64_t id = parse_zone(run->argv[2]);
    if (find_zone(ctx, dp, id)) {
        if (!vsctl_has(run, "--may-exist")) {
            vsctl_fatal("zone id %lld already exists", (long long)id);
        }
        return;
    }
    struct ovsdb_row *policy = ovsdb_txn_insert(ctx->txn, OVS_TABLE_CT_TIMEOUT_POLICY);
    const struct ovsdb_type *type = &ovsdb_row_column(policy, OVS_CT_TIMEOUT_POLICY_TIMEOUTS)->type;
    for (int i = 3; i < run->argc; i++) {
        struct ovsdb_datum *d;
        char *error = ovsdb_datum_from_string(&d, type, run->argv[i], NULL);
        if (error) {
            vsctl_fatal_text(error);
        }
        ovsdb_txn_add(ctx->txn, policy, OVS_CT_TIMEOUT_POLICY_TIMEOUTS, d);
    }
    struct ovsdb_row *zone = ovsdb_txn_insert(ctx->txn, OVS_TABLE_CT_ZONE);
    ovsdb_txn_set_refs(ctx->txn, zone, OVS_CT_ZONE_TIMEOUT_POLICY, &policy, 1);
    struct ovsdb_datum_builder b;
    union ovsdb_atom value = {.uuid = zone->uuid};
    ovsdb_datum_builder_init(&b, &ovsdb_row_column(dp, OVS_DATAPATH_CT_ZONES)->type);
    ovsdb_datum_builder_add(&b, (union ovsdb_atom){.integer = id}, &value);
    ovsdb_txn_add(ctx->txn, dp, OVS_DATAPATH_CT_ZONES, ovsdb_datum_builder_finish_unique(&b));
}

static void run_del_zone_tp(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *dp = find_datapath(ctx, run->argv[1]);
    if (!dp) {
        vsctl_fatal("datapath %s does not exist", run->argv[1]);
    }
    int64_t id = parse_zone(run->argv[2]);
    if (!find_zone(ctx, dp, id)) {
        if (!vsctl_has(run, "--if-exists")) {
            vsctl_fatal("zone id %lld does not exist", (long long)id);
        }
        return;
    }
    ovsdb_txn_remove_keys(ctx->txn, dp, OVS_DATAPATH_CT_ZONES, ovsdb_datum_from_integer(id));
}

static void run_list_zone_tp(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *dp = find_datapath(ctx, run->argv[1]);
    if (!dp) {
        vsctl_fatal("datapath: %s record not found", run->argv[1]);
    }
    const struct ovsdb_type *zones = &ovsdb_row_column(dp, OVS_DATAPATH_CT_ZONES)->type;
    size_t n = vsctl_get(ctx, dp, OVS_DATAPATH_CT_ZONES)->n;
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_row *zone = vsctl_ref(ctx, dp, OVS_DATAPATH_CT_ZONES, i);
        strbuf_printf(
            &run->out, "Zone:%lld, Timeout Policies: ",
            (long long)ovsdb_datum_key(vsctl_get(ctx, dp, OVS_DATAPATH_CT_ZONES), zones, i).integer);
        struct ovsdb_row *policy = zone ? vsctl_ref(ctx, zone, OVS_CT_ZONE_TIMEOUT_POLICY, 0) : NULL;
        const struct ovsdb_datum *d = policy ? vsctl_get(ctx, policy, OVS_CT_TIMEOUT_POLICY_TIMEOUTS) : NULL;
        for (size_t j = 0; d && j < d->n; j++) {
            const struct ovsdb_type *type = &ovsdb_row_column(policy, OVS_CT_TIMEOUT_POLICY_TIMEOUTS)->type;
            strbuf_printf(&run->out, "%s%s=%lld", j ? " " : "", ovsdb_datum_key(d, type, j).string->text,
                          (long long)ovsdb_datum_value(d, type, j).integer);
        }
        strbuf_puts(&run->out, d && d->n ? "\n" : "system default\n");
    }
}

static void run_list_dp_cap(struct vsctl *ctx, struct vsctl_run *run)
{
    struct ovsdb_row *dp = find_datapath(ctx, run->argv[1]);
    if (!dp) {
        vsctl_fatal("datapath \"%s\" record not found", run->argv[1]);
    }
    const struct ovsdb_datum *d = vsctl_get(ctx, dp, OVS_DATAPATH_CAPABILITIES);
    const struct ovsdb_type *type = &ovsdb_row_column(dp, OVS_DATAPATH_CAPABILITIES)->type;
    for (size_t i = 0; i < d->n; i++) {
        strbuf_printf(&run->out, "%s%s=%s", i ? " " : "", ovsdb_datum_key(d, type, i).string->text,
                      ovsdb_datum_value(d, type, i).string->text);
    }
    strbuf_put_char(&run->out, '\n');
}

const struct vsctl_command vsctl_switch_commands[] = {
    {"init", 0, 0, "", "", "make the one record of Open_vSwitch, if it is not there", NULL, run_init, NULL,
     true},
    {"show", 0, 0, "", "", "print an overview of the configuration", prepare_show, run_show, NULL, false},
    {"emer-reset", 0, 0, "", "",
     "take away what may hinder traffic: controllers, mirrors, NetFlow, TLS and the like", prepare_emer_reset,
     run_emer_reset, NULL, true},
    {"get-controller", 1, 1, "!BRIDGE", "", "print the bridge's controllers", prepare_controller,
     run_get_controller, NULL, false},
    {"del-controller", 1, 1, "!BRIDGE", "", "delete the bridge's controllers", prepare_controller,
     run_del_controller, NULL, true},
    {"set-controller", 1, INT_MAX, "!BRIDGE +TARGET", "--inactivity-probe=", "set the bridge's controllers",
     prepare_controller, run_set_controller, NULL, true},
    {"get-fail-mode", 1, 1, "!BRIDGE", "", "print what the bridge does without a controller",
     prepare_controller, run_get_fail_mode, NULL, false},
    {"del-fail-mode", 1, 1, "!BRIDGE", "", "take the fail mode back to the default", prepare_controller,
     run_del_fail_mode, NULL, true},
    {"set-fail-mode", 2, 2, "!BRIDGE !MODE", "", "what to do without a controller: standalone or secure",
     prepare_controller, run_set_fail_mode, NULL, true},
    {"get-manager", 0, 0, "", "", "print the database's managers", prepare_manager, run_get_manager, NULL,
     false},
    {"del-manager", 0, 0, "", "", "delete the database's managers", prepare_manager, run_del_manager, NULL,
     true},
    {"set-manager", 1, INT_MAX, "+TARGET", "--inactivity-probe=", "set the database's managers",
     prepare_manager, run_set_manager, NULL, true},
    {"get-ssl", 0, 0, "", "", "print the TLS configuration", prepare_ssl, run_get_ssl, NULL, false},
    {"del-ssl", 0, 0, "", "", "delete the TLS configuration", prepare_ssl, run_del_ssl, NULL, true},
    {"set-ssl", 3, 3, "!PRIVATE-KEY !CERTIFICATE !CA-CERT", "--bootstrap", "set the TLS configuration",
     prepare_ssl, run_set_ssl, NULL, true},
    {"add-aa-mapping", 3, 3, "!BRIDGE !ARG !ARG", "", "map an I-SID to a VLAN (Auto Attach)", prepare_aa,
     run_add_aa_mapping, NULL, true},
    {"del-aa-mapping", 3, 3, "!BRIDGE !ARG !ARG", "", "delete a mapping of an I-SID to a VLAN", prepare_aa,
     run_del_aa_mapping, NULL, true},
    {"get-aa-mapping", 1, 1, "!BRIDGE", "", "print the mappings of I-SIDs to VLANs", prepare_aa,
     run_get_aa_mapping, NULL, false},
    {"add-zone-tp", 3, 18, "", "--may-exist", "set the conntrack time-outs of a zone of a datapath",
     prepare_datapath, run_add_zone_tp, NULL, true},
    {"del-zone-tp", 2, 2, "", "--if-exists", "delete the conntrack time-outs of a zone", prepare_datapath,
     run_del_zone_tp, NULL, true},
    {"list-zone-tp", 1, 1, "", "", "print the conntrack time-outs of all zones", prepare_datapath,
     run_list_zone_tp, NULL, false},
    {"list-dp-cap", 1, 1, "", "", "print what a datapath is capable of", prepare_datapath, run_list_dp_cap,
     NULL, false},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
