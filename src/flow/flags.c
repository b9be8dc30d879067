/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flags.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/key.h"
#include "wire/l4.h"

const struct flag_name flag_names_ct_state[] = {
    {FLOW_CS_NEW, "new"},   {FLOW_CS_EST, "est"},   {FLOW_CS_REL, "rel"},
    {FLOW_CS_RPL, "rpl"},   {FLOW_CS_INV, "inv"},   {FLOW_CS_TRK, "trk"},
    {FLOW_CS_SNAT, "snat"}, {FLOW_CS_DNAT, "dnat"}, {0, NULL},
};

const struct flag_name flag_names_tcp[] = {
    {TCP_FIN, "fin"}, {TCP_SYN, "syn"}, {TCP_RST, "rst"}, {TCP_PSH, "psh"}, {TCP_ACK, "ack"},
    {TCP_URG, "urg"}, {TCP_ECE, "ece"}, {TCP_CWR, "cwr"}, {TCP_NS, "ns"},   {0x200, "[200]"},
    {0x400, "[400]"}, {0x800, "[800]"}, {0, NULL},
};

const struct flag_name flag_names_tunnel[] = {{FLOW_TUN_OAM, "oam"}, {0, NULL}};

const struct flag_name flag_names_tunnel_all[] = {
    {FLOW_TUN_OAM, "oam"},
    {FLOW_TUN_DONT_FRAG, "df"},
    {FLOW_TUN_CSUM, "csum"},
    {FLOW_TUN_KEY, "key"},
    {0, NULL},
};

void flags_format(struct strbuf *s, const struct flag_name *names, uint32_t flags)
{
    const char *separator = "";
    if (!flags) {
        strbuf_put_char(s, '0');
        return;
    }
    for (; names->bit; names++) {
        if (flags & names->bit) {
            strbuf_printf(s, "%s%s", separator, names->name);
            separator = "|";
            flags &= ~names->bit;
        }
    }
    if (flags) {
        strbuf_printf(s, "%s0x%x", separator, flags);
    }
}

void flags_format_masked(struct strbuf *s, const struct flag_name *names, uint32_t flags, uint32_t mask,
                         uint32_t all)
{
    if ((mask & all) == all) {
        flags_format(s, names, flags);
        return;
    }
    for (; names->bit; names++) {
        if (mask & names->bit) {
            strbuf_printf(s, "%c%s", flags & names->bit ? '+' : '-', names->name);
        }
    }
}

static uint32_t find_flag(const struct flag_name *names, const char *text, size_t len)
{
    for (; names->bit; names++) {
        if (strlen(names->name) == len && !memcmp(names->name, text, len)) {
            return names->bit;
        }
    }
    return 0;
}

/* An integer that takes all of LEN bytes. */
static bool parse_integer(const char *text, size_t len, uint32_t *v)
{
    char buf[16], *end;
    if (!len || len >= sizeof buf || text[0] < '0' || text[0] > '9') {
        return false;
    }
    memcpy(buf, text, len);
    buf[len] = '\0';
    unsigned long n = strtoul(buf, &end, 0);
    *v = (uint32_t)n;
    return !*end && n <= UINT32_MAX;
}

static char *parse_signed(const char *text, size_t len, const struct flag_name *names, const char *what,
                          uint32_t *flags, uint32_t *mask)
{
    const char *p = text, *end = text + len;
    while (p < end) {
        char sign = *p++;
        size_t n = 0;
        while (p + n < end && p[n] != '+' && p[n] != '-') {
            n++;
        }
        n += n == 0 && p < end; /* "++": the second sign stands for a name */
        uint32_t bit = find_flag(names, p, n);
        if (!bit) {
            return xasprintf("%.*s: unknown %s flag(s)", (int)n, p, what);
        }
        if (*mask & bit) {
            return xasprintf("%.*s: Each %s flag can be specified only once", (int)n, p, what);
        }
        *mask |= bit;
        *flags |= sign == '+' ? bit : 0;
        p += n;
    }
    return NULL;
}

char *flags_parse(const char *text, size_t len, const struct flag_name *names, const char *what, uint32_t all,
                  uint32_t *flags, uint32_t *mask)
{
    *flags = *mask = 0;
    if (len && (*text == '+' || *text == '-')) {
        return parse_signed(text, len, names, what, flags, mask);
    }
    const char *slash = memchr(text, '/', len);
    if (slash) {
        size_t value_len = (size_t)(slash - text);
        if (parse_integer(text, value_len, flags) && parse_integer(slash + 1, len - value_len - 1, mask) &&
            !((*flags | *mask) & ~all)) {
            *flags &= *mask;
            return NULL;
        }
        return xasprintf("%.*s: unknown %s flag(s)", (int)len, text, what);
    }
    *mask = all;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *bar = memchr(p, '|', (size_t)(end - p));
        size_t n = (size_t)((bar ? bar : end) - p);
        uint32_t bit = find_flag(names, p, n);
        if ((!bit && !parse_integer(p, n, &bit)) || (bit & ~all)) {
            return xasprintf("%.*s: unknown %s flag(s)", (int)len, text, what);
        }
        *flags |= bit;
        p += n + (bar != NULL);
    }
    return len ? NULL : xasprintf(": unknown %s flag(s)", what);
}
