/* SPDX-License-Identifier: Apache-2.0 */
#include "port/tc.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "port/device.h"

#define MIN_PACKET 64 /* bytes of the shortest Ethernet frame, with its checksum: */
#define MPU        (MIN_PACKET - 4)

static struct nlmsghdr *begin(struct tc_request *r, uint16_t type, uint16_t flags, int ifindex,
                              uint32_t handle, uint32_t parent)
{
    struct tcmsg *tc;
    r->msg = nl_begin(r->buf, type, flags, sizeof *tc, &tc);
    tc->tcm_ifindex = ifindex;
    tc->tcm_handle = handle;
    tc->tcm_parent = parent;
    return r->msg;
}

static int transact(struct tc_request *r, nl_each_func *each, void *aux)
{
    struct nl_sock *sock = device_sock();
    return sock ? nl_transact(sock, r->msg, each, aux) : EMFILE;
}

int tc_finish(struct tc_request *r)
{
    return transact(r, NULL, NULL);
}

/* Qdiscs */

struct found_qdisc {
    bool found;
    uint32_t handle;
    char *kind;
};

static const struct tcmsg *tc_header(const struct nlmsghdr *msg, uint16_t type)
{
    return msg->nlmsg_type == type && mnl_nlmsg_get_payload_len(msg) >= sizeof(struct tcmsg)
               ? mnl_nlmsg_get_payload(msg)
               : NULL;
}

static int read_qdisc(const struct nlmsghdr *msg, void *found_)
{
    struct found_qdisc *found = found_;
    const struct tcmsg *tc = tc_header(msg, RTM_NEWQDISC);
    const struct nlattr *attr;
    if (!tc) {
        return 0;
    }
    mnl_attr_for_each(attr, msg, sizeof *tc)
    {
        if (mnl_attr_get_type(attr) == TCA_KIND && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
            snprintf(found->kind, TC_KIND_MAX, "%s", mnl_attr_get_str(attr));
        }
    }
    found->handle = tc->tcm_handle;
    found->found = true;
    return 0;
}

int tc_get_qdisc(int ifindex, char kind[TC_KIND_MAX], uint32_t *handle)
{
    struct tc_request r;
    struct found_qdisc found = {.kind = kind};
    kind[0] = '\0';
    *handle = 0;
    begin(&r, RTM_GETQDISC, NLM_F_ECHO, ifindex, 0, TC_H_ROOT);
    int error = transact(&r, read_qdisc, &found);
    *handle = found.handle;
    return error ? error : found.found ? 0 : ENOENT;
}

int tc_delete_qdisc(int ifindex)
{
    struct tc_request r;
    begin(&r, RTM_DELQDISC, 0, ifindex, 0, TC_H_ROOT);
    return tc_finish(&r);
}

void tc_begin_qdisc(struct tc_request *r, int ifindex, const char *kind)
{
    begin(r, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_HANDLE, TC_H_ROOT);
    mnl_attr_put_strz(r->msg, TCA_KIND, kind);
}

/* Classes */

void tc_begin_class(struct tc_request *r, int ifindex, const char *kind, uint32_t handle, uint32_t parent)
{
    begin(r, RTM_NEWTCLASS, NLM_F_CREATE, ifindex, handle, parent);
    mnl_attr_put_strz(r->msg, TCA_KIND, kind);
}

int tc_delete_class(int ifindex, uint32_t handle)
{
    struct tc_request r;
    begin(&r, RTM_DELTCLASS, 0, ifindex, handle, 0);
    return tc_finish(&r);
}

struct class_walk {
    void (*each)(uint32_t handle, const struct tc_count *, void *aux);
    void *aux;
};

static void read_stats(const struct nlattr *nest, struct tc_count *stats)
{
    const struct nlattr *attr;
    bool wide_packets = false;
    mnl_attr_for_each_nested(attr, nest)
    {
        const void *data = mnl_attr_get_payload(attr);
        size_t len = mnl_attr_get_payload_len(attr);
        if (mnl_attr_get_type(attr) == TCA_STATS_BASIC && len >= sizeof stats->bytes + sizeof(uint32_t)) {
            struct gnet_stats_basic basic = {.bytes = 0};
            memcpy(&basic, data, MIN(len, sizeof basic));
            stats->bytes = basic.bytes;
            stats->packets = wide_packets ? stats->packets : basic.packets;
        } else if (mnl_attr_get_type(attr) == TCA_STATS_QUEUE && len >= sizeof(struct gnet_stats_queue)) {
            struct gnet_stats_queue queue;
            memcpy(&queue, data, sizeof queue);
            stats->drops = queue.drops;
        } else if (mnl_attr_get_type(attr) == TCA_STATS_PKT64 && len == sizeof stats->packets) {
            memcpy(&stats->packets, data, sizeof stats->packets);
            wide_packets = true;
        }
    }
}

static int read_class(const struct nlmsghdr *msg, void *walk_)
{
    const struct class_walk *walk = walk_;
    const struct tcmsg *tc = tc_header(msg, RTM_NEWTCLASS);
    const struct nlattr *attr;
    struct tc_count stats = {.packets = 0};
    if (!tc) {
        return 0;
    }
    mnl_attr_for_each(attr, msg, sizeof *tc)
    {
        if (mnl_attr_get_type(attr) == TCA_STATS2) {
            read_stats(attr, &stats);
        }
    }
    walk->each(tc->tcm_handle, &stats, walk->aux);
    return 0;
}

static void keep_stats(uint32_t handle, const struct tc_count *stats, void *out)
{
    *(struct tc_count *)out = *stats;
}

int tc_get_class(int ifindex, uint32_t handle, uint32_t parent, struct tc_count *stats)
{
    struct tc_request r;
    struct class_walk walk = {keep_stats, stats};
    begin(&r, RTM_GETTCLASS, NLM_F_ECHO, ifindex, handle, parent);
    return transact(&r, read_class, &walk);
}

int tc_each_class(int ifindex, void (*each)(uint32_t handle, const struct tc_count *, void *aux), void *aux)
{
    struct tc_request r;
    struct class_walk walk = {each, aux};
    begin(&r, RTM_GETTCLASS, NLM_F_DUMP, ifindex, 0, 0);
    return transact(&r, read_class, &walk);
}

/* Times and rates */

/* What the kernel says in /proc/net/psched: its ticks are in T2US / US2T millionths of a second. */
static double ticks_per_us(void)
{
    static double value;
    if (value <= 0) {
        unsigned t2us = 0x3e8, us2t = 0x40, factor = 1000000;
        FILE *f = fopen("/proc/net/psched", "re");
        if (f) {
            unsigned a, b, c;
            if (fscanf(f, "%x %x %x", &a, &b, &c) == 3 && a && b && c) {
                t2us = a;
                us2t = b;
                factor = c;
            }
            fclose(f);
        }
        value = (double)t2us / us2t * factor / 1000000;
    }
    return value;
}

static uint32_t to_u32(double value)
{
    return value >= (double)UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

uint32_t tc_ticks(uint64_t rate, uint64_t bytes)
{
    return rate ? to_u32(ticks_per_us() * 1000000 * (double)bytes / (double)rate) : 0;
}

uint32_t tc_ticks_of_us(uint64_t us)
{
    return to_u32(ticks_per_us() * (double)us);
}

void tc_fill_rate(struct tc_ratespec *spec, uint32_t table[256], uint64_t rate, unsigned mtu)
{
    uint8_t cell_log = 0;
    while (mtu >> cell_log > 255) {
        cell_log++;
    }
    memset(spec, 0, sizeof *spec);
    spec->cell_log = cell_log;
    spec->mpu = MPU;
    spec->rate = (uint32_t)MIN(rate, (uint64_t)UINT32_MAX);
    for (unsigned i = 0; i < 256; i++) {
        table[i] = tc_ticks(rate, MAX((i + 1u) << cell_log, (unsigned)MPU));
    }
}
