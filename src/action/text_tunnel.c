/* SPDX-License-Identifier: Apache-2.0 */
/* set(tunnel(...)), both ways. */
#include <string.h>

#include "action/text_private.h"
#include "wire/ipv6.h"
#include "wire/tunnel.h"

static const struct {
    const char *name;
    uint16_t bit;
} tunnel_flags[] = {
    {"oam", FLOW_TUN_OAM}, {"df", FLOW_TUN_DONT_FRAG},      {"csum", FLOW_TUN_CSUM},
    {"key", FLOW_TUN_KEY}, {"crit_opt", FLOW_TUN_CRIT_OPT},
};

void text_put_geneve_options(struct strbuf *s, const uint8_t *opts, size_t len)
{
    while (len >= GENEVE_OPTION_LEN) {
        size_t n = (opts[3] & GENEVE_OPTION_LEN_MASK) * 4u;
        if (n + GENEVE_OPTION_LEN > len) {
            break;
        }
        strbuf_printf(s, "{class=0x%x,type=0x%x,len=%zu", CONST_BE16(get_be16(opts)), opts[2], n);
        if (n) {
            strbuf_put_char(s, ',');
            text_put_hex(s, opts + GENEVE_OPTION_LEN, n);
        }
        strbuf_put_char(s, '}');
        opts += n + GENEVE_OPTION_LEN;
        len -= n + GENEVE_OPTION_LEN;
    }
}

bool text_geneve_options(struct text_cursor *c, uint8_t *opts, size_t size, size_t *len)
{
    uint64_t class, type, n;
    *len = 0;
    while (text_eat(c, "{")) {
        if (!text_named(c, "class=", UINT16_MAX, &class) || !text_named(c, ",type=", UINT8_MAX, &type) ||
            !text_named(c, ",len=", 124, &n)) {
            return false;
        }
        if (n % 4 || *len + GENEVE_OPTION_LEN + n > size) {
            return text_fail(
                c, "an option's length must be a multiple of 4, and all options %zu bytes at most", size);
        }
        uint8_t *opt = opts + *len;
        put_be16(opt, CONST_BE16(class));
        opt[2] = (uint8_t)type;
        opt[3] = (uint8_t)(n / 4);
        if (n && (!text_expect(c, ",") || !text_hex(c, opt + GENEVE_OPTION_LEN, n))) {
            return false;
        }
        *len += GENEVE_OPTION_LEN + n;
        if (!text_expect(c, "}")) {
            return false;
        }
    }
    return !c->error;
}

void text_put_tunnel(struct strbuf *s, const struct dp_tunnel *t)
{
    struct ipv6_addr src6, dst6;
    memcpy(&src6, &t->ipv6_src, sizeof src6);
    memcpy(&dst6, &t->ipv6_dst, sizeof dst6);
    if (t->id || t->flags & FLOW_TUN_KEY) {
        strbuf_printf(s, "tun_id=0x%llx,", (unsigned long long)CONST_BE64(t->id));
    }
    if (t->src) {
        strbuf_puts(s, "src=");
        dp_text_put_ipv4(s, &t->src);
        strbuf_put_char(s, ',');
    }
    if (t->dst) {
        strbuf_puts(s, "dst=");
        dp_text_put_ipv4(s, &t->dst);
        strbuf_put_char(s, ',');
    }
    if (!ipv6_addr_is_zero(&src6)) {
        strbuf_puts(s, "ipv6_src=");
        dp_text_put_ipv6(s, &src6);
        strbuf_put_char(s, ',');
    }
    if (!ipv6_addr_is_zero(&dst6)) {
        strbuf_puts(s, "ipv6_dst=");
        dp_text_put_ipv6(s, &dst6);
        strbuf_put_char(s, ',');
    }
    if (t->tos) {
        strbuf_printf(s, "tos=0x%x,", t->tos);
    }
    if (!t->no_ttl) {
        strbuf_printf(s, "ttl=%u,", t->ttl);
    }
    if (t->tp_src) {
        strbuf_printf(s, "tp_src=%u,", CONST_BE16(t->tp_src));
    }
    if (t->tp_dst) {
        strbuf_printf(s, "tp_dst=%u,", CONST_BE16(t->tp_dst));
    }
    if (t->gbp_id || t->gbp_flags) {
        strbuf_puts(s, "vxlan(gbp(");
        if (t->gbp_id) {
            strbuf_printf(s, "id=%u,", CONST_BE16(t->gbp_id));
        }
        if (t->gbp_flags) {
            strbuf_printf(s, "flags=0x%x", t->gbp_flags);
        }
        strbuf_chomp(s, ',');
        strbuf_puts(s, ")),");
    }
    if (t->opts_len) {
        strbuf_puts(s, "geneve(");
        text_put_geneve_options(s, t->opts, t->opts_len);
        strbuf_puts(s, "),");
    }
    if (t->erspan_ver == 1) {
        strbuf_printf(s, "erspan(ver=1,idx=0x%x),", t->erspan_idx);
    } else if (t->erspan_ver) {
        strbuf_printf(s, "erspan(ver=%u,dir=%u,hwid=0x%x),", t->erspan_ver, t->erspan_dir, t->erspan_hwid);
    }
    if (t->gtpu_flags || t->gtpu_msgtype) {
        strbuf_printf(s, "gtpu(flags=0x%x,msgtype=%u),", t->gtpu_flags, t->gtpu_msgtype);
    }
    bool first = true;
    for (size_t i = 0; i < ARRAY_SIZE(tunnel_flags); i++) {
        if (t->flags & tunnel_flags[i].bit) {
            strbuf_printf(s, "%s%s", first ? "flags(" : "|", tunnel_flags[i].name);
            first = false;
        }
    }
    strbuf_puts(s, first ? "" : ")");
    strbuf_chomp(s, ',');
}

static bool parse_flags(struct text_cursor *c, struct dp_tunnel *t)
{
    while (!text_eat(c, ")")) {
        size_t i;
        for (i = 0; i < ARRAY_SIZE(tunnel_flags) && !text_eat(c, tunnel_flags[i].name); i++) {
        }
        if (i == ARRAY_SIZE(tunnel_flags)) {
            return text_fail(c, "df, csum, key, oam or crit_opt is expected");
        }
        t->flags |= tunnel_flags[i].bit;
        text_eat(c, "|");
    }
    return true;
}

static bool parse_gbp(struct text_cursor *c, struct dp_tunnel *t)
{
    uint64_t v;
    do {
        if (text_eat(c, "id=")) {
            if (text_number(c, UINT16_MAX, &v)) {
                t->gbp_id = CONST_BE16(v);
            }
        } else if (text_eat(c, "flags=")) {
            if (text_number(c, UINT8_MAX, &v)) {
                t->gbp_flags = (uint8_t)v;
            }
        } else if (!text_eat(c, "))")) {
            return text_fail(c, "id= or flags= is expected");
        } else {
            return true;
        }
    } while (text_more(c));
    return !c->error && text_expect(c, ")");
}

static bool parse_erspan(struct text_cursor *c, struct dp_tunnel *t)
{
    uint64_t v, dir;
    if (!text_named(c, "ver=", 2, &v)) {
        return false;
    }
    t->erspan_ver = (uint8_t)v;
    if (v == 1) {
        if (!text_named(c, ",idx=", 0xfffff, &v)) {
            return false;
        }
        t->erspan_idx = (uint32_t)v;
    } else {
        if (!text_named(c, ",dir=", 1, &dir) || !text_named(c, ",hwid=", 0x3f, &v)) {
            return false;
        }
        t->erspan_dir = (uint8_t)dir;
        t->erspan_hwid = (uint8_t)v;
    }
    return text_expect(c, ")");
}

/* One item. */
static bool parse_item(struct text_cursor *c, struct dp_tunnel *t, uint8_t *opts)
{
    uint64_t v, w;
    size_t len;
    bool ok = true;
    if (text_eat(c, "tun_id=")) {
        ok = text_number(c, UINT64_MAX, &v);
        t->id = ok ? CONST_BE64(v) : 0;
    } else if (text_eat(c, "src=")) {
        ok = text_ipv4(c, &t->src);
    } else if (text_eat(c, "dst=")) {
        ok = text_ipv4(c, &t->dst);
    } else if (text_eat(c, "ipv6_src=")) {
        ok = text_ipv6(c, &t->ipv6_src);
    } else if (text_eat(c, "ipv6_dst=")) {
        ok = text_ipv6(c, &t->ipv6_dst);
    } else if (text_eat(c, "tos=")) {
        ok = text_number(c, UINT8_MAX, &v);
        t->tos = ok ? (uint8_t)v : 0;
    } else if (text_eat(c, "ttl=")) {
        ok = text_number(c, UINT8_MAX, &v);
        t->ttl = ok ? (uint8_t)v : 0;
        t->no_ttl = false;
    } else if (text_eat(c, "tp_src=")) {
        ok = text_number(c, UINT16_MAX, &v);
        t->tp_src = ok ? CONST_BE16(v) : 0;
    } else if (text_eat(c, "tp_dst=")) {
        ok = text_number(c, UINT16_MAX, &v);
        t->tp_dst = ok ? CONST_BE16(v) : 0;
    } else if (text_eat(c, "geneve(")) {
        ok = text_geneve_options(c, opts, FLOW_TUN_OPTS_MAX, &len) && text_expect(c, ")");
        t->opts_len = ok ? (uint8_t)len : 0;
    } else if (text_eat(c, "vxlan(gbp(")) {
        ok = parse_gbp(c, t);
    } else if (text_eat(c, "erspan(")) {
        ok = parse_erspan(c, t);
    } else if (text_eat(c, "gtpu(")) {
        ok = text_named(c, "flags=", UINT8_MAX, &v) && text_named(c, ",msgtype=", UINT8_MAX, &w) &&
             text_expect(c, ")");
        t->gtpu_flags = ok ? (uint8_t)v : 0;
        t->gtpu_msgtype = ok ? (uint8_t)w : 0;
    } else if (text_eat(c, "flags(")) {
        ok = parse_flags(c, t);
    } else {
        ok = text_fail(c, "a tunnel field is expected");
    }
    return ok;
}

bool text_tunnel(struct text_cursor *c, struct bytebuf *actions)
{
    struct dp_tunnel t;
    uint8_t opts[FLOW_TUN_OPTS_MAX];
    memset(&t, 0, sizeof t);
    t.no_ttl = true;
    if (!text_eat(c, ")")) {
        do {
            if (!parse_item(c, &t, opts)) {
                return false;
            }
        } while (text_more(c));
    }
    if (!c->error) {
        dp_actions_put_set_tunnel(actions, &t, opts);
    }
    return !c->error;
}
