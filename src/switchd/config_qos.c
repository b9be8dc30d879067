/* SPDX-License-Identifier: Apache-2.0 */
/* The QoS and Queue tables, which a Port refers to: each of its interfaces gets them (port/qos.h); and how
 * to look at what came of it, qos/show and qos/show-types. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "control/control.h"
#include "port/qos.h"
#include "port/vport.h"
#include "switchd/config.h"

/* A QoS row, read. */
struct wanted {
    struct qos_config config;
    struct smap other_config;
    struct qos_queue_config *queues;
    struct smap *queue_settings;
    struct ofproto_queue_mark *marks;
    size_t n_marks;
};

/* Queues are read by number: so the database orders the keys of a map. */
static void read_queues(const struct ovsdb_row *row, struct wanted *w)
{
    size_t total = ovsdb_row_n(row, OVS_QOS_QUEUES);
    const struct ovsdb_datum *map = ovsdb_row_get(row, OVS_QOS_QUEUES);
    const struct ovsdb_type *type = &ovsdb_row_column(row, OVS_QOS_QUEUES)->type;
    w->queues = xcalloc(total + 1, sizeof *w->queues);
    w->queue_settings = xcalloc(total + 1, sizeof *w->queue_settings);
    w->marks = xcalloc(total + 1, sizeof *w->marks);
    for (size_t i = 0; i < total; i++) {
        const struct ovsdb_row *queue = ovsdb_row_ref(row, OVS_QOS_QUEUES, i);
        uint32_t id = (uint32_t)ovsdb_datum_key(map, type, i).integer;
        if (!queue) {
            continue;
        }
        size_t n = w->config.n_queues++;
        config_map(queue, OVS_QUEUE_OTHER_CONFIG, &w->queue_settings[n]);
        w->queues[n] = (struct qos_queue_config){id, &w->queue_settings[n]};
        if (ovsdb_row_n(queue, OVS_QUEUE_DSCP)) {
            uint8_t dscp = (uint8_t)ovsdb_row_integer(queue, OVS_QUEUE_DSCP, 0);
            w->marks[w->n_marks++] = (struct ofproto_queue_mark){id, dscp};
        }
    }
    w->config.queues = w->queues;
}

/* ROW: the Port's. NULL, or one without QoS: none is wanted. */
static void read_wanted(const struct ovsdb_row *row, struct wanted *w)
{
    const struct ovsdb_row *qos = row ? ovsdb_row_ref(row, OVS_PORT_QOS, 0) : NULL;
    const char *type = qos ? ovsdb_row_string(qos, OVS_QOS_TYPE, "") : "";
    memset(w, 0, sizeof *w);
    smap_init(&w->other_config);
    if (*type) {
        smap_fini(&w->other_config);
        config_map(qos, OVS_QOS_OTHER_CONFIG, &w->other_config);
        w->config.type = type;
        read_queues(qos, w);
    }
    w->config.other_config = &w->other_config;
}

static void free_wanted(struct wanted *w)
{
    for (size_t i = 0; i < w->config.n_queues; i++) {
        smap_fini(&w->queue_settings[i]);
    }
    smap_fini(&w->other_config);
    free(w->queues);
    free(w->queue_settings);
    free(w->marks);
}

void config_qos_settings(struct bridge *b)
{
    struct iface *iface;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        struct ofproto_port port;
        struct wanted w;
        struct vport *vport = config_iface_vport(iface, &port);
        if (iface->ofp_port == OFPORT_NONE) {
            continue;
        }
        read_wanted(iface->port_row, &w);
        if (vport) {
            vport_set_qos(vport, &w.config);
        }
        ofproto_port_set_marks(b->ofproto, iface->ofp_port, w.marks, w.n_marks);
        free_wanted(&w);
    }
}

/* Commands. */

static struct iface *find_iface(const struct config *c, const char *name)
{
    struct bridge *b;
    HMAP_FOR_EACH (b, node, &c->bridges) {
        struct iface *iface = config_iface_find(b, name);
        if (iface && iface->ofp_port != OFPORT_NONE) {
            return iface;
        }
    }
    return NULL;
}

/* The vport of the interface NAME, NULL if it has none (a patch port); false after an error was answered. */
static bool need_vport(struct control_request *request, const struct config *c, const char *name,
                       struct vport **vportp)
{
    struct ofproto_port port;
    const struct iface *iface = find_iface(c, name);
    if (!iface) {
        control_reply_error(request, "no such interface");
        return false;
    }
    *vportp = config_iface_vport(iface, &port);
    return true;
}

static void print_type(const char *name, void *s)
{
    strbuf_printf(s, "QoS type: %s\n", name);
}

static void show_types(struct control_request *request, int argc, const char *argv[], void *config)
{
    struct strbuf s = STRBUF_INITIALIZER;
    struct vport *vport;
    if (!need_vport(request, config, argv[1], &vport)) {
        return;
    }
    if (vport) {
        vport_qos_types(vport, print_type, &s);
    }
    if (!s.len) {
        strbuf_printf(&s, "No QoS types supported for interface: %s\n", argv[1]);
    }
    control_reply_steal(request, strbuf_steal(&s));
}

static void print_setting(const char *key, uint64_t value, void *s)
{
    strbuf_printf(s, "%s: %" PRIu64 "\n", key, value);
}

static void print_queue_setting(const char *key, uint64_t value, void *s)
{
    strbuf_printf(s, "  %s: %" PRIu64 "\n", key, value);
}

static void print_queue(const struct vport *vport, uint32_t id, struct strbuf *s)
{
    struct vport_queue_stats stats;
    if (id) {
        strbuf_printf(s, "\nQueue %" PRIu32 ":\n", id);
    } else {
        strbuf_puts(s, "\nDefault:\n");
    }
    vport_get_queue(vport, id, print_queue_setting, s);
    int error = vport_get_queue_stats(vport, id, &stats);
    if (error) {
        strbuf_printf(s, "  Failed to get statistics for queue %" PRIu32 ": %s", id, strerror(error));
        return;
    }
    strbuf_printf(s,
                  "  tx_packets: %" PRIu64 "\n"
                  "  tx_bytes: %" PRIu64 "\n"
                  "  tx_errors: %" PRIu64 "\n",
                  stats.tx_packets, stats.tx_bytes, stats.tx_errors);
}

static void show(struct control_request *request, int argc, const char *argv[], void *config)
{
    struct strbuf s = STRBUF_INITIALIZER, settings = STRBUF_INITIALIZER;
    struct vport *vport;
    if (!need_vport(request, config, argv[1], &vport)) {
        return;
    }
    const char *type = vport ? vport_get_qos(vport, print_setting, &settings) : "";
    if (*type) {
        strbuf_printf(&s, "QoS: %s %s\n%s", argv[1], type, strbuf_text(&settings));
        for (size_t i = 0; i < vport_n_queues(vport); i++) {
            print_queue(vport, vport_queue_id(vport, i), &s);
        }
    } else {
        strbuf_printf(&s, "QoS not configured on %s\n", argv[1]);
    }
    strbuf_fini(&settings);
    control_reply_steal(request, strbuf_steal(&s));
}

static const struct control_command commands[] = {
    {"qos/show-types", "interface", 1, 1, show_types},
    {"qos/show", "interface", 1, 1, show},
};

void config_qos_register_commands(struct config *c, struct control_server *server)
{
    control_register(server, commands, ARRAY_SIZE(commands), c);
}
