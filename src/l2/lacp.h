/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The link aggregation control protocol (IEEE 802.1AX-2008, clause 5.4, as far as switches negotiate
 * with it): which members of a bond lead to the same partner and may carry traffic.
 *
 * LACPDUs and the time come in through calls, LACPDUs go out through a callback during lacp_run(). A PDU is
 * what follows the Ethernet header: type 0x8809, destination 01:80:c2:00:00:02, are the caller's.
 *
 * A member is a pointer of the user's choice, compared and never followed. Times are milliseconds of
 * base/clock.h. Thread-safety: none; the owner serialises. */
#ifndef L2_LACP_H
#define L2_LACP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

#define LACP_PDU_LEN 110

#define LACP_FAST_MS 1000
#define LACP_SLOW_MS 30000

struct lacp;

struct lacp_settings {
    struct eth_addr system_id;
    uint16_t system_priority;
    bool active;                 /* speak without being spoken to */
    bool fast;                   /* ask the partner for a PDU each second */
    bool fallback_active_backup; /* without a partner, members may be enabled: the bond falls back */
};
struct lacp_member_settings {
    uint16_t port_id, port_priority, key;
};

/* SEND gets a PDU of LACP_PDU_LEN bytes. */
struct lacp *lacp_create(void (*send)(void *aux, void *member, const void *pdu, size_t len), void *aux);
void lacp_destroy(struct lacp *);
void lacp_configure(struct lacp *, const struct lacp_settings *, int64_t now_ms);
/* Adds MEMBER or changes its settings. */
void lacp_set_member(struct lacp *, void *member, const struct lacp_member_settings *, int64_t now_ms);
void lacp_remove_member(struct lacp *, const void *member);
void lacp_set_carrier(struct lacp *, const void *member, bool up, int64_t now_ms);

/* A frame of the slow protocols came in on MEMBER: its payload. False: not a good LACPDU (counted). */
bool lacp_receive(struct lacp *, const void *member, const void *pdu, size_t len, int64_t now_ms);
/* Runs timers, sends. Returns when to call again at the latest. */
int64_t lacp_run(struct lacp *, int64_t now_ms);

enum lacp_negotiation {
    LACP_CONFIGURED, /* no partner yet */
    LACP_NEGOTIATED,
};
enum lacp_negotiation lacp_status(const struct lacp *);
const char *lacp_negotiation_name(enum lacp_negotiation); /* as bond/show prints */
/* MEMBER leads to the bond's partner, who agrees. */
bool lacp_may_enable(const struct lacp *, const void *member);
/* A counter that changes whenever an answer of the two above may have. */
uint64_t lacp_changes(const struct lacp *);

/* Bits of a state. */
#define LACP_ACTIVITY     0x01
#define LACP_TIMEOUT      0x02
#define LACP_AGGREGATION  0x04
#define LACP_SYNC         0x08
#define LACP_COLLECTING   0x10
#define LACP_DISTRIBUTING 0x20
#define LACP_DEFAULTED    0x40
#define LACP_EXPIRED      0x80

struct lacp_info {
    uint16_t system_priority;
    struct eth_addr system_id;
    uint16_t key, port_priority, port_id;
    uint8_t state;
};
enum lacp_member_state {
    LACP_MEMBER_CURRENT,
    LACP_MEMBER_EXPIRED,
    LACP_MEMBER_DEFAULTED,
};
const char *lacp_member_state_name(enum lacp_member_state);

struct lacp_member_status {
    enum lacp_member_state state;
    bool attached, may_enable;
    struct lacp_info actor, partner;
    uint64_t tx, rx, rx_bad, rx_marker, expired, defaulted, carrier_changed;
};
/* False: no such member. */
bool lacp_get_member(const struct lacp *, const void *member, struct lacp_member_status *);

#endif
