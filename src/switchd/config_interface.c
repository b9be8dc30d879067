/* SPDX-License-Identifier: Apache-2.0 */
/* The Interface table: devices, and the OpenFlow ports that they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitmap.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mac.h"
#include "port/vport.h"
#include "switchd/config.h"
#include "tunnel/kind.h"

LOG_MODULE(bridge);

struct iface *config_iface_find(const struct bridge *b, const char *name)
{
    struct iface *iface;
    HMAP_FOR_EACH_WITH_HASH (iface, node, hash_string(name, 0), &b->ifaces) {
        if (!strcmp(iface->name, name)) {
            return iface;
        }
    }
    return NULL;
}

struct vport *config_iface_vport(const struct iface *iface, struct ofproto_port *port)
{
    if (iface->ofp_port == OFPORT_NONE || ofproto_port_get(iface->bridge->ofproto, iface->ofp_port, port)) {
        return NULL;
    }
    return port->vport;
}

static struct iface *iface_want(struct bridge *b, const char *name)
{
    struct iface *iface = config_iface_find(b, name);
    if (!iface) {
        iface = xzalloc(sizeof *iface);
        iface->bridge = b;
        iface->name = xstrdup(name);
        iface->type = xstrdup("");
        iface->ofp_port = OFPORT_NONE;
        smap_init(&iface->options);
        hmap_insert(&b->ifaces, &iface->node, hash_string(name, 0));
    }
    iface->wanted = true;
    return iface;
}

static void close_port(struct iface *iface)
{
    if (iface->ofp_port != OFPORT_NONE) {
        ofproto_port_del(iface->bridge->ofproto, iface->ofp_port);
        LOG_INFO("bridge %s: deleted interface %s on port %u", iface->bridge->name, iface->name,
                 iface->ofp_port);
        iface->last_ofp_port = iface->ofp_port;
        iface->ofp_port = OFPORT_NONE;
    }
}

void config_iface_destroy(struct iface *iface)
{
    close_port(iface);
    hmap_remove(&iface->bridge->ifaces, &iface->node);
    smap_fini(&iface->options);
    free(iface->name);
    free(iface->type);
    free(iface->error);
    free(iface);
}

/* What the database wants in B: its ports' interfaces, and the local port, named there or not. */
void config_ifaces_collect(struct bridge *b)
{
    struct iface *iface;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        iface->wanted = false;
        iface->row = iface->port_row = NULL;
    }
    for (size_t i = 0; i < ovsdb_row_n(b->row, OVS_BRIDGE_PORTS); i++) {
        struct ovsdb_row *port_row = ovsdb_row_ref(b->row, OVS_BRIDGE_PORTS, i);
        for (size_t j = 0; port_row && j < ovsdb_row_n(port_row, OVS_PORT_INTERFACES); j++) {
            struct ovsdb_row *row = ovsdb_row_ref(port_row, OVS_PORT_INTERFACES, j);
            if (!row) {
                continue;
            }
            iface = iface_want(b, ovsdb_row_string(row, OVS_INTERFACE_NAME, ""));
            if (!iface->row) {
                iface->row = row;
                iface->port_row = port_row;
            }
        }
    }
    iface_want(b, b->name);
}

static const char *wanted_type(const struct iface *iface)
{
    if (!strcmp(iface->name, iface->bridge->name)) {
        return "internal";
    }
    return ovsdb_row_string(iface->row, OVS_INTERFACE_TYPE, "");
}

static int64_t wanted_ofport(const struct iface *iface)
{
    return iface->row ? ovsdb_row_integer(iface->row, OVS_INTERFACE_OFPORT_REQUEST, 0) : 0;
}

/* OpenFlow numbers that interfaces of B ask for: one bit each. The caller frees. */
static unsigned long *requested_numbers(const struct bridge *b)
{
    unsigned long *numbers = bitmap_create(OFPORT_MAX);
    const struct iface *iface;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        int64_t request = iface->wanted ? wanted_ofport(iface) : 0;
        if (request > 0 && request < OFPORT_MAX) {
            bitmap_set(numbers, (size_t)request);
        }
    }
    return numbers;
}

/* Whether a port of B has the number that it asks for, NUMBER: nobody else gets that. */
static bool number_is_kept(const struct bridge *b, int64_t number)
{
    const struct iface *iface;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        if (iface->wanted && iface->ofp_port == number && wanted_ofport(iface) == number) {
            return true;
        }
    }
    return false;
}

/* A request that came later takes the number from a port that has it only by chance (`ofport_request` of
 * ovs-vswitchd.conf.db(5)); that one gets another. */
static bool must_renumber(struct iface *iface, const unsigned long *requested)
{
    int64_t request = wanted_ofport(iface);
    if (iface->ofp_port == OFPORT_LOCAL || request == iface->ofp_port) {
        return false;
    }
    if (request > 0 && request < OFPORT_MAX && !number_is_kept(iface->bridge, request)) {
        return true;
    }
    return iface->ofp_port < OFPORT_MAX && bitmap_is_set(requested, iface->ofp_port);
}

static bool must_reopen(struct iface *iface)
{
    struct ofproto_port port;
    struct vport *vport = config_iface_vport(iface, &port);
    return (vport && vport->status.gone) || strcmp(iface->type, wanted_type(iface));
}

static void apply_options(struct iface *iface)
{
    struct smap options;
    char *error = NULL;
    if (!iface->row) {
        return;
    }
    config_map(iface->row, OVS_INTERFACE_OPTIONS, &options);
    if (!smap_equal(&options, &iface->options)) {
        int code = ofproto_port_set_options(iface->bridge->ofproto, iface->ofp_port, &options, &error);
        if (code == EAGAIN) {
            close_port(iface);
        } else {
            free(iface->error);
            iface->error = code ? xstrdup(error ? error : strerror(code)) : NULL;
            smap_swap(&options, &iface->options);
        }
        free(error);
    }
    smap_fini(&options);
}

void config_ifaces_remove(struct bridge *b)
{
    struct iface *iface;
    HMAP_FOR_EACH_SAFE (iface, node, &b->ifaces) {
        if (!iface->wanted) {
            config_iface_destroy(iface);
        } else if (iface->ofp_port != OFPORT_NONE) {
            if (must_reopen(iface)) {
                close_port(iface);
            } else {
                apply_options(iface);
            }
        }
    }
    unsigned long *requested = requested_numbers(b);
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        if (iface->ofp_port != OFPORT_NONE && must_renumber(iface, requested)) {
            close_port(iface);
            iface->last_ofp_port = 0;
        }
    }
    free(requested);
}

/* The reference's two sentences, which scripts know; then, where it knows more than the errno, what the
 * device said. */
static void set_error(struct iface *iface, int code, const char *detail)
{
    bool never_opened =
        code == ENODEV || code == EAFNOSUPPORT || code == EPERM || code == EACCES || code == ENOENT;
    bool plain = code == ENODEV || code == EAFNOSUPPORT || code == EINVAL || !detail;
    free(iface->error);
    if (code == EINVAL && detail && (!strcmp(iface->type, "patch") || tunnel_kind_find(iface->type))) {
        iface->error = xstrdup(detail); /* about its options, in words of its own */
        return;
    }
    iface->error = never_opened
                       ? xasprintf("could not open network device %s (%s)%s%s", iface->name, strerror(code),
                                   plain ? "" : ": ", plain ? "" : detail)
                       : xasprintf("could not add network device %s to ofproto (%s)%s%s", iface->name,
                                   strerror(code), plain ? "" : ": ", plain ? "" : detail);
}

static void open_port(struct iface *iface)
{
    struct bridge *b = iface->bridge;
    bool is_local = !strcmp(iface->name, b->name);
    char *error = NULL, *previous = iface->error;
    free(iface->type);
    iface->type = xstrdup(wanted_type(iface));
    smap_fini(&iface->options);
    if (iface->row) {
        config_map(iface->row, OVS_INTERFACE_OPTIONS, &iface->options);
    } else {
        smap_init(&iface->options);
    }
    iface->ofport_request = wanted_ofport(iface);
    struct ofproto_port_settings settings = {
        .name = iface->name,
        .type = iface->type,
        .options = &iface->options,
        .ofp_port_request = is_local ? OFPORT_LOCAL
                            : iface->ofport_request && iface->ofport_request < OFPORT_MAX
                                ? (uint32_t)iface->ofport_request
                            : iface->last_ofp_port ? iface->last_ofp_port
                                                   : OFPORT_NONE,
    };
    int code = ofproto_port_add(b->ofproto, &settings, &iface->ofp_port, &error);
    if (code == EBUSY && settings.ofp_port_request != OFPORT_NONE && !is_local) {
        /* The number is taken by another: any other, as the reference does. */
        free(error);
        error = NULL;
        settings.ofp_port_request = OFPORT_NONE;
        code = ofproto_port_add(b->ofproto, &settings, &iface->ofp_port, &error);
    }
    iface->error = NULL;
    iface->status_seq = 0;
    if (code) {
        iface->ofp_port = OFPORT_NONE;
        set_error(iface, code, error);
        if (!previous || strcmp(previous, iface->error)) {
            LOG_WARN("%s", iface->error);
            if (error) {
                LOG_INFO("%s", error);
            }
        }
    } else {
        LOG_INFO("bridge %s: added interface %s on port %u", b->name, iface->name, iface->ofp_port);
    }
    free(previous);
    free(error);
}

static int by_name(const void *a_, const void *b_)
{
    const struct iface *const *a = a_, *const *b = b_;
    return strverscmp((*a)->name, (*b)->name);
}

/* The local port, then those that ask for a number, so that nobody else is given it, then the others by name:
 * what is numbered and flooded to in one transaction comes out the same each time. */
void config_ifaces_add(struct bridge *b)
{
    size_t n = 0;
    struct iface *iface, **sorted = xcalloc(hmap_count(&b->ifaces), sizeof *sorted);
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        if (iface->ofp_port == OFPORT_NONE) {
            sorted[n++] = iface;
        }
    }
    qsort(sorted, n, sizeof *sorted, by_name);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < n; i++) {
            int turn = !strcmp(sorted[i]->name, b->name) ? 0 : wanted_ofport(sorted[i]) ? 1 : 2;
            if (turn == round) {
                open_port(sorted[i]);
            }
        }
    }
    free(sorted);
}

static void set_mtu(struct iface *iface, struct vport *vport, int mtu)
{
    if (mtu && mtu != vport->status.mtu && vport->ops->set_mtu) {
        int error = vport->ops->set_mtu(vport, mtu);
        if (error && error != EOPNOTSUPP) {
            LOG_WARN("interface %s: cannot set its MTU to %d: %s", iface->name, mtu, strerror(error));
        }
    }
}

static int wanted_mtu(const struct iface *iface)
{
    return iface->row ? (int)ovsdb_row_integer(iface->row, OVS_INTERFACE_MTU_REQUEST, 0) : 0;
}

/* An internal device that asks for no MTU takes the bridge's. */
static bool follows_mtu(const struct iface *iface)
{
    return !wanted_mtu(iface) && (!strcmp(iface->type, "internal") || !strcmp(iface->type, "dummy-internal"));
}

void config_bridge_mtu(struct bridge *b)
{
    struct iface *iface;
    struct ofproto_port port;
    struct vport *vport;
    int smallest = 0;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        vport = config_iface_vport(iface, &port);
        if (vport && !vport->status.gone && !follows_mtu(iface)) {
            set_mtu(iface, vport, wanted_mtu(iface));
            if (vport->status.mtu && (!smallest || vport->status.mtu < smallest)) {
                smallest = vport->status.mtu;
            }
        }
    }
    smallest = smallest ? smallest : 1500;
    bool moved = smallest != b->mtu;
    b->mtu = smallest;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        vport = config_iface_vport(iface, &port);
        /* One that was made smaller by hand may stay so, until the bridge's changes. */
        if (vport && !vport->status.gone && follows_mtu(iface) && (moved || vport->status.mtu > smallest)) {
            set_mtu(iface, vport, smallest);
        }
    }
}

static void set_affinity(const struct iface *iface)
{
    struct smap other;
    config_map(iface->row, OVS_INTERFACE_OTHER_CONFIG, &other);
    ofproto_port_set_affinity(iface->bridge->ofproto, iface->ofp_port, smap_get(&other, "pmd-rxq-affinity"));
    smap_fini(&other);
}

static uint32_t policing_number(const struct iface *iface, unsigned column)
{
    return (uint32_t)MIN(ovsdb_row_integer(iface->row, column, 0), UINT32_MAX);
}

static void set_policing(const struct iface *iface, struct vport *vport)
{
    const struct policer_config config = {
        .rate_kbps = policing_number(iface, OVS_INTERFACE_INGRESS_POLICING_RATE),
        .burst_kb = policing_number(iface, OVS_INTERFACE_INGRESS_POLICING_BURST),
        .rate_kpkts = policing_number(iface, OVS_INTERFACE_INGRESS_POLICING_KPKTS_RATE),
        .burst_kpkts = policing_number(iface, OVS_INTERFACE_INGRESS_POLICING_KPKTS_BURST),
    };
    vport_set_policing(vport, &config);
}

void config_ifaces_settings(struct bridge *b)
{
    struct iface *iface;
    config_bridge_mtu(b);
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        struct ofproto_port port;
        struct eth_addr mac;
        struct vport *vport = config_iface_vport(iface, &port);
        if (!vport) {
            continue;
        }
        if (iface->row) {
            set_policing(iface, vport);
            set_affinity(iface);
        }
        const char *wanted = iface->row ? ovsdb_row_string(iface->row, OVS_INTERFACE_MAC, NULL) : NULL;
        if (wanted && mac_parse(wanted, &mac) && vport->ops->set_mac && iface->ofp_port != OFPORT_LOCAL) {
            if (mac.ea[0] & 1) {
                LOG_ERR("interface %s: cannot set MAC to multicast address", iface->name);
            } else if (memcmp(&mac, &vport->status.mac, sizeof mac)) {
                int error = vport->ops->set_mac(vport, mac);
                if (error) {
                    LOG_ERR("interface %s: setting MAC failed (%s)", iface->name, strerror(error));
                }
            }
        }
    }
}
