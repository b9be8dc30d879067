/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges on LANs, simulated: whatever the wiring, a while after it changed the last time, the forwarding
 * ports form a tree that reaches every LAN of each connected part. */
#include "l2/stp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"

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
    struct stp *stp;
    int lan[MAX_PORTS + 1]; /* of each port; -1: link down */
};

struct frame {
    unsigned lan, bridge, port;
    size_t len;
    uint8_t bpdu[64];
};

static struct sim_bridge bridges[MAX_BRIDGES];
static unsigned n_bridges, n_lans;
static struct frame frames[4096];
static unsigned n_frames;
static int64_t now;

static void send_bpdu(void *aux, unsigned port, const void *bpdu, size_t len)
{
    const struct sim_bridge *b = aux;
    if (b->lan[port] >= 0 && n_frames < ARRAY_SIZE(frames)) {
        frames[n_frames] = (struct frame){(unsigned)b->lan[port], b->index, port, len, {0}};
        memcpy(frames[n_frames++].bpdu, bpdu, len);
    }
}

static void deliver(void)
{
    for (unsigned i = 0; i < n_frames; i++) {
        const struct frame f = frames[i];
        for (unsigned b = 0; b < n_bridges; b++) {
            for (unsigned p = 1; p <= MAX_PORTS; p++) {
                if (bridges[b].lan[p] == (int)f.lan && (b != f.bridge || p != f.port)) {
                    uint8_t *copy = malloc(f.len);
                    memcpy(copy, f.bpdu, f.len);
                    stp_receive(bridges[b].stp, p, copy, f.len, now);
                    free(copy);
                }
            }
        }
    }
    n_frames = 0;
}

static void run_for(int seconds)
{
    for (int64_t end = now + seconds * 1000; now < end; now += 250) {
        for (unsigned b = 0; b < n_bridges; b++) {
            stp_run(bridges[b].stp, now);
        }
        deliver();
    }
}

static void connect_port(unsigned b, unsigned p, int lan)
{
    bridges[b].lan[p] = lan;
    if (lan >= 0) {
        stp_enable_port(bridges[b].stp, p, stp_path_cost(rnd() % 2 ? 1000 : 100), STP_DEFAULT_PORT_PRIORITY,
                        now);
    } else {
        stp_disable_port(bridges[b].stp, p, now);
    }
}

static bool forwards(unsigned b, unsigned p)
{
    struct stp_port_status status;
    stp_get_port(bridges[b].stp, p, &status);
    return status.state == STP_FORWARDING;
}

static unsigned find(unsigned *parent, unsigned x)
{
    while (parent[x] != x) {
        x = parent[x];
    }
    return x;
}

/* Nodes are bridges and LANs, edges forwarding ports: no cycle, and the parts are those of the wiring. */
static void check_tree(void)
{
    unsigned tree[MAX_BRIDGES + MAX_LANS], wiring[MAX_BRIDGES + MAX_LANS];
    for (unsigned i = 0; i < ARRAY_SIZE(tree); i++) {
        tree[i] = wiring[i] = i;
    }
    for (unsigned b = 0; b < n_bridges; b++) {
        for (unsigned p = 1; p <= MAX_PORTS; p++) {
            if (bridges[b].lan[p] >= 0) {
                unsigned lan = MAX_BRIDGES + (unsigned)bridges[b].lan[p];
                wiring[find(wiring, b)] = find(wiring, lan);
                if (forwards(b, p)) {
                    assert_int_not_equal(find(tree, b), find(tree, lan));
                    tree[find(tree, b)] = find(tree, lan);
                }
            }
        }
    }
    for (unsigned i = 0; i < n_bridges; i++) {
        for (unsigned j = 0; j < n_bridges; j++) {
            assert_int_equal(find(tree, i) == find(tree, j), find(wiring, i) == find(wiring, j));
            struct stp_status a, b;
            stp_get(bridges[i].stp, &a);
            stp_get(bridges[j].stp, &b);
            if (find(wiring, i) == find(wiring, j)) {
                assert_true(a.designated_root == b.designated_root);
            }
        }
    }
}

static void any_wiring_becomes_a_tree(void **state)
{
    for (int k = 0; k < 25; k++) {
        n_bridges = 2 + rnd() % (MAX_BRIDGES - 1);
        n_lans = 1 + rnd() % MAX_LANS;
        for (unsigned b = 0; b < n_bridges; b++) {
            uint64_t id = (uint64_t)STP_DEFAULT_PRIORITY << 48 | (rnd() % 2 ? 100 - b : 200 + b);
            bridges[b].index = b;
            bridges[b].stp = stp_create("br0", id, now, send_bpdu, &bridges[b]);
            for (unsigned p = 1; p <= MAX_PORTS; p++) {
                connect_port(b, p, rnd() % 3 ? (int)(rnd() % n_lans) : -1);
            }
        }
        run_for(60);
        check_tree();
        for (int change = 0; change < 4; change++) {
            connect_port(rnd() % n_bridges, 1 + rnd() % MAX_PORTS, rnd() % 2 ? (int)(rnd() % n_lans) : -1);
            if (change == 2) {
                stp_set_bridge_id(bridges[0].stp, (uint64_t)(rnd() % 2 ? 0x1000 : 0xf000) << 48 | 7, now);
            }
            run_for((int)(rnd() % 30));
        }
        run_for(120);
        check_tree();
        for (unsigned b = 0; b < n_bridges; b++) {
            stp_destroy(bridges[b].stp);
        }
        n_frames = 0;
    }
}

static unsigned n_sent;
static uint8_t last_sent[64];
static void count_sent(void *aux, unsigned port, const void *bpdu, size_t len)
{
    n_sent++;
    memcpy(last_sent, bpdu, len);
}

static void goes_through_the_states(void **state)
{
    struct stp *stp = stp_create("br0", UINT64_C(0x8000966e905e164f), 0, count_sent, NULL);
    struct stp_port_status status;
    uint64_t changed[4];
    bool flush;
    assert_false(stp_take_changes(stp, changed, &flush));
    stp_enable_port(stp, 1, 2, 128, 0);
    assert_true(stp_take_changes(stp, changed, &flush));
    assert_int_equal(changed[0], 2);
    for (int64_t t = 0; t <= 40000; t += 500) {
        stp_run(stp, t);
        stp_get_port(stp, 1, &status);
        assert_int_equal(status.state, t < 15000 ? STP_LISTENING : t < 30000 ? STP_LEARNING : STP_FORWARDING);
    }
    assert_int_equal(status.role, STP_ROLE_DESIGNATED);
    assert_int_equal(status.port_id, 0x8001);
    assert_int_equal(n_sent, 20); /* as many as the reference counts */
    static const uint8_t want[] = {0,    0,    0, 0, 1, 0x80, 0, 0x96, 0x6e, 0x90, 0x5e, 0x16,
                                   0x4f, 0,    0, 0, 0, 0x80, 0, 0x96, 0x6e, 0x90, 0x5e, 0x16,
                                   0x4f, 0x80, 1, 0, 0, 20,   0, 2,    0,    15,   0};
    assert_memory_equal(last_sent, want, sizeof want);
    assert_true(stp_take_changes(stp, changed, &flush));
    assert_true(flush);
    /* A better root comes and goes. */
    uint8_t better[35];
    memcpy(better, want, sizeof better);
    better[5] = better[17] = 0x10;
    assert_true(stp_receive(stp, 1, better, sizeof better, 40000));
    stp_get_port(stp, 1, &status);
    assert_int_equal(status.role, STP_ROLE_ROOT);
    assert_int_equal(status.state, STP_FORWARDING);
    stp_run(stp, 59999);
    stp_get_port(stp, 1, &status);
    assert_int_equal(status.role, STP_ROLE_ROOT);
    stp_run(stp, 60000);
    stp_get_port(stp, 1, &status);
    assert_int_equal(status.role, STP_ROLE_DESIGNATED);
    /* Not BPDUs. */
    assert_false(stp_receive(stp, 1, better, 34, 60000));
    assert_false(stp_receive(stp, 1, better, 3, 60000));
    better[3] = 9;
    assert_false(stp_receive(stp, 1, better, 35, 60000));
    stp_get_port(stp, 1, &status);
    assert_int_equal(status.errors, 3);
    stp_destroy(stp);
}

static void brings_times_into_range(void **state)
{
    struct stp *stp = stp_create("br0", 1, 0, count_sent, NULL);
    struct stp_status status;
    stp_set_times(stp, 0, 0, 0);
    stp_get(stp, &status);
    assert_int_equal(status.hello_ms, 1000);
    assert_int_equal(status.max_age_ms, 6000);
    assert_int_equal(status.fwd_delay_ms, 4000);
    stp_set_times(stp, 2000, 40000, 15000);
    stp_get(stp, &status);
    assert_int_equal(status.max_age_ms, 40000);
    assert_int_equal(status.fwd_delay_ms, 21000);
    stp_destroy(stp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_wiring_becomes_a_tree),
        cmocka_unit_test(goes_through_the_states),
        cmocka_unit_test(brings_times_into_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
