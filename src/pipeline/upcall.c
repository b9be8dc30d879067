/* SPDX-License-Identifier: Apache-2.0 */
/* One upcall: the packet is translated, what came out is installed as a flow and run over the packet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/log.h"
#include "flow/extract.h"
#include "flow/mask.h"
#include "match/widen.h"
#include "openflow/check.h"
#include "pipeline/changes.h"
#include "pipeline/dependents.h"
#include "pipeline/packet_in.h"
#include "pipeline/recirc.h"
#include "pipeline/sample.h"
#include "pipeline/slow_path.h"
#include "pipeline/trace.h"
#include "pipeline/ukey.h"
#include "pipeline/xlate/xlate.h"
#include "wire/eth.h"

LOG_MODULE(ofproto_dpif_upcall);

COVERAGE_DEFINE(upcall_translated);
COVERAGE_DEFINE(upcall_stale_flow);
COVERAGE_DEFINE(upcall_flow_limit_hit);

/* Distinct masks that traffic may make the datapath hold before new ones are widened. */
#define MASK_BUDGET 64

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

void upcall_flow_actions(const struct xlate_out *xout, struct bytebuf *scratch, const void **actions,
                         size_t *len)
{
    if (xout->slow) {
        struct dp_cookie cookie;
        memset(&cookie, 0, sizeof cookie);
        cookie.type = DP_COOKIE_SLOW_PATH;
        cookie.ofp_in_port = OFPP_NONE;
        cookie.slow_path.reason = xout->slow;
        bytebuf_clear(scratch);
        size_t mark = 0;
        if (xout->slow_meter != UINT32_MAX) {
            mark = dp_actions_begin_sample(scratch, UINT32_MAX);
            dp_actions_put_meter(scratch, xout->slow_meter);
        }
        dp_actions_put_cookie(scratch, &cookie, UINT32_MAX, false);
        if (xout->slow_meter != UINT32_MAX) {
            dp_actions_end(scratch, mark);
        }
        *actions = scratch->data;
        *len = scratch->len;
    } else {
        *actions = xout->actions.data;
        *len = xout->actions.len;
    }
}

/* upcall/disable-megaflows: a flow matches everything that such a packet can have, zeros included (an IPv6
 * packet that ends before its addresses says so). As in the reference, two fields of neighbour discovery
 * count only where a rule looked at them: the reserved bits, and which option there was. */
static void make_exact(const struct flow_key *key, struct flow_mask *mask)
{
    const struct flow_key looked_at = mask->bits;
    unsigned blocks =
        flow_key_used_blocks(key) | FLOW_BLOCK_BIT(FLOW_BLOCK_HOT) | FLOW_BLOCK_BIT(FLOW_BLOCK_META);
    if (key->dl_type == CONST_BE16(ETH_TYPE_IPV6) || key->dl_type == CONST_BE16(ETH_TYPE_ARP) ||
        key->dl_type == CONST_BE16(ETH_TYPE_RARP)) {
        blocks |= FLOW_BLOCK_BIT(FLOW_BLOCK_IPV6);
    } else if (key->dl_type == CONST_BE16(ETH_TYPE_NSH)) {
        blocks |= FLOW_BLOCK_BIT(FLOW_BLOCK_EXT);
    }
    for (int b = 0; b < FLOW_DP_BLOCKS; b++) {
        if (blocks & FLOW_BLOCK_BIT(b)) {
            memset((char *)&mask->bits + b * FLOW_BLOCK_SIZE, 0xff, FLOW_BLOCK_SIZE);
        }
    }
    if (flow_key_is_nd(key)) {
        mask->bits.igmp_group = looked_at.igmp_group;
        mask->bits.tcp_flags = looked_at.tcp_flags;
    }
    memset(mask->bits.pad_hot, 0, sizeof mask->bits.pad_hot);
    memset(mask->bits.pad_meta, 0, sizeof mask->bits.pad_meta);
    memset(mask->bits.pad_ext, 0, sizeof mask->bits.pad_ext);
    memset(mask->bits.pad_opts, 0, sizeof mask->bits.pad_opts);
    mask->blocks = (uint16_t)blocks;
}

/* Installs the flow, unless what it was made of may be outdated: then the next packet tries again. */
static void install(struct slow_path *sp, const struct dp_upcall *u, struct xlate_out *xout,
                    struct record *record, uint64_t generation)
{
    struct datapath *dp = sp->backer->dp;
    if (__atomic_load_n(&sp->n_flows, __ATOMIC_RELAXED) >=
        __atomic_load_n(&sp->flow_limit, __ATOMIC_RELAXED)) {
        COVERAGE_INC(upcall_flow_limit_hit);
        return;
    }
    struct flow_mask mask = xout->wc;
    if (!__atomic_load_n(&sp->megaflows, __ATOMIC_RELAXED)) {
        make_exact(&u->key, &mask);
    } else {
        enum widen_level level = megaflow_widen_level(dp->ops->n_masks(dp), MASK_BUDGET);
        if (level != WIDEN_NONE) {
            megaflow_widen_mask(&mask, level);
        }
        mask.blocks = (uint16_t)flow_mask_find_blocks(&mask);
    }
    struct flow_key key = u->key;
    memset((char *)&key + FLOW_DP_BLOCKS * FLOW_BLOCK_SIZE, 0, sizeof key - FLOW_DP_BLOCKS * FLOW_BLOCK_SIZE);
    flow_zero_wildcards(&key, &mask.bits);

    struct bytebuf scratch = BYTEBUF_INITIALIZER;
    struct dp_flow_desc desc = {
        .ufid = dpif_flow_ufid(&key, &mask), .key = &key, .mask = &mask, .made_of = &u->key};
    upcall_flow_actions(xout, &scratch, &desc.actions, &desc.actions_len);

    struct ukey_shard *shard = ukey_shard(sp, desc.ufid);
    pthread_mutex_lock(&shard->lock);
    __atomic_add_fetch(&sp->installing, 1, __ATOMIC_SEQ_CST);
    /* A pass that has begun since does not know of this flow. */
    uint32_t hint = 0;
    desc.hint = &hint;
    if (generation < __atomic_load_n(&sp->pass_generation, __ATOMIC_SEQ_CST)) {
        COVERAGE_INC(upcall_stale_flow);
    } else if (!ukey_find(shard, desc.ufid)) {
        int error = dp->ops->flow_put(dp, &desc, DP_PUT_CREATE, NULL);
        if (!error) {
            struct ukey *ukey =
                ukey_create(desc.ufid, &key, &mask, desc.actions, desc.actions_len, record, xout);
            ukey->hint = hint;
            hmap_reserve(&shard->ukeys, 2 * hmap_count(&shard->ukeys)); /* few are not in a near cache */
            hmap_insert(&shard->ukeys, &ukey->node, (uint32_t)desc.ufid.lo);
            dependents_add(sp->dependents, ukey);
            __atomic_add_fetch(&sp->n_flows, 1, __ATOMIC_RELAXED);
        } else if (error != EEXIST) {
            LOG_WARN_RL(&rl, "failed to put flow (%s)", strerror(error));
        }
    }
    __atomic_sub_fetch(&sp->installing, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&shard->lock);
    bytebuf_fini(&scratch);
}

static void execute(struct dp_handler *h, struct slow_path *sp, struct dp_upcall *u,
                    const struct bytebuf *actions)
{
    const struct datapath_ops *ops = sp->backer->dp->ops;
    if (!actions->len) {
        ops->drop(h, u->key.in_port, DROP_EXPLICIT, u->packet);
        return;
    }
    struct dp_execute e = {
        .packet = u->packet, .key = &u->key, .actions = actions->data, .actions_len = actions->len};
    ops->execute(h, &e);
}

/* Translation failed: once a minute, the whole story is logged. */
static void explain(struct slow_path *sp, const struct dp_upcall *u)
{
    static struct log_rate_limit seldom = LOG_RATE_LIMIT_INIT(1, 1);
    if (!log_should_drop(&log_this_module, LOG_LEVEL_WARN, &seldom)) {
        struct strbuf s = STRBUF_INITIALIZER;
        trace_upcall(sp->backer, &u->key, &s);
        strbuf_chomp(&s, '\n');
        LOG_WARN("%s", strbuf_text(&s));
        strbuf_fini(&s);
    }
}

/* A miss, or a packet of a flow that goes through here each time. */
static void translate(struct slow_path *sp, struct dp_handler *h, struct dp_upcall *u, bool may_install)
{
    const struct datapath_ops *ops = sp->backer->dp->ops;
    struct pipeline *p = sp->backer->pipeline;
    uint64_t generation = changes_generation(sp->backer->changes);
    struct xlate_in xin;
    struct xlate_out xout;
    struct record record;
    struct record_room room;

    /* The key comes from the datapath without what only translation knows. */
    memset((char *)&u->key + FLOW_DP_BLOCKS * FLOW_BLOCK_SIZE, 0,
           sizeof u->key - FLOW_DP_BLOCKS * FLOW_BLOCK_SIZE);
    int error = xlate_in_init_upcall(&xin, p, sp->backer, &u->key);
    if (error) {
        ops->drop(h, u->key.in_port,
                  error == ENODEV ? flow_key_from_tunnel(&u->key) ? DROP_TUNNEL_NO_PORT : DROP_UPCALL_STALE
                                  : DROP_RECIRC_UNKNOWN,
                  u->packet);
        return;
    }
    COVERAGE_INC(upcall_translated);
    struct traffic traffic = {
        .packets = 1, .bytes = u->packet->len, .used_ms = clock_ms(), .tcp_flags = be16toh(u->key.tcp_flags)};
    record_init_room(&record, &room);
    record.keep_keys = true;
    xlate_out_init(&xout);
    xin.packet = u->packet;
    xin.side_effects = true;
    xin.record = &record;
    xin.tcp_flags = traffic.tcp_flags;
    enum xlate_error xerror = xlate(&xin, &xout);
    if (xerror) {
        explain(sp, u);
    }
    record_credit(&record, &traffic);
    if (may_install && !xout.avoid_caching) {
        install(sp, u, &xout, &record, generation);
    }
    const unsigned protocols = DP_SLOW_CFM | DP_SLOW_BFD | DP_SLOW_LACP | DP_SLOW_STP | DP_SLOW_LLDP;
    if (xout.slow & protocols && !xout.actions.len && !xout.protocol_lost) {
        packet_free(u->packet); /* a protocol's: it has arrived */
    } else if (xout.protocol_lost && !xout.actions.len) {
        ops->drop(h, u->key.in_port, DROP_PROTOCOL, u->packet);
    } else {
        execute(h, sp, u, &xout.actions);
    }
    for (size_t i = 0; i < xout.n_recirc_ids; i++) {
        recirc_unref(p->recirc, xout.recirc_ids[i]);
    }
    xlate_out_fini(&xout);
    record_fini(&record);
}

static void controller(struct slow_path *sp, struct dp_handler *h, struct dp_upcall *u,
                       const struct dp_cookie *cookie)
{
    struct pipeline *p = sp->backer->pipeline;
    const struct snapshot *snapshot = snapshot_get(p);
    const struct frozen_state *state = recirc_find(p->recirc, cookie->controller.recirc_id);
    const struct xbridge *bridge = NULL;
    for (size_t i = 0; i < snapshot->n_bridges; i++) {
        if (snapshot->bridges[i]->ofproto->id == cookie->ofproto[0]) {
            bridge = snapshot->bridges[i];
        }
    }
    if (state && bridge && p->hooks.packet_in && !cookie->controller.dont_send) {
        const struct xport *port = snapshot_port(snapshot, sp->backer, u->key.in_port);
        struct ofproto_packet_in pin = {
            .packet = u->packet,
            .key = u->key,
            .reason = (uint8_t)cookie->controller.reason,
            .max_len = cookie->controller.max_len,
            .controller_id = cookie->controller.controller_id,
            .table_id = state->table_id,
            .cookie = cookie->controller.rule_cookie,
            .continuation = cookie->controller.continuation ? state : NULL,
            .userdata = state->userdata,
            .userdata_len = state->userdata_len,
        };
        pin.key.in_port = state->in_port != OFPP_NONE ? state->in_port : port ? port->ofp_port : OFPP_NONE;
        frozen_state_give_metadata(state, &pin.key);
        p->hooks.packet_in(bridge->ofproto, &pin, p->hooks.aux);
    }
    (void)h;
    packet_free(u->packet);
}

void slow_path_upcall(struct slow_path *sp, struct dp_handler *h, struct dp_upcall *u)
{
    const struct datapath_ops *ops = sp->backer->dp->ops;
    if (u->type == DP_UPCALL_MISS) {
        translate(sp, h, u, true);
        return;
    }
    struct dp_cookie copy;
    const struct dp_cookie *cookie = dp_cookie_from_userdata(u->userdata, u->userdata_len, &copy);
    if (!cookie) {
        LOG_WARN_RL(&rl, "action upcall cookie has unexpected size %u", u->userdata_len);
        ops->drop(h, u->key.in_port, DROP_UPCALL_ERROR, u->packet);
        return;
    }
    switch (cookie->type) {
    case DP_COOKIE_SLOW_PATH:
        translate(sp, h, u, false);
        break;
    case DP_COOKIE_CONTROLLER:
        controller(sp, h, u, cookie);
        break;
    default:
        sample_upcall(sp->backer, u, cookie);
        packet_free(u->packet);
        break;
    }
}

/* ------------------------------------------------------------------ packet-out */

/* What a packet from outside is to go through: actions, or what was frozen. */
struct way {
    const struct ofpact *actions;
    size_t actions_len;
    struct frozen_state *frozen; /* NULL: the actions. Its metadata is filled in */
};

/* The actions that are left fit the packet; they are told what they need to know of it. */
static bool fits(const struct frozen_state *s, const struct flow_key *key)
{
    struct match match;
    struct flow_key mask;
    struct ofpacts_check check = {
        .match = &match, .max_ports = OFPP_MAX, .n_tables = OFPROTO_N_TABLES, .usable = OFPROTO_ANY};
    flow_mask_for_packet(key, &mask);
    match_init(&match, key, &mask);
    if (ofpacts_check(s->actions, s->actions_len, &check)) {
        return false;
    }
    check.usable = OFPROTO_ANY;
    return !ofpacts_check(s->action_set, s->action_set_len, &check);
}

/* The packet of a frame that OpenFlow gives, and its key, with what METADATA, unless NULL, says. NULL: no
 * memory. */
static struct packet *packet_of(const struct ofproto *ofproto, const void *frame, size_t len,
                                const struct flow_key *metadata, struct flow_key *key)
{
    struct dp_backer *backer = ofproto->backer;
    struct packet *packet =
        packet_from_bytes(backer->dp->ops->handler_pool(backer->handler), frame, (uint32_t)len);
    if (!packet) {
        return NULL;
    }
    flow_key_extract_complete(packet, key);
    if (metadata) {
        memcpy(key->regs, metadata->regs, sizeof key->regs);
        key->metadata = metadata->metadata;
        key->pkt_mark = metadata->pkt_mark;
        memcpy(&key->tun_id, &metadata->tun_id, FLOW_BLOCK_SIZE);
        key->erspan_idx = metadata->erspan_idx;
        key->tun_md_present = metadata->tun_md_present;
        memcpy(key->tun_md, metadata->tun_md, sizeof key->tun_md);
    }
    return packet;
}

int ofproto_packet_out_key(const struct ofproto *ofproto, const void *frame, size_t len,
                           const struct flow_key *metadata, struct flow_key *key)
{
    struct packet *packet = packet_of(ofproto, frame, len, metadata, key);
    if (!packet) {
        return ENOMEM;
    }
    key->in_port = metadata->in_port;
    packet_free(packet);
    return 0;
}

static int send_out(struct ofproto *ofproto, const void *frame, size_t len, uint32_t in_port,
                    const struct flow_key *metadata, const struct way *way)
{
    struct dp_backer *backer = ofproto->backer;
    const struct datapath_ops *ops = backer->dp->ops;
    const struct snapshot *snapshot = snapshot_get(ofproto->pipeline);
    const struct xbridge *bridge = snapshot_bridge(snapshot, ofproto);
    if (!bridge) {
        return EINVAL;
    }
    struct flow_key key;
    struct packet *packet = packet_of(ofproto, frame, len, metadata, &key);
    if (!packet) {
        return ENOMEM;
    }
    const struct xport *port = xbridge_port(bridge, in_port);

    struct xlate_in xin;
    struct xlate_out xout;
    struct record record;
    struct traffic traffic = {.packets = 1, .bytes = len, .used_ms = clock_ms()};
    key.in_port = in_port;
    if (way->frozen) {
        key.ct_state = metadata->ct_state;
        key.ct_zone = metadata->ct_zone;
        key.ct_mark = metadata->ct_mark;
        key.ct_label = metadata->ct_label;
        key.actset_output = OFPP_UNSET;
        if (!fits(way->frozen, &key)) {
            packet_free(packet);
            return EPROTO;
        }
        struct frozen_state *s = way->frozen;
        if (s->n_egress) {
            key.actset_output = s->egress[s->n_egress - 1];
        }
        s->in_port = in_port;
        frozen_state_take_metadata(s, &key);
    }
    record_init(&record);
    xlate_out_init(&xout);
    xlate_in_init(&xin, snapshot, bridge, &key);
    xin.packet = packet;
    xin.side_effects = true;
    xin.packet_out = !way->frozen;
    xin.record = &record;
    xin.actions = way->actions;
    xin.actions_len = way->actions_len;
    xin.frozen = way->frozen;
    enum xlate_error error = xlate(&xin, &xout);
    if (error) {
        LOG_WARN_RL(&rl, "dropped packet-out on bridge %s: %s", bridge->name, xlate_error_text(error));
    }
    record_credit(&record, &traffic);

    /* To the datapath it is a packet of the port, by its number there. */
    key.in_port = port && !port->is_patch ? port->dp_port : PACKET_NO_PORT;
    if (xout.actions.len) {
        struct dp_execute e = {
            .packet = packet, .key = &key, .actions = xout.actions.data, .actions_len = xout.actions.len};
        ops->execute(backer->handler, &e);
    } else {
        ops->drop(backer->handler, key.in_port, DROP_EXPLICIT, packet);
    }
    for (size_t i = 0; i < xout.n_recirc_ids; i++) {
        recirc_unref(ofproto->pipeline->recirc, xout.recirc_ids[i]);
    }
    xlate_out_fini(&xout);
    record_fini(&record);
    return 0;
}

int ofproto_packet_out(struct ofproto *ofproto, const void *frame, size_t len, uint32_t in_port,
                       const struct flow_key *metadata, const struct ofpact *actions, size_t actions_len)
{
    const struct way way = {.actions = actions, .actions_len = actions_len};
    return send_out(ofproto, frame, len, in_port, metadata, &way);
}

int ofproto_resume(struct ofproto *ofproto, const void *frame, size_t len, const struct flow_key *metadata,
                   struct frozen_state *frozen)
{
    const struct way way = {.frozen = frozen};
    return send_out(ofproto, frame, len, metadata->in_port, metadata, &way);
}
