/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. From the metadata of a received packet to the tunnel that it belongs to, among those that share a
 * datapath vport. The most specific wins: a configured key before `key=flow`; then both addresses, the remote
 * one, the local one, none; last `local_ip=flow` with `remote_ip=flow`.
 *
 * Ownership: entries are copies; `port` is the user's. Thread-safety: built by one thread, then immutable. */
#ifndef TUNNEL_MAP_H
#define TUNNEL_MAP_H 1

#include "flow/key.h"
#include "tunnel/config.h"

struct tunnel_map;

struct tunnel_map *tunnel_map_create(void);
void tunnel_map_destroy(struct tunnel_map *); /* NULL is legal */
/* PORT has configuration CONFIG on the vport that OWNER (a datapath) calls DP_PORT. */
void tunnel_map_add(struct tunnel_map *, const struct tunnel_config *, const void *owner, uint32_t dp_port,
                    const void *port);
/* KEY's in_port is the datapath's number. NULL: none. */
const void *tunnel_map_find(const struct tunnel_map *, const void *owner, const struct flow_key *);

/* Would packets that A takes be B's too? Then they cannot both be there. Both are on the same vport. */
bool tunnel_config_matches_alike(const struct tunnel_config *a, const struct tunnel_config *b);

#endif
