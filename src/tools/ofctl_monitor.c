/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: monitor and snoop. Beside the switch's messages, the program answers commands on a control socket
 * ("Runtime management commands" of ovs-ofctl(8)); it may run in the background. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "control/control.h"
#include "io/daemon.h"
#include "io/loop.h"
#include "openflow/action_text.h"
#include "openflow/monitor_codec.h"
#include "openflow/packet_codec.h"
#include "tools/ofctl.h"

struct monitor {
    struct ofctl_conn *conn;
    struct control_server *server;
    bool resume;  /* packets that were paused go on */
    bool answers; /* echo requests */
    bool blocked; /* messages wait */
    bool exiting;
    struct control_request *barrier; /* waits for the reply with this xid */
    uint32_t barrier_xid;
};

static void print_message(struct monitor *m, const char *prefix, const uint8_t *msg, size_t len)
{
    struct ofp_print opt = {.verbosity = ofctl_options.verbosity + 2,
                            .names = ofctl_names(m->conn, true),
                            .palette = ofctl_options.palette};
    char *text = ofp_to_string(msg, len, &opt);
    if (ofctl_options.timestamp) {
        struct timeval tv;
        struct tm tm;
        char when[64];
        gettimeofday(&tv, NULL);
        gmtime_r(&tv.tv_sec, &tm);
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
        fprintf(stderr, "%s.%03d: ", when, (int)(tv.tv_usec / 1000));
    }
    fprintf(stderr, "%s%s", prefix, text);
    fflush(stderr);
    free(text);
}

/* --- Commands --- */

static void run_exit(struct control_request *r, int argc, const char *argv[], void *aux)
{
    ((struct monitor *)aux)->exiting = true;
    control_reply(r, NULL);
}

static void run_send(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct monitor *m = aux;
    struct strbuf reply = STRBUF_INITIALIZER;
    bool ok = true;
    for (int i = 1; i < argc && ok; i++) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        const char *end = text_to_hex(argv[i], &b);
        if (*end || b.len < OFP_HEADER_LEN || ofp_msg_len(b.data) != b.len) {
            strbuf_printf(&reply,
                          *end                     ? "%s: not hexadecimal\n"
                          : b.len < OFP_HEADER_LEN ? "%s: too short for OpenFlow message\n"
                                                   : "%s: message length mismatch\n",
                          argv[i]);
            ok = false;
        } else {
            print_message(m, "send: ", b.data, b.len);
            ofctl_send(m->conn, &b);
            strbuf_puts(&reply, "sent\n");
        }
        bytebuf_fini(&b);
    }
    (ok ? control_reply_steal : control_reply_error_steal)(r, strbuf_steal(&reply));
}

static void run_barrier(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct monitor *m = aux;
    if (m->barrier) {
        control_reply_error(r, "already waiting for barrier reply");
        return;
    }
    struct bytebuf b = BYTEBUF_INITIALIZER;
    m->barrier_xid = ofctl_xid(m->conn);
    m->barrier = r;
    ofp_msg_put_empty(&b, OFPTYPE_BARRIER_REQUEST, ofctl_version(m->conn), m->barrier_xid);
    ofctl_send(m->conn, &b);
    bytebuf_fini(&b);
}

static void run_set_output_file(struct control_request *r, int argc, const char *argv[], void *aux)
{
    if (!freopen(argv[1], "w", stderr)) {
        control_reply_error_steal(r, xasprintf("%s: %s", argv[1], strerror(errno)));
        return;
    }
    setvbuf(stderr, NULL, _IOLBF, 0);
    control_reply(r, NULL);
}

static void run_block(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct monitor *m = aux;
    bool block = !strcmp(argv[0], "ofctl/block");
    if (m->blocked == block) {
        control_reply(r, block ? "already blocking" : "already unblocked");
        return;
    }
    m->blocked = block;
    control_reply(r, NULL);
}

static const struct control_command control_commands[] = {
    {"exit", "", 0, 0, run_exit},
    {"ofctl/exit", NULL, 0, 0, run_exit},
    {"ofctl/send", "OFMSG...", 1, INT_MAX, run_send},
    {"ofctl/barrier", "", 0, 0, run_barrier},
    {"ofctl/set-output-file", "FILE", 1, 1, run_set_output_file},
    {"ofctl/block", "", 0, 0, run_block},
    {"ofctl/unblock", "", 0, 0, run_block},
};

/* --- Messages --- */

static void resume_packet(struct monitor *m, const struct ofp_msg *msg)
{
    struct packet_in pin;
    if (!packet_in_decode(msg, &pin) && pin.continuation_len) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        resume_encode(&b, &pin, msg->version, ofctl_xid(m->conn));
        ofctl_send(m->conn, &b);
        bytebuf_fini(&b);
    }
}

static void take_message(struct monitor *m, const uint8_t *raw, size_t len)
{
    struct ofp_msg msg;
    print_message(m, "", raw, len);
    if (ofp_msg_decode(raw, len, &msg)) {
        return;
    }
    if (msg.type == OFPTYPE_BARRIER_REPLY && m->barrier && msg.xid == m->barrier_xid) {
        control_reply(m->barrier, NULL);
        m->barrier = NULL;
    } else if (msg.type == OFPTYPE_ECHO_REQUEST && m->answers) {
        struct bytebuf b = BYTEBUF_INITIALIZER;
        bytebuf_put(&b, raw, len);
        b.data[1] = 3;
        ofctl_send(m->conn, &b);
        bytebuf_fini(&b);
    } else if (msg.type == OFPTYPE_PACKET_IN && m->resume) {
        resume_packet(m, &msg);
    }
}

static void monitor_run(struct monitor *m)
{
    char *error;
    m->server = control_server_create(ofctl_loop(m->conn), ofctl_options.unixctl, &error);
    if (!m->server) {
        error_fatal("failed to create control socket: %s", error);
    }
    control_register(m->server, control_commands, ARRAY_SIZE(control_commands), m);
    /* What is seen goes to the terminal or file that there was, in the background, too. */
    int fd = dup(STDERR_FILENO);
    daemon_ready();
    if (fd >= 0) {
        dup2(fd, STDERR_FILENO);
        close(fd);
    }
    while (!m->exiting) {
        const uint8_t *msg;
        size_t len;
        int e = m->blocked ? EAGAIN : ofctl_try_recv(m->conn, &msg, &len);
        if (!e) {
            take_message(m, msg, len);
        } else if (e != EAGAIN) {
            /* The reference says EOF the same way; to be watched is no error. */
            fprintf(stderr, "%s: connection closed (%s)\n", ofctl_target(m->conn),
                    e < 0 ? "End of file" : strerror(e));
            break;
        } else {
            ofctl_wait(m->conn, !m->blocked);
        }
    }
    /* The answer to "exit" leaves with the loop's next turns. */
    for (int i = 0; i < 3; i++) {
        loop_turn(ofctl_loop(m->conn), false);
    }
    control_server_destroy(m->server);
}

void ofctl_snoop(int argc, char **argv)
{
    daemon_start(argc, argv);
    struct monitor m = {.conn = ofctl_connect_suffix(argv[1], "snoop", true)};
    monitor_run(&m);
    ofctl_close(m.conn);
}

static void request_watch(struct ofctl_conn *c, const char *spec)
{
    struct flow_monitor_request q;
    struct bytebuf b = BYTEBUF_INITIALIZER;
    uint32_t usable;
    ofctl_check(flow_monitor_request_parse(&q, spec, ofctl_names(c, false), &usable));
    size_t start = ofp_msg_begin(&b, OFPTYPE_FLOW_MONITOR_REQUEST, ofctl_version(c), ofctl_xid(c));
    flow_monitor_request_encode(&b, &q, ofctl_version(c));
    ofp_msg_end(&b, start);
    ofctl_dump_print(c, &b, ofctl_names(c, true)); /* what is there already */
    fflush(stdout);
    bytebuf_fini(&b);
}

/* The wanted format; without one, the richest that the switch has. */
static void request_packet_in_format(struct ofctl_conn *c)
{
    struct bytebuf b = BYTEBUF_INITIALIZER;
    uint32_t want = ofctl_options.packet_in_format;
    for (int format = want == UINT32_MAX ? 2 : (int)want; format >= 0; format--) {
        size_t at = ofp_msg_begin(&b, OFPTYPE_SET_PACKET_IN_FORMAT, ofctl_version(c), ofctl_xid(c));
        put_u32(&b, format);
        ofp_msg_end(&b, at);
        if (ofctl_transact_mods(c, &b) || want != UINT32_MAX) {
            break;
        }
    }
    bytebuf_fini(&b);
}

void ofctl_monitor(int argc, char **argv)
{
    daemon_start(argc, argv);
    struct monitor m = {.conn = ofctl_connect(argv[1]), .answers = true};
    bool formatted = false;
    for (int i = 2; i < argc; i++) {
        uint16_t flags, miss;
        const char *arg = argv[i];
        if (!strcmp(arg, "invalid_ttl")) {
            ofctl_get_config(m.conn, &flags, &miss);
            ofctl_set_config(m.conn, flags | 4, miss);
        } else if (!strncmp(arg, "watch:", 6)) {
            if (!formatted) {
                request_packet_in_format(m.conn);
                formatted = true;
            }
            request_watch(m.conn, arg + 6);
        } else if (!strcmp(arg, "resume")) {
            /* Continuations come in one format alone. */
            m.resume = true;
            ofctl_options.packet_in_format = 2;
        } else if (*arg && arg[strspn(arg, "0123456789")] == '\0') {
            ofctl_get_config(m.conn, &flags, &miss);
            ofctl_set_config(m.conn, flags, strtoul(arg, NULL, 10));
        } else {
            error_fatal("%s: unsupported \"monitor\" argument", arg);
        }
    }
    if (!formatted) {
        request_packet_in_format(m.conn);
    }
    monitor_run(&m);
    ofctl_close(m.conn);
}
