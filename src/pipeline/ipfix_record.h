/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. IPFIX on the wire (RFC 7011): which information elements (RFC 7012) a
 * record has, as templates say it and as data. One table of elements makes both, so that they agree.
 *
 * A template is known by what its records are about: VLAN or none, IPv4, IPv6 or neither, which transport
 * protocol, tunnel or none, output port or none; its number is computed from these, as the reference numbers
 * them. A record is two parts: the flow (what tells flows apart) and the counters.
 *
 * Thread-safety: pure functions. */
#ifndef PIPELINE_IPFIX_RECORD_H
#define PIPELINE_IPFIX_RECORD_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

struct bytebuf;

#define IPFIX_VERSION          10
#define IPFIX_SET_TEMPLATE     2
#define IPFIX_SET_OPTIONS      3
#define IPFIX_FIRST_TEMPLATE   256
#define IPFIX_N_TEMPLATES      120 /* numbers, not all of them used */
#define IPFIX_OPTIONS_TEMPLATE 462

enum ipfix_l3 {
    IPFIX_L3_UNKNOWN,
    IPFIX_L3_IPV4,
    IPFIX_L3_IPV6
};
enum ipfix_l4 {
    IPFIX_L4_UNKNOWN,
    IPFIX_L4_TCP,
    IPFIX_L4_UDP,
    IPFIX_L4_SCTP,
    IPFIX_L4_ICMP
};
/* What an element is there for; a record has those of all that it is about. */
enum ipfix_when {
    IPFIX_WHEN_EGRESS = 1 << 0,
    IPFIX_WHEN_VLAN = 1 << 1,
    IPFIX_WHEN_IP = 1 << 2,
    IPFIX_WHEN_IPV4 = 1 << 3,
    IPFIX_WHEN_IPV6 = 1 << 4,
    IPFIX_WHEN_PORTS = 1 << 5,
    IPFIX_WHEN_ICMP4 = 1 << 6,
    IPFIX_WHEN_ICMP6 = 1 << 7,
    IPFIX_WHEN_TUNNEL = 1 << 8,
    IPFIX_WHEN_VIRTUAL =
        1 << 9, /* no template of its own: the exporter has a virtual observation id, or none */
    IPFIX_WHEN_TCP = 1 << 10,
};

struct ipfix_about {
    bool vlan, tunnel, egress, virtual_id;
    enum ipfix_l3 l3;
    enum ipfix_l4 l4;
};

/* Of variable length on the wire. */
struct ipfix_text {
    const void *bytes;
    uint8_t len; /* less than 255 */
};

/* The flow, in the network's byte order. What the record is not about is not looked at. */
struct ipfix_flow {
    be32 point;
    uint8_t direction; /* 0 ingress, 1 egress */
    struct eth_addr src, dst;
    be16 eth_type;
    uint8_t eth_header_len;
    struct ipfix_port {
        be32 ifindex, type;
        struct ipfix_text name, description;
    } in, out;
    be16 vlan_id;
    uint8_t vlan_priority;
    uint8_t ip_version, ttl, proto, dscp, precedence, tos;
    be32 ip4_src, ip4_dst;
    struct ipv6_addr ip6_src, ip6_dst;
    be32 ip6_label;
    be16 src_port, dst_port;
    uint8_t icmp_type, icmp_code;
    be32 tunnel_src, tunnel_dst;
    uint8_t tunnel_proto;
    be16 tunnel_src_port, tunnel_dst_port;
    uint8_t tunnel_type;
    struct ipfix_text tunnel_key, virtual_id;
};

/* The counters, in the network's byte order. `total`: of all that the exporter has told. */
struct ipfix_counts {
    be32 start_us, end_us; /* before the message's export time */
    be64 dropped, dropped_total, packets, packets_total;
    be64 in_unicast_total, in_multicast_total, in_broadcast_total;
    be64 out_unicast_total, out_broadcast_total;
    be64 post_multicast, post_multicast_total;
    be64 l2_bytes, l2_bytes_total;
    uint8_t end_reason;
    be64 dropped_bytes, dropped_bytes_total, bytes, bytes_total;
    be64 squares, squares_total, min_bytes, max_bytes;
    be64 post_multicast_bytes, post_multicast_bytes_total;
    be64 ack_total, fin_total, psh_total, rst_total, syn_total, urg_total;
};

uint16_t ipfix_template_id(const struct ipfix_about *);
/* What the template of NUMBER (0 to IPFIX_N_TEMPLATES - 1) is about; false: there is none. */
bool ipfix_template_about(unsigned number, struct ipfix_about *);
/* A template record. */
void ipfix_put_template(struct bytebuf *, const struct ipfix_about *);
void ipfix_put_flow(struct bytebuf *, const struct ipfix_about *, const struct ipfix_flow *);
void ipfix_put_counts(struct bytebuf *, const struct ipfix_about *, const struct ipfix_counts *);

/* A message's header, whose length ipfix_end_message() fills in; a set's likewise. Both return where they
 * begin. */
size_t ipfix_begin_message(struct bytebuf *, uint32_t export_s, uint32_t sequence, uint32_t domain);
void ipfix_end_message(struct bytebuf *, size_t start);
size_t ipfix_begin_set(struct bytebuf *, uint16_t id);
void ipfix_end_set(struct bytebuf *, size_t start);
/* An options template and its record: packets that were sampled and never told, of this exporter. */
void ipfix_put_options_template(struct bytebuf *);
void ipfix_put_options(struct bytebuf *, uint32_t process_id, uint64_t not_sent);

#endif
