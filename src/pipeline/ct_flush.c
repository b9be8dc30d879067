/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ct_flush.h"

#include <string.h>

#include "dpif/dpif.h"
#include "wire/ipv4.h"

static bool is_zero(const uint8_t address[16])
{
    static const uint8_t zeros[16];
    return !memcmp(address, zeros, sizeof zeros);
}

/* IPv4 stands mapped into IPv6 here, and alone there. */
static void take_address(const uint8_t address[16], bool is_ipv6, struct ipv6_addr *to, unsigned bit,
                         unsigned *fields)
{
    if (!is_zero(address)) {
        memset(to, 0, sizeof *to);
        memcpy(to, address + (is_ipv6 ? 0 : 12), is_ipv6 ? 16 : 4);
        *fields |= bit;
    }
}

static struct ct_match to_match(const struct ct_flush *f, const struct ct_flush_tuple *t)
{
    struct ct_match m = {
        .is_ipv6 = f->family == 6, .proto = f->ip_proto, .fields = f->ip_proto ? CT_MATCH_PROTO : 0};
    take_address(t->src, m.is_ipv6, &m.src, CT_MATCH_SRC, &m.fields);
    take_address(t->dst, m.is_ipv6, &m.dst, CT_MATCH_DST, &m.fields);
    if (f->ip_proto == IP_PROTO_ICMP || f->ip_proto == IP_PROTO_ICMPV6) {
        if (t->src_port | t->dst_port) {
            m.icmp_id = CONST_BE16(t->src_port);
            m.icmp_type = (uint8_t)(t->dst_port >> 8);
            m.icmp_code = (uint8_t)t->dst_port;
            m.fields |= CT_MATCH_ICMP_ID | CT_MATCH_ICMP_TYPE | CT_MATCH_ICMP_CODE;
        }
        return m;
    }
    m.tp_src = CONST_BE16(t->src_port);
    m.tp_dst = CONST_BE16(t->dst_port);
    m.fields |= (t->src_port ? CT_MATCH_TP_SRC : 0) | (t->dst_port ? CT_MATCH_TP_DST : 0);
    return m;
}

bool ct_flush_is_whole(const struct ct_flush *f)
{
    struct ct_match orig = to_match(f, &f->orig), reply = to_match(f, &f->reply);
    return ct_match_is_whole(&orig) && !(reply.fields & ~CT_MATCH_PROTO);
}

uint32_t ct_flush_run(struct datapath *dp, const struct ct_flush *f)
{
    struct ct_match orig = to_match(f, &f->orig), reply = to_match(f, &f->reply);
    bool any = !orig.fields && !reply.fields;
    int32_t zone = f->has_zone ? f->zone : any ? -1 : 0;
    return dp->ops->ct_flush ? dp->ops->ct_flush(dp, zone, &orig, &reply) : 0;
}
