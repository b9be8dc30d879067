/* SPDX-License-Identifier: Apache-2.0 */
#include "datapath/ct.h"

#include <errno.h>

#include "base/clock.h"
#include "conntrack/fragments.h"
#include "datapath/journey.h"

#define SAME_FLAG(NAME) _Static_assert((int)DP_CT_##NAME == (int)CT_REQ_##NAME, "one number for both")
SAME_FLAG(COMMIT);
SAME_FLAG(FORCE);
SAME_FLAG(MARK);
SAME_FLAG(LABEL);
SAME_FLAG(NAT);
SAME_FLAG(NAT_SRC);
SAME_FLAG(NAT_DST);
SAME_FLAG(NAT_V4);
SAME_FLAG(NAT_V6);
_Static_assert(DP_CT_HASH == CT_REQ_NAT_HASH && DP_CT_RANDOM == CT_REQ_NAT_RANDOM, "one number for both");

/* The fragments of a packet that is complete: tracked as one, sent on as they were. */
static void send_fragments(struct forwarder *f, struct ct_fragments *fragments, const struct ct_request *req,
                           const void *actions, size_t actions_len)
{
    struct packet *whole = ct_fragments_whole(fragments, f->pool);
    const size_t n = ct_fragments_count(fragments);
    if (!whole) {
        for (size_t i = 0; i < n; i++) {
            forwarder_count_drop(f, ct_fragments_in_port(fragments), DROP_FRAGMENT);
        }
        return;
    }
    struct packet_batch batch;
    batch_init(&batch);
    batch_add(&batch, whole);
    conntrack_execute(f->dp->conntrack, &batch, req, f->now_ms);
    batch_init(&batch);
    for (size_t i = 0; i < n; i++) {
        struct packet *p = ct_fragments_get(fragments, i, whole, f->pool);
        if (p) {
            batch_add(&batch, p);
        } else {
            forwarder_count_drop(f, ct_fragments_in_port(fragments), DROP_NO_MEMORY);
        }
        if (batch_is_full(&batch) || i == n - 1) {
            journey_continue(f, &batch, actions, actions_len);
            batch_init(&batch);
        }
    }
    packet_free(whole);
}

/* Takes the packets of FRAGMENTS (a bitmap) out of the batch, but for those that must go on as they are. */
static void hold_fragments(struct forwarder *f, struct packet_batch *batch, uint32_t fragments,
                           const struct ct_request *req, const void *actions, size_t actions_len)
{
    uint32_t kept = 0, n = batch->n;
    for (uint32_t i = 0; i < n; i++) {
        struct packet *p = batch->packets[i];
        struct ct_fragments *complete = NULL;
        if (!(fragments & 1u << i) ||
            conntrack_fragment(f->dp->conntrack, p, req->zone, f->now_ms, &complete) == CT_FRAGMENT_REFUSED) {
            batch->packets[kept++] = p;
            continue;
        }
        packet_free(p); /* there is a copy */
        if (complete) {
            send_fragments(f, complete, req, actions, actions_len);
            ct_fragments_free(complete);
        }
    }
    batch->n = kept;
}

/* Policies of this datapath have numbers for names, as in the reference's. */
static uint16_t policy_number(const char *name)
{
    unsigned long number = 0;
    for (; *name >= '0' && *name <= '9' && number <= UINT16_MAX; name++) {
        number = number * 10 + (unsigned long)(*name - '0');
    }
    return *name || number > UINT16_MAX ? 0 : (uint16_t)number;
}

void dp_ct_execute(struct forwarder *f, struct packet_batch *batch, const struct dp_action_ct *a,
                   const void *actions, size_t actions_len)
{
    struct ct_request req = {
        .zone = a->zone,
        .flags = a->flags,
        .mark = a->mark,
        .mark_mask = a->mark_mask,
        .label = a->label,
        .label_mask = a->label_mask,
        .nat_port_min = a->nat_port_min,
        .nat_port_max = a->nat_port_max,
        .nat_min = a->nat_min,
        .nat_max = a->nat_max,
        .helper = (uint8_t)ct_alg_from_name(a->helper),
        .policy = a->timeout[0] ? policy_number(a->timeout) : 0,
    };
    uint32_t fragments = conntrack_execute(f->dp->conntrack, batch, &req, f->now_ms);
    if (unlikely(fragments)) {
        hold_fragments(f, batch, fragments, &req, actions, actions_len);
    }
}

void dp_ct_dump(struct datapath *up, int32_t zone, void (*each)(const struct ct_entry *, void *aux),
                void *aux)
{
    conntrack_dump(dp_cast(up)->conntrack, zone, clock_ms(), each, aux);
}

uint32_t dp_ct_flush(struct datapath *up, int32_t zone, const struct ct_match *orig,
                     const struct ct_match *reply)
{
    return conntrack_flush(dp_cast(up)->conntrack, zone, orig, reply);
}

uint64_t dp_ct_get(struct datapath *up, enum dp_ct_param param)
{
    struct conntrack *ct = dp_cast(up)->conntrack;
    struct ct_frag_status frags;
    conntrack_frag_status(ct, &frags);
    switch (param) {
    case DP_CT_MAXCONNS:
        return conntrack_get_maxconns(ct);
    case DP_CT_NCONNS:
        return conntrack_count(ct);
    case DP_CT_SEQ_CHK:
        return conntrack_get_tcp_seq_chk(ct);
    case DP_CT_FRAG_V4:
    case DP_CT_FRAG_V6:
        return frags.families[param - DP_CT_FRAG_V4].enabled;
    case DP_CT_MIN_FRAG_V4:
    case DP_CT_MIN_FRAG_V6:
        return frags.families[param - DP_CT_MIN_FRAG_V4].min_size;
    case DP_CT_MAX_FRAGS:
        return frags.max_frags;
    }
    return 0;
}

int dp_ct_set(struct datapath *up, enum dp_ct_param param, uint64_t value)
{
    struct conntrack *ct = dp_cast(up)->conntrack;
    switch (param) {
    case DP_CT_MAXCONNS:
        conntrack_set_maxconns(ct, (uint32_t)value);
        return 0;
    case DP_CT_SEQ_CHK:
        conntrack_set_tcp_seq_chk(ct, value);
        return 0;
    case DP_CT_FRAG_V4:
    case DP_CT_FRAG_V6:
        return conntrack_frag_set_enabled(ct, param == DP_CT_FRAG_V6, value);
    case DP_CT_MIN_FRAG_V4:
    case DP_CT_MIN_FRAG_V6:
        return conntrack_frag_set_min_size(ct, param == DP_CT_MIN_FRAG_V6, (uint32_t)value);
    case DP_CT_MAX_FRAGS:
        return conntrack_frag_set_max(ct, (uint32_t)value);
    case DP_CT_NCONNS:
        break;
    }
    return EPERM;
}

void dp_ct_frag_status(struct datapath *up, struct ct_frag_status *status)
{
    conntrack_frag_status(dp_cast(up)->conntrack, status);
}

void dp_ct_frag_dump(struct datapath *up, void (*each)(const struct ct_frag_entry *, void *aux), void *aux)
{
    conntrack_frag_dump(dp_cast(up)->conntrack, each, aux);
}

void dp_ct_set_limit(struct datapath *up, int32_t zone, uint32_t limit)
{
    conntrack_set_limit(dp_cast(up)->conntrack, zone, limit);
}

int dp_ct_del_limit(struct datapath *up, uint16_t zone)
{
    return conntrack_del_limit(dp_cast(up)->conntrack, zone);
}

void dp_ct_get_limit(struct datapath *up, int32_t zone, struct ct_zone_limit *limit)
{
    conntrack_get_limit(dp_cast(up)->conntrack, zone, limit);
}

void dp_ct_each_limit(struct datapath *up, void (*each)(const struct ct_zone_limit *, void *aux), void *aux)
{
    conntrack_each_limit(dp_cast(up)->conntrack, each, aux);
}

void dp_ct_set_timeouts(struct datapath *up, uint16_t policy, const int64_t *seconds)
{
    conntrack_set_timeouts(dp_cast(up)->conntrack, policy, seconds);
}
