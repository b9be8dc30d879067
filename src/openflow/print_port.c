/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "flow/field.h"
#include "openflow/oxm.h"
#include "openflow/port_codec.h"
#include "openflow/print_private.h"

#define OFPPC_KNOWN 0x7fu

static const struct bit_name config_names[] = {
    {OFPPC_PORT_DOWN, "PORT_DOWN"},       {OFPPC_NO_STP, "NO_STP"},     {OFPPC_NO_RECV, "NO_RECV"},
    {OFPPC_NO_RECV_STP, "NO_RECV_STP"},   {OFPPC_NO_FLOOD, "NO_FLOOD"}, {OFPPC_NO_FWD, "NO_FWD"},
    {OFPPC_NO_PACKET_IN, "NO_PACKET_IN"},
};
static const struct bit_name state_names[] = {
    {OFPPS_LINK_DOWN, "LINK_DOWN"}, {OFPPS_BLOCKED, "BLOCKED"}, {OFPPS_LIVE, "LIVE"}};
static const struct bit_name feature_names[] = {
    {1 << 0, "10MB-HD"},  {1 << 1, "10MB-FD"},   {1 << 2, "100MB-HD"},    {1 << 3, "100MB-FD"},
    {1 << 4, "1GB-HD"},   {1 << 5, "1GB-FD"},    {1 << 6, "10GB-FD"},     {1 << 7, "40GB-FD"},
    {1 << 8, "100GB-FD"}, {1 << 9, "1TB-FD"},    {1 << 10, "OTHER"},      {1 << 11, "COPPER"},
    {1 << 12, "FIBER"},   {1 << 13, "AUTO_NEG"}, {1 << 14, "AUTO_PAUSE"}, {1 << 15, "AUTO_PAUSE_ASYM"},
};
static const struct bit_name capability_names[] = {
    {1 << 0, "FLOW_STATS"},   {1 << 1, "TABLE_STATS"}, {1 << 2, "PORT_STATS"},
    {1 << 3, "GROUP_STATS"},  {1 << 5, "IP_REASM"},    {1 << 6, "QUEUE_STATS"},
    {1 << 8, "PORT_BLOCKED"}, {1 << 9, "BUNDLES"},     {1 << 10, "FLOW_MONITORING"},
};
static const char *const action_names[] = {"output",     "set_vlan_vid", "set_vlan_pcp", "strip_vlan",
                                           "mod_dl_src", "mod_dl_dst",   "mod_nw_src",   "mod_nw_dst",
                                           "mod_nw_tos", "mod_tp_src",   "mod_tp_dst",   "enqueue"};

static void print_properties(const struct ofp_port *, enum ofp_version, struct strbuf *);

static void print_one_port(const struct ofp_port *port, enum ofp_version v, const struct print *p)
{
    struct strbuf *s = p->s;
    const uint8_t *m = port->hw_addr.ea;
    strbuf_put_char(s, ' ');
    ofp_port_format(port->port_no, NULL, s);
    strbuf_printf(s, "(%s): addr:%02x:%02x:%02x:%02x:%02x:%02x\n", port->name, m[0], m[1], m[2], m[3], m[4],
                  m[5]);
    strbuf_puts(s, "     config:     ");
    print_bits(port->config & OFPPC_KNOWN, config_names, ARRAY_SIZE(config_names), ' ', s);
    strbuf_puts(s, "\n     state:      ");
    uint32_t state = port->state & (OFPPS_STP_MASK | OFPPS_LINK_DOWN | OFPPS_BLOCKED | OFPPS_LIVE);
    if (state & OFPPS_STP_MASK) {
        static const char *const stp[] = {"STP_LISTEN", "STP_LEARN", "STP_FORWARD", "STP_BLOCK"};
        if (state & ~(uint32_t)OFPPS_STP_MASK) {
            print_bits(state & ~(uint32_t)OFPPS_STP_MASK, state_names, ARRAY_SIZE(state_names), ' ', s);
            strbuf_put_char(s, ' ');
        }
        strbuf_puts(s, stp[state >> 8 & 3]);
    } else {
        print_bits(state, state_names, ARRAY_SIZE(state_names), ' ', s);
    }
    strbuf_put_char(s, '\n');
    const struct {
        const char *title;
        uint32_t bits;
    } features[] = {{"current:    ", port->curr},
                    {"advertised: ", port->advertised},
                    {"supported:  ", port->supported},
                    {"peer:       ", port->peer}};
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        if (features[i].bits & 0xffff) {
            strbuf_printf(s, "     %s", features[i].title);
            print_bits(features[i].bits & 0xffff, feature_names, ARRAY_SIZE(feature_names), ' ', s);
            strbuf_put_char(s, '\n');
        }
    }
    strbuf_printf(s, "     speed: %u Mbps now, %u Mbps max\n", port->curr_speed / 1000,
                  port->max_speed / 1000);
    if (v >= OFP14) {
        print_properties(port, v, s);
    }
}

/* --- Properties besides Ethernet's --- */

static const struct bit_name optical_names[] = {{OFPOPF_RX_TUNE, "RX_TUNE"}, {OFPOPF_TX_TUNE, "TX_TUNE"},
                                                {OFPOPF_TX_PWR, "TX_PWR"},   {OFPOPF_USE_FREQ, "USE_FREQ"},
                                                {OFPOSF_RX_PWR, "RX_PWR"},   {OFPOSF_TX_BIAS, "TX_BIAS"},
                                                {OFPOSF_TX_TEMP, "TX_TEMP"}};

static void print_optical_bits(uint32_t bits, struct strbuf *s)
{
    print_bits(bits, optical_names, ARRAY_SIZE(optical_names), ' ', s);
}

static void print_optical_desc(struct reader body, struct strbuf *s)
{
    struct ofp_optical_desc d;
    if (!ofp_optical_desc_decode(body, &d)) {
        strbuf_puts(s, "     optical:    ");
        print_optical_bits(d.supported, s);
        strbuf_printf(s, ", tx %u to %u grid %u, rx %u to %u grid %u, power %u to %u\n", d.tx.min, d.tx.max,
                      d.tx.grid, d.rx.min, d.rx.max, d.rx.grid, d.tx_power_min, d.tx_power_max);
    }
}

static void print_fields(const char *title, struct reader body, struct strbuf *s)
{
    strbuf_puts(s, title);
    while (body.n) {
        const struct field *field = NULL;
        bool masked;
        if (oxm_get_header(&body, &field, &masked, NULL) || body.bad) {
            break;
        }
        strbuf_printf(s, " %s", field ? field->name : "?");
    }
    strbuf_put_char(s, '\n');
}

static void print_properties(const struct ofp_port *port, enum ofp_version v, struct strbuf *s)
{
    struct reader r = reader_of(port->properties, port->properties_len), body;
    uint16_t type;
    while (r.n && get_property(&r, &type, &body)) {
        if (type == OFPPDPT_OPTICAL) {
            print_optical_desc(body, s);
        } else if (type == OFPPDPT_PIPELINE_INPUT && v >= OFP15) {
            print_fields("     pipeline fields set:", body, s);
        } else if (type == OFPPDPT_PIPELINE_OUTPUT && v >= OFP15) {
            print_fields("     pipeline fields read:", body, s);
        } else if (type == OFPPDPT_RECIRCULATE && v >= OFP15) {
            strbuf_puts(s, "     recirculates to:");
            while (body.n) {
                uint32_t no = get_u32(&body), known;
                strbuf_put_char(s, ' ');
                if (ofp_port_from_11(no, &known)) {
                    ofp_port_format(known, NULL, s);
                } else {
                    strbuf_printf(s, "%u", no);
                }
            }
            strbuf_put_char(s, '\n');
        } else if (type == OFPPDPT_EXPERIMENTER) {
            uint32_t vendor = get_u32(&body), sub = get_u32(&body);
            strbuf_printf(s, "     experimenter %#x type %u: %zu bytes\n", vendor, sub, body.n);
        }
    }
}

static int compare_ports(const void *a_, const void *b_)
{
    const struct ofp_port *a = a_, *b = b_;
    return a->port_no < b->port_no ? -1 : a->port_no > b->port_no;
}

/* In the order of their numbers. */
static enum ofperr print_ports(struct reader *r, enum ofp_version v, const struct print *p)
{
    struct ofp_port *ports = NULL;
    size_t n = 0, allocated = 0;
    enum ofperr error = OFPERR_NONE;
    while (r->n && !error) {
        if (n == allocated) {
            ports = x2nrealloc(ports, &allocated, sizeof *ports);
        }
        error = ofp_port_decode(r, v, &ports[n]);
        n += !error;
    }
    if (n) {
        qsort(ports, n, sizeof *ports, compare_ports);
    }
    for (size_t i = 0; i < n; i++) {
        print_one_port(&ports[i], v, p);
    }
    free(ports);
    return error;
}

enum ofperr print_features(const struct ofp_msg *m, const struct print *p)
{
    struct ofp_features f;
    struct reader ports;
    struct strbuf *s = p->s;
    enum ofperr error = ofp_features_decode(m, &f, &ports);
    if (error) {
        return error;
    }
    strbuf_printf(s, " dpid:%016" PRIx64 "\n", f.datapath_id);
    strbuf_printf(s, "n_tables:%u, n_buffers:%u", f.n_tables, f.n_buffers);
    if (f.auxiliary_id) {
        strbuf_printf(s, ", auxiliary_id:%u", f.auxiliary_id);
    }
    strbuf_puts(s, "\ncapabilities: ");
    uint32_t known = f.capabilities;
    bool arp = (m->version == OFP10 || m->version == OFP11) && known & 1 << 7;
    bool stp = m->version == OFP10 && known & 1 << 3;
    known &= ~(uint32_t)((arp ? 1 << 7 : 0) | (stp ? 1 << 3 : 0));
    print_bits(known, capability_names, ARRAY_SIZE(capability_names), ' ', s);
    strbuf_puts(s, stp ? " STP" : "");
    strbuf_puts(s, arp ? " ARP_MATCH_IP" : "");
    strbuf_put_char(s, '\n');
    if (m->version == OFP10) {
        /* In the order of actions in memory, which is that of ovs-actions(7). */
        static const uint8_t order[] = {0, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
        strbuf_puts(s, "actions:");
        for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
            if (f.actions & 1u << order[i]) {
                strbuf_printf(s, " %s", action_names[order[i]]);
            }
        }
        strbuf_put_char(s, '\n');
    }
    return m->version < OFP13 ? print_ports(&ports, m->version, p) : OFPERR_NONE;
}

enum ofperr print_port_desc(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    strbuf_put_char(p->s, '\n');
    return print_ports(&r, m->version, p);
}

enum ofperr print_port_desc_request(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    uint32_t port = OFPP_ANY;
    if (m->version >= OFP15 && !ofp_port_from_11(get_u32(&r), &port)) {
        return OFPERR_OFPBRC_BAD_PORT;
    }
    strbuf_puts(p->s, " port=");
    ofp_port_format(port, p->names, p->s);
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

enum ofperr print_port_status(const struct ofp_msg *m, const struct print *p)
{
    static const char *const reasons[] = {"ADD", "DEL", "MOD"};
    struct ofp_port port;
    uint8_t reason;
    enum ofperr error = port_status_decode(m, &reason, &port);
    if (!error) {
        strbuf_printf(p->s, " %s:", reasons[reason]);
        print_one_port(&port, m->version, p);
    }
    return error;
}

enum ofperr print_port_mod(const struct ofp_msg *m, const struct print *p)
{
    struct port_mod pm;
    struct strbuf *s = p->s;
    enum ofperr error = port_mod_decode(m, &pm);
    if (error) {
        return error;
    }
    const uint8_t *a = pm.hw_addr.ea;
    strbuf_puts(s, " port: ");
    ofp_port_format(pm.port_no, p->names, s);
    strbuf_printf(s, ": addr:%02x:%02x:%02x:%02x:%02x:%02x\n", a[0], a[1], a[2], a[3], a[4], a[5]);
    strbuf_puts(s, "     config: ");
    print_bits(pm.config & pm.mask & OFPPC_KNOWN, config_names, ARRAY_SIZE(config_names), ' ', s);
    strbuf_puts(s, "\n     mask:   ");
    print_bits(pm.mask & OFPPC_KNOWN, config_names, ARRAY_SIZE(config_names), ' ', s);
    strbuf_puts(s, "\n     advertise: ");
    if (pm.advertise & 0xffff) {
        print_bits(pm.advertise & 0xffff, feature_names, ARRAY_SIZE(feature_names), ' ', s);
    } else {
        strbuf_puts(s, "UNCHANGED");
    }
    strbuf_put_char(s, '\n');
    if (pm.has_optical) {
        strbuf_puts(s, "     optical: ");
        print_optical_bits(pm.optical.configure, s);
        strbuf_printf(s, ", freq %u offset %d span %u, power %u\n", pm.optical.freq, pm.optical.offset,
                      pm.optical.span, pm.optical.tx_power);
    }
    return OFPERR_NONE;
}

/* --- Statistics --- */

static void put_counter(struct strbuf *s, const char *name, uint64_t value, bool more)
{
    strbuf_puts(s, name);
    if (value == UINT64_MAX) {
        strbuf_put_char(s, '?');
    } else {
        strbuf_printf(s, "%" PRIu64, value);
    }
    strbuf_puts(s, more ? ", " : "\n");
}

enum ofperr print_port_request(const struct ofp_msg *m, const struct print *p)
{
    uint32_t port;
    enum ofperr error = port_stats_request_decode(m, &port);
    if (error) {
        return error;
    }
    strbuf_puts(p->s, " port_no=");
    ofp_port_format(port, p->names, p->s);
    return error;
}

static void print_optical_stats(struct reader props, struct strbuf *s)
{
    uint16_t type;
    struct reader body;
    struct ofp_optical_stats o;
    while (props.n && get_property(&props, &type, &body)) {
        if (type == OFPPDPT_OPTICAL && !ofp_optical_stats_decode(body, &o)) {
            strbuf_puts(s, "           optical: ");
            print_optical_bits(o.flags, s);
            strbuf_printf(s,
                          ", tx %u offset %u span %u, rx %u offset %u span %u, power tx %u rx %u, bias %u, "
                          "temperature %u\n",
                          o.tx.freq, o.tx.offset, o.tx.span, o.rx.freq, o.rx.offset, o.rx.span, o.tx_power,
                          o.rx_power, o.bias, o.temperature);
        }
    }
}

/* Custom statistics, an experimenter's property: names and counters. */
#define CUSTOM_STATS_VENDOR 0xaa01u
static void print_custom(struct reader *props, struct strbuf *s)
{
    while (props->n >= 4) {
        uint16_t type = get_u16(props), len = get_u16(props);
        if (len < 4) {
            return;
        }
        struct reader q = get_sub(props, len - 4u);
        get_skip(props, MIN(props->n, (size_t)(ROUND_UP(len, 8) - len)));
        if (type != 0xffff || get_u32(&q) != CUSTOM_STATS_VENDOR || get_u32(&q) != 2) {
            continue;
        }
        get_skip(&q, 2);
        uint16_t n = get_u16(&q);
        if (q.bad || !n) {
            continue;
        }
        strbuf_puts(s, "           CUSTOM Statistics");
        for (unsigned i = 0; i < n; i++) {
            uint8_t name_len = get_u8(&q);
            const uint8_t *name = get_bytes(&q, name_len);
            uint64_t value = get_u64(&q);
            if (q.bad) {
                break;
            }
            if (i % 3 == 0) {
                strbuf_chomp(s, ' ');
                strbuf_puts(s, "\n                      ");
            }
            strbuf_printf(s, "%.*s=%" PRIu64 ", ", (int)name_len, (const char *)name, value);
        }
        strbuf_chomp(s, ' ');
        strbuf_put_char(s, '\n');
    }
}

enum ofperr print_port_reply(const struct ofp_msg *m, const struct print *p)
{
    struct strbuf *s = p->s;
    struct port_stats ps;
    struct reader props, r = m->body;
    unsigned n = 0;
    while (r.n) {
        enum ofperr error = port_stats_decode(&r, m->version, &ps, &props);
        if (error) {
            break; /* those before it are shown */
        }
        n++;
    }
    strbuf_printf(s, " %u ports\n", n);
    if (p->opt->verbosity < 1) {
        return OFPERR_NONE;
    }
    r = m->body;
    while (r.n) {
        enum ofperr error = port_stats_decode(&r, m->version, &ps, &props);
        if (error) {
            return error;
        }
        strbuf_puts(s, "  port ");
        strbuf_puts(s, ps.port_no < 10 ? " " : "");
        ofp_port_format(ps.port_no, p->names, s);
        strbuf_puts(s, ": rx ");
        put_counter(s, "pkts=", ps.rx_packets, true);
        put_counter(s, "bytes=", ps.rx_bytes, true);
        put_counter(s, "drop=", ps.rx_dropped, true);
        put_counter(s, "errs=", ps.rx_errors, true);
        put_counter(s, "frame=", ps.rx_frame_err, true);
        put_counter(s, "over=", ps.rx_over_err, true);
        put_counter(s, "crc=", ps.rx_crc_err, false);
        strbuf_puts(s, "           tx ");
        put_counter(s, "pkts=", ps.tx_packets, true);
        put_counter(s, "bytes=", ps.tx_bytes, true);
        put_counter(s, "drop=", ps.tx_dropped, true);
        put_counter(s, "errs=", ps.tx_errors, true);
        put_counter(s, "coll=", ps.collisions, false);
        if (ps.duration_sec != UINT32_MAX) {
            strbuf_puts(s, "           duration=");
            ofp_duration_format(ps.duration_sec, ps.duration_nsec, s);
            strbuf_puts(s, "s\n");
        }
        print_optical_stats(props, s);
        print_custom(&props, s);
    }
    return OFPERR_NONE;
}

enum ofperr print_queue_request(const struct ofp_msg *m, const struct print *p)
{
    uint32_t port, queue;
    enum ofperr error = queue_stats_request_decode(m, &port, &queue);
    if (error) {
        return error;
    }
    strbuf_puts(p->s, " port=");
    ofp_port_format(port, p->names, p->s);
    if (queue == OFPQ_ALL) {
        strbuf_puts(p->s, " queue=ALL");
    } else {
        strbuf_printf(p->s, " queue=%u", queue);
    }
    return error;
}

enum ofperr print_queue_reply(const struct ofp_msg *m, const struct print *p)
{
    struct strbuf *s = p->s;
    struct queue_stats q;
    struct reader r = m->body;
    unsigned n = 0;
    while (r.n && !queue_stats_decode(&r, m->version, &q)) {
        n++;
    }
    strbuf_printf(s, " %u queues\n", n);
    if (p->opt->verbosity < 1) {
        return OFPERR_NONE;
    }
    r = m->body;
    while (r.n) {
        enum ofperr error = queue_stats_decode(&r, m->version, &q);
        if (error) {
            return error;
        }
        strbuf_puts(s, "  port ");
        ofp_port_format(q.port_no, p->names, s);
        strbuf_printf(s, " queue %u: ", q.queue_id);
        put_counter(s, "bytes=", q.tx_bytes, true);
        put_counter(s, "pkts=", q.tx_packets, true);
        put_counter(s, "errors=", q.tx_errors, true);
        strbuf_puts(s, "duration=");
        if (q.duration_sec != UINT32_MAX) {
            ofp_duration_format(q.duration_sec, q.duration_nsec, s);
            strbuf_puts(s, "s\n");
        } else {
            strbuf_puts(s, "?\n");
        }
    }
    return OFPERR_NONE;
}

enum ofperr print_queue_config_request(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    uint32_t port = m->version == OFP10 ? get_u16(&r) : get_u32(&r) & 0xffff;
    strbuf_puts(p->s, " port=");
    ofp_port_format(port, p->names, p->s);
    if (m->version >= OFP14 && m->kind == OFPK_STAT) {
        uint32_t queue = get_u32(&r);
        if (queue != OFPQ_ALL) {
            strbuf_printf(p->s, " queue=%" PRIu32, queue);
        }
    }
    return r.bad ? OFPERR_OFPBRC_BAD_LEN : OFPERR_NONE;
}

static void print_rates(struct reader *props, unsigned min_type, unsigned max_type, struct strbuf *s)
{
    while (props->n >= 4) {
        uint16_t type = get_u16(props), len = get_u16(props);
        if (len < 4) {
            return;
        }
        struct reader q = get_sub(props, len - 4u);
        get_skip(&q, max_type == 2 && min_type == 1 && len == 16 ? 4 : 0);
        uint16_t rate = get_u16(&q);
        if (q.bad || rate > 1000 || (type != min_type && type != max_type)) {
            continue;
        }
        strbuf_printf(s, " %s:%u.%u%%", type == min_type ? "min_rate" : "max_rate", rate / 10, rate % 10);
    }
}

/* A queue of a reply, taken off R: its port (OpenFlow 1.4 and later, in each), number and rates. */
struct queue {
    uint32_t port, id;
    struct reader properties;
};

static enum ofperr get_queue(struct reader *r, const struct ofp_msg *m, bool desc, uint32_t port,
                             struct queue *q)
{
    struct reader head = *r;
    q->port = port;
    if (desc) {
        q->port = get_u32(&head) & 0xffff;
        q->id = get_u32(&head);
    } else {
        q->id = get_u32(&head);
        get_skip(&head, m->version < OFP12 ? 0 : 4);
    }
    uint16_t len = get_u16(&head);
    get_skip(&head, m->version < OFP12 ? 2 : 6);
    size_t used = r->n - head.n;
    if (head.bad || len < used || len > r->n) {
        return OFPERR_OFPBRC_BAD_LEN;
    }
    q->properties = get_sub(r, len);
    get_skip(&q->properties, used);
    return OFPERR_NONE;
}

static int compare_queues(const void *a_, const void *b_)
{
    const struct queue *a = a_, *b = b_;
    return a->port != b->port ? (a->port < b->port ? -1 : 1) : a->id != b->id ? (a->id < b->id ? -1 : 1) : 0;
}

enum ofperr print_queue_config(const struct ofp_msg *m, const struct print *p)
{
    struct reader r = m->body;
    struct strbuf *s = p->s;
    bool desc = m->version >= OFP14 && m->kind == OFPK_REPLY;
    uint32_t port = 0;
    struct queue *queues = NULL;
    size_t n = 0, allocated = 0;
    enum ofperr error = OFPERR_NONE;
    if (!desc) {
        port = m->version == OFP10 ? get_u16(&r) : get_u32(&r) & 0xffff;
        get_skip(&r, m->version == OFP10 ? 6 : 4);
    }
    while (r.n && !error) {
        if (n == allocated) {
            queues = x2nrealloc(queues, &allocated, sizeof *queues);
        }
        error = get_queue(&r, m, desc, port, &queues[n]);
        n += !error;
    }
    if (n) {
        qsort(queues, n, sizeof *queues, compare_queues);
    }
    for (size_t i = 0; i < n; i++) {
        if (!i || queues[i].port != queues[i - 1].port) {
            strbuf_puts(s, i ? "port=" : " port=");
            ofp_port_format(queues[i].port, p->names, s);
            strbuf_put_char(s, '\n');
        }
        strbuf_printf(s, "queue %" PRIu32 ":", queues[i].id);
        print_rates(&queues[i].properties, 1, 2, s);
        strbuf_put_char(s, '\n');
    }
    free(queues);
    return error;
}
