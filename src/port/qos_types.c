/* SPDX-License-Identifier: Apache-2.0 */
#include "port/qos_types.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/log.h"
#include "base/smap.h"
#include "port/vport.h"

LOG_MODULE(netdev_linux);

#define DEFAULT_RATE  (10000000000u / 8) /* where the link's is not known */
#define HTB_R2Q       10
#define BURST_EXTRA   64 /* bytes beyond the MTU that a burst has at least */
#define ETH_HEADER    14
#define DEFAULT_CLASS 1 /* minor: of queue 0 */

/* A number that may be left out; 0 is as good as left out. */
static uint64_t number(const struct smap *settings, const char *key, uint64_t fallback)
{
    const char *text = settings ? smap_get(settings, key) : NULL;
    char *end;
    if (!text || text[strspn(text, " \t")] == '-') {
        return fallback;
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    return errno || end == text || *end || !value ? fallback : value;
}

static uint32_t number32(const struct smap *settings, const char *key, uint32_t fallback)
{
    return (uint32_t)MIN(number(settings, key, fallback), (uint64_t)UINT32_MAX);
}

/* Types with classes: linux-htb and linux-hfsc. */

static void parse_rate(const struct vport *vport, const struct smap *settings, struct qos_params *p)
{
    p->max_rate = number(settings, "max-rate", 0) / 8;
    if (!p->max_rate) {
        p->max_rate = vport->status.speed_bps ? vport->status.speed_bps / 8 : DEFAULT_RATE;
    }
}

static void show_rate(const struct qos_params *p, qos_setting_func *each, void *aux)
{
    each("max-rate", p->max_rate * 8, aux);
}

static void parse_rates(const struct qos_params *p, const struct smap *settings, uint64_t least,
                        struct qos_class *c)
{
    c->min_rate = MIN(MAX(number(settings, "min-rate", 0) / 8, least), p->max_rate);
    c->max_rate = MIN(MAX(number(settings, "max-rate", p->max_rate * 8) / 8, c->min_rate), p->max_rate);
}

static void show_rates(const struct qos_class *c, qos_setting_func *each, void *aux)
{
    each("min-rate", c->min_rate * 8, aux);
    if (c->max_rate != c->min_rate) {
        each("max-rate", c->max_rate * 8, aux);
    }
}

static int htb_put_qdisc(struct tc_request *r, const struct vport *vport, const struct qos_params *p)
{
    const struct tc_htb_glob options = {.version = 3, .rate2quantum = HTB_R2Q, .defcls = DEFAULT_CLASS};
    struct nlattr *nest = mnl_attr_nest_start(r->msg, TCA_OPTIONS);
    mnl_attr_put(r->msg, TCA_HTB_INIT, sizeof options, &options);
    mnl_attr_nest_end(r->msg, nest);
    return 0;
}

static void htb_parse_class(const struct qos_params *p, const struct smap *settings, struct qos_class *c)
{
    parse_rates(p, settings, p->mtu, c);
    c->burst = MAX(number(settings, "burst", 0) / 8, (uint64_t)p->mtu + BURST_EXTRA);
    c->priority = number32(settings, "priority", 0);
}

static void htb_root_class(const struct qos_params *p, struct qos_class *c)
{
    *c = (struct qos_class){.min_rate = p->max_rate, .max_rate = p->max_rate, .burst = p->mtu};
}

static void htb_put_class(struct tc_request *r, const struct qos_params *p, const struct qos_class *c)
{
    uint32_t rates[256], ceilings[256];
    struct tc_htb_opt options = {
        .buffer = tc_ticks(c->min_rate, c->burst),
        .cbuffer = tc_ticks(c->max_rate, c->burst),
        .quantum = c->min_rate / HTB_R2Q < p->mtu ? p->mtu : 0, /* 0: the kernel's, by the rate */
        .prio = c->priority,
    };
    tc_fill_rate(&options.rate, rates, c->min_rate, p->mtu);
    tc_fill_rate(&options.ceil, ceilings, c->max_rate, p->mtu);
    struct nlattr *nest = mnl_attr_nest_start(r->msg, TCA_OPTIONS);
    mnl_attr_put(r->msg, TCA_HTB_PARMS, sizeof options, &options);
    mnl_attr_put(r->msg, TCA_HTB_RTAB, sizeof rates, rates);
    mnl_attr_put(r->msg, TCA_HTB_CTAB, sizeof ceilings, ceilings);
    if (c->min_rate > UINT32_MAX) {
        mnl_attr_put_u64(r->msg, TCA_HTB_RATE64, c->min_rate);
    }
    if (c->max_rate > UINT32_MAX) {
        mnl_attr_put_u64(r->msg, TCA_HTB_CEIL64, c->max_rate);
    }
    mnl_attr_nest_end(r->msg, nest);
}

static void htb_show_class(const struct qos_class *c, qos_setting_func *each, void *aux)
{
    each("burst", c->burst * 8, aux);
    if (c->priority) {
        each("priority", c->priority, aux);
    }
    show_rates(c, each, aux);
}

static int hfsc_put_qdisc(struct tc_request *r, const struct vport *vport, const struct qos_params *p)
{
    const struct tc_hfsc_qopt options = {.defcls = DEFAULT_CLASS};
    mnl_attr_put(r->msg, TCA_OPTIONS, sizeof options, &options);
    return 0;
}

static void hfsc_parse_class(const struct qos_params *p, const struct smap *settings, struct qos_class *c)
{
    parse_rates(p, settings, 1, c);
}

static void hfsc_root_class(const struct qos_params *p, struct qos_class *c)
{
    *c = (struct qos_class){.min_rate = p->max_rate, .max_rate = p->max_rate};
}

static void hfsc_put_class(struct tc_request *r, const struct qos_params *p, const struct qos_class *c)
{
    const struct tc_service_curve least = {.m2 = (uint32_t)MIN(c->min_rate, (uint64_t)UINT32_MAX)};
    const struct tc_service_curve most = {.m2 = (uint32_t)MIN(c->max_rate, (uint64_t)UINT32_MAX)};
    struct nlattr *nest = mnl_attr_nest_start(r->msg, TCA_OPTIONS);
    mnl_attr_put(r->msg, TCA_HFSC_RSC, sizeof least, &least);
    mnl_attr_put(r->msg, TCA_HFSC_FSC, sizeof least, &least);
    mnl_attr_put(r->msg, TCA_HFSC_USC, sizeof most, &most);
    mnl_attr_nest_end(r->msg, nest);
}

/* Types that are a few numbers. */

static void sfq_parse(const struct vport *vport, const struct smap *settings, struct qos_params *p)
{
    p->values[0] = number32(settings, "quantum", p->mtu);
    p->values[1] = number32(settings, "perturb", 10);
}

static int sfq_put_qdisc(struct tc_request *r, const struct vport *vport, const struct qos_params *p)
{
    const struct tc_sfq_qopt options = {.quantum = p->values[0], .perturb_period = (int)p->values[1]};
    mnl_attr_put(r->msg, TCA_OPTIONS, sizeof options, &options);
    return 0;
}

static void sfq_log(const struct vport *vport, const struct qos_params *p, int error)
{
    LOG_WARN("failed to replace %s qdisc, quantum %u, perturb %u error %d(%s)", vport->name, p->values[0],
             p->values[1], error, strerror(error));
}

static void sfq_show(const struct qos_params *p, qos_setting_func *each, void *aux)
{
    each("quantum", p->values[0], aux);
    each("perturb", p->values[1], aux);
}

static void codel_parse(const struct vport *vport, const struct smap *settings, struct qos_params *p)
{
    p->values[0] = number32(settings, "limit", 10240);
    p->values[1] = number32(settings, "interval", 100000);
    p->values[2] = number32(settings, "target", 5000);
}

static int codel_put_qdisc(struct tc_request *r, const struct vport *vport, const struct qos_params *p)
{
    struct nlattr *nest = mnl_attr_nest_start(r->msg, TCA_OPTIONS);
    mnl_attr_put_u32(r->msg, TCA_CODEL_TARGET, p->values[2]);
    mnl_attr_put_u32(r->msg, TCA_CODEL_LIMIT, p->values[0]);
    mnl_attr_put_u32(r->msg, TCA_CODEL_INTERVAL, p->values[1]);
    mnl_attr_nest_end(r->msg, nest);
    return 0;
}

static void codel_log(const struct vport *vport, const struct qos_params *p, int error)
{
    LOG_WARN("failed to replace %s qdisc, target %u, limit %u, interval %u error %d(%s)", vport->name,
             p->values[2], p->values[0], p->values[1], error, strerror(error));
}

static void codel_show(const struct qos_params *p, qos_setting_func *each, void *aux)
{
    each("limit", p->values[0], aux);
    each("interval", p->values[1], aux);
    each("target", p->values[2], aux);
}

static void fq_codel_parse(const struct vport *vport, const struct smap *settings, struct qos_params *p)
{
    p->values[0] = number32(settings, "limit", 10240);
    p->values[1] = number32(settings, "quantum", ETH_HEADER + 1500);
    p->values[2] = number32(settings, "flows", 1024);
    p->values[3] = number32(settings, "interval", 1000000);
    p->values[4] = number32(settings, "target", 5000);
}

static int fq_codel_put_qdisc(struct tc_request *r, const struct vport *vport, const struct qos_params *p)
{
    struct nlattr *nest = mnl_attr_nest_start(r->msg, TCA_OPTIONS);
    mnl_attr_put_u32(r->msg, TCA_FQ_CODEL_TARGET, p->values[4]);
    mnl_attr_put_u32(r->msg, TCA_FQ_CODEL_LIMIT, p->values[0]);
    mnl_attr_put_u32(r->msg, TCA_FQ_CODEL_INTERVAL, p->values[3]);
    mnl_attr_put_u32(r->msg, TCA_FQ_CODEL_FLOWS, p->values[2]);
    mnl_attr_put_u32(r->msg, TCA_FQ_CODEL_QUANTUM, p->values[1]);
    mnl_attr_nest_end(r->msg, nest);
    return 0;
}

static void fq_codel_log(const struct vport *vport, const struct qos_params *p, int error)
{
    LOG_WARN(
        "failed to replace %s qdisc, target %u, limit %u, interval %u, flows %u, quantum %u error %d(%s)",
        vport->name, p->values[4], p->values[0], p->values[3], p->values[2], p->values[1], error,
        strerror(error));
}

static void fq_codel_show(const struct qos_params *p, qos_setting_func *each, void *aux)
{
    static const char *const keys[] = {"limit", "quantum", "flows", "interval", "target"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        each(keys[i], p->values[i], aux);
    }
}

static void netem_parse(const struct vport *vport, const struct smap *settings, struct qos_params *p)
{
    p->values[0] = number32(settings, "limit", 1000);
    p->values[1] = number32(settings, "loss", 0);
    p->values[2] = number32(settings, "latency", 0);
}

static int netem_put_qdisc(struct tc_request *r, const struct vport *vport, const struct qos_params *p)
{
    if (p->values[1] > 100) {
        LOG_WARN("loss should be a percentage value between 0 to 100, loss was %u", p->values[1]);
        return EINVAL;
    }
    const struct tc_netem_qopt options = {
        .latency = tc_ticks_of_us(p->values[2]),
        .limit = p->values[0],
        .loss = (uint32_t)((uint64_t)UINT32_MAX * p->values[1] / 100),
    };
    mnl_attr_put(r->msg, TCA_OPTIONS, sizeof options, &options);
    return 0;
}

static void netem_log(const struct vport *vport, const struct qos_params *p, int error)
{
    LOG_WARN("failed to replace %s qdisc, latency %u, limit %u, loss %u error %d(%s)", vport->name,
             p->values[2], p->values[0], p->values[1], error, strerror(error));
}

static void netem_show(const struct qos_params *p, qos_setting_func *each, void *aux)
{
    each("limit", p->values[0], aux);
    each("loss", p->values[1], aux);
    each("latency", p->values[2], aux);
}

/* In the order in which the reference lists them. */
static const struct qos_type types[] = {
    {
        .name = "linux-netem",
        .kind = "netem",
        .parse = netem_parse,
        .put_qdisc = netem_put_qdisc,
        .log_failure = netem_log,
        .show = netem_show,
    },
    {
        .name = "linux-fq_codel",
        .kind = "fq_codel",
        .parse = fq_codel_parse,
        .put_qdisc = fq_codel_put_qdisc,
        .log_failure = fq_codel_log,
        .show = fq_codel_show,
    },
    {
        .name = "linux-codel",
        .kind = "codel",
        .parse = codel_parse,
        .put_qdisc = codel_put_qdisc,
        .log_failure = codel_log,
        .show = codel_show,
    },
    {
        .name = "linux-hfsc",
        .kind = "hfsc",
        .has_classes = true,
        .parse = parse_rate,
        .put_qdisc = hfsc_put_qdisc,
        .show = show_rate,
        .parse_class = hfsc_parse_class,
        .root_class = hfsc_root_class,
        .put_class = hfsc_put_class,
        .show_class = show_rates,
    },
    {.name = "linux-noop"},
    {
        .name = "linux-sfq",
        .kind = "sfq",
        .parse = sfq_parse,
        .put_qdisc = sfq_put_qdisc,
        .log_failure = sfq_log,
        .show = sfq_show,
    },
    {
        .name = "linux-htb",
        .kind = "htb",
        .has_classes = true,
        .parse = parse_rate,
        .put_qdisc = htb_put_qdisc,
        .show = show_rate,
        .parse_class = htb_parse_class,
        .root_class = htb_root_class,
        .put_class = htb_put_class,
        .show_class = htb_show_class,
    },
};

const struct qos_type *qos_type_at(unsigned i)
{
    return i < ARRAY_SIZE(types) ? &types[i] : NULL;
}

const struct qos_type *qos_type_lookup(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (!strcmp(types[i].name, name)) {
            return &types[i];
        }
    }
    return NULL;
}
