/* SPDX-License-Identifier: Apache-2.0 */
/* Two systems with links between them, simulated. */
#include "l2/lacp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"

#define N_LINKS 3

/* Side S's end of link L. */
static char ends[3][N_LINKS];
static struct lacp *side[3];
static int peer[3][N_LINKS]; /* the side at the other end; -1: cut */
static int64_t now;

struct pdu {
    unsigned to, link;
    uint8_t bytes[LACP_PDU_LEN];
};
static struct pdu queue[64];
static unsigned n_queue;

static void send_pdu(void *aux, void *member, const void *pdu, size_t len)
{
    unsigned s = (unsigned)((char(*)[N_LINKS])aux - ends), l = (unsigned)((char *)member - ends[s]);
    assert_int_equal(len, LACP_PDU_LEN);
    if (peer[s][l] >= 0) {
        assert_true(n_queue < ARRAY_SIZE(queue));
        queue[n_queue].to = (unsigned)peer[s][l];
        queue[n_queue].link = l;
        memcpy(queue[n_queue++].bytes, pdu, len);
    }
}

static void run_for(int ms)
{
    for (int64_t end = now + ms; now < end; now += 100) {
        for (unsigned s = 0; s < 3; s++) {
            if (side[s]) {
                lacp_run(side[s], now);
            }
        }
        for (unsigned i = 0; i < n_queue; i++) {
            if (side[queue[i].to]) {
                lacp_receive(side[queue[i].to], &ends[queue[i].to][queue[i].link], queue[i].bytes,
                             LACP_PDU_LEN, now);
            }
        }
        n_queue = 0;
    }
}

static void start(unsigned s, bool active, bool fast, bool fallback)
{
    side[s] = lacp_create(send_pdu, ends[s]);
    lacp_configure(side[s],
                   &(struct lacp_settings){.system_id = {{2, 0, 0, 0, 0, (uint8_t)(9 - s)}},
                                           .system_priority = 65534,
                                           .active = active,
                                           .fast = fast,
                                           .fallback_active_backup = fallback},
                   now);
    for (unsigned l = 0; l < N_LINKS; l++) {
        lacp_set_member(side[s], &ends[s][l],
                        &(struct lacp_member_settings){(uint16_t)(10 * s + l), 65535, (uint16_t)(4 + s)},
                        now);
    }
}

static void stop(void)
{
    for (unsigned s = 0; s < 3; s++) {
        lacp_destroy(side[s]);
        side[s] = NULL;
    }
    n_queue = 0;
}

static unsigned enabled(unsigned s)
{
    unsigned n = 0;
    for (unsigned l = 0; l < N_LINKS; l++) {
        n += lacp_may_enable(side[s], &ends[s][l]);
    }
    return n;
}

static void wire(int a, int b)
{
    for (unsigned l = 0; l < N_LINKS; l++) {
        peer[a][l] = b;
        peer[b][l] = a;
    }
}

static struct lacp_member_status status(unsigned s, unsigned l)
{
    struct lacp_member_status st;
    assert_true(lacp_get_member(side[s], &ends[s][l], &st));
    return st;
}

/* States as the reference shows them for the same pair: lacp=active with lacp-time=fast, and lacp=passive. */
static void negotiates(void **state)
{
    wire(0, 1);
    start(0, true, true, false);
    start(1, false, false, false);
    run_for(3000);
    assert_int_equal(enabled(0), N_LINKS);
    assert_int_equal(enabled(1), N_LINKS);
    assert_int_equal(lacp_status(side[0]), LACP_NEGOTIATED);
    struct lacp_member_status a = status(0, 1), b = status(1, 1);
    assert_int_equal(a.actor.state, LACP_ACTIVITY | LACP_TIMEOUT | LACP_AGGREGATION | LACP_SYNC |
                                        LACP_COLLECTING | LACP_DISTRIBUTING);
    assert_int_equal(b.actor.state, LACP_AGGREGATION | LACP_SYNC | LACP_COLLECTING | LACP_DISTRIBUTING);
    assert_int_equal(a.partner.state, b.actor.state);
    assert_int_equal(b.partner.port_id, 1);
    assert_int_equal(a.partner.key, 5);
    /* One PDU a second from the one that was asked to, one in 30 s from the other. */
    uint64_t fast = b.tx, slow = a.tx;
    run_for(60000);
    assert_in_range(status(1, 1).tx - fast, 55, 62);
    assert_in_range(status(0, 1).tx - slow, 1, 3);
    assert_int_equal(status(0, 1).expired + status(1, 1).expired, 0);
    /* A cut link: the fast side knows in 3 s, and gives up 3 s later. */
    peer[0][1] = peer[1][1] = -1;
    run_for(3500);
    a = status(0, 1);
    assert_int_equal(a.state, LACP_MEMBER_EXPIRED);
    assert_false(a.may_enable);
    assert_true(a.actor.state & LACP_EXPIRED);
    run_for(3000);
    assert_int_equal(status(0, 1).state, LACP_MEMBER_DEFAULTED);
    assert_int_equal(enabled(0), N_LINKS - 1);
    peer[0][1] = 1;
    peer[1][1] = 0;
    run_for(2000);
    assert_int_equal(enabled(0), N_LINKS);
    lacp_set_carrier(side[0], &ends[0][0], false, now);
    assert_int_equal(enabled(0), N_LINKS - 1);
    lacp_set_carrier(side[0], &ends[0][0], true, now);
    run_for(2000);
    assert_int_equal(enabled(0), N_LINKS);
    lacp_remove_member(side[0], &ends[0][2]);
    assert_int_equal(enabled(0), N_LINKS - 1);
    stop();
}

static void nobody_answers(void **state)
{
    wire(0, 1);
    for (int fallback = 0; fallback < 2; fallback++) {
        start(0, true, false, fallback);
        run_for(10000);
        assert_int_equal(lacp_status(side[0]), LACP_CONFIGURED);
        assert_int_equal(enabled(0), fallback ? N_LINKS : 0);
        assert_int_equal(status(0, 0).actor.state, LACP_ACTIVITY | LACP_AGGREGATION | LACP_COLLECTING |
                                                       LACP_DISTRIBUTING | LACP_DEFAULTED |
                                                       (fallback ? LACP_SYNC : 0));
        assert_int_equal(status(0, 0).defaulted, 1);
        stop();
    }
    /* Two that are passive. */
    start(0, false, false, false);
    start(1, false, false, false);
    run_for(5000);
    assert_int_equal(status(0, 0).tx + status(1, 0).tx, 0);
    stop();
}

/* Links to two systems: all that are used lead to one. */
static void uses_one_partner(void **state)
{
    wire(0, 1);
    peer[0][2] = 2;
    peer[2][2] = 0;
    peer[1][2] = peer[2][0] = peer[2][1] = -1;
    start(0, true, true, false);
    start(1, true, true, false);
    start(2, true, true, false);
    run_for(10000);
    unsigned n = 0;
    for (unsigned l = 0; l < N_LINKS; l++) {
        n += status(0, l).attached;
    }
    assert_true(n == 1 || n == 2);
    assert_true((status(0, 2).attached ? 1u : 2u) == n);
    assert_int_equal(enabled(0), n);
    stop();
}

/* Our own PDUs come back. */
static void ignores_a_loop(void **state)
{
    wire(0, 0);
    start(0, true, true, false);
    run_for(10000);
    assert_int_equal(enabled(0), 0);
    stop();
}

static void counts_bad_pdus(void **state)
{
    uint8_t pdu[LACP_PDU_LEN] = {1, 1, 1, 20};
    wire(0, 1);
    start(0, true, true, false);
    assert_false(lacp_receive(side[0], &ends[0][0], pdu, sizeof pdu, now));
    pdu[22] = 2;
    pdu[23] = 20;
    assert_true(lacp_receive(side[0], &ends[0][0], pdu, sizeof pdu, now));
    assert_false(lacp_receive(side[0], &ends[0][0], pdu, sizeof pdu - 1, now));
    assert_false(lacp_receive(side[0], &ends[0][0], pdu, 0, now));
    pdu[0] = 2;
    assert_false(lacp_receive(side[0], &ends[0][0], pdu, sizeof pdu, now));
    assert_int_equal(status(0, 0).rx_bad, 3);
    assert_int_equal(status(0, 0).rx_marker, 1);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(negotiates),       cmocka_unit_test(nobody_answers),
        cmocka_unit_test(uses_one_partner), cmocka_unit_test(ignores_a_loop),
        cmocka_unit_test(counts_bad_pdus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
