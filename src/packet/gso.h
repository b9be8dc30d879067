/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. Segmentation in software: cuts a packet with gso_type into packets that a wire can carry.
 *
 *   TCPV4, TCPV6   TCP segments (flags, sequence numbers, IP ids)
 *   UDP_L4         UDP datagrams (USO)
 *   UDP            IP fragments of one datagram (UFO)
 *
 * TCP segmentation is found inside of tunnels too, and that is the trap: a host's own VXLAN traffic arrives
 * marked as plain TCP segmentation, with nothing but csum_start to say that the TCP header meant is not the
 * first. Headers are parsed here, from the front, until the layer-4 header at csum_start is reached: through
 * VLAN tags, IPv6 extension headers, UDP with VXLAN (GPE too) or Geneve behind it, GRE, IP in IP. Every
 * length, id and checksum on the way is mended for each segment. What the device says of header lengths is
 * not believed.
 *
 *     struct gso g;
 *     enum drop_reason why = gso_begin(&g, packet, pool, false);
 *     while (!why && gso_next(&g, &batch)) { send and consume the batch }
 *     why = why ? why : g.error;
 *     packet_free(packet);
 *
 * Thread-safety: whoever owns the packet and the pool. */
#ifndef PACKET_GSO_H
#define PACKET_GSO_H 1

#include "packet/packet.h"

#define GSO_MAX_LAYERS 8 /* headers with a length or checksum in them, outermost first */
#define GSO_MIN_SIZE   8 /* of a TCP segment: smaller ones multiply packets at the sender's will */
#define GSO_MAX_UDP    128

struct gso_layer {
    uint8_t kind; /* enum in gso.c */
    uint16_t ofs; /* from the packet's first byte */
    uint16_t l3;  /* of UDP and TCP: index of its IP layer */
};

struct gso {
    const struct packet *packet; /* the caller's; stays whole */
    struct packet_pool *pool;
    uint16_t hdr_len; /* bytes that each segment repeats */
    uint16_t size;    /* payload bytes of each segment but the last */
    uint32_t ofs;     /* payload bytes done */
    uint32_t index;   /* of the next segment */
    uint32_t n_segments;
    enum drop_reason error; /* DROP_NO_MEMORY: the pool was empty, and the rest was not made */
    bool leave_partial;     /* TCP and UDP_L4: leave checksums partial for the egress */
    bool fragments;         /* UFO */
    uint16_t csum_start;
    be16 ufo_csum;
    uint32_t frag_id;
    uint8_t n_layers;
    struct gso_layer layers[GSO_MAX_LAYERS];
};

/* PACKET, which has a gso_type, will be cut into packets from POOL. LEAVE_PARTIAL: the egress completes
 * partial checksums (of the innermost layer 4; others are always done here). DROP_GSO if it cannot be cut. */
enum drop_reason gso_begin(struct gso *, const struct packet *, struct packet_pool *, bool leave_partial);

/* Fills the empty BATCH; false when there are no more. Segments have no gso_type; their metadata is PACKET's.
 */
bool gso_next(struct gso *, struct packet_batch *);

/* Is the segment that csum_start speaks of inside of a tunnel (so that no device understands gso_type alone)?
 */
bool gso_is_tunneled(const struct packet *);

#endif
