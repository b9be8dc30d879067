/* SPDX-License-Identifier: Apache-2.0 */
/* In-band control: hidden rules that let the switch and its controllers reach each other through the bridge
 * itself, whatever the controllers' own rules say. In the order of priority, for the bridge's local port,
 * each next hop, and each controller:
 *
 *   180000  DHCP requests of the local port
 *   180001  ARP replies to the local port, 180002 its requests
 *   180003  ARP replies to the next hop,   180004 its requests
 *   180005  ARP replies to the controller, 180006 its requests
 *   180007  TCP to the controller,         180008 from it
 *
 * The next hop is the controller, or the gateway on the way to it, if the host's way there leads through the
 * local port; its address is asked of the kernel's neighbour table, again every so often. */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/address.h"
#include "io/netlink.h"
#include "ofconn/private.h"
#include "wire/arp.h"
#include "wire/eth.h"

LOG_MODULE(in_band);

#define BASE          180000
#define MAX_REMOTES   64
#define RESOLVE_MS    10000 /* next hops that are known are looked at again */
#define UNRESOLVED_MS 1000

static struct log_rate_limit rl = LOG_RATE_LIMIT_INIT(1, 5);

struct in_band_rule {
    struct list node;
    struct match match;
    int priority;
    bool wanted;
};

struct in_band {
    struct ofservice *service;
    struct ofin_band_settings s;
    char device[IFNAMSIZ];
    struct ofin_band_remote managers[MAX_REMOTES];
    struct list rules; /* struct in_band_rule, those there are */
    struct task refresh;
    struct nl_sock *netlink; /* NULL: none yet */
};

/* ------------------------------------------------------------------ the way to a controller */

struct hop {
    uint32_t ifindex;
    be32 gateway; /* 0: none */
    bool has_mac;
    struct eth_addr mac;
};

static int take_route(const struct nlmsghdr *h, void *aux)
{
    struct hop *hop = aux;
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(struct rtmsg))
    {
        if (mnl_attr_get_type(a) == RTA_OIF && mnl_attr_get_payload_len(a) >= 4) {
            hop->ifindex = mnl_attr_get_u32(a);
        } else if (mnl_attr_get_type(a) == RTA_GATEWAY && mnl_attr_get_payload_len(a) == 4) {
            memcpy(&hop->gateway, mnl_attr_get_payload(a), 4);
        }
    }
    return 0;
}

static int take_neighbour(const struct nlmsghdr *h, void *aux)
{
    struct hop *hop = aux;
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(struct ndmsg))
    {
        if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == sizeof hop->mac) {
            memcpy(&hop->mac, mnl_attr_get_payload(a), sizeof hop->mac);
            hop->has_mac = true;
        }
    }
    return 0;
}

/* The address of the next hop on the way to IP, if that way leads through DEVICE. */
static bool find_next_hop(struct in_band *ib, be32 ip, struct eth_addr *mac)
{
    char buf[NL_REQUEST_SIZE];
    struct hop hop = {0};
    struct rtmsg *rtm;
    struct ndmsg *ndm;
    if (!ib->device[0] || (!ib->netlink && nl_sock_open(NETLINK_ROUTE, &ib->netlink))) {
        return false;
    }
    struct nlmsghdr *h = nl_begin(buf, RTM_GETROUTE, 0, sizeof *rtm, &rtm);
    rtm->rtm_family = AF_INET;
    rtm->rtm_dst_len = 32;
    mnl_attr_put(h, RTA_DST, sizeof ip, &ip);
    if (nl_transact(ib->netlink, h, take_route, &hop) || hop.ifindex != if_nametoindex(ib->device)) {
        LOG_DBG_RL(&rl, "%s: no way to a controller through %s", ib->service->name, ib->device);
        return false;
    }
    be32 next = hop.gateway ? hop.gateway : ip;
    h = nl_begin(buf, RTM_GETNEIGH, 0, sizeof *ndm, &ndm);
    ndm->ndm_family = AF_INET;
    ndm->ndm_ifindex = (int)hop.ifindex;
    mnl_attr_put(h, NDA_DST, sizeof next, &next);
    if (nl_transact(ib->netlink, h, take_neighbour, &hop) || !hop.has_mac) {
        return false;
    }
    *mac = hop.mac;
    return true;
}

/* ------------------------------------------------------------------ rules */

static struct match *start(struct match *m, uint16_t dl_type)
{
    match_init_catchall(m);
    m->flow.dl_type = htobe16(dl_type);
    m->wc.bits.dl_type = CONST_BE16(0xffff);
    return m;
}

/* The rule is wanted. */
static void want(struct in_band *ib, const struct match *m, int priority)
{
    struct in_band_rule *r;
    LIST_FOR_EACH (r, node, &ib->rules) {
        if (r->priority == priority && match_equal(&r->match, m)) {
            r->wanted = true;
            return;
        }
    }
    r = xzalloc(sizeof *r);
    r->match = *m;
    r->priority = priority;
    r->wanted = true;
    list_push_back(&ib->rules, &r->node);
    ib->service->handlers->hidden_rule(ib->service->switch_, m, priority, ib->s.queue, true);
}

static void remove_rule(struct in_band *ib, struct in_band_rule *r)
{
    ib->service->handlers->hidden_rule(ib->service->switch_, &r->match, r->priority, -1, false);
    list_remove(&r->node);
    free(r);
}

/* ARP replies to MAC, or its requests. */
static void want_arp_mac(struct in_band *ib, struct eth_addr mac, int priority)
{
    struct match m;
    for (uint16_t op = ARP_OP_REQUEST; op <= ARP_OP_REPLY; op++) {
        start(&m, ETH_TYPE_ARP)->flow.nw_proto = (uint8_t)op;
        m.wc.bits.nw_proto = 0xff;
        *(op == ARP_OP_REPLY ? &m.flow.dl_dst : &m.flow.dl_src) = mac;
        memset(op == ARP_OP_REPLY ? &m.wc.bits.dl_dst : &m.wc.bits.dl_src, 0xff, sizeof mac);
        want(ib, &m, op == ARP_OP_REPLY ? priority : priority + 1);
    }
}

static void want_local(struct in_band *ib)
{
    struct match m;
    start(&m, ETH_TYPE_IPV4)->flow.nw_proto = IPPROTO_UDP;
    m.wc.bits.nw_proto = 0xff;
    m.flow.in_port = OFPP_LOCAL;
    m.wc.bits.in_port = UINT32_MAX;
    m.flow.dl_src = ib->s.mac;
    memset(&m.wc.bits.dl_src, 0xff, sizeof m.wc.bits.dl_src);
    m.flow.tp_src = CONST_BE16(68);
    m.flow.tp_dst = CONST_BE16(67);
    m.wc.bits.tp_src = m.wc.bits.tp_dst = CONST_BE16(0xffff);
    want(ib, &m, BASE);
    want_arp_mac(ib, ib->s.mac, BASE + 1);
}

static void want_remote(struct in_band *ib, const struct ofin_band_remote *remote)
{
    struct match m;
    start(&m, ETH_TYPE_ARP)->flow.nw_proto = ARP_OP_REPLY;
    m.wc.bits.nw_proto = 0xff;
    m.flow.nw_dst = remote->ip;
    m.wc.bits.nw_dst = UINT32_MAX;
    want(ib, &m, BASE + 5);

    start(&m, ETH_TYPE_ARP)->flow.nw_proto = ARP_OP_REQUEST;
    m.wc.bits.nw_proto = 0xff;
    m.flow.nw_src = remote->ip;
    m.wc.bits.nw_src = UINT32_MAX;
    want(ib, &m, BASE + 6);

    start(&m, ETH_TYPE_IPV4)->flow.nw_proto = IPPROTO_TCP;
    m.wc.bits.nw_proto = 0xff;
    m.flow.nw_dst = remote->ip;
    m.wc.bits.nw_dst = UINT32_MAX;
    m.flow.tp_dst = htobe16(remote->port);
    m.wc.bits.tp_dst = CONST_BE16(0xffff);
    want(ib, &m, BASE + 7);

    start(&m, ETH_TYPE_IPV4)->flow.nw_proto = IPPROTO_TCP;
    m.wc.bits.nw_proto = 0xff;
    m.flow.nw_src = remote->ip;
    m.wc.bits.nw_src = UINT32_MAX;
    m.flow.tp_src = htobe16(remote->port);
    m.wc.bits.tp_src = CONST_BE16(0xffff);
    want(ib, &m, BASE + 8);
}

/* The IPv4 address of an active TCP or TLS target that is a number. */
static bool remote_of(const char *target, struct ofin_band_remote *remote)
{
    struct sockaddr_storage ss;
    if (strncmp(target, "tcp:", 4) && strncmp(target, "ssl:", 4)) {
        return false;
    }
    char *error = address_parse_active(target + 4, 6653, true, &ss);
    if (error || ss.ss_family != AF_INET) {
        free(error);
        return false;
    }
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&ss;
    *remote = (struct ofin_band_remote){.ip = in->sin_addr.s_addr, .port = ntohs(in->sin_port)};
    return true;
}

static size_t collect_remotes(const struct in_band *ib, struct ofin_band_remote remotes[MAX_REMOTES])
{
    const struct ofcontroller *t;
    size_t n = 0;
    LIST_FOR_EACH (t, node, &ib->service->controllers) {
        if (!t->passive && t->s.in_band && n < MAX_REMOTES && remote_of(t->target, &remotes[n])) {
            n++;
        }
    }
    for (size_t i = 0; i < ib->s.n_remotes && n < MAX_REMOTES; i++) {
        remotes[n++] = ib->s.remotes[i];
    }
    return n;
}

/* The rules that there are become those that are wanted now. */
static void refresh(struct in_band *ib)
{
    struct ofin_band_remote remotes[MAX_REMOTES];
    struct in_band_rule *r, *next;
    size_t n = ib->s.enabled ? collect_remotes(ib, remotes) : 0;
    bool all_resolved = true;
    LIST_FOR_EACH (r, node, &ib->rules) {
        r->wanted = false;
    }
    if (n) {
        want_local(ib);
    }
    for (size_t i = 0; i < n; i++) {
        struct eth_addr mac;
        want_remote(ib, &remotes[i]);
        if (find_next_hop(ib, remotes[i].ip, &mac)) {
            want_arp_mac(ib, mac, BASE + 3);
        } else {
            all_resolved = false;
        }
    }
    LIST_FOR_EACH_SAFE (r, next, node, &ib->rules) {
        if (!r->wanted) {
            remove_rule(ib, r);
        }
    }
    if (n && ib->device[0]) {
        task_schedule_in(loop_tasks(ib->service->loop), &ib->refresh,
                         all_resolved ? RESOLVE_MS : UNRESOLVED_MS);
    } else {
        task_cancel(&ib->refresh);
    }
}

static void run_refresh(struct task *task)
{
    refresh(CONTAINER_OF(task, struct in_band, refresh));
}

void in_band_update(struct ofservice *s)
{
    if (s->in_band) {
        refresh(s->in_band);
    }
}

void ofservice_set_in_band(struct ofservice *s, const struct ofin_band_settings *settings)
{
    struct in_band *ib = s->in_band;
    if (!s->handlers->hidden_rule || (!ib && !settings->enabled)) {
        return;
    }
    if (!ib) {
        ib = s->in_band = xzalloc(sizeof *ib);
        ib->service = s;
        list_init(&ib->rules);
        task_init(&ib->refresh, "in-band control", run_refresh);
    }
    bool other_queue = ib->s.queue != settings->queue;
    struct in_band_rule *r, *next;
    LIST_FOR_EACH_SAFE (r, next, node, &ib->rules) {
        if (other_queue) {
            remove_rule(ib, r);
        }
    }
    ib->s = *settings;
    ib->s.remotes = ib->managers;
    ib->s.n_remotes = MIN(settings->n_remotes, (size_t)MAX_REMOTES);
    if (ib->s.n_remotes) {
        memcpy(ib->managers, settings->remotes, ib->s.n_remotes * sizeof *ib->managers);
    }
    memset(ib->device, 0, sizeof ib->device);
    if (settings->device) {
        strncpy(ib->device, settings->device, sizeof ib->device - 1);
    }
    ib->s.device = ib->device;
    refresh(ib);
}

void in_band_destroy(struct ofservice *s)
{
    struct in_band *ib = s->in_band;
    if (ib) {
        struct in_band_rule *r, *next;
        LIST_FOR_EACH_SAFE (r, next, node, &ib->rules) {
            remove_rule(ib, r);
        }
        task_cancel(&ib->refresh);
        nl_sock_close(ib->netlink);
        free(ib);
        s->in_band = NULL;
    }
}
