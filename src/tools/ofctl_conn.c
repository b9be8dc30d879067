/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking OpenFlow connection over the streams of io/, for a program that does one thing at a time. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/dirs.h"
#include "io/loop.h"
#include "io/stream.h"
#include "openflow/port_codec.h"
#include "openflow/table_features.h"
#include "tools/ofctl.h"

LOG_MODULE(vconn);

#define OFP_DEFAULT_PORT 6653
#define OFP_N_TABLE_IDS  256

struct named_port {
    uint32_t port_no;
    char name[64];
};

struct ofctl_conn {
    char *target; /* as the user called it */
    struct loop *loop;
    struct stream *stream;
    enum ofp_version version;
    uint32_t protocol; /* the one in force; OpenFlow 1.0 begins with OFPROTO_10 */
    uint32_t next_xid;
    struct bytebuf in;
    size_t taken;         /* bytes of `in` that the last message had */
    struct bytebuf stray; /* errors that came before they were asked for */
    /* Names, once fetched. */
    bool have_names, have_tables;
    struct named_port *ports;
    size_t n_ports;
    struct port_names port_names;
    char (*tables)[OFP_N_TABLE_IDS][sizeof((struct table_features *)0)->name]; /* by number; "": none */
    struct table_names table_names;
    struct ofp_names names;
};

void ofctl_check(char *error)
{
    if (error) {
        error_fatal("%s", error);
    }
}

static void woken(void *aux)
{
}

static void wait_for(struct ofctl_conn *c, unsigned what)
{
    stream_want(c->stream, what);
    loop_turn(c->loop, true);
}

/* A bridge's name means its management socket; a path, a socket; else it is a connection method. */
static char *target_to_stream(const char *target, const char *suffix)
{
    if (strchr(target, ':') && !strchr(target, '/')) {
        return xstrdup(target);
    }
    if (!strncmp(target, "unix:", 5) || !strncmp(target, "tcp:", 4) || !strncmp(target, "ssl:", 4)) {
        return xstrdup(target);
    }
    struct stat st;
    char *file = xasprintf("%s/%s.%s", dirs_run(), target, suffix), *name = NULL;
    if (!stat(file, &st) && S_ISSOCK(st.st_mode)) {
        name = xasprintf("unix:%s", file);
    } else if (!stat(target, &st) && S_ISSOCK(st.st_mode)) {
        name = xasprintf("unix:%s", target);
    }
    free(file);
    /* "netdev@br0": the datapath's type before it. */
    const char *at = strchr(target, '@');
    if (!name && at) {
        return target_to_stream(at + 1, suffix);
    }
    if (!name) {
        error_fatal("%s is not a bridge or a socket", target);
    }
    return name;
}

/* Takes what has come in, if anything has; an errno if nothing has, or nothing more will. */
static int take_input(struct ofctl_conn *c)
{
    size_t got = 0;
    bytebuf_reserve(&c->in, 65536);
    int error = stream_recv(c->stream, c->in.data + c->in.len, 65536, &got);
    c->in.len += got;
    return error;
}

void ofctl_must_fit(const struct bytebuf *b, size_t before)
{
    if (b->len == before) {
        error_fatal("this takes more than the %d bytes of an OpenFlow message", OFP_MAX_LEN);
    }
}

void ofctl_send(struct ofctl_conn *c, struct bytebuf *b)
{
    size_t done = 0;
    while (done < b->len) {
        size_t sent = 0;
        int error = stream_send(c->stream, b->data + done, b->len - done, &sent);
        if (error == EAGAIN) {
            /* A switch whose replies nobody takes reads no more: they are kept for ofctl_recv(). */
            take_input(c);
            wait_for(c, STREAM_SEND | STREAM_RECV);
        } else if (error) {
            error_fatal("%s: failed to send packet (%s)", c->target, strerror(error));
        }
        done += sent;
    }
    bytebuf_clear(b);
}

int ofctl_try_recv(struct ofctl_conn *c, const uint8_t **msg, size_t *len)
{
    bytebuf_pull(&c->in, c->taken);
    c->taken = 0;
    for (;;) {
        if (c->in.len >= OFP_HEADER_LEN) {
            size_t n = ofp_msg_len(c->in.data);
            if (!n) {
                error_fatal("%s: received too-short OpenFlow message", c->target);
            }
            if (c->in.len >= n) {
                *msg = c->in.data;
                *len = c->taken = n;
                return 0;
            }
        }
        int error = take_input(c);
        if (error) {
            return error;
        }
    }
}

bool ofctl_recv(struct ofctl_conn *c, const uint8_t **msg, size_t *len)
{
    int error;
    while ((error = ofctl_try_recv(c, msg, len)) == EAGAIN) {
        wait_for(c, STREAM_RECV);
    }
    return !error;
}

struct loop *ofctl_loop(struct ofctl_conn *c)
{
    return c->loop;
}

const char *ofctl_target(const struct ofctl_conn *c)
{
    return c->target;
}

const char *ofctl_stream(const struct ofctl_conn *c)
{
    return stream_name(c->stream);
}

void ofctl_wait(struct ofctl_conn *c, bool for_messages)
{
    wait_for(c, for_messages ? STREAM_RECV : 0);
}

static void must_recv(struct ofctl_conn *c, const uint8_t **msg, size_t *len)
{
    if (!ofctl_recv(c, msg, len)) {
        error_fatal("%s: failed to receive packet (End of file)", c->target);
    }
}

static _Noreturn void connect_failed(const char *target, const char *why)
{
    if (strchr(target, ':')) {
        error_fatal("connecting to %s (%s)", target, why);
    }
    error_fatal("%s: failed to connect to socket (%s)", target, why);
}

static void negotiate(struct ofctl_conn *c)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    const uint8_t *msg;
    size_t len;
    ofp_hello_encode(&b, ofctl_options.versions, ofctl_xid(c));
    ofctl_send(c, &b);
    if (!ofctl_recv(c, &msg, &len)) {
        connect_failed(c->target, "End of file");
    }
    struct ofp_msg m;
    enum ofperr error = ofp_msg_decode(msg, len, &m);
    if (error || m.type != OFPTYPE_HELLO) {
        char *text = ofp_to_string(msg, len, NULL);
        error_fatal("%s: received message while expecting hello: %s", c->target, text);
    }
    unsigned theirs = ofp_hello_decode(&m);
    c->version = ofp_version_negotiate(ofctl_options.versions, theirs);
    if (!c->version) {
        LOG_WARN("%s: version negotiation failed (we support versions %#x, peer supports versions %#x)",
                 stream_name(c->stream), ofctl_options.versions >> 1, theirs >> 1);
        connect_failed(c->target, "Protocol error");
    }
    c->protocol = c->version == OFP10 ? OFPROTO_10 : OFPROTO_11 << (c->version - OFP11);
    bytebuf_fini(&b);
}

struct ofctl_conn *ofctl_connect_suffix(const char *target, const char *suffix, bool quiet)
{
    struct ofctl_conn *c = xzalloc(sizeof *c);
    char *name = target_to_stream(target, suffix);
    c->target = xstrdup(target);
    c->next_xid = 1;
    c->loop = loop_create("ofctl");
    int error = stream_open(name, OFP_DEFAULT_PORT, 0, &c->stream);
    if (!error) {
        stream_watch(c->stream, c->loop, woken, c);
        while ((error = stream_connect(c->stream)) == EAGAIN) {
            wait_for(c, STREAM_CONNECT);
        }
    }
    if (error) {
        connect_failed(target, strerror(error));
    }
    free(name);
    negotiate(c);
    return c;
}

struct ofctl_conn *ofctl_connect(const char *target)
{
    return ofctl_connect_suffix(target, "mgmt", false);
}

void ofctl_close(struct ofctl_conn *c)
{
    if (c) {
        stream_close(c->stream);
        loop_destroy(c->loop);
        bytebuf_fini(&c->in);
        bytebuf_fini(&c->stray);
        free(c->ports);
        free(c->tables);
        free(c->target);
        free(c);
    }
}

enum ofp_version ofctl_version(const struct ofctl_conn *c)
{
    return c->version;
}

uint32_t ofctl_xid(struct ofctl_conn *c)
{
    return c->next_xid++;
}

static uint32_t message_xid(const uint8_t *msg)
{
    return ntohl(get_be32(msg + 4));
}

/* Echo requests are answered on the way. */
static bool answer_echo(struct ofctl_conn *c, const uint8_t *msg, size_t len)
{
    if (msg[1] != 2) {
        return false;
    }
    struct bytebuf b = BYTEBUF_INITIALIZER;
    bytebuf_put(&b, msg, len);
    b.data[1] = 3;
    ofctl_send(c, &b);
    bytebuf_fini(&b);
    return true;
}

void ofctl_transact(struct ofctl_conn *c, struct bytebuf *request, const uint8_t **reply, size_t *len)
{
    uint32_t xid = message_xid(request->data);
    ofctl_send(c, request);
    do {
        must_recv(c, reply, len);
        answer_echo(c, *reply, *len);
    } while (message_xid(*reply) != xid || (*reply)[1] == 2);
}

bool ofctl_transact_mods(struct ofctl_conn *c, struct bytebuf *requests)
{
    const uint8_t *msg;
    size_t len;
    bool ok = true;
    uint32_t barrier = ofctl_xid(c);
    ofp_msg_put_empty(requests, OFPTYPE_BARRIER_REQUEST, c->version, barrier);
    ofctl_send(c, requests);
    for (;;) {
        must_recv(c, &msg, &len);
        if (answer_echo(c, msg, len)) {
            continue;
        }
        if (message_xid(msg) == barrier) {
            return ok;
        }
        if (msg[1] == 1) {
            struct ofp_print opt = {.verbosity = ofctl_options.verbosity + 1,
                                    .palette = ofctl_options.palette};
            char *text = ofp_to_string(msg, len, &opt);
            fputs(text, stderr);
            free(text);
            ok = false;
        }
    }
}

void ofctl_dump(struct ofctl_conn *c, struct bytebuf *request, void (*each)(const uint8_t *, size_t, void *),
                void *aux)
{
    const uint8_t *msg;
    size_t len;
    uint32_t xid = message_xid(request->data);
    ofctl_send(c, request);
    for (;;) {
        must_recv(c, &msg, &len);
        if (answer_echo(c, msg, len)) {
            continue;
        }
        if (message_xid(msg) != xid) {
            if (msg[1] == 1) { /* of what went out before */
                bytebuf_put(&c->stray, msg, len);
            }
            continue;
        }
        struct ofp_msg m;
        enum ofperr error = ofp_msg_decode(msg, len, &m);
        each(msg, len, aux);
        if (error || !ofp_kind_is_reply(m.kind) || !(m.flags & OFPMPF_MORE)) {
            return;
        }
    }
}

const struct bytebuf *ofctl_stray(const struct ofctl_conn *c)
{
    return &c->stray;
}

static void print_reply(const uint8_t *msg, size_t len, void *names)
{
    struct ofp_print opt = {.names = names,
                            .verbosity = ofctl_options.verbosity + 1,
                            .hide_stats = ofctl_options.hide_stats,
                            .palette = ofctl_options.palette};
    char *text = ofp_to_string(msg, len, &opt);
    fputs(text, stdout);
    free(text);
}

void ofctl_dump_print(struct ofctl_conn *c, struct bytebuf *request, const struct ofp_names *names)
{
    ofctl_dump(c, request, print_reply, (void *)(uintptr_t)names);
}

/* --- Protocols of OpenFlow 1.0 --- */

static bool try_nicira(struct ofctl_conn *c, uint32_t want)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    bool nxm = want & OFPROTO_NXM_ALL, tid = want & OFPROTO_TID;
    if (nxm != !!(c->protocol & OFPROTO_NXM_ALL)) {
        size_t start = ofp_msg_begin(&b, OFPTYPE_SET_FLOW_FORMAT, OFP10, ofctl_xid(c));
        put_u32(&b, nxm ? 2 : 0);
        ofp_msg_end(&b, start);
    }
    if (tid != !!(c->protocol & OFPROTO_TID)) {
        size_t start = ofp_msg_begin(&b, OFPTYPE_FLOW_MOD_TABLE_ID, OFP10, ofctl_xid(c));
        put_u8(&b, tid);
        bytebuf_put_zeros(&b, 7);
        ofp_msg_end(&b, start);
    }
    bool ok = !b.len || ofctl_transact_mods(c, &b);
    bytebuf_fini(&b);
    if (ok) {
        c->protocol = want;
    }
    return ok;
}

uint32_t ofctl_protocol_of(const struct ofctl_conn *c, uint32_t usable)
{
    return ofctl_options.protocols & usable & c->protocol;
}

uint32_t ofctl_use_protocol(struct ofctl_conn *c, uint32_t usable, bool widest)
{
    uint32_t allowed = ofctl_options.protocols & usable;
    if (c->version > OFP10) {
        if (!ofctl_protocol_of(c, usable)) {
            goto fail;
        }
        return c->protocol;
    }
    static const uint32_t lean[] = {OFPROTO_10, OFPROTO_10_TID, OFPROTO_NXM, OFPROTO_NXM_TID};
    static const uint32_t rich[] = {OFPROTO_NXM_TID, OFPROTO_NXM, OFPROTO_10_TID, OFPROTO_10};
    for (int i = 0; i < 4; i++) {
        uint32_t want = widest ? rich[i] : lean[i];
        if (allowed & want && (c->protocol == want || try_nicira(c, want))) {
            return want;
        }
    }
fail:;
    struct strbuf a = STRBUF_INITIALIZER, u = STRBUF_INITIALIZER;
    ofproto_protocols_format(ofctl_options.protocols, &a);
    ofproto_protocols_format(usable, &u);
    error_fatal("none of the usable flow formats (%s) is among the allowed flow formats (%s)",
                strbuf_text(&u), strbuf_text(&a));
}

/* --- Names --- */

static const char *port_to_name(const struct port_names *names, uint32_t port)
{
    const struct ofctl_conn *c = names->aux;
    for (size_t i = 0; i < c->n_ports; i++) {
        if (c->ports[i].port_no == port) {
            return c->ports[i].name;
        }
    }
    return NULL;
}

static bool name_to_port(const struct port_names *names, const char *name, uint32_t *port)
{
    const struct ofctl_conn *c = names->aux;
    for (size_t i = 0; i < c->n_ports; i++) {
        if (!strcmp(c->ports[i].name, name)) {
            *port = c->ports[i].port_no;
            return true;
        }
    }
    return false;
}

static void add_ports(const uint8_t *msg, size_t len, void *aux)
{
    struct ofctl_conn *c = aux;
    struct ofp_msg m;
    if (ofp_msg_decode(msg, len, &m) || m.type != OFPTYPE_PORT_DESC_REPLY) {
        return;
    }
    struct reader r = m.body;
    struct ofp_port port;
    while (r.n && !ofp_port_decode(&r, m.version, &port)) {
        c->ports = xrealloc(c->ports, (c->n_ports + 1) * sizeof *c->ports);
        c->ports[c->n_ports].port_no = port.port_no;
        memcpy(c->ports[c->n_ports++].name, port.name, sizeof port.name);
    }
}

static void add_tables(const uint8_t *msg, size_t len, void *aux)
{
    struct ofctl_conn *c = aux;
    struct ofp_msg m;
    if (ofp_msg_decode(msg, len, &m) ||
        (m.type != OFPTYPE_TABLE_REPLY && m.type != OFPTYPE_TABLE_FEATURES_REPLY)) {
        return;
    }
    struct table_features t;
    struct table_stats stats;
    bool more;
    while (!(m.type == OFPTYPE_TABLE_REPLY
                 ? table_stats_features_decode(&m.body, m.version, &t, &stats, &more)
                 : table_features_decode(&m.body, m.version, false, &t, &more)) &&
           more) {
        memcpy((*c->tables)[t.table_id], t.name, sizeof t.name);
    }
}

/* Statistics name the tables up to OpenFlow 1.2, their features later. A name that two tables have, or the
 * number of a table in it, is none. */
static void fetch_tables(struct ofctl_conn *c)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    c->have_tables = true;
    c->tables = xzalloc(sizeof *c->tables);
    ofp_msg_put_empty(&b, c->version < OFP13 ? OFPTYPE_TABLE_REQUEST : OFPTYPE_TABLE_FEATURES_REQUEST,
                      c->version, ofctl_xid(c));
    ofctl_dump(c, &b, add_tables, c);
    bytebuf_fini(&b);
    for (int i = 0; i < OFP_N_TABLE_IDS; i++) {
        char *name = (*c->tables)[i];
        bool twice = false;
        for (int j = i + 1; *name && j < OFP_N_TABLE_IDS; j++) {
            if (!strcmp(name, (*c->tables)[j])) {
                twice = true;
                *(*c->tables)[j] = '\0';
            }
        }
        if (twice) {
            *name = '\0';
        }
    }
}

static const char *table_to_name(const struct table_names *names, uint8_t table)
{
    const struct ofctl_conn *c = names->aux;
    return c->have_tables && *(*c->tables)[table] ? (*c->tables)[table] : NULL;
}

/* What is no number may be a name: only then is the switch asked for those. */
static bool name_to_table(const struct table_names *names, const char *name, uint8_t *table)
{
    struct ofctl_conn *c = names->aux;
    if (!c->have_tables) {
        fetch_tables(c);
    }
    for (int i = 0; i < OFP_N_TABLE_IDS; i++) {
        if (*name && !strcmp((*c->tables)[i], name)) {
            *table = i;
            return true;
        }
    }
    return false;
}

const struct ofp_names *ofctl_names(struct ofctl_conn *c, bool display)
{
    if (ofctl_options.no_names || (display && !ofctl_options.use_names)) {
        return NULL;
    }
    if (!c->have_names) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        size_t start = ofp_msg_begin(&b, OFPTYPE_PORT_DESC_REQUEST, c->version, ofctl_xid(c));
        if (c->version >= OFP15) {
            put_u32(&b, UINT32_MAX);
            put_u32(&b, 0);
        }
        ofp_msg_end(&b, start);
        ofctl_dump(c, &b, add_ports, c);
        bytebuf_fini(&b);
        c->port_names = (struct port_names){.name = port_to_name, .number = name_to_port, .aux = c};
        c->table_names = (struct table_names){.name = table_to_name, .number = name_to_table, .aux = c};
        c->names = (struct ofp_names){.ports = &c->port_names, .tables = &c->table_names};
        c->have_names = true;
    }
    if (display && !c->have_tables) { /* between the parts of a reply nothing can be asked */
        fetch_tables(c);
    }
    return &c->names;
}
