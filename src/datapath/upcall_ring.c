/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/upcall_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"

/* A record: this header, then userdata, actions, tunnel and packet bytes, each padded to 8. Records begin on
 * cache lines, since descriptors are copied by vectors, and are contiguous: where the end of the memory is
 * too near, a record without a body (`size` to the end, `is_gap`) fills it up. */
struct record {
    uint32_t size; /* header included */
    uint8_t is_gap;
    uint8_t type;
    uint16_t userdata_len;
    uint32_t out_tunnel_port;
    uint32_t n_actions;
    struct packet meta; /* its third line is part of the record only for a packet that needs it */
};
static size_t header_size(const struct packet *p)
{
    return offsetof(struct record, meta) +
           (p->flags & PACKET_F_CT_ORIG ? sizeof(struct packet) : PACKET_DESCRIPTOR_SIZE);
}
#define GAP_SIZE offsetof(struct record, type)
#define PAD(N)   ROUND_UP((size_t)(N), 8)

struct upcall_ring *upcall_ring_create(uint32_t port_no)
{
    struct upcall_ring *r = xzalloc(sizeof *r);
    r->port_no = port_no;
    r->bytes = mmap(NULL, UPCALL_RING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r->bytes == MAP_FAILED) {
        out_of_memory();
    }
    return r;
}

void upcall_ring_destroy(struct upcall_ring *r)
{
    if (r) {
        munmap(r->bytes, UPCALL_RING_BYTES);
        free(r);
    }
}

static uint8_t *append(uint8_t *p, const void *data, size_t n)
{
    if (n) {
        memcpy(p, data, n);
    }
    return p + PAD(n);
}

bool upcall_ring_push(struct upcall_ring *r, const struct packet *packet, const struct upcall_item *item)
{
    size_t tunnel = packet->tunnel ? sizeof *packet->tunnel : 0;
    size_t size = ROUND_UP(header_size(packet) + PAD(item->userdata_len) + PAD(item->n_actions) +
                               PAD(tunnel) + PAD(packet->len),
                           CACHE_LINE_SIZE);
    uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint32_t used = head - atomic_load_explicit(&r->tail, memory_order_acquire);
    uint32_t at = head & (UPCALL_RING_BYTES - 1);
    uint32_t gap = size > UPCALL_RING_BYTES - at ? UPCALL_RING_BYTES - at : 0;
    if (item->userdata_len > sizeof((struct dp_upcall *)0)->userdata ||
        size + gap > UPCALL_RING_BYTES - used) {
        return false;
    }
    if (gap) {
        struct record mark = {.size = gap, .is_gap = 1};
        memcpy(r->bytes + at, &mark, MIN(gap, GAP_SIZE));
        head += gap;
        at = 0;
    }
    struct record *rec = (struct record *)(void *)(r->bytes + at);
    rec->size = (uint32_t)size;
    rec->is_gap = 0;
    rec->type = (uint8_t)item->type;
    rec->userdata_len = item->userdata_len;
    rec->out_tunnel_port = item->out_tunnel_port;
    rec->n_actions = item->n_actions;
    memcpy(&rec->meta, packet, PACKET_DESCRIPTOR_SIZE);
    if (packet->flags & PACKET_F_CT_ORIG) {
        rec->meta.ct_orig = packet->ct_orig;
    }
    uint8_t *p = r->bytes + at + header_size(packet);
    p = append(p, item->userdata, item->userdata_len);
    p = append(p, item->actions, item->n_actions);
    p = append(p, packet->tunnel, tunnel);
    append(p, packet->data, packet->len);
    atomic_store_explicit(&r->head, head + (uint32_t)size, memory_order_release);
    return true;
}

int upcall_ring_pop(struct upcall_ring *r, struct packet_pool *pool, struct dp_upcall *upcall)
{
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&r->head, memory_order_acquire)) {
        return EAGAIN;
    }
    struct record *rec = (struct record *)(void *)(r->bytes + (tail & (UPCALL_RING_BYTES - 1)));
    if (rec->is_gap) {
        tail += rec->size;
        rec = (struct record *)(void *)r->bytes;
    }
    struct packet *packet = packet_alloc(pool, rec->meta.len);
    if (!packet) {
        return ENOMEM;
    }
    packet_copy_metadata(packet, &rec->meta);
    upcall->type = (enum dp_upcall_type)rec->type;
    upcall->packet = packet;
    upcall->userdata_len = rec->userdata_len;
    upcall->out_tunnel_port = rec->out_tunnel_port;
    upcall->n_actions = rec->n_actions;
    const uint8_t *p = (const uint8_t *)rec + header_size(&rec->meta);
    memcpy(upcall->userdata, p, rec->userdata_len);
    p += PAD(rec->userdata_len);
    upcall->actions = rec->n_actions ? xmemdup(p, rec->n_actions) : NULL;
    p += PAD(rec->n_actions);
    if (rec->meta.tunnel) {
        packet_set_tunnel(packet, (const struct packet_tunnel *)(const void *)p);
        p += PAD(sizeof *packet->tunnel);
    }
    memcpy(packet->data, p, rec->meta.len);
    atomic_store_explicit(&r->tail, tail + rec->size, memory_order_release);
    return 0;
}

unsigned upcall_ring_count(const struct upcall_ring *r)
{
    uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    unsigned n = 0;
    for (uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed); tail != head;) {
        const struct record *rec =
            (const struct record *)(const void *)(r->bytes + (tail & (UPCALL_RING_BYTES - 1)));
        n += !rec->is_gap;
        tail += rec->size;
    }
    return n;
}
