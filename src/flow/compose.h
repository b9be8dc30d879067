/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. From a key, a packet with that key: for netdev-dummy/receive, ofproto/trace -generate and
 * ovs-ofctl compose-packet. The bytes are the reference's: 64 bytes of 00, 01, 02... as the payload of UDP,
 * echo and open TCP connections, no options, right lengths and checksums.
 *
 * Thread-safety: as the pool's. */
#ifndef FLOW_COMPOSE_H
#define FLOW_COMPOSE_H 1

#include "flow/key.h"
#include "packet/packet.h"

#define FLOW_COMPOSE_PAYLOAD 64 /* bytes, when L7 is NULL */

/* A packet from POOL, metadata as freshly received, without in_port. L7 NULL: the usual payload; L7_LEN 0
 * with a non-NULL L7: none. NULL if the pool is exhausted. */
struct packet *flow_compose(struct packet_pool *, const struct flow_key *, const void *l7, size_t l7_len);
/* The same without payload, filled with zeros to LEN bytes, which are part of the payload. Sets *TOO_SMALL,
 * and returns NULL, if the headers alone are longer or LEN is below 60. */
struct packet *flow_compose_sized(struct packet_pool *, const struct flow_key *, size_t len, bool *too_small);

#endif
