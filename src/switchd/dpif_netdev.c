/* SPDX-License-Identifier: Apache-2.0 */
#include "switchd/dpif_netdev.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "dpif/dpif.h"
#include "switchd/dpctl_command.h"

/* ---- what the forwarding threads did: told by the datapath itself ---- */

static struct datapath *find_named(const struct dpctl_all *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++) {
        if (!strcmp(all->list[i]->name, name)) {
            return all->list[i];
        }
    }
    return NULL;
}

/* Of the datapath that an argument names; of all of them if none does. The command's name behind the slash
 * says what; options go to the datapath as they are. */
static void show(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct dpctl_all all;
    struct strbuf s = STRBUF_INITIALIZER;
    const char *which = strchr(argv[0], '/') + 1;
    dpctl_collect(&all);
    for (int i = 1; i < argc; i++) {
        struct datapath *dp = find_named(&all, argv[i]);
        if (dp) {
            all.list[0] = dp;
            all.n = 1;
        }
    }
    for (size_t i = 0; i < all.n; i++) {
        all.list[i]->ops->show(all.list[i], which, argc - 1, argv + 1, &s);
    }
    control_reply_steal(request, strbuf_steal(&s));
}

/* A datapath is named, or there is one; else the request is answered with an error. */
static bool is_there(struct control_request *request, int argc, const char *argv[])
{
    struct dpctl_all all;
    dpctl_collect(&all);
    if (argc > 1 ? find_named(&all, argv[1]) != NULL : all.n == 1) {
        return true;
    }
    control_reply_error(request, "please specify an existing datapath");
    return false;
}

/* Of the datapath that is named, or the only one. */
static void rebalance(struct control_request *request, int argc, const char *argv[], void *aux)
{
    if (is_there(request, argc, argv)) {
        show(request, argc, argv, aux);
    }
}

static void show_bonds(struct control_request *request, int argc, const char *argv[], void *aux)
{
    if (is_there(request, argc, argv)) {
        control_reply(request, ""); /* no bond balances in the datapath */
    }
}

/* ---- implementations: one of each ---- */

static unsigned n_threads(void)
{
    struct dpctl_all all;
    unsigned n = 0;
    dpctl_collect(&all);
    for (size_t i = 0; i < all.n; i++) {
        struct strbuf s = STRBUF_INITIALIZER;
        if (!all.list[i]->ops->show(all.list[i], "pmd-count", 0, NULL, &s)) {
            n += (unsigned)atoi(strbuf_text(&s));
        }
        strbuf_fini(&s);
    }
    return n;
}

/* "1,2" of as many threads as forward, or "none". */
static void put_threads(struct strbuf *s)
{
    unsigned n = n_threads();
    for (unsigned i = 0; i < n; i++) {
        strbuf_printf(s, i ? ",%u" : "%u", i);
    }
    if (!n) {
        strbuf_puts(s, "none");
    }
}

static void get_dpif_impl(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "Available DPIF implementations:\n  dpif_scalar (pmds: ");
    put_threads(&s);
    strbuf_puts(&s, ")\n");
    control_reply_steal(request, strbuf_steal(&s));
}

static void set_dpif_impl(struct control_request *request, int argc, const char *argv[], void *aux)
{
    if (!strcmp(argv[1], "dpif_scalar")) {
        control_reply(request, "DPIF implementation set to dpif_scalar.");
    } else {
        control_reply_error_steal(
            request,
            xasprintf("DPIF implementation not available: Unknown DPIF implementation %s.", argv[1]));
    }
}

static void get_parser(struct control_request *request, int argc, const char *argv[], void *aux)
{
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "Available MFEX implementations:\n  scalar (available: True pmds: ");
    put_threads(&s);
    strbuf_puts(&s, ")\n");
    control_reply_steal(request, strbuf_steal(&s));
}

static void set_parser(struct control_request *request, int argc, const char *argv[], void *aux)
{
    int first = argc > 3 && !strcmp(argv[1], "-pmd") ? 3 : 1;
    if (strcmp(argv[first], "scalar")) {
        control_reply_error_steal(
            request, xasprintf("Error: unknown miniflow extract implementation %s.", argv[first]));
    } else if (first == 3 && (unsigned)atoi(argv[2]) >= n_threads()) {
        control_reply_error_steal(
            request, xasprintf("Error: miniflow extract parser not changed, PMD thread %s not in "
                               "use, pass a valid pmd thread ID.",
                               argv[2]));
    } else {
        control_reply(request, "Miniflow extract implementation set to scalar.");
    }
}

static unsigned lookup_priority = 1; /* told back; there is nothing to choose from */

static void get_lookup(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply_steal(
        request, xasprintf("Available dpcls implementations:\n  generic (Use count: 0, Priority: %u)\n",
                           lookup_priority));
}

static void set_lookup(struct control_request *request, int argc, const char *argv[], void *aux)
{
    long priority = strtol(argv[2], NULL, 10);
    if (priority < 0 || priority > 255) {
        control_reply_error(request, "error converting priority, use integer in range 0-255");
    } else if (strcmp(argv[1], "generic")) {
        control_reply_error(request, "error, subtable lookup function not found");
    } else {
        lookup_priority = (unsigned)priority;
        control_reply(request, "Lookup priority change affected 0 dpcls ports and 0 subtables.");
    }
}

static void show_action_impl(struct control_request *request, int argc, const char *argv[], void *aux)
{
    control_reply(request, "Available Actions implementations:\n  scalar (available: Yes, active: Yes)\n");
}

static void set_action_impl(struct control_request *request, int argc, const char *argv[], void *aux)
{
    if (!strcmp(argv[1], "scalar")) {
        control_reply(request, "Action implementation set to scalar.");
    } else {
        control_reply_error_steal(request,
                                  xasprintf("Error: unknown action implementation, %s, specified!", argv[1]));
    }
}

static const struct control_command commands[] = {
    {"dpif-netdev/pmd-stats-show", "[-pmd core] [dp]", 0, 3, show},
    {"dpif-netdev/pmd-stats-clear", "[-pmd core] [dp]", 0, 3, show},
    {"dpif-netdev/pmd-rxq-show", "[-pmd core] [-secs secs] [dp]", 0, 5, show},
    {"dpif-netdev/pmd-perf-show", "[-nh] [-it iter-history-len] [-ms ms-history-len] [-pmd core] [dp]", 0, 8,
     show},
    {"dpif-netdev/pmd-rxq-rebalance", "[dp]", 0, 1, rebalance},
    {"dpif-netdev/bond-show", "[dp]", 0, 1, show_bonds},
    {"dpif-netdev/dpif-impl-get", "", 0, 0, get_dpif_impl},
    {"dpif-netdev/dpif-impl-set", "dpif_implementation_name", 1, 1, set_dpif_impl},
    {"dpif-netdev/miniflow-parser-get", "", 0, 0, get_parser},
    {"dpif-netdev/miniflow-parser-set", "[-pmd core] miniflow_implementation_name [study_pkt_cnt]", 1, 5,
     set_parser},
    {"dpif-netdev/subtable-lookup-info-get", "", 0, 0, get_lookup},
    {"dpif-netdev/subtable-lookup-prio-set", "[lookup_func] [prio]", 2, 2, set_lookup},
    {"odp-execute/action-impl-show", "", 0, 0, show_action_impl},
    {"odp-execute/action-impl-set", "name", 1, 1, set_action_impl},
};

void dpif_netdev_register(struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), NULL);
}
