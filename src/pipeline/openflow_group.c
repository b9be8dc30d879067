/* SPDX-License-Identifier: Apache-2.0 */
/* Groups over OpenFlow: mods, descriptions, statistics, features. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "openflow/group_codec.h"
#include "pipeline/change.h"
#include "pipeline/group.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/slow_path.h"

enum ofperr openflow_group_mod(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    struct group_mod gm;
    enum ofperr error = group_mod_decode(m, &gm);
    if (error) {
        return error;
    }
    struct change change;
    change_init(&change, ofproto, false);
    change.asker = c;
    change.xid = m->xid;
    error = change_group_mod(&change, &gm);
    if (error) {
        change_revert(&change);
    } else {
        change_commit(&change);
        openflow_forward_request(ofproto, c, m);
    }
    group_mod_fini(&gm);
    return error;
}

struct group_reply {
    struct ofconn *conn;
    const struct ofp_msg *request;
    struct ofconn_multipart reply;
    uint32_t wanted;
    int64_t now;
};

static void describe(const struct group *g, void *reply_)
{
    struct group_reply *r = reply_;
    if (r->wanted == OFPG_ALL || r->wanted == g->s.group_id) {
        group_desc_encode(ofconn_out(r->conn), &g->s, r->request->version);
        ofconn_multipart_next(&r->reply);
    }
}

enum ofperr openflow_group_desc(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct group_reply r = {.conn = c, .request = m};
    enum ofperr error = group_request_decode(m, &r.wanted);
    if (error) {
        return error;
    }
    ofconn_multipart_begin(&r.reply, c, OFPTYPE_GROUP_DESC_REPLY, m);
    ofproto_group_for_each(ofproto, describe, &r);
    ofconn_multipart_end(&r.reply);
    return OFPERR_NONE;
}

static void count(const struct group *g, void *reply_)
{
    struct group_reply *r = reply_;
    if (r->wanted != OFPG_ALL && r->wanted != g->s.group_id) {
        return;
    }
    int64_t lived = r->now - g->created_ms;
    struct group_stats s = {
        .group_id = g->s.group_id,
        .ref_count = g->n_rules,
        .duration_sec = (uint32_t)(lived / 1000),
        .duration_nsec = (uint32_t)(lived % 1000) * 1000000u,
        .n_buckets = g->s.n_buckets,
        .packet_count = __atomic_load_n(&g->counts[g->s.n_buckets].packets, __ATOMIC_RELAXED),
        .byte_count = __atomic_load_n(&g->counts[g->s.n_buckets].bytes, __ATOMIC_RELAXED),
        .buckets = xcalloc(g->s.n_buckets + 1, sizeof *s.buckets),
    };
    for (size_t i = 0; i < s.n_buckets; i++) {
        s.buckets[i].packet_count = __atomic_load_n(&g->counts[i].packets, __ATOMIC_RELAXED);
        s.buckets[i].byte_count = __atomic_load_n(&g->counts[i].bytes, __ATOMIC_RELAXED);
    }
    group_stats_encode(ofconn_out(r->conn), &s, r->request->version);
    ofconn_multipart_next(&r->reply);
    free(s.buckets);
}

enum ofperr openflow_group_stats(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    struct group_reply r = {.conn = c, .request = m, .now = clock_ms()};
    enum ofperr error = group_request_decode(m, &r.wanted);
    if (error) {
        return error;
    }
    slow_path_refresh_stats(ofproto->backer->slow_path); /* the datapath's counters */
    ofconn_multipart_begin(&r.reply, c, OFPTYPE_GROUP_REPLY, m);
    ofproto_group_for_each(ofproto, count, &r);
    ofconn_multipart_end(&r.reply);
    return OFPERR_NONE;
}

#define ALL_GROUP_TYPES 0x0fu
/* select weight and liveness, chaining */
#define GROUP_CAPABILITIES 0x07u

enum ofperr openflow_group_features(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct group_features f = {.types = ALL_GROUP_TYPES, .capabilities = GROUP_CAPABILITIES};
    for (int i = 0; i < 4; i++) {
        f.max_groups[i] = OFPG_MAX;
        f.actions[i] = openflow_action_bits(m->version);
    }
    group_features_encode(ofconn_out(c), &f, m->version, m->xid);
    return OFPERR_NONE;
}
