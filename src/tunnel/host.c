/* SPDX-License-Identifier: Apache-2.0 */
/* The host's routes and addresses, followed through rtnetlink: a notification has all of them read anew,
 * after a moment, since they come in swarms. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/loop.h"
#include "io/netlink.h"
#include "tunnel/net.h"

LOG_MODULE(route_table);

#define SETTLE_MS 20

struct tunnel_host {
    struct tunnel_net *net;
    struct loop *loop;
    struct nl_sock *requests, *events;
    struct loop_fd fd;
    struct task reread;
};

static struct ipv6_addr read_address(const struct nlattr *attr, int family)
{
    struct ipv6_addr a = {.be32 = {0}};
    if (family == AF_INET && mnl_attr_get_payload_len(attr) == 4) {
        be32 v4;
        memcpy(&v4, mnl_attr_get_payload(attr), sizeof v4);
        a = tunnel_address_v4(v4);
    } else if (family == AF_INET6 && mnl_attr_get_payload_len(attr) == 16) {
        memcpy(&a, mnl_attr_get_payload(attr), sizeof a);
    }
    return a;
}

struct found {
    struct tunnel_net *net;
};

static int take_route(const struct nlmsghdr *msg, void *found_)
{
    struct found *found = found_;
    const struct rtmsg *rtm = mnl_nlmsg_get_payload(msg);
    const struct nlattr *attr;
    struct tunnel_route route = {.plen = rtm->rtm_dst_len + (rtm->rtm_family == AF_INET ? 96u : 0u)};
    uint32_t table = rtm->rtm_table;
    int ifindex = 0;
    if (msg->nlmsg_type != RTM_NEWROUTE || rtm->rtm_flags & RTM_F_CLONED ||
        (rtm->rtm_type != RTN_UNICAST && rtm->rtm_type != RTN_LOCAL)) {
        return 0;
    }
    if (rtm->rtm_family == AF_INET) {
        route.prefix = tunnel_address_v4(0);
    }
    mnl_attr_for_each(attr, msg, sizeof *rtm)
    {
        switch (mnl_attr_get_type(attr)) {
        case RTA_DST:
            route.prefix = read_address(attr, rtm->rtm_family);
            break;
        case RTA_GATEWAY:
            route.gateway = read_address(attr, rtm->rtm_family);
            break;
        case RTA_PREFSRC:
            route.source = read_address(attr, rtm->rtm_family);
            break;
        case RTA_OIF:
            ifindex = (int)mnl_attr_get_u32(attr);
            break;
        case RTA_PRIORITY:
            route.metric = mnl_attr_get_u32(attr);
            break;
        case RTA_TABLE:
            table = mnl_attr_get_u32(attr);
            break;
        case RTA_MARK:
            route.mark = mnl_attr_get_u32(attr);
            break;
        default:
            break;
        }
    }
    char name[IF_NAMESIZE];
    if ((table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL && table != RT_TABLE_DEFAULT) || !ifindex ||
        !if_indextoname((unsigned)ifindex, name)) {
        return 0;
    }
    memcpy(route.device, name, sizeof name);
    route.local = rtm->rtm_type == RTN_LOCAL;
    tunnel_routes_add(found->net->routes, &route);
    return 0;
}

static void read_all(struct tunnel_host *host)
{
    struct found found = {.net = host->net};
    tunnel_routes_flush_host(host->net->routes);
    static const uint8_t families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        char buf[NL_REQUEST_SIZE];
        struct rtmsg *rtm;
        struct nlmsghdr *request = nl_begin(buf, RTM_GETROUTE, NLM_F_DUMP, sizeof *rtm, &rtm);
        rtm->rtm_family = families[i];
        int error = nl_transact(host->requests, request, take_route, &found);
        if (error) {
            LOG_WARN("cannot read the host's routes: %s", strerror(error));
        }
    }
    tunnel_net_refresh(host->net);
}

static void run_reread(struct task *task)
{
    read_all(CONTAINER_OF(task, struct tunnel_host, reread));
}

static int ignore(const struct nlmsghdr *msg, void *aux)
{
    return 0;
}

static void notified(struct loop_fd *fd, unsigned events)
{
    struct tunnel_host *host = CONTAINER_OF(fd, struct tunnel_host, fd);
    nl_receive(host->events, ignore, NULL);
    task_schedule_in(loop_tasks(host->loop), &host->reread, SETTLE_MS);
}

struct tunnel_host *tunnel_host_create(struct tunnel_net *net, struct loop *loop, int *error)
{
    static const unsigned groups[] = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR,
                                      RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK};
    struct tunnel_host *host = xzalloc(sizeof *host);
    host->net = net;
    host->loop = loop;
    task_init(&host->reread, "host routes", run_reread);
    *error = nl_sock_open(NETLINK_ROUTE, &host->requests);
    *error = *error ? *error : nl_sock_open(NETLINK_ROUTE, &host->events);
    for (size_t i = 0; !*error && i < ARRAY_SIZE(groups); i++) {
        *error = nl_join(host->events, groups[i]);
    }
    if (*error) {
        tunnel_host_destroy(host);
        return NULL;
    }
    loop_add_fd(loop, &host->fd, nl_sock_fd(host->events), LOOP_READ, notified);
    read_all(host);
    return host;
}

void tunnel_host_destroy(struct tunnel_host *host)
{
    if (host) {
        task_cancel(&host->reread);
        loop_remove_fd(&host->fd);
        nl_sock_close(host->requests);
        nl_sock_close(host->events);
        free(host);
    }
}
