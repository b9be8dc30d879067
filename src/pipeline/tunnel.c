/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/tunnel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "openflow/actions.h"
#include "pipeline/ofproto_impl.h"
#include "tunnel/map.h"
#include "tunnel/net.h"
#include "tunnel/request.h"

LOG_MODULE(tunnel);

#define NEIGH_RUN_MS 500

/* ------------------------------------------------------------------ the network below */

static void run_neighbours(struct task *task)
{
    struct pipeline *p = CONTAINER_OF(task, struct pipeline, neighbours);
    tunnel_neigh_run(p->net->neighbours);
    task_schedule_in(p->queue, task, NEIGH_RUN_MS);
}

void pipeline_net_changed(void *pipeline)
{
    struct pipeline *p = pipeline;
    __atomic_store_n(&p->net_changed, true, __ATOMIC_RELEASE);
    pipeline_wake(p);
}

void pipeline_tunnels_init(struct pipeline *p)
{
    p->net = tunnel_net_create(pipeline_net_changed, p);
    list_init(&p->requests);
    pthread_mutex_init(&p->requests_lock, NULL);
    task_init(&p->neighbours, "neighbours", run_neighbours);
    task_schedule_in(p->queue, &p->neighbours, NEIGH_RUN_MS);
}

struct request {
    struct list node;
    uint64_t ofproto_id;
    uint32_t ofp_port;
    struct packet_bytes {
        size_t len;
        uint8_t bytes[TUNNEL_REQUEST_MAX];
    } frame;
};

void pipeline_tunnels_fini(struct pipeline *p)
{
    task_cancel(&p->neighbours);
    while (!list_is_empty(&p->requests)) {
        free(CONTAINER_OF(list_pop_front(&p->requests), struct request, node));
    }
    pthread_mutex_destroy(&p->requests_lock);
    tunnel_net_destroy(p->net);
}

/* As the device itself would: into the first table. */
static void send_request(struct ofproto *ofproto, uint32_t ofp_port, const struct packet_bytes *frame)
{
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    struct ofpact_output *out = OFPACT_PUT(OUTPUT, &actions);
    out->port = OFPP_TABLE;
    ofpact_finish(&actions, 0);
    ofproto_packet_out(ofproto, frame->bytes, frame->len, ofp_port, NULL,
                       (const struct ofpact *)(const void *)actions.data, actions.len);
    bytebuf_fini(&actions);
}

void tunnel_request_neighbour(struct pipeline *p, const struct xport *out, const struct ipv6_addr *address,
                              const struct ipv6_addr *source, struct eth_addr mac)
{
    struct packet_bytes frame;
    frame.len = tunnel_request_compose(address, source, mac, frame.bytes);
    if (pthread_equal(pthread_self(), p->control_thread)) {
        send_request(out->bridge->ofproto, out->ofp_port, &frame);
        return;
    }
    struct request *r = xmalloc(sizeof *r);
    r->ofproto_id = out->bridge->ofproto->id;
    r->ofp_port = out->ofp_port;
    r->frame = frame;
    pthread_mutex_lock(&p->requests_lock);
    list_push_back(&p->requests, &r->node);
    pthread_mutex_unlock(&p->requests_lock);
    pipeline_wake(p);
}

void tunnel_send_requests(struct pipeline *p)
{
    struct list todo;
    list_init(&todo);
    pthread_mutex_lock(&p->requests_lock);
    while (!list_is_empty(&p->requests)) {
        list_push_back(&todo, list_pop_front(&p->requests));
    }
    pthread_mutex_unlock(&p->requests_lock);
    while (!list_is_empty(&todo)) {
        struct request *r = CONTAINER_OF(list_pop_front(&todo), struct request, node);
        for (size_t i = 0; i < p->n_ofprotos; i++) {
            if (p->ofprotos[i]->id == r->ofproto_id) {
                send_request(p->ofprotos[i], r->ofp_port, &r->frame);
            }
        }
        free(r);
    }
}

/* ------------------------------------------------------------------ vports */

static struct tunnel_vport_ref *find_ref(const struct dp_backer *b, uint32_t dp_port)
{
    struct tunnel_vport_ref *ref;
    LIST_FOR_EACH (ref, node, &b->tunnel_vports) {
        if (ref->dp_port == dp_port) {
            return ref;
        }
    }
    return NULL;
}

/* What the vport is to understand: all that its tunnels want. */
static void tell_extensions(struct dp_backer *b, struct tunnel_vport_ref *ref, const struct tunnel_config *c)
{
    if ((c->gpe && !ref->vport.gpe) || (c->gbp && !ref->vport.gbp) ||
        c->payload_ethertype != ref->vport.payload_ethertype) {
        struct smap options;
        char *error = NULL;
        ref->vport.gpe |= c->gpe;
        ref->vport.gbp |= c->gbp;
        ref->vport.payload_ethertype = c->payload_ethertype;
        struct tunnel_config all = {.kind = c->kind,
                                    .dst_port = c->dst_port,
                                    .gpe = ref->vport.gpe,
                                    .gbp = ref->vport.gbp,
                                    .payload_ethertype = ref->vport.payload_ethertype};
        smap_init(&options);
        tunnel_vport_options(&all, &options);
        b->dp->ops->port_set_options(b->dp, ref->dp_port, &options, &error);
        smap_fini(&options);
        free(error);
    }
}

static int acquire(struct dp_backer *b, const struct tunnel_config *c, uint32_t *dp_port, char **errorp)
{
    char name[TUNNEL_VPORT_NAME_SIZE];
    struct tunnel_vport_ref *ref;
    tunnel_vport_name(c->kind, c->dst_port, name);
    LIST_FOR_EACH (ref, node, &b->tunnel_vports) {
        if (ref->vport.kind == c->kind && ref->vport.dst_port == c->dst_port) {
            break;
        }
    }
    if (&ref->node == &b->tunnel_vports) {
        struct smap options;
        uint32_t number = PACKET_NO_PORT;
        smap_init(&options);
        tunnel_vport_options(c, &options);
        int error = b->dp->ops->port_add(b->dp, name, tunnel_kinds[c->kind].type, &options, &number, errorp);
        smap_fini(&options);
        if (error) {
            return error;
        }
        ref = xzalloc(sizeof *ref);
        ref->dp_port = number;
        ref->vport = (struct tunnel_vport){.kind = c->kind,
                                           .dst_port = c->dst_port,
                                           .gbp = c->gbp,
                                           .gpe = c->gpe,
                                           .payload_ethertype = c->payload_ethertype};
        list_push_back(&b->tunnel_vports, &ref->node);
    }
    ref->n_refs++;
    tell_extensions(b, ref, c);
    tunnel_listen(b->pipeline->net->listeners, b, ref->dp_port, name, c->kind, c->dst_port);
    *dp_port = ref->dp_port;
    return 0;
}

static void release(struct dp_backer *b, uint32_t dp_port)
{
    struct tunnel_vport_ref *ref = find_ref(b, dp_port);
    tunnel_unlisten(b->pipeline->net->listeners, b, dp_port);
    if (ref && !--ref->n_refs) {
        b->dp->ops->port_del(b->dp, dp_port);
        backer_hold_number(b, dp_port);
        list_remove(&ref->node);
        free(ref);
    }
}

/* ------------------------------------------------------------------ ports */

static void format_end(const struct ipv6_addr *a, bool flow, char text[TUNNEL_ADDRESS_SIZE])
{
    if (flow) {
        strcpy(text, "flow");
    } else {
        tunnel_address_format(a, text);
    }
}

static void complain(const struct ofport *port, const struct ofport *other, const struct tunnel_config *c)
{
    static const char *const packets[] = {
        [TUNNEL_L2] = "legacy_l2", [TUNNEL_L3] = "legacy_l3", [TUNNEL_PTAP] = "ptap"};
    char src[TUNNEL_ADDRESS_SIZE], dst[TUNNEL_ADDRESS_SIZE], key[32] = "flow";
    format_end(&c->src, c->src_flow, src);
    format_end(&c->dst, c->dst_flow, dst);
    if (!c->in_key_flow) {
        snprintf(key, sizeof key, "%#" PRIx64, be64toh(c->in_key));
    }
    LOG_WARN("%s: attempting to add tunnel port with same config as port '%s' (%s->%s, key=%s, %s, dp "
             "port=%" PRIu32 ")",
             port->name, other->name, src, dst, key, packets[c->packets], other->dp_port);
}

/* Another tunnel of the same datapath that stands in the way. */
static int check_others(const struct ofport *port, const struct tunnel_config *c, char **errorp)
{
    struct pipeline *p = port->ofproto->pipeline;
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        const struct ofport *other;
        if (p->ofprotos[i]->backer != port->ofproto->backer) {
            continue;
        }
        HMAP_FOR_EACH (other, by_number, &p->ofprotos[i]->ports) {
            const struct tunnel_config *o = other->tunnel;
            if (other == port || !o || o->kind != c->kind || o->dst_port != c->dst_port) {
                continue;
            }
            if (c->kind == TUNNEL_VXLAN && o->gbp != c->gbp) {
                *errorp =
                    xasprintf("%s: VXLAN-GBP, and non-VXLAN-GBP tunnels can't be configured on the same "
                              "dst_port",
                              port->name);
                return EINVAL;
            }
            if (tunnel_config_matches_alike(o, c)) {
                complain(port, other, c);
                return EEXIST;
            }
        }
    }
    return 0;
}

int tunnel_port_configure(struct ofport *port, const struct smap *options, char **errorp)
{
    static const struct smap none = SMAP_INITIALIZER;
    struct dp_backer *b = port->ofproto->backer;
    struct tunnel_config c;
    uint32_t dp_port;
    enum tunnel_kind kind = tunnel_kind_of(tunnel_kind_find(port->type));
    int error = tunnel_config_parse(kind, port->name, options ? options : &none, &c, errorp);
    error = error ? error : check_others(port, &c, errorp);
    error = error ? error : acquire(b, &c, &dp_port, errorp);
    if (error) {
        return error;
    }
    tunnel_port_release(port);
    port->tunnel = xmemdup(&c, sizeof c);
    port->dp_port = dp_port;
    pipeline_mark_changed(port->ofproto->pipeline);
    return 0;
}

void tunnel_port_release(struct ofport *port)
{
    if (port->tunnel) {
        release(port->ofproto->backer, port->dp_port);
        free(port->tunnel);
        port->tunnel = NULL;
        port->dp_port = PACKET_NO_PORT;
    }
}
