/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. A packet on its way: a descriptor of two cache lines and the bytes it points to. A third line is
 * touched by tracked packets only.
 *
 * A packet is linear: `len` bytes at `data`, with at least PACKET_HEADROOM bytes in front when it is
 * received. It belongs to the pool that it came from (struct packet_pool: 2 KiB and 68 KiB buffers; other
 * owners such as AF_XDP frames and DPDK mbufs are pools of their own kind) and is freed to it, a batch in one
 * call.
 *
 * Thread-safety: none. A packet and its pool belong to one thread; to change threads it is copied. */
#ifndef PACKET_PACKET_H
#define PACKET_PACKET_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/types.h"
#include "packet/drop.h"

#define PACKET_HEADROOM   192
#define PACKET_SMALL_SIZE 2048        /* buffer bytes, headroom included */
#define PACKET_LARGE_SIZE (68 * 1024) /* takes a 64 KiB segment with headers and headroom */
#define PACKET_NO_OFFSET  UINT16_MAX
#define PACKET_NO_PORT    UINT32_MAX

struct packet_pool;

/* What is known of the layer-4 checksum (innermost, or where csum_start says). */
enum packet_csum {
    PACKET_CSUM_UNKNOWN, /* nobody looked: as received from a wire */
    PACKET_CSUM_GOOD,    /* verified, or never left this host's memory */
    PACKET_CSUM_PARTIAL, /* the field holds the pseudo header's sum; the rest, from csum_start, is to be added
                          */
};

/* Values as <linux/virtio_net.h>'s gso_type, without the ECN bit. */
enum packet_gso {
    PACKET_GSO_NONE = 0,
    PACKET_GSO_TCPV4 = 1,
    PACKET_GSO_UDP = 3, /* UDP fragmentation (UFO) */
    PACKET_GSO_TCPV6 = 4,
    PACKET_GSO_UDP_L4 = 5,
};

/* The tunnel that a packet came out of, or is to be sent into. The layout of `block` is the flow key's tunnel
 * block (flow/key.h, a floor up), so it is carried as bytes here. Out of line, in memory of the packet's
 * pool; freed with the packet. */
struct packet_tunnel {
    uint64_t block[8];
    uint32_t erspan_idx;
    uint8_t opts_len; /* bytes of `opts` in use */
    uint8_t opts[255];
};

/* The original direction of a packet's connection (conntrack/). IPv4 in be32[0]. */
struct packet_ct_orig {
    struct ipv6_addr src, dst;
    be16 tp_src, tp_dst; /* ICMP: type and code */
    uint8_t proto;
    uint8_t is_ipv6;
};

struct packet {
    /* Line 0: what every stage touches. */
    uint8_t *data;    /* first byte */
    uint32_t len;     /* bytes at `data` */
    uint32_t in_port; /* datapath port number of the vport that it came in by, or PACKET_NO_PORT */
    uint32_t recirc_id;
    uint32_t hash;     /* of addresses and ports, for spreading; 0: not computed */
    be32 packet_type;  /* FLOW_PT_*: 0 is Ethernet */
    uint32_t mark;     /* skb_mark */
    uint16_t l2_5_ofs; /* offsets from `data`, PACKET_NO_OFFSET: not there. MPLS label stack */
    uint16_t l3_ofs;
    uint16_t l4_ofs;
    uint16_t key_blocks; /* of the extracted key (flow/key.h) */
    uint16_t ct_state;
    uint16_t ct_zone;
    uint8_t csum;                 /* enum packet_csum */
    uint8_t gso_type;             /* enum packet_gso */
    uint8_t gso_ecn;              /* VIRTIO_NET_HDR_GSO_ECN was set */
    uint8_t flags;                /* PACKET_F_* */
    struct packet_tunnel *tunnel; /* NULL: none */
    struct packet_pool *pool;

    /* Line 1: rarer. */
    uint8_t *buf;      /* start of the buffer; headroom is data - buf */
    uint32_t buf_size; /* bytes at `buf` */
    uint32_t cutlen;   /* bytes to cut off at the next output (truncate action); 0: none */
    uint64_t owner;    /* the pool's own business: an AF_XDP frame address, an mbuf */
    uint32_t priority; /* skb_priority */
    uint32_t dp_hash;
    uint32_t ct_mark;
    uint16_t csum_start;  /* from `data`; valid with PACKET_CSUM_PARTIAL or GSO */
    uint16_t csum_offset; /* of the checksum field from csum_start */
    uint16_t gso_size;    /* payload bytes of a segment */
    uint16_t gso_hdr_len; /* headers that each segment repeats, from `data` */
    uint16_t mru;         /* maximum receive unit of a reassembled packet; 0: none */
    uint16_t pad;
    be128 ct_label; /* line 1 ends behind it */

    /* Line 2: neither cleared nor copied without PACKET_F_CT_ORIG. */
    struct packet_ct_orig ct_orig;
} CACHE_ALIGNED;

#define PACKET_DESCRIPTOR_SIZE 128 /* what is there for every packet */
_Static_assert(offsetof(struct packet, ct_orig) == PACKET_DESCRIPTOR_SIZE, "a descriptor is two cache lines");
_Static_assert(offsetof(struct packet, buf) == 64, "rarer members start the second line");

#define PACKET_F_CT_ORIG 0x01 /* ct_orig is there */
#define PACKET_F_LARGE   0x02 /* the buffer is of the 68 KiB class */

static inline uint32_t packet_headroom(const struct packet *p)
{
    return (uint32_t)(p->data - p->buf);
}
static inline uint32_t packet_tailroom(const struct packet *p)
{
    return p->buf_size - packet_headroom(p) - p->len;
}
/* N bytes more at the front; the caller checked the headroom. Offsets are the caller's to mend. */
static inline uint8_t *packet_push(struct packet *p, uint32_t n)
{
    p->data -= n;
    p->len += n;
    return p->data;
}
static inline void packet_pull(struct packet *p, uint32_t n)
{
    p->data += n;
    p->len -= n;
}
static inline uint8_t *packet_at(const struct packet *p, uint16_t ofs)
{
    return p->data + ofs;
}
/* Bytes from OFS to the end. */
static inline uint32_t packet_room_from(const struct packet *p, uint16_t ofs)
{
    return ofs <= p->len ? p->len - ofs : 0;
}

/* A burst of packets, of one thread. */
#define BATCH_SIZE 32
struct packet_batch {
    uint32_t n;
    bool truncated; /* some packet has a cutlen */
    struct packet *packets[BATCH_SIZE];
};

static inline void batch_init(struct packet_batch *b)
{
    b->n = 0;
    b->truncated = false;
}
static inline void batch_add(struct packet_batch *b, struct packet *p)
{
    b->packets[b->n++] = p;
}
static inline bool batch_is_full(const struct packet_batch *b)
{
    return b->n >= BATCH_SIZE;
}
#define BATCH_FOR_EACH(P, B)                                                                                 \
    for (uint32_t batch_i__ = 0; batch_i__ < (B)->n && ((P) = (B)->packets[batch_i__], true); batch_i__++)

/* A pool of buffers and their descriptors, of one thread, in huge pages where the host has them. It grows in
 * chunks up to a limit and never gives memory back before it is destroyed; taking and giving is a few
 * instructions. packet_pool_create_heap(): no chunks, no limit, malloc a packet: for the control thread and
 * tests, so that AddressSanitizer sees each packet's bounds. */
struct packet_pool *packet_pool_create(uint32_t max_small, uint32_t max_large);
struct packet_pool *packet_pool_create_heap(void);
/* Takes the first chunk of each size from the host now, and touches it: the first packet does not wait the
 * milliseconds that the host needs to find huge pages. */
void packet_pool_warm(struct packet_pool *);
void packet_pool_destroy(struct packet_pool *); /* every packet must be back */
size_t packet_pool_in_use(const struct packet_pool *);
size_t packet_pool_bytes(const struct packet_pool *);

/* A packet with LEN indeterminate bytes behind PACKET_HEADROOM, all metadata cleared (offsets
 * PACKET_NO_OFFSET, in_port PACKET_NO_PORT). NULL if the pool is exhausted. */
struct packet *packet_alloc(struct packet_pool *, uint32_t len);
struct packet *packet_from_bytes(struct packet_pool *, const void *, uint32_t len);
/* Bytes, offsets and metadata; into POOL, NULL if it is exhausted. The tunnel metadata is copied too. */
struct packet *packet_clone(struct packet_pool *, const struct packet *);
/* Makes HEADROOM bytes of room in front, moving to a larger buffer if need be; ENOMEM if it cannot be had. */
int packet_reserve_headroom(struct packet *, uint32_t headroom);
/* The same behind the last byte. */
int packet_reserve_tailroom(struct packet *, uint32_t tailroom);

/* DST gets SRC's offsets and metadata, but not what belongs to its buffer, nor the tunnel. */
void packet_copy_metadata(struct packet *dst, const struct packet *src);

/* Gives the packet a copy of TUNNEL, or takes it away (NULL). ENOMEM if the pool has no memory for it. */
int packet_set_tunnel(struct packet *, const struct packet_tunnel *);

/* Frees: the caller has counted the drop, or the packet was sent. packet_free(NULL) is legal. */
void packet_free(struct packet *);
void batch_free(struct packet_batch *);

/* Clears metadata that describes an earlier life: for a packet that enters the datapath anew. */
void packet_reset_metadata(struct packet *);

#endif
