/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3, internal to port/. The gate: while the switch has a device, the host's own protocol stack must not
 * process what the device receives. A packet socket gets a copy before the traffic-control hook; there the
 * gate drops the original.
 *
 * It is two tiny eBPF programs and a program array. The filter on the device's clsact ingress tail-calls
 * entry 0 of the array, which holds a program that says "drop". The kernel empties a program array when the
 * last descriptor from user space is closed; so when the daemon dies, in whatever way, the tail call fails,
 * the filter says "not my business", and the host hears the device again at once. What is left behind is a
 * filter that does nothing: a stale gate, known by its name, which the next daemon replaces.
 *
 * The filter's name says what is to be undone when the gate is taken down in an orderly way:
 * `sluice_gate[,qdisc][,lro]`: the clsact qdisc was made for it; large-receive offload was on before.
 *
 * Thread-safety: control thread alone. */
#ifndef PORT_GATE_H
#define PORT_GATE_H 1

#include <stdbool.h>
#include <stdint.h>

struct device_info;

/* Looks at device NAME and says whether a switch may have it: ENODEV no such device; EINVAL loopback, not
 * Ethernet, an internal device of a switch; EBUSY it has a master, or a living daemon's gate. *ERRORP as for
 * vports. */
int gate_admit(const char *name, struct device_info *, char **errorp);

/* The name of an AF_XDP port's program, by which other daemons know that the device is taken. */
#define GATE_XDP_PROGRAM "sluice_xdp"

/* What stands on a device. */
enum gate_state {
    GATE_NONE,
    GATE_STALE, /* of a daemon that is dead */
    GATE_OURS,
    GATE_ALIEN, /* of another living daemon: the device is taken */
};

/* Looks at the device. *LRO_WAS (may be NULL): a stale gate says that large-receive offload was on before it.
 */
int gate_inspect(int ifindex, enum gate_state *, bool *lro_was);

/* Shuts the gate: replaces a stale one; EBUSY if a living daemon has it. *ERRORP as for vports, without the
 * device's name. LRO: to be noted for whoever takes the gate down. */
int gate_shut(int ifindex, bool lro, char **errorp);
/* Takes it down and leaves the device as it was found. ENODEV is no error. */
int gate_remove(int ifindex);

#endif
