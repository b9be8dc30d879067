/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. STT, "A Stateless Transport Tunneling Protocol for Network Virtualization" (draft-davie-stt-08):
 * frames of up to 64 KiB behind a header that looks like TCP's, so that network cards cut and join them as
 * they do with TCP. The sequence number has the frame's length and the segment's place in it, the
 * acknowledgement number names the frame; nothing is acknowledged, nothing sent twice.
 *
 * Out, a frame becomes one packet that is marked for TCP segmentation; the egress, or packet/gso.h, cuts it.
 * What the frame itself still lacks (a checksum, its own segmentation) travels in the STT header and is done
 * by the other end, if at all. In, segments wait for each other here.
 *
 * stt_gather() any thread; all else whoever owns the packet. */
#ifndef TUNNEL_STT_H
#define TUNNEL_STT_H 1

#include "packet/packet.h"
#include "wire/tunnel.h"

struct outer;

/* ---- out ---- */

/* Must PACKET, which has a gso_type, be cut before? What the STT header can say of a frame is limited: TCP
 * segments that begin in the first 255 bytes, 64 KiB in all. */
bool stt_wants_segments(const struct packet *);

/* HEADER says what PACKET, a frame, is: its outermost VLAN tag, checksum and segmentation move there. */
enum drop_reason stt_describe(struct packet *, struct stt_header *);

/* PACKET has all its headers, TCP at L4, and nothing of them filled in but ports, flags and those of HEADER.
 * It is cut into packets of MTU bytes when it leaves. */
enum drop_reason stt_finish(struct packet *, uint32_t l3, uint32_t l4, uint32_t id, uint32_t mtu);

/* ---- in ---- */

struct stt_frames; /* those of which something is missing; at most STT_MAX_FRAMES */
#define STT_MAX_FRAMES 256
#define STT_TIMEOUT_MS 1000

struct stt_frames *stt_frames_create(void);
void stt_frames_destroy(struct stt_frames *); /* NULL is legal */

/* PACKET is an encapsulated packet. DROP_NONE: it was taken, and *WHOLE is a packet with a whole frame
 * (PACKET itself, or a new one from POOL), or NULL as long as something is missing. Another: it is still the
 * caller's. *LOST is the port that a frame came in by which had to make room, PACKET_NO_PORT if none. */
enum drop_reason stt_gather(struct stt_frames *, struct packet *, struct packet_pool *, int64_t now_ms,
                            struct packet **whole, uint32_t *lost);

/* Those whose time is over are forgotten; DROPPED is called for each with the port that it came in by. */
void stt_frames_sweep(struct stt_frames *, int64_t now_ms, void (*dropped)(uint32_t port, void *aux),
                      void *aux);

/* Behind the outer IP header of a whole frame: reads the rest, *HEADER is a copy. */
enum drop_reason stt_read(struct outer *, struct stt_header *);

/* PACKET is the frame alone: it gets back what HEADER says of it. */
enum drop_reason stt_restore(struct packet *, const struct stt_header *);

#endif
