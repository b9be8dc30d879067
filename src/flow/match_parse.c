/* SPDX-License-Identifier: Apache-2.0 */
/* A match from text. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/field.h"
#include "flow/match.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

static const struct {
    const char *name;
    uint16_t dl_type;
    uint8_t nw_proto;
} keywords[] = {
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

char *match_parse_field(struct match *m, const struct port_names *ports, const char *key, const char *value,
                        bool *handled)
{
    *handled = true;
    if (parse_keyword(m, key)) {
        return NULL;
    }
    const struct field *f = field_from_name(key);
    if (!f) {
        *handled = false;
        return NULL;
    }
    union field_value v, mask;
    /* Nothing behind the name: a mask of nothing. */
    char *error = field_parse(f, *value ? value : "0/0", ports, &v, &mask);
    if (error) {
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
        bool handled;
        error = match_parse_field(m, ports, key, value, &handled);
        if (!error && !handled) {
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
