/* SPDX-License-Identifier: Apache-2.0 */
/* dpctl's commands about connections, fragments, caches and offload. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "conntrack/tcp.h"
#include "conntrack/text.h"
#include "conntrack/tuple.h"
#include "pipeline/ct_flush.h"
#include "switchd/dpctl_command.h"
#include "wire/ipv4.h"

/* Takes "PREFIXnumber" off the end of the arguments; -1: there is none. */
static int64_t take_number(struct dpctl *d, const char *prefix)
{
    size_t n = strlen(prefix);
    if (d->argc) {
        const char *last = d->argv[d->argc - 1];
        char *end;
        if (!strncmp(last, prefix, n) && last[n]) {
            unsigned long value = strtoul(last + n, &end, 10);
            if (!*end) {
                d->argc--;
                return (int64_t)value;
            }
        }
    }
    return -1;
}

static int32_t take_zone(struct dpctl *d)
{
    int64_t zone = take_number(d, "zone=");
    return zone < 0 ? -1 : (int32_t)(zone & 0xffff);
}

static void dump_entry(const struct ct_entry *e, void *d_)
{
    struct dpctl *d = d_;
    ct_entry_format(&d->out, e, d->more, d->statistics);
    strbuf_put_char(&d->out, '\n');
}

static bool dump(struct dpctl *d)
{
    int32_t zone = take_zone(d);
    struct datapath *dp = dpctl_take_datapath(d, 1);
    if (!dp) {
        return false;
    }
    dp->ops->ct_dump(dp, zone, dump_entry, d);
    return true;
}

/* A tuple is "ct_nw_src=...,ct_tp_dst=..."; an empty one leaves its place free. */
static bool flush(struct dpctl *d)
{
    struct ct_flush f = {.has_zone = false};
    struct datapath *dp = NULL;
    int error, first = 0;
    if (d->argc && (dp = dpctl_find_datapath(d->argv[0], &error))) {
        d->argv++;
        d->argc--;
    }
    if (d->argc && !strncmp(d->argv[0], "zone=", 5)) {
        char *end;
        unsigned long zone = strtoul(d->argv[0] + 5, &end, 10);
        if (*end || end == d->argv[0] + 5 || zone > UINT16_MAX) {
            return dpctl_fail(d, EINVAL, "failed to parse zone");
        }
        f.has_zone = true;
        f.zone = (uint16_t)zone;
        first = 1;
    }
    struct ct_flush_tuple *tuples[] = {&f.orig, &f.reply};
    for (int i = first; i < d->argc && i < first + 2; i++) {
        char *text = *d->argv[i] ? ct_flush_tuple_parse(d->argv[i], &f, tuples[i - first]) : NULL;
        if (text) {
            dpctl_fail(d, EINVAL, "%s", text);
            free(text);
            return false;
        }
    }
    d->argc = 0;
    if (!dp && !(dp = dpctl_take_datapath(d, 1))) {
        return false;
    }
    if (!ct_flush_run(dp, &f) && ct_flush_is_whole(&f)) {
        return dpctl_fail(d, ENOENT, "failed to flush conntrack");
    }
    return true;
}

/* ------------------------------------------------------------------ statistics */

/* As the reference groups them. */
#define GROUPS(X)                                                                                            \
    X(TCP, IP_PROTO_TCP, "TCP")                                                                              \
    X(UDP, IP_PROTO_UDP, "UDP")                                                                              \
    X(SCTP, IP_PROTO_SCTP, "SCTP")                                                                           \
    X(ICMP, IP_PROTO_ICMP, "ICMP")                                                                           \
    X(ICMPV6, IP_PROTO_ICMPV6, "ICMPv6")
enum group {
#define X(NAME, PROTO, TEXT) GROUP_##NAME,
    GROUPS(X)
#undef X
    GROUP_OTHER,
    N_GROUPS
};
struct counts {
    uint32_t total, groups[N_GROUPS], states[CT_TCP_N_STATES];
};

static void count_entry(const struct ct_entry *e, void *counts_)
{
    static const uint8_t protos[] = {
#define X(NAME, PROTO, TEXT) PROTO,
        GROUPS(X)
#undef X
    };
    struct counts *c = counts_;
    unsigned g = 0;
    while (g < GROUP_OTHER && protos[g] != e->orig->proto) {
        g++;
    }
    c->total++;
    c->groups[g]++;
    if (e->is_tcp) {
        c->states[ct_tcp_joined_state(e->tcp_state)]++;
    }
}

static bool stats_show(struct dpctl *d)
{
    static const char *const names[] = {
#define X(NAME, PROTO, TEXT) TEXT,
        GROUPS(X)
#undef X
            "Other"};
    int32_t zone = take_zone(d);
    if (d->argc && !strcmp(d->argv[d->argc - 1], "verbose")) {
        d->argc--;
    }
    struct datapath *dp = dpctl_take_datapath(d, 1);
    struct counts c = {0};
    if (!dp) {
        return false;
    }
    dp->ops->ct_dump(dp, zone, count_entry, &c);
    strbuf_printf(&d->out, "Connections Stats:\n    Total: %u\n", c.total);
    for (unsigned g = 0; g < N_GROUPS; g++) {
        if (c.groups[g]) {
            strbuf_printf(&d->out, "  %s: %u\n", names[g], c.groups[g]);
        }
        if (g == GROUP_TCP && c.groups[g] && d->more) {
            strbuf_puts(&d->out, "    Conn per TCP states:\n");
            for (unsigned s = 0; s < CT_TCP_N_STATES; s++) {
                if (c.states[s]) {
                    strbuf_printf(&d->out, "\t  [%s]=%u\n", ct_tcp_state_name(s), c.states[s]);
                }
            }
        }
    }
    return true;
}

/* There is one bucket, as for the reference's userspace datapath: the table's own are no measure of anything.
 */
static bool buckets(struct dpctl *d)
{
    int64_t more_than = take_number(d, "gt=");
    struct datapath *dp = dpctl_take_datapath(d, 1);
    struct counts c = {0};
    if (!dp) {
        return false;
    }
    dp->ops->ct_dump(dp, -1, count_entry, &c);
    strbuf_printf(&d->out, "Total Buckets: 1\nCurrent Connections: %u\n\n", c.total);
    if (c.total && (int64_t)c.total > more_than) {
        strbuf_printf(&d->out,
                      "+-----------+-----------------------------------------+\n"
                      "|  Buckets  |         Connections per Buckets         |\n"
                      "+-----------+-----------------------------------------+\n"
                      "%4d..%3d   | %5u\n\n",
                      0, 7, c.total);
    }
    return true;
}

/* ------------------------------------------------------------------ settings */

static bool get(struct dpctl *d, enum dp_ct_param param, uint64_t *value)
{
    struct datapath *dp = dpctl_take_datapath(d, 1);
    if (dp) {
        *value = dp->ops->ct_get(dp, param);
    }
    return dp != NULL;
}

static bool print_number(struct dpctl *d, enum dp_ct_param param)
{
    uint64_t n;
    bool ok = get(d, param, &n);
    if (ok) {
        strbuf_printf(&d->out, "%llu\n", (unsigned long long)n);
    }
    return ok;
}

static bool count(struct dpctl *d)
{
    return print_number(d, DP_CT_NCONNS);
}

static bool get_maxconns(struct dpctl *d)
{
    return print_number(d, DP_CT_MAXCONNS);
}

/* The number that is the last argument, which is then taken off. */
static bool take_value(struct dpctl *d, unsigned long *n)
{
    const char *text = d->argv[d->argc - 1];
    char *end;
    errno = 0;
    *n = strtoul(text, &end, 10);
    bool ok = *text && text[0] != '-' && !*end && !errno && *n <= UINT32_MAX;
    d->argc -= ok;
    return ok;
}

/* Sets PARAM. WHAT is being done: "WHAT successful". */
static bool set(struct dpctl *d, enum dp_ct_param param, uint64_t value, const char *what)
{
    struct datapath *dp = dpctl_take_datapath(d, 1);
    if (!dp) {
        return false;
    }
    if (!dp->ops->ct_set(dp, param, value)) {
        strbuf_printf(&d->out, "%s successful\n", what);
        return true;
    }
    return dpctl_fail(d, EPERM, "%s failed", what);
}

static bool set_maxconns(struct dpctl *d)
{
    unsigned long n;
    return take_value(d, &n) ? set(d, DP_CT_MAXCONNS, n, "setting maxconns")
                             : dpctl_fail(d, EINVAL, "maxconns missing or malformed");
}

static bool get_seq_chk(struct dpctl *d)
{
    uint64_t on;
    bool ok = get(d, DP_CT_SEQ_CHK, &on);
    if (ok) {
        strbuf_printf(&d->out, "TCP sequence checking: %s\n", on ? "enabled" : "disabled");
    }
    return ok;
}

static bool enable_seq_chk(struct dpctl *d)
{
    return set(d, DP_CT_SEQ_CHK, 1, "enabling TCP sequence checking");
}

static bool disable_seq_chk(struct dpctl *d)
{
    return set(d, DP_CT_SEQ_CHK, 0, "disabling TCP sequence checking");
}

/* ------------------------------------------------------------------ limits of zones */

/* "zone=N1[,N2]...": calls EACH for each. False: not a list of numbers. */
static bool each_zone(struct dpctl *d, struct datapath *dp, const char *text,
                      void (*each)(struct dpctl *, struct datapath *, uint16_t zone))
{
    bool ok = !strncmp(text, "zone=", 5) && text[5];
    for (int pass = 0; ok && pass < 2; pass++) {
        const char *p = text + 5;
        while (ok && *p) {
            char *end;
            unsigned long zone = strtoul(p, &end, 10);
            ok = end != p && (*end == ',' || !*end);
            if (ok && pass) {
                each(d, dp, (uint16_t)zone);
            }
            p = *end ? end + 1 : end;
        }
    }
    return ok;
}

static void print_limit(const struct ct_zone_limit *limit, void *d_)
{
    struct dpctl *d = d_;
    strbuf_printf(&d->out, "zone=%d,limit=%u,count=%u\n", limit->zone, limit->limit, limit->count);
}

static void print_zone(struct dpctl *d, struct datapath *dp, uint16_t zone)
{
    struct ct_zone_limit limit;
    dp->ops->ct_get_limit(dp, zone, &limit);
    print_limit(&limit, d);
}

static void del_zone(struct dpctl *d, struct datapath *dp, uint16_t zone)
{
    dp->ops->ct_del_limit(dp, zone);
}

/* The last argument, if it is not the datapath's name. */
static const char *take_zones(struct dpctl *d)
{
    int error;
    if (!d->argc || (d->argc == 1 && dpctl_find_datapath(d->argv[0], &error))) {
        return NULL;
    }
    return d->argv[--d->argc];
}

static bool get_limits(struct dpctl *d)
{
    const char *zones = take_zones(d);
    struct datapath *dp = dpctl_take_datapath(d, 1);
    struct ct_zone_limit limit;
    if (!dp) {
        return false;
    }
    size_t start = d->out.len;
    dp->ops->ct_get_limit(dp, -1, &limit);
    strbuf_printf(&d->out, "default limit=%u\n", limit.limit);
    if (!zones) {
        dp->ops->ct_each_limit(dp, print_limit, d);
    } else if (!each_zone(d, dp, zones, print_zone)) {
        strbuf_truncate(&d->out, start);
        return dpctl_fail(d, EINVAL, "invalid zone");
    }
    return true;
}

/* "zone=N,limit=L" in any order. */
static bool parse_zone_limit(struct dpctl *d, const char *text, struct ct_zone_limit *out)
{
    char *copy = xstrdup(text), *rest = copy, *word;
    bool has_zone = false, has_limit = false, ok = true;
    while (ok && (word = strsep(&rest, ","))) {
        char *value = strchr(word, '='), *end;
        if (!value) {
            ok = dpctl_fail(d, EINVAL, "field %s missing value", word);
            break;
        }
        *value++ = '\0';
        unsigned long n = strtoul(value, &end, 10);
        bool is_number = *value && *value != '-' && !*end;
        if (!strcmp(word, "zone")) {
            has_zone = true;
            out->zone = (int32_t)n;
            ok = (is_number && n <= UINT16_MAX) || dpctl_fail(d, EINVAL, "failed to parse field zone");
        } else if (!strcmp(word, "limit")) {
            has_limit = true;
            out->limit = (uint32_t)n;
            ok = (is_number && n <= UINT32_MAX) || dpctl_fail(d, EINVAL, "failed to parse field limit");
        } else {
            ok = dpctl_fail(d, EINVAL, "invalid zone limit field: %s", word);
        }
    }
    free(copy);
    return ok && ((has_zone && has_limit) || dpctl_fail(d, EINVAL, "failed to parse zone limit"));
}

static bool set_limits(struct dpctl *d)
{
    struct ct_zone_limit limits[DPCTL_MAX_ARGS];
    int n = 0, error;
    struct datapath *dp = NULL;
    if (d->argc > 1 && (dp = dpctl_find_datapath(d->argv[0], &error))) {
        d->argv++;
        d->argc--;
    }
    for (int i = 0; i < d->argc; i++) {
        const char *text = d->argv[i];
        if (!i && !strncmp(text, "default=", 8)) {
            char *end;
            limits[n].zone = -1;
            limits[n++].limit = (uint32_t)strtoul(text + 8, &end, 10);
            if (!text[8] || *end) {
                return dpctl_fail(d, EINVAL, "invalid default limit");
            }
        } else if (!parse_zone_limit(d, text, &limits[n++])) {
            return false;
        }
    }
    d->argc = 0;
    if (!dp && !(dp = dpctl_take_datapath(d, 1))) {
        return false;
    }
    for (int i = 0; i < n; i++) { /* all of them are well */
        dp->ops->ct_set_limit(dp, limits[i].zone, limits[i].limit);
    }
    return true;
}

static bool del_limits(struct dpctl *d)
{
    const char *zones = d->argv[--d->argc];
    if (strncmp(zones, "zone=", 5)) {
        return dpctl_fail(d, EINVAL, "invalid argument %s", zones);
    }
    struct datapath *dp = dpctl_take_datapath(d, 1);
    return dp && (each_zone(d, dp, zones, del_zone) || dpctl_fail(d, EINVAL, "invalid zone"));
}

/* ------------------------------------------------------------------ fragments */

static bool fragment_family(struct dpctl *d, int place)
{
    const char *family = d->argc > place ? d->argv[d->argc - 1 - place] : "";
    return !strcmp(family, "v4") || !strcmp(family, "v6") ||
           dpctl_fail(d, EINVAL, "parameter missing: 'v4' for IPv4 or 'v6' for IPv6");
}

static bool is_v6(const char *family)
{
    return !strcmp(family, "v6");
}

static bool ipf_set_enabled(struct dpctl *d, uint64_t on, const char *what)
{
    if (!fragment_family(d, 0)) {
        return false;
    }
    bool v6 = is_v6(d->argv[--d->argc]);
    return set(d, v6 ? DP_CT_FRAG_V6 : DP_CT_FRAG_V4, on, what);
}

static bool ipf_enable(struct dpctl *d)
{
    return ipf_set_enabled(d, 1, "enabling fragmentation reassembly");
}

static bool ipf_disable(struct dpctl *d)
{
    return ipf_set_enabled(d, 0, "disabling fragmentation reassembly");
}

static bool ipf_min_frag(struct dpctl *d)
{
    unsigned long n;
    if (!fragment_family(d, 1)) {
        return false;
    }
    if (!take_value(d, &n)) {
        return dpctl_fail(d, EINVAL, "parameter missing for minimum fragment size");
    }
    bool v6 = is_v6(d->argv[--d->argc]);
    struct datapath *dp = dpctl_take_datapath(d, 1);
    if (!dp) {
        return false;
    }
    if (dp->ops->ct_set(dp, v6 ? DP_CT_MIN_FRAG_V6 : DP_CT_MIN_FRAG_V4, n)) {
        return dpctl_fail(d, EPERM, "requested minimum fragment size too small; see documentation");
    }
    strbuf_puts(&d->out, "setting minimum fragment size successful\n");
    return true;
}

static bool ipf_max_nfrags(struct dpctl *d)
{
    unsigned long n;
    return take_value(d, &n) ? set(d, DP_CT_MAX_FRAGS, n, "setting maximum fragments")
                             : dpctl_fail(d, EINVAL, "parameter missing for maximum fragments");
}

static void print_waiting(const struct ct_frag_entry *e, void *d_)
{
    struct dpctl *d = d_;
    ct_frag_entry_format(&d->out, e);
    strbuf_put_char(&d->out, '\n');
}

static bool ipf_status(struct dpctl *d)
{
    struct datapath *dp = dpctl_take_datapath(d, 1);
    struct ct_frag_status s;
    if (!dp) {
        return false;
    }
    dp->ops->ct_frag_status(dp, &s);
    strbuf_printf(&d->out,
                  "        Fragmentation Module Status\n"
                  "        ---------------------------\n"
                  "        v4 enabled: %u\n"
                  "        v6 enabled: %u\n"
                  "        max num frags (v4/v6): %u\n"
                  "        num frag: %u\n",
                  s.families[0].enabled, s.families[1].enabled, s.max_frags, s.n_frags);
    for (int v6 = 0; v6 < 2; v6++) {
        const struct ct_frag_family *f = &s.families[v6];
        const char *name = v6 ? "v6" : "v4";
        strbuf_printf(&d->out, "        min %s frag size: %u\n", name, f->min_size);
#define X(NAME, TEXT)                                                                                        \
    strbuf_printf(&d->out, "        %s frags %s: %llu\n", name, TEXT, (unsigned long long)f->NAME);
        CT_FRAG_COUNTERS(X)
#undef X
    }
    if (d->more) {
        strbuf_puts(&d->out, "\n        Fragment Lists:\n\n");
        dp->ops->ct_frag_dump(dp, print_waiting, d);
    }
    return true;
}

/* ------------------------------------------------------------------ caches whose size can be set, offload:
 * there are none */

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
    {"dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", 0, 4, dump},
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
