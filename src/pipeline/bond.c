/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/bond.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "flow/mask.h"
#include "l2/mac_table.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/protocol.h"
#include "pipeline/recirc.h"
#include "pipeline/rule.h"
#include "port/vport.h"
#include "wire/eth.h"

#define RULE_PRIORITY 20
#define MAX_ANNOUNCED 8192 /* addresses, after a fail-over */

struct ofbond {
    struct ofbundle *bundle;
    struct ofproto *ofproto;
    struct bond *bond;
    struct lacp *lacp;
    struct lacp_settings lacp_settings;
    uint16_t lacp_key; /* of the first port */
    char *primary;
    int miimon_ms;
    uint64_t lacp_seen; /* lacp_changes() that ports know of */
    uint32_t recirc_id; /* 0: none. A reference is held */
    struct {
        struct rule *rule; /* a reference; NULL: no member */
        uint32_t ofp_port;
        uint64_t counted; /* bytes that the bond was told of */
    } rules[BOND_BUCKETS];
    struct task task;
};

static void run(struct ofbond *);

static void run_task(struct task *task)
{
    struct ofbond *ob = CONTAINER_OF(task, struct ofbond, task);
    struct pipeline *p = ob->ofproto->pipeline;
    run(ob);
    if (p->parts_changed || p->changed) {
        pipeline_start_commit(p);
    }
}

struct ofbond *ofbond_create(struct ofbundle *bundle)
{
    struct ofbond *ob = xzalloc(sizeof *ob);
    ob->bundle = bundle;
    ob->ofproto = bundle->ofproto;
    task_init(&ob->task, "bond", run_task);
    return ob;
}

/* ------------------------------------------------------------------ rules of balance-tcp */

static void count_rules(struct ofbond *ob)
{
    for (unsigned i = 0; ob->recirc_id && i < BOND_BUCKETS; i++) {
        if (ob->rules[i].rule) {
            uint64_t bytes = __atomic_load_n(&ob->rules[i].rule->counters->bytes, __ATOMIC_RELAXED);
            bond_account(ob->bond, i, bytes - ob->rules[i].counted);
            ob->rules[i].counted = bytes;
        }
    }
}

static void make_mod(const struct ofbond *ob, unsigned bucket, uint32_t ofp_port, struct flow_mod *mod)
{
    flow_mod_init(mod);
    mod->command = ofp_port ? FLOW_ADD : FLOW_DELETE_STRICT;
    mod->table_id = OFPROTO_TABLE_INTERNAL;
    mod->priority = RULE_PRIORITY;
    mod->new_cookie = 0;
    mod->match.flow.recirc_id = ob->recirc_id;
    mod->match.wc.bits.recirc_id = UINT32_MAX;
    mod->match.flow.dp_hash = bucket;
    mod->match.wc.bits.dp_hash = BOND_BUCKETS - 1;
    mod->match.wc.blocks = (uint16_t)flow_mask_find_blocks(&mod->match.wc);
    if (ofp_port) {
        struct ofpact_output *out = OFPACT_PUT(OUTPUT, &mod->ofpacts);
        out->port = ofp_port;
        ofpact_finish(&mod->ofpacts, 0);
    }
}

static struct rule *find_rule(const struct ofbond *ob, const struct flow_mod *mod)
{
    struct minimatch match;
    match_compress(&mod->match, &match);
    struct classifier_rule *cr =
        classifier_find_exactly(ob->ofproto->tables[OFPROTO_TABLE_INTERNAL].cls,
                                ofproto_rules_version(ob->ofproto), &match, RULE_PRIORITY);
    minimatch_fini(&match);
    struct rule *rule = cr ? CONTAINER_OF(cr, struct rule, cr) : NULL;
    return rule && rule_try_ref(rule) ? rule : NULL;
}

/* Rules become what WANTED says: the port of each bucket, 0: none. */
static void set_rules(struct ofbond *ob, const uint32_t wanted[BOND_BUCKETS])
{
    struct flow_mod *mods = xcalloc(BOND_BUCKETS, sizeof *mods);
    const struct flow_mod *list[BOND_BUCKETS];
    unsigned buckets[BOND_BUCKETS], n = 0;
    count_rules(ob);
    for (unsigned i = 0; i < BOND_BUCKETS; i++) {
        if (wanted[i] != ob->rules[i].ofp_port) {
            make_mod(ob, i, wanted[i], &mods[n]);
            list[n] = &mods[n];
            buckets[n++] = i;
        }
    }
    if (n) {
        ofproto_flow_mods(ob->ofproto, list, n, true, RULE_REPLACED, NULL);
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned bucket = buckets[i];
        rule_unref(ob->rules[bucket].rule);
        ob->rules[bucket].rule = wanted[bucket] ? find_rule(ob, &mods[i]) : NULL;
        ob->rules[bucket].ofp_port = wanted[bucket];
        ob->rules[bucket].counted = 0;
        flow_mod_fini(&mods[i]);
    }
    free(mods);
}

/* A packet whose hash is known comes back in the internal table. */
static void take_recirc_id(struct ofbond *ob)
{
    struct frozen_state state = {
        .ofproto_id = ob->ofproto->id,
        .table_id = OFPROTO_TABLE_INTERNAL,
        .hashed = true,
        .resume_in_table = true,
        .rule_cookie = UINT64_MAX,
        .in_port = OFPP_NONE,
        .actset_output = OFPP_UNSET,
        .userdata = (uint8_t *)&ob->bundle->id, /* no other bundle's state is equal */
        .userdata_len = sizeof ob->bundle->id,
    };
    ob->recirc_id = recirc_alloc(ob->ofproto->pipeline->recirc, &state);
}

static void update_rules(struct ofbond *ob)
{
    static const uint32_t none[BOND_BUCKETS];
    struct bond_view view;
    uint32_t wanted[BOND_BUCKETS] = {0};
    bond_get_view(ob->bond, &view);
    if (view.mode == BOND_BALANCE_TCP && view.balances) {
        if (!ob->recirc_id) {
            take_recirc_id(ob);
        }
        for (unsigned i = 0; i < BOND_BUCKETS; i++) {
            uint8_t m = bond_choose(&view, i);
            wanted[i] = m == BOND_NO_MEMBER ? 0 : ((const struct ofport *)view.members[m])->ofp_port;
        }
        set_rules(ob, wanted);
    } else if (ob->recirc_id) {
        set_rules(ob, none);
        if (view.mode != BOND_BALANCE_TCP) {
            recirc_unref(ob->ofproto->pipeline->recirc, ob->recirc_id);
            ob->recirc_id = 0;
        }
    }
}

/* ------------------------------------------------------------------ fail-over */

/* How a packet of VLAN looks on the bundle's wire: the tag, 0: none, -1: it does not go there. */
static int wire_tag(const struct ofproto_bundle_settings *s, uint16_t vlan)
{
    bool trunks = !s->trunks || bitmap_is_set(s->trunks, vlan);
    switch (s->vlan_mode) {
    case OFPROTO_VLAN_TRUNK:
    case OFPROTO_VLAN_NATIVE_TAGGED:
        return trunks ? vlan : -1;
    case OFPROTO_VLAN_NATIVE_UNTAGGED:
        return !trunks ? -1 : vlan == s->vlan ? 0 : vlan;
    case OFPROTO_VLAN_ACCESS:
    case OFPROTO_VLAN_DOT1Q_TUNNEL:
        break;
    }
    return vlan == s->vlan ? 0 : -1;
}

struct known {
    struct mac_entry *list;
    size_t n, allocated;
};

static void collect(const struct mac_entry *e, void *known_)
{
    struct known *known = known_;
    if (known->n < MAX_ANNOUNCED) {
        if (known->n == known->allocated) {
            known->list = x2nrealloc(known->list, &known->allocated, sizeof *known->list);
        }
        known->list[known->n++] = *e;
    }
}

/* A reverse ARP request, by which switches learn where its sender is and hosts learn nothing. */
static size_t compose_rarp(uint8_t *frame, struct eth_addr mac, int tag)
{
    static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 3};
    size_t at = 12;
    memset(frame, 0xff, 6);
    memcpy(frame + 6, &mac, 6);
    if (tag) {
        frame[at++] = 0x81;
        frame[at++] = 0x00;
        frame[at++] = (uint8_t)(tag >> 8);
        frame[at++] = (uint8_t)tag;
    }
    frame[at++] = 0x80;
    frame[at++] = 0x35;
    memcpy(frame + at, head, sizeof head);
    memset(frame + at + 8, 0, 20);
    memcpy(frame + at + 8, &mac, 6);
    memcpy(frame + at + 18, &mac, 6);
    return at + 28;
}

/* The switches behind the bond are to send by the new active member. */
static void announce(struct ofbond *ob)
{
    struct known known = {NULL, 0, 0};
    struct bond_view view;
    bond_get_view(ob->bond, &view);
    mac_table_for_each(ob->ofproto->macs, collect, &known);
    for (size_t i = 0; i < known.n; i++) {
        const struct mac_entry *e = &known.list[i];
        int tag = e->port == (void *)(uintptr_t)ob->bundle->id ? -1 : wire_tag(&ob->bundle->s, e->vlan);
        uint8_t m = bond_choose(&view, bond_hash_mac(e->mac, e->vlan, view.hash_basis));
        if (tag >= 0 && m != BOND_NO_MEMBER) {
            uint8_t frame[64];
            size_t len = compose_rarp(frame, e->mac, tag);
            protocol_send((struct ofport *)view.members[m], frame, len);
        }
    }
    free(known.list);
}

/* ------------------------------------------------------------------ what happens */

static void send_lacp(void *ob, void *port, const void *pdu, size_t len)
{
    (void)ob;
    protocol_send_payload(port, (struct eth_addr){{0x01, 0x80, 0xc2, 0x00, 0x00, 0x02}}, ETH_TYPE_SLOW, pdu,
                          len);
}

static void run_lacp(struct ofbond *ob, int64_t now, int64_t *wake)
{
    struct ofport *port;
    LIST_FOR_EACH (port, bundle_node, &ob->bundle->members) {
        lacp_set_carrier(ob->lacp, port, ofport_has_carrier(port), now);
    }
    *wake = MIN(*wake, lacp_run(ob->lacp, now));
    if (lacp_changes(ob->lacp) != ob->lacp_seen) {
        ob->lacp_seen = lacp_changes(ob->lacp);
        LIST_FOR_EACH (port, bundle_node, &ob->bundle->members) {
            ofport_refresh_live(port);
        }
        pipeline_status_changed(ob->ofproto->pipeline);
    }
}

static void run_bond(struct ofbond *ob, int64_t now, int64_t *wake)
{
    struct ofport *port;
    bool announced = false;
    bond_set_lacp(ob->bond, !ob->lacp                                  ? BOND_LACP_OFF
                            : lacp_status(ob->lacp) == LACP_NEGOTIATED ? BOND_LACP_NEGOTIATED
                                                                       : BOND_LACP_CONFIGURED);
    LIST_FOR_EACH (port, bundle_node, &ob->bundle->members) {
        bond_set_link(ob->bond, port, ofport_has_carrier(port) && !(port->config & OFPROTO_PC_PORT_DOWN),
                      port->state & OFPROTO_PS_LIVE);
    }
    count_rules(ob);
    *wake = MIN(*wake, bond_run(ob->bond, now));
    if (bond_take_changes(ob->bond, &announced)) {
        update_rules(ob);
        pipeline_mark_parts_changed(ob->ofproto->pipeline);
        pipeline_status_changed(ob->ofproto->pipeline);
    }
    if (announced && (!ob->lacp || lacp_status(ob->lacp) != LACP_NEGOTIATED)) {
        announce(ob);
    }
}

static void run(struct ofbond *ob)
{
    int64_t now = clock_ms(), wake = INT64_MAX;
    if (ob->lacp) {
        run_lacp(ob, now, &wake);
    }
    if (ob->bond) {
        run_bond(ob, now, &wake);
    }
    if (ob->miimon_ms) {
        wake = MIN(wake, now + ob->miimon_ms);
    }
    if (wake != INT64_MAX) {
        task_schedule(ob->ofproto->pipeline->queue, &ob->task, MAX(wake, now + 1));
    } else {
        task_cancel(&ob->task);
    }
}

void ofbond_port_changed(struct ofbond *ob)
{
    task_schedule_by(ob->ofproto->pipeline->queue, &ob->task, clock_ms());
}

void ofbond_changed(struct ofbond *ob)
{
    run(ob);
    pipeline_commit(ob->ofproto->pipeline);
}

void ofbond_receive(struct ofbond *ob, struct ofport *port, const void *pdu, size_t len)
{
    if (ob->lacp) {
        lacp_receive(ob->lacp, port, pdu, len, clock_ms());
        run(ob);
    }
}

/* ------------------------------------------------------------------ configuration */

static void configure_bond(struct ofbond *ob, const struct ofproto_bond *s, struct ofport *const *ports,
                           size_t n)
{
    if (!s->is_bond) {
        if (ob->bond) {
            static const uint32_t none[BOND_BUCKETS];
            set_rules(ob, none);
            bond_unref(ob->bond);
            ob->bond = NULL;
            pipeline_mark_parts_changed(ob->ofproto->pipeline);
        }
        return;
    }
    if (!ob->bond) {
        ob->bond = bond_create(ob->bundle->name);
    }
    bond_configure(ob->bond, &s->bond, clock_ms());
    for (size_t i = 0; i < n; i++) {
        bond_set_member(ob->bond, ports[i], ports[i]->name, ofport_has_carrier(ports[i]),
                        s->primary && !strcmp(s->primary, ports[i]->name));
    }
}

static void configure_lacp(struct ofbond *ob, const struct ofproto_bond *s, struct ofport *const *ports,
                           size_t n)
{
    int64_t now = clock_ms();
    if (!s->lacp) {
        if (ob->lacp) {
            lacp_destroy(ob->lacp);
            ob->lacp = NULL;
            pipeline_mark_parts_changed(ob->ofproto->pipeline);
        }
        return;
    }
    if (!ob->lacp) {
        ob->lacp = lacp_create(send_lacp, ob);
        pipeline_mark_parts_changed(ob->ofproto->pipeline);
    }
    if (memcmp(&ob->lacp_settings, &s->lacp_settings, sizeof ob->lacp_settings)) {
        ob->lacp_settings = s->lacp_settings;
        lacp_configure(ob->lacp, &s->lacp_settings, now);
    }
    for (size_t i = 0; i < n; i++) {
        lacp_set_member(ob->lacp, ports[i], &s->lacp_members[i], now);
        ob->lacp_key = i ? ob->lacp_key : s->lacp_members[i].key;
    }
}

void ofbond_configure(struct ofbond *ob, const struct ofproto_bond *s, struct ofport *const *ports, size_t n)
{
    bool had_lacp = ob->lacp != NULL;
    free(ob->primary);
    ob->primary = xstrdup_or_null(s->primary);
    ob->miimon_ms = s->miimon_ms;
    configure_bond(ob, s, ports, n);
    configure_lacp(ob, s, ports, n);
    if (had_lacp != s->lacp) {
        for (size_t i = 0; i < n; i++) {
            ofport_refresh_live(ports[i]);
        }
    }
    /* PDUs are sent when the ports are committed. */
    int64_t now = clock_ms(), wake = now;
    if (ob->bond) {
        run_bond(ob, now, &wake);
    }
    task_schedule(ob->ofproto->pipeline->queue, &ob->task, now);
}

void ofbond_forget_port(struct ofbond *ob, const struct ofport *port)
{
    if (ob->bond) {
        bond_remove_member(ob->bond, port);
        ofbond_port_changed(ob);
    }
    if (ob->lacp) {
        lacp_remove_member(ob->lacp, port);
    }
}

void ofbond_destroy(struct ofbond *ob)
{
    static const uint32_t none[BOND_BUCKETS];
    if (ob) {
        task_cancel(&ob->task);
        if (ob->recirc_id) {
            set_rules(ob, none);
            recirc_unref(ob->ofproto->pipeline->recirc, ob->recirc_id);
        }
        bond_unref(ob->bond);
        lacp_destroy(ob->lacp);
        free(ob->primary);
        free(ob);
    }
}

/* ------------------------------------------------------------------ answers */

const struct bond *ofbond_bond(const struct ofbond *ob)
{
    return ob->bond;
}

uint32_t ofbond_recirc_id(const struct ofbond *ob)
{
    struct bond_status status;
    if (!ob->bond || !ob->recirc_id) {
        return 0;
    }
    bond_get(ob->bond, &status);
    return status.balances ? ob->recirc_id : 0;
}

bool ofbond_speaks_lacp(const struct ofbond *ob)
{
    return ob->lacp != NULL;
}

bool ofbond_may_enable(const struct ofbond *ob, const struct ofport *port)
{
    return !ob->lacp || lacp_may_enable(ob->lacp, port);
}

void ofbond_show(struct ofbond *ob, struct ofbond_show *show)
{
    count_rules(ob);
    *show = (struct ofbond_show){.name = ob->bundle->name,
                                 .bundle = ob->bundle,
                                 .bond = ob->bond,
                                 .lacp = ob->lacp,
                                 .lacp_settings = &ob->lacp_settings,
                                 .lacp_key = ob->lacp_key,
                                 .primary = ob->primary,
                                 .recirc_id = ob->recirc_id};
}

bool ofproto_bond_active(const struct ofproto *ofproto, const char *name, struct eth_addr *mac)
{
    const struct ofbundle *bundle = ofproto_find_bundle(ofproto, name);
    struct bond_status status;
    if (!bundle || !bundle->bond || !bundle->bond->bond) {
        return false;
    }
    bond_get(bundle->bond->bond, &status);
    *mac = status.active ? ofport_mac(status.active) : (struct eth_addr){{0}};
    return true;
}

int ofproto_lacp_current(const struct ofproto *ofproto, uint32_t ofp_port)
{
    const struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    const struct ofbond *ob = port && port->bundle ? port->bundle->bond : NULL;
    struct lacp_member_status status;
    if (!ob || !ob->lacp || !lacp_get_member(ob->lacp, port, &status)) {
        return -1;
    }
    return status.state == LACP_MEMBER_CURRENT;
}
