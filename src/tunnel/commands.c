/* SPDX-License-Identifier: Apache-2.0 */
/* ovs/route/..., tnl/...: what the reference prints, to the letter. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mac.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "tunnel/net.h"
#include "tunnel/push.h"

/* ---- routes ---- */

static bool parse_mark(const char *text, uint32_t *mark)
{
    char *end;
    if (strncmp(text, "pkt_mark=", 9)) {
        return false;
    }
    errno = 0;
    unsigned long v = strtoul(text + 9, &end, 0);
    *mark = (uint32_t)v;
    return end != text + 9 && !*end && !errno && v <= UINT32_MAX && text[9] != '-';
}

static void route_add(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    struct tunnel_route route = {.user = true};
    if (!tunnel_prefix_parse(argv[1], &route.prefix, &route.plen)) {
        control_reply_error(request, "Invalid parameters");
        return;
    }
    snprintf(route.device, sizeof route.device, "%s", argv[2]);
    for (int i = 3; i < argc; i++) {
        bool is_gateway = tunnel_address_parse(argv[i], &route.gateway) &&
                          ipv6_addr_is_v4mapped(&route.gateway) == ipv6_addr_is_v4mapped(&route.prefix);
        if (!is_gateway && !parse_mark(argv[i], &route.mark)) {
            control_reply_error(request, "Invalid pkt_mark or gateway");
            return;
        }
    }
    if (!tunnel_routes_add(net->routes, &route)) {
        control_reply_error(request, "Error while inserting route.");
        return;
    }
    tunnel_net_refresh(net);
    control_reply(request, "OK");
}

static void route_del(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    struct ipv6_addr prefix;
    unsigned plen;
    uint32_t mark = 0;
    if (!tunnel_prefix_parse(argv[1], &prefix, &plen)) {
        control_reply_error(request, "Invalid parameters");
    } else if (argc > 2 && !parse_mark(argv[2], &mark)) {
        control_reply_error(request, "Invalid pkt_mark");
    } else if (!tunnel_routes_del(net->routes, &prefix, plen, mark)) {
        control_reply_error(request, "Not found");
    } else {
        tunnel_net_refresh(net);
        control_reply(request, "OK");
    }
}

static void show_route(const struct tunnel_route *r, void *s_)
{
    struct strbuf *s = s_;
    char text[TUNNEL_ADDRESS_SIZE];
    tunnel_address_format(&r->prefix, text);
    strbuf_printf(s, "%s: %s/%u", r->user ? "User" : "Cached", text,
                  r->plen -
                      (ipv6_addr_is_v4mapped(&r->prefix) || ipv6_addr_is_v4mapped(&r->source) ? 96u : 0u));
    if (r->mark) {
        strbuf_printf(s, " MARK %u", r->mark);
    }
    strbuf_printf(s, " dev %s", r->device);
    if (!ipv6_addr_is_zero(&r->gateway)) {
        tunnel_address_format(&r->gateway, text);
        strbuf_printf(s, " GW %s", text);
    }
    tunnel_address_format(&r->source, text);
    strbuf_printf(s, " SRC %s%s\n", text, r->local ? " local" : "");
}

static void route_show(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    struct strbuf s = STRBUF_INITIALIZER;
    strbuf_puts(&s, "Route Table:\n");
    tunnel_routes_for_each(net->routes, show_route, &s);
    control_reply_steal(request, strbuf_steal(&s));
}

static void route_lookup(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    struct tunnel_route found;
    struct ipv6_addr dst;
    unsigned plen;
    uint32_t mark = 0;
    char source[TUNNEL_ADDRESS_SIZE], gateway[TUNNEL_ADDRESS_SIZE];
    if (!tunnel_prefix_parse(argv[1], &dst, &plen) || plen != 128) {
        control_reply_error(request, "Invalid parameters");
    } else if (argc > 2 && !parse_mark(argv[2], &mark)) {
        control_reply_error(request, "Invalid pkt_mark");
    } else if (!tunnel_routes_lookup(net->routes, &dst, mark, &found)) {
        control_reply_error(request, "Not found");
    } else {
        struct strbuf s = STRBUF_INITIALIZER;
        tunnel_address_format(&found.source, source);
        tunnel_address_format(&found.gateway, gateway);
        strbuf_printf(&s, "src %s\ngateway %s\ndev %s\n", source, gateway, found.device);
        control_reply_steal(request, strbuf_steal(&s));
    }
}

/* ---- neighbours ---- */

static void neigh_show(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    struct strbuf s = STRBUF_INITIALIZER;
    tunnel_neigh_show(net->neighbours, &s);
    control_reply_steal(request, strbuf_steal(&s));
}

static void neigh_set(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    struct ipv6_addr address;
    struct eth_addr mac;
    if (!tunnel_address_parse(argv[2], &address)) {
        control_reply_error(request, "bad IP address");
    } else if (!mac_parse(argv[3], &mac)) {
        control_reply_error(request, "bad MAC address");
    } else {
        tunnel_neigh_learn(net->neighbours, argv[1], &address, mac);
        control_reply(request, "OK");
    }
}

static void neigh_flush(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    tunnel_neigh_flush(net->neighbours, NULL);
    control_reply(request, "OK");
}

static void neigh_aging(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    char text[32];
    if (argc == 1) {
        snprintf(text, sizeof text, "%u", tunnel_neigh_aging(net->neighbours));
        control_reply(request, text);
        return;
    }
    char *end;
    unsigned long seconds = strtoul(argv[1], &end, 10);
    if (!isdigit((unsigned char)*argv[1]) || *end || !seconds || seconds > 3600) {
        control_reply_error(request, "bad aging value");
        return;
    }
    tunnel_neigh_set_aging(net->neighbours, (unsigned)seconds);
    control_reply(request, "OK");
}

/* ---- ports ---- */

static void ports_show(struct control_request *request, int argc, const char *argv[], void *net_)
{
    struct tunnel_net *net = net_;
    struct strbuf s = STRBUF_INITIALIZER;
    tunnel_listeners_show(net->listeners, argc > 1 && !strcmp(argv[1], "-v"), &s);
    control_reply_steal(request, strbuf_steal(&s));
}

static void port_range(struct control_request *request, int argc, const char *argv[], void *net_)
{
    char text[64];
    uint16_t low, high;
    if (argc < 3) {
        tunnel_get_port_range(&low, &high);
        snprintf(text, sizeof text, "Tunnel UDP source port range: %u-%u", low, high);
        control_reply(request, text);
        return;
    }
    int min = atoi(argv[1]), max = atoi(argv[2]);
    if (min <= 0 || min > UINT16_MAX) {
        control_reply(request, "Invalid min.");
    } else if (max <= 0 || max > UINT16_MAX) {
        control_reply(request, "Invalid max.");
    } else {
        tunnel_set_port_range((uint16_t)MIN(min, max), (uint16_t)MAX(min, max));
        control_reply(request, "OK");
    }
}

static const struct control_command commands[] = {
    {"ovs/route/add", "ip_addr/prefix_len out_br_name [gw] [pkt_mark=mark]", 2, 4, route_add},
    {"ovs/route/del", "ip_addr/prefix_len [pkt_mark=mark]", 1, 2, route_del},
    {"ovs/route/lookup", "ip_addr [pkt_mark=mark]", 1, 2, route_lookup},
    {"ovs/route/show", "", 0, 0, route_show},
    {"tnl/arp/aging", "[SECS]", 0, 1, neigh_aging},
    {"tnl/arp/flush", "", 0, 0, neigh_flush},
    {"tnl/arp/set", "BRIDGE IP MAC", 3, 3, neigh_set},
    {"tnl/arp/show", "", 0, 0, neigh_show},
    {"tnl/egress_port_range", "min max", 0, 2, port_range},
    {"tnl/neigh/aging", "[SECS]", 0, 1, neigh_aging},
    {"tnl/neigh/flush", "", 0, 0, neigh_flush},
    {"tnl/neigh/set", "BRIDGE IP MAC", 3, 3, neigh_set},
    {"tnl/neigh/show", "", 0, 0, neigh_show},
    {"tnl/ports/show", "-v", 0, 1, ports_show},
};

void tunnel_net_register(struct tunnel_net *net, struct control_server *control)
{
    control_register(control, commands, ARRAY_SIZE(commands), net);
}
