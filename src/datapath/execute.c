/* SPDX-License-Identifier: Apache-2.0 */
/* Stage "execute": a list of datapath actions over a batch. Each action that sends packets on works on
 * clones, but for the last one, which takes the packets themselves. */
#include <string.h>

#include "action/action.h"
#include "action/hash.h"
#include "action/rewrite.h"
#include "base/log.h"
#include "base/random.h"
#include "datapath/ct.h"
#include "datapath/journey.h"
#include "datapath/meter.h"
#include "flow/extract.h"
#include "packet/gso.h"
#include "tunnel/pop.h"
#include "tunnel/push.h"
#include "tunnel/stt.h"

LOG_MODULE(odp_execute);

static void clone_into(struct forwarder *f, struct packet *packet, struct packet_batch *out)
{
    struct packet *clone = packet_clone(f->pool, packet);
    if (likely(clone != NULL)) {
        batch_add(out, clone);
    } else {
        forwarder_count_drop(f, packet->in_port, DROP_NO_MEMORY);
    }
}

/* The packets for one more use: clones, or, if this is the last use, the batch itself (which is then empty).
 */
static void take_packets(struct forwarder *f, struct packet_batch *batch, bool last, struct packet_batch *out)
{
    if (last) {
        *out = *batch;
        batch_init(batch);
        return;
    }
    struct packet *packet;
    batch_init(out);
    out->truncated = batch->truncated;
    BATCH_FOR_EACH (packet, batch) {
        clone_into(f, packet, out);
    }
}

/* A truncation holds for one output; what stays behind is whole again. */
static void forget_truncation(struct packet_batch *batch)
{
    if (batch->truncated) {
        struct packet *packet;
        BATCH_FOR_EACH (packet, batch) {
            packet->cutlen = 0;
        }
        batch->truncated = false;
    }
}

static void output(struct forwarder *f, struct packet_batch *batch, uint32_t port_no, bool last)
{
    struct packet_batch out;
    if (likely(last)) {
        journey_output(f, batch, port_no);
        batch_init(batch);
        return;
    }
    take_packets(f, batch, false, &out);
    forget_truncation(batch);
    journey_output(f, &out, port_no);
}

static void truncate_packets(struct packet_batch *batch, uint32_t max_len)
{
    struct packet *packet;
    BATCH_FOR_EACH (packet, batch) {
        packet->cutlen = packet->len > max_len ? packet->len - max_len : 0;
        batch->truncated |= packet->cutlen != 0;
    }
}

static void userspace(struct forwarder *f, struct packet_batch *batch, const struct dp_action_userspace *a,
                      const void *actions, size_t actions_len, bool last)
{
    struct packet_batch out;
    struct packet *packet;
    take_packets(f, batch, last, &out);
    forget_truncation(batch);
    BATCH_FOR_EACH (packet, &out) {
        struct flow_key key;
        packet->len -= packet->cutlen;
        packet->cutlen = 0;
        flow_key_extract(packet, &key);
        struct upcall_item item = {
            .type = DP_UPCALL_ACTION,
            .userdata = a->userdata,
            .userdata_len = a->userdata_len,
            .out_tunnel_port = a->tunnel_out_port,
            .actions = a->actions ? actions : NULL,
            .n_actions = a->actions ? (uint32_t)actions_len : 0,
        };
        journey_upcall(f, packet, &key, &item);
    }
}

static void recirculate(struct forwarder *f, struct packet_batch *batch, uint32_t recirc_id, bool last)
{
    struct packet_batch out;
    struct packet *packet;
    take_packets(f, batch, last, &out);
    BATCH_FOR_EACH (packet, &out) {
        packet->recirc_id = recirc_id;
    }
    f->stats.recirculated += out.n;
    journey_again(f, &out, last);
}

void journey_continue(struct forwarder *f, struct packet_batch *batch, const void *list, size_t len)
{
    static struct log_rate_limit limit = LOG_RATE_LIMIT_INIT(1, 5);
    if (unlikely(f->nesting + DP_COST_BRANCH > DP_MAX_NESTING)) {
        LOG_WARN_RL(&limit, "%s: actions are nested too deep, packet dropped", f->dp->up.name);
        forwarder_drop_batch(f, batch, DROP_RECURSION);
        return;
    }
    f->depth++;
    f->nesting += DP_COST_BRANCH;
    execute_actions(f, batch, list, len);
    f->nesting -= DP_COST_BRANCH;
    f->depth--;
}

/* An empty nested list drops only what was made for it: the packets of the flow go on, or were the last. */
static void clone_list(struct forwarder *f, struct packet_batch *batch, const void *list, size_t len,
                       bool last)
{
    struct packet_batch out;
    take_packets(f, batch, last, &out);
    journey_continue(f, &out, list, len);
}

/* What is left of packets when no more actions are for it: if nothing was made of them before, they end here
 * because the actions say so. */
static void end_packets(struct forwarder *f, struct packet_batch *batch, bool used)
{
    if (used) {
        batch_free(batch);
    } else {
        forwarder_drop_batch(f, batch, DROP_EXPLICIT);
    }
}

/* USED: an action before this one sent the packets somewhere. */
static void sample(struct forwarder *f, struct packet_batch *batch, const struct dp_action *a, bool last,
                   bool used)
{
    size_t len;
    const struct dp_action *list = dp_action_nested(a, &len);
    uint32_t probability = dp_action_value(a);
    struct packet_batch chosen, others;
    struct packet *packet;
    if (probability == UINT32_MAX) {
        clone_list(f, batch, list, len, last);
        return;
    }
    batch_init(&chosen);
    batch_init(&others);
    chosen.truncated = others.truncated = batch->truncated;
    BATCH_FOR_EACH (packet, batch) {
        bool hit = probability && random_u32() <= probability;
        if (!last && hit) {
            clone_into(f, packet, &chosen); /* the packets themselves stay, in their order */
        } else if (last) {
            batch_add(hit ? &chosen : &others, packet);
        }
    }
    if (last) {
        batch_init(batch);             /* each packet is in one of the two now */
        end_packets(f, &others, used); /* not chosen: nothing more was to become of them */
    }
    if (chosen.n) {
        journey_continue(f, &chosen, list, len);
    }
}

static void check_pkt_len(struct forwarder *f, struct packet_batch *batch,
                          const struct dp_action_check_pkt_len *a, bool last)
{
    struct packet_batch longer, others, out;
    struct packet *packet;
    size_t gt_len, le_len;
    const struct dp_action *if_greater = dp_action_if_greater(&a->a, &gt_len);
    const struct dp_action *if_less_equal = dp_action_if_less_equal(&a->a, &le_len);
    take_packets(f, batch, last, &out);
    batch_init(&longer);
    batch_init(&others);
    BATCH_FOR_EACH (packet, &out) {
        uint32_t len = packet->len;
        if (packet->gso_type != PACKET_GSO_NONE) {
            len = MIN(len, (uint32_t)packet->gso_hdr_len + packet->gso_size); /* as it will be on the wire */
        }
        batch_add(len > a->size ? &longer : &others, packet);
    }
    longer.truncated = others.truncated = out.truncated;
    if (longer.n) {
        journey_continue(f, &longer, if_greater, gt_len);
    }
    if (others.n) {
        journey_continue(f, &others, if_less_equal, le_len);
    }
}

/* Applies a rewrite to each packet; those that it does not fit are dropped for the reason that it gives. */
static void rewrite(struct forwarder *f, struct packet_batch *batch, const struct dp_action *a)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->n; i++) {
        struct packet *packet = batch->packets[i];
        enum drop_reason reason = rewrite_packet(packet, a);
        if (likely(reason == DROP_NONE)) {
            batch->packets[kept++] = packet;
        } else {
            forwarder_drop(f, packet, reason);
        }
    }
    batch->n = kept;
}

/* Packets whose TTL is exhausted leave by the list; the others go on. */
static void dec_ttl(struct forwarder *f, struct packet_batch *batch, const struct dp_action *a)
{
    struct packet_batch expired;
    uint32_t kept = 0;
    size_t list_len;
    const struct dp_action *list = dp_action_nested(a, &list_len);
    batch_init(&expired);
    for (uint32_t i = 0; i < batch->n; i++) {
        struct packet *packet = batch->packets[i];
        enum drop_reason reason = rewrite_dec_ttl(packet);
        if (likely(reason == DROP_NONE)) {
            batch->packets[kept++] = packet;
        } else if (reason == DROP_TTL_EXPIRED && list_len) {
            batch_add(&expired, packet);
        } else {
            forwarder_drop(f, packet, reason);
        }
    }
    batch->n = kept;
    if (expired.n) {
        journey_continue(f, &expired, list, list_len);
    }
}

/* Puts the header in front of PACKET, which goes on as one that came in by the port it is sent through. */
static bool push_header(struct forwarder *f, struct packet *packet, const struct dp_action_tnl_push *a)
{
    static _Atomic uint32_t nobody;
    struct dp_port *port = dp_port_get(f->dp, a->tnl_port);
    uint32_t hash = dp_hash_packet(packet, DP_HASH_L4, 0);
    struct dp_port *out = dp_port_get(f->dp, a->out_port);
    uint32_t mtu = out ? atomic_load_explicit(&out->vport->mtu, memory_order_relaxed) : UINT16_MAX;
    enum drop_reason reason = tunnel_push(packet, a->header, a->header_len, a->tnl_type, hash,
                                          port ? &port->tunnel_seq : &nobody, mtu);
    if (unlikely(reason)) {
        forwarder_drop(f, packet, reason);
        return false;
    }
    packet->in_port = a->out_port;
    return true;
}

/* A segment that has to be cut before becomes many packets: those that do not fit into the batch go through
 * the REST of the actions first. */
static void push_segments(struct forwarder *f, struct packet *packet, struct packet_batch *out,
                          const struct dp_action_tnl_push *a, const void *rest, size_t rest_len)
{
    struct gso g;
    struct packet_batch segments;
    enum drop_reason why = gso_begin(&g, packet, f->pool, false);
    batch_init(&segments);
    while (!why && gso_next(&g, &segments)) {
        struct packet *segment;
        BATCH_FOR_EACH (segment, &segments) {
            struct flow_key key;
            flow_key_extract(segment, &key); /* offsets */
            if (batch_is_full(out)) {
                journey_continue(f, out, rest, rest_len);
                batch_init(out);
            }
            if (push_header(f, segment, a)) {
                batch_add(out, segment);
            }
        }
        batch_init(&segments);
    }
    if (why || g.error) {
        forwarder_count_drop(f, packet->in_port, why ? why : g.error);
    }
    packet_free(packet);
}

static void tnl_push(struct forwarder *f, struct packet_batch *batch, const struct dp_action_tnl_push *a,
                     const void *rest, size_t rest_len)
{
    struct packet_batch out;
    struct packet *packet;
    batch_init(&out);
    BATCH_FOR_EACH (packet, batch) {
        if (unlikely(packet->gso_type &&
                     tunnel_push_wants_segments(packet, a->header, a->header_len, a->tnl_type))) {
            push_segments(f, packet, &out, a, rest, rest_len);
            continue;
        }
        if (unlikely(batch_is_full(&out))) {
            journey_continue(f, &out, rest, rest_len);
            batch_init(&out);
        }
        if (likely(push_header(f, packet, a))) {
            batch_add(&out, packet);
        }
    }
    *batch = out;
}

/* A packet with a whole frame; NULL: PACKET waits for the others, or was dropped. */
static struct packet *gather_stt(struct forwarder *f, struct stt_frames *frames, struct packet *packet)
{
    struct packet *whole;
    uint32_t lost;
    enum drop_reason reason = stt_gather(frames, packet, f->pool, f->now_ms, &whole, &lost);
    if (lost != PACKET_NO_PORT) {
        forwarder_count_drop(f, lost, DROP_FRAGMENT);
    }
    if (reason) {
        forwarder_drop(f, packet, reason);
    }
    return whole;
}

/* Takes the outer headers off: the packets come in anew, by the tunnel's port. */
static void tnl_pop(struct forwarder *f, struct packet_batch *batch, uint32_t port_no, bool last)
{
    const struct dp_port *port = dp_port_get(f->dp, port_no);
    struct packet_batch out;
    struct packet *packet;
    uint32_t kept = 0;
    take_packets(f, batch, last, &out);
    if (unlikely(!port || !port->tunnel)) {
        forwarder_drop_batch(f, &out, DROP_NO_PORT);
        return;
    }
    BATCH_FOR_EACH (packet, &out) {
        if (port->stt) {
            packet = gather_stt(f, port->stt, packet);
            if (!packet) {
                continue;
            }
        }
        enum drop_reason reason = tunnel_pop(packet, port->tunnel);
        if (likely(reason == DROP_NONE)) {
            packet->in_port = port_no;
            out.packets[kept++] = packet;
        } else {
            forwarder_drop(f, packet, reason);
        }
    }
    out.n = kept;
    out.truncated = false;
    f->stats.recirculated += out.n;
    journey_again(f, &out, last);
}

static void hash(struct packet_batch *batch, const struct dp_action_hash *a)
{
    struct packet *packet;
    BATCH_FOR_EACH (packet, batch) {
        packet->dp_hash = dp_hash_packet(packet, (enum dp_hash_alg)a->alg, a->basis);
    }
}

void execute_actions(struct forwarder *f, struct packet_batch *batch, const void *actions, size_t actions_len)
{
    const struct dp_action *a, *list;
    size_t list_len;
    if (!actions_len) {
        forwarder_drop_batch(f, batch, DROP_EXPLICIT);
        return;
    }
    bool used = false;
    DP_ACTION_FOR_EACH (a, actions, actions_len) {
        bool last = dp_action_is_last(a, actions, actions_len);
        if (unlikely(!batch->n)) {
            return;
        }
        switch ((enum dp_action_type)a->type) {
        case DP_ACTION_OUTPUT:
            output(f, batch, dp_action_value(a), last);
            used = true;
            break;
        case DP_ACTION_USERSPACE:
            userspace(f, batch, DP_ACTION_AS(dp_action_userspace, a), actions, actions_len, last);
            used = true;
            break;
        case DP_ACTION_RECIRC:
            recirculate(f, batch, dp_action_value(a), last);
            used = true;
            break;
        case DP_ACTION_SAMPLE:
            sample(f, batch, a, last, used);
            used = true;
            break;
        case DP_ACTION_CLONE:
            list = dp_action_nested(a, &list_len);
            clone_list(f, batch, list, list_len, last);
            used = true;
            break;
        case DP_ACTION_CHECK_PKT_LEN:
            check_pkt_len(f, batch, DP_ACTION_AS(dp_action_check_pkt_len, a), last);
            used = true;
            break;
        case DP_ACTION_TRUNC:
            truncate_packets(batch, dp_action_value(a));
            break;
        case DP_ACTION_HASH:
            hash(batch, DP_ACTION_AS(dp_action_hash, a));
            break;
        case DP_ACTION_METER:
            dp_meters_run(f, dp_action_value(a), batch);
            break;
        case DP_ACTION_DEC_TTL:
            dec_ttl(f, batch, a);
            break;
        case DP_ACTION_DROP:
            list_len = dp_action_value(a);
            forwarder_drop_batch(
                f, batch, list_len && list_len < DROP_N_REASONS ? (enum drop_reason)list_len : DROP_EXPLICIT);
            batch_init(batch);
            break;
        case DP_ACTION_SET:
        case DP_ACTION_PUSH_VLAN:
        case DP_ACTION_POP_VLAN:
        case DP_ACTION_PUSH_MPLS:
        case DP_ACTION_POP_MPLS:
        case DP_ACTION_ADD_MPLS:
        case DP_ACTION_PUSH_ETH:
        case DP_ACTION_POP_ETH:
        case DP_ACTION_PUSH_NSH:
        case DP_ACTION_POP_NSH:
        case DP_ACTION_CT_CLEAR:
        case DP_ACTION_COPY_TTL_IN:
        case DP_ACTION_COPY_TTL_OUT:
            rewrite(f, batch, a);
            break;
        case DP_ACTION_TNL_PUSH: {
            const char *rest = (const char *)a + a->len;
            tnl_push(f, batch, DP_ACTION_AS(dp_action_tnl_push, a), rest,
                     (size_t)((const char *)actions + actions_len - rest));
            break;
        }
        case DP_ACTION_CT:
            list = dp_action_next(a);
            dp_ct_execute(f, batch, DP_ACTION_AS(dp_action_ct, a), list,
                          actions_len - (size_t)((const char *)list - (const char *)actions));
            break;
        case DP_ACTION_TNL_POP:
            tnl_pop(f, batch, dp_action_value(a), last);
            used = true;
            break;
        case DP_ACTION_LB_OUTPUT: /* bonds bring it: flow_put refuses it until then */
        case DP_N_ACTIONS:
            forwarder_drop_batch(f, batch, DROP_ACTION_INVALID);
            batch_init(batch);
            break;
        }
    }
    end_packets(f, batch, used); /* the last action did not send them on: a set behind the last output */
}
