/* SPDX-License-Identifier: Apache-2.0 */
#include "tunnel/config.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/smap.h"
#include "base/strbuf.h"
#include "wire/eth.h"

LOG_MODULE(netdev_vport);

#define TOS_DSCP_MASK 0xfc

struct parser {
    const struct tunnel_kind_info *info;
    const char *name;
    struct tunnel_config *config;
    struct strbuf errors; /* a line each */
    bool fatal;
    bool has_dst;
};

static bool is(const char *text, const char *word)
{
    return !strcmp(text, word);
}

static void parse_local(struct parser *p, const char *value)
{
    if (is(value, "flow")) {
        p->config->src_flow = true;
    } else if (!tunnel_address_parse(value, &p->config->src)) {
        LOG_ERR("\"%s\" is not a valid IP address", value);
        strbuf_printf(&p->errors, "%s: bad %s 'local_ip'\n", p->name, p->info->type);
    }
}

static bool is_multicast(const struct ipv6_addr *a)
{
    return ipv6_addr_is_v4mapped(a) ? (a->u8[12] & 0xf0) == 0xe0 : ipv6_addr_is_multicast(a);
}

static void parse_remote(struct parser *p, const char *value)
{
    struct ipv6_addr a;
    if (is(value, "flow")) {
        p->config->dst_flow = p->has_dst = true;
    } else if (!tunnel_address_parse(value, &a) || ipv6_addr_is_zero(&a)) {
        LOG_ERR("\"%s\" is not a valid IP address", value);
        strbuf_printf(&p->errors, "%s: bad %s 'remote_ip'\n", p->name, p->info->type);
    } else if (is_multicast(&a)) {
        strbuf_printf(&p->errors, "%s: multicast remote_ip=%s not allowed\n", p->name, value);
        p->fatal = true;
        p->has_dst = true;
    } else {
        p->config->dst = a;
        p->has_dst = true;
    }
}

static void parse_tos(struct parser *p, const char *value)
{
    char *end;
    if (is(value, "inherit")) {
        p->config->tos_inherit = true;
        return;
    }
    unsigned long tos = strtoul(value, &end, 0);
    if (*end || end == value || tos != (tos & TOS_DSCP_MASK)) {
        strbuf_printf(&p->errors, "%s: invalid TOS %s\n", p->name, value);
    } else {
        p->config->tos = (uint8_t)tos;
    }
}

static void parse_ttl(struct parser *p, const char *value)
{
    if (is(value, "inherit")) {
        p->config->ttl_inherit = true;
    } else {
        p->config->ttl = (uint8_t)atoi(value);
    }
}

static void parse_exts(struct parser *p, const char *value)
{
    char *copy = xstrdup(value), *rest = copy, *word;
    while ((word = strsep(&rest, ",")) != NULL) {
        if (is(word, "gbp")) {
            p->config->gbp = true;
        } else if (is(word, "gpe")) {
            p->config->gpe = true;
        } else if (*word) {
            strbuf_printf(&p->errors, "%s: unknown extension '%s'\n", p->name, word);
        }
    }
    free(copy);
}

static void parse_packets(struct parser *p, const char *value)
{
    static const char *const names[] = {
        [TUNNEL_L2] = "legacy_l2", [TUNNEL_L3] = "legacy_l3", [TUNNEL_PTAP] = "ptap"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (is(value, names[i])) {
            p->config->packets = (enum tunnel_packets)i;
            return;
        }
    }
    strbuf_printf(&p->errors, "%s: unknown packet_type '%s'\n", p->name, value);
    p->fatal = true;
}

static void parse_payload(struct parser *p, const char *value)
{
    static const struct {
        const char *name;
        uint16_t type;
    } names[] = {{"mpls", ETH_TYPE_MPLS}, {"ip", ETH_TYPE_IPV4}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (is(value, names[i].name)) {
            p->config->payload_ethertype = CONST_BE16(names[i].type);
            return;
        }
    }
    char *end;
    unsigned long type = strtoul(value, &end, 16);
    if (*end || end == value || type < ETH_TYPE_MIN || type > UINT16_MAX) {
        p->fatal = true;
    } else {
        p->config->payload_ethertype = CONST_BE16(type);
    }
}

/* A number of the options of ERSPAN, in hexadecimal, or `flow`. */
static bool parse_erspan(struct parser *p, const char *value, unsigned long max, const char *what, bool *flow,
                         unsigned long *number)
{
    if (is(value, "flow")) {
        *flow = true;
        *number = 0;
        return true;
    }
    *number = strtoul(value, NULL, 16);
    if (*number > max) {
        strbuf_printf(&p->errors, "%s: invalid erspan %s: %s\n", p->name, what, value);
        p->fatal = true;
        return false;
    }
    return true;
}

static bool parse_erspan_option(struct parser *p, const char *key, const char *value)
{
    struct tunnel_config *c = p->config;
    unsigned long n;
    if (is(key, "erspan_ver")) {
        if (is(value, "flow")) {
            c->erspan_ver_flow = c->erspan_idx_flow = c->erspan_dir_flow = c->erspan_hwid_flow = true;
        } else if ((n = strtoul(value, NULL, 10)) != 1 && n != 2) {
            strbuf_printf(&p->errors, "%s: invalid erspan version: %s\n", p->name, value);
            p->fatal = true;
        } else {
            c->erspan_ver = (uint8_t)n;
        }
    } else if (is(key, "erspan_idx")) {
        if (parse_erspan(p, value, 0xfffff, "index", &c->erspan_idx_flow, &n)) {
            c->erspan_idx = (uint32_t)n;
        }
    } else if (is(key, "erspan_dir")) {
        if (parse_erspan(p, value, 1, "direction", &c->erspan_dir_flow, &n)) {
            c->erspan_dir = (uint8_t)n;
        }
    } else if (is(key, "erspan_hwid")) {
        if (parse_erspan(p, value, 0x3f, "hardware ID", &c->erspan_hwid_flow, &n)) {
            c->erspan_hwid = (uint8_t)n;
        }
    } else {
        return false;
    }
    return true;
}

/* Keys are read together, since `key` stands in for both. */
static bool is_key_option(const char *key)
{
    return is(key, "key") || is(key, "in_key") || is(key, "out_key");
}

/* ovs-monitor-ipsec's. */
static bool is_ipsec_option(const char *key)
{
    return is(key, "psk") || is(key, "remote_cert") || is(key, "remote_name");
}

static void parse_option(struct parser *p, const char *key, const char *value)
{
    struct tunnel_config *c = p->config;
    const struct tunnel_kind_info *info = p->info;
    if (is(key, "remote_ip")) {
        parse_remote(p, value);
    } else if (is(key, "local_ip")) {
        parse_local(p, value);
    } else if (is(key, "tos")) {
        parse_tos(p, value);
    } else if (is(key, "ttl")) {
        parse_ttl(p, value);
    } else if (is(key, "dst_port") && info->has_port) {
        c->dst_port = (uint16_t)atoi(value);
    } else if (is(key, "csum") && info->has_csum_option) {
        c->csum = is(value, "true");
    } else if (is(key, "seq") && info->has_seq_option) {
        c->seq = is(value, "true");
    } else if (is(key, "df_default")) {
        c->dont_fragment = !is(value, "false");
    } else if (is(key, "exts") && info->has_exts_option) {
        parse_exts(p, value);
    } else if (is(key, "egress_pkt_mark")) {
        c->egress_mark = (uint32_t)strtoul(value, NULL, 10);
        c->set_egress_mark = true;
    } else if (is(key, "packet_type")) {
        parse_packets(p, value);
    } else if (is(key, "payload_type") && info->has_payload_option) {
        parse_payload(p, value);
    } else if (info->has_erspan_options && parse_erspan_option(p, key, value)) {
        /* done */
    } else if (!is_key_option(key) && !is_ipsec_option(key)) {
        strbuf_printf(&p->errors, "%s: unknown %s argument '%s'\n", p->name, info->type, key);
    }
}

static be64 parse_key(const struct smap *options, const char *name, bool *present, bool *flow)
{
    const char *s = smap_get(options, name);
    s = s ? s : smap_get(options, "key");
    *present = s != NULL;
    *flow = s && is(s, "flow");
    return s && !*flow ? htobe64(strtoull(s, NULL, 0)) : 0;
}

/* What does not go together. */
static void check(struct parser *p)
{
    struct tunnel_config *c = p->config;
    const struct tunnel_kind_info *info = p->info;
    if (!p->has_dst) {
        strbuf_printf(&p->errors, "%s: %s type requires valid 'remote_ip' argument\n", p->name, info->type);
        p->fatal = true;
        return;
    }
    if (c->src_flow && !c->dst_flow) {
        strbuf_printf(&p->errors, "%s: %s type requires 'remote_ip=flow' with 'local_ip=flow'\n", p->name,
                      info->type);
        p->fatal = true;
    }
    if (!ipv6_addr_is_zero(&c->src) && !ipv6_addr_is_zero(&c->dst) &&
        ipv6_addr_is_v4mapped(&c->src) != ipv6_addr_is_v4mapped(&c->dst)) {
        strbuf_printf(&p->errors, "%s: 'remote_ip' and 'local_ip' has to be of the same address family\n",
                      p->name);
        p->fatal = true;
    }
    bool l3 = info->carries_l3 && (p->config->kind != TUNNEL_VXLAN || c->gpe);
    if (c->packets == TUNNEL_L3 && !l3) {
        strbuf_printf(&p->errors, "%s: legacy_l3 configured on %s tunnel that cannot carry L3 traffic\n",
                      p->name, c->kind == TUNNEL_VXLAN ? "VXLAN (without GPE)" : info->type);
        p->fatal = true;
    }
    if (c->packets == TUNNEL_L2 && !info->carries_l2) {
        strbuf_printf(&p->errors, "%s: legacy_l2 configured on %s tunnel that cannot carry L2 traffic\n",
                      p->name, info->type);
        p->fatal = true;
    }
}

int tunnel_config_parse(enum tunnel_kind kind, const char *name, const struct smap *options,
                        struct tunnel_config *c, char **errorp)
{
    const struct tunnel_kind_info *info = &tunnel_kinds[kind];
    struct parser p = {.info = info, .name = name, .config = c};
    *errorp = NULL;
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->packets = info->packets;
    c->dst_port = info->default_port;
    c->dont_fragment = true;
    strbuf_init(&p.errors);
    SMAP_FOR_EACH(e, options)
    {
        parse_option(&p, e->key, e->value);
    }
    c->in_key = parse_key(options, "in_key", &c->in_key_present, &c->in_key_flow);
    c->out_key = parse_key(options, "out_key", &c->out_key_present, &c->out_key_flow);
    check(&p);
    strbuf_chomp(&p.errors, '\n');
    if (p.errors.len) {
        LOG_WARN("%s", strbuf_text(&p.errors));
    }
    if (p.fatal) {
        *errorp = p.errors.len ? strbuf_steal(&p.errors)
                               : xasprintf("%s: could not set configuration (%s)", name, strerror(EINVAL));
    }
    strbuf_fini(&p.errors);
    return p.fatal ? EINVAL : 0;
}

/* ------------------------------------------------------------------ as dpif/show prints it */

static void show_key(struct smap *out, const char *name, be64 key, bool flow)
{
    if (flow) {
        smap_set(out, name, "flow");
    } else {
        smap_set_format(out, name, "%" PRIu64, be64toh(key));
    }
}

static void show_keys(const struct tunnel_config *c, struct smap *out)
{
    if (c->in_key_present == c->out_key_present && c->in_key_flow == c->out_key_flow &&
        c->in_key == c->out_key) {
        if (c->in_key_present) {
            show_key(out, "key", c->in_key, c->in_key_flow);
        }
        return;
    }
    if (c->in_key_present) {
        show_key(out, "in_key", c->in_key, c->in_key_flow);
    }
    if (c->out_key_present) {
        show_key(out, "out_key", c->out_key, c->out_key_flow);
    }
}

static void show_address(struct smap *out, const char *name, const struct ipv6_addr *a, bool flow)
{
    char text[TUNNEL_ADDRESS_SIZE];
    if (flow) {
        smap_set(out, name, "flow");
    } else if (!ipv6_addr_is_zero(a)) {
        tunnel_address_format(a, text);
        smap_set(out, name, text);
    }
}

static void show_erspan_number(struct smap *out, const char *name, uint32_t number, bool flow)
{
    if (flow) {
        smap_set(out, name, "flow");
    } else {
        smap_set_format(out, name, "0x%x", number);
    }
}

static void show_erspan(const struct tunnel_config *c, struct smap *out)
{
    if (c->erspan_ver_flow) {
        smap_set(out, "erspan_ver", "flow");
        smap_set(out, "erspan_idx", "flow");
        smap_set(out, "erspan_dir", "flow");
        smap_set(out, "erspan_hwid", "flow");
        return;
    }
    smap_set_format(out, "erspan_ver", "%u", c->erspan_ver);
    if (c->erspan_ver == 1) {
        show_erspan_number(out, "erspan_idx", c->erspan_idx, c->erspan_idx_flow);
    } else if (c->erspan_ver == 2) {
        if (c->erspan_dir_flow) {
            smap_set(out, "erspan_dir", "flow");
        } else {
            smap_set_format(out, "erspan_dir", "%u", c->erspan_dir);
        }
        show_erspan_number(out, "erspan_hwid", c->erspan_hwid, c->erspan_hwid_flow);
    }
}

void tunnel_config_show(const struct tunnel_config *c, struct smap *out)
{
    const struct tunnel_kind_info *info = &tunnel_kinds[c->kind];
    show_address(out, "remote_ip", &c->dst, c->dst_flow);
    show_address(out, "local_ip", &c->src, c->src_flow);
    show_keys(c, out);
    if (c->ttl_inherit) {
        smap_set(out, "ttl", "inherit");
    } else if (c->ttl && c->ttl != TUNNEL_DEFAULT_TTL) {
        smap_set_format(out, "ttl", "%u", c->ttl);
    }
    if (c->tos_inherit) {
        smap_set(out, "tos", "inherit");
    } else if (c->tos) {
        smap_set_format(out, "tos", "0x%x", c->tos);
    }
    if (c->dst_port && c->dst_port != info->default_port) {
        smap_set_format(out, "dst_port", "%u", c->dst_port);
    }
    if (c->csum) {
        smap_set(out, "csum", "true");
    }
    if (c->seq) {
        smap_set(out, "seq", "true");
    }
    if (!c->dont_fragment) {
        smap_set(out, "df_default", "false");
    }
    if (c->set_egress_mark) {
        smap_set_format(out, "egress_pkt_mark", "%u", c->egress_mark);
    }
    if (info->has_erspan_options) {
        show_erspan(c, out);
    }
    if (c->packets != info->packets) {
        smap_set(out, "packet_type",
                 c->packets == TUNNEL_PTAP ? "ptap"
                 : c->packets == TUNNEL_L3 ? "legacy_l3"
                                           : "legacy_l2");
    }
}

void tunnel_vport_show(enum tunnel_kind kind, uint16_t dst_port, struct smap *out)
{
    const struct tunnel_config c = {
        .kind = kind, .packets = TUNNEL_PTAP, .dst_port = dst_port, .dont_fragment = true};
    tunnel_config_show(&c, out);
}

void tunnel_vport_options(const struct tunnel_config *c, struct smap *out)
{
    smap_set_format(out, "dst_port", "%u", c->dst_port);
    if (c->gbp || c->gpe) {
        smap_set(out, "exts", c->gbp && c->gpe ? "gbp,gpe" : c->gbp ? "gbp" : "gpe");
    }
    if (c->payload_ethertype) {
        smap_set_format(out, "payload_type", "%x", CONST_BE16(c->payload_ethertype));
    }
}

bool tunnel_vport_parse(const char *type, const struct smap *options, struct tunnel_vport *v)
{
    const struct tunnel_kind_info *info = tunnel_kind_find(type);
    if (!info) {
        return false;
    }
    struct tunnel_config c = {.dst_port = info->default_port};
    struct parser p = {.info = info, .name = type, .config = &c};
    const char *port = options ? smap_get(options, "dst_port") : NULL;
    const char *exts = options ? smap_get(options, "exts") : NULL;
    const char *payload = options ? smap_get(options, "payload_type") : NULL;
    strbuf_init(&p.errors);
    if (port) {
        c.dst_port = (uint16_t)atoi(port);
    }
    if (exts) {
        parse_exts(&p, exts);
    }
    if (payload) {
        parse_payload(&p, payload);
    }
    strbuf_fini(&p.errors);
    *v = (struct tunnel_vport){.kind = tunnel_kind_of(info),
                               .dst_port = c.dst_port,
                               .gbp = c.gbp,
                               .gpe = c.gpe,
                               .payload_ethertype = c.payload_ethertype};
    return true;
}
