/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/trace.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "action/text.h"
#include "base/alloc.h"
#include "flow/compose.h"
#include "flow/dpkey_text.h"
#include "flow/extract.h"
#include "flow/field.h"
#include "flow/mask.h"
#include "flow/text.h"
#include "openflow/text.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/recirc.h"
#include "pipeline/xlate/report.h"
#include "pipeline/xlate/xlate.h"
#include "wire/eth.h"

#define MAX_CT_NEXT 64

struct trace {
    struct pipeline *pipeline;
    const struct snapshot *snapshot;
    struct strbuf *out;
    const struct xbridge *bridge;
    struct flow_key key;   /* in_port OpenFlow's */
    struct packet *packet; /* NULL: none given */
    struct packet_pool *pool;
    bool consistent;
    uint16_t ct_next[MAX_CT_NEXT];
    unsigned n_ct_next, next_ct;
    const struct ofpact *actions; /* trace-packet-out's */
    size_t actions_len;
};

/* ------------------------------------------------------------------ arguments */

/* "trk,new" into ct_state bits. */
static char *parse_ct_state(const char *text, uint16_t *state)
{
    static const struct {
        const char *name;
        uint16_t bit;
    } names[] = {{"new", FLOW_CS_NEW}, {"est", FLOW_CS_EST}, {"rel", FLOW_CS_REL},   {"rpl", FLOW_CS_RPL},
                 {"inv", FLOW_CS_INV}, {"trk", FLOW_CS_TRK}, {"snat", FLOW_CS_SNAT}, {"dnat", FLOW_CS_DNAT}};
    char *copy = xstrdup(text), *save = NULL, *error = NULL;
    *state = 0;
    for (char *word = strtok_r(copy, ",| ", &save); word && !error; word = strtok_r(NULL, ",| ", &save)) {
        size_t i = 0;
        while (i < ARRAY_SIZE(names) && strcmp(names[i].name, word)) {
            i++;
        }
        if (i == ARRAY_SIZE(names)) {
            error = xasprintf("%s: unknown connection tracking state flag", word);
        } else {
            *state |= names[i].bit;
        }
    }
    free(copy);
    if (!error && *state && !(*state & FLOW_CS_TRK)) {
        error = xstrdup("invalid connection state: \"trk\" must be set for other flags to be set");
    }
    return error;
}

static void format_ct_state(uint16_t state, struct strbuf *s)
{
    static const char *const names[] = {"new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"};
    bool first = true;
    for (int i = 0; i < 8; i++) {
        if (state & (1u << i)) {
            strbuf_printf(s, "%s%s", first ? "" : "|", names[i]);
            first = false;
        }
    }
    if (first) {
        strbuf_puts(s, "0");
    }
}

/* Hexadecimal digits with blanks into a packet. */
static char *parse_packet(struct trace *t, const char *text)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    char *error = NULL;
    const char *p = text;
    for (;;) {
        while (isspace((unsigned char)*p) || *p == '.') {
            p++;
        }
        if (!isxdigit((unsigned char)p[0]) || !isxdigit((unsigned char)p[1])) {
            break;
        }
        char pair[3] = {p[0], p[1], '\0'};
        uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
        bytebuf_put(&b, &byte, 1);
        p += 2;
    }
    if (*p) {
        error = xstrdup("Trailing garbage in packet data");
    } else if (b.len < 14) {
        error = xstrdup("Packet data too short for Ethernet");
    } else {
        t->packet = packet_from_bytes(t->pool, b.data, (uint32_t)b.len);
    }
    bytebuf_fini(&b);
    return error;
}

static const struct dp_backer *find_backer(const struct pipeline *p, const char *name, char **errorp)
{
    const struct dp_backer *backer, *found = NULL;
    unsigned n = 0;
    LIST_FOR_EACH (backer, node, &p->backers) {
        n++;
        if (!name || !strcmp(backer->dp->name, name)) {
            found = backer;
        } else {
            /* "TYPE@NAME", and the reference's "ovs-TYPE". */
            size_t len = strlen(backer->dp->ops->type);
            if ((!strncmp(name, backer->dp->ops->type, len) && name[len] == '@' &&
                 !strcmp(name + len + 1, backer->dp->name)) ||
                (!strncmp(name, "ovs-", 4) && !strcmp(name + 4, backer->dp->ops->type))) {
                found = backer;
            }
        }
    }
    if (!name && n > 1) {
        *errorp = xstrdup("Must specify datapath name, there is more than one type of datapath");
        return NULL;
    }
    if (!found) {
        *errorp = xstrdup("Cannot find the datapath");
    }
    return found;
}

static bool odp_port_number(const struct port_names *names, const char *name, uint32_t *port)
{
    const struct pipeline *p = names->aux;
    const struct dp_backer *backer;
    LIST_FOR_EACH (backer, node, &p->backers) {
        struct dp_port_desc desc;
        if (!backer->dp->ops->port_query_name(backer->dp, name, &desc)) {
            *port = desc.port_no;
            return true;
        }
    }
    return false;
}

static char *use_odp_flow(struct trace *t, const char *dp_name, const struct flow_key *key)
{
    char *error = NULL;
    const struct dp_backer *backer = find_backer(t->pipeline, dp_name, &error);
    if (!backer) {
        return error;
    }
    const struct xport *port = snapshot_port(t->snapshot, backer, key->in_port);
    if (!port) {
        return xasprintf("no OpenFlow port for datapath port %" PRIu32, key->in_port);
    }
    t->bridge = port->bridge;
    t->key = *key;
    t->key.in_port = port->ofp_port;
    return NULL;
}

static bool ofp_port_number(const struct port_names *names, const char *name, uint32_t *port)
{
    const struct xbridge *xb = names->aux;
    for (size_t i = 0; i < xb->n_ports; i++) {
        if (!strcmp(xb->ports[i]->name, name)) {
            *port = xb->ports[i]->ofp_port;
            return true;
        }
    }
    return false;
}

/* A packet's flow, each field exactly: "in_port=1,tcp,nw_src=10.0.0.1". A field needs what it depends on
 * before it. */
static char *parse_exact_flow(const char *text, const struct port_names *names, struct flow_key *key)
{
    struct match match;
    char *copy = xstrdup(text), *p = copy, *error = NULL;
    match_init_catchall(&match);
    while (!error) {
        p += strspn(p, ", \t\r\n");
        if (!*p) {
            break;
        }
        char *name = p, *value = p + strcspn(p, ", \t\r\n=");
        char *end = value;
        if (*value == '=') {
            *value++ = '\0';
            int depth = 0;
            for (end = value; *end && (depth || !strchr(", \t\r\n", *end)); end++) {
                depth += *end == '(' ? 1 : *end == ')' ? -1 : 0;
            }
        }
        p = *end ? end + 1 : end;
        *end = '\0';

        const struct field *field = field_from_name(name);
        bool handled;
        if (field && !field_prereqs_ok(field, &match.flow)) {
            error = xasprintf("prerequisites not met for setting %s", name);
            break;
        }
        error = match_parse_field(&match, names, name, value, &handled);
        if (!error && !handled) {
            error = xasprintf("unknown field %s", name);
        }
    }
    free(copy);
    *key = match.flow;
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        if ((key->vlans[i].tci & FLOW_VLAN_PRESENT) && !key->vlans[i].tpid) {
            key->vlans[i].tpid = CONST_BE16(0x8100);
        }
    }
    return error;
}

static char *use_bridge_flow(struct trace *t, const char *bridge, const char *text)
{
    struct ofproto *ofproto = pipeline_find(t->pipeline, bridge);
    if (!ofproto) {
        return xasprintf("%s: unknown bridge", bridge);
    }
    t->bridge = snapshot_bridge(t->snapshot, ofproto);
    if (!t->bridge) {
        return xasprintf("%s: bridge is not configured yet", bridge);
    }
    struct port_names names = {.number = ofp_port_number, .aux = (void *)t->bridge};
    char *error = parse_exact_flow(text, &names, &t->key);
    if (error) {
        char *full = xasprintf("Bad openflow flow syntax: %s: %s", text, error);
        free(error);
        return full;
    }
    return NULL;
}

static void generate_packet(struct trace *t)
{
    t->packet = flow_compose(t->pool, &t->key, NULL, 0);
}

static void key_from_packet(struct trace *t)
{
    struct flow_key key;
    struct packet *p = t->packet;
    flow_key_to_metadata(&t->key, p);
    flow_key_extract_complete(p, &key);
    key.in_port = t->key.in_port;
    memcpy(key.regs, t->key.regs, sizeof key.regs);
    key.metadata = t->key.metadata;
    t->key = key;
}

static bool is_odp_flow(const char *text, const struct port_names *names, struct flow_key *key)
{
    char *error = dpkey_parse(text, names, key, NULL, NULL);
    free(error);
    return !error;
}

static char *parse_args(struct trace *t, int argc, const char *argv[])
{
    const char *args[4];
    int n = 0;
    bool generate = false;
    char *error;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "-generate") || !strcmp(a, "--generate")) {
            generate = true;
        } else if (!strcmp(a, "-consistent") || !strcmp(a, "--consistent")) {
            t->consistent = true;
        } else if (!strcmp(a, "--ct-next")) {
            if (i + 1 >= argc) {
                return xasprintf("Missing argument for option %s", a);
            }
            if (t->n_ct_next == MAX_CT_NEXT) {
                return xstrdup("Too many --ct-next options");
            }
            error = parse_ct_state(argv[++i], &t->ct_next[t->n_ct_next++]);
            if (error) {
                return error;
            }
        } else if (a[0] == '-') {
            return xasprintf("%s: unknown option", a);
        } else if (n < 4) {
            args[n++] = a;
        } else {
            return xstrdup("Too many command line arguments");
        }
    }
    if (n < 1 || n > 3) {
        return xstrdup("\"ofproto/trace\" command requires at least 1 arguments");
    }

    /* [dp_name] odp_flow [packet], or bridge br_flow [packet]: whichever the texts can be. */
    struct port_names names = {.number = odp_port_number, .aux = t->pipeline};
    struct flow_key key;
    bool invalid;
    error = dpkey_parse(args[n - 1], &names, &key, NULL, &invalid);
    if (!error) {
        if (n == 3) {
            return xstrdup("syntax error");
        }
        error = use_odp_flow(t, n == 2 ? args[0] : NULL, &key);
    } else if (n >= 2 && is_odp_flow(args[n - 2], &names, &key)) {
        free(error);
        error = parse_packet(t, args[n - 1]);
        if (!error) {
            error = use_odp_flow(t, n == 3 ? args[0] : NULL, &key);
        }
    } else if (n == 2) {
        free(error);
        error = use_bridge_flow(t, args[0], args[1]);
    } else if (n == 3) {
        free(error);
        error = parse_packet(t, args[2]);
        if (!error) {
            error = use_bridge_flow(t, args[0], args[1]);
        }
    } else {
        free(error);
        error = xasprintf("syntax error at %s (or the bridge name was omitted)", args[0]);
    }
    if (error) {
        return error;
    }
    if (generate && !t->packet) {
        generate_packet(t);
    }
    if (t->packet) {
        key_from_packet(t);
    }
    return NULL;
}

/* ------------------------------------------------------------------ output */

static void format_key(const struct flow_key *key, struct strbuf *s)
{
    match_format_key(key, NULL, s);
}

/* A megaflow that says that there is no tag says it by its type of Ethernet. */
static void format_megaflow(const struct flow_key *key, const struct flow_mask *wc, struct strbuf *s)
{
    struct match match;
    struct flow_key mask = wc->bits;
    for (int i = 0; i < FLOW_MAX_VLANS; i++) {
        if (!(key->vlans[i].tci & FLOW_VLAN_PRESENT)) {
            memset(&mask.vlans[i], 0, sizeof mask.vlans[i]);
        }
    }
    match_init(&match, key, &mask);
    match_format(&match, NULL, s, MATCH_DEFAULT_PRIORITY);
}

static void format_slow_reasons(unsigned slow, struct strbuf *s)
{
    static const struct {
        unsigned bit;
        const char *text;
    } reasons[] = {
#define X(NAME, BIT, TEXT, MEANING) {1u << (BIT), MEANING},
        DP_SLOW_REASONS(X)
#undef X
    };
    strbuf_puts(s, "\nThis flow is handled by the userspace slow path because it:");
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (slow & reasons[i].bit) {
            strbuf_printf(s, "\n  - %s.", reasons[i].text);
        }
    }
}

static bool is_awaited(const struct list *recircs, uint32_t id)
{
    const struct xlate_recirc *r;
    LIST_FOR_EACH (r, node, recircs) {
        if (r->recirc_id == id) {
            return true;
        }
    }
    return false;
}

static void trace_one(struct trace *t, struct xlate_in *xin, struct list *recircs)
{
    struct list report;
    struct xlate_out xout;
    struct flow_key before = xin->flow;
    list_init(&report);
    xlate_out_init(&xout);
    xin->report = &report;
    xin->recircs = recircs;
    xin->packet = t->packet;
    xin->side_effects = t->packet != NULL;
    xin->tcp_flags = be16toh(xin->flow.tcp_flags);

    strbuf_puts(t->out, "Flow: ");
    format_key(&xin->flow, t->out);
    strbuf_put_char(t->out, '\n');
    enum xlate_error error = xlate(xin, &xout);
    report_format(&report, t->out);
    strbuf_puts(t->out, "\nFinal flow: ");
    if (flow_key_equal(&before, &xin->flow)) {
        strbuf_puts(t->out, "unchanged");
    } else {
        format_key(&xin->flow, t->out);
    }
    strbuf_puts(t->out, "\nMegaflow: ");
    format_megaflow(&before, &xout.wc, t->out);
    strbuf_puts(t->out, "\nDatapath actions: ");
    dp_actions_format(xout.actions.data, xout.actions.len, NULL, t->out);
    if (error) {
        strbuf_printf(t->out, "\nTranslation failed (%s), packet is dropped.\n", xlate_error_text(error));
    } else if (xout.slow) {
        format_slow_reasons(xout.slow, t->out);
    }
    report_destroy_all(&report);
    for (size_t i = 0; i < xout.n_recirc_ids; i++) {
        if (!is_awaited(recircs, xout.recirc_ids[i])) {
            recirc_unref(t->pipeline->recirc, xout.recirc_ids[i]);
        }
    }
    xlate_out_fini(&xout);
}

static void format_addresses(const struct flow_key *key, struct strbuf *s)
{
    if (key->dl_type == CONST_BE16(ETH_TYPE_IPV6)) {
        strbuf_puts(s, "ipv6_src=[");
        text_put_ipv6(s, &key->ipv6_src);
        strbuf_printf(s, "],tp_src=%u,ipv6_dst=[", be16toh(key->tp_src));
        text_put_ipv6(s, &key->ipv6_dst);
        strbuf_printf(s, "],tp_dst=%u", be16toh(key->tp_dst));
    } else {
        strbuf_puts(s, "nw_src=");
        text_put_ipv4(s, key->nw_src);
        strbuf_printf(s, ",tp_src=%u,nw_dst=", be16toh(key->tp_src));
        text_put_ipv4(s, key->nw_dst);
        strbuf_printf(s, ",tp_dst=%u", be16toh(key->tp_dst));
    }
}

/* As if the connection had got the first address and port of the range. */
static void apply_nat(const struct ofpact_nat *nat, struct flow_key *key, struct strbuf *s)
{
    strbuf_puts(s, "Replacing src/dst IP/ports to simulate NAT:\n Initial flow: ");
    if (nat->flags & (NAT_SRC | NAT_DST)) {
        bool src = nat->flags & NAT_SRC, any = nat->range_af != 0;
        if (any) {
            format_addresses(key, s);
        }
        if (nat->range_af == 4) {
            *(src ? &key->nw_src : &key->nw_dst) = nat->addr.ipv4.min;
        } else if (nat->range_af == 6) {
            *(src ? &key->ipv6_src : &key->ipv6_dst) = nat->addr.ipv6.min;
        }
        if (nat->proto_min) {
            *(src ? &key->tp_src : &key->tp_dst) = htobe16(nat->proto_min);
        }
        strbuf_puts(s, "\n Modified flow: ");
        if (any) {
            format_addresses(key, s);
        }
    } else {
        strbuf_puts(s, "\n Modified flow: ");
    }
    strbuf_put_char(s, '\n');
}

static void trace_all(struct trace *t)
{
    struct list recircs;
    struct xlate_in xin;
    list_init(&recircs);
    xlate_in_init(&xin, t->snapshot, t->bridge, &t->key);
    xin.actions = t->actions;
    xin.actions_len = t->actions_len;
    xin.packet_out = t->actions != NULL;
    trace_one(t, &xin, &recircs);
    while (!list_is_empty(&recircs)) {
        struct xlate_recirc *r = CONTAINER_OF(list_pop_front(&recircs), struct xlate_recirc, node);
        bool given = t->next_ct < t->n_ct_next;
        uint16_t state = given ? t->ct_next[t->next_ct++] : FLOW_CS_TRK | FLOW_CS_NEW;
        strbuf_puts(t->out, "\n\n");
        strbuf_put_chars(t->out, '=', 79);
        strbuf_printf(t->out, "\nrecirc(0x%x) - resume conntrack with %sct_state=", r->recirc_id,
                      given ? "" : "default ");
        if (given) {
            format_ct_state(state, t->out);
        } else {
            strbuf_puts(t->out, "trk|new");
        }
        strbuf_puts(t->out, given ? "\n" : " (use --ct-next to customize)\n");
        if (r->nat) {
            apply_nat(&r->nat_to, &r->flow, t->out);
        }
        strbuf_put_chars(t->out, '=', 79);
        strbuf_puts(t->out, "\n\n");

        r->flow.ct_state = state;
        r->flow.ct_zone = r->zone;
        r->flow.recirc_id = r->recirc_id;
        xlate_in_init(&xin, t->snapshot, r->bridge, &r->flow);
        xin.frozen = recirc_find(t->pipeline->recirc, r->recirc_id);
        if (xin.frozen) {
            trace_one(t, &xin, &recircs);
        }
        recirc_unref(t->pipeline->recirc, r->recirc_id);
        free(r);
    }
}

char *trace_run(struct pipeline *p, int argc, const char *argv[], struct strbuf *out)
{
    struct trace t = {
        .pipeline = p, .snapshot = snapshot_get(p), .out = out, .pool = packet_pool_create_heap()};
    char *error = parse_args(&t, argc, argv);
    if (!error) {
        trace_all(&t);
    }
    packet_free(t.packet);
    packet_pool_destroy(t.pool);
    return error;
}
