/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "dpif/flow_text.h"
#include "flow/text.h"
#include "l2/mac_table.h"
#include "openflow/check.h"
#include "pipeline/bond.h"
#include "pipeline/dp_features.h"
#include "pipeline/mcast.h"
#include "pipeline/oam.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/slow_path.h"
#include "pipeline/spanning.h"
#include "pipeline/trace.h"
#include "pipeline/ukey.h"
#include "tunnel/config.h"

/* ------------------------------------------------------------------ fdb */

/* The bridge that argv[1] names, or NULL after an error was answered. */
static struct ofproto *need_bridge(struct control_request *r, struct pipeline *p, const char *name)
{
    struct ofproto *ofproto = pipeline_find(p, name);
    if (!ofproto) {
        control_reply_error(r, "no such bridge");
    }
    return ofproto;
}

struct fdb_show {
    const struct ofproto *ofproto;
    struct strbuf s;
    int64_t now;
};

/* The OpenFlow port of the bundle that a MAC entry names. */
static void format_bundle_port(const struct ofproto *ofproto, const void *id, char name[16])
{
    const struct ofbundle *b;
    strcpy(name, "?");
    LIST_FOR_EACH (b, node, &ofproto->bundles) {
        if (b->id == (uint32_t)(uintptr_t)id && !list_is_empty(&b->members)) {
            uint32_t port = CONTAINER_OF(list_front(&b->members), struct ofport, bundle_node)->ofp_port;
            if (port == OFPP_LOCAL) {
                strcpy(name, "LOCAL");
            } else {
                snprintf(name, 16, "%u", port);
            }
        }
    }
}

static void show_mac(const struct mac_entry *e, void *aux)
{
    struct fdb_show *f = aux;
    char name[16];
    format_bundle_port(f->ofproto, e->port, name);
    strbuf_printf(&f->s, "%5s  %4u  ", name, e->vlan);
    text_put_mac(&f->s, &e->mac);
    if (e->is_static) {
        strbuf_puts(&f->s, "  static\n");
    } else {
        strbuf_printf(&f->s, "  %3" PRId64 "\n", (f->now - e->used_ms) / 1000);
    }
}

static void fdb_show(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct ofproto *ofproto = need_bridge(r, aux, argv[1]);
    (void)argc;
    if (ofproto) {
        struct fdb_show f = {.ofproto = ofproto, .s = STRBUF_INITIALIZER, .now = clock_ms()};
        strbuf_puts(&f.s, " port  VLAN  MAC                Age\n");
        mac_table_for_each(ofproto->macs, show_mac, &f);
        control_reply_steal(r, strbuf_steal(&f.s));
    }
}

static void fdb_flush(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    if (argc > 1) {
        struct ofproto *ofproto = need_bridge(r, p, argv[1]);
        if (!ofproto) {
            return;
        }
        mac_table_flush(ofproto->macs);
    } else {
        for (size_t i = 0; i < p->n_ofprotos; i++) {
            mac_table_flush(p->ofprotos[i]->macs);
        }
    }
    pipeline_commit(p);
    control_reply(r, "table successfully flushed");
}

static bool parse_mac(const char *text, struct eth_addr *mac)
{
    size_t n = text_get_mac(text, mac);
    return n && !text[n];
}

static void fdb_add(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct ofproto *ofproto = need_bridge(r, aux, argv[1]);
    struct eth_addr mac;
    (void)argc;
    if (!ofproto) {
        return;
    }
    if (!parse_mac(argv[4], &mac)) {
        control_reply_error(r, "bad MAC address");
        return;
    }
    const struct ofport *port = ofproto_find_port_name(ofproto, argv[2]);
    if (!port) {
        control_reply_error(r, "software error, odp port is present but no ofp port");
        return;
    }
    if (!port->bundle) {
        control_reply_error(r, "port is in no bundle");
        return;
    }
    void *bundle = (void *)(uintptr_t)port->bundle->id;
    struct mac_entry old;
    bool replaced;
    if (mac_table_add_static(ofproto->macs, mac, (uint16_t)atoi(argv[3]), bundle, clock_ms(), &old,
                             &replaced)) {
        control_reply_error(r, "the table is full of static entries");
        return;
    }
    pipeline_commit(aux);
    if (!replaced || (old.is_static && old.port == bundle)) {
        control_reply(r, "");
        return;
    }
    char name[16];
    format_bundle_port(ofproto, old.port, name);
    control_reply_steal(r, xasprintf("Overriding already existing %s entry on %s",
                                     old.is_static ? "static" : "dynamic", name));
}

static void fdb_del(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct ofproto *ofproto = need_bridge(r, aux, argv[1]);
    struct eth_addr mac;
    (void)argc;
    if (!ofproto) {
        return;
    }
    if (!parse_mac(argv[3], &mac)) {
        control_reply_error(r, "bad MAC address");
    } else if (mac_table_del_static(ofproto->macs, mac, (uint16_t)atoi(argv[2]))) {
        control_reply_error(r, "could not find static mac entry");
    } else {
        pipeline_commit(aux);
        control_reply(r, "");
    }
}

static void fdb_stats_show(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct ofproto *ofproto = need_bridge(r, aux, argv[1]);
    (void)argc;
    if (ofproto) {
        struct mac_table_stats m;
        struct strbuf s = STRBUF_INITIALIZER;
        mac_table_get_stats(ofproto->macs, &m);
        strbuf_printf(&s, "Statistics for bridge \"%s\":\n", ofproto->name);
        strbuf_printf(&s, "  Current/maximum MAC entries in the table: %zu/%zu\n", m.n, m.max);
        strbuf_printf(&s, "  Current static MAC entries in the table : %zu\n", m.n_static);
        strbuf_printf(&s, "  Total number of learned MAC entries     : %" PRIu64 "\n", m.learned);
        strbuf_printf(&s, "  Total number of expired MAC entries     : %" PRIu64 "\n", m.expired);
        strbuf_printf(&s, "  Total number of evicted MAC entries     : %" PRIu64 "\n", m.evicted);
        strbuf_printf(&s, "  Total number of port moved MAC entries  : %" PRIu64 "\n", m.moved);
        control_reply_steal(r, strbuf_steal(&s));
    }
}

static void fdb_stats_clear(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    if (argc > 1) {
        struct ofproto *ofproto = need_bridge(r, p, argv[1]);
        if (!ofproto) {
            return;
        }
        mac_table_clear_stats(ofproto->macs);
    } else {
        for (size_t i = 0; i < p->n_ofprotos; i++) {
            mac_table_clear_stats(p->ofprotos[i]->macs);
        }
    }
    control_reply(r, "statistics successfully cleared");
}

/* ------------------------------------------------------------------ ofproto, bridge */

static void ofproto_list(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    struct strbuf s = STRBUF_INITIALIZER;
    (void)argc, (void)argv;
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        strbuf_printf(&s, "%s\n", p->ofprotos[i]->name);
    }
    control_reply_steal(r, strbuf_steal(&s));
}

static void ofproto_trace(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct strbuf s = STRBUF_INITIALIZER;
    char *error = trace_run(aux, argc, argv, &s);
    if (error) {
        control_reply_error_steal(r, error);
        strbuf_fini(&s);
    } else {
        control_reply_steal(r, strbuf_steal(&s));
    }
}

static void bridge_dump_flows(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct ofproto *ofproto = pipeline_find(aux, argv[argc - 1]);
    if (!ofproto) {
        control_reply_error(r, "Unknown bridge");
        return;
    }
    struct strbuf s = STRBUF_INITIALIZER;
    struct flow_mod all;
    size_t n;
    int64_t now = clock_ms();
    slow_path_refresh_stats(ofproto->backer->slow_path); /* what was counted since the last pass */
    flow_mod_init(&all);
    all.table_id = OFPTT_ALL;
    struct rule **rules = ofproto_collect_rules(ofproto, &all, false, true, &n);
    for (size_t i = 0; i < n; i++) {
        rule_format(rules[i], now, argc > 2, &s);
        strbuf_put_char(&s, '\n');
    }
    free(rules);
    flow_mod_fini(&all);
    control_reply_steal(r, strbuf_steal(&s));
}

/* ------------------------------------------------------------------ dpif */

static void show_port(const struct ofproto_port *port, void *s_)
{
    struct strbuf *s = s_;
    strbuf_printf(s, "    %s %u/", port->name, port->ofp_port);
    if (port->dp_port == PACKET_NO_PORT) {
        strbuf_puts(s, "none:");
    } else {
        strbuf_printf(s, "%u:", port->dp_port);
    }
    strbuf_printf(s, " (%s", port->type[0] ? port->type : "system");
    if (port->peer) {
        strbuf_printf(s, ": peer=%s", port->peer);
    }
    if (port->tunnel) {
        struct smap options = SMAP_INITIALIZER;
        const char *separator = ": ";
        tunnel_config_show(port->tunnel, &options);
        SMAP_FOR_EACH(e, &options)
        {
            strbuf_printf(s, "%s%s=%s", separator, e->key, e->value);
            separator = ", ";
        }
        smap_fini(&options);
    }
    strbuf_puts(s, ")\n");
}

static void dpif_show(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    struct strbuf s = STRBUF_INITIALIZER;
    const struct dp_backer *backer;
    (void)argc, (void)argv;
    LIST_FOR_EACH (backer, node, &p->backers) {
        struct dp_stats stats;
        backer->dp->ops->get_stats(backer->dp, &stats);
        strbuf_printf(&s, "%s@%s: hit:%" PRIu64 " missed:%" PRIu64 "\n", backer->dp->ops->type,
                      backer->dp->name, stats.n_hit, stats.n_missed);
        for (size_t i = 0; i < p->n_ofprotos; i++) {
            if (p->ofprotos[i]->backer == backer) {
                strbuf_printf(&s, "  %s:\n", p->ofprotos[i]->name);
                ofproto_port_for_each(p->ofprotos[i], show_port, &s);
            }
        }
    }
    control_reply_steal(r, strbuf_steal(&s));
}

static void dpif_dump_dps(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    struct strbuf s = STRBUF_INITIALIZER;
    (void)argc, (void)argv;
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        strbuf_printf(&s, "%s@%s\n", p->ofprotos[i]->backer->dp->ops->type, p->ofprotos[i]->name);
    }
    control_reply_steal(r, strbuf_steal(&s));
}

struct dump {
    const struct ofproto *ofproto;
    const struct snapshot *snapshot;
    struct port_names names;
    bool more, named;
    struct strbuf s;
};

static const char *dp_port_name(const struct port_names *names, uint32_t port)
{
    const struct dump *d = names->aux;
    const struct xport *xport = snapshot_port(d->snapshot, d->ofproto->backer, port);
    return xport ? xport->name : NULL;
}

static bool dump_flow(const struct dp_flow_desc *flow, void *aux)
{
    struct dump *d = aux;
    /* A datapath is shared: only the flows of the bridge. */
    const struct xport *port = snapshot_port(d->snapshot, d->ofproto->backer, flow->key->in_port);
    if (port && port->bridge->ofproto == d->ofproto) {
        dp_flow_format(flow, d->named ? &d->names : NULL, d->more, &d->s);
        strbuf_put_char(&d->s, '\n');
    }
    return true;
}

static void dpif_dump_flows(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    struct ofproto *ofproto = pipeline_find(p, argv[argc - 1]);
    if (!ofproto) {
        control_reply_error(r, "no such bridge");
        return;
    }
    struct dump d = {.ofproto = ofproto, .snapshot = snapshot_get(p), .s = STRBUF_INITIALIZER};
    int names = -1;
    for (int i = 1; i < argc - 1; i++) {
        if (!strcmp(argv[i], "-m")) {
            d.more = true;
        } else if (!strcmp(argv[i], "--names")) {
            names = 1;
        } else if (!strcmp(argv[i], "--no-names")) {
            names = 0;
        }
    }
    d.named = names >= 0 ? names : d.more;
    d.names = (struct port_names){.name = dp_port_name, .aux = &d};
    ofproto->backer->dp->ops->flow_dump(ofproto->backer->dp, dump_flow, &d);
    control_reply_steal(r, strbuf_steal(&d.s));
}

static void dpif_show_features(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    (void)argc;
    if (need_bridge(r, p, argv[1])) {
        struct strbuf s = STRBUF_INITIALIZER;
        for (size_t i = 0; i < pipeline_n_dp_features; i++) {
            char number[16];
            const struct pipeline_dp_feature *f = &pipeline_dp_features[i];
            if (f->title) {
                strbuf_printf(&s, "%s: %s\n", f->title,
                              f->number ? pipeline_dp_feature(p, f, number) : "Yes");
            }
        }
        control_reply_steal(r, strbuf_steal(&s));
    }
}

/* ------------------------------------------------------------------ upcall, revalidator */

static void for_each_slow_path(struct pipeline *p, void (*each)(struct slow_path *))
{
    struct dp_backer *backer;
    LIST_FOR_EACH (backer, node, &p->backers) {
        each(backer->slow_path);
    }
}

static void upcall_show(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    struct strbuf s = STRBUF_INITIALIZER;
    const struct dp_backer *backer;
    (void)argc, (void)argv;
    LIST_FOR_EACH (backer, node, &p->backers) {
        slow_path_show(backer->slow_path, &s);
    }
    control_reply_steal(r, strbuf_steal(&s));
}

static void upcall_set_flow_limit(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct pipeline *p = aux;
    struct dp_backer *backer;
    unsigned limit = (unsigned)atoi(argv[1]);
    struct strbuf s = STRBUF_INITIALIZER;
    (void)argc;
    LIST_FOR_EACH (backer, node, &p->backers) {
        slow_path_set_flow_limit(backer->slow_path, limit);
    }
    strbuf_printf(&s, "set flow_limit to %u\n", limit);
    control_reply_steal(r, strbuf_steal(&s));
}

static void megaflows_on(struct slow_path *sp)
{
    slow_path_set_megaflows(sp, true);
}
static void megaflows_off(struct slow_path *sp)
{
    slow_path_set_megaflows(sp, false);
}
static void ufid_on(struct slow_path *sp)
{
    slow_path_set_ufid(sp, true);
}
static void ufid_off(struct slow_path *sp)
{
    slow_path_set_ufid(sp, false);
}
static void wait_revalidated(struct slow_path *sp)
{
    slow_path_revalidate(sp, true);
}

/* Commands that do one thing to every slow path and say it. */
static const struct {
    const char *name;
    void (*each)(struct slow_path *);
    const char *reply;
} simple[] = {
    {"upcall/disable-megaflows", megaflows_off, "megaflows disabled"},
    {"upcall/enable-megaflows", megaflows_on, "megaflows enabled"},
    {"upcall/disable-ufid", ufid_off, "Datapath dumping tersely using UFID disabled"},
    {"upcall/enable-ufid", ufid_on, "Datapath dumping tersely using UFID enabled for supported datapaths"},
    {"revalidator/wait", wait_revalidated, ""},
    {"revalidator/purge", slow_path_purge, ""},
};

static void run_simple(struct control_request *r, int argc, const char *argv[], void *aux)
{
    (void)argc;
    for (size_t i = 0; i < ARRAY_SIZE(simple); i++) {
        if (!strcmp(simple[i].name, argv[0])) {
            for_each_slow_path(aux, simple[i].each);
            control_reply(r, simple[i].reply);
        }
    }
}

/* ------------------------------------------------------------------ rules as text */

static bool port_number(const struct port_names *names, const char *name, uint32_t *port)
{
    const struct ofport *ofport = ofproto_find_port_name(names->aux, name);
    if (ofport) {
        *port = ofport->ofp_port;
    }
    return ofport != NULL;
}

/* One flow, or all of a file's. */
struct flow_file {
    struct ofproto *ofproto;
    struct flow_mod **mods;
    size_t n, allocated;
};

static char *collect_mod(struct flow_mod *fm, uint32_t usable, void *aux)
{
    struct flow_file *f = aux;
    (void)usable;
    if (f->n == f->allocated) {
        f->mods = x2nrealloc(f->mods, &f->allocated, sizeof *f->mods);
    }
    f->mods[f->n] = xmalloc(sizeof *fm);
    *f->mods[f->n++] = *fm;
    return NULL;
}

static char *check_mods(struct flow_file *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct flow_mod *fm = f->mods[i];
        struct ofpacts_check check = {.match = &fm->match,
                                      .max_ports = OFPP_MAX,
                                      .table_id = fm->table_id == OFPTT_ALL ? 0 : fm->table_id,
                                      .n_tables = OFPROTO_N_TABLES,
                                      .usable = OFPROTO_ANY};
        enum ofperr error = ofpacts_check((struct ofpact *)(void *)fm->ofpacts.data, fm->ofpacts.len, &check);
        if (error) {
            return xasprintf("flow %zu: actions are not valid with the match (%s)", i + 1,
                             ofperr_name(error));
        }
    }
    return NULL;
}

static void change_flows(struct control_request *r, int argc, const char *argv[], void *aux)
{
    bool add = !strcmp(argv[0], "sluice/add-flows") || !strcmp(argv[0], "sluice/add-flow");
    bool one = !strcmp(argv[0], "sluice/add-flow") || !strcmp(argv[0], "sluice/del-flows");
    struct flow_file f = {.ofproto = need_bridge(r, aux, argv[1])};
    if (!f.ofproto) {
        return;
    }
    struct port_names ports = {.number = port_number, .aux = f.ofproto};
    struct ofp_names names = {.ports = &ports};
    char *error;
    if (one) {
        struct flow_mod fm;
        uint32_t usable;
        error = flow_mod_parse(&fm, argc > 2 ? argv[2] : "", add ? FLOW_ADD : FLOW_DELETE, false, &names,
                               &usable);
        if (!error) {
            error = collect_mod(&fm, usable, &f);
        }
    } else {
        error = flow_mod_parse_file(argv[2], FLOW_ADD, &names, collect_mod, &f);
    }
    if (!error) {
        error = check_mods(&f);
    }
    if (!error) {
        size_t failed = 0;
        enum ofperr e = ofproto_flow_mods(f.ofproto, (const struct flow_mod *const *)f.mods, f.n, false,
                                          RULE_DELETE, &failed);
        if (e) {
            error = xasprintf("flow %zu was refused (%s); none was changed", failed + 1, ofperr_name(e));
        }
    }
    for (size_t i = 0; i < f.n; i++) {
        flow_mod_fini(f.mods[i]);
        free(f.mods[i]);
    }
    free(f.mods);
    pipeline_commit(aux);
    if (error) {
        control_reply_error_steal(r, error);
    } else {
        control_reply(r, "");
    }
}

static void dump_rules(struct control_request *r, int argc, const char *argv[], void *aux)
{
    struct ofproto *ofproto = need_bridge(r, aux, argv[1]);
    if (!ofproto) {
        return;
    }
    struct port_names ports = {.number = port_number, .aux = ofproto};
    struct ofp_names names = {.ports = &ports};
    struct flow_mod criteria;
    uint32_t usable;
    char *error = flow_mod_parse(&criteria, argc > 2 ? argv[2] : "", FLOW_DELETE, false, &names, &usable);
    if (error) {
        control_reply_error_steal(r, error);
        return;
    }
    struct strbuf s = STRBUF_INITIALIZER;
    size_t n;
    int64_t now = clock_ms();
    slow_path_refresh_stats(ofproto->backer->slow_path);
    struct rule **rules = ofproto_collect_rules(ofproto, &criteria, false, false, &n);
    for (size_t i = 0; i < n; i++) {
        const struct rule *rule = rules[i];
        struct flow_stats fs;
        memset(&fs, 0, sizeof fs);
        match_expand(&rule->cr.match, &rule->ofproto->tun_md.layout, &fs.match);
        fs.cookie = rule->cookie;
        fs.packet_count = rule->counters->packets;
        fs.byte_count = rule->counters->bytes;
        fs.ofpacts = rule->actions;
        fs.ofpacts_len = rule->actions_len;
        fs.duration_sec = (uint32_t)((now - rule->created_ms) / 1000);
        fs.duration_nsec = (uint32_t)((now - rule->created_ms) % 1000 * 1000000);
        fs.idle_age = (int)((now - rule->counters->used_ms) / 1000);
        fs.hard_age = (int)((now - rule->modified_ms) / 1000);
        fs.priority = (uint16_t)rule->cr.priority;
        fs.idle_timeout = rule->idle_timeout;
        fs.hard_timeout = rule->hard_timeout;
        fs.importance = rule->importance;
        fs.table_id = rule->table_id;
        fs.flags = (uint8_t)rule->flags;
        strbuf_put_char(&s, ' ');
        flow_stats_format(&fs, NULL, true, &s);
        strbuf_put_char(&s, '\n');
    }
    free(rules);
    flow_mod_fini(&criteria);
    control_reply_steal(r, strbuf_steal(&s));
}

static const struct control_command commands[] = {
    {"bridge/dump-flows", "[--offload-stats] bridge", 1, 2, bridge_dump_flows},
    {"dpif/dump-dps", "", 0, 0, dpif_dump_dps},
    {"dpif/dump-flows", "[-m] [--names | --no-names] bridge", 1, INT_MAX, dpif_dump_flows},
    {"dpif/show", "", 0, 0, dpif_show},
    {"dpif/show-dp-features", "bridge", 1, 1, dpif_show_features},
    {"fdb/add", "bridge port vlan mac", 4, 4, fdb_add},
    {"fdb/del", "bridge vlan mac", 3, 3, fdb_del},
    {"fdb/flush", "[bridge]", 0, 1, fdb_flush},
    {"fdb/show", "bridge", 1, 1, fdb_show},
    {"fdb/stats-clear", "[bridge]", 0, 1, fdb_stats_clear},
    {"fdb/stats-show", "bridge", 1, 1, fdb_stats_show},
    {"ofproto/list", "", 0, 0, ofproto_list},
    {"ofproto/trace", "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]", 1, INT_MAX,
     ofproto_trace},
    {"ofproto/trace-packet-out",
     "[-consistent] {[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet] actions", 2,
     INT_MAX, ofproto_trace},
    {"revalidator/purge", "", 0, 0, run_simple},
    {"revalidator/wait", "", 0, 0, run_simple},
    {"sluice/add-flow", "bridge flow", 2, 2, change_flows},
    {"sluice/add-flows", "bridge file", 2, 2, change_flows},
    {"sluice/del-flows", "bridge [flow]", 1, 2, change_flows},
    {"sluice/dump-flows", "bridge [flow]", 1, 2, dump_rules},
    {"upcall/disable-megaflows", "", 0, 0, run_simple},
    {"upcall/disable-ufid", "", 0, 0, run_simple},
    {"upcall/enable-megaflows", "", 0, 0, run_simple},
    {"upcall/enable-ufid", "", 0, 0, run_simple},
    {"upcall/set-flow-limit", "flow-limit-number", 1, 1, upcall_set_flow_limit},
    {"upcall/show", "", 0, 0, upcall_show},
};

void pipeline_register_commands(struct pipeline *p, struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), p);
    bond_register_commands(p, server);
    mcast_register_commands(p, server);
    oam_register_commands(p, server);
    spanning_register_commands(p, server);
}

void pipeline_unregister_commands(struct control_server *server)
{
    control_unregister(server, commands, ARRAY_SIZE(commands));
    bond_unregister_commands(server);
    mcast_unregister_commands(server);
    oam_unregister_commands(server);
    spanning_unregister_commands(server);
}
