/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What is put in front of a packet that goes into a tunnel: Ethernet, IPv4 or IPv6, and the tunnel's
 * own headers, as tnl_push(header(...)) carries them. Lengths, checksums, the source port and sequence
 * numbers are filled in for each packet (push.h).
 *
 * Thread-safety: pure functions. */
#ifndef TUNNEL_HEADER_H
#define TUNNEL_HEADER_H 1

#include "flow/key.h"
#include "tunnel/config.h"

#define TUNNEL_HEADER_MAX 384 /* Ethernet, IPv6, UDP, Geneve with all its options */

struct tunnel_header {
    uint32_t len;
    uint32_t type; /* the kind's number */
    uint8_t bytes[TUNNEL_HEADER_MAX];
};

/* Where the header takes the packet. */
struct tunnel_path {
    struct eth_addr eth_src, eth_dst;
    struct ipv6_addr src, dst; /* both IPv4 mapped, or neither */
};

/* Builds the header for a packet of FLOW: its tun_* members say what to send by (id, tos, ttl, flags,
 * options,
 * ...), its packet_type and dl_type what is inside. EOPNOTSUPP: the kind cannot carry that. */
int tunnel_header_build(const struct tunnel_config *, const struct flow_key *flow, const struct tunnel_path *,
                        struct tunnel_header *);

/* The key of a packet that begins with HEADER (complete; in_port and the like zero): what the switch of the
 * underlay sees. Ports and checksums that differ from packet to packet are as in the header. */
void tunnel_header_key(const struct tunnel_header *, struct flow_key *);

#endif
