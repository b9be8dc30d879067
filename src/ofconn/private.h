/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6, for ofconn/ itself. */
#ifndef OFCONN_PRIVATE_H
#define OFCONN_PRIVATE_H 1

#include "base/list.h"
#include "io/loop.h"
#include "io/reconnect.h"
#include "io/stream.h"
#include "ofconn/limiter.h"
#include "ofconn/ofconn.h"
#include "openflow/bundle_codec.h"

struct in_band;

#define N_LIMITERS 2 /* packets without a rule; packets that an action sends */

/* A Controller row's target. */
struct ofcontroller {
    struct list node; /* in the service's */
    struct ofservice *service;
    char *target;
    struct ofcontroller_settings s; /* `target` is the one above */
    bool passive;
    /* Active: connecting, or the session that there is. */
    char *name; /* for logs: BRIDGE<->TARGET */
    struct reconnect state;
    struct stream *connecting;
    struct ofconn *conn;
    struct task due;
    int last_error;
    int64_t connected_ms, disconnected_ms; /* the last time, INT64_MIN: never */
    int64_t created_ms, admitted_ms;       /* admitted: a controller that does a controller's work */
    bool admitted;                         /* in this connection */
    /* Passive. */
    struct listener *listener;
    char *listen_error; /* as it was logged */
    struct task listen_again;
};

struct fail_open {
    bool standalone, active;
    int64_t bogus_ms; /* when to send the next bogus packet-in; INT64_MAX: none to be sent */
    struct task due;
};

struct ofservice {
    char *name; /* the bridge's */
    struct loop *loop;
    const struct ofconn_handlers *handlers;
    void *switch_;
    unsigned versions;
    struct listener *mgmt, *snoop;
    struct list controllers; /* struct ofcontroller */
    struct list conns;       /* struct ofconn */
    struct list snoopers;    /* struct ofconn that only look on */
    void (*status_changed)(void *aux);
    void *status_aux;
    bool has_generation; /* of the election of a primary */
    uint64_t generation;
    bool miss_wanted;
    struct fail_open fail_open;
    struct in_band *in_band; /* NULL: off */
    int64_t bundle_idle_ms;
};

/* Packet-ins that wait in `out`, by where they end. */
struct pin_ends {
    uint64_t *ends; /* bytes since the session began; a ring */
    unsigned first, n, size;
};

/* A reply in `out` that is not to be sent yet, nor what is behind it. */
struct ofconn_hold {
    struct list node;
    uint64_t at;        /* where it begins: bytes since the session began */
    uint64_t under_way; /* what it waits for */
};

struct ofconn {
    struct list node; /* in the service's conns, or snoopers */
    struct ofservice *service;
    /* Whose session it is; a snooper's: whose sessions it sees. NULL: came by BRIDGE.mgmt. */
    struct ofcontroller *controller;
    char *name; /* for logs: BRIDGE<->TARGET */
    struct stream *stream;
    uint64_t id;
    void *state; /* the handlers' */
    bool primary, is_snooper;
    enum ofp_version version; /* 0: no hello yet */
    bool nxm, tid;            /* OpenFlow 1.0: Nicira's flow format; table ids in flow mods */
    enum packet_in_format packet_in_format;
    uint16_t controller_id;
    uint16_t short_id; /* that the controller gave itself, 1.5; 0: none */
    enum ofp_role role;
    struct async_config async;
    struct switch_config config;
    struct list bundles;
    int64_t max_future_ms, max_past_ms; /* how far off the time of a commit may be */
    struct list requests;               /* of which parts are missing: multipart.c */
    size_t requests_size;
    struct task request_due;
    /* Bytes. */
    struct bytebuf in, out;
    size_t sent;        /* of `out` */
    uint64_t out_bytes; /* that left `out` before */
    uint64_t replied;   /* where the last reply ended: bytes since the session began */
    bool stalled;       /* the stream takes no more for now */
    struct list holds;  /* struct ofconn_hold, in the order of the bytes */
    bool in_handler;    /* ready() sends when the handler has returned */
    bool had_turn;      /* there may be more whole messages in `in` */
    bool was_full;      /* something waited: `drained` is to be called */
    bool is_ending;     /* at the next turn */
    int end_error;      /* why it ended: an errno, ERROR_EOF or 0 */
    struct task soon;   /* sends what was put into `out` outside of a handler */
    /* Packet-ins. */
    struct pin_ends pins;
    struct limiter *limiters[N_LIMITERS]; /* NULL: no limit */
    struct task limit_due;
    uint64_t n_overflows; /* that found the queue of `out` full */
    /* Is the other side alive? */
    int probe_ms; /* 0: never mind */
    int64_t last_received_ms;
    bool probed;
    struct task probe;
    unsigned n_snoopers; /* of this session: they have seen `out` up to here */
    size_t snooped;
};

/* A session whose peer does not take what it is sent unasked is ended here. */
#define OFCONN_BACKLOG_MAX (16u << 20)

/* --- ofconn.c --- */
/* Takes over STREAM, which is connected. CONTROLLER may be NULL. SNOOPER: an onlooker, which only receives.
 * The session may have ended when it returns. */
void ofconn_create(struct ofservice *, struct ofcontroller *, struct stream *, bool snooper);
void ofconn_destroy(struct ofconn *);
/* Ends the session soon, but not now: where its memory may still be in use. */
void ofconn_end_soon(struct ofconn *);
/* Bytes of `out` behind the last reply, which nobody asked for. */
size_t ofconn_unasked(const struct ofconn *);
/* Something was put into `out` outside of a handler. */
void ofconn_send_soon(struct ofconn *);
void ofconn_set_probe(struct ofconn *, int interval_ms);

/* --- request.c --- */
typedef enum ofperr own_handler(struct ofconn *, const struct ofp_msg *);
/* NULL: it does not concern the session alone. */
own_handler *ofconn_own_handler(enum ofptype);

/* --- role.c --- */
own_handler ofconn_role_request;

/* --- async.c --- */
/* What a session gets before it says anything, known once its version is. */
void ofconn_async_default(struct ofconn *);
/* Whether some session wants packets without a rule may have changed. */
void ofservice_check_miss_wanted(struct ofservice *);

/* --- packet_in.c --- */
void ofconn_packet_in_init(struct ofconn *);
void ofconn_packet_in_limits(struct ofconn *, const struct ofcontroller_settings *);
void ofconn_packet_in_fini(struct ofconn *);
void ofconn_packet_in_counts(const struct ofconn *, struct ofcontroller_status *);
bool ofconn_send_bogus_packet_in(struct ofconn *);

/* --- controller.c --- */
void controller_destroy(struct ofcontroller *);
/* The session's version is agreed on. */
void controller_connected(struct ofcontroller *, struct ofconn *);
void controller_received(struct ofcontroller *, enum ofptype);
/* The session ends; it is still whole. */
void controller_disconnected(struct ofcontroller *, struct ofconn *);
/* How long the controller has not done its work. 0: it does. */
int64_t controller_failure_ms(const struct ofcontroller *);
void ofservice_status_changed(struct ofservice *);

/* --- controller_status.c --- */
own_handler ofconn_controller_status;
/* Something happened to a controller (NULL: to none), or to C, its session (NULL: it has none). IS_UP false:
 * that ends. */
void controller_status_changed(const struct ofcontroller *, const struct ofconn *c, bool is_up,
                               enum controller_status_reason);

/* --- fail_open.c --- */
void fail_open_init(struct ofservice *);
void fail_open_fini(struct ofservice *);
/* Something happened that may bring it about or end it. */
void fail_open_check(struct ofservice *);

/* --- in_band.c --- */
void in_band_destroy(struct ofservice *);
/* The set of controllers has changed. */
void in_band_update(struct ofservice *);

/* --- snoop.c --- */
/* Of a service's list, those who look at CONTROLLER end. */
void snoop_end_all(struct ofservice *, const struct ofcontroller *);
/* A session begins: those who look at its controller see it from here on. */
void snoop_begin(struct ofconn *);
void snoop_accepted(struct stream *, void *service);
/* What C has been sent since the last time. */
void snoop_sent(struct ofconn *c);
/* What it received. */
void snoop_copy(struct ofconn *, const uint8_t *data, size_t len);
/* The snooper ends. */
void snoop_end(struct ofconn *);

/* --- bundle.c --- */
own_handler ofconn_bundle_control, ofconn_bundle_add, ofconn_bundle_features;
void ofconn_bundles_init(struct ofconn *);
void ofconn_bundles_clear(struct ofconn *);

/* --- multipart.c --- */
void ofconn_requests_init(struct ofconn *);
void ofconn_requests_clear(struct ofconn *);
/* A message may be a part of a multipart request: it is kept, and *COMPLETE false, unless it is all of a
 * request, or the last part: then its body becomes that of all parts, which is put into WHOLE. */
enum ofperr ofconn_assemble(struct ofconn *, struct ofp_msg *, struct bytebuf *whole, bool *complete);

/* What was done so far is to take effect, and the reply that is put into `out` next says that it has. */
void ofconn_reply_when_settled(struct ofconn *);

#endif
