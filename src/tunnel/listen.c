/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/listen.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "flow/mask.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

struct listener {
    const void *owner;
    uint32_t dp_port;
    char name[TUNNEL_VPORT_NAME_SIZE];
    enum tunnel_kind kind;
    uint16_t dst_port;
    unsigned n_refs;
};

struct tunnel_listeners {
    pthread_rwlock_t lock;
    struct listener *listeners; /* in the order in which they came */
    size_t n, allocated;
    struct tunnel_device *devices;
    size_t n_devices;
    unsigned any; /* atomic: how many listeners there are */
};

struct tunnel_listeners *tunnel_listeners_create(void)
{
    struct tunnel_listeners *l = xzalloc(sizeof *l);
    pthread_rwlock_init(&l->lock, NULL);
    return l;
}

static void free_devices(struct tunnel_device *devices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tunnel_device_fini(&devices[i]);
    }
    free(devices);
}

void tunnel_listeners_destroy(struct tunnel_listeners *l)
{
    if (l) {
        free_devices(l->devices, l->n_devices);
        pthread_rwlock_destroy(&l->lock);
        free(l->listeners);
        free(l);
    }
}

/* LISP and plain UDP are not listened for in the reference's userspace; here they are. */
void tunnel_listen(struct tunnel_listeners *l, const void *owner, uint32_t dp_port, const char *name,
                   enum tunnel_kind kind, uint16_t dst_port)
{
    pthread_rwlock_wrlock(&l->lock);
    size_t i = 0;
    while (i < l->n && (l->listeners[i].owner != owner || l->listeners[i].dp_port != dp_port)) {
        i++;
    }
    if (i == l->n) {
        if (l->n == l->allocated) {
            l->listeners = x2nrealloc(l->listeners, &l->allocated, sizeof *l->listeners);
        }
        struct listener *new = &l->listeners[l->n++];
        *new = (struct listener){.owner = owner, .dp_port = dp_port, .kind = kind, .dst_port = dst_port};
        snprintf(new->name, sizeof new->name, "%s", name);
    }
    l->listeners[i].n_refs++;
    __atomic_store_n(&l->any, l->n, __ATOMIC_RELAXED);
    pthread_rwlock_unlock(&l->lock);
}

void tunnel_unlisten(struct tunnel_listeners *l, const void *owner, uint32_t dp_port)
{
    pthread_rwlock_wrlock(&l->lock);
    for (size_t i = 0; i < l->n; i++) {
        struct listener *x = &l->listeners[i];
        if (x->owner == owner && x->dp_port == dp_port && !--x->n_refs) {
            l->n--;
            memmove(x, x + 1, (l->n - i) * sizeof *x);
            break;
        }
    }
    __atomic_store_n(&l->any, l->n, __ATOMIC_RELAXED);
    pthread_rwlock_unlock(&l->lock);
}

bool tunnel_listeners_any(const struct tunnel_listeners *l, const void *owner)
{
    return __atomic_load_n(&l->any, __ATOMIC_RELAXED) > 0;
}

static bool same_device(const struct tunnel_device *a, const struct tunnel_device *b)
{
    if (strcmp(a->name, b->name) || memcmp(&a->mac, &b->mac, sizeof a->mac) || a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (a->addresses[i].plen != b->addresses[i].plen ||
            !ipv6_addr_equal(&a->addresses[i].address, &b->addresses[i].address)) {
            return false;
        }
    }
    return true;
}

bool tunnel_listeners_set_devices(struct tunnel_listeners *l, struct tunnel_device *devices, size_t n)
{
    pthread_rwlock_wrlock(&l->lock);
    bool same = n == l->n_devices;
    for (size_t i = 0; same && i < n; i++) {
        same = same_device(&devices[i], &l->devices[i]);
    }
    struct tunnel_device *old = l->devices;
    size_t n_old = l->n_devices;
    l->devices = devices;
    l->n_devices = n;
    pthread_rwlock_unlock(&l->lock);
    free_devices(old, n_old);
    return !same;
}

/* ---- lookup ---- */

static bool device_has(const struct tunnel_device *d, const struct ipv6_addr *a)
{
    for (size_t i = 0; i < d->n; i++) {
        if (ipv6_addr_equal(&d->addresses[i].address, a)) {
            return true;
        }
    }
    return false;
}

static bool some_device(const struct tunnel_listeners *l, const struct eth_addr *mac,
                        const struct ipv6_addr *a)
{
    for (size_t i = 0; i < l->n_devices; i++) {
        const struct tunnel_device *d = &l->devices[i];
        if (!memcmp(&d->mac, mac, sizeof *mac) && d->n && (!a || device_has(d, a))) {
            return true;
        }
    }
    return false;
}

/* Bits of a port that tell it from all that are listened on. */
static be16 port_bits(const struct tunnel_listeners *l, be16 port)
{
    uint16_t mask = 0x8000;
    for (size_t i = 0; i < l->n; i++) {
        uint16_t differs = (uint16_t)(CONST_BE16(port) ^ l->listeners[i].dst_port);
        if (tunnel_kinds[l->listeners[i].kind].has_port) {
            unsigned same = differs ? (unsigned)__builtin_clz(differs) - 16 : 15;
            mask |= (uint16_t)(0xffff0000u >> (same + 1));
        }
    }
    return CONST_BE16(mask);
}

static uint32_t find(const struct tunnel_listeners *l, const void *owner, const struct flow_key *key,
                     struct flow_key *wc)
{
    flow_wc_set(wc, dl_dst);
    if (!some_device(l, &key->dl_dst, NULL)) {
        return UINT32_MAX;
    }
    wc->vlans[0].tci = UINT16_MAX;
    if (key->vlans[0].tci || !flow_key_is_ip(key)) {
        return UINT32_MAX;
    }
    bool v4 = key->dl_type == CONST_BE16(ETH_TYPE_IPV4);
    struct ipv6_addr dst = v4 ? tunnel_address_v4(key->nw_dst) : key->ipv6_dst;
    flow_wc_set(wc, nw_proto);
    if (v4) {
        flow_wc_set(wc, nw_dst);
    } else {
        flow_wc_set(wc, ipv6_dst);
    }
    wc->nw_frag = FLOW_NW_FRAG_ANY | FLOW_NW_FRAG_LATER;
    if (key->nw_frag || !some_device(l, &key->dl_dst, &dst)) {
        return UINT32_MAX;
    }
    bool has_port = key->nw_proto == IP_PROTO_UDP || key->nw_proto == IP_PROTO_TCP;
    if (has_port) {
        wc->tp_dst |= port_bits(l, key->tp_dst);
    }
    for (size_t i = 0; i < l->n; i++) {
        const struct listener *x = &l->listeners[i];
        const struct tunnel_kind_info *info = &tunnel_kinds[x->kind];
        if (x->owner == owner && info->proto == key->nw_proto &&
            (!info->has_port || CONST_BE16(x->dst_port) == key->tp_dst)) {
            if (has_port) {
                flow_wc_set(wc, tp_dst);
            }
            return x->dp_port;
        }
    }
    return UINT32_MAX;
}

uint32_t tunnel_listeners_find(struct tunnel_listeners *l, const void *owner, const struct flow_key *key,
                               struct flow_key *wc)
{
    pthread_rwlock_rdlock(&l->lock);
    uint32_t dp_port = l->n && l->n_devices ? find(l, owner, key, wc) : UINT32_MAX;
    pthread_rwlock_unlock(&l->lock);
    return dp_port;
}

bool tunnel_listeners_has_address(struct tunnel_listeners *l, const char *name, const struct ipv6_addr *a)
{
    bool found = false;
    pthread_rwlock_rdlock(&l->lock);
    for (size_t i = 0; i < l->n_devices && !found; i++) {
        found = !strcmp(l->devices[i].name, name) && device_has(&l->devices[i], a);
    }
    pthread_rwlock_unlock(&l->lock);
    return found;
}

bool tunnel_listeners_mac(struct tunnel_listeners *l, const char *name, struct eth_addr *mac)
{
    bool found = false;
    pthread_rwlock_rdlock(&l->lock);
    for (size_t i = 0; i < l->n_devices && !found; i++) {
        if (!strcmp(l->devices[i].name, name)) {
            *mac = l->devices[i].mac;
            found = true;
        }
    }
    pthread_rwlock_unlock(&l->lock);
    return found;
}

bool tunnel_listeners_has_device(struct tunnel_listeners *l, const char *name)
{
    struct eth_addr mac;
    return tunnel_listeners_mac(l, name, &mac);
}

/* ---- tnl/ports/show ---- */

static void show_match(const struct listener *x, const struct tunnel_device *d,
                       const struct ipv6_addr *address, struct strbuf *s)
{
    const struct tunnel_kind_info *info = &tunnel_kinds[x->kind];
    const uint8_t *m = d->mac.ea;
    bool v4 = ipv6_addr_is_v4mapped(address);
    char text[TUNNEL_ADDRESS_SIZE];
    tunnel_address_format(address, text);
    strbuf_printf(
        s, "%s (%u) : eth(dst=%02x:%02x:%02x:%02x:%02x:%02x),eth_type(0x%04x),%s(dst=%s,proto=%u,frag=no)",
        x->name, x->dp_port, m[0], m[1], m[2], m[3], m[4], m[5], v4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6,
        v4 ? "ipv4" : "ipv6", text, info->proto);
    if (info->has_port) {
        strbuf_printf(s, ",%s(dst=%u)", info->proto == IP_PROTO_TCP ? "tcp" : "udp", x->dst_port);
    }
    strbuf_put_char(s, '\n');
}

/* Of several vports that the same packets are for, the first one has them. */
static bool is_first(const struct tunnel_listeners *l, size_t i)
{
    const struct listener *x = &l->listeners[i];
    for (size_t j = 0; j < i; j++) {
        const struct listener *y = &l->listeners[j];
        if (y->owner == x->owner && tunnel_kinds[y->kind].proto == tunnel_kinds[x->kind].proto &&
            (!tunnel_kinds[x->kind].has_port || x->dst_port == y->dst_port)) {
            return false;
        }
    }
    return true;
}

void tunnel_listeners_show(struct tunnel_listeners *l, bool verbose, struct strbuf *s)
{
    strbuf_puts(s, "Listening ports:\n");
    pthread_rwlock_rdlock(&l->lock);
    for (size_t i = 0; i < l->n; i++) {
        const struct listener *x = &l->listeners[i];
        if (!verbose) {
            strbuf_printf(s, "%s (%u) ref_cnt=%u\n", x->name, x->dp_port, x->n_refs);
            continue;
        }
        for (size_t d = 0; is_first(l, i) && d < l->n_devices; d++) {
            for (size_t a = 0; a < l->devices[d].n; a++) {
                show_match(x, &l->devices[d], &l->devices[d].addresses[a].address, s);
            }
        }
    }
    pthread_rwlock_unlock(&l->lock);
}
