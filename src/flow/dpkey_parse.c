/* SPDX-License-Identifier: Apache-2.0 */
/* The text is a list of attributes, "name(...)". Most are a list of "member=value/mask", described by the
 * tables below; the rest have a function of their own. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/dpkey_text.h"
#include "flow/flags.h"
#include "flow/text.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"
#include "wire/tunnel.h"

enum kind {
    NUM8,
    NUM16,
    NUM32,
    BE16,
    BE32,
    BE64,
    IP4,
    IP6,
    MAC,
    FRAG,
    NSH_SPI,
    NSH_SI,
    ICMP
};

struct member {
    const char *name;
    enum kind kind;
    uint16_t offset;
};
#define M(NAME, KIND, MEMBER)                                                                                \
    {                                                                                                        \
        NAME, KIND, offsetof(struct flow_key, MEMBER)                                                        \
    }

/* Attributes that were seen: bit 1 << enum attr. */
enum attr {
    A_ETH,
    A_ETH_TYPE,
    A_IPV4,
    A_IPV6,
    A_ARP,
    A_MPLS,
    A_NSH,
    A_TCP,
    A_UDP,
    A_SCTP,
    A_ICMP,
    A_ICMPV6,
    A_ND,
    A_IN_PORT,
    A_PACKET_TYPE,
    A_VLAN,
    A_ENCAP,
    A_OTHER,
    A_N
};

static const struct member eth_members[] = {M("src", MAC, dl_src), M("dst", MAC, dl_dst), {0}};
static const struct member ipv4_members[] = {
    M("src", IP4, nw_src),
    M("dst", IP4, nw_dst),
    M("proto", NUM8, nw_proto),
    M("tos", NUM8, nw_tos),
    M("ttl", NUM8, nw_ttl),
    M("frag", FRAG, nw_frag),
    {0},
};
static const struct member ipv6_members[] = {
    M("src", IP6, ipv6_src),      M("dst", IP6, ipv6_dst),
    M("label", BE32, ipv6_label), M("proto", NUM8, nw_proto),
    M("tclass", NUM8, nw_tos),    M("hlimit", NUM8, nw_ttl),
    M("frag", FRAG, nw_frag),     {0},
};
static const struct member arp_members[] = {
    M("sip", IP4, nw_src),  M("tip", IP4, nw_dst),  M("op", NUM8, nw_proto),
    M("sha", MAC, arp_sha), M("tha", MAC, arp_tha), {0},
};
static const struct member port_members[] = {M("src", BE16, tp_src), M("dst", BE16, tp_dst), {0}};
static const struct member icmp_members[] = {M("type", ICMP, tp_src), M("code", ICMP, tp_dst), {0}};
static const struct member nd_members[] = {
    M("target", IP6, nd_target),
    M("sll", MAC, arp_sha),
    M("tll", MAC, arp_tha),
    {0},
};
static const struct member nd_ext_members[] = {
    M("nd_reserved", BE32, igmp_group),
    M("nd_options_type", ICMP, tcp_flags),
    {0},
};
static const struct member nsh_members[] = {
    M("flags", NUM8, nsh_flags),
    M("ttl", NUM8, nsh_ttl),
    M("mdtype", NUM8, nsh_mdtype),
    M("np", NUM8, nsh_np),
    M("spi", NSH_SPI, nsh_path_hdr),
    M("si", NSH_SI, nsh_path_hdr),
    M("c1", BE32, nsh_context[0]),
    M("c2", BE32, nsh_context[1]),
    M("c3", BE32, nsh_context[2]),
    M("c4", BE32, nsh_context[3]),
    {0},
};
static const struct member ct_tuple4_members[] = {
    M("src", IP4, ct_nw_src),     M("dst", IP4, ct_nw_dst),     M("proto", NUM8, ct_nw_proto),
    M("tp_src", BE16, ct_tp_src), M("tp_dst", BE16, ct_tp_dst), {0},
};
static const struct member ct_tuple6_members[] = {
    M("src", IP6, ct_ipv6_src),     M("dst", IP6, ct_ipv6_dst),
    M("proto", NUM8, ct_nw_proto),  M("tp_src", BE16, ct_tp_src),
    M("tp_dst", BE16, ct_tp_dst),   M("src_port", BE16, ct_tp_src),
    M("dst_port", BE16, ct_tp_dst), {0},
};
static const struct member tunnel_members[] = {
    M("tun_id", BE64, tun_id),        M("src", IP4, tun_src),
    M("dst", IP4, tun_dst),           M("ipv6_src", IP6, tun_ipv6_src),
    M("ipv6_dst", IP6, tun_ipv6_dst), M("tos", NUM8, tun_tos),
    M("ttl", NUM8, tun_ttl),          M("tp_src", BE16, tun_tp_src),
    M("tp_dst", BE16, tun_tp_dst),    {0},
};
static const struct member gbp_members[] = {
    M("id", BE16, tun_gbp_id),
    M("flags", NUM8, tun_gbp_flags),
    {0},
};
static const struct member erspan_members[] = {
    M("ver", NUM8, tun_erspan_ver),
    M("idx", NUM32, erspan_idx),
    M("dir", NUM8, tun_erspan_dir),
    M("hwid", NUM8, tun_erspan_hwid),
    {0},
};
static const struct member gtpu_members[] = {
    M("flags", NUM8, tun_gtpu_flags),
    M("msgtype", NUM8, tun_gtpu_msgtype),
    {0},
};

/* Attributes that are a list of members. */
static const struct {
    const char *name;
    const struct member *members;
    enum attr attr;
} lists[] = {
    {"eth", eth_members, A_ETH},
    {"ipv4", ipv4_members, A_IPV4},
    {"ipv6", ipv6_members, A_IPV6},
    {"arp", arp_members, A_ARP},
    {"tcp", port_members, A_TCP},
    {"udp", port_members, A_UDP},
    {"sctp", port_members, A_SCTP},
    {"icmp", icmp_members, A_ICMP},
    {"icmpv6", icmp_members, A_ICMPV6},
    {"nd", nd_members, A_ND},
    {"nd_ext", nd_ext_members, A_OTHER},
    {"nsh", nsh_members, A_NSH},
    {"ct_tuple4", ct_tuple4_members, A_OTHER},
    {"ct_tuple6", ct_tuple6_members, A_OTHER},
};

/* Attributes that are one number. */
static const struct {
    struct member member;
    bool maskable;
    enum attr attr;
} numbers[] = {
    {M("skb_priority", NUM32, skb_priority), true, A_OTHER}, {M("skb_mark", NUM32, pkt_mark), true, A_OTHER},
    {M("recirc_id", NUM32, recirc_id), false, A_OTHER},      {M("dp_hash", NUM32, dp_hash), true, A_OTHER},
    {M("ct_zone", NUM16, ct_zone), true, A_OTHER},           {M("ct_mark", NUM32, ct_mark), true, A_OTHER},
    {M("eth_type", BE16, dl_type), true, A_ETH_TYPE},
};

struct in {
    const struct port_names *ports;
    struct flow_key *key, *mask;
    unsigned attrs; /* seen in the present encapsulation */
    int n_vlans;    /* encap() that we are in */
    bool invalid;   /* an attribute twice and the like */
    bool no_ttl;    /* tunnel() without ttl */
};

/* --- Values -------------------------------------------------------------------------------------------- */

/* A number at *P in any base. */
static bool get_number(const char **p, uint64_t *v)
{
    char *end;
    if (!isdigit((unsigned char)**p)) {
        return false;
    }
    *v = strtoull(*p, &end, 0);
    *p = end;
    return true;
}

/* "v" or "v/mask" into V and M; ALL without a mask. */
static bool get_masked(const char **p, uint64_t *v, uint64_t *m)
{
    *m = UINT64_MAX;
    if (!get_number(p, v)) {
        return false;
    }
    if (**p == '/') {
        ++*p;
        return get_number(p, m);
    }
    return true;
}

static void store(void *dst, enum kind kind, uint64_t v)
{
    switch (kind) {
    case NUM8:
        *(uint8_t *)dst = (uint8_t)v;
        break;
    case NUM16: {
        uint16_t n = (uint16_t)v;
        memcpy(dst, &n, sizeof n);
        break;
    }
    case NUM32: {
        uint32_t n = (uint32_t)v;
        memcpy(dst, &n, sizeof n);
        break;
    }
    case BE16:
        put_be16(dst, CONST_BE16(v));
        break;
    case ICMP:
        put_be16(dst, CONST_BE16(v & 0xff));
        break;
    case BE32:
        put_be32(dst, CONST_BE32((uint32_t)v));
        break;
    case BE64:
        put_be64(dst, CONST_BE64(v));
        break;
    case NSH_SPI:
        put_be32(dst, (get_be32(dst) & CONST_BE32(0xff)) | CONST_BE32((uint32_t)v << 8));
        break;
    case NSH_SI:
        put_be32(dst, (get_be32(dst) & CONST_BE32(0xffffff00)) | CONST_BE32((uint32_t)v & 0xff));
        break;
    default:
        break;
    }
}

static bool get_frag(const char **p, uint8_t *v)
{
    static const struct {
        const char *name;
        uint8_t value;
    } names[] = {{"no", 0}, {"first", FLOW_NW_FRAG_ANY}, {"later", FLOW_NW_FRAG_ANY | FLOW_NW_FRAG_LATER}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t n = strlen(names[i].name);
        if (!strncmp(*p, names[i].name, n)) {
            *v = names[i].value;
            *p += n;
            return true;
        }
    }
    return false;
}

/* The value and mask of MEMBER at *P. */
static bool get_member(struct in *in, const struct member *member, const char **p)
{
    uint8_t *key = (uint8_t *)in->key + member->offset, *mask = (uint8_t *)in->mask + member->offset;
    size_t n, size;
    uint64_t v, m;

    switch (member->kind) {
    case IP4:
    case IP6:
    case MAC:
        size = member->kind == IP4 ? 4 : member->kind == IP6 ? 16 : 6;
        for (int i = 0; i < 2; i++) {
            void *dst = i ? mask : key;
            n = member->kind == IP4   ? text_get_ipv4(*p, dst)
                : member->kind == IP6 ? text_get_ipv6(*p, dst)
                                      : text_get_mac(*p, dst);
            if (!n) {
                return false;
            }
            *p += n;
            if (!i && **p != '/') {
                memset(mask, 0xff, size);
                break;
            }
            *p += !i;
        }
        return true;
    case FRAG:
        *mask = UINT8_MAX;
        return get_frag(p, key);
    default:
        if (!get_masked(p, &v, &m)) {
            return false;
        }
        store(key, member->kind, v);
        if (member->kind == ICMP && m == UINT64_MAX) {
            memset(mask, 0xff, 2); /* the upper byte is always 0 */
        } else {
            store(mask, member->kind, m);
        }
        return true;
    }
}

/* "member=value,member=value)" with the parenthesis. */
static bool get_members(struct in *in, const struct member *members, const char **p)
{
    while (**p != ')') {
        const struct member *m = members;
        size_t n = 0;
        for (; m->name; m++) {
            n = strlen(m->name);
            if (!strncmp(*p, m->name, n) && (*p)[n] == '=') {
                break;
            }
        }
        if (!m->name) {
            return false;
        }
        *p += n + 1;
        if (!get_member(in, m, p)) {
            return false;
        }
        if (**p == ',') {
            ++*p;
        } else if (**p != ')') {
            return false;
        }
    }
    ++*p;
    return true;
}

/* NAME and its parenthesis at *P: takes them off. */
static bool take(const char **p, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(*p, name, n) || (*p)[n] != '(') {
        return false;
    }
    *p += n + 1;
    return true;
}

/* Flags up to the ')', which is taken off. */
static bool get_flags(const char **p, const struct flag_name *names, uint32_t all, uint32_t *flags,
                      uint32_t *mask)
{
    size_t n = strcspn(*p, ")");
    char *error = NULL;
    if (!n || !(*p)[n]) {
        *flags = 0;
        *mask = all;
    } else {
        error = flags_parse(*p, n, names, "", all, flags, mask);
    }
    if (error || !(*p)[n]) {
        free(error);
        return false;
    }
    *p += n + 1;
    return true;
}

/* Hexadecimal of any length, right-aligned in N bytes. */
static bool get_hex(const char **p, uint8_t *out, unsigned n)
{
    memset(out, 0, n);
    if ((*p)[0] == '0' && (*p)[1] == 'x') {
        *p += 2;
    } else {
        uint64_t v;
        if (!get_number(p, &v)) {
            return false;
        }
        for (unsigned i = 0; i < n && i < 8; i++) {
            out[n - 1 - i] = (uint8_t)(v >> (8 * i));
        }
        return n >= 8 || !(v >> (8 * n));
    }
    size_t digits = strspn(*p, "0123456789abcdefABCDEF");
    const char *last = *p + digits;
    for (size_t i = 0; i < digits; i++) {
        char c = (char)tolower((unsigned char)last[-1 - (long)i]);
        uint8_t v = (uint8_t)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
        if (i / 2 >= n) {
            if (v) {
                return false;
            }
            continue;
        }
        out[n - 1 - i / 2] |= (uint8_t)(i & 1 ? v << 4 : v);
    }
    *p = last;
    return digits > 0;
}

static bool get_hex_masked(const char **p, uint8_t *v, uint8_t *m, unsigned n)
{
    memset(m, 0xff, n);
    if (!get_hex(p, v, n)) {
        return false;
    }
    if (**p == '/') {
        ++*p;
        return get_hex(p, m, n);
    }
    return true;
}

/* --- Attributes of their own --------------------------------------------------------------------------- */

/* "{class=0x102,type=0x80,len=4,0xa/0xff}{...})" */
static bool get_geneve(struct in *in, const char **p)
{
    unsigned ofs = 0;
    while (**p == '{') {
        uint64_t class, class_mask, type, type_mask, len;
        const char *q = *p + 1;
        if (strncmp(q, "class=", 6) || (q += 6, !get_masked(&q, &class, &class_mask)) ||
            strncmp(q, ",type=", 6) || (q += 6, !get_masked(&q, &type, &type_mask)) ||
            strncmp(q, ",len=", 5) || (q += 5, !get_number(&q, &len)) || len % 4 || len > 124 ||
            ofs + GENEVE_OPTION_LEN + len > FLOW_TUN_OPTS_MAX) {
            return false;
        }
        struct geneve_option *opt = (void *)(in->key->tun_opts + ofs);
        struct geneve_option *mask = (void *)(in->mask->tun_opts + ofs);
        opt->class = CONST_BE16(class);
        mask->class = CONST_BE16(class_mask);
        opt->type = (uint8_t)type;
        mask->type = (uint8_t)type_mask;
        opt->len = (uint8_t)(len / 4);
        mask->len = UINT8_MAX;
        ofs += GENEVE_OPTION_LEN;
        if (len && (*q++ != ',' ||
                    !get_hex_masked(&q, in->key->tun_opts + ofs, in->mask->tun_opts + ofs, (unsigned)len))) {
            return false;
        }
        ofs += (unsigned)len;
        if (*q++ != '}') {
            return false;
        }
        *p = q;
    }
    in->key->tun_opts_len = (uint8_t)ofs;
    in->mask->tun_opts_len = UINT8_MAX;
    return *(*p)++ == ')';
}

static bool get_tunnel(struct in *in, const char **p)
{
    bool has_id = false, has_ttl = false;
    while (**p != ')') {
        if (take(p, "vxlan")) {
            if (!take(p, "gbp") || !get_members(in, gbp_members, p) || *(*p)++ != ')') {
                return false;
            }
        } else if (take(p, "geneve")) {
            if (!get_geneve(in, p)) {
                return false;
            }
        } else if (take(p, "erspan")) {
            if (!get_members(in, erspan_members, p)) {
                return false;
            }
        } else if (take(p, "gtpu")) {
            if (!get_members(in, gtpu_members, p)) {
                return false;
            }
        } else if (take(p, "flags")) {
            uint32_t flags, mask;
            if (!get_flags(p, flag_names_tunnel_all, 0xf, &flags, &mask)) {
                return false;
            }
            in->key->tun_flags = (uint16_t)flags;
            in->mask->tun_flags = (uint16_t)mask;
        } else {
            const struct member *m = tunnel_members;
            size_t n = 0;
            for (; m->name; m++) {
                n = strlen(m->name);
                if (!strncmp(*p, m->name, n) && (*p)[n] == '=') {
                    break;
                }
            }
            if (!m->name) {
                return false;
            }
            has_id |= !strcmp(m->name, "tun_id");
            has_ttl |= !strcmp(m->name, "ttl");
            *p += n + 1;
            if (!get_member(in, m, p)) {
                return false;
            }
        }
        if (**p == ',') {
            ++*p;
        } else if (**p != ')') {
            return false;
        }
    }
    ++*p;
    in->no_ttl = !has_ttl;
    if (has_id) {
        in->key->tun_flags |= FLOW_TUN_KEY;
        in->mask->tun_flags |= FLOW_TUN_KEY;
    }
    return true;
}

static bool get_vlan(struct in *in, const char **p)
{
    uint16_t tci = VLAN_CFI, mask = VLAN_CFI;
    while (**p != ')') {
        uint64_t v, m;
        unsigned bits, shift;
        if (!strncmp(*p, "vid=", 4)) {
            bits = VLAN_VID_MASK, shift = 0;
        } else if (!strncmp(*p, "pcp=", 4)) {
            bits = VLAN_PCP_MASK, shift = VLAN_PCP_SHIFT;
        } else if (!strncmp(*p, "cfi=", 4)) {
            bits = VLAN_CFI, shift = 12;
        } else {
            return false;
        }
        *p += 4;
        if (!get_masked(p, &v, &m)) {
            return false;
        }
        tci = (uint16_t)((tci & ~bits) | ((v << shift) & bits));
        mask = (uint16_t)((mask & ~bits) | ((m << shift) & bits));
        if (**p == ',') {
            ++*p;
        } else if (**p != ')') {
            return false;
        }
    }
    ++*p;
    if (in->n_vlans >= FLOW_MAX_VLANS) {
        in->invalid = true;
        return true;
    }
    in->key->vlans[in->n_vlans].tci = CONST_BE16(tci);
    in->mask->vlans[in->n_vlans].tci = CONST_BE16(mask | VLAN_CFI);
    return true;
}

static bool get_mpls(struct in *in, const char **p)
{
    static const struct {
        const char *name;
        uint32_t bits;
        int shift;
    } parts[] = {
        {"label=", MPLS_LABEL_MASK, MPLS_LABEL_SHIFT},
        {"tc=", MPLS_TC_MASK, MPLS_TC_SHIFT},
        {"ttl=", MPLS_TTL_MASK, MPLS_TTL_SHIFT},
        {"bos=", MPLS_BOS_MASK, MPLS_BOS_SHIFT},
    };
    int lse = -1;
    while (**p != ')') {
        uint64_t v, m;
        size_t i = 0;
        while (i < ARRAY_SIZE(parts) && strncmp(*p, parts[i].name, strlen(parts[i].name))) {
            i++;
        }
        if (i == ARRAY_SIZE(parts)) {
            return false;
        }
        *p += strlen(parts[i].name);
        lse += i == 0 || lse < 0; /* each begins with its label */
        if (!get_masked(p, &v, &m)) {
            return false;
        }
        if (lse >= FLOW_MAX_MPLS) {
            in->invalid = true;
        } else {
            in->key->mpls_lse[lse] |= CONST_BE32((uint32_t)(v << parts[i].shift) & parts[i].bits);
            in->mask->mpls_lse[lse] |= CONST_BE32((uint32_t)(m << parts[i].shift) & parts[i].bits);
        }
        if (**p == ',') {
            ++*p;
        } else if (**p != ')') {
            return false;
        }
    }
    ++*p;
    return lse >= 0;
}

static bool get_in_port(struct in *in, const char **p)
{
    size_t n = strcspn(*p, ")");
    char *name = xmemdup0(*p, n), *end;
    uint32_t port = (uint32_t)strtoul(name, &end, 0);
    bool ok = n && (*p)[n] == ')';

    if (ok && (*end || !isdigit((unsigned char)*name))) {
        ok = in->ports && in->ports->number && in->ports->number(in->ports, name, &port);
    }
    free(name);
    if (ok) {
        in->key->in_port = port;
        in->mask->in_port = UINT32_MAX;
        *p += n + 1;
    }
    return ok;
}

static bool get_packet_type(struct in *in, const char **p)
{
    uint64_t ns, ns_mask, id, id_mask;
    if (strncmp(*p, "ns=", 3) || (*p += 3, !get_masked(p, &ns, &ns_mask)) || strncmp(*p, ",id=", 4) ||
        (*p += 4, !get_masked(p, &id, &id_mask)) || *(*p)++ != ')') {
        return false;
    }
    in->key->packet_type = CONST_BE32((uint32_t)(ns << 16 | (id & 0xffff)));
    in->mask->packet_type = CONST_BE32((uint32_t)(ns_mask << 16 | (id_mask & 0xffff)));
    return true;
}

/* --- The whole ----------------------------------------------------------------------------------------- */

static bool get_attrs(struct in *in, const char **p, bool nested, const char **error_at);

/* "eth_type(..),...)" behind a tag. */
static bool get_encap(struct in *in, const char **p, const char **error_at)
{
    unsigned outer = in->attrs;
    if (in->n_vlans >= FLOW_MAX_VLANS) {
        in->invalid = true;
        return false;
    }
    /* What looked like the Ethertype was the tag's. */
    in->key->vlans[in->n_vlans].tpid = in->key->dl_type;
    in->key->dl_type = 0;
    in->mask->dl_type = 0;
    be16 tpid = in->key->vlans[in->n_vlans].tpid;
    if (!(outer & (1u << A_VLAN))) {
        in->key->vlans[in->n_vlans].tci = FLOW_VLAN_PRESENT; /* there, and not looked at */
    } else if (!(in->key->vlans[in->n_vlans].tci & FLOW_VLAN_PRESENT)) {
        /* cfi=0: a frame that ends behind the tag's Ethertype */
        in->key->vlans[in->n_vlans] = (struct flow_vlan){0, 0};
        in->key->dl_type = tpid;
        in->mask->dl_type = UINT16_MAX;
    }
    in->n_vlans++;
    in->attrs &= (1u << A_ETH) | (1u << A_PACKET_TYPE) | (1u << A_IN_PORT);
    if (!get_attrs(in, p, true, error_at)) {
        return false;
    }
    if (!(outer & (1u << A_VLAN)) || !(outer & (1u << A_ETH_TYPE)) ||
        !eth_type_is_vlan(in->key->vlans[in->n_vlans - 1].tpid) || !(in->attrs & (1u << A_ETH_TYPE)) ||
        !(in->key->vlans[0].tci & FLOW_VLAN_PRESENT)) {
        in->invalid = true;
    }
    return true;
}

static void saw(struct in *in, enum attr attr)
{
    if (attr != A_OTHER) {
        in->invalid |= (in->attrs >> attr) & 1;
        in->attrs |= 1u << attr;
    }
}

static bool get_attr(struct in *in, const char **p, const char **error_at)
{
    uint32_t flags, mask;

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        if (take(p, lists[i].name)) {
            saw(in, lists[i].attr);
            return get_members(in, lists[i].members, p);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (take(p, numbers[i].member.name)) {
            saw(in, numbers[i].attr);
            const char *text = *p;
            return get_member(in, &numbers[i].member, p) && *(*p)++ == ')' &&
                   (numbers[i].maskable || !memchr(text, '/', (size_t)(*p - text)));
        }
    }
    if (take(p, "ct_state")) {
        if (!get_flags(p, flag_names_ct_state, 0xff, &flags, &mask)) {
            return false;
        }
        in->key->ct_state = (uint16_t)flags;
        in->mask->ct_state = (uint16_t)mask;
        return true;
    }
    if (take(p, "tcp_flags")) {
        if (!get_flags(p, flag_names_tcp, 0xfff, &flags, &mask)) {
            return false;
        }
        in->key->tcp_flags = CONST_BE16(flags);
        in->mask->tcp_flags = CONST_BE16(mask == 0xfff ? 0xffff : mask);
        return true;
    }
    if (take(p, "ct_label")) {
        return get_hex_masked(p, in->key->ct_label.u8, in->mask->ct_label.u8, 16) && *(*p)++ == ')';
    }
    if (take(p, "in_port")) {
        saw(in, A_IN_PORT);
        return get_in_port(in, p);
    }
    if (take(p, "packet_type")) {
        saw(in, A_PACKET_TYPE);
        return get_packet_type(in, p);
    }
    if (take(p, "tunnel")) {
        return get_tunnel(in, p);
    }
    if (take(p, "vlan")) {
        saw(in, A_VLAN);
        return get_vlan(in, p);
    }
    if (take(p, "mpls")) {
        saw(in, A_MPLS);
        return get_mpls(in, p);
    }
    if (take(p, "encap")) {
        saw(in, A_ENCAP);
        return get_encap(in, p, error_at);
    }
    return false;
}

static bool get_attrs(struct in *in, const char **p, bool nested, const char **error_at)
{
    for (;;) {
        *p += strspn(*p, ", \t\r\n");
        if (nested ? **p == ')' : !**p) {
            *p += nested;
            return true;
        }
        const char *start = *p;
        if (!get_attr(in, p, error_at)) {
            *error_at = start;
            return false;
        }
    }
}

/* What is wrong with the attributes as a whole, or NULL. */
static const char *find_contradiction(const struct in *in)
{
    const struct flow_key *key = in->key;
    unsigned a = in->attrs;
    static const struct {
        uint16_t dl_type;
        enum attr attr;
        const char *what;
    } needs[] = {
        {ETH_TYPE_IPV4, A_IPV4, "eth_type(0x0800) needs ipv4()"},
        {ETH_TYPE_IPV6, A_IPV6, "eth_type(0x86dd) needs ipv6()"},
        {ETH_TYPE_ARP, A_ARP, "eth_type(0x0806) needs arp()"},
        {ETH_TYPE_RARP, A_ARP, "eth_type(0x8035) needs arp()"},
        {ETH_TYPE_MPLS, A_MPLS, "eth_type(0x8847) needs mpls()"},
        {ETH_TYPE_MPLS_MCAST, A_MPLS, "eth_type(0x8848) needs mpls()"},
        {ETH_TYPE_NSH, A_NSH, "eth_type(0x894f) needs nsh()"},
    };
    static const struct {
        uint8_t proto;
        enum attr attr;
        bool v4, v6;
        const char *what;
    } l4[] = {
        {IP_PROTO_TCP, A_TCP, true, true, "proto=6 needs tcp()"},
        {IP_PROTO_UDP, A_UDP, true, true, "proto=17 needs udp()"},
        {IP_PROTO_SCTP, A_SCTP, true, true, "proto=132 needs sctp()"},
        {IP_PROTO_ICMP, A_ICMP, true, false, "proto=1 needs icmp()"},
        {IP_PROTO_ICMPV6, A_ICMPV6, false, true, "proto=58 needs icmpv6()"},
    };

    if (in->invalid) {
        return "an attribute twice, or nested too deep";
    }
    if (in->no_ttl) {
        return "tunnel() needs ttl";
    }
    if (!(a & (1u << A_IN_PORT))) {
        return "in_port() is missing";
    }
    if (key->packet_type == FLOW_PT_ETH && !(a & (1u << A_ETH_TYPE))) {
        return "eth_type() is missing";
    }
    if (key->dl_type != FLOW_DL_TYPE_NONE && CONST_BE16(key->dl_type) < ETH_TYPE_MIN) {
        return "eth_type() below 0x600";
    }
    if (in->mask->dl_type != UINT16_MAX && key->packet_type == FLOW_PT_ETH) {
        return "eth_type() must be exact";
    }
    if (eth_type_is_vlan(key->dl_type) && !in->n_vlans) {
        return "eth_type() of a tag needs vlan() and encap()";
    }
    for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
        if (key->dl_type == CONST_BE16(needs[i].dl_type) && !((a >> needs[i].attr) & 1)) {
            return needs[i].what;
        }
    }
    bool is_v4 = a & (1u << A_IPV4), is_v6 = a & (1u << A_IPV6);
    for (size_t i = 0; i < ARRAY_SIZE(l4) && (is_v4 || is_v6); i++) {
        if (key->nw_proto == l4[i].proto && (is_v4 ? l4[i].v4 : l4[i].v6) &&
            !(key->nw_frag & FLOW_NW_FRAG_LATER) && !((a >> l4[i].attr) & 1)) {
            return l4[i].what;
        }
    }
    return NULL;
}

char *dpkey_parse(const char *text, const struct port_names *ports, struct flow_key *key,
                  struct flow_key *mask, bool *invalid)
{
    struct flow_key unused_mask;
    struct in in = {.ports = ports, .key = key, .mask = mask ? mask : &unused_mask};
    const char *p = text, *error_at = text;

    memset(key, 0, sizeof *key);
    memset(in.mask, 0, sizeof *in.mask);
    in.mask->recirc_id = UINT32_MAX;
    key->in_port = UINT32_MAX;
    if (invalid) {
        *invalid = false;
    }
    p += strspn(p, ", \t\r\n");
    if (!strncmp(p, "ufid:", 5)) {
        p += 5 + strspn(p + 5, "0123456789abcdefABCDEF-");
    }
    if (!get_attrs(&in, &p, false, &error_at)) {
        return xasprintf("syntax error at %s", error_at);
    }
    /* Without eth() it is a packet without an Ethernet header. */
    if (!(in.attrs & ((1u << A_ETH) | (1u << A_PACKET_TYPE))) && (in.attrs & (1u << A_ETH_TYPE))) {
        key->packet_type = CONST_BE32(1u << 16 | CONST_BE16(key->dl_type));
    } else if (!(in.attrs & (1u << A_ETH_TYPE)) && key->packet_type) {
        key->dl_type = CONST_BE16(CONST_BE32(key->packet_type) & 0xffff);
        in.mask->dl_type = UINT16_MAX;
    } else if (key->dl_type == FLOW_DL_TYPE_NONE) {
        in.invalid = true;
    } else if (!key->dl_type) {
        key->dl_type = FLOW_DL_TYPE_NONE; /* no eth_type(), or eth_type(0/0xffff): an 802.2 frame */
    }
    const char *wrong = find_contradiction(&in);
    if (wrong && invalid) {
        *invalid = true;
        return xstrdup(wrong);
    }
    return NULL;
}
