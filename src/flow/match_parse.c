/* SPDX-License-Identifier: Apache-2.0 */
/* A match from text. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/field.h"
#include "flow/match.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

/* The first one of several with the same meaning is printed. */
static const struct match_keyword keywords[] = {
    {"eth", 0, 0},
    {"ip", ETH_TYPE_IPV4, 0},
    {"ipv4", ETH_TYPE_IPV4, 0},
    {"ip4", ETH_TYPE_IPV4, 0},
    {"icmp", ETH_TYPE_IPV4, IP_PROTO_ICMP},
    {"tcp", ETH_TYPE_IPV4, IP_PROTO_TCP},
    {"udp", ETH_TYPE_IPV4, IP_PROTO_UDP},
    {"sctp", ETH_TYPE_IPV4, IP_PROTO_SCTP},
    {"ipv6", ETH_TYPE_IPV6, 0},
    {"ip6", ETH_TYPE_IPV6, 0},
    {"icmp6", ETH_TYPE_IPV6, IP_PROTO_ICMPV6},
    {"tcp6", ETH_TYPE_IPV6, IP_PROTO_TCP},
    {"udp6", ETH_TYPE_IPV6, IP_PROTO_UDP},
    {"sctp6", ETH_TYPE_IPV6, IP_PROTO_SCTP},
    {"arp", ETH_TYPE_ARP, 0},
    {"rarp", ETH_TYPE_RARP, 0},
    {"mpls", ETH_TYPE_MPLS, 0},
    {"mplsm", ETH_TYPE_MPLS_MCAST, 0},
};

const struct match_keyword *match_keyword_of(uint16_t dl_type, uint8_t nw_proto)
{
    const struct match_keyword *of_type = NULL;
    for (size_t i = 1; i < ARRAY_SIZE(keywords); i++) {
        const struct match_keyword *k = &keywords[i];
        if (k->dl_type == dl_type && k->nw_proto == nw_proto) {
            return k;
        }
        if (k->dl_type == dl_type && !k->nw_proto && !of_type) {
            of_type = k;
        }
    }
    return of_type;
}

static bool parse_keyword(struct match *m, const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
        if (*key != *keywords[i].name || strcmp(key, keywords[i].name)) {
            continue;
        }
        if (!keywords[i].dl_type) {
            m->flow.packet_type = FLOW_PT_ETH;
            m->wc.bits.packet_type = UINT32_MAX;
            return true;
        }
        match_set_default_packet_type(m);
        m->flow.dl_type = CONST_BE16(keywords[i].dl_type);
        m->wc.bits.dl_type = UINT16_MAX;
        if (keywords[i].nw_proto) {
            m->flow.nw_proto = keywords[i].nw_proto;
            m->wc.bits.nw_proto = UINT8_MAX;
        }
        return true;
    }
    return false;
}

/* All of MASK's bytes are FILL. */
static bool is_filled(const union field_value *mask, const struct field *f, uint8_t fill)
{
    unsigned i = 0;
    while (i < f->n_bytes && mask->b[i] == fill) {
        i++;
    }
    return i == f->n_bytes;
}

/* Fields whose bytes have room for more than a value of theirs. (Of VLANs, MPLS, the DSCP, ECN, nsh_spi and
 * arp_op, what is too much is cut off, as the reference does.) */
static char *check_width(const struct field *f, const union field_value *v, const char *value)
{
    static const struct {
        uint8_t id, n_bits;
    } narrow[] = {
        {FIELD_TUN_ERSPAN_IDX, 20}, {FIELD_TUN_ERSPAN_VER, 4}, {FIELD_TUN_ERSPAN_DIR, 1},
        {FIELD_TUN_ERSPAN_HWID, 6}, {FIELD_IPV6_LABEL, 20},    {FIELD_NSH_TTL, 6},
    };
    if (f->id == FIELD_NSH_MDTYPE && !field_is_value_valid(f, v)) {
        return xasprintf("%s: %s is 1 or 2", value, f->name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(narrow); i++) {
        if (narrow[i].id == f->id && !field_is_value_valid(f, v)) {
            return xasprintf("%s: value too large for %u-bit field %s", value, narrow[i].n_bits, f->name);
        }
    }
    return NULL;
}

char *match_parse_field(struct match *m, const struct port_names *ports, const char *key, const char *value,
                        struct match_parsed *parsed)
{
    *parsed = (struct match_parsed){.handled = true, .wild = true};
    if (parse_keyword(m, key)) {
        return NULL;
    }
    const struct field *f = field_from_name(key);
    parsed->handled = f != NULL;
    if (!f) {
        return NULL;
    }
    union field_value v, mask;
    /* Nothing behind the name: a mask of nothing. */
    char *error = field_parse(f, *value ? value : "0/0", ports, &v, &mask);
    if (error) {
        return error;
    }
    parsed->field = f;
    parsed->wild = is_filled(&mask, f, 0) && !field_is_tun_metadata(f);
    parsed->masked = !parsed->wild && !is_filled(&mask, f, 0xff);
    if (field_is_tun_metadata(f)) {
        unsigned i = f->id - FIELD_TUN_METADATA0;
        if ((m->wc.bits.tun_md_present >> i) & 1) {
            return xasprintf("field %s set multiple times", f->name);
        }
    } else if (parsed->masked && f->masking == FIELD_EXACT) {
        return xasprintf("%s: invalid mask for field %s", value, f->name);
    } else if (!parsed->wild && (error = check_width(f, &v, value)) != NULL) {
        return error;
    }
    error = field_match(f, &v, &mask, m);
    if (error && !field_is_tun_metadata(f)) {
        char *whole = xasprintf("%s: %s", value, error);
        free(error);
        return whole;
    }
    return error;
}

/* --- Tokens -------------------------------------------------------------------------------------------- */

#define SPACE ", \t\r\n"

char *match_next_token(char **text, char **key, char **value)
{
    char *p = *text + strspn(*text, SPACE);
    if (!*p) {
        *text = p;
        return NULL;
    }
    *key = p;
    p += strcspn(p, "=(" SPACE);
    char delimiter = *p;
    if (delimiter == '=' || delimiter == '(') {
        *p++ = '\0';
        *value = p;
        int depth = delimiter == '(';
        for (; *p; p++) {
            if (*p == '(') {
                depth++;
            } else if (*p == ')' && depth > 0) {
                depth--;
                if (!depth && delimiter == '(') {
                    break;
                }
            } else if (!depth && strchr(SPACE, *p)) {
                break;
            }
        }
        if (*p) {
            *p++ = '\0';
        }
    } else {
        if (*p) {
            *p++ = '\0';
        }
        *value = *key + strlen(*key);
    }
    *text = p;
    return *key;
}

char *match_parse(struct match *m, const struct port_names *ports, const char *text)
{
    char *copy = xstrdup(text), *p = copy, *key, *value, *error = NULL;

    match_init_catchall(m);
    while (!error && match_next_token(&p, &key, &value)) {
        struct match_parsed parsed;
        error = match_parse_field(m, ports, key, value, &parsed);
        if (!error && !parsed.handled) {
            error = *value ? xasprintf("unknown keyword %s", key) : xasprintf("field %s missing value", key);
        }
    }
    free(copy);
    return error;
}

char *match_parse_exact(struct match *m, const struct tun_md_layout *layout, const struct port_names *ports,
                        const char *text)
{
    char *copy = xstrdup(text), *p = copy, *key, *value, *error = NULL;

    match_init_catchall(m);
    match_set_layout(m, layout);
    m->flow.in_port = OFPORT_NONE;
    while (!error && match_next_token(&p, &key, &value)) {
        bool typed = m->wc.bits.dl_type;
        if (strcmp(key, "eth") && parse_keyword(m, key)) {
            if (typed) {
                error = xasprintf("%s: Ethernet type set multiple times", text);
            }
            continue;
        }
        const struct field *f = field_from_name(key);
        union field_value v;
        if (!f) {
            error = xasprintf("%s: unknown field %s", text, key);
        } else if (!field_prereqs_ok(f, &m->flow)) {
            error = xasprintf("%s: prerequisites not met for setting %s", text, key);
        } else if ((error = field_parse_value(f, value, ports, &v)) != NULL) {
            char *whole = xasprintf("%s: bad value for %s (%s)", text, key, error);
            free(error);
            error = whole;
        } else if (!field_is_all_wild(f, &m->wc.bits)) {
            error = xasprintf("%s: field %s set multiple times", text, key);
        } else {
            error = field_match(f, &v, NULL, m);
        }
    }
    free(copy);
    return error;
}

char *flow_key_parse(struct flow_key *flow, const struct tun_md_layout *layout,
                     const struct port_names *ports, const char *text)
{
    struct match m;
    char *error = match_parse_exact(&m, layout, ports, text);

    *flow = m.flow;
    if (flow->vlans[0].tci & FLOW_VLAN_PRESENT) {
        flow->vlans[0].tpid = CONST_BE16(ETH_TYPE_VLAN);
    }
    return error;
}
