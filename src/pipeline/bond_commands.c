/* SPDX-License-Identifier: Apache-2.0 */
/* bond/ and lacp/ on the control socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mac.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "pipeline/bond.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/protocol.h"

typedef void each_fn(struct ofbond *, const struct ofbond_show *, void *aux);

/* Those of all bridges, in order; those alone that have what is asked for. */
static void for_each(struct pipeline *p, bool lacp, each_fn *each, void *aux)
{
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        const struct ofbundle *bundle;
        LIST_FOR_EACH (bundle, node, &p->ofprotos[i]->bundles) {
            struct ofbond_show show;
            if (bundle->bond) {
                ofbond_show(bundle->bond, &show);
                if (lacp ? show.lacp != NULL : show.bond != NULL) {
                    each(bundle->bond, &show, aux);
                }
            }
        }
    }
}

struct search {
    const char *name;
    struct ofbond *found;
    struct ofbond_show show;
};

static void compare(struct ofbond *ob, const struct ofbond_show *show, void *search_)
{
    struct search *search = search_;
    if (!search->found && !strcmp(show->name, search->name)) {
        search->found = ob;
        search->show = *show;
    }
}

static bool find(struct pipeline *p, bool lacp, const char *name, struct search *search)
{
    *search = (struct search){.name = name};
    for_each(p, lacp, compare, search);
    return search->found;
}

static int compare_names(const void *a_, const void *b_)
{
    const struct ofport *const *a = a_, *const *b = b_;
    return strcmp((*a)->name, (*b)->name);
}

/* The bundle's ports by name; the caller frees. */
static const struct ofport **sorted_ports(const struct ofbundle *bundle, size_t *n)
{
    const struct ofport **ports = xcalloc(list_size(&bundle->members) + 1, sizeof *ports), *port;
    *n = 0;
    LIST_FOR_EACH (port, bundle_node, &bundle->members) {
        ports[(*n)++] = port;
    }
    qsort(ports, *n, sizeof *ports, compare_names);
    return ports;
}

static const struct ofport *find_member(const struct ofbond_show *show, const char *name)
{
    const struct ofport *port;
    LIST_FOR_EACH (port, bundle_node, &show->bundle->members) {
        if (!strcmp(port->name, name)) {
            return port;
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ bond/ */

static void list_one(struct ofbond *ob, const struct ofbond_show *show, void *s)
{
    (void)ob;
    struct bond_status status;
    const struct ofport *port;
    const char *separator = "";
    bond_get(show->bond, &status);
    strbuf_printf(s, "%s\t%s\t%u\t", show->name, bond_mode_name(status.settings.mode), show->recirc_id);
    LIST_FOR_EACH (port, bundle_node, &show->bundle->members) {
        strbuf_printf(s, "%s%s", separator, port->name);
        separator = ", ";
    }
    strbuf_put_char(s, '\n');
}

static void bond_list(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "bond\ttype\trecircID\tmembers\n");
    for_each(p, false, list_one, &s);
    control_reply_steal(r, strbuf_steal(&s));
}

struct member_search {
    const void *member;
    struct bond_member_status status;
};

static void take_status(const struct bond_member_status *status, void *search_)
{
    struct member_search *search = search_;
    if (status->member == search->member) {
        search->status = *status;
    }
}

static void show_member(const struct ofbond_show *show, const struct bond_status *bond,
                        const struct ofport *port, struct strbuf *s)
{
    struct member_search search = {.member = port, .status = {.delay_until_ms = INT64_MAX}};
    bond_for_each_member(show->bond, take_status, &search);
    const struct bond_member_status *m = &search.status;
    strbuf_printf(s, "member %s: %s\n", port->name, m->enabled ? "enabled" : "disabled");
    if (m->active) {
        strbuf_puts(s, "  active member\n");
    }
    if (m->delay_until_ms != INT64_MAX) {
        strbuf_printf(s, "  %s expires in %lld ms\n", m->enabled ? "downdelay" : "updelay",
                      (long long)(m->delay_until_ms - clock_ms()));
    }
    strbuf_printf(s, "  may_enable: %s\n", m->may_enable ? "true" : "false");
    for (unsigned i = 0; bond->balances && i < BOND_BUCKETS; i++) {
        uint64_t bytes;
        if (bond_get_bucket(show->bond, i, &bytes) == port && bytes / 1024) {
            strbuf_printf(s, "  hash %u: %llu kB load\n", i, (unsigned long long)bytes / 1024);
        }
    }
    strbuf_put_char(s, '\n');
}

static void show_settings(const struct ofbond_show *show, const struct bond_status *b, struct strbuf *s)
{
    static const char *const lacp_names[] = {"off", "configured", "negotiated"};
    bool recirculates = b->settings.mode == BOND_BALANCE_TCP && b->balances && show->recirc_id;
    strbuf_printf(s, "bond_mode: %s\n", bond_mode_name(b->settings.mode));
    strbuf_printf(s, "bond may use recirculation: %s, Recirc-ID : %d\n", recirculates ? "yes" : "no",
                  recirculates ? (int)show->recirc_id : -1);
    strbuf_printf(s, "bond-hash-basis: %u\n", b->settings.hash_basis);
    strbuf_puts(s, "lb_output action: disabled, bond-id: -1\n");
    if (b->settings.mode == BOND_BALANCE_SLB) {
        strbuf_printf(s, "all members active: %s\n", b->settings.all_members_active ? "true" : "false");
    }
    strbuf_printf(s, "updelay: %d ms\n", b->settings.updelay_ms);
    strbuf_printf(s, "downdelay: %d ms\n", b->settings.downdelay_ms);
    if (b->balances && b->next_rebalance_ms != INT64_MAX) {
        strbuf_printf(s, "next rebalance: %lld ms\n", (long long)(b->next_rebalance_ms - clock_ms()));
    }
    strbuf_printf(s, "lacp_status: %s\n", lacp_names[b->lacp]);
    strbuf_printf(s, "lacp_fallback_ab: %s\n", b->settings.lacp_fallback ? "true" : "false");
}

static void show_one(struct ofbond *ob, const struct ofbond_show *show, void *s)
{
    (void)ob;
    struct bond_status b;
    char mac[MAC_TEXT_SIZE];
    bond_get(show->bond, &b);
    strbuf_printf(s, "---- %s ----\n", show->name);
    show_settings(show, &b, s);
    bool has_primary = show->primary && !b.balances;
    strbuf_printf(s, "active-backup primary: %s%s\n", has_primary ? show->primary : "<none>",
                  has_primary && !find_member(show, show->primary) ? " (no such member)" : "");
    const struct ofport *active = b.active;
    strbuf_printf(s, "active member mac: %s(%s)\n\n",
                  mac_format(active ? ofport_mac(active) : (struct eth_addr){{0}}, mac),
                  active ? active->name : "none");
    size_t n;
    const struct ofport **ports = sorted_ports(show->bundle, &n);
    for (size_t i = 0; i < n; i++) {
        show_member(show, &b, ports[i], s);
    }
    free(ports);
}

static void bond_show(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct strbuf s = STRBUF_INITIALIZER;
    struct search search;
    if (argc < 2) {
        for_each(p, false, show_one, &s);
    } else if (find(p, false, argv[1], &search)) {
        show_one(search.found, &search.show, &s);
    } else {
        control_reply_error(r, "no such bond");
        return;
    }
    control_reply_steal(r, strbuf_steal(&s));
}

/* "OK", or what is wrong. */
static const char *migrate(const struct ofbond_show *show, const char *hash_text, const char *member)
{
    struct bond_status b;
    bond_get(show->bond, &b);
    if (b.settings.mode != BOND_BALANCE_SLB) {
        return "not an SLB bond";
    }
    if (!*hash_text || hash_text[strspn(hash_text, "0123456789")]) {
        return "bad hash";
    }
    const struct ofport *port = find_member(show, member);
    if (!port) {
        return "no such member";
    }
    return bond_migrate(show->bond, (uint32_t)strtoul(hash_text, NULL, 10), port)
               ? "cannot migrate to disabled member"
               : NULL;
}

static void bond_migrate_command(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct search search;
    const char *error =
        find(p, false, argv[1], &search) ? migrate(&search.show, argv[2], argv[3]) : "no such bond";
    if (error) {
        control_reply_error(r, error);
    } else {
        ofbond_changed(search.found);
        control_reply(r, "migrated");
    }
}

/* bond/set-active-member, bond/enable-member, bond/disable-member */
static void change_member(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct search search;
    if (!find(p, false, argv[1], &search)) {
        control_reply_error(r, "no such bond");
        return;
    }
    const struct ofport *port = find_member(&search.show, argv[2]);
    if (!port) {
        control_reply_error(r, "no such member");
        return;
    }
    struct bond_status b;
    bond_get(search.show.bond, &b);
    if (!strcmp(argv[0], "bond/set-active-member")) {
        if (bond_set_active(search.show.bond, port)) {
            control_reply_error(r, "cannot make disabled member active");
            return;
        }
        control_reply(r, b.active == port ? "no change" : "done");
    } else {
        bool enable = !strcmp(argv[0], "bond/enable-member");
        bond_force_enabled(search.show.bond, port, enable);
        control_reply(r, enable ? "enabled" : "disabled");
    }
    ofbond_changed(search.found);
}

static void bond_hash(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct eth_addr mac;
    unsigned long numbers[2] = {0, 0};
    static const char *const errors[2] = {"invalid vlan", "invalid basis"};
    static const unsigned long limits[2] = {4095, UINT32_MAX};
    if (!mac_parse(argv[1], &mac)) {
        control_reply_error(r, "invalid mac");
        return;
    }
    for (int i = 0; i < argc - 2; i++) {
        const char *text = argv[2 + i];
        numbers[i] = strtoul(text, NULL, 10);
        if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10 ||
            numbers[i] > limits[i]) {
            control_reply_error(r, errors[i]);
            return;
        }
    }
    uint32_t hash = bond_hash_mac(mac, (uint16_t)numbers[0], (uint32_t)numbers[1]) % BOND_BUCKETS;
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_printf(&s, "%u", hash);
    control_reply_steal(r, strbuf_steal(&s));
}

/* ------------------------------------------------------------------ lacp/ */

static void format_state(uint8_t state, struct strbuf *s)
{
    static const char *const names[] = {"activity",   "timeout",      "aggregation", "synchronized",
                                        "collecting", "distributing", "defaulted",   "expired"};
    for (int i = 0; i < 8; i++) {
        if (state >> i & 1) {
            strbuf_printf(s, " %s", names[i]);
        }
    }
    strbuf_put_char(s, '\n');
}

static void format_info(const char *who, const struct lacp_info *info, struct strbuf *s)
{
    char mac[MAC_TEXT_SIZE];
    strbuf_printf(s, "\n  %s sys_id: %s\n", who, mac_format(info->system_id, mac));
    strbuf_printf(s, "  %s sys_priority: %u\n", who, info->system_priority);
    strbuf_printf(s, "  %s port_id: %u\n", who, info->port_id);
    strbuf_printf(s, "  %s port_priority: %u\n", who, info->port_priority);
    strbuf_printf(s, "  %s key: %u\n", who, info->key);
    strbuf_printf(s, "  %s state:", who);
    format_state(info->state, s);
}

static void lacp_show_one(struct ofbond *ob, const struct ofbond_show *show, void *s)
{
    (void)ob;
    char mac[MAC_TEXT_SIZE];
    const struct lacp_settings *settings = show->lacp_settings;
    strbuf_printf(s, "---- %s ----\n", show->name);
    strbuf_printf(s, "  status: %s%s\n", settings->active ? "active" : "passive",
                  lacp_status(show->lacp) == LACP_NEGOTIATED ? " negotiated" : "");
    strbuf_printf(s, "  sys_id: %s\n", mac_format(settings->system_id, mac));
    strbuf_printf(s, "  sys_priority: %u\n", settings->system_priority);
    strbuf_printf(s, "  aggregation key: %u\n", show->lacp_key);
    strbuf_printf(s, "  lacp_time: %s\n", settings->fast ? "fast" : "slow");
    size_t n;
    const struct ofport **ports = sorted_ports(show->bundle, &n);
    for (size_t i = 0; i < n; i++) {
        struct lacp_member_status m;
        if (!lacp_get_member(show->lacp, ports[i], &m)) {
            continue;
        }
        strbuf_printf(s, "\nmember: %s: %s %s\n", ports[i]->name, lacp_member_state_name(m.state),
                      m.attached ? "attached" : "detached");
        strbuf_printf(s, "  port_id: %u\n", m.actor.port_id);
        strbuf_printf(s, "  port_priority: %u\n", m.actor.port_priority);
        strbuf_printf(s, "  may_enable: %s\n", m.may_enable ? "true" : "false");
        format_info("actor", &m.actor, s);
        format_info("partner", &m.partner, s);
    }
    free(ports);
}

static void lacp_stats_one(struct ofbond *ob, const struct ofbond_show *show, void *s)
{
    (void)ob;
    size_t n;
    const struct ofport **ports = sorted_ports(show->bundle, &n);
    strbuf_printf(s, "---- %s statistics ----\n", show->name);
    for (size_t i = 0; i < n; i++) {
        struct lacp_member_status m;
        if (!lacp_get_member(show->lacp, ports[i], &m)) {
            continue;
        }
        const struct {
            const char *name;
            uint64_t value;
        } counts[] = {
            {"TX PDUs", m.tx},
            {"RX PDUs", m.rx},
            {"RX Bad PDUs", m.rx_bad},
            {"RX Marker Request PDUs", m.rx_marker},
            {"Link Expired", m.expired},
            {"Link Defaulted", m.defaulted},
            {"Carrier Status Changed", m.carrier_changed},
        };
        strbuf_printf(s, "\nmember: %s:\n", ports[i]->name);
        for (size_t j = 0; j < ARRAY_SIZE(counts); j++) {
            strbuf_printf(s, "  %s: %llu\n", counts[j].name, (unsigned long long)counts[j].value);
        }
    }
    free(ports);
}

static void lacp_show(struct control_request *r, int argc, const char *argv[], void *p)
{
    each_fn *each = !strcmp(argv[0], "lacp/show") ? lacp_show_one : lacp_stats_one;
    struct strbuf s = STRBUF_INITIALIZER;
    struct search search;
    if (argc < 2) {
        for_each(p, true, each, &s);
    } else if (find(p, true, argv[1], &search)) {
        each(search.found, &search.show, &s);
    } else {
        control_reply_error(r, "no such lacp object");
        return;
    }
    control_reply_steal(r, strbuf_steal(&s));
}

static const struct control_command commands[] = {
    {"bond/disable-member", "port member", 2, 2, change_member},
    {"bond/enable-member", "port member", 2, 2, change_member},
    {"bond/hash", "mac [vlan] [basis]", 1, 3, bond_hash},
    {"bond/list", "", 0, 0, bond_list},
    {"bond/migrate", "port hash member", 3, 3, bond_migrate_command},
    {"bond/set-active-member", "port member", 2, 2, change_member},
    {"bond/show", "[port]", 0, 1, bond_show},
    {"lacp/show", "[port]", 0, 1, lacp_show},
    {"lacp/show-stats", "[port]", 0, 1, lacp_show},
};

void bond_register_commands(struct pipeline *p, struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), p);
}

void bond_unregister_commands(struct control_server *server)
{
    control_unregister(server, commands, ARRAY_SIZE(commands));
}
