/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "pipeline/bond.h"
#include "pipeline/netflow.h"
#include "pipeline/oam.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/sflow.h"
#include "pipeline/spanning.h"
#include "port/vport.h"
#include "tunnel/map.h"

/* Memory of a snapshot: chunks that begin with a pointer to the one before. */
#define CHUNK_SIZE 16384

static void *take(struct snapshot *s, size_t n)
{
    n = ROUND_UP(n, 16);
    if (!s->chunks || s->chunk_used + n > s->chunk_size) {
        size_t size = MAX(CHUNK_SIZE, n + 16);
        void **chunk = xmalloc(size);
        *chunk = s->chunks;
        s->chunks = chunk;
        s->chunk_size = size;
        s->chunk_used = 16;
    }
    void *p = (char *)s->chunks + s->chunk_used;
    s->chunk_used += n;
    memset(p, 0, n);
    return p;
}

static const char *take_string(struct snapshot *s, const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(take(s, n), text, n);
}

static const unsigned long *take_vlans(struct snapshot *s, const unsigned long *vlans)
{
    return vlans ? memcpy(take(s, 512), vlans, 512) : NULL;
}

void snapshot_destroy(struct snapshot *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->n_bridges; i++) {
        struct xport *port;
        HMAP_FOR_EACH (port, by_ofp, &s->bridges[i]->by_ofp) {
            traffic_counters_unref(port->counters);
        }
        for (int m = 0; m < MAX_MIRRORS; m++) {
            traffic_counters_unref(s->bridges[i]->mirrors[m].counters);
        }
        for (size_t b = 0; b < s->bridges[i]->n_bundles; b++) {
            bond_unref(s->bridges[i]->bundles[b]->account);
        }
        netflow_unref(s->bridges[i]->netflow);
        ipfix_unref(s->bridges[i]->ipfix);
        sflow_unref(s->bridges[i]->sflow);
        hmap_fini(&s->bridges[i]->by_ofp);
        hmap_fini(&s->bridges[i]->by_id);
    }
    hmap_fini(&s->by_dp);
    tunnel_map_destroy(s->tunnels);
    for (void *chunk = s->chunks; chunk;) {
        void *before = *(void **)chunk;
        free(chunk);
        chunk = before;
    }
    free(s);
}

static void destroy_rcu(struct rcu_head *head)
{
    snapshot_destroy(CONTAINER_OF(head, struct snapshot, rcu));
}

struct traffic_counters *traffic_counters_create(void)
{
    struct traffic_counters *c = xzalloc(sizeof *c);
    c->refs = 1;
    return c;
}

static void free_counters(struct rcu_head *head)
{
    free(CONTAINER_OF(head, struct traffic_counters, rcu));
}

void traffic_counters_unref(struct traffic_counters *c)
{
    if (c && __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        rcu_postpone(&c->rcu, free_counters);
    }
}

static struct traffic_counters *counters_ref(struct traffic_counters *c)
{
    if (c) {
        __atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
    }
    return c;
}

/* The reference floods `all` and `flood` in the order of its table of ports, which is one of MurmurHash3 of
 * the number in buckets whose count follows the number of ports. Scripts compare outputs, so ports stand in
 * that order here. */
static uint32_t murmur_rotate(uint32_t x, int k)
{
    return (x << k) | (x >> (32 - k));
}

static uint32_t flood_hash(uint32_t ofp_port)
{
    uint32_t h = ofp_port & 0xffff;
    for (int i = 0; i < 2; i++) { /* two words of zero are mixed in */
        h = murmur_rotate(h, 13) * 5 + 0xe6546b64;
    }
    h ^= 8;
    h = (h ^ (h >> 16)) * 0x85ebca6b;
    h = (h ^ (h >> 13)) * 0xc2b2ae35;
    return h ^ (h >> 16);
}

static uint32_t flood_mask(size_t n)
{
    /* It grows to the next power of two whenever there are twice as many ports as buckets. */
    uint32_t mask = 0;
    for (size_t i = 1; i <= n; i++) {
        if (i / 2 > mask) {
            mask = (uint32_t)i / 2;
            for (int shift = 1; shift < 32; shift *= 2) {
                mask |= mask >> shift;
            }
            mask |= (mask & 1) << 1;
        }
    }
    return mask;
}

struct flood_entry {
    uint32_t bucket;
    uint64_t order;
    struct xport *port;
};

static int compare_flood(const void *a_, const void *b_)
{
    const struct flood_entry *a = a_, *b = b_;
    if (a->bucket != b->bucket) {
        return a->bucket < b->bucket ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

static void copy_marks(struct snapshot *s, const struct ofport *port, struct xport *xp)
{
    struct xmark *marks = port->n_marks ? take(s, port->n_marks * sizeof *marks) : NULL;
    for (size_t i = 0; i < port->n_marks; i++) {
        marks[xp->n_marks].tos = (uint8_t)(port->marks[i].dscp << 2);
        xp->n_marks +=
            ofproto_queue_priority(port->ofproto, port->marks[i].queue, &marks[xp->n_marks].priority);
    }
    xp->marks = marks;
}

static void copy_ports(struct snapshot *s, const struct ofproto *ofproto, struct xbridge *xb)
{
    size_t n = hmap_count(&ofproto->ports);
    struct flood_entry *order = xcalloc(n + 1, sizeof *order);
    uint32_t mask = flood_mask(ofproto->max_ports);
    const struct ofport *port;
    HMAP_FOR_EACH (port, by_number, &ofproto->ports) {
        struct xport *xp = take(s, sizeof *xp);
        xp->name = take_string(s, port->name);
        xp->ofp_port = port->ofp_port;
        xp->dp_port = port->dp_port;
        xp->config = port->config;
        xp->state = port->state;
        xp->is_patch = port->dp_port == PACKET_NO_PORT;
        const struct vport *vport = ofport_vport(port);
        xp->ifindex = vport ? (uint32_t)vport->status.ifindex : 0;
        xp->bridge = xb;
        xp->counters = counters_ref(port->counters);
        copy_marks(s, port, xp);
        if (port->oam) {
            struct xoam *view = take(s, sizeof *view);
            oam_get_view(port->oam, view);
            xp->oam = view;
        }
        hmap_insert(&xb->by_ofp, &xp->by_ofp, hash_u32(xp->ofp_port, 0));
        if (port->tunnel) {
            xp->tunnel = memcpy(take(s, sizeof *port->tunnel), port->tunnel, sizeof *port->tunnel);
            tunnel_map_add(s->tunnels, xp->tunnel, xb->backer, xp->dp_port, xp);
        } else if (!xp->is_patch) {
            hmap_insert(&s->by_dp, &xp->by_dp, hash_2u32(xp->dp_port, (uint32_t)(uintptr_t)xb->backer, 0));
        }
        if (xp->ofp_port == OFPP_LOCAL) {
            xb->local = xp;
        }
        order[xb->n_ports++] = (struct flood_entry){flood_hash(xp->ofp_port) & mask, port->order, xp};
    }
    qsort(order, n, sizeof *order, compare_flood);
    xb->ports = take(s, n * sizeof *xb->ports);
    for (size_t i = 0; i < n; i++) {
        xb->ports[i] = order[i].port;
    }
    free(order);
}

static void copy_bond(struct snapshot *s, const struct ofbond *bond, struct xbundle *x)
{
    x->lacp = ofbond_speaks_lacp(bond);
    if (ofbond_bond(bond)) {
        struct bond_view *view = take(s, sizeof *view);
        bond_get_view(ofbond_bond(bond), view);
        x->bond = view;
        x->bond_members = take(s, BOND_MAX_MEMBERS * sizeof *x->bond_members);
        for (uint8_t i = 0; i < view->n_members; i++) {
            const struct ofport *port = view->members[i];
            x->bond_members[i] = (struct xport *)xbridge_port(x->bridge, port->ofp_port);
        }
        x->account = bond_ref((struct bond *)ofbond_bond(bond));
        x->recirc_id = ofbond_recirc_id(bond);
    }
}

static void copy_bundles(struct snapshot *s, const struct ofproto *ofproto, struct xbridge *xb)
{
    const struct ofbundle *bundle;
    xb->bundles = take(s, (list_size(&ofproto->bundles) + 1) * sizeof *xb->bundles);
    LIST_FOR_EACH (bundle, node, &ofproto->bundles) {
        struct xbundle *x = take(s, sizeof *x);
        x->id = bundle->id;
        x->name = take_string(s, bundle->name);
        x->bridge = xb;
        x->vlan_mode = bundle->s.vlan_mode;
        x->vlan = bundle->s.vlan;
        x->trunks = take_vlans(s, bundle->s.trunks);
        x->cvlans = take_vlans(s, bundle->s.cvlans);
        x->qinq_ethtype = bundle->s.qinq_ethtype;
        x->priority_tags = bundle->s.priority_tags;
        x->protect = bundle->s.protect;
        x->mcast_flood = bundle->mcast_flood;
        x->mcast_flood_reports = bundle->mcast_flood_reports;
        x->floodable = true;
        x->members = take(s, (list_size(&bundle->members) + 1) * sizeof *x->members);
        const struct ofport *port;
        LIST_FOR_EACH (port, bundle_node, &bundle->members) {
            struct xport *xp = (struct xport *)xbridge_port(xb, port->ofp_port);
            xp->bundle = x;
            x->members[x->n_members++] = xp;
            if (xp->config & OFPROTO_PC_NO_FLOOD || (xp->tunnel && xp->tunnel->packets == TUNNEL_L3)) {
                x->floodable = false;
            }
        }
        if (bundle->bond) {
            copy_bond(s, bundle->bond, x);
        }
        hmap_insert(&xb->by_id, &x->by_id, hash_u32(x->id, 0));
        xb->bundles[xb->n_bundles++] = x;
    }
}

static void copy_mirrors(struct snapshot *s, const struct ofproto *ofproto, struct xbridge *xb)
{
    for (int i = 0; i < MAX_MIRRORS; i++) {
        const struct ofmirror *m = &ofproto->mirrors[i];
        struct xmirror *x = &xb->mirrors[i];
        x->out_vlan = -1;
        if (!m->name) {
            continue;
        }
        struct xbundle *out = NULL;
        for (size_t b = 0; b < xb->n_bundles; b++) {
            struct xbundle *xbundle = xb->bundles[b];
            if (m->out_bundle && !strcmp(m->out_bundle, xbundle->name)) {
                out = xbundle;
            }
        }
        if (!out && !m->out_vlan) {
            continue; /* nowhere to go: as if it were not there */
        }
        x->name = take_string(s, m->name);
        x->vlans = take_vlans(s, m->vlans);
        x->out = out;
        x->out_vlan = out ? -1 : m->out_vlan;
        x->snaplen = m->snaplen;
        x->counters = counters_ref(m->counters);
        xb->has_mirrors = true;
        for (size_t b = 0; b < xb->n_bundles; b++) {
            struct xbundle *xbundle = xb->bundles[b];
            uint32_t bit = 1u << i;
            xbundle->src_mirrors |= m->select_all || smap_get(&m->src, xbundle->name) ? bit : 0;
            xbundle->dst_mirrors |= m->select_all || smap_get(&m->dst, xbundle->name) ? bit : 0;
            xbundle->mirror_out |= xbundle == out ? bit : 0;
        }
    }
    for (int i = 0; i < MAX_MIRRORS; i++) {
        for (int j = 0; j < MAX_MIRRORS; j++) {
            const struct xmirror *a = &xb->mirrors[i], *b = &xb->mirrors[j];
            if (a->name && b->name && a->out == b->out && a->out_vlan == b->out_vlan) {
                xb->mirrors[i].dup_mirrors |= 1u << j;
            }
        }
    }
}

/* Two patch ports are each other's peers if each names the other. */
static void connect_patches(struct pipeline *p, struct snapshot *s)
{
    for (size_t i = 0; i < s->n_bridges; i++) {
        const struct ofport *port;
        HMAP_FOR_EACH (port, by_number, &p->ofprotos[i]->ports) {
            if (port->dp_port != PACKET_NO_PORT || !port->peer) {
                continue;
            }
            for (size_t j = 0; j < s->n_bridges; j++) {
                const struct ofport *peer = ofproto_find_port_name(p->ofprotos[j], port->peer);
                if (peer && peer->peer && peer->dp_port == PACKET_NO_PORT &&
                    !strcmp(peer->peer, port->name) && s->bridges[i]->backer == s->bridges[j]->backer) {
                    struct xport *xp = (struct xport *)xbridge_port(s->bridges[i], port->ofp_port);
                    xp->peer = (struct xport *)xbridge_port(s->bridges[j], peer->ofp_port);
                    break;
                }
            }
        }
    }
}

void snapshot_publish(struct pipeline *p)
{
    struct snapshot *s = xzalloc(sizeof *s);
    s->seq = (p->snapshot ? p->snapshot->seq : 0) + 1;
    s->vlan_limit = p->config.vlan_limit;
    hmap_init(&s->by_dp);
    s->tunnels = tunnel_map_create();
    s->net = p->net;
    s->bridges = take(s, (p->n_ofprotos + 1) * sizeof *s->bridges);
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        const struct ofproto *ofproto = p->ofprotos[i];
        struct xbridge *xb = take(s, sizeof *xb);
        xb->name = take_string(s, ofproto->name);
        xb->ofproto = p->ofprotos[i];
        xb->backer = ofproto->backer;
        xb->flood_vlans = take_vlans(s, ofproto->flood_vlans);
        xb->forward_bpdu = ofproto->forward_bpdu;
        xb->mcast = ofproto->mcast_enabled;
        xb->mcast_flood_unregistered = ofproto->mcast_flood_unregistered;
        xb->spanning = (uint8_t)spanning_protocol(ofproto->spanning);
        xb->tun_md = ofproto->tun_md;
        xb->netflow = ofproto->netflow;
        netflow_ref(xb->netflow);
        xb->sflow = ofproto->sflow;
        sflow_ref(xb->sflow);
        xb->sflow_probability = xb->sflow ? sflow_probability(xb->sflow) : 0;
        xb->ipfix = ofproto->ipfix;
        ipfix_ref(xb->ipfix);
        xb->ipfix_sampling = xb->ipfix ? ipfix_sampling(xb->ipfix) : (struct ipfix_sampling){0};
        hmap_init(&xb->by_ofp);
        hmap_init(&xb->by_id);
        s->bridges[s->n_bridges++] = xb;
        copy_ports(s, ofproto, xb);
        copy_bundles(s, ofproto, xb);
        copy_mirrors(s, ofproto, xb);
    }
    connect_patches(p, s);

    struct snapshot *old = p->snapshot;
    rcu_set(&p->snapshot, s); /* commit */
    if (old) {
        rcu_postpone(&old->rcu, destroy_rcu);
    }
}

const struct snapshot *snapshot_get(const struct pipeline *p)
{
    return rcu_get(&p->snapshot);
}

const struct xport *snapshot_port(const struct snapshot *s, const struct dp_backer *backer, uint32_t dp_port)
{
    const struct xport *port;
    HMAP_FOR_EACH_WITH_HASH (port, by_dp, hash_2u32(dp_port, (uint32_t)(uintptr_t)backer, 0), &s->by_dp) {
        if (port->dp_port == dp_port && port->bridge->backer == backer) {
            return port;
        }
    }
    return NULL;
}

const struct xport *snapshot_input(const struct snapshot *s, const struct dp_backer *backer,
                                   const struct flow_key *key)
{
    return flow_key_from_tunnel(key) ? tunnel_map_find(s->tunnels, backer, key)
                                     : snapshot_port(s, backer, key->in_port);
}

const struct xport *snapshot_device(const struct snapshot *s, const struct dp_backer *backer,
                                    const char *name)
{
    for (size_t i = 0; i < s->n_bridges; i++) {
        const struct xbridge *b = s->bridges[i];
        for (size_t j = 0; b->backer == backer && j < b->n_ports; j++) {
            if (!b->ports[j]->is_patch && !b->ports[j]->tunnel && !strcmp(b->ports[j]->name, name)) {
                return b->ports[j];
            }
        }
    }
    return NULL;
}

const struct xbridge *snapshot_bridge(const struct snapshot *s, const struct ofproto *ofproto)
{
    for (size_t i = 0; i < s->n_bridges; i++) {
        if (s->bridges[i]->ofproto == ofproto) {
            return s->bridges[i];
        }
    }
    return NULL;
}

const struct xport *xbridge_port(const struct xbridge *xb, uint32_t ofp_port)
{
    const struct xport *port;
    HMAP_FOR_EACH_WITH_HASH (port, by_ofp, hash_u32(ofp_port, 0), &xb->by_ofp) {
        if (port->ofp_port == ofp_port) {
            return port;
        }
    }
    return NULL;
}

const struct xbundle *xbridge_bundle(const struct xbridge *xb, uint32_t id)
{
    const struct xbundle *bundle;
    HMAP_FOR_EACH_WITH_HASH (bundle, by_id, hash_u32(id, 0), &xb->by_id) {
        if (bundle->id == id) {
            return bundle;
        }
    }
    return NULL;
}
