/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. Bidirectional forwarding detection (RFC 5880, asynchronous mode, without authentication and echo):
 * does what we send over this interface arrive, and the other way round?
 *
 * Control packets and the time come in through calls; bfd_run() says when one is to be sent and
 * bfd_make_packet() makes it. The UDP, IP and Ethernet around it (RFC 5881) are the caller's. Times are
 * milliseconds of base/clock.h.
 *
 * Thread-safety: none; the owner serialises. */
#ifndef L2_BFD_H
#define L2_BFD_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define BFD_PACKET_LEN     24
#define BFD_DEFAULT_MIN_RX 1000
#define BFD_DEFAULT_MIN_TX 100
#define BFD_DEFAULT_MULT   3

enum bfd_state {
    BFD_ADMIN_DOWN,
    BFD_DOWN,
    BFD_INIT,
    BFD_UP,
};
const char *bfd_state_name(enum bfd_state); /* "admin_down" */
const char *bfd_diag_name(uint8_t diag);    /* "No Diagnostic"; section 4.1 */

struct bfd;

struct bfd_settings {
    int min_rx_ms, min_tx_ms;
    uint8_t mult;
    bool cpath_down;       /* tell the peer not to forward to us */
    bool forwarding_if_rx; /* data that arrives proves the path, too */
};

struct bfd *bfd_create(const struct bfd_settings *, int64_t now_ms);
void bfd_destroy(struct bfd *);
/* While the session is up, new intervals hold once the peer has agreed (a poll sequence). */
void bfd_configure(struct bfd *, const struct bfd_settings *, int64_t now_ms);

/* A control packet came in. False: it is none, or not of this session. */
bool bfd_receive(struct bfd *, const void *packet, size_t len, int64_t now_ms);
/* Runs the timers. True: send a packet now (bfd_make_packet()). *WAKE: when to call again at the latest. */
bool bfd_run(struct bfd *, int64_t now_ms, int64_t *wake);
void bfd_make_packet(struct bfd *, uint8_t packet[BFD_PACKET_LEN], int64_t now_ms);
/* Data came in on the interface (for forwarding_if_rx). */
void bfd_note_data(struct bfd *, int64_t now_ms);

/* The interface may be used. OVERRIDE: -1 none, 0 or 1 by command. */
bool bfd_forwarding(struct bfd *, int64_t now_ms);
void bfd_set_forwarding(struct bfd *, int override, int64_t now_ms);

struct bfd_status {
    enum bfd_state state, remote_state;
    uint8_t diag, remote_diag;
    bool forwarding;
    uint64_t flap_count;
};
void bfd_get(struct bfd *, int64_t now_ms, struct bfd_status *);
/* Everything, as bfd/show prints it for one interface. */
void bfd_format(struct bfd *, int64_t now_ms, struct strbuf *);

#endif
