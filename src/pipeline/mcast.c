/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/mcast.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "l2/mcast_snooping.h"
#include "pipeline/changes.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/parts.h"
#include "pipeline/slow_path.h"

/* Any thread, the table locked. */
static void mcast_changed(void *ofproto_, uint16_t vlan, const struct ipv6_addr *group)
{
    struct ofproto *ofproto = ofproto_;
    struct parts_changed parts;
    parts.n = 1;
    parts.all = false;
    parts.names[0] = part_name(PART_MCAST, ofproto, mcast_part(vlan, group));
    changes_note_parts(ofproto->backer->changes, &parts);
    slow_path_changed(ofproto->backer->slow_path);
}

static void run_ageing(struct task *task)
{
    struct ofproto *ofproto = CONTAINER_OF(task, struct ofproto, mcast_ageing);
    mcast_table_run(ofproto->mcast, clock_ms());
    task_schedule_in(ofproto->pipeline->queue, task, 1000);
    pipeline_start_commit(ofproto->pipeline);
}

void ofproto_mcast_init(struct ofproto *ofproto)
{
    ofproto->mcast = mcast_table_create();
    mcast_table_set_callback(ofproto->mcast, mcast_changed, ofproto);
    task_init(&ofproto->mcast_ageing, "multicast ageing", run_ageing);
}

void ofproto_mcast_fini(struct ofproto *ofproto)
{
    mcast_table_destroy(ofproto->mcast);
}

void ofproto_set_mcast(struct ofproto *ofproto, const struct ofproto_mcast *s)
{
    mcast_table_set_aging(ofproto->mcast, s->aging_s);
    mcast_table_set_max(ofproto->mcast, s->max_groups);
    if (s->enabled != ofproto->mcast_enabled || s->flood_unregistered != ofproto->mcast_flood_unregistered) {
        ofproto->mcast_enabled = s->enabled;
        ofproto->mcast_flood_unregistered = s->flood_unregistered;
        pipeline_mark_changed(ofproto->pipeline);
    }
    if (s->enabled) {
        task_schedule_by(ofproto->pipeline->queue, &ofproto->mcast_ageing, clock_ms() + 1000);
    } else {
        task_cancel(&ofproto->mcast_ageing);
        mcast_table_flush(ofproto->mcast);
    }
}

int ofproto_bundle_set_mcast(struct ofproto *ofproto, const char *name, bool flood, bool reports)
{
    struct ofbundle *b = ofproto_find_bundle(ofproto, name);
    if (!b) {
        return ENOENT;
    }
    if (b->mcast_flood != flood || b->mcast_flood_reports != reports) {
        b->mcast_flood = flood;
        b->mcast_flood_reports = reports;
        pipeline_mark_parts_changed(ofproto->pipeline);
    }
    return 0;
}

/* ------------------------------------------------------------------ mdb/ */

static void format_port(const struct ofproto *ofproto, uint32_t bundle_id, struct strbuf *s)
{
    const struct ofbundle *b;
    LIST_FOR_EACH (b, node, &ofproto->bundles) {
        if (b->id == bundle_id && !list_is_empty(&b->members)) {
            const struct ofport *port = CONTAINER_OF(list_front(&b->members), struct ofport, bundle_node);
            if (port->ofp_port == OFPP_LOCAL) {
                strbuf_puts(s, "LOCAL");
            } else {
                strbuf_printf(s, "%5u", port->ofp_port);
            }
            return;
        }
    }
    strbuf_puts(s, "    ?");
}

struct listing {
    const struct ofproto *ofproto;
    struct strbuf *s;
};

static void show_entry(const struct mcast_entry *e, void *listing_)
{
    const struct listing *l = listing_;
    char group[INET6_ADDRSTRLEN] = "";
    int age = (int)((clock_ms() - e->used_ms) / 1000);
    format_port(l->ofproto, (uint32_t)(uintptr_t)e->port, l->s);
    if (e->is_router) {
        strbuf_printf(l->s, "  %4d  querier             %3d\n", e->vlan, age);
        return;
    }
    const struct ipv6_addr mapped = mcast_map_ipv4(e->group.be32[3]);
    if (!memcmp(&mapped, &e->group, sizeof mapped)) {
        inet_ntop(AF_INET, &e->group.be32[3], group, sizeof group);
    } else {
        inet_ntop(AF_INET6, &e->group, group, sizeof group);
    }
    strbuf_printf(l->s, "  %4d  %s         %3d\n", e->vlan, group, age);
}

/* The bridge, if it snoops; NULL: it was said why not. */
static struct ofproto *need_snooping(struct control_request *r, struct pipeline *p, const char *name)
{
    struct ofproto *ofproto = pipeline_find(p, name);
    if (!ofproto || !ofproto->mcast_enabled) {
        control_reply_error(r, ofproto ? "multicast snooping is disabled" : "no such bridge");
        return NULL;
    }
    return ofproto;
}

static void mdb_show(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct strbuf s = STRBUF_INITIALIZER;
    struct listing l = {.ofproto = need_snooping(r, p, argv[1]), .s = &s};
    if (l.ofproto) {
        strbuf_puts(&s, " port  VLAN  GROUP                Age\n");
        mcast_table_for_each(l.ofproto->mcast, show_entry, &l);
        control_reply_steal(r, strbuf_steal(&s));
    }
}

static void mdb_flush(struct control_request *r, int argc, const char *argv[], void *p_)
{
    struct pipeline *p = p_;
    struct ofproto *one = argc > 1 ? need_snooping(r, p, argv[1]) : NULL;
    if (argc > 1 && !one) {
        return;
    }
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        if (!one || one == p->ofprotos[i]) {
            mcast_table_flush(p->ofprotos[i]->mcast);
        }
    }
    pipeline_commit(p);
    control_reply(r, "table successfully flushed");
}

static const struct control_command commands[] = {
    {"mdb/flush", "[bridge]", 0, 1, mdb_flush},
    {"mdb/show", "bridge", 1, 1, mdb_show},
};

void mcast_register_commands(struct pipeline *p, struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), p);
}

void mcast_unregister_commands(struct control_server *server)
{
    control_unregister(server, commands, ARRAY_SIZE(commands));
}
