/* SPDX-License-Identifier: Apache-2.0 */
#include "conntrack/conntrack.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rcu.h"
#include "conntrack/fragments.h"
#include "conntrack/table.h"
#include "flow/extract.h"
#include "flow/key.h"
#include "packet/csum.h"
#include "wire/ipv4.h"
#include "wire/l4.h"

#define ETH 14

static struct packet_pool *pool;

/* An Ethernet frame with IPv4; PROTO's header is LEN bytes at BODY, whose checksum is filled in for UDP. */
static struct packet *frame(uint32_t src, uint32_t dst, uint8_t proto, const void *body, uint32_t len,
                            uint16_t frag)
{
    struct packet *p = packet_alloc(pool, ETH + IPV4_HEADER_LEN + len);
    struct ipv4_header ip = {.ver_ihl = IPV4_VER_IHL_PLAIN,
                             .total_len = CONST_BE16((uint16_t)(IPV4_HEADER_LEN + len)),
                             .id = CONST_BE16(7),
                             .frag_off = CONST_BE16(frag),
                             .ttl = 64,
                             .proto = proto,
                             .src = CONST_BE32(src),
                             .dst = CONST_BE32(dst)};
    ip.csum = csum_of(&ip, sizeof ip);
    memset(p->data, 2, 12);
    p->data[12] = 8;
    p->data[13] = 0;
    memcpy(p->data + ETH, &ip, sizeof ip);
    memcpy(p->data + ETH + sizeof ip, body, len);
    struct flow_key key;
    flow_key_extract(p, &key);
    return p;
}

static struct packet *udp(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
    be16 h[] = {CONST_BE16(sport), CONST_BE16(dport), CONST_BE16(8), 0};
    return frame(src, dst, IP_PROTO_UDP, h, sizeof h, 0);
}

/* Tracks P, frees it, and gives its state. */
static uint16_t track(struct conntrack *ct, struct packet *p, const struct ct_request *req, int64_t now_ms)
{
    struct packet_batch b;
    batch_init(&b);
    batch_add(&b, p);
    assert_int_equal(conntrack_execute(ct, &b, req, now_ms), 0);
    uint16_t state = p->ct_state;
    packet_free(p);
    return state;
}

#define A 0x0a000001
#define B 0x0a000002
#define C 0x0a000003

static void connections_begin_are_answered_and_end(void **unused)
{
    struct conntrack *ct = conntrack_create();
    struct ct_request look = {.zone = 3}, commit = {.zone = 3, .flags = CT_REQ_COMMIT}, other = {.zone = 4};
    assert_int_equal(track(ct, udp(A, 1, B, 2), &look, 1000), FLOW_CS_TRK | FLOW_CS_NEW);
    assert_int_equal(conntrack_count(ct), 0);
    assert_int_equal(track(ct, udp(A, 1, B, 2), &commit, 1000), FLOW_CS_TRK | FLOW_CS_NEW);
    assert_int_equal(conntrack_count(ct), 1);
    assert_int_equal(track(ct, udp(A, 1, B, 2), &commit, 1000), FLOW_CS_TRK | FLOW_CS_NEW);
    assert_int_equal(track(ct, udp(B, 2, A, 1), &look, 1000), FLOW_CS_TRK | FLOW_CS_EST | FLOW_CS_RPL);
    assert_int_equal(track(ct, udp(A, 1, B, 2), &look, 1000), FLOW_CS_TRK | FLOW_CS_EST);
    assert_int_equal(track(ct, udp(A, 1, B, 2), &other, 1000), FLOW_CS_TRK | FLOW_CS_NEW);
    assert_int_equal(track(ct, udp(A, 1, B, 3), &look, 1000), FLOW_CS_TRK | FLOW_CS_NEW);
    /* Its time is over, swept or not. */
    assert_int_equal(track(ct, udp(A, 1, B, 2), &look, 1000 + 31000), FLOW_CS_TRK | FLOW_CS_NEW);
    for (int i = 0; i < CT_SWEEP_SLICES; i++) {
        conntrack_sweep(ct, 1000 + 31000);
    }
    assert_int_equal(conntrack_count(ct), 0);
    conntrack_destroy(ct);
}

static void a_burst_sees_its_own_connections(void **unused)
{
    struct conntrack *ct = conntrack_create();
    struct ct_request commit = {.flags = CT_REQ_COMMIT};
    struct packet_batch b;
    batch_init(&b);
    batch_add(&b, udp(A, 1, B, 2));
    batch_add(&b, udp(A, 1, B, 2));
    batch_add(&b, udp(B, 2, A, 1));
    batch_add(&b, udp(A, 1, B, 2));
    conntrack_execute(ct, &b, &commit, 1);
    assert_int_equal(conntrack_count(ct), 1);
    assert_int_equal(b.packets[2]->ct_state, FLOW_CS_TRK | FLOW_CS_EST | FLOW_CS_RPL);
    assert_int_equal(b.packets[3]->ct_state, FLOW_CS_TRK | FLOW_CS_EST);
    /* The original direction is the same for all. */
    assert_true(b.packets[2]->flags & PACKET_F_CT_ORIG);
    assert_int_equal(b.packets[2]->ct_orig.src.be32[0], CONST_BE32(A));
    assert_int_equal(b.packets[2]->ct_orig.tp_src, CONST_BE16(1));
    batch_free(&b);
    conntrack_destroy(ct);
}

/* A packet passes the same zone again, translated by then. */
static void what_was_tracked_is_not_tracked_anew(void **unused)
{
    struct conntrack *ct = conntrack_create();
    struct ct_request to_b = {.zone = 3,
                              .flags = CT_REQ_COMMIT | CT_REQ_NAT | CT_REQ_NAT_DST | CT_REQ_NAT_V4,
                              .nat_min.be32[0] = CONST_BE32(B),
                              .nat_port_min = 8080};
    struct ct_request again = {.zone = 3,
                               .flags = CT_REQ_COMMIT | CT_REQ_NAT | CT_REQ_NAT_SRC | CT_REQ_MARK,
                               .mark = 5,
                               .mark_mask = UINT32_MAX};
    struct ct_request elsewhere = {.zone = 4, .flags = CT_REQ_COMMIT};
    for (int i = 0; i < 2; i++) {
        struct packet_batch b;
        batch_init(&b);
        batch_add(&b, udp(A, 1, C, 80));
        conntrack_execute(ct, &b, &to_b, 1000);
        conntrack_execute(ct, &b, &again, 1000);
        assert_int_equal(b.packets[0]->ct_state, FLOW_CS_TRK | FLOW_CS_NEW | FLOW_CS_DNAT);
        assert_int_equal(b.packets[0]->ct_mark, 5);
        struct flow_key key;
        flow_key_extract(b.packets[0], &key);
        assert_int_equal(key.nw_dst, CONST_BE32(B));
        assert_int_equal(key.tp_src, CONST_BE16(1));
        assert_int_equal(key.tp_dst, CONST_BE16(8080));
        assert_int_equal(conntrack_count(ct), 1 + i);
        conntrack_execute(ct, &b, &elsewhere, 1000);
        assert_int_equal(conntrack_count(ct), 2);
        packet_free(b.packets[0]);
    }
    /* One that was changed meanwhile is another's. */
    struct ct_request look = {.zone = 3, .flags = CT_REQ_COMMIT};
    struct packet_batch b;
    batch_init(&b);
    batch_add(&b, udp(A, 7, B, 7));
    conntrack_execute(ct, &b, &look, 1000);
    b.packets[0]->data[b.packets[0]->l4_ofs + 1] = 8; /* the source port */
    conntrack_execute(ct, &b, &look, 1000);
    assert_int_equal(conntrack_count(ct), 4);
    packet_free(b.packets[0]);
    conntrack_destroy(ct);
}

static void policies_say_how_long(void **unused)
{
    struct conntrack *ct = conntrack_create();
    int64_t seconds[CT_N_TIMEOUTS];
    struct ct_request commit = {.zone = 3, .flags = CT_REQ_COMMIT, .policy = 7}, look = {.zone = 3};
    for (int i = 0; i < CT_N_TIMEOUTS; i++) {
        seconds[i] = -1;
    }
    seconds[CT_TIMEOUT_UDP_FIRST] = 1000;
    seconds[CT_TIMEOUT_UDP_MULTIPLE] = 0;
    assert_int_equal(track(ct, udp(A, 1, B, 2), &commit, 1000),
                     FLOW_CS_TRK | FLOW_CS_NEW); /* not there yet */
    conntrack_set_timeouts(ct, 7, seconds);
    assert_int_equal(track(ct, udp(A, 3, B, 2), &commit, 1000), FLOW_CS_TRK | FLOW_CS_NEW);
    assert_int_equal(track(ct, udp(B, 2, A, 1), &look, 62000), FLOW_CS_TRK | FLOW_CS_NEW);
    assert_int_equal(track(ct, udp(B, 2, A, 3), &look, 62000), FLOW_CS_TRK | FLOW_CS_EST | FLOW_CS_RPL);
    assert_int_equal(track(ct, udp(B, 2, A, 3), &look, 62000), FLOW_CS_TRK | FLOW_CS_NEW); /* 0: at once */
    conntrack_set_timeouts(ct, 7, NULL);
    assert_int_equal(track(ct, udp(A, 4, B, 2), &commit, 62000), FLOW_CS_TRK | FLOW_CS_NEW);
    assert_int_equal(track(ct, udp(B, 2, A, 4), &look, 123000), FLOW_CS_TRK | FLOW_CS_NEW);
    conntrack_destroy(ct);
}

static void full_zones_and_tables_commit_nothing(void **unused)
{
    struct conntrack *ct = conntrack_create();
    struct ct_request commit = {.zone = 1, .flags = CT_REQ_COMMIT};
    conntrack_set_limit(ct, 1, 2);
    for (uint16_t i = 1; i < 9; i++) {
        assert_int_equal(track(ct, udp(A, i, B, 2), &commit, 1), FLOW_CS_TRK | FLOW_CS_NEW);
    }
    assert_int_equal(conntrack_count(ct), 2);
    struct ct_zone_limit limit;
    conntrack_get_limit(ct, 1, &limit);
    assert_int_equal(limit.count, 2);
    /* One that begins in the place of one whose time is over counts once, swept or not. */
    assert_int_equal(track(ct, udp(A, 2, B, 2), &commit, 100000), FLOW_CS_TRK | FLOW_CS_NEW);
    conntrack_set_limit(ct, 1, 3);
    assert_int_equal(track(ct, udp(A, 2, B, 2), &commit, 200000), FLOW_CS_TRK | FLOW_CS_NEW);
    conntrack_get_limit(ct, 1, &limit);
    assert_int_equal(limit.count, 2);
    for (int i = 0; i < CT_SWEEP_SLICES; i++) {
        conntrack_sweep(ct, 200000);
    }
    conntrack_get_limit(ct, 1, &limit);
    assert_int_equal(limit.count, 1);
    conntrack_flush(ct, -1, NULL, NULL);
    for (uint16_t i = 1; i < 3; i++) {
        track(ct, udp(A, i, B, 2), &commit, 1);
    }
    conntrack_del_limit(ct, 1);
    conntrack_set_maxconns(ct, 5);
    for (uint16_t i = 1; i < 9; i++) {
        track(ct, udp(A, i, B, 2), &commit, 1);
    }
    assert_int_equal(conntrack_count(ct), 5);
    struct ct_match match = {.fields = CT_MATCH_TP_SRC | CT_MATCH_SRC,
                             .tp_src = CONST_BE16(1),
                             .src = {{.be32 = {CONST_BE32(A)}}}};
    assert_int_equal(conntrack_flush(ct, 2, &match, NULL), 0);
    assert_int_equal(conntrack_flush(ct, 1, &match, NULL), 1);
    assert_int_equal(conntrack_flush(ct, -1, NULL, NULL), 4);
    conntrack_get_limit(ct, 1, &limit);
    assert_int_equal(limit.count, 0);
    conntrack_destroy(ct);
}

static void set_of_ports(const struct ct_entry *e, void *ports)
{
    ((uint8_t *)ports)[CONST_BE16(e->reply->tp_dst)]++;
}

/* More clients than one address and four ports can carry: four get a port of their own, the rest nothing. */
static void translations_do_not_collide(void **unused)
{
    struct conntrack *ct = conntrack_create();
    struct ct_request snat = {.flags = CT_REQ_COMMIT | CT_REQ_NAT | CT_REQ_NAT_SRC | CT_REQ_NAT_V4,
                              .nat_port_min = 5000,
                              .nat_port_max = 5003};
    snat.nat_min.be32[0] = CONST_BE32(C);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 6; i++) {
        struct packet *p = udp(0x0a000100 + i, 1000, B, 53);
        struct packet_batch b;
        batch_init(&b);
        batch_add(&b, p);
        conntrack_execute(ct, &b, &snat, 1);
        if (p->ct_state & FLOW_CS_INV) {
            refused++;
        } else {
            assert_int_equal(p->ct_state, FLOW_CS_TRK | FLOW_CS_NEW | FLOW_CS_SNAT);
            assert_int_equal(get_be32(p->data + ETH + 12), CONST_BE32(C));
            assert_true(packet_ipv4_csum_ok(p));
        }
        packet_free(p);
    }
    assert_int_equal(refused, 2);
    uint8_t ports[65536] = {0};
    conntrack_dump(ct, -1, 1, set_of_ports, ports);
    for (int i = 5000; i <= 5003; i++) {
        assert_int_equal(ports[i], 1);
    }
    /* The answer finds its way back. */
    struct packet *p = udp(B, 53, C, 5001);
    struct packet_batch b;
    struct ct_request nat = {.flags = CT_REQ_NAT};
    batch_init(&b);
    batch_add(&b, p);
    conntrack_execute(ct, &b, &nat, 1);
    assert_int_equal(p->ct_state, FLOW_CS_TRK | FLOW_CS_EST | FLOW_CS_RPL | FLOW_CS_DNAT);
    assert_int_equal(get_be32(p->data + ETH + 16) & CONST_BE32(0xffffff00), CONST_BE32(0x0a000100));
    assert_int_equal(get_be16(p->data + ETH + 22), CONST_BE16(1000));
    packet_free(p);
    conntrack_destroy(ct);
}

static void count_drop(uint32_t port, void *n)
{
    ++*(unsigned *)n;
}

/* One that comes too late begins anew, and what it came too late for is a drop each, counted by the sweep. */
static void late_fragments_are_counted(void **unused)
{
    struct conntrack *ct = conntrack_create();
    uint8_t datagram[1400] = {0};
    struct ct_fragments *complete = NULL;
    struct ct_frag_status status;
    unsigned dropped = 0;
    struct packet *first = frame(A, B, IP_PROTO_UDP, datagram, 1400, IPV4_MORE_FRAGS);
    struct packet *last = frame(A, B, IP_PROTO_UDP, datagram, 600, 1400 / 8);
    assert_int_equal(conntrack_fragment(ct, first, 0, 1, &complete), CT_FRAGMENT_HELD);
    assert_int_equal(conntrack_fragment(ct, last, 0, 20000, &complete), CT_FRAGMENT_HELD);
    conntrack_sweep_fragments(ct, 20000, count_drop, &dropped);
    assert_int_equal(dropped, 1);
    conntrack_frag_status(ct, &status);
    assert_int_equal(status.families[0].expired, 1);
    assert_int_equal(status.n_frags, 1);
    packet_free(first);
    packet_free(last);
    conntrack_destroy(ct);
}

static void fragments_wait_and_go_on_translated(void **unused)
{
    struct conntrack *ct = conntrack_create();
    uint8_t datagram[2008];
    for (size_t i = 0; i < sizeof datagram; i++) {
        datagram[i] = (uint8_t)i;
    }
    be16 h[] = {CONST_BE16(1), CONST_BE16(2), CONST_BE16(sizeof datagram), 0};
    memcpy(datagram, h, sizeof h);
    struct ct_fragments *complete = NULL;
    struct packet *last = frame(A, B, IP_PROTO_UDP, datagram + 1400, 608, 1400 / 8);
    struct packet *first = frame(A, B, IP_PROTO_UDP, datagram, 1400, IPV4_MORE_FRAGS);
    struct packet *small = frame(A, B, IP_PROTO_UDP, datagram, 80, IPV4_MORE_FRAGS);
    assert_int_equal(conntrack_fragment(ct, small, 0, 1, &complete), CT_FRAGMENT_REFUSED);
    assert_int_equal(conntrack_fragment(ct, last, 0, 1, &complete), CT_FRAGMENT_HELD);
    assert_int_equal(conntrack_fragment(ct, last, 0, 1, &complete), CT_FRAGMENT_REFUSED); /* overlaps */
    assert_int_equal(conntrack_fragment(ct, first, 0, 1, &complete), CT_FRAGMENT_COMPLETE);
    struct packet *whole = ct_fragments_whole(complete, pool);
    assert_int_equal(whole->len, ETH + IPV4_HEADER_LEN + sizeof datagram);
    assert_memory_equal(whole->data + ETH + IPV4_HEADER_LEN, datagram, sizeof datagram);
    struct ct_request snat = {.flags = CT_REQ_COMMIT | CT_REQ_NAT | CT_REQ_NAT_SRC | CT_REQ_NAT_V4};
    snat.nat_min.be32[0] = CONST_BE32(C);
    struct packet_batch b;
    batch_init(&b);
    batch_add(&b, whole);
    conntrack_execute(ct, &b, &snat, 1);
    assert_int_equal(whole->ct_state, FLOW_CS_TRK | FLOW_CS_NEW | FLOW_CS_SNAT);
    assert_int_equal(ct_fragments_count(complete), 2);
    for (size_t i = 0; i < 2; i++) {
        struct packet *p = ct_fragments_get(complete, i, whole, pool);
        assert_int_equal(p->len, i ? last->len : first->len);
        assert_int_equal(get_be32(p->data + ETH + 12), CONST_BE32(C));
        assert_true(packet_ipv4_csum_ok(p));
        assert_int_equal(p->ct_state, whole->ct_state);
        packet_free(p);
    }
    packet_free(whole);
    ct_fragments_free(complete);
    packet_free(first);
    packet_free(last);
    packet_free(small);
    conntrack_destroy(ct);
}

/* ------------------------------------------------------------------ threads */

#define N_THREADS 3
#define N_ROUNDS  4000

struct racer {
    struct ct_table *table;
    unsigned number;
    unsigned inserted, removed;
};

/* All threads insert and remove the same few hundred tuples. */
static void *race(void *r_)
{
    struct racer *r = r_;
    uint32_t x = r->number * 7919 + 1;
    rcu_register();
    for (int i = 0; i < N_ROUNDS; i++) {
        x = x * 1664525 + 1013904223;
        struct ct_tuple t = {.proto = IP_PROTO_UDP, .tp_src = (be16)(x >> 20 & 0xff), .tp_dst = 9};
        uint64_t hash = ct_table_hash(r->table, &t);
        int dir;
        struct ct_conn *c = ct_table_find(r->table, &t, hash, 1, &dir);
        if (c) {
            assert_true(ct_tuple_equal(&c->orig, &t));
            r->removed += ct_table_remove(r->table, c);
        } else if ((c = ct_table_alloc(r->table, &t, hash))) {
            c->expires_ms = 1000;
            c->reply = t;
            c->reply.tp_dst = (be16)(0x8000 | t.tp_src);
            c->nat = CT_NAT_SRC;
            c->reply_hash = ct_table_hash(r->table, &c->reply);
            if (ct_table_insert(r->table, c, 1)) {
                ct_table_abandon(c);
            } else {
                r->inserted++;
            }
        }
        rcu_quiescent();
    }
    rcu_unregister();
    return NULL;
}

static void threads_agree(void **unused)
{
    struct racer racers[N_THREADS];
    pthread_t threads[N_THREADS];
    struct ct_table *table = ct_table_create(NULL, NULL);
    unsigned inserted = 0, removed = 0;
    rcu_offline();
    for (unsigned i = 0; i < N_THREADS; i++) {
        racers[i] = (struct racer){table, i, 0, 0};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i], NULL);
        inserted += racers[i].inserted;
        removed += racers[i].removed;
    }
    rcu_online();
    assert_int_equal(ct_table_count(table), inserted - removed);
    assert_true(inserted > N_ROUNDS / 10);
    ct_table_destroy(table);
}

static void many_are_all_found(void **unused)
{
    struct ct_table *table = ct_table_create(NULL, NULL);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < 50000; i++) {
            struct ct_tuple t = {.proto = IP_PROTO_TCP, .tp_dst = CONST_BE16(80)}, back;
            int dir;
            t.src.be32[0] = i;
            uint64_t hash = ct_table_hash(table, &t);
            ct_tuple_reverse(&t, &back);
            assert_true(ct_table_hash(table, &back) == hash);
            if (!pass) {
                struct ct_conn *c = ct_table_alloc(table, &t, hash);
                c->reply = back;
                c->reply_hash = hash;
                c->expires_ms = 10;
                assert_int_equal(ct_table_insert(table, c, 1), 0);
            } else {
                assert_non_null(ct_table_find(table, &t, hash, 1, &dir));
                assert_int_equal(dir, 0);
                assert_non_null(ct_table_find(table, &back, hash, 1, &dir));
                assert_int_equal(dir, 1);
                assert_null(ct_table_find(table, &back, hash, 10, &dir));
            }
        }
    }
    ct_table_destroy(table);
}

static int setup(void **unused)
{
    rcu_register();
    pool = packet_pool_create_heap();
    return 0;
}

static int teardown(void **unused)
{
    packet_pool_destroy(pool);
    rcu_unregister();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_begin_are_answered_and_end),
        cmocka_unit_test(a_burst_sees_its_own_connections),
        cmocka_unit_test(what_was_tracked_is_not_tracked_anew),
        cmocka_unit_test(policies_say_how_long),
        cmocka_unit_test(full_zones_and_tables_commit_nothing),
        cmocka_unit_test(translations_do_not_collide),
        cmocka_unit_test(fragments_wait_and_go_on_translated),
        cmocka_unit_test(late_fragments_are_counted),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(many_are_all_found),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
