/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/oam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/action.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/version.h"
#include "pipeline/bond.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/protocol.h"
#include "port/vport.h"
#include "wire/eth.h"

#define BFD_PORT     3784
#define BFD_SRC_PORT 49152 /* RFC 5881, 4: of the dynamic ones */

struct oam {
    struct ofport *port;
    struct ofproto_port_oam s;
    struct bfd *bfd;
    struct cfm *cfm;
    struct lldp *lldp;
    uint64_t rx_seen; /* packets that the device had received when it was last looked at */
    unsigned rx_own;  /* of them, since then, ours */
    /* What was last told. */
    struct bfd_status bfd_told;
    uint32_t cfm_told; /* a hash */
    struct task task;
};

static void run(struct oam *);

static void run_task(struct task *task)
{
    struct oam *oam = CONTAINER_OF(task, struct oam, task);
    struct pipeline *p = oam->port->ofproto->pipeline;
    run(oam);
    if (p->parts_changed || p->changed) {
        pipeline_start_commit(p);
    }
}

static void run_soon(struct oam *oam)
{
    task_schedule_by(oam->port->ofproto->pipeline->queue, &oam->task, clock_ms());
}

/* ------------------------------------------------------------------ frames */

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void send_bfd(struct oam *oam, int64_t now)
{
    uint8_t frame[14 + 20 + 8 + BFD_PACKET_LEN] = {0};
    uint8_t *ip = frame + 14, *udp = ip + 20;
    struct eth_addr src = oam->s.bfd_has_src_mac ? oam->s.bfd_src_mac : ofport_mac(oam->port);
    uint32_t sum = 0;
    memcpy(frame, &oam->s.bfd_dst_mac, 6);
    memcpy(frame + 6, &src, 6);
    put16(frame + 12, ETH_TYPE_IPV4);
    ip[0] = 0x45;
    ip[1] = 0xc0; /* internetwork control */
    put16(ip + 2, sizeof frame - 14);
    ip[8] = 255; /* RFC 5881, 5: it came from this link */
    ip[9] = 17;
    memcpy(ip + 12, &oam->s.bfd_src_ip, 4);
    memcpy(ip + 16, &oam->s.bfd_dst_ip, 4);
    for (int i = 0; i < 20; i += 2) {
        sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    put16(ip + 10, ~(sum + (sum >> 16)) & 0xffff);
    put16(udp, BFD_SRC_PORT);
    put16(udp + 2, BFD_PORT);
    put16(udp + 4, 8 + BFD_PACKET_LEN);
    bfd_make_packet(oam->bfd, udp + 8, now);
    protocol_send(oam->port, frame, sizeof frame);
}

static void send_ccm(struct oam *oam, int64_t now)
{
    uint8_t frame[18 + CFM_CCM_LEN] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x30};
    struct eth_addr src = ofport_mac(oam->port);
    size_t at = 12;
    if (oam->s.cfm_settings.extended) {
        frame[1] = 0x23;
        frame[2] = 0x20;
    }
    memcpy(frame + 6, &src, 6);
    if (oam->s.cfm_tci) {
        put16(frame + at, ETH_TYPE_VLAN);
        put16(frame + at + 2, oam->s.cfm_tci);
        at += 4;
    }
    put16(frame + at, ETH_TYPE_CFM);
    cfm_make_ccm(oam->cfm, frame + at + 2, now);
    protocol_send(oam->port, frame, at + 2 + CFM_CCM_LEN);
}

static void send_lldp(struct oam *oam, bool last, int64_t now)
{
    uint8_t message[LLDP_MAX_LEN];
    size_t len = lldp_make_message(oam->lldp, message, last, now);
    protocol_send_payload(oam->port, (struct eth_addr){{0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}}, ETH_TYPE_LLDP,
                          message, len);
}

/* The BFD packet in an IPv4 packet; NULL: it is not good. */
static const uint8_t *bfd_payload(const uint8_t *ip, size_t *len)
{
    size_t head = *len >= 20 ? (size_t)(ip[0] & 15) * 4 : 0;
    if (head < 20 || head + 8 > *len || ip[0] >> 4 != 4 || ip[9] != 17) {
        return NULL;
    }
    size_t udp_len = (size_t)(ip[head + 4] << 8 | ip[head + 5]);
    if (udp_len < 8 || head + udp_len > *len) {
        return NULL;
    }
    *len = udp_len - 8;
    return ip + head + 8;
}

void oam_receive(struct oam *oam, unsigned reason, const void *payload, size_t len)
{
    int64_t now = clock_ms();
    oam->rx_own++;
    if (reason & DP_SLOW_BFD && oam->bfd) {
        const uint8_t *packet = bfd_payload(payload, &len);
        if (packet) {
            bfd_receive(oam->bfd, packet, len, now);
        }
    } else if (reason & DP_SLOW_CFM && oam->cfm) {
        cfm_receive(oam->cfm, payload, len, now);
    } else if (reason & DP_SLOW_LLDP && oam->lldp) {
        lldp_receive(oam->lldp, payload, len, now);
    }
    run_soon(oam);
}

/* ------------------------------------------------------------------ running */

/* Data that arrives says that the link works, too. */
static void look_for_data(struct oam *oam, int64_t now)
{
    struct vport *vport = ofport_vport(oam->port);
    struct vport_stats stats;
    bool wanted =
        (oam->bfd && oam->s.bfd_settings.forwarding_if_rx) || (oam->cfm && oam->s.cfm_settings.demand);
    if (!wanted || !vport || !vport->ops->get_stats || vport->ops->get_stats(vport, &stats)) {
        return;
    }
    if (stats.rx_packets > oam->rx_seen + oam->rx_own) {
        if (oam->bfd) {
            bfd_note_data(oam->bfd, now);
        }
        if (oam->cfm) {
            cfm_note_data(oam->cfm);
        }
    }
    oam->rx_seen = stats.rx_packets;
    oam->rx_own = 0;
}

/* Who has to know of what is different now. */
static void tell(struct oam *oam, int64_t now)
{
    struct bfd_status bfd;
    struct cfm_status cfm;
    memset(&bfd, 0, sizeof bfd);
    memset(&cfm, 0, sizeof cfm);
    if (oam->bfd) {
        bfd_get(oam->bfd, now, &bfd);
    }
    if (oam->cfm) {
        cfm_get(oam->cfm, &cfm);
    }
    uint32_t cfm_now = hash_bytes(cfm.remote_mpids, cfm.n_remotes * sizeof *cfm.remote_mpids,
                                  hash_2u32(cfm.faults, (uint32_t)cfm.health, cfm.remote_opstate_up));
    bool changed = memcmp(&bfd, &oam->bfd_told, sizeof bfd) || cfm_now != oam->cfm_told;
    memcpy(&oam->bfd_told, &bfd, sizeof bfd);
    oam->cfm_told = cfm_now;
    if (changed) {
        ofport_refresh_live(oam->port);
        if (oam->port->bundle && oam->port->bundle->bond) {
            ofbond_port_changed(oam->port->bundle->bond);
        }
        pipeline_status_changed(oam->port->ofproto->pipeline);
    }
}

static void run(struct oam *oam)
{
    int64_t now = clock_ms(), wake = INT64_MAX, next;
    look_for_data(oam, now);
    if (oam->bfd) {
        if (bfd_run(oam->bfd, now, &next)) {
            send_bfd(oam, now);
            next = now + 1; /* when the next one is due depends on it */
        }
        wake = MIN(wake, next);
    }
    if (oam->cfm) {
        if (cfm_run(oam->cfm, now, &next)) {
            send_ccm(oam, now);
            next = now + 1;
        }
        wake = MIN(wake, next);
    }
    if (oam->lldp) {
        if (lldp_run(oam->lldp, now, &next)) {
            send_lldp(oam, false, now);
            next = now + 1;
        }
        wake = MIN(wake, next);
    }
    tell(oam, now);
    if (wake != INT64_MAX) {
        task_schedule(oam->port->ofproto->pipeline->queue, &oam->task, MAX(wake, now + 1));
    }
}

void oam_changed(struct oam *oam)
{
    run(oam);
    pipeline_commit(oam->port->ofproto->pipeline);
}

/* ------------------------------------------------------------------ settings */

static void configure_lldp(struct oam *oam, int64_t now)
{
    struct lldp_settings s;
    memset(&s, 0, sizeof s);
    s.chassis_id = ofport_mac(oam->port);
    snprintf(s.port_id, sizeof s.port_id, "%s", oam->port->name);
    snprintf(s.system_name, sizeof s.system_name, "%s", oam->port->ofproto->name);
    snprintf(s.system_description, sizeof s.system_description, "openvswitch %s", VERSION_REFERENCE);
    if (oam->lldp) {
        lldp_configure(oam->lldp, &s, now);
    } else {
        oam->lldp = lldp_create(&s, now);
    }
}

static void configure(struct oam *oam, const struct ofproto_port_oam *s)
{
    int64_t now = clock_ms();
    memcpy(&oam->s, s, sizeof *s);
    if (!s->bfd) {
        bfd_destroy(oam->bfd);
        oam->bfd = NULL;
    } else if (oam->bfd) {
        bfd_configure(oam->bfd, &s->bfd_settings, now);
    } else {
        oam->bfd = bfd_create(&s->bfd_settings, now);
    }
    if (!s->cfm) {
        cfm_destroy(oam->cfm);
        oam->cfm = NULL;
    } else if (oam->cfm) {
        cfm_configure(oam->cfm, &s->cfm_settings, now);
    } else {
        oam->cfm = cfm_create(&s->cfm_settings, now);
    }
    if (s->lldp) {
        configure_lldp(oam, now);
    } else {
        lldp_destroy(oam->lldp);
        oam->lldp = NULL;
    }
}

void ofproto_port_set_oam(struct ofproto *ofproto, uint32_t ofp_port, const struct ofproto_port_oam *s)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    bool wanted = s->bfd || s->cfm || s->lldp;
    if (!port || (port->oam ? !memcmp(&port->oam->s, s, sizeof *s) : !wanted)) {
        return;
    }
    if (!wanted) {
        oam_destroy(port->oam);
        port->oam = NULL;
    } else {
        if (!port->oam) {
            port->oam = xzalloc(sizeof *port->oam);
            port->oam->port = port;
            task_init(&port->oam->task, "link monitor", run_task);
        }
        configure(port->oam, s);
        run_soon(port->oam);
    }
    ofport_refresh_live(port);
    if (port->bundle && port->bundle->bond) {
        ofbond_port_changed(port->bundle->bond);
    }
    pipeline_mark_parts_changed(ofproto->pipeline);
}

void oam_destroy(struct oam *oam)
{
    if (oam) {
        task_cancel(&oam->task);
        bfd_destroy(oam->bfd);
        cfm_destroy(oam->cfm);
        lldp_destroy(oam->lldp);
        free(oam);
    }
}

/* ------------------------------------------------------------------ answers */

bool oam_may_enable(const struct oam *oam)
{
    struct cfm_status cfm = {.faults = 0};
    if (oam->cfm) {
        cfm_get(oam->cfm, &cfm);
    }
    return !cfm.faults && (!oam->bfd || bfd_forwarding(oam->bfd, clock_ms()));
}

void oam_get_view(const struct oam *oam, struct xoam *view)
{
    memset(view, 0, sizeof *view);
    view->bfd = oam->bfd;
    view->bfd_check_key = oam->s.bfd_check_key;
    view->bfd_has_remote_mac = oam->s.bfd_has_remote_mac;
    view->bfd_remote_mac = oam->s.bfd_remote_mac;
    view->cfm = oam->cfm;
    view->cfm_extended = oam->s.cfm_settings.extended;
    view->lldp = oam->lldp;
}

struct bfd *oam_bfd(const struct oam *oam)
{
    return oam->bfd;
}
struct cfm *oam_cfm(const struct oam *oam)
{
    return oam->cfm;
}
struct lldp *oam_lldp(const struct oam *oam)
{
    return oam->lldp;
}

bool ofproto_bfd_get(const struct ofproto *ofproto, uint32_t ofp_port, struct bfd_status *status)
{
    const struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port || !port->oam || !port->oam->bfd) {
        return false;
    }
    bfd_get(port->oam->bfd, clock_ms(), status);
    return true;
}

bool ofproto_cfm_get(const struct ofproto *ofproto, uint32_t ofp_port, struct cfm_status *status)
{
    const struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port || !port->oam || !port->oam->cfm) {
        return false;
    }
    cfm_get(port->oam->cfm, status);
    return true;
}
