/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice ofctl`: ovs-ofctl(8). */
#include "tools/ofctl.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/color.h"
#include "base/log.h"
#include "flow/field.h"
#include "io/daemon.h"
#include "io/logsinks.h"
#include "io/ssl.h"
#include "tools/tool.h"

struct ofctl_options ofctl_options = {
    .versions = OFP_VERSION_BIT(OFP10), .protocols = OFPROTO_ANY, .packet_in_format = UINT32_MAX};

static const struct command {
    const char *name;
    const char *arguments;
    int min_args, max_args;
    void (*run)(int argc, char **argv);
    const char *help; /* NULL: not for everyday */
} commands[] = {
    {"show", "switch", 1, 1, ofctl_show, "ports, tables and capabilities of the switch"},
    {"monitor", "switch [misslen] [invalid_ttl] [watch:[...]]", 1, 5, ofctl_monitor,
     "print what the switch sends: packets, changes of ports and flows"},
    {"snoop", "switch", 1, 1, ofctl_snoop, "print what the switch and its controllers say to one another"},
    {"dump-desc", "switch", 1, 1, ofctl_dump_desc, "who made the switch, and which it is"},
    {"dump-tables", "switch", 1, 1, ofctl_dump_tables, "statistics of the tables"},
    {"dump-table-features", "switch", 1, 1, ofctl_dump_table_features, "what the tables can do"},
    {"dump-table-desc", "switch", 1, 1, ofctl_dump_table_desc,
     "how the tables are configured (OpenFlow 1.4 and later)"},
    {"dump-flows", "switch", 1, 2, ofctl_dump_flows, "the flows, or those that FLOW matches"},
    {"dump-aggregate", "switch", 1, 2, ofctl_dump_aggregate,
     "sums over the flows, or over those that FLOW matches"},
    {"queue-stats", "switch [port [queue]]", 1, 3, ofctl_queue_stats, "statistics of queues"},
    {"queue-get-config", "switch [port [queue]]", 1, 3, ofctl_queue_get_config, "configuration of queues"},
    {"add-flow", "switch flow", 2, 2, ofctl_add_flow, "add a flow"},
    {"add-flows", "switch file", 2, 2, ofctl_add_flows, "add flows from a file (-: standard input)"},
    {"mod-flows", "switch flow", 2, 2, ofctl_mod_flows, "change the actions of flows that match"},
    {"del-flows", "switch [flow]", 1, 2, ofctl_del_flows, "delete all flows, or those that match"},
    {"replace-flows", "switch file", 2, 2, ofctl_replace_flows, "make the flows those of a file"},
    {"diff-flows", "source1 source2", 2, 2, ofctl_diff_flows, "compare the flows of two files or switches"},
    {"add-meter", "switch meter", 2, 2, ofctl_add_meter, "add a meter"},
    {"mod-meter", "switch meter", 2, 2, ofctl_mod_meter, "change a meter"},
    {"del-meter", "switch meter", 1, 2, ofctl_del_meters, "delete a meter"},
    {"del-meters", "switch", 1, 2, ofctl_del_meters, "delete all meters"},
    {"dump-meter", "switch meter", 1, 2, ofctl_dump_meters, "configuration of a meter"},
    {"dump-meters", "switch", 1, 2, ofctl_dump_meters, "configuration of all meters"},
    {"meter-stats", "switch [meter]", 1, 2, ofctl_meter_stats, "statistics of meters"},
    {"meter-features", "switch", 1, 1, ofctl_meter_features, "what meters can do"},
    {"packet-out", "switch \"in_port=<port> packet=<hex data> actions=...\"", 2, 64, ofctl_packet_out,
     "send a packet through actions"},
    {"dump-ports", "switch [port]", 1, 2, ofctl_dump_ports, "statistics of ports"},
    {"dump-ports-desc", "switch [port]", 1, 2, ofctl_dump_ports_desc, "description of ports"},
    {"mod-port", "switch iface act", 3, 3, ofctl_mod_port,
     "change a port: up, down, [no-]stp, [no-]receive, [no-]receive-stp, [no-]forward, [no-]flood, "
     "[no-]packet-in"},
    {"mod-table", "switch mod", 3, 3, ofctl_mod_table,
     "change a table: controller, continue, drop (OpenFlow 1.1, 1.2); [no]evict, vacancy:LOW,HIGH, novacancy "
     "(1.4 and later); name:NAME"},
    {"get-frags", "switch", 1, 1, ofctl_get_frags, "how IP fragments are treated"},
    {"set-frags", "switch frag_mode", 2, 2, ofctl_set_frags,
     "treat IP fragments so: normal, drop, reassemble, nx-match"},
    {"probe", "target", 1, 1, ofctl_probe, "is the target up?"},
    {"ping", "target [n]", 1, 2, ofctl_ping, "latency of echos of N bytes"},
    {"benchmark", "target n count", 3, 3, ofctl_benchmark, "rate of COUNT echos of N bytes"},
    {"dump-ipfix-bridge", "switch", 1, 1, ofctl_dump_ipfix_bridge, "IPFIX statistics of the bridge"},
    {"dump-ipfix-flow", "switch", 1, 1, ofctl_dump_ipfix_flow, "IPFIX statistics of flows"},
    {"ct-flush-zone", "switch zone", 2, 2, ofctl_ct_flush_zone, "forget the connections of a zone"},
    {"ct-flush", "switch [zone=N] [ct-orig-tuple [ct-reply-tuple]]", 1, 4, ofctl_ct_flush,
     "forget connections: of a zone, of a tuple (and that of the replies)"},
    {"ofp-parse", "file", 1, 1, ofctl_ofp_parse, "print the OpenFlow messages in a file (-: standard input)"},
    {"ofp-parse-pcap", "pcap", 1, INT_MAX, ofctl_ofp_parse_pcap,
     "print the OpenFlow messages in captured packets"},
    {"add-group", "switch group", 1, 2, ofctl_add_group, "add a group"},
    {"add-groups", "switch file", 2, 2, ofctl_add_groups, "add groups from a file"},
    {"mod-group", "switch group", 1, 2, ofctl_mod_group, "change a group (--may-create: or add it)"},
    {"del-groups", "switch [group]", 1, 2, ofctl_del_groups, "delete all groups, or one"},
    {"insert-buckets", "switch [group]", 1, 2, ofctl_insert_buckets, "add buckets to a group"},
    {"remove-buckets", "switch [group]", 1, 2, ofctl_remove_buckets, "take buckets from a group"},
    {"dump-groups", "switch [group]", 1, 2, ofctl_dump_groups, "description of groups"},
    {"dump-group-stats", "switch [group]", 1, 2, ofctl_dump_group_stats, "statistics of groups"},
    {"dump-group-features", "switch", 1, 1, ofctl_dump_group_features, "what groups can do"},
    {"bundle", "switch file", 2, 2, ofctl_bundle,
     "the lines of a file (flow, group, packet-out) as one transaction"},
    {"bundle-features", "switch", 1, 1, ofctl_bundle_features, "what bundles can do (OpenFlow 1.5)"},
    {"add-tlv-map", "switch map", 2, 2, ofctl_add_tlv_map, "map tunnel options to tun_metadata fields"},
    {"del-tlv-map", "switch [map]", 1, 2, ofctl_del_tlv_map, "undo such maps, or all"},
    {"dump-tlv-map", "switch", 1, 1, ofctl_dump_tlv_map, "print such maps"},
    {"help", "", 0, INT_MAX, ofctl_help, "print this"},
    {"list-commands", "", 0, INT_MAX, ofctl_list_commands, "print the names of all commands"},
    {"parse-flow", "", 1, 1, ofctl_parse_flow},
    {"parse-flows", "", 1, 1, ofctl_parse_flows},
    {"parse-group", "", 1, 1, ofctl_parse_group},
    {"parse-nx-match", "", 0, 0, ofctl_parse_nx_match},
    {"parse-nxm", "", 0, 0, ofctl_parse_nx_match},
    {"parse-oxm", "", 1, 1, ofctl_parse_oxm},
    {"parse-actions", "", 1, 1, ofctl_parse_actions},
    {"parse-instructions", "", 1, 1, ofctl_parse_instructions},
    {"parse-ofp10-match", "", 0, 0, ofctl_parse_ofp10_match},
    {"parse-ofp11-match", "", 0, 0, ofctl_parse_ofp11_match},
    {"parse-pcap", "", 1, INT_MAX, ofctl_parse_pcap},
    {"check-vlan", "", 2, 2, ofctl_check_vlan},
    {"print-error", "", 1, 1, ofctl_print_error},
    {"encode-error-reply", "", 2, 2, ofctl_encode_error_reply},
    {"ofp-print", "", 1, 2, ofctl_ofp_print,
     "print a message that is given in hexadecimal (-: on standard input)"},
    {"encode-hello", "", 1, 1, ofctl_encode_hello},
    {"parse-key-value", "", 1, INT_MAX, ofctl_parse_key_value},
    {"compose-packet", "", 1, 2, ofctl_compose_packet},
    {"parse-packet", "", 0, 0, ofctl_parse_packet},
};

/* What --read-only does not run: as the reference has it, most of what needs no switch, too. */
static const char *const read_write[] = {
    "add-flow",           "add-flows",         "mod-flows",
    "del-flows",          "replace-flows",     "diff-flows",
    "add-meter",          "mod-meter",         "del-meter",
    "del-meters",         "packet-out",        "mod-port",
    "mod-table",          "set-frags",         "ofp-parse",
    "add-group",          "add-groups",        "mod-group",
    "del-groups",         "insert-buckets",    "bundle",
    "parse-flow",         "remove-buckets",    "parse-flows",
    "parse-group",        "parse-actions",     "print-error",
    "parse-instructions", "ofp-print",         "encode-hello",
    "encode-error-reply", "ofp-parse-pcap",    "parse-key-value",
    "parse-nx-match",     "parse-nxm",         "parse-oxm",
    "parse-ofp10-match",  "parse-ofp11-match", "parse-pcap",
    "check-vlan",
};

static bool is_read_write(const char *command)
{
    for (size_t i = 0; i < ARRAY_SIZE(read_write); i++) {
        if (!strcmp(command, read_write[i])) {
            return true;
        }
    }
    return false;
}

enum {
    OPT_READ_ONLY,
    OPT_TIMEOUT,
    OPT_STRICT,
    OPT_READD,
    OPT_FLOW_FORMAT,
    OPT_PACKET_IN_FORMAT,
    OPT_MORE,
    OPT_TIMESTAMP,
    OPT_SORT,
    OPT_RSORT,
    OPT_NAMES,
    OPT_NO_NAMES,
    OPT_STATS,
    OPT_NO_STATS,
    OPT_BUNDLE,
    OPT_BUNDLE_AT,
    OPT_MAY_CREATE,
    OPT_PROTOCOLS,
    OPT_COLOR,
    OPT_UNIXCTL
};

static const struct option_def option_defs[] = {
    {"timeout", 't', OPTION_ARG_REQUIRED, "SECS", "give up after SECS seconds", OPT_TIMEOUT},
    {"read-only", 0, OPTION_NO_ARG, NULL, "do not execute read/write commands", OPT_READ_ONLY},
    {"strict", 0, OPTION_NO_ARG, NULL, "use strict match for flow commands", OPT_STRICT},
    {"readd", 0, OPTION_NO_ARG, NULL, "replace flows that haven't changed", OPT_READD},
    {"flow-format", 'F', OPTION_ARG_REQUIRED, "FORMAT", "force particular flow format", OPT_FLOW_FORMAT},
    {"packet-in-format", 'P', OPTION_ARG_REQUIRED, "FRMT", "force particular packet in format",
     OPT_PACKET_IN_FORMAT},
    {"more", 'm', OPTION_NO_ARG, NULL, "be more verbose printing OpenFlow", OPT_MORE},
    {"timestamp", 0, OPTION_NO_ARG, NULL, "(monitor, snoop) print timestamps", OPT_TIMESTAMP},
    {"sort", 0, OPTION_ARG_OPTIONAL, "field", "sort in ascending order", OPT_SORT},
    {"rsort", 0, OPTION_ARG_OPTIONAL, "field", "sort in descending order", OPT_RSORT},
    {"names", 0, OPTION_NO_ARG, NULL, "display port names", OPT_NAMES},
    {"no-names", 0, OPTION_NO_ARG, NULL, "neither display nor accept names", OPT_NO_NAMES},
    {"stats", 0, OPTION_NO_ARG, NULL, "print what changes with time (the default)", OPT_STATS},
    {"no-stats", 0, OPTION_NO_ARG, NULL, "leave out what changes with time", OPT_NO_STATS},
    {"bundle", 0, OPTION_NO_ARG, NULL, "flow mods as one transaction", OPT_BUNDLE},
    {"bundle-at", 0, OPTION_ARG_REQUIRED, "TIME",
     "a bundle that takes effect at TIME (seconds since 1970, or +SECONDS)", OPT_BUNDLE_AT},
    {"may-create", 0, OPTION_NO_ARG, NULL, "mod-group adds the group if there is none", OPT_MAY_CREATE},
    {"protocols", 'O', OPTION_ARG_REQUIRED, "VERSIONS", "set allowed OpenFlow versions", OPT_PROTOCOLS},
    {"unixctl", 0, OPTION_ARG_REQUIRED, "SOCKET", "(monitor, snoop) take commands at SOCKET", OPT_UNIXCTL},
    {"color", 0, OPTION_ARG_OPTIONAL, "WHEN", "colour flows: always, never, auto (on a terminal)", OPT_COLOR},
};

#define ALL_VERSIONS (OFP_VERSION_BIT(OFP15 + 1) - OFP_VERSION_BIT(OFP10))

static char *take_versions(const char *text)
{
    unsigned versions = *text ? 0 : ALL_VERSIONS;
    char *copy = xstrdup(text), *save = NULL, *error = NULL;
    for (char *word = strtok_r(copy, ", \t", &save); word && !error; word = strtok_r(NULL, ", \t", &save)) {
        enum ofp_version v;
        if (ofp_version_from_name(word, &v)) {
            versions |= OFP_VERSION_BIT(v);
        } else {
            error = xasprintf("Unknown OpenFlow version: \"%s\"", word);
        }
    }
    free(copy);
    ofctl_options.versions = versions;
    return error;
}

static char *take_sort(const char *by, bool reverse)
{
    struct ofctl_options *o = &ofctl_options;
    const struct field *field = NULL;
    if (o->n_sorts == ARRAY_SIZE(o->sorts)) {
        return xasprintf("at most %zu fields to sort by", ARRAY_SIZE(o->sorts));
    }
    if (by && strcasecmp(by, "priority")) {
        field = field_from_name(by);
        if (!field) {
            return xasprintf("%s: unknown field name", by);
        }
    }
    o->sorts[o->n_sorts++] = (struct ofctl_sort){field, reverse};
    return NULL;
}

/* WHEN to colour: on a terminal that can, unless it says otherwise. */
static char *take_color(const char *when)
{
    static struct color_palette palette;
    bool always = when && !strcmp(when, "always"), never = when && !strcmp(when, "never");
    if (when && !always && !never && strcmp(when, "auto")) {
        return xasprintf("incorrect value `%s' for --color", when);
    }
    const char *terminal = getenv("TERM");
    bool able = isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb");
    color_palette_init(&palette, getenv("OVS_COLORS"));
    ofctl_options.palette = always || (!never && able) ? &palette : NULL;
    return NULL;
}

/* Seconds since 1970, or from now on (+). */
static char *take_bundle_at(const char *text)
{
    char *end;
    double seconds = strtod(text + (*text == '+'), &end);
    if (!isdigit((unsigned char)text[*text == '+']) || *end || seconds > 1e12) {
        return xasprintf("--bundle-at: \"%s\" is no time: seconds since 1970, or +SECONDS from now", text);
    }
    if (*text == '+') {
        struct timespec now;
        clock_gettime(CLOCK_TAI, &now);
        seconds += (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    }
    ofctl_options.bundle_at.seconds = (uint64_t)seconds;
    ofctl_options.bundle_at.nanoseconds = (uint32_t)((seconds - (double)(uint64_t)seconds) * 999999999);
    return NULL;
}

static char *take_packet_in_format(const char *text)
{
    static const char *const names[] = {"standard", "nxt_packet_in", "nxt_packet_in2"};
    static const char *const old[] = {"openflow10", "nxm", NULL};
    for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(text, names[i]) || (old[i] && !strcmp(text, old[i]))) {
            ofctl_options.packet_in_format = i;
            return NULL;
        }
    }
    return xasprintf("unknown packet-in format `%s'", text);
}

/* The word of TEXT that names no format. */
static char *flow_format_error(const char *text)
{
    char *copy = xstrdup(text), *save = NULL, *error = NULL;
    for (char *word = strtok_r(copy, ",", &save); word && !error; word = strtok_r(NULL, ",", &save)) {
        if (!ofproto_protocols_parse(word)) {
            error = xasprintf("%s: unknown flow protocol", word);
        }
    }
    free(copy);
    return error ? error : xasprintf("%s: no flow protocol specified", text);
}

static char *take_option(const struct option_def *def, const char *arg, void *aux)
{
    struct ofctl_options *o = &ofctl_options;
    switch (def->id) {
    case OPT_TIMEOUT:
        return tool_set_timeout('t', arg);
    case OPT_READ_ONLY:
        o->read_only = true;
        break;
    case OPT_STRICT:
        o->strict = true;
        break;
    case OPT_READD:
        o->readd = true;
        break;
    case OPT_FLOW_FORMAT:
        o->protocols = ofproto_protocols_parse(arg);
        return o->protocols ? NULL : flow_format_error(arg);
    case OPT_PACKET_IN_FORMAT:
        return take_packet_in_format(arg);
    case OPT_MORE:
        o->verbosity++;
        break;
    case OPT_TIMESTAMP:
        o->timestamp = true;
        break;
    case OPT_SORT:
    case OPT_RSORT:
        return take_sort(arg, def->id == OPT_RSORT);
    case OPT_NAMES:
        o->use_names = true;
        o->no_names = false;
        break;
    case OPT_NO_NAMES:
        o->no_names = true;
        o->use_names = false;
        break;
    case OPT_STATS:
        o->hide_stats = false;
        break;
    case OPT_NO_STATS:
        o->hide_stats = true;
        break;
    case OPT_BUNDLE:
        o->bundle = true;
        break;
    case OPT_BUNDLE_AT:
        o->bundle = true;
        return take_bundle_at(arg);
    case OPT_MAY_CREATE:
        o->may_create = true;
        break;
    case OPT_PROTOCOLS:
        return take_versions(arg);
    case OPT_UNIXCTL:
        o->unixctl = arg;
        break;
    case OPT_COLOR:
        return take_color(arg);
    default:
        break;
    }
    return NULL;
}

static const struct options *all_options;

static void usage(void)
{
    printf("%s: OpenFlow switch management utility\nusage: %s [OPTIONS] COMMAND [ARG...]\n\nCommands:\n",
           log_program(), log_program());
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct command *c = &commands[i];
        if (c->help) {
            int n = printf("  %s %s", c->name, c->arguments);
            printf(n <= 38 ? "%*s%s\n" : "\n%*s%s\n", n <= 38 ? 40 - n : 40, "", c->help);
        }
    }
    printf("\nA switch is the name of a bridge, or how to connect to it:\n"
           "  tcp:HOST[:PORT]         PORT (default: 6653) at remote HOST\n"
           "  ssl:HOST[:PORT]         SSL PORT (default: 6653) at remote HOST\n"
           "  unix:FILE               Unix domain socket named FILE\n");
    char *text = options_help(all_options);
    printf(
        "\nOpenFlow versions (-O): OpenFlow10 to OpenFlow15 (default: OpenFlow10; bundles: OpenFlow14)\n%s",
        text);
    free(text);
}

void ofctl_help(int argc, char **argv)
{
    usage();
}

void ofctl_list_commands(int argc, char **argv)
{
    printf("The available commands are:\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        printf("  %-23s %s\n", commands[i].name, commands[i].arguments);
    }
}

static void run(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->name, argv[0])) {
            continue;
        }
        if (argc - 1 < c->min_args) {
            error_fatal("'%s' command requires at least %d arguments", c->name, c->min_args);
        } else if (argc - 1 > c->max_args) {
            error_fatal("'%s' command takes at most %d arguments", c->name, c->max_args);
        }
        if (ofctl_options.read_only && is_read_write(c->name)) {
            error_fatal("'%s' command does not work in read only mode", c->name);
        }
        c->run(argc, argv);
        return;
    }
    error_fatal("unknown command '%s'; use --help for help", argv[0]);
}

/* The flow formats (-F) and the versions (-O) exclude one another. */
static void no_flow_format(uint32_t formats)
{
    struct strbuf versions = STRBUF_INITIALIZER, names = STRBUF_INITIALIZER;
    for (int v = OFP10; v <= OFP15; v++) {
        if (ofctl_options.versions & OFP_VERSION_BIT(v)) {
            strbuf_printf(&versions, "%s%s", versions.len ? ", " : "", ofp_version_name(v));
        }
    }
    ofproto_protocols_format(formats, &names);
    error_fatal(
        "None of the enabled OpenFlow versions (%s) supports any of the enabled flow formats (%s).  (Use -O "
        "to enable additional OpenFlow versions or -F to enable additional flow formats.)",
        strbuf_text(&versions), strbuf_text(&names));
}

int tool_ofctl(int argc, char **argv)
{
    struct tool_common common = {argv[0], usage, "OpenFlow versions 0x1:0x6\n"};
    struct option_group groups[] = {
        {NULL, option_defs, ARRAY_SIZE(option_defs), take_option, NULL},
        logsinks_options,
        ssl_options,
        daemon_options,
        tool_common_options,
    };
    groups[4].aux = &common;
    struct options options = {groups, ARRAY_SIZE(groups), false};
    all_options = &options;
    ofctl_options.use_names = isatty(STDOUT_FILENO);
    log_set_level(NULL, LOG_CONSOLE, LOG_LEVEL_INFO); /* what was taken out of a match is said */
    int first = tool_parse(groups, ARRAY_SIZE(groups), false, argc, argv);
    if (first >= argc) {
        error_fatal("missing command name; use --help for help");
    }
    ofctl_options.bundle |= !strcmp(argv[first], "bundle");
    if (ofctl_options.bundle_at.seconds) {
        ofctl_options.versions = OFP_VERSION_BIT(OFP15);
    } else if (ofctl_options.bundle) {
        ofctl_options.versions = ofctl_options.versions == OFP_VERSION_BIT(OFP10)
                                     ? OFP_VERSION_BIT(OFP14)
                                     : ofctl_options.versions & ~0xfu;
    }
    /* What the versions allow. */
    uint32_t allowed = 0;
    for (int v = OFP10; v <= OFP15; v++) {
        if (ofctl_options.versions & OFP_VERSION_BIT(v)) {
            allowed |= v == OFP10 ? OFPROTO_10_NXM_ANY : OFPROTO_11 << (v - OFP11);
        }
    }
    uint32_t asked = ofctl_options.protocols;
    ofctl_options.protocols &= allowed;
    if (!ofctl_options.protocols) {
        no_flow_format(asked);
    }
    for (int v = OFP10; v <= OFP15; v++) { /* versions without any of the formats are not offered */
        if (!(ofctl_options.protocols & (v == OFP10 ? OFPROTO_10_NXM_ANY : OFPROTO_11 << (v - OFP11)))) {
            ofctl_options.versions &= ~OFP_VERSION_BIT(v);
        }
    }
    run(argc - first, argv + first);
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
