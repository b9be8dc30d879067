/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: the switch, its ports and queues, watching it, and messages from elsewhere. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "openflow/action_text.h"
#include "openflow/misc_codec.h"
#include "openflow/port_codec.h"
#include "openflow/table_features.h"
#include "tools/ofctl.h"

/* A request without a body, and its answers printed. */
static void dump_trivial(const char *target, enum ofptype type)
{
    struct ofctl_conn *c = ofctl_connect(target);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    if (!ofp_msg_exists(type, ofctl_version(c))) {
        error_fatal("the switch speaks %s, which has no such request", ofp_version_name(ofctl_version(c)));
    }
    ofp_msg_put_empty(&b, type, ofctl_version(c), ofctl_xid(c));
    ofctl_dump_print(c, &b, ofctl_names(c, true));
    bytebuf_fini(&b);
    ofctl_close(c);
}

void ofctl_dump_desc(int argc, char **argv)
{
    dump_trivial(argv[1], OFPTYPE_DESC_REQUEST);
}

void ofctl_dump_tables(int argc, char **argv)
{
    dump_trivial(argv[1], OFPTYPE_TABLE_REQUEST);
}

void ofctl_dump_ipfix_bridge(int argc, char **argv)
{
    dump_trivial(argv[1], OFPTYPE_IPFIX_BRIDGE_REQUEST);
}

void ofctl_bundle_features(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    if (ofctl_version(c) < OFP15) {
        error_fatal("%s: bundle features need OpenFlow 1.5 (use -O OpenFlow15)", argv[1]);
    }
    struct bytebuf b = BYTEBUF_INITIALIZER;
    bundle_features_request_encode(&b, &(struct bundle_features){0}, ofctl_version(c), ofctl_xid(c));
    ofctl_dump_print(c, &b, NULL);
    bytebuf_fini(&b);
    ofctl_close(c);
}

void ofctl_dump_ipfix_flow(int argc, char **argv)
{
    dump_trivial(argv[1], OFPTYPE_IPFIX_FLOW_REQUEST);
}

/* The tables of all parts of the reply, as one list. */
struct features_dump {
    struct table_features previous;
    bool any;
    int first_ditto;
    struct strbuf text;
};

static void add_features(const uint8_t *msg, size_t len, void *aux)
{
    struct features_dump *d = aux;
    struct ofp_msg m;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_TABLE_FEATURES_REPLY) {
        struct ofp_print opt = {.verbosity = ofctl_options.verbosity + 1, .palette = ofctl_options.palette};
        char *text = ofp_to_string(msg, len, &opt);
        fputs(text, stderr);
        free(text);
        exit(1);
    }
    struct reader r = m.body;
    for (;;) {
        struct table_features t;
        bool more;
        enum ofperr error = table_features_decode(&r, m.version, false, &t, &more);
        if (error) {
            error_fatal("decode error: %s", ofperr_name(error));
        }
        if (!more) {
            return;
        }
        table_features_format(&t, d->any ? &d->previous : NULL, NULL, NULL, &d->first_ditto, &d->text);
        d->previous = t;
        d->any = true;
    }
}

void ofctl_dump_table_features(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    struct features_dump d = {.first_ditto = -1, .text = STRBUF_INITIALIZER};
    if (ofctl_version(c) < OFP13) {
        error_fatal("dump-table-features needs OpenFlow 1.3 or later ('-O OpenFlow13')");
    }
    ofp_msg_put_empty(&b, OFPTYPE_TABLE_FEATURES_REQUEST, ofctl_version(c), ofctl_xid(c));
    ofctl_dump(c, &b, add_features, &d);
    if (d.any) {
        table_features_format_ditto(d.first_ditto, d.previous.table_id, &d.text);
        puts(strbuf_text(&d.text) + 1); /* without the line that a message's name would end */
    }
    strbuf_fini(&d.text);
    bytebuf_fini(&b);
    ofctl_close(c);
}

void ofctl_benchmark(int argc, char **argv)
{
    unsigned payload = strtoul(argv[2], NULL, 10), count = strtoul(argv[3], NULL, 10);
    struct timeval start, end;
    if (payload > OFP_MAX_LEN - OFP_HEADER_LEN) {
        error_fatal("payload must be between 0 and %d bytes", OFP_MAX_LEN - OFP_HEADER_LEN);
    }
    printf("Sending %u packets * %u bytes (with header) = %u bytes total\n", count, payload + OFP_HEADER_LEN,
           count * (payload + OFP_HEADER_LEN));
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    gettimeofday(&start, NULL);
    for (unsigned i = 0; i < count; i++) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        const uint8_t *reply;
        size_t len, at = ofp_msg_begin(&b, OFPTYPE_ECHO_REQUEST, ofctl_version(c), ofctl_xid(c));
        bytebuf_put_zeros(&b, payload);
        ofp_msg_end(&b, at);
        ofctl_transact(c, &b, &reply, &len);
        bytebuf_fini(&b);
    }
    gettimeofday(&end, NULL);
    ofctl_close(c);
    double ms = 1000.0 * (double)(end.tv_sec - start.tv_sec) + .001 * (double)(end.tv_usec - start.tv_usec);
    double per_second = ms > 0 ? count / (ms / 1000.0) : 0;
    printf("Finished in %.1f ms (%.0f packets/s) (%.0f bytes/s)\n", ms, per_second,
           per_second * (double)(payload + OFP_HEADER_LEN));
}

void ofctl_dump_tlv_map(int argc, char **argv)
{
    dump_trivial(argv[1], OFPTYPE_TLV_TABLE_REQUEST);
}

void ofctl_dump_table_desc(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    if (ofctl_version(c) < OFP14) {
        error_fatal("dump-table-desc needs OpenFlow 1.4 or later ('-O OpenFlow14')");
    }
    ofp_msg_put_empty(&b, OFPTYPE_TABLE_DESC_REQUEST, ofctl_version(c), ofctl_xid(c));
    ofctl_dump_print(c, &b, ofctl_names(c, true));
    bytebuf_fini(&b);
    ofctl_close(c);
}

struct table_search {
    struct table_mod tm;
    bool found;
};

static void search_tables(const uint8_t *msg, size_t len, void *aux)
{
    struct table_search *s = aux;
    struct ofp_msg m;
    struct table_mod tm;
    bool more;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_TABLE_DESC_REPLY) {
        return;
    }
    while (!table_desc_decode(&m.body, &tm, &more) && more) {
        if (tm.table_id == s->tm.table_id) {
            s->tm = tm;
            s->found = true;
        }
    }
}

static void parse_vacancy_value(const char *text, const char *name, uint8_t *value)
{
    char *error = text_to_u8(text, name, value);
    if (error || *value > 100) {
        error_fatal("Invalid vacancy %s value \"%s\"", name, text);
    }
}

static void parse_vacancy(char *text, struct table_mod *tm)
{
    char *comma = strchr(text, ',');
    if (!comma) {
        error_fatal("Vacancy up value missing");
    }
    *comma = '\0';
    parse_vacancy_value(text, "down", &tm->vacancy_down);
    parse_vacancy_value(comma + 1, "up", &tm->vacancy_up);
    if (tm->vacancy_up < tm->vacancy_down) {
        error_fatal(
            "Invalid vacancy range, vacancy up should be greater than vacancy down (OFPBPC_BAD_VALUE)");
    }
    tm->config |= OFPTC_VACANCY;
}

/* All tables of a reply of TABLE_FEATURES, as they are on the wire. */
static void keep_features(const uint8_t *msg, size_t len, void *tables)
{
    struct ofp_msg m;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_TABLE_FEATURES_REPLY) {
        add_features(msg, len, NULL); /* says what it is, and ends the program */
    }
    bytebuf_put(tables, m.body.p, m.body.n);
}

/* Until OpenFlow 1.5 a request says of each table what it is to be; since then one may be changed. */
static void rename_table(struct ofctl_conn *c, uint8_t table_id, const char *name)
{
    enum ofp_version v = ofctl_version(c);
    struct bytebuf b = BYTEBUF_INITIALIZER, tables = BYTEBUF_INITIALIZER;
    ofp_msg_put_empty(&b, OFPTYPE_TABLE_FEATURES_REQUEST, v, ofctl_xid(c));
    ofctl_dump(c, &b, keep_features, &tables);
    bytebuf_clear(&b);

    uint32_t xid = ofctl_xid(c);
    size_t start = SIZE_MAX, at = 0;
    while (tables.len - at >= 64) {
        uint8_t *t = tables.data + at;
        size_t len = ntohs(get_be16(t));
        if (len < 64 || len > tables.len - at) {
            error_fatal("decode error: %s", ofperr_name(OFPERR_OFPBPC_BAD_LEN));
        }
        at += len;
        bool is_it = t[2] == table_id;
        if (is_it) {
            memset(t + 8, 0, 32);
            memcpy(t + 8, name, strnlen(name, 31));
        }
        if (v >= OFP15) {
            if (!is_it) {
                continue;
            }
            t[3] = TABLE_FEATURES_MODIFY;
        }
        if (start != SIZE_MAX && b.len - start + len > OFP_MAX_LEN) {
            set_u16(&b, start + OFP_HEADER_LEN + 2, OFPMPF_MORE);
            ofp_msg_end(&b, start);
            start = SIZE_MAX;
        }
        if (start == SIZE_MAX) {
            start = ofp_msg_begin(&b, OFPTYPE_TABLE_FEATURES_REQUEST, v, xid);
        }
        bytebuf_put(&b, t, len);
    }
    if (start != SIZE_MAX) {
        ofp_msg_end(&b, start);
    }
    bytebuf_fini(&tables);
    if (!ofctl_transact_mods(c, &b)) {
        exit(1);
    }
    bytebuf_fini(&b);
    ofctl_close(c);
}

void ofctl_mod_table(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool old; /* OpenFlow 1.1 and 1.2 */
        uint32_t set, clear;
    } settings[] = {
        {"controller", true, 0, 0},
        {"continue", true, 1, 0},
        {"drop", true, 2, 0},
        {"evict", false, OFPTC_EVICTION, 0},
        {"noevict", false, 0, OFPTC_EVICTION},
        {"vacancy", false, OFPTC_VACANCY, 0},
        {"novacancy", false, 0, OFPTC_VACANCY},
    };
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct table_search s = {.tm = {.table_id = OFPTT_ALL}};
    if (strcasecmp(argv[2], "all") && !ofp_table_parse(argv[2], ofctl_names(c, false), &s.tm.table_id)) {
        error_fatal("unknown table \"%s\"", argv[2]);
    }
    size_t i = 0, n = strcspn(argv[3], ":");
    if (!strncmp(argv[3], "name:", 5) && s.tm.table_id != OFPTT_ALL) {
        if (ofctl_version(c) < OFP13) {
            error_fatal(
                "table_mod '%s' requires one of the OpenFlow versions OpenFlow13, OpenFlow14, OpenFlow15",
                argv[3]);
        }
        rename_table(c, s.tm.table_id, argv[3] + 5);
        return;
    }
    while (i < ARRAY_SIZE(settings) &&
           (strlen(settings[i].name) != n || strncmp(argv[3], settings[i].name, n))) {
        i++;
    }
    if (i == ARRAY_SIZE(settings)) {
        error_fatal("invalid table_mod setting %s", argv[3]);
    }
    enum ofp_version v = ofctl_version(c);
    if (settings[i].old ? v != OFP11 && v != OFP12 : v < OFP14) {
        error_fatal("table_mod '%s' requires one of the OpenFlow versions %s", settings[i].name,
                    settings[i].old ? "OpenFlow11, OpenFlow12" : "OpenFlow14, OpenFlow15");
    }
    struct bytebuf b = BYTEBUF_INITIALIZER;
    if (!settings[i].old && s.tm.table_id != OFPTT_ALL) {
        /* The other setting stays as it is. */
        ofp_msg_put_empty(&b, OFPTYPE_TABLE_DESC_REQUEST, v, ofctl_xid(c));
        ofctl_dump(c, &b, search_tables, &s);
        s.tm.has_eviction_flags = false;
        s.tm.vacancy = 0;
    }
    s.tm.config = (s.tm.config & ~settings[i].clear) | settings[i].set;
    if (argv[3][n] == ':') {
        parse_vacancy(argv[3] + n + 1, &s.tm);
    }
    table_mod_encode(&b, &s.tm, v, ofctl_xid(c));
    if (!ofctl_transact_mods(c, &b)) {
        exit(1);
    }
    bytebuf_fini(&b);
    ofctl_close(c);
}

static void put_port_desc_request(struct bytebuf *b, struct ofctl_conn *c, uint32_t port)
{
    size_t start = ofp_msg_begin(b, OFPTYPE_PORT_DESC_REQUEST, ofctl_version(c), ofctl_xid(c));
    if (ofctl_version(c) >= OFP15) {
        put_u32(b, ofp_port_to_11(port));
        put_u32(b, 0);
    }
    ofp_msg_end(b, start);
}

void ofctl_show(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    enum ofp_version v = ofctl_version(c);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    ofp_msg_put_empty(&b, OFPTYPE_FEATURES_REQUEST, v, ofctl_xid(c));
    ofctl_dump_print(c, &b, NULL);
    if (v >= OFP13) {
        put_port_desc_request(&b, c, OFPP_ANY);
        ofctl_dump_print(c, &b, NULL);
    }
    ofp_msg_put_empty(&b, OFPTYPE_GET_CONFIG_REQUEST, v, ofctl_xid(c));
    ofctl_dump_print(c, &b, NULL);
    bytebuf_fini(&b);
    ofctl_close(c);
}

static uint32_t parse_port(struct ofctl_conn *c, const char *text)
{
    uint32_t port;
    if (!ofp_port_parse(text, ofctl_names(c, false), &port)) {
        error_fatal("%s: unknown port `%s'", ofctl_target(c), text);
    }
    return port;
}

void ofctl_dump_ports(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    uint32_t port = argc > 2 ? parse_port(c, argv[2]) : OFPP_ANY;
    port_stats_request_encode(&b, port, ofctl_version(c), ofctl_xid(c));
    ofctl_dump_print(c, &b, ofctl_names(c, true));
    bytebuf_fini(&b);
    ofctl_close(c);
}

void ofctl_dump_ports_desc(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    put_port_desc_request(&b, c, argc > 2 ? parse_port(c, argv[2]) : OFPP_ANY);
    ofctl_dump_print(c, &b, ofctl_names(c, true));
    bytebuf_fini(&b);
    ofctl_close(c);
}

void ofctl_queue_stats(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    uint32_t port = argc > 2 && *argv[2] && strcasecmp(argv[2], "all") ? parse_port(c, argv[2]) : OFPP_ANY;
    uint32_t queue =
        argc > 3 && *argv[3] && strcasecmp(argv[3], "all") ? strtoul(argv[3], NULL, 10) : OFPQ_ALL;
    queue_stats_request_encode(&b, port, queue, ofctl_version(c), ofctl_xid(c));
    ofctl_dump_print(c, &b, ofctl_names(c, true));
    bytebuf_fini(&b);
    ofctl_close(c);
}

static void add_port_number(const uint8_t *msg, size_t len, void *aux)
{
    struct bytebuf *numbers = aux;
    struct ofp_msg m;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_PORT_DESC_REPLY) {
        return;
    }
    struct reader r = m.body;
    struct ofp_port port;
    while (r.n && !ofp_port_decode(&r, m.version, &port)) {
        if (port.port_no < OFPP_MAX) {
            bytebuf_put(numbers, &port.port_no, sizeof port.port_no);
        }
    }
}

/* OpenFlow 1.0 cannot ask for all ports: one after the other. */
static void queue_get_config_each(struct ofctl_conn *c)
{
    struct bytebuf b = BYTEBUF_INITIALIZER, numbers = BYTEBUF_INITIALIZER;
    put_port_desc_request(&b, c, OFPP_ANY);
    ofctl_dump(c, &b, add_port_number, &numbers);
    for (size_t i = 0; i < numbers.len; i += sizeof(uint32_t)) {
        uint32_t port;
        memcpy(&port, numbers.data + i, sizeof port);
        size_t start = ofp_msg_begin(&b, OFPTYPE_QUEUE_GET_CONFIG_REQUEST, OFP10, ofctl_xid(c));
        put_u16(&b, port);
        put_u16(&b, 0);
        ofp_msg_end(&b, start);
        ofctl_dump_print(c, &b, ofctl_names(c, true));
    }
    bytebuf_fini(&b);
    bytebuf_fini(&numbers);
}

void ofctl_queue_get_config(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    enum ofp_version v = ofctl_version(c);
    uint32_t port = argc > 2 && strcasecmp(argv[2], "any") ? parse_port(c, argv[2]) : OFPP_ANY;
    if (v == OFP10 && port == OFPP_ANY) {
        queue_get_config_each(c);
        ofctl_close(c);
        return;
    }
    size_t start = ofp_msg_begin(&b, OFPTYPE_QUEUE_GET_CONFIG_REQUEST, v, ofctl_xid(c));
    if (v == OFP10) {
        put_u16(&b, port);
        put_u16(&b, 0);
    } else {
        put_u32(&b, ofp_port_to_11(port));
        put_u32(&b, v >= OFP14 ? OFPQ_ALL : 0);
    }
    ofp_msg_end(&b, start);
    ofctl_dump_print(c, &b, ofctl_names(c, true));
    bytebuf_fini(&b);
    ofctl_close(c);
}

/* --- Fragments --- */

static const char *const frag_modes[] = {"normal", "drop", "reassemble", "nx-match"};

void ofctl_get_config(struct ofctl_conn *c, uint16_t *flags, uint16_t *miss_send_len)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    const uint8_t *reply;
    size_t len;
    struct ofp_msg m;
    ofp_msg_put_empty(&b, OFPTYPE_GET_CONFIG_REQUEST, ofctl_version(c), ofctl_xid(c));
    ofctl_transact(c, &b, &reply, &len);
    if (ofp_msg_decode(reply, len, &m) || m.type != OFPTYPE_GET_CONFIG_REPLY) {
        error_fatal("bad reply to config request");
    }
    *flags = get_u16(&m.body);
    *miss_send_len = get_u16(&m.body);
    bytebuf_fini(&b);
}

void ofctl_set_config(struct ofctl_conn *c, uint16_t flags, uint16_t miss_send_len)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    size_t start = ofp_msg_begin(&b, OFPTYPE_SET_CONFIG, ofctl_version(c), ofctl_xid(c));
    put_u16(&b, flags);
    put_u16(&b, miss_send_len);
    ofp_msg_end(&b, start);
    if (!ofctl_transact_mods(c, &b)) {
        exit(1);
    }
    bytebuf_fini(&b);
}

void ofctl_get_frags(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    uint16_t flags, miss;
    ofctl_get_config(c, &flags, &miss);
    puts(frag_modes[flags & 3]);
    ofctl_close(c);
}

void ofctl_set_frags(int argc, char **argv)
{
    uint16_t mode = 0, flags, miss;
    while (mode < ARRAY_SIZE(frag_modes) && strcasecmp(argv[2], frag_modes[mode])) {
        mode++;
    }
    if (mode == ARRAY_SIZE(frag_modes)) {
        error_fatal("%s: unknown fragment handling mode", argv[2]);
    }
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    ofctl_get_config(c, &flags, &miss);
    if ((flags & 3) != mode) {
        ofctl_set_config(c, (flags & ~3) | mode, miss);
        ofctl_get_config(c, &flags, &miss);
        if ((flags & 3) != mode) {
            error_fatal("%s: setting fragment handling mode failed (this switch probably doesn't support "
                        "mode \"%s\")",
                        argv[1], argv[2]);
        }
    }
    ofctl_close(c);
}

/* --- Is it there? --- */

void ofctl_probe(int argc, char **argv)
{
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    const uint8_t *reply;
    size_t len;
    ofp_msg_put_empty(&b, OFPTYPE_ECHO_REQUEST, ofctl_version(c), ofctl_xid(c));
    ofctl_transact(c, &b, &reply, &len);
    if (len != OFP_HEADER_LEN) {
        error_fatal("reply does not match request");
    }
    bytebuf_fini(&b);
    ofctl_close(c);
}

void ofctl_ping(int argc, char **argv)
{
    unsigned payload = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
    if (payload > OFP_MAX_LEN - OFP_HEADER_LEN) {
        error_fatal("payload must be between 0 and %d bytes", OFP_MAX_LEN - OFP_HEADER_LEN);
    }
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    for (int i = 0; i < 10; i++) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        const uint8_t *reply;
        size_t len;
        struct timeval start, end;
        uint32_t xid = ofctl_xid(c);
        size_t at = ofp_msg_begin(&b, OFPTYPE_ECHO_REQUEST, ofctl_version(c), xid);
        bytebuf_put_zeros(&b, payload);
        ofp_msg_end(&b, at);
        gettimeofday(&start, NULL);
        ofctl_transact(c, &b, &reply, &len);
        gettimeofday(&end, NULL);
        if (len != payload + OFP_HEADER_LEN) {
            printf("Reply does not match request:\n");
        }
        printf("%zu bytes from %s: xid=%08" PRIx32 " time=%.1f ms\n", len - OFP_HEADER_LEN, argv[1], xid,
               1000.0 * (double)(end.tv_sec - start.tv_sec) + .001 * (double)(end.tv_usec - start.tv_usec));
        bytebuf_fini(&b);
    }
    ofctl_close(c);
}

/* --- Ports --- */

struct port_search {
    const char *name;
    uint32_t number;
    bool by_number, found;
    struct ofp_port port;
};

static void search_ports(const uint8_t *msg, size_t len, void *aux)
{
    struct port_search *s = aux;
    struct ofp_msg m;
    struct ofp_port port;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_PORT_DESC_REPLY) {
        return;
    }
    while (m.body.n && !ofp_port_decode(&m.body, m.version, &port)) {
        if (s->by_number ? port.port_no == s->number : !strcmp(port.name, s->name)) {
            s->port = port;
            s->found = true;
        }
    }
}

void ofctl_mod_port(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint32_t mask, on;
    } actions[] = {
        {"up", OFPPC_PORT_DOWN, 0},
        {"down", OFPPC_PORT_DOWN, OFPPC_PORT_DOWN},
        {"stp", OFPPC_NO_STP, 0},
        {"no-stp", OFPPC_NO_STP, OFPPC_NO_STP},
        {"receive", OFPPC_NO_RECV, 0},
        {"no-receive", OFPPC_NO_RECV, OFPPC_NO_RECV},
        {"receive-stp", OFPPC_NO_RECV_STP, 0},
        {"no-receive-stp", OFPPC_NO_RECV_STP, OFPPC_NO_RECV_STP},
        {"flood", OFPPC_NO_FLOOD, 0},
        {"no-flood", OFPPC_NO_FLOOD, OFPPC_NO_FLOOD},
        {"forward", OFPPC_NO_FWD, 0},
        {"no-forward", OFPPC_NO_FWD, OFPPC_NO_FWD},
        {"packet-in", OFPPC_NO_PACKET_IN, 0},
        {"no-packet-in", OFPPC_NO_PACKET_IN, OFPPC_NO_PACKET_IN},
    };
    size_t i = 0;
    while (i < ARRAY_SIZE(actions) && strcasecmp(argv[3], actions[i].name) &&
           /* "noflood" is "no-flood" */
           !(!strncasecmp(argv[3], "no", 2) && !strncmp(actions[i].name, "no-", 3) &&
             !strcasecmp(argv[3] + 2, actions[i].name + 3))) {
        i++;
    }
    if (i == ARRAY_SIZE(actions)) {
        error_fatal("unknown mod-port command '%s'", argv[3]);
    }
    struct ofctl_conn *c = ofctl_connect(argv[1]);
    struct port_search s = {.name = argv[2]};
    s.by_number = ofp_port_parse(argv[2], NULL, &s.number);
    struct bytebuf b = BYTEBUF_INITIALIZER;
    put_port_desc_request(&b, c, OFPP_ANY);
    ofctl_dump(c, &b, search_ports, &s);
    if (!s.found) {
        error_fatal("%s: couldn't find port `%s'", argv[1], argv[2]);
    }
    struct port_mod pm = {.port_no = s.port.port_no,
                          .hw_addr = s.port.hw_addr,
                          .config = actions[i].on,
                          .mask = actions[i].mask};
    port_mod_encode(&b, &pm, ofctl_version(c), ofctl_xid(c));
    if (!ofctl_transact_mods(c, &b)) {
        exit(1);
    }
    bytebuf_fini(&b);
    ofctl_close(c);
}

/* --- Messages from elsewhere --- */

void ofctl_ofp_print(int argc, char **argv)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    char *given = NULL;
    size_t size = 0;
    if (!strcmp(argv[1], "-") && getdelim(&given, &size, '\0', stdin) < 0) {
        error_fatal("-: nothing on standard input: the message's bytes in hexadecimal are wanted");
    }
    if (*text_to_hex(given ? given : argv[1], &b)) {
        error_fatal("trailing garbage following hex bytes");
    }
    free(given);
    struct ofp_print opt = {.verbosity = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2,
                            .palette = ofctl_options.palette};
    char *text = ofp_to_string(b.data, b.len, &opt);
    fputs(text, stdout);
    free(text);
    bytebuf_fini(&b);
}

void ofctl_ofp_parse(int argc, char **argv)
{
    FILE *f = !strcmp(argv[1], "-") ? stdin : fopen(argv[1], "rb");
    if (!f) {
        error_fatal("%s: open (%s)", argv[1], strerror(errno));
    }
    uint8_t *msg = xmalloc(OFP_MAX_LEN);
    struct ofp_print opt = {.verbosity = ofctl_options.verbosity + 2, .palette = ofctl_options.palette};
    size_t got;
    while ((got = fread(msg, 1, OFP_HEADER_LEN, f)) > 0) {
        size_t len = got == OFP_HEADER_LEN ? ntohs(get_be16(msg + 2)) : OFP_HEADER_LEN;
        if (len < OFP_HEADER_LEN) {
            error_fatal("%s: %zu-byte message is too short for OpenFlow", argv[1], len);
        }
        if (got < OFP_HEADER_LEN ||
            fread(msg + OFP_HEADER_LEN, 1, len - OFP_HEADER_LEN, f) != len - OFP_HEADER_LEN) {
            error_fatal("%s: unexpected end of file mid-message", argv[1]);
        }
        char *text = ofp_to_string(msg, len, &opt);
        fputs(text, stdout);
        free(text);
    }
    free(msg);
    if (f != stdin) {
        fclose(f);
    }
}

void ofctl_print_error(int argc, char **argv)
{
    enum ofperr error = ofperr_from_name(argv[1]);
    if (!error) {
        error_fatal("unknown error \"%s\"", argv[1]);
    }
    for (int v = OFP10; v <= OFP15; v++) {
        struct ofperr_wire w;
        if (ofperr_to_wire(error, v, &w)) {
            printf("OpenFlow 1.%d: vendor %#x, type %d, code %d\n", v - 1, w.vendor, w.type, w.code);
        }
    }
}
