/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of a packet's addresses and ports, for multipath, bundle and select groups; and which fields they
 * read. */
#include <string.h>

#include "base/hash.h"
#include "pipeline/xlate/ctx.h"
#include "wire/eth.h"

static bool is_ipv6(const struct flow_key *flow)
{
    return flow->dl_type == CONST_BE16(ETH_TYPE_IPV6);
}
static bool has_ports(const struct flow_key *flow, bool udp)
{
    return flow_key_is_ip(flow) && !(flow->nw_frag & FLOW_NW_FRAG_LATER) &&
           (flow->nw_proto == 6 || flow->nw_proto == 132 || (udp && flow->nw_proto == 17));
}

/* Equal for both directions: what is of one side is combined with what is of the other before it is hashed.
 */
static uint32_t hash_symmetric(const struct flow_key *flow, bool l2, bool ports, bool udp, uint32_t basis)
{
    struct {
        uint8_t eth[6];
        be16 type, vlan, l4;
        be32 ip[4];
        uint8_t proto, pad[3];
    } f;
    memset(&f, 0, sizeof f);
    if (l2) {
        for (int i = 0; i < 6; i++) {
            f.eth[i] = flow->dl_src.ea[i] ^ flow->dl_dst.ea[i];
        }
        for (int i = 0; i < FLOW_MAX_VLANS; i++) {
            f.vlan ^= flow->vlans[i].tci & CONST_BE16(VLAN_VID_MASK);
        }
    }
    f.type = flow->dl_type;
    if (is_ipv6(flow)) {
        for (int i = 0; i < 4; i++) {
            f.ip[i] = flow->ipv6_src.be32[i] ^ flow->ipv6_dst.be32[i];
        }
    } else if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        f.ip[0] = flow->nw_src ^ flow->nw_dst;
    }
    if (flow_key_is_ip(flow)) {
        f.proto = flow->nw_proto;
        if (ports && has_ports(flow, udp)) {
            f.l4 = flow->tp_src ^ flow->tp_dst;
        }
    }
    return hash_bytes(&f, sizeof f, basis);
}

uint32_t flow_hash_symmetric(const struct flow_key *flow, uint32_t basis)
{
    return hash_symmetric(flow, true, true, false, basis);
}

uint32_t flow_hash_5tuple(const struct flow_key *flow, uint32_t basis)
{
    uint32_t hash = basis;
    if (is_ipv6(flow)) {
        hash = hash_bytes(&flow->ipv6_src, 32, hash);
    } else if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        hash = hash_2u32(flow->nw_src, flow->nw_dst, hash);
    } else {
        return 0;
    }
    hash = hash_u32(flow->nw_proto, hash);
    return has_ports(flow, true) ? hash_2u32(flow->tp_src, flow->tp_dst, hash) : hash;
}

uint32_t flow_hash_fields(const struct flow_key *flow, enum hash_fields fields, uint16_t basis)
{
    switch (fields) {
    case HASH_FIELDS_ETH_SRC:
        return hash_bytes(&flow->dl_src, sizeof flow->dl_src, basis);
    case HASH_FIELDS_SYMMETRIC_L4:
        return hash_symmetric(flow, true, true, false, basis);
    case HASH_FIELDS_SYMMETRIC_L3L4:
        return hash_symmetric(flow, false, true, false, basis);
    case HASH_FIELDS_SYMMETRIC_L3L4_UDP:
        return hash_symmetric(flow, false, true, true, basis);
    case HASH_FIELDS_SYMMETRIC_L3:
        return hash_symmetric(flow, false, false, false, basis);
    case HASH_FIELDS_NW_SRC:
        return is_ipv6(flow)                                ? hash_bytes(&flow->ipv6_src, 16, basis)
               : flow->dl_type == CONST_BE16(ETH_TYPE_IPV4) ? hash_u32(flow->nw_src, basis)
                                                            : basis;
    case HASH_FIELDS_NW_DST:
        return is_ipv6(flow)                                ? hash_bytes(&flow->ipv6_dst, 16, basis)
               : flow->dl_type == CONST_BE16(ETH_TYPE_IPV4) ? hash_u32(flow->nw_dst, basis)
                                                            : basis;
    case N_HASH_FIELDS:
        break;
    }
    return basis;
}

static void look_at_addresses(const struct flow_key *flow, struct flow_key *mask)
{
    if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
        flow_wc_set(mask, nw_src);
        flow_wc_set(mask, nw_dst);
    } else if (is_ipv6(flow)) {
        flow_wc_set(mask, ipv6_src);
        flow_wc_set(mask, ipv6_dst);
    }
}

static void look_at_ports(const struct flow_key *flow, bool udp, struct flow_key *mask)
{
    if (flow_key_is_ip(flow)) {
        flow_wc_set(mask, nw_proto);
        if (has_ports(flow, udp)) {
            flow_wc_set(mask, tp_src);
            flow_wc_set(mask, tp_dst);
        }
    }
}

void flow_look_at_hash_fields(const struct flow_key *flow, enum hash_fields fields, struct flow_key *mask)
{
    switch (fields) {
    case HASH_FIELDS_ETH_SRC:
        flow_wc_set(mask, dl_src);
        break;
    case HASH_FIELDS_SYMMETRIC_L4:
        flow_wc_set(mask, dl_src);
        flow_wc_set(mask, dl_dst);
        look_at_addresses(flow, mask);
        look_at_ports(flow, false, mask);
        for (int i = 0; i < FLOW_MAX_VLANS; i++) {
            mask->vlans[i].tci |= CONST_BE16(VLAN_VID_MASK | VLAN_CFI);
        }
        break;
    case HASH_FIELDS_SYMMETRIC_L3L4:
    case HASH_FIELDS_SYMMETRIC_L3L4_UDP:
        look_at_addresses(flow, mask);
        look_at_ports(flow, fields == HASH_FIELDS_SYMMETRIC_L3L4_UDP, mask);
        break;
    case HASH_FIELDS_SYMMETRIC_L3:
        look_at_addresses(flow, mask);
        break;
    case HASH_FIELDS_NW_SRC:
        if (is_ipv6(flow)) {
            flow_wc_set(mask, ipv6_src);
        } else if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
            flow_wc_set(mask, nw_src);
        }
        break;
    case HASH_FIELDS_NW_DST:
        if (is_ipv6(flow)) {
            flow_wc_set(mask, ipv6_dst);
        } else if (flow->dl_type == CONST_BE16(ETH_TYPE_IPV4)) {
            flow_wc_set(mask, nw_dst);
        }
        break;
    case N_HASH_FIELDS:
        break;
    }
}
