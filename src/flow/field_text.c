/* SPDX-License-Identifier: Apache-2.0 */
/* A field's value as text, both ways: one function for each enum field_format. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "flow/field.h"
#include "flow/flags.h"
#include "flow/text.h"

/* --- Out ----------------------------------------------------------------------------------------------- */

static uint64_t to_number(const uint8_t *b, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) {
        v = v << 8 | b[i];
    }
    return v;
}

void text_put_hex_bytes(struct strbuf *s, const uint8_t *b, unsigned n)
{
    while (n > 1 && !*b) {
        b++, n--;
    }
    if (!n || (n == 1 && !*b)) {
        strbuf_put_char(s, '0');
        return;
    }
    strbuf_printf(s, "0x%x", b[0]);
    for (unsigned i = 1; i < n; i++) {
        strbuf_printf(s, "%02x", b[i]);
    }
}

void text_put_mac(struct strbuf *s, const struct eth_addr *a)
{
    strbuf_printf(s, "%02x:%02x:%02x:%02x:%02x:%02x", a->ea[0], a->ea[1], a->ea[2], a->ea[3], a->ea[4],
                  a->ea[5]);
}

void text_put_ipv4(struct strbuf *s, be32 a)
{
    const uint8_t *b = (const uint8_t *)&a;
    strbuf_printf(s, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

void text_put_ipv4_masked(struct strbuf *s, be32 a, be32 mask)
{
    text_put_ipv4(s, a);
    if (mask != UINT32_MAX) {
        uint32_t m = CONST_BE32(mask);
        strbuf_put_char(s, '/');
        if (~m & (~m + 1)) {
            text_put_ipv4(s, mask);
        } else {
            strbuf_printf(s, "%d", __builtin_popcount(m));
        }
    }
}

void text_put_ipv6(struct strbuf *s, const struct ipv6_addr *a)
{
    char buf[INET6_ADDRSTRLEN];
    strbuf_puts(s, inet_ntop(AF_INET6, a, buf, sizeof buf));
}

/* The length of a prefix mask, or -1. */
int text_ipv6_prefix(const struct ipv6_addr *mask)
{
    int n = 0;
    while (n < 128 && (mask->u8[n / 8] >> (7 - n % 8)) & 1) {
        n++;
    }
    for (int i = n; i < 128; i++) {
        if ((mask->u8[i / 8] >> (7 - i % 8)) & 1) {
            return -1;
        }
    }
    return n;
}

void text_put_ipv6_masked(struct strbuf *s, const struct ipv6_addr *a, const struct ipv6_addr *mask)
{
    text_put_ipv6(s, a);
    int n = text_ipv6_prefix(mask);
    if (n < 0) {
        strbuf_put_char(s, '/');
        text_put_ipv6(s, mask);
    } else if (n < 128) {
        strbuf_printf(s, "/%d", n);
    }
}

static const struct {
    uint8_t value, mask;
    const char *name;
} frags[] = {
    {0, 3, "no"},    {FLOW_NW_FRAG_ANY, FLOW_NW_FRAG_ANY, "yes"}, {FLOW_NW_FRAG_ANY, 3, "first"},
    {3, 3, "later"}, {0, FLOW_NW_FRAG_LATER, "not_later"},
};

void text_put_frag(struct strbuf *s, uint8_t value, uint8_t mask)
{
    for (size_t i = 0; i < ARRAY_SIZE(frags); i++) {
        if (frags[i].mask == (mask & 3) && frags[i].value == (value & 3)) {
            strbuf_puts(s, frags[i].name);
            return;
        }
    }
    strbuf_puts(s, "<error>");
}

static void put_packet_type(struct strbuf *s, be32 pt)
{
    uint32_t v = CONST_BE32(pt);
    strbuf_printf(s, (v & 0xffff) < 10 ? "(%u,%u)" : "(%u,0x%x)", v >> 16, v & 0xffff);
}

static void put_integer(const struct field *f, const union field_value *value, const union field_value *mask,
                        struct strbuf *s)
{
    if (f->n_bytes > 8) {
        text_put_hex_bytes(s, value->b, f->n_bytes);
        if (mask) {
            strbuf_put_char(s, '/');
            text_put_hex_bytes(s, mask->b, f->n_bytes);
        }
        return;
    }
    unsigned long long v = to_number(value->b, f->n_bytes);
    strbuf_printf(s, f->format == FIELD_DEC ? "%llu" : "%#llx", v);
    if (mask) {
        strbuf_printf(s, "/%#llx", (unsigned long long)to_number(mask->b, f->n_bytes));
    }
}

void field_format_masked(const struct field *f, const union field_value *value, const union field_value *mask,
                         const struct port_names *ports, struct strbuf *s)
{
    if (f->format == FIELD_DEC || f->format == FIELD_HEX) {
        put_integer(f, value, mask, s);
    } else {
        field_format(f, value, mask, ports, s);
    }
}

void field_format(const struct field *f, const union field_value *value, const union field_value *mask,
                  const struct port_names *ports, struct strbuf *s)
{
    union field_value ones;
    bool is_masked = mask != NULL;
    field_all_ones(f, &ones);
    if (mask) {
        bool zero = true, exact = true;
        for (unsigned i = 0; i < f->n_bytes; i++) {
            zero &= !mask->b[i];
            exact &= (mask->b[i] & ones.b[i]) == ones.b[i];
        }
        if (zero) {
            strbuf_puts(s, "ANY");
            return;
        }
        if (exact) {
            mask = NULL;
        }
    }
    const union field_value *m = mask ? mask : &ones;
    switch ((enum field_format)f->format) {
    case FIELD_DEC:
    case FIELD_HEX:
        put_integer(f, value, mask, s);
        break;
    case FIELD_MAC:
        text_put_mac(s, &value->mac);
        if (mask) {
            strbuf_put_char(s, '/');
            text_put_mac(s, &mask->mac);
        }
        break;
    case FIELD_IPV4:
        text_put_ipv4_masked(s, value->be32, m->be32);
        break;
    case FIELD_IPV6:
        text_put_ipv6_masked(s, &value->ipv6, &m->ipv6);
        break;
    case FIELD_PORT:
        ofport_format(CONST_BE16(value->be16), ports, s);
        break;
    case FIELD_PORT_OXM: {
        uint32_t port = CONST_BE32(value->be32);
        ofport_format(port >= 0xffffff00u ? port & 0xffff : port, ports, s);
        break;
    }
    case FIELD_FRAG:
        text_put_frag(s, value->b[0], m->b[0]);
        break;
    case FIELD_TUNFLAGS:
        flags_format_masked(s, flag_names_tunnel, CONST_BE16(value->be16), CONST_BE16(m->be16),
                            is_masked ? UINT32_MAX : FLOW_TUN_OAM);
        break;
    case FIELD_TCPFLAGS:
        flags_format_masked(s, flag_names_tcp, CONST_BE16(value->be16), CONST_BE16(m->be16), 0xfff);
        break;
    case FIELD_CTSTATE:
        flags_format_masked(s, flag_names_ct_state, CONST_BE32(value->be32), CONST_BE32(m->be32), 0xff);
        break;
    case FIELD_PKTTYPE:
        put_packet_type(s, value->be32);
        break;
    }
}

/* --- In ------------------------------------------------------------------------------------------------ */

/* An integer of any size at *TEXT, to *TEXT's first byte that is not of it. False: no digits there. OVERFLOW
 * is set if it needs more than N bytes. */
static bool parse_integer(const char **text, uint8_t *out, unsigned n, bool *overflow)
{
    const char *p = *text;
    memset(out, 0, n);
    *overflow = false;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        const char *first = p += 2;
        while (isxdigit((unsigned char)*p)) {
            p++;
        }
        while (first < p && *first == '0') {
            first++;
        }
        size_t digits = (size_t)(p - first);
        *overflow = digits > 2 * n;
        for (size_t i = 0; i < digits && !*overflow; i++) {
            char c = (char)tolower((unsigned char)p[-1 - (long)i]);
            uint8_t v = (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
            out[n - 1 - i / 2] |= (uint8_t)(i & 1 ? v << 4 : v);
        }
        *text = p;
        return true;
    }
    if (!isdigit((unsigned char)*p) && !((*p == '-' || *p == '+') && isdigit((unsigned char)p[1]))) {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long v = strtoull(p, &end, 0);
    /* A negative number is a large one, of 64 bits. */
    *overflow = errno == ERANGE || (*p == '-' && n < 8) || (n < 8 && v >> (8 * n));
    for (unsigned i = 0; i < n && i < 8; i++) {
        out[n - 1 - i] = (uint8_t)(v >> (8 * i));
    }
    *text = end;
    return true;
}

static char *parse_number(const struct field *f, const char *text, union field_value *value,
                          union field_value *mask)
{
    const char *p = text;
    bool overflow;
    bool is_number = parse_integer(&p, value->b, f->n_bytes, &overflow);
    if (is_number && overflow) {
        return xasprintf("%s: value too large for %u-byte field %s", text, f->n_bytes, f->name);
    }
    if (!is_number || (*p && *p != '/')) {
        return xasprintf("%s: bad syntax for %s value", text, f->name);
    }
    if (!*p) {
        memset(mask->b, 0xff, f->n_bytes);
        return NULL;
    }
    p++;
    if (!parse_integer(&p, mask->b, f->n_bytes, &overflow) || *p) {
        return xasprintf("%s: bad syntax for %s mask", text, f->name);
    }
    if (overflow) {
        return xasprintf("%s: mask too large for %u-byte field %s", text, f->n_bytes, f->name);
    }
    /* How long an option is, the value says as well as the mask. */
    for (unsigned i = 0; i < f->n_bytes && !field_is_tun_metadata(f); i++) {
        value->b[i] &= mask->b[i];
    }
    return NULL;
}

size_t text_get_mac(const char *text, struct eth_addr *a)
{
    const char *p = text;
    for (int i = 0; i < 6; i++) {
        int digits = 0;
        unsigned v = 0;
        for (; digits < 2 && isxdigit((unsigned char)*p); p++, digits++) {
            v = v * 16 +
                (unsigned)(isdigit((unsigned char)*p) ? *p - '0' : tolower((unsigned char)*p) - 'a' + 10);
        }
        if (!digits || (i < 5 && *p++ != ':')) {
            return 0;
        }
        a->ea[i] = (uint8_t)v;
    }
    return (size_t)(p - text);
}

size_t text_get_ipv4(const char *text, be32 *a)
{
    uint8_t b[4];
    const char *p = text;
    for (int i = 0; i < 4; i++) {
        unsigned v = 0;
        int digits = 0;
        for (; digits < 3 && isdigit((unsigned char)*p); p++, digits++) {
            v = v * 10 + (unsigned)(*p - '0');
        }
        if (!digits || v > 255 || (i < 3 && *p++ != '.')) {
            return 0;
        }
        b[i] = (uint8_t)v;
    }
    memcpy(a, b, 4);
    return (size_t)(p - text);
}

size_t text_get_ipv6(const char *text, struct ipv6_addr *a)
{
    char buf[INET6_ADDRSTRLEN];
    size_t n = strspn(text, "0123456789abcdefABCDEF:.");
    if (n >= sizeof buf) {
        return 0;
    }
    memcpy(buf, text, n);
    buf[n] = '\0';
    return inet_pton(AF_INET6, buf, a) == 1 ? n : 0;
}

static char *parse_mac(const char *text, union field_value *value, union field_value *mask)
{
    size_t n = text_get_mac(text, &value->mac);
    memset(mask->b, 0xff, 6);
    if (n && text[n] == '/') {
        size_t m = text_get_mac(text + n + 1, &mask->mac);
        n = m ? n + 1 + m : 0;
    }
    if (!n || text[n]) {
        return xasprintf("%s: invalid Ethernet address", text);
    }
    for (int i = 0; i < 6; i++) {
        value->b[i] &= mask->b[i];
    }
    return NULL;
}

static bool is_number(const char *p)
{
    return isdigit((unsigned char)p[*p == '-']);
}

char *text_parse_ipv4_masked(const char *text, size_t *used, be32 *a, be32 *mask)
{
    size_t n = text_get_ipv4(text, a);
    *mask = UINT32_MAX;
    if (n && text[n] == '/') {
        const char *p = text + n + 1;
        size_t m = text_get_ipv4(p, mask);
        if (!m) {
            char *end;
            if (!is_number(p)) {
                return xasprintf("%s: invalid IP address", text);
            }
            unsigned long plen = strtoul(p, &end, 10); /* a negative one is a large one */
            if (plen > 32) {
                return xasprintf("%s: IPv4 network prefix bits not between 0 and 32, inclusive", text);
            }
            *mask = plen ? CONST_BE32((uint32_t)(UINT32_MAX << (32 - plen))) : 0;
            m = (size_t)(end - p);
        }
        n += 1 + m;
    }
    if (!n) {
        return xasprintf("%s: invalid IP address", text);
    }
    *a &= *mask;
    *used = n;
    return NULL;
}

char *text_parse_ipv6_masked(const char *text, size_t *used, struct ipv6_addr *a, struct ipv6_addr *mask)
{
    size_t n = text_get_ipv6(text, a);
    memset(mask, 0xff, sizeof *mask);
    if (n && text[n] == '/') {
        const char *p = text + n + 1;
        size_t m = text_get_ipv6(p, mask);
        if (!m) {
            char *end;
            if (!is_number(p)) {
                return xasprintf("%s: invalid IPv6 address", text);
            }
            unsigned long plen = strtoul(p, &end, 10);
            if (plen > 128) {
                return xasprintf("%s: IPv6 network prefix bits not between 0 and 128, inclusive", text);
            }
            memset(mask, 0, sizeof *mask);
            for (unsigned i = 0; i < plen; i++) {
                mask->u8[i / 8] |= (uint8_t)(0x80 >> (i % 8));
            }
            m = (size_t)(end - p);
        }
        n += 1 + m;
    }
    if (!n) {
        return xasprintf("%s: invalid IPv6 address", text);
    }
    for (int i = 0; i < 4; i++) {
        a->be32[i] &= mask->be32[i];
    }
    *used = n;
    return NULL;
}

static char *parse_packet_type(const char *text, union field_value *value)
{
    const char *p = text;
    char *end;
    if (*p++ != '(') {
        return xasprintf("%s: bad syntax for packet type missing '('", text);
    }
    unsigned long ns = strtoul(p, &end, 0);
    if (end == p || ns > 0xffff) {
        return xasprintf("%s: bad syntax for packet type ns", p);
    }
    if (*end != ',') {
        return xasprintf("%s: bad syntax for packet type missing ','", p);
    }
    p = end + 1;
    unsigned long type = strtoul(p, &end, 0);
    if (end == p || type > 0xffff) {
        return xasprintf("%s: bad syntax for packet type ns_type", p);
    }
    if (*end != ')') {
        return xasprintf("%s: bad syntax for packet type missing ')'", p);
    }
    value->be32 = CONST_BE32((uint32_t)(ns << 16 | type));
    return NULL;
}

static char *parse_frag(const char *text, union field_value *value, union field_value *mask)
{
    for (size_t i = 0; i < ARRAY_SIZE(frags); i++) {
        if (!strcasecmp(text, frags[i].name)) {
            value->b[0] = frags[i].value;
            mask->b[0] = frags[i].mask;
            return NULL;
        }
    }
    return xasprintf("%s: unknown fragment type (valid types are \"no\", \"yes\", \"first\", \"later\", "
                     "\"not_later\"",
                     text);
}

static char *parse_flags(const struct field *f, const char *text, union field_value *value,
                         union field_value *mask)
{
    uint32_t v, m;
    const struct flag_name *names = f->format == FIELD_TUNFLAGS   ? flag_names_tunnel
                                    : f->format == FIELD_TCPFLAGS ? flag_names_tcp
                                                                  : flag_names_ct_state;
    const char *what = f->format == FIELD_TUNFLAGS   ? "tunnel"
                       : f->format == FIELD_TCPFLAGS ? "TCP"
                                                     : "ct_state";
    uint32_t all = f->format == FIELD_TUNFLAGS ? FLOW_TUN_OAM : f->format == FIELD_TCPFLAGS ? 0xfff : 0xff;
    char *error = flags_parse(text, strlen(text), names, what, all, &v, &m);
    if (error) {
        return error;
    }
    if (m == all && f->format != FIELD_CTSTATE) {
        m = UINT32_MAX; /* on the wire no mask says it; of ct_state the bits that are not defined yet are left
                           out */
    }
    if (f->n_bytes == 2) {
        value->be16 = CONST_BE16(v);
        mask->be16 = CONST_BE16(m);
    } else {
        value->be32 = CONST_BE32(v);
        mask->be32 = CONST_BE32(m);
    }
    return NULL;
}

char *field_parse(const struct field *f, const char *text, const struct port_names *ports,
                  union field_value *value, union field_value *mask)
{
    size_t used = 0;
    char *error = NULL;

    memset(value->b, 0, f->n_bytes);
    if (!strcmp(text, "*")) {
        memset(mask->b, 0, f->n_bytes);
        return NULL;
    }
    memset(mask->b, 0xff, f->n_bytes);
    switch ((enum field_format)f->format) {
    case FIELD_DEC:
    case FIELD_HEX:
        return parse_number(f, text, value, mask);
    case FIELD_MAC:
        return parse_mac(text, value, mask);
    case FIELD_IPV4:
        error = text_parse_ipv4_masked(text, &used, &value->be32, &mask->be32);
        return error ? error : text[used] ? xasprintf("%s: invalid IP address", text) : NULL;
    case FIELD_IPV6:
        error = text_parse_ipv6_masked(text, &used, &value->ipv6, &mask->ipv6);
        return error ? error : text[used] ? xasprintf("%s: invalid IPv6 address", text) : NULL;
    case FIELD_PORT:
    case FIELD_PORT_OXM: {
        uint32_t port;
        if (!ofport_parse(text, ports, &port)) {
            return xasprintf(f->format == FIELD_PORT ? "%s: invalid or unknown port for %s"
                                                     : "%s: port value out of range for %s",
                             text, f->name);
        }
        if (f->format == FIELD_PORT) {
            value->be16 = CONST_BE16(port);
        } else {
            value->be32 = CONST_BE32(port >= OFPORT_MAX ? port | 0xffff0000u : port);
        }
        return NULL;
    }
    case FIELD_FRAG:
        return parse_frag(text, value, mask);
    case FIELD_TUNFLAGS:
    case FIELD_TCPFLAGS:
    case FIELD_CTSTATE:
        return parse_flags(f, text, value, mask);
    case FIELD_PKTTYPE:
        return parse_packet_type(text, value);
    }
    NOT_REACHED();
}

char *field_parse_value(const struct field *f, const char *text, const struct port_names *ports,
                        union field_value *value)
{
    union field_value mask, ones;
    char *error = field_parse(f, text, ports, value, &mask);
    if (error) {
        return error;
    }
    field_all_ones(f, &ones);
    if (f->format == FIELD_CTSTATE) {
        ones.be32 = CONST_BE32(0xff); /* all the flags that there are */
    }
    for (unsigned i = 0; i < f->n_bytes; i++) {
        if ((mask.b[i] & ones.b[i]) != ones.b[i]) {
            return xasprintf("%s: wildcards not allowed here", text);
        }
    }
    return NULL;
}
