/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Connectivity fault management: continuity check messages of IEEE 802.1ag, and the extended ones of
 * Open vSwitch (ovs-vswitchd.conf.db(5), "Connectivity Fault Management"): is any remote maintenance point
 * heard, and does it hear us?
 *
 * Messages and the time come in through calls; cfm_run() says when one is to be sent and cfm_make_ccm() makes
 * it. A message is what follows the Ethernet header (type 0x8902), which is the caller's; its destination is
 * 01:80:c2:00:00:30, in extended mode 01:23:20:00:00:30. Times are milliseconds of base/clock.h.
 *
 * Thread-safety: none; the owner serialises. */
#ifndef L2_CFM_H
#define L2_CFM_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define CFM_CCM_LEN          75
#define CFM_DEFAULT_INTERVAL 1000
#define CFM_MAX_REMOTES      256

#define CFM_FAULT_RECV     0x01
#define CFM_FAULT_RDI      0x02
#define CFM_FAULT_MAID     0x04
#define CFM_FAULT_LOOPBACK 0x08
#define CFM_FAULT_OVERFLOW 0x10
#define CFM_FAULT_OVERRIDE 0x20
#define CFM_FAULT_INTERVAL 0x40
#define CFM_N_FAULTS       7
const char *cfm_fault_name(unsigned bit); /* "recv" for 0 */

struct cfm;

struct cfm_settings {
    uint64_t mpid;
    int interval_ms; /* rounded down to what the mode can have */
    bool extended, demand;
    bool opdown; /* extended: tell that this end is not operational */
};

struct cfm *cfm_create(const struct cfm_settings *, int64_t now_ms);
void cfm_destroy(struct cfm *);
void cfm_configure(struct cfm *, const struct cfm_settings *, int64_t now_ms);

/* A message came in. False: it is no continuity check message. */
bool cfm_receive(struct cfm *, const void *message, size_t len, int64_t now_ms);
/* Data came in on the interface (for demand mode). */
void cfm_note_data(struct cfm *);
/* Runs the timers. True: send a message now. *WAKE: when to call again at the latest. */
bool cfm_run(struct cfm *, int64_t now_ms, int64_t *wake);
void cfm_make_ccm(struct cfm *, uint8_t message[CFM_CCM_LEN], int64_t now_ms);
void cfm_set_fault(struct cfm *, int override); /* by command: -1 normal, 0 or 1 */

struct cfm_status {
    unsigned faults; /* CFM_FAULT_* */
    uint64_t flap_count;
    int health; /* percent; -1: undefined */
    bool remote_opstate_up;
    size_t n_remotes;
    const uint64_t *remote_mpids; /* valid until the next call */
};
void cfm_get(const struct cfm *, struct cfm_status *);
/* Everything, as cfm/show prints it for one interface, below its name. */
void cfm_format(const struct cfm *, int64_t now_ms, struct strbuf *);

#endif
