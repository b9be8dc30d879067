/* SPDX-License-Identifier: Apache-2.0 */
/* Read it from the bottom: conntrack_execute() parses and looks up a burst, then track() each packet:
 *
 *   update      what the packet does to the connection that it belongs to
 *   begin       a packet of none: may it begin one? is it to be committed?
 *   translate   as the connection says
 *   write       the packet's ct members */
#include "conntrack/conntrack.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/coverage.h"
#include "base/log.h"
#include "conntrack/alg.h"
#include "conntrack/fragments.h"
#include "conntrack/nat.h"
#include "conntrack/private.h"
#include "flow/key.h"
#include "wire/ipv4.h"

LOG_MODULE(conntrack);

COVERAGE_DEFINE(conntrack_full);
COVERAGE_DEFINE(conntrack_zone_full);

static const uint32_t default_times[CT_N_TIMEOUTS] = {
#define X(NAME, TEXT, SECONDS) SECONDS,
    CT_TIMEOUTS(X)
#undef X
};

/* A connection has left the table. */
static void removed(struct ct_conn *c, void *ct_)
{
    struct conntrack *ct = ct_;
    __atomic_fetch_sub(&ct->zones[c->orig.zone].count, 1, __ATOMIC_RELAXED);
    ct_alg_end(ct->expectations, c);
}

struct conntrack *conntrack_create(void)
{
    struct conntrack *ct = xzalloc_cacheline(sizeof *ct);
    ct->table = ct_table_create(removed, ct);
    ct->maxconns = CT_MAXCONNS_DEFAULT;
    ct->check_seq = true;
    ct->fragments = ct_fragment_store_create();
    ct->expectations = ct_expectations_create();
    ct->zones = xcalloc(CT_N_ZONES, sizeof *ct->zones); /* untouched pages cost nothing */
    return ct;
}

static void drop_conn(struct ct_conn *c, void *ct_)
{
    struct conntrack *ct = ct_;
    ct_table_remove(ct->table, c);
}

void conntrack_destroy(struct conntrack *ct)
{
    if (!ct) {
        return;
    }
    ct_table_each(ct->table, 0, CT_N_SHARDS, drop_conn, ct);
    ct_table_destroy(ct->table);
    for (unsigned i = 0; ct->policies && i < CT_N_POLICIES; i++) {
        free(ct->policies[i]);
    }
    free(ct->policies);
    ct_fragment_store_destroy(ct->fragments);
    ct_expectations_destroy(ct->expectations);
    free(ct->zones);
    free(ct);
}

/* ------------------------------------------------------------------ time */

static uint32_t seconds(const struct conntrack *ct, uint16_t policy, enum ct_timeout timeout)
{
    if (unlikely(policy)) {
        struct ct_policy *const *policies = rcu_get(&ct->policies);
        const struct ct_policy *p = policies ? rcu_get(&policies[policy]) : NULL;
        if (p && p->seconds[timeout] >= 0) {
            return (uint32_t)p->seconds[timeout];
        }
    }
    return default_times[timeout];
}

static void set_timeout(const struct conntrack *ct, struct ct_conn *c, enum ct_timeout timeout,
                        int64_t now_ms)
{
    c->timeout = (uint16_t)timeout;
    __atomic_store_n(&c->expires_ms, now_ms + (int64_t)seconds(ct, c->policy, timeout) * 1000,
                     __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ update */

static enum ct_verdict update_tcp(struct conntrack *ct, struct ct_conn *c, int dir,
                                  const struct ct_packet *pk, int64_t now_ms)
{
    spin_lock(&c->lock);
    enum ct_timeout timeout = CT_N_TIMEOUTS;
    enum ct_verdict verdict = ct_tcp_update(c->tcp, dir, pk->l4, pk->l4_len, ct->check_seq, &timeout);
    spin_unlock(&c->lock);
    if (timeout != CT_N_TIMEOUTS) {
        set_timeout(ct, c, timeout, now_ms);
    }
    return verdict;
}

/* Protocols of which no more is known than who spoke. */
static enum ct_verdict update_plain(struct conntrack *ct, struct ct_conn *c, int dir, int64_t now_ms)
{
    static const uint8_t times[3][2] = {
        /* only one side was heard, both */
        {CT_TIMEOUT_UDP_SINGLE, CT_TIMEOUT_UDP_MULTIPLE},
        {CT_TIMEOUT_ICMP_FIRST, CT_TIMEOUT_ICMP_REPLY},
        {CT_TIMEOUT_OTHER_SINGLE, CT_TIMEOUT_OTHER_MULTIPLE},
    };
    int kind = c->orig.proto == IP_PROTO_UDP ? 0 : ct_tuple_is_icmp(&c->orig) ? 1 : 2;
    if (dir) {
        c->replied = 1;
    }
    set_timeout(ct, c, (enum ct_timeout)times[kind][c->replied], now_ms);
    return c->replied ? CT_VALID : CT_VALID_NEW;
}

static enum ct_verdict update(struct conntrack *ct, struct ct_conn *c, int dir, const struct ct_packet *pk,
                              int64_t now_ms)
{
    return c->orig.proto == IP_PROTO_TCP ? update_tcp(ct, c, dir, pk, now_ms)
                                         : update_plain(ct, c, dir, now_ms);
}

/* ------------------------------------------------------------------ begin */

static enum ct_timeout first_timeout(const struct ct_tuple *t)
{
    return t->proto == IP_PROTO_TCP   ? CT_TIMEOUT_TCP_FIRST
           : t->proto == IP_PROTO_UDP ? CT_TIMEOUT_UDP_FIRST
           : ct_tuple_is_icmp(t)      ? CT_TIMEOUT_ICMP_FIRST
                                      : CT_TIMEOUT_OTHER_FIRST;
}

/* Takes a place in the zone and the table. */
static bool take_place(struct conntrack *ct, uint16_t zone)
{
    struct ct_zone *z = &ct->zones[zone];
    if (ct_table_count(ct->table) >= ct->maxconns) {
        COVERAGE_INC(conntrack_full);
        return false;
    }
    uint32_t limit = z->has_limit ? z->limit : ct->default_limit;
    if (__atomic_fetch_add(&z->count, 1, __ATOMIC_RELAXED) >= limit && limit) {
        __atomic_fetch_sub(&z->count, 1, __ATOMIC_RELAXED);
        COVERAGE_INC(conntrack_zone_full);
        return false;
    }
    return true;
}

static int insert(struct conntrack *ct, struct ct_conn *c, const struct ct_request *req,
                  const struct ct_expectation *expected, int64_t now_ms)
{
    if (unlikely(expected && expected->nat && req->flags & CT_REQ_NAT)) {
        return ct_alg_insert(ct->table, c, expected, now_ms);
    }
    if (req->flags & (CT_REQ_NAT_SRC | CT_REQ_NAT_DST)) {
        return ct_nat_insert(ct->table, c, req, now_ms);
    }
    ct_tuple_reverse(&c->orig, &c->reply);
    c->reply_hash = c->hash;
    return ct_table_insert(ct->table, c, now_ms);
}

/* The connection that the packet begins, EXPECTED NULL: nobody announced it. NULL with *ERROR: 0 there is no
 * place for it, EEXIST it is there by now, EADDRINUSE nothing to translate it to. */
static struct ct_conn *commit(struct conntrack *ct, const struct ct_packet *pk, uint64_t hash,
                              const struct ct_request *req, const struct ct_expectation *expected,
                              int64_t now_ms, int *error)
{
    static struct log_rate_limit limit = LOG_RATE_LIMIT_INIT(1, 5);
    *error = 0;
    if (!take_place(ct, req->zone)) {
        return NULL;
    }
    struct ct_conn *c = ct_table_alloc(ct->table, &pk->tuple, hash);
    if (!c) {
        __atomic_fetch_sub(&ct->zones[req->zone].count, 1, __ATOMIC_RELAXED);
        return NULL;
    }
    c->policy = req->policy;
    if (c->orig.proto == IP_PROTO_TCP) {
        ct_tcp_begin(c->tcp, pk->l4, pk->l4_len);
    }
    set_timeout(ct, c, first_timeout(&c->orig), now_ms);
    ct_alg_begin(c, (enum ct_alg_helper)req->helper, expected);
    *error = insert(ct, c, req, expected, now_ms);
    if (!*error) {
        return c;
    }
    if (*error == EADDRINUSE) {
        LOG_WARN_RL(&limit,
                    "Unable to NAT due to tuple space exhaustion - if DoS attack, use firewalling and/or "
                    "zone partitioning.");
    }
    ct_alg_end(ct->expectations, c);
    ct_table_abandon(c);
    __atomic_fetch_sub(&ct->zones[req->zone].count, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* ------------------------------------------------------------------ what the packet gets */

static void set_mark_and_label(struct ct_conn *c, const struct ct_request *req)
{
    spin_lock(&c->lock);
    if (req->flags & CT_REQ_MARK) {
        __atomic_store_n(&c->mark, (c->mark & ~req->mark_mask) | (req->mark & req->mark_mask),
                         __ATOMIC_RELAXED);
    }
    if (req->flags & CT_REQ_LABEL) {
        be32 any = 0;
        for (int i = 0; i < 4; i++) {
            be32 mask = req->label_mask.be32[i];
            c->label.be32[i] = (c->label.be32[i] & ~mask) | (req->label.be32[i] & mask);
            any |= c->label.be32[i];
        }
        __atomic_store_n(&c->has_label, any != 0, __ATOMIC_RELAXED);
    }
    spin_unlock(&c->lock);
}

static void write_orig(struct packet *p, const struct ct_tuple *t)
{
    struct packet_ct_orig *o = &p->ct_orig;
    o->src = t->src;
    o->dst = t->dst;
    o->proto = t->proto;
    o->is_ipv6 = t->is_ipv6;
    if (unlikely(ct_tuple_is_icmp(t))) {
        o->tp_src = CONST_BE16(CT_ICMP_TYPE(t->tp_dst));
        o->tp_dst = CONST_BE16(CT_ICMP_CODE(t->tp_dst));
    } else {
        o->tp_src = t->tp_src;
        o->tp_dst = t->tp_dst;
    }
    p->flags |= PACKET_F_CT_ORIG;
}

/* ORIG NULL: the packet has none. C NULL: none is committed. */
static void write_packet(struct packet *p, uint16_t state, uint16_t zone, struct ct_conn *c,
                         const struct ct_tuple *orig)
{
    p->ct_state = state | FLOW_CS_TRK;
    p->ct_zone = zone;
    p->ct_mark = c ? __atomic_load_n(&c->mark, __ATOMIC_RELAXED) : 0;
    if (unlikely(c && __atomic_load_n(&c->has_label, __ATOMIC_RELAXED))) {
        spin_lock(&c->lock);
        p->ct_label = c->label;
        spin_unlock(&c->lock);
    } else {
        memset(&p->ct_label, 0, sizeof p->ct_label);
    }
    if (likely(orig != NULL)) {
        write_orig(p, orig);
    } else {
        p->flags &= (uint8_t)~PACKET_F_CT_ORIG;
    }
}

/* ------------------------------------------------------------------ each packet */

/* A burst at work. */
struct burst {
    struct conntrack *ct;
    const struct ct_request *req;
    int64_t now_ms;
    bool changed; /* connections came or went since they were looked up */
};

/* What became of the packet's connection; state bits but TRK. *CONN NULL: it has none (any more). */
static uint16_t known(struct burst *b, const struct ct_packet *pk, struct ct_conn **conn, int dir)
{
    struct ct_conn *c = *conn;
    uint16_t reply = dir ? FLOW_CS_RPL : 0;
    if (pk->kind == CT_KIND_ERROR) {
        return FLOW_CS_REL | reply;
    }
    if (unlikely(dir && (b->req->flags & CT_REQ_FORCE) && (b->req->flags & CT_REQ_COMMIT))) {
        ct_table_remove(b->ct->table, c); /* this packet begins one of its own direction */
        b->changed = true;
        *conn = NULL;
        return 0;
    }
    switch (update(b->ct, c, dir, pk, b->now_ms)) {
    case CT_VALID:
        return FLOW_CS_EST | reply;
    case CT_VALID_NEW:
        return FLOW_CS_NEW;
    case CT_BEGINS_ANEW:
        ct_table_remove(b->ct->table, c);
        b->changed = true;
        *conn = NULL;
        return 0;
    case CT_INVALID:
        break;
    }
    return FLOW_CS_INV;
}

static bool may_begin(const struct ct_packet *pk)
{
    if (pk->kind != CT_KIND_PLAIN) {
        return false;
    }
    return pk->tuple.proto == IP_PROTO_TCP ? ct_tcp_may_begin(pk->l4)
           : ct_tuple_is_icmp(&pk->tuple)  ? ct_tuple_is_icmp_request(&pk->tuple)
                                           : true;
}

/* What is changed in this packet: where the original direction's source is, the answers have their
 * destination. */
static uint16_t nat_bits(const struct ct_conn *c, int dir)
{
    uint8_t source = dir ? CT_NAT_DST : CT_NAT_SRC, destination = dir ? CT_NAT_SRC : CT_NAT_DST;
    return (c->nat & source ? FLOW_CS_SNAT : 0) | (c->nat & destination ? FLOW_CS_DNAT : 0);
}

/* The connection of a packet that was tracked in this zone before, and was not changed since other than by
 * the connection's own translation; NULL: it is to be looked for. */
static struct ct_conn *tracked_here(const struct burst *b, const struct packet *p, const struct ct_packet *pk,
                                    int *dir)
{
    const struct packet_ct_orig *o = &p->ct_orig;
    struct ct_tuple orig = {.src = o->src,
                            .dst = o->dst,
                            .tp_src = o->tp_src,
                            .tp_dst = o->tp_dst,
                            .zone = b->req->zone,
                            .proto = o->proto,
                            .is_ipv6 = o->is_ipv6};
    if (!(p->flags & PACKET_F_CT_ORIG) || p->ct_zone != b->req->zone || p->ct_state & FLOW_CS_INV ||
        b->req->flags & CT_REQ_FORCE || b->req->helper) {
        return NULL;
    }
    if (ct_tuple_is_icmp(&orig)) {
        orig.tp_src = pk->tuple.tp_src; /* the identifier, which is never translated */
        orig.tp_dst = htobe16((uint16_t)(be16toh(o->tp_src) << 8 | be16toh(o->tp_dst)));
    }
    uint64_t hash = ct_table_hash(b->ct->table, &orig);
    struct ct_conn *c = ct_table_find(b->ct->table, &orig, hash, b->now_ms, dir);
    if (!c || *dir) {
        return NULL;
    }
    *dir = p->ct_state & FLOW_CS_RPL ? 1 : 0;
    struct ct_tuple translated;
    ct_tuple_reverse(*dir ? &c->orig : &c->reply, &translated);
    return pk->kind == CT_KIND_ERROR || ct_tuple_equal(&pk->tuple, *dir ? &c->reply : &c->orig) ||
                   ct_tuple_equal(&pk->tuple, &translated)
               ? c
               : NULL;
}

/* What it is to its connection is known, and does not count again. */
static void track_again(const struct burst *b, struct packet *p, const struct ct_packet *pk,
                        struct ct_conn *c, int dir)
{
    const struct ct_request *req = b->req;
    uint16_t state = p->ct_state;
    if (req->flags & CT_REQ_COMMIT && req->flags & (CT_REQ_MARK | CT_REQ_LABEL)) {
        set_mark_and_label(c, req);
    }
    if (c->nat && req->flags & CT_REQ_NAT && !(state & (FLOW_CS_SNAT | FLOW_CS_DNAT))) {
        ct_nat_translate(p, pk, c, dir);
        state |= nat_bits(c, dir);
    }
    write_packet(p, state, req->zone, c, &c->orig);
}

static void track(struct burst *b, struct packet *p, struct ct_packet *pk, uint64_t hash, struct ct_conn *c,
                  int dir)
{
    const struct ct_request *req = b->req;
    struct conntrack *ct = b->ct;
    struct ct_expectation expected;
    bool is_expected = false;
    uint16_t state = 0;
    int error = 0;
    if (unlikely(pk->kind == CT_KIND_INVALID)) {
        write_packet(p, FLOW_CS_INV, req->zone, NULL, NULL);
        return;
    }
    if (unlikely(p->ct_state & FLOW_CS_TRK)) {
        int own_dir;
        struct ct_conn *own = tracked_here(b, p, pk, &own_dir);
        if (own) {
            track_again(b, p, pk, own, own_dir);
            return;
        }
    }
    if (unlikely(b->changed)) {
        c = ct_table_find(ct->table, &pk->tuple, hash, b->now_ms, &dir);
    }
    for (int tries = 0; tries < 3; tries++) {
        if (c) {
            if (unlikely(c->has_alg && req->flags & CT_REQ_NAT)) {
                ct_alg_enter(p, pk, c, dir);
            }
            state = known(b, pk, &c, dir);
        }
        if (c) {
            break;
        }
        if (!may_begin(pk)) {
            state = FLOW_CS_INV;
            break;
        }
        state = FLOW_CS_NEW;
        dir = 0;
        is_expected = ct_alg_expects(ct->expectations, &pk->tuple, &expected);
        if (!(req->flags & CT_REQ_COMMIT)) {
            break;
        }
        c = commit(ct, pk, hash, req, is_expected ? &expected : NULL, b->now_ms, &error);
        b->changed |= c != NULL;
        if (error == EADDRINUSE) {
            state = FLOW_CS_INV;
        }
        if (error != EEXIST) {
            break;
        }
        /* Another thread was first: it belongs to that one's. */
        c = ct_table_find(ct->table, &pk->tuple, hash, b->now_ms, &dir);
    }
    if (unlikely(state & FLOW_CS_INV && !c)) {
        write_packet(p, FLOW_CS_INV, req->zone, NULL, NULL);
        return;
    }
    if (unlikely(c && req->flags & CT_REQ_COMMIT && req->flags & (CT_REQ_MARK | CT_REQ_LABEL))) {
        set_mark_and_label(c, req);
    }
    if (unlikely(c && c->nat && req->flags & CT_REQ_NAT)) {
        ct_nat_translate(p, pk, c, dir);
        state |= nat_bits(c, dir);
    }
    if (unlikely(c && c->has_alg)) {
        if (!(state & FLOW_CS_INV) &&
            !ct_alg_leave(ct->expectations, p, pk, c, dir, req->flags & CT_REQ_NAT)) {
            state |= FLOW_CS_INV;
        }
        state |= c->alg->is_related ? FLOW_CS_REL : 0;
    }
    write_packet(p, state, req->zone, c,
                 unlikely(c && c->has_alg && c->alg->is_related) ? &c->alg->parent
                 : c                                             ? &c->orig
                                                                 : &pk->tuple);
    if (unlikely(!c && is_expected)) {
        /* Not committed yet: as it will be. */
        p->ct_state |= FLOW_CS_REL;
        p->ct_mark = expected.mark;
        p->ct_label = expected.label;
        write_orig(p, &expected.parent);
    }
}

uint32_t conntrack_execute(struct conntrack *ct, struct packet_batch *batch, const struct ct_request *req,
                           int64_t now_ms)
{
    struct ct_packet packets[BATCH_SIZE];
    uint64_t hashes[BATCH_SIZE];
    struct ct_conn *conns[BATCH_SIZE];
    int dirs[BATCH_SIZE];
    struct burst b = {.ct = ct, .req = req, .now_ms = now_ms};
    const uint32_t n = batch->n;
    uint32_t fragments = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (likely(ct_packet_parse(batch->packets[i], req->zone, &packets[i]))) {
            hashes[i] = ct_table_hash(ct->table, &packets[i].tuple);
            ct_table_prefetch(ct->table, hashes[i]);
        } else if (packets[i].kind == CT_KIND_FRAGMENT) {
            packets[i].kind = CT_KIND_INVALID;
            fragments |= 1u << i;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        conns[i] = NULL;
        dirs[i] = 0;
        if (likely(packets[i].kind != CT_KIND_INVALID)) {
            conns[i] = ct_table_find(ct->table, &packets[i].tuple, hashes[i], now_ms, &dirs[i]);
            if (conns[i]) {
                __builtin_prefetch(conns[i]->tcp, 1);
            }
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        track(&b, batch->packets[i], &packets[i], hashes[i], conns[i], dirs[i]);
    }
    return fragments;
}

/* ------------------------------------------------------------------ control thread */

struct sweep {
    struct conntrack *ct;
    int64_t now_ms;
};

static void sweep_conn(struct ct_conn *c, void *s_)
{
    struct sweep *s = s_;
    if (__atomic_load_n(&c->expires_ms, __ATOMIC_RELAXED) <= s->now_ms) {
        ct_table_remove(s->ct->table, c);
    }
}

void conntrack_sweep(struct conntrack *ct, int64_t now_ms)
{
    struct sweep s = {ct, now_ms};
    const unsigned n = CT_N_SHARDS / CT_SWEEP_SLICES;
    ct_table_each(ct->table, ct->sweep_at, ct->sweep_at + n, sweep_conn, &s);
    ct->sweep_at = (ct->sweep_at + n) % CT_N_SHARDS;
}

uint32_t conntrack_count(const struct conntrack *ct)
{
    return ct_table_count(ct->table);
}

uint32_t conntrack_get_maxconns(const struct conntrack *ct)
{
    return ct->maxconns;
}

void conntrack_set_maxconns(struct conntrack *ct, uint32_t n)
{
    __atomic_store_n(&ct->maxconns, n, __ATOMIC_RELAXED);
}

bool conntrack_get_tcp_seq_chk(const struct conntrack *ct)
{
    return ct->check_seq;
}

void conntrack_set_tcp_seq_chk(struct conntrack *ct, bool check)
{
    __atomic_store_n(&ct->check_seq, check, __ATOMIC_RELAXED);
}

void conntrack_set_limit(struct conntrack *ct, int32_t zone, uint32_t limit)
{
    if (zone < 0) {
        __atomic_store_n(&ct->default_limit, limit, __ATOMIC_RELAXED);
        return;
    }
    struct ct_zone *z = &ct->zones[zone & 0xffff];
    __atomic_store_n(&z->limit, limit, __ATOMIC_RELAXED);
    __atomic_store_n(&z->has_limit, true, __ATOMIC_RELEASE);
}

int conntrack_del_limit(struct conntrack *ct, uint16_t zone)
{
    struct ct_zone *z = &ct->zones[zone];
    if (!z->has_limit) {
        return ENOENT;
    }
    __atomic_store_n(&z->has_limit, false, __ATOMIC_RELAXED);
    return 0;
}

void conntrack_get_limit(struct conntrack *ct, int32_t zone, struct ct_zone_limit *out)
{
    *out = (struct ct_zone_limit){.zone = zone, .limit = ct->default_limit};
    if (zone >= 0) {
        const struct ct_zone *z = &ct->zones[zone & 0xffff];
        out->limit = z->has_limit ? z->limit : ct->default_limit;
        out->count = __atomic_load_n(&z->count, __ATOMIC_RELAXED);
    }
}

void conntrack_each_limit(struct conntrack *ct, void (*each)(const struct ct_zone_limit *, void *aux),
                          void *aux)
{
    for (int32_t zone = 0; zone < CT_N_ZONES; zone++) {
        if (ct->zones[zone].has_limit) {
            struct ct_zone_limit limit;
            conntrack_get_limit(ct, zone, &limit);
            each(&limit, aux);
        }
    }
}

static void free_policy(struct rcu_head *head)
{
    rcu_grace_passed();
    free(CONTAINER_OF(head, struct ct_policy, rcu));
}

void conntrack_set_timeouts(struct conntrack *ct, uint16_t policy, const int64_t *seconds)
{
    if (!ct->policies && seconds) {
        /* Untouched pages cost nothing. */
        rcu_set(&ct->policies, xcalloc(CT_N_POLICIES, sizeof *ct->policies));
    }
    struct ct_policy *old = ct->policies ? ct->policies[policy] : NULL;
    struct ct_policy *new = NULL;
    if (seconds) {
        new = xzalloc(sizeof *new);
        memcpy(new->seconds, seconds, sizeof new->seconds);
    }
    if (new || old) {
        rcu_set(&ct->policies[policy], new);
    }
    if (old) {
        rcu_postpone(&old->rcu, free_policy);
    }
}

bool ct_match_tuple(const struct ct_match *m, const struct ct_tuple *t)
{
    const unsigned f = m->fields;
    const unsigned icmp = CT_MATCH_ICMP_ID | CT_MATCH_ICMP_TYPE | CT_MATCH_ICMP_CODE;
    bool is_icmp = ct_tuple_is_icmp(t);
    if ((f & (CT_MATCH_SRC | CT_MATCH_DST) && m->is_ipv6 != t->is_ipv6) ||
        (f & CT_MATCH_SRC && memcmp(&m->src, &t->src, sizeof t->src)) ||
        (f & CT_MATCH_DST && memcmp(&m->dst, &t->dst, sizeof t->dst)) ||
        (f & CT_MATCH_PROTO && m->proto != t->proto)) {
        return false;
    }
    if (is_icmp) {
        return !(f & (CT_MATCH_TP_SRC | CT_MATCH_TP_DST)) &&
               !(f & CT_MATCH_ICMP_ID && m->icmp_id != t->tp_src) &&
               !(f & CT_MATCH_ICMP_TYPE && m->icmp_type != CT_ICMP_TYPE(t->tp_dst)) &&
               !(f & CT_MATCH_ICMP_CODE && m->icmp_code != CT_ICMP_CODE(t->tp_dst));
    }
    return !(f & icmp) && !(f & CT_MATCH_TP_SRC && m->tp_src != t->tp_src) &&
           !(f & CT_MATCH_TP_DST && m->tp_dst != t->tp_dst);
}

bool ct_match_is_whole(const struct ct_match *m)
{
    const unsigned ends = CT_MATCH_SRC | CT_MATCH_DST | CT_MATCH_PROTO;
    const unsigned ports = CT_MATCH_TP_SRC | CT_MATCH_TP_DST;
    const unsigned icmp = CT_MATCH_ICMP_ID | CT_MATCH_ICMP_TYPE | CT_MATCH_ICMP_CODE;
    bool is_icmp = m->proto == IP_PROTO_ICMP || m->proto == IP_PROTO_ICMPV6;
    return (m->fields & ends) == ends && (m->fields & (is_icmp ? icmp : ports)) == (is_icmp ? icmp : ports);
}

struct flush {
    struct conntrack *ct;
    int32_t zone;
    const struct ct_match *orig, *reply;
    uint32_t n;
};

static void flush_conn(struct ct_conn *c, void *f_)
{
    struct flush *f = f_;
    if ((f->zone < 0 || c->orig.zone == f->zone) && (!f->orig || ct_match_tuple(f->orig, &c->orig)) &&
        (!f->reply || ct_match_tuple(f->reply, &c->reply))) {
        f->n += ct_table_remove(f->ct->table, c);
    }
}

uint32_t conntrack_flush(struct conntrack *ct, int32_t zone, const struct ct_match *orig,
                         const struct ct_match *reply)
{
    struct flush f = {.ct = ct, .zone = zone, .orig = orig, .reply = reply};
    ct_table_each(ct->table, 0, CT_N_SHARDS, flush_conn, &f);
    return f.n;
}

struct dump {
    int32_t zone;
    int64_t now_ms;
    void (*each)(const struct ct_entry *, void *aux);
    void *aux;
};

static void dump_conn(struct ct_conn *c, void *d_)
{
    struct dump *d = d_;
    int64_t left = __atomic_load_n(&c->expires_ms, __ATOMIC_RELAXED) - d->now_ms;
    if (left <= 0 || (d->zone >= 0 && c->orig.zone != d->zone)) {
        return;
    }
    spin_lock(&c->lock);
    struct ct_entry e = {
        .orig = &c->orig,
        .reply = &c->reply,
        .mark = c->mark,
        .label = c->label,
        .expires_ms = left,
        .is_tcp = c->orig.proto == IP_PROTO_TCP,
        .tcp_state = {c->tcp[0].state, c->tcp[1].state},
        .tcp_wscale = {c->tcp[0].wscale, c->tcp[1].wscale},
        .helper = c->has_alg ? c->alg->helper : CT_ALG_NONE,
        .parent = c->has_alg && c->alg->is_related ? &c->alg->parent : NULL,
    };
    spin_unlock(&c->lock);
    d->each(&e, d->aux);
}

void conntrack_dump(struct conntrack *ct, int32_t zone, int64_t now_ms,
                    void (*each)(const struct ct_entry *, void *aux), void *aux)
{
    struct dump d = {zone, now_ms, each, aux};
    ct_table_each(ct->table, 0, CT_N_SHARDS, dump_conn, &d);
}
