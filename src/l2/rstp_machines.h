/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The state machines of an RSTP port, 802.1D-2004, 17.23 to 17.31. Private to rstp.c. Timers count
 * seconds down. */
#ifndef L2_RSTP_MACHINES_H
#define L2_RSTP_MACHINES_H 1

#include "base/compiler.h"
#include "base/list.h"
#include "l2/rstp.h"

#define RSTP_MIGRATE_TIME 3

/* 17.6; the receiving port's id is added where two are compared that have all else alike. */
struct rstp_vector {
    uint64_t root_id;
    uint32_t cost;
    uint64_t bridge_id;
    uint16_t port_id;
};
struct rstp_times {
    int message_age, max_age, fwd_delay, hello;
};

enum rstp_message_type {
    MESSAGE_CONFIG,
    MESSAGE_RSTP,
    MESSAGE_TCN,
};
enum rstp_message_role {
    MESSAGE_UNKNOWN,
    MESSAGE_DESIGNATED,
    MESSAGE_ROOT_OR_ALTERNATE,
};
struct rstp_message {
    enum rstp_message_type type;
    enum rstp_message_role role;
    bool tc, tc_ack, proposal, agreement, learning;
    struct rstp_vector priority;
    struct rstp_times times;
};

struct rport {
    struct list node;
    void *user;
    struct rstp_port_settings settings;
    uint16_t port_id;
    bool enabled; /* link up */
    bool flush;
    int64_t up_since;
    uint64_t tx, rx, errors;

    /* 17.19, in the standard's order. */
    bool agree, agreed, disputed, forward, forwarding;
    enum {
        INFO_DISABLED,
        INFO_AGED,
        INFO_MINE,
        INFO_RECEIVED
    } info_is;
    bool learn, learning, mcheck, new_info, oper_edge, proposed, proposing;
    bool rcvd_msg, rcvd_rstp, rcvd_stp, rcvd_tc, rcvd_tc_ack, rcvd_tcn;
    bool re_root, reselect, selected, send_rstp, sync, synced, tc_ack, tc_prop, updt_info;
    enum rstp_role role, selected_role;
    struct rstp_message message;
    struct rstp_vector designated_priority, port_priority;
    struct rstp_times designated_times, port_times;
    unsigned tx_count;

    /* 17.17 */
    int edge_delay_while, fd_while, hello_when, mdelay_while, rb_while, rcvd_info_while, rr_while, tc_while;

    /* Where the machines are that have more to remember than their variables. */
    enum {
        MIGRATION_CHECKING,
        MIGRATION_SENSING,
        MIGRATION_SELECTING
    } migration;
    enum {
        TC_INACTIVE,
        TC_LEARNING,
        TC_ACTIVE
    } tc_state;
};

struct rstp {
    struct rstp_settings settings;
    struct list ports;
    struct rstp_times bridge_times, root_times;
    struct rstp_vector root_priority;
    struct rport *root_port; /* NULL: this bridge is the root */
    int64_t now, last_tick;
    uint64_t changes;
    void (*send)(void *aux, void *port, const void *bpdu, size_t len);
    void *aux;
};

/* In rstp.c. */
int rstp_compare(const struct rstp_vector *, const struct rstp_vector *); /* < 0: the first is better */
void rstp_transmit(struct rstp *, struct rport *, bool tcn);

void rstp_begin(struct rstp *, struct rport *); /* all machines begin anew; the link may be up or down */
void rstp_tick(struct rport *);                 /* a second has passed */
/* True: something happened, so there may be more to do. */
bool rstp_run_information(struct rstp *, struct rport *);
bool rstp_run_machines(struct rstp *, struct rport *);

#endif
