/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 2. Why a packet was dropped: the one list. The name is the counter, the text of commands and the
 * trace. Numbers are never reused: a reason that goes keeps its place as DROP_RETIRED_n. Counted per port by
 * whoever frees the packet: the input port's, but DROP_TX_* the output port's. */
#ifndef PACKET_DROP_H
#define PACKET_DROP_H 1

/*             name                 text shown                  meaning */
#define DROP_REASONS(X)                                                                                      \
    X(NONE, "none", "not dropped")                                                                           \
    X(EXPLICIT, "explicit", "the flow's actions are empty or say drop")                                      \
    X(UPCALL_LOST, "upcall_lost", "a miss that did not fit into the port's upcall queue")                    \
    X(UPCALL_ERROR, "upcall_error", "the slow path could not translate the packet")                          \
    X(UPCALL_STALE, "upcall_stale", "the port or bridge went away while the packet waited")                  \
    X(RECURSION, "recursion", "recirculation, clone or sample nested too deep")                              \
    X(RECIRC_UNKNOWN, "recirc_unknown", "no state for the packet's recirculation id")                        \
    X(NO_PORT, "no_port", "output to a port that is gone")                                                   \
    X(MALFORMED, "malformed", "shorter than the headers that an action needs")                               \
    X(RUNT, "runt", "received without room for a whole link-layer header")                                   \
    X(TTL_EXPIRED, "ttl_expired", "the TTL would have become 0")                                             \
    X(ACTION_INVALID, "action_invalid", "an action that does not fit the packet")                            \
    X(METER, "meter", "over a meter's rate")                                                                 \
    X(MTU, "mtu", "larger than the output port's MTU or the received packet's maximum receive unit")         \
    X(GSO, "gso", "a segment that cannot be cut, for an output that cannot take it whole")                   \
    X(HEADROOM, "headroom", "no room to put headers in front")                                               \
    X(NO_MEMORY, "no_memory", "the packet pool was empty")                                                   \
    X(RX_ERROR, "rx_error", "the device gave a bad frame or bad offload metadata")                           \
    X(TX_DOWN, "tx_down", "the output device is administratively down or has no link")                       \
    X(TX_FULL, "tx_full", "the output device's queue was full")                                              \
    X(TX_ERROR, "tx_error", "the output device refused the packet")                                          \
    X(TUNNEL_PUSH, "tunnel_push", "encapsulation failed")                                                    \
    X(TUNNEL_POP, "tunnel_pop", "decapsulation failed")                                                      \
    X(TUNNEL_NO_ROUTE, "tunnel_no_route", "no route or neighbour for the outer header")                      \
    X(CT_INVALID, "ct_invalid", "connection tracking refused the packet")                                    \
    X(FRAGMENT, "fragment", "a fragment that could not be reassembled in time")                              \
    X(QOS_POLICED, "qos_policed", "over the interface's ingress_policing_rate")                              \
    X(PORT_DOWN, "port_down", "received while the port does not forward")                                    \
    X(SHUTDOWN, "shutdown", "still queued when the port or datapath was destroyed")                          \
    X(TUNNEL_SHORT, "tunnel_short", "shorter than its outer headers say")                                    \
    X(TUNNEL_FRAGMENT, "tunnel_fragment", "a fragment of an encapsulated packet")                            \
    X(TUNNEL_CSUM, "tunnel_csum", "a wrong checksum in an outer header")                                     \
    X(TUNNEL_FLAGS, "tunnel_flags", "a version or flags that the tunnel does not understand")                \
    X(TUNNEL_OPTIONS, "tunnel_options", "options of a tunnel that do not fit")                               \
    X(TUNNEL_PAYLOAD, "tunnel_payload", "a tunnel's packet of a kind that it does not carry")                \
    X(TUNNEL_NO_PORT, "tunnel_no_port", "decapsulated, and no tunnel is configured for it")                  \
    X(BOND, "bond", "came in by a member of a bond that does not take it: a copy, or one of ours come back") \
    X(SPANNING_TREE, "spanning_tree", "came in by a port that the spanning tree does not let forward")       \
    X(PROTOCOL, "protocol", "of a layer-2 protocol that has too many packets waiting")

enum drop_reason {
#define X(NAME, TEXT, MEANING) DROP_##NAME,
    DROP_REASONS(X)
#undef X
    DROP_N_REASONS
};

static inline const char *drop_reason_name(enum drop_reason reason)
{
    static const char *const names[] = {
#define X(NAME, TEXT, MEANING) TEXT,
        DROP_REASONS(X)
#undef X
    };
    return (unsigned)reason < DROP_N_REASONS ? names[reason] : "unknown";
}

static inline const char *drop_reason_meaning(enum drop_reason reason)
{
    static const char *const meanings[] = {
#define X(NAME, TEXT, MEANING) MEANING,
        DROP_REASONS(X)
#undef X
    };
    return (unsigned)reason < DROP_N_REASONS ? meanings[reason] : "unknown";
}

#endif
