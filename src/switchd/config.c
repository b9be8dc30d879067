/* SPDX-License-Identifier: Apache-2.0 */
#include "switchd/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/loop.h"
#include "port/vport.h"

LOG_MODULE(bridge);

struct named *named_find(const struct hmap *map, const char *name)
{
    struct named *n;
    HMAP_FOR_EACH_WITH_HASH (n, node, hash_string(name, 0), map) {
        if (!strcmp(n->name, name)) {
            return n;
        }
    }
    return NULL;
}

struct named *named_add(struct hmap *map, const char *name)
{
    struct named *n = xzalloc(sizeof *n);
    n->name = xstrdup(name);
    hmap_insert(map, &n->node, hash_string(name, 0));
    return n;
}

void named_remove(struct hmap *map, struct named *n)
{
    hmap_remove(map, &n->node);
    free(n->name);
    free(n->text);
    free(n);
}

void named_clear(struct hmap *map)
{
    struct named *n;
    HMAP_FOR_EACH_SAFE (n, node, map) {
        named_remove(map, n);
    }
}

void config_map(const struct ovsdb_row *row, unsigned column, struct smap *out)
{
    const struct ovsdb_datum *d = ovsdb_row_get(row, column);
    const struct ovsdb_type *type = &ovsdb_row_column(row, column)->type;
    smap_init(out);
    for (size_t i = 0; i < d->n; i++) {
        smap_set(out, ovsdb_datum_key(d, type, i).string->text, ovsdb_datum_value(d, type, i).string->text);
    }
}

unsigned long *config_vlans(const struct ovsdb_row *row, unsigned column)
{
    size_t n = ovsdb_row_n(row, column);
    unsigned long *vlans = n ? bitmap_create(4096) : NULL;
    for (size_t i = 0; i < n; i++) {
        int64_t vlan = ovsdb_row_integer_at(row, column, i);
        if (vlan >= 0 && vlan < 4096) {
            bitmap_set(vlans, (size_t)vlan);
        }
    }
    return vlans;
}

static void apply_switch_settings(struct config *c, const struct ovsdb_row *root)
{
    struct smap other;
    config_map(root, OVS_OPEN_VSWITCH_OTHER_CONFIG, &other);
    pipeline_set_config(c->pipeline, &other);
    bool host = smap_get_bool(&other, "enable-statistics", false);
    if (host != c->wants_host) {
        c->wants_host = host;
        task_schedule_in(c->tasks, &c->statistics_task, 500);
    }
    smap_fini(&other);
}

/* The row that all else hangs on, as `vsctl init` makes it: in a database of our own nobody else has to. */
static void create_root(struct config *c)
{
    struct ovsdb_txn *txn = ovsdb_txn_create(c->db);
    ovsdb_txn_insert(txn, OVS_TABLE_OPEN_VSWITCH);
    ovsdb_txn_commit(txn, NULL, NULL);
}

/* Configuration CFG was committed. */
static void write_when_settled(struct config *c, int64_t cfg)
{
    struct config_wait wait = {.cfg = cfg};
    if (pipeline_mark(c->pipeline, &wait.mark)) {
        c->n_waits = 0; /* with this one, all before */
        status_write(c, cfg);
    } else {
        c->n_waits = MIN(c->n_waits + 1, 2);
        c->waits[c->n_waits - 1] = wait;
    }
}

/* The round. Deletions in all bridges come before additions in any, so that a device can move from one to
 * another in one transaction. */
void config_run(struct config *c)
{
    struct ovsdb_row *root = ovsdb_row_first(c->db, OVS_TABLE_OPEN_VSWITCH);
    struct bridge *b;
    if (!root) {
        if (c->owns_database) {
            create_root(c);
        } else if (!c->configured) {
            c->configured = true; /* `vsctl init` has not run yet: there is nothing to wait for */
            if (c->on_configured) {
                c->on_configured(c->aux);
            }
        }
        return;
    }
    apply_switch_settings(c, root);
    config_ssl(root);
    config_bridges_collect(c, root);
    HMAP_FOR_EACH (b, node, &c->bridges) {
        config_ifaces_collect(b);
    }
    HMAP_FOR_EACH (b, node, &c->bridges) {
        config_ifaces_remove(b);
    }
    HMAP_FOR_EACH (b, node, &c->bridges) {
        config_ifaces_add(b);
    }
    config_datapaths_settings(c, root);
    config_bridges_settings(c, root);
    HMAP_FOR_EACH (b, node, &c->bridges) {
        config_ifaces_settings(b);
        config_qos_settings(b);
        config_ports_settings(b);
        config_mirrors_settings(b);
        config_spanning_settings(b);
        config_mcast_settings(b);
        config_oam_settings(b);
        config_netflow_settings(b);
        config_ipfix_settings(c, b);
        config_sflow_settings(b);
    }
    pipeline_start_commit(c->pipeline); /* commit: from here on it holds, but for cached flows */
    write_when_settled(c, ovsdb_row_integer(root, OVS_OPEN_VSWITCH_NEXT_CFG, 0));
}

static void run_settled(struct task *task)
{
    struct config *c = OBJECT_OF(task, c, settled_task);
    unsigned n = 0;
    if (!ovsdb_client_has_data(c->db) || !ovsdb_client_has_lock(c->db)) {
        c->n_waits = 0; /* whoever has the database's lock, and data, begins with a round */
        return;
    }
    while (n < c->n_waits && pipeline_is_settled(c->pipeline, &c->waits[n].mark)) {
        n++;
    }
    if (n) {
        int64_t cfg = c->waits[n - 1].cfg;
        c->n_waits -= n;
        memmove(c->waits, c->waits + n, c->n_waits * sizeof c->waits[0]);
        status_write(c, cfg);
    }
}

static void settled(void *aux)
{
    struct config *c = aux;
    if (c->n_waits && !task_is_scheduled(&c->settled_task)) {
        task_schedule(c->tasks, &c->settled_task, clock_ms());
    }
}

static void run_retry(struct task *task)
{
    struct config *c = OBJECT_OF(task, c, retry_task);
    if (ovsdb_client_has_data(c->db) && ovsdb_client_has_lock(c->db)) {
        config_run(c);
    }
}

static void database_changed(struct ovsdb_client *db, void *aux)
{
    struct config *c = aux;
    if (!ovsdb_client_is_connected(db)) {
        c->said_version = false;
    }
    if (ovsdb_client_is_lock_contended(db)) {
        if (!c->had_lock_trouble) {
            LOG_ERR("another ovs-vswitchd process is running, disabling this process (pid %ld) until it goes "
                    "away",
                    (long)getpid());
            c->had_lock_trouble = true;
        }
        ovsdb_client_clear_changes(db);
        return;
    }
    if (!ovsdb_client_has_data(db) || !ovsdb_client_has_lock(db)) {
        return;
    }
    c->had_lock_trouble = false;
    config_run(c);
    ovsdb_client_clear_changes(db);
}

/* A device changed (its state is to be written), or one came that somebody may have been waiting for. */
static void device_changed(struct vport *vport, const char *name, void *aux)
{
    struct config *c = aux;
    struct bridge *b;
    struct iface *iface;
    if (!vport && !name) {
        task_schedule(c->tasks, &c->retry_task, clock_ms()); /* notifications were lost: look at everything */
        return;
    }
    HMAP_FOR_EACH (b, node, &c->bridges) {
        HMAP_FOR_EACH (iface, node, &b->ifaces) {
            struct ofproto_port port;
            if (vport && config_iface_vport(iface, &port) == vport) {
                ofproto_port_changed(b->ofproto, iface->ofp_port);
                config_bridge_mtu(b);
                c->status_again = true;
            }
            if (name && iface->error && !strcmp(iface->name, name)) {
                task_schedule(c->tasks, &c->retry_task, clock_ms());
            }
        }
    }
    if (vport && vport->status.gone) {
        task_schedule(c->tasks, &c->retry_task, clock_ms());
    }
}

void config_vport_changed(struct vport *vport, void *config)
{
    struct config *c = config;
    device_changed(vport, NULL, c);
    config_status_changed(c);
}

static void monitor_ready(struct loop_fd *fd, unsigned events)
{
    struct config *c = CONTAINER_OF(fd, struct config, monitor);
    vport_monitor_run(device_changed, c);
    if (c->status_again && !c->status_txn) {
        c->status_again = false;
        status_write(c, -1);
    }
}

static void run_status(struct task *task)
{
    struct config *c = OBJECT_OF(task, c, status_task);
    if (ovsdb_client_has_data(c->db) && ovsdb_client_has_lock(c->db) && c->configured) {
        status_write(c, -1);
    }
}

void config_status_changed(struct config *c)
{
    if (!task_is_scheduled(&c->status_task)) {
        task_schedule(c->tasks, &c->status_task, clock_ms());
    }
}

static void protocol_status_changed(void *config)
{
    config_status_changed(config);
}

static void run_statistics(struct task *task)
{
    struct config *c = OBJECT_OF(task, c, statistics_task);
    struct ovsdb_row *root = ovsdb_row_first(c->db, OVS_TABLE_OPEN_VSWITCH);
    int64_t interval =
        root ? ovsdb_row_map_integer(root, OVS_OPEN_VSWITCH_OTHER_CONFIG, "stats-update-interval", 5000)
             : 5000;
    if (root && ovsdb_client_has_lock(c->db) && ovsdb_client_is_connected(c->db)) {
        status_write_statistics(c);
    }
    task_schedule_in(c->tasks, &c->statistics_task, MAX(interval, 5000));
}

/* What the switch reads, and what it writes and need not hear of. */
static void declare_columns(struct ovsdb_client *db)
{
    static const struct {
        unsigned table, column;
    } written[] = {
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_CUR_CFG},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_DATAPATH_TYPES},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_IFACE_TYPES},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_DPDK_INITIALIZED},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_DPDK_VERSION},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_STATISTICS},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_OVS_VERSION},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_DB_VERSION},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_SYSTEM_TYPE},
        {OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_SYSTEM_VERSION},
        {OVS_TABLE_DATAPATH, OVS_DATAPATH_CAPABILITIES},
        {OVS_TABLE_BRIDGE, OVS_BRIDGE_DATAPATH_ID},
        {OVS_TABLE_BRIDGE, OVS_BRIDGE_DATAPATH_VERSION},
        {OVS_TABLE_BRIDGE, OVS_BRIDGE_STATUS},
        {OVS_TABLE_BRIDGE, OVS_BRIDGE_RSTP_STATUS},
        {OVS_TABLE_PORT, OVS_PORT_RSTP_STATUS},
        {OVS_TABLE_PORT, OVS_PORT_RSTP_STATISTICS},
        {OVS_TABLE_PORT, OVS_PORT_BOND_ACTIVE_SLAVE},
        {OVS_TABLE_PORT, OVS_PORT_STATUS},
        {OVS_TABLE_PORT, OVS_PORT_STATISTICS},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_ADMIN_STATE},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_BFD_STATUS},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_CFM_FAULT},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_CFM_FAULT_STATUS},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_CFM_FLAP_COUNT},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_CFM_HEALTH},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_CFM_REMOTE_MPIDS},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_CFM_REMOTE_OPSTATE},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_DUPLEX},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_ERROR},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_IFINDEX},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_LACP_CURRENT},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_LINK_RESETS},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_LINK_SPEED},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_LINK_STATE},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_MAC_IN_USE},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_MTU},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_OFPORT},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_STATISTICS},
        {OVS_TABLE_INTERFACE, OVS_INTERFACE_STATUS},
        {OVS_TABLE_MIRROR, OVS_MIRROR_STATISTICS},
        {OVS_TABLE_CONTROLLER, OVS_CONTROLLER_IS_CONNECTED},
        {OVS_TABLE_CONTROLLER, OVS_CONTROLLER_ROLE},
        {OVS_TABLE_CONTROLLER, OVS_CONTROLLER_STATUS},
        {OVS_TABLE_MANAGER, OVS_MANAGER_IS_CONNECTED},
        {OVS_TABLE_MANAGER, OVS_MANAGER_STATUS},
    };
    static const unsigned tables[] = {OVS_TABLE_OPEN_VSWITCH, OVS_TABLE_BRIDGE,
                                      OVS_TABLE_PORT,         OVS_TABLE_INTERFACE,
                                      OVS_TABLE_MIRROR,       OVS_TABLE_CONTROLLER,
                                      OVS_TABLE_MANAGER,      OVS_TABLE_SSL,
                                      OVS_TABLE_FLOW_TABLE,   OVS_TABLE_QOS,
                                      OVS_TABLE_QUEUE,        OVS_TABLE_NETFLOW,
                                      OVS_TABLE_IPFIX,        OVS_TABLE_FLOW_SAMPLE_COLLECTOR_SET,
                                      OVS_TABLE_SFLOW,        OVS_TABLE_DATAPATH,
                                      OVS_TABLE_CT_ZONE,      OVS_TABLE_CT_TIMEOUT_POLICY};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        ovsdb_client_monitor_table(db, tables[i], OVSDB_MONITOR_ALERT);
    }
    for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
        ovsdb_client_monitor_column(db, written[i].table, written[i].column, OVSDB_MONITOR_SILENT);
    }
}

struct config *config_create(struct loop *loop, struct pipeline *pipeline, const char *remote, int fd,
                             void (*on_configured)(void *aux), void *aux)
{
    struct config *c = xzalloc(sizeof *c);
    c->loop = loop;
    c->tasks = loop_tasks(loop);
    c->pipeline = pipeline;
    c->on_configured = on_configured;
    c->aux = aux;
    hmap_init(&c->bridges);
    hmap_init(&c->failures);
    hmap_init(&c->unknown_datapaths);
    c->owns_database = fd >= 0;
    c->db = fd >= 0 ? ovsdb_client_create_fd(loop, ovsdb_vswitch_schema(), fd)
                    : ovsdb_client_create(loop, ovsdb_vswitch_schema(), remote);
    declare_columns(c->db);
    ovsdb_client_set_lock(c->db, "ovs_vswitchd");
    ovsdb_client_on_change(c->db, database_changed, c);
    int monitor = vport_monitor_fd();
    if (monitor >= 0) {
        loop_add_fd(loop, &c->monitor, monitor, LOOP_READ, monitor_ready);
    }
    task_init(&c->statistics_task, "statistics", run_statistics);
    task_init(&c->retry_task, "configuration retry", run_retry);
    task_init(&c->status_task, "status", run_status);
    task_init(&c->settled_task, "configuration in force", run_settled);
    pipeline_on_settled(pipeline, settled, c);
    pipeline_on_status(pipeline, protocol_status_changed, c);
    task_schedule_in(c->tasks, &c->statistics_task, 5000);
    ovsdb_client_start(c->db);
    return c;
}

void config_destroy(struct config *c)
{
    if (!c) {
        return;
    }
    struct bridge *b;
    pipeline_on_settled(c->pipeline, NULL, NULL);
    pipeline_on_status(c->pipeline, NULL, NULL);
    task_cancel(&c->settled_task);
    task_cancel(&c->statistics_task);
    task_cancel(&c->retry_task);
    task_cancel(&c->status_task);
    ovsdb_txn_destroy(c->status_txn);
    HMAP_FOR_EACH_SAFE (b, node, &c->bridges) {
        config_bridge_destroy(b);
    }
    task_cancel(&c->status_task);
    loop_remove_fd(&c->monitor);
    ovsdb_client_destroy(c->db);
    named_clear(&c->failures);
    hmap_fini(&c->failures);
    named_clear(&c->unknown_datapaths);
    hmap_fini(&c->unknown_datapaths);
    hmap_fini(&c->bridges);
    free(c);
}
