/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/nicira_codec.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "openflow/action_text.h"

/* --- CT_FLUSH --- */

enum {
    CT_FLUSH_ORIG,
    CT_FLUSH_REPLY,
    CT_FLUSH_ZONE
};
enum {
    TUPLE_SRC,
    TUPLE_DST,
    TUPLE_SRC_PORT,
    TUPLE_DST_PORT,
    TUPLE_ICMP_ID,
    TUPLE_ICMP_TYPE,
    TUPLE_ICMP_CODE
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_ipv4(const uint8_t ip[16])
{
    return !memcmp(ip, mapped, sizeof mapped);
}

static bool is_zero(const uint8_t ip[16])
{
    static const uint8_t zeros[16];
    return !memcmp(ip, zeros, sizeof zeros);
}

/* All addresses are of one family. */
static enum ofperr take_address(struct reader *q, struct ct_flush *f, uint8_t ip[16])
{
    const uint8_t *p = q->n == 16 ? get_bytes(q, 16) : NULL;
    if (!p) {
        return OFPERR_OFPBPC_BAD_LEN;
    }
    memcpy(ip, p, 16);
    uint8_t family = is_ipv4(ip) ? 4 : 6;
    if (f->family && f->family != family) {
        return OFPERR_OFPBPC_BAD_VALUE;
    }
    f->family = family;
    return OFPERR_NONE;
}

static enum ofperr decode_tuple(struct reader *r, struct ct_flush *f, struct ct_flush_tuple *t)
{
    get_skip(r, 4);
    while (!r->bad && r->n) {
        uint16_t type;
        struct reader q;
        enum ofperr error = get_property(r, &type, &q) ? OFPERR_NONE : OFPERR_OFPBPC_BAD_LEN;
        if (error) {
            return error;
        }
        switch (type) {
        case TUPLE_SRC:
            error = take_address(&q, f, t->src);
            break;
        case TUPLE_DST:
            error = take_address(&q, f, t->dst);
            break;
        case TUPLE_SRC_PORT:
        case TUPLE_ICMP_ID:
            t->src_port = get_u16(&q);
            break;
        case TUPLE_DST_PORT:
            t->dst_port = get_u16(&q);
            break;
        case TUPLE_ICMP_TYPE:
            t->dst_port = (t->dst_port & 0xff) | get_u8(&q) << 8;
            break;
        case TUPLE_ICMP_CODE:
            t->dst_port = (t->dst_port & 0xff00) | get_u8(&q);
            break;
        default:
            break;
        }
        if (error || q.bad) {
            return error ? error : OFPERR_OFPBPC_BAD_LEN;
        }
    }
    return r->bad ? OFPERR_OFPBPC_BAD_LEN : OFPERR_NONE;
}

enum ofperr ct_flush_decode(const struct ofp_msg *m, struct ct_flush *f)
{
    struct reader r = m->body;
    *f = (struct ct_flush){.ip_proto = get_u8(&r)};
    if (!get_zeros(&r, 7)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    while (r.n) {
        uint16_t type;
        struct reader q;
        enum ofperr error = OFPERR_NONE;
        if (!get_property(&r, &type, &q)) {
            return OFPERR_OFPBPC_BAD_LEN;
        }
        if (type == CT_FLUSH_ORIG || type == CT_FLUSH_REPLY) {
            error = decode_tuple(&q, f, type == CT_FLUSH_ORIG ? &f->orig : &f->reply);
        } else if (type == CT_FLUSH_ZONE) {
            f->has_zone = true;
            f->zone = get_u16(&q);
        }
        if (error || q.bad) {
            return error ? error : OFPERR_OFPBPC_BAD_LEN;
        }
    }
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static void put_number(struct bytebuf *b, uint16_t type, unsigned value, unsigned bytes)
{
    size_t start = property_begin(b, type);
    if (bytes == 2) {
        put_u16(b, value);
    } else {
        put_u8(b, value);
    }
    property_end(b, start);
}

static void put_address(struct bytebuf *b, uint16_t type, const uint8_t ip[16])
{
    if (!is_zero(ip)) {
        size_t start = property_begin(b, type);
        bytebuf_put(b, ip, 16);
        property_end(b, start);
    }
}

static void put_tuple(struct bytebuf *b, uint16_t type, const struct ct_flush_tuple *t, uint8_t proto)
{
    size_t start = property_begin(b, type), empty;
    put_u32(b, 0);
    empty = b->len;
    put_address(b, TUPLE_SRC, t->src);
    put_address(b, TUPLE_DST, t->dst);
    if (proto == 1 || proto == 58) {
        put_number(b, TUPLE_ICMP_ID, t->src_port, 2);
        put_number(b, TUPLE_ICMP_TYPE, t->dst_port >> 8, 1);
        put_number(b, TUPLE_ICMP_CODE, t->dst_port & 0xff, 1);
    } else {
        if (t->src_port) {
            put_number(b, TUPLE_SRC_PORT, t->src_port, 2);
        }
        if (t->dst_port) {
            put_number(b, TUPLE_DST_PORT, t->dst_port, 2);
        }
    }
    if (b->len == empty) {
        b->len = start;
    } else {
        property_end(b, start);
    }
}

void ct_flush_encode(struct bytebuf *b, const struct ct_flush *f, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_CT_FLUSH, v, xid);
    put_u8(b, f->ip_proto);
    bytebuf_put_zeros(b, 7);
    put_tuple(b, CT_FLUSH_ORIG, &f->orig, f->ip_proto);
    put_tuple(b, CT_FLUSH_REPLY, &f->reply, f->ip_proto);
    if (f->has_zone) {
        put_number(b, CT_FLUSH_ZONE, f->zone, 2);
    }
    ofp_msg_end(b, start);
}

/* "ct_nw_src" and its like; which family and where. */
static char *parse_address(const char *key, const char *value, struct ct_flush *f, struct ct_flush_tuple *t)
{
    bool v6 = strstr(key, "ipv6");
    uint8_t *ip = strstr(key, "src") ? t->src : t->dst;
    if (f->family && f->family != (v6 ? 6 : 4)) {
        return xasprintf("the L3 protocol does not match %s", value);
    }
    if (!is_zero(ip)) {
        return xasprintf("%s is set multiple times", key);
    }
    f->family = v6 ? 6 : 4;
    if (!v6) {
        memcpy(ip, mapped, sizeof mapped);
    }
    return inet_pton(v6 ? AF_INET6 : AF_INET, value, v6 ? ip : ip + 12) == 1
               ? NULL
               : xasprintf("failed to parse field %s", key);
}

char *ct_flush_tuple_parse(const char *text, struct ct_flush *f, struct ct_flush_tuple *t)
{
    char *copy = xstrdup(text), *at = copy, *key, *value, *error = NULL;
    while (!error && text_next_key_value(&at, &key, &value)) {
        if (!*value) {
            error = xasprintf("field %s missing value", key);
        } else if (!strcmp(key, "ct_nw_src") || !strcmp(key, "ct_nw_dst") || !strcmp(key, "ct_ipv6_src") ||
                   !strcmp(key, "ct_ipv6_dst")) {
            error = parse_address(key, value, f, t);
        } else if (!strcmp(key, "ct_nw_proto")) {
            error = text_to_u8(value, key, &f->ip_proto);
        } else if (!strcmp(key, "ct_tp_src")) {
            error = text_to_u16(value, key, &t->src_port);
        } else if (!strcmp(key, "ct_tp_dst")) {
            error = text_to_u16(value, key, &t->dst_port);
        } else if (!strcmp(key, "icmp_type") || !strcmp(key, "icmp_code") || !strcmp(key, "icmp_id")) {
            if (f->ip_proto != 1 && f->ip_proto != 58) {
                error = xasprintf("%s: prerequisites not met", key);
            } else if (!strcmp(key, "icmp_id")) {
                error = text_to_u16(value, key, &t->src_port);
            } else {
                uint8_t n = 0;
                error = text_to_u8(value, key, &n);
                t->dst_port =
                    !strcmp(key, "icmp_type") ? (t->dst_port & 0xff) | n << 8 : (t->dst_port & 0xff00) | n;
            }
        } else {
            error = xasprintf("invalid conntrack tuple field: %s", key);
        }
    }
    if (!error && !f->ip_proto && (t->src_port || t->dst_port)) {
        error = xstrdup("port is set without protocol");
    }
    free(copy);
    return error;
}

static void format_address(const char *name, const uint8_t ip[16], bool v4, struct strbuf *s)
{
    char text[INET6_ADDRSTRLEN];
    bool dotted = v4 && is_ipv4(ip);
    inet_ntop(dotted ? AF_INET : AF_INET6, dotted ? ip + 12 : ip, text, sizeof text);
    strbuf_printf(s, "ct_%s_%s=%s,", v4 ? "nw" : "ipv6", name, text);
}

static void format_tuple(const struct ct_flush *f, const struct ct_flush_tuple *t, struct strbuf *s)
{
    format_address("src", t->src, f->family == 4, s);
    format_address("dst", t->dst, f->family == 4, s);
    if (f->ip_proto == 1 || f->ip_proto == 58) {
        strbuf_printf(s, "icmp_id=%u,icmp_type=%u,icmp_code=%u", t->src_port, t->dst_port >> 8,
                      t->dst_port & 0xffu);
    } else {
        strbuf_printf(s, "ct_tp_src=%u,ct_tp_dst=%u", t->src_port, t->dst_port);
    }
}

void ct_flush_format(const struct ct_flush *f, struct strbuf *s)
{
    strbuf_printf(s, "zone=%u '", f->zone);
    format_tuple(f, &f->orig, s);
    strbuf_printf(s, ",ct_nw_proto=%u' '", f->ip_proto);
    format_tuple(f, &f->reply, s);
    strbuf_put_char(s, '\'');
}

enum ofperr ct_flush_zone_decode(const struct ofp_msg *m, uint16_t *zone)
{
    struct reader r = m->body;
    if (!get_zeros(&r, 6)) {
        return OFPERR_NXBRC_MUST_BE_ZERO;
    }
    *zone = get_u16(&r);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void ct_flush_zone_encode(struct bytebuf *b, uint16_t zone, enum ofp_version v, uint32_t xid)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_CT_FLUSH_ZONE, v, xid);
    bytebuf_put_zeros(b, 6);
    put_u16(b, zone);
    ofp_msg_end(b, start);
}

/* --- IPFIX --- */

enum ofperr ipfix_stats_decode(struct reader *r, struct ipfix_stats *s)
{
    s->total_flows = get_u64(r);
    s->current_flows = get_u64(r);
    s->packets = get_u64(r);
    s->ipv4_packets = get_u64(r);
    s->ipv6_packets = get_u64(r);
    s->error_packets = get_u64(r);
    s->ipv4_error_packets = get_u64(r);
    s->ipv6_error_packets = get_u64(r);
    s->tx_packets = get_u64(r);
    s->tx_errors = get_u64(r);
    s->collector_set_id = get_u32(r);
    get_skip(r, 4);
    return r->bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

void ipfix_stats_encode(struct bytebuf *b, const struct ipfix_stats *s)
{
    put_u64(b, s->total_flows);
    put_u64(b, s->current_flows);
    put_u64(b, s->packets);
    put_u64(b, s->ipv4_packets);
    put_u64(b, s->ipv6_packets);
    put_u64(b, s->error_packets);
    put_u64(b, s->ipv4_error_packets);
    put_u64(b, s->ipv6_error_packets);
    put_u64(b, s->tx_packets);
    put_u64(b, s->tx_errors);
    put_u32(b, s->collector_set_id);
    put_u32(b, 0);
}
