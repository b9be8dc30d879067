/* SPDX-License-Identifier: Apache-2.0 */
#include "l2/rstp_machines.h"

#include <string.h>

#define MAC_MASK ((UINT64_C(1) << 48) - 1)

static int fwd_delay(const struct rport *p)
{
    return p->designated_times.fwd_delay;
}
/* 17.20.6: forwardDelay. Neighbours that answer make waiting a matter of seconds. */
static int forward_delay(const struct rport *p)
{
    return p->send_rstp ? p->designated_times.hello : p->designated_times.fwd_delay;
}

void rstp_begin(struct rstp *rstp, struct rport *p)
{
    p->designated_times = rstp->bridge_times;
    p->agree = p->agreed = p->disputed = p->proposed = p->proposing = false;
    p->forward = p->forwarding = p->learn = p->learning = false;
    p->rcvd_msg = p->rcvd_rstp = p->rcvd_stp = p->rcvd_tc = p->rcvd_tc_ack = p->rcvd_tcn = false;
    p->tc_ack = p->tc_prop = p->updt_info = p->mcheck = false;
    p->oper_edge = p->settings.admin_edge;
    p->info_is = INFO_DISABLED;
    p->reselect = true;
    p->selected = false;
    p->role = p->selected_role = RSTP_ROLE_DISABLED;
    p->synced = false;
    p->sync = p->re_root = true;
    p->rr_while = fwd_delay(p);
    p->fd_while = p->designated_times.max_age;
    p->rb_while = p->rcvd_info_while = p->tc_while = 0;
    p->new_info = true;
    p->tx_count = 0;
    p->hello_when = RSTP_HELLO;
    p->edge_delay_while = RSTP_MIGRATE_TIME;
    p->migration = MIGRATION_CHECKING;
    p->send_rstp = !rstp->settings.stp_only;
    p->mdelay_while = RSTP_MIGRATE_TIME;
    p->tc_state = TC_INACTIVE;
}

/* 17.22 */
void rstp_tick(struct rport *p)
{
    int *const timers[] = {&p->edge_delay_while, &p->fd_while,        &p->hello_when, &p->mdelay_while,
                           &p->rb_while,         &p->rcvd_info_while, &p->rr_while,   &p->tc_while};
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        *timers[i] -= *timers[i] > 0;
    }
    p->tx_count -= p->tx_count > 0;
}

/* ---- 17.27: port information ---- */

enum received {
    SUPERIOR_DESIGNATED,
    REPEATED_DESIGNATED,
    INFERIOR_DESIGNATED,
    INFERIOR_ROOT_ALTERNATE,
    OTHER,
};

/* 17.21.8 */
static enum received classify(const struct rport *p)
{
    const struct rstp_message *m = &p->message;
    if (m->type == MESSAGE_TCN) {
        return OTHER;
    }
    int c = rstp_compare(&m->priority, &p->port_priority);
    if (m->role == MESSAGE_ROOT_OR_ALTERNATE) {
        return c >= 0 ? INFERIOR_ROOT_ALTERNATE : OTHER;
    }
    if (m->role != MESSAGE_DESIGNATED) {
        return OTHER;
    }
    /* What the port heard last came from the same port: it is replaced, for better or worse. */
    bool same_sender = !((m->priority.bridge_id ^ p->port_priority.bridge_id) & MAC_MASK) &&
                       !((m->priority.port_id ^ p->port_priority.port_id) & 0xfff);
    if (!c) {
        return p->info_is == INFO_RECEIVED && !memcmp(&m->times, &p->port_times, sizeof m->times)
                   ? REPEATED_DESIGNATED
                   : SUPERIOR_DESIGNATED;
    }
    return c < 0 || same_sender ? SUPERIOR_DESIGNATED : INFERIOR_DESIGNATED;
}

/* 17.21.11 */
static void record_proposal(struct rport *p)
{
    p->proposed |= p->message.role == MESSAGE_DESIGNATED && p->message.proposal;
}

/* 17.21.9 */
static void record_agreement(struct rport *p)
{
    p->agreed = p->message.type == MESSAGE_RSTP && p->settings.point_to_point && p->message.agreement;
    p->proposing &= !p->agreed;
}

/* 17.21.17 */
static void set_tc_flags(struct rport *p)
{
    p->rcvd_tc |= p->message.tc;
    p->rcvd_tc_ack |= p->message.tc_ack;
    p->rcvd_tcn |= p->message.type == MESSAGE_TCN;
}

/* 17.21.23 */
static void update_info_timer(struct rport *p)
{
    p->rcvd_info_while =
        p->port_times.message_age + 1 <= p->port_times.max_age ? 3 * MAX(1, p->port_times.hello) : 0;
}

static void receive_information(struct rport *p)
{
    struct rstp_message *m = &p->message;
    p->rcvd_msg = false;
    switch (classify(p)) {
    case SUPERIOR_DESIGNATED:
        p->agreed = p->proposing = false;
        record_proposal(p);
        set_tc_flags(p);
        p->agree &= p->info_is == INFO_RECEIVED && rstp_compare(&m->priority, &p->port_priority) <= 0;
        record_agreement(p);
        p->synced &= p->agreed;
        p->port_priority = m->priority;
        p->port_times = m->times;
        update_info_timer(p);
        p->info_is = INFO_RECEIVED;
        p->reselect = true;
        p->selected = false;
        break;
    case REPEATED_DESIGNATED:
        record_proposal(p);
        set_tc_flags(p);
        record_agreement(p);
        update_info_timer(p);
        break;
    case INFERIOR_DESIGNATED:
        if (m->type == MESSAGE_RSTP && m->learning) { /* 17.21.10: it does not hear us */
            p->disputed = true;
            p->agreed = false;
        }
        break;
    case INFERIOR_ROOT_ALTERNATE:
        record_agreement(p);
        set_tc_flags(p);
        break;
    case OTHER:
        set_tc_flags(p);
        break;
    }
}

bool rstp_run_information(struct rstp *rstp, struct rport *p)
{
    if (!p->enabled) {
        p->rcvd_msg = false;
        if (p->info_is == INFO_DISABLED) {
            return false;
        }
        p->proposing = p->proposed = p->agree = p->agreed = false;
        p->rcvd_info_while = 0;
        p->info_is = INFO_DISABLED;
    } else if (p->info_is == INFO_DISABLED) {
        p->info_is = INFO_AGED;
    } else if (p->selected && p->updt_info) {
        p->proposing = p->proposed = false;
        p->agreed &= p->info_is == INFO_MINE && rstp_compare(&p->designated_priority, &p->port_priority) <= 0;
        p->synced &= p->agreed;
        p->port_priority = p->designated_priority;
        p->port_times = p->designated_times;
        p->updt_info = false;
        p->info_is = INFO_MINE;
        p->new_info = true;
        return true;
    } else if (p->info_is == INFO_RECEIVED && !p->rcvd_info_while && !p->updt_info && !p->rcvd_msg) {
        p->info_is = INFO_AGED;
    } else if (p->rcvd_msg && !p->updt_info) {
        receive_information(p);
        return true;
    } else {
        return false;
    }
    p->reselect = true;
    p->selected = false;
    return true;
}

/* ---- 17.29: port role transitions ---- */

static bool all_synced(const struct rstp *rstp)
{
    const struct rport *q;
    LIST_FOR_EACH (q, node, &rstp->ports) {
        if (!q->selected || q->role != q->selected_role || (!q->synced && q->role != RSTP_ROLE_ROOT)) {
            return false;
        }
    }
    return true;
}

static bool re_rooted(const struct rstp *rstp, const struct rport *p)
{
    const struct rport *q;
    LIST_FOR_EACH (q, node, &rstp->ports) {
        if (q != p && q->rr_while) {
            return false;
        }
    }
    return true;
}

static void set_sync_tree(struct rstp *rstp)
{
    struct rport *q;
    LIST_FOR_EACH (q, node, &rstp->ports) {
        q->sync = true;
    }
}

static bool run_disabled(struct rport *p)
{
    if (p->role != p->selected_role || p->learn || p->forward) {
        p->role = p->selected_role;
        p->learn = p->forward = false;
        return true;
    }
    bool again = !p->learning && !p->forwarding &&
                 (p->fd_while != p->designated_times.max_age || p->sync || p->re_root || !p->synced);
    if (again) {
        p->fd_while = p->designated_times.max_age;
        p->synced = true;
        p->rr_while = 0;
        p->sync = p->re_root = false;
    }
    return again;
}

static bool run_root(struct rstp *rstp, struct rport *p)
{
    if (p->role != RSTP_ROLE_ROOT || p->rr_while != fwd_delay(p)) {
        bool again = p->role != RSTP_ROLE_ROOT;
        p->role = RSTP_ROLE_ROOT;
        p->rr_while = fwd_delay(p);
        if (again) {
            return true;
        }
    }
    bool ready = !p->fd_while || (re_rooted(rstp, p) && !p->rb_while && !rstp->settings.stp_only);
    if (p->proposed && !p->agree) {
        set_sync_tree(rstp);
        p->proposed = false;
    } else if ((all_synced(rstp) && !p->agree) || (p->proposed && p->agree)) {
        p->proposed = p->sync = false;
        p->agree = p->new_info = true;
    } else if (!p->forward && !p->re_root) {
        struct rport *q;
        LIST_FOR_EACH (q, node, &rstp->ports) {
            q->re_root = true;
        }
    } else if (ready && !p->learn) {
        p->fd_while = forward_delay(p);
        p->learn = true;
    } else if (ready && !p->forward) {
        p->fd_while = 0;
        p->forward = true;
    } else if (p->re_root && p->forward) {
        p->re_root = false;
    } else {
        return false;
    }
    return true;
}

static bool run_designated(struct rstp *rstp, struct rport *p)
{
    bool ready = (!p->fd_while || p->agreed || p->oper_edge) && (!p->rr_while || !p->re_root) && !p->sync;
    bool must_discard =
        ((p->sync && !p->synced) || (p->re_root && p->rr_while) || p->disputed) && !p->oper_edge;
    if (p->role != RSTP_ROLE_DESIGNATED) {
        p->role = RSTP_ROLE_DESIGNATED;
    } else if (!p->forward && !p->agreed && !p->proposing && !p->oper_edge) {
        p->proposing = true;
        p->edge_delay_while = p->settings.point_to_point ? RSTP_MIGRATE_TIME : p->designated_times.max_age;
        p->new_info = true;
    } else if ((!p->learning && !p->forwarding && !p->synced) || (p->agreed && !p->synced) ||
               (p->oper_edge && !p->synced) || (p->sync && p->synced)) {
        p->rr_while = 0;
        p->synced = true;
        p->sync = false;
    } else if (!p->rr_while && p->re_root) {
        p->re_root = false;
    } else if (must_discard && (p->learn || p->forward)) {
        p->learn = p->forward = p->disputed = false;
        p->fd_while = forward_delay(p);
    } else if (ready && !p->learn) {
        p->learn = true;
        p->fd_while = forward_delay(p);
    } else if (ready && !p->forward) {
        p->forward = true;
        p->fd_while = 0;
        p->agreed = p->send_rstp;
    } else {
        p->disputed &= p->learn || p->forward;
        return false;
    }
    return true;
}

static bool run_alternate(struct rstp *rstp, struct rport *p)
{
    if (p->role != p->selected_role || p->learn || p->forward) {
        p->role = p->selected_role;
        p->learn = p->forward = false;
        return true;
    }
    if (p->learning || p->forwarding) {
        return false;
    }
    if (p->proposed && !p->agree) {
        set_sync_tree(rstp);
        p->proposed = false;
    } else if ((all_synced(rstp) && !p->agree) || (p->proposed && p->agree)) {
        p->proposed = false;
        p->agree = p->new_info = true;
    } else if (p->sync || p->re_root || !p->synced || p->fd_while != forward_delay(p) || p->rr_while) {
        p->fd_while = forward_delay(p);
        p->synced = true;
        p->rr_while = 0;
        p->sync = p->re_root = false;
    } else if (p->role == RSTP_ROLE_BACKUP && p->rb_while != 2 * RSTP_HELLO) {
        p->rb_while = 2 * RSTP_HELLO;
    } else {
        return false;
    }
    return true;
}

static bool run_role(struct rstp *rstp, struct rport *p)
{
    if (!p->selected || p->updt_info) {
        return false;
    }
    switch (p->selected_role) {
    case RSTP_ROLE_ROOT:
        return run_root(rstp, p);
    case RSTP_ROLE_DESIGNATED:
        return run_designated(rstp, p);
    case RSTP_ROLE_ALTERNATE:
    case RSTP_ROLE_BACKUP:
        return run_alternate(rstp, p);
    case RSTP_ROLE_DISABLED:
        break;
    }
    return run_disabled(p);
}

/* ---- The others ---- */

/* 17.30: learning and forwarding follow what is wanted, at once. */
static bool run_state(struct rport *p)
{
    bool again = p->learning != p->learn || p->forwarding != p->forward;
    p->learning = p->learn;
    p->forwarding = p->forward;
    return again;
}

/* 17.21.7 */
static void start_tc_while(struct rstp *rstp, struct rport *p)
{
    if (!p->tc_while) {
        p->tc_while = p->send_rstp ? RSTP_HELLO + 1 : rstp->root_times.max_age + rstp->root_times.fwd_delay;
        p->new_info |= p->send_rstp;
    }
}

static void propagate_tc(struct rstp *rstp, const struct rport *p)
{
    struct rport *q;
    LIST_FOR_EACH (q, node, &rstp->ports) {
        q->tc_prop |= q != p;
    }
}

/* 17.31 */
static bool run_topology_change(struct rstp *rstp, struct rport *p)
{
    bool in_tree = p->role == RSTP_ROLE_ROOT || p->role == RSTP_ROLE_DESIGNATED;
    bool heard = p->rcvd_tc || p->rcvd_tcn || p->rcvd_tc_ack || p->tc_prop;
    switch (p->tc_state) {
    case TC_INACTIVE:
        if (!p->learn) {
            p->rcvd_tc = p->rcvd_tcn = p->rcvd_tc_ack = p->tc_prop = false;
            return false;
        }
        p->tc_state = TC_LEARNING;
        return true;
    case TC_LEARNING:
        p->rcvd_tc = p->rcvd_tcn = p->rcvd_tc_ack = p->tc_prop = false;
        if (in_tree && p->forward && !p->oper_edge) {
            start_tc_while(rstp, p);
            propagate_tc(rstp, p);
            p->new_info = true;
            p->tc_state = TC_ACTIVE;
            return true;
        }
        if (!in_tree && !p->learn && !p->learning) {
            p->flush = true;
            p->tc_while = 0;
            p->tc_ack = false;
            p->tc_state = TC_INACTIVE;
            return true;
        }
        return heard;
    case TC_ACTIVE:
        break;
    }
    if (!in_tree || p->oper_edge || (!p->learn && !p->learning)) {
        p->tc_state = TC_LEARNING;
        if (!p->learn && !p->learning) {
            p->flush = true;
            p->tc_while = 0;
            p->tc_ack = false;
            p->tc_state = TC_INACTIVE;
        }
    } else if (p->rcvd_tcn || p->rcvd_tc) {
        if (p->rcvd_tcn) {
            start_tc_while(rstp, p);
        }
        p->rcvd_tcn = p->rcvd_tc = false;
        p->tc_ack |= p->role == RSTP_ROLE_DESIGNATED;
        propagate_tc(rstp, p);
    } else if (p->tc_prop) {
        start_tc_while(rstp, p);
        p->flush = true;
        p->tc_prop = false;
    } else if (p->rcvd_tc_ack) {
        p->tc_while = 0;
        p->rcvd_tc_ack = false;
    } else {
        return false;
    }
    return true;
}

/* 17.24 */
static bool run_migration(struct rstp *rstp, struct rport *p)
{
    bool rstp_version = !rstp->settings.stp_only;
    switch (p->migration) {
    case MIGRATION_CHECKING:
        if (!p->enabled) {
            p->mdelay_while = RSTP_MIGRATE_TIME;
            return false;
        }
        if (p->mdelay_while) {
            return false;
        }
        break;
    case MIGRATION_SENSING:
        if (!p->enabled || p->mcheck || (rstp_version && !p->send_rstp && p->rcvd_rstp)) {
            p->migration = MIGRATION_CHECKING;
            p->mcheck = false;
            p->send_rstp = rstp_version;
            p->mdelay_while = RSTP_MIGRATE_TIME;
            return true;
        }
        if (p->send_rstp && p->rcvd_stp) {
            p->migration = MIGRATION_SELECTING;
            p->send_rstp = false;
            p->mdelay_while = RSTP_MIGRATE_TIME;
            return true;
        }
        return false;
    case MIGRATION_SELECTING:
        if (p->mdelay_while && p->enabled && !p->mcheck) {
            return false;
        }
        break;
    }
    p->rcvd_rstp = p->rcvd_stp = false;
    p->migration = MIGRATION_SENSING;
    return true;
}

/* 17.25: a port on which nobody answers is an edge. */
static bool run_edge(struct rport *p)
{
    bool edge = p->oper_edge;
    if (!p->enabled) {
        edge = p->settings.admin_edge;
        p->edge_delay_while = RSTP_MIGRATE_TIME;
    } else if (!p->edge_delay_while && p->settings.auto_edge && p->send_rstp && p->proposing) {
        edge = true;
    }
    bool again = edge != p->oper_edge;
    p->oper_edge = edge;
    return again;
}

/* 17.26 */
static bool run_transmit(struct rstp *rstp, struct rport *p)
{
    bool designated = p->role == RSTP_ROLE_DESIGNATED, root = p->role == RSTP_ROLE_ROOT;
    if (!p->selected || p->updt_info || !p->enabled) {
        return false;
    }
    if (!p->hello_when) {
        p->hello_when = RSTP_HELLO;
        p->new_info |= designated || (root && p->tc_while);
        return true;
    }
    if (!p->new_info || p->tx_count >= (unsigned)rstp->settings.hold_count || p->role != p->selected_role) {
        return false;
    }
    if (p->send_rstp || designated) {
        rstp_transmit(rstp, p, false);
        p->tc_ack = false;
    } else if (root) {
        rstp_transmit(rstp, p, true);
    } else {
        p->new_info = false;
        return false;
    }
    p->new_info = false;
    p->tx_count++;
    return true;
}

bool rstp_run_machines(struct rstp *rstp, struct rport *p)
{
    bool again = run_migration(rstp, p);
    again |= run_edge(p);
    again |= run_role(rstp, p);
    again |= run_state(p);
    again |= run_topology_change(rstp, p);
    again |= run_transmit(rstp, p);
    return again;
}
