/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 7. The spanning tree of a bridge, by STP or RSTP (l2/stp.h, l2/rstp.h): what the machine says of a
 * port becomes bits of the port's state, which translation sees in the snapshot; BPDUs come from
 * pipeline/protocol.h and go out through it; addresses are forgotten when the topology changes.
 *
 * A change of settings takes effect with the control thread's next turn, when ports are committed; until then
 * a port that is to take part does not forward.
 *
 * Time: one task in the control thread's queue. Thread-safety: control thread. */
#ifndef PIPELINE_SPANNING_H
#define PIPELINE_SPANNING_H 1

#include "l2/rstp.h"
#include "l2/stp.h"

struct control_server;
struct ofport;
struct ofproto;
struct pipeline;
struct spanning;

enum spanning_protocol {
    SPANNING_NONE,
    SPANNING_STP,
    SPANNING_RSTP,
};
struct ofproto_spanning {
    enum spanning_protocol protocol;
    uint64_t stp_bridge_id; /* priority << 48 | address */
    int stp_hello_ms, stp_max_age_ms, stp_fwd_delay_ms;
    struct rstp_settings rstp;
};
void ofproto_set_spanning(struct ofproto *, const struct ofproto_spanning *);

/* Of a port that takes part. Numbers are unique in the bridge, STP's are 255 at most. */
struct ofproto_port_spanning {
    unsigned stp_number;
    uint16_t stp_path_cost;
    uint8_t stp_priority;
    struct rstp_port_settings rstp;
    bool rstp_mcheck; /* when it becomes true, the port speaks RSTP again */
};
/* NULL: the port takes no part. */
void ofproto_port_set_spanning(struct ofproto *, uint32_t ofp_port, const struct ofproto_port_spanning *);

/* False: the bridge does not speak it, the port takes no part. */
bool ofproto_stp_get(const struct ofproto *, struct stp_status *);
bool ofproto_rstp_get(const struct ofproto *, struct rstp_status *);
bool ofproto_stp_get_port(const struct ofproto *, uint32_t ofp_port, struct stp_port_status *);
bool ofproto_rstp_get_port(const struct ofproto *, uint32_t ofp_port, struct rstp_port_status *);

/* For this folder alone. */
struct spanning *spanning_create(struct ofproto *);
void spanning_destroy(struct spanning *);
enum spanning_protocol spanning_protocol(const struct spanning *);
void spanning_forget_port(struct spanning *, struct ofport *); /* it goes */
void spanning_port_changed(struct spanning *);
void spanning_receive(struct spanning *, struct ofport *, const void *llc, size_t len);
void spanning_topology_changed(struct spanning *); /* stp/tcn, rstp/tcn */
/* The port of an RSTP port id, or that has this number in STP; NULL: none. */
const struct ofport *spanning_find_port(const struct spanning *, unsigned number);

void spanning_register_commands(struct pipeline *, struct control_server *);
void spanning_unregister_commands(struct control_server *);

#endif
