/* SPDX-License-Identifier: Apache-2.0 */
/* A bridge's ports (Interface records) and bundles (Port records), and its mirrors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "l2/mac_table.h"
#include "l2/mcast_snooping.h"
#include "pipeline/bond.h"
#include "pipeline/oam.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/settle.h"
#include "pipeline/spanning.h"
#include "pipeline/tunnel.h"
#include "port/qos.h"
#include "port/vport.h"

/* ------------------------------------------------------------------ ports */

struct ofport *ofproto_find_port(const struct ofproto *ofproto, uint32_t ofp_port)
{
    struct ofport *port;
    HMAP_FOR_EACH_WITH_HASH (port, by_number, hash_u32(ofp_port, 0), &ofproto->ports) {
        if (port->ofp_port == ofp_port) {
            return port;
        }
    }
    return NULL;
}

struct ofport *ofproto_find_port_name(const struct ofproto *ofproto, const char *name)
{
    struct ofport *port;
    HMAP_FOR_EACH (port, by_number, &ofproto->ports) {
        if (!strcmp(port->name, name)) {
            return port;
        }
    }
    return NULL;
}

/* A number of its own: the next after the last one given, so that a number is not at once another port's. */
static uint32_t allocate_number(struct ofproto *ofproto)
{
    for (uint32_t i = 0; i < OFPP_MAX; i++) {
        ofproto->last_port = ofproto->last_port + 1 < OFPP_MAX ? ofproto->last_port + 1 : 1;
        if (!ofproto_find_port(ofproto, ofproto->last_port)) {
            return ofproto->last_port;
        }
    }
    return OFPP_NONE;
}

static int open_device(struct ofproto *ofproto, const struct ofproto_port_settings *s, uint32_t *dp_port,
                       char **errorp)
{
    struct datapath *dp = ofproto->backer->dp;
    *dp_port = PACKET_NO_PORT;
    return dp->ops->port_add(dp, s->name, s->type, s->options, dp_port, errorp);
}

struct vport *ofport_vport(const struct ofport *port)
{
    struct datapath *dp = port->ofproto->backer->dp;
    struct dp_port_desc desc;
    return !port->tunnel && port->dp_port != PACKET_NO_PORT && !dp->ops->port_query(dp, port->dp_port, &desc)
               ? desc.vport
               : NULL;
}

bool ofport_has_carrier(const struct ofport *port)
{
    const struct vport *vport = ofport_vport(port);
    return !vport || vport->status.link_up;
}

/* Do protocols let it forward? */
static bool may_enable(const struct ofport *port)
{
    if (port->oam && !oam_may_enable(port->oam)) {
        return false;
    }
    return !port->bundle || !port->bundle->bond || ofbond_may_enable(port->bundle->bond, port);
}

/* Takes over what the device says of itself. */
static void refresh_state(struct ofport *port)
{
    const struct vport *vport = ofport_vport(port);
    uint32_t state = port->state & ~(OFPROTO_PS_LINK_DOWN | OFPROTO_PS_LIVE | OFPROTO_PS_STP_MASK |
                                     OFPROTO_PS_IN_TREE | OFPROTO_PS_LEARNS | OFPROTO_PS_FORWARDS);
    uint32_t config = port->config;
    if (vport) {
        config &= ~OFPROTO_PC_PORT_DOWN;
        config |= vport->status.admin_up ? 0 : OFPROTO_PC_PORT_DOWN;
    }
    state |= !vport || vport->status.link_up ? 0 : OFPROTO_PS_LINK_DOWN;
    state |= !(state & OFPROTO_PS_LINK_DOWN) && may_enable(port) ? OFPROTO_PS_LIVE : 0;
    if (port->tree && spanning_protocol(port->ofproto->spanning)) {
        state |= OFPROTO_PS_IN_TREE | port->tree_state;
    }
    if (state != port->state || config != port->config) {
        port->state = state;
        port->config = config;
        pipeline_mark_parts_changed(port->ofproto->pipeline);
    }
}

/* Remembers what others see of PORT; whether it is another thing than before. */
static bool remember_shown(struct ofport *port)
{
    const struct vport *vport = ofport_vport(port);
    struct ofport_shown shown;
    memset(&shown, 0, sizeof shown);
    shown.config = port->config;
    shown.state = port->state & ~(OFPROTO_PS_IN_TREE | OFPROTO_PS_LEARNS | OFPROTO_PS_FORWARDS);
    shown.mac = vport ? vport->status.mac : port->mac;
    if (vport) {
        shown.speed_bps = vport->status.speed_bps;
        shown.link = vport->status.link;
    }
    if (!memcmp(&shown, &port->shown, sizeof shown)) {
        return false;
    }
    port->shown.config ^= (port->shown.config ^ shown.config) & OFPROTO_PC_10_ONLY;
    port->shown.state ^= (port->shown.state ^ shown.state) & OFPROTO_PS_STP_MASK;
    port->only_10_differs = !memcmp(&shown, &port->shown, sizeof shown);
    memcpy(&port->shown, &shown, sizeof shown);
    return true;
}

static void tell_change(struct ofport *port)
{
    struct ofproto *ofproto = port->ofproto;
    if (remember_shown(port) && ofproto->pipeline->hooks.port_status) {
        ofproto->pipeline->hooks.port_status(ofproto, port->ofp_port, 2, ofproto->pipeline->hooks.aux);
    }
}

void ofport_refresh_live(struct ofport *port)
{
    refresh_state(port);
    tell_change(port);
}

void ofport_set_tree_state(struct ofport *port, uint32_t state)
{
    port->tree_state = state;
    ofport_refresh_live(port);
}

/* The port came or goes. Ports of these kinds are known to translation by their number alone, so that the
 * flows that looked for that number are touched; others (of a tunnel, say) may be found by what is in a
 * packet. */
static void mark_port(const struct ofport *port)
{
    static const char *const kinds[] = {"",     "system", "internal", "tap",  "dummy", "dummy-internal",
                                        "null", "pcap",   "afxdp",    "dpdk", "patch"};
    pipeline_mark_parts_changed(port->ofproto->pipeline);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!strcmp(port->type, kinds[i])) {
            return;
        }
    }
    pipeline_mark_changed(port->ofproto->pipeline);
}

/* What is wrong with a patch port's options, in the reference's words; NULL: nothing. */
static char *check_patch(const char *name, const struct smap *options)
{
    const char *peer = options ? smap_get(options, "peer") : NULL;
    if (!peer) {
        return xasprintf("%s: patch type requires valid 'peer' argument", name);
    }
    if (options->n > 1) {
        return xasprintf("%s: patch type takes only a 'peer' argument", name);
    }
    return strcmp(peer, name) ? NULL : xasprintf("%s: patch peer must not be self", name);
}

/* With --enable-dummy=override, a tunnel is a dummy like any other. */
static bool is_tunnel(const char *type)
{
    const struct vport_ops *ops = tunnel_kind_find(type) ? vport_ops_lookup(type) : NULL;
    return ops && ops->is_tunnel;
}

int ofproto_port_add(struct ofproto *ofproto, const struct ofproto_port_settings *s, uint32_t *ofp_port,
                     char **errorp)
{
    const uint32_t last_port = ofproto->last_port;
    if (ofproto_find_port_name(ofproto, s->name)) {
        *errorp = xasprintf("bridge %s has a port \"%s\" already", ofproto->name, s->name);
        return EEXIST;
    }
    uint32_t number = s->ofp_port_request;
    if (number != OFPP_LOCAL && (number >= OFPP_MAX || !number || ofproto_find_port(ofproto, number))) {
        number = allocate_number(ofproto);
        if (number == OFPP_NONE) {
            *errorp = xasprintf("bridge %s has no OpenFlow port number left", ofproto->name);
            return ENOSPC;
        }
    } else if (ofproto_find_port(ofproto, number)) {
        *errorp = xasprintf("bridge %s has its local port already", ofproto->name);
        return EBUSY;
    }
    bool patch = !strcmp(s->type, "patch"), tunnel = is_tunnel(s->type);
    uint32_t dp_port = PACKET_NO_PORT;
    if (!patch && !tunnel) {
        int error = open_device(ofproto, s, &dp_port, errorp);
        if (error) {
            ofproto->last_port = last_port; /* the number was not given after all */
            return error;
        }
    } else if (patch && (*errorp = check_patch(s->name, s->options)) != NULL) {
        ofproto->last_port = last_port;
        return EINVAL;
    }
    struct ofport *port = xzalloc(sizeof *port);
    port->ofproto = ofproto;
    port->name = xstrdup(s->name);
    port->type = xstrdup(s->type);
    port->peer = patch ? xstrdup(smap_get(s->options, "peer")) : NULL;
    port->ofp_port = number;
    port->dp_port = dp_port;
    int error = tunnel ? tunnel_port_configure(port, s->options, errorp) : 0;
    if (error) {
        ofproto->last_port = last_port;
        free(port->name);
        free(port->type);
        free(port);
        return error;
    }
    port->order = ofproto->next_order++;
    port->created_ms = clock_ms();
    port->counters = traffic_counters_create();
    hmap_insert(&ofproto->ports, &port->by_number, hash_u32(number, 0));
    ofproto->max_ports = MAX(ofproto->max_ports, hmap_count(&ofproto->ports));
    if (patch || tunnel) {
        random_bytes(&port->mac, sizeof port->mac);
        port->mac.ea[0] = (uint8_t)((port->mac.ea[0] & ~1) | 2); /* local, unicast */
    }
    refresh_state(port);
    remember_shown(port);
    mark_port(port);
    if (ofproto->pipeline->hooks.port_status) {
        ofproto->pipeline->hooks.port_status(ofproto, number, 0, ofproto->pipeline->hooks.aux);
    }
    *ofp_port = number;
    return 0;
}

void ofport_leave_bundle(struct ofport *port)
{
    if (port->bundle) {
        if (port->bundle->bond) {
            ofbond_forget_port(port->bundle->bond, port);
        }
        list_remove(&port->bundle_node);
        port->bundle = NULL;
        pipeline_mark_parts_changed(port->ofproto->pipeline);
    }
}

/* A number of the datapath whose port is gone. */
struct held_number {
    struct settle_job job;
    struct dp_backer *backer;
    uint32_t dp_port;
};

static void let_number_go(struct settle_job *job)
{
    struct held_number *h = CONTAINER_OF(job, struct held_number, job);
    struct datapath *dp = h->backer->dp;
    dp->ops->port_hold(dp, h->dp_port, false);
    free(h);
}

void backer_hold_number(struct dp_backer *backer, uint32_t dp_port)
{
    struct datapath *dp = backer->dp;
    if (!dp->ops->is_inline && dp->ops->port_hold) {
        struct held_number *h = xmalloc(sizeof *h);
        h->backer = backer;
        h->dp_port = dp_port;
        dp->ops->port_hold(dp, dp_port, true);
        settle_later(backer, &h->job, let_number_go);
    }
}

void ofport_destroy(struct ofport *port)
{
    struct ofproto *ofproto = port->ofproto;
    struct datapath *dp = ofproto->backer->dp;
    if (ofproto->pipeline->hooks.port_status) {
        ofproto->pipeline->hooks.port_status(ofproto, port->ofp_port, 1, ofproto->pipeline->hooks.aux);
    }
    spanning_forget_port(ofproto->spanning, port);
    oam_destroy(port->oam);
    port->oam = NULL;
    ofport_leave_bundle(port);
    hmap_remove(&ofproto->ports, &port->by_number);
    if (port->tunnel) {
        tunnel_port_release(port);
    } else if (port->dp_port != PACKET_NO_PORT) {
        dp->ops->port_del(dp, port->dp_port);
        backer_hold_number(ofproto->backer, port->dp_port);
    }
    mark_port(port);
    traffic_counters_unref(port->counters);
    free(port->name);
    free(port->type);
    free(port->peer);
    free(port->marks);
    free(port);
}

int ofproto_port_del(struct ofproto *ofproto, uint32_t ofp_port)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port) {
        return ENODEV;
    }
    ofport_destroy(port);
    return 0;
}

void ofproto_port_set_affinity(struct ofproto *ofproto, uint32_t ofp_port, const char *affinity)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (port && port->dp_port != PACKET_NO_PORT) {
        struct datapath *dp = ofproto->backer->dp;
        dp->ops->port_set_affinity(dp, port->dp_port, affinity);
    }
}

int ofproto_port_set_options(struct ofproto *ofproto, uint32_t ofp_port, const struct smap *options,
                             char **errorp)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port) {
        return ENODEV;
    }
    if (port->tunnel) {
        char *error = NULL;
        int code = tunnel_port_configure(port, options, &error);
        free(error);
        return code ? EAGAIN : 0; /* opening it again says what is wrong */
    }
    if (port->dp_port != PACKET_NO_PORT) {
        struct datapath *dp = ofproto->backer->dp;
        return dp->ops->port_set_options(dp, port->dp_port, options, errorp);
    }
    char *wrong = check_patch(port->name, options);
    if (wrong) {
        free(wrong);
        return EAGAIN; /* opening it again says what is wrong */
    }
    const char *peer = smap_get(options, "peer");
    if (!port->peer || strcmp(port->peer, peer)) {
        free(port->peer);
        port->peer = xstrdup(peer);
        pipeline_mark_parts_changed(ofproto->pipeline);
    }
    return 0;
}

static void describe(const struct ofport *port, struct ofproto_port *d)
{
    struct datapath *dp = port->ofproto->backer->dp;
    struct dp_port_desc desc;
    *d = (struct ofproto_port){.name = port->name,
                               .type = port->type,
                               .ofp_port = port->ofp_port,
                               .dp_port = port->dp_port,
                               .config = port->config,
                               .state = port->state,
                               .created_ms = port->created_ms,
                               .only_10_differs = port->only_10_differs,
                               .bundle = port->bundle ? port->bundle->name : NULL,
                               .mac = port->mac,
                               .peer = port->peer,
                               .tunnel = port->tunnel};
    if (!port->tunnel && port->dp_port != PACKET_NO_PORT && !dp->ops->port_query(dp, port->dp_port, &desc)) {
        d->vport = desc.vport;
        d->mac = desc.vport ? desc.vport->status.mac : port->mac;
        d->type = desc.type;
    }
}

int ofproto_port_get(const struct ofproto *ofproto, uint32_t ofp_port, struct ofproto_port *d)
{
    const struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port) {
        return ENODEV;
    }
    describe(port, d);
    return 0;
}

int ofproto_port_get_name(const struct ofproto *ofproto, const char *name, struct ofproto_port *d)
{
    const struct ofport *port = ofproto_find_port_name(ofproto, name);
    if (!port) {
        return ENODEV;
    }
    describe(port, d);
    return 0;
}

static int compare_names(const void *a_, const void *b_)
{
    const struct ofport *const *a = a_, *const *b = b_;
    return strcmp((*a)->name, (*b)->name);
}

void ofproto_port_for_each(const struct ofproto *ofproto, void (*each)(const struct ofproto_port *, void *),
                           void *aux)
{
    size_t n = 0;
    struct ofport **ports = xcalloc(hmap_count(&ofproto->ports) + 1, sizeof *ports), *port;
    HMAP_FOR_EACH (port, by_number, &ofproto->ports) {
        ports[n++] = port;
    }
    qsort(ports, n, sizeof *ports, compare_names);
    for (size_t i = 0; i < n; i++) {
        struct ofproto_port d;
        describe(ports[i], &d);
        each(&d, aux);
    }
    free(ports);
}

int ofproto_port_set_config(struct ofproto *ofproto, uint32_t ofp_port, uint32_t config, uint32_t mask)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port) {
        return ENODEV;
    }
    refresh_state(port);
    struct vport *vport = ofport_vport(port);
    mask &= vport ? UINT32_MAX : ~OFPROTO_PC_PORT_DOWN; /* a patch port is never down */
    uint32_t new = (port->config & ~mask) | (config & mask);
    int error = 0;
    if (((new ^ port->config) & OFPROTO_PC_PORT_DOWN) && vport && vport->ops->set_admin) {
        error = vport->ops->set_admin(vport, !(new &OFPROTO_PC_PORT_DOWN));
    }
    if (!error && new != port->config) {
        port->config = new;
        pipeline_mark_parts_changed(ofproto->pipeline);
    }
    refresh_state(port);
    tell_change(port);
    return error;
}

void ofproto_port_changed(struct ofproto *ofproto, uint32_t ofp_port)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (port) {
        refresh_state(port);
        tell_change(port);
        if (port->bundle && port->bundle->bond) {
            ofbond_port_changed(port->bundle->bond);
        }
        spanning_port_changed(ofproto->spanning);
    }
}

void ofproto_port_set_marks(struct ofproto *ofproto, uint32_t ofp_port,
                            const struct ofproto_queue_mark *marks, size_t n)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    bool same = port && port->n_marks == n;
    for (size_t i = 0; same && i < n; i++) {
        same = marks[i].queue == port->marks[i].queue && marks[i].dscp == port->marks[i].dscp;
    }
    if (port && !same) {
        free(port->marks);
        port->marks = xmemdup(marks, n * sizeof *marks);
        port->n_marks = n;
        pipeline_mark_changed(ofproto->pipeline);
    }
}

bool ofproto_queue_priority(const struct ofproto *ofproto, uint32_t queue, uint32_t *priority)
{
    bool by_handle = ofproto->backer->dp->ops->queues_by_handle;
    *priority = by_handle ? vport_queue_priority(queue) : queue;
    return !by_handle || queue < QOS_N_QUEUES;
}

int ofproto_patch_stats(const struct ofproto *ofproto, uint32_t ofp_port, struct ofproto_port_stats *s)
{
    const struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port || (port->dp_port != PACKET_NO_PORT && !port->tunnel)) {
        return ENODEV;
    }
    const struct traffic_counters *c = port->counters;
    s->rx_packets = __atomic_load_n(&c->rx_packets, __ATOMIC_RELAXED);
    s->rx_bytes = __atomic_load_n(&c->rx_bytes, __ATOMIC_RELAXED);
    s->tx_packets = __atomic_load_n(&c->tx_packets, __ATOMIC_RELAXED);
    s->tx_bytes = __atomic_load_n(&c->tx_bytes, __ATOMIC_RELAXED);
    return 0;
}

/* ------------------------------------------------------------------ bundles */

struct ofbundle *ofproto_find_bundle(const struct ofproto *ofproto, const char *name)
{
    struct ofbundle *b;
    LIST_FOR_EACH (b, node, &ofproto->bundles) {
        if (!strcmp(b->name, name)) {
            return b;
        }
    }
    return NULL;
}

static unsigned long *copy_vlans(const unsigned long *vlans)
{
    return vlans ? xmemdup(vlans, 512) : NULL;
}

static bool equal_vlans(const unsigned long *a, const unsigned long *b)
{
    return a == b || (a && b && !memcmp(a, b, 512));
}

static bool equal_settings(const struct ofproto_bundle_settings *a, const struct ofproto_bundle_settings *b)
{
    return a->vlan_mode == b->vlan_mode && a->vlan == b->vlan && equal_vlans(a->trunks, b->trunks) &&
           equal_vlans(a->cvlans, b->cvlans) && a->qinq_ethtype == b->qinq_ethtype &&
           a->priority_tags == b->priority_tags && a->protect == b->protect;
}

/* A port with a native VLAN carries that in any case, and no VLAN 0: what is not tagged belongs to the native
 * one. */
static unsigned long *native_trunks(const struct ofproto_bundle_settings *s)
{
    if ((s->vlan_mode != OFPROTO_VLAN_NATIVE_TAGGED && s->vlan_mode != OFPROTO_VLAN_NATIVE_UNTAGGED) ||
        s->vlan <= 0) {
        return NULL;
    }
    unsigned long *trunks = s->trunks ? bitmap_clone(s->trunks, 4096) : bitmap_create(4096);
    if (!s->trunks) {
        bitmap_set_range(trunks, 0, 4096, true);
    }
    bitmap_set(trunks, (size_t)s->vlan);
    bitmap_clear(trunks, 0);
    return trunks;
}

/* Members, in the order given. One that stays does not notice. */
static void set_members(struct ofproto *ofproto, struct ofbundle *b, const uint32_t *members, size_t n)
{
    size_t at = 0;
    bool same = list_size(&b->members) == n;
    struct ofport *port, *next;
    LIST_FOR_EACH (port, bundle_node, &b->members) {
        same = same && port->ofp_port == members[at++];
    }
    if (same) {
        return;
    }
    LIST_FOR_EACH_SAFE (port, next, bundle_node, &b->members) {
        bool stays = false;
        for (size_t i = 0; i < n; i++) {
            stays |= members[i] == port->ofp_port;
        }
        if (!stays) {
            ofport_leave_bundle(port);
        }
    }
    for (size_t i = 0; i < n; i++) {
        port = ofproto_find_port(ofproto, members[i]);
        if (port->bundle == b) {
            list_remove(&port->bundle_node);
        } else {
            ofport_leave_bundle(port);
        }
        port->bundle = b;
        list_push_back(&b->members, &port->bundle_node);
    }
    pipeline_mark_parts_changed(ofproto->pipeline);
}

static void set_bond(struct ofproto *ofproto, struct ofbundle *b, const struct ofproto_bundle_settings *s)
{
    if (s->bond) {
        struct ofport **ports = xcalloc(s->n_members, sizeof *ports);
        for (size_t i = 0; i < s->n_members; i++) {
            ports[i] = ofproto_find_port(ofproto, s->members[i]);
        }
        if (!b->bond) {
            b->bond = ofbond_create(b);
        }
        ofbond_configure(b->bond, s->bond, ports, s->n_members);
        free(ports);
    } else if (b->bond) {
        struct ofport *port;
        ofbond_destroy(b->bond);
        b->bond = NULL;
        LIST_FOR_EACH (port, bundle_node, &b->members) {
            ofport_refresh_live(port);
        }
        pipeline_mark_parts_changed(ofproto->pipeline);
    }
}

int ofproto_bundle_set(struct ofproto *ofproto, const struct ofproto_bundle_settings *s)
{
    struct ofbundle *b = ofproto_find_bundle(ofproto, s->name);
    unsigned long *native = native_trunks(s);
    for (size_t i = 0; i < s->n_members; i++) {
        if (!ofproto_find_port(ofproto, s->members[i])) {
            free(native);
            return ENODEV;
        }
    }
    if (!b) {
        b = xzalloc(sizeof *b);
        b->ofproto = ofproto;
        b->id = ++ofproto->next_bundle_id;
        b->name = xstrdup(s->name);
        list_init(&b->members);
        list_push_back(&ofproto->bundles, &b->node);
        pipeline_mark_parts_changed(ofproto->pipeline);
    }
    struct ofproto_bundle_settings new = *s;
    if (!new.qinq_ethtype) {
        new.qinq_ethtype = 0x88a8;
    }
    if (native) {
        new.trunks = native;
    }
    if (!equal_settings(&b->s, &new)) {
        /* What was learned in its VLANs may be wrong now. */ mac_table_flush_port(
            ofproto->macs, (void *)(uintptr_t)b->id, false);
        mcast_table_flush_port(ofproto->mcast, (void *)(uintptr_t)b->id);
        free((void *)b->s.trunks);
        free((void *)b->s.cvlans);
        b->s = new;
        b->s.name = b->name;
        b->s.trunks = copy_vlans(new.trunks);
        b->s.cvlans = copy_vlans(s->cvlans);
        b->s.members = NULL;
        b->s.n_members = 0;
        b->s.bond = NULL;
        pipeline_mark_parts_changed(ofproto->pipeline);
    }

    free(native);

    set_members(ofproto, b, s->members, s->n_members);
    set_bond(ofproto, b, s);
    return 0;
}

void ofbundle_destroy(struct ofproto *ofproto, struct ofbundle *b)
{
    struct ofport *port, *next;
    LIST_FOR_EACH_SAFE (port, next, bundle_node, &b->members) {
        ofport_leave_bundle(port);
    }
    ofbond_destroy(b->bond);
    mac_table_flush_port(ofproto->macs, (void *)(uintptr_t)b->id, true);
    mcast_table_flush_port(ofproto->mcast, (void *)(uintptr_t)b->id);
    list_remove(&b->node);
    free((void *)b->s.trunks);
    free((void *)b->s.cvlans);
    free(b->name);
    free(b);
    pipeline_mark_parts_changed(ofproto->pipeline);
}

void ofproto_bundle_remove(struct ofproto *ofproto, const char *name)
{
    struct ofbundle *b = ofproto_find_bundle(ofproto, name);
    if (b) {
        ofbundle_destroy(ofproto, b);
    }
}

/* ------------------------------------------------------------------ mirrors */

void ofmirror_clear(struct ofmirror *m)
{
    if (m->name) {
        free(m->name);
        smap_fini(&m->src);
        smap_fini(&m->dst);
        free(m->vlans);
        free(m->out_bundle);
        traffic_counters_unref(m->counters);
        memset(m, 0, sizeof *m);
    }
}

static struct ofmirror *find_mirror(const struct ofproto *ofproto, const char *name)
{
    for (int i = 0; i < MAX_MIRRORS; i++) {
        const struct ofmirror *m = &ofproto->mirrors[i];
        if (m->name ? name && !strcmp(m->name, name) : !name) {
            return (struct ofmirror *)m;
        }
    }
    return NULL;
}

int ofproto_mirror_set(struct ofproto *ofproto, const struct ofproto_mirror_settings *s)
{
    struct ofmirror *m = find_mirror(ofproto, s->name);
    struct traffic_counters *counters = NULL;
    if (m) {
        counters = m->counters;
        m->counters = NULL;
        ofmirror_clear(m);
    } else {
        m = find_mirror(ofproto, NULL);
        if (!m) {
            return ENOSPC;
        }
    }
    m->name = xstrdup(s->name);
    m->select_all = s->select_all;
    smap_init(&m->src);
    smap_init(&m->dst);
    for (size_t i = 0; i < s->n_src; i++) {
        smap_set(&m->src, s->src_bundles[i], "");
    }
    for (size_t i = 0; i < s->n_dst; i++) {
        smap_set(&m->dst, s->dst_bundles[i], "");
    }
    m->vlans = copy_vlans(s->vlans);
    m->out_bundle = xstrdup_or_null(s->out_bundle);
    m->out_vlan = s->out_vlan;
    m->snaplen = s->snaplen;
    m->counters = counters ? counters : traffic_counters_create();
    pipeline_mark_changed(ofproto->pipeline);
    return 0;
}

void ofproto_mirror_remove(struct ofproto *ofproto, const char *name)
{
    struct ofmirror *m = find_mirror(ofproto, name);
    if (m) {
        ofmirror_clear(m);
        pipeline_mark_changed(ofproto->pipeline);
    }
}

int ofproto_mirror_stats(const struct ofproto *ofproto, const char *name, uint64_t *packets, uint64_t *bytes)
{
    const struct ofmirror *m = find_mirror(ofproto, name);
    if (!m) {
        return ENOENT;
    }
    *packets = __atomic_load_n(&m->counters->tx_packets, __ATOMIC_RELAXED);
    *bytes = __atomic_load_n(&m->counters->tx_bytes, __ATOMIC_RELAXED);
    return 0;
}

bool ofproto_is_mirror_output(const struct ofproto *ofproto, const char *bundle)
{
    for (int i = 0; i < MAX_MIRRORS; i++) {
        const struct ofmirror *m = &ofproto->mirrors[i];
        if (m->name && m->out_bundle && !strcmp(m->out_bundle, bundle)) {
            return true;
        }
    }
    return false;
}
