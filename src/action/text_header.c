/* SPDX-License-Identifier: Apache-2.0 */
/* tnl_push's header(...), both ways: the bytes that are put in front of a packet, read as the headers that
 * they are.
 *
 *   eth, then ipv4 or ipv6, then udp with vxlan, geneve or gtpu behind it, or gre, or erspan, or tcp with stt
 */
#include <inttypes.h>
#include <string.h>

#include "action/text_private.h"
#include "wire/csum.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tunnel.h"

enum {
    TNL_GRE = 3,
    TNL_VXLAN = 4,
    TNL_GENEVE = 5,
    TNL_STT = 106,
    TNL_ERSPAN = 107,
    TNL_IP6ERSPAN = 108,
    TNL_IP6GRE = 109,
    TNL_GTPU = 110,
};

static void put_gre(struct strbuf *s, const uint8_t *p, uint32_t room)
{
    uint16_t flags = CONST_BE16(get_be16(p));
    uint32_t ofs = GRE_HEADER_LEN;
    strbuf_printf(s, "gre((flags=0x%x,proto=0x%x)", flags, CONST_BE16(get_be16(p + 2)));
    if (flags & GRE_F_CSUM && ofs + 4 <= room) {
        strbuf_printf(s, ",csum=0x%x", CONST_BE16(get_be16(p + ofs)));
        ofs += 4;
    }
    if (flags & GRE_F_KEY && ofs + 4 <= room) {
        strbuf_printf(s, ",key=0x%x", CONST_BE32(get_be32(p + ofs)));
        ofs += 4;
    }
    if (flags & GRE_F_SEQ && ofs + 4 <= room) {
        strbuf_printf(s, ",seq=0x%x", CONST_BE32(get_be32(p + ofs)));
    }
    strbuf_put_char(s, ')');
}

static void put_erspan(struct strbuf *s, const uint8_t *gre, uint32_t room)
{
    const uint8_t *p = gre + GRE_HEADER_LEN + 4;
    if (room < GRE_HEADER_LEN + 4 + ERSPAN_V1_LEN) {
        return;
    }
    unsigned ver = p[0] >> 4, sid = CONST_BE16(get_be16(p + 2)) & 0x3ff;
    if (ver == 1) {
        strbuf_printf(s, "erspan(ver=1,sid=0x%x,idx=0x%x)", sid, CONST_BE32(get_be32(p + 4)));
    } else if (room >= GRE_HEADER_LEN + 4 + ERSPAN_V2_LEN) {
        uint16_t flags = CONST_BE16(get_be16(p + 10)); /* P, FT 5, hwid 6, dir 1, gra 2, O */
        strbuf_printf(s, "erspan(ver=%u,sid=0x%x,dir=%u,hwid=0x%x)", ver, sid, (flags >> 3) & 1,
                      (flags >> 4) & 0x3f);
    }
}

static void put_udp(struct strbuf *s, uint32_t type, const uint8_t *p, uint32_t room)
{
    strbuf_printf(s, "udp(src=%u,dst=%u,csum=0x%x),", CONST_BE16(get_be16(p)), CONST_BE16(get_be16(p + 2)),
                  CONST_BE16(get_be16(p + 6)));
    p += UDP_HEADER_LEN;
    room -= UDP_HEADER_LEN;
    if (room < 8) {
        return;
    }
    if (type == TNL_VXLAN) {
        strbuf_printf(s, "vxlan(flags=0x%x,vni=0x%x)", CONST_BE32(get_be32(p)),
                      CONST_BE32(get_be32(p + 4)) >> 8);
    } else if (type == TNL_GENEVE) {
        uint32_t opt_len = (p[0] & 0x3f) * 4u;
        strbuf_printf(s, "geneve(%s%svni=0x%x", p[1] & GENEVE_F_OAM ? "oam," : "",
                      p[1] & GENEVE_F_CRIT ? "crit," : "", CONST_BE32(get_be32(p + 4)) >> 8);
        if (opt_len) {
            strbuf_puts(s, ",options(");
            text_put_geneve_options(s, p + GENEVE_HEADER_LEN, MIN(opt_len, room - GENEVE_HEADER_LEN));
            strbuf_put_char(s, ')');
        }
        strbuf_put_char(s, ')');
    } else if (type == TNL_GTPU) {
        strbuf_printf(s, "gtpu(flags=0x%x,msgtype=%u,teid=0x%x)", p[0], p[1], CONST_BE32(get_be32(p + 4)));
    }
}

void text_put_header(struct strbuf *s, const struct dp_action_tnl_push *t)
{
    const uint8_t *p = t->header;
    uint32_t room = t->header_len;
    uint8_t proto = 0;
    strbuf_printf(s, "header(size=%u,type=%u", t->header_len, t->tnl_type);
    if (room >= ETH_HEADER_LEN) {
        be16 type = get_be16(p + 12);
        strbuf_puts(s, ",eth(dst=");
        text_put_eth(s, p);
        strbuf_puts(s, ",src=");
        text_put_eth(s, p + ETH_ADDR_LEN);
        strbuf_printf(s, ",dl_type=0x%04x),", CONST_BE16(type));
        p += ETH_HEADER_LEN;
        room -= ETH_HEADER_LEN;
        if (type == CONST_BE16(ETH_TYPE_IPV4) && room >= IPV4_HEADER_LEN) {
            const struct ipv4_header *ip = (const struct ipv4_header *)(const void *)p;
            strbuf_puts(s, "ipv4(src=");
            dp_text_put_ipv4(s, p + offsetof(struct ipv4_header, src));
            strbuf_puts(s, ",dst=");
            dp_text_put_ipv4(s, p + offsetof(struct ipv4_header, dst));
            strbuf_printf(s, ",proto=%u,tos=%#x,ttl=%u,frag=0x%x),", ip->proto, ip->tos, ip->ttl,
                          CONST_BE16(ip->frag_off));
            proto = ip->proto;
            p += IPV4_HEADER_LEN;
            room -= IPV4_HEADER_LEN;
        } else if (type == CONST_BE16(ETH_TYPE_IPV6) && room >= IPV6_HEADER_LEN) {
            const struct ipv6_header *ip = (const struct ipv6_header *)(const void *)p;
            uint32_t word = CONST_BE32(ip->ver_tc_flow);
            strbuf_puts(s, "ipv6(src=");
            dp_text_put_ipv6(s, p + offsetof(struct ipv6_header, src));
            strbuf_puts(s, ",dst=");
            dp_text_put_ipv6(s, p + offsetof(struct ipv6_header, dst));
            strbuf_printf(s, ",label=%u,proto=%u,tclass=0x%x,hlimit=%u),", word & IPV6_LABEL_MASK, ip->next,
                          (word >> IPV6_TC_SHIFT) & 0xff, ip->hop_limit);
            proto = ip->next;
            p += IPV6_HEADER_LEN;
            room -= IPV6_HEADER_LEN;
        }
    }
    if (proto == IP_PROTO_UDP && room >= UDP_HEADER_LEN) {
        put_udp(s, t->tnl_type, p, room);
    } else if (proto == IP_PROTO_GRE && (t->tnl_type == TNL_ERSPAN || t->tnl_type == TNL_IP6ERSPAN)) {
        put_erspan(s, p, room);
    } else if (proto == IP_PROTO_GRE && room >= GRE_HEADER_LEN) {
        put_gre(s, p, room);
    } else if (proto == IP_PROTO_TCP && t->tnl_type == TNL_STT && room >= TCP_HEADER_LEN + STT_HEADER_LEN) {
        strbuf_printf(s, "tcp(src=%u,dst=%u),stt(key=0x%" PRIx64 ")", CONST_BE16(get_be16(p)),
                      CONST_BE16(get_be16(p + 2)),
                      CONST_BE64(get_be64(p + TCP_HEADER_LEN + offsetof(struct stt_header, key))));
    }
    strbuf_chomp(s, ',');
    strbuf_put_char(s, ')');
}

/* The header as it is being built. */
struct header {
    uint8_t *bytes;
    size_t len, size;
};

/* N zeroed bytes more. */
static uint8_t *grow(struct text_cursor *c, struct header *h, size_t n)
{
    if (h->size - h->len < n) {
        text_fail(c, "a header of at most %zu bytes is expected", h->size);
        return NULL;
    }
    uint8_t *p = h->bytes + h->len;
    memset(p, 0, n);
    h->len += n;
    return p;
}

static bool parse_ip(struct text_cursor *c, struct header *h, uint64_t dl_type, uint8_t *proto)
{
    uint64_t label, p, tos, ttl, frag;
    uint8_t *ip;
    if (dl_type == ETH_TYPE_IPV4 && text_expect(c, "ipv4(")) {
        if (!(ip = grow(c, h, IPV4_HEADER_LEN)) || !text_expect(c, "src=") || !text_ipv4(c, ip + 12) ||
            !text_expect(c, ",dst=") || !text_ipv4(c, ip + 16) || !text_named(c, ",proto=", UINT8_MAX, &p) ||
            !text_named(c, ",tos=", UINT8_MAX, &tos) || !text_named(c, ",ttl=", UINT8_MAX, &ttl) ||
            !text_named(c, ",frag=", UINT16_MAX, &frag) || !text_expect(c, "),")) {
            return false;
        }
        struct ipv4_header *ip4 = (struct ipv4_header *)(void *)ip;
        ip4->ver_ihl = IPV4_VER_IHL_PLAIN;
        ip4->proto = (uint8_t)p;
        ip4->tos = (uint8_t)tos;
        ip4->ttl = (uint8_t)ttl;
        ip4->frag_off = CONST_BE16(frag);
        ip4->csum = csum_of(ip4, IPV4_HEADER_LEN);
    } else if (dl_type == ETH_TYPE_IPV6 && text_expect(c, "ipv6(")) {
        if (!(ip = grow(c, h, IPV6_HEADER_LEN)) || !text_expect(c, "src=") || !text_ipv6(c, ip + 8) ||
            !text_expect(c, ",dst=") || !text_ipv6(c, ip + 24) ||
            !text_named(c, ",label=", IPV6_LABEL_MASK, &label) || !text_named(c, ",proto=", UINT8_MAX, &p) ||
            !text_named(c, ",tclass=", UINT8_MAX, &tos) || !text_named(c, ",hlimit=", UINT8_MAX, &ttl) ||
            !text_expect(c, "),")) {
            return false;
        }
        struct ipv6_header *ip6 = (struct ipv6_header *)(void *)ip;
        ip6->ver_tc_flow = CONST_BE32(6u << 28 | (uint32_t)tos << IPV6_TC_SHIFT | (uint32_t)label);
        ip6->next = (uint8_t)p;
        ip6->hop_limit = (uint8_t)ttl;
    } else {
        return text_fail(c, "an IPv4 or IPv6 header, as dl_type says, is expected");
    }
    *proto = (uint8_t)p;
    return true;
}

static bool parse_gre(struct text_cursor *c, struct header *h)
{
    static const struct {
        const char *name;
        uint16_t flag;
    } options[] = {{",csum=", GRE_F_CSUM}, {",key=", GRE_F_KEY}, {",seq=", GRE_F_SEQ}};
    uint64_t flags, proto, v;
    uint8_t *p = grow(c, h, GRE_HEADER_LEN);
    if (!p || !text_named(c, "(flags=", UINT16_MAX, &flags) ||
        !text_named(c, ",proto=", UINT16_MAX, &proto) || !text_expect(c, ")")) {
        return false;
    }
    put_be16(p, CONST_BE16(flags));
    put_be16(p + 2, CONST_BE16(proto));
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (flags & options[i].flag) {
            if (!(p = grow(c, h, 4)) ||
                !text_named(c, options[i].name, options[i].flag == GRE_F_CSUM ? UINT16_MAX : UINT32_MAX,
                            &v)) {
                return false;
            }
            put_be32(p, options[i].flag == GRE_F_CSUM ? CONST_BE16(v) : CONST_BE32(v));
        }
    }
    return text_expect(c, ")");
}

static bool parse_erspan(struct text_cursor *c, struct header *h)
{
    uint64_t ver, sid, v, dir;
    if (!text_named(c, "ver=", 2, &ver) || !text_named(c, ",sid=", 0x3ff, &sid)) {
        return false;
    }
    uint8_t *p = grow(c, h, GRE_HEADER_LEN + 4 + (ver == 1 ? ERSPAN_V1_LEN : ERSPAN_V2_LEN));
    if (!p) {
        return false;
    }
    put_be16(p, CONST_BE16(GRE_F_SEQ));
    put_be16(p + 2, ver == 1 ? CONST_BE16(ETH_TYPE_ERSPAN1) : CONST_BE16(ETH_TYPE_ERSPAN2));
    p += GRE_HEADER_LEN + 4;
    p[0] = (uint8_t)(ver << 4);
    put_be16(p + 2, CONST_BE16(sid));
    if (ver == 1) {
        if (!text_named(c, ",idx=", 0xfffff, &v)) {
            return false;
        }
        put_be32(p + 4, CONST_BE32(v));
    } else {
        if (!text_named(c, ",dir=", 1, &dir) || !text_named(c, ",hwid=", 0x3f, &v)) {
            return false;
        }
        put_be16(p + 10, CONST_BE16(v << 4 | dir << 3));
    }
    return text_expect(c, ")");
}

static bool parse_geneve(struct text_cursor *c, struct header *h)
{
    uint64_t vni;
    uint8_t flags = 0;
    size_t len = 0;
    uint8_t *p = grow(c, h, GENEVE_HEADER_LEN);
    if (!p) {
        return false;
    }
    flags |= text_eat(c, "oam,") ? GENEVE_F_OAM : 0;
    flags |= text_eat(c, "crit,") ? GENEVE_F_CRIT : 0;
    if (!text_named(c, "vni=", 0xffffff, &vni)) {
        return false;
    }
    if (text_eat(c, ",options(")) {
        if (!text_geneve_options(c, h->bytes + h->len, MIN(h->size - h->len, FLOW_TUN_OPTS_MAX), &len) ||
            !text_expect(c, ")")) {
            return false;
        }
        h->len += len;
    }
    p[0] = (uint8_t)(len / 4);
    p[1] = flags;
    put_be16(p + 2, CONST_BE16(ETH_TYPE_TEB));
    put_be32(p + 4, CONST_BE32(vni << 8));
    return text_expect(c, ")");
}

static bool parse_udp(struct text_cursor *c, struct header *h, uint64_t type)
{
    uint64_t src, dst, csum, flags, v;
    uint8_t *p = grow(c, h, UDP_HEADER_LEN);
    if (!p || !text_named(c, "udp(src=", UINT16_MAX, &src) || !text_named(c, ",dst=", UINT16_MAX, &dst) ||
        !text_named(c, ",csum=", UINT16_MAX, &csum) || !text_expect(c, "),")) {
        return false;
    }
    put_be16(p, CONST_BE16(src));
    put_be16(p + 2, CONST_BE16(dst));
    put_be16(p + 6, CONST_BE16(csum));
    if (type == TNL_VXLAN && text_eat(c, "vxlan(")) {
        if (!(p = grow(c, h, VXLAN_HEADER_LEN)) || !text_named(c, "flags=", UINT32_MAX, &flags) ||
            !text_named(c, ",vni=", 0xffffff, &v) || !text_expect(c, ")")) {
            return false;
        }
        put_be32(p, CONST_BE32(flags));
        put_be32(p + 4, CONST_BE32(v << 8));
        return true;
    }
    if (type == TNL_GENEVE && text_eat(c, "geneve(")) {
        return parse_geneve(c, h);
    }
    if (type == TNL_GTPU && text_eat(c, "gtpu(")) {
        if (!(p = grow(c, h, GTPU_HEADER_LEN)) || !text_named(c, "flags=", UINT8_MAX, &flags) ||
            !text_named(c, ",msgtype=", UINT8_MAX, &csum) || !text_named(c, ",teid=", UINT32_MAX, &v) ||
            !text_expect(c, ")")) {
            return false;
        }
        p[0] = (uint8_t)flags;
        p[1] = (uint8_t)csum;
        put_be32(p + 4, CONST_BE32(v));
        return true;
    }
    return text_fail(c, "vxlan(), geneve() or gtpu(), as the type says, is expected");
}

static bool parse_stt(struct text_cursor *c, struct header *h)
{
    uint64_t src, dst, key;
    struct tcp_header *tcp = (struct tcp_header *)(void *)grow(c, h, TCP_HEADER_LEN);
    struct stt_header *stt = tcp ? (struct stt_header *)(void *)grow(c, h, STT_HEADER_LEN) : NULL;
    if (!stt || !text_named(c, "tcp(src=", UINT16_MAX, &src) || !text_named(c, ",dst=", UINT16_MAX, &dst) ||
        !text_named(c, "),stt(key=", UINT64_MAX, &key) || !text_expect(c, ")")) {
        return false;
    }
    tcp->src = CONST_BE16(src);
    tcp->dst = CONST_BE16(dst);
    tcp->ctl = TCP_CTL(TCP_ACK | TCP_PSH, TCP_HEADER_LEN / 4);
    tcp->window = UINT16_MAX;
    stt->key = CONST_BE64(key);
    return true;
}

bool text_header(struct text_cursor *c, uint8_t *bytes, size_t size, uint32_t *header_len, uint32_t *tnl_type)
{
    struct header h = {bytes, 0, size};
    uint64_t len, type, dl_type;
    uint8_t proto = 0;
    if (!text_named(c, "header(size=", size, &len) || !text_named(c, ",type=", UINT32_MAX, &type)) {
        return false;
    }
    uint8_t *eth = grow(c, &h, ETH_HEADER_LEN);
    if (!eth || !text_expect(c, ",eth(dst=") || !text_eth(c, eth) || !text_expect(c, ",src=") ||
        !text_eth(c, eth + ETH_ADDR_LEN) || !text_named(c, ",dl_type=", UINT16_MAX, &dl_type) ||
        !text_expect(c, "),")) {
        return false;
    }
    put_be16(eth + 12, CONST_BE16(dl_type));
    if (!parse_ip(c, &h, dl_type, &proto)) {
        return false;
    }
    bool erspan = type == TNL_ERSPAN || type == TNL_IP6ERSPAN;
    bool ok;
    if (proto == IP_PROTO_UDP) {
        ok = parse_udp(c, &h, type);
    } else if (proto == IP_PROTO_GRE && erspan) {
        ok = text_expect(c, "erspan(") && parse_erspan(c, &h);
    } else if (proto == IP_PROTO_GRE) {
        ok = text_expect(c, "gre(") && parse_gre(c, &h);
    } else if (proto == IP_PROTO_TCP && type == TNL_STT) {
        ok = parse_stt(c, &h);
    } else {
        ok = text_fail(c, "proto 17 or 47, or 6 with STT's type, is expected");
    }
    if (!ok || !text_expect(c, ")")) {
        return false;
    }
    if (h.len != len) {
        return text_fail(c, "size=%zu is expected: that is what the headers take, and not %u", h.len,
                         (unsigned)len);
    }
    *header_len = (uint32_t)h.len;
    *tnl_type = (uint32_t)type;
    return true;
}
