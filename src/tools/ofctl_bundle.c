/* SPDX-License-Identifier: Apache-2.0 */
/* ofctl: bundles. Requests go out in a stream and are answered as the switch likes; what is an error is held
 * against the request that has its xid. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openflow/bundle_codec.h"
#include "tools/ofctl.h"

#define BUNDLE_ID 0u
#define SEND_AT   (64u * 1024)

static uint32_t put_control(struct ofctl_conn *c, struct bytebuf *b, enum bundle_control_type type)
{
    struct bundle_control bc = {
        .bundle_id = BUNDLE_ID, .type = type, .flags = BUNDLE_ATOMIC | BUNDLE_ORDERED};
    uint32_t xid = ofctl_xid(c);
    if (type == BUNDLE_COMMIT_REQUEST && ofctl_options.bundle_at.seconds) {
        bc.flags |= BUNDLE_TIME;
        bc.has_time = true;
        bc.time = ofctl_options.bundle_at;
    }
    bundle_control_encode(b, &bc, ofctl_version(c), xid);
    return xid;
}

/* The message of the bundle, or the control message (the last one sent), that bears XID. */
static const uint8_t *find_request(const struct ofctl_bundle *t, uint32_t xid, size_t *len)
{
    for (size_t at = 0; at < t->messages.len; at += *len) {
        const uint8_t *m = t->messages.data + at;
        *len = ofp_msg_len(m);
        if (ntohl(get_be32(m + 4)) == xid) {
            return m;
        }
    }
    return NULL;
}

static void print_error(const struct ofctl_bundle *t, const struct bytebuf *control, const uint8_t *msg,
                        size_t len)
{
    struct ofp_print opt = {.verbosity = ofctl_options.verbosity + 1, .palette = ofctl_options.palette};
    struct ofp_msg m;
    struct ofperr_wire w;
    struct reader payload;
    enum ofperr error = ofp_msg_decode(msg, len, &m) ? OFPERR_NONE : ofp_error_decode(&m, &w, &payload);
    if (!error) {
        char *text = ofp_to_string(msg, len, &opt);
        fprintf(stderr, "Error %s", text);
        free(text);
        return;
    }
    size_t n;
    const uint8_t *request = find_request(t, m.xid, &n);
    if (!request) {
        request = control->data;
        n = control->len;
    }
    char *text = ofp_to_string(request, n, &opt);
    fprintf(stderr, "Error %s for: %s", ofperr_name(error), text);
    free(text);
}

/* Takes what the switch says until the answer to XID is there; false if any of it is an error. */
static bool take_answers(struct ofctl_bundle *t, const struct bytebuf *control, uint32_t xid)
{
    const struct bytebuf *stray = ofctl_stray(t->conn);
    for (size_t at = 0; at < stray->len; at += ofp_msg_len(stray->data + at)) {
        print_error(t, control, stray->data + at, ofp_msg_len(stray->data + at));
    }
    bool ok = !stray->len;
    for (;;) {
        const uint8_t *msg;
        size_t len;
        if (!ofctl_recv(t->conn, &msg, &len)) {
            error_fatal("%s: failed to receive packet (End of file)", ofctl_target(t->conn));
        }
        if (msg[1] == 1) {
            print_error(t, control, msg, len);
            ok = false;
        }
        if (ntohl(get_be32(msg + 4)) == xid) {
            return ok;
        }
    }
}

static _Noreturn void give_up(struct ofctl_bundle *t)
{
    error_fatal("talking to %s (%s)", ofctl_stream(t->conn), strerror(EPROTO));
}

static void open_bundle(struct ofctl_bundle *t)
{
    struct bytebuf control = BYTEBUF_INITIALIZER, out = BYTEBUF_INITIALIZER;
    uint32_t xid = put_control(t->conn, &control, BUNDLE_OPEN_REQUEST);
    bytebuf_put(&out, control.data, control.len);
    ofctl_send(t->conn, &out);
    if (!take_answers(t, &control, xid)) {
        give_up(t);
    }
    t->is_open = true;
    bytebuf_fini(&out);
    bytebuf_fini(&control);
}

/* Messages that have not gone out do. */
static void send_messages(struct ofctl_bundle *t)
{
    struct bytebuf out = BYTEBUF_INITIALIZER;
    if (!t->is_open) {
        open_bundle(t);
    }
    for (size_t n; t->sent < t->messages.len; t->sent += n) {
        const uint8_t *m = t->messages.data + t->sent;
        n = ofp_msg_len(m);
        size_t start =
            ofp_msg_begin(&out, OFPTYPE_BUNDLE_ADD_MESSAGE, ofctl_version(t->conn), ntohl(get_be32(m + 4)));
        put_u32(&out, BUNDLE_ID);
        put_u16(&out, 0);
        put_u16(&out, BUNDLE_ATOMIC | BUNDLE_ORDERED);
        bytebuf_put(&out, m, n);
        ofp_msg_end(&out, start);
        ofctl_must_fit(&out, start);
        if (out.len >= SEND_AT) {
            ofctl_send(t->conn, &out);
        }
    }
    ofctl_send(t->conn, &out);
    bytebuf_fini(&out);
}

void ofctl_bundle_add(struct ofctl_bundle *t, const void *message, size_t len)
{
    size_t before = t->messages.len;
    bytebuf_put(&t->messages, message, len);
    ofctl_must_fit(&t->messages, before);
    if (t->streams && t->messages.len - t->sent >= SEND_AT) {
        send_messages(t);
    }
}

void ofctl_bundle_run(struct ofctl_bundle *t)
{
    struct bytebuf control = BYTEBUF_INITIALIZER, out = BYTEBUF_INITIALIZER;
    send_messages(t);
    uint32_t xid = put_control(t->conn, &control, BUNDLE_COMMIT_REQUEST);
    bytebuf_put(&out, control.data, control.len);
    ofctl_send(t->conn, &out);
    if (!take_answers(t, &control, xid)) {
        give_up(t);
    }
    bytebuf_fini(&out);
    bytebuf_fini(&control);
    bytebuf_fini(&t->messages);
}
