/* SPDX-License-Identifier: Apache-2.0 */
/* dpctl's commands about datapaths and their ports, and our own drop/show. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/smap.h"
#include "packet/drop.h"
#include "switchd/dpctl_command.h"
#include "tunnel/config.h"

/* ---- show ---- */

static void put_count(struct strbuf *s, const char *name, uint64_t value)
{
    if (value == UINT64_MAX) {
        strbuf_printf(s, "%s:?", name);
    } else {
        strbuf_printf(s, "%s:%" PRIu64, name, value);
    }
}

static void put_bytes(struct strbuf *s, const char *prefix, uint64_t value)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    put_count(s, prefix, value);
    if (value == UINT64_MAX || value < 1024) {
        return;
    }
    double amount = (double)value;
    int unit = -1;
    while (amount >= 1024 && unit < 3) {
        amount /= 1024;
        unit++;
    }
    strbuf_printf(s, " (%.1f %s)", amount, units[unit]);
}

static void put_statistics(struct strbuf *s, const struct vport *vport)
{
    struct vport_stats t;
    if (!vport || !vport->ops->get_stats || vport->ops->get_stats(vport, &t)) {
        return;
    }
    strbuf_puts(s, "    ");
    put_count(s, "RX packets", t.rx_packets);
    put_count(s, " errors", t.rx_errors);
    put_count(s, " dropped", t.rx_dropped);
    put_count(s, " overruns", t.rx_over_err);
    put_count(s, " frame", t.rx_frame_err);
    strbuf_puts(s, "\n    ");
    put_count(s, "TX packets", t.tx_packets);
    put_count(s, " errors", t.tx_errors);
    put_count(s, " dropped", t.tx_dropped);
    strbuf_puts(s, " aborted:? carrier:?\n    ");
    put_count(s, "collisions", t.collisions);
    strbuf_puts(s, "\n    ");
    put_bytes(s, "RX bytes", t.rx_bytes);
    put_bytes(s, "  TX bytes", t.tx_bytes);
    strbuf_put_char(s, '\n');
}

/* With what is not usual of a tunnel's vport. */
static void put_type(struct dpctl *d, const struct dp_port_desc *port)
{
    const struct tunnel_kind_info *info = tunnel_kind_find(port->type);
    const char *separator = ": ";
    strbuf_printf(&d->out, " (%s", port->type);
    if (info && port->vport && port->vport->ops->is_tunnel) {
        struct smap options = SMAP_INITIALIZER;
        const char *number = strrchr(port->name, '_');
        tunnel_vport_show(tunnel_kind_of(info), (uint16_t)atoi(number ? number + 1 : ""), &options);
        SMAP_FOR_EACH(e, &options)
        {
            strbuf_printf(&d->out, "%s%s=%s", separator, e->key, e->value);
            separator = ", ";
        }
        smap_fini(&options);
    }
    strbuf_put_char(&d->out, ')');
}

static void put_port(const struct dp_port_desc *port, void *d_)
{
    struct dpctl *d = d_;
    strbuf_printf(&d->out, "  port %u: %s", port->port_no, port->name);
    if (strcmp(port->type, "system")) {
        put_type(d, port);
    }
    strbuf_put_char(&d->out, '\n');
    if (d->statistics) {
        put_statistics(&d->out, port->vport);
    }
}

static void show_datapath(struct dpctl *d, struct datapath *dp)
{
    struct dp_stats stats;
    dp->ops->get_stats(dp, &stats);
    strbuf_printf(&d->out, "%s@%s:\n", dp->ops->type, dp->name);
    strbuf_printf(&d->out, "  lookups: hit:%" PRIu64 " missed:%" PRIu64 " lost:%" PRIu64 "\n", stats.n_hit,
                  stats.n_missed, stats.n_lost);
    strbuf_printf(&d->out, "  flows: %" PRIu64 "\n", stats.n_flows);
    dp->ops->port_dump(dp, put_port, d);
}

static bool show(struct dpctl *d)
{
    for (int i = 0; i < d->argc; i++) {
        int error;
        struct datapath *dp = dpctl_find_datapath(d->argv[i], &error);
        if (!dp) {
            return dpctl_fail(d, error, "opening datapath %s failed", d->argv[i]);
        }
        show_datapath(d, dp);
    }
    if (!d->argc) {
        struct dpctl_all all;
        dpctl_collect(&all);
        for (size_t i = 0; i < all.n; i++) {
            show_datapath(d, all.list[i]);
        }
    }
    return true;
}

static bool dump_dps(struct dpctl *d)
{
    struct dpctl_all all;
    dpctl_collect(&all);
    for (size_t i = 0; i < all.n; i++) {
        strbuf_printf(&d->out, "%s@%s\n", all.list[i]->ops->type, all.list[i]->name);
    }
    return true;
}

/* ---- ports and datapaths ---- */

/* "NAME[,type=TYPE][,port_no=N][,OPTION=VALUE...]" */
struct wanted_port {
    char *words; /* owns what the others point into */
    const char *name, *type;
    uint32_t port_no; /* PACKET_NO_PORT: none is asked for */
    struct smap options;
};

static void parse_port(struct wanted_port *w, const char *text)
{
    char *save = NULL, *word;
    *w = (struct wanted_port){.words = xstrdup(text), .port_no = PACKET_NO_PORT, .options = SMAP_INITIALIZER};
    w->name = strtok_r(w->words, ",", &save);
    w->name = w->name ? w->name : "";
    while ((word = strtok_r(NULL, ",", &save)) != NULL) {
        char *equals = strchr(word, '=');
        if (equals) {
            *equals = '\0';
        }
        const char *value = equals ? equals + 1 : "";
        if (!strcmp(word, "type")) {
            w->type = value;
        } else if (!strcmp(word, "port_no")) {
            w->port_no = (uint32_t)atoi(value);
        } else {
            smap_set(&w->options, word, value);
        }
    }
}

static void free_port(struct wanted_port *w)
{
    free(w->words);
    smap_fini(&w->options);
}

/* Runs EACH for every port named after the datapath; false if one of them failed. */
static bool for_ports(struct dpctl *d, bool (*each)(struct dpctl *, struct datapath *, const char *text))
{
    int error;
    struct datapath *dp = dpctl_find_datapath(d->argv[0], &error);
    if (!dp) {
        return dpctl_fail(d, error, "opening datapath");
    }
    bool ok = true;
    for (int i = 1; i < d->argc; i++) {
        ok = each(d, dp, d->argv[i]) && ok;
    }
    return ok;
}

static bool add_port(struct dpctl *d, struct datapath *dp, const char *text)
{
    struct wanted_port w;
    struct dp_port_desc desc;
    char *why = NULL;
    parse_port(&w, text);
    bool there = !dp->ops->port_query_name(dp, w.name, &desc);
    int error = there
                    ? EEXIST
                    : dp->ops->port_add(dp, w.name, w.type ? w.type : "system", &w.options, &w.port_no, &why);
    if (error == EEXIST) {
        dpctl_fail(d, error, "adding %s to %s@%s failed", w.name, dp->ops->type, dp->name);
    } else if (error) {
        dpctl_fail(d, error, "%s: failed to open network device", w.name);
    }
    free(why);
    free_port(&w);
    return !error;
}

static bool add_if(struct dpctl *d)
{
    return for_ports(d, add_port);
}

static bool set_port(struct dpctl *d, struct datapath *dp, const char *text)
{
    struct wanted_port w;
    struct dp_port_desc desc;
    char *why = NULL;
    bool ok = true;
    parse_port(&w, text);
    int error = dp->ops->port_query_name(dp, w.name, &desc);
    if (error) {
        ok = dpctl_fail(d, error, "%s: failed to query port in %s@%s", w.name, dp->ops->type, dp->name);
    } else if (w.type && strcmp(w.type, desc.type)) {
        ok = dpctl_fail(d, 0, "%s: can't change type from %s to %s", w.name, desc.type, w.type);
    } else if (w.port_no != PACKET_NO_PORT && w.port_no != desc.port_no) {
        ok = dpctl_fail(d, 0, "%s: can't change port number from %u to %u", w.name, desc.port_no, w.port_no);
    } else {
        error = dp->ops->port_set_options(dp, desc.port_no, &w.options, &why);
        if (error) {
            ok = dpctl_fail(d, error, "%s: failed to set configuration", w.name);
        }
    }
    free(why);
    free_port(&w);
    return ok;
}

static bool set_if(struct dpctl *d)
{
    return for_ports(d, set_port);
}

static bool delete_port(struct dpctl *d, struct datapath *dp, const char *text)
{
    struct dp_port_desc desc;
    bool number = *text && text[strspn(text, "0123456789")] == '\0';
    desc.port_no = number ? (uint32_t)atoi(text) : PACKET_NO_PORT;
    if (!number && dp->ops->port_query_name(dp, text, &desc)) {
        return dpctl_fail(d, 0, "no port named %s", text);
    }
    int error = dp->ops->port_del(dp, desc.port_no);
    return !error ||
           dpctl_fail(d, error, "deleting port %s from %s@%s failed", text, dp->ops->type, dp->name);
}

static bool del_if(struct dpctl *d)
{
    return for_ports(d, delete_port);
}

/* A datapath made by hand lives until dpctl/del-dp: the command holds a reference. */
static bool add_dp(struct dpctl *d)
{
    char *why = NULL;
    struct datapath *dp;
    const char *at = strchr(d->argv[0], '@'), *name = at ? at + 1 : d->argv[0];
    char *type = at ? xmemdup0(d->argv[0], (size_t)(at - d->argv[0])) : xstrdup("system");
    int error = dpif_find(type, name) ? EEXIST : dpif_open(type, name, &dp, &why);
    free(type);
    free(why);
    if (error) {
        return dpctl_fail(d, error, "add_dp");
    }
    return d->argc < 2 || add_if(d);
}

static bool del_dp(struct dpctl *d)
{
    int error;
    struct datapath *dp = dpctl_find_datapath(d->argv[0], &error);
    if (!dp) {
        return dpctl_fail(d, error, "opening datapath");
    }
    if (!strcmp(dp->name, dp->ops->default_name)) {
        return dpctl_fail(d, EBUSY, "del_dp: bridges use datapath %s", dp->name);
    }
    dpif_close(dp);
    return true;
}

/* ---- drop/show: ours ---- */

static void put_drops(const struct dp_port_desc *port, void *pair_)
{
    void **pair = pair_;
    struct datapath *dp = pair[0];
    struct strbuf *s = pair[1];
    const char *only = pair[2];
    struct dp_port_drops drops;
    if (only && strcmp(only, port->name)) {
        return;
    }
    dp->ops->port_drops(dp, port->port_no, &drops);
    for (int r = 0; r < DROP_N_REASONS; r++) {
        if (drops.by_reason[r]) {
            strbuf_printf(s, "%-16s %-16s %12" PRIu64 "  %s\n", port->name,
                          drop_reason_name((enum drop_reason)r), drops.by_reason[r],
                          drop_reason_meaning((enum drop_reason)r));
        }
    }
}

static bool show_drops(struct dpctl *d)
{
    struct dpctl_all all;
    dpctl_collect(&all);
    strbuf_printf(&d->out, "%-16s %-16s %12s  %s\n", "port", "reason", "packets", "meaning");
    for (size_t i = 0; i < all.n; i++) {
        void *pair[] = {all.list[i], &d->out, d->argc ? (void *)(uintptr_t)d->argv[0] : NULL};
        all.list[i]->ops->port_dump(all.list[i], put_drops, pair);
    }
    return true;
}

/* ---- the table ---- */

const struct dpctl_command dpctl_port_commands[] = {
    {"dpctl/add-dp", "dp [iface...]", 1, DPCTL_MAX_ARGS, add_dp},
    {"dpctl/del-dp", "dp", 1, 1, del_dp},
    {"dpctl/add-if", "dp iface...", 2, DPCTL_MAX_ARGS, add_if},
    {"dpctl/del-if", "dp iface...", 2, DPCTL_MAX_ARGS, del_if},
    {"dpctl/set-if", "dp iface...", 2, DPCTL_MAX_ARGS, set_if},
    {"dpctl/dump-dps", "", 0, 0, dump_dps},
    {"dpctl/show", "[-s] [dp...]", 0, DPCTL_MAX_ARGS, show},
    {"drop/show", "[port]", 0, 1, show_drops},
};
const size_t dpctl_n_port_commands = ARRAY_SIZE(dpctl_port_commands);
