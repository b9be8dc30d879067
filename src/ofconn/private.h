/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 6, for ofconn/ itself. */
#ifndef OFCONN_PRIVATE_H
#define OFCONN_PRIVATE_H 1

#include "base/list.h"
#include "io/loop.h"
#include "io/stream.h"
#include "ofconn/ofconn.h"

struct ofservice {
    char *name; /* the bridge's */
    struct loop *loop;
    const struct ofconn_handlers *handlers;
    void *switch_;
    unsigned versions;
    struct listener *listener;
    struct list conns;
};

struct ofconn {
    struct list node; /* in the service's */
    struct ofservice *service;
    struct stream *stream;
    uint64_t id;
    void *state;              /* the handlers' */
    enum ofp_version version; /* 0: no hello yet */
    bool nxm, tid;            /* OpenFlow 1.0: Nicira's flow format; table ids in flow mods */
    enum packet_in_format packet_in_format;
    uint16_t controller_id;
    enum ofp_role role;
    struct async_config async;
    struct switch_config config;
    struct list bundles;
    struct bytebuf in, out;
    size_t sent;      /* of `out` */
    bool in_handler;  /* ready() sends when the handler has returned */
    bool was_full;    /* something waited: `drained` is to be called */
    struct task soon; /* sends what was put into `out` outside of a handler */
};

/* Takes over STREAM, which is connected. */
void ofconn_create(struct ofservice *, struct stream *);
void ofconn_destroy(struct ofconn *);

enum ofperr ofconn_bundle_control(struct ofconn *, const struct ofp_msg *);
enum ofperr ofconn_bundle_add(struct ofconn *, const struct ofp_msg *);
void ofconn_bundles_clear(struct ofconn *);

#endif
