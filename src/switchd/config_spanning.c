/* SPDX-License-Identifier: Apache-2.0 */
/* The Bridge's and Ports' columns and keys for the spanning tree (ovs-vswitchd.conf.db(5)), and what is
 * written back of it, as often as statistics are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mac.h"
#include "pipeline/spanning.h"
#include "port/vport.h"
#include "switchd/config.h"

LOG_MODULE(bridge);

/* Where a device does not say how fast it is. */
#define UNKNOWN_MEGABITS 10000

static int key_in(const struct smap *map, const char *key, int min, int max, int otherwise)
{
    const char *text = smap_get(map, key);
    char *end;
    long v = text ? strtol(text, &end, 0) : 0;
    return text && *text && !*end && v >= min && v <= max ? (int)v : otherwise;
}

static uint64_t bridge_id(const struct bridge *b, const struct smap *other, const char *address_key,
                          int priority)
{
    struct eth_addr mac = b->mac;
    const char *text = smap_get(other, address_key);
    uint64_t id = (uint64_t)priority;
    if (text && !mac_parse(text, &mac)) {
        mac = b->mac;
        LOG_ERR("bridge %s: invalid %s, defaulting to %02x:%02x:%02x:%02x:%02x:%02x", b->name, address_key,
                mac.ea[0], mac.ea[1], mac.ea[2], mac.ea[3], mac.ea[4], mac.ea[5]);
    }
    for (int i = 0; i < 6; i++) {
        id = id << 8 | mac.ea[i];
    }
    return id;
}

static void set_bridge(struct bridge *b)
{
    struct smap other;
    struct ofproto_spanning s;
    memset(&s, 0, sizeof s);
    config_map(b->row, OVS_BRIDGE_OTHER_CONFIG, &other);
    s.protocol = ovsdb_row_boolean(b->row, OVS_BRIDGE_RSTP_ENABLE, false)  ? SPANNING_RSTP
                 : ovsdb_row_boolean(b->row, OVS_BRIDGE_STP_ENABLE, false) ? SPANNING_STP
                                                                           : SPANNING_NONE;
    s.stp_bridge_id =
        bridge_id(b, &other, "stp-system-id", key_in(&other, "stp-priority", 0, 65535, STP_DEFAULT_PRIORITY));
    s.stp_hello_ms = 1000 * key_in(&other, "stp-hello-time", 1, 10, STP_DEFAULT_HELLO_MS / 1000);
    s.stp_max_age_ms = 1000 * key_in(&other, "stp-max-age", 6, 40, STP_DEFAULT_MAX_AGE_MS / 1000);
    s.stp_fwd_delay_ms = 1000 * key_in(&other, "stp-forward-delay", 4, 30, STP_DEFAULT_FWD_DELAY_MS / 1000);
    int priority = key_in(&other, "rstp-priority", 0, 61440, RSTP_DEFAULT_PRIORITY) & ~4095;
    s.rstp.bridge_id = bridge_id(b, &other, "rstp-address", priority);
    s.rstp.max_age = key_in(&other, "rstp-max-age", 6, 40, RSTP_DEFAULT_MAX_AGE);
    s.rstp.fwd_delay = key_in(&other, "rstp-forward-delay", 4, 30, RSTP_DEFAULT_FWD_DELAY);
    s.rstp.hold_count = key_in(&other, "rstp-transmit-hold-count", 1, 10, RSTP_DEFAULT_HOLD_COUNT);
    s.rstp.stp_only = key_in(&other, "rstp-force-protocol-version", 0, 2, 2) == 0;
    ofproto_set_spanning(b->ofproto, &s);
    smap_fini(&other);
}

/* The one interface of a Port that can take part: not of a bond, not internal, not a mirror's output. */
static const struct iface *candidate(const struct bridge *b, const struct ovsdb_row *row, bool rapid,
                                     const struct smap *other)
{
    const char *name = ovsdb_row_string(row, OVS_PORT_NAME, "");
    const struct ovsdb_row *iface_row =
        ovsdb_row_n(row, OVS_PORT_INTERFACES) == 1 ? ovsdb_row_ref(row, OVS_PORT_INTERFACES, 0) : NULL;
    if (!smap_get_bool(other, rapid ? "rstp-enable" : "stp-enable", true)) {
        return NULL;
    }
    if (ovsdb_row_n(row, OVS_PORT_INTERFACES) > 1) {
        LOG_ERR("port %s: cannot enable %s on bonds, disabling", name, rapid ? "RSTP" : "STP");
        return NULL;
    }
    const struct iface *iface =
        iface_row ? config_iface_find(b, ovsdb_row_string(iface_row, OVS_INTERFACE_NAME, "")) : NULL;
    if (!iface || iface->row != iface_row || iface->ofp_port == OFPORT_NONE ||
        iface->ofp_port == OFPORT_LOCAL || !strcmp(iface->type, "internal") ||
        ofproto_is_mirror_output(b->ofproto, name)) {
        return NULL;
    }
    return iface;
}

static unsigned megabits(const struct iface *iface)
{
    struct ofproto_port port;
    const struct vport *vport = config_iface_vport(iface, &port);
    return vport && vport->status.speed_bps ? (unsigned)(vport->status.speed_bps / 1000000)
                                            : UNKNOWN_MEGABITS;
}

struct numbers {
    unsigned long *stp, *rstp; /* that are taken */
};

static unsigned take_number(unsigned long *taken, unsigned max, int wanted)
{
    unsigned n = (unsigned)wanted;
    if (!n || bitmap_is_set(taken, n)) {
        for (n = 1; n <= max && bitmap_is_set(taken, n); n++) {
        }
    }
    if (n > max) {
        return 0;
    }
    bitmap_set(taken, n);
    return n;
}

static void set_port(struct bridge *b, const struct iface *iface, const struct smap *other, bool rapid,
                     struct numbers *numbers)
{
    struct ofproto_port_spanning s;
    memset(&s, 0, sizeof s);
    unsigned speed = megabits(iface);
    s.stp_number =
        take_number(numbers->stp, STP_MAX_PORTS, key_in(other, "stp-port-num", 1, STP_MAX_PORTS, 0));
    s.stp_path_cost = (uint16_t)key_in(other, "stp-path-cost", 0, 65535, stp_path_cost(speed));
    s.stp_priority = (uint8_t)key_in(other, "stp-port-priority", 0, 255, STP_DEFAULT_PORT_PRIORITY);
    s.rstp.number =
        take_number(numbers->rstp, RSTP_MAX_PORT, key_in(other, "rstp-port-num", 1, RSTP_MAX_PORT, 0));
    s.rstp.priority =
        (uint8_t)(key_in(other, "rstp-port-priority", 0, 240, RSTP_DEFAULT_PORT_PRIORITY) & ~15);
    s.rstp.path_cost = (uint32_t)key_in(other, "rstp-path-cost", 1, 200000000, (int)rstp_path_cost(speed));
    s.rstp.admin_edge = smap_get_bool(other, "rstp-port-admin-edge", false);
    s.rstp.auto_edge = smap_get_bool(other, "rstp-port-auto-edge", true);
    const char *p2p = smap_get(other, "rstp-admin-p2p-mac");
    s.rstp.point_to_point = !p2p || strcmp(p2p, "0");
    s.rstp_mcheck = smap_get_bool(other, "rstp-port-mcheck", false);
    if (rapid ? !s.rstp.number : !s.stp_number) {
        LOG_ERR("bridge %s: too many ports, disabling %s on port %s", b->name, rapid ? "RSTP" : "STP",
                iface->name);
        ofproto_port_set_spanning(b->ofproto, iface->ofp_port, NULL);
        return;
    }
    ofproto_port_set_spanning(b->ofproto, iface->ofp_port, &s);
}

static int by_name(const void *a, const void *b)
{
    return strverscmp(ovsdb_row_string(*(const struct ovsdb_row *const *)a, OVS_PORT_NAME, ""),
                      ovsdb_row_string(*(const struct ovsdb_row *const *)b, OVS_PORT_NAME, ""));
}

/* Those that ask for a number come before the others, who get the lowest that are left, by name. */
static void set_ports(struct bridge *b, bool rapid)
{
    size_t total = ovsdb_row_n(b->row, OVS_BRIDGE_PORTS), n = 0;
    const struct ovsdb_row **rows = xcalloc(total + 1, sizeof *rows);
    struct numbers numbers = {.stp = bitmap_create(STP_MAX_PORTS + 1),
                              .rstp = bitmap_create(RSTP_MAX_PORT + 1)};
    for (size_t i = 0; i < total; i++) {
        rows[n] = ovsdb_row_ref(b->row, OVS_BRIDGE_PORTS, i);
        n += rows[n] != NULL;
    }
    qsort(rows, n, sizeof *rows, by_name);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++) {
            struct smap other;
            config_map(rows[i], OVS_PORT_OTHER_CONFIG, &other);
            bool asks = smap_get(&other, rapid ? "rstp-port-num" : "stp-port-num");
            const struct iface *iface = asks == !round ? candidate(b, rows[i], rapid, &other) : NULL;
            if (iface) {
                set_port(b, iface, &other, rapid, &numbers);
            } else if (asks == !round) {
                for (size_t j = 0; j < ovsdb_row_n(rows[i], OVS_PORT_INTERFACES); j++) {
                    const struct ovsdb_row *row = ovsdb_row_ref(rows[i], OVS_PORT_INTERFACES, j);
                    iface = row ? config_iface_find(b, ovsdb_row_string(row, OVS_INTERFACE_NAME, "")) : NULL;
                    if (iface && iface->ofp_port != OFPORT_NONE) {
                        ofproto_port_set_spanning(b->ofproto, iface->ofp_port, NULL);
                    }
                }
            }
            smap_fini(&other);
        }
    }
    free(numbers.stp);
    free(numbers.rstp);
    free(rows);
}

void config_spanning_settings(struct bridge *b)
{
    bool rapid = ovsdb_row_boolean(b->row, OVS_BRIDGE_RSTP_ENABLE, false);
    set_bridge(b);
    if (rapid || ovsdb_row_boolean(b->row, OVS_BRIDGE_STP_ENABLE, false)) {
        set_ports(b, rapid);
    } else {
        struct iface *iface;
        HMAP_FOR_EACH (iface, node, &b->ifaces) {
            if (iface->ofp_port != OFPORT_NONE) {
                ofproto_port_set_spanning(b->ofproto, iface->ofp_port, NULL);
            }
        }
    }
}

/* ------------------------------------------------------------------ the way back */

static void set_text(struct smap *map, const char *key, const char *format, ...) PRINTF_FORMAT(3, 4);
static void set_text(struct smap *map, const char *key, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    smap_set(map, key, text);
}

#define STP_ID(ID)  (unsigned)((ID) >> 48), (ID)&UINT64_C(0xffffffffffff)
#define RSTP_ID(ID) (unsigned)((ID) >> 60), (unsigned)((ID) >> 48) & 0xfff, (ID)&UINT64_C(0xffffffffffff)
#define STP_FORMAT  "%04x.%012" PRIx64
#define RSTP_FORMAT "%x.%03x.%012" PRIx64

static void write_bridge(struct ovsdb_txn *txn, const struct bridge *b)
{
    struct smap map = SMAP_INITIALIZER;
    struct stp_status stp;
    struct rstp_status rstp;
    if (ofproto_stp_get(b->ofproto, &stp)) {
        set_text(&map, "stp_bridge_id", STP_FORMAT, STP_ID(stp.bridge_id));
        set_text(&map, "stp_designated_root", STP_FORMAT, STP_ID(stp.designated_root));
        set_text(&map, "stp_root_path_cost", "%" PRIu32, stp.root_path_cost);
    }
    status_set_map(txn, b->row, OVS_BRIDGE_STATUS, &map);
    smap_fini(&map);
    smap_init(&map);
    if (ofproto_rstp_get(b->ofproto, &rstp)) {
        set_text(&map, "rstp_bridge_id", RSTP_FORMAT, RSTP_ID(rstp.settings.bridge_id));
        set_text(&map, "rstp_root_id", RSTP_FORMAT, RSTP_ID(rstp.root_id));
        set_text(&map, "rstp_root_path_cost", "%" PRIu32, rstp.root_path_cost);
        set_text(&map, "rstp_designated_id", RSTP_FORMAT, RSTP_ID(rstp.designated_id));
        set_text(&map, "rstp_designated_port_id", "%04x", rstp.designated_port_id);
        set_text(&map, "rstp_bridge_port_id", "%04x", rstp.root_port_id);
    }
    status_set_map(txn, b->row, OVS_BRIDGE_RSTP_STATUS, &map);
    smap_fini(&map);
}

static void write_counts(struct ovsdb_txn *txn, struct ovsdb_row *row, unsigned column,
                         const char *const *names, const int64_t *values, size_t n)
{
    ovsdb_txn_set(txn, row, column,
                  ovsdb_datum_from_int_pairs(&ovsdb_row_column(row, column)->type, names, values, n));
}

static void write_stp(struct ovsdb_txn *txn, struct ovsdb_row *row, const struct stp_port_status *p)
{
    static const char *const names[] = {"stp_error_count", "stp_rx_count", "stp_tx_count"};
    struct smap map = SMAP_INITIALIZER;
    if (p) {
        const int64_t values[] = {(int64_t)p->errors, (int64_t)p->rx, (int64_t)p->tx};
        set_text(&map, "stp_port_id", "%u", p->port_id);
        set_text(&map, "stp_state", "%s", stp_state_name(p->state));
        set_text(&map, "stp_sec_in_state", "%" PRId64, (clock_ms() - p->state_since_ms) / 1000);
        set_text(&map, "stp_role", "%s", stp_role_name(p->role));
        write_counts(txn, row, OVS_PORT_STATISTICS, names, values, ARRAY_SIZE(names));
    } else {
        ovsdb_txn_set_empty(txn, row, OVS_PORT_STATISTICS);
    }
    status_set_map(txn, row, OVS_PORT_STATUS, &map);
    smap_fini(&map);
}

static void write_rstp(struct ovsdb_txn *txn, struct ovsdb_row *row, const struct rstp_port_status *p)
{
    static const char *const names[] = {"rstp_error_count", "rstp_rx_count", "rstp_tx_count", "rstp_uptime"};
    struct smap map = SMAP_INITIALIZER;
    if (p) {
        const int64_t values[] = {(int64_t)p->errors, (int64_t)p->rx, (int64_t)p->tx,
                                  (clock_ms() - p->up_since_ms) / 1000};
        set_text(&map, "rstp_port_id", "%04x", p->port_id);
        set_text(&map, "rstp_port_role", "%s", rstp_role_name(p->role));
        set_text(&map, "rstp_port_state", "%s", rstp_state_name(p->state));
        set_text(&map, "rstp_designated_bridge_id", RSTP_FORMAT, RSTP_ID(p->designated_bridge_id));
        set_text(&map, "rstp_designated_port_id", "%04x", p->designated_port_id);
        set_text(&map, "rstp_designated_path_cost", "%" PRIu32, p->designated_cost);
        write_counts(txn, row, OVS_PORT_RSTP_STATISTICS, names, values, ARRAY_SIZE(names));
    } else {
        ovsdb_txn_set_empty(txn, row, OVS_PORT_RSTP_STATISTICS);
    }
    status_set_map(txn, row, OVS_PORT_RSTP_STATUS, &map);
    smap_fini(&map);
}

void config_spanning_write(struct ovsdb_txn *txn, const struct bridge *b)
{
    struct iface *iface;
    write_bridge(txn, b);
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        struct stp_port_status stp;
        struct rstp_port_status rstp;
        struct ovsdb_row *row = iface->port_row;
        if (row && ovsdb_row_n(row, OVS_PORT_INTERFACES) == 1) {
            bool open = iface->ofp_port != OFPORT_NONE;
            write_stp(txn, row,
                      open && ofproto_stp_get_port(b->ofproto, iface->ofp_port, &stp) ? &stp : NULL);
            write_rstp(txn, row,
                       open && ofproto_rstp_get_port(b->ofproto, iface->ofp_port, &rstp) ? &rstp : NULL);
        }
    }
}
