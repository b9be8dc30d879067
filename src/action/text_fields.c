/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "action/text_private.h"
#include "base/alloc.h"

const char *const text_group_names[DP_N_SET_GROUPS] = {
#define X(NAME, STRUCT, TEXT) [DP_SET_##NAME] = TEXT,
    DP_SET_GROUPS(X)
#undef X
};

/* In the order in which they are written. mpls, nsh and tunnel have forms of their own. */
#define FIELD(GROUP, STRUCT, MEMBER, KIND, NAME)                                                             \
    {                                                                                                        \
        DP_SET_##GROUP, TEXT_##KIND, offsetof(struct STRUCT, MEMBER), NAME                                   \
    }
const struct text_field text_fields[] = {
    FIELD(PRIORITY, dp_set_u32, value, X32, NULL),
    FIELD(MARK, dp_set_u32, value, X32, NULL),
    FIELD(ETH, dp_set_eth, src, ETH, "src"),
    FIELD(ETH, dp_set_eth, dst, ETH, "dst"),
    FIELD(IPV4, dp_set_ipv4, src, IPV4, "src"),
    FIELD(IPV4, dp_set_ipv4, dst, IPV4, "dst"),
    FIELD(IPV4, dp_set_ipv4, proto, U8, "proto"),
    FIELD(IPV4, dp_set_ipv4, tos, X8, "tos"),
    FIELD(IPV4, dp_set_ipv4, ttl, U8, "ttl"),
    FIELD(IPV4, dp_set_ipv4, frag, FRAG, "frag"),
    FIELD(IPV6, dp_set_ipv6, src, IPV6, "src"),
    FIELD(IPV6, dp_set_ipv6, dst, IPV6, "dst"),
    FIELD(IPV6, dp_set_ipv6, label, XBE32, "label"),
    FIELD(IPV6, dp_set_ipv6, proto, U8, "proto"),
    FIELD(IPV6, dp_set_ipv6, tclass, X8, "tclass"),
    FIELD(IPV6, dp_set_ipv6, hlimit, U8, "hlimit"),
    FIELD(IPV6, dp_set_ipv6, frag, FRAG, "frag"),
    FIELD(TCP, dp_set_ports, src, BE16, "src"),
    FIELD(TCP, dp_set_ports, dst, BE16, "dst"),
    FIELD(UDP, dp_set_ports, src, BE16, "src"),
    FIELD(UDP, dp_set_ports, dst, BE16, "dst"),
    FIELD(SCTP, dp_set_ports, src, BE16, "src"),
    FIELD(SCTP, dp_set_ports, dst, BE16, "dst"),
    FIELD(ICMP, dp_set_icmp, type, U8, "type"),
    FIELD(ICMP, dp_set_icmp, code, U8, "code"),
    FIELD(ICMPV6, dp_set_icmp, type, U8, "type"),
    FIELD(ICMPV6, dp_set_icmp, code, U8, "code"),
    FIELD(ARP, dp_set_arp, sip, IPV4, "sip"),
    FIELD(ARP, dp_set_arp, tip, IPV4, "tip"),
    FIELD(ARP, dp_set_arp, op, BE16, "op"),
    FIELD(ARP, dp_set_arp, sha, ETH, "sha"),
    FIELD(ARP, dp_set_arp, tha, ETH, "tha"),
    FIELD(ND, dp_set_nd, target, IPV6, "target"),
    FIELD(ND, dp_set_nd, sll, ETH, "sll"),
    FIELD(ND, dp_set_nd, tll, ETH, "tll"),
    FIELD(ND_EXT, dp_set_nd_ext, reserved, XBE32, "nd_reserved"),
    FIELD(ND_EXT, dp_set_nd_ext, options_type, U8, "nd_options_type"),
};
const size_t n_text_fields = ARRAY_SIZE(text_fields);

static const char *const frag_names[] = {"no", "first", "frag", "later"}; /* by nw_frag; 2 alone cannot be */

size_t text_kind_size(enum text_kind kind)
{
    static const uint8_t sizes[] = {
        [TEXT_U8] = 1,  [TEXT_X8] = 1,   [TEXT_BE16] = 2,  [TEXT_X32] = 4,  [TEXT_XBE32] = 4,
        [TEXT_ETH] = 6, [TEXT_IPV4] = 4, [TEXT_IPV6] = 16, [TEXT_FRAG] = 1,
    };
    return sizes[kind];
}

void text_put_eth(struct strbuf *s, const void *mac)
{
    const uint8_t *m = mac;
    strbuf_printf(s, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

void dp_text_put_ipv4(struct strbuf *s, const void *addr)
{
    const uint8_t *a = addr;
    strbuf_printf(s, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

void dp_text_put_ipv6(struct strbuf *s, const void *addr)
{
    char text[INET6_ADDRSTRLEN];
    strbuf_puts(s, inet_ntop(AF_INET6, addr, text, sizeof text));
}

void text_put_hex(struct strbuf *s, const uint8_t *bytes, size_t n)
{
    while (n && !*bytes) {
        bytes++;
        n--;
    }
    strbuf_printf(s, n ? "0x%x" : "0", n ? *bytes : 0);
    for (size_t i = 1; i < n; i++) {
        strbuf_printf(s, "%02x", bytes[i]);
    }
}

static uint32_t number_of(enum text_kind kind, const void *p)
{
    uint32_t host;
    switch (kind) {
    case TEXT_BE16:
        return CONST_BE16(get_be16(p));
    case TEXT_X32:
        memcpy(&host, p, sizeof host);
        return host;
    case TEXT_XBE32:
        return CONST_BE32(get_be32(p));
    default:
        return *(const uint8_t *)p;
    }
}

static void put_one(struct strbuf *s, enum text_kind kind, const void *p)
{
    switch (kind) {
    case TEXT_ETH:
        text_put_eth(s, p);
        break;
    case TEXT_IPV4:
        dp_text_put_ipv4(s, p);
        break;
    case TEXT_IPV6:
        dp_text_put_ipv6(s, p);
        break;
    case TEXT_FRAG:
        strbuf_puts(s, frag_names[number_of(kind, p) & 3]);
        break;
    case TEXT_U8:
    case TEXT_BE16:
        strbuf_printf(s, "%u", number_of(kind, p));
        break;
    case TEXT_X8:
    case TEXT_X32:
    case TEXT_XBE32:
        strbuf_printf(s, "%#x", number_of(kind, p));
        break;
    }
}

void text_put_value(struct strbuf *s, enum text_kind kind, const void *value, const void *mask)
{
    const uint8_t *m = mask;
    bool ones = true;
    put_one(s, kind, value);
    for (size_t i = 0; m && i < text_kind_size(kind); i++) {
        /* A flow label has 20 bits. */
        ones = ones && (m[i] == 0xff || (kind == TEXT_XBE32 && get_be32(m) == CONST_BE32(0xfffff)));
    }
    if (!m || ones || kind == TEXT_FRAG) {
        return;
    }
    strbuf_put_char(s, '/');
    if (kind == TEXT_U8 || kind == TEXT_BE16) {
        strbuf_printf(s, "%#x", number_of(kind, m));
    } else {
        put_one(s, kind, m);
    }
}

void text_put_port(struct strbuf *s, uint32_t port, const struct port_names *ports)
{
    const char *name = ports && ports->name ? ports->name(ports, port) : NULL;
    if (name) {
        strbuf_puts(s, name);
    } else {
        strbuf_printf(s, "%u", port);
    }
}

bool text_fail(struct text_cursor *c, const char *format, ...)
{
    if (!c->error) {
        va_list args;
        va_start(args, format);
        char *what = xvasprintf(format, args);
        va_end(args);
        c->error = xasprintf("%s at character %td, before \"%.30s\"", what, c->p - c->start + 1, c->p);
        free(what);
    }
    return false;
}

bool text_eat(struct text_cursor *c, const char *word)
{
    size_t n = strlen(word);
    if (c->error || strncmp(c->p, word, n)) {
        return false;
    }
    c->p += n;
    return true;
}

bool text_expect(struct text_cursor *c, const char *word)
{
    return text_eat(c, word) || text_fail(c, "\"%s\" is expected", word);
}

bool text_number(struct text_cursor *c, uint64_t max, uint64_t *value)
{
    if (c->error) {
        return false;
    }
    if (!isdigit((unsigned char)*c->p)) {
        return text_fail(c, "a number is expected");
    }
    /* Not base 0: an octal number surprises. */
    int base = c->p[0] == '0' && (c->p[1] | 0x20) == 'x' && isxdigit((unsigned char)c->p[2]) ? 16 : 10;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(c->p, &end, base);
    if (errno || v > max) {
        return text_fail(c, "a number up to %llu is expected", (unsigned long long)max);
    }
    c->p = end;
    *value = v;
    return true;
}

bool text_hex32(struct text_cursor *c, uint32_t *value)
{
    be32 v;
    const char *start = c->p;
    if (!c->error && isxdigit((unsigned char)*c->p)) {
        /* text_hex() takes a number without 0x for a decimal one. */
        size_t digits = strspn(c->p, "0123456789abcdefABCDEF");
        char *end;
        if (digits <= 8 && strncasecmp(c->p, "0x", 2)) {
            *value = (uint32_t)strtoul(c->p, &end, 16);
            c->p += digits;
            return true;
        }
    }
    if (c->error || strncasecmp(start, "0x", 2) || !text_hex(c, (uint8_t *)&v, sizeof v)) {
        return text_fail(c, "a hexadecimal number of at most 32 bits is expected");
    }
    *value = CONST_BE32(v);
    return true;
}

bool text_named(struct text_cursor *c, const char *name_and_equals, uint64_t max, uint64_t *value)
{
    return text_expect(c, name_and_equals) && text_number(c, max, value);
}

bool text_eth(struct text_cursor *c, void *mac)
{
    uint8_t *m = mac;
    const char *p = c->p;
    for (int i = 0; i < 6; i++) {
        int n = 0;
        unsigned v = 0;
        for (; n < 2 && isxdigit((unsigned char)p[n]); n++) {
            v = v * 16 + (unsigned)(isdigit((unsigned char)p[n]) ? p[n] - '0' : (p[n] | 0x20) - 'a' + 10);
        }
        if (c->error || !n || (i < 5 && p[n] != ':')) {
            return text_fail(c, "an Ethernet address is expected");
        }
        m[i] = (uint8_t)v;
        p += n + (i < 5);
    }
    c->p = p;
    return true;
}

/* The run of characters of an address, as inet_pton() wants it. */
static bool address(struct text_cursor *c, int family, const char *charset, const char *what, void *addr)
{
    char text[INET6_ADDRSTRLEN + 1];
    size_t n = c->error ? 0 : strspn(c->p, charset);
    if (!n || n >= sizeof text) {
        return text_fail(c, "%s is expected", what);
    }
    memcpy(text, c->p, n);
    text[n] = '\0';
    if (inet_pton(family, text, addr) != 1) {
        return text_fail(c, "%s is expected", what);
    }
    c->p += n;
    return true;
}

bool text_ipv4(struct text_cursor *c, void *addr)
{
    return address(c, AF_INET, "0123456789.", "an IPv4 address", addr);
}

bool text_ipv6(struct text_cursor *c, void *addr)
{
    return address(c, AF_INET6, "0123456789abcdefABCDEF:.", "an IPv6 address", addr);
}

bool text_hex(struct text_cursor *c, uint8_t *bytes, size_t n)
{
    bool prefixed = text_eat(c, "0x") || text_eat(c, "0X");
    size_t digits = c->error ? 0 : strspn(c->p, "0123456789abcdefABCDEF");
    size_t zeros = strspn(c->p, "0");
    size_t significant = digits - MIN(zeros, digits);
    if (!digits) {
        return text_fail(c, "a hexadecimal number is expected");
    }
    if (!prefixed && significant) { /* decimal: small numbers only */
        uint64_t v;
        if (!text_number(c, n >= 8 ? UINT64_MAX : (1ull << 8 * n) - 1, &v)) {
            return false;
        }
        memset(bytes, 0, n);
        for (size_t i = 0; i < MIN(n, 8); i++) {
            bytes[n - 1 - i] = (uint8_t)(v >> 8 * i);
        }
        return true;
    }
    if (significant > 2 * n) {
        return text_fail(c, "a number of at most %zu bytes is expected", n);
    }
    memset(bytes, 0, n);
    for (size_t i = 0; i < significant; i++) {
        char d = c->p[digits - 1 - i];
        unsigned v = (unsigned)(isdigit((unsigned char)d) ? d - '0' : (d | 0x20) - 'a' + 10);
        bytes[n - 1 - i / 2] |= (uint8_t)(i % 2 ? v << 4 : v);
    }
    c->p += digits;
    return true;
}

static bool one_value(struct text_cursor *c, enum text_kind kind, void *to)
{
    uint64_t v = 0;
    switch (kind) {
    case TEXT_ETH:
        return text_eth(c, to);
    case TEXT_IPV4:
        return text_ipv4(c, to);
    case TEXT_IPV6:
        return text_ipv6(c, to);
    case TEXT_FRAG:
        for (unsigned i = 0; i < ARRAY_SIZE(frag_names); i++) {
            if (i != 2 && text_eat(c, frag_names[i])) {
                *(uint8_t *)to = (uint8_t)i;
                return true;
            }
        }
        return text_fail(c, "no, first or later is expected");
    case TEXT_U8:
    case TEXT_X8:
        if (text_number(c, UINT8_MAX, &v)) {
            *(uint8_t *)to = (uint8_t)v;
        }
        break;
    case TEXT_BE16:
        if (text_number(c, UINT16_MAX, &v)) {
            put_be16(to, CONST_BE16(v));
        }
        break;
    case TEXT_X32:
    case TEXT_XBE32:
        if (text_number(c, UINT32_MAX, &v)) {
            put_be32(to, kind == TEXT_X32 ? (uint32_t)v : CONST_BE32(v));
        }
        break;
    }
    return !c->error;
}

bool text_value(struct text_cursor *c, enum text_kind kind, void *value, void *mask)
{
    if (!one_value(c, kind, value)) {
        return false;
    }
    if (kind != TEXT_FRAG && text_eat(c, "/")) {
        return one_value(c, kind, mask);
    }
    memset(mask, 0xff, text_kind_size(kind));
    return true;
}

bool text_port(struct text_cursor *c, uint32_t *port)
{
    uint64_t v;
    if (c->error) {
        return false;
    }
    if (isdigit((unsigned char)*c->p)) {
        if (text_number(c, UINT32_MAX, &v)) {
            *port = (uint32_t)v;
        }
        return !c->error;
    }
    size_t n = strcspn(c->p, ",() \t\r\n");
    if (!n) {
        return text_fail(c, "a port is expected");
    }
    char *name = xmemdup0(c->p, n);
    bool ok = c->ports && c->ports->number && c->ports->number(c->ports, name, port);
    free(name);
    if (!ok) {
        return text_fail(c, "an action or port is expected");
    }
    c->p += n;
    return true;
}

bool text_more(struct text_cursor *c)
{
    if (text_eat(c, ",")) {
        return true;
    }
    if (!text_eat(c, ")")) {
        text_fail(c, "\",\" or \")\" is expected");
    }
    return false;
}
