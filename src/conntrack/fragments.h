/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Fragments of IP packets wait for each other (RFC 791, RFC 8200 section 4.5), are tracked as the
 * packet that they make, and go on as the fragments that they were.
 *
 *   conntrack_fragment()      a fragment comes: refused, held, or it completes its packet
 *   ct_fragments_whole()      the packet, to be tracked
 *   ct_fragments_get()        each fragment, with the state and the translated addresses of the whole
 *
 * A fragment is held as a copy, so that it belongs to no thread's pool; how many are held is bounded. Any
 * thread; one lock, which only fragments take. */
#ifndef CONNTRACK_FRAGMENTS_H
#define CONNTRACK_FRAGMENTS_H 1

#include "conntrack/conntrack.h"

struct ct_fragments; /* those of one packet */

enum ct_fragment_result {
    CT_FRAGMENT_REFUSED,  /* the packet is still the caller's, and cannot be tracked */
    CT_FRAGMENT_HELD,     /* the packet was copied and is still the caller's, to be freed */
    CT_FRAGMENT_COMPLETE, /* as HELD; *FRAGMENTS, the caller's to free, has all of them */
};

/* PACKET is an IP fragment, its offsets are set. */
enum ct_fragment_result conntrack_fragment(struct conntrack *, struct packet *, uint16_t zone, int64_t now_ms,
                                           struct ct_fragments **fragments);

/* NULL: no memory, or longer than a packet can be. */
struct packet *ct_fragments_whole(const struct ct_fragments *, struct packet_pool *);
size_t ct_fragments_count(const struct ct_fragments *);
uint32_t ct_fragments_in_port(const struct ct_fragments *);
/* Fragment I, in the order of their offsets, as WHOLE was treated. NULL: no memory. */
struct packet *ct_fragments_get(const struct ct_fragments *, size_t i, const struct packet *whole,
                                struct packet_pool *);
void ct_fragments_free(struct ct_fragments *); /* NULL is legal */

/* Those whose time is over are forgotten; DROPPED is called for each with the port that it came in by. */
void conntrack_sweep_fragments(struct conntrack *, int64_t now_ms, void (*dropped)(uint32_t port, void *aux),
                               void *aux);

/* For conntrack_create() and _destroy(). */
struct ct_fragment_store;
struct ct_fragment_store *ct_fragment_store_create(void);
void ct_fragment_store_destroy(struct ct_fragment_store *);

#endif
