/* SPDX-License-Identifier: Apache-2.0 */
/* What a bridge tells its OpenFlow sessions without being asked: packets for controllers, rules that were
 * removed, ports that changed. And what the sessions' floor needs of the bridge: hidden rules, and whether a
 * packet without a rule is a controller's.
 *
 * A packet for controllers may come up on any thread that translates. It is copied and handed to the control
 * thread by a queue that is bounded: a flood of them costs packets, which are counted, and no memory. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "io/loop.h"
#include "ofconn/ofconn.h"
#include "openflow/flow_codec.h"
#include "openflow/port_codec.h"
#include "pipeline/continuation.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/openflow.h"
#include "pipeline/packet_in.h"

COVERAGE_DEFINE(packet_in_queue_overflow);

#define MAX_WAITING_BYTES (8u << 20)

/* ------------------------------------------------------------------ packets for controllers */

struct waiting_pin {
    struct list node;
    uint64_t ofproto_id;
    struct flow_key key;
    uint64_t cookie;
    uint16_t max_len, controller_id;
    uint8_t reason, table_id;
    size_t packet_len, userdata_len, continuation_len;
    uint8_t bytes[]; /* the packet, the userdata, the continuation */
};

static struct {
    pthread_mutex_t mutex;
    struct list waiting; /* struct waiting_pin */
    size_t bytes;
    bool is_posted; /* deliver() is on its way */
    struct loop *loop;
    struct pipeline *pipeline;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The bridge of that id, which may be gone by now. */
static struct ofproto *find_ofproto(const struct pipeline *p, uint64_t id)
{
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        if (p->ofprotos[i]->id == id) {
            return p->ofprotos[i];
        }
    }
    return NULL;
}

/* What belongs to a packet besides its bytes: a match on each member that is not 0. */
static void metadata_of(const struct flow_key *key, const struct tun_md_layout *layout, struct match *m)
{
#define MEMBER(NAME)                                                                                         \
    {                                                                                                        \
        offsetof(struct flow_key, NAME), sizeof((struct flow_key *)0)->NAME                                  \
    }
    static const struct {
        size_t at, size;
    } members[] = {
        MEMBER(packet_type),    MEMBER(tun_id),         MEMBER(tun_src),         MEMBER(tun_dst),
        MEMBER(tun_ipv6_src),   MEMBER(tun_ipv6_dst),   MEMBER(tun_gbp_id),      MEMBER(tun_gbp_flags),
        MEMBER(tun_erspan_ver), MEMBER(tun_erspan_dir), MEMBER(tun_erspan_hwid), MEMBER(erspan_idx),
        MEMBER(metadata),       MEMBER(pkt_mark),       MEMBER(ct_state),        MEMBER(ct_zone),
        MEMBER(ct_mark),        MEMBER(ct_label),       MEMBER(ct_nw_src),       MEMBER(ct_nw_dst),
        MEMBER(ct_ipv6_src),    MEMBER(ct_ipv6_dst),    MEMBER(ct_nw_proto),     MEMBER(ct_tp_src),
        MEMBER(ct_tp_dst),
    };
#undef MEMBER
    static const uint8_t zeros[sizeof(struct ipv6_addr)];
    match_init_catchall(m);
    m->flow.in_port = key->in_port;
    m->wc.bits.in_port = UINT32_MAX;
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *from = (const char *)key + members[i].at;
        if (memcmp(from, zeros, members[i].size)) {
            memcpy((char *)&m->flow + members[i].at, from, members[i].size);
            memset((char *)&m->wc.bits + members[i].at, 0xff, members[i].size);
        }
    }
    if (key->tun_flags & FLOW_TUN_OAM) {
        m->flow.tun_flags = m->wc.bits.tun_flags = FLOW_TUN_OAM;
    }
    for (int i = 0; i < FLOW_N_REGS; i++) {
        if (key->regs[i]) {
            m->flow.regs[i] = key->regs[i];
            m->wc.bits.regs[i] = UINT32_MAX;
        }
    }
    match_set_layout(m, layout);
    m->tun_md.exact = UINT64_MAX;
    for (uint64_t left = key->tun_md_present & layout->known; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        uint8_t value[TUN_MD_MAX_LEN], ones[TUN_MD_MAX_LEN];
        memset(ones, 0xff, sizeof ones);
        tun_md_get(layout, i, key, value, sizeof value);
        tun_md_set(layout, i, value, sizeof value, &m->flow);
        tun_md_set(layout, i, ones, sizeof ones, &m->wc.bits);
    }
    m->wc.blocks = (uint16_t)flow_mask_find_blocks(&m->wc);
}

/* Who made the continuation did not know whom it is for. */
static void put_continuation(struct bytebuf *b, const struct packet_in *pin, enum ofp_version v)
{
    continuation_put(pin->continuation, pin->continuation_len, v, b);
}

static void deliver_one(const struct waiting_pin *w)
{
    const struct ofproto *ofproto = find_ofproto(queue.pipeline, w->ofproto_id);
    if (!ofproto || !ofproto->sessions) {
        return;
    }
    bool no_rule = w->reason == OFPR_IMPLICIT_MISS; /* a rule may say no_match itself */
    struct ofpacket_in pin = {
        .pin = {.packet = w->bytes,
                .packet_len = w->packet_len,
                .total_len = (uint32_t)w->packet_len,
                .buffer_id = OFP_NO_BUFFER,
                .cookie = no_rule ? UINT64_MAX : w->cookie,
                .reason = w->reason,
                .table_id = w->table_id == OFPTT_ALL ? 0 : w->table_id, /* paused: in none */
                .userdata = w->userdata_len ? w->bytes + w->packet_len : NULL,
                .userdata_len = w->userdata_len,
                .continuation = w->bytes + w->packet_len + w->userdata_len,
                .continuation_len = w->continuation_len,
                .put_continuation = put_continuation},
        .controller_id = w->controller_id,
        .max_len = w->max_len,
    };
    metadata_of(&w->key, &ofproto->tun_md.layout, &pin.pin.metadata);
    unsigned first_egress = ofproto_first_egress(ofproto);
    if (first_egress && w->table_id >= first_egress && w->table_id < OFPROTO_TABLE_INTERNAL) {
        pin.pin.metadata.flow.actset_output = w->key.actset_output; /* the port that it is bound for */
        pin.pin.metadata.wc.bits.actset_output = UINT32_MAX;
        pin.pin.metadata.wc.blocks = (uint16_t)flow_mask_find_blocks(&pin.pin.metadata.wc);
    }
    ofservice_send_packet_in(ofproto->sessions, &pin);
}

/* control */
static void deliver(void *aux)
{
    struct list waiting;
    struct waiting_pin *w, *next;
    list_init(&waiting);
    pthread_mutex_lock(&queue.mutex);
    list_splice_back(&waiting, &queue.waiting);
    list_init(&queue.waiting);
    queue.bytes = 0;
    queue.is_posted = false;
    pthread_mutex_unlock(&queue.mutex);
    LIST_FOR_EACH_SAFE (w, next, node, &waiting) {
        deliver_one(w);
        free(w);
    }
}

static struct waiting_pin *copy_packet_in(const struct ofproto *ofproto, const struct ofproto_packet_in *pin,
                                          const struct bytebuf *continuation)
{
    size_t len = pin->packet->len;
    struct waiting_pin *w = xmalloc(sizeof *w + len + pin->userdata_len + continuation->len);
    *w = (struct waiting_pin){.ofproto_id = ofproto->id,
                              .key = pin->key,
                              .cookie = pin->cookie,
                              .max_len = pin->max_len,
                              .controller_id = pin->controller_id,
                              .reason = pin->reason,
                              .table_id = pin->table_id,
                              .packet_len = len,
                              .userdata_len = pin->userdata_len,
                              .continuation_len = continuation->len};
    memcpy(w->bytes, pin->packet->data, len);
    if (pin->userdata_len) {
        memcpy(w->bytes + len, pin->userdata, pin->userdata_len);
    }
    if (continuation->len) {
        memcpy(w->bytes + len + pin->userdata_len, continuation->data, continuation->len);
    }
    return w;
}

static void packet_in(struct ofproto *ofproto, const struct ofproto_packet_in *pin, void *aux)
{
    struct bytebuf continuation = BYTEBUF_INITIALIZER;
    bool post = false;
    if (pin->continuation) {
        continuation_encode(pin->continuation, OFP13, &continuation);
    }
    size_t n = sizeof(struct waiting_pin) + pin->packet->len + pin->userdata_len + continuation.len;
    pthread_mutex_lock(&queue.mutex);
    if (queue.bytes + n > MAX_WAITING_BYTES) {
        COVERAGE_INC(packet_in_queue_overflow);
    } else {
        struct waiting_pin *w = copy_packet_in(ofproto, pin, &continuation);
        list_push_back(&queue.waiting, &w->node);
        queue.bytes += n;
        post = !queue.is_posted;
        queue.is_posted = true;
    }
    pthread_mutex_unlock(&queue.mutex);
    bytebuf_fini(&continuation);
    if (post) {
        loop_post(queue.loop, deliver, NULL);
    }
}

/* NXT_RESUME: the controller gives a paused packet back. */
enum ofperr openflow_resume(struct ofconn *c, const struct ofp_msg *m, void *ofproto_)
{
    struct ofproto *ofproto = ofproto_;
    struct packet_in pin;
    struct continuation cont;
    const struct ofp_msg mapped = openflow_mapped(m, ofproto);
    enum ofperr error = packet_in_decode(&mapped, &pin);
    if (error) {
        return error;
    }
    if (pin.packet_len != pin.total_len || !pin.packet_len) {
        return OFPERR_NXR_NOT_SUPPORTED; /* a packet that is not whole cannot go on */
    }
    error = continuation_decode(pin.continuation, pin.continuation_len, ofproto->id, m->version, &cont);
    if (!error) {
        pipeline_start_commit(ofproto->pipeline); /* rules that came before it take effect on it */
        int code = ofproto_resume(ofproto, pin.packet, pin.packet_len, &pin.metadata.flow, &cont.state);
        error = code == EPROTO ? OFPERR_OFPBAC_MATCH_INCONSISTENT : OFPERR_NONE;
    }
    continuation_fini(&cont);
    return error;
}

/* ------------------------------------------------------------------ rules and ports */

static void encode_removed(struct ofconn *c, struct bytebuf *b, const void *removed)
{
    flow_removed_encode(b, removed, ofconn_protocol(c));
}

static void rule_removed(struct ofproto *ofproto, const void *rule_, uint8_t reason, void *aux)
{
    const struct rule *rule = rule_;
    if (!(rule->flags & FLOW_SEND_FLOW_REM) || reason == RULE_REPLACED || !ofproto->sessions) {
        return;
    }
    int64_t lived = clock_ms() - rule->created_ms;
    struct flow_removed fr = {
        .cookie = rule->cookie,
        .packet_count = __atomic_load_n(&rule->counters->packets, __ATOMIC_RELAXED),
        .byte_count = __atomic_load_n(&rule->counters->bytes, __ATOMIC_RELAXED),
        .duration_sec = (uint32_t)(lived / 1000),
        .duration_nsec = (uint32_t)(lived % 1000) * 1000000u,
        .priority = (uint16_t)rule->cr.priority,
        .idle_timeout = __atomic_load_n(&rule->idle_timeout, __ATOMIC_RELAXED),
        .hard_timeout = __atomic_load_n(&rule->hard_timeout, __ATOMIC_RELAXED),
        .reason = reason,
        .table_id = rule->table_id,
    };
    match_expand(&rule->cr.match, &rule->ofproto->tun_md.layout, &fr.match);
    ofservice_send_async(ofproto->sessions, ASYNC_FLOW_REMOVED, reason, NULL, encode_removed, &fr);
}

struct port_event {
    struct ofp_port port;
    uint8_t reason;
    bool only_10;
};

static void encode_port_status(struct ofconn *c, struct bytebuf *b, const void *event_)
{
    const struct port_event *event = event_;
    if (event->only_10 && ofconn_version(c) > OFP10) {
        return; /* nothing that this version could say has changed */
    }
    port_status_encode(b, event->reason, &event->port, ofconn_version(c));
}

static void port_status(struct ofproto *ofproto, uint32_t ofp_port, uint8_t reason, void *aux)
{
    struct ofproto_port port;
    struct port_event event = {.reason = reason};
    if (ofproto->sessions && !ofproto_port_get(ofproto, ofp_port, &port)) {
        openflow_describe_port(&port, &event.port);
        event.only_10 = reason == 2 && port.only_10_differs;
        ofservice_send_async(ofproto->sessions, ASYNC_PORT_STATUS, reason, NULL, encode_port_status, &event);
    }
}

/* ------------------------------------------------------------------ for the sessions */

void openflow_flush(void *ofproto)
{
    ofproto_flush(ofproto);
}

void openflow_hidden_rule(void *ofproto, const struct match *match, int priority, int queue_id, bool there)
{
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    if (there) {
        if (queue_id >= 0) {
            OFPACT_PUT(SET_QUEUE, &actions)->value = (uint32_t)queue_id;
            ofpact_finish(&actions, 0);
        }
        size_t at = actions.len;
        struct ofpact_output *output = OFPACT_PUT(OUTPUT, &actions);
        output->port = OFPP_NORMAL;
        ofpact_finish(&actions, at);
    }
    ofproto_set_hidden_rule(ofproto, match, priority, (const struct ofpact *)(const void *)actions.data,
                            actions.len);
    bytebuf_fini(&actions);
    pipeline_wake(ofproto_pipeline(ofproto));
}

void openflow_miss_wanted(void *ofproto_, bool wanted)
{
    struct ofproto *ofproto = ofproto_;
    __atomic_store_n(&ofproto->miss_wanted, wanted, __ATOMIC_RELAXED);
    pipeline_mark_all_changed(ofproto->pipeline);
    pipeline_wake(ofproto->pipeline);
}

void openflow_bind(struct pipeline *p, struct loop *loop)
{
    static const struct pipeline_hooks hooks = {
        .packet_in = packet_in, .rule_removed = rule_removed, .port_status = port_status};
    queue.loop = loop;
    queue.pipeline = p;
    list_init(&queue.waiting);
    pipeline_set_hooks(p, &hooks);
}

void openflow_unbind(void)
{
    struct waiting_pin *w, *next;
    LIST_FOR_EACH_SAFE (w, next, node, &queue.waiting) {
        free(w);
    }
    list_init(&queue.waiting);
    queue.bytes = 0;
    queue.pipeline = NULL;
}
