/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of ofproto/trace and ofproto/trace-packet-out: options, a flow in either language, a packet.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "flow/compose.h"
#include "flow/dpkey_text.h"
#include "flow/extract.h"
#include "flow/match.h"
#include "openflow/check.h"
#include "openflow/text.h"
#include "pipeline/trace_private.h"

#define MAX_L7 64000 /* bytes that --l7-len may ask for */

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
    for (char *word = strtok_r(copy, ", ", &save); word && !error; word = strtok_r(NULL, ", ", &save)) {
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
        error = xasprintf("%s: invalid connection state: If \"trk\" is unset, no other flags are set", text);
    }
    return error;
}

/* Hexadecimal digits with blanks into bytes. */
static char *parse_hex(const char *text, struct bytebuf *b)
{
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
        bytebuf_put(b, &byte, 1);
        p += 2;
    }
    return *p ? xstrdup("Trailing garbage in packet data") : NULL;
}

static char *parse_packet(struct trace *t, const char *text)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    char *error = parse_hex(text, &b);
    if (!error && b.len < 14) {
        error = xstrdup("Packet data too short for Ethernet");
    }
    if (!error) {
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

/* Tags beyond other_config:vlan-limit are not looked at, nor is what follows them. */
static void limit_vlans(struct flow_key *key)
{
    unsigned n = flow_vlan_limit();
    if (n < FLOW_MAX_VLANS && (key->vlans[n].tci & FLOW_VLAN_PRESENT)) {
        key->dl_type = key->vlans[n].tpid;
        memset(&key->vlans[n], 0, sizeof key->vlans[0] * (FLOW_MAX_VLANS - n));
        memset(&key->tp_src, 0, offsetof(struct flow_key, ct_state) - offsetof(struct flow_key, tp_src));
        memset(&key->ipv6_src, 0,
               offsetof(struct flow_key, skb_priority) - offsetof(struct flow_key, ipv6_src));
        memset(key->mpls_lse, 0, sizeof key->mpls_lse);
        key->igmp_group = 0;
        memset(&key->nsh_flags, 0, offsetof(struct flow_key, pad_ext) - offsetof(struct flow_key, nsh_flags));
    }
}

static char *use_odp_flow(struct trace *t, const char *dp_name, const struct flow_key *key)
{
    char *error = NULL;
    const struct dp_backer *backer = find_backer(t->pipeline, dp_name, &error);
    if (!backer) {
        return error;
    }
    const struct xport *port = snapshot_input(t->snapshot, backer, key);
    if (!port && flow_key_from_tunnel(key)) {
        return xstrdup("no OpenFlow tunnel port for this packet");
    }
    if (!port) {
        return xasprintf("no OpenFlow port for datapath port %" PRIu32, key->in_port);
    }
    t->bridge = port->bridge;
    t->key = *key;
    t->key.in_port = port->ofp_port;
    limit_vlans(&t->key);
    if (!xbridge_name_options(t->bridge, &t->key)) {
        return xstrdup("Failed to parse Geneve options");
    }
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
    char *error = flow_key_parse(&t->key, &t->bridge->tun_md.layout, &names, text);
    if (error) {
        char *full = xasprintf("Bad openflow flow syntax: %s", error);
        free(error);
        return full;
    }
    return NULL;
}

static void generate_packet(struct trace *t)
{
    t->packet = flow_compose(t->pool, &t->key, t->l7.len ? t->l7.data : NULL, t->l7.len);
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

static char *missing(const char *option)
{
    return xasprintf("Missing argument for option %s", option);
}

static bool is_option(const char *arg, const char *name)
{
    return arg[0] == '-' && !strcmp(arg + 1 + (arg[1] == '-'), name);
}

/* The option at argv[*i], with its argument. */
static char *parse_option(struct trace *t, int argc, const char *argv[], int *i, bool *generate)
{
    const char *a = argv[*i], *value = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (is_option(a, "generate")) {
        *generate = true;
    } else if (t->packet_out && is_option(a, "consistent")) {
        t->consistent = true;
    } else if (!strcmp(a, "--names")) {
        t->named = true;
    } else if (!strcmp(a, "--no-names")) {
        t->named = false;
    } else if (!strcmp(a, "--format=json") || !strcmp(a, "--format=text")) {
        t->json = !strcmp(a, "--format=json");
    } else if (!strcmp(a, "--format")) {
        (*i)++;
        if (!value) {
            return missing(a);
        } else if (strcmp(value, "json") && strcmp(value, "text")) {
            return xasprintf("%s: unknown format (json or text is expected)", value);
        }
        t->json = !strcmp(value, "json");
    } else if (!strcmp(a, "--ct-next")) {
        (*i)++;
        if (!value) {
            return missing(a);
        } else if (t->n_ct_next == TRACE_MAX_CT_NEXT) {
            return xstrdup("Too many --ct-next options");
        }
        return parse_ct_state(value, &t->ct_next[t->n_ct_next++]);
    } else if (!strcmp(a, "--l7")) {
        (*i)++;
        bytebuf_clear(&t->l7);
        return value ? parse_hex(value, &t->l7) : missing(a);
    } else if (!strcmp(a, "--l7-len")) {
        (*i)++;
        if (!value) {
            return missing(a);
        }
        /* What packets made without it carry, but so many bytes. */
        unsigned long n = strtoul(value, NULL, 10);
        if (n > MAX_L7) {
            return xasprintf("%s: too much L7 data", value);
        }
        bytebuf_clear(&t->l7);
        for (unsigned long b = 0; b < n; b++) {
            bytebuf_put(&t->l7, &(uint8_t){(uint8_t)b}, 1);
        }
    } else {
        return xasprintf("%s: unknown option", a);
    }
    return NULL;
}

/* The last argument of trace-packet-out. */
static char *parse_actions(struct trace *t, const char *text)
{
    uint32_t usable = OFPROTO_ANY;
    return ofpacts_parse_actions(text, NULL, &t->actions, &usable);
}

/* Do the actions fit the packet? OpenFlow 1.0 lets pass what does not, if it has those actions at all. */
static char *check_actions(struct trace *t)
{
    struct match match;
    struct flow_mask all;
    memset(&all, 0xff, sizeof all);
    match_init(&match, &t->key, &all.bits);
    struct ofpacts_check check = {.match = &match,
                                  .max_ports = OFPP_MAX,
                                  .table_id = 0,
                                  .n_tables = OFPROTO_N_TABLES,
                                  .usable = OFPROTO_ANY};
    struct ofpact *list = (struct ofpact *)(void *)t->actions.data;
    enum ofperr code = t->consistent ? ofpacts_check_consistency(list, t->actions.len, &check)
                                     : ofpacts_check(list, t->actions.len, &check);
    return code ? xasprintf("Bad actions: %s", ofperr_name(code)) : NULL;
}

/* [dp_name] odp_flow [packet], or bridge br_flow [packet]: whichever the texts can be. */
static char *use_flow(struct trace *t, const char *args[], int n)
{
    struct port_names names = {.number = odp_port_number, .aux = t->pipeline};
    struct flow_key key;
    char *error = dpkey_parse(args[n - 1], &names, &key, NULL, NULL);
    if (!error) {
        return n == 3 ? xstrdup("syntax error") : use_odp_flow(t, n == 2 ? args[0] : NULL, &key);
    }
    if (n >= 2 && is_odp_flow(args[n - 2], &names, &key)) {
        free(error);
        error = parse_packet(t, args[n - 1]);
        return error ? error : use_odp_flow(t, n == 3 ? args[0] : NULL, &key);
    }
    if (n == 1) {
        char *whole = xasprintf("%s (or the bridge name was omitted)", error);
        free(error);
        return whole;
    }
    free(error);
    error = n == 3 ? parse_packet(t, args[2]) : NULL;
    return error ? error : use_bridge_flow(t, args[0], args[1]);
}

char *trace_parse_args(struct trace *t, int argc, const char *argv[])
{
    const char *args[4];
    int n = 0;
    bool generate = false;
    char *error = NULL;
    t->packet_out = !strcmp(argv[0], "ofproto/trace-packet-out");
    if (t->packet_out && argc > 1) {
        error = parse_actions(t, argv[--argc]);
    }
    for (int i = 1; i < argc && !error; i++) {
        if (argv[i][0] == '-') {
            error = parse_option(t, argc, argv, &i, &generate);
        } else if (n < 3) {
            args[n++] = argv[i];
        } else {
            error = xstrdup("too many arguments");
        }
    }
    if (!error && !n) {
        error = xasprintf("\"%s\" command requires at least %d arguments", argv[0], 1 + t->packet_out);
    }
    if (error) {
        return error;
    }
    error = use_flow(t, args, n);
    if (error) {
        return error;
    }
    if (generate && !t->packet) {
        generate_packet(t); /* the flow stays as it was given, also where no packet can say it */
    } else if (t->packet) {
        key_from_packet(t);
    }
    return t->packet_out ? check_actions(t) : NULL;
}
