/* SPDX-License-Identifier: Apache-2.0 */
/* Pools. Each buffer stands behind its descriptor in one slot of a chunk of 2 MiB: the slot's size is no
 * power of two, so that slots do not fight for the same cache sets. Free slots are chained through their
 * descriptor's `tunnel` member; fresh slots of the newest chunk are carved in order, so that memory which
 * traffic never needs is never touched. */
#include "packet/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"

#define CHUNK_SIZE     (2u << 20) /* a huge page */
#define TUNNEL_CHUNK_N 128        /* packet_tunnel structures that are made at once */

enum pool_class {
    CLASS_SMALL,
    CLASS_LARGE,
    N_CLASSES
};

static const uint32_t class_sizes[N_CLASSES] = {PACKET_SMALL_SIZE, PACKET_LARGE_SIZE};

struct slot_class {
    struct packet *free; /* chained through `tunnel` */
    uint8_t *fresh;      /* slots of the newest chunk that were never used */
    uint8_t *fresh_end;
    uint32_t n_made, max;
};

struct chunk {
    struct chunk *next;
    uint8_t *memory; /* CHUNK_SIZE bytes of mmap(), or NULL */
    void *tunnels;   /* malloc'd packet_tunnel structures, or NULL */
};

/* A free packet_tunnel. */
struct free_tunnel {
    struct free_tunnel *next;
};

struct packet_pool {
    struct slot_class classes[N_CLASSES];
    struct free_tunnel *free_tunnels;
    struct chunk *chunks;
    size_t in_use;
    size_t bytes; /* of chunks; of a heap pool: of packets in use */
    bool heap;
};

/* A descriptor is cleared and copied by vectors, spelled out: left to itself, the compiler takes the
 * processor's string instructions, whose start alone costs more than the eight stores (46 cycles an
 * allocation, not 19). */
typedef uint64_t vector __attribute__((vector_size(16), may_alias));
#define DESCRIPTOR_VECTORS (PACKET_DESCRIPTOR_SIZE / sizeof(vector))

static ALWAYS_INLINE void copy_descriptor(struct packet *to, const struct packet *from)
{
    vector *t = (vector *)(void *)to;
    const vector *f = (const vector *)(const void *)from;
    vector v[DESCRIPTOR_VECTORS];
#pragma GCC unroll 8
    for (size_t i = 0; i < DESCRIPTOR_VECTORS; i++) {
        v[i] = f[i];
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < DESCRIPTOR_VECTORS; i++) {
        t[i] = v[i];
    }
}

/* A descriptor of a packet of which nothing is known. */
static ALWAYS_INLINE void clear_descriptor(struct packet *p, uint8_t *buf, uint32_t buf_size)
{
    vector *v = (vector *)(void *)p;
#pragma GCC unroll 8
    for (size_t i = 0; i < DESCRIPTOR_VECTORS; i++) {
        v[i] = (vector){0, 0};
    }
    p->in_port = PACKET_NO_PORT;
    p->l2_5_ofs = PACKET_NO_OFFSET;
    p->l3_ofs = PACKET_NO_OFFSET;
    p->l4_ofs = PACKET_NO_OFFSET;
    p->buf = buf;
    p->buf_size = buf_size;
}

struct packet_pool *packet_pool_create(uint32_t max_small, uint32_t max_large)
{
    struct packet_pool *pool = xzalloc_cacheline(sizeof *pool);
    pool->classes[CLASS_SMALL].max = max_small;
    pool->classes[CLASS_LARGE].max = max_large;
    return pool;
}

struct packet_pool *packet_pool_create_heap(void)
{
    struct packet_pool *pool = packet_pool_create(0, 0);
    pool->heap = true;
    return pool;
}

void packet_pool_destroy(struct packet_pool *pool)
{
    if (!pool) {
        return;
    }
    assert(!pool->in_use);
    while (pool->chunks) {
        struct chunk *c = pool->chunks;
        pool->chunks = c->next;
        if (c->memory) {
            munmap(c->memory, CHUNK_SIZE);
        }
        free(c->tunnels);
        free(c);
    }
    free(pool);
}

size_t packet_pool_in_use(const struct packet_pool *pool)
{
    return pool->in_use;
}

size_t packet_pool_bytes(const struct packet_pool *pool)
{
    return pool->bytes;
}

/* CHUNK_SIZE bytes aligned to CHUNK_SIZE, as huge pages want it; NULL if there is no memory. */
static uint8_t *map_chunk(void)
{
    uint8_t *p = mmap(NULL, 2 * CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    uint8_t *aligned = (uint8_t *)ROUND_UP((uintptr_t)p, CHUNK_SIZE);
    if (aligned > p) {
        munmap(p, (size_t)(aligned - p));
    }
    munmap(aligned + CHUNK_SIZE, (size_t)(p + CHUNK_SIZE - aligned));
    madvise(aligned, CHUNK_SIZE, MADV_HUGEPAGE); /* where the host has none, small pages do */
    return aligned;
}

static void add_chunk(struct packet_pool *pool, void *memory, void *tunnels, size_t bytes)
{
    struct chunk *c = xmalloc(sizeof *c);
    *c = (struct chunk){.next = pool->chunks, .memory = memory, .tunnels = tunnels};
    pool->chunks = c;
    pool->bytes += bytes;
}

/* CLASS's slots come from a new chunk now. False: there is no memory. */
static bool extend(struct packet_pool *pool, enum pool_class class)
{
    uint8_t *memory = map_chunk();
    if (!memory) {
        return false;
    }
    add_chunk(pool, memory, NULL, CHUNK_SIZE);
    pool->classes[class].fresh = memory;
    pool->classes[class].fresh_end = memory + CHUNK_SIZE;
    return true;
}

void packet_pool_warm(struct packet_pool *pool)
{
    for (int class = 0; !pool->heap && class < N_CLASSES; class ++) {
        struct slot_class *sc = &pool->classes[class];
        if (sc->max && !sc->fresh && extend(pool, class)) {
            memset(sc->fresh, 0, CHUNK_SIZE);
        }
    }
}

/* A slot that was never used, from a new chunk if need be; NULL: the class is at its limit. */
static struct packet *carve(struct packet_pool *pool, enum pool_class class)
{
    struct slot_class *sc = &pool->classes[class];
    uint32_t stride = (uint32_t)sizeof(struct packet) + class_sizes[class];
    if (sc->n_made >= sc->max) {
        return NULL;
    }
    if (sc->fresh + stride > sc->fresh_end && !extend(pool, class)) {
        return NULL;
    }
    struct packet *p = (struct packet *)(void *)sc->fresh;
    p->buf = sc->fresh + sizeof *p;
    sc->fresh += stride;
    sc->n_made++;
    return p;
}

static struct packet *alloc_heap(struct packet_pool *pool, uint32_t len)
{
    uint32_t size = PACKET_HEADROOM + len;
    struct packet *p = aligned_alloc(CACHE_LINE_SIZE, sizeof *p);
    uint8_t *buf = malloc(size);
    if (!p || !buf) {
        free(p);
        free(buf);
        return NULL;
    }
    clear_descriptor(p, buf, size);
    pool->bytes += size;
    return p;
}

struct packet *packet_alloc(struct packet_pool *pool, uint32_t len)
{
    struct packet *p;

    if (unlikely(len > PACKET_LARGE_SIZE - PACKET_HEADROOM)) {
        return NULL;
    }
    if (unlikely(pool->heap)) {
        p = alloc_heap(pool, len);
        if (!p) {
            return NULL;
        }
    } else {
        enum pool_class class = len <= PACKET_SMALL_SIZE - PACKET_HEADROOM ? CLASS_SMALL : CLASS_LARGE;
        struct slot_class *sc = &pool->classes[class];
        p = sc->free;
        if (likely(p != NULL)) {
            sc->free = (struct packet *)(void *)p->tunnel;
        } else if (!(p = carve(pool, class))) {
            return NULL;
        }
        clear_descriptor(p, p->buf, class_sizes[class]);
        p->flags = class == CLASS_LARGE ? PACKET_F_LARGE : 0;
    }
    p->data = p->buf + PACKET_HEADROOM;
    p->len = len;
    p->pool = pool;
    pool->in_use++;
    return p;
}

struct packet *packet_from_bytes(struct packet_pool *pool, const void *data, uint32_t len)
{
    struct packet *p = packet_alloc(pool, len);
    if (p && len) {
        memcpy(p->data, data, len);
    }
    return p;
}

void packet_copy_metadata(struct packet *dst, const struct packet *src)
{
    struct packet own;
    copy_descriptor(&own, dst);
    copy_descriptor(dst, src);
    dst->data = own.data;
    dst->len = own.len;
    dst->buf = own.buf;
    dst->buf_size = own.buf_size;
    dst->pool = own.pool;
    dst->owner = own.owner;
    dst->tunnel = own.tunnel;
    dst->flags = (uint8_t)((src->flags & ~PACKET_F_LARGE) | (own.flags & PACKET_F_LARGE));
    if (unlikely(src->flags & PACKET_F_CT_ORIG)) {
        dst->ct_orig = src->ct_orig;
    }
}

struct packet *packet_clone(struct packet_pool *pool, const struct packet *src)
{
    struct packet *p = packet_alloc(pool, src->len);
    if (!p) {
        return NULL;
    }
    packet_copy_metadata(p, src);
    memcpy(p->data, src->data, src->len);
    if (unlikely(src->tunnel != NULL) && packet_set_tunnel(p, src->tunnel)) {
        packet_free(p);
        return NULL;
    }
    return p;
}

static void free_tunnel(struct packet_pool *pool, struct packet_tunnel *t)
{
    if (pool->heap) {
        free(t);
    } else {
        struct free_tunnel *f = (struct free_tunnel *)(void *)t;
        f->next = pool->free_tunnels;
        pool->free_tunnels = f;
    }
}

static struct packet_tunnel *alloc_tunnel(struct packet_pool *pool)
{
    if (pool->heap) {
        return malloc(sizeof(struct packet_tunnel));
    }
    if (!pool->free_tunnels) {
        struct packet_tunnel *t = malloc(TUNNEL_CHUNK_N * sizeof *t);
        if (!t) {
            return NULL;
        }
        add_chunk(pool, NULL, t, TUNNEL_CHUNK_N * sizeof *t);
        for (int i = 0; i < TUNNEL_CHUNK_N; i++) {
            free_tunnel(pool, &t[i]);
        }
    }
    struct free_tunnel *f = pool->free_tunnels;
    pool->free_tunnels = f->next;
    return (struct packet_tunnel *)(void *)f;
}

int packet_set_tunnel(struct packet *p, const struct packet_tunnel *tunnel)
{
    if (!tunnel) {
        if (p->tunnel) {
            free_tunnel(p->pool, p->tunnel);
            p->tunnel = NULL;
        }
        return 0;
    }
    if (!p->tunnel && !(p->tunnel = alloc_tunnel(p->pool))) {
        return ENOMEM;
    }
    if (p->tunnel != tunnel) {
        memcpy(p->tunnel, tunnel, offsetof(struct packet_tunnel, opts) + tunnel->opts_len);
    }
    return 0;
}

static ALWAYS_INLINE void free_one(struct packet *p)
{
    struct packet_pool *pool = p->pool;
    pool->in_use--;
    if (unlikely(p->tunnel != NULL)) {
        free_tunnel(pool, p->tunnel);
    }
    if (unlikely(pool->heap)) {
        pool->bytes -= p->buf_size;
        free(p->buf);
        free(p);
    } else {
        struct slot_class *sc = &pool->classes[p->flags & PACKET_F_LARGE ? CLASS_LARGE : CLASS_SMALL];
        p->tunnel = (struct packet_tunnel *)(void *)sc->free;
        sc->free = p;
    }
}

void packet_free(struct packet *p)
{
    if (p) {
        free_one(p);
    }
}

void batch_free(struct packet_batch *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        free_one(b->packets[i]);
    }
    batch_init(b);
}

/* The packet moves into a buffer with HEADROOM bytes in front of it and TAILROOM behind. */
static int move(struct packet *p, uint32_t headroom, uint32_t tailroom)
{
    uint64_t size = (uint64_t)headroom + p->len + tailroom;
    if (size > PACKET_LARGE_SIZE) {
        return ENOMEM;
    }
    if (size <= p->buf_size) {
        p->data = memmove(p->buf + headroom, p->data, p->len);
        return 0;
    }
    if (p->pool->heap) {
        uint8_t *buf = malloc(size);
        if (!buf) {
            return ENOMEM;
        }
        p->data = memcpy(buf + headroom, p->data, p->len);
        free(p->buf);
        p->pool->bytes += size - p->buf_size;
        p->buf = buf;
        p->buf_size = (uint32_t)size;
        return 0;
    }
    /* The buffer of a large packet; that one gets ours, and goes back. Buffers may change descriptors: what
     * counts is the class, which travels with the buffer. */
    struct packet *q = packet_alloc(p->pool, PACKET_LARGE_SIZE - PACKET_HEADROOM);
    if (!q) {
        return ENOMEM;
    }
    uint8_t *old = p->buf;
    p->data = memcpy(q->buf + headroom, p->data, p->len);
    p->buf = q->buf;
    p->buf_size = q->buf_size;
    p->flags |= PACKET_F_LARGE;
    q->buf = old;
    q->flags = 0;
    packet_free(q);
    return 0;
}

int packet_reserve_headroom(struct packet *p, uint32_t headroom)
{
    if (likely(packet_headroom(p) >= headroom)) {
        return 0;
    }
    /* All the room that there is goes to the front. */
    uint64_t size = (uint64_t)headroom + p->len;
    return move(p, size <= p->buf_size ? p->buf_size - p->len : headroom, 0);
}

int packet_reserve_tailroom(struct packet *p, uint32_t tailroom)
{
    if (likely(packet_tailroom(p) >= tailroom)) {
        return 0;
    }
    return move(p, MIN(packet_headroom(p), PACKET_HEADROOM), tailroom);
}

void packet_reset_metadata(struct packet *p)
{
    packet_set_tunnel(p, NULL);
    p->in_port = PACKET_NO_PORT;
    p->recirc_id = 0;
    p->hash = 0;
    p->mark = 0;
    p->l2_5_ofs = p->l3_ofs = p->l4_ofs = PACKET_NO_OFFSET;
    p->key_blocks = 0;
    p->ct_state = 0;
    p->ct_zone = 0;
    p->flags &= PACKET_F_LARGE;
    p->cutlen = 0;
    p->priority = 0;
    p->dp_hash = 0;
    p->ct_mark = 0;
    p->mru = 0;
    memset(&p->ct_label, 0, sizeof p->ct_label);
}
