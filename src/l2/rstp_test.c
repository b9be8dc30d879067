/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges on LANs, simulated, some of which may speak the old protocol: a while after the wiring changed the
 * last time, the forwarding ports form a tree that reaches every LAN of each connected part. */
#include "l2/rstp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "l2/stp.h"

#define MAX_BRIDGES 8
#define MAX_PORTS   6
#define MAX_LANS    8

static uint64_t rnd_state = 88172645463325252ull;
static uint32_t rnd(void)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return (uint32_t)(rnd_state >> 16);
}

struct sim_bridge {
    unsigned index;
    struct rstp *rstp; /* or */
    struct stp *stp;
    char ports[MAX_PORTS + 1]; /* their addresses are the ports' */
    int lan[MAX_PORTS + 1];    /* -1: link down */
};
struct frame {
    unsigned lan, bridge, port;
    size_t len;
    uint8_t bpdu[64];
};

static struct sim_bridge bridges[MAX_BRIDGES];
static unsigned n_bridges, n_lans;
static struct frame frames[8192];
static unsigned n_frames;
static int64_t now;

static void put_on_lan(const struct sim_bridge *b, unsigned port, const void *bpdu, size_t len)
{
    if (b->lan[port] >= 0) {
        assert_true(n_frames < ARRAY_SIZE(frames));
        frames[n_frames] = (struct frame){(unsigned)b->lan[port], b->index, port, len, {0}};
        memcpy(frames[n_frames++].bpdu, bpdu, len);
    }
}
static void send_rstp(void *aux, void *port, const void *bpdu, size_t len)
{
    struct sim_bridge *b = aux;
    put_on_lan(b, (unsigned)((char *)port - b->ports), bpdu, len);
}
static void send_stp(void *aux, unsigned port, const void *bpdu, size_t len)
{
    put_on_lan(aux, port, bpdu, len);
}

static void receive(struct sim_bridge *b, unsigned p, const void *bpdu, size_t len)
{
    if (b->rstp) {
        rstp_receive(b->rstp, &b->ports[p], bpdu, len);
    } else {
        /* An old bridge ignores what is after the part that it knows, and the version: 9.3.4. */
        uint8_t copy[64];
        memcpy(copy, bpdu, len);
        copy[2] = 0;
        if (copy[3] != 2) {
            stp_receive(b->stp, p, copy, len, now);
        }
    }
}

static void deliver(void)
{
    for (unsigned i = 0; i < n_frames; i++) {
        const struct frame f = frames[i];
        for (unsigned b = 0; b < n_bridges; b++) {
            for (unsigned p = 1; p <= MAX_PORTS; p++) {
                if (bridges[b].lan[p] == (int)f.lan && (b != f.bridge || p != f.port)) {
                    receive(&bridges[b], p, f.bpdu, f.len);
                }
            }
        }
    }
    n_frames = 0;
}

static void run_for(int ms)
{
    for (int64_t end = now + ms; now < end; now += 100) {
        for (unsigned b = 0; b < n_bridges; b++) {
            if (bridges[b].rstp) {
                rstp_run(bridges[b].rstp, now);
            } else {
                stp_run(bridges[b].stp, now);
            }
        }
        deliver();
    }
}

static bool is_shared(int lan)
{
    unsigned n = 0;
    for (unsigned b = 0; b < n_bridges; b++) {
        for (unsigned p = 1; p <= MAX_PORTS; p++) {
            n += bridges[b].lan[p] == lan;
        }
    }
    return n > 2;
}

static void connect_port(unsigned i, unsigned p, int lan)
{
    struct sim_bridge *b = &bridges[i];
    b->lan[p] = lan;
    if (b->rstp) {
        rstp_set_link(b->rstp, &b->ports[p], false);
        if (lan >= 0) {
            rstp_set_link(b->rstp, &b->ports[p], true);
        }
    } else if (lan >= 0) {
        stp_disable_port(b->stp, p, now);
        stp_enable_port(b->stp, p, 19, STP_DEFAULT_PORT_PRIORITY, now);
    } else {
        stp_disable_port(b->stp, p, now);
    }
}

/* Links are point to point where two ports meet, as far as the bridges can know. */
static void settle_links(void)
{
    for (unsigned i = 0; i < n_bridges; i++) {
        struct sim_bridge *b = &bridges[i];
        for (unsigned p = 1; b->rstp && p <= MAX_PORTS; p++) {
            rstp_set_port(b->rstp, &b->ports[p],
                          &(struct rstp_port_settings){.number = p,
                                                       .priority = 128,
                                                       .path_cost = 20000 + 1000 * (p % 3),
                                                       .auto_edge = true,
                                                       .point_to_point = !is_shared(b->lan[p])});
        }
    }
}

static void create(unsigned i, uint64_t id, bool old)
{
    struct sim_bridge *b = &bridges[i];
    memset(b, 0, sizeof *b);
    b->index = i;
    memset(b->lan, 0xff, sizeof b->lan);
    if (old) {
        b->stp = stp_create("br0", id, now, send_stp, b);
        return;
    }
    b->rstp =
        rstp_create(&(struct rstp_settings){.bridge_id = id, .max_age = 20, .fwd_delay = 15, .hold_count = 6},
                    now, send_rstp, b);
}

static bool forwards(unsigned i, unsigned p)
{
    if (bridges[i].rstp) {
        struct rstp_port_status status;
        rstp_get_port(bridges[i].rstp, &bridges[i].ports[p], &status);
        return status.state == RSTP_FORWARDING;
    }
    struct stp_port_status status;
    stp_get_port(bridges[i].stp, p, &status);
    return status.state == STP_FORWARDING;
}

static unsigned find(unsigned *parent, unsigned x)
{
    while (parent[x] != x) {
        x = parent[x];
    }
    return x;
}

/* Nodes are bridges and LANs, edges forwarding ports. True: no cycle, and the parts are those of the wiring.
 * LOOP: there is a cycle. */
static bool is_tree(bool *loop)
{
    unsigned tree[MAX_BRIDGES + MAX_LANS], wiring[MAX_BRIDGES + MAX_LANS];
    *loop = false;
    for (unsigned i = 0; i < ARRAY_SIZE(tree); i++) {
        tree[i] = wiring[i] = i;
    }
    for (unsigned b = 0; b < n_bridges; b++) {
        for (unsigned p = 1; p <= MAX_PORTS; p++) {
            if (bridges[b].lan[p] >= 0) {
                unsigned lan = MAX_BRIDGES + (unsigned)bridges[b].lan[p];
                wiring[find(wiring, b)] = find(wiring, lan);
                if (forwards(b, p)) {
                    *loop |= find(tree, b) == find(tree, lan);
                    tree[find(tree, b)] = find(tree, lan);
                }
            }
        }
    }
    bool whole = !*loop;
    for (unsigned i = 0; i < n_bridges; i++) {
        for (unsigned j = 0; j < n_bridges; j++) {
            whole &= (find(tree, i) == find(tree, j)) == (find(wiring, i) == find(wiring, j));
        }
    }
    return whole;
}

static void finish(void)
{
    for (unsigned b = 0; b < n_bridges; b++) {
        rstp_destroy(bridges[b].rstp);
        stp_destroy(bridges[b].stp);
    }
    n_frames = 0;
}

static void run_wirings(unsigned one_in_n_old)
{
    for (int k = 0; k < 25; k++) {
        bool loop;
        n_bridges = 2 + rnd() % (MAX_BRIDGES - 1);
        n_lans = 1 + rnd() % MAX_LANS;
        for (unsigned b = 0; b < n_bridges; b++) {
            create(b, (uint64_t)0x8000 << 48 | (rnd() % 2 ? 100 - b : 200 + b),
                   one_in_n_old && rnd() % one_in_n_old == 0);
        }
        settle_links();
        for (unsigned b = 0; b < n_bridges; b++) {
            for (unsigned p = 1; p <= MAX_PORTS; p++) {
                connect_port(b, p, rnd() % 3 ? (int)(rnd() % n_lans) : -1);
            }
        }
        settle_links();
        run_for(90000);
        assert_true(is_tree(&loop));
        for (int change = 0; change < 4; change++) {
            connect_port(rnd() % n_bridges, 1 + rnd() % MAX_PORTS, rnd() % 2 ? (int)(rnd() % n_lans) : -1);
            settle_links();
            run_for((int)(rnd() % 30000));
        }
        run_for(150000);
        assert_true(is_tree(&loop));
        finish();
    }
}

static void any_wiring_becomes_a_tree(void **state)
{
    run_wirings(0);
}

static void old_bridges_take_part(void **state)
{
    run_wirings(3);
}

/* A ring of point-to-point links: there in a second or so, whole again in a second after a cut, and never a
 * loop. */
static void a_ring_is_fast(void **state)
{
    bool loop;
    n_bridges = 6;
    n_lans = 6;
    for (unsigned b = 0; b < n_bridges; b++) {
        create(b, (uint64_t)0x8000 << 48 | (b + 1), false);
    }
    settle_links();
    for (unsigned b = 0; b < n_bridges; b++) {
        connect_port(b, 1, (int)b);
        connect_port(b, 2, (int)((b + 1) % n_bridges));
    }
    settle_links();
    for (int i = 0; i < 15; i++) {
        run_for(100);
        is_tree(&loop);
        assert_false(loop);
    }
    assert_true(is_tree(&loop));
    run_for(10000);
    for (unsigned cut = 0; cut < n_bridges; cut++) {
        connect_port(cut, 1, -1);
        connect_port((cut + n_bridges - 1) % n_bridges, 2, -1);
        for (int i = 0; i < 15; i++) {
            run_for(100);
            is_tree(&loop);
            assert_false(loop);
        }
        assert_true(is_tree(&loop));
        connect_port(cut, 1, (int)cut);
        connect_port((cut + n_bridges - 1) % n_bridges, 2, (int)cut);
        for (int i = 0; i < 100; i++) {
            run_for(100);
            is_tree(&loop);
            assert_false(loop);
        }
        assert_true(is_tree(&loop));
    }
    finish();
}

static uint8_t last_sent[64];
static size_t last_len;
static unsigned n_sent, n_flushes;
static void note_sent(void *aux, void *port, const void *bpdu, size_t len)
{
    memcpy(last_sent, bpdu, len);
    last_len = len;
    n_sent++;
}
static void note_flush(void *aux, void *port)
{
    n_flushes++;
}

static void becomes_an_edge(void **state)
{
    static char port;
    struct rstp_port_status status;
    struct rstp *rstp = rstp_create(
        &(struct rstp_settings){
            .bridge_id = UINT64_C(0x8000966e905e164f), .max_age = 20, .fwd_delay = 15, .hold_count = 6},
        0, note_sent, NULL);
    rstp_set_port(
        rstp, &port,
        &(struct rstp_port_settings){
            .number = 3, .priority = 128, .path_cost = 2000, .auto_edge = true, .point_to_point = true});
    assert_true(rstp_get_port(rstp, &port, &status));
    assert_int_equal(status.state, RSTP_DISABLED);
    rstp_set_link(rstp, &port, true);
    rstp_get_port(rstp, &port, &status);
    assert_int_equal(status.role, RSTP_ROLE_DESIGNATED);
    assert_int_equal(status.state, RSTP_DISCARDING);
    assert_int_equal(status.port_id, 0x8003);
    static const uint8_t want[] = {0,    0,    2, 2, 0x0e, 0x80, 0, 0x96, 0x6e, 0x90, 0x5e, 0x16,
                                   0x4f, 0,    0, 0, 0,    0x80, 0, 0x96, 0x6e, 0x90, 0x5e, 0x16,
                                   0x4f, 0x80, 3, 0, 0,    20,   0, 2,    0,    15,   0,    0};
    assert_int_equal(last_len, sizeof want);
    assert_memory_equal(last_sent, want, sizeof want);
    rstp_run(rstp, 2900);
    rstp_get_port(rstp, &port, &status);
    assert_int_equal(status.state, RSTP_DISCARDING);
    rstp_run(rstp, 3000);
    rstp_get_port(rstp, &port, &status);
    assert_int_equal(status.state, RSTP_FORWARDING);
    assert_true(status.edge);
    /* Not BPDUs. */
    uint8_t bad[36];
    memcpy(bad, want, sizeof bad);
    assert_false(rstp_receive(rstp, &port, bad, 35));
    assert_false(rstp_receive(rstp, &port, bad, 0));
    assert_false(rstp_receive(rstp, &port, bad, 36)); /* our own */
    bad[3] = 7;
    assert_false(rstp_receive(rstp, &port, bad, 36));
    rstp_get_port(rstp, &port, &status);
    assert_int_equal(status.errors, 4);
    rstp_set_link(rstp, &port, false);
    n_flushes = 0;
    rstp_take_flushes(rstp, note_flush, NULL);
    assert_int_equal(n_flushes, 1);
    rstp_destroy(rstp);
}

static void holds_back(void **state)
{
    static char port;
    struct rstp *rstp =
        rstp_create(&(struct rstp_settings){.bridge_id = 9, .max_age = 20, .fwd_delay = 15, .hold_count = 3},
                    0, note_sent, NULL);
    rstp_set_port(rstp, &port, &(struct rstp_port_settings){.number = 1, .priority = 128, .path_cost = 2000});
    rstp_set_link(rstp, &port, true);
    n_sent = 0;
    for (int i = 0; i < 20; i++) {
        rstp_configure(rstp, &(struct rstp_settings){
                                 .bridge_id = 9, .max_age = 20 + i % 2, .fwd_delay = 15, .hold_count = 3});
    }
    assert_in_range(n_sent, 1, 3);
    rstp_destroy(rstp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_wiring_becomes_a_tree),
        cmocka_unit_test(old_bridges_take_part),
        cmocka_unit_test(a_ring_is_fast),
        cmocka_unit_test(becomes_an_edge),
        cmocka_unit_test(holds_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
