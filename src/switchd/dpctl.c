/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: an option or more, then the datapath (`TYPE@NAME`, or `NAME` of type system), which may be left
 * out where there is only one, then the command's own. */
#include "switchd/dpctl.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "action/text.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/smap.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "dpif/dpif.h"
#include "dpif/flow_text.h"
#include "flow/dpkey_text.h"
#include "flow/mask.h"
#include "packet/drop.h"

/* ---- words of the command line ---- */

struct dpctl {
    struct strbuf out;
    char *error; /* NULL: fine */
    int argc;    /* without the command's name and options */
    const char **argv;
    bool more, names, statistics;
};

static bool fail(struct dpctl *d, int error, const char *format, ...) PRINTF_FORMAT(3, 4);
static bool fail(struct dpctl *d, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *what = xvasprintf(format, args);
    va_end(args);
    free(d->error);
    d->error = error ? xasprintf("ovs-vswitchd: %s (%s)", what, strerror(error))
                     : xasprintf("ovs-vswitchd: %s", what);
    free(what);
    return false;
}

/* `type@name` or `name`. */
static void split_name(const char *text, char **type, const char **name)
{
    const char *at = strchr(text, '@');
    *type = at ? xmemdup0(text, (size_t)(at - text)) : xstrdup("system");
    *name = at ? at + 1 : text;
}

static struct datapath *find_datapath(const char *text, int *error)
{
    char *type;
    const char *name;
    split_name(text, &type, &name);
    *error = dpif_ops_lookup(type) ? ENODEV : EAFNOSUPPORT;
    struct datapath *dp = dpif_find(type, name);
    free(type);
    return dp;
}

struct all {
    struct datapath *list[64];
    size_t n;
};

static void collect(struct datapath *dp, void *all_)
{
    struct all *all = all_;
    if (all->n < ARRAY_SIZE(all->list)) {
        all->list[all->n++] = dp;
    }
}

/* The datapath that the first argument names if it can be one (more arguments than the command's own), else
 * the only one there is. */
static struct datapath *take_datapath(struct dpctl *d, int own_args)
{
    int error;
    if (d->argc > own_args) {
        struct datapath *dp = find_datapath(d->argv[0], &error);
        if (!dp) {
            fail(d, error, "opening datapath");
            return NULL;
        }
        d->argc--;
        d->argv++;
        return dp;
    }
    struct all all = {.n = 0};
    dpif_for_each(collect, &all);
    if (all.n != 1) {
        fail(d, 0,
             all.n ? "there is more than one datapath, name one: TYPE@NAME, as dpctl/dump-dps lists them"
                   : "no datapath exists");
        return NULL;
    }
    return all.list[0];
}

/* ---- ports' names ---- */

static const char *port_name(const struct port_names *names, uint32_t port_no)
{
    struct datapath *dp = names->aux;
    struct dp_port_desc desc;
    return dp->ops->port_query(dp, port_no, &desc) ? NULL : desc.name;
}

static bool port_number(const struct port_names *names, const char *name, uint32_t *port_no)
{
    struct datapath *dp = names->aux;
    struct dp_port_desc desc;
    bool found = !dp->ops->port_query_name(dp, name, &desc);
    if (found) {
        *port_no = desc.port_no;
    }
    return found;
}

static struct port_names names_of(struct datapath *dp)
{
    return (struct port_names){.name = port_name, .number = port_number, .aux = dp};
}

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

static void put_port(const struct dp_port_desc *port, void *d_)
{
    struct dpctl *d = d_;
    strbuf_printf(&d->out, "  port %u: %s", port->port_no, port->name);
    if (strcmp(port->type, "system")) {
        strbuf_printf(&d->out, " (%s)", port->type);
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
        struct datapath *dp = find_datapath(d->argv[i], &error);
        if (!dp) {
            return fail(d, error, "opening datapath %s failed", d->argv[i]);
        }
        show_datapath(d, dp);
    }
    if (!d->argc) {
        struct all all = {.n = 0};
        dpif_for_each(collect, &all);
        for (size_t i = 0; i < all.n; i++) {
            show_datapath(d, all.list[i]);
        }
    }
    return true;
}

static bool dump_dps(struct dpctl *d)
{
    struct all all = {.n = 0};
    dpif_for_each(collect, &all);
    for (size_t i = 0; i < all.n; i++) {
        strbuf_printf(&d->out, "%s@%s\n", all.list[i]->ops->type, all.list[i]->name);
    }
    return true;
}

/* ---- flows ---- */

struct dump {
    struct dpctl *d;
    const struct port_names *names; /* NULL: numbers */
};

static bool put_flow(const struct dp_flow_desc *flow, void *dump_)
{
    struct dump *dump = dump_;
    struct strbuf *s = &dump->d->out;
    bool more = dump->d->more;
    if (more) {
        dp_ufid_format(flow->ufid, s);
        strbuf_puts(s, ", ");
    }
    dp_flow_format(flow, dump->names, more, s);
    strbuf_put_char(s, '\n');
    return true;
}

static bool dump_flows(struct dpctl *d)
{
    int kept = 0;
    for (int i = 0; i < d->argc; i++) {
        const char *arg = d->argv[i];
        if (!strncmp(arg, "type=", 5)) {
            if (strcmp(arg + 5, "ovs") && strcmp(arg + 5, "all") && strcmp(arg + 5, "offloaded") &&
                strcmp(arg + 5, "non-offloaded") && strcmp(arg + 5, "tc") && strcmp(arg + 5, "dpdk")) {
                return fail(d, EINVAL, "Failed to parse type (%s)", arg + 5);
            }
        } else if (strncmp(arg, "filter=", 7) && strncmp(arg, "pmd=", 4)) {
            d->argv[kept++] = arg;
        } else if (!strncmp(arg, "filter=", 7)) {
            return fail(d, EOPNOTSUPP, "filter= is not there yet: filter the output");
        }
    }
    d->argc = kept;
    struct datapath *dp = take_datapath(d, 0);
    if (!dp) {
        return false;
    }
    struct port_names names = names_of(dp);
    struct dump dump = {.d = d, .names = d->names || d->more ? &names : NULL};
    size_t before = d->out.len;
    dp->ops->flow_dump(dp, put_flow, &dump);
    if (d->out.len > before) {
        static const char head[] = "flow-dump from the main thread:\n";
        struct strbuf whole = STRBUF_INITIALIZER;
        strbuf_puts(&whole, head);
        strbuf_put(&whole, d->out.text, d->out.len);
        strbuf_fini(&d->out);
        d->out = whole;
    }
    return true;
}

/* Parses what a flow is made of. KEY and MASK are the caller's (large). */
static bool parse_flow(struct dpctl *d, struct datapath *dp, const char *text, struct flow_key *key,
                       struct flow_mask *mask, struct dp_ufid *ufid)
{
    struct port_names names = names_of(dp);
    bool has_ufid = false;
    if (!strncmp(text, "ufid:", 5)) {
        const char *end = dp_ufid_parse(text, ufid);
        if (!end) {
            return fail(d, EINVAL, "parsing flow ufid");
        }
        has_ufid = true;
        text = end + strspn(end, ", ");
    }
    bool invalid = false;
    char *error = dpkey_parse(text, &names, key, &mask->bits, &invalid);
    if (error) {
        if (invalid) {
            fail(d, EINVAL, "updating flow table");
        } else {
            fail(d, EINVAL, "parsing flow key (%s)", error);
        }
        free(error);
        return false;
    }
    mask->blocks = (uint16_t)flow_key_used_blocks(&mask->bits);
    if (!has_ufid) {
        *ufid = dpif_flow_ufid(key, mask);
    }
    return true;
}

static bool put(struct dpctl *d, enum dp_put_flags flags)
{
    struct datapath *dp = take_datapath(d, 2);
    if (!dp) {
        return false;
    }
    struct flow_key *key = xzalloc_cacheline(sizeof *key);
    struct flow_mask *mask = xzalloc_cacheline(sizeof *mask);
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    struct port_names names = names_of(dp);
    struct dp_ufid ufid;
    bool ok = parse_flow(d, dp, d->argv[0], key, mask, &ufid);
    char *error = ok ? dp_actions_parse(d->argv[1], &names, &actions) : NULL;
    if (error) {
        ok = fail(d, EINVAL, "parsing actions");
        free(error);
    }
    if (ok) {
        struct dp_flow_desc desc = {.ufid = ufid,
                                    .key = key,
                                    .mask = mask,
                                    .actions = actions.data,
                                    .actions_len = actions.len,
                                    .origin = DP_FLOW_MANUAL};
        int code = dp->ops->flow_put(dp, &desc, flags, NULL);
        ok = !code || fail(d, code, "updating flow table");
    }
    bytebuf_fini(&actions);
    free(key);
    free(mask);
    return ok;
}

static bool add_flow(struct dpctl *d)
{
    return put(d, DP_PUT_CREATE);
}

static bool mod_flow(struct dpctl *d)
{
    return put(d, DP_PUT_MODIFY);
}

static bool del_flow(struct dpctl *d)
{
    struct datapath *dp = take_datapath(d, 1);
    if (!dp) {
        return false;
    }
    struct flow_key *key = xzalloc_cacheline(sizeof *key);
    struct flow_mask *mask = xzalloc_cacheline(sizeof *mask);
    struct dp_ufid ufid;
    bool ok = parse_flow(d, dp, d->argv[0], key, mask, &ufid);
    if (ok) {
        int code = dp->ops->flow_del(dp, ufid, NULL);
        if (code == ENOENT) {
            ok = fail(d, 0, "deleting flow (%s)\nPerhaps you need to specify a UFID?", strerror(code));
        } else if (code) {
            ok = fail(d, code, "deleting flow");
        }
    }
    free(key);
    free(mask);
    return ok;
}

static bool del_flows(struct dpctl *d)
{
    struct datapath *dp = take_datapath(d, 0);
    return dp && (!dp->ops->flow_flush(dp) || fail(d, EIO, "deleting all flows"));
}

static bool get_flow(struct dpctl *d)
{
    struct datapath *dp = take_datapath(d, 1);
    struct dp_ufid ufid;
    if (!dp) {
        return false;
    }
    if (!dp_ufid_parse(d->argv[0], &ufid)) {
        return fail(d, EINVAL, "parsing flow ufid");
    }
    struct bytebuf actions = BYTEBUF_INITIALIZER;
    struct dp_flow_desc desc;
    int code = dp->ops->flow_get(dp, ufid, &desc, &actions);
    if (!code) {
        struct port_names names = names_of(dp);
        struct dump dump = {.d = d, .names = d->names || d->more ? &names : NULL};
        put_flow(&desc, &dump);
    }
    bytebuf_fini(&actions);
    return !code || fail(d, code, "getting flow");
}

/* ---- actions ---- */

static bool parse_actions(struct dpctl *d)
{
    for (int i = 0; i < d->argc; i++) {
        struct bytebuf actions = BYTEBUF_INITIALIZER;
        char *error = dp_actions_parse(d->argv[i], NULL, &actions);
        if (error) {
            free(error);
            return fail(d, EINVAL, "odp_actions_from_string");
        }
        dp_actions_format(actions.data, actions.len, NULL, &d->out);
        strbuf_put_char(&d->out, '\n');
        bytebuf_fini(&actions);
    }
    return true;
}

/* ---- ports and datapaths ---- */

static bool add_if(struct dpctl *d)
{
    int error;
    struct datapath *dp = find_datapath(d->argv[0], &error);
    if (!dp) {
        return fail(d, error, "opening datapath");
    }
    bool ok = true;
    for (int i = 1; i < d->argc; i++) {
        struct smap options = SMAP_INITIALIZER;
        char *words = xstrdup(d->argv[i]), *save = NULL, *why = NULL;
        char *name = strtok_r(words, ",", &save), *word;
        const char *type = "system";
        uint32_t port_no = PACKET_NO_PORT;
        while ((word = strtok_r(NULL, ",", &save)) != NULL) {
            char *equals = strchr(word, '=');
            if (equals) {
                *equals = '\0';
            }
            const char *value = equals ? equals + 1 : "";
            if (!strcmp(word, "type")) {
                type = value;
            } else if (!strcmp(word, "port_no")) {
                port_no = (uint32_t)atoi(value);
            } else {
                smap_set(&options, word, value);
            }
        }
        int code = name ? dp->ops->port_add(dp, name, type, &options, &port_no, &why) : EINVAL;
        if (code) {
            ok = fail(d, code,
                      code == ENODEV ? "%s: failed to open network device" : "adding %s to datapath failed",
                      name ? name : "");
        }
        free(why);
        free(words);
        smap_fini(&options);
    }
    return ok;
}

static bool del_if(struct dpctl *d)
{
    int error;
    struct datapath *dp = find_datapath(d->argv[0], &error);
    if (!dp) {
        return fail(d, error, "opening datapath");
    }
    bool ok = true;
    for (int i = 1; i < d->argc; i++) {
        struct dp_port_desc desc;
        int code = dp->ops->port_query_name(dp, d->argv[i], &desc);
        if (code && *d->argv[i] >= '0' && *d->argv[i] <= '9') {
            code = dp->ops->port_query(dp, (uint32_t)atoi(d->argv[i]), &desc);
        }
        code = code ? code : dp->ops->port_del(dp, desc.port_no);
        ok = (!code || fail(d, code, "deleting port %s from datapath", d->argv[i])) && ok;
    }
    return ok;
}

/* A datapath made by hand lives until dpctl/del-dp: the command holds a reference. */
static bool add_dp(struct dpctl *d)
{
    char *type, *why = NULL;
    const char *name;
    struct datapath *dp;
    split_name(d->argv[0], &type, &name);
    int error = dpif_find(type, name) ? EEXIST : dpif_open(type, name, &dp, &why);
    free(type);
    free(why);
    if (error) {
        return fail(d, error, "add_dp");
    }
    return d->argc < 2 || add_if(d);
}

static bool del_dp(struct dpctl *d)
{
    int error;
    struct datapath *dp = find_datapath(d->argv[0], &error);
    if (!dp) {
        return fail(d, error, "opening datapath");
    }
    if (!strcmp(dp->name, dp->ops->default_name)) {
        return fail(d, EBUSY, "del_dp: bridges use datapath %s", dp->name);
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
    struct all all = {.n = 0};
    dpif_for_each(collect, &all);
    strbuf_printf(&d->out, "%-16s %-16s %12s  %s\n", "port", "reason", "packets", "meaning");
    for (size_t i = 0; i < all.n; i++) {
        void *pair[] = {all.list[i], &d->out, d->argc ? (void *)(uintptr_t)d->argv[0] : NULL};
        all.list[i]->ops->port_dump(all.list[i], put_drops, pair);
    }
    return true;
}

/* ---- dpif-netdev/: what the datapath tells of itself ---- */

static bool show_part(struct dpctl *d, const char *part)
{
    struct all all = {.n = 0};
    int error;
    if (d->argc) {
        all.list[0] = find_datapath(d->argv[0], &error);
        all.n = all.list[0] != NULL;
        if (!all.n) {
            return fail(d, error, "opening datapath %s failed", d->argv[0]);
        }
    } else {
        dpif_for_each(collect, &all);
    }
    for (size_t i = 0; i < all.n; i++) {
        all.list[i]->ops->show(all.list[i], part, 0, NULL, &d->out);
    }
    return true;
}

static bool pmd_stats_show(struct dpctl *d)
{
    return show_part(d, "pmd-stats-show");
}

static bool pmd_rxq_show(struct dpctl *d)
{
    return show_part(d, "pmd-rxq-show");
}

/* ---- the table ---- */

#define MAX_ARGS 64

static const struct dpctl_command {
    const char *name, *usage;
    int min_args, max_args;
    bool (*run)(struct dpctl *);
} commands[] = {
    {"dpctl/add-dp", "dp [iface...]", 1, MAX_ARGS, add_dp},
    {"dpctl/del-dp", "dp", 1, 1, del_dp},
    {"dpctl/add-if", "dp iface...", 2, MAX_ARGS, add_if},
    {"dpctl/del-if", "dp iface...", 2, MAX_ARGS, del_if},
    {"dpctl/dump-dps", "", 0, 0, dump_dps},
    {"dpctl/show", "[-s] [dp...]", 0, MAX_ARGS, show},
    {"dpctl/dump-flows", "[-m] [--names] [dp] [filter=..] [type=..] [pmd=..]", 0, 6, dump_flows},
    {"dpctl/add-flow", "[dp] flow actions", 2, 3, add_flow},
    {"dpctl/mod-flow", "[dp] flow actions", 2, 3, mod_flow},
    {"dpctl/get-flow", "[dp] ufid", 1, 2, get_flow},
    {"dpctl/del-flow", "[dp] flow", 1, 2, del_flow},
    {"dpctl/del-flows", "[dp] [file]", 0, 2, del_flows},
    {"dpctl/parse-actions", "actions", 1, MAX_ARGS, parse_actions},
    {"dpif-netdev/pmd-stats-show", "[-pmd core] [dp]", 0, 1, pmd_stats_show},
    {"dpif-netdev/pmd-rxq-show", "[-pmd core] [-secs secs] [dp]", 0, 1, pmd_rxq_show},
    {"drop/show", "[port]", 0, 1, show_drops},
};

static bool take_option(struct dpctl *d, const char *arg)
{
    bool known = true;
    if (!strcmp(arg, "-m") || !strcmp(arg, "--more")) {
        d->more = true;
    } else if (!strcmp(arg, "-s") || !strcmp(arg, "--statistics")) {
        d->statistics = true;
    } else if (!strcmp(arg, "--names")) {
        d->names = true;
    } else if (!strcmp(arg, "--no-names")) {
        d->names = false;
    } else {
        known = false;
    }
    return known;
}

/* The table's row is found by the command's name: the socket hands over only that. */
static const struct dpctl_command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}

static void run(struct control_request *request, int argc, const char *argv[], void *aux)
{
    const struct dpctl_command *command = find_command(argv[0]);
    const char *args[MAX_ARGS + 1];
    struct dpctl d = {.argv = args};
    for (int i = 1; i < argc && d.argc < MAX_ARGS; i++) {
        if (argv[i][0] != '-' || !argv[i][1]) {
            args[d.argc++] = argv[i];
        } else if (!take_option(&d, argv[i])) {
            char *text = xasprintf("Unrecognized option %s", argv[i]);
            control_reply_error(request, text);
            free(text);
            return;
        }
    }
    if (d.argc < command->min_args) {
        d.error =
            xasprintf("\"%s\" command requires at least %d arguments", command->name, command->min_args);
    } else if (d.argc > command->max_args) {
        d.error = xasprintf("\"%s\" command takes at most %d arguments", command->name, command->max_args);
    } else {
        command->run(&d);
    }
    if (d.error) {
        struct strbuf both = STRBUF_INITIALIZER;
        strbuf_puts(&both, strbuf_text(&d.out));
        strbuf_puts(&both, d.error);
        control_reply_error(request, strbuf_text(&both));
        strbuf_fini(&both);
    } else {
        control_reply(request, strbuf_text(&d.out));
    }
    free(d.error);
    strbuf_fini(&d.out);
}

void dpctl_register(struct control_server *server)
{
    static struct control_command rows[ARRAY_SIZE(commands)];
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        rows[i] = (struct control_command){commands[i].name, commands[i].usage, 0, INT_MAX, run};
    }
    control_register(server, rows, ARRAY_SIZE(rows), NULL);
}
