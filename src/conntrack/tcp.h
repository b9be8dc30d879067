/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. A TCP connection as somebody between its ends sees it: states, and which sequence numbers each end
 * may send next (Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2001; RFC 9293, RFC
 * 7323). Pure functions; who calls them holds the connection's lock. */
#ifndef CONNTRACK_TCP_H
#define CONNTRACK_TCP_H 1

#include <stdbool.h>
#include <stdint.h>

#include "conntrack/proto.h"

/* The order counts: a state is reached from those before it. */
#define CT_TCP_STATES(X)                                                                                     \
    X(CLOSED)                                                                                                \
    X(LISTEN)                                                                                                \
    X(SYN_SENT)                                                                                              \
    X(SYN_RECV)                                                                                              \
    X(ESTABLISHED)                                                                                           \
    X(CLOSE_WAIT)                                                                                            \
    X(FIN_WAIT_1)                                                                                            \
    X(CLOSING)                                                                                               \
    X(LAST_ACK)                                                                                              \
    X(FIN_WAIT_2)                                                                                            \
    X(TIME_WAIT)
enum ct_tcp_state {
#define X(NAME) CT_TCP_##NAME,
    CT_TCP_STATES(X)
#undef X
    CT_TCP_N_STATES
};
const char *ct_tcp_state_name(unsigned state);
/* One state for both ends, as people know them: the one that is further. */
enum ct_tcp_state ct_tcp_joined_state(const uint8_t state[2]);

/* One end. Of the states it takes CLOSED, SYN_SENT, ESTABLISHED, CLOSING (has sent FIN), FIN_WAIT_2 (its FIN
 * is acknowledged), TIME_WAIT (reset). */
struct ct_tcp_peer {
    uint32_t seq_lo;  /* one past the last byte that it sent */
    uint32_t seq_hi;  /* what it may send at most */
    uint16_t max_win; /* the largest window that it offered, before scaling */
    uint8_t wscale;   /* shift; CT_TCP_WSCALE if it offered to scale, CT_TCP_WSCALE_UNKNOWN if nobody saw */
    uint8_t state;    /* enum ct_tcp_state */
};
#define CT_TCP_WSCALE         0x80
#define CT_TCP_WSCALE_UNKNOWN 0x40
#define CT_TCP_WSCALE_MASK    0x0f
#define CT_TCP_WSCALE_MAX     14

/* May the segment at L4 (L4_LEN bytes, header checked) begin a connection, in its middle too? */
bool ct_tcp_may_begin(const uint8_t *l4);
void ct_tcp_begin(struct ct_tcp_peer peers[2], const uint8_t *l4, uint32_t l4_len);

/* The segment goes from peers[DIR] to the other. *TIMEOUT becomes the time that begins anew; it stays as it
 * is if none does. */
enum ct_verdict ct_tcp_update(struct ct_tcp_peer peers[2], int dir, const uint8_t *l4, uint32_t l4_len,
                              bool check_seq, enum ct_timeout *timeout);

#endif
