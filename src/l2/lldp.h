/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. The link layer discovery protocol (IEEE 802.1AB-2009): tells the neighbour on a link who we are,
 * and keeps what neighbours told. With the auto-attach element TLV of SPBM edges (802.1Qcj's forerunner), as
 * Open vSwitch sends it; its assignments of I-SIDs to VLANs are not made.
 *
 * One `struct lldp` for each interface. Messages and the time come in through calls. A message is what
 * follows the Ethernet header (type 0x88cc, destination 01:80:c2:00:00:0e), which is the caller's. Times are
 * milliseconds of base/clock.h.
 *
 * Thread-safety: none; the owner serialises. */
#ifndef L2_LLDP_H
#define L2_LLDP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/types.h"

#define LLDP_TX_INTERVAL_MS 5000 /* as the reference; the standard proposes 30 s */
#define LLDP_TTL_S          120
#define LLDP_MAX_NEIGHBOURS 16
#define LLDP_TEXT_MAX       256
#define LLDP_MAX_LEN        1500

struct lldp_settings {
    struct eth_addr chassis_id;
    char port_id[64];                       /* the interface's name */
    char system_name[LLDP_TEXT_MAX];        /* "": not told */
    char system_description[LLDP_TEXT_MAX]; /* "openvswitch 3.1.0" */
};

struct lldp_id {
    uint8_t subtype, len;
    uint8_t bytes[255];
};
struct lldp_neighbour {
    struct lldp_id chassis, port;
    char system_name[LLDP_TEXT_MAX], system_description[LLDP_TEXT_MAX], port_description[LLDP_TEXT_MAX];
    uint16_t capabilities, capabilities_enabled;
    bool has_element; /* auto-attach */
    uint8_t element_type;
    uint16_t element_mgmt_vlan;
    uint8_t element_id[10];
    int64_t expires_ms;
};

/* As autoattach/statistics prints them. */
struct lldp_stats {
    uint64_t tx, rx, rx_discarded, rx_unrecognized, ageout, insert, remove, drop;
};

struct lldp;

struct lldp *lldp_create(const struct lldp_settings *, int64_t now_ms);
void lldp_destroy(struct lldp *);
void lldp_configure(struct lldp *, const struct lldp_settings *, int64_t now_ms); /* tells of it soon */

/* False: malformed, and discarded whole (9.2.7.7 of the standard). */
bool lldp_receive(struct lldp *, const void *message, size_t len, int64_t now_ms);
/* Forgets old neighbours. True: send a message now. *WAKE: when to call again at the latest. */
bool lldp_run(struct lldp *, int64_t now_ms, int64_t *wake);
/* The message into BUF; returns its length. SHUTDOWN: the last one, by which we are forgotten. */
size_t lldp_make_message(struct lldp *, uint8_t buf[LLDP_MAX_LEN], bool shutdown, int64_t now_ms);

/* Valid until the next call. */
const struct lldp_neighbour *lldp_neighbours(const struct lldp *, size_t *n);
void lldp_get_stats(const struct lldp *, struct lldp_stats *);

#endif
