/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/neigh.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "base/strbuf.h"

#define BRIDGE_NAME  64
#define ASK_AGAIN_MS 1000 /* between two requests for one address */
#define NOTE_MS      2000 /* for how long a reply is waited for */

struct neighbour {
    struct hmap_node node;
    char bridge[BRIDGE_NAME];
    struct ipv6_addr address;
    struct eth_addr mac;
    bool known;  /* false: a note that it was asked for */
    bool wanted; /* somebody asked */
    int64_t expires_ms;
    int64_t asked_ms;
};

struct tunnel_neighbours {
    pthread_mutex_t lock;
    struct hmap table;
    unsigned aging_ms;
    tunnel_neigh_changed_fn *changed;
    void *aux;
};

struct tunnel_neighbours *tunnel_neighbours_create(tunnel_neigh_changed_fn *changed, void *aux)
{
    struct tunnel_neighbours *t = xzalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    hmap_init(&t->table);
    t->aging_ms = TUNNEL_NEIGH_AGING_S * 1000;
    t->changed = changed;
    t->aux = aux;
    return t;
}

void tunnel_neighbours_destroy(struct tunnel_neighbours *t)
{
    if (t) {
        struct neighbour *n;
        HMAP_FOR_EACH_SAFE (n, node, &t->table) {
            hmap_remove(&t->table, &n->node);
            free(n);
        }
        hmap_fini(&t->table);
        pthread_mutex_destroy(&t->lock);
        free(t);
    }
}

static uint32_t hash_of(const char *bridge, const struct ipv6_addr *a)
{
    return hash_bytes(a, sizeof *a, hash_string(bridge, 0));
}

static struct neighbour *find(struct tunnel_neighbours *t, const char *bridge, const struct ipv6_addr *a)
{
    struct neighbour *n;
    HMAP_FOR_EACH_WITH_HASH (n, node, hash_of(bridge, a), &t->table) {
        if (ipv6_addr_equal(&n->address, a) && !strcmp(n->bridge, bridge)) {
            return n;
        }
    }
    return NULL;
}

/* NULL: the table is full. */
static struct neighbour *add(struct tunnel_neighbours *t, const char *bridge, const struct ipv6_addr *a)
{
    if (hmap_count(&t->table) >= TUNNEL_NEIGH_MAX) {
        return NULL;
    }
    struct neighbour *n = xzalloc(sizeof *n);
    snprintf(n->bridge, sizeof n->bridge, "%s", bridge);
    n->address = *a;
    hmap_insert(&t->table, &n->node, hash_of(bridge, a));
    return n;
}

bool tunnel_neigh_lookup(struct tunnel_neighbours *t, const char *bridge, const struct ipv6_addr *a,
                         struct eth_addr *mac, bool *ask)
{
    int64_t now = clock_ms();
    *ask = true;
    pthread_mutex_lock(&t->lock);
    struct neighbour *n = find(t, bridge, a);
    bool known = n && n->known && n->expires_ms > now;
    if (!n) {
        n = add(t, bridge, a);
    }
    if (n) {
        n->wanted = true;
        if (known) {
            *mac = n->mac;
            n->expires_ms = now + t->aging_ms;
        } else {
            *ask = !n->asked_ms || now - n->asked_ms >= ASK_AGAIN_MS;
            n->asked_ms = *ask ? now : n->asked_ms;
            n->known = false;
            n->expires_ms = now + NOTE_MS;
        }
    }
    pthread_mutex_unlock(&t->lock);
    return known;
}

void tunnel_neigh_learn(struct tunnel_neighbours *t, const char *bridge, const struct ipv6_addr *a,
                        struct eth_addr mac)
{
    bool changed = false;
    pthread_mutex_lock(&t->lock);
    struct neighbour *n = find(t, bridge, a);
    if (!n &&
        hmap_count(&t->table) < TUNNEL_NEIGH_MAX / 2) { /* the other half is for those that are asked for */
        n = add(t, bridge, a);
    }
    if (n) {
        changed = n->wanted && (!n->known || memcmp(&n->mac, &mac, sizeof mac));
        n->known = true;
        n->mac = mac;
        n->asked_ms = 0;
        n->expires_ms = clock_ms() + t->aging_ms;
    }
    pthread_mutex_unlock(&t->lock);
    if (changed) {
        t->changed(t->aux);
    }
}

/* Those that are to go: all, or those whose time is over. */
static void drop(struct tunnel_neighbours *t, bool expired_only, const char *bridge)
{
    int64_t now = clock_ms();
    bool changed = false;
    struct neighbour *n;
    pthread_mutex_lock(&t->lock);
    HMAP_FOR_EACH_SAFE (n, node, &t->table) {
        if ((!expired_only || n->expires_ms <= now) && (!bridge || !strcmp(n->bridge, bridge))) {
            changed |= n->wanted;
            hmap_remove(&t->table, &n->node);
            free(n);
        }
    }
    pthread_mutex_unlock(&t->lock);
    if (changed) {
        t->changed(t->aux);
    }
}

void tunnel_neigh_flush(struct tunnel_neighbours *t, const char *bridge)
{
    drop(t, false, bridge);
}

void tunnel_neigh_run(struct tunnel_neighbours *t)
{
    drop(t, true, NULL);
}

void tunnel_neigh_set_aging(struct tunnel_neighbours *t, unsigned seconds)
{
    pthread_mutex_lock(&t->lock);
    t->aging_ms = seconds * 1000;
    pthread_mutex_unlock(&t->lock);
}

unsigned tunnel_neigh_aging(const struct tunnel_neighbours *t)
{
    return t->aging_ms / 1000;
}

void tunnel_neigh_show(struct tunnel_neighbours *t, struct strbuf *s)
{
    const struct neighbour *n;
    char address[TUNNEL_ADDRESS_SIZE];
    strbuf_puts(s, "IP                                            MAC                 Bridge\n");
    strbuf_puts(s, "==========================================================================\n");
    pthread_mutex_lock(&t->lock);
    HMAP_FOR_EACH (n, node, &t->table) {
        if (n->known) {
            const uint8_t *m = n->mac.ea;
            tunnel_address_format(&n->address, address);
            strbuf_printf(s, "%-46s%02x:%02x:%02x:%02x:%02x:%02x   %s", address, m[0], m[1], m[2], m[3], m[4],
                          m[5], n->bridge);
            strbuf_puts(s, n->expires_ms <= clock_ms() ? " STALE\n" : "\n");
        }
    }
    pthread_mutex_unlock(&t->lock);
}
