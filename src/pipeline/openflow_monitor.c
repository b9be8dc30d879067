/* SPDX-License-Identifier: Apache-2.0 */
/* Flow monitors: a session is told of the rules that it watches as they come, change and go.
 *
 * Updates of one change are collected for each session and sent when the change is complete. A session that
 * does not read fast enough pauses: it is told so; then deletions alone are sent, and rules that came or
 * changed are remembered. When all that waited is sent, they are told as they are then, and that monitoring
 * goes on. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/hmap.h"
#include "openflow/monitor_codec.h"
#include "pipeline/change.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/rule.h"

/* More than this waits to be sent: the session pauses. */
#define PAUSE_AT      (128u << 10)
#define MAX_MONITORS  1024
#define MAX_BATCH_LEN 60000

struct monitor {
    struct list node; /* in session.monitors */
    struct flow_monitor_request q;
    struct minimatch match; /* of q */
};

/* A rule that came or changed while the session was paused. */
struct missed {
    struct hmap_node node;
    struct rule *rule; /* a reference */
    bool is_new;
};

/* What a session watches: its ofconn_state(). */
struct session {
    struct list monitors;
    struct hmap missed;
    bool paused;
    bool has_abbreviated; /* in `updates`, of the change at work */
    struct bytebuf updates;
    size_t start;       /* of the message at work in `updates` */
    size_t first, last; /* of its updates */
};

static struct session *session_of(struct ofconn *c)
{
    return ofconn_state(c);
}

static struct session *make_session(struct ofconn *c)
{
    struct session *s = ofconn_state(c);
    if (!s) {
        s = xzalloc(sizeof *s);
        list_init(&s->monitors);
        hmap_init(&s->missed);
        bytebuf_init(&s->updates);
        ofconn_set_state(c, s);
    }
    return s;
}

static struct monitor *find_monitor(const struct session *s, uint32_t id)
{
    struct monitor *m;
    LIST_FOR_EACH (m, node, &s->monitors) {
        if (m->q.id == id) {
            return m;
        }
    }
    return NULL;
}

static void destroy_monitor(struct monitor *m)
{
    list_remove(&m->node);
    minimatch_fini(&m->match);
    free(m);
}

static void forget(struct session *s, struct missed *missed)
{
    hmap_remove(&s->missed, &missed->node);
    rule_unref(missed->rule);
    free(missed);
}

void openflow_monitors_closed(struct ofconn *c, void *ofproto)
{
    struct session *s = session_of(c);
    if (!s) {
        return;
    }
    struct monitor *m, *next;
    struct missed *missed;
    LIST_FOR_EACH_SAFE (m, next, node, &s->monitors) {
        destroy_monitor(m);
    }
    HMAP_FOR_EACH_SAFE (missed, node, &s->missed) {
        forget(s, missed);
    }
    hmap_fini(&s->missed);
    bytebuf_fini(&s->updates);
    free(s);
    ofconn_set_state(c, NULL);
}

/* ------------------------------------------------------------------ updates */

static bool outputs_to(const struct rule *rule, const struct flow_monitor_request *q)
{
    return (q->out_port == OFPP_ANY ||
            ofpacts_output_to_port(rule->actions, rule->actions_len, q->out_port)) &&
           (q->out_group == OFPG_ANY ||
            ofpacts_output_to_group(rule->actions, rule->actions_len, q->out_group));
}

/* Does the monitor watch RULE? BEFORE (NULL: none) is what it takes the place of. */
static bool watches(const struct monitor *m, const struct rule *rule, const struct rule *before)
{
    const struct flow_monitor_request *q = &m->q;
    return !(rule->flags & RULE_HIDDEN) &&
           (q->table_id == OFPTT_ALL ? !rule->ofproto->tables[rule->table_id].hidden
                                     : q->table_id == rule->table_id) &&
           (outputs_to(rule, q) || (before && outputs_to(before, q))) &&
           minimatch_is_narrower(&rule->cr.match, &m->match);
}

static void begin_message(struct session *s, enum ofp_version v)
{
    if (s->start != SIZE_MAX) {
        ofp_msg_end(&s->updates, s->start);
    }
    s->start = ofp_msg_begin(&s->updates, OFPTYPE_FLOW_MONITOR_REPLY, v, 0);
    s->first = s->updates.len;
}

static void begin_update(struct session *s, enum ofp_version v)
{
    if (s->start == SIZE_MAX || s->updates.len - s->start > MAX_BATCH_LEN) {
        begin_message(s, v);
    }
    s->last = s->updates.len;
}

/* Was some monitor asked for with a match that is fields alone? */
static bool is_plain(const struct session *s)
{
    const struct monitor *m;
    LIST_FOR_EACH (m, node, &s->monitors) {
        if (m->q.plain) {
            return true;
        }
    }
    return false;
}

/* The last update made its message too long: it is one of its own, without its actions if it has to be. */
static void put_long_update(struct session *s, enum ofp_version v, struct flow_update *u)
{
    bytebuf_truncate(&s->updates, s->last);
    if (s->last > s->first) {
        begin_message(s, v);
    }
    flow_update_encode(&s->updates, u, v);
    if (s->updates.len - s->start > OFP_MAX_LEN) {
        bytebuf_truncate(&s->updates, s->first);
        u->ofpacts = NULL;
        u->ofpacts_len = 0;
        flow_update_encode(&s->updates, u, v);
    }
}

static void put_update(struct session *s, enum ofp_version v, const struct rule *rule,
                       enum flow_update_event event, bool with_actions)
{
    struct flow_update u = {
        .event = (uint8_t)event,
        .reason = rule->removal,
        .table_id = rule->table_id,
        .plain = is_plain(s),
        .priority = (uint16_t)rule->cr.priority,
        .idle_timeout = __atomic_load_n(&rule->idle_timeout, __ATOMIC_RELAXED),
        .hard_timeout = __atomic_load_n(&rule->hard_timeout, __ATOMIC_RELAXED),
        .cookie = rule->cookie,
        .ofpacts = with_actions ? rule->actions : NULL,
        .ofpacts_len = with_actions ? rule->actions_len : 0,
    };
    match_expand(&rule->cr.match, &rule->ofproto->tun_md.layout, &u.match);
    if (!s->updates.len) {
        s->start = SIZE_MAX;
    }
    begin_update(s, v);
    flow_update_encode(&s->updates, &u, v);
    if (s->updates.len - s->start > OFP_MAX_LEN) {
        put_long_update(s, v, &u);
    }
}

static void put_word(struct session *s, enum ofp_version v, enum flow_update_event event, uint32_t xid)
{
    struct flow_update u = {.event = (uint8_t)event, .xid = xid};
    if (!s->updates.len) {
        s->start = SIZE_MAX;
    }
    begin_update(s, v);
    flow_update_encode(&s->updates, &u, v);
}

static struct missed *find_missed(const struct session *s, const struct rule *rule)
{
    struct missed *missed;
    HMAP_FOR_EACH_WITH_HASH (missed, node, hash_pointer(rule, 0), &s->missed) {
        if (missed->rule == rule) {
            return missed;
        }
    }
    return NULL;
}

static void remember(struct session *s, const struct rule *rule, const struct rule *before, bool is_new)
{
    struct missed *old = before ? find_missed(s, before) : NULL;
    struct rule *r = (struct rule *)rule; /* the reference is counted in it */
    if (old) {
        is_new |= old->is_new;
        forget(s, old);
    }
    if (rule_try_ref(r)) {
        struct missed *missed = xmalloc(sizeof *missed);
        *missed = (struct missed){.rule = r, .is_new = is_new};
        hmap_insert(&s->missed, &missed->node, hash_pointer(rule, 0));
    }
}

struct event {
    const struct change *change;
    const struct rule *rule, *before;
    enum flow_update_event kind;
    unsigned flag; /* FLOW_MONITOR_F_* that wants it */
};

static void tell(struct ofconn *c, void *event_)
{
    const struct event *e = event_;
    struct session *s = session_of(c);
    bool wanted = false, with_actions = false, in_full = e->change->asker != c;
    if (!s) {
        return;
    }
    const struct monitor *m;
    LIST_FOR_EACH (m, node, &s->monitors) {
        bool only_own = (m->q.flags & FLOW_MONITOR_F_ONLY_OWN) == FLOW_MONITOR_F_ONLY_OWN;
        if (m->q.flags & e->flag && !(only_own && e->change->asker != c) && watches(m, e->rule, e->before)) {
            wanted = true;
            with_actions |= (m->q.flags & FLOW_MONITOR_F_ACTIONS) != 0;
            in_full |= (m->q.flags & FLOW_MONITOR_F_ONLY_OWN) != 0; /* either of the two */
        }
    }
    if (!wanted) {
        return;
    }
    if (s->paused) {
        struct missed *missed = find_missed(s, e->rule);
        if (e->kind != FLOW_UPDATE_DELETED) {
            remember(s, e->rule, e->before, e->kind == FLOW_UPDATE_ADDED);
            return;
        }
        bool never_told = missed && missed->is_new;
        if (missed) {
            forget(s, missed);
        }
        if (never_told) {
            return;
        }
    }
    if (in_full) {
        put_update(s, ofconn_version(c), e->rule, e->kind, with_actions);
    } else if (!s->has_abbreviated) {
        put_word(s, ofconn_version(c), FLOW_UPDATE_ABBREV, e->change->xid);
        s->has_abbreviated = true;
    }
}

static bool is_same(const struct rule *a, const struct rule *b)
{
    return a->cookie == b->cookie && a->actions_len == b->actions_len &&
           (!a->actions_len || !memcmp(a->actions, b->actions, a->actions_len));
}

void openflow_monitor_added(const struct change *c, const struct rule *rule, const struct rule *before)
{
    struct event e = {c, rule, before, FLOW_UPDATE_ADDED, FLOW_MONITOR_F_ADD};
    if (before && rule->is_modification) {
        if (is_same(rule, before)) {
            return;
        }
        e.kind = FLOW_UPDATE_MODIFIED;
        e.flag = FLOW_MONITOR_F_MODIFY;
    }
    if (c->ofproto->sessions) {
        ofservice_for_each(c->ofproto->sessions, tell, &e);
    }
}

void openflow_monitor_removed(const struct change *c, const struct rule *rule)
{
    struct event e = {c, rule, NULL, FLOW_UPDATE_DELETED, FLOW_MONITOR_F_DELETE};
    if (c->ofproto->sessions) {
        ofservice_for_each(c->ofproto->sessions, tell, &e);
    }
}

static void encode_updates(struct ofconn *c, struct bytebuf *b, const void *session)
{
    const struct session *s = session;
    bytebuf_put(b, s->updates.data, s->updates.len);
}

static void encode_paused(struct ofconn *c, struct bytebuf *b, const void *unused)
{
    ofp_msg_put_empty(b, OFPTYPE_FLOW_MONITOR_PAUSED, ofconn_version(c), 0);
}

static void send_updates(struct ofconn *c, struct session *s)
{
    if (s->updates.len) {
        ofp_msg_end(&s->updates, s->start);
        ofconn_send(c, encode_updates, s);
        bytebuf_clear(&s->updates);
    }
    s->has_abbreviated = false;
}

static void flush(struct ofconn *c, void *unused)
{
    struct session *s = session_of(c);
    if (!s || !s->updates.len) {
        return;
    }
    send_updates(c, s);
    if (!s->paused && ofconn_backlog(c) > PAUSE_AT) {
        s->paused = true;
        if (ofp_msg_exists(OFPTYPE_FLOW_MONITOR_PAUSED, ofconn_version(c))) {
            ofconn_send(c, encode_paused, NULL);
        } else {
            put_word(s, ofconn_version(c), FLOW_UPDATE_PAUSED, 0);
            send_updates(c, s);
        }
    }
}

void openflow_monitor_flush(struct ofproto *ofproto)
{
    if (ofproto->sessions) {
        ofservice_for_each(ofproto->sessions, flush, NULL);
    }
}

static void encode_resumed(struct ofconn *c, struct bytebuf *b, const void *unused)
{
    ofp_msg_put_empty(b, OFPTYPE_FLOW_MONITOR_RESUMED, ofconn_version(c), 0);
}

void openflow_monitors_drained(struct ofconn *c, void *ofproto)
{
    struct session *s = session_of(c);
    if (!s || !s->paused) {
        return;
    }
    enum ofp_version v = ofconn_version(c);
    struct missed *missed;
    s->paused = false;
    HMAP_FOR_EACH_SAFE (missed, node, &s->missed) {
        bool wanted = false, with_actions = false;
        const struct monitor *m;
        unsigned flag = missed->is_new ? FLOW_MONITOR_F_ADD : FLOW_MONITOR_F_MODIFY;
        LIST_FOR_EACH (m, node, &s->monitors) {
            if (m->q.flags & flag && watches(m, missed->rule, NULL)) {
                wanted = true;
                with_actions |= (m->q.flags & FLOW_MONITOR_F_ACTIONS) != 0;
            }
        }
        if (wanted && !missed->rule->removed) {
            put_update(s, v, missed->rule, missed->is_new ? FLOW_UPDATE_ADDED : FLOW_UPDATE_MODIFIED,
                       with_actions);
        }
        forget(s, missed);
    }
    if (ofp_msg_exists(OFPTYPE_FLOW_MONITOR_RESUMED, v)) {
        send_updates(c, s);
        ofconn_send(c, encode_resumed, NULL);
    } else {
        put_word(s, v, FLOW_UPDATE_RESUMED, 0);
        send_updates(c, s);
    }
}

/* ------------------------------------------------------------------ requests */

static void put_initial(struct ofconn_multipart *reply, struct ofproto *ofproto, const struct monitor *m)
{
    struct flow_mod criteria;
    size_t n;
    flow_mod_init(&criteria);
    criteria.command = FLOW_DELETE;
    criteria.match = m->q.match;
    criteria.table_id = m->q.table_id;
    criteria.out_port = m->q.out_port;
    criteria.out_group = m->q.out_group;
    struct rule **rules = ofproto_collect_rules(ofproto, &criteria, false, false, &n);
    for (size_t i = 0; i < n; i++) {
        const struct rule *rule = rules[i];
        bool with_actions = m->q.flags & FLOW_MONITOR_F_ACTIONS;
        struct flow_update u = {
            .event = FLOW_UPDATE_INITIAL,
            .plain = m->q.plain,
            .table_id = rule->table_id,
            .priority = (uint16_t)rule->cr.priority,
            .idle_timeout = rule->idle_timeout,
            .hard_timeout = rule->hard_timeout,
            .cookie = rule->cookie,
            .ofpacts = with_actions ? rule->actions : NULL,
            .ofpacts_len = with_actions ? rule->actions_len : 0,
        };
        match_expand(&rule->cr.match, &rule->ofproto->tun_md.layout, &u.match);
        flow_update_encode(ofconn_out(reply->conn), &u, ofconn_version(reply->conn));
        ofconn_multipart_next(reply);
    }
    free(rules);
    flow_mod_fini(&criteria);
}

static enum ofperr check_request(const struct session *s, const struct flow_monitor_request *q)
{
    bool exists = find_monitor(s, q->id);
    if (q->command != FLOW_MONITOR_ADD && !exists) {
        return OFPERR_OFPMOFC_UNKNOWN_MONITOR;
    }
    if (q->command == FLOW_MONITOR_ADD && exists) {
        return OFPERR_OFPMOFC_MONITOR_EXISTS;
    }
    if (q->command == FLOW_MONITOR_ADD && list_size(&s->monitors) >= MAX_MONITORS) {
        return OFPERR_OFPMOFC_UNKNOWN;
    }
    return OFPERR_NONE;
}

/* A message may ask for several: all of them, or none. */
enum ofperr openflow_flow_monitor(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    struct session *s = make_session(c);
    struct ofconn_multipart reply;
    for (int pass = 0; pass < 2; pass++) {
        struct reader r = m->body;
        bool more = true;
        if (pass) {
            ofconn_multipart_begin(&reply, c, OFPTYPE_FLOW_MONITOR_REPLY, m);
        }
        for (;;) {
            struct flow_monitor_request q;
            enum ofperr error = flow_monitor_request_decode(&r, m, &q, &more);
            if (!error && more) {
                error = check_request(s, &q);
            }
            if (error && !pass) {
                return error;
            }
            if (error || !more) { /* in the second pass: one id twice in a message, which counts once */
                break;
            }
            if (!pass) {
                continue;
            }
            if (q.command != FLOW_MONITOR_ADD) {
                destroy_monitor(find_monitor(s, q.id));
            }
            if (q.command != FLOW_MONITOR_DELETE) {
                struct monitor *monitor = xzalloc(sizeof *monitor);
                monitor->q = q;
                match_compress(&q.match, &monitor->match);
                list_push_back(&s->monitors, &monitor->node);
                if (q.flags & FLOW_MONITOR_F_INITIAL) {
                    put_initial(&reply, ofproto, monitor);
                }
            }
        }
    }
    ofconn_multipart_end(&reply);
    return OFPERR_NONE;
}

enum ofperr openflow_flow_monitor_cancel(struct ofconn *c, const struct ofp_msg *m, void *ofproto)
{
    uint32_t id;
    enum ofperr error = flow_monitor_cancel_decode(m, &id);
    struct session *s = session_of(c);
    struct monitor *monitor = s && !error ? find_monitor(s, id) : NULL;
    if (error || !monitor) {
        return error ? error : OFPERR_OFPMOFC_UNKNOWN_MONITOR;
    }
    destroy_monitor(monitor);
    return OFPERR_NONE;
}
