/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6. OpenFlow sessions of a bridge: who is connected, in which version, with which formats.
 *
 *   service.c     where a bridge is reached: its sockets, and the sessions that came in by them
 *   controller.c  the targets of Controller rows: connecting, back-off, listening, status
 *   ofconn.c      one session: hello, frames, replies, errors, probes
 *   request.c     requests that concern the session alone
 *   multipart.c   requests in several parts
 *   role.c        who is primary, who secondary
 *   controller_status.c  who there is, told to controllers of OpenFlow 1.5
 *   async.c       messages that nobody asked for: who gets which
 *   packet_in.c   packets for controllers: their limits and queues (limiter.c)
 *   fail_open.c   the switch that forwards by itself while no controller answers
 *   in_band.c     the rules that let controllers be reached through the bridge itself
 *   snoop.c       onlookers at a controller's session
 *   bundle.c      messages that wait to be committed together
 *
 * What concerns the switch is answered by the handlers that its owner binds, one for each type of message.
 *
 * Ownership: a service owns its listeners and sessions; ofservice_destroy() ends them all. A session that
 * fails ends itself. Thread-safety: the thread of the loop alone. */
#ifndef OFCONN_OFCONN_H
#define OFCONN_OFCONN_H 1

#include "flow/match.h"
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
    /* All messages that came in one turn were handled, or a reply is to say that they took effect: time for
     * what can be done once for many. Returns 0 if all is done; else what is under way, a number that
     * is_settled() knows: replies that wait for it are held back, with all that follows them, until
     * ofservice_settled() finds it done; messages are handled meanwhile. Both may be NULL. */
    uint64_t (*settle)(void *switch_);
    bool (*is_settled)(void *switch_, uint64_t under_way);
    /* What is wrong with a message that is put into a bundle, as far as can be said before. *PREPARED, NULL
     * before, may become what is done for it in advance: `commit` or `forget_bundled` takes that. PREPARED
     * NULL: nothing is to be. */
    enum ofperr (*check_bundled)(struct ofconn *, const struct ofp_msg *, void *switch_, void **prepared);
    void (*forget_bundled)(void *prepared);
    /* The MESSAGES of a bundle, one after the other, take effect all at once, or none; PREPARED has what was
     * prepared for each, and NULL afterwards for what was taken. On an error *FAILED is where the message
     * begins that is at fault. NULL: no bundles. */
    enum ofperr (*commit)(struct ofconn *, const struct bytebuf *messages, void **prepared, void *switch_,
                          size_t *failed);
    /* The rule of the switch itself that MATCH and PRIORITY name, hidden from OpenFlow: it is there from now
     * on, treating packets as NORMAL does (set_queue first if QUEUE is not -1), or it is not. May be NULL. */
    void (*hidden_rule)(void *switch_, const struct match *, int priority, int queue, bool there);
    /* All rules that are not hidden go, and all groups and meters. May be NULL. */
    void (*flush)(void *switch_);
    /* Some session wants the packets that no rule matches, or none does any more. May be NULL. */
    void (*miss_wanted)(void *switch_, bool wanted);
    /* The session ends: what ofconn_state() holds is to be freed, what is kept for it elsewhere forgotten.
     * May be NULL. */
    void (*closed)(struct ofconn *, void *switch_);
    /* All that waited to be sent has been sent (flow monitors that paused go on). May be NULL. */
    void (*drained)(struct ofconn *, void *switch_);
};

/* HANDLERS is kept, not copied. */
struct ofservice *ofservice_create(const char *name, struct loop *, const struct ofconn_handlers *,
                                   void *switch_);
/* Something that settle() spoke of has been done: held replies go out. */
void ofservice_settled(struct ofservice *);
void ofservice_destroy(struct ofservice *); /* NULL is legal */
/* VERSIONS: bits (OFP_VERSION_BIT) that may be negotiated. Sessions in another one end. */
void ofservice_set_versions(struct ofservice *, unsigned versions);
/* A bundle to which nothing happens for so long is forgotten. 0: the usual 10 s. */
void ofservice_set_bundle_idle(struct ofservice *, int64_t idle_ms);
/* The sockets that are always there, in DIRECTORY: BRIDGE.mgmt for requests, BRIDGE.snoop for onlookers. What
 * cannot be listened on is logged. */
void ofservice_listen_local(struct ofservice *, const char *directory);

/* ------------------------------------------------------------------ controllers */

/* A Controller row. */
struct ofcontroller_settings {
    const char *target; /* active tcp: ssl: unix:, passive ptcp: pssl: punix: */
    bool service;       /* not a primary controller: fail modes do not look at it */
    bool in_band;       /* reached through the bridge itself */
    bool async;         /* gets asynchronous messages without asking for them */
    int max_backoff_ms; /* 1000 and more */
    int probe_ms;       /* 0: no probes */
    int rate_limit;     /* packet-ins a second of each kind; 0: no limit */
    int burst_limit;    /* as many wait for the limit; 0: a quarter of it */
    int queue_size;     /* packet-ins that wait to be sent */
    uint8_t dscp;
};
/* Default of `dscp`. */
#define OFCONTROLLER_DSCP 48

/* The N controllers there are from now on. A target that was there and is the same type keeps its
 * connection; settings hold at once. */
void ofservice_set_controllers(struct ofservice *, const struct ofcontroller_settings *, size_t n);
/* Ends every session, and makes each connection to a controller again at once. */
void ofservice_reconnect(struct ofservice *);
bool ofservice_has_primary(const struct ofservice *);

/* Packet-ins and the limit, of one kind. */
struct ofcontroller_counts {
    uint64_t bypassed, queued, dropped, backlog;
};
struct ofcontroller_status {
    bool is_connected;
    enum ofp_role role;        /* ROLE_NOCHANGE: not connected */
    const char *state;         /* "ACTIVE", "IDLE", "BACKOFF" ... NULL: none (passive) */
    char last_error[128];      /* "": none */
    int64_t sec_since_connect; /* -1: never */
    int64_t sec_since_disconnect;
    bool limited; /* there is a rate limit: the counts are there */
    struct ofcontroller_counts miss, action;
};
/* False: there is no such target. */
bool ofservice_controller_status(const struct ofservice *, const char *target, struct ofcontroller_status *);
/* CHANGED is called when what the status says other than seconds and counts has changed. */
void ofservice_on_status(struct ofservice *, void (*changed)(void *aux), void *aux);

/* STANDALONE: with primary controllers of which none answers for three probe intervals, the switch forwards
 * by itself until one does. */
void ofservice_set_fail_mode(struct ofservice *, bool standalone);

struct ofin_band_settings {
    bool enabled;
    int queue;                              /* -1: none */
    struct eth_addr mac;                    /* the local port's */
    const char *device;                     /* the local port's device on the host, NULL: none */
    const struct ofin_band_remote *remotes; /* besides the controllers: the database's managers */
    size_t n_remotes;
};
struct ofin_band_remote {
    be32 ip;
    uint16_t port;
};
void ofservice_set_in_band(struct ofservice *, const struct ofin_band_settings *);

const char *ofconn_name(const struct ofconn *);
enum ofp_version ofconn_version(const struct ofconn *);
/* One bit of OFPROTO_*: the version, with the formats that OpenFlow 1.0 leaves to choose. */
uint32_t ofconn_protocol(const struct ofconn *);
/* What the session's SET_CONFIG said last. */
struct switch_config *ofconn_config(struct ofconn *);
void ofconn_set_config(struct ofconn *, const struct switch_config *);

/* Unique in the process, never given again. */
uint64_t ofconn_id(const struct ofconn *);
/* What the handlers keep for this session; see `closed` above. NULL at first. */
void *ofconn_state(const struct ofconn *);
void ofconn_set_state(struct ofconn *, void *);
/* Is it a session of a controller, and not one of BRIDGE.mgmt, where tools ask? */
bool ofconn_is_controller(const struct ofconn *);
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

/* A packet for the controllers. */
struct ofpacket_in {
    struct packet_in pin; /* as one that gets all of it: each version's own words are chosen on sending */
    uint16_t controller_id;
    uint16_t max_len; /* of the action; unused as long as nothing is buffered: packets go whole */
};
/* To each session that wants it, within its limits: what does not fit is dropped and counted. Copies. */
void ofservice_send_packet_in(struct ofservice *, const struct ofpacket_in *);

/* ------------------------------------------------------------------ replies */

/* Where a reply is put: messages appended here are sent when the handler has returned. */
struct bytebuf *ofconn_out(struct ofconn *);
/* An empty message of TYPE as the answer to REQUEST; for messages with a body begin and end one yourself. */
void ofconn_reply_empty(struct ofconn *, enum ofptype, const struct ofp_msg *request);

/* A multipart reply of as many messages as it takes: begin; for each record encode it into ofconn_out(), then
 * call next; end. A record that fits into no message is left out, and an error instead of the last message
 * says that the reply is not complete. */
struct ofconn_multipart {
    struct ofconn *conn;
    const struct ofp_msg *request;
    enum ofptype type;
    size_t start, header, record;
    bool nx, incomplete;
};
void ofconn_multipart_begin(struct ofconn_multipart *, struct ofconn *, enum ofptype,
                            const struct ofp_msg *request);
void ofconn_multipart_next(struct ofconn_multipart *);
/* What follows goes into a message of its own. */
void ofconn_multipart_part(struct ofconn_multipart *);
void ofconn_multipart_end(struct ofconn_multipart *);

#endif
