/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 5. Nicira's small messages: flushing of connections, IPFIX statistics, flow mods' table ids,
 * packet-in formats, controller ids. Pure functions; hostile input is answered with an error. */
#ifndef OPENFLOW_NICIRA_CODEC_H
#define OPENFLOW_NICIRA_CODEC_H 1

#include "base/strbuf.h"
#include "base/types.h"
#include "openflow/msg.h"

/* --- CT_FLUSH: connections that a (partial) tuple names --- */

struct ct_flush_tuple {
    uint8_t src[16], dst[16]; /* IPv6, or IPv4 mapped into it; zeros: any */
    uint16_t src_port;        /* an ICMP id */
    uint16_t dst_port;        /* ICMP type << 8 | code */
};
struct ct_flush {
    bool has_zone;
    uint16_t zone;
    uint8_t ip_proto;
    uint8_t family; /* 4, 6; 0: not said */
    struct ct_flush_tuple orig, reply;
};
enum ofperr ct_flush_decode(const struct ofp_msg *, struct ct_flush *);
void ct_flush_encode(struct bytebuf *, const struct ct_flush *, enum ofp_version, uint32_t xid);
/* "ct_nw_src=10.0.0.1,ct_nw_proto=6,..." into TUPLE (and the family and protocol). */
char *ct_flush_tuple_parse(const char *text, struct ct_flush *, struct ct_flush_tuple *) WARN_UNUSED;
/* "zone=3 'ct_nw_src=...' 'ct_nw_src=...'". */
void ct_flush_format(const struct ct_flush *, struct strbuf *);

enum ofperr ct_flush_zone_decode(const struct ofp_msg *, uint16_t *zone);
void ct_flush_zone_encode(struct bytebuf *, uint16_t zone, enum ofp_version, uint32_t xid);

/* --- IPFIX --- */

struct ipfix_stats {
    uint64_t total_flows, current_flows, packets, ipv4_packets, ipv6_packets;
    uint64_t error_packets, ipv4_error_packets, ipv6_error_packets, tx_packets, tx_errors;
    uint32_t collector_set_id;
};
enum ofperr ipfix_stats_decode(struct reader *, struct ipfix_stats *);
void ipfix_stats_encode(struct bytebuf *, const struct ipfix_stats *);

#endif
