/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The spanning tree protocol, IEEE 802.1D-1998, clause 8 (and 9 for the BPDUs): which ports of a
 * bridge forward, so that the network has no loop. Names of procedures are the standard's.
 *
 * The machine does nothing by itself: BPDUs and the time come in through calls; BPDUs go out through a
 * callback during these calls; what changed is asked for afterwards with stp_take_changes(). A BPDU is what
 * follows the LLC header (42 42 03), which is the caller's to check and to write, with destination
 * 01:80:c2:00:00:00.
 *
 * Ports have numbers, 1 to 255, of the user's choice. Times are milliseconds of base/clock.h.
 * Thread-safety: none; the owner serialises. */
#ifndef L2_STP_H
#define L2_STP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STP_MAX_PORTS 255

#define STP_DEFAULT_PRIORITY      0x8000
#define STP_DEFAULT_PORT_PRIORITY 128
#define STP_DEFAULT_HELLO_MS      2000
#define STP_DEFAULT_MAX_AGE_MS    20000
#define STP_DEFAULT_FWD_DELAY_MS  15000

enum stp_state {
    STP_DISABLED,
    STP_BLOCKING,
    STP_LISTENING,
    STP_LEARNING,
    STP_FORWARDING,
};
enum stp_role {
    STP_ROLE_DISABLED,
    STP_ROLE_ROOT,
    STP_ROLE_DESIGNATED,
    STP_ROLE_ALTERNATE,
};
const char *stp_state_name(enum stp_state); /* "forwarding" */
const char *stp_role_name(enum stp_role);

struct stp;

/* NAME is for the log. BRIDGE_ID: priority << 48 | MAC address. SEND gets each BPDU that is to go out of a
 * port. */
struct stp *stp_create(const char *name, uint64_t bridge_id, int64_t now_ms,
                       void (*send)(void *aux, unsigned port, const void *bpdu, size_t len), void *aux);
void stp_destroy(struct stp *);

void stp_set_bridge_id(struct stp *, uint64_t bridge_id, int64_t now_ms);
/* Of this bridge when it is the root. Brought into the standard's ranges: hello 1 to 10 s, max age 6 to 40 s,
 * forward delay 4 to 30 s; and 2 (hello + 1 s) <= max age <= 2 (forward delay - 1 s), by the max age and then
 * the forward delay giving way. */
void stp_set_times(struct stp *, int hello_ms, int max_age_ms, int fwd_delay_ms);

/* A port joins (or changes: it begins anew if the cost or the priority is another) and leaves. Its link is
 * up. */
void stp_enable_port(struct stp *, unsigned port, uint16_t path_cost, uint8_t priority, int64_t now_ms);
void stp_disable_port(struct stp *, unsigned port, int64_t now_ms);
/* The standard's cost for a link of this speed; 0: not known, taken for 100 Mbit/s. */
uint16_t stp_path_cost(unsigned megabits);

/* A BPDU came in on PORT. False: it is none (counted as an error). */
bool stp_receive(struct stp *, unsigned port, const void *bpdu, size_t len, int64_t now_ms);
/* Runs the timers. Returns when to call again at the latest. */
int64_t stp_run(struct stp *, int64_t now_ms);
/* As if the topology had changed (stp/tcn). */
void stp_detect_topology_change(struct stp *, int64_t now_ms);

/* What changed since the last call: bit P of PORTS: state or role of port P; *FLUSH: forget learned
 * addresses. True if anything. */
bool stp_take_changes(struct stp *, uint64_t ports[4], bool *flush);

struct stp_port_status {
    enum stp_state state;
    enum stp_role role;
    uint16_t port_id, path_cost;
    int64_t state_since_ms;
    uint64_t tx, rx, errors;
};
void stp_get_port(const struct stp *, unsigned port, struct stp_port_status *);

static inline bool stp_learns(enum stp_state state)
{
    return state == STP_LEARNING || state == STP_FORWARDING;
}

struct stp_status {
    uint64_t bridge_id, designated_root;
    uint32_t root_path_cost;
    unsigned root_port;                                          /* 0: this bridge is the root */
    int hello_ms, max_age_ms, fwd_delay_ms;                      /* in force */
    int bridge_hello_ms, bridge_max_age_ms, bridge_fwd_delay_ms; /* this bridge's own */
    bool topology_change;
};
void stp_get(const struct stp *, struct stp_status *);

#endif
