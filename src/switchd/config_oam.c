/* SPDX-License-Identifier: Apache-2.0 */
/* Interface: BFD, CFM and LLDP, and the way back (ovs-vswitchd.conf.db(5)). */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mac.h"
#include "base/strbuf.h"
#include "ovsdb/datum.h"
#include "pipeline/oam.h"
#include "switchd/config.h"

LOG_MODULE(bridge);

static int key_in(const struct smap *map, const char *key, int min, int max, int otherwise)
{
    long long v = smap_get_int(map, key, otherwise);
    return v >= min && v <= max ? (int)v : otherwise;
}

static bool get_mac(const struct smap *map, const char *key, const char *port, struct eth_addr *mac)
{
    const char *text = smap_get(map, key);
    if (text && !mac_parse(text, mac)) {
        LOG_WARN("interface %s: ignoring %s=%s: no Ethernet address", port, key, text);
        text = NULL;
    }
    return text;
}

static be32 get_ip(const struct smap *map, const char *key, const char *port, const char *otherwise)
{
    struct in_addr ip;
    const char *text = smap_get(map, key);
    if (text && inet_pton(AF_INET, text, &ip) == 1) {
        return ip.s_addr;
    }
    if (text) {
        LOG_WARN("interface %s: ignoring %s=%s: no IPv4 address", port, key, text);
    }
    inet_pton(AF_INET, otherwise, &ip);
    return ip.s_addr;
}

static void set_bfd(const struct iface *iface, struct ofproto_port_oam *s)
{
    struct smap map;
    config_map(iface->row, OVS_INTERFACE_BFD, &map);
    if (smap_get_bool(&map, "enable", false)) {
        s->bfd = true;
        s->bfd_settings.min_rx_ms = key_in(&map, "min_rx", 1, INT32_MAX, BFD_DEFAULT_MIN_RX);
        s->bfd_settings.min_tx_ms = key_in(&map, "min_tx", 1, INT32_MAX, BFD_DEFAULT_MIN_TX);
        s->bfd_settings.mult = (uint8_t)key_in(&map, "mult", 1, 255, BFD_DEFAULT_MULT);
        s->bfd_settings.cpath_down = smap_get_bool(&map, "cpath_down", false);
        s->bfd_settings.forwarding_if_rx = smap_get_bool(&map, "forwarding_if_rx", false);
        s->bfd_check_key = smap_get_bool(&map, "check_tnl_key", false);
        s->bfd_dst_mac = (struct eth_addr){{0x00, 0x23, 0x20, 0x00, 0x00, 0x01}};
        s->bfd_has_src_mac = get_mac(&map, "bfd_local_src_mac", iface->name, &s->bfd_src_mac);
        s->bfd_has_remote_mac = get_mac(&map, "bfd_remote_dst_mac", iface->name, &s->bfd_remote_mac);
        get_mac(&map, "bfd_local_dst_mac", iface->name, &s->bfd_dst_mac);
        s->bfd_src_ip = get_ip(&map, "bfd_src_ip", iface->name, "169.254.1.1");
        s->bfd_dst_ip = get_ip(&map, "bfd_dst_ip", iface->name, "169.254.1.0");
    }
    smap_fini(&map);
}

static void set_cfm(const struct iface *iface, struct ofproto_port_oam *s)
{
    struct smap other;
    int64_t mpid = ovsdb_row_integer(iface->row, OVS_INTERFACE_CFM_MPID, -1);
    if (!ovsdb_row_n(iface->row, OVS_INTERFACE_CFM_MPID)) {
        return;
    }
    config_map(iface->row, OVS_INTERFACE_OTHER_CONFIG, &other);
    const char *opstate = smap_get(&other, "cfm_opstate"), *vlan = smap_get(&other, "cfm_ccm_vlan");
    s->cfm = true;
    s->cfm_settings.mpid = (uint64_t)mpid;
    s->cfm_settings.interval_ms = key_in(&other, "cfm_interval", 1, INT32_MAX, CFM_DEFAULT_INTERVAL);
    s->cfm_settings.extended = smap_get_bool(&other, "cfm_extended", false);
    s->cfm_settings.demand = smap_get_bool(&other, "cfm_demand", false);
    s->cfm_settings.opdown = opstate && !strcasecmp(opstate, "down");
    int vid = vlan && !strcasecmp(vlan, "random") ? 1 + (int)(mpid & 0x7ff)
                                                  : key_in(&other, "cfm_ccm_vlan", 0, 4095, 0);
    int pcp = key_in(&other, "cfm_ccm_pcp", 0, 7, 0);
    s->cfm_tci = (uint16_t)(vid | pcp << 13);
    smap_fini(&other);
}

void config_oam_settings(struct bridge *b)
{
    struct iface *iface;
    HMAP_FOR_EACH (iface, node, &b->ifaces) {
        struct ofproto_port_oam s;
        struct smap lldp;
        if (iface->ofp_port == OFPORT_NONE) {
            continue;
        }
        memset(&s, 0, sizeof s);
        if (iface->row) {
            set_bfd(iface, &s);
            set_cfm(iface, &s);
            config_map(iface->row, OVS_INTERFACE_LLDP, &lldp);
            s.lldp = smap_get_bool(&lldp, "enable", false);
            smap_fini(&lldp);
        }
        ofproto_port_set_oam(b->ofproto, iface->ofp_port, &s);
    }
}

/* ------------------------------------------------------------------ the way back */

static void write_bfd(struct ovsdb_txn *txn, const struct iface *iface, const struct bfd_status *bfd)
{
    struct smap map = SMAP_INITIALIZER;
    if (bfd) {
        char flaps[24];
        snprintf(flaps, sizeof flaps, "%" PRIu64, bfd->flap_count);
        smap_set(&map, "forwarding", bfd->forwarding ? "true" : "false");
        smap_set(&map, "state", bfd_state_name(bfd->state));
        smap_set(&map, "diagnostic", bfd_diag_name(bfd->diag));
        smap_set(&map, "remote_state", bfd_state_name(bfd->remote_state));
        smap_set(&map, "remote_diagnostic", bfd_diag_name(bfd->remote_diag));
        smap_set(&map, "flap_count", flaps);
    }
    status_set_map(txn, iface->row, OVS_INTERFACE_BFD_STATUS, &map);
    smap_fini(&map);
}

static void write_mpids(struct ovsdb_txn *txn, struct ovsdb_row *row, const struct cfm_status *cfm)
{
    struct strbuf s = STRBUF_INITIALIZER;
    struct ovsdb_datum *datum;
    strbuf_puts(&s, "[");
    for (size_t i = 0; i < cfm->n_remotes; i++) {
        strbuf_printf(&s, "%s%" PRIu64, i ? "," : "", cfm->remote_mpids[i] & INT64_MAX);
    }
    strbuf_puts(&s, "]");
    char *error = ovsdb_datum_from_string(
        &datum, &ovsdb_row_column(row, OVS_INTERFACE_CFM_REMOTE_MPIDS)->type, strbuf_text(&s), NULL);
    if (!error) {
        ovsdb_txn_set(txn, row, OVS_INTERFACE_CFM_REMOTE_MPIDS, datum);
    }
    free(error);
    strbuf_fini(&s);
}

static void write_cfm(struct ovsdb_txn *txn, struct ovsdb_row *row, const struct cfm_status *cfm)
{
    static const unsigned columns[] = {OVS_INTERFACE_CFM_FAULT,        OVS_INTERFACE_CFM_FAULT_STATUS,
                                       OVS_INTERFACE_CFM_FLAP_COUNT,   OVS_INTERFACE_CFM_HEALTH,
                                       OVS_INTERFACE_CFM_REMOTE_MPIDS, OVS_INTERFACE_CFM_REMOTE_OPSTATE};
    bool extended = ovsdb_row_map_boolean(row, OVS_INTERFACE_OTHER_CONFIG, "cfm_extended", false);
    if (!cfm) {
        for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
            ovsdb_txn_set_empty(txn, row, columns[i]);
        }
        return;
    }
    const char *faults[CFM_N_FAULTS];
    size_t n = 0;
    for (unsigned bit = 0; bit < CFM_N_FAULTS; bit++) {
        if (cfm->faults >> bit & 1) {
            faults[n++] = cfm_fault_name(bit);
        }
    }
    ovsdb_txn_set_boolean(txn, row, OVS_INTERFACE_CFM_FAULT, cfm->faults);
    ovsdb_txn_set_strings(txn, row, OVS_INTERFACE_CFM_FAULT_STATUS, faults, n);
    write_mpids(txn, row, cfm);
    if (extended) {
        ovsdb_txn_set_string(txn, row, OVS_INTERFACE_CFM_REMOTE_OPSTATE,
                             cfm->remote_opstate_up ? "up" : "down");
    } else {
        ovsdb_txn_set_empty(txn, row, OVS_INTERFACE_CFM_REMOTE_OPSTATE);
    }
    ovsdb_txn_set_integer(txn, row, OVS_INTERFACE_CFM_FLAP_COUNT, (int64_t)cfm->flap_count);
    if (cfm->health >= 0) {
        ovsdb_txn_set_integer(txn, row, OVS_INTERFACE_CFM_HEALTH, cfm->health);
    } else {
        ovsdb_txn_set_empty(txn, row, OVS_INTERFACE_CFM_HEALTH);
    }
}

void config_oam_write(struct ovsdb_txn *txn, const struct iface *iface)
{
    struct bfd_status bfd;
    struct cfm_status cfm;
    bool open = iface->ofp_port != OFPORT_NONE;
    const struct ofproto *ofproto = iface->bridge->ofproto;
    write_bfd(txn, iface, open && ofproto_bfd_get(ofproto, iface->ofp_port, &bfd) ? &bfd : NULL);
    write_cfm(txn, iface->row, open && ofproto_cfm_get(ofproto, iface->ofp_port, &cfm) ? &cfm : NULL);
}
