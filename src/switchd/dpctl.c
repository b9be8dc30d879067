/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: an option or more, then the datapath (`TYPE@NAME`, or `NAME` of type system), which may be left
 * out where there is only one, then the command's own. */
#include "switchd/dpctl.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "control/control.h"
#include "switchd/dpctl_command.h"
#include "switchd/dpif_netdev.h"

/* ---- what went wrong ---- */

static void say(struct dpctl *d, int error, const char *format, va_list args)
{
    char *what = xvasprintf(format, args);
    strbuf_printf(&d->out, error ? "ovs-vswitchd: %s (%s)\n" : "ovs-vswitchd: %s\n", what, strerror(error));
    free(what);
}

bool dpctl_fail(struct dpctl *d, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(d, error, format, args);
    va_end(args);
    d->failed = true;
    return false;
}

void dpctl_complain(struct dpctl *d, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(d, error, format, args);
    va_end(args);
}

/* ---- datapaths ---- */

struct datapath *dpctl_find_datapath(const char *text, int *error)
{
    const char *at = strchr(text, '@');
    char *type = at ? xmemdup0(text, (size_t)(at - text)) : xstrdup("system");
    *error = dpif_ops_lookup(type) ? ENODEV : EAFNOSUPPORT;
    struct datapath *dp = dpif_find(type, at ? at + 1 : text);
    free(type);
    return dp;
}

static void collect(struct datapath *dp, void *all_)
{
    struct dpctl_all *all = all_;
    if (all->n < ARRAY_SIZE(all->list)) {
        all->list[all->n++] = dp;
    }
}

void dpctl_collect(struct dpctl_all *all)
{
    all->n = 0;
    dpif_for_each(collect, all);
}

struct datapath *dpctl_take_datapath(struct dpctl *d, int max_args)
{
    int error;
    struct datapath *dp = d->argc ? dpctl_find_datapath(d->argv[0], &error) : NULL;
    if (dp) {
        d->argc--;
        d->argv++;
        return dp;
    }
    if (d->argc == max_args) {
        dpctl_fail(d, EINVAL, "datapath not found");
        return NULL;
    }
    struct dpctl_all all;
    dpctl_collect(&all);
    if (all.n != 1) {
        dpctl_fail(d, 0, all.n ? "multiple datapaths, specify one" : "no datapaths exist");
        dpctl_fail(d, EINVAL, "datapath not found");
        return NULL;
    }
    return all.list[0];
}

struct datapath *dpctl_take_datapath_before(struct dpctl *d, int n_args)
{
    const int argc = d->argc;
    if (argc > n_args) {
        return dpctl_take_datapath(d, argc);
    }
    d->argc = 0; /* what is there is the others */
    struct datapath *dp = dpctl_take_datapath(d, n_args + 1);
    d->argc = argc;
    return dp;
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

struct port_names dpctl_port_names(struct datapath *dp)
{
    return (struct port_names){.name = port_name, .number = port_number, .aux = dp};
}

/* ---- the tables ---- */

static bool list_commands(struct dpctl *);

static const struct dpctl_command general_commands[] = {
    {"dpctl/list-commands", "", 0, DPCTL_MAX_ARGS, list_commands},
};

/* In the order in which `dpctl/list-commands` prints them. */
static const struct table {
    const struct dpctl_command *commands;
    const size_t *n;
} tables[] = {
    {dpctl_port_commands, &dpctl_n_port_commands},
    {dpctl_flow_commands, &dpctl_n_flow_commands},
    {dpctl_ct_commands, &dpctl_n_ct_commands},
    {general_commands, &(const size_t){ARRAY_SIZE(general_commands)}},
    {dpctl_action_commands, &dpctl_n_action_commands},
};

static bool list_commands(struct dpctl *d)
{
    strbuf_puts(&d->out, "The available commands are:\n");
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (size_t i = 0; i < *tables[t].n; i++) {
            const struct dpctl_command *c = &tables[t].commands[i];
            if (!strncmp(c->name, "dpctl/", 6)) {
                strbuf_printf(&d->out, "  %-29s %s\n", c->name, c->usage);
            }
        }
    }
    return true;
}

static bool take_option(struct dpctl *d, const char *arg)
{
    static const struct {
        const char *name;
        size_t flag;
        bool value;
    } options[] = {
        {"-m", offsetof(struct dpctl, more), true},
        {"--more", offsetof(struct dpctl, more), true},
        {"-s", offsetof(struct dpctl, statistics), true},
        {"--statistics", offsetof(struct dpctl, statistics), true},
        {"--names", offsetof(struct dpctl, names), true},
        {"--no-names", offsetof(struct dpctl, names), false},
        {"--clear", offsetof(struct dpctl, clear), true},
        {"--may-create", offsetof(struct dpctl, may_create), true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (!strcmp(options[i].name, arg)) {
            *(bool *)((char *)d + options[i].flag) = options[i].value;
            return true;
        }
    }
    return false;
}

/* The socket hands over the command's name alone. */
static const struct dpctl_command *find_command(const char *name)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (size_t i = 0; i < *tables[t].n; i++) {
            if (!strcmp(tables[t].commands[i].name, name)) {
                return &tables[t].commands[i];
            }
        }
    }
    return NULL;
}

static void run(struct control_request *request, int argc, const char *argv[], void *aux)
{
    const struct dpctl_command *command = find_command(argv[0]);
    const char *args[DPCTL_MAX_ARGS + 1];
    struct dpctl d = {.argv = args};
    for (int i = 1; i < argc && d.argc < DPCTL_MAX_ARGS; i++) {
        if (d.argc || argv[i][0] != '-' || !argv[i][1]) {
            args[d.argc++] = argv[i];
        } else if (!take_option(&d, argv[i])) {
            control_reply_error_steal(request, xasprintf("Unrecognized option %s", argv[i]));
            return;
        }
    }
    if (d.argc < command->min_args) {
        d.failed = true;
        strbuf_printf(&d.out, "\"%s\" command requires at least %d arguments", command->name,
                      command->min_args);
    } else if (d.argc > command->max_args) {
        d.failed = true;
        strbuf_printf(&d.out, "\"%s\" command takes at most %d arguments", command->name, command->max_args);
    } else {
        command->run(&d);
    }
    if (d.failed) {
        control_reply_error(request, strbuf_text(&d.out));
    } else {
        control_reply(request, strbuf_text(&d.out));
    }
    strbuf_fini(&d.out);
}

void dpctl_register(struct control_server *server)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        size_t n = *tables[t].n;
        /* The server keeps the pointer: one table for each of ours, for as long as the process lives. */
        static struct control_command rows[ARRAY_SIZE(tables)][DPCTL_MAX_ARGS];
        for (size_t i = 0; i < n; i++) {
            const struct dpctl_command *c = &tables[t].commands[i];
            rows[t][i] = (struct control_command){c->name, c->usage, 0, INT_MAX, run};
        }
        control_register(server, rows[t], n, NULL);
    }
    dpif_netdev_register(server);
}
