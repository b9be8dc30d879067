/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/text.h"

#include <string.h>

#include "conntrack/tcp.h"
#include "conntrack/tuple.h"
#include "flow/text.h"
#include "wire/ipv4.h"

void ct_proto_format(struct strbuf *s, uint8_t proto)
{
    static const struct {
        uint8_t proto;
        const char *name;
    } names[] = {
        {IP_PROTO_ICMP, "icmp"},       {IP_PROTO_IGMP, "igmp"},     {IP_PROTO_TCP, "tcp"},
        {IP_PROTO_UDP, "udp"},         {IP_PROTO_ICMPV6, "icmpv6"}, {IP_PROTO_SCTP, "sctp"},
        {IP_PROTO_UDPLITE, "udplite"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].proto == proto) {
            strbuf_puts(s, names[i].name);
            return;
        }
    }
    strbuf_printf(s, "%u", proto);
}

static void put_addr(struct strbuf *s, const struct ct_tuple *t, const struct ipv6_addr *a)
{
    if (t->is_ipv6) {
        text_put_ipv6(s, a);
    } else {
        text_put_ipv4(s, a->be32[0]);
    }
}

static void put_tuple(struct strbuf *s, const struct ct_tuple *t)
{
    strbuf_puts(s, "src=");
    put_addr(s, t, &t->src);
    strbuf_puts(s, ",dst=");
    put_addr(s, t, &t->dst);
    if (ct_tuple_is_icmp(t)) {
        strbuf_printf(s, ",id=%u,type=%u,code=%u", CONST_BE16(t->tp_src), CT_ICMP_TYPE(t->tp_dst),
                      CT_ICMP_CODE(t->tp_dst));
    } else {
        strbuf_printf(s, ",sport=%u,dport=%u", CONST_BE16(t->tp_src), CONST_BE16(t->tp_dst));
    }
}

static const char *tcp_flags(uint8_t wscale)
{
    return wscale & CT_TCP_WSCALE ? "WINDOW_SCALE" : wscale & CT_TCP_WSCALE_UNKNOWN ? "BE_LIBERAL" : "0";
}

static void put_tcp(struct strbuf *s, const struct ct_entry *e)
{
    const uint8_t *scale = e->tcp_wscale;
    strbuf_printf(s, ",protoinfo=(state_orig=%s,state_reply=%s", ct_tcp_state_name(e->tcp_state[0]),
                  ct_tcp_state_name(e->tcp_state[1]));
    if ((scale[0] | scale[1]) & CT_TCP_WSCALE_MASK) {
        strbuf_printf(s, ",wscale_orig=%u,wscale_reply=%u", scale[0] & CT_TCP_WSCALE_MASK,
                      scale[1] & CT_TCP_WSCALE_MASK);
    }
    strbuf_printf(s, ",flags_orig=%s,flags_reply=%s)", tcp_flags(scale[0]), tcp_flags(scale[1]));
}

void ct_entry_format(struct strbuf *s, const struct ct_entry *e, bool verbose, bool times)
{
    static const be128 zero;
    ct_proto_format(s, e->orig->proto);
    strbuf_puts(s, ",orig=(");
    put_tuple(s, e->orig);
    strbuf_puts(s, "),reply=(");
    put_tuple(s, e->reply);
    strbuf_puts(s, ")");
    if (verbose) {
        strbuf_puts(s, ",id=0");
    }
    if (e->orig->zone) {
        strbuf_printf(s, ",zone=%u", e->orig->zone);
    }
    if (verbose) {
        strbuf_puts(s, ",status=0");
    }
    if (times) {
        strbuf_printf(s, ",timeout=%lld", (long long)(e->expires_ms / 1000));
    }
    if (e->mark) {
        strbuf_printf(s, ",mark=%u", e->mark);
    }
    if (memcmp(&e->label, &zero, sizeof zero)) {
        strbuf_puts(s, ",labels=");
        text_put_hex_bytes(s, e->label.u8, sizeof e->label);
    }
    if (e->is_tcp && verbose) {
        put_tcp(s, e);
    } else if (e->is_tcp) {
        strbuf_printf(s, ",protoinfo=(state=%s)", ct_tcp_state_name(ct_tcp_joined_state(e->tcp_state)));
    }
    if (e->helper) {
        strbuf_printf(s, ",helper=%s", ct_alg_name((enum ct_alg_helper)e->helper));
    }
    if (e->parent) {
        strbuf_puts(s, ",parent=(");
        put_tuple(s, e->parent);
        strbuf_put_char(s, ')');
    }
}
