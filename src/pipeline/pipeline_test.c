/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline on a dummy datapath, in one process. The oracle for a megaflow is translation itself: every
 * packet that it matches must come out alike. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "action/action.h"
#include "action/text.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/coverage.h"
#include "base/random.h"
#include "datapath/datapath.h"
#include "flow/compose.h"
#include "flow/mask.h"
#include "l2/mac_table.h"
#include "pipeline/group.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/recirc.h"
#include "pipeline/slow_path.h"
#include "pipeline/trace.h"
#include "pipeline/ukey.h"
#include "pipeline/xlate/xlate.h"

struct fixture {
    struct task_queue queue;
    struct pipeline *p;
    struct ofproto *br0, *br1;
};

static uint32_t add_port(struct ofproto *br, const char *name, const char *type, uint32_t number,
                         const char *peer, enum ofproto_vlan_mode mode, int vlan)
{
    struct smap options;
    uint32_t ofp_port;
    char *error = NULL;
    smap_init(&options);
    if (peer) {
        smap_set(&options, "peer", peer);
    }
    struct ofproto_port_settings s = {
        .name = name, .type = type, .options = &options, .ofp_port_request = number};
    assert_int_equal(ofproto_port_add(br, &s, &ofp_port, &error), 0);
    struct ofproto_bundle_settings b = {
        .name = name, .members = &ofp_port, .n_members = 1, .vlan_mode = mode, .vlan = vlan};
    assert_int_equal(ofproto_bundle_set(br, &b), 0);
    smap_fini(&options);
    return ofp_port;
}

static void flow(struct ofproto *br, enum flow_mod_command command, const char *text)
{
    struct flow_mod fm;
    uint32_t usable;
    char *error = flow_mod_parse(&fm, text, command, false, NULL, &usable);
    if (error) {
        fail_msg("%s: %s", text, error);
    }
    assert_int_equal(ofproto_flow_mods(br, &(const struct flow_mod *){&fm}, 1, false, RULE_DELETE, NULL),
                     OFPERR_NONE);
    flow_mod_fini(&fm);
    pipeline_commit(br->pipeline);
}

static int setup(void **state)
{
    struct fixture *f = xzalloc(sizeof *f);
    char *error = NULL;
    clock_stop();
    random_set_seed(5);
    task_queue_init(&f->queue);
    f->p = pipeline_create(&f->queue);
    assert_int_equal(ofproto_create(f->p, "br0", "dummy", &f->br0, &error), 0);
    assert_int_equal(ofproto_create(f->p, "br1", "dummy", &f->br1, &error), 0);
    ofproto_set_fail_mode(f->br0, OFPROTO_SECURE, false);
    ofproto_set_fail_mode(f->br1, OFPROTO_STANDALONE, false);
    add_port(f->br0, "br0", "internal", OFPP_LOCAL, NULL, OFPROTO_VLAN_TRUNK, -1);
    add_port(f->br0, "p1", "dummy", 1, NULL, OFPROTO_VLAN_TRUNK, -1);
    add_port(f->br0, "p2", "dummy", 2, NULL, OFPROTO_VLAN_TRUNK, -1);
    add_port(f->br0, "p3", "dummy", 3, NULL, OFPROTO_VLAN_NATIVE_UNTAGGED, 10);
    add_port(f->br0, "p4", "dummy", 4, NULL, OFPROTO_VLAN_ACCESS, 10);
    add_port(f->br0, "pa", "patch", 8, "pb", OFPROTO_VLAN_TRUNK, -1);
    add_port(f->br1, "br1", "internal", OFPP_LOCAL, NULL, OFPROTO_VLAN_TRUNK, -1);
    add_port(f->br1, "pb", "patch", 1, "pa", OFPROTO_VLAN_TRUNK, -1);
    add_port(f->br1, "p9", "dummy", 2, NULL, OFPROTO_VLAN_TRUNK, -1);
    pipeline_commit(f->p);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pipeline_destroy(f->p);
    task_queue_fini(&f->queue);
    free(f);
    return 0;
}

static void warp(struct fixture *f, int64_t ms)
{
    for (int64_t done = 0; done < ms; done += 250) {
        clock_warp(250);
        task_queue_run(&f->queue, clock_ms());
    }
}

/* ------------------------------------------------------------------ megaflows against translation */

static uint32_t one_of(const uint32_t *values, unsigned n)
{
    return values[random_below(n)];
}
#define ONE_OF(...) one_of((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void random_key(struct flow_key *k)
{
    flow_key_clear(k);
    k->in_port = ONE_OF(1, 2, 3, 4);
    k->dl_src.ea[0] = k->dl_dst.ea[0] = 0x50;
    k->dl_src.ea[5] = (uint8_t)ONE_OF(1, 2, 3);
    k->dl_dst.ea[5] = (uint8_t)ONE_OF(1, 2, 3);
    if (random_below(3) == 0) {
        k->vlans[0].tpid = CONST_BE16(0x8100);
        k->vlans[0].tci = FLOW_VLAN_PRESENT | htobe16((uint16_t)ONE_OF(10, 20, 0x600a));
    }
    switch (random_below(4)) {
    case 0:
        k->dl_type = CONST_BE16(0x0806);
        k->nw_proto = (uint8_t)ONE_OF(1, 2);
        k->nw_src = htobe32(ONE_OF(0x0a000001, 0x0a000102));
        break;
    case 1:
        k->dl_type = CONST_BE16(0x86dd);
        k->nw_proto = (uint8_t)ONE_OF(6, 17);
        k->ipv6_src.u8[15] = (uint8_t)ONE_OF(1, 2);
        k->ipv6_dst.u8[15] = (uint8_t)ONE_OF(1, 2);
        k->nw_ttl = (uint8_t)ONE_OF(1, 64);
        k->tp_dst = htobe16((uint16_t)ONE_OF(80, 443));
        k->tp_src = htobe16((uint16_t)ONE_OF(1, 2));
        break;
    default:
        k->dl_type = CONST_BE16(0x0800);
        k->nw_proto = (uint8_t)ONE_OF(6, 17);
        k->nw_src = htobe32(ONE_OF(0x0a000001, 0x0a000102, 0x0a008001));
        k->nw_dst = htobe32(ONE_OF(0x0a000001, 0x0a000102, 0x0a008001));
        k->nw_ttl = (uint8_t)ONE_OF(1, 64);
        k->nw_tos = (uint8_t)ONE_OF(0, 32);
        k->tp_dst = htobe16((uint16_t)ONE_OF(80, 443));
        k->tp_src = htobe16((uint16_t)ONE_OF(1, 2));
        break;
    }
}

/* Another packet of the same kind. */
static void vary(struct flow_key *k)
{
    random_bytes(&k->dl_src, sizeof k->dl_src);
    random_bytes(&k->dl_dst, sizeof k->dl_dst);
    if (k->vlans[0].tci) {
        k->vlans[0].tci = FLOW_VLAN_PRESENT | htobe16((uint16_t)(random_u32() & 0xefff));
    }
    if (k->dl_type == CONST_BE16(0x86dd)) {
        random_bytes(&k->ipv6_src, 32);
        k->ipv6_label = htobe32(random_u32() & 0xfffff);
    } else {
        k->nw_src = random_u32();
        k->nw_dst = random_u32();
    }
    if (k->dl_type == CONST_BE16(0x0806)) {
        random_bytes(&k->arp_sha, 12);
        k->nw_proto = (uint8_t)ONE_OF(1, 2);
        return;
    }
    k->nw_proto = (uint8_t)ONE_OF(6, 17);
    k->nw_tos = (uint8_t)random_u32();
    k->nw_ttl = (uint8_t)(random_u32() | 1);
    k->tp_src = (be16)(random_u32() | 1);
    k->tp_dst = (be16)random_u32();
    k->tcp_flags = k->nw_proto == 6 ? htobe16((uint16_t)(random_u32() & 0xfff)) : 0;
}

static const char *const rules[] = {
    "table=0,priority=9,in_port=1,ip,nw_dst=10.0.0.0/24,actions=set_field:5->reg0,goto_table:1",
    "table=0,priority=8,tcp,tp_dst=80,actions=dec_ttl,resubmit(,2),normal",
    "table=0,priority=7,dl_vlan=10,actions=strip_vlan,output:2,normal",
    "table=0,priority=6,arp,arp_op=1,actions=move:eth_src[]->eth_dst[],set_field:2->arp_op,in_port",
    "table=0,priority=5,ipv6,actions=set_field:fd00::9->ipv6_dst,output:8,output:2",
    "table=0,priority=4,in_port=3,actions=push_vlan:0x8100,set_field:4116->vlan_vid,output:1,pop_vlan,output:"
    "2,flood",
    "table=0,priority=3,dl_src=50:00:00:00:00:01,actions=clone(set_field:50:00:00:00:00:77->eth_dst,output:2)"
    ",output:1",
    "table=0,priority=0,actions=normal",
    "table=1,priority=9,reg0=5,tcp,actions=move:nw_src[0..15]->reg1[0..15],push:tcp_dst[],pop:reg2[0..15],"
    "goto_table:3",
    "table=1,priority=1,actions=write_actions(output:4,set_field:50:00:00:00:00:66->eth_src),goto_table:3",
    "table=2,priority=9,ip,nw_tos=32,actions=set_field:9->ip_dscp,output:3",
    "table=2,priority=1,actions=output:reg0[]",
    "table=3,priority=9,tcp,reg2=80,actions=set_field:81->tcp_dst,output:2",
    "table=3,priority=8,udp,nw_src=10.0.1.0/"
    "24,actions=multipath(symmetric_l4,1,modulo_n,2,0,reg0[]),output:2",
    "table=3,priority=1,actions=check_pkt_larger(500)->reg3[0],resubmit(,4)",
    "table=4,reg3=1,actions=output:1",
    "table=4,actions=output:2",
};

static void translate(struct fixture *f, const struct flow_key *k, struct xlate_out *xout)
{
    struct xlate_in xin;
    const struct snapshot *s = snapshot_get(f->p);
    xlate_in_init(&xin, s, snapshot_bridge(s, f->br0), k);
    xlate_out_init(xout);
    xlate(&xin, xout);
}

static void release(struct fixture *f, struct xlate_out *xout)
{
    for (size_t i = 0; i < xout->n_recirc_ids; i++) {
        recirc_unref(f->p->recirc, xout->recirc_ids[i]);
    }
    xlate_out_fini(xout);
}

static void test_megaflows(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        flow(f->br0, FLOW_ADD, rules[i]);
    }
    struct mac_learn learn = {.mac = {{0x50, 0, 0, 0, 0, 2}}, .port = (void *)(uintptr_t)2, .vlan = 0};
    mac_table_learn(f->br0->macs, &learn, clock_ms());
    for (int i = 0; i < 200; i++) {
        struct flow_key key;
        struct xlate_out first;
        random_key(&key);
        translate(f, &key, &first);
        for (int j = 0; j < 1000; j++) {
            struct flow_key other = key;
            struct xlate_out again;
            vary(&other);
            uint64_t *o = flow_key_words(&other);
            const uint64_t *k = flow_key_words_const(&key), *m = flow_key_words_const(&first.wc.bits);
            for (unsigned w = 0; w < FLOW_WORDS; w++) {
                o[w] = (o[w] & ~m[w]) | (k[w] & m[w]);
            }
            translate(f, &other, &again);
            if (!dp_actions_equal(first.actions.data, first.actions.len, again.actions.data,
                                  again.actions.len) ||
                first.slow != again.slow) {
                char *a =
                    match_to_string(&(struct match){.flow = key, .wc = {.bits = first.wc.bits}}, NULL, 32768);
                fail_msg("case %d: packets of one megaflow are treated differently: %s", i, a);
            }
            release(f, &again);
        }
        release(f, &first);
    }
}

/* ------------------------------------------------------------------ cached flows follow */

/* A frame into a dummy port; it has been dealt with when this returns. */
static void receive(struct fixture *f, const char *port, uint8_t src, uint8_t dst)
{
    struct datapath *dp = ofproto_datapath(f->br0);
    struct dp_port_desc desc;
    uint8_t frame[60] = {0x50, 0, 0, 0, 0, dst, 0x50, 0, 0, 0, 0, src, 0x88, 0xb5};
    assert_int_equal(dp->ops->port_query_name(dp, port, &desc), 0);
    assert_int_equal(dp->ops->receive(dp, desc.port_no, 0, frame, sizeof frame), 0);
}

struct find_flow {
    uint32_t in_port;
    uint8_t dst;
    struct bytebuf actions;
    bool found;
    unsigned n;
};

static bool each_flow(const struct dp_flow_desc *d, void *aux)
{
    struct find_flow *ff = aux;
    ff->n++;
    if (d->key->in_port == ff->in_port && (!ff->dst || d->key->dl_dst.ea[5] == ff->dst)) {
        ff->found = true;
        bytebuf_clear(&ff->actions);
        bytebuf_put(&ff->actions, d->actions, d->actions_len);
    }
    return true;
}

/* The outputs of the cached flow from datapath port IN_PORT to DST, as text "2,3"; "-" if there is none. */
static char *cached(struct fixture *f, uint32_t in_port, uint8_t dst)
{
    struct datapath *dp = ofproto_datapath(f->br0);
    struct find_flow ff = {.in_port = in_port, .dst = dst, .actions = BYTEBUF_INITIALIZER};
    static char text[256];
    dp->ops->flow_dump(dp, each_flow, &ff);
    strcpy(text, ff.found ? "" : "-");
    const struct dp_action *a;
    DP_ACTION_FOR_EACH (a, ff.actions.data, ff.actions.len) {
        if (a->type == DP_ACTION_OUTPUT) {
            sprintf(text + strlen(text), "%s%u", *text ? "," : "", dp_action_value(a));
        }
    }
    bytebuf_fini(&ff.actions);
    return text;
}

static void test_rules_change(void **state)
{
    struct fixture *f = *state;
    flow(f->br0, FLOW_ADD, "priority=5,in_port=1,actions=output:2");
    receive(f, "p1", 1, 2);
    assert_string_equal(cached(f, 1, 0), "2");
    /* One that takes its place, one that has nothing to do with it, one below, one above. */
    flow(f->br0, FLOW_ADD, "priority=5,in_port=1,actions=output:3");
    assert_string_equal(cached(f, 1, 0), "3");
    flow(f->br0, FLOW_ADD, "priority=9,in_port=2,actions=output:1");
    assert_string_equal(cached(f, 1, 0), "3");
    flow(f->br0, FLOW_ADD, "priority=1,in_port=1,actions=output:4");
    assert_string_equal(cached(f, 1, 0), "3");
    /* This one matches on what the flow does not: the flow is too wide now. */
    flow(f->br0, FLOW_ADD, "priority=9,in_port=1,dl_dst=50:00:00:00:00:02,actions=output:4");
    assert_string_equal(cached(f, 1, 0), "-");
    receive(f, "p1", 1, 2);
    assert_string_equal(cached(f, 1, 2), "4");
    flow(f->br0, FLOW_DELETE, "in_port=1,dl_dst=50:00:00:00:00:02");
    assert_string_equal(cached(f, 1, 2), "3");
    flow(f->br0, FLOW_DELETE, "");
    assert_string_equal(cached(f, 1, 2), "");
}

static void test_mac_moves(void **state)
{
    struct fixture *f = *state;
    flow(f->br0, FLOW_ADD, "actions=normal");
    receive(f, "p2", 7, 0xff);
    receive(f, "p1", 1, 7);
    assert_string_equal(cached(f, 1, 7), "2");
    /* The host moves: the very next packet goes there. */
    receive(f, "br0", 7, 0xfe);
    pipeline_commit(f->p);
    assert_string_equal(cached(f, 1, 7), "100");
    mac_table_flush(f->br0->macs);
    pipeline_commit(f->p);
    assert_string_not_equal(cached(f, 1, 7), "100");
}

static void test_statistics(void **state)
{
    struct fixture *f = *state;
    flow(f->br0, FLOW_ADD, "priority=5,in_port=1,actions=resubmit(,1)");
    flow(f->br0, FLOW_ADD, "table=1,priority=5,actions=output:8");
    for (int i = 0; i < 10; i++) {
        receive(f, "p1", 1, 2);
    }
    slow_path_revalidate(f->br0->backer->slow_path, false);
    struct flow_mod all;
    size_t n;
    flow_mod_init(&all);
    all.table_id = OFPTT_ALL;
    struct rule **r = ofproto_collect_rules(f->br0, &all, false, false, &n);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(r[i]->counters->packets, 10);
        assert_int_equal(r[i]->counters->bytes, 600);
    }
    free(r);
    flow_mod_fini(&all);
    struct ofproto_port_stats stats;
    assert_int_equal(ofproto_patch_stats(f->br0, 8, &stats), 0);
    assert_int_equal(stats.tx_packets, 10);
    assert_int_equal(ofproto_patch_stats(f->br1, 1, &stats), 0);
    assert_int_equal(stats.rx_packets, 10);
}

static void test_idle_flows_go(void **state)
{
    struct fixture *f = *state;
    flow(f->br0, FLOW_ADD, "priority=5,in_port=1,actions=output:2");
    receive(f, "p1", 1, 2);
    warp(f, 9000);
    assert_string_equal(cached(f, 1, 0), "2");
    warp(f, 2000);
    assert_string_equal(cached(f, 1, 0), "-");
}

static void test_rules_expire(void **state)
{
    struct fixture *f = *state;
    flow(f->br0, FLOW_ADD, "priority=5,in_port=1,idle_timeout=5,actions=output:2");
    flow(f->br0, FLOW_ADD, "priority=5,in_port=2,hard_timeout=8,actions=output:1");
    for (int i = 0; i < 3; i++) {
        warp(f, 3000);
        receive(f, "p1", 1, 2);
    }
    assert_int_equal(f->br0->n_rules, 1); /* traffic keeps the first, nothing the second */
    warp(f, 8000);
    assert_int_equal(f->br0->n_rules, 0);
    pipeline_commit(f->p);
    assert_string_not_equal(cached(f, 1, 0), "2");
}

static void test_learn(void **state)
{
    struct fixture *f = *state;
    flow(f->br0, FLOW_ADD,
         "priority=5,actions=learn(table=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),"
         "resubmit(,1)");
    flow(f->br0, FLOW_ADD, "table=1,priority=0,actions=flood");
    receive(f, "p2", 7, 8);
    assert_int_equal(f->br0->n_rules, 3);
    receive(f, "p1", 8, 7);
    assert_string_equal(cached(f, 1, 7), "2");
}

static void test_bundle_is_atomic(void **state)
{
    struct fixture *f = *state;
    struct flow_mod a, b;
    uint32_t usable;
    flow(f->br0, FLOW_ADD, "priority=5,in_port=1,actions=output:2");
    assert_null(flow_mod_parse(&a, "priority=6,in_port=1,actions=output:3", FLOW_ADD, false, NULL, &usable));
    assert_null(flow_mod_parse(&b, "priority=6,in_port=1,tcp,check_overlap,actions=output:3", FLOW_ADD, false,
                               NULL, &usable));
    const struct flow_mod *mods[] = {&a, &b};
    size_t failed = 9;
    assert_int_equal(ofproto_flow_mods(f->br0, mods, 2, false, RULE_DELETE, &failed), OFPERR_OFPFMFC_OVERLAP);
    assert_int_equal(failed, 1);
    assert_int_equal(f->br0->n_rules, 1);
    flow_mod_fini(&a);
    flow_mod_fini(&b);
}

/* A datapath with threads of its own: everything happens by itself, soon. */
static void wake(void *flag_)
{
    __atomic_store_n((bool *)flag_, true, __ATOMIC_RELEASE);
}

static void wait_for(struct pipeline *p, bool *flag, bool (*done)(void *), void *aux)
{
    for (int i = 0; i < 2000 && !done(aux); i++) {
        if (__atomic_exchange_n(flag, false, __ATOMIC_ACQ_REL)) {
            pipeline_commit(p);
        }
        rcu_offline();
        usleep(1000);
        rcu_online();
    }
    assert_true(done(aux));
}

struct expect {
    struct fixture f;
    uint32_t in_port;
    uint8_t dst;
    char outputs[16];
    const char *from;
    uint8_t src;
    unsigned tries;
};

/* A flow whose translation met a change is not installed: the next packet tries again. */
static bool is_cached(void *e_)
{
    struct expect *e = e_;
    if (++e->tries % 100 == 0) {
        receive(&e->f, e->from, e->src, e->dst);
    }
    return !strcmp(cached(&e->f, e->in_port, e->dst), e->outputs);
}

static void test_threads(void **state)
{
    struct task_queue queue;
    struct expect e;
    char *error = NULL;
    bool woken = false;
    (void)state;
    memset(&e, 0, sizeof e);
    task_queue_init(&queue);
    struct pipeline *p = pipeline_create(&queue);
    pipeline_set_wake(p, wake, &woken);
    assert_int_equal(ofproto_create(p, "br", "netdev", &e.f.br0, &error), 0);
    ofproto_set_fail_mode(e.f.br0, OFPROTO_STANDALONE, false);
    e.f.p = p;
    const char *names[] = {"q1", "q2", "q3"};
    uint32_t numbers[3];
    struct datapath *dp = ofproto_datapath(e.f.br0);
    for (int i = 0; i < 3; i++) {
        struct dp_port_desc desc;
        add_port(e.f.br0, names[i], "dummy", (uint32_t)i + 1, NULL, OFPROTO_VLAN_TRUNK, -1);
        assert_int_equal(dp->ops->port_query_name(dp, names[i], &desc), 0);
        numbers[i] = desc.port_no;
    }
    pipeline_commit(p);

    receive(&e.f, "q2", 7, 0xff);
    e.in_port = numbers[1];
    e.from = "q2";
    e.src = 7;
    e.dst = 0xff;
    snprintf(e.outputs, sizeof e.outputs, "%u,%u", numbers[0], numbers[2]);
    wait_for(p, &woken, is_cached, &e);

    receive(&e.f, "q1", 1, 7);
    e.in_port = numbers[0];
    e.from = "q1";
    e.src = 1;
    e.dst = 7;
    snprintf(e.outputs, sizeof e.outputs, "%u", numbers[1]);
    wait_for(p, &woken, is_cached, &e);

    receive(&e.f, "q3", 7, 1); /* it moved */
    snprintf(e.outputs, sizeof e.outputs, "%u", numbers[2]);
    wait_for(p, &woken, is_cached, &e);

    flow(e.f.br0, FLOW_ADD, "priority=9,in_port=1,actions=drop");
    assert_string_equal(cached(&e.f, e.in_port, 7), "");
    pipeline_destroy(p);
    task_queue_fini(&queue);
}

/* A bridge on a datapath with threads, with four dummy ports. */
static void start_threaded(struct expect *e, struct task_queue *queue, bool *woken)
{
    char *error = NULL;
    memset(e, 0, sizeof *e);
    task_queue_init(queue);
    e->f.p = pipeline_create(queue);
    pipeline_set_wake(e->f.p, wake, woken);
    assert_int_equal(ofproto_create(e->f.p, "br", "netdev", &e->f.br0, &error), 0);
    ofproto_set_fail_mode(e->f.br0, OFPROTO_SECURE, false);
    for (uint32_t i = 1; i <= 4; i++) {
        char name[8];
        sprintf(name, "q%u", i);
        add_port(e->f.br0, name, "dummy", i, NULL, OFPROTO_VLAN_TRUNK, -1);
    }
    pipeline_commit(e->f.p);
}

/* Does the cached flow say what translation says now, of each packet that it matches? */
struct agree {
    struct fixture *f;
    struct dp_backer *backer;
    bool count; /* those that do not are counted, instead of failing */
    unsigned n, wrong;
};

static bool flow_agrees(const struct dp_flow_desc *d, void *aux)
{
    struct agree *a = aux;
    if (d->origin != DP_FLOW_SLOW_PATH) {
        return true;
    }
    a->n++;
    for (int i = 0; i < 16; i++) {
        struct flow_key key = *d->key;
        struct xlate_in xin;
        struct xlate_out xout;
        key.dl_src.ea[5] |= (uint8_t)(random_u32() & 15 & ~d->mask->bits.dl_src.ea[5]);
        key.dl_dst.ea[5] |= (uint8_t)(random_u32() & 15 & ~d->mask->bits.dl_dst.ea[5]);
        int error = xlate_in_init_upcall(&xin, a->f->p, a->backer, &key);
        if (error && a->count) {
            a->wrong++;
            return true;
        }
        assert_int_equal(error, 0);
        xlate_out_init(&xout);
        xlate(&xin, &xout);
        bool same = dp_actions_equal(d->actions, d->actions_len, xout.actions.data, xout.actions.len);
        a->wrong += !same;
        if (!same && !a->count) {
            struct strbuf s = STRBUF_INITIALIZER;
            dp_actions_format(d->actions, d->actions_len, NULL, &s);
            strbuf_puts(&s, " instead of ");
            dp_actions_format(xout.actions.data, xout.actions.len, NULL, &s);
            fail_msg("an old flow is cached: dst %02x src %02x in_port %u: %s", key.dl_dst.ea[5],
                     key.dl_src.ea[5], key.in_port, strbuf_text(&s));
        }
        release(a->f, &xout);
    }
    return true;
}

/* Rules come and go while upcalls are under way: when a change has been committed, no flow is cached that is
 * not as the rules now say, also none that is installed late. */
static void test_threads_agree(void **state)
{
    struct task_queue queue;
    struct expect e;
    bool woken = false;
    unsigned seen = 0;
    (void)state;
    start_threaded(&e, &queue, &woken);
    flow(e.f.br0, FLOW_ADD, "table=1,priority=0,actions=output:4");
    for (int i = 0; i < 400; i++) {
        char text[128], port[8];
        for (int j = 0; j < 8; j++) {
            sprintf(port, "q%u", 1 + random_below(3));
            receive(&e.f, port, (uint8_t)random_below(16), (uint8_t)random_below(16));
        }
        bool add = random_below(3);
        const char *masks[] = {"50:00:00:00:00:0f", "ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:03"};
        int n = sprintf(text, "table=%u,", random_below(2));
        if (add) {
            n += sprintf(text + n, "priority=%u,", 1 + random_below(60) * 1000 + (unsigned)i);
        }
        n += sprintf(text + n, "%s=50:00:00:00:00:%02x/%s", random_below(2) ? "dl_src" : "dl_dst",
                     random_below(16), masks[random_below(3)]);
        if (add) {
            sprintf(text + n, ",actions=%s",
                    random_below(2)  ? "output:2"
                    : text[6] == '0' ? "resubmit(,1)"
                                     : "output:1");
        }
        flow(e.f.br0, add ? FLOW_ADD : FLOW_DELETE, text); /* commits */
        struct agree a = {.f = &e.f, .backer = e.f.br0->backer};
        e.f.br0->backer->dp->ops->flow_dump(e.f.br0->backer->dp, flow_agrees, &a);
        seen += a.n;
        if (i % 16 == 0) {
            rcu_offline();
            usleep(1000);
            rcu_online();
            slow_path_revalidate(e.f.br0->backer->slow_path, i % 32 == 0);
        }
    }
    assert_true(seen > 400); /* it was about something */
    pipeline_destroy(e.f.p);
    task_queue_fini(&queue);
}

static const char *const port_rules[] = {
    "priority=5,dl_dst=50:00:00:00:00:01,actions=output:3",
    "priority=5,dl_dst=50:00:00:00:00:02,actions=output:5,output:1",
    "priority=5,dl_dst=50:00:00:00:00:03,actions=flood",
    "priority=5,dl_dst=50:00:00:00:00:04,actions=all",
    "priority=5,dl_dst=50:00:00:00:00:05,actions=output:8,output:2",
    "priority=5,dl_dst=50:00:00:00:00:06,actions=bundle(eth_src,0,active_backup,ofport,members:1,2)",
    "priority=5,dl_dst=50:00:00:00:00:07,actions=output:reg0[],local,in_port",
    "priority=0,actions=normal",
};

/* One random change of br0's ports and bundles, not committed. */
static void change_ports(struct fixture *f, bool has[])
{
    static const char *const names[] = {"p0", "p1", "p2", "p3", "p4", "p5"};
    uint32_t i = 1 + random_below(5);
    switch (random_below(6)) {
    case 0:
        if (has[i]) {
            assert_int_equal(ofproto_port_del(f->br0, i), 0);
            ofproto_bundle_remove(f->br0, names[i]);
        } else {
            add_port(f->br0, names[i], "dummy", i, NULL, (enum ofproto_vlan_mode)random_below(4), 10);
        }
        has[i] = !has[i];
        break;
    case 1:
        if (has[0]) {
            assert_int_equal(ofproto_port_del(f->br0, 8), 0);
            ofproto_bundle_remove(f->br0, "pa");
        } else {
            add_port(f->br0, "pa", "patch", 8, random_below(3) ? "pb" : "nobody", OFPROTO_VLAN_TRUNK, -1);
        }
        has[0] = !has[0];
        break;
    case 2:
        if (has[i]) {
            const uint32_t bits[] = {OFPROTO_PC_NO_FWD, OFPROTO_PC_NO_FLOOD, OFPROTO_PC_NO_RECV,
                                     OFPROTO_PC_PORT_DOWN};
            uint32_t bit = bits[random_below(4)];
            ofproto_port_set_config(f->br0, i, random_below(2) ? bit : 0, bit);
        }
        break;
    case 3:
        ofproto_port_set_config(f->br1, random_below(2) ? 1 : 2, random_below(2) ? OFPROTO_PC_NO_FLOOD : 0,
                                OFPROTO_PC_NO_FLOOD);
        break;
    default:
        if (has[i]) {
            struct ofproto_bundle_settings b = {.name = names[i],
                                                .members = &i,
                                                .n_members = 1,
                                                .vlan_mode = (enum ofproto_vlan_mode)random_below(4),
                                                .vlan = random_below(2) ? 10 : 20,
                                                .protect = random_below(2)};
            assert_int_equal(ofproto_bundle_set(f->br0, &b), 0);
        }
    }
}

static uint64_t n_translated(void)
{
    uint64_t n = 0;
    assert_true(coverage_read_counter("revalidate_translated", &n));
    return n;
}

/* Ports come, go and change, bridges behind patch ports too: only flows that looked at them are translated
 * anew, and yet none is cached that is not as translation now says. */
static void test_ports_agree(void **state)
{
    struct fixture *f = *state;
    bool has[6] = {true, true, true, true, true, false};
    unsigned seen = 0, kept = 0;
    for (size_t i = 0; i < ARRAY_SIZE(port_rules); i++) {
        flow(f->br0, FLOW_ADD, port_rules[i]);
    }
    for (int i = 0; i < 3000; i++) {
        static const char *const names[] = {"p0", "p1", "p2", "p3", "p4", "p5"};
        for (int j = 0; j < 4; j++) {
            unsigned from = 1 + random_below(5);
            if (has[from]) {
                receive(f, names[from], (uint8_t)(1 + random_below(12)), (uint8_t)(1 + random_below(12)));
            }
        }
        uint64_t before = n_translated();
        for (unsigned n = 1 + random_below(3); n > 0; n--) {
            change_ports(f, has);
        }
        pipeline_commit(f->p);
        struct agree a = {.f = f, .backer = f->br0->backer};
        a.backer->dp->ops->flow_dump(a.backer->dp, flow_agrees, &a);
        seen += a.n;
        kept += a.n - MIN(a.n, n_translated() - before);
        if (i % 100 == 0) {
            slow_path_purge(a.backer->slow_path);
        }
    }
    assert_true(seen > 20000 && kept > seen / 4); /* it was about something */
}

/* Counters of flows that were cached come back to the rules, once each, whatever passes ran meanwhile. */
static void test_threads_count(void **state)
{
    struct task_queue queue;
    struct expect e;
    bool woken = false;
    (void)state;
    start_threaded(&e, &queue, &woken);
    flow(e.f.br0, FLOW_ADD, "table=1,priority=0,cookie=5,actions=output:4");
    flow(e.f.br0, FLOW_ADD, "table=0,priority=0,actions=resubmit(,1)");
    for (int i = 0; i < 2000; i++) {
        receive(&e.f, "q1", (uint8_t)(i % 40), 1);
        if (i % 50 == 0) {
            char text[64];
            sprintf(text, "priority=%d,dl_src=50:00:00:00:00:%02x,actions=resubmit(,1)", i, i % 40);
            flow(e.f.br0, i % 100 ? FLOW_ADD : FLOW_MODIFY, text);
        }
        if (i % 200 == 0) {
            slow_path_purge(e.f.br0->backer->slow_path);
        }
    }
    struct flow_mod all;
    uint64_t packets = 0;
    flow_mod_init(&all);
    all.table_id = 1;
    for (int tries = 0; tries < 200 && packets < 2000; tries++) {
        size_t n;
        slow_path_revalidate(e.f.br0->backer->slow_path, false);
        struct rule **r = ofproto_collect_rules(e.f.br0, &all, false, false, &n);
        assert_int_equal(n, 1);
        packets = __atomic_load_n(&r[0]->counters->packets, __ATOMIC_RELAXED);
        free(r);
        rcu_offline();
        usleep(5000);
        rcu_online();
    }
    assert_int_equal(packets, 2000);
    flow_mod_fini(&all);
    pipeline_destroy(e.f.p);
    task_queue_fini(&queue);
}

/* Everything at once: traffic, rules, ports that come and go, a bridge behind a patch port that does, passes
 * for statistics. Commits do not wait; now and then packets stop, and soon every cached flow is right. */
static void test_threads_stress(void **state)
{
    struct task_queue queue;
    struct expect e;
    bool woken = false, has_q4 = true;
    unsigned seen = 0;
    struct ofproto *br2 = NULL;
    (void)state;
    start_threaded(&e, &queue, &woken);
    struct pipeline *p = e.f.p;
    add_port(e.f.br0, "pa", "patch", 8, "pb", OFPROTO_VLAN_TRUNK, -1);
    flow(e.f.br0, FLOW_ADD, "table=0,priority=0,actions=normal");
    for (int i = 0; i < 1500; i++) {
        char text[128], port[8];
        for (int j = 0; j < 6; j++) {
            sprintf(port, "q%u", 1 + random_below(3));
            receive(&e.f, port, (uint8_t)random_below(16), (uint8_t)random_below(16));
        }
        switch (random_below(8)) {
        case 0:
            if (has_q4) {
                assert_int_equal(ofproto_port_del(e.f.br0, 4), 0);
                ofproto_bundle_remove(e.f.br0, "q4");
            } else {
                add_port(e.f.br0, "q4", "dummy", 4, NULL, OFPROTO_VLAN_TRUNK, -1);
            }
            has_q4 = !has_q4;
            break;
        case 1:
            if (random_below(4)) {
                break;
            }
            if (br2) {
                ofproto_destroy(br2);
                br2 = NULL;
            } else {
                char *error = NULL;
                assert_int_equal(ofproto_create(p, "br2", "netdev", &br2, &error), 0);
                ofproto_set_fail_mode(br2, OFPROTO_STANDALONE, false);
                add_port(br2, "pb", "patch", 1, "pa", OFPROTO_VLAN_TRUNK, -1);
                add_port(br2, "q9", "dummy", 2, NULL, OFPROTO_VLAN_TRUNK, -1);
            }
            break;
        case 2:
            mac_table_flush(e.f.br0->macs);
            break;
        case 3:
            slow_path_refresh_stats(e.f.br0->backer->slow_path);
            break;
        default: {
            bool add = random_below(3);
            int n = 0;
            if (add) {
                /* Each its own: of rules that overlap at one priority any may win, another one after a change
                 * of third rules, and cached flows stay with the one that they have. */
                n += sprintf(text + n, "priority=%u,", 1 + random_below(40) * 1500 + (unsigned)i);
            }
            n += sprintf(text + n, "%s=50:00:00:00:00:%02x/%s", random_below(2) ? "dl_src" : "dl_dst",
                         random_below(16), random_below(2) ? "ff:ff:ff:ff:ff:ff" : "ff:ff:ff:ff:ff:03");
            if (add) {
                static const char *const actions[] = {"output:2", "output:4", "flood", "normal", "output:8"};
                sprintf(text + n, ",actions=%s", actions[random_below(5)]);
            }
            struct flow_mod fm;
            uint32_t usable;
            assert_null(flow_mod_parse(&fm, text, add ? FLOW_ADD : FLOW_DELETE, false, NULL, &usable));
            const struct flow_mod *mods[] = {&fm};
            assert_int_equal(ofproto_flow_mods(e.f.br0, mods, 1, false, RULE_DELETE, NULL), OFPERR_NONE);
            flow_mod_fini(&fm);
            break;
        }
        }
        pipeline_start_commit(p);
        rcu_quiescent();
        if (i % 10 == 0) {
            /* Packets that are still under way teach MACs, so flows are right once these have come through.
             */
            struct agree a = {.wrong = 1};
            for (int tries = 0; tries < 2000 && a.wrong; tries++) {
                rcu_offline();
                usleep(1000);
                rcu_online();
                pipeline_commit(p);
                a = (struct agree){.f = &e.f, .backer = e.f.br0->backer, .count = true};
                a.backer->dp->ops->flow_dump(a.backer->dp, flow_agrees, &a);
            }
            assert_int_equal(a.wrong, 0);
            seen += a.n;
        }
    }
    assert_true(seen > 400); /* it was about something */
    pipeline_destroy(p);
    task_queue_fini(&queue);
}

static void test_packet_out(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[60] = {0x50, 0, 0, 0, 0, 2, 0x50, 0, 0, 0, 0, 1, 0x88, 0xb5};
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    uint32_t usable = OFPROTO_ANY;
    flow(f->br0, FLOW_ADD, "priority=5,in_port=2,actions=output:8");
    assert_null(ofpacts_parse_actions("resubmit(2,0)", NULL, &actions, &usable));
    assert_int_equal(ofproto_packet_out(f->br0, frame, sizeof frame, OFPP_CONTROLLER, NULL,
                                        (const struct ofpact *)(const void *)actions.data, actions.len),
                     0);
    struct ofproto_port_stats stats;
    assert_int_equal(ofproto_patch_stats(f->br0, 8, &stats), 0);
    assert_int_equal(stats.tx_packets, 1);
    void *port;
    assert_true(mac_table_lookup(f->br1->macs, (struct eth_addr){{0x50, 0, 0, 0, 0, 1}}, 0, &port));
    bytebuf_fini(&actions);
}

/* Packets may be under way with an id that nobody holds any more. */
static void test_recirculation_ids(void **unused)
{
    (void)unused;
    struct recirc_table *t = recirc_table_create();
    struct frozen_state s = {.ofproto_id = 1, .table_id = 7}, other = {.ofproto_id = 1, .table_id = 8};
    uint32_t id = recirc_alloc(t, &s);
    recirc_unref(t, id);
    assert_int_equal(recirc_count(t), 0);
    assert_int_equal(recirc_find(t, id)->table_id, 7);
    assert_int_equal(recirc_alloc(t, &s), id);
    assert_int_equal(recirc_count(t), 1);
    recirc_unref(t, id);
    clock_warp(10000);
    recirc_unref(t, recirc_alloc(t, &other));
    assert_null(recirc_find(t, id));
    assert_int_not_equal(recirc_alloc(t, &s), id);
    recirc_table_destroy(t);
}

static void test_bridge_goes(void **state)
{
    struct fixture *f = *state;
    flow(f->br0, FLOW_ADD, "actions=normal");
    receive(f, "p1", 1, 2); /* floods through the patch port into br1 */
    ofproto_destroy(f->br1);
    f->br1 = NULL;
    receive(f, "p1", 1, 2);
    assert_string_equal(cached(f, 1, 2), "100,2");
}

int main(void)
{
    /* A datapath of type "netdev" makes a device, ovs-netdev: where another switch runs there is one already.
     * Without the right to a network of our own the test takes its chance. */
    (void)unshare(CLONE_NEWNET);
    rcu_register();
    /* A datapath with threads makes a device; other tests and switches of this host make one of that name. */
    if (unshare(CLONE_NEWNET)) {
        perror("no network namespace of its own");
    }
    vport_enable_dummy(false, false);
    datapath_register(true, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads), /* first: the others stop the clock */
        cmocka_unit_test(test_threads_agree),
        cmocka_unit_test(test_threads_count),
        cmocka_unit_test(test_threads_stress),
        cmocka_unit_test_setup_teardown(test_megaflows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rules_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mac_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_statistics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_flows_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rules_expire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_learn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bundle_is_atomic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_packet_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recirculation_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bridge_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ports_agree, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
