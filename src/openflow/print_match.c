/* SPDX-License-Identifier: Apache-2.0 */
/* Matches in the wire's form, as flow mods show them at -mmm: OpenFlow 1.0's structure with every wildcard,
 * and the fields of Nicira's extension by their names. */
#include "flow/field.h"
#include "flow/match.h"
#include "flow/text.h"
#include "openflow/oxm.h"
#include "openflow/print_private.h"
#include "wire/eth.h"
#include "wire/ipv4.h"

enum {
    WILD_IN_PORT = 1 << 0,
    WILD_VLAN = 1 << 1,
    WILD_DL_SRC = 1 << 2,
    WILD_DL_DST = 1 << 3,
    WILD_DL_TYPE = 1 << 4,
    WILD_NW_PROTO = 1 << 5,
    WILD_TP_SRC = 1 << 6,
    WILD_TP_DST = 1 << 7,
    WILD_NW_SRC_SHIFT = 8, /* six bits: how many low bits do not count; 32 and more: none does */
    WILD_NW_DST_SHIFT = 14,
    WILD_PCP = 1 << 20,
    WILD_TOS = 1 << 21,
};

static void put_number(struct strbuf *s, const char *name, bool wild, unsigned value)
{
    if (wild) {
        strbuf_printf(s, "%s=*,", name);
    } else {
        strbuf_printf(s, "%s=%u,", name, value);
    }
}

static void put_mac(struct strbuf *s, const char *name, bool wild, const uint8_t *m)
{
    if (wild) {
        strbuf_printf(s, "%s=*,", name);
    } else {
        strbuf_printf(s, "%s=%02x:%02x:%02x:%02x:%02x:%02x,", name, m[0], m[1], m[2], m[3], m[4], m[5]);
    }
}

static void put_ip(struct strbuf *s, const char *name, unsigned n_wild, const uint8_t *a)
{
    if (n_wild >= 32) {
        strbuf_printf(s, "%s=*,", name);
        return;
    }
    strbuf_printf(s, "%s=%u.%u.%u.%u", name, a[0], a[1], a[2], a[3]);
    strbuf_printf(s, n_wild ? "/%u," : ",", 32 - n_wild);
}

void print_match_10(const uint8_t *p, const struct print *pr)
{
    struct strbuf *s = pr->s;
    uint32_t wild = ntohl(get_be32(p));
    uint16_t dl_type = ntohs(get_be16(p + 22));
    uint8_t nw_proto = p[25];
    const struct match_keyword *k = NULL;
    if (!(wild & WILD_DL_TYPE) && dl_type != ETH_TYPE_IPV6) { /* which OpenFlow 1.0 does not know */
        k = match_keyword_of(dl_type, wild & WILD_NW_PROTO ? 0 : nw_proto);
    }
    if (k) {
        strbuf_printf(s, "%s,", k->name);
    }
    if (wild & WILD_IN_PORT) {
        strbuf_puts(s, "in_port=*,");
    } else {
        strbuf_puts(s, "in_port=");
        ofp_port_format(ntohs(get_be16(p + 4)), pr->names, s);
        strbuf_put_char(s, ',');
    }
    put_number(s, "dl_vlan", wild & WILD_VLAN, ntohs(get_be16(p + 18)));
    put_number(s, "dl_vlan_pcp", wild & WILD_PCP, p[20]);
    put_mac(s, "dl_src", wild & WILD_DL_SRC, p + 6);
    put_mac(s, "dl_dst", wild & WILD_DL_DST, p + 12);
    if (wild & WILD_DL_TYPE) {
        strbuf_puts(s, "dl_type=*,");
    } else if (!k) {
        strbuf_printf(s, "dl_type=0x%04x,", dl_type);
    }
    bool is_arp = !(wild & WILD_DL_TYPE) && (dl_type == ETH_TYPE_ARP || dl_type == ETH_TYPE_RARP);
    put_ip(s, "nw_src", wild >> WILD_NW_SRC_SHIFT & 63, p + 28);
    put_ip(s, "nw_dst", wild >> WILD_NW_DST_SHIFT & 63, p + 32);
    if (!k || !k->nw_proto) {
        put_number(s, is_arp ? "arp_op" : "nw_proto", wild & WILD_NW_PROTO, nw_proto);
    }
    put_number(s, "nw_tos", wild & WILD_TOS, p[24]);
    bool icmp = !(wild & WILD_NW_PROTO) && nw_proto == IP_PROTO_ICMP;
    put_number(s, icmp ? "icmp_type" : "tp_src", wild & WILD_TP_SRC, ntohs(get_be16(p + 36)));
    put_number(s, icmp ? "icmp_code" : "tp_dst", wild & WILD_TP_DST, ntohs(get_be16(p + 38)));
    strbuf_chomp(s, ',');
}

void print_match_fields(const uint8_t *data, size_t len, const struct print *pr)
{
    struct strbuf *s = pr->s;
    struct reader r = reader_of(data, len);
    if (!r.n) {
        strbuf_puts(s, "<any>");
    }
    while (r.n) {
        const uint8_t *head = r.p;
        const struct field *field;
        bool masked;
        unsigned n;
        if (oxm_get_header(&r, &field, &masked, &n) || n > r.n) {
            return;
        }
        size_t head_len = r.p - head;
        uint64_t raw = (uint64_t)(ntohl(get_be32(head)) & ~0x100u) << 32;
        if (head_len == 8) {
            raw |= ntohl(get_be32(head + 4));
        }
        const struct field_oxm *oxm = field_oxm_from_header(raw);
        strbuf_printf(s, "%s%s%s(%s", head == data ? "" : ", ", oxm ? oxm->name : "NXM_NX_COOKIE",
                      masked ? "_W" : "", masked && !n ? "/" : "");
        for (unsigned i = 0; i < n; i++) {
            strbuf_printf(s, masked && i == n / 2 ? "/%02x" : "%02x", r.p[i]);
        }
        strbuf_put_char(s, ')');
        r.p += n;
        r.n -= n;
    }
}
