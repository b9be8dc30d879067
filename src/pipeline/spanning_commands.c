/* SPDX-License-Identifier: Apache-2.0 */
/* stp/ and rstp/ on the control socket. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mac.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/spanning.h"

/* What both protocols show of the root and of the bridge; times in seconds. */
struct shown {
    uint64_t root, bridge;
    int times[2][3];                /* of the root, of the bridge: hello, max age, forward delay */
    const struct ofport *root_port; /* NULL: this bridge is the root */
    uint32_t cost;
};

static void show_id(uint64_t id, const int times[3], const char *pad, struct strbuf *s)
{
    static const char *const names[] = {"stp-hello-time", "stp-max-age", "stp-fwd-delay"};
    struct eth_addr mac;
    char text[MAC_TEXT_SIZE];
    for (int i = 0; i < 6; i++) {
        mac.ea[i] = (uint8_t)(id >> (40 - 8 * i));
    }
    strbuf_printf(s, "  stp-priority%s  %u\n", pad, (unsigned)(id >> 48));
    strbuf_printf(s, "  stp-system-id   %s\n", mac_format(mac, text));
    for (int i = 0; i < 3; i++) {
        strbuf_printf(s, "  %-16s%ds\n", names[i], times[i]);
    }
}

static void show_head(const struct ofproto *ofproto, const struct shown *d, const char *pad, struct strbuf *s)
{
    strbuf_printf(s, "---- %s ----\nRoot ID:\n", ofproto->name);
    show_id(d->root, d->times[0], pad, s);
    if (d->root_port) {
        strbuf_printf(s, "  root-port       %s\n", d->root_port->name);
        strbuf_printf(s, "  root-path-cost  %" PRIu32 "\n", d->cost);
    } else {
        strbuf_puts(s, "  This bridge is the root\n");
    }
    strbuf_puts(s, "\nBridge ID:\n");
    show_id(d->bridge, d->times[1], pad, s);
    strbuf_put_char(s, '\n');
}

static int by_number(const void *a_, const void *b_)
{
    const struct ofport *const *a = a_, *const *b = b_;
    bool rapid = spanning_protocol((*a)->ofproto->spanning) == SPANNING_RSTP;
    return rapid ? (int)(*a)->tree->rstp.number - (int)(*b)->tree->rstp.number
                 : (int)(*a)->tree->stp_number - (int)(*b)->tree->stp_number;
}

static const struct ofport **list_ports(const struct ofproto *ofproto, size_t *n)
{
    const struct ofport **ports = xcalloc(hmap_count(&ofproto->ports) + 1, sizeof *ports), *port;
    *n = 0;
    HMAP_FOR_EACH (port, by_number, &ofproto->ports) {
        if (port->tree) {
            ports[(*n)++] = port;
        }
    }
    qsort(ports, *n, sizeof *ports, by_number);
    return ports;
}

static void show_stp(const struct ofproto *ofproto, const struct stp_status *b, struct strbuf *s)
{
    const struct shown d = {
        .root = b->designated_root,
        .bridge = b->bridge_id,
        .times = {{b->hello_ms / 1000, b->max_age_ms / 1000, b->fwd_delay_ms / 1000},
                  {b->bridge_hello_ms / 1000, b->bridge_max_age_ms / 1000, b->bridge_fwd_delay_ms / 1000}},
        .root_port = b->root_port ? spanning_find_port(ofproto->spanning, b->root_port) : NULL,
        .cost = b->root_path_cost,
    };
    size_t n;
    const struct ofport **ports = list_ports(ofproto, &n);
    show_head(ofproto, &d, "", s);
    strbuf_puts(s, "  Interface  Role       State      Cost  Pri.Nbr \n");
    strbuf_puts(s, "  ---------- ---------- ---------- ----- -------\n");
    for (size_t i = 0; i < n; i++) {
        struct stp_port_status p;
        if (ofproto_stp_get_port(ofproto, ports[i]->ofp_port, &p)) {
            strbuf_printf(s, "  %-10s %-10s %-10s %-5d %d.%d\n", ports[i]->name, stp_role_name(p.role),
                          stp_state_name(p.state), p.path_cost, p.port_id >> 8, p.port_id & 0xff);
        }
    }
    strbuf_put_char(s, '\n');
    free(ports);
}

static void show_rstp(const struct ofproto *ofproto, const struct rstp_status *b, struct strbuf *s)
{
    const struct shown d = {
        .root = b->root_id,
        .bridge = b->settings.bridge_id,
        .times = {{b->hello, b->max_age, b->fwd_delay},
                  {RSTP_HELLO, b->settings.max_age, b->settings.fwd_delay}},
        .root_port = b->root_port_id ? spanning_find_port(ofproto->spanning, b->root_port_id & 0xfff) : NULL,
        .cost = b->root_path_cost,
    };
    size_t n;
    const struct ofport **ports = list_ports(ofproto, &n);
    show_head(ofproto, &d, "  ", s);
    strbuf_puts(s, "  Interface  Role       State      Cost     Pri.Nbr \n");
    strbuf_puts(s, "  ---------- ---------- ---------- -------- -------\n");
    for (size_t i = 0; i < n; i++) {
        struct rstp_port_status p;
        if (ofproto_rstp_get_port(ofproto, ports[i]->ofp_port, &p)) {
            strbuf_printf(s, "  %-10s %-10s %-10s %-8u %d.%d\n", ports[i]->name, rstp_role_name(p.role),
                          rstp_state_name(p.state), p.path_cost, (p.port_id >> 12) << 4, p.port_id & 0xfff);
        }
    }
    strbuf_put_char(s, '\n');
    free(ports);
}

static bool show(const struct ofproto *ofproto, bool rapid, struct strbuf *s)
{
    struct stp_status stp;
    struct rstp_status rstp;
    if (rapid && ofproto_rstp_get(ofproto, &rstp)) {
        show_rstp(ofproto, &rstp, s);
    } else if (!rapid && ofproto_stp_get(ofproto, &stp)) {
        show_stp(ofproto, &stp, s);
    } else {
        return false;
    }
    return true;
}

/* stp/show, rstp/show, stp/tcn, rstp/tcn */
static void spanning_command(struct control_request *r, int argc, const char *argv[], void *p_)
{
    struct pipeline *p = p_;
    bool rapid = argv[0][0] == 'r', tcn = strstr(argv[0], "/tcn");
    struct strbuf s = STRBUF_INITIALIZER;
    bool found = argc < 2;
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        struct ofproto *ofproto = p->ofprotos[i];
        if (argc < 2 || !strcmp(ofproto->name, argv[1])) {
            bool speaks = show(ofproto, rapid, &s);
            found |= speaks;
            if (speaks && tcn) {
                spanning_topology_changed(ofproto->spanning);
            }
        }
    }
    if (!found) {
        strbuf_fini(&s);
        control_reply_error(r, rapid ? "No such RSTP object" : "no such stp object");
    } else if (tcn) {
        strbuf_fini(&s);
        control_reply(r, "OK");
    } else {
        control_reply_steal(r, strbuf_steal(&s));
    }
}

static const struct control_command commands[] = {
    {"rstp/show", "[bridge]", 0, 1, spanning_command},
    {"rstp/tcn", "[bridge]", 0, 1, spanning_command},
    {"stp/show", "[bridge]", 0, 1, spanning_command},
    {"stp/tcn", "[bridge]", 0, 1, spanning_command},
};

void spanning_register_commands(struct pipeline *p, struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), p);
}

void spanning_unregister_commands(struct control_server *server)
{
    control_unregister(server, commands, ARRAY_SIZE(commands));
}
