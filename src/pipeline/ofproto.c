/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/ofproto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "flow/extract.h"
#include "l2/mac_table.h"
#include "ofconn/ofconn.h"
#include "pipeline/changes.h"
#include "pipeline/ct_zones.h"
#include "pipeline/group.h"
#include "pipeline/ipfix.h"
#include "pipeline/mcast.h"
#include "pipeline/meter.h"
#include "pipeline/netflow.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/parts.h"
#include "pipeline/protocol.h"
#include "pipeline/recirc.h"
#include "pipeline/settle.h"
#include "pipeline/sflow.h"
#include "pipeline/slow_path.h"
#include "pipeline/spanning.h"
#include "pipeline/tunnel.h"
#include "pipeline/xlate/learned.h"

LOG_MODULE(ofproto);

/* ------------------------------------------------------------------ pipeline */

static void run_turn(struct task *task)
{
    pipeline_start_commit(CONTAINER_OF(task, struct pipeline, turn));
}

struct pipeline *pipeline_create(struct task_queue *queue)
{
    struct pipeline *p = xzalloc(sizeof *p);
    p->queue = queue;
    p->control_thread = pthread_self();
    list_init(&p->backers);
    p->recirc = recirc_table_create();
    p->learned = learned_queue_create();
    p->protocols = protocol_queue_create();
    p->config = (struct pipeline_config){.isolate = true,
                                         .flow_limit = 200000,
                                         .max_idle_ms = 10000,
                                         .max_revalidator_ms = 500,
                                         .min_revalidate_pps = 5,
                                         .vlan_limit = 1};
    task_init(&p->turn, "pipeline turn", run_turn);
    pipeline_tunnels_init(p);
    snapshot_publish(p);
    return p;
}

void pipeline_destroy(struct pipeline *p)
{
    if (!p) {
        return;
    }
    while (p->n_ofprotos) {
        ofproto_destroy(p->ofprotos[p->n_ofprotos - 1]);
    }
    task_cancel(&p->turn);
    pipeline_tunnels_fini(p);
    rcu_barrier_all();
    snapshot_destroy(p->snapshot);
    rcu_barrier_all();
    learned_queue_destroy(p->learned);
    protocol_queue_destroy(p->protocols);
    free(p->config.cpu_mask);
    recirc_table_destroy(p->recirc);
    free(p->ofprotos);
    free(p);
}

/* A new snapshot, if something is new; what differs is noted. */
static void publish(struct pipeline *p)
{
    bool all = p->changed || p->all_changed;
    const struct snapshot *old = p->snapshot; /* lives on: this thread is a reader, too */
    struct dp_backer *backer;
    if (p->changed || p->parts_changed) {
        snapshot_publish(p);
    }
    LIST_FOR_EACH (backer, node, &p->backers) {
        if (all) {
            changes_note_all(backer->changes);
        } else if (p->parts_changed) {
            struct parts_changed parts;
            parts_compare(old, p->snapshot, backer, &parts);
            changes_note_parts(backer->changes, &parts);
        }
    }
    p->changed = p->all_changed = p->parts_changed = false;
}

void pipeline_start_commit(struct pipeline *p)
{
    struct dp_backer *backer;
    __atomic_store_n(&p->wake_pending, false, __ATOMIC_RELEASE);
    tunnel_send_requests(p);
    protocol_run(p);
    p->all_changed |= __atomic_exchange_n(&p->net_changed, false, __ATOMIC_ACQ_REL);
    publish(p);
    learned_run(p);
    LIST_FOR_EACH (backer, node, &p->backers) {
        settle_noted(backer);
        slow_path_check_changes(backer->slow_path);
        settle_run(backer);
    }
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        if (p->ofprotos[i]->sflow) {
            sflow_run(p->ofprotos[i]->sflow);
        }
        if (p->ofprotos[i]->ipfix && ipfix_run(p->ofprotos[i]->ipfix)) {
            pipeline_wake(p);
        }
        ofproto_reap_rules(p->ofprotos[i]);
        if (p->ofprotos[i]->sessions) {
            ofservice_settled(p->ofprotos[i]->sessions);
        }
    }
    if (p->settled) {
        p->settled(p->settled_aux);
    }
}

bool pipeline_mark(struct pipeline *p, struct pipeline_mark *mark)
{
    struct dp_backer *backer;
    mark->n = 0;
    LIST_FOR_EACH (backer, node, &p->backers) {
        uint64_t generation = slow_path_under_way(backer->slow_path);
        if (generation && mark->n < ARRAY_SIZE(mark->waits)) {
            mark->waits[mark->n].datapath = backer->id;
            mark->waits[mark->n++].generation = generation;
        } else if (generation) {
            slow_path_wait(backer->slow_path); /* more kinds of datapaths than there are */
        }
    }
    return !mark->n;
}

bool pipeline_is_settled(const struct pipeline *p, const struct pipeline_mark *mark)
{
    const struct dp_backer *backer;
    LIST_FOR_EACH (backer, node, &p->backers) {
        for (size_t i = 0; i < mark->n; i++) {
            if (mark->waits[i].datapath == backer->id &&
                !slow_path_is_settled(backer->slow_path, mark->waits[i].generation)) {
                return false;
            }
        }
    }
    return true;
}

void pipeline_on_settled(struct pipeline *p, void (*settled)(void *), void *aux)
{
    p->settled = settled;
    p->settled_aux = aux;
}

void pipeline_on_status(struct pipeline *p, void (*changed)(void *), void *aux)
{
    p->status_changed = changed;
    p->status_aux = aux;
}

void pipeline_commit(struct pipeline *p)
{
    struct dp_backer *backer;
    pipeline_start_commit(p);
    LIST_FOR_EACH (backer, node, &p->backers) {
        slow_path_wait(backer->slow_path);
    }
}

struct tunnel_net *pipeline_net(const struct pipeline *p)
{
    return p->net;
}

void pipeline_wake(struct pipeline *p)
{
    if (p->wake && !__atomic_exchange_n(&p->wake_pending, true, __ATOMIC_ACQ_REL)) {
        p->wake(p->wake_aux);
    }
}

void pipeline_set_wake(struct pipeline *p, void (*wake)(void *), void *aux)
{
    p->wake_aux = aux;
    p->wake = wake;
}

void pipeline_set_config(struct pipeline *p, const struct smap *c)
{
    struct pipeline_config *k = &p->config;
    k->flow_limit = (unsigned)smap_get_int(c, "flow-limit", 200000);
    k->max_idle_ms = (int)smap_get_int(c, "max-idle", 10000);
    k->max_revalidator_ms = (int)smap_get_int(c, "max-revalidator", 500);
    k->min_revalidate_pps = (int)smap_get_int(c, "min-revalidate-pps", 5);
    int vlan_limit = (int)smap_get_int(c, "vlan-limit", 1);
    if (vlan_limit != k->vlan_limit) {
        k->vlan_limit = vlan_limit;
        flow_set_vlan_limit(vlan_limit > 0 ? (unsigned)vlan_limit : FLOW_MAX_VLANS);
        pipeline_mark_changed(p);
    }
    k->n_handlers = (unsigned)smap_get_int(c, "n-handler-threads", 0);
    k->n_revalidators = (unsigned)smap_get_int(c, "n-revalidator-threads", 0);
    const char *mask = smap_get(c, "pmd-cpu-mask");
    free(k->cpu_mask);
    k->cpu_mask = mask ? xstrdup(mask) : NULL;
    k->isolate = smap_get_bool(c, "pmd-rxq-isolate", true);
    struct dp_backer *backer;
    LIST_FOR_EACH (backer, node, &p->backers) {
        backer->dp->ops->set_forwarding(backer->dp, k->cpu_mask, k->isolate);
    }
}

void pipeline_set_hooks(struct pipeline *p, const struct pipeline_hooks *hooks)
{
    p->hooks = *hooks;
}

static size_t place_of(const struct pipeline *p, const char *name)
{
    size_t i = 0;
    while (i < p->n_ofprotos && strcmp(p->ofprotos[i]->name, name) < 0) {
        i++;
    }
    return i;
}

struct ofproto *pipeline_find(const struct pipeline *p, const char *name)
{
    size_t i = place_of(p, name);
    return i < p->n_ofprotos && !strcmp(p->ofprotos[i]->name, name) ? p->ofprotos[i] : NULL;
}

void pipeline_for_each(const struct pipeline *p, void (*each)(struct ofproto *, void *), void *aux)
{
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        each(p->ofprotos[i], aux);
    }
}

/* ------------------------------------------------------------------ bridge */

static int backer_open(struct pipeline *p, const char *type, struct dp_backer **backerp, char **errorp)
{
    const struct datapath_ops *ops = dpif_ops_lookup(type);
    if (!ops) {
        *errorp = xasprintf("datapath type \"%s\" is not known", type);
        return EAFNOSUPPORT;
    }
    struct dp_backer *backer;
    LIST_FOR_EACH (backer, node, &p->backers) {
        if (backer->dp->ops == ops) {
            backer->n_refs++;
            *backerp = backer;
            return 0;
        }
    }
    struct datapath *dp;
    int error = dpif_open(type, ops->default_name, &dp, errorp);
    if (error) {
        return error;
    }
    ops->set_forwarding(dp, p->config.cpu_mask, p->config.isolate);
    backer = xzalloc(sizeof *backer);
    backer->pipeline = p;
    backer->dp = dp;
    backer->id = ++p->next_backer;
    list_init(&backer->settle_jobs);
    backer->n_refs = 1;
    backer->changes = changes_create();
    list_init(&backer->tunnel_vports);
    backer->handler = ops->handler_create(dp, false);
    list_push_back(&p->backers, &backer->node);
    backer->slow_path = slow_path_create(backer);
    *backerp = backer;
    return 0;
}

static void backer_close(struct dp_backer *backer)
{
    if (--backer->n_refs) {
        return;
    }
    slow_path_destroy(backer->slow_path);
    settle_all(backer);
    list_remove(&backer->node);
    changes_destroy(backer->changes);
    backer->dp->ops->handler_destroy(backer->handler);
    ct_zones_destroy(backer);
    dpif_close(backer->dp);
    free(backer);
}

static void mac_changed(void *ofproto_, enum mac_change change, const struct mac_entry *e)
{
    struct ofproto *ofproto = ofproto_;
    (void)change;
    changes_note_mac(ofproto, e->vlan, e->mac);
    slow_path_changed(ofproto->backer->slow_path);
}

static void run_mac_ageing(struct task *task)
{
    struct ofproto *ofproto = CONTAINER_OF(task, struct ofproto, mac_ageing);
    mac_table_run(ofproto->macs, clock_ms());
    task_schedule_in(ofproto->pipeline->queue, task, 1000);
    pipeline_start_commit(ofproto->pipeline);
}

int ofproto_create(struct pipeline *p, const char *name, const char *datapath_type, struct ofproto **ofprotop,
                   char **errorp)
{
    *ofprotop = NULL;
    if (pipeline_find(p, name)) {
        *errorp = xasprintf("there is a bridge \"%s\" already", name);
        return EEXIST;
    }
    struct dp_backer *backer;
    int error = backer_open(p, datapath_type, &backer, errorp);
    if (error) {
        return error;
    }
    struct ofproto *ofproto = xzalloc(sizeof *ofproto);
    ofproto->pipeline = p;
    ofproto->name = xstrdup(name);
    ofproto->id = ++p->next_id;
    ofproto->backer = backer;
    random_bytes(&ofproto->datapath_id, sizeof ofproto->datapath_id);
    ofproto->datapath_id &= UINT64_C(0xffffffffffff);
    ofproto->fail_mode = OFPROTO_SECURE;
    tun_md_table_init(&ofproto->tun_md);
    hmap_init(&ofproto->ports);
    list_init(&ofproto->bundles);
    ofproto->macs = mac_table_create();
    mac_table_set_callback(ofproto->macs, mac_changed, ofproto);
    ofproto->groups = group_table_create();
    ofproto->meters = meter_table_create();
    ofproto->spanning = spanning_create(ofproto);
    ofproto_mcast_init(ofproto);
    ofproto_tables_init(ofproto);
    task_init(&ofproto->mac_ageing, "mac ageing", run_mac_ageing);
    task_schedule_in(p->queue, &ofproto->mac_ageing, 1000);

    if (p->n_ofprotos == p->allocated) {
        p->ofprotos = x2nrealloc(p->ofprotos, &p->allocated, sizeof *p->ofprotos);
    }
    size_t place = place_of(p, name);
    memmove(p->ofprotos + place + 1, p->ofprotos + place, (p->n_ofprotos - place) * sizeof *p->ofprotos);
    p->ofprotos[place] = ofproto;
    p->n_ofprotos++;
    pipeline_mark_parts_changed(p);
    *ofprotop = ofproto;
    return 0;
}

void ofproto_destroy(struct ofproto *ofproto)
{
    if (!ofproto) {
        return;
    }
    struct pipeline *p = ofproto->pipeline;
    struct ofport *port;
    HMAP_FOR_EACH_SAFE (port, by_number, &ofproto->ports) {
        ofport_destroy(port);
    }
    while (!list_is_empty(&ofproto->bundles)) {
        ofbundle_destroy(ofproto, CONTAINER_OF(list_front(&ofproto->bundles), struct ofbundle, node));
    }
    spanning_destroy(ofproto->spanning);
    for (int i = 0; i < MAX_MIRRORS; i++) {
        ofmirror_clear(&ofproto->mirrors[i]);
    }
    size_t place = place_of(p, ofproto->name);
    p->n_ofprotos--;
    memmove(p->ofprotos + place, p->ofprotos + place + 1, (p->n_ofprotos - place) * sizeof *p->ofprotos);
    task_cancel(&ofproto->mac_ageing);
    task_cancel(&ofproto->mcast_ageing);

    /* No new translation finds the bridge; cached flows that name it in their records go; then those that
     * read the old snapshot are waited for. Other flows follow, as after any commit. */
    publish(p);
    slow_path_forget_bridge(ofproto->backer->slow_path, ofproto);
    pipeline_start_commit(p);
    rcu_synchronize();
    learned_run(p);
    protocol_forget(ofproto);
    ofproto_tables_fini(ofproto);
    changes_forget_bridge(ofproto->backer->changes, ofproto);
    meter_table_destroy(ofproto);
    backer_close(ofproto->backer);
    group_table_destroy(ofproto->groups);
    ofproto_set_netflow(ofproto, NULL);
    ofproto_set_ipfix(ofproto, NULL, NULL, 0);
    ofproto_set_sflow(ofproto, NULL);
    mac_table_destroy(ofproto->macs);
    ofproto_mcast_fini(ofproto);
    hmap_fini(&ofproto->ports);
    free(ofproto->description);
    free(ofproto->serial);
    free(ofproto->flood_vlans);
    free(ofproto->name);
    free(ofproto);
}

const char *ofproto_name(const struct ofproto *ofproto)
{
    return ofproto->name;
}
struct datapath *ofproto_datapath(const struct ofproto *ofproto)
{
    return ofproto->backer->dp;
}
struct pipeline *ofproto_pipeline(const struct ofproto *ofproto)
{
    return ofproto->pipeline;
}
uint64_t ofproto_datapath_id(const struct ofproto *ofproto)
{
    return ofproto->datapath_id;
}
void ofproto_set_datapath_id(struct ofproto *ofproto, uint64_t id)
{
    ofproto->datapath_id = id;
}
void ofproto_set_netflow(struct ofproto *ofproto, const struct netflow_settings *settings)
{
    if (settings && !ofproto->netflow) {
        ofproto->netflow = netflow_create(ofproto->pipeline->queue, ofproto->backer->dp->name);
        pipeline_mark_changed(ofproto->pipeline);
    }
    if (settings) {
        netflow_set(ofproto->netflow, settings);
    } else if (ofproto->netflow) {
        netflow_stop(ofproto->netflow);
        netflow_unref(ofproto->netflow);
        ofproto->netflow = NULL;
        pipeline_mark_changed(ofproto->pipeline);
    }
}

void ofproto_set_sflow(struct ofproto *ofproto, const struct sflow_settings *settings)
{
    uint32_t before = ofproto->sflow ? sflow_probability(ofproto->sflow) : 0, probability = 0;
    if (settings) {
        if (!ofproto->sflow) {
            ofproto->sflow = sflow_create(ofproto, ofproto->pipeline->queue);
        }
        probability = sflow_set(ofproto->sflow, settings) ? sflow_probability(ofproto->sflow) : 0;
    } else if (ofproto->sflow) {
        sflow_stop(ofproto->sflow);
        sflow_unref(ofproto->sflow);
        ofproto->sflow = NULL;
    }
    if (before != probability) {
        pipeline_mark_changed(ofproto->pipeline);
    }
}

void ofproto_set_ipfix(struct ofproto *ofproto, const struct ipfix_bridge_settings *bridge,
                       const struct ipfix_set_settings *sets, size_t n_sets)
{
    bool any = bridge || n_sets, changed = any != !!ofproto->ipfix;
    if (any && !ofproto->ipfix) {
        ofproto->ipfix = ipfix_create(ofproto->pipeline->queue);
    }
    if (any) {
        changed |= ipfix_set(ofproto->ipfix, bridge, sets, n_sets);
    } else if (ofproto->ipfix) {
        ipfix_stop(ofproto->ipfix);
        ipfix_unref(ofproto->ipfix);
        ofproto->ipfix = NULL;
    }
    if (changed) {
        pipeline_mark_changed(ofproto->pipeline);
    }
}

struct mac_table *ofproto_mac_table(const struct ofproto *ofproto)
{
    return ofproto->macs;
}

static void add_normal_rule(struct ofproto *ofproto)
{
    struct flow_mod mod;
    flow_mod_init(&mod);
    match_init_catchall(&mod.match);
    mod.command = FLOW_ADD;
    mod.table_id = 0;
    mod.priority = 0;
    mod.new_cookie = 0;
    struct ofpact_output *out = OFPACT_PUT(OUTPUT, &mod.ofpacts);
    out->port = OFPP_NORMAL;
    ofpact_finish(&mod.ofpacts, 0);
    ofproto_flow_mods(ofproto, &(const struct flow_mod *){&mod}, 1, false, RULE_REPLACED, NULL);
    flow_mod_fini(&mod);
}

void ofproto_set_sessions(struct ofproto *ofproto, struct ofservice *sessions)
{
    ofproto->sessions = sessions;
}

struct ofservice *ofproto_sessions(const struct ofproto *ofproto)
{
    return ofproto->sessions;
}

static void set_text(char **text, const char *value)
{
    free(*text);
    *text = value && *value ? xstrdup(value) : NULL;
}

void ofproto_set_description(struct ofproto *ofproto, const char *description, const char *serial)
{
    set_text(&ofproto->description, description);
    set_text(&ofproto->serial, serial);
}

const char *ofproto_description(const struct ofproto *ofproto)
{
    return ofproto->description ? ofproto->description : "None";
}

const char *ofproto_serial(const struct ofproto *ofproto)
{
    return ofproto->serial ? ofproto->serial : "None";
}

void ofproto_set_fail_mode(struct ofproto *ofproto, enum ofproto_fail_mode mode, bool has_controller)
{
    bool first = !ofproto->fail_mode_set;
    bool controllers_changed = has_controller != ofproto->has_controller;
    bool changed = first || mode != ofproto->fail_mode || controllers_changed;
    ofproto->fail_mode_set = true;
    ofproto->fail_mode = mode;
    ofproto->has_controller = has_controller;
    if (!changed) {
        return;
    }
    /* Rules, groups and meters are the controller's, or the switch's own: they do not outlive the change. */
    if (!first && (controllers_changed || !has_controller)) {
        ofproto_flush(ofproto);
    }
    if (mode == OFPROTO_STANDALONE && !has_controller && !ofproto->n_rules) {
        add_normal_rule(ofproto);
    }
    pipeline_mark_all_changed(ofproto->pipeline);
}

void ofproto_set_mac_config(struct ofproto *ofproto, int idle_time_s, size_t max_entries)
{
    mac_table_set_aging(ofproto->macs, idle_time_s < 0 ? 0 : (unsigned)idle_time_s);
    mac_table_set_max(ofproto->macs, max_entries);
}

void ofproto_set_flood_vlans(struct ofproto *ofproto, const unsigned long *vlans)
{
    _Static_assert(sizeof(unsigned long) == sizeof(uint64_t), "bitmaps of VLANs");
    if (mac_table_set_flood_vlans(ofproto->macs, (const uint64_t *)vlans)) {
        free(ofproto->flood_vlans);
        ofproto->flood_vlans = vlans ? xmemdup(vlans, 512) : NULL;
        pipeline_mark_changed(ofproto->pipeline);
    }
}

void ofproto_set_forward_bpdu(struct ofproto *ofproto, bool forward)
{
    if (forward != ofproto->forward_bpdu) {
        ofproto->forward_bpdu = forward;
        pipeline_mark_changed(ofproto->pipeline);
    }
}
