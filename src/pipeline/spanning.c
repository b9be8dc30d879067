/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/spanning.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "l2/mac_table.h"
#include "l2/mcast_snooping.h"
#include "pipeline/ofproto_impl.h"
#include "pipeline/protocol.h"

struct spanning {
    struct ofproto *ofproto;
    struct ofproto_spanning wanted;
    enum spanning_protocol protocol; /* that runs */
    struct stp *stp;
    struct rstp *rstp;
    uint64_t rstp_seen; /* rstp_changes() that ports know of */
    struct task task;
};

static void run(struct spanning *);

static void run_task(struct task *task)
{
    struct spanning *sp = CONTAINER_OF(task, struct spanning, task);
    struct pipeline *p = sp->ofproto->pipeline;
    run(sp);
    if (p->parts_changed || p->changed) {
        pipeline_start_commit(p);
    }
}

struct spanning *spanning_create(struct ofproto *ofproto)
{
    struct spanning *sp = xzalloc(sizeof *sp);
    sp->ofproto = ofproto;
    task_init(&sp->task, "spanning tree", run_task);
    return sp;
}

static void stop_machine(struct spanning *sp)
{
    stp_destroy(sp->stp);
    rstp_destroy(sp->rstp);
    sp->stp = NULL;
    sp->rstp = NULL;
    sp->protocol = SPANNING_NONE;
}

void spanning_destroy(struct spanning *sp)
{
    task_cancel(&sp->task);
    stop_machine(sp);
    free(sp);
}

enum spanning_protocol spanning_protocol(const struct spanning *sp)
{
    return sp->wanted.protocol;
}

static void run_soon(struct spanning *sp)
{
    task_schedule_by(sp->ofproto->pipeline->queue, &sp->task, clock_ms());
}

const struct ofport *spanning_find_port(const struct spanning *sp, unsigned number)
{
    const struct ofport *port;
    HMAP_FOR_EACH (port, by_number, &sp->ofproto->ports) {
        if (port->tree &&
            (sp->protocol == SPANNING_RSTP ? port->tree->rstp.number : port->tree->stp_number) == number) {
            return port;
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ settings */

void ofproto_set_spanning(struct ofproto *ofproto, const struct ofproto_spanning *s)
{
    struct spanning *sp = ofproto->spanning;
    if (memcmp(&sp->wanted, s, sizeof *s)) {
        bool other = sp->wanted.protocol != s->protocol;
        sp->wanted = *s;
        if (other) {
            struct ofport *port;
            HMAP_FOR_EACH (port, by_number, &ofproto->ports) {
                ofport_set_tree_state(port, 0);
            }
            pipeline_mark_changed(ofproto->pipeline);
        }
        run_soon(sp);
    }
}

void ofproto_port_set_spanning(struct ofproto *ofproto, uint32_t ofp_port,
                               const struct ofproto_port_spanning *s)
{
    struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!port || (s ? port->tree && !memcmp(port->tree, s, sizeof *s) : !port->tree)) {
        return;
    }
    if (!s || (port->tree && port->tree->stp_number != s->stp_number)) {
        spanning_forget_port(ofproto->spanning, port);
    }
    if (s) {
        bool mcheck = s->rstp_mcheck && port->tree && !port->tree->rstp_mcheck;
        if (mcheck && ofproto->spanning->rstp) {
            rstp_migration_check(ofproto->spanning->rstp, port);
        }
        if (!port->tree) {
            port->tree = xmalloc(sizeof *port->tree);
        }
        memcpy(port->tree, s, sizeof *s);
        ofport_set_tree_state(port, port->tree_state); /* it takes part now */
    }
    run_soon(ofproto->spanning);
}

void spanning_forget_port(struct spanning *sp, struct ofport *port)
{
    if (!port->tree) {
        return;
    }
    if (sp->stp) {
        stp_disable_port(sp->stp, port->tree->stp_number, clock_ms());
    }
    if (sp->rstp) {
        rstp_remove_port(sp->rstp, port);
    }
    free(port->tree);
    port->tree = NULL;
    ofport_set_tree_state(port, 0);
    run_soon(sp);
}

void spanning_port_changed(struct spanning *sp)
{
    if (sp->wanted.protocol) {
        run_soon(sp);
    }
}

/* ------------------------------------------------------------------ BPDUs */

static const struct eth_addr group_address = {{0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}};
static const uint8_t llc[3] = {0x42, 0x42, 0x03};

static void send_bpdu(struct ofport *port, const void *bpdu, size_t len)
{
    uint8_t payload[64];
    if (port && len <= sizeof payload - sizeof llc) {
        memcpy(payload, llc, sizeof llc);
        memcpy(payload + sizeof llc, bpdu, len);
        protocol_send_payload(port, group_address, (uint16_t)(len + sizeof llc), payload, len + sizeof llc);
    }
}

static void send_stp(void *sp, unsigned number, const void *bpdu, size_t len)
{
    send_bpdu((struct ofport *)spanning_find_port(sp, number), bpdu, len);
}

static void send_rstp(void *sp, void *port, const void *bpdu, size_t len)
{
    (void)sp;
    send_bpdu(port, bpdu, len);
}

void spanning_receive(struct spanning *sp, struct ofport *port, const void *p, size_t len)
{
    if (!port->tree || len <= sizeof llc || memcmp(p, llc, sizeof llc)) {
        return;
    }
    const uint8_t *bpdu = (const uint8_t *)p + sizeof llc;
    len -= sizeof llc;
    if (sp->stp) {
        stp_receive(sp->stp, port->tree->stp_number, bpdu, len, clock_ms());
    } else if (sp->rstp) {
        rstp_receive(sp->rstp, port, bpdu, len);
    }
    run_soon(sp);
}

/* ------------------------------------------------------------------ the machine */

static void start_machine(struct spanning *sp)
{
    int64_t now = clock_ms();
    const struct ofproto_spanning *w = &sp->wanted;
    if (sp->protocol != w->protocol) {
        stop_machine(sp);
        sp->protocol = w->protocol;
    }
    if (w->protocol == SPANNING_STP) {
        if (!sp->stp) {
            sp->stp = stp_create(sp->ofproto->name, w->stp_bridge_id, now, send_stp, sp);
        }
        stp_set_bridge_id(sp->stp, w->stp_bridge_id, now);
        stp_set_times(sp->stp, w->stp_hello_ms, w->stp_max_age_ms, w->stp_fwd_delay_ms);
    } else if (w->protocol == SPANNING_RSTP) {
        if (!sp->rstp) {
            sp->rstp = rstp_create(&w->rstp, now, send_rstp, sp);
        }
        rstp_configure(sp->rstp, &w->rstp);
    }
}

static void set_ports(struct spanning *sp)
{
    struct ofport *port;
    int64_t now = clock_ms();
    HMAP_FOR_EACH (port, by_number, &sp->ofproto->ports) {
        const struct ofproto_port_spanning *s = port->tree;
        bool up = ofport_has_carrier(port) && !(port->config & OFPROTO_PC_PORT_DOWN);
        if (!s) {
            continue;
        }
        if (sp->stp && up) {
            stp_enable_port(sp->stp, s->stp_number, s->stp_path_cost, s->stp_priority, now);
        } else if (sp->stp) {
            stp_disable_port(sp->stp, s->stp_number, now);
        } else if (sp->rstp) {
            rstp_set_port(sp->rstp, port, &s->rstp);
            rstp_set_link(sp->rstp, port, up);
        }
    }
}

static void take_stp(struct spanning *sp)
{
    static const uint32_t states[] = {[STP_DISABLED] = 0,
                                      [STP_BLOCKING] = OFPROTO_PS_STP_BLOCK,
                                      [STP_LISTENING] = 0,
                                      [STP_LEARNING] = OFPROTO_PS_STP_LEARN | OFPROTO_PS_LEARNS,
                                      [STP_FORWARDING] =
                                          OFPROTO_PS_STP_FORWARD | OFPROTO_PS_LEARNS | OFPROTO_PS_FORWARDS};
    uint64_t changed[4];
    bool flush;
    struct ofport *port;
    if (!stp_take_changes(sp->stp, changed, &flush)) {
        return;
    }
    HMAP_FOR_EACH (port, by_number, &sp->ofproto->ports) {
        if (port->tree) {
            struct stp_port_status status;
            stp_get_port(sp->stp, port->tree->stp_number, &status);
            ofport_set_tree_state(port, states[status.state]);
        }
    }
    if (flush) {
        mac_table_flush(sp->ofproto->macs);
        mcast_table_flush(sp->ofproto->mcast);
    }
}

static void flush_port(void *sp_, void *port_)
{
    struct spanning *sp = sp_;
    const struct ofport *port = port_;
    if (port->bundle) {
        mac_table_flush_port(sp->ofproto->macs, (void *)(uintptr_t)port->bundle->id, false);
        mcast_table_flush_port(sp->ofproto->mcast, (void *)(uintptr_t)port->bundle->id);
    }
}

static void take_rstp(struct spanning *sp)
{
    static const uint32_t states[] = {[RSTP_DISABLED] = 0,
                                      [RSTP_DISCARDING] = 0,
                                      [RSTP_LEARNING] = OFPROTO_PS_STP_LEARN | OFPROTO_PS_LEARNS,
                                      [RSTP_FORWARDING] =
                                          OFPROTO_PS_STP_FORWARD | OFPROTO_PS_LEARNS | OFPROTO_PS_FORWARDS};
    struct ofport *port;
    rstp_take_flushes(sp->rstp, flush_port, sp);
    if (rstp_changes(sp->rstp) == sp->rstp_seen) {
        return;
    }
    sp->rstp_seen = rstp_changes(sp->rstp);
    HMAP_FOR_EACH (port, by_number, &sp->ofproto->ports) {
        struct rstp_port_status status;
        if (port->tree && rstp_get_port(sp->rstp, port, &status)) {
            ofport_set_tree_state(port, states[status.state]);
        }
    }
}

static void run(struct spanning *sp)
{
    int64_t now = clock_ms(), wake = INT64_MAX;
    start_machine(sp);
    if (!sp->protocol) {
        task_cancel(&sp->task);
        return;
    }
    set_ports(sp);
    if (sp->stp) {
        wake = stp_run(sp->stp, now);
        take_stp(sp);
    } else {
        wake = rstp_run(sp->rstp, now);
        take_rstp(sp);
    }
    if (wake == INT64_MAX) {
        task_cancel(&sp->task);
    } else {
        task_schedule(sp->ofproto->pipeline->queue, &sp->task, MAX(wake, now + 1));
    }
}

void spanning_topology_changed(struct spanning *sp)
{
    if (sp->stp) {
        stp_detect_topology_change(sp->stp, clock_ms());
    } else if (sp->rstp) {
        rstp_detect_topology_change(sp->rstp);
    }
    run(sp);
    pipeline_commit(sp->ofproto->pipeline);
}

/* ------------------------------------------------------------------ answers */

bool ofproto_stp_get(const struct ofproto *ofproto, struct stp_status *status)
{
    if (ofproto->spanning->stp) {
        stp_get(ofproto->spanning->stp, status);
    }
    return ofproto->spanning->stp;
}

bool ofproto_rstp_get(const struct ofproto *ofproto, struct rstp_status *status)
{
    if (ofproto->spanning->rstp) {
        rstp_get(ofproto->spanning->rstp, status);
    }
    return ofproto->spanning->rstp;
}

bool ofproto_stp_get_port(const struct ofproto *ofproto, uint32_t ofp_port, struct stp_port_status *status)
{
    const struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    if (!ofproto->spanning->stp || !port || !port->tree) {
        return false;
    }
    stp_get_port(ofproto->spanning->stp, port->tree->stp_number, status);
    return true;
}

bool ofproto_rstp_get_port(const struct ofproto *ofproto, uint32_t ofp_port, struct rstp_port_status *status)
{
    const struct ofport *port = ofproto_find_port(ofproto, ofp_port);
    return ofproto->spanning->rstp && port && port->tree &&
           rstp_get_port(ofproto->spanning->rstp, port, status);
}
