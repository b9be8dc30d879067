/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The rapid spanning tree protocol, IEEE 802.1D-2004, clause 17: which ports of a bridge forward,
 * agreed upon with the neighbours in well under a second where links are point to point. Understands bridges
 * that speak 802.1D-1998 only. Names of variables and machines are the standard's.
 *
 * The machine does nothing by itself: BPDUs and the time come in through calls; BPDUs go out through a
 * callback during these calls; what changed is asked for afterwards. A BPDU is what follows the LLC header
 * (42 42 03), which is the caller's to check and to write, with destination 01:80:c2:00:00:00.
 *
 * A port is a pointer of the user's choice, with a number from 1 to 4095. Times are milliseconds of
 * base/clock.h; inside, the standard's ticks of one second. Thread-safety: none; the owner serialises. */
#ifndef L2_RSTP_H
#define L2_RSTP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RSTP_DEFAULT_PRIORITY      0x8000
#define RSTP_DEFAULT_PORT_PRIORITY 128
#define RSTP_DEFAULT_MAX_AGE       20
#define RSTP_DEFAULT_FWD_DELAY     15
#define RSTP_DEFAULT_HOLD_COUNT    6
#define RSTP_HELLO                 2
#define RSTP_MAX_PORT              4095

enum rstp_state {
    RSTP_DISABLED,
    RSTP_DISCARDING,
    RSTP_LEARNING,
    RSTP_FORWARDING,
};
enum rstp_role {
    RSTP_ROLE_DISABLED,
    RSTP_ROLE_ROOT,
    RSTP_ROLE_DESIGNATED,
    RSTP_ROLE_ALTERNATE,
    RSTP_ROLE_BACKUP,
};
const char *rstp_state_name(enum rstp_state); /* "Forwarding" */
const char *rstp_role_name(enum rstp_role);

struct rstp;

struct rstp_settings {
    uint64_t bridge_id; /* priority, a multiple of 4096, << 48 | MAC address */
    int max_age;        /* s: 6 to 40 */
    int fwd_delay;      /* s: 4 to 30 */
    int hold_count;     /* BPDUs of a port in a second: 1 to 10 */
    bool stp_only;      /* force-protocol-version 0 */
};
struct rstp_port_settings {
    unsigned number;
    uint8_t priority; /* a multiple of 16 */
    uint32_t path_cost;
    bool admin_edge, auto_edge, point_to_point;
};

struct rstp *rstp_create(const struct rstp_settings *, int64_t now_ms,
                         void (*send)(void *aux, void *port, const void *bpdu, size_t len), void *aux);
void rstp_destroy(struct rstp *);
/* Out of range is clamped. */
void rstp_configure(struct rstp *, const struct rstp_settings *);

/* Adds PORT, its link down, or changes its settings; removes it. */
void rstp_set_port(struct rstp *, void *port, const struct rstp_port_settings *);
void rstp_remove_port(struct rstp *, const void *port);
void rstp_set_link(struct rstp *, const void *port, bool up);
void rstp_migration_check(struct rstp *, const void *port); /* mcheck: speak RSTP again */
/* 802.1D-2004's cost for a link of this speed; 0: not known, taken for 100 Mbit/s. */
uint32_t rstp_path_cost(uint64_t megabits);

/* A BPDU came in on PORT. False: it is none (counted as an error). */
bool rstp_receive(struct rstp *, const void *port, const void *bpdu, size_t len);
/* Runs the timers. Returns when to call again at the latest. */
int64_t rstp_run(struct rstp *, int64_t now_ms);
void rstp_detect_topology_change(struct rstp *); /* rstp/tcn */

/* A counter that changes whenever a state or a role may have. */
uint64_t rstp_changes(const struct rstp *);
/* Calls EACH for the ports whose learned addresses are to be forgotten since the last call. */
void rstp_take_flushes(struct rstp *, void (*each)(void *aux, void *port), void *aux);

struct rstp_port_status {
    enum rstp_state state;
    enum rstp_role role;
    uint16_t port_id, designated_port_id;
    uint32_t path_cost, designated_cost;
    uint64_t designated_bridge_id;
    int64_t up_since_ms;
    bool edge, speaks_rstp;
    uint64_t tx, rx, errors;
};
bool rstp_get_port(const struct rstp *, const void *port, struct rstp_port_status *);

struct rstp_status {
    struct rstp_settings settings;
    uint64_t root_id, designated_id;
    uint32_t root_path_cost;
    uint16_t root_port_id;         /* 0: this bridge is the root */
    uint16_t designated_port_id;   /* of the bridge that the root port leads to; 0 likewise */
    int max_age, fwd_delay, hello; /* in force */
};
void rstp_get(const struct rstp *, struct rstp_status *);

static inline bool rstp_learns(enum rstp_state state)
{
    return state == RSTP_LEARNING || state == RSTP_FORWARDING;
}

#endif
