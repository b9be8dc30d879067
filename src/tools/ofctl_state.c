/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: groups, meters, tunnel option maps, packet-out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "openflow/action_text.h"
#include "openflow/check.h"
#include "openflow/flow_codec.h"
#include "openflow/flow_mod.h"
#include "openflow/group_codec.h"
#include "openflow/meter_codec.h"
#include "openflow/misc_codec.h"
#include "openflow/nicira_codec.h"
#include "openflow/packet_codec.h"
#include "tools/ofctl.h"

LOG_MODULE(ofp_group);

/* Sends what is in B, and ends the program if the switch finds fault with it. */
static void finish(struct ofctl_conn *c, struct bytebuf *b)
{
    bool ok = !b->len || ofctl_transact_mods(c, b);
    bytebuf_fini(b);
    ofctl_close(c);
    if (!ok) {
        exit(1);
    }
}

/* Calls EACH with each line of FILE that has something in it. */
static void each_line(const char *file, char *(*each)(const char *line, void *aux), void *aux)
{
    FILE *f = !strcmp(file, "-") ? stdin : fopen(file, "r");
    unsigned number = 0;
    if (!f) {
        error_fatal("%s: open failed (%s)", file, strerror(errno));
    }
    char *line = NULL;
    size_t allocated = 0;
    while (getline(&line, &allocated, f) >= 0) {
        line[strcspn(line, "#\r\n")] = '\0';
        char *text = line + strspn(line, " \t");
        number++;
        char *error = *text ? each(text, aux) : NULL;
        if (error) {
            error_fatal("%s:%u: %s", file, number, error);
        }
    }
    free(line);
    if (f != stdin) {
        fclose(f);
    }
}

/* --- Groups --- */

struct group_job {
    struct ofctl_conn *conn;
    enum group_command command;
    bool any_command; /* a line may begin with its own */
    struct ofctl_bundle bundle;
};

/* What a group mod is worth in the connection's version. */
static char *put_group_mod(struct ofctl_conn *c, struct bytebuf *b, const struct group_mod *gm, uint32_t xid)
{
    enum ofp_version v = ofctl_version(c);
    bool buckets = gm->command == GROUP_INSERT_BUCKET || gm->command == GROUP_REMOVE_BUCKET;
    if (buckets && v > OFP10 && v < OFP15) {
        return xasprintf("%s needs OpenFlow 1.5 or later ('-O OpenFlow15')",
                         gm->command == GROUP_INSERT_BUCKET ? "insert-bucket" : "remove-bucket");
    }
    if (!ofp_msg_exists(OFPTYPE_GROUP_MOD, v)) {
        return xstrdup("the switch does not have groups");
    }
    size_t before = b->len;
    group_mod_encode(b, gm, v, xid);
    ofctl_must_fit(b, before);
    return NULL;
}

/* The command that TEXT begins with, if it does; what is left of the text. */
static const char *take_group_command(const char *text, enum group_command *command)
{
    static const struct {
        const char *word;
        enum group_command command;
    } commands[] = {{"add_or_mod", GROUP_ADD_OR_MOD},
                    {"add", GROUP_ADD},
                    {"modify", GROUP_MODIFY},
                    {"mod", GROUP_MODIFY},
                    {"delete", GROUP_DELETE},
                    {"del", GROUP_DELETE},
                    {"insert_bucket", GROUP_INSERT_BUCKET},
                    {"insert_buckets", GROUP_INSERT_BUCKET},
                    {"remove_bucket", GROUP_REMOVE_BUCKET},
                    {"remove_buckets", GROUP_REMOVE_BUCKET}};
    size_t word = strcspn(text, " \t,=");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strlen(commands[i].word) == word && !strncmp(text, commands[i].word, word)) {
            *command = commands[i].command;
            return text + word;
        }
    }
    return text;
}

static char *add_group(const char *text, void *aux)
{
    struct group_job *job = aux;
    struct group_mod gm;
    uint32_t usable;
    enum group_command command = job->command;
    if (job->any_command) {
        text = take_group_command(text, &command);
    }
    char *error = group_mod_parse(&gm, text, command, ofctl_names(job->conn, false), &usable);
    if (!error) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        error = put_group_mod(job->conn, &b, &gm, ofctl_xid(job->conn));
        group_mod_fini(&gm);
        if (!error) {
            ofctl_bundle_add(&job->bundle, b.data, b.len);
        }
        bytebuf_fini(&b);
    }
    return error;
}

/* All lines are read before the first is sent; without --bundle, what follows an error is not. */
static void run_group_mod(int argc, char **argv, enum group_command command, bool file)
{
    struct group_job job = {.conn = ofctl_connect(argv[1]), .command = command, .any_command = file};
    job.bundle.conn = job.conn;
    if (file || (argc > 2 && !strcmp(argv[2], "-"))) {
        each_line(argv[2], add_group, &job);
    } else {
        ofctl_check(add_group(argc > 2 ? argv[2] : "", &job));
    }
    if (ofctl_options.bundle) {
        ofctl_bundle_run(&job.bundle);
    } else {
        struct bytebuf *b = &job.bundle.messages, one = BYTEBUF_INITIALIZER;
        for (size_t at = 0; at < b->len; at += ofp_msg_len(b->data + at)) {
            bytebuf_put(&one, b->data + at, ofp_msg_len(b->data + at));
            if (!ofctl_transact_mods(job.conn, &one)) {
                exit(1);
            }
        }
        bytebuf_fini(&one);
        bytebuf_fini(b);
    }
    ofctl_close(job.conn);
}

void ofctl_add_group(int argc, char **argv)
{
    run_group_mod(argc, argv, GROUP_ADD, false);
}

void ofctl_add_groups(int argc, char **argv)
{
    run_group_mod(argc, argv, GROUP_ADD, true);
}

void ofctl_mod_group(int argc, char **argv)
{
    run_group_mod(argc, argv, ofctl_options.may_create ? GROUP_ADD_OR_MOD : GROUP_MODIFY, false);
}

void ofctl_del_groups(int argc, char **argv)
{
    run_group_mod(argc, argv, GROUP_DELETE, false);
}

void ofctl_insert_buckets(int argc, char **argv)
{
    run_group_mod(argc, argv, GROUP_INSERT_BUCKET, false);
}

void ofctl_remove_buckets(int argc, char **argv)
{
    run_group_mod(argc, argv, GROUP_REMOVE_BUCKET, false);
}

static void dump_groups(int argc, char **argv, enum ofptype type)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    uint32_t group = OFPG_ALL;
    if (argc > 2 && strcasecmp(argv[2], "all")) {
        struct group_mod gm;
        uint32_t usable, number;
        if (type == OFPTYPE_GROUP_DESC_REQUEST && strncmp(argv[2], "group_id", 8) &&
            strcasecmp(argv[2], "any")) {
            char *error = text_to_u32(argv[2], &number);
            if (error) {
                LOG_WARN(
                    "%s is not a valid group ID.  (Valid group IDs are 32-bit nonnegative integers or the "
                    "keywords ANY or ALL.)",
                    argv[2]);
                free(error);
                goto all;
            }
        }
        char *text = strncmp(argv[2], "group_id", 8) ? xasprintf("group_id=%s", argv[2]) : xstrdup(argv[2]);
        ofctl_check(group_mod_parse(&gm, text, GROUP_DELETE, NULL, &usable));
        group = gm.group_id;
        group_mod_fini(&gm);
        free(text);
    }
all:
    group_request_encode(&b, type, group, ofctl_version(c), ofctl_xid(c));
    ofctl_dump_print(c, &b, ofctl_names(c, true));
    finish(c, &b);
}

void ofctl_dump_groups(int argc, char **argv)
{
    dump_groups(argc, argv, OFPTYPE_GROUP_DESC_REQUEST);
}

void ofctl_dump_group_stats(int argc, char **argv)
{
    dump_groups(argc, argv, OFPTYPE_GROUP_REQUEST);
}

void ofctl_dump_group_features(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    ofp_msg_put_empty(&b, OFPTYPE_GROUP_FEATURES_REQUEST, ofctl_version(c), ofctl_xid(c));
    ofctl_dump_print(c, &b, NULL);
    finish(c, &b);
}

void ofctl_parse_group(int argc, char **argv)
{
    struct group_mod gm;
    uint32_t usable;
    ofctl_check(group_mod_parse(&gm, argv[1], GROUP_ADD, NULL, &usable));
    struct strbuf s = STRBUF_INITIALIZER;
    ofproto_protocols_format(usable, &s);
    printf("usable protocols: %s\n", strbuf_text(&s));
    usable &= ofctl_options.protocols;
    if (!usable) {
        error_fatal("no usable protocol");
    }
    enum ofp_version v = ofproto_version(usable & -usable);
    printf("chosen version: %s\n", ofp_version_name(v));
    struct bytebuf b = BYTEBUF_INITIALIZER;
    group_mod_encode(&b, &gm, v, 1);
    ofctl_must_fit(&b, 0);
    char *text = ofp_to_string(b.data, b.len, &(struct ofp_print){.palette = ofctl_options.palette});
    fputs(text, stdout);
    free(text);
    strbuf_fini(&s);
    bytebuf_fini(&b);
    group_mod_fini(&gm);
}

/* --- Meters --- */

static struct ofctl_conn *meter_connect(const char *target)
{
    struct ofctl_conn *c = ofctl_connect(target);
    ofctl_use_protocol(c, OFPROTO_13_UP, false);
    return c;
}

static void run_meter_mod(int argc, char **argv, enum meter_command command)
{
    struct meter_config mc;
    ofctl_check(meter_parse(&mc, argc > 2 ? argv[2] : "", command));
    struct ofctl_conn *c = meter_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    meter_mod_encode(&b, command, &mc, ofctl_version(c), ofctl_xid(c));
    meter_fini(&mc);
    finish(c, &b);
}

void ofctl_add_meter(int argc, char **argv)
{
    run_meter_mod(argc, argv, METER_ADD);
}

void ofctl_mod_meter(int argc, char **argv)
{
    run_meter_mod(argc, argv, METER_MODIFY);
}

void ofctl_del_meters(int argc, char **argv)
{
    run_meter_mod(argc, argv, METER_DELETE);
}

static void dump_meters(int argc, char **argv, enum ofptype type)
{
    struct meter_config mc = {.meter_id = OFPM_ALL};
    if (argc > 2) {
        ofctl_check(meter_parse(&mc, argv[2], METER_DELETE));
    }
    struct ofctl_conn *c = meter_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    if (type == OFPTYPE_METER_FEATURES_REQUEST) {
        ofp_msg_put_empty(&b, type, ofctl_version(c), ofctl_xid(c));
    } else {
        meter_request_encode(&b, type, mc.meter_id, ofctl_version(c), ofctl_xid(c));
    }
    ofctl_dump_print(c, &b, NULL);
    finish(c, &b);
}

void ofctl_dump_meters(int argc, char **argv)
{
    dump_meters(argc, argv, OFPTYPE_METER_CONFIG_REQUEST);
}

void ofctl_meter_stats(int argc, char **argv)
{
    dump_meters(argc, argv, OFPTYPE_METER_REQUEST);
}

void ofctl_meter_features(int argc, char **argv)
{
    dump_meters(argc, argv, OFPTYPE_METER_FEATURES_REQUEST);
}

/* --- Tunnel options --- */

static void put_tlv_maps(struct bytebuf *b, const char *text)
{
    int n = 0, more;
    while (text[n]) {
        unsigned class, type, len, index;
        more = 0;
        if (sscanf(text + n, " {class=%i,type=%i,len=%i}->tun_metadata%u%n", (int *)&class, (int *)&type,
                   (int *)&len, &index, &more) != 4 ||
            !more) {
            error_fatal(
                "%s: invalid tlv mapping; expected {class=CLASS,type=TYPE,len=LENGTH}->tun_metadataIDX",
                text);
        }
        put_u16(b, class);
        put_u8(b, type);
        put_u8(b, len);
        put_u16(b, index);
        put_u16(b, 0);
        n += more;
        n += text[n] == ',';
    }
}

static void run_tlv_mod(int argc, char **argv, uint16_t command)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t start = ofp_msg_begin(&b, OFPTYPE_TLV_TABLE_MOD, ofctl_version(c), ofctl_xid(c));
    put_u16(&b, argc > 2 ? command : 2);
    bytebuf_put_zeros(&b, 6);
    if (argc > 2) {
        put_tlv_maps(&b, argv[2]);
    }
    ofp_msg_end(&b, start);
    finish(c, &b);
}

void ofctl_add_tlv_map(int argc, char **argv)
{
    run_tlv_mod(argc, argv, 0);
}

void ofctl_del_tlv_map(int argc, char **argv)
{
    run_tlv_mod(argc, argv, 1);
}

void ofctl_ct_flush_zone(int argc, char **argv)
{
    uint16_t zone;
    ofctl_check(text_to_u16(argv[2], "zone_id", &zone));
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t start = ofp_msg_begin(&b, OFPTYPE_CT_FLUSH_ZONE, ofctl_version(c), ofctl_xid(c));
    bytebuf_put_zeros(&b, 6);
    put_u16(&b, zone);
    ofp_msg_end(&b, start);
    finish(c, &b);
}

/* --- Packet-out --- */

static char *parse_packet(const char *text, struct bytebuf *packet)
{
    if (*text_to_hex(text, packet)) {
        return xstrdup("Trailing garbage in packet data");
    }
    return packet->len < 14 ? xstrdup("Packet data too short for Ethernet") : NULL;
}

static char *parse_packet_out(struct packet_out *po, char *text, const struct ofp_names *names,
                              struct bytebuf *packet)
{
    char *actions = strstr(text, "action");
    if (actions) {
        *actions = '\0';
        actions = strchr(actions + 1, '=');
        if (!actions) {
            return xstrdup("must specify an action");
        }
        actions++;
    }
    bool had_packet = false;
    match_init_catchall(&po->metadata);
    char *key, *value;
    while (text_next_key_value(&text, &key, &value)) {
        if (!*value) {
            return xasprintf("field %s missing value", key);
        }
        struct match_parsed known;
        if (!strcmp(key, "packet")) {
            bytebuf_clear(packet);
            char *error = parse_packet(value, packet);
            if (error) {
                char *where = xasprintf("packet: %s", error);
                free(error);
                return where;
            }
            had_packet = true;
            continue;
        }
        uint32_t port;
        if (!strcmp(key, "in_port") && !ofp_port_parse(value, names, &port)) {
            return xasprintf("%s is not a valid OpenFlow port", value);
        }
        char *error = match_parse_field(&po->metadata, names ? names->ports : NULL, key, value, &known);
        if (error || !known.handled) {
            return error ? error : xasprintf("unknown keyword %s", key);
        }
    }
    if (!had_packet) {
        return xstrdup("must specify packet");
    }
    uint32_t usable = OFPROTO_ANY;
    return actions ? ofpacts_parse_actions(actions, names, &po->ofpacts, &usable) : NULL;
}

/* --- Connections --- */

void ofctl_ct_flush(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct ct_flush f = {0};
    struct bytebuf b = BYTEBUF_INITIALIZER;
    int i = 2;
    if (i < argc && !strncmp(argv[i], "zone=", 5)) {
        f.has_zone = true;
        char *error = text_to_u16(argv[i] + 5, "zone", &f.zone);
        if (error) {
            error_fatal("Failed to parse zone");
        }
        i++;
    }
    for (int n = 0; i < argc; i++, n++) {
        if (n == 2) {
            error_fatal("%s: at most two tuples, the original and the reply's", argv[i]);
        }
        if (*argv[i]) {
            char *error = ct_flush_tuple_parse(argv[i], &f, n ? &f.reply : &f.orig);
            if (error) {
                error_fatal("Failed to parse ct-tuple: %s", error);
            }
        }
    }
    ct_flush_encode(&b, &f, ofctl_version(c), ofctl_xid(c));
    finish(c, &b);
}

/* --- Bundles --- */

struct bundle_job {
    struct ofctl_bundle bundle;
    struct bytebuf packet;
};

/* "group add ...", from behind "group". */
static char *bundle_group(struct ofctl_conn *c, const char *text, struct bytebuf *b, uint32_t xid)
{
    enum group_command command = GROUP_ADD;
    text = take_group_command(text, &command);
    struct group_mod gm;
    uint32_t usable;
    char *error = group_mod_parse(&gm, text, command, ofctl_names(c, false), &usable);
    if (!error) {
        error = put_group_mod(c, b, &gm, xid);
        group_mod_fini(&gm);
    }
    return error;
}

/* "flow add ...", "group mod ...", "packet-out ...". */
static char *bundle_line(const char *text, void *aux)
{
    struct bundle_job *job = aux;
    struct ofctl_conn *c = job->bundle.conn;
    struct bytebuf b = BYTEBUF_INITIALIZER;
    uint32_t xid = ofctl_xid(c), usable;
    const struct ofp_names *names = ofctl_names(c, false);
    size_t n = strcspn(text, ", \t\r\n");
    char *copy = xstrdup(text), *rest = copy + n, *error = NULL;
    rest += strspn(rest, ", \t\r\n");
    if (n == 10 && !strncmp(text, "packet-out", n)) {
        struct packet_out po = {.buffer_id = OFP_NO_BUFFER};
        error = parse_packet_out(&po, rest, names, &job->packet);
        if (!error) {
            po.packet = job->packet.data;
            po.packet_len = job->packet.len;
            packet_out_encode(&b, &po, ofctl_version(c), xid);
        }
        packet_out_fini(&po);
    } else if (n == 5 && !strncmp(text, "group", n)) {
        error = bundle_group(c, rest, &b, xid);
    } else if (n == 4 && !strncmp(text, "flow", n)) {
        struct flow_mod fm;
        error = flow_mod_parse(&fm, rest, FLOW_ADD, true, names, &usable);
        if (!error) {
            flow_mod_encode(&b, &fm, ofctl_use_protocol(c, usable, false), xid);
            flow_mod_fini(&fm);
        }
    } else {
        error = xasprintf("Unsupported bundle message type: %.*s", (int)n, text);
    }
    if (!error) {
        ofctl_bundle_add(&job->bundle, b.data, b.len);
    }
    bytebuf_fini(&b);
    free(copy);
    return error;
}

void ofctl_bundle(int argc, char **argv)
{
    struct bundle_job job = {.bundle = {.conn = ofctl_connect(argv[1])}, .packet = BYTEBUF_INITIALIZER};
    each_line(argv[2], bundle_line, &job);
    ofctl_bundle_run(&job.bundle);
    bytebuf_fini(&job.packet);
    ofctl_close(job.bundle.conn);
}

void ofctl_packet_out(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct packet_out po = {.buffer_id = OFP_NO_BUFFER};
    struct bytebuf packet = BYTEBUF_INITIALIZER, b = BYTEBUF_INITIALIZER;
    const struct ofp_names *names = ofctl_names(c, false);
    if (argc == 3) {
        char *copy = xstrdup(argv[2]);
        ofctl_check(parse_packet_out(&po, copy, names, &packet));
        free(copy);
    } else {
        /* The older form: port, actions, packets. */
        uint32_t usable = OFPROTO_ANY, port;
        if (argc < 5) {
            error_fatal("Too many arguments (%d)", argc); /* for the newer form */
        }
        if (!ofp_port_parse(argv[2], names, &port)) {
            error_fatal("%s: unknown port `%s'", argv[1], argv[2]);
        }
        match_init_catchall(&po.metadata);
        po.metadata.flow.in_port = port;
        po.metadata.wc.bits.in_port = UINT32_MAX;
        ofctl_check(ofpacts_parse_actions(argv[3], names, &po.ofpacts, &usable));
        for (int i = 4; i < argc; i++) {
            bytebuf_clear(&packet);
            ofctl_check(parse_packet(argv[i], &packet));
            po.packet = packet.data;
            po.packet_len = packet.len;
            size_t before = b.len;
            packet_out_encode(&b, &po, ofctl_version(c), ofctl_xid(c));
            ofctl_must_fit(&b, before);
        }
        finish(c, &b);
        return;
    }
    po.packet = packet.data;
    po.packet_len = packet.len;
    packet_out_encode(&b, &po, ofctl_version(c), ofctl_xid(c));
    ofctl_must_fit(&b, 0);
    packet_out_fini(&po);
    bytebuf_fini(&packet);
    finish(c, &b);
}
