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

/* ------------------------------------------------------------------ flow mods */

/* Is there every group that the actions name? */
static bool groups_exist(const struct ofproto *ofproto, const struct ofpact *actions, size_t len)
{
    const struct ofpact *a;
    OFPACT_FOR_EACH (a, actions, len) {
        const struct ofpact_nest *nest = (const struct ofpact_nest *)(const void *)a;
        if (a->type == OFPACT_GROUP) {
            if (!group_find(ofproto, ((const struct ofpact_group *)(const void *)a)->group_id)) {
                return false;
            }
        } else if ((a->type == OFPACT_CLONE || a->type == OFPACT_WRITE_ACTIONS) &&
                   !groups_exist(ofproto, nest->actions, ofpact_nest_len(nest))) {
            return false;
        }
    }
    return true;
}

/* Do the actions fit the match? OpenFlow 1.1 and later forbid what 1.0 lets pass. */
static enum ofperr check_actions(const struct ofproto *ofproto, struct flow_mod *fm, uint32_t protocol)
{
    if (fm->command == FLOW_DELETE || fm->command == FLOW_DELETE_STRICT) {
        return OFPERR_NONE;
    }
    struct ofpacts_check check = {.match = &fm->match,
                                  .max_ports = OFPP_MAX,
                                  .table_id = fm->table_id == OFPTT_ALL ? 0 : fm->table_id,
                                  .n_tables = OFPROTO_N_TABLES,
                                  .usable = protocol};
    struct ofpact *actions = (struct ofpact *)(void *)fm->ofpacts.data;
    enum ofperr error = ofpacts_check_consistency(actions, fm->ofpacts.len, &check);
    if (!error && !groups_exist(ofproto, actions, fm->ofpacts.len)) {
        error = OFPERR_OFPBAC_BAD_OUT_GROUP;
    }
    return error;
}

enum ofperr openflow_flow_mod(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct flow_mod fm;
    enum ofperr error = flow_mod_decode(m, ofconn_protocol(c), &fm);
    if (error) {
        return error;
    }
    const struct flow_mod *mods[] = {&fm};
    error = check_actions(ofproto, &fm, ofconn_protocol(c));
    if (!error) {
        error = ofproto_flow_mods(ofproto, mods, 1, false, RULE_DELETE, NULL);
    }
    flow_mod_fini(&fm);
    return error;
}

enum ofperr openflow_commit(struct ofconn *c, const struct bytebuf *messages, void *ofproto, size_t *failed)
{
    struct flow_mod *mods = NULL;
    size_t *offsets = NULL, n = 0, allocated = 0;
    enum ofperr error = OFPERR_NONE;
    for (size_t at = 0; at < messages->len && !error;) {
        struct ofp_msg m;
        size_t len = ofp_msg_len(messages->data + at);
        if (n == allocated) {
            allocated = allocated ? 2 * allocated : 16;
            mods = xrealloc(mods, allocated * sizeof *mods);
            offsets = xrealloc(offsets, allocated * sizeof *offsets);
        }
        offsets[n] = *failed = at;
        error = ofp_msg_decode(messages->data + at, len, &m);
        error = error ? error : flow_mod_decode(&m, ofconn_protocol(c), &mods[n]);
        if (!error) {
            error = check_actions(ofproto, &mods[n++], ofconn_protocol(c));
        }
        at += len;
    }
    if (!error && n) {
        const struct flow_mod **list = xmalloc(n * sizeof *list);
        size_t at_fault = 0;
        for (size_t i = 0; i < n; i++) {
            list[i] = &mods[i];
        }
        error = ofproto_flow_mods(ofproto, list, n, false, RULE_DELETE, &at_fault);
        *failed = error ? offsets[at_fault] : 0;
        free(list);
    }
    for (size_t i = 0; i < n; i++) {
        flow_mod_fini(&mods[i]);
    }
    free(mods);
    free(offsets);
    return error;
}

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
    match_expand(&rule->cr.match, NULL, &fs->match);
    fs->cookie = rule->cookie;
    fs->packet_count = rule->flags & FLOW_NO_PKT_COUNTS ? UINT64_MAX : rule->counters->packets;
    fs->byte_count = rule->flags & FLOW_NO_BYT_COUNTS ? UINT64_MAX : rule->counters->bytes;
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

enum ofperr openflow_flow_stats(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct flow_stats_request q;
    enum ofperr error = flow_stats_request_decode(m, &q);
    if (error) {
        return error;
    }
    size_t n;
    int64_t now = clock_ms();
    struct rule **rules = select_rules(ofproto, &q, &n);
    struct ofconn_multipart reply;
    ofconn_multipart_begin(&reply, c, OFPTYPE_FLOW_REPLY, m);
    for (size_t i = 0; i < n; i++) {
        struct flow_stats fs;
        describe_rule(rules[i], now, &fs);
        flow_stats_encode(ofconn_out(c), &fs, m->version, m->kind == OFPK_NXSTAT, true);
        ofconn_multipart_next(&reply);
    }
    ofconn_multipart_end(&reply);
    free(rules);
    return OFPERR_NONE;
}

enum ofperr openflow_aggregate(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct flow_stats_request q;
    enum ofperr error = flow_stats_request_decode(m, &q);
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

enum ofperr openflow_packet_out(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct packet_out po;
    enum ofperr error = packet_out_decode(m, &po);
    if (error) {
        return error;
    }
    uint32_t in_port = po.metadata.flow.in_port;
    struct ofproto_port port;
    if (po.buffer_id != OFP_NO_BUFFER) {
        error = OFPERR_OFPBRC_BUFFER_UNKNOWN;
    } else if (in_port < OFPP_MAX && ofproto_port_get(ofproto, in_port, &port)) {
        error = OFPERR_OFPBRC_BAD_PORT;
    } else {
        struct ofpacts_check check = {.match = &po.metadata,
                                      .max_ports = OFPP_MAX,
                                      .table_id = 0,
                                      .n_tables = OFPROTO_N_TABLES,
                                      .usable = ofconn_protocol(c)};
        struct ofpact *actions = (struct ofpact *)(void *)po.ofpacts.data;
        error = ofpacts_check_consistency(actions, po.ofpacts.len, &check);
    }
    if (!error) {
        /* Rules that came before it take effect on it. */
        pipeline_commit(ofproto_pipeline(ofproto));
        const struct ofpact *actions = (const struct ofpact *)(const void *)po.ofpacts.data;
        ofproto_packet_out(ofproto, po.packet, po.packet_len, in_port, &po.metadata.flow, actions,
                           po.ofpacts.len);
    }
    packet_out_fini(&po);
    return error;
}
