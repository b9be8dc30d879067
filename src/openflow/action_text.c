/* SPDX-License-Identifier: Apache-2.0 */
#include "openflow/action_text.h"
#include "base/color.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

/* Words by which text calls actions, beside those of OFPACTS. */
static const struct {
    const char *name;
    enum ofpact_type type;
} words[] = {
    {"load", OFPACT_SET_FIELD},
    {"mod_vlan_vid", OFPACT_SET_VLAN_VID},
    {"mod_vlan_pcp", OFPACT_SET_VLAN_PCP},
    {"pop_vlan", OFPACT_STRIP_VLAN},
    {"set_tunnel64", OFPACT_SET_TUNNEL},
    {"bundle_load", OFPACT_BUNDLE},
};

static const struct {
    char *(*parse)(char *, const struct action_parse *);
    void (*format)(const void *, const struct action_format *);
} actions[N_OFPACTS] = {
#define X(ENUM, STRUCT, NAME)                                                                                \
    [OFPACT_##ENUM] = {ofpact_parse_##ENUM,                                                                  \
                       (void (*)(const void *, const struct action_format *))ofpact_format_##ENUM},
    OFPACTS
#undef X
};

/* --- Tokens and numbers --- */

bool text_next_key_value(char **textp, char **key, char **value)
{
    static const char ends[] = ", \t\r\n";
    char *p = *textp;
    p += strspn(p, ends);
    if (!*p) {
        *textp = p;
        return false;
    }
    *key = p;
    p += strcspn(p, ":=(, \t\r\n");
    char delimiter = *p;
    if (delimiter == ':' || delimiter == '=' || delimiter == '(') {
        *p++ = '\0';
    } else {
        if (*p) {
            *p++ = '\0';
        }
        *value = p - (p > *key && !p[-1] ? 1 : 0); /* an empty text */
        *textp = p;
        return true;
    }
    *value = p;
    unsigned level = 0;
    for (;; p++) {
        if (!*p) {
            break;
        } else if (*p == '(') {
            level++;
        } else if (*p == ')') {
            if (level) {
                level--;
            } else if (delimiter == '(') {
                if (p[1] == '-' && p[2] == '>') { /* check_pkt_larger(1500)->reg0[0] */
                    p += strcspn(p, ends);
                }
                if (*p) {
                    *p++ = '\0';
                }
                break;
            }
        } else if (!level && delimiter != '(' &&
                   (*p == ',' || *p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
            *p++ = '\0';
            break;
        }
    }
    *textp = p;
    return true;
}

static bool to_llong(const char *s, long long *n)
{
    char *end;
    errno = 0;
    *n = strtoll(s, &end, 0);
    return end != s && !*end && !errno;
}

char *text_to_u8(const char *s, const char *name, uint8_t *value)
{
    long long n;
    if (!to_llong(s, &n) || n < 0 || n > UINT8_MAX) {
        return xasprintf("invalid %s \"%s\"", name, s);
    }
    *value = n;
    return NULL;
}

char *text_to_u16(const char *s, const char *name, uint16_t *value)
{
    long long n;
    if (!to_llong(s, &n) || n < 0 || n > UINT16_MAX) {
        return xasprintf("invalid %s \"%s\"", name, s);
    }
    *value = n;
    return NULL;
}

static char *to_unsigned(const char *s, uint64_t max, uint64_t *value)
{
    if (!*s) {
        return xstrdup("missing required numeric argument");
    }
    char *end;
    errno = 0;
    unsigned long long n = strtoull(s, &end, 0);
    if (end == s || *end || errno || n > max) {
        return xasprintf("invalid numeric format %s", s);
    }
    *value = n;
    return NULL;
}

char *text_to_u32(const char *s, uint32_t *value)
{
    uint64_t n = 0;
    char *error = to_unsigned(s, UINT32_MAX, &n);
    if (!error) {
        *value = n;
    }
    return error;
}

char *text_to_u64(const char *s, uint64_t *value)
{
    return to_unsigned(s, UINT64_MAX, value);
}

char *text_to_mac(const char *s, struct eth_addr *mac)
{
    const char *p = s;
    for (int i = 0; i < 6; i++) {
        int n = 0, c = 0;
        while (n < 2 && isxdigit((unsigned char)*p)) {
            c = c * 16 + (isdigit((unsigned char)*p) ? *p - '0' : tolower((unsigned char)*p) - 'a' + 10);
            n++;
            p++;
        }
        if (!n || (i < 5 ? *p++ != ':' : *p)) {
            return xasprintf("invalid mac address %s", s);
        }
        mac->ea[i] = c;
    }
    return NULL;
}

char *text_to_ipv4(const char *s, be32 *ip)
{
    struct in_addr in;
    if (inet_pton(AF_INET, s, &in) != 1) {
        return xasprintf("%s: could not convert to IP address", s);
    }
    *ip = in.s_addr;
    return NULL;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

const char *text_to_hex(const char *s, struct bytebuf *out)
{
    for (;;) {
        s += strspn(s, ". \t\r\n");
        if (!*s) {
            return s;
        }
        int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);
        if (low < 0) {
            return s;
        }
        uint8_t byte = high << 4 | low;
        bytebuf_put(out, &byte, 1);
        s += 2;
    }
}

int text_lax_int(const char *s)
{
    return strtoul(s, NULL, 10);
}

/* --- Bits of big-endian numbers --- */

static bool get_bit(const uint8_t *p, unsigned len, unsigned bit)
{
    return bit / 8 < len && (p[len - 1 - bit / 8] >> (bit % 8)) & 1;
}

static void put_bit(uint8_t *p, unsigned len, unsigned bit, bool value)
{
    if (bit / 8 < len) {
        uint8_t *byte = &p[len - 1 - bit / 8], m = 1u << (bit % 8);
        *byte = value ? *byte | m : *byte & ~m;
    }
}

void bits_copy(const uint8_t *src, unsigned src_len, unsigned src_ofs, uint8_t *dst, unsigned dst_len,
               unsigned dst_ofs, unsigned n_bits)
{
    for (unsigned i = 0; i < n_bits; i++) {
        put_bit(dst, dst_len, dst_ofs + i, get_bit(src, src_len, src_ofs + i));
    }
}

bool bits_are_zero(const uint8_t *p, unsigned len, unsigned ofs, unsigned n_bits)
{
    for (unsigned i = 0; i < n_bits; i++) {
        if (get_bit(p, len, ofs + i)) {
            return false;
        }
    }
    return true;
}

void bits_set_ones(uint8_t *p, unsigned len, unsigned ofs, unsigned n_bits)
{
    for (unsigned i = 0; i < n_bits; i++) {
        put_bit(p, len, ofs + i, true);
    }
}

void bytes_format_hex(const uint8_t *p, unsigned len, struct strbuf *s)
{
    unsigned i = 0;
    while (i < len && !p[i]) {
        i++;
    }
    if (i == len) {
        strbuf_put_char(s, '0');
        return;
    }
    strbuf_printf(s, "0x%x", p[i]);
    while (++i < len) {
        strbuf_printf(s, "%02x", p[i]);
    }
}

bool bytes_parse_int(const char *text, uint8_t *p, unsigned len, const char **rest)
{
    memset(p, 0, len);
    const char *s = text + strspn(text, " \t\r\n");
    unsigned base = 10;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    const char *start = s;
    for (; base == 16 ? isxdigit((unsigned char)*s) : isdigit((unsigned char)*s); s++) {
        unsigned carry = hex_digit(*s);
        for (unsigned i = len; i-- > 0;) {
            carry += p[i] * base;
            p[i] = carry;
            carry >>= 8;
        }
        if (carry) {
            return false;
        }
    }
    if (rest) {
        *rest = s;
    }
    return s > start && (rest || !*s);
}

/* --- Lists --- */

static bool word_to_type(const char *word, enum ofpact_type *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcasecmp(words[i].name, word)) {
            *type = words[i].type;
            return true;
        }
    }
    for (int t = 0; t < N_OFPACTS; t++) {
        if (!strcasecmp(ofpact_name(t), word)) {
            *type = t;
            return true;
        }
    }
    if (!strcasecmp(word, "enqueue")) {
        *type = OFPACT_ENQUEUE;
        return true;
    }
    return false;
}

/* Instructions' order, which text must keep. 0: an action, part of apply_actions. */
static int instruction_rank(enum ofpact_type type)
{
    switch (type) {
    case OFPACT_METER:
        return 0;
    case OFPACT_CLEAR_ACTIONS:
        return 2;
    case OFPACT_WRITE_ACTIONS:
        return 3;
    case OFPACT_WRITE_METADATA:
        return 4;
    case OFPACT_STAT_TRIGGER:
        return 5;
    case OFPACT_GOTO_TABLE:
        return 6;
    default:
        return 1;
    }
}

static const char *const rank_names[] = {"meter",          "apply_actions", "clear_actions", "write_actions",
                                         "write_metadata", "stat_trigger",  "goto_table"};

char *instruction_order_error(enum ofpact_type type, int *last)
{
    int rank = instruction_rank(type);
    if (rank == *last && rank != 1) {
        return xasprintf("duplicate %s instruction not allowed, for OpenFlow 1.1+ compatibility",
                         rank_names[rank]);
    }
    if (rank < *last) {
        return xasprintf("invalid instruction ordering: %s must appear before %s, for OpenFlow 1.1+ "
                         "compatibility",
                         rank_names[rank], rank_names[*last]);
    }
    *last = rank;
    return NULL;
}

static bool is_ct_field(const struct field *field)
{
    return field->id == FIELD_CT_MARK || field->id == FIELD_CT_LABEL;
}

static const struct field *action_dst_field(const struct ofpact *a)
{
    return a->type == OFPACT_SET_FIELD ? OFPACT_CAST(SET_FIELD, a)->field
           : a->type == OFPACT_MOVE    ? OFPACT_CAST(MOVE, a)->dst.field
                                       : NULL;
}

/* What may stand in which nest. OUTER is N_OFPACTS at the top. */
static char *verify_nest(const struct ofpact *a, enum ofpact_type outer)
{
    const struct field *dst = action_dst_field(a);
    if (dst && is_ct_field(dst) && outer != OFPACT_CT) {
        return xstrdup("cannot set CT fields outside of ct action");
    }
    if (a->type == OFPACT_NAT && outer != OFPACT_CT) {
        return xstrdup("Cannot have NAT action outside of \"ct\" action");
    }
    if (outer == OFPACT_CT && a->type != OFPACT_NAT) {
        if (!dst) {
            return xasprintf("ct action doesn't support nested action %s", ofpact_name(a->type));
        }
        if (!is_ct_field(dst)) {
            return xasprintf("ct action doesn't support nested modification of %s", dst->name);
        }
    }
    if ((outer == OFPACT_WRITE_ACTIONS || outer == OFPACT_CLONE) && a->type == OFPACT_METER) {
        return xasprintf("%s action doesn't support nested action meter", ofpact_name(outer));
    }
    return NULL;
}

static char *verify(const struct ofpact *list, size_t len, bool instructions, enum ofpact_type outer)
{
    int last = -1;
    const struct ofpact *a, *other = NULL;
    bool conjunction = false;
    OFPACT_FOR_EACH (a, list, len) {
        conjunction |= a->type == OFPACT_CONJUNCTION;
        if (a->type != OFPACT_CONJUNCTION && a->type != OFPACT_NOTE && !other) {
            other = a;
        }
        char *error = verify_nest(a, outer);
        if (error) {
            return error;
        }
        int rank = instruction_rank(a->type);
        if (outer != N_OFPACTS) {
            if (rank > 1) {
                return xasprintf("%s instruction not allowed here", rank_names[rank]);
            }
            continue;
        }
        error = instruction_order_error(a->type, &last);
        if (error) {
            return error;
        }
        if (rank > 1 && !instructions) {
            return xasprintf("%s instruction not allowed here", rank_names[rank]);
        }
    }
    if (conjunction && other) {
        return xasprintf("\"conjunction\" actions may be used along with \"note\" but not any other kind of "
                         "action (such as the \"%s\" action used here)",
                         ofpact_name(other->type));
    }
    return NULL;
}

static char *parse_one(char *key, char *value, const struct action_parse *p)
{
    enum ofpact_type type;
    struct action_parse q = *p;
    q.name = key;
    if (word_to_type(key, &type)) {
        return actions[type].parse(value, &q);
    }
    if (!strcasecmp(key, "apply_actions")) {
        return xstrdup("apply_actions is the default instruction");
    }
    if (!strcasecmp(key, "unroll_xlate")) {
        return xstrdup("UNROLL is an internal action that shouldn't be used via OpenFlow");
    }
    uint32_t port;
    if (ofp_port_parse(key, p->names, &port)) {
        struct ofpact_output *a = OFPACT_PUT(OUTPUT, p->out);
        a->port = port;
        a->max_len = port == OFPP_CONTROLLER ? OFPCML_NO_BUFFER : 0;
        return NULL;
    }
    return xasprintf("unknown action %s", key);
}

static char *parse_list(char *text, const struct action_parse *p, bool instructions, enum ofpact_type outer)
{
    if (p->depth > ACTION_MAX_DEPTH) {
        return xasprintf("actions nested deeper than %d", ACTION_MAX_DEPTH);
    }
    size_t start = p->out->len;
    char *key, *value, *error = NULL;
    bool drop = false;
    unsigned n = 0;
    while (!error && text_next_key_value(&text, &key, &value)) {
        if (!strcasecmp(key, "drop")) {
            drop = true;
        } else {
            error = parse_one(key, value, p);
            bytebuf_pad(p->out, OFPACT_ALIGN);
        }
        n++;
        if (!error && p->out->len - start > UINT16_MAX - 64) {
            error = xstrdup("input too big");
        }
    }
    if (!error && drop && n > 1) {
        error = xstrdup("\"drop\" must not be accompanied by any other action or instruction");
    }
    if (!error) {
        error = verify(bytebuf_at(p->out, start), p->out->len - start, instructions, outer);
    }
    return error;
}

char *ofpacts_parse_nested(char *text, const struct action_parse *p, enum ofpact_type outer,
                           bool instructions)
{
    struct action_parse q = *p;
    q.depth++;
    return parse_list(text, &q, instructions, outer);
}

static char *parse_text(const char *text, const struct ofp_names *names, struct bytebuf *out,
                        uint32_t *usable, bool instructions)
{
    uint32_t any = OFPROTO_ANY;
    bytebuf_pad(out, OFPACT_ALIGN);
    size_t start = out->len;
    char *copy = xstrdup(text);
    struct action_parse p = {.names = names, .out = out, .usable = usable ? usable : &any};
    char *error = parse_list(copy, &p, instructions, N_OFPACTS);
    free(copy);
    if (error) {
        bytebuf_truncate(out, start);
    }
    return error;
}

char *ofpacts_parse_instructions(const char *text, const struct ofp_names *names, struct bytebuf *out,
                                 uint32_t *usable)
{
    return parse_text(text, names, out, usable, true);
}

char *ofpacts_parse_actions(const char *text, const struct ofp_names *names, struct bytebuf *out,
                            uint32_t *usable)
{
    return parse_text(text, names, out, usable, false);
}

void ofpacts_format(const struct ofpact *list, size_t len, const struct ofp_names *names, struct strbuf *s)
{
    struct action_format f = {.names = names, .s = s};
    const struct ofpact *a;
    if (!len) {
        color_puts(s, COLOR_DROP, "drop");
        return;
    }
    OFPACT_FOR_EACH (a, list, len) {
        if (a != list) {
            strbuf_put_char(s, ',');
        }
        actions[a->type].format(a, &f);
    }
}
