/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on one header each, in text: VLAN, Ethernet, IP, transport, MPLS, TTLs, encapsulations. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/color.h"
#include "openflow/action_text.h"

/* --- VLAN --- */

char *ofpact_parse_SET_VLAN_VID(char *arg, const struct action_parse *p)
{
    uint16_t vid;
    char *error = text_to_u16(arg, "VLAN VID", &vid);
    if (error) {
        return error;
    }
    if (vid & ~0xfff) {
        return xasprintf("%s: not a valid VLAN VID", arg);
    }
    struct ofpact_vlan_vid *a = OFPACT_PUT(SET_VLAN_VID, p->out);
    a->vid = vid;
    a->push_if_needed = !strcasecmp(p->name, "mod_vlan_vid");
    return NULL;
}

void ofpact_format_SET_VLAN_VID(const struct ofpact_vlan_vid *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, a->push_if_needed ? "mod_vlan_vid:" : "set_vlan_vid:");
    strbuf_printf(f->s, "%u", a->vid);
}

char *ofpact_parse_SET_VLAN_PCP(char *arg, const struct action_parse *p)
{
    uint8_t pcp;
    char *error = text_to_u8(arg, "VLAN PCP", &pcp);
    if (error) {
        return error;
    }
    if (pcp & ~7) {
        return xasprintf("%s: not a valid VLAN PCP", arg);
    }
    struct ofpact_vlan_pcp *a = OFPACT_PUT(SET_VLAN_PCP, p->out);
    a->pcp = pcp;
    a->push_if_needed = !strcasecmp(p->name, "mod_vlan_pcp");
    return NULL;
}

void ofpact_format_SET_VLAN_PCP(const struct ofpact_vlan_pcp *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, a->push_if_needed ? "mod_vlan_pcp:" : "set_vlan_pcp:");
    strbuf_printf(f->s, "%u", a->pcp);
}

char *ofpact_parse_PUSH_VLAN(char *arg, const struct action_parse *p)
{
    uint16_t ethertype;
    *p->usable &= OFPROTO_11_UP;
    char *error = text_to_u16(arg, "ethertype", &ethertype);
    if (!error && ethertype != 0x8100 && ethertype != 0x88a8) {
        error = xasprintf("%s: not a valid VLAN ethertype", arg);
    }
    if (!error) {
        OFPACT_PUT(PUSH_VLAN, p->out)->ethertype = htons(ethertype);
    }
    return error;
}

void ofpact_format_PUSH_VLAN(const struct ofpact_push_vlan *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "push_vlan:");
    strbuf_printf(f->s, "0x%x", ntohs(a->ethertype));
}

/* --- Ethernet, IP, transport --- */

char *ofpact_parse_SET_ETH_SRC(char *arg, const struct action_parse *p)
{
    return text_to_mac(arg, &OFPACT_PUT(SET_ETH_SRC, p->out)->mac);
}

char *ofpact_parse_SET_ETH_DST(char *arg, const struct action_parse *p)
{
    return text_to_mac(arg, &OFPACT_PUT(SET_ETH_DST, p->out)->mac);
}

static void format_mac(const char *name, const struct ofpact_mac *a, const struct action_format *f)
{
    const uint8_t *m = a->mac.ea;
    color_puts(f->s, COLOR_PARAM, name);
    strbuf_printf(f->s, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

void ofpact_format_SET_ETH_SRC(const struct ofpact_mac *a, const struct action_format *f)
{
    format_mac("mod_dl_src:", a, f);
}

void ofpact_format_SET_ETH_DST(const struct ofpact_mac *a, const struct action_format *f)
{
    format_mac("mod_dl_dst:", a, f);
}

char *ofpact_parse_SET_IPV4_SRC(char *arg, const struct action_parse *p)
{
    return text_to_ipv4(arg, &OFPACT_PUT(SET_IPV4_SRC, p->out)->ip);
}

char *ofpact_parse_SET_IPV4_DST(char *arg, const struct action_parse *p)
{
    return text_to_ipv4(arg, &OFPACT_PUT(SET_IPV4_DST, p->out)->ip);
}

static void format_ipv4(const char *name, const struct ofpact_ipv4 *a, const struct action_format *f)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &a->ip, text, sizeof text);
    color_puts(f->s, COLOR_PARAM, name);
    strbuf_puts(f->s, text);
}

void ofpact_format_SET_IPV4_SRC(const struct ofpact_ipv4 *a, const struct action_format *f)
{
    format_ipv4("mod_nw_src:", a, f);
}

void ofpact_format_SET_IPV4_DST(const struct ofpact_ipv4 *a, const struct action_format *f)
{
    format_ipv4("mod_nw_dst:", a, f);
}

char *ofpact_parse_SET_IP_DSCP(char *arg, const struct action_parse *p)
{
    uint8_t tos;
    char *error = text_to_u8(arg, "TOS", &tos);
    if (!error && tos & 3) {
        error = xasprintf("%s: not a valid TOS", arg);
    }
    if (!error) {
        OFPACT_PUT(SET_IP_DSCP, p->out)->value = tos;
    }
    return error;
}

char *ofpact_parse_SET_IP_ECN(char *arg, const struct action_parse *p)
{
    uint8_t ecn;
    char *error = text_to_u8(arg, "ECN", &ecn);
    if (!error && ecn & ~3) {
        error = xasprintf("%s: not a valid ECN", arg);
    }
    if (!error) {
        OFPACT_PUT(SET_IP_ECN, p->out)->value = ecn;
    }
    return error;
}

char *ofpact_parse_SET_IP_TTL(char *arg, const struct action_parse *p)
{
    return text_to_u8(arg, "TTL", &OFPACT_PUT(SET_IP_TTL, p->out)->value);
}

void ofpact_format_SET_IP_DSCP(const struct ofpact_u8 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "mod_nw_tos:");
    strbuf_printf(f->s, "%u", a->value);
}

void ofpact_format_SET_IP_ECN(const struct ofpact_u8 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "mod_nw_ecn:");
    strbuf_printf(f->s, "%u", a->value);
}

void ofpact_format_SET_IP_TTL(const struct ofpact_u8 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "mod_nw_ttl:");
    strbuf_printf(f->s, "%u", a->value);
}

char *ofpact_parse_SET_L4_SRC_PORT(char *arg, const struct action_parse *p)
{
    return text_to_u16(arg, "source port", &OFPACT_PUT(SET_L4_SRC_PORT, p->out)->port);
}

char *ofpact_parse_SET_L4_DST_PORT(char *arg, const struct action_parse *p)
{
    return text_to_u16(arg, "destination port", &OFPACT_PUT(SET_L4_DST_PORT, p->out)->port);
}

void ofpact_format_SET_L4_SRC_PORT(const struct ofpact_l4_port *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "mod_tp_src:");
    strbuf_printf(f->s, "%u", a->port);
}

void ofpact_format_SET_L4_DST_PORT(const struct ofpact_l4_port *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "mod_tp_dst:");
    strbuf_printf(f->s, "%u", a->port);
}

char *ofpact_parse_DEC_TTL(char *arg, const struct action_parse *p)
{
    size_t ofs = p->out->len;
    OFPACT_PUT(DEC_TTL, p->out);
    uint16_t n = 0;
    char *save = NULL;
    for (char *id = strtok_r(arg, ", ", &save); id; id = strtok_r(NULL, ", ", &save)) {
        uint16_t controller = text_lax_int(id);
        bytebuf_put(p->out, &controller, sizeof controller);
        n++;
    }
    struct ofpact_dec_ttl *a = bytebuf_at(p->out, ofs);
    if (n) {
        a->has_ids = true;
    } else {
        n = 1;
        bytebuf_put_zeros(p->out, sizeof(uint16_t));
        a = bytebuf_at(p->out, ofs);
    }
    a->n_controllers = n;
    ofpact_finish(p->out, ofs);
    return NULL;
}

void ofpact_format_DEC_TTL(const struct ofpact_dec_ttl *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "dec_ttl");
    if (a->has_ids) {
        color_puts(f->s, COLOR_PAREN, "(");
        for (unsigned i = 0; i < a->n_controllers; i++) {
            strbuf_printf(f->s, i ? ",%u" : "%u", a->controllers[i]);
        }
        color_puts(f->s, COLOR_PAREN, ")");
    }
}

/* --- MPLS --- */

char *ofpact_parse_SET_MPLS_LABEL(char *arg, const struct action_parse *p)
{
    if (!*arg) {
        return xstrdup("set_mpls_label: expected label.");
    }
    uint32_t label;
    char *error = text_to_u32(arg, &label);
    if (!error && label & ~0xfffffu) {
        error = xasprintf("%s: not a valid MPLS label", arg);
    }
    if (!error) {
        OFPACT_PUT(SET_MPLS_LABEL, p->out)->value = label;
    }
    return error;
}

char *ofpact_parse_SET_MPLS_TC(char *arg, const struct action_parse *p)
{
    if (!*arg) {
        return xstrdup("set_mpls_tc: expected tc.");
    }
    uint8_t tc;
    char *error = text_to_u8(arg, "MPLS TC", &tc);
    if (!error && tc & ~7) {
        error = xasprintf("%s: not a valid MPLS TC", arg);
    }
    if (!error) {
        OFPACT_PUT(SET_MPLS_TC, p->out)->value = tc;
    }
    return error;
}

char *ofpact_parse_SET_MPLS_TTL(char *arg, const struct action_parse *p)
{
    if (!*arg) {
        return xstrdup("set_mpls_ttl: expected ttl.");
    }
    return text_to_u8(arg, "MPLS TTL", &OFPACT_PUT(SET_MPLS_TTL, p->out)->value);
}

void ofpact_format_SET_MPLS_LABEL(const struct ofpact_u32 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "set_mpls_label(");
    strbuf_printf(f->s, "%u", a->value);
    color_puts(f->s, COLOR_PAREN, ")");
}

void ofpact_format_SET_MPLS_TC(const struct ofpact_u8 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "set_mpls_tc(");
    strbuf_printf(f->s, "%u", a->value);
    color_puts(f->s, COLOR_PAREN, ")");
}

void ofpact_format_SET_MPLS_TTL(const struct ofpact_u8 *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "set_mpls_ttl(");
    strbuf_printf(f->s, "%u", a->value);
    color_puts(f->s, COLOR_PAREN, ")");
}

static char *parse_mpls(char *arg, const char *name, struct ofpact_mpls *a)
{
    uint16_t ethertype;
    char *error = text_to_u16(arg, name, &ethertype);
    if (!error) {
        a->ethertype = htons(ethertype);
    }
    return error;
}

char *ofpact_parse_PUSH_MPLS(char *arg, const struct action_parse *p)
{
    return parse_mpls(arg, "push_mpls", OFPACT_PUT(PUSH_MPLS, p->out));
}

char *ofpact_parse_POP_MPLS(char *arg, const struct action_parse *p)
{
    return parse_mpls(arg, "pop_mpls", OFPACT_PUT(POP_MPLS, p->out));
}

void ofpact_format_PUSH_MPLS(const struct ofpact_mpls *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "push_mpls:");
    strbuf_printf(f->s, "0x%04x", ntohs(a->ethertype));
}

void ofpact_format_POP_MPLS(const struct ofpact_mpls *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PARAM, "pop_mpls:");
    strbuf_printf(f->s, "0x%04x", ntohs(a->ethertype));
}

/* --- encap and decap --- */

#define PT_NSH     FLOW_PT(1, 0x894f)
#define PT_MPLS    FLOW_PT(1, 0x8847)
#define PT_MPLS_MC FLOW_PT(1, 0x8848)
#define PROP_NSH   4

static void put_prop(struct bytebuf *out, uint8_t type, const void *data, size_t n)
{
    struct ofpact_encap_prop prop = {.prop_class = PROP_NSH, .type = type, .len = sizeof prop + n};
    bytebuf_put(out, &prop, sizeof prop);
    bytebuf_put(out, data, n);
    bytebuf_pad(out, 8);
}

static char *parse_nsh_tlv(char *value, struct bytebuf *out)
{
    unsigned class, type;
    int n = 0;
    if (sscanf(value, "0x%4x,%3u,0x%n", &class, &type, &n) != 2 || !n || type > 255) {
        return xasprintf("Invalid NSH TLV header: %s", value);
    }
    struct bytebuf data = BYTEBUF_INITIALIZER;
    bytebuf_put_zeros(&data, 4);
    const char *end = text_to_hex(value + n, &data);
    size_t len = data.len - 4;
    char *error = NULL;
    if (*end || !len || len > 120) {
        error = xasprintf("Invalid NSH TLV data: %s", value + n);
    } else {
        put_be16(data.data, htons(class));
        data.data[2] = type;
        data.data[3] = len;
        put_prop(out, 2, data.data, data.len);
    }
    bytebuf_fini(&data);
    return error;
}

static char *parse_encap_nsh(char *arg, const struct action_parse *p, size_t ofs)
{
    char *key, *value;
    uint16_t n = 0;
    while (text_next_key_value(&arg, &key, &value)) {
        char *error = NULL;
        if (!strcmp(key, "md_type")) {
            uint8_t md_type;
            error = text_to_u8(value, "md_type", &md_type);
            if (!error && md_type != 1 && md_type != 2) {
                error = xstrdup("invalid md_type");
            }
            if (!error) {
                put_prop(p->out, 1, &md_type, 1);
            }
        } else if (!strcmp(key, "tlv")) {
            error = parse_nsh_tlv(value, p->out);
        } else {
            error = xasprintf("Invalid property: %s", key);
        }
        if (error) {
            return error;
        }
        n++;
    }
    ((struct ofpact_encap *)bytebuf_at(p->out, ofs))->n_props = n;
    return NULL;
}

char *ofpact_parse_ENCAP(char *arg, const struct action_parse *p)
{
    char *key, *value;
    *p->usable &= OFPROTO_13_UP;
    if (!text_next_key_value(&arg, &key, &value)) {
        return xasprintf("Missing encap hdr: %s", arg);
    }
    size_t ofs = p->out->len;
    struct ofpact_encap *a = OFPACT_PUT(ENCAP, p->out);
    char *error = NULL;
    if (!strcmp(key, "nsh")) {
        a->new_pkt_type = PT_NSH;
        error = parse_encap_nsh(value, p, ofs);
    } else if (!strcmp(key, "ethernet")) {
        a->new_pkt_type = FLOW_PT_ETH;
    } else if (!strcmp(key, "mpls")) {
        a->new_pkt_type = PT_MPLS;
    } else if (!strcmp(key, "mpls_mc")) {
        a->new_pkt_type = PT_MPLS_MC;
    } else {
        error = xasprintf("Encap hdr not supported: %s", value);
    }
    if (!error && a->new_pkt_type != PT_NSH && text_next_key_value(&value, &key, &arg)) {
        error = xasprintf("Invalid property: %s", key); /* the others have none */
    }
    ofpact_finish(p->out, ofs);
    return error;
}

static void format_encap_prop(const struct ofpact_encap_prop *prop, struct strbuf *s)
{
    if (prop->prop_class == PROP_NSH && prop->type == 1) {
        strbuf_printf(s, "md_type=%u", prop->data[0]);
    } else if (prop->prop_class == PROP_NSH && prop->type == 2) {
        strbuf_printf(s, "tlv(0x%04x,%u,0x", ntohs(get_be16(prop->data)), prop->data[2]);
        for (unsigned i = 0; i < prop->data[3]; i++) {
            strbuf_printf(s, "%02x", prop->data[4 + i]);
        }
        strbuf_put_char(s, ')');
    }
}

void ofpact_format_ENCAP(const struct ofpact_encap *a, const struct action_format *f)
{
    const uint8_t *p = a->props;
    color_puts(f->s, COLOR_PAREN, "encap(");
    switch (ntohl(a->new_pkt_type)) {
    case 0:
        strbuf_puts(f->s, "ethernet");
        break;
    case 0x1894f:
        strbuf_puts(f->s, "nsh");
        break;
    case 0x18847:
        strbuf_puts(f->s, "mpls");
        break;
    case 0x18848:
        strbuf_puts(f->s, "mpls_mc");
        break;
    default:
        strbuf_printf(f->s, "0x%08x", ntohl(a->new_pkt_type));
        break;
    }
    for (unsigned i = 0; i < a->n_props; i++) {
        const struct ofpact_encap_prop *prop = (const void *)p;
        if (i) {
            strbuf_put_char(f->s, ',');
        } else {
            color_puts(f->s, COLOR_PAREN, "(");
        }
        format_encap_prop(prop, f->s);
        p += ROUND_UP(prop->len, 8);
    }
    if (a->n_props) {
        color_puts(f->s, COLOR_PAREN, ")");
    }
    color_puts(f->s, COLOR_PAREN, ")");
}

static char *parse_decap_type(char *arg, be32 *type)
{
    char *key, *value;
    uint16_t ns = 0, ns_type = 0;
    bool has_ns = false, has_type = false;
    while (text_next_key_value(&arg, &key, &value)) {
        char *error = NULL;
        if (!strcmp(key, "ns")) {
            error = text_to_u16(value, "ns", &ns);
            if (!error && ns > 1) {
                error = xasprintf("Unsupported ns value: %u", ns);
            }
            has_ns = true;
        } else if (!strcmp(key, "type")) {
            error = text_to_u16(value, "type", &ns_type);
            has_type = true;
        } else {
            error = xasprintf("Invalid packet_type attribute: %s", key);
        }
        if (error) {
            return error;
        }
    }
    if (!has_ns) {
        return xstrdup("Missing packet_type attribute ns");
    }
    if (!has_type) {
        return xstrdup("Missing packet_type attribute type");
    }
    *type = FLOW_PT(ns, ns_type);
    return NULL;
}

char *ofpact_parse_DECAP(char *arg, const struct action_parse *p)
{
    struct ofpact_decap *a = OFPACT_PUT(DECAP, p->out);
    a->new_pkt_type = OFP_PT_USE_NEXT_PROTO;
    char *key, *value;
    while (text_next_key_value(&arg, &key, &value)) {
        if (strcmp(key, "packet_type")) {
            return xasprintf("Invalid decap argument: %s", key);
        }
        char *error = parse_decap_type(value, &a->new_pkt_type);
        if (error) {
            return error;
        }
    }
    return NULL;
}

void ofpact_format_DECAP(const struct ofpact_decap *a, const struct action_format *f)
{
    color_puts(f->s, COLOR_PAREN, "decap(");
    if (a->new_pkt_type != OFP_PT_USE_NEXT_PROTO) {
        uint32_t type = ntohl(a->new_pkt_type);
        strbuf_printf(f->s, "packet_type(ns=%u,type=%#x)", type >> 16, type & 0xffff);
    }
    color_puts(f->s, COLOR_PAREN, ")");
}
