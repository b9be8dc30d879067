/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/route.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A sorted array: there are few, and they are looked at by the slow path alone. */
struct tunnel_routes {
    pthread_rwlock_t lock;
    struct tunnel_route *routes; /* longest prefix first; IPv4's count as IPv6's that map them */
    size_t n, allocated;
};

struct tunnel_routes *tunnel_routes_create(void)
{
    struct tunnel_routes *r = xzalloc(sizeof *r);
    pthread_rwlock_init(&r->lock, NULL);
    return r;
}

void tunnel_routes_destroy(struct tunnel_routes *r)
{
    if (r) {
        pthread_rwlock_destroy(&r->lock);
        free(r->routes);
        free(r);
    }
}

/* A should be found before B. A user's word is above the host's. */
static bool before(const struct tunnel_route *a, const struct tunnel_route *b)
{
    if (a->plen != b->plen) {
        return a->plen > b->plen;
    }
    if (a->user != b->user) {
        return a->user;
    }
    return a->metric < b->metric;
}

static bool alike(const struct tunnel_route *a, const struct tunnel_route *b)
{
    return a->plen == b->plen && a->mark == b->mark && a->user == b->user && a->metric == b->metric &&
           ipv6_addr_equal(&a->prefix, &b->prefix);
}

static void insert(struct tunnel_routes *r, const struct tunnel_route *new)
{
    size_t i = 0;
    while (i < r->n && !alike(&r->routes[i], new)) {
        i++;
    }
    if (i < r->n) {
        r->routes[i] = *new;
        return;
    }
    if (r->n == r->allocated) {
        r->routes = x2nrealloc(r->routes, &r->allocated, sizeof *r->routes);
    }
    for (i = 0; i < r->n && !before(new, &r->routes[i]); i++) {
    }
    memmove(r->routes + i + 1, r->routes + i, (r->n - i) * sizeof *r->routes);
    r->routes[i] = *new;
    r->n++;
}

bool tunnel_routes_add(struct tunnel_routes *r, const struct tunnel_route *route)
{
    struct tunnel_route new = *route;
    tunnel_prefix_clear(&new.prefix, new.plen);
    if (ipv6_addr_is_zero(&new.source)) {
        struct tunnel_device device;
        bool by_gateway = !ipv6_addr_is_zero(&route->gateway);
        const struct ipv6_addr *source = NULL;
        if (tunnel_device_read(new.device, &device)) {
            source = tunnel_device_source(&device, by_gateway ? &route->gateway : &route->prefix);
            if (source) {
                new.source = *source;
            }
        }
        tunnel_device_fini(&device);
        if (!source) {
            return false;
        }
    }
    pthread_rwlock_wrlock(&r->lock);
    insert(r, &new);
    pthread_rwlock_unlock(&r->lock);
    return true;
}

static void remove_at(struct tunnel_routes *r, size_t i)
{
    r->n--;
    memmove(r->routes + i, r->routes + i + 1, (r->n - i) * sizeof *r->routes);
}

bool tunnel_routes_del(struct tunnel_routes *r, const struct ipv6_addr *prefix, unsigned plen, uint32_t mark)
{
    struct tunnel_route like = {.prefix = *prefix, .plen = plen, .mark = mark, .user = true};
    bool found = false;
    tunnel_prefix_clear(&like.prefix, plen);
    pthread_rwlock_wrlock(&r->lock);
    for (size_t i = 0; i < r->n && !found; i++) {
        if (alike(&r->routes[i], &like)) {
            remove_at(r, i);
            found = true;
        }
    }
    pthread_rwlock_unlock(&r->lock);
    return found;
}

void tunnel_routes_flush_host(struct tunnel_routes *r)
{
    size_t kept = 0;
    pthread_rwlock_wrlock(&r->lock);
    for (size_t i = 0; i < r->n; i++) {
        if (r->routes[i].user) {
            r->routes[kept++] = r->routes[i];
        }
    }
    r->n = kept;
    pthread_rwlock_unlock(&r->lock);
}

bool tunnel_routes_lookup(struct tunnel_routes *r, const struct ipv6_addr *dst, uint32_t mark,
                          struct tunnel_route *found)
{
    bool ok = false;
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->n && !ok; i++) {
        const struct tunnel_route *route = &r->routes[i];
        if (route->mark == mark && tunnel_prefix_covers(&route->prefix, route->plen, dst) &&
            ipv6_addr_is_v4mapped(&route->source) == ipv6_addr_is_v4mapped(dst)) {
            *found = *route;
            ok = true;
        }
    }
    pthread_rwlock_unlock(&r->lock);
    return ok;
}

bool tunnel_routes_have_marks(struct tunnel_routes *r)
{
    bool some = false;
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->n && !some; i++) {
        some = r->routes[i].mark != 0;
    }
    pthread_rwlock_unlock(&r->lock);
    return some;
}

void tunnel_routes_for_each(struct tunnel_routes *r, void (*each)(const struct tunnel_route *, void *),
                            void *aux)
{
    pthread_rwlock_rdlock(&r->lock);
    for (size_t i = 0; i < r->n; i++) {
        each(&r->routes[i], aux);
    }
    pthread_rwlock_unlock(&r->lock);
}
