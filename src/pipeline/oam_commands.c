/* SPDX-License-Identifier: Apache-2.0 */
/* bfd/, cfm/ and autoattach/ on the control socket. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "pipeline/oam.h"
#include "pipeline/ofproto_impl.h"

enum protocol {
    OAM_BFD,
    OAM_CFM,
    OAM_LLDP,
};

static bool has(const struct ofport *port, enum protocol protocol)
{
    return port->oam && (protocol == OAM_BFD   ? oam_bfd(port->oam) != NULL
                         : protocol == OAM_CFM ? oam_cfm(port->oam) != NULL
                                               : oam_lldp(port->oam) != NULL);
}

struct ports {
    struct ofport **list;
    size_t n, allocated;
};

static int by_name(const void *a_, const void *b_)
{
    const struct ofport *const *a = a_, *const *b = b_;
    return strverscmp((*a)->name, (*b)->name);
}

/* Those that speak it: all, or the one of that name; by name. */
static struct ports find_ports(struct pipeline *p, enum protocol protocol, const char *name,
                               const char *bridge)
{
    struct ports ports = {NULL, 0, 0};
    for (size_t i = 0; i < p->n_ofprotos; i++) {
        struct ofport *port;
        if (bridge && strcmp(bridge, p->ofprotos[i]->name)) {
            continue;
        }
        HMAP_FOR_EACH (port, by_number, &p->ofprotos[i]->ports) {
            if (has(port, protocol) && (!name || !strcmp(name, port->name))) {
                if (ports.n == ports.allocated) {
                    ports.list = x2nrealloc(ports.list, &ports.allocated, sizeof *ports.list);
                }
                ports.list[ports.n++] = port;
            }
        }
    }
    if (ports.n) {
        qsort(ports.list, ports.n, sizeof *ports.list, by_name);
    }
    return ports;
}

static void bfd_show(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct ports ports = find_ports(p, OAM_BFD, argc > 1 ? argv[1] : NULL, NULL);
    struct strbuf s = STRBUF_INITIALIZER;
    for (size_t i = 0; i < ports.n; i++) {
        if (argc < 2) {
            strbuf_printf(&s, "---- %s ----\n", ports.list[i]->name);
        }
        bfd_format(oam_bfd(ports.list[i]->oam), clock_ms(), &s);
    }
    if (argc > 1 && !ports.n) {
        control_reply_error(r, "no such bfd object");
    } else {
        control_reply_steal(r, strbuf_steal(&s));
    }
    free(ports.list);
}

static void cfm_show(struct control_request *r, int argc, const char *argv[], void *p)
{
    struct ports ports = find_ports(p, OAM_CFM, argc > 1 ? argv[1] : NULL, NULL);
    struct strbuf s = STRBUF_INITIALIZER;
    for (size_t i = 0; i < ports.n; i++) {
        strbuf_printf(&s, "---- %s ----\n", ports.list[i]->name);
        cfm_format(oam_cfm(ports.list[i]->oam), clock_ms(), &s);
    }
    if (argc > 1 && !ports.n) {
        control_reply_error(r, "no such CFM object");
    } else {
        control_reply_steal(r, strbuf_steal(&s));
    }
    free(ports.list);
}

/* bfd/set-forwarding and cfm/set-fault: [interface] normal|false|true */
static void set_override(struct control_request *r, int argc, const char *argv[], void *p)
{
    enum protocol protocol = argv[0][0] == 'b' ? OAM_BFD : OAM_CFM;
    const char *word = argv[argc - 1];
    int override = !strcasecmp(word, "true") ? 1 : !strcasecmp(word, "false") ? 0 : -1;
    if (override < 0 && strcasecmp(word, "normal")) {
        control_reply_error(r, "unknown fault string");
        return;
    }
    struct ports ports = find_ports(p, protocol, argc > 2 ? argv[1] : NULL, NULL);
    for (size_t i = 0; i < ports.n; i++) {
        struct oam *oam = ports.list[i]->oam;
        if (protocol == OAM_BFD) {
            bfd_set_forwarding(oam_bfd(oam), override, clock_ms());
        } else {
            cfm_set_fault(oam_cfm(oam), override);
        }
        oam_changed(oam);
    }
    if (argc > 2 && !ports.n) {
        control_reply_error(r, protocol == OAM_BFD ? "no such BFD object" : "no such CFM object");
    } else {
        control_reply(r, "OK");
    }
    free(ports.list);
}

/* ------------------------------------------------------------------ autoattach/ */

static void put_bytes(const uint8_t *bytes, size_t n, struct strbuf *s)
{
    for (size_t i = 0; i < n; i++) {
        strbuf_printf(s, "%s%02x", i ? ":" : "", bytes[i]);
    }
}

static void show_status(const struct ofport *port, struct strbuf *s)
{
    size_t n;
    const struct lldp_neighbour *neighbours = lldp_neighbours(oam_lldp(port->oam), &n);
    strbuf_printf(s, "LLDP: %s\n", port->name);
    for (size_t i = 0; i < n; i++) {
        const struct lldp_neighbour *nb = &neighbours[i];
        strbuf_puts(s, "  Auto Attach Primary Server Id: ");
        put_bytes(nb->chassis.bytes, nb->chassis.len, s);
        strbuf_printf(s, "\n  Auto Attach Primary Server Descr: %s\n", nb->system_description);
        strbuf_puts(s, "  Auto Attach Primary Server System Id: ");
        put_bytes(nb->element_id, sizeof nb->element_id, s);
        strbuf_puts(s, ":00:00\n");
    }
}

static void show_isids(const struct ofport *port, struct strbuf *s)
{
    strbuf_printf(s, "LLDP: %s\n", port->name);
    strbuf_printf(s, "%-8s %-4s %-11s %-8s\n", "I-SID", "VLAN", "Source", "Status");
    strbuf_puts(s, "-------- ---- ----------- --------\n");
}

static void show_statistics(const struct ofport *port, struct strbuf *s)
{
    struct lldp_stats st;
    lldp_get_stats(oam_lldp(port->oam), &st);
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"tx cnt", st.tx},
        {"rx cnt", st.rx},
        {"rx discarded cnt", st.rx_discarded},
        {"rx unrecognized cnt", st.rx_unrecognized},
        {"ageout cnt", st.ageout},
        {"insert cnt", st.insert},
        {"delete cnt", st.remove},
        {"drop cnt", st.drop},
    };
    strbuf_printf(s, "Statistics: %s\n", port->name);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        strbuf_printf(s, "  %s: %llu\n", counts[i].name, (unsigned long long)counts[i].value);
    }
}

/* autoattach/{status,show-isid,statistics} [bridge], where a bridge makes no difference, as in the reference
 */
static void autoattach(struct control_request *r, int argc, const char *argv[], void *p)
{
    void (*show)(const struct ofport *, struct strbuf *) = !strcmp(argv[0], "autoattach/status") ? show_status
                                                           : !strcmp(argv[0], "autoattach/show-isid")
                                                               ? show_isids
                                                               : show_statistics;
    struct ports ports = find_ports(p, OAM_LLDP, NULL, NULL);
    struct strbuf s = STRBUF_INITIALIZER;
    for (size_t i = 0; i < ports.n; i++) {
        show(ports.list[i], &s);
    }
    control_reply_steal(r, strbuf_steal(&s));
    free(ports.list);
}

static const struct control_command commands[] = {
    {"autoattach/show-isid", "[bridge]", 0, 1, autoattach},
    {"autoattach/statistics", "[bridge]", 0, 1, autoattach},
    {"autoattach/status", "[bridge]", 0, 1, autoattach},
    {"bfd/set-forwarding", "[interface] normal|false|true", 1, 2, set_override},
    {"bfd/show", "[interface]", 0, 1, bfd_show},
    {"cfm/set-fault", "[interface] normal|false|true", 1, 2, set_override},
    {"cfm/show", "[interface]", 0, 1, cfm_show},
};

void oam_register_commands(struct pipeline *p, struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), p);
}

void oam_unregister_commands(struct control_server *server)
{
    control_unregister(server, commands, ARRAY_SIZE(commands));
}
