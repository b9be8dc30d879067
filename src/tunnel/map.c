/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/hmap.h"

/* What a tunnel asks of an address of a packet. */
enum ask {
    ASK_ANY, /* nothing */
    ASK_CONFIGURED,
    ASK_FLOW, /* it is the flow's: as any, but less specific */
};

struct what {
    const void *owner;
    uint32_t dp_port;
    uint8_t src, dst; /* enum ask */
    uint8_t key_flow;
    uint8_t packets; /* enum tunnel_packets */
    be64 in_key;
    struct ipv6_addr src_addr, dst_addr;
};

struct entry {
    struct hmap_node node;
    struct what what;
    const void *port;
};

/* In the order in which they are tried. The local address of the tunnel is the packet's destination. */
static const struct {
    uint8_t src, dst;
} order[] = {
    {ASK_CONFIGURED, ASK_CONFIGURED},
    {ASK_ANY, ASK_CONFIGURED},
    {ASK_CONFIGURED, ASK_FLOW},
    {ASK_ANY, ASK_FLOW},
    {ASK_FLOW, ASK_FLOW},
};
#define N_CLASSES (ARRAY_SIZE(order) * 2) /* with a key, and with key=flow */

struct tunnel_map {
    struct hmap entries;
    unsigned n[N_CLASSES]
              [TUNNEL_PTAP + 1]; /* entries of each kind: what there is none of is not looked for */
};

static uint32_t hash_what(const struct what *w)
{
    return hash_bytes(w, sizeof *w, 0);
}

static unsigned class_of(const struct what *w)
{
    unsigned i = 0;
    while (order[i].src != w->src || order[i].dst != w->dst) {
        i++;
    }
    return i + (w->key_flow ? ARRAY_SIZE(order) : 0);
}

static void describe(const struct tunnel_config *c, const void *owner, uint32_t dp_port, struct what *w)
{
    memset(w, 0, sizeof *w);
    w->owner = owner;
    w->dp_port = dp_port;
    w->src = c->src_flow ? ASK_FLOW : ipv6_addr_is_zero(&c->src) ? ASK_ANY : ASK_CONFIGURED;
    w->dst = c->dst_flow ? ASK_FLOW : ASK_CONFIGURED;
    w->key_flow = c->in_key_flow;
    w->packets = (uint8_t)c->packets;
    w->in_key = c->in_key;
    w->src_addr = c->src;
    w->dst_addr = c->dst;
}

struct tunnel_map *tunnel_map_create(void)
{
    struct tunnel_map *m = xzalloc(sizeof *m);
    hmap_init(&m->entries);
    return m;
}

void tunnel_map_destroy(struct tunnel_map *m)
{
    if (m) {
        struct entry *e;
        HMAP_FOR_EACH_SAFE (e, node, &m->entries) {
            hmap_remove(&m->entries, &e->node);
            free(e);
        }
        hmap_fini(&m->entries);
        free(m);
    }
}

void tunnel_map_add(struct tunnel_map *m, const struct tunnel_config *c, const void *owner, uint32_t dp_port,
                    const void *port)
{
    struct entry *e = xzalloc(sizeof *e);
    describe(c, owner, dp_port, &e->what);
    e->port = port;
    hmap_insert(&m->entries, &e->node, hash_what(&e->what));
    m->n[class_of(&e->what)][e->what.packets]++;
}

static const void *find(const struct tunnel_map *m, const struct what *w)
{
    const struct entry *e;
    if (m->n[class_of(w)][w->packets]) {
        HMAP_FOR_EACH_WITH_HASH (e, node, hash_what(w), &m->entries) {
            if (!memcmp(&e->what, w, sizeof *w)) {
                return e->port;
            }
        }
    }
    return NULL;
}

const void *tunnel_map_find(const struct tunnel_map *m, const void *owner, const struct flow_key *key)
{
    struct ipv6_addr local = tunnel_address_of(key->tun_dst, &key->tun_ipv6_dst);
    struct ipv6_addr remote = tunnel_address_of(key->tun_src, &key->tun_ipv6_src);
    const uint8_t kinds[] = {key->packet_type == FLOW_PT_ETH ? TUNNEL_L2 : TUNNEL_L3, TUNNEL_PTAP};
    struct what w;
    memset(&w, 0, sizeof w);
    w.owner = owner;
    w.dp_port = key->in_port;
    for (unsigned key_flow = 0; key_flow < 2; key_flow++) {
        w.key_flow = (uint8_t)key_flow;
        w.in_key = key_flow ? 0 : key->tun_id;
        for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
            w.src = order[i].src;
            w.dst = order[i].dst;
            w.src_addr = w.src == ASK_CONFIGURED ? local : (struct ipv6_addr){.be32 = {0}};
            w.dst_addr = w.dst == ASK_CONFIGURED ? remote : (struct ipv6_addr){.be32 = {0}};
            for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                w.packets = kinds[k];
                const void *port = find(m, &w);
                if (port) {
                    return port;
                }
            }
        }
    }
    return NULL;
}

bool tunnel_config_matches_alike(const struct tunnel_config *a, const struct tunnel_config *b)
{
    struct what wa, wb;
    describe(a, NULL, 0, &wa);
    describe(b, NULL, 0, &wb);
    return !memcmp(&wa, &wb, sizeof wa);
}
