/* SPDX-License-Identifier: Apache-2.0 */
#include "port/gate.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/netlink.h"
#include "port/device.h"
#include "port/kinds.h"
#include "port/shortcut.h"

LOG_MODULE(netdev_linux);

#define NAME       "sluice_gate"
#define NAME_QDISC ",qdisc"
#define NAME_LRO   ",lro"
#define PREFERENCE 1 /* before any filter that was given no preference of its own */

#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS  TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

/* The programs are the process's, one pair for all devices. The array's descriptor is what keeps gates shut.
 */
static struct {
    int array_fd, gate_fd; /* -1: not loaded */
    uint32_t gate_id;
} bpf = {-1, -1, 0};

static int load_program(const char *name, const struct bpf_insn *insns, size_t n, int *fd)
{
    *fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "Dual MIT/GPL", insns, n, NULL);
    return *fd < 0 ? -*fd : 0;
}

static int load_programs(char **errorp)
{
    if (bpf.gate_fd >= 0) {
        return 0;
    }
    const struct bpf_insn drop[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int drop_fd, error;
    int array_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "sluice_gate", 4, 4, 1, NULL);
    if (array_fd < 0) {
        error = -array_fd;
        *errorp = xasprintf("cannot make the eBPF program array of its gate: %s", strerror(error));
        return error;
    }
    const struct bpf_insn gate[] = {
        /* r1 is the packet's context, as the program was entered with it */
        {.code = BPF_LD | BPF_DW | BPF_IMM,
         .dst_reg = BPF_REG_2,
         .src_reg = BPF_PSEUDO_MAP_FD,
         .imm = array_fd},
        {.code = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int gate_fd = -1;
    drop_fd = shortcut_gate_program(); /* drops, but what is to go straight on */
    error = drop_fd >= 0 ? 0 : load_program("sluice_drop", drop, ARRAY_SIZE(drop), &drop_fd);
    if (!error) {
        const uint32_t slot = 0;
        error = load_program("sluice_gate", gate, ARRAY_SIZE(gate), &gate_fd);
        if (!error && bpf_map_update_elem(array_fd, &slot, &drop_fd, BPF_ANY) < 0) {
            error = errno;
        }
        close(drop_fd); /* the array holds it */
    }
    struct bpf_prog_info info;
    memset(&info, 0, sizeof info);
    uint32_t info_len = sizeof info;
    if (!error && bpf_obj_get_info_by_fd(gate_fd, &info, &info_len) < 0) {
        error = errno;
    }
    if (error) {
        *errorp = xasprintf("cannot load the eBPF program of its gate: %s", strerror(error));
        close(array_fd);
        if (gate_fd >= 0) {
            close(gate_fd);
        }
        return error;
    }
    bpf.array_fd = array_fd;
    bpf.gate_fd = gate_fd;
    bpf.gate_id = info.id;
    return 0;
}

/* A gate as it is found on a device. */
struct found {
    bool present;
    uint32_t info, handle; /* of the filter: preference and protocol; handle */
    uint32_t prog_id;
    bool qdisc, lro;
    unsigned n_others; /* filters that are not ours */
};

static int find_gate(const struct nlmsghdr *msg, void *found_)
{
    struct found *found = found_;
    if (msg->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(msg) < sizeof(struct tcmsg)) {
        return 0;
    }
    const struct tcmsg *tc = mnl_nlmsg_get_payload(msg);
    const struct nlattr *attr, *options = NULL, *inner;
    const char *kind = "", *name = "";
    uint32_t id = 0;
    mnl_attr_for_each(attr, msg, sizeof *tc)
    {
        if (mnl_attr_get_type(attr) == TCA_KIND && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
            kind = mnl_attr_get_str(attr);
        } else if (mnl_attr_get_type(attr) == TCA_OPTIONS) {
            options = attr;
        }
    }
    if (!options) {
        return 0; /* the classifier itself: its filters follow in messages of their own */
    }
    if (!strcmp(kind, "bpf")) {
        mnl_attr_for_each_nested(inner, options)
        {
            if (mnl_attr_get_type(inner) == TCA_BPF_NAME &&
                mnl_attr_validate(inner, MNL_TYPE_NUL_STRING) >= 0) {
                name = mnl_attr_get_str(inner);
            } else if (mnl_attr_get_type(inner) == TCA_BPF_ID &&
                       mnl_attr_validate(inner, MNL_TYPE_U32) >= 0) {
                id = mnl_attr_get_u32(inner);
            }
        }
    }
    size_t n = strlen(NAME);
    if (strncmp(name, NAME, n) || (name[n] && name[n] != ',')) {
        found->n_others++;
        return 0;
    }
    found->present = true;
    found->info = tc->tcm_info;
    found->handle = tc->tcm_handle;
    found->prog_id = id;
    found->qdisc = strstr(name, NAME_QDISC) != NULL;
    found->lro = strstr(name, NAME_LRO) != NULL;
    return 0;
}

static int dump_filters(int ifindex, uint32_t parent, struct found *found)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct tcmsg *tc;
    struct nl_sock *sock = device_sock();
    if (!sock) {
        return EMFILE;
    }
    struct nlmsghdr *msg = nl_begin(buf, RTM_GETTFILTER, NLM_F_DUMP, sizeof *tc, &tc);
    tc->tcm_ifindex = ifindex;
    tc->tcm_parent = parent;
    int error = nl_transact(sock, msg, find_gate, found);
    return error == EINVAL || error == ENOENT ? 0 : error; /* no such qdisc: no filter */
}

/* Does the array that program ID tail-calls through still hold its entry? Then its daemon lives. */
static bool is_alive(uint32_t id)
{
    int prog_fd = bpf_prog_get_fd_by_id(id);
    if (prog_fd < 0) {
        return false;
    }
    uint32_t map_ids[1] = {0}, prog_info_len;
    struct bpf_prog_info info;
    memset(&info, 0, sizeof info);
    info.nr_map_ids = 1;
    info.map_ids = (uint64_t)(uintptr_t)map_ids;
    prog_info_len = sizeof info;
    bool alive = false;
    if (!bpf_obj_get_info_by_fd(prog_fd, &info, &prog_info_len) && info.nr_map_ids >= 1) {
        int map_fd = bpf_map_get_fd_by_id(map_ids[0]);
        if (map_fd >= 0) {
            uint32_t slot = 0, entry;
            alive = !bpf_map_lookup_elem(map_fd, &slot, &entry);
            close(map_fd);
        }
    }
    close(prog_fd);
    return alive;
}

static enum gate_state judge(const struct found *found)
{
    return !found->present                                     ? GATE_NONE
           : bpf.gate_fd >= 0 && found->prog_id == bpf.gate_id ? GATE_OURS
           : is_alive(found->prog_id)                          ? GATE_ALIEN
                                                               : GATE_STALE;
}

int gate_inspect(int ifindex, enum gate_state *state, bool *lro_was)
{
    struct found found;
    memset(&found, 0, sizeof found);
    int error = dump_filters(ifindex, INGRESS, &found);
    *state = error ? GATE_NONE : judge(&found);
    if (lro_was) {
        *lro_was = *state == GATE_STALE && found.lro;
    }
    return error;
}

/* An AF_XDP port's program goes with its daemon: if it is there, the daemon lives. */
static bool has_afxdp_port(const struct device_info *device)
{
    int fd = device->xdp_prog_id ? bpf_prog_get_fd_by_id(device->xdp_prog_id) : -1;
    if (fd < 0) {
        return false;
    }
    struct bpf_prog_info info;
    uint32_t len = sizeof info;
    memset(&info, 0, sizeof info);
    bool ours = !bpf_obj_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, GATE_XDP_PROGRAM);
    close(fd);
    return ours;
}

int gate_admit(const char *name, struct device_info *info, char **errorp)
{
    char master[IFNAMSIZ];
    enum gate_state gate;
    int error = device_get(name, info);
    if (error) {
        *errorp = xasprintf("%s: %s", name, error == ENODEV ? "there is no such device" : strerror(error));
        return error;
    }
    if (info->arphrd == ARPHRD_LOOPBACK) {
        *errorp = xasprintf("%s: is the loopback device, which no switch can have", name);
        return EINVAL;
    }
    if (info->arphrd != ARPHRD_ETHER) {
        *errorp = xasprintf("%s: is not an Ethernet device (hardware type %u)", name, info->arphrd);
        return EINVAL;
    }
    if (!strcmp(info->alias, VPORT_INTERNAL_ALIAS)) {
        *errorp = xasprintf("%s: is an internal device of a switch", name);
        return EINVAL;
    }
    if (info->master) {
        *errorp = xasprintf("%s: belongs to %s; remove it from there first (ip link set %s nomaster)", name,
                            device_name(info->master, master), name);
        return EBUSY;
    }
    if ((!gate_inspect(info->ifindex, &gate, NULL) && gate == GATE_ALIEN) || has_afxdp_port(info)) {
        *errorp = xasprintf("%s: is taken by another switch that is running", name);
        return EBUSY;
    }
    return 0;
}

static int delete_filter(int ifindex, const struct found *found)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct tcmsg *tc;
    struct nlmsghdr *msg = nl_begin(buf, RTM_DELTFILTER, 0, sizeof *tc, &tc);
    tc->tcm_ifindex = ifindex;
    tc->tcm_parent = INGRESS;
    tc->tcm_info = found->info;
    tc->tcm_handle = found->handle;
    mnl_attr_put_strz(msg, TCA_KIND, "bpf");
    return nl_transact(device_sock(), msg, NULL, NULL);
}

static int change_qdisc(int ifindex, uint16_t type, uint16_t flags)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct tcmsg *tc;
    struct nlmsghdr *msg = nl_begin(buf, type, flags, sizeof *tc, &tc);
    tc->tcm_ifindex = ifindex;
    tc->tcm_parent = TC_H_CLSACT;
    tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    mnl_attr_put_strz(msg, TCA_KIND, "clsact");
    return nl_transact(device_sock(), msg, NULL, NULL);
}

static int add_filter(int ifindex, const char *name, uint32_t preference)
{
    uint8_t buf[NL_REQUEST_SIZE];
    struct tcmsg *tc;
    struct nlmsghdr *msg = nl_begin(buf, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, sizeof *tc, &tc);
    tc->tcm_ifindex = ifindex;
    tc->tcm_parent = INGRESS;
    tc->tcm_info = TC_H_MAKE(preference << 16, __builtin_bswap16(ETH_P_ALL));
    mnl_attr_put_strz(msg, TCA_KIND, "bpf");
    struct nlattr *options = mnl_attr_nest_start(msg, TCA_OPTIONS);
    mnl_attr_put_u32(msg, TCA_BPF_FD, (uint32_t)bpf.gate_fd);
    mnl_attr_put_strz(msg, TCA_BPF_NAME, name);
    mnl_attr_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
    mnl_attr_nest_end(msg, options);
    return nl_transact(device_sock(), msg, NULL, NULL);
}

int gate_shut(int ifindex, bool lro, char **errorp)
{
    struct found found;
    memset(&found, 0, sizeof found);
    int error = dump_filters(ifindex, INGRESS, &found);
    if (error) {
        *errorp = xasprintf("cannot look at its ingress filters: %s", strerror(error));
        return error;
    }
    switch (judge(&found)) {
    case GATE_OURS:
        return 0;
    case GATE_ALIEN:
        *errorp = xasprintf("is taken by another switch that is running");
        return EBUSY;
    case GATE_NONE:
    case GATE_STALE:
        break;
    }
    error = load_programs(errorp);
    if (error) {
        return error;
    }
    bool qdisc = found.present && found.qdisc;
    if (found.present) {
        LOG_INFO("replacing the gate that a switch which is gone left on device %d", ifindex);
        delete_filter(ifindex, &found);
    }
    error = change_qdisc(ifindex, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
    if (!error) {
        qdisc = true;
    } else if (error != EEXIST) {
        *errorp = xasprintf("cannot add a clsact qdisc: %s", strerror(error));
        return error;
    }
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", NAME, qdisc ? NAME_QDISC : "", lro || found.lro ? NAME_LRO : "");
    error = add_filter(ifindex, name, PREFERENCE);
    if (error == EEXIST || error == EINVAL) {
        /* Somebody else has filters at our preference. The kernel puts us before the first of them if there
         * is room, or chooses. */
        error = add_filter(ifindex, name, 0);
    }
    if (error) {
        *errorp = xasprintf("cannot add the ingress filter of its gate: %s%s%s", strerror(error),
                            *nl_error_text(device_sock()) ? ": " : "", nl_error_text(device_sock()));
        if (qdisc && !found.n_others) {
            change_qdisc(ifindex, RTM_DELQDISC, 0);
        }
    }
    return error;
}

int gate_remove(int ifindex)
{
    struct found found;
    memset(&found, 0, sizeof found);
    int error = dump_filters(ifindex, INGRESS, &found);
    if (error || !found.present) {
        return error == ENODEV ? 0 : error;
    }
    if (judge(&found) == GATE_ALIEN) {
        return 0;
    }
    error = delete_filter(ifindex, &found);
    struct found egress;
    memset(&egress, 0, sizeof egress);
    if (!error && found.qdisc && !found.n_others && !dump_filters(ifindex, EGRESS, &egress) &&
        !egress.n_others && !egress.present) {
        error = change_qdisc(ifindex, RTM_DELQDISC, 0);
    }
    return error == ENODEV ? 0 : error;
}
