/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges, real and fake, their ports, bonds and interfaces. A fake bridge is a port of a real one, with a
 * VLAN tag: ports of the real bridge with the same tag count as its ports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/log.h"
#include "io/json.h"
#include "tools/vsctl.h"

LOG_MODULE(vsctl);

struct bridge {
    const char *name;
    struct ovsdb_row *row;  /* of Bridge */
    struct ovsdb_row *port; /* of Port, of a fake bridge */
    struct bridge *parent;  /* of a fake bridge */
    int64_t vlan;
};

struct port {
    const char *name;
    struct ovsdb_row *row;
    struct bridge *bridge;
};

struct iface {
    const char *name;
    struct ovsdb_row *row;
    struct port *port;
};

/* Where a row of Port or Interface was met first: it counts there, and nowhere else. */
struct seen {
    struct hmap_node node; /* in vsctl_info.seen, by ROW */
    const struct ovsdb_row *row;
    const char *owner; /* name of the bridge or port */
};

struct vsctl_info {
    struct bridge *bridges; /* never moved once built */
    struct port *ports;
    struct iface *ifaces;
    size_t n_bridges, n_ports, n_ifaces;
    struct hmap seen;
};

void vsctl_prepare_info(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_monitor(ctx, OVS_TABLE_BRIDGE, OVS_BRIDGE_NAME);
    if (!ctx->narrow) {
        vsctl_monitor(ctx, OVS_TABLE_OPEN_VSWITCH, OVS_OPEN_VSWITCH_BRIDGES);
        vsctl_monitor(ctx, OVS_TABLE_BRIDGE, OVS_BRIDGE_PORTS);
    }
    vsctl_monitor(ctx, OVS_TABLE_PORT, OVS_PORT_NAME);
    vsctl_monitor(ctx, OVS_TABLE_PORT, OVS_PORT_FAKE_BRIDGE);
    vsctl_monitor(ctx, OVS_TABLE_PORT, OVS_PORT_TAG);
    vsctl_monitor(ctx, OVS_TABLE_PORT, OVS_PORT_INTERFACES);
    vsctl_monitor(ctx, OVS_TABLE_INTERFACE, OVS_INTERFACE_NAME);
}

void vsctl_info_forget(struct vsctl *ctx)
{
    if (ctx->info) {
        struct seen *seen;
        HMAP_FOR_EACH_SAFE (seen, node, &ctx->info->seen) {
            free(seen);
        }
        hmap_fini(&ctx->info->seen);
        free(ctx->info->bridges);
        free(ctx->info->ports);
        free(ctx->info->ifaces);
        free(ctx->info);
        ctx->info = NULL;
    }
}

static int64_t port_vlan(struct vsctl *ctx, const struct ovsdb_row *port)
{
    return vsctl_integer(ctx, port, OVS_PORT_TAG, -1);
}

static bool is_fake_bridge(struct vsctl *ctx, const struct ovsdb_row *port)
{
    const struct ovsdb_datum *d = vsctl_get(ctx, port, OVS_PORT_FAKE_BRIDGE);
    int64_t vlan = port_vlan(ctx, port);
    return d->n && ovsdb_datum_key(d, &ovsdb_row_column(port, OVS_PORT_FAKE_BRIDGE)->type, 0).boolean &&
           vlan >= 0 && vlan <= 4095;
}

static size_t count(struct vsctl *ctx, unsigned table)
{
    struct ovsdb_row *row;
    size_t n = 0;
    VSCTL_FOR_EACH(row, ctx, table)
    {
        n++;
    }
    return n;
}

static struct bridge *find_vlan_bridge(struct vsctl_info *info, struct bridge *parent, int64_t vlan)
{
    for (size_t i = 0; i < info->n_bridges; i++) {
        struct bridge *b = &info->bridges[i];
        if (b->parent == parent && b->vlan == vlan) {
            return b;
        }
    }
    return NULL;
}

/* The name of what owns ROW already; NULL if nothing does: OWNER does now. */
static const char *seen_in(struct vsctl_info *info, const struct ovsdb_row *row, const char *owner)
{
    uint32_t hash = hash_pointer(row, 0);
    struct seen *seen;
    HMAP_FOR_EACH_WITH_HASH (seen, node, hash, &info->seen) {
        if (seen->row == row) {
            return seen->owner;
        }
    }
    seen = xmalloc(sizeof *seen);
    seen->row = row;
    seen->owner = owner;
    hmap_insert(&info->seen, &seen->node, hash);
    return NULL;
}

static void add_ports(struct vsctl *ctx, struct vsctl_info *info, struct bridge *real)
{
    size_t n = vsctl_get(ctx, real->row, OVS_BRIDGE_PORTS)->n;
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_row *row = vsctl_ref(ctx, real->row, OVS_BRIDGE_PORTS, i);
        const char *name = row ? vsctl_string(ctx, row, OVS_PORT_NAME, "") : "";
        if (!row || is_fake_bridge(ctx, row)) {
            continue;
        }
        const char *other = seen_in(info, row, real->name);
        if (other) {
            LOG_WARN("%s: port is in multiple bridges (%s and %s)", name, real->name, other);
            continue;
        }
        if (!strcmp(name, real->name)) {
            continue;
        }
        int64_t vlan = port_vlan(ctx, row);
        struct bridge *fake = vlan >= 0 ? find_vlan_bridge(info, real, vlan) : NULL;
        struct port *port = &info->ports[info->n_ports++];
        *port = (struct port){name, row, fake ? fake : real};
        size_t n_ifaces = vsctl_get(ctx, row, OVS_PORT_INTERFACES)->n;
        for (size_t j = 0; j < n_ifaces; j++) {
            struct ovsdb_row *iface = vsctl_ref(ctx, row, OVS_PORT_INTERFACES, j);
            const char *port_name = iface ? seen_in(info, iface, name) : NULL;
            if (port_name) {
                LOG_WARN("%s: interface is in multiple ports (%s and %s)",
                         vsctl_string(ctx, iface, OVS_INTERFACE_NAME, ""), port_name, name);
            } else if (iface) {
                info->ifaces[info->n_ifaces++] =
                    (struct iface){vsctl_string(ctx, iface, OVS_INTERFACE_NAME, ""), iface, port};
            }
        }
    }
}

static struct vsctl_info *get_info(struct vsctl *ctx)
{
    if (ctx->info) {
        return ctx->info;
    }
    struct vsctl_info *info = ctx->info = xzalloc(sizeof *info);
    hmap_init(&info->seen);
    size_t n_ports = count(ctx, OVS_TABLE_PORT), n_bridges = count(ctx, OVS_TABLE_BRIDGE);
    info->bridges = xcalloc(n_bridges + n_ports + 1, sizeof *info->bridges);
    info->ports = xcalloc(n_ports + 1, sizeof *info->ports);
    info->ifaces = xcalloc(count(ctx, OVS_TABLE_INTERFACE) + n_ports + 1, sizeof *info->ifaces);
    struct ovsdb_row *narrow_row = NULL;
    size_t n = ctx->narrow ? n_bridges : vsctl_get(ctx, ctx->ovs, OVS_OPEN_VSWITCH_BRIDGES)->n;
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_row *row = vsctl_ref(ctx, ctx->ovs, OVS_OPEN_VSWITCH_BRIDGES, i);
        if (ctx->narrow) { /* which bridges there are says the table itself */
            row = narrow_row = i ? vsctl_next(ctx, narrow_row) : vsctl_first(ctx, OVS_TABLE_BRIDGE);
        }
        if (row) {
            info->bridges[info->n_bridges++] =
                (struct bridge){.name = vsctl_string(ctx, row, OVS_BRIDGE_NAME, ""), .row = row, .vlan = 0};
        }
    }
    size_t n_real = info->n_bridges;
    for (size_t i = 0; i < n_real; i++) {
        struct bridge *real = &info->bridges[i];
        size_t n_of_bridge = vsctl_get(ctx, real->row, OVS_BRIDGE_PORTS)->n;
        for (size_t j = 0; j < n_of_bridge; j++) {
            struct ovsdb_row *port = vsctl_ref(ctx, real->row, OVS_BRIDGE_PORTS, j);
            if (port && is_fake_bridge(ctx, port)) {
                info->bridges[info->n_bridges++] = (struct bridge){
                    vsctl_string(ctx, port, OVS_PORT_NAME, ""), real->row, port, real, port_vlan(ctx, port)};
            }
        }
    }
    for (size_t i = 0; i < n_real; i++) {
        add_ports(ctx, info, &info->bridges[i]);
    }
    return info;
}

static struct bridge *find_bridge(struct vsctl *ctx, const char *name, bool must_exist)
{
    struct vsctl_info *info = get_info(ctx);
    for (size_t i = 0; i < info->n_bridges; i++) {
        if (!strcmp(info->bridges[i].name, name)) {
            return &info->bridges[i];
        }
    }
    if (must_exist) {
        vsctl_fatal("no bridge named %s", name);
    }
    return NULL;
}

struct ovsdb_row *vsctl_find_bridge(struct vsctl *ctx, const char *name)
{
    return find_bridge(ctx, name, true)->row;
}

struct ovsdb_row *vsctl_find_real_bridge(struct vsctl *ctx, const char *name)
{
    struct bridge *b = find_bridge(ctx, name, true);
    if (b->parent) {
        vsctl_fatal("%s is a fake bridge", name);
    }
    return b->row;
}

static struct port *find_port(struct vsctl *ctx, const char *name, bool must_exist)
{
    struct vsctl_info *info = get_info(ctx);
    for (size_t i = 0; i < info->n_ports; i++) {
        if (!strcmp(info->ports[i].name, name)) {
            return &info->ports[i];
        }
    }
    if (must_exist) {
        vsctl_fatal("no port named %s", name);
    }
    return NULL;
}

static struct iface *find_iface(struct vsctl *ctx, const char *name, bool must_exist)
{
    struct vsctl_info *info = get_info(ctx);
    for (size_t i = 0; i < info->n_ifaces; i++) {
        if (!strcmp(info->ifaces[i].name, name)) {
            return &info->ifaces[i];
        }
    }
    if (must_exist) {
        vsctl_fatal("no interface named %s", name);
    }
    return NULL;
}

static void check_conflicts(struct vsctl *ctx, const char *name, const char *what)
{
    if (find_bridge(ctx, name, false)) {
        vsctl_fatal("%s because a bridge named %s already exists", what, name);
    }
    struct port *port = find_port(ctx, name, false);
    if (port) {
        vsctl_fatal("%s because a port named %s already exists on bridge %s", what, name, port->bridge->name);
    }
    struct iface *iface = find_iface(ctx, name, false);
    if (iface) {
        vsctl_fatal("%s because an interface named %s already exists on bridge %s", what, name,
                    iface->port->bridge->name);
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_sorted(struct vsctl_run *run, const char **names, size_t n)
{
    qsort(names, n, sizeof *names, compare_texts);
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(&run->out, "%s\n", names[i]);
    }
    free(names);
}

/* Bridges. */

static struct ovsdb_row *insert_interface(struct vsctl *ctx, const char *name, const char *type)
{
    struct ovsdb_row *iface = ovsdb_txn_insert(ctx->txn, OVS_TABLE_INTERFACE);
    ovsdb_txn_set_string(ctx->txn, iface, OVS_INTERFACE_NAME, name);
    if (type) {
        ovsdb_txn_set_string(ctx->txn, iface, OVS_INTERFACE_TYPE, type);
    }
    ctx->new_interfaces =
        xrealloc(ctx->new_interfaces, (ctx->n_new_interfaces + 1) * sizeof(struct ovsdb_row *));
    ctx->new_interfaces[ctx->n_new_interfaces++] = iface;
    return iface;
}

static struct ovsdb_row *insert_port(struct vsctl *ctx, const char *name, struct ovsdb_row *const *ifaces,
                                     size_t n)
{
    struct ovsdb_row *port = ovsdb_txn_insert(ctx->txn, OVS_TABLE_PORT);
    ovsdb_txn_set_string(ctx->txn, port, OVS_PORT_NAME, name);
    ovsdb_txn_set_refs(ctx->txn, port, OVS_PORT_INTERFACES, ifaces, n);
    return port;
}

static void add_real_bridge(struct vsctl *ctx, const char *name)
{
    struct ovsdb_row *iface = insert_interface(ctx, name, "internal");
    struct ovsdb_row *port = insert_port(ctx, name, &iface, 1);
    struct ovsdb_row *bridge = ovsdb_txn_insert(ctx->txn, OVS_TABLE_BRIDGE);
    ovsdb_txn_set_string(ctx->txn, bridge, OVS_BRIDGE_NAME, name);
    ovsdb_txn_set_refs(ctx->txn, bridge, OVS_BRIDGE_PORTS, &port, 1);
    ovsdb_txn_add_ref(ctx->txn, ctx->ovs, OVS_OPEN_VSWITCH_BRIDGES, bridge);
}

static void add_fake_bridge(struct vsctl *ctx, const char *name, const char *parent_name, int64_t vlan)
{
    struct bridge *parent = find_bridge(ctx, parent_name, false);
    if (parent && parent->parent) {
        vsctl_fatal("cannot create bridge with fake bridge as parent");
    }
    if (!parent) {
        vsctl_fatal("parent bridge %s does not exist", parent_name);
    }
    struct bridge *conflict = find_vlan_bridge(get_info(ctx), parent, vlan);
    if (conflict) {
        vsctl_fatal("bridge %s already has a child VLAN bridge %s on VLAN %lld", parent_name, conflict->name,
                    (long long)vlan);
    }
    struct ovsdb_row *iface = insert_interface(ctx, name, "internal");
    struct ovsdb_row *port = insert_port(ctx, name, &iface, 1);
    ovsdb_txn_set_boolean(ctx->txn, port, OVS_PORT_FAKE_BRIDGE, true);
    ovsdb_txn_set_integer(ctx->txn, port, OVS_PORT_TAG, vlan);
    ovsdb_txn_add_ref(ctx->txn, parent->row, OVS_BRIDGE_PORTS, port);
}

static void check_existing_bridge(const struct bridge *b, const char *name, const char *parent_name,
                                  int64_t vlan)
{
    if (!parent_name) {
        if (b->parent) {
            vsctl_fatal("\"--may-exist add-br %s\" but %s is a VLAN bridge for VLAN %lld", name, name,
                        (long long)b->vlan);
        }
    } else if (!b->parent) {
        vsctl_fatal("\"--may-exist add-br %s %s %lld\" but %s is not a VLAN bridge", name, parent_name,
                    (long long)vlan, name);
    } else if (strcmp(b->parent->name, parent_name)) {
        vsctl_fatal("\"--may-exist add-br %s %s %lld\" but %s has the wrong parent %s", name, parent_name,
                    (long long)vlan, name, b->parent->name);
    } else if (b->vlan != vlan) {
        vsctl_fatal("\"--may-exist add-br %s %s %lld\" but %s is a VLAN bridge for the wrong VLAN %lld", name,
                    parent_name, (long long)vlan, name, (long long)b->vlan);
    }
}

static void run_add_br(struct vsctl *ctx, struct vsctl_run *run)
{
    const char *name = run->argv[1], *parent_name = NULL;
    int64_t vlan = 0;
    if (run->argc == 3) {
        vsctl_fatal("'%s' command takes exactly 1 or 3 arguments", run->argv[0]);
    }
    if (run->argc == 4) {
        parent_name = run->argv[2];
        vlan = atoi(run->argv[3]);
        if (vlan < 0 || vlan > 4095) {
            vsctl_fatal("%s: vlan must be between 0 and 4095", run->argv[0]);
        }
    }
    struct bridge *b = vsctl_has(run, "--may-exist") ? find_bridge(ctx, name, false) : NULL;
    if (b) {
        check_existing_bridge(b, name, parent_name, vlan);
        return;
    }
    char *what = xasprintf("cannot create a bridge named %s", name);
    check_conflicts(ctx, name, what);
    free(what);
    if (parent_name) {
        add_fake_bridge(ctx, name, parent_name, vlan);
    } else {
        add_real_bridge(ctx, name);
    }
    ctx->checks_ports = true;
    vsctl_info_forget(ctx);
}

static void delete_port(struct vsctl *ctx, struct ovsdb_row *bridge, struct ovsdb_row *port)
{
    size_t n = vsctl_get(ctx, port, OVS_PORT_INTERFACES)->n;
    for (size_t i = 0; i < n; i++) {
        struct ovsdb_row *iface = vsctl_ref(ctx, port, OVS_PORT_INTERFACES, i);
        if (iface) {
            ovsdb_txn_delete(ctx->txn, iface);
        }
    }
    ovsdb_txn_remove_ref(ctx->txn, bridge, OVS_BRIDGE_PORTS, port);
    ovsdb_txn_delete(ctx->txn, port);
}

static void delete_bridge(struct vsctl *ctx, struct bridge *b)
{
    struct vsctl_info *info = get_info(ctx);
    if (b->parent) {
        for (size_t i = 0; i < info->n_ports; i++) {
            if (info->ports[i].bridge == b) {
                delete_port(ctx, b->row, info->ports[i].row);
            }
        }
        delete_port(ctx, b->row, b->port);
        return;
    }
    size_t n = vsctl_get(ctx, b->row, OVS_BRIDGE_PORTS)->n;
    struct ovsdb_row **ports = xmalloc((n + 1) * sizeof(struct ovsdb_row *));
    for (size_t i = 0; i < n; i++) {
        ports[i] = vsctl_ref(ctx, b->row, OVS_BRIDGE_PORTS, i);
    }
    for (size_t i = 0; i < n; i++) {
        if (ports[i]) {
            delete_port(ctx, b->row, ports[i]);
        }
    }
    free(ports);
    ovsdb_txn_remove_ref(ctx->txn, ctx->ovs, OVS_OPEN_VSWITCH_BRIDGES, b->row);
    ovsdb_txn_delete(ctx->txn, b->row);
}

static void run_del_br(struct vsctl *ctx, struct vsctl_run *run)
{
    struct bridge *b = find_bridge(ctx, run->argv[1], !vsctl_has(run, "--if-exists"));
    if (b) {
        delete_bridge(ctx, b);
        vsctl_info_forget(ctx);
    }
}

static void run_list_br(struct vsctl *ctx, struct vsctl_run *run)
{
    struct vsctl_info *info = get_info(ctx);
    /* Neither and both mean all. */
    bool both = vsctl_has(run, "--real") == vsctl_has(run, "--fake");
    bool real = both || vsctl_has(run, "--real"), fake = both || vsctl_has(run, "--fake");
    const char **names = xmalloc((info->n_bridges + 1) * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < info->n_bridges; i++) {
        if (info->bridges[i].parent ? fake : real) {
            names[n++] = info->bridges[i].name;
        }
    }
    put_sorted(run, names, n);
}

static void run_br_exists(struct vsctl *ctx, struct vsctl_run *run)
{
    if (!find_bridge(ctx, run->argv[1], false)) {
        exit(2);
    }
}

static void run_br_to_vlan(struct vsctl *ctx, struct vsctl_run *run)
{
    strbuf_printf(&run->out, "%lld\n", (long long)find_bridge(ctx, run->argv[1], true)->vlan);
}

static void run_br_to_parent(struct vsctl *ctx, struct vsctl_run *run)
{
    struct bridge *b = find_bridge(ctx, run->argv[1], true);
    strbuf_printf(&run->out, "%s\n", b->parent ? b->parent->name : b->name);
}

static void prepare_external_ids(struct vsctl *ctx, struct vsctl_run *run)
{
    vsctl_prepare_info(ctx, run);
    vsctl_monitor(ctx, OVS_TABLE_BRIDGE, OVS_BRIDGE_EXTERNAL_IDS);
    vsctl_monitor(ctx, OVS_TABLE_PORT, OVS_PORT_EXTERNAL_IDS);
}

#define FAKE_PREFIX "fake-bridge-"

static void run_br_set_external_id(struct vsctl *ctx, struct vsctl_run *run)
{
    struct bridge *b = find_bridge(ctx, run->argv[1], true);
    struct ovsdb_row *row = b->parent ? b->port : b->row;
    unsigned column = b->parent ? OVS_PORT_EXTERNAL_IDS : OVS_BRIDGE_EXTERNAL_IDS;
    char *key = xasprintf("%s%s", b->parent ? FAKE_PREFIX : "", run->argv[2]);
    if (run->argc > 3) {
        ovsdb_txn_map_set(ctx->txn, row, column, key, run->argv[3]);
    } else {
        ovsdb_txn_map_unset(ctx->txn, row, column, key);
    }
    free(key);
}

static void run_br_get_external_id(struct vsctl *ctx, struct vsctl_run *run)
{
    struct bridge *b = find_bridge(ctx, run->argv[1], true);
    struct ovsdb_row *row = b->parent ? b->port : b->row;
    unsigned column = b->parent ? OVS_PORT_EXTERNAL_IDS : OVS_BRIDGE_EXTERNAL_IDS;
    const char *prefix = b->parent ? FAKE_PREFIX : "";
    const struct ovsdb_datum *d = vsctl_get(ctx, row, column);
    const struct ovsdb_type *type = &ovsdb_row_column(row, column)->type;
    for (size_t i = 0; i < d->n; i++) {
        const char *key = ovsdb_datum_key(d, type, i).string->text;
        const char *value = ovsdb_datum_value(d, type, i).string->text;
        if (strncmp(key, prefix, strlen(prefix))) {
            continue;
        }
        key += strlen(prefix);
        if (run->argc < 3) {
            strbuf_printf(&run->out, "%s=%s\n", key, value);
        } else if (!strcmp(key, run->argv[2])) {
            strbuf_printf(&run->out, "%s\n", value);
        }
    }
}

/* Ports. */

static bool is_settings_of(const struct vsctl_run *run, const struct vsctl_run *runs, size_t n)
{
    if (strcmp(run->command->name, "set") ||
        (strcasecmp(run->argv[1], "interface") && strcasecmp(run->argv[1], "port"))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(runs[i].command->name, "add-port") && !strcmp(runs[i].argv[2], run->argv[2])) {
            return true;
        }
    }
    return false;
}

static void put_name_condition(struct strbuf *s, const char *name)
{
    strbuf_puts(s, s->len ? ",[\"name\",\"==\"," : "[[\"name\",\"==\",");
    json_format_string(s, name, strlen(name));
    strbuf_put_char(s, ']');
}

bool vsctl_narrow(struct vsctl *ctx, struct vsctl_run *runs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(runs[i].command->name, "add-port") ? !is_settings_of(&runs[i], runs, i) : n > 64) {
            return false;
        }
    }
    struct strbuf bridges = STRBUF_INITIALIZER, ports = STRBUF_INITIALIZER;
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(runs[i].command->name, "add-port")) {
            put_name_condition(&bridges, runs[i].argv[1]);
            put_name_condition(&bridges, runs[i].argv[2]);
            put_name_condition(&ports, runs[i].argv[2]);
        }
    }
    strbuf_puts(&bridges, "]");
    char *interfaces = xasprintf("%s]", ports.text);
    strbuf_puts(&ports, ",[\"fake_bridge\",\"==\",true]]");
    ovsdb_client_set_condition(ctx->client, OVS_TABLE_BRIDGE, bridges.text);
    ovsdb_client_set_condition(ctx->client, OVS_TABLE_PORT, ports.text);
    ovsdb_client_set_condition(ctx->client, OVS_TABLE_INTERFACE, interfaces);
    free(interfaces);
    strbuf_fini(&bridges);
    strbuf_fini(&ports);
    return true;
}

bool vsctl_narrow_holds(struct vsctl *ctx)
{
    return !ovsdb_row_first(ctx->client, OVS_TABLE_PORT) &&
           !ovsdb_row_first(ctx->client, OVS_TABLE_INTERFACE) &&
           ovsdb_row_first(ctx->client, OVS_TABLE_OPEN_VSWITCH);
}

static void run_list_ports(struct vsctl *ctx, struct vsctl_run *run)
{
    struct bridge *b = find_bridge(ctx, run->argv[1], true);
    struct vsctl_info *info = get_info(ctx);
    const char **names = xmalloc((info->n_ports + 1) * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < info->n_ports; i++) {
        if (info->ports[i].bridge == b) {
            names[n++] = info->ports[i].name;
        }
    }
    put_sorted(run, names, n);
}

static void check_existing_port(struct vsctl *ctx, const struct port *port, const struct vsctl_run *run,
                                char **ifaces, size_t n)
{
    const char *bridge = run->argv[1], *name = run->argv[2];
    struct strbuf text = STRBUF_INITIALIZER, actual = STRBUF_INITIALIZER;
    struct vsctl_info *info = get_info(ctx);
    const char **have = xmalloc((info->n_ifaces + 1) * sizeof *have),
               **want = xmalloc((n + 1) * sizeof *want);
    size_t n_have = 0;
    bool same;
    strbuf_puts(&text, vsctl_has(run, "--fake-iface") ? "\"--may-exist --fake-iface" : "\"--may-exist");
    for (int i = 0; i < run->argc; i++) {
        strbuf_printf(&text, " %s", run->argv[i]);
    }
    strbuf_put_char(&text, '"');
    for (size_t i = 0; i < n; i++) {
        want[i] = ifaces[i];
    }
    if (strcmp(port->bridge->name, bridge)) {
        vsctl_fatal("%s but %s is actually attached to bridge %s", text.text, name, port->bridge->name);
    }
    for (size_t i = 0; i < info->n_ifaces; i++) {
        if (info->ifaces[i].port == port) {
            have[n_have++] = info->ifaces[i].name;
        }
    }
    qsort(have, n_have, sizeof *have, compare_texts);
    qsort(want, n, sizeof *want, compare_texts);
    same = n == n_have;
    for (size_t i = 0; i < n_have; i++) {
        same = same && !strcmp(have[i], want[i]);
        strbuf_printf(&actual, "%s%s", i ? ", " : "", have[i]);
    }
    if (!same) {
        vsctl_fatal("%s but %s actually has interface(s) %s", text.text, name, strbuf_text(&actual));
    }
    strbuf_fini(&text);
    strbuf_fini(&actual);
    free(have);
    free(want);
}

static void add_port(struct vsctl *ctx, struct vsctl_run *run, bool fake_iface, char **ifaces, size_t n,
                     char **settings, size_t n_settings)
{
    const char *bridge_name = run->argv[1], *name = run->argv[2];
    struct port *port = vsctl_has(run, "--may-exist") ? find_port(ctx, name, false) : NULL;
    if (port) {
        check_existing_port(ctx, port, run, ifaces, n);
        return;
    }
    char *what = xasprintf("cannot create a port named %s", name);
    check_conflicts(ctx, name, what);
    free(what);
    struct ovsdb_row **rows = xmalloc(n * sizeof(struct ovsdb_row *));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(ifaces[i], name)) {
            what = xasprintf("cannot create an interface named %s", ifaces[i]);
            check_conflicts(ctx, ifaces[i], what);
            free(what);
        }
    }
    struct bridge *b = find_bridge(ctx, bridge_name, true);
    for (size_t i = 0; i < n; i++) {
        rows[i] = insert_interface(ctx, ifaces[i], NULL);
    }
    struct ovsdb_row *row = insert_port(ctx, name, rows, n);
    free(rows);
    if (fake_iface) {
        ovsdb_txn_set_boolean(ctx->txn, row, OVS_PORT_BOND_FAKE_IFACE, true);
    }
    if (b->parent) {
        ovsdb_txn_set_integer(ctx->txn, row, OVS_PORT_TAG, b->vlan);
    }
    struct ovsdb_row *bridge = b->row;
    for (size_t i = 0; i < n_settings; i++) {
        vsctl_set_column(ctx, row, settings[i]);
    }
    ovsdb_txn_add_ref(ctx->txn, bridge, OVS_BRIDGE_PORTS, row);
    ctx->checks_ports = true;
    vsctl_info_forget(ctx);
}

static void run_add_port(struct vsctl *ctx, struct vsctl_run *run)
{
    add_port(ctx, run, false, &run->argv[2], 1, run->argv + 3, (size_t)run->argc - 3);
}

/* Interfaces come first, then settings. */
static int first_setting(const struct vsctl_run *run)
{
    int i;
    for (i = 3; i < run->argc && !strchr(run->argv[i], '='); i++) {
    }
    return i;
}

static void run_add_bond(struct vsctl *ctx, struct vsctl_run *run)
{
    int at = first_setting(run), n = at - 3;
    if (n < 2) {
        vsctl_fatal("add-bond requires at least 2 interfaces, but only %d were specified", n);
    }
    add_port(ctx, run, vsctl_has(run, "--fake-iface"), run->argv + 3, (size_t)n, run->argv + at,
             (size_t)(run->argc - at));
}

static void check_on_bridge(struct vsctl *ctx, const struct vsctl_run *run, const struct port *port)
{
    struct bridge *b = find_bridge(ctx, run->argv[1], true);
    if (port->bridge == b) {
        return;
    }
    if (port->bridge->parent == b) {
        vsctl_fatal("bridge %s does not have a port %s (although its child bridge %s does)", b->name,
                    run->argv[2], port->bridge->name);
    }
    vsctl_fatal("bridge %s does not have a port %s", b->name, run->argv[2]);
}

static void run_del_port(struct vsctl *ctx, struct vsctl_run *run)
{
    bool must_exist = !vsctl_has(run, "--if-exists"), with_iface = vsctl_has(run, "--with-iface");
    const char *target = run->argv[run->argc - 1];
    struct port *port;
    if (find_bridge(ctx, target, false)) {
        if (must_exist) {
            vsctl_fatal(
                "cannot delete port %s because it is the local port for bridge %s (deleting this port "
                "requires deleting the entire bridge)",
                target, target);
        }
        return;
    }
    if (!with_iface) {
        port = find_port(ctx, target, must_exist);
    } else {
        port = find_port(ctx, target, false);
        if (!port) {
            struct iface *iface = find_iface(ctx, target, false);
            port = iface ? iface->port : NULL;
        }
        if (must_exist && !port) {
            vsctl_fatal("no port or interface named %s", target);
        }
    }
    if (port) {
        if (run->argc == 3) {
            check_on_bridge(ctx, run, port);
        }
        delete_port(ctx, port->bridge->row, port->row);
        vsctl_info_forget(ctx);
    }
}

static void run_port_to_br(struct vsctl *ctx, struct vsctl_run *run)
{
    strbuf_printf(&run->out, "%s\n", find_port(ctx, run->argv[1], true)->bridge->name);
}

/* Bonds. */

static void run_add_bond_iface(struct vsctl *ctx, struct vsctl_run *run)
{
    const char *bond = run->argv[1], *name = run->argv[2];
    struct port *port = find_port(ctx, bond, true);
    struct iface *iface = vsctl_has(run, "--may-exist") ? find_iface(ctx, name, false) : NULL;
    if (iface) {
        if (strcmp(iface->port->name, bond)) {
            vsctl_fatal("\"--may-exist add-bond-iface %s %s\" but %s is actually attached to port %s", bond,
                        name, name, iface->port->name);
        }
        return;
    }
    char *what = xasprintf("cannot create an interface named %s", name);
    check_conflicts(ctx, name, what);
    free(what);
    struct ovsdb_row *row = port->row;
    ovsdb_txn_add_ref(ctx->txn, row, OVS_PORT_INTERFACES, insert_interface(ctx, name, NULL));
    ctx->checks_ports = true;
    vsctl_info_forget(ctx);
}

static void run_del_bond_iface(struct vsctl *ctx, struct vsctl_run *run)
{
    const char *name = run->argv[run->argc - 1];
    struct iface *iface = find_iface(ctx, name, !vsctl_has(run, "--if-exists"));
    if (!iface) {
        return;
    }
    struct port *port = iface->port;
    if (run->argc == 3 && strcmp(port->name, run->argv[1])) {
        find_port(ctx, run->argv[1], true);
        vsctl_fatal("port %s does not have an interface %s", run->argv[1], name);
    }
    if (vsctl_get(ctx, port->row, OVS_PORT_INTERFACES)->n == 1) {
        vsctl_fatal("cannot delete last interface from port %s", port->name);
    }
    ovsdb_txn_remove_ref(ctx->txn, port->row, OVS_PORT_INTERFACES, iface->row);
    ovsdb_txn_delete(ctx->txn, iface->row);
    vsctl_info_forget(ctx);
}

/* Interfaces. */

static void run_list_ifaces(struct vsctl *ctx, struct vsctl_run *run)
{
    struct bridge *b = find_bridge(ctx, run->argv[1], true);
    struct vsctl_info *info = get_info(ctx);
    const char **names = xmalloc((info->n_ifaces + 1) * sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < info->n_ifaces; i++) {
        if (info->ifaces[i].port->bridge == b && strcmp(info->ifaces[i].name, b->name)) {
            names[n++] = info->ifaces[i].name;
        }
    }
    put_sorted(run, names, n);
}

static void run_iface_to_br(struct vsctl *ctx, struct vsctl_run *run)
{
    strbuf_printf(&run->out, "%s\n", find_iface(ctx, run->argv[1], true)->port->bridge->name);
}

#define INFO vsctl_prepare_info

const struct vsctl_command vsctl_bridge_commands[] = {
    {"add-br", 1, 3, "!NEW-BRIDGE ?PARENT ?NEW-VLAN", "--may-exist",
     "make a bridge; with PARENT and VLAN: a fake bridge in PARENT", INFO, run_add_br, NULL, true},
    {"del-br", 1, 1, "!BRIDGE", "--if-exists", "delete a bridge and all of its ports", INFO, run_del_br, NULL,
     true},
    {"list-br", 0, 0, "", "--real,--fake", "print the names of all bridges", INFO, run_list_br, NULL, false},
    {"br-exists", 1, 1, "!BRIDGE", "", "exit with 0 if there is such a bridge, with 2 if not", INFO,
     run_br_exists, NULL, false},
    {"br-to-vlan", 1, 1, "!BRIDGE", "", "print the VLAN of a fake bridge, 0 for another", INFO,
     run_br_to_vlan, NULL, false},
    {"br-to-parent", 1, 1, "!BRIDGE", "", "print the parent of a fake bridge, or the bridge itself", INFO,
     run_br_to_parent, NULL, false},
    {"br-set-external-id", 2, 3, "!BRIDGE !KEY ?VALUE", "",
     "set or, without a value, unset a key of the bridge's external_ids", prepare_external_ids,
     run_br_set_external_id, NULL, true},
    {"br-get-external-id", 1, 2, "!BRIDGE ?KEY", "",
     "print the bridge's external_ids, or the value of one key", prepare_external_ids, run_br_get_external_id,
     NULL, false},
    {"list-ports", 1, 1, "!BRIDGE", "", "print the names of the bridge's ports", INFO, run_list_ports, NULL,
     false},
    {"add-port", 2, INT_MAX, "!BRIDGE !NEW-PORT *COLUMN?:KEY=VALUE", "--may-exist",
     "make a port of one interface", INFO, run_add_port, NULL, true},
    {"add-bond", 4, INT_MAX, "!BRIDGE !BOND +IFACE *COLUMN?:KEY=VALUE", "--may-exist,--fake-iface",
     "make a port of several interfaces", INFO, run_add_bond, NULL, true},
    {"del-port", 1, 2, "?BRIDGE !PORT|IFACE", "--if-exists,--with-iface", "delete a port, bonded or not",
     INFO, run_del_port, NULL, true},
    {"port-to-br", 1, 1, "!PORT", "", "print the bridge of a port", INFO, run_port_to_br, NULL, false},
    {"add-bond-iface", 2, 2, "!BOND !IFACE", "--may-exist", "add an interface to a bonded port", INFO,
     run_add_bond_iface, NULL, true},
    {"del-bond-iface", 1, 2, "?BOND !IFACE", "--if-exists", "take an interface from a bonded port", INFO,
     run_del_bond_iface, NULL, true},
    {"list-ifaces", 1, 1, "!BRIDGE", "", "print the names of the bridge's interfaces", INFO, run_list_ifaces,
     NULL, false},
    {"iface-to-br", 1, 1, "!IFACE", "", "print the bridge of an interface", INFO, run_iface_to_br, NULL,
     false},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
