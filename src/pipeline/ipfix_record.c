/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ipfix_record.h"

#include <endian.h>
#include <string.h>

#include "base/bytebuf.h"
#include "base/compiler.h"

#define VMWARE 6876u /* the enterprise whose elements tell of tunnels */

#define VARIABLE UINT16_MAX /* a length: struct ipfix_text */

/* An element's number, enterprise, where it is in struct ipfix_flow or ipfix_counts, and what it is there
 * for. */
struct element {
    uint16_t id, len;
    uint32_t enterprise;
    uint16_t when; /* enum ipfix_when bits: all of them */
    uint16_t offset;
};

#define FLOW(ID, WHEN, MEMBER)                                                                               \
    {                                                                                                        \
        ID, sizeof(((struct ipfix_flow *)0)->MEMBER), 0, WHEN, offsetof(struct ipfix_flow, MEMBER)           \
    }
#define TEXT(ID, WHEN, MEMBER)                                                                               \
    {                                                                                                        \
        ID, VARIABLE, 0, WHEN, offsetof(struct ipfix_flow, MEMBER)                                           \
    }
#define TUNNEL(ID, MEMBER)                                                                                   \
    {                                                                                                        \
        ID, sizeof(((struct ipfix_flow *)0)->MEMBER), VMWARE, IPFIX_WHEN_TUNNEL,                             \
            offsetof(struct ipfix_flow, MEMBER)                                                              \
    }

static const struct element flow_elements[] = {
    FLOW(138, 0, point),          /* observationPointId */
    FLOW(61, 0, direction),       /* flowDirection */
    FLOW(56, 0, src),             /* sourceMacAddress */
    FLOW(80, 0, dst),             /* destinationMacAddress */
    FLOW(256, 0, eth_type),       /* ethernetType */
    FLOW(240, 0, eth_header_len), /* ethernetHeaderLength */
    FLOW(10, 0, in.ifindex),      /* ingressInterface */
    FLOW(368, 0, in.type),        /* ingressInterfaceType */
    TEXT(82, 0, in.name),         /* interfaceName */
    TEXT(83, 0, in.description),  /* interfaceDescription */
    FLOW(14, IPFIX_WHEN_EGRESS, out.ifindex),
    FLOW(369, IPFIX_WHEN_EGRESS, out.type),
    TEXT(82, IPFIX_WHEN_EGRESS, out.name),
    TEXT(83, IPFIX_WHEN_EGRESS, out.description),
    FLOW(58, IPFIX_WHEN_VLAN, vlan_id),        /* vlanId */
    FLOW(243, IPFIX_WHEN_VLAN, vlan_id),       /* dot1qVlanId */
    FLOW(244, IPFIX_WHEN_VLAN, vlan_priority), /* dot1qPriority */
    FLOW(60, IPFIX_WHEN_IP, ip_version),       /* ipVersion */
    FLOW(192, IPFIX_WHEN_IP, ttl),             /* ipTTL */
    FLOW(4, IPFIX_WHEN_IP, proto),             /* protocolIdentifier */
    FLOW(195, IPFIX_WHEN_IP, dscp),            /* ipDiffServCodePoint */
    FLOW(196, IPFIX_WHEN_IP, precedence),      /* ipPrecedence */
    FLOW(5, IPFIX_WHEN_IP, tos),               /* ipClassOfService */
    FLOW(8, IPFIX_WHEN_IPV4, ip4_src),         /* sourceIPv4Address */
    FLOW(12, IPFIX_WHEN_IPV4, ip4_dst),        /* destinationIPv4Address */
    FLOW(27, IPFIX_WHEN_IPV6, ip6_src),        /* sourceIPv6Address */
    FLOW(28, IPFIX_WHEN_IPV6, ip6_dst),        /* destinationIPv6Address */
    FLOW(31, IPFIX_WHEN_IPV6, ip6_label),      /* flowLabelIPv6 */
    FLOW(7, IPFIX_WHEN_PORTS, src_port),       /* sourceTransportPort */
    FLOW(11, IPFIX_WHEN_PORTS, dst_port),      /* destinationTransportPort */
    FLOW(176, IPFIX_WHEN_ICMP4, icmp_type),    /* icmpTypeIPv4 */
    FLOW(177, IPFIX_WHEN_ICMP4, icmp_code),    /* icmpCodeIPv4 */
    FLOW(178, IPFIX_WHEN_ICMP6, icmp_type),    /* icmpTypeIPv6 */
    FLOW(179, IPFIX_WHEN_ICMP6, icmp_code),    /* icmpCodeIPv6 */
    TUNNEL(893, tunnel_src),                   /* tunnelSourceIPv4Address */
    TUNNEL(894, tunnel_dst),                   /* tunnelDestinationIPv4Address */
    TUNNEL(895, tunnel_proto),                 /* tunnelProtocolIdentifier */
    TUNNEL(896, tunnel_src_port),              /* tunnelSourceTransportPort */
    TUNNEL(897, tunnel_dst_port),              /* tunnelDestinationTransportPort */
    TUNNEL(891, tunnel_type),                  /* tunnelType */
    {892, VARIABLE, VMWARE, IPFIX_WHEN_TUNNEL, offsetof(struct ipfix_flow, tunnel_key)},
    {898, VARIABLE, VMWARE, IPFIX_WHEN_VIRTUAL, offsetof(struct ipfix_flow, virtual_id)},
};

#define COUNT(ID, WHEN, MEMBER)                                                                              \
    {                                                                                                        \
        ID, sizeof(((struct ipfix_counts *)0)->MEMBER), 0, WHEN, offsetof(struct ipfix_counts, MEMBER)       \
    }

static const struct element count_elements[] = {
    COUNT(158, 0, start_us),             /* flowStartDeltaMicroseconds */
    COUNT(159, 0, end_us),               /* flowEndDeltaMicroseconds */
    COUNT(133, 0, dropped),              /* droppedPacketDeltaCount */
    COUNT(135, 0, dropped_total),        /* droppedPacketTotalCount */
    COUNT(2, 0, packets),                /* packetDeltaCount */
    COUNT(86, 0, packets_total),         /* packetTotalCount */
    COUNT(354, 0, in_unicast_total),     /* ingressUnicastPacketTotalCount */
    COUNT(355, 0, in_multicast_total),   /* ingressMulticastPacketTotalCount */
    COUNT(356, 0, in_broadcast_total),   /* ingressBroadcastPacketTotalCount */
    COUNT(357, 0, out_unicast_total),    /* egressUnicastPacketTotalCount */
    COUNT(358, 0, out_broadcast_total),  /* egressBroadcastPacketTotalCount */
    COUNT(19, 0, post_multicast),        /* postMCastPacketDeltaCount */
    COUNT(174, 0, post_multicast_total), /* postMCastPacketTotalCount */
    COUNT(352, 0, l2_bytes),             /* layer2OctetDeltaCount */
    COUNT(353, 0, l2_bytes_total),       /* layer2OctetTotalCount */
    COUNT(136, 0, end_reason),           /* flowEndReason */
    COUNT(132, IPFIX_WHEN_IP, dropped_bytes),
    COUNT(134, IPFIX_WHEN_IP, dropped_bytes_total),
    COUNT(1, IPFIX_WHEN_IP, bytes),           /* octetDeltaCount */
    COUNT(85, IPFIX_WHEN_IP, bytes_total),    /* octetTotalCount */
    COUNT(198, IPFIX_WHEN_IP, squares),       /* octetDeltaSumOfSquares */
    COUNT(199, IPFIX_WHEN_IP, squares_total), /* octetTotalSumOfSquares */
    COUNT(25, IPFIX_WHEN_IP, min_bytes),      /* minimumIpTotalLength */
    COUNT(26, IPFIX_WHEN_IP, max_bytes),      /* maximumIpTotalLength */
    COUNT(20, IPFIX_WHEN_IP, post_multicast_bytes),
    COUNT(175, IPFIX_WHEN_IP, post_multicast_bytes_total),
    COUNT(222, IPFIX_WHEN_TCP, ack_total), /* tcpAckTotalCount */
    COUNT(219, IPFIX_WHEN_TCP, fin_total), /* tcpFinTotalCount */
    COUNT(221, IPFIX_WHEN_TCP, psh_total), /* tcpPshTotalCount */
    COUNT(220, IPFIX_WHEN_TCP, rst_total), /* tcpRstTotalCount */
    COUNT(218, IPFIX_WHEN_TCP, syn_total), /* tcpSynTotalCount */
    COUNT(223, IPFIX_WHEN_TCP, urg_total), /* tcpUrgTotalCount */
};

static unsigned whens(const struct ipfix_about *a)
{
    static const uint16_t l3[] = {0, IPFIX_WHEN_IP | IPFIX_WHEN_IPV4, IPFIX_WHEN_IP | IPFIX_WHEN_IPV6};
    static const uint16_t l4[] = {0, IPFIX_WHEN_PORTS | IPFIX_WHEN_TCP, IPFIX_WHEN_PORTS, IPFIX_WHEN_PORTS,
                                  0};
    unsigned when = l3[a->l3] | l4[a->l4];
    if (a->l4 == IPFIX_L4_ICMP) {
        when |= a->l3 == IPFIX_L3_IPV4 ? IPFIX_WHEN_ICMP4 : IPFIX_WHEN_ICMP6;
    }
    return when | (a->vlan ? IPFIX_WHEN_VLAN : 0) | (a->tunnel ? IPFIX_WHEN_TUNNEL : 0) |
           (a->egress ? IPFIX_WHEN_EGRESS : 0) | (a->virtual_id ? IPFIX_WHEN_VIRTUAL : 0);
}

uint16_t ipfix_template_id(const struct ipfix_about *a)
{
    return (uint16_t)(IPFIX_FIRST_TEMPLATE +
                      ((((a->vlan * 3 + a->l3) * 5 + a->l4) * 2 + a->tunnel) * 2 + a->egress));
}

bool ipfix_template_about(unsigned number, struct ipfix_about *a)
{
    a->egress = number & 1;
    a->tunnel = number >> 1 & 1;
    a->l4 = number / 4 % 5;
    a->l3 = number / 20 % 3;
    a->vlan = number / 60;
    a->virtual_id = false;
    return a->l3 != IPFIX_L3_UNKNOWN || a->l4 == IPFIX_L4_UNKNOWN;
}

static void put16(struct bytebuf *b, uint16_t v)
{
    be16 be = htobe16(v);
    bytebuf_put(b, &be, sizeof be);
}

static void put32(struct bytebuf *b, uint32_t v)
{
    be32 be = htobe32(v);
    bytebuf_put(b, &be, sizeof be);
}

static void store16(const struct bytebuf *b, size_t at, size_t v)
{
    be16 be = htobe16((uint16_t)v);
    memcpy(b->data + at, &be, sizeof be);
}

static unsigned put_specifiers(struct bytebuf *b, const struct element *e, size_t n, unsigned when)
{
    unsigned fields = 0;
    for (size_t i = 0; i < n; i++) {
        if ((e[i].when & when) == e[i].when) {
            put16(b, e[i].id | (e[i].enterprise ? 0x8000 : 0));
            put16(b, e[i].len);
            if (e[i].enterprise) {
                put32(b, e[i].enterprise);
            }
            fields++;
        }
    }
    return fields;
}

void ipfix_put_template(struct bytebuf *b, const struct ipfix_about *a)
{
    size_t start = b->len;
    unsigned when = whens(a);
    put16(b, ipfix_template_id(a));
    put16(b, 0);
    unsigned fields = put_specifiers(b, flow_elements, ARRAY_SIZE(flow_elements), when);
    fields += put_specifiers(b, count_elements, ARRAY_SIZE(count_elements), when);
    store16(b, start + 2, fields);
}

static void put_values(struct bytebuf *b, const struct element *e, size_t n, unsigned when,
                       const void *values)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = (const char *)values + e[i].offset;
        if ((e[i].when & when) != e[i].when) {
            continue;
        }
        if (e[i].len == VARIABLE) {
            struct ipfix_text text;
            memcpy(&text, value, sizeof text);
            bytebuf_put(b, &text.len, 1);
            bytebuf_put(b, text.bytes, text.len);
        } else {
            bytebuf_put(b, value, e[i].len);
        }
    }
}

void ipfix_put_flow(struct bytebuf *b, const struct ipfix_about *a, const struct ipfix_flow *flow)
{
    put_values(b, flow_elements, ARRAY_SIZE(flow_elements), whens(a), flow);
}

void ipfix_put_counts(struct bytebuf *b, const struct ipfix_about *a, const struct ipfix_counts *counts)
{
    put_values(b, count_elements, ARRAY_SIZE(count_elements), whens(a), counts);
}

size_t ipfix_begin_message(struct bytebuf *b, uint32_t export_s, uint32_t sequence, uint32_t domain)
{
    size_t start = b->len;
    put16(b, IPFIX_VERSION);
    put16(b, 0);
    put32(b, export_s);
    put32(b, sequence);
    put32(b, domain);
    return start;
}

void ipfix_end_message(struct bytebuf *b, size_t start)
{
    store16(b, start + 2, b->len - start);
}

size_t ipfix_begin_set(struct bytebuf *b, uint16_t id)
{
    size_t start = b->len;
    put16(b, id);
    put16(b, 0);
    return start;
}

void ipfix_end_set(struct bytebuf *b, size_t start)
{
    store16(b, start + 2, b->len - start);
}

void ipfix_put_options_template(struct bytebuf *b)
{
    put16(b, IPFIX_OPTIONS_TEMPLATE);
    put16(b, 2); /* fields */
    put16(b, 1); /* of them, what it is about: */
    put16(b, 144);
    put16(b, 4); /* exportingProcessId */
    put16(b, 167);
    put16(b, 8); /* notSentPacketTotalCount */
}

void ipfix_put_options(struct bytebuf *b, uint32_t process_id, uint64_t not_sent)
{
    be64 be = htobe64(not_sent);
    put32(b, process_id);
    bytebuf_put(b, &be, sizeof be);
}
