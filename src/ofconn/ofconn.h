/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. OpenFlow sessions of a bridge: who is connected, in which version, with which formats.
 *
 *   service.c  where a bridge is reached: its listeners and the sessions that came in by them
 *   bundle.c   messages that wait to be committed together
 *   ofconn.c   one session: hello, frames, replies, errors; what concerns the session alone is answered here
 *
 * What concerns the switch is answered by the handlers that its owner binds, one for each type of message.
 *
 * Ownership: a service owns its listeners and sessions; ofservice_destroy() ends them all. A session that
 * fails ends itself. Thread-safety: the thread of the loop alone. */
#ifndef OFCONN_OFCONN_H
#define OFCONN_OFCONN_H 1

#include "openflow/misc_codec.h"
#include "openflow/msg.h"
#include "openflow/packet_codec.h"

struct loop;
struct ofconn;
struct ofservice;

/* Handles one message. An error is sent back about it. SWITCH is what the service was created with. */
typedef enum ofperr ofconn_handler(struct ofconn *, const struct ofp_msg *, void *switch_);

/* By type; NULL: the switch does not know that message (OFPBRC_BAD_TYPE, or BAD_STAT for a multipart). */
struct ofconn_handlers {
    ofconn_handler *handle[N_OFPTYPES];
    /* All messages that came in one turn were handled: time for what can be done once for many. May be NULL.
     */
    void (*settle)(void *switch_);
    /* The flow mods in MESSAGES, one after the other, take effect all at once, or none. On an error *FAILED
     * is where the message begins that is at fault. NULL: no bundles. */
    enum ofperr (*commit)(struct ofconn *, const struct bytebuf *messages, void *switch_, size_t *failed);
    /* The session ends: what ofconn_state() holds is to be freed, what is kept for it elsewhere forgotten.
     * May be NULL. */
    void (*closed)(struct ofconn *, void *switch_);
    /* All that waited to be sent has been sent (flow monitors that paused go on). May be NULL. */
    void (*drained)(struct ofconn *, void *switch_);
};

/* HANDLERS is kept, not copied. VERSIONS: bits (OFP_VERSION_BIT) that may be negotiated. */
struct ofservice *ofservice_create(const char *name, struct loop *, const struct ofconn_handlers *,
                                   void *switch_);
void ofservice_destroy(struct ofservice *); /* NULL is legal */
/* Sessions in a version that is no longer allowed end. */
void ofservice_set_versions(struct ofservice *, unsigned versions);
/* Listens on the Unix socket FILE too. An errno; EADDRINUSE: somebody alive holds it. */
int ofservice_listen_unix(struct ofservice *, const char *file);
/* Is some session connected that could be sent a message? */
size_t ofservice_n_sessions(const struct ofservice *);

const char *ofconn_name(const struct ofconn *);
enum ofp_version ofconn_version(const struct ofconn *);
/* One bit of OFPROTO_*: the version, with the formats that OpenFlow 1.0 leaves to choose. */
uint32_t ofconn_protocol(const struct ofconn *);
/* What the session's SET_CONFIG said last. */
struct switch_config *ofconn_config(struct ofconn *);

/* Unique in the process, never given again. */
uint64_t ofconn_id(const struct ofconn *);
/* What the handlers keep for this session; see `closed` above. NULL at first. */
void *ofconn_state(const struct ofconn *);
void ofconn_set_state(struct ofconn *, void *);
/* Bytes that wait to be sent. */
size_t ofconn_backlog(const struct ofconn *);
/* Every session that has said hello; EACH may send, but not end sessions. */
void ofservice_for_each(struct ofservice *, void (*each)(struct ofconn *, void *aux), void *aux);

/* ------------------------------------------------------------------ asynchronous messages */

/* Appends MESSAGE as this session is to get it (by its version and protocol), one or more whole messages; or
 * nothing, where the version has no such message. */
typedef void ofconn_encoder(struct ofconn *, struct bytebuf *, const void *message);

/* Does the session, in its role, want messages of TYPE with REASON? */
bool ofconn_wants(const struct ofconn *, enum async_type, unsigned reason);
/* To every session that wants it, but EXCEPT (may be NULL). May be called at any time on the loop's thread,
 * in a handler too: what the handler has put into ofconn_out() goes out first. */
void ofservice_send_async(struct ofservice *, enum async_type, unsigned reason, const struct ofconn *except,
                          ofconn_encoder *, const void *message);
/* To this one, whatever it said that it wants. A session whose peer does not read is ended when its backlog
 * passes 16 MiB; that happens later, never in this call. */
void ofconn_send(struct ofconn *, ofconn_encoder *, const void *message);

/* ------------------------------------------------------------------ replies */

/* Where a reply is put: messages appended here are sent when the handler has returned. */
struct bytebuf *ofconn_out(struct ofconn *);
/* An empty message of TYPE as the answer to REQUEST; for messages with a body begin and end one yourself. */
void ofconn_reply_empty(struct ofconn *, enum ofptype, const struct ofp_msg *request);

/* A multipart reply of as many messages as it takes: begin; for each record encode it into ofconn_out(), then
 * call next; end. */
struct ofconn_multipart {
    struct ofconn *conn;
    const struct ofp_msg *request;
    enum ofptype type;
    size_t start, header, record;
    bool nx;
};
void ofconn_multipart_begin(struct ofconn_multipart *, struct ofconn *, enum ofptype,
                            const struct ofp_msg *request);
void ofconn_multipart_next(struct ofconn_multipart *);
void ofconn_multipart_end(struct ofconn_multipart *);

#endif
