/* SPDX-License-Identifier: Apache-2.0 */
/* The ports of a userspace datapath: numbers, devices, and handing them to the forwarding threads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rcu.h"
#include "datapath/dp.h"
#include "tunnel/stt.h"

/* The kind of device behind an Interface's type here, and how dpif/show names it: an internal port of a
 * userspace datapath is a TAP device, of a dummy one a dummy. */
static const char *device_type(const struct dp *dp, const char *type)
{
    bool internal = !strcmp(type, "internal");
    return dp->is_inline && internal ? "dummy-internal" : *type ? type : "system";
}

static const char *shown_type(const struct vport *vport, const char *type)
{
    return !strcmp(type, "internal") && !vport->ops->is_dummy ? "tap"
           : !strcmp(type, "internal")                        ? "dummy-internal"
                                                              : type;
}

static struct dp_port *find_by_name(const struct dp *dp, const char *name)
{
    struct dp_port *port;
    HMAP_FOR_EACH_WITH_HASH (port, name_node, hash_string(name, 0), &dp->ports_by_name) {
        if (!strcmp(port->name, name)) {
            return port;
        }
    }
    return NULL;
}

/* A dummy datapath numbers a port by the first number in its name (`p7` is 7, `brN` is 100 + N) where that is
 * free: so that printed flows can be predicted. Otherwise the lowest free number from 1. */
static uint32_t choose_number(const struct dp *dp, const char *name)
{
    if (dp->is_inline) {
        unsigned long n = strtoul(name + strcspn(name, "0123456789"), NULL, 10);
        n += n < DP_MAX_PORTS && !strncmp(name, "br", 2) ? 100 : 0;
        if (name[strcspn(name, "0123456789")] && n > 0 && n < DP_MAX_PORTS && !dp->ports[n]) {
            return (uint32_t)n;
        }
    }
    for (uint32_t n = dp->n_ports ? 1 : 0; n < DP_MAX_PORTS; n++) {
        if (!dp->ports[n] && !bitmap_is_set(dp->held, n)) {
            return n;
        }
    }
    return PACKET_NO_PORT;
}

static void make_sources(struct dp_port *port)
{
    port->n_sources = MAX(port->vport->n_rxq, 1);
    port->sources = xcalloc(port->n_sources, sizeof *port->sources);
    for (unsigned i = 0; i < port->n_sources; i++) {
        port->sources[i].port = port;
        port->sources[i].rxq = i < port->vport->n_rxq ? port->vport->rxqs[i] : NULL;
        port->sources[i].ring = upcall_ring_create(port->port_no);
    }
}

static void free_port(struct dp_port *port)
{
    for (unsigned i = 0; i < port->n_sources; i++) {
        upcall_ring_destroy(port->sources[i].ring);
    }
    for (unsigned i = 0; i < DP_MAX_FORWARDERS; i++) {
        free(atomic_load(&port->slots[i]));
    }
    vport_close(port->vport);
    free(port->sources);
    free(port->tunnel);
    stt_frames_destroy(port->stt);
    free(port->name);
    free(port->type);
    free(port->affinity);
    free(port);
}

int dp_port_add(struct datapath *up, const char *name, const char *type, const struct smap *options,
                uint32_t *port_no, char **errorp)
{
    struct dp *dp = dp_cast(up);
    if (find_by_name(dp, name)) {
        *errorp = xasprintf("%s: the datapath %s has a port of this name already", name, up->name);
        return EEXIST;
    }
    uint32_t number = *port_no == PACKET_NO_PORT ? choose_number(dp, name) : *port_no;
    if (number >= DP_MAX_PORTS) {
        *errorp = xasprintf("%s: the datapath %s has no free port number", name, up->name);
        return EFBIG;
    }
    if (dp->ports[number]) {
        *errorp = xasprintf("%s: port number %u of datapath %s is taken", name, number, up->name);
        return EBUSY;
    }

    struct vport *vport;
    int error = vport_open(device_type(dp, type), name, options, &vport, errorp);
    if (error) {
        return error;
    }
    vport->port_no = number;
    error = vport->ops->start ? vport->ops->start(vport, errorp) : 0;
    if (error) {
        vport_close(vport);
        return error;
    }

    struct dp_port *port = xzalloc(sizeof *port);
    port->port_no = number;
    port->name = xstrdup(name);
    port->vport = vport;
    port->type = xstrdup(shown_type(vport, *type ? type : "system"));
    struct tunnel_vport tunnel;
    if (vport->ops->is_tunnel && tunnel_vport_parse(type, options, &tunnel)) {
        port->tunnel = xmemdup(&tunnel, sizeof tunnel);
        port->stt = tunnel.kind == TUNNEL_STT ? stt_frames_create() : NULL;
    }
    make_sources(port);
    hmap_insert(&dp->ports_by_name, &port->name_node, hash_string(name, 0));
    dp->n_ports++;
    dp_make_slots(dp, port);
    rcu_set(&dp->ports[number], port);
    if (!dp->is_inline) {
        dp_handlers_assign(dp);
        dp_spread_port(dp, port);
    }
    *port_no = number;
    return 0;
}

/* Upcalls that wait in a port's rings go with it. The datapath's own port stands in for it. */
static void count_forgotten(struct dp *dp, const struct dp_port *port)
{
    for (unsigned i = 0; i < port->n_sources; i++) {
        for (unsigned n = upcall_ring_count(port->sources[i].ring); n; n--) {
            forwarder_count_drop(&dp->synthetic->fwd, port->port_no, DROP_SHUTDOWN);
        }
    }
}

int dp_port_del(struct datapath *up, uint32_t port_no)
{
    struct dp *dp = dp_cast(up);
    struct dp_port *port = dp_port_get(dp, port_no);
    if (!port) {
        return ENODEV;
    }
    hmap_remove(&dp->ports_by_name, &port->name_node);
    dp->n_ports--;
    rcu_set(&dp->ports[port_no], NULL);
    if (!dp->is_inline) {
        for (unsigned i = 0; i < port->n_sources; i++) {
            dp_thread_remove_source(dp, &port->sources[i]);
        }
        dp_handlers_assign(dp); /* no handler looks into its rings any more */
        rcu_synchronize();      /* no forwarding thread holds it */
    }
    if (port->vport->ops->stop) {
        port->vport->ops->stop(port->vport);
    }
    count_forgotten(dp, port);
    free_port(port);
    return 0;
}

void dp_port_hold(struct datapath *up, uint32_t port_no, bool held)
{
    bitmap_set_to(dp_cast(up)->held, port_no, held);
}

int dp_port_set_options(struct datapath *up, uint32_t port_no, const struct smap *options, char **errorp)
{
    struct dp_port *port = dp_port_get(dp_cast(up), port_no);
    if (!port) {
        *errorp = xasprintf("port %u: no such port in datapath %s", port_no, up->name);
        return ENODEV;
    }
    struct tunnel_vport tunnel;
    if (port->tunnel && tunnel_vport_parse(port->type, options, &tunnel)) {
        /* More tunnels share it: extensions are understood or not from one packet to the next. */
        port->tunnel->gbp = tunnel.gbp;
        port->tunnel->gpe = tunnel.gpe;
        port->tunnel->payload_ethertype = tunnel.payload_ethertype;
    }
    return port->vport->ops->set_options ? port->vport->ops->set_options(port->vport, options, errorp) : 0;
}

static void describe(const struct dp_port *port, struct dp_port_desc *desc)
{
    desc->port_no = port->port_no;
    desc->name = port->name;
    desc->type = port->type;
    desc->vport = port->vport;
}

int dp_port_query(struct datapath *up, uint32_t port_no, struct dp_port_desc *desc)
{
    const struct dp_port *port = dp_port_get(dp_cast(up), port_no);
    if (port) {
        describe(port, desc);
    }
    return port ? 0 : ENODEV;
}

int dp_port_query_name(struct datapath *up, const char *name, struct dp_port_desc *desc)
{
    const struct dp_port *port = find_by_name(dp_cast(up), name);
    if (port) {
        describe(port, desc);
    }
    return port ? 0 : ENODEV;
}

void dp_port_dump(struct datapath *up, void (*each)(const struct dp_port_desc *, void *aux), void *aux)
{
    const struct dp *dp = dp_cast(up);
    for (uint32_t n = 0, seen = 0; n < DP_MAX_PORTS && seen < dp->n_ports; n++) {
        if (dp->ports[n]) {
            struct dp_port_desc desc;
            describe(dp->ports[n], &desc);
            each(&desc, aux);
            seen++;
        }
    }
}

void dp_port_drops(struct datapath *up, uint32_t port_no, struct dp_port_drops *drops)
{
    struct dp_port *port = dp_port_get(dp_cast(up), port_no);
    *drops = (struct dp_port_drops){.by_reason = {0}};
    for (unsigned i = 0; port && i < DP_MAX_FORWARDERS; i++) {
        const struct port_slot *slot = atomic_load_explicit(&port->slots[i], memory_order_acquire);
        for (int r = 0; slot && r < DROP_N_REASONS; r++) {
            drops->by_reason[r] += __atomic_load_n(&slot->dropped[r], __ATOMIC_RELAXED) +
                                   __atomic_load_n(&slot->tx.dropped[r], __ATOMIC_RELAXED);
        }
    }
    for (unsigned i = 0; port && i < port->vport->n_rxq; i++) {
        for (int r = 0; r < DROP_N_REASONS; r++) {
            drops->by_reason[r] += __atomic_load_n(&port->vport->rxqs[i]->dropped[r], __ATOMIC_RELAXED);
        }
    }
}
