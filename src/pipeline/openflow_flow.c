/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "openflow/check.h"
#include "openflow/flow_codec.h"
#include "pipeline/group.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/rule.h"
#include "pipeline/slow_path.h"

/* ------------------------------------------------------------------ statistics */

static struct rule **select_rules(struct ofproto *ofproto, const struct flow_stats_request *q, size_t *n)
{
    struct flow_mod criteria;
    flow_mod_init(&criteria);
    criteria.command = FLOW_DELETE;
    criteria.match = q->match;
    criteria.cookie = q->cookie;
    criteria.cookie_mask = q->cookie_mask;
    criteria.table_id = q->table_id;
    criteria.out_port = q->out_port;
    criteria.out_group = q->out_group;
    slow_path_refresh_stats(ofproto->backer->slow_path);
    struct rule **rules = ofproto_collect_rules(ofproto, &criteria, false, false, n);
    flow_mod_fini(&criteria);
    return rules;
}

static void describe_rule(const struct rule *rule, int64_t now, struct flow_stats *fs)
{
    memset(fs, 0, sizeof *fs);
    match_expand(&rule->cr.match, &rule->ofproto->tun_md.layout, &fs->match);
    fs->cookie = rule->cookie;
    /* no_packet_counts and no_byte_counts allow not to count: it is counted all the same, as the reference
     * does. */
    fs->packet_count = rule->counters->packets;
    fs->byte_count = rule->counters->bytes;
    fs->ofpacts = rule->actions;
    fs->ofpacts_len = rule->actions_len;
    fs->duration_sec = (uint32_t)((now - rule->created_ms) / 1000);
    fs->duration_nsec = (uint32_t)((now - rule->created_ms) % 1000 * 1000000);
    fs->idle_age = (int)((now - rule->counters->used_ms) / 1000);
    fs->hard_age = (int)((now - rule->modified_ms) / 1000);
    fs->priority = (uint16_t)rule->cr.priority;
    fs->idle_timeout = rule->idle_timeout;
    fs->hard_timeout = rule->hard_timeout;
    fs->importance = rule->importance;
    fs->table_id = rule->table_id;
    fs->flags = (uint8_t)(rule->flags & FLOW_FLAGS_WIRE);
}

/* A record of a reply. */
typedef void put_rule(struct bytebuf *, const struct flow_stats *, const struct ofp_msg *request);

static void put_stats(struct bytebuf *b, const struct flow_stats *fs, const struct ofp_msg *m)
{
    flow_stats_encode(b, fs, m->version, m->kind == OFPK_NXSTAT, true);
}

static void put_counts(struct bytebuf *b, const struct flow_stats *fs, const struct ofp_msg *m)
{
    flow_counts_encode(b, fs, FLOW_COUNTS_REQUESTED);
}

/* The rules that the request selects, each as PUT has it. */
static enum ofperr answer(struct ofconn *c, const struct ofp_msg *m, void *ofproto, enum ofptype type,
                          put_rule *put)
{
    struct flow_stats_request q;
    const struct ofp_msg mapped = openflow_mapped(m, ofproto);
    enum ofperr error = flow_stats_request_decode(&mapped, &q);
    if (error) {
        return error;
    }
    size_t n;
    int64_t now = clock_ms();
    struct rule **rules = select_rules(ofproto, &q, &n);
    struct ofconn_multipart reply;
    ofconn_multipart_begin(&reply, c, type, m);
    for (size_t i = 0; i < n; i++) {
        struct flow_stats fs;
        describe_rule(rules[i], now, &fs);
        put(ofconn_out(c), &fs, m);
        ofconn_multipart_next(&reply);
    }
    ofconn_multipart_end(&reply);
    free(rules);
    return OFPERR_NONE;
}

enum ofperr openflow_flow_stats(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    return answer(c, m, ofproto, OFPTYPE_FLOW_REPLY, put_stats);
}

enum ofperr openflow_flow_counts(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    return answer(c, m, ofproto, OFPTYPE_FLOW_COUNTS_REPLY, put_counts);
}

static void encode_triggered(struct ofconn *c, struct bytebuf *b, const void *stats)
{
    if (ofp_msg_exists(OFPTYPE_FLOW_COUNTS_REPLY, ofconn_version(c))) {
        size_t start = ofp_msg_begin(b, OFPTYPE_FLOW_COUNTS_REPLY, ofconn_version(c), 0);
        flow_counts_encode(b, stats, FLOW_COUNTS_TRIGGERED);
        ofp_msg_end(b, start);
    }
}

void openflow_stats_triggered(struct ofproto *ofproto, const struct rule *rule)
{
    if (ofproto->sessions) {
        struct flow_stats fs;
        describe_rule(rule, clock_ms(), &fs);
        ofservice_send_async(ofproto->sessions, ASYNC_FLOW_STATS, FLOW_COUNTS_TRIGGERED, NULL,
                             encode_triggered, &fs);
    }
}

enum ofperr openflow_aggregate(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct flow_stats_request q;
    const struct ofp_msg mapped = openflow_mapped(m, ofproto);
    enum ofperr error = flow_stats_request_decode(&mapped, &q);
    if (error) {
        return error;
    }
    size_t n;
    struct aggregate_stats sum = {0, 0, 0};
    struct rule **rules = select_rules(ofproto, &q, &n);
    for (size_t i = 0; i < n; i++) {
        sum.packet_count += rules[i]->counters->packets;
        sum.byte_count += rules[i]->counters->bytes;
    }
    sum.flow_count = (uint32_t)n;
    free(rules);
    aggregate_stats_encode(ofconn_out(c), &sum, m);
    return OFPERR_NONE;
}

#define TABLE_MAX_ENTRIES 1000000 /* what a table says that has no limit */

enum ofperr openflow_table_stats(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    struct ofconn_multipart reply;
    ofconn_multipart_begin(&reply, c, OFPTYPE_TABLE_REPLY, m);
    for (unsigned i = 0; i < OFPROTO_TABLE_INTERNAL; i++) {
        const struct oftable *t = &ofproto->tables[i];
        struct table_stats s = {.table_id = (uint8_t)i,
                                .max_entries = (uint32_t)MIN(t->max_rules, (size_t)TABLE_MAX_ENTRIES),
                                .active_count = (uint32_t)t->n_rules,
                                .miss = t->miss == TABLE_MISS_CONTROLLER ? 0 : t->miss,
                                .matched_count = __atomic_load_n(&t->n_matched, __ATOMIC_RELAXED),
                                .lookup_count = __atomic_load_n(&t->n_lookups, __ATOMIC_RELAXED)};
        if (t->name) {
            strncpy(s.name, t->name, sizeof s.name - 1);
        }
        table_stats_encode(ofconn_out(c), &s, m->version);
        ofconn_multipart_next(&reply);
    }
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}

/* ------------------------------------------------------------------ packet-out */

enum ofperr openflow_decode_packet_out(struct ofconn *c, const struct ofp_msg *m, void *ofproto,
                                       struct packet_out *po)
{
    const struct ofp_msg mapped = openflow_mapped(m, ofproto);
    enum ofperr error = packet_out_decode(&mapped, po);
    if (error) {
        return error;
    }
    uint32_t in_port = po->metadata.flow.in_port;
    struct ofproto_port port;
    struct flow_key key, mask;
    if (po->buffer_id != OFP_NO_BUFFER) {
        error = OFPERR_OFPBRC_BUFFER_UNKNOWN;
    } else if (in_port < OFPP_MAX && ofproto_port_get(ofproto, in_port, &port)) {
        error = OFPERR_OFPBRC_BAD_PORT;
    } else if (ofproto_packet_out_key(ofproto, po->packet, po->packet_len, &po->metadata.flow, &key)) {
        error = OFPERR_OFPFMFC_UNKNOWN; /* no memory */
    } else {
        struct match match;
        flow_mask_for_packet(&key, &mask);
        match_init(&match, &key, &mask);
        struct ofpacts_check check = {.match = &match,
                                      .max_ports = OFPP_MAX,
                                      .table_id = 0,
                                      .n_tables = OFPROTO_N_TABLES,
                                      .usable = ofconn_protocol(c)};
        struct ofpact *actions = (struct ofpact *)(void *)po->ofpacts.data;
        error = ofpacts_check_consistency(actions, po->ofpacts.len, &check);
    }
    if (error) {
        packet_out_fini(po);
    }
    return error;
}

enum ofperr openflow_packet_out(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct packet_out po;
    enum ofperr error = openflow_decode_packet_out(c, m, ofproto, &po);
    if (!error) {
        /* Rules that came before it take effect on it. */
        pipeline_start_commit(ofproto_pipeline(ofproto));
        const struct ofpact *actions = (const struct ofpact *)(const void *)po.ofpacts.data;
        ofproto_packet_out(ofproto, po.packet, po.packet_len, po.metadata.flow.in_port, &po.metadata.flow,
                           actions, po.ofpacts.len);
        packet_out_fini(&po);
    }
    return error;
}
