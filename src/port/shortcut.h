/* SPDX-License-Identifier: Apache-2.0 */
/* Floor 3. The shortcut: an exact-match cache inside the kernel, in front of the packet sockets.
 *
 * A packet that a socket brings is copied to user space and back, and wakes a thread. Where a megaflow does
 * nothing but output to one system port, the kernel can do the same without either: an eBPF program on the
 * port's packet socket looks the packet up among microflows that the forwarding threads have put there, and
 * the gate redirects it to the egress (shortcut.bpf.c). What it does not find, or what needs more, goes
 * through the switch as ever; nothing depends on it but speed. As the cache of a forwarding thread, a
 * microflow holds the number of its megaflow's `slot` and a generation: cutting a slot is one store, and
 * every microflow of it is a miss.
 *
 * Counters of slots are read and added to their flow's. The tables are mapped into memory: only
 * shortcut_learn() costs a system call, a few a millisecond at most (the datapath budgets it).
 *
 * Without clang at build time, or without the permission to load eBPF, no port has a shortcut.
 *
 * Thread-safety: any thread, but for what is said. */
#ifndef PORT_SHORTCUT_H
#define PORT_SHORTCUT_H 1

#include <stdbool.h>
#include <stdint.h>

struct packet;
struct vport;

struct shortcut_count {
    uint64_t packets, bytes;
    int64_t used_ms; /* on the host's monotonic clock; 0: never */
    uint16_t tcp_flags;
};

/* A slot for a megaflow that leads nowhere yet; 0: none is left. Its counters are zero. */
uint32_t shortcut_claim(void);
/* Gives it back: its microflows are misses. 0 is legal. */
void shortcut_release(uint32_t slot);

/* Where the slot leads to: a vport's `shortcut`. A new generation: what was learned before is a miss. Its
 * packets are counted on the slot TOTAL too, which leads nowhere. */
void shortcut_point(uint32_t slot, uint16_t out, uint32_t total);
/* It leads nowhere; its counters stay. 0 is legal. */
void shortcut_cut(uint32_t slot);
bool shortcut_is_pointed(uint32_t slot);
/* Cuts all there are: a port goes, or changes its nature. */
void shortcut_cut_all(void);

/* forwarding thread. PACKET, as it came in by IN, belongs to the slot, and so do all with the same key. */
void shortcut_learn(uint32_t slot, const struct vport *in, const struct packet *);

/* What the kernel has counted on the slot, 0 included, since it was claimed. */
void shortcut_get_count(uint32_t slot, struct shortcut_count *);

/* For the kinds of vport, control thread. */

/* The program that the gate is to run, a new descriptor; -1: there is none, the gate drops. */
int shortcut_gate_program(void);
/* Puts the shortcut on a started vport's packet socket: sets its `shortcut`, which stays 0 if it cannot. */
void shortcut_attach(struct vport *);
void shortcut_detach(struct vport *);
/* Off: all that the vport receives goes through the switch. It is on at first. */
void shortcut_listen(struct vport *, bool on);
/* The vport's status has changed. */
void shortcut_update_port(const struct vport *);

#endif
