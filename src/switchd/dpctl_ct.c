/* SPDX-License-Identifier: Apache-2.0 */
/* dpctl's commands about connections, fragments, caches and offload. The datapath tracks no connections yet
 * and reassembles nothing: what is asked for is answered with the truth (there are none), and what would be
 * set is refused (Operation not supported), with the reference's order of checks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "switchd/dpctl_command.h"

/* Takes "PREFIXnumber" off the end of the arguments. */
static void take_number(struct dpctl *d, const char *prefix)
{
    size_t n = strlen(prefix);
    if (d->argc) {
        const char *last = d->argv[d->argc - 1];
        char *end;
        if (!strncmp(last, prefix, n) && last[n]) {
            strtoul(last + n, &end, 10);
            d->argc -= !*end;
        }
    }
}

static bool no_entries(struct dpctl *d)
{
    take_number(d, "zone=");
    return dpctl_take_datapath(d, 1) != NULL;
}

/* A tuple is "ct_nw_src=...,ct_tp_dst=...". */
static bool is_tuple(const char *text)
{
    return !strncmp(text, "ct_", 3) && strchr(text, '=');
}

static bool flush(struct dpctl *d)
{
    int error;
    if (d->argc && dpctl_find_datapath(d->argv[0], &error)) {
        d->argv++;
        d->argc--;
    }
    for (int i = 0; i < d->argc; i++) {
        if (strncmp(d->argv[i], "zone=", 5) && *d->argv[i] && !is_tuple(d->argv[i])) {
            return dpctl_fail(d, EINVAL, "field %s missing value", d->argv[i]);
        }
    }
    d->argc = 0;
    return dpctl_take_datapath(d, 1) != NULL;
}

static bool stats_show(struct dpctl *d)
{
    bool ok = no_entries(d);
    if (ok) {
        strbuf_puts(&d->out, "Connections Stats:\n    Total: 0\n");
    }
    return ok;
}

static bool buckets(struct dpctl *d)
{
    take_number(d, "gt=");
    if (!dpctl_take_datapath(d, 1)) {
        return false;
    }
    strbuf_puts(&d->out, "Total Buckets: 1\nCurrent Connections: 0\n\n");
    return true;
}

static bool count(struct dpctl *d)
{
    bool ok = dpctl_take_datapath(d, 1) != NULL;
    if (ok) {
        strbuf_puts(&d->out, "0\n");
    }
    return ok;
}

/* What there is nothing to set in. WHAT: as the reference names the work when it fails. */
static bool refuse(struct dpctl *d, int max_args, const char *what)
{
    return dpctl_take_datapath(d, max_args) && dpctl_fail(d, EOPNOTSUPP, "%s", what);
}

static bool get_maxconns(struct dpctl *d)
{
    return refuse(d, 1, "maxconns could not be retrieved");
}

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

static bool set_maxconns(struct dpctl *d)
{
    if (!is_number(d->argv[d->argc - 1])) {
        return dpctl_fail(d, EINVAL, "maxconns missing or malformed");
    }
    return refuse(d, 2, "setting maxconns failed");
}

static bool get_seq_chk(struct dpctl *d)
{
    return refuse(d, 1, "TCP sequence checking query failed");
}

static bool enable_seq_chk(struct dpctl *d)
{
    return refuse(d, 1, "enabling TCP sequence checking failed");
}

static bool disable_seq_chk(struct dpctl *d)
{
    return refuse(d, 1, "disabling TCP sequence checking failed");
}

static bool get_limits(struct dpctl *d)
{
    int error;
    if (d->argc && !dpctl_find_datapath(d->argv[0], &error) && !strncmp(d->argv[0], "zone=", 5) &&
        d->argv[0][5 + strspn(d->argv[0] + 5, "0123456789,")]) {
        return dpctl_fail(d, EINVAL, "invalid zone");
    }
    return refuse(d, 2, "getting conntrack limits failed");
}

static bool set_limits(struct dpctl *d)
{
    int error;
    const char *first = d->argv[d->argc > 1 && dpctl_find_datapath(d->argv[0], &error) ? 1 : 0];
    if (!strchr(first, '=')) {
        return dpctl_fail(d, EINVAL, "field %s missing value", first);
    }
    return refuse(d, DPCTL_MAX_ARGS, "setting conntrack limits failed");
}

static bool del_limits(struct dpctl *d)
{
    const char *last = d->argv[d->argc - 1];
    if (strncmp(last, "zone=", 5)) {
        return dpctl_fail(d, EINVAL, "invalid argument %s", last);
    }
    return refuse(d, 2, "deleting conntrack limits failed");
}

/* Fragments. */

static bool fragment_family(struct dpctl *d, int place)
{
    const char *family = d->argc > place ? d->argv[d->argc - 1 - place] : "";
    return !strcmp(family, "v4") || !strcmp(family, "v6") ||
           dpctl_fail(d, EINVAL, "parameter missing: 'v4' for IPv4 or 'v6' for IPv6");
}

static bool ipf_enable(struct dpctl *d)
{
    return fragment_family(d, 0) && refuse(d, 2, "enabling fragmentation reassembly failed");
}

static bool ipf_disable(struct dpctl *d)
{
    return fragment_family(d, 0) && refuse(d, 2, "disabling fragmentation reassembly failed");
}

static bool ipf_min_frag(struct dpctl *d)
{
    if (!fragment_family(d, 1)) {
        return false;
    }
    if (!is_number(d->argv[d->argc - 1])) {
        return dpctl_fail(d, EINVAL, "parameter missing for minimum fragment size");
    }
    return refuse(d, 3, "setting minimum fragment size failed");
}

static bool ipf_max_nfrags(struct dpctl *d)
{
    if (!is_number(d->argv[d->argc - 1])) {
        return dpctl_fail(d, EINVAL, "parameter missing for maximum fragments");
    }
    return refuse(d, 2, "setting maximum fragments failed");
}

static bool ipf_status(struct dpctl *d)
{
    return refuse(d, 1, "ipf status could not be retrieved");
}

/* Caches whose size can be set, offload: there are none. */

static bool cache_get_size(struct dpctl *d)
{
    struct dpctl_all all;
    int error;
    dpctl_collect(&all);
    if (d->argc) {
        all.list[0] = dpctl_find_datapath(d->argv[0], &error);
        all.n = all.list[0] != NULL;
        if (!all.n) {
            return dpctl_fail(d, error, "Opening datapath %s failed", d->argv[0]);
        }
    }
    for (size_t i = 0; i < all.n; i++) {
        strbuf_printf(&d->out, "%s@%s:\n", all.list[i]->ops->type, all.list[i]->name);
    }
    return true;
}

static bool cache_set_size(struct dpctl *d)
{
    int error;
    if (!dpctl_find_datapath(d->argv[0], &error)) {
        return dpctl_fail(d, error, "Opening datapath");
    }
    return dpctl_fail(d, EOPNOTSUPP, "Setting caches not supported");
}

static bool offload_stats(struct dpctl *d)
{
    return dpctl_take_datapath(d, 1) && dpctl_fail(d, EINVAL, "retrieving offload statistics");
}

const struct dpctl_command dpctl_ct_commands[] = {
    {"dpctl/offload-stats-show", "[dp]", 0, 1, offload_stats},
    {"dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", 0, 4, no_entries},
    {"dpctl/flush-conntrack", "[dp] [zone=N] [ct-orig-tuple] [ct-reply-tuple]", 0, 4, flush},
    {"dpctl/cache-get-size", "[dp]", 0, 1, cache_get_size},
    {"dpctl/cache-set-size", "dp cache <size>", 3, 3, cache_set_size},
    {"dpctl/ct-stats-show", "[dp] [zone=N]", 0, 3, stats_show},
    {"dpctl/ct-bkts", "[dp] [gt=N]", 0, 2, buckets},
    {"dpctl/ct-set-maxconns", "[dp] maxconns", 1, 2, set_maxconns},
    {"dpctl/ct-get-maxconns", "[dp]", 0, 1, get_maxconns},
    {"dpctl/ct-get-nconns", "[dp]", 0, 1, count},
    {"dpctl/ct-enable-tcp-seq-chk", "[dp]", 0, 1, enable_seq_chk},
    {"dpctl/ct-disable-tcp-seq-chk", "[dp]", 0, 1, disable_seq_chk},
    {"dpctl/ct-get-tcp-seq-chk", "[dp]", 0, 1, get_seq_chk},
    {"dpctl/ct-set-limits", "[dp] [default=L] [zone=N,limit=L]...", 1, DPCTL_MAX_ARGS, set_limits},
    {"dpctl/ct-del-limits", "[dp] zone=N1[,N2]...", 1, 2, del_limits},
    {"dpctl/ct-get-limits", "[dp] [zone=N1[,N2]...]", 0, 2, get_limits},
    {"dpctl/ipf-set-enabled", "[dp] v4|v6", 1, 2, ipf_enable},
    {"dpctl/ipf-set-disabled", "[dp] v4|v6", 1, 2, ipf_disable},
    {"dpctl/ipf-set-min-frag", "[dp] v4|v6 minfragment", 2, 3, ipf_min_frag},
    {"dpctl/ipf-set-max-nfrags", "[dp] maxfrags", 1, 2, ipf_max_nfrags},
    {"dpctl/ipf-get-status", "[dp]", 0, 1, ipf_status},
};
const size_t dpctl_n_ct_commands = ARRAY_SIZE(dpctl_ct_commands);
