/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 4. What protocols have in common: time-outs, and what a packet may be to a connection. Plain data. */
#ifndef CONNTRACK_PROTO_H
#define CONNTRACK_PROTO_H 1

/* Name of the time-out as the CT_Timeout_Policy table has it ("" where it has none), seconds by default
 * (those of the reference's userspace datapath). */
#define CT_TIMEOUTS(X)                                                                                       \
    X(TCP_FIRST, "tcp_syn_sent", 30)                                                                         \
    X(TCP_OPENING, "tcp_syn_recv", 30)                                                                       \
    X(TCP_ESTABLISHED, "tcp_established", 86400)                                                             \
    X(TCP_CLOSING, "tcp_fin_wait", 900)                                                                      \
    X(TCP_FIN_WAIT, "tcp_time_wait", 45)                                                                     \
    X(TCP_CLOSED, "tcp_close", 30)                                                                           \
    X(UDP_FIRST, "udp_first", 60)                                                                            \
    X(UDP_SINGLE, "udp_single", 60)                                                                          \
    X(UDP_MULTIPLE, "udp_multiple", 30)                                                                      \
    X(ICMP_FIRST, "icmp_first", 60)                                                                          \
    X(ICMP_REPLY, "icmp_reply", 30)                                                                          \
    X(OTHER_FIRST, "", 60)                                                                                   \
    X(OTHER_SINGLE, "", 60)                                                                                  \
    X(OTHER_MULTIPLE, "", 30)
enum ct_timeout {
#define X(NAME, TEXT, SECONDS) CT_TIMEOUT_##NAME,
    CT_TIMEOUTS(X)
#undef X
    CT_N_TIMEOUTS
};

/* What a packet is to the connection that it was found for. */
enum ct_verdict {
    CT_VALID,     /* belongs to it, and both sides have been heard */
    CT_VALID_NEW, /* belongs to it, but the other side was not heard yet */
    CT_INVALID,
    CT_BEGINS_ANEW, /* the connection is over, this begins another one */
};

#endif
