/* SPDX-License-Identifier: Apache-2.0 */
/* ct and nat, in text. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/color.h"
#include "openflow/action_text.h"

static const struct {
    const char *name;
    uint16_t port;
} helpers[] = {{"ftp", 21}, {"tftp", 69}};

/* --- ct --- */

static char *parse_zone(const char *value, struct ofpact_ct *a)
{
    char *error = text_to_u16(value, "zone", &a->zone_imm);
    if (error) {
        free(error);
        return subfield_parse(value, &a->zone_src);
    }
    return NULL;
}

static char *parse_ct_key(const char *key, char *value, struct ofpact_ct *a, const struct action_parse *p,
                          bool *nested)
{
    if (!strcmp(key, "commit")) {
        a->flags |= CT_COMMIT;
    } else if (!strcmp(key, "force")) {
        a->flags |= CT_FORCE;
    } else if (!strcmp(key, "table")) {
        if (!ofp_table_parse(value, p->names, &a->recirc_table)) {
            return xasprintf("unknown table %s", value);
        } else if (a->recirc_table == CT_RECIRC_NONE) {
            return xasprintf("invalid table %#x", a->recirc_table);
        }
    } else if (!strcmp(key, "zone")) {
        return parse_zone(value, a);
    } else if (!strcmp(key, "alg")) {
        for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
            if (!strcmp(value, helpers[i].name)) {
                a->alg = helpers[i].port;
                return NULL;
            }
        }
        return xasprintf("invalid conntrack helper \"%s\"", value);
    } else if (!strcmp(key, "nat") || !strcmp(key, "exec")) {
        *nested = true;
    } else {
        return xasprintf("invalid argument to \"ct\" action: `%s'", key);
    }
    return NULL;
}

/* nat() and exec() come into the action itself, nat first, as the reference orders them. */
char *ofpact_parse_CT(char *arg, const struct action_parse *p)
{
    size_t ofs = p->out->len;
    OFPACT_PUT(CT, p->out);
    struct ofpact_ct head = {.recirc_table = CT_RECIRC_NONE};
    struct bytebuf exec = BYTEBUF_INITIALIZER;
    char *key, *value, *error = NULL;
    while (!error && text_next_key_value(&arg, &key, &value)) {
        bool nested = false;
        struct action_parse q = *p;
        error = parse_ct_key(key, value, &head, p, &nested);
        if (nested && !strcmp(key, "nat")) {
            error = ofpact_parse_NAT(value, &q);
            bytebuf_pad(p->out, OFPACT_ALIGN);
        } else if (nested) {
            q.out = &exec;
            error = ofpacts_parse_nested(value, &q, OFPACT_CT, false);
        }
    }
    if (!error && head.flags & CT_FORCE && !(head.flags & CT_COMMIT)) {
        error = xstrdup("\"force\" flag requires \"commit\" flag.");
    }
    struct ofpact_ct *a = bytebuf_at(p->out, ofs);
    head.ofpact = a->ofpact;
    memcpy(a, &head, sizeof head);
    bytebuf_put(p->out, exec.data, exec.len);
    ofpact_finish(p->out, ofs);
    bytebuf_fini(&exec);
    return error;
}

static void format_alg(uint16_t alg, struct strbuf *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(helpers); i++) {
        if (helpers[i].port == alg) {
            color_put_name(s, "alg");
            strbuf_printf(s, "%s,", helpers[i].name);
            return;
        }
    }
    if (alg) {
        color_put_name(s, "alg");
        strbuf_printf(s, "%u,", alg);
    }
}

void ofpact_format_CT(const struct ofpact_ct *a, const struct action_format *f)
{
    struct strbuf *s = f->s;
    color_puts(s, COLOR_PAREN, "ct(");
    if (a->flags & CT_COMMIT) {
        color_puts(s, COLOR_VALUE, "commit");
        strbuf_put_char(s, ',');
    }
    if (a->flags & CT_FORCE) {
        color_puts(s, COLOR_VALUE, "force");
        strbuf_put_char(s, ',');
    }
    if (a->recirc_table != CT_RECIRC_NONE) {
        color_puts(s, COLOR_SPECIAL, "table=");
        ofp_table_format(a->recirc_table, f->names, s);
        strbuf_put_char(s, ',');
    }
    if (a->zone_src.field) {
        color_put_name(s, "zone");
        subfield_format(&a->zone_src, s);
        strbuf_put_char(s, ',');
    } else if (a->zone_imm) {
        color_put_name(s, "zone");
        strbuf_printf(s, "%u,", a->zone_imm);
    }
    /* Leading nat, then the rest in exec(). */
    const struct ofpact *actions = a->actions, *end = ofpact_end(actions, ofpact_ct_len(a));
    if (actions < end && actions->type == OFPACT_NAT) {
        ofpact_format_NAT(OFPACT_CAST(NAT, actions), f);
        strbuf_put_char(s, ',');
        actions = ofpact_next(actions);
    }
    if (actions < end) {
        color_puts(s, COLOR_PAREN, "exec(");
        ofpacts_format(actions, (const char *)end - (const char *)actions, f->names, s);
        color_puts(s, COLOR_PAREN, "),"); /* in colour the comma stays, as in the reference */
    }
    format_alg(a->alg, s);
    strbuf_chomp(s, ',');
    color_puts(s, COLOR_PAREN, ")");
}

/* --- nat --- */

/* An address at *P, in brackets if it is IPv6 and a port follows. Moves *P behind it. */
static bool parse_address(const char **p, uint8_t *af, void *address)
{
    char text[INET6_ADDRSTRLEN + 1];
    const char *s = *p;
    bool bracket = *s == '[';
    s += bracket;
    size_t n = strspn(s, bracket ? "0123456789abcdefABCDEF:." : "0123456789.");
    const char *end = s + n;
    /* Without brackets, IPv6 goes on to the dash or the end. */
    bool v6 = bracket;
    if (!bracket) {
        size_t n6 = strspn(s, "0123456789abcdefABCDEF:.");
        if (memchr(s, ':', n6) && (n == 0 || memchr(s, ':', n6) != memrchr(s, ':', n6) || s[n] != ':')) {
            end = s + n6;
            n = n6;
            v6 = true;
        }
    }
    if (!n || n >= sizeof text) {
        return false;
    }
    memcpy(text, s, n);
    text[n] = '\0';
    if (inet_pton(v6 ? AF_INET6 : AF_INET, text, address) != 1) {
        return false;
    }
    if (bracket && *end++ != ']') {
        return false;
    }
    *af = v6 ? 6 : 4;
    *p = end;
    return true;
}

static char *parse_ports(const char **p, struct ofpact_nat *a, const char *whole)
{
    int n = 0;
    unsigned min, max;
    if (sscanf(*p, ":%u-%u%n", &min, &max, &n) == 2 && n) {
        if (min > max || max > UINT16_MAX) {
            return xasprintf("invalid nat range \"%s\"", whole);
        }
        a->proto_max = max;
    } else if ((n = 0, sscanf(*p, ":%u%n", &min, &n)) == 1 && n && (*p)[n] != '-' && min <= UINT16_MAX) {
        /* one port */
    } else {
        return xasprintf("invalid nat range \"%s\"", whole);
    }
    a->proto_min = min;
    *p += n;
    return NULL;
}

static char *parse_range(const char *value, struct ofpact_nat *a)
{
    const char *p = value;
    uint8_t af = 0;
    struct ipv6_addr address;
    if (!parse_address(&p, &af, &address)) {
        return xasprintf("garbage (%s) after nat range \"%s\" (pos: %d)", value, value, 0);
    }
    a->range_af = af;
    memcpy(&a->addr, &address, af == 4 ? 4 : 16);
    if (*p == '-') {
        uint8_t af2;
        struct ipv6_addr max;
        p++;
        if (!parse_address(&p, &af2, &max) || af2 != af || memcmp(&max, &address, af == 4 ? 4 : 16) < 0) {
            return xasprintf("invalid nat range \"%s\"", value);
        }
        memcpy((char *)&a->addr + (af == 4 ? 4 : 16), &max, af == 4 ? 4 : 16);
    }
    if (*p == ':') {
        char *error = parse_ports(&p, a, value);
        if (error) {
            return error;
        }
    }
    return *p ? xasprintf("garbage (%s) after nat range \"%s\" (pos: %d)", p, value, (int)(p - value)) : NULL;
}

char *ofpact_parse_NAT(char *arg, const struct action_parse *p)
{
    struct ofpact_nat a = {.flags = 0};
    char *key, *value;
    while (text_next_key_value(&arg, &key, &value)) {
        if (!strcmp(key, "src") || !strcmp(key, "dst")) {
            if (a.flags & (NAT_SRC | NAT_DST)) {
                return xstrdup("May only specify one of \"src\" or \"dst\".");
            }
            a.flags |= !strcmp(key, "src") ? NAT_SRC : NAT_DST;
            char *error = *value ? parse_range(value, &a) : NULL;
            if (error) {
                return error;
            }
        } else if (!strcmp(key, "persistent")) {
            a.flags |= NAT_PERSISTENT;
        } else if (!strcmp(key, "hash")) {
            a.flags |= NAT_PROTO_HASH;
        } else if (!strcmp(key, "random")) {
            a.flags |= NAT_PROTO_RANDOM;
        } else {
            return xasprintf("invalid key \"%s\" in \"nat\" argument", key);
        }
    }
    if (a.flags && !(a.flags & (NAT_SRC | NAT_DST))) {
        return xstrdup("Flags allowed only with \"src\" or \"dst\".");
    }
    if (a.flags & NAT_PROTO_HASH && a.flags & NAT_PROTO_RANDOM) {
        return xstrdup("Both \"hash\" and \"random\" are not allowed.");
    }
    struct ofpact_nat *out = OFPACT_PUT(NAT, p->out);
    a.ofpact = out->ofpact;
    *out = a;
    return NULL;
}

static bool ipv6_is_zero(const struct ipv6_addr *a)
{
    return !(a->be32[0] | a->be32[1] | a->be32[2] | a->be32[3]);
}

static void format_ipv6(const struct ipv6_addr *a, bool brackets, struct strbuf *s)
{
    char text[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, a, text, sizeof text);
    strbuf_printf(s, brackets ? "[%s]" : "%s", text);
}

void ofpact_format_NAT(const struct ofpact_nat *a, const struct action_format *f)
{
    struct strbuf *s = f->s;
    color_puts(s, COLOR_PAREN, "nat");
    if (!(a->flags & (NAT_SRC | NAT_DST))) {
        return;
    }
    color_puts(s, COLOR_PAREN, "(");
    color_puts(s, COLOR_PARAM, a->flags & NAT_SRC ? "src" : "dst");
    if (a->range_af) {
        color_puts(s, COLOR_PARAM, "=");
        if (a->range_af == 4) {
            char text[INET_ADDRSTRLEN];
            strbuf_puts(s, inet_ntop(AF_INET, &a->addr.ipv4.min, text, sizeof text));
            if (a->addr.ipv4.max && a->addr.ipv4.max != a->addr.ipv4.min) {
                strbuf_printf(s, "-%s", inet_ntop(AF_INET, &a->addr.ipv4.max, text, sizeof text));
            }
        } else {
            format_ipv6(&a->addr.ipv6.min, a->proto_min, s);
            if (!ipv6_is_zero(&a->addr.ipv6.max) &&
                memcmp(&a->addr.ipv6.max, &a->addr.ipv6.min, sizeof a->addr.ipv6.max)) {
                strbuf_put_char(s, '-');
                format_ipv6(&a->addr.ipv6.max, a->proto_min, s);
            }
        }
        if (a->proto_min) {
            strbuf_printf(s, ":%u", a->proto_min);
            if (a->proto_max && a->proto_max != a->proto_min) {
                strbuf_printf(s, "-%u", a->proto_max);
            }
        }
    }
    static const struct {
        uint16_t bit;
        const char *name;
    } flags[] = {{NAT_PERSISTENT, "persistent"}, {NAT_PROTO_HASH, "hash"}, {NAT_PROTO_RANDOM, "random"}};
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (a->flags & flags[i].bit) {
            strbuf_put_char(s, ',');
            color_puts(s, COLOR_VALUE, flags[i].name);
        }
    }
    color_puts(s, COLOR_PAREN, ")");
}
